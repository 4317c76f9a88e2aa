#!/usr/bin/perl

# A host for assets, as conf/assets.conf and the documentation have it: the
# private bucket is one of the embedded store, and nothing else is changed.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( hmac_sha256_hex );
use MIME::Base64 qw( decode_base64 );
use SocialNginx;
use SocialS3;
use Test::More;

my $port = SocialNginx::free_port();
my $store_port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $store_port, base => '/example-assets');
my $secret = 'c2VjcmV0' x 6;

my $conf = SocialNginx::slurp('conf/assets.conf');
my ($page) = SocialNginx::slurp('docs/directives/assets.md')
    =~ /```nginx\n(load_module.*?)```/s;

is($page, $conf =~ s/\A(?:#.*\n)+\n//r,
   'the documentation has the configuration that is shipped');

mkdir "$dir/$_" for qw( root srv srv/www etc etc/social );

$nginx->write_file('srv/www/default.jpg', 'the default picture');
$nginx->write_file('credentials', $s3->credentials_text);
chmod 0600, $nginx->write_file('etc/social/files.secret', "whsec_$secret\n");

# the store in place of S3

my $changed = 0;

sub change {
    my ($from, $to) = @_;
    $changed += $conf =~ s/\Q$from\E/$to/g ? 1 : 0;
    return;
}

change('credentials  default;', "credentials file $dir/credentials; "
       . "endpoint http://127.0.0.1:$store_port;");
change('example-assets.s3.eu-west-1.amazonaws.com', "127.0.0.1:$store_port");
change('https://$s3', 'http://$s3');
change('/srv/', "$dir/srv/");
change('/etc/social/', "$dir/etc/social/");
change('/etc/ssl/certs/ca-certificates.crt', "$dir/none.pem");
change('proxy_ssl_trusted_certificate', '# proxy_ssl_trusted_certificate');
change('proxy_ssl_verify ', '# proxy_ssl_verify ');
change('server_name assets.example.com;',
       "listen 127.0.0.1:$port; server_name assets.example.com;");
change("http {\n", "http {\n" . $nginx->http_paths . <<"_EOC_");
    log_format store "\$request_method \$uri \$status \$http_range";
    server {
        listen 127.0.0.1:$store_port;
        access_log $dir/logs/store.log store;
        location / { social_store assets root=$dir/root; }
    }
_EOC_
is($changed, 10, 'all that is changed is there');

$nginx->write_file('nginx.conf', "user root; $conf");
$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

my $client = SocialS3->new(port => $port);

sub get {
    my ($path, %opt) = @_;
    return $client->exchange($opt{method} // 'GET', $path, %opt,
        headers => { host => 'assets.example.com', %{ $opt{headers} // {} } });
}

sub put {
    my ($path, $body, %headers) = @_;
    is($s3->request(PUT => $path, body => $body, headers => \%headers)
       ->{status}, 200, "there is $path");
    return;
}

# how often the store was asked for a path, and with what

sub asked {
    my ($path) = @_;
    return grep { m{\A\w+ /example-assets\Q$path\E } }
           split /\n/, SocialNginx::slurp("$dir/logs/store.log");
}

my $forever = 'public, max-age=31536000, immutable';
my $large = join '', map { pack 'N', $_ } 1 .. 650_000;

put('/images/1/large.jpg', 'a picture', 'cache-control' => $forever,
    'content-type' => 'image/jpeg');
put('/avatars/someone.jpg', 'an avatar', 'cache-control' => 'no-cache',
    'content-type' => 'image/jpeg');
put('/private/someone/a.txt', 'private', 'cache-control' => $forever);
put('/files/large', $large);

is($s3->exchange(GET => '/example-assets/images/1/large.jpg')->{status}, 403,
   'the bucket is private');

# what never changes

my $got = get('/images/1/large.jpg');
is("$got->{status} $got->{body}", '200 a picture', 'a variant');
is($got->{headers}{'cache-control'}, $forever, '... which is kept for good');
is($got->{headers}{'content-type'}, 'image/jpeg', '... with its type');
is($got->{headers}{'x-content-type-options'}, 'nosniff', '... and no other');
is(get('/images/1/large.jpg?v=2', headers => { cookie => 'a=b' })->{body},
   'a picture', '... again');
is(get('/images/1/large.jpg', headers => { range => 'bytes=2-4' })->{body},
   'pic', '... a part of it');
is(get('/images/1/large.jpg', headers =>
       { 'if-none-match' => $got->{headers}{etag} })->{status}, 304,
   '... not modified');
is(get('/images/1/large.jpg', method => 'HEAD')->{status}, 200, '... a HEAD');
is(scalar(asked('/images/1/large.jpg')), 3,
   '... all of it by one request, beside two of the test itself');

$got = get('/images/1/none.jpg');
is($got->{status}, 404, 'a variant that is not there');
unlike($got->{headers}{'cache-control'} // '', qr/immutable/,
       '... is not kept');
unlike($got->{body}, qr/Key|Resource/, '... and the store is not shown');

# many at once

{
    put('/images/2/large.jpg', 'x' x 100_000, 'cache-control' => $forever);
    my @socks = map { $client->connection } 1 .. 20;
    print {$_} "GET /images/2/large.jpg HTTP/1.1\r\n"
               . "Host: assets.example.com\r\nConnection: close\r\n\r\n"
        for @socks;
    my @got = map { SocialS3::read_answer($_, 'GET') } @socks;
    is(scalar(grep { length $_->{body} == 100_000 } @got), 20,
       'many ask for one that is not in the cache');
    is(scalar(grep { /\AGET/ } asked('/images/2/large.jpg')), 1,
       '... the bucket is asked once');
}

# a picture with a name

$got = get('/avatars/someone.jpg');
is("$got->{status} $got->{body}", '200 an avatar', 'an avatar');
is($got->{headers}{'cache-control'}, 'no-cache', '... is revalidated');
my $etag = $got->{headers}{etag};
is(get('/avatars/someone.jpg', headers => { 'if-none-match' => $etag })
   ->{status}, 304, '... by its ETag');
put('/avatars/someone.jpg', 'another one', 'cache-control' => 'no-cache');
$got = get('/avatars/someone.jpg', headers => { 'if-none-match' => $etag });
is("$got->{status} $got->{body}", '200 another one', '... and changes at once');

$got = get('/avatars/nobody.jpg');
is("$got->{status} $got->{body}", '200 the default picture',
   'who has none has the default one');
is($got->{headers}{'cache-control'}, 'no-cache', '... until there is one');
put('/avatars/nobody.jpg', 'a new one', 'cache-control' => 'no-cache');
is(get('/avatars/nobody.jpg')->{body}, 'a new one', '... which is shown then');

# parts

SKIP: {
    skip 'nginx has no slice module', 3
        if `@{[ SocialNginx::binary() ]} -V 2>&1` !~ /http_slice_module/;

    $got = get('/files/large', headers => { range => 'bytes=1048000-1049999' });
    is($got->{status}, 206, 'a part of a large file');
    ok($got->{body} eq substr($large, 1048000, 2000), '... has its bytes');
    ok(get('/files/large')->{body} eq $large, '... and the whole file');
    is_deeply([ sort map { / (\S*)\z/ ? $1 : () } grep { /\AGET/ }
                asked('/files/large') ],
              [ 'bytes=0-1048575', 'bytes=1048576-2097151',
                'bytes=2097152-3145727' ], '... each part was fetched once');
}

# who may see it

is(get('/private/someone/a.txt')->{status}, 403, 'a private file');

sub signed_url {
    my ($path) = @_;
    my $expires = time + 60;
    return "$path?social-expires=$expires&social-signature="
           . hmac_sha256_hex("path\n$expires\n$path", decode_base64($secret));
}

my $url = signed_url('/private/someone/a.txt');
$got = get($url);
is("$got->{status} $got->{body}", '200 private', '... by a signed URL');
is($got->{headers}{'cache-control'}, 'private', '... is kept by one browser');
is(get('/private/someone/a.txt')->{status}, 403,
   '... and that it is cached opens it to nobody');
is(get('/private/someone/b.txt' . ($url =~ s/\A[^?]*//r))->{status}, 403,
   '... nor another file');

# the assets of the development environment, which has the store itself

{
    my $local = SocialNginx->new;
    my $local_port = SocialNginx::free_port();
    my $assets = SocialNginx::slurp('conf/local/module_assets.conf.in');

    $assets =~ s/ announce=on//g;
    $assets =~ s/\@DATA\@/$local->{dir}/g;
    mkdir "$local->{dir}/store";

    $local->write_file('credentials', $s3->credentials_text);
    $local->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
events { }
http {
    @{[ $local->http_paths ]}
    social_bucket uploads { region eu-west-1;
        endpoint http://127.0.0.1:$local_port/store;
        credentials file $local->{dir}/credentials; }
    server {
        listen 127.0.0.1:$local_port;
        location /store/ { social_store uploads root=$local->{dir}/store; }
        $assets
    }
}
_EOC_
    $local->start($local_port);

    my $store = SocialS3->new(port => $local_port, base => '/store/uploads');
    is($store->request(PUT => '/avatars/a.jpg', body => 'a picture', headers =>
           { 'cache-control' => 'no-cache', 'content-type' => 'image/jpeg' })
       ->{status}, 200, 'an avatar in the store');

    $got = $store->exchange(GET => '/avatars/a.jpg');
    is("$got->{status} $got->{body}", '200 a picture', '... is shown');
    is($got->{headers}{'cache-control'}, 'no-cache', '... and revalidated');

    $got = $store->exchange(GET => '/avatars/b.jpg');
    is("$got->{status} $got->{headers}{'content-type'}", '200 image/svg+xml',
       'another one is the default picture');
    is($got->{headers}{'cache-control'}, 'no-cache', '... until it is there');
    is($store->exchange(GET => '/images/b.jpg')->{status}, 404,
       'a variant is not');

    $local->stop;
    unlike($local->error_log, qr/\[(?:alert|emerg|crit)\]/,
           '... and nothing went wrong');
}

$nginx->stop;
my $log = $nginx->error_log;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing went wrong');

done_testing();
