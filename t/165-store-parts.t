#!/usr/bin/perl

# The embedded store: uploads in parts, objects that consist of parts, and
# copies of objects.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5 md5_base64 md5_hex );
use Digest::SHA qw( sha256 );
use Fcntl qw( :flock );
use MIME::Base64 ();
use SocialNginx;
use SocialS3;
use SocialStore;
use Test::More;
use POSIX ();
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $root = "$dir/root";
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $b64 = sub { MIME::Base64::encode_base64($_[0], '') };

mkdir "$dir/$_" for qw( root short full page );

my $mounted = $> == 0
    && system("mount -t tmpfs -o size=12m none $dir/full 2>/dev/null") == 0;

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('page/page.html',
    '[<!--# include virtual="/objects/raw/pub/parts" -->]');
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
thread_pool default threads=8;
error_log $dir/info.log info;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    client_body_timeout 5s;
    sendfile on;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    social_bucket short {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/short;
        credentials file $dir/credentials;
    }
    social_bucket full {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/full;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        server_name localhost;
        location /objects/ {
            social_store raw root=$root public=pub/ max_size=64m fsync=off;
        }
        location /limited/ {
            limit_rate 4m;
            social_store raw root=$root max_size=64m;
        }
        location /copied/ {
            sendfile off;
            social_store raw root=$root max_size=64m;
        }
        location /one/ {
            social_store raw root=$root part=one/;
        }
        location /full/ { social_store full root=$dir/full; }
        location /short/ {
            social_store short root=$dir/short expire_multipart=1s;
        }
        location = /page.html { ssi on; root $dir/page; }
    }
}
_EOC_

$nginx->start($port);

END {
    if ($nginx && $nginx->{owner} && $nginx->{owner} == $$) {
        $nginx->stop;
        system("umount $dir/full") if $mounted;
    }
}

my $min = 5 * 1024 * 1024;


sub status_is {
    my ($got, $status, $code, $name) = @_;
    is("$got->{status} $got->{code}", "$status $code", $name)
        or diag(substr $got->{body}, 0, 500);
    return;
}

sub of { return $_[0]{body} =~ m{<$_[1]>(.*?)</$_[1]>} ? $1 : undef }

sub create {
    my ($key, %headers) = @_;
    my $got = $s3->request(POST => $key, query => { uploads => '' },
                           headers => \%headers);
    return of($got, 'UploadId') // die "no upload: $got->{body}";
}

sub part {
    my ($key, $id, $number, $body, %headers) = @_;
    return $s3->request(PUT => $key, body => $body, headers => \%headers,
        query => { uploadId => $id, partNumber => $number });
}

# The list in a body: [ number, ETag, more elements ] each.

sub list {
    return '<CompleteMultipartUpload>' . join('', map {
        "<Part><PartNumber>$_->[0]</PartNumber><ETag>$_->[1]</ETag>"
        . ($_->[2] // '') . '</Part>' } @_) . '</CompleteMultipartUpload>';
}

sub complete {
    my ($key, $id, $body, %headers) = @_;
    return $s3->request(POST => $key, query => { uploadId => $id },
                        body => $body, headers => \%headers);
}

# All in one; returns the answer.

sub upload {
    my ($key, $parts, %headers) = @_;
    my $id = create($key, %headers);
    my $n = 0;
    return complete($key, $id, list(map {
        $n++;
        [ $n, part($key, $id, $n, $_)->{headers}{etag} ] } @$parts));
}

sub get { return $s3->request(GET => @_) }
sub etag_of {
    return sprintf '"%s-%d"', md5_hex(join '', map { md5($_) } @_), scalar @_;
}

# The store has ended what was left.

sub clean {
    my ($name, $where) = @_;
    my @left;
    ok(SocialNginx::wait_for(15, sub {
        return !(@left = SocialStore::orphans($where // $root));
    }), "$name: nothing is left") or diag("@left");
    return;
}

my @parts = map { $_ x $min } 'a', 'b';
push @parts, 'the end';
my $whole = join '', @parts;


subtest 'an object in parts' => sub {
    my $got = $s3->request(POST => '/p/q', query => { uploads => '' },
        headers => { 'content-type' => 'video/mp4', 'cache-control' => 'x=1',
                     'x-amz-meta-of' => 'me' });
    status_is($got, 200, '', 'created');
    is(of($got, 'Bucket'), 'raw', '... its bucket');
    is(of($got, 'Key'), 'p/q', '... its key');
    my $id = of($got, 'UploadId');
    like($id, qr/\A[0-9a-f]{32}\z/, '... its ID');

    $got = part('/p/q', $id, 2, 'not this');
    status_is($got, 200, '', 'a part');
    is($got->{headers}{etag}, '"' . md5_hex('not this') . '"', '... its ETag');
    status_is(part('/p/q', $id, $_ + 1, $parts[$_]), 200, '', "part $_")
        for 2, 0, 1;
    status_is(part('/p/q', $id, 9, 'left out'), 200, '', 'one more');
    status_is(get('/p/q'), 404, 'NoSuchKey', 'no object yet');

    $got = get('/p/q', query => { uploadId => $id });
    status_is($got, 200, '', 'they are listed');
    is_deeply([ $got->{body} =~ m{<PartNumber>(\d+)<}g ], [ 1, 2, 3, 9 ],
              '... in order');
    is_deeply([ $got->{body} =~ m{<Size>(\d+)<}g ], [ $min, $min, 7, 8 ],
              '... with their sizes');
    like($got->{body}, qr{<ETag>&quot;@{[ md5_hex($parts[1]) ]}&quot;</ETag>},
         '... with the ETag of the last one of a number');
    is(of($got, 'IsTruncated'), 'false', '... all of them');

    $got = get('/p/q', query => { uploadId => $id, 'max-parts' => 2,
                                  'part-number-marker' => 1 });
    is_deeply([ $got->{body} =~ m{<PartNumber>(\d+)<}g ], [ 2, 3 ], 'a page');
    is(of($got, 'IsTruncated'), 'true', '... of more');
    is(of($got, 'NextPartNumberMarker'), 3, '... after it');

    my @list = map { [ $_ + 1, md5_hex($parts[$_]) ] } 0 .. 2;
    $got = complete('/p/q', $id, list(@list));
    status_is($got, 200, '', 'completed');
    is(of($got, 'ETag'), etag_of(@parts) =~ s/"/&quot;/gr, '... its ETag');
    is(of($got, 'Key'), 'p/q', '... its key');
    like(of($got, 'Location'), qr{\Ahttp://127.0.0.1:$port/objects/raw/p/q\?*\z},
         '... its URL');

    $got = get('/p/q');
    status_is($got, 200, '', 'there it is');
    ok($got->{body} eq $whole, '... all of it');
    my %h = %{ $got->{headers} };
    is($h{etag}, etag_of(@parts), '... its ETag');
    is($h{'content-type'}, 'video/mp4', '... its type');
    is($h{'cache-control'}, 'x=1', '... its headers');
    is($h{'x-amz-meta-of'}, 'me', '... its metadata');
    is($h{'x-amz-mp-parts-count'}, undef, '... and no number of parts');

    my $head = $s3->request(HEAD => '/p/q');
    is($head->{headers}{'content-length'}, length $whole, 'HEAD');
    is($head->{headers}{etag}, etag_of(@parts), '... its ETag');

    for ([ 0, 5 ], [ $min - 3, $min + 2 ], [ $min, $min ],
         [ 2 * $min - 1, 2 * $min + 6 ], [ 10, 2 * $min + 3 ])
    {
        my ($first, $last) = @$_;
        $got = get('/p/q', headers => { range => "bytes=$first-$last" });
        is($got->{status}, 206, "bytes $first to $last");
        ok($got->{body} eq substr($whole, $first, $last - $first + 1),
           '... are those');
        is($got->{headers}{'content-range'},
           "bytes $first-$last/" . length $whole, '... and say so');
    }

    my $at = 0;
    for my $n (1 .. 3) {
        $got = get('/p/q', query => { partNumber => $n });
        is($got->{status}, 206, "part $n");
        ok($got->{body} eq $parts[$n - 1], '... is that');
        is($got->{headers}{'x-amz-mp-parts-count'}, 3, '... one of three');
        is($got->{headers}{'content-range'}, sprintf('bytes %d-%d/%d', $at,
           $at + length($parts[$n - 1]) - 1, length $whole), '... at its place');
        $at += length $parts[$n - 1];
    }

    is($s3->request(HEAD => '/p/q', query => { partNumber => 3 })
       ->{headers}{'content-length'}, 7, 'HEAD of a part');
    status_is(get('/p/q', query => { partNumber => 4 }), 416,
              'InvalidPartNumber', 'there is no more');
    status_is(get('/p/q', query => { partNumber => 1 },
                  headers => { range => 'bytes=0-1' }), 400, 'InvalidRequest',
              'a part and a range');
    status_is(get('/p/q', headers => { 'if-none-match' => etag_of(@parts) }),
              304, '', 'it was not modified');

    $got = get('', query => { prefix => 'p/' });
    like($got->{body}, qr{<Size>@{[ length $whole ]}</Size>}, 'in a list');

    status_is(complete('/p/q', $id, list(@list)), 200, '',
              'it is completed again');
    status_is(part('/p/q', $id, 1, 'x'), 404, 'NoSuchUpload',
              'there is no upload any more');
    status_is(get('/p/q', query => { uploadId => $id }), 404, 'NoSuchUpload',
              '... to be listed');
    status_is($s3->request(DELETE => '/p/q', query => { uploadId => $id }),
              404, 'NoSuchUpload', '... or aborted');
    clean('a part that was left out');

    is($s3->request(DELETE => '/p/q')->{status}, 204, 'removed');
    status_is(get('/p/q'), 404, 'NoSuchKey', '... it is');
    clean('removed');
    status_is(complete('/p/q', $id, list(@list)), 404, 'NoSuchUpload',
              'it cannot be completed again');

    upload('/p/q', \@parts);
    $s3->request(PUT => '/p/q', body => 'small');
    is(get('/p/q')->{body}, 'small', 'another object over it');
    clean('replaced');
    upload('/p/q', \@parts);
    ok(get('/p/q')->{body} eq $whole, 'it over another object');
    upload('/p/q', [ 'y' x $min, 'z' ]);
    clean('one over another');
    my $xml = '<Delete><Object><Key>p/q</Key></Object></Delete>';
    is($s3->request(POST => '', query => { delete => '' }, body => $xml,
        headers => { 'content-md5' => md5_base64($xml) . '==' })->{status},
       200, 'removed with others');
    clean('removed with others');
};

subtest 'many parts, and how they are sent' => sub {
    my $key = '/pub/parts';
    my @many = map { chr(64 + $_) x $min } 1 .. 2;
    upload($key, [ @many, 'end' ]);

    my $got = $s3->exchange(GET => '/page.html');
    ok($got->{body} eq '[' . join('', @many, 'end') . ']',
       'in the middle of a page');
    $got = $s3->exchange(GET => "/objects/raw$key");
    ok($got->{body} eq join('', @many, 'end'), 'without a signature');

    $got = SocialS3->new(%$s3, base => '/copied/raw')->request(GET => $key);
    ok($got->{body} eq join('', @many, 'end'), 'without sendfile');

    # more files than are open at a time

    my @small = map { sprintf '%05d', $_ } 1 .. 40;
    my $id = create('/many');
    part('/many', $id, $_, $small[$_ - 1]) for 1 .. 40;

    # of such a size they could not be completed: it is written here

    complete('/many', $id, list([ 40, md5_hex($small[39]) ]));
    clean('all but one');
    my ($file) = grep { /many/ } SocialStore::files($root, 'objects');
    my $meta = SocialStore::meta("$root/$file");
    my $data = "$root/data/" . substr($meta->{id}, 0, 2) . "/$meta->{id}";
    my $note = substr SocialNginx::slurp("$data/40"), 5;

    my ($at, $records) = (0, '');
    for my $n (1 .. 40) {
        open my $out, '>:raw', "$data/$n" or die "$data/$n: $!";
        print {$out} $small[$n - 1], $note;
        close $out;
        $records .= sprintf "%-127s\n", "$n " . md5_hex($small[$n - 1])
                                        . " $at 5 ";
        $at += 5;
    }
    my $text = SocialNginx::slurp("$root/$file");
    $text =~ s/^size 5$/size 200/m;
    $text =~ s/^(etag \w+) 1$/$1 40/m;
    $text =~ s/\nend\n.*\z/\nend\n$records/s;
    open my $out, '>:raw', "$root/$file" or die;
    print {$out} $text;
    close $out;

    status_is(get('/many'), 200, '', 'forty files');
    is(get('/many')->{body}, join('', @small), '... in order');
    is(get('/many', headers => { range => 'bytes=77-188' })->{body},
       substr(join('', @small), 77, 112), '... and a range of them');

    # a client that reads slowly keeps what it reads

    my $slow = SocialS3->new(%$s3, base => '/limited/raw');
    my %headers = $slow->sign(GET => $key);
    my $sock = $slow->connection;
    print {$sock} "GET /limited/raw$key HTTP/1.1\r\n", (map {
        "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n";
    $sock->flush;
    sysread $sock, my $begin, 1000;
    is($s3->request(DELETE => $key)->{status}, 204, 'removed meanwhile');
    status_is(get($key), 404, 'NoSuchKey', '... it is');
    $got = $begin;
    while ($got !~ /\r\n\r\n/ || length($got) - $+[0] < 2 * $min + 3) {
        sysread $sock, $got, 1 << 20, length $got or last;
    }
    $got =~ s/\A.*?\r\n\r\n//s;
    ok($got eq join('', @many, 'end'), '... and the reader gets all of it');
    close $sock;

    $s3->request(DELETE => '/many');
    clean('after the reader');
};

subtest 'what cannot be completed' => sub {
    my $id = create('/bad');
    part('/bad', $id, $_, $parts[0]) for 1, 2;
    part('/bad', $id, 3, 'small');
    part('/bad', $id, 4, 'last');
    my ($big, $small, $last) = map { md5_hex($_) } $parts[0], 'small', 'last';

    for ([ 'another ETag', 'InvalidPart', list([ 1, $small ]) ],
         [ 'no such part', 'InvalidPart', list([ 1, $big ], [ 5, $big ]) ],
         [ 'text for an ETag', 'InvalidPart', list([ 1, 'x' ]) ],
         [ 'another order', 'InvalidPartOrder',
           list([ 2, $big ], [ 1, $big ]) ],
         [ 'one twice', 'InvalidPartOrder', list([ 1, $big ], [ 1, $big ]) ],
         [ 'a small one before another', 'EntityTooSmall',
           list([ 1, $big ], [ 3, $small ], [ 4, $last ]) ],
         [ 'number 0', 'InvalidArgument', list([ 0, $big ]) ],
         [ 'number 10001', 'InvalidArgument', list([ 10_001, $big ]) ],
         [ 'none', 'MalformedXML', list() ],
         [ 'no XML', 'MalformedXML', 'x' ],
         [ 'another document', 'MalformedXML', '<Delete/>' ],
         [ 'another checksum', 'InvalidPart', list([ 1, $big,
           '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>' ]) ])
    {
        my ($name, $code, $body) = @$_;
        status_is(complete('/bad', $id, $body), 400, $code, $name);
    }

    my $got = complete('/bad', $id, list([ 1, $big ], [ 3, $small ],
                                         [ 4, $last ]));
    is(of($got, 'PartNumber'), 3, 'it is said which one is too small');

    for ([ 'another size', 'InvalidRequest', 'x-amz-mp-object-size' => 7 ],
         [ 'a checksum where there is none', 'InvalidRequest',
           'x-amz-checksum-crc32' => 'AAAAAA==' ])
    {
        my ($name, $code, @headers) = @$_;
        status_is(complete('/bad', $id, list([ 1, $big ]), @headers), 400,
                  $code, $name);
    }

    status_is(complete('/other', $id, list([ 1, $big ])), 404, 'NoSuchUpload',
              'another key');
    status_is(part('/other', $id, 1, 'x'), 404, 'NoSuchUpload',
              '... for a part');
    status_is(part('/bad', 'f' x 32, 1, 'x'), 404, 'NoSuchUpload',
              'another upload');
    status_is(part('/bad', '../x', 1, 'x'), 404, 'NoSuchUpload', 'no ID');
    status_is(part('/bad', $id, $_, 'x'), 400, 'InvalidArgument',
              "part number $_") for 0, 10_001, 'x', '';

    # what is refused is not invited

    $got = $s3->request(PUT => '/bad', body => '', extra => {
        expect => '100-continue', 'content-length' => 10_000_000 },
        query => { uploadId => 'e' x 32, partNumber => 1 });
    status_is($got, 404, 'NoSuchUpload', 'a body that is not sent');

    status_is(part('/bad', $id, 1, 'x' x 100,
                   'content-md5' => $b64->(md5('y'))), 400, 'BadDigest',
              'a part that is another');
    $got = $s3->request(PUT => '/bad', body => 'x', payload => '0' x 64,
                        query => { uploadId => $id, partNumber => 1 });
    status_is($got, 400, 'XAmzContentSHA256Mismatch', '... by its signature');

    $got = $s3->request(PUT => '/bad', body => '', extra => {
        'content-length' => 65 << 20 },
        query => { uploadId => $id, partNumber => 1 });
    status_is($got, 400, 'EntityTooLarge', 'one over max_size');

    $s3->request(PUT => '/bad', body => 'here');
    status_is(complete('/bad', $id, list([ 1, $big ]),
                       'if-none-match' => '*'), 412, 'PreconditionFailed',
              'if there is no such object');
    status_is(complete('/bad', $id, list([ 1, $big ]), 'if-match' => '"x"'),
              412, 'PreconditionFailed', 'if it is another one');
    is(get('/bad')->{body}, 'here', '... it stays');
    status_is(complete('/bad', $id, list([ 1, $big ], [ 4, $last ]),
                       'if-match' => '"' . md5_hex('here') . '"'), 200, '',
              'after all of that it can be completed');
    ok(get('/bad')->{body} eq $parts[0] . 'last', '... to what was asked for');
    $s3->request(DELETE => '/bad');
    clean('what was refused');
};

subtest 'checksums of parts' => sub {
    my $sum = sub { return $b64->(sha256($_[0])) };
    my $id = create('/sums', 'x-amz-checksum-algorithm' => 'SHA256');
    my $got = part('/sums', $id, 1, $parts[0],
                   'x-amz-checksum-sha256' => $sum->($parts[0]));
    is($got->{headers}{'x-amz-checksum-sha256'}, $sum->($parts[0]),
       'of a part');
    is(part('/sums', $id, 2, 'end')->{headers}{'x-amz-checksum-sha256'},
       $sum->('end'), 'of a part that came without one');
    status_is(part('/sums', $id, 2, 'end',
                   'x-amz-checksum-sha256' => $sum->('x')), 400, 'BadDigest',
              'another one');
    status_is(part('/sums', $id, 2, 'end',
                   'x-amz-checksum-crc32' => 'AAAAAA=='), 400,
              'InvalidRequest', 'one of another algorithm');

    $got = get('/sums', query => { uploadId => $id });
    is(of($got, 'ChecksumAlgorithm'), 'SHA256', 'in a list');
    is(of($got, 'ChecksumSHA256'), $sum->($parts[0]), '... of each');

    my $of = $b64->(sha256(sha256($parts[0]) . sha256('end')));
    my @list = ([ 1, md5_hex($parts[0]),
                  "<ChecksumSHA256>@{[ $sum->($parts[0]) ]}</ChecksumSHA256>" ],
                [ 2, md5_hex('end') ]);
    status_is(complete('/sums', $id, list(@list),
                       'x-amz-checksum-sha256' => $sum->('x')), 400,
              'BadDigest', 'another one of the object');
    $got = complete('/sums', $id, list(@list),
                    'x-amz-checksum-sha256' => "$of-2",
                    'x-amz-checksum-type' => 'COMPOSITE',
                    'x-amz-mp-object-size' => $min + 3);
    status_is($got, 200, '', 'completed');
    is(of($got, 'ChecksumSHA256'), "$of-2", '... its checksum');
    is(of($got, 'ChecksumType'), 'COMPOSITE', '... of its parts');

    $got = get('/sums', headers => { 'x-amz-checksum-mode' => 'ENABLED' });
    is($got->{headers}{'x-amz-checksum-sha256'}, "$of-2", 'with the object');
    is($got->{headers}{'x-amz-checksum-type'}, 'COMPOSITE', '... of its parts');

    # a CRC of the whole, which the test's own code has of "123456789"

    my %crc = (CRC32 => 'y/Q5Jg==', CRC32C => '4waSgw==',
               CRC64NVME => 'rosUhgp5mIg=');
    for my $name (sort keys %crc) {
        $id = create('/sums', 'x-amz-checksum-algorithm' => $name,
                     'x-amz-checksum-type' => 'FULL_OBJECT');
        part('/sums', $id, 7, '123456789');
        $got = complete('/sums', $id, list([ 7, md5_hex('123456789') ]),
                        'x-amz-checksum-' . lc $name => $crc{$name});
        is(of($got, "Checksum$name"), $crc{$name}, "$name of the whole");
        is(of($got, 'ChecksumType'), 'FULL_OBJECT', '... is said to be that');
    }

    for ([ 'SHA256', 'FULL_OBJECT' ], [ 'CRC64NVME', 'COMPOSITE' ],
         [ 'CRC32', 'x' ])
    {
        $got = $s3->request(POST => '/sums', query => { uploads => '' },
            headers => { 'x-amz-checksum-algorithm' => $_->[0],
                         'x-amz-checksum-type' => $_->[1] });
        status_is($got, 400, 'InvalidRequest', "@$_");
    }
    $s3->request(DELETE => '/sums');
};

subtest 'lists of uploads, and their end' => sub {
    clean('before');
    my %id = map { $_ => create("/$_") } qw( u/b u/a u/c v ), 'u/%26';
    my $second = create('/u/b');
    my @of_b = sort $id{'u/b'}, $second;

    my $got = get('', query => { uploads => '', prefix => 'u/' });
    is_deeply([ $got->{body} =~ m{<Key>(.*?)<}g ],
              [ 'u/&amp;', 'u/a', 'u/b', 'u/b', 'u/c' ], 'in order');
    is_deeply([ ($got->{body} =~ m{<UploadId>(.*?)<}g)[2, 3] ], \@of_b,
              '... with their IDs');

    $got = get('', query => { uploads => '', 'max-uploads' => 2,
                              prefix => 'u/', 'key-marker' => 'u/&' });
    is_deeply([ $got->{body} =~ m{<Key>(.*?)<}g ], [ 'u/a', 'u/b' ], 'a page');
    is(of($got, 'IsTruncated'), 'true', '... of more');
    is(of($got, 'NextUploadIdMarker'), $of_b[0], '... after it');
    $got = get('', query => { uploads => '', prefix => 'u/',
        'key-marker' => of($got, 'NextKeyMarker'),
        'upload-id-marker' => of($got, 'NextUploadIdMarker') });
    is_deeply([ $got->{body} =~ m{<UploadId>(.*?)<}g ],
              [ $of_b[1], $id{'u/c'} ], '... the next page');

    $got = get('', query => { uploads => '', prefix => 'u', delimiter => '/' });
    like($got->{body}, qr{<Delimiter>/</Delimiter>}, 'a delimiter');
    like($got->{body}, qr{<CommonPrefixes><Prefix>u/</Prefix></CommonPrefixes>
         </ListMultipartUploadsResult>\z}x, '... and what is common');
    unlike($got->{body}, qr{<Upload>}, '... in the place of uploads');
    $got = get('', query => { uploads => '', prefix => 'u/', delimiter => 'a',
                              'max-uploads' => 2 });
    is_deeply([ $got->{body} =~ m{<(?:Key|Prefix)>(.*?)<}g ],
              [ 'u/', 'u/&amp;', 'u/a' ], 'a page that ends with one');
    is(of($got, 'NextKeyMarker'), 'u/a', '... the marker');
    unlike($got->{body}, qr{NextUploadIdMarker}, '... of no upload');

    part('/u/a', $id{'u/a'}, 1, 'x');
    is($s3->request(DELETE => '/u/a', query => { uploadId => $id{'u/a'} })
       ->{status}, 204, 'aborted');
    status_is(part('/u/a', $id{'u/a'}, 1, 'x'), 404, 'NoSuchUpload',
              '... it is');
    my $data = "$root/data/" . substr($id{'u/a'}, 0, 2) . "/$id{'u/a'}";
    ok(SocialNginx::wait_for(5, sub { !-e $data }), '... its parts are gone');

    for my $key (sort keys %id) {
        $s3->request(DELETE => "/$key", query => { uploadId => $id{$key} });
    }
    $s3->request(DELETE => '/u/b', query => { uploadId => $second });
    clean('all aborted');

    my $short = SocialS3->new(%$s3, base => '/short/short');
    my $left = of($short->request(POST => '/v', query => { uploads => '' }),
                  'UploadId');
    $short->request(PUT => '/v', body => 'x',
                    query => { uploadId => $left, partNumber => 1 });
    ok(-e "$dir/short/data/" . substr($left, 0, 2) . "/$left/1",
       'one that nobody completes');
    clean('after its time', "$dir/short");
    ok(!-e "$dir/short/uploads/$left", 'it is gone');
    like(SocialNginx::slurp("$dir/info.log"),
         qr/aborted uploads in parts that nobody completed: 1/, 'as is said');
};

subtest 'copies' => sub {
    my %headers = ('content-type' => 'text/x', 'cache-control' => 'x=1',
                   'x-amz-meta-a' => 'b');
    my %body = (small => 'small', large => 'l' x 100_000, parts => $whole);

    for my $name (qw( small large )) {
        $s3->request(PUT => "/from/$name", body => $body{$name},
                     headers => { %headers, 'x-amz-checksum-sha256' =>
                                  $b64->(sha256($body{$name})) });
    }
    upload('/from/parts', \@parts, %headers);

    my $copy = sub {
        my ($to, $from, %h) = @_;
        return $s3->request(PUT => $to, headers => {
            'x-amz-copy-source' => $from, %h });
    };

    for my $name (sort keys %body) {
        my $got = $copy->("/to/$name", "/raw/from/$name");
        status_is($got, 200, '', "of $name");
        my $etag = $s3->request(HEAD => "/from/$name")->{headers}{etag};
        is(of($got, 'ETag'), $etag =~ s/"/&quot;/gr, '... its ETag');
        like(of($got, 'LastModified'), qr/\A20..-..-..T/, '... and its time');

        $got = get("/to/$name",
                   headers => { 'x-amz-checksum-mode' => 'ENABLED' });
        ok($got->{body} eq $body{$name}, '... its bytes');
        is($got->{headers}{$_}, $headers{$_}, "... its $_")
            for sort keys %headers;
        is($got->{headers}{'x-amz-checksum-sha256'},
           $b64->(sha256($body{$name})), '... its checksum')
            if $name ne 'parts';

        $s3->request(DELETE => "/from/$name");
        ok(get("/to/$name")->{body} eq $body{$name},
           '... when its source is gone');

        $got = $copy->("/to/$name", "raw/to/$name",
            'x-amz-metadata-directive' => 'REPLACE',
            'content-type' => 'text/y', 'x-amz-meta-c' => 'd');
        status_is($got, 200, '', '... onto itself');
        $got = get("/to/$name");
        ok($got->{body} eq $body{$name}, '... has the same bytes');
        is($got->{headers}{'content-type'}, 'text/y', '... and other headers');
        is($got->{headers}{'x-amz-meta-c'}, 'd', '... its own');
        is($got->{headers}{'x-amz-meta-a'}, undef, '... alone');
    }

    clean('copies');

    my $etag = $s3->request(HEAD => '/to/small')->{headers}{etag};
    my $past = 'Mon, 01 Jan 2001 00:00:00 GMT';

    for ([ 'no such object', 404, 'NoSuchKey', '/raw/none' ],
         [ 'another bucket', 404, 'NoSuchBucket', '/other/to/small' ],
         [ 'no bucket', 400, 'InvalidArgument', 'small' ],
         [ 'a bucket', 400, 'InvalidArgument', '/raw/' ],
         [ 'bad escapes', 400, 'InvalidArgument', '/raw/%x' ],
         [ 'a version', 404, 'NoSuchVersion', '/raw/to/small?versionId=1' ],
         [ 'the only version', 200, '', '/raw/to/small?versionId=null' ],
         [ 'escapes', 200, '', '%2Fraw%2Fto%2Fsmall' ],
         [ 'another directive', 400, 'InvalidArgument', '/raw/to/small',
           'x-amz-metadata-directive' => 'x' ],
         [ 'if it is that', 200, '', '/raw/to/small',
           'x-amz-copy-source-if-match' => $etag ],
         [ 'if it is another', 412, 'PreconditionFailed', '/raw/to/small',
           'x-amz-copy-source-if-match' => '"x"' ],
         [ 'if it is not that', 412, 'PreconditionFailed', '/raw/to/small',
           'x-amz-copy-source-if-none-match' => $etag ],
         [ 'if it is newer', 200, '', '/raw/to/small',
           'x-amz-copy-source-if-modified-since' => $past ],
         [ 'if it is older', 412, 'PreconditionFailed', '/raw/to/small',
           'x-amz-copy-source-if-unmodified-since' => $past ],
         [ 'if it is that, and older', 200, '', '/raw/to/small',
           'x-amz-copy-source-if-match' => $etag,
           'x-amz-copy-source-if-unmodified-since' => $past ],
         [ 'over what is there', 412, 'PreconditionFailed', '/raw/to/large',
           'if-none-match' => '*' ],
         [ 'tags', 501, 'NotImplemented', '/raw/to/small',
           'x-amz-tagging-directive' => 'REPLACE' ])
    {
        my ($name, $status, $code, $from, @headers) = @$_;
        $from =~ s{\A%2F}{/};
        $from =~ s{%2F}{/}g if $name eq 'escapes';
        status_is($copy->('/to/x', $from, @headers), $status, $code, $name);
    }

    status_is($copy->('/to/small', '/raw/to/small'), 400, 'InvalidRequest',
              'onto itself as it is');
    my $one = SocialS3->new(%$s3, base => '/one');
    status_is($one->request(PUT => '/x', headers => {
        'x-amz-copy-source' => '/raw/to/small' }), 403, 'AccessDenied',
        'from beyond what a location has');

    $s3->request(PUT => '/to/a%20%2Bb', body => 'odd');
    $copy->('/to/y', '/raw/to/a%20%2Bb');
    is(get('/to/y')->{body}, 'odd', 'of a key with escapes');

    # parts that are copied

    my $id = create('/to/z');
    my $from = sub {
        my ($number, $key, $range) = @_;
        return $s3->request(PUT => '/to/z', headers => {
            'x-amz-copy-source' => "/raw$key",
            defined $range ? ('x-amz-copy-source-range' => $range) : () },
            query => { uploadId => $id, partNumber => $number });
    };
    my $range = sprintf 'bytes=%d-%d', $min - 1, 2 * $min + 1;
    my $got = $from->(1, '/to/parts', $range);
    my $piece = substr $whole, $min - 1, $min + 3;
    is(of($got, 'ETag'), '&quot;' . md5_hex($piece) . '&quot;',
       'a range of one in parts');
    $got = $from->(2, '/to/large');
    is(of($got, 'ETag'), '&quot;' . md5_hex($body{large}) . '&quot;',
       'a whole one');
    is(of($from->(3, '/to/small'), 'ETag'),
       '&quot;' . md5_hex('small') . '&quot;', 'a small one');

    # one of a byte more than may be copied at once, with holes in it

    $s3->request(PUT => '/to/huge', body => 'h' x 123_456);
    my ($huge) = grep { (SocialStore::meta($_) // {})->{size} == 123_456 }
                 map { "$root/$_" } SocialStore::files($root, 'objects');
    my $text = SocialNginx::slurp($huge);
    my ($data) = $text =~ /^id ((..).*)/m;
    $data = "$root/data/" . substr($data, 0, 2) . "/$data";
    $text =~ s/^size \d+$/size 5368709121/m;
    open my $out, '>', $huge or die "$huge: $!\n";
    print {$out} $text;
    close $out;
    truncate $data, 5_368_709_121 or die "$data: $!\n";

    for ([ 'an object', $copy->('/to/x', '/raw/to/huge') ],
         [ 'a part', $from->(4, '/to/huge') ])
    {
        status_is($_->[1], 400, 'InvalidRequest', "$_->[0] of over 5 GiB");
        like($_->[1]{body}, qr/larger than .* 5368709120/, '... says so');
    }

    is($from->(4, '/to/huge', 'bytes=5368709116-5368709120')->{status}, 200,
       '... but a piece of it');
    $s3->request(DELETE => '/to/huge');

    for ([ 'bytes=0-5' ], [ 'bytes=0-' ], [ 'bytes=-5' ], [ '0-1' ],
         [ 'bytes=3-1' ])
    {
        status_is($from->(4, '/to/small', @$_), 400, 'InvalidArgument',
                  "range @$_");
    }
    status_is($from->(4, '/none'), 404, 'NoSuchKey', 'of nothing');

    complete('/to/z', $id, list([ 1, md5_hex($piece) ],
                                [ 2, md5_hex($body{large}) ]));
    ok(get('/to/z')->{body} eq $piece . $body{large}, 'an object of copies');
    clean('copies of parts');
};

subtest 'a full disk' => sub {
    plan skip_all => 'no tmpfs could be mounted' if !$mounted;

    my $f = SocialS3->new(%$s3, base => '/full/full');
    my $id = of($f->request(POST => '/k', query => { uploads => '' }),
                'UploadId');
    my $put = sub {
        my ($n, $size) = @_;
        return $f->request(PUT => '/k', body => 'x' x $size,
                           query => { uploadId => $id, partNumber => $n });
    };
    is($put->(1, $min)->{status}, 200, 'while there is room');
    my $got = $put->(2, 9_000_000);
    status_is($got, 507, 'XMinioStorageFull', 'when there is none');
    status_is($f->request(PUT => '/o', body => 'x' x 9_000_000), 507,
              'XMinioStorageFull', '... for an object');
    is($put->(2, 1000)->{status}, 200, 'when there is some again');
    $got = $f->request(POST => '/k', query => { uploadId => $id },
        body => list([ 1, md5_hex('x' x $min) ], [ 2, md5_hex('x' x 1000) ]));
    is($got->{status}, 200, '... it is completed');
};

subtest 'parts at the same time' => sub {
    my @pids;
    my $id = create('/par');

    for my $n (1 .. 6) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;
        my $bad = grep { part('/par', $id, $n, chr(64 + $n) x $min)->{status}
                         != 200 } 1 .. 2;
        POSIX::_exit($bad);
    }
    my $bad = 0;
    for (@pids) { waitpid $_, 0; $bad++ if $? }
    is($bad, 0, 'uploaded');

    my @want = map { chr(64 + $_) x $min } 1 .. 6;
    my @list = map { [ $_, md5_hex($want[$_ - 1]) ] } 1 .. 6;
    @pids = ();

    for my $n (1 .. 4) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;
        POSIX::_exit(complete('/par', $id, list(@list))->{status} != 200);
    }
    for (@pids) { waitpid $_, 0; $bad++ if $? }
    is($bad, 0, 'completed by several');
    ok(get('/par')->{body} eq join('', @want), '... whole');
    clean('at the same time');
};

$nginx->stop;
unlike(SocialNginx::slurp("$dir/info.log"), qr/\[(?:alert|emerg|error)\]/,
       'no error was logged');

done_testing();
