# Suites that must fail, with what they must say.

use strict;
use warnings;

use lib 't/lib';
use DriverTest;
use Test::More;

my $location = <<'_EOC_';
--- config
    location = /t { return 200 "hello\n"; }
--- request
GET /t
_EOC_

bad('wrong body', [qr/got: 'hello/, qr/expected: 'hullo/],
    'plan tests => 2; no_long_string();', <<"_EOC_");
=== TEST 1: it
$location
--- response_body
hullo
_EOC_

bad('wrong long body', qr/they differ at byte 777/, 'plan tests => 2;',
    <<'_EOC_', real => 'it fails, in other words');
=== TEST 1: it
--- config
--- user_files eval
[["a.txt", ("a" x 777) . "b" . ("c" x 500)]]
--- request
GET /a.txt
--- response_body eval
("a" x 778) . ("c" x 500)
_EOC_

bad('wrong body, unlike', qr/doesn't match|matches/, 'plan tests => 2;',
    <<"_EOC_");
=== TEST 1: it
$location
--- response_body_unlike: hel+o
_EOC_

bad('wrong body, like', qr/doesn't match/, 'plan tests => 2;', <<"_EOC_");
=== TEST 1: it
$location
--- response_body_like: hullo
_EOC_

bad('wrong status', [qr/got: '200'/, qr/expected: '404'/],
    'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
$location
--- error_code: 404
_EOC_

bad('wrong status by default', [qr/got: '404'/, qr/expected: '200'/],
    'plan tests => 1;', <<'_EOC_');
=== TEST 1: it
--- config
--- request
GET /no-such-file
_EOC_

bad('wrong status, like', qr/doesn't match '\(\?\^[a-z]*:\^5/,
    'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
$location
--- error_code_like: ^5..\$
_EOC_

bad('the second of two', [qr/got: '200'/, qr/expected: '404'/],
    'plan tests => 2;', <<'_EOC_');
=== TEST 1: it
--- config
    location = /t { return 200 "hello\n"; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 404]
_EOC_

bad('missing header', [qr/got: ''/, qr/expected: 'bar'/],
    'plan tests => 2;', <<"_EOC_");
=== TEST 1: it
$location
--- response_headers
X-Foo: bar
_EOC_

bad('wrong header', [qr/got: 'text\/plain'/, qr/expected: 'text\/html'/],
    'plan tests => 2;', <<"_EOC_");
=== TEST 1: it
$location
--- response_headers
Content-Type: text/html
_EOC_

bad('header that must be absent', qr/Content-Type/, 'plan tests => 2;',
    <<"_EOC_");
=== TEST 1: it
$location
--- response_headers
! Content-Type
_EOC_

bad('the same, in other letters', qr/content-type must be absent/,
    'plan tests => 2;', <<"_EOC_", real => 'it minds the letters');
=== TEST 1: it
$location
--- response_headers
! content-type
_EOC_

bad('header that is not like', qr/'text\/plain'\n.*doesn't match/,
    'plan tests => 2;', <<"_EOC_");
=== TEST 1: it
$location
--- response_headers_like
Content-Type: text/pl
_EOC_

bad('raw headers that are not like', qr/doesn't match/, 'plan tests => 2;',
    <<"_EOC_");
=== TEST 1: it
$location
--- raw_response_headers_like: X-Foo
_EOC_

bad('raw headers that are like', qr/TEST 1/, 'plan tests => 2;', <<"_EOC_");
=== TEST 1: it
$location
--- raw_response_headers_unlike: Content-Type
_EOC_

bad('log line missing', qr/"nonsense" should match a line in error.log/,
    'plan tests => 3;', <<"_EOC_");
=== TEST 1: it
$location
--- error_log
nonsense
http request line
_EOC_

bad('log line forbidden', qr/"\/no-such" should not match any line/,
    'plan tests => 2;', <<'_EOC_');
=== TEST 1: it
--- config
--- request
GET /no-such
--- error_code: 404
--- no_error_log
/no-such
_EOC_

bad('log line of the block before', qr/"was-there" should match/,
    'no_shuffle(); plan tests => 3;', <<"_EOC_");
=== TEST 1: the line
--- config
--- request
GET /was-there
--- error_code: 404

=== TEST 2: not any more
$location
--- error_log
was-there
_EOC_

bad('log line of the repetition before', qr/"start worker" should match/,
    'repeat_each(2); plan tests => 4;', <<'_EOC_', real => 'in other words');
=== TEST 1: it comes once
--- main_config
--- config
    location = /t { return 200; }
--- request
GET /t
--- error_log: start worker
--- wait: 0.01
_EOC_

bad('grep_error_log', qr/\(2: No such file/, 'plan tests => 2;', <<'_EOC_');
=== TEST 1: it
--- config
--- request
GET /no-such
--- error_code: 404
--- grep_error_log eval: qr/\(\d+: No such file/
--- grep_error_log_out
(3: No such file
_EOC_

bad('access log', [qr/"nonsense" should match a line in access.log/,
                   qr/"GET" should not match any line in access.log/],
    'plan tests => 3;', <<"_EOC_");
=== TEST 1: it
$location
--- access_log
nonsense
--- no_access_log
GET
_EOC_

bad('must_die that starts', qr/not ok 1 - .*TEST 1/, 'plan tests => 1;',
    <<"_EOC_");
=== TEST 1: it
$location
--- must_die
_EOC_

bad('must_die with another code', qr/'?1'?\n.*'?7'?\n|7.*\n.*1/,
    'plan tests => 1;', <<'_EOC_');
=== TEST 1: it
--- config
    nonsense;
--- must_die: 7
_EOC_

bad('must_die with another message',
    qr/"nonsense on" should match a line in error.log/, 'plan tests => 2;',
    <<'_EOC_');
=== TEST 1: it
--- config
    nonsense;
--- must_die
--- error_log
nonsense on
_EOC_

bad('nginx that cannot start', [qr/not ok 1 - TEST 1: it - nginx cannot start/,
                                qr/nginx said:.*unknown directive "nonsense"/s,
                                qr/ok 2 - TEST 2/],
    'no_shuffle(); plan tests => 2;', <<"_EOC_", real => 'it tries for 30 s');
=== TEST 1: it
--- config
    nonsense;
--- request
GET /t

=== TEST 2: it goes on
$location
_EOC_

my $binary = "$dir/nginx that is not there";

bad('no nginx', qr/testing stopped.*\Q$binary\E/, 'plan tests => 1;',
    <<"_EOC_", env => { TEST_NGINX_BINARY => $binary });
=== TEST 1: it
$location
_EOC_

{
    my $sock = IO::Socket::INET->new(LocalAddr => '0.0.0.0', Listen => 1,
                                     Proto => 'tcp', ReuseAddr => 1);
    my $busy = $sock->sockport;

    bad('a port in use', qr/nginx said:.*bind\(\).*Address already in use/s,
        'plan tests => 1;', <<"_EOC_", env => { TEST_NGINX_PORT => $busy },
=== TEST 1: it
$location
_EOC_
        real => 'it tries for 30 s');
}

my $hanging = <<'_EOC_';
--- config
    location = /t {
        limit_rate 1;
        return 200 "hello, hello, hello\n";
    }
--- request
GET /t
--- ignore_response
--- timeout: 0.2
_EOC_

bad('time-out', qr/client socket timed out/, 'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
$hanging
--- no_error_log
[alert]
_EOC_

bad('keep-alive', qr/client socket timed out/, 'plan tests => 2;', <<'_EOC_');
=== TEST 1: it
--- config
    location = /t { return 200 "hello\n"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: a\r\n\r\n"
--- timeout: 0.2
--- response_body
hello
_EOC_

bad('plan too high', qr/Bad plan.*planned 5 tests but ran 1/s,
    'plan tests => 5;', <<"_EOC_");
=== TEST 1: it
$location
_EOC_

bad('plan too low', qr/Bad plan.*planned 1 tests but ran 2/s,
    'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
$location
--- response_body
hello
_EOC_

for my $section (qw( config http_config main_config )) {
    my $config = $section eq 'config' ? '' : "--- config\n";

    bad("undefined variable in $section",
        qr/testing stopped.*TEST_NGINX_SOCIAL_NOT_SET/,
        'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
$config
--- $section
    # \$TEST_NGINX_SOCIAL_NOT_SET
--- request
GET /
_EOC_
}

bad('skip_nginx that nobody can read',
    qr/testing stopped.*skip_nginx.*3 < 4/, 'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
--- skip_nginx: 3 < 4
$location
_EOC_

bad('skip_nginx with ==', qr/testing stopped.*skip_nginx/, 'plan tests => 1;',
    <<"_EOC_");
=== TEST 1: it
--- skip_nginx: 1: == 1.2.3
$location
_EOC_

bad('skip_eval that dies', qr/testing stopped.*skip_eval.*woe/s,
    'plan tests => 1;', <<"_EOC_");
=== TEST 1: it
--- skip_eval: 1: die "woe\\n"
$location
_EOC_

bad('several requests, one expectation', qr/testing stopped.*array/s,
    'plan tests => 2;', <<'_EOC_');
=== TEST 1: it
--- config
--- request eval
["GET /", "GET /"]
--- error_code: 200
_EOC_

bad('too few headers', qr/testing stopped.*more_headers lacks/s,
    'plan tests => 2;', <<'_EOC_');
=== TEST 1: it
--- config
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X: y"]
_EOC_

bad('no request', qr/testing stopped.*[Rr]equest line/, 'plan tests => 1;',
    <<'_EOC_');
=== TEST 1: it
--- config
_EOC_

bad('bad request line', qr/testing stopped.*[Rr]equest line/,
    'plan tests => 1;', <<'_EOC_');
=== TEST 1: it
--- config
--- request
GET /a b HTTP/1.1
_EOC_

bad('no config', qr/testing stopped.*config/, 'plan tests => 1;', <<'_EOC_');
=== TEST 1: it
--- request
GET /
_EOC_

bad('a section that is not supported',
    qr/testing stopped.*tcp_listen is not supported/, 'plan tests => 1;',
    <<"_EOC_", real => 'it supports it');
=== TEST 1: it
$location
--- tcp_listen: 1234
--- tcp_reply: foo
_EOC_

my $bad_chunk = <<'_EOC_';
--- config
    chunked_transfer_encoding off;
    location = /t.txt {
        add_header Transfer-Encoding chunked;
    }
--- user_files
>>> t.txt
5
hello
_EOC_

bad('bad chunks', qr/invalid chunked|bad chunked|last chunk/,
    'plan tests => 2;', <<"_EOC_");
=== TEST 1: it
$bad_chunk
--- request
GET /t.txt
--- response_body_like: hello
_EOC_

bad('shutdown_error_log', qr/"nonsense" should match.*\n.*SIGQUIT/,
    'plan tests => 3;', <<"_EOC_");
=== TEST 1: it
$location
--- shutdown_error_log
nonsense
--- no_shutdown_error_log
SIGQUIT
_EOC_

# A crash: of the only process, and of a worker under a master.

for my $master (qw( off on )) {
    bad("a crash, master_process $master",
        $master eq 'on' ? qr/not ok \d+ - TEST 1.*exited on signal 11/
                        : qr/not ok \d+ - TEST 1.*gone before/,
        "plan tests => 1; workers(1);", <<"_EOC_",
=== TEST 1: it
$location
--- init
    # the response is right, and then it crashes
    my \$pid = do { local \@ARGV = \$Test::Nginx::Util::PidFile; <> };
    chomp \$pid;
    \$pid = qx(pgrep -P \$pid) if '$master' eq 'on';
    my \$child = fork;
    if (!\$child) { select undef, undef, undef, 0.1; kill 'SEGV', \$pid;
                   POSIX::_exit(0) }
--- wait: 0.3
_EOC_
        env => { TEST_NGINX_MASTER_PROCESS => $master },
        real => 'it does not see it');
}

done_testing();
