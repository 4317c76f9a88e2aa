package SocialProxy;

# A TCP port before a unix socket, which does to the bytes between them what
# networks do.
#
#     my $proxy = SocialProxy->start("$pg->{dir}/.s.PGSQL.5432");
#     $proxy->mode('cut');
#     ...
#     ok($proxy->done);     # it was cut
#
#     pass     nothing
#     silent   connections are accepted, and nothing comes of them; those that
#              there were are closed
#     hold     connections stay, and nothing gets through until the next mode
#     drip     what the server says comes at a byte a second
#     first    of new connections the first waits for the next mode, and the
#              others are closed
#
# And once, then "pass" again:
#
#     half     of what the client sends next, the half gets through, then both
#              connections are closed
#     cut      the same with what the server sends
#     lost     nothing of that gets through
#
# "drop" closes what there is, and passes.

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Time::HiRes qw( sleep time );

sub start {
    my ($class, $path) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
        or die "listen: $!\n";
    my ($reader, $answers);

    pipe $reader, my $writer or die "pipe: $!\n";
    pipe $answers, my $said or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        close $writer;
        open STDIN, '<', '/dev/null';
        $SIG{PIPE} = 'IGNORE';
        eval { serve($path, $listen, $reader, $said) };
        POSIX::_exit(0);
    }

    close $reader;
    close $said;
    $writer->autoflush(1);

    return bless { pid => $pid, owner => $$, port => $listen->sockport,
                   writer => $writer, answers => $answers }, $class;
}

sub port { return $_[0]{port} }

# Returns when the mode is in force.

sub mode {
    my ($self, $mode) = @_;

    print { $self->{writer} } "$mode\n";

    while (defined(my $said = readline $self->{answers})) {
        return if $said eq "$mode\n";
    }

    die "the proxy has ended\n";
}

# Whether what the last mode does once was done, in so many seconds.

sub done {
    my ($self, $seconds) = @_;

    my $select = IO::Select->new($self->{answers});

    return if !$select->can_read($seconds // 20);
    return readline($self->{answers}) eq "done\n";
}

sub serve {
    my ($path, $listen, $reader, $said) = @_;

    my ($mode, $first, %other, %server, %late) = ('pass');
    my $select = IO::Select->new($listen, $reader);
    my $control = IO::Select->new($listen, $reader);

    $said->autoflush(1);

    my $drop = sub {
        for my $sock (grep { defined } $_[0], delete $other{ $_[0] }) {
            $select->remove($sock);
            delete $other{$sock};
            delete $late{$sock};
            close $sock;
        }
    };

    my $pair = sub {
        my ($client) = @_;

        my $server = IO::Socket::UNIX->new(Peer => $path)
            or return $drop->($client);

        $select->add($client, $server);
        $other{$client} = $server;
        $other{$server} = $client;
        $server{$server} = 1;
        return;
    };

    my $once = sub {
        $mode = 'pass';
        print {$said} "done\n";
    };

    while (1) {

        my $from = $mode eq 'hold' ? $control : $select;

        for my $sock ($from->can_read(0.1)) {

            if ($sock == $reader) {
                my $line = readline $reader // return;
                chomp $line;

                if ($line eq 'drop' || $line eq 'silent') {
                    $drop->($_) for grep { $_ != $listen && $_ != $reader }
                        $select->handles;
                }

                $mode = $line eq 'drop' ? 'pass' : $line;
                $pair->($first) if $first;
                undef $first;
                print {$said} "$line\n";
                next;
            }

            if ($sock == $listen) {
                my $client = $listen->accept or next;

                if ($mode eq 'first') {
                    $first //= $client;
                    next;
                }

                $select->add($client);
                $pair->($client) if $mode ne 'silent';
                next;
            }

            next if !defined fileno $sock || $mode eq 'hold';

            my $n = sysread $sock, my $bytes, 65536;

            if (!$n) {
                $drop->($sock);
                next;
            }

            my $to = $other{$sock} or next;
            my $of_server = $server{$sock};

            if ($mode eq 'drip' && $of_server) {
                ($late{$sock} //= '') .= $bytes;
                next;
            }

            if ($mode eq ($of_server ? 'cut' : 'half')) {
                syswrite $to, substr $bytes, 0, length($bytes) / 2;
                $drop->($sock);
                $once->();
                next;
            }

            if ($mode eq 'lost' && $of_server) {
                $drop->($sock);
                $once->();
                next;
            }

            syswrite $to, $bytes;
        }

        for my $key (keys %late) {
            my ($sock) = grep { $_ eq $key } $select->handles;
            next if !$sock || !length $late{$key};
            next if ($late{"$key at"} // 0) > time;

            syswrite $other{$sock}, substr $late{$key}, 0, 1, '';
            $late{"$key at"} = time + 1;
        }
    }
}

sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $!);
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
