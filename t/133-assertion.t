#!/usr/bin/perl

# "social_assertion": what a backend gets, verified by our own HMAC and by
# PyJWT, which the reference backend uses; where it comes from and where not.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA ();
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw( decode_base64 encode_base64 );
use SocialNginx;
use SocialServer;
use SocialTest;                     # for SocialToken
use SocialToken qw( token hs256 issuer_block jwks_path $issuer $http_config );
use Test::More;
use Time::HiRes ();

my $port = SocialNginx::free_port();
my $backend = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};";
my $gone = $backend =~ s{;}{/status/502;}r;
my %secret = (one => 'a' x 32, two => join('', map { chr } 0 .. 63));
my $json = JSON::PP->new->utf8;

sub begin {
    my ($locations, %o) = @_;

    my $nginx = SocialNginx->new;

    my $secrets = join '', map {
        my $file = $nginx->write_file($_, 'whsec_'
            . encode_base64($secret{$_}, '') . "\n");
        "social_secret $_ file=$file;\n";
    } sort keys %secret;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
events { }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    $secrets
    @{[ $o{http} // '' ]}
    server {
        listen 127.0.0.1:$port;
        $locations
    }
}
_EOC_
    return $nginx;
}

sub get {
    my ($path, @headers) = @_;

    return SocialNginx::request($port, join "\r\n", "GET $path HTTP/1.0",
        'Host: localhost', @headers, '', '');
}

# Those that a backend got, out of an answer that shows its headers.

sub assertions { return $_[0] =~ /^X-Social-Assertion: (.*?)\r?$/mgi }

sub decode {
    my ($text) = @_;
    $text =~ tr{-_}{+/};
    return decode_base64($text);
}

# Its claims, or undef if the signature is not good.

sub claims {
    my ($text, $name) = @_;

    my ($header, $payload, $signature) = split /\./, $text;
    my $mac = Digest::SHA::hmac_sha256("$header.$payload", $secret{$name});

    return if decode($signature) ne $mac;
    return if $json->decode(decode($header))->{alg} ne 'HS256';
    return $json->decode(decode($payload));
}


my $nginx = begin(<<"_EOC_");
        social_auth main optional;
        social_assertion secret=one;

        location /plain { $backend }
        location /other { social_assertion secret=two ttl=5m
                          audience=https://api.example.com; $backend }
        location /audience { social_assertion secret=one audience=x; $backend }
        location /secret { social_assertion secret=two; $backend }
        location /ttl { social_assertion secret=one ttl=2s; $backend }
        location /groups { social_auth_groups_claim roles; $backend }
        location /off { social_assertion off; $backend }
        location /quiet { social_identity_headers off; $backend }
        location /public { social_auth off; $backend }
        location /from { error_page 418 = /other; return 418; }
        location /drop { error_page 418 = \@drop; return 418; }
        location \@drop { social_assertion off; $backend }
        location /again { error_page 418 = \@quiet; return 418; }
        location \@quiet { social_identity_headers off; $backend }
        location /later { try_files /nothing /other; }
        location /accel { $backend }
        location /gone { proxy_intercept_errors on;
                         error_page 502 = /other; $gone }
        location /gone/drop { proxy_intercept_errors on;
                              error_page 502 = \@drop; $gone }
        location /gone/quiet { proxy_intercept_errors on;
                               error_page 502 = \@quiet; $gone }
        location /half { social_assertion secret=one ttl=6s; $backend }
_EOC_
$nginx->start($port);

my $token = token();
my @with = ("Authorization: Bearer $token");

# one token for locations that differ in one thing each

my $same = "Authorization: Bearer " . token(roles => [ 'r' ]);

sub same { return (assertions(get($_[0], $same)))[0] }

for my $round (1, 2) {
    is(claims(same('/plain'), 'one')->{aud}, 'backend', "the default ($round)");
    is(claims(same('/audience'), 'one')->{aud}, 'x', 'its audience');
    is(claims(same('/plain'), 'one')->{aud}, 'backend', 'the default again');
    is(claims(same('/secret'), 'two')->{aud}, 'backend', 'its secret');
    is(claims(same('/plain'), 'one')->{exp} - claims(same('/plain'),
        'one')->{iat}, 60, 'the default ttl');

    my $short = claims(same('/ttl'), 'one');
    is($short->{exp} - $short->{iat}, 2, 'its ttl');

    is_deeply(claims(same('/plain'), 'one')->{groups}, [ 'staff', 'beta' ],
              'groups');
    is_deeply(claims(same('/groups'), 'one')->{groups}, [ 'r' ],
              'groups of another claim');
}

# what is kept of them is renewed before a backend would refuse it

for (1 .. 3) {
    my $claims = claims(same('/ttl'), 'one');
    cmp_ok($claims->{exp}, '>=', time, 'not expired when it is sent');
    sleep 2;
}

# ... while half of its time is left, and no longer

my (%half, $least);

SocialNginx::wait_for(60, sub {
    my $before = int Time::HiRes::time();
    my $claims = claims(same('/half'), 'one');
    my $left = $claims->{exp} - $before;

    $half{ $claims->{iat} }++;
    $least = $left if !defined $least || $left < $least;
    return keys %half == 3;
}) or die "no new assertion in a minute\n";

cmp_ok($least, '>=', 3, "a backend has half of the time ($least s)");
cmp_ok((sort { $b <=> $a } values %half)[0], '>', 1, 'in which it is kept');

for my $round (1, 2) {
    my @got = assertions(my $answer = get('/plain', @with));
    my $claims = claims($got[0], 'one');
    my $now = time;

    is(scalar @got, 1, "one of them ($round)");
    is($claims->{iss}, $issuer, 'iss');
    is($claims->{sub}, 'c0ffee00-1234-4abc-8def-000000000001', 'sub');
    is($claims->{aud}, 'backend', 'aud');
    is($claims->{username}, 'alice', 'username');
    is_deeply($claims->{groups}, [ 'staff', 'beta' ], 'groups');
    is_deeply($claims->{scopes}, [ 'photos/read', 'photos/write' ], 'scopes');
    is(join(' ', sort keys %$claims),
       'aud exp groups iat iss scopes sub username', 'nothing else');
    cmp_ok(abs($claims->{iat} - $now), '<=', 2, 'iat');
    is($claims->{exp} - $claims->{iat}, 60, 'exp');
    like($answer, qr/^X-Social-Sub: c0ffee00/m, 'beside the others');

    @got = assertions(get('/other', @with));
    $claims = claims($got[0], 'two');
    is($claims->{aud}, 'https://api.example.com', 'another audience');
    is($claims->{exp} - $claims->{iat}, 300, 'another ttl');
    is(claims($got[0], 'one'), undef, 'another secret');

    is(assertions(get($_, @with)) + 0, 0, "$_: none") for '/off', '/public';
    is(assertions(get('/plain')) + 0, 0, 'no identity: none');

    @got = assertions($answer = get('/quiet', @with));
    is(scalar @got, 1, 'without the other headers');
    unlike($answer, qr/X-Social-Sub/, 'without the other headers');

    # internal redirects

    for my $path ('/from', '/later') {
        @got = assertions($answer = get($path, @with));
        is(scalar @got, 1, "$path: one of them");
        is(claims($got[0], 'two')->{sub}, $claims->{sub}, 'of the last place');
        is(scalar(() = $answer =~ /^X-Social-Sub:/mg), 1, 'the others, too');
    }

    # where the first location had a content handler it has got one already

    for my $path ('/accel/other', '/gone') {
        @got = assertions($answer = get($path, @with));
        is(scalar @got, 1, "$path: one of them");
        is(claims($got[0], 'two')->{sub}, $claims->{sub}, 'of the last place');
    }

    is(assertions(get('/gone/drop', @with)) + 0, 0, 'none is left of before');
    is(assertions(get('/gone/quiet', @with)) + 0, 1, 'nor a second one');

    is(assertions(get('/drop', @with)) + 0, 0, 'none after a redirect');
    is(assertions(get('/again', @with)) + 0, 1, 'one after a redirect');

    # what clients make up

    my $forged = 'X-Social-Assertion: '
        . hs256('{"alg":"HS256"}', '{"sub":"root"}', 'x');

    for my $path (qw( /plain /off /public /quiet )) {
        my $wanted = $path eq '/plain' || $path eq '/quiet' ? 1 : 0;
        @got = assertions(get($path, @with, $forged, lc $forged,
                              'X_Social_Assertion: 1'));
        is(scalar @got, $wanted, "$path: those of clients are erased");
        ok(!$wanted || claims($got[0], 'one'), 'ours stays');
    }

    is(assertions(get('/plain', $forged)) + 0, 0, 'no user is invented');
}

# claims of other forms

my %odd = (
    'no groups' => [ { 'cognito:groups' => undef, scope => undef },
                     undef, undef ],
    'groups as text' => [ { 'cognito:groups' => 'not admin', scope => '' },
                          [ 'not admin' ], [] ],
    'a space in them' => [ { 'cognito:groups' => [ ' a b' ],
                             scope => ' r  w ' }, [ ' a b' ], [ 'r', 'w' ] ],
    'groups of all kinds' => [ { 'cognito:groups' => [ 'a"b\\', 5, "\x{e9}",
                                     "x\ny", [], '' ],
                                 scope => undef, scp => [ 'r', 'w' ] },
                               [ 'a"b\\', "\x{e9}", "x\ny", '' ],
                               [ 'r', 'w' ] ],
    'groups as an object' => [ { 'cognito:groups' => {} }, undef,
                               [ 'photos/read', 'photos/write' ] ],
    'many groups' => [ { 'cognito:groups' => [ map { "group-$_" } 1 .. 60 ],
                         scope => 'x ' x 40 },
                       [ map { "group-$_" } 1 .. 60 ], [ ('x') x 40 ] ],
);

for my $name (sort keys %odd) {
    my ($over, $groups, $scopes) = @{ $odd{$name} };
    my ($got) = assertions(get('/plain', 'Authorization: Bearer '
                                         . token(%$over)));
    my $claims = claims($got, 'one');

    is_deeply($claims->{groups}, $groups, $name);
    is_deeply($claims->{scopes}, $scopes, "$name: scopes");
}

my ($utf8) = assertions(get('/plain', 'Authorization: Bearer '
    . token(username => "Zo\x{eb} \x{1f600}\"")));
is($json->decode(decode((split /\./, $utf8)[1]))->{username},
   "Zo\x{eb} \x{1f600}\"", 'a name in UTF-8');

# an expired token has no identity

is(get('/plain', 'Authorization: Bearer ' . token(exp => time - 3600))
   =~ m{\AHTTP/1\.1 401} ? 401 : 0, 401, 'an expired token');

# another library

SKIP: {
    my $python = '/usr/bin/python3';

    skip 'SKIPPED: python3-jwt is not installed', 3
        if system("$python -c 'import jwt' 2>/dev/null") != 0;

    my ($text) = assertions(get('/other', @with));
    my $run = sub {
        my ($audience, $secret) = @_;
        open my $in, '-|', $python, '-c', <<'_EOC_', @_[0, 1], $text or die;
import binascii, jwt, sys
try:
    print(jwt.decode(sys.argv[3], binascii.unhexlify(sys.argv[2]),
                     algorithms=["HS256"], audience=sys.argv[1],
                     options={"require": ["iss", "sub", "aud", "exp"]})["sub"])
except jwt.PyJWTError as e:
    print(type(e).__name__)
_EOC_
        chomp(my $said = <$in>);
        return $said;
    };

    is($run->('https://api.example.com', unpack 'H*', $secret{two}),
       'c0ffee00-1234-4abc-8def-000000000001', 'PyJWT agrees');
    is($run->('backend', unpack 'H*', $secret{two}), 'InvalidAudienceError',
       'PyJWT: another audience');
    is($run->('https://api.example.com', unpack 'H*', $secret{one}),
       'InvalidSignatureError', 'PyJWT: another secret');
}

is(join("\n", grep { /\[(?:alert|emerg|crit|error)\]/ }
        split /\n/, $nginx->error_log), '', 'nothing in the log');
$nginx->stop;


# inherited; and without social_auth anywhere the header is erased anyway

$nginx = begin("location / { $backend location /x { $backend } }",
               http => 'social_assertion secret=two;');
$nginx->start($port);
is(assertions(get('/x', @with, 'X-Social-Assertion: a')) + 0, 0, 'no issuer');
$nginx->stop;

$nginx = begin("social_auth main; location / { $backend
                location /x/ { $backend } }",
               http => 'social_assertion secret=two;');
$nginx->start($port);
is(claims((assertions(get('/x/', @with)))[0], 'two')->{username}, 'alice',
   'inherited');
$nginx->stop;


# where no identity headers are used anywhere, nothing else removes what the
# first location has added

$nginx = begin("social_auth main;
                location /accel { social_assertion secret=one; $backend }
                location /two { social_assertion secret=two; $backend }
                location /drop { $backend }
                location /gone { social_assertion secret=one;
                                 proxy_intercept_errors on;
                                 error_page 502 = \@drop; $gone }
                location \@drop { $backend }",
               http => 'social_identity_headers off;');
$nginx->start($port);

my @moved = assertions(get('/accel/two', @with));

is(scalar @moved, 1, 'alone: one of them');
is(claims($moved[0], 'two')->{username}, 'alice', '... of the last place');
is(assertions(get('/accel/drop', @with)) + 0, 0, '... and none is left');
is(assertions(get('/gone', @with)) + 0, 0, '... in a named location either');
$nginx->stop;


# mistakes

sub refused {
    my ($directive, $pattern) = @_;

    my $wrong = begin("location / { $directive $backend }");
    open my $in, '-|', 'sh', '-c', '"$@" -t 2>&1', 'sh', $wrong->command
        or die "sh: $!\n";
    my $said = do { local $/; <$in> };

    like($said, qr/\[emerg\].*$pattern.* in \S+:\d+/, $directive);
    return;
}

refused('social_assertion;', qr/invalid number of arguments/);
refused('social_assertion on;', qr/unknown parameter "on" .*supported are "secret"/);
refused('social_assertion ttl=1m;', qr/must have "secret" parameter/);
refused('social_assertion secret=none;',
        qr/unknown secret "none" \(add "social_secret none" to the "http" block/);
refused('social_assertion off secret=one;', qr/unknown parameter "off"/);

done_testing();
