# CORS: the headers of every response that nginx can make, those of
# the upstream, Vary, and what is kept by redirects.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;

repeat_each(2);

plan tests => repeat_each() * 412;

# most blocks are about one cross-origin request

add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->more_headers || defined $block->raw_request;

    $block->set_value(more_headers => 'Origin: https://example.com');
});

no_long_string();
no_shuffle();

run_tests();

__DATA__

=== TEST 1: 404 of a file that is not there, 405, 301, 403 of a directory
--- config
    social_cors on;
    social_cors_origins https://example.com;
    root html;
--- user_files
>>> dir/a.txt
ok
--- request eval
["GET /none", "POST /dir/a.txt", "GET /dir", "GET /dir/"]
--- error_code eval
[404, 405, 301, 403]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 4]
--- no_error_log
[alert]
[emerg]



=== TEST 2: static files: 200, HEAD, 206, 416, 304, 412
--- config
    social_cors on;
    social_cors_origins https://example.com;
    root html;
--- user_files
>>> a.txt 202001010000.00
hello
--- request eval
["GET /a.txt", "HEAD /a.txt", "GET /a.txt", "GET /a.txt", "GET /a.txt",
 "GET /a.txt"]
--- more_headers eval
my $o = "Origin: https://example.com";
[$o, $o, "$o\nRange: bytes=0-1", "$o\nRange: bytes=100-",
 "$o\nIf-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT",
 "$o\nIf-Unmodified-Since: Tue, 01 Jan 2019 00:00:00 GMT"]
--- error_code eval
[200, 200, 206, 416, 304, 412]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 6]
--- no_error_log
[alert]
[emerg]



=== TEST 3: 413 of a location
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        client_max_body_size 1;
        proxy_pass http://127.0.0.1:1;
    }
--- request
POST /api
hello
--- error_code: 413
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 4: 414: no header was read, only one origin is possible
--- config
    social_cors on;
    social_cors_origins https://example.com;
    social_cors_credentials on;
--- raw_request eval
"GET /" . ("a" x 40000) . " HTTP/1.1\r\nHost: localhost\r\n"
. "Origin: https://example.com\r\n\r\n"
--- error_code: 414
--- response_headers
Access-Control-Allow-Origin: https://example.com
Access-Control-Allow-Credentials: true
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 5: 414: two origins are possible
--- config
    social_cors on;
    social_cors_origins https://example.com https://other.com;
--- raw_request eval
"GET /" . ("a" x 40000) . " HTTP/1.1\r\nHost: localhost\r\n"
. "Origin: https://example.com\r\n\r\n"
--- error_code: 414
--- response_headers
!Access-Control-Allow-Origin
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 6: 414: a wildcard is not an origin that can be sent
--- config
    social_cors on;
    social_cors_origins https://*.example.com;
--- raw_request eval
"GET /" . ("a" x 40000) . " HTTP/1.1\r\nHost: localhost\r\n\r\n"
--- error_code: 414
--- response_headers
!Access-Control-Allow-Origin
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 7: 414: any origin
--- config
    social_cors on;
    social_cors_origins *;
--- raw_request eval
"GET /" . ("a" x 40000) . " HTTP/1.1\r\nHost: localhost\r\n\r\n"
--- error_code: 414
--- response_headers
Access-Control-Allow-Origin: *
!Vary
--- no_error_log
[alert]
[emerg]



=== TEST 8: 494: the origin came before the header that is too large
--- config
    social_cors on;
    social_cors_origins https://example.com https://other.com;
--- raw_request eval
"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://other.com\r\n"
. "X-A: " . ("a" x 40000) . "\r\n\r\n"
--- error_code: 400
--- response_headers
Access-Control-Allow-Origin: https://other.com
Vary: Origin
--- response_body_like: Request Header Or Cookie Too Large
--- no_error_log
[alert]
[emerg]



=== TEST 9: 494: it would have come after
--- config
    social_cors on;
    social_cors_origins https://example.com;
--- raw_request eval
"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " . ("a" x 40000)
. "\r\nOrigin: https://example.com\r\n\r\n"
--- error_code: 400
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- response_body_like: Request Header Or Cookie Too Large
--- no_error_log
[alert]
[emerg]



=== TEST 10: 400: an invalid request line
--- config
    social_cors on;
    social_cors_origins https://example.com;
--- raw_request eval
"GET / HTTP/x\r\nHost: localhost\r\nOrigin: https://example.com\r\n\r\n"
--- error_code: 400
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 11: 400: no Host, all headers read, another origin
--- config
    social_cors on;
    social_cors_origins https://example.com;
--- raw_request eval
"GET / HTTP/1.1\r\nOrigin: https://evil.com\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- response_headers
!Access-Control-Allow-Origin
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 12: 505
--- config
    social_cors on;
    social_cors_origins https://example.com;
--- raw_request eval
"GET / HTTP/9.0\r\nHost: localhost\r\nOrigin: https://example.com\r\n\r\n"
--- error_code: 505
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 13: 500, 502, 503 of a limit, 401
--- http_config
    limit_req_zone $uri zone=one:1m rate=1r/m;
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location /500 { try_files /none /500/again; }
    location /502 { proxy_pass http://127.0.0.1:1; }
    location /503 { limit_req zone=one; root html; }
    location /401 { auth_basic x; auth_basic_user_file none; root html; }
    location /401b { return 401; }
--- request eval
["GET /500", "GET /502", "GET /503", "GET /401", "GET /401b"]
--- error_code_like eval
["500", "502", "404|503", "401", "401"]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 5]
--- no_error_log
[alert]
[emerg]



=== TEST 14: 504
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_read_timeout 100ms;
        # a body that never comes is waited for
        proxy_set_header Content-Length 100;
        proxy_pass_request_body off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up { proxy_pass http://127.0.0.1:1; }
--- request
GET /api
--- error_code: 504
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 15: the upstream's six headers are dropped, in any spelling
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up {
        add_header Access-Control-Allow-Origin *;
        add_header access-control-allow-origin https://evil.com;
        add_header ACCESS-CONTROL-ALLOW-CREDENTIALS true;
        add_header Access-Control-Allow-Methods TRACE;
        add_header Access-Control-Allow-Headers X-Up;
        add_header Access-Control-Expose-Headers X-Up;
        add_header Access-Control-Max-Age 1;
        add_header Access-Control-Allow-Origin-Not kept;
        add_header X-Up kept;
        return 200 "up\n";
    }
--- request
GET /api
--- response_headers
Access-Control-Allow-Origin: https://example.com
!Access-Control-Allow-Credentials
!Access-Control-Allow-Methods
!Access-Control-Allow-Headers
!Access-Control-Expose-Headers
!Access-Control-Max-Age
Access-Control-Allow-Origin-Not: kept
X-Up: kept
Vary: Origin
--- response_body
up
--- no_error_log
[alert]
[emerg]



=== TEST 16: they are dropped for an origin that is not listed, too
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up {
        add_header Access-Control-Allow-Origin https://evil.com always;
        add_header Access-Control-Allow-Credentials true always;
        return 404 "up\n";
    }
--- request eval
["GET /api", "GET /api"]
--- more_headers eval
["Origin: https://evil.com", "X-Nothing: 1"]
--- error_code eval
[404, 404]
--- response_headers eval
[("!Access-Control-Allow-Origin\n!Access-Control-Allow-Credentials\n"
  . "Vary: Origin") x 2]
--- response_body eval
["up\n", "up\n"]
--- no_error_log
[alert]
[emerg]



=== TEST 17: where it is off, the upstream's headers are passed
--- config
    location /on { social_cors on; social_cors_origins https://a.com; }
    location /api {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up {
        add_header Access-Control-Allow-Origin https://b.com;
        add_header Vary Accept;
        return 200 "up\n";
    }
--- request
GET /api
--- response_headers
Access-Control-Allow-Origin: https://b.com
Vary: Accept
--- response_body
up
--- no_error_log
[alert]
[emerg]



=== TEST 18: an upstream that answers plain OPTIONS
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up {
        add_header Allow GET;
        add_header Access-Control-Allow-Origin *;
        return 204;
    }
--- request
OPTIONS /api
--- error_code: 204
--- response_headers
Allow: GET
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 19: Vary is merged into the upstream's
--- config
    location ~ ^/api/(\w+) {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/$1;
    }
    location /up/one { add_header Vary Accept; return 200; }
    location /up/same { add_header Vary Origin; return 200; }
    location /up/case { add_header Vary "Accept,ORIGIN"; return 200; }
    location /up/part { add_header Vary "X-Origin"; return 200; }
    location /up/star { add_header Vary *; return 200; }
    location /up/two {
        add_header Vary Accept;
        add_header vary Accept-Language;
        return 200;
    }
    location /up/late {
        add_header Vary Accept;
        add_header Vary "A, Origin";
        return 200;
    }
    location /up/none { return 200; }
--- request eval
[map { "GET /api/$_" } qw(one same case part star two late none)]
--- more_headers eval
["X-Nothing: 1", ("Origin: https://example.com") x 7]
--- response_headers eval
[map { "Vary: $_" } "Accept, Origin", "Origin", "Accept,ORIGIN",
 "X-Origin, Origin", "*", "Accept, Origin, Accept-Language",
 "Accept, A, Origin", "Origin"]
--- no_error_log
[alert]
[emerg]



=== TEST 20: one line with that of gzip_vary
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location /t {
        gzip on;
        gzip_vary on;
        gzip_min_length 1;
        gzip_types text/plain;
        default_type text/plain;
        return 200 "hello hello hello hello hello hello\n";
    }
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Accept-Encoding: gzip\nOrigin: https://example.com",
 "Origin: https://example.com"]
--- response_headers eval
["Content-Encoding: gzip\nVary: Origin, Accept-Encoding\n"
 . "Access-Control-Allow-Origin: https://example.com",
 "!Content-Encoding\nVary: Origin, Accept-Encoding\n"
 . "Access-Control-Allow-Origin: https://example.com"]
--- no_error_log
[alert]
[emerg]



=== TEST 21: cached responses do not belong to one origin
--- http_config
    proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=cache:1m;
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com https://other.com;
        proxy_cache cache;
        proxy_cache_valid 1m;
        add_header X-Cache $upstream_cache_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up {
        add_header Access-Control-Allow-Origin https://example.com;
        return 200 "up\n";
    }
--- request eval
["GET /api", "GET /api", "GET /api"]
--- more_headers eval
["Origin: https://example.com", "Origin: https://other.com",
 "Origin: https://evil.com"]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://other.com\nVary: Origin\nX-Cache: HIT",
 "!Access-Control-Allow-Origin\nVary: Origin\nX-Cache: HIT"]
--- no_error_log
[alert]
[emerg]



=== TEST 22: error_page keeps the headers of the location that failed
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        error_page 502 /error.html;
        error_page 404 =200 /page;
        location /api/502 { proxy_pass http://127.0.0.1:1; }
        location /api/404 { return 404; }
    }
    location = /error.html { root html; }
    location = /page { return 200 "page\n"; }
--- user_files
>>> error.html
sorry
--- request eval
["GET /api/502", "GET /api/404"]
--- error_code eval
[502, 200]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 2]
--- response_body eval
["sorry\n", "page\n"]
--- no_error_log
[alert]
[emerg]



=== TEST 23: unless the error page has its own settings
--- config
    error_page 404 /own;
    error_page 403 /off;
    error_page 410 /inner/own;
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        location /api/404 { return 404; }
        location /api/403 { return 403; }
        location /api/410 { return 410; }
    }
    location = /own {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_expose X-Own;
        return 200;
    }
    location = /off { social_cors off; return 200; }
    location /inner {
        social_cors on;
        social_cors_origins https://other.com;
        location /inner/own { return 200; }
    }
--- request eval
["GET /api/404", "GET /api/403", "GET /api/410"]
--- error_code eval
[404, 403, 410]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com\n"
 . "Access-Control-Expose-Headers: X-Own",
 "!Access-Control-Allow-Origin\n!Vary",
 "!Access-Control-Allow-Origin\nVary: Origin"]
--- no_error_log
[alert]
[emerg]



=== TEST 24: a location that is off stays off in the server's error page
--- config
    social_cors on;
    social_cors_origins https://example.com;
    error_page 404 /error.html;
    location /private { social_cors off; return 404; }
    location /api { return 404; }
    location = /error.html { root html; }
--- user_files
>>> error.html
sorry
--- request eval
["GET /private", "GET /api"]
--- error_code eval
[404, 404]
--- response_headers eval
["!Access-Control-Allow-Origin\n!Vary",
 "Access-Control-Allow-Origin: https://example.com\nVary: Origin"]
--- response_body eval
["sorry\n", "sorry\n"]
--- no_error_log
[alert]
[emerg]



=== TEST 25: error pages that are named locations, redirects, and none at all
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        recursive_error_pages on;
        error_page 404 @named;
        error_page 403 https://other.com/;
        error_page 410 /none;
        location /api/404 { return 404; }
        location /api/403 { return 403; }
        location /api/410 { return 410; }
    }
    location @named { return 200 "named\n"; }
    location = /none { root html; }
--- request eval
["GET /api/404", "GET /api/403", "GET /api/410"]
--- error_code eval
[404, 302, 404]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 3]
--- no_error_log
[alert]
[emerg]



=== TEST 26: a refused preflight with an error page is still refused
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        error_page 403 /error.html;
    }
    location = /error.html { root html; }
--- user_files
>>> error.html
sorry
--- request
OPTIONS /api
--- more_headers
Origin: https://evil.com
Access-Control-Request-Method: PUT
--- error_code: 403
--- response_headers
!Access-Control-Allow-Origin
!Access-Control-Allow-Methods
Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
--- response_body
sorry
--- no_error_log
[alert]
[emerg]



=== TEST 27: try_files, index, rewrite, X-Accel-Redirect
--- config
    location /named {
        social_cors on;
        social_cors_origins https://example.com;
        try_files /none @named;
    }
    location @named { return 200 "named\n"; }
    location /try {
        social_cors on;
        social_cors_origins https://example.com;
        try_files /none /page;
    }
    location /dir/ {
        social_cors on;
        social_cors_origins https://example.com;
        root html;
        index i.html;
    }
    location = /dir/i.html { social_cors off; root html; }
    location /rewrite {
        social_cors on;
        social_cors_origins https://example.com;
        rewrite ^ /page last;
    }
    location /accel {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location = /up { add_header X-Accel-Redirect /page; return 200; }
    location = /page { return 200 "page\n"; }
--- user_files
>>> dir/i.html
index
--- request eval
["GET /named", "GET /try", "GET /dir/", "GET /rewrite", "GET /accel"]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 2,
 "!Access-Control-Allow-Origin\n!Vary",
 ("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 2]
--- response_body eval
["named\n", "page\n", "index\n", "page\n", "page\n"]
--- no_error_log
[alert]
[emerg]



=== TEST 28: a preflight of a location that has moved
--- config
    location /old { rewrite ^ /api last; }
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_methods PUT;
        return 200;
    }
--- request
OPTIONS /old
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://example.com
Access-Control-Allow-Methods: PUT
--- no_error_log
[alert]
[emerg]



=== TEST 29: limit_except, whose preflights are answered
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        limit_except GET { deny all; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up { return 200 "up\n"; }
--- request eval
["GET /api", "PUT /api", "OPTIONS /api", "OPTIONS /api"]
--- more_headers eval
my $o = "Origin: https://example.com";
[$o, $o, $o, "$o\nAccess-Control-Request-Method: PUT"]
--- error_code eval
[200, 403, 403, 204]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://example.com"]
--- no_error_log
[alert]
[emerg]



=== TEST 30: if in a location
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        if ($arg_a) { return 402; }
        if ($arg_b) { set $c 1; }
        root html;
    }
--- user_files
>>> api/a.txt
ok
--- request eval
["GET /api/a.txt?a=1", "GET /api/a.txt?b=1", "OPTIONS /api/a.txt?a=1"]
--- more_headers eval
my $o = "Origin: https://example.com";
[$o, $o, "$o\nAccess-Control-Request-Method: PUT"]
--- error_code eval
[402, 200, 204]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com") x 3]
--- no_error_log
[alert]
[emerg]



=== TEST 31: an internal location, requested from outside
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        internal;
    }
--- request
GET /api
--- error_code: 404
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 32: HTTP/1.0, and a return with a body, a redirect, nothing
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location /200 { return 200 "x"; }
    location /302 { return 302 /x; }
    location /204 { return 204; }
    location /201 { return 201 ""; }
--- request eval
["GET /200 HTTP/1.0", "GET /302", "GET /204", "GET /201"]
--- error_code eval
[200, 302, 204, 201]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\nVary: Origin") x 4]
--- no_error_log
[alert]
[emerg]



=== TEST 33: HTTP/0.9 has no headers
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location = /t { return 200 "x\n"; }
--- raw_request eval
"GET /t\r\n"
--- http09
--- response_body
x
--- no_error_log
[alert]
[emerg]



=== TEST 34: errors in JSON
--- config
    social_json_errors on;
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_expose X-Request-Id;
        root html;
    }
--- request
GET /api/none
--- error_code: 404
--- response_headers
Access-Control-Allow-Origin: https://example.com
Access-Control-Expose-Headers: X-Request-Id
Content-Type: application/json
Vary: Origin
--- response_body_like: ^\{"message":"Not Found"
--- no_error_log
[alert]
[emerg]



=== TEST 35: 401 of social_auth, and a preflight without a token
--- http_config
    social_issuer pool {
        issuer https://issuer.example;
        jwks_file $TEST_NGINX_HTML_DIR/jwks.json;
        client_ids app;
    }
--- config
    location /api {
        social_auth pool;
        social_cors on;
        social_cors_origins https://example.com;
        root html;
    }
--- user_files
>>> jwks.json
{"keys":[{"kty":"RSA","kid":"a","use":"sig","alg":"RS256","e":"AQAB",
"n":"u1osighP8RctXD9lNtXpCfRNx6INaN1LEogs74RnfsYuMOcJEJ42LqMWFIK7ibRs-Ina5-hkRbZAQhKrffJaAmepJgekUib-4cpEzC1PPW_4OgTmtRrMCOcQf64jDMfiQzSNyY2ni9gKaGa-RrxDg0JXZV-LdCB8-QUpZlVUTenIhccIdRJQBvTGxQuynGi--4QVZw3kARGGZ8eBzlEwWjvoEJaukOfA31jrSb-Fw5G9FIhN5uZOPnYMxeI387uVqq4ftYndoqEA1aGtwjJZmqAv2A77APRUKjOsgTmDX9UJftDZPm9qMVg4DWBubHOWAzwjnT17HVGUZRwOONPvuw"}]}
--- request eval
["GET /api/x", "GET /api/x", "OPTIONS /api/x"]
--- more_headers eval
my $o = "Origin: https://example.com";
[$o, "$o\nAuthorization: Bearer a.b.c",
 "$o\nAccess-Control-Request-Method: PUT\n"
 . "Access-Control-Request-Headers: authorization"]
--- error_code eval
[401, 401, 204]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://example.com\n"
 . "Access-Control-Allow-Headers: Authorization, Content-Type"]
--- no_error_log
[alert]
[emerg]
