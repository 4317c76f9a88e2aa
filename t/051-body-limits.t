#!/usr/bin/perl

# How large a body may be is what each handler says, and neither what nginx is
# configured for, nor how the body is sent: with a length, in chunks, or in
# chunks that never end, which are not waited for.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use SocialHook;
use SocialNginx;
use SocialSecrets ();
use SocialTest;                     # for SocialToken
use SocialToken qw( bearer $http_config );
use Test::More;
use Time::HiRes qw( time );

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my $hooks = $ENV{TEST_NGINX_HOOKS};
my $bearer = bearer();

# a location's directives, its limit, and what is behind its name

my %handler = (
    cognito   => [ 'social_hook cognito insecure=on;', 65_536 ],
    lambda    => [ 'social_hook lambda name=x insecure=on;', 65_536 ],
    s3        => [ 'social_hook s3 insecure=on;', 262_144 ],
    put       => [ 'social_auth main; social_presign raw put;', 4_096 ],
    post      => [ 'social_auth main; social_presign raw post;', 4_096 ],
    multipart => [ 'social_auth main; social_presign raw multipart;',
                   1_048_576, 'multipart' ],
    sign      => [ 'social_auth main; social_sign_url secret=now prefix=/a/;',
                   8_192 ],
);

my $locations = join '', map { <<"_EOC_" } sort keys %handler;
        location /$_/ { $handler{$_}[0] }
        location /if/$_/ {
            $handler{$_}[0]
            if (\$request_method = POST) { set \$posted 1; }
        }
        location /except/$_/ {
            $handler{$_}[0]
            limit_except GET { allow all; }
        }
        location /small/$_/ {
            client_body_buffer_size 1k;
            client_body_in_file_only on;
            $handler{$_}[0]
        }
        location /read/$_/ {
            mirror /mirrored;
            try_files /nothing /$_/;
        }
_EOC_

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() ]}
    $http_config
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:1;
        credentials file $hooks/credentials;
    }
    social_presign_key raw/\$social_sub/\$social_upload_id;
    client_max_body_size 0;
    server {
        listen 127.0.0.1:$port;
        root $dir/html;
        location = /mirrored { internal; return 204; }
        $locations
    }
}
_EOC_
$nginx->start($port);

sub head {
    my ($path, @headers) = @_;
    return join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
        'Connection: close', 'Content-Type: application/json', $bearer,
        @headers, '', '';
}

sub chunks {
    my ($body) = @_;
    return join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                    unpack '(a10000)*', $body;
}

# The status of the answer to these bytes, after which nothing comes.

sub status {
    my ($text) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect: $!\n";
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "no answer\n" };
    my $answer = '';

    alarm 20;
    eval {
        while (length $text) {
            my $n = syswrite $sock, $text, 65_536;
            last if !defined $n;
            substr $text, 0, $n, '';
        }

        while ($answer !~ /\r\n\r\n/) {
            sysread $sock, $answer, 65_536, length $answer or last;
        }
    };
    alarm 0;

    SocialSecrets::made_in($answer);
    return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : $@ || 'cut';
}

for my $name (sort keys %handler) {
    my (undef, $limit, $target) = @{ $handler{$name} };

    for my $where ('', '/if', '/except', '/small', '/read') {

        # uploads in parts are distinguished by what the client sent

        next if $where eq '/read' && defined $target;

        my $path = "$where/$name/" . ($target // '');
        my $body = '{"a":"' . 'x' x ($limit - 8) . '"}';
        my $more = "$body ";

        like(status(head($path, 'Content-Length: ' . length $body) . $body),
             qr/\A(?!413)\d{3}\z/, "$path: the longest");
        is(status(head($path, 'Content-Length: ' . length $more) . $more),
           413, '... and one byte more');

        my $chunked = head($path, 'Transfer-Encoding: chunked');

        like(status($chunked . chunks($body) . "0\r\n\r\n"),
             qr/\A(?!413)\d{3}\z/, '... the longest in chunks');
        is(status($chunked . chunks($more) . "0\r\n\r\n"), 413,
           '... and one byte more');

        # what has been read before was waited for by somebody else

        is(status($chunked . chunks($more)), 413, '... without an end')
            if $where ne '/read';
    }
}

is($pg->value('SELECT (SELECT count(*) FROM users)
               + (SELECT count(*) FROM uploads)'), 0, 'nothing is stored');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing else');

done_testing();
