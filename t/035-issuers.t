# What issuers do differently: several blocks of one issuer, types of tokens,
# keys without "kid", one "kid" for several algorithms, byte order marks.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use JSON::PP ();

our $Url = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";

my $json = JSON::PP->new->canonical->utf8;

# key sets of this suite

sub set {
    my ($name, @keys) = @_;

    SocialToken::write_file(jwks_path($name), $json->encode({ keys => \@keys }));
    return;
}

sub jwk_with {
    my ($key, %more) = @_;
    my %jwk = (%{ SocialToken::jwk($key) }, %more);

    delete $jwk{$_} for grep { !defined $jwk{$_} } keys %jwk;
    return \%jwk;
}

set('nokid', jwk_with('main', kid => undef));
set('nokids', jwk_with('main', kid => undef), jwk_with('next', kid => undef));
set('nulls', jwk_with('main', use => JSON::PP::null(),
                      alg => JSON::PP::null(), key_ops => JSON::PP::null()));
set('keycloak', jwk_with('next', kid => 'main', alg => 'RS512'),
                jwk_with('main', kid => 'main', alg => 'RS256'));
set('thousand', (map { jwk_with('other', kid => "k$_") } 1 .. 999),
                jwk_with('main'));

sub fetched {
    my ($name, $where, @lines) = @_;

    return '    ' . issuer_block($name, "issuer $issuer",
                                 "jwks_uri $Url/$where", @lines);
}

suite(log_level => 'info');

repeat_each(1);
master_on();
timeout(20);
plan tests => repeat_each() * 257;
no_long_string();
run_tests();

__DATA__

=== TEST 1: two blocks of one issuer, with other keys and clients
--- http_config eval
::fetched("web", "i1-web/main", "client_ids web")
. ::fetched("mobile", "i1-mobile/next", "client_ids mobile")
--- config
    add_header X-Status $social_auth_status always;
    location = /index.html { social_auth web mobile; }
    location = /web/index.html { social_auth web; alias html/index.html; }
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html", "GET /index.html",
 "GET /index.html", "GET /index.html", "GET /index.html",
 "GET /web/index.html", "GET /web/index.html"]
--- more_headers eval
my @mobile = (-key => 'next', client_id => 'mobile');
::tokens([ @mobile ], [], [ @mobile ], [ client_id => 'mobile' ],
         [ -key => 'next' ], [ -key => 'other' ], [ @mobile, exp => 1 ],
         [ @mobile ], [])
--- error_code eval
[200, 200, 200, 401, 401, 401, 401, 401, 200]
--- response_headers eval
[map { "X-Status: $_" } qw( ok ok ok client client unknown_key expired
                            unknown_key ok )]

=== TEST 2: the keys of one of them cannot be fetched
--- http_config eval
::fetched("web", "i2-web/status-500", "client_ids web", "jwks_cooldown 20s")
. ::fetched("mobile", "i2-mobile/next", "client_ids mobile",
            "jwks_cooldown 20s")
--- config
    add_header X-Status $social_auth_status always;
    location = /index.html { social_auth web mobile; }
    location = /other.html { social_auth mobile web; alias html/index.html; }
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html", "GET /other.html",
 "GET /other.html"]
--- more_headers eval
my @mobile = (-key => 'next', client_id => 'mobile');
::tokens([ @mobile ], [], [ @mobile, client_id => 'x' ], [ @mobile ], [])
--- error_code eval
[200, 503, 503, 200, 503]
--- response_headers eval
[map { "X-Status: $_" } qw( ok no_keys no_keys ok no_keys )]

=== TEST 3: types of tokens
--- http_config eval
"    " . ::issuer_block("any", "issuer $::issuer", 'jwks_file $TEST_NGINX_JWKS',
                        "client_ids web", "token_use any")
. "    " . ::issuer_block("at", "issuer $::issuer",
                          'jwks_file $TEST_NGINX_JWKS', "client_ids web",
                          "token_type application/at+jwt")
--- config
    add_header X-Status $social_auth_status always;
    location = /index.html { social_auth any; }
    location = /at.html { social_auth at; alias html/index.html; }
--- request eval
[("GET /index.html") x 9, ("GET /at.html") x 4]
--- more_headers eval
::tokens((map { [ -header => { typ => $_ } ] }
          "JWT", "at+jwt", "application/AT+jwt", undef, "logout+jwt",
          "secevent+jwt", "rt+jwt", "dpop+jwt", 7),
         (map { [ -header => { typ => $_ } ] }
          "at+jwt", "application/at+jwt", "JWT", undef))
--- error_code eval
[(200) x 4, (401) x 5, 200, 200, 401, 401]
--- response_headers eval
[map { "X-Status: $_" } ("ok") x 4, ("token_use") x 4, "malformed", "ok", "ok",
                        "token_use", "token_use"]

=== TEST 4: sets without "kid", and tokens without
--- http_config eval
::fetched("one", "i4-one/nokid", "client_ids web")
. ::fetched("two", "i4-two/nokids", "client_ids web")
. ::fetched("named", "i4-named/main", "client_ids web")
. ::fetched("both", "i4-both/both", "client_ids web")
--- config
    add_header X-Status $social_auth_status always;
    location = /one { social_auth one; alias html/index.html; }
    location = /two { social_auth two; alias html/index.html; }
    location = /named { social_auth named; alias html/index.html; }
    location = /both { social_auth both; alias html/index.html; }
--- request eval
["GET /one", "GET /one", "GET /two", "GET /named", "GET /both", "GET /both"]
--- more_headers eval
my @none = (-header => { kid => undef });
::tokens([ @none ], [], [ @none ], [ @none ], [ @none ], [])
--- error_code eval
[200, 401, 401, 200, 401, 200]
--- response_headers eval
[map { "X-Status: $_" } qw( ok unknown_key unknown_key ok unknown_key ok )]

=== TEST 5: null is absent; one "kid" of several algorithms; a mark before it
--- http_config eval
::fetched("nulls", "i5-nulls/nulls", "client_ids web")
. ::fetched("keycloak", "i5-keycloak/keycloak", "client_ids web",
            "algorithms RS256 RS512")
. ::fetched("identity", "i5-identity/identity", "client_ids web")
--- config
    add_header X-Status $social_auth_status always;
    location = /nulls { social_auth nulls; alias html/index.html; }
    location = /keycloak { social_auth keycloak; alias html/index.html; }
    location = /identity { social_auth identity; alias html/index.html; }
    location = /scopes {
        social_auth nulls;
        social_auth_scopes any b;
        alias html/index.html;
    }
--- request eval
["GET /nulls", "GET /keycloak", "GET /keycloak", "GET /identity",
 "GET /scopes", "GET /scopes", "GET /scopes"]
--- more_headers eval
my $null = JSON::PP::null();
::tokens([ nbf => $null, iat => $null, jti => $null, aud => $null,
           scope => $null, username => $null ],
         [], [ -key => 'next', -header => { kid => 'main' } ], [],
         [ scope => [ 'a', 'b' ] ], [ scope => undef, scp => [ 'b' ] ],
         [ scope => $null, scp => 'a b' ])
--- error_code eval
[200, 200, 401, 200, 200, 200, 200]
--- response_headers eval
[map { "X-Status: $_" } qw( ok ok signature ok ok ok ok )]

=== TEST 6: a thousand keys
--- http_config eval
::fetched("many", "i6-many/thousand", "client_ids web", "jwks_max_keys 1000",
          "jwks_max_size 1m")
. ::fetched("fewer", "i6-fewer/thousand", "client_ids web",
            "jwks_max_keys 999", "jwks_max_size 1m")
--- config
    add_header X-Status $social_auth_status always;
    location = /index.html { social_auth many; }
    location = /fewer { social_auth fewer; alias html/index.html; }
--- request eval
["GET /index.html", "GET /fewer"]
--- more_headers eval
::tokens([], [])
--- error_code eval
[200, 503]
--- response_headers eval
[map { "X-Status: $_" } qw( ok no_keys )]
--- error_log
it has more usable keys than "jwks_max_keys" allows

=== TEST 7: the updated issuer of a pool is the same one
--- http_config eval
"    " . ::issuer_block("pool", "user_pool eu-west-1_AbCdEf123",
                        "jwks_uri $::Url/i7-pool/main", "client_ids web")
. "    " . ::issuer_block("derived", "user_pool eu-west-1_Derived",
                          "client_ids web", "jwks_timeout 300ms",
                          "jwks_cooldown 20s")
. "    " . ::issuer_block("file", "user_pool cn-north-1_File",
                          'jwks_file $TEST_NGINX_JWKS', "client_ids web")
--- config
    add_header X-Status $social_auth_status always;
    add_header X-Iss $social_issuer always;
    location = /index.html { social_auth pool; }
    location = /derived { social_auth derived; alias html/index.html; }
    location = /all { social_auth file derived pool; alias html/index.html; }
    location = /ready { social_ready; }
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html", "GET /index.html",
 "GET /all", "GET /all", "GET /all"]
--- more_headers eval
my $pool = 'amazonaws.com/eu-west-1_AbCdEf123';
my $file = 'amazonaws.com.cn/cn-north-1_File';
::tokens((map { [ iss => "https://$_" ] }
          "issuer-cognito-idp.eu-west-1.$pool", "cognito-idp.eu-west-1.$pool",
          "issuer-cognito-idp.eu-west-2.$pool",
          "issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other",
          "issuer-cognito-idp.eu-west-1.$pool",
          "issuer-cognito-idp.cn-north-1.$file", "cognito-idp.cn-north-1.$file"))
--- error_code eval
[200, 200, 401, 401, 200, 200, 200]
--- response_headers eval
my $pool = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123';
my $file = 'https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_File';
[(map { "X-Status: ok\nX-Iss: $_" } $pool, $pool),
 ("X-Status: issuer\n!X-Iss") x 2,
 (map { "X-Status: ok\nX-Iss: $_" } $pool, $file, $file)]

=== TEST 8: and its keys are fetched when such a token comes
--- http_config eval
"    " . ::issuer_block("derived", "user_pool eu-west-1_Derived",
                        "client_ids web", "jwks_timeout 300ms",
                        "jwks_cooldown 20s")
--- config
    location = /derived { social_auth derived; alias html/index.html; }
--- request
GET /derived
--- more_headers eval
::bearer(iss => "https://issuer-cognito-idp.eu-west-1.amazonaws.com/"
                . "eu-west-1_Derived")
--- error_code: 503
--- error_log eval
qr{\[warn\] .*could not load keys of issuer "derived" from "https://issuer-cognito-idp}
--- no_error_log eval
[qr{\[error\].*issuer-cognito-idp}]
