#!/usr/bin/perl

# Clients of others, unmodified, and several hundred mutations of good proofs:
# what we accept, oauth4webapi's verifier accepts, but for what is listed in
# t/tools/dpop/clients.mjs, and the reverse.
#
#     SOCIAL_DIFFERENTIAL_SEED=7 SOCIAL_DIFFERENTIAL_COUNT=10000 \
#         prove -It/lib t/038-dpop-clients.t

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use IO::Handle ();
use IPC::Open2 qw( open2 );
use JSON::PP ();
use SocialNginx;
use SocialNode qw( node );
use SocialSecrets ();
use Test::More;

my $seed = $ENV{SOCIAL_DIFFERENTIAL_SEED} || 20260704;
my $count = $ENV{SOCIAL_DIFFERENTIAL_COUNT} || 400;
my $json = JSON::PP->new->canonical->utf8;

my $log = `scripts/deps-npm 2>&1`;
my $program = Cwd::abs_path('build/npm/dpop/clients.mjs');
my $node = node();

if ($? || !$program || !-f $program || !$node) {
    diag("NOT TESTED: the clients, which could not be installed:\n$log");
    plan skip_all => 'the clients could not be installed';
}

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

my $pid = open2(my $out, my $in, $node, $program, $json->encode({
    url => "http://127.0.0.1:$port", dir => $dir, seed => $seed + 0,
    count => $count + 0 }));

is(scalar <$out>, "made\n", 'keys were made') or BAIL_OUT('node failed');

$nginx->write_file('nginx.conf', conf());
$nginx->start($port);

print {$in} "started\n";
$in->flush;

my $text = <$out> // '';
waitpid $pid, 0;
is($?, 0, 'node came to its end') or BAIL_OUT('node failed');

my $result = $json->decode($text);

SocialSecrets::made(@{ $result->{tokens} });

for my $client (@{ $result->{clients} }) {
    my ($name, $got) = @$client;

    my $expected = $name =~ /no nonce/ ? 'nonce'
                   : $name =~ /bearer/ ? 'dpop invalid_token' : 200;
    is($got, $expected, $name);
}

is(scalar @{ $result->{clients} }, 4 * 8, 'all of them');
is_deeply($result->{differ}, [], 'no verdict differs without a reason')
    or diag($json->pretty->encode($result->{differ}));
cmp_ok($result->{accepted}, '>', $count / 10, "accepted: $result->{accepted}");
cmp_ok($result->{refused}, '>', $count / 3, "refused: $result->{refused}");
note($json->encode({ map { $_ => $result->{$_} } qw( stricter laxer ) }));

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error was logged');

done_testing();


sub conf {
    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    large_client_header_buffers 4 16k;
    social_issuer main {
        issuer https://issuer.example.com/pool;
        jwks_file $dir/jwks.json;
        client_ids web;
        token_use any;
    }
    server {
        listen 127.0.0.1:$port;
        social_auth main;
        social_auth_dpop required origin=http://127.0.0.1:$port max_age=5m;

        location / { proxy_pass http://127.0.0.1:$port/backend/; }
        location = /nonce {
            social_auth_dpop required origin=http://127.0.0.1:$port nonce=on;
            proxy_pass http://127.0.0.1:$port/backend/;
        }
        location /backend/ { social_auth off; return 200 "ok\\n"; }
    }
}
_EOC_
}
