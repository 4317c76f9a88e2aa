#!/usr/bin/perl

# The last token of a connection: a process has 1,024 places for their texts,
# whatever the number of connections, and who has lost its place is known by the
# zone.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use SocialNginx;
use SocialToken;
use Test::More;

use constant PLACES => 1024;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;

$nginx->write_file('html/x', "here\n");
$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    keepalive_requests 100000;
    access_log off;
    @{[ issuer_block('main', "issuer $issuer", 'client_ids web',
                     "jwks_file $ENV{TEST_NGINX_JWKS}") ]}
    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        add_header X-Sub \$social_sub always;
        location /api { social_auth main; try_files /x =404; }
        location /scope {
            social_auth main; social_auth_scopes any none; try_files /x =404;
        }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_

$nginx->start($port);

my @tokens = map { token(sub => "u$_") } 0 .. 9;
my $first = open_one();

is(ask($first, '/api', $tokens[0]), '200 u0', 'a token');
is(ask($first, '/api', $tokens[0]), '200 u0', '... once more');
is(known(sub { ask($first, '/api', $tokens[0]) }), 1,
   '... is known to its connection then');
is(known(sub { ask($first, '/api', $tokens[1]) }), 0, 'another one is not');
is(ask($first, '/api', $tokens[1]), '200 u1', '... and has its own subject');
is(known(sub { ask($first, '/api', $tokens[1]) }), 1, '... until it is');
is(ask($first, '/scope', $tokens[1]), '403 u1',
   'a location with other rules has these');
ask($first, '/api', $tokens[0]) for 1 .. 2;
is(known(sub { ask($first, '/api', $tokens[0]) }), 1, 'back to the first');


# as many others as there are places, and one of them that stays

my ($wrong, $second) = (0);

for my $i (1 .. PLACES) {
    my $sock = open_one();
    my $n = $i % @tokens;

    for (1 .. 2) {
        $wrong++ if ask($sock, '/api', $tokens[$n]) ne "200 u$n";
    }

    $second = $sock if $i == PLACES;
}

is($wrong, 0, PLACES . ' connections have their subjects');

my $n = PLACES % @tokens;

is(known(sub { ask($second, '/api', $tokens[$n]) }), 1,
   'the last one has its place');
is(known(sub { ask($first, '/api', $tokens[0]) }), 0,
   'the first one has lost its place');
is(ask($first, '/api', $tokens[0]), '200 u0', '... and not its subject');
is(known(sub { ask($first, '/api', $tokens[0]) }), 1, '... and has a new one');
is(known(sub { ask($second, '/api', $tokens[$n]) }), 1,
   '... which was not that of the last one');
is(ask($second, '/api', token(-key => 'forged')), '401 ',
   'a forged token is refused on any');
is(ask($second, '/api', $tokens[$n]), "200 u$n", '... and the good one is good');

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'nothing bad is logged');

$nginx->stop;
done_testing();

sub open_one {
    return IO::Socket::INET->new("127.0.0.1:$port") // die "connect: $!\n";
}

# The status and the subject.

sub ask {
    my ($sock, $path, $token) = @_;
    my $answer = '';

    print {$sock} "GET $path HTTP/1.1\r\nHost: localhost\r\n",
                  "Authorization: Bearer $token\r\n\r\n";
    $sock->flush;

    local $SIG{ALRM} = sub { die "no answer in 30 s\n" };
    alarm 30;

    while ($answer !~ /\r\n\r\n/
           || $answer =~ /^Content-Length: (\d+)\r$/m
              && $answer !~ /\r\n\r\n.{$1}\z/s)
    {
        sysread $sock, $answer, 65536, length $answer or die "closed\n";
    }

    alarm 0;

    my ($status) = $answer =~ m{\AHTTP/1\.1 (\d+)};
    my ($sub) = $answer =~ /^X-Sub: (.*)\r$/m;

    return "$status " . ($sub // '');
}

# How many tokens were known to their connections during that.

sub known {
    my ($code) = @_;

    my $before = count();
    $code->();
    return count() - $before;
}

sub count {
    my $answer = SocialNginx::request($port,
        "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

    return $answer =~ /^social_token_lookups_total\{result="connection"\} (\d+)/m
           ? $1 : die "no number\n";
}
