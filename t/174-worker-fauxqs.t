#!/usr/bin/perl

# social-worker with fauxqs, an emulator of SQS and SNS that is not ours: the
# queue of conf/aws, a topic that it is subscribed to, and its redrive policy.

use strict;
use warnings;

use lib 't/lib';

use IPC::Open2 qw( open2 );
use JSON::PP ();
use SocialEvents qw( aws records );
use SocialNode qw( node );
use SocialWorker;
use Test::More;

my $node = node();

plan skip_all => 'SKIPPED: fauxqs is not installed; scripts/deps-npm does it'
    if !$node || !-e 'build/npm/fauxqs/stamp';

my $w = SocialWorker->new
    or plan skip_all => 'social-worker or PostgreSQL is not there: run '
        . '"make deps"';

my $pid = open2(my $out, my $in, $node, 'build/npm/fauxqs/queue.mjs');
chomp(my $port = <$out> // '') or die "fauxqs does not start\n";

my $json = JSON::PP->new->canonical->utf8;

sub call {
    my ($service, $action, $what) = @_;

    my $body = $json->encode($what);
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "fauxqs: $!\n";
    my ($type, $text) = ('application/x-amz-json-1.0', $body);

    # SNS has forms, and answers with XML
    if ($service eq 'sns') {
        $type = 'application/x-www-form-urlencoded';
        $text = join '&', "Action=$action", 'Version=2010-03-31', map {
            my $value = $what->{$_};
            $value =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
            "$_=$value"
        } sort keys %$what;
    }

    print {$socket} join "\r\n", 'POST / HTTP/1.1', "Host: 127.0.0.1:$port",
        "Content-Type: $type", 'Connection: close',
        ($service eq 'sqs' ? "X-Amz-Target: AmazonSQS.$action" : ()),
        'Content-Length: ' . length $text, '', $text;
    $socket->flush;

    local $/;
    my ($head, $answer) = split /\r\n\r\n/, <$socket>, 2;
    $head =~ m{^HTTP/1.1 200} or die "$action: $head\n$answer\n";

    return $service eq 'sns' ? $answer : $json->decode($answer || '{}');
}

sub document {
    open my $f, '<', "conf/aws/events/$_[0].json" or die "$_[0]: $!";
    local $/;
    return $json->decode(<$f>);
}

sub arn {
    return call('sqs', 'GetQueueAttributes', { QueueUrl => $_[0],
        AttributeNames => ['QueueArn'] })->{Attributes}{QueueArn};
}

sub count {
    my $n = call('sqs', 'GetQueueAttributes', { QueueUrl => $_[0],
        AttributeNames => ['All'] })->{Attributes};
    return $n->{ApproximateNumberOfMessages}
        + $n->{ApproximateNumberOfMessagesNotVisible};
}

sub jobs {
    return $w->v("SELECT count(*) FROM jobs WHERE payload->>'key' = '$_[0]'");
}

my $dead = call('sqs', 'CreateQueue', { QueueName => 'uploads-dead' })
    ->{QueueUrl};

# as conf/aws has it, but for the names, and sooner

my $attributes = document('queue-attributes');
my $redrive = $json->decode($attributes->{RedrivePolicy});

is($redrive->{maxReceiveCount}, 5, 'a message may fail some times');
$redrive->{deadLetterTargetArn} = arn($dead);
$redrive->{maxReceiveCount} = '2';
$attributes->{RedrivePolicy} = $json->encode($redrive);

my $url = call('sqs', 'CreateQueue', { QueueName => 'uploads',
    Attributes => $attributes })->{QueueUrl};

my ($topic) = call('sns', 'CreateTopic', { Name => 'uploads' })
    =~ m{<TopicArn>(.*?)</TopicArn>} or die;
call('sns', 'Subscribe', { TopicArn => $topic, Protocol => 'sqs',
    Endpoint => arn($url) });

SocialWorker::spew("$w->{dir}/keys",
    "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
$w->conf(queue => 'nothing', more => <<"CONF");
sqs uploads {
    url = "$url"
    endpoint = "http://127.0.0.1:$port"
    region = "us-east-1"
    credentials = "file $w->{dir}/keys"
    visibility = "1s"
}
job pictures { bucket = "raw"  prefix = "in/"  kind = "pic" }
CONF

like(($w->command('check'))[1], qr/^ok     sqs uploads$/m,
     'the queue can be used');

my $worker = $w->worker;

for my $n (1 .. 12) {
    call('sqs', 'SendMessage', { QueueUrl => $url, MessageBody => records(
        aws(bucket => 'raw', key => "in/a+$n", seq => '01')) });
}

call('sns', 'Publish', { TopicArn => $topic, Message => records(
    aws(bucket => 'raw', key => 'in/topic', seq => '01')) });
call('sqs', 'SendMessage', { QueueUrl => $url, MessageBody => 'no event' });

ok(SocialWorker::until_true(20, sub { jobs('in/topic') }),
   'an event by a topic');
is($w->v("SELECT count(*) FROM jobs WHERE payload->>'key' LIKE 'in/a %'"), 12,
   'and those of a queue');
ok(SocialWorker::until_true(20, sub { count($dead) == 1 }),
   'what is none goes to the dead-letter queue');
is(count($url), 0, 'and all others are deleted');

my ($status, $log) = $w->stop($worker);
is($status, 0, 'the worker stops');
is(scalar(() = $log =~ /"message not usable"/g), 1, 'it was logged once');
unlike($log, qr/queue unavailable|not deleted|not extended/, 'nothing else');

close $in;
waitpid $pid, 0;

done_testing();
