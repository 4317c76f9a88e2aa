#!/usr/bin/perl

# The migrations and the SQL functions, on a PostgreSQL of their own.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA ();
use Test::More;
use SocialPostgres;
use Time::HiRes qw(sleep);

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;


sub v { return $pg->value($_[0]) }

# Runs each of the statements in a session of its own, all at the same time;
# returns their answers, failures as "ERROR ...".

sub at_once {
    my @statements = @_;
    my @pipes;

    for my $sql (@statements) {
        pipe my $r, my $w or die;
        my $pid = fork;
        die unless defined $pid;

        if (!$pid) {
            close $r;
            my ($out, $ok) = $pg->attempt("$sql;");
            print $w $ok ? $out : "ERROR $out";
            close $w;
            POSIX::_exit(0);
        }

        close $w;
        push @pipes, [$pid, $r];
    }

    return map { my ($pid, $r) = @$_; local $/; my $out = <$r>;
        waitpid $pid, 0; $out // '' } @pipes;
}


subtest 'migrations' => sub {
    local $ENV{SOCIAL_DATABASE} = $pg->conninfo;

    my @out = map { open my $p, '-|', 'scripts/migrate 2>&1' or die; $p } 1 .. 3;
    @out = map { local $/; my $out = <$_>; close $_; $out } @out;

    my @files = map { /(\w+)\.sql/ } glob 'conf/sql/*.sql';

    for my $file (@files) {
        is(scalar(grep { /applied $file\b/ } @out), 1,
            "$file once, of three at once");
    }

    is(scalar(grep { /error|warning/i } @out), 0, 'the others wait');
    like(scalar(`scripts/migrate 2>&1`), qr/up to date/, 'all of it is done');
    is(v('SELECT count(*) FROM schema_migrations'), @files, 'recorded');

    my $dir = File::Temp->newdir;
    system "cp conf/sql/*.sql $dir/";
    open my $f, '>', "$dir/900_bad.sql";
    print $f "CREATE TABLE half_done ();\nSELECT nonsense;\n";
    close $f;

    local $ENV{SOCIAL_SQL} = "$dir";
    my $out = `scripts/migrate 2>&1`;
    isnt($?, 0, 'a bad migration is an error');
    like($out, qr/900_bad\.sql:2: ERROR:.*nonsense/s, 'that says where');
    like($out, qr/900_bad was not applied/, 'and what became of it');
    is(v("SELECT to_regclass('half_done') IS NULL"), 't', 'nothing is left');

    unlink "$dir/900_bad.sql";
    system "echo '-- edited' >> $dir/001_init.sql";
    $out = `scripts/migrate 2>&1`;
    like($out, qr/warning: 001_init is not what was applied/, 'an edited one');

    $ENV{SOCIAL_DATABASE} = 'host=/nonexistent';
    $out = `scripts/migrate 2>&1`;
    isnt($?, 0, 'no database is an error');
    like($out, qr/could not reach the database \(host=\/nonexistent\)/, 'said');

    $ENV{SOCIAL_DATABASE} = 'host=/nonexistent password=secret';
    $out = `scripts/migrate 2>&1`;
    isnt($?, 0, 'a password is refused');
    unlike($out, qr/secret/, 'and not shown');
};


subtest 'users' => sub {
    my $id = v("SELECT social_user_sync('i', 's1', 'Andrew', 'a\@x', 'Andrew B')");
    like($id, qr/^[0-9a-f-]{36}$/, 'made');
    is(v("SELECT handle, email, display_name FROM users WHERE sub = 's1'"),
        'Andrew|a@x|Andrew B', 'as said');

    is(v("SELECT social_user_sync('i', 's1', 'Other', 'b\@x', 'Other')"), $id,
        'the same again');
    is(v("SELECT handle, email, display_name FROM users WHERE sub = 's1'"),
        'Andrew|b@x|Andrew B', 'the address is news, the names are the user\'s');

    v("UPDATE users SET display_name = 'Me', handle = 'me' WHERE sub = 's1'");
    v("SELECT social_user_sync('i', 's1', 'Andrew', '', 'Andrew B')");
    is(v("SELECT handle, email, display_name FROM users WHERE sub = 's1'"),
        'me|b@x|Me', 'edits are kept, and so is an address that is not said');

    my $at = v("SELECT updated_at FROM users WHERE sub = 's1'");
    v("SELECT social_user_sync('i', 's1', 'Andrew', 'b\@x', 'Andrew B')");
    is(v("SELECT updated_at FROM users WHERE sub = 's1'"), $at,
        'no news, no write');

    v("SELECT social_user_sync('i', 's2', 'ME', NULL, NULL)");
    v("SELECT social_user_sync('other', 's1', 'me', NULL, NULL)");
    is(v("SELECT string_agg(handle, ' ' ORDER BY created_at) FROM users
        WHERE handle ILIKE 'me%'"), 'me ME-2 me-3', 'taken handles get a suffix');

    v("SELECT social_user_sync('i', 's3', 's3', NULL, NULL)");
    like(v("SELECT handle || ' ' || display_name FROM users WHERE sub = 's3'"),
        qr/^(user-[0-9a-f]{10}) \1$/, 'a name that is the subject is none');
    v("SELECT social_user_sync('i', 's3', 'carol\@example.com', NULL, 'Carol')");
    is(v("SELECT handle, display_name FROM users WHERE sub = 's3'"),
        'carol|Carol', 'what was made up gives way to a name');

    v("SELECT social_user_sync('i', 's4', 'me', NULL, NULL)");
    v("SELECT social_user_sync('i', 's5', NULL, NULL, 'Zoë')");
    like(v("SELECT handle, display_name FROM users WHERE sub = 's5'"),
        qr/^user-[0-9a-f]{10}\|Zoë$/, 'a display name without a handle');
    v("SELECT social_user_sync('i', 's5', 'me', NULL, NULL)");
    is(v("SELECT handle, display_name FROM users WHERE sub = 's5'"),
        'me-5|Zoë', 'a made-up handle gives way to a suffixed one');

    v("SELECT social_user_sync('i', 's6', '<b>é/../x', NULL, NULL)");
    is(v("SELECT handle FROM users WHERE sub = 's6'"), 'b..x',
        'only what a URL may have');

    is(v("SELECT social_user_delete('i', 's6')"), 't', 'deleted');
    is(v("SELECT social_user_sync('i', 's6', 'x', NULL, NULL) IS NULL"), 't',
        'is not brought back');
    is(v("SELECT count(*) FROM users WHERE sub = 's6'"), 0, 'really');
    is(v("SELECT social_user_delete('i', 's6')"), 'f', 'twice is harmless');

    my (undef, $ok) = $pg->attempt("SELECT social_user_sync('i', '', 'x', '', '');");
    ok(!$ok, 'no subject is an error');

    my @ids = at_once(map { "SELECT social_user_sync('i', 'same', 'same', 'e', 'n')" }
        1 .. 8);
    my %ids = map { $_ => 1 } @ids;
    is(scalar(keys %ids), 1, 'eight at once make one user') or diag(@ids);

    @ids = at_once(map { "SELECT social_user_sync('i', 'h$_', 'handle', 'e', 'n')" }
        1 .. 8);
    is(scalar(grep { /^[0-9a-f-]{36}$/ } @ids), 8,
        'eight at once want one handle, and all are made') or diag("@ids");
    is(v("SELECT count(DISTINCT lower(handle)) FROM users
        WHERE sub ~ '^h[0-9]'"), 8, 'each with its own');

    at_once("SELECT social_user_delete('i', 'h1')",
        map { "SELECT social_user_sync('i', 'h1', 'handle', 'e', 'n')" } 1 .. 6);
    is(v("SELECT count(*) FROM users WHERE sub = 'h1'"), 0,
        'deleted while it is synchronized: gone');
};


my $n = 0;

sub upload {
    my ($sub, $kind, $key, $bytes) = @_;

    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;
    v("SELECT social_upload_create('$id', 'i', '$sub', '$sub', '$kind', 'raw',
        '$key', 'image/jpeg', @{[ $bytes // 100 ]}, NULL, '5 minutes')");
    return $id;
}


sub created {
    my ($event, $key, $etag) = @_;
    return v("SELECT social_object_created('test', '$event', 'raw', '$key', 100,
        '$etag')");
}


sub claim {
    my ($worker, $count, $lease) = @_;
    return v("SELECT id, attempt, kind, payload->>'key' FROM social_jobs_claim(
        'images', '$worker', '@{[ $lease // '1 minute' ]}', $count)");
}


subtest 'uploads' => sub {
    my $id = upload('u1', 'avatar', 'raw/u1/a.jpg');
    is(v("SELECT count(*) FROM users WHERE sub = 'u1'"), 1,
        'the user is made just in time');

    like(v("SELECT social_upload_get('$id', 'i', 'u1')"),
        qr/"state":"pending"/, 'its owner sees it');
    is(v("SELECT social_upload_get('$id', 'i', 'u2') IS NULL"), 't',
        'another does not');
    is(v("SELECT social_upload_get('$id', 'other', 'u1') IS NULL"), 't',
        'nor the same subject of another issuer');

    upload('u2', 'post', 'raw/u2/a.jpg');
    my ($out, $ok) = $pg->attempt("SELECT social_upload_create(
        gen_random_uuid(), 'i', 'u2', 'u2', 'avatar', 'raw', 'raw/u1/a.jpg',
        NULL, 1, NULL, '1 minute');");
    ok(!$ok, 'another user\'s key is refused');
    like($out, qr/another user/, 'and says so');

    my $again = upload('u1', 'avatar', 'raw/u1/a.jpg');
    is(v("SELECT id FROM uploads WHERE object_key = 'raw/u1/a.jpg'"), $again,
        'the same user signs the same key anew');

    v("SELECT social_user_delete('i', 'gone')");
    is(v("SELECT social_upload_create(gen_random_uuid(), 'i', 'gone', 'gone',
        'avatar', 'raw', 'raw/gone', NULL, 1, NULL, '1 minute') IS NULL"), 't',
        'none for the deleted');

    is(created('e1', 'raw/u1/a.jpg', '"abc"'), 'queued', 'an object came');
    is(created('e1', 'raw/u1/a.jpg', '"abc"'), 'duplicate', 'the event again');
    is(created('e1-other', 'raw/u1/a.jpg', 'abc'), 'duplicate',
        'the object by another event');
    is(created('e2', 'raw/nobody', 'x'), 'ignored', 'an unknown key');
    is(v("SELECT count(*) FROM events WHERE event_id = 'e2'"), 1, 'is recorded');
    is(v("SELECT state FROM uploads WHERE id = '$again'"), 'stored', 'stored');
    is(v("SELECT count(*) FROM jobs"), 1, 'one job');

    is(created('e3', 'raw/u1/a.jpg', 'def'), 'queued', 'another object');
    is(v("SELECT string_agg(state, ' ' ORDER BY id) FROM jobs"), 'done ready',
        'takes the place of the one that waited');

    upload('u3', 'post', 'raw/u3/a.jpg');
    my @out = at_once(map { "SELECT social_object_created('test', 'e4', 'raw',
        'raw/u3/a.jpg', 1, 'x')" } 1 .. 8);
    is(scalar(grep { $_ eq 'queued' } @out), 1, 'eight at once: queued once');
    is(scalar(grep { $_ eq 'duplicate' } @out), 7, 'the others are told');

    @out = at_once(map { "SELECT social_object_created('test', 'e5-$_', 'raw',
        'raw/u2/a.jpg', 1, 'y')" } 1 .. 8);
    is(scalar(grep { $_ eq 'queued' } @out), 1,
        'eight events of one object: queued once');

    # a claim follows priority, then age
    like(claim('w', 1), qr/\|1\|avatar\|/, 'avatars go first');
    is(v("SELECT state FROM uploads WHERE id = '$again'"), 'processing',
        'and the upload says so');
    v('DELETE FROM jobs');
};


subtest 'notifications' => sub {
    upload('u4', 'post', "raw/u4/$_") for 1 .. 3;

    my $out = $pg->sql("LISTEN social_jobs;
        BEGIN;
        SELECT social_object_created('n', '1', 'raw', 'raw/u4/1', 1, 'a');
        COMMIT;
        SELECT social_object_created('n', '2', 'raw', 'raw/u4/2', 1, 'a');
        SELECT social_object_created('n', '3', 'raw', 'raw/u4/3', 1, 'a');");
    my @found = $out =~ /notification "social_jobs" with payload "images"/g;
    is(scalar @found, 1, 'the first job wakes; more find the workers awake');
    v('DELETE FROM jobs');
};


subtest 'claims' => sub {
    v("INSERT INTO jobs (queue, kind) SELECT 'images', 'x'
        FROM generate_series(1, 400)");

    my @out = at_once(map { my $w = $_; join ';', map {
        "SELECT id FROM social_jobs_claim('images', 'w$w', '1 minute', 5)" }
        1 .. 10 } 1 .. 8);
    my @ids = map { split /\n/ } @out;
    my %seen;
    $seen{$_}++ for @ids;

    is(scalar @ids, 400, 'eight workers take all the jobs');
    is(scalar(grep { $_ > 1 } values %seen), 0, 'and none of them twice');
    is(v("SELECT count(*) FROM jobs WHERE state = 'running' AND attempt = 1"),
        400, 'in their first attempt');
    is(claim('w', 5), '', 'nothing is left');
    v('DELETE FROM jobs');

    v("INSERT INTO jobs (queue, kind, run_at)
        VALUES ('images', 'later', now() + interval '1 hour'),
               ('other', 'x', now())");
    is(claim('w', 5), '', 'not before its time, not of another queue');
    v('DELETE FROM jobs');
};


subtest 'leases and fences' => sub {
    my $id = upload('f1', 'avatar', 'raw/f1');
    created('f1', 'raw/f1', 'a');

    my ($job) = claim('w1', 1, '3 seconds') =~ /^(\d+)\|1\|/;
    ok($job, 'claimed');
    is(v("SELECT social_job_extend($job, 1, 'w1', '3 seconds')"), 't', 'extended');
    is(v("SELECT social_job_extend($job, 1, 'w2', '1 hour')"), 'f',
        'not by another worker');
    is(v("SELECT social_job_extend($job, 2, 'w1', '1 hour')"), 'f',
        'nor for another attempt');
    is(claim('w2', 1), '', 'nobody else gets it');

    sleep 3.1;
    like(claim('w2', 1), qr/^$job\|2\|/, 'after the lease another does');
    is(v("SELECT worker, last_error FROM jobs WHERE id = $job"),
        'w2|the worker "w1" was lost', 'and it is known why');

    is(v("SELECT social_job_finish($job, 1, 'w1', '{\"old\":{}}', 'p', 'k')"), 'f',
        'the one that was slow changes nothing');
    is(v("SELECT coalesce(social_job_fail($job, 1, 'w1', true, 'e', 'r'), '-')"),
        '-', 'nor fails it');
    is(v("SELECT social_job_extend($job, 1, 'w1', '1 hour')"), 'f', 'nor extends');
    is(v("SELECT state FROM uploads WHERE id = '$id'"), 'processing', 'nothing');

    is(v("SELECT social_job_finish($job, 2, 'w2',
        '{\"avatar\":{\"key\":\"images/$id/avatar.jpg\",\"width\":512}}', 'hash',
        'images/$id/avatar.jpg')"), 't', 'the holder finishes');
    is(v("SELECT social_job_finish($job, 2, 'w2', '{}', 'p', 'k')"), 'f', 'once');
    is(v("SELECT state, finished_at IS NOT NULL, lease_until IS NULL FROM jobs
        WHERE id = $job"), 'done|t|t', 'the job is done');
    is(v("SELECT avatar_key, avatar_placeholder FROM users WHERE sub = 'f1'"),
        "images/$id/avatar.jpg|hash", 'the avatar is the user\'s');
    is(v("SELECT social_upload_get('$id', 'i', 'f1', 'https://assets')
        #>> '{variants,avatar,url}'"),
        "https://assets/images/$id/avatar.jpg", 'with its URL');
    is(v("SELECT social_upload_get('$id', 'i', 'f1')->'variants'->'avatar'->>'key'
        IS NULL"), 't', 'and without its key');
    v('DELETE FROM jobs');

    my $at = at_once_release();
    is($at, 'ready|0', 'a released job has its attempt back');
    v('DELETE FROM jobs');
};


sub at_once_release {
    v("INSERT INTO jobs (queue, kind) VALUES ('images', 'x')");
    my ($job) = claim('w', 1) =~ /^(\d+)/;
    v("SELECT social_job_release($job, 1, 'w')");
    return v("SELECT state, attempt FROM jobs WHERE id = $job");
}


subtest 'the newest avatar stays' => sub {
    my $old = upload('a1', 'avatar', 'raw/a1/old');
    my $new = upload('a1', 'avatar', 'raw/a1/new');
    created('a-old', 'raw/a1/old', 'a');
    created('a-new', 'raw/a1/new', 'b');

    my %job = map { (split /\|/)[3, 0] } split /\n/, claim('w', 2);
    v("SELECT social_job_finish($job{'raw/a1/new'}, 1, 'w', '{}', 'n', 'new')");
    v("SELECT social_job_finish($job{'raw/a1/old'}, 1, 'w', '{}', 'o', 'old')");
    is(v("SELECT avatar_key FROM users WHERE sub = 'a1'"), 'new',
        'when the older is the slower');
    is(v("SELECT state FROM uploads WHERE id = '$old'"), 'ready',
        'which is ready all the same');

    # an object that came while the one before it was worked on
    created('a-1', 'raw/a1/new', 'c');
    my ($job) = claim('w', 1) =~ /^(\d+)/;
    created('a-2', 'raw/a1/new', 'd');
    v("SELECT social_job_finish($job, 1, 'w', '{\"stale\":{}}', 's', 'stale')");
    is(v("SELECT state, generation, avatar_key FROM uploads
        JOIN users ON user_id = users.id WHERE uploads.id = '$new'"),
        'stored|3|new', 'a job for the object before changes nothing');
    v('DELETE FROM jobs');
};


subtest 'failures' => sub {
    my $id = upload('x1', 'avatar', 'raw/x1');
    created('x1', 'raw/x1', 'a');
    my ($job) = claim('w', 1) =~ /^(\d+)/;

    is(v("SELECT social_job_fail($job, 1, 'w', false, 'S3 said 503', 'r')"),
        'ready', 'a transient failure is tried again');
    is(v("SELECT state, reason IS NULL FROM uploads WHERE id = '$id'"), 'stored|t',
        'the upload waits');

    my $spread = v("SELECT bool_and(run_at - now() BETWEEN '-1 s' AND '2 s')
        FROM jobs WHERE id = $job");
    is($spread, 't', 'soon');

    for my $attempt (2 .. 5) {
        v("UPDATE jobs SET run_at = now() WHERE id = $job");
        like(claim('w', 1), qr/^$job\|$attempt\|/, "attempt $attempt");
        my $state = v("SELECT social_job_fail($job, $attempt, 'w', false, 'e',
            'We could not read your file.')");
        is($state, $attempt == 5 ? 'dead' : 'ready', "then $state");
    }

    is(v("SELECT state, reason FROM uploads WHERE id = '$id'"),
        'failed|We could not read your file.', 'the upload says why');
    is(v("SELECT social_job_retry($job)"), 't', 'a person tries again');
    like(claim('w', 1), qr/^$job\|1\|/, 'from the first attempt');
    is(v("SELECT social_job_fail($job, 1, 'w', true, 'not an image', 'Why')"),
        'dead', 'a permanent failure is dead at once');
    is(v("SELECT state, reason FROM uploads WHERE id = '$id'"), 'failed|Why',
        'with its reason');
    is(v("SELECT social_job_discard($job)"), 't', 'discarded');

    is(created('x2', 'raw/x1', 'a'), 'queued',
        'the same object again after a failure is another try');
    ($job) = claim('w', 1) =~ /^(\d+)/;
    is(v("SELECT social_job_fail($job, 1, 'w', false, 'e', 'Gone', 1)"), 'dead',
        'a limit below the job\'s own');
    v('DELETE FROM jobs');

    # whoever touches it dies
    v("INSERT INTO jobs (queue, kind, max_attempts) VALUES ('images', 'x', 2)");
    for my $attempt (1, 2) {
        like(claim("w$attempt", 1, '0.05 seconds'), qr/\|$attempt\|/,
            "attempt $attempt");
        sleep 0.1;
    }
    is(claim('w3', 1), '', 'a poisonous job is given to nobody more');
    is(v("SELECT state, last_error FROM jobs"),
        'dead|the worker "w2" was lost in the last attempt', 'it is dead');

    v("UPDATE jobs SET finished_at = now() - interval '31 days'");
    v("UPDATE events SET received_at = now() - interval '31 days'");
    v("INSERT INTO revocations VALUES ('i', 'x', now() - interval '1 s')");
    cmp_ok(v('SELECT social_prune()'), '>', 3, 'what is long over is dropped');
    is(v('SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM events)'), 0,
        'all of it');
};


subtest 'revocations' => sub {
    my $day = "now() + interval '1 day'";
    my $row = "FROM revocations WHERE session = 'jti:a'";

    is(v("SELECT encode(social_session_id('https://iss', 'origin_jti:o'), 'hex')"),
        substr(Digest::SHA::sha256_hex('v1:11:https://iss:origin_jti:o'), 0, 32),
        'the id of a session');
    is(v("SELECT encode(social_session_id('\x{c3}\x{a9}', 'jti:\x{c3}\x{a9}'), 'hex')"),
        substr(Digest::SHA::sha256_hex("v1:2:\x{c3}\x{a9}:jti:\x{c3}\x{a9}"), 0, 32),
        'by bytes');

    v("SELECT social_revoke('i', 'jti:a', $day)");
    my $xact = v("SELECT xact $row");
    is(v("SELECT id = social_session_id('i', 'jti:a') $row"), 't', 'ended');

    v("SELECT social_revoke('i', 'jti:a', now() + interval '1 hour')");
    is(v("SELECT until > now() + interval '2 hours', xact $row"), "t|$xact",
        'never for shorter, and that is no news');

    v("SELECT social_revoke('i', 'jti:a', now() + interval '2 days')");
    is(v("SELECT until > now() + interval '25 hours',"
        . " xact > xid8 '$xact' $row"), 't|t', 'for longer it is');
    is(v("SELECT count(*) $row"), 1, 'one row');

    v("SELECT social_revoke('i', 'jti:b', '\\x00112233445566778899aabbccddeeff',"
        . " $day)");
    is(v("SELECT encode(id, 'hex') FROM revocations WHERE session = 'jti:b'"),
        '00112233445566778899aabbccddeeff', 'by the id that was given');

    my (undef, $ok) = $pg->attempt("SELECT social_revoke('i', 'x', '\\x00', $day);");
    ok(!$ok, 'half an id is an error');

    my @got = at_once(map { "SELECT social_revoke('i', 'jti:c', $day"
        . " + interval '$_ minutes')" } 1 .. 8);
    is(join('', @got), '', 'eight at once');
    is(v("SELECT until > $day + interval '7 minutes' FROM revocations"
        . " WHERE session = 'jti:c'"), 't', 'the longest counts');

    v("INSERT INTO revocations (issuer, session, until)
        SELECT 'i', 'jti:old' || i, now() - interval '1 s'
        FROM generate_series(1, 25) i");
    is(v('SELECT social_revocations_expire(20)'), 20, 'some that are over');
    is(v('SELECT social_revocations_expire(20)'), 5, 'the rest');
    is(v('SELECT social_revocations_expire(20)'), 0, 'and nothing else');
    is(v('SELECT count(*) FROM revocations'), 3, 'those that hold are left');
    v('DELETE FROM revocations');
};


subtest 'revocations of a subject' => sub {
    my $revoke = sub {
        my ($session, $subject, $until, $max, $issuer) = @_;
        $issuer //= 'i';
        return v("SELECT social_revoke('$issuer', '$session',"
            . " social_session_id('$issuer', '$session'),"
            . " now() + interval '$until', '$subject', $max)");
    };

    my $live = sub {
        return v("SELECT coalesce(string_agg(session, ' ' ORDER BY session),"
            . " '') FROM revocations WHERE until > now()");
    };

    is(v("SELECT encode(social_subject_id('https://iss', 'a:b'), 'hex')"),
        substr(Digest::SHA::sha256_hex('v1:11:https://iss:sub:a:b'), 0, 32),
        'the digest of a subject');

    is($revoke->("origin_jti:$_", 'a', "$_ days", 3), 0, "sign-in $_")
        for 1 .. 3;
    is($revoke->('origin_jti:4', 'a', '1 day', 3), 3600, 'no more');
    is($revoke->('jti:4', 'a', '20 s', 3), 3600, 'nor of a token');
    is($live->(), 'origin_jti:1 origin_jti:2 origin_jti:3', 'as before');
    is($revoke->('origin_jti:1', 'a', '5 days', 3), 0, 'one of them again');
    is($revoke->('origin_jti:4', 'b', '1 day', 3), 0, 'another subject');
    is($revoke->('origin_jti:5', 'a', '1 day', 3, 'j'), 0, 'another issuer');
    is(v("SELECT count(*) FROM revocations WHERE session = 'origin_jti:4'"),
        1, 'by its own row');
    v('DELETE FROM revocations');

    # single tokens make room, the one that would be over first before others

    is($revoke->('origin_jti:1', 'a', '1 hour', 3), 0, 'a sign-in');
    is($revoke->('jti:late', 'a', '3 hours', 3), 0, 'a token');
    is($revoke->('iat:1:a', 'a', '2 hours', 3), 0, 'another');
    is($revoke->('jti:new', 'a', '10 s', 3), 0, 'one more');
    is($live->(), 'jti:late jti:new origin_jti:1', 'the one of two hours went');
    is($revoke->('origin_jti:2', 'a', '1 hour', 3), 0, 'a second sign-in');
    is($live->(), 'jti:late origin_jti:1 origin_jti:2', 'the shortest went');
    is($revoke->('origin_jti:3', 'a', '1 hour', 3), 0, 'a third');
    is($live->(), 'origin_jti:1 origin_jti:2 origin_jti:3', 'the last went');
    is(v('SELECT count(*) FROM revocations WHERE until = \'-infinity\''), 3,
        'they stay as rows for gateways to see');
    is(v('SELECT social_revocations_expire(100)'), 3, 'and are over');

    # what a lower max= finds is not let go for nothing

    v('DELETE FROM revocations');
    is($revoke->("origin_jti:$_", 'a', '1 day', 9), 0, 'a sign-in') for 1 .. 3;
    is($revoke->("jti:$_", 'a', '90 s', 9), 0, 'a token') for 1, 2;
    my $all = $live->();
    like($revoke->('origin_jti:4', 'a', '1 day', 3), qr/\A(?:8\d|90)\z/,
        'none, until the first is over');
    is($live->(), $all, 'as before');
    is($revoke->('origin_jti:4', 'a', '1 day', 4), 0, 'room by two');
    is($live->(), 'origin_jti:1 origin_jti:2 origin_jti:3 origin_jti:4',
        'both went');

    # what an operator ended is not counted

    v('DELETE FROM revocations');
    v("SELECT social_revoke('i', 'iat:1:a', now() + interval '1 day')");
    is($revoke->('origin_jti:1', 'a', '1 day', 1), 0, 'room for one');
    is($revoke->('origin_jti:2', 'a', '1 day', 1), 3600, 'and no more');

    # many at once

    v('DELETE FROM revocations');
    my @got = at_once(map { "SELECT social_revoke('i', 'origin_jti:$_',"
        . " social_session_id('i', 'origin_jti:$_'), now() + interval"
        . " '1 day', 'a', 4)" } 1 .. 12);
    is(join(' ', sort @got), '0 0 0 0' . ' 3600' x 8, 'twelve at once');
    is(v('SELECT count(*) FROM revocations'), 4, 'four rows');

    # whoever comes while another is not committed yet has to wait for it

    my $other = fork // die;

    if (!$other) {
        $pg->attempt("BEGIN; SELECT social_revoke('i', 'origin_jti:w',"
            . " social_session_id('i', 'origin_jti:w'), now() + interval"
            . " '1 day', 'w', 1); SELECT pg_sleep(0.7); COMMIT;");
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event"
        . " = 'PgSleep'", 1, 10);
    is($revoke->('origin_jti:x', 'w', '1 day', 1), 3600, 'after another');
    waitpid $other, 0;
    v('DELETE FROM revocations');
};


subtest 'revocations from before the second migration' => sub {
    v('CREATE DATABASE old');

    (my $conninfo = $pg->conninfo) =~ s/dbname=\w+/dbname=old/;
    my $dir = File::Temp->newdir;
    my $psql = "psql -X -q -A -t -d '$conninfo' -c";

    local $ENV{SOCIAL_DATABASE} = $conninfo;
    local $ENV{SOCIAL_SQL} = "$dir";

    system "cp conf/sql/001_init.sql $dir/ && scripts/migrate >/dev/null 2>&1";
    system qq($psql "INSERT INTO revocations VALUES ('i', 'jti:x', now() + interval '1 day')");
    system "cp conf/sql/*.sql $dir/";
    system qq($psql "INSERT INTO revocations VALUES ('i', 'iat:12:a:b', now() + interval '1 day')");
    like(scalar(`scripts/migrate 2>&1`), qr/applied 002_revocations.*applied 005_/s, 'applied');
    is(`$psql "SELECT subject = social_subject_id('i', 'a:b') FROM revocations ORDER BY session"`,
        "t\n\n", 'the subject is known where the session names it');
    is(`$psql "SELECT id = social_session_id('i', 'jti:x') AND xact IS NOT NULL FROM revocations WHERE session = 'jti:x'"`,
        "t\n", 'the row is kept, and has an id');
};


subtest 'backoff' => sub {
    v("INSERT INTO jobs (queue, kind, max_attempts, state, worker, attempt)
        SELECT 'b', 'x', 20, 'running', 'w', 5 FROM generate_series(1, 200)");
    v("SELECT social_job_fail(id, 5, 'w', false, 'e', 'r') FROM jobs");
    my ($least, $most, $mean) = split /\|/, v("SELECT
        extract(epoch from min(run_at - now())),
        extract(epoch from max(run_at - now())),
        extract(epoch from avg(run_at - now())) FROM jobs");
    cmp_ok($least, '<', 5, 'some are tried at once');
    cmp_ok($most, '<=', 32, 'none later than the doubled time');
    cmp_ok($most, '>', 26, 'some near it');
    ok($mean > 11 && $mean < 21, "on the average in the middle ($mean)");
};


done_testing();
