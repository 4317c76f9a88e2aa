package SocialRadosgw;

# Ceph's Object Gateway, an S3 that is not ours, for as long as the suite runs:
# one monitor, one OSD that keeps its objects in memory unless it is asked to
# use the disk, and one radosgw, on free ports of 127.0.0.1. It takes a second
# or two, and no privileges.
#
#     my $why = SocialRadosgw::missing();       # what is not installed, or ''
#     my $rgw = SocialRadosgw->start or diag(SocialRadosgw::why());
#     ... ->start(tls => [ $certificate, $key ]);   # at $rgw->{tls_port}, too
#     ... ->start(disk => $dir);       # objects in that directory, and synced
#     my $s3 = $rgw->s3('bucket');              # a SocialS3
#     $rgw->create('bucket');
#     $rgw->notify('bucket', "http://127.0.0.1:$port/hook", 'opaque data');
#
# "host" is the name that buckets are below of in virtual-host style,
# "BUCKET.HOST:PORT". Keys and secret are those of SocialS3.

use strict;
use warnings;

use Digest::SHA qw( sha256_hex );
use File::Path ();
use File::Temp ();
use POSIX ();
use SocialNginx;
use SocialS3;
use Time::HiRes qw( sleep time );

my $main = $$;
my $why = '';
my @all;

my @programs = qw( monmaptool osdmaptool ceph-mon ceph-osd radosgw
                   radosgw-admin setpriv );

sub missing {
    my %have = map { $_ => scalar grep { -x } map { ("/usr/bin/$_",
        "/usr/local/bin/$_", "/bin/$_") } $_ } @programs;
    return join ' ', grep { !$have{$_} } @programs;
}

# Why start() gave nothing.

sub why { return $why }

sub start {
    my ($class, %o) = @_;

    my $missing = missing();

    if ($missing ne '') {
        $why = "there is no $missing: scripts/deps ceph installs it";
        return;
    }

    my $dir = File::Temp::tempdir('social-rgw-XXXXXX', DIR => '/tmp');
    my $self = bless { dir => $dir, port => SocialNginx::free_port(),
        host => 'localhost', pids => [], owner => $$, disk => $o{disk},
        osd => ($o{disk} // $dir) . '/osd' }, $class;

    if ($o{tls}) {
        $self->{tls_port} = SocialNginx::free_port();
        $self->{tls} = "ssl_endpoint=127.0.0.1:$self->{tls_port} "
            . "ssl_certificate=$o{tls}[0] ssl_private_key=$o{tls}[1]";
    }

    push @all, $self;
    mkdir $_ for $self->{osd}, map { "$dir/$_" } qw( mon rgw run log );
    $self->configure;

    if (!$self->begin($o{seconds} // 60)) {
        $why = "radosgw does not start: $why";
        $self->stop;
        return;
    }

    return $self;
}

# Without cephx a secure connection to the monitor, which radosgw asks for by
# default, does not come about. The monitor collects changes for a second, and
# clients repeat what came before a pool was there after five: both is for
# clusters of more than one machine.

sub configure {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $frontend = "beast endpoint=127.0.0.1:$self->{port} tcp_nodelay=1 "
                   . ($self->{tls} // '');
    my $objects = $self->{disk}
        ? "bluestore\nbluestore block size = 4294967296\n"
          . 'bluestore fsck on mkfs = false'
        : "memstore\nmemstore device bytes = 1073741824";
    my ($v2, $v1, $osd) = map { SocialNginx::free_port() } 1 .. 3;
    my $fsid = sprintf '%08x-%04x-4%03x-8%03x-%012x',
        map { int rand $_ } 2 ** 32, 2 ** 16, 2 ** 12, 2 ** 12, 2 ** 47;

    @$self{qw( fsid mon )} = ($fsid, "[v2:127.0.0.1:$v2,v1:127.0.0.1:$v1]");

    open my $f, '>', "$dir/ceph.conf" or die "ceph.conf: $!\n";
    print {$f} <<"CONF";
[global]
fsid = $fsid
mon host = $self->{mon}
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind ipv6 = false
ms bind port min = $osd
ms bind port max = @{[ $osd + 200 ]}
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir/run
admin socket = $dir/run/\$name.\$pid.asok
pid file = $dir/run/\$name.pid
log file = $dir/log/\$name.log
log to stderr = false
keyring = $dir/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
osd objectstore = $objects
osd memory target = 939524096
osd class load list = *
osd class default list = *
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
paxos propose interval = 0.02
paxos min wait = 0.01
osd heartbeat interval = 1
[mon.a]
mon data = $dir/mon
[osd.0]
osd data = $self->{osd}
[client.rgw.a]
ms mon client mode = crc
objecter tick interval = 0.2
rgw data = $dir/rgw
rgw dns name = $self->{host}
rgw frontends = $frontend
rgw thread pool size = 32
rgw enable usage log = false
rgw s3 auth order = local
CONF
    close $f or die "ceph.conf: $!\n";

    open my $keyring, '>', "$dir/keyring" or die "keyring: $!\n";
    close $keyring;

    return;
}

# Whether it takes requests.

sub begin {
    my ($self, $seconds) = @_;

    my $dir = $self->{dir};
    my $end = time + $seconds;
    my $s3 = SocialS3->new;

    my @maps = (
        [ 'monmaptool', '--create', '--fsid', $self->{fsid}, '--addv', 'a',
          $self->{mon}, "$dir/monmap" ],
        [ 'osdmaptool', '--createsimple', 1, '--pg-bits', 1, "$dir/osdmap" ],
        [ 'ceph-mon', '-i', 'a', '--mkfs', '--monmap', "$dir/monmap",
          '--osdmap', "$dir/osdmap" ],
    );

    for (@maps) {
        $self->run(@$_) or return;
    }

    $self->spawn('ceph-mon', '-i', 'a', '-f');
    $self->run('ceph-osd', '-i', 0, '--mkfs') or return;
    $self->spawn('ceph-osd', '-i', 0, '-f');
    $self->spawn('radosgw', '-n', 'client.rgw.a', '-f');

    while (!IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}")) {

        for my $pid (@{ $self->{pids} }) {
            next if waitpid($pid, POSIX::WNOHANG()) != $pid;
            $why = 'a process has ended: ' . $self->log_of;
            return;
        }

        if (time > $end) {
            $why = "nothing in $seconds s: " . $self->log_of;
            return;
        }

        sleep 0.05;
    }

    return $self->run('radosgw-admin', '-n', 'client.rgw.a', 'user', 'create',
        '--uid=test', '--display-name=test', "--access-key=$s3->{access_key}",
        "--secret-key=$s3->{secret}");
}

sub log_of {
    my ($self) = @_;
    my $text = SocialNginx::slurp("$self->{dir}/log/out");
    return length $text > 2000 ? substr $text, -2000 : $text;
}

sub run {
    my ($self, @command) = @_;

    my $pid = $self->spawn(@command);
    pop @{ $self->{pids} };
    waitpid $pid, 0;

    return 1 if $? == 0;

    $why = "$command[0]: " . $self->log_of;
    return;
}

# It ends with us, whatever we end of.

sub spawn {
    my ($self, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        delete @ENV{ grep { /^CEPH_/ } keys %ENV };
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log/out";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', '--', $command[0], '-c',
            "$self->{dir}/ceph.conf", @command[1 .. $#command]
            or POSIX::_exit(127);
    }

    push @{ $self->{pids} }, $pid;
    return $pid;
}

sub stop {
    my ($self) = @_;

    my @pids = splice @{ $self->{pids} };

    kill 'KILL', @pids if @pids;
    waitpid $_, 0 for @pids;
    File::Path::remove_tree($self->{dir}) if -e "$self->{dir}/ceph.conf";
    return;
}


sub s3 {
    my ($self, $bucket) = @_;
    return SocialS3->new(port => $self->{port}, base => "/$bucket");
}

sub asked {
    my ($what, $got) = @_;
    $got->{status} == 200 or die "$what: $got->{status} $got->{body}\n";
    return $got->{body};
}

sub create {
    my ($self, @buckets) = @_;
    asked("bucket $_", $self->s3($_)->request(PUT => '')) for @buckets;
    return;
}

# Each object that is made in the bucket or removed is announced to the URL, by
# a topic with that opaque data.

sub notify {
    my ($self, $bucket, $url, $opaque) = @_;

    my @attributes = ('push-endpoint' => $url, 'OpaqueData' => $opaque);
    my %form = (Action => 'CreateTopic', Name => "topic-$bucket");

    for my $n (0 .. $#attributes / 2) {
        $form{"Attributes.entry.@{[ $n + 1 ]}.key"} = $attributes[2 * $n];
        $form{"Attributes.entry.@{[ $n + 1 ]}.value"} = $attributes[2 * $n + 1];
    }

    my $s3 = SocialS3->new(port => $self->{port});
    my $body = join '&', map { SocialS3::escape($_) . '='
                               . SocialS3::escape($form{$_}) } sort keys %form;
    my ($arn) = asked('a topic', $s3->request(POST => '/', body => $body,
        headers => { 'content-type' => 'application/x-www-form-urlencoded' }))
        =~ m{<TopicArn>([^<]+)</TopicArn>} or die "no topic\n";

    asked('a notification', $self->s3($bucket)->request(PUT => '',
        query => { notification => '' }, body => '<NotificationConfiguration>'
        . "<TopicConfiguration><Id>uploads</Id><Topic>$arn</Topic>"
        . '<Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>'
        . '</TopicConfiguration></NotificationConfiguration>'));

    return $arn;
}

END {
    if ($$ == $main) {
        local $?;
        $_->stop for @all;
    }
}

1;
