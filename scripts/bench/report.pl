#!/usr/bin/perl

# Reads what scripts/bench/run measured, a line each of
#
#     round target requests/s cpu(us)/request p50(us) p99(us) bytes/answer
#         share of its core that wrk used
#
# ("-" where there is none) and prints medians, extremes, and the ratios of
# pairs: of their rates, and of the requests that each serves in a second of
# processor time, which other work on the machine disturbs less.  A ratio is
# calculated in each round, whose parts ran next to each other, and compared by
# the median of its rates; by that of processor time where wrk was saturated,
# since the rates are wrk's then.
#
#     report.pl RESULTS PAIR[:WANTED]...
#
# "limit" is the rate of a and rsa in sequence.

use strict;
use warnings;

my (%of, @order, $rounds);
my ($file, @pairs) = @ARGV;

open my $in, '<', $file or die "$file: $!\n";

while (<$in>) {
    my ($round, $target, $rps, $cpu, $p50, $p99, $bytes, $wrk) = split;

    add($round, $target, { rps => $rps, cpu => $cpu, p50 => $p50, p99 => $p99,
                           bytes => $bytes, wrk => $wrk });
    $rounds = $round;

    if ($target eq 'rsa' && (my $a = $of{a}{$round})) {
        add($round, 'limit', { rps => 1 / (1 / $a->{rps} + 1 / $rps),
                               cpu => $a->{cpu} + $cpu });
    }
}

close $in;

printf "\n%-12s %9s  %-16s %8s %7s %7s %6s %5s %5s\n", 'requests/s', 'median',
       'min..max', 'cpu us', 'p50 us', 'p99 us', 'bytes', 'core', 'wrk';

my %saturated;

for my $target (@order) {
    my @rps = values_of($target, 'rps');
    my @busy = map { $_->{rps} * $_->{cpu} / 1e6 } values %{ $of{$target} };
    my @wrk = values_of($target, 'wrk');

    printf "%-12s %9.0f  %-16s %8.2f %7s %7s %6s %5s %5s\n", $target,
           median(@rps), sprintf('%.0f..%.0f', extremes(@rps)),
           median(values_of($target, 'cpu')),
           (map { number('%.0f', values_of($target, $_)) } qw(p50 p99 bytes)),
           @wrk ? number('%.2f', @busy) : '-', number('%.2f', @wrk);

    $saturated{$target} = 1 if @wrk && median(@wrk) > 0.95;
}

print "\ncore: the share of its core that the server used; wrk: that wrk used",
      " of the other\n(with what is proxied to).\n";

print "wrk WAS SATURATED with @{[ grep { $saturated{$_} } @order ]}: their",
      " rates are wrk's, and\ntheir ratios are those of processor time.\n"
    if %saturated;

printf "\n%-20s %-6s %-6s %-6s %-12s  %-6s %s\n", 'ratio', 'wanted', '',
       'rate', 'min..max', 'cpu', 'min..max';

my (@rounds, @machine, @short, @missing);

for (@pairs) {
    my ($pair, $wanted) = split /:/;
    my @pair = split m{/}, $pair;
    my ($x, $y) = map { $of{$_} } @pair;

    if (!$x || !$y) {
        printf "%-20s %-6s not measured\n", $pair,
               $wanted ? ">=$wanted" : '-';
        push @missing, $pair if $wanted;
        next;
    }

    my @rate = map { $x->{$_}{rps} / $y->{$_}{rps} } 1 .. $rounds;
    my @cpu = map { $y->{$_}{cpu} / $x->{$_}{cpu} } 1 .. $rounds;
    my $by = (grep { $saturated{$_} } @pair) ? \@cpu : \@rate;
    my $mark = !$wanted ? '' : median(@$by) >= $wanted ? 'ok' : 'SHORT';

    push @short, $pair if $mark eq 'SHORT';

    printf "%-20s %-6s %-6s %-6.3f %-12s  %-6.3f %s\n", $pair,
           $wanted ? ">=$wanted" : '-', $mark,
           map { (median(@$_), sprintf '%.3f..%.3f', extremes(@$_)) }
               \@rate, \@cpu;

    push @rounds, sprintf "%-20s %s\n%-20s %s\n",
        $pair, "rate @{[ map { sprintf '%.3f', $_ } @rate ]}",
        '', "cpu  @{[ map { sprintf '%.3f', $_ } @cpu ]}";

    push @machine, sprintf 'bench ratio=%s rate=%.4f min=%.4f max=%.4f '
                           . 'cpu=%.4f cpu_min=%.4f cpu_max=%.4f%s', $pair,
                           median(@rate), extremes(@rate),
                           median(@cpu), extremes(@cpu),
                           $wanted ? " wanted=$wanted is=" . lc $mark : '';
}

print "\n", @short ? "SHORT of what is wanted: @short\n"
                   : "Everything that was measured is as wanted.\n";
print "NOT MEASURED: @missing\n" if @missing;

print "\nround by round\n", @rounds;

print "\n";

for my $target (@order) {
    my @rps = values_of($target, 'rps');
    printf "bench target=%s rps=%.0f min=%.0f max=%.0f cpu_us=%.3f wrk=%s\n",
           $target, median(@rps), extremes(@rps),
           median(values_of($target, 'cpu')),
           number('%.3f', values_of($target, 'wrk'));
}

print "$_\n" for @machine;

sub add {
    my ($round, $target, $values) = @_;

    push @order, $target if !$of{$target};
    $of{$target}{$round} = $values;
    return;
}

# those that were measured

sub values_of {
    my ($target, $what) = @_;
    return grep { defined && $_ ne '-' }
        map { $of{$target}{$_}{$what} } sort keys %{ $of{$target} };
}

sub number {
    my ($format, @values) = @_;
    return @values ? sprintf $format, median(@values) : '-';
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
