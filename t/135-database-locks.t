#!/usr/bin/perl

# A row or a lock that another session holds: requests that need it get 503 with
# Retry-After, and all others are served.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialNginx;
use SocialS3;
use Test::More;
use Time::HiRes qw( sleep time );

my $issuer = 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_LocalPool1';
my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

# One worker and one connection: all that is asked goes one way.

mkdir "$dir/root";
$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    social_database "@{[ $pg->gateway ]}" connections=1 timeout=8s;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /must { social_ready require=keys,database; }
        location /objects/ {
            social_store raw root=$dir/root announce=on;
        }
    }
}
_EOC_
$nginx->start($port);

my $began = time;

sub post {
    my ($sub, $email) = @_;

    my $body = event(attributes => { sub => $sub, preferred_username => $sub,
                                     email => $email // "$sub\@example.com" });

    return "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

# All at a time, in that order; the answers.

sub many {
    my @socks = map {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!\n";
        print {$sock} $_;
        $sock->flush;
        $sock;
    } @_;

    my %text = map { ($_ => '') } @socks;
    my $select = IO::Select->new(@socks);
    my $end = time + 60;

    while ($select->count && time < $end) {
        for my $sock ($select->can_read(1)) {
            next if sysread $sock, $text{$sock}, 65536, length $text{$sock};
            $select->remove($sock);
        }
    }

    return map { $text{$_} } @socks;
}

sub statuses {
    my %count;
    $count{ /\AHTTP\/1\.1 (\d+)/ ? $1 : 'none' }++ for @_;
    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# Runs the code while a session has run the statement, and not ended.

my $holders = 0;

sub held {
    my ($sql, $code) = @_;

    my $name = 'holder' . ++$holders;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            "SET application_name = '$name'; BEGIN; $sql;"
            . ' SELECT pg_sleep(120)'
            or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE"
        . " application_name = '$name' AND wait_event = 'PgSleep'", 1);

    $code->();

    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " application_name = '$name'");
    waitpid $pid, 0;
    return;
}

sub backends {
    return $pg->value("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"
        . " WHERE application_name = 'ngx_social_module'");
}

sub check {
    my ($name, $sql, $sub) = @_;

    subtest $name => sub {
        my $before = backends();

        held($sql, sub {

            # one of ten is the one that is held

            my @locked = map { post($sub, "$_\@$name.example") } 1 .. 4;
            my @others = map { post("$name-$_") } 1 .. 36;
            my @all;

            while (@locked) {
                push @all, shift @locked, splice @others, 0, 9;
            }

            my @got = many(@all);
            my @of_locked = @got[0, 10, 20, 30];

            is(statuses(grep { !/\AHTTP.* 503/ } @got), '200:36',
               'all others are served');
            is(statuses(@of_locked), '503:4', 'who needs it is not');

            for my $answer (@of_locked) {
                like($answer, qr/\nRetry-After: \d+\r/, 'with Retry-After');
                unlike($answer, qr/lock|timeout/, 'and no more');
            }

            like(join('', many("GET /must HTTP/1.0\r\n\r\n")),
                 qr/"database":"up"/, 'the database is up');
        });

        is(backends(), $before, 'the connection is the same');
        is(statuses(many(post($sub, "z\@$name.example"))), '200:1',
           'served when it is free');
        is($pg->value('SELECT count(*) FROM users WHERE sub IN ('
               . join(', ', map { "'$name-$_'" } 1 .. 36) . ')'), 36,
           'each is a user');
    };

    return;
}

is(statuses(many(post('row'))), '200:1', 'a user');

check('row', "SELECT FROM users WHERE sub = 'row' FOR UPDATE", 'row');
check('advisory', "SELECT social_user_lock('$issuer', 'advisory')",
      'advisory');

# An announcement belongs to no request: it stays in the spool, lets the others
# pass, and is made later.

subtest 'announcements' => sub {
    $pg->sql("SELECT social_upload_create(
        '00000000-0000-4000-8000-00000000000$_', '$issuer', 'row', 'row',
        'avatar', 'raw', 'up/$_.jpg', 'image/jpeg', 1, NULL, '1 hour');")
        for 1 .. 7;

    my $states = sub {
        return $pg->wait_for("SELECT string_agg(state, ' ' ORDER BY object_key)"
                             . ' FROM uploads', "@_", 60);
    };

    my $row = 'SELECT FROM uploads WHERE object_key';

    held("$row IN ('up/1.jpg', 'up/2.jpg', 'up/3.jpg', 'up/4.jpg', 'up/5.jpg')"
         . ' FOR UPDATE', sub {

        held("$row = 'up/6.jpg' FOR UPDATE", sub {

            is($s3->request(PUT => "/up/$_.jpg", body => 'x')->{status}, 200,
               'stored') for 1 .. 7;

            my @wanted = (('pending') x 6, 'stored');
            is($states->(@wanted), "@wanted", 'the free one is announced');
            ok(SocialNginx::wait_for(20, sub {
                6 == (() = glob "$dir/root/spool/*");
            }), 'the others stay in the spool');
            ok(SocialNginx::wait_for(30, sub {
                6 == grep { ((stat)[9] // 0) > time + 1 }
                     glob "$dir/root/spool/*";
            }), '... and are not tried again at once');
        });

        # none in the spool is in the way of another

        my @wanted = (('pending') x 5, ('stored') x 2);
        is($states->(@wanted), "@wanted", 'and that which is free by now');
    });

    my @wanted = ('stored') x 7;
    is($states->(@wanted), "@wanted", 'and all in the end');
    ok(SocialNginx::wait_for(20, sub { !(() = glob "$dir/root/spool/*") }),
       'the spool is empty then');
};

my $log = $nginx->error_log;

unlike($log, qr/\[(?:alert|emerg|crit|error)\]/, 'no error in the log');

# of eight sign-ups and six announcements

my $warned = () = $log =~ /\[warn\].*database lock not available.*\(55P03\)/g;
my $info = () = $log =~ /\[info\].*database lock not available.*\(55P03\)/g;

cmp_ok($warned, '>=', 1, 'it is said');
cmp_ok($warned, '<=', 1 + (time - $began) / 10, 'each ten seconds at most');
cmp_ok($warned + $info, '>=', 14, 'and each time for who looks');

$nginx->stop;
done_testing();
