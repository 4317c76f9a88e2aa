#!/usr/bin/perl

# Many users and many uploads by one call: they become what they become one by
# one, nobody waits for another's lock, and what is not plain is left out.

use strict;
use warnings;

use lib 't/lib';

use POSIX ();
use SocialPostgres;
use Test::More;
use Time::HiRes qw( time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my $n = 0;

sub v { return $pg->value($_[0]) }

sub quote {
    my ($value) = @_;
    return defined $value ? "'" . $value =~ s/'/''/gr . "'" : 'NULL';
}

sub array {
    my ($type, @values) = @_;
    return 'ARRAY[' . join(', ', map { quote($_) } @values) . "]::${type}\[]";
}

# The arguments of a user, each a hash: for many, and for one.

my @user = ([ issuer => 'text' ], [ sub => 'text' ], [ username => 'text' ],
    [ email => 'text' ], [ name => 'text' ], [ email_verified => 'boolean' ],
    [ phone => 'text' ], [ phone_verified => 'boolean' ],
    [ at => 'double precision' ], [ event => 'text' ]);

sub users {
    my @users = map { { issuer => 'i', %$_ } } @_;

    return join ', ', map {
        my ($name, $type) = @$_;
        array($type, map { $_->{$name} } @users);
    } @user;
}

sub user {
    my %user = (issuer => 'i', %{ $_[0] });

    return join ', ', map {
        my $value = quote($user{ $_->[0] });
        $_->[0] eq 'at' ? "to_timestamp($value)" : "$value\::$_->[1]";
    } @user;
}

sub rows { return map { [ split /\|/, $_, -1 ] } split /\n/, $_[0] }

# What became of each, and its id.

sub many { return rows(v('SELECT * FROM social_users_sync(' . users(@_) . ')')) }
# One by one.

sub ones {
    return split /\n/, v(join ';', map {
        "SELECT coalesce(social_user_sync(" . user($_) . ")::text, '')"
    } @_), -1;
}

sub one { return (ones($_[0]))[0] // '' }

sub outcomes { return join ' ', map { $_->[0] } @_ }

# As a gateway does it: one by one what was left out.

sub all_of {
    my @got = many(@_);
    my @left = grep { $got[$_][0] ne 'done' } 0 .. $#got;
    my @ids = @left ? ones(@_[@left]) : ();

    $got[$left[$_]] = [ 'done', $ids[$_] ] for 0 .. $#left;

    return map { $_->[1] } @got;
}

sub u { my $s = join '', map { chr } @_; utf8::encode($s); return $s }


# What is there of all users; a generated handle is another one each time, and
# of those who want the same any has it without a suffix.

sub there {
    return v("SELECT sub, left(regexp_replace(regexp_replace(handle,
            '^user-\\w{16}', 'USER'), '-([2-6]|[0-9a-f]{6})\$', ''), 24),
        regexp_replace(display_name, '^user-\\w{16}', 'USER'),
        regexp_replace(made_up, '^user-\\w{16}', 'USER'), email,
        email_verified, phone_number, phone_number_verified,
        extract(epoch FROM synced_at), synced_events
        FROM users WHERE issuer = 'i' ORDER BY sub");
}

# Those lines of each that the other has not.

sub differ {
    my ($one, $other) = @_;

    my %one = map { ($_ => 1) } split /\n/, $one;
    my %other = map { ($_ => 1) } split /\n/, $other;

    return join "\n", (map { "- $_" } grep { !$other{$_} } sort keys %one),
        (map { "+ $_" } grep { !$one{$_} } sort keys %other);
}

subtest 'as one by one' => sub {
    my @names = (undef, '', 'ann', 'Ann', 'ann', 'ann-x', 'müller', 'x' x 40,
        'Christopher', 'google_1234567', 'a@example.com', '+4915112345678',
        '123456789', 'a123456789', 'a12345678', 'jane_doe', 'li' . u(0x674e),
        u(0x674e), '..', 'a.', '-b', 'user_12345', 'ab12cd34ef56ab78cd90',
        'Ann Lee', "o'hara", 'auth0|1', 'DOMAIN\\bob', 's26', 'S27', 'b"b',
        '{c}', 'd,e', 'NULL', "f\ng", 'h\\i');
    my @displays = (undef, 'Ann Brown', " Bob \t", 'a@b.example', '',
        u(0x202e), "O'Hara", '0151 1234567', u(0x674e, 0x96f7), 's9', '"', '{}',
        "back\\slash", 'Jean-Luc P. ', 'x(at)y', 'Google_1', u(0x301));

    my @users = map {
        my $i = $_;
        my %u = (sub => "s$i", username => $names[$i % @names],
                 name => $displays[$i % @displays]);

        $u{email} = $i % 5 ? "e$i\@example.com" : ' ' if $i % 4;
        $u{email_verified} = $i % 2 ? 'true' : 'false' if $i % 3;
        $u{phone} = "+49$i" if $i % 7 == 0;
        $u{phone_verified} = 'true' if $i % 2;
        $u{at} = 1700000000 + $i if $i % 5 != 2;
        $u{at} = 4000000000 if $i == 11;
        $u{event} = "event$i" if $i % 6;
        \%u;
    } 0 .. 200;

    # what is said of them later

    my @later = map {
        my %u = (%$_, at => 1700001000, event => 'later');
        $u{email} = "new$_->{sub}\@example.com" if length $_->{sub} < 4;
        $u{username} = "now$_->{sub}" if !defined $u{username};
        \%u;
    } @users;

    my $future = "UPDATE users SET synced_at = 'epoch' WHERE sub = 's11'";

    ones(@users);
    v($future);
    my $first = there();
    ones(@later);
    my $second = there();
    v('DELETE FROM users');

    my (@ids, @again);

    my @rest = @users;

    push @ids, all_of(splice @rest, 0, 40) while @rest;
    v($future);

    is(differ($first, there()), '', 'new users');
    is(scalar(grep { /^[0-9a-f-]{36}$/ } @ids), 201, 'each has an id');

    push @again, all_of(splice @later, 0, 40) while @later;

    is(differ($second, there()), '', 'known users');
    is(join(' ', sort @again), join(' ', sort @ids), 'with the same ids');

    is(outcomes(many(@users[0 .. 40])),
       join(' ', ('done') x 41), 'what was said before');
    is(differ($second, there()), '', 'changes nothing');
};

subtest 'the quick way for names' => sub {
    srand 1;

    my @parts = (qw( a B ann Google google_ facebook_ at @ (at) 1 0151 12345678
                     123456789 . - _ + : % | ), ' ', "'", '\\', u(0xfc),
                 u(0x674e), u(0x200b), u(0x660), 'deadbeef', 'abcdefghijkl');

    my @names = map {
        join '', map { $parts[rand @parts] } 1 .. 1 + rand 6
    } 1 .. 4000;

    # each of the short ones

    push @names, map { my $a = $_; map { "$a$_" } '', @parts } @parts;

    my $names = array('text', @names);

    is(v("SELECT count(*) FROM unnest($names) AS t (name)
        WHERE social_handle_of(name, 'ann') IS DISTINCT FROM
            social_handle_of_any(name, 'ann')"), 0, 'handles');
    cmp_ok(v("SELECT count(*) FROM unnest($names) AS t (name)
        WHERE social_handle_of(name, 'ann') IS NOT NULL"), '>', 500,
        'of which many are some');
    is(v("SELECT string_agg(said, chr(10))
        FROM (SELECT name, nullif(btrim(name), '') FROM unnest($names) AS name)
            AS t (said, name)
        WHERE social_display_name(said, 'ann') IS DISTINCT FROM
            CASE WHEN lower(name) = 'ann' OR social_identifier(name)
                    OR social_plain(name) ~ '^[\\s\\u0300-\\u036f\\u1680]*\$'
                 THEN NULL ELSE name END"), '', 'display names');
};

subtest 'what is left out' => sub {
    ones({ sub => 'taken1', username => 'taken' }, { sub => 'nameless' });
    v("SELECT social_user_delete('i', 'deleted')");

    my @users = ({ sub => 'new1', username => 'one' },
        { sub => 'again', username => 'Taken' },
        { sub => 'deleted', username => 'gone' },
        { sub => 'nameless', username => 'named' },
        { sub => '', username => 'nobody' }, { sub => 'x', issuer => '' },
        { username => 'nobody' }, { sub => 'new2', username => 'two' },
        { sub => 'twice', username => 'twins' },
        { sub => 'twice', username => 'twins' });

    my @got = many(@users);

    is(outcomes(@got[0 .. 7]), 'done alone alone alone alone alone alone done',
       'is to be done alone');
    is(join(' ', map { length $_->[1] } @got[0 .. 7]), '36 0 0 0 0 0 0 36',
       'and has no id');
    is(v("SELECT count(*) FROM users WHERE sub IN ('again', 'deleted', '')
          OR issuer = ''"), 0, 'and no row');
    is(join(' ', sort map { $_->[0] } @got[8, 9]), 'alone done',
       'one of two, who are the same');
    is(one($users[8]), join('', map { $_->[1] } @got[8, 9]), 'with one id');
    is(one($users[2]), '', 'nobody comes back');
    is(length one($users[1]), 36, 'who wants a handle that is taken');
    is(v("SELECT handle FROM users WHERE sub = 'again'"), 'Taken-2',
       'gets another');
    is(length one($users[3]), 36, 'who has no handle yet');
    is(v("SELECT handle FROM users WHERE sub = 'nameless'"), 'named',
       'gets one');
};

subtest 'nobody waits' => sub {
    ones(map { { sub => $_, username => $_ } } qw( row1 row2 row3 ));

    my @users = map { { sub => $_, username => $_, email => 'n@example.com',
                        event => 'x' } }
        qw( row1 row2 fresh1 lock1 row3 fresh2 );

    my $end = $pg->transaction("SELECT FROM users WHERE sub = 'row2'"
        . " FOR UPDATE; SELECT social_user_lock('i', 'lock1')");
    my $began = time;
    my @got = many(@users);

    is(outcomes(@got), 'done locked done locked done done', 'for another');
    is(v("SELECT count(*) FROM users WHERE email = 'n\@example.com'"), 4,
       'the others are written');
    $end->('COMMIT');
    is(outcomes(many(@users)), join(' ', ('done') x 6), 'later all are');

    # what changes nothing needs no lock

    $end = $pg->transaction('SELECT FROM users FOR UPDATE');
    is(outcomes(many(@users)), join(' ', ('done') x 6), 'nothing changes');
    is(outcomes(many(map { +{ %$_, event => 'y' } } @users)),
       join(' ', ('locked') x 6), 'something does');
    $end->('ROLLBACK');

    # one that inserts the same user, and has not committed

    $end = $pg->transaction('SELECT social_user_sync('
        . user({ sub => 'both', username => 'both' }) . ')');
    is(outcomes(many({ sub => 'both', username => 'b' },
                     { sub => 'fresh3', username => 'fresh3' })),
       'locked done', 'a user who is just made');
    $end->('COMMIT');
};

subtest 'who held the lock before' => sub {
    my %user = (sub => 'race', username => 'race', email => 'r@example.com');
    my $end = $pg->transaction('SELECT social_user_sync('
        . user({ sub => 'race', username => 'racer' }) . ')');

    pipe my $reader, my $writer or die "pipe: $!";
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        my ($out) = $pg->attempt("SET lock_timeout = 0;
            ALTER FUNCTION social_user_sync RESET lock_timeout;
            SELECT social_user_sync(" . user(\%user) . ');');
        print {$writer} $out;
        close $writer;
        POSIX::_exit(0);
    }

    close $writer;
    is($pg->wait_for("SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND NOT granted", 1), 1, 'one waits');
    $end->('COMMIT');

    my $got = do { local $/; <$reader> };
    waitpid $pid, 0;
    v("ALTER FUNCTION social_user_sync SET lock_timeout = '250ms'");

    is($got, v("SELECT id FROM users WHERE sub = 'race'"),
       'finds the user that the other made');
    is(v("SELECT handle, email FROM users WHERE sub = 'race'"),
       'racer|r@example.com', 'and says what it has to say');
};

subtest 'roles' => sub {
    my $id = one({ sub => 'roles', username => 'roles' });
    v("INSERT INTO user_roles (user_id, role)
        SELECT '$id', unnest(ARRAY['editor', 'admin'])");

    my @got = rows(v('SELECT * FROM social_users_token('
        . users({ sub => 'roles', username => 'roles' },
                { sub => 'deleted', username => 'deleted' },
                { sub => 'noroles', username => 'noroles' }) . ')'));

    is_deeply($got[0], [ 'done', $id, 'admin editor' ], 'are returned');
    is($got[1][0], 'alone', 'one who was deleted');
    is_deeply([ @{ $got[2] }[0, 2] ], [ 'done', '' ], 'a new one has none');
};

# Many sessions with the same users and handles, in all orders: each of them
# sorts, and none waits for ever.

subtest 'at once' => sub {
    v('DELETE FROM users');
    v("ALTER SYSTEM SET deadlock_timeout = '10ms'");
    $pg->reload;

    my @pids = map {
        my $k = $_;
        my $pid = fork // die "fork: $!";

        if (!$pid) {
            my $bad = 0;
            srand $k;

            for my $round (1 .. 8) {
                my %seen;
                my @users = map {
                    my $m = int rand 60;
                    { sub => "m$round-$m", username => 'h' . int rand(300),
                      email => "$k-$_\@example.com" };
                } 1 .. 30;
                my ($out, $ok) = $pg->attempt('SELECT * FROM social_users_sync('
                    . users(@users) . ');');
                $bad++ if !$ok;
            }

            POSIX::_exit($bad);
        }
        $pid;
    } 1 .. 6;

    for my $pid (@pids) {
        waitpid $pid, 0;
        is($? >> 8, 0, 'no call fails');
    }

    is(v('SELECT count(*) FROM users'), v("SELECT count(DISTINCT sub)
        FROM users"), 'each user is one row');
    v('ALTER SYSTEM RESET deadlock_timeout');
    $pg->reload;
};

# A connection keeps its plans: one of a database that had nobody in it yet.

subtest 'plans' => sub {
    v('DELETE FROM users');
    v('ANALYZE users, uploads, deleted_users');

    my $call = sub {
        return 'SELECT count(*) FROM social_users_sync('
            . users(map { { sub => "p$_", username => "p$_" } }
                    $_[0] .. $_[0] + 9) . ');'
            . "SELECT count(*) FROM social_uploads_create(
                ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 10)), "
            . join(', ', map { array('text', @$_) } [ ('i') x 10 ],
                   [ map { "p$_" } $_[0] .. $_[0] + 9 ], [ (undef) x 10 ],
                   [ ('post') x 10 ], [ ('raw') x 10 ],
                   [ map { "key$_" } $_[0] .. $_[0] + 9 ], [ (undef) x 10 ])
            . ', ' . array('bigint', (1) x 10) . ', '
            . array('text', (undef) x 10) . ', '
            . array('interval', ('1 hour') x 10) . ');';
    };

    my $sql = join '', map { $call->($_ * 10) } 1 .. 8;

    my @got = split /\n/, v($sql . "INSERT INTO users (issuer, sub, handle,
            display_name) SELECT 'i', 'q' || i, 'q' || i, 'q'
            FROM generate_series(1, 5000) AS i;
        BEGIN;" . $call->(90) . "SELECT relname || seq_scan
            FROM pg_stat_xact_user_tables WHERE relname IN
            ('users', 'uploads', 'deleted_users') ORDER BY 1; COMMIT");

    is(join(' ', @got[-3 .. -1]), 'deleted_users0 uploads0 users0',
       'use the indexes');
};


my @upload = ([ id => 'uuid' ], [ issuer => 'text' ], [ sub => 'text' ],
    [ username => 'text' ], [ kind => 'text' ], [ bucket => 'text' ],
    [ key => 'text' ], [ type => 'text' ], [ bytes => 'bigint' ],
    [ sha256 => 'text' ], [ expires => 'interval' ]);

sub upload {
    my (%o) = @_;

    return { id => sprintf('00000000-0000-4000-8000-%012d', ++$n),
        issuer => 'i', username => "n$o{sub}", kind => 'post', bucket => 'raw',
        key => "raw/$n", type => 'image/jpeg', bytes => $n,
        expires => '1 hour', %o };
}

sub uploads {
    my @uploads = @_;

    return 'SELECT * FROM social_uploads_create(' . join(', ', map {
        my ($name, $type) = @$_;
        array($type, map { $_->{$name} } @uploads);
    } @upload) . ')';
}

sub create { return rows(v(uploads(@_))) }

subtest 'uploads' => sub {
    ones(map { { sub => $_, username => "n$_" } } qw( u1 u2 u3 u4 ));
    one({ sub => 'noname' });
    v("SELECT social_user_delete('i', 'left')");

    my @uploads = map { upload(sub => $_) } qw( u1 u2 u1 nobody left noname );
    push @uploads, upload(sub => 'noname', username => undef),
        upload(sub => 'noname', username => 'Corp_x'),
        upload(sub => 'u3', type => undef, bytes => undef, sha256 => 'abc',
               expires => '5 seconds');

    my @got = create(@uploads);

    is(outcomes(@got), 'done done done done alone alone done done done',
       'of users who are known, and of one who was not');
    is(join(' ', map { $_->[1] } @got[0 .. 3, 6 .. 8]),
       join(' ', map { $_->{id} } @uploads[0 .. 3, 6 .. 8]), 'their ids');
    is(v("SELECT handle FROM users WHERE sub = 'nobody'"), 'nnobody',
       'a user just in time');
    is(v("SELECT kind, bucket, object_key, content_type, bytes, sha256, state,
          generation, expires_at - created_at FROM uploads
          WHERE id = '$uploads[0]{id}'"),
       'post|raw|raw/1|image/jpeg|1||pending|0|01:00:00', 'a row');
    is(v("SELECT content_type, bytes, sha256, expires_at - created_at,
          (SELECT sub FROM users WHERE id = user_id)
          FROM uploads WHERE id = '$uploads[8]{id}'"), '||abc|00:00:05|u3',
       'another');
    is(v('SELECT count(*) FROM uploads WHERE bucket = \'raw\''
         . " AND object_key LIKE 'raw/%'"), 7, 'and no more');

    v("UPDATE uploads SET state = 'stored', generation = 1
       WHERE id = '$uploads[0]{id}'");

    # the same one, the same key by the same user, and one whose row is locked

    my $end = $pg->transaction("SELECT FROM uploads
        WHERE object_key = 'raw/9' FOR UPDATE");
    my $taken = upload(sub => 'u2', key => 'raw/2');

    @got = create($uploads[0], $taken, upload(sub => 'u3', key => 'raw/9'),
                  upload(sub => 'u1'));

    is(outcomes(@got), 'done done locked done', 'keys that are taken');
    is($got[0][1], $uploads[0]{id}, 'the same one');
    is(v("SELECT state, generation FROM uploads
          WHERE id = '$uploads[0]{id}'"), 'stored|1', 'is as it was');
    is(v("SELECT id FROM uploads WHERE object_key = 'raw/2'"), $taken->{id},
       'another takes over');
    $end->('COMMIT');

    my ($out, $ok) = $pg->attempt(uploads(upload(sub => 'u4'),
        upload(sub => 'u4', key => 'raw/2')) . ';');
    ok(!$ok, 'another user\'s key is refused');
    like($out, qr/another user/, 'and says so');
    is(v("SELECT count(*) FROM uploads JOIN users ON users.id = user_id
          WHERE sub = 'u4'"), 0, 'with all of them');

    # one who leaves, one of whom something changes, and one for whom another
    # upload is created

    $end = $pg->transaction("SELECT social_user_delete('i', 'u1');
        SELECT FROM users WHERE sub = 'u2' FOR UPDATE;
        SELECT social_upload_create(gen_random_uuid(), 'i', 'u3', 'u3', 'post',
            'raw', 'raw/other', NULL, 1, NULL, '1 hour')");
    @got = create(map { upload(sub => $_) } qw( u1 u2 u3 u4 ));
    is(outcomes(@got), 'alone alone done done', 'users who are locked');
    $end->('COMMIT');

    is(v("SELECT count(*) FROM uploads WHERE user_id NOT IN
          (SELECT id FROM users)"), 0, 'none of nobody');
};

subtest 'one who leaves after' => sub {
    my $end = $pg->transaction(uploads(upload(sub => 'u3')));
    my (undef, $ok) = $pg->attempt("SELECT social_user_delete('i', 'u3');");
    ok(!$ok, 'waits until the upload is created');
    $end->('COMMIT');
    is(v("SELECT social_user_delete('i', 'u3')"), 't', 'and leaves then');
};

done_testing();
