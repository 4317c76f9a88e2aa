#!/usr/bin/perl

# HTTP/3: the same answers as by the other protocols, in Chromium.

use strict;
use warnings;

use lib 't/lib';

use SocialNginx;
use SocialNode qw( node );
use SocialServer;
use SocialToken;
use Test::More;

my $binary = SocialNginx::binary();
my $chromium = $ENV{CHROMIUM} || '/usr/bin/chromium';

plan skip_all => 'SKIPPED: this nginx was built without http_v3_module, which'
    . ' is there from 1.25.0 on' if `$binary -V 2>&1` !~ /with-http_v3_module/;
plan skip_all => "SKIPPED: there is no $chromium; scripts/deps e2e installs it"
    if !-x $chromium;
plan skip_all => 'SKIPPED: a browser does not wait for valgrind'
    if $ENV{VALGRIND} || $ENV{TEST_NGINX_USE_VALGRIND};

my $said = `scripts/deps-npm 2>&1`;
BAIL_OUT("scripts/deps-npm failed: $said") if $?;

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my ($port, $plain) = map { SocialNginx::free_port() } 1, 2;
my $keys = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}/keys";
my $elsewhere = "http://127.0.0.1:$plain";

sub shell {
    my ($command) = @_;
    my $out = `$command`;
    BAIL_OUT("failed: $command") if $?;
    return $out;
}

shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
      . " -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
      . " -keyout $dir/key.pem -out $dir/cert.pem 2> $dir/openssl.log");

my $hash = shell("openssl x509 -in $dir/cert.pem -noout -pubkey"
                 . ' | openssl pkey -pubin -outform der'
                 . ' | openssl dgst -sha256 -binary | openssl base64');
chomp $hash;

my $issuers = join '', map {
    issuer_block($_->[0], "issuer $issuer", 'client_ids web',
                 "jwks_uri $keys/h3-$_->[0]/$_->[1]", 'jwks_timeout 30s')
} [ slow => 'slow-300-main' ], [ late => 'gate-main' ];

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    log_format protocol '\$server_protocol \$request_method \$uri \$status';
    @{[ $nginx->http_paths =~ s/access\.log;/access.log protocol;/r ]}
    $http_config
    $issuers
    server {
        listen 127.0.0.1:$port quic reuseport;
        listen 127.0.0.1:$port ssl;
        server_name localhost;
        ssl_certificate $dir/cert.pem;
        ssl_certificate_key $dir/key.pem;
        ssl_protocols TLSv1.3;
        social_json_errors on;
        social_cors on;
        social_cors_origins $elsewhere;
        location / { root $dir/html; }
        location = /page { default_type text/html; return 200 "<p>here"; }
        location /api/ {
            social_auth main;
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
        location /slow/ {
            social_auth slow;
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
        location /late/ {
            social_auth late;
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};
        }
        location = /metrics { social_status prometheus; }
    }
    server {
        listen 127.0.0.1:$plain;
        location / { default_type text/html; return 200 "<p>elsewhere"; }
    }
}
_EOC_
$nginx->start($plain);

my $bearer = bearer() =~ s/.*Bearer //r;

{
    local $ENV{TOKEN} = $bearer;
    local $ENV{NODE_TLS_REJECT_UNAUTHORIZED} = 0;

    open my $p, '-|', node(), 't/e2e/http3.mjs', "https://localhost:$port/",
        "$elsewhere/", $hash or die "node: $!\n";
    my @lines = <$p>;
    close $p;

    for (@lines) {
        next if !/\A(not )?ok \d+ - (.*)/;
        ok(!$1, $2);
    }

    is($?, 0, 'all of it');
}

# the fetch that nobody waits for any more

SocialNginx::request($ENV{TEST_NGINX_BACKEND_PORT},
                     "GET /control/h3-late/open HTTP/1.0\r\n\r\n");

my @logged = split /\n/, SocialNginx::slurp("$dir/logs/access.log");
my @other = grep { m{ /(?:api|slow|nothing)} && !m{\AHTTP/3\.0 } } @logged;

is("@other", '', 'all of them by HTTP/3');
cmp_ok(scalar(grep { m{\AHTTP/3\.0 \w+ /api/} } @logged), '>=', 25,
       'requests of it');
ok((grep { m{\AHTTP/3\.0 OPTIONS /api/x 204} } @logged),
   'a preflight among them');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'nothing bad is logged');

done_testing();
