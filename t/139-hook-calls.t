#!/usr/bin/perl

# Every system call of a worker process fails in turn while it processes an
# event, connects to the database, writes to the spool, or sends what is in it:
# the answer is the event or an error of ours, what was acknowledged is in the
# database or on disk, nothing is left behind, and the next request is served.
#
#   SOAK=1     all of them, and once with all that follow for a second, instead
#              of a sample

use strict;
use warnings;

use lib 't/lib';
use File::Path ();
use SocialFaults qw( idle status );
use SocialHook;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: the sanitizers and valgrind have their own calls'
    if !SocialFaults::possible();

my $faults = SocialFaults->new('faults');
my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $spool = "$nginx->{dir}/spool";

mkdir $spool or die "$spool: $!\n";

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() =~ s/";/" connections=2 timeout=3s;/r ]}
    server {
        listen 127.0.0.1:$port;
        lingering_close off;
        location = /plain { social_hook cognito secret=now strict=on; }
        location = /spool {
            social_hook cognito secret=now strict=on spool=$spool;
        }
        location = /status { stub_status; }
    }
}
_EOC_

$faults->start($nginx, $port);

my $worker = $nginx->worker;

my $n = 0;

sub text {
    my ($path, $sub) = @_;

    my $body = event(triggerSource => 'PostConfirmation_ConfirmSignUp',
        attributes => { sub => $sub, preferred_username => "a$sub" });
    my $headers = webhook($body, id => $sub) =~ s/\n/\r\n/gr;

    return "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "${headers}Content-Length: " . length($body) . "\r\n\r\n$body";
}

sub terminate {
    $pg->value('SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity'
        . " WHERE application_name = 'ngx_social_module'");
    return;
}

sub row { return $pg->value("SELECT count(*) FROM users WHERE sub = '$_[0]'") }

# What waits is named by a digest of the user, so that it is searched for.

sub on_disk {
    my ($sub) = @_;

    for my $path (glob "$spool/events/*") {
        return 1 if SocialNginx::slurp($path) =~ /"sub":"\Q$sub\E"/;
    }

    return 0;
}

sub waiting { return scalar(() = glob "$spool/events/*") }
sub aside { return scalar(() = glob "$spool/aside/*") }
sub descriptors { return scalar(() = glob "/proc/$worker/fd/*") }

# A kind of request: before it, its path, where it has to be, and what has to be
# so when it is over.

my %kind = (
    'a sign-up' => { path => '/plain', there => \&row },
    'a connection' => { path => '/plain', before => \&terminate,
                        there => \&row },
    'the spool' => { path => '/spool', there => \&on_disk },
);

sub served {
    my ($k) = @_;

    return SocialNginx::wait_for(30, sub {
        (status($port, text($k->{path}, 'after' . ++$n)) // '') eq '200';
    });
}

# One request with that call failing: its name, and what is wrong with the
# outcome.

sub attempt {
    my ($k, $next, $lasting) = @_;

    my $sub = 'c' . ++$n;

    $k->{before}->() if $k->{before};

    $faults->control(next => $next, lasting => $lasting, failed => 0);
    my $began = time;
    my $status = status($port, text($k->{path}, $sub));

    # a second of it, then no more

    sleep 0.05 while $lasting && time < $began + 1;
    my $now = $faults->control(next => 0, lasting => 0);

    return if !$now->{failed};

    my @wrong;

    if (!defined $status) {
        push @wrong, 'no answer';

    } elsif ($status !~ /^(?:none|200|500|503)$/) {
        push @wrong, "status $status";

    } elsif ($status eq '200' && !$k->{there}->($sub)) {
        push @wrong, 'acknowledged, and not there';
    }

    push @wrong, 'no longer served' if !served($k);
    push @wrong, 'a request is left' if !idle($port);

    return ($now->{name}, @wrong);
}

sub check {
    my ($name) = @_;
    my $k = $kind{$name};

    ok(served($k), "$name: served");
    idle($port);
    $faults->control(pid => $worker);

    for my $lasting ($ENV{SOAK} ? (0, 1) : 0) {
        my ($tried, $missed, @wrong, %calls) = (0, 0);
        my $before = descriptors();

        # what there is in the background is counted too: some attempts meet no
        # call of the request, and one does not end it

        for (my $next = 1; $next < 300 && $missed < 3; ) {
            my ($call, @said) = attempt($k, $next, $lasting);

            if (!$call) {
                $missed++;
                next;
            }

            $missed = 0;
            $calls{$call}++;
            push @wrong, map { "call $next, $call: $_" } @said;
            $tried++;
            $next += $ENV{SOAK} || $next < 20 ? 1 : 3;
        }

        is(join("\n", @wrong), '', "$name: $tried calls fail"
           . ($lasting ? ', with all that follow' : ''));
        cmp_ok($tried, '>=', 5, 'so many are made: '
               . join ' ', map { "$_:$calls{$_}" } sort keys %calls);

        # the pool may have as many connections as it is to have

        SocialNginx::wait_for(5, sub { descriptors() <= $before + 2 });
        cmp_ok(descriptors(), '<=', $before + 2, 'no descriptor is left');
    }

    return;
}

check('a sign-up');
check('a connection');

$pg->down;
ok(SocialNginx::wait_for(20, sub {
    (status($port, text('/plain', 'none')) // '') eq '503'
}), 'an outage');
check('the spool');

my $calls = $faults->calls(sub {
    status($port, text('/spool', 'traced')) eq '200' or die "not served\n";
});

like($calls,
     qr/openat\S* .*\bwrite .*fsync .*renameat .*openat\S* .*\bfsync .*writev/,
     'file and directory are synced before the answer');


# What is in the spool is sent, whichever call fails meanwhile: of those that
# threads make, and of all.

$faults->control(next => 0);
$pg->up;
ok(SocialNginx::wait_for(60, sub { !waiting() }), 'it is sent');
is(aside(), 0, 'nothing is set aside');

for my $only (1, 0) {
    my (@wrong, %calls);
    my $tried = 0;
    my $most = $ENV{SOAK} ? 60 : 12;

    $pg->down;
    SocialNginx::wait_for(20, sub {
        (status($port, text('/plain', 'none')) // '') eq '503';
    });
    my @subs = map { "r$only-$_" } 1 .. $most;

    for my $sub (@subs) {
        my $status = status($port, text('/spool', $sub)) // 'none';
        push @wrong, "$sub: $status" if $status ne '200';
    }

    $pg->up;

    for my $next (1 .. $most) {
        $faults->control(next => $next, only => $only, failed => 0);
        SocialNginx::wait_for(4, sub {
            $faults->control->{failed} || !waiting();
        });
        my $now = $faults->control(next => 0);
        next if !$now->{failed};
        $calls{ $now->{name} }++;
        $tried++;
        last if !waiting();
    }

    $faults->control(next => 0, only => 0);
    ok(SocialNginx::wait_for(60, sub { !waiting() }), 'it is sent');
    push @wrong, map { "$_ is not there" } grep { !row($_) } @subs;
    is(join("\n", @wrong), '', 'all of it, while calls '
       . ($only ? 'of threads ' : '') . 'fail: '
       . join ' ', map { "$_:$calls{$_}" } sort keys %calls);
    is(aside(), 0, 'nothing is set aside');
}

is($nginx->worker, $worker, 'the worker process is the same');
$nginx->stop;

unlike($nginx->error_log,
       qr/exited on signal|open socket|\[alert\](?! .* failed \()/,
       'no crash');

done_testing();
