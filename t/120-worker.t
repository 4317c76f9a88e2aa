#!/usr/bin/perl

# social-worker against its own PostgreSQL and S3 server.

use strict;
use warnings;

use lib 't/lib';

use File::Path ();
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use SocialBucket;
use SocialImage;
use SocialImageFlat;
use SocialPicture;
use SocialPostgres;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program && SocialPostgres::bin()
    || plan skip_all => "$program or PostgreSQL is not there: run \"make deps\"";

chomp(my $cwd = `pwd`);
$program = "$cwd/$program" if $program !~ m{^/};

my $vectors = '../shared/vectors/images';
my $dir = File::Temp->newdir('social-worker-XXXXXX', TMPDIR => 1);
my $pg = SocialPostgres->start;

$pg->migrate;
mkdir "$dir/$_" for qw(raw assets);
my $buckets = SocialBucket->start($dir);

# names and numbers of our own only

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;


sub v { return $pg->value($_[0]) }

sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return;
    local $/;
    return <$f>;
}

sub spew {
    my ($file, $data) = @_;
    (my $folder = $file) =~ s{/[^/]*$}{};
    File::Path::make_path($folder);
    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f;
}


sub conf {
    my (%o) = @_;

    my $file = "$dir/" . ($o{file} || 'worker.conf');
    spew($file, <<"CONF" . ($o{more} || ''));
concurrency = @{[ $o{concurrency} || 2 ]}
lease = "@{[ $o{lease} || '20s' ]}"
poll = "@{[ $o{poll} || '200ms' ]}"
database { @{[ $o{conninfo} ? qq{conninfo = "$o{conninfo}"} : $pg->worker ]} }
bucket raw { @{[ $buckets->conf ]} }
bucket assets { @{[ $buckets->conf ]} }
variant avatar {
    width = 512
    height = 512
    enlarge = true
}
variant small {
    width = 64
    height = 64
    formats = {"webp", "png"}
}
variant heavy {
    width = 1000
    height = 1000
    fit = "contain"
    formats = {"avif"}
    effort = 4
    enlarge = true
}
@{[ map { "variant long$_ { width = 900 height = 900 fit = contain
    formats = {avif} effort = 5 enlarge = true }\n" } 1, 2 ]}
variant whole {
    width = 16000
    height = 16000
    fit = "contain"
    formats = {"png"}
}
variant photo {
    width = 16000
    height = 16000
    fit = "contain"
    formats = {"jpeg"}
    quality = 92
}
kind avatar {
    variants = {"avatar", "small"}
    output = "assets"
    alias = "avatars/{sub}.jpg"
    max_size = "8M"
    time_limit = "80s"
}
kind post {
    variants = {"small"}
    output = "assets"
    time_limit = "80s"
}
kind heavy {
    variants = {"heavy"}
    output = "assets"
    time_limit = "600s"
}
kind long {
    variants = {"long1", "long2"}
    output = "assets"
    time_limit = "600s"
}
kind hurry {
    variants = {"heavy"}
    output = "assets"
    time_limit = "@{[ $o{hurry} || '60ms' ]}"
}
kind whole { variants = {"whole"} output = "assets" time_limit = "80s" }
kind photo { variants = {"photo"} output = "assets" time_limit = "80s" }
CONF

    return $file;
}


my %workers;

sub worker {
    my ($command, @args) = @_;

    my $log = "$dir/log." . (1 + keys %workers);
    my $pid = fork;
    die unless defined $pid;

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>', $log;
        exec $program, '-c', @args ? @args : "$dir/worker.conf", $command
            or POSIX::_exit(127);
    }

    $workers{$pid} = $log;
    return $pid;
}

sub stop {
    my ($pid, $signal) = @_;

    kill $signal || 'TERM', $pid;

    for (1 .. 600) {
        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            my $status = $?;
            my $log = slurp($workers{$pid});
            $workers{$pid} = 'gone';
            return ($status, $log);
        }
        sleep 0.05;
    }

    kill 'KILL', $pid;
    waitpid $pid, 0;
    return (-1, slurp($workers{$pid}));
}

END {
    my $status = $?;
    for my $pid (grep { $workers{$_} ne 'gone' } keys %workers) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    $? = $status;
}

sub once {
    my $out = `$program -c $dir/worker.conf once 2>&1`;
    return ($?, $out);
}

# One of our own tools makes the JPEGs that it is tested with.

sub variant_of {
    my ($data, $kind, $name) = @_;

    spew("$dir/in", $data);
    my $out = `$program -c $dir/worker.conf variants -k $kind $dir/in -o $dir/out 2>&1`;
    die "variants failed: $out" if $?;
    return slurp("$dir/out/$name");
}

sub pixels {
    my ($data) = @_;
    return SocialImage::read_png(variant_of($data, 'whole', 'whole.png'));
}


my $n = 0;

# An upload, its object, and the event; returns the upload's id.

sub upload {
    my ($sub, $kind, $data, %o) = @_;

    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;
    my $key = $o{key} || "raw/$sub/$n";

    v("SELECT social_upload_create('$id', 'iss', '$sub', '$sub', '$kind',
        'raw', '$key', 'image/jpeg', 1, NULL, '5 minutes')");
    spew("$dir/raw/$key", $data) if defined $data;

    v("SELECT social_object_created('t', 'e$n', 'raw', '$key',
        @{[ $o{size} // length($data // '') ]}, 'etag$n')");
    return $id;
}

sub state_of {
    my ($id, $wanted, $seconds) = @_;
    return $pg->wait_for("SELECT state FROM uploads WHERE id = '$id'",
        $wanted // 'ready', $seconds);
}

sub running {
    my ($id) = @_;
    return $pg->wait_for("SELECT state FROM jobs
        WHERE payload->>'upload' = '$id'", 'running');
}

sub reason { return v("SELECT reason FROM uploads WHERE id = '$_[0]'") }

# the process id of a worker's child, once it has one

# Waits for a line of a log.

sub logged {
    my ($pid, $pattern) = @_;

    for (1 .. 600) {
        return 1 if (slurp($workers{$pid}) // '') =~ $pattern;
        sleep 0.05;
    }

    return 0;
}

sub decoder_of {
    my ($pid) = @_;

    for (1 .. 1200) {
        for my $task (glob "/proc/$pid/task/*/children") {
            my ($child) = (slurp($task) // '') =~ /(\d+)/ or next;
            return $child
                if (slurp("/proc/$child/cmdline") // '') =~ /decoder/;
        }
        sleep 0.05;
    }

    return;
}


conf();

my $photo = variant_of(SocialImage::photo(1600, 1200), 'photo', 'photo.jpg');
ok(length $photo > 100_000, 'a photo of ' . length($photo) . ' bytes');


subtest 'check' => sub {
    my $out = `$program -c $dir/worker.conf check 2>&1`;
    is($?, 0, 'all is well') or diag($out);
    like($out, qr/^ok +database/m, 'database');
    like($out, qr/^ok +bucket raw/m, 'bucket');
    like($out, qr/libvips 8\.\d+\.\d+ reads jpeg png gif webp/, 'libvips');

    my $example = `$program -c conf/worker.conf check 2>&1`;
    like($example, qr{^ok +configuration conf/worker.conf}m,
        'the example is sound');
    like($example, qr/^wrong +database: it cannot be reached/m,
        'and what is not there is said');

    my %wrong = (
        'nonsense = 1' => qr/no such option 'nonsense'/,
        'variant x { width = 0 height = 1 }' => qr/variant x: width.*not in 1/,
        'variant x { width = 1 height = 1 fit = "fill" }'
            => qr/fit.*\\"cover\\" \\"contain\\"/,
        'variant x { width = 1 height = 1 formats = {"bmp"} }'
            => qr/there are \\"jpeg\\"/,
        'variant x { width = 1 height = 1 background = "red" }' => qr/a color/,
        'variant x { width = 1 height = 1 background = "#+1 20x" }'
            => qr/a color/,
        'variant "x/y" { width = 1 height = 1 }' => qr/letters, digits/,
        'kind x { variants = {"none"} output = "raw" }'
            => qr/no section \\"variant none\\"/,
        'kind x { variants = {"avatar"} }' => qr/kind x: output/,
        'kind x { variants = {"small"} output = "raw" alias = "a" }'
            => qr/alias.*must be \\"jpeg\\"/,
        'kind x { variants = {"small"} output = "raw" max_size = "x" }'
            => qr/max_size/,
        'bucket "b" { bucket = "raw" }' => qr/another section/,
        'bucket raw { region = "x" }' => qr/duplicate|raw/,
        'bucket old { directory = "/x" }'
            => qr/bucket old: directory","error":"it is not supported: use \\"endpoint\\"/,
        'bucket Upper { }' => qr/bucket Upper: bucket","error":"it is not a name/,
        'bucket bad { endpoint = "s3.example.com" }'
            => qr/bucket bad: endpoint","error":"it must begin with/,
        'lease = "1ms"' => qr/lease/,
        'variant x = 3' => qr/"line":\d+/,
    );

    for my $more (sort keys %wrong) {
        my $file = conf(file => 'wrong.conf', more => "$more\n");
        $out = `$program -c $file check 2>&1`;
        isnt($?, 0, "refused: $more");
        like($out, $wrong{$more}, 'and said why');
    }

    {
        local $ENV{SOCIAL_WORKER_VARIANT_SMALL_FORMATS} = 'jpeg,png';
        local $ENV{SOCIAL_WORKER_BUCKET_RAW_BUCKET} = 'nonexistent';
        $out = `$program -c $dir/worker.conf check 2>&1`;
        like($out, qr{^wrong +bucket raw: .* 404, NoSuchBucket}m,
            'the environment wins');

        local $ENV{SOCIAL_WORKER_KIND_POST_VARIANTS} = 'gone';
        $out = `$program -c $dir/worker.conf check 2>&1`;
        like($out, qr/no section \\"variant gone\\"/, 'and is checked');
    }

    $out = `$program -c /nonexistent run 2>&1`;
    like($out, qr/No such file or directory/, 'no configuration');
    isnt($?, 0, 'is an error');

    my $empty = SocialPostgres->start;
    $out = `$program -c @{[ conf(file => 'x.conf',
        conninfo => $empty->conninfo) ]} check 2>&1`;
    like($out, qr/make migrate/, 'a database without tables');
};


subtest 'an avatar from end to end' => sub {
    my $id = upload('u1', 'avatar', $photo);
    my ($status, $log) = once();

    is($status, 0, 'done');
    is(state_of($id), 'ready', 'ready') or diag($log);
    like($log, qr/^\{"time":"[^"]+Z","level":"info","event":"job done","job":"1",/m,
        'a line of JSON');

    my $jpeg = slurp("$dir/assets/images/$id/avatar.jpg");
    my ($w, $h) = pixels($jpeg);
    is("$w x $h", '512 x 512', 'the avatar');
    is(slurp("$dir/assets/avatars/u1.jpg"), $jpeg, 'by its name of old too');
    ok(-s "$dir/assets/images/$id/small.webp", 'another variant');
    ok(-s "$dir/assets/images/$id/small.png", 'in two formats');

    is(v("SELECT avatar_key FROM users WHERE sub = 'u1'"),
        "images/$id/avatar.jpg", 'it is the user\'s');
    is(v("SELECT length(avatar_placeholder) BETWEEN 20 AND 40 FROM users
        WHERE sub = 'u1'"), 't', 'with a placeholder');
    is(v("SELECT string_agg(key || ' ' || (value->>'width') || ' '
        || (value->>'type'), ', ' ORDER BY key)
        FROM uploads, jsonb_each(variants) WHERE id = '$id'"),
        'avatar 512 image/jpeg, small 64 image/webp, small.png 64 image/png',
        'and all variants are known');
    is(v("SELECT (variants->'avatar'->>'bytes')::int FROM uploads
        WHERE id = '$id'"), length $jpeg, 'by their sizes');
    is(() = glob("$dir/assets/images/$id/*"), 3, 'nothing else is left');

    my $sub = 'a|b/../c';
    $id = upload('odd', 'avatar', $photo, key => 'raw/odd');
    v("UPDATE jobs SET payload = jsonb_set(payload, '{sub}', '\"$sub\"')
        WHERE state = 'ready'");
    once();
    ok(-s "$dir/assets/avatars/a%7Cb%2F..%2Fc.jpg",
        'a subject cannot leave its folder');
};


subtest 'orientation' => sub {
    my %failed;

    for my $o (1 .. 8) {
        my $stored = SocialImage::quarters(600, 400, $o);
        my $jpeg = variant_of($stored, 'photo', 'photo.jpg');
        my $id = upload("o$o", 'avatar', SocialImage::orient($jpeg, $o));

        once();
        is(state_of($id), 'ready', "orientation $o is done");

        my $avatar = slurp("$dir/assets/images/$id/avatar.jpg");
        unlike($avatar, qr/Exif|GPS/, 'no metadata is left');

        my ($w, $h, $at) = pixels($avatar);

        for my $q (0 .. 3) {
            my @got = $at->($q & 1 ? $w - 40 : 40, $q & 2 ? $h - 40 : 40);
            my @want = @{ $SocialImage::QUARTERS[$q] };
            my $far = grep { abs($got[$_] - $want[$_]) > 24 } 0 .. 2;
            ok(!$far, "quarter $q is in its place")
                or diag("got @got, wanted @want");
        }
    }

    SKIP: {
        -d $vectors or do {
            diag("$vectors is not here: photos of every orientation SKIPPED");
            skip 'no vectors', 1;
        };

        for my $name (qw(Landscape Portrait)) {
            my (undef, undef, $first) = pixels(variant_of(
                slurp("$vectors/images/${name}_1.jpg"), 'avatar', 'small.png'));

            for my $o (2 .. 8) {
                my ($w, $h, $at) = pixels(variant_of(
                    slurp("$vectors/images/${name}_$o.jpg"), 'avatar',
                    'small.png'));
                my $sum = 0;
                for my $x (map { $_ * 4 } 0 .. 15) {
                    for my $y (map { $_ * 4 } 0 .. 15) {
                        my @a = $first->($x, $y);
                        my @b = $at->($x, $y);
                        $sum += abs($a[$_] - $b[$_]) for 0 .. 2;
                    }
                }
                cmp_ok($sum / 768, '<', 12, "${name}_$o looks like ${name}_1");
            }
        }
    }
};


subtest 'what cannot be done' => sub {
    my %no = (
        'not an image' => ["<svg xmlns='http://www.w3.org/2000/svg'/>",
            qr/^This file is not an image we can read: use JPEG, PNG, GIF, WebP or AVIF\.$/],
        'empty' => ['', qr/not an image/],
        'truncated' => [substr($photo, 0, 60_000), qr/damaged or incomplete/],
        'headers only' => [substr($photo, 0, 100), qr/damaged/],
        'a bomb' => [SocialImage::png(30000, 30000, 1, 0,
            [("\0" x 3750) x 100]), qr/30000 by 30000 pixels.*50 million/],
        'gzip, as of svgz' => ["\x1f\x8b\x08\0\0\0\0\0\0\3" . "\xb3" x 175,
            qr/not an image/],
    );

    # several auxiliary images, as phones write them: a newer libheif can

    $no{'a kind of HEIC'} = [SocialPicture::avif([({
            data => 'x',
            props => [
                SocialPicture::full('ispe', pack 'NN', 64, 64),
                SocialPicture::box('av1C', "\x81\0\x0c\0"),
                SocialPicture::full('auxC',
                    "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"),
            ],
        }) x 3], refs => [['auxl', 2, 1, 3]], brand => 'heic'),
        qr/^This kind of HEIC is not supported yet: use JPEG\.$/];
    spew("$dir/heic", $no{'a kind of HEIC'}[0]);
    delete $no{'a kind of HEIC'} if `$program -c $dir/worker.conf variants -k post $dir/heic -o $dir/out 2>&1` !~ /Too many aux/;

    if (-d $vectors) {
        $no{'a file that hangs a loader'}
            = [slurp("$vectors/libvips/truncated.svgz"), qr/not an image/];
        $no{'30000 x 30000'}
            = [slurp("$vectors/generated/png-30000x30000-1bit.png"),
                qr/too large/];
    } else {
        diag("$vectors is not here: two hostile files SKIPPED");
    }

    for my $what (sort keys %no) {
        my ($data, $reason) = @{ $no{$what} };
        my $id = upload('no', 'post', $data);
        my $began = time;
        my ($status, $log) = once();

        is(state_of($id, 'failed'), 'failed', $what);
        like(reason($id), $reason, 'for a reason that a person can read');
        is(v("SELECT state || ' ' || attempt FROM jobs
            WHERE payload->>'upload' = '$id'"), 'dead 1', 'at once, for good');
        cmp_ok(time - $began, '<', 20, 'and soon');
    }

    my $id = upload('no', 'avatar', $photo, size => 9 * 1024 * 1024);
    once();
    like(reason($id), qr/too large: up to 8 MB/, 'too large, by the event');

    $id = upload('no', 'avatar', $photo . "\0" x (9 * 1024 * 1024), size => 1);
    once();
    like(reason($id), qr/too large: up to 8 MB/, 'too large, whatever the event');

    $id = upload('no', 'unknown', $photo);
    once();
    like(reason($id), qr/could not process/, 'a kind that is not configured');
    like(v("SELECT last_error FROM jobs WHERE payload->>'upload' = '$id'"),
        qr/kind unknown/, 'is recorded');

    # what its headers ask for, and what a codec asks for later

    conf(more => 'sandbox { memory = 64M }
        variant webp { width = 16000 height = 16000 fit = contain
        formats = {webp} effort = 0 }
        kind webp { variants = {webp} output = assets time_limit = 80s }'
        . "\n");

    my @of = (
        ['post', SocialImageFlat::jpeg(800, 800, components => 1,
            progressive => 1, scans => 100), qr/more parts than we process/],
        ['post', SocialImageFlat::jpeg(3400, 3300, progressive => 1),
            qr/needs 6\d MB of memory to be processed, and up to 64 are allowed: use a smaller one, or one that is not progressive/],
        $ENV{SANITIZE} ? () : map { [$_, SocialImageFlat::png(4000, 4000, 8, 2),
            qr/needs too much memory to be processed: use a smaller one/]
        } 'webp', 'photo',
    );

    for (@of) {
        my ($kind, $data, $reason) = @$_;
        $id = upload('no', $kind, $data);
        my (undef, $log) = once();
        is(state_of($id, 'failed'), 'failed', 'too much') or diag($log);
        like(reason($id), $reason, 'and what of it') or diag($log);
    }

    conf();

    my $pid = worker('run');
    $id = upload('no', 'post', undef);
    is(state_of($id, 'failed', 60), 'failed', 'an object that is not there');
    like(reason($id), qr/did not arrive/, 'is said to be');
    is(v("SELECT attempt FROM jobs WHERE payload->>'upload' = '$id'"), 4,
        'after a few quick attempts');

    $id = upload('no', 'post', undef, key => 'raw/late');
    sleep 0.2;
    spew("$dir/raw/raw/late", $photo);
    is(state_of($id), 'ready', 'one that is late is waited for');
    stop($pid);
};


subtest 'a decoder that takes too long' => sub {
    my $id = upload('slow', 'hurry', $photo);
    my $pid = worker('run');
    is(state_of($id, 'failed', 60), 'failed', 'is killed');
    like(reason($id), qr/took too long/, 'with a reason');
    is(v("SELECT attempt || ' ' || last_error FROM jobs
        WHERE payload->>'upload' = '$id'"),
        '2 the decoder was killed after 60 ms', 'the second time for good');

    $id = upload('slow', 'post', $photo);
    is(state_of($id), 'ready', 'the worker goes on');
    stop($pid);
};


subtest 'a decoder that dies' => sub {
    my $pid = worker('run');
    my $id = upload('dies', 'heavy', $photo);
    is(running($id), 'running', 'it is at work');

    my $decoder = decoder_of($pid);
    ok($decoder, 'in a child');

    for (1 .. 200) {
        last if (slurp("/proc/$decoder/limits") // '') =~ /open files +16 /;
        sleep 0.02;
    }

    my @fds = map { readlink } glob "/proc/$decoder/fd/*";
    is(scalar(grep { m{^/dev/null$} } @fds), 3, 'with nothing at 0, 1 and 2');
    is(scalar(grep { /^socket/ } @fds), 1, 'one socket');
    is(scalar(grep { !m{^/dev/null$|^socket|memfd|eventfd} } @fds), 0,
        'files in memory, and nothing else') or diag("@fds");
    unlike(slurp("/proc/$decoder/environ") // '', qr/PATH|HOME|SOCIAL/,
        'no environment');
    like(slurp("/proc/$decoder/status"), qr/^NoNewPrivs:\s+1/m,
        'no new privileges');
    unlike(slurp("/proc/$decoder/limits"),
        qr/^Max address space +unlimited/m, 'a limit of memory')
        unless $ENV{SANITIZE};

    sleep 0.1;
    kill 'KILL', $decoder;
    is(state_of($id, 'ready', 60), 'ready', 'killed, it is done by another');
    is(v("SELECT attempt FROM jobs WHERE payload->>'upload' = '$id'"), 2,
        'which costs one attempt');
    my (undef, $log) = stop($pid);
    like($log, qr/"error":"the decoder died"/, 'and a line in the log');
};


subtest 'a worker that is killed' => sub {
    conf(lease => '3s');
    my $first = worker('run');
    my $id = upload('killed', 'heavy', $photo);
    is(running($id), 'running', 'it is at work');
    my $decoder = decoder_of($first);
    sleep 0.3;
    stop($first, 'KILL');

    my $gone = 0;
    for (1 .. 400) {
        $gone = !-d "/proc/$decoder" || slurp("/proc/$decoder/stat") =~ /\) Z/;
        last if $gone;
        sleep 0.05;
    }
    ok($gone, 'its decoder ends with it');

    my $second = worker('run');
    is(state_of($id, 'ready', 60), 'ready', 'another does the job');
    is(v("SELECT attempt || ' ' || state FROM jobs
        WHERE payload->>'upload' = '$id'"), '2 done', 'in the second attempt');

    my (undef, $log) = stop($second);
    is(() = $log =~ /"event":"job done"/g, 1, 'once') or diag($log);
    Test::More->builder->is_passing or diag($log);
    ok(-s "$dir/assets/images/$id/heavy.avif", 'and it is there');
    conf();
};


subtest 'a long job keeps its lease' => sub {
    conf(lease => '4s');
    my $id = upload('long', 'long', $photo);
    my @pids = map { worker('run') } 1, 2;
    is(state_of($id, 'ready', 90), 'ready', 'done');
    is(v("SELECT attempt FROM jobs WHERE payload->>'upload' = '$id'"), 1,
        'in one attempt');
    my ($took) = v("SELECT extract(epoch FROM finished_at - created_at)
        FROM jobs WHERE payload->>'upload' = '$id'");
    diag("the long job took $took s, with a lease of 4 s");
    my @logs = map { (stop($_))[1] } @pids;
    Test::More->builder->is_passing or diag(@logs);
    conf();
};


subtest 'two workers' => sub {
    my $small = variant_of($photo, 'avatar', 'avatar.jpg');
    my @ids = map { upload("two$_", 'post', $small) } 1 .. 40;
    my @pids = map { worker('run') } 1, 2;

    is($pg->wait_for("SELECT count(*) FROM uploads WHERE state = 'ready'
        AND id IN (" . join(',', map { "'$_'" } @ids) . ')', 40, 60), 40,
        'do forty jobs');

    my @logs = map { (stop($_))[1] } @pids;
    my @done = map { my @d = /"event":"job done","job":"(\d+)"/g; [@d] } @logs;
    my %seen;
    $seen{$_}++ for map { @$_ } @done;

    is(scalar(keys %seen), 40, 'each of them');
    is(scalar(grep { $_ > 1 } values %seen), 0, 'and none by both');
    ok(@{ $done[0] } && @{ $done[1] },
        "both work: @{[ scalar @{ $done[0] } ]} and @{[ scalar @{ $done[1] } ]}");
    is(v("SELECT max(attempt) FROM jobs WHERE payload->>'upload' IN ("
        . join(',', map { "'$_'" } @ids) . ')'), 1, 'in one attempt each');
};


subtest 'notifications' => sub {
    conf(poll => '30s');
    my $pid = worker('run');
    my $warm = upload('n', 'post', $photo);
    is(state_of($warm), 'ready', 'a first one');

    sleep 0.5;
    my $began = time;
    my $id = upload('n', 'post', $photo);
    is(state_of($id), 'ready', 'another');
    cmp_ok(time - $began, '<', 15, 'long before it would look');
    stop($pid);
    conf();
};


subtest 'PostgreSQL is restarted' => sub {
    my $pid = worker('run');
    my $before = upload('r', 'post', $photo);
    is(state_of($before), 'ready', 'before');

    my $during = upload('r', 'heavy', $photo);
    is(running($during), 'running', 'during a job');
    $pg->down;
    sleep 2;
    $pg->up;
    is(state_of($during, 'ready', 60), 'ready', 'which is written when it is back');
    is(v("SELECT attempt FROM jobs WHERE payload->>'upload' = '$during'"), 1,
        'in the same attempt');

    my $after = upload('r', 'post', $photo);
    is(state_of($after), 'ready', 'after');

    # of its connections the last one may come later

    ok(logged($pid, qr/"database available again"/), 'it says so');
    my ($status, $log) = stop($pid);
    is($status, 0, 'the worker was never away');
    like($log, qr/"database unavailable"/, 'and said what it saw');
    unlike($log, qr/^(?!\{)./m, 'by lines of JSON alone');

    $pg->down;
    $pid = worker('run');
    sleep 1;
    $pg->up;
    my $late = upload('r', 'post', $photo);
    is(state_of($late), 'ready', 'a worker that starts first waits');
    stop($pid);
};


subtest 'signals' => sub {
    conf(concurrency => 1);
    my $pid = worker('run');
    my $running = upload('s', 'heavy', $photo);
    is(running($running), 'running', 'claimed');
    ok(decoder_of($pid), '... and at work');
    my $waiting = upload('s', 'post', $photo);

    my ($status, $log) = stop($pid);
    is($status, 0, 'SIGTERM: leaves');
    is(state_of($running, 'ready', 1), 'ready', 'after what ran');
    is(state_of($waiting, 'stored', 1), 'stored', 'and before what waited');
    is(v("SELECT count(*) FROM jobs WHERE state = 'running'"), 0,
        'no lease is left');

    $pid = worker('run');
    is(state_of($waiting), 'ready', 'the next one does that');

    conf(concurrency => 1, more => 'variant tiny { width = 8 height = 8 }
        kind tiny { variants = {"tiny"} output = "assets" }' . "\n");
    kill 'HUP', $pid;
    logged($pid, qr/"configuration reloaded"/) or fail('not reloaded');
    my $id = upload('s', 'tiny', $photo);
    is(state_of($id), 'ready', 'SIGHUP: knows a new kind');

    conf(concurrency => 1, more => "nonsense\n");
    kill 'HUP', $pid;
    logged($pid, qr/"configuration not reloaded"/) or fail('it is taken');
    $id = upload('s', 'tiny', $photo);
    is(state_of($id), 'ready', 'and keeps the old configuration from a bad one');

    ($status, $log) = stop($pid, 'INT');
    is($status, 0, 'SIGINT: leaves too');
    like($log, qr/configuration reloaded/, 'logged');
    like($log, qr/configuration not reloaded/, 'both');
    conf();
};


subtest 'the newest avatar' => sub {
    my $old = upload('newest', 'avatar', $photo);
    my $new = upload('newest', 'avatar',
        variant_of(SocialImage::quarters(300, 300, 1), 'photo', 'photo.jpg'));

    # the older one is done last
    v("UPDATE jobs SET run_at = now() + interval '1 second'
        WHERE payload->>'upload' = '$old'");
    once();
    is(state_of($new), 'ready', 'the newer is done');
    sleep 1;
    once();
    is(state_of($old), 'ready', 'then the older');

    is(slurp("$dir/assets/avatars/newest.jpg"),
        slurp("$dir/assets/images/$new/avatar.jpg"), 'the newer stays');
    is(v("SELECT avatar_key FROM users WHERE sub = 'newest'"),
        "images/$new/avatar.jpg", 'in the table too');

    # a second object by the same URL
    my $key = v("SELECT object_key FROM uploads WHERE id = '$new'");
    my $first = slurp("$dir/assets/images/$new/avatar.jpg");
    spew("$dir/raw/$key", $photo);
    v("SELECT social_object_created('t', 'again', 'raw', '$key', 1, 'again')");
    once();
    is(slurp("$dir/assets/images/$new/avatar.jpg"), $first,
        'a name that is for good is not written again');
    is(v("SELECT avatar_key FROM users WHERE sub = 'newest'"),
        "images/$new/avatar-2.jpg", 'the other object has its own');
};


subtest 'jobs for people' => sub {
    my $id = upload('p', 'post', 'junk');
    once();
    my $job = v("SELECT id FROM jobs WHERE payload->>'upload' = '$id'");

    my $out = `$program -c $dir/worker.conf jobs`;
    like($out, qr/^$job\tdead\timages\tpost\t1\t/m, 'listed');

    my $key = v("SELECT object_key FROM uploads WHERE id = '$id'");
    spew("$dir/raw/$key", $photo);
    `$program -c $dir/worker.conf jobs retry $job`;
    is($?, 0, 'tried again');
    once();
    is(state_of($id), 'ready', 'and done');

    `$program -c $dir/worker.conf jobs retry $job 2>&1`;
    isnt($?, 0, 'not when it is done');
    upload('p', 'post', $photo);
    $job = v("SELECT max(id) FROM jobs");
    `$program -c $dir/worker.conf jobs discard $job`;
    is(v("SELECT state FROM jobs WHERE id = $job"), 'dead', 'discarded');

    `$program jobs nonsense 2>&1`;
    is($? >> 8, 2, 'anything else is a mistake');
};


done_testing();
