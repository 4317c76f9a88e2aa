# Reloads and killed workers: no request is lost, and keys stay.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use Test::More ();
use Time::HiRes qw( sleep );

my $port = $ENV{TEST_NGINX_BACKEND_PORT};
our $Url = "http://127.0.0.1:$port/keys";

sub fetched {
    my ($where, @lines) = @_;

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_uri $Url/$where", @lines);
}

sub rewrite {
    my ($code) = @_;

    no warnings 'once';
    my $path = $Test::Nginx::Util::ConfFile;

    open my $in, '<', $path or die;
    local ($_, $/) = (scalar do { local $/; <$in> }, "\n");
    $code->();
    open my $out, '>', "$path.new" or die;
    print $out $_;
    close $out;
    rename "$path.new", $path or die;
}

my @bearer;

sub reload_under_load {
    @bearer = map { bearer(sub => "u$_") } 1 .. 8;

    my $count = load(8, sub { ('/api/index.html', $bearer[$_[0] - 1]) },
                     sub {
        for (1 .. 5) {
            reload();
            sleep 0.1;
        }
    });

    my $lost = join ', ', grep { $_ ne '200' } keys %$count;

    Test::More::is($lost, '', 'no request is lost in five reloads');
    Test::More::cmp_ok($count->{200} // 0, '>', 50, 'requests were made');
}

# A reload while requests wait for their keys, and others come.

sub reload_while_waiting {
    my @waiting = map { begin('/api/index.html', bearer()) } 1 .. 6;

    sleep 0.2;
    reload();

    my @more = map { begin('/api/index.html', bearer()) } 1 .. 6;

    Test::More::is(join(' ', map { finish($_) } @waiting),
                   join(' ', (200) x 6), 'those of the old workers');
    Test::More::is(join(' ', map { finish($_) } @more),
                   join(' ', (200) x 6), 'those of the new workers');
}

sub kill_fetcher {
    my ($id) = @_;

    my $pid = wait_for(sub { fetcher($port) });
    Test::More::ok($pid, 'a worker is fetching');

    my @waiting = map { begin('/api/index.html', bearer()) } 1 .. 8;

    sleep 0.1;
    get("/control/$id/mode/main");
    kill 'KILL', $pid if $pid;

    my @got = map { finish($_) } @waiting;
    my @bad = grep { $_ ne '200' && $_ ne 'no answer' } @got;

    # those of the killed worker cannot be answered
    Test::More::is("@bad", '', 'nobody gets a wrong answer');
    Test::More::is(wait_for(sub { get('/api/index.html', bearer()) eq '200' }),
                   1, 'the keys are loaded anyway');
}

suite(config => <<'_EOC_', log_level => 'info');
    location /api/ {
        social_auth main;
        alias $TEST_NGINX_HTML_DIR/;
    }
    location = /ready { social_ready; }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
_EOC_

repeat_each(1);
workers(2);
master_on();
timeout(10);
plan tests => repeat_each() * 82;
no_long_string();
run_tests();

__DATA__

=== TEST 1: five reloads under load
--- http_config eval
::fetched("r1/main")
--- init
::get('/api/index.html', ::bearer());
::reload_under_load();
--- request
GET /control/r1/count
--- response_body_like
^[2-6]$

=== TEST 2: a reload keeps the keys, also when the key server is gone
--- http_config eval
::fetched("r2/main")
--- init
::get('/api/index.html', ::bearer());
::get('/control/r2/mode/500');
::reload();
--- request eval
["GET /control/r2/wait/2", "GET /api/index.html", "GET /ready"]
--- more_headers eval
::tokens([], [], [])
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['^2$', "works", '"main":"(?:loaded|failing)"']
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 3: a reload while requests wait
--- http_config eval
::fetched("r3/slow-1000-main")
--- init
::reload_while_waiting();
--- request
GET /control/r3/count
--- response_body_like
^[12]$

=== TEST 4: another URI of keys after a reload
--- http_config eval
::fetched("r4/main")
--- init
::get('/api/index.html', ::bearer());
::rewrite(sub { s{/r4/main}{/r4b/next} });
::reload();
--- request eval
["GET /api/index.html", "GET /api/index.html"]
--- more_headers eval
::tokens([ -key => 'next' ], [])
--- error_code eval
[200, 401]

=== TEST 5: the issuers change with every reload
--- http_config eval
::fetched("r5/main")
--- init
for my $i (1 .. 40) {
    ::rewrite(sub { s{/r5[^/]*/main}{/r5-$i/main} });
    kill 'HUP', ::master();
    Time::HiRes::sleep(0.03);
}
::reload();
--- request eval
["GET /api/index.html", "GET /ready"]
--- more_headers eval
::tokens([], [])
--- error_code eval
[200, 200]

=== TEST 6: a smaller limit on the size after a reload
--- http_config eval
::fetched("r6/long", "jwks_max_size 300k")
--- init
::get('/api/index.html', ::bearer());
::rewrite(sub { s{jwks_max_size 300k}{jwks_max_size 100k} });
::reload();
--- request eval
["GET /api/index.html", "GET /api/index.html", "GET /ready"]
--- more_headers eval
::tokens([], [], [])
--- error_code eval
[200, 200, 200]

=== TEST 7: a reload that fails changes nothing
--- http_config eval
::fetched("r7/main")
--- init
::get('/api/index.html', ::bearer());
::rewrite(sub { s{/r7/main}{/r7b/next}; s/listen/listen 192.0.2.1:1; listen/ });
for (1 .. 3) { kill 'HUP', ::master(); Time::HiRes::sleep(0.7) }
--- request eval
["GET /api/index.html", "GET /api/index.html", "GET /ready"]
--- more_headers eval
::tokens([], [], [])
--- error_code eval
[200, 200, 200]
--- no_error_log
[alert]
[crit]
--- timeout: 15

=== TEST 8: a worker that is killed while it fetches
--- http_config eval
::fetched("r8/slow-9000-main", "jwks_timeout 20s", "jwks_cooldown 100ms")
--- init
::kill_fetcher('r8');
--- request
GET /api/index.html
--- more_headers eval
::bearer()
--- error_log
exited on signal 9
--- no_error_log
[emerg]
[crit]

=== TEST 9: from files of keys to a URI and back
--- http_config eval
"    " . ::issuer_block("main", "issuer $::issuer", "client_ids web",
                        "jwks_file $ENV{TEST_NGINX_JWKS}")
--- init
my $file = $ENV{TEST_NGINX_JWKS};
::rewrite(sub { s{jwks_file \Q$file\E}{jwks_uri $::Url/r9/main} });
::reload();
::get('/api/index.html', ::bearer());
::rewrite(sub { s{jwks_uri \S+;}{jwks_file $file;} });
::reload();
--- request
GET /api/index.html
--- more_headers eval
::bearer()

=== TEST 10: workers exit, with requests that wait
--- http_config eval
::fetched("r10/hang", "jwks_timeout 1s")
--- init
my @waiting = map { ::begin('/api/index.html', ::bearer()) } 1 .. 4;
Time::HiRes::sleep(0.1);
::reload();
Test::More::is(CORE::join(' ', map { ::finish($_) } @waiting),
               '503 503 503 503', 'all of them were answered');
--- request
GET /index.html
