#!/usr/bin/perl

# Runs the tests of the reference backend, with Debian's Python, against
# a separate PostgreSQL.

use strict;
use warnings;

use Test::More;

plan skip_all => 'SKIPPED: nothing of it is in C'
    if $ENV{SANITIZE} || $ENV{VALGRIND};

my $python = '/usr/bin/python3';

system($python, '-c', 'import flask, jwt, psycopg') == 0
    or plan skip_all => 'SKIPPED: python3-flask, python3-jwt or'
        . ' python3-psycopg is not installed; scripts/deps does it';

my @lines = `$python -m unittest discover -v -s backend -t backend 2>&1`;
my $status = $?;

for (@lines) {
    if (/^(test_\w+) .* \.\.\. (ok|FAIL|ERROR|skipped.*)/) {
        my ($name, $result) = ($1, $2);

        $name =~ tr/_/ /;

        if ($result =~ /^skipped (.*)/) {
            SKIP: { skip "SKIPPED: $1", 1 }

        } else {
            is($result, 'ok', $name);
        }
    }
}

diag(@lines) if $status;
is($status, 0, 'all of them');

done_testing();
