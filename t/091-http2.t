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
plan tests => repeat_each() * 76;
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

=== TEST 11: a cookie, in whatever way it is sent
--- request
GET /cookie/x
--- more_headers eval
"cookie: a=b\ncookie: t=" . ::token(sub => 'me') . "\ncookie: c=d"
--- response_body_like: X-Social-Sub: me

=== TEST 12: a cookie twice
--- request
GET /cookie/x
--- more_headers eval
"cookie: t=" . ::token() . "\ncookie: t=" . ::token()
--- error_code: 401
--- error_log
token refused: several

=== TEST 13: a cookie and a method that changes something
--- request
DELETE /cookie/x
--- more_headers eval
"cookie: t=" . ::token()
--- error_code: 401
--- error_log
token refused: origin

=== TEST 14: the same, of our own page
--- request
DELETE /cookie/x
--- more_headers eval
"origin: http://localhost\ncookie: t=" . ::token()
--- response_body_like: DELETE /cookie/x

=== TEST 15: the same, of another page
--- request
DELETE /cookie/x
--- more_headers eval
"origin: http://localhost:81\ncookie: t=" . ::token()
--- error_code: 401
