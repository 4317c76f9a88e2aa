package SocialStore;

# Looks into the directory of an embedded store, by an implementation of its own
# of what the files of it mean.
#
#     is_deeply([ SocialStore::orphans($root) ], [], 'nothing is left');

use strict;
use warnings;

use File::Find ();

# All files below, relative to the root.

sub files {
    my ($root, $below) = @_;
    my $top = defined $below ? "$root/$below" : $root;
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, s{\A\Q$root\E/}{}r if lstat && -f _;
    } }, $top) if -d $top;

    my @sorted = sort @found;
    return @sorted;
}

# What a metadata file says: a hash of its lines, with "bytes" for what follows
# them; undef if it is damaged.

sub meta {
    my ($file) = @_;

    open my $in, '<:raw', $file or return;
    local $/;
    my $text = <$in>;

    if ($text =~ /\Asocial-object 1\n/) {
        return { place => 'file', map { /\A(\S+) (.*)/ ? ($1 => $2) : () }
                                  split /\n/, $text };
    }

    my ($head, $rest) =
        $text =~ /\Asocial-object 2\n((?:(?!headers )\S+ .*\n)+)(headers .*)/s
        or return;

    my %meta = map { /\A(\S+) (.*)/ ? ($1 => $2) : () } split /\n/, $head;

    for my $block (qw( headers checksums )) {
        $rest =~ s/\A$block (\d+)\n// or return;
        $meta{$block} = substr $rest, 0, $1, '';
    }

    $rest =~ s/\Aend\n// or return;
    $meta{bytes} = $rest;

    return \%meta;
}

# The files that no metadata names: bytes of objects that are not there,
# intents, uploads under way and temporary files; and the metadata whose bytes
# are not there, or are not those of its size.

sub orphans {
    my ($root) = @_;
    my (%named, @bad);

    for my $file (files($root, 'objects')) {
        my $meta = meta("$root/$file");

        if (!$meta) {
            push @bad, "$file is damaged";

        } elsif ($meta->{place} eq 'inline') {
            push @bad, "$file has other bytes"
                if length $meta->{bytes} != $meta->{size};

        } elsif ($meta->{place} eq 'parts') {
            my $size = 0;

            for my $part (parts($meta)) {
                my $data = $part->{file};
                $named{$data}++;
                push @bad, "$file without $data"
                    if (-s "$root/$data" // -1) != $part->{size} + 256
                       || $part->{offset} != $size;
                $size += $part->{size};
            }

            push @bad, "$file has other parts" if $size != $meta->{size};

        } else {
            my $data = 'data/' . substr($meta->{id}, 0, 2) . "/$meta->{id}";
            $named{$data}++;
            push @bad, "$file without $data"
                if (-s "$root/$data" // -1) != $meta->{size};
        }
    }

    return @bad, (grep { !$named{$_} } files($root, 'data')),
           (map { files($root, $_) } qw( spool tmp uploads ));
}

# The records of an object in parts.

sub parts {
    my ($meta) = @_;

    return map {
        my ($number, $etag, $offset, $size) = split ' ';
        { number => $number, etag => $etag, offset => $offset, size => $size,
          file => 'data/' . substr($meta->{id}, 0, 2)
                  . "/$meta->{id}/$number" }
    } $meta->{bytes} =~ /(.{127}\n)/g;
}

1;
