#!/usr/bin/perl

# Sign-ins and tokens do not wait for the database, unless the hook is strict;
# sign-ups do, since they are said once.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use IO::Socket::IP ();
use POSIX ();
use Socket qw( SOL_SOCKET SO_RCVBUF );
use SocialHook;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my @kept;

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    social_database "@{[ $pg->gateway ]}" timeout=4s;
    server {
        listen 127.0.0.1:$port sndbuf=4k;
        lingering_close off;
        location = /hook { social_hook cognito insecure=on; }
        location = /strict { social_hook cognito insecure=on strict=on; }
        location /2015-03-31/ { social_hook lambda name=f insecure=on; }
        location = /status { stub_status; }
    }
}
_EOC_
$nginx->start($port);

my %source = (
    signup => 'PostConfirmation_ConfirmSignUp',
    forgot => 'PostConfirmation_ConfirmForgotPassword',
    signin => 'PostAuthentication_Authentication',
    token => 'TokenGeneration_HostedAuth',
    presignup => 'PreSignUp_SignUp',
);

sub one {
    my ($kind, $sub, %over) = @_;

    return event(triggerSource => $source{$kind}, version => '2',
                 attributes => { sub => $sub, preferred_username => "a$sub" },
                 %over);
}

sub raw {
    my ($path, $body) = @_;
    return "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

# All at a time; of each the status, the body and the seconds that it took.

sub send_all {
    my $began = time;

    my @socks = map {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!\n";
        print {$sock} raw(@$_);
        $sock->flush;
        $sock;
    } @_;

    return map {
        my $got = '';
        1 while sysread $_, $got, 65536, length $got;
        my ($head, $text) = split /\r\n\r\n/, $got, 2;
        [ ($head // '') =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none', $text // '',
          time - $began ];
    } @socks;
}

sub send_to { return @{ (send_all([ @_ ]))[0] } }

sub hook { return (send_to(@_))[0] }

my $lambda = '/2015-03-31/functions/f/invocations';

# Statements wait for a lock, and not 250 ms only.

sub held {
    my ($code) = @_;

    $pg->sql("ALTER ROUTINE $_ RESET lock_timeout")
        for qw( social_user_sync social_user_token social_users_sync
                social_users_token );

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            'BEGIN; LOCK TABLE users, sign_up_rules; SELECT pg_sleep(60)'
            or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_locks l JOIN pg_class c ON"
        . " c.oid = l.relation WHERE c.relname = 'sign_up_rules'"
        . " AND l.granted AND l.mode = 'AccessExclusiveLock'", 1);

    my @got = $code->();

    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " query LIKE 'BEGIN; LOCK TABLE users%'");
    waitpid $pid, 0;

    $pg->sql("ALTER ROUTINE $_ SET lock_timeout = '250ms'")
        for qw( social_user_sync social_user_token social_users_sync
                social_users_token );

    return @got;
}

sub written {
    my ($sub) = @_;
    return $pg->wait_for("SELECT count(*) FROM users WHERE sub = '$sub'", 1);
}

# So that nothing is left of a request: only the one that asks is there.

sub nobody {
    my ($name) = @_;

    ok(SocialNginx::wait_for(20, sub {
        SocialNginx::request($port, "GET /status HTTP/1.0\r\n\r\n")
            =~ /Reading: 0 Writing: 1 Waiting: 0/;
    }), "$name: no request is left");
    return;
}

is(hook('/hook', one(signup => 'warm')), 200, 'it works');


subtest 'a table that is locked for longer' => sub {
    my @events = map { one($_ => "late$_") } qw( signin token );
    my @got;

    held(sub {
        @got = send_all((map { [ '/hook', $_ ] } @events),
                        [ $lambda, $events[1] ]);
    });

    for my $i (0, 1) {
        is($got[$i][0], 200, 'answered');
        is($got[$i][1], $events[$i], 'with the event as it was');
        cmp_ok($got[$i][2], '>', 0.7, 'after a while');
        cmp_ok($got[$i][2], '<', 3.5, 'that is shorter than the timeout');
    }

    is("@{$got[2]}[0, 1]", "200 $events[1]", 'by Invoke, too');
    is(written('latesignin'), 1, 'the row comes when it can');
    is(written('latetoken'), 1, 'of a token, too');
    like((send_to('/hook', $events[1]))[1], qr/"user_id":"/,
         'and the next token has its claims');
    nobody('locked');
};


subtest 'what is not answered without the database' => sub {
    my @kinds = qw( signup forgot presignup signin token );
    my @got;

    held(sub {
        @got = send_all(map {
            [ /^(?:signin|token)$/ ? '/strict' : '/hook', one($_ => "wait$_") ]
        } @kinds);
    });

    is($got[$_][0], 503, $kinds[$_]) for 0 .. 4;
    nobody('waited');
};


# a row is locked: the statement gives up before the second is over

subtest 'a row that is locked' => sub {
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        $pg->attempt("SET application_name = 'holder'; BEGIN;
            SELECT FROM users WHERE sub = 'warm' FOR UPDATE;
            SELECT pg_sleep(60);");
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE
        application_name = 'holder' AND wait_event = 'PgSleep'", 1);

    my $event = one(token => 'warm', clientMetadata => { x => 1 }) =~
        s/andrew\@/other\@/r;
    my @got = send_to('/hook', $event);
    is("@got[0, 1]", "200 $event", 'unchanged');
    is(hook('/strict', $event), 503, 'but where it is strict');
    is(hook('/hook', one(signup => 'warm') =~ s/andrew\@/other\@/r), 503,
       'nor for a sign-up');

    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE
        application_name = 'holder'");
    waitpid $pid, 0;
    nobody('locked row');
};


subtest 'clients that leave, and those that read slowly' => sub {
    my $large = one(token => 'slow', padding => 'x' x 60000);

    held(sub {
        my @socks = map {
            # the window is small from the beginning, so that the answer does
            # not fit into it

            my $sock = IO::Socket::IP->new(PeerHost => '127.0.0.1',
                PeerPort => $port, $_ > 9 ? (Sockopts => [
                    [ SOL_SOCKET, SO_RCVBUF, pack 'l', 2048 ] ]) : ())
                or die "connect: $!\n";
            print {$sock} raw('/hook', $_ > 9 ? $large
                                              : one(token => "left$_"));
            $sock->flush;
            $sock;
        } 0 .. 14;

        # some leave before the second is over

        sleep 0.3;
        undef $socks[$_] for 0 .. 4;

        # the statements end while answers are being sent, and before their
        # limit of 3 s

        sleep 1.2;
        push @kept, @socks;
    });

    ok(SocialNginx::wait_for(20, sub {
        $pg->value("SELECT count(*) FROM users WHERE sub ~ '^(left|slow)'")
            == 11;
    }), 'all are written');

    for my $sock (@kept[10 .. 14]) {
        my $text = '';
        1 while sysread $sock, $text, 65536, length $text;
        is(substr($text, -length $large), $large, 'read in the end');
    }

    @kept = ();
    nobody('slow');
};


subtest 'no database' => sub {
    $pg->down;

    for my $kind (qw( signin token )) {
        my $event = one($kind => 'down');
        my @got = send_to('/hook', $event);
        is("@got[0, 1]", "200 $event", "$kind goes on");
        is(hook('/strict', $event), 503, 'but where it is strict');
    }

    is(hook('/hook', one($_ => 'down')), 503, $_)
        for qw( signup forgot presignup );

    $pg->up;
    ok(SocialNginx::wait_for(20, sub {
        hook('/hook', one(signup => 'up')) == 200;
    }), 'back by itself');
    nobody('down');
};


subtest 'a reload while they wait' => sub {
    my @old = SocialNginx::workers($nginx->{pid});
    my ($event, @got) = one(token => 'reload');

    held(sub {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
        print {$sock} raw('/hook', $event);
        $sock->flush;
        sleep 0.3;
        kill 'HUP', $nginx->{pid};
        my $text = '';
        1 while sysread $sock, $text, 65536, length $text;
        is(substr($text, -length $event), $event, 'answered unchanged');
    });

    ok(SocialNginx::wait_for(20, sub {
        my %is = map { ($_ => 1) } SocialNginx::workers($nginx->{pid});
        return !grep { $is{$_} } @old;
    }), 'the old worker has ended');
};

$nginx->stop;

my $log = $nginx->error_log;
unlike($log, qr/\[(?:alert|emerg|crit)\]|open socket|exited on signal/,
       'nothing in the log');
like($log, qr/\[info\].*social: hook answered without the database/,
     'but that it took too long');

done_testing();
