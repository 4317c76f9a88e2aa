#!/usr/bin/perl

# Logs that cannot be written to, since the disk is full: requests are served,
# and jobs done, as if they could.

use strict;
use warnings;

use lib 't/lib';
use SocialNginx;
use SocialToken;
use SocialWorker;
use Test::More;

my $w = SocialWorker->new
    or plan skip_all => 'SKIPPED: PostgreSQL or social-worker is missing;'
        . ' scripts/deps and make do it';

plan skip_all => 'NOT TESTED: there is no /dev/full' if !-c '/dev/full';

my $nginx = SocialNginx->new;
my ($port, $back) = map { SocialNginx::free_port() } 1, 2;

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths =~ s/access_log \S+;/access_log \/dev\/full;/r ]}
    error_log /dev/full info;
    $http_config
    social_database "@{[ $w->{pg}->gateway ]}";
    server {
        listen 127.0.0.1:$back;
        location / { return 200 "back\\n"; }
    }
    server {
        listen 127.0.0.1:$port;
        location /api/ {
            social_auth main;
            proxy_pass http://127.0.0.1:$back/;
        }
        location = /gone { proxy_pass http://127.0.0.1:1; }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_
$nginx->start($port);

sub status {
    my ($path, @headers) = @_;
    my $got = SocialNginx::request($port, join "\r\n",
        "GET $path HTTP/1.0", @headers, '', '');
    return $got =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

my %seen;

ok(SocialNginx::wait_for(30, sub { status('/api/x', bearer()) eq '200' }),
   'the keys are there');

for my $n (1 .. 50) {
    $seen{'a token'}{ status('/api/x', bearer(jti => "f$n")) }++;
    $seen{none}{ status('/api/x') }++;
    $seen{'a bad one'}{ status('/api/x', 'Authorization: Bearer a.b.c') }++;
    $seen{'no backend'}{ status('/gone') }++;
}

is_deeply(\%seen, { 'a token' => { 200 => 50 }, none => { 401 => 50 },
    'a bad one' => { 401 => 50 }, 'no backend' => { 502 => 50 } },
    'every request is answered');
is(status('/metrics'), 200, 'and the status');

ok($nginx->reload, 'a reload');
is(status('/api/x', bearer()), 200, 'goes on');
$nginx->stop;

$w->conf;
$w->worker(prefix => [ 'sh', '-c', 'exec "$0" "$@" 2> /dev/full' ]);
is($w->state_of($w->upload('post')), 'done', 'a job is done');

done_testing();
