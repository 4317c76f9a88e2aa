#!/usr/bin/perl

# Reloads and graceful ends while objects come in and go out: what has begun
# is finished by the worker that began it, and announced.

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use File::Find ();
use IO::Select ();
use IO::Socket::INET ();
use SocialDisk;
use SocialNginx;
use SocialPostgres;
use SocialS3;
use Test::More;
use Time::HiRes qw( sleep time );

my $pg = SocialPostgres->start
    or plan(skip_all =>
            'SKIPPED: PostgreSQL is not installed; scripts/deps does it');
$pg->migrate;

# Objects that are not uploads leave no row: the announcements are counted.

$pg->sql('CREATE TABLE announcements (event_id text);
    ALTER FUNCTION social_object_created(text, text, text, text, bigint, text,
                                         bigint)
        RENAME TO social_object_recorded;
    CREATE FUNCTION social_object_created(text, text, text, text, bigint, text,
                                          bigint)
        RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO announcements VALUES ($2);
        RETURN social_object_recorded($1, $2, $3, $4, $5, $6, $7);
    END $$');

my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my $patience = $ENV{TEST_NGINX_USE_VALGRIND} ? 120 : 40;
my ($nginx, $dir, $disk);
my $n = 0;

# One worker and one thread: whatever is under way is the old worker's, and
# what the thread does the others wait for.

sub conf {
    my (%o) = @_;

    my $main = $o{main} // '';

    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
$main
thread_pool default threads=1;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    sendfile on;
    client_body_timeout 30s;
    social_database "@{[ $pg->gateway ]}" connections=1 timeout=20s;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port sndbuf=64k;
        location = /here { return 200 "here\\n"; }
        location /objects/ {
            social_store raw root=$dir/root announce=on;
        }
    }
}
_EOC_
}

sub begin {
    my (%o) = @_;

    $nginx = SocialNginx->new;
    $dir = $nginx->{dir};
    mkdir "$dir/root";
    $nginx->write_file('credentials', $s3->credentials_text);
    $nginx->write_file('nginx.conf', conf(%o));
    $disk = SocialDisk->new("$dir/root");
    $disk->start($nginx, $port);
    $pg->sql('DELETE FROM announcements');
    return;
}

# A client that neither side waits for: it sends and reads when it can, a
# piece at a time where "piece" says so.

sub client {
    my ($method, $key, %o) = @_;

    my $body = $o{body} // '';
    my %headers = (
        $s3->sign($method, $key),
        connection => 'close',
        ($method eq 'PUT' ? ('content-length' => length $body) : ()),
    );
    my $head = join '', "$method $s3->{base}$key HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n";

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $port)
        or die "cannot connect: $!\n";

    # what is read slowly is not in the way already

    $sock->sockopt(Socket::SO_RCVBUF(), 65536) if $o{piece};
    $sock->blocking(0);

    return { sock => $sock, method => $method, key => $key, body => $body,
             out => $head . $body, got => '', piece => $o{piece} // 1 << 20 };
}

sub uploads {
    my ($prefix, $n, $size, %o) = @_;
    return map { client(PUT => "/$prefix-$_", %o, body => body($_, $size)) }
           1 .. $n;
}

sub downloads {
    my ($puts, %o) = @_;

    return map { my $c = client(GET => $_->{key}, %o);
                 $c->{wanted} = $_->{body};
                 $c } @$puts;
}

sub body { return substr(chr(ord('a') + $_[0] % 26) . '-line ' x $_[1], 0, $_[1]) }

# Has all clients go on until each has its answer, or for so many seconds, or
# until the code is true.

sub turn {
    my ($seconds, $clients, $code) = @_;

    my $end = time + $seconds;
    local $SIG{PIPE} = 'IGNORE';

    while (time < $end) {
        return 1 if $code && $code->();

        my @open = grep { !$_->{done} } @$clients or return 1;

        for my $c (@open) {
            if (length $c->{out}) {
                my $sent = syswrite $c->{sock}, $c->{out}, $c->{piece};
                substr $c->{out}, 0, $sent, '' if $sent;
            }

            my $read = sysread $c->{sock}, $c->{got}, $c->{piece},
                               length $c->{got};

            next if defined $read ? $read : $!{EAGAIN};

            # nginx waits for that, with a timer

            $c->{done} = 1;
            close $c->{sock};
        }

        sleep 0.02;
    }

    return;
}

# What each was answered, counted: the status, or what was wrong.

sub answers {
    my (@clients) = @_;
    my %count;

    for my $c (@clients) {
        my ($head, $body) = split /\r\n\r\n/, $c->{got}, 2;
        my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};
        my ($length) = ($head // '') =~ /^content-length: (\d+)/mi;

        if (!$status) {
            $status = 'none';

        } elsif (defined $length && length($body // '') != $length) {
            $status = 'cut';

        } elsif ($c->{method} eq 'GET' && $body ne $c->{wanted}) {
            $status = 'wrong';

        } elsif ($c->{method} eq 'PUT' && $status == 200
                 && $head !~ /^etag: "@{[ md5_hex($c->{body}) ]}"/mi)
        {
            $status = 'wrong';
        }

        $count{$status}++;
    }

    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# When a request that came later is answered, those before have been read.

sub settled {
    my ($clients) = @_;

    turn($patience, $clients, sub { !grep { length $_->{out} } @$clients })
        or die "the clients could not send\n";
    SocialNginx::request($port, "GET /here HTTP/1.0\r\n\r\n") for 1 .. 3;
    return;
}

# A disk that hangs: the one thread waits with the first call.

sub hang { $disk->set(on => 1, held => 0, hold => 1); return }
sub go_on { $disk->set(on => 0, hold => 0); return }

# The worker got SIGQUIT, and has begun to exit.

sub leave {
    my ($signal) = @_;

    my $pid = $nginx->worker;
    my $before = () = $nginx->error_log =~ /gracefully shutting down/g;

    kill $signal, $nginx->{pid};

    SocialNginx::wait_for($patience, sub {
        my $now = () = $nginx->error_log =~ /gracefully shutting down/g;
        return $now > $before
               && ($signal eq 'QUIT' || SocialNginx::workers($nginx->{pid}) > 1
                   || $nginx->worker != $pid);
    }) or die "no worker leaves: ", $nginx->error_log, "\n";

    return $pid;
}

# It exits by itself; and so does the master, where that was to exit.

sub ended {
    my ($signal, $pid) = @_;

    if ($signal eq 'QUIT') {
        my $master = $nginx->{pid};
        my $ended = SocialNginx::wait_for($patience,
            sub { waitpid($master, 1) == $master });

        ok($ended, 'all of it ends');
        delete $nginx->{pid} if $ended;
        return;
    }

    ok(SocialNginx::wait_for($patience, sub {
        !grep { $_ == $pid } SocialNginx::workers($nginx->{pid});
    }), 'the old worker ends');
    return;
}

sub files {
    my ($below) = @_;
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, $_ if -f $_ } }, $below) if -d $below;
    return @found;
}

sub announced {
    my ($n) = @_;
    return is($pg->wait_for('SELECT count(DISTINCT event_id) FROM'
                            . ' announcements', $n, $patience), $n,
              'each is announced');
}

# How many connections nginx has to the database, as soon as that is so.

sub backends {
    return $pg->wait_for('SELECT count(*) FROM pg_stat_activity WHERE'
                         . " application_name = 'ngx_social_module'",
                         $_[0], $patience);
}

# What was acknowledged is there, announced once, and nothing else is left.

sub kept {
    my ($signal, $announced, @puts) = @_;

    announced($announced);
    ok(SocialNginx::wait_for(5, sub { !files("$dir/root/spool") }),
       'nothing is left in the spool');
    is_deeply([ files("$dir/root/tmp") ], [], 'nor half written');

    $disk->start($nginx, $port) if $signal eq 'QUIT';

    my @gets = downloads(\@puts);
    turn($patience, \@gets);
    is(answers(@gets), @puts ? '200:' . @puts : '', 'and has its bytes');
    return;
}

sub clean {
    my ($name) = @_;

    my @lines = grep { /\[(?:alert|emerg|crit|error)\]|open socket/ }
        split /\n/, $nginx->error_log;

    is("@lines", '', "$name: nothing in the log");
    return;
}

sub both {
    my ($name, $code) = @_;

    for my $signal (qw( HUP QUIT )) {
        subtest "$name, $signal" => sub {
            begin();
            $code->($signal);
            clean($name);
            $nginx->stop;
        };
    }

    return;
}


# Requests of one kind alone wait for the thread, and for nothing else: bodies
# are small enough to be there as a whole.

sub waiting {
    my ($kind, $status, $make) = @_;

    if (!SocialDisk::possible()) {
        diag("NOT TESTED: $kind while the disk hangs");
        return;
    }

    both "$kind while the disk hangs" => sub {
        my ($signal) = @_;

        my @stored = uploads('old', 12, 10_000);
        turn($patience, \@stored);
        is(answers(@stored), '200:12', 'stored before');
        announced(12);

        hang();

        my $plug = client(DELETE => '/nothing');
        settled([ $plug ]);
        ok(SocialNginx::wait_for($patience, sub { $disk->get('held') }),
           'a call hangs');

        my @clients = $make->(@stored);
        settled(\@clients);
        is(answers($plug, @clients), 'none:13', 'all of them wait');

        my $pid = leave($signal);
        sleep 0.5;
        go_on();
        turn($patience, [ $plug, @clients ]);

        is(answers(@clients), "$status:12", 'each is answered');
        ended($signal, $pid);

        kept($signal, $kind eq 'uploads' ? 24 : 12,
             $kind eq 'removals' ? () : @stored,
             $kind eq 'uploads' ? @clients : ());
    };

    return;
}

waiting('uploads', 200, sub { return uploads('new', 12, 10_000) });
waiting('downloads', 200, sub { return downloads([ @_ ]) });
waiting('removals', 204, sub {
    return map { client(DELETE => $_->{key}) } @_;
});

# Each at its own pace, so that one after the other is the last.

both 'twelve slow transfers' => sub {
    my ($signal) = @_;

    my @stored = uploads('down', 6, 600_000);
    turn($patience, \@stored);
    is(answers(@stored), '200:6', 'stored before');
    announced(6);

    my @puts = uploads('up', 6, 600_000);
    my @gets = downloads(\@stored);
    my $pace = 6000;

    $_->{piece} = $pace += 1000 for @puts, @gets;
    turn(0.5, [ @puts, @gets ]);
    is(scalar(grep { $_->{done} } @puts, @gets), 0, 'all are under way');

    my $pid = leave($signal);
    turn($patience, [ @puts, @gets ]);

    is(answers(@puts), '200:6', 'each upload is finished');
    is(answers(@gets), '200:6', 'each download is whole');
    ended($signal, $pid);
    kept($signal, 12, @stored, @puts);
};

# A connection to the database that is made for the last announcements is not
# kept by who has nothing more to say.

subtest 'the last connection' => sub {
    begin();

    my @slow = uploads('slow', 2, 100_000, piece => 2);
    turn(0.5, \@slow);

    my $pid = leave('QUIT');

    is(backends(0), 0, 'the idle one is closed');

    $slow[0]{piece} = 100_000;
    turn($patience, \@slow, sub { $slow[0]{done} });
    is(answers($slow[0]), '200:1', 'one upload is finished');
    announced(1);

    is(backends(0), 0, 'and the one that was made to say so');
    is($slow[1]{done}, undef, 'while another goes on');

    $slow[1]{piece} = 100_000;
    turn($patience, \@slow);
    is(answers(@slow), '200:2', 'until it is finished too');
    ended('QUIT', $pid);
    kept('QUIT', 2, @slow);
    clean('the last connection');
    $nginx->stop;
};

# A transfer that takes longer than "worker_shutdown_timeout" is cut, and leaves
# nothing behind.

subtest 'worker_shutdown_timeout' => sub {
    begin(main => 'worker_shutdown_timeout 1s;');

    my @slow = uploads('slow', 3, 100_000, piece => 2);
    turn(0.5, \@slow);

    my $pid = leave('HUP');
    turn($patience, \@slow);
    is(answers(@slow), 'none:3', 'they are cut');
    ended('HUP', $pid);
    kept('HUP', 0);
    clean('worker_shutdown_timeout');
    $nginx->stop;
};

done_testing();
