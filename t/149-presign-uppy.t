#!/usr/bin/perl

# "social_presign" in the modes "sign" and "multipart", which are for Uppy: what
# it asks for, a store of uploads in parts that fails in its ways, and users
# that ask for what is another one's.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use JSON::PP ();
use MIME::Base64 qw( decode_base64 );
use SocialNginx;
use SocialParts;
use SocialPostgres;
use SocialS3;
use SocialToken;
use Test::More;
use Time::HiRes qw( time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $json = JSON::PP->new->canonical->utf8;
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my $sub = 'c0ffee00-1234-4abc-8def-000000000001';

mkdir "$dir/$_" for qw( root parts );

my $gateway = SocialS3->new(port => $port, base => '/objects/raw');
my $s3 = SocialS3->new(port => SocialNginx::free_port(), base => '/raw');
my $parts = SocialParts->start($s3, "$dir/parts");

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
error_log $dir/info.log info;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
$http_config
    social_database "@{[ $pg->gateway ]}" timeout=2s;
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$s3->{port};
        credentials file $dir/credentials;
    }
    social_bucket own {
        region eu-west-1;
        bucket raw;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    social_bucket none {
        region eu-west-1;
        endpoint http://127.0.0.1:1;
        credentials file $dir/credentials;
    }
    social_presign_key raw/\$social_sub/\$social_upload_id.\$social_upload_ext;
    social_presign_max_size 1m;
    server {
        listen 127.0.0.1:$port;
        location /s3/ {
            social_auth main;
            social_presign raw multipart kinds=photo,post;
        }
        location /none/ {
            social_auth main;
            social_presign none multipart;
        }
        location /optional/ {
            social_auth main optional;
            social_presign raw multipart;
        }
        location = /sign {
            social_auth main;
            social_presign raw sign kinds=photo,post;
            social_presign_key raw/\$social_sub/;
        }
        location = /bare {
            social_auth main;
            social_presign own sign form=off;
            social_presign_key raw/\$social_sub/;
        }
        location = /own {
            social_auth main;
            social_presign own sign;
            social_presign_key raw/\$social_sub/;
            social_presign_expires 1m;
        }
        location /own/ {
            social_auth main;
            social_presign own multipart;
        }
        location /objects/ {
            social_store own root=$dir/root announce=on;
        }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

# the answer, with its JSON as "json"

sub call {
    my ($method, $path, %opt) = @_;

    my $body = ref $opt{body} ? $json->encode($opt{body}) : $opt{body};
    my $token = bearer(%{ $opt{claims} // {} }) =~ s/\AAuthorization: //r;

    my $got = $gateway->exchange($method, $path, body => $body,
        headers => { authorization => $token,
                     (defined $body ? ('content-type' => 'application/json')
                                    : ()), %{ $opt{headers} // {} } });

    $got->{json} = eval { $json->decode($got->{body}) };
    return $got;
}

# what a browser does with a URL

sub send_to {
    my ($method, $url, $body, %headers) = @_;
    my ($to, $target) = $url =~ m{\Ahttp://127\.0\.0\.1:(\d+)(/.*)};
    return SocialS3->new(port => $to)->exchange($method, $target,
        body => $body, headers => { %headers });
}

my %jpeg = (filename => 'a b.jpg', type => 'image/jpeg');

sub create {
    my ($base, %opt) = @_;
    return call('POST', "$base/multipart", body => { %jpeg,
                    %{ $opt{body} // {} } }, %opt{ claims => });
}


subtest 'an upload in parts' => sub {
    my $got = call('POST', '/s3/multipart',
                   body => { %jpeg, metadata => { name => 'x' } });
    my $up = $got->{json};

    is($got->{status}, 200, 'begun') or diag($got->{body}, $nginx->error_log);
    is_deeply([ sort keys %$up ], [ qw( bucket id key uploadId ) ],
              'its members');
    is($up->{bucket}, 'raw', 'bucket');
    is($up->{key}, "raw/$sub/$up->{id}.jpg", 'key');
    like($up->{uploadId}, qr/\A[\w.~-]+\z/, 'a name that needs no escapes');
    is_deeply([ $parts->requests ],
              [ "POST /raw/$up->{key} uploads= image/jpeg" ], 'S3 was asked');
    is($pg->value("SELECT state || ' ' || kind || ' ' || content_type || ' '
                   || (bytes IS NULL) FROM uploads WHERE id = '$up->{id}'"),
       'pending photo image/jpeg true', 'its row');

    my $at = "/s3/multipart/$up->{uploadId}";
    my $key = 'key=' . SocialS3::escape($up->{key});

    is_deeply(call(GET => "$at?$key")->{json}, [], 'no parts yet');

    my $sign = call(GET => "$at/1?$key")->{json};
    is_deeply([ sort keys %$sign ], [ qw( expires url ) ], 'a URL for a part');
    is($sign->{expires}, 300, '... which expires');
    my %etag = (1 => send_to(PUT => $sign->{url}, 'one')->{headers}{etag});
    is($etag{1}, '"' . md5_hex('one') . '"', '... takes it');

    my $batch = call(GET => "$at/batch?$key&partNumbers=2,3")->{json};
    is_deeply([ sort keys %{ $batch->{presignedUrls} } ], [ 2, 3 ],
              'URLs for two more');
    $etag{$_} = send_to(PUT => $batch->{presignedUrls}{$_}, 'x' x $_)
                ->{headers}{etag} for 2, 3;

    my @list = ({ PartNumber => 1, Size => 3, ETag => $etag{1} },
                { PartNumber => 2, Size => 2, ETag => $etag{2} },
                { PartNumber => 3, Size => 3, ETag => $etag{3} });
    $got = call(GET => "$at?$key");
    is_deeply($got->{json}, \@list, 'the parts');
    is($got->{headers}{'cache-control'}, 'no-store', '... for nobody else');

    $parts->mode('page=1');
    $parts->requests;
    is_deeply(call(GET => "$at?$key")->{json}, \@list, '... in pages');
    is_deeply([ map { /marker=(\d)/ ? $1 : 0 } $parts->requests ], [ 0, 1, 2 ],
              '... each after the one before');

    my @done = map { { PartNumber => $_, ETag => $etag{$_} } } 1 .. 3;

    $got = call(POST => "$at/complete?$key", body => { parts => [
        @done[0, 1], { PartNumber => 3, ETag => '"x"' } ] });
    is("$got->{status} @{[ keys %{ $got->{json}{errors} } ]}", '422 parts',
       'not with another ETag');
    $got = call(POST => "$at/complete?$key", body => { parts => [
        @done, { PartNumber => 4, ETag => '"x"' } ] });
    is($got->{status}, 422, 'not with a part that is not there');

    $got = call(POST => "$at/complete?$key", body => { parts => \@done });
    is($got->{status}, 200, 'complete') or diag($got->{body});
    is_deeply($got->{json}, { bucket => 'raw', key => $up->{key}, location =>
              "http://127.0.0.1:$s3->{port}/raw/$up->{key}" }, '... and where');
    like((grep { /\APOST/ } $parts->requests)[-1], qr/ application\/xml\z/,
         '... in XML');
    $parts->mode('');

    is(call(POST => "$at/complete?$key", body => { parts => \@done })
       ->{status}, 404, 'not twice, where S3 does not know it any more');
    is(call(GET => "$at?$key")->{status}, 404, 'no list of it');
};

subtest 'aborted' => sub {
    my $up = create('/s3')->{json};
    my $at = "/s3/multipart/$up->{uploadId}?key=$up->{key}";

    $parts->requests;
    my $got = call(DELETE => $at);
    is("$got->{status} $got->{body}", '200 {}', 'it is gone');
    is_deeply([ $parts->requests ],
              [ "DELETE /raw/$up->{key} uploadId=up/load+2= -" ], 'from S3');
    is(call(DELETE => $at)->{status}, 200, '... when it is asked again');
    is(call(GET => $at)->{status}, 404, '... and has no parts');

    $parts->mode('ceph');
    is(call(GET => $at)->{status}, 404, 'by a store that names it otherwise');
    is(call(DELETE => $at)->{status}, 200, '... which is aborted there, too');
    $parts->mode('');
};

# The same by the embedded store, to its end: a job.

subtest 'by the embedded store' => sub {
    my $up = create('/own')->{json};
    my $at = "/own/multipart/$up->{uploadId}";
    my $body = "\xff\xd8" . 'x' x 300_000;

    my $url = call(GET => "$at/1?key=$up->{key}")->{json}{url};
    my $got = send_to(PUT => $url, $body);
    is($got->{status}, 200, 'a part') or diag($got->{body});
    is($got->{headers}{etag}, '"' . md5_hex($body) . '"', '... has its ETag');

    my $part = { PartNumber => 1, ETag => $got->{headers}{etag} };

    is_deeply(call(GET => "$at?key=$up->{key}")->{json},
              [ +{ %$part, Size => length $body } ], 'it is listed');
    is(send_to(PUT => $url =~ s/partNumber=1/partNumber=2/r, $body)->{status},
       403, 'its URL is for no other');

    $got = call(POST => "$at/complete?key=$up->{key}",
                body => { parts => [ $part ] });
    is($got->{status}, 200, 'complete') or diag($got->{body});
    is($pg->wait_for("SELECT state FROM uploads WHERE id = '$up->{id}'",
                     'stored'), 'stored', 'the upload is stored');
    is($pg->value("SELECT count(*) FROM jobs WHERE payload ->> 'upload'
                   = '$up->{id}'"), 1, '... and has a job');

    my $store = SocialS3->new(port => $port, base => '/objects/raw');
    $got = $store->request(GET => "/$up->{key}");
    is(md5_hex($got->{body}), md5_hex($body), 'the object');
    is($got->{headers}{'content-type'}, 'image/jpeg', '... of its type');

    $up = create('/own')->{json};
    $at = "/own/multipart/$up->{uploadId}?key=$up->{key}";
    is(call(DELETE => $at)->{status}, 200, 'another one is aborted');
    is(call(GET => $at)->{status}, 404, '... and has no parts');
};

subtest 'the size' => sub {
    my $up = create('/s3')->{json};
    my $at = "/s3/multipart/$up->{uploadId}";
    my @done;

    for (1 .. 3) {
        my $url = call(GET => "$at/$_?key=$up->{key}")->{json}{url};
        push @done, { PartNumber => $_, ETag =>
                      send_to(PUT => $url, 'x' x 400_000)->{headers}{etag} };
    }

    $parts->mode('page=2');
    $parts->requests;
    my $got = call(POST => "$at/complete?key=$up->{key}",
                   body => { parts => \@done });
    is($got->{status}, 413, 'over the limit');
    ok($got->{json}{errors}{parts}, '... and it is said');
    ok(!(grep { /\APOST/ } $parts->requests), '... S3 is not asked');
    is(call(POST => "$at/complete?key=$up->{key}",
            body => { parts => [ @done[0, 2] ] })->{status}, 200,
       'what is left out does not count');
    $parts->mode('');
};

subtest 'params' => sub {
    my $got = call(GET => '/s3/params?filename=a+b.png&type=image%2Fpng'
                   . '&metadata[kind]=post');
    my $a = $got->{json};

    is($got->{status}, 200, 'answered') or diag($got->{body});
    is($a->{method}, 'POST', 'a form');
    is($a->{url}, "http://127.0.0.1:$s3->{port}/raw/", 'its URL');
    is($a->{expires}, 300, 'its time');
    is($a->{fields}{key}, "raw/$sub/$a->{id}.png", 'its key');
    is($pg->value("SELECT kind || ' ' || content_type FROM uploads
                   WHERE id = '$a->{id}'"), 'post image/png', 'its row');

    $got = call(GET => '/own/params?filename=x&type=image/jpeg');
    my ($target) = $got->{json}{url} =~ m{:\d+(/.*)};
    my %form = SocialS3::multipart(%{ $got->{json}{fields} },
                                   file => [ 'x', 'pixels' ]);
    is($gateway->exchange(POST => $target, %form)->{status}, 201,
       'the embedded store takes it');

    is(call(GET => '/s3/params?type=image/png')->{status}, 422, 'no name');
    is(call(GET => '/s3/params?filename=a&type=text/html')->{status}, 415,
       'another type');
    is(call(GET => '/s3/params?filename=a&type=image/png&metadata[kind]=x')
       ->{status}, 422, 'another kind');
};

subtest 'what is another user\'s' => sub {
    my $up = create('/s3')->{json};
    my %bob = (claims => { sub => 'bob', username => 'bob' });

    for ([ 'GET', '' ], [ 'GET', '/1' ], [ 'GET', '/batch' ],
         [ 'DELETE', '' ], [ 'POST', '/complete' ])
    {
        my ($method, $rest) = @$_;
        my $at = "/s3/multipart/$up->{uploadId}$rest?partNumbers=1&key=";
        my @body = $method eq 'POST' ? (body => { parts => [
                   { PartNumber => 1, ETag => 'x' } ] }) : ();

        $parts->requests;
        is(call($method, "$at$up->{key}", %bob, @body)->{status}, 404,
           "$method ...$rest");
        is(call($method, $at . $up->{key} =~ s/$sub/bob/r, @body)->{status},
           404, '... nor for the key of another');
        is_deeply([ $parts->requests ], [], '... S3 is not asked');
    }

    # his key, and the name of an upload that is not of it

    my $at = "/s3/multipart/$up->{uploadId}?key=" . $up->{key}
             =~ s/$sub/bob/r;
    is(call(GET => $at, %bob)->{status}, 404, 'S3 does not find it');
    like(($parts->requests)[0], qr{\AGET /raw/raw/bob/}, '... below his');

    my ($id, $ext, $name) = split /\./, $up->{uploadId};
    my $other = '00000000-0000-4000-8000-000000000000';
    for ("$other.$ext.$name", "$id.png.$name", "$id.html.$name",
         "$id.jpeg.$name", "$id.$ext.x", "$id.$ext.", "$id", 'x',
         "$up->{uploadId}%2e", "..%2f$up->{uploadId}")
    {
        is(call(GET => "/s3/multipart/$_?key=$up->{key}")->{status}, 404,
           "token $_");
    }
};

subtest 'refused' => sub {
    for my $at ('/s3/params?filename=a&type=image/png', '/s3/multipart/x') {
        my $got = call(GET => $at, headers => { authorization => undef });
        is($got->{status}, 401, "$at without a token");
        is($got->{headers}{'www-authenticate'}, 'Bearer realm="api"',
           '... asks for one');
    }
    is(call(GET => '/optional/params?filename=a&type=image/png',
            headers => { authorization => undef })->{status}, 401,
       'where it is optional');

    for ([ GET => '/s3/multipart', 'POST' ], [ PUT => '/s3/params', 'GET' ]) {
        my ($method, $path, $allow) = @$_;
        my $got = call($method => $path);

        is($got->{status}, 405, "$method of $path");
        is($got->{headers}{allow}, $allow, '... with the method that there is');
    }
    is(call(GET => '/s3/')->{status}, 404, 'nothing');
    is(call(GET => '/s3/sts')->{status}, 404, 'no credentials');
    is(call(GET => '/%733/params?filename=a&type=image/png')->{status}, 404,
       'another spelling');
    is(call(POST => '/s3/multipart', body => '{}', headers => {
        'content-type' => 'text/plain' })->{status}, 415, 'no JSON');

    my $ask = sub {
        my ($name, $fields, $body) = @_;
        my $got = call(POST => '/s3/multipart', body => $body);
        is("$got->{status} @{[ keys %{ $got->{json}{errors} // {} } ]}",
           $fields, $name);
    };
    $ask->('not JSON', '422 body', '{');
    $ask->('no name', '422 filename', { type => 'image/png' });
    $ask->('no type', '422 type', { filename => 'a' });
    $ask->('another type', '415 type', { %jpeg, type => 'text/html' });
    $ask->('another kind', '422 metadata.kind',
           { %jpeg, metadata => { kind => 'x' } });

    my $up = create('/s3')->{json};
    my $at = "/s3/multipart/$up->{uploadId}";
    for ([ "$at/0?key=$up->{key}", 'partNumber' ],
         [ "$at/10001?key=$up->{key}", 'partNumber' ],
         [ "$at/1", 'key' ],
         [ "$at/batch?key=$up->{key}", 'partNumbers' ])
    {
        my ($target, $field) = @$_;
        my $got = call(GET => $target);
        is("$got->{status} @{[ keys %{ $got->{json}{errors} } ]}",
           "422 $field", $target);
    }
    is(call(POST => "$at/complete?key=$up->{key}", body => { parts => [] })
       ->{status}, 422, 'no parts');
    is(call(POST => "$at/complete?key=$up->{key}", body => 'x' x 1_048_577)
       ->{status}, 413, 'a long body');

    $pg->sql(qq{INSERT INTO deleted_users VALUES ('$issuer', 'gone')});
    $parts->requests;
    is(create('/s3', claims => { sub => 'gone', username => 'gone' })
       ->{status}, 403, 'a deleted user');
    is_deeply([ $parts->requests ], [], '... S3 is not asked');
};

subtest 'a store that fails' => sub {
    my $up = create('/s3')->{json};
    my $at = "/s3/multipart/$up->{uploadId}";
    my $body = { parts => [ { PartNumber => 1, ETag => send_to(PUT =>
        call(GET => "$at/1?key=$up->{key}")->{json}{url}, 'x')
        ->{headers}{etag} } ] };

    my $each = sub {
        my ($mode, $status, $name) = @_;
        $parts->mode($mode);
        for ([ POST => '/s3/multipart', body => \%jpeg ],
             [ GET => "$at?key=$up->{key}" ],
             [ POST => "$at/complete?key=$up->{key}", body => $body ],
             ($mode ne 'junk' ? [ DELETE => "$at?key=$up->{key}" ] : ()))
        {
            my $got = call(@$_);
            is($got->{status}, $status, "$name: $_->[0]");
            like($got->{headers}{'retry-after'}, qr/\A\d+\z/,
                 '... Retry-After') if $status == 503;
            ok($got->{json}{requestId}, '... in JSON');
        }
    };

    $each->('down', 503, 'not available');
    $each->('denied', 500, 'not for us');
    $each->('junk', 500, 'of something else');

    $parts->mode('late');
    is(call(POST => "$at/complete?key=$up->{key}", body => $body)->{status},
       500, 'an error after the status');
    $parts->mode('');
    is(call(POST => "$at/complete?key=$up->{key}", body => $body)->{status},
       200, '... and then again');

    is(create('/none')->{status}, 503, 'nobody listens');

    # more than are asked at the same time: the others wait for their turn

    my $many = sub {
        return map {
            my $sock = $gateway->connection;
            my $text = $json->encode(\%jpeg);
            print {$sock} "POST /s3/multipart HTTP/1.1\r\nHost: x\r\n",
                "Connection: close\r\n",
                bearer(), "\r\nContent-Type: application/json\r\n",
                'Content-Length: ', length $text, "\r\n\r\n$text";
            $sock->flush;
            $sock } 1 .. $_[0];
    };
    is_deeply([ map { SocialS3::read_answer($_, 'POST')->{status} }
                $many->(12) ], [ (200) x 12 ], 'many at a time');

    # those that leave, and the event loop waits for none

    $parts->mode('hang');
    my @left = $many->(8);
    my $begun = time;
    is(call(GET => "$at/1?key=$up->{key}")->{status}, 200,
       'a URL while it hangs');
    ok(time - $begun < 2, '... at once');
    close $_ for @left;
    $parts->mode('');
    is(create('/s3')->{status}, 200, '... nor for those that have left');
};

subtest 'sign' => sub {
    my $sign = sub { return call(POST => '/sign', body => { @_ }) };
    my $got = $sign->(method => 'PUT', key => 'x y.jpg', kind => 'post');
    my $a = $got->{json};

    is($got->{status}, 200, 'PUT') or diag($got->{body});
    is($a->{key}, "raw/$sub/x y.jpg", 'below the prefix');
    is($a->{expiresIn}, 300, 'expiresIn');
    like($a->{url}, qr{/raw/raw/$sub/x%20y\.jpg\?}, 'url');
    is($pg->value("SELECT kind FROM uploads WHERE object_key =
                   'raw/$sub/x y.jpg'"), 'post', 'its row');

    $got = $sign->(method => 'PUT', key => $a->{key}, expiresIn => 10);
    is($got->{json}{key}, $a->{key}, 'the key of an answer');
    is($got->{json}{expiresIn}, 10, 'for a shorter time');
    is($sign->(method => 'PUT', key => 'x.jpg', expiresIn => 9999)
       ->{json}{expiresIn}, 300, '... but not a longer one');
    is($sign->(method => 'PUT', key => 'raw/bob/x.jpg')->{json}{key},
       "raw/$sub/raw/bob/x.jpg", 'never that of another user');

    # begun, listed, completed by the client alone

    my $url = $sign->(method => 'POST', key => 'm.jpg')->{json}{url};
    my ($id) = send_to(POST => $url, '')->{body}
        =~ m{<UploadId>(.*?)</UploadId>} or fail('no upload');
    my %at = (key => 'm.jpg', uploadId => $id);
    my $ids = 'SELECT string_agg(id::text, \' \' ORDER BY id) FROM uploads';
    my $rows = $pg->value($ids);

    my $etag = send_to(PUT => $sign->(method => 'PUT', %at, partNumber => 1)
                       ->{json}{url}, 'bytes')->{headers}{etag};
    is($etag, '"' . md5_hex('bytes') . '"', 'a part');
    like(send_to(GET => $sign->(method => 'GET', %at)->{json}{url})->{body},
         qr/<PartNumber>1</, 'the list');
    is(send_to(POST => $sign->(method => 'POST', %at)->{json}{url},
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>$etag"
        . '</ETag></Part></CompleteMultipartUpload>')->{status}, 200,
       'complete');
    is(send_to(DELETE => $sign->(method => 'DELETE', %at)->{json}{url})
       ->{status}, 404, 'nothing to abort');
    is($pg->value($ids), $rows,
       'a row for each upload, and not for each request');

    # an upload is of its key, and a key of its user

    $url = call(POST => '/sign', body => { method => 'GET', %at },
                claims => { sub => 'bob', username => 'bob' })->{json}{url};
    like($url, qr{/raw/raw/bob/m\.jpg\?}, 'for bob it is his');
    is(send_to(GET => $url)->{status}, 404, '... and S3 does not have it');

    for ([ 'method', method => 'GET', key => 'x.jpg' ],
         [ 'method', method => 'DELETE', key => 'x.jpg' ],
         [ 'method', method => 'HEAD', key => 'x.jpg' ],
         [ 'key', method => 'PUT' ],
         [ 'key', method => 'PUT', key => '../bob/x.jpg' ],
         [ 'key', method => 'PUT', key => "raw/$sub/../bob/x.jpg" ],
         [ 'key', method => 'PUT', key => 'x' x 1024 . '.jpg' ],
         [ 'key', method => 'PUT', key => 'x.html' ],
         [ 'key', method => 'POST', key => 'x' ],
         [ 'key', method => 'POST', key => 'x.jpg/x' ],
         [ 'kind', method => 'PUT', key => 'x.jpg', kind => 'other' ],
         [ 'uploadId', method => 'GET', key => 'x.jpg', uploadId => 'a b' ])
    {
        my ($field, %ask) = @$_;
        my $no = $sign->(%ask);
        is("$no->{status} @{[ keys %{ $no->{json}{errors} // {} } ]}",
           "422 $field", $json->encode(\%ask));
    }
    is(call(POST => '/sign', body => { method => 'PUT', key => 'x.jpg' },
            claims => { sub => 'a/b', username => 'x' })->{status}, 403,
       'a subject with a slash');
    is(call(GET => '/sign')->{status}, 405, 'GET');
    is(call(POST => '/sign', body => '[')->{status}, 422, 'not JSON');

    # the embedded store holds it to its type and its size

    my $own = call(POST => '/own', body => { method => 'PUT', key => 'x.png',
                                             expiresIn => 300 })->{json};
    is($own->{expiresIn}, 60, 'the time of the location');
    is(send_to(PUT => $own->{url}, 'x', 'content-type' => 'text/html')
       ->{code}, 'AccessDenied', 'another type');
    is(send_to(PUT => $own->{url}, 'x' x 1_048_577,
               'content-type' => 'image/png')->{code}, 'EntityTooLarge',
       'too large');
    is(send_to(PUT => $own->{url}, 'x', 'content-type' => 'image/png')
       ->{status}, 200, 'what it is for');
    is($pg->wait_for("SELECT state FROM uploads
                      WHERE object_key = 'raw/$sub/x.png'", 'stored'),
       'stored', '... and announced');

    # a client that can send a form: any S3 holds it to both

    my %typed = (method => 'PUT', key => 'f.png', contentType => 'text/html');
    my $form = call(POST => '/own', body => { %typed, expiresIn => 20 })
               ->{json};
    is($form->{key}, "raw/$sub/f.png", 'a form, for its key');
    is($form->{fields}{key}, $form->{key}, '... which is a field');
    is($form->{fields}{'Content-Type'}, 'image/png',
       '... of the type of the extension');
    is($form->{expiresIn}, 20, '... for a shorter time');
    is(call(POST => '/own', body => { %typed, expiresIn => 9999 })
       ->{json}{expiresIn}, 60, '... but not a longer one');

    my ($policy) = map { $json->decode(decode_base64($_)) }
                   $form->{fields}{policy};
    is_deeply([ grep { ref eq 'ARRAY' } @{ $policy->{conditions} } ],
              [ [ 'content-length-range', 1, 1_048_576 ] ],
              '... and of the size of the location');

    my $post = sub {
        my ($file, %o) = @_;
        my %fields = (%{ $form->{fields} }, %o);
        my %m = SocialS3::multipart(%fields, file => [ 'f', $file ]);
        return send_to(POST => $form->{url}, $m{body}, %{ $m{headers} });
    };
    is($post->('x' x 1_048_577)->{code}, 'EntityTooLarge', 'too large');
    is($post->('x', 'Content-Type' => 'text/html')->{code}, 'AccessDenied',
       'another type');
    is($post->('x', key => 'raw/bob/f.png')->{code}, 'AccessDenied',
       'another key');
    is($post->('x')->{status}, 201, 'what it is for');
    is($pg->wait_for("SELECT state || ' ' || content_type FROM uploads
                      WHERE object_key = 'raw/$sub/f.png'", 'stored image/png'),
       'stored image/png', '... and announced');

    for my $key ('../bob/f.png', 'x' x 1024 . '.png', 'f.html') {
        my $no = call(POST => '/own', body => { %typed, key => $key });
        is("$no->{status} @{[ keys %{ $no->{json}{errors} // {} } ]}",
           '422 key', "no form for $key");
    }

    my $bare = call(POST => '/bare', body => { %typed })->{json};
    is($bare->{fields}, undef, 'a store without forms');
    is(send_to(PUT => $bare->{url}, 'x', 'content-type' => 'image/png')
       ->{status}, 200, '... gets a PUT');
};

subtest 'database unavailable' => sub {
    my $up = create('/s3')->{json};
    $pg->down;
    $parts->requests;
    is(create('/s3')->{status}, 503, 'nothing begins');
    is_deeply([ $parts->requests ], [], '... at S3 either');
    is(call(POST => '/sign', body => { method => 'PUT', key => 'x.jpg' })
       ->{status}, 503, 'nor by a URL');
    is(call(GET => "/s3/multipart/$up->{uploadId}/1?key=$up->{key}")
       ->{status}, 200, 'what has begun goes on');
    $pg->up;
};

$nginx->stop;

my $log = $nginx->error_log . SocialParts::slurp("$dir/info.log");

is((() = $log =~ /\[(?:alert|emerg|crit)\]/g), 0, 'no alert') or diag($log);
unlike($log, qr/X-Amz-S|Signature=|\Q$s3->{secret}\E|eyJ/i,
       'no signed URL, no secret and no token in the log');
like($log, qr/social: bucket "raw" responded with status 503, "SlowDown"/,
     'what S3 said is in the log');
like($log, qr/social: bucket "none" did not respond: /,
     '... and that it said nothing');

done_testing();
