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

use SocialOnce;
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

$w->conf;
my $once = SocialOnce->new($w);

SocialWorker::spew("$w->{dir}/failing", '');
$w->conf(lease => '2s', poll => '100ms');
$once->begin($jobs);

my @pids = map { $w->worker } 1, 2;
my $killed = 0;
my $next = 0;

while ($killed < $kills && $once->left > 0) {
    sleep 0.3;
    $w->stop(shift @pids, 'KILL');
    push @pids, $w->worker;
    $killed++;

    next if time < $next;
    $next = time + 1;
    $once->hurry;
}

cmp_ok($killed, '>=', 3, "$killed kills");

my $end = time + 300;

while (time < $end && $once->left > 0) {
    $once->hurry;
    sleep 0.5;
}

$once->check($soak ? 1 : 20);

cmp_ok($w->v("SELECT count(*) FROM jobs WHERE failures ? 'lost'"), '>', 0,
    'some were lost with their worker');
cmp_ok($w->v("SELECT count(*) FROM jobs WHERE failures ? 'unavailable'"), '>',
    0, 'some by the store');

# the last one may have been started just now

for my $pid (@pids) {
    ok($w->logged($pid, qr/"worker started"/), 'a worker');
    is(($w->stop($pid))[0], 0, '... leaves');
}

done_testing();
