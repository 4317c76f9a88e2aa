#!/usr/bin/perl

# The licenses and notices of the libraries that the page may contain: of each
# package of npm that it depends on, by the lock file, in one text.
#
#   perl scripts/licenses.pl frontend > licenses.txt

use strict;
use warnings;

use JSON::PP ();

my ($dir) = @ARGV or die "usage: licenses.pl directory\n";

sub slurp {
    my ($file) = @_;

    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

my $lock = JSON::PP->new->decode(slurp("$dir/package-lock.json"));

for my $path (sort keys %{ $lock->{packages} }) {
    my $package = $lock->{packages}{$path};

    next if $path eq '' || $package->{dev};

    my ($name) = $path =~ m{node_modules/((?:\@[^/]+/)?[^/]+)\z}
        or die "$dir/package-lock.json: $path\n";
    my $about = JSON::PP->new->decode(slurp("$dir/$path/package.json"));
    my $license = $package->{license} // $about->{license}
        // die "$name has no license\n";

    opendir my $in, "$dir/$path" or die "$dir/$path: $!\n";
    my @files = sort grep { /\A(?:licen[cs]e|notice|copying)(?:[.-]|\z)/i }
        readdir $in;
    closedir $in;

    my $author = $about->{author};
    $author = $author->{name} if ref $author;

    print '-' x 79, "\n$name $package->{version}: $license\n";
    print "by $author\n" if $author && !@files;

    for my $file (@files) {
        my $text = slurp("$dir/$path/$file");
        $text =~ s/\r//g;
        $text =~ s/\s*\z/\n/;
        print "\n$text";
    }

    print "\n";
}
