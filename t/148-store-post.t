#!/usr/bin/perl

# The embedded store: objects out of forms, whose policy is signed.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use Digest::SHA qw( sha256 );
use MIME::Base64 ();
use SocialNginx;
use SocialS3;
use SocialStore;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');

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
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        server_name localhost;
        location /objects/ {
            social_store raw root=$dir/root max_size=1m;
        }
        location /images/ { social_store raw root=$dir/root part=images/; }
    }
    server {
        listen 127.0.0.1:$port;
        server_name objects.localhost *.objects.localhost;
        location / { social_store raw root=$dir/root; }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

my $target = '/objects/raw';

# A POST of a list of fields and files, as they are

sub post {
    my ($items, %opt) = @_;
    my %form = SocialS3::multipart(@$items);
    return $s3->exchange(POST => $opt{target} // $target, %form,
        ($opt{body} ? (body => $opt{body}->($form{body})) : ()),
        headers => { %{ $form{headers} }, %{ $opt{headers} // {} } });
}

# Fields that are signed, and a file

sub upload {
    my ($fields, $conditions, $bytes, %opt) = @_;
    return post([ $s3->form($fields, $conditions, %opt),
                  file => [ $opt{name} // 'a.txt', $bytes ],
                  @{ $opt{after} // [] } ], %opt);
}

sub status_is {
    my ($got, $status, $code, $name) = @_;
    is("$got->{status} $got->{code}", "$status $code", $name)
        or diag($got->{body});
    return;
}

sub keys_are {
    my ($prefix, $keys, $name) = @_;
    my $list = $s3->request(GET => '', query => { prefix => $prefix });
    is_deeply([ $list->{body} =~ m{<Key>(.*?)</Key>}g ], $keys, $name);
    return;
}

my $range = [ 'content-length-range', 1, 500_000 ];


subtest 'a form becomes an object' => sub {
    my $jpeg = join('', map { chr } (0 .. 255) x 4)
               . "\r\n--boundary-5f3\r\n";
    my $etag = md5_hex($jpeg);

    my $got = upload([ key => 'a/${filename}', 'Content-Type' => 'image/jpeg',
                       'x-amz-meta-who' => 'me', 'Cache-Control' => 'no-cache',
                       success_action_status => '201' ],
                     [ $range ], $jpeg, name => 'C:\\x\\b&c.jpg');

    # the key is expanded before it is compared, so that this condition fails
    status_is($got, 403, 'AccessDenied', 'its key is what the name makes it');

    my @fields = ('Content-Type' => 'image/jpeg', 'x-amz-meta-who' => 'me',
                  'Cache-Control' => 'no-cache',
                  success_action_status => '201');

    my $named = sub {
        my ($size) = @_;
        my @form = $s3->form(\@fields, [ $range,
                                         [ 'starts-with', '$key', 'a/' ] ]);
        return post([ @form, key => 'a/${filename}',
                      file => [ 'C:\\x\\b&c.jpg', $jpeg x $size ] ]);
    };

    $got = $named->(1);
    is($got->{status}, 201, 'made') or diag($got->{body});
    is($got->{headers}{etag}, qq("$etag"), 'its ETag');
    is($got->{headers}{location}, 'https://objects.localhost/raw/a/b%26c.jpg',
       'where it is');
    is($got->{headers}{'content-type'}, 'application/xml', 'in XML');
    like($got->{body}, qr{<PostResponse><Location>https://objects\.localhost
         /raw/a/b%26c\.jpg</Location><Bucket>raw</Bucket>
         <Key>a/b&amp;c\.jpg</Key><ETag>&quot;$etag&quot;</ETag>
         </PostResponse>}x, '... all of it');
    ok($got->{headers}{'x-amz-request-id'}, 'with an id');

    my $object = $s3->request(GET => '/a/b%26c.jpg');
    is($object->{body}, $jpeg, 'the same bytes');
    is($object->{headers}{'content-type'}, 'image/jpeg', 'the type');
    is($object->{headers}{'cache-control'}, 'no-cache', 'a header');
    is($object->{headers}{'x-amz-meta-who'}, 'me', 'metadata');

    # as large as a file of its own, and over the request's buffers

    $got = $named->(400);
    is($got->{status}, 201, 'a large one') or diag($got->{body});
    is($s3->request(GET => '/a/b%26c.jpg')->{body}, $jpeg x 400,
       '... the same bytes');

    for my $size (65535, 65536, 65537, 131_000, 131_072) {
        my $bytes = "\r\n--boundary" x ($size / 12) . 'x' x ($size % 12);
        is(upload([ key => 'size' ], [], $bytes)->{status}, 204,
           "$size bytes");
        is($s3->request(GET => '/size')->{body}, $bytes, '... as it was');
    }

    is(upload([ key => 'none' ], [], '')->{status}, 204, 'no bytes');
    is($s3->request(GET => '/none')->{headers}{'content-length'}, 0,
       '... are an object');

    is_deeply([ SocialStore::orphans("$dir/root") ], [], 'nothing else is left');
};

subtest 'what is answered' => sub {
    for ([ undef, 204 ], [ '200', 200 ], [ '204', 204 ], [ 'x', 204 ]) {
        my ($said, $status) = @$_;
        my $got = upload([ key => 's', ($said ? (success_action_status => $said)
                                        : ()) ], [], 'x');
        is($got->{status}, $status, 'status ' . ($said // 'not said'));
        is($got->{body}, '', '... and nothing more');
        ok($got->{headers}{etag}, '... but the ETag');
    }

    my $got = upload([ key => 's d', success_action_redirect =>
                       'https://example.com/x?y=z' ], [], 'x');
    is($got->{status}, 303, 'a redirect');
    is($got->{headers}{location}, 'https://example.com/x?y=z&bucket=raw&'
       . 'key=s%20d&etag=%22' . md5_hex('x') . '%22', '... to there');

    $got = upload([ key => 's', success_action_redirect => 'javascript:x' ],
                  [], 'x');
    is($got->{status}, 204, 'not to any URL');

    is($s3->exchange(POST => '/raw', SocialS3::multipart(
           $s3->form([ key => 'h' ], []), file => [ 'a', 'x' ]),
           host => 'objects.localhost')->{status}, 404,
       'the bucket is in the path');
    my %form = SocialS3::multipart($s3->form([ key => 'h' ], []),
                                   file => [ 'a', 'x' ]);
    is($s3->exchange(POST => '/', body => $form{body}, headers => {
           %{ $form{headers} }, host => 'raw.objects.localhost' })->{status},
       204, '... or in the host');
    is(post([ $s3->form([ key => 'h' ], []), file => [ 'a', 'x' ] ],
            target => "$target/")->{status}, 204, 'a slash after it');
};

subtest 'the size' => sub {
    my $sized = sub {
        my ($size, @range) = @_;
        return upload([ key => 'sized/x' ], [ [ 'content-length-range',
                                                @range ] ], 'x' x $size);
    };

    status_is($sized->(4, 5, 6), 400, 'EntityTooSmall', 'too small');
    is($sized->(5, 5, 6)->{status}, 204, 'not too small');
    is($sized->(6, 5, 6)->{status}, 204, 'not too large');
    $s3->request(DELETE => '/sized/x');
    status_is($sized->(7, 5, 6), 400, 'EntityTooLarge', 'too large');
    status_is($sized->(100_000, 5, 99_999), 400, 'EntityTooLarge',
              'too large for a file of its own');
    status_is($sized->(300_000, 5, 6), 400, 'EntityTooLarge',
              'far too large');
    status_is($sized->(1_048_577, 0, 2_000_000), 400, 'EntityTooLarge',
              'too large for the store');
    status_is($sized->(0, 1, 6), 400, 'EntityTooSmall', 'nothing');
    keys_are('sized/', [], 'none of these is there');
    is($sized->(1_048_576, 0, 2_000_000)->{status}, 204, 'the largest');

    # what is far too large is not read

    my %form = SocialS3::multipart($s3->form([ key => 'sized/y' ], [ $range ]),
                                   file => [ 'a', '' ]);
    my $begun = time;
    status_is($s3->exchange(POST => $target, body => $form{body}, headers => {
        %{ $form{headers} }, 'content-length' => 50_000_000 }), 400,
        'EntityTooLarge', 'not waited for');
    ok(time - $begun < 3, '... at all');
};

subtest 'checksums' => sub {
    my $sha = MIME::Base64::encode_base64(sha256('hello'), '');
    my $got = upload([ key => 'c/x', 'x-amz-checksum-sha256' => $sha ], [],
                     'hello');
    is($got->{status}, 204, 'SHA256') or diag($got->{body});
    is($got->{headers}{'x-amz-checksum-sha256'}, $sha, '... answered');
    status_is(upload([ key => 'c/y', 'x-amz-checksum-sha256' => $sha ], [],
                     'hellO'), 400, 'BadDigest', '... of other bytes');
    status_is(upload([ key => 'c/y', 'Content-MD5' =>
                       MIME::Base64::encode_base64('x' x 16, '') ], [],
                     'hello'), 400, 'BadDigest', 'Content-MD5');
    status_is(upload([ key => 'c/x', 'If-None-Match' => '*' ], [], 'x'), 412,
              'PreconditionFailed', 'If-None-Match');
    keys_are('c/', [ 'c/x' ], 'only the first is there');
};

subtest 'refused' => sub {
    my @file = (file => [ 'a', 'x' ]);
    my @form = $s3->form([ key => 'no/x' ], [ $range ]);
    my $form = sub {
        my %change = @_;
        return [ (map { my $name = $form[2 * $_];
                        my $value = exists $change{$name} ? $change{$name}
                                                          : $form[2 * $_ + 1];
                        defined $value ? ($name => $value) : () }
                  0 .. $#form / 2), @file ];
    };

    status_is(post($form->(policy => undef)), 403, 'AccessDenied',
              'no policy');
    status_is(post($form->('x-amz-signature' => undef)), 400,
              'InvalidArgument', 'no signature');
    status_is(post($form->('x-amz-signature' => '0' x 64)), 403,
              'SignatureDoesNotMatch', 'another signature');
    status_is(post($form->(key => 'no/y')), 403, 'AccessDenied',
              'another key');
    status_is(post($form->(key => undef)), 403, 'AccessDenied',
              'no key, which the policy has');
    status_is(post([ $s3->form([], [ $range ]), @file ]), 400,
              'InvalidArgument', 'no key');
    status_is(post([ @form, acl => 'private', @file ]), 403, 'AccessDenied',
              'a field that the policy does not have');
    like(post([ @form, other => '', @file ])->{body},
         qr/Extra input fields: other/, '... is named');
    is(post([ @form, 'x-ignore-other' => '', @file ])->{status}, 204,
       '... unless it is to be ignored');
    $s3->request(DELETE => '/no/x');

    status_is(upload([ key => 'no/x' ], [], 'x', time => time - 301), 403,
              'AccessDenied', 'expired by a second');
    status_is(upload([ key => 'no/x' ], [], 'x', time => time + 16 * 60), 403,
              'AccessDenied', '16 minutes ahead');
    status_is(upload([ key => 'no/x' ], [], 'x', bucket => 'other'), 403,
              'AccessDenied', 'for another bucket');
    status_is(upload([ key => 'no/x' ], [ [ 'ne', '$acl', 'x' ] ], 'x'), 400,
              'InvalidPolicyDocument', 'an unknown condition');
    status_is(upload([ key => 'no/x', tagging => '<x/>' ], [], 'x'), 501,
              'NotImplemented', 'tags');

    my $other = SocialS3->new(port => $port, base => '/objects/raw',
                              secret => 'x' x 40);
    status_is(post([ $other->form([ key => 'no/x' ], []), @file ]), 403,
              'SignatureDoesNotMatch', 'another secret');
    $other = SocialS3->new(port => $port, access_key => 'AKIAOTHER');
    status_is(post([ $other->form([ key => 'no/x' ], []), @file ]), 403,
              'InvalidAccessKeyId', 'another access key');
    $other = SocialS3->new(port => $port, region => 'us-east-1');
    my $got = post([ $other->form([ key => 'no/x' ], []), @file ]);
    status_is($got, 400, 'AuthorizationQueryParametersError',
              'another region');
    like($got->{body}, qr{<Region>eu-west-1</Region>}, '... the right one');

    status_is(post([ @form, 'x-amz-security-token' => 'x', @file ]), 400,
              'InvalidToken', 'a token');

    # files

    status_is(post([ @form ]), 400, 'InvalidArgument', 'no file');
    status_is(post([ @form, @file, @file ]), 400, 'InvalidArgument',
              'two files');
    like(post([ @form, @file, @file ])->{body}, qr/exactly one file/,
         '... and it is said');
    status_is(post([ file => [ 'a', 'x' ], @form ]), 403, 'AccessDenied',
              'fields after the file are not seen');
    keys_are('no/', [], 'nothing of all that is there');
    is(post([ @form, @file, key => 'no/z', other => 'y' ])->{status}, 204,
       '... and do no harm');
    keys_are('no/', [ 'no/x' ], '... at all');
    is($s3->request(GET => '/no/x')->{body}, 'x', '... to the file either');
    $s3->request(DELETE => '/no/x');

    # bodies

    status_is(post([ @form, @file ], body => sub { substr $_[0], 0, -6 }), 400,
              'IncompleteBody', 'cut in the last delimiter');
    status_is(post([ @form, @file ], body => sub { 'x' x 10 }), 400,
              'IncompleteBody', 'not a form');
    status_is(post([ @form, @file ],
                   body => sub { $_[0] =~ s/: form-data; /: x; /r }), 400,
              'MalformedPOSTRequest', 'another disposition');
    status_is(post([ @form, 'x-amz-meta-a' => 'x' x 30_000, @file ]), 400,
              'MaxPostPreDataLengthExceededError', 'long fields');
    status_is(post([ (map { ("f$_" => '') } 1 .. 101), @file ]), 400,
              'MaxPostPreDataLengthExceededError', 'many fields');

    for ([ 'multipart/form-data', 400, 'MalformedPOSTRequest' ],
         [ 'application/x-www-form-urlencoded', 412, 'PreconditionFailed' ],
         [ undef, 412, 'PreconditionFailed' ])
    {
        my ($type, $status, $code) = @$_;
        status_is(post([ @form, @file ], headers => {
            'content-type' => $type }), $status, $code, $type // 'no type');
    }

    status_is(post([ @form, @file ], headers => {
        'transfer-encoding' => 'chunked', 'content-length' => undef },
        body => sub { sprintf "%x\r\n%s\r\n0\r\n\r\n", length $_[0], $_[0] }),
        411, 'MissingContentLength', 'no length');

    my %signed = $s3->sign(POST => '');
    status_is(post([ @form, @file ], headers => \%signed), 400,
              'InvalidRequest', 'signed twice');
    status_is(post([ @form, @file ], target => "$target?acl"), 501,
              'NotImplemented', 'a parameter');
    status_is(post([ @form, @file ], target => "$target/key"), 403,
              'AccessDenied', 'to a key');
    status_is(post([ @form, @file ], target => '/images/'), 403,
              'AccessDenied', 'to a part of the bucket');

    keys_are('no/', [], 'nothing of all that is there');
};

subtest 'in pieces, and cut' => sub {
    my %form = SocialS3::multipart($s3->form([ key => 'slow' ], [ $range ]),
                                   file => [ 'a', 'x' x 100 ]);
    my $head = "POST $target HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        . "\r\nContent-Type: $form{headers}{'content-type'}\r\n"
        . 'Content-Length: ' . length($form{body}) . "\r\n\r\n";

    my $sock = $s3->connection;
    $sock->autoflush(1);
    print {$sock} $head;

    for (my $at = 0; $at < length $form{body}; $at += 97) {
        print {$sock} substr $form{body}, $at, 97;
        sleep 0.003;
    }

    is(SocialS3::read_answer($sock, 'POST')->{status}, 204, 'in pieces');
    is($s3->request(GET => '/slow')->{body}, 'x' x 100, '... of which it is');

    # a client that leaves, among the fields, in the file and before its end

    for my $part (0.3, 0.9, 0.99) {
        my $large = $form{body} =~ s/x{100}/'y' x 200_000/er;
        $sock = $s3->connection;
        print {$sock} $head =~ s/Length: \d+/'Length: ' . length $large/er,
            substr $large, 0, $part * length $large;
        $sock->flush;
        sleep 0.05;
        close $sock;
    }

    sleep 0.3;
    is($s3->request(GET => '/slow')->{body}, 'x' x 100,
       'those that leave do nothing');

    # one that waits is asked to go on, or not

    my $waits = sub {
        my ($type) = @_;
        my $other = $s3->connection;
        print {$other} $head =~ s/\r\n\r\n\z/\r\nExpect: 100-continue\r\n\r\n/r
            =~ s/Content-Type: .*?\r/Content-Type: $type\r/r;
        $other->flush;
        sysread $other, my $text, 4096;
        return $text;
    };
    like($waits->($form{headers}{'content-type'}), qr/\AHTTP\/1.1 100 /,
         'a form is waited for');
    like($waits->('text/plain'), qr/\AHTTP\/1.1 412 /, '... other things not');

    is_deeply([ SocialStore::orphans("$dir/root") ], [], 'nothing is left');
};

$nginx->stop;

my $log = $nginx->error_log;
open my $in, '<', "$dir/info.log" or die;
$log .= do { local $/; <$in> };

is((() = $log =~ /\[(?:alert|emerg|crit)\]/g), 0, 'no alert') or diag($log);
unlike($log, qr/\Q$s3->{secret}\E/, 'no secret in the log');
like($log, qr/the store refused a request: AccessDenied: .*Policy expired/,
     'what was refused is in the log');

done_testing();
