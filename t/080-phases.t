# Authorization beside nginx's other ways to let requests in, to lead them on
# and to count them.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite(http_config => $http_config, log_level => 'info',
      no_error_log => "[alert]\n[emerg]\n[crit]",
      user_files => ">>> users\na:{PLAIN}b\n>>> e.html\nsorry\n");

our $Run = 0;       # in the sections below

repeat_each(2);
plan tests => repeat_each() * 540;
no_long_string();
run_tests();

__DATA__

=== TEST 1: satisfy all, with addresses
--- config
    location /in { social_auth main; allow all; try_files /index.html =500; }
    location /out { social_auth main; deny all; try_files /index.html =500; }
--- request eval
["GET /in", "GET /in", "GET /out", "GET /out"]
--- more_headers eval
["X: y", ::bearer(), "X: y", ::bearer()]
--- error_code eval
[401, 200, 401, 403]

=== TEST 2: satisfy any, with addresses
--- config
    satisfy any;
    location /in {
        social_auth main; allow 127.0.0.1; deny all;
        try_files /index.html =500;
    }
    location /out { social_auth main; deny all; try_files /index.html =500; }
--- request eval
["GET /in", "GET /in", "GET /out", "GET /out", "GET /in", "GET /out"]
--- more_headers eval
["X: y", ::bearer(), "X: y", ::bearer(), "Authorization: Bearer x",
 "Authorization: Bearer x"]
--- error_code eval
[200, 200, 401, 200, 200, 401]
--- response_headers eval
[("!WWW-Authenticate") x 2, "!X", "!WWW-Authenticate", "!WWW-Authenticate",
 "!X"]

=== TEST 3: satisfy any, and an optional token: no token does not satisfy
--- config
    satisfy any;
    location /out {
        social_auth main optional; deny all; try_files /index.html =500;
    }
    location /lenient {
        social_auth main optional=lenient; deny all;
        try_files /index.html =500;
    }
    location /alone {
        social_auth main optional; try_files /index.html =500;
    }
--- request eval
["GET /out", "GET /out", "GET /lenient", "GET /lenient", "GET /alone",
 "GET /alone"]
--- more_headers eval
["X: y", ::bearer(), "Authorization: Bearer x", ::bearer(), "X: y",
 ::bearer()]
--- error_code eval
[403, 200, 403, 200, 200, 200]

=== TEST 4: with auth_basic
--- config
    auth_basic api;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    location /all { social_auth main; try_files /index.html =500; }
    location /any {
        satisfy any; social_auth main; try_files /index.html =500;
    }
--- request eval
["GET /any", "GET /any", "GET /any", "GET /any", "GET /all", "GET /all"]
--- more_headers eval
["X: y", "Authorization: Basic YTpi", ::bearer(), "Authorization: Basic YTpj",
 "Authorization: Basic YTpi", ::bearer()]
--- error_code eval
[401, 200, 200, 401, 401, 401]

=== TEST 5: limit_except
--- config
    location /x {
        social_auth main;
        limit_except GET { deny all; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "POST /x\na", "GET /x", "POST /x\na"]
--- more_headers eval
["X: y", "X: y", ::bearer(), ::bearer()]
--- error_code eval
[401, 401, 200, 403]

=== TEST 6: auth_request, in either order
--- config
    location /yes { social_auth main; auth_request /ok;
                    try_files /index.html =500; }
    location /no { social_auth main; auth_request /denied;
                   try_files /index.html =500; }
    location = /ok { return 204; }
    location = /denied { return 403; }
--- request eval
["GET /yes", "GET /yes", "GET /no", "GET /no"]
--- more_headers eval
["X: y", ::bearer(), "X: y", ::bearer()]
--- error_code eval
[401, 200, 401, 403]

=== TEST 7: a location of auth_request asks for a token itself
--- config
    location /x { auth_request /check; try_files /index.html =500; }
    location = /check {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/status/200;
    }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
["X: y", ::bearer()]
--- error_code eval
[401, 200]

=== TEST 8: an index, a try_files and a rewrite
--- config
    location = / { social_auth off; index index.html; root html; }
    location = /index.html { social_auth main; root html; }
    location /try { root html; try_files /none /index.html; }
    location /rewrite { rewrite ^ /index.html last; }
    location /break { social_auth main; rewrite ^ /e.html break; root html; }
--- request eval
["GET /", "GET /", "GET /try", "GET /try", "GET /rewrite", "GET /rewrite",
 "GET /break", "GET /break"]
--- more_headers eval
["X: y", ::bearer(), "X: y", ::bearer(), "X: y", ::bearer(), "X: y",
 ::bearer()]
--- error_code eval
[401, 200, 401, 200, 401, 200, 401, 200]

=== TEST 9: X-Accel-Redirect
--- config
    location /a/ { proxy_pass
        http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/accel/index.html; }
    location /b/ { social_auth main; proxy_pass
        http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/accel/e.html; }
    location = /index.html { internal; social_auth main; root html; }
    location = /e.html { internal; root html; add_header X-S $social_sub; }
--- request eval
["GET /a/", "GET /a/", "GET /b/", "GET /b/"]
--- more_headers eval
["X: y", ::bearer(), "X: y", ::bearer(sub => 'me')]
--- error_code eval
[401, 200, 401, 200]
--- response_headers eval
["!X-S", "!X-S", "!X-S", "X-S: me"]

=== TEST 10: named locations
--- config
    location /x { social_auth main; try_files /none @a; }
    location /y { try_files /none @b; }
    location @a { root html; try_files /index.html =500; }
    location @b { social_auth main; root html; try_files /index.html =500; }
--- request eval
["GET /x", "GET /x", "GET /y", "GET /y"]
--- more_headers eval
["X: y", ::bearer(), "X: y", ::bearer()]
--- error_code eval
[401, 200, 401, 200]

=== TEST 11: error_page 401, with its challenge
--- config
    error_page 401 /e.html;
    error_page 403 = @e;
    location /x { social_auth main; root html; }
    location /y { social_auth main; social_auth_scopes any a; root html; }
    location @e { root html; try_files /e.html =500; }
--- request eval
["GET /x", "GET /y"]
--- more_headers eval
["X: y", ::bearer()]
--- error_code eval
[401, 200]
--- response_body eval
["sorry\n", "sorry\n"]
--- response_headers_like eval
["WWW-Authenticate: Bearer realm=\"api\"",
 "WWW-Authenticate: .*insufficient_scope.*"]

=== TEST 12: "return" answers before any access module runs
--- config
    location /x { social_auth main; return 200 "open\n"; }
--- request
GET /x
--- response_body
open

=== TEST 13: limit_conn by subject
--- http_config eval
"$::http_config    limit_conn_zone \$social_sub zone=c:1m;\n"
--- config
    location /x {
        social_auth main;
        limit_conn c 1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
::tokens([], [])
--- error_code eval
[200, 200]

=== TEST 14: limit_req by subject, before refusals
--- http_config eval
"$::http_config    limit_req_zone \$social_sub zone=r:1m rate=1r/m;\n"
--- config
    location /x {
        social_auth main;
        social_auth_scopes any nobody;
        limit_req zone=r;
        limit_req_status 429;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
[("GET /x") x 4]
--- more_headers eval
my $n = ++$::Run;
[::bearer(sub => "l$n"), ::bearer(sub => "l$n"), "X: y", "X: y"]
--- error_code_like eval
["403|429", "429", "401", "401"]

=== TEST 15: a limit that delays
--- http_config eval
"$::http_config    limit_req_zone \$social_sub zone=d:1m rate=20r/s;\n"
--- config
    location = /index.html {
        root html;
        social_auth main;
        limit_req zone=d burst=10;
    }
--- pipelined_requests eval
[("GET /index.html") x 4]
--- more_headers eval
::tokens([], [], [], [])
--- error_code eval
[200, 200, 200, 200]

=== TEST 16: directories, and names with a slash at the end
--- config
    location /x/ { social_auth main; root html; autoindex on; }
--- user_files
>>> x/a.txt
a
--- request eval
["GET /x/", "GET /x/", "GET /x", "GET /x/../x/a.txt", "GET //x//a.txt",
 "GET /%78/a.txt", "GET /x/a.txt"]
--- more_headers eval
["X: y", ::bearer(), "X: y", "X: y", "X: y", "X: y", ::bearer()]
--- error_code eval
[401, 200, 301, 401, 401, 401, 200]

=== TEST 17: every method
--- config
    location /x { social_auth main;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request eval
[map { "$_ /x" } qw( PUT PATCH DELETE OPTIONS PROPFIND TRACE ABC )]
--- error_code_like eval
[("401") x 5, "405", "401|405"]

=== TEST 18: the log handler of subrequests, and of a location without a token
--- config
    root html;
    location = /page.html { ssi on; }
--- user_files
>>> page.html
<!--#include virtual="/none?secret=SECRET" -->
--- request
GET /page.html?secret=SECRET
--- response_body_like: 404
--- no_error_log
[alert]
SECRET
--- error_log
request: "GET /page.html", subrequest: "/none"

=== TEST 19: the upstream's URI stays out of the log
--- config
    location /x { social_auth main; proxy_pass http://127.0.0.1:1; }
--- request
GET /x?secret=SECRET
--- more_headers eval
"Referer: http://a/?SECRET\n" . ::bearer()
--- error_code: 502
--- no_error_log
[alert]
SECRET
--- error_log eval
qr{connect\(\) failed .*, request: "GET /x", upstream: "http://127\.0\.0\.1:1", host: "localhost"}

=== TEST 20: satisfy any, without keys: requests allowed by address are allowed
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri http://127.0.0.1:1/")
--- config
    satisfy any;
    location /in {
        social_auth main; allow 127.0.0.1; deny all;
        try_files /index.html =500;
    }
    location /out { social_auth main; deny all; try_files /index.html =500; }
    location /basic {
        social_auth main;
        auth_basic api; auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        try_files /index.html =500;
    }
    location /alone { social_auth main; try_files /index.html =500; }
    location /lenient {
        social_auth main optional=lenient; deny all;
        try_files /index.html =500;
    }
--- request eval
["GET /in", "GET /out", "GET /basic", "GET /alone", "GET /lenient", "GET /out"]
--- more_headers eval
[(::bearer()) x 5, "X: y"]
--- error_code eval
[200, 503, 503, 503, 503, 401]
--- response_headers eval
["!Retry-After\n!WWW-Authenticate", ("Retry-After: 2") x 4, "!Retry-After"]

=== TEST 21: satisfy any: an error after a refusal that was overruled
--- config
    satisfy any;
    root html;
    location /address/ { social_auth main; allow 127.0.0.1; deny all; }
    location /basic/ {
        social_auth main;
        auth_basic api; auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    }
    location /request/ { social_auth main; auth_request /ok; }
    location = /ok { return 204; }
--- request eval
["GET /address/no", "GET /basic/no", "GET /request/no", "GET /request/no"]
--- more_headers eval
["X: y", "Authorization: Basic YTpi", "X: y", "Authorization: Bearer x"]
--- error_code eval
[404, 404, 404, 404]
--- response_headers eval
[("Content-Type: text/html\n!WWW-Authenticate") x 4]

=== TEST 22: satisfy any: a good token is sufficient
--- config
    satisfy any;
    location /in { social_auth main; auth_request /broken;
                   try_files /index.html =500; }
    location /scope { social_auth main; social_auth_scopes any nobody;
                      auth_request /no; try_files /index.html =500; }
    location = /broken { return 500; }
    location = /no { return 403; }
--- request eval
["GET /in", "GET /in", "GET /scope", "GET /scope"]
--- more_headers eval
[::bearer(), "X: y", ::bearer(), "X: y"]
--- error_code eval
[200, 500, 403, 401]

=== TEST 23: satisfy any: the challenges of all modules that refused
--- config
    satisfy any;
    auth_basic api;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    location /x { social_auth main; try_files /index.html =500; }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
["X: y", "Authorization: Basic YTpi"]
--- error_code eval
[401, 200]
--- raw_response_headers_like eval
[qr/WWW-Authenticate: Basic realm="api"\r\n(?:.*\r\n)*WWW-Authenticate: Bearer realm="api"\r\n/,
 qr/\A(?!.*WWW-Auth)/s]

=== TEST 24: by method, with an error_page
--- config
    location /x {
        error_page 418 = @signed;
        if ($request_method !~ ^(GET|HEAD)$) { return 418; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location @signed {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "HEAD /x", "POST /x\nhello", "POST /x\nhello", "DELETE /x",
 "PROPFIND /x", "GET /x"]
--- more_headers eval
["X: y", "X: y", "X: y", ::bearer(), "X: y", "X: y", ::bearer(exp => 1)]
--- error_code eval
[200, 200, 401, 200, 401, 401, 200]
--- response_body_like eval
["GET /x", '^$', '"message":"Unauthorized"', "POST /x(?s).*hello",
 ('"message":"Unauthorized"') x 2, "GET /x"]

=== TEST 25: by method, with limit_except
--- config
    location /x {
        limit_except GET { social_auth main; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /y {
        social_auth other;
        social_auth_scopes any nothing;
        limit_except GET {
            social_auth main;
            social_auth_token $http_x_token;
            social_auth_scopes any photos/read;
            social_auth_groups any staff;
            social_auth_groups_claim cognito:groups;
            social_auth_claim client_id web;
            social_auth_error_detail off;
            social_auth_cache off;
        }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /z {
        social_auth main;
        limit_except POST { social_auth off; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "HEAD /x", "POST /x\nhello", "POST /x\nhello", "DELETE /x",
 "PROPFIND /x", "ABC /x", "GET /x",
 "GET /y", "POST /y\na", "POST /y\na", "POST /y\na",
 "POST /z\na", "POST /z\na", "GET /z", "PUT /z\na"]
--- more_headers eval
["X: y", "X: y", "X: y", ::bearer(), "X: y", "X: y", "X: y",
 ::bearer(exp => 1),
 ::bearer(), "X-Token: " . ::token(), ::bearer(),
 "X-Token: " . ::token(client_id => 'x'),
 "X: y", ::bearer(), "X: y", "X: y"]
--- error_code eval
[200, 200, 401, 200, 401, 401, 401, 200, 401, 200, 401, 401, 401, 200, 200,
 200]
--- response_body_like eval
["GET /x", '^$', '"message":"Unauthorized"', "POST /x(?s).*hello",
 ('"message":"Unauthorized"') x 3, "GET /x", "Unauthorized", "POST /y",
 ("Unauthorized") x 3, "POST /z", "GET /z", "PUT /z"]

=== TEST 26: satisfy any, without keys: no challenge of a module that refused
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri http://127.0.0.1:1/")
--- config
    satisfy any;
    auth_basic api;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    location /x { social_auth main; try_files /index.html =500; }
    location /both {
        social_auth main;
        auth_request /denied;
        try_files /index.html =500;
    }
    location = /denied { return 401; }
--- request eval
["GET /x", "GET /both", "GET /x", "GET /x"]
--- more_headers eval
[::bearer(), ::bearer(), "X: y", "Authorization: Basic YTpi"]
--- error_code eval
[503, 503, 401, 200]
--- raw_response_headers_unlike eval
[("WWW-Authenticate") x 2, "WWW-Authenticate: Bearer.*error", "WWW-Auth"]
