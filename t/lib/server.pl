#!/usr/bin/perl

# The servers of the suites: a key server and an echoing backend, with a process
# for each connection.
#
#     perl t/lib/server.pl PORT DIRECTORY
#
# Key sets are at /keys/ID/MODE, where MODE is what ID begins with:
#
#     NAME          the key set of build/test-keys/NAME.json
#     slow-MS-NAME  the same after some time
#     gate-MODE     the same when /control/ID/open has been asked for
#     identity      the same, marked, with a Content-Encoding of "identity"
#     status-CODE redirect elsewhere loop gzip deflate huge close hang text
#     reset short drip
#                   faults of a key server
#
# and is controlled by these:
#
#     /control/ID/mode/MODE    from now on MODE, whatever the URL says
#     /control/ID/count        the number of requests
#     /control/ID/wait/N       the same, when there have been N, or after 5 s
#     /control/ID/more/N       the same, when N more have come, or after 5 s
#     /control/ID/sleep/MS     the same, after some time
#     /control/ID/open         opens the gate for waiting requests
#     /control/ID/times        when each request came, in seconds, with commas
#
# An issuer at /issuer/ID/MODE has a discovery document, with its keys at
# /keys/ID/main; it is controlled and counted in the same way, as ID-doc.  MODE
# is "good", a name of %documents, or one of the modes of key servers.
#
# Everything else echoes the request, with header lines in their order, except
# for /status/CODE, /accel/PATH (X-Accel-Redirect), /page (a 404 that looks like
# one of nginx), /slow/MS, and /websocket (a handshake that accepts the first
# protocol, and returns in X-Protocols and X-Sub what was received).

use strict;
use warnings;

use Digest::SHA ();
use IO::Socket::INET ();
use MIME::Base64 ();
use Socket qw( SOL_SOCKET SO_LINGER );
use Time::HiRes qw( sleep time );

my ($port, $dir, $keys) = @ARGV;

$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';

my $listen = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp',
    Listen => 1024, ReuseAddr => 1)
    or die "cannot listen on port $port: $!\n";

my $parent = getppid;

while (1) {
    # the suite may have been killed
    exit 0 if getppid != $parent;

    my $bits = '';
    vec($bits, fileno $listen, 1) = 1;
    next if select($bits, undef, undef, 0.5) <= 0;

    my $conn = $listen->accept or next;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        close $listen;
        serve($conn);
        exit 0;
    }

    close $conn;
}

sub serve {
    my ($conn) = @_;

    my $head = '';

    while ($head !~ /\r\n\r\n/) {
        sysread $conn, $head, 65536, length $head or return;
    }

    my ($text, $body) = $head =~ /\A(.*?\r\n)\r\n(.*)\z/s;

    if ($text =~ /^Content-Length: (\d+)\r$/mi) {
        while (length $body < $1) {
            sysread $conn, $body, 65536, length $body or last;
        }
    }

    my ($method, $uri) = $text =~ m{\A(\S+) (\S+)} or return;

    # from another host's server block, or from a path of this one
    if ($uri =~ m{/keys/([^/]+)/([^/?]+)}) {
        keys_of($conn, $1, $2);

    } elsif ($uri =~ m{\A(/issuer/([^/]+)/([^/]+))(?:/path)?
                       /\.well-known/openid-configuration\z}x)
    {
        document_of($conn, "http://127.0.0.1:$port$1", $2, $3);

    } elsif ($uri =~ m{\A/control/([^/]+)/([^/]+)(?:/([^/]+))?}) {
        answer($conn, 200, control($1, $2, $3) . "\n");

    } elsif ($uri =~ m{/status/(\d+)}) {
        answer($conn, $1, "from the backend\n", 'X-Backend: yes');

    } elsif ($uri =~ m{/page\b}) {
        answer($conn, 404, "<html>\r\n<head><title>404 Not Found</title>"
                           . "</head>\r\n</html>\r\n");

    } elsif ($uri =~ m{/accel(/.*)}) {
        answer($conn, 200, "never seen\n", "X-Accel-Redirect: $1");

    } elsif ($uri =~ m{/hang\b}) {
        sleep 10;

    } elsif ($uri =~ m{/websocket\b}) {
        websocket($conn, $text);

    } else {
        sleep $1 / 1000 if $uri =~ m{/slow/(\d+)};
        $text =~ s/\r//g;
        answer($conn, 200, "$text\n$body");
    }
}

sub answer {
    my ($conn, $code, $body, @headers) = @_;

    push @headers, 'Content-Type: text/plain'
        if !grep { /^Content-Type/ } @headers;

    print $conn join "\r\n", "HTTP/1.1 $code Status", @headers,
        'Content-Length: ' . length $body, 'Connection: close', '', $body;
}

# RFC 6455, 4.2.2, then a text and the end.

sub websocket {
    my ($conn, $text) = @_;

    my %header = map { /\A([^:]+): *(.*?)\r?\z/ ? (lc $1, $2) : () }
                 split /\n/, $text;
    my $key = $header{'sec-websocket-key'};

    return answer($conn, 400, "no handshake\n")
        if !defined $key || lc($header{upgrade} // '') ne 'websocket';

    my $accept = MIME::Base64::encode_base64(
        Digest::SHA::sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'), '');
    my $protocols = $header{'sec-websocket-protocol'} // '';
    my ($protocol) = split /\s*,\s*/, $protocols;

    print $conn join "\r\n", 'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket', 'Connection: Upgrade',
        "Sec-WebSocket-Accept: $accept",
        defined $protocol ? "Sec-WebSocket-Protocol: $protocol" : (),
        'X-Protocols: ' . length $protocols,
        'X-Sub: ' . ($header{'x-social-sub'} // ''),
        '', "\x81\x05hello\x88\x00";
}

sub path { return "$dir/$_[0].$_[1]" }

sub read_file {
    my ($path) = @_;

    open my $in, '<', $path or return undef;
    binmode $in;
    local $/;
    return scalar(<$in>) // '';
}

# One byte for each request, since appending is atomic.

sub count { return -s path($_[0], 'count') || 0 }

sub control {
    my ($id, $what, $value) = @_;

    if ($what eq 'mode') {
        open my $out, '>', path($id, 'new') or die;
        print $out $value;
        close $out;
        rename path($id, 'new'), path($id, 'mode');
        return $value;
    }

    if ($what eq 'sleep') {
        sleep $value / 1000;

    } elsif ($what eq 'open') {
        open my $out, '>', path($id, 'gate') or die;

    } elsif ($what eq 'times') {
        return join ',', split /\n/, read_file(path($id, 'times')) // '';

    } elsif ($what eq 'wait' || $what eq 'more') {
        my $end = time + 5;
        my $wanted = $what eq 'wait' ? $value : count($id) + $value;
        sleep 0.01 while count($id) < $wanted && time < $end;
    }

    return count($id);
}

# Counts a request of ID; returns its mode, after the delay of the mode.

sub arrive {
    my ($id, $mode) = @_;

    open my $times, '>>', path($id, 'times') or die;
    syswrite $times, time . "\n";
    close $times;

    open my $out, '>>', path($id, 'count') or die;
    syswrite $out, '.';
    close $out;

    $mode = read_file(path($id, 'mode')) // $mode;

    if ($mode =~ s/\Agate-//) {
        my $end = time + 30;
        sleep 0.01 while !-e path($id, 'gate') && time < $end;
    }

    sleep $1 / 1000 if $mode =~ s/\Aslow-(\d+)-//;

    return $mode;
}

sub json { return 'Content-Type: application/json' }

sub keys_of {
    my ($conn, $id, $mode) = @_;

    $mode = arrive($id, $mode);

    if (!bad($conn, $id, $mode)) {
        answer($conn, 200, read_file("$keys/$mode.json") // '', json());
    }
}

sub document_of {
    my ($conn, $issuer, $id, $mode) = @_;

    my $uri = "http://127.0.0.1:$port/keys/$id/main";
    $mode = arrive("$id-doc", $mode);

    my %documents = (
        good => qq({"issuer":"$issuer","jwks_uri":"$uri"}),
        secret => qq({"issuer":"$issuer","jwks_uri":"$uri?key=geheim"}),
        path => qq({"issuer":"$issuer/path","jwks_uri":"$uri"}),
        slash => qq({"issuer":"$issuer/","jwks_uri":"$uri"}),
        moved => qq({"issuer":"$issuer",)
                 . qq("jwks_uri":"http://127.0.0.1:$port/keys/$id-there/next"}),
        another => qq({"issuer":"https://other.example","jwks_uri":"$uri"}),
        nobody => qq({"jwks_uri":"$uri"}),
        nowhere => qq({"issuer":"$issuer"}),
        list => qq({"issuer":"$issuer","jwks_uri":["$uri"]}),
        plain => qq({"issuer":"$issuer",)
                 . qq("jwks_uri":"http://keys.example.com/geheim"}),
        file => qq({"issuer":"$issuer","jwks_uri":"file:///etc/passwd"}),
        twice => qq({"issuer":"$issuer","issuer":"$issuer",)
                 . qq("jwks_uri":"$uri"}),
    );

    if (!bad($conn, $id, $mode)) {
        answer($conn, 200, $documents{$mode} // '', json());
    }
}

# Sends a faulty response; returns false if the mode is not one of a fault.

sub bad {
    my ($conn, $id, $mode) = @_;

    return 1 if $mode eq 'close';

    if ($mode eq 'hang') {
        sleep 10;

    } elsif ($mode =~ /\A(?:status-)?([1-9]\d\d)\z/) {
        answer($conn, $1, "out of order\n");

    } elsif ($mode eq 'redirect') {
        answer($conn, 302, '', "Location: /keys/$id-there/main");

    } elsif ($mode eq 'elsewhere') {
        answer($conn, 302, '', 'Location: http://192.0.2.1/keys');

    } elsif ($mode eq 'loop') {
        answer($conn, 307, '', "Location: /keys/$id/loop");

    } elsif ($mode eq 'gzip' || $mode eq 'deflate') {
        answer($conn, 200, read_file("$keys/main.json"), json(),
               "Content-Encoding: $mode");

    } elsif ($mode eq 'identity') {
        answer($conn, 200, "\xef\xbb\xbf" . read_file("$keys/main.json"),
               json(), 'Content-Encoding: Identity');

    } elsif ($mode eq 'reset') {
        print $conn "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";
        $conn->flush;
        setsockopt $conn, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;

    } elsif ($mode eq 'drip') {
        print $conn "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";

        for (1 .. 100) {
            print $conn ' ' or last;
            $conn->flush;
            sleep 0.1;
        }

    } elsif ($mode eq 'huge') {
        print $conn "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        print $conn ' ' x 65536 or last for 1 .. 64;

    } elsif ($mode eq 'text') {
        answer($conn, 200, "no keys\n");

    } elsif ($mode eq 'short') {
        print $conn "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";

    } else {
        return 0;
    }

    return 1;
}
