#!/usr/bin/perl

# Every allocation of a worker process fails in turn while it processes an
# event: the answer is the event or an error of ours, what was acknowledged is
# in the database, nothing is left behind, and the next request is served.
#
#   SOAK=1     all of them, and once with all that follow, instead of a sample

use strict;
use warnings;

use lib 't/lib';
use SocialFaults qw( idle status );
use SocialHook;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep );

plan skip_all => 'SKIPPED: the sanitizers and valgrind have their own malloc()'
    if !SocialFaults::possible();

my $faults = SocialFaults->new('memory');
my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() =~ s/";/" connections=1;/r ]}
    server {
        listen 127.0.0.1:$port;
        lingering_close off;
        location = /hooks/cognito {
            social_hook cognito secret=now pool=us-east-1_LocalPool1 strict=on;
        }
        location /2015-03-31/ {
            social_hook lambda name=post-confirmation strict=on
                        credentials=file:$ENV{TEST_NGINX_HOOKS}/credentials;
        }
        location = /status { stub_status; }
    }
}
_EOC_

$faults->start($nginx, $port);

my $worker = $nginx->worker;

$pg->sql("INSERT INTO sign_up_rules (action, kind, value)
    VALUES ('deny', 'domain', 'spam.example')");

my $path = '/2015-03-31/functions/post-confirmation/invocations';
my $n = 0;

# The requests: each of a user of its own.

my %request = (
    'sign-up' => sub { return signed(PostConfirmation_ConfirmSignUp => @_) },
    token => sub { return signed(TokenGeneration_HostedAuth => @_) },
    denied => sub {
        return signed(PreSignUp_SignUp => @_, email => 'x@spam.example');
    },
    invoke => sub {
        my $body = body(PostAuthentication_Authentication => @_);
        return raw($path, $body, invoke($body));
    },
    'bad field' => sub {
        return signed(PostConfirmation_ConfirmSignUp => @_, name => 7);
    },
);

sub body {
    my ($trigger, $sub, %attributes) = @_;

    return event(triggerSource => $trigger, version => '2', attributes => {
        sub => $sub, preferred_username => "a$sub", %attributes });
}

sub signed {
    my $body = body(@_);
    return raw('/hooks/cognito', $body, webhook($body, id => $_[1]));
}

sub raw {
    my ($path, $body, $headers) = @_;

    $headers =~ s/\n/\r\n/g;
    return "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "${headers}Content-Length: " . length($body) . "\r\n\r\n$body";
}

# The outcome of each request when nothing fails

my %good = ('sign-up' => 200, token => 200, denied => 403, invoke => 200,
            'bad field' => 422);

sub served {
    my ($kind) = @_;

    return SocialNginx::wait_for(30, sub {
        (status($port, $request{$kind}->('after' . ++$n)) // '')
            eq $good{$kind};
    });
}

# What is allocated while nobody asks for anything; it settles when the request
# for the status is over.

sub live {
    my ($least) = @_;

    my $live;
    SocialNginx::wait_for($least ? 3 : 0.3, sub {
        $live = $faults->control->{live};
        $least && $live <= $least;
    });

    return $live;
}

# One request with that allocation failing: how many have failed, and what is
# wrong with the outcome.

sub attempt {
    my ($kind, $next, $lasting) = @_;

    my $sub = 'm' . ++$n;
    my $text = $request{$kind}->($sub);

    $faults->control(next => $next, lasting => $lasting, failed => 0);
    my $status = status($port, $text);
    my $failed = $faults->control(next => 0, lasting => 0)->{failed};

    my @wrong;

    if (!defined $status) {
        push @wrong, 'no answer';

    } elsif ($status !~ /^(?:none|500|503|$good{$kind})$/) {
        push @wrong, "status $status";

    } elsif ($status eq '200'
             && !$pg->value("SELECT count(*) FROM users WHERE sub = '$sub'"))
    {
        push @wrong, 'acknowledged, and not there';
    }

    push @wrong, 'no longer served' if !served($kind);
    push @wrong, 'a request is left' if !idle($port);

    return ($failed, @wrong);
}

# Whether the same allocation, again and again, leaves more and more behind.

sub leaks {
    my ($kind, $next, $lasting, $before) = @_;

    for (1 .. 4) {
        my $now = live($before);
        return if $now <= $before;
        $before = $now;
        attempt($kind, $next, $lasting);
    }

    return live($before) > $before;
}

ok(served($_), "$_: served") for sort keys %request;

$faults->control(pid => $worker);
served($_) for (sort keys %request) x 3;

for my $kind (sort keys %request) {

    for my $lasting ($ENV{SOAK} ? (0, 1) : 0) {
        my ($tried, $step, @wrong) = (0, $ENV{SOAK} ? 1 : 9);

        for (my $next = 1; $next < 5000; $next += $step) {

            served($kind);
            idle($port);
            my $before = live();

            my ($failed, @said) = attempt($kind, $next, $lasting);
            last if !$failed;

            push @said, 'it leaks' if leaks($kind, $next, $lasting, $before);
            push @wrong, map { "allocation $next: $_" } @said;
            $tried++;
        }

        is(join("\n", @wrong), '', "$kind: $tried allocations fail"
           . ($lasting ? ', with all that follow' : ''));
        cmp_ok($tried, '>=', 2, 'that many are made');
    }
}

is($nginx->worker, $worker, 'the worker process is the same');
$nginx->stop;

unlike($nginx->error_log,
       qr/exited on signal|open socket|\[alert\](?! .*(?:alloc|memalign))/,
       'no crash');

done_testing();
