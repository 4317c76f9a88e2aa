# CORS in depth: preflights wherever nginx would say no or go elsewhere, the
# headers on what other modules answer, foreign CORS headers however they
# come, unusual origins, Vary.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

our $Origin = 'Origin: https://example.com';
our $Ask = "$Origin\nAccess-Control-Request-Method: PUT";

# what has to be there, on every answer and on one to a preflight
our $Actual = "Access-Control-Allow-Origin: https://example.com\n"
              . "!Access-Control-Allow-Methods\nVary: Origin";
our $Preflight = "Access-Control-Allow-Origin: https://example.com\n"
    . "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\n"
    . "Vary: Origin, Access-Control-Request-Method, "
    . "Access-Control-Request-Headers\n!WWW-Authenticate\n!Location";

suite(http_config => $http_config, log_level => 'info',
      more_headers => $Origin, no_error_log => "[alert]\n[emerg]\n[crit]");

repeat_each(2);
plan tests => repeat_each() * 918;
no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: preflights where anything else is refused, redirected, or not found
--- http_config eval
"$::http_config
    limit_req_zone \$server_name zone=r:1m rate=1r/m;
    limit_conn_zone \$server_name zone=c:1m;\n"
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location /404 { root html; }
    location /return404 { return 404; }
    location /proxy { proxy_pass http://127.0.0.1:1; }
    location /except { limit_except GET { deny all; } root html; }
    location /deny { deny all; root html; }
    location /basic { auth_basic x; auth_basic_user_file none; root html; }
    location /301 { return 301 https://elsewhere.example/; }
    location /rewrite { rewrite ^ https://elsewhere.example/ permanent; }
    location /if { if ($request_method = OPTIONS) { return 405; } }
    location /auth { social_auth main; root html; }
    location /request { auth_request /deny; root html; }
    location /req { limit_req zone=r; root html; }
    location /conn { limit_conn c 1; root html; }
    location /all { satisfy all; deny all; social_auth main; root html; }
    location /any { satisfy any; deny all; social_auth main; root html; }
    location /444 { return 444; }
    location /static/ { alias $TEST_NGINX_HTML_DIR/; }
    location ~ \.php$ { fastcgi_pass 127.0.0.1:1; }
    location = /empty { empty_gif; }
--- request eval
[map { "OPTIONS $_" } qw( /404 /return404 /proxy /except /deny /basic /301
    /rewrite /if /auth /request /req /req /req /conn /all /any /444 /static/
    /static/index.html /static/x.php /empty /nowhere/at/all )]
--- more_headers eval
$::Ask
--- error_code eval
[(204) x 23]
--- response_headers eval
[($::Preflight) x 23]
--- no_error_log
[alert]
[emerg]
[crit]
[error]
[warn]

=== TEST 2: errors of nginx before a location's settings apply
# an internal location is none, and a slash that is missing is added, in the
# phase before: neither is a preflight's success, and both have their headers
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location /internal { internal; }
    location /dir/ { proxy_pass http://127.0.0.1:1; }
    location /small { client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
--- request eval
["OPTIONS /internal", "OPTIONS /dir", "OPTIONS /small\nhello",
 "OPTIONS /dir/"]
--- more_headers eval
$::Ask
--- error_code eval
[404, 301, 413, 204]
--- response_headers eval
[($::Actual) x 3, $::Preflight]

=== TEST 3: the answers of access modules to actual requests
--- http_config eval
"$::http_config
    limit_req_zone \$server_name zone=r:1m rate=1r/m;
    limit_req_status 429;\n"
--- config
    social_cors on;
    social_cors_origins https://example.com;
    root html;
    location /deny { deny all; }
    location /except { limit_except GET { deny all; } }
    location /basic { auth_basic x; auth_basic_user_file none; }
    location /auth { social_auth main; }
    location /request401 { auth_request /sub401; }
    location /request403 { auth_request /sub403; }
    location /request500 { auth_request /sub500; }
    location = /sub401 {
        internal;
        social_cors_origins https://other.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/status/401;
    }
    location = /sub403 { return 403; }
    location = /sub500 { proxy_pass http://127.0.0.1:1; }
    location /any { satisfy any; deny all; social_auth main;
                    auth_basic x; auth_basic_user_file none; }
    location /req { limit_req zone=r; }
    location /431 { return 431; }
    location /429 { return 429; }
    location /500 { return 500; }
--- request eval
["GET /deny", "POST /except", "GET /basic", "GET /auth", "GET /auth",
 "GET /request401", "GET /request403", "GET /request500", "GET /any",
 "GET /req", "GET /req", "GET /431", "GET /429", "GET /500"]
--- more_headers eval
[($::Origin) x 4, "$::Origin\n" . ::bearer(), ($::Origin) x 9]
--- error_code_like eval
["403", "403", "401", "401", "404", "401", "403", "500", "401", "404|429",
 "429", "431", "429", "500"]
--- response_headers eval
[($::Actual) x 14]

=== TEST 4: foreign headers: from a cache, after X-Accel-Redirect, intercepted
--- http_config eval
"$::http_config
    proxy_cache_path $ENV{TEST_NGINX_HTML_DIR}/cache keys_zone=cache:1m;\n"
--- config
    location /api/ {
        social_cors on;
        social_cors_origins https://example.com https://other.com;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/;
        location /api/cached {
            proxy_cache cache;
            proxy_cache_valid any 1m;
            proxy_ignore_headers Vary Cache-Control Expires;
            add_header X-Cache $upstream_cache_status always;
            proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/404;
        }
        location /api/intercepted {
            proxy_intercept_errors on;
            error_page 404 /page;
            proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/404;
        }
        location /api/nowhere {
            proxy_intercept_errors on;
            error_page 404 /none;
            proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/404;
        }
    }
    location = /page { return 200 "page\n"; }
    location /up {
        add_header Access-Control-Allow-Origin https://evil.com always;
        add_header access-control-allow-origin * always;
        add_header Access-Control-Allow-Credentials true always;
        add_header Access-Control-Allow-Methods TRACE always;
        add_header Access-Control-Allow-Headers X-Up always;
        add_header Access-Control-Expose-Headers X-Up always;
        add_header Access-Control-Max-Age 1 always;
        location /up/404 { return 404 "up\n"; }
        location /up/502 { return 502 "up\n"; }
        location /up/302 { return 302 /x; }
        location /up/accel { add_header X-Accel-Redirect /page;
            add_header Access-Control-Allow-Origin https://evil.com;
            return 200; }
    }
--- request eval
["GET /api/404", "GET /api/502", "GET /api/302", "GET /api/accel",
 "GET /api/intercepted", "GET /api/nowhere", "GET /api/cached",
 "GET /api/cached", "GET /api/cached", "GET /api/cached"]
--- more_headers eval
[($::Origin) x 7, "Origin: https://other.com", "Origin: https://evil.com",
 "X-Nothing: 1"]
--- error_code eval
[404, 502, 302, 200, 404, 404, 404, 404, 404, 404]
--- response_headers eval
my $no = CORE::join "\n", map { "!Access-Control-$_" }
    qw( Allow-Credentials Allow-Methods Allow-Headers Expose-Headers Max-Age );
[("$::Actual\n$no") x 7,
 "Access-Control-Allow-Origin: https://other.com\nVary: Origin\n"
 . "X-Cache: HIT\n$no",
 ("!Access-Control-Allow-Origin\nVary: Origin\nX-Cache: HIT\n$no") x 2]

=== TEST 5: there is one header of each name
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_credentials on;
        social_cors_expose X-A;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up {
        add_header Access-Control-Allow-Origin https://evil.com always;
        add_header Access-Control-Allow-Origin https://example.com always;
        add_header Access-Control-Allow-Credentials true always;
        add_header Access-Control-Expose-Headers X-B always;
        return 200;
    }
--- request eval
["GET /api", "OPTIONS /api"]
--- more_headers eval
[$::Origin, $::Ask]
--- error_code eval
[200, 204]
--- raw_response_headers_unlike eval
[(qr/(Access-Control-[A-Za-z-]+:|Vary:).*\1|evil|X-B/s) x 2]

=== TEST 6: Vary: many lines, many names, with gzip, "*"
--- config
    social_cors on;
    social_cors_origins https://example.com;
    gzip on;
    gzip_vary on;
    gzip_min_length 1;
    gzip_proxied any;
    gzip_types text/plain;
    location ~ ^/api/(\w+) {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/$1;
    }
    location /up {
        social_cors off;
        gzip off;
        default_type text/plain;
        location /up/lines {
            add_header Vary Cookie; add_header Vary Accept;
            add_header Vary Accept-Language; return 200 "aaaaaaaaaaaaaaaa";
        }
        location /up/origin {
            add_header Vary Cookie; add_header Vary "x-a ,oRiGiN";
            return 200 "aaaaaaaaaaaaaaaa";
        }
        location /up/star {
            add_header Vary Cookie; add_header Vary "*";
            return 200 "aaaaaaaaaaaaaaaa";
        }
        location /up/empty {
            add_header Vary ","; return 200 "aaaaaaaaaaaaaaaa";
        }
        location /up/options { add_header Vary Cookie always; return 404; }
    }
--- request eval
["GET /api/lines", "GET /api/origin", "GET /api/star", "GET /api/empty",
 "OPTIONS /api/lines", "OPTIONS /api/options"]
--- more_headers eval
my $gzip = "$::Origin\nAccept-Encoding: gzip";
[($gzip) x 4, "$::Ask\nAccept-Encoding: gzip", $gzip]
--- error_code eval
[200, 200, 200, 200, 204, 404]
--- raw_response_headers_like eval
[map { qr/$_/ }
 (map { "(?s)\\AHTTP(?!.*Vary:.*\nVary:).*\nVary: $_\\r\\n" }
  'Cookie, Origin, Accept, Accept-Language, Accept-Encoding',
  'Cookie, x-a ,oRiGiN, Accept-Encoding', 'Cookie, \*',
  ',, Origin, Accept-Encoding'),
 'Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n',
 'Vary: Cookie, Origin, Accept-Encoding\r\n']

=== TEST 7: origins that look like one of a wildcard
--- config
    social_cors on;
    social_cors_origins https://*.example.com http://*.example.com:3000;
    location / { return 200; }
--- request eval
[("GET /") x 22]
--- more_headers eval
[map { "Origin: $_" }
 qw( https://example.com https://example.com.evil https://evil-example.com
     https://evilexample.com https://a.example.com.evil https://.example.com
     https://a..example.com https://a.example.com. https://a.example.com:443
     https://a.example.com:444 http://a.example.com https://a.example.com/
     https://example.com:a.example.com https://a@b.example.com
     https://[::1].example.com https://a.EXAMPLE.com https://a%2eexample.com
     http://a.example.com:30000 http://a.example.com:03000
     http://a.example.com:3000/ null ),
 "https://a.example.com,https://b.example.com"]
--- response_headers eval
[("!Access-Control-Allow-Origin\nVary: Origin") x 22]

=== TEST 8: origins that are one of a wildcard
--- config
    social_cors on;
    social_cors_origins https://*.example.com http://*.example.com:3000
                        HTTPS://*.Xn--Bcher-kva.Example:443;
    location / { return 200; }
--- request eval
[("GET /") x 6]
--- more_headers eval
[map { "Origin: $_" }
 qw( https://a.example.com https://a-b.c.example.com https://1.example.com
     http://a.example.com:3000 https://www.xn--bcher-kva.example
     https://xn--a.xn--bcher-kva.example )]
--- response_headers eval
[map { "Access-Control-Allow-Origin: $_\nVary: Origin" }
 qw( https://a.example.com https://a-b.c.example.com https://1.example.com
     http://a.example.com:3000 https://www.xn--bcher-kva.example
     https://xn--a.xn--bcher-kva.example )]

=== TEST 9: addresses, ports and names in punycode
--- config
    social_cors on;
    social_cors_origins http://[::1] http://[2001:DB8::1]:8080
        http://127.0.0.1:80 https://[::2]:443 https://xn--bcher-kva.example
        http://example.com:443 https://example.com:80;
    location / { return 200; }
--- request eval
[("GET /") x 15]
--- more_headers eval
[map { "Origin: $_" }
 qw( http://[::1] http://[2001:db8::1]:8080 http://127.0.0.1 https://[::2]
     https://xn--bcher-kva.example http://example.com:443
     https://example.com:80 ),
 qw( http://[::1]:80 http://::1 http://[0:0:0:0:0:0:0:1]
     http://[2001:DB8::1]:8080 http://127.0.0.1:80 http://127.1
     https://XN--bcher-kva.example http://example.com )]
--- response_headers eval
[(map { "Access-Control-Allow-Origin: $_" }
 qw( http://[::1] http://[2001:db8::1]:8080 http://127.0.0.1 https://[::2]
     https://xn--bcher-kva.example http://example.com:443
     https://example.com:80 )), ("!Access-Control-Allow-Origin") x 8]

=== TEST 10: raw bytes of another alphabet match nothing
--- config
    social_cors on;
    social_cors_origins https://*.example.com https://xn--bcher-kva.example;
    location / { return 200; }
--- request eval
[("GET /") x 3]
--- more_headers eval
["Origin: https://b\xc3\xbccher.example", "Origin: https://\xc3\xbc.example.com",
 "Origin: https://a\x01.example.com"]
--- error_code_like eval
["200", "200", "200|400"]
--- response_headers eval
[("!Access-Control-Allow-Origin\nVary: Origin") x 3]

=== TEST 11: several Origin headers, in any spelling
--- config
    social_cors on;
    social_cors_origins https://example.com null;
    social_cors_credentials off;
    location / { return 200; }
--- request eval
[("GET /") x 3, ("OPTIONS /") x 3]
--- more_headers eval
my $m = "Access-Control-Request-Method: PUT";
["origin: https://example.com\nORIGIN: https://example.com",
 "Origin: https://example.com\nOrigin: null", "ORIGIN: https://example.com",
 "Origin: https://example.com\nOrigin:\n$m", "Origin:\n$m",
 "oRIGIN: https://example.com\n$m"]
--- error_code eval
[200, 200, 200, 200, 403, 204]
--- response_headers eval
["!Access-Control-Allow-Origin", "!Access-Control-Allow-Origin",
 "Access-Control-Allow-Origin: https://example.com",
 "!Access-Control-Allow-Origin", "!Access-Control-Allow-Origin",
 "Access-Control-Allow-Origin: https://example.com"]

=== TEST 12: Authorization is covered by its name, whatever else is
--- config
    social_cors on;
    social_cors_origins *;
    location /any { social_cors_headers *; }
    location /named { social_cors_headers * authorization; }
    location /default { }
    location /without { social_cors_headers X-A; }
--- request eval
[map { "OPTIONS $_" } qw( /any /any /named /default /without )]
--- more_headers eval
my $h = "$::Ask\nAccess-Control-Request-Headers:";
["$h AUTHORIZATION", "$h x-a,Authorization , x-b", "$h Authorization",
 "$h authorization", "$h authorization"]
--- error_code eval
[(204) x 5]
--- response_headers eval
["!Access-Control-Allow-Headers",
 "Access-Control-Allow-Headers: x-a, x-b",
 "Access-Control-Allow-Headers: authorization",
 "Access-Control-Allow-Headers: Authorization, Content-Type",
 "Access-Control-Allow-Headers: X-A"]

=== TEST 13: a mirror, SSI and slices leave the headers to their parent
--- config
    social_cors on;
    social_cors_origins https://example.com;
    root html;
    location = /page.html { ssi on; }
    location = /in { social_cors_origins https://other.com;
                     proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location = /mirrored { mirror /in;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- user_files
>>> page.html
a<!--#include virtual="/in" -->b
--- request eval
["GET /page.html", "GET /mirrored"]
--- response_headers eval
[($::Actual) x 2]

=== TEST 14: the three blocks, each for itself
--- http_config eval
"$::http_config
    social_cors on;
    social_cors_origins https://example.com;
    social_cors_methods PUT;
    social_cors_expose X-Http;
    social_cors_max_age 1;\n"
--- config
    social_cors_expose X-Server;
    location /a { return 200; }
    location /b { social_cors_max_age 2; return 200;
                  location /b/off { social_cors off; return 200;
                                    location /b/off/on { social_cors on;
                                                         return 200; } } }
--- request eval
["GET /a", "OPTIONS /a", "OPTIONS /b", "OPTIONS /b/off", "GET /b/off",
 "OPTIONS /b/off/on", "GET /b/off/on"]
--- more_headers eval
[$::Origin, $::Ask, $::Ask, $::Ask, $::Origin, $::Ask, $::Origin]
--- error_code eval
[200, 204, 204, 200, 200, 204, 200]
--- response_headers eval
my $off = "!Access-Control-Allow-Origin\n!Access-Control-Max-Age\n!Vary";
["Access-Control-Expose-Headers: X-Server",
 "Access-Control-Max-Age: 1\nAccess-Control-Allow-Methods: PUT",
 "Access-Control-Max-Age: 2\nAccess-Control-Allow-Methods: PUT", $off, $off,
 "Access-Control-Max-Age: 2\nAccess-Control-Allow-Methods: PUT",
 "Access-Control-Expose-Headers: X-Server"]

=== TEST 15: requests for no path, and for another's
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location / { return 200 "x"; }
--- raw_request eval
["OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . "Origin: https://example.com\r\n"
 . "Access-Control-Request-Method: PUT\r\n\r\n"]
--- error_code: 400
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin

=== TEST 16: an absolute URI, and a body in chunks
--- config
    social_cors on;
    social_cors_origins https://example.com;
    location / { return 200 "seen"; }
--- raw_request eval
"OPTIONS http://localhost/x HTTP/1.1\r\nHost: localhost\r\n"
. "Origin: https://example.com\r\nAccess-Control-Request-Method: PUT\r\n"
. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
. "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://example.com
--- response_body_like: (?s)\AHTTP/1\.1 200 OK\r\n.*seen\z
