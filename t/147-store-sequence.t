#!/usr/bin/perl

# Objects that are put to one key at the same time: the upload's row names the
# one that is there, whatever order the announcements come in, and the next one
# makes its job.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5 md5_hex );
use POSIX ();
use SocialNginx;
use SocialPostgres;
use SocialS3;
use SocialStore;
use Test::More;

my $pg = SocialPostgres->start
    or plan(skip_all =>
            'SKIPPED: PostgreSQL is not installed; scripts/deps does it');
$pg->migrate;

my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $root = "$dir/root";

mkdir $root;
$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_database "@{[ $pg->conninfo ]}" connections=3;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ { social_store raw root=$root announce=on; }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

my $id = '00000000-0000-4000-8000-000000000001';

$pg->sql("SELECT social_upload_create('$id', 'i', 'u', 'u', 'post', 'raw',
    'up/a.jpg', 'image/jpeg', 100, NULL, '5 minutes')");

sub row {
    my ($what) = @_;
    return $pg->value("SELECT $what FROM uploads WHERE id = '$id'");
}

sub settled {
    return SocialNginx::wait_for(30, sub { !SocialStore::orphans($root) });
}

my ($bad, $rounds) = (0, $ENV{SOAK} ? 30 : 6);

for my $round (1 .. $rounds) {
    my @pids;

    for my $n (1 .. 6) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;

        # small ones and large ones

        my $body = "$round-$n " x ($n % 2 ? 10 : 20_000);
        my $got = $s3->request(PUT => '/up/a.jpg', body => $body);
        POSIX::_exit($got->{status} == 200 ? 0 : 1);
    }

    for (@pids) { waitpid $_, 0; $bad++ if $? }

    settled() or $bad++;

    my $body = $s3->request(GET => '/up/a.jpg')->{body};
    my $meta = SocialStore::meta("$root/objects/up.d/a.jpg.o");

    for my $case ([ etag => md5_hex($body) ], [ sequence => $meta->{seq} ]) {
        my ($column, $wanted) = @$case;

        # announced after the answer

        next if SocialNginx::wait_for(10, sub { row($column) eq $wanted });
        diag("round $round: $column is " . row($column) . ", not $wanted");
        $bad++;
    }

    # one that was put before, and is not there any more

    my $again = "$round-1 " x 10;
    $again = "$round-3 " x 10 if $again eq $body;
    my $generation = row('generation');

    $bad++ if $s3->request(PUT => '/up/a.jpg', body => $again)->{status}
              != 200;

    next if SocialNginx::wait_for(30, sub {
        return row('generation') > $generation
               && row('etag') eq md5_hex($again);
    });

    diag("round $round: an upload without a job");
    $bad++;
}

is($bad, 0, "$rounds rounds of six uploads at once, and one more");
is($pg->value("SELECT payload ->> 'etag' FROM jobs WHERE state <> 'done'"
              . ' ORDER BY id DESC LIMIT 1'), row('etag'),
   'the last job is of the object that is there');

# A removal does not set the numbers back.

my $before = row('sequence');
is($s3->request(DELETE => '/up/a.jpg')->{status}, 204, 'removed');
is($s3->request(PUT => '/up/a.jpg', body => 'new')->{status}, 200, 'and put');
ok(SocialNginx::wait_for(30, sub { row('etag') eq md5_hex('new') }),
   'it is announced');
cmp_ok(row('sequence'), '>', $before, 'under a later number');
ok(settled(), 'nothing is left');

# The end of an upload in parts, and a copy, are announced as a PUT is.

$before = row('sequence');
my ($upload) = $s3->request(POST => '/up/a.jpg', query => { uploads => '' })
    ->{body} =~ m{<UploadId>(\w+)<};
$s3->request(PUT => '/up/a.jpg', body => 'part',
             query => { uploadId => $upload, partNumber => 1 });
is(row('sequence'), $before, 'a part is not announced');
is($s3->request(POST => '/up/a.jpg', query => { uploadId => $upload },
    body => '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>'
            . md5_hex('part') . '</ETag></Part></CompleteMultipartUpload>')
   ->{status}, 200, 'an upload in parts is completed');
ok(SocialNginx::wait_for(30, sub {
    return row('etag') eq md5_hex(md5('part')) . '-1';
}), '... and announced') or diag(row('etag'));
cmp_ok(row('sequence'), '>', $before, '... under a later number');

$before = row('sequence');
$s3->request(PUT => '/up/b.jpg', body => 'copied');
is($s3->request(PUT => '/up/a.jpg', headers => {
    'x-amz-copy-source' => '/raw/up/b.jpg' })->{status}, 200, 'a copy');
ok(SocialNginx::wait_for(30, sub { row('etag') eq md5_hex('copied') }),
   '... is announced');
cmp_ok(row('sequence'), '>', $before, '... under a later number');
ok(settled(), 'nothing is left of them');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error in the log');

done_testing();
