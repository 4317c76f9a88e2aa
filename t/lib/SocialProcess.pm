package SocialProcess;

# For suites that signal a running nginx: its processes, and a client beside
# the driver's.  To be called from "--- init" sections.

use strict;
use warnings;

use Exporter qw( import );
use Errno ();
use IO::Socket::INET ();
use Time::HiRes qw( sleep time );

our @EXPORT = qw( master workers_of fetcher threads_of get begin finish load
                  reload wait_for );

sub read_file {
    my ($path) = @_;

    open my $in, '<', $path or return '';
    local $/;
    return scalar(<$in>) // '';
}

sub wait_for {
    my ($code) = @_;

    my $end = time + 10;

    while (time < $end) {
        my $value = $code->();
        return $value if $value;
        sleep 0.02;
    }

    return undef;
}

sub master {
    no warnings 'once';
    my $root = $Test::Nginx::Util::ServRoot;

    return wait_for(sub {
        return read_file("$root/logs/nginx.pid") =~ /\A(\d+)/ ? $1 : undef;
    }) // die "nginx has no pid\n";
}

# The workers that accept requests.

sub workers_of {
    my ($master) = @_;

    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        next if read_file($path) !~ /\A(\d+) .*\) [^Z] (\d+) /s
                || $2 != $master;

        push @pids, $1
            if read_file("/proc/$1/cmdline") !~ /shutting down/;
    }

    return @pids;
}

# Reloads; returns when all workers are new ones.

sub reload {
    my ($n) = @_;

    my $master = master();
    my %old = map { ($_ => 1) } workers_of($master);

    kill 'HUP', $master;

    wait_for(sub {
        my @now = workers_of($master);
        return @now >= ($n // 2) && !grep { $old{$_} } @now;
    }) or die "no new workers\n";

    return;
}

sub threads_of { return scalar(() = glob "/proc/$_[0]/task/*") }

# The worker that has a connection to that port.

sub fetcher {
    my ($port) = @_;

    my %inode;

    for my $line (split /\n/, read_file('/proc/net/tcp')) {
        my @field = split ' ', $line;
        next if @field < 10 || $field[3] ne '01';
        $inode{ $field[9] } = 1
            if hex((split /:/, $field[2])[1]) == $port;
    }

    for my $pid (workers_of(master())) {
        for my $fd (glob "/proc/$pid/fd/*") {
            my $link = readlink $fd // next;
            return $pid if $link =~ /\Asocket:\[(\d+)\]/ && $inode{$1};
        }
    }

    return undef;
}

my $refused = '';

sub begin {
    my ($path, @headers) = @_;
    my $sock;

    # A connection refused by nginx is a failure; a lack of ports or memory
    # on this side is not.

    for (1 .. 5) {
        $sock = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1',
            PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) and last;

        $refused = "$!";
        last if $!{ECONNREFUSED} || $!{ECONNRESET};
        sleep 0.05;
    }

    return undef if !$sock;

    local $SIG{PIPE} = 'IGNORE';
    print $sock join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
        'Connection: close', @headers, '', '';

    return $sock;
}

sub finish {
    my ($sock) = @_;

    return "no connection: $refused" if !$sock;

    my $answer = '';
    my $end = time + 10;
    my $bits = '';
    vec($bits, fileno $sock, 1) = 1;

    while (time < $end) {
        next if select(my $ready = $bits, undef, undef, 0.5) <= 0;
        sysread $sock, $answer, 65536, length $answer or last;
    }

    return 'no answer' if $answer !~ m{\AHTTP/1\.1 (\d+) };

    my $code = $1;
    my ($length) = $answer =~ /^Content-Length: (\d+)/mi;
    my ($body) = $answer =~ /\r\n\r\n(.*)\z/s;

    return 'cut' if defined $length && length($body // '') != $length;
    return $code;
}

sub get { return finish(begin(@_)) }

# Requests, $n at a time, until the code has run; their statuses, counted.

sub load {
    my ($n, $request, $code) = @_;

    pipe my $in, my $out;
    my $parent = $$;

    my @pids = map {
        my $i = $_;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my $stop = 0;
            my %count;

            $SIG{TERM} = sub { $stop = 1 };
            close $in;

            while (!$stop && getppid == $parent) {
                $count{ get($request->($i)) }++;
            }

            syswrite $out, join '', map { "$_ $count{$_}\n" } keys %count;
            require POSIX;
            POSIX::_exit(0);
        }

        $pid;
    } 1 .. $n;

    close $out;
    $code->();
    kill 'TERM', @pids;

    my %count;

    while (my $line = <$in>) {
        $count{$1} += $2 if $line =~ /\A(.*) (\d+)\n/;
    }

    waitpid $_, 0 for @pids;
    return \%count;
}

1;
