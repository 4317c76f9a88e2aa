#!/usr/bin/perl

# Makes what scripts/bench needs of an issuer, in the directory given: its keys
# (html/keys.json, public.pem, cert.pem), access tokens of 1160 bytes as Cognito
# makes them, each of another user (tokens, one a line), and the headers of
# requests: with none, with the first of the tokens, and with one whose
# signature is changed.
#
#     perl -It/lib scripts/bench/token.pl DIR POOL CLIENT KID COUNT

use strict;
use warnings;

use Crypt::OpenSSL::RSA ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use SocialMint;

my ($dir, $pool, $client, $kid, $count) = @ARGV;
my $size = 1160;

my $key = SocialMint->new_key($kid);
my $rsa = private_key($key->path);
my $json = JSON::PP->new->canonical->utf8;
my $header = encode_base64url($json->encode({ alg => 'RS256', kid => $kid }));

# the scope fills the rest

my $scope = 'openid profile ';
my $length = length mint(1);

while ($length < $size) {
    $scope .= 'x' x (int(($size - $length) * 3 / 4) || 1);
    $length = length mint(1);
}

my @tokens = map { mint($_) } 1 .. $count;

for (@tokens) {
    length == $size or die 'a token has ' . length . " bytes\n";
}

my @common = ('Host: api.example.com', 'User-Agent: bench', 'Accept: */*');
my $forged = $tokens[0]
    =~ s/\.(\w)([^.]+)\z/'.' . ($1 eq 'A' ? 'B' : 'A') . $2/er;

write_file('html/keys.json', SocialMint->jwks($key));
write_file('public.pem', $key->public_pem);
write_file('tokens', @tokens);
write_file('common.headers', @common);
write_file('none.headers', @common);
write_file('token.headers', @common, "Authorization: Bearer $tokens[0]");
write_file('forged.headers', @common, "Authorization: Bearer $forged");
write_file('preflight.headers', @common, 'Origin: https://app.example.com',
           'Access-Control-Request-Method: PUT',
           'Access-Control-Request-Headers: authorization,content-type');

system('openssl', 'req', '-x509', '-new', '-key', $key->path, '-days', '2',
       '-subj', '/CN=bench', '-out', "$dir/cert.pem") == 0
    or die "openssl did not make a certificate\n";

# In this process: a program for each of ten thousand would take a minute.

sub mint {
    my ($n) = @_;

    my $id = sprintf '%012d', $n;
    my $claims = SocialMint::access_claims($pool, $client,
        exp => $^T + 86400, scope => $scope,
        username => "user-$id",
        sub => "0f1e2d3c-4b5a-6978-8796-$id",
        jti => "3a9d5c1e-7b2f-4e6a-8c0d-$id",
        origin_jti => "7c1f7b52-94ad-4f4b-8d37-$id",
        iat => $^T - 60, auth_time => $^T - 60);
    my $signed = "$header." . encode_base64url($json->encode($claims));

    return "$signed." . encode_base64url($rsa->sign($signed));
}

sub private_key {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!\n";
    my $pem = do { local $/ = undef; <$in> };
    close $in;

    my $made = Crypt::OpenSSL::RSA->new_private_key($pem);
    $made->use_sha256_hash;
    return $made;
}

sub write_file {
    my ($name, @lines) = @_;

    open my $out, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print {$out} map { "$_\n" } @lines;
    close $out or die "$dir/$name: $!\n";
    return;
}
