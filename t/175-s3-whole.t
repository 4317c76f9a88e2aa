#!/usr/bin/perl

# The whole way of an upload, with the same assertions at every S3: a presigned
# URL, form or upload in parts, the object straight to S3, its event, the job,
# variants, a proxy that signs and caches, and all of it gone again. At the
# embedded store, and at Ceph's radosgw where that is installed; then objects go
# from one to the other, and back.
#
#     S3=radosgw prove -It/lib t/175-s3-whole.t     # the one or the other

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use File::Temp ();
use JSON::PP ();
use POSIX ();
use SocialEvents qw( aws minio ceph bridge records json );
use SocialImage;
use SocialNginx;
use SocialPostgres;
use SocialRadosgw;
use SocialS3;
use SocialSqs;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && SocialPostgres::bin()
    || plan skip_all => "$program or PostgreSQL is not there: run \"make deps\"";

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;

my $json = JSON::PP->new->canonical->utf8;
my $secret = 'whsec_' . 'c2VjcmV0' x 6;
my @names = split ' ', $ENV{S3} // 'store radosgw';
my $rgw;

# What is asked by servers is asked by TLS, with an authority of our own.

my $certs = File::Temp::tempdir('social-certs-XXXXXX', TMPDIR => 1,
                                CLEANUP => 1);
chmod 0755, $certs;
SocialEvents::authority($certs, 's3');
SocialEvents::certificate($certs, 's3', 's3', 'localhost',
                          map { "$_-uploads.localhost" } qw( store radosgw ));

if (grep { $_ eq 'radosgw' } @names) {
    $rgw = SocialRadosgw->start(tls => [ "$certs/s3.pem", "$certs/s3.key" ])
        or do {
        my $why = SocialRadosgw::why();
        die "$why\n" if defined $ENV{S3};
        diag("NOT TESTED with radosgw: $why");
        @names = grep { $_ ne 'radosgw' } @names;
    };
}

# What a subtest works with: nginx, the database, a worker, and clients.

my ($name, $nginx, $pg, $dir, $port, $assets_port, $s3_port, $tls_port);
my ($worker, $conf);
my ($uploads, $assets, $sns, $sqs);

sub bucket { return "$name-$_[0]" }

# Nginx has the uploads in virtual-host style, and the assets in path style;
# the worker the other way around.

sub config {
    my $stores = $name eq 'radosgw' ? '' : <<"_EOC_";
    server {
        listen 127.0.0.1:$s3_port;
        listen 127.0.0.1:$tls_port ssl;
        ssl_certificate $certs/s3.pem;
        ssl_certificate_key $certs/s3.key;
        location /uploads/ {
            social_store uploads root=$dir/uploads announce=on fsync=off;
        }
        location /assets/ {
            social_store assets root=$dir/assets fsync=off;
        }
    }
_EOC_
    my %at = map { $_ => $name eq 'radosgw' ? '' : "/$_" } qw( uploads assets );

    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
error_log $dir/info.log info;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
$http_config
    client_max_body_size 30m;
    social_database "@{[ $pg->gateway ]}" timeout=2s;
    social_secret hook file=$dir/hook.secret;

    social_bucket uploads {
        bucket @{[ bucket('uploads') ]};
        region eu-west-1;
        endpoint https://localhost:$tls_port$at{uploads};
        public_endpoint http://localhost:$s3_port$at{uploads};
        path_style off;
        ca_file $certs/s3-ca.pem;
        credentials file $dir/credentials;
    }
    social_bucket assets {
        bucket @{[ bucket('assets') ]};
        region eu-west-1;
        endpoint http://127.0.0.1:$s3_port$at{assets};
        public_endpoint http://localhost:$s3_port$at{assets};
        path_style on;
        credentials file $dir/credentials;
    }
    social_job uploads prefix=photos/ kind=post;
    social_job assets prefix=in/ kind=post;

    social_presign_key raw/\$social_sub/\$social_upload_id.\$social_upload_ext;
    social_presign_types image/png image/jpeg;
    social_presign_max_size 10m;

    proxy_cache_path $dir/cache keys_zone=assets:1m;

    server {
        listen 127.0.0.1:$port;
        location = /put { social_auth main; social_presign uploads put kinds=post,avatar; }
        location = /form { social_auth main; social_presign uploads post kinds=post; }
        location = /sign {
            social_auth main;
            social_presign uploads sign kinds=post;
            social_presign_key raw/\$social_sub/;
        }
        location /parts/ {
            social_auth main;
            social_presign uploads multipart kinds=post;
        }
        location = /avatar {
            social_auth main;
            social_presign uploads avatar;
            social_presign_key raw/\$social_sub.\$social_upload_ext;
        }
        location /uploads/ { social_auth main; social_upload_status; }
        location = /me { social_auth main; social_user; }
        location = /hook {
            social_hook s3 token=hook topics=$sns->{topic}
                        sns_host=localhost:$sns->{port} sns_ca=$dir/our-ca.pem;
        }
        location = /readyz { social_ready; }
    }
    server {
        listen 127.0.0.1:$sns->{port} ssl;
        ssl_certificate $dir/tls.pem;
        ssl_certificate_key $dir/tls.key;
        root $dir/sns;
        location = / {
            proxy_pass http://127.0.0.1:$sqs->{port};
            proxy_set_header Host \$http_host;
            proxy_read_timeout 60s;
        }
    }
    server {
        listen 127.0.0.1:$assets_port;
        add_header X-Cache \$upstream_cache_status always;
        location / {
            social_s3_sign        assets;
            proxy_pass            http://127.0.0.1:$s3_port;
            proxy_cache           assets;
            proxy_cache_key       \$uri;
            proxy_cache_lock      on;
            proxy_cache_revalidate on;
        }
        location /avatars/ {
            social_s3_sign assets;
            proxy_pass     http://127.0.0.1:$s3_port;
        }
    }
$stores
}
_EOC_
}

sub worker_config {
    my %at = map { $_ => $name eq 'radosgw' ? '' : "/$_" } qw( uploads assets );

    return <<"_EOC_";
concurrency = 2
poll = "500ms"
database { @{[ $pg->worker ]} }
bucket uploads {
    bucket = "@{[ bucket('uploads') ]}"
    region = "eu-west-1"
    endpoint = "https://localhost:$tls_port$at{uploads}"
    ca = "$certs/s3-ca.pem"
    credentials = "file $dir/credentials"
}
bucket assets {
    bucket = "@{[ bucket('assets') ]}"
    region = "eu-west-1"
    endpoint = "http://localhost:$s3_port$at{assets}"
    path_style = off
    credentials = "file $dir/credentials"
}
variant small { width = 64 height = 64 formats = {"jpeg", "webp"} }
kind post { variants = {"small"} output = "assets" }
kind avatar { variants = {"small"} output = "assets" alias = "avatars/{sub}.jpg" }
sqs uploads {
    @{[ $sqs->conf(endpoint => "https://localhost:$sns->{port}",
                   ca => "$dir/our-ca.pem") ]}
}
job in { bucket = "assets" prefix = "in/" kind = "post" }
_EOC_
}

sub begin {
    ($name) = @_;

    $nginx = SocialNginx->new;
    $dir = $nginx->{dir};
    $pg = SocialPostgres->start;
    $pg->migrate;

    ($port, $assets_port, $s3_port, $tls_port) =
        map { SocialNginx::free_port() } 1 .. 4;
    ($s3_port, $tls_port) = @$rgw{qw( port tls_port )} if $name eq 'radosgw';

    my $s3 = SocialS3->new;

    $sns = SocialEvents->sns($dir, SocialNginx::free_port());
    $sqs = SocialSqs->start($dir);

    mkdir "$dir/$_" for qw( uploads assets cache );
    $nginx->write_file('credentials', $s3->credentials_text);
    chmod 0600, $nginx->write_file('hook.secret', "$secret\n");
    $conf = $nginx->write_file('worker.conf', worker_config());
    $nginx->write_file('nginx.conf', config());
    $nginx->start($port);

    SocialNginx::wait_for(30, sub { call(GET => '/readyz')->{status} == 200 })
        or die 'not ready: ' . $nginx->error_log;

    ($uploads, $assets) = map { SocialS3->new(port => $s3_port,
        base => ($name eq 'store' ? "/$_/" : '/') . bucket($_)) }
        qw( uploads assets );

    if ($name eq 'radosgw') {
        $rgw->create(bucket('uploads'), bucket('assets'));
        $rgw->notify(bucket('uploads'), "http://127.0.0.1:$port/hook", $secret);
    }

    trusted();

    $worker = fork // die "fork: $!\n";

    if ($worker == 0) {
        open STDERR, '>', "$dir/worker.log";
        open STDOUT, '>&', \*STDERR;
        exec $program, '-c', $conf, 'run' or POSIX::_exit(127);
    }

    return;
}

sub end {
    my $status;

    kill 'TERM', $worker;
    SocialNginx::wait_for(30, sub {
        waitpid($worker, POSIX::WNOHANG()) == $worker or return;
        $status = $?;
        return 1;
    });
    is($status, 0, 'the worker ends');
    undef $worker;

    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/,
           'nothing went wrong in nginx');

    my $logs = join '', map { SocialNginx::slurp("$dir/$_") }
               qw( logs/error.log info.log worker.log );
    unlike($logs, qr/X-Amz-Signature|Signature=|\Q$secret\E/i,
           'no signature and no secret is logged');
    return;
}

END {
    local $?;
    if ($worker) {
        kill 'KILL', $worker;
        waitpid $worker, 0;
    }
    $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$;
}

# The gateway, asked by a user, with JSON.

sub call {
    my ($method, $path, %o) = @_;

    my $body = ref $o{body} ? $json->encode($o{body}) : $o{body};
    my $token = bearer(sub => $o{sub} // 'ann', username => $o{sub} // 'ann')
        =~ s/\AAuthorization: //r;
    my $got = SocialS3->new(port => $port)->exchange($method, $path,
        body => $body, headers => { authorization => $token,
            defined $body ? ('content-type' => 'application/json') : () });

    $got->{json} = eval { $json->decode($got->{body}) };
    return $got;
}

# What a browser does with a URL.

sub send_to {
    my ($method, $url, $body, %headers) = @_;

    my ($host, $target) = $url =~ m{\Ahttp://([^/]+)(/.*)} or die "URL $url\n";
    my ($to) = $host =~ /:(\d+)\z/;
    return SocialS3->new(port => $to)->exchange($method, $target,
        body => $body, headers => { host => $host, %headers });
}

sub get {
    my ($path, %o) = @_;
    return SocialS3->new(port => $assets_port)->exchange($o{method} // 'GET',
        $path, headers => $o{headers} // {});
}

sub keys_of {
    my ($s3) = @_;
    my $got = $s3->request(GET => '', query => { 'list-type' => 2 });
    is($got->{status}, 200, 'a list') or diag($got->{body});
    my @keys = sort $got->{body} =~ m{<Key>([^<]*)</Key>}g;
    return @keys;
}

# A picture of so many bytes; each has another number in it.

my $photos = 0;

sub picture {
    my ($size) = @_;

    my $png = SocialImage::photo(120, 90);
    my $comment = "Comment\0" . sprintf 'number %08d', ++$photos;
    $comment .= 'x' x ($size - length($png) - length($comment) - 12)
        if defined $size;
    my $chunk = SocialImage::chunk(tEXt => $comment);
    substr $png, 33, 0, $chunk;
    return $png;
}

sub upload_of { return $pg->value("SELECT $_[1] FROM uploads WHERE id = '$_[0]'") }

# The upload has become its variants: their keys.

sub ready {
    my ($id, $what) = @_;

    is($pg->wait_for("SELECT state FROM uploads WHERE id = '$id'", 'ready', 60),
       'ready', "$what is ready") or diag(SocialNginx::slurp("$dir/worker.log"),
                                          SocialNginx::slurp("$dir/info.log"));
    my $got = call(GET => "/uploads/$id");
    is($got->{json}{state}, 'ready', '... and its owner sees it')
        or diag($got->{body});

    return map { $_->{url} =~ s{\A/}{}r } values %{ $got->{json}{variants} // {} };
}

sub jobs_of {
    my ($key) = @_;
    return $pg->value("SELECT count(*) FROM jobs WHERE payload->>'key' = '$key'");
}


sub by_put {
    my $picture = picture();
    my $got = call(POST => '/put', body => { kind => 'post',
        contentType => 'image/png', size => length $picture });
    my $up = $got->{json};

    is($got->{status}, 201, 'a URL') or diag($got->{body});

    my %headers = %{ $up->{headers} };
    my $refused = sub {
        my ($what, $status, $url, $body, %h) = @_;
        my $answer = send_to(PUT => $url, $body, %headers, %h);
        is($answer->{status}, $status, $what) or diag($answer->{body});
        is($answer->{code}, 'SignatureDoesNotMatch', '... by its code')
            if $status == 403;
        return;
    };

    $refused->('not for another type', 403, $up->{url}, $picture,
               'Content-Type' => 'text/html');
    $refused->('nor another length', 403, $up->{url}, "${picture}x");
    $refused->('nor another key', 403, $up->{url} =~ s/\.png\?/.jpg?/r, $picture);
    $refused->('nor for longer', 403,
               $up->{url} =~ s/(X-Amz-Expires=)\d+/${1}3600/r, $picture);
    is(send_to(GET => $up->{url}, undef)->{status}, 403, 'nor to read');
    is(upload_of($up->{id}, 'state'), 'pending', 'nothing has come of these');

    $got = send_to(PUT => $up->{url}, $picture, %headers);
    is($got->{status}, 200, 'it is put') or diag($got->{body});
    is($got->{headers}{etag}, '"' . md5_hex($picture) . '"', 'its ETag');

    my @variants = ready($up->{id}, 'what was put');

    is(send_to(PUT => $up->{url}, $picture, %headers)->{status}, 412,
       'a second PUT is none');
    is(jobs_of($up->{key}), 1, 'and there is one job');
    is(upload_of($up->{id}, 'etag'), md5_hex($picture), 'its ETag is known');
    is(upload_of($up->{id}, 'generation'), 1, 'as the only one');

    return ($up, @variants);
}


sub by_form {
    my $picture = picture();
    my $up = call(POST => '/form', body => { kind => 'post',
        contentType => 'image/png' })->{json};

    my $form = sub {
        my ($file, %o) = @_;
        my %fields = (%{ $up->{fields} }, %o);
        my %m = SocialS3::multipart(%fields, file => [ 'a.png', $file ]);
        return send_to(POST => $up->{url}, $m{body}, %{ $m{headers} });
    };

    is($form->('x' x (10 * 1024 * 1024 + 1))->{code}, 'EntityTooLarge',
       'a form is not for what is too large');
    is($form->($picture, key => 'raw/bob/x.png')->{status}, 403,
       'nor for another key');
    is($form->($picture, 'Content-Type' => 'text/html')->{status}, 403,
       'nor another type');
    is(upload_of($up->{id}, 'state'), 'pending', 'nothing has come of these');

    my $got = $form->($picture);
    is($got->{status}, 201, 'a form') or diag($got->{body});
    like($got->{body}, qr/\Q$up->{key}\E/, '... is answered with its key');

    ready($up->{id}, 'what a form has brought');
    is(jobs_of($up->{key}), 1, '... and has one job');

    return $up;
}


# As Uppy does it with Companion's endpoints.

sub by_parts {
    my $picture = picture(5 * 1024 * 1024 + 70_000);
    my @parts = (substr($picture, 0, 5 * 1024 * 1024),
                 substr $picture, 5 * 1024 * 1024);
    my $up = call(POST => '/parts/multipart', body => { filename => 'a b.png',
        type => 'image/png', metadata => { kind => 'post' } })->{json};
    my $at = "/parts/multipart/$up->{uploadId}";
    my $key = 'key=' . SocialS3::escape($up->{key});
    my @done;

    for my $n (2, 1) {
        my $url = call(GET => "$at/$n?$key")->{json}{url};
        my $got = send_to(PUT => $url, $parts[$n - 1]);
        is($got->{status}, 200, "part $n") or diag($got->{body});
        unshift @done, { PartNumber => $n, ETag => $got->{headers}{etag} };
        is(send_to(PUT => $url =~ s/partNumber=$n/partNumber=3/r, 'x')->{status},
           403, '... by a URL for no other');
    }

    my $got = call(GET => "$at?$key");
    is_deeply([ map { [ $_->{PartNumber}, $_->{Size}, $_->{ETag} =~ tr/"//dr ] }
                @{ $got->{json} } ],
              [ map { [ $_, length $parts[$_ - 1], md5_hex($parts[$_ - 1]) ] }
                1, 2 ], 'both are listed') or diag($got->{body});

    $got = call(POST => "$at/complete?$key", body => { parts => [
        $done[0], { PartNumber => 2, ETag => '"' . md5_hex('x') . '"' } ] });
    is($got->{status}, 422, 'not with another ETag') or diag($got->{body});
    is(upload_of($up->{id}, 'state'), 'pending', 'nothing has come of it');

    $got = call(POST => "$at/complete?$key", body => { parts => \@done });
    is($got->{status}, 200, 'it is completed') or diag($got->{body});
    is($got->{json}{key}, $up->{key}, '... under its key');
    ready($up->{id}, 'what was put in parts');
    is(jobs_of($up->{key}), 1, '... and has one job');

    $got = $uploads->request(HEAD => "/$up->{key}");
    is($got->{headers}{'content-type'}, 'image/png', '... it has its type');
    is($got->{headers}{'content-length'}, length $picture, '... and length');
    like($got->{headers}{etag}, qr/\A"[0-9a-f]{32}-2"\z/, '... and ETag');

    # too large, and given up

    $up = call(POST => '/parts/multipart', body => { filename => 'a.png',
        type => 'image/png' })->{json};
    $at = "/parts/multipart/$up->{uploadId}";
    $key = 'key=' . SocialS3::escape($up->{key});
    @done = ();

    for my $n (1 .. 3) {
        my $url = call(GET => "$at/$n?$key")->{json}{url};
        push @done, { PartNumber => $n, ETag => send_to(PUT => $url,
            'x' x (5 * 1024 * 1024))->{headers}{etag} };
    }

    is(call(POST => "$at/complete?$key", body => { parts => \@done })->{status},
       413, 'more than is accepted is not completed');
    is(call(DELETE => "$at?$key")->{status}, 200, '... and given up');
    is(call(GET => "$at?$key")->{status}, 404, '... it is gone');
    is(call(DELETE => "$at?$key")->{status}, 200, '... once more');
    is($uploads->request(HEAD => "/$up->{key}")->{status}, 404,
       '... and no object exists');

    return;
}


# As Uppy does it with signRequest().

sub by_signing {
    my $picture = picture();
    my $sign = sub {
        my $got = call(POST => '/sign', body => { @_ });
        is($got->{status}, 200, 'signed') or diag($got->{body});
        return $got->{json};
    };

    my $form = $sign->(method => 'PUT', key => 'o.png',
                       contentType => 'image/png');
    my $post = sub {
        my %m = SocialS3::multipart(%{ $form->{fields} },
                                    file => [ 'o.png', $_[0] ]);
        return send_to(POST => $form->{url}, $m{body}, %{ $m{headers} });
    };

    is($post->('x' x (10 * 1024 * 1024 + 1))->{code}, 'EntityTooLarge',
       'a form is not for what is too large');
    is($post->(picture())->{status}, 201, '... but for what it says');
    is($uploads->request(HEAD => '/raw/ann/o.png')->{headers}{'content-type'},
       'image/png', '... of its type');
    ready($pg->value("SELECT id FROM uploads
                          WHERE object_key = 'raw/ann/o.png'"), 'a signed form');

    my $up = $sign->(method => 'PUT', key => 'p.png');
    my $got = send_to(PUT => $up->{url}, $picture, 'Content-Type' => 'image/png');

    is($got->{status}, 200, 'it is put') or diag($got->{body});
    is($up->{key}, 'raw/ann/p.png', '... below the prefix of the user');

    my $id = $pg->value("SELECT id FROM uploads WHERE object_key = '$up->{key}'");
    ready($id, 'what was signed');

    # in parts, each request of which the browser sends to S3

    my %key = (key => 'q.png');
    my $create = $sign->(%key, method => 'POST');
    $got = send_to(POST => $create->{url}, '', 'Content-Type' => 'image/png');
    is($got->{status}, 200, 'begun') or diag($got->{body});
    my ($upload_id) = $got->{body} =~ m{<UploadId>([^<]+)</UploadId>};

    $key{uploadId} = $upload_id;
    $got = send_to(PUT => $sign->(%key, method => 'PUT', partNumber => 1)->{url},
                   $picture);
    is($got->{status}, 200, 'a part') or diag($got->{body});

    my $list = send_to(GET => $sign->(%key, method => 'GET')->{url}, undef);
    like($list->{body}, qr{<PartNumber>1</PartNumber>}, 'it is listed');

    my $etag = $got->{headers}{etag} =~ tr/"//dr;
    $got = send_to(POST => $sign->(%key, method => 'POST')->{url},
        '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>'
        . "<ETag>$etag</ETag></Part></CompleteMultipartUpload>",
        'Content-Type' => 'application/xml');
    is($got->{status}, 200, 'completed') or diag($got->{body});
    like($got->{body}, qr{<Key>raw/ann/q.png</Key>}, '... under its key');
    like($got->{body}, qr{<Location>[^<]+raw/ann/q.png<},
         '... and where that is');

    $id = $pg->value("SELECT id FROM uploads
                          WHERE object_key = 'raw/ann/q.png'");
    ready($id, 'what was signed in parts');

    # aborted

    %key = (key => 'r.png');
    $got = send_to(POST => $sign->(%key, method => 'POST')->{url}, '');
    ($key{uploadId}) = $got->{body} =~ m{<UploadId>([^<]+)</UploadId>};
    is(send_to(DELETE => $sign->(%key, method => 'DELETE')->{url}, undef)
       ->{status}, 204, 'another one is aborted');
    is(send_to(GET => $sign->(%key, method => 'GET')->{url}, undef)->{status},
       404, '... and not there any more');
    return;
}


# One key for each user, which is put again and again; and one name.

sub by_avatar {
    my ($sub) = @_;
    my @seen;

    for my $turn (1, 2) {
        my $got = call(POST => '/avatar', sub => $sub,
                       body => { extension => 'png' });
        is($got->{status}, 200, 'a URL for an avatar') or diag($got->{body});

        my $picture = $turn == 1 ? picture()
                                 : SocialImage::quarters(90, 90, 1);
        $got = send_to(PUT => $got->{json}{url}, $picture,
                       'Content-Type' => 'image/png');
        is($got->{status}, 200, '... it is put') or diag($got->{body});

        my $etag = md5_hex($picture);
        is($pg->wait_for("SELECT state || ' ' || etag FROM uploads
                          WHERE object_key = 'raw/$sub.png'", "ready $etag",
                         60),
           "ready $etag", '... and ready')
            or diag(SocialNginx::slurp("$dir/worker.log"));

        $got = get("/avatars/$sub.jpg",
                   headers => { 'if-none-match' => $seen[-1] // '"x"' });
        is($got->{status}, 200, '... it is another one');
        is($got->{headers}{'cache-control'}, 'no-cache',
           '... which is asked for each time');
        push @seen, $got->{headers}{etag};
    }

    isnt($seen[0], $seen[1], 'they differ');
    is(get("/avatars/$sub.jpg", headers => { 'if-none-match' => $seen[1] })
       ->{status}, 304, 'the last one is there');
    return;
}


# An object that nobody has signed a URL for.

sub by_rule {
    my $key = 'photos/a b+c.png';
    my $id = join '-', md5_hex(bucket('uploads') . "/$key")
             =~ /\A(.{8})(.{4})(.{4})(.{4})(.{12})\z/;
    my $got = $uploads->request(PUT => '/photos/a%20b%2Bc.png',
                                body => picture());

    is($got->{status}, 200, 'an object of no upload');
    is($pg->wait_for("SELECT state FROM jobs WHERE payload->>'key' = '$key'",
                     'done', 60), 'done', '... has a job');
    is($assets->request(HEAD => "/images/$id/small.$_")->{status}, 200,
       "... which has made $_") for qw( jpg webp );
    is($pg->value("SELECT count(*) FROM uploads WHERE object_key = '$key'"), 0,
       '... but no row');
    is($uploads->request(PUT => '/other/x', body => 'x')->{status}, 200,
       'one that no rule is for');

    if ($name eq 'radosgw') {
        is($pg->wait_for("SELECT outcome FROM seen_objects
                          WHERE object_key = 'other/x'", 'ignored'), 'ignored',
           '... is noted');
        is($uploads->request(DELETE => '/other/x')->{status}, 204, 'removed');
        is($pg->wait_for("SELECT outcome || ' ' || present FROM seen_objects
                          WHERE object_key = 'other/x'", 'removed false'),
           'removed false', '... and that, too');
    }

    return $id;
}


# Each sender has an event of an object that the store itself says nothing of, and
# that is served as a picture in the end.

sub by_sender {
    my %event = (bucket => bucket('assets'), seq => '01');
    my $post = sub {
        my ($body, %headers) = @_;
        my $got = SocialS3->new(port => $port)->exchange(POST => '/hook',
            body => $body, headers => { 'content-type' => 'text/plain',
                                        %headers });
        return "$got->{status} $got->{body}";
    };

    my %senders = (
        's3' => sub { $post->(records(aws(%event, @_)),
                              authorization => "Bearer $secret") },
        'sns' => sub { $post->($sns->message(
            Message => records(aws(%event, @_)))) },
        'sns2' => sub { $post->($sns->message(_version => 2,
            Message => records(aws(%event, @_)))) },
        'eventbridge' => sub { $post->(json(bridge(%event, @_)),
                                       'x-api-key' => $secret) },
        'minio' => sub { $post->(json({ EventName => 's3:ObjectCreated:Put',
            Records => [ minio(%event, @_) ] }),
            authorization => "Bearer $secret") },
        'ceph' => sub { $post->(records(ceph(%event, @_, opaque => $secret))) },
        'sqs' => sub { $sqs->put(records(aws(%event, @_))); '204 ' },
        'sqs-sns' => sub { $sqs->put(json({ Type => 'Notification',
            MessageId => 'x', TopicArn => $sns->{topic},
            Message => records(aws(%event, @_)) })); '204 ' },
        'sqs-eventbridge' => sub { $sqs->put(json(bridge(%event, @_)));
                                   '204 ' },
    );

    for my $sender (sort keys %senders) {
        my $picture = picture();
        my $put = $assets->request(PUT => "/in/$sender", body => $picture);
        is($put->{status}, 200, "an object for $sender");
        is($senders{$sender}->(key => "in/$sender", etag => md5_hex($picture),
                               size => length $picture), '204 ',
           '... its event') or diag($nginx->error_log);
    }

    for my $sender (sort keys %senders) {
        my $id = join '-', md5_hex(bucket('assets') . "/in/$sender")
                 =~ /\A(.{8})(.{4})(.{4})(.{4})(.{12})\z/;
        is($pg->wait_for("SELECT state FROM jobs
                          WHERE payload->>'key' = 'in/$sender'", 'done', 60),
           'done', "the job of $sender is done");
        my $got = get("/images/$id/small.webp");
        is("$got->{status} $got->{headers}{'content-type'}", '200 image/webp',
           '... and its picture served');
    }

    is($pg->value("SELECT count(*) FROM uploads WHERE object_key LIKE 'in/%'"),
       0, 'none of them is an upload');
    ok($sqs->until_state(sub { $_[0]{messages} == 0 }), 'the queue is empty');
    is($sqs->now->{forged}, 0, '... and each request to it signed');
    return;
}


# Two hundred uploads by ten users at a time, each of which has one job.

sub many {
    my @pids = map {
        my $user = "user$_";
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            my $failed = 0;

            for (1 .. 20) {
                my $picture = picture();
                my $up = call(POST => '/put', sub => $user, body => {
                    kind => 'post', contentType => 'image/png',
                    size => length $picture })->{json};
                $failed++ if send_to(PUT => $up->{url}, $picture,
                                     %{ $up->{headers} })->{status} != 200;
            }

            POSIX::_exit($failed ? 1 : 0);
        }

        $pid;
    } 1 .. 10;

    for (@pids) {
        waitpid $_, 0;
        is($?, 0, 'a user has uploaded');
    }

    my $mine = "user_id IN (SELECT id FROM users WHERE sub LIKE 'user%')";
    is($pg->wait_for("SELECT count(*) FROM uploads WHERE state = 'ready'
                          AND $mine", 200, 120), 200, 'all are ready');
    is($pg->value("SELECT count(*) FROM jobs j JOIN uploads u
                       ON u.id::text = j.payload->>'upload' WHERE u.$mine"),
       200, '... by one job each');
    is($pg->value("SELECT count(*) FROM jobs WHERE state = 'dead'"), 0,
       '... and none is dead');
    return;
}


sub served {
    my (@variants) = @_;

    is(scalar @variants, 2, 'there are two variants') or return;

    for my $key (@variants) {
        my $path = "/$key";
        my $type = $path =~ /jpg\z/ ? 'image/jpeg' : 'image/webp';

        my $got = get($path);
        is("$got->{status} $got->{headers}{'x-cache'}", '200 MISS', $path);
        is($got->{headers}{'content-type'}, $type, '... has its type');
        is($got->{headers}{'cache-control'},
           'public, max-age=31536000, immutable', '... for good');
        my $etag = $got->{headers}{etag};
        is($etag, '"' . md5_hex($got->{body}) . '"', '... and its ETag');

        my $whole = $got->{body};
        $got = get($path);
        is($got->{headers}{'x-cache'}, 'HIT', '... is in the cache');
        ok($got->{body} eq $whole, '... as it is');
        $got = get($path, method => 'HEAD');
        is("$got->{status} $got->{headers}{'content-length'}",
           '200 ' . length $whole, '... HEAD');
        $got = get($path, headers => { range => 'bytes=5-24' });
        is("$got->{status} $got->{headers}{'content-range'}",
           '206 bytes 5-24/' . length $whole, '... a part');
        ok($got->{body} eq substr($whole, 5, 20), '... of these bytes');
        is(get($path, headers => { 'if-none-match' => $etag })->{status}, 304,
           '... not modified');
    }

    is($assets->exchange(GET => "$assets->{base}/$variants[0]")->{status}, 403,
       'without a signature nobody gets it');
    is(get('/images/none.jpg')->{status}, 404, 'what does not exist');
    return;
}


# The same by the other style, without the cache: the proxy passes on what S3
# says.

sub uncached {
    my ($id) = @_;

    my $whole = get("/avatars/$id.jpg")->{body};
    my $got = get("/avatars/$id.jpg", headers => { range => 'bytes=-7' });
    is($got->{status}, 206, 'a part, by S3 itself');
    ok($got->{body} eq substr($whole, -7), '... of its bytes');
    is(get("/avatars/$id.jpg", headers => { range => 'bytes=999999-' })
       ->{status}, 416, 'a part that is not there');
    is(get("/avatars/$id.jpg", method => 'HEAD')->{headers}{'content-length'},
       length $whole, 'HEAD');
    is(get("/avatars/$id.jpg", headers => { 'if-modified-since' =>
           'Fri, 01 Jan 2100 00:00:00 GMT' })->{status} =~ /\A(?:200|304)\z/, 1,
       'a date of the future is accepted');
    return;
}


sub command {
    my (@args) = @_;
    my $out = `$program -c $conf @args 2>$dir/command.log`;
    return ($? >> 8, $out, SocialNginx::slurp("$dir/command.log"));
}

# Who has a certificate of the authority, for the host that is asked, and nobody
# else.

sub trusted {
    my $check = sub {
        my ($from, $to) = @_;
        my $text = worker_config();
        $text =~ s/\Q$from\E/$to/ or die "no $from\n";
        my $file = $nginx->write_file('other.conf', $text);
        return scalar `$program -c $file check 2>&1`;
    };

    my $got = $check->('', '');
    like($got, qr/^ok +bucket $_$/m, "the bucket $_ is trusted")
        for qw( uploads assets );
    like($got, qr/^ok +sqs uploads$/m, '... and the queue');

    my $ca = qq(ca = "$certs/s3-ca.pem");
    like($check->($ca, ''), qr/^wrong +bucket uploads: .*certificate/m,
         '... but not without the authority');
    like($check->($ca, qq(ca = "$dir/our-ca.pem")),
         qr/^wrong +bucket uploads: .*certificate/m, '... nor with another one');
    like($check->("https://localhost:$tls_port", "https://127.0.0.1:$tls_port"),
         qr/^wrong +bucket uploads: .*(?:certificate|SSL)/m,
         '... nor at another host');
    like($check->(qq(ca = "$dir/our-ca.pem"), ''),
         qr/^wrong +sqs uploads: .*certificate/m, '... nor the queue');
    like($check->($ca, 'ca = "/nonexistent"'), qr/No such file/,
         'a file that cannot be read is said');
    return;
}


# Metadata that an earlier version has left.

sub cleaned {
    my ($key) = @_;

    my $got = $assets->request(GET => "/$key");
    my $dirty = SocialImage::orient($got->{body}, 1);
    my $put = $assets->request(PUT => "/$key", body => $dirty, headers => {
        map { $_ => $got->{headers}{$_} } qw( content-type cache-control ) });
    is($put->{status}, 200, 'a variant has metadata');

    my ($status, $purge, $log) = command('clean');
    is($status, 0, 'clean') or diag($log);
    like($purge, qr/\Q$key\E/, '... says what is to be purged');
    is($assets->request(HEAD => "/$key")->{status}, 404, '... the old is gone');

    my ($new) = grep { $_ ne $key && m{\A\Q@{[ $key =~ s{[^/]*\z}{}r ]}\E.*\.jpg\z} }
                keys_of($assets);
    ok($new, '... there is a new one') or return;
    my $clean = $assets->request(GET => "/$new");
    ok($clean->{body} eq $got->{body}, '... without it');
    is($clean->{headers}{$_}, $got->{headers}{$_}, "... with its $_")
        for qw( content-type cache-control );

    ($status, $purge, $log) = command('clean');
    is("$status $purge", '0 ', '... and nothing is left to do') or diag($log);
    return;
}


sub expired {
    my ($up) = @_;

    is($uploads->request(HEAD => "/$up->{key}")->{status}, 200,
       'what was uploaded is still there');
    $pg->sql("ALTER TABLE uploads DISABLE TRIGGER uploads_touch;
        UPDATE uploads SET expires_at = now() - interval '2 hours',
            updated_at = now() - interval '2 hours' WHERE id = '$up->{id}';
        ALTER TABLE uploads ENABLE TRIGGER uploads_touch");

    my ($status, $out, $log) = command('expire', '1h');
    is("$status $out", "0 deleted 1 objects, 0 failed\n", 'it expires')
        or diag($log);
    is($uploads->request(HEAD => "/$up->{key}")->{status}, 404, '... for good');
    return;
}


sub erased {
    my ($sub) = @_;

    my @before = grep { m{/\Q$sub\E[./]} } keys_of($uploads), keys_of($assets);
    ok(scalar @before, 'the user has objects');
    my @ids = split /\n/, $pg->value("SELECT string_agg(id::text, E'\\n')
        FROM uploads WHERE user_id = (SELECT id FROM users WHERE sub = '$sub')") // '';

    my $got = call(DELETE => '/me', sub => $sub);
    is($got->{status}, 204, 'a user leaves') or diag($got->{body});

    SocialNginx::wait_for(60, sub {
        $pg->value("SELECT count(*) FROM jobs WHERE kind = 'erase'
                    AND state = 'done'") });

    is_deeply([ grep { m{/\Q$sub\E[./]} } keys_of($uploads), keys_of($assets) ],
              [], '... and nothing of theirs is left');

    my @left = keys_of($assets);
    for my $id (@ids) {
        is(scalar(grep { m{/$id/} } @left), 0, '... nor a variant');
    }

    is(get("/avatars/$sub.jpg")->{status}, 404, '... nor the avatar');
    return scalar @ids;
}


sub whole {
    my ($up, @variants);

    begin($_[0]);

    subtest 'put' => sub { ($up, @variants) = by_put() };
    subtest 'variants are served' => sub { served(@variants) };
    subtest 'a form' => sub { by_form() };
    subtest 'in parts' => sub { by_parts() };
    subtest 'signed' => sub { by_signing() };
    subtest 'an avatar' => sub { by_avatar($_) for qw( ann bea ) };
    subtest 'many' => sub { many() } if $ENV{SOAK};
    subtest 'not cached' => sub { uncached('ann') };
    subtest 'by a rule' => sub { by_rule() };
    subtest 'by each sender' => sub { by_sender() };
    subtest 'clean' => sub { cleaned(grep { /jpg\z/ } @variants) };
    subtest 'expire' => sub { expired($up) };
    subtest 'erase' => sub {
        ok(erased('ann') >= 5, 'all uploads');
        is(get('/avatars/bea.jpg')->{status}, 200, 'others stay');
        is($uploads->request(HEAD => '/raw/bea.png')->{status}, 200,
           '... with what they have uploaded');
    };

    end();
    return;
}

for my $s3 (@names) {
    subtest $s3 => sub { whole($s3) };
}

# The way out: a store's objects go to Ceph, and from there into another store.

sub put_in_parts {
    my ($s3, $path, $type, @parts) = @_;

    my ($id) = $s3->request(POST => $path, query => { uploads => '' },
        headers => { 'content-type' => $type })->{body}
        =~ m{<UploadId>([^<]+)<} or die "no upload\n";
    my $n = 0;
    my $list = join '', map {
        my $etag = $s3->request(PUT => $path, body => $_, query => {
            partNumber => ++$n, uploadId => $id })->{headers}{etag};
        "<Part><PartNumber>$n</PartNumber><ETag>$etag</ETag></Part>"
    } @parts;
    my $got = $s3->request(POST => $path, query => { uploadId => $id }, body =>
        "<CompleteMultipartUpload>$list</CompleteMultipartUpload>");
    is($got->{status}, 200, "$path is put in parts") or diag($got->{body});
    return;
}

sub copies {
    $nginx = SocialNginx->new;
    $dir = $nginx->{dir};
    $port = SocialNginx::free_port();

    my $first = SocialS3->new(port => $port, base => '/first');
    my $back = SocialS3->new(port => $port, base => '/back/back');

    mkdir "$dir/$_" for qw( first back copies );
    $nginx->write_file('credentials', $first->credentials_text);
    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    client_max_body_size 20m;
    social_bucket first { region eu-west-1; endpoint http://127.0.0.1:$port;
                          credentials file $dir/credentials; }
    social_bucket back { region eu-west-1; endpoint http://127.0.0.1:$port/back;
                         credentials file $dir/credentials; }
    server {
        listen 127.0.0.1:$port;
        location / { social_store first root=$dir/first fsync=off; }
        location /back/ { social_store back root=$dir/back fsync=off; }
    }
}
_EOC_

    $nginx->write_file('worker.conf', join '', map {
        my ($section, $bucket, $endpoint, $more) = @$_;
        qq(bucket $section { bucket = "$bucket" endpoint = "http://$endpoint" )
        . qq(region = "eu-west-1" credentials = "file $dir/credentials" $more}\n)
    } [ 'first', 'first', "127.0.0.1:$port", '' ],
      [ 'ceph', 'copies', "$rgw->{host}:$rgw->{port}", 'path_style = off ' ],
      [ 'back', 'back', "127.0.0.1:$port/back", '' ]);

    $nginx->start($port);
    $rgw->create('copies');

    my %objects = ('small' => 'some bytes', 'empty' => '', 'a b+c/d' => 'odd',
        "\xc3\xa9<&>\"'~" => 'x', 'large' => 'y' x 6_000_000);
    my %headers = ('content-type' => 'image/jpeg',
        'cache-control' => 'max-age=60', 'content-encoding' => 'gzip',
        'content-disposition' => 'attachment; filename="a  b.jpg"',
        'content-language' => 'en', 'x-amz-meta-owner' => 'some one',
        'expires' => 'Wed, 21 Oct 2026 07:28:00 GMT');
    my $path_of = sub {
        '/' . join '/', map { SocialS3::escape($_) } split m{/}, $_[0], -1 };

    for my $key (sort keys %objects) {
        my $got = $first->request(PUT => $path_of->($key), body =>
            $objects{$key}, headers => $key eq 'small' ? \%headers : {});
        is($got->{status}, 200, "there is $key") or diag($got->{body});
    }

    $objects{parts} = 'p' x 5_242_880 . 'q' x 1000;
    put_in_parts($first, '/parts', 'image/png', 'p' x 5_242_880, 'q' x 1000);

    my $bytes = 0;
    $bytes += length for values %objects;

    # what was put in the same second as its copy is copied again

    my $copy = sub {
        my ($from, $to) = @_;
        my $second = int time;
        sleep 0.05 while int time == $second;
        my $said = `TMPDIR=$dir/copies $program -c $dir/worker.conf copy $from $to 2>$dir/err`;
        return ($? >> 8) . " $said";
    };
    my $all = "0 copied 6 objects of $bytes bytes, 0 are there already, "
              . "0 were removed meanwhile, 0 failed\n";

    is($copy->('first', 'ceph'), $all, 'a store into Ceph')
        or diag(SocialNginx::slurp("$dir/err"));
    is($copy->('ceph', 'back'), $all, 'and from there into another one')
        or diag(SocialNginx::slurp("$dir/err"));

    for my $key (sort keys %objects) {
        my ($a, $b) = map { $_->request(GET => $path_of->($key)) } $first, $back;

        ok($b->{body} eq $objects{$key}, "$key has its bytes");
        is($b->{headers}{$_}, $a->{headers}{$_}, "... and its $_")
            for grep { !/\A(?:date|last-modified|etag|x-amz-request-id|connection)\z/ }
                sort keys %{ $a->{headers} };
    }

    my $got = $back->request(GET => '/small');
    is($got->{headers}{$_}, $headers{$_}, "$_ is as it was put")
        for sort keys %headers;

    is(SocialS3->new(port => $rgw->{port}, base => '/copies')->request(
       GET => $path_of->($_))->{body}, $objects{$_}, "Ceph has $_")
        for grep { $_ ne 'large' && $_ ne 'parts' } sort keys %objects;

    like($copy->('ceph', 'back'), qr/\A0 copied 0 objects .* 6 are there already/,
         'nothing is left to do') or diag(SocialNginx::slurp("$dir/err"));
    $first->request(PUT => '/small', body => 'some BYTES');
    like($copy->('first', 'ceph'), qr/\A0 copied 2 objects/,
         'but what has changed') or diag(SocialNginx::slurp("$dir/err"));
    is(SocialS3->new(port => $rgw->{port}, base => '/copies')->request(
       GET => '/small')->{body}, 'some BYTES', '... which Ceph has then');

    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/,
           'nothing went wrong in nginx');
    return;
}

SKIP: {
    skip 'SKIPPED: it takes both stores', 1 if @names < 2;
    subtest 'the way out, and back' => sub { copies() };
}

done_testing();
