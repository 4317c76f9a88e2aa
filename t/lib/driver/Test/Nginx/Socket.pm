package Test::Nginx::Socket;

# What a suite sees: the exported functions.  A suite is run by Run.pm, the
# settings are in Util.pm.  The documentation is at the end of this file.

use strict;
use warnings;

use Test::Base ();
use Test::Nginx::Checks;
use Test::Nginx::Run;
use Test::Nginx::Util;

our $VERSION = '0.1';

# Test::Base finds its class by inheritance and exports our list by its own
# import().  It is not "use Test::Base -Base": that would filter this file.
our @ISA = ('Test::Base');

our @EXPORT = qw(
    add_block_preprocessor add_cleanup_handler add_response_body_check
    add_test_cleanup_handler bail_out check_accum_error_log config_preamble
    env_to_nginx html_dir is_str log_level master_off master_on
    master_process_enabled no_long_string no_nginx_manager no_root_location
    no_shuffle repeat_each run_test run_tests server_addr server_name
    server_port server_port_for_client server_root timeout use_hup
    worker_connections workers
);

*is_str = \&Test::Nginx::Checks::is_str;
*run_test = \&Test::Nginx::Run::run_test;
*run_tests = \&Test::Nginx::Run::run_tests;

1;

__END__

=encoding utf8

=head1 NAME

Test::Nginx::Socket - a driver for suites in the format of Test::Nginx

=head1 SYNOPSIS

    use lib 't/lib';
    use SocialTest;

    repeat_each(2);
    plan tests => repeat_each() * (blocks() * 3);

    run_tests();

    __DATA__

    === TEST 1: a page with a header
    --- config
        location = /t {
            add_header X-Foo bar;
            return 200 "hello\n";
        }
    --- request
    GET /t
    --- response_headers
    X-Foo: bar
    --- response_body
    hello

=head1 DESCRIPTION

Runs nginx and asks it what the blocks of a suite say. The format is the one
of OpenResty's C<Test::Nginx::Socket>, of which this is an independent and
smaller implementation: it needs L<Test::Base> and the modules that come with
Perl. A suite that passes here is meant to pass there, with the same number
of tests. Where the two could differ, this one is the stricter.

For each block nginx is stopped, a server root is made again (F<t/servroot>),
F<nginx.conf> is written, nginx is started, the requests are sent, each on a
connection of its own, and the answers and the logs are checked.

=head1 HOW MANY TESTS A BLOCK IS

For C<plan tests>. A block that runs counts, C<repeat_each()> times:

=over

=item for each request, pipelined ones included

1 for the status code (also when there is no C<error_code>);

1 for C<raw_response_headers_like>, 1 for C<raw_response_headers_unlike>;

1 for each I<distinct> header name in C<response_headers>, absent ones
(C<!Name>) included; or, only when there is no C<response_headers>, 1 for
each distinct name in C<response_headers_like>;

1 for one of C<response_body>, C<response_body_like> and
C<response_body_unlike>: only the first of them, in this order, is looked at.

None of these with C<ignore_response>.

=item for each request again

1 for each line or element of C<error_log>, and of C<no_error_log>;

1 for C<grep_error_log> with its C<grep_error_log_out>;

1 for each line or element of C<access_log> and of C<no_access_log>, but not
with C<ignore_response>.

=back

So a block with three requests and two C<error_log> lines has six tests of
the log in each repetition, and each of the lines must be there after each
request: a check sees what was added since the check before it. The answers
to C<pipelined_requests> are all there when the first check reads the log, so
the later ones find little.

Once a block, however often it is repeated: 1 for each line or element of
C<shutdown_error_log> and of C<no_shutdown_error_log>.

A block with C<must_die> counts, C<repeat_each()> times: 1 for the death, 1
for each line or element of C<error_log> and C<no_error_log>, 1 for
C<grep_error_log>. Nothing else in it counts.

A block with C<SKIP> counts nothing and is not among C<blocks()>. With
C<ONLY> the block is alone in C<blocks()>, with C<LAST> it is the last one.
One left out by C<skip_nginx: N: ...> and its likes counts N skipped tests,
C<repeat_each()> times.

Mind that C<blocks()> answers with the blocks themselves where a list is
expected: it is a number in C<< plan tests => repeat_each() * blocks() >>,
but not in C<< plan tests => blocks() >>.

Beyond the count, a test fails in addition when the client times out or
cannot connect, a chunked body is malformed, nginx cannot start or reload, it
has to be killed, a process of it crashes (C<exited on signal>, a failed
assertion, a report of a sanitizer or of valgrind). A plan then does not fit,
which is as it should be.

=head1 SECTIONS

The values of sections are filtered as L<Test::Base> does: C<eval>, C<chomp>,
C<chop> and so on after the name. C<$TEST_NGINX_FOO> in a configuration, in
user files, in C<pipelined_requests>, C<response_body> and
C<grep_error_log_out> is the environment variable of this name; all stops if
there is none. C<$TEST_NGINX_RAND_PORT_1> and so on are free ports. The
expected headers and bodies know C<$ServerPort>, too.

=head2 The server

=over

=item config, http_config, main_config, post_main_config

Go into C<server {}>, C<http {}>, the head and the tail of F<nginx.conf>.
With no C<config> the nginx of the block before goes on; the blocks must
then not be shuffled.

=item server_name, log_level, error_log_file

Replace C<localhost>, C<debug> and F<logs/error.log> in F<nginx.conf>.

=item user_files

Files, under F<html/> if their name is not absolute: C<< >>> name [time] >>
lines and the content after each, or an array of C<[name, content, time]>.
The time is as for C<touch -t>, in GMT.

=item must_die

nginx must fail to start, with this exit code if there is a number. What it
said is in C<error_log>.

=item http2

The server speaks HTTP/2, and the requests are sent by C<curl>, with
C<curl_options>. For C<request> only.

=item reload_fails

In HUP mode: the configuration is wrong and the old one stays in use.

=item init, post_setup_server_root

Perl code, run before the requests and before the files are written.

=back

=head2 The requests

=over

=item request

C<GET>, C<GET /x>, C<GET /x HTTP/1.0>; the body is what follows the line. A
body has a C<Content-Length> and loses the white space around it, unless
C<more_headers> has C<Content-Length> or C<Transfer-Encoding: chunked>. An
array is several requests, one connection each. An element may be an array:
the pieces in which it is sent, texts or
C<< { value => ..., delay_before => seconds } >>.

C<Host> and C<Connection: close> are added if C<more_headers> has none.

=item more_headers

Header lines, or an array of them, one for each request.

=item pipelined_requests

An array, sent at once on one connection. What is expected is an array, too.

=item raw_request, raw_request_middle_delay

Bytes as they are; an array is sent in pieces, with this delay between them.

The client reads until the server closes: say C<Connection: close>, or it
will time out.

=item timeout

Seconds (or C<200ms>) for which the server may be silent; default 3.

=item abort

A time-out is not a failure: the client closes the connection. With
C<ignore_response>.

=item shutdown

Calls shutdown(2) with this (or 1) when all is sent.

=item server_addr_for_client

Where to connect instead of 127.0.0.1.

=item wait

Seconds to wait before the logs are looked at.

=back

=head2 The answers

=over

=item error_code, error_code_like

The status, 200 if there is neither.

=item response_body, response_body_like, response_body_unlike

Text or a regex. The body has no chunks any more, and it went through
C<response_body_filters> (C<md5_hex>, C<sha1_hex>, C<uc>, C<lc>, C<ucfirst>,
C<lcfirst>, C<length> or functions).

=item response_headers

C<Name: value> lines, C<!Name> for a header that must be absent. Several
headers of one name are joined with C<", ">. Names are compared without
regard to case; the original does so for those that are present only.

=item response_headers_like

The value is a regex for the whole of it.

=item raw_response_headers_like, raw_response_headers_unlike

A regex for the status line and the headers.

=item error_log, no_error_log

Lines, a regex, or an array of texts and regexes. A text is found if it is
part of a line.

=item grep_error_log, grep_error_log_out

What the regex (or text) matches in each line, joined by newlines.

=item access_log, no_access_log

As C<error_log>, but all that the block has added is looked at.

=item shutdown_error_log, no_shutdown_error_log

What is added when nginx is stopped. Skipped in HUP mode.

=item ignore_response, http09

The answer is not looked at; it is a body without headers.

=back

C<ignore_response_body> is nothing the original knows. A body that no section
speaks of is not looked at anyway.

=head2 What is run

C<ONLY>, C<SKIP>, C<LAST>; C<skip_nginx> (C<< N: < 1.2.3: why >>, with
C<< < >>, C<< <= >>, C<< > >> and C<< >= >>; the original has no C<==>),
C<skip_nginx2> (two conditions with C<and> or C<or>), C<skip_openssl>,
C<skip_eval> (C<N: Perl code>), C<todo> (C<N: why>).

=head1 FUNCTIONS

To be called before run_tests(), which runs the blocks.

C<repeat_each(n)>, C<plan>, C<blocks()>, C<no_shuffle()>,
C<no_long_string()>, C<no_diff()>, C<timeout(s)>, C<use_hup()>,
C<log_level(l)>, C<workers(n)>, C<worker_connections(n)>, C<master_on()>,
C<master_off()>, C<master_process_enabled(0|1)>, C<no_root_location()>,
C<no_nginx_manager()>, C<config_preamble(text)>, C<server_name(n)>,
C<server_addr(a)>, C<server_port(p)>, C<server_port_for_client(p)>,
C<server_root()>, C<html_dir()>.

=over

=item env_to_nginx("A", "B=1")

Adds C<env> directives.

=item add_block_preprocessor(sub { my ($block) = @_; ... })

Is called with each block before it runs; see C<set_value()> of a block.

=item add_response_body_check(sub { ... })

Is called with the block, the body, the number of the request and of the
repetition. Its tests are its own to count.

=item add_cleanup_handler(sub { ... }), add_test_cleanup_handler(sub { ... })

Are called at the end, and after each block with the block.

=item check_accum_error_log()

C<error_log> and C<no_error_log> see all lines of the block each time.

=item bail_out(why), is_str(got, expected, name)

End the run; compare two texts, or a text and a regex.

=back

The settings may be read as C<$Test::Nginx::Util::ServRoot>, C<ServerPort>,
C<HtmlDir>, C<ErrLogFile>, C<AccLogFile>, C<PidFile> and so on.

=head1 ENVIRONMENT

C<TEST_NGINX_BINARY> (C<nginx>), C<TEST_NGINX_SERVROOT> (F<t/servroot>),
C<TEST_NGINX_SERVER_PORT> or C<TEST_NGINX_PORT> (1984),
C<TEST_NGINX_CLIENT_PORT>, C<TEST_NGINX_LOAD_MODULES> (paths, separated by
spaces), C<TEST_NGINX_TIMEOUT>, C<TEST_NGINX_LOG_LEVEL>,
C<TEST_NGINX_MASTER_PROCESS> (C<off>), C<TEST_NGINX_WORKER_USER> (as root:
C<root>), C<TEST_NGINX_EVENT_TYPE>, C<TEST_NGINX_REUSE_PORT>,
C<TEST_NGINX_LD_PRELOAD>, C<TEST_NGINX_SLEEP> (how long to wait for log lines
that must not come, 0.015), C<TEST_NGINX_NO_SHUFFLE>, C<TEST_NGINX_VERBOSE>,
C<TEST_NGINX_CHECK_ACCUM_ERR_LOG>, C<TEST_NGINX_FAST_SHUTDOWN>,
C<TEST_NGINX_NO_NGINX_MANAGER>.

=over

=item TEST_NGINX_USE_HUP

nginx is reloaded instead of restarted; it has a master then.

=item TEST_NGINX_FORCE_RESTART_ON_TEST=0

nginx is not restarted between blocks with the same F<nginx.conf>.

=item TEST_NGINX_USE_VALGRIND

nginx runs under valgrind, in the foreground, with these options, or a
default for C<1>, and with the file F<valgrind.suppress> if there is one.
What valgrind reports goes to stderr when nginx is stopped, and fails the
block. Time-outs are ten times as long.

=item TEST_NGINX_NO_CLEAN

nginx is left running at the end.

=item TEST_NGINX_RANDOMIZE

A free port, and a server root named after it, removed at the end.

=back

=head1 LIMITS

The C<tcp_*>, C<udp_*>, C<stap*>, C<http3>, C<charset> and deprecated
C<*_eval> sections are refused. C<TEST_NGINX_USE_HTTP2>, C<..._USE_HTTP3>,
C<..._USE_STAP>, C<..._USE_RR>, C<..._CHECK_LEAK>, C<..._BENCHMARK>,
C<..._ERROR_LOG>, C<..._POSTPONE_OUTPUT> and C<..._IGNORE_MISSING_DIRECTIVES>
do nothing. HUP mode is not for C<must_die>, which stops
nginx and starts it.

=head1 SEE ALSO

L<https://github.com/openresty/test-nginx>

=cut
