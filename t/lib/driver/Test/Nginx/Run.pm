package Test::Nginx::Run;

# The course of a suite and of a block: what is written, started, asked and
# checked, and in which order.

use strict;
use warnings;

use File::Path ();
use List::Util ();
use Test::Base ();
use Test::More ();
use Test::Nginx::Checks;
use Test::Nginx::Conf;
use Test::Nginx::Http;
use Test::Nginx::Log;
use Test::Nginx::Process;
use Test::Nginx::Request;
use Test::Nginx::Skip;
use Test::Nginx::Util;
use Time::HiRes qw( sleep );

# Sections of the original that would be passed over in silence.
my @unsupported = qw(
    charset http3 request_eval response_body_eval response_body_json_sort
    stap stap_out stap_out_like stap_out_unlike tcp_listen tcp_query
    tcp_reply udp_listen udp_query udp_reply write_resp_body_file
);

my $main_pid = $$;
my $nginx_block;        # the block for which nginx was (re)started last
my $nginx_conf;         # and its nginx.conf
my $failed_starts = 0;
my $version = 0;

sub run_tests () {
    nginx_version();
    $ENV{TEST_NGINX_SERVER_PORT} //= $ServerPort;

    # END must run, or nginx is left behind
    for my $signal (qw( INT TERM HUP )) {
        $SIG{$signal} //= sub { exit 1 };
    }

    my @blocks = Test::Base::blocks();
    @blocks = List::Util::shuffle(@blocks) if !$Test::Nginx::Util::NoShuffle;

    for my $block (@blocks) {
        $_->($block) for @Test::Nginx::Util::BlockPreprocessors;

        run_test($block);

        $_->($block) for @Test::Nginx::Util::TestCleanupHandlers;
    }

    stop_nginx() if !$Test::Nginx::Util::NoClean;
    Test::Nginx::Util::run_cleanup();
}

sub run_test ($) {
    my ($block) = @_;

    return if exists $block->{SKIP};

    my $name = $block->name;
    my $must_die = section($block, 'must_die');

    for my $section (grep { exists $block->{$_} } @unsupported) {
        bail_out("$name - section $section is not supported by this driver");
    }

    if (my $skip = Test::Nginx::Skip::reason($block)) {
        skip_block($name, $skip);
        return;
    }

    my $run = {
        ports    => {},
        hup      => $Test::Nginx::Util::UseHup && !defined $must_die,
        valgrind => $Test::Nginx::Util::UseValgrind && !defined $must_die,
        http2    => defined section($block, 'http2'),
        version  => join('-', $$, ++$version),
    };

    $run->{config} = expand_env(section($block, 'config'), $name,
                                $run->{ports});

    if (defined $must_die) {
        run_must_die($block, $run, $must_die);
        return;
    }

    prepare_nginx($block, $run) or return;
    run_code($block, 'init');

    for my $repeat (0 .. $RepeatEach - 1) {
        Test::Nginx::Conf::write_user_files($block, $run->{ports})
            if $repeat;

        run_requests($block, $run, $repeat);
    }

    if (Test::Nginx::Process::started() && !Test::Nginx::Process::running()) {
        # says what happened
        stop_nginx();
    }
}

sub skip_block {
    my ($name, $skip) = @_;

    for (1 .. $RepeatEach) {
        # both leave the block of their name

        if ($skip->{todo}) {
            TODO: {
                Test::More::todo_skip("$name - $skip->{reason}", $skip->{n});
            }

        } else {
            SKIP: {
                Test::More::skip("$name - $skip->{reason}", $skip->{n});
            }
        }
    }
}

# The Perl code of a section such as "--- init".

sub run_code {
    my ($block, $section) = @_;

    my $code = section($block, $section);
    return if !defined $code || $code !~ /\S/;

    Test::Nginx::Util::evaluate($block, $section, $code);
}

# Stops nginx, and says for its block what went wrong meanwhile.

sub stop_nginx {
    return if !Test::Nginx::Process::started();

    my @complaints = Test::Nginx::Process::stop();
    my $block = $nginx_block;

    undef $nginx_block;
    undef $nginx_conf;

    return if !$block;

    extra_fail($block->name . " - $_") for @complaints;
    Test::Nginx::Log::check_after_stop($block, 0);
}

sub write_all {
    my ($block, $run, $keep_logs) = @_;

    Test::Nginx::Conf::make_root($keep_logs);
    run_code($block, 'post_setup_server_root');
    Test::Nginx::Conf::write_user_files($block, $run->{ports});

    my $text = Test::Nginx::Conf::render($block, $run);
    Test::Nginx::Conf::write_file($ConfFile, $text);

    return $text;
}

# Brings nginx into the state the block asks for.  False when that failed;
# the block then has failed.

sub prepare_nginx {
    my ($block, $run) = @_;

    my $name = $block->name;

    if ($Test::Nginx::Util::NoNginxManager) {
        Test::Nginx::Log::begin_block(0);
        return 1;
    }

    if (!defined $run->{config}) {
        Test::Nginx::Process::running()
            or bail_out("$name - there is no config in the block and no "
                        . "nginx of the block before it");

        Test::Nginx::Conf::write_user_files($block, $run->{ports});
        Test::Nginx::Log::begin_block(0);
        return 1;
    }

    if (Test::Nginx::Process::running()) {
        return reload_nginx($block, $run) if $run->{hup};

        if (!$Test::Nginx::Util::ForceRestartOnTest
            && Test::Nginx::Conf::render($block, $run) eq $nginx_conf)
        {
            Test::Nginx::Log::check_after_stop($nginx_block, 1);
            $nginx_block = $block;

            Test::Nginx::Conf::write_user_files($block, $run->{ports});
            Test::Nginx::Log::begin_block(0);
            return 1;
        }
    }

    stop_nginx();
    Test::Nginx::Process::stop_leftover();

    my $text = write_all($block, $run, 0);
    Test::Nginx::Log::begin_block(1);

    warn "# $name\n" if $run->{valgrind};

    my ($ok, $said) = Test::Nginx::Process::start($run);

    if (!$ok) {
        # real nonsense, such as a port in use, will not pass
        bail_out("$name - nginx cannot start: $said")
            if ++$failed_starts >= 3;

        extra_fail("$name - nginx cannot start");
        Test::More::diag("nginx said:\n$said");
        return 0;
    }

    $failed_starts = 0;
    ($nginx_block, $nginx_conf) = ($block, $text);
    return 1;
}

sub reload_nginx {
    my ($block, $run) = @_;

    my $name = $block->name;

    Test::Nginx::Log::check_after_stop($nginx_block, 1);
    Test::Nginx::Log::begin_block(0);

    $nginx_conf = write_all($block, $run, 1);
    $nginx_block = $block;

    my ($ok, $why) = Test::Nginx::Process::reload(
        $run, sub { scalar Test::Nginx::Log::peek() });

    if (defined section($block, 'reload_fails')) {
        # the old configuration goes on working
        extra_fail("$name - the reload did not fail") if $ok;
        return 1;
    }

    return 1 if $ok;

    extra_fail("$name - nginx cannot reload");
    Test::More::diag("nginx said:\n$why");
    return 0;
}

# "--- must_die": nginx must not start.  One test for that, and those of
# error_log and no_error_log; again for each repetition.

sub run_must_die {
    my ($block, $run, $must_die) = @_;

    my $name = $block->name;

    stop_nginx();
    Test::Nginx::Process::stop_leftover();
    write_all($block, $run, 0);
    Test::Nginx::Log::begin_block(1);

    for my $repeat (0 .. $RepeatEach - 1) {
        my $status = Test::Nginx::Process::run_to_death($run);
        my $title = "$name - nginx must die";

        if (!defined $status) {
            Test::More::fail("$title, but it neither did nor started");

        } elsif ($status & 127) {
            Test::More::fail("$title, but signal " . ($status & 127)
                             . ' killed it');

        } elsif ($must_die =~ /\A\s*(\d+)\s*\z/) {
            Test::More::is($status >> 8, $1, "$title with code $1");

        } else {
            Test::More::isnt($status, 0, $title);
        }

        Test::Nginx::Log::keep_stderr(Test::Nginx::Process::stderr_file());
        Test::Nginx::Log::check_error_log($block, $repeat, $run->{ports}, 1);

        Test::Nginx::Process::stop();
    }
}

# Sends the requests of a block once, and checks each response.

sub run_requests {
    my ($block, $run, $repeat) = @_;

    my $name = $block->name;
    my $ignore = defined section($block, 'ignore_response');
    my $requests = Test::Nginx::Request::requests($block, $run->{ports});
    my $pipelined = section($block, 'pipelined_requests');
    my $n = $pipelined ? @$pipelined : @$requests;
    my $wait = section($block, 'wait') || 0;
    my $bytes;

    if ($run->{http2} && ($pipelined
                          || defined section($block, 'raw_request')))
    {
        bail_out("$name - http2 goes with \"request\" only");
    }

    if ($wait !~ /\A\s*[\d.]+\s*\z/) {
        bail_out("$name - wait must be a number of seconds: $wait");
    }

    for my $i (0 .. $n - 1) {
        my $first = $pipelined ? $pipelined->[$i]
                               : $requests->[$i][0]{value};
        my $is_head = $first =~ /\A\s*HEAD\s/;

        if (!$pipelined || $i == 0) {
            $bytes = send_request($block, $run, $requests->[$i]);
        }

        my $req = {
            index  => $i,
            repeat => $repeat,
            many   => $pipelined || $n > 1,
            ports  => $run->{ports},
        };

        if (!$ignore) {
            my $left = check_answer($block, $bytes, $is_head, $req);

            if ($pipelined && $i < $n - 1) {
                $bytes = $left;

            } elsif ($left ne '') {
                warn "# WARNING: $name - more bytes after the response: ",
                     Test::Nginx::Checks::visible(substr $left, 0, 200), "\n";
            }
        }

        sleep $wait if $wait;

        Test::Nginx::Log::check_error_log($block, $repeat, $run->{ports});
        Test::Nginx::Log::check_access_log($block, $repeat) if !$ignore;
    }
}

sub check_answer {
    my ($block, $bytes, $is_head, $req) = @_;

    my ($res, $left, $wrong);

    if (defined section($block, 'http09')) {
        $res = { code => 200, raw_headers => '', headers => [],
                 body => $bytes };
        $left = '';

    } else {
        ($res, $left, $wrong) = Test::Nginx::Http::parse_response($bytes,
                                                                  $is_head);
    }

    extra_fail($block->name . " - bad chunked body: $wrong") if $wrong;

    Test::Nginx::Checks::check_response($block, $res, $req);

    return $left;
}

sub send_request {
    my ($block, $run, $pieces) = @_;

    my $name = $block->name;
    my $abort = defined section($block, 'abort');
    my $timeout = parse_time(section($block, 'timeout'));

    if (defined $timeout && $timeout eq '') {
        bail_out("$name - timeout is empty");
    }

    # valgrind needs time; a client that leaves leaves when it likes
    $timeout *= 10 if defined $timeout && $run->{valgrind} && !$abort;
    $timeout //= $Test::Nginx::Util::Timeout;

    my ($bytes, $error) = $run->{http2}
        ? Test::Nginx::Http::exchange_by_curl($block, $pieces, $timeout)
        : Test::Nginx::Http::exchange($block, $pieces, $timeout);

    warn "# the answer: [$bytes]\n" if $Verbose;
    $_->($bytes) for @Test::Nginx::Util::AnswerReaders;

    if (defined $error && $error ne 'timeout') {
        extra_fail("$name - $error");

    } elsif (defined $error && !$abort) {
        extra_fail("$name - client socket timed out");
        Test::More::diag(
            ($bytes eq '' ? 'nothing was received'
                          : length($bytes) . ' bytes were received')
            . " and the connection was not closed in $timeout s");
    }

    return $bytes;
}

# The END of Test::Builder runs after this one.

END {
    if ($$ == $main_pid) {
        local $?;

        Test::Nginx::Process::stop() if !$Test::Nginx::Util::NoClean;
        Test::Nginx::Util::run_cleanup();
        Test::Nginx::Conf::keep_logs();

        if ($Test::Nginx::Util::Randomize
            && $ServRoot =~ m{/t/servroot_\d+\z})
        {
            File::Path::remove_tree($ServRoot);
        }
    }
}

1;
