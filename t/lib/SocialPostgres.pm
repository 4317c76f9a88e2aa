package SocialPostgres;

# A PostgreSQL for one test: its own folder, a unix socket only,
# without fsync unless it is to be "durable"; it ends with the object.
#
#     my $pg = SocialPostgres->start or plan skip_all => ...;
#     $pg->migrate;
#     is($pg->value("SELECT 1"), 1);
#
# With "port" it listens there on loopback as well, and at "address", to which
# any client may connect; "settings" are lines of postgresql.conf, and "from" is
# another one that it is a standby of:
#
#     my $standby = SocialPostgres->start(from => $pg);
#     $standby->promote;

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use File::Path ();
use File::Temp ();
use IO::Handle ();
use IPC::Open2 ();
use POSIX ();
use SocialSecrets ();
use Time::HiRes qw(sleep time);

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');


# The folder of PostgreSQL's programs, the newest, or undef.

sub bin {
    return $ENV{PG_BIN} if $ENV{PG_BIN};

    my @found = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] }
        grep { -x "$_/initdb" } glob('/usr/lib/postgresql/*/bin');

    return $found[0];
}


sub start {
    my ($class, %o) = @_;

    my $bin = bin() or return;

    # /tmp: a socket's path has at most 107 bytes
    my $dir = File::Temp::tempdir('social-pg-XXXXXX', DIR => '/tmp');
    my $self = bless { dir => $dir, bin => $bin, owner => $$,
        durable => $o{durable}, port => $o{port}, address => $o{address} },
        $class;

    if ($> == 0) {
        # initdb and postgres refuse to run as root
        my ($user) = grep { defined getpwnam($_) } qw(postgres nobody);
        @$self{qw(uid gid)} = (getpwnam($user))[2, 3];
        chown $self->{uid}, $self->{gid}, $dir or die "chown $dir: $!";
    }

    # others connect to the socket
    chmod 0755, $dir;

    if ($o{from}) {
        $self->command("$bin/pg_basebackup", '-D', "$dir/data", '-R',
            '--no-sync', '-c', 'fast', '-d', $o{from}->conninfo);
    } else {
        $self->command("$bin/initdb", '-D', "$dir/data", '-U', 'social',
            '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync');
    }

    $self->settings(@{ $o{settings} // [] });

    if ($o{address}) {
        open my $f, '>>', "$dir/data/pg_hba.conf" or die "pg_hba.conf: $!";
        print $f "host all all samenet trust\n";
        close $f;
    }

    $self->up;

    $self->command("$bin/createdb", '-h', $dir, '-p', $self->port,
        '-U', 'social', 'social') if !$o{from};

    return $self;
}


sub port { return $_[0]->{port} // 5432 }


# More lines of postgresql.conf, for the next start or reload.

sub settings {
    my ($self, @lines) = @_;

    open my $f, '>>', "$self->{dir}/data/postgresql.conf"
        or die "postgresql.conf: $!";
    print $f map { "$_\n" } @lines;
    close $f;
}


# Returns when sessions that begin have the new configuration; those that there
# are have it from their next statement.

sub reload {
    my ($self) = @_;

    my $before = $self->value('SELECT pg_conf_load_time()');

    kill 'HUP', $self->{pid};
    $self->wait_for("SELECT pg_conf_load_time() > '$before'", 't');
    return;
}


# A standby becomes a primary, at once.

sub promote {
    my ($self) = @_;

    $self->value('SELECT pg_promote()');
    $self->wait_for('SELECT pg_is_in_recovery()', 'f');
}


# Forks; in the child drops to the cluster's user, with its output in a file.

sub spawn {
    my ($self, @command) = @_;

    my $pid = fork;
    die "fork: $!" unless defined $pid;
    return $pid if $pid;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', "$self->{dir}/log";
    open STDERR, '>&', \*STDOUT;

    if (defined $self->{uid}) {
        $) = "$self->{gid} $self->{gid}";
        POSIX::setgid($self->{gid});
        POSIX::setuid($self->{uid});
    }

    $ENV{HOME} = $self->{dir};
    chdir $self->{dir};
    exec {$command[0]} @command or POSIX::_exit(127);
}


sub command {
    my ($self, @command) = @_;

    waitpid $self->spawn(@command), 0;
    die "$command[0] failed:\n" . $self->output if $?;
}


sub output {
    my ($self) = @_;

    open my $f, '<', "$self->{dir}/log" or return '';
    local $/;
    return <$f>;
}


sub up {
    my ($self) = @_;

    my @fast = $self->{durable}
        ? () : ('-F', '-c', 'fsync=off', '-c', 'full_page_writes=off');

    $self->{pid} = $self->spawn("$self->{bin}/postgres",
        '-D', "$self->{dir}/data", '-k', $self->{dir}, @fast,
        '-p', $self->port, '-h', !$self->{port} ? ''
            : join(',', '127.0.0.1', '::1', $self->{address} // ()),
        '-c', 'shared_buffers=32MB', '-c', 'max_connections=60',
        '-c', 'autovacuum_naptime=10min');

    for (1 .. 300) {
        system("$self->{bin}/pg_isready", '-q', '-h', $self->{dir},
            '-p', $self->port) == 0 and return;
        waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid} and last;
        sleep 0.05;
    }

    die "postgres did not start:\n" . $self->output;
}


# "fast" by default: sessions are closed

sub down {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return;
    $self->leave;
    kill $signal || 'INT', $pid;
    waitpid $pid, 0;
}


sub conninfo {
    my ($self) = @_;
    my $port = $self->{port} ? " port=$self->{port}" : '';
    return "host=$self->{dir}$port user=social dbname=social";
}


# What the gateway under test connects to, between quotes in its configuration:
# the server, or, with SOCIAL_POOLER, a pooler in front of it
# (t/138-pgbouncer.t); "off" is with "listen=off" beside it (POOLER=1 of
# scripts/test).

sub gateway {
    my ($self) = @_;
    my $pooler = $ENV{SOCIAL_POOLER} or return $self->conninfo;
    return $self->pooler . ($pooler eq 'off' ? '" "listen=off' : '');
}


# The same of social-worker, in the "database" section of its configuration.

sub worker {
    my ($self) = @_;
    my $pooler = $ENV{SOCIAL_POOLER} // '';
    return $pooler eq 'off' ? qq{conninfo = "@{[ $self->pooler ]}" listen = off}
                            : qq{conninfo = "@{[ $self->conninfo ]}"};
}


# PgBouncer in transaction mode, begun with the first call; what to connect to.

sub pooler {
    my ($self, @settings) = @_;

    my $dir = "$self->{dir}/pooler";

    if (!$self->{pooler}) {
        mkdir $dir or die "mkdir $dir: $!";
        chmod 0755, $dir;

        open my $f, '>', "$dir/ini" or die "$dir/ini: $!";
        print $f map { "$_\n" } '[databases]',
            "* = host=$self->{dir} port=@{[ $self->port ]} user=social",
            '[pgbouncer]', "unix_socket_dir = $dir", 'listen_port = 6432',
            'auth_type = any', 'pool_mode = transaction',
            'default_pool_size = 4', 'max_client_conn = 200',
            'server_login_retry = 1', @settings;
        close $f;

        chown $self->{uid}, $self->{gid}, $dir, "$dir/ini"
            if defined $self->{uid};

        $self->{pooler} = $self->spawn(pgbouncer() // die("no pgbouncer\n"),
                                       "$dir/ini");

        for (1 .. 200) {
            last if -S "$dir/.s.PGSQL.6432";
            sleep 0.05;
        }
    }

    return "host=$dir port=6432 user=social dbname=social";
}


sub pgbouncer {
    my ($path) = grep { -x } '/usr/sbin/pgbouncer', '/usr/bin/pgbouncer';
    return $path;
}


# Runs SQL; the rows as psql's unaligned text.  Dies where it fails.

sub sql {
    my ($self, $sql) = @_;

    my ($out, $ok) = $self->attempt($sql);
    die "SQL failed: $out\n" unless $ok;
    return $out;
}


# The same as a list: the rows or the error's text, and whether it succeeded.

sub attempt {
    my ($self, $sql) = @_;

    if (!keeps_state($sql)) {
        my @got = $self->ask($sql);
        return @got if @got;
    }

    # a template is of no other session

    $self->leave if $sql =~ /\bCREATE DATABASE\b/;

    my $file = File::Temp->new;
    print $file $sql;
    close $file;

    my $conninfo = $self->conninfo;
    my $out = `psql -X -q -A -t -v ON_ERROR_STOP=1 -d '$conninfo' \\
        -f '$file' 2>&1`;
    my $ok = $? == 0;

    chomp $out;
    return ($out, $ok);
}


# Whether a session would be another one after this, or the text is not whole.

sub keeps_state {
    my ($sql) = @_;

    return $sql =~ m{(?:\A|;)\s*(?:SET|RESET|BEGIN|START|COMMIT|ROLLBACK
                     |LISTEN|CREATE\s+DATABASE|PREPARE|DISCARD|LOAD|COPY
                     |DECLARE)\b}xi
        || $sql =~ m{\bTEMP|lock\w*\s*\(|set_config|pg_sleep|\\}xi
        || ($sql =~ tr/'//) % 2
        || (() = $sql =~ /\$\w*\$/g) % 2;
}


# Asks a session that is kept for the next question, which costs a hundredth of
# a new one.  An empty list: it has ended, and nobody knows whether it was done.

sub ask {
    my ($self, $sql) = @_;

    my $session = $self->{session};

    if (!$session || $session->{owner} != $$) {
        my $pid = IPC::Open2::open2(my $out, my $in, 'sh', '-c',
            'exec psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$0" 2>&1',
            $self->conninfo);

        $session = { pid => $pid, out => $out, in => $in, owner => $$ };
        $self->{session} = $session;
    }

    my $end = 'end-of-' . ++$session->{asked} . "-$$";
    my $text = '';

    local $SIG{PIPE} = 'IGNORE';
    local $?;

    print { $session->{in} } "$sql\n;\n\\echo $end\n";
    $session->{in}->flush;

    while (sysread $session->{out}, $text, 65536, length $text) {
        $text =~ s/^$end\n\z//m or next;
        chomp $text;
        return ($text, 1);
    }

    # psql ends with 3 after an error, and with 2 without a connection

    delete $self->{session};
    waitpid $session->{pid}, 0;
    chomp $text;
    return $? >> 8 == 3 ? ($text, 0) : ();
}


# Ends that session.

sub leave {
    my ($self) = @_;

    my $session = delete $self->{session} or return;
    return if $session->{owner} != $$;

    local $?;

    # a child may have the pipe open, so that it would not see an end of it

    kill 'TERM', $session->{pid};
    close $session->{in};
    waitpid $session->{pid}, 0;
    return;
}


sub value {
    my ($self, $sql) = @_;
    return $self->sql("$sql;");
}


# Waits until a query returns a value; returns the last result.

sub wait_for {
    my ($self, $sql, $wanted, $seconds) = @_;

    my $end = time + ($seconds || 20);
    my $got;

    while (1) {
        $got = $self->value($sql);
        return $got if $got eq $wanted || time > $end;
        sleep 0.05;
    }
}


# Begins a transaction of its own with this SQL, and returns when that was
# run; what is returned is to be called with how it ends: COMMIT or ROLLBACK.

sub transaction {
    my ($self, $sql) = @_;

    my $pid = IPC::Open2::open2(my $out, my $in, 'psql', '-X', '-q', '-A',
        '-t', '-v', 'ON_ERROR_STOP=1', '-d', $self->conninfo);

    print {$in} "BEGIN;\n$sql;\n\\echo begun\n";
    $in->flush;

    while ((my $line = readline $out) // die "transaction: psql ended\n") {
        last if $line eq "begun\n";
    }

    return sub {
        my ($end) = @_;

        print {$in} "$end;\n";
        close $in;
        1 while defined readline $out;
        waitpid $pid, 0;
        die "$end failed\n" if $?;
    };
}


sub migrate {
    my ($self) = @_;

    local $ENV{SOCIAL_DATABASE} = $self->conninfo;
    my $out = `$root/scripts/migrate 2>&1`;
    die "scripts/migrate failed:\n$out" if $?;
    return $out;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $!);

    if (my $pooler = delete $self->{pooler}) {
        kill 'INT', $pooler;
        waitpid $pooler, 0;
    }

    $self->down;
    SocialSecrets::keep("$self->{dir}/log");
    File::Path::remove_tree($self->{dir});
}


1;
