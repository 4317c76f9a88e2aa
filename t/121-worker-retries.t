#!/usr/bin/perl

# What social-worker does with jobs that fail, by whose fault they do, and with
# what the database answers: against a PostgreSQL of its own, with directories
# in the place of buckets.

use strict;
use warnings;

use lib 't/lib';

use File::Path ();
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

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

# names and numbers of our own only

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG)/ } keys %ENV;


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

spew("$dir/worker.conf", <<"CONF" . join '', map { <<"CONF" } 1 .. 4);
concurrency = 2
lease = "20s"
poll = "200ms"
database { conninfo = "@{[ $pg->conninfo ]}" }
bucket raw { directory = "$dir/raw" }
bucket assets { directory = "$dir/assets" }
bucket s3 {
    endpoint = "http://127.0.0.1:1"
    region = "eu-west-1"
}
variant small {
    width = 64
    height = 64
}
kind post {
    variants = {"small"}
    output = "assets"
}
kind remote {
    variants = {"small"}
    output = "s3"
}
kind avatar {
    variants = {"small"}
    output = "assets"
    alias = "avatars/{sub}.jpg"
}
kind poison {
    variants = {"slow1", "slow2", "slow3", "slow4"}
    output = "assets"
    time_limit = "40s"
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

sub due { return v("UPDATE jobs SET run_at = now() WHERE state = 'ready'") }


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
    for (1 .. 400) {
        last if logged($pid, $failed) > 1;
        sleep 0.05;
    }
    is(logged($pid, $failed), 2, 'and when it fails again');
    v('ALTER FUNCTION claim_as_it_was RENAME TO social_jobs_claim');
    my ($status, $log) = stop($pid);
    is($status, 0, 'stopped');
    Test::More->builder->is_passing or diag($log);
};


done_testing();
