#!/usr/bin/perl

# Lanes: queues with threads of their own, in one worker.  And jobs that are
# short, which are claimed and recorded together.

use strict;
use warnings;

use lib 't/lib';

use MIME::Base64 qw( encode_base64 );
use Test::More;
use Time::HiRes qw( sleep );

use SocialWorker;

# An endpoint: requests whose payload says "held" wait for the file "held" to
# go.

my $w = SocialWorker->new(answer => sub {
    my ($self, $socket, $request) = @_;

    return 0 if $request->{path} !~ m{\A/jobs/};

    open my $f, '>>', "$self->{dir}/posts" or die "posts: $!";
    syswrite $f, "$request->{body}\n";
    close $f;

    while ($request->{body} =~ /held/ && -e "$self->{dir}/held") {
        sleep 0.05;
    }

    print {$socket} "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    $socket->flush;
    return 1;

}) or plan skip_all => 'social-worker or PostgreSQL is not there: run '
    . '"make deps"';

my $dir = $w->{dir};

SocialWorker::spew("$dir/secret", 'whsec_' . encode_base64('n' x 32, ''));

sub conf {
    my ($more, %o) = @_;

    return $w->conf(queue => 'default', concurrency => 1, %o, more => <<"CONF");
kind mail {
    url = "http://127.0.0.1:$w->{buckets}{port}/jobs/mail"
    secret = {"file $dir/secret"}
    time_limit = "90s"
}
$more
CONF
}

sub add {
    my ($do, $queue, $n) = @_;

    return split /\n/, $w->{pg}->sql("SELECT social_job_add('mail',
        '{\"do\": \"$do\"}', p_queue => '$queue')
        FROM generate_series(1, " . ($n // 1) . ');');
}

sub count {
    my ($what) = @_;
    return $w->v("SELECT count(*) FROM jobs WHERE $what");
}

sub posts {
    my ($do) = @_;
    return scalar(() = SocialWorker::slurp("$dir/posts") =~ /"\Q$do\E"/g);
}

sub over {
    my ($queue) = @_;
    $w->{pg}->wait_for("SELECT count(*) FROM jobs WHERE queue = '$queue'
        AND state <> 'done'", 0, 60);
    return count("queue = '$queue' AND state <> 'done'") == 0;
}


subtest 'slow jobs have threads of their own' => sub {
    conf(<<'CONF');
lane slow { concurrency = 2 }
lane others { queue = "elsewhere" }
CONF
    SocialWorker::spew("$dir/held", '');
    add('held', 'slow', 5);
    my $pid = $w->worker;

    ok(SocialWorker::until_true(60, sub { posts('held') == 2 }),
        'a lane has as many jobs as threads') or diag($w->log_of($pid));

    add('fast', $_, 4) for qw( default elsewhere );
    ok(over($_), "others are done meanwhile: $_") for qw( default elsewhere );

    is(posts('held'), 2, 'and no more of the lane begun');
    is(count("queue = 'slow' AND state = 'running'"), 2, 'or claimed');
    is(count("queue = 'slow' AND state = 'ready'"), 3, 'the others wait');

    unlink "$dir/held";
    ok(over('slow'), 'they are done, too');
    is(posts('held'), 5, 'once');

    my ($status, $log) = $w->stop($pid);
    is($status, 0, 'it leaves') or diag($log);
    like($log, qr/"lane started","lane":"slow","queue":"slow","concurrency":2/,
        'the log has the lane');
    like($log, qr/"lane":"others","queue":"elsewhere","concurrency":1/,
        'and the other one, with its queue');
};


subtest 'what waits for a thread of a lane is given back' => sub {
    conf("lane slow { concurrency = 1 }\n");
    add('quick', 'slow', 30);           # so that more are claimed than threads
    my $pid = $w->worker;
    ok(over('slow'), 'short jobs');

    SocialWorker::spew("$dir/held", '');
    add('held', 'slow', 3);
    ok(SocialWorker::until_true(60, sub { posts('held') >= 6 }), 'one is begun');
    kill 'TERM', $pid;
    ok($w->logged($pid, qr/worker stopping/), 'it stops');
    $w->{pg}->wait_for("SELECT count(*) FROM jobs WHERE queue = 'slow'
        AND state = 'running'", 1, 60);
    is(count("queue = 'slow' AND state = 'ready'"), 2,
        'those that were not begun are ready');
    unlink "$dir/held";

    my ($status, $log) = $w->stop($pid);
    is($status, 0, 'it leaves') or diag($log);
    is(count("queue = 'slow' AND state = 'ready'"), 2, 'the begun one is done');
};


subtest 'once' => sub {
    conf("lane slow { concurrency = 2 }\nlane empty { }\n");
    add('again', $_, 3) for qw( default slow );
    my ($rc, $log) = $w->command('once');
    is($rc, 0, 'it ends') or diag($log);
    is(count("state <> 'done'"), 0, 'when every lane is empty');
};


subtest 'another queue' => sub {
    conf("lane slow { concurrency = 1 }\n");
    my $pid = $w->worker;
    ok($w->logged($pid, qr/lane started/), 'it works');

    add('moved', 'new');
    conf("lane slow { queue = \"new\" concurrency = 9 }\nlane more { }\n");
    kill 'HUP', $pid;
    ok(over('new'), 'SIGHUP gives a lane another queue');
    $w->stop($pid);
};


subtest 'short jobs are recorded with the next claim' => sub {
    conf('', concurrency => 2);
    add('short', 'default', 600);
    my $first = $w->v('SELECT last_value FROM job_claims_id_seq');
    my $pid = $w->worker;
    ok(over('default'), 'all are done');
    my $claims = $w->v('SELECT last_value FROM job_claims_id_seq') - $first;

    # some at first, then up to a hundred at a time
    cmp_ok($claims, '<', 300, 'by few claims');
    is(count("payload->>'do' = 'short' AND attempt = 1"), 600, 'each once');
    is(posts('short'), 600, 'by one request');
    is($w->v('SELECT count(*) FROM job_claims'), 0, 'no claim is left');
    $w->stop($pid);
};


subtest 'mistakes' => sub {
    my %wrong = (
        'lane x { queue = "default" }' => qr/lane x: queue: it is the/,
        'lane x { queue = "y" } lane y { }' => qr/lane y: queue: another/,
        'lane x { concurrency = 0 }' => qr/lane x: concurrency.*not in 1 to 256/,
        'lane x { concurrency = 257 }' => qr/lane x: concurrency/,
        'lane x { threads = 1 }' => qr/no such option.*threads/i,
        'lane ' . 'x' x 65 . ' { }' => qr/lane x+: queue: a name of up to 64/,
        'lane x { } lane x { }' => qr/found duplicate title/,
        join(' ', map { "lane l$_ { }" } 1 .. 17) => qr/more than 16/,
    );

    for my $lines (sort keys %wrong) {
        my $file = conf($lines =~ s/\} /}\n/gr . "\n", file => 'wrong.conf');
        my $log = `$w->{program} -c $file check 2>&1`;
        is($? >> 8, 1, substr($lines, 0, 40));
        like($log =~ s/\\"//gr =~ s/","error":"/: /r, $wrong{$lines}, 'and says why');
    }

    my $file = conf(join("\n", map { "lane l$_ { concurrency = 256 }" } 1 .. 16),
        file => 'many.conf');
    my $log = `$w->{program} -c $file check 2>&1`;
    unlike($log, qr/bad configuration/, 'as many as may be');
};


done_testing();
