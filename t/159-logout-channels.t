#!/usr/bin/perl

# "social_logout backchannel" and "frontchannel": sessions that end because
# their issuer says so.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use JSON::PP ();
use SocialNginx;
use SocialPostgres;
use SocialSecrets ();
use SocialServer;
use SocialSign qw( sign_bytes sign_jwk sign_jwks );
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my $keys = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";
my $event = 'http://schemas.openid.net/event/backchannel-logout';
my ($port, $port2) = map { SocialNginx::free_port() } 1, 2;
my $json = JSON::PP->new->canonical->utf8;
my $n = 0;

sub begin {
    my ($listen) = @_;

    my $nginx = SocialNginx->new;

    mkdir "$nginx->{dir}/html";
    $nginx->write_file('slow.json', sign_jwks(sign_jwk('p384')));
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
    @{[ issuer_block('id', "issuer $issuer", 'client_ids page',
                     'token_use any', 'jwks_file ' . jwks_path('next')) ]}
    @{[ issuer_block('late', 'issuer https://late.example.com',
                     'client_ids web',
                     "jwks_uri $keys/late-$listen-$$/slow-1500-main") ]}
    @{[ issuer_block('later', 'issuer https://later.example.com',
                     'client_ids web', 'jwks_cooldown 100ms',
                     'jwks_refresh 300ms',
                     "jwks_uri $keys/later-$listen-$$/main") ]}
    @{[ issuer_block('slow', 'issuer https://slow.example.com',
                     'client_ids web', 'algorithms ES384',
                     'token_use any', 'subject_claim oid',
                     "jwks_file $nginx->{dir}/slow.json") ]}
    @{[ issuer_block('dead', 'issuer https://dead.example.com',
                     'client_ids web', 'jwks_uri http://127.0.0.1:1/') ]}
    server {
        listen 127.0.0.1:$listen;
        root $nginx->{dir}/html;
        social_auth main id slow;
        location = /back {
            social_auth off;
            social_logout backchannel main id late later slow dead;
        }
        location = /day {
            social_auth off;
            social_logout backchannel main retention=1d;
        }
        location = /front {
            social_auth_token cookie=session;
            social_logout frontchannel;
        }
        location = /after { social_logout; error_page 405 = \@led; }
        location \@led { try_files /x =404; }
        location = /api { try_files /x =404; }
        location = /readyz { social_auth off; social_ready; }
    }
}
_EOC_

    $nginx->start($listen);
    return $nginx;
}

sub ask {
    my ($listen, $method, $path, $body, @headers) = @_;

    return SocialNginx::request($listen, "$method $path HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n"
        . join('', map { "$_\r\n" } @headers)
        . (defined $body ? "Content-Type: application/x-www-form-urlencoded\r\n"
           . 'Content-Length: ' . length($body) . "\r\n\r\n$body" : "\r\n"));
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }

sub api {
    my ($token, $listen) = @_;
    return status(ask($listen // $port, 'GET', '/api', undef,
                      "Authorization: Bearer $token"));
}

sub fresh { return "$_[0]-$$-" . ++$n }

# A logout token; claims of undef are left out.

sub said {
    my (%claims) = @_;

    my $key = delete $claims{-key} // 'main';
    my %header = (alg => 'RS256', kid => $key, typ => 'logout+jwt',
                  %{ delete $claims{-header} // {} });
    my %all = (iss => $issuer, aud => 'web', iat => int time,
               exp => int(time) + 120, jti => fresh('j'),
               events => { $event => {} }, %claims);

    delete @all{ grep { !defined $all{$_} } keys %all };
    delete @header{ grep { !defined $header{$_} } keys %header };

    return signed($json->encode(\%header), $json->encode(\%all), $key);
}

sub back {
    my ($token, $listen, $path) = @_;
    return ask($listen // $port, 'POST', $path // '/back',
               "logout_token=$token");
}

sub green {
    my ($listen) = @_;
    return SocialNginx::wait_for(30, sub {
        ask($listen, 'GET', '/readyz') =~ /"revocations":"loaded"/
    });
}

sub refused_soon {
    my ($token, $listen, $name) = @_;
    return ok(SocialNginx::wait_for(15, sub { api($token, $listen) == 401 }),
              $name);
}

my $nginx = begin($port);


# The first one comes before its keys do.

subtest 'keys that are on their way' => sub {
    my $got = back(said(iss => 'https://late.example.com', sid => fresh('s')));
    is(status($got), 200, 'waited for') or diag($got);

    $got = back(said(iss => 'https://dead.example.com', sid => fresh('s')));
    is(status($got), 503, 'that never come');
    like($got, qr/\nRetry-After: \d+\r/, 'Retry-After');
    is($pg->value("SELECT count(*) FROM revocations WHERE issuer LIKE"
        . " '%dead%'"), 0, 'nothing was ended');

    is(status(back(said(iss => 'https://late.example.com', sid => fresh('s'),
                        -header => { kid => 'unknown' }))), 400,
       'a key that there is not');
};

# A key that we cannot have is not the issuer's fault: it would not repeat it.

subtest 'keys that cannot be had any more' => sub {
    my %of = (iss => 'https://later.example.com');
    my $mode = sub {
        ask($ENV{TEST_NGINX_BACKEND_PORT}, 'GET',
            "/control/later-$port-$$/mode/$_[0]");
    };

    is(status(back(said(%of, sid => fresh('s'),
                        -header => { kid => 'next' }))), 400,
       'a key that there is not');

    $mode->('500');

    ok(SocialNginx::wait_for(30, sub {
        ask($port, 'GET', '/readyz') =~ /"later":"failing"/
    }), 'the keys cannot be refreshed');

    is(status(back(said(%of, sid => fresh('s'), -key => 'next'))), 503,
       'a key that may be there');

    $mode->('both');

    ok(SocialNginx::wait_for(30, sub {
        status(back(said(%of, sid => fresh('s'), -key => 'next'))) == 200
    }), 'accepted when it is');
};


# Those are checked in threads; and who it is about is said by the issuer's claim.

subtest 'signatures that take long' => sub {
    my %of = (iss => 'https://slow.example.com', sub => 'nobody');
    my ($user, $other) = (fresh('o'), fresh('o'));

    my $signed = sub {
        my ($name, %claims) = @_;
        my $text = join '.', map { b64($json->encode($_)) }
            { alg => 'ES384', kid => 'p384' },
            { %of, aud => 'web', iat => int time, exp => int(time) + 600,
              jti => fresh('j'), %claims };
        my $token = "$text." . b64(sign_bytes('ES384', $name, $text));
        SocialSecrets::made($token);
        return $token;
    };

    my ($token, $theirs) = map { $signed->('p384', oid => $_,
        client_id => 'web', iat => int(time) - 5) } $user, $other;

    is(api($token), 200, 'a token');
    is(api($theirs), 200, 'and one of another user');

    my %event = (events => { $event => {} });

    is(status(back($signed->('p384/2', %event, oid => $user))), 400, 'forged');
    is(api($token), 200, '... ends nothing');
    is(status(back($signed->('p384', %event))), 400, 'of nobody we know');
    is(status(back($signed->('p384', %event, oid => $user))), 200, 'good');
    is(api($token), 401, '... ends the sessions');
    is(api($theirs), 200, '... of nobody else');

    my @socks = map {
        my $body = 'logout_token='
            . $signed->($_ % 2 ? 'p384' : 'p384/2', %event,
                        oid => fresh('o'));
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "no connection: $!\n";
        print {$sock} "POST /back HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
        $sock->flush;
        $sock;
    } 1 .. 10;

    # two that do not wait

    close $_ for splice @socks, 8;

    my @got = map { my $s = $_; local $/; status(scalar <$s>) } @socks;
    is("@got", '200 400 200 400 200 400 200 400', 'several at a time');
};

my $other = begin($port2);
ok(green($_), 'loaded') for $port, $port2;


subtest 'a session' => sub {
    my $sid = fresh('s');
    my $sub = fresh('u');
    my $token = token(sub => $sub, sid => $sid, jti => fresh('j'));
    my $elder = token(sub => $sub, sid => fresh('s'), jti => fresh('j'));

    is(api($_), 200, 'good') for $token, $elder;

    my $said = said(sid => $sid, sub => $sub);
    my $got = back($said);

    is(status($got), 200, 'ended');
    like($got, qr/\nCache-Control: no-store\r/, 'no-store');
    like($got, qr/\nContent-Length: 0\r/, 'no body');

    is(api($token), 401, 'refused') for 1 .. 4;
    is(api($elder), 200, 'the other session of the user is not');
    refused_soon($token, $port2, 'at the other gateway');
    is(api(token(sid => $sid, jti => fresh('j'), iat => int(time) + 20)), 401,
       'refreshed later');

    my $row = "FROM revocations WHERE session = 'sid:$sid'";
    my $xact = $pg->value("SELECT xact $row");
    is($pg->value("SELECT until BETWEEN now() + interval '29 days' AND now()"
        . " + interval '31 days' $row"), 't', 'kept for a month');

    is(status(back($said)), 200, 'the same token again');
    is($pg->value("SELECT count(*) $row"), 1, 'one row');
    is(api($elder), 200, 'ends nothing else');

    $sid = fresh('s');
    is(status(back(said(sid => $sid), $port, '/day')), 200, 'for a day');
    is($pg->value("SELECT until BETWEEN now() + interval '23 hours' AND now()"
        . " + interval '25 hours' FROM revocations WHERE session ="
        . " 'sid:$sid'"), 't', 'kept so');
};


subtest 'all sessions of a subject' => sub {
    my $sub = fresh('u');
    my $now = int time;
    my $old = token(sub => $sub, sid => fresh('s'), iat => $now - 20);
    my $new = token(sub => $sub, sid => fresh('s'), iat => $now + 5);
    my $said = said(sub => $sub, iat => $now - 10);

    is(api($_), 200, 'good') for $old, $new;
    is(status(back($said)), 200, 'ended');
    is(api($old), 401, 'what began before');
    is(api($new), 200, 'and not what began later');
    refused_soon($old, $port2, 'at the other gateway');
    is(api($new, $port2), 200, 'nor there');

    # an attacker who has the token sends it again

    is(status(back($said)), 200, 'again');
    is(api($new), 200, 'does no harm');
    is($pg->value("SELECT not_before - $now FROM revocations WHERE session ="
        . " 'sub:$sub'"), -10, 'by its own time');
};


subtest 'what is not a logout token' => sub {
    my $sid = fresh('s');
    my $token = token(sid => $sid, jti => fresh('j'));
    my $before = $pg->value('SELECT count(*) FROM revocations');

    my %wrong = (
        'a nonce' => { nonce => 'n' },
        'no event' => { events => undef },
        'another event' => { events => { x => {} } },
        'no jti' => { jti => undef },
        'no iat' => { iat => undef },
        'another client' => { aud => 'page' },
        'no audience' => { aud => undef },
        'no issuer' => { iss => undef },
        'another issuer' => { iss => 'https://x.example.com' },
        'an issuer that is not named' =>
            { iss => 'https://other.example.com', -key => 'other' },
        'nobody' => { sid => undef },
        'expired' => { exp => int(time) - 60 },
        'of the future' => { iat => int(time) + 3600 },
        'without exp, and old' => { exp => undef, iat => int(time) - 3600 },
        'forged' => { -key => 'forged', -header => { kid => 'main' } },
        'of another key' => { -key => 'other' },
        'of a type' => { -header => { typ => 'at+jwt' } },
        'of another type' => { -header => { typ => 'secevent+jwt' } },
        'none' => { -header => { alg => 'none' } },
        'of another algorithm' => { -header => { alg => 'HS256' } },
    );

    for my $name (sort keys %wrong) {
        my $got = back(said(sid => $sid, %{ $wrong{$name} }));
        is(status($got), 400, $name);
        like($got, qr/\n\r\n\{"error":"invalid_request","error_description":"\w+"\}\z/,
             'JSON');
        like($got, qr/\nCache-Control: no-store\r/, 'no-store');
    }

    my $said = said(sid => $sid);

    my %bodies = (
        '' => 'empty', 'logout_token=' => 'no token',
        "x=$said" => 'another name', "logout_token=$said&logout_token=$said" =>
        'twice', "logout_token=%$said" => 'no form', 'logout_token=x.y.z' =>
        'no token', "{\"logout_token\":\"$said\"}" => 'JSON',
        'logout_token=' . 'x' x 9000 => 'too large a token',
        "logout_token=$token" => 'an access token',
    );

    for my $body (sort keys %bodies) {
        is(status(ask($port, 'POST', '/back', $body)), 400, $bodies{$body});
    }

    is(status(ask($port, 'POST', '/back', 'logout_token=' . 'x' x 17000)), 413,
       'too large');
    is(status(ask($port, 'GET', "/back?logout_token=$said")), 405, 'GET');

    is(api($token), 200, 'nothing was ended');
    is($pg->value('SELECT count(*) FROM revocations'), $before, 'no row');

    is(status(back(said(sid => $sid, -header => { typ => undef }))), 200,
       'without a type it is one');
    is(api($token), 401, 'ended');

    for my $good ({ -header => { typ => 'JWT' } }, { aud => [ 'a', 'web' ] },
                  { exp => undef }, { sub => 'x', sid => undef },
                  { -key => 'next', aud => 'page' })
    {
        is(status(back(said(sid => fresh('s'), %$good))), 200,
           'one, too: ' . join ' ', sort keys %$good);
    }

    my $padded = "state=1&logout_token=" . said(sid => fresh('s')) . '&x';
    is(status(ask($port, 'POST', '/back', $padded)), 200, 'among others');
};


sub front {
    my ($args, $token, $method) = @_;
    return ask($port, $method // 'GET', "/front$args", undef,
               $token ? "Cookie: session=$token" : ());
}

subtest 'the front channel' => sub {
    (my $iss = $issuer) =~ s{([^\w.-])}{sprintf '%%%02X', ord $1}ge;
    my $sid = fresh('s') . ' +&';
    (my $sid_arg = $sid) =~ s{([^\w.-])}{sprintf '%%%02x', ord $1}ge;
    my %is = (sid => $sid, jti => fresh('j'));
    my $token = token(%is);
    my $refreshed = token(%is, jti => fresh('j'));
    my $good = "?iss=$iss&sid=$sid_arg";

    for my $args ('', "?iss=$iss", "?sid=$sid_arg", "?iss=$iss&sid=x",
                  "?iss=x&sid=$sid_arg", "$good&sid=$sid_arg", "$good&iss=x",
                  "?iss=$iss&sid=%", "?iss=$iss&sid=${sid_arg}x",
                  "?iss=$iss&sid=")
    {
        is(status(front($args, $token)), 400, "refused: \"$args\"");
    }

    is(status(front($good)), 401, 'no cookie');
    is(status(front($good, 'x.y.z')), 401, 'a bad one');
    is(status(front($good, $token, 'HEAD')), 405, 'HEAD');
    like(front($good, $token, 'HEAD'), qr/\nAllow: GET\r/, 'GET is allowed');
    is(status(front($good, token(jti => fresh('j')))), 400,
       'of a token without "sid"');
    is(api($refreshed), 200, 'nothing was ended');

    my $got = front($good, $token);
    is(status($got), 200, 'ended');
    like($got, qr/\nCache-Control: no-store\r/, 'no-store');
    like($got, qr{\nContent-Type: text/html\r}, 'a page');
    like($got, qr/\r\n\r\n\z/, 'that is empty');

    is(api($refreshed), 401, 'refused');
    refused_soon($refreshed, $port2, 'at the other gateway');
    is(status(front($good, $token)), 401, 'not twice');

    # the page may come when the token has expired

    my $old = int(time) - 3600;
    %is = (sid => fresh('s'), jti => fresh('j'));
    is(status(front("?iss=$iss&sid=$is{sid}", token(%is, iat => $old - 60,
                                                    exp => $old))), 200,
       'with an expired token');
    is(api(token(%is)), 401, 'ended');
};


# It may be signed out, and opens nothing, in a location of the same issuers.

subtest 'an expired token elsewhere' => sub {
    my $old = int(time) - 3600;
    my $get = sub {
        return status(ask($port, 'GET', '/after', undef,
                          'Authorization: Bearer ' . token(@_)));
    };

    is($get->(sid => fresh('s'), iat => $old - 60, exp => $old), 401,
       'refused where it is led to');
    is($get->(sid => fresh('s')), 200, 'a good one is not');
};


subtest 'an outage' => sub {
    my $sid = fresh('s');
    my $token = token(sid => $sid, jti => fresh('j'));
    my $said = said(sid => $sid);

    $pg->down;

    my $got = back($said);
    is(status($got), 503, 'is ours');
    like($got, qr/\nRetry-After: \d+\r/, 'Retry-After');
    is(status(back(said(sid => $sid, nonce => 'n'))), 400,
       'what is wrong is wrong');
    is(api($token), 200, 'not ended');

    $pg->up;
    ok(SocialNginx::wait_for(20, sub { status(back($said)) == 200 }), 'again');
    is(api($token), 401, 'ended');
};

for ($nginx, $other) {
    my $log = $_->error_log;
    my @lines = grep { /\[(?:alert|emerg|crit)\]/ } split /\n/, $log;
    is("@lines", '', 'nothing bad in the log');
    unlike($log, qr/s-$$-/, 'no session in the log');
    $_->stop;
}

done_testing();
