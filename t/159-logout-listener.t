#!/usr/bin/perl

# The revocation listener: a killed worker's lease is given up at once, silence
# is noticed, and what comes from another server, or from a standby, takes
# nothing back.

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

my $pg = SocialPostgres->start;
$pg->migrate;

my $port = SocialNginx::free_port();
my $proxy = SocialProxy->start("$pg->{dir}/.s.PGSQL.5432");
my $nginx = SocialNginx->new;
my $n = 0;

(my $through = $pg->conninfo)
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
    social_zone small:64k;
    social_database "$through" timeout=1s;
    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        social_auth main;
        location = /api { try_files /x =404; }
        location = /strict {
            social_revocations wait max_stale=2s;
            try_files /x =404;
        }
        location = /readyz { social_auth off; social_ready; }
    }
}
_EOC_

sub ask {
    my ($path, $token) = @_;

    return SocialNginx::request($port, "GET $path HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n"
        . ($token ? "Authorization: Bearer $token\r\n" : '') . "\r\n");
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }
sub api { return status(ask('/api', $_[0])) }

sub says {
    my ($pattern, $seconds) = @_;
    my $got;
    return SocialNginx::wait_for($seconds // 40, sub {
        ($got = ask('/readyz')) =~ $pattern
    }) || diag($got) && 0;
}

sub session {
    $n++;
    return token(origin_jti => "listener-$$-$n", jti => "listener-j-$$-$n");
}

# A session that is ended by SQL, and refused here.

sub followed {
    my ($name) = @_;

    my $token = session();
    $pg->value("SELECT social_revoke('$issuer', 'origin_jti:listener-$$-$n',"
        . " now() + interval '1 hour')");
    return ok(SocialNginx::wait_for(30, sub { api($token) == 401 }), $name);
}

sub listener {
    my @pids = $nginx->error_log
        =~ /\[info\] (\d+)#\d+: social: revocation listener runs/g;
    return $pids[-1] // 0;
}

sub lines {
    my ($pattern) = @_;
    return scalar(() = $nginx->error_log =~ /$pattern/g);
}

$nginx->start($port);
ok(says(qr/"revocations":"loaded"/), 'loaded');


# A lease lasts for two seconds, and is renewed twice a second: who waits for
# its end waits for a second and a half at least, on any machine. In ten rounds
# a busy one is fast once.

subtest 'a killed worker keeps nothing' => sub {
    my @took;

    for (1 .. 10) {
        my $pid = listener();
        kill 'KILL', $pid or die "no listener $pid\n";
        my $since = time;

        SocialNginx::wait_for(20, sub { listener() != $pid }) or last;
        push @took, time - $since;
        last if $took[-1] < 1.3;
    }

    cmp_ok($took[-1] // 99, '<', 1.3, 'another one has the lease at once')
        or diag("@took");
    followed('and follows');
};


subtest 'a connection that is silent' => sub {
    my $timed_out = qr/revocation listener failed: timed out/;
    my $before = lines($timed_out);

    $proxy->mode('hold');
    ok(SocialNginx::wait_for(60, sub { lines($timed_out) > $before }),
       'noticed');
    $proxy->mode('drop');
    followed('followed on another one');
};


# What a gateway believes that it is connected to.

sub server {
    my ($expression, $also) = @_;

    $pg->sql("BEGIN; CREATE OR REPLACE FUNCTION social_revocations_source()
        RETURNS text LANGUAGE sql SECURITY DEFINER
        SET search_path = public, pg_temp AS 'SELECT $expression'; "
        . ($also // '') . '; COMMIT;');
    return;
}

subtest 'another server' => sub {
    my $other = qr/\[notice\].*revocations come from another server, or an earlier state of it/;
    my ($room) = $nginx->error_log =~ /room for (\d+) revocations/;

    # what has no slot, and what has one

    $pg->value("INSERT INTO revocations (issuer, session, until)"
        . " SELECT '$issuer', 'origin_jti:fill-$$-' || i,"
        . " now() + interval '1 hour' FROM generate_series(1, $room + 50) i");

    my @all = map { token(origin_jti => "fill-$$-$_") } 1 .. $room + 50;

    ok(SocialNginx::wait_for(30, sub { api($all[-1]) == 401 }), 'in the filter');
    ok(says(qr/"revocations":"full"/), 'which is in use');
    is(lines($other), 0, 'the same server until now');

    # an empty database

    my $loaded = lines(qr/ 0 revocations loaded/);
    server('\'\'primary/another\'\'::text', 'DELETE FROM revocations');

    ok(SocialNginx::wait_for(30, sub { lines($other) == 1 }), 'said');
    ok(SocialNginx::wait_for(30, sub {
        lines(qr/ 0 revocations loaded/) > $loaded
    }), 'nothing is loaded');
    is(join(' ', grep { api($all[$_]) != 401 } 0 .. $#all), '',
       'nothing is taken back');
    is(api(session()), 200, 'others are accepted');

    # what it has is loaded again and again, for there is no room

    $loaded = lines(qr/ 0 revocations loaded/);
    ok(SocialNginx::wait_for(90, sub {
        lines(qr/ 0 revocations loaded/) > $loaded
    }), 'loaded once more, from the same server');
    is(join(' ', grep { api($all[$_]) != 401 } 0 .. $#all), '',
       'and nothing is taken back');
    followed('what is new is followed');
};


subtest 'a standby' => sub {
    my $warned = lines(qr/\[warn\].*revocations come from a standby/);
    my $good = session();

    is(status(ask('/strict', $good)), 200, 'good');
    server('\'\'\'\'::text');

    ok(SocialNginx::wait_for(30, sub {
        lines(qr/\[warn\].*revocations come from a standby/) > $warned
    }), 'said');
    ok(SocialNginx::wait_for(30, sub {
        status(ask('/strict', $good)) == 503
    }), 'what it says is old');
    is(api($good), 200, 'which matters only with "max_stale"');
    ok(says(qr/ 200 .*"status":"degraded"/s), 'and to readiness');
    followed('what it has is followed');

    server('\'\'primary/third\'\'::text');
    ok(SocialNginx::wait_for(30, sub {
        status(ask('/strict', $good)) == 200
    }), 'good again, when it is the primary');
};

my @lines = grep { /\[(?:alert|emerg|crit)\]/ && !/signal 9/ }
    split /\n/, $nginx->error_log;
is("@lines", '', 'nothing bad in the log');
$nginx->stop;

done_testing();
