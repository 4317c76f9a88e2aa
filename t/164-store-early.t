#!/usr/bin/perl

# The embedded store: what nginx refuses before it knows a location; requests
# that are sent one after the other on a connection, without waiting; and
# objects on all the ways that they leave nginx.

use strict;
use warnings;

use lib 't/lib';

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialNginx;
use SocialS3;
use Test::More;

my ($port, $other, $h2, $ways) = map { SocialNginx::free_port() } 1 .. 4;
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/raw');
mkdir "$dir/root";

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    large_client_header_buffers 2 2k;
    social_bucket raw {
        region eu-west-1;
        endpoint https://s3.example.com;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location / { social_store raw root=$dir/root public=pub/; }
        location /page/ { return 200 'a page'; }
    }
    server {
        listen 127.0.0.1:$h2 http2;
        location / { social_store raw root=$dir/root public=pub/; }
    }
    server {
        listen 127.0.0.1:$ways sndbuf=32k;
        sendfile on;
        tcp_nopush on;
        location /sendfile/ {
            social_store raw root=$dir/root part=pub/ public=pub/;
        }
        location /chunk/ {
            sendfile_max_chunk 20k;
            social_store raw root=$dir/root part=pub/ public=pub/;
        }
        location /copied/ {
            sendfile off;
            social_store raw root=$dir/root part=pub/ public=pub/;
        }
        location /rate/ {
            limit_rate 40m;
            social_store raw root=$dir/root part=pub/ public=pub/;
        }
        location /gzip/ {
            gzip on;
            gzip_types text/plain;
            social_store raw root=$dir/root part=pub/ public=pub/;
        }
        location /ssi/ {
            ssi on;
            alias $dir/html/;
        }
        location /moved/ {
            rewrite ^/moved/(.*) /sendfile/\$1 last;
        }
    }
    server {
        listen 127.0.0.1:$other;
        location /s/ { social_store raw root=$dir/root public=pub/; }
    }
}
_EOC_
$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} == $$ }

# All that comes until the connection is closed; with "ends", nothing follows.

sub raw {
    my ($to, $text, $ends) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to",
                                     Timeout => 10) or die "$!\n";
    local $SIG{PIPE} = 'IGNORE';
    print {$sock} $text;
    $sock->flush;
    shutdown $sock, 1 if $ends;

    my $got = '';
    my $select = IO::Select->new($sock);
    while ($select->can_read(10)) {
        sysread($sock, $got, 65536, length $got) or last;
    }

    return $got;
}

my $long = 'l' x 3000;

subtest 'errors before a location' => sub {
    for ([ 'no request line', 'BadRequest', 400, "\x16\x03\x01\r\n\r\n" ],
         [ 'a method that is none', 'BadRequest', 400,
           "get /raw/x HTTP/1.1\r\nHost: a\r\n\r\n" ],
         [ 'an unknown version', 'InternalError', 505,
           "GET /raw/x HTTP/7.0\r\nHost: a\r\n\r\n" ],
         [ 'a long line', 'InvalidURI', 414,
           "GET /raw/$long HTTP/1.1\r\nHost: a\r\n\r\n" ],
         [ 'a large header', 'BadRequest', 400,
           "GET /raw/x HTTP/1.1\r\nHost: a\r\nX-Amz-Meta-A: $long\r\n\r\n" ],
         [ 'no host', 'BadRequest', 400, "GET /raw/x HTTP/1.1\r\n\r\n" ],
         [ 'a bad host', 'BadRequest', 400,
           "GET /raw/x HTTP/1.1\r\nHost: a/b\r\n\r\n" ],
         [ 'a bad length', 'BadRequest', 400,
           "PUT /raw/x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" ],
         [ 'two lengths', 'BadRequest', 400,
           "PUT /raw/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
           . "Content-Length: 2\r\n\r\n" ],
         [ 'a length and chunks', 'BadRequest', 400,
           "PUT /raw/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
           . "Transfer-Encoding: chunked\r\n\r\n" ])
    {
        my ($name, $code, $status, $text) = @$_;

        my $got = raw($port, $text, 1);
        like($got, qr{\AHTTP/1\.1[ ]$status[ ]}x, "$name: $status");
        like($got, qr{^Content-Type:[ ]application/xml\r$}mx, '... XML');
        like($got, qr{^x-amz-request-id:[ ]([0-9a-f]+)\r$ .*
             <Error><Code>$code</Code><Message>[^<]+</Message>
             .*<RequestId>\1</RequestId></Error>\z}msx, "... $code");

        unlike(raw($other, $text, 1), qr{<Error>},
               '... and not where other things are served');
    }

    like(raw($port, "GET /page/ HTTP/1.0\r\n\r\n"), qr{a page\z},
         'other locations are as they were');
};

subtest 'requests one after the other' => sub {
    my $body = 'x' x 1000;
    is($s3->request(PUT => '/pub/a', body => $body)->{status}, 200, 'an object');
    is($s3->request(PUT => '/pub/l', body => $body x 200)->{status}, 200,
       'a large one');

    # HEAD has no body, whatever the status is, and neither have 304 and 204

    my @ask = (
        [ "HEAD /raw/pub/a HTTP/1.1\r\n", 200, 0 ],
        [ "GET /raw/pub/a HTTP/1.1\r\n", 200, 1000 ],
        [ "HEAD /raw/pub/none HTTP/1.1\r\n", 404, 0 ],
        [ "GET /raw/pub/none HTTP/1.1\r\n", 404, undef ],
        [ "GET /raw/pub/a HTTP/1.1\r\nContent-Length: 5\r\n", 200, 1000,
          'GET /' ],
        [ "HEAD /raw/pub/l HTTP/1.1\r\n", 200, 0 ],
        [ "GET /raw/pub/a HTTP/1.1\r\nIf-None-Match: *\r\n", 304, 0 ],
        [ "HEAD /raw/pub/a HTTP/1.1\r\nRange: bytes=0-1\r\n", 206, 0 ],
        [ "GET /raw/pub/l HTTP/1.1\r\nRange: bytes=5-9\r\n", 206, 5 ],
        [ "GET /raw/pub/a HTTP/1.1\r\nRange: bytes=1000-\r\n", 416, undef ],
        [ "HEAD /raw/pub/a HTTP/1.1\r\nRange: bytes=1000-\r\n", 416, 0 ],
        [ "HEAD /raw/pub/a HTTP/1.1\r\nIf-Match: \"x\"\r\n", 412, 0 ],
        [ "PUT /raw/pub/a HTTP/1.1\r\nContent-Length: 5\r\n", 403, undef,
          'abcde' ],
        [ "PUT /raw/pub/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", undef,
          undef, "5\r\nabcde\r\n0\r\n\r\n" ],
        [ "DELETE /raw/pub/a HTTP/1.1\r\n", 403, undef ],
        [ "GET /raw/pub/l HTTP/1.1\r\nConnection: close\r\n", 200, 200_000 ]);

    my $got = raw($port, join '', map {
        my ($line, undef, undef, $sent) = @$_;
        $line . "Host: s3.example.com\r\n\r\n" . ($sent // '') } @ask);

    for (@ask) {
        my ($line, $status, $size) = @$_;
        $line =~ s/\r\n/ /g;

        ok($got =~ s{\AHTTP/1\.1 (\d+) (.*?)\r\n\r\n}{}s, $line)
            or return diag(substr $got, 0, 200);
        my ($is, $headers) = ($1, $2);
        is($is, $status, "... $status") if defined $status;
        my ($length) = $headers =~ /^Content-Length: (\d+)\r?$/mi;
        $length = 0 if $line =~ /\AHEAD/ || $is == 304;
        is($length, $size, "... $size bytes") if defined $size;
        substr $got, 0, $length, '';
    }

    is($got, '', 'nothing else');
};

sub curl {
    my ($url, @options) = @_;

    open my $out, '-|', 'curl', '-s', '--max-time', 30, @options,
        "http://127.0.0.1:$url" or die "curl: $!\n";
    local $/;
    return <$out> // '';
}

# What is in memory and what is not, large and small, whole and in part.

subtest 'the ways of an object' => sub {
    my $text = join '', map { chr(97 + $_ * 7 % 26) x 997 } 0 .. 5_100;
    my %body = map { $_ => substr $text, 0, $_ }
        0, 1, 8192, 65_536, 65_537, 300_000, 5_000_000;

    for my $n (keys %body) {
        is($s3->request(PUT => "/pub/$n", body => $body{$n},
                        headers => { 'content-type' => 'text/plain' })
           ->{status}, 200, "of $n bytes");
    }

    # of some, the pages are dropped: the disk has to be asked

    my $drop = sub {
        return if (POSIX::uname())[4] ne 'x86_64';
        for my $file (glob "$dir/root/data/*/* $dir/root/objects/pub/*") {
            open my $f, '<', $file or next;
            syscall 221, fileno $f, 0, 0, 4;    # posix_fadvise(DONTNEED)
        }
    };

    for my $n (sort { $a <=> $b } keys %body) {
        for my $way (qw( sendfile chunk copied rate gzip moved )) {
            $drop->() if $way eq 'chunk' || $way eq 'copied';
            my $got = curl("$ways/$way/$n");
            ok($got eq $body{$n}, "$n, $way");
            next if $n < 10;
            my ($from, $to) = (int $n / 3, int $n / 3 * 2);
            $got = curl("$ways/$way/$n", -r => "$from-$to");
            ok($got eq substr($body{$n}, $from, $to - $from + 1), '... a part');
        }

        my $got = curl("$h2/raw/pub/$n", '--http2-prior-knowledge');
        ok($got eq $body{$n}, "$n, HTTP/2");
        $got = curl("$ways/gzip/$n", '--compressed');
        ok($got eq $body{$n}, "$n, compressed");
    }

    # of what is asked for, the first page alone is in memory

    SKIP: {
        skip 'the system has another number for fadvise64()', 1
            if (POSIX::uname())[4] ne 'x86_64';

        for my $file (grep { -s == 300_000 } glob "$dir/root/data/*/*") {
            $drop->();
            open my $f, '<:unix', $file or die;
            syscall 221, fileno $f, 0, 0, 1;        # POSIX_FADV_RANDOM
            sysread $f, my $byte, 1;
        }

        ok(curl("$ways/sendfile/300000", -r => '0-59999')
           eq substr($body{300_000}, 0, 60_000), 'a part that is partly in '
           . 'memory');
    }

    # several at once in one response

    my @all = (300_000, 1, 65_537, 300_000, 8192);
    $nginx->write_file('html/all.html', join '|', map {
        qq{<!--#include virtual="/sendfile/$_" -->} } @all);
    ok(curl("$ways/ssi/all.html") eq join('|', map { $body{$_} } @all),
       'included');

    # a slow reader, while what it has not read yet leaves the memory

    for my $way (qw( sendfile chunk )) {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ways");
        $sock->sockopt(Socket::SO_RCVBUF(), 16384);
        print {$sock} "GET /$way/5000000 HTTP/1.0\r\n\r\n";
        $sock->flush;
        my ($text, $n) = ('', 0);
        while (IO::Select->new($sock)->can_read(20)) {
            sysread($sock, $text, 65_536, length $text) or last;
            $drop->() if $n++ % 20 == 0;
            curl("$ways/copied/5000000") if $n % 50 == 0;
        }
        ok($text =~ s/\A.*?\r\n\r\n//sr eq $body{5_000_000},
           "a slow reader, $way");
    }
};

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no alert');

done_testing();
