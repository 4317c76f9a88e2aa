package SocialDpop;

# DPoP proofs and the tokens that are bound to their keys, signed by OpenSSL.
#
#     use SocialDpop;
#
#     my $token = dpop_token('p256');
#     dpop_proof('p256', token => $token, url => 'https://a.example/x')
#                                         a good proof
#     dpop_proof('p256', ..., claims => { iat => time - 999 }, key => 'p256/2')
#                                         an old one, signed by another key
#
# A member or claim of undef is left out.

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use JSON::PP ();

use SocialSecrets ();
use SocialSign qw( sign_bytes sign_jwk );
use SocialToken qw( b64 token );

our @EXPORT = qw( dpop_jkt dpop_token dpop_proof );

my $json = JSON::PP->new->canonical->utf8;
my $ids = 0;

my %members = (EC => [qw( crv kty x y )], RSA => [qw( e kty n )],
               OKP => [qw( crv kty x )]);

sub dpop_jkt {
    my ($name) = @_;

    my $jwk = sign_jwk($name);
    my %only = map { $_ => $jwk->{$_} } @{ $members{ $jwk->{kty} } };

    return b64(Digest::SHA::sha256($json->encode(\%only)));
}

sub dpop_token {
    my ($name, %claims) = @_;

    return token(cnf => { jkt => dpop_jkt($name) }, %claims);
}

sub dpop_proof {
    my ($name, %how) = @_;

    my %header = (typ => 'dpop+jwt', alg => 'ES256',
                  jwk => sign_jwk($name, kid => undef,
                                  %{ $how{jwk} || {} }),
                  %{ $how{header} || {} });

    my %claims = (
        jti => join('-', $$, time, ++$ids),
        htm => 'GET',
        htu => $how{url},
        iat => time,
        ath => b64(Digest::SHA::sha256($how{token})),
        %{ $how{claims} || {} },
    );

    for my $part (\%header, \%claims) {
        delete @$part{ grep { !defined $part->{$_} } keys %$part };
    }

    my $input = b64($json->encode(\%header)) . '.'
                . b64($json->encode(\%claims));
    my $proof = "$input." . b64(sign_bytes($how{by} || $header{alg},
                                           $how{key} || $name, $input));

    SocialSecrets::made($proof);
    return $proof;
}

1;
