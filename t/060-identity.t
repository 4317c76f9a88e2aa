# X-Social-*: headers of clients are removed, and those of a verified token are
# set.  The backend is not nginx: it shows every header as it came.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

our $Id = <<'_EOC_';
X-Social-Sub: c0ffee00-1234-4abc-8def-000000000001
X-Social-Username: alice
X-Social-Groups: staff,beta
X-Social-Scopes: photos/read photos/write
_EOC_
$Id .= "X-Social-Issuer: $issuer\n";

suite(http_config => $http_config, config => <<'_EOC_', log_level => 'info');
    location / {
        proxy_set_header Host localhost;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        location /auth {
            social_auth main;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
    }
_EOC_

# headers of the client, and what the backend gets of them

sub mixed {
    my ($spoofed, $every) = @_;

    my @lines;

    for my $i (1 .. 30) {
        push @lines, "X-Keep-$i: $i";
        push @lines, "X-Social-$_: evil" for ($i % $every ? () : $spoofed);
    }

    return join "\n", @lines;
}

our $Kept = join '', map { "X-Keep-$_: $_\n" } 1 .. 30;

no_root_location();
repeat_each(2);
plan tests => repeat_each() * 568;
no_long_string();
run_tests();

__DATA__

=== TEST 1: set from the claims
--- request
GET /auth
--- more_headers eval
::bearer()
--- response_body_like eval
qr/\n\Q$::Id\E\n\z/

=== TEST 2: in place of the client's headers
--- request
GET /auth
--- more_headers eval
"X-Social-Sub: root\nX-Social-Groups: admin\nX-Social-User-Id: 1\n"
. "X-Social-Assertion: x\nX-Social-: y\nX-Socially: ok\nX-Social: ok\n"
. ::bearer()
--- response_body_like eval
qr/\nX-Socially: ok\nX-Social: ok\nAuthorization: .*\n\Q$::Id\E\n\z/

=== TEST 3: every spelling, in a public location
--- request
GET /public
--- more_headers
X-Social-Sub: evil
x-social-sub: evil
X-SOCIAL-SUB: evil
X-sOCIAL-Groups: evil
X-Social-Anything: evil
X-Social-: evil
X-Keep: a
--- response_body_unlike: (?i)evil|social

=== TEST 4: underscores and other bytes
--- config
    underscores_in_headers on;
    ignore_invalid_headers off;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request
GET /public
--- more_headers
X_Social_Sub: evil
X-Social_Sub: evil
x_social-groups: evil
X.Social.Sub: evil
X-Social.Sub: evil
X!Social~Sub: evil
X_Keep: a
X.Keep: b
--- response_body_like eval
qr/\A((?!(?i:evil|social)).)*X_Keep: a\nX\.Keep: b\n\n\z/s

=== TEST 5: underscores are dropped by nginx as a rule
--- request
GET /public
--- more_headers
X_Social_Sub: evil
X-Keep: a
--- response_body_unlike: (?i)evil|social
--- error_log
client sent invalid header line: "X_Social_Sub

=== TEST 6: mixed with others, which stay in their order
--- request eval
[map { "GET /public/$_" } 1 .. 8]
--- more_headers eval
[::mixed('A', 1), ::mixed('A', 2), ::mixed('A', 3), ::mixed('A', 19),
 ::mixed('A', 30), "X-Social-A: evil\n" x 45 . ::mixed('A', 99),
 ::mixed('A', 99) . "\n" . "X-Social-A: evil\n" x 45,
 "X-Social-A: evil\n" x 21 . ::mixed('A', 20)]
--- response_body_like eval
[(qr/\n\Q$::Kept\E\n\z/) x 8]
--- error_code eval
[(200) x 8]

=== TEST 7: the same with a token
--- request eval
[map { "GET /auth/$_" } 1 .. 7]
--- more_headers eval
[map { ::bearer() . "\n$_" }
 ::mixed('Sub', 1), ::mixed('Sub', 2), ::mixed('Sub', 7), ::mixed('Sub', 30),
 "X-Social-Sub: evil\n" x 45 . ::mixed('A', 99),
 ::mixed('A', 99) . "\n" . "X-Social-Sub: evil\n" x 45,
 "X-Social-A: evil\n" x 18 . ::mixed('A', 16)]
--- response_body_like eval
[(qr/\nAuthorization: .*\n\Q$::Kept$::Id\E\n\z/) x 7]
--- error_code eval
[(200) x 7]

=== TEST 8: any number of headers, in any number of parts of nginx's list
--- request eval
[map { "GET /auth/$_" } 1 .. 44]
--- more_headers eval
[map { my $n = $_;
       CORE::join "\n", ::bearer(), map {
           ($_ % 3 == $n % 3 ? "X-Social-Sub: evil" : (), "X-K: $_")
       } 1 .. $n } 1 .. 44]
--- response_body_like eval
[map { my $k = CORE::join '', map { "X-K: $_\n" } 1 .. $_;
       qr/\nAuthorization: .*\n\Q$k$::Id\E\n\z/ } 1 .. 44]
--- error_code eval
[(200) x 44]

=== TEST 9: nothing but spoofed headers
--- raw_request eval
"GET /public HTTP/1.0\r\n" . "X-Social-Sub: evil\r\n" x 40 . "\r\n"
--- response_body_unlike: (?i)evil|social

=== TEST 10: the variables of nginx do not see them either
--- config
    location = /x {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        proxy_set_header X-A "[$http_x_social_sub]";
        add_header X-A "[$http_x_social_sub]";
    }
--- request
GET /x
--- more_headers
X-Social-Sub: evil
--- response_headers
X-A: []
--- response_body_like
X-A: \[\]

=== TEST 11: groups with commas, and what is not ASCII
--- request
GET /auth
--- more_headers eval
::bearer('cognito:groups' => [ 'a,b', 'c d', '100%', "\x{e9}" ],
         username => "J\x{fc}rgen\r\nX-Social-Groups: admin", scope => 'a')
--- response_body_like eval
my $name = 'J%C3%BCrgen%0D%0AX-Social-Groups: admin';
qr/\nX-Social-Username: $name\nX-Social-Groups: a%2Cb,c%20d,100%25,%C3%A9\n/

=== TEST 12: no claim, no header
--- request
GET /auth
--- more_headers eval
::bearer('cognito:groups' => undef, username => undef, scope => undef)
--- response_body_like eval
qr/\nX-Social-Sub: c0.*\nX-Social-Issuer: .*\n\n\z/
--- response_body_unlike eval
qr/Groups/

=== TEST 13: no identity, where a token is optional
--- config
    location / {
        social_auth main optional=lenient;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-Social-Sub: evil", "X-Social-Sub: evil\n" . ::bearer(exp => 1),
 ::bearer(-key => 'forged')]
--- response_body_unlike eval
[(qr/social-/i) x 3]
--- error_code eval
[200, 200, 200]

=== TEST 14: social_identity_headers off
--- config
    location / {
        social_auth main;
        social_identity_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request
GET /
--- more_headers eval
"X-Social-Sub: evil\n" . ::bearer()
--- response_body_unlike: (?i)social-

=== TEST 15: off, and on again further down
--- http_config eval
"$::http_config    social_identity_headers off; social_auth main;\n"
--- config
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        location /on {
            social_identity_headers on;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
    }
--- request eval
["GET /", "GET /on"]
--- more_headers eval
::tokens([], [])
--- response_body_like eval
[qr/\A(?:(?!X-Social).)*\z/s, qr/\n\Q$::Id\E\n\z/]
--- error_code eval
[200, 200]

=== TEST 16: internal redirects set them once, by the last location
--- config
    location /try {
        social_auth main;
        root html;
        try_files /none @named;
    }
    location @named { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location /off {
        social_auth main;
        root html;
        try_files /none @off;
    }
    location @off {
        social_identity_headers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /rewrite {
        social_auth main;
        error_page 418 = /auth;
        proxy_pass http://127.0.0.1:1;
        proxy_intercept_errors on;
        error_page 502 = /auth;
    }
    location /accel {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/accel/auth;
    }
    location = /auth {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /try", "GET /off", "GET /rewrite", "GET /accel"]
--- more_headers eval
[map { "X-Social-Sub: evil\n$_" } @{ ::tokens([], [], [], []) }]
--- response_body_like eval
my $once = qr/\A(?:(?!X-Social).)*\n\Q$::Id\E\n\z/s;
[$once, qr/\A(?:(?!X-Social).)*\z/s, $once, $once]
--- error_code eval
[200, 200, 200, 200]
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 17: another claim of groups
--- config
    location / {
        social_auth main;
        social_auth_groups_claim roles;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request
GET /
--- more_headers eval
::bearer(roles => [ 'x', 'y' ])
--- response_body_like
X-Social-Groups: x,y

=== TEST 18: a mirrored request has them, one of auth_request does not
--- config
    location = /main {
        social_auth main;
        mirror /mirror;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /mirror {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/seen;
        proxy_set_header X-Seen $http_x_social_sub;
    }
    location = /seen {
        access_log off;
        error_log logs/error.log info;
        root html;
        try_files /none-$http_x_seen =404;
    }
    location = /checked {
        auth_request /check;
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location = /check {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /main", "GET /checked"]
--- more_headers eval
[map { "X-Social-Sub: evil\n$_" } @{ ::tokens([], []) }]
--- response_body_like eval
[(qr/\A(?:(?!X-Social).)*\n\Q$::Id\E\n\z/s) x 2]
--- error_code eval
[200, 200]
--- no_error_log
[alert]
[emerg]
evil

=== TEST 19: POST with a body
--- request
POST /auth
hello
--- more_headers eval
"X-Social-Sub: evil\n" . ::bearer()
--- response_body_like eval
qr/\nContent-Length: 5\n[\s\S]*\n\Q$::Id\E\nhello\z/

=== TEST 20: pipelined
--- pipelined_requests eval
["GET /auth/1", "GET /public", "GET /auth/2"]
--- more_headers eval
["X-Social-Sub: evil\n" . ::bearer(), "X-Social-Sub: evil",
 "X-Social-Sub: evil\n" . ::bearer()]
--- response_body_like eval
[qr/\n\Q$::Id\E\n\z/, qr/\A(?:(?!X-Social).)*\z/s, qr/\n\Q$::Id\E\n\z/]
--- error_code eval
[200, 200, 200]

=== TEST 21: static files need no headers, and public ones lose theirs too
--- config
    location / { root html; add_header X-A "[$http_x_social_sub]"; }
    location /auth { social_auth main; alias html;
                     add_header X-A "[$http_x_social_sub]"; }
--- request eval
["GET /index.html", "GET /auth/index.html"]
--- more_headers eval
[map { "X-Social-Sub: evil\n$_" } @{ ::tokens([], []) }]
--- response_headers eval
[("X-A: []") x 2]
--- error_code eval
[200, 200]

=== TEST 22: any byte between the words, any number of times
--- config
    underscores_in_headers on;
    ignore_invalid_headers off;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location /auth { social_auth main;
                     proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request eval
["GET /public", "GET /auth"]
--- more_headers eval
our $Spelled = CORE::join "\n", map {
    ("X${_}Social${_}Sub: evil", "x${_}SOCIAL-Groups: evil",
     "X-sOcIaL${_}Anything: evil", "X${_}Social${_}: evil") x 2
} split //, "-_.!#\$%&'*+^`|~\xad\xff\x80,;/";
["$Spelled\nX-Keep: a", "$Spelled\nX-Keep: a\n" . ::bearer()]
--- response_body_like eval
[qr/\A((?!(?i:evil|social)).)*\nX-Keep: a\n\n\z/s,
 qr/\A(?:(?!evil).)*\nX-Keep: a\nAuthorization: .*\n\Q$::Id\E\n\z/s]
--- error_code eval
[200, 200]

=== TEST 23: a space before the colon is not part of the name
--- raw_request eval
"GET /public HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
. "X-Social-Sub : evil\r\n\r\n"
--- error_code: 400
--- response_body_unlike: evil

=== TEST 24: a server without identities, and kinds of locations
--- http_config eval
"$::http_config
    server {
        listen 127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT};
        server_name plain;
        add_header X-Server plain;
        location / { proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}; }
        location /return { return 200 \"[\$http_x_social_sub]\"; }
        location /if {
            if (\$http_x_social_sub) { return 403; }
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
        location /off {
            social_auth off;
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
        location /set {
            proxy_set_header X-Mine \"[\$http_x_social_sub]\";
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
        location /named { try_files /none \@named; }
        location \@named { proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}; }
        location /except {
            limit_except POST { allow all; }
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
    }\n"
--- request eval
[map { "GET $_" } qw( / /if /off /set /named /except )]
--- more_headers
Host: plain
X-Social-Sub: evil
x-social-sub: evil
X-Social-Groups: evil
X-K: a
--- error_code eval
[(200) x 6]
--- response_body_like eval
[(qr/\nX-K: a\n/) x 6]
--- response_headers eval
[("X-Server: plain") x 6]
--- response_body_unlike eval
[(qr/evil|social/i) x 6]

=== TEST 25: groups as one string, which is one group
--- request
GET /auth
--- more_headers eval
::bearer('cognito:groups' => 'a,admin')
--- response_body_like eval
qr/\nX-Social-Groups: a%2Cadmin\n/

=== TEST 23: spaces that a header would lose, and those within a group
--- request eval
[("GET /auth") x 4]
--- more_headers eval
::tokens([ sub => ' admin', username => ' al ice ', scope => ' a  b ' ],
         [ sub => 'admin ', username => "\tx", scope => undef,
           scp => [ 'a', 'b c', ' d' ] ],
         [ 'cognito:groups' => 'site admins' ],
         [ 'cognito:groups' => [ 'site admins', ' admin', 'b' ] ])
--- response_body_like eval
[qr/\nX-Social-Sub: %20admin\nX-Social-Username: %20al ice%20\nX-Social-Groups: staff,beta\nX-Social-Scopes: a b\n/,
 qr/\nX-Social-Sub: admin%20\nX-Social-Username: %09x\nX-Social-Groups: staff,beta\nX-Social-Scopes: a b%20c %20d\n/,
 qr/\nX-Social-Groups: site%20admins\n/,
 qr/\nX-Social-Groups: site%20admins,%20admin,b\n/]
--- error_code eval
[(200) x 4]

=== TEST 24: the groups in the header are those that are checked
--- config
    location /site {
        social_auth main;
        social_auth_groups any "site admins";
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /admin {
        social_auth main;
        social_auth_groups any admin;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /show {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
[("GET /site") x 4, ("GET /admin") x 4, ("GET /show") x 3]
--- more_headers eval
my @odd = (5, "a,admin,b", [ 'admin' ], { admin => 1 });
::tokens((map { [ 'cognito:groups' => $_ ] }
          'site admins', [ 'x', 'site admins' ], 'site', [ 'site', 'admins' ],
          'not admin', [ 'not admin' ], \@odd, 'admin'),
         (map { [ 'cognito:groups' => $_ ] } \@odd, { 'a,admin,b' => 1 }, 5))
--- response_body_like eval
[('\nX-Social-Groups: site%20admins\n'), ('\nX-Social-Groups: x,site%20admins\n'),
 ('Forbidden') x 5, '\nX-Social-Groups: admin\n',
 '\nX-Social-Groups: a%2Cadmin%2Cb\n', ('\A((?!Groups)[\s\S])*\z') x 2]
--- error_code eval
[200, 200, (403) x 5, (200) x 4]
