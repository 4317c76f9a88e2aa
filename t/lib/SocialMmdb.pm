package SocialMmdb;

# Writes a database of countries in MaxMind's format ("MaxMind DB File Format
# Specification", 2.0), of IPv4 networks with 24 bits.
#
#     SocialMmdb::write_file($path, '203.0.113.0' => 'DE');

use strict;
use warnings;

my ($record, $separator) = (24, "\0" x 16);

sub write_file {
    my ($path, @networks) = @_;

    my @nodes = ([ undef, undef ]);
    my ($data, %at) = ('');

    while (my ($network, $country) = splice @networks, 0, 2) {
        if (!defined $at{$country}) {
            $at{$country} = length $data;
            $data .= map_of(country => map_of(iso_code => text($country)));
        }

        my @bits = split //, substr unpack('B32', pack 'C4',
                                           split /\./, $network), 0, 24;
        my $last = pop @bits;
        my $node = 0;

        for my $bit (@bits) {
            if (!defined $nodes[$node][$bit]) {
                push @nodes, [ undef, undef ];
                $nodes[$node][$bit] = $#nodes;
            }

            $node = $nodes[$node][$bit];
        }

        $nodes[$node][$last] = [ $at{$country} ];
    }

    my $count = @nodes;
    my $tree = join '', map {
        map { substr pack('N', ref $_ ? $count + length($separator) + $_->[0]
                                      : $_ // $count), 1 } @$_
    } @nodes;

    my $metadata = map_of(
        binary_format_major_version => number(5, 2),
        binary_format_minor_version => number(5, 0),
        build_epoch => number(9, time),
        database_type => text('GeoLite2-Country'),
        description => map_of(en => text('a test')),
        ip_version => number(5, 4),
        languages => chr(1) . chr(11 - 7) . text('en'),
        node_count => number(6, $count),
        record_size => number(5, $record));

    open my $out, '>:raw', $path or die "$path: $!\n";
    print {$out} $tree, $separator, $data, "\xab\xcd\xefMaxMind.com", $metadata;
    close $out or die "$path: $!\n";
    return;
}

sub text {
    my ($text) = @_;
    my $n = length $text;
    my $head = $n < 29 ? chr(2 << 5 | $n) : chr(2 << 5 | 29) . chr($n - 29);
    return $head . $text;
}

# of the types 5 (16 bits), 6 (32 bits) and 9 (64 bits), without leading zeros

sub number {
    my ($type, $value) = @_;
    my $bytes = pack('Q>', $value) =~ s/\A\0+//r;
    return ($type < 8 ? chr($type << 5 | length $bytes)
                      : chr(length $bytes) . chr($type - 7)) . $bytes;
}

sub map_of {
    my (@pairs) = @_;
    my $text = chr(7 << 5 | @pairs / 2);

    while (my ($key, $value) = splice @pairs, 0, 2) {
        $text .= text($key) . $value;
    }

    return $text;
}

1;
