#!/usr/bin/perl

# "spool=" of hooks: sign-ups while the database is unavailable are durable on
# disk before they are acknowledged, and are committed later, each once, those
# of one user in their order, whatever becomes of the worker processes; one that
# cannot be committed delays nobody.
#
#   SOAK=1     3,000 sign-ups under kills instead of some hundred

use strict;
use warnings;

use lib 't/lib';
use File::Copy ();
use File::Path ();
use File::Temp ();
use SocialHook;
use SocialMany;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = SocialNginx::free_port();
my $spool = File::Temp::tempdir('social-spool-XXXXXX', TMPDIR => 1,
                                CLEANUP => 1);
my $nginx = SocialNginx->new;
my $n = 0;

sub configure {
    my (%o) = @_;

    my $bounds = $o{bounds} // '';
    my $workers = $o{workers} // 1;
    my $parameters = "spool=$spool $bounds";
    my $http = hook_config() =~ s/";/" timeout=3s;/r;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes $workers;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    $http
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito secret=now $parameters; }
        location = /strict {
            social_hook cognito insecure=on strict=on $parameters;
        }
        location = /without { social_hook cognito insecure=on; }
        location /2015-03-31/ {
            social_hook lambda name=f insecure=on $parameters;
        }
        location = /ready { social_ready; }
    }
}
_EOC_
    return;
}

my %source = (
    signup => 'PostConfirmation_ConfirmSignUp',
    signin => 'PostAuthentication_Authentication',
    token => 'TokenGeneration_HostedAuth',
    presignup => 'PreSignUp_SignUp',
    other => 'CustomMessage_SignUp',
);

sub body {
    my ($kind, $sub, %attributes) = @_;

    return event(triggerSource => $source{$kind}, version => '2',
        attributes => { sub => $sub, preferred_username => $sub,
                        %attributes });
}

# A request; the id of an event is that of its user unless it is given.

sub raw {
    my ($path, $body, %o) = @_;

    my $headers = $path eq '/hook' ? webhook($body, %o) : '';
    $headers =~ s/\n/\r\n/g;
    return "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "${headers}Content-Length: " . length($body) . "\r\n\r\n$body";
}

sub post {
    my ($path, $body, %o) = @_;

    my ($got) = many($port, [ raw($path, $body, id => 'evt_' . ++$n, %o) ]);
    my ($head, $answer) = split /\r\n\r\n/, $got->{answer}, 2;

    return wantarray ? ($got->{status}, $answer // '', $head) : $got->{status};
}

sub ready {
    my $got = SocialNginx::request($port, "GET /ready HTTP/1.0\r\n\r\n");
    return join ' ', $got =~ /"status":"(\w+)"/,
        $got =~ /"(spool\w*)":"?(\w+)/g;
}

sub waiting { return scalar(() = glob "$spool/events/*") }
sub aside { return scalar(() = glob "$spool/aside/*") }

sub rows {
    my ($like) = @_;
    return $pg->value("SELECT count(*) FROM users WHERE sub LIKE '$like'");
}

sub drained {
    my ($left) = @_;
    return SocialNginx::wait_for(40, sub { waiting() == ($left // 0) });
}

sub log_has {
    my ($pattern) = @_;
    return scalar(() = $nginx->error_log =~ /$pattern/g);
}

# Until a request no longer waits for the database

sub outage {
    $pg->down;
    SocialNginx::wait_for(20, sub {
        my ($got) = many($port, [ raw('/without', body(signup => 'nobody')) ]);
        $got->{status} eq '503' && $got->{took} < 1;
    }) or die "the database is still there\n";
    return;
}

$pg->settings('max_prepared_transactions = 1');      # from the first restart
configure();
$nginx->start($port);


subtest 'what is acknowledged during an outage' => sub {
    is(post('/hook', body(signup => 'before')), 200, 'before it');
    is(waiting(), 0, 'nothing is written while the database is there');
    is(ready(), 'ready spool empty spool_events 0 spool_aside 0', 'empty');

    outage();

    my $body = body(signup => 'during-1');
    my ($status, $answer) = post('/hook', $body);
    is($status, 200, 'a sign-up');
    is($answer, $body, 'the event, byte by byte');
    is(waiting(), 1, 'on disk');

    is(post('/hook', body(signin => 'during-2')), 200, 'a sign-in');
    is(waiting(), 2, 'on disk too');
    is(post('/strict', body(signin => 'during-3')), 200, 'a strict one');
    is(post('/2015-03-31/functions/f/invocations',
            body(signup => 'during-4')), 200, 'as an invocation');
    is(waiting(), 4, 'all of them');

    like(ready(), qr/^degraded spool waiting spool_events 4 spool_aside 0/,
         'as readiness shows');

    # what has a response from the database, and what has none

    is(post('/strict', body(token => 'token-1')), 503, 'a strict token is not');
    is(post('/hook', body(token => 'token-2')), 200, 'a token goes on');
    is(post('/hook', body(presignup => 'pre')), 503, 'who may sign up');
    is(post('/hook', body(other => 'other')), 200, 'another event');
    is(post('/without', body(signup => 'without')), 503, 'without a spool');
    is(post('/hook', body(signup => 'forged'), secret => 'other'), 401,
       'a forged one');
    is(post('/hook', body(signup => 'wrong', email => "a\0")), 422,
       'a wrong one');
    is(waiting(), 4, 'none of these is on disk');

    my ($file) = glob "$spool/events/*";
    is(sprintf('%o', (stat $file)[2] & oct 777), '600',
       'others cannot read it');

    $pg->up;
    ok(drained(), 'the database has them');
    is(rows('during-%'), 4, 'each once');
    is(rows('token-%') + rows('pre') + rows('forged') + rows('wrong'), 0,
       'and no other');
    ok(SocialNginx::wait_for(30, sub {
        ready() eq 'ready spool empty spool_events 0 spool_aside 0';
    }), 'as readiness shows');
    is(log_has(qr/\[notice\].* events of the spool ".*" were committed/) > 0, 1,
       'and the log');
};


subtest 'the order of one user, and an event that is sent twice' => sub {
    outage();

    my $at = time - 100;
    my $first = body(signup => 'order', email => 'first@example.com');
    my $second = body(signin => 'order', email => 'second@example.com');

    is(post('/hook', $first, id => 'first', time => int $at), 200, 'first');
    is(post('/hook', $second, id => 'second', time => int $at + 50), 200,
       'second');
    is(post('/hook', $first, id => 'first', time => int $at + 60), 200,
       'the first again');

    is(post('/hook', body(signin => 'order', email => 'older@example.com'),
            id => 'third', time => int $at + 20), 200, 'an older one, late');

    # without a time or an id it is the order alone that decides

    is(post('/strict', body(signup => 'plain', email => "$_\@example.com")),
       200, $_) for qw( one two three four );

    is(waiting(), 8, 'all on disk');

    $pg->up;
    ok(drained(), 'committed');
    is($pg->value("SELECT email FROM users WHERE sub = 'order'"),
       'second@example.com', 'the second is the last');
    is($pg->value("SELECT email FROM users WHERE sub = 'plain'"),
       'four@example.com', 'the fourth is the last');
    is(rows('order') + rows('plain'), 2, 'one row each');
};


subtest 'an event that the database refuses' => sub {
    $pg->sql(<<'_EOC_');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW
    WHEN (NEW.sub LIKE 'bad-%') EXECUTE FUNCTION refuse();
_EOC_

    is(post('/hook', body(signup => 'bad-now')), 500,
       'while the database is there, who sends it learns it');
    is(waiting(), 0, 'and it does not wait');

    outage();
    is(post('/hook', body(signup => $_)), 200, $_)
        for qw( good-1 bad-1 good-2 bad-2 good-3 );
    $pg->up;

    ok(drained(), 'nothing waits any more');
    is(rows('good-%'), 3, 'the others are committed');
    is(aside(), 2, 'they are set aside');
    is(log_has(qr/\[error\].* event "[0-9a-f-]+" of the spool ".*" was set aside: the database refused it/),
       2, 'each is logged');
    ok(SocialNginx::wait_for(30, sub {
        ready() eq 'ready spool empty spool_events 0 spool_aside 2';
    }), 'readiness shows them');

    # what the documentation says to do

    $pg->sql('DROP TRIGGER refuse ON users; DROP FUNCTION refuse()');
    rename $_, s{/aside/}{/events/}r for glob "$spool/aside/*";
    ok(drained(), 'moved back');
    is(rows('bad-%'), 2, 'they are committed');
    ok(SocialNginx::wait_for(30, sub { ready() =~ /spool_aside 0/ }),
       'and no longer shown');
};


subtest 'a file that is damaged' => sub {
    outage();
    is(post('/hook', body(signup => $_)), 200, $_) for qw( whole torn );

    my @files = sort glob "$spool/events/*";
    open my $f, '+<', $files[1] or die "$files[1]: $!\n";
    seek $f, 200, 0;
    print {$f} 'x';
    close $f;

    $pg->up;
    ok(drained(), 'nothing waits any more');
    is(rows('whole') . rows('torn'), '10', 'it is not committed');
    is(aside(), 1, 'it is set aside');
    is(log_has(qr/was set aside: it is damaged/), 1, 'and logged');
    File::Path::remove_tree("$spool/aside", { keep_root => 1 });
};


subtest 'a schema of another version' => sub {
    $pg->sql('ALTER FUNCTION social_user_sync(text, text, text, text, text,'
        . ' boolean, text, boolean, timestamptz, text)'
        . ' RENAME TO social_user_sync_later');
    $pg->sql('ALTER FUNCTION social_users_sync RENAME TO'
        . ' social_users_sync_later');
    outage();
    is(post('/hook', body(signup => $_)), 200, $_) for qw( later-1 later-2 );
    $pg->up;

    ok(SocialNginx::wait_for(20, sub {
        log_has(qr/social_user_sync.* does not exist/);
    }), 'it is refused');
    sleep 3;
    is(aside(), 0, 'no event is to blame');
    is(waiting(), 2, 'they wait');

    $pg->sql('ALTER FUNCTION social_user_sync_later(text, text, text, text,'
        . ' text, boolean, text, boolean, timestamptz, text)'
        . ' RENAME TO social_user_sync');
    $pg->sql('ALTER FUNCTION social_users_sync_later RENAME TO'
        . ' social_users_sync');
    ok(drained(), 'until it is mended');
    is(rows('later-%'), 2, 'committed');
};


# By a transaction that lasts over a restart.  They are more than are sent at a
# time, and come first.

subtest 'rows that are locked' => sub {
    my @locked = map { "locked-$_" } 1 .. 33;

    is(statuses(many($port, [ map { raw('/hook', body(signup => $_),
           id => 'evt_' . ++$n) } 'locked', @locked ])), '200:34', 'users');
    $pg->sql("BEGIN; SELECT FROM users WHERE sub LIKE 'locked%' FOR UPDATE;"
        . " PREPARE TRANSACTION 'locked'");

    outage();
    is(post('/hook', body(signin => 'locked', email => "$_\@example.com")),
       200, "locked, $_") for qw( later last );
    is(statuses(many($port, [ map { raw('/hook', body(signin => $_),
           id => 'evt_' . ++$n) } @locked ])), '200:33', 'and the others');
    is(post('/hook', body(signup => "free-$_")), 200, "free $_") for 1 .. 40;
    is(waiting(), 75, 'all on disk');
    $pg->up;

    ok(drained(35), 'those who are not locked do not wait for them');
    is(rows('free-%'), 40, 'they are committed');
    is(aside(), 0, 'the others are not to blame');

    $pg->value("ROLLBACK PREPARED 'locked'");
    ok(drained(), 'they follow');
    is($pg->value("SELECT email FROM users WHERE sub = 'locked'"),
       'last@example.com', 'in order');
};


subtest 'its bounds' => sub {
    configure(bounds => 'spool_events=3 spool_size=1m');
    ok($nginx->reload(1), 'a reload');
    outage();

    ok(SocialNginx::wait_for(30, sub {
        post('/hook', body(signup => 'many-' . ++$n)) eq '503';
    }), 'no room');
    is(waiting(), 3, 'it has as many as it may');

    my ($status, undef, $head) = post('/hook', body(signup => 'many-x'));
    is($status, 503, 'no room for another');
    like($head, qr/^Retry-After: /m, 'who sends it is to send it later');
    is(post('/hook', body(signin => 'many-y')), 200, 'a sign-in goes on');
    is(waiting(), 3, 'without it');
    like(ready(), qr/^degraded spool full spool_events 3/, 'it is shown');
    is(log_has(qr/\[error\].* no room in the spool/), 1, 'and logged, once');

    $pg->up;
    ok(drained(), 'committed');
    is(rows('many-%'), 3, 'those that were acknowledged');

    # by size: there is room for two of these

    configure(bounds => 'spool_size=128k');
    ok($nginx->reload(1), 'a reload');
    outage();

    my %large = (note => 'x' x 50_000);
    is(post('/hook', body(signup => 'large-1', %large)), 200, 'the first');
    is(post('/hook', body(signup => 'large-2', %large)), 200, 'the second');
    is(post('/hook', body(signup => 'large-3', %large)), 503, 'no room');
    is(waiting(), 2, 'it is not there');

    $pg->up;
    ok(drained(), 'committed');
    is(rows('large-%'), 2, 'those that were acknowledged');

    # it counts what is there, and not what it has once written

    outage();
    is(post('/hook', body(signup => "again-$_", %large)), 200, "again $_")
        for 1, 2;
    $pg->up;
    ok(drained(), 'committed');

    configure();
    ok($nginx->reload(1), 'a reload');
};


subtest 'a directory that is lost' => sub {
    outage();
    File::Path::remove_tree($spool);

    is(post('/hook', body(signup => 'lost')), 503, 'a sign-up');
    is(post('/hook', body(signup => 'lost')), 503, 'another');
    is(post('/hook', body(signin => 'lost')), 200, 'a sign-in goes on');
    is(log_has(qr/\[crit\].* the spool ".*" could not be written to \(2: /), 1,
       'logged, once');

    mkdir $spool or die "$spool: $!\n";
    is(post('/hook', body(signup => 'found')), 200, 'it is back');
    $pg->up;
    ok(drained(), 'committed');
    is(rows('found') . rows('lost'), '10', 'what was acknowledged');
};


# Every process may end at any time

subtest 'a worker, nginx and the machine end' => sub {
    my $before = $nginx->worker;

    outage();
    is(post('/hook', body(signup => 'killed-1')), 200, 'before a kill');
    kill 'KILL', $nginx->worker;
    ok(SocialNginx::wait_for(20, sub {
        ($nginx->worker // $before) != $before
            && post('/without', body(other => 'up')) eq '200';
    }), 'another worker');
    is(post('/hook', body(signup => 'killed-2')), 200, 'after it');

    ok($nginx->reload(1), 'a reload');
    is(post('/hook', body(signup => 'killed-3')), 200, 'after a reload');

    $nginx->stop;

    # what a crash may leave in tmp/

    open my $f, '>', "$spool/tmp/left" or die "$spool/tmp/left: $!\n";
    close $f;
    utime time - 7200, time - 7200, "$spool/tmp/left";

    $nginx->start($port);
    is(waiting(), 3, 'after a start they are there');
    ok(SocialNginx::wait_for(20, sub {
        ready() =~ /^\w+ spool waiting spool_events 3/;
    }), 'and are known');
    is(post('/hook', body(signup => 'killed-4')), 200, 'after it');
    ok(!-e "$spool/tmp/left", 'what was being written is removed');

    $pg->up;
    ok(drained(), 'committed');
    is(rows('killed-%'), 4, 'all of them');
};

subtest 'kills while events come and go' => sub {
    my $many = $ENV{SOAK} ? 3000 : 600;
    my @subs = map { "storm-$_" } 1 .. $many;
    my ($killed, $outages, $at, $next, $up) = (0, 0, time + 1, 40, 1);

    configure(workers => 2);
    ok($nginx->reload, 'two processes');

    my @got = many($port,
        [ map { raw('/hook', body(signup => $_), id => $_) } @subs ],
        width => 5, seconds => 600, tick => sub {
            my ($answered) = @_;
            return if $answered < $next && time < $at;
            ($next, $at) = ($answered + 40, time + 1);
            my @workers = SocialNginx::workers($nginx->{pid});
            return if !@workers;
            kill 'KILL', $workers[rand @workers];
            return if ++$killed % 4;
            $outages++;
            $up ? $pg->down('QUIT') : $pg->up;
            $up = !$up;
        });

    $pg->up if !$up;
    cmp_ok($outages, '>=', 2, "$killed kills, $outages outages");
    ok(drained(), 'the spool is empty');

    my %rows = map { $_ => 1 } split /\n/,
        $pg->value("SELECT sub FROM users WHERE sub LIKE 'storm-%'");
    my @acknowledged = map { $subs[$_] }
        grep { $got[$_]{status} eq '200' } 0 .. $#got;

    cmp_ok(scalar @acknowledged, '>', $many / 2, @acknowledged
           . ' were acknowledged');
    is(join(' ', grep { !$rows{$_} } @acknowledged), '', 'and have their row');
    is($pg->value("SELECT count(*) - count(DISTINCT sub) FROM users"), 0,
       'one each');
    is(aside(), 0, 'none is set aside');
    is(join(' ', grep { !/^(?:200|503|none)$/ } map { $_->{status} } @got), '',
       'no other answers');
};

# One of the two has the lease.

subtest 'a process that is stopped' => sub {
    outage();
    is(post('/hook', body(signup => 'stopped')), 200, 'an event');

    my ($file) = glob "$spool/events/*";
    my $kept = "$nginx->{dir}/kept";
    File::Copy::copy($file, $kept) or die "$kept: $!\n";

    $pg->up;
    ok(drained(), 'committed');

    for my $worker (SocialNginx::workers($nginx->{pid})) {
        kill 'STOP', $worker;
        File::Copy::copy($kept, $file) or die "$file: $!\n";
        ok(drained(), 'the other one sends it');
        kill 'CONT', $worker;
    }
};

$nginx->stop;
unlike(SocialNginx::without_kills($nginx->error_log), qr/\[(?:alert|emerg)\]/,
       'nothing else in the log');
unlike($nginx->error_log, qr/exited on signal (?!9)/, 'no crash');

done_testing();
