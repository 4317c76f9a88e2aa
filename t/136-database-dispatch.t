#!/usr/bin/perl

# Which statement goes on which connection of a worker, and with which others:
# a statement that waits delays no others, those that come together are one
# transaction, one that fails does so alone, and the queue has a limit.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialMany;
use SocialNginx;
use SocialProxy;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $proxy = SocialProxy->start("$pg->{dir}/.s.PGSQL.5432");
my $tcp = 'host=127.0.0.1 port=' . $proxy->port
          . ' user=social dbname=social sslmode=disable gssencmode=disable';
my $n = 0;

sub begin {
    my (%o) = @_;

    my $nginx = SocialNginx->new;
    my $database = $o{database} // $pg->conninfo;

    $nginx->write_file('credentials', <<'_EOC_');
[default]
aws_access_key_id = local
aws_secret_access_key = local
_EOC_
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    social_database "$database" $o{parameters};
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $nginx->{dir}/credentials;
    }
    social_presign_key raw/\$social_sub/\$social_upload_id.\$social_upload_ext;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /logout { social_auth main; social_logout; }
        location = /uploads { social_auth main; social_presign raw put; }
        location / { return 200 "here\\n"; }
    }
}
_EOC_
    $nginx->start($port);
    return $nginx;
}

sub post {
    my ($sub, %attributes) = @_;

    my $body = event(attributes => { sub => $sub, preferred_username => $sub,
                                     email => undef, %attributes });

    return "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

sub names { my ($prefix, $n) = @_; return map { "$prefix-$_" } 1 .. $n }

sub hook { return statuses(many($port, [ post($_[0]) ])) }

sub backends {
    return $pg->value('SELECT count(*) FROM pg_stat_activity WHERE'
        . " application_name = 'ngx_social_module' AND query NOT LIKE"
        . " 'LISTEN%' AND query NOT LIKE '%revocations%'");
}

# How many users, and how many transactions wrote them.

sub users {
    my ($prefix) = @_;

    return $pg->value("SELECT count(*) FROM users WHERE sub LIKE '$prefix-%'");
}

sub transactions {
    my ($prefix) = @_;

    return $pg->value('SELECT count(DISTINCT xmin::text) FROM users'
        . " WHERE sub LIKE '$prefix-%'");
}

# A session that has run the statement, and ends when it is released.

sub hold {
    my ($sql) = @_;

    my $name = 'holder' . ++$n;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            "SET application_name = '$name'; BEGIN; $sql;"
            . ' SELECT pg_sleep(120)'
            or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE"
        . " application_name = '$name' AND wait_event = 'PgSleep'", 1);

    return [ $name, $pid ];
}

sub release {
    my ($name, $pid) = @{ $_[0] };

    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " application_name = '$name'");
    waitpid $pid, 0;
    return;
}

# Both connections are held by a statement that waits, while the requests come;
# then they are let go.  The answers are those of the requests.

sub gathered {
    my ($texts, %o) = @_;

    my $table = $o{table} // 'users';
    my @first = $o{first} ? @{ $o{first} } : map { post("first$n-$_") } 1, 2;
    my $holder = hold("LOCK TABLE $table IN SHARE MODE");
    my ($held, $at) = (1, 0);

    # one after the other, so that each takes a connection

    my @got = many($port, [ @first, @$texts ], width => 500, tick => sub {
        return if !$held;

        my $waiting = $pg->value('SELECT count(*) FROM pg_stat_activity WHERE'
            . " application_name = 'ngx_social_module' AND"
            . " wait_event_type = 'Lock'");

        $at ||= time if $waiting == 2;
        return if !$at || time < $at + 0.5;
        $held = 0;
        release($holder);
    });

    splice @got, 0, @first;
    return @got;
}

# The functions' own lock_timeout is shorter than these tests hold what they
# need; the request's time limit is longer.

sub patient {
    my ($code) = @_;

    my @names = qw( social_user_sync social_revoke social_upload_create );
    my $functions = "SELECT oid::regprocedure::text FROM pg_proc WHERE proname"
        . " IN ('" . join("', '", @names) . "')";

    my $set = sub {
        $pg->sql("ALTER FUNCTION $_ $_[0];")
            for grep { $_ } split /\n/, $pg->value($functions);
    };

    $set->('SET lock_timeout = 0');
    $code->();
    $set->("SET lock_timeout = '250ms'");
    return;
}


my $nginx = begin(parameters => 'connections=2 timeout=20s queue=1000');

is(hook('row'), '200:1', 'a user');

# One waits for its lock, on a connection of its own by then: all the others are
# answered before it is.

patient(sub {
    subtest 'head of line' => sub {
        my $holder = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");
        my $pid = fork // die "fork: $!\n";

        if (!$pid) {
            my @got = many($port, [ post('row', email => 'a@b.example') ]);
            POSIX::_exit($got[0]{status} == 200 ? 0 : 1);
        }

        $pg->wait_for('SELECT count(*) FROM pg_stat_activity WHERE'
            . " application_name = 'ngx_social_module' AND"
            . " wait_event_type = 'Lock'", 1);
        sleep 0.1;

        my @got = many($port, [ map { post($_) } names('line', 60) ],
                       seconds => 12);

        is(statuses(@got), '200:60', 'all others are answered meanwhile');
        is(users('line'), 60, 'and written');
        is(waitpid($pid, POSIX::WNOHANG()), 0, 'while that one waits');

        release($holder);
        waitpid $pid, 0;
        is($?, 0, 'it is answered when it is free');
    };

    subtest 'those that come together share their commit' => sub {
        my @got = gathered([ map { post($_) } names('share', 200) ]);

        is(statuses(@got), '200:200', 'all are answered');
        is(users('share'), 200, 'each is a user');
        cmp_ok(transactions('share'), '<=', 8, 'of few transactions');
        cmp_ok(transactions('share'), '>=', 4, 'of 64 at most');
    };

    # The same users in opposite orders, by two transactions at a time.

    subtest 'in one order' => sub {
        my @names = names('order', 30);
        my $dead = "SELECT deadlocks FROM pg_stat_database"
                   . " WHERE datname = 'social'";

        $pg->sql('ALTER SYSTEM SET deadlock_timeout = 1');
        $pg->value('SELECT pg_reload_conf()');

        my $before = $pg->value($dead);

        for my $round (1 .. 5) {
            my @got = gathered([
                (map { post($_, email => "$round\@a.example") } @names),
                (map { post($_, email => "$round\@b.example") }
                     reverse @names)
            ]);

            is(statuses(@got), '200:60', 'all are answered');
        }

        sleep 1.5;     # a backend's statistics are not there at once
        is($pg->value($dead) - $before, 0, 'no deadlock');

        $pg->sql('ALTER SYSTEM RESET deadlock_timeout');
        $pg->value('SELECT pg_reload_conf()');
    };

    $pg->sql(<<'_EOC_');
CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sub LIKE TG_ARGV[0] THEN
        RAISE EXCEPTION 'not this one';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER test_at_once BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION test_refuse('%-bad');
CREATE CONSTRAINT TRIGGER test_deferred AFTER INSERT ON users
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION test_refuse('%-late');
_EOC_

    for my $kind ('bad', 'late') {
        my $what = $kind eq 'bad' ? 'in its statement' : 'at the commit';

        subtest "one that fails $what" => sub {
            my @got = many($port, [ post("$kind-$kind") ]);
            is(statuses(@got), '500:1', 'alone: it is not acknowledged');

            my @texts = map { post($_) } names("with$kind", 40);
            splice @texts, 20, 0, post("with$kind-$kind");

            @got = gathered(\@texts);

            is($got[20]{status}, 500, 'among others: neither');
            splice @got, 20, 1;
            is(statuses(@got), '200:40', 'the others are');

            is(users("with$kind"), 40, 'and each is a user, once');
            is(users($kind), 0, 'none came of the other');
        };
    }

    $pg->sql('DROP FUNCTION test_refuse CASCADE');

    subtest 'presigned URLs share theirs, too' => sub {
        my @texts = map {
            my $body = '{"kind":"avatar","contentType":"image/jpeg","size":9}';
            "POST /uploads HTTP/1.0\r\nContent-Type: application/json\r\n"
                . bearer(sub => "up$_") . "\r\nContent-Length: "
                . length($body) . "\r\n\r\n$body";
        } 1 .. 62;

        my @got = gathered([ @texts[2 .. 61] ], table => 'uploads',
                           first => [ @texts[0, 1] ]);

        is(statuses(@got), '201:60', 'all are answered');
        is($pg->value('SELECT count(*) FROM uploads'), 62, 'each has a row');
        cmp_ok($pg->value('SELECT count(DISTINCT xmin::text) FROM uploads'),
               '<=', 6, 'of few transactions');
    };

    subtest 'sign-outs share with nobody' => sub {
        my @texts = map {
            "POST /logout HTTP/1.0\r\n" . bearer(sub => "out$_",
                origin_jti => "session$_") . "\r\n\r\n"
        } 1 .. 32;

        my @got = gathered([ @texts[2 .. 31] ], table => 'revocations',
                           first => [ @texts[0, 1] ]);

        is(statuses(@got), '204:30', 'all are answered');
        is($pg->value('SELECT count(*) FROM revocations'), 32,
           'each has a row');
        is($pg->value('SELECT count(DISTINCT xmin::text) FROM revocations'),
           32, 'of its own transaction');
    };
});

# The same with the limits that there are: what cannot have its lock gets 503,
# and nobody else.

subtest 'a locked row among many' => sub {
    my $holder = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");
    my @texts = map { post($_) } names('among', 100);

    splice @texts, $_ * 10, 0, post('row', email => "$_\@c.example")
        for 0 .. 3;

    my @got = many($port, \@texts);
    my @locked = map { $got[$_ * 10] } 0 .. 3;

    is(statuses(@locked), '503:4', 'who needs it gets 503');
    is(statuses(@got), '200:100 503:4', 'all others are served');
    is(users('among'), 100, 'and written');

    release($holder);
    is(hook('row'), '200:1', 'served when it is free');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]|timed out/,
       'nothing in the log');
$nginx->stop;


# A server that accepts connections and says nothing: what waits is answered in
# its time, what finds the queue full at once.

$proxy->mode('silent');
$nginx = begin(database => $tcp,
               parameters => 'connections=1 queue=8 timeout=2s');

for my $round (1, 2) {
    subtest "the queue is full ($round)" => sub {
        my @got = many($port, [ map { post($_) } names("full$round", 20) ]);

        is(statuses(@got), '503:20', 'all are answered');

        my @at_once = grep { $_->{took} < 1.5 } @got;
        is(scalar @at_once, 12, 'those beyond it at once');
    };

    last if $round == 2;

    # those that gave up left their place

    sleep 0.1;
}

$nginx->stop;

done_testing();
