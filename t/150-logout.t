#!/usr/bin/perl

# "social_logout" and what becomes of the tokens of a session that has ended:
# at every worker, at another gateway of the same database, over reloads and
# restarts, and with PostgreSQL and the worker that follows it killed.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use SocialNginx;
use SocialPostgres;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my ($port, $port2) = map { SocialNginx::free_port() } 1, 2;
my $n = 0;

sub conf {
    my ($nginx, $listen, %o) = @_;

    my $database = $o{database}
        // qq{social_database "@{[ $pg->gateway ]}" timeout=1s;};

    return <<"_EOC_";
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
worker_shutdown_timeout 5s;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    $database
    @{[ $o{http} // '' ]}
    server {
        listen 127.0.0.1:$listen;
        add_header X-Worker \$pid always;
        location = /auth/logout {
            social_auth main other;
            social_logout;
            social_cors on;
            social_cors_origins https://app.example.com;
        }
        location = /short { social_auth main; social_logout retention=1s; }
        location = /few {
            social_auth main other;
            social_logout max=5;
        }
        location = /api { social_auth main other; return 204; }
        location = /lenient { social_auth main optional=lenient; return 204; }
        location = /optional { social_auth main optional; return 204; }
        location = /open {
            social_auth main;
            social_revocations open;
            return 204;
        }
        location = /any {
            satisfy any;
            social_auth main;
            allow 127.0.0.1;
            deny all;
            return 204;
        }
        location = /fallback {
            social_auth main;
            error_page 503 = /open;
            return 204;
        }
        location = /readyz { social_ready; }
        @{[ $o{server} // '' ]}
    }
}
_EOC_
}

# A file, since "return" comes before the access phase.

sub begin {
    my ($listen, %o) = @_;

    my $nginx = SocialNginx->new;

    my $text = conf($nginx, $listen, %o);
    $text =~ s{return 204;}{root $nginx->{dir}/html; try_files /x =404;}g;

    mkdir "$nginx->{dir}/html";
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', $text);
    $nginx->start($listen);

    return $nginx;
}

sub ask {
    my ($listen, $method, $path, $token, @headers) = @_;

    my $text = "$method $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n"
        . join('', map { "$_\r\n" } @headers)
        . ($token ? "Authorization: Bearer $token\r\n" : '')
        . ($method eq 'POST' ? "Content-Length: 2\r\n\r\n{}" : "\r\n");

    return SocialNginx::request($listen, $text);
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }

sub api { return status(ask($_[1] // $port, 'GET', '/api', $_[0])) }
sub logout { return status(ask($_[1] // $port, 'POST', '/auth/logout', $_[0])) }
sub ready { return status(ask($_[0] // $port, 'GET', '/readyz')) }

# Ready, and with the same workers as ever.

sub green {
    my ($listen) = @_;
    return SocialNginx::wait_for(30, sub { ready($listen) == 200 });
}

# A token of a new session, or of that one.

sub session {
    my (%claims) = @_;
    $n++;
    return token(origin_jti => "session-$$-$n", jti => "jti-$$-$n", %claims);
}

# Until a token is refused, which is to be within a second; how long it took.

sub refused_within {
    my ($token, $listen, $name) = @_;

    my $began = time;
    my $done = SocialNginx::wait_for(15, sub { api($token, $listen) == 401 });
    my $took = sprintf '%.2f', time - $began;

    ok($done, "$name ($took s)");
    diag("$name: $took s, not within one") if $took > 1;
    return $done;
}

sub listener {
    my ($nginx) = @_;

    my ($pid) = $nginx->error_log
        =~ /.*\[info\] (\d+)#\d+: social: revocation listener runs/s;
    return $pid;
}

# How often the log has a failure of the revocation listener as an error.

sub failures {
    my ($nginx) = @_;
    my @lines = $nginx->error_log
        =~ /\[error\].*social: revocation listener failed/g;

    return scalar @lines;
}

sub rows { return $pg->value('SELECT count(*) FROM revocations') }

sub until_of {
    my ($session) = @_;
    return $pg->value("SELECT round(extract(epoch FROM until - now()))"
        . " FROM revocations WHERE session = '$session'");
}


my $nginx = begin($port);
my $other = begin($port2);

ok(green($port), 'loaded');
ok(green($port2), 'loaded, the other gateway');
like(ask($port, 'GET', '/readyz'), qr/"revocations":"loaded"\}/, 'said');
like($nginx->error_log, qr/\[notice\].*social: room for \d+ revocations/,
     'the room is in the log');


subtest 'a session' => sub {
    my $token = session();
    my $same = token(origin_jti => "session-$$-$n", jti => 'refreshed',
                     exp => time + 7200);
    my $stranger = session();

    is(api($token), 200, 'is good');

    my $answer = ask($port, 'POST', '/auth/logout', $token,
                     'Origin: https://app.example.com');
    is(status($answer), 204, 'ended');
    like($answer, qr/\nCache-Control: no-store\r/, 'no-store');
    like($answer, qr{\nAccess-Control-Allow-Origin: https://app\.example\.com},
         'CORS');
    unlike($answer, qr/\nContent-(?:Length|Type)/, 'no body');

    my %worker;

    for (1 .. 40) {
        my $got = ask($port, 'GET', '/api', $token);
        is(status($got), 401, 'refused') or last;
        $worker{$1}++ if $got =~ /\nX-Worker: (\d+)/;
        last if keys %worker == 2;
    }

    is(scalar(keys %worker), 2, 'by both workers');

    $answer = ask($port, 'GET', '/api', $token);
    like($answer, qr/\nWWW-Authenticate: [^\n]*error="invalid_token", error_description="the token's session was ended"/,
         'said why');
    is(api($same), 401, 'a refreshed one of it is refused as well');
    is(api($stranger), 200, 'one of another session is not');
    is(logout($token), 401, 'it cannot be ended twice');
    is(status(ask($port, 'GET', '/lenient', $token)), 200,
       'without an identity where bad tokens are ignored');

    refused_within($token, $port2, 'the other gateway');
    is(api($same, $port2), 401, 'its refreshed token there');
    is(api($stranger, $port2), 200, 'the other session there');
};


subtest 'what is ended, and for how long' => sub {
    my $exp = int(time) + 600;

    my @cases = (
        [ 'origin_jti:o:1', { origin_jti => 'o:1', exp => $exp },
          30 * 86400 + 60, '/auth/logout' ],
        [ 'origin_jti:o2', { origin_jti => 'o2', exp => $exp },
          600 + 30 + 60, '/short' ],
        [ "jti:j'1\\", { origin_jti => '', jti => "j'1\\", exp => $exp },
          600 + 30 + 60, '/auth/logout' ],
        [ 'jti:j2', { origin_jti => 5, jti => 'j2', exp => $exp },
          600 + 30 + 60, '/auth/logout' ],
        [ 'iat:1700000000:alice', { sub => 'alice', jti => undef,
          iat => 1_700_000_000, exp => $exp }, 600 + 30 + 60, '/auth/logout' ],
        [ "exp:$exp:bob", { sub => 'bob', jti => undef, iat => undef,
          exp => $exp }, 600 + 30 + 60, '/auth/logout' ],
        [ 'jti:' . 'x' x 4000, { jti => 'x' x 4000, exp => $exp },
          600 + 30 + 60, '/auth/logout' ],
        [ 'jti:far', { jti => 'far', exp => 9007199254740991 }, undef,
          '/auth/logout' ],
    );

    for my $case (@cases) {
        my ($session, $claims, $left, $path) = @$case;
        my $name = substr $session, 0, 30;
        my $token = token(%$claims);

        is(api($token), 200, "$name: good");
        is(status(ask($port, 'POST', $path, $token)), 204, "$name: ended");
        is(api($token), 401, "$name: refused");

        (my $quoted = $session) =~ s/'/''/g;
        my $got = until_of($quoted);

        if (defined $left) {
            ok(abs($got - $left) < 45, "$name: for $got s");
        } else {
            cmp_ok($got, '>', 1e11, "$name: until the end of time");
        }

        is($pg->value("SELECT id = social_session_id(issuer, session)"
            . " FROM revocations WHERE session = '$quoted'"), 't',
           "$name: SQL gives the same id");
    }

    is(api(token(sub => 'alice', jti => undef, iat => 1_700_000_001)), 200,
       'another second is another token');
    is(api(token(iss => 'https://other.example.com', kid => 'other',
                 origin_jti => 'o:1')), 401, 'the key is not its');
};


subtest 'requests that end nothing' => sub {
    my $token = session();
    my $before = rows();

    for my $method (qw( GET HEAD PUT DELETE )) {
        my $got = ask($port, $method, '/auth/logout', $token);
        is(status($got), 405, "$method: 405");
        like($got, qr/\nAllow: POST\r/, '... POST is allowed');
        like($got, qr/\{"message":"Method Not Allowed"/, 'JSON')
            unless $method eq 'HEAD';
    }

    is(logout(undef), 401, 'no token');
    is(logout('x.y.z'), 401, 'no good one');
    is(logout(token(exp => time - 3600)), 401, 'one that is over');

    my $preflight = ask($port, 'OPTIONS', '/auth/logout', undef,
        'Origin: https://app.example.com',
        'Access-Control-Request-Method: POST');
    like($preflight, qr{\nAccess-Control-Allow-Origin: https://app}, 'CORS');

    is(rows(), $before, 'no row');
    is(api($token), 200, 'still good');
};


subtest 'keep-alive' => sub {
    my $token = session();
    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;

    my $round = sub {
        my ($method, $path) = @_;
        print {$sock} "$method $path HTTP/1.1\r\nHost: x\r\n"
            . "Authorization: Bearer $token\r\nContent-Length: 0\r\n\r\n";
        $sock->flush;
        my $text = '';
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 15;
        until ($text =~ /\r\n\r\n/ && ($text !~ /\nContent-Length: (\d+)/
                || $text =~ /\r\n\r\n.{$1}/s)) {
            sysread $sock, $text, 4096, length $text or last;
        }
        alarm 0;
        return status($text);
    };

    is($round->('GET', '/api'), 200, 'good') for 1 .. 3;
    is($round->('POST', '/auth/logout'), 204, 'ended on this connection');
    is($round->('GET', '/api'), 401, 'refused on it') for 1 .. 3;

    $token = session();
    is($round->('GET', '/api'), 200, 'another session on it is good');
    is(logout($token), 204, 'ended elsewhere');
    is($round->('GET', '/api'), 401, 'refused on it');
};


subtest 'by SQL' => sub {
    my $token = session();
    my $name = "origin_jti:session-$$-$n";

    is(api($token), 200, 'good');
    $pg->value("SELECT social_revoke('$issuer', '$name',"
        . " now() + interval '1 day')");
    refused_within($token, $port, 'an operator ended it');

    # whatever the order of the commits

    my @tokens = map { session() } 1 .. 2;
    my ($first, $second) = map { "origin_jti:session-$$-" . ($n - $_) } 1, 0;

    my $open = $pg->transaction("SELECT social_revoke('$issuer', '$first',"
        . " now() + interval '1 day')");

    $pg->value("SELECT social_revoke('$issuer', '$second',"
        . " now() + interval '1 day')");

    refused_within($tokens[1], $port, 'the second one committed first');
    is(api($tokens[0]), 200, 'the first one did not yet');
    $open->('COMMIT');
    refused_within($tokens[0], $port, 'and then it did');

    # as through a pooler, which brings no notification

    $token = session();
    $pg->value('ALTER TABLE revocations DISABLE TRIGGER revocations_notify');
    is(logout($token, $port2), 204, 'ended without a word');
    refused_within($token, $port, 'asked for');
    $pg->value('ALTER TABLE revocations ENABLE TRIGGER revocations_notify');

    # a row that lasts longer is news as well

    $token = session();
    $name = "origin_jti:session-$$-$n";
    $pg->value("INSERT INTO revocations (issuer, session, until) VALUES"
        . " ('$issuer', '$name', now() - interval '1 hour')");
    sleep 1;
    is(api($token), 200, 'one that is over already');
    $pg->value("UPDATE revocations SET until = 'infinity' WHERE session"
        . " = '$name'");
    refused_within($token, $port, 'now for ever');
};


subtest 'a reload and a restart' => sub {
    my $token = session();
    is(logout($token), 204, 'ended');

    for (1 .. 3) {
        ok($nginx->reload, 'reloaded');
        is(api($token), 401, 'refused');
        is(ready(), 200, 'ready all the time');
    }

    my $next = session();
    is(logout($next, $port2), 204, 'one that ends elsewhere');
    refused_within($next, $port, 'is followed after it');

    $nginx->stop;
    $nginx->start($port);
    ok(green($port), 'restarted');
    is(api($token), 401, 'refused');
    is(api($next), 401, 'this one too');
};


# A worker process that finds the database again does so within five seconds.

sub ended_soon {
    my ($token, $port) = @_;
    return SocialNginx::wait_for(15, sub { logout($token, $port) == 204 });
}

my $outage = sub {
    my $logged = failures($nginx);
    my $gone = session();
    ok(ended_soon($gone), 'one before');

    $pg->down;
    sleep 0.2;

    my $token = session();
    is(api($token), 200, 'good');

    my $answer = ask($port, 'POST', '/auth/logout', $token);
    is(status($answer), 503, 'cannot be ended');
    like($answer, qr/\nRetry-After: \d+\r/, 'Retry-After');
    like($answer, qr/\{"message":"Service Unavailable"/, 'JSON');
    is(api($token), 200, 'and is good still');
    is(api($gone), 401, 'what was ended before is refused');
    is(ready(), 200, 'a gateway that has loaded is ready');

    # through a pooler it is only noticed by what is asked each second

    ok(SocialNginx::wait_for(20, sub { failures($nginx) > $logged }),
       'noticed');
    $pg->up;

    ok(ended_soon($token), 'ended');
    refused_within($token, $port2, 'the other gateway followed');

    my $next = session();
    ok(ended_soon($next, $port2), 'and the other way round');
    refused_within($next, $port, 'followed as well');

    is(failures($nginx) - $logged, 1, 'logged as an error, once');
};

subtest "PostgreSQL goes and comes back ($_)" => $outage for 1, 2;


subtest 'the worker with the revocation listener is killed' => sub {
    for my $round (1 .. 2) {
        my $pid = listener($nginx);
        ok($pid && kill('KILL', $pid), 'killed');

        my $token = session();
        ok(ended_soon($token, $port2), 'ended elsewhere meanwhile');
        refused_within($token, $port, 'another follows');

        ok(SocialNginx::wait_for(15, sub { listener($nginx) != $pid }),
           'another worker');
        is(ready(), 200, 'ready all the time');
    }

    # one that was only stopped finds that it is not the listener any more

    my $pid = listener($nginx);
    kill 'STOP', $pid;
    ok(SocialNginx::wait_for(15, sub { listener($nginx) != $pid }), 'stopped');
    kill 'CONT', $pid;

    # those of a pooler are not the gateway's

    SKIP: {
        skip 'a pooler', 1 if $ENV{SOCIAL_POOLER};

        is($pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE"
            . " application_name = 'ngx_social_module revocations'", 2), 2,
           'one connection for each gateway');
    }
};


subtest 'more than a page' => sub {
    $pg->value("INSERT INTO revocations (issuer, session, until)"
        . " SELECT '$issuer', 'origin_jti:many-' || i,"
        . " now() + interval '1 hour' FROM generate_series(1, 5000) i");

    my @some = map { token(origin_jti => "many-$_") } 1, 1000, 1001, 5000;
    refused_within($_, $port, 'one of many') for @some;

    $nginx->stop;
    $nginx->start($port);
    ok(green($port), 'restarted');
    is(join(' ', map { api($_) } @some), '401 401 401 401', 'loaded in pages');
};


subtest 'deleted when they are over' => sub {
    $pg->value("UPDATE revocations SET until = now() - interval '1 s'"
        . " WHERE session LIKE 'origin_jti:many-%'");
    my $before = rows();
    is($pg->value('SELECT social_revocations_expire(1000)'), 1000, 'some');
    is($pg->value('SELECT social_revocations_expire(10000)') >= 4000, 1, 'all');
    is($pg->value("SELECT count(*) FROM revocations WHERE until < now()"), 0,
       'none is left');
};

for ($nginx, $other) {
    my @lines = grep { /\[(?:alert|emerg|crit)\]/ && !/signal 9/ }
        split /\n/, $_->error_log;
    is("@lines", '', 'nothing bad in the log');
    unlike($_->error_log, qr/session-$$-1\b/, 'no session in the log');
}

$other->stop;
$nginx->stop;


subtest 'a refreshed token after the first is over' => sub {
    my $nginx = begin($port, http => 'social_issuer short { issuer'
        . ' https://short.example.com; client_ids web; leeway 0;'
        . " jwks_file $ENV{TEST_NGINX_JWKS}; }",
        server => 'location = /s { social_auth short; try_files /x =404; }'
            . ' location = /out { social_auth short; social_logout; }');
    ok(green($port), 'loaded');

    my %same = (iss => 'https://short.example.com', origin_jti => "r-$$");
    my $exp = int(time) + 6;
    my $first = token(%same, jti => '1', exp => $exp);

    is(status(ask($port, 'POST', '/out', $first)), 204, 'ended');
    sleep 0.1 while time < $exp + 1;
    is(status(ask($port, 'GET', '/s',
                  token(%same, jti => '2', exp => time + 600))), 401,
       'refused though it is new');
    like(ask($port, 'GET', '/s', $first), qr/error_description="the token has/,
         'the first one is over') or diag(ask($port, 'GET', '/s', $first));
    $nginx->stop;
};


subtest 'PostgreSQL is unavailable at the start' => sub {
    my $token = session();
    my $good = session();

    $pg->value("SELECT social_revoke('$issuer', 'origin_jti:session-$$-"
        . ($n - 1) . "', now() + interval '1 day')");
    $pg->down;

    my $nginx = begin($port, http => 'social_json_errors on;');

    ok(SocialNginx::wait_for(15, sub {
        $nginx->error_log =~ /\[error\].*revocation listener failed/
    }), 'logged');

    my $answer = ask($port, 'GET', '/readyz');
    is(status($answer), 503, 'not ready');
    like($answer, qr/"status":"waiting".*"revocations":"missing"\}/, 'said');

    for ($token, $good) {
        $answer = ask($port, 'GET', '/api', $_);
        is(status($answer), 503, 'not known yet');
        like($answer, qr/\nRetry-After: 2\r/, 'Retry-After');
        like($answer, qr/\{"message":"Service Unavailable"/, 'JSON');
    }

    is(status(ask($port, 'GET', $_, $good)), 503, "$_ with a good token")
        for qw( /lenient /optional );
    is(status(ask($port, 'GET', $_)), 200, "$_ without one")
        for qw( /lenient /optional );
    is(status(ask($port, 'GET', '/lenient', 'x.y.z')), 200, 'a bad one');
    is(status(ask($port, 'GET', '/api', 'x.y.z')), 401, 'a bad one is refused');
    is(api(token(exp => time - 3600)), 401, 'one that is over');
    is(api(undef), 401, 'none');
    is(status(ask($port, 'GET', '/any', $good)), 200, 'in for the address');
    is(status(ask($port, 'GET', '/open', $_)), 200, 'open')
        for $token, $good;
    is(api($good), 503, 'which is not cached for other locations');
    is(status(ask($port, 'GET', '/fallback', $good)), 200,
       'open by an error_page');
    is(status(ask($port, 'POST', '/few', $good)), 503, 'no logout');

    is(() = $nginx->error_log =~ /\[error\].*revocation listener failed/g,
       1, 'logged once');

    $pg->up;
    ok(green($port), 'ready by itself');
    is(api($token), 401, 'and loaded');
    is(status(ask($port, 'GET', '/open', $token)), 401, 'for all');
    is(api($good), 200, 'the other one is good');

    # what was loaded once is not waited for again

    $pg->down;

    ok($nginx->reload, 'reloaded without a database');
    is(api($good), 200, 'good') for 1 .. 4;
    is(api($token), 401, 'refused');
    is(ready(), 200, 'ready');

    my @workers = SocialNginx::workers($nginx->{pid});
    kill 'KILL', @workers;
    ok(SocialNginx::wait_for(20, sub {
        my @now = SocialNginx::workers($nginx->{pid});
        my %was = map { ($_ => 1) } @workers;
        return @now >= 2 && !grep { $was{$_} } @now;
    }), 'all workers were killed');
    is(api($good), 200, 'good') for 1 .. 4;
    is(api($token), 401, 'refused');

    $pg->up;
    $nginx->stop;
};


subtest 'a database that was not migrated' => sub {
    $pg->value('ALTER TABLE revocations RENAME COLUMN xact TO x');

    my $nginx = begin($port);

    ok(SocialNginx::wait_for(15, sub {
        $nginx->error_log =~ /\[error\].*listener failed: .*; apply the migrations in conf\/sql/
    }), 'said what to do');
    is(ready(), 503, 'not ready');

    $pg->value('ALTER TABLE revocations RENAME COLUMN x TO xact');
    ok(green($port), 'ready by itself');
    $nginx->stop;
};


# Of a zone of 64k: what has no slot is refused as well, and the gateway goes
# on. "freed" ends it, much later: rows that are over make room.

subtest 'a set that is full' => sub {
    $pg->value('DELETE FROM revocations');
    my $nginx = begin($port, http => 'social_zone small:64k;');
    ok(green($port), 'loaded');

    my ($room) = $nginx->error_log =~ /room for (\d+) revocations/;
    cmp_ok($room, '>', 100, 'room for some');

    my $fill = sub {
        my ($from, $to) = @_;
        $pg->value("INSERT INTO revocations (issuer, session, until)"
            . " SELECT '$issuer', 'origin_jti:full-' || i,"
            . " now() + interval '1 hour' FROM generate_series($from, $to) i");
    };

    my $state = sub {
        my ($wanted, $seconds) = @_;
        my $got;
        SocialNginx::wait_for($seconds // 30, sub {
            $got = ask($port, 'GET', '/readyz');
            $got =~ /"revocations":"$wanted"\}/;
        });
        return $got;
    };

    my $said = sub {
        my ($level, $line) = @_;
        return scalar(() = $nginx->error_log =~ /\[$level\].*social: $line/g);
    };

    $fill->(1, $room);
    refused_within(token(origin_jti => "full-$room"), $port, 'the last slot');
    like($state->('loaded'), qr/"status":"ready"/, 'ready');

    my $token = session();
    is(logout($token), 204, 'a logout after that is a success');
    is(api($token), 401, 'its token is refused');

    my $answer = $state->('full');
    is(status($answer), 200, 'not red');
    like($answer, qr/"status":"degraded"/, 'degraded');

    $fill->($room + 1, $room + 50);
    refused_within(token(origin_jti => 'full-' . ($room + 50)), $port, 'more');

    my @accepted = grep { api(token(origin_jti => "full-$_")) != 401 }
        1 .. $room + 50;
    is("@accepted", '', 'all of them are refused');

    @accepted = grep { api(session()) == 200 } 1 .. 50;
    is(scalar(@accepted), 50, 'others are not');

    is($said->('warn', "no room for more than $room revocations, one of a "
               . 'million valid tokens may be refused .*"social_zone"'), 1,
       'logged once');

    # by now there are more than anything here takes

    $fill->($room + 51, $room + 3000);
    $answer = $state->('exceeded');
    is(status($answer), 200, 'not red');
    like($answer, qr/"status":"degraded"/, 'degraded');
    is(logout(session()), 204, 'a logout is committed nevertheless');
    is(api(session()), 200, 'others are not refused');
    is($said->('error', 'no room for all revocations, some revoked tokens are '
               . 'still accepted: .*"social_zone"'), 1, 'logged once');

    # room by itself: no reload of ours

    my @workers = SocialNginx::workers($nginx->{pid});
    $pg->value("UPDATE revocations SET until = now() - interval '1 s'"
        . " WHERE session LIKE 'origin_jti:full-%'");

    like($state->('loaded', 120), qr/"status":"ready"/, 'there is room again');
    is($said->('notice', 'there is room for all revocations again'), 1,
       'logged once');
    is(api($token), 401, 'what holds is refused still');
    is(api(token(origin_jti => 'full-1')), 200, 'what is over is not');
    is("@{[ SocialNginx::workers($nginx->{pid}) ]}", "@workers",
       'the same workers');
    $nginx->stop;
};


# The cap of a subject, which is in the database: one for all gateways.

sub limited {
    my ($token, $listen) = @_;
    return ask($listen // $port, 'POST', '/few', $token);
}

subtest 'one subject' => sub {
    $pg->value('DELETE FROM revocations');
    my $nginx = begin($port, http => 'social_zone small:64k;');
    my $other = begin($port2);
    ok(green($port) && green($port2), 'loaded');

    my @who = (sub => 'alice');

    is(status(limited(session(@who), $_ % 2 ? $port : $port2)), 204, 'ended')
        for 1 .. 5;

    for my $listen ($port, $port2) {
        my $token = session(@who);
        my $answer = limited($token, $listen);
        is(status($answer), 429, 'no more');
        like($answer, qr/\nRetry-After: 3600\r/, 'Retry-After');
        like($answer, qr/\{"message":"Too Many Requests"/, 'JSON');
        is(api($token, $listen), 200, 'and its token is good still');
    }

    is(rows(), 5, 'five rows');
    is($pg->value("SELECT count(DISTINCT subject) FROM revocations"), 1,
       'of one subject');
    is($pg->value("SELECT subject = social_subject_id('$issuer', 'alice')"
        . " FROM revocations LIMIT 1"), 't', 'a digest of it');

    is(status(limited(session(sub => 'bob'))), 204, 'another subject');
    is(status(limited(token(iss => 'https://other.example.com',
        -key => 'other', origin_jti => "o-$$", sub => 'alice'))), 204,
        'another issuer has another Alice');

    # rows that will be over soon, and those of an operator, count no more

    $pg->value("SELECT social_revoke('$issuer', 'origin_jti:sql', now()"
        . " + interval '1 day')");
    $pg->value("UPDATE revocations SET until = now() + interval '40 s'"
        . " WHERE subject = social_subject_id('$issuer', 'alice')");
    like(limited(session(@who)), qr/\nRetry-After: (?:[1-9]|[123]\d|40)\r/,
         'Retry-After by when there is room');
    $pg->value("UPDATE revocations SET until = now() WHERE id = (SELECT id"
        . " FROM revocations WHERE subject = social_subject_id('$issuer',"
        . " 'alice') LIMIT 1)");
    is(status(limited(session(@who))), 204, 'room for one');
    is(status(limited(session(@who))), 429, 'and no more');

    # the default

    $pg->value("INSERT INTO revocations (issuer, session, until, subject)"
        . " SELECT '$issuer', 'origin_jti:carol-' || i, now() + interval"
        . " '1 day', social_subject_id('$issuer', 'carol')"
        . " FROM generate_series(1, 99) i");
    is(logout(session(sub => 'carol')), 204, 'a hundred');
    is(logout(session(sub => 'carol')), 429, 'no more');

    $_->stop for $nginx, $other;
};


subtest 'one subject, with tokens that nothing refreshes' => sub {
    $pg->value('DELETE FROM revocations');
    my $nginx = begin($port, http => 'social_zone small:64k;');
    my $other = begin($port2);
    ok(green($port) && green($port2), 'loaded');

    my $now = int time;
    my @who = (sub => 'alice', origin_jti => undef);
    my @tokens = map {
        token(@who, jti => "dave-$$-$_", exp => $now + 7200 - 60 * $_)
    } 1 .. 7;

    is(status(limited(session(sub => 'alice'))), 204, 'a sign-in');
    is(status(limited($tokens[$_])), 204, "token $_") for 0 .. 3;
    refused_within($tokens[3], $port2, 'the other gateway');
    is(status(limited($tokens[4], $port2)), 204, 'token 4');

    is($pg->value("SELECT count(*) FROM revocations WHERE until > now()"), 5,
       'no more than five hold');
    is($pg->value("SELECT session FROM revocations WHERE until < now()"),
       "jti:dave-$$-4", 'the one that would be over first went');

    for my $listen ($port, $port2) {
        ok(SocialNginx::wait_for(15, sub { api($tokens[3], $listen) == 200 }),
           'it takes no room at a gateway');
        is(api($tokens[$_], $listen), 401, "token $_ is refused")
            for 0, 1, 2, 4;
    }

    is(logout($tokens[3]), 204, 'it can be ended again');
    is(api($tokens[3]), 401, 'and is refused');

    # no gateway's memory is filled: more than the zone of 64k has room for

    for (1 .. 60) {
        status(limited(token(@who, jti => "erin-$$-$_"))) == 204 or last;
    }

    ok(SocialNginx::wait_for(15, sub {
        api(token(@who, jti => "erin-$$-1")) == 200
    }), 'the first of sixty was let go');
    is($pg->value("SELECT count(*) FROM revocations WHERE until > now()"), 5,
       'five hold');

    $_->stop for $nginx, $other;
};


subtest 'one subject, many at a time' => sub {
    $pg->value('DELETE FROM revocations');
    my $nginx = begin($port);
    my $other = begin($port2);
    ok(green($port) && green($port2), 'loaded');

    my @pids;

    for my $i (1 .. 24) {
        my $token = session(sub => 'alice');
        my $pid = fork // die;
        push @pids, $pid and next if $pid;
        my ($got, $tries) = (503, 0);

        # on a slow machine the last ones may not have the lock in time; a 503
        # may also be of one that was committed

        while ($got == 503 && $tries++ < 20) {
            sleep 0.2 if $tries > 1;
            $got = status(limited($token, $i % 2 ? $port : $port2));
        }

        $got = 204 if $got == 401 && $tries > 1;
        POSIX::_exit($got == 204 ? 1 : $got == 429 ? 2 : 3);
    }

    my %got;
    waitpid($_, 0) && $got{$? >> 8}++ for @pids;
    is_deeply(\%got, { 1 => 5, 2 => 19 }, 'five, and no more');
    is(rows(), 5, 'five rows');

    # somebody who keeps the subject's lock stops nobody for long

    my $pid = fork // die;

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            "BEGIN; SELECT social_revoke('$issuer', 'origin_jti:kept',"
            . " social_session_id('$issuer', 'origin_jti:kept'),"
            . " now() + interval '1 day', 'frank', 5); SELECT pg_sleep(60)"
            or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE query LIKE"
        . " 'BEGIN; SELECT social_revoke%' AND wait_event = 'PgSleep'", 1);
    my $answer = limited(session(sub => 'frank'));
    is(status($answer), 503, 'not in time');
    like($answer, qr/\nRetry-After: 2\r/, 'Retry-After');
    is(status(limited(session(sub => 'grace'))), 204, 'others meanwhile');
    kill 'KILL', $pid;
    waitpid $pid, 0;
    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " wait_event = 'PgSleep'");

    $_->stop for $nginx, $other;
};


subtest 'through "listen="' => sub {
    $pg->value('DELETE FROM revocations');

    my $database = qq{social_database "@{[ $pg->gateway ]}" timeout=1s}
        . qq{ "listen=@{[ $pg->conninfo ]} application_name=direct";};
    my $nginx = begin($port, database => $database);
    ok(green($port), 'loaded');

    is($pg->value("SELECT count(*) FROM pg_stat_activity WHERE"
        . " application_name = 'direct'"), 1, 'one connection');

    my $token = session();
    is(logout($token), 204, 'ended');
    is(api($token), 401, 'refused');
    $nginx->stop;

    # not there: nothing is followed, all else works

    $database =~ s/listen=host=\S+/listen=host=\/nonexistent/;
    $nginx = begin($port, database => $database,
                   http => 'social_revocations open;');
    $token = session();
    is(logout($token), 204, 'ended');
    is(api($token), 401, 'refused');
    is(ready(), 503, 'not ready');
    $nginx->stop;
};


subtest 'a database that comes with a reload' => sub {
    my $token = session();

    $pg->value("SELECT social_revoke('$issuer', 'origin_jti:session-$$-$n',"
        . " now() + interval '1 day')");

    my $nginx = SocialNginx->new;
    my $text = conf($nginx, $port);
    $text =~ s/location = \/(?:auth\/logout|short|few) \{[^}]*\}//g;
    $text =~ s{return 204;}{root $nginx->{dir}/html; try_files /x =404;}g;
    $text =~ s/\bhttp \{/http { social_zone kept:1m;/;
    (my $without = $text) =~ s/social_database [^;]*;//;

    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', $without);
    $nginx->start($port);

    is(api($token), 200, 'nothing is known') for 1 .. 4;
    unlike(ask($port, 'GET', '/readyz'), qr/revocations/, 'nor missed');

    $nginx->write_file('nginx.conf', $text);
    kill 'HUP', $nginx->{pid};

    ok(SocialNginx::wait_for(20, sub {
        ask($port, 'GET', '/readyz') =~ /"revocations":"loaded"/
    }), 'loaded');
    ok(SocialNginx::wait_for(10, sub { api($token) == 401 }),
       'a cached verdict does not count');
    $nginx->stop;
};


# What one database has revoked is not all that another one has: until that was
# loaded nobody can tell, of a token that was accepted before either.

subtest 'another database with a reload' => sub {
    my $token = session();
    my $revoked = session();
    my $nginx = begin($port, http => 'social_zone kept:1m;');

    ok(green($port), 'loaded');
    is(logout($revoked), 204, 'one is revoked');
    is(api($token), 200, 'accepted') for 1 .. 4;

    my $text = SocialNginx::slurp("$nginx->{dir}/nginx.conf");
    my $another = $text =~ s{social_database "[^"]*"}
                            {social_database "host=$nginx->{dir} user=x"}r;

    $nginx->write_file('nginx.conf', $another);
    kill 'HUP', $nginx->{pid};

    ok(SocialNginx::wait_for(20, sub { api($token) == 503 }),
       'nobody can tell');
    is(ready(), 503, 'not ready');
    is(api($token), 503, 'whichever worker is asked') for 1 .. 4;
    is(api($revoked), 401, 'what is known to be revoked is refused');
    is(status(ask($port, 'GET', '/open', $token)), 200, 'open');

    $nginx->write_file('nginx.conf', $text);
    kill 'HUP', $nginx->{pid};

    ok(SocialNginx::wait_for(20, sub { ready() == 200 && api($token) == 200 }),
       'loaded again');
    is(api($revoked), 401, 'refused');
    $nginx->stop;
};


subtest 'no location verifies tokens' => sub {
    my $nginx = SocialNginx->new;
    my $text = conf($nginx, $port);
    $text =~ s/location = \/(?:auth\/logout|short|few|api|lenient|optional|open|any|fallback) \{[^}]*\}//g;
    $nginx->write_file('nginx.conf', $text);
    $nginx->start($port);

    is(ready(), 200, 'ready');
    unlike(ask($port, 'GET', '/readyz'), qr/revocations/, 'no part of it');
    unlike($nginx->error_log, qr/revocations/, 'none are kept');

    SKIP: {
        skip 'a pooler', 1 if $ENV{SOCIAL_POOLER};

        is($pg->value("SELECT count(*) FROM pg_stat_activity WHERE"
            . " application_name = 'ngx_social_module revocations'"), 0,
           'and there is no listener');
    }

    $nginx->stop;
};


done_testing();
