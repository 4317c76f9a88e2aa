#!/usr/bin/perl

# "social-worker expire" against its own PostgreSQL: which uploads are deleted,
# and that no other object is.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use File::Path ();
use File::Temp ();
use Test::More;

use SocialBucket;
use SocialImage;
use SocialPostgres;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && SocialPostgres::bin()
    || plan skip_all => "$program or PostgreSQL is not there: run \"make deps\"";

my $dir = File::Temp->newdir('social-expire-XXXXXX', TMPDIR => 1);
my $pg = SocialPostgres->start;

$pg->migrate;
mkdir "$dir/$_" for qw( raw other );
my $buckets = SocialBucket->start($dir, answer => sub {
    my (undef, $request) = @_;

    # while one object is deleted, another one is put

    if ($request->{path} =~ m{/raw/e/first\.jpg\z}) {
        v("UPDATE uploads SET state = 'stored'
            WHERE object_key = 'raw/e/second.jpg'");
    }

    return;
});

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;

SocialImage::spew("$dir/worker.conf", <<"CONF");
database { @{[ $pg->worker ]} }
bucket raw { @{[ $buckets->conf ]} }
bucket broken { endpoint = "http://127.0.0.1:1" region = "eu-west-1"
                credentials = "file $dir/credentials" }
CONF
SocialImage::spew("$dir/credentials", "[default]\naws_access_key_id = A\n"
                                      . "aws_secret_access_key = B\n");

sub v { return $pg->value($_[0]) }

sub expire {
    my (@args) = @_;
    my $said = `$program -c $dir/worker.conf expire @args 2>$dir/log`;
    return (sprintf('%d %s', $? >> 8, $said), SocialImage::slurp("$dir/log"));
}

# An upload that was processed "days" ago, whose URL was valid until "until".

my $n = 0;

sub upload {
    my ($key, %o) = @_;
    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;
    my $bucket = $o{bucket} // 'raw';
    my $days = $o{days} // 31;
    my $until = $o{until} // "now() - interval '$days days'";

    File::Path::make_path("$dir/$bucket/" . $key =~ s{/[^/]*\z}{}r);
    SocialImage::spew("$dir/$bucket/$key", $key);

    v("SELECT social_upload_create('$id', 'iss', 'sub', 'sub', 'avatar',
        '$bucket', '$key', 'image/jpeg', 1, NULL, '5 minutes')");
    v("SET session_replication_role = replica; UPDATE uploads
        SET state = '@{[ $o{state} // 'ready' ]}', generation = @{[ $o{generation} // 1 ]},
            updated_at = now() - interval '$days days', expires_at = $until
        WHERE id = '$id'");

    return $id;
}

sub is_there { return -e "$dir/" . ($_[1] // 'raw') . "/$_[0]" ? 1 : 0 }

my %id = map { $_->[0] => upload(@$_) } (
    ['raw/a/old.jpg'], ['raw/a/failed.jpg', state => 'failed'],
    ['raw/b/new.jpg', days => 29], ['raw/b/pending.jpg', state => 'pending'],
    ['raw/b/stored.jpg', state => 'stored'],
    ['raw/b/processing.jpg', state => 'processing'],
    ['raw/b/url.jpg', until => "now() + interval '1 minute'"],
    ['raw/b/job.jpg'], ['raw/b/other.jpg', bucket => 'other'],
);

# a job that was retried

v("INSERT INTO job_keys (key, id)
    VALUES ('upload:$id{'raw/b/job.jpg'}:1', 1)");

my $before = v('SELECT sum(hashtext(u::text)) FROM uploads u');

is((expire('--dry-run', '30d'))[0], "0 raw/raw/a/old.jpg\nraw/raw/a/failed.jpg\n"
   . "to delete 2 objects, 0 failed\n", 'what would be deleted');
ok(is_there('raw/a/old.jpg'), '... is not');
is(v('SELECT sum(hashtext(u::text)) FROM uploads u'), $before,
   '... and nothing is changed');

my ($said, $log) = expire('30d');
is($said, "0 deleted 2 objects, 0 failed\n", 'what is old is deleted')
    or diag($log);
ok(!is_there("raw/a/$_.jpg"), "... $_") for qw( old failed );
ok(is_there("raw/b/$_.jpg"), "... and not $_")
    for qw( new pending stored processing url job );
ok(is_there('raw/b/other.jpg', 'other'),
   '... and nothing of a bucket that is not configured');
is(v("SELECT state FROM uploads WHERE id = '$id{'raw/a/old.jpg'}'"), 'ready',
   '... a row stays');

is((expire('30d'))[0], "0 deleted 0 objects, 0 failed\n",
   'it is deleted once');

# what is put at the same key later

v("SET session_replication_role = replica; UPDATE uploads
    SET raw_removed_at = now() - interval '60 days',
        updated_at = now() - interval '31 days'
    WHERE id = '$id{'raw/a/old.jpg'}'");
SocialImage::spew("$dir/raw/raw/a/old.jpg", 'later');
is((expire('30d'))[0], "0 deleted 1 objects, 0 failed\n",
   'a later object has its own time');

v("DELETE FROM job_keys");
is((expire('30d'))[0], "0 deleted 1 objects, 0 failed\n",
   'a job has ended');

# an upload that never came, as far as is known

my @never = ('raw/n/26.jpg', 'raw/n/24.jpg', 'raw/n/16.jpg', 'raw/n/14.jpg');
upload($_, state => 'pending', generation => 0, days => /(\d+)/) for @never;

is((expire('30d'))[0], "0 deleted 1 objects, 0 failed\n",
   'an object whose event never came');
ok(!is_there($never[0]), '... goes before its row does');
is((expire('1h'))[0], "0 deleted 3 objects, 0 failed\n", '... and by a short age');
ok(!is_there($_), "... $_") for @never[1, 2];
ok(is_there($never[3]), '... but not while a queue may have the event');
is((expire('1h'))[0], "0 deleted 0 objects, 0 failed\n", '... once');
v("SELECT social_upload_create(gen_random_uuid(), 'iss', 'sub', 'sub', 'avatar',
    'raw', '$never[0]', 'image/jpeg', 1, NULL, '5 minutes')");
v("UPDATE uploads SET expires_at = now() - interval '27 days'
    WHERE object_key = '$never[0]'");
SocialImage::spew("$dir/raw/$never[0]", 'later');
is((expire('30d'))[0], "0 deleted 1 objects, 0 failed\n",
   '... and once more where the key was signed again');

# a user who puts a new picture meanwhile

my $id = upload('raw/c/avatar.jpg');
my $end = $pg->transaction("SELECT FROM uploads WHERE id = '$id' FOR UPDATE");
($said, $log) = expire('30d');
$end->('ROLLBACK');
is($said, "1 deleted 0 objects, 1 failed\n", 'a row that is in use');
like($log, qr/"event":"not expired","key":"raw\/c\/avatar.jpg"/, '... is named');
ok(is_there('raw/c/avatar.jpg'), '... and its object is there');
is(v("SELECT raw_removed_at IS NULL FROM uploads WHERE id = '$id'"), 't',
   '... which the row knows');

v("SELECT social_upload_create('00000000-0000-4000-8000-000000009999', 'iss',
    'sub', 'sub', 'avatar', 'raw', 'raw/c/avatar.jpg', 'image/jpeg', 1, NULL,
    '5 minutes')");
is(v("SELECT social_clean_raw_lock('$id', '1 hour')"), 'f',
   'an upload that another one took the key of');
expire('1h');
ok(is_there('raw/c/avatar.jpg'), '... keeps its object');

# another one that is put while the list is gone through

upload("raw/e/$_.jpg") for qw( first second );
is((expire('30d'))[0], "0 deleted 1 objects, 0 failed\n",
   'one that changed after it was listed');
ok(is_there('raw/e/second.jpg'), '... keeps its object');

# objects that became jobs by a rule, and are not uploads

sub object {
    my ($key, %o) = @_;
    my $bucket = $o{bucket} // 'raw';
    my $kind = $o{kind} // 'avatar';
    my $days = $o{days} // 31;
    my $etag = $o{etag} // md5_hex($key);

    File::Path::make_path("$dir/$bucket/" . $key =~ s{/[^/]*\z}{}r);
    SocialImage::spew("$dir/$bucket/$key", $key);
    utime((time - 86400 * ($o{put} // $days)) x 2, "$dir/$bucket/$key");

    v("SELECT social_objects_event(ARRAY['$bucket'], ARRAY['$key'],
        ARRAY[true], ARRAY[1::bigint], ARRAY['$etag'], ARRAY[NULL],
        ARRAY['@{[ $o{sequencer} // 1 ]}'], ARRAY['t'], ARRAY[" . ($kind
        ? "'$kind'" : 'NULL') . "::text], ARRAY[NULL::text])");
    v("DELETE FROM job_keys WHERE key LIKE 'object:%'") if !$o{job};
    v("UPDATE raw_objects SET noted_at = now() - interval '$days days'
        WHERE bucket = '$bucket' AND object_key = '$key'");
    return;
}

object('raw/f/job.jpg', job => 1);
is((expire('30d'))[0], "0 deleted 0 objects, 0 failed\n",
   'an object that a job needs');
ok(is_there('raw/f/job.jpg'), '... stays');

object('raw/f/old.jpg');
object('raw/f/new.jpg', days => 29);
object('raw/f/unknown.jpg', kind => '');
object('raw/f/replaced.jpg', etag => md5_hex('another'));

# the same bytes were put again, and no event of that has come yet

object('raw/f/again.jpg', put => 0);
object('raw/f/other.jpg', bucket => 'other');
object('raw/b/new.jpg');

# what an event was of is forgotten sooner than the object

v("SET session_replication_role = replica;
    UPDATE seen_objects SET seen_at = now() - interval '31 days'");
object('raw/f/later.jpg', days => 0);
is(v("SELECT count(*) FROM seen_objects
    WHERE object_key = 'raw/f/old.jpg'"), 0, 'its event is forgotten');

is((expire('--dry-run', '30d'))[0], "0 raw/raw/f/again.jpg\n"
   . "raw/raw/f/job.jpg\nraw/raw/f/old.jpg\n"
   . "raw/raw/f/replaced.jpg\nto delete 4 objects, 0 failed\n",
   'those that would be deleted');
($said, $log) = expire('30d');
is($said, "0 deleted 2 objects, 0 failed\n", 'they are deleted')
    or diag($log);
ok(!is_there("raw/f/$_.jpg"), "... $_") for qw( job old );
ok(is_there("raw/f/$_.jpg"), "... and not $_")
    for qw( new unknown replaced later again );
ok(is_there('raw/b/new.jpg'), '... nor the object of an upload');
ok(is_there('raw/f/other.jpg', 'other'), '... nor of another bucket');
is(v("SELECT count(*) FROM raw_objects WHERE object_key
    IN ('raw/f/job.jpg', 'raw/f/old.jpg')"), 0, '... and forgotten');

# while it is deleted, no later one is noted

object('raw/f/old.jpg', sequencer => 2);
$end = $pg->transaction("SELECT FROM raw_objects
    WHERE object_key = 'raw/f/old.jpg' FOR UPDATE");
($said, $log) = expire('30d');
$end->('ROLLBACK');
is($said, "1 deleted 0 objects, 1 failed\n", 'one that is in use');
like($log, qr/"event":"not expired","key":"raw\/f\/old.jpg"/, '... is named');

# an object that was removed is not needed any more

v("SELECT social_objects_event(ARRAY['raw'], ARRAY['raw/f/old.jpg'],
    ARRAY[false], ARRAY[NULL::bigint], ARRAY[NULL], ARRAY[NULL], ARRAY['3'],
    ARRAY['t'], ARRAY['avatar'], ARRAY[NULL::text])");
is(v("SELECT count(*) FROM raw_objects WHERE object_key = 'raw/f/old.jpg'"),
   0, 'one that was removed is forgotten');
v('DELETE FROM raw_objects');

# what an object is needed for is found by its key

v("SET session_replication_role = replica;
    INSERT INTO jobs (id, queue, kind, dedupe_key, payload)
        OVERRIDING SYSTEM VALUE
        SELECT 1000000 + n, 'images', 'avatar', 'object:' || n,
               jsonb_build_object('bucket', 'raw', 'key', 'raw/many/' || n)
            FROM generate_series(1, 20000) n;
    INSERT INTO job_keys (key, id)
        SELECT 'object:' || n, 1000000 + n FROM generate_series(1, 20000) n;
    INSERT INTO raw_objects (bucket, object_key, etag, noted_at)
        SELECT 'raw', 'raw/many/' || n, 'e', now() - interval '31 days'
            FROM generate_series(1, 20001) n;
    ANALYZE jobs, job_keys, raw_objects");

my $plan = v("EXPLAIN (FORMAT JSON) SELECT FROM raw_objects_needed
    WHERE bucket = 'raw' AND object_key = 'raw/many/77'");
like($plan, qr/jobs_object/, 'what needs an object is found by its index');
unlike($plan, qr/Seq Scan/, '... and in no table as a whole') or diag($plan);
is(v("SELECT social_clean_object_lock('raw', 'raw/many/$_->[0]', '1 hour')"),
   $_->[1], "the object $_->[0]") for [ 77, '' ], [ 20_001, 'e' ];
is(v("SELECT string_agg(object_key, ' ')
    FROM social_clean_object_old('raw', '1 hour', '', 10)"),
   'raw/many/20001', '... is the only one that nothing needs');
v("DELETE FROM jobs WHERE dedupe_key LIKE 'object:%' AND id > 1000000;
    DELETE FROM job_keys WHERE key LIKE 'object:%'; DELETE FROM raw_objects");

# a store that does not answer

upload('raw/d.jpg', bucket => 'broken');
($said, $log) = expire('30d');
is($said, "1 deleted 0 objects, 1 failed\n", 'a store that does not answer');
like($log, qr/"event":"not expired","key":"raw\/d.jpg","error":"/, '... is named');
is(v("SELECT count(*) FROM uploads WHERE bucket = 'broken'
    AND raw_removed_at IS NOT NULL"), 0, '... and nothing is noted');

like((expire($_))[0], qr/\A2 /, "\"$_\" is not an age")
    for '0d', '59m', '1x', '40000d', "''";
like((expire())[0], qr/\A2 /, 'no age');

done_testing();
