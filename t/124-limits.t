#!/usr/bin/perl

# What a picture may ask of the decoder: shapes, memory, pixels, work.  Each
# input is made here, of one color where it is large.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;

use SocialImage;
use SocialImageFlat;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program
    or plan skip_all => "SKIPPED: $program is not there: run \"make deps\"";

my $dir = File::Temp->newdir('social-limits-XXXXXX', TMPDIR => 1);

delete $ENV{$_} for grep { /^SOCIAL_WORKER_/ } keys %ENV;

my $kind = 'output = "out" time_limit = "120s"';

sub conf {
    my ($file, $more) = @_;

    SocialImage::spew("$dir/$file", <<"CONF" . ($more // ''));
bucket out { endpoint = "http://127.0.0.1:1" }
variant square { width = 512 height = 512 formats = {"png"} }
variant box { width = 400 height = 200 formats = {"png"} }
variant large { width = 512 height = 512 enlarge = true formats = {"png"} }
variant banner { width = 1500 height = 500 enlarge = true formats = {"png"} }
variant attention {
    width = 200
    height = 200
    gravity = "attention"
    formats = {"png"}
}
variant entropy {
    width = 200
    height = 200
    gravity = "entropy"
    formats = {"png"}
}
variant centre { width = 200 height = 200 formats = {"png"} }
variant wide {
    width = 4096
    height = 4096
    fit = "contain"
    formats = {"jpeg"}
}
variant whole {
    width = 16384
    height = 16384
    fit = "contain"
    formats = {"jpeg"}
}
kind square { variants = {"square"} $kind }
kind shapes { variants = {"square", "box", "large", "banner"} $kind }
kind gravity { variants = {"attention", "entropy", "centre"} $kind }
kind wide { variants = {"wide"} $kind }
kind whole { variants = {"whole"} $kind }
CONF
}

conf('worker.conf');


# What was said, the seconds of processor time that it took, and the files.

my $n = 0;

sub variants {
    my ($kind, $data, $conf) = @_;

    my $out = "$dir/out" . ++$n;
    SocialImage::spew("$dir/in", $data);

    my $before = (times)[2] + (times)[3];
    my $text = `$program -c $dir/@{[ $conf // 'worker.conf' ]} variants -k $kind $dir/in -o $out 2>&1`;

    return ($text, (times)[2] + (times)[3] - $before,
        map { /^\Q$out\E\/(\w+)\.\w+ (\d+x\d+)/
            ? ($1 => [$2, (split)[0]]) : () } split /\n/, $text);
}

sub pixels { return SocialImage::read_png(SocialImage::slurp($_[0][1])) }


subtest 'shapes' => sub {

    # of three parts: red, green, blue

    my @parts = map { pack 'C3', @$_ } [220, 30, 30], [30, 200, 30],
        [30, 30, 220];

    my %shapes = (
        '939x2' => [(join '', map { $_ x 313 } @parts) x 2],
        '2x939' => [map { ($_ x 2) x 313 } @parts],
        '1x3999' => [map { ($_) x 1333 } @parts],
        '3999x1' => [join '', map { $_ x 1333 } @parts],
        '1x65535' => [map { ($_) x 21845 } @parts],
        '65535x1' => [join '', map { $_ x 21845 } @parts],
    );

    for my $shape (sort keys %shapes) {
        my ($width, $height) = split /x/, $shape;
        my ($text, $took, %made) = variants('shapes',
            SocialImage::png($width, $height, 8, 2, $shapes{$shape}));

        my $line = $width < $height ? $width : $height;

        is(join(' ', map { $made{$_} ? $made{$_}[0] : 'none' }
            qw(square box large banner)),
            "${line}x$line " . (2 * $line > $width ? "${line}x1"
                : 2 * $line . "x$line") . ' 512x512 1500x500',
            "$shape: its sizes") or diag($text);

        cmp_ok($took, '<', $ENV{SANITIZE} ? 20 : 3,
            "$shape: in no time") or diag("$took s");

        for (grep { $made{$_} } qw(square large)) {
            my ($w, $h, $at) = pixels($made{$_});
            my @far = grep {
                my ($r, $g, $b) = $at->(@$_);
                $r > 60 || $g < 170 || $b > 60;
            } [0, 0], [$w - 1, $h - 1], [int($w / 2), int($h / 2)];

            is(scalar(@far), 0, "$shape: $_ is of its middle");
        }
    }
};


subtest 'what is cut off' => sub {

    # a third of it has all of the detail

    srand 7;

    my @rows = map {
        my $y = $_;
        ("\x60" x (3 * 500)) . join '', map {
            pack 'C3', 128 + int rand 128, int rand 64, int rand 255
        } 1 .. 160
    } 1 .. 200;

    my ($text, undef, %made) = variants('gravity',
        SocialImage::png(660, 200, 8, 2, \@rows));

    for (['centre', 0], ['attention', 1], ['entropy', 1]) {
        my ($name, $sees) = @$_;

        $made{$name} or do { fail("$name is made"); diag($text); next };
        is($made{$name}[0], '200x200', "$name: its size");

        my (undef, undef, $at) = pixels($made{$name});
        my $detail = grep {
            my @p = $at->($_, 100);
            grep { abs($_ - 0x60) > 12 } @p;
        } 0 .. 199;

        $sees ? cmp_ok($detail, '>', 80, "$name: what matters is kept")
              : is($detail, 0, "$name: the middle is kept");
    }

    # proportions of the box, off a larger picture: 300 of 900 columns

    ($text, undef, %made) = variants('gravity',
        SocialImage::png(900, 300, 8, 2,
            [(join '', map { pack 'C3', $_ / 900 * 255, 0, 0 } 0 .. 899)
                x 300]));

    my (undef, undef, $at) = pixels($made{centre});

    cmp_ok(abs(($at->(0, 100))[0] - 85), '<=', 3, 'from a third of it')
        or diag(($at->(0, 100))[0]);
    cmp_ok(abs(($at->(199, 100))[0] - 170), '<=', 3, 'to two thirds')
        or diag(($at->(199, 100))[0]);
};


done_testing();
