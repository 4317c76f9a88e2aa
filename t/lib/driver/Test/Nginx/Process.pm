package Test::Nginx::Process;

# Starts, reloads and stops nginx.  Only a process that was started here is
# ever signalled, and a leftover which the pid file of our own server root
# names and which runs with this server root.

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use IO::Socket::INET ();
use POSIX qw( :sys_wait_h );
use Test::Nginx::Util;
use Text::ParseWords ();
use Time::HiRes qw( sleep time );

our $Pid;               # the nginx (or its valgrind) that runs, if any
our $Child;             # true when it is our child, that is, not a daemon

my $valgrind_log;
my $suppressions = Cwd::abs_path(File::Basename::dirname(__FILE__)
                                 . '/../../nginx.supp');

sub running { return defined $Pid && is_running($Pid) }
sub started { return defined $Pid }

sub stderr_file { return "$LogDir/stderr.log" }

sub read_text {
    my ($path) = @_;

    open my $in, '<', $path or return '';
    local $/;
    return <$in> // '';
}

# Runs something until it is true; the pause grows from 1 to 10 ms.

sub wait_until {
    my ($seconds, $code) = @_;

    my $end = time + $seconds;
    my $pause = 0.001;

    while (1) {
        return 1 if $code->();
        return 0 if time >= $end;

        sleep $pause;
        $pause = $pause * 2 > 0.01 ? 0.01 : $pause * 2;
    }
}

# The command, as a list: no shell is between us and nginx.

sub command {
    my ($run) = @_;

    my @cmd = ($NginxBinary);

    # "-e" is of 1.19.5; without it the first messages go to the log of the
    # build, and to stderr, which is kept too
    push @cmd, '-e', $ErrLogFile if nginx_version() >= 1.019005;
    push @cmd, '-p', "$ServRoot/", '-c', $ConfFile;

    return @cmd if !$run->{valgrind};

    my $options = $Test::Nginx::Util::UseValgrind;

    if ($options =~ /\A\d+\z/) {
        $options = '--tool=memcheck --leak-check=full --num-callers=100'
                   . ' --show-possibly-lost=no --gen-suppressions=all'
                   . " --suppressions=$suppressions";
        $options .= ' --suppressions=valgrind.suppress'
            if -f 'valgrind.suppress';
    }

    $valgrind_log = "$LogDir/valgrind.log";

    return ('valgrind', '-q', "--log-file=$valgrind_log",
            Text::ParseWords::shellwords($options), @cmd);
}

# A child with its stdout closed off and its stderr in a file.

sub spawn {
    my (@cmd) = @_;

    warn "# running: @cmd\n" if $Verbose;

    # buffered output would be written twice
    STDOUT->flush;
    STDERR->flush;

    my $pid = fork;
    bail_out("fork() failed: $!") if !defined $pid;
    return $pid if $pid;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', stderr_file();

    # its own process group: ^C is for the test, which then stops nginx
    setpgrp;

    if (defined(my $preload = $ENV{TEST_NGINX_LD_PRELOAD})) {
        my @old = grep { defined && length } $ENV{LD_PRELOAD};
        $ENV{LD_PRELOAD} = join ' ', $preload, @old;
    }

    { no warnings 'exec'; exec { $cmd[0] } @cmd; }

    syswrite STDERR, "cannot run $cmd[0]: $!\n";
    POSIX::_exit(127);
}

# Waits for a child; undef when it did not end in time.

sub wait_child {
    my ($pid, $seconds) = @_;

    my $status;

    wait_until($seconds, sub {
        my $got = waitpid $pid, WNOHANG;
        return 0 if $got == 0;
        $status = $?;
        return 1;
    });

    return $status;
}

sub pid_from_file {
    my $pid = read_text($PidFile);
    return $pid =~ /\A(\d+)\s*\z/ ? $1 : undef;
}

# Starts nginx and waits until it listens.  Answers true, or false and what
# nginx said.

sub start {
    my ($run) = @_;

    my $pid = spawn(command($run));

    if ($run->{valgrind}) {
        # nginx makes the pid file when its sockets are open
        my $ended;

        wait_until(120, sub {
            $ended = waitpid($pid, WNOHANG) != 0;
            return $ended || defined pid_from_file();
        });

        return (0, said($?)) if $ended;

        ($Pid, $Child) = ($pid, 1);
        return (1, '');
    }

    # A daemon's parent leaves when the sockets are open, or with an error.

    my $status = wait_child($pid, 30);

    if (!defined $status) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        return (0, "nginx neither became a daemon nor left in 30 s\n"
                   . said(undef));
    }

    return (0, said($status)) if $status != 0;

    if (!wait_until(10, sub { defined pid_from_file() })) {
        return (0, "nginx wrote no pid file\n" . said($status));
    }

    ($Pid, $Child) = (pid_from_file(), 0);
    return (1, '');
}

sub said {
    my ($status) = @_;

    my $text = read_text(stderr_file());
    $text = read_text($ErrLogFile) if $text !~ /\S/;
    $text = "$text\n" if $text ne '' && $text !~ /\n\z/;

    return $text if !defined $status;
    return $text . "killed by signal " . ($status & 127) . "\n"
        if $status & 127;
    return $text . "exit code " . ($status >> 8) . "\n";
}

# Runs nginx for a block that says it must die.  Answers with the status of
# the process, undef when it did not leave.

sub run_to_death {
    my ($run) = @_;

    my $pid = spawn(command($run));
    my $status = wait_child($pid, 10);

    if (!defined $status) {
        kill 'KILL', $pid;
        waitpid $pid, 0;

    } elsif ($status == 0 && wait_until(5, sub { pid_from_file() })) {
        # it lives: keep its pid, to stop it
        ($Pid, $Child) = (pid_from_file(), 0);
    }

    return $status;
}

# Tells nginx to read its configuration again, and waits until the new
# workers, and they alone, answer.  Answers true, or false and why not.
#
# The master lets the old workers work for 100 ms more, so that an answer of
# the new configuration proves nothing of the next one.

sub reload {
    my ($run, $new_log_lines) = @_;

    my @old = children($Pid);

    kill 'HUP', $Pid or return (0, "cannot signal nginx: $!");

    my $error;
    my $seconds = $Test::Nginx::Util::Timeout + 5;

    my $done = wait_until($seconds, sub {
        my $version = ask_version($run);
        return 1 if defined $version && $version eq $run->{version};

        # nginx logged why it keeps the old configuration
        ($error) = grep { /\[emerg\]/ } @{ $new_log_lines->() };
        return defined $error;
    });

    return (0, $error) if defined $error;
    return (0, 'the new configuration is not in use') if !$done;

    wait_until($seconds, sub {
        @old = grep { !has_left($_, $new_log_lines) } @old;
        return !@old;
    });

    return (0, "the old workers still work: @old") if @old;
    return (1, '');
}

sub children {
    my ($parent) = @_;

    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        push @pids, $1 if read_text($path) =~ /\A(\d+) .*\) \S (\d+) /s
                          && $2 == $parent;
    }

    return @pids;
}

# A worker that leaves has the requests it had to finish, but no more takes
# new ones.  Under valgrind its title does not change; it is the log then,
# if the level is "notice" at least.

sub has_left {
    my ($pid, $new_log_lines) = @_;

    return 1 if !is_running($pid)
                || read_text("/proc/$pid/cmdline") =~ /shutting down/;

    return scalar grep { / \Q$pid\E#\d+: gracefully shutting down/ }
                  @{ $new_log_lines->() };
}

sub ask_version {
    my ($run) = @_;

    if ($run->{http2}) {
        my $url = "http://$ServerAddr:$ServerPort/ver";
        return scalar `curl --http2-prior-knowledge -sS -m 2 \\
                       -H 'Host: Test-Nginx' '$url' 2>/dev/null`;
    }

    my $sock = IO::Socket::INET->new(
        PeerAddr => $ServerAddr, PeerPort => $ServerPort,
        Proto => 'tcp', Timeout => 2) or return undef;

    local $SIG{PIPE} = 'IGNORE';
    print $sock "GET /ver HTTP/1.0\r\nHost: Test-Nginx\r\n\r\n";

    local $/;
    my $answer = <$sock>;

    return defined $answer && $answer =~ /\r\n\r\n(.*)\z/s ? $1 : undef;
}

# Stops what was started here.  Answers with a list of complaints: what went
# wrong with nginx while nobody looked.

sub stop {
    return () if !defined $Pid;

    my ($pid, $child) = ($Pid, $Child);
    my @complaints;

    if (!is_running($pid)) {
        push @complaints, "nginx (pid $pid) was gone before it was stopped"
            . ($child ? how_it_ended($pid) : '');

    } else {
        push @complaints, end_process($pid, $child);
    }

    undef $Pid;
    unlink $PidFile;

    push @complaints, valgrind_errors();
    return @complaints;
}

sub how_it_ended {
    my ($pid) = @_;

    return '' if waitpid($pid, WNOHANG) != $pid;
    return ': killed by signal ' . ($? & 127) if $? & 127;
    return ': exit code ' . ($? >> 8);
}

sub end_process {
    my ($pid, $child) = @_;

    my $gone = sub {
        waitpid $pid, WNOHANG if $child;
        return !is_running($pid);
    };

    # a graceful stop, so that pools are freed and leaks can be seen
    kill $ENV{TEST_NGINX_FAST_SHUTDOWN} ? 'TERM' : 'QUIT', $pid;
    return () if wait_until($Test::Nginx::Util::Timeout, $gone);

    warn "# nginx (pid $pid) did not stop in time\n";

    kill 'TERM', $pid;
    return () if wait_until(2, $gone);

    # it leads its own group, if it is our child or became a daemon
    kill 'KILL', getpgrp($pid) == $pid ? -$pid : $pid;
    wait_until(5, $gone);

    return "nginx (pid $pid) had to be killed";
}

# With "-q" valgrind writes of errors only.

sub valgrind_errors {
    return () if !defined $valgrind_log;

    my $text = read_text($valgrind_log);
    undef $valgrind_log;

    return () if $text !~ /\S/;

    print STDERR $text;
    return 'valgrind found errors';
}

# Some earlier run may have been killed and have left its nginx behind.

sub stop_leftover {
    my $pid = pid_from_file();

    return if defined $Pid || !defined $pid || !is_running($pid);

    my $cmdline = read_text("/proc/$pid/cmdline");

    if ($cmdline !~ /nginx/ || index($cmdline, "$ServRoot/") < 0) {
        warn "# pid $pid of $PidFile is not our nginx, it is left alone\n";
        return;
    }

    end_process($pid, 0);
}

1;
