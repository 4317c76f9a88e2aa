#!/usr/bin/perl

# What is over goes faster than it comes: a worker that has not pruned for ten
# minutes of fifty pictures a second makes that up in a part of ten minutes,
# while more comes, and nobody who uploads or claims waits for it.

use strict;
use warnings;

use lib 't/lib';

use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );

use SocialWorker;

my $w = SocialWorker->new
    or plan skip_all => 'social-worker or PostgreSQL is not there: run '
        . '"make deps"';

my ($rate, $minutes, $seconds) = (50, 10, 8);
my $backlog = $rate * $minutes * 60;

# Of a picture there is a job that is done, and its announcement.

sub pictures {
    my ($n, $name) = @_;

    return "INSERT INTO jobs (queue, kind, state, created_at, finished_at)
                SELECT 'images', '$name', 'done', now() - interval '3 days',
                       now() - interval '2 days'
                    FROM generate_series(1, $n);
            INSERT INTO events (source, event_id, received_at)
                SELECT 'old', '$name-' || i, now() - interval '31 days'
                    FROM generate_series(1, $n) i;";
}

# What is left of those that were there at first; of what comes while a worker
# prunes some may be for the next time.

sub due {
    return $w->v("SELECT (SELECT count(*) FROM jobs WHERE kind = 'first')
        + (SELECT count(*) FROM events WHERE event_id LIKE 'first-%')");
}

# One process each, until it ends by itself or the file is there.

my @children;

sub beside {
    my ($code) = @_;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        $code->();
        POSIX::_exit(0);
    }

    push @children, $pid;
    return $pid;
}

my $main = $$;
END { local $?; if ($$ == $main) { kill 'KILL', @children } }

$w->{pg}->sql(pictures($backlog, 'first'));
$w->v('ANALYZE jobs, events');
is(due(), 2 * $backlog, "$minutes minutes of $rate pictures a second");

# what is to stay: an upload that waits, a young event, a dead job

my $waits = $w->upload('post');
$w->v("INSERT INTO jobs (queue, kind, state, created_at, finished_at)
           VALUES ('images', 'kept', 'dead', now() - interval '3 days',
                   now() - interval '2 days')");
my $kept = q{SELECT (SELECT count(*) FROM events WHERE source = 't') || ' '
             || (SELECT count(*) FROM jobs WHERE kind = 'kept')};
is($w->v($kept), '1 1', 'and what is not over');

$w->conf;

# More comes, faster than that; and each upload, claim and result has the limits
# that it always has.

my $stop = "$w->{dir}/stop";

my $producer = beside(sub {
    my $began = time;

    for my $n (1 .. 10 * $seconds) {
        $w->{pg}->sql(pictures($rate / 5, "more-$n"));
        my $rest = $began + $n / 10 - time;
        sleep $rest if $rest > 0;
    }
});

my $user = beside(sub {
    my $n = 0;

    while (!-e $stop) {
        $n++;
        my $id = sprintf '00000000-0000-4000-8001-%012d', $n;
        $w->{pg}->attempt("SELECT social_upload_create('$id', 'iss', 'sub',
            'sub', 'post', 'raw', 'user/$n', 'image/png', 1, NULL, '1 hour');
            SELECT social_object_created('u', 'e$n', 'raw', 'user/$n', 1,
            'etag$n');");
        sleep 0.02;
    }
});

my $from = length $w->{pg}->output;
my $began = time;
my $pid = $w->worker;

ok(SocialWorker::until_true(60 * $minutes / 4, sub {
    return due() == 0;
}), 'all of it is gone in a part of that') or diag(due());

my $took = time - $began;
note(sprintf 'gone in %.1f s', $took);

cmp_ok($took, '<', 60 * $minutes / 4, 'of the time in which it came');

is($w->state_of($waits), 'done', 'what is not over was done meanwhile');
like($w->v($kept), qr/^1 1$/, 'nothing else is gone');

open my $f, '>', $stop or die "$stop: $!\n";
close $f;
waitpid $_, 0 for $producer, $user;

cmp_ok($w->v("SELECT count(*) FROM jobs WHERE kind LIKE 'more-%'"), '<=',
       2 * $rate * $seconds, 'what is left came meanwhile');

my $uploads = $w->v("SELECT count(*) FROM uploads WHERE object_key LIKE 'user/%'");
cmp_ok($uploads, '>', 10, "$uploads uploads came meanwhile");
is($w->v("SELECT count(*) FROM events WHERE source = 'u'"), $uploads,
    '... and each was announced');
unlike(substr($w->{pg}->output, $from), qr/lock timeout|deadlock detected/,
    '... and none waited for a lock for long');

my ($status, $log) = $w->stop($pid);
is($status, 0, 'the worker leaves');
unlike($log, qr/"statement failed"/, 'no statement has failed');

done_testing();
