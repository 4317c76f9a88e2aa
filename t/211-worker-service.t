#!/usr/bin/perl

# social-worker as a service: what it says to the service manager; and "check"
# and "nginx -t" where the network answers nothing.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket qw( SOCK_DGRAM pack_sockaddr_un );
use Test::More;
use Time::HiRes qw( sleep time );

use SocialNginx;

my $program = Cwd::getcwd() . '/' . ($ENV{SANITIZE} ? 'build/sanitize'
                                                     : 'build')
    . '/social-worker';

-x $program || plan skip_all => "$program is not built: run \"make build\"";

my $dir = File::Temp->newdir('social-service-XXXXXX', TMPDIR => 1);

# names and numbers of our own only

delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_|NOTIFY_|WATCHDOG_)/ }
    keys %ENV;

my $main = $$;
my %children;

END {
    if ($$ == $main) {
        local $?;
        kill 'KILL', keys %children;
        waitpid $_, 0 for keys %children;
    }
}

sub spew {
    my ($file, $text) = @_;
    open my $f, '>', $file or die "$file: $!";
    print $f $text;
    close $f;
}

sub slurp {
    my ($file) = @_;
    open my $f, '<', $file or return '';
    local $/;
    return scalar(<$f>) // '';
}

my $kinds = <<'CONF';
variant small {
    width = 64
    height = 64
}
kind post {
    variants = {"small"}
    output = "raw"
}
CONF

spew("$dir/worker.conf", <<"CONF");
concurrency = 1
database { conninfo = "host=$dir/nowhere dbname=social" }
bucket raw { endpoint = "http://127.0.0.1:9" }
$kinds
CONF

# Runs it with variables of the environment; its pid.

sub start {
    my (%environment) = @_;

    unlink "$dir/log";

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        %ENV = (%ENV, %environment);
        $ENV{WATCHDOG_PID} = $$ if ($ENV{WATCHDOG_PID} // '') eq 'self';
        open STDERR, '>', "$dir/log" or POSIX::_exit(126);
        exec $program, '-c', "$dir/worker.conf", 'run' or POSIX::_exit(127);
    }

    $children{$pid} = 1;
    return $pid;
}

# Its status, undef where it does not end.

sub ended {
    my ($pid, $seconds) = @_;

    my $end = time + ($seconds // 60);

    while (time < $end) {
        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            delete $children{$pid};
            return $?;
        }
        sleep 0.02;
    }

    return;
}

# Datagrams until one matches; those that came.

sub said {
    my ($socket, $pattern, $seconds) = @_;

    my @all;
    my $end = time + ($seconds // 60);
    my $select = IO::Select->new($socket);

    while (time < $end) {
        next if !$select->can_read(0.2);
        last if !defined $socket->recv(my $text, 4096);
        push @all, $text;
        return @all if $text =~ $pattern;
    }

    push @all, 'nothing came';
    return @all;
}

sub manager {
    my ($path) = @_;
    return IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
        // die "socket: $!";
}


subtest 'the service manager' => sub {
    my $socket = manager("$dir/notify");
    my $pid = start(NOTIFY_SOCKET => "$dir/notify", WATCHDOG_USEC => 300_000,
        WATCHDOG_PID => 'self');

    my @said = said($socket, qr/READY/);
    is($said[-1], 'READY=1', 'is informed that it works');

    push @said, said($socket, qr/unavailable/);
    is($said[-1], 'STATUS=the database is unavailable', 'what it waits for');

    for my $n (1 .. 3) {
        my ($sign) = (said($socket, qr/WATCHDOG/))[-1];
        is($sign, 'WATCHDOG=1', "and that it lives, $n");
    }

    kill 'HUP', $pid;

    like((said($socket, qr/RELOADING/))[-1],
        qr/\ARELOADING=1\nMONOTONIC_USEC=\d+\z/, 'SIGHUP');
    is((said($socket, qr/READY/))[-1], 'READY=1', 'is done');

    # one that is not accepted is done, too

    spew("$dir/good", slurp("$dir/worker.conf"));
    spew("$dir/worker.conf", 'nonsense = 1');
    kill 'HUP', $pid;
    said($socket, qr/RELOADING/);
    is((said($socket, qr/READY/))[-1], 'READY=1', 'so is one in error');
    rename "$dir/good", "$dir/worker.conf";

    kill 'TERM', $pid;
    like((said($socket, qr/STOPPING/))[-1], qr/\ASTOPPING=1$/m, 'SIGTERM');
    is(ended($pid), 0, 'it stops');
};


subtest 'no sign of life for another process' => sub {
    my $socket = manager("\0$dir/abstract");
    my $pid = start(NOTIFY_SOCKET => "\@$dir/abstract",
        WATCHDOG_USEC => 3000, WATCHDOG_PID => $$);

    my @said = said($socket, qr/unavailable/);
    is($said[0], 'READY=1', 'an abstract socket');

    kill 'TERM', $pid;
    push @said, said($socket, qr/STOPPING/);
    is(scalar(grep { /WATCHDOG/ } @said), 0, 'another has the watchdog');
    is(ended($pid), 0, 'it stops');
};


subtest 'a manager that does not read' => sub {
    my $socket = manager("$dir/full");
    my $filler = IO::Socket::UNIX->new(Type => SOCK_DGRAM) // die "socket: $!";
    my $n = 0;

    $filler->blocking(0);
    $n++ while $n < 100_000
        && $filler->send('x', 0, pack_sockaddr_un("$dir/full"));

    ok($n > 0 && $n < 100_000, "$n datagrams fill it");

    my $pid = start(NOTIFY_SOCKET => "$dir/full", WATCHDOG_USEC => 3000);

    my $end = time + 60;
    sleep 0.05 while time < $end && slurp("$dir/log") !~ /unavailable/;
    like(slurp("$dir/log"), qr/"event":"database unavailable"/,
        'it works');

    kill 'TERM', $pid;
    is(ended($pid), 0, 'and stops');
};


subtest 'none, or a wrong one' => sub {
    for my $path ("$dir/nothing", 'relative', '/', '/' . 'x' x 200, '') {
        my $pid = start(NOTIFY_SOCKET => $path, WATCHDOG_USEC => 'x');

        my $end = time + 60;
        sleep 0.05 while time < $end && slurp("$dir/log") !~ /worker started/;
        kill 'TERM', $pid;
        is(ended($pid), 0, 'it works: ' . substr $path, 0, 30);
    }
};


# A network namespace with nothing but a resolver that never answers, and ports
# that take connections and say nothing.  The resolver's clients wait for ten
# minutes.

subtest 'a network that does not answer' => sub {
    my $ns = $> ? 'unshare -Urnm' : 'unshare -nm';

    system("$ns true 2> /dev/null") == 0
        or plan skip_all => 'left out: no namespaces here';

    spew("$dir/resolv.conf", "nameserver 127.0.0.1\n"
        . "options timeout:30 attempts:5\n");
    spew("$dir/nsswitch.conf", "hosts: dns\n");

    spew("$dir/silent.pl", <<'PERL');
use IO::Socket::INET;
my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
    LocalPort => 53) or die "port 53: $!\n";
my @tcp = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $_, Listen => 64) or die "port $_: $!\n" } 5432, 9000;
$| = 1;
print "listening\n";
sleep 600;
PERL

    spew("$dir/silent.conf", <<"CONF");
database { conninfo = "host=127.0.0.1 dbname=social connect_timeout=600" }
bucket raw { endpoint = "http://127.0.0.1:9000" timeout = "10m" }
bucket named { endpoint = "http://store.example.com" timeout = "10m" }
sqs events { url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q" }
$kinds
CONF
    spew("$dir/named.conf", <<"CONF");
database { conninfo = "host=db.example.com dbname=social" }
bucket raw { endpoint = "http://127.0.0.1:9000" }
$kinds
CONF

    spew("$dir/secret", "whsec_" . 'A' x 44 . "\n");
    spew("$dir/credentials", "[default]\naws_access_key_id = A\n"
        . "aws_secret_access_key = B\n");

    mkdir "$dir/logs";

    my $binary = SocialNginx::binary();

    spew("$dir/nginx.conf", <<"CONF");
load_module @{[ SocialNginx::module() ]};
pid $dir/nginx.pid;
events {}
http {
    access_log off;
    resolver 127.0.0.1;
    social_database "host=db.example.com dbname=social user=gateway";
    social_secret hook file=$dir/secret;
    social_issuer users {
        user_pool  eu-west-1_AbCdEf123;
        client_ids web;
    }
    social_issuer other {
        issuer   https://id.example.com;
        audiences api;
    }
    social_bucket raw {
        region      eu-west-1;
        endpoint    https://store.example.com;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:8080;
        location / { social_auth users other; root html; }
        location /out { social_auth users; social_logout; }
        location /hook { social_hook cognito secret=hook; }
        location /put {
            social_auth users;
            social_presign raw put;
            social_presign_key "raw/\$social_sub/\$social_upload_id";
        }
    }
}
CONF

    spew("$dir/all.sh", <<"SH");
ip link set lo up
mount --bind $dir/resolv.conf /etc/resolv.conf
mount --bind $dir/nsswitch.conf /etc/nsswitch.conf
perl $dir/silent.pl > $dir/silent &
silent=\$!
until grep -qs listening $dir/silent; do sleep 0.05; done
export AWS_ACCESS_KEY_ID=A AWS_SECRET_ACCESS_KEY=B
timeout -s KILL 60 $program -c $dir/silent.conf check > $dir/1.out 2>&1 &
one=\$!
timeout -s KILL 60 $program -c $dir/named.conf check > $dir/2.out 2>&1 &
two=\$!
timeout -s KILL 60 $binary -t -e stderr -p $dir -c $dir/nginx.conf > $dir/3.out 2>&1
echo \$? > $dir/3.rc
wait \$one; echo \$? > $dir/1.rc
wait \$two; echo \$? > $dir/2.rc
kill \$silent
SH

    system("$ns sh $dir/all.sh 2> $dir/sh.err");
    is(slurp("$dir/sh.err") =~ s/.*Terminated.*\n?//r, '', 'set up');

    is(slurp("$dir/3.rc"), "0\n", 'nginx -t passes, without a name')
        or diag(slurp("$dir/3.out"));

    is(slurp("$dir/1.rc"), "1\n", 'check ends') or diag(slurp("$dir/1.out"));

    # what has a limit of its own, of the same time, may be first to say so

    for my $part ('database', 'bucket raw', 'bucket named', 'sqs events') {
        like(slurp("$dir/1.out"), qr/^wrong[ ]+\Q$part\E:
            [ ](?:no[ ]answer[ ]in[ ]time|Resolving[ ]timed[ ]out[ ].*)$/mx,
            $part);
    }

    like(slurp("$dir/1.out"), qr/^ok +decoder/m, 'the rest is checked');

    is(slurp("$dir/2.rc"), "1\n", 'check ends') or diag(slurp("$dir/2.out"));
    like(slurp("$dir/2.out"), qr/^wrong +database: no answer in time$/m,
        'a name without an address');
};


done_testing();
