package SocialMint;

# Keys, key sets and tokens of tests.  The signatures are libjwt's (t/tools/
# mint.c) or jose's (t/tools/jose), never of the code under test.

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use File::Temp ();
use JSON::PP ();
use MIME::Base64 ();
use SocialNode ();
use SocialSecrets ();

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');
my ($tools, $packages);

# An RSA key of 2048 bits.

sub new_key {
    my ($class, $kid) = @_;

    my $file = File::Temp->new(SUFFIX => '.pem');

    system('openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt',
           'rsa_keygen_bits:2048', '-out', "$file") == 0
        or die "openssl made no key\n";

    return bless { file => $file, kid => $kid }, $class;
}

sub path { return "$_[0]->{file}" }

sub public_pem {
    my ($self) = @_;
    my $path = $self->path;
    return scalar `openssl pkey -in $path -pubout`;
}

sub jwk {
    my ($self) = @_;

    my $path = $self->path;
    my ($hex) = `openssl rsa -in $path -noout -modulus` =~ /Modulus=(\w+)/
        or die "openssl says no modulus\n";

    return { kty => 'RSA', use => 'sig', alg => 'RS256', e => 'AQAB',
             kid => $self->{kid},
             n => MIME::Base64::encode_base64url(pack 'H*', $hex) };
}

sub jwks {
    my ($class, @keys) = @_;
    return JSON::PP->new->canonical->encode({ keys => [ map { $_->jwk }
                                                            @keys ] });
}

# By libjwt.

sub mint {
    my ($self, $claims) = @_;

    if (!$tools) {
        chomp($tools = `$root/scripts/tools`);
        die "t/tools/mint.c did not compile\n" if $?;
    }

    return $self->sign($claims, "$tools/mint");
}

# By jose.

sub jose {
    my ($self, $claims) = @_;

    if (!$packages++) {
        system("$root/scripts/deps-npm >&2") == 0
            or die "jose could not be installed\n";
    }

    return $self->sign($claims, SocialNode::node(),
                       "$root/build/npm/jose/sign.mjs");
}

sub sign {
    my ($self, $claims, @command) = @_;

    my $json = JSON::PP->new->canonical->utf8;
    my $input = File::Temp->new;
    print {$input} $json->encode($claims);
    close $input;

    my @all = map { "'$_'" } @command, 'RS256', $self->path, $self->{kid};
    chomp(my $token = `@all < $input`);
    die "@command made no token\n" if $? || $token !~ /\A[\w.-]+\z/;

    SocialSecrets::made($token);
    return $token;
}

# The claims of an access token of Cognito, valid for an hour; the given ones
# replace them.

sub access_claims {
    my ($pool, $client, %more) = @_;

    my $now = time;
    my ($region) = split /_/, $pool;

    return {
        sub => '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0',
        'cognito:groups' => ['editors', 'readers'],
        iss => "https://cognito-idp.$region.amazonaws.com/$pool",
        version => 2,
        client_id => $client,
        origin_jti => '7c1f7b52-94ad-4f4b-8d37-0f4f1f3a9f10',
        event_id => 'd4b0c9a3-5c11-4d1d-9a52-8f1f2a3b4c5d',
        token_use => 'access',
        scope => 'openid profile',
        auth_time => $now - 60,
        exp => $now + 3600,
        iat => $now - 60,
        jti => '3a9d5c1e-7b2f-4e6a-8c0d-1f2e3d4c5b6a',
        username => 'ada',
        %more,
    };
}

1;
