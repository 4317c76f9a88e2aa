#!/usr/bin/perl

# Sign-ups while the database's connections break in every way there is: each
# acknowledged one has its row, and nearly all are acknowledged the first time.
#
#   SOAK=1     5,000 of them instead of some hundred

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialMany;
use SocialNginx;
use SocialProxy;
use Test::More;
use Time::HiRes qw( sleep time );

my $many = $ENV{SOAK} ? 5000 : 400;
my $port = SocialNginx::free_port();
my $proxy = SocialProxy->start("$pg->{dir}/.s.PGSQL.5432");
my $tcp = 'host=127.0.0.1 port=' . $proxy->port
          . ' user=social dbname=social sslmode=disable gssencmode=disable';

# more than this machine is slow

my $limit = 15;

sub begin {
    my (%o) = @_;

    my $nginx = SocialNginx->new;
    my $database = $o{database} // $pg->conninfo;
    my $parameters = $o{parameters} // "timeout=${limit}s";

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    social_database "$database" $parameters;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location / { return 200 "here\\n"; }
    }
}
_EOC_
    $nginx->start($port);
    return $nginx;
}

sub post {
    my ($sub) = @_;

    my $body = event(attributes => { sub => $sub,
                                     preferred_username => $sub });

    return "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

sub names { my ($prefix, $n) = @_; return map { "$prefix-$_" } 1 .. $n }

sub hook { return statuses(many($port, [ post($_[0]) ])) }

sub get { return SocialNginx::request($port, "GET $_[0] HTTP/1.0\r\n\r\n") }

# Each that was acknowledged has one row, and nobody else has one but those whose
# answer may have been lost.

sub check {
    my ($names, @got) = @_;

    my %rows = map { split /\|/ } split /\n/,
        $pg->value('SELECT sub, count(*) FROM users GROUP BY sub');

    my @acknowledged = map { $names->[$_] }
        grep { $got[$_]{status} eq '200' } 0 .. $#got;
    my @without = grep { ($rows{$_} // 0) != 1 } @acknowledged;

    is("@without", '', 'each that was acknowledged has one row');
    is(join(' ', grep { $_->{status} !~ /\A(?:200|503)\z/ } @got), '',
       'the others got 503');
    return scalar @acknowledged;
}

sub twice {
    my ($name, $code) = @_;
    subtest "$name ($_)" => $code for 1, 2;
    return;
}

my $n = 0;


my $nginx = begin();

subtest 'terminated backends' => sub {
    my @names = names('term', $many);
    my $next = 40;

    my @got = many($port, [ map { post($_) } @names ], width => 20,
        seconds => 300, tick => sub {
            return if $_[0] < $next;
            $next += 80;
            $pg->value('SELECT count(pg_terminate_backend(pid)) FROM'
                . " pg_stat_activity WHERE application_name ="
                . " 'ngx_social_module'");
        });

    my $acknowledged = check(\@names, @got);
    cmp_ok($acknowledged, '>=', 0.99 * $many, 'nearly all the first time');
};

subtest 'an immediate restart' => sub {
    my @names = names('restart', $many);
    my $done = 0;

    my @got = many($port, [ map { post($_) } @names ], width => 20,
        seconds => 300, tick => sub {
            return if $done || $_[0] < $many / 4;
            $done = 1;
            $pg->down('QUIT');
            $pg->up;
        });

    ok($done, 'it was one');
    my $acknowledged = check(\@names, @got);
    cmp_ok($acknowledged, '>=', 0.99 * $many, 'nearly all the first time');
};

subtest 'one backend that hangs' => sub {
    is(statuses(many($port, [ map { post($_) } names('warm', 40) ])),
       '200:40', 'two connections');

    my @pids = split ' ', $pg->value('SELECT pid FROM pg_stat_activity WHERE'
        . " application_name = 'ngx_social_module'");

    kill 'STOP', $pids[0];

    my @names = names('hangs', 100);
    my ($at, @got) = (time);
    my $early = 0;

    @got = many($port, [ map { post($_) } @names ], width => 10,
        tick => sub {
            $early = $_[0] if time < $at + $limit / 2;
            kill 'CONT', $pids[0] if time > $at + $limit / 2;
        });

    kill 'CONT', $pids[0];
    check(\@names, @got);
    cmp_ok($early, '>=', 90, 'who did not meet it was answered meanwhile');
};

$nginx->stop;


# What networks do; a single connection, so that it is the one that is hit.

$nginx = begin(database => $tcp,
               parameters => "connections=1 timeout=${limit}s");

for my $what ([ half => 'the statement is cut' ],
              [ cut  => 'its result is cut' ],
              [ lost => 'its result is lost' ])
{
    my ($mode, $name) = @$what;

    twice $name => sub {
        my @names = names($mode . ++$n, 5);

        is(hook($names[0]), '200:1', 'acknowledged before');

        $proxy->mode($mode);
        my @got = many($port, [ post($names[1]) ]);

        ok($proxy->done, 'it was');
        is(statuses(@got), '200:1', 'acknowledged the first time');
        is(hook($names[2]), '200:1', 'and after it');
        check([ @names[1 .. 1] ], @got);

        # several at a time, in one transaction or more

        @names = names("many$mode$n", 20);
        $proxy->mode($mode);
        @got = many($port, [ map { post($_) } @names ]);

        ok($proxy->done, 'once more');
        is(statuses(@got), '200:20', 'all acknowledged the first time');
        check(\@names, @got);
    };
}

$nginx->stop;


# Those that have no end but ours.

$nginx = begin(database => $tcp,
               parameters => 'connections=1 timeout=2s');

twice 'accepted and not answered' => sub {
    $proxy->mode('silent');

    my $began = time;
    is(hook('silent'), '503:1', 'ended after its time');
    cmp_ok(time - $began, '<', 10, 'and not long after');
    like(get('/'), qr/here/, 'all else goes on');

    $proxy->mode('drop');
    ok(SocialNginx::wait_for(30, sub { hook('silent') eq '200:1' }), 'back');
};

twice 'a byte a second' => sub {
    $proxy->mode('drip');

    is(hook('drip'), '503:1', 'ended after its time');
    like(get('/'), qr/here/, 'all else goes on');

    # the connection is not kept for what may come of it in minutes

    $proxy->mode('pass');
    ok(SocialNginx::wait_for(30, sub { hook('drip') eq '200:1' }), 'back');
};

$nginx->stop;


# What waits survives a short outage, and in a long one nobody waits.

$nginx = begin(parameters => 'timeout=4s');
is(hook('here'), '200:1', 'before');

subtest 'a long outage' => sub {
    $pg->down;

    my $began = time;
    is(hook('long'), '503:1', 'the first waits for its end');
    cmp_ok(time - $began, '>', 3, 'as long as it may');

    ok(SocialNginx::wait_for(20, sub {
        my ($got) = many($port, [ post('long') ]);
        return $got->{status} == 503 && $got->{took} < 2;
    }), 'later ones are answered at once');

    $pg->up;
    ok(SocialNginx::wait_for(20, sub { hook('long') eq '200:1' }), 'back');
};

$nginx->stop;


# The first of them, in a worker that had none yet: what waits has not lost while
# one is being made.

$proxy->mode('first');
$nginx = begin(database => $tcp, parameters => 'connections=3 timeout=20s');

subtest 'connections that fail before another one is there' => sub {
    my $made = 0;
    my @got = many($port, [ map { post("first-$_") } 1 .. 20 ], tick => sub {
        return if $made
            || $nginx->error_log !~ /database unavailable(?s:.*)unavailable/;
        $made = 1;
        $proxy->mode('pass');
    });

    ok($made, 'they fail');
    is(statuses(@got), '200:20', 'and all are served by that one');
};

$nginx->stop;


# As many connections as the server has, and not one more.

$pg->sql(<<'_EOC_');
CREATE ROLE few LOGIN CONNECTION LIMIT 1;
GRANT social_gateway TO few;
_EOC_

(my $few = $pg->conninfo) =~ s/user=social/user=few/;
$nginx = begin(database => $few, parameters => 'connections=4 timeout=15s');

subtest 'out of connections' => sub {
    my @names = names('few', 100);
    my @got = many($port, [ map { post($_) } @names ], width => 50);

    is(statuses(@got), '200:100', 'one is enough');
    check(\@names, @got);

    $pg->sql('ALTER ROLE few CONNECTION LIMIT 0');
    $pg->value('SELECT count(pg_terminate_backend(pid)) FROM'
        . " pg_stat_activity WHERE usename = 'few'");

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        POSIX::_exit(hook('none') eq '200:1' ? 0 : 1);
    }

    sleep 1;
    $pg->sql('ALTER ROLE few CONNECTION LIMIT 1');
    waitpid $pid, 0;
    is($?, 0, 'who waits meanwhile is served');
};

$nginx->stop;


# A server that became a standby: the connection to it is of no more use, though
# it answers. A session keeps what it began with, and so does who keeps it.

$nginx = begin(parameters => 'timeout=5s');

subtest 'a read-only server' => sub {
    is(hook('writes'), '200:1', 'before');

    $pg->sql('ALTER DATABASE social SET default_transaction_read_only = on');
    $pg->value('SELECT count(pg_terminate_backend(pid)) FROM'
        . " pg_stat_activity WHERE application_name = 'ngx_social_module'");

    is(hook('reads'), '503:1', 'not while it is');
    is(statuses(many($port, [ map { post($_) } names('reads', 30) ])),
       '503:30', 'nor many at a time');

    $pg->sql(<<'_EOC_');
SET default_transaction_read_only = off;
ALTER DATABASE social RESET default_transaction_read_only;
_EOC_

    ok(SocialNginx::wait_for(20, sub { hook('reads') eq '200:1' }),
       'on another connection, when it is not');
    is(statuses(many($port, [ map { post($_) } names('writes', 30) ])),
       '200:30', 'and on every one');
    like($nginx->error_log, qr/server is read-only/, 'said in the log');
};

# What nobody waits for any more is not sent again: a backend that is ended
# before it reads the statement takes it along.

subtest 'a client that has gone, and then the backend' => sub {
    is(hook('stays'), '200:1', 'it works');

    my @backends = split /\n/, $pg->sql("SELECT pid FROM pg_stat_activity
        WHERE application_name = 'ngx_social_module';");
    kill 'STOP', @backends;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect: $!\n";
    print {$sock} post('leaves');
    $sock->flush;
    like(get('/'), qr/here/, 'the worker has it');
    my $before = () = $nginx->error_log =~ /prematurely closed connection/g;
    close $sock;

    ok(SocialNginx::wait_for(20, sub { $before
        < (() = $nginx->error_log =~ /prematurely closed connection/g) }),
        'the client has gone');

    $pg->value('SELECT count(pg_terminate_backend(pid)) FROM'
        . ' pg_stat_activity WHERE pid IN (' . join(', ', @backends) . ')');
    kill 'CONT', @backends;

    ok(SocialNginx::wait_for(20, sub { hook('stays') eq '200:1' }),
       'on another connection others are served');
    is(join(' ', map { hook("later-$_") } 1 .. 4), join(' ', ('200:1') x 4),
       'again and again');
    is($pg->value("SELECT count(*) FROM users WHERE sub = 'leaves'"), 0,
       'and nothing is done for one who has gone');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]|exited on signal/,
       'nothing else in it');
$nginx->stop;

done_testing();
