package SocialNginx;

# Runs one nginx with a whole configuration of the caller's, in a separate
# directory, for tests that do not fit into a block of Test::Nginx; and inspects
# its processes.  Linux only: it reads /proc.
#
#     my $nginx = SocialNginx->new(conf => $text);
#     $nginx->start($port);
#     my $answer = SocialNginx::request($port, "GET / HTTP/1.0\r\n\r\n");

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use SocialSecrets ();
use Time::HiRes ();

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');

sub binary { return $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx' }

sub module {
    my ($path) = split ' ', $ENV{TEST_NGINX_LOAD_MODULES}
                            || "$root/build/ngx_http_social_module.so";
    return Cwd::abs_path($path) // $path;
}

# The version as one number: 1022001 for 1.22.1.

sub version {
    my $binary = binary();
    my ($x, $y, $z) = `$binary -v 2>&1` =~ m{/(\d+)\.(\d+)\.(\d+)}
        or die "$binary -v says no version\n";
    return $x * 1_000_000 + $y * 1000 + $z;
}

# A port below those that the system uses for connections, which may take any of
# them before nginx does.

sub free_port {

    # not rand(): of those who have set its seed, several may run at once

    open my $in, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";

    for (1 .. 1000) {
        read($in, my $bytes, 4) == 4 or die "/dev/urandom: $!\n";

        my $port = 10_000 + unpack('N', $bytes) % 20_000;

        return $port if IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                              LocalPort => $port, Listen => 1);
    }

    die "no free port: $!\n";
}

# The directory is laid out as an operator's prefix: the module is found as
# "modules/ngx_http_social_module.so".

sub new {
    my ($class, %opt) = @_;

    my $dir = File::Temp::tempdir('social-nginx-XXXXXX', TMPDIR => 1,
                                  CLEANUP => 1);
    chmod 0755, $dir;
    mkdir "$dir/$_" for qw( logs modules html tmp );
    symlink module(), "$dir/modules/ngx_http_social_module.so";

    my $self = bless { dir => $dir }, $class;
    $self->write_file('nginx.conf', $opt{conf}) if defined $opt{conf};

    return $self;
}

# The directives of "http" that keep nginx in that directory.

sub http_paths {
    my ($self) = @_;

    return join ' ', "access_log $self->{dir}/logs/access.log;",
        map { "${_}_temp_path $self->{dir}/tmp/$_;" }
            qw( client_body proxy fastcgi uwsgi scgi );
}

sub write_file {
    my ($self, $name, $text) = @_;

    open my $out, '>', "$self->{dir}/$name" or die "$name: $!\n";
    print {$out} $text;
    close $out or die "$name: $!\n";
    return "$self->{dir}/$name";
}

sub command {
    my ($self) = @_;

    return ($self->valgrind, binary(), '-p', "$self->{dir}/",
            '-c', "$self->{dir}/nginx.conf",
            '-e', "$self->{dir}/logs/error.log",
            '-g', "daemon off; pid $self->{dir}/nginx.pid; "
                  . "error_log $self->{dir}/logs/error.log info;");
}

# As in the driver: the options in TEST_NGINX_USE_VALGRIND, and any error that
# valgrind writes of fails the test when it ends.

my ($slow, $complaints) = ($ENV{TEST_NGINX_USE_VALGRIND} ? 8 : 1, 0);

sub valgrind {
    my ($self) = @_;

    my $options = $ENV{TEST_NGINX_USE_VALGRIND} or return;
    $options = '' if $options !~ /\A-/;

    return ('valgrind', '-q', "--log-file=$self->{dir}/logs/valgrind.%p",
            "--suppressions=$root/t/lib/driver/nginx.supp",
            split ' ', $options);
}

sub check_valgrind {
    my ($self) = @_;

    for my $log (glob "$self->{dir}/logs/valgrind.*") {
        my $text = slurp($log) or next;
        print STDERR "# valgrind found errors:\n$text";
        $complaints++;
        unlink $log;
    }

    return;
}

END { $? ||= 1 if $complaints }

sub start {
    my ($self, $port) = @_;

    my $pid = fork // die "fork() failed: $!\n";

    if (!$pid) {
        delete $ENV{NGINX};         # to nginx, a list of inherited sockets
        open STDOUT, '>', '/dev/null';
        open STDERR, '>>', "$self->{dir}/logs/stderr.log";
        exec $self->command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $self->{owner} = $$;

    wait_for(15 * $slow, sub {
        waitpid($pid, 1) == $pid
            and die 'nginx did not start: ', $self->error_log, "\n";
        workers($pid)
            && IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
    }) or die "nginx does not listen at $port: ", $self->error_log, "\n";

    return $self;
}

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'TERM', $pid;
    wait_for(10 * $slow, sub { waitpid($pid, 1) == $pid })
        or (kill('KILL', $pid), waitpid($pid, 0));
    $self->check_valgrind;
    SocialSecrets::keep(glob "$self->{dir}/logs/*.log");
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop if $self->{pid} && $self->{owner} == $$;
    return;
}

sub error_log {
    my ($self) = @_;
    return slurp("$self->{dir}/logs/error.log");
}

# A log without what nginx says of processes that a suite has killed: that they
# have ended, and which lock one of them had.

sub without_kills {
    my ($log) = @_;

    my %killed = map { $_ => 1 }
                 $log =~ /worker process (\d+) exited on signal 9\b/g;

    $log =~ s/^.* exited on signal 9\b.*\n//gm;
    $log =~ s/^(.* was locked by (\d+))\n/$killed{$2} ? '' : "$1\n"/gem;

    return $log;
}

# Reloads the configuration, and waits until the worker processes of the old one
# have ended and all new ones, two by default, are there.  Whether they are.

sub reload {
    my ($self, $count) = @_;

    my %old = map { $_ => 1 } workers($self->{pid});

    kill 'HUP', $self->{pid};

    return wait_for(30, sub {
        my @now = workers($self->{pid});
        return @now >= ($count // 2) && !grep { $old{$_} } @now;
    });
}

sub worker { return (workers($_[0]->{pid}))[0] }

sub workers {
    my ($master) = @_;
    my @pids;

    for my $stat (glob '/proc/[0-9]*/stat') {
        slurp($stat) =~ /\A(\d+) \(.*\) \w (\d+) /s or next;
        push @pids, $1 if $2 == $master;
    }

    return @pids;
}

# How many seconds of a processor a process has had, with its threads.

sub processor {
    my ($pid) = @_;
    my $sum = 0;

    for my $file (glob "/proc/$pid/task/[0-9]*/schedstat") {
        $sum += $1 / 1e9 if slurp($file) =~ /\A(\d+) /;
    }

    return $sum;
}

sub maps { return slurp("/proc/$_[0]/maps") }

sub threads { return scalar(() = glob "/proc/$_[0]/task/[0-9]*") }

# The network sockets that a process has open, as "tcp 127.0.0.1:80" where it
# listens and "tcp 127.0.0.1:80 > 127.0.0.1:4711" where it is connected.

sub sockets {
    my ($pid) = @_;
    my (%inode, @found);

    for my $fd (glob "/proc/$pid/fd/*") {
        $inode{$1}++ if (readlink $fd // '') =~ /\Asocket:\[(\d+)\]/;
    }

    for my $kind (qw( tcp tcp6 udp udp6 )) {
        for (split /\n/, slurp("/proc/$pid/net/$kind")) {
            my (undef, $local, $remote, @rest) = split;
            $inode{ $rest[6] // '' } or next;
            my $peer = address($remote);
            push @found, "$kind " . address($local)
                         . ($peer =~ /:0\z/ ? '' : " > $peer");
        }
    }

    @found = sort @found;
    return @found;
}

sub address {
    my ($ip, $port) = split /:/, shift;
    $ip = join '.', reverse map { hex } $ip =~ /../g if length $ip == 8;
    return "$ip:" . hex $port;
}

# Sends the bytes, and returns what came back until the end.

sub request {
    my ($port, $text) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                     Timeout => 5)
        or die "cannot connect to $port: $!\n";

    print {$sock} $text;
    $sock->flush;

    my $answer = '';
    local $SIG{ALRM} = sub { die "no answer from $port in 15 s\n" };
    alarm 15;
    1 while sysread $sock, $answer, 65536, length $answer;
    alarm 0;

    SocialSecrets::made_in($answer);
    return $answer;
}

sub wait_for {
    my ($seconds, $code) = @_;

    my $end = Time::HiRes::time() + $seconds;

    while (Time::HiRes::time() < $end) {
        my $got = $code->();
        return $got if $got;
        Time::HiRes::sleep(0.02);
    }

    return;
}

sub slurp {
    my ($path) = @_;

    open my $in, '<', $path or return '';
    local $/;
    return <$in> // '';
}

1;
