package SocialPicture;

# Pictures that no encoder at hand would make, for tests of decoders: JPEGs of
# flat blocks in any number of components, and AVIFs of any items, properties
# and references.

use strict;
use warnings;


# A JPEG of flat blocks of 8 by 8 pixels: rows of blocks, a block being its
# components as they are stored.  %o: adobe is the transform of an APP14, which
# there is not if it is not given; icc is a profile; head and tail are put
# after SOI and in place of EOI.

sub jpeg {
    my ($rows, %o) = @_;

    my $n = @{ $rows->[0][0] };
    my ($width, $height) = (8 * @{ $rows->[0] }, 8 * @$rows);
    my $segment = sub { "\xff$_[0]" . pack('n', 2 + length $_[1]) . $_[1] };

    # one code for each size of a difference, 0 to 8; "no more" is the one
    # code for coefficients

    my $bits = '';
    my @last = (0) x $n;

    for my $row (@$rows) {
        for my $block (@$row) {
            for my $i (0 .. $n - 1) {
                my $value = $block->[$i] - 128;
                my $step = $value - $last[$i];
                my $size = $step ? length sprintf('%b', abs $step) : 0;

                $last[$i] = $value;
                $step += (1 << $size) - 1 if $step < 0;
                $bits .= sprintf('%04b', $size)
                    . ($size ? sprintf("%0${size}b", $step) : '') . '0';
            }
        }
    }

    $bits .= '1' x (-length($bits) % 8);
    my $scan = pack 'B*', $bits;
    $scan =~ s/\xff/\xff\0/g;

    return "\xff\xd8" . ($o{head} // '')
        . (defined $o{adobe} ? $segment->("\xee", "Adobe\0\x64\0\0\0\0"
            . chr $o{adobe}) : '')
        . (defined $o{icc} ? $segment->("\xe2", "ICC_PROFILE\0\1\1$o{icc}")
            : '')
        . $segment->("\xdb", "\0" . "\x08" x 64)
        . $segment->("\xc0", pack('Cnn', 8, $height, $width) . chr($n)
            . join '', map { chr($_) . "\x11\0" } 1 .. $n)
        . $segment->("\xc4", "\0\0\0\0\x09" . "\0" x 12
            . join('', map { chr } 0 .. 8))
        . $segment->("\xc4", "\x10\1" . "\0" x 15 . "\0")
        . $segment->("\xda", chr($n) . join('', map { chr($_) . "\0" } 1 .. $n)
            . "\0\x3f\0")
        . $scan . ($o{tail} // "\xff\xd9");
}


# A profile of tables alone: $space is "CMYK" or "RGB ", $tag the intent's
# ("A2B0"), $lab gives for 0s and 1s of each component L from 0 to 100, a and b.
# (ICC.1:2010, 10.9)

sub tables {
    my ($space, $tag, $lab) = @_;

    my $n = $space eq 'CMYK' ? 4 : 3;
    my $fixed = sub { pack 'N*', map { int($_ * 65536 + 0.5) } @_ };
    my $same = join '', map { chr } 0 .. 255;
    my $table = "mft1\0\0\0\0" . pack('C4', $n, 3, 2, 0)
        . $fixed->(1, 0, 0, 0, 1, 0, 0, 0, 1) . $same x $n
        . join('', map {
            my ($l, $a, $b) = $lab->(split //, sprintf "%0${n}b", $_);
            pack 'C3', map { int $_ + 0.5 } $l * 2.55, $a + 128, $b + 128
        } 0 .. 2 ** $n - 1)
        . $same x 3;
    my $white = "XYZ \0\0\0\0" . $fixed->(0.9642, 1, 0.8249);
    my $at = 128 + 4 + 12 * 2;
    my $tags = pack('N', 2)
        . $tag . pack('NN', $at, length $table)
        . 'wtpt' . pack('NN', $at + length $table, length $white)
        . $table . $white;
    my $rest = pack('N', 0) . "\2\x20\0\0"
        . ($n == 4 ? 'prtr' : 'scnr') . $space . 'Lab '
        . pack('n6', 2020, 2, 20, 20, 20, 20) . 'acsp' . "\0" x 28
        . $fixed->(0.9642, 1, 0.8249) . "\0" x 48;

    return pack('N', 4 + length($rest . $tags)) . $rest . $tags;
}


sub box {
    my ($name, $data) = @_;
    return pack('N', 8 + length $data) . $name . $data;
}

sub full {
    my ($name, $data, $version, $flags) = @_;
    return box($name, pack('N', ($version // 0) << 24 | ($flags // 0)) . $data);
}


# Boxes, as pairs of name and content.

sub boxes {
    my ($data) = @_;
    my ($pos, @boxes) = (0);

    while ($pos + 8 <= length $data) {
        my ($len, $name) = unpack 'Na4', substr $data, $pos, 8;
        push @boxes, [$name, substr $data, $pos + 8, $len - 8];
        $pos += $len;
    }

    return @boxes;
}


# The coded pictures of an AVIF that an encoder made: each has its data, and
# its properties as boxes.

sub coded {
    my ($avif) = @_;

    my %top = map { @$_ } boxes($avif);
    my %meta = map { @$_ } boxes(substr $top{meta}, 4);
    my %iprp = map { @$_ } boxes($meta{iprp});
    my @props = map { box(@$_) } boxes($iprp{ipco});
    my %coded;

    my ($version, $sizes, $more) = unpack 'Cx3CC', $meta{iloc};
    my ($os, $ls) = ($sizes >> 4, $sizes & 15);
    my ($bs, $is) = ($more >> 4, $more & 15);
    my $pos = 6;
    my $take = sub {
        my ($n) = @_;
        my $value = 0;
        $value = $value << 8 | ord substr $meta{iloc}, $pos++, 1 for 1 .. $n;
        return $value;
    };

    for (1 .. $take->($version < 2 ? 2 : 4)) {
        my $id = $take->($version < 2 ? 2 : 4);
        my $method = $version ? $take->(2) & 15 : 0;
        $take->(2);
        my $base = $take->($bs);
        my $data = '';

        for (1 .. $take->(2)) {
            $take->($is) if $version;
            my ($at, $len) = ($base + $take->($os), $take->($ls));
            $data .= substr $method ? $meta{idat} : $avif, $at, $len;
        }

        $coded{$id}{data} = $data;
    }

    ($version, my $flags, my $count) = unpack 'Cx2CN', $iprp{ipma};
    $pos = 8;

    for (1 .. $count) {
        my $id = unpack $version ? 'N' : 'n', substr $iprp{ipma}, $pos;
        $pos += $version ? 4 : 2;

        for (1 .. ord substr $iprp{ipma}, $pos++, 1) {
            my $i = $flags & 1 ? unpack('n', substr $iprp{ipma}, $pos) & 0x7fff
                               : ord(substr $iprp{ipma}, $pos, 1) & 0x7f;
            $pos += $flags & 1 ? 2 : 1;
            push @{ $coded{$id}{props} }, $props[$i - 1];
        }
    }

    return map { $coded{$_} } sort { $a <=> $b } keys %coded;
}


# An AVIF of items, each with type ("av01"), data and props (boxes, in order);
# %o: primary is the number of one of them, from 1, refs is a list of
# [name, from, to...].

sub avif {
    my ($items, %o) = @_;

    my (@props, %seen, $ipma, $infe, $data);
    my @at;

    $ipma = $infe = $data = '';

    for my $i (1 .. @$items) {
        my $item = $items->[$i - 1];

        push @at, length $data;
        $data .= $item->{data};
        $infe .= full('infe', pack('nna4', $i, 0, $item->{type} || 'av01')
            . "\0", 2, $item->{hidden} ? 1 : 0);

        my @of = map { $seen{$_} //= push @props, $_ } @{ $item->{props} };
        $ipma .= pack('nC', $i, scalar @of) . join '', map {
            my $essential = $props[$_ - 1] =~ /^.{4}(?:irot|imir|clap|av1C)/s;
            chr($_ | ($essential ? 0x80 : 0));
        } @of;
    }

    my $meta = sub {
        my ($from) = @_;

        return full('meta',
            full('hdlr', pack('Na4', 0, 'pict') . "\0" x 13)
            . full('pitm', pack 'n', $o{primary} || 1)
            . full('iloc', pack('CCn', 0x44, 0, scalar @$items) . join '', map {
                pack 'nnnNN', $_, 0, 1, $from + $at[$_ - 1],
                    length $items->[$_ - 1]{data}
            } 1 .. @$items)
            . full('iinf', pack('n', scalar @$items) . $infe)
            . ($o{refs} ? full('iref', join '', map {
                my ($name, $id, @to) = @$_;
                box($name, pack 'nnn*', $id, scalar @to, @to)
            } @{ $o{refs} }) : '')
            . box('iprp', box('ipco', join '', @props)
                . full('ipma', pack('N', scalar @$items) . $ipma)));
    };

    my $head = box('ftyp', ($o{brand} || 'avif') . "\0\0\0\0"
        . 'mif1' . ($o{brand} || 'avif') . 'miaf');
    my $from = length($head) + length($meta->(0)) + 8;

    return $head . $meta->($from) . box('mdat', $data);
}


1;
