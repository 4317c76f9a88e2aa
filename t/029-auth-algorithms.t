# Signatures of every algorithm, and of none that was not asked for: the
# "algorithms" line of "social_issuer", and the keys that go with it.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialSign;

suite();

# which key signs by it
my @algorithms = (
    (map { [ $_ => 'rsa' ] } qw( RS256 RS384 RS512 PS256 PS384 PS512 )),
    [ ES256 => 'p256' ], [ ES384 => 'p384' ], [ ES512 => 'p521' ],
    (map { [ $_->[0] => $_->[1] ] } [ EdDSA => 'ed25519' ],
        [ EdDSA => 'ed448' ], [ Ed25519 => 'ed25519' ], [ Ed448 => 'ed448' ]),
);

my ($text, $blocks, $checks) = ('', 0, 0);

my %described = (
    signature => "the token's signature is invalid",
    algorithm => "the token's algorithm is not accepted",
    unknown_key => "the token's key is not known",
    malformed => 'the token is malformed',
);

# One nginx with these keys, and requests with tokens: [ token, status, what
# is wrong with it ].

our (@Headers, @Codes, @Answers);

sub block {
    my ($name, $list, $keys, @requests) = @_;

    my $jwks = sign_jwks(@$keys);
    my $last = @requests;

    push @Headers, [ map { "Authorization: Bearer $_->[0]" } @requests ];
    push @Codes, [ map { $_->[1] } @requests ];
    push @Answers, [ map {
        !$_->[2] ? 'Content-Type: text/html.*'
        : 'WWW-Authenticate: Bearer realm="api", error="invalid_token", '
          . qq{error_description="$described{$_->[2]}".*}
    } @requests ];

    my $i = ++$blocks;

    # for each request: status, header, and four lines that are not there
    $checks += $last * (1 + 1 + 4);

    my $algorithms = $list ? "algorithms $list;" : '';

    $text .= <<"_EOC_";
=== TEST $i: $name
--- http_config
    social_issuer main {
        issuer $SocialToken::issuer;
        client_ids web;
        jwks_file \$TEST_NGINX_HTML_DIR/keys.json;
        $algorithms
    }
--- user_files
>>> keys.json
$jwks
--- config
    location = /index.html {
        root html;
        social_auth main;
    }
--- log_level: info
--- request eval
[("GET /index.html") x $last]
--- more_headers eval
\$::Headers[$i - 1]
--- error_code eval
\$::Codes[$i - 1]
--- response_headers_like eval
\$::Answers[$i - 1]
--- no_error_log
[alert]
[emerg]
[crit]
[error]

_EOC_
}

sub flipped {
    my ($at) = @_;

    return sub {
        my ($signature) = @_;
        substr($signature, $at, 1) ^= "\x01";
        return $signature;
    };
}


# each algorithm, of a key that says it, and of one that does not

for (@algorithms) {
    my ($algorithm, $key) = @$_;

    # what the signature is not: changed anywhere, cut, longer, another's
    my @bad = (
        (map { { change => flipped($_) } } 0, 5, -1),
        { change => sub { substr $_[0], 0, -1 } },
        { change => sub { "$_[0]\0" } },
        { change => sub { "\0$_[0]" } },
        { change => sub { "\0" x length $_[0] } },
        { change => sub { "\xff" x length $_[0] } },
        { key => "$key/2" },
    );

    for my $more ([], [ alg => $algorithm, use => 'sig',
                        key_ops => [ 'verify' ] ])
    {
        my $good = sign_token($algorithm, $key);
        my $says = @$more ? 'says so' : 'does not say';

        block("$algorithm by a key of $key that $says", $algorithm,
              [ sign_jwk($key, @$more) ], [ $good, 200 ],
              (map { [ sign_token($algorithm, $key, %$_), 401, 'signature' ] }
                   @bad),
              [ $good, 200 ]);
    }
}


# a list of them, and keys beside each other

my $all = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA '
    . 'Ed25519 Ed448';
my @every = map { sign_jwk($_) } qw( rsa p256 p384 p521 ed25519 ed448 );

block('all of them at once', $all, \@every,
      map { [ sign_token(@$_), 200 ] } @algorithms, @algorithms);


# a key of one algorithm verifies no other, though the issuer may use it

block('RS256 by a key for PS256', $all, [ sign_jwk('rsa', alg => 'PS256') ],
      (map { [ sign_token($_, 'rsa'), 401, 'algorithm' ] }
           qw( RS256 RS384 RS512 PS384 PS512 )),
      [ sign_token('PS256', 'rsa'), 200 ]);

block('a curve by its own name is not EdDSA', $all,
      [ sign_jwk('ed25519', alg => 'Ed25519') ],
      [ sign_token('EdDSA', 'ed25519'), 401, 'algorithm' ],
      [ sign_token('Ed448', 'ed25519', by => 'Ed25519'), 401, 'algorithm' ],
      [ sign_token('Ed25519', 'ed25519'), 200 ]);

# an algorithm that is not the issuer's

block('PS256 where there is only RS256', '', [ sign_jwk('rsa') ],
      [ sign_token('PS256', 'rsa'), 401, 'algorithm' ],
      [ sign_token('RS512', 'rsa'), 401, 'algorithm' ],
      [ sign_token('RS256', 'rsa', by => 'PS256'), 401, 'signature' ],
      [ sign_token('RS256', 'rsa', by => 'RS512'), 401, 'signature' ],
      [ sign_token('RS256', 'rsa'), 200 ]);

block('RS256 where there is only ES256', 'ES256',
      [ sign_jwk('p256'), sign_jwk('rsa') ],
      [ sign_token('RS256', 'rsa'), 401, 'algorithm' ],
      [ sign_token('RS256', 'p256', by => 'ES256'), 401, 'algorithm' ],
      [ sign_token('EdDSA', 'p256', by => 'ES256'), 401, 'algorithm' ],
      [ sign_token('ES256', 'p256'), 200 ]);

block('EdDSA where there is only Ed25519', 'Ed25519', [ sign_jwk('ed25519') ],
      [ sign_token('EdDSA', 'ed25519'), 401, 'algorithm' ],
      [ sign_token('Ed25519', 'ed25519'), 200 ]);

# the key's type and the token's algorithm

block('the algorithm of another type or curve', $all, \@every,
      [ sign_token('RS256', 'p256', by => 'ES256'), 401, 'algorithm' ],
      [ sign_token('ES256', 'rsa', by => 'RS256'), 401, 'algorithm' ],
      [ sign_token('ES256', 'p384', by => 'ES256'), 401, 'algorithm' ],
      [ sign_token('ES384', 'p256', by => 'ES384'), 401, 'algorithm' ],
      [ sign_token('EdDSA', 'p256', by => 'ES256'), 401, 'algorithm' ],
      [ sign_token('Ed448', 'ed25519', by => 'EdDSA'), 401, 'algorithm' ],
      [ sign_token('RS256', 'p256', key => 'rsa'), 401, 'algorithm' ],
      [ sign_token('RS256', 'rsa'), 200 ]);

block('another hash than the header says', $all, \@every,
      [ sign_token('RS384', 'rsa', by => 'RS256'), 401, 'signature' ],
      [ sign_token('PS384', 'rsa', by => 'PS256'), 401, 'signature' ],
      [ sign_token('ES256', 'p256', by => 'ES384'), 401, 'signature' ],
      [ sign_token('ES512', 'p521', by => 'ES256'), 401, 'signature' ],
      [ sign_token('ES256', 'p256'), 200 ]);


# shared secrets that everybody knows

my @hmac = map {
    my $name = $_;
    my $pem = sign_public_pem($name);
    my $jwk = sign_jwk($name);

    map {
        [ hs256(header_text(alg => 'HS256', kid => $name), payload_text(), $_),
          401, 'algorithm' ]
    } $pem, $pem =~ s/\n\z//r, $jwk->{x} // $jwk->{n},
      MIME::Base64::decode_base64url($jwk->{x} // $jwk->{n});
} qw( rsa p256 ed25519 );

block('HS256 with a public key for a secret', $all, \@every, @hmac,
      [ sign_token('ES256', 'p256'), 200 ]);

block('no signature', $all, \@every,
      (map {
          [ compact(header_text(alg => 'none', kid => $_), payload_text(),
                    'AAAA'), 401, 'algorithm' ]
      } qw( rsa p256 ed25519 )),
      (map {
          [ compact(header_text(alg => $_->[0], kid => $_->[1]),
                    payload_text(), ''), 401, 'malformed' ]
      } @algorithms),
      [ sign_token('EdDSA', 'ed25519'), 200 ]);


# ECDSA: r and s, and how they are written

my %order = (
    p256 => 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    p384 => 'f' x 48 . 'c7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    p521 => '01' . 'f' x 64 . 'fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47'
        . 'aebb6fb71e91386409',
);

for ([ ES256 => 'p256', 32 ], [ ES384 => 'p384', 48 ], [ ES512 => 'p521', 66 ])
{
    my ($algorithm, $key, $size) = @$_;
    my ($zero, $one) = ("\0" x $size, "\0" x ($size - 1) . "\x01");
    my $n = pack 'H*', $order{$key};
    my $over = "\xff" x $size;

    die "wrong order of $key\n" if length $n != $size;

    my @pairs = map { my $r = $_; map { "$r$_" } $zero, $one, $n, $over }
                    $zero, $one, $n, $over;

    # with the r, or the s, of a good one
    my @halves = map {
        my $number = $_;
        (sub { $number . substr $_[0], $size },
         sub { substr($_[0], 0, $size) . $number })
    } $zero, $n, $over;

    my @how = (
        (map { my $pair = $_; { change => sub { $pair } } } @pairs),
        (map { { change => $_ } } @halves),
        { option => 'der' },
        { change => sub { substr($_[0], $size) . substr $_[0], 0, $size } },
        { change => sub { "\0" . substr($_[0], 0, $size) . "\0"
                          . substr $_[0], $size } },
        { change => sub { $_[0] x 2 } },
    );

    block("$algorithm with numbers out of range, and in DER", $algorithm,
          [ sign_jwk($key) ],
          (map { [ sign_token($algorithm, $key, %$_), 401, 'signature' ] }
               @how),
          [ sign_token($algorithm, $key), 200 ]);
}


# PSS: the salt and MGF1

block('PS256 with another salt or another hash in MGF1', $all, \@every,
      (map { [ sign_token('PS256', 'rsa', option => $_), 401, 'signature' ] }
           qw( salt=0 salt=20 salt=31 salt=33 salt=64 mgf1=SHA1 )),
      [ sign_token('PS256', 'rsa'), 200 ]);


# keys of no use beside one that is: their tokens are of an unknown key

my $p256 = sign_jwk('p256');
my @useless = (
    sign_jwk('k256', crv => 'secp256k1'),
    sign_jwk('k256', kid => 'k256-1', crv => 'P-256'),
    { %$p256, kid => 'off', y => $p256->{x} },
    { %$p256, kid => 'long', x => b64("\0" . MIME::Base64::decode_base64url(
                                                 $p256->{x})) },
    { %$p256, kid => 'private', d => $p256->{x} },
    { %$p256, kid => 'enc', use => 'enc' },
    { %$p256, kid => 'sign', key_ops => [ 'sign' ] },
    { %$p256, kid => 'other', alg => 'ES384' },
    { %$p256, kid => 'rs', alg => 'RS256' },
    { %$p256, kid => 'x25519', kty => 'OKP', crv => 'X25519', y => undef },
    { %$p256, kid => 'wide', crv => 'P-384' },
);

block('keys of no use', "$all", [ @useless, $p256 ],
      (map {
          [ sign_token('ES256', 'p256', header => { kid => $_->{kid} }), 401,
            'unknown_key' ]
      } @useless),
      [ sign_token('ES256', 'p256'), 200 ]);

# the first of two with one kid

block('two keys with one kid', $all,
      [ sign_jwk('p256', kid => 'k'), sign_jwk('rsa', kid => 'k') ],
      [ sign_token('RS256', 'rsa', header => { kid => 'k' }), 200 ],
      [ sign_token('ES256', 'p256', header => { kid => 'k' }), 200 ]);


repeat_each(2);
plan tests => repeat_each() * $checks;
no_long_string();
Test::Base::spec_string($text);
run_tests();
