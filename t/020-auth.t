# "social_auth": which requests are allowed, and how the others are answered.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite(
    http_config => $http_config,
    config => <<'_EOC_',
    add_header X-Status $social_auth_status always;
    root $TEST_NGINX_HTML_DIR;
    location /api/ {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /index.html { social_auth main; }
    location = /terse {
        social_auth main;
        social_auth_error_detail off;
        try_files /index.html =404;
    }
_EOC_
    log_level => 'info');

repeat_each(2);
plan tests => repeat_each() * 793;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a good token, for a file and for a backend
--- request eval
["GET /index.html", "HEAD /index.html", "GET /api/x", "POST /api/x\nhello"]
--- more_headers eval
::tokens([], [], [], [])
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[("!WWW-Authenticate\nX-Status: ok") x 4]
--- response_body_like eval
["It works", '^$', "GET /api/x", "hello"]

=== TEST 2: no token
--- request eval
["GET /index.html", "GET /api/x", "HEAD /api/x", "POST /api/x\nhello",
 "OPTIONS /api/x", "GET /terse"]
--- error_code eval
[(401) x 6]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"api\"\nContent-Type: application/json\n"
  . "X-Status: none") x 6]
--- response_body_like eval
[(q({"message":"Unauthorized","requestId":"[0-9a-f]{32}"}$)) x 2, '^$',
 (q({"message":"Unauthorized","requestId":"[0-9a-f]{32}"}$)) x 3]
--- no_error_log
[alert]
[emerg]
[crit]
[error]
refused

=== TEST 3: the scheme in any case, and spaces
--- request eval
[("GET /index.html") x 5]
--- more_headers eval
[map { "Authorization: $_" . ::token() } "bearer ", "BEARER ", "bEaReR ",
 "Bearer    ", "  Bearer "]
--- error_code eval
[(200) x 5]

=== TEST 4: other schemes are not tokens
--- request eval
[("GET /index.html") x 5]
--- more_headers eval
["Authorization: Basic YTpi", "Authorization: Digest a", "Authorization:",
 "Authorization: Bearertoken", "Authorization: " . ::token()]
--- error_code eval
[(401) x 5]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"api\"") x 5]

=== TEST 5: a script without a token sends "Bearer undefined" and the like
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
["Authorization: Bearer null", "Authorization: Bearer undefined"]
--- error_code eval
[401, 401]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"api\"") x 2]

=== TEST 6: malformed tokens
--- request eval
[("GET /index.html") x 6]
--- more_headers eval
[map { "Authorization: Bearer$_" } "", " ", " x", " a.b.c", " Null",
 " " . ::token() . " x"]
--- error_code eval
[(401) x 6]
--- response_headers eval
[(q(WWW-Authenticate: Bearer realm="api", error="invalid_token", )
  . qq(error_description="the token is malformed"\nX-Status: malformed)) x 6]

=== TEST 7: two Authorization headers are refused by nginx
--- request
GET /index.html
--- more_headers eval
::bearer() . "\n" . ::bearer()
--- error_code: 400
--- no_error_log
[alert]
[emerg]

=== TEST 8: expired, not yet valid
--- request eval
[("GET /index.html") x 4]
--- more_headers eval
::tokens([ exp => time - 40 ], [ nbf => time + 3600 ], [ iat => time + 3600 ],
         [ exp => 0 ])
--- error_code eval
[(401) x 4]
--- response_headers_like eval
my $expired = qq(WWW-Authenticate: .*error_description="the token has )
              . qq(expired"\nX-Status: expired);
my $early = qq(WWW-Authenticate: .*error_description="the token is not )
            . qq(valid yet"\nX-Status: not_yet_valid);
[$expired, $early, $early, $expired]
--- error_log eval
qr/\[info\] .* social: token refused: (?:expired|not_yet_valid), kid: "main", issuer: "main"/

=== TEST 9: the leeway, and that of a token which ended a while ago
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_file $ENV{TEST_NGINX_JWKS}") . "
    " . ::issuer_block("late", "issuer $::issuer", "client_ids web",
                       "jwks_file $ENV{TEST_NGINX_JWKS}", "leeway 5m")
--- config
    location = /index.html { social_auth main; root html; }
    location = /late/index.html { social_auth late; alias html/index.html; }
--- request eval
["GET /late/index.html", ("GET /index.html") x 2]
--- more_headers eval
::tokens([ exp => time - 15 ], [ nbf => time + 25 ], [ iat => time + 25 ])
--- error_code eval
[(200) x 3]

=== TEST 10: no leeway
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_file $ENV{TEST_NGINX_JWKS}", "leeway 0")
--- config
    location = /index.html { social_auth main; root html; }
--- request eval
[("GET /index.html") x 3]
--- more_headers eval
::tokens([ exp => time - 1 ], [ nbf => time + 3600 ],
         [ exp => time + 3600 ])
--- error_code eval
[401, 401, 200]

=== TEST 11: claims of a wrong type, or none
--- request eval
[("GET /index.html") x 13]
--- more_headers eval
::tokens([ exp => undef ], [ exp => '99999999999' ], [ exp => [] ],
         [ exp => -1 ], [ sub => [ 'a' ] ], [ sub => JSON::PP::false ],
         [ sub => 7 ],
         [ sub => "a\x01b" ], [ nbf => 'now' ], [ iat => {} ],
         [ scope => { a => 1 } ], [ jti => 7 ], [ aud => [ 'a', 7 ] ])
--- error_code eval
[(401) x 13]
--- response_headers eval
[(q(WWW-Authenticate: Bearer realm="api", error="invalid_token", )
  . q(error_description="the token lacks a claim or one is of a wrong type")
  . "\nX-Status: claims") x 13]

=== TEST 12: another issuer, client or use
--- request eval
[("GET /index.html") x 7]
--- more_headers eval
::tokens([ iss => 'https://evil.example' ], [ iss => "$::issuer/" ],
         [ iss => 'https://other.example.com', -key => 'other' ],
         [ client_id => 'admin' ], [ client_id => undef ],
         [ token_use => 'id', aud => 'web' ], [ token_use => undef ])
--- error_code eval
[(401) x 7]
--- response_headers_like eval
[map { qq(WWW-Authenticate: .*error_description="the token$_->[1]"\n)
       . "X-Status: $_->[0]" }
 ([ issuer => "'s issuer is not accepted" ]) x 3,
 ([ client => "'s client is not accepted" ]) x 2,
 ([ token_use => " is not for this use" ]) x 2]

=== TEST 13: another key, no key, a wrong kid, and none where there is one key
--- request eval
[("GET /index.html") x 5]
--- more_headers eval
::tokens([ -key => 'forged' ], [ -key => 'next' ],
         [ -header => { kid => 'MAIN' } ], [ -header => { kid => undef } ],
         [ -header => { kid => 7 } ])
--- error_code eval
[(401) x 3, 200, 401]
--- response_headers_like eval
[(map { qq(WWW-Authenticate: .*error_description="the token$_->[1]"\n)
       . "X-Status: $_->[0]" }
 [ signature => "'s signature is invalid" ],
 ([ unknown_key => "'s key is not known" ]) x 2),
 'X-Status: ok',
 qq(WWW-Authenticate: .*error_description="the token is malformed"\n)
 . 'X-Status: malformed']

=== TEST 14: an altered payload and header
--- request eval
[("GET /index.html") x 2]
--- more_headers eval
[map { "Authorization: Bearer $_" }
 do { my @p = split /\./, ::token();
      (CORE::join('.', $p[0], ::b64(::payload_text(sub => 'root')), $p[2]),
       CORE::join('.', ::b64(::header_text(typ => 'jwt')), @p[1, 2])) }]
--- error_code eval
[401, 401]
--- response_headers_like eval
[(q(WWW-Authenticate: .*"the token's signature is invalid")) x 2]

=== TEST 15: no detail
--- request eval
["GET /terse", "GET /terse", "GET /terse"]
--- more_headers eval
::tokens([ exp => 1 ], [ -key => 'forged' ], [])
--- error_code eval
[401, 401, 200]
--- response_headers eval
[(map { qq(WWW-Authenticate: Bearer realm="api", error="invalid_token"\n)
        . "X-Status: $_" } qw( expired signature )), "!WWW-Authenticate"]

=== TEST 16: several issuers, each with its own key and rules
--- config
    location = /index.html { social_auth main other; root html; }
--- request eval
[("GET /index.html") x 6]
--- more_headers eval
::tokens([], [ iss => 'https://other.example.com', -key => 'other' ],
         [ iss => 'https://other.example.com' ], [ -key => 'other' ],
         [ iss => 'https://other.example.com', -key => 'other',
           token_use => undef, client_id => 'x' ],
         [ iss => 'https://third.example.com' ])
--- error_code eval
[200, 200, 401, 401, 200, 401]

=== TEST 17: id tokens and audiences
--- http_config eval
"    " . ::issuer_block("id", "issuer $::issuer", "client_ids web app",
                        "jwks_file $ENV{TEST_NGINX_JWKS}", "token_use id")
. "    " . ::issuer_block("aud", "issuer $::issuer", "audiences a b",
                        "jwks_file $ENV{TEST_NGINX_JWKS}")
. "    " . ::issuer_block("any", "issuer $::issuer", "client_ids web",
                        "jwks_file $ENV{TEST_NGINX_JWKS}", "token_use any")
--- config
    root html;
    location /id/ { social_auth id; try_files /index.html =404; }
    location /aud/ { social_auth aud; try_files /index.html =404; }
    location /any/ { social_auth any; try_files /index.html =404; }
--- request eval
["GET /id/1", "GET /id/2", "GET /id/3", "GET /id/4",
 "GET /aud/1", "GET /aud/2", "GET /aud/3",  "GET /aud/4",
 "GET /any/1", "GET /any/2", "GET /any/3", "GET /any/4", "GET /any/5"]
--- more_headers eval
::tokens([ token_use => 'id', aud => 'app' ],
         [ token_use => 'id', aud => [ 'x', 'web' ] ],
         [ token_use => 'id', aud => 'x' ], [],
         [ aud => 'a' ], [ aud => [ 'x', 'b' ] ], [ aud => 'a b' ], [],
         [], [ token_use => 'id', aud => 'web' ],
         [ token_use => 'id', aud => 'x' ],
         [ token_use => undef, client_id => undef, aud => [ 'web' ] ],
         [ token_use => 'refresh', aud => 'web' ])
--- error_code eval
[200, 401, 401, 401, 200, 200, 401, 401, 200, 200, 401, 200, 401]

=== TEST 18: scopes, any and all
--- config
    root html;
    location /any {
        social_auth main;
        social_auth_scopes any photos/write admin;
        try_files /index.html =404;
    }
    location /all {
        social_auth main;
        social_auth_scopes all photos/read photos/write;
        try_files /index.html =404;
    }
--- request eval
["GET /any", "GET /any", "GET /any", "GET /any", "GET /all", "GET /all",
 "GET /all", "GET /all"]
--- more_headers eval
::tokens([ scope => 'photos/write' ], [ scope => 'x admin y' ],
         [ scope => 'photos/writer photos' ], [ scope => undef ],
         [], [ scope => 'photos/read' ], [ scope => '' ],
         [ scope => undef, scp => [ 'photos/write', 'photos/read' ] ])
--- error_code eval
[200, 200, 403, 403, 200, 403, 403, 200]
--- response_headers eval
my $d = 'the token lacks a scope or group';
my $h = qq(WWW-Authenticate: Bearer realm="api", error="insufficient_scope", )
        . qq(error_description="$d", scope=);
[("!WWW-Authenticate") x 2, ($h . '"photos/write admin"') x 2,
 "!WWW-Authenticate", ($h . '"photos/read photos/write"') x 2,
 "!WWW-Authenticate"]
--- response_body_like eval
[("It works") x 2, ('{"message":"Forbidden","requestId":') x 2, "It works",
 ('{"message":"Forbidden","requestId":') x 2, "It works"]

=== TEST 19: groups, any and all, and another claim
--- config
    root html;
    location /any {
        social_auth main;
        social_auth_groups any staff admin;
        try_files /index.html =404;
    }
    location /all {
        social_auth main;
        social_auth_groups all staff admin;
        social_auth_error_detail off;
        try_files /index.html =404;
    }
    location /roles {
        social_auth main;
        social_auth_groups any editor;
        social_auth_groups_claim roles;
        try_files /index.html =404;
    }
--- request eval
["GET /any", "GET /any", "GET /any", "GET /all", "GET /all", "GET /roles",
 "GET /roles", "GET /roles"]
--- more_headers eval
::tokens([], [ 'cognito:groups' => [ 'Staff', 'ad', 'a dmin' ] ],
         [ 'cognito:groups' => undef ],
         [ 'cognito:groups' => [ 'admin', 'x', 'staff' ] ], [],
         [ roles => [ 'editor' ] ], [ roles => 'editor' ], [])
--- error_code eval
[200, 403, 403, 200, 403, 200, 200, 403]
--- response_headers eval
["!WWW-Authenticate", "!X", "!X", "!X",
 'WWW-Authenticate: Bearer realm="api", error="insufficient_scope"', "!X",
 "!X", "!X"]

=== TEST 20: scopes and groups together
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_scopes any photos/read;
        social_auth_groups any staff;
    }
--- request eval
[("GET /index.html") x 4]
--- more_headers eval
::tokens([], [ scope => 'x' ], [ 'cognito:groups' => [] ], [ exp => 1 ])
--- error_code eval
[200, 403, 403, 401]

=== TEST 21: optional
--- config
    location = /index.html { root html; social_auth main optional; }
--- request eval
[("GET /index.html") x 6]
--- more_headers eval
["X: y", "Authorization: Bearer null", "Authorization: Basic YTpi",
 "Authorization: Bearer x", ::bearer(exp => 1), ::bearer()]
--- error_code eval
[200, 200, 200, 401, 401, 200]

=== TEST 22: optional, and scopes of those who have a token
--- config
    location = /index.html {
        root html;
        social_auth main optional;
        social_auth_scopes any admin;
    }
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
["X: y", ::bearer()]
--- error_code eval
[200, 403]

=== TEST 23: lenient
--- config
    location = /index.html {
        root html;
        add_header X-Status $social_auth_status;
        add_header X-Sub $social_sub;
        social_auth main optional=lenient;
    }
--- request eval
[("GET /index.html") x 5]
--- more_headers eval
["X: y", "Authorization: Bearer x", ::bearer(exp => 1),
 ::bearer(-key => 'forged'), ::bearer()]
--- error_code eval
[(200) x 5]
--- response_headers eval
[(map { "!X-Sub\nX-Status: $_" } qw( none malformed expired signature )),
 "X-Sub: c0ffee00-1234-4abc-8def-000000000001\nX-Status: ok"]

=== TEST 24: inheritance, and off
--- http_config eval
"$::http_config    social_auth main; social_auth_scopes any admin;\n"
--- config
    root html;
    location = /index.html { }
    location /off/ { social_auth off; alias html/; }
    location /other/ { social_auth other; alias html/; }
    location /own/ {
        social_auth_scopes any photos/read;
        alias html/;
        location /own/off/ { social_auth off; alias html/; }
        location /own/in/ { alias html/; }
    }
--- request eval
["GET /index.html", "GET /index.html", "GET /off/index.html",
 "GET /off/index.html", "GET /other/index.html", "GET /own/index.html",
 "GET /own/index.html", "GET /own/off/index.html", "GET /own/in/index.html",
 "GET /own/in/index.html"]
--- more_headers eval
["X: y", ::bearer(), "X: y", "Authorization: Bearer x", ::bearer(), "X: y",
 ::bearer(), "X: y", ::bearer(), "X: y"]
--- error_code eval
[401, 403, 200, 200, 401, 401, 200, 200, 200, 401]

=== TEST 25: inheritance from a server, and an if
--- config
    social_auth main;
    root html;
    location = /index.html {
        if ($arg_a) { set $b $arg_a; }
        if ($arg_c) { expires 1h; }
    }
--- request eval
["GET /index.html", "GET /index.html?a=1", "GET /index.html?c=1",
 "GET /index.html?c=1", "GET /no-such-file", "GET /"]
--- more_headers eval
["X: y", "X: y", "X: y", ::bearer(), "X: y", "X: y"]
--- error_code eval
[401, 401, 401, 200, 401, 401]

=== TEST 26: a refused body, and the next request of the connection
--- config
    root html;
    location /api/ {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /index.html { social_auth main; }
--- pipelined_requests eval
["POST /api/x\n" . "GET /index.html HTTP/1.1\r\n" x 100, "GET /index.html",
 "PUT /api/x\n" . "x" x 40000, "GET /api/last"]
--- more_headers eval
["X: y", ::bearer(), ::bearer(exp => 1), ::bearer()]
--- error_code eval
[401, 200, 401, 200]
--- response_body_like eval
["Unauthorized", "It works", "Unauthorized", "GET /api/last"]

=== TEST 27: refused with a chunked body, and with Expect
--- request eval
["POST /api/x\n5\r\nhello\r\n0\r\n\r\n", "POST /api/x\nhello"]
--- more_headers eval
["Transfer-Encoding: chunked", "Expect: 100-continue"]
--- error_code eval
[401, 401]
--- response_body_like eval
[('^{"message":"Unauthorized","requestId":"\w+"}$') x 2]

=== TEST 28: HTTP/1.0
--- request eval
["GET /index.html HTTP/1.0", "GET /index.html HTTP/1.0"]
--- more_headers eval
["X: y", ::bearer()]
--- error_code eval
[401, 200]
--- response_body_like eval
['^{"message":"Unauthorized"', "It works"]

=== TEST 29: nothing of one request is left for the next one
--- config
    location = /index.html {
        root html;
        social_auth main optional;
        add_header X-Sub $social_sub;
    }
--- pipelined_requests eval
[("GET /index.html") x 5]
--- more_headers eval
[::bearer(sub => 'a'), "X: y", ::bearer(sub => 'b'), ::bearer(exp => 1),
 "X: y"]
--- error_code eval
[200, 200, 200, 401, 200]
--- response_headers eval
["X-Sub: a", "!X-Sub", "X-Sub: b", "!X-Sub", "!X-Sub"]

=== TEST 30: arguments and the Referer stay out of the error log
--- request eval
["GET /a.txt?token=SECRET", "GET /index.html?token=SECRET"]
--- more_headers eval
["Referer: http://localhost/?code=SECRET",
 ::bearer(exp => 1) . "\nReferer: http://localhost/?code=SECRET"]
--- error_code eval
[404, 401]
--- no_error_log
[alert]
[emerg]
[crit]
SECRET
eyJ
