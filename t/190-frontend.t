#!/usr/bin/perl

# The tests of the page (vitest), its types (tsc) and its lint (eslint).

use strict;
use warnings;

use lib 't/lib';

use SocialNode qw( node );
use Test::More;

plan skip_all => 'SKIPPED: nothing of it is in C'
    if $ENV{SANITIZE} || $ENV{VALGRIND};

my $node = node();

plan skip_all => 'SKIPPED: there is no Node 22.19 or later; make deps'
    . ' installs one'
    if $node eq '';

my $said = `scripts/deps-npm 2>&1`;
BAIL_OUT("scripts/deps-npm failed: $said") if $?;

for my $check (
    ['its types are right', 'tsc', '--noEmit'],
    ['eslint has no finding', 'eslint', '.'],
    ['its unit tests pass', 'vitest', 'run', '--reporter=tap-flat'])
{
    my ($name, $program, @arguments) = @{$check};
    my $path = "node_modules/.bin/$program";

    my @lines = `cd frontend && $node $path @arguments 2>&1`;
    my $status = $?;

    for (@lines) {
        next unless /^(not )?ok \d+ - (.*?)(?: # (.*))?$/;
        my ($failed, $test, $note) = ($1, $2, $3 // '');

        ok(!$failed, $test) unless $note =~ /SKIP|TODO/;
    }

    is($status, 0, $name) or diag(@lines);
}

done_testing();
