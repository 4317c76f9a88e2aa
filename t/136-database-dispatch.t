#!/usr/bin/perl

# Which statement goes on which connection of a worker, and with which others:
# a statement that waits delays no others, those that come together are one
# transaction, one that fails does so alone, and the queue has a limit.

use strict;
use warnings;

use lib 't/lib';

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialMany;
use SocialNginx;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $n = 0;
my $nginx;

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
        location = /token { social_hook cognito insecure=on strict=on; }
        location = /logout { social_auth main; social_logout; }
        location = /uploads { social_auth main; social_presign raw put; }
        location / { return 200 "here\\n"; }
    }
}
_EOC_
    $nginx->start($port);
    return $nginx;
}

sub raw {
    my ($path, $sub, $attributes, %o) = @_;

    my $body = event(%o, attributes => { sub => $sub, email => undef,
        preferred_username => $sub, %$attributes });

    return "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

sub post {
    my ($sub, %attributes) = @_;
    return raw('/hook', $sub, \%attributes);
}

sub token_of {
    return raw('/token', $_[0], {}, version => '2',
               triggerSource => 'TokenGeneration_HostedAuth');
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

# What a backend has counted is there when it has ended, and sooner if it likes.

sub counted {
    my $pids = $pg->value("SELECT coalesce(string_agg(pid::text, ', '), '0')"
        . " FROM pg_stat_activity WHERE application_name ="
        . " 'ngx_social_module'");

    $pg->value('SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity'
        . " WHERE pid IN ($pids)");
    $pg->wait_for('SELECT count(*) FROM pg_stat_activity'
        . " WHERE pid IN ($pids)", 0);
    SocialNginx::wait_for(20, sub { hook('row') eq '200:1' })
        or die "the database is not served again\n";
    return;
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
        return $o{tick} && $o{tick}->($_[0]) if !$held;

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

# Requests that nginx finds in one iteration: it is stopped while they are sent.
# Their sockets, in their order.

sub send_together {
    my (@texts) = @_;

    my @socks = map {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!\n";
        print {$sock} "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        $sock->flush;
        sysread $sock, my $answer, 65536;
        $sock;
    } @texts;

    my ($worker) = SocialNginx::workers($nginx->{pid});
    kill 'STOP', $worker;
    sleep 0.1;

    for my $i (0 .. $#texts) {
        print { $socks[$i] } $texts[$i];
        $socks[$i]->flush;
    }

    kill 'CONT', $worker;

    return @socks;
}

sub answers {
    my (@socks) = @_;

    return map {
        my $answer = '';
        1 while sysread $_, $answer, 65536, length $answer;
        { status => $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' };
    } @socks;
}

sub together { return answers(send_together(@_)) }

# The functions' own lock_timeout is shorter than these tests hold what they
# need; the request's time limit is longer.

sub patient {
    my ($code) = @_;

    my @names = qw( social_user_sync social_revoke social_upload_create
                    social_users_sync social_uploads_create );
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


$nginx = begin(parameters => 'connections=2 timeout=60s queue=1000');

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
                       seconds => 40);

        is(statuses(@got), '200:60', 'all others are answered meanwhile');
        is(users('line'), 60, 'and written');
        is(waitpid($pid, POSIX::WNOHANG()), 0, 'while that one waits');

        release($holder);
        waitpid $pid, 0;
        is($?, 0, 'it is answered when it is free');
    };

    # Statements that share nothing are sent one behind the other, but not behind
    # what is late, though there is room, and none on the other connection.

    subtest 'head of line, one behind the other' => sub {
        my $holder = hold('LOCK TABLE users IN SHARE MODE');
        my @two = send_together(post('row', email => 'a@c.example'),
                                post('line-1'));

        $pg->wait_for('SELECT count(*) FROM pg_stat_activity WHERE'
            . " application_name = 'ngx_social_module' AND"
            . " wait_event_type = 'Lock'", 1);
        sleep 0.1;

        my @texts = map {
            "POST /logout HTTP/1.0\r\n" . bearer(sub => "line$_",
                origin_jti => "line$_") . "\r\n\r\n"
        } 1 .. 150;

        my $second = hold('LOCK TABLE revocations IN SHARE MODE');
        my $at = time + 1;

        my @got = many($port, \@texts, seconds => 40, tick => sub {
            return if !$second || time < $at;
            release($second);
            undef $second;
        });

        is(statuses(@got), '204:150', 'all are answered meanwhile');
        is(scalar(IO::Select->new(@two)->can_read(0)), undef,
           'while those two wait');

        release($holder);
        is(statuses(answers(@two)), '200:2', 'they are answered');
        $pg->sql('DELETE FROM revocations');
    };

    # Nor before it is late: it is alone, and first, and what comes in the same
    # moment would be divided among both connections.

    subtest 'head of line, at once' => sub {
        my $holder = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");

        my ($row, @outs) = send_together(post('row', email => 'a@d.example'),
            map {
                "POST /logout HTTP/1.0\r\n" . bearer(sub => "once$_",
                    origin_jti => "once$_") . "\r\n\r\n"
            } 1 .. 20);

        is(statuses(answers(@outs)), '204:20', 'all others are answered');
        is($pg->value("SELECT email FROM users WHERE sub = 'row'"),
           'a@c.example', 'while that one waits');

        release($holder);
        is(statuses(answers($row)), '200:1', 'it is answered');
        $pg->sql('DELETE FROM revocations');
    };

    subtest 'those that come together share their commit' => sub {
        my @got = gathered([ map { post($_) } names('share', 200) ]);

        is(statuses(@got), '200:200', 'all are answered');
        is(users('share'), 200, 'each is a user');
        cmp_ok(transactions('share'), '<=', 8, 'of few transactions');
        cmp_ok(transactions('share'), '>=', 4, 'of 64 at most');
    };

    subtest 'they share their statement' => sub {
        my $calls = sub {
            return $pg->value("SELECT coalesce(sum(calls), 0)
                FROM pg_stat_user_functions WHERE funcname = '$_[0]'");
        };

        $pg->sql("ALTER SYSTEM SET track_functions = 'pl'");
        $pg->reload;

        my %before = map { ($_ => $calls->($_)) }
            qw( social_user_sync social_users_sync );

        # of one twice, of one who is there, and of two of one name

        my @got = gathered([ (map { post($_) } names('state', 59)),
            post('state-1'), post('state-x', preferred_username => 'stately'),
            post('state-y', preferred_username => 'stately'),
            post('row', email => 'state@example.com') ]);

        is(statuses(@got), '200:63', 'all are answered');
        is(users('state'), 61, 'each is a user');
        is($pg->value("SELECT string_agg(handle, ' ' ORDER BY handle)
            FROM users WHERE sub IN ('state-x', 'state-y')"),
           'stately stately-2', 'with a handle of their own');
        is($pg->value("SELECT email FROM users WHERE sub = 'row'"),
           'state@example.com', 'one who was there is changed');

        counted();
        cmp_ok($calls->('social_users_sync'), '>', $before{social_users_sync},
               'by a call for many');
        cmp_ok($calls->('social_user_sync') - $before{social_user_sync},
               '<=', 4, 'but for those that are not plain');

        # those of one user are not divided among connections, where one half
        # would find the other's lock, and be run one by one; nor do they go
        # with those of others on another connection

        %before = map { ($_ => $calls->($_)) } keys %before;
        $pg->sql(<<'_EOC_');
CREATE FUNCTION test_slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.01);
    RETURN NEW;
END
$$;
CREATE TRIGGER test_slow BEFORE INSERT ON users FOR EACH ROW
    WHEN (NEW.sub LIKE 'z-mixed-%') EXECUTE FUNCTION test_slow();
_EOC_

        @got = gathered([ map { (post('row', email => "row$_\@example.com"),
                                 post("z-mixed-$_")) } 1 .. 64 ]);
        $pg->sql('DROP FUNCTION test_slow CASCADE');

        is(statuses(@got), '200:128', 'many events of one user, and others');
        counted();
        cmp_ok($calls->('social_users_sync'), '>', $before{social_users_sync},
               'are a call for many, too');
        cmp_ok($calls->('social_user_sync') - $before{social_user_sync},
               '<=', 8, 'and few of them are run alone');

        $pg->sql('ALTER SYSTEM RESET track_functions');
        $pg->reload;
    };

    subtest 'each gets what is its own' => sub {
        my @subs = names('share', 60);
        my %id = map { split /\|/ } split /\n/,
            $pg->value("SELECT sub, id FROM users WHERE sub LIKE 'share-%'");

        my @got = gathered([ map { token_of($_) } @subs ]);
        my @ids = map { $_->{answer} =~ /"user_id":"([^"]*)"/ } @got;

        is(statuses(@got), '200:60', 'all are answered');
        is("@ids", join(' ', map { "$id{$_}" } @subs), 'with their ids');
    };

    # Of those that share a statement, two wait for what somebody else has.

    subtest 'head of line, in one statement' => sub {
        my $row = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");
        my $lock = hold("SELECT social_user_lock('https://cognito-idp."
            . "us-east-1.amazonaws.com/us-east-1_LocalPool1', 'mine-0')");
        my @holders = ($row, $lock);
        my @texts = map { post($_) } names('mine', 50);

        splice @texts, 10, 0, post('row', email => 'mine@example.com');
        splice @texts, 30, 0, post('mine-0');

        # the two leave a connection to others

        my @after;
        my @got = gathered(\@texts, tick => sub {
            return if $_[0] < 52 || !@holders;
            @after = many($port, [ map { post($_) } names('theirs', 20) ],
                          seconds => 40);
            release($_) for splice @holders;
        });

        is(statuses(@got), '200:52', 'all are answered');
        is(scalar(@holders), 0, 'those 50 while the two wait');
        is(statuses(@after), '200:20', 'and those that come then');
        is_deeply([ sort map { $got[$_]{order} } 10, 30 ], [ 52, 53 ],
                  'which are the last');
        is($pg->value("SELECT email FROM users WHERE sub = 'row'"),
           'mine@example.com', 'and are written');
        release($_) for @holders;
    };

    # What may wait for a lock has a connection of its own from its first
    # moment: it is not known yet how long it takes.

    subtest 'nobody comes behind one who may have to wait' => sub {
        my $holder = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");
        my @texts = map { post($_) } names('before', 30);

        splice @texts, 15, 0, post('row', email => 'behind@example.com');

        push @texts, map {
            "POST /logout HTTP/1.0\r\n" . bearer(sub => "behind$_",
                origin_jti => "behind$_") . "\r\n\r\n"
        } 1 .. 400;

        my @got = many($port, \@texts, width => 31, seconds => 50, tick => sub {
            return if $_[0] < 430 || !$holder;
            release($holder);
            undef $holder;
        });

        is(statuses(@got), '200:31 204:400', 'all are answered');
        is($got[15]{order}, 430, 'the one who waits is the last');
        release($holder) if $holder;
        $pg->sql('DELETE FROM revocations');
    };

    # There is always somebody else who waits, and both connections are slower
    # than those who send.

    subtest 'one who has to wait does not wait for all others' => sub {
        my $holder = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");
        my @texts = map { post($_) } names('turn', 700);

        splice @texts, 100, 0, post('row', email => 'turn@example.com');

        $pg->sql(<<'_EOC_');
CREATE FUNCTION test_slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.01);
    RETURN NEW;
END
$$;
CREATE TRIGGER test_slow BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION test_slow();
_EOC_

        my @got = many($port, \@texts, width => 500, tick => sub {
            return if $_[0] < 200 || !$holder;
            release($holder);
            undef $holder;
        });

        is(statuses(@got), '200:701', 'all are answered');
        cmp_ok($got[100]{order}, '>', 200, 'it waits for its row');
        cmp_ok($got[100]{order}, '<', 500, 'and not for the others');

        $pg->sql('DROP FUNCTION test_slow CASCADE');
    };

    # The same users in opposite orders, by two transactions at a time.

    subtest 'in one order' => sub {
        my @names = names('order', 30);
        my $dead = "SELECT deadlocks FROM pg_stat_database"
                   . " WHERE datname = 'social'";

        $pg->sql('ALTER SYSTEM SET deadlock_timeout = 1');
        $pg->reload;

        my $before = $pg->value($dead);

        for my $round (1 .. 5) {
            my @got = gathered([
                (map { post($_, email => "$round\@a.example") } @names),
                (map { post($_, email => "$round\@b.example") }
                     reverse @names)
            ]);

            is(statuses(@got), '200:60', 'all are answered');
        }

        counted();
        is($pg->value($dead) - $before, 0, 'no deadlock');

        $pg->sql('ALTER SYSTEM RESET deadlock_timeout');
        $pg->reload;
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
                . bearer(sub => "up$_", username => "upper$_")
                . "\r\nContent-Length: "
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

sub locked_among_many {
    my ($prefix) = @_;

    my $holder = hold("SELECT FROM users WHERE sub = 'row' FOR UPDATE");
    my @texts = map { post($_) } names($prefix, 100);

    splice @texts, $_ * 10, 0, post('row', email => "$_\@c.example")
        for 0 .. 3;

    my @got = many($port, \@texts);
    my @locked = map { $got[$_ * 10] } 0 .. 3;

    is(statuses(@locked), '503:4', 'who needs it gets 503');
    is(statuses(@got), '200:100 503:4', 'all others are served');
    is(users($prefix), 100, 'and written');

    release($holder);
    is(hook('row'), '200:1', 'served when it is free');
    return;
}

subtest 'a locked row among many' => sub { locked_among_many('among') };

# A database that is older than the module, or another's.

patient(sub {
    subtest 'without the functions' => sub {
        my $said = qr/for many requests failed, each has its own: (.*)/;

        $pg->sql('ALTER FUNCTION social_users_sync RENAME TO test_renamed');

        for my $round (1, 2) {
            my @got = gathered([ map { post($_) } names("old$round", 40) ]);

            is(statuses(@got), '200:40', 'all are answered');
            is(users("old$round"), 40, 'and written');
        }

        # they share transactions as statements of their own: those behind one
        # that fails are not run

        $pg->sql(<<'_EOC_');
CREATE FUNCTION test_bad() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'not this one';
END
$$;
CREATE TRIGGER test_bad BEFORE INSERT ON users FOR EACH ROW
    WHEN (NEW.sub = 'old-bad') EXECUTE FUNCTION test_bad();
_EOC_

        my @texts = map { post($_) } names('oldbad', 40);
        splice @texts, 20, 0, post('old-bad');

        my @got = gathered(\@texts);
        is($got[20]{status}, 500, 'one that fails');
        splice @got, 20, 1;
        is(statuses(@got), '200:40', 'the others are answered');
        is(users('oldbad'), 40, 'and written');
        $pg->sql('DROP FUNCTION test_bad CASCADE');

        my @said = grep { /\[warn\].*$said/ } split /\n/,
            $nginx->error_log;

        is(scalar(@said), 1, 'it is a warning once');
        like($said[0], qr/function social_users_sync.* does not exist \(42883\); apply the migrations/,
             'with what to do about it');

        # on each connection at most, and not again for a minute

        my $tries = () = $pg->output
            =~ /ERROR:  function social_users_sync.* does not exist/g;
        cmp_ok($tries, '<=', 2, 'and it is not tried each time');

        $pg->sql('ALTER FUNCTION test_renamed RENAME TO social_users_sync');
    };
});

subtest 'a locked row among many, singly' => sub {
    locked_among_many('singly');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]|timed out/,
       'nothing in the log');
$nginx->stop;


$nginx = begin(parameters => 'connections=3');

subtest 'those of one iteration are divided among idle connections' => sub {

    # until three connections are up

    ok(SocialNginx::wait_for(20, sub {
        many($port, [ map { post($_) } names('warm' . $n++, 200) ]);
        return backends() == 3;
    }), 'three connections');

    for ([ 60, 3 ], [ 8, 1 ], [ 10, 2 ], [ 64, 3 ]) {
        my ($count, $wanted) = @$_;
        my $prefix = 'divide' . $n++;
        my @got = together(map { post($_) } names($prefix, $count));

        is(statuses(@got), "200:$count", "$count are answered");
        is(transactions($prefix), $wanted, "of $wanted transactions");
    }
};

$nginx->stop;


# One waits for its lock on the only connection, whose pipeline has room for 63
# more, and 8 may wait besides: what finds the queue full is answered at once.

$nginx = begin(parameters => 'connections=1 queue=8 timeout=8s');
is(hook('row'), '200:1', 'a user');

patient(sub {
    for my $round (1, 2) {
        subtest "the queue is full ($round)" => sub {
            my $holder = hold('LOCK TABLE users IN SHARE MODE');
            my ($first) = send_together(post("full$round"));
            my ($answered, $since) = (0);

            $pg->wait_for('SELECT count(*) FROM pg_stat_activity WHERE'
                . " application_name = 'ngx_social_module' AND"
                . " wait_event_type = 'Lock'", 1);

            # of the first round, all that wait do so for too long

            my @got = many($port, [ map { post($_) } names("full$round", 99) ],
                           tick => sub {
                return if $round == 1 || !$holder;
                $since = time if !$since || $_[0] != $answered;
                $answered = $_[0];
                return if $answered < 28 || time < $since + 1;
                release($holder);
                undef $holder;
            });

            is(statuses(@got), $round == 1 ? '503:99' : '200:71 503:28',
               'those that have room wait, and the others do not');
            cmp_ok(scalar(grep { $_->{took} > 6 } @got), '<=', 71,
                   'and no more') if $round == 1;

            release($holder) if $holder;
            answers($first);

            # those that gave up left their place

            ok(SocialNginx::wait_for(20, sub { hook('row') eq '200:1' }),
               'served again');
        };
    }
});

$nginx->stop;

done_testing();
