package Test::Nginx::Request;

# Makes the requests of a block: what its "request", "raw_request",
# "pipelined_requests" and "more_headers" say, as bytes to send.
#
# A request is an array of pieces, { value => bytes, delay_before => s }.

use strict;
use warnings;

use Test::Nginx::Util;

# Answers with an array of requests, one for each connection to be made.

sub requests {
    my ($block, $ports) = @_;

    my $name = $block->name;
    my $raw = section($block, 'raw_request');

    return [ raw_pieces($name, $raw) ] if defined $raw;

    my $pipelined = section($block, 'pipelined_requests');

    if (defined $pipelined) {
        ref $pipelined eq 'ARRAY'
            or bail_out("$name - pipelined_requests must be an array");

        my @list = map { expand_env($_, $name, $ports) } @$pipelined;
        my $bytes = '';

        for my $i (0 .. $#list) {
            my $connection = $i < $#list ? 'keep-alive' : 'close';
            $bytes .= $_->{value}
                for @{ build($block, $i, $connection, $list[$i]) };
        }

        return [ [ { value => $bytes } ] ];
    }

    my $request = section($block, 'request');

    if (ref $request) {
        ref $request eq 'ARRAY'
            or bail_out("$name - request must be text or an array");

        @$request or bail_out("$name - request is empty");

        return [ map { build($block, $_, 'close', $request->[$_]) }
                 0 .. $#$request ];
    }

    $request //= '';

    # comments may stand before the request line
    1 while $request =~ s/\A(?:\s+|#[^\n]*(?:\n|\z))//;

    return [ build($block, 0, 'close', $request) ];
}

sub raw_pieces {
    my ($name, $raw) = @_;

    return [ { value => $raw } ] if !ref $raw;

    ref $raw eq 'ARRAY'
        or bail_out("$name - raw_request must be text or an array");

    return [ map { ref $_ ? $_ : { value => $_ } } @$raw ];
}

# The header lines of "--- more_headers" for request number $i, and whether
# they announce a chunked body, which then is sent as it is written.

sub more_headers {
    my ($block, $i) = @_;

    my $text = section($block, 'more_headers') // '';

    if (ref $text) {
        $text = $text->[$i]
            // bail_out($block->name . " - more_headers lacks an element"
                        . " for request $i");
    }

    my ($lines, $chunked) = ('', 0);

    for my $line (split /\n+/, $text) {
        next if $line =~ /\A\s*#/;

        my ($key, $value) = split /:\s*/, $line, 2;
        next if !defined $key;
        $value //= '';

        $chunked = 1
            if lc $key eq 'transfer-encoding' && $value eq 'chunked';

        $lines .= "$key: $value\r\n";
    }

    return ($lines, $chunked);
}

# "POST /x" + newline + body to a whole request.  $request may be an array of
# pieces; the pieces then keep the limits they have in what was written.

sub build {
    my ($block, $i, $connection, $request) = @_;

    my $name = $block->name;
    my @pieces = map { ref $_ eq 'HASH' ? { %$_ } : { value => $_ } }
                 ref $request eq 'ARRAY' ? @$request : $request // '';

    my $text = join '', map { $_->{value} } @pieces;
    my ($more, $chunked) = more_headers($block, $i);

    my ($line) = $text =~ /\A([^\n]*\n?)/;

    if ($line !~ /\S/) {
        bail_out("$name - there is no request line in the block");
    }

    # "METHOD [url [version]]"
    if ($line !~ /\A\s*(\S+)(?: +(\S+))?(?: +(\S+))? *\s*\z/) {
        bail_out("$name - bad request line \"$line\"");
    }

    # what was written, from where to where, and what it becomes
    my $end = length $line;
    my @parts = (
        [ $-[1], $+[1], "$1 " ],
        [ $-[2] // $+[1], $+[2] // $+[1], ($2 // '/') . ' ' ],
        [ $-[3] // $end, $end, ($3 // 'HTTP/1.1') . "\r\n" ],
    );

    my $body = substr $text, $end;
    my $length = '';

    if (!$chunked && $body ne '' && $more !~ /^Content-Length:/m) {
        # a section ends with a newline that nobody means as the body's
        $body =~ s/\A\s+|\s+\z//g;
        $length = 'Content-Length: ' . length($body) . "\r\n";
    }

    my $headers = '';
    $headers .= "Host: $ServerName\r\n" if $more !~ /^Host:/mi;
    $headers .= "Connection: $connection\r\n" if $more !~ /^Connection/mi;

    $parts[2][2] .= "$headers$more$length\r\n";
    push @parts, [ $end, length $text, $body ];

    return cut(\@pieces, \@parts);
}

# Cuts the request that was made from @$parts where the pieces were cut.

sub cut {
    my ($pieces, $parts) = @_;

    my $made = join '', map { $_->[2] } @$parts;
    my ($was, $from) = (0, 0);

    for my $i (0 .. $#$pieces) {
        $was += length $pieces->[$i]{value};

        my $to = $i == $#$pieces ? length $made : new_offset($was, $parts);
        $pieces->[$i]{value} = substr $made, $from, $to - $from;
        $from = $to;
    }

    return $pieces;
}

sub new_offset {
    my ($offset, $parts) = @_;

    my $new = 0;

    for my $part (@$parts) {
        my ($from, $to, $text) = @$part;

        return $new if $offset < $from;

        if ($offset < $to) {
            my $n = $offset - $from;
            return $new + ($n > length $text ? length $text : $n);
        }

        $new += length $text;
    }

    return $new;
}

1;
