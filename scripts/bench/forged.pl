#!/usr/bin/perl

# For scripts/bench/forged:
#
#     forged.pl keys DIR ISSUER CLIENT KID
#         html/both.json, a key set of html/keys.json and the P-384 key ec.pem,
#         and forged.token, which says that it is of that key
#     forged.pl flood PORT FILE RATE SECONDS
#         sends that token from 127.0.0.2, so many a second, in bursts over
#         connections that are kept; prints how many were answered, and by what

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64url );
use Time::HiRes qw( sleep time );

my $what = shift;
my $json = JSON::PP->new->canonical->utf8;

if ($what eq 'keys') {
    keys_of(@ARGV);
} else {
    flood(@ARGV);
}

sub keys_of {
    my ($dir, $issuer, $client, $kid) = @_;

    my $set = $json->decode(slurp("$dir/html/keys.json"));
    my $der = `openssl pkey -in $dir/ec.pem -pubout -outform DER`;

    push @{ $set->{keys} }, {
        kty => 'EC', crv => 'P-384', kid => 'p384', alg => 'ES384',
        x => encode_base64url(substr $der, -96, 48),
        y => encode_base64url(substr $der, -48),
    };

    spew("$dir/html/both.json", $json->encode($set));

    # r and s of the proper size, so that nothing short of the check tells

    spew("$dir/forged.token", join '.',
        encode_base64url($json->encode({ alg => 'ES384', kid => 'p384' })),
        encode_base64url($json->encode({
            iss => $issuer, client_id => $client, sub => 'forged',
            token_use => 'access', scope => 'x' x 500,
            iat => time() - 60, exp => time() + 86400 })),
        encode_base64url("\x01" x 96));
    return;
}

sub flood {
    my ($port, $file, $rate, $seconds) = @_;

    my $token = slurp($file);
    my $request = join "\r\n", 'GET /limited HTTP/1.1', 'Host: a',
                               "Authorization: Bearer $token", '', '';
    my @socks = map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
                              LocalAddr => '127.0.0.2')
            or die "connect: $!\n";
    } 1 .. 16;
    my $select = IO::Select->new(@socks);
    my ($sent, $answered, %count) = (0, 0);
    my $start = time;
    my %rest = map { $_ => ' ' x 12 } @socks;

    $_->blocking(0) for @socks;

    # ten pipelined requests at a time; those that are due are sent when what
    # was sent before is answered, more or less

    while ((my $now = time - $start) < $seconds) {
        my $due = int($now * $rate) - $sent;

        while ($due >= 10 && $sent - $answered < 1000) {
            my $sock = $socks[$sent / 10 % @socks];

            my $n = syswrite $sock, $request x 10;

            last if !defined $n;
            die "short write\n" if $n != 10 * length $request;
            $sent += 10;
            $due -= 10;
        }

        for my $sock ($select->can_read(0.001)) {
            sysread $sock, $rest{$sock}, 1 << 20, length $rest{$sock}
                or die "closed\n";

            while ($rest{$sock} =~ s{\A.*?HTTP/1\.1 (\d+) }{}s) {
                $count{$1}++;
                $answered++;
            }

            # of what is next, the beginning may be there

            $rest{$sock} = substr $rest{$sock}, -12;
        }
    }

    printf "%d forged ones, %.0f a second (%s)\n", $answered,
           $answered / (time - $start),
           join ', ', map { "$_: $count{$_}" } sort keys %count;
    return;
}

sub slurp {
    my ($path) = @_;

    open my $in, '<', $path or die "$path: $!\n";
    local $/ = undef;
    my $text = <$in>;
    return $text;
}

sub spew {
    my ($path, $text) = @_;

    open my $out, '>', $path or die "$path: $!\n";
    print {$out} $text;
    close $out or die "$path: $!\n";
    return;
}
