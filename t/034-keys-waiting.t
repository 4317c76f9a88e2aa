# Requests that wait for keys are limited in number: others get 503, which is
# not a verdict on their tokens.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use Test::More ();
use Time::HiRes qw( sleep time );

my $port = $ENV{TEST_NGINX_BACKEND_PORT};
our $Url = "http://127.0.0.1:$port/keys";

sub control {
    my ($path) = @_;

    local $ENV{TEST_NGINX_SERVER_PORT} = $port;
    my $sock = begin("/control/$path");
    local $/;
    return scalar(<$sock>) =~ /\r\n\r\n(\S+)/ ? $1 : '';
}

# Half of the clients each, since a process may have 1,024 files at most.

sub clients {
    my ($n, $bearer) = @_;

    my $pid = open(my $in, '-|') // die "fork: $!\n";
    return $in if $pid;

    my %count;
    $count{ finish($_) }++
        for map { begin('/api/index.html', $bearer) } 1 .. $n;

    syswrite STDOUT, join '', map { "$_ $count{$_}\n" } keys %count;
    require POSIX;
    POSIX::_exit(0);
}

sub crowd {
    my ($id, $bearer, $code) = @_;

    my ($worker) = wait_for(sub { (workers_of(master()))[0] });
    my @half = map { clients(550, $bearer) } 1, 2;

    # those who wait have connections, the others have their answers
    my ($open, $since) = (0, time);

    wait_for(sub {
        my $now = () = glob "/proc/$worker/fd/*";
        ($open, $since) = ($now, time) if $now != $open;
        return $open > 1024 && time - $since > 1;
    });

    control("$id/open");

    my %count;

    for my $in (@half) {
        while (my $line = <$in>) {
            $count{$1} += $2 if $line =~ /\A(.*) (\d+)\n/;
        }
    }

    my $waited = delete $count{$code} // 0;
    my $busy = delete $count{503} // 0;

    Test::More::is(join(' ', %count), '', 'no other answers');
    Test::More::cmp_ok($waited, '>=', 1024, 'requests that waited');
    Test::More::is($waited + $busy, 1100, 'the others get 503');
    Test::More::cmp_ok($busy, '>', 0, 'there are others');
}

suite(config => <<'_EOC_', log_level => 'info',
    location /api/ {
        social_auth main;
        alias $TEST_NGINX_HTML_DIR/;
    }
_EOC_
    main_config => 'worker_rlimit_nofile 4096;');

repeat_each(1);
workers(1);
worker_connections(2048);
master_on();
timeout(30);
plan tests => repeat_each() * 16;
no_long_string();
run_tests();

__DATA__

=== TEST 1: too many at once, and no keys
--- skip_eval
8: $ENV{TEST_NGINX_USE_VALGRIND} # which keeps descriptors for itself
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri $::Url/w1/gate-slow-300-main",
                        "jwks_timeout 30s")
--- init
::crowd('w1', ::bearer(), 200);
--- request
GET /index.html

=== TEST 2: too many with an unknown key
--- skip_eval
8: $ENV{TEST_NGINX_USE_VALGRIND} # which keeps descriptors for itself
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_uri $::Url/w2/main", "jwks_timeout 30s",
                        "jwks_cooldown 100ms")
--- init
::get('/api/index.html', ::bearer());
::control('w2/mode/gate-slow-300-main');
Time::HiRes::sleep(0.2);
::crowd('w2', ::bearer(-key => 'next'), 401);
--- request
GET /index.html
