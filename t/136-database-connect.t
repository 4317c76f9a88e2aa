#!/usr/bin/perl

# Making connections to PostgreSQL: names that resolve slowly or not at all,
# hosts that do not answer beside one that does, TLS, IPv6, a service file; and
# how a worker process ends meanwhile.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use IO::Socket::IP ();
use SocialNginx;
use SocialPostgres;
use SocialHook ();
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $tools = `scripts/tools`;
die "t/tools did not compile\n" if $?;
chomp $tools;

my ($port, $pgport) = map { SocialNginx::free_port() } 1, 2;
my $event = SocialHook::event();

# A certificate for db.test, signed by itself.

my $pg = SocialPostgres->start(port => $pgport);
$pg->migrate;

my $openssl = "openssl req -x509 -newkey rsa:2048 -nodes -days 2"
    . " -subj /CN=db.test -addext subjectAltName=DNS:db.test"
    . " -keyout $pg->{dir}/data/server.key -out $pg->{dir}/data/server.crt";
`$openssl 2>&1`;
die "openssl failed\n" if $?;

if (defined $pg->{uid}) {
    chown $pg->{uid}, $pg->{gid}, glob "$pg->{dir}/data/server.*";
}
chmod 0600, "$pg->{dir}/data/server.key";
chmod 0755, "$pg->{dir}";

my $root_cert = "$pg->{dir}/root.crt";
`cp $pg->{dir}/data/server.crt $root_cert; chmod 644 $root_cert`;
$pg->settings('ssl=on');
$pg->reload;

# Takes connections, and never says anything.

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "socket: $!\n";
my $mute = $silent->sockport;

my $login = 'user=social dbname=social';

sub begin {
    my ($conninfo, %o) = @_;

    my $nginx = SocialNginx->new;
    my $parameters = $o{parameters} // '';
    my $main = $o{main} // '';

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
$main
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    social_database "$conninfo" $parameters;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /must { social_ready require=keys,database; }
        location / { return 200 "here\\n"; }
    }
}
_EOC_

    local $ENV{LD_PRELOAD} = "$tools/resolver";
    local $ENV{SOCIAL_RESOLVER} = $o{names} // '';
    local $ENV{SOCIAL_RESOLVED} = "$nginx->{dir}/resolved";

    $nginx->start($port);
    return $nginx;
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }

sub get {
    return status(SocialNginx::request($port, "GET $_[0] HTTP/1.0\r\n\r\n"));
}

sub hook {
    return status(SocialNginx::request($port, "POST /hook HTTP/1.0\r\n"
        . 'Content-Length: ' . length($event) . "\r\n\r\n$event"));
}

sub serves {
    my ($seconds) = @_;
    return SocialNginx::wait_for($seconds // 15, sub { hook() == 200 });
}

# What was logged at the error level.

sub errors {
    my ($nginx) = @_;
    return grep { /\[error\]/ } split /\n/, $nginx->error_log;
}

sub ends {
    my ($nginx, $signal, $seconds) = @_;

    my $pid = delete $nginx->{pid};
    kill $signal, $pid;
    my $ended = SocialNginx::wait_for($seconds, sub { waitpid($pid, 1) == $pid });

    if (!$ended) {
        kill 'KILL', SocialNginx::workers($pid), $pid;
        waitpid $pid, 0;
    }

    return $ended;
}


for my $case (
    ['a name', "host=db.test port=$pgport", 'db.test=127.0.0.1'],
    ['an address', "host=127.0.0.1 port=$pgport", ''],
    ['a name with its address', "host=db.test hostaddr=127.0.0.1 port=$pgport",
     'db.test=hang'],
    ['an address alone', "hostaddr=127.0.0.1 port=$pgport", ''],
    ['IPv6', "host=db.test port=$pgport", 'db.test=::1'],
    ['two addresses', "host=db.test port=$pgport", 'db.test=127.0.0.9,127.0.0.1'],
    ['two names', "host=not.test,db.test port=$pgport",
     'not.test=127.0.0.9 db.test=127.0.0.1'],
    ['two ports', "host=127.0.0.1,127.0.0.1 port=1,$pgport", ''],
    ['a socket beside a name', "host=not.test,$pg->{dir} port=1,$pgport",
     'not.test=127.0.0.9'],
    ['a URI', "postgresql://social\@db.test:$pgport/social", 'db.test=127.0.0.1'],
    ['TLS', "host=db.test port=$pgport sslmode=verify-full"
     . " sslrootcert=$root_cert", 'db.test=127.0.0.1'],
    ['TLS with an address', "host=db.test hostaddr=127.0.0.1 port=$pgport"
     . " sslmode=verify-full sslrootcert=$root_cert", ''],
) {
    my ($name, $conninfo, $names) = @$case;

    SKIP: {
        skip 'no IPv6 here', 1 if $names =~ /::1/
            && !IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

        $conninfo .= " $login" if $conninfo !~ /\Apostgresql/;
        my $nginx = begin($conninfo, names => $names);

        ok(serves(), $name) or diag(errors($nginx));
        is(scalar(errors($nginx)), 0, "$name: no error");
        $nginx->stop;
    }
}

subtest 'another name than that of the certificate' => sub {
    my $nginx = begin("host=other.test port=$pgport $login"
        . " sslmode=verify-full sslrootcert=$root_cert",
        names => 'other.test=127.0.0.1');

    is(hook(), 503, 'is not accepted');
    like((errors($nginx))[0], qr/"db\.test" does not match host name "other\.test"/,
         'said in the log');
    $nginx->stop;
};

subtest 'a service file' => sub {
    open my $f, '>', "$pg->{dir}/service" or die "service: $!\n";
    print {$f} "[social]\nhost=not.test,db.test\nport=$pgport\n"
        . "user=social\ndbname=social\n";
    close $f;

    my $nginx = begin('service=social',
        main => "env PGSERVICEFILE=$pg->{dir}/service;",
        names => 'not.test=127.0.0.9 db.test=127.0.0.1');

    ok(serves(), 'has the hosts');
    $nginx->stop;

    $nginx = begin('service=nothing',
        main => "env PGSERVICEFILE=$pg->{dir}/service;");
    is(hook(), 503, 'without the service');
    like((errors($nginx))[0], qr/unavailable: .*"nothing" not found/,
         'said in the log');
    $nginx->stop;
};

subtest 'an unknown name' => sub {
    my $nginx = begin("host=nobody.invalid $login");

    is(hook(), 503, 'is not found');
    like((errors($nginx))[0], qr/unavailable: could not resolve "nobody\.invalid": /,
         'said in the log');
    $nginx->stop;
};


# A name server that does not answer: 40 s.

for my $signal (qw( QUIT TERM )) {
    subtest "a resolver that hangs, $signal" => sub {
        my $nginx = begin("host=hang.test $login", names => 'hang.test=hang',
            parameters => 'connections=1');

        is(get('/'), 200, 'everything else is served');

        my $began = time;
        is(hook(), 503, 'what needs it is not');
        cmp_ok(time - $began, '<', 15, 'in time');

        my $attempts = sub {
            return scalar(() = $nginx->error_log =~ /could not resolve/g);
        };

        ok(SocialNginx::wait_for(25, sub { $attempts->() >= 3 }),
           'it is tried again');
        is(scalar(() = SocialNginx::slurp("$nginx->{dir}/resolved") =~ /\n/g), 1,
           'one lookup for all attempts');
        like((errors($nginx))[0], qr/could not resolve "hang\.test": the resolver/,
             'said in the log');

        # with an attempt under way

        sleep 1.2;
        ok(ends($nginx, $signal, 20), 'the worker ends');
        unlike($nginx->error_log, qr/\[alert\]|exited on signal/, 'by itself');
    };
}

# In a worker that exits the code is there until the thread is back.

subtest 'the resolver is back when the worker exits' => sub {
    my $nginx = begin("host=hang.test $login", names => 'hang.test=hang');

    is(hook(), 503, 'it hangs');
    like(SocialNginx::maps($nginx->worker), qr/ngx_http_social_module/, 'loaded');
    ok(ends($nginx, 'QUIT', 20), 'the worker ends');
    unlike($nginx->error_log, qr/exited on signal/, 'and does not crash');
};

subtest 'a long timeout' => sub {
    my $nginx = begin("host=127.0.0.1 port=$mute $login",
        parameters => 'timeout=50s');

    sleep 0.5;
    is(get('/'), 200, 'everything else is served');
    ok(ends($nginx, 'QUIT', 20), 'is nothing that a worker waits for');
};


# The time is for all hosts together, and each has its share.

for my $case (
    ['a host that does not answer', "host=127.0.0.1,127.0.0.1 port=$mute,$pgport",
     ''],
    ['two of them', "host=127.0.0.1,127.0.0.1,127.0.0.1"
     . " port=$mute,$mute,$pgport", ''],
    ['a name that hangs', "host=hang.test,db.test port=$pgport",
     'hang.test=hang db.test=127.0.0.1'],
) {
    my ($name, $conninfo, $names) = @$case;

    subtest "$name beside one that does" => sub {
        my $nginx = begin("$conninfo $login", names => $names);

        ok(SocialNginx::wait_for(20, sub { get('/must') == 200 }), 'connected');
        is(scalar(errors($nginx)), 0, 'at the first attempt');
        ok(serves(), 'serves');
        $nginx->stop;
    };
}

subtest 'hosts that do not answer' => sub {
    my $nginx = begin("host=127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1"
        . " port=$mute $login", parameters => 'timeout=2s');
    my $began = time;

    ok(SocialNginx::wait_for(25, sub { errors($nginx) }), 'fail');
    cmp_ok(time - $began, '<', 12, 'in the time of one');
    like((errors($nginx))[0],
         qr/unavailable: connection to "127\.0\.0\.1" .*timed out/, 'said so');
    $nginx->stop;
};

done_testing();
