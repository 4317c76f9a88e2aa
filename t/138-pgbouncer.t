#!/usr/bin/perl

# Through PgBouncer in transaction mode: the suites of hooks, locks and logouts,
# and that nothing of the gateway's stays in the sessions of others.

use strict;
use warnings;

use lib 't/lib';
use SocialHook;
use SocialNginx;
use SocialPostgres;
use SocialToken;
use Test::More;

SocialPostgres::pgbouncer()
    or plan skip_all => 'PgBouncer is not installed: run "make deps"';

my $port = SocialNginx::free_port();
my $n = 0;

$pg->value("ALTER SYSTEM SET log_statement = 'all'");
$pg->reload;

my $pooler = $pg->pooler;

# A pooler that passes over settings of a connection, and refuses none.

my $lenient = SocialPostgres->start;
$lenient->migrate;
$lenient->value("ALTER SYSTEM SET log_statement = 'all'");
$lenient->reload;
$lenient->pooler('ignore_startup_parameters = options');

sub begin {
    my ($database) = @_;

    my $nginx = SocialNginx->new;
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    social_database $database;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /logout { social_auth main; social_logout; }
        location = /api { social_auth main; try_files /x =404; }
        location = /ready { social_ready require=database,revocations; }
    }
}
_EOC_
    $nginx->write_file('html/x', "here\n");
    $nginx->start($port);
    return $nginx;
}

sub request {
    my ($method, $path, $token, $body) = @_;

    $body //= '';
    my $answer = SocialNginx::request($port, "$method $path HTTP/1.0\r\n"
        . ($token ? "Authorization: Bearer $token\r\n" : '')
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");

    return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

# What the server was asked since the last call.

my %read;

sub asked {
    my ($server) = @_;

    my $log = $server->output;
    my $new = substr $log, $read{$server} // 0;
    $read{$server} = length $log;
    return $new;
}

# The setting that other clients of the pooler find in their sessions.

sub settings {
    my ($server, $conninfo) = @_;

    my @found = map {
        my $shown = `psql -X -q -A -t -d '$conninfo' -c 'SHOW statement_timeout'`;
        chomp $shown;
        $shown;
    } 1 .. 3;

    return join ' ', @found;
}

sub check {
    my ($name, $server, $database, $listens, $refuses) = @_;

    subtest $name => sub {
        asked($server);

        my $nginx = begin($database);

        ok(SocialNginx::wait_for(20, sub { request('GET', '/ready') == 200 }),
           'ready');

        my @status = map {
            my $user = 'pooled-' . ++$n;
            request('POST', '/hook', undef,
                event(attributes => { sub => $user,
                                      preferred_username => $user }));
        } 1 .. 20;

        is("@status", join(' ', ('200') x 20), 'users');

        my $token = token(origin_jti => "pooled-$n", jti => "pooled-$n");
        is(request('GET', '/api', $token), 200, 'a session');
        is(request('POST', '/logout', $token), 204, 'ended');
        is(request('GET', '/api', $token), 401, 'refused');

        # by somebody else: it has to be looked for

        my $other = token(origin_jti => "other-$n", jti => "other-$n");
        $server->value("SELECT social_revoke('$issuer', 'origin_jti:other-$n',"
            . " now() + interval '1 hour')");
        ok(SocialNginx::wait_for(15, sub {
            request('GET', '/api', $other) == 401;
        }), 'a revocation by SQL is found');

        is(settings($server, $server->pooler), '0 0 0',
           'no setting is left to others');

        $nginx->stop;

        my $asked = asked($server);

        is(($asked =~ /LISTEN social_revocations/ ? 1 : 0), $listens,
           $listens ? 'it listens' : 'nothing listens');
        # a pooler that is known to be one is not asked for what it refuses

        is(($asked =~ /unsupported startup parameter/ ? 1 : 0), $refuses // 0,
           $refuses ? 'settings are tried' : 'no settings are tried');
        unlike($asked, qr/SET statement_timeout/,
               'no setting of a session');
        unlike($asked, qr/execute \S+: .*(?:TEMP|pg_advisory_lock)/i,
               'nothing else that is of a session');
        unlike($nginx->error_log, qr/\[(?:error|crit|alert)\]/, 'no error');
    };

    return;
}

check('a pooler', $pg, qq{"$pooler"}, 0, 1);
check('listen=off', $pg, qq{"$pooler" listen=off}, 0);
check('listen=off without a pooler', $pg, qq{"@{[ $pg->conninfo ]}" listen=off},
      0);
check('a direct connection beside it', $pg,
      qq{"$pooler" "listen=@{[ $pg->conninfo ]}"}, 1);
check('no pooler', $pg, qq{"@{[ $pg->conninfo ]}"}, 1);
check('listen=off through one that passes over settings', $lenient,
      qq{"@{[ $lenient->pooler ]}" listen=off}, 0);


# The other suites, with their gateway behind a pooler.

for my $suite (qw( 131-hook-cognito 135-database-locks 150-logout )) {
    local $ENV{SOCIAL_POOLER} = 1;

    my @said = `$^X -It/lib t/$suite.t 2>&1`;
    my $ok = $? == 0;

    ok($ok, "t/$suite.t") or diag(grep { /not ok|^\s*#/ } @said);
}

done_testing();
