package SocialPeers;

# Small servers for tests, each a child process that ends with its object:
# HTTP, whose handler is given the request and returns the answer, and a name
# server that reads its one address from a file for each question.

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET ();
use POSIX ();
use Socket ();

our @EXPORT_OK = qw( http_server name_server http_answer );

sub http_server {
    my ($address, $port, $handler) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => $address, Listen => 64,
                                       LocalPort => $port, ReuseAddr => 1)
        or die "cannot listen on $address:$port: $!\n";

    return child($listen->sockport, sub {
        while (my $client = $listen->accept) {
            my $text = '';

            while (sysread $client, $text, 65536, length $text) {
                last if $text =~ /\r\n\r\n/;
            }

            print {$client} $handler->($text) if length $text;
            close $client;
        }
    });
}

sub http_answer {
    my ($type, $body) = @_;

    return "HTTP/1.1 200 OK\r\nContent-Type: $type\r\nContent-Length: "
           . length($body) . "\r\nConnection: close\r\n\r\n$body";
}

# Every name has that address, with a TTL of a second, and no IPv6 address.

sub name_server {
    my ($file) = @_;

    my $sock = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
        or die "no port for a name server: $!\n";

    return child($sock->sockport, sub {
        while (my $peer = $sock->recv(my $packet, 512)) {
            my ($id, undef, $count) = unpack 'n3', $packet;
            my $question = substr $packet, 12;
            my ($name) = $question =~ /\A([^\0]+\0)/ or next;
            my $type = unpack 'n', substr $question, length $name, 2;
            my $answer = $type == 1
                ? pack('n3Nn a4', 0xc00c, 1, 1, 1, 4,
                       Socket::inet_aton(address($file)))
                : '';

            $sock->send(pack('n6', $id, 0x8180, 1, $answer ? 1 : 0, 0, 0)
                        . substr($question, 0, length($name) + 4) . $answer,
                        0, $peer);
        }
    });
}

sub address {
    my ($file) = @_;
    open my $in, '<', $file or return '127.0.0.1';
    chomp(my $address = <$in>);
    return $address;
}

sub child {
    my ($port, $code) = @_;

    my $pid = fork // die "fork() failed: $!\n";

    if (!$pid) {
        $SIG{TERM} = 'DEFAULT';
        $SIG{PIPE} = 'IGNORE';
        $code->();
        POSIX::_exit(0);
    }

    return bless { pid => $pid, port => $port, owner => $$ }, __PACKAGE__;
}

sub port { return $_[0]->{port} }

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    $self->stop if $self->{owner} == $$;
    return;
}

1;
