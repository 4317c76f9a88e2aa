#!/usr/bin/perl

# The rules of scripts/check-words, which calls it with the name of the list
# and those of the files.

use strict;
use warnings;

my ($list, @files) = @ARGV;
my @phrases = read_phrases($list);
my $found = 0;

for my $file (@files) {
    next if !-f $file || -l $file || -B _;

    check($file, $file, 0);

    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    close $in;

    check($file, plain($text), 1);
}

exit($found ? 1 : 0);

# Every phrase of the list, as { re => ..., instead => ... }.

sub read_phrases {
    my ($name) = @_;
    my @all;

    open my $in, '<', $name or die "$name: $!\n";

    while (my $line = <$in>) {
        chomp $line;
        next if $line =~ /\A(?:#|\s*\z)/;

        my ($re, $instead) = $line =~ /\A(.+?) => (\S.*)\z/
            or die "$name:$.: not \"REGULAR EXPRESSION => INSTEAD\"\n";

        # a space of the phrase is any space of the text
        $re =~ s/(?<!\\) (?!\))/\\s+/g;
        push @all, { re => qr/$re/i, instead => $instead };
    }

    close $in;
    @all or die "$name: no phrases\n";

    return @all;
}

# The text with comment leaders and the seams of C's strings blanked, so that
# a phrase is found where it is broken over two lines.  Lines stay lines.

sub plain {
    my ($text) = @_;

    $text =~ s{^[ \t]*(?:/?\*+|\#+|//+|--)(?=\s|\z)}{' ' x length $&}gem;
    $text =~ s{"([ \t]*\n[ \t]*)"}{ $1 }g;
    $text =~ s{'([ \t]*\n?[ \t]*[.+][ \t]*\n?[ \t]*)'}{
        my $seam = $1;
        $seam =~ tr/\n/ /c;
        " $seam ";
    }gex;

    return $text;
}

# Reports what is in the text, which is the file's, or its name.

sub check {
    my ($file, $text, $numbered) = @_;

    for my $phrase (@phrases) {
        while ($text =~ /($phrase->{re})/g) {
            my ($at, $what) = ($-[0], $1);
            my $n = 1 + (substr($text, 0, $at) =~ tr/\n//);

            $what =~ s/\s+/ /g;
            print $numbered ? "$file:$n: " : "$file: in its name: ",
                "\"$what\": rather $phrase->{instead}\n";
            $found++;
        }
    }

    return;
}
