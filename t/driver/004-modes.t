# How nginx is started, reloaded and stopped; the environment of a suite.

use strict;
use warnings;

use lib 't/lib';
use DriverTest;
use File::Path qw( make_path );
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( sleep );

sub listens {
    my ($at) = @_;

    return defined IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $at, Proto => 'tcp');
}

sub pid {
    my ($root) = @_;

    open my $in, '<', "$root/logs/nginx.pid" or return undef;
    chomp(my $pid = <$in>);
    return $pid;
}

sub gone {
    my ($pid) = @_;

    for (1 .. 200) {
        return 1 if !kill 0, $pid;
        sleep 0.02;
    }

    return 0;
}

my $hello = <<'_EOC_';
--- config
    location = /t { return 200 "hello $pid\n"; }
--- request
GET /t
_EOC_

# Two blocks, of which the second says whether it has the nginx of the first.

my $pids = <<'_HEAD_';
plan tests => 2 * 2;
no_shuffle();
my @pids;
add_response_body_check(sub {
    push @pids, $_[1];
    Test::More::diag($pids[0] eq $pids[1] ? 'one nginx' : 'two nginxes')
        if @pids == 2;
});
_HEAD_

my $two = <<"_EOC_";
=== TEST 1: one
$hello
--- response_body_like: ^hello

=== TEST 2: two
$hello
--- response_body_like: ^hello
_EOC_

good('restart', 4, $pids, $two, like => qr/two nginxes/);
ok(!listens($port), 'nginx is stopped at the end');

good('no restart', 4, $pids, $two, like => qr/one nginx/,
     env => { TEST_NGINX_FORCE_RESTART_ON_TEST => 0 });

# In HUP mode the log of the block before is not looked at, users' files and
# the configuration are new, and must_die goes its own way.

my $hup = <<'_EOC_';
=== TEST 1: one
--- config
    location = /t { return 201 "hello\n"; }
--- user_files
>>> a.txt
a
--- request
GET /t
--- error_code: 201
--- error_log
http request line
--- no_error_log
/a.txt

=== TEST 2: two
--- config
    location = /t { return 202 "hello\n"; }
--- request eval
["GET /t", "GET /a.txt"]
--- error_code eval
[202, 404]
--- no_error_log
nonsense

=== TEST 3: must die
--- config
    nonsense;
--- must_die
--- error_log
nonsense

=== TEST 4: after it
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204
--- no_error_log
nonsense

=== TEST 5: another port, more files
--- config
    location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- http_config
    server { listen $TEST_NGINX_RAND_PORT_1; return 203; }
--- user_files
>>> b/a.txt
b
--- request eval
["GET /t", "GET /b/a.txt"]
--- error_code eval
[203, 200]
--- response_body_like eval
["", "b"]
_EOC_

my $hup_n = 2 * (3 + 4 + 2 + 2 + 4);

good('HUP', $hup_n, 'repeat_each(2); no_shuffle();', $hup,
     env => { TEST_NGINX_USE_HUP => 1 });
good('use_hup()', $hup_n, 'repeat_each(2); no_shuffle(); use_hup();', $hup);
ok(!listens($port), 'nginx is stopped at the end of HUP mode');

bad('a reload that fails', [qr/TEST 2: two - nginx cannot reload/,
                            qr/unknown directive "nonsense"/],
    'plan tests => 2; no_shuffle();', <<"_EOC_",
=== TEST 1: one
$hello

=== TEST 2: two
--- config
    nonsense;
--- request
GET /t
_EOC_
    env => { TEST_NGINX_USE_HUP => 1 }, real => 'it takes long');

good('reload_fails', 4, 'no_shuffle();', <<"_EOC_",
=== TEST 1: one
$hello
--- response_body_like: hello

=== TEST 2: two
--- config
    nonsense;
--- reload_fails
--- request
GET /t
--- response_body_like: hello
_EOC_
     env => { TEST_NGINX_USE_HUP => 1 });

SKIP: {
    skip 'no HTTP/2 in nginx or curl', 1
        if `nginx -V 2>&1` !~ /http_v2/ || `curl -V` !~ /HTTP2/;

    good('HUP and http2', 4, 'no_shuffle();', <<"_EOC_",
=== TEST 1: one
$hello
--- http2
--- response_body_like: hello

=== TEST 2: two
$hello
--- http2
--- error_code: 200
--- response_body_like: hello
_EOC_
         env => { TEST_NGINX_USE_HUP => 1 },
         real => 'it writes "http2 on" for all of nginx after 1.19.9');
}

# What is left running, and what becomes of it.

my $servroot = "$dir/servroot";
my $one = "=== TEST 1: one\n$hello";

good('NO_CLEAN', 1, '', $one, env => { TEST_NGINX_NO_CLEAN => 1 },
     real => 'both would leave an nginx on one port');

my $left = pid($servroot);
ok(listens($port), 'nginx is left running');

good('after NO_CLEAN', 1, '', $one);
ok(gone($left), 'the leftover was stopped');

{
    # a pid file that names somebody else

    mkdir $_ for $servroot, "$servroot/logs";

    my $child = fork;
    if (!$child) { exec 'sleep', '60' }

    open my $out, '>', "$servroot/logs/nginx.pid" or die;
    print $out "$child\n";
    close $out;

    good('a pid file of another process', 1, '', $one,
         like => qr/not our nginx/, real => 'it kills the process');
    ok(kill(0, $child), 'which is left alone');

    kill 'KILL', $child;
    waitpid $child, 0;
}

{
    # the suite dies, or is killed

    run_suite('plan tests => 1; add_response_body_check(sub { die "woe" });',
              $one);
    ok(!listens($port), 'nginx is stopped when the suite dies');

    run_suite('plan tests => 1;'
              . 'add_response_body_check(sub { kill "TERM", $$; sleep 5 });',
              $one);
    ok(!listens($port), 'nginx is stopped when the suite is terminated');
}

{
    # a directory with other things in it

    mkdir "$dir/mine";
    open my $out, '>', "$dir/mine/precious" or die;
    close $out;

    good('a server root with other files', 1, '', $one,
         env => { TEST_NGINX_SERVROOT => "$dir/mine" },
         real => 'it refuses it');
    ok(-e "$dir/mine/precious", 'which are kept');
}

# Two suites at once.

{
    my $other = free_port();
    my @pids;

    for my $n (1, 2) {
        my $pid = fork;

        if (!$pid) {
            my $run = eval {
                local $SIG{__DIE__};
                # its own output files
                $DriverTest::dir = "$dir/par$n";
                mkdir $_ for $DriverTest::dir, "$DriverTest::dir/t";
                run_suite('plan tests => 20; repeat_each(20);', $one,
                          env => { TEST_NGINX_PORT =>
                                   $n == 1 ? $port : $other });
            };

            require POSIX;
            POSIX::_exit($run && $run->{status} == 0 ? 0 : 1);
        }

        push @pids, $pid;
    }

    for my $pid (@pids) {
        waitpid $pid, 0;
        is($?, 0, 'a suite at the same time as another');
    }
}

# Other variables.

my $vars = <<'_EOC_';
=== TEST 1: one
--- config
    location = /t {
        return 200 "$TEST_NGINX_SERVER_PORT $TEST_NGINX_PORT
$TEST_NGINX_HTML_DIR $TEST_NGINX_SERVER_ROOT\n";
    }
--- request
GET /t
--- response_body eval
"$ENV{TEST_NGINX_SERVER_PORT} $ENV{TEST_NGINX_SERVER_PORT}
$ENV{TEST_NGINX_SERVER_ROOT}/html $ENV{TEST_NGINX_SERVER_ROOT}\n"
_EOC_

good('variables', 2, '', $vars);
good('SERVER_PORT', 2, '', $vars,
     env => { TEST_NGINX_SERVER_PORT => $port, TEST_NGINX_PORT => $port });

good('RANDOMIZE', 2, '', $vars, env => { TEST_NGINX_RANDOMIZE => 1 });
is_deeply([ glob "$dir/t/servroot_*" ], [], 'its server root is removed');

my $order = join '.*', map { "TEST $_:" } 1 .. 20;

good('NO_SHUFFLE', 20, '', join("\n", map { "=== TEST $_: $_\n$hello" }
                                     1 .. 20),
     env => { TEST_NGINX_NO_SHUFFLE => 1 },
     like => qr/$order/s);

good('VERBOSE', 1, '', $one, env => { TEST_NGINX_VERBOSE => 1 },
     like => qr/HTTP\/1\.1 200/);

bad('TIMEOUT', qr/timed out/, 'plan tests => 1;', <<'_EOC_',
=== TEST 1: one
--- config
    location = /t { limit_rate 1; return 200 "hello\n"; }
--- request
GET /t
_EOC_
    env => { TEST_NGINX_TIMEOUT => 0.2 });

bad('a module that is not there', qr/dlopen\(\) "?.*none\.so/,
    'plan tests => 1;', $one,
    env => { TEST_NGINX_LOAD_MODULES => '/nowhere/none.so' },
    real => 'it tries for 30 s');

my $plan = run_suite('plan skip_all => "why not";', $one);
ok($plan->{status} == 0 && $plan->{out} =~ /skipped: why not/, 'skip_all');

good('no_plan', 1, 'plan "no_plan";', $one);

# Which driver is taken.

bad('SOCIAL_TEST_DRIVER', qr/must be "own" or "real"/, 'plan tests => 1;',
    $one, driver => 'other', real => 'nothing to compare');

{
    my %auto = (driver => '', real => 'nothing to compare');

    make_path("$dir/other/Test/Nginx");
    open my $out, '>', "$dir/other/Test/Nginx/Socket.pm" or die;
    print $out "package Test::Nginx::Socket; use Social::No::Such; 1;\n";
    close $out;

    bad('a driver that does not load', qr{locate Social/No/Such\.pm},
        'plan tests => 1;', $one, inc => "$dir/other", %auto);

    good('our own, though there is another', 1, '', $one,
         inc => "$dir/other", driver => 'own', like => qr/driver: own/,
         real => 'nothing to compare');

    SKIP: {
        skip 'the real driver is in @INC', 1
            if grep { !ref && -f "$_/Test/Nginx/Socket.pm" } @INC;

        good('our own by default', 1, '', $one, like => qr/driver: own/,
             %auto);
    }

    SKIP: {
        skip 'no real driver', 1 if !$real_lib;

        good('the real one by default', 1, '', $one, inc => $real_lib,
             like => qr/driver: real/, %auto);
    }
}

SKIP: {
    skip 'no valgrind', 1 if `valgrind --version 2>/dev/null` !~ /valgrind/;

    my %slow = (real => 'slow, and it tells of leaks of nginx');

    for my $more ({}, { TEST_NGINX_MASTER_PROCESS => 'on' },
                  { TEST_NGINX_USE_HUP => 1 })
    {
        good(join(' ', 'valgrind', %$more), 6, 'no_shuffle();', <<"_EOC_",
=== TEST 1: one
$hello
--- timeout: 0.9

=== TEST 2: must die
--- config
    nonsense;
--- must_die

=== TEST 3: three
$hello
--- no_error_log
[alert]

=== TEST 4: four
$hello
--- no_error_log
[alert]
_EOC_
             env => { TEST_NGINX_USE_VALGRIND => 1, %$more }, %slow);
    }

    # some tool that finds something
    bad('valgrind that finds errors', qr/not ok .*valgrind found errors/,
        'plan tests => 1;', $one,
        env => { TEST_NGINX_USE_VALGRIND =>
                 '--leak-check=full --show-leak-kinds=all' },
        %slow);
}

done_testing();
