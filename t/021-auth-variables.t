# $social_*: what they say, and where and when they say it.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite(http_config => $http_config, log_level => 'info');

# in the sections below
our $Null = JSON::PP::null();
our $Run = 0;
our %D = map { ($_ => "\$social_$_") } qw( sub auth_status kid );

repeat_each(2);
plan tests => repeat_each() * 184;
no_long_string();
run_tests();

__DATA__

=== TEST 1: all of them, in headers of the answer
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-V "$social_sub|$social_username|$social_groups" always;
        add_header X-W "$social_scopes|$social_issuer|$social_kid" always;
        add_header X-E "$social_exp" always;
        add_header X-S "$social_auth_status" always;
    }
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
::tokens([ exp => 4000000000 ], [ exp => 1 ])
--- error_code eval
[200, 401]
--- response_headers eval
["X-V: c0ffee00-1234-4abc-8def-000000000001|alice|staff,beta\n"
 . "X-W: photos/read photos/write|$::issuer|main\n"
 . "X-E: 4000000000\nX-S: ok", "X-V: ||\nX-W: ||\n!X-E\nX-S: expired"]

=== TEST 2: claims of every type
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-V "$social_claim_str|$social_claim_int|$social_claim_real";
        add_header X-W "$social_claim_yes|$social_claim_no|$social_claim_null";
        add_header X-L "$social_claim_list|$social_claim_empty";
        add_header X-M "$social_claim_mixed|$social_claim_obj";
        add_header X-N "$social_claim_such|$social_claim_void";
    }
--- request
GET /index.html
--- more_headers eval
::bearer(str => 'a b', int => 7, real => 1.5, yes => $JSON::PP::true,
         no => $JSON::PP::false, list => [ 'a', 'b,c', 'd%' ], empty => [],
         mixed => [ 'a', 1 ], obj => { k => [ 'v' ] }, void => '',
         null => $::Null)
--- response_headers
X-V: a b|7|1.5
X-W: true|false|
X-L: a,b%2Cc,d%25|
X-M: ["a",1]|{"k":["v"]}
X-N: |

=== TEST 3: names of claims that no variable can have
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-P $social_claim_custom_plan;
        add_header X-Q $social_claim_Custom_Plan;
        add_header X-G $social_claim_cognito_groups;
        add_header X-U $social_claim_https___example_com_role;
        add_header X-E $social_claim_plan;
    }
--- request
GET /index.html
--- more_headers eval
::bearer('custom:Plan' => 'gold', 'https://example.com/role' => 'x')
--- response_headers
X-P: gold
X-Q: gold
X-G: staff,beta
X-U: x
!X-E

=== TEST 4: the claim of exactly that name comes first
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-P $social_claim_a_b;
    }
--- request
GET /index.html
--- more_headers eval
::bearer('a:b' => 1, 'a-b' => 2, 'a_b' => 3, 'A_B' => 4)
--- response_headers
X-P: 3

=== TEST 5: all claims as JSON
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-C $social_claims;
    }
--- request
GET /index.html
--- more_headers eval
::bearer()
--- response_headers_like
X-C: \{.*"sub":"c0ffee00-1234-4abc-8def-000000000001".*\}

=== TEST 6: no claim breaks a header
--- config
    location /api {
        social_auth main;
        add_header X-A $social_claim_a;
        add_header X-B $social_claim_b;
        proxy_set_header X-A $social_claim_a;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request
GET /api
--- more_headers eval
::bearer(a => "x\r\nEvil: 1", b => "\x{e9}\x{2028}\x7f")
--- response_headers
!Evil
X-A: x%0D%0AEvil: 1
X-B: %C3%A9%E2%80%A8%7F
--- response_body_like
X-A: x%0D%0AEvil: 1

=== TEST 7: not where nobody asked for a token
--- config
    add_header X-S "[$social_sub$social_auth_status$social_claims]";
    add_header X-T "[$social_claim_sub$social_groups$social_exp]";
    location = /index.html { root html; }
    location = /off { social_auth off; root html; try_files /index.html =404; }
--- request eval
["GET /index.html", "GET /off"]
--- more_headers eval
::tokens([], [])
--- response_headers eval
[("X-S: []\nX-T: []") x 2]
--- error_code eval
[200, 200]

=== TEST 8: the log, with and without a token
--- http_config eval
"$::http_config    log_format s '$::D{sub}|$::D{auth_status}|$::D{kid}';\n"
--- config
    access_log logs/access.log s;
    location = /index.html { root html; social_auth main; }
--- request
GET /index.html
--- more_headers eval
::bearer()
--- access_log
c0ffee00-1234-4abc-8def-000000000001|ok|main

=== TEST 9: the log of a refused request
--- http_config eval
"$::http_config    log_format s '$::D{sub}|$::D{auth_status}|$::D{kid}';\n"
--- config
    access_log logs/access.log s;
    location = /index.html { root html; social_auth main; }
--- request
GET /index.html
--- more_headers eval
::bearer(-key => 'forged')
--- error_code: 401
--- access_log
-|signature|-

=== TEST 10: a map and limit_req count by subject
--- http_config eval
"$::http_config    map $::D{sub} \$who { default some; bob yes; '' none; }
    limit_req_zone $::D{sub} zone=a:1m rate=1r/m;\n"
--- config
    location = /index.html {
        root html;
        social_auth main;
        limit_req zone=a;
        limit_req_status 429;
        add_header X-Who $who always;
    }
--- request eval
[("GET /index.html") x 5]
--- more_headers eval
my $n = ++$::Run;
[::bearer(sub => "a$n"), ::bearer(sub => "a$n"), ::bearer(sub => "b$n"),
 "X: y", "X: y"]
--- error_code_like eval
["200|429", "429", "200|429", "401", "401"]
--- response_headers eval
[("X-Who: some") x 3, ("X-Who: none") x 2]
--- no_error_log
[alert]
[emerg]

=== TEST 11: if and set, in the rewrite phase
--- config
    location = /index.html {
        root html;
        social_auth main optional;
        set $who $social_sub;
        if ($social_claim_plan = gold) { rewrite ^ /gold.html; }
        add_header X-Who $who;
    }
    location = /gold.html {
        root html;
        add_header X-Gold $social_sub;
    }
--- user_files
>>> gold.html
gold
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html"]
--- more_headers eval
[::bearer(), ::bearer(plan => 'gold'), "X: y"]
--- response_body_like eval
["works", "gold", "works"]
--- response_headers eval
["X-Who: c0ffee00-1234-4abc-8def-000000000001\n!X-Gold",
 "!X-Who\nX-Gold: c0ffee00-1234-4abc-8def-000000000001", "!X-Who"]
--- error_code eval
[200, 200, 200]

=== TEST 12: for a backend
--- config
    location /api {
        social_auth main;
        proxy_set_header X-Sub $social_sub;
        proxy_set_header X-Groups $social_groups;
        proxy_set_header X-None $social_claim_none;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request
GET /api
--- more_headers eval
"X-Sub: evil\n" . ::bearer()
--- response_body_like
X-Sub: c0ffee00-1234-4abc-8def-000000000001
X-Groups: staff,beta

=== TEST 13: after an error_page
--- config
    social_auth main;
    location = /index.html { root html; }
    location /gone { root html; error_page 404 /e.html; }
    location /denied {
        root html;
        social_auth_scopes any admin;
        error_page 403 @denied;
    }
    location = /e.html {
        root html;
        social_auth off;
        add_header X-Sub $social_sub always;
    }
    location @denied {
        social_auth off;
        add_header X-Sub $social_sub always;
        root html;
        try_files /e.html =500;
    }
--- user_files
>>> e.html
sorry
--- request eval
["GET /gone", "GET /denied"]
--- more_headers eval
::tokens([], [])
--- error_code eval
[404, 403]
--- response_body eval
["sorry\n", "sorry\n"]
--- response_headers eval
[("X-Sub: c0ffee00-1234-4abc-8def-000000000001") x 2]
--- no_error_log
[alert]
[emerg]

=== TEST 14: an internal redirect to a location with other issuers
--- config
    location /a/ {
        social_auth main;
        root html;
        try_files /none /b/;
    }
    location /b/ {
        social_auth other;
        root html;
        try_files /index.html =500;
        add_header X-S "$social_auth_status$social_sub" always;
    }
--- request
GET /a/
--- more_headers eval
::bearer()
--- error_code: 401
--- response_headers
X-S: issuer

=== TEST 15: in a subrequest it is the main request's
--- config
    location = /page.html {
        root html;
        ssi on;
        social_auth main;
    }
    location = /part {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        proxy_set_header X-Sub $social_sub;
    }
--- user_files
>>> page.html
<!--#include virtual="/part" -->|<!--#echo var="social_username" -->
--- request
GET /page.html
--- more_headers eval
::bearer()
--- response_body_like
X-Sub: c0ffee00-1234-4abc-8def-000000000001[\s\S]*\|alice

=== TEST 16: in auth_request
--- config
    location = /index.html {
        root html;
        social_auth main;
        auth_request /check;
        auth_request_set $got $upstream_http_x_backend;
        add_header X-Got $got;
    }
    location = /check {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/status/200;
        proxy_set_header X-Sub $social_sub;
        add_header X-In-Sub $social_sub;
    }
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
[::bearer(), "X: y"]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Got: yes", "!X-Got"]

=== TEST 17: the username of either token, and groups of another claim
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_groups_claim roles;
        add_header X-U "$social_username|$social_groups|$social_scopes";
    }
--- request eval
[("GET /index.html") x 3]
--- more_headers eval
::tokens([ username => undef, 'cognito:username' => 'bob', roles => 'x,y' ],
         [ username => undef, roles => [ 'x', 'y,z' ], scope => undef ],
         [ username => undef, scp => [ 'a', 'b c' ], scope => undef ])
--- response_headers eval
["X-U: bob|x%2Cy|photos/read photos/write", "X-U: |x,y%2Cz|", "X-U: ||a b%20c"]
--- error_code eval
[200, 200, 200]

=== TEST 18: 400 claims, and a long one
--- config
    large_client_header_buffers 4 16k;
    location = /index.html {
        root html;
        social_auth main;
        add_header X-L $social_claim_long;
        add_header X-N $social_claim_k399;
    }
--- request
GET /index.html
--- more_headers eval
::bearer(long => 'x' x 1000, map { ("k$_" => 1) } 1 .. 399)
--- response_headers_like
X-L: x{1000}
X-N: 1

=== TEST 19: numbers as the issuer wrote them, of whatever size
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-A "$social_claim_a|$social_claim_b|$social_claim_c";
        add_header X-D "$social_claim_d|$social_claim_e";
        add_header X-L $social_claim_l;
    }
--- request
GET /index.html
--- more_headers eval
"Authorization: Bearer " . ::signed(::header_text(),
    substr(::payload_text(), 0, -1) . ',"a":0.1,"b":1.10,"c":1E+2,'
    . '"d":18446744073709551617,"e":1e999,"l":[0.1,{"x":-0}]}', 'main')
--- response_headers
X-A: 0.1|1.10|1E+2
X-D: 18446744073709551617|1e999
X-L: [0.1,{"x":-0}]

=== TEST 20: spaces at the ends, and in lists
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-V "[$social_sub|$social_groups|$social_scopes]";
        add_header X-C $social_claim_role;
        add_header X-L "$social_claim_list";
    }
--- request
GET /index.html
--- more_headers eval
::bearer(sub => ' a b ', 'cognito:groups' => [ ' x', 'y z' ],
         scope => ' r  w ', role => ' admin', list => [ 'c d', 'e' ])
--- response_headers
X-V: [%20a b%20|%20x,y%20z|r w]
X-C: %20admin
X-L: c%20d,e
