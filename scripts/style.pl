#!/usr/bin/perl

# The rules of scripts/check-style, which calls it with the files' names.

use strict;
use warnings;

my ($many_lines, $columns) = (1000, 80);
my $bad = 0;

sub report {
    my ($n, $what) = @_;

    print "$ARGV:$n: $what\n";
    $bad++;
}

for my $file (@ARGV) {
    next if !-f $file || -l $file || -z _ || -B _;

    $ARGV = $file;
    open my $in, '<', $file or die "$file: $!\n";
    my @lines = <$in>;
    close $in;

    report(scalar @lines, 'no newline at the end')
        if $lines[-1] !~ /\n\z/;
    report(scalar @lines, 'blank lines at the end') if $lines[-1] eq "\n";

    general(@lines);
    c_style(@lines) if $file =~ /\.[ch]\z/;
}

exit($bad ? 1 : 0);

sub general {
    my $make = $ARGV =~ /(?:Makefile|\.mk)\z/;

    for my $n (1 .. @_) {
        my $line = $_[$n - 1];
        chomp $line;

        # in the data of a suite it may be intended
        report($n, 'trailing space')
            if $line =~ /[ \t]\z/ && $ARGV !~ /\.t\z/;

        report($n, 'carriage return') if $line =~ /\r/;
        report($n, 'tab') if $line =~ /\t/ && !($make && $line =~ /^\t/);

        # tests hold tokens and URLs, and a line cannot be cut there
        next if $ARGV =~ /\.t\z/ || $line =~ m{https?://\S{40}};

        (my $plain = $line) =~ s/[\x80-\xbf]//g;
        report($n, length($plain) . " columns, more than $columns")
            if length($plain) > $columns
               && $ARGV =~ /\.(?:[ch]|pm)\z|\Ascripts\//;
    }
}

sub c_style {
    my @lines = @_;
    my $text = join '', @lines;

    # the rule is one responsibility; a test may be as long as its cases
    print "$ARGV: warning: " . @lines . " lines: does it do one thing?\n"
        if @lines > $many_lines && $ARGV !~ /\At\//;

    # strings and comments are blanked, line for line
    $text =~ s{(/\*.*?\*/)|("(?:\\.|[^"\\\n])*")|('(?:\\.|[^'\\\n])+')}{
        defined $1 ? $1 =~ tr/\n/ /cr
        : '"' . '_' x (length($&) - 2) . '"'
    }gse;

    my @code = split /\n/, $text;
    my $blank = 0;

    for my $n (1 .. @code) {
        my $line = $code[$n - 1];
        my $before = $n > 1 ? $code[$n - 2] : '';

        report($n, 'a "//" comment') if $line =~ m{(?<!:)//};

        report($n, "no space after \"$1\"")
            if $line =~ /\b(if|for|while|switch)\(/;

        report($n, 'a space inside parentheses')
            if ($line =~ /\( \S/ || $line =~ /\S \)(?!\s*\\)/)
               && $line !~ /\bfor \( ;; \)/;

        report($n, '"else" is on the line of the brace')
            if $line =~ /^\s*else\b/ && $before =~ /^\s*\}\s*\z/;

        if ($line =~ /^( +)(?:if|for|while|switch|return|goto|break|else)\b/) {
            my $indent = length $1;
            report($n, "indented by $indent spaces")
                if $indent % 4 && $before =~ /[;{}]\s*\z/;
        }

        # a definition: the brace at column 0 follows its parameters
        if ($line eq '{' && $before =~ /\)\s*\z/) {
            definition(\@code, $n, $lines[$n - 1]);
        }

        # the comment or type that a definition begins with
        if ($line =~ /^(\w[\w *]*[ *])(\w+)\([^;]*\)\s*\{?\z/
            && $line !~ /^(?:else|return|typedef|struct|enum)\b/
            && $n < @code && ($line =~ /\{\z/ || $code[$n] eq '{'))
        {
            report($n, "the name of $2() is not at column 0");
        }
    }

    # nginx's own headers are closer
    blank_lines(\@lines, \@code) if $ARGV =~ /\.c\z/;
}

# From the brace back to the name, the type, and the comment above it.

sub definition {
    my ($code, $n) = @_;

    my $i = $n - 2;
    $i-- while $i > 0 && $code->[$i] =~ /^\s/;

    if ($code->[$i] !~ /^\w+\(/) {
        return;
    }

    my ($name) = $code->[$i] =~ /^(\w+)/;

    if ($i == 0 || $code->[$i - 1] !~ /^\w[\w *]*\z/) {
        report($i + 1, "the type of $name() is not on the line before");
    }
}

# Two blank lines before each function, or the comment that belongs to it.

sub blank_lines {
    my ($lines, $code) = @_;

    for my $n (1 .. @$code - 1) {
        next if $code->[$n] !~ /^\w+\([^;]*\z/ || $code->[$n] =~ /^\w+\(.*;/;

        # a prototype ends with ";" further down
        my $end = $n;
        $end++ while $end < $#$code && $code->[$end] !~ /[;{]\s*\z/;
        next if $code->[$end] !~ /^\{/;

        my $i = $n - 1;
        $i-- while $i > 0 && $code->[$i] =~ /^(?:\w[\w *]*|__attribute__.*)\z/;

        if ($lines->[$i] eq "\n") {
            my $up = $i;
            $up-- while $up > 0 && $lines->[$up] eq "\n";

            # its comment stands one blank line above it
            if ($i - $up == 1 && $lines->[$up] =~ /\*\/\s*\z/) {
                $up-- while $up > 0 && $lines->[$up] !~ /^\s*\/\*/;
                $i = --$up;
                $up-- while $up > 0 && $lines->[$up] eq "\n";
            }

            next if $up <= 0 || $i - $up == 2;
            next if $lines->[$up] =~ /^#/;
        }

        my ($name) = $code->[$n] =~ /^(\w+)/;
        report($n + 1, "not two blank lines before $name()");
    }
}
