#!/usr/bin/perl

# "social_status": what is counted, by all worker processes, over reloads and
# kills; in two forms that say the same. The event loop's stalls are found,
# since a library makes them.
#
# promtool, where it is installed ("scripts/deps monitoring"), checks the names.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use JSON::PP ();
use SocialFaults ();
use SocialHook;
use SocialMany;
use SocialNginx;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $faults = SocialFaults->new('faults');
my $strange = issuer_block('"a\"b\\\\c"', 'issuer https://a.example',
                           'client_ids *', 'jwks_uri http://127.0.0.1:1/');
my $n = 0;

mkdir "$nginx->{dir}/spool" or die "spool: $!\n";

sub configure {
    my (%o) = @_;

    my $workers = $o{workers} // 2;
    my $more = $o{more} // '';
    my $http = hook_config() =~ s/";/" connections=3;/r;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes $workers;
$more
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    $http
    $http_config
    $strange
    server {
        listen 127.0.0.1:$port;
        location = /hook {
            social_hook cognito secret=now spool=$nginx->{dir}/spool
                        spool_events=7;
        }
        location = /strict { social_hook cognito insecure=on strict=on; }
        location /2015-03-31/ { social_hook lambda name=f insecure=on; }
        location = /metrics { social_status prometheus; }
        location = /json { social_status json; }
        location = /page { return 200 "here\\n"; }
    }
}
_EOC_
    return;
}

sub get {
    my ($path, $method) = @_;
    my $answer = SocialNginx::request($port,
        ($method // 'GET') . " $path HTTP/1.0\r\n\r\n");
    return split /\r\n\r\n/, $answer, 2;
}

# The samples: "name{label="x"}" => value

sub metrics {
    my (undef, $text) = get('/metrics');
    return map { /\A([^#].*) (\S+)\z/ ? ($1 => $2) : () } split /\n/, $text;
}

# Labels as in the text, in their order there

sub labels {
    my %of = @_;
    my @shown;
    for my $name (sort { ($a eq 'code') - ($b eq 'code')
                         || ($a eq 'outcome') - ($b eq 'outcome')
                         || $a cmp $b } keys %of)
    {
        push @shown, $name . '="' . ($of{$name} =~ s/([\\"])/\\$1/gr) . '"';
    }
    return @shown ? '{' . join(',', @shown) . '}' : '';
}

sub value { my %all = metrics(); return $all{ $_[0] } // 'none' }

sub event_of { return qq{social_hook_events_total{outcome="$_[0]"}} }

# So many, as the status and the system see it: one that exits is a process for
# a while after it has given up its slot.

sub processes {
    my ($count) = @_;

    return SocialNginx::wait_for(30, sub {
        SocialNginx::workers($nginx->{pid}) == $count
            && value('social_worker_processes') eq $count;
    });
}

sub events {
    my %all = metrics();
    return join ' ', map { "$_:" . $all{ event_of($_) } }
        qw( accepted unchanged spooled denied refused failed );
}

sub body {
    my ($trigger, $sub, %attributes) = @_;
    return event(triggerSource => $trigger, version => '2',
        attributes => { sub => $sub, preferred_username => $sub,
                        %attributes });
}

sub post {
    my ($path, $body, %o) = @_;

    my $headers = $path eq '/hook' ? webhook($body, id => 'e' . ++$n, %o) : '';
    $headers =~ s/\n/\r\n/g;
    my ($got) = many($port, [ "POST $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n${headers}Content-Length: " . length($body)
        . "\r\n\r\n$body" ]);
    return $got->{status};
}

my $confirmed = 'PostConfirmation_ConfirmSignUp';
my $signed_in = 'PostAuthentication_Authentication';

configure();

my $started = time;

$faults->start($nginx, $port);


subtest 'the two forms' => sub {
    my ($head, $text) = get('/metrics');

    like($head, qr{^Content-Type: text/plain; version=0\.0\.4; charset=utf-8\r?$}m,
         'its type');
    like($head, qr/^Cache-Control: no-store\r?$/m, 'it is not cached');
    like($head, qr/^Content-Length: @{[ length $text ]}\r?$/m, 'its length');

    # each family: HELP, TYPE, then at least one sample of that name, once

    my (%seen, %type, $family, @wrong);
    my $label = qr/\w+="(?:[^"\\\n]|\\[\\"n])*"/;

    for my $line (split /\n/, $text) {
        if ($line =~ /\A# HELP (\w+) [A-Z0-9].*\.\z/) {
            $seen{$1}++ and push @wrong, "twice: $line";
            $family = $1;
        } elsif ($line =~ /\A# TYPE (\w+) (counter|gauge|histogram)\z/) {
            $type{$1} = $2;
            push @wrong, $line if $1 ne $family;
            push @wrong, "a counter ends in _total: $line"
                if ($2 eq 'counter') ne ($1 =~ /_total\z/ ? 1 : '');
        } elsif ($line =~ /\A(\w+)(?:\{$label(?:,$label)*\})? \d+(?:\.\d+)?\z/)
        {
            my $name = $type{$family} eq 'histogram'
                ? $1 =~ s/_(?:bucket|sum|count)\z//r : $1;
            push @wrong, $line if $name ne $family;
            $seen{$line}++ and push @wrong, "twice: $line";
        } else {
            push @wrong, $line;
        }
    }

    is(join("\n", @wrong), '', 'the format');
    cmp_ok(scalar keys %type, '>', 20, 'families');
    like($text, qr/\n\z/, 'the last line ends');

    # the same as JSON

    my ($json_head, $json) = get('/json');
    like($json_head, qr{^Content-Type: application/json\r?$}m, 'its type');

    my $got = JSON::PP->new->decode($json);
    my %flat;

    for my $name (keys %$got) {
        for my $sample (@{ $got->{$name} }) {
            my %labels = %$sample;
            my $shown = labels(map { $_ => $labels{$_} } sort grep {
                !/\A(?:value|buckets|count|sum)\z/ } keys %labels);
            my $buckets = $labels{buckets};
            if (!$buckets) {
                $flat{"$name$shown"} = 1;
                next;
            }
            my $last = 0;
            for (@$buckets) {
                push @wrong, "less: $name$shown" if $_->[1] < $last;
                $last = $_->[1];
            }
            push @wrong, "sum: $name$shown" if $last > $labels{count};
            $flat{"${name}_$_$shown"} = 1 for qw( sum count );
        }
    }
    is(join("\n", @wrong), '', 'histograms');

    my %all = metrics();
    is_deeply([ grep { !exists $all{$_} } sort keys %flat ], [],
              'the JSON has nothing else');

    # the request for the JSON itself was counted since, and jobs are asked for

    is_deeply([ grep { !exists $flat{$_}
        && !/_bucket\{|route="\/json"|\Asocial_jobs?[_{]/ } sort keys %all ],
        [], 'and all of it');
    is($all{ 'social_keys_loaded{issuer="a\\"b\\\\c"}' }, 0,
       'a label with quotes');
    is($all{'social_keys_loaded{issuer="main"}'}, 1, 'keys');
    is($all{'social_worker_processes'}, 2, 'worker processes');
    is($all{"social_hook_spool_limit_events{spool=\"$nginx->{dir}/spool\"}"}, 7,
       'the bound of the spool');
    cmp_ok($all{social_zone_size_bytes}, '==', 16 * 1024 * 1024, 'the zone');
    cmp_ok($all{social_zone_free_bytes}, '>', 0, 'what is free of it');
    cmp_ok($all{social_zone_free_bytes}, '<', 16 * 1024 * 1024, 'and not all');

    my ($no_body, $none) = get('/metrics', 'HEAD');
    like($no_body, qr{ 200 }, 'HEAD');
    is($none // '', '', 'has no body');
    like((get('/metrics', 'POST'))[0], qr{ 405 .*\nAllow: GET, HEAD\b}s,
         'POST is not allowed');

    SKIP: {
        my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
        skip 'promtool is not installed (scripts/deps monitoring)', 1 if !$promtool;
        open my $p, '|-', "$promtool check metrics 2>&1 > /dev/null"
            or die "promtool: $!\n";
        print {$p} $text;
        ok(close $p, 'promtool has nothing to say');
    }
};


subtest 'events of hooks' => sub {
    $pg->sql("INSERT INTO sign_up_rules (action, kind, value)
        VALUES ('deny', 'domain', 'spam.example')");

    is(events(), 'accepted:0 unchanged:0 spooled:0 denied:0 refused:0 failed:0',
       'none');

    post('/hook', body($confirmed => "one-$_")) for 1 .. 3;
    post('/hook', body(TokenGeneration_HostedAuth => 'one-1'));
    post('/hook', body(PreSignUp_SignUp => 'ok'));
    post('/hook', body(CustomMessage_SignUp => 'other'));
    is(events(), 'accepted:6 unchanged:0 spooled:0 denied:0 refused:0 failed:0',
       'accepted');

    my $spam = body(PreSignUp_SignUp => 'x', email => 'x@spam.example');
    is(post('/hook', $spam), 403, 'one who may not');
    is(post('/2015-03-31/functions/f/invocations', $spam), 200, 'twice');
    like(events(), qr/denied:2 refused:0 failed:0/, 'denied');

    is(post('/hook', body($confirmed => 'x'), secret => 'other'), 401, 'a bad signature');
    is(post('/hook', body($confirmed => 'x', email => 7)), 422, 'a bad field');
    is(post('/2015-03-31/functions/f/invocations', '{'), 400, 'no JSON');
    is(post('/2015-03-31/functions/g/invocations', '{}'), 404, 'another function');
    like(events(), qr/denied:2 refused:4 failed:0/, 'refused');

    my %all = metrics();
    # and those that ask for jobs, every ten seconds and after a start

    my $ok = $all{'social_database_statements_total{outcome="ok"}'};
    cmp_ok($ok, '>=', 7, 'statements');
    cmp_ok($ok, '<=', 7 + 2 + (time - $started) / 10, 'and no others');
    is($all{social_database_statement_seconds_count}, $ok, 'their times');
    cmp_ok($all{'social_database_connections{state="up"}'}, '>=', 1, 'up');
    is($all{'social_database_connections{state="up"}'}
       + $all{'social_database_connections{state="connecting"}'}
       + $all{'social_database_connections{state="down"}'}, 6,
       'three connections for each process');
    cmp_ok($all{social_database_connects_total}, '>=', 1, 'made');
};


subtest 'an outage' => sub {
    $pg->down;
    SocialNginx::wait_for(20, sub {
        value('social_database_connections{state="up"}') eq '0'
    });

    is(post('/hook', body($confirmed => "two-$_")), 200, "spooled $_")
        for 1 .. 3;
    is(post('/strict', body($confirmed => 'x')), 503, 'failed');
    is(post('/hook', body(TokenGeneration_HostedAuth => 'one-1')), 200,
       'unchanged');
    is(events(), 'accepted:6 unchanged:1 spooled:3 denied:2 refused:4 failed:1',
       'each in its place');

    my $spool = "{spool=\"$nginx->{dir}/spool\"}";
    ok(SocialNginx::wait_for(10, sub {
        value("social_hook_spool_events$spool") eq '3';
    }), 'what waits');
    cmp_ok(value("social_hook_spool_bytes$spool"), '>', 600, 'its bytes');

    # a pooler accepts connections without its server

    my %now = metrics();
    is($now{'social_database_connections{state="down"}'}
       + $now{'social_database_connections{state="connecting"}'}, 6, 'down')
        if !$ENV{SOCIAL_POOLER};
    cmp_ok(value('social_database_connection_failures_total'), '>', 0,
           'failures');
    cmp_ok(value('social_database_statements_total{outcome="unavailable"}'),
           '>=', 4, 'statements without a result');

    $pg->up;
    ok(SocialNginx::wait_for(30, sub {
        value('social_hook_spool_committed_events_total') eq '3'
            && value("social_hook_spool_events$spool") eq '0';
    }), 'committed');

    my $end = $pg->transaction("SELECT FROM users WHERE sub = 'one-1'"
        . ' FOR UPDATE');
    # each process finds the database by itself, and may have none yet

    SocialNginx::wait_for(30, sub {
        post('/strict', body($signed_in => 'one-1',
                             email => 'new@example.com'));
        value('social_database_statements_total{outcome="locked"}') ne '0';
    });
    $end->('ROLLBACK');
    is(value('social_database_statements_total{outcome="locked"}'), 1,
       'a row that is locked');
};


subtest 'nothing is lost by reloads and kills' => sub {
    my $before = events();
    my ($refused) = $before =~ /refused:(\d+)/;

    kill 'HUP', $nginx->{pid};
    ok(processes(2), 'a reload');
    is(events(), $before, 'the same');

    for (1 .. 4) {
        my @workers = SocialNginx::workers($nginx->{pid});
        @workers or die "no worker process\n";
        post('/hook', '{}', secret => 'other');
        kill 'KILL', $workers[0];
        ok(SocialNginx::wait_for(20, sub {
            my @now = SocialNginx::workers($nginx->{pid});
            @now == 2 && !grep { $_ == $workers[0] } @now;
        }), "a kill, $_");
    }

    ok(SocialNginx::wait_for(10, sub {
        my ($now) = events() =~ /refused:(\d+)/;
        $now == $refused + 4;
    }), 'what the others had counted is there');
    ok(processes(2), 'two processes');

    # a configuration with another number of them

    my $free;

    for my $round (1 .. 3) {
        configure(workers => 5);
        kill 'HUP', $nginx->{pid};
        ok(processes(5), "five ($round)");
        configure(workers => 1);
        kill 'HUP', $nginx->{pid};
        ok(processes(1), "one ($round)");
        $free //= value('social_zone_free_bytes');
    }

    # but for what is counted by route in a slot for the first time

    cmp_ok(value('social_zone_free_bytes'), '>=', $free - 8 * 4096,
           'nor is more kept of them');
    is(events(), $before =~ s/refused:\d+/'refused:' . ($refused + 4)/er,
       'still the same');
};


# A worker that is stopped for a while in a read is a stall, one that is stopped
# while it waits is not.

sub stall {
    my ($milliseconds) = @_;

    $faults->control(pid => $nginx->worker, delay => $milliseconds);
    return;
}

subtest 'the event loop' => sub {
    my $stalls = value('social_event_loop_stalls_total');
    my $seconds = value('social_event_loop_stalled_seconds_total');

    get('/page') for 1 .. 3;

    # the machine may be slow itself: what is added is at least what was made

    stall(300);
    my $began = time;
    get('/page');
    cmp_ok(time - $began, '>=', 0.3, 'a request that takes as long');

    my %all = metrics();
    cmp_ok($all{social_event_loop_stalls_total}, '>', $stalls, 'a stall');
    cmp_ok($all{social_event_loop_longest_stall_seconds}, '>=', 0.299,
           'the longest');
    cmp_ok($all{social_event_loop_stalled_seconds_total}, '>=',
           $seconds + 0.299, 'its time');

    # and of two processes the longer one

    my $longest = value('social_event_loop_longest_stall_seconds');

    ok($nginx->reload(1), 'a reload');
    stall(300);
    get('/page');
    cmp_ok(value('social_event_loop_longest_stall_seconds'), '<',
           $longest + 0.299, 'not the sum of two');

    # not one that is short

    SKIP: {
        for my $try (1 .. 20) {
            my $before = value('social_event_loop_stalls_total');
            stall(10);
            my $at = time;
            get('/page');
            my $took = time - $at;
            my $after = value('social_event_loop_stalls_total');
            next if $took > 0.02;
            is($after, $before, 'ten milliseconds are none');
            last SKIP;
        }
        skip 'the machine is too slow for a short stall', 1;
    }

    my $late = value('social_event_loop_late_wakeups_total');
    my $peak = value('social_event_loop_longest_stall_seconds');
    my $worker = $nginx->worker;

    # while it waits: it may still be at the end of the last request

    sleep 0.5;
    kill 'STOP', $worker;
    sleep 2.5;
    kill 'CONT', $worker;

    ok(SocialNginx::wait_for(10, sub {
        value('social_event_loop_late_wakeups_total') > $late;
    }), 'a process that was stopped wakes up late');
    cmp_ok(value('social_event_loop_longest_stall_seconds'), '<', 2.4,
           'which is not a stall') if $peak < 2.4;
};


subtest 'timer_resolution' => sub {
    configure(workers => 1, more => 'timer_resolution 100ms;');
    ok($nginx->reload(1), 'a reload');

    my $before = value('social_event_loop_stalls_total');
    get('/page') for 1 .. 5;
    sleep 1;
    get('/page');
    is(value('social_event_loop_stalls_total'), $before, 'nothing is counted');
};


# A worker that exits does not wait for what is measured

subtest 'an exit' => sub {
    configure();
    kill 'HUP', $nginx->{pid};
    my $pid = delete $nginx->{pid};
    sleep 1;
    my $began = time;
    kill 'QUIT', $pid;
    ok(SocialNginx::wait_for(20, sub { waitpid($pid, 1) == $pid }), 'QUIT');
    cmp_ok(time - $began, '<', 10, 'at once');
};

unlike(SocialNginx::without_kills($nginx->error_log), qr/\[(?:alert|emerg)\]/,
       'nothing in the log');
unlike($nginx->error_log, qr/exited on signal (?!9)/, 'no crash');

done_testing();
