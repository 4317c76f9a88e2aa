package SocialServer;

# Starts t/lib/server.pl on its own port, for as long as the suite runs:
# $TEST_NGINX_BACKEND_PORT in configurations.

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use File::Temp ();
use IO::Socket::INET ();
use Time::HiRes qw( sleep );

my $lib = Cwd::abs_path(File::Basename::dirname(__FILE__));
my $main = $$;
my $pid;

sub import {
    return if $pid;

    my $dir = File::Temp::tempdir('social-server-XXXXXX', TMPDIR => 1,
                                  CLEANUP => 1);

    # a free port; another process may take it first, so it is tried
    for (1 .. 10) {
        my $port = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', Listen => 1)->sockport;

        return if start($port, $dir);
    }

    die "the server of the suites does not start\n";
}

sub start {
    my ($port, $dir) = @_;

    $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        # not among those that prove waits for
        open STDOUT, '>', '/dev/null';
        exec $^X, "$lib/server.pl", $port, $dir, "$lib/../../build/test-keys";
        die;
    }

    for (1 .. 500) {
        last if waitpid($pid, 1) == $pid;

        if (IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $port))
        {
            $ENV{TEST_NGINX_BACKEND_PORT} = $port;
            return 1;
        }

        sleep 0.01;
    }

    undef $pid;
    return 0;
}

END {
    if ($pid && $$ == $main) {
        local $?;
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}

1;
