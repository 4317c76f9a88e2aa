package Test::Nginx::Http;

# The client: sends the pieces of a request, reads until the server closes
# the connection, and takes the answer apart.
#
# It reads to the close and does not stop at the end of a response, because
# the original does so: a suite that passes here must not time out there.

use strict;
use warnings;

use Errno qw( EAGAIN ECONNREFUSED EINPROGRESS EINTR );
use IO::Select ();
use IO::Socket::INET ();
use Socket qw( inet_aton pack_sockaddr_in SOL_SOCKET SO_ERROR );
use Test::Nginx::Process;
use Test::Nginx::Util;
use Time::HiRes qw( sleep time );

# Sends one request.  Answers with the bytes of the answer, and what went
# wrong: "timeout", a text, or undef.

sub exchange {
    my ($block, $pieces, $timeout) = @_;

    my ($sock, $error) = connect_to_server($block, $timeout);
    return ('', $error) if !$sock;

    local $SIG{PIPE} = 'IGNORE';

    my $delay = parse_time(section($block, 'raw_request_middle_delay')) || 0;
    my @todo = map { { %$_ } } @$pieces;
    my ($out, $in) = ('', '');
    my $write_at = 0;
    my $readable = IO::Select->new($sock);
    my $writing = 1;

    $out = (shift @todo)->{value} if @todo;

    while (1) {
        if ($writing && $out eq '') {
            if (@todo) {
                my $piece = shift @todo;
                $out = $piece->{value};
                $write_at = time + ($piece->{delay_before} // $delay);
                next;
            }

            $writing = 0;
            shut_down($block, $sock);
        }

        # until a delayed piece is due, only read
        my $wait = $writing ? $write_at - time : 0;
        my $write_now = $writing && $wait <= 0;

        my ($can_read, $can_write) = IO::Select->select(
            $readable, $write_now ? $readable : undef, undef,
            $wait > 0 ? $wait : $timeout);

        if (!defined $can_read) {
            next if $! == EINTR || $wait > 0;

            close $sock;
            return ($in, 'timeout');
        }

        if (@$can_read) {
            my $n = sysread $sock, $in, 65536, length $in;

            return ($in, undef) if defined $n && $n == 0;

            if (!defined $n && $! != EAGAIN && $! != EINTR) {
                warn "# ", $block->name, " - read failed: $!\n";
                return ($in, undef);
            }
        }

        if ($can_write && @$can_write) {
            my $n = syswrite $sock, $out;

            if (defined $n) {
                substr $out, 0, $n, '';

            } elsif ($! != EAGAIN && $! != EINTR) {
                # the server may have answered early and closed
                $writing = 0;
            }
        }
    }
}

# nginx listens when this is called; an attempt that is refused is repeated
# for the sake of a reload, or of a server that is not under our control.

sub connect_to_server {
    my ($block, $timeout) = @_;

    my $host = section($block, 'server_addr_for_client') // $ServerAddr;
    my $ip = inet_aton($host)
        or bail_out($block->name . " - cannot resolve \"$host\"");
    my $end = time + $timeout;
    my $error;

    while (1) {
        my $sock = IO::Socket::INET->new(Proto => 'tcp', Blocking => 0)
            or return (undef, "cannot make a socket: $!");

        my $to = pack_sockaddr_in($ServerPortForClient, $ip);

        return ($sock, undef) if connect $sock, $to;
        $error = $!;

        if ($error == EINPROGRESS) {
            my $wait = $end - time;
            IO::Select->new($sock)->can_write($wait > 0 ? $wait : 0)
                or return (undef, 'timeout');

            $error = $! = $sock->sockopt(SO_ERROR);
            return ($sock, undef) if !$error;
            $error = "$!";
        }

        last if time >= $end || Test::Nginx::Process::started()
                                && !Test::Nginx::Process::running();
        sleep 0.005;
    }

    return (undef, "cannot connect to $host:$ServerPortForClient: $error");
}

# "--- shutdown" closes one side when all is sent: 0, 1 (also when the
# section is empty) or 2, as in shutdown(2).

sub shut_down {
    my ($block, $sock) = @_;

    my $how = section($block, 'shutdown');
    return if !defined $how;

    shutdown $sock, $how =~ /(\d)/ ? $1 : 1;
}

# HTTP/2 is left to curl.  Same answers as exchange().

sub exchange_by_curl {
    my ($block, $pieces, $timeout) = @_;

    my $bytes = join '', map { $_->{value} } @$pieces;
    my ($head, $body) = split /\r\n\r\n/, $bytes, 2;
    my ($line, @headers) = split /\r\n/, $head;
    my ($method, $url) = split / /, $line;

    my @cmd = ('curl', '--http2-prior-knowledge', '-i', '-sS', '--path-as-is',
               '--max-time', $timeout);
    my %seen;

    for my $header (@headers) {
        next if $header =~ /\AConnection\s*:/i;
        push @cmd, '-H', $header;
        $seen{lc $1} = 1 if $header =~ /\A([^:]+)/;
    }

    # nothing is sent that the block does not name
    for my $header (qw( User-Agent Accept Content-Type )) {
        push @cmd, '-H', "$header:" if !$seen{lc $header};
    }

    push @cmd, $method eq 'HEAD' ? '-I' : ('-X', $method)
        if $method ne 'GET' || defined $body && $body ne '';

    if (defined $body && $body ne '') {
        my $file = "$LogDir/curl.body";
        Test::Nginx::Conf::write_file($file, $body);
        push @cmd, '--data-binary', "\@$file";
    }

    my $options = section($block, 'curl_options');
    push @cmd, $options if defined $options;

    my $host = section($block, 'server_addr_for_client') // $ServerAddr;
    push @cmd, "http://$host:$ServerPortForClient$url";

    my $stderr = "$LogDir/curl.stderr";
    my $pid = open my $out, '-|';
    bail_out("fork() failed: $!") if !defined $pid;

    if (!$pid) {
        open STDERR, '>', $stderr;
        { no warnings 'exec'; exec { $cmd[0] } @cmd; }
        syswrite STDERR, "cannot run curl: $!\n";
        POSIX::_exit(127);
    }

    binmode $out;
    my $answer = do { local $/; <$out> } // '';
    close $out;

    my $status = $? >> 8;
    return ($answer, 'timeout') if $status == 28;
    return ($answer, undef) if $status == 0;

    my $said = Test::Nginx::Process::read_text($stderr);
    return ($answer, "curl failed ($status): $said");
}

# Takes an answer apart.  Answers with the response,
#
#     { code, raw_headers, headers => [[name, value], ...], body }
#
# the bytes after it, and what is wrong with it, if anything is.

sub parse_response {
    my ($bytes, $is_head) = @_;

    my $res = { code => undef, raw_headers => '', headers => [],
                body => '' };
    my $rest = '';

    if ($bytes =~ /\A(.*?\r\n)\r\n/s) {
        $res->{raw_headers} = $1;
        $rest = substr $bytes, $+[0];
    }

    my ($line, @headers) = split /\r?\n/, $res->{raw_headers} || $bytes;

    $res->{code} = $1
        if defined $line && $line =~ m{\AHTTP/\S+ +(\d+)(?: |\z)};

    # what is not a response is all body, to be shown by a failing test
    $rest = $bytes if !defined $res->{code} && $res->{raw_headers} eq '';

    for my $header (@headers) {
        push @{ $res->{headers} }, [ $1, $2 ]
            if $header =~ /\A([^:\s]+)\s*:\s*(.*?)\s*\z/;
    }

    my $code = $res->{code} // 0;
    my $encoding = header($res, 'Transfer-Encoding') // '';
    my $length = header($res, 'Content-Length');
    my ($left, $wrong) = ('', undef);

    if ($code == 304 || $code == 101) {
        $res->{body} = $rest;

    } elsif ($encoding eq 'chunked') {
        ($res->{body}, $left, $wrong) = decode_chunks($rest);

    } elsif (defined $length && $length =~ /\A\d+\z/ && !$is_head) {
        if (length $rest < $length) {
            warn "# the body is truncated: $length bytes were announced, ",
                 length $rest, " were got\n";
        }

        $res->{body} = substr $rest, 0, $length;
        $left = length $rest > $length ? substr($rest, $length) : '';

    } elsif ($is_head) {
        # a body of one byte or more must not be there
        ($res->{body}, $left) = ('', $rest);

    } else {
        $res->{body} = $rest;
    }

    return ($res, $left, $wrong);
}

sub decode_chunks {
    my ($raw) = @_;

    my $body = '';

    while ($raw =~ /\G[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n/gc) {
        my $size = hex $1;

        if ($size == 0) {
            # trailers, if any, and an empty line
            return ($body, substr($raw, pos $raw), undef)
                if $raw =~ /\G(?:[^\r\n]+\r\n)*\r\n/gc;

            return ($body, '', 'the last chunk is not ended');
        }

        my $at = pos $raw;

        return ($body . substr($raw, $at), '', 'a chunk is not whole')
            if length($raw) < $at + $size + 2;

        $body .= substr $raw, $at, $size;

        return ($body, '', 'no CRLF after a chunk')
            if substr($raw, $at + $size, 2) ne "\r\n";

        pos($raw) = $at + $size + 2;
    }

    my $at = pos($raw) // 0;
    return ($body, '', $at < length $raw ? 'bad chunk size'
                                         : 'there is no last chunk');
}

# The values of a header, joined as one line; undef when it is not there.

sub header {
    my ($res, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
                 @{ $res->{headers} };

    return @values ? join(', ', @values) : undef;
}

1;
