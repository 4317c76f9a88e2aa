# Clients that leave while their requests wait for keys.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use Test::More ();
use Time::HiRes qw( sleep );

our $Url = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";

sub fetched {
    my ($where, @lines) = @_;

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_uri $Url/$where", @lines);
}

# Some leave, some wait: only the latter are answered, and are so.

sub leave {
    my ($n, $request) = @_;

    my @stay = map { begin('/api/index.html', bearer()) } 1 .. 5;
    my @go = map { begin('/api/index.html', bearer()) } 1 .. $n;
    my @more = map { begin('/api/index.html', bearer()) } 1 .. 5;

    sleep 0.1;
    close $_ for @go;

    Test::More::is(join(' ', map { finish($_) } @stay, @more),
                   join(' ', (200) x 10), 'those who stayed');
}

suite(config => <<'_EOC_', log_level => 'info');
    location /api/ {
        social_auth main;
        alias $TEST_NGINX_HTML_DIR/;
    }
_EOC_

repeat_each(1);
workers(2);
worker_connections(1024);
master_on();
timeout(10);
plan tests => repeat_each() * 30;
no_long_string();
run_tests();

__DATA__

=== TEST 1: one leaves
--- http_config eval
::fetched("a1/slow-2800-main")
--- request
GET /api/index.html
--- more_headers eval
::bearer()
--- timeout: 100ms
--- abort
--- ignore_response
--- wait: 0.6
--- error_log
client prematurely closed connection
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 2: one leaves when its body is half sent
--- http_config eval
::fetched("a2/slow-500-main")
--- raw_request eval
"POST /api/index.html HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
. ::bearer() . "\r\n\r\nhalf"
--- timeout: 100ms
--- abort
--- ignore_response
--- wait: 0.6
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 3: some leave, some wait
--- http_config eval
::fetched("a3/slow-500-main")
--- init
::leave(10);
--- request
GET /api/index.html
--- more_headers eval
::bearer()

=== TEST 4: very many leave
--- skip_eval
5: $ENV{TEST_NGINX_USE_VALGRIND} # which keeps descriptors for itself
--- http_config eval
::fetched("a4/slow-800-main")
--- main_config
    worker_rlimit_nofile 8192;
--- init
::leave(300);
--- request
GET /api/index.html
--- more_headers eval
::bearer()

=== TEST 5: all leave, and nginx is stopped while it fetches
--- http_config eval
::fetched("a5/hang", "jwks_timeout 1s")
--- request
GET /api/index.html
--- more_headers eval
::bearer()
--- timeout: 50ms
--- abort
--- ignore_response
--- no_error_log
[alert]
[emerg]
[crit]
[error]
--- no_shutdown_error_log
[alert]
[emerg]
[crit]

=== TEST 6: one leaves while its request waits for an unknown key
--- http_config eval
::fetched("a6/main", "jwks_cooldown 100ms")
--- init
::get('/api/index.html', ::bearer());
Time::HiRes::sleep(0.2);
my $sock = ::begin('/api/index.html', ::bearer(-key => 'next'));
close $sock;
Time::HiRes::sleep(0.1);
--- request
GET /api/index.html
--- more_headers eval
::bearer()
