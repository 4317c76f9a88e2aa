# Subrequests are authorized too, each by its own location; the identity of the
# main request stays what it is.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;

our $Url = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";

sub other {
    return 'X-Other: ' . token(iss => 'https://other.example.com',
                               -key => 'other', sub => 'olga', @_);
}

# The key server's own word, not by way of the nginx that is loaded.

sub control {
    my ($path) = @_;

    local $ENV{TEST_NGINX_SERVER_PORT} = $ENV{TEST_NGINX_BACKEND_PORT};
    return get("/control/$path");
}

# Clients that go while their subrequests wait.

sub leave {
    my ($id, @uris) = @_;

    my @socks = map { begin($_, bearer()) } (@uris) x 5;
    control("$id/sleep/300");
    close $_ for @socks;
    control("$id/sleep/300");
    control("$id/open");
}

suite(http_config => $http_config, log_level => 'info',
      no_error_log => "[alert]\n[emerg]\n[crit]");

# The server keeps state: some blocks are good for one run.

repeat_each(1);
workers(2);
master_on();
timeout(10);
plan tests => repeat_each() * 294;
no_long_string();
run_tests();

__DATA__

=== TEST 1: auth_request, and its answer to each verdict
--- config
    root html;
    location = /x { auth_request /auth; try_files /index.html =500; }
    location = /scope { auth_request /auth-scope; try_files /index.html =500; }
    location = /maybe { auth_request /auth-maybe; try_files /index.html =500; }
    location = /auth { internal; social_auth main; try_files /none =204; }
    location = /auth-scope {
        internal; social_auth main; social_auth_scopes any admin;
        try_files /none =204;
    }
    location = /auth-maybe {
        internal; social_auth main optional; try_files /none =204;
    }
--- request eval
["GET /x", "GET /x", "GET /x", "GET /scope", "GET /scope", "GET /maybe",
 "GET /maybe", "GET /maybe"]
--- more_headers eval
["X: y", ::bearer(), ::bearer(exp => 1), ::bearer(), ::bearer(scope => 'admin'),
 "X: y", ::bearer(), ::bearer(exp => 1)]
--- error_code eval
[401, 200, 401, 403, 200, 200, 200, 401]
--- response_headers_like eval
['WWW-Authenticate: Bearer realm="api"', '!WWW-Authenticate',
 'WWW-Authenticate: Bearer realm="api", error="invalid_token".*expired.*',
 ('!WWW-Authenticate') x 4, 'WWW-Authenticate: Bearer realm="api", error=.*']

=== TEST 2: auth_request with a backend, which a refused one never reaches
--- config
    location = /x {
        auth_request /auth;
        auth_request_set $user $social_sub;
        auth_request_set $verdict $social_auth_status;
        add_header X-User $user always;
        add_header X-S $verdict always;
        add_header X-Mine "<$social_sub>" always;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /auth {
        internal;
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/keys/a2/main;
    }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "GET /x", "GET /control/a2/count", "GET /x", "GET /control/a2/count"]
--- more_headers eval
["X: y", ::bearer(-key => 'forged'), "X: y", ::bearer(sub => 'bob'), "X: y"]
--- error_code eval
[401, 401, 200, 200, 200]
--- response_body_like eval
['', '', '^0$', 'works', '^1$']
--- response_headers eval
["X-S: none\nX-Mine: <>\n!X-User", "X-S: signature\nX-Mine: <>\n!X-User", '!X-User',
 "X-S: ok\nX-User: bob\nX-Mine: <>", '!X-User']

=== TEST 3: two issuers: neither verdict replaces the other
--- config
    location /x {
        social_auth main;
        auth_request /auth;
        auth_request_set $olga $social_sub;
        add_header X-Olga "<$olga>" always;
        add_header X-Sub "<$social_sub>" always;
        proxy_set_header X-Mine $social_sub;
        proxy_set_header X-Hers $olga;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /auth {
        internal;
        social_auth other;
        social_auth_token $http_x_other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/;
        proxy_set_header X-Auth-Sub $social_sub;
    }
    location /o {
        auth_request /auth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
[("GET /x") x 5, ("GET /o") x 2]
--- more_headers eval
[ ::bearer(sub => 'bob') . "\n" . ::other(), ::bearer(), ::other(),
  ::bearer(exp => 1) . "\n" . ::other(), ::bearer() . "\n" . ::other(exp => 1),
  ::other(), ::bearer() ]
--- error_code eval
[200, 401, 401, 401, 401, 200, 401]
--- response_headers eval
["X-Olga: <olga>\nX-Sub: <bob>",
 "X-Olga: <>\nX-Sub: <c0ffee00-1234-4abc-8def-000000000001>",
 "X-Olga: <>\nX-Sub: <>", "X-Olga: <>\nX-Sub: <>",
 "X-Olga: <>\nX-Sub: <c0ffee00-1234-4abc-8def-000000000001>", '!X-Sub', '!X-Sub']
--- response_body_like eval
['(?m)\A(?=[\s\S]*^X-Mine: bob$)(?=[\s\S]*^X-Hers: olga$)'
 . '(?=[\s\S]*^X-Social-Sub: bob$)(?![\s\S]*X-Social-Sub: olga)',
 ('401|Unauthorized') x 4, '\A(?![\s\S]*X-Social-Sub)', '401|Unauthorized']

=== TEST 4: a subrequest waits for the keys
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri $::Url/a4/slow-500-main",
                        'jwks_timeout 30s')
--- config
    root html;
    location = /x { auth_request /auth; try_files /index.html =500; }
    location = /page.html { ssi on; }
    location = /auth { internal; social_auth main; try_files /none =204; }
    location = /part.html { internal; social_auth main; }
--- user_files
>>> page.html
[<!--#include virtual="/part.html" -->|<!--#include virtual="/part.html" -->]
>>> part.html
for bob
--- request eval
["GET /page.html", "GET /x", "GET /page.html"]
--- more_headers eval
::tokens([], [], [])
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["^\\[for bob\n\\|for bob\n\\]\$", 'works', "^\\[for bob\n\\|for bob\n\\]\$"]

=== TEST 5: a subrequest waits for the keys, of auth_request
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri $::Url/a5/slow-500-main",
                        'jwks_timeout 30s')
--- config
    root html;
    location = /x { auth_request /auth; try_files /index.html =500; }
    location = /auth { internal; social_auth main; try_files /none =204; }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
[::bearer(), "X: y"]
--- error_code eval
[200, 401]

=== TEST 6: without keys auth_request answers 500
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri http://127.0.0.1:1/")
--- config
    root html;
    location = /x { auth_request /auth; try_files /index.html =500; }
    location = /auth { internal; social_auth main; try_files /none =204; }
--- request
GET /x
--- more_headers eval
::bearer()
--- error_code: 500
--- error_log
auth request unexpected status: 503

=== TEST 7: pages that include protected content
--- config
    root html;
    location = /page.html { ssi on; }
    location = /mine.html { ssi on; social_auth main; }
    location = /before.html { add_before_body /part.html; }
    location = /part.html { social_auth main; }
    location = /other.html { social_auth other; social_auth_token $http_x_other; }
    location /dir/ { index index.html; }
    location = /dir/index.html { social_auth main; social_auth_scopes any admin; }
--- user_files
>>> page.html
[<!--#include virtual="/part.html" -->|<!--#include virtual="/dir/" -->]
>>> mine.html
[<!--#include virtual="/other.html" wait="yes" --><!--#echo var="social_sub" -->|<!--#include virtual="/part.html" -->]
>>> before.html
the page
>>> part.html
for bob
>>> other.html
for olga
>>> dir/index.html
for admins
--- request eval
["GET /page.html", "GET /page.html", "GET /page.html", "GET /mine.html",
 "GET /mine.html", "GET /before.html", "GET /before.html"]
--- more_headers eval
["X: y", ::bearer(), ::bearer(scope => 'admin'),
 ::bearer(sub => 'bob') . "\n" . ::other(), ::bearer(sub => 'bob'),
 "X: y", ::bearer()]
--- response_body_like eval
['(?s)\A(?!.*for ).*401',
 "^(?s)\\[for bob\n\\|(?!.*admins).*403.*\\]\$",
 "^\\[for bob\n\\|for admins\n\\]\$",
 "^\\[for olga\nbob\\|for bob\n\\]\$",
 "^(?s)\\[(?!.*olga).*401.*\nbob\\|for bob\n\\]\$",
 '(?s)\A(?!.*for bob).*401.*the page', "^for bob\nthe page\$"]
--- error_code eval
[(200) x 7]

=== TEST 8: mirrors: refused ones are not visible, and no request waits for them
--- config
    location = /x {
        mirror /mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /mirror {
        internal;
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/keys/m8/main;
    }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "POST /x\nabc", "GET /control/m8/sleep/300", "GET /x",
 "GET /control/m8/wait/1", "POST /x\nabc", "GET /control/m8/wait/2"]
--- more_headers eval
["X: y", "X: y", "X: y", ::bearer(), "X: y", ::bearer(), "X: y"]
--- error_code eval
[(200) x 7]
--- response_body_like eval
['GET', 'POST', '^0$', 'GET', '^1$', 'POST', '^2$']

=== TEST 9: slices belong to their parent, and are not authorized again
--- http_config eval
"$::http_config" . '    map $slice_range $first {
        volatile;
        "bytes=0-7" $http_x_token;
        default "";
    }
'
--- config
    location /s/ {
        social_auth main;
        social_auth_token $first;
        social_auth_cache off;
        slice 8;
        proxy_set_header Range $slice_range;
        proxy_set_header X-Sub $social_sub;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/static/;
    }
    location /static/ {
        if ($http_x_sub != bob) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
--- user_files
>>> long.txt
0123456789012345678901234567890123456789
--- request eval
["GET /s/long.txt", "GET /s/long.txt"]
--- more_headers eval
["X: y", 'X-Token: ' . ::token(sub => 'bob')]
--- error_code eval
[401, 200]
--- response_body_like eval
['Unauthorized', '^0123456789012345678901234567890123456789$']

=== TEST 10: of a subrequest without its own token
--- config
    root html;
    location = /page.html {
        ssi on; social_auth other; social_auth_token $http_x_other;
    }
    location = /part.html { ssi on; social_auth main; }
    location = /leaf { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/;
                       proxy_set_header X-Sub "<$social_sub>"; }
--- user_files
>>> page.html
<!--#include virtual="/part.html" -->|<!--#include virtual="/leaf" -->
>>> part.html
<!--#include virtual="/leaf" -->
--- request
GET /page.html
--- more_headers eval
::bearer(sub => 'bob') . "\n" . ::other()
--- response_body_like
X-Sub: <bob>[\s\S]*\|[\s\S]*X-Sub: <olga>

=== TEST 11: a cookie by the method of the client
--- config
    root html;
    location = /x {
        auth_request /auth;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /auth {
        internal; social_auth main; social_auth_token $cookie_t;
        try_files /none =204;
    }
--- request eval
["GET /x", "POST /x\nabc", "POST /x\nabc", "GET /x"]
--- more_headers eval
my $cookie = 'Cookie: t=' . ::token();
[ $cookie, $cookie, "$cookie\nOrigin: http://localhost", 'X: y' ]
--- error_code eval
[200, 401, 200, 401]

=== TEST 12: "satisfy any" beside auth_request
--- config
    root html;
    satisfy any;
    location = /x {
        deny all; auth_request /auth; try_files /index.html =500;
    }
    location = /y { allow 127.0.0.1; deny all; auth_request /auth;
                    try_files /index.html =500; }
    location = /auth {
        internal; social_auth main; allow 127.0.0.1; try_files /none =204;
    }
--- request eval
["GET /x", "GET /x", "GET /y"]
--- more_headers eval
["X: y", ::bearer(), "X: y"]
--- error_code eval
[401, 200, 200]

=== TEST 13: a location that asks for a claim, of the right issuer
--- config
    root html;
    location = /page.html { ssi on; social_auth other;
                            social_auth_token $http_x_other; }
    location = /headers { social_auth main; social_auth_claim role admin;
                    proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/; }
--- user_files
>>> page.html
[<!--#include virtual="/headers" -->]
--- request eval
["GET /page.html", "GET /page.html", "GET /page.html"]
--- more_headers eval
[ ::other(role => 'admin'), ::other(role => 'admin') . "\n" . ::bearer(),
  ::other() . "\n" . ::bearer(role => 'admin') ]
--- response_body_like eval
['(?s)^\[.*401', '(?s)^\[.*403', '^\[GET ']

=== TEST 14: clients that leave while a subrequest waits
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri $::Url/a14/gate-main", 'jwks_timeout 30s')
--- init
::leave('a14', '/x', '/page.html', '/m');
--- config
    root html;
    location = /x { auth_request /auth; try_files /index.html =500; }
    location = /page.html { ssi on; }
    location = /m { mirror /auth; try_files /index.html =500; }
    location = /auth { internal; social_auth main; try_files /none =204; }
    location = /part.html { internal; social_auth main; }
--- user_files
>>> page.html
[<!--#include virtual="/part.html" -->|<!--#include virtual="/part.html" -->]
>>> part.html
for bob
--- request eval
["GET /page.html", "GET /x"]
--- more_headers eval
::tokens([], [])
--- response_body_like eval
["^\\[for bob\n\\|for bob\n\\]\$", 'works']
--- error_code eval
[200, 200]

=== TEST 15: a volatile map is evaluated in the request that reads it
--- http_config eval
"$::http_config" . '    map $social_sub $fresh { volatile; default $social_sub; }
'
--- config
    location = /x {
        social_auth main;
        auth_request /auth;
        add_header X-Fresh "<$fresh>";
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /auth {
        internal; social_auth other; social_auth_token $http_x_other;
        set $hers "$fresh";
        try_files /none =204;
    }
--- request
GET /x
--- more_headers eval
::bearer(sub => 'bob') . "\n" . ::other()
--- response_headers
X-Fresh: <bob>
