# Suites that must pass, with the number of tests they must have: requests
# and answers.

use strict;
use warnings;

use lib 't/lib';
use DriverTest;
use Test::More;

good('a plain request', 2, '', <<'_EOC_');
=== TEST 1: body
--- config
    location = /t { return 200 "hello\n"; }
--- request
GET /t
--- response_body
hello
_EOC_

good('a plan of blocks() and repeat_each()', 12, <<'_HEAD_', <<'_EOC_');
repeat_each(3);
plan tests => repeat_each() * (blocks() * 2);
no_shuffle();
no_long_string();
_HEAD_
=== TEST 1: one
--- config
    location = /t { return 200 "hello\n"; }
--- request
    GET /t
--- response_body
hello

=== TEST 2: two
--- config
    location = /t { return 201 "x"; }
--- request
# a comment
GET /t
--- error_code: 201
--- response_body chomp
x
_EOC_

good('no test but the status', 1, '', <<'_EOC_');
=== TEST 1: status
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204
_EOC_

good('headers', 10, '', <<'_EOC_');
=== TEST 1: present, absent, twice, with the port
--- config
    location = /t {
        add_header X-Foo a;
        add_header X-Foo b;
        add_header X-Port $TEST_NGINX_SERVER_PORT;
        return 200 "ok";
    }
--- request
GET /t
--- response_headers
X-Foo: a, b
X-Port: $ServerPort
!X-Bar
! X-Baz
--- raw_response_headers_like: X-Foo: a\r\nX-Foo: b\r\n
--- raw_response_headers_unlike: X-Bar
--- response_body chop
ok

=== TEST 2: one name is one test
--- config
    location = /t { add_header X-Foo b; return 200; }
--- request
GET /t
--- response_headers
X-Foo: a
X-Foo: b
--- ignore_response_body
_EOC_

good('response_headers_like', 2, '', <<'_EOC_');
=== TEST 1: like
--- config
    location = /t { add_header X-Foo bar123; return 200; }
--- request
GET /t
--- response_headers_like
X-Foo: bar\d+
_EOC_

good('bodies', 10, '', <<'_EOC_');
=== TEST 1: like
--- config
    location = /t { return 200 "hello world\n"; }
--- request
GET /t
--- response_body_like: ^hello \w+$

=== TEST 2: unlike
--- config
    location = /t { return 200 "hello world\n"; }
--- request
GET /t
--- response_body_unlike: goodbye

=== TEST 3: eval
--- config
    location = /t { return 200 "a\r\nb"; }
--- request
GET /t
--- response_body eval
"a\r\nb"

=== TEST 4: a regex
--- config
    location = /t { return 200 "aaa"; }
--- request
GET /t
--- response_body eval
qr/^a{3}$/

=== TEST 5: empty, and response_body is before response_body_like
--- config
    location = /t { return 200; }
--- request
GET /t
--- response_body
--- response_body_like: nonsense
_EOC_

good('a chunked body', 2, '', <<'_EOC_');
=== TEST 1: chunked
--- config
    location = /t.txt {
        sub_filter a bb;
        sub_filter_once off;
        sub_filter_types *;
    }
--- user_files
>>> t.txt
a b c a
--- request
GET /t.txt
--- response_body
bb b c bb
_EOC_

good('requests of all kinds', 10, 'no_root_location();', <<'_EOC_');
=== TEST 1: HTTP/1.0
--- config
    location / { return 200 "$server_protocol $uri $http_host\n"; }
--- request
GET /x HTTP/1.0
--- response_body
HTTP/1.0 /x localhost

=== TEST 2: the root by default, Host by a header
--- config
    location / { return 200 "$server_protocol $uri $http_host\n"; }
--- request
GET
--- more_headers
Host: example.com
--- response_body
HTTP/1.1 / example.com

=== TEST 3: a body
--- config
    location / {
        return 200 "$request_method $content_length $http_connection\n";
    }
--- request
POST /x
hello
--- response_body
POST 5 close

=== TEST 4: a body with its length
--- config
    location / { return 200 "$content_length $http_x_a\n"; }
--- request eval
"POST /x\nhello\n"
--- more_headers
X-A: b
Content-Length: 6
--- response_body
6 b

=== TEST 5: HEAD
--- config
    location / { return 200 "hello\n"; }
--- request
HEAD /
--- response_body
_EOC_

good('several requests', 13, 'no_root_location();', <<'_EOC_');
=== TEST 1: arrays
--- config
    location / { return 200 "$uri $http_x\n"; }
    location /b { return 302 /c; }
--- request eval
["GET /a", "GET /b", ["GET /", {value => "c HTTP/1.1", delay_before => 0.05}]]
--- more_headers eval
["X: 1", "X: 2", "X: 3"]
--- error_code eval
[200, 302, 200]
--- response_body_like eval
["^/a 1\n", "302", qr{/c 3}]
--- response_headers eval
["!Location", "Location: http://localhost:\$ServerPort/c", "!Location\n!X"]
--- no_error_log
[alert]
--- log_level: info

=== TEST 2: an array of one element
--- config
    location / { return 200 "$uri\n"; }
--- request eval
["GET /a"]
--- ignore_response
_EOC_

good('pipelined requests', 6, 'no_root_location();', <<'_EOC_');
=== TEST 1: two
--- config
    location / { return 200 "$uri $http_connection $http_x\n"; }
--- pipelined_requests eval
["GET /a", "GET /b", "HEAD /c"]
--- more_headers eval
["X: 1", "X: 2", "X: 3"]
--- response_body eval
["/a keep-alive 1\n", "/b keep-alive 2\n", ""]
_EOC_

good('raw requests', 8, 'no_root_location();', <<'_EOC_');
=== TEST 1: bytes
--- config
    location / { return 200 "$uri\n"; }
--- raw_request eval
"GET /raw HTTP/1.0\r\n\r\n"
--- response_body
/raw

=== TEST 2: pieces
--- config
    location / { return 200 "$uri\n"; }
--- raw_request eval
["GET /r", "aw HTTP", "/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]
--- raw_request_middle_delay: 0.03
--- response_body
/raw

=== TEST 3: not HTTP
--- config
    location / { return 200 "$uri\n"; }
--- raw_request eval
"nonsense\r\n\r\n"
--- error_code: 400
--- response_body_like: 400 Bad Request

=== TEST 4: HTTP/0.9
--- config
    location / { return 200 "$uri\n"; }
--- raw_request eval
"GET /old\r\n"
--- http09
--- response_body
/old
_EOC_

SKIP: {
    my $v = `nginx -V 2>&1` . `curl -V 2>&1`;

    skip 'no HTTP/2 in nginx or curl', 1
        if $v !~ /http_v2_module/ || $v !~ /HTTP2/;

    good('http2', 10, 'no_root_location();', <<'_EOC_',
=== TEST 1: a body and headers
--- http2
--- config
    location / {
        add_header X-Foo bar;
        return 200 "$server_protocol $http_x\n";
    }
--- request
GET /t
--- more_headers
X: y
--- response_headers
X-Foo: bar
!X-Bar
--- response_body
HTTP/2.0 y

=== TEST 2: two requests, one with a body
--- http2
--- http_config
    server {
        listen $TEST_NGINX_RAND_PORT_1;
        return 201 "$request_method $content_length $http_user_agent\n";
    }
--- config
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- request eval
["POST /t
hello", "HEAD /t"]
--- error_code eval
[201, 201]
--- response_body eval
["POST 5 \n", ""]
--- no_error_log
[alert]
_EOC_
         # before 1.25.1 it writes a directive that nginx does not know
         real => 'it writes "http2 on" for all of nginx after 1.19.9');
}

done_testing();
