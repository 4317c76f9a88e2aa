#!/usr/bin/perl

# "social_presign", "social_upload_status", and objects that the store
# announces, with a PostgreSQL that comes and goes.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use MIME::Base64 ();
use Digest::SHA qw( sha256 );
use SocialNginx;
use SocialPostgres;
use SocialS3;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $json = JSON::PP->new->canonical->utf8;
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

mkdir "$dir/root";

my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $known = "\n        social_auth main;";

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
$http_config
    social_database "@{[ $pg->gateway ]}" timeout=2s;
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    social_presign_key raw/\$social_sub/\$social_upload_id.\$social_upload_ext;
    social_presign_max_size 1m;
    server {
        listen 127.0.0.1:$port;
        location = /uploads {
            social_auth main;
            social_presign raw put kinds=avatar,post;
        }
        location = /png {
            social_auth main;
            social_presign raw put;
            social_presign_types image/png;
            social_presign_max_size 10;
            social_presign_expires 1m;
        }
        location = /same {
            social_auth main;
            social_presign raw put overwrite=on;
            social_presign_key same/\$social_sub.\$social_upload_ext;
        }
        location = /forms {
            social_auth main;
            social_presign raw post kinds=avatar,post;
        }
        location = /optional {
            social_auth main optional;
            social_presign raw put;
        }
        location = /except {
            social_auth main;
            social_presign raw put;
            limit_except GET { allow 127.0.0.1; deny all; }
        }
        location = /avatars/key_upload {
            social_auth main;
            social_presign raw avatar;
            social_presign_key avatars/\$social_sub.\$social_upload_ext;
        }
        location = /bad-key {
            social_auth main;
            social_presign raw put;
            social_presign_key \$arg_x/\$social_sub/\$social_upload_id;
        }
        location /uploads/ {
            social_auth main;
            social_upload_status assets=https://assets.example.com;
        }
        location /objects/ {
            social_store raw root=$dir/root announce=on;
        }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

sub auth {
    my (%claims) = @_;
    return (authorization => bearer(%claims) =~ s/\AAuthorization: //r);
}

# the answer, with its JSON as "json"

sub call {
    my ($method, $path, %opt) = @_;

    my $body = $opt{body};
    $body = $json->encode($body) if ref $body;

    my $got = $s3->exchange($method, $path, body => $body, sock => $opt{sock},
        headers => { auth(%{ $opt{claims} // {} }),
                     ($method eq 'POST'
                      ? ('content-type' => 'application/json') : ()),
                     %{ $opt{headers} // {} } });

    $got->{json} = eval { $json->decode($got->{body}) };
    return $got;
}

my %jpeg = (kind => 'avatar', contentType => 'image/jpeg', size => 5);

sub presign { return call('POST', '/uploads', body => { %jpeg, @_ }) }

sub upload {
    my ($answer, $body) = @_;
    return $s3->exchange(PUT => $answer->{url} =~ s{\Ahttp://[^/]+}{}r,
                     body => $body, headers => $answer->{headers});
}


subtest 'a URL to put to' => sub {
    my $got = presign();
    my $a = $got->{json};

    is($got->{status}, 201, 'created') or diag($got->{body}, $nginx->error_log);
    is($got->{headers}{'content-type'}, 'application/json', 'JSON');
    is($got->{headers}{'cache-control'}, 'no-store', 'for nobody else');
    is_deeply([ sort keys %$a ], [ qw( expiresAt expiresIn headers id key
                                       method url ) ], 'its members');
    like($a->{id}, qr/\A$uuid\z/, 'id');
    is($a->{method}, 'PUT', 'method');
    is($a->{key}, "raw/c0ffee00-1234-4abc-8def-000000000001/$a->{id}.jpg",
       'the key is of the user and the upload');
    is_deeply($a->{headers}, { 'Content-Type' => 'image/jpeg',
                               'If-None-Match' => '*' }, 'headers');
    is($a->{expiresIn}, 300, 'expiresIn');
    like($a->{expiresAt}, qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\z/,
         'expiresAt');
    like($a->{url}, qr{\Ahttp://127\.0\.0\.1:$port/objects/raw/\Q$a->{key}\E\?},
         'url');
    like($a->{url}, qr/SignedHeaders=content-length%3Bcontent-type%3Bhost
                       %3Bif-none-match&/x, 'length and type are signed');
    is($pg->value("SELECT state || ' ' || bytes || ' ' || kind || ' '
                   || content_type FROM uploads WHERE id = '$a->{id}'"),
       'pending 5 avatar image/jpeg', 'its row');

    is(upload($a, '123456')->{status}, 403, 'another length is refused');
    is(upload({ url => $a->{url}, headers => { 'Content-Type' =>
        'image/jpeg' } }, '12345')->{code}, 'SignatureDoesNotMatch',
        'so is the condition');
    is(upload($a, '12345')->{status}, 200, 'it is put');
    is(upload($a, '54321')->{code}, 'PreconditionFailed', '... once');
    is($pg->wait_for("SELECT state FROM uploads WHERE id = '$a->{id}'",
                     'stored'), 'stored', 'and announced');
    is($pg->value("SELECT count(*) FROM jobs WHERE payload ->> 'upload'
                   = '$a->{id}'"), 1, 'once');
    is(scalar(my @left = glob "$dir/root/spool/*"), 0, 'the spool is empty');

    $got = presign(contentType => 'image/png', kind => 'post', sha256 =>
                   MIME::Base64::encode_base64(sha256('12345'), ''));
    $a = $got->{json};
    like($a->{key}, qr/\.png\z/, 'of another type');
    like($a->{headers}{'x-amz-checksum-sha256'}, qr/\A.{43}=\z/,
         'with a digest');
    is(upload($a, '54321')->{code}, 'BadDigest', 'that is enforced');
    is(upload($a, '12345')->{status}, 200, 'and met');

    for my $type ('application/json; charset', 'application/json;charset=x',
                  'APPLICATION/JSON', 'application/json ; a=b')
    {
        is(call('POST', '/uploads', body => \%jpeg, headers => {
            'content-type' => $type })->{status}, 201, $type);
    }

    $a = call('POST', '/same', body => \%jpeg)->{json};
    is_deeply($a->{headers}, { 'Content-Type' => 'image/jpeg' },
              'with "overwrite"');
    is(upload($a, $_)->{status}, 200, '... it is put again')
        for '12345', '54321';

    my $bob = call('POST', '/uploads', body => \%jpeg,
                   claims => { sub => 'bob', username => 'bob' });
    like($bob->{json}{key}, qr{\Araw/bob/}, 'another user, another prefix');

    is(call('POST', '/except', body => \%jpeg)->{status}, 201,
       'within "limit_except"');

    $got = call('POST', '/uploads', headers => {
        'transfer-encoding' => 'chunked' }, body => sprintf(
        "3\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n",
        unpack('a3', $json->encode(\%jpeg)),
        length($json->encode(\%jpeg)) - 3,
        substr($json->encode(\%jpeg), 3)));
    is($got->{status}, 201, 'a body in chunks') or diag($got->{body});
};

subtest 'a form to post' => sub {
    my $form = sub {
        my (%fields) = @_;
        return call('POST', '/forms', body => { kind => 'post',
                    contentType => 'image/png', %fields });
    };

    # the fields of the answer in some order, and a file
    my $send = sub {
        my ($answer, $bytes, %change) = @_;
        my %fields = (%{ $answer->{fields} }, %change);
        my %body = SocialS3::multipart(%fields, file => [ 'x.png', $bytes ]);
        return $s3->exchange(POST => $answer->{url}
                             =~ s{\Ahttp://[^/]+}{}r, %body);
    };

    my $got = $form->();
    my $a = $got->{json};
    is($got->{status}, 201, 'created') or diag($got->{body});
    is_deeply([ sort keys %$a ], [ qw( expiresAt expiresIn fields id key
                                       method url ) ], 'its members');
    is($a->{method}, 'POST', 'method');
    is($a->{url}, "http://127.0.0.1:$port/objects/raw/", 'url');
    is($a->{key}, "raw/c0ffee00-1234-4abc-8def-000000000001/$a->{id}.png",
       'the key is of the user and the upload');
    is_deeply([ sort keys %{ $a->{fields} } ],
              [ qw( Content-Type key policy success_action_status
                    x-amz-algorithm x-amz-credential x-amz-date
                    x-amz-signature ) ], 'fields');
    is($pg->value("SELECT state || ' ' || (bytes IS NULL) || ' ' || kind || ' '
                   || content_type FROM uploads WHERE id = '$a->{id}'"),
       'pending true post image/png', 'its row');

    is($send->($a, '')->{code}, 'EntityTooSmall', 'nothing is too small');
    is($send->($a, 'x' x 1_048_577)->{code}, 'EntityTooLarge',
       'over the limit');
    is($send->($a, 'x', key => 'raw/bob/x.png')->{code}, 'AccessDenied',
       'another key');
    is($send->($a, 'x', 'Content-Type' => 'text/html')->{code},
       'AccessDenied', 'another type');
    is($send->($a, 'x', acl => 'private')->{code}, 'AccessDenied',
       'one field more');

    $got = $send->($a, 'pixels');
    is($got->{status}, 201, 'it is posted') or diag($got->{body});
    like($got->{body}, qr{<Key>\Q$a->{key}\E</Key>}, '... there');
    is($pg->wait_for("SELECT state FROM uploads WHERE id = '$a->{id}'",
                     'stored'), 'stored', '... and announced');

    $a = $form->(size => 6, sha256 => MIME::Base64::encode_base64(
        sha256('pixels'), ''))->{json};
    is($send->($a, 'pixel')->{code}, 'EntityTooSmall', 'a size is exact');
    is($send->($a, 'pixelss')->{code}, 'EntityTooLarge', '... both ways');
    is($send->($a, 'pixelz')->{code}, 'BadDigest', '... and so is a digest');
    is($send->($a, 'pixels')->{status}, 201, '... which are met');

    is($form->(size => 2_000_000)->{status}, 413, 'too large');
    is($form->(contentType => 'text/html')->{status}, 415, 'an unknown type');
    is($form->(size => 'x', kind => 'other')->{status}, 422, 'both');
};

subtest 'refused' => sub {
    my $sock = $s3->connection;

    my $bad = sub {
        my ($name, $status, $fields, $path, %opt) = @_;
        my $method = delete $opt{method} // 'POST';
        my $got = call($method, $path, body => \%jpeg, sock => $sock, %opt);
        is($got->{status}, $status, $name) or diag($got->{body});
        ok(length($got->{json}{requestId} // ''), '... with the request id');
        is_deeply([ sort keys %{ $got->{json}{errors} // {} } ], $fields,
                  '... and its fields') if $fields;
        $sock = $s3->connection
            if ($got->{headers}{connection} // 'close') eq 'close';
        return $got;
    };

    my $got = $bad->('no token', 401, undef, '/uploads',
                     headers => { authorization => undef });
    is($got->{headers}{'www-authenticate'}, 'Bearer realm="api"',
       '... is asked for one');
    $got = $bad->('no token where it is optional', 401, undef, '/optional',
                  headers => { authorization => undef });
    is($got->{headers}{'www-authenticate'}, 'Bearer realm="api"',
       '... is asked for one');
    $bad->('an old token', 401, undef, '/uploads',
           claims => { exp => time - 100 });

    for my $method (qw( GET PUT DELETE )) {
        $bad->($method, 405, undef, '/uploads', method => $method);
    }

    for my $type (undef, 'text/plain', 'application/jsonx',
                  'multipart/form-data')
    {
        $bad->($type // 'no type', 415, undef, '/uploads',
               headers => { 'content-type' => $type });
    }

    for my $body ('', '{', '[]', '"x"', 'null', "\xff", '{}x', '{"a":1,}') {
        $bad->("body $body", 422, ['body'], '/uploads', body => $body);
    }

    $bad->('an empty object', 422, [qw( contentType kind size )], '/uploads',
           body => {});
    $bad->('an unknown kind', 422, ['kind'], '/uploads',
           body => { %jpeg, kind => 'other' });
    $bad->('a kind that is none', 422, ['kind'], '/uploads',
           body => { %jpeg, kind => ['avatar'] });
    $bad->('no kind here', 422, ['kind'], '/png',
           body => { %jpeg, kind => 'post', contentType => 'image/png' });
    $bad->('an unknown type', 415, ['contentType'], '/uploads',
           body => { %jpeg, contentType => 'image/svg+xml' });
    $bad->('a type not for here', 415, ['contentType'], '/png',
           body => \%jpeg);
    $bad->('a type with more', 415, ['contentType'], '/uploads',
           body => { %jpeg, contentType => 'image/jpeg; a=b' });
    $bad->('too large', 413, ['size'], '/uploads',
           body => { %jpeg, size => 1048577 });
    $bad->('too large here', 413, ['size'], '/png',
           body => { %jpeg, size => 11, contentType => 'image/png' });
    for my $size (0, -1, 1.5, '5', 1e30) {
        my $text = $json->encode({ %jpeg, size => 'X' });
        my $n = $size eq '5' ? '"5"' : $size;
        $text =~ s/"X"/$n/;
        $bad->("size $n", 422, ['size'], '/uploads', body => $text);
    }
    $bad->('no digest', 422, ['sha256'], '/uploads',
           body => { %jpeg, sha256 => 'abc' });
    $bad->('two at once', 422, [qw( contentType size )], '/uploads',
           body => { %jpeg, size => 2_000_000, contentType => 'a/b' });
    $bad->('a long body', 413, undef, '/uploads',
           body => { %jpeg, pad => 'x' x 5000 });

    is(call('POST', '/uploads', body => { %jpeg, size => 1048576 })
       ->{status}, 201, 'the largest is not too large');
    is(call('POST', '/bad-key?x=..', body => \%jpeg)->{status}, 500,
       'a key of dots is not signed');
    is(call('POST', '/bad-key?x=y', body => \%jpeg)->{status}, 201,
       '... others are');

    # one whose tokens are not revoked any more

    $pg->sql(qq{INSERT INTO deleted_users VALUES ('$issuer', 'gone')});
    $bad->('a deleted user', 403, undef, '/uploads', body => \%jpeg,
           claims => { sub => 'gone', username => 'gone' });
};

subtest 'avatar mode' => sub {
    my $got = call('POST', '/avatars/key_upload', body => { extension =>
                                                            'jpg' });
    is($got->{status}, 200, 'answered') or diag($got->{body});
    is_deeply([ keys %{ $got->{json} } ], [ 'url' ], 'a URL, nothing else');
    like($got->{json}{url}, qr{/objects/raw/avatars/c0ffee00[-\w]+\.jpg\?},
         'the key is the user\'s');
    like($got->{json}{url}, qr/SignedHeaders=host&/, 'only the host is bound');

    for ([ 'image/jpeg', 3, '' ], [ 'image/jpeg; charset=x', 1_048_576, '' ],
         [ 'IMAGE/JPEG', 0, '' ], [ 'image/jpeg', 1_048_577, 'EntityTooLarge' ],
         [ 'image/png', 3, 'AccessDenied' ], [ 'text/html', 3, 'AccessDenied' ],
         [ 'image/jpegx', 3, 'AccessDenied' ], [ undef, 3, 'AccessDenied' ])
    {
        my ($type, $size, $code) = @$_;
        is(upload({ url => $got->{json}{url}, headers => {
            'content-type' => $type } }, 'x' x $size)->{code}, $code,
            "$size bytes as " . ($type // 'nothing'));
    }

    my $larger = $got->{json}{url} =~ s/max-size=\K/9/r;
    is(upload({ url => $larger, headers => { 'content-type' => 'image/jpeg' } },
              'x')->{code}, 'SignatureDoesNotMatch', 'both are signed');

    for ([ 'JPEG', 'jpg' ], [ 'png', 'png' ]) {
        my ($in, $out) = @$_;
        like(call('POST', '/avatars/key_upload', body => { extension => $in })
             ->{json}{url}, qr/\.$out\?/, $in);
    }

    for my $bad ({}, { extension => 'svg' }, { extension => '../jpg' },
                 { extension => 5 }, { extension => '' }, [])
    {
        is(call('POST', '/avatars/key_upload', body => $bad)->{status}, 422,
           $json->encode($bad));
    }
};

subtest 'status' => sub {
    my $id = presign()->{json}{id};
    my $got = call('GET', "/uploads/$id");

    is($got->{status}, 200, 'GET');
    is_deeply($got->{json}, { id => $id, kind => 'avatar',
                              state => 'pending' }, 'pending');
    is($got->{headers}{'cache-control'}, 'no-store', 'for nobody else');

    $pg->sql(qq{UPDATE uploads SET state = 'ready', placeholder = 'p',
        variants = '{"avatar": {"key": "a/b.jpg", "width": 5}}'
        WHERE id = '$id'});
    is(call('GET', "/uploads/$id")->{json}{variants}{avatar}{url},
       'https://assets.example.com/a/b.jpg', 'a variant has a URL');

    $got = call('HEAD', "/uploads/$id");
    is("$got->{status} $got->{body}", '200 ', 'HEAD');

    is(call('GET', "/uploads/$id", claims => { sub => 'bob' })->{status},
       404, 'another user sees none');
    my $none = '00000000-0000-4000-8000-000000000000';
    $got = call('GET', "/uploads/$none");
    is($got->{status}, 404, 'unknown');
    is($got->{json}{message}, 'Not Found', '... in JSON');

    for my $bad ('x', '', "$id/", uc($id), substr($id, 1), "$id%00",
                 "$id' OR 1", $none =~ tr/-/0/r)
    {
        $got = call('GET', "/uploads/" . SocialS3::escape($bad));
        like($got->{status}, qr/\A40[04]\z/, "bad id \"$bad\"");
    }

    $got = call('POST', "/uploads/$id", body => '{}');
    is($got->{status}, 405, 'POST');
    is($got->{headers}{allow}, 'GET, HEAD', '... is not allowed');
    is(call('GET', "/uploads/$id", headers => { authorization => undef })
       ->{status}, 401, 'no token');
};

subtest 'database unavailable' => sub {
    my $before = presign()->{json};
    my $after = presign()->{json};

    $pg->down;
    $after = $before if !$after;

    my $got = presign();
    is($got->{status}, 503, 'no URL') or diag($got->{body});
    like($got->{headers}{'retry-after'}, qr/\A\d+\z/, '... Retry-After');
    ok($got->{json}{requestId}, '... in JSON');
    $got = call('GET', "/uploads/$before->{id}");
    is($got->{status}, 503, 'no status');
    like($got->{headers}{'retry-after'}, qr/\A\d+\z/, '... Retry-After');

    is(upload($before, '12345')->{status}, 200, 'a PUT is acknowledged');

    # a worker that dies after it, with nothing but the spool to tell
    is(upload($after, '54321')->{status}, 200, '... and another');
    kill 'KILL', SocialNginx::workers($nginx->{pid});
    sleep 0.5;

    my $spooled = () = glob "$dir/root/spool/*";
    is($spooled, 2, '... both are in the spool');

    # one that the database will never take does not keep back the others
    for my $n (0 .. 9) {
        my $id = sprintf '%032x', $n;
        open my $out, '>', "$dir/root/spool/$id" or die;
        print {$out} $n == 1 ? '' : $n == 2 ? "junk\n" :
            "5 " . 'e' x 32 . "\nno/such/$n";
        close $out;
    }

    $pg->up;

    my $n = "SELECT count(*) FROM jobs WHERE payload ->> 'upload' IN
             ('$before->{id}', '$after->{id}')";
    is($pg->wait_for($n, 2, 30), 2, 'the jobs are there when it is back');
    ok(SocialNginx::wait_for(30, sub { !(() = glob "$dir/root/spool/*") }),
       'the spool is empty then');
    is($pg->value($n), 2, '... and there are no more of them');

    is(presign()->{status}, 201, 'URLs are made again');
    is($s3->exchange(GET => $s3->presign(GET => "/$after->{key}"))->{body},
       '54321', 'what was put is there');
};

subtest 'the worker that empties the spool does not go on' => sub {
    my ($pid) = $nginx->error_log
        =~ /.*\[notice\] (\d+)#\d+: social: announcing objects/s;
    ok($pid && kill('STOP', $pid), 'stopped');

    # of no object, and older than what a PUT may be at

    my $file = "$dir/root/spool/" . 'f' x 32;
    open my $out, '>', $file or die;
    print {$out} '5 ' . 'e' x 32 . "\nno/such/object";
    close $out;
    utime time - 60, time - 60, $file;

    ok(SocialNginx::wait_for(60, sub { !-e $file }), 'another empties it');

    kill 'CONT', $pid;
};

$nginx->stop;

my $log = $nginx->error_log;

is((() = $log =~ /\[(?:alert|emerg|crit)\](?!.*signal 9)/g), 0, 'no alert')
    or diag($log);
unlike($log, qr/X-Amz-S|Signature=|\Q$s3->{secret}\E|eyJ/i,
       'no signed URL, no secret and no token in the log');

done_testing();
