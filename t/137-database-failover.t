#!/usr/bin/perl

# Another server becomes the primary: writes and the revocation listener follow,
# and nothing stays on a server that cannot be written to.

use strict;
use warnings;

use lib 't/lib';
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialNginx;
use SocialPostgres;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $login = 'user=social dbname=social';
my $n = 0;

sub server {
    my $server = SocialPostgres->start(port => SocialNginx::free_port(), @_);
    $server->migrate if !grep { $_ eq 'from' } @_;
    return $server;
}

sub hosts { return 'host=' . join(',', ('127.0.0.1') x @_)
                . ' port=' . join(',', map { $_->port } @_) . " $login" }

sub begin {
    my ($conninfo) = @_;

    my $nginx = SocialNginx->new;
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    social_database "$conninfo";
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /api { social_auth main; return 204; }
    }
}
_EOC_
    $nginx->start($port);
    return $nginx;
}

# A sign-up of somebody new; the name, if it was acknowledged.

sub sign_up {
    my $name = 'failover-' . ++$n;
    my $body = event(attributes => { sub => $name,
                                     preferred_username => $name });

    my $answer = SocialNginx::request($port, "POST /hook HTTP/1.0\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");

    return $answer =~ m{\AHTTP/1\.1 200 } ? $name : undef;
}

sub signed_up { return SocialNginx::wait_for(20, \&sign_up) }

sub has {
    my ($server, $name) = @_;
    return $server->value("SELECT count(*) FROM users WHERE sub = '$name'");
}

# The connections that a server has of the gateway.

sub connections {
    my ($server, $name) = @_;
    return $server->value('SELECT count(*) FROM pg_stat_activity WHERE'
        . " application_name = '$name'");
}

sub pool { return connections($_[0], 'ngx_social_module') }
sub listeners { return connections($_[0], 'ngx_social_module revocations') }

sub moved {
    my ($from, $to) = @_;

    return SocialNginx::wait_for(20, sub {
        pool($to) && listeners($to) && !pool($from) && !listeners($from);
    });
}

sub read_only {
    my ($server) = @_;

    $server->value('ALTER SYSTEM SET default_transaction_read_only = on');
    $server->reload;
    $server->wait_for('SHOW default_transaction_read_only', 'on');
    return;
}

sub writable {
    for my $server (@_) {
        $server->value('ALTER SYSTEM RESET default_transaction_read_only');
        $server->reload;
        $server->wait_for('SHOW default_transaction_read_only', 'off');
    }
    return;
}


subtest 'a standby is promoted' => sub {
    my $old = server();
    my $standby = server(from => $old);

    # the standby is the first one

    my $nginx = begin(hosts($standby, $old));
    my $name = signed_up();

    ok($name && has($old, $name), 'written to the primary');
    ok(SocialNginx::wait_for(20, sub { listeners($old) }), 'followed there');
    is(pool($standby) + listeners($standby), 0, 'nothing stays on the standby');

    $standby->wait_for("SELECT count(*) FROM users WHERE sub = '$name'", 1);
    $old->down('QUIT');
    is(sign_up(), undef, 'no primary, no row');
    $standby->promote;

    $name = signed_up();
    ok($name && has($standby, $name), 'written to the new one');
    ok(SocialNginx::wait_for(20, sub { listeners($standby) }), 'followed there');

    # one that comes back with the old rows is not written to

    $old->settings('default_transaction_read_only = on');
    $old->up;
    $name = signed_up();
    ok($name && has($standby, $name), 'and stays there');
    is(pool($old), 0, 'the old one gets nothing');
    $nginx->stop;
};

my ($blue, $green) = (server(), server());

subtest 'the primary turns read-only, and keeps its connections' => sub {
    my $nginx = begin(hosts($blue, $green));
    my $name = signed_up();

    ok($name && has($blue, $name), 'written to the first');
    ok(SocialNginx::wait_for(20, sub { listeners($blue) }), 'followed there');

    read_only($blue);

    $name = signed_up();
    ok($name && has($green, $name), 'then to the second');
    ok(moved($blue, $green), 'nothing stays on the first');
    like($nginx->error_log, qr/\[error\].*server is read-only/, 'said in the log');
    $nginx->stop;
};

# An address that leads to another server after a failover, as that of a proxy
# or of a cluster does: there is nothing to choose from.

sub relay {
    my ($file) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
        or die "socket: $!\n";
    my $pid = fork // die "fork: $!\n";

    return ($pid, $listen->sockport) if $pid;

    my %peer;
    my $select = IO::Select->new($listen);

    while (my @ready = $select->can_read) {
        for my $sock (@ready) {
            if ($sock == $listen) {
                my $client = $listen->accept or next;
                my ($to) = SocialNginx::slurp($file) =~ /(\d+)/;
                my $server = IO::Socket::INET->new(
                    PeerAddr => "127.0.0.1:$to") or next;
                @peer{$client, $server} = ($server, $client);
                $select->add($client, $server);
                next;
            }

            my $other = $peer{$sock} or next;

            if (sysread $sock, my $bytes, 65536) {
                syswrite $other, $bytes;
            } else {
                $select->remove($sock, $other);
                delete @peer{$sock, $other};
                close $_ for $sock, $other;
            }
        }
    }

    POSIX::_exit(0);
}

subtest 'one address, and another server behind it' => sub {
    writable($blue);

    my $nginx = SocialNginx->new;
    my $file = $nginx->write_file('relay', $blue->port);
    my ($relay, $relayed) = relay($file);

    $nginx = begin("host=127.0.0.1 port=$relayed $login");
    my $name = signed_up();
    ok($name && has($blue, $name), 'written to the first');

    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $green->port;
    close $out;
    read_only($blue);

    $name = signed_up();
    ok($name && has($green, $name), 'then to the second');
    is(pool($blue), 0, 'nothing is written to the first');
    $nginx->stop;
    kill 'KILL', $relay;
    waitpid $relay, 0;
};

subtest 'any server will do where that is said' => sub {
    read_only($blue);

    my $nginx = begin(hosts($blue, $green) . ' target_session_attrs=any');
    ok(SocialNginx::wait_for(20, sub { pool($blue) }), 'the first is taken');
    is(pool($green), 0, 'and no other');
    $nginx->stop;

    $nginx = begin(hosts($blue, $green) . ' target_session_attrs=read-only');
    ok(SocialNginx::wait_for(20, sub { pool($blue) }), 'as asked for');
    $nginx->stop;

    $nginx = begin(hosts($blue, $green)
                   . ' target_session_attrs=prefer-standby');
    ok(SocialNginx::wait_for(20, sub { pool($blue) }),
       'the first where there is none that is preferred');
    $nginx->stop;
};

done_testing();
