package SocialSign;

# Keys of every type and tokens of every algorithm, the signatures by OpenSSL
# (t/tools/sign.c).  The keys are made on first use, for this run only.
#
#     use SocialSign;
#
#     sign_token('ES256', 'p256')          a good token
#     sign_token('PS256', 'rsa', option => 'salt=0')
#                                         one with another salt
#     sign_jwk('p256', alg => 'ES256')     its key, and members more

use strict;
use warnings;

use Cwd ();
use Exporter qw( import );
use File::Basename ();
use File::Temp ();
use IPC::Open2 ();
use JSON::PP ();
use MIME::Base64 ();

use SocialSecrets ();
use SocialToken qw( b64 header_text payload_text );

our @EXPORT = qw( sign_token sign_bytes sign_jwk sign_jwks sign_public_pem );

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');
my $json = JSON::PP->new->canonical;
my ($tools, $dir, %made);

# name => [ kty, crv, bytes of a coordinate, arguments of openssl genpkey ]
my %types = (
    rsa     => [ RSA => undef, 0, qw( RSA -pkeyopt rsa_keygen_bits:2048 ) ],
    rsa4    => [ RSA => undef, 0, qw( RSA -pkeyopt rsa_keygen_bits:4096 ) ],
    p256    => [ EC => 'P-256', 32, qw( EC -pkeyopt ec_paramgen_curve:P-256 ) ],
    p384    => [ EC => 'P-384', 48, qw( EC -pkeyopt ec_paramgen_curve:P-384 ) ],
    p521    => [ EC => 'P-521', 66, qw( EC -pkeyopt ec_paramgen_curve:P-521 ) ],
    k256    => [ EC => 'secp256k1', 32,
                 qw( EC -pkeyopt ec_paramgen_curve:secp256k1 ) ],
    ed25519 => [ OKP => 'Ed25519', 32, 'ED25519' ],
    ed448   => [ OKP => 'Ed448', 57, 'ED448' ],
);

# "rsa", or "rsa/2" for another one of that type

sub key_path {
    my ($name) = @_;

    return $made{$name} if $made{$name};

    my ($type) = split m{/}, $name;
    my (undef, undef, undef, @algorithm) = @{ $types{$type} };

    $dir //= File::Temp->newdir;
    (my $file = $name) =~ tr{/}{-};
    my $path = "$dir/$file.pem";

    system('openssl', 'genpkey', '-quiet', '-out', $path, '-algorithm',
           @algorithm) == 0
        or die "openssl made no key\n";

    return $made{$name} = $path;
}

sub sign_public_pem {
    my $path = key_path($_[0]);
    return scalar `openssl pkey -in $path -pubout`;
}

# the public members of a key; the given ones replace them, undef removes one

sub sign_jwk {
    my ($name, %more) = @_;

    my $path = key_path($name);
    my ($type) = split m{/}, $name;
    my ($kty, $crv, $size) = @{ $types{$type} };
    my %jwk = (kty => $kty, kid => $name);

    if ($kty eq 'RSA') {
        my ($hex) = `openssl rsa -in $path -noout -modulus` =~ /=(\w+)/;
        @jwk{qw( n e )} = (b64(pack 'H*', $hex), 'AQAB');

    } else {
        # the public key is at the end of a SubjectPublicKeyInfo
        my $der = `openssl pkey -in $path -pubout -outform DER`;
        $jwk{crv} = $crv;
        $jwk{y} = b64(substr $der, -$size) if $kty eq 'EC';
        $jwk{x} = b64(substr $der, -$size * ($kty eq 'EC' ? 2 : 1), $size);
    }

    %jwk = (%jwk, %more);
    delete @jwk{ grep { !defined $jwk{$_} } keys %jwk };

    return \%jwk;
}

sub sign_jwks { return $json->encode({ keys => [ @_ ] }) }

sub sign_bytes {
    my ($algorithm, $name, $input, @option) = @_;

    if (!$tools) {
        chomp($tools = `$root/scripts/tools`);
        die "t/tools/sign.c did not compile\n" if $?;
    }

    my $pid = IPC::Open2::open2(my $out, my $in, "$tools/sign", $algorithm,
                                key_path($name), @option);
    binmode $_ for $out, $in;
    print {$in} $input;
    close $in;

    local $/;
    my $signature = <$out>;
    waitpid $pid, 0;
    die "sign made no signature by $algorithm\n" if $? || !length $signature;

    return $signature;
}

# A token of the claims of SocialToken.  "header" are members of it, "claims"
# of the payload, "option" is one of t/tools/sign.c, and "change" a function
# that is given the signature and returns another.

sub sign_token {
    my ($algorithm, $name, %how) = @_;

    my $input = join '.',
        b64(header_text(alg => $algorithm, kid => $name,
                        %{ $how{header} || {} })),
        b64(payload_text(%{ $how{claims} || {} }));

    my $signature = sign_bytes($how{by} || $algorithm, $how{key} || $name,
                               $input, $how{option} || ());

    $signature = $how{change}->($signature) if $how{change};

    my $token = "$input." . b64($signature);

    SocialSecrets::made($token);
    return $token;
}

1;
