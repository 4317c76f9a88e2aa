#!/usr/bin/perl

# Reads what scripts/bench/run measured, a line each of
#
#     round target requests/s cpu(us)/request p50(us) p99(us) bytes/answer
#
# and prints medians, extremes, and the ratios of pairs: of their rates, and
# of the requests that each serves in a second of processor time, which other
# work on the machine disturbs less.  A ratio is taken in each round, whose
# parts ran next to each other.
#
#     report.pl RESULTS PAIR[:WANTED]...

use strict;
use warnings;

my (%of, @order, $rounds);
my ($file, @pairs) = @ARGV;

open my $in, '<', $file or die "$file: $!\n";

while (<$in>) {
    my ($round, $target, $rps, $cpu, $p50, $p99, $bytes) = split;

    push @order, $target if !$of{$target};
    $of{$target}{$round} = { rps => $rps, cpu => $cpu, p50 => $p50,
                             p99 => $p99, bytes => $bytes };
    $rounds = $round;
}

close $in;

printf "\n%-12s %9s  %-16s %8s %8s %8s %6s\n", 'requests/s', 'median',
       'min..max', 'cpu us', 'p50 us', 'p99 us', 'bytes';

for my $target (@order) {
    my @rps = values_of($target, 'rps');

    printf "%-12s %9.0f  %-16s %8.2f %8.0f %8.0f %6.0f\n", $target,
           median(@rps), sprintf('%.0f..%.0f', extremes(@rps)),
           median(values_of($target, 'cpu')),
           median(values_of($target, 'p50')),
           median(values_of($target, 'p99')),
           median(values_of($target, 'bytes'));
}

printf "\n%-20s %-6s  %-6s %-12s  %-6s %s\n", 'ratio', 'wanted', 'rate',
       'min..max', 'cpu', 'min..max';

my (@rounds, @machine);

for (@pairs) {
    my ($pair, $wanted) = split /:/;
    my ($x, $y) = map { $of{$_} } split m{/}, $pair;
    next if !$x || !$y;

    my @rate = map { $x->{$_}{rps} / $y->{$_}{rps} } 1 .. $rounds;
    my @cpu = map { $y->{$_}{cpu} / $x->{$_}{cpu} } 1 .. $rounds;

    printf "%-20s %-6s  %-6.3f %-12s  %-6.3f %s\n", $pair,
           $wanted ? ">=$wanted" : '-',
           map { (median(@$_), sprintf '%.3f..%.3f', extremes(@$_)) }
               \@rate, \@cpu;

    push @rounds, sprintf "%-20s %s\n%-20s %s\n",
        $pair, "rate @{[ map { sprintf '%.3f', $_ } @rate ]}",
        '', "cpu  @{[ map { sprintf '%.3f', $_ } @cpu ]}";

    push @machine, sprintf 'bench ratio=%s rate=%.4f min=%.4f max=%.4f '
                           . 'cpu=%.4f cpu_min=%.4f cpu_max=%.4f', $pair,
                           median(@rate), extremes(@rate),
                           median(@cpu), extremes(@cpu);
}

print "\nround by round\n", @rounds;

print "\n";

for my $target (@order) {
    my @rps = values_of($target, 'rps');
    printf "bench target=%s rps=%.0f min=%.0f max=%.0f cpu_us=%.3f\n",
           $target, median(@rps), extremes(@rps),
           median(values_of($target, 'cpu'));
}

print "$_\n" for @machine;

sub values_of {
    my ($target, $what) = @_;
    return map { $of{$target}{$_}{$what} } sort keys %{ $of{$target} };
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $half = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$half]
                       : ($sorted[$half - 1] + $sorted[$half]) / 2;
}

sub extremes {
    my @sorted = sort { $a <=> $b } @_;
    return @sorted[0, -1];
}
