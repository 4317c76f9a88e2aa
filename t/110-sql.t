#!/usr/bin/perl

# The migrations and the SQL functions, on a PostgreSQL for this suite alone.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA ();
use Test::More;
use Time::HiRes qw(sleep);
use SocialPostgres;

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;


sub v { return $pg->value($_[0]) }

# Runs each of the statements in its own session, all at the same time;
# returns their answers, failures as "ERROR ...".  Who is kept waiting for a
# lock tries again, as everybody has to.

sub at_once {
    my @statements = @_;
    my @pipes;

    for my $sql (@statements) {
        pipe my $r, my $w or die;
        my $pid = fork;
        die unless defined $pid;

        if (!$pid) {
            close $r;
            my ($out, $ok);

            for (1 .. 20) {
                ($out, $ok) = $pg->attempt("$sql;");
                last if $ok || $out !~ /due to lock timeout/;
            }

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

    # what PostgreSQL ends for the sake of another session is run again

    v('CREATE SEQUENCE tries');
    open $f, '>', "$dir/900_late.sql";
    print $f "DO \$\$ BEGIN IF nextval('tries') < 3 THEN RAISE 'deadlock"
        . " detected' USING ERRCODE = '40P01'; END IF; END \$\$;\n";
    close $f;
    $out = `scripts/migrate 2>&1`;
    is($out, "applied 900_late\n", 'a deadlock is not the end');
    unlink "$dir/900_late.sql";
    v("DELETE FROM schema_migrations WHERE version = '900'");
    v('DROP SEQUENCE tries');

    system "echo '-- a comment' >> $dir/001_init.sql";
    $out = `scripts/migrate 2>&1`;
    like($out, qr/\Athe database is up to date$/,
        'comments may change');

    my ($digest) = `grep 002_revocations conf/sql/earlier` =~ /^(\w+)/;
    v("UPDATE schema_migrations SET checksum = '$digest' WHERE version = '002'");
    $out = `scripts/migrate 2>&1`;
    unlike($out, qr/warning/, 'the text that an earlier version recorded');

    system "echo 'SELECT 1;' >> $dir/001_init.sql";
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
        qr/^(user-[0-9a-f]{16}) \1$/, 'a name that is the subject is none');
    v("SELECT social_user_sync('i', 's3', 'carol', NULL, 'Carol')");
    is(v("SELECT handle, display_name FROM users WHERE sub = 's3'"),
        'carol|Carol', 'what was made up gives way to a name');

    v("SELECT social_user_sync('i', 's4', 'me', NULL, NULL)");
    v("SELECT social_user_sync('i', 's5', NULL, NULL, 'Zoë')");
    like(v("SELECT handle, display_name FROM users WHERE sub = 's5'"),
        qr/^user-[0-9a-f]{16}\|Zoë$/, 'a display name without a handle');
    v("SELECT social_user_sync('i', 's5', 'me', NULL, NULL)");
    is(v("SELECT handle, display_name FROM users WHERE sub = 's5'"),
        'me-5|Zoë', 'a made-up handle gives way to a suffixed one');

    v("SELECT social_user_sync('i', 's6', '<b>é/../x', NULL, NULL)");
    is(v("SELECT handle FROM users WHERE sub = 's6'"), 'be..x',
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


my $issued = 0;

# A user of the name, e-mail address and full name; handle and display name.

sub named {
    my @said = map { defined ? "'" . s/'/''/gr . "'" : 'NULL' } @_[0 .. 2];
    my $sub = 'n' . ++$issued;

    return (split /\n/, v("SELECT social_user_sync('n', '$sub', $said[0],
        $said[1], $said[2]);
        SELECT handle, display_name FROM users WHERE sub = '$sub'"))[-1];
}


# of sign-in, and what is in a name made of it, if it ever gets through

my @private = (
    'Google_108123456789012345678', 'google_108123456789012345678',
    'Facebook_10158272231234567', 'Facebook_7',
    'LoginWithAmazon_amzn1.account.AEYFFFFFFFFFFFFFFFFFFFFFFFFA',
    'SignInWithApple_001234.0a1b2c3d4e5f60718293a4b5c6d7e8f9.0123',
    'signinwithapple_x', 'GitHub_583231',
    'MyOkta_00u1a2b3c4d5e6f7G8h9',
    'Entra_AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
    'MyIdp_abcdefghijklmnopqrstuv', 'a1bcdefghijklmnopqrst',
    'KC_4b3f1c0e-8b60-4e5e-9a3f-2f6a2d8a7c11',
    'Corp_jane.doe@corp.example', 'LINE_U4af4980629a1b2c3d4e5f60718293a4b',
    'auth0|5f7c8ec7c33c6c004bbafe82', 'google-oauth2|7', 'CORP\\jdoe',
    '+4915112345678', '4915112345678', '0049 151 123 456 78', '(030) 1234-5',
    '+49.151.12345678', 'tel:+4915112345678', '12345', '0',
    "\x{d9}\x{a1}\x{d9}\x{a2}+49151123", 'whatsapp-49 151 1234567',
    'carol@example.com', 'carol+tag@example.com', '@carol', 'carol@',
    '164961f8-13f7-40ed-a8ca-d441d8ec4724', '164961f813f740eda8cad441d8ec4724',
    '164961F8-13F7-40ED-A8CA-D441D8EC4724',
    "Face\x{e2}\x{80}\x{8b}book_7",
    "jane\x{ef}\x{bc}\x{a0}example.com", 'jane%40example.com',
    'jane.doe(at)example.com', 'jane [AT] example.com', 'github:12345',
    'x+15551234',
);

my @public = (
    'andrew', 'jane_doe', 'jane_doe_84', 'Jane.Doe-1984', '_x_', 'r2-d2',
    'ann2024', 'ann_2024', 'christopher_robin', 'carl.philipp.emanuel.bach',
    'user_of_google', 'google', 'Facebook', 'a',
);

my $made_up = qr/^(user-[0-9a-f]{16})\|\1$/;


subtest 'private identifiers do not become handles' => sub {
    for my $name (@private) {
        like(named($name, 'carol@example.com', undef), $made_up, "\"$name\"");
        like(named($name, undef, undef), $made_up, "\"$name\", alone");
        like(named(undef, 'carol@example.com', $name), $made_up,
            "\"$name\", as a full name")
            unless $name =~ /^\@|\@$|[^[:ascii:]]/;
        like(named($name, undef, 'Zoë D.'),
            qr/^user-[0-9a-f]{16}\|Zoë D\.$/, "\"$name\", of Zoë");
    }

    for my $name (@public) {
        is(named($name, undef, undef), "$name|$name", "\"$name\"");
    }

    is(named('dora', 'dora@example.com', undef), 'dora|dora',
        'who chose the local part of the own address has it');
    like(named('', 'ann@example.com', ' ann@example.com '), $made_up,
        'an address is not a full name');
    is(named('eve', undef, "\x{e6}\x{9d}\x{8e} 4"), "eve|\x{e6}\x{9d}\x{8e} 4",
        'a full name in any letters');
    is(named('eva', undef, 'Eva @ Work'), 'eva|Eva @ Work', 'or signs');

    v("SELECT social_user_sync('n', 'AbC', 'aBc', NULL, 'ABC')");
    like(v("SELECT handle, display_name FROM users WHERE sub = 'AbC'"),
        $made_up, 'nor is the subject, whatever its letters');
};


subtest 'a made-up handle says nothing' => sub {
    v("SELECT social_user_sync('m', '108123456789012345678', NULL, NULL, NULL)");
    my $row = "FROM users WHERE issuer = 'm'";
    my $first = v("SELECT handle $row");

    v("DELETE $row");
    v("SELECT social_user_sync('m', '108123456789012345678', NULL, NULL, NULL)");
    isnt(v("SELECT handle $row"), $first, 'nothing of who it is for');

    $first = v("SELECT handle $row");
    v("SELECT social_user_sync('m', '108123456789012345678',
        'Google_108123456789012345678', 'gail\@example.com', NULL)");
    like(v("SELECT handle, display_name, email $row"),
        qr/^\Q$first|$first|gail\E\@example\.com$/,
        'a private name does not take its place');

    v("SELECT social_user_sync('m', '108123456789012345678', NULL, NULL, 'Gail')");
    is(v("SELECT handle, display_name $row"), "$first|Gail",
        'a full name comes without a handle');

    v("UPDATE users SET handle = 'gail' WHERE issuer = 'm'");
    v("SELECT social_user_sync('m', '108123456789012345678', 'other', NULL, 'G')");
    is(v("SELECT handle, display_name $row"), 'gail|Gail', 'until it is chosen');

    # chosen while it is synchronized: the row is locked, then changed

    v("SELECT social_user_sync('m', 'racer', NULL, NULL, NULL)");
    my @got = at_once(
        "BEGIN; UPDATE users SET handle = 'chosen' WHERE sub = 'racer';
            SELECT pg_sleep(1.5); COMMIT",
        "SELECT pg_sleep(0.5);
            SELECT social_user_sync('m', 'racer', 'said', 'r\@x', 'Race')");
    is(scalar(grep { /ERROR/ } @got), 0, 'both go through') or diag("@got");
    is(v("SELECT handle, display_name, email FROM users WHERE sub = 'racer'"),
        'chosen|Race|r@x', 'what was chosen meanwhile is kept');
};


subtest 'a name that only a token says' => sub {
    my $row = "handle FROM users WHERE issuer = 't'";

    v("SELECT social_user_seen('t', '1', 'andrea')");
    is(v("SELECT $row AND sub = '1'"), 'andrea', 'a handle');

    # of jane at the identity provider of a company, or of Jane Doe

    for my $name ('Corp_jane', 'jane_ann', 'Google_1', 'a@x', '') {
        v("SELECT social_user_seen('t', 'x$name', '$name')");
        like(v("SELECT $row AND sub = 'x$name'"), qr/^user-[0-9a-f]{16}$/,
            "\"$name\" might be none");

        v("SELECT social_upload_create(gen_random_uuid(), 't', 'u$name',
            '$name', 'avatar', 'raw', 'raw/t/$name', 'image/jpeg', 1, NULL,
            '5 minutes')");
        like(v("SELECT $row AND sub = 'u$name'"), qr/^user-[0-9a-f]{16}$/,
            'with an upload, too');
    }

    v("SELECT social_user_sync('t', 'xjane_ann', 'jane_ann', NULL, NULL)");
    is(v("SELECT $row AND sub = 'xjane_ann'"), 'jane_ann',
        'the issuer says that it is one');
    v("SELECT social_user_seen('t', 'xjane_ann', 'jane_ann')");
    is(v("SELECT $row AND sub = 'xjane_ann'"), 'jane_ann', 'which stays');
    v('DELETE FROM uploads');
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


# An upload's state as its owner sees it.

sub state_of {
    my ($id) = @_;
    return v("SELECT social_upload_get(uploads.id, issuer, sub) ->> 'state'
        FROM uploads JOIN users ON users.id = user_id
        WHERE uploads.id = '$id'");
}


# Leases that are over are looked for ten times a second at most.

sub claim {
    my ($worker, $count, $lease) = @_;
    sleep 0.12;
    return v("SELECT id, attempt, kind, payload->>'key' FROM social_jobs_claim(
        'images', '$worker', '@{[ $lease // '1 minute' ]}', $count)");
}


# What gateways call makes others wait behind it: it gives up soon, whichever
# migration replaced it last.

subtest 'locks' => sub {
    my @called = qw( social_user_sync social_upload_create social_upload_get
                     social_object_created social_revoke social_user_token
                     social_sign_up_refused social_user_seen social_user_delete
                     social_user_export social_users_sync
                     social_users_token social_uploads_create
                     social_objects_event social_limits_exchange
                     social_limits_expire social_logout social_jobs_status );

    # every function that the module calls over the connections of requests

    my %found;

    for my $file (glob 'ngx_social_module/http/*/*.c') {
        next if $file =~ m{/session/};    # it has its own connection
        open my $in, '<', $file or die;
        local $/;
        $found{$_}++ for <$in> =~ /"SELECT (?:\S+(?: \w+)* FROM"?\s+"?\s*)?(social_\w+)\(/g;
    }

    is(join(' ', sort keys %found), join(' ', sort @called),
       'that is what gateways call');

    for my $name (@called) {
        is(v("SELECT bool_and(coalesce(proconfig, '{}')
                              @> '{lock_timeout=250ms}')
                 FROM pg_proc WHERE proname = '$name'"), 't', $name);
    }

    v("SELECT social_user_sync('i', 'locked', 'locked', 'e', 'n')");

    # of a lock within, that another function holds in turn

    my $pid = fork // die;

    if (!$pid) {
        $pg->attempt("SET application_name = 'holder'; BEGIN;
            SELECT FROM users WHERE sub = 'locked' FOR UPDATE;
            SELECT pg_sleep(60);");
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE
        application_name = 'holder' AND wait_event = 'PgSleep'", 1);

    my ($out, $ok) = $pg->attempt("\\set VERBOSITY verbose
        SELECT social_user_sync('i', 'locked', 'locked', 'f', 'n');");

    is($ok, '', 'it is an error');
    like($out, qr/ERROR: +55P03: .*lock timeout/, 'of its kind');

    v("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE
        application_name = 'holder'");
    waitpid $pid, 0;
};


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
        'the same user signs the same key again');

    v("SELECT social_user_delete('i', 'gone')");
    is(v("SELECT social_upload_create(gen_random_uuid(), 'i', 'gone', 'gone',
        'avatar', 'raw', 'raw/gone', NULL, 1, NULL, '1 minute') IS NULL"), 't',
        'none for the deleted');

    # who leaves while a URL is being signed

    upload('leaves', 'post', 'raw/leaves');
    my $until = sub {
        return "DO 'BEGIN FOR i IN 1 .. 200 LOOP EXIT WHEN EXISTS ($_[0]);
            PERFORM pg_sleep(0.1); END LOOP; END'";
    };

    my (undef, $late) = at_once(
        "BEGIN; SELECT social_user_delete('i', 'leaves');
         SELECT pg_advisory_xact_lock(78);"
        . $until->("SELECT FROM pg_locks WHERE NOT granted") . '; COMMIT',
        $until->("SELECT FROM pg_locks WHERE locktype = ''advisory''
            AND objid = 78")
        . "; SELECT social_upload_create(gen_random_uuid(), 'i', 'leaves',
            'leaves', 'avatar', 'raw', 'raw/late', NULL, 1, NULL, '1 minute')
            IS NULL");
    like($late, qr/^t$/m, 'none for one who was deleted meanwhile');
    v("DELETE FROM jobs");

    is(created('e1', 'raw/u1/a.jpg', '"abc"'), 'queued', 'an object came');
    is(created('e1', 'raw/u1/a.jpg', '"abc"'), 'duplicate', 'the event again');
    is(created('e1-other', 'raw/u1/a.jpg', 'abc'), 'duplicate',
        'the object by another event');
    is(created('e2', 'raw/nobody', 'x'), 'ignored', 'an unknown key');
    is(v("SELECT count(*) FROM events WHERE event_id = 'e2'"), 0,
        'leaves no row');
    is(v("SELECT state FROM uploads WHERE id = '$again'"), 'stored', 'stored');

    # as a gateway does whose connection was lost when it had been created

    is(v("SELECT social_upload_create('$again', 'i', 'u1', 'u1', 'avatar',
        'raw', 'raw/u1/a.jpg', 'image/jpeg', 100, NULL, '5 minutes')"), $again,
        'created once more');
    is(v("SELECT state, generation FROM uploads WHERE id = '$again'"),
        'stored|1', 'the object is still there');
    is(v("SELECT count(*) FROM jobs"), 1, 'one job');

    is(created('e3', 'raw/u1/a.jpg', 'def'), 'queued', 'another object');
    is(v("SELECT string_agg(state, ' ' ORDER BY id) FROM jobs"), 'done ready',
        'takes the place of the one that waited');

    upload('u3', 'post', 'raw/u3/a.jpg');
    my @out = at_once(map { "SELECT social_object_created('test', 'e4', 'raw',
        'raw/u3/a.jpg', 1, 'x')" } 1 .. 8);
    is(scalar(grep { $_ eq 'queued' } @out), 1, 'eight at once: queued once');
    is(scalar(grep { $_ eq 'duplicate' } @out), 7, 'the others are duplicates');

    @out = at_once(map { "SELECT social_object_created('test', 'e5-$_', 'raw',
        'raw/u2/a.jpg', 1, 'y')" } 1 .. 8);
    is(scalar(grep { $_ eq 'queued' } @out), 1,
        'eight events of one object: queued once');

    # a claim follows priority, then age
    like(claim('w', 1), qr/\|1\|avatar\|/, 'avatars go first');
    is(state_of($again), 'processing', 'and the upload says so');
    v('DELETE FROM jobs');
};


# Announcements with numbers, as the store sends them.

subtest 'sequence' => sub {
    my $numbered = sub {
        my ($event, $etag, $sequence) = @_;
        return v("SELECT social_object_created('test', '$event', 'raw',
            'raw/u5/a.jpg', 100, '$etag', $sequence)");
    };

    my $row = sub {
        return v("SELECT etag, sequence FROM uploads
                  WHERE object_key = 'raw/u5/a.jpg'");
    };

    upload('u5', 'post', 'raw/u5/a.jpg');

    is($numbered->('s2', 'two', 2), 'queued', 'the second comes first');
    is($numbered->('s1', 'one', 1), 'stale', 'the first has no effect');
    is($row->(), 'two|2', '... the row is that of the second');
    is($numbered->('s2b', 'three', 2), 'stale', 'a number counts once');
    is($numbered->('s3', 'two', 3), 'duplicate', 'the same bytes again');
    is($row->(), 'two|3', '... have a number too');
    is($numbered->('s1b', 'one', 2), 'stale', '... and older ones have none');
    is($numbered->('s4', 'one', 4), 'queued', 'a later one does');
    is(created('s5', 'raw/u5/a.jpg', 'five'), 'queued',
       'one without a number is the latest');
    is($row->(), 'five|4', '... and leaves it');
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


subtest 'no more than were asked for' => sub {
    # statistics of a table of one row make the planner choose a nested loop

    v("INSERT INTO jobs (queue, kind) VALUES ('images', 'x')");
    $pg->sql('VACUUM ANALYZE jobs;');
    v("INSERT INTO jobs (queue, kind) SELECT 'images', 'x'
        FROM generate_series(1, 20)");
    is(() = claim('w', 2) =~ /^\d/mg, 2, 'two jobs');
    is(() = claim('w', 0) =~ /^\d/mg, 0, 'none');
    is(v("SELECT count(*) FROM jobs WHERE state = 'running'"), 2, 'of all');
    v('DELETE FROM jobs');

    my $old = "now() - interval '99 days'";
    v("INSERT INTO jobs (queue, kind, state, finished_at)
        VALUES ('images', 'x', 'done', $old)");
    $pg->sql('VACUUM ANALYZE jobs;');
    v("INSERT INTO jobs (queue, kind, state, finished_at)
        SELECT 'images', 'x', 'done', $old FROM generate_series(1, 20)");
    is(v('SELECT social_prune(p_batch => 2)'), 2, 'two are pruned');
    v('DELETE FROM jobs');

    v("INSERT INTO revocations (issuer, session, until)
        VALUES ('i', 'jti:0', $old)");
    $pg->sql('VACUUM ANALYZE revocations;');
    v("INSERT INTO revocations (issuer, session, until)
        SELECT 'i', 'jti:' || i, $old FROM generate_series(1, 20) i");
    is(v('SELECT social_revocations_expire(2)'), 2, 'two revocations expire');
    v('DELETE FROM revocations');

    my @files = glob 'conf/sql/*.sql';
    my %last;

    for my $file (sort @files) {
        open my $f, '<', $file or die "$file: $!";
        my $sql = do { local $/; <$f> };
        $sql =~ s/--.*//g;
        $last{$1} = $2 while $sql =~ /^CREATE\b[^;(]*\bFUNCTION\s+(\w+)
            (.*?)^\$\$;$/gmsx;
    }

    cmp_ok(scalar(keys %last), '>', 20, 'of all functions');
    is(join(' ', grep { $last{$_} =~ /\bIN\s*\(\s*SELECT(?:[^()]|\(\))*\bLIMIT\b/ }
        sort keys %last), '', 'none has LIMIT in a subquery of IN');
};


subtest 'payloads that nobody can use' => sub {
    my $bad = '{"upload": "nonsense", "generation": 1}';
    my $n = 0;

    for my $payload ($bad, '{"upload": null}', '{}', '[]', '"x"', '7', 'null',
        '{"upload": {"a": 1}, "generation": "x"}',
        '{"upload": "00000000-0000-4000-8000-00000000000", "generation": 1}',
        '{"upload": "00000000-0000-4000-8000-000000000001",
          "generation": 99999999999999999999}',
        '{"upload": "00000000-0000-4000-8000-000000000001",
          "generation": -1.5}')
    {
        v("INSERT INTO jobs (queue, kind, payload, priority)
            VALUES ('images', 'x', '$payload', @{[ ++$n ]})");
    }

    my $id = upload('pay', 'post', 'raw/pay');
    created('pay', 'raw/pay', 'a');
    my @got = split /\n/, claim('w', 50);
    is(scalar @got, $n + 1, 'keep no job from being claimed');
    is(state_of($id), 'processing', 'the good one is at work');

    is(v("SELECT count(*) FROM jobs WHERE social_job_fail(id, 1, 'w',
        'unavailable', 'e', 'r') <> 'ready'"), 0, 'each is tried again');
    v("UPDATE jobs SET run_at = now()");
    claim('w', 50);
    is(v("SELECT count(*) FROM jobs WHERE social_job_finish(id, 2, 'w', '{}',
        'p', 'k')"), $n + 1, 'finished');
    v("UPDATE jobs SET state = 'ready'");
    claim('lost', 50, '-1 second');
    is(() = claim('w', 50) =~ /^\d/mg, $n + 1, 'or lost');
    v("SELECT social_job_fail(id, 4, 'w', 'permanent', 'e', 'r') FROM jobs");
    is(v("SELECT count(*) FROM jobs WHERE social_job_retry(id)"), $n + 1,
        'tried by a person');
    is(v("SELECT count(*) FROM jobs WHERE social_job_discard(id)"), $n + 1,
        'and discarded');
    v('DELETE FROM jobs');
};


subtest 'a claim waits for no row' => sub {
    my $id = upload('wait', 'post', 'raw/wait');
    created('wait', 'raw/wait', 'a');

    my $until = sub {
        return "DO 'BEGIN FOR i IN 1 .. 200 LOOP EXIT WHEN EXISTS ($_[0]);
            PERFORM pg_sleep(0.1); END LOOP; END'";
    };

    my ($locked, $got) = at_once(
        "BEGIN; SELECT id FROM uploads WHERE id = '$id' FOR UPDATE;
         SELECT pg_advisory_xact_lock(77);"
        . $until->("SELECT FROM jobs WHERE state = ''running''")
        . "; SELECT count(*) FROM jobs WHERE state = 'ready'; COMMIT",
        $until->("SELECT FROM pg_locks WHERE locktype = ''advisory''
            AND objid = 77")
        . "; SELECT count(*) FROM social_jobs_claim('images', 'w', '1 minute',
            5)");
    like($got, qr/^1$/m, 'the job is claimed');
    like($locked, qr/^0$/m, 'while the row of its upload was locked')
        or diag($locked);
    v('DELETE FROM jobs');
};


subtest 'leases and fences' => sub {
    my $id = upload('f1', 'avatar', 'raw/f1');
    created('f1', 'raw/f1', 'a');

    my ($job) = claim('w1', 1) =~ /^(\d+)\|1\|/;
    ok($job, 'claimed');
    is(v("SELECT social_job_extend($job, 1, 'w1', '1 minute')"), 't', 'extended');
    is(v("SELECT social_job_extend($job, 1, 'w2', '1 hour')"), 'f',
        'not by another worker');
    is(v("SELECT social_job_extend($job, 2, 'w1', '1 hour')"), 'f',
        'nor for another attempt');
    is(claim('w2', 1), '', 'nobody else gets it');

    v("UPDATE job_workers SET lease_until = now() - interval '1 s'
        WHERE name = 'w1'");
    like(claim('w2', 1), qr/^$job\|2\|/, 'after the lease another does');
    is(v("SELECT worker, last_error FROM jobs WHERE id = $job"),
        'w2|the worker "w1" was lost', 'and it is known why');

    is(v("SELECT social_job_finish($job, 1, 'w1', '{\"old\":{}}', 'p', 'k')"), 'f',
        'the one that was slow changes nothing');
    is(v("SELECT coalesce(social_job_fail($job, 1, 'w1', 'permanent', 'e', 'r'),
        '-')"),
        '-', 'nor fails it');
    is(v("SELECT social_job_extend($job, 1, 'w1', '1 hour')"), 'f', 'nor extends');

    is(v("SELECT social_job_finish($job, 2, 'w1', '{\"old\":{}}', 'p', 'k')"),
        'f', 'nor does another worker with the number of this attempt');
    is(v("SELECT coalesce(social_job_fail($job, 2, 'w1', 'permanent', 'e', 'r'),
        '-')"), '-', 'nor fails it');
    is(v("SELECT social_job_release($job, 2, 'w1')"), 'f', 'nor releases it');
    is(state_of($id), 'processing', 'nothing');

    is(v("SELECT social_job_finish($job, 2, 'w2',
        '{\"avatar\":{\"key\":\"images/$id/avatar.jpg\",\"width\":512}}', 'hash',
        'images/$id/avatar.jpg')"), 't', 'the holder finishes');
    is(v("SELECT social_job_finish($job, 2, 'w2', '{}', 'p', 'k')"), 'f', 'once');
    is(v("SELECT state, finished_at IS NOT NULL FROM jobs WHERE id = $job"),
        'done|t', 'the job is done');
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
        'which is ready nevertheless');

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

    is(v("SELECT social_job_fail($job, 1, 'w', 'unavailable', 'S3 said 503', 'r')"),
        'ready', 'a transient failure is tried again');
    is(v("SELECT state, reason IS NULL FROM uploads WHERE id = '$id'"), 'stored|t',
        'the upload waits');

    my $spread = v("SELECT bool_and(run_at - now() < '2 s')
        FROM jobs WHERE id = $job");
    is($spread, 't', 'soon');

    for my $attempt (2 .. 9) {
        v("UPDATE jobs SET run_at = now() WHERE id = $job");
        like(claim('w', 1), qr/^$job\|$attempt\|/, "attempt $attempt");
        my $state = v("SELECT social_job_fail($job, $attempt, 'w',
            'unavailable', 'e', 'We could not read your file.')");
        is($state, 'ready', 'then ready, however many there were');
    }

    is(v("SELECT round(extract(epoch FROM retry_until - created_at)) FROM jobs
        WHERE id = $job"), 86400, 'until it is a day old');
    v("UPDATE jobs SET run_at = now(), retry_until = now() WHERE id = $job");
    claim('w', 1);
    is(v("SELECT social_job_fail($job, 10, 'w', 'unavailable', 'e',
        'We could not read your file.')"), 'dead', 'then it is dead');

    is(v("SELECT state, reason FROM uploads WHERE id = '$id'"),
        'failed|We could not read your file.', 'the upload says why');
    is(v("SELECT social_job_retry($job)"), 't', 'a person tries again');
    like(claim('w', 1), qr/^$job\|11\|/, 'in the next attempt');
    is(v("SELECT social_job_fail($job, 11, 'w', 'unavailable', 'e', 'r')"),
        'ready', 'and for a day');
    v("UPDATE jobs SET run_at = now() WHERE id = $job");
    claim('w', 1);
    is(v("SELECT social_job_fail($job, 12, 'w', 'permanent', 'not an image',
        'Why')"), 'dead', 'a permanent failure is dead at once');
    is(v("SELECT state, reason FROM uploads WHERE id = '$id'"), 'failed|Why',
        'with its reason');
    is(v("SELECT social_job_discard($job)"), 't', 'discarded');

    is(created('x2', 'raw/x1', 'a'), 'queued',
        'the same object again after a failure is another try');
    ($job) = claim('w', 1) =~ /^(\d+)/;
    v("UPDATE jobs SET max_attempts = 1 WHERE id = $job");
    is(v("SELECT social_job_fail($job, 1, 'w', 'died', 'e', 'Gone')"), 'dead',
        'the job\'s own limit, below that of the class');
    v('DELETE FROM jobs');

    for my $class ('timeout 2', 'died 3', 'missing 4', 'permanent 1',
        'nonsense 1')
    {
        my ($name, $tries) = split / /, $class;
        v("INSERT INTO jobs (queue, kind) VALUES ('images', 'x')");

        for my $attempt (1 .. $tries) {
            v("UPDATE jobs SET run_at = now()");
            my ($id) = claim('w', 1) =~ /^(\d+)\|$attempt\|/;

            if ($attempt == $tries && $tries > 1) {
                is(v("SELECT social_job_fail($id, $attempt, 'w', 'unavailable',
                    'e', 'r')"), 'ready', "$name: not another's fault");
                v("UPDATE jobs SET run_at = now()");
                claim('w', 1);
                $attempt++;
            }

            v("SELECT social_job_fail($id, $attempt, 'w', '$name', 'e', 'r')");
            is(v("SELECT state FROM jobs"),
                $attempt < $tries ? 'scheduled' : 'dead',
                "$name: after $attempt");
        }

        v('DELETE FROM jobs');
    }

    v("UPDATE jobs SET finished_at = now() - interval '31 days'");
    v("UPDATE events SET received_at = now() - interval '31 days'");
    v("INSERT INTO revocations VALUES ('i', 'jti:x', now() - interval '1 s')");
    v("INSERT INTO jobs (queue, kind, state, finished_at)
        VALUES ('images', 'x', 'dead', now() - interval '31 days')");
    cmp_ok(v('SELECT social_prune()'), '>', 3, 'what is long over is dropped');
    is(v('SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM events)'), 0,
        'all of it');
};


subtest 'workers that are lost' => sub {
    v('DELETE FROM job_workers');
    v("INSERT INTO jobs (queue, kind, priority) VALUES ('images', 'x', 100),
        ('images', 'other', 99)");
    v("UPDATE jobs SET priority = 1 WHERE kind = 'x'");
    my ($job) = claim('w1', 1, '-1 second') =~ /^(\d+)\|1\|x/;
    ok($job, 'claimed');
    v("UPDATE jobs SET priority = 100 WHERE kind = 'x'");

    is(claim('w2', 2, '-1 second') =~ /^$job\|2\|x/m, 1,
        'the first time another has it at once');
    v("DELETE FROM jobs WHERE kind = 'other'");
    is(claim('w3', 1), '', 'the second time it waits');
    is(v("SELECT state, suspect, last_error,
        run_at - now() BETWEEN '2 minutes' AND '5 minutes' FROM jobs"),
        'scheduled|t|the worker "w2" was lost|t', 'for minutes');

    for my $attempt (3, 4, 5) {
        v("UPDATE jobs SET run_at = now()");
        like(claim("l$attempt", 1, '-1 second'), qr/^$job\|$attempt\|/,
            "attempt $attempt");
        is(claim('w', 1), '', 'lost too');
    }

    is(v("SELECT state, last_error, finished_at IS NOT NULL FROM jobs"),
        'dead|the worker "l5" was lost in the last attempt|t',
        'a job that kills its workers is dead in the end');
    is(v("SELECT social_job_retry($job)"), 't', 'a person tries again');
    is(v("SELECT suspect, failures FROM jobs"), 'f|{}', 'as if it were new');
    v('DELETE FROM jobs');

    # what was not its fault leaves its tries of the other kinds alone

    v("INSERT INTO jobs (queue, kind, failures, attempt)
        VALUES ('images', 'x', '{\"unavailable\": 40}', 40)");
    claim('w', 1, '-1 second');
    like(claim('w', 1), qr/\|42\|/, 'tried again after forty outages');
    v('DELETE FROM jobs');
};


subtest 'suspects go behind all others' => sub {
    my $ready = sub {
        my ($kind, $n, $suspect, $ago) = @_;
        v("INSERT INTO jobs (queue, kind, suspect, priority, run_at)
            SELECT 'images', '$kind', $suspect, 1,
                now() - interval '@{[ $ago // '1 minute' ]}'
            FROM generate_series(1, $n)");
    };
    my $kinds = sub {
        my ($n, $suspects) = @_;
        return join ' ', sort split /\n/, v("SELECT kind FROM
            social_jobs_claim('images', 'w', '1 minute', $n, $suspects)");
    };

    $ready->('bad', 5, 'true');
    $ready->('good', 3, 'false', '0 s');
    v("UPDATE jobs SET priority = 100 WHERE kind = 'good'");

    is($kinds->(2, 2), 'good good', 'whatever their priority and age');
    is($kinds->(3, 1), 'bad good', 'no more of them than were asked for');
    is($kinds->(3, 0), '', 'none');
    is($kinds->(3, 'NULL'), 'bad bad bad', 'all, where nothing is said');
    v('DELETE FROM jobs');

    $ready->('bad', 1, 'true');
    $ready->('old', 2, 'true', '6 minutes');
    $ready->('good', 5, 'false');
    is($kinds->(3, 1), 'good good old', 'those that wait for long have a turn');
    is($kinds->(5, 0), 'good good good', 'not where they have none');
    v('DELETE FROM jobs');

    my ($id) = v("INSERT INTO jobs (queue, kind) VALUES ('images', 'x')
        RETURNING id");
    for my $class ('missing', 'unavailable', 'died') {
        v("UPDATE jobs SET run_at = now()");
        my ($attempt) = claim('w', 1) =~ /^\d+\|(\d+)/;
        v("SELECT social_job_fail($id, $attempt, 'w', '$class', 'e', 'r')");
        is(v('SELECT suspect FROM jobs'), $class eq 'died' ? 't' : 'f', $class);
    }

    my $out = $pg->sql("LISTEN social_jobs;
        UPDATE jobs SET run_at = now();
        INSERT INTO jobs (queue, kind) VALUES ('images', 'y');
        SELECT social_jobs_wake('images', 100, max(id)) FROM jobs;");
    like($out, qr/notification "social_jobs"/,
        'one that waits does not keep others from waking a worker');
    v('DELETE FROM jobs');
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
        'never for shorter, and without a new transaction ID');

    v("SELECT social_revoke('i', 'jti:a', now() + interval '2 days')");
    is(v("SELECT until > now() + interval '25 hours',"
        . " xact > xid8 '$xact' $row"), 't|t', 'for longer it is');
    is(v("SELECT count(*) $row"), 1, 'one row');

    v("SELECT social_revoke('i', 'jti:b', '\\x00112233445566778899aabbccddeeff',"
        . " $day)");
    is(v("SELECT encode(id, 'hex') FROM revocations WHERE session = 'jti:b'"),
        '00112233445566778899aabbccddeeff', 'by the id that was given');

    my (undef, $ok) = $pg->attempt("SELECT social_revoke('i', 'jti:x', '\\x00', $day);");
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
    is($revoke->('origin_jti:1', 'a', '1 hour', 3), 0, 'and for shorter');
    is(v("SELECT until > now() + interval '4 days' FROM revocations"
        . " WHERE session = 'origin_jti:1' AND issuer = 'i'"), 't',
        'which shortens nothing');
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

    # a call while another is not committed yet has to wait for it

    my $other = fork // die;

    if (!$other) {
        $pg->attempt("BEGIN; SELECT social_revoke('i', 'origin_jti:w',"
            . " social_session_id('i', 'origin_jti:w'), now() + interval"
            . " '1 day', 'w', 1); SELECT pg_sleep(0.7); COMMIT;");
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event"
        . " = 'PgSleep'", 1, 10);
    is((at_once("SELECT social_revoke('i', 'origin_jti:x',"
        . " social_session_id('i', 'origin_jti:x'), now() + interval"
        . " '1 day', 'w', 1)"))[0], 3600, 'after another');
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


subtest 'handles from before the third migration' => sub {
    v('CREATE DATABASE handles');

    (my $conninfo = $pg->conninfo) =~ s/dbname=\w+/dbname=handles/;
    my $dir = File::Temp->newdir;

    local $ENV{SOCIAL_DATABASE} = $conninfo;
    local $ENV{SOCIAL_SQL} = "$dir";

    my $psql = sub {
        open my $p, '-|', 'psql', '-X', '-q', '-A', '-t', '-v',
            'ON_ERROR_STOP=1', '-d', $conninfo, '-c', $_[0] or die;
        local $/;
        my $out = <$p> // '';
        close $p or fail("psql: $_[0]");
        $out =~ s/\n\z//;
        return $out;
    };

    # made by the functions of the first migration

    my @rows = (
        [ 'keeps', 'jane_doe', 'jd@x', 'Jane' ],
        [ 'bare', 'andrew', undef, undef ],
        [ 'google', 'Google_108123456789012345678', undef, undef ],
        [ 'again', 'Google_108123456789012345678', undef, undef ],
        [ 'saml', 'MyCompanyIdentityProviders_00u1a2b3c4d5e6f7g8', undef,
            undef ],
        [ 'saml2', 'MyCompanyIdentityProviders_00u1a2b3c4d5e6f7g8', undef,
            undef ],
        [ 'phone', '+4915112345678', undef, undef ],
        [ 'named', '+4915112345678', undef, 'Zora' ],
        [ 'mail', 'carol.s@example.com', 'Carol.S@example.com', undef ],
        [ 'mail2', 'carol.s@example.org', 'carol.s@example.org', undef ],
        [ 'mail3', 'Carol+tag@example.com', 'carol+tag@example.com', 'Carol' ],
        [ 'mail4', 'carol.s@example.net', 'carol.s@example.net', 'Carol' ],
        [ 'long', 'a-very-long-local-part-of-some-address@x',
            'a-very-long-local-part-of-some-address@x', undef ],
        [ 'long2', 'a-very-long-local-part-of-some-address@y',
            'a-very-long-local-part-of-some-address@y', undef ],
        [ 'name', 'nora', 'nora.n@x', 'nora.n@x' ],
        [ 'none', 'none', undef, undef ],
        [ 'chose', 'Google_118123456789012345678', undef, undef ],
        [ 'chose2', 'chose2', undef, undef ],
    );

    system "cp conf/sql/001*.sql conf/sql/002*.sql $dir/"
        . ' && scripts/migrate >/dev/null 2>&1';

    for my $row (@rows) {
        my ($sub, @said) = map { defined ? "'$_'" : 'NULL' } @$row;
        $psql->("SELECT social_user_sync('i', $sub, " . join(', ', @said) . ')');
    }

    $psql->("UPDATE users SET handle = 'my-' || sub WHERE sub LIKE 'chose%'");
    my $none = $psql->("SELECT handle FROM users WHERE sub = 'none'");
    is($psql->("SELECT handle FROM users WHERE sub = 'again'"),
        'Google_10812345678901234-2', 'as it was');

    system "cp conf/sql/003*.sql $dir/";
    like(scalar(`scripts/migrate 2>&1`), qr/applied 003_handles/, 'applied');

    my %got = map { my ($sub, @of) = split /\|/; ($sub => "@of") }
        split /\n/, $psql->('SELECT sub, handle, display_name FROM users');

    is($got{keeps}, 'jane_doe Jane', 'a handle that is none of those');
    is($got{bare}, 'andrew andrew', 'and one without a full name');
    is($got{chose}, 'my-chose my-chose',
        'one that was chosen stays, and what it was goes from the name, too');
    is($got{chose2}, 'my-chose2 my-chose2', 'so does what was made up');
    like($got{$_}, qr/^(user-[0-9a-f]{16}) \1$/, "another: $_")
        for qw( google again saml saml2 phone mail mail2 long long2 none );
    like($got{named}, qr/^user-[0-9a-f]{16} Zora$/, 'a full name stays');
    like($got{$_}, qr/^user-[0-9a-f]{16} Carol$/, "and goes with none: $_")
        for qw( mail3 mail4 );
    is($got{name}, 'nora nora', 'an address is not a full name');
    unlike($got{none}, qr/$none/, 'what was made of the subject is no more');

    is($psql->('SELECT count(*) FROM users WHERE handle = made_up'), 13,
        'they are known to be made up');
    is($psql->('SELECT count(*) FROM users'), scalar @rows, 'all are there');

    my $at = $psql->('SELECT string_agg(handle, $$ $$ ORDER BY sub) FROM users');
    $psql->("SELECT social_user_sync('i', 'google',
        'Google_108123456789012345678', NULL, NULL)");
    is($psql->('SELECT string_agg(handle, $$ $$ ORDER BY sub) FROM users'), $at,
        'and stay so when they are said again');

    $psql->("SELECT social_user_sync('i', 'google', 'gus', NULL, 'Gus')");
    is($psql->("SELECT handle, display_name FROM users WHERE sub = 'google'"),
        'gus|Gus', 'and give way to a name');
};


subtest 'backoff' => sub {
    v("INSERT INTO jobs (queue, kind, state, worker, attempt, failures)
        SELECT 'b', 'x', 'running', 'w', 9, '{\"unavailable\": 4}'
        FROM generate_series(1, 200)");
    my ($least, $most, $mean) = split /\|/, (split /\n/, v("BEGIN;
        SELECT count(social_job_fail(id, 9, 'w', 'unavailable', 'e', 'r'))
            FROM jobs;
        SELECT
        extract(epoch from min(run_at - now())),
        extract(epoch from max(run_at) - clock_timestamp()),
        extract(epoch from avg(run_at - now())) FROM jobs;
        COMMIT"))[-1];
    cmp_ok($least, '<', 5, 'some are tried at once');
    cmp_ok($most, '<=', 32, 'none later than the doubled time');
    cmp_ok($most, '>', 26, 'some near it');
    ok($mean > 11 && $mean < 21, "on the average in the middle ($mean)");

    v("UPDATE jobs SET state = 'running', failures = '{\"unavailable\": 400}'");
    v("SELECT social_job_fail(id, 9, 'w', 'unavailable', 'e', 'r') FROM jobs");
    is(v("SELECT bool_and(run_at - now() < '5 minutes')
        AND bool_or(run_at - now() > '2 minutes') FROM jobs"), 't',
        'up to five minutes');
};


done_testing();
