#!/usr/bin/perl

# The connections to PostgreSQL, through a hook: a server that goes, hangs and
# comes back, many requests at a time, clients that leave, reloads, and
# mistakes in the configuration.

use strict;
use warnings;

use lib 't/lib';
use IO::Select ();
use IO::Socket::INET ();
use SocialHook;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $n = 0;

sub conf {
    my ($nginx, %o) = @_;

    my $database = $o{database} // $pg->gateway;
    my $parameters = $o{parameters} // '';
    my $directive = $o{directive} // qq{social_database "$database" }
                                     . "$parameters;";
    my $workers = $o{workers} // 1;

    return <<"_EOC_";
user root;
load_module modules/ngx_http_social_module.so;
worker_processes $workers;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    $directive
    @{[ $o{http} // '' ]}
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /ready { social_ready; }
        location = /must { social_ready require=keys,database; }
        location / { return 200 "here\\n"; }
    }
}
_EOC_
}

sub begin {
    my (%o) = @_;

    my $nginx = SocialNginx->new;
    $nginx->write_file('nginx.conf', conf($nginx, %o));
    $nginx->start($port);
    return $nginx;
}

sub post {
    my ($sub, %o) = @_;

    my $body = event(attributes => { sub => $sub,
                                     preferred_username => $sub });
    my $connection = $o{keep} ? 'keep-alive' : 'close';

    return "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: $connection"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

sub get { return SocialNginx::request($port, "GET $_[0] HTTP/1.0\r\n\r\n") }

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }

sub hook { return status(SocialNginx::request($port, post($_[0] // $sub))) }

# Many at a time; what each was answered, counted.

sub many {
    my (@subs) = @_;

    my (%text, %count);
    my $select = IO::Select->new;

    for my $s (@subs) {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!\n";
        print {$sock} post($s);
        $sock->flush;
        $select->add($sock);
        $text{$sock} = '';
    }

    my $end = time + 60;

    while ($select->count && time < $end) {
        for my $sock ($select->can_read(1)) {
            next if sysread $sock, $text{$sock}, 65536, length $text{$sock};
            $select->remove($sock);
        }
    }

    $count{status($_)}++ for values %text;
    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

sub names { my ($prefix, $n) = @_; return map { "$prefix-$_" } 1 .. $n }

sub users {
    return $pg->value("SELECT count(*) FROM users WHERE sub LIKE '$_[0]-%'");
}

sub backends {
    return split ' ', $pg->value('SELECT pid FROM pg_stat_activity WHERE'
        . " application_name = 'ngx_social_module'");
}

# What must not be in a log, whatever happened.

sub clean {
    my ($nginx, $name, $pattern) = @_;

    $pattern //= qr/\[(?:alert|emerg|crit)\]/;
    my @lines = grep { $_ =~ $pattern && !/signal 9/ }
        split /\n/, $nginx->error_log;

    is("@lines", '', "$name: nothing in the log");
    return;
}

# Statements take long: they wait for a lock that somebody else has, longer than
# the functions' own lock_timeout would let them.

sub held {
    my ($code) = @_;

    $pg->sql("ALTER ROUTINE $_ RESET lock_timeout")
        for qw( social_user_sync social_users_sync );

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            'BEGIN; LOCK TABLE users; SELECT pg_sleep(60)'
            or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_locks l JOIN pg_class c ON"
        . " c.oid = l.relation WHERE c.relname = 'users' AND l.granted"
        . " AND l.mode = 'AccessExclusiveLock'", 1);

    my @got = $code->();

    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " query LIKE 'BEGIN; LOCK TABLE users%'");
    waitpid $pid, 0;

    $pg->sql("ALTER ROUTINE $_ SET lock_timeout = '250ms'")
        for qw( social_user_sync social_users_sync );

    return wantarray ? @got : $got[0];
}

# How often the log has an outage as an error.

sub outages {
    my ($nginx) = @_;
    my @lines = $nginx->error_log
        =~ /\[error\].*social: database unavailable/g;

    return scalar @lines;
}

sub twice {
    my ($name, $code) = @_;
    subtest "$name ($_)" => $code for 1, 2;
    return;
}


my $nginx = begin();

twice 'many at a time over two connections' => sub {
    my $prefix = 'many' . ++$n;

    is(many(names($prefix, 200)), '200:200', 'answered');
    is(users($prefix), 200, 'written');
    cmp_ok(scalar(my @b = backends()), '<=', 2, 'connections');
};

twice 'one keep-alive connection' => sub {
    my $text = join '', (map { post($sub, keep => 1) } 1 .. 9), post($sub);
    my $got = SocialNginx::request($port, $text);

    is(scalar(() = $got =~ m{HTTP/1\.1 200 OK}g), 10, 'answered in a row');
};

is(get('/ready') =~ /"status":"ready".*"database":"up"/s, 1, 'ready');
is(status(get('/must')), 200, 'ready where it must be');

clean($nginx, 'so far', qr/\[(?:alert|emerg|crit|error|warn)\]/);

twice 'the server stops and starts between requests' => sub {
    my $logged = outages($nginx);

    $pg->down;
    sleep 0.2;

    my $began = time;
    my $answer = SocialNginx::request($port, post($sub));

    is(status($answer), 503, 'answered');
    like($answer, qr/\nRetry-After: \d+\r/, 'Retry-After');
    like($answer, qr/\{"message":"Service Unavailable"/, 'JSON');
    cmp_ok(time - $began, '<', 10, 'in time');

    is(status(get('/')), 200, 'everything else goes on');
    is(status(get('/must')), 503, 'not ready where it must be');
    like(get('/must'), qr/"status":"waiting".*"database":"unavailable"/s, 'says so');
    is(status(get('/ready')), 200, 'degraded elsewhere');
    like(get('/ready'), qr/"status":"degraded"/, 'says so, too');

    is(hook(), 503, 'and again') for 1 .. 3;

    $pg->up;

    ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'back by itself');
    like($nginx->error_log, qr/\[notice\].*social: database available again/,
         'said in the log');

    # each of the two connections, and not each attempt

    $logged = outages($nginx) - $logged;
    ok($logged == 1 || $logged == 2, "logged as an error, as the one before")
        or diag("$logged times");
};

twice 'the server is stopped at once during requests' => sub {
    my $prefix = 'stop' . ++$n;

    my $got = held(sub {
        my @socks = map {
            my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
            print {$sock} post($_);
            $sock->flush;
            $sock;
        } names($prefix, 20);

        sleep 0.3;
        $pg->down('QUIT');
        my $began = time;

        my @status = map {
            my $text = '';
            1 while sysread $_, $text, 65536, length $text;
            status($text);
        } @socks;

        $pg->up;
        return join(' ', @status) . (time - $began < 15 ? '' : ' too late');
    });

    is($got, join(' ', ('503') x 20), 'each is answered');
    ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'back by itself');
};

twice 'a server that hangs' => sub {
    hook();

    # first the one that starts others: one may have a login under way

    kill 'STOP', $pg->{pid};
    my @pids = ($pg->{pid}, SocialNginx::workers($pg->{pid}));
    kill 'STOP', @pids;

    my $began = time;
    is(hook(), 503, 'answered');
    my $took = time - $began;
    cmp_ok($took, '>', 1.5, 'after the timeout');
    cmp_ok($took, '<', 10, 'and not long after');
    is(status(get('/')), 200, 'everything else goes on');

    kill 'CONT', @pids;
    ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'back by itself');
};

twice 'a connection that is terminated' => sub {
    hook();
    $pg->value("SELECT count(pg_terminate_backend($_))") for backends();
    ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'made again');
};

twice 'one slow statement costs no other one' => sub {
    hook();
    my @before = sort(backends());
    my $prefix = 'slow' . ++$n;

    held(sub { return hook("$prefix-$n") }) eq '503' or fail('slow one');
    is(hook(), 200, 'the next one is good');

    my %now = map { ($_ => 1) } backends();
    is(scalar(grep { $now{$_} } @before), scalar @before,
       'connections are kept');
};

twice 'clients that leave while their query runs' => sub {
    my $prefix = 'gone' . ++$n;

    held(sub {
        for my $s (names($prefix, 20)) {
            my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
            print {$sock} post($s);
            $sock->flush;
            push @$nginx::Sock, $sock;
        }

        sleep 0.3;
        @$nginx::Sock = ();
        sleep 0.2;
    });

    is(hook(), 200, 'the next one is good');
    is($pg->wait_for("SELECT count(*) FROM users WHERE sub LIKE '$prefix-%'",
                     20), 20, 'what was sent is done');
    like($nginx->error_log, qr/client prematurely closed/, 'noticed');
};

clean($nginx, 'after all that');
ok($nginx->error_log !~ /exited on signal/, 'no crash');
$nginx->stop;


# one connection and a short queue

$nginx = begin(parameters => 'connections=1 queue=8 timeout=1s');

twice 'more than the queue holds' => sub {
    my $got = held(sub { return many(names('over' . ++$n, 120)) });

    like($got, qr/\A503:120\z/, 'all are answered, in time');
    ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'good afterwards');

    my $pid = join ' ', backends();
    like(many(names('again' . $n, 60)), qr/\A200:60\z/, 'within the pipeline');
    is(join(' ', backends()), $pid, 'on one connection');
};

clean($nginx, 'short queue');
$nginx->stop;


# workers that end with queries under way

$nginx = begin(workers => 2);

twice 'a reload with queries under way' => sub {
    my $prefix = 'reload' . ++$n;
    my @old = SocialNginx::workers($nginx->{pid});
    my ($kid, $reader);

    pipe $reader, my $writer or die "pipe: $!\n";

    held(sub {
        $kid = fork // die "fork: $!\n";

        if (!$kid) {
            print {$writer} many(names($prefix, 20));
            $writer->flush;
            POSIX::_exit(0);
        }

        sleep 0.4;
        kill 'HUP', $nginx->{pid};
        sleep 0.3;
    });

    waitpid $kid, 0;
    sysread $reader, my $got, 100;

    is($got, '200:20', 'answered by those who end');
    ok(SocialNginx::wait_for(30, sub {
        my %is = map { ($_ => 1) } SocialNginx::workers($nginx->{pid});
        return !grep { $is{$_} } @old;
    }), 'they have ended');
    is(hook(), 200, 'the others serve');
};

clean($nginx, 'reload', qr/\[(?:alert|emerg|crit)\]|open socket/);

subtest 'a graceful end' => sub {
    many(names('quit', 20));
    my $pid = delete $nginx->{pid};
    kill 'QUIT', $pid;
    ok(SocialNginx::wait_for(30, sub { waitpid($pid, 1) == $pid }), 'ends');
    is($pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE"
        . " application_name = 'ngx_social_module'", 0), 0,
        'no connection is left');
};

clean($nginx, 'quit', qr/\[(?:alert|emerg|crit)\]|open socket/);


# who must not come in

$pg->sql(q{CREATE ROLE guest LOGIN PASSWORD 'right'});
my $hba = "$pg->{dir}/data/pg_hba.conf";
my $old_hba = SocialNginx::slurp($hba);

open my $out, '>', $hba or die "$hba: $!\n";
print {$out} "local all guest scram-sha-256\n$old_hba";
close $out;
$pg->reload;

(my $guest = $pg->conninfo) =~ s/user=social/user=guest password=wrong/;
$nginx = begin(database => $guest);

is(hook(), 503, 'a wrong password is our fault');
like($nginx->error_log,
     qr/\[error\].*database unavailable: .*password authentication failed/,
     'said in the log');
unlike($nginx->error_log, qr/wrong/, 'without the password');
clean($nginx, 'wrong password');
$nginx->stop;

# A worker that is asked in a long outage looks for the database every second or
# two, and not only as seldom as one that nobody asks.

$nginx = begin(parameters => 'connections=1 timeout=200ms');
is(hook(), 200, 'available');
$pg->down;

{
    # the longer an outage lasts, the rarer they are otherwise: ten in this time

    my $end = time + 24;

    while (time < $end) {
        hook();
        sleep 0.1;
    }

    my $tries = () = $nginx->error_log =~ /social: database unavailable/g;
    cmp_ok($tries, '>=', 15, 'looks for it all the time');
}

$pg->up;
ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'found again');
$nginx->stop;

# a database without our functions

$guest =~ s/user=guest password=wrong dbname=social/user=social dbname=postgres/;
$nginx = begin(database => $guest);
is(hook(), 500, 'a database that was not migrated');
like($nginx->error_log, qr/database statement failed: .*\(42883\)/,
     'said in the log');
$nginx->stop;


# mistakes

sub refused {
    my ($name, $directive, $pattern, $http) = @_;

    my $wrong = SocialNginx->new;
    $wrong->write_file('nginx.conf',
        conf($wrong, directive => $directive, http => $http));

    my @command = $wrong->command;
    my $said = do {
        open my $in, '-|', 'sh', '-c', '"$@" -t 2>&1', 'sh', @command
            or die "sh: $!\n";
        local $/;
        <$in>;
    };

    like($said, qr/\[emerg\].*$pattern.* in \S+:\d+/, $name);
    return $said;
}

my $d = 'social_database';

refused('none at all', '', qr/no "$d" is defined .* for the "social_hook" /);
refused('no value', "$d;", qr/invalid number of arguments/);
my $said = refused('not a conninfo', qq{$d "password=s3cret oops";},
    qr/invalid value in "$d" directive, it must be a libpq connection string/);
unlike($said, qr/s3cret/, 'the password is not shown');
$said = refused('without quotes', "$d host=/x password=s3cret;",
    qr/unknown parameter in "$d" directive/);
unlike($said, qr/s3cret/, 'the password is not shown');
refused('another parameter', qq{$d "dbname=a" pool=2;}, qr/unknown parameter/);
refused('in the wrong place', qq{server { $d "dbname=a"; }},
    qr/directive is not allowed here/);

done_testing();
