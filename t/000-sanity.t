# The module loaded and not used: nginx is as it was.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use Test::More ();

my $port = $ENV{TEST_NGINX_BACKEND_PORT};

# Threads are started by those who need them.

sub threads {
    my ($wanted, $name) = @_;

    my $worker = wait_for(sub { (workers_of(master()))[0] });

    wait_for(sub { threads_of($worker) == $wanted });
    Test::More::is(threads_of($worker), $wanted, $name);
}

# "nginx -t" on the configuration of the block

sub config_test {
    no warnings 'once';
    my $nginx = $Test::Nginx::Util::NginxBinary;
    my $root = $Test::Nginx::Util::ServRoot;

    local $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD}
        if $ENV{TEST_NGINX_LD_PRELOAD};

    my $said = `$nginx -t -p $root/ -c $root/conf/nginx.conf 2>&1`;

    Test::More::is($?, 0, 'nginx -t') or Test::More::diag($said);
    Test::More::unlike($said, qr/social: |\[emerg\]/, 'it says nothing of us');
}

suite(log_level => 'debug');

repeat_each(1);
master_on();
plan tests => repeat_each() * 73;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a page
--- config
--- request
GET /index.html
--- response_body_like: It works
--- no_error_log
[alert]
[emerg]
[crit]
[error]
social: 

=== TEST 2: nginx -t, and no thread
--- config
--- init
::config_test();
::threads(1, 'no thread pool is started');
--- request
GET /index.html

=== TEST 3: no zone
--- config
--- init
my $maps = SocialProcess::read_file('/proc/' . ::master() . '/maps');
my @shared = $maps =~ m{rw-s \S+ \S+ \d+ +(/dev/zero|/SYSV)}g;
Test::More::is(scalar @shared, 1, 'only that of nginx itself');
--- request
GET /index.html

=== TEST 4: headers go through
--- config
    location /x { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request
GET /x
--- more_headers
X-Social-Sub: a
x-social-groups: b
X-Keep: c
--- response_body_like
X-Social-Sub: a
x-social-groups: b
X-Keep: c

=== TEST 5: errors are HTML, and the log has arguments
--- config
--- log_level: info
--- request eval
["GET /no?a=b", "HEAD /no?a=b"]
--- error_code eval
[404, 404]
--- response_headers eval
[("Content-Type: text/html") x 2]
--- response_body_like eval
["<html>", '^$']
--- error_log
/no?a=b HTTP/1.1"

=== TEST 6: variables are empty
--- config
    location /index.html {
        root html;
        add_header X-A "[$social_sub|$social_auth_status|$social_claim_x]";
        add_header X-B "[$social_claims|$social_exp|$social_issuer]";
    }
--- request
GET /index.html
--- more_headers eval
::bearer()
--- response_headers
X-A: [||]
X-B: [||]

=== TEST 7: a zone and a pool that nobody needs
--- http_config
    social_zone social:1m;
    social_thread_pool default;
--- config
    location /x { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- init
::threads(1, 'no thread pool is started');
--- request
GET /x
--- more_headers
X-Social-Sub: a
--- response_body_like
X-Social-Sub: a

=== TEST 8: files of keys are watched by threads
--- http_config eval
$SocialToken::http_config
--- config
    social_auth main;
--- init
::threads(33, 'the thread pool is started');
--- request
GET /index.html
--- more_headers eval
::bearer()
--- log_level: info

=== TEST 9: keys to fetch need some
--- http_config eval
::issuer_block("main", "issuer $::issuer", "client_ids *",
               "jwks_uri http://127.0.0.1:1/")
--- config
--- init
::threads(33, 'the thread pool is started');
--- request
GET /index.html
--- log_level: info

=== TEST 10: all that is off
--- config
    social_auth off;
    social_json_errors off;
    social_auth_scopes any a;
    location /x { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request
GET /x
--- more_headers
X-Social-Sub: a
--- response_body_like
X-Social-Sub: a

=== TEST 11: a server with files of keys only
--- http_config eval
$SocialToken::http_config
--- config
    social_auth main;
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
[::bearer(), "X: y"]
--- error_code eval
[200, 401]
--- log_level: info
