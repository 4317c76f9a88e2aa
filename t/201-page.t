#!/usr/bin/perl

# The page in a real browser, in front of a gateway that a script plays: what it
# does with answers that are lost, refused, or nonsense.

use strict;
use warnings;

use lib 't/lib';

use SocialNode qw( node );
use Test::More;

my $chromium = $ENV{CHROMIUM} || '/usr/bin/chromium';
my $build = $ENV{BUILD} || 'build';

plan skip_all => "SKIPPED: there is no $chromium; scripts/deps installs it"
    unless -x $chromium;
plan skip_all => 'SKIPPED: nothing of it is in C'
    if $ENV{SANITIZE} || $ENV{VALGRIND};

for my $script ('deps-npm', 'frontend') {
    my $said = `scripts/$script 2>&1`;
    BAIL_OUT("scripts/$script failed: $said") if $?;
}

my $node = node();
my @lines = `$node t/e2e/page.mjs $build/frontend`;

for (@lines) {
    ok(!$1, $2) if /^(not )?ok \d+ - (.*)/;
}

like($lines[-1] // '', qr/^1\.\.\d+$/, 'it came to its end');

done_testing();
