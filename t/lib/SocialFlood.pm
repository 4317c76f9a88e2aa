package SocialFlood;

# Many requests one after the other over a few connections that are kept, for
# suites that need thousands of them.  A request whose connection is closed
# without an answer, as by a worker that leaves or is killed, is made again.

use strict;
use warnings;

use Exporter qw( import );
use IO::Socket::INET ();
use Time::HiRes qw( sleep time );

our @EXPORT = qw( flood );

# Makes $n requests, $width at a time; $headers->() gives those of each.
# Returns how many had which status.

sub flood {
    my ($n, $width, $path, $headers) = @_;

    my (%count, %open);
    my $left = $n;
    my $end = time + 60;

    local $SIG{PIPE} = 'IGNORE';

    my $send = sub {
        my ($c) = @_;

        $c->{got} = '';
        syswrite $c->{sock}, $c->{text};
    };

    my $connect = sub {
        my ($c) = @_;

        delete $open{ fileno $c->{sock} } if $c->{sock};

        while (time < $end) {
            $c->{sock} = IO::Socket::INET->new(
                PeerAddr => '127.0.0.1',
                PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) and last;
            sleep 0.02;
        }

        die "no connection: $!\n" if !$c->{sock};
        $open{ fileno $c->{sock} } = $c;
    };

    my $next = sub {
        my ($c) = @_;

        if ($left-- <= 0) {
            delete $open{ fileno $c->{sock} };
            return;
        }

        $c->{text} = join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
            $headers->(), '', '';
        $send->($c);
    };

    for (1 .. $width) {
        my $c = {};
        $connect->($c);
        $next->($c);
    }

    while (%open && time < $end) {
        my $bits = '';
        vec($bits, $_, 1) = 1 for keys %open;

        next if select($bits, undef, undef, 0.5) <= 0;

        for my $c (map { $open{$_} } grep { vec($bits, $_, 1) } keys %open) {

            if (!sysread $c->{sock}, $c->{got}, 65536, length $c->{got}) {
                $count{again}++;
                $connect->($c);
                $send->($c);
                next;
            }

            my ($head, $body) = $c->{got} =~ /\A(.*?\r\n\r\n)(.*)\z/s
                or next;

            next if $head =~ /^Content-Length: (\d+)/mi && length $body < $1;

            my ($code) = $head =~ m{\AHTTP/1\.1 (\d+) };
            $count{ $code // 'nonsense' }++;

            $connect->($c) if $head =~ /^Connection: close/mi && $left > 0;
            $next->($c);
        }
    }

    $count{unanswered} = keys %open if %open;

    return \%count;
}

1;
