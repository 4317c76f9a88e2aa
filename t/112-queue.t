#!/usr/bin/perl

# The queue's SQL: what is added, claimed and recorded, and what it costs.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;
use Time::HiRes qw( sleep );

use SocialPostgres;

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;


sub v { return $pg->value($_[0]) }

# Each in its own session, at the same time: their output.

sub at_once {
    my @pipes;

    for my $sql (@_) {
        pipe my $r, my $w or die;
        my $pid = fork // die;

        if (!$pid) {
            my ($out, $ok) = $pg->attempt("$sql;");
            print $w $ok ? $out : "ERROR $out";
            close $w;
            POSIX::_exit(0);
        }

        close $w;
        push @pipes, [$pid, $r];
    }

    return map { my ($pid, $r) = @$_; local $/; my $out = <$r>;
        waitpid $pid, 0; $out // '' } @pipes;
}

# A session that does this and waits until it is ended; its pid.

sub session {
    my ($name, $sql) = @_;

    my $pid = fork // die;

    if (!$pid) {
        $pg->attempt("SET application_name = '$name'; $sql;
            SELECT pg_sleep(600);");
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity
        WHERE application_name = '$name' AND wait_event = 'PgSleep'", 1);
    return [$name, $pid];
}

sub over {
    my ($session) = @_;
    v("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = '$session->[0]'");
    waitpid $session->[1], 0;
}

sub claim {
    my ($worker, $n, %o) = @_;
    my $lease = $o{lease} // '1 hour';
    return map { [split /\|/] } split /\n/, v("SELECT id, fence, kind, attempt
        FROM social_jobs_claim('@{[ $o{queue} // 'default' ]}', '$worker',
            '$lease', $n)");
}

sub finish {
    my ($worker, $jobs, $results) = @_;
    my $ids = join ',', map { $_->[0] } @$jobs;
    my $fences = join ',', map { $_->[1] } @$jobs;
    $results = $results
        ? 'ARRAY[' . join(',', map { "'$_'::jsonb" } @$results) . ']' : 'NULL';
    return v("SELECT coalesce(string_agg(state, ' ' ORDER BY id), '')
        FROM social_jobs_finish('$worker', '{$ids}', '{$fences}', $results)");
}

sub failed {
    my ($worker, $job, $class, $after) = @_;
    $after = $after ? "'$after'" : 'NULL';
    return v("SELECT coalesce(social_job_fail($job->[0], $job->[1], '$worker',
        '$class', 'broken', 'Sorry', $after), '-')");
}

sub lost {
    v("UPDATE job_workers SET lease_until = now() - interval '1 s'
        WHERE name = '$_[0]'");
}

my $n = 0;

sub upload {
    my ($sub, $kind) = @_;
    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;
    v("SELECT social_upload_create('$id', 'i', '$sub', '$sub', '$kind', 'raw',
        'raw/$n', 'image/jpeg', 100, NULL, '5 minutes');
        SELECT social_object_created('t', 'e$n', 'raw', 'raw/$n', 100, 'x')");
    return $id;
}

sub state_of {
    my ($id) = @_;
    return v("SELECT social_upload_get(uploads.id, issuer, sub) ->> 'state'
        FROM uploads JOIN users ON users.id = user_id
        WHERE uploads.id = '$id'");
}

sub clear { $pg->sql('DELETE FROM jobs; DELETE FROM job_claims;
    DELETE FROM job_workers; DELETE FROM job_keys;') }


# What is there when the migration comes: jobs in all states, and one that an
# earlier worker holds.

subtest 'what was there before' => sub {
    my $dir = File::Temp->newdir;
    my $old = SocialPostgres->start;
    system "cp conf/sql/00?_*.sql conf/sql/010_*.sql $dir/";

    {
        local $ENV{SOCIAL_SQL} = "$dir";
        $old->migrate;
    }

    my $id = '00000000-0000-4000-8000-000000000001';
    $old->sql("SELECT social_upload_create('$id', 'i', 's', 's', 'avatar',
            'raw', 'raw/1', 'image/jpeg', 1, NULL, '5 minutes');
        SELECT social_object_created('t', 'e1', 'raw', 'raw/1', 1, 'a');
        SELECT count(*) FROM social_jobs_claim('images', 'before', '1 hour', 1,
            1);
        INSERT INTO jobs (queue, kind, state, run_at, finished_at) VALUES
            ('images', 'a', 'ready', now() - interval '2 min', NULL),
            ('images', 'b', 'ready', now() - interval '3 min', NULL),
            ('images', 'later', 'ready', now() + interval '1 hour', NULL),
            ('images', 'dead', 'dead', now(), now()),
            ('images', 'done', 'done', now(), now());");
    is($old->value("SELECT state FROM uploads"), 'processing', 'as it was');
    $old->migrate;

    is($old->value("SELECT string_agg(state, ' ' ORDER BY id) FROM jobs"),
        'running ready ready scheduled dead done', 'states are as they were');
    is($old->value("SELECT social_upload_get('$id', 'i', 's') ->> 'state'"),
        'processing', 'an upload that a worker has');
    is($old->value("SELECT string_agg(kind, ' ') FROM social_jobs_claim(
        'images', 'w', '1 hour', 9)"), 'b a', 'ready ones are claimed');

    # what the earlier worker says, in its words

    my $job = $old->value("SELECT id FROM jobs WHERE worker = 'before'");
    is($old->value("SELECT social_job_extend($job, 1, 'before', '20 s')
        OR NOT EXISTS (SELECT FROM jobs WHERE id = $job
            AND state = 'running')"), 't', 'it extends its lease');
    is($old->value("SELECT social_avatar_lock('$id', 1)"), 't',
        'locks the picture');
    is($old->value("SELECT social_job_finish($job, 1, 'before',
        '{\"avatar\": {\"key\": \"k\"}}', 'p', 'k')"), 't', 'finishes');
    is($old->value("SELECT state, variants, avatar_key FROM uploads
        JOIN users ON users.id = user_id"),
        'ready|{"avatar": {"key": "k"}}|k', 'and all is as it says');
    is($old->value('SELECT count(*) FROM job_locks'), 0, 'the lock is over');

    $old->sql('DELETE FROM jobs;');
    $old->sql("INSERT INTO jobs (queue, kind) SELECT 'images', 'x'
        FROM generate_series(1, 3);");
    my @jobs = split /\n/, $old->value("SELECT id FROM social_jobs_claim(
        'images', 'before', '1 hour', 3, 1)");
    is($old->value("SELECT social_job_fail($jobs[0], 1, 'before',
        'unavailable', 'e', 'r')"), 'ready', 'it fails one');
    is($old->value("SELECT social_job_release($jobs[1], 1, 'before')"), 't',
        'releases one');
    is($old->value("SELECT social_job_finish($jobs[2], 2, 'before', '{}', 'p',
        NULL)"), 'f', 'and not what is not its own');
    is($old->value("SELECT string_agg(state, ' ' ORDER BY id) FROM jobs"),
        'scheduled ready running', 'which is as it was');
};


$pg->migrate;


subtest 'added in the transaction of the application' => sub {
    v("BEGIN; SELECT social_job_add('mail'); ROLLBACK");
    is(join(' ', claim('w', 5)), '', 'rolled back, it was never there');

    my $id = v("SELECT social_job_add('mail', '{\"to\": 1}')");
    my ($job) = claim('w', 5);
    is($job->[0], $id, 'committed, it is');
    is(finish('w', [$job], ['{"sent": true}']), 'done', 'and done');
    is(v("SELECT result, payload FROM jobs WHERE id = $id"),
        '{"sent": true}|{"to": 1}', 'with its result');

    my $first = v("SELECT social_job_add('mail', p_dedupe => 'k')");
    is(v("SELECT social_job_add('mail', p_dedupe => 'k')"), $first,
        'one with the same key waits');
    my @both = at_once(map { "BEGIN; SELECT social_job_add('mail',
        p_dedupe => 'both'); SELECT pg_sleep(0.3); COMMIT" } 1, 2);
    is($both[0] =~ s/\s+//gr, $both[1] =~ s/\s+//gr, 'two at once are one');

    my @jobs = claim('w', 5);
    is(v("SELECT social_job_add('mail', p_dedupe => 'k')"), $first, 'or runs');
    is(finish('w', \@jobs), 'done done', 'done');
    isnt(v("SELECT social_job_add('mail', p_dedupe => 'k')"), $first,
        'another after that');

    v('DELETE FROM jobs');
    like(v("SELECT social_job_add('mail', p_dedupe => 'k')"), qr/^\d+$/,
        'the key of a job that was deleted is free');
    v("INSERT INTO jobs (queue, kind, dedupe_key) VALUES ('default', 'x', 'k'),
        ('default', 'x', 'free')");
    is(v("SELECT string_agg(dedupe_key, ' ' ORDER BY id) FROM jobs"), 'k free',
        'that of one that waits is not, for those who write the table, too');

    for my $bad ("''", "NULL", "repeat('x', 65)", "'x', p_queue => ''",
        "'x', p_dedupe => repeat('x', 513)",
        "'x', jsonb_build_object('a', (SELECT string_agg(md5(i::text), '')
            FROM generate_series(1, 20000) i))")
    {
        my ($out, $ok) = $pg->attempt("SELECT social_job_add($bad);");
        ok(!$ok && $out =~ /a job needs|over 512|over 256/, "not $bad")
            or diag($out);
    }

    clear();
};


subtest 'scheduled jobs cost nothing' => sub {
    v("INSERT INTO jobs (queue, kind, priority, run_at)
        SELECT 'default', 'later', 1, now() + interval '1 hour'
        FROM generate_series(1, 20000)");
    v("SELECT social_job_add('now')");
    is(v("SELECT string_agg(DISTINCT state, ' ') FROM jobs
        WHERE kind = 'later'"), 'scheduled', 'a state of their own');
    claim('w', 1);
    v("SELECT social_job_add('now') FROM generate_series(1, 5)");

    my ($got, $blocks) = split /\n/, v("BEGIN; SELECT count(*) FROM
        social_jobs_claim('default', 'w', '1 hour', 5);
        SELECT pg_stat_get_xact_blocks_fetched('jobs_ready'::regclass)
            + pg_stat_get_xact_blocks_fetched('jobs_scheduled'::regclass)
            + pg_stat_get_xact_blocks_fetched('jobs'::regclass); COMMIT");
    is($got, 5, 'those that are ready are claimed');
    cmp_ok($blocks, '<', 100, 'and of the others a few pages are read');

    # they become due

    v("UPDATE jobs SET run_at = now() - interval '1 s' WHERE id IN (
        SELECT id FROM jobs WHERE kind = 'later' ORDER BY id LIMIT 3)");
    is(scalar(claim('w', 10)), 3, 'when their time has come they are there');
    v("SELECT social_job_add('soon',
        p_run_at => clock_timestamp() + interval '300 ms')");
    my @soon;
    for (1 .. 100) { last if @soon = claim('w', 10); sleep 1 }
    is($soon[0][2], 'soon', 'one that is due soon is claimed then');
    clear();
};


subtest 'an old snapshot' => sub {
    # the head of the lane moves behind what was done, whatever a snapshot keeps

    my $holder = session('holder', 'BEGIN ISOLATION LEVEL REPEATABLE READ;
        SELECT count(*) FROM jobs');
    my $writer = session('writer', "BEGIN; INSERT INTO events (source, event_id)
        VALUES ('x', 'y')");
    my $blocks = "SELECT pg_stat_get_xact_blocks_fetched('jobs'::regclass)
        + pg_stat_get_xact_blocks_fetched('jobs_ready'::regclass)";
    my $one = sub {
        my ($read) = (split /\n/, v("BEGIN; SELECT count(*) FROM
            social_jobs_claim('default', 'w', '1 hour', 10); $blocks;
            COMMIT"))[1];
        return $read;
    };

    v("SELECT social_job_add('x') FROM generate_series(1, 6000)");
    $one->();
    my $small = $one->();

    for (1 .. 11) {
        finish('w', [claim('w', 500)]);
        sleep 0.11;
    }

    $one->() for 1 .. 3;
    my $large = $one->();
    cmp_ok($large, '<', $small + 1200,
        'a claim after 5,500 reads little more than the first');
    is(v("SELECT count(*) FROM jobs WHERE state = 'ready'"), 6000 - 60 - 5500,
        'no job was passed by');

    over($_) for $holder, $writer;
    clear();
};


subtest 'jobs that are committed late' => sub {
    # behind others that were added after them, and are done

    my $late = session('late', "BEGIN; SELECT social_job_add('late')");

    for (1 .. 4) {
        v("SELECT social_job_add('x') FROM generate_series(1, 600)");
        finish('w', [claim('w', 600)]);
        sleep 0.11;
    }

    v("SELECT social_job_add('x') FROM generate_series(1, 600)");
    finish('w', [claim('w', 300)]);
    is(v("SELECT max(head) < (SELECT last_value FROM job_pos) - 2000
        FROM job_lanes WHERE queue = 'default'"), 't',
        'the head waits for a transaction that has added one');
    over($late);

    my $commit = fork // die;
    if (!$commit) {
        $pg->attempt("BEGIN; SELECT social_job_add('late');
            SET application_name = 'commits'; SELECT pg_sleep(2); COMMIT;");
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'commits' AND wait_event = 'PgSleep'", 1);

    while (waitpid($commit, POSIX::WNOHANG()) == 0) {
        v("SELECT social_job_add('x') FROM generate_series(1, 700)");
        finish('w', [claim('w', 1000)]);
    }

    my %kinds;
    for (1 .. 20) {
        my @jobs = claim('w', 1000);
        $kinds{$_->[2]}++ for @jobs;
        last if !@jobs;
    }
    $kinds{late} += v("SELECT count(*) FROM jobs WHERE kind = 'late'
        AND state = 'done'");
    is($kinds{late}, 1, 'it is claimed when it is committed');
    is(v("SELECT count(*) FROM jobs WHERE state = 'ready'"), 0, 'as all are');
    clear();
};


subtest 'marks, and transactions that are active' => sub {
    my $tick = sub {
        my ($n) = @_;
        v("SELECT social_job_add('x') FROM generate_series(1, $n)");
        sleep 0.11;
        return finish('w', [claim('w', $n)]);
    };
    my $begin = sub { v("UPDATE job_lanes SET head = 0") };
    my $head = sub { v("SELECT max(head) FROM job_lanes
        WHERE queue = 'default'") };
    my $mark = sub { v('SELECT last_value FROM job_mark_pos') };

    # one that begins behind the mark: heads go as far as that, and not as far
    # as arrivals are; they do not move by less than 512

    $tick->(600);
    $tick->(10);
    my $before = $mark->();
    my $late = $pg->transaction("SELECT social_job_add('late')");
    $begin->();
    $tick->(10);
    is($head->(), $before, 'heads are at the mark');
    $late->('COMMIT');
    is((claim('w', 1))[0][2], 'late', 'what came behind it is found');

    # one that began before it: heads wait

    $tick->(10);
    $late = $pg->transaction("SELECT social_job_add('late')");
    $tick->(10);
    cmp_ok($mark->(), '>', $before, 'the mark is behind its job');
    $begin->();
    $tick->(10);
    is($head->(), 0, 'heads wait for it');
    $late->('COMMIT');
    is((claim('w', 1))[0][2], 'late', 'so that it is found');
    clear();
};


subtest 'fences only grow' => sub {
    my $id = v("SELECT social_job_add('x')");
    my ($old) = claim('w', 1);
    is(finish('other', [$old]), '', 'not of another worker');
    is(finish('w', [[$id, $old->[1] + 1]]), '', 'nor with another fence');

    is(failed('w', $old, 'permanent'), 'dead', 'it fails');
    is(failed('w', $old, 'permanent'), 'dead', 'and again, after a lost answer');
    is(v("SELECT social_job_retry($id)"), 't', 'a person tries it again');
    is(finish('w', [$old]), '', 'what was said before is refused');

    my ($new) = claim('w', 1);
    cmp_ok($new->[1], '>', $old->[1], 'by the same worker, too, which has it');
    is(finish('w', [$old]), '', 'refused');
    is(failed('w', $old, 'permanent'), '-', 'refused');
    is(v("SELECT count(*) FROM social_jobs_release('w', '{$id}',
        '{$old->[1]}')"), 0, 'refused');
    is(v("SELECT count(*) FROM social_jobs_release('w', '{$id}',
        '{$new->[1]}')"), 1, 'released');
    is(finish('w', [$new]), '', 'which ends it');

    my ($third) = claim('w2', 1);
    is($third->[3], 2, 'an attempt that was released is not counted');
    lost('w2');
    my ($fourth) = claim('w3', 1);
    is(finish('w2', [$third]), '', 'nor has a lost worker a say');
    is(finish('w3', [$fourth]), 'done', 'done');
    is(finish('w3', [$fourth]), 'done', 'said again: done');
    is(v("SELECT attempt, fence = $fourth->[1] FROM jobs"), '3|t', 'once');

    # of many, those that are the worker's

    v("SELECT social_job_add('x') FROM generate_series(1, 5)");
    my @jobs = claim('w', 5);
    v("SELECT social_job_cancel($jobs[1][0])");
    is(finish('w', \@jobs), 'done done done done', 'all but one');
    is(finish('w', \@jobs), 'done done done done', 'the same again');
    v("SELECT social_worker_beat('w', '0 s', '{}', '{}')");
    is(v("SELECT count(*) FROM job_claims WHERE worker = 'w'"), 0,
        'a heartbeat forgets the claims of which nothing runs');
    clear();
};


# A claim's row goes with the last of its jobs, however they end.

subtest 'what is left of claims' => sub {
    my $left = sub { v("SELECT coalesce(string_agg(left_over::text, ' '
        ORDER BY id), '-') FROM job_claims") };

    v("SELECT social_job_add('x') FROM generate_series(1, 8)");
    my @one = claim('w', 4);
    my @two = claim('w', 4);
    is($left->(), '4 4', 'two claims of four');
    finish('w', [@one[0, 1, 2], $two[0]]);
    is($left->(), '1 3', 'of both some have ended');
    finish('w', [@one[0, 1, 2], $two[0]]);
    is($left->(), '1 3', 'which is counted once');
    finish('w', [$one[3]]);
    is($left->(), '3', 'of one all');
    is(failed('w', $two[1], 'transient'), 'scheduled', 'one fails');
    is($left->(), '2', 'and is not of it any more');
    v("SELECT social_jobs_release('w', '{$two[2][0]}', '{$two[2][1]}')");
    is($left->(), '1', 'one is released');
    my ($again) = claim('v', 1);
    is($left->(), '1 1', 'and claimed by another');
    v("SELECT social_job_cancel($two[3][0])");
    is($left->(), '1 1', 'the last is canceled');
    v("SELECT social_worker_beat('w', '0 s', '{}', '{}')");
    is($left->(), '1', 'which a heartbeat sees');
    finish('v', [$again]);
    is($left->(), '-', 'nothing is left');

    upload("l$_", 'post') for 1 .. 2;
    my @jobs = claim('w', 2, queue => 'images');
    finish('w', [$jobs[0]], ['{"variants": {}}']);
    is($left->(), '1', 'one with something of its own to do');
    finish('w', [$jobs[1]], ['{"variants": [1]}']);
    is($left->(), '-', 'and one that is refused');
    clear();

    # where a worker begins to look: not behind a claim of which a job runs, nor
    # behind what may be committed yet

    my $from = sub { v("SELECT claims_from FROM job_workers
        WHERE name = 'w'") };
    my $beat = sub {
        v("UPDATE job_workers SET claims_seen_at = '-infinity'") if $_[0];
        v("SELECT social_worker_beat('w', '1 hour', '{}', '{}')");
        return $from->();
    };

    v("SELECT social_job_add('x') FROM generate_series(1, 4)");
    finish('w', [claim('w', 1)]);
    $beat->(1);
    my ($open) = claim('w', 1);
    my $id = v("SELECT id FROM job_claims");
    is($beat->(), 0, 'from the first one');
    cmp_ok($beat->(1), '<', $id, 'a minute later: what was seen before');
    finish('w', [claim('w', 1)]);
    $beat->(1) for 1 .. 2;
    is($from->(), $id, 'not beyond one that is open');
    is(v("SELECT string_agg(id::text, ' ') FROM social_worker_held('w')"),
        $open->[0], 'which is held');
    finish('w', [$open]);
    $beat->(1);
    cmp_ok($beat->(1), '>', $id, 'but then');
    my ($last) = claim('w', 1);
    is(v("SELECT string_agg(id::text, ' ') FROM social_worker_held('w')"),
        $last->[0], 'what is claimed is held');

    # a claim whose worker was taken for lost before it was committed

    v("DELETE FROM job_workers");
    v("UPDATE job_claims SET at = now() - interval '2 minutes'");
    v("SELECT setval('job_ticked', 60000)");
    claim('v', 1);
    lost('w');
    is((claim('v', 1))[0][0], $last->[0], 'is found within a minute');
    clear();
};


subtest 'heartbeats' => sub {
    v("SELECT social_job_add('x') FROM generate_series(1, 3)");
    my @jobs = claim('w', 3, lease => '2 seconds');
    my $beat = sub {
        my ($ids, $fences) = map { my $i = $_;
            join ',', map { $_->[$i] } @jobs } 0, 1;
        return join ' ', split /\n/, v("SELECT social_worker_beat('w',
            '1 hour', '{$ids}', '{$fences}')");
    };

    is($beat->(), '', 'all are its own');
    is(v("SELECT lease_until > now() + interval '50 minutes'
        FROM job_workers WHERE name = 'w'"), 't', 'for an hour');

    my $locked = session('locker', "BEGIN; SELECT FROM jobs FOR UPDATE");
    is($beat->(), '', 'locked rows of jobs are not waited for');
    over($locked);

    v("SELECT social_job_cancel($jobs[0][0])");
    is($beat->(), $jobs[0][0], 'one was canceled');
    is(v("SELECT string_agg(id::text, ' ') FROM social_worker_held('w')"),
        "$jobs[1][0] $jobs[2][0]", 'what it holds');

    lost('w');
    is(scalar(claim('v', 5)), 2, 'after its lease another has them');
    is($beat->(), join(' ', map { $_->[0] } @jobs), 'and it learns that');
    is(v("SELECT string_agg(name, ' ') FROM job_workers
        WHERE lease_until > now() AND name = 'v'"), 'v', 'v lives');

    v("SELECT social_worker_leave('v')");
    is(v("SELECT count(*) FROM job_workers WHERE name = 'v'"), 0, 'v left');
    is(v("SELECT count(*) FROM jobs WHERE state = 'running'"), 0,
        'and holds nothing');
    clear();
};


subtest 'one bad result fails its own job' => sub {
    my @ids = map { upload("b$_", 'avatar') } 1 .. 3;
    my @jobs = claim('w', 3, queue => 'images');
    is(state_of($_), 'processing', 'at work') for @ids;

    my $good = '{"variants": {"a": {"key": "k"}}, "placeholder": "p",'
        . ' "avatar": "k"}';
    is(finish('w', \@jobs, [$good, '{"variants": [1]}', $good]),
        'done dead done', 'the others are done');
    is(join(' ', map { state_of($_) } @ids), 'ready failed ready', 'so are the'
        . ' uploads');
    is(v("SELECT string_agg(avatar_key, ' ') FROM users WHERE sub LIKE 'b%'"),
        'k k', 'and their pictures');
    like(v("SELECT last_error FROM jobs WHERE state = 'dead'"),
        qr/result was refused: the result has no usable/, 'the error says why');
    is(finish('w', \@jobs), 'done dead done', 'the answer, again');
    is(v("SELECT social_jobs_retry('images', 'avatar', 'refused', NULL,
        10)"), 1, 'it is tried again');
    is(state_of($ids[1]), 'stored', 'and waits');

    # a row that is locked is in the way of one only

    my ($job) = claim('w', 1, queue => 'images');
    my $id = upload('b4', 'post');
    my ($other) = claim('w', 1, queue => 'images');
    my $locked = session('locker', "BEGIN; SELECT FROM uploads
        WHERE id = '$ids[1]' FOR UPDATE");
    is(finish('w', [$job, $other], [$good, $good]), 'scheduled done',
        'it is done later, the other is done');
    over($locked);
    is(state_of($id), 'ready', 'really');

    v("UPDATE jobs SET handler = 'gone' WHERE id = $job->[0]");
    v("UPDATE jobs SET run_at = now() WHERE state = 'scheduled'");
    ($job) = claim('w', 1, queue => 'images');
    is(finish('w', [$job], [$good]), 'dead', 'one with a handler that is not');
    clear();
};


subtest 'announcements and ends of jobs' => sub {
    my $id = upload('d1', 'post');
    my $key = v("SELECT object_key FROM uploads WHERE id = '$id'");
    my $job = v("SELECT id FROM jobs WHERE state = 'ready'");

    # who announces has the upload and then wants the job; who discards the
    # other way round

    my $before = v("SELECT deadlocks FROM pg_stat_database
        WHERE datname = 'social'");
    my @got = at_once(
        "BEGIN; SELECT FROM uploads WHERE id = '$id' FOR UPDATE;
         SELECT pg_sleep(1);
         SELECT social_object_created('t', 'dead', 'raw', '$key', 1, 'y');
         COMMIT",
        "SELECT pg_sleep(0.5); SELECT social_job_discard($job)");
    is(scalar(grep { /ERROR/ } @got), 0, 'both go through') or diag("@got");
    like($got[0], qr/queued/, 'the new object is worked on');

    # all of it at once

    my @uploads = map { upload("d$_", 'avatar') } 1 .. 4;
    my @keys = map { v("SELECT object_key FROM uploads WHERE id = '$_'") }
        @uploads;
    my $e = 0;
    my @sessions = map { my $s = $_; join ';', map { $e++;
        "SELECT social_object_created('t', 's$e', 'raw', '$keys[$e % 4]', 1,
            'g$e')" } 1 .. 60 } 1 .. 3;
    push @sessions, map { my $w = "w$_"; join ';', (
        "SELECT social_job_fail(id, fence, '$w', 'missing', 'e', 'r', NULL)
            FROM social_jobs_claim('images', '$w', '1 hour', 2)",
        "SELECT social_jobs_finish('$w', array_agg(id), array_agg(fence),
            array_agg('{\"variants\": {}, \"avatar\": \"k\"}'::jsonb))
            FROM social_jobs_claim('images', '$w', '1 hour', 3)",
        "SELECT social_job_discard(max(id)) FROM jobs WHERE state = 'ready'",
        "SELECT social_job_retry(max(id)) FROM jobs WHERE state = 'dead'",
        ) x 25 } 1 .. 3;
    @got = at_once(@sessions);
    is(scalar(grep { /deadlock/ } @got), 0, 'no session sees a deadlock')
        or diag(grep { /deadlock/ } @got);
    $pg->wait_for("SELECT pg_stat_clear_snapshot() IS NULL", 't', 1);
    sleep 1;
    is(v("SELECT deadlocks - $before FROM pg_stat_database
        WHERE datname = 'social'"), 0, 'there was none');
    clear();
};


subtest 'owners take turns' => sub {
    v("SELECT social_job_add('a', p_group => 'many')
        FROM generate_series(1, 300)");
    v("SELECT social_job_add('b', p_group => 'one')");
    v("SELECT social_job_add('c')");
    my %got = map { $_->[2] => 1 } claim('w', 20);
    ok($got{b}, 'one does not wait for the three hundred of another');
    ok($got{c}, 'nor does what has no owner');

    v("SELECT social_job_add('d', p_group => 'late')");
    sleep 0.12;
    claim('w', 150);
    v("SELECT social_job_add('e', p_group => 'later')");
    %got = map { $_->[2] => 1 } claim('w', 20);
    ok($got{e}, 'nor one who comes when half of them are done');
    is(scalar(claim('w', 1000)), 303 + 1 - 20 - 150 - 20,
        'and all are claimed in the end');
    clear();
};


subtest 'priorities' => sub {
    v("SELECT social_job_add('low', p_priority => 200)
        FROM generate_series(1, 3)");
    my ($job) = claim('w', 1);
    v("SELECT social_job_add('high', p_priority => -5)");
    v("SELECT social_job_add('low', p_priority => 200)");
    v("SELECT social_jobs_release('w', '{$job->[0]}', '{$job->[1]}')");
    sleep 0.12;
    is((claim('w', 1))[0][2], 'high', 'a priority that is new goes first');
    is((claim('w', 1))[0][0], $job->[0], 'then what came back');
    v("UPDATE jobs SET priority = -9 WHERE id = (SELECT max(id) FROM jobs
        WHERE state = 'ready')");
    my $last = v("SELECT max(id) FROM jobs WHERE state = 'ready'");
    sleep 0.12;
    is((claim('w', 1))[0][0], $last, 'one that a person put in front');
    clear();
};


subtest 'schedules' => sub {
    v("SELECT social_schedule_set('tidy', 'tidy', '1 hour', '{\"a\": 1}')");
    my @got = at_once(map { my $w = $_; "SELECT kind FROM social_jobs_claim(
        'default', 'w$w', '1 hour', 5)" } 1 .. 8);
    is(scalar(grep { /tidy/ } @got), 1, 'of eight workers one has it');
    is(v("SELECT count(*) FROM jobs"), 1, 'once');
    is(v("SELECT next_at > now() + interval '50 minutes' FROM job_schedules"),
        't', 'the next is in an hour');

    v("UPDATE job_schedules SET next_at = now() - interval '5 hours'");
    claim('w', 5);
    is(v("SELECT count(*) FROM jobs"), 1, 'not while one of it runs');
    v("UPDATE jobs SET state = 'done', finished_at = now()");
    v("UPDATE job_schedules SET next_at = now() - interval '5 hours'");
    is(scalar(claim('w', 5)), 1, 'what was missed is made up for by one');

    v("SELECT social_schedule_set('night', 'x', '1 day',
        p_start => '2025-03-29 03:00 Europe/Berlin', p_zone => 'Europe/Berlin')");
    claim('w', 5);
    is(v("SELECT to_char(next_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI')
        FROM job_schedules WHERE name = 'night'"), '03:00',
        'at three, in summer and in winter');
    is(v("SELECT social_schedule_drop('night')"), 't', 'dropped');

    for my $bad ("'', 'x', '1 hour'", "'x', 'x', '0 s'", "'x', 'x', NULL",
        "'x', 'x', '1 h', '[]'", "'x', 'x', '1 h', p_zone => 'Nowhere'")
    {
        my (undef, $ok) = $pg->attempt("SELECT social_schedule_set($bad);");
        ok(!$ok, "not $bad");
    }

    v('DELETE FROM job_schedules');
    clear();
};


subtest 'locks of jobs' => sub {
    v("SELECT social_job_add('x') FROM generate_series(1, 2)");
    my ($a, $b) = claim('w', 2);
    my $lock = sub {
        my ($job, $worker) = @_;
        return v("SELECT social_job_lock('l', $job->[0], $job->[1], '@{[
            $worker // 'w' ]}')");
    };

    is($lock->($a), 'locked', 'one has it');
    is($lock->($a), 'locked', 'and has it');
    is($lock->($b), 'busy', 'the other does not');
    is($lock->($b, 'v'), 'lost', 'and another worker not at all');
    finish('w', [$a]);
    is($lock->($b), 'locked', 'until the first is done');

    lost('w');
    my ($c) = claim('v', 1);
    is($lock->($c, 'v'), 'busy', 'taken from its worker, it holds a while');
    v("UPDATE job_locks SET until = now() - interval '1 s'");
    is($lock->($c, 'v'), 'locked', 'and not longer');

    my $user = '00000000-0000-4000-8000-0000000000ff';
    my $ask = "SELECT social_job_lock('avatar:$user', $c->[0], $c->[1], 'v')";

    for my $end ("SELECT social_clean_unlock('$user'); COMMIT", 'COMMIT') {
        my $clean = $pg->transaction("SELECT social_clean_lock('$user');
            COMMIT; BEGIN");
        is(v($ask), 'busy', 'cleaning has the lock of a picture');
        $clean->($end);
        is(v($ask), 'locked', 'until it is released, or its session ends');
        v("DELETE FROM job_locks");
    }

    # one cleaning waits for another, whose session ends meanwhile

    my $first = session('first', "SELECT social_clean_lock('$user')");
    my $second = fork // die;

    if (!$second) {
        my (undef, $ok) = $pg->attempt("SET application_name = 'second';
            SELECT social_clean_lock('$user');");
        POSIX::_exit(!$ok);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'second' AND wait_event = 'PgSleep'", 1);
    over($first);
    waitpid $second, 0;
    is($?, 0, 'the second has the lock when the first is gone');
    v("DELETE FROM job_locks");

    is(v("SELECT count(*) FROM pg_proc WHERE proname LIKE 'social%'
        AND prosrc ~ 'pg_(try_)?advisory_lock'"), 0,
        'no function takes a lock of the session');
    clear();
};


subtest 'notifications' => sub {
    my $out = $pg->sql("LISTEN social_jobs;
        SELECT social_job_add('x');
        SELECT social_job_add('x');
        SELECT social_job_add('x', p_run_at => now() + interval '1 hour');
        BEGIN; SELECT social_job_add('y', p_priority => 1);
        SELECT social_job_add('y', p_priority => 1); COMMIT;");
    is(scalar(() = $out =~ /notification "social_jobs" with payload "default"/g),
        2, 'the first of a priority wakes');
    my ($job) = claim('w', 1);
    $out = $pg->sql("LISTEN social_jobs; SELECT social_job_cancel($job->[0]);");
    like($out, qr/with payload "cancel"/, 'a worker hears of what is canceled');
    clear();
};


subtest 'claims at the same time' => sub {
    v("SELECT social_job_add('x') FROM generate_series(1, 4)");

    # the first one has taken its jobs, and has not committed

    my $end = $pg->transaction("SELECT social_jobs_claim('default', 'a', '1 hour',
        2)");
    my ($got, $ok) = $pg->attempt("SET statement_timeout = '20s';
        SELECT count(*) FROM social_jobs_claim('default', 'b', '1 hour', 3)
            WHERE worker = 'b';");

    ok($ok, 'the second one does not wait');
    is($got, 2, '... and has the others') or diag($got);
    $end->('COMMIT');

    is(v("SELECT string_agg(worker || n, ' ' ORDER BY worker) FROM (
        SELECT worker, count(*) AS n FROM jobs WHERE state = 'running'
            GROUP BY worker) t"), 'a2 b2', 'each has two');
    is(v("SELECT string_agg(worker || left_over, ' ' ORDER BY worker)
        FROM job_claims"), 'a2 b2', '... and knows of two');
    clear();
};


subtest 'for operators' => sub {
    v("SELECT social_job_add('mail') FROM generate_series(1, 6)");
    v("SELECT social_job_add('post')");
    my @jobs = claim('w', 7);
    v("SELECT social_job_fail($_->[0], $_->[1], 'w', 'permanent',
        '" . ($_ == $jobs[0] || $_ == $jobs[3] ? 'smtp 550' : 'dns')
        . "', 'r', NULL)") for @jobs;
    v("UPDATE jobs SET died_at = now() - interval '2 days'
        WHERE id = $jobs[0][0]");

    is(v("SELECT sum(jobs) FROM social_queue_stats WHERE state = 'dead'"), 7,
        'seven are dead');
    is(v("SELECT social_jobs_retry(NULL, 'mail', '550', now()
        - interval '1 day', NULL) + social_jobs_retry(NULL, 'mail', 'nothing',
        NULL, NULL)"), v("SELECT count(*) FROM jobs WHERE kind = 'mail'
        AND last_error = 'smtp 550' AND id <> $jobs[0][0]"),
        'those of a kind and an error, since yesterday');
    is(v("SELECT social_jobs_retry('default', NULL, NULL, NULL, 2)"), 2,
        'no more than two');
    my $left = v("SELECT count(*) FROM jobs WHERE state = 'dead'");
    is(v("SELECT social_jobs_discard(NULL, NULL, NULL, NULL, 100)"), $left,
        'the rest is discarded');
    is(v("SELECT social_jobs_discard(NULL, NULL, NULL, NULL, 100)"), 0, 'once');
    is(v("SELECT string_agg(DISTINCT last_error, ' ') FROM social_jobs
        WHERE state = 'dead'"), 'discarded', 'as it says');
    my (undef, $ok) = $pg->attempt("SELECT payload FROM social_jobs;");
    ok(!$ok, 'payloads are not in the view');
    is(v("SELECT jobs FROM social_queue_stats WHERE state = 'ready'"), 7 - $left,
        'the others are ready');
    clear();
};


subtest 'what is over goes' => sub {
    v("INSERT INTO jobs (queue, kind, state, created_at, finished_at)
        SELECT 'default', 'x', CASE WHEN i % 50 = 0 THEN 'dead' ELSE 'done' END,
            now() - interval '3 days', now() - interval '2 days'
        FROM generate_series(1, 5000) i");
    v("INSERT INTO jobs (queue, kind, state, finished_at)
        SELECT 'default', 'young', 'done', now() FROM generate_series(1, 100)");
    v("INSERT INTO events (source, event_id, received_at) SELECT 'old', i,
        now() - interval '31 days' FROM generate_series(1, 4500) i");
    my $pending = upload('p1', 'post');
    v("UPDATE uploads SET state = 'pending',
        expires_at = now() - interval '31 days' WHERE id = '$pending'");
    v("SELECT social_job_add('waits')");

    my ($calls, $rows, $most) = (0, 0, 0);

    while (my $n = v('SELECT social_prune()')) {
        $rows += $n;
        $most = $n if $n > $most;
        last if ++$calls > 50;
    }

    is($rows, 4900 + 4500 + 1, 'all that is due, in one go');
    cmp_ok($calls, '<', 12, 'a thousand of each at a time');
    cmp_ok($most, '<=', 2001, '... and no more');
    is(v("SELECT count(*) FILTER (WHERE state = 'dead'),
        count(*) FILTER (WHERE kind = 'young'),
        count(*) FILTER (WHERE kind = 'waits') FROM jobs"), '100|100|1',
        'nothing else');
    is(v("SELECT count(*) FROM uploads WHERE id = '$pending'"), 0,
        'nor an upload that never came');
    is(v("SELECT social_prune(p_dead => '1 day')"), 100, 'the dead in time');

    $pending = upload('p2', 'post');
    v("UPDATE uploads SET state = 'pending',
        expires_at = now() - interval '31 days' WHERE id = '$pending'");
    v("INSERT INTO revocations VALUES ('i', 'jti:x', now() - interval '1 day')");
    v("INSERT INTO job_locks (name, job, fence, worker, until)
        VALUES ('x', 0, 0, 'w', now() - interval '1 day')");

    my $due = q{SELECT (SELECT count(*) FROM uploads WHERE state = 'pending')
        + (SELECT count(*) FROM revocations) + (SELECT count(*) FROM job_locks)
        + (SELECT count(*) FROM events)};
    my $before = v($due);
    my $locked = session('locker', "BEGIN; SELECT FROM jobs FOR UPDATE;
        SELECT FROM events FOR UPDATE; SELECT FROM revocations FOR UPDATE;
        SELECT FROM uploads FOR UPDATE; SELECT FROM job_locks FOR UPDATE");
    is(v("SET statement_timeout = '30s'; SELECT social_prune(
        p_done => '0 s', p_events => '0 s')"), 0, 'locked rows are left');
    is(v($due), $before, '... of each kind, and not waited for');
    over($locked);
    clear();
};


subtest 'what is over behind what is kept' => sub {
    1 while v('SELECT social_prune()');

    for my $state ([ dead => 2500 ], [ done => 10 ]) {
        v("INSERT INTO jobs (queue, kind, state, created_at, finished_at)
            SELECT 'default', 'x', '$state->[0]', now() - interval '3 days',
                now() - interval '2 days'
            FROM generate_series(1, $state->[1])");
    }

    1 while v('SELECT social_prune()');

    is(v("SELECT count(*) FROM jobs WHERE state = 'done'"), 0,
       'is found in one go');
    is(v('SELECT count(*) FROM jobs'), 2500, '... and nothing else');
    clear();
};


subtest 'heads that are wrong' => sub {
    v("SELECT social_job_add('x', p_queue => 'm')");
    claim('w', 1, queue => 'm');
    v("SELECT social_job_add('x', p_queue => 'm') FROM generate_series(1, 2)");
    v("UPDATE job_lanes SET head = (SELECT min(pos) + 1 FROM jobs
            WHERE queue = 'm')
        WHERE queue = 'm'");
    is(scalar(claim('w', 5, queue => 'm')), 1, 'a job is not found');
    v('SELECT social_prune()');
    is(scalar(claim('w', 1, queue => 'm')), 1, 'pruning mends that');
    clear();
};


done_testing();
