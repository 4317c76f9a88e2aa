#!/usr/bin/perl

# "social-worker clean" against its own PostgreSQL: variants that earlier
# versions made lose their metadata, in an S3 server and in the gateway's own
# store, whenever it is interrupted.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( sha256_hex );
use File::Path ();
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep );

use SocialBucket;
use SocialImage;
use SocialNginx;
use SocialPostgres;
use SocialS3;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && SocialPostgres::bin()
    || plan skip_all => "$program or PostgreSQL is not there: run \"make deps\"";

chomp(my $cwd = `pwd`);
$program = "$cwd/$program" if $program !~ m{^/};

my $dir = File::Temp->newdir('social-clean-XXXXXX', TMPDIR => 1);
my $pg = SocialPostgres->start;
my $assets = "$dir/assets";

$pg->migrate;
mkdir $assets;
my $buckets = SocialBucket->start($dir);

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;

sub v { return $pg->value($_[0]) }
sub slurp { return -e $_[0] ? SocialImage::slurp($_[0]) : undef }

sub spew {
    my ($file, $data) = @_;
    (my $folder = $file) =~ s{/[^/]*$}{};
    File::Path::make_path($folder);
    SocialImage::spew($file, $data);
}

sub conf {
    my ($bucket, $file) = @_;

    $file = "$dir/" . ($file || 'worker.conf');
    SocialImage::spew($file, <<"CONF");
database { @{[ $pg->worker ]} }
bucket assets { $bucket }
variant avatar { width = 64 height = 64 enlarge = true }
variant small { width = 32 height = 32 formats = {"webp", "png"} }
variant modern { width = 32 height = 32 formats = {"avif"} effort = 0 }
kind avatar {
    variants = {"avatar", "small"}
    output = "assets"
    alias = "avatars/{sub}.jpg"
}
kind post { variants = {"small"} output = "assets" }
kind modern { variants = {"modern"} output = "assets" }
CONF

    return $file;
}

my $conf = conf($buckets->conf);


# The exit status, what is to be purged, and the log.

sub clean {
    my (%o) = @_;

    my $file = $o{conf} || $conf;
    my $out = $o{out} || "$dir/purge";
    my $status = system("$program -c $file clean > $out 2> $dir/log");

    return ($status >> 8, $o{out} ? '' : join(' ', sort split /\n/,
        slurp($out)), slurp("$dir/log"));
}


# What a worker makes now, and what earlier ones made of it.

SocialImage::spew("$dir/in.png", SocialImage::quarters(80, 60, 1));

for my $kind (qw( avatar modern )) {
    my $out = `$program -c $conf variants -k $kind $dir/in.png -o $dir/out 2>&1`;
    die "variants failed: $out" if $?;
}

my $secret = 'GPS 48.8584 N 2.2945 E';
my %clean = map { $_ => slurp("$dir/out/$_") }
    qw( avatar.jpg small.webp small.png modern.avif );
my %dirty = (
    'avatar.jpg' => SocialImage::orient($clean{'avatar.jpg'}, 1),
    'small.webp' => SocialImage::webp_with($clean{'small.webp'},
        EXIF => "MM\0*$secret", 'XMP ' => "<x>$secret</x>", ICCP => $secret),
    'small.png' => $clean{'small.png'} =~ s/^(.{33})/$1
        . SocialImage::chunk(tEXt => "Comment\0$secret")/esr,
    'modern.avif' => $clean{'modern.avif'}
        . pack('N', 24 + length $secret) . 'uuid' . 'x' x 16 . $secret,
);

like($dirty{$_}, qr/\Q$secret/, "$_: says where it was taken") for keys %dirty;

# the name of what it is cut to

sub fresh {
    my ($key) = @_;

    my ($stem, $name, $generation, $ext)
        = $key =~ m{^(.*/(\w+?)(-\d+)?)\.(\w+)$};
    return "$stem." . substr(sha256_hex($clean{"$name.$ext"}), 0, 16)
        . ".$ext";
}


# An upload that is ready, of dirty objects or of those that are given.

my $n = 0;
my $put = sub { spew("$assets/$_[0]", $_[1]) };

sub upload {
    my ($sub, $kind, %o) = @_;

    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;
    my $generation = $o{generation} || 1;
    my $suffix = $generation > 1 ? "-$generation" : '';
    my %variants = (
        avatar => { avatar => 'avatar.jpg', small => 'small.webp',
            'small.png' => 'small.png' },
        post => { small => 'small.webp', 'small.png' => 'small.png' },
        modern => { modern => 'modern.avif' },
    );
    my (%key, @json);

    for my $name (sort keys %{ $variants{$kind} }) {
        my $file = $variants{$kind}{$name};
        $key{$name} = "images/$id/" . $file =~ s/(?=\.)/$suffix/r;
        my $data = $o{objects}{$file} // ($o{clean} ? \%clean : \%dirty)->{$file};
        $put->($key{$name}, $data);
        push @json, qq("$name":{"key":"$key{$name}","width":32,"height":32,)
            . qq("type":"image/x","bytes":@{[ length $data ]}});
    }

    v("SELECT social_upload_create('$id', 'iss', '$sub', '$sub', '$kind',
        'raw', 'raw/$n', 'image/jpeg', 1, NULL, '5 minutes')");
    v("UPDATE uploads SET state = '@{[ $o{state} || 'ready' ]}',
        generation = $generation, variants = '{@{[ join ',', @json ]}}'
        WHERE id = '$id'");

    if ($kind eq 'avatar') {
        v("UPDATE users SET avatar_key = '$key{avatar}', avatar_at = now()
            WHERE sub = '$sub'");
        $put->("avatars/$sub.jpg", $o{clean} ? $clean{'avatar.jpg'}
            : $dirty{'avatar.jpg'});
    }

    return ($id, \%key);
}

sub keys_of {
    my ($id) = @_;
    return join ' ', sort split /\n/,
        v("SELECT value ->> 'key' FROM uploads, jsonb_each(variants)
            WHERE id = '$id'");
}

sub pending { return v("SELECT count(*) FROM cleanings") }

# every key that a row has, and that is not there

sub dangling {
    return grep { !-e "$assets/$_" } split /\n/,
        v("SELECT value ->> 'key' FROM uploads, jsonb_each(variants)
            UNION SELECT avatar_key FROM users WHERE avatar_key IS NOT NULL");
}

sub forget { v("DELETE FROM users"); File::Path::remove_tree($assets);
    mkdir $assets; return }


subtest 'nothing to do' => sub {
    my ($status, $purge, $log) = clean();
    is($status, 0, 'no rows: fine');
    is($purge, '', 'nothing to purge');

    my ($id) = upload('u0', 'avatar', clean => 1);
    my $before = keys_of($id);

    ($status, $purge, $log) = clean();
    is($status, 0, 'clean rows: fine') or diag($log);
    is($purge, '', 'nothing to purge');
    is(keys_of($id), $before, 'they keep their names');
    like($log, qr/"event":"clean done","objects":4,"cleaned":0,"failed":0/,
        'four objects were looked at');
    forget();
};


subtest 'an upload of an earlier version' => sub {
    my ($id, $old) = upload('u1', 'avatar');
    my ($status, $purge, $log) = clean();

    is($status, 0, 'done') or diag($log);
    is($purge, join(' ', 'avatars/u1.jpg', sort values %$old),
        'what is to be purged is said');
    is(keys_of($id), join(' ', sort map { fresh($_) } values %$old),
        'the row has names with digests');
    is(v("SELECT avatar_key FROM users WHERE sub = 'u1'"),
        fresh($old->{avatar}), 'so has the user');
    ok(!-e "$assets/$_", "$_ is gone") for values %$old;

    for my $key (values %$old) {
        my ($file) = $key =~ m{([^/]+)$};
        is(slurp("$assets/" . fresh($key)), $clean{$file},
            "$file is as without metadata");
    }

    is(slurp("$assets/avatars/u1.jpg"), $clean{'avatar.jpg'},
        'its name that stays has it too');
    is(v("SELECT value ->> 'bytes' FROM uploads, jsonb_each(variants)
        WHERE id = '$id' AND key = 'small'"), length $clean{'small.webp'},
        'and the row its size');
    is(v("SELECT value ->> 'width' FROM uploads, jsonb_each(variants)
        WHERE id = '$id' AND key = 'small'"), 32, 'the rest of it stays');
    is(pending(), 0, 'nothing is left to do');

    ($status, $purge) = clean();
    is($status, 0, 'once more');
    is($purge, '', 'does nothing');

    # a digest is replaced, not added

    my $key = fresh($old->{small});
    my $other = $clean{'small.webp'};
    substr $other, -1, 1, chr(ord(substr $other, -1) ^ 1);
    spew("$assets/$key", SocialImage::webp_with($other, EXIF => $secret));
    ($status, $purge) = clean();
    is($status, 0, 'one that was cleaned can be cleaned again');
    is($purge, $key, 'it is to be purged');
    like(keys_of($id), qr{images/$id/small\.[0-9a-f]{16}\.webp},
        'its name has one digest still');
    unlike(keys_of($id), qr{\Q$key}, 'another one');
    is(join(' ', dangling()), '', 'and nothing is missing');
    forget();
};


subtest 'rows that are not ready, and what no row has' => sub {
    my ($waits, $old) = upload('u2', 'post', state => 'processing');
    my ($second, $new) = upload('u3', 'post', generation => 2);
    my ($third, $newest) = upload('u3', 'post', generation => 3, clean => 1);

    # objects of the generations before

    $put->("images/$second/small.webp", $dirty{'small.webp'});
    $put->("images/$third/small-2.png", $dirty{'small.png'});

    # a picture whose upload's key was signed again

    my ($gone, $picture) = upload('u4', 'avatar');
    v("DELETE FROM uploads WHERE id = '$gone'");

    my ($status, $purge, $log) = clean();
    is($status, 0, 'done') or diag($log);
    is($purge, join(' ', sort values %$old, values %$new, values %$picture,
        "images/$second/small.webp", "images/$third/small-2.png",
        'avatars/u4.jpg'), 'all of them are to be purged');

    is(keys_of($waits), join(' ', sort map { fresh($_) } values %$old),
        'a row that is not ready is switched too');
    is(keys_of($second), join(' ', sort map { fresh($_) } values %$new),
        'a later generation keeps its number');
    is(keys_of($third), join(' ', sort values %$newest),
        'what is clean stays');
    is(slurp("$assets/images/$second/small.webp"), $clean{'small.webp'},
        'an earlier generation is cleaned where it is');
    is(slurp("$assets/images/$third/small-2.png"), $clean{'small.png'},
        'the second too');
    is(v("SELECT avatar_key FROM users WHERE sub = 'u4'"),
        fresh($picture->{avatar}), 'a picture without an upload');
    is(slurp("$assets/$picture->{small}"), $clean{'small.webp'},
        'and its other variants');
    is(join(' ', dangling()), '', 'nothing is missing');
    is((clean())[1], '', 'once');
    forget();
};


subtest 'interrupted' => sub {

    # after the new objects were put

    my ($id, $old) = upload('u5', 'post');
    $put->(fresh($old->{small}), $clean{'small.webp'});
    my ($status, $purge, $log) = clean();
    is($status, 0, 'new objects that are there') or diag($log);
    is($purge, join(' ', sort values %$old), 'do not matter');

    # after the row was switched: the old object is there still

    $put->($old->{small}, $dirty{'small.webp'});
    v("INSERT INTO cleanings VALUES ('assets', '$old->{small}', '$id', true)");
    ($status, $purge) = clean();
    is($status, 0, 'a row that was switched');
    is($purge, $old->{small}, 'has its old object purged');
    ok(!-e "$assets/$old->{small}", 'and deleted');

    # after an object was replaced in place

    v("INSERT INTO cleanings VALUES ('assets', 'avatars/x.jpg', '$id', false)");
    $put->('avatars/x.jpg', $clean{'avatar.jpg'});
    is((clean())[1], 'avatars/x.jpg', 'one that was replaced is purged');
    ok(-e "$assets/avatars/x.jpg", 'and stays');

    # what a row has is never deleted, whatever was noted

    my $key = fresh($old->{small});
    v("INSERT INTO cleanings VALUES ('assets', '$key', '$id', true)");
    clean();
    ok(-e "$assets/$key", 'an object that a row refers to stays');
    v("DELETE FROM cleanings");

    # a purge that nobody could read is not over

    ($id, $old) = upload('u6', 'post');
    ($status, $purge, $log) = clean(out => '/dev/full');
    is($status, 1, 'an output that is full is an error');
    like($log, qr/standard output/, 'and said to be');
    is(join(' ', dangling()), '', 'nothing is missing');
    ($status, $purge) = clean();
    is($status, 0, 'then');
    is($purge, join(' ', sort values %$old), 'all of it is printed');
    forget();
};


subtest 'killed at any moment' => sub {
    my (%old, %purged, $done);

    for my $i (1 .. 8) {
        my (undef, $old) = upload("k$i", 'avatar');
        $old{$_}++ for values %$old, "avatars/k$i.jpg";
    }

    my ($runs, $missing) = (0, 0);

    # a little longer each time, so that one comes to its end

    while (!$done && $runs < 400) {

        # of a process that is killed before it opens it

        unlink "$dir/purge";

        my $pid = fork // die "fork: $!";

        if (!$pid) {
            open STDOUT, '>', "$dir/purge";
            open STDERR, '>', "$dir/log";
            exec $program, '-c', $conf, 'clean' or POSIX::_exit(127);
        }

        sleep 0.007 * ++$runs;
        $done = waitpid($pid, POSIX::WNOHANG()) == $pid;

        if (!$done) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        # a server's process may have a statement to finish

        $pg->wait_for("SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'social-worker'", 0);

        if (-e "$dir/purge") {
            $purged{$_}++ for split /\n/, slurp("$dir/purge");
        }

        $missing += () = dangling();
    }

    ok($done, "done, in the end: $runs runs");
    is($missing, 0, 'never was a row without its object');
    my ($status, $purge, $log) = clean();
    is($status, 0, 'nothing is left') or diag($log);
    is($purge, '', 'nor to be purged');
    is(join(' ', sort keys %purged), join(' ', sort keys %old),
        'each was printed');

    my @dirty = grep { slurp($_) =~ /\Q$secret/ }
        glob("$assets/*/*.jpg $assets/*/*/*");
    is("@dirty", '', 'no object is dirty');
    is(scalar(my @all = glob "$assets/images/*/*"), 24,
        'and nothing else is there');
    forget();
};


# An object that is not given before we say so: a pipe.

sub held {
    my ($key, $change) = @_;

    unlink "$assets/$key";
    POSIX::mkfifo("$assets/$key", 0600) or die "mkfifo: $!";

    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDOUT, '>', "$dir/purge";
        open STDERR, '>', "$dir/log";
        exec $program, '-c', $conf, 'clean' or POSIX::_exit(127);
    }

    # opened when there is a reader

    open my $pipe, '>:raw', "$assets/$key" or die "pipe: $!";
    $change->();
    unlink "$assets/$key";
    my ($file) = $key =~ m{([^/]+)$};
    spew("$assets/$key", $dirty{$file});
    print $pipe $dirty{$file};
    close $pipe;
    waitpid $pid, 0;

    return ($? >> 8, slurp("$dir/purge"), slurp("$dir/log"));
}


subtest 'a row that changes meanwhile' => sub {
    my ($id, $old) = upload('u7', 'post');
    my ($other);

    my ($status, $purge, $log) = held($old->{small}, sub {
        v("UPDATE uploads SET variants = jsonb_set(variants, '{small,width}',
            '33') WHERE id = '$id'");
        $other = `$program -c $conf clean 2>&1`;
        isnt($?, 0, 'a second run at the same time');
        like($other, qr/another \\"clean\\" is running/, 'is refused');
    });

    is($status, 1, 'is an error') or diag($log);
    like($log, qr/"key":"$id","error":"it was changed meanwhile/, 'and said');
    is($purge, '', 'nothing is to be purged');
    is(keys_of($id), join(' ', sort values %$old), 'the row stays');
    is(v("SELECT variants -> 'small' ->> 'width' FROM uploads
        WHERE id = '$id'"), 33, 'as it was changed');
    is(join(' ', dangling()), '', 'so do its objects');
    is(scalar(my @all = glob "$assets/images/$id/*"), 2,
        'and nothing else is left');
    is(pending(), 0, 'nothing is noted');

    ($status, $purge, $log) = clean();
    is($status, 0, 'the next run') or diag($log);
    is($purge, join(' ', sort values %$old), 'does it');

    # each thing that the guard is made of

    my $now = v("SELECT variants FROM uploads WHERE id = '$id'");
    my $user = v("SELECT user_id FROM uploads WHERE id = '$id'");
    my $other_id = '00000000-0000-4000-8000-ffffffffffff';
    my $switch = sub {
        my ($i, $g, $u, $variants) = @_;
        return v("SELECT social_clean_switch('$i', $g, '$u', '$variants',
            'assets', '{\"small\": {\"key\": \"x\", \"bytes\": 1}}')");
    };

    is($switch->($other_id, 1, $user, $now), 'f', 'another id');
    is($switch->($id, 2, $user, $now), 'f', 'another generation');
    is($switch->($id, 1, $other_id, $now), 'f', 'another user');
    is($switch->($id, 1, $user, '{"small": {"key": "y"}}'), 'f',
        'other variants');
    is(v("SELECT variants FROM uploads WHERE id = '$id'"), $now,
        'change nothing');
    is(pending(), 0, 'and note nothing');
    is($switch->($id, 1, $user, $now), 't', 'the same: it is switched');
    is(pending(), 1, 'and noted');
    v("DELETE FROM cleanings");
    forget();
};


subtest 'what cannot be done' => sub {
    my ($bad, $broken) = upload('u8', 'post',
        objects => { 'small.webp' => substr $dirty{'small.webp'}, 0, -40 });
    my ($avif, $refused) = upload('u9', 'modern');
    my ($gone, $missing) = upload('ua', 'post');
    my ($kind) = upload('ub', 'post');
    my ($fine, $old) = upload('uc', 'post');

    unlink "$assets/$missing->{small}";
    v("UPDATE uploads SET kind = 'nothing' WHERE id = '$kind'");

    my ($status, $purge, $log) = clean();
    is($status, 1, 'is an error');
    like($log, qr{"key":"$broken->{small}","error":"it is damaged"},
        'a damaged object');
    like($log, qr{"key":"$refused->{modern}","error":"it has metadata that cannot be cut},
        'an AVIF with more than a picture');
    like($log, qr{"key":"$kind","error":"no section \\"kind\\"},
        'a kind that is not configured');
    like($log, qr{"level":"warn","event":"object not there","key":"$missing->{small}"},
        'what is not there is a warning');
    like($log, qr/"failed":3/, 'three failures');
    is($purge, join(' ', sort values %$old, $missing->{'small.png'},
        $broken->{'small.png'}), 'all else is done');
    is(slurp("$assets/$refused->{modern}"), $dirty{'modern.avif'},
        'what cannot be cut stays where it is');

    v("UPDATE uploads SET variants = jsonb_set(variants, '{small,key}',
        to_jsonb('images/\"},\"x'::text)) WHERE id = '$gone'");
    like((clean())[2], qr/unexpected name/, 'an unexpected name');

    $pg->down;
    is((clean())[0], 1, 'no database');
    $pg->up;
    forget();
};


subtest 'rows that no program writes' => sub {
    my $nested = '[' x 100 . ']' x 100;
    my %nonsense = (
        'an array' => '[{"small": {"key": "images/x/small.webp"}}]',
        'an empty array' => '[]',
        'a string' => '"images/x/small.webp"',
        'an empty string' => '""',
        'a number' => '17',
        'true' => 'true',
        'null' => 'null',
        'a string that reads as an object' => '"{\"small\": {}}"',
        'arrays in arrays' => $nested,
    );
    my %partly = (
        'a number as a variant' => '17',
        'a string' => '"images/x/small.webp"',
        'null' => 'null',
        'an array' => '[{"key": "images/x/small.webp"}]',
        'no key' => '{"width": 32}',
        'null as a key' => '{"key": null}',
        'an empty key' => '{"key": ""}',
        'a key that is an object' => '{"key": {"key": "images/x"}}',
        'a key that is an array' => '{"key": ["images/x"]}',
        'a key that is a number' => '{"key": 1.5e3}',
        'arrays in arrays' => $nested,
    );
    my (%id, %row, @purge);
    my $row = sub { v("SELECT variants FROM uploads WHERE id = '$_[0]'") };

    # before, between and after rows as they should be

    for my $what (sort keys %nonsense) {
        my (undef, $old) = upload("v$n", 'avatar');
        push @purge, values %$old, "avatars/v@{[ $n - 1 ]}.jpg";

        my ($id) = upload("v$n", 'post');
        $id{$what} = $id;
        v("UPDATE uploads SET variants = '$nonsense{$what}' WHERE id = '$id'");
        $row{$what} = $row->($id);
    }

    for my $what (sort keys %partly) {
        my ($id, $old) = upload("w$n", 'post', generation => 2);
        $put->("images/$id/small.webp", $dirty{'small.webp'});
        $id{"partly $what"} = $id;
        push @purge, values %$old, "images/$id/small.webp";
        v("UPDATE uploads SET variants = jsonb_set(variants, '{a}',
            '$partly{$what}') WHERE id = '$id'");
        $row{"partly $what"} = v("SELECT variants -> 'a' FROM uploads
            WHERE id = '$id'");
    }

    # one of an avatar: the picture is cleaned as the user's

    my ($own, $picture) = upload('vx', 'avatar');
    v("UPDATE uploads SET variants = '[\"$picture->{small}\"]'
        WHERE id = '$own'");
    push @purge, @$picture{qw( avatar small )}, $picture->{'small.png'},
        'avatars/vx.jpg';

    # what is to be deleted, says a record, and such a row still names

    my ($still, $named) = upload('vz', 'post');
    v("UPDATE uploads SET variants = '[{\"a\": [\"$named->{small}\"]}]'
        WHERE id = '$still'");
    v("INSERT INTO cleanings VALUES ('assets', '$named->{$_}', '$still', true)")
        for keys %$named;
    push @purge, $named->{'small.png'};

    # a picture of nobody

    upload('vy', 'post', clean => 1);
    v("UPDATE users SET avatar_key = 'no {name}' WHERE sub = 'vy'");
    my $nobody = v("SELECT id FROM users WHERE sub = 'vy'");

    my ($status, $purge, $log) = clean();

    is($status, 1, 'are errors') or diag($log);
    like($log, qr/"event":"clean aborted"|"event":"clean done"/, 'an end');
    unlike($log, qr/clean aborted/, 'that is not the end of it');

    for my $what (sort keys %nonsense) {
        like($log, qr/"key":"$id{$what}","error":"its variants are not an object/,
            "$what: the log has the row");
        is($row->($id{$what}), $row{$what}, '... which stays');
        ok(-e "$assets/images/$id{$what}/small.webp", '... and its objects');
    }

    for my $what (sort keys %partly) {
        my $id = $id{"partly $what"};
        like($log, qr/"key":"$id","error":"a variant has no key"/,
            "$what as a variant: the log has the row");
        is(v("SELECT variants -> 'a' FROM uploads WHERE id = '$id'"),
            $row{"partly $what"}, '... which keeps that');
    }

    like($log, qr/"key":"$own","error":"its variants/, 'an avatar');
    like($log, qr/"key":"$nobody","error":"unexpected name"/,
        'the picture of a user with no upload');
    is(join(' ', sort $log =~ /"not cleaned","key":"([^"]*)"/g),
        join(' ', sort values %id, $own, $still, $nobody), 'and no other');
    is($purge, join(' ', sort @purge), 'all else is done');

    ok(-e "$assets/$named->{small}", 'what such a row names is not deleted');
    ok(!-e "$assets/$named->{'small.png'}", 'what it does not name is');
    is(v("SELECT avatar_key FROM users WHERE sub = 'vx'"),
        fresh($picture->{avatar}), 'its picture has its new name');

    # what the gateway answers those whose uploads they are

    is(v("SELECT social_upload_get(u.id, 'iss', users.sub) -> 'variants'
        FROM uploads u JOIN users ON users.id = u.user_id
        WHERE u.id = '$id{$_}'"), '', "$_: the gateway has an answer")
        for sort keys %nonsense;
    is(v("SELECT social_upload_get(u.id, 'iss', users.sub) -> 'variants'
        -> 'small' ->> 'width' FROM uploads u JOIN users
        ON users.id = u.user_id WHERE u.id = '$id{$_}'"), '32', "$_: it, too")
        for grep { /^partly/ } sort keys %id;

    # once they were mended, all is done

    for my $what (sort keys %nonsense) {
        my $id = $id{$what};
        v("UPDATE uploads SET variants = '{\"small\": {\"key\":
            \"images/$id/small.webp\", \"bytes\": 1}}' WHERE id = '$id'");
    }

    v("UPDATE uploads SET variants = variants - 'a'
        WHERE jsonb_typeof(variants) = 'object'");
    v("DELETE FROM uploads WHERE id IN ('$own', '$still')");
    v("UPDATE users SET avatar_key = NULL WHERE sub = 'vy'");

    ($status, $purge, $log) = clean();
    is($status, 0, 'rows that were mended') or diag($log);
    like($purge, qr{images/$id{$_}/small\.webp}, "$_ is done")
        for sort keys %nonsense;
    forget();
};


subtest 'the store of the gateway' => sub {
    my $port = SocialNginx::free_port();
    my $nginx = SocialNginx->new;
    my $s3 = SocialS3->new(port => $port, base => '/objects/assets');

    mkdir "$nginx->{dir}/root";
    $nginx->write_file('credentials', $s3->credentials_text);
    $nginx->write_file('nginx.conf', <<"CONF");
load_module modules/ngx_http_social_module.so;
user root;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket assets {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $nginx->{dir}/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ {
            social_store assets root=$nginx->{dir}/root;
            include $nginx->{dir}/more.conf*;
        }
    }
}
CONF
    $nginx->start($port);

    my $file = conf("endpoint = \"http://127.0.0.1:$port/objects\"
        path_style = true region = \"eu-west-1\"
        credentials = \"file $nginx->{dir}/credentials\"", 's3.conf');
    my $get = sub { my $got = $s3->request(GET => "/$_[0]");
        return $got->{status} == 200 ? $got->{body} : $got->{status} };

    $put = sub {
        my $got = $s3->request(PUT => "/$_[0]", body => $_[1]);
        die "PUT: $got->{status}" if $got->{status} != 200;
    };

    my ($id, $old) = upload('us', 'avatar');
    my ($status, $purge, $log) = clean(conf => $file);

    is($status, 0, 'done') or diag($log);
    is($purge, join(' ', 'avatars/us.jpg', sort values %$old),
        'what is to be purged');
    is($get->($_), 404, "$_ is gone") for values %$old;
    is($get->(fresh($old->{small})), $clean{'small.webp'}, 'the new one');
    is($get->('avatars/us.jpg'), $clean{'avatar.jpg'}, 'the one that stays');
    is($s3->request(GET => '/' . fresh($old->{small}))
        ->{headers}{'content-type'}, 'image/webp', 'with its type');

    # who may not delete: the row is switched, the rest is for another time

    ($id, $old) = upload('ut', 'post');
    $nginx->write_file('more.conf', 'limit_except GET PUT { deny all; }');
    my %before = map { ($_ => 1) } SocialNginx::workers($nginx->{pid});

    kill 'HUP', $nginx->{pid};
    ok(SocialNginx::wait_for(30, sub {
        return if grep { $before{$_} } SocialNginx::workers($nginx->{pid});
        $s3->request(DELETE => '/nothing')->{status} == 403 }), 'no deletes');

    ($status, $purge, $log) = clean(conf => $file);
    is($status, 1, 'an object that cannot be deleted is an error');
    like($log, qr{"key":"$old->{small}","error":"the store answered with status 403}, 'and said');
    is($purge, '', 'nothing is to be purged yet');
    is($get->(fresh($old->{small})), $clean{'small.webp'}, 'the row is right');

    my %old = map { ($_ => 1) } SocialNginx::workers($nginx->{pid});

    unlink "$nginx->{dir}/more.conf";
    kill 'HUP', $nginx->{pid};
    ok(SocialNginx::wait_for(30, sub {
        return if grep { $old{$_} } SocialNginx::workers($nginx->{pid});
        $s3->request(DELETE => '/nothing')->{status} != 403 }), 'deletes');

    ($status, $purge, $log) = clean(conf => $file);
    is($status, 0, 'with the right to') or diag($log);
    is($purge, join(' ', sort values %$old), 'it is done');

    ($id, $old) = upload('uu', 'post');
    $nginx->stop;
    ($status, $purge, $log) = clean(conf => $file);
    is($status, 1, 'a store that is not there is an error');
    is($purge, '', 'nothing is done');
    is(keys_of($id), join(' ', sort values %$old), 'the row stays');
};


done_testing();
