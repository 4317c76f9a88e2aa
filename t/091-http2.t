# HTTP/2: the same answers, and streams that wait side by side.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

our $Url = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";
our $Keys = 0;

# with "http2", the requests are sent by curl
suite(http2 => '', log_level => 'info', http_config => $http_config,
      config => <<'_EOC_');
    social_json_errors on;
    location /api/ {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /index.html { social_auth main; root html; }
    location /cookie/ {
        social_auth main;
        social_auth_token $cookie_t;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
_EOC_

sub slow {
    my $id = 'h' . ++$Keys;

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_uri $Url/$id/slow-300-main");
}

# "http2 on" is of 1.25.1; OpenResty's driver writes it for older ones too
if ($SocialTest::Driver eq 'real'
    && `${\ ($ENV{TEST_NGINX_BINARY} || 'nginx') } -v 2>&1`
       =~ m{nginx/1\.(\d+)} && $1 < 25)
{
    plan(skip_all => 'this driver cannot set up HTTP/2 for this nginx');
}

repeat_each(2);
plan tests => repeat_each() * 154;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a token
--- request
GET /index.html
--- more_headers eval
::bearer()
--- response_body_like: It works

=== TEST 2: none
--- request
GET /index.html
--- error_code: 401
--- response_headers
www-authenticate: Bearer realm="api"
content-type: application/json
--- response_body_like: ^\{"message":"Unauthorized","requestId":"\w{32}"\}$

=== TEST 3: a bad one
# without a body: nginx resets a stream that it has answered before it has
# read it, with or without us, and curl takes that for an error
--- request
GET /api/x
--- more_headers eval
::bearer(exp => 1)
--- error_code: 401
--- response_headers_like
www-authenticate: .*invalid_token.*

=== TEST 4: a good one, with a body
--- request eval
"POST /api/x\n" . "hello" x 5000
--- more_headers eval
::bearer()
--- response_body_like: (?:hello){5000}$

=== TEST 5: identity headers
--- request
GET /api/x
--- more_headers eval
"x-social-sub: evil\nx-keep: a\nx-social-groups: evil\n" . ::bearer()
--- response_body_like eval
qr/\A(?:(?!evil).)*x-keep: a\n(?:(?!evil).)*X-Social-Sub: c0ffee00(?:(?!evil).)*\z/s

=== TEST 6: an error of nginx
--- request
GET /no-such-file
--- error_code: 404
--- response_headers
content-type: application/json
--- response_body_like: ^\{"message":"Not Found","requestId":"\w{32}"\}$

=== TEST 7: HEAD
--- request
HEAD /no-such-file
--- error_code: 404
--- response_headers
content-type: application/json
content-length: 70

=== TEST 8: the first request waits for the keys
--- http_config eval
::slow()
--- request
GET /index.html
--- more_headers eval
::bearer()
--- response_body_like: It works

=== TEST 9: one with a body does
--- http_config eval
::slow()
--- request eval
"POST /api/x\n" . "hello" x 20000
--- more_headers eval
::bearer()
--- response_body_like: (?:hello){20000}$

=== TEST 10: a client that leaves meanwhile
--- http_config eval
::slow()
--- request
GET /index.html
--- more_headers eval
::bearer()
--- skip_eval: 3: $SocialTest::Driver eq 'real'
--- curl_options: -m 0.1
--- abort
--- ignore_response
--- wait: 0.5
--- timeout: 300ms
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 11: CORS: preflights, one that is refused, errors, the backend's
--- config
    social_json_errors on;
    social_cors on;
    social_cors_origins https://example.com;
    location /auth { social_auth main; root html; }
    location /deny { deny all; }
    location /up {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/status/418;
    }
--- request eval
["OPTIONS /auth", "OPTIONS /deny", "OPTIONS /none", "GET /auth", "GET /deny",
 "GET /none", "GET /up", "GET /none"]
--- more_headers eval
my $m = "access-control-request-method: PUT";
my $o = "origin: https://example.com";
["$o\n$m", "origin: https://evil.com\n$m", "$o\n$m", ($o) x 4, "x-a: b"]
--- error_code eval
[204, 403, 204, 401, 403, 404, 418, 404]
--- response_headers eval
my $preflight = "access-control-allow-origin: https://example.com\n"
    . "access-control-allow-methods: GET, HEAD, POST, PUT, PATCH, DELETE\n"
    . "!www-authenticate";
my $no = "!access-control-allow-origin\n!access-control-allow-methods";
[$preflight, $no, $preflight,
 ("access-control-allow-origin: https://example.com\nvary: Origin") x 4,
 "$no\nvary: Origin"]

=== TEST 12: limits are JSON too, and say when to come back
--- http_config eval
"$::http_config
    limit_req_zone \$social_sub zone=r:1m rate=1r/m;
    limit_req_status 429;\n"
--- config
    social_json_errors on;
    social_cors on;
    social_cors_origins https://example.com;
    location = /index.html { social_auth main; limit_req zone=r; root html; }
--- request eval
["GET /index.html", "GET /index.html", "OPTIONS /index.html",
 "GET /index.html"]
--- more_headers eval
my $o = "origin: https://example.com";
my $t = ::bearer(sub => "h2 " . ++$::Keys);
["$o\n$t", "$o\n$t", "$o\naccess-control-request-method: PUT", $o]
--- error_code_like eval
["200|429", "429", "204", "401"]
--- response_headers eval
["!x", "retry-after: 1\ncontent-type: application/json\n"
 . "access-control-allow-origin: https://example.com", "!retry-after",
 "!retry-after"]

=== TEST 13: identity headers in every spelling, in a public location
--- config
    underscores_in_headers on;
    ignore_invalid_headers off;
    location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request
GET /p
--- more_headers
x-social-sub: evil
x_social_sub: evil
x-social_sub: evil
x.social.sub: evil
x-social-sub: evil
x!social~sub: evil
x-social-: evil
x-keep: a
x_keep: b
--- response_body_like eval
qr/\A((?!(?i:evil|social)).)*x-keep: a\nx_keep: b\n\n\z/s

=== TEST 14: a cookie, in whatever way it is sent
--- request
GET /cookie/x
--- more_headers eval
"cookie: a=b\ncookie: t=" . ::token(sub => 'me') . "\ncookie: c=d"
--- response_body_like: X-Social-Sub: me

=== TEST 15: a cookie twice
--- request
GET /cookie/x
--- more_headers eval
"cookie: t=" . ::token() . "\ncookie: t=" . ::token()
--- error_code: 401
--- error_log
token refused: several

=== TEST 16: a cookie and a method that changes something
--- request
DELETE /cookie/x
--- more_headers eval
"cookie: t=" . ::token()
--- error_code: 401
--- error_log
token refused: origin

=== TEST 17: the same, of our own page
--- request
DELETE /cookie/x
--- more_headers eval
"origin: http://localhost\ncookie: t=" . ::token()
--- response_body_like: DELETE /cookie/x

=== TEST 18: the same, of another page
--- request
DELETE /cookie/x
--- more_headers eval
"origin: http://localhost:81\ncookie: t=" . ::token()
--- error_code: 401
