#!/usr/bin/perl

# Two workers in network namespaces of their own, one of which is cut off from
# the database and the store again and again, for longer than its lease: each
# job is done once, with the result of a calm run.
#
#   SOAK=1    it runs

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Time::HiRes qw( sleep time );

use SocialNginx;
use SocialOnce;
use SocialWorker;

my ($jobs, $times) = (334, 3);              # for each cut, and cuts at least
my ($lease, $cut, $calm) = (2, 5, 0.5);     # seconds

plan skip_all => 'it takes minutes: set SOAK=1' if !$ENV{SOAK};
plan skip_all => 'NOT TESTED: network namespaces need root' if $> != 0;

my $name = "social$$";
my $net = '10.231.' . $$ % 250;
my @spaces = map { "$name-$_" } 1, 2;

sub ip { return system("ip @_ 2>/dev/null") == 0 }

# All of it goes with the namespaces.

END {
    local $?;

    if ($name) {
        ip("netns del $_") for @spaces;
        ip("link del $name");
    }
}

my $made = ip("link add $name type bridge")
    && ip("addr add $net.1/24 dev $name") && ip("link set $name up");

for my $i (0, 1) {
    my $space = $spaces[$i];
    my $address = "$net." . ($i + 2);

    $made &&= ip("netns add $space")
        && ip("link add v$i$$ type veth peer name eth0 netns $space")
        && ip("link set v$i$$ master $name up")
        && ip("-n $space addr add $address/24 dev eth0")
        && ip("-n $space link set eth0 up") && ip("-n $space link set lo up");
}

plan skip_all => 'NOT TESTED: no network namespaces can be made here'
    if !$made || !ip("netns exec $spaces[0] true");

my $port = SocialNginx::free_port();
my $w = SocialWorker->new(address => "$net.1", port => $port)
    or plan skip_all => 'social-worker or PostgreSQL is not there: run '
        . '"make deps"';

$w->conf;
my $once = SocialOnce->new($w);

$w->conf(lease => "${lease}s", poll => '100ms',
    conninfo => "host=$net.1 port=$port user=social dbname=social");

my @pids = map { $w->worker(prefix => ['ip', 'netns', 'exec', $_]) } @spaces;
my $end = time + 600;
my ($cuts, $at_work) = (0, 0);

while (time < $end && ($cuts < $times || $once->left > 0)) {
    $once->begin($jobs) if $cuts < $times;
    sleep $calm;
    $at_work++ if $once->left > 0;
    ip("link set v0$$ down") or die "the link is not cut\n";
    $cuts++;
    sleep $cut;
    ip("link set v0$$ up") or die "the link is not mended\n";
    $once->hurry;
}

cmp_ok($at_work, '>=', $times, "$cuts cuts of $cut s, with jobs to do");
$once->check(1);

# the one that was cut off is at work again after the last cut

my @ids = $w->uploads('post', map { {} } 1 .. 40);
is($w->state_of($ids[-1], 'done', 60), 'done', 'more jobs');

my ($far) = map { ($w->stop($_))[1] } $pids[0];
like($far, qr/"event":"database unavailable"/, 'one was cut off');
like($far, qr/"event":"database available again"/, 'and came back');
is(($w->stop($pids[1]))[0], 0, 'the other leaves');

done_testing();
