#!/usr/bin/perl

# Debian's changelog of a package from CHANGES.
#
#   perl scripts/changelog.pl CHANGES source seconds [suffix] > debian/changelog
#
# "seconds" is the time of the newest version if it is "not released"; "suffix"
# is appended to its number, behind a "~", so that the release is newer.

use strict;
use warnings;

use POSIX qw( strftime );
use Time::Local qw( timegm );

my ($file, $source, $now, $suffix) = @ARGV;

die "usage: changelog.pl CHANGES source seconds [suffix]\n"
    if ($now // '') !~ /\A\d+\z/;

my $who = ($ENV{DEBFULLNAME} // 'ngx_social_module authors') . ' <'
    . ($ENV{DEBEMAIL} // 'ngx-social-module@lists.alioth.debian.org') . '>';

my @months = qw( Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec );
my %month = map { ($months[$_] => $_) } 0 .. 11;

my (@versions, $text);

open my $in, '<', $file or die "$file: $!\n";

while (<$in>) {
    if (/\AChanges with \S+ (\S+)\s+(not released|(\d+) (\w{3}) (\d{4}))\s*\z/)
    {
        push @versions, { number => $1, changes => [],
            time => $3 ? timegm(0, 0, 12, $3, $month{$4}, $5) : undef };

    } elsif (/\A    \*\) (.*)/) {
        die "$file:$.: a change of no version\n" if !@versions;
        push @{ $versions[-1]{changes} }, "  * $1\n";

    } elsif (/\A\s+(\S.*)/) {
        die "$file:$.: a line of no change\n"
            if !@versions || !@{ $versions[-1]{changes} };
        $versions[-1]{changes}[-1] .= "    $1\n";

    } elsif (/\S/) {
        die "$file:$.: neither a version nor a change: $_";
    }
}

close $in;

die "$file: no versions\n" if !@versions;

for my $v (@versions) {
    my $number = $v->{number};
    my $open = !defined $v->{time};

    die "$file: $number is not released, and not the newest\n"
        if $open && $v != $versions[0];

    $number .= $open ? '~' . ($suffix // strftime('%Y%m%d%H%M', gmtime $now))
                     : '';
    $number .= $ENV{SOCIAL_VERSION_MORE} // '' if $v == $versions[0];

    # the locale must not change the names

    my @t = gmtime($v->{time} // $now);
    my $date = sprintf '%s, %02d %s %d %02d:%02d:%02d +0000',
        (qw( Sun Mon Tue Wed Thu Fri Sat ))[$t[6]], $t[3], $months[$t[4]],
        $t[5] + 1900, $t[2], $t[1], $t[0];

    print "$source ($number) ", $open ? 'UNRELEASED' : 'unstable',
        "; urgency=medium\n\n", @{ $v->{changes} }, "\n -- $who  $date\n\n";
}
