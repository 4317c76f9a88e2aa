#!/usr/bin/perl

# The module loaded and none of its directives used costs nothing that could
# be seen: the same bytes come back, a worker has the same threads, sockets
# and shared memory, and a backend gets the same request.

use strict;
use warnings;

use lib 't/lib';

use SocialNginx;
use SocialPeers qw( http_server http_answer );
use Test::More;

my $backend = http_server('127.0.0.1', 0, sub {
    return http_answer('text/plain', $_[0]);
});

my %requests = (
    'a file' => "GET /file.txt HTTP/1.1\r\nHost: x\r\n\r\n"
                . "GET /file.txt HTTP/1.0\r\n\r\n",
    'a token' => "GET /file.txt HTTP/1.0\r\nAuthorization: Bearer a.b.c\r\n"
                 . "Origin: https://example.com\r\n\r\n",
    'a range' => "GET /file.txt HTTP/1.0\r\nRange: bytes=1-1\r\n\r\n",
    'a preflight' => "OPTIONS /file.txt HTTP/1.0\r\n"
                     . "Origin: https://example.com\r\n"
                     . "Access-Control-Request-Method: PUT\r\n\r\n",
    'no such file' => "GET /nothing HTTP/1.0\r\n"
                      . "Origin: https://example.com\r\n\r\n",
    'no request' => "\0\r\n\r\n",
    'long headers' => "GET / HTTP/1.0\r\nX: " . 'x' x 40000 . "\r\n\r\n",
    'a large body' => "POST /proxy HTTP/1.0\r\nContent-Length: 2000000\r\n"
                      . "\r\n",
    'a backend' => "GET /proxy HTTP/1.0\r\nX-Social-Sub: mine\r\n"
                   . "Authorization: Bearer a.b.c\r\n\r\n",
    'a backend away' => "GET /away HTTP/1.0\r\n\r\n",
    'a redirect' => "GET /dir HTTP/1.0\r\n\r\n",
);

my %run = map { $_ => run($_) } qw( without with );
my ($without, $with) = @run{qw( without with )};

like($with->{maps}, qr/ngx_http_social_module/, 'the module is loaded');
unlike($without->{maps}, qr/ngx_http_social_module/, '... and is not');

is($with->{answer}{$_}, $without->{answer}{$_}, "the same answer to $_")
    for sort keys %requests;

like($with->{answer}{'a backend'}, qr/^X-Social-Sub: mine/m,
     'a header that the module would erase is left alone');

is($with->{threads}, 1, 'a worker has one thread')
    if !$ENV{TEST_NGINX_USE_VALGRIND};
is($with->{threads}, $without->{threads}, '... as without the module');
is($with->{shared}, $without->{shared}, 'as much shared memory');
is($with->{sockets}, 1, 'no socket but the listener');
is($with->{log}, $without->{log}, 'the same lines in the error log');
unlike($with->{maps}, qr/libvips|libglib/, 'no libvips');

done_testing();


sub run {
    my ($how) = @_;

    my $nginx = SocialNginx->new;
    my $port = SocialNginx::free_port();
    my $load = $how eq 'with'
               ? 'load_module modules/ngx_http_social_module.so;' : '';

    $nginx->write_file('nginx.conf', <<"    END");
        $load
        events {}
        http {
            @{[ $nginx->http_paths ]}
            server {
                listen 127.0.0.1:$port;
                server_name localhost;
                lingering_timeout 100ms;
                location / { root html; }
                location /proxy {
                    proxy_pass http://127.0.0.1:@{[ $backend->port ]};
                    proxy_set_header Host backend;
                }
                location /away { proxy_pass http://127.0.0.1:1; }
            }
        }
    END

    $nginx->write_file('html/file.txt', "ok\n");
    mkdir "$nginx->{dir}/html/dir";
    utime 1, 1, "$nginx->{dir}/html/file.txt";

    $nginx->start($port);

    my $worker = $nginx->worker;
    my %answer = map {
        $_ => strip(SocialNginx::request($port, $requests{$_}), $port)
    } keys %requests;

    my $maps = SocialNginx::maps($worker);
    my $found = {
        answer => \%answer, maps => $maps, shared => shared($maps),
        threads => SocialNginx::threads($worker),
        sockets => scalar(@{ [SocialNginx::sockets($worker)] }),
    };

    $nginx->stop;
    $found->{log} = join "\n", sort map { strip($_, $port) }
        grep { /\[(?:warn|error|crit|alert|emerg)\]/ }
        split /\n/, $nginx->error_log;

    return $found;
}

# The sizes of what processes share, the largest last.

sub shared {
    my ($maps) = @_;

    no warnings 'portable';
    my @sizes;
    push @sizes, hex($2) - hex($1) while $maps =~ /^(\w+)-(\w+) \S{3}s /mg;

    return join ' ', sort { $a <=> $b } @sizes;
}

# What two runs cannot have in common.

sub strip {
    my ($text, $port) = @_;

    $text =~ s/^Date: .*\r\n//mg;
    $text =~ s/\b$port\b/PORT/g;
    $text =~ s{^\S+ \S+ (\[\w+\]) \d+#\d+: \*\d+ }{$1 };
    $text =~ s{/\S*social-nginx-\w+}{DIR}g;

    return $text;
}
