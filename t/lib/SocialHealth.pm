package SocialHealth;

# Servers for tests of health checks.  One that can be killed, stopped and
# started again at the same port, which is an nginx of a single process:
#
#     my $server = SocialHealth->new(name => 'a');    # address => '127.0.0.2'
#     $server->signal('STOP');
#     $server->start;
#
# and one child process that misbehaves, in another way at each of its ports:
#
#     my %port = SocialHealth::misbehave({ hang => undef,
#                                          bad => "HTTP/1.1 500 x\r\n\r\n" });

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use SocialNginx;

sub new {
    my ($class, %opt) = @_;

    my $self = bless { %opt, owner => $$ }, $class;
    $self->{port} //= SocialNginx::free_port();
    $self->{address} //= '127.0.0.1';

    return $self->start;
}

sub listen_at {
    my ($port) = @_;

    return SocialNginx::wait_for(5, sub {
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                              Listen => 128, ReuseAddr => 1);
    }) || die "cannot listen at $port: $!\n";
}

sub port { return $_[0]{port} }

# Answers with its name.

sub start {
    my ($self) = @_;

    my $dir = $self->{dir} //= File::Temp::tempdir('social-peer-XXXXXX',
                                                   TMPDIR => 1, CLEANUP => 1);

    open my $out, '>', "$dir/nginx.conf" or die "$dir: $!\n";
    print {$out} "master_process off; daemon off; pid $dir/pid;
        error_log $dir/error.log; events { worker_connections 1024; }
        http { access_log off; ",
        (map { "${_}_temp_path $dir/$_; " }
             qw( client_body proxy fastcgi uwsgi scgi )),
        "server { listen $self->{address}:$self->{port} backlog=1024 reuseport;
                  location / { return 200 $self->{name}; } } }";
    close $out or die "$dir: $!\n";

    $self->{pid} = fork // die "fork: $!\n";

    if (!$self->{pid}) {
        delete $ENV{NGINX};
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec SocialNginx::binary(), '-c', "$dir/nginx.conf", '-p', $dir,
            '-e', "$dir/error.log" or POSIX::_exit(127);
    }

    SocialNginx::wait_for(10, sub {
        IO::Socket::INET->new(PeerAddr => "$self->{address}:$self->{port}");
    }) or die "no peer at $self->{port}: ",
              SocialNginx::slurp("$dir/error.log"), "\n";

    return $self;
}

sub signal {
    my ($self, $signal) = @_;

    kill $signal, $self->{pid};
    waitpid delete $self->{pid}, 0 if $signal eq 'KILL';
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->signal('KILL') if $self->{pid} && $self->{owner} == $$;
    return;
}

# The text that is sent for each request, or a function that has the connection
# and returns whether to call it again in 50 ms; undef: nothing is sent.

my @children;
my $main = $$;

sub misbehave {
    my ($ways) = @_;
    my (%port, %way);

    for my $name (sort keys %$ways) {
        $port{$name} = SocialNginx::free_port();
        my $listen = listen_at($port{$name});
        $way{ fileno $listen } = [ $listen, $ways->{$name} ];
    }

    my $pid = fork // die "fork: $!\n";

    if ($pid) {
        push @children, $pid;
        return %port;
    }

    $SIG{PIPE} = 'IGNORE';

    my $select = IO::Select->new(map { $_->[0] } values %way);
    my @open;

    while (getppid == $main) {
        for my $listen ($select->can_read(0.05)) {
            my $client = $listen->accept or next;
            push @open, [ $client, $way{ fileno $listen }[1],
                          Time::HiRes::time() ];
            shift @open if @open > 500;
        }

        @open = grep { serve(@$_) } @open;
    }

    POSIX::_exit(0);
}

sub serve {
    my ($client, $way, $since) = @_;

    return Time::HiRes::time() - $since < 10 if !defined $way;
    return $way->($client) if ref $way;

    my $text = '';
    $client->blocking(0);
    sysread $client, $text, 4096 or return Time::HiRes::time() - $since < 2;
    $client->blocking(1);
    syswrite $client, $way;

    return 0;
}

END {
    if ($$ == $main) {
        local $?;
        kill 'KILL', @children;
        waitpid $_, 0 for @children;
    }
}

1;
