#!/usr/bin/perl

# Two workers, one of which is killed every 300 ms, and a store that fails in
# three calls of ten: each job is done once, with the result of a calm run.
#
#   SOAK=1    1,000 jobs, and kills until the last of them is done

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Time::HiRes qw( sleep time );

use SocialImage;
use SocialWorker;

my $soak = $ENV{SOAK};
my $jobs = $soak ? 1000 : 100;
my $kills = $soak ? 100_000 : 30;       # at most

my $w = SocialWorker->new(answer => sub {
    my ($self, $socket, $request) = @_;

    return 0 if !-e "$self->{dir}/failing";

    # a process for each connection, with the state of its parent
    srand(time * 1000 ^ $$);
    return 0 if rand >= 0.3;

    print {$socket} "HTTP/1.1 503 X\r\nContent-Length: 0\r\n"
        . "Connection: close\r\n\r\n" if rand >= 0.5;
    return 1;

}) or plan skip_all => 'social-worker or PostgreSQL is not there: run '
    . '"make deps"';

# one that counts how often a job ends

$w->v("CREATE TABLE ends (id bigint)");
$w->v("CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO ends VALUES (NEW.id); RETURN NULL; END'");
$w->v("CREATE TRIGGER ends AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.state = 'done' AND OLD.state <> 'done')
    EXECUTE FUNCTION ends()");
$w->v('ALTER TABLE ends OWNER TO social_owner; GRANT INSERT ON ends TO PUBLIC');

my @photos = map { SocialImage::photo(100 + 20 * $_, 90) } 1 .. 5;
my @calm;

$w->conf;

for my $photo (@photos) {
    my $id = $w->upload('post', data => $photo);
    $w->command('once');
    is($w->state_of($id, 'done', 5), 'done', 'a calm run');
    push @calm, SocialWorker::slurp("$w->{dir}/assets/images/$id/small.jpg");
}

SocialWorker::spew("$w->{dir}/failing", '');
$w->conf(lease => '2s', poll => '100ms');

my @ids = $w->uploads('post', map { { data => $photos[$_ % @photos] } }
    0 .. $jobs - 1);

# as many losses as there are kills are not their fault

$w->v("UPDATE jobs SET max_attempts = 100000 WHERE state = 'ready'");

my $left = "SELECT count(*) FROM jobs WHERE state <> 'done'";
my $late = "SELECT coalesce(max(extract(epoch FROM now() - w.lease_until)), 0)
    FROM jobs j JOIN job_workers w ON w.name = j.worker
    WHERE j.state = 'running'";

my @pids = map { $w->worker } 1, 2;
my ($killed, $worst) = (0, 0);
my $next = 0;

while ($killed < $kills && $w->v($left) > 0) {
    sleep 0.3;
    $w->stop(shift @pids, 'KILL');
    push @pids, $w->worker;
    $killed++;

    next if time < $next;
    $next = time + 1;

    # who lost workers and stores is to wait for minutes: not in this suite

    $w->v("UPDATE jobs SET run_at = now() WHERE state = 'scheduled'");
    my $seconds = $w->v($late);
    $worst = $seconds if $seconds > $worst;
}

cmp_ok($killed, '>=', 3, "$killed kills");
diag("the longest that a job was with a worker after its lease: $worst s");

my $end = time + 300;

while (time < $end && $w->v($left) > 0) {
    $w->v("UPDATE jobs SET run_at = now() WHERE state = 'scheduled'");
    sleep 0.5;
    my $seconds = $w->v($late);
    $worst = $seconds if $seconds > $worst;
}

is($w->v($left), 0, 'all jobs are done')
    or diag($w->v("SELECT state, attempt, failures, last_error FROM jobs
        WHERE state <> 'done'"), map { $w->log_of($_) } @pids);
cmp_ok($worst, '<', 20, 'and none was kept by a worker that was lost');

is($w->v('SELECT count(*) FROM ends'), $jobs + @photos, 'each once');
is($w->v('SELECT count(DISTINCT id) FROM ends'), $jobs + @photos, 'each');

my @differ = grep {
    SocialWorker::slurp("$w->{dir}/assets/images/$ids[$_]/small.jpg")
        ne $calm[$_ % @photos]
} 0 .. $#ids;

is(scalar @differ, 0, 'byte for byte as in the calm run');
is($w->v("SELECT count(*) FROM uploads WHERE state <> 'ready'"), 0,
    'and all uploads are ready');
cmp_ok($w->v("SELECT count(*) FROM jobs WHERE failures ? 'lost'"), '>', 0,
    'some were lost with their worker');
cmp_ok($w->v("SELECT count(*) FROM jobs WHERE failures ? 'unavailable'"), '>',
    0, 'some by the store');

is(($w->stop($_))[0], 0, 'the workers leave') for @pids;

done_testing();
