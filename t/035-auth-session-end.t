#!/usr/bin/perl

# "social_auth_session_end": WebSockets are closed when their token expires or
# its session ends, and not before.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use SocialHealth;
use SocialNginx;
use SocialPostgres;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my $pg;

if (SocialPostgres::bin()) {
    $pg = SocialPostgres->start;
    $pg->migrate;
}

# It answers the handshake, and has the bytes that it got sent back.

my %ports = SocialHealth::misbehave({ echo => sub {
    my ($client) = @_;
    my $text = '';

    $client->blocking(0);
    my $n = sysread $client, $text, 65536;
    $client->blocking(1);

    return 0 if defined $n && !$n;
    return 1 if !defined $n;

    $text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            . "Connection: Upgrade\r\n\r\n" if $text =~ /\AGET /;

    return defined syswrite $client, $text;
} });

my ($port, $nginx) = (SocialNginx::free_port(), SocialNginx->new);

sub conf {
    my ($database) = @_;
    my $logout = $database ? 'social_logout;' : '';

    my $proxy = <<"_EOC_";
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
        proxy_pass http://127.0.0.1:$ports{echo};
_EOC_

    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { }
http {
    @{[ $nginx->http_paths ]}
    @{[ issuer_block('main', "issuer $issuer", 'client_ids web', 'leeway 0',
                     'jwks_file ' . SocialToken::jwks_path('main')) ]}
    @{[ issuer_block('pool', 'user_pool eu-west-1_AbCdEf123', 'client_ids web',
                     'jwks_file ' . SocialToken::jwks_path('main')) ]}
    $database
    server {
        listen 127.0.0.1:$port;
        location /live { social_auth main pool; $proxy }
        location /ever { social_auth main; social_auth_session_end off;
                         $proxy }
        location /open { social_auth main optional; $proxy }
        location /none { $proxy }
        location /readyz { social_ready; }
        location /logout { social_auth main pool; $logout }
    }
}
_EOC_
    return;
}

conf('');
$nginx->start($port);

sub websocket {
    my ($path, $token) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "cannot connect: $!\n";

    print {$sock} "GET $path HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        . "Connection: Upgrade\r\n"
        . ($token ? "Authorization: Bearer $token\r\n" : '') . "\r\n";
    $sock->flush;

    my $text = '';
    local $SIG{ALRM} = sub { die "no answer to $path\n" };
    alarm 15;
    1 while $text !~ /\r\n\r\n/ && sysread $sock, $text, 4096, length $text;
    alarm 0;

    return $text =~ m{\AHTTP/1\.1 101 } ? $sock : $text;
}

# Whether what is sent comes back.

sub lives {
    my ($sock) = @_;

    local $SIG{PIPE} = 'IGNORE';
    syswrite $sock, 'ping' or return 0;
    return ends_by(time + 10, $sock) eq 'ping';
}

# What comes until the end, or until anything comes; '' is the end.

sub ends_by {
    my ($until, $sock) = @_;

    my $bits = '';
    vec($bits, fileno $sock, 1) = 1;

    while (time < $until) {
        next if select(my $ready = $bits, undef, undef, 0.1) <= 0;
        my $n = sysread $sock, my $text, 4096;
        return $n ? $text : '';
    }

    return 'nothing';
}

subtest 'a token expires' => sub {
    my $exp = int(time) + 2;
    my $short = token(exp => $exp);

    my %sock = (live => websocket('/live', $short),
                ever => websocket('/ever', $short),
                open => websocket('/open'),
                none => websocket('/none', $short),
                long => websocket('/live', token(exp => $exp + 3600)));

    ok(lives($sock{$_}), "$_ is open") for sort keys %sock;

    is(ends_by($exp + 15, $sock{live}), '', 'it is closed');
    cmp_ok(time, '>=', $exp, 'and not before');

    ok(lives($sock{$_}), "$_ is left alone") for qw( ever open none long );

    like($nginx->error_log, qr/\[info\].*\ social:\ closed\ an\ upgraded
         \ connection:\ its\ token\ has\ expired/x, 'it is logged');
    like(websocket('/live', $short), qr/\AHTTP\/1\.1 401 /,
         'another one is refused');

    close $sock{long};
};

subtest 'a client that goes first, and one that does not read' => sub {
    my $exp = int(time) + 2;
    my @socks = map { websocket('/live', token(exp => $exp)) } 1, 2;

    close shift @socks;

    # until nginx cannot send any more

    $socks[0]->blocking(0);
    my $end = time + 1;
    syswrite $socks[0], 'x' x 65536 while time < $end;
    $socks[0]->blocking(1);

    my $got;
    1 while ($got = ends_by($exp + 15, $socks[0])) =~ /x/;
    is($got, '', 'is closed');
};

SKIP: {
    skip 'PostgreSQL is not installed: run "make deps"', 1 if !$pg;

    subtest 'a session ends' => sub {
        conf(qq{social_database "@{[ $pg->gateway ]}" timeout=2s;});
        ok($nginx->reload, 'reloaded');
        ok(SocialNginx::wait_for(20, sub {
            SocialNginx::request($port, "GET /readyz HTTP/1.0\r\n\r\n")
                =~ m{\AHTTP/1\.\d 200 };
        }), 'ready');

        my $token = token(origin_jti => 'one', jti => 'a');
        my ($mine, $other) = (websocket('/live', $token),
                              websocket('/live', token(origin_jti => 'two')));

        ok(lives($_), 'is open') for $mine, $other;

        like(SocialNginx::request($port, "POST /logout HTTP/1.0\r\n"
             . "Authorization: Bearer $token\r\nContent-Length: 0\r\n\r\n"),
             qr{\AHTTP/1\.\d 20}, 'a logout');

        is(ends_by(time + 15, $mine), '', 'it is closed');
        ok(lives($other), 'the other session is left alone');

        # by a token of the other issuer that the pool has

        my $pool = 'cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123';
        my @session = (origin_jti => 'three', client_id => 'web');

        $mine = websocket('/live',
                          token(@session, iss => "https://issuer-$pool"));
        ok(lives($mine), 'is open');

        $token = token(@session, iss => "https://$pool");
        like(SocialNginx::request($port, "POST /logout HTTP/1.0\r\n"
             . "Authorization: Bearer $token\r\nContent-Length: 0\r\n\r\n"),
             qr{\AHTTP/1\.\d 20}, 'a logout');
        is(ends_by(time + 15, $mine), '', 'it is closed');
    };
}

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing is left');

done_testing();
