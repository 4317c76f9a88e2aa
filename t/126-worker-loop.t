#!/usr/bin/perl

# The worker's main thread and a database that does not answer: it waits for
# nothing, renews its lease, and notices when that is lost.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Time::HiRes qw( sleep time );

use SocialSwallow;
use SocialWorker;

my $w = SocialWorker->new
    or plan skip_all => 'social-worker or PostgreSQL is not there: run '
        . '"make deps"';

# what a machine takes that is busy with other suites, and then some

my $SOON = 15;

sub stopped { kill 'STOP', @_; return @_ }

# What they were sent and have not read they must not do: they end.

sub continued {
    kill 'TERM', @_;
    kill 'CONT', @_;
    $w->{pg}->wait_for('SELECT count(*) FROM pg_stat_activity WHERE pid IN ('
        . join(', ', 0, @_) . ')', 0);
}

sub at_gate {
    my ($id) = @_;

    my $key = $w->v("SELECT object_key FROM uploads WHERE id = '$id'");
    my $there = SocialWorker::until_true(60, sub {
        $w->requests(qr{^GET /raw/\Q$key\E$}) });
    ok($there, 'a job waits for its object') or diag(
        map { $w->log_of($_) } keys %{ $w->{workers} });
}

sub gets_of {
    my ($id) = @_;
    my $key = $w->v("SELECT object_key FROM uploads WHERE id = '$id'");
    return $w->requests(qr{^GET /raw/\Q$key\E$});
}

# Until a heartbeat is recorded, of that worker or of any.

sub another_beat {
    my ($pid) = @_;
    my $beat = 'SELECT max(lease_until) FROM job_workers'
        . ($pid ? " WHERE name LIKE '%/$pid/%'" : '');
    my $last = $w->v($beat);

    ok(SocialWorker::until_true(60, sub { $w->v($beat) ne $last }),
        'a heartbeat');
    return;
}

sub puts_of { return $w->requests(qr{^PUT /assets/images/$_[0]/}) }


subtest 'a backend that hangs, and SIGTERM' => sub {
    $w->conf;
    my $pid = $w->worker;
    my $id = $w->upload('post');
    is($w->state_of($id), 'done', 'it works');

    my @backends = stopped($w->backends);
    cmp_ok(scalar @backends, '>=', 1, 'backends that hang');
    sleep 1.5;                          # one or another statement is under way
    my ($status, $log, $took) = $w->stop($pid, 'TERM', $SOON);
    is($status, 0, 'it leaves') or diag($log);
    continued(@backends);
};


subtest 'backends that hang, and others' => sub {
    $w->conf(lease => '6s', poll => '5s');
    my $pid = $w->worker;
    is($w->state_of($w->upload('post')), 'done', 'it works');
    $w->{pg}->wait_for("SELECT count(*) FROM pg_stat_activity WHERE
        application_name = 'social-worker' AND state <> 'idle'", 0);

    my @backends = stopped($w->backends);
    my $id = $w->upload('post');
    is($w->state_of($id, 'done', 60), 'done', 'it connects again, and goes on');
    is($w->v("SELECT count(*) FROM job_workers WHERE lease_until > now()"), 1,
        'its lease is renewed');
    is(scalar(grep { kill 0, $_ } @backends), scalar @backends,
        'while they hang');
    continued(@backends);
    is(($w->stop($pid))[0], 0, 'it leaves');
    $w->conf;
};


subtest 'and with a job at work' => sub {
    $w->conf(lease => '4s');
    $w->close_gate;
    my $pid = $w->worker;
    my $id = $w->upload('post', key => 'gate');
    at_gate($id);

    my @backends = stopped($w->backends);
    kill 'TERM', $pid;
    sleep 0.5;
    $w->open_gate;
    my ($status, $log, $took) = $w->stop($pid, 'TERM', $SOON);
    is($status, 0, 'it leaves') or diag($log);
    continued(@backends);

    $pid = $w->worker;
    is($w->state_of($id), 'done', 'another does the job, soon');
    $w->stop($pid);
};


subtest 'a locked row' => sub {
    $w->conf(lease => '6s');
    $w->close_gate;
    my @ids = map { $w->upload('post', key => "gate-row$_") } 1, 2;
    my @pids = map { $w->worker } 1, 2;
    at_gate($_) for @ids;

    my $lock = $w->lock_rows("SELECT FROM jobs WHERE payload->>'upload' = '$ids[0]'
        FOR UPDATE");
    sleep 14;                           # more than two leases
    is(gets_of($_), 1, 'nobody else has begun it') for @ids;

    $w->open_gate;
    is($w->state_of($ids[1]), 'done',
        'the other is recorded while the row is locked');
    sleep 1.5;
    close $lock;
    is($w->state_of($ids[0]), 'done', 'and this one after that');
    is(gets_of($_), 1, 'each was done once') for @ids;
    is($w->job_of($_, 'attempt'), 1, 'in one attempt') for @ids;

    my @logs = map { ($w->stop($_))[1] } @pids;
    Test::More->builder->is_passing or diag(@logs);
};


subtest 'a worker that finishes does not spin' => sub {
    $w->conf;
    $w->close_gate;
    my $pid = $w->worker;
    my $id = $w->upload('post', key => 'gate-spin');
    at_gate($id);

    kill 'TERM', $pid;
    ok($w->logged($pid, qr/"worker stopping"/), 'SIGTERM');
    my $before = SocialWorker::cpu_of($pid);
    sleep 3;
    my $used = SocialWorker::cpu_of($pid) - $before;
    cmp_ok($used, '<', 0.7, "it used $used s of 3 s");

    $w->open_gate;
    is($w->state_of($id), 'done', 'the job is done');
    is(($w->stop($pid))[0], 0, 'then it leaves');
};


subtest 'a job that is lost' => sub {
    $w->conf(lease => '4s');

    for my $how ('canceled', 'taken') {
        my $pid = $w->worker;
        my $id = $w->upload('slow');
        is($w->state_of($id, 'running'), 'running', "to be $how");
        my $decoder = $w->decoder_of($pid);
        ok($decoder, 'a decoder is at work');

        $w->v($how eq 'canceled'
            ? "SELECT social_job_cancel(id) FROM jobs
               WHERE payload->>'upload' = '$id'"
            : "UPDATE jobs SET fence = fence + 1
               WHERE payload->>'upload' = '$id'");

        ok(SocialWorker::until_true($SOON, sub {
            !-d "/proc/$decoder"
                || SocialWorker::slurp("/proc/$decoder/stat") =~ /\) Z/ }),
            'it is killed');
        ok($w->logged($pid, qr/"event":"job lost"/, $SOON), 'the log says so');
        is(puts_of($id), 0, 'nothing is shown');

        if ($how eq 'taken') {
            my $next = $w->upload('post');
            is($w->state_of($next), 'done', 'the worker goes on');
        }

        # what was "taken" by nobody is released, as an answer that was lost
        $w->v("DELETE FROM jobs WHERE payload->>'upload' = '$id'");
        is(($w->stop($pid))[0], 0, 'and leaves');
    }
};


subtest 'deletions of a job that is lost' => sub {
    $w->conf(lease => '4s');
    $w->close_gate;

    my $uploads = join ', ', map { qq({"id":
        "00000000-0000-4000-9000-00000000000$_->[0]", "kind": "post",
        "generation": 0, "bucket": "raw", "key": "raw/$_->[1]"}) }
        [1, 'gate-erase'], [2, 'behind'];
    my $job = $w->v("SELECT social_job_add('erase',
        '{\"uploads\": [$uploads]}', 'images')");
    SocialWorker::spew("$w->{dir}/raw/raw/behind", 'x');

    my $pid = $w->worker;
    ok(SocialWorker::until_true(60, sub {
        $w->requests("DELETE /raw/raw/gate-erase\n") }), 'it deletes')
        or diag($w->log_of($pid));

    # two heartbeats later it knows: one may have been sent before

    $w->v("UPDATE jobs SET fence = fence + 1 WHERE id = $job");
    another_beat() for 1, 2;
    $w->open_gate;
    ok($w->logged($pid, qr/"event":"job lost","job":"$job"/), 'it is lost');
    is($w->requests("DELETE /raw/raw/behind\n"), 0, 'nothing more is deleted');
    $w->v("DELETE FROM jobs WHERE id = $job");
    is(($w->stop($pid))[0], 0, 'it leaves');
    $w->conf;
};


# A job that was given back, or tried again by somebody, has been claimed more
# often than it was tried.

subtest 'a fence that is not the attempt' => sub {
    $w->conf;

    my ($good, $bad) = ($w->upload('post'), $w->upload('post', data => 'junk'));

    $w->v("UPDATE jobs SET fence = fence + 7
        WHERE payload->>'upload' IN ('$good', '$bad')");

    my $pid = $w->worker;
    is($w->state_of($good), 'done', 'what was done is recorded');
    is($w->state_of($bad, 'dead'), 'dead', 'and so is what failed');
    is($w->job_of($_, 'attempt'), 1, 'in one attempt') for $good, $bad;

    my ($status, $log) = $w->stop($pid);
    unlike($log, qr/"job lost"|"state":"lost"/, 'none is lost');
};


subtest 'a result with an old fence' => sub {
    $w->conf;
    $w->close_gate;

    # a worker that does not learn that the job is not its own

    $w->v('ALTER FUNCTION social_worker_beat RENAME TO beat_as_it_was');
    $w->v("CREATE FUNCTION social_worker_beat(w text, l interval, i bigint[],
        f bigint[]) RETURNS SETOF bigint LANGUAGE sql AS
        'SELECT beat_as_it_was(w, l, ''{}'', ''{}'')'");
    $w->v("ALTER FUNCTION social_worker_held RENAME TO held_as_it_was");
    $w->v("CREATE FUNCTION social_worker_held(w text)
        RETURNS TABLE (id bigint, fence bigint) LANGUAGE sql AS
        'SELECT 1::bigint, 1::bigint WHERE false'");

    my $pid = $w->worker;

    for my $what ('done', 'failed') {
        $w->close_gate;
        my $id = $w->upload('post', key => 'gate-fence',
            data => $what eq 'done' ? $w->{photo} : 'junk');
        at_gate($id);
        $w->v("UPDATE jobs SET fence = fence + 1
            WHERE payload->>'upload' = '$id'");
        $w->open_gate;
        ok($w->logged($pid, $what eq 'done' ? qr/"event":"job lost"/
            : qr/"event":"job failed".*"state":"lost"/), "$what: it is lost");
        is($w->job_of($id, 'state'), 'running', 'it is as it was');
        $w->v("DELETE FROM jobs WHERE payload->>'upload' = '$id'");
    }

    $w->stop($pid);
    $w->v("DROP FUNCTION social_worker_beat; DROP FUNCTION social_worker_held");
    $w->v('ALTER FUNCTION beat_as_it_was RENAME TO social_worker_beat');
    $w->v("ALTER FUNCTION held_as_it_was RENAME TO social_worker_held");
};


subtest 'a network that swallows' => sub {
    my $proxy = SocialSwallow->start($w->{dir}, $w->{pg});
    my $far = $w->conf(file => 'far.conf', conninfo => $proxy->conninfo,
        lease => '4s');
    $w->conf(lease => '4s');

    $w->close_gate;
    my $cut = $w->worker(conf => $far);
    my $id = $w->upload('post', key => 'gate-first');
    at_gate($id);
    $proxy->swallow;

    my $other = $w->worker;
    is($w->state_of($id), 'done', 'another worker does the job');
    is($w->job_of($id, 'attempt'), 2, 'in a second attempt');
    is(puts_of($id), 1, 'and shows it');

    $w->open_gate;
    ok($w->decoder_of($cut), 'the one that is cut off goes on');
    sleep 4;
    is(puts_of($id), 1, 'and does not show it');

    $proxy->answer;
    ok($w->logged($cut, qr/"event":"job lost"/), 'and learns why');
    is(puts_of($id), 1, 'nor does it then');

    is(($w->stop($other))[0], 0, 'the other leaves');
    my $next = $w->upload('post');
    is($w->state_of($next), 'done', 'it goes on');

    $proxy->swallow;
    my ($status, $log) = $w->stop($cut, 'TERM', $SOON);
    is($status, 0, 'swallowed again, it leaves') or diag($log);
    $proxy->answer;
};


# A lease holds from when it was asked for, and not from when that was answered:
# the server counts from then, too.

subtest 'a heartbeat that is answered late' => sub {
    # what somebody sent before, and was swallowed, is run by now

    ok(SocialWorker::until_true(60, sub { !$w->backends }), 'nobody is there');

    mkdir "$w->{dir}/late";
    my $proxy = SocialSwallow->start("$w->{dir}/late", $w->{pg});
    my $far = $w->conf(file => 'far.conf', conninfo => $proxy->conninfo,
        lease => '12s');
    $w->conf(lease => '12s');

    $w->close_gate;
    my $late = $w->worker(conf => $far);
    my $id = $w->upload('post', key => 'gate-first');
    at_gate($id);

    # half a lease is how long it waits for an answer

    $proxy->hold;
    another_beat($late);
    sleep 5;
    $proxy->swallow;

    my $other = $w->worker;
    is($w->state_of($id), 'done', 'another worker does the job')
        or diag($w->job_of($id, 'last_error, failures, run_at - now()'),
                $w->log_of($other));
    is($w->job_of($id, 'attempt'), 2, 'in a second attempt');
    is(puts_of($id), 1, 'and shows it');

    $w->open_gate;
    ok($w->decoder_of($late), 'the one that was answered late goes on');
    sleep 5;
    is(puts_of($id), 1, 'and does not show it');

    $proxy->answer;
    ok($w->logged($late, qr/"event":"job lost"/), 'and learns why');
    is(puts_of($id), 1, 'nor does it then');

    is(($w->stop($_))[0], 0, 'it leaves') for $other, $late;
    $w->conf(lease => '4s');
};


subtest 'the answer to a claim that was lost' => sub {
    $w->conf(lease => '4s');
    my $pid = $w->worker;
    ok(SocialWorker::until_true(60, sub { $w->backends >= 3 }), 'it is there');
    my $id = $w->upload('post');
    $w->state_of($id);
    my $name = $w->v("SELECT name FROM job_workers WHERE name LIKE '%/$pid/%'");
    isnt($name, '', 'with a name');

    # somebody with its name claims: as a backend does that goes on alone

    $w->v("SELECT social_job_add('post', '{\"x\": 1}', 'elsewhere')");
    $w->v("SELECT id FROM social_jobs_claim('elsewhere', '$name', '4s', 1)");
    is($w->{pg}->wait_for("SELECT state FROM jobs WHERE queue = 'elsewhere'",
        'ready', $SOON), 'ready', 'the job is given back');
    is($w->v("SELECT attempt FROM jobs WHERE queue = 'elsewhere'"), 0,
        'and was not tried');
    my ($status, $log) = $w->stop($pid);
    like($log, qr/"job released",.*the answer to a claim was lost/,
        'the log says so');
};


# Jobs of no work, in thousands: what there is nothing to delete for.

sub short {
    my ($n, $more) = @_;
    return $w->v("SELECT count(social_job_add('erase',
        '{\"uploads\": []}'::jsonb || coalesce(($more)::jsonb, '{}'),
        'short'))
        FROM generate_series(1, $n) i");
}

sub all_over {
    return $w->{pg}->wait_for("SELECT count(*) FROM jobs
        WHERE queue = 'short' AND state IN ('ready', 'running')", 0, 60);
}

subtest 'short jobs are claimed ahead, with the results of others' => sub {
    my $conf = $w->conf(file => 'short.conf', queue => 'short');

    $w->v('CREATE TABLE seen (what text, n integer, tx xid8)');
    $w->v('GRANT INSERT ON seen TO PUBLIC');
    $w->v("CREATE FUNCTION claims_seen() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO seen VALUES (''claim'', cardinality(NEW.ids),
        pg_current_xact_id()); RETURN NULL; END'");
    $w->v("CREATE FUNCTION ends_seen() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO seen VALUES (''end'', NEW.attempt,
        pg_current_xact_id()); RETURN NULL; END'");
    $w->v('CREATE TRIGGER claims_seen AFTER INSERT ON job_claims
        FOR EACH ROW EXECUTE FUNCTION claims_seen()');
    $w->v("CREATE TRIGGER ends_seen AFTER UPDATE ON jobs
        FOR EACH ROW WHEN (NEW.state = 'done' AND OLD.state <> 'done')
        EXECUTE FUNCTION ends_seen()");

    # a machine that is busy may have no time in which jobs are short

    my ($rounds, $most, $claims, $together) = (0);

    do {
        $w->v('DELETE FROM seen');
        short(3000, 'NULL');
        my $pid = $w->worker(conf => $conf);
        is(all_over(), 0, 'all are done');
        is(($w->stop($pid))[0], 0, 'the worker leaves');

        is($w->v("SELECT count(*) || ' ' || max(n) FROM seen
            WHERE what = 'end'"), '3000 1', 'each once, in the first attempt');

        ($most, $claims) = split / /, $w->v("SELECT max(n) || ' ' || count(*)
            FROM seen WHERE what = 'claim'");
        $together = $w->v("SELECT count(DISTINCT tx) FROM seen c
            WHERE what = 'claim' AND EXISTS (SELECT FROM seen e
            WHERE e.tx = c.tx AND what = 'end')");
    } while (++$rounds < 6 && ($most <= 2 || $claims >= 1000 || !$together));

    cmp_ok($most, '>', 2, "up to $most are claimed, for two threads");
    cmp_ok($most, '<=', 102, 'and no more');
    cmp_ok($claims, '<', 1000, "in $claims claims");
    cmp_ok($together, '>', 0, 'claims and results have a transaction together');
    is($w->v('SELECT count(*) FROM job_claims'), 0, 'no claim is left');
};


subtest 'a result that is refused' => sub {
    my $conf = "$w->{dir}/short.conf";

    $w->v("DELETE FROM jobs WHERE queue = 'short'");
    $w->v("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''not this one''; END'");
    $w->v("CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW
        WHEN (NEW.state = 'done' AND NEW.payload ->> 'bad' = '500')
        EXECUTE FUNCTION refuse()");

    short(1000, q[jsonb_build_object('bad', i)]);
    my $pid = $w->worker(conf => $conf);
    is(all_over(), 0, 'all are over');
    is($w->v("SELECT string_agg(DISTINCT state || ' ' || attempt, ', ')
        FROM jobs WHERE queue = 'short' AND payload ->> 'bad' <> '500'"),
        'done 1', 'the others are done, though they were claimed or recorded'
        . ' with it');
    like($w->v("SELECT state || ' ' || last_error FROM jobs
        WHERE queue = 'short' AND payload ->> 'bad' = '500'"),
        qr/^scheduled the result was not recorded: not this one/,
        'and this one is for later');
    my ($status, $log) = $w->stop($pid);
    is($status, 0, 'the worker leaves');
    is(scalar(() = $log =~ /"error":""/g), 0, 'no error without words');
    $w->v('DROP TRIGGER refuse ON jobs');
};


subtest 'claims that are refused' => sub {
    my $conf = "$w->{dir}/short.conf";

    $w->v("DELETE FROM jobs WHERE queue = 'short'");
    $w->v("CREATE TABLE closed (yes boolean)");
    $w->v('GRANT SELECT ON closed TO PUBLIC');
    $w->v("CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF EXISTS (SELECT FROM closed) THEN
        RAISE EXCEPTION ''closed''; END IF; RETURN NEW; END'");
    $w->v("CREATE TRIGGER closed BEFORE INSERT ON job_claims FOR EACH ROW
        WHEN (NEW.worker <> 'x') EXECUTE FUNCTION closed()");

    short(30000, 'NULL');
    my $pid = $w->worker(conf => $conf);
    ok(SocialWorker::until_true(60, sub { $w->v("SELECT EXISTS (SELECT
        FROM jobs WHERE queue = 'short' AND state = 'done')") eq 't' }),
        'it is at work');
    $w->v('INSERT INTO closed VALUES (true)');

    is($w->{pg}->wait_for("SELECT count(*) FROM jobs WHERE queue = 'short'
        AND state = 'running'", 0, 30), 0,
        'what was claimed is recorded by itself');
    cmp_ok($w->v("SELECT count(*) FROM jobs WHERE queue = 'short'
        AND state = 'ready'"), '>', 0, 'while there is more');

    $w->v('DELETE FROM closed');
    is(all_over(), 0, 'and then all the others');
    is($w->v("SELECT count(*) || ' ' || max(attempt) FROM jobs
        WHERE queue = 'short' AND state = 'done'"), '30000 1', 'each once');
    is(($w->stop($pid))[0], 0, 'the worker leaves');
    $w->v('DROP TRIGGER closed ON job_claims');
};


# What a server is asked that logs each statement.

subtest 'without notifications' => sub {
    $w->v("ALTER SYSTEM SET log_statement = 'all'");
    $w->{pg}->reload;

    for my $listen ('on', 'off') {
        my $before = length $w->{pg}->output;
        $w->conf(listen => $listen, poll => $listen eq 'on' ? '60s' : '200ms');
        my $pid = $w->worker;
        ok(SocialWorker::until_true(60, sub { $w->backends >= 3 }), 'there');

        # once its first claim has found nothing

        ok(SocialWorker::until_true(60, sub {
            substr($w->{pg}->output, $before) =~ /social_jobs_claim/ }),
            "listen=$listen: it has asked for jobs");
        sleep 0.5;
        my $id = $w->upload('post');
        is($w->state_of($id, 'done', 30), 'done', 'a job is found');

        my $log = substr $w->{pg}->output, $before;
        $listen eq 'on' ? like($log, qr/LISTEN social_jobs/, 'it listens')
            : unlike($log, qr/LISTEN/, 'it does not listen');
        is(($w->stop($pid))[0], 0, 'the worker leaves');
    }

    $w->v('ALTER SYSTEM RESET log_statement');
    $w->{pg}->reload;

    SKIP: {
        skip 'PgBouncer is not installed', 3 if !SocialPostgres::pgbouncer();

        $w->conf(listen => 'off', conninfo => $w->{pg}->pooler(
            'ignore_startup_parameters = options'));
        my $pid = $w->worker;
        my @ids = map { $w->upload('avatar') } 1 .. 3;
        is(join(' ', map { $w->state_of($_) } @ids), 'done done done',
            'through a pooler of transactions');
        is($w->v('SELECT count(*) FROM job_locks'), 0, 'no lock is left');
        is(($w->stop($pid))[0], 0, 'the worker leaves');
    }

    $w->conf;
};


done_testing();
