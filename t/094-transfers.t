#!/usr/bin/perl

# Objects come and go, slowly, while nginx is reloaded and its binary is
# upgraded: none is cut.  And while its worker processes are killed and the
# database is restarted: what was acknowledged is whole, and becomes one job.
#
#   SOAK=1     20 reloads and 5 upgrades under 50 transfers, and 500 uploads,
#              instead of 3, 1, 10 and 80

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use IO::Socket::INET ();
use POSIX ();
use SocialNginx;
use SocialPostgres;
use SocialS3;
use SocialStore;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: the environment of the sanitizers is not passed on'
    . ' to a new binary' if $ENV{SANITIZE};

my $pg = SocialPostgres->start
    or plan(skip_all =>
            'SKIPPED: PostgreSQL is not installed; scripts/deps does it');
$pg->migrate;

my $soak = $ENV{SOAK};
my $patience = $ENV{TEST_NGINX_USE_VALGRIND} ? 300 : 90;
my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $owner = $$;
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

mkdir "$dir/root";
chmod 0777, "$dir/root";

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
daemon on;
pid $dir/nginx.pid;
error_log $dir/logs/error.log info;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    sendfile on;
    social_database "@{[ $pg->gateway ]}" connections=1 timeout=5s;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port sndbuf=32k rcvbuf=32k;
        location /objects/ { social_store raw root=$dir/root announce=on; }
    }
}
_EOC_

# A master in the foreground does not upgrade, since its parent never changes.

sub master { return SocialNginx::slurp("$dir/nginx.pid") =~ /(\d+)/ ? $1 : 0 }

sub begin {
    my $pid = fork // die "fork() failed: $!\n";

    if (!$pid) {
        delete $ENV{NGINX};
        open STDOUT, '>', '/dev/null';
        open STDERR, '>>', "$dir/logs/stderr.log";
        exec SocialNginx::binary(), '-p', "$dir/", '-c', "$dir/nginx.conf",
            '-e', "$dir/logs/error.log" or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    SocialNginx::wait_for(15, sub {
        master() && SocialNginx::workers(master()) >= 2;
    }) or die 'nginx did not start: ', $nginx->error_log, "\n";
    return;
}

sub end {
    my ($signal) = @_;
    my $pid = master() or return 1;

    kill $signal, $pid;
    return SocialNginx::wait_for($patience, sub { !kill 0, $pid });
}

END { end('TERM') if $owner == $$ }

begin();


# Transfers

sub body { return chr(97 + $_[0] % 26) . "line $_[0]\n" x (400_000 / 12) }

my %stored = map { $_ => body($_) } 1 .. 5;
is($s3->request(PUT => "/stored-$_", body => $stored{$_})->{status}, 200,
   "object $_") for sort keys %stored;

my $serial = 100;

sub client {
    my ($method) = @_;

    my $n = $method eq 'PUT' ? $serial++ : 1 + int rand 5;
    my $key = $method eq 'PUT' ? "/new-$n" : "/stored-$n";
    my $body = $method eq 'PUT' ? body($n) : '';
    my %headers = ($s3->sign($method, $key), connection => 'close',
                   'content-length' => length $body);
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $port)
        or return;

    $sock->sockopt(Socket::SO_RCVBUF(), 32768);
    $sock->blocking(0);

    return { sock => $sock, method => $method, key => $key, got => '',
             wanted => $stored{$n}, body => $body,
             out => join('', "$method $s3->{base}$key HTTP/1.1\r\n",
                         (map { "$_: $headers{$_}\r\n" } sort keys %headers),
                         "\r\n", $body) };
}

# What is wrong with an answer; an empty string: nothing.

sub wrong {
    my ($c) = @_;

    my ($head, $body) = split /\r\n\r\n/, $c->{got}, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)} or return 'cut';

    return $status if $status != 200;
    return $head =~ /^etag: "@{[ md5_hex($c->{body}) ]}"/mi ? '' : 'another'
        if $c->{method} eq 'PUT';
    return $body eq $c->{wanted} ? '' : 'cut, ' . length $body;
}

my (%wrong, %done);

sub transfer {
    my ($clients, $again) = @_;
    local $SIG{PIPE} = 'IGNORE';

    for my $c (@$clients) {
        next if $c->{done};

        # slowly: a piece at a time

        if (length $c->{out}) {
            my $sent = syswrite $c->{sock}, $c->{out}, 8192;
            substr $c->{out}, 0, $sent, '' if $sent;
        }

        my $read = sysread $c->{sock}, $c->{got}, 8192, length $c->{got};
        next if defined $read ? $read : $!{EAGAIN};

        my $wrong = wrong($c);
        $wrong{"$c->{method}: $wrong"}++ if $wrong;
        $done{$c->{method}}++;
        close $c->{sock};
        $c->{done} = 1;

        if ($again) {
            my $next = client($c->{method});
            $wrong{'no connection'}++ if !$next;
            $c = $next // $c;
        }
    }

    sleep 0.01;
    return;
}

# Until the code is true, while transfers go on.

sub meanwhile {
    my ($clients, $code) = @_;
    my $end = time + $patience;

    until ($code->()) {
        return 0 if time > $end;
        transfer($clients, 1) for 1 .. 10;
    }

    return 1;
}

subtest 'reloads and upgrades' => sub {
    my @clients = map { client($_ % 2 ? 'PUT' : 'GET') }
                      1 .. ($soak ? 50 : 10);
    my $reloads = $soak ? 20 : 3;
    my $upgrades = $soak ? 5 : 1;

    for my $n (1 .. $reloads) {
        my %old = map { $_ => 1 } SocialNginx::workers(master());
        kill 'HUP', master();
        ok(meanwhile(\@clients, sub {
            my @new = grep { !$old{$_} } SocialNginx::workers(master());
            return @new >= 2;
        }), "reload $n");
    }

    for my $n (1 .. $upgrades) {
        my $old = master();

        # those of the reloads are gone, and so is the binary before

        ok(meanwhile(\@clients, sub {
            SocialNginx::workers($old) == 2 && !-e "$dir/nginx.pid.oldbin" }),
           'no other one is left');
        kill 'USR2', $old;
        ok(meanwhile(\@clients, sub {
            master() && master() != $old
                && SocialNginx::workers(master()) >= 2 }),
           "upgrade $n: the new binary");
        kill 'QUIT', $old;
        ok(meanwhile(\@clients, sub { !kill 0, $old }), '... alone');
    }

    my $last = time + $patience;
    transfer(\@clients, 0) while time < $last && grep { !$_->{done} } @clients;

    is_deeply(\%wrong, {}, 'none was cut');
    cmp_ok($done{$_} // 0, '>=', $reloads, "of $done{$_} $_") for qw( GET PUT );
    ok(SocialNginx::wait_for($patience, sub {
        !SocialStore::orphans("$dir/root") }), 'nothing else is left')
        or diag(join ' ', SocialStore::orphans("$dir/root"));
    unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]|open socket/,
           'nothing in the log');
};


# Kills

subtest 'workers that are killed, and a database that is restarted' => sub {
    my $count = $soak ? 500 : 80;
    my @children;
    my $id = sub { sprintf '00000000-0000-4000-8000-%012d', $_[0] };
    my $text = sub { "object $_[0] " . 'k' x ($_[0] % 3 ? 200 : 100_000) };

    $pg->sql(join '', map { "SELECT FROM social_upload_create('"
        . $id->($_) . "', 'iss', 'sub', 'sub', 'avatar', 'raw', 'k/$_',"
        . " 'image/png', 1, NULL, '5 minutes');\n" } 1 .. $count);

    for my $child (0 .. 7) {
        my $pid = fork // die "fork() failed: $!\n";

        if ($pid) {
            push @children, $pid;
            next;
        }

        open my $acked, '>', "$dir/acked-$child" or POSIX::_exit(1);
        $acked->autoflush;

        for my $n (grep { $_ % 8 == $child } 1 .. $count) {

            # the last ones come when all has happened

            SocialNginx::wait_for($patience, sub { -e "$dir/happened" })
                if $n > $count - 8;

            my $got = eval {
                local $SIG{ALRM} = sub { die "late\n" };
                alarm 30;
                my $answer = $s3->request(PUT => "/k/$n",
                                          body => $text->($n));
                alarm 0;
                $answer;
            };
            alarm 0;
            print {$acked} "$n\n" if $got && ($got->{status} // 0) == 200;
            sleep 0.02;
        }

        POSIX::_exit(0);
    }

    my ($kills, $restarted) = (0, 0);
    my %open = map { $_ => 1 } @children;

    while (%open) {
        for my $pid (keys %open) {
            delete $open{$pid} if waitpid($pid, 1) == $pid;
        }

        sleep 0.05 + rand 0.2;
        my @workers = SocialNginx::workers(master());
        $kills += kill 'KILL', $workers[rand @workers] if @workers;

        if ($kills > 2 && !$restarted++) {
            $pg->down;
            $pg->up;
            $nginx->write_file('happened', '');
        }
    }

    my @acked = map { split /\n/, SocialNginx::slurp("$dir/acked-$_") } 0 .. 7;
    cmp_ok(scalar @acked, '>', $count / 10, scalar(@acked)
           . " of $count uploads were acknowledged, with $kills kills");
    cmp_ok($kills, '>', 2, 'workers were killed');

    # all that was announced is in the database

    ok(SocialNginx::wait_for($patience, sub {
        !SocialStore::orphans("$dir/root") }), 'nothing is left by them')
        or diag(join ' ', SocialStore::orphans("$dir/root"));

    my @bad = grep {
        my $got = $s3->request(GET => "/k/$_");
        $got->{status} != 200 || $got->{body} ne $text->($_) } @acked;
    is("@bad", '', 'each one is whole');

    my %etag = map { split /=/ } split /\n/, $pg->value(
        "SELECT string_agg(object_key || '=' || etag, E'\\n') FROM uploads"
        . " WHERE state = 'stored'");
    @bad = grep { ($etag{"k/$_"} // '') ne md5_hex($text->($_)) } @acked;
    is("@bad", '', '... and noted');
    is($pg->value("SELECT count(*) FROM (SELECT FROM jobs GROUP BY"
                  . " payload->>'upload' HAVING count(*) > 1) t"), 0,
       'none has two jobs');
    is($pg->value("SELECT count(*) FROM uploads u WHERE state = 'stored' AND"
                  . " NOT EXISTS (SELECT FROM jobs WHERE payload->>'upload' ="
                  . " u.id::text)"), 0, '... or none');
    unlike(SocialNginx::without_kills($nginx->error_log),
           qr/\[(?:alert|emerg)\]/, 'nothing else in the log');
};

ok(end('QUIT'), 'nginx ends');

done_testing();
