# CORS: preflights, the headers of responses, which origins match, and what
# is inherited.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;

repeat_each(2);

plan tests => repeat_each() * 448;

no_long_string();
no_shuffle();

run_tests();

__DATA__

=== TEST 1: a preflight is answered, with the defaults
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        proxy_pass http://127.0.0.1:1;
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
Access-Control-Request-Headers: authorization,content-type
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://example.com
Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE
Access-Control-Allow-Headers: Authorization, Content-Type
Access-Control-Max-Age: 600
Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
!Access-Control-Allow-Credentials
!Access-Control-Expose-Headers
!Content-Length
!Content-Type
!Transfer-Encoding
--- response_body:
--- no_error_log
[alert]
[emerg]
[error]



=== TEST 2: a preflight, with everything set
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com http://localhost:3000;
        social_cors_methods GET PUT QUERY;
        social_cors_headers Authorization X-Request-Id;
        social_cors_expose ETag X-Request-Id;
        social_cors_credentials on;
        social_cors_max_age 10m;
        return 200 "not seen\n";
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: http://localhost:3000
Access-Control-Request-Method: QUERY
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: http://localhost:3000
Access-Control-Allow-Methods: GET, PUT, QUERY
Access-Control-Allow-Headers: Authorization, X-Request-Id
Access-Control-Allow-Credentials: true
Access-Control-Max-Age: 600
!Access-Control-Expose-Headers
--- response_body:
--- no_error_log
[alert]
[emerg]



=== TEST 3: an actual request
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_expose ETag X-Request-Id;
        social_cors_credentials on;
        return 200 "seen\n";
    }
--- request
GET /api/x
--- more_headers
Origin: https://example.com
--- response_headers
Access-Control-Allow-Origin: https://example.com
Access-Control-Allow-Credentials: true
Access-Control-Expose-Headers: ETag, X-Request-Id
Vary: Origin
!Access-Control-Allow-Methods
!Access-Control-Allow-Headers
!Access-Control-Max-Age
--- response_body
seen
--- no_error_log
[alert]
[emerg]



=== TEST 4: no Origin: nothing but Vary
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_expose ETag;
        social_cors_credentials on;
        return 200 "seen\n";
    }
--- request
GET /api/x
--- response_headers
!Access-Control-Allow-Origin
!Access-Control-Allow-Credentials
!Access-Control-Expose-Headers
Vary: Origin
--- response_body
seen
--- no_error_log
[alert]
[emerg]



=== TEST 5: an origin that is not listed gets its answer, without headers
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_credentials on;
        return 200 "seen\n";
    }
--- request
POST /api/x
--- more_headers
Origin: https://example.com.evil.com
--- response_headers
!Access-Control-Allow-Origin
!Access-Control-Allow-Credentials
Vary: Origin
--- response_body
seen
--- no_error_log
[alert]
[emerg]



=== TEST 6: the preflight of an origin that is not listed is refused
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        return 200 "not seen\n";
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://evil.com
Access-Control-Request-Method: PUT
--- error_code: 403
--- response_headers
!Access-Control-Allow-Origin
!Access-Control-Allow-Methods
!Access-Control-Allow-Headers
!Access-Control-Max-Age
Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
--- response_body_like: ^\{"message":"Forbidden","requestId":"[0-9a-f]{32}"\}
--- error_log
social: preflight with origin "https://evil.com" that is not in "social_cors_origins"
--- no_error_log
[alert]
[emerg]



=== TEST 7: it is refused with 204 where that is configured
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_deny 204;
        return 200 "not seen\n";
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://evil.com
Access-Control-Request-Method: PUT
--- error_code: 204
--- response_headers
!Access-Control-Allow-Origin
!Access-Control-Allow-Methods
!Access-Control-Allow-Headers
!Access-Control-Max-Age
Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
--- response_body:
--- no_error_log
[alert]
[emerg]



=== TEST 8: a method and a header that are not listed: the browser refuses
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_methods GET PUT;
    }
--- request eval
["OPTIONS /api/x", "OPTIONS /api/x"]
--- more_headers eval
["Origin: https://example.com\nAccess-Control-Request-Method: DELETE",
 "Origin: https://example.com\nAccess-Control-Request-Method: PUT\n"
 . "Access-Control-Request-Headers: content-type,x-other"]
--- error_code eval
[204, 204]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com\n"
  . "Access-Control-Allow-Methods: GET, PUT\n"
  . "Access-Control-Allow-Headers: Authorization, Content-Type") x 2]
--- no_error_log
[alert]
[emerg]



=== TEST 9: why a preflight fails is in the log
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_methods GET PUT;
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
Access-Control-Request-Headers: content-type,x-other
--- error_code: 204
--- error_log
social: preflight with header "x-other" that is not in "social_cors_headers"
--- no_error_log
[alert]
[emerg]



=== TEST 10: what is unprintable in an origin is escaped in the log
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
    }
--- request
OPTIONS /api/x
--- more_headers eval
qq(Origin: https://evil\e[31m".com\nAccess-Control-Request-Method: PUT)
--- error_code: 403
--- error_log
origin "https://evil\x1b[31m\x22.com" that is not in "social_cors_origins"
--- no_error_log eval
["[alert]", "[emerg]", qr/social: [^\n]*\e/]



=== TEST 11: plain OPTIONS is not a preflight
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        return 200 "seen\n";
    }
--- request eval
["OPTIONS /api/x", "OPTIONS /api/x", "OPTIONS /api/x"]
--- more_headers eval
["X-Nothing: 1", "Origin: https://example.com",
 "Access-Control-Request-Method: PUT"]
--- response_headers eval
["!Access-Control-Allow-Origin\n!Access-Control-Allow-Methods\nVary: Origin",
 "Access-Control-Allow-Origin: https://example.com\n"
 . "!Access-Control-Allow-Methods\nVary: Origin",
 "!Access-Control-Allow-Origin\n!Access-Control-Allow-Methods\nVary: Origin"]
--- response_body eval
["seen\n", "seen\n", "seen\n"]
--- no_error_log
[alert]
[emerg]



=== TEST 12: other methods are not preflights
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        return 200 "seen\n";
    }
--- request
GET /api/x
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- response_headers
Access-Control-Allow-Origin: https://example.com
!Access-Control-Allow-Methods
Vary: Origin
--- response_body
seen
--- no_error_log
[alert]
[emerg]



=== TEST 13: two Origin headers match nothing
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com https://www.example.com;
        return 200 "seen\n";
    }
--- request eval
["GET /api/x", "OPTIONS /api/x"]
--- more_headers eval
["Origin: https://example.com\nOrigin: https://example.com",
 "Origin: https://example.com\nOrigin: https://www.example.com\n"
 . "Access-Control-Request-Method: PUT"]
--- response_headers eval
[("!Access-Control-Allow-Origin\n!Access-Control-Allow-Methods\n"
  . "Vary: Origin") x 2]
--- response_body eval
["seen\n", "seen\n"]
--- no_error_log
[alert]
[emerg]



=== TEST 14: origins that look like a listed one
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        return 200;
    }
--- request eval
[("GET /api/x") x 13]
--- more_headers eval
[map { "Origin: $_" }
 "https://example.com:443", "https://EXAMPLE.com", "HTTPS://example.com",
 "http://example.com", "https://example.com/", "https://example.com.",
 "https://www.example.com", "https://evilexample.com", "https://example.co",
 "https://example.com https://example.com", "null", "*", ""]
--- response_headers eval
[("!Access-Control-Allow-Origin") x 13]
--- no_error_log
[alert]
[emerg]



=== TEST 15: configured origins are normalized to what browsers send
--- config
    location /api {
        social_cors on;
        social_cors_origins HTTPS://Example.COM:443 http://[::1]:3000;
        return 200;
    }
--- request eval
["GET /api/x", "GET /api/x"]
--- more_headers eval
["Origin: https://example.com", "Origin: http://[::1]:3000"]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com",
 "Access-Control-Allow-Origin: http://[::1]:3000"]
--- no_error_log
[alert]
[emerg]



=== TEST 16: subdomains that match
--- config
    location /api {
        social_cors on;
        social_cors_origins https://*.example.com;
        social_cors_credentials on;
        return 200;
    }
--- request eval
["GET /api/x", "GET /api/x"]
--- more_headers eval
["Origin: https://a.example.com", "Origin: https://a.b.example.com"]
--- response_headers eval
["Access-Control-Allow-Origin: https://a.example.com\n"
 . "Access-Control-Allow-Credentials: true\nVary: Origin",
 "Access-Control-Allow-Origin: https://a.b.example.com\n"
 . "Access-Control-Allow-Credentials: true\nVary: Origin"]
--- no_error_log
[alert]
[emerg]



=== TEST 17: subdomains that do not match
--- config
    location /api {
        social_cors on;
        social_cors_origins https://*.example.com;
        social_cors_credentials on;
        return 200;
    }
--- request eval
[("GET /api/x") x 10]
--- more_headers eval
[map { "Origin: $_" }
 "https://example.com", "https://.example.com", "https://evilexample.com",
 "http://a.example.com", "https://a.example.com:8443",
 "https://evil.com/.example.com", "https://evil.com?.example.com",
 "https://evil.com\@a.example.com", "https://a.example.com.evil.com",
 "https://A.example.com"]
--- response_headers eval
[("!Access-Control-Allow-Origin\n!Access-Control-Allow-Credentials\n"
  . "Vary: Origin") x 10]
--- no_error_log
[alert]
[emerg]



=== TEST 18: any origin of a scheme
--- config
    location /api {
        social_cors on;
        social_cors_origins https://*;
        return 200;
    }
--- request eval
[("GET /api/x") x 5]
--- more_headers eval
["Origin: https://example.com", "Origin: https://localhost:3000",
 "Origin: http://example.com", "Origin: https://a b", "Origin: null"]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com\nVary: Origin",
 "Access-Control-Allow-Origin: https://localhost:3000\nVary: Origin",
 ("!Access-Control-Allow-Origin\nVary: Origin") x 3]
--- no_error_log
[alert]
[emerg]



=== TEST 19: the null origin, when it is listed
--- config
    location /api {
        social_cors on;
        social_cors_origins null https://example.com;
        return 200;
    }
--- request eval
[("GET /api/x") x 3]
--- more_headers eval
["Origin: null", "Origin: nullx", "Origin: Null"]
--- response_headers eval
["Access-Control-Allow-Origin: null",
 ("!Access-Control-Allow-Origin") x 2]
--- no_error_log
[alert]
[emerg]



=== TEST 20: any origin at all: always, and without Vary
--- config
    location /api {
        social_cors on;
        social_cors_origins *;
        social_cors_expose *;
        return 200;
    }
--- request eval
[("GET /api/x") x 3]
--- more_headers eval
["Origin: https://example.com", "X-Nothing: 1", "Origin: null"]
--- response_headers eval
[("Access-Control-Allow-Origin: *\nAccess-Control-Expose-Headers: *\n!Vary")
 x 3]
--- no_error_log
[alert]
[emerg]



=== TEST 21: a preflight with any origin and any method
--- config
    location /api {
        social_cors on;
        social_cors_origins *;
        social_cors_methods *;
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: QUERY
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: *
Access-Control-Allow-Methods: *
--- no_error_log
[alert]
[emerg]



=== TEST 22: "*" for headers echoes the list, but never Authorization
--- config
    location /any {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_headers *;
    }
    location /both {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_headers * Authorization;
    }
--- request eval
["OPTIONS /any", "OPTIONS /both", "OPTIONS /any", "OPTIONS /both",
 "OPTIONS /any", "OPTIONS /any"]
--- more_headers eval
my $p = "Origin: https://example.com\nAccess-Control-Request-Method: PUT";
my $h = "$p\nAccess-Control-Request-Headers:";
["$h authorization,x-a,x-b", "$h authorization,x-a,x-b", $p, $p,
 "$h x-a,,x-b", "$h Authorization"]
--- error_code eval
[204, 204, 204, 204, 204, 204]
--- response_headers eval
["Access-Control-Allow-Headers: x-a, x-b",
 "Access-Control-Allow-Headers: Authorization, x-a, x-b",
 "!Access-Control-Allow-Headers",
 "Access-Control-Allow-Headers: Authorization",
 "!Access-Control-Allow-Headers",
 "!Access-Control-Allow-Headers"]
--- no_error_log
[alert]
[emerg]



=== TEST 23: a list of headers beyond the limit is not echoed
--- config
    location /any {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_headers *;
    }
--- request eval
["OPTIONS /any", "OPTIONS /any"]
--- more_headers eval
my $p = "Origin: https://example.com\nAccess-Control-Request-Method: PUT\n"
        . "Access-Control-Request-Headers: ";
[$p . ("a" x 2048), $p . ("a" x 2049)]
--- error_code eval
[204, 204]
--- response_headers eval
["Access-Control-Allow-Headers: " . ("a" x 2048),
 "!Access-Control-Allow-Headers"]
--- no_error_log
[alert]
[emerg]



=== TEST 24: how long a preflight may be cached
--- config
    location /zero {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_max_age 0;
    }
    location /never {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_max_age -1;
    }
    location /day {
        social_cors on;
        social_cors_origins https://example.com;
        social_cors_max_age 1d;
    }
--- request eval
["OPTIONS /zero", "OPTIONS /never", "OPTIONS /day"]
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- error_code eval
[204, 204, 204]
--- response_headers eval
["Access-Control-Max-Age: 0", "Access-Control-Max-Age: -1",
 "Access-Control-Max-Age: 86400"]
--- no_error_log
[alert]
[emerg]



=== TEST 25: a location's settings and the server's
--- config
    social_cors on;
    social_cors_origins https://example.com;
    social_cors_max_age 5;

    location /same { return 200; }
    location /off { social_cors off; return 200; }
    location /own {
        social_cors_origins https://other.com;
        location /own/more { social_cors_methods PUT; return 200; }
        return 200;
    }
--- request eval
["OPTIONS /same", "OPTIONS /off", "OPTIONS /own", "OPTIONS /own/more"]
--- more_headers eval
my $m = "Access-Control-Request-Method: PUT";
["Origin: https://example.com\n$m", "Origin: https://example.com\n$m",
 "Origin: https://other.com\n$m", "Origin: https://other.com\n$m"]
--- error_code eval
[204, 200, 204, 204]
--- response_headers eval
["Access-Control-Allow-Origin: https://example.com\n"
 . "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\n"
 . "Access-Control-Max-Age: 5",
 "!Access-Control-Allow-Origin\n!Vary\n!Access-Control-Max-Age",
 "Access-Control-Allow-Origin: https://other.com\n"
 . "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\n"
 . "Access-Control-Max-Age: 5",
 "Access-Control-Allow-Origin: https://other.com\n"
 . "Access-Control-Allow-Methods: PUT\n"
 . "Access-Control-Max-Age: 5"]
--- no_error_log
[alert]
[emerg]



=== TEST 26: the http block's settings
--- http_config
    social_cors on;
    social_cors_origins https://example.com;
    social_cors_deny 204;
    social_cors_headers X-A;
--- config
    location /same { return 200; }
    location /own { social_cors_headers X-B; return 200; }
--- request eval
["OPTIONS /same", "OPTIONS /own", "OPTIONS /own"]
--- more_headers eval
my $m = "Access-Control-Request-Method: PUT";
["Origin: https://example.com\n$m", "Origin: https://example.com\n$m",
 "Origin: https://evil.com\n$m"]
--- error_code eval
[204, 204, 204]
--- response_headers eval
["Access-Control-Allow-Headers: X-A", "Access-Control-Allow-Headers: X-B",
 "!Access-Control-Allow-Headers"]
--- no_error_log
[alert]
[emerg]



=== TEST 27: before access rules and limits
--- http_config
    limit_req_zone $uri zone=one:1m rate=1r/m;
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        deny all;
        limit_req zone=one;
        auth_request /auth;
    }
    location /auth { return 500; }
--- request eval
[("OPTIONS /api/x") x 3]
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- error_code eval
[204, 204, 204]
--- response_headers eval
[("Access-Control-Allow-Origin: https://example.com") x 3]
--- no_error_log
[alert]
[emerg]
[error]



=== TEST 28: plain OPTIONS meets the access rules, and has its headers
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        deny all;
    }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://example.com
--- error_code: 403
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 29: a preflight with a body, and another request on its connection
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        return 200 "seen\n";
    }
--- raw_request eval
"OPTIONS /api/x HTTP/1.1\r\nHost: localhost\r\n"
. "Origin: https://example.com\r\nAccess-Control-Request-Method: PUT\r\n"
. "Content-Length: 5\r\n\r\nhello"
. "PUT /api/x HTTP/1.1\r\nHost: localhost\r\n"
. "Origin: https://example.com\r\nContent-Length: 5\r\n"
. "Connection: close\r\n\r\nhello"
--- error_code: 204
--- response_headers
Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE
--- response_body_like eval
qr/\AHTTP\/1\.1\ 200\ OK\r\n(?!.*Access-Control-Allow-Methods)
   .*Access-Control-Allow-Origin:\ https:\/\/example\.com\r\n
   .*\r\n\r\nseen\n\z/sx
--- no_error_log
[alert]
[emerg]



=== TEST 30: nothing is done where it is off
--- config
    location /api { return 200 "seen\n"; }
--- request
OPTIONS /api/x
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- response_headers
!Access-Control-Allow-Origin
!Vary
--- response_body
seen
--- no_error_log
[alert]
[emerg]



=== TEST 31: a return of the server block comes first, with headers
--- config
    social_cors on;
    social_cors_origins https://example.com;
    return 503;
--- request
OPTIONS /api/x
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: PUT
--- error_code: 503
--- response_headers
Access-Control-Allow-Origin: https://example.com
!Access-Control-Allow-Methods
Vary: Origin
--- no_error_log
[alert]
[emerg]



=== TEST 32: a subrequest leaves the headers to its parent
--- config
    location /api {
        social_cors on;
        social_cors_origins https://example.com;
        auth_request /auth;
        root html;
    }
    location /auth {
        social_cors on;
        social_cors_origins https://other.com;
        return 200;
    }
--- user_files
>>> api/a.txt
ok
--- request
GET /api/a.txt
--- more_headers
Origin: https://example.com
--- response_headers
Access-Control-Allow-Origin: https://example.com
Vary: Origin
--- response_body
ok
--- no_error_log
[alert]
[emerg]
