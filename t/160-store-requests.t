#!/usr/bin/perl

# The embedded store, as S3 has it: conditions and ranges, headers of requests,
# bodies of errors, hosts of buckets, and internal redirects.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use Digest::SHA qw( sha1 sha256 sha256_hex );
use MIME::Base64 ();
use SocialNginx;
use SocialS3;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $b64 = sub { MIME::Base64::encode_base64($_[0], '') };

mkdir "$dir/root";

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
error_log $dir/info.log info;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    client_body_timeout 5s;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        public_endpoint https://objects.localhost;
        path_style on;
        credentials file $dir/credentials;
    }
    limit_req_zone \$server_name zone=one:64k rate=1r/m;
    server {
        listen 127.0.0.1:$port;
        server_name localhost;
        social_json_errors on;

        location /objects/ { social_store raw root=$dir/root public=pub/; }

        location /limited/ {
            limit_req zone=one;
            social_store raw root=$dir/root;
        }
        location /denied/ { deny all; social_store raw root=$dir/root; }

        # what redirects to objects

        location /avatars/ {
            error_page 403 404 = /default.jpg;
            social_store raw root=$dir/root part=pub/avatars/ public=pub/;
        }
        location = /default.jpg {
            rewrite ^ /objects/raw/pub/default%20.jpg last;
        }
        location = /status.jpg { error_page 404 /default.jpg; return 404; }
        location /u/ { rewrite ^/u/(.*)\$ /objects/raw/pub/\$1 last; }
        location /closed/ { rewrite ^/closed/(.*)\$ /objects/raw/\$1 last; }
        location = /checked {
            auth_request /objects/raw/pub/token;
            root $dir;
            try_files /page.txt =404;
        }
        location = /unchecked {
            auth_request /objects/raw/pub/nothing;
            root $dir;
            try_files /page.txt =404;
        }
        location = /page.html { ssi on; root $dir; }
        location = /accel {
            proxy_pass http://127.0.0.1:$port/redirects;
        }
        location = /redirects {
            add_header X-Accel-Redirect /objects/raw/pub/a%20b;
            return 204;
        }
    }
    server {
        listen 127.0.0.1:$port;
        server_name objects.localhost *.objects.localhost;
        location / { social_store raw root=$dir/root public=pub/; }
    }
}
_EOC_

$nginx->write_file('page.txt', 'the page');
$nginx->write_file('page.html',
    '[<!--# include virtual="/objects/raw/pub/a%20b" -->]');

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

sub put { return $s3->request('PUT', @_) }
sub get { return $s3->request('GET', @_) }
sub plain { return $s3->exchange(GET => @_) }

sub status_is {
    my ($got, $status, $code, $name) = @_;
    is("$got->{status} $got->{code}", "$status $code", $name)
        or diag($got->{body});
    return;
}

sub date_of {
    require POSIX;
    return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $_[0]);
}


subtest 'conditions of GET' => sub {
    put('/c', body => 'hello');
    my $etag = md5_hex('hello');

    for ([ 'an ETag', 304, 'if-none-match' => qq("$etag") ],
         [ '... without quotes', 304, 'if-none-match' => $etag ],
         [ '... marked as weak', 304, 'if-none-match' => qq(W/"$etag") ],
         [ '... in a list', 304, 'if-none-match' => qq("a", "$etag") ],
         [ '... any', 304, 'if-none-match' => '*' ],
         [ '... another', 200, 'if-none-match' => '"a"' ],
         [ 'If-Match', 200, 'if-match' => qq("$etag") ],
         [ '... without quotes', 200, 'if-match' => $etag ],
         [ '... any', 200, 'if-match' => '*' ],
         [ '... another', 412, 'if-match' => '"a"' ],
         [ 'If-Modified-Since, now', 304,
           'if-modified-since' => date_of(time) ],
         [ '... before', 200, 'if-modified-since' => date_of(time - 1000) ],
         [ '... in the future', 200,
           'if-modified-since' => date_of(time + 1000) ],
         [ '... no date', 200, 'if-modified-since' => 'yesterday' ],
         [ 'If-Unmodified-Since, before', 412,
           'if-unmodified-since' => date_of(time - 1000) ],
         [ '... now', 200, 'if-unmodified-since' => date_of(time) ],
         [ '... with If-Match', 200, 'if-match' => $etag,
           'if-unmodified-since' => date_of(time - 1000) ],
         [ '... with If-None-Match', 200, 'if-none-match' => 'a',
           'if-modified-since' => date_of(time) ])
    {
        my ($name, $status, @headers) = @$_;
        my $got = get('/c', extra => { @headers });
        status_is($got, $status, $status == 412 ? 'PreconditionFailed' : '',
                  $name);
        is($s3->request(HEAD => '/c', extra => { @headers })->{status},
           $status, '... for HEAD');

        next if $status != 304;
        is($got->{headers}{etag}, qq("$etag"), '... its ETag');
        ok($got->{headers}{'last-modified'}, '... its date');
        is($got->{headers}{'content-length'}, undef, '... and no length');
    }
};

subtest 'ranges' => sub {
    put('/r', body => '0123456789');
    put('/empty', body => '');

    for ([ 'bytes=1-3', 206, '123', '1-3/10' ],
         [ 'bytes=8-', 206, '89', '8-9/10' ],
         [ 'bytes=-2', 206, '89', '8-9/10' ],
         [ 'bytes=5-99', 206, '56789', '5-9/10' ],
         [ 'bytes=0-0,4-4', 200, '0123456789' ],
         [ 'bytes=x', 200, '0123456789' ],
         [ 'bytes=3-1', 200, '0123456789' ],
         [ 'lines=1-2', 200, '0123456789' ])
    {
        my ($range, $status, $body, $said) = @$_;
        my $got = get('/r', extra => { range => $range });
        is("$got->{status} $got->{body}", "$status $body", $range);
        is($got->{headers}{'content-range'}, $said && "bytes $said",
           '... and says which');
        is($got->{headers}{'accept-ranges'}, 'bytes', '... of bytes');
        is($got->{headers}{'content-length'}, length $body, '... its length');
    }

    for ([ '/r', 'bytes=10-', 10 ], [ '/r', 'bytes=-0', 10 ],
         [ '/empty', 'bytes=0-', 0 ], [ '/empty', 'bytes=-5', 0 ],
         [ '/empty', 'bytes=0-0', 0 ])
    {
        my ($key, $range, $size) = @$_;
        my $got = get($key, extra => { range => $range });
        status_is($got, 416, 'InvalidRange', "$range of $size bytes");
        is($got->{headers}{'content-range'}, "bytes */$size",
           '... says how long');
        like($got->{body}, qr{<RangeRequested>\Q$range\E</RangeRequested>
                              <ActualObjectSize>$size</ActualObjectSize>}x,
             '... in XML too');
    }

    is(get('/empty')->{status}, 200, 'the empty one as a whole');

    my $etag = md5_hex('0123456789');
    for ([ qq("$etag"), 206 ], [ '"a"', 200 ], [ date_of(0), 200 ],
         [ qq(W/"$etag"), 200 ], [ date_of(time + 1000), 200 ],
         [ get('/r')->{headers}{'last-modified'}, 206 ])
    {
        my ($if, $status) = @$_;
        is(get('/r', extra => { range => 'bytes=1-3', 'if-range' => $if })
           ->{status}, $status, "If-Range: $if");
    }
};

subtest 'headers that a URL sets' => sub {
    put('/h', body => 'x', headers => { 'content-type' => 'text/plain' });

    my %set = ('response-content-type' => 'text/csv; charset=utf-8',
               'response-content-disposition' => 'attachment; filename="a b"',
               'response-cache-control' => 'no-cache',
               'response-content-language' => 'de',
               'response-content-encoding' => 'identity',
               'response-expires' => 'Thu, 01 Jan 2032 00:00:00 GMT');
    my $got = plain($s3->presign(GET => '/h', query => \%set));

    is($got->{status}, 200, 'response-*');
    for (sort keys %set) {
        (my $name = $_) =~ s/\Aresponse-//;
        is($got->{headers}{$name}, $set{$_}, "... $name");
    }

    status_is(plain($s3->presign(GET => '/h', query => {
        'response-expires' => "a\r\nSet-Cookie: b" })), 400,
        'InvalidArgument', 'not one that is two');
    put('/pub/h', body => 'x');
    status_is(plain('/objects/raw/pub/h?response-expires=x'), 400,
              'InvalidRequest', 'not without a signature');
};

subtest 'headers that are kept' => sub {
    my %kept = ('cache-control' => 'max-age=60', 'content-language' => 'de',
                'content-disposition' => 'attachment; filename="a b"',
                'content-encoding' => 'x-own', 'x-amz-meta-one' => 'a, b',
                'expires' => 'Thu, 01 Jan 2032 00:00:00 GMT',
                'x-amz-meta-b-2' => 'two');

    for my $size (10, 100_000) {
        is(put('/kept', body => 'k' x $size, headers => \%kept)->{status}, 200,
           "with $size bytes");

        for my $method (qw( GET HEAD )) {
            my $got = $s3->request($method => '/kept');
            is($got->{headers}{$_}, $kept{$_}, "... $_ of $method")
                for sort keys %kept;
        }
    }

    my $got = get('/kept', extra => { 'if-none-match' => '*' });
    is($got->{status}, 304, 'not modified');
    is($got->{headers}{'cache-control'}, 'max-age=60', '... for how long');
    is($got->{headers}{'x-amz-meta-one'}, undef, '... and no more');

    $got = plain($s3->presign(GET => '/kept', query => {
        'response-cache-control' => 'no-store' }));
    is($got->{headers}{'cache-control'}, 'no-store', 'a URL has its own');
    is($got->{headers}{'content-language'}, 'de', '... of one');

    put('/kept', body => 'x');
    is(get('/kept')->{headers}{'x-amz-meta-one'}, undef,
       'a new object has none of the old one');

    is($s3->exchange(PUT => $s3->presign(PUT => '/kept', query => {
        'X-Amz-Meta-Url' => 'by' }), body => 'x')->{status}, 200, 'in a URL');
    is(get('/kept')->{headers}{'x-amz-meta-url'}, 'by', '... is kept');

    status_is(put('/kept', body => 'x', headers => {
        'x-amz-meta-large' => 'v' x 2044 }), 400, 'MetadataTooLarge',
        'more than 2 kB');
    is(put('/kept', body => 'x', headers => { 'x-amz-meta-' . 'n' x 1000 =>
        'v' x 1048 })->{status}, 200, 'just that');
};

subtest 'headers that a presigner moved into the URL' => sub {
    my $sum = $b64->(sha256('moved'));

    for my $name ('X-Amz-Checksum-Sha256', 'x-amz-checksum-sha256') {
        my $url = $s3->presign(PUT => '/m', query => { $name => $sum });
        is($s3->exchange(PUT => $url, body => 'moved')->{status}, 200, $name);
        status_is($s3->exchange(PUT => $url, body => 'other'), 400,
                  'BadDigest', '... is compared');
    }

    for my $name (qw( X-Amz-Acl X-Amz-Tagging x-amz-new
                      X-Amz-Server-Side-Encryption X-AMZ-OBJECT-LOCK-MODE ))
    {
        my $got = $s3->exchange(PUT => $s3->presign(PUT => '/refused', query => {
            $name => 'public-read' }), body => 'x');
        status_is($got, $name =~ /acl/i ? (400, 'AccessControlListNotSupported')
                                        : (501, 'NotImplemented'), $name);
        like($got->{body}, qr{<Header>\L$name\E</Header>}, '... by name');
    }

    status_is(get('/refused'), 404, 'NoSuchKey', 'none was passed over');
    is($s3->exchange(PUT => $s3->presign(PUT => '/m', query => {
        'X-Amz-Storage-Class' => 'STANDARD',
        'X-Amz-Expected-Bucket-Owner' => '111122223333' }), body => 'x')
       ->{status}, 200, 'what there is anyway');
};

subtest 'checksums' => sub {
    my %sum = (
        crc32 => 'iYAhZw==', crc32c => 'J8b8Fw==',
        crc64nvme => undef, sha1 => $b64->(sha1('checked')),
        sha256 => $b64->(sha256('checked')),
    );
    my $crc = sub {
        my ($poly, $bits, $text) = @_;
        my $all = $bits == 64 ? ~0 : (1 << 32) - 1;
        my $crc = $all;
        for my $byte (unpack 'C*', $text) {
            $crc ^= $byte;
            $crc = $crc & 1 ? ($crc >> 1) ^ $poly : $crc >> 1 for 1 .. 8;
        }
        $crc ^= $all;
        return $b64->($bits == 64 ? pack('Q>', $crc) : pack('N', $crc));
    };

    $sum{crc32} = $crc->(0xedb88320, 32, 'checked');
    $sum{crc32c} = $crc->(0x82f63b78, 32, 'checked');
    {
        no warnings 'portable';
        $sum{crc64nvme} = $crc->(0x9a6c9329ac4bc9b5, 64, 'checked');
    }

    for my $name (sort keys %sum) {
        my $header = "x-amz-checksum-$name";
        my $got = put('/s', body => 'checked', headers => {
            $header => $sum{$name},
            'x-amz-sdk-checksum-algorithm' => uc $name });
        is($got->{status}, 200, $name) or diag($got->{body});
        is($got->{headers}{$header}, $sum{$name}, '... is returned');
        is($got->{headers}{'x-amz-checksum-type'}, 'FULL_OBJECT',
           '... of the whole');
        status_is(put('/s', body => 'Checked', headers => {
            $header => $sum{$name} }), 400, 'BadDigest', '... is compared');
        status_is(put('/s', body => 'checked', headers => {
            $header => 'AA==' }), 400, 'InvalidRequest', '... is none');
    }

    for my $name (qw( SHA512 MD5 XXHASH3 XXHASH64 XXHASH128 )) {
        my $got = put('/s', body => 'x', headers => {
            'x-amz-sdk-checksum-algorithm' => $name });
        status_is($got, 501, 'NotImplemented', $name);
        $got = put('/s', body => 'x', headers => {
            "x-amz-checksum-\L$name" => 'AAAA' });
        status_is($got, 501, 'NotImplemented', "... its header");
        like($got->{body}, qr{<Header>x-amz-checksum-\L$name\E</Header>},
             '... by name');
    }

    is(get('/s')->{body}, 'checked', 'none of the wrong ones was kept');

    for my $name (sort keys %sum) {
        put('/s', body => 'checked', headers => {
            "x-amz-checksum-$name" => $sum{$name} });

        for my $method (qw( GET HEAD )) {
            my $got = $s3->request($method => '/s', headers => {
                'x-amz-checksum-mode' => 'ENABLED' });
            is($got->{headers}{"x-amz-checksum-$name"}, $sum{$name},
               "$method has the $name");
            is($got->{headers}{'x-amz-checksum-type'}, 'FULL_OBJECT',
               '... of the whole');
            is($s3->request($method => '/s')
               ->{headers}{"x-amz-checksum-$name"}, undef,
               '... if it is asked for');
        }
    }
};

# a body in chunks, as SDKs send a stream

sub chunks {
    my ($how, $time, $seed, @pieces) = @_;

    my $day = substr $time, 0, 8;
    my $scope = "$day/$s3->{region}/s3/aws4_request";
    my $key = "AWS4$s3->{secret}";
    $key = Digest::SHA::hmac_sha256($_, $key)
        for $day, $s3->{region}, 's3', 'aws4_request';
    my $body = '';

    for my $piece (@pieces, '') {
        $body .= sprintf '%x', length $piece;

        if ($how =~ /AWS4/) {
            $seed = Digest::SHA::hmac_sha256_hex(join("\n",
                'AWS4-HMAC-SHA256-PAYLOAD', $time, $scope, $seed,
                sha256_hex(''), sha256_hex($piece)), $key);
            $body .= ";chunk-signature=$seed";
        }

        $body .= "\r\n";
        $body .= "$piece\r\n" if length $piece;
    }

    if ($how =~ /TRAILER/) {
        my $line = 'x-amz-checksum-sha256:'
                   . $b64->(sha256(join '', @pieces));
        $body .= "$line\r\n";

        if ($how =~ /AWS4/) {
            $seed = Digest::SHA::hmac_sha256_hex(join("\n",
                'AWS4-HMAC-SHA256-TRAILER', $time, $scope, $seed,
                sha256_hex("$line\n")), $key);
            $body .= "x-amz-trailer-signature:$seed\r\n";
        }
    }

    return "$body\r\n";
}

sub put_chunks {
    my ($how, $change, @pieces) = @_;

    my $length = 0;
    $length += length for @pieces;

    my $now = int time;
    my %headers = $s3->sign(PUT => '/chunks', payload => $how, time => $now,
        headers => {
            'content-encoding' => 'aws-chunked',
            'x-amz-decoded-content-length' => $length,
            ($how =~ /TRAILER/
             ? ('x-amz-trailer' => 'x-amz-checksum-sha256') : ()) });
    my ($seed) = $headers{authorization} =~ /Signature=(\w+)/;
    my $body = $change->(chunks($how, SocialS3::amz_time($now), $seed,
                                @pieces));

    return $s3->exchange(PUT => '/objects/raw/chunks', headers => \%headers,
                         body => $body);
}

subtest 'bodies in chunks' => sub {
    my $same = sub { $_[0] };
    my @pieces = ('A' x 65536, 'B' x 65536, 'C' x 100_000, 'd');
    my $whole = join '', @pieces;

    for my $how ('STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
                 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
                 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
    {
        $s3->request(DELETE => '/chunks');

        for ([ 'cut', 400, 'IncompleteBody', sub { substr $_[0], 0, -2 } ],
             [ 'cut in a chunk', 400, 'IncompleteBody',
               sub { substr $_[0], 0, 100_000 } ],
             [ 'more after it', 400, 'InvalidRequest', sub { "$_[0]x" } ],
             [ 'no chunks', 400, 'InvalidRequest', sub { 'x' x 300_000 } ],
             [ 'a byte changed', $how =~ /UNSIGNED/ ? (400, 'BadDigest')
               : (403, 'SignatureDoesNotMatch'),
               sub { $_[0] =~ s/AAAB/AAAb/r =~ s/\nB/\nb/r } ],
             ($how =~ /AWS4/
              ? [ 'two chunks exchanged', 403, 'SignatureDoesNotMatch', sub {
                      my ($a, $b, $rest) = $_[0] =~
                          /\A(10000;.*?A\r\n)(10000;.*?B\r\n)(.*)\z/s;
                      "$b$a$rest" } ] : ()),
             ($how =~ /TRAILER/
              ? ([ 'another checksum', $how =~ /UNSIGNED/
                   ? (400, 'BadDigest') : (403, 'SignatureDoesNotMatch'),
                   sub { $_[0] =~ s/sha256:.{43}/'sha256:' . 'A' x 43/er } ],
                 [ 'none', 400, 'MalformedTrailerError',
                   sub { $_[0] =~ s/x-amz-checksum.*?\r\n//r } ],
                 [ 'of another algorithm', 400, 'MalformedTrailerError',
                   sub { $_[0] =~ s/checksum-sha256:/checksum-crc32:/r } ])
              : ()))
        {
            my ($name, $status, $code, $change) = @$_;
            status_is(put_chunks($how, $change, @pieces), $status, $code,
                      "$how: $name");
            status_is(get('/chunks'), 404, 'NoSuchKey', '... is nothing');
        }

        my $got = put_chunks($how, $same, @pieces);
        is($got->{status}, 200, $how) or diag($got->{body});
        is($got->{headers}{etag}, '"' . md5_hex($whole) . '"', '... its ETag');
        is($got->{headers}{'x-amz-checksum-sha256'}, $how =~ /TRAILER/
           ? $b64->(sha256($whole)) : undef, '... its checksum');
        ok(get('/chunks')->{body} eq $whole, '... its bytes');

        is(put_chunks($how, $same)->{status}, 200, '... of nothing');
        is(get('/chunks')->{body}, '', '... is empty');
    }

    # a kind that there is not, or not for this

    for my $how ('STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', 'STREAMING-') {
        status_is($s3->request(PUT => '/chunks', body => 'x',
                               payload => $how), 501, 'NotImplemented', $how);
    }

    status_is(get('/chunks', payload => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'),
              501, 'NotImplemented', '... of a GET');

    # more or less than was said, of objects of any size

    for my $case ([ 10, 9 ], [ 100_000, 99_999 ], [ 200_000, 10 ],
                  [ 200_000, 0 ])
    {
        my ($sent, $said) = @$case;
        my $got = $s3->exchange(PUT => '/objects/raw/chunks',
            body => sprintf("%x\r\n%s\r\n0\r\n\r\n", $sent, 'x' x $sent),
            headers => { $s3->sign(PUT => '/chunks', headers => {
                'x-amz-decoded-content-length' => $said },
                payload => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') });
        status_is($got, 400, 'IncompleteBody', "$said said, $sent sent");
    }


    for my $length (9, 11) {
        my $how = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
        my $got = $s3->exchange(PUT => '/objects/raw/chunks',
            body => "a\r\n0123456789\r\n0\r\n\r\n", headers => {
            $s3->sign(PUT => '/chunks', payload => $how, headers => {
                'x-amz-decoded-content-length' => $length }) });
        status_is($got, 400, 'IncompleteBody', "$length said, 10 sent");
    }

    # chunks in chunks, as of a stream of unknown length

    my $how = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
    my $inner = chunks($how, '', '', 'hello', 'world');
    my $got = $s3->exchange(PUT => '/objects/raw/chunks',
        body => sprintf("%x\r\n%s\r\n0\r\n\r\n", length $inner, $inner),
        headers => { 'transfer-encoding' => 'chunked',
            $s3->sign(PUT => '/chunks', payload => $how, headers => {
                'x-amz-decoded-content-length' => 10,
                'x-amz-trailer' => 'x-amz-checksum-sha256' }) });
    is($got->{status}, 200, 'inside those of HTTP') or diag($got->{body});
    is(get('/chunks')->{body}, 'helloworld', '... its bytes');

    my @tmp = glob "$dir/root/tmp/*";
    is_deeply(\@tmp, [], 'nothing is left of the others');
};

subtest 'conditional writes' => sub {
    my $etag = md5_hex('one');

    is(put('/w', body => 'one', headers => { 'if-none-match' => '*' })
       ->{status}, 200, 'If-None-Match: * where there is none');
    status_is(put('/w', body => 'two', headers => { 'if-none-match' => '*' }),
              412, 'PreconditionFailed', '... where there is one');
    is(get('/w')->{body}, 'one', '... which stays');
    status_is(put('/w', body => 'two', headers => { 'if-none-match' => 'x' }),
              501, 'NotImplemented', '... of an ETag');

    is(put('/w', body => 'one', headers => { 'if-match' => qq("$etag") })
       ->{status}, 200, 'If-Match');
    status_is(put('/w', body => 'two', headers => { 'if-match' => '"x"' }),
              412, 'PreconditionFailed', '... of another');
    status_is(put('/w2', body => 'two', headers => { 'if-match' => $etag }),
              404, 'NoSuchKey', '... where there is none');
    is(get('/w')->{body}, 'one', '... which stays');

    status_is($s3->request(DELETE => '/w', extra => { 'if-match' => '"x"' }),
              412, 'PreconditionFailed', 'DELETE of another');
    is(get('/w')->{body}, 'one', '... which stays');
    is($s3->request(DELETE => '/w', extra => { 'if-match' => $etag })
       ->{status}, 204, '... of this');
    is(get('/w')->{status}, 404, '... which goes');
    is($s3->request(DELETE => '/w', extra => { 'if-match' => $etag })
       ->{status}, 204, '... of none');

    # one of many at once

    my @pids;
    for my $n (1 .. 8) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;
        my $got = put('/once', body => $n, headers => {
            'if-none-match' => '*' });
        require POSIX;
        POSIX::_exit($got->{status} == 200 ? 1
                     : $got->{status} == 412 ? 0 : 100);
    }

    my $won = 0;
    for (@pids) { waitpid $_, 0; $won += $? >> 8; }
    is($won, 1, 'one of eight is the first');
};

subtest 'Expect: 100-continue' => sub {
    my $begin = sub {
        my ($size, %opt) = @_;
        my $sock = $s3->connection;
        my %h = $s3->sign(PUT => $opt{key} // '/e', %opt);
        print {$sock} "PUT /objects/raw/e HTTP/1.1\r\n"
            . ($size eq 'chunked' ? "Transfer-Encoding: chunked\r\n"
               : "Content-Length: $size\r\n")
            . ($opt{prompt} ? '' : "Expect: 100-continue\r\n")
            . join('', map { "$_: $h{$_}\r\n" } sort keys %h) . "\r\n";
        $sock->flush;
        return $sock;
    };
    my $read = sub {
        my ($sock) = @_;
        local $SIG{ALRM} = sub { die "no end in 20 s\n" };
        alarm 20;
        my $text = '';
        while (sysread $sock, $text, 65536, length $text) { }
        alarm 0;
        return $text;
    };

    for ([ 'another key', 403, key => '/other' ],
         [ 'a tag', 501, headers => { 'x-amz-tagging' => 'a=b' } ],
         [ 'too large', 400, size => 6_000_000_000 ],
         [ 'no length', 411,
           payload => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' ],
         [ 'a small one', 403, key => '/other', size => 5 ],
         [ 'one in chunks', 403, key => '/other', size => 'chunked' ],
         [ 'a large one that is not waited with', 403, key => '/other',
           prompt => 1 ])
    {
        my ($name, $status, %opt) = @$_;
        my $began = time;
        my $text = $read->($begin->(delete $opt{size} // 400_000_000, %opt));
        like($text, qr{\AHTTP/1\.1 $status }, "$name: refused at once");
        unlike($text, qr{100 Continue}, '... without being asked for it');
        like($text, qr{^Connection: close\r$}m, '... and closed');
        cmp_ok(time - $began, '<', 4, '... without waiting for the body');
    }

    # who sends it nevertheless is not cut off before the answer is read

    for my $prompt (0, 1) {
        my $sock = $begin->(400_000_000, key => '/other', prompt => $prompt);
        my $text = $read->($sock);
        like($text, qr{\AHTTP/1\.1 403 }, 'refused');

        local $SIG{PIPE} = 'IGNORE';
        my $sent = 0;
        for (1 .. 5) {
            $sent += syswrite($sock, 'x' x 50_000) // 0;
            sleep 0.05;
        }
        is($sent, 250_000, '... and what is on its way is taken');
    }

    my $sock = $begin->(5);
    my $text = '';
    sysread $sock, $text, 65536;
    like($text, qr{\AHTTP/1\.1 100 Continue}, 'what is accepted is asked for');
    print {$sock} 'hello';
    $sock->flush;
    is(SocialS3::read_answer($sock, 'PUT')->{status}, 200, '... and stored');
};

subtest 'bodies of errors' => sub {
    my $got = get('/none');
    status_is($got, 404, 'NoSuchKey', 'an error');
    my ($id) = $got->{body} =~ m{<RequestId>(\w+)</RequestId>};
    ok($id, '... has an ID');
    is($got->{headers}{'x-amz-request-id'}, $id, '... in a header too');
    like($got->{body}, qr{<Resource>/objects/raw/none</Resource>},
         '... and its resource');

    put('/i', body => 'x');
    for ([ 'GET' => '/i' ], [ HEAD => '/i' ], [ HEAD => '/none' ],
         [ DELETE => '/none' ], [ PUT => '/i' ])
    {
        my ($method, $key) = @$_;
        $got = $s3->request($method => $key, $method eq 'PUT' ? (body => 'x')
                            : ());
        ok($got->{headers}{'x-amz-request-id'}, "$method $key has an ID");
    }

    ok(get('/i', extra => { 'if-none-match' => '*' })
       ->{headers}{'x-amz-request-id'}, '304 has one');

    my $other = SocialS3->new(%$s3, region => 'us-east-1');
    for my $got ($other->request(GET => '/i'),
                 $s3->exchange(GET => $other->presign(GET => '/i')))
    {
        is($got->{status}, 400, 'another region');
        like($got->{body}, qr{<Region>eu-west-1</Region>}, '... says which');
    }

    $other = SocialS3->new(%$s3, secret => 'other');
    $got = $other->request(GET => '/i');
    status_is($got, 403, 'SignatureDoesNotMatch', 'another secret');
    like($got->{body}, qr{<StringToSign>AWS4-HMAC-SHA256\n\d+T\d+Z\n
         \d+/eu-west-1/s3/aws4_request\n[0-9a-f]{64}</StringToSign>
         <SignatureProvided>[0-9a-f]{64}</SignatureProvided>}x,
         '... says what was signed');
    $got = $other->request(GET => '/i', headers => {
        'x-forwarded-secret' => 'y' });
    status_is($got, 403, 'SignatureDoesNotMatch', '... of more headers');
    unlike($got->{body}, qr{StringToSign}, '... does not');

    $got = $s3->exchange(PUT => $s3->presign(PUT => '/i'), body => 'x',
                         headers => { 'x-amz-acl' => 'private' });
    status_is($got, 403, 'AccessDenied', 'a header that is not signed');
    like($got->{body}, qr{<HeadersNotSigned>x-amz-acl</HeadersNotSigned>},
         '... says which');

    for my $got ($s3->exchange(GET => '/objects/raw/i', headers => {
                     $s3->sign(GET => '/i', time => time - 1000) }),
                 $s3->exchange(GET => $s3->presign(GET => '/i',
                     time => time - 1000)),
                 $s3->exchange(GET => $s3->presign(GET => '/i',
                     time => time + 1000)))
    {
        is($got->{status}, 403, 'another time');
        like($got->{body}, qr{<ServerTime>20\d\d-\d\d-\d\dT[\d:.]+Z</ServerTime>},
             '... says which');
    }

    # what other parts of nginx refuse

    my $limited = SocialS3->new(%$s3, base => '/limited/raw');
    $limited->request(GET => '/i');
    status_is($limited->request(GET => '/i'), 503, 'ServiceUnavailable',
              'a limit of nginx');
    $got = SocialS3->new(%$s3, base => '/denied/raw')->request(GET => '/i');
    status_is($got, 403, 'AccessDenied', 'a rule of nginx');
    ok($got->{headers}{'x-amz-request-id'}, '... has an ID');
    is($got->{headers}{'content-type'}, 'application/xml', '... in XML');
    $got = $s3->exchange(GET => '/none');
    like($got->{body}, qr{\A\{"message":"Not Found"}, 'JSON elsewhere');
};

subtest 'hosts of buckets' => sub {
    my $host = sub { return SocialS3->new(port => $port, base => '',
                                          host => $_[0]) };
    my $virtual = $host->('raw.objects.localhost');

    is($virtual->request(PUT => '/v/a b%2Bc', body => 'virtual')->{status},
       400, 'a space is not sent as it is');
    is($virtual->request(PUT => '/v/a%20b%2Bc', body => 'virtual')->{status},
       200, 'PUT');
    is($virtual->request(GET => '/v/a%20b%2Bc')->{body}, 'virtual', 'GET');
    is(get('/v/a%20b%2Bc')->{body}, 'virtual', '... is the same by path');
    is($virtual->exchange(GET => $virtual->presign(GET => '/v/a%20b%2Bc'))
       ->{body}, 'virtual', 'a URL');
    is($virtual->request(GET => '/raw/v/a%20b%2Bc')->{code}, 'NoSuchKey',
       'the path has no bucket then');
    is($host->('objects.localhost')->request(GET => '/raw/v/a%20b%2Bc')
       ->{body}, 'virtual', '... but at the host without one');
    is($host->('other.objects.localhost')->request(GET => '/v')->{code},
       'NoSuchBucket', 'another bucket');
};

subtest 'internal redirects' => sub {
    put('/pub/default%2520.jpg', body => 'the default');
    put('/pub/avatars/me.jpg', body => 'me');
    put('/pub/token', body => 'yes');
    put('/pub/a%20b', body => 'a b');
    put('/private', body => 'private');

    is(plain('/avatars/me.jpg')->{body}, 'me', 'an object');
    my $got = plain('/avatars/you.jpg');
    is("$got->{status} $got->{body}", '200 the default',
       'error_page 404 = for one that is not there');
    $got = plain('/avatars/you.jpg?X-Amz-Signature=x&X-Amz-Expires=1');
    is("$got->{status} $got->{body}",
       '400 ' . ($got->{body} =~ s/.*/$&/sr), '... 400 is not among them');
    $got = plain('/status.jpg', headers => { range => 'bytes=0-1',
                                             'if-none-match' => '*' });
    is("$got->{status} $got->{body}", '404 the default',
       'with the status of the error, and whole');
    is(plain('/u/a%20b')->{body}, 'a b', 'rewrite');
    status_is(plain('/closed/private'), 403, 'AccessDenied',
              '... of what is not public');
    is($s3->exchange(GET => '/closed/private', headers => {
        SocialS3->new(%$s3, base => '/closed')->sign(GET => '/private') })
       ->{body}, 'private', '... by the signature of what was sent');
    is(plain('/checked')->{body}, 'the page', 'auth_request');
    is(plain('/unchecked')->{status}, 500, '... of none');
    like(plain('/page.html')->{body}, qr/\[a b\]/, 'SSI');
    is(plain('/accel')->{body}, 'a b', 'X-Accel-Redirect');
    is(plain('/accel', headers => { range => 'bytes=0-0' })->{body}, 'a',
       '... a range of it');
};

$nginx->stop;

my $log = SocialNginx::slurp("$dir/info.log");

unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing went wrong');
like($log, qr/refused[ ]a[ ]request:[ ]NotImplemented[ ]
              \("x-amz-tagging"\)/x, 'the log says what was refused');
like($log, qr/refused a request: SignatureDoesNotMatch: The signature/,
     '... and why');
like($log, qr/refused[ ]a[ ]request:[ ]AccessDenied:[ ]There[ ]were[ ]headers
              .*?[ ]\("x-amz-acl"\)/x, '... and of what');
unlike($log, qr/reason \d/, '... not in numbers');
unlike($log, qr/Signature=|Credential=|\Q$s3->{secret}\E/,
       'no signature and no secret');

done_testing();
