#!/usr/bin/perl

# What a gateway's answers take while its database fails in each way that there
# is, beside another gateway whose database does not: a request that needs it is
# answered within the limit and 100 ms, and again five seconds after the end at
# the latest; other requests do not notice; the event loop does not stall.
#
#   SOAK=1     otherwise it is skipped: a machine that has other things to do
#              shows nothing
#   SECONDS=n  of each failure (6)

use strict;
use warnings;

use lib 't/lib';

use IO::Select ();
use IO::Socket::INET ();
use SocialHook;
use SocialNginx;
use SocialPostgres;
use SocialProxy;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: SOAK=1 measures latencies' if !$ENV{SOAK};

my $seconds = $ENV{SECONDS} // 6;
my $limit = 1;
my $calm = SocialPostgres->start;
my $proxy = SocialProxy->start("$pg->{dir}/.s.PGSQL.5432");
my $tcp = 'host=127.0.0.1 port=' . $proxy->port
          . ' user=social dbname=social sslmode=disable gssencmode=disable';
my $n = 0;

$calm->migrate;

# Two gateways: the one whose database fails, and the one beside it.

sub begin {
    my ($conninfo) = @_;

    my $port = SocialNginx::free_port();
    my $nginx = SocialNginx->new;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    access_log off;
    keepalive_requests 1000000;
    social_database "$conninfo" timeout=${limit}s;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /page { return 200 "here\\n"; }
        location = /status { social_status prometheus; }
    }
}
_EOC_
    $nginx->start($port);
    return { nginx => $nginx, port => $port };
}

my %gateway = (fails => begin($tcp), calm => begin($calm->conninfo));

sub post {
    my $sub = 'soak-' . ++$n;
    my $body = event(attributes => { sub => $sub,
                                     preferred_username => $sub });

    return "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

sub stalls {
    my ($gateway) = @_;
    my $text = SocialNginx::request($gateway->{port},
                                    "GET /status HTTP/1.0\r\n\r\n");
    return $text =~ /^social_event_loop_stalls_total (\d+)$/m ? $1 : 'none';
}

sub connection {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        || die "connect: $!\n";
}

# For some time: twenty sign-ups a second to each, and beside them pages, one
# after the other, to the one and the other in turn. What became of the sign-ups
# of the first, and how long the pages took.

sub load {
    my ($time) = @_;

    my $end = time + $time;
    my $select = IO::Select->new;
    my (%of, @done, %pages);
    my %page = map { $_ => connection($gateway{$_}{port}) } keys %gateway;
    my %next = map { $_ => time } keys %gateway;
    my @turn = qw( fails calm );

    while (time < $end || $select->count) {

        for my $name (keys %gateway) {
            while (time < $end && time >= $next{$name}) {
                $next{$name} += 0.05;
                my $sock = connection($gateway{$name}{port});
                syswrite $sock, post();
                $of{$sock} = { name => $name, began => time, answer => '' };
                $select->add($sock);
            }
        }

        @turn = reverse @turn;

        for my $name (time < $end ? @turn : ()) {
            my $began = time;
            syswrite $page{$name}, "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
            sysread $page{$name}, my $got, 4096;
            push @{ $pages{$name} }, time - $began;
        }

        for my $sock ($select->can_read(0.001)) {
            my $got = $of{$sock};
            next if sysread $sock, $got->{answer}, 65536,
                            length $got->{answer};

            $select->remove($sock);
            close $sock;
            delete $of{$sock};
            $got->{took} = time - $got->{began};
            ($got->{status}) = $got->{answer} =~ m{\AHTTP/1\.1 (\d+)};
            push @done, $got if $got->{name} eq 'fails';
        }

        die "requests without an answer\n" if time > $end + 30;
    }

    return (\@done, \%pages);
}

sub percentile {
    my ($part, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;
    return $sorted[ int $part * $#sorted ];
}

sub recovers {
    my $began = time;

    SocialNginx::wait_for(30, sub {
        SocialNginx::request($gateway{fails}{port}, post()) =~ m{\AHTTP/1\.1 200};
    });

    return time - $began;
}

my @ways = (
    [ 'accepted and not answered' => sub { $proxy->mode('silent') },
      sub { $proxy->mode('drop') } ],
    [ 'a byte a second' => sub { $proxy->mode('drip') },
      sub { $proxy->mode('pass') } ],
    [ 'a server that is down' => sub { $pg->down('QUIT') }, sub { $pg->up } ],
    [ 'a server that is stopped' => sub { stopped('STOP') },
      sub { stopped('CONT') } ],
    [ 'a locked row' => \&locks, \&unlocks ],
);

# The server with all of its processes.

sub stopped {
    my ($signal) = @_;

    my @pids = ($pg->{pid}, map { /\A(\d+) \(.*\) \w (\d+) /s
                                  && $2 == $pg->{pid} ? $1 : () }
                map { SocialNginx::slurp($_) } glob '/proc/[0-9]*/stat');
    kill $signal, @pids;
    return;
}

my $unlock;

sub locks { $unlock = $pg->transaction('LOCK TABLE users'); return }
sub unlocks { $unlock->('ROLLBACK'); return }

recovers();
load(1);

for my $way (@ways) {
    my ($name, $begin, $end) = @$way;

    subtest $name => sub {
        my $stalls = stalls($gateway{fails});

        $begin->();
        my ($done, $pages) = load($seconds);
        $end->();
        my $recovered = recovers();

        my @took = map { $_->{took} } @$done;
        my $longest = percentile(1, @took);
        my $p99 = percentile(0.99, @{ $pages->{fails} });
        my $beside = percentile(0.99, @{ $pages->{calm} });

        my %status;
        $status{ $_->{status} // 'none' }++ for @$done;

        diag(sprintf '%s: %s; the longest %.0f ms; back after %.1f s; p99 of '
             . 'pages %.2f ms, beside it %.2f ms (%.2f), of %d', $name,
             join(' ', map { "$_:$status{$_}" } sort keys %status),
             1000 * $longest, $recovered, 1000 * $p99, 1000 * $beside,
             $p99 / $beside, scalar @{ $pages->{fails} });

        ok(!grep({ !/^(?:200|503)$/ } keys %status), 'the event, or 503');
        cmp_ok($longest, '<=', $limit + 0.1, 'within the limit and 100 ms');
        cmp_ok($recovered, '<=', 5, 'back within 5 s');
        cmp_ok($p99 / $beside, '<=', 1.2, 'pages do not notice');
        is(stalls($gateway{fails}), $stalls, 'no stall of the event loop');
    };
}

done_testing();
