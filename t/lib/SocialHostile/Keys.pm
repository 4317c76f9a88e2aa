package SocialHostile::Keys;

# Hostile tokens: algorithms, keys and signatures.

use strict;
use warnings;

use File::Temp ();
use SocialToken;

# The keys of RFC 7517, A.2 and RFC 8037, A.1, whose private parts are public:
# public as members of a set, private as openssl reads them.

our %public = (
    ec => { kty => 'EC', crv => 'P-256', kid => 'ec', use => 'sig',
            x => 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
            y => '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM' },
    ed => { kty => 'OKP', crv => 'Ed25519', kid => 'ed', use => 'sig',
            x => '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
);

my %private = (
    ec => pem('EC PRIVATE KEY', pack('H*', '30310201010420')
        . raw('870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE')
        . pack('H*', 'a00a06082a8648ce3d030107')),
    ed => pem('PRIVATE KEY', pack('H*', '302e020100300506032b657004220420')
        . raw('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A')),
);

sub add {
    my ($keys) = @_;

    algorithms();
    secrets($keys);
    kids();
    embedded();
    foreign();
    signatures();
    elliptic();
    return;
}

sub class { SocialHostile::class(@_); return }
sub attack { SocialHostile::attack(@_); return }
sub header { SocialHostile::header(@_); return }
sub member { return SocialHostile::member(@_) }
sub shown { return SocialHostile::shown(@_) }
sub raw { return MIME::Base64::decode_base64url($_[0]) }

sub good { return split /\./, signed(header_text(), payload_text()) }

sub algorithms {
    my $payload = payload_text();
    my @part = good();

    class('alg none', 'RFC 8725, 2.1 and 3.1; RFC 7518, 3.6');

    for my $alg (qw( none None NONE nOnE noNe NoNe nonE nONE ), ' none',
                 'none ', "none\0", "no\x{200b}ne", "n\x{43e}ne", '',
                 'non', 'nonee', 'null', 'undefined', 'false')
    {
        my $other = header_text(alg => $alg);
        my $name = shown(Encode::encode('UTF-8', $alg));

        attack("\"$name\", no signature", compact($other, $payload, ''));
        attack("\"$name\", a signature of RS256",
               compact($other, $payload, $part[2]));
    }

    attack('"none", two parts', b64(header_text(alg => 'none')) . '.'
                                . b64($payload));
    attack('"none", without kid',
           compact(header_text(alg => 'none', kid => undef), $payload, ''));

    class('alg another', 'RFC 8725, 3.1 and 3.2; RFC 7515, 4.1.1');

    for my $alg (qw( HS256 HS384 HS512 RS384 RS512 PS256 PS384 PS512 ES256
                     ES384 ES512 ES256K EdDSA Ed25519 RS1 rs256 Rs256 RSA
                     RSA-OAEP RSA1_5 A128KW dir ECDH-ES SHA256withRSA ),
                 ' RS256', 'RS256 ', "RS256\0", 'RS256,none', "RS256\n",
                 'RS2', 'RS2566', "R\x{405}256", "\x{ff32}\x{ff33}256",
                 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256')
    {
        header('"' . shown(Encode::encode('UTF-8', $alg)) . '"',
               header_text(alg => $alg));
    }

    header('none at all', header_text(alg => undef));
    header("$_", "{\"kid\":\"main\",\"alg\":$_}")
        for qw( null true 256 [] {} ["RS256"] {"alg":"RS256"} ),
            '["none","RS256"]';
    return;
}

# The public key is not a secret: those who have it must not be able to sign.

sub secrets {
    my ($keys) = @_;

    my $pem = public_pem('main');
    my $lines = join '', grep { !/----/ } split /\n/, $pem;
    my $pkcs1 = SocialToken::key('main')->get_public_key_string;
    my $jwk = JSON::PP->new->canonical->encode(SocialToken::jwk('main'));
    my ($n) = $jwk =~ /"n":"([^"]+)"/;

    class('HMAC by the public key', 'RFC 8725, 2.1 and 3.1; CVE-2015-9235');

    my @secrets = (
        [ 'PEM', $pem ], [ 'PEM without its end', $pem =~ s/\n\z//r ],
        [ 'PEM of CRLF', $pem =~ s/\n/\r\n/gr ],
        [ 'PEM without lines', $lines ], [ 'PEM and a NUL', "$pem\0" ],
        [ 'PEM and two ends', "$pem\n" ],
        [ 'PKCS#1', $pkcs1 ], [ 'PKCS#1 without its end',
                                $pkcs1 =~ s/\n\z//r ],
        [ 'DER', MIME::Base64::decode_base64($lines) ],
        [ 'JWK', $jwk ], [ 'JWKS', $keys ], [ 'modulus', $n ],
        [ 'bytes of the modulus', raw($n) ], [ 'kid', 'main' ],
    );

    for my $secret (@secrets) {
        attack($secret->[0], hs256(header_text(alg => 'HS256'),
                                   payload_text(), $secret->[1]));
        attack("$secret->[0], and says RS256",
               hs256(header_text(), payload_text(), $secret->[1]));
    }

    class('HMAC by a guess', 'RFC 8725, 2.2 and 3.5');

    # keys that differ in trailing zeros are the same to HMAC

    for my $secret ('', 'secret', 'password', 'changeme', 'null',
                    'undefined', '0', 'jwt', 'key', 'your-256-bit-secret')
    {
        attack('"' . shown($secret) . '"',
               hs256(header_text(alg => 'HS256'), payload_text(), $secret));
    }

    return;
}

sub kids {
    class('kid injection', 'RFC 8725, 3.10; RFC 7515, 4.1.4');

    for my $kid ('', '../../../../../../dev/null', '/dev/null',
                 '/proc/sys/kernel/randomize_va_space', '..\\..\\NUL',
                 'file:///dev/null', "main' OR '1'='1",
                 "x' UNION SELECT 'key';--", 'main; DROP TABLE keys',
                 '$(sleep 9)', '`id`', '|id', '; id', '{{7*7}}', '${7*7}',
                 '<!--#exec cmd="id"-->', '%{(#a=1)}', 'http://127.0.0.1:1/k',
                 'Main', 'MAIN', 'main ', ' main', "main\n", "main\0",
                 "main\0x", '%6d%61in', '*', 'main,next', 'm', 'mai', 'mainn',
                 'main/', 'x' x 256, 'x' x 257, 'x' x 4000, '%n%n%n%s%s%s',
                 "a\r\nX-Social-Sub: root", "\e[2J\e[31mroot", "\x{9b}31m",
                 "\x{202e}niam", "ma\x{131}n", "\x{43c}ain", "\x{1f511}",
                 '0', 'null', '__proto__', 'constructor', 'toString',
                 '"', '\\', "\x{2028}", "\a\b", '*)(kid=*', '" or "1"="1')
    {
        header('"' . shown(Encode::encode('UTF-8', $kid)) . '"',
               header_text(kid => $kid));
    }

    header('none at all', header_text(kid => undef));
    header("$_", "{\"alg\":\"RS256\",\"kid\":$_}")
        for qw( null 0 7 true [] {} ["main"] {"main":1} 1e400 );

    class('kid of another key', 'RFC 8725, 3.8; RFC 7517, 4.5');

    attack('the next key, named main',
           signed(header_text(kid => 'main'), payload_text(), 'next'));
    attack('main, named the next key',
           signed(header_text(kid => 'next'), payload_text()));
    attack('main, named as an elliptic key',
           signed(header_text(kid => 'ec'), payload_text()));
    attack('main, named as a key to encrypt by',
           signed(header_text(kid => 'enc'), payload_text()));
    attack('main, named as a secret',
           signed(header_text(kid => 'oct'), payload_text()));
    attack('main, named as a weak key',
           signed(header_text(kid => 'weak'), payload_text()));
    attack('a weak key of 1,024 bits',
           signed(header_text(kid => 'weak'), payload_text(), 'weak'));
    attack('a key to encrypt by',
           signed(header_text(kid => 'enc'), payload_text(), 'other'));
    attack('a secret that is in the set',
           hs256(header_text(kid => 'oct', alg => 'HS256'), payload_text(),
                 'secret'));
    return;
}

# A token must not bring the key that it is verified by.

sub embedded {
    class('a key in the header', 'RFC 8725, 3.10; RFC 7515, 4.1.2 to 4.1.8; '
                                 . 'CVE-2018-0114');

    my $jwk = JSON::PP->new->canonical->encode(SocialToken::jwk('forged'));
    my @part = good();

    for my $with ([ jwk => $jwk ], [ jwk => "[$jwk]" ],
                  [ jwks => "{\"keys\":[$jwk]}" ],
                  [ jku => '"http://127.0.0.1:1/jwks.json"' ],
                  [ jku => '"https://issuer.example.com@127.0.0.1:1/"' ],
                  [ jku => '"file:///dev/null"' ],
                  [ jku => '"data:application/json,{}"' ],
                  [ x5u => '"http://127.0.0.1:1/cert.pem"' ],
                  [ x5c => '["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"]' ],
                  [ x5t => '"aGk"' ], [ 'x5t#S256' => '"aGk"' ])
    {
        my $name = "$with->[0] " . shown($with->[1]);
        my $text = member(header_text(), "\"$with->[0]\":$with->[1]");

        attack("$name, signed by it",
               signed($text, payload_text(), 'forged'));
        attack("$name, with our signature",
               compact($text, payload_text(), $part[2]));
        attack("$name, without kid",
               signed(member(header_text(kid => undef),
                             "\"$with->[0]\":$with->[1]"),
                      payload_text(), 'forged'));
    }

    return;
}

sub foreign {
    class('another key', 'RFC 8725, 3.8 and 3.9');

    attack('its own, with our kid',
           signed(header_text(), payload_text(), 'forged'));
    attack("another issuer's key, our kid",
           signed(header_text(), payload_text(), 'other'));
    attack("another issuer's key and kid",
           signed(header_text(kid => 'other'), payload_text(), 'other'));
    attack("another issuer's key, kid and name",
           signed(header_text(kid => 'other'),
                  payload_text(iss => 'https://other.example.com'), 'other'));
    return;
}

sub signatures {
    my @part = good();
    my $bytes = raw($part[2]);
    my $n = raw(SocialToken::jwk('main')->{n});

    class('RSA signature', 'RFC 8017, 8.2.2; RFC 8725, 2.3');

    my @forged = (
        [ 'one byte', "\0" ], [ 'zeros', "\0" x 256 ],
        [ 'ones', "\xff" x 256 ], [ 'one', "\0" x 255 . "\1" ],
        [ 'the modulus', $n ],
        [ 'the modulus and one', plus_one($n) ],
        [ 'cut by a byte', substr $bytes, 0, 255 ],
        [ 'cut by half', substr $bytes, 0, 128 ],
        [ 'without its first byte', substr $bytes, 1 ],
        [ 'a zero before it', "\0$bytes" ],
        [ 'two zeros after it', "$bytes\0\0" ], [ 'twice', $bytes x 2 ],
        [ 'backwards', scalar reverse $bytes ],
        [ 'inverted', $bytes ^ ("\xff" x 256) ],
        [ 'with the modulus added', added($bytes, $n) ],
        [ 'a bit of the first byte', flip($bytes, 0) ],
        [ 'a bit of the last byte', flip($bytes, 255) ],
        [ 'a bit in the middle', flip($bytes, 128) ],
        [ 'padding in the clear', "\0\1" . "\xff" x 202 . "\0"
            . pack('H*', '3031300d060960864801650304020105000420')
            . Digest::SHA::sha256("$part[0].$part[1]") ],
        [ '4,000 bytes', 'x' x 4000 ], [ 'text', 'signature' ],
        [ 'the text of itself', $part[2] ],
    );

    attack($_->[0], "$part[0].$part[1]." . b64($_->[1])) for @forged;

    class('signature of something else', 'RFC 7515, 5.2; RFC 8725, 2.3');

    attack('of another payload',
           compact(header_text(), payload_text(sub => 'root'), $part[2]));
    attack('of another header',
           compact(header_text(typ => 'at+jwt'), payload_text(), $part[2]));
    attack('of the header alone', "$part[0].$part[1]."
        . b64(SocialToken::key('main')->sign($part[0])));
    attack('of the payload alone', "$part[0].$part[1]."
        . b64(SocialToken::key('main')->sign($part[1])));
    attack('of the decoded parts', "$part[0].$part[1]."
        . b64(SocialToken::key('main')->sign(header_text() . '.'
                                             . payload_text())));
    attack('of both without a point', "$part[0].$part[1]."
        . b64(SocialToken::key('main')->sign("$part[0]$part[1]")));

    my $key = Crypt::OpenSSL::RSA->new_private_key(
        SocialToken::key('main')->get_private_key_string);

    for my $hash (qw( sha1 sha384 sha512 md5 )) {
        my $use = "use_${hash}_hash";

        # what a distribution's policy forbids cannot be made
        my $made = eval { $key->$use; $key->use_pkcs1_padding;
                          $key->sign("$part[0].$part[1]") } // next;
        attack("by $hash", "$part[0].$part[1]." . b64($made));
    }

    return;
}

sub pem {
    my ($label, $der) = @_;

    return "-----BEGIN $label-----\n" . MIME::Base64::encode_base64($der)
           . "-----END $label-----\n";
}

# A signature by one of those keys, as openssl makes it: ECDSA's in DER.

sub openssl {
    my ($name, $input) = @_;

    my ($key, $data) = map { File::Temp->new } 1, 2;
    my @how = $name eq 'ec' ? qw( -digest sha256 ) : ();

    print {$key} $private{$name};
    print {$data} $input;
    close $_ for $key, $data;

    my $made = `openssl pkeyutl -sign -rawin @how -inkey $key -in $data`;
    die "openssl made no signature\n" if $? || !length $made;
    return $made;
}

# r and s of a signature in DER, each of 32 bytes.

sub halves {
    my ($der) = @_;

    my (undef, undef, $r, undef, $s) = unpack 'nCC/aCC/a', $der;
    return map { substr "\0" x 32 . $_, -32 } $r, $s;
}

# A token by one of those keys.

sub signed_by {
    my ($name, $header, $payload) = @_;

    my $input = b64($header) . '.' . b64($payload);
    my $made = openssl($name, $input);

    return "$input." . b64($name eq 'ec' ? join '', halves($made) : $made);
}

# Invalid signatures of other types of keys.

sub elliptic {
    my $payload = payload_text();
    my $order = pack 'H*', 'ffffffff00000000ffffffffffffffff'
                           . 'bce6faada7179e84f3b9cac2fc632551';
    my $other = sub { return compact(header_text(alg => 'ES256', kid => 'ec'),
                                     $payload, b64($_[0])) };

    class('ECDSA signature', 'RFC 7518, 3.4; CVE-2022-21449');

    my @forged = (
        [ 'r and s are 0', "\0" x 64 ], [ 'r is 0', "\0" x 32 . "\1" x 32 ],
        [ 's is 0', "\1" x 32 . "\0" x 32 ], [ 'both the order', $order x 2 ],
        [ 'both 1', ("\0" x 31 . "\1") x 2 ], [ 'ones', "\xff" x 64 ],
        [ 'empty DER', "\x30\x06\x02\x01\x00\x02\x01\x00" ],
        [ 'one byte', "\0" ], [ '63 bytes', "\1" x 63 ],
        [ '65 bytes', "\1" x 65 ], [ '96 bytes', "\1" x 96 ],
    );

    attack($_->[0], $other->($_->[1])) for @forged;

    attack('an elliptic kid, signed by RSA',
           signed(header_text(kid => 'ec', alg => 'ES256'), $payload));
    attack('an HMAC by its point',
           hs256(header_text(alg => 'HS256', kid => 'ec'), $payload,
                 "\4" . raw('MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4')
                 . raw('4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM')));

    my $head = header_text(alg => 'ES256', kid => 'ec');
    my $input = b64($head) . '.' . b64($payload);
    my $der = openssl('ec', $input);
    my ($r, $s) = halves($der);

    attack($_->[0], "$input." . b64($_->[1])) for
        [ 'a good one in DER', $der ], [ 's before r', "$s$r" ],
        [ 'zeros before each half', "\0$r\0$s" ], [ 'r twice', "$r$r" ],
        [ 'a zero behind', "$r$s\0" ], [ 'cut', substr "$r$s", 0, 63 ],
        [ 'r and the order', added($r, $order) . $s ];

    attack("by its key, named $_",
           signed_by('ec', header_text(alg => $_, kid => 'ec'), $payload))
        for qw( RS256 ES384 ES512 EdDSA HS256 none );
    attack('by its key, another kid',
           signed_by('ec', header_text(alg => 'ES256'), $payload));

    class('EdDSA signature', 'RFC 8032, 5.1.7; RFC 8037, 3.1');

    attack($_->[0], compact(header_text(alg => 'EdDSA', kid => 'ed'),
                            $payload, b64($_->[1])))
        for [ 'zeros', "\0" x 64 ], [ 'ones', "\xff" x 64 ],
            [ 'the neutral point', "\1" . "\0" x 63 ],
            [ 'of another length', "\1" x 63 ], [ 'of RSA', 'x' x 256 ];

    $head = header_text(alg => 'EdDSA', kid => 'ed');
    $input = b64($head) . '.' . b64($payload);
    $der = openssl('ed', $input);

    # the order of the group, little-endian
    my $group = pack 'H*', '10000000000000000000000000000000'
                           . '14def9dea2f79cd65812631a5cf5d3ed';

    attack('with the order added to s', "$input." . b64(substr($der, 0, 32)
        . reverse substr "\0" . added(scalar reverse(substr $der, 32), $group),
                         -32));
    attack('of the hash', "$input."
           . b64(openssl('ed', Digest::SHA::sha512($input))));
    attack('cut', "$input." . b64(substr $der, 0, 63));
    attack('a zero behind', "$input." . b64("$der\0"));
    attack("by its key, named $_",
           signed_by('ed', header_text(alg => $_, kid => 'ed'), $payload))
        for qw( RS256 ES256 Ed448 HS256 none );
    return;
}

# Big-endian numbers.

sub plus_one {
    my ($n) = @_;
    return added($n, "\1");
}

sub added {
    my ($x, $y) = map { [ reverse unpack 'C*', $_ ] } @_;
    my ($carry, @sum) = (0);

    for my $i (0 .. $#$x) {
        my $v = $x->[$i] + ($y->[$i] // 0) + $carry;
        push @sum, $v & 255;
        $carry = $v >> 8;
    }

    push @sum, $carry if $carry;
    return pack 'C*', reverse @sum;
}

sub flip {
    my ($bytes, $at) = @_;
    return substr($bytes, 0, $at) . chr(ord(substr $bytes, $at, 1) ^ 1)
           . substr $bytes, $at + 1;
}

1;
