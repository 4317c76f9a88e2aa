# The parts of the driver that need no nginx.

use strict;
use warnings;

use lib 't/lib/driver';
use Test::More;

use Test::Nginx::Checks;
use Test::Nginx::Conf;
use Test::Nginx::Http;
use Test::Nginx::Log;
use Test::Nginx::Request;
use Test::Nginx::Util;

# A block is what it says, and undef for the rest.

{
    package Block;

    our $AUTOLOAD;

    sub new  { my ($class, %value) = @_; bless {%value}, $class }
    sub name { 'block' }

    sub AUTOLOAD {
        my ($self) = @_;
        my ($name) = $AUTOLOAD =~ /(\w+)\z/;
        return $name eq 'DESTROY' ? () : $self->{$name};
    }
}

sub values_of {
    my $requests = Test::Nginx::Request::requests(Block->new(@_), {});
    return [ map { [ map { $_->{value} } @$_ ] } @$requests ];
}

my $tail = "Host: localhost\r\nConnection: close\r\n";

is_deeply(values_of(request => 'GET'),
          [[ "GET / HTTP/1.1\r\n$tail\r\n" ]], 'method alone');
is_deeply(values_of(request => "# one\n  # two\n\n GET  /x\n"),
          [[ "GET /x HTTP/1.1\r\n$tail\r\n" ]], 'comments');
is_deeply(values_of(request => "POST /x HTTP/1.0\n  a b \n"),
          [[ "POST /x HTTP/1.0\r\n${tail}Content-Length: 3\r\n\r\na b" ]],
          'a body is trimmed');
is_deeply(values_of(request => "POST /x\n a\n",
                    more_headers => "# no\nContent-Length: 3\n"),
          [[ "POST /x HTTP/1.1\r\n${tail}Content-Length: 3\r\n\r\n a\n" ]],
          'a body with its length is not');
is_deeply(values_of(request => "POST /x\n1\r\na\r\n0\r\n\r\n",
                    more_headers => 'Transfer-Encoding: chunked'),
          [[ "POST /x HTTP/1.1\r\n${tail}Transfer-Encoding: chunked\r\n\r\n"
             . "1\r\na\r\n0\r\n\r\n" ]],
          'nor is one of chunks');
is_deeply(values_of(request => 'GET /',
                    more_headers => "host: a\nconnection: b\nC"),
          [[ "GET / HTTP/1.1\r\nhost: a\r\nconnection: b\r\nC: \r\n\r\n" ]],
          'nothing is added twice');
is_deeply(values_of(request => [ 'GET /a', 'GET /b' ],
                    more_headers => [ 'A: b', '' ]),
          [[ "GET /a HTTP/1.1\r\n${tail}A: b\r\n\r\n" ],
           [ "GET /b HTTP/1.1\r\n$tail\r\n" ]],
          'two requests');
is_deeply(values_of(request => [ [ 'GE', 'T /a', 'b' ] ]),
          [[ 'GE', 'T /a', "b HTTP/1.1\r\n$tail\r\n" ]],
          'pieces of a request line');
is_deeply(values_of(request => [ [ "POST /\n", 'ab', 'cd' ] ]),
          [[ "POST / HTTP/1.1\r\n${tail}Content-Length: 4\r\n\r\n",
             'ab', 'cd' ]],
          'pieces of a body');
is_deeply(values_of(raw_request => [ 'a', 'b' ]), [[ 'a', 'b' ]],
          'raw pieces');
is_deeply(values_of(pipelined_requests => [ 'GET /a', 'GET /b' ]),
          [[ "GET /a HTTP/1.1\r\nHost: localhost\r\n"
             . "Connection: keep-alive\r\n\r\n"
             . "GET /b HTTP/1.1\r\n$tail\r\n" ]],
          'pipelined');

# parse_response()

sub parse { return Test::Nginx::Http::parse_response(@_) }

my ($res, $left, $wrong) =
    parse("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\nA:  c \r\n\r\nhiX");
is($res->{code}, 200, 'code');
is($res->{body}, 'hi', 'body');
is($left, 'X', 'what is left');
is($wrong, undef, 'nothing is wrong');
is(Test::Nginx::Http::header($res, 'a'), 'b, c', 'header() joins');
is(Test::Nginx::Http::header($res, 'b'), undef, 'no header');
is($res->{raw_headers},
   "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\nA:  c \r\n",
   'raw headers');

my $chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

for my $case (
    [ "2\r\nhi\r\n0\r\n\r\n", 'hi', '', undef ],
    [ "2\r\nhi\r\na;x=y\r\n0123456789\r\n0\r\n\r\nX",
      'hi0123456789', 'X', undef ],
    [ "0\r\n\r\n", '', '', undef ],
    [ "0\r\nA: b\r\n\r\n", '', '', undef ],
    [ "2\r\nhi", 'hi', '', 'a chunk is not whole' ],
    [ "2\r\nhi\r\n", 'hi', '', 'there is no last chunk' ],
    [ "2\r\nhi__0\r\n\r\n", 'hi', '', 'no CRLF after a chunk' ],
    [ "x\r\n", '', '', 'bad chunk size' ],
    [ "0\r\n", '', '', 'the last chunk is not ended' ],
    [ '', '', '', 'there is no last chunk' ],
) {
    my ($bytes, @want) = @$case;
    ($res, $left, $wrong) = parse($chunked . $bytes);
    is_deeply([ $res->{body}, $left, $wrong ], \@want,
              'chunks: ' . Test::Nginx::Checks::visible($bytes));
}

($res, $left) = parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 1);
is($res->{body} . $left, '', 'HEAD');

($res) = parse("HTTP/2 200 \r\na: b\r\n\r\nhi");
is("$res->{code} $res->{body}", '200 hi', 'no reason phrase, no length');

($res) = parse('nonsense');
is($res->{code}, undef, 'nonsense has no code');
is($res->{body}, 'nonsense', 'nonsense is all body');

($res) = parse('');
is($res->{code}, undef, 'nothing has no code');

# header_lines()

is_deeply([ Test::Nginx::Checks::header_lines(
                "A: b\n! C\n!D\n  E:f: g \nA: h\nI\n") ],
          [ [ 'A', 'h' ], [ 'C', undef ], [ 'D', undef ], [ 'E', 'f: g' ],
            [ 'I', undef ] ],
          'header_lines()');

# parse_time(), expand_env(), version_number()

is(parse_time('3'), 3, 'a number');
is(parse_time('3s'), 3, 'seconds');
is(parse_time('300ms'), 0.3, 'milliseconds');
is(parse_time(undef), undef, 'no time');

$ENV{TEST_NGINX_SOCIAL_X} = '$TEST_NGINX_SOCIAL_X';
is(expand_env('a$TEST_NGINX_SOCIAL_X/$uri', 'n', {}),
   'a$TEST_NGINX_SOCIAL_X/$uri', 'expand_env() expands once');

my %ports;
my $text = expand_env('$TEST_NGINX_RAND_PORT_1 $TEST_NGINX_RAND_PORT_2'
                      . ' $TEST_NGINX_RAND_PORT_1', 'n', \%ports);
like($text, qr/\A(\d+) (?!\1 )\d+ \1\z/, 'free ports');

ok(Test::Nginx::Util::version_number(1, 9, 11)
   < Test::Nginx::Util::version_number(1, 10, 0), 'versions compare');
ok(Test::Nginx::Util::version_number(1, 0, 2, 'a')
   < Test::Nginx::Util::version_number(1, 0, 2, 'k'), 'and letters');

# user_files

is_deeply(Test::Nginx::Conf::parse_user_files(
              ">>> a\n1\n2\n>>> b/c 201001010000\n>>> d\n\n"),
          [ [ 'a', "1\n2\n", undef ], [ 'b/c', '', '201001010000' ],
            [ 'd', "\n", undef ] ],
          'parse_user_files()');

# patterns of the log

is_deeply(Test::Nginx::Log::patterns(Block->new(error_log => "a\n\nb\n"),
                                     'error_log'),
          [ 'a', 'b' ], 'lines');
is_deeply(Test::Nginx::Log::patterns(Block->new(error_log => qr/a/),
                                     'error_log'),
          [ qr/a/ ], 'a regex');
is_deeply(Test::Nginx::Log::patterns(Block->new(error_log => [ 'a', qr/b/ ]),
                                     'error_log'),
          [ 'a', qr/b/ ], 'an array');
is(Test::Nginx::Log::patterns(Block->new, 'error_log'), undef, 'none');
ok(Test::Nginx::Log::matches('a.b', 'a.b'), 'a text');
ok(!Test::Nginx::Log::matches('aXb', 'a.b'), 'is not a regex');

done_testing();
