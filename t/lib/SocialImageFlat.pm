package SocialImageFlat;

# Pictures of one color with as many pixels as wanted, in a few bytes, without
# an image library: each block, pixel or row is the same short code.

use strict;
use warnings;

use Compress::Zlib ();

use SocialImage;


sub segment {
    my ($marker, $data) = @_;
    return "\xff" . chr($marker) . pack('n', length($data) + 2) . $data;
}

# Zero bits, and ones up to the end of the last byte.

sub zeros {
    my ($bits) = @_;
    my $rest = $bits % 8;
    return "\0" x int($bits / 8)
        . ($rest ? chr((1 << (8 - $rest)) - 1) : '');
}


# A JPEG of 4:4:4, or of $o{sampling} x $o{sampling} in the first component:
# "components" (3), "progressive", and "scans" more of a progressive one, which
# say that nothing changes, or "separate" scans of a sequential one.

sub jpeg {
    my ($width, $height, %o) = @_;

    my $n = $o{components} // 3;
    my $s = $o{sampling} // 1;
    my @parts = map { [$_, $_ == 1 ? $s : 1] } 1 .. $n;
    my $side = sub { int(($_[0] + $_[1] - 1) / $_[1]) };
    my $units = $side->($width, 8 * $s) * $side->($height, 8 * $s);
    my $blocks = $n == 1 ? 1 : $s * $s + $n - 1;
    my $first = $side->($width, 8) * $side->($height, 8);

    # one code of one bit in each table: no difference; the end of a block, or
    # of 16384 of them

    my $jpeg = "\xff\xd8" . segment(0xdb, "\0" . "\1" x 64)
        . segment($o{progressive} ? 0xc2 : 0xc0,
            pack('CnnC', 8, $height, $width, $n)
            . join '', map { pack 'CCC', $_->[0], 17 * $_->[1], 0 } @parts)
        . segment(0xc4, "\0\1" . "\0" x 15 . "\0")
        . segment(0xc4, "\x10\1" . "\0" x 15
            . ($o{progressive} ? "\xe0" : "\0"));

    my $scan = sub {
        my ($of, $from, $to, $bits) = @_;
        return segment(0xda, chr(@$of) . join('', map { chr($_) . "\0" } @$of)
            . pack 'CCC', $from, $to, 0) . zeros($bits);
    };

    if ($o{separate}) {
        $jpeg .= $scan->([$_->[0]], 0, 63,
            2 * $side->($width, 8 * $s / $_->[1])
            * $side->($height, 8 * $s / $_->[1])) for @parts;

    } elsif ($o{progressive}) {
        $jpeg .= $scan->([map { $_->[0] } @parts], 0, 0, $units * $blocks)
            . $scan->([1], 1, 63, 15 * (1 + int($first / 16384)))
                x ($o{scans} // 0);

    } else {
        $jpeg .= $scan->([map { $_->[0] } @parts], 0, 63,
            $units * $blocks * 2);
    }

    return "$jpeg\xff\xd9";
}


# A PNG of any depth and color type, "interlaced" or not.

sub png {
    my ($width, $height, $depth, $color, $interlaced) = @_;

    my $channels = { 0 => 1, 2 => 3, 4 => 2, 6 => 4 }->{$color};
    my $z = Compress::Zlib::deflateInit(-Level => 1);
    my $data = '';

    for ($interlaced
        ? ([0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4],
            [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2])
        : [0, 0, 1, 1])
    {
        my ($x, $y, $dx, $dy) = @$_;
        my $w = int(($width - $x + $dx - 1) / $dx);
        my $h = int(($height - $y + $dy - 1) / $dy);

        next if $w < 1;
        my $row = "\0" . "\x40" x int(($w * $channels * $depth + 7) / 8);
        $data .= $z->deflate($row) for 1 .. $h;
    }

    $data .= $z->flush;

    return "\x89PNG\r\n\x1a\n"
        . SocialImage::chunk('IHDR', pack 'NNC5', $width, $height, $depth,
            $color, 0, 0, $interlaced ? 1 : 0)
        . SocialImage::chunk('IDAT', $data) . SocialImage::chunk('IEND', '');
}


# The bitstream of a lossless WebP whose pixels take no bits at all: each table
# of codes has one symbol.  (RFC 9649, 3)

sub vp8l {
    my ($width, $height) = @_;

    my @bits = ($width - 1, 14, $height - 1, 14, 0, 1, 0, 3, 0, 1, 0, 1, 0, 1,
        (map { (1, 1, 0, 1, 1, 1, $_, 8) } 80, 160, 40, 255),
        1, 1, 0, 1, 0, 1, 0, 1);
    my $bits = '';

    while (my ($value, $n) = splice @bits, 0, 2) {
        $bits .= join '', map { $value >> $_ & 1 } 0 .. $n - 1;
    }

    my $data = "\x2f" . pack('b*', $bits) . "\0";
    $data .= "\0" if length($data) % 2;

    return 'VP8L' . pack('V', length $data) . $data;
}

sub riff {
    my ($chunks) = @_;
    return 'RIFF' . pack('V', 4 + length $chunks) . "WEBP$chunks";
}

sub webp {
    return riff(vp8l(@_));
}


# An animation of that many frames of one pixel.

sub webp_frames {
    my ($frames) = @_;

    my $frame = "\0" x 12 . "\x0a\0\0\0" . vp8l(1, 1);

    return riff('VP8X' . pack('V', 10) . "\x02" . "\0" x 9
        . 'ANIM' . pack('V', 6) . "\0" x 6
        . ('ANMF' . pack('V', length $frame) . $frame) x $frames);
}


1;
