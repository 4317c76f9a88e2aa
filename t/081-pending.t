# A variable that is read while its key is being fetched is empty: what was made
# of that is never answered.  The answer is 503, the fetch is under way, and who
# comes again is known.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;

our $Url = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";
our %D = map { ($_ => "\$social_$_") } qw( sub auth_status claim_plan );

# an issuer that has loaded its keys, and whose next ones wait at a gate
sub gated {
    my ($id) = @_;

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_uri $Url/$id/main", 'jwks_timeout 30s',
                                 'jwks_cooldown 100ms')
         . "    proxy_read_timeout 10s;\n";
}

# each of the requests twice: while the key is being fetched, and afterwards
sub twice {
    my ($id, @requests) = @_;

    return ['GET /api/index.html', "GET /control/$id/mode/gate-both",
            "GET /control/$id/sleep/200", @requests,
            "GET /control/$id/wait/2", "GET /control/$id/open",
            'GET /api/index.html', @requests];
}

sub values_of {
    my ($before, $pending, $between, $known) = @_;
    return [ ($before) x 3, @$pending, ($between) x 3, @$known ];
}

sub with_tokens {
    my ($n, @claims) = @_;
    my $next = bearer(-key => 'next', sub => 'bob', @claims);

    return [ bearer(), 'X: y', 'X: y', ($next) x $n, 'X: y', 'X: y', $next,
             ($next) x $n ];
}

our $Unavailable = '^\{"message":"Service Unavailable","requestId":".+"\}$';

suite(config => '', log_level => 'info',
      no_error_log => "[alert]\n[emerg]\n[crit]",
      user_files => <<'_EOC_');
>>> busy.html
busy
>>> u/bob/x.txt
bob's
>>> u/x.txt
shared
_EOC_

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => <<'_EOC_' . $block->config);
    location /api/ { social_auth main; alias $TEST_NGINX_HTML_DIR/; }
    location /control/ {
        social_auth off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
_EOC_
});

# The server and the zone keep state: a block is good for one run.

repeat_each(1);
workers(2);
master_on();
timeout(10);
plan tests => repeat_each() * 774;
no_long_string();
run_tests();

__DATA__

=== TEST 1: "if" does not let banned users in
--- http_config eval
::gated('p1')
--- config
    location /files {
        social_auth main;
        if ($social_claim_banned = true) { return 403; }
        alias $TEST_NGINX_HTML_DIR;
    }
    location /open {
        social_auth main optional=lenient;
        if ($social_claim_banned = true) { return 403; }
        alias $TEST_NGINX_HTML_DIR;
    }
--- request eval
::twice('p1', 'GET /files/index.html', 'GET /open/index.html')
--- more_headers eval
::with_tokens(2, banned => $JSON::PP::true)
--- error_code eval
::values_of(200, [503, 503], 200, [403, 403])
--- response_headers eval
::values_of('!Retry-After', [ ("Retry-After: 2\nContent-Type: "
                               . "application/json") x 2 ],
            '!Retry-After', [ ('!Retry-After') x 2 ])
--- response_body_like eval
::values_of('', [ ($::Unavailable) x 2 ], '', [ ('"message":"Forbidden"|403') x 2 ])

=== TEST 2: a rewrite, to a location without a token too
--- http_config eval
::gated('p2')
--- config
    root html;
    location /files/ {
        social_auth main;
        rewrite ^/files/(.*)$ /u/$social_sub/$1;
    }
    location /rest/ {
        social_auth main optional;
        set $who $social_sub;
        rewrite ^/rest/(.*)$ /u/$who/$1 last;
    }
    location /u/ { add_header X-Who $who; }
--- request eval
::twice('p2', 'GET /files/x.txt', 'GET /rest/x.txt')
--- more_headers eval
::with_tokens(2)
--- error_code eval
::values_of(200, [503, 503], 200, [200, 200])
--- response_body_like eval
::values_of('', [ ($::Unavailable) x 2 ], '', [ ("bob's") x 2 ])
--- response_headers eval
::values_of('!Retry-After', [ ('Retry-After: 2') x 2 ], '!Retry-After',
            [ '!Retry-After', 'X-Who: bob' ])

=== TEST 3: "return", with and without a text, redirects and headers
--- http_config eval
::gated('p3') . "    map $::D{claim_plan} \$tier { default free; gold paid; }\n"
--- config
    location = /text { social_auth main; return 200 "<$social_sub>"; }
    location = /map { social_auth main; return 200 "<$tier>"; }
    location = /status {
        social_auth main;
        if ($social_auth_status != ok) { return 302 /login; }
        return 200 "in";
    }
    location = /redirect { social_auth main; return 302 /u/$social_sub/x; }
    location = /moved { social_auth main; rewrite ^ /u/$social_sub/x permanent; }
    location = /header {
        social_auth main;
        add_header X-Sub $social_sub;
        return 204;
    }
    location = /refused {
        social_auth main;
        if ($social_claim_plan != gold) { return 403; }
        return 200 "gold";
    }
    location = /broken {
        social_auth main;
        if ($social_claim_plan != gold) { return 500; }
        return 200 "gold";
    }
--- request eval
::twice('p3', (map { "GET /$_" } qw( text map status redirect moved header
                                     refused broken )), 'HEAD /text')
--- more_headers eval
::with_tokens(9, plan => 'gold')
--- error_code eval
::values_of(200, [ (503) x 9 ], 200,
            [ 200, 200, 200, 302, 301, 204, 200, 200, 200 ])
--- response_headers eval
::values_of('!Retry-After', [ ("Retry-After: 2\n!Location\n!X-Sub") x 9 ],
            '!Retry-After',
            [ ('!Location') x 3,
              (map { "Location: http://localhost:$ENV{TEST_NGINX_SERVER_PORT}"
                     . "/u/bob/x" } 1, 2), "X-Sub: bob",
              ('!Retry-After') x 3 ])
--- response_body_like eval
::values_of('', [ ($::Unavailable) x 8, '^$' ], '',
            [ '^<bob>$', '^<paid>$', '^in$', '302', '301', '^$', '^gold$',
              '^gold$', '^$' ])

=== TEST 4: read by the server, for a location that asks for no token
--- http_config eval
::gated('p4')
--- init
::wait_for(sub { ::get('/api/index.html', ::bearer()) eq '200' });
--- config
    social_auth main optional;
    if ($social_claim_banned = true) { return 403; }
    location /off/ { social_auth off; alias $TEST_NGINX_HTML_DIR/; }
    location /proxy {
        social_auth off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/keys/h4/main;
    }
--- request eval
::twice('p4', 'GET /off/index.html', 'GET /off/none', 'GET /proxy',
        'GET /control/h4/count')
--- more_headers eval
my @headers = @{ ::with_tokens(4, banned => $JSON::PP::true) };
@headers[6, 13] = ('X: y') x 2;
\@headers
--- error_code eval
[ (200) x 3, (503) x 3, (200) x 3, (403) x 4, 200 ]
--- response_body_like eval
::values_of('', [ ($::Unavailable) x 3, '^0$' ], '', [ ('403') x 3, '^0$' ])

=== TEST 5: an error_page is a file, or 503 again
--- http_config eval
::gated('p5')
--- config
    root html;
    location = /busy.html { internal; add_header X-S "<$social_sub>" always; }
    location @text { return 200 "a text"; }
    location @echo { social_auth main; return 200 "<$social_sub>"; }
    location @proxy {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location @named { try_files /busy.html =500; }
    location /file/ {
        social_auth main; error_page 503 /busy.html;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /named/ {
        social_auth main; error_page 503 @named;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /text/ {
        social_auth main; error_page 503 @text;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /ok/ {
        social_auth main; error_page 503 = @text;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /changed/ {
        social_auth main; error_page 503 =200 /busy.html;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /echo/ {
        social_auth main; error_page 503 =200 @echo;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /proxy/ {
        social_auth main; error_page 503 @proxy;
        if ($social_sub = nobody) { return 403; }
        alias $TEST_NGINX_HTML_DIR/;
    }
    location /loop/ {
        social_auth main; error_page 503 /loop/keys/h5/main;
        recursive_error_pages on;
        if ($social_sub = nobody) { return 403; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
::twice('p5', (map { "GET /$_/index.html" } qw( file named text ok changed
                                                echo )),
        (map { "GET /$_/keys/h5/main" } qw( proxy loop )),
        'GET /control/h5/count')
--- more_headers eval
my @headers = @{ ::with_tokens(9) };
@headers[11, 23] = ('X: y') x 2;
\@headers
--- error_code eval
::values_of(200, [ (503) x 8, 200 ], 200, [ (200) x 6, 404, 200, 200 ])
--- response_headers eval
::values_of('!Retry-After',
            [ "Retry-After: 2\nX-S: <>", ('Retry-After: 2') x 7,
              '!Retry-After' ],
            '!Retry-After', [ ('!Retry-After') x 9 ])
--- response_body_like eval
::values_of('', [ ('^busy$') x 2, '^a text$', ($::Unavailable) x 4, '',
                  '^0$' ],
            '', [ ('works') x 6, '404', '"keys"', '^1$' ])

=== TEST 6: no keys at all
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri http://127.0.0.1:1/")
--- config
    root html;
    location /files/ {
        social_auth main optional=lenient;
        rewrite ^/files/(.*)$ /u/$social_sub/$1;
    }
    location = /text { social_auth main; return 200 "<$social_sub>"; }
    location = /blind { social_auth main; return 200 "<>"; }
    location = /satisfied {
        social_auth main; satisfy any; allow 127.0.0.1; deny all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
        proxy_set_header X-Sub "<$social_sub>";
    }
--- request eval
["GET /files/x.txt", "GET /text", "GET /blind", "GET /files/x.txt", "GET /text",
 "GET /satisfied"]
--- more_headers eval
[ (::bearer()) x 3, ('X: y') x 2, ::bearer() ]
--- error_code eval
[503, 503, 200, 200, 200, 200]
--- response_headers eval
[ ('Retry-After: 2') x 2, ('!Retry-After') x 4 ]
--- response_body_like eval
[ ($::Unavailable) x 2, '^<>$', '^shared$', '^<>$', 'X-Sub: <>' ]

=== TEST 7: requests do not wait for an unknown key
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri $::Url/p7/main", 'jwks_cooldown 1h')
--- config
    location = /text {
        social_auth main;
        return 200 "<$social_sub$social_auth_status>";
    }
--- request eval
['GET /api/index.html', 'GET /text', 'GET /api/index.html']
--- more_headers eval
[ ::bearer(), (::bearer(-key => 'next')) x 2 ]
--- error_code eval
[200, 200, 401]
--- response_body_like eval
['', '^<unknown_key>$', '']

=== TEST 8: what is read too late, or of an error, changes nothing
--- http_config eval
::gated('p8') . "    log_format s 'log: $::D{sub}|$::D{auth_status}';\n"
--- config
    location = /text {
        social_auth main;
        access_log logs/s.log s;
        return 200 "open";
    }
    location = /log { alias $TEST_NGINX_SERVER_ROOT/logs/s.log; }
    location = /gone {
        social_auth main;
        add_header X-S "<$social_sub>" always;
        return 410;
    }
--- request eval
['GET /api/index.html', "GET /control/p8/mode/gate-both",
 "GET /control/p8/sleep/200", 'GET /text', 'GET /gone',
 'GET /control/p8/open', 'GET /log']
--- more_headers eval
[ ::bearer(), ('X: y') x 2, (::bearer(-key => 'next')) x 2, ('X: y') x 2 ]
--- error_code eval
[200, 200, 200, 200, 410, 200, 200]
--- response_headers eval
[ ('!X-S') x 4, 'X-S: <>', ('!X-S') x 2 ]
--- response_body_like eval
[ ('') x 3, '^open$', '410', '', '^log: -\|pending$' ]

=== TEST 9: with the headers of CORS
--- http_config eval
::gated('p9')
--- config
    social_cors on;
    social_cors_origins https://example.com;
    add_header X-Always yes always;
    location = /text { social_auth main; return 200 "<$social_sub>"; }
    location /files {
        social_auth main;
        if ($social_claim_banned = true) { return 403; }
        alias $TEST_NGINX_HTML_DIR;
    }
--- request eval
::twice('p9', 'GET /text', 'GET /files/index.html')
--- more_headers eval
[ map { "$_\nOrigin: https://example.com" } @{ ::with_tokens(2) } ]
--- error_code eval
::values_of(200, [ 503, 503 ], 200, [ 200, 200 ])
--- response_headers eval
::values_of('X-Always: yes',
            [ ("X-Always: yes\nAccess-Control-Allow-Origin: "
               . "https://example.com") x 2 ],
            'X-Always: yes', [ ('X-Always: yes') x 2 ])

=== TEST 10: the connection stays open
--- http_config eval
'    ' . ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                        "jwks_uri http://127.0.0.1:1/")
--- config
    location = /text { social_auth main; return 200 "<$social_sub>"; }
    location = /moved { social_auth main; return 302 /u/$social_sub/; }
    location = /post { social_auth main; return 200 "<$social_sub>"; }
--- pipelined_requests eval
['GET /text', "POST /post\nabc", 'GET /moved', 'HEAD /text', 'GET /text']
--- more_headers eval
[ (::bearer()) x 4, 'X: y' ]
--- error_code eval
[ (503) x 4, 200 ]
--- response_headers eval
[ ('Retry-After: 2') x 4, '!Retry-After' ]

=== TEST 11: read in a subrequest
--- http_config eval
::gated('p11')
--- config
    root html;
    location = /in { auth_request /text; try_files /index.html =500; }
    location = /if { auth_request /rewrite/index.html;
                     try_files /index.html =500; }
    location = /page.html { ssi on; }
    location = /text { internal; social_auth main; return 200 "<$social_sub>"; }
    location /rewrite/ {
        social_auth main;
        if ($social_claim_banned = true) { return 403; }
        rewrite ^/rewrite/(.*)$ /$1;
    }
    location /files/ {
        internal; social_auth main; rewrite ^/files/(.*)$ /u/$social_sub/$1;
    }
--- user_files
>>> page.html
[<!--#include virtual="/text" -->|<!--#include virtual="/files/x.txt" -->]
>>> u/bob/x.txt
bob's
>>> u/x.txt
shared
--- request eval
::twice('p11', 'GET /in', 'GET /if', 'GET /page.html')
--- more_headers eval
::with_tokens(3)
--- error_code eval
::values_of(200, [ 500, 500, 200 ], 200, [ 200, 200, 200 ])
--- response_body_like eval
::values_of('', [ 'Internal', 'Internal',
                  '^\[\|(?!shared|bob).*503 Service[^|]*\]$' ],
            '', [ 'works', 'works', "^\\[<bob>\\|bob's\n\\]\$" ])

=== TEST 12: the fetch is started by the read, and the next attempt succeeds
--- http_config eval
::gated('p12')
--- config
    location = /text { social_auth main; return 200 "<$social_sub>"; }
--- request eval
['GET /api/index.html', 'GET /control/p12/mode/slow-200-both',
 'GET /control/p12/sleep/200', 'GET /text', 'GET /control/p12/wait/2',
 'GET /api/index.html', 'GET /text']
--- more_headers eval
my $next = ::bearer(-key => 'next', sub => 'bob');
[ ::bearer(), 'X: y', 'X: y', $next, 'X: y', $next, $next ]
--- error_code eval
[ 200, 200, 200, 503, 200, 200, 200 ]
--- response_body_like eval
[ '', '', '', $::Unavailable, '^2$', 'works', '^<bob>$' ]

=== TEST 13: whole, to a client that takes gzip
--- http_config eval
"    gzip on;\n    gzip_min_length 1;\n    gzip_types text/plain;\n    "
. ::issuer_block('main', "issuer $::issuer", 'client_ids web',
                 "jwks_uri http://127.0.0.1:1/")
--- config
    location = /text { social_auth main; return 200 "<$social_sub> and more"; }
--- request eval
['GET /text', 'GET /text']
--- more_headers eval
[ (::bearer() . "\nAccept-Encoding: gzip") x 2 ]
--- error_code eval
[ 503, 503 ]
--- response_body_like eval
[ ($::Unavailable) x 2 ]
