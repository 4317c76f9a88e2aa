#!/usr/bin/perl

# The walk through the whole system in a real browser: starts "scripts/run" on
# a free port with data of its own, walks, stops it, starts it again on the
# same data, and stops it for good.  Screenshots are in build/e2e/.

use strict;
use warnings;

use lib 't/lib';

use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use SocialNginx;
use SocialNode qw( node );
use SocialS3;
use SocialSecrets;
use Test::More;
use Time::HiRes qw(sleep);

my $chromium = $ENV{CHROMIUM} || '/usr/bin/chromium';
my $build = $ENV{BUILD} || 'build';

plan skip_all => "SKIPPED: there is no $chromium; scripts/deps installs it"
    unless -x $chromium;
plan skip_all => 'SKIPPED: the suites of the module do this with the tools'
    . ' that find memory errors'
    if $ENV{SANITIZE} || $ENV{VALGRIND};

# the nginx that the module was built for

$ENV{NGINX} = $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};

for my $script ('deps-npm', 'frontend') {
    my $said = `scripts/$script 2>&1`;
    BAIL_OUT("scripts/$script failed: $said") if $?;
}

# a path of a unix socket is short, and root becomes somebody else

my $dir = tempdir('social-e2e-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

my $data = "$dir/data";
my $log = "$dir/run.log";
my $port = free_port();
my $url = "http://localhost:$port/";
my $pid;

sub free_port { return SocialNginx::free_port() }

sub slurp {
    my ($path) = @_;
    open my $f, '<', $path or return '';
    local $/;
    return scalar <$f> // '';
}

sub start {
    unlink $log;
    $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        setpgrp;
        open STDOUT, '>', $log or die;
        open STDERR, '>&', \*STDOUT or die;
        $ENV{PORT} = $port;
        $ENV{DATA} = $data;
        delete @ENV{'BIND', 'IDP_PORT'} if !$ENV{TLS};
        exec 'scripts/run' or die;
    }

    for (1 .. 1200) {
        return 1 if slurp($log) =~ /^ready: \Q$url\E$/m;

        if (waitpid($pid, WNOHANG) == $pid) {
            undef $pid;
            last;
        }

        sleep(0.1);
    }

    diag(slurp($log));
    diag("$_:\n", tail($_)) for glob "$data/logs/*.log";
    return 0;
}

sub stop {
    my ($signal) = @_;

    kill $signal, $pid;

    for (1 .. 600) {
        if (waitpid($pid, WNOHANG) == $pid) {
            undef $pid;
            return 1;
        }

        sleep(0.1);
    }

    return 0;
}

# Processes that have our directory in their command line.

sub left {
    my @found;

    for my $file (glob '/proc/[0-9]*/cmdline') {
        my $line = slurp($file);
        $line =~ tr/\0/ /;
        push @found, $line if $line =~ /\Q$data\E/;
    }

    return \@found;
}

# A copy of a role's, since libpq wants nobody else to be able to read it, which
# it also takes a file of another owner for.

sub passfile {
    my ($role) = @_;

    open my $f, '>', "$dir/pgpass" or die;
    chmod 0600, "$dir/pgpass";
    print $f slurp("$data/secrets/$role.pgpass");
    close $f;

    return "$dir/pgpass";
}

sub psql_owner {
    my ($sql) = @_;
    my $copy = passfile('owner');

    return scalar `PGPASSFILE=$copy psql -X -A -t -w -h $data/run \\
        -U social_owner -d social -c "$sql" 2>&1`;
}

sub tail {
    my @lines = split /^/, slurp($_[0]);
    return join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
}

# What this build of the module can do decides how far the walk goes.

sub parts {
    my $module = slurp("$build/ngx_http_social_module.so");
    my @parts;

    push @parts, 'assertion' if $module =~ /\bsocial_assertion\b/;
    push @parts, 'hook' if $module =~ /\bsocial_hook\b/;
    push @parts, 'uploads' if $module =~ /\bsocial_upload_status\b/
        && $module =~ /\bsocial_store\b/ && -x "$build/social-worker";

    return "@parts";
}

sub walk {
    my ($mode) = @_;

    local $ENV{OUT} = "$build/e2e";
    local $ENV{STATE} = "$dir/state.json";
    local $ENV{PARTS} = $ENV{PARTS} // parts();
    local $ENV{SUPERVISOR} = "$data/run/supervisord.conf";

    my $node = node();

    my @lines = `$node t/e2e/walk.mjs $url $mode`;

    for (@lines) {
        next unless /^(not )?ok \d+ - (.*)/;
        my ($failed, $name) = ($1, $2);

        if ($name =~ s/ # SKIP (.*)//) {
            SKIP: { diag("SKIPPED: $name"); skip $1, 1 }

        } else {
            ok(!$failed, $name);
        }
    }

    like($lines[-1] // '', qr/^1\.\.\d+$/, "the walk ($mode) came to its end");
}

# Begins an upload to the store, and has a worker read the first of it; ends it
# when it is called, after so many seconds.  Returns how the answer begins.

sub slow_upload {
    my ($key) = slurp("$data/secrets/store")
        =~ /^aws_access_key_id = (\S+)/m;
    my ($secret) = slurp("$data/secrets/store")
        =~ /^aws_secret_access_key = (\S+)/m;

    my $s3 = SocialS3->new(port => $port, base => '/store/uploads',
        region => 'us-east-1', access_key => $key, secret => $secret);
    my $body = 'x' x 100_000;
    my %headers = ($s3->sign(PUT => '/slow'), connection => 'close',
        'content-length' => length $body);
    my $sock = $s3->connection;

    print {$sock} "PUT /store/uploads/slow HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n",
        substr($body, 0, 10_000);
    $sock->flush;

    # a file without a name, where the file system has such

    chomp(my $master = slurp("$data/run/nginx.pid"));

    for (1 .. 300) {
        last if grep { (readlink // '') =~ m{^\Q$data\E/store/tmp/} }
            map { glob "/proc/$_/fd/*" } workers($master);
        sleep(0.1);
    }

    return sub {
        local $SIG{PIPE} = 'IGNORE';

        sleep($_[0]);
        print {$sock} substr $body, 10_000;
        $sock->flush;
        sysread $sock, my $answer, 12;
        return $answer;
    };
}

# For scripts/check-secrets; the identity provider is not ours.

sub keep_logs {
    for my $file (glob "$data/secrets/*") {
        SocialSecrets::made(grep { !/\Aaws_/ }
                            split /[\s=:]+/, slurp($file));
    }

    SocialSecrets::keep(grep { !/idp\.log/ } glob "$data/logs/*.log");
}

sub workers {
    my ($master) = @_;

    return grep { defined } map {
        slurp($_) =~ /\A(\d+) \(.*\) \w (\d+) /s && $2 == $master ? $1 : undef
    } glob '/proc/[0-9]*/stat';
}

END {
    my $status = $?;

    if (defined $pid) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }

    $? = $status;
}

ok(start(), 'the system starts') or do { done_testing(); exit };

# headers that nobody has signed, straight to the backend

my $answer = `curl -s -o /dev/null -w '%{http_code}' \\
    --unix-socket $data/run/backend.sock -H 'X-Social-Sub: somebody' \\
    -H 'X-Social-Groups: admin' http://localhost/api/profile`;

is($answer, 401, 'the backend does not believe headers alone');

# who may come into the database: each role with its own password

for my $role (qw(owner gateway worker backend)) {
    my $file = "$data/secrets/$role.pgpass";
    my $mode = (stat $file)[2] & oct 777;
    is(sprintf('%o', $mode), '600', "the password of $role is its own");

    my $copy = passfile($role);

    for my $user (map { "social_$_" } qw(owner gateway worker backend)) {
        my $said = `PGPASSFILE=$copy psql -X -A -t -w -h $data/run -U $user \\
            -d social -c 'SELECT current_user' 2>&1`;
        chomp $said;

        if ($user eq "social_$role") {
            is($said, $user, 'it comes in');

        } else {
            like($said, qr/no password supplied/, "$role is not $user");
        }
    }
}

for my $user (qw(postgres social)) {
    like(`psql -X -w -h $data/run -U $user -d social -c '' 2>&1`,
        qr/pg_hba.conf rejects connection/, "nobody is $user");
}

is_deeply([sort grep { /^social/ } split /\n/, psql_owner("
    SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'social'
        AND usename <> 'social_owner'")],
    [qw(social_gateway social_worker)], 'gateway and worker are themselves');

walk('first');
keep_logs();

for my $file (glob "$data/logs/*.log") {
    my $text = slurp($file);

    unlike($text, qr/\[(?:alert|emerg)\]|Traceback|Assertion failed/,
        'nothing went very wrong in ' . $file =~ s{.*/}{}r);
    unlike($text, qr/eyJ[\w-]{10,}\.eyJ/,
        'no token is in ' . $file =~ s{.*/}{}r);
}

# A phone's upload outlives a reload, and holds up no Ctrl-C.

SKIP: {
    skip 'this build has no store', 4 if parts() !~ /uploads/;

    chomp(my $master = slurp("$data/run/nginx.pid"));
    my @old = workers($master);
    my $slow = slow_upload();

    kill 'HUP', $master;

    # longer than before 0.1.0, when old workers were given 3 s

    is($slow->(8), 'HTTP/1.1 200', 'an upload of 8 s outlives a reload');

    my %gone = map { ($_ => 1) } @old;
    my $left = 1;

    for (1 .. 300) {
        $left = grep { $gone{$_} } workers($master) or last;
        sleep(0.1);
    }

    is($left, 0, 'and then the old workers end');

    $slow = slow_upload();
    ok(stop('INT'), 'it stops on Ctrl-C, with an upload under way');
    unlike(slurp("$data/logs/supervisord.log"), qr/killing 'nginx'/,
        'and nginx does not wait for that');
}

ok(!defined $pid || stop('INT'), 'it stops on Ctrl-C');
is_deeply(left(), [], 'and leaves no process');

ok(start(), 'it starts again on the same data')
    or do { done_testing(); exit };

# another one on the same port says so, and leaves the first alone

my $second = `PORT=$port DATA=$dir/other timeout 60 scripts/run 2>&1`;

isnt($?, 0, 'a second one on the same port does not start');
like($second, qr/port $port of 127\.0\.0\.1 cannot be used: .*in use/,
    'and says why');

my $third = `PORT=@{[free_port()]} DATA=$data timeout 60 scripts/run 2>&1`;

like($third, qr/another "make run" is using/,
    'nor does one on the same data');

my $full = `PORT=@{[free_port()]} DATA=$dir/full LEAST_FREE_MB=999999999 \\
    timeout 60 scripts/run 2>&1`;

like($full, qr/the disk is full: \d+ MB are free/,
    'nor does one on a disk that is full');

# a directory that its user cannot enter; as another user, since root could

SKIP: {
    my @as = $> == 0 ? qw( setpriv --reuid nobody --clear-groups ) : ();
    my $closed = "$dir/closed";

    mkdir $closed;
    chmod 0, $closed;

    my $entered = `PORT=@{[free_port()]} DATA=$closed/data SOCIAL_STAGE=dropped \\
        timeout 60 @as scripts/run 2>&1`;

    skip 'SKIPPED: nobody cannot read the clone', 1
        if $entered =~ /scripts\/run: Permission denied/;

    like($entered, qr/data cannot be used: \w+ cannot enter \Q$closed\E;/,
        'nor does one below a directory that its user cannot enter');
    chmod 0755, $closed;
}

if ($> == 0) {
    mkdir "$dir/private";
    chmod 0700, "$dir/private";

    my $dropped = `PORT=@{[free_port()]} DATA=$dir/private/data \\
        timeout 60 scripts/run 2>&1`;

    like($dropped, qr/data cannot be used: [\w-]+ cannot enter \Q$dir\E\/private;/,
        '... that root gives itself up for');
}

walk('again');
ok(stop('TERM'), 'it stops on SIGTERM');
is_deeply(left(), [], 'and leaves no process');

# by HTTPS, as each of its names, and on an address of IPv6

{
    local $ENV{TLS} = 1;
    local $ENV{BIND} = '::1';
    my $ca = "--cacert $data/tls/ca.pem";

    # a log that has grown

    open my $f, '>>', "$data/logs/access.log" or die;
    truncate $f, 60 << 20;
    close $f;

    $url = "https://localhost:$port/";
    ok(start(), 'it starts with TLS=1 and BIND=::1');
    is(-s "$data/logs/access.log.1", 60 << 20, 'with a new access log');
    cmp_ok(-s "$data/logs/access.log", '<', 1 << 20, '... in place of it');

    for my $name (qw( localhost www.localhost api.localhost
                      assets.localhost objects.localhost ))
    {
        my $code = `curl -s $ca --resolve '$name:$port:[::1]' -o /dev/null \\
            -w '%{http_code} %{http_version}' https://$name:$port/ 2>&1`;
        like($code, qr/^[2-4]\d\d 2$/, "$name has a certificate, and HTTP/2");
    }

    like(`curl -s $ca --resolve 'localhost:$port:[::1]' ${url}config.json`,
         qr{"apiUrl":"https://localhost:$port"}, 'the page connects by HTTPS');
    ok(stop('TERM'), 'and stops');
}

keep_logs();

done_testing();
