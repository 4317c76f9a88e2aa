#!/usr/bin/perl

# Jobs of the kind "erase": social-worker deletes the objects of users who left,
# all of them, and of no others.

use strict;
use warnings;

use lib 't/lib';
use File::Find ();
use File::Path ();
use File::Temp ();
use Test::More;

use SocialBucket;
use SocialPostgres;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && SocialPostgres::bin()
    || plan skip_all => "$program or PostgreSQL is not there: run \"make deps\"";

my $dir = File::Temp->newdir('social-erase-XXXXXX', TMPDIR => 1);
my $pg = SocialPostgres->start;

$pg->migrate;
mkdir "$dir/$_" for qw( raw assets );
my $buckets = SocialBucket->start($dir);

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;

sub v { return $pg->value($_[0]) }

sub spew {
    my ($file, $data) = @_;
    (my $folder = $file) =~ s{/[^/]*$}{};
    File::Path::make_path($folder);
    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f;
}

sub conf {
    my ($kind, $bucket) = @_;
    spew("$dir/worker.conf", <<"_EOC_");
database { @{[ $pg->worker ]} }
@{[ $bucket // "bucket raw { @{[ $buckets->conf ]} }" ]}
bucket assets { @{[ $buckets->conf ]} }
variant avatar { width = 512 height = 512 }
variant small { width = 64 height = 64 formats = {"webp", "png"} }
@{[ $kind // 'kind avatar { variants = {"avatar", "small"} output = "assets"
    alias = "avatars/{sub}.jpg" }' ]}
_EOC_
    return;
}

sub once { my $out = `$program -c $dir/worker.conf once 2>&1`; return $out }

# All objects, by their names in order.

sub objects {
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, substr $_, 1 + length "$dir" if -f } }, "$dir/raw",
        "$dir/assets");
    return join ' ', sort @found;
}

my $n = 0;

# An upload whose object was put some times and processed, but not by us.

sub upload {
    my ($sub, $key, $generation, @names) = @_;

    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;

    v("SELECT social_upload_create('$id', 'iss', '$sub', '$sub', 'avatar',
        'raw', '$key', 'image/jpeg', 1, NULL, '5 minutes')");
    v("SELECT social_object_created('t', 'e$n-$_', 'raw', '$key', 1, 'e$n-$_')")
        for 1 .. $generation;

    my $variants = join ',', map { "\"$_\":{\"key\":\"images/$id/$_\"}" }
        grep { /=/ } @names;
    v("UPDATE uploads SET variants = '{$variants}' WHERE id = '$id'");
    v("UPDATE jobs SET state = 'done', finished_at = now() WHERE kind <> 'erase'");

    spew("$dir/raw/$key", 'raw');
    spew("$dir/assets/images/$id/$_", 'made') for @names;
    return $id;
}

sub jobs { return v("SELECT string_agg(state, ' ' ORDER BY id) FROM jobs WHERE
    kind = 'erase'") // '' }

sub due { v("UPDATE jobs SET run_at = now() WHERE kind = 'erase'"); return }

sub forget { v("DELETE FROM jobs; DELETE FROM users; DELETE FROM deleted_users");
    File::Path::remove_tree("$dir/raw", "$dir/assets", { keep_root => 1 });
    return }


conf();

subtest 'all that was made of each upload' => sub {
    upload('leaves', 'raw/leaves.jpg', 1, 'avatar.jpg', 'small.webp',
           'small.png');
    upload('leaves', 'raw/leaves.jpg', 2, 'avatar.jpg', 'avatar-2.jpg',
           'small-2.webp', 'small-2.png');
    upload('leaves', 'raw/post', 1, 'avatar.0123=.jpg', 'avatar.jpg');
    upload('leaves', 'raw/pending', 0);
    my $stays = upload('stays', 'raw/stays.jpg', 1, 'avatar.jpg');
    spew("$dir/assets/avatars/$_.jpg", 'alias') for qw( leaves stays );

    is(v("SELECT social_user_delete('iss', 'leaves')"), 't', 'left');
    is(jobs(), 'ready scheduled', 'two jobs');

    my $log = once();
    is(jobs(), 'done scheduled', 'one is done') or diag($log);
    like($log, qr/"event":"job done".*"kind":"erase".*"deletions":\d+/, 'logged');
    unlike($log, qr/leaves/, 'without a name');

    my $left = "assets/avatars/stays.jpg assets/images/$stays/avatar.jpg"
        . ' raw/raw/stays.jpg';
    is(objects(), $left, 'nothing is left, but of the others');

    # what a job that was running, and a URL that was signed, put later

    spew("$dir/raw/raw/pending", 'late');
    spew("$dir/assets/images/00000000-0000-4000-8000-000000000002/avatar-2.jpg",
         'late');
    cmp_ok(v("SELECT extract(epoch FROM run_at - now()) FROM jobs WHERE state
        = 'scheduled'"), '>', 300, 'again when no URL is good any more');
    due();
    once();
    is(jobs(), 'done done', 'the other one, too');
    is(objects(), $left, 'nothing came back');
    forget();
};


subtest 'hundreds of uploads' => sub {
    v("SELECT social_user_sync('iss', 'many', 'many', NULL, NULL)");
    v("INSERT INTO uploads (id, user_id, kind, bucket, object_key, expires_at,
        generation) SELECT gen_random_uuid(), users.id, 'avatar', 'raw',
        'raw/' || g, now(), 0 FROM users, generate_series(1, 205) g");
    spew("$dir/raw/raw/$_", 'x') for 1 .. 205;

    v("SELECT social_user_delete('iss', 'many')");
    is(jobs(), join(' ', ('ready', 'scheduled') x 3), 'a hundred each');
    once();
    is(objects(), '', 'deleted');
    forget();
};


subtest 'what cannot be deleted now' => sub {
    my $id = upload('fails', 'raw/fails.jpg', 1, 'avatar.jpg');
    v("SELECT social_user_delete('iss', 'fails')");

    # a store that is not there

    conf(undef, 'bucket raw { endpoint = "http://127.0.0.1:9" region = "x"
                 credentials = "file ' . $buckets->{credentials} . '" }');
    once();
    like(jobs(), qr/^scheduled scheduled$/, 'it is tried again');
    like(v("SELECT last_error FROM jobs WHERE last_error IS NOT NULL LIMIT 1"),
         qr/^delete: /, 'said why');
    is(v("SELECT bool_and(retry_until > now() + interval '29 days') FROM jobs
        WHERE kind = 'erase'"), 't', 'for a month');

    # a section that is missing: all the others, and then it is said

    conf('kind other { variants = {"avatar"} output = "assets" }', '');
    due();
    once();
    is(jobs(), 'dead dead', 'an operator is needed');
    like(v("SELECT min(last_error) FROM jobs WHERE kind = 'erase'"),
         qr/^no section "bucket" for "raw" in the configuration/, 'said which');

    conf();
    v("SELECT social_job_retry(id) FROM jobs WHERE kind = 'erase'");
    once();
    is(jobs(), 'done done', 'and then it is done');
    is(objects(), '', 'all of it');
    forget();
};


subtest 'payloads that are wrong' => sub {
    my @payloads = ('{}', '{"uploads": 5}', '{"uploads": [1]}',
        '{"uploads": [{"id": "../../x", "kind": "avatar", "generation": 1,
          "bucket": "raw", "key": "a"}]}',
        '{"uploads": [{"id": "00000000-0000-4000-8000-000000000001",
          "kind": "avatar", "generation": -1, "bucket": "raw", "key": "a"}]}',
        '{"uploads": [{"id": "00000000-0000-4000-8000-000000000001",
          "kind": "avatar", "generation": 1, "bucket": "raw"}]}');

    v("INSERT INTO jobs (queue, kind, payload) VALUES ('images', 'erase', '$_')")
        for @payloads;
    spew("$dir/raw/a", 'x');
    once();
    is(jobs(), join(' ', ('dead') x @payloads), 'fail for good');
    is(objects(), 'raw/a', 'and delete nothing');
};

done_testing();
