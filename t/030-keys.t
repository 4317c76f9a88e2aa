# "jwks_uri": how keys are fetched, kept and replaced.
#
# The key server is t/lib/server.pl, which the requests to /control/ steer.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

our $Url = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";

# an issuer whose keys are at /keys/ID/MODE
sub fetched {
    my ($where, @lines) = @_;

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_uri $Url/$where", @lines);
}

# issuers whose servers or documents are invalid

our @Bad = qw( redirect gzip huge close text short empty ec weak many nothing );

sub bad {
    my ($id) = @_;

    return join '    ', '', map {
        issuer_block($_, "issuer https://$_.example", 'client_ids *',
                     'token_use any', "jwks_uri $Url/$id-$_/$_")
    } @Bad;
}

suite(config => <<'_EOC_', log_level => 'info');
    location /api/ {
        social_auth main;
        alias $TEST_NGINX_HTML_DIR/;
    }
    location = /ready { social_ready; }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        proxy_read_timeout 10s;
    }
_EOC_

# The server and the zone keep state: a block is good for one run.

repeat_each(1);
workers(2);
master_on();
timeout(10);
plan tests => repeat_each() * 572;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the first request waits for the keys
--- http_config eval
::fetched("t1/slow-400-main")
--- request eval
["GET /api/index.html", "GET /ready", "GET /api/index.html",
 "GET /control/t1/count"]
--- more_headers eval
::tokens([], [], [], [])
--- error_code eval
[(200) x 4]
--- response_body_like eval
["works", q(^\{"status":"ready","keys":\{"main":"loaded"\}\}$), "works", "^1\$"]
--- error_log
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 2: no key server
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri http://127.0.0.1:1/")
--- request eval
["GET /api/index.html", "GET /api/index.html", "HEAD /api/index.html",
 "GET /ready", "HEAD /ready", "GET /api/index.html", "GET /api/index.html"]
--- more_headers eval
[(::bearer()) x 5, "X: y", "Authorization: Bearer x"]
--- error_code eval
[503, 503, 503, 503, 503, 401, 401]
--- response_headers eval
[("Retry-After: 2\nContent-Type: application/json\n!WWW-Authenticate") x 3,
 ("Cache-Control: no-store\nContent-Type: application/json\n!Retry-After")
  x 2,
 "!Retry-After\nWWW-Authenticate: Bearer realm=\"api\"", "!Retry-After"]
--- response_body_like eval
[('^{"message":"Service Unavailable","requestId":"\w{32}"}$') x 2, '^$',
 '^\{"status":"waiting","keys":\{"main":"missing"\}\}$', '^$', "Unauthorized",
 "Unauthorized"]

=== TEST 3: no key server, and requests that need no token
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri http://127.0.0.1:1/")
--- config
    root html;
    location = /optional { social_auth main optional; try_files /index.html =404; }
    location = /lenient { social_auth main optional=lenient;
                          try_files /index.html =404; }
--- request eval
["GET /optional", "GET /lenient", "GET /optional", "GET /lenient",
 "GET /optional", "GET /lenient"]
--- more_headers eval
["X: y", "X: y", ::bearer(), ::bearer(), ("Authorization: Bearer x") x 2]
--- error_code eval
[200, 200, 503, 503, 401, 200]

=== TEST 4: a key server that comes back
--- http_config eval
::fetched("t4/500")
--- request eval
["GET /control/t4/wait/1", "GET /api/index.html", "GET /ready",
 "GET /control/t4/mode/main", "GET /control/t4/wait/2",
 "GET /control/t4/sleep/150", "GET /ready", "GET /api/index.html"]
--- more_headers eval
[(::bearer()) x 8]
--- error_code eval
[200, 503, 503, 200, 200, 200, 200, 200]

=== TEST 5: an unknown kid is asked for once in a cooldown, by all workers
--- http_config eval
::fetched("t5/main", "jwks_cooldown 2s")
--- request eval
["GET /control/t5/wait/1", "GET /control/t5/sleep/2100",
 ("GET /api/index.html") x 6, "GET /control/t5/count",
 "GET /control/t5/sleep/2100", ("GET /api/index.html") x 6,
 "GET /control/t5/wait/3", "GET /control/t5/sleep/300"]
--- more_headers eval
my $t = ::bearer(-key => 'next');
[($t) x 18]
--- error_code eval
[200, 200, (401) x 6, 200, 200, (401) x 6, 200, 200]
--- response_body_like eval
["1", "1", ("Unauthorized") x 6, '^2$', '^2$', ("Unauthorized") x 6, '^3$',
 '^3$']
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 6: no fetch for a token of another issuer
--- http_config eval
::fetched("t6/main", "jwks_cooldown 100ms")
--- request eval
["GET /control/t6/wait/1", "GET /control/t6/sleep/200",
 ("GET /api/index.html") x 5, "GET /control/t6/count"]
--- more_headers eval
["X: y", "X: y", "X: y", "Authorization: Bearer x", ::bearer(iss => 'x'),
 ::bearer(-key => 'forged'), ::bearer(exp => 1), "X: y"]
--- error_code eval
[200, 200, (401) x 5, 200]
--- response_body_like eval
["1", "1", ("Unauthorized") x 5, '^1$']

=== TEST 7: a rotation
--- http_config eval
::fetched("t7/main", "jwks_cooldown 300ms")
--- request eval
["GET /api/index.html", "GET /control/t7/mode/both",
 "GET /control/t7/sleep/400", "GET /api/index.html", "GET /api/index.html",
 "GET /control/t7/mode/next", "GET /api/index.html",
 "GET /api/index.html", "GET /control/t7/count"]
--- more_headers eval
my ($old, $new) = (::bearer(), ::bearer(-key => 'next'));
[$old, $old, $old, $new, $old, $old, $new, $old, $old]
--- error_code eval
[(200) x 9]
--- response_body_like eval
["works", "both", "1", "works", "works", "next", "works", "works", '^2$']

=== TEST 8: a request that waits, with its body
--- http_config eval
::fetched("t8/main", "jwks_cooldown 200ms")
--- config
    location /api/ {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /control/t8/wait/1", "GET /control/t8/mode/slow-200-both",
 "GET /control/t8/sleep/400",
 "POST /api/x\n" . "hello " x 5000 . "end", "GET /control/t8/count"]
--- more_headers eval
[("X: y") x 3, ::bearer(-key => 'next'), "X: y"]
--- error_code eval
[200, 200, 200, 200, 200]
--- response_body_like eval
['1', '', '1', 'hello end$', '^2$']

=== TEST 9: pipelined requests that wait
--- http_config eval
::fetched("t9/slow-300-main")
--- pipelined_requests eval
["GET /api/index.html", "GET /api/index.html", "GET /api/index.html",
 "GET /api/index.html"]
--- more_headers eval
[::bearer(), "X: y", ::bearer(), ::bearer(-key => 'next')]
--- error_code eval
[200, 401, 200, 401]

=== TEST 10: a bad document keeps the last good one
--- http_config eval
::fetched("t10/main", "jwks_refresh 300ms")
--- request eval
["GET /api/index.html", map {
    ("GET /control/t10/mode/$_", "GET /control/t10/more/2",
     "GET /api/index.html")
 } qw( 500 text )]
--- more_headers eval
::tokens(([]) x 7)
--- error_code eval
[(200) x 7]
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 11: it is logged once
--- http_config eval
::fetched("t11/main", "jwks_refresh 200ms")
--- request eval
["GET /control/t11/mode/500"]
--- wait: 1.6
--- grep_error_log eval
qr/\[(?:error|warn|crit)\].*/
--- grep_error_log_out eval
my $start = '\[error\] \S+ social: could not load keys of issuer "main" ';
qr{\A${start}from "$::Url/t11/main": the server returned status 500; .*\n\z}
--- no_error_log
[alert]

=== TEST 12: invalid documents and servers
--- http_config eval
::bad("t12")
--- config eval
CORE::join "", map { "    location = /$_ { social_auth $_; }\n" } @::Bad
--- request eval
[map { "GET /$_" } @::Bad]
--- more_headers eval
::tokens(map { [ iss => "https://$_.example" ] } @::Bad)
--- error_code eval
[map { 503 } @::Bad]
--- wait: 0.1

=== TEST 13: what is logged about them
--- http_config eval
::bad("t13")
--- config
--- request
GET /
--- wait: 0.6
--- error_log
/keys/t13-redirect/redirect": the server returned status 302;
/keys/t13-gzip/gzip": the response has a Content-Encoding;
/keys/t13-huge/huge": the response is larger than 153600 bytes;
/keys/t13-close/close": Empty reply from server;
/keys/t13-text/text": it is not a JSON object;
/keys/t13-short/short": transfer closed with
/keys/t13-empty/empty": its array "keys" is empty;
/keys/t13-ec/ec": a key's "alg" is none of the issuer's "algorithms";
/keys/t13-weak/weak": an RSA key has fewer than 2048 bits;
/keys/t13-many/many": it has more usable keys than "jwks_max_keys" allows;
/keys/t13-nothing/nothing": it is not a JSON object;

=== TEST 14: keys that are too old are not used
--- http_config eval
::fetched("t14/main", "jwks_refresh 500ms", "jwks_stale 1s",
          "jwks_cooldown 200ms")
--- request eval
["GET /api/index.html", "GET /control/t14/mode/500",
 "GET /api/index.html", "GET /control/t14/sleep/2200", "GET /api/index.html",
 "GET /ready", "GET /control/t14/mode/main", "GET /control/t14/sleep/300",
 "GET /api/index.html", "GET /ready"]
--- more_headers eval
::tokens(([]) x 10)
--- error_code eval
[200, 200, 200, 200, 503, 503, 200, 200, 200, 200]

=== TEST 15: a key server that hangs delays requests up to the timeout
--- http_config eval
::fetched("t15/hang", "jwks_timeout 300ms")
--- request
GET /api/index.html
--- more_headers eval
::bearer()
--- timeout: 2
--- error_code: 503
--- response_headers
Retry-After: 2

=== TEST 16: limit_req counts those that waited
--- http_config eval
::fetched("t16/slow-300-main")
. "    limit_req_zone \$social_sub zone=a:1m rate=1r/m;\n"
--- config
    location = /index.html {
        root html;
        social_auth main;
        limit_req zone=a;
        limit_req_status 429;
    }
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html"]
--- more_headers eval
::tokens([], [], [ sub => 'bob' ])
--- error_code eval
[200, 429, 200]
--- no_error_log
[alert]
[emerg]

=== TEST 17: a variable is not evaluated before the token's key is loaded
--- http_config eval
::fetched("t17/gate-main", "jwks_timeout 30s")
--- config
    location /api/ { social_auth main; alias $TEST_NGINX_HTML_DIR/; }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /index.html {
        root html;
        social_auth main;
        set $early "$social_sub|$social_auth_status";
        add_header X-Early $early;
        add_header X-Late "$social_username|$social_auth_status" always;
    }
--- request eval
["GET /index.html", "GET /control/t17/open", "GET /api/index.html",
 "GET /index.html"]
--- more_headers eval
::tokens([ sub => 'a' ], [], [], [ sub => 'a' ])
--- response_headers eval
["!X-Early\nX-Late: |pending\nRetry-After: 2", ("!X-Early") x 2,
 "X-Early: a|ok\nX-Late: alice|ok"]
--- error_code eval
[503, 200, 200, 200]

=== TEST 18: an issuer that is unavailable does not affect another
--- http_config eval
::fetched("t18/hang", "jwks_timeout 500ms")
. "    " . ::issuer_block("other", "issuer https://other.example.com",
                          "client_ids *", "token_use any",
                          "jwks_file $ENV{TEST_NGINX_JWKS_OTHER}")
--- config
    location = /index.html { root html; social_auth main other; }
    location = /ready { social_ready; }
--- request eval
["GET /index.html", "GET /index.html", "GET /ready"]
--- more_headers eval
::tokens([ iss => 'https://other.example.com', -key => 'other' ], [], [])
--- error_code eval
[200, 503, 503]
--- response_body_like eval
["works", "Unavailable",
 '"waiting","keys":\{"main":"missing","other":"loaded"\}\}']

=== TEST 19: unusable keys beside a usable one are logged
--- http_config eval
::fetched("t19/mixed")
--- request
GET /api/index.html
--- more_headers eval
::bearer()
--- error_log
social: loaded new keys of issuer "main"
social: ignored 2 keys of issuer "main": a key's "alg" is none of the issuer's "algorithms"

=== TEST 20: two issuers at one key server
--- http_config eval
::fetched("t20/both") . "    "
. ::issuer_block("other", "issuer https://b.example", "client_ids *",
                 "jwks_uri $::Url/t20/both")
--- config
    location = /index.html { root html; social_auth main other; }
--- request eval
["GET /index.html", "GET /index.html", "GET /index.html"]
--- more_headers eval
::tokens([], [ iss => 'https://b.example', -key => 'next' ],
         [ -key => 'next' ])
--- error_code eval
[200, 200, 200]

=== TEST 21: a zone that is too small for the keys
--- http_config eval
"    social_zone s:64k;\n"
. CORE::join "", map {
    "    " . ::issuer_block("i$_", "issuer https://$_.example", "client_ids *",
                            "jwks_uri $::Url/t21-$_/long",
                            "jwks_max_size 300k")
} 1 .. 2
--- config
    location = /index.html { root html; }
--- request
GET /index.html
--- wait: 0.4
--- error_log
the shared zone is full, increase "social_zone"
--- no_error_log
[emerg]
[crit]
[alert]
