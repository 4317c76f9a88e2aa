# Suites that must pass, with the number of tests they must have: logs, files,
# configurations, what is run and what is not.

use strict;
use warnings;

use lib 't/lib';
use DriverTest;
use Test::More;

good('logs', 30, 'repeat_each(2);', <<'_EOC_');
=== TEST 1: both logs
--- config
    location /no { root html; }
--- request
GET /no-such-file
--- error_code: 404
--- error_log
No such file
no-such-file
--- no_error_log
[alert]
[crit]
--- access_log
GET /no-such-file
--- no_access_log
nonsense

=== TEST 2: regexes, and each request counts
--- config
    location /no { root html; }
--- request eval
["GET /no-such-file", "GET /no-such-file"]
--- error_code eval
[404, 404]
--- error_log eval
[qr/\[error\] .*no-such-f[i]le/, "No such file"]

=== TEST 3: one regex, no answer
--- config
    location /no { root html; }
--- request
GET /no-such-file
--- ignore_response
--- error_log eval
qr/\[error\] .*no-such-f[i]le/
--- no_error_log eval
"nonsense"
_EOC_

good('grep_error_log', 8, 'repeat_each(2);', <<'_EOC_');
=== TEST 1: a text for all
--- config
    location /no { root html; }
--- request
GET /no-such-file
--- error_code: 404
--- grep_error_log eval: qr/\(\d+: No such file/
--- grep_error_log_out
(2: No such file

=== TEST 2: an array
--- config
    location /no { root html; }
--- request
GET /no-such-file
--- error_code: 404
--- grep_error_log chop
No such file
--- grep_error_log_out eval
["No such file\n", qr/^No/]
_EOC_

good('must_die', 8, 'repeat_each(2);', <<'_EOC_');
=== TEST 1: with what nginx said; nothing else counts
--- config
    nonsense on;
--- request
GET /
--- must_die
--- error_log
unknown directive "nonsense"
--- no_error_log
[alert]
--- response_body
never

=== TEST 2: with a code
--- config
--- http_config
    nonsense;
--- must_die: 1
_EOC_

good('the four configurations', 5, <<'_HEAD_', <<'_EOC_');
$ENV{TEST_NGINX_FOO} = 'foo';
env_to_nginx('SOCIAL_A', 'SOCIAL_B=b');
_HEAD_
=== TEST 1: variables
--- main_config
    env $TEST_NGINX_FOO;
--- http_config
    map $uri $a { default $TEST_NGINX_FOO; }
--- config
    location /t { return 200 "$a $TEST_NGINX_FOO\n"; }
--- post_main_config
    # $TEST_NGINX_FOO
--- request
GET /t
--- response_body
foo foo

=== TEST 2: the root location
--- config
--- request
GET /
--- response_body_like: It works!
--- response_headers
Content-Type: text/html
_EOC_

good('free ports', 2, '', <<'_EOC_');
=== TEST 1: the same port in both
--- http_config
    server {
        listen $TEST_NGINX_RAND_PORT_1;
        location / { return 200 "proxied\n"; }
    }
--- config
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- request
GET /t
--- response_body
proxied
_EOC_

good('user files', 5, '', <<'_EOC_');
=== TEST 1: text, with directories and a time
--- config
--- user_files
>>> a/b.txt 201707081213.00
body of b
>>> c.txt
body of c: $TEST_NGINX_SERVER_PORT
--- request eval
["GET /a/b.txt", "GET /c.txt"]
--- response_headers eval
["Last-Modified: Sat, 08 Jul 2017 12:13:00 GMT", ""]
--- response_body_like eval
["^body of b\n\$", "^body of c: \\d+\n\$"]
--- error_code_like eval
["2..", "20."]
_EOC_

good('user files as an array', 3, '', <<'_EOC_');
=== TEST 1: an array
--- config
--- user_files eval
[["d.txt", "body of d"]]
--- request
GET /d.txt
--- response_body chomp
body of d
--- no_error_log
[error]
_EOC_

good('abort', 2, '', <<'_EOC_');
=== TEST 1: the client leaves
--- http_config
    server {
        listen $TEST_NGINX_RAND_PORT_1;
        location / {
            limit_rate 1;
            root $TEST_NGINX_HTML_DIR;
        }
    }
--- config
    location /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/; }
--- request
GET /t
--- timeout: 200ms
--- abort
--- ignore_response
--- wait: 0.1
--- error_log
prematurely closed connection
--- no_error_log
[alert]
_EOC_

good('skipping', 11, <<'_HEAD_', <<'_EOC_', like => qr/# skip .*too new/);
repeat_each(2);
plan tests => 2 * 5 + 1 * 2 - 1;
repeat_each(1);
_HEAD_
=== TEST 1: too old
--- skip_nginx
3: < 99.0.0
--- config
    nonsense;
--- request
GET /t

=== TEST 2: not skipped
--- skip_nginx: 3: > 99.0.0
--- config
    location /t { return 200; }
--- request
GET /t
--- error_code: 200

=== TEST 3: with a reason
--- skip_nginx
1: >= 0.0.1: too new
--- config
--- request
GET /t

=== TEST 4: evaluated
--- skip_eval
2: $NginxVersion > 0.008 && $Test::Nginx::Util::NginxVersion < 99
--- config
--- request
GET /t

=== TEST 5: evaluated to false
--- skip_eval: 2: 0
--- config
    location /t { return 200; }
--- request
GET /t

=== TEST 6: skip_nginx2
--- skip_nginx2: 3: < 0.0.1 or >= 0.0.2
--- config
--- request
GET /t
_EOC_

good('ONLY', 1, '', <<'_EOC_', like => qr/I found ONLY/);
=== TEST 1: not this one
--- config
    location /t { return 500; }
--- request
GET /t

=== TEST 2: this one
--- ONLY
--- config
    location /t { return 200; }
--- request
GET /t
_EOC_

good('SKIP and LAST', 1, 'plan tests => 1 * blocks();', <<'_EOC_');
=== TEST 1: not this one
--- SKIP
--- config
    location /t { return 500; }
--- request
GET /t

=== TEST 2: this one
--- LAST
--- config
    location /t { return 200; }
--- request
GET /t

=== TEST 3: nor this one
--- config
    location /t { return 500; }
--- request
GET /t
_EOC_

good('functions', 8, <<'_HEAD_', <<'_EOC_');
repeat_each(2);
no_root_location();
workers(2);
master_on();
worker_connections(128);
log_level('info');
timeout(2);
server_name('example.org');

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value('request', "GET /pre");
});

add_response_body_check(sub {
    my ($block, $body, $req, $repeat) = @_;
    Test::More::is($body, "example.org /pre\n", 'my check');
});

add_cleanup_handler(sub { warn "cleaned up\n" });

Test::More::note server_root(), ' ', html_dir(), ' ', server_port(), ' ',
     server_addr(), ' ', master_process_enabled();
_HEAD_
=== TEST 1: one
--- config
    location / { return 200 "$http_host $uri\n"; }
--- response_body
example.org /pre
--- no_error_log
[debug]
_EOC_

good('no config: the nginx of the block before', 4, 'no_shuffle();', <<'_EOC_',
=== TEST 1: with
--- config
    location /t { return 200 "1\n"; }
--- request
GET /t
--- response_body
1

=== TEST 2: without
--- request
GET /t
--- response_body
1
_EOC_
     );

good('shutdown_error_log', 6, 'no_shuffle();', <<'_EOC_');
=== TEST 1: a line at the end
--- config
    location /t { return 200; }
--- request
GET /t
--- shutdown_error_log
(SIGQUIT) received
--- no_shutdown_error_log
nonsense

=== TEST 2: the last block
--- config
    location /t { return 200; }
--- request
GET /t
--- shutdown_error_log
(SIGQUIT) received
--- no_shutdown_error_log
nonsense
_EOC_

good('body filters', 4, '', <<'_EOC_');
=== TEST 1: names
--- config
    location /t { return 200 "abc"; }
--- request
GET /t
--- response_body_filters
uc md5_hex
--- response_body chomp
902fbdd2b1df0c4f70b4a5d23525e932

=== TEST 2: a function
--- config
    location /t { return 200 "abc"; }
--- request
GET /t
--- response_body_filters eval
sub { "<$_[0]>" }
--- response_body chomp
<abc>
_EOC_

good('init', 3, '', <<'_EOC_');
=== TEST 1: runs before the request
--- init
$ENV{TEST_NGINX_SOCIAL_INIT} = 'x';
--- config
    location /t { return 200 "abc"; }
--- request
GET /t
--- response_body_like eval: $ENV{TEST_NGINX_SOCIAL_INIT} // 'abc'
--- no_error_log
[error]
_EOC_

done_testing();
