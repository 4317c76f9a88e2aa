# "social_auth_token": the sources that a token may be in, and what a cookie may
# do.

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
    social_auth main;
    location = /index.html { social_auth_token $http_authorization; }
    location = /cookie {
        social_auth_token $cookie_t; try_files /index.html =500;
    }
    location = /arg {
        social_auth_token $arg_access_token; try_files /index.html =500;
    }
    location = /header {
        social_auth_token $http_x_access_token; try_files /index.html =500;
    }
    location = /protocol {
        social_auth_token $http_sec_websocket_protocol;
        try_files /index.html =500;
    }
    location = /any {
        social_auth_token $http_authorization $cookie_t $arg_access_token
                          $http_x_access_token $http_sec_websocket_protocol;
        try_files /index.html =500;
    }
_EOC_
    log_level => 'info',
    no_error_log => "[alert]\n[emerg]\n[crit]\neyJ");

# the claims of the token in the other source, so that two tokens may differ

sub cookie { return 'Cookie: a=b; t=' . token(@_) . '; c=d' }
sub header { return 'X-Access-Token: ' . token(@_) }
sub protocol { return 'Sec-WebSocket-Protocol: bearer, ' . token(@_) }

sub status { return [ map { "X-Status: $_" } @_ ] }

# A handshake with these headers.

sub handshake {
    return join "\n", 'Connection: Upgrade, close',
                      'Upgrade: websocket',
                      'Sec-WebSocket-Version: 13',
                      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', @_;
}

our $Handshake = <<'_EOC_';
    location /websocket {
        social_auth main;
        social_auth_token $http_authorization $http_sec_websocket_protocol
                          $cookie_t;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
        add_header X-Status $social_auth_status always;
_EOC_

# For a location with "social_auth_token $cookie_t".

our $Cookie = <<'_EOC_';
        social_auth main;
        social_auth_token $cookie_t;
        add_header X-Status $social_auth_status always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
_EOC_

our $Cors = <<'_EOC_';
        social_cors on;
        social_cors_origins https://app.example.com https://*.example.org;
_EOC_

repeat_each(2);
plan tests => repeat_each() * 1259;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the default, written out
--- request eval
[("GET /index.html") x 4]
--- more_headers eval
[::bearer(), "X: y", ::cookie(), "Authorization: " . ::token()]
--- error_code eval
[200, 401, 401, 401]
--- response_headers eval
::status(qw( ok none none none ))

=== TEST 2: a cookie, and none of the other sources
--- request eval
[("GET /cookie") x 8]
--- more_headers eval
[::cookie(), ::bearer(), "X: y", "Cookie: a=b", ::cookie(exp => 1),
 "Cookie: t=x", "Cookie: T=" . ::token(), "Cookie: t=Bearer " . ::token()]
--- error_code eval
[200, 401, 401, 401, 401, 401, 200, 200]
--- response_headers eval
::status(qw( ok none none none expired malformed ok ok ))

=== TEST 3: an argument
--- request eval
["GET /arg?access_token=" . ::token(), "GET /arg?a=b&access_token="
 . ::token() . "&c=d", "GET /arg", "GET /arg?access_token=x",
 "GET /arg?xaccess_token=" . ::token(), "GET /arg#access_token=" . ::token(),
 "HEAD /arg?access_token=" . ::token(exp => 1),
 "GET /arg?access_token=Bearer%20" . ::token()]
--- error_code eval
[200, 200, 401, 401, 401, 401, 401, 401]
--- response_headers eval
::status(qw( ok ok none malformed none none expired malformed ))

=== TEST 4: a header
--- request eval
[("GET /header") x 6]
--- more_headers eval
[::header(), "x-ACCESS-token:  " . ::token() . " ",
 "X-Access-Token: bearer " . ::token(), "X-Access-Token: Basic YTpi",
 "X-Access-Token2: " . ::token(), ::header(-key => 'forged')]
--- error_code eval
[200, 200, 200, 401, 401, 401]
--- response_headers eval
::status(qw( ok ok ok malformed none signature ))

=== TEST 5: a list of protocols
--- request eval
[("GET /protocol") x 8]
--- more_headers eval
my $t = ::token();
[map { "Sec-WebSocket-Protocol: $_" } "bearer, $t", "chat,bearer,$t",
 "chat\nSec-WebSocket-Protocol: bearer, $t, x",
 "bearer\nSec-WebSocket-Protocol: $t", "$t, bearer", "chat, $t",
 "bearer, null", "bearer, $t\nSec-WebSocket-Protocol: bearer, $t"]
--- error_code eval
[200, 200, 200, 200, 401, 401, 401, 401]
--- response_headers eval
::status(qw( ok ok ok ok malformed none none several ))

=== TEST 6: another variable: of a map, of a set, of a regex
--- http_config eval
$::http_config . <<'_EOC_';
    map $http_x_access_token $mine { default $http_x_access_token; }
_EOC_
--- config
    add_header X-Status $social_auth_status always;
    root html;
    social_auth main;
    location = /map { social_auth_token $mine; try_files /index.html =500; }
    location = /set {
        set $other $http_x_access_token;
        social_auth_token $other;
        try_files /index.html =500;
    }
    location ~ ^/regex/(?<part>[^/]+)$ {
        social_auth_token $part;
        try_files /index.html =500;
    }
--- request eval
["GET /map", "GET /set", "GET /regex/" . ::token(), "GET /map", "GET /set",
 "GET /regex/x"]
--- more_headers eval
[::header(), ::header(), "X: y", "X: y", "X: y", "X: y"]
--- error_code eval
[200, 200, 200, 401, 401, 401]
--- response_headers eval
::status(qw( ok ok ok none none malformed ))

=== TEST 7: what scripts send that have no token
--- request eval
[("GET /any") x 6, "GET /any?access_token=null", "GET /any?access_token=",
 "GET /any?access_token=undefined"]
--- more_headers eval
["Cookie: t=null", "Cookie: t=undefined", "Cookie: t=",
 "X-Access-Token: null", "X-Access-Token:", "X-Access-Token: Bearer undefined",
 "X: y", "X: y", "X: y"]
--- error_code eval
[(401) x 9]
--- response_headers eval
[("WWW-Authenticate: Bearer realm=\"api\"\nX-Status: none") x 9]

=== TEST 8: any of several sources
--- request eval
[("GET /any") x 4, "GET /any?access_token=" . ::token(), "GET /any"]
--- more_headers eval
[::bearer(), ::cookie(), ::header(), ::protocol(), "X: y", "X: y"]
--- error_code eval
[(200) x 5, 401]
--- response_headers eval
::status(('ok') x 5, 'none')

=== TEST 9: two sources at once
# the same token too, and bad ones: who is behind us may take the other one
--- request eval
[("GET /any") x 6, "GET /any?access_token=" . ::token(),
 "GET /any?access_token=x"]
--- more_headers eval
[::bearer() . "\n" . ::cookie(), ::bearer() . "\n" . ::header(sub => 'me'),
 ::cookie() . "\n" . ::protocol(), "Authorization: Bearer x\n" . ::cookie(),
 ::bearer() . "\nCookie: t=x", ::bearer() . "\nX-Access-Token: a b",
 ::bearer(), ::bearer()]
--- error_code eval
[(401) x 8]
--- response_headers eval
[(q(WWW-Authenticate: Bearer realm="api", error="invalid_token", )
  . qq(error_description="there is more than one token"\n)
  . "X-Status: several") x 8]
--- error_log
social: token refused: several, kid: "", issuer: ""

=== TEST 10: one token, and something else
--- request eval
[("GET /any") x 5, "GET /any?access_token=null"]
--- more_headers eval
["Authorization: Basic YTpi\n" . ::cookie(), ::bearer() . "\nCookie: t=",
 "Authorization: Bearer null\n" . ::cookie(),
 ::bearer() . "\nSec-WebSocket-Protocol: chat",
 ::cookie() . "\nX-Access-Token:", ::bearer()]
--- error_code eval
[(200) x 6]
--- response_headers eval
::status(('ok') x 6)

=== TEST 11: one source, twice
--- request eval
["GET /cookie", "GET /cookie", "GET /cookie", "GET /header",
 "GET /arg?access_token=" . ::token() . "&access_token=" . ::token(),
 "GET /arg?access_token=" . ::token() . "&ACCESS_TOKEN=x", "GET /cookie"]
--- more_headers eval
my $t = ::token();
["Cookie: t=$t; t=$t", ::cookie() . "\n" . ::cookie(),
 "Cookie: t=$t; a=b; T=x", ::header() . "\n" . ::header(), "X: y", "X: y",
 "Cookie: xt=$t; t=$t; tt=$t"]
--- error_code eval
[(401) x 6, 200]
--- response_headers eval
::status(('several') x 6, 'ok')

=== TEST 12: the size
--- http_config eval
"$::http_config    large_client_header_buffers 4 16k;\n"
--- request eval
["GET /cookie", "GET /any", "GET /any", "GET /any",
 "GET /any?access_token=" . "a" x 8193]
--- more_headers eval
my $long = "a" x 8193;
["Cookie: t=$long", "Authorization: Bearer $long", "X-Access-Token: $long",
 "Sec-WebSocket-Protocol: bearer, $long", "X: y"]
--- error_code eval
[(401) x 5]
--- response_headers eval
::status(('too_large') x 5)

=== TEST 13: optional and lenient
--- config
    add_header X-Status $social_auth_status always;
    root html;
    social_auth_token $cookie_t $http_authorization;
    location = /optional {
        social_auth main optional; try_files /index.html =500;
    }
    location = /lenient {
        social_auth main optional=lenient; try_files /index.html =500;
    }
--- request eval
[("GET /optional") x 4, ("GET /lenient") x 4]
--- more_headers eval
[("X: y", "Cookie: t=null", ::cookie(), ::cookie() . "\n" . ::bearer()) x 2]
--- error_code eval
[200, 200, 200, 401, (200) x 4]
--- response_headers eval
::status((qw( none none ok several )) x 2)

=== TEST 14: inheritance
--- http_config eval
"$::http_config    social_auth main; social_auth_token \$cookie_t;\n"
--- config
    root html;
    location = /index.html { }
    location /own/ {
        social_auth_token $http_x_access_token; alias html/;
        location /own/in/ { alias html/; }
        location /own/back/ {
            social_auth_token $http_authorization; alias html/;
        }
        location /own/other/ { social_auth other; alias html/; }
    }
--- request eval
["GET /index.html", "GET /index.html", "GET /own/index.html",
 "GET /own/index.html", "GET /own/in/index.html", "GET /own/in/index.html",
 "GET /own/back/index.html", "GET /own/back/index.html",
 "GET /own/other/index.html", "GET /own/other/index.html"]
--- more_headers eval
[::cookie(), ::bearer(), ::header(), ::cookie(), ::header(), ::bearer(),
 ::bearer(), ::header(), ::header(), ::bearer()]
--- error_code eval
[200, 401, 200, 401, 200, 401, 200, 401, 401, 401]

=== TEST 15: inheritance from a server, and an if
--- config
    root html;
    social_auth main;
    social_auth_token $cookie_t;
    location = /index.html { if ($arg_a) { expires 1h; } }
--- request eval
["GET /index.html", "GET /index.html?a=1", "GET /index.html?a=1",
 "GET /none", "GET /none"]
--- more_headers eval
[::cookie(), ::cookie(), ::bearer(), ::cookie(), ::bearer()]
--- error_code eval
[200, 200, 401, 404, 401]

=== TEST 16: a location after an internal redirect uses its own sources
--- http_config eval
"$::http_config    social_auth main;\n"
--- config
    root html;
    location /a { social_auth_token $cookie_t; try_files /none /b; }
    location /b { try_files /none /index.html; }
    location /c { set $s $social_sub; social_auth_token $cookie_t;
                  rewrite ^ /b last; }
    location /d { social_auth_token $cookie_t; proxy_pass
                  http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/accel/b; }
    location /e { try_files /none /f; }
    location /f { social_auth_token $cookie_t; try_files /index.html =500;
                  add_header X-Sub $social_sub; }
    location = /index.html { }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /c", "GET /c", "GET /d", "GET /d",
 "GET /e", "GET /e", "GET /f"]
--- more_headers eval
[::cookie(), ::bearer(), ::bearer(), ::cookie(), ::bearer(), ::cookie(),
 ::bearer(), ::cookie(), ::bearer() . "\n" . ::cookie(sub => 'me'),
 ::cookie()]
--- error_code eval
[401, 401, 200, 401, 200, 401, 401, 401, 200, 200]
--- response_headers eval
[("!X-Sub") x 8, "X-Sub: me", "X-Sub: c0ffee00-1234-4abc-8def-000000000001"]

=== TEST 17: the same, with sources of a server
--- config
    root html;
    social_auth main;
    social_auth_token $cookie_t;
    set $s $social_sub;
    location /a { social_auth_token $http_authorization;
                  try_files /index.html =500; }
    location /b { try_files /index.html =500; }
    location = /index.html { }
--- request eval
["GET /a", "GET /b", "GET /b"]
--- more_headers eval
[::cookie(), ::cookie(), ::bearer()]
--- error_code eval
[401, 200, 401]

=== TEST 18: a variable made from the token's claims
--- http_config eval
$::http_config . <<'_EOC_';
    map "$social_sub $social_auth_status" $mine {
        default "";
        " " $http_x_access_token;
    }
_EOC_
--- config
    social_auth main;
    social_auth_token $mine;
    location = /index.html { root html; add_header X-Sub $social_sub; }
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
[::header(sub => 'me'), "X: y"]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Sub: me", "!X-Sub"]

=== TEST 19: no token reaches the error log
--- config
    social_auth main;
    social_auth_token $arg_access_token $cookie_t;
    location = /index.html { root html; }
    location = /refused { proxy_pass http://127.0.0.1:1; }
--- request eval
["GET /index.html?access_token=" . ::token(exp => 1),
 "GET /none?access_token=" . ::token(),
 "GET /refused?access_token=" . ::token(),
 "GET /index.html?access_token=" . ::token()]
--- more_headers eval
["X: y", "Referer: http://localhost/?access_token=" . ::token(), "X: y",
 ::cookie()]
--- error_code eval
[401, 404, 502, 401]
--- no_error_log
[alert]
[emerg]
[crit]
eyJ
access_token

=== TEST 20: a cookie, by method, without an Origin
--- config eval
"    location /x {\n$::Cookie    }\n"
--- request eval
[map { "$_ /x" . (/P/ ? "\nbody" : "") }
 qw( GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND )]
--- more_headers eval
[map { ::cookie() } 1 .. 8]
--- error_code eval
[200, 200, (401) x 6]
--- response_headers eval
::status('ok', 'ok', ('origin') x 6)

=== TEST 21: and its error
--- config eval
"    location /x {\n$::Cookie    }\n"
--- request
POST /x
a
--- more_headers eval
::cookie()
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="api", error="invalid_token", error_description="a token in a cookie is not accepted from this origin"
--- response_body_like: ^\{"message":"Unauthorized","requestId":"\w{32}"\}$
--- error_log
social: token refused: origin, kid: ""

=== TEST 22: with our own Origin, and what looks like it
--- config eval
"    location /x {\n$::Cookie    }\n"
--- request eval
[("POST /x\na") x 14]
--- more_headers eval
[map { ::cookie() . "\n$_" }
 "Origin: http://localhost", "Host: localhost:81\nOrigin: http://localhost:81",
 "Host: [::1]:81\nOrigin: http://[::1]:81",
 "Origin: https://localhost", "Origin: http://localhost:80",
 "Origin: http://LOCALHOST", "Origin: http://localhost/",
 "Origin: http://localhost.evil.example", "Origin: http://evil.example",
 "Origin: null", "Origin:", "Host: localhost:81\nOrigin: http://localhost",
 "Origin: http://localhost\nOrigin: http://evil.example",
 "Referer: http://localhost/"]
--- error_code eval
[(200) x 3, (401) x 11]
--- response_headers eval
::status(('ok') x 3, ('origin') x 11)

=== TEST 23: with an Origin that CORS allows to send credentials
--- config eval
"    location /x {\n$::Cookie$::Cors    social_cors_credentials on; }\n"
--- request eval
[("POST /x\na") x 3, "DELETE /x", ("POST /x\na") x 5, "GET /x"]
--- more_headers eval
[map { ::cookie() . "\nOrigin: $_" }
 "https://app.example.com", "https://a.example.org", "http://localhost",
 "https://app.example.com", "https://evil.example", "http://app.example.com",
 "https://example.org", "https://app.example.com.evil.example", "null",
 "https://evil.example"]
--- error_code eval
[(200) x 4, (401) x 5, 200]
--- response_headers eval
[(map { "X-Status: ok\nAccess-Control-Allow-Origin: $_" }
  "https://app.example.com", "https://a.example.org"), "X-Status: ok",
 "X-Status: ok", ("X-Status: origin\n!Access-Control-Allow-Origin") x 5,
 "X-Status: ok\n!Access-Control-Allow-Origin"]

=== TEST 24: with an Origin that may not send credentials
--- config eval
"    social_cors on;
    social_cors_origins https://app.example.com;
    location /x {\n$::Cookie    }
    location /any {\n$::Cookie    social_cors_origins *; }
    location /https {\n$::Cookie    social_cors_origins https://*; }
    location /off {\n$::Cookie    social_cors off;
        social_cors_credentials on; }\n"
--- request eval
[map { "POST $_\na" } qw( /x /any /https /off /any )]
--- more_headers eval
[(map { ::cookie() . "\nOrigin: https://app.example.com" } 1 .. 4),
 ::cookie() . "\nOrigin: http://localhost"]
--- error_code eval
[(401) x 4, 200]
--- response_headers eval
::status(('origin') x 4, 'ok')

=== TEST 25: a token in a header needs no Origin
--- config eval
"    location /x {\n$::Cookie
        social_auth_token \$cookie_t \$http_authorization \$arg_t;
    }\n" =~ s/social_auth_token \$cookie_t;//r
--- request eval
["POST /x\na", "POST /x\na", "POST /x?t=" . ::token() . "\na",
 "POST /x\na"]
--- more_headers eval
[::bearer(), ::bearer() . "\nOrigin: https://evil.example", "X: y",
 ::cookie() . "\nOrigin: https://evil.example"]
--- error_code eval
[200, 200, 200, 401]

=== TEST 26: an error_page or a backend makes a GET of it, which is refused too
--- config
    location /a {
        social_auth main; social_auth_token $cookie_t;
        error_page 401 = /b;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /b {
        social_auth main optional=lenient; social_auth_token $cookie_t;
        add_header X-Sub $social_sub always;
        add_header X-Status $social_auth_status always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /c {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/accel/b;
    }
--- request eval
["POST /a\na", "POST /c\na", "GET /c"]
--- more_headers eval
[map { ::cookie(sub => 'me') . "\nOrigin: https://evil.example" } 1 .. 3]
--- response_headers eval
["!X-Sub\nX-Status: origin", "!X-Sub\nX-Status: origin",
 "X-Sub: me\nX-Status: ok"]
--- response_body_like eval
[("^GET /b (?:(?!X-Social-Sub).)*\$") x 2, "X-Social-Sub: me"]

=== TEST 27: CORS of the location after an internal redirect
--- config eval
"    location /a {\n$::Cookie$::Cors    social_cors_credentials on;
        error_page 401 404 502 = /b;
        proxy_intercept_errors on;
        rewrite ^/a/rewrite /b last;
    }
    location /b {\n$::Cookie    social_cors off; }\n"
--- request eval
["POST /a\na", "POST /a/status/404\na", "POST /a/rewrite\na"]
--- more_headers eval
[map { ::cookie() . "\nOrigin: https://app.example.com" } 1 .. 3]
--- error_code eval
[200, 401, 401]

=== TEST 28: a WebSocket, by its protocol
--- config eval
"$::Handshake    }\n"
--- request eval
[("GET /websocket") x 2]
--- more_headers eval
[map { ::handshake(::protocol(sub => 'me') . $_) } "", ", chat"]
--- error_code eval
[101, 101]
--- response_headers eval
[(CORE::join "\n", "Sec-WebSocket-Protocol: bearer", "X-Sub: me",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") x 2]
--- raw_response_headers_unlike eval
[("eyJ") x 2]

=== TEST 29: a WebSocket without a good token
--- config eval
"$::Handshake    }\n"
--- request eval
[("GET /websocket") x 5]
--- more_headers eval
[map { ::handshake($_) } "X: y", "Sec-WebSocket-Protocol: chat",
 "Sec-WebSocket-Protocol: bearer", ::protocol(exp => 1),
 ::protocol() . "\n" . ::bearer()]
--- error_code eval
[(401) x 5]
--- response_headers eval
[map { "!Sec-WebSocket-Protocol\n!Upgrade\nX-Status: $_" }
 qw( none none malformed expired several )]

=== TEST 30: a WebSocket, and the backend does not get the token
--- config eval
"$::Handshake    proxy_set_header Sec-WebSocket-Protocol bearer;\n    }\n"
--- request
GET /websocket
--- more_headers eval
::handshake(::protocol(sub => 'me'))
--- error_code: 101
--- response_headers
Sec-WebSocket-Protocol: bearer
X-Protocols: 6
X-Sub: me

=== TEST 31: a WebSocket with a cookie needs an Origin
--- config eval
"$::Handshake$::Cors    social_cors_credentials on;\n    }\n"
--- request eval
[("GET /websocket") x 6]
--- more_headers eval
[map { ::handshake(::cookie(), $_) } "Origin: http://localhost",
 "Origin: https://app.example.com", "X: y", "Origin: https://evil.example",
 "Origin: null", "Sec-Fetch-Site: same-origin"]
--- error_code eval
[101, 101, (401) x 4]
--- response_headers eval
["!X", "!X", map { "X-Status: origin" } 1 .. 4]

=== TEST 32: what nginx accepts as a handshake, or not
--- config eval
"    location /x {\n$::Cookie    }\n"
--- request eval
[("GET /x") x 4]
--- more_headers eval
[map { ::cookie() . "\nOrigin: https://evil.example\n$_" }
 "Upgrade: WebSocket", "Upgrade: h2c, websocket", "Upgrade: h2c",
 "Sec-WebSocket-Version: 13"]
--- error_code eval
[401, 401, 200, 200]

=== TEST 33: an unknown variable
--- config
    location = /index.html {
        root html; social_auth main; social_auth_token $nobody_s;
    }
--- must_die
--- error_log
[emerg]
unknown "nobody_s" variable
--- no_error_log
[alert]
[crit]

=== TEST 34: a cookie by its name
--- http_config eval
"    map \$http_cookie \$copied {\n"
. "        \"~__Host-s=(?<v>[^;]+)\" \$v;\n    }\n"
. "    map \$cookie_head \$joined {\n"
. "        default \$cookie_head.\$cookie_sig;\n    }\n" . $::http_config
--- config
    location = /host {
        social_auth main;
        social_auth_token $http_authorization cookie=__Host-s;
        add_header X-Status $social_auth_status always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /copied {
        social_auth main;
        social_auth_token $copied;
        add_header X-Status $social_auth_status always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /joined {
        social_auth main;
        social_auth_token $joined;
        add_header X-Status $social_auth_status always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /host", "GET /host", "GET /host", "GET /host", "GET /host", "GET /host",
 "GET /host", "POST /host\na", "POST /host\na", "GET /copied",
 "POST /copied\na", "POST /copied\na", "GET /joined", "POST /joined\na",
 "GET /host"]
--- more_headers eval
my $t = ::token();
my ($head, $sig) = $t =~ /\A(.*)\.([^.]+)\z/;
["Cookie: a=b; __Host-s=$t; c=d", "Cookie: __Host-s=\"$t\"",
 "Cookie: __host-s=$t", "Cookie: __Host-s=$t; __Host-s=x",
 "Cookie: __Host-s=$t\nCookie: __Host-s=$t", "Cookie: __Host-s=",
 ::bearer() . "\nCookie: __Host-s=$t", "Cookie: __Host-s=$t",
 "Cookie: __Host-s=$t\nOrigin: http://localhost", "Cookie: __Host-s=$t",
 "Cookie: __Host-s=$t", "Cookie: __Host-s=$t\nOrigin: http://localhost",
 "Cookie: head=$head; sig=$sig", "Cookie: head=$head; sig=$sig",
 "Cookie: __Host-s=undefined"]
--- error_code eval
[200, 200, 401, 401, 401, 401, 401, 401, 200, 200, 401, 200, 200, 401, 401]
--- response_headers eval
::status(qw( ok ok none several several none several origin ok ok origin ok ok
             origin none ))
