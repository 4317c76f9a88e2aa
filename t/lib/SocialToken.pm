package SocialToken;

# Keys, key sets and tokens for the suites, good ones and forged ones.  The
# keys are made on first use and kept in build/test-keys: no private key is in
# the repository, and making one takes its time.
#
#     use SocialToken;
#
#     --- more_headers eval
#     bearer(sub => 'alice', exp => time - 60)
#
# A claim of undef is left out.

use strict;
use warnings;

use Crypt::OpenSSL::RSA ();
use Cwd ();
use Digest::SHA ();
use Exporter qw( import );
use File::Basename ();
use File::Path ();
use JSON::PP ();
use MIME::Base64 ();
use SocialSecrets ();

our @EXPORT = qw(
    $http_config $issuer @quiet
    bearer token signed compact hs256 b64 issuer_block key_file jwks_path
    jwks_text public_pem payload_text header_text suite tokens
);

# The http block of most suites.
our $issuer = 'https://issuer.example.com/pool';
our $http_config;
our @quiet = ('[alert]', '[emerg]', '[crit]');

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');
my $dir = "$root/build/test-keys";
my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my %loaded;

# name => [ bits, kid ]; "forged" says that it is "main" and is not
my %keys = (
    main    => [ 2048, 'main' ],
    next    => [ 2048, 'next' ],
    other   => [ 2048, 'other' ],
    forged  => [ 2048, 'main' ],
    weak    => [ 1024, 'weak' ],
);

my %sets = (
    main    => [ 'main' ],
    next    => [ 'next' ],
    both    => [ 'main', 'next' ],
    other   => [ 'other' ],
    weak    => [ 'weak' ],
);

sub write_file {
    my ($path, $text) = @_;

    # suites may run in parallel: the file appears atomically
    my $new = "$path.$$";

    open my $out, '>', $new or die "cannot write $new: $!\n";
    binmode $out;
    print $out $text;
    close $out or die "cannot write $new: $!\n";
    rename $new, $path or die "cannot rename $new: $!\n";
}

sub read_file {
    my ($path) = @_;

    open my $in, '<', $path or die "cannot read $path: $!\n";
    binmode $in;
    local $/;
    return scalar <$in>;
}

sub key_file { return "$dir/$_[0].pem" }
sub jwks_path { return "$dir/$_[0].json" }
sub jwks_text { return read_file(jwks_path($_[0])) }

sub key {
    my ($name) = @_;

    return $loaded{$name} if $loaded{$name};

    my $path = key_file($name);

    if (!-f $path) {
        File::Path::make_path($dir);
        my $new = Crypt::OpenSSL::RSA->generate_key($keys{$name}[0]);

        # if two suites made one, both use the first
        write_file("$path.$$.tmp", $new->get_private_key_string);
        link "$path.$$.tmp", $path;
        unlink "$path.$$.tmp";
    }

    my $key = Crypt::OpenSSL::RSA->new_private_key(read_file($path));
    $key->use_sha256_hash;
    $key->use_pkcs1_padding;

    return $loaded{$name} = $key;
}

sub public_pem { return key($_[0])->get_public_key_x509_string }

sub b64 {
    my $text = MIME::Base64::encode_base64($_[0], '');
    $text =~ tr{+/}{-_};
    $text =~ s/=+\z//;
    return $text;
}

sub jwk {
    my ($name) = @_;

    my ($n, $e) = key($name)->get_key_parameters;

    return { kty => 'RSA', kid => $keys{$name}[1], use => 'sig',
             alg => 'RS256', n => b64($n->to_bin), e => b64($e->to_bin) };
}

# A P-256 key of RFC 7517, A.1: of a type that is not used to verify.
my $ec = {
    kty => 'EC', crv => 'P-256', kid => 'ec', use => 'sig', alg => 'ES256',
    x => 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
    y => '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
};

sub make_sets {
    my %set = map {
        my $name = $_;
        ($name, { keys => [ map { jwk($_) } @{ $sets{$name} } ] });
    } keys %sets;

    $set{ec} = { keys => [ $ec ] };
    $set{mixed} = { keys => [ $ec, jwk('weak'), jwk('main') ] };
    $set{empty} = { keys => [] };
    $set{many} = { keys => [ map { +{ %{ jwk('main') }, kid => "k$_" } }
                             1 .. 65 ] };
    $set{long} = { keys => [ jwk('main') ], padding => 'x' x 200_000 };

    write_file(jwks_path($_), $json->encode($set{$_})) for keys %set;
    write_file(jwks_path('junk'), "<html>no keys here</html>\n");
    write_file(jwks_path('nothing'), '');
}

sub payload_text {
    my (%over) = @_;

    my %claims = (
        iss => $issuer,
        sub => 'c0ffee00-1234-4abc-8def-000000000001',
        client_id => 'web',
        token_use => 'access',
        scope => 'photos/read photos/write',
        'cognito:groups' => [ 'staff', 'beta' ],
        username => 'alice',
        jti => 'j1',
        iat => time - 60,
        exp => time + 3600,
        %over,
    );

    delete @claims{ grep { !defined $claims{$_} } keys %claims };

    return $json->encode(\%claims);
}

sub header_text {
    my (%over) = @_;

    my %header = (alg => 'RS256', typ => 'JWT', kid => 'main', %over);

    delete @header{ grep { !defined $header{$_} } keys %header };

    return $json->encode(\%header);
}

# Any header and payload, as bytes, with a valid signature of that key.

sub signed {
    my ($header, $payload, $key) = @_;

    my $input = b64($header) . '.' . b64($payload);

    my $token = "$input." . b64(key($key // 'main')->sign($input));

    SocialSecrets::made($token);
    return $token;
}

sub compact {
    my ($header, $payload, $signature) = @_;

    my $token = join '.', b64($header), b64($payload), $signature;

    SocialSecrets::made($token);
    return $token;
}

sub hs256 {
    my ($header, $payload, $secret) = @_;

    my $input = b64($header) . '.' . b64($payload);

    my $token = "$input." . b64(Digest::SHA::hmac_sha256($input, $secret));

    SocialSecrets::made($token);
    return $token;
}

# A token of the key "main"; "-key" and "-header" say otherwise.

sub token {
    my (%claims) = @_;

    my $key = delete $claims{-key} // 'main';
    my $header = delete $claims{-header} // {};

    return signed(header_text(kid => $keys{$key}[1], %$header),
                  payload_text(%claims), $key);
}

sub bearer { return 'Authorization: Bearer ' . token(@_) }

# An array for "more_headers", one for each list of claims.

sub tokens { return [ map { bearer(@$_) } @_ ] }

sub issuer_block {
    my ($name, @lines) = @_;

    return join "\n    ", "social_issuer $name {",
                (map { "    $_;" } @lines), "}\n";
}

# Sections that every block of a suite has by default.

sub suite {
    my (%default) = @_;

    $default{no_error_log} //= join "\n", @quiet;

    Test::Nginx::Socket::add_block_preprocessor(sub {
        my ($block) = @_;

        for my $name (keys %default) {
            next if exists $block->{$name};
            $block->set_value($name, $default{$name});
        }
    });
}

# keys older than this file's last change are made again
if (!-f jwks_path('long') || -M jwks_path('long') > -M __FILE__) {
    key($_) for keys %keys;
    make_sets();
}

for my $name (qw( main next both other weak ec mixed empty many long junk
                  nothing ))
{
    $ENV{ 'TEST_NGINX_JWKS_' . uc $name } = jwks_path($name);
}

$ENV{TEST_NGINX_JWKS} = jwks_path('main');

$http_config = '    '
    . issuer_block('main', "issuer $issuer", "jwks_file $ENV{TEST_NGINX_JWKS}",
                   'client_ids web')
    . '    '
    . issuer_block('other', 'issuer https://other.example.com',
                   "jwks_file $ENV{TEST_NGINX_JWKS_OTHER}", 'client_ids *',
                   'token_use any');

1;
