#!/usr/bin/perl

# "master_process off": a single process, which reads another configuration in
# place of being followed by others. What the one before had begun ends.
#
#   SOAK=1   waits until nginx has freed the configuration before, which takes
#            half a minute

use strict;
use warnings;

use lib 't/lib';

use POSIX ();
use SocialHealth;
use SocialHook;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep );

plan skip_all => 'SKIPPED: a single process is not waited for under valgrind'
    if $ENV{VALGRIND} || $ENV{TEST_NGINX_USE_VALGRIND};

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my $peer = SocialHealth->new(name => 'a');

mkdir "$dir/$_" for qw( spool root );

sub conf {
    my ($size) = @_;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
daemon off;
master_process off;
pid $dir/nginx.pid;
error_log $dir/logs/error.log info;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() ]}
    social_zone social:$size;
    social_limit_interval 200ms;
    social_limit_zone rate key=\$arg_k rate=40r/s;
    upstream app { zone app 64k; server 127.0.0.1:@{[ $peer->port ]};
                   social_health_check interval=200ms; }
    server {
        listen 127.0.0.1:$port;
        location / { social_limit rate; proxy_pass http://app; }
        location = /hook { social_hook cognito secret=now spool=$dir/spool; }
        location = /metrics { social_status prometheus; }
    }
}
_EOC_
    return;
}

sub exchanges {
    return $pg->value('SELECT coalesce(max(exchange), 0) FROM limit_gateways');
}

conf('2m');

my $pid = fork // die "fork: $!\n";

if (!$pid) {
    delete $ENV{NGINX};
    open STDOUT, '>', '/dev/null';
    open STDERR, '>>', "$dir/logs/stderr.log";
    exec SocialNginx::binary(), '-p', "$dir/", '-c', "$dir/nginx.conf", '-e',
        "$dir/logs/error.log" or POSIX::_exit(127);
}

END { local $?; kill 'KILL', $pid if $pid }

my $answer = sub {
    return eval { SocialNginx::request($port, "GET / HTTP/1.0\r\n\r\n") } // '';
};

ok(SocialNginx::wait_for(30, sub { $answer->() =~ /\r\n\r\na\z/ }), 'it serves');
ok(SocialNginx::wait_for(30, sub { exchanges() > 3 }), 'duties are done');

# the zone is another one, of which the one before is gone

conf('3m');
kill 'HUP', $pid;
ok(SocialNginx::wait_for(30, sub {
    $nginx->error_log =~ /: reconfiguring/;
}), 'another configuration');

sleep 1;
my $at = exchanges();
sleep 1.5;
is(exchanges(), $at, 'what was begun by the one before has ended');

if ($ENV{SOAK}) {
    sleep 40;
    is(waitpid($pid, POSIX::WNOHANG()), 0, 'and leaves nothing behind');
}

is(waitpid($pid, POSIX::WNOHANG()), 0, 'the process goes on');

# nginx does not survive its own end then: it ends the threads of a pool that it
# has not begun

kill 'KILL', $pid;
waitpid $pid, 0;
undef $pid;

unlike($nginx->error_log, qr/\[emerg\]/, 'the log');

done_testing();
