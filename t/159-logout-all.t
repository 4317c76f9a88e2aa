#!/usr/bin/perl

# The sessions of a token, each of which ends it; a sign-out with a token that
# has expired; all sessions of a user at once, at every gateway, by
# "social_logout all" and by SQL; and $social_user_key.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA ();
use SocialNginx;
use SocialPostgres;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my @ports = map { SocialNginx::free_port() } 1, 2;
my $other_issuer = 'https://other.example.com';
my $n = 0;

sub begin {
    my ($listen) = @_;

    my $nginx = SocialNginx->new;

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
    social_database "@{[ $pg->gateway ]}" timeout=2s;
    server {
        listen 127.0.0.1:$listen;
        root $nginx->{dir}/html;
        location = /out { social_auth main other; social_logout; }
        location = /brief {
            social_auth main other;
            social_logout retention=60s;
        }
        location = /one { social_auth main other; social_logout max=1; }
        location = /leads {
            social_auth main other;
            social_logout;
            error_page 405 =200 \@public;
        }
        location \@public {
            social_auth off;
            add_header X-Key "-\$social_user_key- -\$social_sub" always;
            try_files /x =404;
        }
        location = /asks {
            social_auth main other;
            social_logout;
            auth_request /asked;
            auth_request_set \$asked \$upstream_http_x_asked;
            add_header X-Asked "-\$asked-" always;
        }
        location = /asked {
            social_auth off;
            proxy_pass http://127.0.0.1:$listen/echo;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Seen \$social_sub;
        }
        location = /echo {
            social_auth off;
            add_header X-Asked \$http_x_seen always;
            try_files /x =404;
        }
        location = /few { social_auth main other; social_logout max=2; }
        location = /all { social_auth main other; social_logout all max=2; }
        location = /after {
            social_auth main other;
            social_logout;
            error_page 405 = \@api;
        }
        location \@api { social_auth main other; try_files /x =404; }
        location = /api {
            social_auth main other;
            add_header X-Key \$social_user_key;
            try_files /x =404;
        }
        location = /open {
            social_auth main optional;
            add_header X-Key "-\$social_user_key-";
            try_files /x =404;
        }
        location = /readyz { social_ready; }
    }
}
_EOC_

    $nginx->start($listen);
    SocialNginx::wait_for(30, sub { ask($listen, 'GET', '/readyz') =~ / 200 / })
        or die "not ready\n";

    return $nginx;
}

sub ask {
    my ($listen, $method, $path, $token) = @_;

    return SocialNginx::request($listen, "$method $path HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n"
        . ($token ? "Authorization: Bearer $token\r\n" : '')
        . ($method eq 'POST' ? "Content-Length: 0\r\n" : '') . "\r\n");
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }

sub api { return status(ask($_[1] // $ports[0], 'GET', '/api', $_[0])) }

sub out {
    my ($token, $path, $listen) = @_;
    return status(ask($listen // $ports[0], 'POST', $path // '/out', $token));
}

# A user of its own, and a name that no other test has.

sub fresh { return "$_[0]-$$-" . ++$n }

sub refused_soon {
    my ($token, $listen, $name) = @_;
    return ok(SocialNginx::wait_for(15, sub { api($token, $listen) == 401 }),
              $name);
}

sub rows {
    my ($where) = @_;
    return $pg->value("SELECT coalesce(string_agg(session, ' ' ORDER BY"
        . " session), '') FROM revocations WHERE until > now() AND $where");
}

my @gateways = map { begin($_) } @ports;


subtest 'each session of a token' => sub {
    my %all = (origin_jti => fresh('o'), sid => fresh('s'), jti => fresh('j'));

    for my $name (sort keys %all) {
        my %is = (%all, map { $_ => fresh($_) } grep { $_ ne $name } keys %all);
        my $token = token(%is);
        my $only = token(origin_jti => undef, sid => undef, jti => undef,
                         $name => $is{$name});

        is(api($token, $_), 200, "$name: good") for @ports;
        is(api($only), 200, "$name alone: good");

        $pg->value("SELECT social_revoke('$issuer', '$name:$is{$name}',"
            . " now() + interval '1 hour')");

        refused_soon($token, $_, "$name: refused") for @ports;
        is(api($only), 401, "$name alone: refused");
        is(api(token(%is, $name => fresh('x'))), 200, "$name: another is not");

        for my $wrong (grep { $_ ne $name } sort keys %all) {
            is(api(token(jti => undef, $wrong => $is{$name})), 200,
               "$wrong of that value is another");
        }
    }
};


subtest 'a logout ends what lasts' => sub {
    my %is = (origin_jti => fresh('o'), sid => fresh('s'), jti => fresh('j'));

    is(out(token(%is)), 204, 'both');
    is(rows("session ~ ':(@{[ join '|', values %is ]})\$'"), "origin_jti:$is{origin_jti} sid:$is{sid}",
       'and not the token');
    is(api(token(%is)), 401, 'refused');
    is(api(token(sid => $is{sid}, jti => 'x')), 401, 'by the one');
    is(api(token(origin_jti => $is{origin_jti}, jti => 'x')), 401,
       'by the other');
    is(api(token(jti => $is{jti})), 200, 'not by its own');

    %is = (sid => fresh('s'), jti => fresh('j'));
    is(out(token(%is)), 204, 'of "sid" and "jti"');
    is(api(token(sid => $is{sid}, jti => 'y')), 401, 'its next token');

    my $left = $pg->value("SELECT round(extract(epoch FROM until - now()))"
        . " FROM revocations WHERE session = 'sid:$is{sid}'");
    ok(abs($left - 30 * 86400 - 60) < 45, 'for as long as it is refreshed');

    %is = (sid => fresh('s'), jti => undef, iat => int(time) - 5);
    is(out(token(%is)), 204, 'of "sid" alone');
    is(api(token(%is, sid => 'another')), 200,
       'another session of the same second');

    # a row of an earlier version

    %is = (sid => fresh('s'), jti => undef, iat => int(time) - 6,
           sub => fresh('u'));
    is(api(token(%is)), 200, 'good');
    $pg->value("SELECT social_revoke('$issuer', 'iat:$is{iat}:$is{sub}',"
        . " now() + interval '1 hour')");
    refused_soon(token(%is), $ports[0], 'by its second, as before');

    # the second row of a logout has room where the first one had

    my $sub = fresh('u');
    is(out(token(sub => $sub, sid => fresh('s'), origin_jti => fresh('o')),
           '/one'), 204, 'both rows of one session, and room for one');

    $sub = fresh('u');
    is(out(token(sub => $sub, sid => fresh('s')), '/few'), 204, 'one row')
        for 1, 2;
    my $token = token(sub => $sub, sid => fresh('s'), origin_jti => fresh('o'));
    is(out($token, '/few'), 429, 'no room for both');
    is(api($token), 200, 'and neither was done');
    is($pg->value("SELECT count(*) FROM revocations WHERE subject ="
        . " social_subject_id('$issuer', '$sub')"), 2, 'no row');
};


subtest 'a token that has expired' => sub {
    my $old = int(time) - 3600;

    # it is accepted by the logout alone, not by what that leads to

    for my $late (0, 1) {
        my $t = token(sub => 'someone', origin_jti => fresh('l'),
                      $late ? (iat => $old - 60, exp => $old) : ());
        my $got = ask($ports[0], 'GET', '/leads', $t);
        like($got, $late ? qr/\nX-Key: -- -\r/ : qr/\nX-Key: -\w{32}- -someone\r/,
             $late ? 'nobody where the logout leads to' : 'as it is with a good one');
        $got = ask($ports[0], 'POST', '/asks', $t);
        like($got, $late ? qr/\AHTTP\S+ 204.*\nX-Asked: --\r/s
                         : qr/\AHTTP\S+ 204.*\nX-Asked: -someone-\r/s,
             $late ? 'nor in a subrequest' : 'nor is a good one');
    }

    for my $name (qw( origin_jti sid )) {
        my %is = ($name => fresh('l'), jti => fresh('j'));
        my $late = token(%is, iat => $old - 60, exp => $old);

        is(api($late), 401, "$name: expired");
        is(api(token(%is)), 200, "$name: its refreshed token is good");
        is(out($late), 204, "$name: signed out");
        is(api(token(%is)), 401, "$name: ended");
        is(out($late), 401, "$name: not twice");
    }

    my %is = (origin_jti => fresh('l'));
    my $at = sub {
        my ($path, $exp, %more) = @_;
        return out(token(%is, iat => $exp - 60, exp => $exp, %more), $path);
    };

    is($at->('/brief', int(time) - 30 - 66), 401, 'too long ago');
    is($at->('/out', int(time) - 86400 * 31), 401, 'longer than retention');
    is($at->('/out', $old, -key => 'forged'), 401, 'forged');
    is($at->('/out', $old, client_id => 'stranger'), 401, 'of another client');
    is($at->('/out', $old, nbf => $old + 3600 * 5), 401, 'never valid');
    is(out(token(jti => fresh('j'), iat => $old - 60, exp => $old)), 401,
       'one that nothing outlives');
    is(api(token(%is)), 200, 'none of these ended anything');
    is(status(ask($ports[0], 'GET', '/after',
                  token(%is, iat => $old - 60, exp => $old))), 401,
       'it opens nothing else');
    is(status(ask($ports[0], 'GET', '/after', token(%is))), 200,
       'a good one does');
    is($at->('/brief', int(time) - 30 - 50), 204, 'not too long ago');
    is(api(token(%is)), 401, 'ended');
};


subtest 'all sessions of a user' => sub {
    my $sub = fresh('u');
    my $now = int time;

    # on three devices, one of them with tokens that do not say auth_time, and
    # one with an issuer whose clock is ahead

    my %phone = (sub => $sub, origin_jti => fresh('o'), auth_time => $now - 99);
    my %tablet = (sub => $sub, jti => fresh('j'), iat => $now - 50);
    my %own = (sub => $sub, origin_jti => fresh('o'), sid => fresh('s'),
               auth_time => $now + 20, iat => $now + 20);
    my %bob = (sub => fresh('bob'), jti => fresh('j'));
    my %twin = (sub => $sub, iss => $other_issuer, -key => 'other',
                jti => fresh('j'));

    for my $listen (@ports) {
        is(api(token(%$_), $listen), 200, 'good')
            for \%phone, \%tablet, \%own, \%bob, \%twin;
    }

    is(status(ask($ports[0], 'GET', '/all', token(%own))), 405, 'POST only');
    is(out(token(%own), '/all'), 204, 'all of them');
    my $after = int time;

    for my $listen (@ports) {
        refused_soon(token(%phone), $listen, 'one');
        refused_soon(token(%tablet), $listen, 'another');
        refused_soon(token(%own), $listen, 'its own');
        is(api(token(%bob), $listen), 200, 'not those of others');
        is(api(token(%twin), $listen), 200, 'nor of another issuer');
    }

    # what is refreshed later is of the same sessions

    is(api(token(%phone, iat => $after + 5)), 401, 'refreshed, by auth_time');
    is(api(token(%own, auth_time => undef, iat => $after + 25)), 401,
       'refreshed, by the session');
    is(api(token(sub => $sub, jti => fresh('j'), iat => undef)), 401,
       'one without any time');
    is(api(token(sub => $sub, jti => fresh('j'), iat => $now + 20)), 401,
       'of the second of its own');

    is(rows("issuer = '$issuer' AND session LIKE '%$sub'"), "sub:$sub",
       'one row');
    is($pg->value("SELECT not_before = $now + 20 AND until BETWEEN now()"
        . " + interval '29 days' AND now() + interval '31 days' AND subject"
        . " IS NULL FROM revocations WHERE session = 'sub:$sub'"), 't',
       'until then, for as long as tokens are refreshed');

    # the same again moves the time

    is(out(token(sub => $sub, jti => fresh('j'), iat => $now + 25), '/all'),
       204, 'a second time');
    is($pg->value("SELECT not_before - $now FROM revocations WHERE session"
        . " = 'sub:$sub'"), 25, 'later');
    is(api(token(sub => $sub, jti => fresh('j'), iat => $now + 26)), 200,
       'one that began later');
};


# The second in which all were ended is over when the answer comes.

subtest 'signed in again at once' => sub {
    for my $round (1 .. 5) {
        my $sub = fresh('u');
        my $old = token(sub => $sub, jti => fresh('j'), iat => int time);

        sleep 0.17;
        is(out($old, '/all'), 204, 'all');

        my $new = token(sub => $sub, jti => fresh('j'), iat => int time);
        is(api($new), 200, 'the new one is good');
        is(api($old), 401, 'the old one is not');
        is(api($new), 200, 'and stays so, cached');
        is(api($new, $ports[1]), 200, 'at the other gateway');
    }

    # who does not wait for the answer has it done

    my $sub = fresh('u');
    my $token = token(sub => $sub, jti => fresh('j'));
    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ports[0]") or die;
    print {$sock} "POST /all HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
    $sock->flush;
    $pg->wait_for("SELECT count(*) FROM revocations WHERE session ="
        . " 'sub:$sub'", 1);
    close $sock;
    refused_soon($token, $_, 'ended') for @ports;
};


# "max" is of sessions: all of them can be ended whatever it says, and what
# refreshed tokens are refused by is never let go.

subtest 'more than max' => sub {
    my $sub = fresh('u');
    my @kept = map { fresh('o') } 1, 2;

    is(out(token(sub => $sub, origin_jti => $_), '/few'), 204, 'a sign-in')
        for @kept;
    is(out(token(sub => $sub, origin_jti => fresh('o')), '/few'), 429,
       'no more');

    my %own = (sub => $sub, origin_jti => fresh('o'));
    is(out(token(%own), '/all'), 204, 'all, nevertheless');
    is(api(token(%own)), 401, 'ended');
    is(rows("subject = social_subject_id('$issuer', '$sub')"),
       join(' ', map { "origin_jti:$_" } @kept), 'the others are there');

    my $later = int(time) + 20;
    is(api(token(sub => $sub, origin_jti => $_, iat => $later)), 401,
       'and count') for @kept;

    $sub = fresh('u');
    my @sids = map { fresh('s') } 1, 2;
    is(out(token(sub => $sub, sid => $_), '/few'), 204, 'a "sid"') for @sids;
    is(out(token(sub => $sub, jti => fresh('j')), '/few'), 429,
       'makes no room for a token');
    is(rows("subject = social_subject_id('$issuer', '$sub')"),
       join(' ', map { "sid:$_" } sort @sids), 'both are there');
};


subtest 'by SQL' => sub {
    my $sub = fresh('u');
    my $now = int time;
    my $old = token(sub => $sub, jti => fresh('j'), iat => $now - 100);
    my $new = token(sub => $sub, jti => fresh('j'), iat => $now - 10);

    is(api($_), 200, 'good') for $old, $new;
    $pg->value("SELECT social_revoke_all('$issuer', '$sub',"
        . " to_timestamp($now - 100))");
    refused_soon($old, $_, 'the older one') for @ports;
    is(api($new, $_), 200, 'the newer one is not') for @ports;

    $pg->value("SELECT social_revoke_all('$issuer', '$sub',"
        . " to_timestamp($now - 200), now() + interval '60 days')");
    is($pg->value("SELECT not_before = $now - 100 AND until > now()"
        . " + interval '59 days' FROM revocations WHERE session = 'sub:$sub'"),
       't', 'never earlier, and longer');

    $pg->value("SELECT social_revoke_all('$issuer', '$sub')");
    refused_soon($new, $_, 'until now') for @ports;

    my $future = token(sub => $sub, jti => fresh('j'), iat => $now + 25);
    is(api($future), 200, 'a later one');
    $pg->value("SELECT social_revoke('$issuer', 'sub:$sub',"
        . " now() + interval '1 hour')");
    refused_soon($future, $_, 'whenever it began') for @ports;
    is($pg->value("SELECT not_before IS NULL AND until > now() + interval"
        . " '59 days' FROM revocations WHERE session = 'sub:$sub'"), 't',
       'no time any more');
    $pg->value("SELECT social_revoke_all('$issuer', '$sub')");
    is($pg->value("SELECT not_before IS NULL FROM revocations WHERE session"
        . " = 'sub:$sub'"), 't', 'nor again');

    # undone

    $pg->value("UPDATE revocations SET until = now() - interval '1 s' WHERE"
        . " session = 'sub:$sub'");
    ok(SocialNginx::wait_for(15, sub { api($future, $_) == 200 }), 'undone')
        for @ports;

    my $first = $pg->value("SELECT social_revoke_all('$issuer', '$sub',"
        . " to_timestamp($now))");
    refused_soon($new, $_, 'and once more') for @ports;
    is(api($future, $_), 200, 'with a time') for @ports;

    for my $bad ('foo:x', 'x', '', 'jti:', 'iat:x:s', 'iat:5:', ' jti:x',
                 'JTI:x', 'sub', "x\njti:y") {
        my ($text, $ok) = $pg->attempt("SELECT social_revoke('$issuer',"
            . " '$bad', now() + interval '1 hour');");
        (my $name = $bad) =~ s/\n/ /;
        ok(!$ok, "\"$name\" is refused");
        like($text, qr/no token has a session.*It is one of origin_jti:VALUE, sid:VALUE, jti:VALUE, iat:SECONDS:SUB, exp:SECONDS:SUB and sub:SUB/s,
             'with what there is');
    }

    for my $bad ("'', 'x'", "'i', ''", "NULL, 'x'", "'i', NULL") {
        my (undef, $ok) = $pg->attempt("SELECT social_revoke_all($bad);");
        ok(!$ok, "of ($bad) there are none");
    }

    my (undef, $ok) = $pg->attempt("INSERT INTO revocations (issuer, session,"
        . " until, not_before) VALUES ('i', 'jti:x', now(), 5);");
    ok(!$ok, 'a token has no time');
};


# What is there when a gateway starts is loaded with its time.

subtest 'after a restart' => sub {
    my $sub = fresh('u');
    my $now = int time;
    my ($old, $new) = map { token(sub => $sub, jti => fresh('j'),
                                  iat => $now + $_) } -100, 20;

    $pg->value("SELECT social_revoke_all('$issuer', '$sub')");
    $gateways[0]->stop;
    $gateways[0] = begin($ports[0]);

    is(api($old), 401, 'refused') for 1 .. 4;
    is(api($new), 200, 'good') for 1 .. 4;
    ok($gateways[0]->reload, 'reloaded');
    is(api($old), 401, 'refused') for 1 .. 4;
    is(api($new), 200, 'good') for 1 .. 4;
};


subtest 'a name for a user' => sub {
    my $key = sub {
        my ($path, $token) = @_;
        return ask($ports[0], 'GET', $path, $token) =~ /\nX-Key: ([^\r]*)/
            ? $1 : undef;
    };

    my $sub = fresh('u');
    my $wanted = substr Digest::SHA::sha256_hex('v1:' . length($issuer)
        . ":$issuer:sub:$sub"), 0, 32;

    is($key->('/api', token(sub => $sub, jti => 'a')), $wanted,
       'issuer and subject');
    is($key->('/api', token(sub => $sub, jti => 'b')), $wanted,
       'of each token');
    is($key->('/api', token(sub => $sub, jti => 'b')), $wanted, 'cached');
    is($pg->value("SELECT encode(social_subject_id('$issuer', '$sub'),"
        . " 'hex')"), $wanted, 'as in SQL');

    my $twin = $key->('/api', token(sub => $sub, iss => $other_issuer,
                                    -key => 'other'));
    like($twin, qr/\A[0-9a-f]{32}\z/, 'of another issuer');
    isnt($twin, $wanted, 'another one');
    isnt($key->('/api', token(sub => "$sub ")), $wanted,
         'and of another subject');
    is($key->('/open'), '--', 'of nobody');
};

for (@gateways) {
    my @lines = grep { /\[(?:alert|emerg|crit)\]/ } split /\n/, $_->error_log;
    is("@lines", '', 'nothing bad in the log');
    $_->stop;
}

done_testing();
