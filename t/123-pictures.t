#!/usr/bin/perl

# Pictures as browsers show them: colors, what is stricter than the formats
# need, and which picture of a file it is.  The numbers are those that Chromium
# 156 gives for the same bytes, in getImageData() of a canvas; where it differs,
# the block says why.

use strict;
use warnings;

use lib 't/lib';

use Compress::Zlib ();
use File::Temp ();
use Test::More;

use SocialImage;
use SocialPicture;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program
    || plan skip_all => "$program is not there: run \"make deps\"";

my $dir = File::Temp->newdir('social-pictures-XXXXXX', TMPDIR => 1);

delete $ENV{$_} for grep { /^SOCIAL_WORKER_/ } keys %ENV;

SocialImage::spew("$dir/worker.conf", <<"CONF");
bucket out { endpoint = "http://127.0.0.1:1" }
variant whole {
    width = 400
    height = 400
    fit = "contain"
    formats = {"png"}
}
variant avif {
    width = 400
    height = 400
    fit = "contain"
    formats = {"avif"}
    quality = 95
    effort = 0
}
kind whole { variants = {"whole"} output = "out" }
kind avif { variants = {"avif"} output = "out" }
CONF

my $n = 0;

sub variant {
    my ($data, $kind) = @_;

    my $out = "$dir/out" . ++$n;
    SocialImage::spew("$dir/in", $data);
    my $text = `$program -c $dir/worker.conf variants -k $kind $dir/in -o $out 2>&1`;
    my ($made) = glob "$out/*";
    return $? || !defined $made ? (undef, $text)
                                : (SocialImage::slurp($made), $text);
}

# Whether the middles of the four quarters are these colors, with up to 2
# levels between; a color may have an opacity.

sub shows {
    my ($data, $expected, $what) = @_;

    my ($png, $text) = variant($data, 'whole');
    defined $png or return fail($what) || diag($text);

    my ($w, $h, $at, $opacity) = SocialImage::read_png($png);
    my @at = ([$w / 4, $h / 4], [3 * $w / 4, $h / 4],
        [$w / 4, 3 * $h / 4], [3 * $w / 4, 3 * $h / 4]);
    my $far = 0;
    my @got;

    for my $i (0 .. 3) {
        my @rgb = ($at->(@{ $at[$i] }), $opacity->(@{ $at[$i] }));
        my @e = (@{ $expected->[$i] }, 255)[0 .. 3];
        push @got, join ',', @rgb;

        for my $k ($e[3] == 0 ? 3 : 0 .. 3) {
            my $d = abs $rgb[$k] - $e[$k];
            $far = $d if $d > $far;
        }
    }

    return cmp_ok($far, '<=', 2, $what) || diag(join ' | ', @got);
}

sub refused {
    my ($data, $error, $what) = @_;

    my ($made, $text) = variant($data, 'whole');
    return !defined $made ? like($text, $error, $what) : fail($what);
}


my @colors = ([220, 30, 30], [30, 200, 30], [30, 30, 220], [240, 240, 240]);
my @grays = map { [($_) x 3] } 40, 200, 10, 90;

sub rgb { return SocialPicture::jpeg([[@colors[0, 1]], [@colors[2, 3]]],
    adobe => 0, @_) }

sub gray { return SocialPicture::jpeg([[[40], [200]], [[10], [90]]], @_) }

# as Photoshop stores them, 255 being without ink

my @inks = ([200, 30, 30, 255], [30, 200, 30, 255], [30, 30, 220, 200],
    [240, 240, 240, 100]);

sub cmyk { return SocialPicture::jpeg([[@inks[0, 1]], [@inks[2, 3]]], @_) }

my $plain = SocialImage::profile('plain');
my $swap = SocialImage::profile('swap', 1);
my @swapped = ([24, 24, 221], [24, 201, 24], [221, 24, 24], [240, 240, 240]);
my @curved = map { [($_) x 3] } 35, 201, 3, 90;

(my $gray = $plain) =~ s/mntrRGB /mntrGRAY/;
$gray =~ s/rTRC/kTRC/;

sub print_of {
    my ($c, $m, $y, $k) = @_;
    return ((1 - $k * 0.9) * (95 - 20 * $c - 25 * $m - 5 * $y),
        (1 - $k) * (50 * $m - 30 * $c), (1 - $k) * (60 * $y - 40 * $c));
}

sub scan_of {
    my ($r, $g, $b) = @_;
    return (25 * $r + 60 * $g + 15 * $b, 60 * $r - 70 * $g + 10 * $b,
        40 * $r + 50 * $g - 80 * $b);
}


subtest 'profiles that fit' => sub {
    shows(rgb(), \@colors, 'RGB without one');
    shows(rgb(icc => $swap), \@swapped, 'RGB with one');
    shows(gray(), \@grays, 'gray without one');
    shows(gray(icc => $gray), \@curved, 'gray with one');
    shows(gray(icc => $plain), \@curved, 'gray with one of RGB');

    # 16 bits, whose opacity is not a color

    my $png = SocialImage::png(16, 16, 16, 6, [(pack('n4', 0x8000, 0x4000,
        0xc000, 0x8000) x 8 . pack('n4', 0x2000, 0xa000, 0x6000, 0xffff) x 8)
        x 16]);
    shows($png, [([128, 64, 192, 128], [32, 160, 96]) x 2], '16 bits');
    substr $png, 33, 0, SocialImage::chunk(iCCP => "x\0\0"
        . Compress::Zlib::compress($swap));
    shows($png, [([193, 62, 129, 128], [96, 161, 26]) x 2],
        '16 bits with one');
};


subtest 'profiles of tables' => sub {
    my @scan = ([136, 29, 26], [19, 142, 59], [0, 55, 144], [244, 238, 220]);

    shows(rgb(icc => SocialPicture::tables('RGB ', 'A2B0', \&scan_of)),
        \@scan, 'RGB, perceptual');
    shows(rgb(icc => SocialPicture::tables('RGB ', 'A2B1', \&scan_of)),
        \@scan, 'RGB, relative');
    shows(rgb(icc => SocialPicture::tables('RGB ', 'A2B2', \&scan_of)),
        \@colors, 'RGB, saturation alone');

    # with black, by the profile's arithmetic: Chromium has less of it between
    # the points of a grid

    my @print = ([230, 127, 78], [145, 173, 132], [108, 100, 153],
        [98, 100, 101]);

    shows(cmyk(adobe => 0, icc => SocialPicture::tables('CMYK', $_,
        \&print_of)), \@print, "CMYK, $_") for qw( A2B0 A2B1 );
};


subtest 'profiles that do not fit count as none' => sub {
    my $print = SocialPicture::tables('CMYK', 'A2B0', \&print_of);
    my @light = ([200, 30, 30], [30, 200, 30], [23, 23, 172], [94, 94, 94]);
    (my $damaged = $swap) =~ s/curv/xxxx/g;
    (my $lab = $swap) =~ s/mntrRGB /mntrLab /;

    shows(rgb(icc => $print), \@colors, 'RGB with one of CMYK');
    shows(rgb(icc => $gray), \@colors, 'RGB with one of gray');
    shows(rgb(icc => $lab), \@colors, 'RGB with one of Lab');
    shows(rgb(icc => $damaged), \@colors, 'whose curves are none');
    shows(rgb(icc => substr $swap, 0, 300), \@colors, 'that is cut off');
    shows(rgb(icc => 'junk'), \@colors, 'that is not one');
    shows(gray(icc => $print), \@grays, 'gray with one of CMYK');
    shows(cmyk(adobe => 0), \@light, 'CMYK without one');
    shows(cmyk(), \@light, 'CMYK without one, nor a word of Adobe');
    shows(cmyk(adobe => 0, icc => $swap), \@light, 'CMYK with one of RGB');
    shows(cmyk(adobe => 0, icc => SocialPicture::tables('CMYK', 'A2B2',
        \&print_of)), \@light, 'CMYK with one of another intent alone');
};


subtest 'PNGs that say which colors' => sub {
    my $png = sub {
        my $data = SocialImage::png(16, 16, 8, 2, [
            ("\x80\x40\xc0" x 8 . "\x20\xa0\x60" x 8) x 8,
            ("\x20\x20\x20" x 8 . "\xff\xff\xff" x 8) x 8]);
        substr $data, 33, 0, join '', @_;
        return $data;
    };
    my $gama = sub { SocialImage::chunk(gAMA => pack 'N', $_[0]) };
    my $chrm = sub { SocialImage::chunk(cHRM => pack 'N8', @_) };
    my $cicp = sub { SocialImage::chunk(cICP => pack 'C4', @_) };
    my $iccp = SocialImage::chunk(iCCP => "x\0\0"
        . Compress::Zlib::compress($swap));
    my $srgb = SocialImage::chunk(sRGB => "\0");

    my @srgb = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000);
    my @p3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000);
    my @plain = ([128, 64, 192], [32, 160, 96], [32, 32, 32], [255, 255, 255]);
    my @linear = ([188, 137, 225], [99, 208, 165], [99, 99, 99],
        [255, 255, 255]);
    my @wide = ([138, 59, 199], [0, 163, 89], [32, 32, 32], [255, 255, 255]);

    my @cases = (
        ['nothing', \@plain],
        ['a gamma of 1', \@linear, $gama->(100000)],
        ['a gamma of 1/1.8', [[146, 81, 203], [43, 176, 115], [43, 43, 43],
            [255, 255, 255]], $gama->(55556)],
        ['a gamma of 1/2.4', [[121, 54, 189], [20, 155, 87], [20, 20, 20],
            [255, 255, 255]], $gama->(41667)],
        ['a gamma of about 1/2.2', \@plain, $gama->(46000)],
        ['none', \@plain, $gama->(0)],
        ['one that cannot be', \@plain, $gama->(0xffffffff)],
        ['primaries alone', \@plain, $chrm->(@p3)],
        ['a gamma, and primaries', [[139, 57, 200], [0, 164, 89], [26, 26, 26],
            [255, 255, 255]], $gama->(45455), $chrm->(@p3)],
        ['primaries, and a gamma', [[197, 135, 231], [29, 211, 162],
            [99, 99, 99], [255, 255, 255]], $chrm->(@p3), $gama->(100000)],
        ['those of sRGB', [[129, 62, 193], [26, 161, 96], [26, 26, 26],
            [255, 255, 255]], $gama->(45455), $chrm->(@srgb)],
        ['another white', [[191, 137, 223], [78, 207, 166], [99, 99, 99],
            [255, 255, 255]], $gama->(100000),
            $chrm->(34570, 35850, @srgb[2 .. 7])],
        ['primaries that are one', \@plain, $gama->(100000),
            $chrm->(@srgb[0 .. 3], @srgb[2, 3], @srgb[2, 3])],
        ['primaries of nothing', \@plain, $gama->(100000), $chrm->((0) x 8)],
        ['sRGB, and a gamma', \@plain, $srgb, $gama->(100000)],
        ['cICP of P3', \@wide, $cicp->(12, 13, 0, 1)],
        ['cICP of sRGB, and a gamma', \@plain, $cicp->(1, 13, 0, 1),
            $gama->(100000)],
        ['cICP of P3, and a gamma', \@wide, $gama->(100000),
            $cicp->(12, 13, 0, 1)],
        ['cICP, and a profile', \@wide, $cicp->(12, 13, 0, 1), $iccp],
        ['a profile, and a gamma', [[193, 62, 129], [96, 161, 26],
            [26, 26, 26], [255, 255, 255]], $gama->(100000), $iccp],
    );

    for (@cases) {
        my ($what, $expected, @chunks) = @$_;
        shows($png->(@chunks), $expected, $what);
    }

    my $gray = SocialImage::png(16, 16, 8, 0, [("\x80" x 8 . "\x20" x 8) x 16]);
    substr $gray, 33, 0, $gama->(100000);
    shows($gray, [([188, 188, 188], [99, 99, 99]) x 2], 'gray');

    my $late = $png->();
    substr $late, -12, 0, $gama->(100000);
    shows($late, \@plain, 'after the picture');
};


subtest 'JPEGs that are whole' => sub {
    for my $marker ("\xdb", "\xc0", "\xc4", "\xda") {
        my $jpeg = rgb();
        $jpeg =~ s/\xff$marker/junk\xff\0\xff$marker/
            or die 'a JPEG without it';
        shows($jpeg, \@colors, sprintf 'junk before %02x', ord $marker);
    }

    shows(rgb(tail => ''), \@colors, 'no end');
    shows(rgb(tail => "\xff"), \@colors, 'half an end');
    shows(rgb(tail => "\xff\xd9PK\3\4"), \@colors, 'more than an end');
};


subtest 'JPEGs that are not' => sub {
    my $whole = rgb(tail => '');

    refused(substr($whole, 0, -$_), qr/[Pp]remature end/, "without $_ bytes")
        for 1 .. 14;

    # of many rows, where libvips has seen the warning, or has not

    my $rows = [map { [@colors] } 1 .. 40];
    my $tall = SocialPicture::jpeg($rows, adobe => 0, tail => '');

    my (undef, $text) = variant($tall, 'whole');
    like($text, qr/32x320/, 'many rows');
    refused(substr($tall, 0, -$_), qr/[Pp]remature end/,
        "many rows without $_ bytes") for 1, 20, 200, 600;
};


sub coded { return SocialPicture::coded((variant($_[0], 'avif'))[0]) }

my $heif = (variant(rgb(), 'avif'))[0];

SKIP: {
    length($heif // '') or do {
        diag('libvips has no AVIF: its pictures SKIPPED');
        skip 'no AVIF', 1;
    };

    my ($first) = coded(SocialImage::png(64, 64, 8, 2,
        [("\x80\x20\xf0" x 64) x 64]));
    my ($picture) = coded(SocialImage::quarters(64, 64, 1));
    my @q = @SocialImage::QUARTERS;
    my @turn = SocialPicture::box('irot', "\1");
    my @mirror = map { SocialPicture::box('imir', $_) } "\0", "\1";

    # opaque, transparent; half, opaque

    my $rgb = pack 'C3', 200, 100, 50;
    my @coat = coded(SocialImage::png(64, 64, 8, 6, [
        (("$rgb\xff" x 32 . "$rgb\0" x 32) x 32),
        (("$rgb\x80" x 32 . "$rgb\xff" x 32) x 32)]));
    my @o = map { [200, 100, 50, $_] } 255, 0, 128, 255;

    my $with = sub {
        my ($item, @props) = @_;
        return { %$item, props => [@{ $item->{props} }, @props] };
    };

    subtest 'AVIFs' => sub {
        shows(SocialPicture::avif([$picture, $first]), \@q,
            'the first of two');
        shows(SocialPicture::avif([$first, $picture], primary => 2), \@q,
            'the primary one is the second');
        shows(SocialPicture::avif([$first, $picture, $first], primary => 2),
            \@q, 'of three');

        shows(SocialPicture::avif([$with->($picture, @turn)]),
            [@q[1, 3, 0, 2]], 'turned');
        shows(SocialPicture::avif([$with->($picture, $mirror[0])]),
            [@q[2, 3, 0, 1]], 'upside down');
        shows(SocialPicture::avif([$with->($picture, $mirror[1])]),
            [@q[1, 0, 3, 2]], 'mirrored');
        shows(SocialPicture::avif([$with->($picture, @turn, $mirror[$_])]),
            [$_ ? @q[3, 1, 2, 0] : @q[0, 2, 1, 3]],
            "turned, and mirrored by $_") for 0, 1;

        my @of = (refs => [['auxl', 2, 1]]);

        shows(SocialPicture::avif(\@coat, @of), \@o, 'opacity');
        shows(SocialPicture::avif([map { $with->($_, @turn) } @coat], @of),
            [@o[1, 3, 0, 2]], 'opacity, turned');
        shows(SocialPicture::avif([map { $with->($_, $mirror[1]) } @coat],
            @of), [@o[1, 0, 3, 2]], 'opacity, mirrored');
    };

    subtest 'HEIFs that libheif cannot read' => sub {

        # as phones write them now; a newer one can

        my $several = SocialPicture::avif([@coat, $coat[1]],
            refs => [['auxl', 2, 1, 3]]);
        my ($made, $text) = variant($several, 'whole');

        defined $made ? pass('this one reads them')
                      : like($text, qr/Too many auxiliary image references/,
                            'several auxiliary images');
    };
}


done_testing();
