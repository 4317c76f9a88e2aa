#!/usr/bin/perl

# Requests that are signed for a private bucket: the store verifies them, and a
# server that shows what it gets says what was sent.

use strict;
use warnings;

use lib 't/lib';

use SocialNginx;
use SocialS3;
use Test::More;

my $port = SocialNginx::free_port();
my $closed = SocialNginx::free_port();
my $rude = SocialNginx::free_port();
my $h2 = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/private',
                       token => 'TOKEN/+=');
my $secret = $s3->{secret};

# none is there

$ENV{AWS_CONTAINER_CREDENTIALS_FULL_URI} = "http://127.0.0.1:$closed/";

mkdir "$dir/root";

# which came with nginx 1.29.4

my $two = SocialNginx::version() < 1_029_004 ? '' : <<"_EOC_";
        location /two/ {
            social_s3_sign shown;
            proxy_pass http://shown;
            proxy_http_version 2;
        }
_EOC_

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    proxy_cache_path $dir/cache keys_zone=assets:1m;

    # the first ones do not answer: the request is sent again

    upstream store {
        server 127.0.0.1:$closed max_fails=0;
        server 127.0.0.1:$rude max_fails=0;
        server 127.0.0.1:$port max_fails=0;
    }
    server { listen 127.0.0.1:$rude; return 444; }
    upstream shown { server 127.0.0.1:$port; keepalive 2; }

    social_bucket private {
        region      eu-west-1;
        endpoint    http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    social_bucket shown {
        bucket      shown;
        region      eu-west-1;
        endpoint    https://s3.example.com;
        path_style  off;
        credentials file $dir/credentials;
    }
    social_bucket nobody {
        bucket      private;
        region      eu-west-1;
        endpoint    http://127.0.0.1:$port/objects;
        credentials container;
    }

    server {
        listen 127.0.0.1:$port;

        location /objects/ { social_store private root=$dir/root; }

        location / {
            default_type text/plain;
            return 200 "\$request|\$host|\$http_authorization|\$http_cookie|\$http_x_amz_date|\$http_x_amz_security_token|\$http_range|\$http_x_social_sub|\$http_x_custom|\$http_connection";
        }
    }

    server {
        @{[ SocialNginx::version() < 1_025_001
            ? "listen 127.0.0.1:$h2 http2;"
            : "listen 127.0.0.1:$h2; http2 on;" ]}
        location / { social_s3_sign private; proxy_pass http://store; }
    }

    server {
        listen 127.0.0.1:$port;
        server_name assets;

        location / {
            social_s3_sign private;
            proxy_pass http://store;
        }

        location /with/uri/ {
            social_s3_sign private;
            proxy_pass http://store/images/;

            location /with/uri/not/ { proxy_pass http://shown/; }
        }

        location /variable/ {
            social_s3_sign private;
            proxy_pass http://store/\$arg_key;
        }

        location /rewritten/ {
            rewrite ^/rewritten/(.*) /images/\$1 break;
            social_s3_sign private;
            proxy_pass http://store;
        }

        location /if/ {
            social_s3_sign private;
            proxy_pass http://store/images/;
            if (\$arg_set) { set \$any 1; }
            if (\$arg_other) { proxy_pass http://store; }
        }

        location /cached/ {
            social_s3_sign private;
            proxy_pass http://store/images/;
            proxy_cache assets;
            proxy_cache_valid 200 1h;
            proxy_cache_key \$uri;
            proxy_cache_lock on;
            add_header X-Cache \$upstream_cache_status;
        }

        # by the key that nginx makes

        location /images/sub/ {
            social_s3_sign private;
            proxy_pass http://store;
            proxy_cache assets;
            proxy_cache_valid 200 1h;
            add_header X-Cache \$upstream_cache_status;
        }

        location /cached/sliced/ {
            slice 100;
            social_s3_sign private;
            proxy_pass http://store/images/;
            proxy_set_header Range \$slice_range;
            proxy_cache assets;
            proxy_cache_valid 200 206 1h;
            proxy_cache_key \$uri\$slice_range;
        }

        location /default/ {
            social_s3_sign private;
            proxy_pass http://store/images/;
            proxy_intercept_errors on;
            error_page 403 404 = /images/a;
        }

        location /shown/ {
            social_s3_sign shown args=versionId,response-content-type;
            proxy_pass http://shown;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Amz-Date forged;
            proxy_set_header X-Custom yes;
            proxy_set_header X-Social-Sub someone;
        }

        location /body/ {
            social_s3_sign shown;
            proxy_pass http://shown;
            proxy_set_body "a body";
        }

$two
        location /fast/ {
            social_s3_sign shown;
            fastcgi_pass 127.0.0.1:$port;
        }

        location /nobody/ {
            social_s3_sign nobody;
            proxy_pass http://store/images/;
        }

        location /nobody/cached/ {
            social_s3_sign nobody;
            proxy_pass http://store/images/;
            proxy_cache assets;
            proxy_cache_valid 200 1h;
            set \$key \$arg_key;
            proxy_cache_key /cached/\$key;
        }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

sub get {
    my ($path, %opt) = @_;

    return $s3->exchange($opt{method} // 'GET', $path, %opt,
        headers => { host => 'assets', %{ $opt{headers} // {} } });
}

sub body_is {
    my ($path, $body, $name) = @_;

    my $got = get($path);
    is("$got->{status} $got->{body}", "200 $body", $name // $path);
    return $got;
}

# objects with the names that are wrong most often

my %objects = (
    'images/a' => 'a picture', 'images/a b' => 'with a space',
    'images/a+b' => 'with a plus', 'images/%2F' => 'with an escape',
    "images/\xc3\xa9" => 'of another language', "images/a'(1)!*~;=" => 'odd',
    'images/a?b#c' => 'with a query', 'images/sub/b' => 'below',
    'images/big' => join('', map { chr(65 + $_ % 26) } 1 .. 1000),
);

for my $key (sort keys %objects) {
    my $path = '/' . SocialS3::escape($key);
    $path =~ s/%2F/\//g if $key !~ /%2F/;
    $path = '/images/%252F' if $key =~ /%2F/;
    is($s3->request(PUT => $path, body => $objects{$key})->{status}, 200,
       "there is $key");
}

is($s3->exchange(GET => '/objects/private/images/a')->{status}, 403,
   'nobody else may read them');

body_is('/images/a', 'a picture', 'a request is signed');
is(get('/images/a', method => 'HEAD')->{headers}{'content-length'}, 9,
   '... and a HEAD');
body_is('/images/a%20b', 'with a space');
body_is('/images/a+b', 'with a plus');
body_is('/images/a%2Bb', 'with a plus', '... in another spelling');
body_is('/images/%252F', 'with an escape');
body_is('/images/%C3%A9', 'of another language');
body_is("/images/\xc3\xa9", 'of another language', '... unescaped');
body_is("/images/a'(1)!*~;=", 'odd');
body_is('/images/a%3Fb%23c', 'with a query', 'a question mark in a key');
body_is('/images%2Fa', 'a picture', 'an escaped slash');

body_is('/with/uri/a+b', 'with a plus', 'by "proxy_pass" with a URI');
body_is('/with/uri/a%20b', 'with a space', '... and a space');
body_is('/with/uri/%C3%A9', 'of another language', '... and a letter');
body_is('/with/uri/%252F', 'with an escape', '... and an escape');
body_is('/with/uri/a%3Fb%23c', 'with a query', '... and a question mark');
body_is('/with/uri/sub/../a', 'a picture', '... after nginx has resolved dots');
body_is('/rewritten/a+b', 'with a plus', 'after a "rewrite"');
body_is('/rewritten/a%3Fb%23c', 'with a query', '... and a question mark');
body_is('/if/a', 'a picture', 'beside an "if"');
body_is('/if/a?set=1', 'a picture', '... and in it');
is(get('/if/a?other=1')->{status}, 404, '... with another "proxy_pass"');
like(get('/with/uri/not/a')->{body}, qr{\AGET /a HTTP/1\.[01]\|[^|]*\|\|},
     'a nested location is not signed');

# what comes with a request

my $got = get('/images/big', headers => { range => 'bytes=10-19' });
is("$got->{status} $got->{body}", '206 '
   . substr($objects{'images/big'}, 10, 10), 'a part');
my $etag = get('/images/a')->{headers}{etag};
is(get('/images/a', headers => { 'if-none-match' => $etag })->{status}, 304,
   'what a browser has already');
is(get('/images/a', headers => {
       authorization => 'Bearer x', cookie => 'a=b',
       'x-amz-date' => '20200101T000000Z', 'x-amz-acl' => 'public-read',
       'x-amz-content-sha256' => 'UNSIGNED-PAYLOAD' })->{status}, 200,
   'headers of the client that would break the signature');
body_is('/images/a?acl&list-type=2&X-Amz-Expires=1', 'a picture',
        'arguments of the client that ask for something else');

my %shown;

sub shown {
    my ($path, %headers) = @_;

    @shown{qw( request host authorization cookie date token range sub custom
               connection )} =
        split /\|/, get($path, headers => \%headers)->{body}, -1;
    return;
}

shown('/shown/a%20b?a=1&versionId=2&acl&response-content-type=a%2Fb',
      authorization => 'Bearer x', cookie => 'a=b', range => 'bytes=0-1');

is($shown{request}, 'GET /shown/a%20b?versionId=2&response-content-type=a%2Fb '
   . 'HTTP/1.1', 'only arguments that are named are sent');
is($shown{host}, 'shown.s3.example.com', 'to the bucket\'s host');
like($shown{authorization}, qr{\AAWS4-HMAC-SHA256[ ]Credential=
     $s3->{access_key}/\d{8}/eu-west-1/s3/aws4_request,[ ]
     SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,[ ]
     Signature=[0-9a-f]{64}\z}x, 'signed');
is($shown{cookie}, '', 'without cookies');
like($shown{date}, qr/\A\d{8}T\d{6}Z\z/, 'with one date');
is($shown{token}, 'TOKEN/+=', 'with the session token');
is($shown{range}, 'bytes=0-1', 'with the range');
is($shown{sub}, '', 'without an identity');
is($shown{custom}, 'yes', 'with other headers of "proxy_set_header"');
is($shown{connection}, '', '... without those that it has removed');

# what cannot be signed

for my $method (qw( POST PUT DELETE OPTIONS )) {
    my $got = get('/images/a', method => $method, body => '');

    is($got->{status}, 405, "$method is not allowed");
    is($got->{headers}{allow}, 'GET, HEAD', '... others are');
}

is(get('/images/a', body => 'x')->{status}, 400, 'a body is refused');
is(get('/images/a', headers => { 'content-length' => 0 })->{status}, 200,
   '... an empty one is not');

is(get($_)->{status}, 404, "$_ is not an object")
    for '/', '/?list-type=2', '/a%FF', '/a%0D%0AX:%20y', '/' . 'a' x 1025,
        '/variable/?key=';
is(get('/variable/?key=images/a')->{status}, 404,
   'a variable is of the arguments that are passed');
is(get('/none')->{status}, 404, 'an object that is not there');

my $sock = $s3->connection;
is(get($_->[0], sock => $sock)->{status}, $_->[1],
   "$_->[0] on a connection that is kept")
    for ['/', 404], ['/nobody/a', 503], ['/images/a', 200];
is(get('/body/a')->{status}, 500, 'a body of "proxy_set_body" is an error');
is(get('/fast/a')->{status}, 500, '... and so is another upstream');
is(get('/two/a')->{status}, 500, '... and HTTP/2') if $two;

# HTTP/2

sub h2 {
    my (@args) = @_;
    return scalar `curl -s --http2-prior-knowledge @args`;
}

SKIP: {
    skip 'curl has no HTTP/2', 2 if `curl -V 2>&1` !~ /\bHTTP2\b/;

    my $url = "http://127.0.0.1:$h2/images";
    is(h2("$url/a+b"), 'with a plus', 'a request of HTTP/2');
    like(h2("-I $url/a"), qr/\AHTTP.2 200 .*^content-length: 9\r$/ms,
         '... a HEAD');
}

# a cache

$got = body_is('/cached/a', 'a picture');
is($got->{headers}{'x-cache'}, 'MISS', '... was not in the cache');
$got = body_is('/cached/a?other=1', 'a picture');
is($got->{headers}{'x-cache'}, 'HIT', '... and is now');
is(get('/cached/sub/b', method => 'HEAD')->{headers}{'x-cache'}, 'MISS',
   'a HEAD');
is(body_is('/cached/sub/b', 'below')->{headers}{'x-cache'}, 'HIT',
   '... has filled the cache');

is(get('/images/sub/b?a=1')->{headers}{'x-cache'}, 'MISS',
   'a key of nginx\'s own');
is(get('/images/sub/b?a=2')->{headers}{'x-cache'}, 'HIT',
   '... is without arguments that are not sent');

is($s3->request(PUT => '/images/big2', body => $objects{'images/big'})
   ->{status}, 200, 'another object');
$got = get('/cached/sliced/big2', headers => { range => 'bytes=150-349' });
is("$got->{status} $got->{body}",
   '206 ' . substr($objects{'images/big'}, 150, 200), 'slices are signed');
body_is('/cached/sliced/big2', $objects{'images/big'}, '... and all of them');
body_is('/default/none', 'a picture', 'what is shown in place of nothing');

# without credentials

for my $path ('/nobody/a', '/nobody/cached/x?key=none') {
    $got = get($path);
    is("$got->{status} " . ($got->{headers}{'retry-after'} // ''), '503 2',
       "$path without credentials");
    like($got->{body}, qr/\A\{"message":"Service Unavailable",/, '... says so');
}

is(get('/nobody/cached/x?key=none', method => 'HEAD')->{status}, 503,
   '... and to a HEAD');
body_is('/nobody/cached/x?key=a', 'a picture', 'what is cached needs none');

$nginx->stop;

my $log = $nginx->error_log . SocialNginx::slurp("$dir/logs/access.log");
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing went wrong');
unlike($log, qr/TOKEN\/|Signature=|\Q$secret\E/, 'and nothing secret is logged');
like($log, qr/social: requests of "proxy_pass" only can be signed/,
     'it is said what is not supported');
like($log, qr/social: a request for bucket "shown" cannot be signed/,
     '... and why');

done_testing();
