package SocialImage;

# Images for tests, without an image library: writes and reads PNG, and gives
# JPEGs an orientation.

use strict;
use warnings;

use Compress::Zlib ();


# The colors of a test image's quarters: top left, top right, bottom left,
# bottom right.

our @QUARTERS = ([220, 30, 30], [30, 200, 30], [30, 30, 220], [240, 240, 240]);


sub chunk {
    my ($name, $data) = @_;
    return pack('N', length $data) . $name . $data
        . pack('N', Compress::Zlib::crc32($name . $data));
}


# A PNG of rows of bytes; $color is 2 for RGB, 6 for RGBA, 0 for gray.

sub png {
    my ($width, $height, $depth, $color, $rows) = @_;

    my $z = Compress::Zlib::deflateInit(-Level => 1);
    my $data = '';

    for my $row (@$rows) {
        $data .= $z->deflate("\0$row");
    }

    $data .= $z->flush;

    return "\x89PNG\r\n\x1a\n"
        . chunk('IHDR', pack('NNC5', $width, $height, $depth, $color, 0, 0, 0))
        . chunk('IDAT', $data) . chunk('IEND', '');
}


# The four quarters as they are stored in a file of that orientation.  The size
# is that of the upright image.

sub quarters {
    my ($width, $height, $orientation) = @_;

    my ($w, $h) = $orientation > 4 ? ($height, $width) : ($width, $height);

    # where the stored quarter (x, y) is in the upright image
    my @upright = (
        undef,
        sub { ($_[0], $_[1]) },
        sub { (1 - $_[0], $_[1]) },
        sub { (1 - $_[0], 1 - $_[1]) },
        sub { ($_[0], 1 - $_[1]) },
        sub { ($_[1], $_[0]) },
        sub { (1 - $_[1], $_[0]) },
        sub { (1 - $_[1], 1 - $_[0]) },
        sub { ($_[1], 1 - $_[0]) },
    );

    my @rows = map {
        my $y = $_;
        join '', map {
            my ($ux, $uy) = $upright[$orientation]->($_, $y);
            pack('C3', @{ $QUARTERS[$uy * 2 + $ux] })
                x ($_ ? $w - int($w / 2) : int($w / 2));
        } 0, 1;
    } 0, 1;

    return png($w, $h, 8, 2,
        [($rows[0]) x int($h / 2), ($rows[1]) x ($h - int($h / 2))]);
}


# The same picture every time, with enough in it to be work.

sub photo {
    my ($width, $height) = @_;

    srand 42;
    my $noise = join '', map { chr int rand 64 } 1 .. $width * 3 + 4096;
    my @rows;

    for my $y (0 .. $height - 1) {
        my $base = int(160 * $y / $height);
        my $row = substr $noise, ($y * 37) % 4096, $width * 3;
        $row |= chr($base & 0xc0) x length $row;
        push @rows, $row;
    }

    return png($width, $height, 8, 2, \@rows);
}


# Puts an EXIF segment with an orientation, and a comment to be found, into a
# JPEG.

sub orient {
    my ($jpeg, $orientation) = @_;

    my $tiff = 'MM' . pack('nN', 42, 8)
        . pack('n', 1) . pack('nnNnn', 0x0112, 3, 1, $orientation, 0)
        . pack('N', 0);
    my $exif = "Exif\0\0$tiff";
    my $comment = 'GPS 48.8584 N 2.2945 E';

    return "\xff\xd8"
        . "\xff\xe1" . pack('n', length($exif) + 2) . $exif
        . "\xff\xfe" . pack('n', length($comment) + 2) . $comment
        . substr($jpeg, 2);
}


# A profile of three primaries and a power, named after $name: sRGB's primaries,
# or with red and blue exchanged.  (ICC.1:2001-04)

sub profile {
    my ($name, $exchanged) = @_;

    my $fixed = sub { pack 'N*', map { int($_ * 65536 + 0.5) } @_ };
    my $xyz = sub { "XYZ \0\0\0\0" . $fixed->(@_) };
    my @red = (0.4361, 0.2225, 0.0139);
    my @blue = (0.1431, 0.0606, 0.7141);
    my $curve = "curv\0\0\0\0" . pack('Nn', 1, int 2.2 * 256) . "\0\0";

    my @tags = (
        desc => "desc\0\0\0\0" . pack('N', length($name) + 1) . "$name\0"
            . "\0" x 78,
        cprt => "text\0\0\0\0none\0",
        wtpt => $xyz->(0.9642, 1, 0.8249),
        rXYZ => $xyz->($exchanged ? @blue : @red),
        gXYZ => $xyz->(0.3851, 0.7169, 0.0971),
        bXYZ => $xyz->($exchanged ? @red : @blue),
        rTRC => $curve,
        gTRC => $curve,
        bTRC => $curve,
    );

    my $at = 128 + 4 + 12 * @tags / 2;
    my ($table, $data) = (pack('N', @tags / 2), '');

    while (my ($tag, $value) = splice @tags, 0, 2) {
        $table .= $tag . pack 'NN', $at + length $data, length $value;
        $data .= $value . "\0" x (-length($value) % 4);
    }

    my $rest = pack('N', 0) . "\2\x20\0\0" . 'mntrRGB XYZ '
        . pack('n6', 2020, 2, 20, 20, 20, 20) . 'acsp' . "\0" x 28
        . $fixed->(0.9642, 1, 0.8249) . "\0" x 48;

    return pack('N', 4 + length($rest . $table . $data)) . $rest . $table
        . $data;
}


# A WebP with chunks of metadata: ICCP, EXIF, "XMP ".

sub webp_with {
    my ($webp, %more) = @_;

    my ($pos, %chunks, @order) = (12);

    while ($pos < length $webp) {
        my ($name, $len) = unpack 'a4V', substr($webp, $pos, 8);
        $chunks{$name} = substr $webp, $pos + 8, $len;
        push @order, $name;
        $pos += 8 + $len + $len % 2;
    }

    my $flags = ord($chunks{VP8X} // die 'a WebP without VP8X');
    $flags |= { ICCP => 0x20, EXIF => 0x08, 'XMP ' => 0x04 }->{$_} // 0
        for keys %more;
    substr $chunks{VP8X}, 0, 1, chr $flags;

    my @names = ('VP8X', (grep { $_ eq 'ICCP' } keys %more),
        (grep { $_ ne 'VP8X' && !$more{$_} } @order),
        (grep { $_ ne 'ICCP' } sort keys %more));
    my $all = 'WEBP' . join '', map {
        my $data = $more{$_} // $chunks{$_};
        $_ . pack('V', length $data) . $data . "\0" x (length($data) % 2)
    } @names;

    return 'RIFF' . pack('V', length $all) . $all;
}


sub slurp {
    my ($file) = @_;

    open my $f, '<:raw', $file or die "$file: $!";
    local $/;
    my $data = <$f>;
    return $data // '';
}

sub spew {
    my ($file, $data) = @_;

    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f or die "$file: $!";
}


# The pixels of a PNG of 8 bits RGB, RGBA or gray: width, height, a sub that
# gives the R, G and B of a position, and one that gives its opacity.

sub read_png {
    my ($png) = @_;

    my ($pos, $data, $width, $height, $color) = (8, '');

    while ($pos < length $png) {
        my ($len, $name) = unpack 'Na4', substr($png, $pos, 8);
        my $body = substr $png, $pos + 8, $len;

        ($width, $height, undef, $color) = unpack 'NNCC', $body
            if $name eq 'IHDR';
        $data .= $body if $name eq 'IDAT';
        $pos += 12 + $len;
    }

    my $bytes = { 0 => 1, 2 => 3, 6 => 4 }->{$color}
        or die "a PNG of color type $color";
    my $raw = Compress::Zlib::uncompress($data);
    my $stride = $width * $bytes;
    my @rows;
    my @above = (0) x $stride;

    for my $y (0 .. $height - 1) {
        my ($filter, @row) = unpack 'C*',
            substr($raw, $y * ($stride + 1), $stride + 1);

        for my $i (0 .. $stride - 1) {
            my $a = $i >= $bytes ? $row[$i - $bytes] : 0;
            my $b = $above[$i];
            my $c = $i >= $bytes ? $above[$i - $bytes] : 0;
            my $p = 0;

            if ($filter == 1) { $p = $a }
            elsif ($filter == 2) { $p = $b }
            elsif ($filter == 3) { $p = int(($a + $b) / 2) }
            elsif ($filter == 4) {
                my $e = $a + $b - $c;
                my ($pa, $pb, $pc) = (abs($e - $a), abs($e - $b), abs($e - $c));
                $p = $pa <= $pb && $pa <= $pc ? $a : $pb <= $pc ? $b : $c;
            }

            $row[$i] = ($row[$i] + $p) & 255;
        }

        push @rows, [@row];
        @above = @row;
    }

    return ($width, $height, sub {
        my ($x, $y) = @_;
        my @p = @{ $rows[$y] }[$x * $bytes .. $x * $bytes + $bytes - 1];
        return $color == 0 ? ($p[0]) x 3 : @p[0 .. 2];
    }, sub {
        my ($x, $y) = @_;
        return $color == 6 ? $rows[$y][$x * 4 + 3] : 255;
    });
}


1;
