# "social_json_errors": nginx's own error pages as JSON, and no others.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

our $Backend = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";

sub json {
    my ($message) = @_;

    return qr/\A\{"message":"$message","requestId":"[0-9a-f]{32}"\}\z/;
}

suite(http_config => $http_config, log_level => 'info',
      no_error_log => "[alert]\n[emerg]", config => <<'_EOC_');
    social_json_errors on;
    root $TEST_NGINX_HTML_DIR;
    location /api/ { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/; }
    location /gone/ { proxy_pass http://127.0.0.1:1/; }
    location /hang { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
                     proxy_read_timeout 100ms; }
    location /deny { deny all; }
    location /post { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
                     client_max_body_size 10; }
    location /loop { rewrite ^ /loop last; }
    location /418 { return 418; }
    location /410 { return 410; }
    location /text { return 404 "a text"; }
    location /none { return 404 ""; }
    location /503 { return 503; }
    location /444 { return 444; }
    location /try { try_files /none /gone/; }
    location /basic { auth_basic api; auth_basic_user_file /dev/null; }
    location /302 { return 302 /x; }
_EOC_

repeat_each(2);
plan tests => repeat_each() * 454;
no_long_string();
run_tests();

__DATA__

=== TEST 1: nginx's own errors
--- request eval
["GET /no-such-file", "GET /deny", "POST /index.html", "POST /post\n12345678901",
 "GET /loop", "GET /gone/", "GET /hang", "GET /410", "GET /503", "GET /418",
 "GET /try", "GET /basic", "GET /nosuchdir/"]
--- error_code eval
[404, 403, 405, 413, 500, 502, 504, 410, 503, 418, 502, 401, 404]
--- response_headers eval
[("Content-Type: application/json") x 13]
--- response_body_like eval
[map { ::json($_) } 'Not Found', 'Forbidden', 'Method Not Allowed',
 'Request Entity Too Large', 'Internal Server Error', 'Bad Gateway',
 'Gateway Timeout', 'Gone', 'Service Unavailable', 'Error', 'Bad Gateway',
 'Unauthorized', 'Not Found']

=== TEST 2: the length is that of the body
--- request eval
["GET /no-such-file", "GET /418"]
--- error_code eval
[404, 418]
--- response_headers eval
["Content-Length: 70", "Content-Length: 66"]
--- response_body_filters
length
--- response_body eval
[70, 66]

=== TEST 3: HEAD says what GET would
--- request eval
["HEAD /no-such-file", "HEAD /418", "HEAD /gone/"]
--- error_code eval
[404, 418, 502]
--- response_headers eval
["Content-Type: application/json\nContent-Length: 70",
 "Content-Type: application/json\nContent-Length: 66",
 "Content-Type: application/json\nContent-Length: 72"]
--- response_body eval
["", "", ""]

=== TEST 4: requests that are not HTTP
--- raw_request eval
"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body_like eval
::json('Bad Request')

=== TEST 5: no Host
--- raw_request eval
"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- response_body_like eval
::json('Bad Request')

=== TEST 6: a request line and headers that are too large
--- request eval
["GET /" . "x" x 9000, "GET /"]
--- more_headers eval
["X: y", "X: " . "y" x 9000]
--- error_code_like eval
["414", "400|431"]
--- response_body_like eval
[::json('Request-URI Too Large|Request-URI Too Long'),
 ::json('Bad Request|Request Header Fields Too Large')]

=== TEST 7: an unknown version
--- raw_request eval
"GET / HTTP/3.0\r\nHost: a\r\n\r\n"
--- error_code: 505
--- response_body_like eval
::json('HTTP Version Not Supported')

=== TEST 8: a bad length
--- raw_request eval
"POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"
--- error_code: 400
--- response_body_like eval
::json('Bad Request')

=== TEST 9: errors of the backend stay
--- request eval
[map { "GET /api/status/$_" } 400, 401, 403, 404, 418, 500, 502, 503, 504]
--- error_code eval
[400, 401, 403, 404, 418, 500, 502, 503, 504]
--- response_headers eval
[("Content-Type: text/plain\nX-Backend: yes") x 9]
--- response_body eval
[("from the backend\n") x 9]

=== TEST 10: even one that looks like nginx's
--- request
GET /api/page
--- error_code: 404
--- response_headers
Content-Type: text/plain
--- response_body_like: ^<html>\r\n<head><title>404

=== TEST 11: the text of "return" stays, and so do redirects
--- request eval
["GET /text", "GET /none", "GET /302"]
--- error_code eval
[404, 404, 302]
--- response_body_like eval
['^a text$', ::json('Not Found'), "302 Found"]

=== TEST 12: error_page to a file
--- config
    social_json_errors on;
    root html;
    error_page 404 502 /e.html;
    error_page 403 =200 /e.html;
    error_page 410 = /e.html;
    location /gone/ { proxy_pass http://127.0.0.1:1/; }
    location /deny { deny all; }
    location /410 { return 410; }
--- user_files
>>> e.html
sorry
--- request eval
["GET /no", "GET /gone/", "GET /deny", "HEAD /no", "GET /410"]
--- error_code eval
[404, 502, 200, 404, 200]
--- response_headers eval
[("Content-Type: text/html") x 5]
--- response_body eval
["sorry\n", "sorry\n", "sorry\n", "", "sorry\n"]

=== TEST 13: error_page to an empty file
--- config
    social_json_errors on;
    root html;
    error_page 404 /empty.html;
--- user_files
>>> empty.html
--- request
GET /no
--- error_code: 404
--- response_headers
Content-Type: text/html
--- response_body

=== TEST 14: error_page to a file that is not there
--- config
    social_json_errors on;
    root html;
    error_page 404 502 /none.html;
    location /gone/ { proxy_pass http://127.0.0.1:1/; }
--- request eval
["GET /no", "GET /gone/"]
--- error_code eval
[404, 404]
--- response_body_like eval
[::json('Not Found'), ::json('Not Found')]

=== TEST 15: error_page to a backend that is available, and to one that is not
--- config
    social_json_errors on;
    root html;
    error_page 404 @up;
    error_page 403 @down;
    error_page 410 = @status;
    error_page 402 @status;
    location /deny { deny all; }
    location /410 { return 410; }
    location /402 { return 402; }
    location @up { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location @down { proxy_pass http://127.0.0.1:1; }
    location @status {
        rewrite ^ /page break;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /no", "GET /deny", "GET /410", "GET /402"]
--- error_code eval
[404, 502, 404, 402]
--- response_body_like eval
['^GET /no HTTP/1', ::json('Bad Gateway'), '^<html>', '^<html>']

=== TEST 16: recursive error pages
--- config
    social_json_errors on;
    recursive_error_pages on;
    root html;
    error_page 403 /no;
    error_page 404 @named;
    location /deny { deny all; }
    location @named { root html; error_page 404 /e.html;
                      try_files /none =404; }
    location /index { internal; }
    location /api/ { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/;
                     error_page 502 @named; }
--- user_files
>>> e.html
sorry
--- request eval
["GET /deny", "GET /api/status/404", "GET /api/page"]
--- error_code eval
[404, 404, 404]
--- response_body_like eval
['^sorry', 'backend', '^<html>']

=== TEST 17: recursive error pages that end nowhere
--- config
    social_json_errors on;
    recursive_error_pages on;
    root html;
    location /a { error_page 404 /b; }
    location /b { deny all; }
    location = / { index none.html; }
--- request eval
["GET /a", "GET /"]
--- error_code eval
[403, 403]
--- response_body_like eval
[::json('Forbidden'), ::json('Forbidden')]

=== TEST 18: proxy_intercept_errors
--- config
    social_json_errors on;
    proxy_intercept_errors on;
    error_page 404 @e;
    error_page 500 /e.html;
    root html;
    location /api/ { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/; }
    location @e { return 404; }
--- user_files
>>> e.html
sorry
--- request eval
["GET /api/status/404", "GET /api/status/500", "GET /api/status/403"]
--- error_code eval
[404, 500, 403]
--- response_body_like eval
[::json('Not Found'), "sorry", "backend"]

=== TEST 19: auth's own errors are JSON in any case
--- config
    root html;
    location /auth { social_auth main; }
    location /scope { social_auth main; social_auth_scopes any x; }
    location /no { }
--- request eval
["GET /auth", "GET /scope", "GET /auth", "HEAD /auth"]
--- more_headers eval
["X: y", ::bearer(), ::bearer(), "X: y"]
--- error_code eval
[401, 403, 404, 401]
--- response_headers eval
[("Content-Type: application/json") x 2, "Content-Type: text/html",
 "Content-Type: application/json"]
--- response_body_like eval
[::json('Unauthorized'), ::json('Forbidden'), "<html>", '^$']

=== TEST 20: unless they have an error_page
--- config
    root html;
    error_page 401 /e.html;
    error_page 403 @backend;
    location /auth { social_auth main; }
    location /scope { social_auth main; social_auth_scopes any x; }
    location @backend {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- user_files
>>> e.html
sorry
--- request eval
["GET /auth", "GET /scope"]
--- more_headers eval
["X: y", ::bearer()]
--- error_code eval
[401, 403]
--- response_headers_like eval
[("WWW-Authenticate: Bearer .*") x 2]
--- response_body_like eval
["sorry", "GET /scope"]

=== TEST 21: an error after another module had let the request in
--- config
    root html;
    location /any/ {
        satisfy any;
        social_auth main;
        allow 127.0.0.1;
        deny all;
    }
--- request
GET /any/no
--- error_code: 404
--- response_headers
!WWW-Authenticate

=== TEST 22: off further down
--- config
    social_json_errors on;
    root html;
    location /html/ { social_json_errors off; }
--- request eval
["GET /no", "GET /html/no"]
--- error_code eval
[404, 404]
--- response_headers eval
["Content-Type: application/json", "Content-Type: text/html"]

=== TEST 23: subrequests
--- config
    social_json_errors on;
    root html;
    location = /page.html { ssi on; }
    location /checked { auth_request /deny; }
    location /broken { auth_request /500; }
    location /deny { return 403; }
    location /500 { return 500; }
--- user_files
>>> page.html
a<!--#include virtual="/no" -->b
--- request eval
["GET /page.html", "GET /checked", "GET /broken"]
--- error_code eval
[200, 403, 500]
--- response_body_like eval
['^a<html>[\s\S]*404 Not Found[\s\S]*</html>\s*b$', ::json('Forbidden'),
 ::json('Internal Server Error')]

=== TEST 24: HTTP/1.0 and 0.9
--- request
GET /no HTTP/1.0
--- error_code: 404
--- response_body_like eval
::json('Not Found')

=== TEST 25: a connection that goes on
--- pipelined_requests eval
["GET /no", "GET /index.html", "GET /410", "GET /418", "GET /deny",
 "GET /gone/", "POST /index.html\n" . "x" x 5000, "GET /index.html"]
--- error_code eval
[404, 200, 410, 418, 403, 502, 405, 200]
--- response_body_like eval
[::json('Not Found'), "works", ::json('Gone'), ::json('Error'), ::json('Forbidden'),
 ::json('Bad Gateway'), ::json('Method Not Allowed'), "works"]

=== TEST 26: nothing is sent where nothing is to be sent
--- request
GET /444
--- ignore_response

=== TEST 27: with gzip, ranges, SSI and padding
--- config
    social_json_errors on;
    gzip on; gzip_types *; gzip_min_length 1;
    ssi on; ssi_types *;
    msie_padding on;
    charset utf-8;
    root html;
--- request eval
["GET /no", "GET /no", "GET /no"]
--- more_headers eval
["Range: bytes=0-3", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)",
 "If-None-Match: *\nIf-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT"]
--- error_code eval
[404, 404, 404]
--- response_body_like eval
[(::json('Not Found')) x 3]

=== TEST 28: add_header and expires
--- config
    social_json_errors on;
    root html;
    add_header X-A "$status" always;
    add_header X-B b;
--- request
GET /no
--- error_code: 404
--- response_headers
X-A: 404
!X-B
Content-Type: application/json

=== TEST 29: the request's id is that of the log
--- config
    social_json_errors on;
    root html;
    add_header X-Id $request_id always;
--- request
GET /no
--- error_code: 404
--- raw_response_headers_like: X-Id: [0-9a-f]{32}\r\n
--- response_body_like eval
::json('Not Found')

=== TEST 30: Retry-After is sent once
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri http://127.0.0.1:1/")
--- config
    social_auth main;
    root html;
    error_page 503 /e.html;
--- user_files
>>> e.html
sorry
--- request
GET /index.html
--- more_headers eval
::bearer()
--- error_code: 503
--- response_headers
Retry-After: 2
--- response_body_like eval
::json('Service Unavailable')

=== TEST 31: error_page for auth's own error that requires a token again
--- config
    social_auth main;
    root html;
    error_page 401 /e.html;
--- user_files
>>> e.html
sorry
--- request
GET /index.html
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="api"
--- response_body_like eval
::json('Unauthorized')

=== TEST 32: 429 has Retry-After
--- http_config
    limit_req_zone $uri zone=r:1m rate=1r/m;
    limit_conn_zone $uri zone=c:1m;
    limit_req_status 429;
    limit_conn_status 429;
--- config
    social_json_errors on;
    root html;
    location /return { return 429; }
    location /text { return 429 "a text"; }
    location /limited/ { limit_req zone=r; }
    location /html/ { social_json_errors off; return 429; }
    location /page { error_page 429 /e.html; return 429; }
    location /api/ { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/; }
    location /intercepted {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/status/429;
        proxy_intercept_errors on;
        error_page 429 @429;
    }
    location @429 { return 429; }
--- user_files
>>> e.html
sorry
>>> limited/a.txt
--- request eval
["GET /return", "HEAD /return", "GET /limited/a.txt", "GET /limited/a.txt",
 "GET /text", "GET /html/", "GET /page", "GET /api/status/429",
 "GET /intercepted", "GET /no"]
--- error_code_like eval
["429", "429", "200|429", "429", "429", "429", "429", "429", "429", "404"]
--- response_headers eval
[("Retry-After: 1\nContent-Type: application/json") x 2, "!X",
 "Retry-After: 1\nContent-Type: application/json", ("!Retry-After") x 4,
 "Retry-After: 1\nContent-Type: application/json", "!Retry-After"]
--- response_body_like eval
[::json('Too Many Requests'), '^$', '', ::json('Too Many Requests'),
 '^a text$', '<html>', 'sorry', 'backend', ::json('Too Many Requests'),
 ::json('Not Found')]
