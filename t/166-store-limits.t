#!/usr/bin/perl

# The embedded store: what is left free on the disk, and which objects browsers
# save that are read without a signature.

use strict;
use warnings;

use lib 't/lib';

use File::Copy ();
use SocialNginx;
use SocialS3;
use SocialStore;
use Test::More;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $low = SocialS3->new(port => $port, base => '/low/low');

mkdir "$dir/$_" for qw( root low near );

# half a gigabyte less than there is

my (undef, $available) = split /\n/, `df -k --output=avail $dir`;
my $near = $available - 512 * 1024;

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket raw { region eu-west-1; endpoint http://127.0.0.1:$port/objects;
                        credentials file $dir/credentials; }
    social_bucket low { region eu-west-1; endpoint http://127.0.0.1:$port/low;
                        credentials file $dir/credentials; }
    social_bucket near { region eu-west-1; endpoint http://127.0.0.1:$port/near;
                         credentials file $dir/credentials; }
    server {
        listen 127.0.0.1:$port;
        location /objects/ { social_store raw root=$dir/root public=a/; }
        location /low/ { social_store low root=$dir/low min_free=1000000g; }
        location /near/ { social_store near root=$dir/near min_free=${near}k; }
        location /more/ { social_store low root=$dir/low min_free=1k part=b/; }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

# Attachments

my %types = (
    'a/jpg' => 'image/jpeg', 'a/webp' => 'image/webp', 'a/html' => 'text/html',
    'a/svg' => 'image/svg+xml', 'a/pdf' => 'application/pdf',
    'a/none' => undef,
);

for my $key (sort keys %types) {
    is($s3->request(PUT => "/$key", body => 'x',
                    headers => { defined $types{$key} ?
                                 ('content-type' => $types{$key}) : () })
       ->{status}, 200, "there is $key");

    my $got = $s3->exchange(GET => "/objects/raw/$key");
    is("$got->{status} $got->{body}", '200 x', '... which is public');
    is($got->{headers}{'content-disposition'},
       ($types{$key} // '') =~ m{\Aimage/(?!svg)} ? undef : 'attachment',
       '... shown or saved');
    is($got->{headers}{'x-content-type-options'}, 'nosniff',
       '... by its type');

    $got = $s3->request(GET => "/$key");
    is($got->{headers}{'content-disposition'}, undef,
       '... and as it is by who signs');
}

is($s3->request(PUT => '/a/own', body => 'x', headers => {
       'content-type' => 'application/pdf',
       'content-disposition' => 'inline; filename=a.pdf' })->{status}, 200,
   'one with a disposition');
my $own = $s3->exchange(GET => '/objects/raw/a/own');
is($own->{headers}{'content-disposition'}, 'inline; filename=a.pdf',
   '... has its own');
is($s3->exchange(HEAD => '/objects/raw/a/html')
   ->{headers}{'content-disposition'}, 'attachment', 'a HEAD');
is($s3->exchange(GET => '/objects/raw/a/html', headers =>
                 { range => 'bytes=0-0' })
   ->{headers}{'content-disposition'}, 'attachment', 'a part');

# What is left free

is($s3->request(PUT => "/a/$_", body => 'x' x ($_ eq 'large' ? 100_000 : 1))
   ->{status}, 200, "there is $_") for qw( small large );

my ($small, $large) = map { my $n = $_; grep { m{/$n\.o} }
                            SocialStore::files("$dir/root", 'objects') }
                      qw( small large );
my $id = SocialStore::meta("$dir/root/$large")->{id};
my $data = 'data/' . substr($id, 0, 2) . "/$id";

for my $file ($small, $large, $data) {
    my $at = '';
    mkdir "$dir/low$at" while $file =~ m{\G([^/]+)/}g && ($at .= "/$1");
    File::Copy::copy("$dir/root/$file", "$dir/low/$file") or die "$file: $!\n";
}

for my $path ('/low', '/low/a/small') {
    for my $size (1, 100_000, 1_000_000) {
        my $got = $low->request(PUT => $path, body => 'x' x $size);
        like($got->{status}, qr/\A50[37]\z/, "$size bytes for $path");
        ok($got->{headers}{'retry-after'} || $got->{status} == 507,
           '... may be put later');
    }
}

is($low->request(GET => '/a/small')->{body}, 'x', 'an object is as it was');
is(length $low->request(GET => '/a/large')->{body}, 100_000,
   '... and another one');
is($low->request(DELETE => "/a/$_")->{status}, 204, "$_ can be removed")
    for qw( small large );
is($low->request(GET => "/a/$_")->{status}, 404, '... is not there any more')
    for qw( small large );

SKIP: {
    skip 'the disk is nearly full', 2 if $near < 1024;

    my $small = SocialS3->new(port => $port, base => '/near/near');
    is($small->request(PUT => '/x', body => 'x' x 100_000)->{status}, 200,
       'an object that there is room for');

    my %signed = $small->sign(PUT => '/y', payload => 'UNSIGNED-PAYLOAD');
    like($small->exchange(PUT => '/near/near/y', body => 'x' x 300_000,
                          headers => { %signed,
                                       'content-length' => 2_000_000_000 })
         ->{status}, qr/\A50[37]\z/, '... and one that would take too much');
}

my $more = SocialS3->new(port => $port, base => '/more');
like($more->request(PUT => '/x', body => 'x')->{status}, qr/\A50[37]\z/,
     'of two locations the largest counts');

$nginx->stop;

unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'nothing went wrong');
like($nginx->error_log, qr/\[crit\].*the store could not write below "[^"]*low"/,
     'but that there is no space');
is_deeply([ SocialStore::orphans("$dir/$_") ], [], "nothing is left in $_")
    for qw( root low );

done_testing();
