#!/usr/bin/perl

# The embedded store: lists of objects, and the operations on the bucket.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5 md5_hex );
use MIME::Base64 ();
use SocialNginx;
use SocialS3;
use Test::More;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $service = SocialS3->new(port => $port, base => '/objects');

mkdir "$dir/root";

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ { social_store raw root=$dir/root public=a/; }
        location /part/ { social_store raw root=$dir/root part=a/ public=a/; }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

sub status_is {
    my ($got, $status, $code, $name) = @_;
    is("$got->{status} $got->{code}", "$status $code", $name)
        or diag($got->{body});
    return;
}

sub unescape {
    my ($text) = @_;
    my %of = (amp => '&', lt => '<', gt => '>', quot => '"', apos => "'",
              '#13' => "\r");
    $text =~ s/&(#?\w+);/$of{$1}/g;
    return $text;
}

# the members of a page, in order, and its elements

sub page {
    my (%query) = @_;

    my $got = $s3->request(GET => '/', query => \%query);
    is($got->{status}, 200, 'a page') or diag($got->{body});
    is($got->{headers}{'content-type'}, 'application/xml', '... in XML');

    my $xml = $got->{body};
    my %page = (xml => $xml, keys => [], prefixes => []);

    push @{ $page{keys} }, unescape($1)
        while $xml =~ m{<Contents><Key>(.*?)</Key>}sg;
    push @{ $page{prefixes} }, unescape($1)
        while $xml =~ m{<CommonPrefixes><Prefix>(.*?)</Prefix>}sg;

    for (qw( Name Prefix Delimiter MaxKeys IsTruncated KeyCount Marker
             NextMarker NextContinuationToken StartAfter EncodingType
             ContinuationToken ))
    {
        $page{$_} = unescape($1) if $xml =~ m{<$_>(.*?)</$_>}s;
    }

    return \%page;
}

is_deeply(page('list-type' => 2)->{keys}, [], 'a bucket in which nothing is');

my @keys = sort('a/1', 'a/2', 'a/b/3', 'a-', 'a', 'b & <c>', "d\r\ne", 'z',
                'ü/ö', map { sprintf 'n/%04d', $_ } 1 .. 25);

for my $key (@keys) {
    my $got = $s3->request(PUT => '/' . SocialS3::escape($key),
                           body => "at $key");
    is($got->{status}, 200, "PUT $key") or diag($got->{body});
}

subtest 'version 2' => sub {
    my $page = page('list-type' => 2);
    is_deeply($page->{keys}, \@keys, 'all, in order');
    is($page->{KeyCount}, scalar @keys, '... as many');
    is($page->{Name}, 'raw', '... of the bucket');
    is($page->{IsTruncated}, 'false', '... and no more');
    is($page->{MaxKeys}, 1000, '... of 1,000');
    is($page->{NextContinuationToken}, undef, '... and no token');
    like($page->{xml}, qr{<Key>a/1</Key>
        <LastModified>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z</LastModified>
        <ETag>&quot;@{[ md5_hex('at a/1') ]}&quot;</ETag><Size>6</Size>
        <StorageClass>STANDARD</StorageClass></Contents>}x, 'what each is');

    like(page('list-type' => 2, 'fetch-owner' => 'true')->{xml},
         qr{</StorageClass><Owner><ID>}, 'with its owner');

    $page = page('list-type' => 2, delimiter => '/');
    is_deeply($page->{keys}, [ grep { !m{/} } @keys ], 'up to a slash');
    is_deeply($page->{prefixes}, [ 'a/', 'n/', 'ü/' ], '... and what is below');
    is($page->{KeyCount}, 3 + @{ $page->{keys} }, '... are counted');

    $page = page('list-type' => 2, delimiter => '/', prefix => 'a/');
    is_deeply($page->{keys}, [ 'a/1', 'a/2' ], 'below a prefix');
    is_deeply($page->{prefixes}, [ 'a/b/' ], '... and below that');
    is($page->{Prefix}, 'a/', '... says which');

    is_deeply(page('list-type' => 2, 'start-after' => 'n/0023')->{keys},
              [ grep { $_ gt 'n/0023' } @keys ], 'after a key');
    is_deeply(page('list-type' => 2, prefix => 'none')->{keys}, [],
              'nothing begins so');

    my (@all, %query);
    my $pages = 0;
    do {
        $page = page('list-type' => 2, 'max-keys' => 4, %query);
        push @all, @{ $page->{keys} };
        $pages++;
        $query{'continuation-token'} = $page->{NextContinuationToken};
    } while ($page->{IsTruncated} eq 'true' && $pages < 99);

    is_deeply(\@all, \@keys, 'in pages');
    is($pages, int((@keys + 3) / 4), '... of four');

    $page = page('list-type' => 2, 'max-keys' => 0);
    is_deeply($page->{keys}, [], 'none are asked for');
    is($page->{IsTruncated}, 'false', '... and so it ends');

    for (1 .. 2) {
        my $url = page('list-type' => 2, 'encoding-type' => 'url',
                       prefix => 'b & ');
        is_deeply($url->{keys}, [ 'b%20%26%20%3Cc%3E' ], 'as in a URL');
        is($url->{Prefix}, 'b%20%26%20', '... its prefix too');
    }
};

subtest 'version 1' => sub {
    my $page = page();
    is_deeply($page->{keys}, \@keys, 'all, in order');
    is($page->{Marker}, '', '... from the beginning');
    is($page->{KeyCount}, undef, '... not counted');
    like($page->{xml}, qr{<Owner>}, '... with owners');

    my @all;
    my $marker = '';
    my $pages = 0;
    do {
        $page = page(marker => $marker, 'max-keys' => 2, delimiter => '/');
        push @all, @{ $page->{keys} }, @{ $page->{prefixes} };
        $marker = $page->{NextMarker} // '';
        $pages++;
    } while ($page->{IsTruncated} eq 'true' && $pages < 99);

    is_deeply([ sort @all ], [ sort 'a/', 'n/', 'ü/', grep { !m{/} } @keys ],
              'by markers, which may be prefixes');

    is_deeply(page(marker => 'n/0023')->{keys},
              [ grep { $_ gt 'n/0023' } @keys ], 'after a key');
    is(page('max-keys' => 2)->{NextMarker}, undef,
       'without a delimiter the last key is the next marker');
};

subtest 'what is removed' => sub {
    $s3->request(DELETE => "/$_") for 'a/b/3', map { sprintf 'n/%04d', $_ }
                                               1 .. 25;
    my $page = page('list-type' => 2, delimiter => '/');
    is_deeply($page->{prefixes}, [ 'a/', 'ü/' ],
              'empty directories are not prefixes');
    is_deeply(page('list-type' => 2, prefix => 'n/')->{keys}, [],
              '... and have nothing');
};

sub delete_objects {
    my ($body, %headers) = @_;
    return $s3->request(POST => '/', query => { delete => '' }, body => $body,
                        headers => { 'content-md5' =>
                            MIME::Base64::encode_base64(md5($body), ''),
                            %headers });
}

sub delete_xml {
    my ($quiet, @objects) = @_;
    return '<?xml version="1.0" encoding="UTF-8"?>'
        . '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        . join('', map { "<Object>$_</Object>" } @objects)
        . ($quiet ? '<Quiet>true</Quiet>' : '') . '</Delete>';
}

subtest 'DeleteObjects' => sub {
    my @many = map { "many/$_" } 1 .. 999;
    for my $key (@many[ 0 .. 40 ], 'many/<&>', 'large', 'stays') {
        $s3->request(PUT => '/' . SocialS3::escape($key),
                     body => 'x' x ($key eq 'large' ? 300_000 : 10));
    }

    my $got = delete_objects(delete_xml(0,
        map { "<Key>$_</Key>" } @many, 'many/&lt;&#38;&gt;'));
    is($got->{status}, 200, 'a thousand') or diag($got->{body});
    is((() = $got->{body} =~ /<Deleted>/g), 1000,
       '... those too that were not there');
    like($got->{body}, qr{<Key>many/&lt;&amp;&gt;</Key>}, '... any key');
    is_deeply(page('list-type' => 2, prefix => 'many/')->{keys}, [],
              '... are gone');

    $got = delete_objects(delete_xml(1, '<Key>large</Key>'));
    is($got->{status}, 200, 'quietly');
    unlike($got->{body}, qr/<Deleted>/, '... says nothing');
    is($s3->request(GET => '/large')->{status}, 404, '... and does it');

    my $etag = md5_hex('x' x 10);
    $got = delete_objects(delete_xml(0,
        '<Key>stays</Key><ETag>"x"</ETag>',
        '<Key>stays</Key><VersionId>3</VersionId>',
        '<Key>' . 'k' x 1025 . '</Key>'));
    is($got->{status}, 200, 'what may not be removed');
    like($got->{body}, qr{<Code>$_</Code>}, "... $_")
        for qw( PreconditionFailed NoSuchVersion KeyTooLongError );
    is($s3->request(GET => '/stays')->{status}, 200, '... stays');
    $got = delete_objects(delete_xml(0,
        "<Key>stays</Key><ETag>&quot;$etag&quot;</ETag>"));
    is($s3->request(GET => '/stays')->{status}, 404, '... unless it is that');

    $s3->request(PUT => '/stays', body => 'x');
    my $xml = delete_xml(0, '<Key>stays</Key>');

    for ([ 'not XML', 'MalformedXML', 'x' ],
         [ 'cut', 'MalformedXML', substr $xml, 0, -3 ],
         [ 'none', 'MalformedXML', delete_xml(0) ],
         [ 'one too many', 'MalformedXML',
           delete_xml(0, ('<Key>stays</Key>') x 1001) ],
         [ 'of another digest', 'BadDigest', $xml, 'content-md5' =>
           MIME::Base64::encode_base64(md5('x'), '') ],
         [ 'of another checksum', 'BadDigest', $xml,
           'x-amz-checksum-crc32' => 'AAAAAA==' ],
         [ 'too long', 'EntityTooLarge', 'x' x 4_200_000 ])
    {
        my ($name, $code, $body, %headers) = @$_;
        status_is(delete_objects($body, %headers), 400, $code, $name);
    }

    status_is($s3->exchange(POST => '/objects/raw/?delete', body => $xml), 403,
              'AccessDenied', 'anonymous');
    is($s3->request(GET => '/stays')->{body}, 'x', 'none of these removed it');
    $s3->request(DELETE => '/stays');
};

subtest 'refused' => sub {
    for ([ 'max-keys' => 'x' ], [ 'max-keys' => -1 ],
         [ 'encoding-type' => 'xml' ], [ 'list-type' => 1 ],
         [ 'continuation-token' => 'x', 'list-type' => 2 ],
         [ 'continuation-token' => '', 'list-type' => 2 ])
    {
        status_is($s3->request(GET => '/', query => { @$_ }), 400,
                  'InvalidArgument', join '=', @$_);
    }

    for my $what (qw( acl cors lifecycle policy tagging versions
                      website encryption object-lock ))
    {
        my $got = $s3->request(GET => '/', query => { $what => '' });
        status_is($got, 501, 'NotImplemented', "?$what");
        like($got->{body}, qr{<Parameter>$what</Parameter>}, '... by name');
    }

    like($s3->request(GET => '/', query => { acl => '' })->{body},
         qr{<Message>GetBucketAcl[ ]is[ ]not[ ]implemented</Message>}x,
         '... that of the operation');
    status_is($s3->request(PUT => '/', query => { acl => '' }), 400,
              'AccessControlListNotSupported', 'PutBucketAcl');
    my $got = $s3->request(GET => '/', query => { versioning => '' });
    is($got->{status}, 200, 'GetBucketVersioning');
    like($got->{body}, qr{<VersioningConfiguration[ ]xmlns="[^"]+">
         </VersioningConfiguration>\z}x, '... is off');
    $s3->request(PUT => '/tagged', body => 'x');
    $got = $s3->request(GET => '/tagged', query => { tagging => '' });
    is($got->{status}, 200, 'GetObjectTagging');
    like($got->{body}, qr{<Tagging[ ]xmlns="[^"]+"><TagSet></TagSet>
         </Tagging>\z}x, '... are none');
    status_is($s3->exchange(GET => '/objects/raw/a/1?tagging'), 403,
              'AccessDenied', '... not without a signature');
    status_is($s3->request(GET => '/nothing', query => { tagging => '' }), 404,
              'NoSuchKey', '... of what is not there');
    is($s3->request(GET => '/tagged', query => { versionId => 'null' })
       ->{body}, 'x', 'the only version');
    status_is($s3->request(GET => '/tagged', query => { versionId => 'x' }),
              404, 'NoSuchVersion', 'another one');
    status_is($s3->request(DELETE => '/tagged', query => { versionId => 'x' }),
              404, 'NoSuchVersion', '... is not removed');
    is($s3->request(DELETE => '/tagged', query => { versionId => 'null' })
       ->{status}, 204, 'the only one is');
    status_is($s3->request(GET => '/tagged'), 404, 'NoSuchKey', '... removed');
    status_is($s3->request(POST => '/', query => { delete => '' },
                           body => delete_xml(0, '<Key>stays</Key>')),
              400, 'InvalidRequest', 'DeleteObjects without a digest');

    status_is($s3->exchange(GET => '/objects/raw?prefix=a/'), 403,
              'AccessDenied', 'an anonymous list, of what is public');
    status_is($s3->exchange(GET => '/objects/'), 403, 'AccessDenied',
              'an anonymous list of buckets');
    status_is($s3->request(DELETE => '/'), 501, 'NotImplemented',
              'DeleteBucket');
    status_is($s3->exchange(GET => '/part/'), 404, 'NoSuchKey',
              'a part has no list');
    is($s3->exchange(GET => '/part/1')->{body}, 'at a/1',
       '... but its objects');
};

subtest 'the bucket' => sub {
    my $got = $s3->request(HEAD => '');
    is($got->{status}, 200, 'HeadBucket');
    is($got->{headers}{'x-amz-bucket-region'}, 'eu-west-1', '... its region');
    is($s3->request(HEAD => '/')->{status}, 200, '... with a slash');
    is(SocialS3->new(%$s3, base => '/objects/other')->request(HEAD => '')
       ->{status}, 404, '... of another');

    like($s3->request(GET => '/', query => { location => '' })->{body},
         qr{<LocationConstraint[ ]xmlns="[^"]+">eu-west-1
            </LocationConstraint>}x, 'GetBucketLocation');

    status_is($s3->request(PUT => ''), 409, 'BucketAlreadyOwnedByYou',
              'CreateBucket');
    status_is($s3->request(PUT => '', body => '<CreateBucketConfiguration/>'),
              409, 'BucketAlreadyOwnedByYou', '... with a body');

    $got = $service->request(GET => '/');
    is($got->{status}, 200, 'ListBuckets') or diag($got->{body});
    like($got->{body}, qr{<Bucket><Name>raw</Name><CreationDate>[0-9TZ:.-]+
         </CreationDate><BucketRegion>eu-west-1</BucketRegion></Bucket>}x,
         '... this one');
};

subtest 'a damaged object' => sub {
    open my $out, '>', "$dir/root/objects/dmg.o" or die;
    print {$out} 'junk';
    close $out;
    my $page = page('list-type' => 2);
    ok(!(grep { $_ eq 'dmg' } @{ $page->{keys} }), 'is not listed');
};

$nginx->stop;
my $log = $nginx->error_log;
is((() = $log =~ /\[alert\].*metadata of 1 objects is damaged/g), 1,
   'and logged');
is((() = $log =~ /\[(?:alert|emerg|crit)\]/g), 1, 'nothing else went wrong');

done_testing();
