#!/usr/bin/perl

# "make install" and "make package": what is installed where, and what an
# upgrade, a removal and a purge leave.
#
# The packages are those of what was built for the tests. They are installed in
# a copy of this system, whose changes go to a directory of ours, where that
# can be made.  With SOAK=1 they are built twice, and compared; and built and
# installed in new systems, which SOCIAL_ROOTS or build/roots has, or debootstrap
# makes.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use File::Find ();
use File::Path ();
use File::Temp ();
use Test::More;

use SocialNginx;
use SocialPostgres;

plan(skip_all => 'packages are not made for sanitizers or valgrind')
    if $ENV{SANITIZE} || $ENV{VALGRIND} || $ENV{TEST_NGINX_USE_VALGRIND};

(-x 'build/social-worker' && -f 'build/frontend/index.html')
    || plan(skip_all => 'social-worker or the page is not built: run '
        . '"make build frontend"');

my $top = Cwd::getcwd();
my $dir = File::Temp->newdir('social-package-XXXXXX', TMPDIR => 1);

delete $ENV{$_} for grep { /^(?:PG|PREFIX|DESTDIR|DEB_)/ } keys %ENV;

sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($file, $text) = @_;
    open my $f, '>', $file or die "$file: $!";
    print $f $text;
    close $f;
}

# Files and links below a directory, by their names.

sub files {
    my ($root) = @_;
    my %all;

    File::Find::find({ no_chdir => 1, wanted => sub {
        return if -d && !-l;
        my $name = substr $File::Find::name, length $root;
        $all{$name} = sprintf '%o', (lstat)[2] & oct 7777;
    } }, $root);

    return \%all;
}

sub have { return system("command -v $_[0] > /dev/null 2>&1") == 0 }

sub run {
    my ($command) = @_;
    my $out = `$command 2>&1`;
    return ($? >> 8, $out);
}


subtest 'make install' => sub {
    my $root = "$dir/root";
    my $env = "DESTDIR=$root PREFIX=/opt/social SYSCONFDIR=/opt/etc "
        . "MODULESDIR=/opt/nginx/modules NGINXCONFDIR=/opt/nginx/conf";
    my ($rc, $out) = run("$env scripts/install");
    is($rc, 0, 'succeeds') or diag($out);

    my $files = files($root);
    my %wanted = (
        '/opt/nginx/modules/ngx_http_social_module.so' => '644',
        '/opt/nginx/conf/social/limits.conf'           => '644',
        '/opt/nginx/conf/social/trusted.conf'          => '644',
        '/opt/social/sbin/social-worker'               => '755',
        '/opt/social/sbin/social-migrate'              => '755',
        '/opt/social/sbin/social-explain'              => '755',
        '/opt/etc/social-worker/worker.conf'           => '640',
        '/opt/etc/logrotate.d/social-worker'           => '644',
        '/opt/social/lib/systemd/system/social-worker.service' => '644',
        '/opt/social/lib/systemd/system/social-worker@.service' => '644',
        '/opt/social/lib/sysusers.d/social-worker.conf' => '644',
        '/opt/social/share/man/man5/social-worker.conf.5' => '644',
        '/opt/social/share/man/man8/social-worker.8'   => '644',
        '/opt/social/share/man/man8/social-migrate.8'  => '644',
        '/opt/social/share/social-frontend/index.html' => '644',
        '/opt/social/share/social-frontend/licenses.txt' => '644',
        '/opt/social/share/social-worker/sql/001_init.sql' => '644',
        '/opt/social/share/doc/ngx_social_module/examples/conf/minimal.conf'
            => '644',
    );

    is($files->{$_}, $wanted{$_}, $_) for sort keys %wanted;

    is((grep { m{/sql/\d} } keys %$files) + 0, (() = glob 'conf/sql/[0-9]*'),
        'all migrations');

    for my $name (grep { !/\.so\z|social-worker\z/ } sort keys %$files) {
        like($name, qr{^/opt/}, 'its place') if $name !~ m{^/opt/};
        unlike(slurp("$root$name"), qr/\@[A-Z]+DIR\@|\@(?:CONF|PID|LOGS)\@/,
            "$name has its places") if $name !~ /\.png\z/;
    }

    # once more, over a configuration that was changed

    my $conf = "$root/opt/etc/social-worker/worker.conf";
    spew($conf, "queue = \"mine\"\n");
    ($rc, $out) = run("$env scripts/install");
    is($rc, 0, 'again');
    like($out, qr/kept: \S*worker\.conf; the new one is \S*worker\.conf\.new/,
        'it says so');
    is(slurp($conf), "queue = \"mine\"\n", 'what was changed stays');
    is(slurp("$conf.new"), slurp('conf/worker.conf'), 'beside the new one');

    # what others have put there

    spew("$root/opt/etc/social-worker/secret", 'x');
    spew("$root/opt/nginx/modules/other.so", 'x');

    ($rc, $out) = run("$env scripts/install -u");
    is($rc, 0, 'make uninstall');
    is_deeply([sort keys %{ files($root) }],
        ['/opt/etc/social-worker/secret', '/opt/etc/social-worker/worker.conf',
         '/opt/nginx/modules/other.so'], 'leaves what is not its own');
    ok(!-e "$root/opt/social/share/social-worker", 'and no folders');

    ($rc, $out) = run("DESTDIR=$root PREFIX=relative scripts/install");
    isnt($rc, 0, 'a relative place');
    like($out, qr/relative is not an absolute path/, 'is refused');

    ($rc, $out) = run("$env scripts/install moduel");
    like($out, qr/there is no part "moduel"/, 'so is an unknown part');
};


subtest 'what is installed' => sub {
    my $prefix = "$dir/prefix";
    my ($rc, $out) = run("PREFIX=$prefix SYSCONFDIR=$prefix/etc "
        . "MODULESDIR=$prefix/modules NGINXCONFDIR=$prefix/conf "
        . "NGINXLOGDIR=$dir/home/logs scripts/install module worker");
    is($rc, 0, 'without DESTDIR') or diag($out);
    like($out, qr/next: "load_module \Q$prefix\E/, 'the next step');

    # nginx with the snippets

    my $home = "$dir/home";
    File::Path::make_path("$home/logs");
    spew("$home/nginx.conf", <<"CONF");
load_module $prefix/modules/ngx_http_social_module.so;
pid $home/nginx.pid;
events {}
http {
    include $prefix/conf/social/limits.conf;
    include $prefix/conf/social/forwarded.conf;
    include $prefix/conf/social/log.conf;
    access_log off;
    social_issuer users {
        user_pool  eu-west-1_AbCdEf123;
        client_ids web;
    }
    server {
        listen 127.0.0.1:@{[ SocialNginx::free_port() ]};
        include $prefix/conf/social/health.conf;
        location / {
            social_auth users;
            include $prefix/conf/social/limited.conf;
            root html;
        }
    }
}
CONF
    ($rc, $out) = run(SocialNginx::binary()
        . " -t -e stderr -p $home -c $home/nginx.conf");
    is($rc, 0, 'nginx -t') or diag($out);

    # migrations

    SKIP: {
        skip 'PostgreSQL is not there', 6 if !SocialPostgres::bin();

        my $pg = SocialPostgres->start;
        local $ENV{SOCIAL_DATABASE} = $pg->conninfo;
        my $migrate = "$prefix/sbin/social-migrate";

        ($rc, $out) = run("$migrate --check");
        is($rc, 3, '--check: pending');
        like($out, qr/^pending 001_init$/m, 'their names');
        is($pg->value("SELECT to_regclass('jobs') IS NULL"), 't',
            'changes nothing');

        ($rc, $out) = run($migrate);
        is($rc, 0, 'applied') or diag($out);

        ($rc, $out) = run("$migrate --check");
        is("$rc $out", "0 the database is up to date\n", 'nothing is pending');

        ($rc, $out) = run("$migrate --chekc");
        is($rc, 2, 'another option');
    }

    # manual pages

    SKIP: {
        skip 'left out: mandoc is not installed', 3 if !have('mandoc');

        for my $page (glob "$prefix/share/man/man?/*") {
            ($rc, $out) = run("mandoc -T lint -W warning $page");
            is("$rc $out", '0 ', ($page =~ s{.*/}{}r) . ' has no warning');
        }
    }

    my $worker = slurp('docs/worker.md');
    my $text = join '', map { slurp($_) } glob "$prefix/share/man/man?/*";
    my @named = $worker =~ /^\| \*\*([a-z_]+)\*\* \|/mg;

    cmp_ok(scalar @named, '>', 40, 'lines of the configuration');
    is_deeply([grep { $text !~ /^\.It "\\fB\Q$_\E\\fR/m } @named], [],
        'are all in the pages');

    # the unit

    SKIP: {
        skip 'left out: systemd is not installed', 2
            if !have('systemd-analyze');

        for my $unit ('social-worker.service', 'social-worker@.service') {
            ($rc, $out) = run('systemd-analyze security --offline=yes '
                . "--threshold=15 $prefix/lib/systemd/system/$unit");
            is($rc, 0, "$unit is confined") or diag($out);
        }
    }

    my $unit = slurp("$prefix/lib/systemd/system/social-worker.service");

    like($unit, qr/^\Q$_\E$/m, $_) for 'Type=notify', 'KillMode=mixed',
        'User=social-worker', 'NoNewPrivileges=yes', 'ProtectSystem=strict',
        'CapabilityBoundingSet=', 'MemoryDenyWriteExecute=yes',
        "ExecStart=$prefix/sbin/social-worker -c "
        . "$prefix/etc/social-worker/worker.conf run";

    like(slurp("$prefix/lib/systemd/system/social-worker\@.service"),
        qr{/social-worker/%i\.conf run$}m, 'one for each queue');

    SKIP: {
        skip 'left out: logrotate is not installed', 2
            if !have('logrotate');

        my @rules = ("$prefix/etc/logrotate.d/social-worker");
        spew("$dir/nginx.rotate", slurp('conf/logrotate/nginx')
            =~ s/\@LOGS\@/$home\/logs/gr =~ s/\@PID\@/$home\/nginx.pid/gr);
        push @rules, "$dir/nginx.rotate";

        for my $rule (@rules) {
            chmod 0644, $rule;
            ($rc, $out) = run("logrotate -d -s $dir/rotate.state $rule");
            is($rc, 0, 'logrotate') or diag($out);
            unlike($out, qr/^error/m, 'reads it');
        }
    }
};


subtest 'the system calls that the unit allows' => sub {
    plan(skip_all => 'left out: strace or systemd is not installed')
        if !have('strace') || !have('systemd-analyze');

    my $unit = slurp('conf/systemd/social-worker.service.in');
    my %allowed;

    for my $line ($unit =~ /^SystemCallFilter=(.*)$/mg) {
        my $not = $line =~ s/^~//;
        my @open = split ' ', $line;

        while (defined(my $name = shift @open)) {
            if ($name =~ /^\@/) {
                push @open, map { /^\s+(?!#)(\S+)/ ? $1 : () }
                    `systemd-analyze syscall-filter $name`;
            } elsif ($not) {
                delete $allowed{$name};
            } else {
                $allowed{$name} = 1;
            }
        }
    }

    cmp_ok(scalar keys %allowed, '>', 150, 'the list');

    require SocialImage;
    spew("$dir/photo.jpg", SocialImage::photo(300, 200));
    spew("$dir/trace.conf", <<"CONF");
concurrency = 2
database { conninfo = "host=127.0.0.1 port=9 dbname=social" }
bucket raw { endpoint = "http://127.0.0.1:9" }
variant small { width = 64 height = 64 formats = {"jpeg", "webp"} }
kind post { variants = {"small"} output = "raw" }
CONF

    local $ENV{AWS_ACCESS_KEY_ID} = 'A';
    local $ENV{AWS_SECRET_ACCESS_KEY} = 'B';

    for my $command ("variants $dir/photo.jpg -o $dir/variants", 'check') {
        run("strace -qq -f -o $dir/trace $top/build/social-worker "
            . "-c $dir/trace.conf $command");

        my %used = map { /^\d+ +(\w+)\(/ ? ($1 => 1) : () }
            split /\n/, slurp("$dir/trace");

        cmp_ok(scalar keys %used, '>', 20, "$command calls the system");

        # strace itself names the first call, and the decoder's filter refuses
        # some, which is expected of them

        is_deeply([grep { !$allowed{$_} } sort keys %used], [],
            'by what is allowed');
    }

    ok(-s "$dir/variants/small.jpg", 'it made a picture');
};


# --------------------------------------------------------------------------
# packages

my %deb;
my $stock = SocialNginx::binary() eq '/usr/sbin/nginx'
    && -f '/usr/share/nginx/src/debian/libnginx-mod.abisubstvars';

subtest 'make package' => sub {
    plan(skip_all => 'left out: debhelper is not installed: '
        . 'scripts/deps package') if !have('dh') || !have('dpkg-buildpackage');
    plan(skip_all => 'left out: this is not Debian\'s nginx') if !$stock;

    # "make package" checks them with lintian, which takes long

    my $options = 'DEB_BUILD_OPTIONS=noautodbgsym';
    $options .= ' LINTIAN=off' if !$ENV{SOAK};

    my ($rc, $out) = run("$options BUILT=1 PACKAGE=$dir/debs scripts/package");
    is($rc, 0, 'succeeds') or diag($out);
    diag($1) if $out =~ /^(left out: .*)/m;

    for my $file (glob "$dir/debs/*.deb") {
        my ($name) = $file =~ m{/([^/_]+)_[^/]*\z};
        $deb{$name} = $file if $name !~ /dbgsym/;
    }

    is_deeply([sort keys %deb], [qw( libnginx-mod-http-social social-frontend
        social-worker )], 'three packages') or return;

    my $depends = `dpkg-deb -f $deb{'libnginx-mod-http-social'} Depends`;
    my ($abi) = slurp('/usr/share/nginx/src/debian/libnginx-mod.abisubstvars')
        =~ /^nginx:abi=(\S+)/m;
    like($depends, qr/(?:^|, )\Q$abi\E(?:,|$)/, "depends on $abi");
    is(`dpkg-deb -f $deb{'social-frontend'} Architecture`, "all\n",
        'the page is for every machine');

    my ($version) = slurp('CHANGES') =~ /^Changes with \S+ (\S+)/m;
    my $open = slurp('CHANGES') =~ /^Changes with \S+ \S+\s+not released/m;
    like(`dpkg-deb -f $deb{'social-worker'} Version`,
        $open ? qr/^\Q$version\E~\d{12}/ : qr/^\Q$version\E$/,
        'the version of CHANGES');
};


# A copy of this system: what is changed in it is below $dir/upper.

my $ns = 'unshare -m';

my $lower = '/';
my $upper = "$dir/upper";

sub mounts {
    return <<"SH";
mount -t overlay overlay -o lowerdir=$lower,upperdir=$upper,workdir=$dir/work $dir/system
mount -t proc proc $dir/system/proc
mount --rbind /dev $dir/system/dev
mount -t tmpfs tmpfs $dir/system/run
mount -t tmpfs tmpfs $dir/system/tmp
mkdir $dir/system/tmp/debs
mount --bind $dir/debs $dir/system/tmp/debs
SH
}

sub inside {
    my ($script) = @_;

    spew("$dir/inside.sh", "set -e\n" . mounts()
        . "exec chroot $dir/system env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        . " LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -c '$script'\n");

    return run("$ns sh $dir/inside.sh");
}

sub install_all { return join ' ', map { s{.*/}{/tmp/debs/}r } values %deb }

sub changed {
    my $all = files("$dir/upper");

    return [grep { !m{^/var/(?:lib/dpkg|log|cache|lib/man-db)/}
                   && !m{^/etc/(?:passwd|group|shadow|gshadow)-?$}
                   && !m{^/etc/\.pwd\.lock$}
                   && $_ ne '/usr/sbin/policy-rc.d' } sort keys %$all];
}

subtest 'installed, upgraded, removed, purged' => sub {
    plan(skip_all => 'left out: there are no packages') if !%deb;
    plan(skip_all => 'left out: only root has copies of a system') if $>;

    mkdir "$dir/$_" for qw( upper work system );

    my ($rc, $out) = inside('true');
    plan(skip_all => "left out: no overlay file system here: $out") if $rc;

    ($rc, $out) = inside('dpkg-query -W -f "\${Package} \${Status}\n" '
        . 'libnginx-mod-http-social social-worker social-frontend nginx '
        . '2>&1 | grep -v "no packages"');
    plan(skip_all => 'left out: these packages are installed here, or nginx '
        . 'is not')
        if $out !~ /^nginx install ok installed/m || $out =~ /social/;

    # no service is started

    inside('printf "#!/bin/sh\nexit 101\n" > /usr/sbin/policy-rc.d; '
        . 'chmod 755 /usr/sbin/policy-rc.d');

    my $debs = install_all();

    # ... but what would be asked of systemd is written down

    spew("$dir/debs/systemctl", "#!/bin/sh\n"
        . "echo \"\$*\" >> /tmp/debs/asked\n"
        . "case \"\$*\" in *is-enabled*) echo disabled; exit 1 ;; esac\n");
    chmod 0755, "$dir/debs/systemctl";

    my $asked = sub {
        unlink "$dir/debs/asked";
        my ($rc, $out) = inside('mkdir -p /run/systemd/system; '
            . 'mount --bind /tmp/debs/systemctl /usr/bin/systemctl; '
            . 'rm /usr/sbin/policy-rc.d; set +e; '
            . "$_[0]; " . 's=$?; printf "#!/bin/sh\nexit 101\n" '
            . '> /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; '
            . 'exit $s');
        is($rc, 0, $_[0]) or diag($out);
        return [grep { /social-worker/ && !/is-enabled|is-active/ }
                split /\n/, slurp("$dir/debs/asked")];
    };

    # "is-active" fails before there is one

    spew("$dir/debs/systemctl", slurp("$dir/debs/systemctl")
        . "case \"\$*\" in *is-active*) exit 3 ;; esac\n");

    is_deeply($asked->("dpkg -i $debs"), [], 'nothing is started');

    spew("$dir/debs/systemctl", slurp("$dir/debs/systemctl") =~ s/exit 3/:/r);

    ($rc, $out) = inside('nginx -t');
    is($rc, 0, 'nginx -t passes') or diag($out);

    ($rc, $out) = inside('nginx -T 2>&1');
    like($out, qr/^load_module modules\/ngx_http_social_module\.so;/m,
        'the module is loaded');

    ($rc, $out) = inside('ln -s ../sites-available/social-example '
        . '/etc/nginx/sites-enabled/ && nginx -t 2>&1; s=$?; '
        . 'rm /etc/nginx/sites-enabled/social-example; exit $s');
    is($rc, 0, 'so does the example') or diag($out);

    ($rc, $out) = inside('stat -c "%U %G %a" /etc/social-worker/worker.conf');
    is($out, "root social-worker 640\n", 'who may read worker.conf');

    my $as = 'setpriv --reuid social-worker --regid social-worker '
        . '--clear-groups';

    ($rc, $out) = inside("$as social-worker -c /etc/social-worker/worker.conf "
        . 'check');
    is($rc, 1, 'check complains') or diag($out);
    like($out, qr/^ok +configuration/m, 'the configuration is sound');
    like($out, qr/^ok +sandbox/m, 'the decoder works');
    like($out, qr/^wrong +database: it cannot be reached/m,
        'that there is no database');

    ($rc, $out) = inside('setpriv --reuid nobody --regid nogroup '
        . '--clear-groups cat /etc/social-worker/worker.conf');
    isnt($rc, 0, 'others cannot read it');

    SKIP: {
        skip 'left out: systemd is not installed', 2
            if !have('systemd-analyze');

        ($rc, $out) = inside('SYSTEMD_LOG_LEVEL=warning systemd-analyze '
            . 'verify --man=no social-worker.service '
            . 'social-worker@mail.service 2>&1 | grep social || true');
        is($out, '', 'the units are right');

        ($rc, $out) = inside('systemctl is-enabled social-worker || true');
        is($out, "disabled\n", 'and not enabled');
    }

    ($rc, $out) = inside('social-migrate --help 2>&1');
    is($rc, 2, 'social-migrate is there') or diag($out);

    ($rc, $out) = inside('zcat /usr/share/man/man8/social-worker.8.gz '
        . '| head -n 3');
    like($out, qr/^\.Dt SOCIAL-WORKER 8$/m, 'a manual page');

    # the same again

    my $before = files("$dir/upper/etc");
    ($rc, $out) = inside("dpkg -i $debs");
    is($rc, 0, 'installed again') or diag($out);
    is_deeply(files("$dir/upper/etc"), $before, 'changes nothing');

    # what an administrator does

    inside('echo "# mine" >> /etc/social-worker/worker.conf; '
        . 'chown root:adm /etc/social-worker/worker.conf; '
        . 'echo secret > /etc/social-worker/mail.secret; '
        . 'echo "queue = \"mail\"" > /etc/social-worker/mail.conf; '
        . 'echo "# mine" > /etc/nginx/social/mine.conf; '
        . 'rm /etc/nginx/modules-enabled/50-mod-http-social.conf; '
        . 'mkdir /var/log/social-worker; '
        . 'echo log > /var/log/social-worker/worker.log; '
        . 'echo log > /var/log/social-worker/worker.log.1; '
        . 'echo mine > /var/log/social-worker/notes');

    # newer ones

    for my $name (sort keys %deb) {
        my $tree = "$dir/newer/$name";
        File::Path::make_path("$dir/newer");
        run("dpkg-deb -R $deb{$name} $tree");
        my $control = slurp("$tree/DEBIAN/control");
        $control =~ s/^Version: .*/Version: 999/m;
        spew("$tree/DEBIAN/control", $control);
        if ($name eq 'social-worker') {
            spew("$tree/etc/social-worker/worker.conf",
                slurp("$tree/etc/social-worker/worker.conf") . "# newer\n");
        }
        ($rc, $out) = run("dpkg-deb -b $tree $dir/debs/$name-999.deb");
        is($rc, 0, "$name of a newer version") or diag($out);
    }

    is_deeply($asked->('dpkg --force-confold -i /tmp/debs/*-999.deb'),
        ['--quiet --system restart social-worker.service',
         'try-restart social-worker@*.service'], 'what runs is restarted');

    ($rc, $out) = inside('tail -n 1 /etc/social-worker/worker.conf; '
        . 'stat -c "%U %G %a" /etc/social-worker/worker.conf');
    is($out, "# mine\nroot adm 640\n", 'what was changed stays');
    ($rc, $out) = inside(
        'ls /etc/nginx/modules-enabled/50-mod-http-social.conf 2>&1');
    isnt($rc, 0, 'a module that was disabled stays so');

    ($rc, $out) = inside('ln -s '
        . '/usr/share/nginx/modules-available/mod-http-social.conf '
        . '/etc/nginx/modules-enabled/50-mod-http-social.conf; nginx -t');
    is($rc, 0, 'nginx -t passes after the upgrade') or diag($out);

    # back to the version before

    ($rc, $out) = inside("dpkg --force-confold -i $debs");
    is($rc, 0, 'and back') or diag($out);
    ($rc, $out) = inside('nginx -t');
    is($rc, 0, 'nginx -t passes') or diag($out);

    my $names = join ' ', sort keys %deb;

    is_deeply($asked->("dpkg -r $names"),
        ['stop social-worker@*.service', 'stop social-worker.service'],
        'it is stopped');
    ($rc, $out) = inside('nginx -t');
    is($rc, 0, 'nginx -t passes') or diag($out);
    ($rc, $out) = inside('tail -n 1 /etc/social-worker/worker.conf; '
        . 'cat /var/log/social-worker/worker.log');
    is($out, "# mine\nlog\n", 'the configuration and the log stay');

    ($rc, $out) = inside("dpkg -P $names");
    is($rc, 0, 'purged') or diag($out);

    is_deeply(changed(), ['/etc/nginx/social/mine.conf',
        '/etc/social-worker/mail.conf', '/etc/social-worker/mail.secret'],
        'nothing of it is left, and nothing else is lost');

    ($rc, $out) = inside('ls -A /var/log/social-worker');
    is($out, "notes\n", 'its logs are gone, and no other file');

    ($rc, $out) = inside('nginx -t');
    is($rc, 0, 'nginx -t passes') or diag($out);

    ($rc, $out) = inside("dpkg -i $debs");
    is($rc, 0, 'installed once more') or diag($out);
    ($rc, $out) = inside('stat -c "%U %G %a" /etc/social-worker/worker.conf');
    is($out, "root social-worker 640\n", 'as the first time');
};


# --------------------------------------------------------------------------
# the long part

subtest 'two builds have the same bytes' => sub {
    plan(skip_all => 'left out: SOAK=1 builds the packages twice')
        if !$ENV{SOAK};
    plan(skip_all => 'left out: there are no packages') if !%deb;

    my @sums;

    for my $where ("$dir/one", "$dir/another/path") {
        File::Path::make_path($where);
        my ($rc, $out) = run('LINTIAN=off DEB_BUILD_OPTIONS=nocheck '
            . "PACKAGE=$where scripts/package");
        is($rc, 0, "in $where") or diag($out);
        push @sums, scalar `cd $where && sha256sum *.deb *.dsc *.tar.*`;
    }

    cmp_ok(() = $sums[0] =~ /\.deb$/mg, '>=', 3, 'packages');
    like($sums[0], qr/\.dsc$/m, 'and their source');
    is($sums[0], $sums[1], 'are the same');
};

my $roots = $ENV{SOCIAL_ROOTS} || "$top/build/roots";

# A new system: its directory, or nothing.

sub root_of {
    my ($suite) = @_;

    return "$roots/$suite" if -x "$roots/$suite/usr/bin/apt-get";

    File::Path::make_path($roots);
    my ($rc, $out) = run("debootstrap --variant=minbase $suite "
        . "$roots/$suite http://deb.debian.org/debian");
    return "$roots/$suite" if $rc == 0;

    diag($out =~ s/.*\n(?=(?:.*\n){5})//sr);
    run("rm -rf $roots/$suite");
    return;
}

for my $suite (qw( bookworm trixie )) {

    subtest "built and installed in $suite" => sub {
        plan(skip_all => 'left out: SOAK=1 has new systems') if !$ENV{SOAK};
        plan(skip_all => 'left out: only root has them') if $>;
        plan(skip_all => 'left out: there are no packages') if !%deb;

        $lower = root_of($suite)
            or plan(skip_all => "left out: $suite cannot be had here");

        my $fresh = sub {
            $upper = "$dir/upper.$suite.$_[0]";
            run("rm -rf $dir/work");
            mkdir $_ for $upper, "$dir/work", "$dir/system";
            run("cp /etc/resolv.conf $upper/resolv.conf");
            spew("$upper/policy", "#!/bin/sh\nexit 101\n");
            return inside('cp /resolv.conf /etc/resolv.conf; '
                . 'install -m 755 /policy /usr/sbin/policy-rc.d; '
                . 'apt-get -qq update');
        };

        my ($source) = glob "$dir/one/*.dsc";
        plan(skip_all => 'left out: there is no source package') if !$source;
        run("rm -f $dir/debs/*; cp $dir/one/*.dsc $dir/one/*.tar.* $dir/debs/");

        my ($rc, $out) = $fresh->('build');
        is($rc, 0, 'a system to build in') or diag($out);

        ($rc, $out) = inside('cd /tmp/debs && '
            . 'apt-get -y -qq --no-install-recommends install dpkg-dev && '
            . 'apt-get -y -qq --no-install-recommends -P nocheck '
            . 'build-dep ./*.dsc');
        is($rc, 0, 'what the build needs') or diag($out);

        ($rc, $out) = inside('mkdir -p /build && cd /build && '
            . 'dpkg-source -x /tmp/debs/*.dsc tree > /dev/null && cd tree && '
            . 'DEB_BUILD_OPTIONS="nocheck noautodbgsym" '
            . 'unshare -n dpkg-buildpackage -b -us -uc -Pnocheck 2>&1 '
            . '| tail -n 20; cp /build/*.deb /tmp/debs/');
        is($rc, 0, 'built, without a network') or diag($out);

        # what they depend on is installed with them, and nothing else

        ($rc, $out) = $fresh->('use');
        is($rc, 0, 'a system to use them in') or diag($out);

        ($rc, $out) = inside('apt-get -y -qq --no-install-recommends install '
            . 'nginx /tmp/debs/*.deb');
        is($rc, 0, 'installed') or diag($out);

        ($rc, $out) = inside('nginx -t 2>&1 && nginx -T 2>&1 '
            . '| grep ngx_http_social_module');
        is($rc, 0, 'nginx -t passes, with the module') or diag($out);

        ($rc, $out) = inside('social-worker '
            . '-c /etc/social-worker/worker.conf check || true');
        like($out, qr/^ok +decoder/m, 'the decoder works') or diag($out);

        ($rc, $out) = inside('dpkg -P libnginx-mod-http-social social-worker '
            . 'social-frontend && nginx -t');
        is($rc, 0, 'purged') or diag($out);
    };
}

run("rm -rf $dir/upper $dir/work $dir/upper.*");


done_testing();
