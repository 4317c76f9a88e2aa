#!/usr/bin/perl

# "social_user_sync" over two workers, reloads and two gateways, and with the
# database away, slow, locked and back.

use strict;
use warnings;

use lib 't/lib';
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialNginx;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my ($port, $port2) = map { SocialNginx::free_port() } 1, 2;
my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
my $n = 0;

sub conf {
    my ($nginx, $listen, %o) = @_;

    my $conninfo = $pg->gateway;

    return <<"_EOC_";
user root;
load_module modules/ngx_http_social_module.so;
worker_processes @{[ $o{workers} // 2 ]};
worker_shutdown_timeout 5s;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    log_format id '\$social_sub \$social_user_id \$request_time';
    access_log $nginx->{dir}/logs/ids.log id;
    $http_config
    social_database "$conninfo" timeout=@{[ $o{timeout} // '2s' ]};
    @{[ $o{http} // '' ]}
    server {
        listen 127.0.0.1:$listen reuseport;
        add_header X-Worker \$pid always;
        add_header X-Id \$social_user_id always;
        social_revocations open;
        location = /plain { try_files /x =404; root $nginx->{dir}/html; }
        location = /api {
            social_auth main;
            social_user_sync on @{[ $o{sync} // 'wait=2s' ]};
            try_files /x =404;
            root $nginx->{dir}/html;
        }
        location = /quick {
            social_auth main;
            social_user_sync on;
            try_files /x =404;
            root $nginx->{dir}/html;
        }
        location = /never {
            social_auth main;
            social_user_sync on wait=0;
            try_files /x =404;
            root $nginx->{dir}/html;
        }
        location = /readyz { social_ready; }
    }
}
_EOC_
}

sub begin {
    my ($listen, %o) = @_;

    my $nginx = SocialNginx->new;
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', conf($nginx, $listen, %o));
    $nginx->start($listen);
    return $nginx;
}

sub text {
    my ($sub, %o) = @_;
    my $path = delete $o{path} // '/api';
    delete $o{port};
    return "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . 'Authorization: Bearer ' . token(sub => $sub, %o) . "\r\n\r\n";
}

sub api { my ($sub, %o) = @_;
    return SocialNginx::request($o{port} // $port, text($sub)) }

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }
sub id { return $_[0] =~ /^X-Id: ($uuid)\r$/m ? $1 : '' }

# Many at a time: the answers.

sub many {
    my @texts = @_;

    my %text;
    my $select = IO::Select->new;

    for my $t (@texts) {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!\n";
        print {$sock} $t;
        $sock->flush;
        $select->add($sock);
        $text{$sock} = '';
    }

    my $end = time + 20;

    while ($select->count && time < $end) {
        for my $sock ($select->can_read(1)) {
            next if sysread $sock, $text{$sock}, 65536, length $text{$sock};
            $select->remove($sock);
        }
    }

    return values %text;
}

sub users { return $pg->value("SELECT count(*) FROM users WHERE sub LIKE '$_[0]'") }

# What each statement was called, by the server's own count.

sub asked { return $pg->value("SELECT count(*) FROM asked WHERE sub = '$_[0]'") }

sub quick { my ($sub, %o) = @_; return api($sub, path => '/quick', %o) }

sub clean {
    my ($nginx, $name) = @_;
    my @lines = grep { /\[(?:alert|emerg|crit)\]/ && !/signal 9/ }
        split /\n/, $nginx->error_log;
    is("@lines", '', "$name: nothing in the log");
    return;
}

# Holds what making a user needs, in another session, while "code" runs.

sub held {
    my ($sql, $code) = @_;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            "BEGIN; $sql; SELECT pg_sleep(60)" or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event"
        . " = 'PgSleep' AND query LIKE 'BEGIN;%'", 1);
    $code->();
    $pg->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " query LIKE 'BEGIN;%' AND wait_event = 'PgSleep'");
    waitpid $pid, 0;
    return;
}

# A count of the calls, made where the function is.

my $function = 'social_user_seen(text, text, text, text, text, boolean, text,'
    . ' boolean, timestamptz)';
$pg->sql(<<'_EOC_');
CREATE TABLE asked (sub text NOT NULL);
ALTER FUNCTION social_user_seen(text, text, text, text, text, boolean, text,
    boolean, timestamptz) RENAME TO social_user_seen_kept;
CREATE FUNCTION social_user_seen(p_issuer text, p_sub text, p_username text,
    p_email text, p_name text, p_email_verified boolean, p_phone text,
    p_phone_verified boolean, p_at timestamptz) RETURNS uuid
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
BEGIN
    INSERT INTO asked VALUES (p_sub);
    RETURN social_user_seen_kept(p_issuer, p_sub, p_username, p_email, p_name,
        p_email_verified, p_phone, p_phone_verified, p_at);
END
$$;
_EOC_

my $nginx = begin($port);


subtest 'once for both workers' => sub {
    for my $round (1 .. 5) {
        my $sub = 'race' . ++$n;
        my @got = many((text($sub)) x 40);

        my (%worker, %id, %status);

        for (@got) {
            $status{status($_)}++;
            $id{id($_)}++;
            $worker{$1}++ if /^X-Worker: (\d+)/m;
        }

        is(join(' ', keys %status), '200', "answered ($round)");
        is(scalar(keys %id), 1, 'one id');
        like((keys %id)[0], $uuid, 'which each has');
        is(users($sub), 1, 'one user');
        is(asked($sub), 1, 'one statement');
        is(scalar(keys %worker), 2, 'of two workers') if $round == 5;
    }
};


subtest 'many identities at a time' => sub {
    my $p = 'many' . ++$n;
    my @got = many(map { text("$p-$_", path => '/quick') } 1 .. 200);

    is(scalar(grep { status($_) == 200 } @got), 200, 'answered');
    is($pg->wait_for("SELECT count(*) FROM users WHERE sub LIKE '$p-%'", 200),
       200, 'each has its row, though not each request waited for it');
};


subtest 'kept over a reload' => sub {
    my $sub = 'reload' . ++$n;
    SocialNginx::wait_for(10, sub { id(api($sub)) });
    my $id = id(api($sub));
    like($id, $uuid, 'known');
    my $before = asked($sub);

    for (1 .. 3) {
        ok($nginx->reload, 'reloaded');
        is(id(api($sub)), $id, 'the same id');
    }

    is(asked($sub), $before, 'and nobody asked');
};


subtest 'a row that is locked' => sub {
    my $sub = 'locked' . ++$n;
    my $other = 'free' . $n;

    held("SELECT social_user_lock('$issuer', '$sub')", sub {
        for my $path ('/quick', '/api', '/never') {
            my $got = api($sub, path => $path);
            is(status($got), 200, 'goes on');
            is(id($got), '', 'without an id');
        }
        ok(SocialNginx::wait_for(10, sub { id(api($other)) }), 'others too');
    });

    ok(SocialNginx::wait_for(15, sub { id(api($sub)) }), 'and later has one');
    is(users($sub), 1, 'one user');
};


# What is held is held until these were answered.

sub unlimited {
    my ($code) = @_;
    $pg->sql("ALTER ROUTINE $_ RESET lock_timeout")
        for qw( social_user_seen social_user_seen_kept social_user_sync );
    $code->();
    $pg->sql("ALTER ROUTINE $_ SET lock_timeout = '250ms'")
        for qw( social_user_seen social_user_seen_kept social_user_sync );
    return;
}


subtest 'a statement that takes long goes on behind the request' => sub {
    my $sub = 'slow' . ++$n;
    my $long = begin($port2, timeout => '40s');

    unlimited(sub {
        held("SELECT social_user_lock('$issuer', '$sub')", sub {
            for my $path (('/quick') x 8, '/never') {
                my $got = api($sub, path => $path, port => $port2);
                is(status($got), 200, 'goes on') or diag($got);
                is(id($got), '', 'without an id');
            }
        });
    });

    is($pg->wait_for("SELECT count(*) FROM users WHERE sub = '$sub'", 1), 1,
       'and the row is made');
    ok(SocialNginx::wait_for(10, sub { id(quick($sub, port => $port2)) }),
       'and known');
    is(asked($sub), 1, 'by one statement');
    clean($long, 'slow');
};


subtest 'a worker that is killed while it asks' => sub {
    my $sub = 'killed' . ++$n;

    unlimited(sub {
        held("SELECT social_user_lock('$issuer', '$sub')", sub {
            my $got = quick($sub);
            is(status($got), 200, 'answered without its id');
            my ($pid) = $got =~ /^X-Worker: (\d+)/m;
            kill 'KILL', $pid;
        });
    });

    ok(SocialNginx::wait_for(20, sub { id(api($sub)) }), 'another one asks');
    is(users($sub), 1, 'one user');
};


subtest 'a client that leaves while it waits' => sub {
    my $sub = 'left' . ++$n;

    held("SELECT social_user_lock('$issuer', '$sub')", sub {
        for (1 .. 20) {
            my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
            print {$sock} text($sub);
            $sock->flush;
            close $sock;
        }
    });

    ok(SocialNginx::wait_for(15, sub { id(api($sub)) }), 'known later');
    clean($nginx, 'left');
};


subtest 'the database stops and starts' => sub {
    my $known = 'known' . ++$n;
    my $new = "new$n";

    SocialNginx::wait_for(10, sub { id(api($known)) });
    my $id = id(api($known));

    $pg->down;

    for (1 .. 5) {
        for my $path ('/quick', '/api') {
            my $got = api($new, path => $path);
            is(status($got), 200, 'goes on');
            is(id($got), '', 'without an id');
            is(id(api($known, path => $path)), $id, 'who is known stays so');
        }
    }

    $pg->up;

    ok(SocialNginx::wait_for(20, sub { id(api($new)) }),
       'the row is made with a later request');
    is(users($new), 1, 'one user');
};


subtest 'a deleted row, and a user who was deleted' => sub {
    my $sub = 'fresh' . ++$n;
    my $gone = "gone$n";
    my $fresh = begin($port2, sync => 'refresh=1s wait=2s');

    my $ask = sub { api($_[0], port => $port2) };

    SocialNginx::wait_for(10, sub { id($ask->($sub)) && id($ask->($gone)) });
    my $id = id($ask->($sub));

    $pg->sql("DELETE FROM users WHERE sub = '$sub'");
    ok(SocialNginx::wait_for(15, sub {
        my $now = id($ask->($sub));
        return $now ne '' && $now ne $id;
    }), 'a row that went is made again');

    $pg->sql("INSERT INTO deleted_users (issuer, sub) VALUES ('$issuer',"
        . " '$gone'); DELETE FROM users WHERE sub = '$gone'");
    ok(SocialNginx::wait_for(15, sub { status($ask->($gone)) == 403 }),
       'and one that is to stay away is refused');
    is(users($gone), 0, 'no row');

    $pg->sql("DELETE FROM deleted_users WHERE sub = '$gone'");
    ok(SocialNginx::wait_for(15, sub { id($ask->($gone)) }),
       'until an operator lets them come back');
    clean($fresh, 'refresh');
};


subtest 'a zone that is full' => sub {
    my $p = 'full' . ++$n;
    my $small = begin(my $port3 = SocialNginx::free_port(),
                      http => 'social_zone social:256k;');

    for my $i (1 .. 400) {
        my $got = status(api("$p-$i", port => $port3));
        next if $got == 200 && $i % 100;
        last if !is($got, 200, "answered $i");
    }

    is($pg->wait_for("SELECT count(*) FROM users WHERE sub LIKE '$p-%'", 400),
       400, 'more than the zone has room for');
    clean($small, 'full');
};

clean($nginx, 'all');

done_testing();
