# Many requests at once whose keys are not there: one fetch for all of them,
# whatever becomes of the workers.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use SocialFlood;
use Test::More ();
use Time::HiRes qw( sleep time );

my $port = $ENV{TEST_NGINX_BACKEND_PORT};
our $Url = "http://127.0.0.1:$port/keys";

sub fetched {
    my ($where, @lines) = @_;

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_uri $Url/$where", @lines);
}

# The key server's own word, not by way of the nginx that is loaded.

sub control {
    my ($path) = @_;

    local $ENV{TEST_NGINX_SERVER_PORT} = $port;
    my $sock = begin("/control/$path");
    local $/;
    return scalar(<$sock>) =~ /\r\n\r\n(\S+)/ ? $1 : '';
}

sub stay {
    my ($n) = @_;
    my @bearer = map { bearer(sub => "u$_") } 1 .. 8;
    return map { begin('/api/index.html', $bearer[$_ % 8]) } 1 .. $n;
}

sub tally {
    my %count;
    $count{ finish($_) }++ for @_;
    return join ', ', map { "$_: $count{$_}" } sort keys %count;
}

# Those who wait are let go only when all of them are there.

sub cold {
    my ($id) = @_;

    my @waiting = stay(1000);
    control("$id/open");

    Test::More::is(tally(@waiting), '200: 1000', 'all of them are answered');
    Test::More::is(control("$id/count"), 1, 'by one fetch');
}

sub cold_reload {
    my ($id) = @_;

    my @waiting = stay(500);
    reload();
    push @waiting, stay(500);
    control("$id/open");

    Test::More::is(tally(@waiting), '200: 1000', 'all of them are answered');
    Test::More::is(control("$id/count"), 1, 'by one fetch');
}

sub cold_kill {
    my ($id) = @_;

    my $pid = wait_for(sub { fetcher($port) });
    Test::More::ok($pid, 'a worker is fetching');

    my @waiting = stay(500);
    kill 'KILL', $pid if $pid;
    push @waiting, stay(500);

    # Another one fetches, and finds the gate shut as well: the lease, of 31
    # seconds, has ended with the process that had it.

    Test::More::ok(wait_for(sub { control("$id/count") == 2 }),
                   'another one fetches before the lease expires');
    control("$id/open");

    my %count;
    $count{ finish($_) }++ for @waiting;
    my $lost = delete $count{'no answer'} // 0;

    Test::More::is(join(' ', keys %count), 200, 'nobody gets a wrong answer');
    Test::More::cmp_ok($lost, '<=', 500, 'those of the other worker get one');
    Test::More::is(control("$id/count"), 2, 'by one more fetch');
}

# A token of a kid that was never seen.

my (undef, $payload, $signature) = split /\./, token();

sub made_up {
    my $kid = join '', map { chr(97 + rand 26) } 1 .. 20;

    return 'Authorization: Bearer '
           . b64(header_text(kid => $kid)) . ".$payload.$signature";
}

# 10,000 of them in ten seconds or more, with all that can happen meanwhile.

sub random_kids {
    my ($id, $cooldown) = @_;

    my (%count, $good);
    my $start = time;

    for my $i (1 .. 40) {
        my $part = flood(250, 16, '/api/index.html', \&made_up);
        $count{$_} += $part->{$_} for keys %$part;

        $good += get('/api/index.html', bearer()) eq '200';

        reload() if $i == 13;
        kill 'KILL', (workers_of(master()))[0] if $i == 26;

        my $rest = $start + $i / 4 - time;
        sleep $rest if $rest > 0;
    }

    my $fetches = control("$id/count");
    my $most = 2 + int((time - $start) / $cooldown);

    delete $count{again};
    Test::More::is_deeply(\%count, { 401 => 10000 }, 'all are refused');
    Test::More::is($good, 40, 'good ones are let through meanwhile');
    Test::More::cmp_ok($fetches, '<=', $most, 'a fetch each cooldown at most');
    Test::More::cmp_ok($fetches, '>=', 3, 'some fetches');
}

# All workers, by many requests of which each is taken by any.

sub all_get {
    my ($code, $bearer, $name) = @_;
    my %got = map { (get('/api/index.html', $bearer) => 1) } 1 .. 30;

    Test::More::is(join(' ', sort keys %got), $code, $name);
}

sub rotation {
    my ($id, $cooldown) = @_;
    my ($old, $new) = (bearer(), bearer(-key => 'next'));

    all_get(200, $old, 'the old key');
    all_get(401, $new, 'one that is not published');

    control("$id/mode/both");
    sleep $cooldown + 0.2;

    # it was asked for before: this fetches again, and does not wait for it
    get('/api/index.html', $new);
    wait_for(sub { get('/api/index.html', $new) eq '200' });

    all_get(200, $new, 'the new key');
    all_get(200, $old, 'the old one is still there');

    control("$id/mode/other");
    sleep $cooldown + 0.2;

    all_get(200, bearer(-key => 'other'), 'one that was never asked for');
    all_get(401, $new, 'the one before is gone');
}

sub down {
    my ($id) = @_;

    all_get(200, bearer(), 'while the key server is there');
    control("$id/mode/500");
    control("$id/more/1");

    for my $what (sub {}, \&reload,
                  sub { kill 'KILL', (workers_of(master()))[0] }, sub {})
    {
        $what->();
        sleep 1;
        wait_for(sub { workers_of(master()) == 2 });
        all_get(200, bearer(), 'and when it is not');
    }

    Test::More::cmp_ok(control("$id/count"), '>=', 3, 'it was asked');
}

suite(config => <<'_EOC_', log_level => 'info',
    location /api/ {
        social_auth main;
        alias $TEST_NGINX_HTML_DIR/;
    }
    location = /ready { social_ready; }
_EOC_
    main_config => 'worker_rlimit_nofile 4096;', no_error_log => '[emerg]');

repeat_each(1);
workers(2);
worker_connections(2048);
master_on();
timeout(30);
plan tests => repeat_each() * 55;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a thousand at once and no keys
--- http_config eval
::fetched("s1/gate-slow-300-main", "jwks_timeout 30s")
--- init
::cold('s1');
--- request
GET /ready
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 2: a reload meanwhile
--- http_config eval
::fetched("s2/gate-slow-300-main", "jwks_timeout 30s")
--- init
::cold_reload('s2');
--- request
GET /ready
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 3: the worker that fetches is killed meanwhile
--- http_config eval
::fetched("s3/gate-slow-300-main", "jwks_timeout 30s")
--- init
::cold_kill('s3');
--- request
GET /ready
--- error_log
exited on signal 9
--- no_error_log
[emerg]
[crit]
[error]

=== TEST 4: ten thousand unknown kids
--- http_config eval
::fetched("s4/slow-300-main", "jwks_cooldown 2s")
--- init
::get('/api/index.html', ::bearer());
::random_kids('s4', 2);
--- request
GET /ready
--- error_log
exited on signal 9
--- no_error_log
[emerg]
[crit]
[error]

=== TEST 5: new keys are found within a cooldown
--- http_config eval
::fetched("s5/main", "jwks_cooldown 1s")
--- init
::get('/api/index.html', ::bearer());
::rotation('s5', 1);
--- request
GET /ready
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 6: a key server that is unavailable for longer than a refresh
--- http_config eval
::fetched("s6/main", "jwks_refresh 300ms", "jwks_cooldown 200ms")
--- init
::get('/api/index.html', ::bearer());
::down('s6');
--- request
GET /ready
--- error_log
the server returned status 500
exited on signal 9
--- no_error_log
[emerg]
[crit]
