#!/usr/bin/perl

# Pictures as browsers show them: what is stricter than the formats
# need, and which picture of a file it is.  The numbers are those that Chromium
# 156 gives for the same bytes, in getImageData() of a canvas; where it differs,
# the block says why.

use strict;
use warnings;

use lib 't/lib';

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

sub rgb { return SocialPicture::jpeg([[@colors[0, 1]], [@colors[2, 3]]],
    adobe => 0, @_) }


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
