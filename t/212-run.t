#!/usr/bin/perl

# scripts/run at an address of IPv6, with an access log that grows, on a disk
# that is full, and with wrong values.

use strict;
use warnings;

use lib 't/lib';

use File::Temp qw( tempdir );
use IO::Socket::IP ();
use POSIX qw( WNOHANG );
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

plan(skip_all => 'the suites of the module do this with the tools that find '
    . 'memory errors') if $ENV{SANITIZE} || $ENV{TEST_NGINX_USE_VALGRIND};

plan(skip_all => 'left out: the page or the identity provider is not '
    . 'installed: run "make deps frontend"')
    if !-f 'build/frontend/index.html' || !-d 'idp/node_modules/cognito-local'
        || !-x '/usr/bin/supervisord' || !-x '/usr/bin/gunicorn';

$ENV{NGINX} = $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};
delete @ENV{qw( BIND IDP_PORT DATA LOG_MAX )};

my $dir = tempdir('social-run-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

my $data = "$dir/data";
my $port = SocialNginx::free_port();
my ($main, $pid) = ($$);

END {
    if ($$ == $main && $pid) {
        local $?;
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}

sub slurp {
    my ($path) = @_;
    open my $f, '<', $path or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub wait_for {
    my ($seconds, $code) = @_;

    my $end = time + $seconds;

    while (time < $end) {
        my $value = $code->();
        return $value if $value;
        sleep 0.1;
    }

    return;
}


# What is refused before anything is started.

my %wrong = (
    'LEAST_FREE_MB=99999999'
        => qr/the disk is full: \d+ MB are free in \S+, and 99999999 MB are/,
    'LOG_MAX=much' => qr/LOG_MAX=much is not a size, as 50M/,
    'PORT=0'       => qr/PORT=0 is not a valid port/,
    'BIND=2001:db8::1'
        => qr/port $port of 2001:db8::1 cannot be used: \w/,
    'BIND=192.0.2.1' => qr/port $port of 192\.0\.2\.1 cannot be used: \w/,
);

for my $set (sort keys %wrong) {
    my $said = `DATA=$data PORT=$port env $set scripts/run 2>&1`;
    isnt($?, 0, "$set: it does not start");
    like($said, $wrong{$set}, 'and says why');
}


SKIP: {
    my $probe = IO::Socket::IP->new(LocalHost => '::1', Listen => 1)
        or skip 'left out: no IPv6 here', 1;
    close $probe;

    $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        setpgrp;
        open STDOUT, '>', "$dir/log" or die;
        open STDERR, '>&', \*STDOUT or die;
        @ENV{qw( PORT DATA BIND LOG_MAX )} = ($port, $data, '::1', '100K');
        exec 'scripts/run' or die;
    }

    my $ready = wait_for(180, sub {
        my ($url) = slurp("$dir/log") =~ /^ready: (\S+)/m;
        return $url if $url;
        die slurp("$dir/log") if waitpid($pid, WNOHANG) == $pid;
        return;
    });

    is($ready, "http://localhost:$port/", 'BIND=::1 starts')
        or diag(slurp("$dir/log"));

    is(`curl -s -o /dev/null -w '%{http_code}' 'http://[::1]:$port/healthz'`,
        200, 'it answers');
    isnt(`curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:$port/`,
        200, 'there only');
    unlike(slurp("$dir/log"), qr/WARNING/, 'nobody else reaches it');

    # what its parts reach one another by

    my $check = `build/social-worker -c $data/conf/local/worker.conf check`;
    like($check, qr/^ok +bucket uploads/m, 'social-worker reaches the store')
        or diag($check);

    # an access log that has grown

    open my $f, '>>', "$data/logs/access.log" or die "access.log: $!";
    print $f 'x' x 200_000, "\n";
    close $f;

    ok(wait_for(60, sub { -e "$data/logs/access.log.1" }),
        'the access log is rotated');

    ok(wait_for(60, sub {
        `curl -s 'http://[::1]:$port/nothing-there'`;
        return slurp("$data/logs/access.log") =~ m{/nothing-there};
    }), 'and written to again');

    cmp_ok(-s "$data/logs/access.log", '<', 100_000, 'from its start');

    kill 'TERM', $pid;
    ok(wait_for(60, sub { waitpid($pid, WNOHANG) == $pid }), 'it stops');
    undef $pid;
}

done_testing();
