#!/usr/bin/perl

# What the decoder may do: a separate program tries it with the worker's
# confinement in force, and a real decoder is looked at while it works.

use strict;
use warnings;

use lib 't/lib';

use File::Copy ();
use File::Temp ();
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use SocialImage;

my $out = $ENV{SANITIZE} ? 'build/sanitize' : 'build';
my $program = $ENV{SOCIAL_WORKER} || "$out/social-worker";

-x $program
    or plan skip_all => "SKIPPED: $program is not there: run \"make deps\"";

chomp(my $cwd = `pwd`);
$program = "$cwd/$program" if $program !~ m{^/};

my $vectors = '../shared/vectors/images';
my $dir = File::Temp->newdir('social-sandbox-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

delete $ENV{$_} for grep { /^SOCIAL_WORKER_/ } keys %ENV;


sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return;
    local $/;
    return <$f>;
}

sub spew {
    my ($file, $data) = @_;
    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f;
}


my $refused = qr/^(?:killed by SIGSYS|refused: (?:Permission denied|Operation not permitted))$/;

subtest 'what it tries' => sub {
    chomp(my $tools = `scripts/tools`);
    die "t/tools did not compile\n" if $?;

    my $socket = "$dir/socket";
    my $server = IO::Socket::UNIX->new(Local => $socket, Listen => 10)
        or die "$socket: $!";

    mkdir "$dir/folder";

    my $try = sub {
        my ($mode) = @_;

        spew("$dir/secret", 'whsec_...');
        spew("$dir/folder/there", '');

        my %became;
        my @lines = `$tools/sandbox $mode $dir/secret $socket $dir/folder`;
        is($?, 0, "$mode: ran to its end");

        for (@lines) {
            my ($name, $what) = /^((?:work: )?[^:]+): (.*)$/ or die "nonsense: $_";
            $became{$name} = $what;
        }

        return \%became;
    };

    # without confinement: what shows that the attempts are real ones; more
    # than these is up to the kernel and to who runs the test

    my $none = $try->('none');

    is($none->{$_}, 'worked', "none: $_")
        for 'read a secret', 'stat a secret', 'truncate a secret',
        'read the parent\'s environment', 'list /', 'open the parent',
        'signal the parent', 'make a socket of IPv4', 'connect to a port',
        'connect to a unix socket', 'pass a file descriptor',
        'execute a program', 'make a process',
        'make a process in the same memory', 'make a thread as vfork does',
        'make a file', 'remove a file', 'map memory to run', 'run what was written',
        'make a socket in a thread that was there before';

    for my $mode ('seal', 'both') {
        my $became = $try->($mode);

        for my $name (sort keys %$became) {
            if ($name =~ /^work:/) {
                is($became->{$name}, 'worked', "$mode: $name");

            } else {
                like($became->{$name}, $refused, "$mode: $name");
            }
        }

        cmp_ok(scalar(keys %$became), '>=', 53, "$mode: all of them");

        # these are not probes of a library

        is($became->{$_}, 'killed by SIGSYS', "$mode: $_, which ends it")
            for 'trace the parent', 'make a socket of IPv4', 'make a process',
            'make a process in a namespace', 'execute a program',
            'signal the parent', 'signal the parent\'s thread',
            'send to another address',
            'make a socket in a thread that was there before',
            'make a process in the same memory', 'make a thread as vfork does',
            map { "make a thread in a namespace of $_" } qw(mounts cgroups names
                IPC users processes networks);
    }

    my $files = $try->('files');

    SKIP: {
        if ($files->{'read a secret'} eq 'not confined') {
            diag('the kernel has no Landlock: its attempts are SKIPPED');
            skip 'no Landlock', 1;
        }

        like($files->{$_}, qr/^refused: (?:Permission denied|Operation not)/,
            "files: $_")
            for 'read a secret', 'truncate a secret', 'list /',
            'read the parent\'s environment', 'read the parent\'s memory',
            'trace the parent', 'read the parent by process_vm_readv',
            'execute a program', 'make a file', 'make a directory',
            'remove a file', 'mount';

        is($files->{'read a library'}, 'worked', 'files: read a library');
        is($files->{"work: $_"}, 'worked', "files: $_")
            for 'make a thread', 'answer', 'use memory';
    }
};


# A decoder at work: a variant that takes some seconds.

sub conf {
    my ($file, $more, $effort) = @_;

    spew("$dir/$file", ($more // '') . <<"CONF");
bucket assets { endpoint = "http://127.0.0.1:1" }
variant slow {
    width = 4000
    height = 4000
    enlarge = true
    formats = {"avif"}
    effort = @{[ $effort // 6 ]}
}
variant all {
    width = 64
    height = 64
    fit = "contain"
    formats = {"jpeg", "png", "webp", "avif"}
}
kind slow { variants = {"slow"} output = "assets" }
kind all { variants = {"all"} output = "assets" }
CONF
}

spew("$dir/photo.png", SocialImage::photo(1200, 900));
conf('worker.conf');

# whom root becomes: it may read everything of everybody

my ($user) = $> == 0 ? grep { defined getpwnam($_) } qw(nobody postgres) : ();

sub drop {
    my ($uid, $gid) = (getpwnam($user))[2, 3];

    $) = "$gid $gid";
    POSIX::setgid($gid);
    POSIX::setuid($uid);
    $> == $uid or die "still $>";
}

# Runs code as that user in its own process; returns what it returned.

sub as_user {
    my ($code) = @_;

    return $code->() if !$user;

    pipe my $r, my $w or die;
    my $pid = fork // die;

    if (!$pid) {
        close $r;
        drop();
        print $w $code->() // '';
        close $w;
        POSIX::_exit(0);
    }

    close $w;
    local $/;
    my $answer = <$r>;
    waitpid $pid, 0;
    return $answer;
}

my %running;

# Whether a decoder has an image, which it gets after it was confined.  Its
# descriptors are for root to see; others wait for the filter.

sub at_work {
    my ($child) = @_;

    return grep { /memfd:social-out/ } map { readlink // '' }
        glob "/proc/$child/fd/*" if $user;

    return (slurp("/proc/$child/status") // '') =~ /^Seccomp:\s+2$/m;
}

# a worker that makes the slow variant, and its decoder

sub start {
    my ($conf, $log, $open) = @_;

    File::Copy::copy($program, "$dir/social-worker");
    chmod 0755, "$dir/social-worker";
    mkdir "$dir/out";
    chmod 0777, "$dir/out";

    my $pid = fork // die;

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/$log";
        open STDERR, '>&', \*STDOUT;
        chdir $dir;
        drop() if $user;
        %ENV = (PATH => '/usr/bin:/bin', AWS_SECRET_ACCESS_KEY => 'k3y',
            PGPASSWORD => 's3cret');
        exec "$dir/social-worker", '-c', "$dir/$conf", 'variants', '-k',
            'slow', "$dir/photo.png", '-o', "$dir/out" or POSIX::_exit(127);
    }

    $running{$pid} = 1;

    for (1 .. 600) {
        for my $task (glob "/proc/$pid/task/*/children") {
            my ($child) = (slurp($task) // '') =~ /(\d+)/ or next;
            (slurp("/proc/$child/cmdline") // '') =~ /^social-worker-decoder/
                or next;
            return ($pid, $child) if at_work($child) || $open;
        }

        sleep 0.02;
    }

    diag(slurp("$dir/$log"));
    die "there is no decoder\n";
}

sub stop {
    my ($pid) = @_;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    delete $running{$pid};
}

END {
    my $status = $?;
    stop($_) for keys %running;
    $? = $status;
}


subtest 'a real one' => sub {
    my ($pid, $child) = start('worker.conf', 'log');
    my $status = slurp("/proc/$child/status");

    like($status, qr/^Seccomp:\s+2$/m, 'has a filter of system calls');
    like($status, qr/^NoNewPrivs:\s+1$/m, 'and no new privileges');

    for my $task (glob "/proc/$child/task/*") {
        like(slurp("$task/status") // "Seccomp:\t2\n", qr/^Seccomp:\s+2$/m,
            'so has each of its threads');
    }

    SKIP: {
        skip 'only root sees what is not dumpable', 4 if !$user;

        is(slurp("/proc/$child/environ"),
            "MALLOC_ARENA_MAX=2\0ORC_CODE=emulate\0",
            'its environment is a fixed one');

        my @fds = map { readlink } glob "/proc/$child/fd/*";
        is(scalar(grep { m{^/dev/null$} } @fds), 3,
            'nothing is at 0, 1 and 2');
        is(scalar(grep { /^socket:/ } @fds), 1, 'it has one socket');
        is(scalar(grep { !m{^/dev/null$|^socket:|^/memfd:social-} } @fds), 0,
            'two files in memory, and nothing else') or diag("@fds");
    }

    for my $process ([$pid, 'the worker'], [$child, 'the decoder']) {
        my ($of, $name) = @$process;

        for my $file ('environ', 'mem', 'maps') {
            is(as_user(sub {
                open my $f, '<', "/proc/$of/$file" or return "$!";
                read $f, my $data, 4096 or return "$!";
                return 'it can be read';
            }), 'Permission denied', "$file of $name is closed to its own user");
        }

        is(as_user(sub {
            return opendir(my $d, "/proc/$of/fd") ? 'open' : "$!";
        }), 'Permission denied', "so are the descriptors of $name");
    }

    stop($pid);
};


subtest 'a system call that it may not make' => sub {
    my ($pid, $child) = start('worker.conf', 'log');

    # as the kernel ends it

    kill 'SYS', $child;
    waitpid $pid, 0;
    isnt($?, 0, 'is an error');
    delete $running{$pid};

    like(slurp("$dir/log"), qr/killed by its sandbox (?:before it was ready )?\(SIGSYS\)/,
        'which the worker tells from another death');

    ($pid, $child) = start('worker.conf', 'log');
    kill 'SEGV', $child;
    waitpid $pid, 0;
    delete $running{$pid};

    like(slurp("$dir/log"), qr/the decoder died$|ended before it was ready/m, 'that is another');
};


subtest 'the setting' => sub {
    my $check = `$program -v -c $dir/worker.conf check 2>&1`;
    like($check, qr/^ok +sandbox: seccomp/m, 'check says what is in force');

    conf('open.conf', "sandbox { seccomp = off }\n");
    my ($pid, $child) = start('open.conf', 'log', 'open');
    my $line = qr/"warn","event":"decoder is less confined","seccomp":"off"/;

    for (1 .. 600) {
        last if slurp("$dir/log") =~ $line;
        sleep 0.02;
    }

    like(slurp("$dir/log"), $line, 'seccomp = off: a line says so');
    like(slurp("/proc/$child/status"), qr/^Seccomp:\s+0$/m,
        'and there is no filter');
    stop($pid);

    $check = `$program -v -c $dir/open.conf check 2>&1`;
    like($check, qr/^wrong +sandbox: .*seccomp is off/m, 'and check');
};


subtest 'all formats' => sub {
    my %files;

    if (-d $vectors) {
        $files{$_} = 1 for map { glob "$vectors/$_" }
            'images/*.{gif,png,webp,avif,heic}', 'images/Landscape_1.jpg',
            'images/Channel*.jpg', 'libjpeg-turbo/*.jpg', 'libvips/*',
            'generated/*', 'pngsuite/basn*.png';

    } else {
        diag("$vectors is not here: pictures of all kinds SKIPPED");
    }

    $files{"$dir/photo.png"} = 1;

    my ($done, @killed) = (0);

    # libvips 8.14.1 reads freed memory with avif-orientation-6.avif, which
    # only ASan minds

    my $ended = $ENV{SANITIZE} ? qr/by its sandbox/
        : qr/by its sandbox|the decoder died/;

    for my $file (sort keys %files) {
        my $said = `$program -c $dir/worker.conf variants -k all $file -o $dir/out 2>&1`;
        $done++ if $? == 0;
        push @killed, "$file: $said" if $said =~ $ended;
    }

    is("@killed", '', 'none makes a call that it may not make');
    cmp_ok($done, '>=', -d $vectors ? 20 : 1, "$done are decoded and encoded");

    # what was encoded is decoded

    for my $format (qw(jpg png webp avif)) {
        `$program -c $dir/worker.conf variants -k all $dir/photo.png -o $dir/out 2>&1`;
        rename "$dir/out/all.$format", "$dir/made.$format";
        my $said = `$program -c $dir/worker.conf variants -k all $dir/made.$format -o $dir/out 2>&1`;
        is($?, 0, "$format is written and read") or diag($said);
    }
};


done_testing();
