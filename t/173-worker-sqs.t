#!/usr/bin/perl

# social-worker reads queues of SQS: what is committed is deleted, and what is
# not comes again; nothing is lost or counted while the database is unavailable.

use strict;
use warnings;

use lib 't/lib';

use SocialEvents qw( aws bridge records json );
use SocialSqs;
use SocialWorker;
use Test::More;
use Time::HiRes qw( sleep time );

my $w = SocialWorker->new
    or plan skip_all => 'social-worker or PostgreSQL is not there: run '
        . '"make deps"';

my $sqs = SocialSqs->start($w->{dir});

sub conf {
    my (%o) = @_;

    $w->conf(queue => 'nothing', more => <<"CONF" . ($o{more} // ''));
sqs uploads { @{[ $sqs->conf(visibility => '3s', %{ $o{sqs} // {} }) ]} }
job pictures { bucket = "raw"  prefix = "in/"  kind = "pic" }
job others { bucket = "raw"  prefix = "in/other/"  kind = "other"  queue = "q" }
CONF
}

sub raw { return records(map { aws(bucket => 'raw', %$_) } @_) }

sub jobs {
    my ($key) = @_;
    return $w->v("SELECT count(*) FROM jobs WHERE payload->>'key' = '$key'");
}

sub all_deleted {
    return $sqs->until_state(sub { $_[0]{messages} == 0 });
}

conf();

my ($rc, $said) = $w->command('check');
like($said, qr/^ok     sqs uploads$/m, 'the queue can be used');

my $pid = $w->worker;


subtest 'events' => sub {
    ok($sqs->until_state(sub { $_[0]{waiting} == 1 }), 'a long poll');
    is($sqs->now->{forged}, 0, 'signed');

    my $id = '00000000-0000-4000-8000-000000000099';
    $w->v("SELECT social_upload_create('$id', 'i', 'u', 'u', 'post', 'raw',
        'raw/u/1', 'image/jpeg', 5, NULL, '5 minutes')");

    $sqs->put(raw({ key => 'in/a+b', seq => '01' }),
              raw({ key => 'in/other/1', seq => '01' },
                  { key => 'in/a+b', seq => '02', etag => 'f' }),
              raw({ key => 'raw/u/1', seq => '01', etag => 'e1' }),
              json(bridge(bucket => 'raw', key => 'in/bridge', seq => '01')),
              json({ Type => 'Notification', TopicArn => 'a', MessageId => '1',
                     Message => raw({ key => "in/sns", seq => '01' }) }),
              json({ Service => 'Amazon S3', Event => 's3:TestEvent' }));

    ok(all_deleted(), 'all are deleted');
    is(jobs('in/a b'), 2, 'two of one key');
    is($w->v("SELECT kind || ' ' || queue FROM jobs
                  WHERE payload->>'key' = 'in/other/1'"), 'other q', 'a rule');
    is(jobs("in/$_"), 1, $_) for qw( bridge sns );
    is($w->v("SELECT state FROM uploads WHERE id = '$id'"), 'stored',
       'an upload');

    $sqs->put(raw({ key => 'in/a+b', seq => '01' }),
              raw({ key => 'in/a+b', seq => '02', etag => 'f' }));
    ok(all_deleted(), 'once more');
    is(jobs('in/a b'), 2, 'they have no effect');

    my $received = $sqs->now->{received};
    is(scalar(grep { $_ != 1 } values %$received), 0, 'each came once');
};


subtest 'what cannot be used' => sub {
    my $deep = '{"Records":' . '[' x 1000;

    $sqs->put('hello', $deep, records(aws(key => '%', bucket => 'raw')),
              '{"Records":[' . join(',', ('{}') x 10000) . ']}',
              json({ Type => 'Notification', TopicArn => 'a',
                     Message => json({ Type => 'Notification',
                                       TopicArn => 'a', Message => '{}' }) }),
              json({ Type => 'SubscriptionConfirmation', TopicArn => 'a',
                     Message => 'x', SubscribeURL => 'https://evil.example' }),
              '{"Records":[' . ' ' x (256 * 1024) . ']}',
              raw({ key => 'in/good', seq => '01' }));

    ok($sqs->until_state(sub { $_[0]{messages} == 7 }), 'is left in the queue');
    is(jobs('in/good'), 1, 'and does not hold up others');

    my $last = $sqs->now;
    my $first = (sort { $a <=> $b } keys %{ $last->{received} })[-8];
    ok($sqs->until_state(sub { $_[0]{received}{$first} >= 2 }),
       'it comes again, until the queue has enough of it');

    my @lines = $w->log_of($pid) =~ /(.*"message not usable".*)/g;
    is(scalar @lines, 7, 'logged once each');
    like($lines[0], qr/"message":"00000000-\S+-0*$first"/, 'with its id');
    like("@lines", qr/Records must have at most 1000 records/, 'and the reason');
    unlike("@lines", qr/evil|hello/, 'and nothing of what was sent');
    is(scalar(grep { $_ > 0 } @{ $last->{extended} }), 0,
       'nobody has it kept for later');
};


subtest 'the database is unavailable' => sub {
    my $before = $sqs->now;
    my $count = keys %{ $before->{received} };

    $w->v('ALTER FUNCTION social_objects_event RENAME TO away');
    $sqs->put(raw({ key => 'in/away', seq => '01' }));

    my $n = $count + 1;
    ok($sqs->until_state(sub { @{ $_[0]{extended} } >= 2 }, 30),
       'the message is kept, for longer than the queue would');
    is($sqs->now->{received}{$n}, 1, 'and not received again');
    is(jobs('in/away'), 0, 'it is not there');

    $w->v('ALTER FUNCTION away RENAME TO social_objects_event');
    ok($sqs->until_state(sub { grep { $_ == $n } @{ $_[0]{deleted} } }),
       'it is deleted when it is committed');
    is(jobs('in/away'), 1, 'once');
    is($sqs->now->{received}{$n}, 1, 'it came once');

    my @lines = $w->log_of($pid) =~ /("statement failed".*social_objects_event)/g;
    is(scalar @lines, 1, 'logged once');
};


subtest 'a connection is lost' => sub {
    my ($backend) = $w->v("SELECT string_agg(pid::text, ' ')
        FROM pg_stat_activity WHERE query LIKE '%social_objects_event%'
            AND application_name = 'social-worker'");

    $w->v("SELECT pg_terminate_backend(p::int)
               FROM unnest(string_to_array('$backend', ' ')) p");
    $sqs->put(raw({ key => 'in/lost', seq => '01' }));
    ok(SocialWorker::until_true(20, sub { jobs('in/lost') }), 'it is made again');
};


subtest 'the queue is unavailable' => sub {
    $sqs->set(fail => 2);
    ok($w->logged($pid, qr/"queue unavailable".*status 500/), 'is logged');
    $sqs->put(raw({ key => 'in/again', seq => '01' }));
    ok($w->logged($pid, qr/"queue available again"/), 'and that it is back');
    ok(SocialWorker::until_true(20, sub { jobs('in/again') }), 'and goes on');

    my @lines = $w->log_of($pid) =~ /("queue unavailable")/g;
    is(scalar @lines, 1, 'once');

    $sqs->set(says => '<html>');
    ok($w->logged($pid, qr/the answer is not that of a queue/),
       'what is not an answer');
    $sqs->set(says => undef);

    $sqs->set(damage => 1);
    $sqs->put(raw({ key => 'in/damaged', seq => '01' }));
    ok($w->logged($pid, qr/must be as it was sent/), 'another MD5');
    is(jobs('in/damaged'), 0, 'is not used');
    $sqs->set(damage => undef);
    ok(SocialWorker::until_true(20, sub { jobs('in/damaged') }),
       'until it is right');
};


subtest 'reload and stop' => sub {
    conf(more => 'job late { bucket = "raw"  prefix = "late/"  kind = "pic" }');
    kill 'HUP', $pid;
    ok($w->logged($pid, qr/configuration reloaded/), 'reloaded');
    sleep 1.5;
    $sqs->put(raw({ key => 'late/1', seq => '01' }));
    ok(SocialWorker::until_true(20, sub { jobs('late/1') }), 'with new rules');

    # what cannot be used would end the poll
    $sqs->purge;
    sleep 1.5;
    ok($sqs->until_state(sub { $_[0]{waiting} == 1 }), 'one long poll');

    my ($status, $log, $took) = $w->stop($pid);
    is($status, 0, 'it stops');
    ok($took < 3, 'and does not wait for the poll') or diag($took);
    unlike($log, qr/tok\/en|se\/cret|AKIDSQS/, 'no credentials are logged');
    unlike($log, qr/"error":"Callback aborted"/, 'nor that it was given up');
};


subtest 'stopped with a message that is not committed' => sub {
    $w->v('ALTER FUNCTION social_objects_event RENAME TO away');

    my $other = $w->worker;
    $sqs->put(raw({ key => 'in/rest', seq => '01' }));
    ok($w->logged($other, qr/"statement failed"/), 'it cannot be committed');

    my ($status) = $w->stop($other);
    is($status, 0, 'it stops');
    $w->v('ALTER FUNCTION away RENAME TO social_objects_event');

    my $now = $sqs->now;
    is($now->{extended}[-1], 0, 'the message is given back');
    is("$now->{messages} $now->{hidden}", '1 0', 'so that others get it at once');
    $sqs->purge;
};


subtest 'the policy of conf/aws' => sub {
    open my $f, '<', 'conf/aws/events/worker-policy.json' or die;
    local $/;
    my $policy = JSON::PP::decode_json(<$f>);

    my %allowed = map { s/^sqs://r => 1 } @{ $policy->{Statement}[0]{Action} };
    my %used = map { s/Batch$//r => 1 } keys %{ $sqs->now->{actions} };

    is_deeply(\%used, \%allowed, 'allows what is called, and nothing else');
};


subtest 'mistakes' => sub {
    my @all = (
        [ 'sqs x { }', 'sqs x: url' ],
        [ 'sqs x { url = "ftp://x/y" }', 'sqs x: url' ],
        [ 'sqs x { url = "https://sqs.eu-west-1.amazonaws.com/" }',
          'sqs x: url' ],
        [ 'sqs x { url = "http://localhost/1/q" }', 'sqs x: region' ],
        [ 'sqs x { url = "https://sqs.eu-west-1.amazonaws.com/1/q"
          credentials = "nowhere" }', 'sqs x: credentials' ],
        [ 'sqs x { url = "https://sqs.eu-west-1.amazonaws.com/1/q"
          wait = "21s" }', 'sqs x: wait' ],
        [ 'sqs x { url = "https://sqs.eu-west-1.amazonaws.com/1/q"
          visibility = "13h" }', 'sqs x: visibility' ],
        [ 'sqs x { url = "https://sqs.eu-west-1.amazonaws.com/1/q"
          endpoint = "http://localhost/x" }', 'sqs x: endpoint' ],
        [ 'job x { kind = "pic" }', 'job x: bucket' ],
        [ 'job x { bucket = "raw" }', 'job x: kind' ],
        [ 'job x { bucket = "raw" kind = "k" prefix = "/a" }',
          'job x: prefix' ],
        [ 'job x { bucket = "raw" kind = "k" queue = "' . 'q' x 65 . '" }',
          'job x: queue' ],
    );

    for (@all) {
        my ($lines, $where) = @$_;
        conf(more => "$lines\n");
        my ($status, $out) = $w->command('check');
        like($out, qr/"where":"\Q$where\E"/, $where);
        is($status, 1, 'exit status');
    }

    conf(sqs => { url => "http://127.0.0.1:$sqs->{port}/1/other" });
    like(($w->command('check'))[1], qr/^wrong  sqs uploads: .*403, Unrecog/m,
         'a queue that is not there');
};

done_testing();
