#!/usr/bin/perl

# The embedded store: requests of an independent signer over its own sockets,
# and what is on disk after each.

use strict;
use warnings;

use lib 't/lib';

use Compress::Zlib qw( crc32 );
use Digest::MD5 qw( md5 md5_hex );
use Digest::SHA qw( sha256 sha256_hex );
use Fcntl qw( :flock );
use File::Find ();
use IO::Select ();
use MIME::Base64 ();
use Socket qw( PF_INET SOCK_STREAM SOL_SOCKET SO_RCVBUF sockaddr_in
               inet_aton );
use SocialNginx;
use SocialS3;
use SocialStore;
use Test::More;
use Time::HiRes qw( sleep );

my $port = SocialNginx::free_port();
my $port2 = SocialNginx::free_port();
my $port3 = SocialNginx::free_port();
my $port4 = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $full = "$dir/full";

mkdir "$dir/$_" for qw( root full env profile );

my $mounted = $> == 0
    && system("mount -t tmpfs -o size=1m none $full 2>/dev/null") == 0;

my $s3 = SocialS3->new(port => $port, base => '/objects/raw');

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    client_body_timeout 3s;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    social_bucket full {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/full;
        credentials file $dir/credentials;
    }
    social_bucket env { region eu-west-1; credentials env; }
    social_bucket profile { region eu-west-1; credentials profile other; }
    server {
        listen 127.0.0.1:$port;
        location /env/ { social_store env root=$dir/env; }
        location /profile/ { social_store profile root=$dir/profile; }
        location /objects/ {
            social_store raw root=$dir/root public=pub/ max_size=6m;
            if (\$http_x_trip) { set \$trip 1; }
        }
        location /full/ { social_store full root=$full; }
        location /read/ {
            social_store raw root=$dir/root max_size=6m;
            limit_except GET { deny all; }
        }
        location /large/ {
            client_max_body_size 1k;
            client_body_buffer_size 1k;
            social_store raw root=$dir/root;
        }
    }
    server {
        listen 127.0.0.1:$port2 http2;
        large_client_header_buffers 4 128k;
        location /objects/ { social_store raw root=$dir/root max_size=6m; }
    }
    server {
        listen 127.0.0.1:$port3 rcvbuf=4m;
        client_header_buffer_size 1m;
        location /objects/ { social_store raw root=$dir/root max_size=6m; }
    }
    server {
        listen 127.0.0.1:$port4 sndbuf=4k;
        location /objects/ { social_store raw root=$dir/root public=pub/; }
    }
}
_EOC_

$nginx->write_file('shared', "[default]\naws_access_key_id = A\n"
    . "aws_secret_access_key = B\n\n# one more\n[ other ]\r\n"
    . "aws_secret_access_key=Secret/+=\r\naws_access_key_id= AKIDOTHER\n");

{
    local $ENV{AWS_ACCESS_KEY_ID} = 'AKIDENV';
    local $ENV{AWS_SECRET_ACCESS_KEY} = 'EnvSecret';
    local $ENV{AWS_SESSION_TOKEN} = 'Token/+=x';
    local $ENV{AWS_SHARED_CREDENTIALS_FILE} = "$dir/shared";
    $nginx->start($port);
}

END {
    $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$;
    system "umount $full" if $mounted && $nginx->{owner} == $$;
}

sub files {
    my ($below) = @_;
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, $_ if -f $_ } }, $below) if -d $below;
    return @found;
}

sub put { return $s3->request('PUT', @_) }
sub get { return $s3->request('GET', @_) }

sub status_is {
    my ($got, $status, $code, $name) = @_;
    is("$got->{status} $got->{code}", "$status $code", $name)
        or diag($got->{body});
    return;
}

# a refused one, and that the next on the same connection is answered

sub refused {
    my ($name, $status, $code, $method, $target, %opt) = @_;

    my $sock = $s3->connection;
    my $got = $s3->exchange($method, $target, %opt, sock => $sock);
    status_is($got, $status, $code, $name);

    is($got->{headers}{'content-type'}, 'application/xml', '... in XML')
        if $code ne '';
    is($got->{headers}{'x-content-type-options'}, 'nosniff', '... unsniffed');

    my %headers = $s3->sign(GET => '/small');
    $got = ($got->{headers}{connection} // '') eq 'close'
           ? { status => 'closed' }
           : $s3->exchange(GET => '/objects/raw/small', headers => \%headers,
                       sock => $sock);
    like($got->{status}, qr/\A(?:200|closed)\z/, '... and in sync');
    return;
}


subtest 'signed headers and signed URLs' => sub {
    my $got = put('/small', body => 'hello',
                  headers => { 'content-type' => 'text/plain' });
    is($got->{status}, 200, 'PUT');
    is($got->{headers}{etag}, '"' . md5_hex('hello') . '"', 'its ETag');
    is($got->{body}, '', 'and nothing else');

    $got = get('/small');
    is($got->{body}, 'hello', 'GET');
    is($got->{headers}{'content-type'}, 'text/plain', 'its type');
    is($got->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff');
    like($got->{headers}{'content-security-policy'}, qr/\Asandbox;/, 'CSP');
    my ($etag, $date) = @{ $got->{headers} }{qw( etag last-modified )};

    $got = $s3->request(HEAD => '/small');
    is($got->{status}, 200, 'HEAD');
    is($got->{headers}{'content-length'}, 5, 'its length');
    is($got->{headers}{'accept-ranges'}, 'bytes', 'and ranges');

    is(get('/small', extra => { 'if-none-match' => $etag })->{status}, 304,
       'If-None-Match');
    is(get('/small', extra => { 'if-none-match' => '"x"' })->{status}, 200,
       '... of another');
    is(get('/small', extra => { 'if-modified-since' => $date })->{status},
       304, 'If-Modified-Since');
    is(get('/small', extra => { 'if-match' => '"x"' })->{status}, 412,
       'If-Match of another');

    $got = get('/small', extra => { range => 'bytes=1-3' });
    is("$got->{status} $got->{body}", '206 ell', 'a range');
    $got = get('/small', extra => { range => 'bytes=-2' });
    is("$got->{status} $got->{body}", '206 lo', 'a range from the end');
    $got = get('/small', extra => { range => 'bytes=9-' });
    status_is($got, 416, 'InvalidRange', 'a range past the end');
    is($got->{headers}{'content-range'}, 'bytes */5', '... says how long');
    $got = get('/small', extra => { range => 'bytes=0-0,4-4' });
    is("$got->{status} $got->{body}", '200 hello', 'two ranges are none');

    my $url = $s3->presign(PUT => '/url%20a%2Bb');
    is($s3->exchange(PUT => $url, body => 'by URL')->{status}, 200,
       'PUT by URL');
    is($s3->exchange(GET => $s3->presign(GET => '/url%20a%2Bb'))->{body},
       'by URL', 'GET by URL');
    is($s3->exchange(PUT => $url, body => 'again')->{status}, 200,
       'a URL is good until it expires');

    $url = $s3->presign(PUT => '/bound', headers => {
        'content-type' => 'image/png', 'content-length' => 4,
        'x-amz-checksum-sha256' =>
            MIME::Base64::encode_base64(sha256('1234'), '') });
    my %h = ('content-type' => 'image/png', 'x-amz-checksum-sha256' =>
             MIME::Base64::encode_base64(sha256('1234'), ''));
    is($s3->exchange(PUT => $url, body => '1234', headers => \%h)->{status}, 200,
       'bound to type, length and digest');
    status_is($s3->exchange(PUT => $url, body => '1235', headers => \%h), 400,
              'BadDigest', '... other bytes');
    status_is($s3->exchange(PUT => $url, body => '12345', headers => \%h), 403,
              'SignatureDoesNotMatch', '... another length');
    status_is($s3->exchange(PUT => $url, body => '1234', headers => {
        %h, 'content-type' => 'image/jpeg' }), 403, 'SignatureDoesNotMatch',
        '... another type');
    delete $h{'x-amz-checksum-sha256'};
    status_is($s3->exchange(PUT => $url, body => '1234', headers => \%h), 403,
              'SignatureDoesNotMatch', '... without the digest');

    is($s3->request(DELETE => '/small')->{status}, 204, 'DELETE');
    status_is(get('/small'), 404, 'NoSuchKey', '... is gone');
    is($s3->request(HEAD => '/small')->{status}, 404, '... for HEAD too');
    is($s3->request(DELETE => '/small')->{status}, 204, '... and again');
    put('/small', body => 'hello');
};

subtest 'refused' => sub {
    my $url = $s3->presign(PUT => '/r');

    refused('an expired URL', 403, 'AccessDenied', PUT => $s3->presign(
        PUT => '/r', time => time - 400, expires => 300), body => 'x');
    like($s3->exchange(GET => $s3->presign(GET => '/r', time => time - 400))
         ->{body}, qr{<Message>Request has expired</Message>}, '... says so');
    refused('a URL of the future', 403, 'AccessDenied', PUT => $s3->presign(
        PUT => '/r', time => time + 1000), body => 'x');
    refused('another method', 403, 'SignatureDoesNotMatch', GET => $url);
    refused('DELETE with it', 403, 'SignatureDoesNotMatch', DELETE => $url);
    (my $other = $url) =~ s{/r\?}{/s?};
    refused('another key', 403, 'SignatureDoesNotMatch', PUT => $other,
            body => 'x');
    ($other = $url) =~ s/Expires=300/Expires=3000/;
    refused('more time', 403, 'SignatureDoesNotMatch', PUT => $other,
            body => 'x');
    refused('8 days', 400, 'AuthorizationQueryParametersError', PUT =>
            $s3->presign(PUT => '/r', expires => 691200), body => 'x');
    refused('an unsigned x-amz header', 403, 'AccessDenied', PUT => $url,
            body => 'x', headers => { 'x-amz-acl' => 'public-read' });
    refused('a parameter added', 403, 'SignatureDoesNotMatch', PUT =>
            "$url&acl=", body => 'x');
    refused('anonymous', 403, 'AccessDenied', PUT => '/objects/raw/r',
            body => 'x');
    refused('an anonymous GET', 403, 'AccessDenied',
            GET => '/objects/raw/small');
    refused('another access key', 403, 'InvalidAccessKeyId', GET =>
            SocialS3->new(%$s3, access_key => 'AKIAOTHER')->presign(
            GET => '/small'));
    refused('another secret', 403, 'SignatureDoesNotMatch', GET =>
            SocialS3->new(%$s3, secret => 'other')->presign(GET => '/small'));
    refused('another region', 400, 'AuthorizationQueryParametersError', GET =>
            SocialS3->new(%$s3, region => 'us-east-1')->presign(
            GET => '/small'));
    refused('a token that is not due', 400, 'InvalidToken', GET =>
            SocialS3->new(%$s3, token => 'x')->presign(GET => '/small'));
    refused('another bucket', 404, 'NoSuchBucket', GET =>
            SocialS3->new(%$s3, base => '/objects/other')->presign(
            GET => '/small'));
    my %h = $s3->sign(GET => '/small', time => time - 1000);
    refused('headers signed long ago', 403, 'RequestTimeTooSkewed',
            GET => '/objects/raw/small', headers => \%h);
    refused('signed twice over', 400, 'InvalidArgument', GET =>
            $s3->presign(GET => '/small'),
            headers => { $s3->sign(GET => '/small') });
    refused('a broken Authorization', 400, 'AuthorizationHeaderMalformed',
            GET => '/objects/raw/small', headers => {
            $s3->sign(GET => '/small'),
            authorization => 'AWS4-HMAC-SHA256 Credential=x' });

    refused('the list of the bucket', 403, 'AccessDenied',
            GET => '/objects/raw/');
    for my $sub (qw( acl uploads torrent )) {
        refused("?$sub", 501, 'NotImplemented', GET => $s3->presign(
            GET => '/small', query => { $sub => '1' }));
    }
    refused('POST', 501, 'NotImplemented', POST =>
            $s3->presign(POST => '/small'), body => 'x' x 100_000);

    for my $h (
               [ 'x-amz-tagging' => 'a=b' ],
               [ 'x-amz-server-side-encryption' => 'AES256' ],
               [ 'x-amz-checksum-sha512' => 'AAAAAA==' ],
               [ 'if-none-match' => '"a"' ],
               [ 'content-encoding' => 'aws-chunked' ])
    {
        status_is(put('/r', body => 'x', headers => { @$h }), 501,
                  'NotImplemented', "$h->[0]: $h->[1]");
    }
    for my $acl (qw( private bucket-owner-full-control )) {
        is(put('/acl', body => 'x', headers => { 'x-amz-acl' => $acl })
           ->{status}, 200, "x-amz-acl: $acl is what there is");
    }
    for ([ 'x-amz-acl' => 'public-read' ], [ 'x-amz-grant-read' => 'id=1' ]) {
        status_is(put('/r', body => 'x', headers => { @$_ }), 400,
                  'AccessControlListNotSupported', "@$_");
    }

    for my $kind ('STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
                  'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
    {
        refused($kind, 411, 'MissingContentLength', PUT => '/objects/raw/r',
                body => "1;chunk-signature=0\r\nx\r\n0\r\n\r\n",
                headers => { $s3->sign(PUT => '/r', payload => $kind) });
    }

    refused('a body in chunks', 411, 'MissingContentLength', PUT => $url,
            body => "1\r\nx\r\n0\r\n\r\n",
            headers => { 'transfer-encoding' => 'chunked' });
    status_is(get('/r'), 404, 'NoSuchKey', 'nothing came of any');

    my $got = $s3->request(HEAD => '/nothing');
    is($got->{body}, '', 'a HEAD that fails has no body');
};

# An object's number is above that of one that was removed, also when the clock
# was set back meanwhile.

subtest 'a clock that was set back' => sub {
    put('/clock', body => 'before');

    my ($file) = grep { m{/clock\.o\z} } files("$dir/root/objects");
    my $text = SocialNginx::slurp($file);
    my $later = (time + 3600) . '000000';

    $text =~ s/^seq \d+$/seq $later/m or die "$file has no number\n";
    $nginx->write_file($file =~ s{\A\Q$dir\E/}{}r, $text);

    is($s3->request(DELETE => '/clock')->{status}, 204, 'removed');
    is(put('/clock', body => 'after')->{status}, 200, 'put again');
    cmp_ok(SocialStore::meta($file)->{seq}, '>', $later, 'its number is higher');
};

# What is sent from memory is that of no other request until it was sent.

subtest 'clients that read slowly' => sub {
    my %object = map { my $size = 16_000 + 1200 * $_;
                       ("/pub/slow$_" => chr(65 + $_) x $size) } 1 .. 40;
    my @keys = sort keys %object;
    my @socks;

    for my $key (@keys) {
        put($key, body => $object{$key});
        get($key);
    }

    for my $key (@keys, @keys) {
        socket my $sock, PF_INET, SOCK_STREAM, 0 or die;
        setsockopt $sock, SOL_SOCKET, SO_RCVBUF, 2048 or die;
        connect $sock, sockaddr_in($port4, inet_aton('127.0.0.1')) or die;
        syswrite $sock, "GET /objects/raw$key HTTP/1.1\r\nHost: x\r\n"
                        . "Connection: close\r\n\r\n";
        ok(IO::Select->new($sock)->can_read(20), "$key: the first bytes");
        push @socks, [ $key, $sock ];
    }

    # one in three leaves without the rest

    close $socks[3 * $_][1] for 0 .. $#socks / 3;
    is(get($_)->{body}, $object{$_}, "$_ by another") for @keys[0 .. 5];

    for my $n (reverse grep { $_ % 3 } 0 .. $#socks) {
        my ($key, $sock) = @{ $socks[$n] };
        ok(SocialS3::read_answer($sock, 'GET')->{body} eq $object{$key},
           "$key: all bytes");
    }
};

subtest 'keys' => sub {
    my $long = 'k' x 1024;
    my $deep = join '/', ('d') x 512;
    my %key = map { $_ => 1 } (
        '/a', '/a/b', '/a/', '/a//b', '//a', '///', '/a/b/c', '/.hidden',
        '/%252e%252e/%252e%252e/x', '/%25252e', '/a%2Fc%2F', '/%5c..%5cx',
        '/%C3%A9%E2%82%AC%F0%9F%98%80', '/...', '/a.o', '/a.d', '/a.d/x',
        '/x/../../root', '/sub/..%2fy', "/$long", "/$deep",
        '/' . '%C3%A9' x 512, '/a%2520b', '/a%20b', '/a%0Ab', '/a;b=c',
        '/con', '/%7F', "/!\$&'()*+,:@",
    );

    for my $key (sort keys %key) {
        my $got = put($key, body => "at $key");
        my $name = length $key > 40 ? substr($key, 0, 20) . '...' : $key;
        is($got->{status}, 200, "PUT $name") or diag($got->{body});
    }

    for my $key (sort keys %key) {
        my $name = length $key > 40 ? substr($key, 0, 20) . '...' : $key;
        is(get($key)->{body}, "at $key", "GET $name");
    }

    status_is(put("/${long}k", body => 'x'), 400, 'KeyTooLongError',
              '1,025 bytes');
    status_is(put('/%FF', body => 'x'), 400, 'InvalidURI', 'no UTF-8');
    is(put('/a%00b', body => 'x')->{status}, 400, 'a zero byte');
    is(put('/a%zz', body => 'x')->{status}, 400, 'a bad escape');

    for my $path ('/objects/raw/../../../../etc/passwd',
                  '/objects/raw/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
                  '/objects/raw/..%2f..%2f..%2f..%2fetc/passwd',
                  '/objects/../../../../../etc/passwd',
                  '//etc/passwd', '/objects//etc/passwd',
                  '/%6fbjects/raw/a')
    {
        for my $method (qw( GET PUT )) {
            my $got = SocialS3->new(%$s3, base => '')->request($method => $path,
                $method eq 'PUT' ? (body => 'x') : ());
            like($got->{status}, qr/\A40[045]\z/, "$method $path");
        }
    }

    my @files = map { s{\A\Q$dir\E/}{}r }
        grep { !m{\A\Q$dir\E/(?:logs|nginx|modules|credentials|shared)} }
        files($dir);
    is_deeply([ grep { !m{\Aroot/(?:tmp|data/[0-9a-f]{2}|objects|locks)/} }
                @files ], [], 'no file is anywhere else');
    is((grep { m{/\.\.?(?:/|\z)} } @files), 0, 'none has a name of dots');
    is_deeply([ files("$dir/root/tmp") ], [], 'tmp/ is empty');
    is_deeply([ SocialStore::orphans("$dir/root") ], [],
              'and no bytes but those of objects');

    $s3->request(DELETE => '/a');
    is(get('/a/b')->{body}, 'at /a/b', 'a/b outlives a');
};

subtest 'digests' => sub {
    my $b64 = sub { MIME::Base64::encode_base64($_[0], '') };
    my $crc = $b64->(pack 'N', crc32('body'));

    for ([ 'content-md5', $b64->(md5('body')), $b64->(md5('b')) ],
         [ 'x-amz-checksum-sha256', $b64->(sha256('body')),
           $b64->(sha256('b')) ],
         [ 'x-amz-checksum-crc32', $crc, 'AAAAAA==' ])
    {
        my ($name, $right, $wrong) = @$_;
        is(put('/d', body => 'body', headers => { $name => $right })
           ->{status}, 200, "$name is right");
        status_is(put('/d', body => 'body', headers => { $name => $wrong }),
                  400, 'BadDigest', '... is wrong');
        my $code = $name =~ /md5/ ? 'InvalidDigest' : 'InvalidRequest';
        status_is(put('/d', body => 'body', headers => { $name => 'x!' }),
                  400, $code, '... is none');
        status_is(put('/d', body => 'body', headers => { $name => 'AAAA' }),
                  400, $code, '... is short');
    }

    my %query = ('x-amz-checksum-crc32' => $crc,
                 'x-amz-sdk-checksum-algorithm' => 'CRC32');
    is($s3->exchange(PUT => $s3->presign(PUT => '/d', query => \%query),
                 body => 'body')->{status}, 200, 'in a URL');
    status_is($s3->exchange(PUT => $s3->presign(PUT => '/d', query => \%query),
                        body => 'bodi'), 400, 'BadDigest', '... is wrong');
    status_is($s3->exchange(PUT => $s3->presign(PUT => '/d', query => {
        'x-amz-checksum-sha512' => 'x' }), body => 'body'), 501,
        'NotImplemented', '... of a kind that is not computed');

    status_is(put('/d', body => 'body', payload => sha256_hex('other')), 400,
              'XAmzContentSHA256Mismatch', 'x-amz-content-sha256 is wrong');
    status_is(put('/d', body => 'body', payload => 'x'), 400,
              'InvalidArgument', '... is none');
    is(put('/d', body => 'other', payload => 'UNSIGNED-PAYLOAD')->{status},
       200, '... is left open');
    status_is(put('/d', body => 'B' x 400_000, payload => sha256_hex('')), 400,
              'XAmzContentSHA256Mismatch', '... of a longer body');
    is(get('/d')->{body}, 'other', 'none of the wrong ones was kept');
    sleep 0.2;
    is_deeply([ files("$dir/root/tmp") ], [], 'nor anything of them');
};

subtest 'sizes' => sub {
    my $five = join '', map { pack 'N', $_ * 2654435761 % 4294967296 }
               1 .. 5 * 262_144;
    my $max = $five . 'm' x (1 << 20);

    for (['nothing', ''], ['5 MB', $five], ['exactly max_size', $max]) {
        my ($name, $body) = @$_;
        my $got = put('/size', body => $body);
        is($got->{status}, 200, $name) or diag($got->{body});
        is($got->{headers}{etag}, '"' . md5_hex($body) . '"', '... its ETag');
        ok(get('/size')->{body} eq $body, '... its bytes');
        is($s3->request(HEAD => '/size')->{headers}{'content-length'},
           length $body, '... its length');
    }

    refused('one more', 400, 'EntityTooLarge', PUT =>
            $s3->presign(PUT => '/size'), body => "$max!");
    is(get('/size', extra => { range => 'bytes=5242880-5242882' })->{body},
       'mmm', 'a range deep inside');

    my $large = SocialS3->new(%$s3, base => '/large/raw');
    is($large->request(PUT => '/l', body => $five)->{status}, 200,
       'client_max_body_size is not ours');
    ok($large->request(GET => '/l')->{body} eq $five, '... its bytes');

    # much of the body comes with the headers, more than is written at once
    my $ahead = SocialS3->new(%$s3, port => $port3);
    my $bad = 0;

    for (1 .. 5) {
        $bad++ if $ahead->request(PUT => '/ahead', body => $five)->{status}
                  != 200 || get('/ahead')->{body} ne $five;
    }

    is($bad, 0, 'a large buffer for headers');

    # a body that comes in pieces, and waits
    my $sock = $s3->connection;
    my %h = $s3->sign(PUT => '/slow', payload => sha256_hex('a' x 50));
    print {$sock} "PUT /objects/raw/slow HTTP/1.1\r\nContent-Length: 50\r\n"
        . "Expect: 100-continue\r\n"
        . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\n";
    for (1 .. 5) {
        sleep 0.1;
        print {$sock} 'a' x 10;
        $sock->flush;
    }
    is(SocialS3::read_answer($sock, 'PUT')->{status}, 200, 'in pieces');
};

subtest 'a reload' => sub {
    my @old = SocialNginx::workers($nginx->{pid});
    my @socks = map { $s3->connection } 1 .. 3;

    for my $i (0 .. 2) {
        my %h = $s3->sign(PUT => "/reload$i");
        print { $socks[$i] } "PUT /objects/raw/reload$i HTTP/1.1\r\n"
            . "Content-Length: 200000\r\n"
            . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\n"
            . 'x' x 100_000;
        $socks[$i]->flush;
    }

    kill 'HUP', $nginx->{pid};
    ok(SocialNginx::wait_for(10, sub {
        my %now = map { $_ => 1 } SocialNginx::workers($nginx->{pid});
        return keys %now > @old;
    }), 'new workers beside the old');

    for my $i (0 .. 2) {
        print { $socks[$i] } 'x' x 100_000;
        $socks[$i]->flush;
        is(SocialS3::read_answer($socks[$i], 'PUT')->{status}, 200,
           'what had begun goes on');
        close $socks[$i];
        is(length get("/reload$i")->{body}, 200_000, '... and is there');
    }

    ok(SocialNginx::wait_for(10, sub {
        my %now = map { $_ => 1 } SocialNginx::workers($nginx->{pid});
        return !grep { $now{$_} } @old;
    }), 'the old workers leave');
};

# after the reload, which reads them again

subtest 'credentials' => sub {
    my %env = (base => '/env/env', access_key => 'AKIDENV',
               secret => 'EnvSecret', token => 'Token/+=x');
    my %profile = (base => '/profile/profile', access_key => 'AKIDOTHER',
                   secret => 'Secret/+=');

    for ([ 'the environment', \%env ], [ 'a profile', \%profile ]) {
        my ($name, $opt) = @$_;
        my $own = SocialS3->new(port => $port, %$opt);

        is($own->request(PUT => '/k', body => $name)->{status}, 200, $name);
        is($own->exchange(GET => $own->presign(GET => '/k'))->{body}, $name,
           '... in a URL');
        status_is(SocialS3->new(%$s3, base => $opt->{base})->request(
            GET => '/k'), 403, 'InvalidAccessKeyId', '... not another\'s');
    }

    status_is(SocialS3->new(port => $port, %env, token => 'x')->request(
        GET => '/k'), 400, 'InvalidToken', 'another token');
    status_is(SocialS3->new(port => $port, %env, token => undef)->request(
        GET => '/k'), 400, 'InvalidToken', 'no token');
};

subtest 'clients that leave' => sub {
    for my $n (0, 10, 300_000) {
        my $sock = $s3->connection;
        my %h = $s3->sign(PUT => '/left');
        print {$sock} "PUT /objects/raw/left HTTP/1.1\r\n"
            . "Content-Length: 400000\r\n"
            . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\n"
            . 'x' x $n;
        $sock->flush;
        sleep 0.2;
        close $sock;
    }

    # one that is silent is given up
    my $sock = $s3->connection;
    my %h = $s3->sign(PUT => '/left');
    print {$sock} "PUT /objects/raw/left HTTP/1.1\r\nContent-Length: 40\r\n"
        . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\nx";
    $sock->flush;
    is(SocialS3::read_answer($sock, 'PUT')->{status}, 0,
       'a silent one is given up');

    ok(SocialNginx::wait_for(5, sub { !files("$dir/root/tmp") }),
       'nothing is left of them');
    status_is(get('/left'), 404, 'NoSuchKey', 'nor of the object');

    # some wait for a key's lock

    my @held;

    for my $id (0 .. 255) {
        open my $lock, '>>', sprintf '%s/root/locks/%02x', $dir, $id or die;
        flock $lock, LOCK_EX or die;
        push @held, $lock;
    }

    my @workers = SocialNginx::workers($nginx->{pid});
    my @socks;

    for my $method ((qw( PUT DELETE )) x 4) {
        my $sock = $s3->connection;
        my %h = $s3->sign($method => '/left');
        print {$sock} "$method /objects/raw/left HTTP/1.1\r\n"
            . ($method eq 'PUT' ? "Content-Length: 5\r\n" : '')
            . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\n"
            . ($method eq 'PUT' ? 'never' : '');
        $sock->flush;
        push @socks, $sock;
    }

    sleep 0.3;
    close $_ for @socks;
    sleep 0.3;
    @held = ();

    ok(SocialNginx::wait_for(10, sub { !SocialStore::orphans("$dir/root") }),
       'nothing is left of those that waited for a lock');
    like(get('/left')->{body}, qr/\A(?:never\z|.*NoSuchKey)/s,
         '... but what one of them was asked for');
    is_deeply([ sort(SocialNginx::workers($nginx->{pid})) ],
              [ sort @workers ], 'by the same workers');
};

sub whole { return $_[0] eq substr($_[0], 0, 1) x 200_000 }

subtest 'at once' => sub {
    my @bodies = map { chr(65 + $_) x 200_000 } 0 .. 7;
    my @pids;

    put('/race', body => $bodies[0]);

    for my $body (@bodies) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;

        my $bad = 0;
        for (1 .. 6) {
            $bad++ if put('/race', body => $body)->{status} != 200;
            my $got = get('/race');
            $bad++ if $got->{status} != 200
                      || !whole($got->{body})
                      || $got->{headers}{etag} ne '"'
                         . md5_hex($got->{body}) . '"';
            $s3->request(DELETE => '/gone') if put('/gone', body => 'x')
                                               ->{status} != 200;
            $s3->request(DELETE => '/gone');
        }
        require POSIX;
        POSIX::_exit($bad);
    }

    my $bad = 0;
    for (@pids) { waitpid $_, 0; $bad += $? >> 8; }

    is($bad, 0, 'every PUT succeeds, every GET sees one of them, whole');
    ok(whole(get('/race')->{body}), 'and so at the end');
    ok(SocialNginx::wait_for(10, sub { !SocialStore::orphans("$dir/root") }),
       'nothing is left of those that were replaced')
        or diag(SocialStore::orphans("$dir/root"));
};

subtest 'public prefixes' => sub {
    put('/pub/x', body => 'open');
    put('/publ', body => 'closed');

    my $got = $s3->exchange(GET => '/objects/raw/pub/x');
    is("$got->{status} $got->{body}", '200 open', 'anonymous GET');
    is($s3->exchange(HEAD => '/objects/raw/pub/x')->{status}, 200, 'and HEAD');
    refused('not beside it', 403, 'AccessDenied', GET => '/objects/raw/publ');
    refused('no PUT', 403, 'AccessDenied', PUT => '/objects/raw/pub/x',
            body => 'x');
    refused('no DELETE', 403, 'AccessDenied', DELETE => '/objects/raw/pub/x');
    refused('no subresource', 501, 'NotImplemented',
            GET => '/objects/raw/pub/x?acl');
    refused('dots are a key like others', 404, 'NoSuchKey',
            GET => '/objects/raw/pub/../publ');
    refused('a bad signature is not anonymous', 403, 'SignatureDoesNotMatch',
            GET => $s3->presign(PUT => '/pub/x'));
    status_is($s3->exchange(GET => '/objects/raw/pub/none'), 404, 'NoSuchKey',
              'what is not there');
};

subtest 'other directives in the location' => sub {
    is(get('/small', extra => { 'x-trip' => 1 })->{body}, 'hello',
       'within "if"');
    is(put('/if', body => 'x' x 2_000_000, extra => { 'x-trip' => 1 })
       ->{status}, 200, 'PUT within "if"');
    my $read = SocialS3->new(%$s3, base => '/read/raw');
    is($read->request(GET => '/small')->{body}, 'hello',
       'outside "limit_except"');
    is($read->request(PUT => '/small', body => 'x')->{status}, 403,
       'within it');
};

subtest 'HTTP/2' => sub {
    plan skip_all => 'curl has no HTTP/2'
        if `curl --version` !~ /HTTP2/;

    my $h2 = SocialS3->new(%$s3, port => $port2);

    for my $size (0, 5, 1_000_000) {
        $nginx->write_file('body', 'h' x $size);
        my $curl = 'curl -s --http2-prior-knowledge '
                   . "'http://127.0.0.1:$port2";
        my $out = `$curl@{[ $h2->presign(PUT => '/h2') ]}' -T $dir/body \\
                   -w '%{http_code} %{http_version}'`;
        is($out, '200 2', "PUT $size bytes");
        $out = `$curl@{[ $h2->presign(GET => '/h2') ]}'`;
        ok($out eq 'h' x $size, '... its bytes');
    }

    # nginx resets the stream of a body that it does not wait for, and curl
    # often drops the answer then: hence a small one, and more than one try

    $nginx->write_file('body', 'small');

    my $refused = sub {
        my ($name, $url, $upload, $code) = @_;
        my $out;

        for (1 .. 40) {
            $out = `curl -s --http2-prior-knowledge -T $upload \\
                    'http://127.0.0.1:$port2$url' -w '%{http_code}' \\
                    < $dir/body`;
            last if $out !~ /000\z/;
        }

        like($out, qr/<Code>$code<.*4\d\d\z/s, $name);
    };

    $refused->('a wrong signature', $h2->presign(GET => '/h2'), "$dir/body",
               'SignatureDoesNotMatch');
    $refused->('no length', $h2->presign(PUT => '/h3'), '-',
               'MissingContentLength');
    status_is(get('/h3'), 404, 'NoSuchKey', '... and nothing is there');
};

subtest 'a full disk' => sub {
    if (!$mounted) {
        diag('NOT TESTED: a full disk, which needs root and tmpfs');
        plan skip_all => 'no tmpfs could be mounted';
    }

    my $f = SocialS3->new(%$s3, base => '/full/full');

    is($f->request(PUT => '/before', body => 'x' x 1000)->{status}, 200,
       'while there is room');
    my $got = $f->request(PUT => '/k', body => 'x' x 2_000_000);
    status_is($got, 507, 'XMinioStorageFull', 'when there is none');
    status_is($f->request(GET => '/k'), 404, 'NoSuchKey',
              '... and nothing is there');
    ok(SocialNginx::wait_for(5, sub { !files("$full/tmp") }),
       '... and no rest');
    is($f->request(GET => '/before')->{body}, 'x' x 1000,
       'what was there is there');

    $got = $f->request(PUT => '/before', body => 'y' x 2_000_000);
    is($got->{status}, 507, 'replacing it fails');
    is($f->request(GET => '/before')->{body}, 'x' x 1000,
       '... and leaves it');
    is($f->request(PUT => '/k', body => 'x' x 1000)->{status}, 200,
       'it is used again when there is room');
};

subtest 'a damaged store' => sub {
    put('/dmg', body => 'x');
    open my $out, '>', "$dir/root/objects/dmg.o" or die;
    print {$out} 'junk';
    close $out;
    status_is(get('/dmg'), 500, 'InternalError', 'damaged metadata');
    is(put('/dmg', body => 'y')->{status}, 200, '... can be put over');
    is(get('/dmg')->{body}, 'y', '... and is good again');
};

$nginx->stop;

my $log = $nginx->error_log;
my $alerts = () = $log =~ /\[(?:alert|emerg)\]/g;

is($alerts, 1, 'one alert, of the damaged object') or diag($log);
is((() = $log =~ /\[crit\]/g), $mounted ? 2 : 0, 'crit, of the full disk');
unlike($log, qr/X-Amz-S|Signature=|\Q$s3->{secret}\E|EnvSecret|Token=/,
       'no signed URL and no secret in the log');
unlike($log, qr/AddressSanitizer|runtime error/, 'no sanitizer report');

done_testing();
