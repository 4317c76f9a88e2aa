#!/usr/bin/perl

# For scripts/bench/idle: opens connections, each with requests that have one
# token of a file, and keeps them.
#
#     idle.pl PORT TOKENS CONNECTIONS REQUESTS
#
# Says "warm" after some, which are closed; waits for SIGUSR1; and says "idle"
# when all are open and answered.

use strict;
use warnings;

use IO::Socket::INET ();

my ($port, $file, $n, $each) = @ARGV;
my $go = 0;

$SIG{USR1} = sub { $go = 1 };
$| = 1;

open my $in, '<', $file or die "$file: $!\n";
chomp(my @tokens = <$in>);
close $in;

my @open;

# more tokens than a process keeps, so that what it keeps is there; and one
# connection at a time, so that the others have to be made

for (0 .. 2999) {
    connect_to($_ % @tokens);
    @open = ();
}

print "warm\n";

select undef, undef, undef, 0.05 while !$go;

connect_to($_ % @tokens) for 0 .. $n - 1;
print "idle\n";

sleep 3600;

sub connect_to {
    my ($i) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $port)
        or die "connect: $!\n";

    for (1 .. $each) {
        my $answer = '';

        syswrite $sock, "GET /file HTTP/1.1\r\nHost: a\r\n"
                        . "Authorization: Bearer $tokens[$i]\r\n\r\n";

        while ($answer !~ /\r\n\r\nok\n\z/) {
            sysread $sock, $answer, 65536, length $answer
                or die "no answer: $answer\n";
        }
    }

    push @open, $sock;
    return;
}
