#!/usr/bin/perl

# What social-worker does with jobs that fail, by whose fault they do, and with
# what the database answers: against its own PostgreSQL and S3 server.

use strict;
use warnings;

use lib 't/lib';

use File::Path ();
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use SocialBucket;
use SocialImage;
use SocialPostgres;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && SocialPostgres::bin()
    || plan skip_all => "$program or PostgreSQL is not there: run \"make deps\"";

chomp(my $cwd = `pwd`);
$program = "$cwd/$program" if $program !~ m{^/};

my $dir = File::Temp->newdir('social-retries-XXXXXX', TMPDIR => 1);
my $pg = SocialPostgres->start;

$pg->migrate;
mkdir "$dir/$_" for qw(raw assets);
my $buckets = SocialBucket->start($dir);

# names and numbers of our own only

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;


sub v { return $pg->value($_[0]) }

sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($file, $data) = @_;
    (my $folder = $file) =~ s{/[^/]*$}{};
    File::Path::make_path($folder);
    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f;
}

# What a poisonous file takes is far more than its time limit, whatever the
# machine.

spew("$dir/worker.conf", <<"CONF" . join '', map { <<"CONF" } 1 .. 12);
concurrency = 2
lease = "20s"
poll = "200ms"
database { @{[ $pg->worker ]} }
bucket raw { @{[ $buckets->conf ]} }
bucket assets { @{[ $buckets->conf ]} }
bucket away { @{[ $buckets->conf(endpoint => 'http://127.0.0.1:1',
    credentials => 'env') ]} }
variant small {
    width = 64
    height = 64
}
kind post {
    variants = {"small"}
    output = "assets"
    time_limit = "80s"
}
kind remote {
    variants = {"small"}
    output = "away"
}
kind avatar {
    variants = {"small"}
    output = "assets"
    alias = "avatars/{sub}.jpg"
}
kind poison {
    variants = {@{[ join ', ', map { "slow$_" } 1 .. 12 ]}}
    output = "assets"
    time_limit = "64s"
}
kind hurry {
    variants = {"slow1"}
    output = "assets"
    time_limit = "1100ms"
}
CONF
variant slow$_ {
    width = 1600
    height = 1600
    fit = "contain"
    formats = {"avif"}
    effort = 6
    quality = 90
    enlarge = true
}
CONF


my %workers;

sub worker {
    my $log = "$dir/log." . (1 + keys %workers);
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>', $log;
        exec $program, '-c', "$dir/worker.conf", 'run' or POSIX::_exit(127);
    }

    $workers{$pid} = $log;
    return $pid;
}

sub stop {
    my ($pid, $signal) = @_;

    kill $signal || 'TERM', $pid;
    waitpid $pid, 0;
    my $status = $?;
    my $log = slurp(delete $workers{$pid});
    $workers{"gone $pid"} = '';

    return ($status, $log);
}

END {
    my $status = $?;
    for my $pid (grep { /^\d+$/ } keys %workers) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    $? = $status;
}

sub once {
    my $out = `$program -c $dir/worker.conf once 2>&1`;
    return ($?, $out);
}

# Waits for a line of a log; returns how often it is there.

sub logged {
    my ($pid, $pattern) = @_;

    my $end = time + 60;

    while (time < $end) {
        my $n = () = slurp($workers{$pid}) =~ /$pattern/g;
        return $n if $n;
        sleep 0.05;
    }

    return 0;
}

my $n = 0;
my $photo = SocialImage::photo(300, 200);

sub upload {
    my ($kind, %o) = @_;

    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;

    v("SELECT social_upload_create('$id', 'iss', 'sub', 'sub', '$kind', 'raw',
        'raw/$n', 'image/png', 1, NULL, '5 minutes')");
    spew("$dir/raw/raw/$n", $photo);
    v("SELECT social_object_created('t', 'e$n', 'raw', 'raw/$n', 1, 'etag$n')");

    return $id;
}

sub job_of {
    my ($id, $what) = @_;
    return v("SELECT $what FROM jobs WHERE payload->>'upload' = '$id'");
}

sub state_of {
    my ($id, $wanted, $seconds) = @_;
    return $pg->wait_for("SELECT state FROM uploads WHERE id = '$id'",
        $wanted // 'ready', $seconds // 60);
}

# A child of a worker that decodes, other than those that were seen.

sub decoder_of {
    my ($pid, @not) = @_;

    for (1 .. 1200) {
        for my $task (glob "/proc/$pid/task/*/children") {
            for my $child (slurp($task) =~ /(\d+)/g) {
                next if grep { $_ == $child } @not;
                next if slurp("/proc/$child/cmdline") !~ /decoder/;

                # set up, which it is not as soon as it is there

                return $child
                    if slurp("/proc/$child/limits") =~ /open files +16 /;
            }
        }
        sleep 0.05;
    }

    return;
}

sub due
{
    return v("UPDATE jobs SET run_at = now()
        WHERE state IN ('ready', 'scheduled')");
}


subtest 'more jobs than were asked for' => sub {
    v('ALTER FUNCTION social_jobs_claim RENAME TO claim_as_it_was');
    v("CREATE FUNCTION social_jobs_claim(q text, w text, l interval, n integer,
        s integer) RETURNS SETOF jobs LANGUAGE sql AS
        'SELECT * FROM claim_as_it_was(q, w, l, n + 3, s)'");

    my @ids = map { upload('post') } 1 .. 8;
    my ($status, $log) = once();

    is($status, 0, 'do not end the worker');
    unlike($log, qr/"event":"job (lost|released)"/, 'but wait for a thread');
    is(v("SELECT count(*) FROM uploads WHERE state = 'ready'"), 8,
        'and all are done') or diag($log);
    is(v('SELECT max(attempt) FROM jobs'), 1, 'in one attempt each');

    v('DROP FUNCTION social_jobs_claim');
    v('ALTER FUNCTION claim_as_it_was RENAME TO social_jobs_claim');
};


subtest 'payloads that nobody can use' => sub {
    my $deep = '{"a":' x 200 . '1' . '}' x 200;
    my %payloads = (
        'no uuid' => ['{"upload": "nonsense", "generation": 1}', 'upload'],
        'nearly a uuid' => ['{"upload": "abc-", "generation": 1}', 'upload'],
        'null' => ['{"upload": null}', 'upload'],
        'nothing' => ['{}', 'upload'],
        'an array' => ['[1]', 'cannot be read'],
        'a string' => ['"x"', 'cannot be read'],
        'too deep' => [$deep, 'cannot be read'],
        'a generation' => ['{"upload":
            "00000000-0000-4000-8000-999999999999", "generation": "x"}',
            'generation'],
        'a large generation' => ['{"upload":
            "00000000-0000-4000-8000-999999999999", "bucket": "raw",
            "generation": 9999999999}', 'generation'],
        'no bucket' => ['{"upload":
            "00000000-0000-4000-8000-999999999999", "generation": 1}',
            'bucket'],
    );
    my $kind = 'x' x 63 . "\xc3\xa9";

    v("INSERT INTO jobs (queue, kind, priority) VALUES ('images', '$kind', 1)");
    v("INSERT INTO jobs (queue, kind, dedupe_key, priority, payload)
        VALUES ('images', 'avatar', '$_', 1, '$payloads{$_}[0]')")
        for sort keys %payloads;
    my $id = upload('post');

    my ($status, $log) = once();
    is($status, 0, 'the worker goes on');
    is(state_of($id, 'ready', 1), 'ready', 'the others are done')
        or diag($log);

    for my $what (sort keys %payloads) {
        like(v("SELECT state || ' ' || attempt || ' ' || last_error FROM jobs
            WHERE dedupe_key = '$what'"), qr/^dead 1 .*$payloads{$what}[1]/,
            "$what: dead, for its reason");
    }

    like(v("SELECT state || ' ' || last_error FROM jobs WHERE kind = '$kind'"),
        qr/^dead no section "kind x{63}\?"/, 'a name that was cut, too');
};


subtest 'a claim that fails' => sub {
    # another statement that failed before must not keep it out of the log

    v('ALTER FUNCTION social_prune RENAME TO prune_as_it_was');
    my $pid = worker();
    ok(logged($pid, qr/"statement failed".*social_prune/), 'one failed');

    v('ALTER FUNCTION social_jobs_claim RENAME TO claim_as_it_was');
    my $failed = qr/"level":"error","event":"statement failed",.*social_jobs_claim/;
    ok(logged($pid, $failed), 'the claim fails, and the log says so');
    my $id = upload('post');
    sleep 1.5;
    is(logged($pid, $failed), 1, 'once');

    v('ALTER FUNCTION claim_as_it_was RENAME TO social_jobs_claim');
    v('ALTER FUNCTION prune_as_it_was RENAME TO social_prune');
    is(state_of($id), 'ready', 'the worker was there');
    ok(logged($pid, qr/"statement succeeds again",.*social_jobs_claim/),
        'that it is over is said too');

    v('ALTER FUNCTION social_jobs_claim RENAME TO claim_as_it_was');
    ok($pg->wait_for("SELECT 1", 1), 'again');
    for (1 .. 1200) {
        last if logged($pid, $failed) > 1;
        sleep 0.05;
    }
    is(logged($pid, $failed), 2, 'and when it fails again');
    v('ALTER FUNCTION claim_as_it_was RENAME TO social_jobs_claim');
    my ($status, $log) = stop($pid);
    is($status, 0, 'stopped');
    Test::More->builder->is_passing or diag($log);
};


subtest 'a store that is unavailable' => sub {
    # buckets that do not exist

    my $away = sub {
        rename "$dir/$_[0]", "$dir/$_[0].away" or die;
        spew("$dir/$_[0]", '');
    };
    my $back = sub {
        unlink "$dir/$_[0]";
        rename "$dir/$_[0].away", "$dir/$_[0]" or die;
    };

    for my $bucket ('raw', 'assets') {
        my $id = upload('post');
        $away->($bucket);

        for (1 .. 7) {
            due();
            once();
        }

        is(state_of($id, 'stored', 1), 'stored', "$bucket: it waits");
        like(job_of($id, "state, attempt, suspect"),
            qr/^scheduled\|([7-9]|\d\d)\|f$/,
            'whatever the attempts, in its place');
        like(job_of($id, 'last_error'), qr/^(get|put): /, 'for a reason');
        $back->($bucket);
        due();
        once();
        is(state_of($id, 'ready', 1), 'ready', 'and is done');
    }

    my $id = upload('remote');
    local $ENV{AWS_ACCESS_KEY_ID} = 'key';
    local $ENV{AWS_SECRET_ACCESS_KEY} = 'secret';
    once();
    like(job_of($id, "state || ' ' || failures"), qr/^scheduled .*"unavailable": \d/,
        'one that cannot be reached');

    v("UPDATE jobs SET run_at = now(), retry_until = now()
        WHERE payload->>'upload' = '$id'");
    my (undef, $log) = once();
    is(job_of($id, 'state'), 'dead', 'for a day');
    like($log, qr/"event":"job failed",.*"class":"unavailable","state":"dead"/,
        'which the log says');
    like(v("SELECT reason FROM uploads WHERE id = '$id'"),
        qr/^We could not process this file/, 'and the user gets a reason');
};


subtest 'a result that the database refuses' => sub {
    my $id = upload('post');

    v("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE ''not now''; END'");
    v("CREATE TRIGGER no BEFORE UPDATE ON uploads FOR EACH ROW
        WHEN (NEW.state = 'ready') EXECUTE FUNCTION no()");
    once();
    like(job_of($id, "state || ' ' || last_error"),
        qr/^dead the result was refused: not now/, 'is the end of its job');
    v('DROP TRIGGER no ON uploads');
    v("SELECT social_job_retry(id) FROM jobs WHERE payload->>'upload' = '$id'");
    once();
    is(state_of($id, 'ready', 1), 'ready', 'and done');
};


subtest 'a decoder that dies each time' => sub {
    my $id = upload('poison');
    my $pid = worker();
    my @seen;

    for my $time (1 .. 3) {
        is($pg->wait_for("SELECT count(*) FROM jobs WHERE state = 'running'
            AND attempt = $time AND payload->>'upload' = '$id'", 1, 60), 1,
            "attempt $time");
        push @seen, decoder_of($pid, @seen) // die 'no decoder';
        sleep 0.2;
        kill 'KILL', $seen[-1];
        is($pg->wait_for("SELECT count(*) FROM jobs WHERE failures->>'died'
            = '$time'", 1, 60), 1, 'its decoder died');
        due();
    }

    is(state_of($id, 'failed'), 'failed', 'three times are enough');
    is(job_of($id, 'state, suspect'), 'dead|t', 'for good');
    is((stop($pid))[0], 0, 'the worker goes on');
};


subtest 'a file that takes too long' => sub {
    my $id = upload('hurry');
    my ($status, $log) = once();
    like(job_of($id, "state || ' ' || last_error"), qr/^scheduled .*after 1000 ms/,
        'has a part of the time');
    due();
    once();
    like(job_of($id, "state || ' ' || last_error"), qr/^dead .*after 1100 ms/,
        'then all of it, once');
    is(job_of($id, 'attempt'), 2, 'in two attempts');
    like(v("SELECT reason FROM uploads WHERE id = '$id'"), qr/took too long/,
        'for a reason');
};


subtest 'poison before a crowd' => sub {
    my @poison = map { upload('poison') } 1 .. 4;
    my @good = map { upload('post') } 1 .. 12;
    my $poison = join ',', map { "'$_'" } @poison;
    my $good = join ',', map { "'$_'" } @good;
    my $pid = worker();

    is($pg->wait_for("SELECT count(*) FROM uploads WHERE state = 'ready'
        AND id IN ($good)", 12, 300), 12, 'all others are done');
    is(v("SELECT count(*) FROM jobs WHERE payload->>'upload' IN ($poison)
        AND last_error ~ 'after 8000 ms'"), 4,
        'when the poison has had a part of its time')
        or diag(v("SELECT state, attempt, last_error FROM jobs
            WHERE payload->>'upload' IN ($poison)"));

    # with the poison at work, and more of it ready, one thread is free

    is($pg->wait_for("SELECT count(*) FROM jobs WHERE state = 'running'
        AND suspect AND payload->>'upload' IN ($poison)", 1, 60), 1,
        'one thread tries the poison again');
    due();
    my $id = upload('post');
    is(state_of($id, 'ready', 300), 'ready', 'what comes meanwhile is done');
    is(v("SELECT count(*) FROM jobs WHERE payload->>'upload' IN ($poison)
        AND state = 'dead'"), 0, 'before the poison has had its time');
    stop($pid, 'KILL');
    v('DELETE FROM jobs');
};


subtest 'once, with more suspects than may run' => sub {
    my @ids = map { upload('post') } 1 .. 5;
    v("UPDATE jobs SET suspect = true WHERE state = 'ready'");
    once();
    is(v("SELECT count(*) FROM jobs WHERE state = 'done'"), 5, 'does them all');
};


done_testing();
