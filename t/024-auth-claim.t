# "social_auth_claim": what a token must say of its user.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite(http_config => $http_config, log_level => 'info');

# One request for each token.

our @Requests = ('GET /index.html') x 20;

sub some { return [ @Requests[ 0 .. $_[0] - 1 ] ] }

repeat_each(2);
plan tests => repeat_each() * 419;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a string
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim plan gold;
    }
--- request eval
::some(9)
--- more_headers eval
::tokens([ plan => 'gold' ], [ plan => 'silver' ], [ plan => 'Gold' ],
         [ plan => 'golden' ], [ plan => 'gold ' ], [ plan => '' ], [],
         [ Plan => 'gold' ], [ plan => { gold => 'gold' } ])
--- error_code eval
[200, (403) x 8]

=== TEST 2: the answer to tokens that lack it
--- config
    root html;
    social_json_errors on;
    location = /index.html { social_auth main; social_auth_claim plan gold; }
    location = /terse {
        social_auth main;
        social_auth_claim plan gold;
        social_auth_error_detail off;
    }
--- request eval
["GET /index.html", "GET /terse"]
--- more_headers eval
::tokens([], [])
--- error_code eval
[403, 403]
--- response_headers eval
my $h = 'WWW-Authenticate: Bearer realm="api", error="insufficient_scope"';
["$h, error_description=\"the token lacks a claim\"", $h]
--- response_body_like eval
[('^{"message":"Forbidden","requestId":"\w{32}"}$') x 2]
--- error_log
social: token lacks a claim

=== TEST 3: one of several values
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim plan gold platinum "two words";
    }
--- request eval
::some(6)
--- more_headers eval
::tokens([ plan => 'gold' ], [ plan => 'platinum' ], [ plan => 'two words' ],
         [ plan => 'words two' ], [ plan => [ 'x', 'two words' ] ],
         [ plan => 'words gold' ])
--- error_code eval
[200, 200, 200, 403, 200, 403]

=== TEST 4: an array, which free text is not
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim roles editor;
    }
--- request eval
::some(8)
--- more_headers eval
::tokens([ roles => [ 'editor' ] ], [ roles => [ 'a', 'editor' ] ],
         [ roles => 'a editor b' ], [ roles => [] ],
         [ roles => [ 'a editor' ] ], [ roles => [ [ 'editor' ] ] ],
         [ roles => 'a,editor' ], [ roles => [ { editor => 1 } ] ])
--- error_code eval
[200, 200, (403) x 6]

=== TEST 5: true and false
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim email_verified true;
    }
--- request eval
::some(7)
--- more_headers eval
::tokens([ email_verified => JSON::PP::true() ],
         [ email_verified => 'true' ],
         [ email_verified => [ JSON::PP::true() ] ],
         [ email_verified => JSON::PP::false() ], [ email_verified => 'True' ],
         [ email_verified => 1 ], [])
--- error_code eval
[200, 200, 200, (403) x 4]

=== TEST 6: numbers
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim level 3 -4;
    }
--- request eval
::some(8)
--- more_headers eval
::tokens([ level => 3 ], [ level => -4 ], [ level => '3' ],
         [ level => [ 1, 3 ] ], [ level => 33 ], [ level => 4 ],
         [ level => 3.5 ], [ level => JSON::PP::false() ])
--- error_code eval
[200, 200, 200, 200, (403) x 4]

=== TEST 7: null is nothing
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim plan null;
    }
--- request eval
::some(3)
--- more_headers eval
["Authorization: Bearer " . ::signed(::header_text(),
    ::payload_text(plan => 'x') =~ s/"x"/null/r),
 ::bearer(plan => 'null'), ::bearer()]
--- error_code eval
[403, 200, 403]

=== TEST 8: several claims, all of which are required
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_claim plan gold silver;
        social_auth_claim email_verified true;
        social_auth_claim custom:tenant t1;
    }
--- request eval
::some(6)
--- more_headers eval
my @all = (plan => 'silver', email_verified => 'true', 'custom:tenant' => 't1');
::tokens([ @all ], [ @all, plan => 'x' ], [ @all, email_verified => undef ],
         [ @all, 'custom:tenant' => 't2' ],
         [ @all, 'custom:tenant' => undef, custom_tenant => 't1' ], [])
--- error_code eval
[200, (403) x 5]

=== TEST 9: with scopes and groups, which are checked first
--- config
    location = /index.html {
        root html;
        social_auth main;
        social_auth_scopes any photos/read;
        social_auth_groups any staff;
        social_auth_claim plan gold;
    }
--- request eval
::some(5)
--- more_headers eval
::tokens([ plan => 'gold' ], [], [ plan => 'gold', scope => 'x' ],
         [ plan => 'gold', 'cognito:groups' => [] ],
         [ plan => 'gold', exp => 1 ])
--- error_code eval
[200, 403, 403, 403, 401]
--- response_headers_like eval
my $h = 'WWW-Authenticate: Bearer realm="api", error="insufficient_scope", '
        . 'error_description="the token lacks a ';
["Content-Type: .*", "${h}claim\", scope=\"photos/read\"",
 "${h}scope or group\", scope=\"photos/read\"",
 "${h}scope or group\", scope=\"photos/read\"",
 "WWW-Authenticate: .*invalid_token.*"]

=== TEST 10: optional: required of requests with a token
--- config
    root html;
    location = /index.html {
        social_auth main optional;
        social_auth_claim plan gold;
    }
    location = /lenient {
        social_auth main optional=lenient;
        social_auth_claim plan gold;
        try_files /index.html =500;
    }
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html", "GET /lenient",
 "GET /lenient", "GET /lenient"]
--- more_headers eval
["X: y", ::bearer(), ::bearer(plan => 'gold'), "Authorization: Bearer x",
 ::bearer(), ::bearer(plan => 'gold')]
--- error_code eval
[200, 403, 200, 200, 403, 200]

=== TEST 11: inheritance: a level's own ones replace what is above
--- http_config eval
"$::http_config    social_auth main; social_auth_claim plan gold;\n"
--- config
    root html;
    location = /index.html { }
    location /own/ {
        social_auth_claim level 3; alias html/;
        location /own/in/ { alias html/; }
        location /own/both/ {
            social_auth_claim plan gold; social_auth_claim level 3;
            alias html/;
        }
    }
    location /off/ { social_auth off; alias html/; }
--- request eval
["GET /index.html", "GET /index.html", "GET /own/index.html",
 "GET /own/index.html", "GET /own/in/index.html", "GET /own/in/index.html",
 "GET /own/both/index.html", "GET /own/both/index.html", "GET /off/index.html"]
--- more_headers eval
[::bearer(plan => 'gold'), ::bearer(), ::bearer(level => 3),
 ::bearer(plan => 'gold'), ::bearer(level => 3), ::bearer(plan => 'gold'),
 ::bearer(plan => 'gold', level => 3), ::bearer(level => 3), "X: y"]
--- error_code eval
[200, 403, 200, 403, 200, 403, 200, 403, 200]

=== TEST 12: inheritance from a server, and an if
--- config
    root html;
    social_auth main;
    social_auth_claim plan gold;
    location = /index.html { if ($arg_a) { expires 1h; } }
--- request eval
["GET /index.html?a=1", "GET /index.html?a=1", "GET /none", "GET /none"]
--- more_headers eval
[::bearer(plan => 'gold'), ::bearer(), ::bearer(plan => 'gold'), ::bearer()]
--- error_code eval
[200, 403, 404, 403]

=== TEST 13: satisfy any
--- config
    satisfy any;
    root html;
    location = /index.html {
        social_auth main; social_auth_claim plan gold; deny all;
    }
    location = /in {
        social_auth main; social_auth_claim plan gold; allow all;
        try_files /index.html =500;
    }
--- request eval
["GET /index.html", "GET /index.html", "GET /in"]
--- more_headers eval
::tokens([ plan => 'gold' ], [], [])
--- error_code eval
[200, 403, 200]

=== TEST 14: of two members whose names fold to one, the exact one
--- config
    location = /index.html {
        root html;
        social_auth main;
        add_header X-Plan $social_claim_custom_plan;
    }
--- request eval
::some(4)
--- more_headers eval
::tokens([ 'custom:plan' => 'a', custom_plan => 'b' ],
         [ 'custom-plan' => 'a', custom_plan => 'b', 'custom:plan' => 'c' ],
         [ CUSTOM_PLAN => 'a', custom_plan => 'b' ], [ 'custom:plan' => 'a' ])
--- response_headers eval
[("X-Plan: b") x 3, "X-Plan: a"]

=== TEST 15: the username of an access token and of an id token
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_file $ENV{TEST_NGINX_JWKS}", "token_use any")
--- config
    location /x {
        social_auth main;
        add_header X-Name $social_username;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
[("GET /x") x 4]
--- more_headers eval
::tokens([ username => 'alice' ],
         [ token_use => 'id', aud => 'web', username => undef,
           'cognito:username' => 'bob' ],
         [ username => 'alice', 'cognito:username' => 'bob' ],
         [ username => undef ])
--- response_headers eval
["X-Name: alice", "X-Name: bob", "X-Name: alice", "!X-Name"]
--- response_body_like eval
["X-Social-Username: alice\n", "X-Social-Username: bob\n",
 "X-Social-Username: alice\n", '\A(?s:(?!X-Social-Username).)*\z']

=== TEST 16: words of a string grant nothing, except in a scope
--- config
    root html;
    location /role/ {
        social_auth main; social_auth_claim role admin; alias html/;
    }
    location /flag/ {
        social_auth main; social_auth_claim flag true; alias html/;
    }
    location /scope/ {
        social_auth main; social_auth_claim scope admin; alias html/;
    }
    location /scp/ {
        social_auth main; social_auth_claim scp admin; alias html/;
    }
--- request eval
[("GET /role/index.html") x 6, ("GET /flag/index.html") x 2,
 ("GET /scope/index.html") x 3, ("GET /scp/index.html") x 4]
--- more_headers eval
::tokens([ role => 'no admin' ], [ role => 'admin no' ], [ role => ' admin' ],
         [ role => 'admin ' ], [ role => [ 'no admin' ] ], [ role => 'admin' ],
         [ flag => 'not true' ], [ flag => 'true' ],
         [ scope => 'no admin' ], [ scope => ' admin' ], [ scope => 'admins' ],
         [ scp => 'no admin' ], [ scp => [ 'no', 'admin' ] ],
         [ scp => [ 'no admin' ] ], [ scp => 'administrator' ])
--- error_code eval
[(403) x 5, 200, 403, 200, 200, 200, 403, 200, 200, 403, 403]
