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
variant narrow { width = 1 height = 500 formats = {"png"} }
kind narrow { variants = {"large", "narrow"} $kind }
kind gravity { variants = {"attention", "entropy", "centre"} $kind }
variant quarter { width = 50 height = 50 fit = "contain" formats = {"png"} }
variant half { width = 100 height = 100 fit = "contain" formats = {"png"} }
variant more { width = 101 height = 101 fit = "contain" formats = {"png"} }
variant flat { width = 100 height = 50 formats = {"png"} }
kind wide { variants = {"wide"} $kind }
kind whole { variants = {"whole"} $kind }
@{[ map { qq(kind few_$_ { variants = {"$_"} max_pixels = 10000 $kind }\n) }
    qw(quarter half more flat) ]}
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

    my ($text, undef, %made) = variants('narrow',
        SocialImageFlat::png(2, 600, 8, 2));

    is($made{narrow}[0], '1x500', 'a box is not left where a side fits');
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


# that it is made, or what is said

sub made {
    my ($kind, $data, $name, $conf) = @_;

    my ($text, $took, %made) = variants($kind, $data, $conf);

    ok(scalar(keys %made), "$name: it is made") or diag($text);
    return $took;
}

sub refused {
    my ($kind, $data, $reason, $name, $conf) = @_;

    my ($text, $took, %made) = variants($kind, $data, $conf);

    is(scalar(keys %made), 0, "$name: it is not made");
    like($text, $reason, "$name: and why");
    cmp_ok($took, '<', $ENV{SANITIZE} ? 20 : 3, "$name: at once");
}


subtest 'work' => sub {

    # the first scan is one of them

    for ([99, 100], [100, 101], [5999, 6000]) {
        my ($more, $all) = @$_;
        my $jpeg = SocialImageFlat::jpeg(800, 800, components => 1,
            progressive => 1, scans => $more);

        $all > 100 ? refused('square', $jpeg,
                qr/it has $all scans, and up to 100 are decoded/,
                "$all scans")
            : made('square', $jpeg, "$all scans");
    }

    # DQT, SOF, two DHT, SOS

    my $jpeg = SocialImageFlat::jpeg(64, 64);

    for (10000, 10001) {
        my $more = "\xff\xd8" . "\xff\xe5\0\2" x ($_ - 5) . substr $jpeg, 2;

        $_ > 10000 ? refused('square', $more,
                qr/it has $_ segments, and up to 10000 are decoded/,
                "$_ segments")
            : made('square', $more, "$_ segments");
    }

    # libwebp looks for each frame from the first one on: the square of them

    made('square', SocialImageFlat::webp_frames(10000), '10000 frames');
    refused('square', SocialImageFlat::webp_frames(200_000),
        qr/it has 200000 frames, and up to 10000 are decoded/,
        '200000 frames');
    refused('square', SocialImageFlat::webp_frames(10001),
        qr/it has 10001 frames/, '10001 frames');
};


subtest 'memory' => sub {
    conf('little.conf', "sandbox { memory = 64M }\n");

    my @little = 'little.conf';
    my $much = qr/it needs 6[5-9] MB of memory, and 64 are allowed/;
    my @large = (3400, 3300);

    refused('square', SocialImageFlat::jpeg(@large, progressive => 1), $much,
        'a progressive JPEG', @little);
    refused('square', SocialImageFlat::jpeg(@large, separate => 1), $much,
        'a JPEG of separate scans', @little);
    made('square', SocialImageFlat::jpeg(@large),
        'a JPEG of one scan', @little);
    made('square', SocialImageFlat::jpeg(@large, progressive => 1),
        'a progressive JPEG where there is more');

    refused('square', SocialImageFlat::png(2900, 2900, 16, 6, 1), $much,
        'an interlaced PNG', @little);
    made('square', SocialImageFlat::png(2900, 2900, 16, 6),
        'a PNG that is not', @little);

    # what variants are made from counts too: 3 bytes for a pixel

    refused('whole', SocialImageFlat::png(4800, 4800, 8, 2),
        qr/it needs 66 MB of memory, and 64 are allowed/,
        'all of a picture', @little);

    # libvips would put what is over 100 MB into a file, which was death

    made('wide', SocialImageFlat::webp(8160, 6100), 'a WebP of 50 megapixels');
    made('square', SocialImageFlat::webp(2600, 2600),
        'a WebP that is made smaller', @little);
    refused('whole', SocialImageFlat::webp(2600, 2600),
        qr/it needs 1\d\d MB of memory, and 64 are allowed/,
        'a WebP that is not', @little);
};


subtest 'pixels' => sub {
    my @phone = (16320, 12240);

    my $jpeg = SocialImageFlat::jpeg(@phone, sampling => 2);

    made('square', $jpeg, 'a photo of 200 megapixels');
    made('wide', $jpeg, 'a large variant of it');
    refused('whole', $jpeg, qr/over the limit of pixels/, 'all of it');
    made('square', SocialImageFlat::jpeg(12032, 9024, sampling => 2,
        progressive => 1), 'a progressive one of 108 megapixels');
    refused('square', SocialImageFlat::jpeg(@phone, sampling => 2,
        progressive => 1), qr/it needs 57\d MB of memory, and 512 are/,
        'a progressive one of 200 megapixels');
    refused('square', SocialImageFlat::jpeg(@phone, sampling => 2) =~
        s/\xff\xc0\0\x11\x08\K..../pack 'nn', 65535, 65535/ser,
        qr/over the limit of pixels/, 'a bomb');
    refused('square', SocialImageFlat::png(@phone[0, 0], 1, 0),
        qr/over the limit of pixels/, 'a PNG of as many');

    # 10,000 are allowed, and four times as many of what is decoded at half

    my $over = qr/over the limit of pixels/;

    made('few_quarter', SocialImageFlat::jpeg(200, 200), 'a quarter');
    refused('few_quarter', SocialImageFlat::jpeg(200, 201), $over,
        'more than four times as many');
    made('few_half', SocialImageFlat::jpeg(200, 200), 'a half');
    refused('few_more', SocialImageFlat::jpeg(200, 200), $over,
        'more than half');
    made('few_more', SocialImageFlat::jpeg(100, 100), 'as many as allowed');
    refused('few_more', SocialImageFlat::jpeg(100, 101), $over, 'one line more');
    refused('few_quarter', SocialImageFlat::png(100, 101, 8, 2), $over,
        'one line more of a PNG');
    made('few_quarter', SocialImageFlat::png(100, 100, 8, 2),
        'a PNG of as many as allowed');

    # which is upright at 100 by 200: half of it would be too narrow

    refused('few_flat', SocialImage::orient(SocialImageFlat::jpeg(200, 100), 6),
        $over, 'one that lies on its side');
    made('few_flat', SocialImageFlat::jpeg(200, 200),
        'one that is large enough on both');

    my ($text, undef, %made) = variants('few_half',
        SocialImageFlat::jpeg(200, 180));
    is($made{half}[0], '100x90', 'its proportions') or diag($text);
};


done_testing();
