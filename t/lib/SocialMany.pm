package SocialMany;

# Many requests at a time, each over a connection of its own.
#
#     my @got = many($port, \@texts, width => 50, tick => sub { ... });
#
# What became of each, in the order of the texts: its status ("none" without an
# answer), the answer, its place among the answers, and how long it took. "tick"
# is called with how many are answered, often.

use strict;
use warnings;

use Exporter qw( import );
use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes qw( time );

our @EXPORT = qw( many statuses );

sub many {
    my ($port, $texts, %o) = @_;

    my $width = $o{width} // @$texts;
    my $end = time + ($o{seconds} // 60);
    my $select = IO::Select->new;
    my (@got, %of);
    my ($next, $answered) = (0, 0);

    while ($answered < @$texts && time < $end) {

        while ($next < @$texts && $select->count < $width) {
            my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
                or die "connect: $!\n";

            print {$sock} $texts->[$next];
            $sock->flush;

            $got[$next] = { answer => '', began => time };
            $of{$sock} = $got[$next++];
            $select->add($sock);
        }

        $o{tick}->($answered) if $o{tick};

        for my $sock ($select->can_read(0.05)) {
            my $got = $of{$sock};

            next if sysread $sock, $got->{answer}, 65536,
                            length $got->{answer};

            $select->remove($sock);
            $got->{order} = $answered++;
            $got->{took} = time - $got->{began};
        }
    }

    for my $got (@got) {
        ($got->{status}) = $got->{answer} =~ m{\AHTTP/1\.1 (\d+)};
        $got->{status} //= 'none';
    }

    return @got;
}

# "200:39 503:1"

sub statuses {
    my %count;
    $count{ $_->{status} }++ for @_;
    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

1;
