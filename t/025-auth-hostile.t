#!/usr/bin/perl

# Hostile tokens (t/lib/SocialHostile.pm), one after the other on connections
# that are kept: each is refused, the next good one is accepted, and nothing
# of them is in the log afterwards.

use strict;
use warnings;

use lib 't/lib';

use IO::Handle ();
use JSON::PP ();
use SocialHostile;
use SocialNginx;
use SocialToken;
use Test::More;

# what is in the set beside "main": other keys, and some of no use

my $set = {
    keys => [
        { kty => 'oct', kid => 'oct', k => b64('secret'), alg => 'HS256' },
        SocialToken::jwk('weak'),
        { %{ SocialToken::jwk('other') }, kid => 'enc', use => 'enc' },
        SocialToken::jwk('main'),
        SocialToken::jwk('next'),
        @SocialHostile::Keys::public{qw( ec ed )},
    ],
};

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my $text = JSON::PP->new->canonical->encode($set);
my $jwks = $nginx->write_file('jwks.json', $text);

# what a backend gets to know, said by an nginx without the module

my $backend = SocialNginx->new;
my $backend_port = SocialNginx::free_port();

$backend->write_file('nginx.conf', <<"_EOC_");
events { worker_connections 64; }
http {
    @{[ $backend->http_paths ]}
    server {
        listen 127.0.0.1:$backend_port;
        large_client_header_buffers 4 64k;
        add_header X-Echo "<\$http_x_social_sub>";
        return 204;
    }
}
_EOC_

$backend->start($backend_port);

$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    keepalive_requests 100000;
    keepalive_timeout 300s;
    client_header_timeout 300s;
    large_client_header_buffers 4 64k;
    social_issuer main {
        issuer $issuer;
        jwks_file $jwks;
        client_ids web;
        algorithms RS256 ES256 EdDSA;
    }
    server {
        listen 127.0.0.1:$port;
        add_header X-Status \$social_auth_status always;
        location = /required {
            social_auth main;
            proxy_pass http://127.0.0.1:$backend_port;
        }
        location = /optional {
            social_auth main optional;
            proxy_pass http://127.0.0.1:$backend_port;
        }
        location = /lenient {
            social_auth main optional=lenient;
            proxy_pass http://127.0.0.1:$backend_port;
        }
    }
}
_EOC_

$nginx->start($port);

my ($sock, $connections);
my @corpus = SocialHostile::corpus($text);
my %distinct = map { ($_->{value} => 1) } @corpus;

cmp_ok(scalar(keys %distinct), '>=', 250, 'at least 250 distinct ones');
diag(scalar(keys %distinct) . ' hostile tokens');

my $good = signed(header_text(), payload_text());
my $sub = '<c0ffee00-1234-4abc-8def-000000000001>';
my %class;

is(ask('/required', "Bearer $good")->{status}, 204, 'a good one is accepted');

push @{ $class{$_->{class}} }, $_ for @corpus;

for my $class (sort keys %class) {
    subtest "$class ($class{$class}[0]{rfc})" => sub {
        attempt($_) for @{ $class{$class} };
    };
}

# the others' keys are good where they are used as they should be
is(ask('/required', 'Bearer ' . signed(header_text(kid => 'next'),
                                       payload_text(), 'next'))->{status},
   204, 'the other key of the set is good');
is(ask('/required', 'Bearer ' . SocialHostile::Keys::signed_by(@$_))->{status},
   204, "and so is that of $_->[0]")
    for [ 'ec', header_text(alg => 'ES256', kid => 'ec'), payload_text() ],
        [ 'ed', header_text(alg => 'EdDSA', kid => 'ed'), payload_text() ];
is(ask('/required', "bEaReR    $good")->{status}, 204,
   'the scheme may be in any case, and spaces many');

$nginx->stop;
check_log($nginx->error_log);

done_testing();


# One attack: at a location that needs a token, at one where it may be left
# out, and at one where a bad one is the same as none; each with a good one
# behind it.

sub attempt {
    my ($attack) = @_;
    my ($name, $value) = @$attack{qw( name value )};
    my @wrong;

    my %expected = (
        '/required' => 401,
        '/optional' => $attack->{none} ? 204 : 401,
        '/lenient' => 204,
    );

    for my $path (sort keys %expected) {
        my $before = connections();
        my $got = ask($path, $value);
        my $status = $got->{status};

        if ($attack->{nginx} && $status eq '400') {
            # nginx's own, which closes the connection

        } elsif ($attack->{nginx} && $status eq 'nothing') {
            push @wrong, "$path: closed without an answer";

        } elsif ($attack->{nginx} && $status eq '204'
                 && $path eq '/optional' && $got->{word} eq 'none')
        {
            # no "Bearer" is left of it

        } elsif ($status ne $expected{$path}) {
            push @wrong, "$path: $status, not $expected{$path}";

        } elsif (!$attack->{nginx} && connections() != $before) {
            push @wrong, "$path: a new connection";
        }

        push @wrong, "$path: an identity: $got->{echo}"
            if $got->{echo} =~ /[^<>]/;
        push @wrong, "$path: status $got->{word}" if $got->{word} eq 'ok';
        push @wrong, "$path: the token is in the answer"
            if $got->{text} =~ /eyJ|c0ffee00/;

        my $next = ask($path, "Bearer $good");
        push @wrong, "$path: then $next->{status} $next->{echo} for a good one"
            if $next->{status} ne '204' || $next->{echo} ne $sub;
    }

    is(join('; ', @wrong), '', "token: $name");
    return;
}

sub connections { return $connections // 0 }

# A request on the connection that there is, or on a new one where the server
# closed it.

sub ask {
    my ($path, $value) = @_;

    my $request = "GET $path HTTP/1.1\r\nHost: localhost\r\n"
                  . "X-Social-Sub: root\r\nX_Social_Sub: root\r\n"
                  . "Authorization: $value\r\n\r\n";

    if (!$sock) {
        $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                      Timeout => 60)
            or die "no connection: $!\n";
        $connections++;
    }

    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer within a minute\n" };
    alarm 60;

    # the server may answer a request that is too long before its end
    syswrite $sock, substr $request, 0, 65_536, '' while length $request
        && $sock->connected && !readable();

    my %got = (status => 'nothing', echo => '', word => '', text => '');

    {
        local $/ = "\r\n\r\n";
        my $head = <$sock> // '';
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        my $body = '';

        read $sock, $body, $length if $length;

        $got{text} = $head . $body;
        $got{status} = $1 if $head =~ m{\AHTTP/1\.1 (\d+)};
        $got{word} = $1 if $head =~ /^X-Status: (\w+)/m;
        $got{echo} = $1 if $head =~ /^X-Echo: (.*?)\r/m;

        undef $sock if $head eq '' || $head =~ /^Connection: close/mi;
    }

    alarm 0;
    return \%got;
}

sub readable {
    my $set = '';
    vec($set, fileno $sock, 1) = 1;
    return select $set, undef, undef, 0;
}

# Nothing of a token, a key or a signature, and no control sequences.
# At the level "info" nginx itself writes header lines that it cannot read or
# has twice, before any module sees them: docs/directives/auth.md warns of it.

sub check_log {
    my ($whole) = @_;
    my @found;

    my $nginx_says = qr/\[info\] .*client sent (?:invalid|duplicate) header line/;
    my $log = join '', grep { !/$nginx_says/ } split /^/, $whole;

    my %seen;
    my @secrets = map { split /[. ,;"<>=]/, $_->{value} } @corpus,
                      { value => $good };

    for my $part (grep { length >= 24 } @secrets) {
        for my $at (0, int(length($part) / 2) - 8, length($part) - 16) {
            my $piece = substr $part, $at, 16;
            next if $seen{$piece}++ || $piece =~ /\A(.)\1+\z/;
            push @found, $piece if index($log, $piece) >= 0;
        }
    }

    for my $name (qw( main next other forged weak )) {
        my $key = SocialToken::key($name);

        push @found, "the key $name"
            if grep { length > 20 && !/-----/ && index($log, $_) >= 0 }
               split /\n/, $key->get_private_key_string
                           . $key->get_public_key_x509_string;
    }

    push @found, grep { index($log, $_) >= 0 } 'eyJ', 'c0ffee00', 'photos/';

    is(join("\n", @found), '', 'nothing of a token or a key is in the log');
    cmp_ok(length $log, '>', 10_000, 'which has lines about them');

    my @odd = grep { /[^\n\x20-\x7e]/ } split /^/, $log;
    
    is(scalar @odd, 0, 'and nothing but printable ASCII')
        or diag(map { s/([^ -~])/sprintf '\\x%02x', ord $1/ger . "\n" }
                @odd[0 .. ($#odd < 4 ? $#odd : 4)]);

    unlike($log, qr/\[(?:alert|emerg|crit|error)\]/, 'no error was logged');
    return;
}
