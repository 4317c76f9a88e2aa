#!/usr/bin/perl

# The same requests, of the kind that clients do not make every day, to the
# embedded store and to Ceph's radosgw: what each answers is the same, or is
# named here with the reason why it is not.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5 md5_hex );
use Digest::SHA qw( sha256_hex );
use MIME::Base64 ();
use POSIX ();
use SocialNginx;
use SocialRadosgw;
use SocialS3;
use Test::More;
use Time::HiRes qw( time );

my $rgw = SocialRadosgw->start;

if (!$rgw) {
    my $why = SocialRadosgw::why();
    diag("NOT TESTED: the store beside radosgw: $why");
    plan skip_all => 'radosgw is not there';
}

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my %s3 = (store => SocialS3->new(port => $port, base => '/raw'),
          radosgw => $rgw->s3('raw'));

mkdir "$dir/root";
$nginx->write_file('credentials', $s3{store}->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket raw { region eu-west-1; endpoint http://127.0.0.1:$port;
                        credentials file $dir/credentials; }
    server {
        listen 127.0.0.1:$port;
        location / { social_store raw root=$dir/root fsync=off; }
    }
}
_EOC_

$nginx->start($port);
$rgw->create('raw');

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

# Where it is right to differ: what the store answers, and why.

my %differs = (
    'a key of 1,025 bytes' =>
        [ '400 KeyTooLongError',
          'as S3: KeyTooLongError' ],
    'a key that is not UTF-8' =>
        [ '400 InvalidURI',
          'keys are UTF-8' ],
    'GET with if-none-match *' =>
        [ '304 -',
          '"*" and lists are ETags, too (RFC 9110, 13.1)' ],
    'GET with if-none-match "x", "ETAG"' =>
        [ '304 -',
          '"*" and lists are ETags, too (RFC 9110, 13.1)' ],
    'GET with if-match *' =>
        [ '200 - etag="ETAG" content-type=text/x',
          '"*" and lists are ETags, too (RFC 9110, 13.1)' ],
    'GET with if-modified-since DATE to come' =>
        [ '200 - etag="ETAG" content-type=text/x',
          'a date to come is ignored (RFC 9110, 13.1.3)' ],
    'HEAD with if-none-match *' =>
        [ '304 -',
          '"*" and lists are ETags, too (RFC 9110, 13.1)' ],
    'HEAD with if-none-match "x", "ETAG"' =>
        [ '304 -',
          '"*" and lists are ETags, too (RFC 9110, 13.1)' ],
    'HEAD with if-match *' =>
        [ '200 - etag="ETAG" content-type=text/x',
          '"*" and lists are ETags, too (RFC 9110, 13.1)' ],
    'HEAD with if-modified-since DATE to come' =>
        [ '200 - etag="ETAG" content-type=text/x',
          'a date to come is ignored (RFC 9110, 13.1.3)' ],
    'GET bytes=2-1' =>
        [ '200 - 0123456789',
          'S3 ignores what is not one range' ],
    'GET bytes=0-0,2-2' =>
        [ '200 - 0123456789',
          'S3 ignores what is not one range' ],
    'GET bytes=' =>
        [ '200 - 0123456789',
          'S3 ignores what is not one range' ],
    'GET bytes=-0' =>
        [ '416 InvalidRange',
          'S3 has no last zero bytes' ],
    'GET bytes=a-b' =>
        [ '200 - 0123456789',
          'S3 ignores what is not one range' ],
    'GET bytes=-' =>
        [ '200 - 0123456789',
          'S3 ignores what is not one range' ],
    'If-Match where there is none' =>
        [ '404 NoSuchKey',
          'as S3 documents conditional writes' ],
    'no SHA-256' =>
        [ '400 InvalidArgument',
          'it is not a digest' ],
    'a URL of the future' =>
        [ '403 AccessDenied',
          'S3 refuses it' ],
    'a URL for 0 s' =>
        [ '400 AuthorizationQueryParametersError',
          'as S3 names it' ],
    'a URL for -1 s' =>
        [ '400 AuthorizationQueryParametersError',
          'as S3 names it' ],
    'a URL for 604801 s' =>
        [ '400 AuthorizationQueryParametersError',
          'as S3 names it' ],
    'a URL for x s' =>
        [ '400 AuthorizationQueryParametersError',
          'as S3 names it' ],
    'a URL cut off' =>
        [ '400 AuthorizationQueryParametersError',
          'a signature has 64 digits' ],
    'list 1 max-keys=-1' =>
        [ '400 InvalidArgument',
          'S3 refuses what is not a value of it' ],
    'list 2 max-keys=-1' =>
        [ '400 InvalidArgument',
          'S3 refuses what is not a value of it' ],
    'list 1 continuation-token=x' =>
        [ '501 NotImplemented',
          'S3 refuses what is not a value of it' ],
    'list 2 continuation-token=x' =>
        [ '400 InvalidArgument',
          'S3 refuses what is not a value of it' ],
    'list 1 encoding-type=x' =>
        [ '400 InvalidArgument',
          'S3 refuses what is not a value of it' ],
    'list 2 encoding-type=x' =>
        [ '400 InvalidArgument',
          'S3 refuses what is not a value of it' ],
    'a list of type 3' =>
        [ '400 InvalidArgument',
          'S3 has two' ],
    'copy /c2 /raw/c x-amz-copy-source-if-match "x"' =>
        [ '412 PreconditionFailed',
          'radosgw does not look at it' ],
    'copy /c2 /raw/c x-amz-copy-source-if-none-match "ETAG"' =>
        [ '412 PreconditionFailed',
          'radosgw does not look at it' ],
    'part 0' =>
        [ '400 InvalidArgument',
          'S3 has the numbers 1 to 10,000' ],
    'part 10001' =>
        [ '400 InvalidArgument',
          'S3 has the numbers 1 to 10,000' ],
    'part -1' =>
        [ '400 InvalidArgument',
          'S3 has the numbers 1 to 10,000' ],
    'parts' =>
        [ '200 1 2 10000',
          'S3 has the numbers 1 to 10,000' ],
    'complete: parts that are too small' =>
        [ '400 EntityTooSmall',
          'S3 says what is wrong' ],
    'complete: parts out of order' =>
        [ '400 InvalidPartOrder',
          'S3 says what is wrong' ],
    'complete: of no upload' =>
        [ '404 NoSuchUpload',
          'S3 says what is wrong' ],
    'complete' =>
        [ '200 -',
          'radosgw wants all parts that there are' ],
    'what is complete' =>
        [ '200 - etag="9affad555af89da9b0bfcd5e45bc93da-1" content-length=1',
          'radosgw wants all parts that there are' ],
    'remove many: none' =>
        [ '400 MalformedXML ',
          'S3 says MalformedXML' ],
    'remove many: no XML' =>
        [ '400 MalformedXML ',
          'S3 says MalformedXML' ],
    'remove many: nothing' =>
        [ '400 MalformedXML ',
          'S3 says MalformedXML' ],
    'DELETE of a bucket that is not empty' =>
        [ '501 NotImplemented',
          'a bucket is of the configuration' ],
    'PATCH of an object' =>
        [ '501 NotImplemented',
          'all that is not there is called that' ],
);

# What of an answer is compared: headers of success only, since radosgw leaves
# some out of others; and what a list has, in any order of its elements.

sub of {
    my ($got, @headers) = @_;
    @headers = () if $got->{status} >= 300;
    return join ' ', $got->{status}, $got->{code} || '-',
        map { "$_=" . ($got->{headers}{$_} // '') } @headers;
}

sub keys_of {
    my ($got) = @_;
    my %entity = (quot => '"', apos => "'", lt => '<', gt => '>', amp => '&');
    my @found = $got->{body} =~ m{<((?:Key|Prefix|IsTruncated|KeyCount|MaxKeys)>
                                  [^<]*)<}gx;

    for (@found) {
        s/%([0-9A-F]{2})/chr hex $1/ge;
        s/&(?:#x([0-9a-f]+)|(\w+));/$1 ? chr hex $1 : $entity{$2}/ge;
    }

    @found = () if $got->{status} >= 300;
    return join ' ', $got->{status}, $got->{code} || '-', sort @found;
}

my @cases;
sub case { push @cases, [ @_ ]; return }

# Keys, as paths have them

my @odd = ('a+b', 'a%2Bc', 'a%20d', 'a%2Fe', 'a//f', '/lead', 'trail%20',
    'trail.', 'dir/', '%C3%A9', 'e%CC%81', '%25', '%252F', 'a%3Fb', 'a%23b',
    'a%26b', '~tilde', "quote'x", '%22dq%22', '%3Ctag%3E', 'a%5Cb', '%7Bx%7D',
    'a;b', 'a=b', 'a:b', '@', '...', '..%2Fup', '.hidden', 'a%0Ab', '%7F',
    'a%09b', '*', '%F0%9F%98%80', 'x' x 255, 'y/' x 100 . 'z');

for my $key (@odd) {
    my $name = substr $key, 0, 20;
    case("PUT $name", sub { of($_[0]->request(PUT => "/odd/$key",
                                              body => "at $key"), 'etag') });
    case("GET $name", sub {
        my $got = $_[0]->request(GET => "/odd/$key");
        of($got, 'content-length') . ' ' . md5_hex($got->{body}) });
}

for my $type ('', 'url') {
    case("list of odd keys, $type", sub {
        keys_of($_[0]->request(GET => '/', query => { prefix => 'odd/',
            'list-type' => 2, ($type ? ('encoding-type' => $type) : ()) })) });
}

case('a key of 1,025 bytes', sub {
    of($_[0]->request(PUT => '/' . 'k' x 1025, body => 'x')) });
case('a key that is not UTF-8', sub {
    of($_[0]->request(PUT => '/%FF%FE', body => 'x')) });

# Conditions and ranges

case('an object', sub { of($_[0]->request(PUT => '/c', body => '0123456789',
    headers => { 'content-type' => 'text/x' }), 'etag') });
case('an empty one', sub { of($_[0]->request(PUT => '/empty', body => '')) });

my $etag = md5_hex('0123456789');
my %seen;
my $date = sub { POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $_[0]) };

for my $method (qw( GET HEAD )) {
    for (['if-none-match' => qq("$etag")], ['if-none-match' => '*'],
         ['if-none-match' => '"x"'], ['if-none-match' => qq("x", "$etag")],
         ['if-match' => qq("$etag")], ['if-match' => $etag],
         ['if-match' => '"x"'], ['if-match' => '*'],
         ['if-modified-since' => $date->(time - 1000)],
         ['if-modified-since' => $date->(time + 5)],
         ['if-unmodified-since' => $date->(time - 1000)],
         ['if-unmodified-since' => $date->(time + 1000)],
         ['if-match' => qq("$etag"),
          'if-unmodified-since' => $date->(time - 1000)],
         ['if-none-match' => qq("$etag"),
          'if-modified-since' => $date->(time - 1000)])
    {
        my @headers = @$_;
        my $name = "$method with @headers" =~ s/\Q$etag\E/ETAG/gr
                   =~ s/\w{3}, .*? GMT/DATE/gr;
        $name .= ' to come' if "@headers" =~ /if-modified-since/
                               && $name !~ /ETAG/ && $seen{$method}++;
        case($name, sub {
            of($_[0]->request($method => '/c', extra => { @headers }), 'etag',
               'content-type') });
    }

    for my $range ('bytes=0-0', 'bytes=-1', 'bytes=5-', 'bytes=9-', 'bytes=10-',
        'bytes=100-', 'bytes=-100', 'bytes=0-99999999999')
    {
        for my $key ('c', 'empty') {
            case("$method $range of $key", sub {
                my $got = $_[0]->request($method => "/$key",
                                         extra => { range => $range });
                of($got, 'content-range', 'content-length')
                    . ($got->{status} < 300 ? " $got->{body}" : '') });
        }
    }
}

for my $range ('bytes=2-1', 'bytes=0-0,2-2', 'bytes=', 'items=0-1', 'bytes=-0',
               'bytes=a-b', 'bytes=-')
{
    case("GET $range", sub {
        my $got = $_[0]->request(GET => '/c', extra => { range => $range });
        of($got) . ($got->{status} < 300 ? " $got->{body}" : '') });
}

case('HEAD of none', sub { of($_[0]->request(HEAD => '/none')) });
case('GET of none', sub { of($_[0]->request(GET => '/none')) });
case('DELETE of none', sub { of($_[0]->request(DELETE => '/none')) });

for (['content-md5' => MIME::Base64::encode_base64(md5('x'), '')],
     ['content-md5' => MIME::Base64::encode_base64(md5('y'), '')],
     ['content-md5' => 'x'],
     ['if-none-match' => '*'], ['if-match' => '"x"'],
     ['x-amz-meta-a' => 'b'], ['x-amz-meta-a' => ' two  words '],
     ['x-amz-storage-class' => 'STANDARD'],
     ['x-amz-acl' => 'private'],
     ['content-encoding' => 'gzip'], ['cache-control' => 'max-age=1'],
     ['expires' => 'never'], ['content-type' => 'a/b; charset=utf-8'])
{
    my ($name, $value) = @$_;
    case("PUT with $name: $value", sub {
        my $put = $_[0]->request(PUT => '/h', body => 'x',
                                 headers => { $name => $value });
        of($put) . ' / ' . of($_[0]->request(HEAD => '/h'), $name =~
            /\A(?:content-md5|if-|x-amz-(?:acl|storage))/ ? () : $name) });
}

case('If-None-Match where there is none', sub {
    of($_[0]->request(PUT => '/first', body => 'x',
                      headers => { 'if-none-match' => '*' })) });
case('If-Match where there is none', sub {
    of($_[0]->request(PUT => '/first2', body => 'x',
                      headers => { 'if-match' => '*' })) });

case('another SHA-256', sub { of($_[0]->request(PUT => '/h', body => 'x',
    payload => sha256_hex('y'))) });
case('no SHA-256', sub { of($_[0]->request(PUT => '/h', body => 'x',
    payload => 'z')) });
case('a body without its length', sub {
    of($_[0]->exchange(PUT => "$_[0]{base}/h",
        body => "1\r\nx\r\n0\r\n\r\n", headers => { $_[0]->sign(PUT => '/h'),
        'transfer-encoding' => 'chunked' })) });

# Signatures

case('an expired URL', sub { of($_[0]->exchange(GET => $_[0]->presign(
    GET => '/c', time => time - 1000, expires => 10))) });
case('a URL of the future', sub { of($_[0]->exchange(GET => $_[0]->presign(
    GET => '/c', time => time + 3000))) });
for my $expires (0, -1, 1, 604_800, 604_801, 'x') {
    case("a URL for $expires s", sub { of($_[0]->exchange(GET =>
        $_[0]->presign(GET => '/c', expires => $expires))) });
}

case('a URL with x-id', sub { of($_[0]->exchange(GET => $_[0]->presign(
    GET => '/c', query => { 'x-id' => 'GetObject' }))) });
case('a URL with a signed header', sub { of($_[0]->exchange(PUT =>
    $_[0]->presign(PUT => '/h', headers => { 'content-type' => 'a/b' }),
    body => 'x', headers => { 'content-type' => 'a/b' })) });
case('... that is missing', sub { of($_[0]->exchange(PUT =>
    $_[0]->presign(PUT => '/h', headers => { 'content-type' => 'a/b' }),
    body => 'x')) });
case('a URL with a plain header', sub { of($_[0]->exchange(GET =>
    $_[0]->presign(GET => '/c'), headers => { 'x-other' => 'y',
    range => 'bytes=0-0' }), 'content-range') });
case('a URL of another method', sub { of($_[0]->exchange(DELETE =>
    $_[0]->presign(GET => '/c'))) });
case('a URL of another key', sub { of($_[0]->exchange(GET =>
    $_[0]->presign(GET => '/c') =~ s{/c\?}{/empty?}r)) });
case('a URL with a parameter more', sub { of($_[0]->exchange(GET =>
    $_[0]->presign(GET => '/c') . '&response-content-type=a/b')) });
case('a URL with a response header', sub { of($_[0]->exchange(GET =>
    $_[0]->presign(GET => '/c', query => { 'response-content-type' => 'a/b',
    'response-content-disposition' => 'inline' })), 'content-type',
    'content-disposition') });
case('a URL cut off', sub { of($_[0]->exchange(GET =>
    substr $_[0]->presign(GET => '/c'), 0, -5)) });
case('headers of long ago', sub { of($_[0]->exchange(GET => "$_[0]{base}/c",
    headers => { $_[0]->sign(GET => '/c', time => time - 1000) })) });
case('another key ID', sub { of(SocialS3->new(%{ $_[0] },
    access_key => 'AKIDNONE')->request(GET => '/c')) });
case('another secret', sub { of(SocialS3->new(%{ $_[0] }, secret => 'x')
    ->request(GET => '/c')) });
case('anonymous', sub { of($_[0]->exchange(GET => "$_[0]{base}/c")) });
case('anonymous, of none', sub { of($_[0]->exchange(GET =>
    "$_[0]{base}/none")) });
case('anonymous PUT', sub { of($_[0]->exchange(PUT => "$_[0]{base}/c",
    body => 'x')) });

# Lists

for my $key (qw( l/a l/b/1 l/b/2 l/c l/d/e/f )) {
    case("PUT $key", sub { of($_[0]->request(PUT => "/$key", body => 'x')) });
}

for my $query ({}, { delimiter => '/' }, { 'max-keys' => 1 },
    { 'max-keys' => 0 }, { 'max-keys' => -1 }, { 'max-keys' => 'x' },
    { 'max-keys' => 5000 }, { 'start-after' => 'l/b/1' },
    { 'start-after' => 'l/b/', delimiter => '/' },
    { 'continuation-token' => 'x' }, { 'encoding-type' => 'x' },
    { delimiter => 'b/' }, { delimiter => '' },
    { delimiter => '/', 'max-keys' => 2 })
{
    my $name = join ' ', map { "$_=$query->{$_}" } sort keys %$query;

    for my $v (1, 2) {
        my %more = $v == 2 ? ('list-type' => 2) : ();
        my %query = (prefix => 'l/', %$query, %more);
        $query{marker} = delete $query{'start-after'}
            if $v == 1 && exists $query{'start-after'};

        case("list $v $name", sub {
            keys_of($_[0]->request(GET => '/', query => \%query)) });
    }
}

case('a list of type 3', sub { of($_[0]->request(GET => '/', query => {
    'list-type' => 3 })) });

# Copies

my $copy = sub {
    my ($s3, $to, $from, %headers) = @_;
    return of($s3->request(PUT => $to, headers => {
        'x-amz-copy-source' => $from, %headers }));
};

for (['/c2', '/raw/c'], ['/c2', 'raw/c'], ['/c2', '/raw/none'],
     ['/c2', '/none/c'], ['/c2', '/raw/'], ['/c2', 'x'], ['/c', '/raw/c'],
     ['/c', '/raw/c', 'x-amz-metadata-directive' => 'REPLACE',
      'content-type' => 'text/y'],
     ['/c2', '/raw/c', 'x-amz-metadata-directive' => 'x'],
     ['/c2', '/raw/c', 'x-amz-copy-source-if-match' => '"x"'],
     ['/c2', '/raw/c', 'x-amz-copy-source-if-none-match' => qq("$etag")],
     ['/c2', '/raw/odd/a%20d'], ['/c2', '/raw/odd/a%2Bc'])
{
    my @args = @$_;
    case("copy @args" =~ s/\Q$etag\E/ETAG/r, sub { $copy->($_[0], @args) });
}

case('the copy', sub { of($_[0]->request(HEAD => '/c'), 'content-type') });

# Uploads in parts

my %upload;

sub create {
    my ($s3, $key) = @_;
    my $got = $s3->request(POST => $key, query => { uploads => '' });
    return $upload{$s3->{port}} = $got->{body} =~ m{<UploadId>([^<]+)<}
        ? $1 : '';
}

sub part {
    my ($s3, $key, $n, $body, $id) = @_;
    return $s3->request(PUT => $key, body => $body, query => {
        uploadId => $id // $upload{$s3->{port}}, partNumber => $n });
}

sub complete {
    my ($s3, $key, $xml, $id) = @_;
    return $s3->request(POST => $key, body => $xml, query => {
        uploadId => $id // $upload{$s3->{port}} });
}

sub list {
    return '<CompleteMultipartUpload>' . join('', map {
        "<Part><PartNumber>$_->[0]</PartNumber><ETag>$_->[1]</ETag></Part>" } @_)
        . '</CompleteMultipartUpload>';
}

case('an upload', sub { create($_[0], '/u') ne '' });
case("part $_->[0]", do { my ($n) = @$_;
    sub { of(part($_[0], '/u', $n, 'x')) } })
    for map { [ $_ ] } 0, 1, 2, 10_000, 10_001, 'x', -1;
case('parts', sub { my $got = $_[0]->request(GET => '/u', query => {
    uploadId => $upload{$_[0]{port}} });
    join ' ', $got->{status}, $got->{body} =~ /<PartNumber>(\d+)</g });
case('a part of no upload', sub { of(part($_[0], '/u', 1, 'x', 'none')) });
case('a part of another key', sub { of(part($_[0], '/v', 1, 'x')) });

for (['parts that are too small', list([1, md5_hex('x')], [2, md5_hex('x')])],
     ['parts out of order', list([2, md5_hex('x')], [1, md5_hex('x')])],
     ['another ETag', list([1, md5_hex('y')])],
     ['a part that is not there', list([7, md5_hex('x')])],
     ['no parts', list()], ['no XML', 'x'], ['nothing', ''])
{
    my ($name, $xml) = @$_;
    case("complete: $name", sub { of(complete($_[0], '/u', $xml)) });
}

case('complete: of no upload', sub {
    of(complete($_[0], '/u', list([1, md5_hex('x')]), 'none')) });
case('complete', sub {
    of(complete($_[0], '/u', list([1, md5_hex('x')]))) });
case('what is complete', sub { of($_[0]->request(GET => '/u'), 'etag',
    'content-length') });
case('one part', sub { create($_[0], '/u1');
    part($_[0], '/u1', 1, 'one'); of(complete($_[0], '/u1',
    list([1, '&quot;' . md5_hex('one') . '&quot;']))) });
case('... is the object', sub { my $got = $_[0]->request(GET => '/u1');
    of($got, 'etag') . " $got->{body}" });
case('abort of none', sub { of($_[0]->request(DELETE => '/u', query => {
    uploadId => 'none' })) });
case('abort', sub { create($_[0], '/u2'); of($_[0]->request(DELETE => '/u2',
    query => { uploadId => $upload{$_[0]{port}} })) });
case('abort again', sub { of($_[0]->request(DELETE => '/u2', query => {
    uploadId => $upload{$_[0]{port}} })) });
case('uploads', sub { keys_of($_[0]->request(GET => '/', query => {
    uploads => '' })) =~ s/(\d+ -).*/$1/r });

# Many removed

for (['two', '<Delete><Object><Key>l/a</Key></Object>'
      . '<Object><Key>none</Key></Object></Delete>'],
     ['quiet', '<Delete><Quiet>true</Quiet><Object><Key>l/c</Key></Object>'
      . '</Delete>'],
     ['none', '<Delete></Delete>'], ['no XML', 'x'], ['nothing', ''])
{
    my ($name, $xml) = @$_;
    case("remove many: $name", sub {
        my $got = $_[0]->request(POST => '/', body => $xml,
            query => { delete => '' }, headers => {
            'content-md5' => MIME::Base64::encode_base64(md5($xml), '') });
        of($got) . ' ' . join ' ', sort $got->{body} =~ m{<Key>([^<]*)<}g });
}

# Buckets

case('HEAD of the bucket', sub { of($_[0]->request(HEAD => '')) });
case('HEAD of another bucket', sub {
    of(SocialS3->new(%{ $_[0] }, base => '/nothing')->request(HEAD => '')) });
case('GET of another bucket', sub {
    of(SocialS3->new(%{ $_[0] }, base => '/nothing')->request(GET => '/')) });
case('PUT into another bucket', sub {
    of(SocialS3->new(%{ $_[0] }, base => '/nothing')->request(PUT => '/x',
                                                             body => 'x')) });
case('buckets', sub { my $got = SocialS3->new(%{ $_[0] }, base => '')
    ->request(GET => '/'); join ' ', $got->{status},
    $got->{body} =~ m{<Name>([^<]*)<}g });
case("GET ?$_", do { my $param = $_;
    sub { of($_[0]->request(GET => '/', query => { $param => '' })) } })
    for qw( location versioning );
case('DELETE of a bucket that is not empty', sub {
    of($_[0]->request(DELETE => '')) });
case("$_ of an object", do { my $method = $_;
    sub { of($_[0]->exchange($method => "$_[0]{base}/c", headers => {
        $_[0]->sign($method => '/c') })) } }) for qw( PATCH );

my %met;

for (@cases) {
    my ($name, $code) = @$_;
    my ($ours, $theirs) = map { my $s3 = $s3{$_};
                                (eval { $code->($s3) } // "died: $@")
                                    =~ s/\Q$etag\E/ETAG/gr }
                          qw( store radosgw );

    if (my $differs = $differs{$name}) {
        $met{$name}++;
        is($ours, $differs->[0], "$name: $differs->[1]");
        isnt($ours, $theirs, '... radosgw still differs');

    } else {
        is($ours, $theirs, $name)
            or $ENV{WRITE} && diag("DIFF\t$name\t$ours\t$theirs");
    }
}

is_deeply([ grep { !$met{$_} } sort keys %differs ], [],
          'each difference is one of a case');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error was logged');

done_testing();
