package SocialSwallow;

# A proxy before PostgreSQL's unix socket that can stop to answer: while it
# swallows, connections are made, and nothing of what is sent goes anywhere.
#
#     my $proxy = SocialSwallow->start($dir, $pg);
#     my $conninfo = $proxy->conninfo;
#     $proxy->swallow;
#     $proxy->answer;
#
# While it holds, requests go through, and answers wait; what waits is let go
# before it swallows.
#
#     $proxy->hold;
#     $proxy->swallow;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use Time::HiRes qw( sleep );

my $main = $$;
my @pids;

sub start {
    my ($class, $dir, $pg) = @_;

    my $self = bless { dir => "$dir/proxy" }, $class;

    mkdir $self->{dir};
    my $listener = IO::Socket::UNIX->new(Listen => 64,
        Local => "$self->{dir}/.s.PGSQL.5432") // die "listen: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        $self->serve($listener, "$pg->{dir}/.s.PGSQL.5432");
        POSIX::_exit(0);
    }

    push @pids, $pid;
    return $self;
}

sub conninfo { return "host=$_[0]{dir} user=social dbname=social" }

sub swallow {
    open my $f, '>', "$_[0]{dir}/swallow" or die "swallow: $!\n";
    close $f;
    sleep 0.3;
}

sub hold {
    open my $f, '>', "$_[0]{dir}/hold" or die "hold: $!\n";
    close $f;
    sleep 0.3;
}

sub answer { unlink "$_[0]{dir}/swallow", "$_[0]{dir}/hold" }

sub serve {
    my ($self, $listener, $server) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $parent = getppid;
    my $select = IO::Select->new($listener);
    my (%peer, %of_server, %held);

    while (getppid == $parent) {
        my $swallows = -e "$self->{dir}/swallow";
        my $holds = -e "$self->{dir}/hold";

        if ($swallows || !$holds) {
            syswrite $_->[0], $_->[1] for values %held;
            %held = ();
        }

        if ($swallows) {
            sleep 0.1;
            next;
        }

        for my $from ($select->can_read(0.1)) {

            if ($from == $listener) {
                my $client = $listener->accept or next;
                my $to = IO::Socket::UNIX->new(Peer => $server) or next;
                @peer{ $client, $to } = ($to, $client);
                $of_server{$to} = 1;
                $select->add($client, $to);
                next;
            }

            my $to = $peer{$from} or next;

            my $data;
            my $n = sysread $from, $data, 65536;

            if ($n && $holds && $of_server{$from}) {
                $held{$to} //= [ $to, '' ];
                $held{$to}[1] .= $data;
                next;
            }

            next if $n && (syswrite($to, $data) // -1) == length $data;

            $select->remove($from, $to);
            delete @peer{ $from, $to };
            delete @held{ $from, $to };
            delete @of_server{ $from, $to };
            close $from;
            close $to;
        }
    }

    return;
}

END {
    if ($$ == $main) {
        local $?;
        kill 'TERM', @pids;
        waitpid $_, 0 for @pids;
    }
}

1;
