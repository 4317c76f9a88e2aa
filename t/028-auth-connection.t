# What a refusal leaves behind on a connection, and who sees a token's claims
# beside the request that brought it.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite(
    http_config => $http_config,
    config => <<'_EOC_',
    social_auth main;
    social_auth_token $http_authorization $cookie_t;
    location /api/ { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location = /index.html { root html; }
_EOC_
    log_level => 'info',
    no_error_log => "[alert]\n[emerg]\n[crit]\neyJ");

our $Run = 0;       # in the sections below

sub cookie { return 'Cookie: t=' . token(@_) }

# What a backend would take for a request, if it came to that.

our $Evil = "GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n" x 2000;

sub chunked {
    my ($text) = @_;

    my $body = '';
    $body .= sprintf "%x\r\n%s\r\n", length $_, $_
        for $text =~ /(.{1,7000})/sg;

    return "${body}0\r\n\r\n";
}

our $HasAddition = 1;

if (`${\ ($ENV{TEST_NGINX_BINARY} || 'nginx') } -V 2>&1`
    !~ /http_addition_module/)
{
    $HasAddition = 0;
}

repeat_each(2);
plan tests => repeat_each() * 303;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a body of 100 kB that is refused, and a good request after it
--- pipelined_requests eval
["POST /api/x\n$::Evil", "GET /index.html", "PUT /api/x\n$::Evil",
 "GET /api/last"]
--- more_headers eval
["X: y", ::bearer(), ::cookie(), ::bearer()]
--- error_code eval
[401, 200, 401, 200]
--- response_body_like eval
["Unauthorized", "It works", "Unauthorized", "^GET /api/last"]

=== TEST 2: the same in chunks
--- pipelined_requests eval
["POST /api/x\n" . ::chunked($::Evil), "GET /index.html",
 "POST /api/x\n" . ::chunked($::Evil), "GET /api/last"]
--- more_headers eval
["Transfer-Encoding: chunked", ::bearer(),
 "Transfer-Encoding: chunked\n" . ::bearer(exp => 1), ::bearer()]
--- error_code eval
[401, 200, 401, 200]
--- response_body_like eval
["Unauthorized", "It works", "Unauthorized", "^GET /api/last"]

=== TEST 3: the same with Expect, by a client that sends the body anyway
--- pipelined_requests eval
["POST /api/x\n$::Evil", "GET /index.html",
 "POST /api/x\n" . ::chunked($::Evil), "GET /api/last"]
--- more_headers eval
["Expect: 100-continue", ::bearer(),
 "Expect: 100-continue\nTransfer-Encoding: chunked\n" . ::cookie(),
 ::bearer()]
--- error_code eval
[401, 200, 401, 200]
--- response_body_like eval
["Unauthorized", "It works", "Unauthorized", "^GET /api/last"]

=== TEST 4: a good one with a body, then a refused one, then none
--- pipelined_requests eval
["POST /api/x\nhello", "POST /api/y\n$::Evil", "GET /api/z", "GET /api/last"]
--- more_headers eval
[::bearer(), ::bearer(-key => 'forged'), "X: y", ::bearer()]
--- error_code eval
[200, 401, 401, 200]
--- response_body_like eval
['hello$', "Unauthorized", "Unauthorized", "^GET /api/last"]

=== TEST 5: nothing of a cookie is left for the next request
--- config
    location = /index.html {
        root html;
        social_auth main optional=lenient;
        social_auth_token $cookie_t $http_authorization;
        add_header X-Sub $social_sub;
        add_header X-Status $social_auth_status;
    }
--- pipelined_requests eval
[("GET /index.html") x 6]
--- more_headers eval
[::cookie(sub => 'a'), "X: y", ::bearer(sub => 'b'),
 ::cookie(sub => 'a') . "\n" . ::bearer(sub => 'b'), ::cookie(exp => 1),
 ::cookie(sub => 'c')]
--- response_headers eval
["X-Sub: a", "!X-Sub\nX-Status: none", "X-Sub: b", "!X-Sub\nX-Status: several",
 "!X-Sub\nX-Status: expired", "X-Sub: c"]

=== TEST 6: error_page 401, a static one and a named one
--- config
    error_page 401 /e.html;
    social_auth main;
    social_auth_token $cookie_t;
    location /static { root html; }
    location /named {
        error_page 401 = @login;
        root html;
    }
    location = /e.html { social_auth off; root html; }
    location @login { social_auth off; return 302 /login; }
--- user_files
>>> e.html
sorry
--- request eval
["GET /static", "GET /named", "POST /static\na", "POST /named\na"]
--- more_headers eval
["X: y", "X: y", ::cookie(), ::cookie()]
--- error_code eval
[401, 302, 401, 302]
--- response_body_like eval
[("^sorry\$", "302 Found") x 2]

=== TEST 7: SSI: whose token is required, and whose identity is used
--- config
    root html;
    location = /private.html {
        ssi on; social_auth main; social_auth_token $cookie_t;
    }
    location = /public.html { ssi on; }
    location = /who {
        social_auth main; social_auth_token $cookie_t;
        return 200 "($social_sub $social_auth_status)";
    }
--- user_files
>>> private.html
private <!--#include virtual="/who" -->
>>> public.html
public <!--#include virtual="/who" -->
--- request eval
["GET /private.html", "GET /private.html", "GET /public.html"]
--- more_headers eval
["X: y", ::cookie(sub => 'me'), ::cookie(sub => 'me')]
--- error_code eval
[401, 200, 200]
--- response_body_like eval
["Unauthorized", '^private \(me ok\)$', '^public \(me ok\)$']

=== TEST 8: a mirror gets allowed requests, and nothing else
--- http_config eval
$::Run++;
$::http_config
--- config eval
"    location /x {
        social_auth main;
        social_auth_token \$cookie_t;
        mirror /mirror;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND_PORT;
    }
    location = /mirror {
        internal;
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND_PORT/keys/p$$-$::Run/main;
    }
    location /control/ {
        proxy_pass http://127.0.0.1:\$TEST_NGINX_BACKEND_PORT;
    }\n"
--- request eval
my $id = "p$$-$::Run";
["GET /x", "POST /x\na", "GET /x", "GET /x", "GET /control/$id/wait/1"]
--- more_headers eval
["X: y", ::cookie(), ::cookie(exp => 1), ::cookie(), "X: y"]
--- error_code eval
[401, 401, 401, 200, 200]
--- response_body_like eval
[("Unauthorized") x 3, "^GET /x", '^[12]$']

=== TEST 9: what is added to a page
--- skip_eval: 12: !$::HasAddition
--- config
    root html;
    location = /index.html {
        social_auth main; social_auth_token $cookie_t;
        add_after_body /after;
    }
    location = /after { return 200 "($social_sub)"; }
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
["X: y", ::cookie(sub => 'me')]
--- error_code eval
[401, 200]
--- response_body_like eval
["Unauthorized", '\(me\)$']

=== TEST 10: auth_request, whose location has another token source
--- config
    location /x {
        social_auth main; social_auth_token $cookie_t;
        auth_request /check;
        add_header X-Sub $social_sub;
        try_files /index.html =500;
    }
    location = /check {
        internal;
        social_auth main; social_auth_token $http_x_other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/status/200;
    }
--- request eval
[("GET /x") x 4]
--- more_headers eval
["X: y", ::cookie(sub => 'me'), "X-Other: " . ::token(sub => 'you'),
 ::cookie(sub => 'me') . "\nX-Other: " . ::token(sub => 'you')]
--- error_code eval
[401, 401, 401, 200]
--- response_headers eval
["!X-Sub", "!X-Sub", "!X-Sub", "X-Sub: me"]

=== TEST 11: satisfy any, with a cookie, an address and a password
--- config
    satisfy any;
    root html;
    social_auth main;
    social_auth_token $http_authorization $cookie_t;
    location /out { deny all; try_files /index.html =500; }
    location /in { allow all; try_files /index.html =500; }
    location /basic {
        auth_basic api;
        auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
        try_files /index.html =500;
    }
--- user_files
>>> users
a:{PLAIN}b
--- request eval
["GET /out", "GET /out", "GET /in", "GET /basic", "GET /basic", "GET /basic",
 "GET /basic", "GET /basic"]
--- more_headers eval
["X: y", ::cookie(), "X: y", ::cookie(), "Authorization: Basic YTpi",
 "Authorization: Basic YTpj", "Authorization: Basic YTpj\n" . ::cookie(),
 ::bearer() . "\n" . ::cookie()]
--- error_code eval
[401, 200, 200, 200, 200, 401, 200, 401]

=== TEST 12: limit_except, and a cookie
--- config
    location /x {
        social_auth main; social_auth_token $cookie_t;
        limit_except GET { deny all; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /x", "POST /x\na", "POST /x\na", "GET /x"]
--- more_headers eval
[::cookie(), ::cookie(), ::cookie() . "\nOrigin: http://localhost", "X: y"]
--- error_code eval
[200, 401, 403, 401]
