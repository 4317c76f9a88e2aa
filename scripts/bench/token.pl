#!/usr/bin/perl

# Makes what scripts/bench/run needs of one issuer, in the directory given: its
# keys (html/keys.json, public.pem, cert.pem), and the headers of the requests,
# with an access token of 1160 bytes as Cognito makes them, and with one whose
# signature is changed.
#
#     perl -It/lib scripts/bench/token.pl DIR POOL CLIENT KID

use strict;
use warnings;

use SocialMint;

my ($dir, $pool, $client, $kid) = @ARGV;
my $size = 1160;

my $key = SocialMint->new_key($kid);
my $claims = SocialMint::access_claims($pool, $client, exp => time + 86400);

# the scope takes what is left

$claims->{scope} .= ' ';
my $token = $key->mint($claims);

while (length $token < $size) {
    my $room = int(($size - length $token) * 3 / 4) || 1;
    $claims->{scope} .= 'x' x $room;
    $token = $key->mint($claims);
}

length $token == $size or die 'the token has ' . length($token) . " bytes\n";

my @common = ('Host: api.example.com', 'User-Agent: bench', 'Accept: */*');
my $forged = $token =~ s/\.(\w)([^.]+)\z/'.' . ($1 eq 'A' ? 'B' : 'A') . $2/er;

write_file('html/keys.json', SocialMint->jwks($key));
write_file('public.pem', $key->public_pem);
write_file('none.headers', @common);
write_file('token.headers', @common, "Authorization: Bearer $token");
write_file('forged.headers', @common, "Authorization: Bearer $forged");
write_file('preflight.headers', @common, 'Origin: https://app.example.com',
           'Access-Control-Request-Method: PUT',
           'Access-Control-Request-Headers: authorization,content-type');

system('openssl', 'req', '-x509', '-new', '-key', $key->path, '-days', '2',
       '-subj', '/CN=bench', '-out', "$dir/cert.pem") == 0
    or die "openssl made no certificate\n";

sub write_file {
    my ($name, @lines) = @_;

    open my $out, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print {$out} map { "$_\n" } @lines;
    close $out or die "$dir/$name: $!\n";
    return;
}
