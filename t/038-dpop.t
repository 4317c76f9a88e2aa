#!/usr/bin/perl

# "social_auth_dpop": tokens that are bound to a key, and proofs of it, which
# all worker processes accept once.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 ();
use SocialDpop;
use SocialNginx;
use SocialToken;
use Test::More;

my $port = SocialNginx::free_port();
my $port2 = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $origin = 'https://api.example.com';
my $key = 'p256';
my $bound = dpop_token($key);
my $bearer = token();
my $algs = 'RS256 PS256 ES256 EdDSA Ed25519';

$nginx->write_file('secret', 'whsec_' . 'c2VjcmV0' x 6 . "\n");
$nginx->write_file('html/index.html', "a file\n");
$nginx->write_file('nginx.conf', conf());
$nginx->start($port);


# who it is for

my $proof = proof('/required');

is(said('/required', dpop($bound, $proof)), '200 ok 1', 'a token and its proof');
is(said('/required?a=b', dpop($bound, proof('/required?c=d'))), '200 ok 1',
   'arguments do not count');
is(said('/%72equired/../%72equired', dpop($bound, proof('/required'))),
   '200 ok 1', 'nor how the URL is spelt');
is(said('/required', dpop($bound, proof('/required', url =>
        'HTTPS://API.example.com:443/required'))), '200 ok 1', 'by either');
is(said('/required', "Authorization: dPoP  $bound",
        'dpop: ' . proof('/required')), '200 ok 1',
   'names of headers and of the scheme are without case');

for my $alg ([ RS256 => 'rsa' ], [ PS256 => 'rsa' ], [ EdDSA => 'ed25519' ],
             [ Ed25519 => 'ed25519' ])
{
    my ($name, $of) = @$alg;
    my $token = dpop_token($of);
    my $p = dpop_proof($of, token => $token, url => "$origin/required",
                       header => { alg => $name });

    is(said('/required', dpop($token, $p)), '200 ok 1', "a proof by $name");
}

like(ask('POST', '/required', dpop($bound, proof('/required', claims => {
         htm => 'POST' })))->{text}, qr/\AHTTP\/1.1 405 /,
     'another method gets to the file');
is(ask('GET', '/proxied', dpop($bound, proof('/proxied')))->{headers}{'x-got'},
   'yes', 'the backend has the proof');


# what is wrong with a proof: the request, and what is said

my @wrong = (
    [ 'no proof', [ "Authorization: DPoP $bound" ], 'there is no DPoP proof' ],
    [ 'two of them', [ dpop($bound, proof('/required')),
                       'DPoP: ' . proof('/required') ],
      'there is more than one DPoP proof' ],
    [ 'two in one line', [ dpop($bound, join ', ', proof('/required'),
                                proof('/required')) ],
      'the DPoP proof is malformed' ],
    [ 'an empty one', [ dpop($bound, '') ], 'the DPoP proof is malformed' ],
    [ 'nonsense', [ dpop($bound, 'a.b.c') ], 'the DPoP proof is malformed' ],
    [ 'the token itself', [ dpop($bound, $bound) ],
      'the type of the DPoP proof is not dpop+jwt' ],
    [ 'one that is too long', [ dpop($bound, proof('/required', claims => {
        x => 'x' x 7000 })) ], 'the DPoP proof is malformed' ],
    [ 'another type', [ dpop($bound, proof('/required', header => {
        typ => 'JWT' })) ], 'the type of the DPoP proof is not dpop+jwt' ],
    [ 'an algorithm that is not accepted', [ dpop(dpop_token('p384'),
        dpop_proof('p384', token => dpop_token('p384'),
                   url => "$origin/required", header => { alg => 'ES384' })) ],
      'the algorithm of the DPoP proof is not accepted' ],
    [ 'a shared secret', [ dpop($bound, proof('/required', by => 'ES256',
        header => { alg => 'HS256' })) ],
      'the algorithm of the DPoP proof is not accepted' ],
    [ 'no key', [ dpop($bound, proof('/required', header => {
        jwk => undef })) ], 'the DPoP proof has no public key of its algorithm'
    ],
    [ 'a key that takes long', [ dpop(dpop_token('rsa4'),
        dpop_proof('rsa4', token => dpop_token('rsa4'),
                   url => "$origin/required", header => { alg => 'RS256' })) ],
      'the DPoP proof has no public key of its algorithm' ],
    [ 'a private key', [ dpop($bound, proof('/required', jwk => {
        d => 'AAAA' })) ], 'the DPoP proof has no public key of its algorithm'
    ],
    [ 'no id', [ dpop($bound, proof('/required', claims => {
        jti => undef })) ],
      'the DPoP proof lacks a claim or one is of a wrong type' ],
    [ 'another method', [ dpop($bound, proof('/required', claims => {
        htm => 'HEAD' })) ], 'the DPoP proof is for another method' ],
    [ 'another path', [ dpop($bound, proof('/other')) ],
      'the DPoP proof is for another URL' ],
    [ 'the host of the request', [ dpop($bound, proof('/required',
        url => "http://127.0.0.1:$port/required")) ],
      'the DPoP proof is for another URL' ],
    [ 'another token', [ dpop($bound, dpop_proof($key, token => $bearer,
        url => "$origin/required")) ], 'the DPoP proof is for another token' ],
    [ 'no token', [ dpop($bound, proof('/required', claims => {
        ath => undef })) ],
      'the DPoP proof lacks a claim or one is of a wrong type' ],
    [ 'an old one', [ dpop($bound, proof('/required', claims => {
        iat => time - 3700 })) ], 'the DPoP proof was not made just now' ],
    [ 'one of the future', [ dpop($bound, proof('/required', claims => {
        iat => time + 3700 })) ], 'the DPoP proof was not made just now' ],
    [ 'a signature by another key', [ dpop($bound, proof('/required',
        key => 'p256/2')) ], 'the signature of the DPoP proof is invalid' ],
    [ 'one that was used', [ dpop($bound, $proof) ],
      'the DPoP proof was used before' ],
    [ 'another with its id', [ dpop($bound, proof('/required',
        claims => { jti => id_of($proof) })) ],
      'the DPoP proof was used before' ],
);

for my $case (@wrong) {
    my ($name, $headers, $text) = @$case;
    my $got = ask('GET', '/required', @$headers);

    is("$got->{status} $got->{auth}", '401 proof', "refused: $name");
    is($got->{headers}{'www-authenticate'},
       qq{DPoP realm="api", algs="$algs", error="invalid_dpop_proof", }
       . qq{error_description="$text"}, "and why: $name");
    is($got->{sub}, '', "as nobody: $name");
}

is(said('/required', dpop(token(cnf => { jkt => dpop_jkt('p256/2') }),
                          dpop_proof($key, token => token(
                              cnf => { jkt => dpop_jkt('p256/2') }),
                              url => "$origin/required"))),
   '401 binding 0', 'the key of another client');


# how a token is presented

for my $case (
    [ 'off', 'bound', 'Bearer', '200 ok 1' ],
    [ 'off', 'bound', 'DPoP', '401 none 0' ],
    [ 'off', 'unbound', 'Bearer', '200 ok 1' ],
    [ 'off', 'unbound', 'DPoP', '401 none 0' ],
    [ 'optional', 'bound', 'Bearer', '401 binding 0' ],
    [ 'optional', 'bound', 'DPoP', '200 ok 1' ],
    [ 'optional', 'unbound', 'Bearer', '200 ok 1' ],
    [ 'optional', 'unbound', 'DPoP', '401 binding 0' ],
    [ 'required', 'bound', 'Bearer', '401 binding 0' ],
    [ 'required', 'bound', 'DPoP', '200 ok 1' ],
    [ 'required', 'unbound', 'Bearer', '401 binding 0' ],
    [ 'required', 'unbound', 'DPoP', '401 binding 0' ])
{
    my ($mode, $kind, $scheme, $expected) = @$case;
    my $token = $kind eq 'bound' ? $bound : $bearer;
    my $p = dpop_proof($key, token => $token, url => "$origin/$mode");

    is(said("/$mode", "Authorization: $scheme $token", "DPoP: $p"), $expected,
       "$mode: $kind, as $scheme");
    is(said("/$mode", "Authorization: $scheme $token"),
       $expected eq '200 ok 1' && $scheme eq 'DPoP' ? '401 proof 0' : $expected,
       "and without a proof: $mode: $kind, as $scheme");
}

is(said('/cookie', "Cookie: t=$bound", 'DPoP: ' . proof('/cookie')),
   '401 binding 0', 'a bound token in a cookie');
is(said('/cookie', "Cookie: t=$bearer"), '200 ok 1', 'one that is not bound');
is(said('/cookie', 'Authorization: DPoP null', "Cookie: t=$bearer"),
   '200 ok 1', 'a script that has no token');
is(said('/other%2Fx/../required', dpop($bound, proof('/required'))),
   '401 proof 0', 'one for where ".." leads otherwise');
is(said('/cookie', dpop($bound, proof('/cookie'))), '200 ok 1',
   'or in its header');
is(said('/cookie', dpop($bound, proof('/cookie')), "Cookie: t=$bound"),
   '401 several 0', 'but not in both');

is(said('/optional', 'Authorization: Bearer '
        . token(cnf => $_->[0])), $_->[1], "a token whose cnf is $_->[2]")
    for [ 'x', '401 binding 0', 'not an object' ],
        [ { jkt => 'x' }, '401 binding 0', 'malformed' ],
        [ { kid => 'x' }, '200 ok 1', 'of something else' ];


# challenges

is(challenge('/required'), qq{DPoP realm="api", algs="$algs"},
   'the challenge where it is required');
is(challenge('/optional'),
   qq{Bearer realm="api", DPoP realm="api", algs="$algs"},
   'and where it is optional');
is(challenge('/off'), 'Bearer realm="api"', 'and where it is off');
is(challenge('/one'), 'DPoP realm="api", algs="ES256"', 'of one algorithm');
like(challenge('/optional', 'Authorization: Bearer x'),
     qr/\ABearer realm="api", error="invalid_token", error_description=".*", DPoP realm="api", algs="$algs"\z/,
     'after an invalid bearer token');
like(challenge('/optional', 'Authorization: DPoP x'),
     qr/\ADPoP realm="api", algs="$algs", error="invalid_token", /,
     'after an invalid one by DPoP');
like(challenge('/scope', dpop($bound, proof('/scope'))),
     qr/\ADPoP .*, error="insufficient_scope", .*, scope="admin"\z/,
     'of a token that lacks a scope');


# one proof is for one request, wherever nginx leads it

is(said('/redirected', dpop($bound, proof('/redirected'))), '200 ok 1',
   'an internal redirect to another location that requires one');
is(said('/opened', "Authorization: Bearer $bound"), '401 binding 0',
   'one from a location that does not');
is(said('/opened', dpop($bound, proof('/opened'))), '401 none 0',
   'whose own rules count first');
is(said('/led', dpop($bound, proof('/led'))), '401 client 0',
   'to one with other rules, for a token that was known in the first');
is(said('/two', dpop($bound, proof('/two')), "Cookie: t=$bearer"), '200 ok 1',
   'to one where the token is in a cookie, and not by DPoP');
is(said('/public', dpop($bound, proof('/public'))), '200 ok 1',
   'from one without a token, by the URL that the client asked for');
is(ask('POST', '/failing', dpop($bound, proof('/failing', claims => {
       htm => 'POST' })))->{status}, '200', 'and by the method');
is(said('/required%2Fx', dpop($bound, proof('/required%2Fx'))), '200 ok 1',
   'a slash that is escaped');
is(said('/required%2Fx', dpop($bound, proof('/required/x'))), '401 proof 0',
   'which is not one that is not');
is(said('/asked', dpop($bound, proof('/asked'))), '200 ok 1',
   'a subrequest of auth_request, and its own request');
is(said('/asked', dpop($bound, proof('/ask'))), '401 proof 0',
   'the URL is the one that the client asked for');
is(said('/errors', dpop($bound, proof('/errors'))), '200 ok 1',
   'an error page of an error before');
is(said('/early', dpop($bound, proof('/early'))), '200 ok 1',
   'a variable that is read early');
is(said('/early', dpop($bound, proof('/earl'))), '401 proof 0',
   'with a proof that is wrong');


# where a token need not be there

is(said('/lenient', dpop($bound, proof('/other'))), '200 proof 0',
   'an invalid proof makes an anonymous request');
is(said('/lenient', dpop($bound, proof('/lenient'))), '200 ok 1', 'a valid one does not');
is(said('/any', dpop($bound, proof('/other'))), '401 proof 0',
   'with "satisfy any" it allows nothing');
is(said('/any', dpop($bound, proof('/any'))), '200 ok 1', 'and a valid one does');
is(said('/uncached', dpop($bound, proof('/uncached'))), '200 ok 1',
   'without a cache of verdicts');


# limits come before: what they refuse uses no proof up, and has none checked

my $limited = proof('/limited');

is(said('/limited', dpop($bound, proof('/limited')), 'X-Key: a'), '200 ok 1',
   'a request within a limit');
is(ask('GET', '/limited', dpop($bound, $limited), 'X-Key: a')->{status}, '503',
   'one beyond it');
is(said('/limited', dpop($bound, $limited), 'X-Key: b'), '200 ok 1',
   'has not used its proof');


# nonces

my $got = ask('GET', '/nonce', dpop($bound, proof('/nonce')));
my $nonce = $got->{headers}{'dpop-nonce'} // '';

is("$got->{status} $got->{auth}", '401 nonce', 'a proof without a nonce');
is($got->{headers}{'www-authenticate'}, qq{DPoP realm="api", algs="$algs", }
   . 'error="use_dpop_nonce", error_description="the DPoP proof must have the '
   . 'nonce of DPoP-Nonce"', 'is challenged');
like($nonce, qr/\A[\w-]{32}\z/, 'with a nonce');
is($got->{headers}{'cache-control'}, 'no-store', 'that no cache keeps');

$got = ask('GET', '/nonce', dpop($bound, proof('/nonce', claims => {
    nonce => $nonce, iat => 7 })));
is("$got->{status} $got->{auth}", '200 ok',
   'with it the time of the client is of no importance');
is($got->{headers}{'dpop-nonce'}, undef, 'and a new one need not be said');

(my $forged = $nonce) =~ s/.\z/$& eq 'A' ? 'B' : 'A'/e;
is(said('/nonce', dpop($bound, proof('/nonce', claims => {
       nonce => $forged }))), '401 nonce 0', 'a nonce that is not ours');
is(said('/shared', dpop($bound, proof('/shared', claims => {
       nonce => $nonce }))), '401 nonce 0', 'one of another secret');

my $shared = ask('GET', '/shared', dpop($bound, proof('/shared')))
    ->{headers}{'dpop-nonce'};
is(said('/shared', dpop($bound, proof('/shared', claims => {
       nonce => $shared }))), '200 ok 1', 'one of that secret');

# one of a minute: a new one comes before it is over

$nonce = ask('GET', '/short', dpop($bound, proof('/short')))
    ->{headers}{'dpop-nonce'};
my $renewed;

SocialNginx::wait_for(120, sub {
    my $answer = ask('GET', '/short', dpop($bound, proof('/short', claims => {
        nonce => $nonce })));

    $renewed = $answer->{headers}{'dpop-nonce'};
    $renewed .= " with $answer->{status}" if defined $renewed;

    return defined $renewed;
});

like($renewed // 'none', qr/\A[\w-]{32} with 200\z/,
     'another nonce comes while the first is good');


# once, of all processes

my ($passed, $rounds) = (0, 60);

for my $round (1 .. $rounds) {
    my $p = proof('/required');
    my @socks = map { connection() } 1 .. 4;

    send_request($_, 'GET', '/required', dpop($bound, $p)) for @socks;

    my @statuses = map { answer($_)->{status} } @socks;
    $passed++ if join(' ', sort @statuses) eq '200 401 401 401';
}

is($passed, $rounds, 'of four requests with one proof one is accepted');

# while worker processes are killed

($passed, my $refused) = (0, 0);
my @used;

for my $round (1 .. 20) {
    my $p = proof('/hour');
    my @socks = map { connection() } 1 .. 6;
    my @workers = SocialNginx::workers($nginx->{pid});

    send_request($_, 'GET', '/hour', dpop($bound, $p)) for @socks;
    kill 'KILL', $workers[ $round % @workers ];

    my $ok = grep { answer($_)->{status} eq '200' } @socks;
    $passed++ if $ok <= 1;

    SocialNginx::wait_for(10, sub {
        my @now = SocialNginx::workers($nginx->{pid});
        return @now == 2 && !grep { $_ == $workers[ $round % @workers ] } @now;
    }) or BAIL_OUT('no new worker process');

    push @used, $p if $ok;
}

is($passed, 20, 'never more than one, whichever process is killed');

$refused = grep { challenge('/hour', dpop($bound, $_)) =~ /was used before/ }
           @used;
is($refused, scalar @used, 'what was used stays used: ' . @used);
cmp_ok(scalar @used, '>', 0, 'some were');

my $before = proof('/hour');
is(said('/hour', dpop($bound, $before)), '200 ok 1', 'before a reload');
ok($nginx->reload, 'after a reload');
like(challenge('/hour', dpop($bound, $before)), qr/was used before/,
     'it still is');
is(said('/nonce', dpop($bound, proof('/nonce', claims => {
       nonce => ask('GET', '/nonce', dpop($bound, proof('/nonce')))
                    ->{headers}{'dpop-nonce'} }))), '200 ok 1',
   'and new ones are accepted');

SKIP: {
    my $help = `curl --version 2>&1`;
    skip 'NOT TESTED: HTTP/2, for curl has none', 2 if $help !~ /HTTP2/;

    my $p = proof('/required');
    my @command = ('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}',
                   '--http2-prior-knowledge', '-H', '@-',
                   "http://127.0.0.1:$port2/required");
    is(curl($p, @command), '200', 'over HTTP/2');
    is(curl($p, @command), '401', 'once');
}

$nginx->stop;

my $log = SocialNginx::without_kills($nginx->error_log);
unlike($log, qr/\[(?:alert|emerg|crit|error)\]/, 'no error was logged');
unlike($log, qr/\Q$bound\E|eyJ0eXAi/, 'nor a token or a proof');


# a share that is full: in a zone of the least size

$nginx = SocialNginx->new;
$nginx->write_file('secret', 'whsec_' . 'c2VjcmV0' x 6 . "\n");
$nginx->write_file('html/index.html', "a file\n");
$nginx->write_file('nginx.conf', conf('social_zone social:64k;'));
$nginx->start($port);

my $n = 0;

$n++ while $n < 200
    && said('/hour', dpop($bound, proof('/hour'))) eq '200 ok 1';

cmp_ok($n, '>', 40, 'a key has its share of the table');
cmp_ok($n, '<=', 120, 'and no more');

my @full = map { ask('GET', '/hour', dpop($bound, proof('/hour'))) } 1 .. 200;
my ($last) = grep { $_->{status} eq '503' } reverse @full;

is("$last->{status} $last->{auth} $last->{headers}{'retry-after'}",
   '503 no_room 2', 'then it has to wait');

my $token2 = dpop_token('p256/2');
is(said('/hour', dpop($token2, dpop_proof('p256/2', token => $token2,
                                          url => "$origin/hour"))),
   '200 ok 1', 'another key does not notice') for 1 .. 10;

$nginx->stop;
$log = $nginx->error_log;

my @said = $log =~ /\[warn\] .* no room for more than 120 DPoP proofs of one key/g;
ok(@said >= 1 && @said <= 3, 'it is logged, and not for each request');
like($log, qr/\[notice\] .* room for 1016 DPoP proofs, 120 of one key/,
     'how many there is room for is logged at start');

done_testing();


sub dpop {
    my ($token, $p) = @_;

    return ("Authorization: DPoP $token", "DPoP: $p");
}

sub proof {
    my ($path, %how) = @_;

    return dpop_proof($key, token => $bound, url => "$origin$path", %how);
}

sub id_of {
    my ($p) = @_;

    my (undef, $payload) = split /\./, $p;
    return JSON::PP::decode_json(MIME::Base64::decode_base64url($payload))
        ->{jti};
}

# the status, what $social_auth_status says, and whether there is a subject

sub said {
    my ($path, @headers) = @_;

    my $answer = ask('GET', $path, @headers);

    return join ' ', $answer->{status}, $answer->{auth},
                     $answer->{sub} eq '' ? 0 : 1;
}

sub challenge {
    my ($path, @headers) = @_;
    return ask('GET', $path, @headers)->{headers}{'www-authenticate'};
}

sub connection {
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 30)
        || die "no connection: $!\n";
}

sub send_request {
    my ($sock, $method, $path, @headers) = @_;

    local $SIG{PIPE} = 'IGNORE';
    print {$sock} join "\r\n", "$method $path HTTP/1.1", 'Host: a',
                       'Connection: close', @headers, '', '';
    $sock->flush;
    return;
}

sub answer {
    my ($sock) = @_;

    my $text = '';
    local $SIG{ALRM} = sub { die "no answer in 30 s\n" };
    alarm 30;
    1 while sysread $sock, $text, 65536, length $text;
    alarm 0;

    my ($head) = split /\r\n\r\n/, $text, 2;
    my (undef, @lines) = split /\r\n/, $head // '';
    my %headers;

    for my $line (@lines) {
        my ($name, $value) = split /: ?/, $line, 2;
        $name = lc $name;
        $headers{$name} = exists $headers{$name}
                          ? "$headers{$name} AND $value" : $value;
    }

    my ($status) = $text =~ m{\AHTTP/1\.1 (\d+)};

    return { status => $status // 'none', text => $text, headers => \%headers,
             auth => $headers{'x-auth'} // '', sub => $headers{'x-sub'} // '' };
}

sub ask {
    my ($method, $path, @headers) = @_;

    my $sock = connection();
    send_request($sock, $method, $path, @headers);
    return answer($sock);
}

sub curl {
    my ($p, @command) = @_;

    my $file = $nginx->write_file('headers', join "\n", dpop($bound, $p), '');
    my $command = join ' ', map { "'$_'" } @command;
    return scalar `$command < $file`;
}

sub conf {
    my ($zone) = @_;

    $zone //= '';
    my $dpop = "origin=$origin";

    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    $zone
$http_config
    @{[ issuer_block('strict', "issuer $issuer",
                     "jwks_file $ENV{TEST_NGINX_JWKS}", 'client_ids nobody') ]}
    social_secret nonces file=$nginx->{dir}/secret;
    large_client_header_buffers 4 16k;
    root $nginx->{dir}/html;
    add_header X-Auth \$social_auth_status always;
    add_header X-Sub \$social_sub always;

    server {
        listen 127.0.0.1:$port reuseport;
        listen 127.0.0.1:$port2 http2;
        social_auth main;
        social_auth_dpop required $dpop;

        location / { try_files /index.html =404; }
        location /required { try_files /index.html =404; }
        location /hour {
            social_auth_dpop required $dpop max_age=1h;
            try_files /index.html =404;
        }
        location /one {
            social_auth_dpop required $dpop algorithms=ES256;
            try_files /index.html =404;
        }
        location /off { social_auth_dpop off; try_files /index.html =404; }
        location /optional {
            social_auth_dpop optional origin=https://other.example $dpop;
            try_files /index.html =404;
        }
        location /proxied {
            proxy_pass http://127.0.0.1:$port/backend;
        }
        location = /backend {
            social_auth off;
            add_header X-Got \$got;
            return 204;
        }
        location /cookie {
            social_auth_dpop optional $dpop;
            social_auth_token \$http_authorization \$cookie_t;
            try_files /index.html =404;
        }
        location /scope {
            social_auth_scopes any admin;
            try_files /index.html =404;
        }
        location /redirected { try_files /nothing /required; }
        location /opened {
            social_auth_dpop off;
            try_files /nothing /required;
        }
        location /led { try_files /nothing /strict; }
        location /strict { social_auth strict; try_files /index.html =404; }
        location /two { try_files /nothing /second; }
        location /second {
            social_auth_dpop optional $dpop;
            social_auth_token \$cookie_t;
            try_files /index.html =404;
        }
        location /public { social_auth off; try_files /nothing /required; }
        location /failing {
            social_auth off;
            error_page 404 =200 /required;
            try_files /nothing =404;
        }
        location /asked {
            auth_request /ask;
            try_files /index.html =404;
        }
        location = /ask {
            internal;
            social_auth_dpop optional $dpop nonce=off;
            try_files /nothing =204;
        }
        location /errors {
            error_page 404 =200 /required;
            try_files /nothing =404;
        }
        location /early {
            set \$who \$social_sub;
            try_files /index.html =404;
        }
        location /lenient {
            social_auth main optional=lenient;
            try_files /index.html =404;
        }
        location /any {
            satisfy any;
            deny all;
            try_files /index.html =404;
        }
        location /uncached {
            social_auth_cache off;
            try_files /index.html =404;
        }
        location /limited {
            limit_req zone=keys;
            limit_req_log_level warn;
            try_files /index.html =404;
        }
        location /nonce {
            social_auth_dpop required $dpop nonce=on;
            try_files /index.html =404;
        }
        location /shared {
            social_auth_dpop required $dpop nonce=on secret=nonces;
            try_files /index.html =404;
        }
        location /short {
            social_auth_dpop required $dpop nonce=on max_age=60s;
            try_files /index.html =404;
        }
    }

    limit_req_zone \$http_x_key zone=keys:64k rate=1r/m;

    map \$http_dpop \$got { ~. yes; default no; }
}
_EOC_
}
