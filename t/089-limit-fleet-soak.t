#!/usr/bin/perl

# "social_limit" of two gateways on machines of their own, which are network
# namespaces here, with a database beside them: ten times as many requests as
# are allowed, ninety to ten. What is admitted together is the limit, also
# after one of the machines was cut off, while the database is stopped, and when
# the machine is back. No request waits for the database.
#
#   SOAK=1     otherwise it is skipped: it measures rates
#   SECONDS=n  of each part (10)

use strict;
use warnings;

use lib 't/lib';

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialNginx;
use SocialPostgres;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: SOAK=1 measures rates' if !$ENV{SOAK};
plan skip_all => 'NOT TESTED: network namespaces need root' if $> != 0;
SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $seconds = $ENV{SECONDS} // 10;
my $rate = 100;
my $name = "limit$$";
my $net = '10.232.' . $$ % 250;
my @spaces = map { "$name-$_" } 1, 2;

sub ip { return system("ip @_ 2>/dev/null") == 0 }

# All of it goes with the namespaces.

END {
    local $?;

    if ($name) {
        ip("netns del $_") for @spaces;
        ip("link del $name");
    }
}

my $made = ip("link add $name type bridge")
    && ip("addr add $net.1/24 dev $name") && ip("link set $name up");

for my $i (0, 1) {
    my $space = $spaces[$i];
    my $address = "$net." . ($i + 2);

    $made &&= ip("netns add $space")
        && ip("link add w$i$$ type veth peer name eth0 netns $space")
        && ip("link set w$i$$ master $name up")
        && ip("-n $space addr add $address/24 dev eth0")
        && ip("-n $space link set eth0 up") && ip("-n $space link set lo up");
}

plan skip_all => 'NOT TESTED: no network namespaces can be made here'
    if !$made || !ip("netns exec $spaces[0] true");

my $port = SocialNginx::free_port();
my $pg = SocialPostgres->start(address => "$net.1", port => $port);
$pg->migrate;

sub begin {
    my ($i) = @_;
    my $nginx = SocialNginx->new;
    my $address = "$net." . ($i + 2);

    mkdir "$nginx->{dir}/html";
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
    access_log off;
    keepalive_requests 100000000;
    social_database "host=$net.1 port=$port user=social dbname=social" timeout=1s;
    social_limit_zone rate key=\$arg_k rate=${rate}r/s burst=10;
    server {
        listen $address:8080;
        root $nginx->{dir}/html;
        location / { social_limit rate; try_files /x =404; }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        delete $ENV{NGINX};
        open STDOUT, '>', '/dev/null';
        open STDERR, '>>', "$nginx->{dir}/logs/stderr.log";
        my @command = $nginx->command;
        s/error\.log info;/error.log notice;/ for @command;
        exec 'ip', 'netns', 'exec', $spaces[$i], @command
            or POSIX::_exit(127);
    }

    $nginx->{pid} = $pid;
    $nginx->{owner} = $$;

    SocialNginx::wait_for(15, sub {
        IO::Socket::INET->new(PeerAddr => "$address:8080", Timeout => 1);
    }) or die 'nginx does not listen: ', $nginx->error_log, "\n";

    return { nginx => $nginx, address => $address };
}

my @gateways = map { begin($_) } 0, 1;

# Requests at a rate each, over one connection each: how many were admitted by
# each in a second, and how long the slowest took.

sub load {
    my ($time, @demands) = @_;
    my $began = time;
    my $slowest = 0;
    my (@got, @sock, @sent);

    for my $i (0 .. $#demands) {
        $got[$i] = 0;
        $sent[$i] = 0;
        $demands[$i] or next;
        $sock[$i] = IO::Socket::INET->new(
            PeerAddr => "$gateways[$i]{address}:8080", Timeout => 5)
            or die "connect: $!\n";
    }

    while ((my $now = time) < $began + $time) {
        my $idle = 1;

        for my $i (grep { $sock[$_] } 0 .. $#demands) {
            next if $sent[$i] >= ($now - $began) * $demands[$i];

            my $at = time;
            $sent[$i]++;
            $idle = 0;
            syswrite $sock[$i], "GET /?k=a HTTP/1.1\r\nHost: a\r\n\r\n";

            my $answer = '';
            until ($answer =~ /\r\n\r\n(?:here\n|\{.*\})\z/) {
                my $got = IO::Select->new($sock[$i])->can_read(10)
                          && sysread $sock[$i], $answer, 4096, length $answer;
                die "no answer\n" if !$got;
            }

            $got[$i]++ if $answer =~ m{\AHTTP/1\.1 200};
            $slowest = time - $at if time - $at > $slowest;
        }

        sleep 0.0005 if $idle;
    }

    return ((map { $_ / (time - $began) } @got), $slowest, "@sent");
}

sub stopped {
    my ($signal) = @_;

    my @pids = ($pg->{pid}, map { /\A(\d+) \(.*\) \w (\d+) /s
                                  && $2 == $pg->{pid} ? $1 : () }
                map { SocialNginx::slurp($_) } glob '/proc/[0-9]*/stat');
    kill $signal, @pids;
    return;
}

sub shown {
    my ($what, $first, $second, $slowest, $sent) = @_;
    my $sum = $first + $second;

    diag(sprintf '%s: %.1f + %.1f = %.1f of %d a second, the slowest answer '
         . '%.0f ms, of %s requests', $what, $first, $second, $sum, $rate,
         1000 * $slowest, $sent);
    cmp_ok(abs($sum - $rate), '<=', $rate / 10, "$what: within a tenth");
    cmp_ok($slowest, '<', 0.5, '... and no request waits');
    return;
}

load(3, 9 * $rate, $rate);
shown('ninety to ten', load($seconds, 9 * $rate, $rate));

stopped('STOP');
shown('the database is stopped', load($seconds, 9 * $rate, $rate));
stopped('CONT');
load(3, 9 * $rate, $rate);
shown('it goes on', load($seconds, 9 * $rate, $rate));

# cut off, with all of its clients: the lease is three intervals

ip("link set w0$$ down");
load(4, 0, 10 * $rate);
shown('one machine is cut off', load($seconds, 0, 10 * $rate));
ip("link set w0$$ up");

SocialNginx::wait_for(30, sub {
    IO::Socket::INET->new(PeerAddr => "$gateways[0]{address}:8080",
                          Timeout => 1);
});
load(8, 5 * $rate, 5 * $rate);
shown('it is back, half and half', load($seconds, 5 * $rate, 5 * $rate));

$_->{nginx}->stop for @gateways;

done_testing();
