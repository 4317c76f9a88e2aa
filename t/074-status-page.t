#!/usr/bin/perl

# The page of "social_status html" in a real browser, while requests are made,
# and without the database.  Screenshots are in build/e2e/.

use strict;
use warnings;

use lib 't/lib';
use SocialHook;
use SocialNginx;
use SocialNode qw( node );
use SocialToken;
use Test::More;

my $chromium = $ENV{CHROMIUM} || '/usr/bin/chromium';

plan skip_all => "SKIPPED: there is no $chromium; scripts/deps installs it"
    unless -x $chromium;
plan skip_all => 'SKIPPED: the suites of the module do this with the tools'
    . ' that find memory errors'
    if $ENV{SANITIZE} || $ENV{VALGRIND};

my $said = `scripts/deps-npm 2>&1`;
BAIL_OUT("scripts/deps-npm failed: $said") if $?;

my $port = SocialNginx::free_port();
my $back = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

mkdir "$dir/$_" or die "$_: $!\n" for qw( spool root );
$nginx->write_file('page.txt', 'x' x 20_000);

# Servers of an upstream; one that is not there fails its checks.

sub configure {
    my (@servers) = @_;

    my $servers = join ' ', map { "server 127.0.0.1:$_;" } @servers;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() ]}
    $http_config
    social_revocations open;
    social_limit_zone all key=\$social_sub rate=10000r/s;
    upstream app { zone app 64k; $servers
                   social_health_check interval=200ms fails=1; }
    server {
        listen 127.0.0.1:$back;
        location / { social_status_route back; root $dir; try_files /page.txt =404; }
    }
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito secret=now spool=$dir/spool; }
        location /api/ {
            social_auth main;
            social_limit all;
            proxy_pass http://app;
        }
        location = /page { alias $dir/page.txt; }
        location = /status { social_status html; }
        location = /logout { social_auth main; social_logout; }
    }
}
_EOC_
    return;
}

configure($back);
$nginx->start($port);

sub browse {
    my ($mode) = @_;

    local $ENV{TOKENS} = join "\n", map { bearer(more => { jti => "p$_" })
        =~ s/.*Bearer //r } 1 .. 4;
    local $ENV{OUT} = ($ENV{BUILD} || 'build') . '/e2e';

    open my $p, '-|', node(), 't/e2e/status.mjs', "http://127.0.0.1:$port/",
        $mode or die "node: $!\n";
    my @lines = <$p>;
    close $p;

    subtest "the page: $mode" => sub {
        for (@lines) {
            next if !/\A(not )?ok \d+ - (.*)/;
            ok(!$1, $2);
        }
        is($?, 0, 'all of it');
    };
    return;
}

browse('well');

$pg->down;
configure($back, 1);
ok($nginx->reload, 'a server that is down');
browse('down');

unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'the log');

done_testing();
