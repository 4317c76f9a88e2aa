#!/usr/bin/perl

# Uploads from a page of another origin, with the shipped configuration: what a
# browser asks first, and what it may read then.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( sha256 );
use MIME::Base64 ();
use SocialNginx;
use SocialS3;
use Test::More;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/store/uploads');
my $origin = "http://www.localhost:$port";
my %expand = (DATA => $dir, PORT => $port, SCHEME => 'http');

mkdir "$dir/store";

my $conf = SocialNginx::slurp('conf/local/module_store.conf.in');
$conf =~ s/@(\w+)@/$expand{$1}/g;
$conf =~ s/announce=on //;

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('store.conf', $conf);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket uploads {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/store;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        include $dir/store.conf;
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

sub words { return map { $_ => 1 } split /[\s,]+/, lc($_[0] // '') }

my $sum = MIME::Base64::encode_base64(sha256('photo'), '');

for my $name (qw( crc32 crc32c crc64nvme sha1 sha256 )) {
    my $got = $s3->exchange(OPTIONS => '/store/uploads/photo', headers => {
        origin => $origin,
        'access-control-request-method' => 'PUT',
        'access-control-request-headers' => "content-type,x-amz-checksum-$name",
    });
    my %allowed = words($got->{headers}{'access-control-allow-headers'});
    my %methods = words($got->{headers}{'access-control-allow-methods'});

    is($got->{status}, 204, "a preflight for $name");
    is($got->{headers}{'access-control-allow-origin'}, $origin,
       '... from the page');
    ok($allowed{"x-amz-checksum-$name"}, '... may send the checksum');
    ok($allowed{'content-type'}, '... and the type');
    ok($methods{put}, '... with PUT');
}

my %h = ('content-type' => 'image/png', 'x-amz-checksum-sha256' => $sum);
my $got = $s3->exchange(PUT => $s3->presign(PUT => '/photo', headers => \%h),
                        body => 'photo', headers => { %h, origin => $origin });
is($got->{status}, 200, 'the upload') or diag($got->{body});

my %exposed = words($got->{headers}{'access-control-expose-headers'});
ok($exposed{$_}, "the page may read $_")
    for qw( etag x-amz-request-id x-amz-checksum-sha256 );
is($got->{headers}{'access-control-allow-origin'}, $origin, '... at all');

$got = $s3->exchange(PUT => $s3->presign(PUT => '/photo', headers => \%h),
                     body => 'other', headers => { %h, origin => $origin });
is("$got->{status} $got->{code}", '400 BadDigest', 'other bytes');
is($got->{headers}{'access-control-allow-origin'}, $origin,
   '... which the page may read, too');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'nothing went wrong');

done_testing();
