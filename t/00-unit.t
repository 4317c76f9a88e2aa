#!/usr/bin/perl

# Runs the C unit tests of core under prove: each program is a subtest, and
# each of its cases a test of that.

use strict;
use warnings;

use Test::More;

chomp(my @programs = `scripts/unit`);
die "the unit tests did not compile\n" if $?;

for my $program (@programs) {
    my ($name) = $program =~ m{([^/]+)$};

    subtest $name => sub {
        local $ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';

        my @lines = `$program 2>&1`;
        my $status = $?;
        my $cases = 0;

        for (@lines) {
            if (/^(not )?ok \d+ (?:- )?(.*)/) {
                my ($failed, $case) = ($1, $2);

                # cmocka says "not ok 1 # SKIP test_name"

                if ($case =~ s/^# SKIP //) {
                    SKIP: { skip "$case: test vectors are not here", 1 }

                } else {
                    ok(!$failed, $case);
                }

                $cases++;

            } elsif (!/^1\.\.|^# (?:ok|not ok)?\s*$/) {
                chomp;
                diag($_) if $status || /SKIP/i;
            }
        }

        ok($cases > 0, 'has cases');
        is($status, 0, 'exit status');
    };
}

done_testing();
