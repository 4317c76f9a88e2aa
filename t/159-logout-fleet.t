#!/usr/bin/perl

# Three gateways of one database, one of which is cut off from it now and then:
# with "max_stale=1s" nothing is admitted a second after a sign-out was
# acknowledged, whichever gateway is asked; without it an outage changes no
# answer. SOAK=1 signs 2,000 sessions out, with ten seconds without a database
# each time.

use strict;
use warnings;

use lib 't/lib';
use SocialNginx;
use SocialPostgres;
use SocialProxy;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $soak = $ENV{SOAK};
my ($sessions, $cut) = $soak ? (2000, 10) : (100, 5);

my $pg = SocialPostgres->start;
$pg->migrate;

my (@ports, @proxies, @gateways);
my $n = 0;

for my $i (0 .. 2) {
    my $proxy = SocialProxy->start("$pg->{dir}/.s.PGSQL.5432");
    my $nginx = SocialNginx->new;
    my $port = SocialNginx::free_port();

    (my $conninfo = $pg->conninfo)
        =~ s/host=\S+/"host=127.0.0.1 port=" . $proxy->port/e;

    mkdir "$nginx->{dir}/html";
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    social_database "$conninfo" timeout=1s;
    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        social_auth main;
        location = /out { social_logout; }
        location = /all { social_logout all; }
        location = /strict {
            social_revocations wait max_stale=1s;
            try_files /x =404;
        }
        location = /lax { try_files /x =404; }
        location = /later {
            social_revocations wait max_stale=20s;
            try_files /x =404;
        }
        location = /led { try_files /none \@strict; }
        location \@strict {
            social_revocations wait max_stale=1s;
            try_files /x =404;
        }
        location = /readyz { social_auth off; social_ready; }
    }
}
_EOC_

    $nginx->start($port);
    push @ports, $port;
    push @proxies, $proxy;
    push @gateways, $nginx;
}

sub ask {
    my ($listen, $method, $path, $token) = @_;

    return SocialNginx::request($listen, "$method $path HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n"
        . ($token ? "Authorization: Bearer $token\r\n" : '')
        . ($method eq 'POST' ? "Content-Length: 0\r\n" : '') . "\r\n");
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }
sub get { return status(ask($_[0], 'GET', $_[1], $_[2])) }
sub out { return status(ask($_[0], 'POST', '/out', $_[1])) }

# The issuer's clock is off by up to five seconds, either way.

sub session {
    my $skew = int(rand 11) - 5;
    $n++;
    return token(origin_jti => "fleet-$$-$n", jti => "fleet-j-$$-$n",
                 sub => "fleet-u-$$-$n", iat => int(time) + $skew);
}

sub says {
    my ($port, $pattern, $seconds) = @_;
    my $got;
    return SocialNginx::wait_for($seconds // 30, sub {
        ($got = ask($port, 'GET', '/readyz')) =~ $pattern
    }) || diag($got) && 0;
}

ok(says($_, qr/"status":"ready".*"revocations":"loaded"/), 'loaded')
    for @ports;


subtest 'a gateway without a database' => sub {
    my $good = session();
    my $gone = session();
    my ($port, $proxy) = ($ports[0], $proxies[0]);

    is(out($port, $gone), 204, 'one that is ended');
    ok(SocialNginx::wait_for(30, sub { get($port, $_, $good) == 200 }),
       "$_: good") for qw( /strict /lax /led /later );

    $proxy->mode('hold');

    ok(SocialNginx::wait_for(10, sub { get($port, '/strict', $good) == 503 }),
       '503 when it is stale');
    is(get($port, '/later', $good), 200, 'not where it may be older');

    my $answer = ask($port, 'GET', '/strict', $good);
    like($answer, qr/\nRetry-After: \d+\r/, 'Retry-After');
    is(get($port, '/led', $good), 503, 'where it was led to, as well');
    is(get($port, '/lax', $good), 200, 'good without "max_stale"') for 1 .. 4;
    is(get($port, $_, $gone), 401, "$_: what is ended is refused")
        for qw( /strict /lax );
    is(get($port, '/strict', 'x.y.z'), 401, 'a bad token is bad');
    is(get($port, '/strict'), 401, 'and none is none');

    ok(says($port, qr/ 200 .*"status":"degraded".*"revocations":"stale"/s),
       'degraded, and no more');

    ok($gateways[0]->reload, 'reloaded meanwhile');
    is(get($port, '/strict', $good), 503, 'which changes nothing') for 1 .. 4;
    is(get($port, '/lax', $good), 200, 'for none of them') for 1 .. 4;
    is(get($port, '/lax', $gone), 401, 'nor this');

    $proxy->mode('drop');
    ok(SocialNginx::wait_for(30, sub { get($port, '/strict', $good) == 200 }),
       'good again by itself');
    ok(says($port, qr/"revocations":"loaded"/), 'loaded');
};


# What is asked for after its time, and what came of it.

my (%open, %late, @due, %answers);

sub check {
    my ($due) = @_;
    my ($at, $token) = @$due;

    for my $i (0 .. 2) {
        my $asked = time;
        my $strict = get($ports[$i], '/strict', $token);
        my $lax = get($ports[$i], '/lax', $token);

        $answers{"strict $strict"}++;
        $answers{"lax $lax"}++;

        next if $strict == 401 || $strict == 503;
        $late{ sprintf '%d after %.3f s', $i, $asked - $at } = $strict;
    }
    return;
}

subtest "$sessions sign-outs" => sub {
    my ($held, $until, $next) = (undef, 0, 0);
    my ($acknowledged, $failed, $cuts) = (0, 0, 0);
    my $end = time + ($soak ? 1800 : 90);
    my @honest = map { session() } 1 .. 5;
    my %broken;

    while (($acknowledged < $sessions || @due) && time < $end) {

        if (defined $held && time > $until) {
            $broken{"not said: $held"} = 1
                if ask($ports[$held], 'GET', '/readyz')
                   !~ / 200 .*"status":"degraded"/s;
            $proxies[$held]->mode(rand() < 0.5 ? 'pass' : 'drop');
            undef $held;
            $next = time + 1 + rand 2;
        }

        if (!defined $held && time > $next && $acknowledged < $sessions) {
            $held = int rand 3;
            $until = time + $cut;
            $cuts++;
            $proxies[$held]->mode('hold');
        }

        if ($acknowledged < $sessions) {
            my $i = int rand 3;

            # not always one that has a database: that takes its time

            $i = ($i + 1) % 3 if defined $held && $i == $held && rand() < 0.9;

            my $token = session();
            my $got = get($ports[$i], '/lax', $token);
            $broken{"before: $got"} = 1 if $got != 200;

            $got = out($ports[$i], $token);

            if ($got == 204) {
                $acknowledged++;
                push @due, [ time, $token ];
            } elsif ($got == 503) {
                $failed++;
            } else {
                $broken{"sign-out: $got"} = 1;
            }

            # what an outage has nothing to do with

            $got = get($ports[int rand 3], '/lax', $honest[rand @honest]);
            $broken{"honest: $got"} = 1 if $got != 200;
        }

        while (@due && time >= $due[0][0] + 1) {
            check(shift @due);
        }

        sleep($acknowledged < $sessions ? 0.03 : 0.01);
    }

    is(scalar(@due), 0, 'all were asked for');
    cmp_ok($acknowledged, '>=', $sessions, "$acknowledged were acknowledged");
    cmp_ok($cuts, '>', 0, "$cuts times a gateway had no database");
    is_deeply(\%late, {}, 'nothing is admitted a second later');
    is_deeply(\%broken, {}, 'an outage changes no other answer');
    is($answers{'lax 503'} // 0, 0, 'there is no 503 without "max_stale"');
    cmp_ok($answers{'strict 401'}, '>', 0, 'most are refused by "strict"');
    note(join ', ', map { "$_: $answers{$_}" } sort keys %answers);
    note("$failed sign-outs failed");

    $_->mode('drop') for @proxies;
    ok(says($_, qr/"status":"ready"/), 'ready again') for @ports;
};


# The same of all sessions of a user.

subtest 'all sessions of a user, from the one side of a cut' => sub {
    my %who = (sub => "u-$$");
    my $one = token(%who, jti => "all-a-$$", iat => int(time) - 5);
    my $two = token(%who, jti => "all-b-$$", iat => int(time) - 5);

    for my $at (@ports) {
        ok(SocialNginx::wait_for(30, sub { get($at, '/strict', $one) == 200 }),
           'good');
    }
    $proxies[2]->mode('hold');
    is(status(ask($ports[0], 'POST', '/all', $two)), 204, 'all');
    sleep 1;
    isnt(get($_, '/strict', $one), 200, 'not admitted') for @ports;
    $proxies[2]->mode('drop');
    ok(SocialNginx::wait_for(30, sub { get($ports[2], '/strict', $one) == 401 }),
       'and refused in the end');
};

for (@gateways) {
    my @lines = grep { /\[(?:alert|emerg|crit)\]/ } split /\n/, $_->error_log;
    is("@lines", '', 'nothing bad in the log');
    $_->stop;
}

done_testing();
