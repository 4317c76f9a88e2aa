#!/usr/bin/perl

# "social-worker copy": from one embedded store into another, directly, and
# through proxies that take away, or falsify, what copies are verified by.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( sha256 );
use File::Copy ();
use MIME::Base64 qw( encode_base64 );
use POSIX ();
use SocialNginx;
use SocialS3;
use SocialStore;
use Test::More;
use Time::HiRes qw( sleep );

my $worker = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $worker or plan skip_all => 'social-worker is not built: run "make deps"';

my ($port, $target, $bare, $blind, $false, $drops, $slow) =
    map { SocialNginx::free_port() } 1 .. 7;
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $from = SocialS3->new(port => $port, base => '/first');
my $to = SocialS3->new(port => $target, base => '/second');

mkdir "$dir/$_" for qw( from to copies );

$nginx->write_file('credentials', $from->credentials_text);
$nginx->write_file('wrong', "[default]\naws_access_key_id = AKIDOTHER\n"
                            . "aws_secret_access_key = none\n");
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    client_max_body_size 10m;
    log_format asked "\$request_method \$request_uri \$status";
    access_log $dir/logs/asked.log asked;

    social_bucket first { region eu-west-1; endpoint http://127.0.0.1:$port;
                         credentials file $dir/credentials; }
    social_bucket second { region eu-west-1; endpoint http://127.0.0.1:$target;
                       credentials file $dir/credentials; }
    server {
        listen 127.0.0.1:$port;
        location / { social_store first root=$dir/from fsync=off; }
    }
    server {
        listen 127.0.0.1:$target;
        location / { social_store second root=$dir/to fsync=off; }
    }

    proxy_set_header Host \$http_host;
    proxy_hide_header x-amz-checksum-sha256;

    # a store without checksums; one without ETags, too; one that gets other
    # bytes back; and one that drops a header

    server {
        listen 127.0.0.1:$bare;
        location / { proxy_pass http://127.0.0.1:$target; }
    }
    server {
        listen 127.0.0.1:$blind;
        location / { proxy_pass http://127.0.0.1:$target;
                     proxy_hide_header x-amz-checksum-sha256;
                     proxy_hide_header ETag; add_header ETag '"x"'; }
    }
    server {
        listen 127.0.0.1:$false;
        location / {
            proxy_pass http://127.0.0.1:$target;
            proxy_hide_header x-amz-checksum-sha256;
            proxy_hide_header ETag;
            sub_filter_types *;
            sub_filter "some bytes" "same bytes";
        }
    }
    server {
        listen 127.0.0.1:$drops;
        location / { proxy_pass http://127.0.0.1:$target;
                     proxy_hide_header x-amz-meta-owner; }
    }

    # one that is busy, does not get the bytes in time, or refuses them, for as
    # long as there is a file of that name

    server {
        listen 127.0.0.1:$slow;
        location / {
            set \$what \$request_method;
            if (-f $dir/busy) { set \$what "\$what-busy"; }
            if (-f $dir/late) { set \$what "\$what-late"; }
            if (-f $dir/denied) { set \$what "\$what-denied"; }
            if (\$what ~ ^(PUT|GET)-busy) {
                return 503 "<Error><Code>SlowDown</Code></Error>";
            }
            if (\$what = PUT-late) {
                return 400 "<Error><Code>RequestTimeout</Code></Error>";
            }
            if (\$what = PUT-denied) {
                return 403 "<Error><Code>RequestTimeTooSkewed</Code>\
<ServerTime>2026-12-01T04:00:00Z</ServerTime></Error>";
            }
            proxy_pass http://127.0.0.1:$target;
        }
    }
}
_EOC_

my $section = sub {
    my ($name, $bucket, $endpoint, $credentials) = @_;
    return "bucket $name {\n    bucket = \"$bucket\"\n"
           . "    endpoint = \"http://$endpoint\"\n    region = \"eu-west-1\"\n"
           . "    credentials = \"file $dir/$credentials\"\n"
           . "    timeout = \"5s\"\n}\n";
};

# What was put in the same second as its copy is copied again.

my $last_put = 0;

sub copy {
    my ($endpoint, @args) = @_;

    sleep 0.05 while time <= $last_put;

    my $credentials = ref $endpoint ? $endpoint->[0] : 'credentials';
    $endpoint = "127.0.0.1:$target" if ref $endpoint || !defined $endpoint;

    $nginx->write_file('worker.conf',
        $section->('source', 'first', "127.0.0.1:$port", 'credentials')
        . $section->('target', 'second', $endpoint, $credentials));

    @args = qw( source target ) if !@args;
    my $said = `TMPDIR=$dir/copies $worker -c $dir/worker.conf copy @args 2>$dir/err`;

    return { status => $? >> 8, said => $said,
             log => SocialNginx::slurp("$dir/err") };
}

sub summary_is {
    my ($got, $status, $summary, $name) = @_;
    my ($of) = $got->{said} =~ /^((?:to copy|copied) \d+ objects.*)$/m;

    is("$got->{status} " . ($of // ''), "$status $summary", $name)
        or diag($got->{log});
    return;
}

sub put {
    my ($s3, $key, $body, %headers) = @_;
    my $path = '/' . join '/', map { SocialS3::escape($_) } split m{/}, $key, -1;
    my $got = $s3->request(PUT => $path, body => $body, headers => \%headers);
    is($got->{status}, 200, "there is $key") or diag($got->{body});
    $last_put = time;
    return;
}

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

my %objects = (
    'a' => 'some bytes', 'a/b' => '', 'b c+d' => 'odd', "\xc3\xa9<&>\"" => 'x',
    'large' => join('', map { pack 'N', $_ } 1 .. 800_000),
);

for my $key (sort keys %objects) {
    put($from, $key, $objects{$key}, $key ne 'a' ? () : (
        'content-type' => 'image/jpeg', 'cache-control' => 'max-age=60',
        'content-disposition' => 'attachment; filename="a  b.jpg"',
        'content-language' => 'en', 'content-encoding' => 'gzip',
        'expires' => 'Wed, 21 Oct 2026 07:28:00 GMT',
        'x-amz-meta-owner' => 'someone', 'x-amz-meta-Two' => 'words of it'));
}

my $bytes = 0;
$bytes += length for values %objects;

summary_is(copy(undef, qw( --dry-run source target )), 0,
           "to copy 5 objects of $bytes bytes, 0 are there already, 0 were "
           . 'removed meanwhile, 0 failed', 'a dry run');
is_deeply([ SocialStore::files("$dir/to", 'objects') ], [],
          '... copies nothing');
summary_is(copy(undef), 0, "copied 5 objects of $bytes bytes, 0 are there "
           . 'already, 0 were removed meanwhile, 0 failed', 'a copy');
is_deeply([ glob "$dir/copies/*" ], [], '... leaves nothing behind');

for my $key (sort keys %objects) {
    my $path = '/' . join '/', map { SocialS3::escape($_) } split m{/}, $key;
    my ($a, $b) = map { $_->request(GET => $path) } $from, $to;

    ok($b->{body} eq $objects{$key}, "$key has its bytes");
    is($b->{headers}{$_}, $a->{headers}{$_}, "... and its $_")
        for grep { !/\A(?:date|last-modified|x-amz-request-id|connection)\z/ }
            sort keys %{ $a->{headers} };
}

is($to->request(HEAD => '/a')->{headers}{'x-amz-meta-two'}, 'words of it',
   'metadata is kept');

my $nothing = '0 objects of 0 bytes';
my $rest = '0 were removed meanwhile, 0 failed';
summary_is(copy(undef), 0, "copied $nothing, 5 are there already, $rest",
           'a second copy has nothing to do');

# what has changed

put($from, 'a', 'some BYTES');
$to->request(DELETE => '/large');
put($to, 'other', 'of the target alone');
summary_is(copy(undef), 0, 'copied 2 objects of 3200010 bytes, 3 are there '
           . "already, $rest", 'what has changed, or is missing');
is($to->request(GET => '/a')->{body}, 'some BYTES', '... is as it was');
is($to->request(GET => '/other')->{body}, 'of the target alone',
   '... and nothing is removed');
summary_is(copy(undef, qw( --prefix a/ source target )), 0,
           "copied $nothing, 1 are there already, $rest", 'a prefix');

# an ETag that is not an MD5

my ($file) = grep { m{objects/b} } SocialStore::files("$dir/from", 'objects');
my $meta = SocialNginx::slurp("$dir/from/$file");
$meta =~ s/^(etag [0-9a-f]{32})$/$1 2/m or die;
$nginx->write_file("from/$file", $meta);
like($from->request(HEAD => '/b%20c%2Bd')->{headers}{etag}, qr/-2"\z/,
     'an object that was put in parts');
my $puts = () = SocialNginx::slurp("$dir/logs/asked.log") =~ /^PUT/mg;
summary_is(copy(undef), 0, "copied $nothing, 5 are there already, $rest",
           '... is the same by its checksum');
is(scalar(() = SocialNginx::slurp("$dir/logs/asked.log") =~ /^PUT/mg), $puts,
   '... and is not put again');
$meta =~ s/^(etag [0-9a-f]{32}) 2$/$1/m or die;
$nginx->write_file("from/$file", $meta);

# the same bytes, with other headers

put($from, 'b c+d', 'odd', 'content-type' => 'text/plain');
summary_is(copy(undef), 0, "copied 1 objects of 3 bytes, 4 are there already, "
           . $rest, 'what has other headers');
is($to->request(GET => '/b%20c%2Bd')->{headers}{'content-type'}, 'text/plain',
   '... has them in the copy');

# bytes that are not those that were put

put($from, 'b c+d', 'odd', 'x-amz-checksum-sha256' =>
    encode_base64(sha256('odd'), ''));
my $whole = SocialNginx::slurp("$dir/from/$file");
$nginx->write_file("from/$file", $whole =~ s/odd\z/bad/r);
my $rotten = copy(undef);
summary_is($rotten, 1, "copied $nothing, 4 are there already, 0 were removed "
           . 'meanwhile, 1 failed', 'bytes that have changed on the disk');
like($rotten->{log}, qr/"key":"b c\+d","error":"its bytes are not those of its/,
     '... are noticed');
is($to->request(GET => '/b%20c%2Bd')->{body}, 'odd', '... and not copied');
$nginx->write_file("from/$file", $whole);
is(copy(undef)->{status}, 0, '... until they are right again');

# stores that say less

sub asked {
    my ($method) = @_;
    return scalar(() = SocialNginx::slurp("$dir/logs/asked.log")
                       =~ m{^$method /second/a }mg);
}

$to->request(DELETE => '/a');
my $gets = asked('GET');
summary_is(copy("127.0.0.1:$bare"), 0, 'copied 1 objects of 10 bytes, 4 are '
           . "there already, $rest", 'a store without checksums');
is(asked('GET'), $gets, '... is verified by its ETag');

$to->request(DELETE => '/a');
$gets = asked('GET');
summary_is(copy("127.0.0.1:$blind"), 0, 'copied 1 objects of 10 bytes, 4 are '
           . "there already, $rest", 'a store without ETags');
cmp_ok(asked('GET'), '>', $gets, '... is verified by what it gives back');

put($from, 'a', 'some bytes', 'content-type' => 'text/plain');
my $got = copy("127.0.0.1:$false");
summary_is($got, 1, "copied $nothing, 4 are there already, 0 were removed "
           . 'meanwhile, 1 failed', 'a store that has other bytes');
like($got->{log}, qr/"event":"not copied","key":"a","error":"the copy does not/,
     '... is noticed');

put($from, 'a', 'some bytes', 'x-amz-meta-owner' => 'someone');
$got = copy("127.0.0.1:$drops");
summary_is($got, 1, "copied $nothing, 4 are there already, 0 were removed "
           . 'meanwhile, 1 failed', 'a store that drops a header');
like($got->{log}, qr/does not have the same \\"x-amz-meta-owner\\" header/,
     '... is noticed');

# stores that are not always able to

sub answered {
    my ($status) = @_;
    return scalar(() = SocialNginx::slurp("$dir/logs/asked.log")
                       =~ m{^(?:PUT|GET) \S+ $status$}mg);
}

for my $case ([ 'busy', 503 ], [ 'late', 400 ]) {
    my ($how, $status) = @$case;
    my $seen = answered($status);

    put($from, 'a', "some bytes $how");
    $nginx->write_file($how, '');

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        SocialNginx::wait_for(60, sub { answered($status) > $seen });
        unlink "$dir/$how";
        POSIX::_exit(0);
    }

    my $got = copy("127.0.0.1:$slow");
    waitpid $pid, 0;
    summary_is($got, 0, "copied 1 objects of 15 bytes, 4 are there already, "
               . $rest, "a store that is $how for a while");
    cmp_ok(answered($status), '>', $seen, '... was asked again');
    is($to->request(GET => '/a')->{body}, "some bytes $how", '... and has it');
}

put($from, 'a', 'some bytes');
$nginx->write_file('denied', '');
my $refused = answered(403);
$got = copy("127.0.0.1:$slow");
unlink "$dir/denied";
summary_is($got, 1, "copied $nothing, 4 are there already, 0 were removed "
           . 'meanwhile, 1 failed', 'one that refuses');
is(answered(403), $refused + 1, '... is not asked again');
like($got->{log}, qr/403, RequestTimeTooSkewed, ServerTime 2026-12-01T04:00:00Z/,
     '... and its clock is said');

# many, in several pages

my ($small) = grep { m{/a\.o} } SocialStore::files("$dir/from", 'objects');
my $small_dir = $small =~ s{/[^/]*\z}{}r;
File::Copy::copy("$dir/from/$small", "$dir/from/$small_dir/z$_.o")
    for 1000 .. 2049;
$to->request(DELETE => '/a');
summary_is(copy(undef), 0, 'copied 1051 objects of 10510 bytes, 4 are there '
           . "already, $rest", 'more than a page');
is(scalar(() = $to->request(GET => '/', query => { 'list-type' => 2,
          'start-after' => 'z1999' })->{body} =~ /<Key>z/g), 50,
   '... to its end');

# the directory of a store, without its server

$to->request(DELETE => $_) for '/a', '/large', '/b%20c%2Bd', '/a/b', '/z2049';
summary_is(copy(undef, "$dir/from", 'target'), 0, 'copied 5 objects of 3200023 '
           . "bytes, 1050 are there already, $rest", 'a directory');

for my $path ('/a', '/large', '/b%20c%2Bd', '/a/b') {
    my ($a, $b) = map { $_->request(GET => $path) } $from, $to;

    ok($a->{body} eq $b->{body}, "... $path has its bytes");
    is($b->{headers}{$_}, $a->{headers}{$_}, "... and its $_")
        for grep { !/\A(?:date|last-modified|x-amz-request-id|connection)\z/ }
            sort keys %{ $a->{headers} };
}

summary_is(copy(undef, qw( --prefix z20 ), "$dir/from", 'target'), 0,
           "copied $nothing, 50 are there already, $rest",
           '... of which a part is copied');

my ($large) = grep { m{/large} } SocialStore::files("$dir/from", 'objects');
my $id = SocialStore::meta("$dir/from/$large")->{id};
my $data = "$dir/from/data/" . substr($id, 0, 2) . "/$id";

{
    open my $out, '+<', $data or die "$data: $!\n";
    seek $out, 1_000_000, 0;
    print {$out} 'rotten';
    close $out or die "$data: $!\n";
}

my ($z) = grep { m{/z2049} } SocialStore::files("$dir/from", 'objects');
my $z_meta = SocialNginx::slurp("$dir/from/$z");
$nginx->write_file("from/$z", 'damaged');

$to->request(DELETE => '/large');
$got = copy(undef, "$dir/from", 'target');
summary_is($got, 1, "copied $nothing, 1053 are there already, 0 were removed "
           . 'meanwhile, 1 failed', 'bytes and metadata that are damaged');
like($got->{log}, qr/"key":"large","error":"its bytes are not those of its MD5"/,
     '... are noticed');
like($got->{log}, qr/"objects":1,"error":"their metadata is damaged"/,
     '... and counted');
$nginx->write_file("from/$z", $z_meta);
$from->request(DELETE => '/large');

is(copy(undef, $dir, 'target')->{status}, 2, 'another directory');

# what cannot be

$got = copy(['wrong']);
is($got->{status}, 1, 'wrong credentials');
like($got->{log}, qr/"event":"copy aborted","bucket":"target".*InvalidAccessKey/,
     '... are said');
is(copy(undef, qw( source nothing ))->{status}, 2, 'a bucket without a section');
is(copy(undef, qw( source source ))->{status}, 2, 'the same bucket twice');
is(copy(undef, 'source')->{status}, 2, 'one bucket');
is(copy(undef, qw( --parallel 0 source target ))->{status}, 2, 'no thread');
is(copy(undef, qw( --parallel 65 source target ))->{status}, 2, 'many threads');
is(copy(undef, qw( --parallel 1 source target ))->{status}, 0, 'one thread');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'nothing went wrong');
is_deeply([ SocialStore::orphans("$dir/to") ], [], 'nothing is left');

done_testing();
