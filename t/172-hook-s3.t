#!/usr/bin/perl

# "social_hook s3": events of every sender become jobs, each once; those that
# are forged, foreign or too large leave nothing, and nothing is fetched for
# them.

use strict;
use warnings;

use lib 't/lib';
use MIME::Base64 qw( encode_base64 );
use SocialEvents qw( aws minio ceph bridge records json );
use SocialHook;
use SocialNginx;
use SocialS3;
use Test::More;

my ($port, $sns_port) = map { SocialNginx::free_port() } 1, 2;
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $hooks = $ENV{TEST_NGINX_HOOKS};
my $sns = SocialEvents->sns($dir, $sns_port);
my $topic = $sns->{topic};
my ($now, $before, $other) = map { token($_) } qw( now before other );

sub token {
    open my $f, '<', "$hooks/$_[0]" or die;
    chomp(my $text = <$f>);
    return $text;
}

sub document {
    open my $f, '<', "conf/aws/events/$_[0].json" or die "$_[0]: $!";
    local $/;
    return JSON::PP::decode_json(<$f>);
}

my $by_sns = "topics=arn:aws:sns:us-east-1:1:x,$topic "
    . "sns_host=localhost:$sns_port sns_ca=$dir/our-ca.pem";

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    @{[ hook_config() ]}
    social_bucket uploads {
        bucket example-uploads;
        region eu-west-1;
        credentials file $hooks/credentials;
    }
    social_job uploads prefix=in/ kind=pic;
    social_job uploads prefix=in/deep/ kind=other queue=mine;
    server {
        listen 127.0.0.1:$port;
        location = /open { social_hook s3 insecure=on; }
        location = /signed { social_hook s3 secret=both; }
        location = /token { social_hook s3 token=both; }
        location = /sns { social_hook s3 $by_sns; }
        location = /all { social_hook s3 secret=now token=now $by_sns; }
        location = /aws { social_hook s3 topics=$topic; }
        location /store/ { social_store uploads root=$dir/root announce=on; }
    }
    server {
        listen 127.0.0.1:$sns_port ssl;
        ssl_certificate $dir/tls.pem;
        ssl_certificate_key $dir/tls.key;
        access_log $dir/logs/sns.log;
        root $dir/sns;
        location = / { return 200 "<ConfirmSubscriptionResponse/>"; }
        location /deny { return 403; }
    }
}
_EOC_

mkdir "$dir/root";
$nginx->start($port);

# The status and the body.

sub post {
    my ($path, $body, %headers) = @_;

    my $answer = SocialNginx::request($port, join "\r\n",
        "POST $path HTTP/1.1", 'Host: localhost', 'Connection: close',
        'Content-Type: text/plain; charset=UTF-8',
        'Content-Length: ' . length $body,
        (map { "$_: $headers{$_}" } sort keys %headers), '', $body);

    my ($status) = $answer =~ m{^HTTP/1.1 (\d+)} or return 'none';
    return "$status" if $status == 204;
    my ($text) = $answer =~ /\r\n\r\n(.*)/s;
    return "$status $text";
}

sub jobs {
    my ($key) = @_;
    return $pg->value("SELECT count(*) FROM jobs
                           WHERE payload->>'key' = '$key'");
}

sub rows {
    return $pg->value('SELECT (SELECT count(*) FROM jobs) + (SELECT count(*)
        FROM seen_objects) + (SELECT count(*) FROM events)');
}

sub fetched {
    my @lines = split /\n/, SocialNginx::slurp("$dir/logs/sns.log");
    return scalar @lines;
}


subtest 'senders' => sub {
    my $n = 0;

    my @all = (
        [ 'S3', records(aws(key => 'in/a+%2B.jpg', seq => '01')), 'in/a +.jpg' ],
        [ 'MinIO', json({ EventName => 's3:ObjectCreated:Put', Key => 'x',
              Records => [ minio(key => 'in%2Fminio+1', seq => '17AB') ] }),
          'in/minio 1' ],
        [ 'Ceph', records(ceph(key => 'in/c+%2B', seq => 'F7E6D75DC742D108')),
          'in/c+%2B' ],
        [ 'EventBridge', json(bridge(key => 'in/e+%2B', seq => '01')),
          'in/e+%2B' ],
    );

    for (@all) {
        my ($name, $body, $key) = @$_;

        is(post('/open', $body), 204, $name);
        is(jobs($key), 1, 'a job');
        is(post('/open', $body), 204, 'once more');
        is(jobs($key), 1, 'is none');
    }

    is(post('/open', json({ Service => 'Amazon S3', Event => 's3:TestEvent' })),
       204, 'a test event');
    is(post('/open', $sns->message(Message => records(aws(key => 'in/open',
        seq => '01')), Signature => 'forged')), 204, 'an envelope');
    is(jobs('in/open'), 1, 'which is opened');
};


subtest 'records' => sub {
    is(post('/open', records(
        aws(key => 'in/deep/1', seq => '01'), aws(key => 'out/1', seq => '01'),
        aws(key => 'in/2', seq => '05'), aws(key => 'in/2', seq => '04'),
        aws(key => 'in/3', seq => '05', bucket => 'other'),
        aws(key => 'in/4', seq => '05', name => 'ObjectTagging:Put'))), 204,
       'several in a request');

    is($pg->value("SELECT kind || ' ' || queue FROM jobs
                       WHERE payload->>'key' = 'in/deep/1'"), 'other mine',
       'the rule with the longest prefix');
    is($pg->value("SELECT string_agg(object_key || ' ' || outcome, ', '
                       ORDER BY object_key COLLATE \"C\") FROM seen_objects
                       WHERE object_key IN ('in/2', 'in/3', 'in/4', 'out/1')"),
       'in/2 queued, in/3 ignored, out/1 ignored',
       'all others are noted, and ignored');
    is(jobs('in/2'), 1, 'one of two, since they are sorted');

    post('/open', records(aws(key => 'in/2', seq => '03')));
    is(jobs('in/2'), 1, 'one that is late');

    post('/open', records(aws(key => 'in/2', seq => '06', etag => 'f')));
    is(jobs('in/2'), 2, 'and one that is new');

    post('/open', records(aws(key => 'in/5', seq => '02',
                              name => 'ObjectRemoved:Delete')));
    post('/open', records(aws(key => 'in/5', seq => '01')));
    is(jobs('in/5'), 0, 'an object that is not there any more');

    $pg->value("SELECT social_upload_create(
        '00000000-0000-4000-8000-000000000001', 'i', 'u', 'u', 'post',
        'example-uploads', 'raw/u/1', 'image/jpeg', 5, NULL, '5 minutes')");
    post('/open', records(aws(key => 'raw/u/1', seq => '01', etag => 'e1')));
    is($pg->value("SELECT state || etag FROM uploads"), 'storede1',
       'an upload is stored');
};


subtest 'refused with a reason' => sub {
    my $rows = rows();

    my @all = (
        [ 'not JSON', '{', '400' ],
        [ 'nested 1000 deep', '{"Records":' . '[' x 1000 . ']' x 1000 . '}',
          400 ],
        [ '10,000 records', '{"Records":[' . join(',', ('{}') x 10000) . ']}',
          '422 {"message":"Records must have at most 1000 records",' ],
        [ 'no records', '{}', '422 {"message":"Records must be' ],
        [ 'another version', '{"Records":[{"eventVersion":"3.0"}]}',
          '422 {"message":"Records.eventVersion must be 2 and' ],
        [ 'a key that is none', records(aws(key => 'in/%', seq => '01')),
          '422 {"message":"object.key must be the key' ],
        [ 'one bad of two', records(aws(key => 'in/good', seq => '01'),
                                    aws(key => '', seq => '01')), '422' ],
        [ 'an envelope in an envelope', $sns->message(Message =>
              $sns->message(Message => '{}')),
          '422 {"message":"Message must be an event of S3"' ],
        [ 'another service', json(bridge(key => 'in/x', source => 'mine')),
          '422 {"message":"source must be aws.s3"' ],
        [ 'a subscription', $sns->confirmation, '403' ],
    );

    for (@all) {
        my ($name, $body, $expected) = @$_;
        like(post('/open', $body), qr/^\Q$expected\E/, $name);
    }

    my $large = '{"Records":[' . ' ' x (256 * 1024 - 14) . ']}';
    is(post('/open', $large), 204, '256 KB');
    like(post('/open', "$large "), qr/^413/, 'and one byte more');
    like(SocialNginx::request($port, "GET /open HTTP/1.0\r\n\r\n"),
         qr/ 405 .*\nAllow: POST\r/s, 'GET');

    is(rows(), $rows, 'and nothing is stored');
    is(fetched(), 0, 'nor fetched');
};


subtest 'signed webhooks' => sub {
    my $body = records(aws(key => 'in/signed', seq => '01'));
    my $rows = rows();

    my %good = webhook($body) =~ /^(\S+): (.*)$/mg;
    my %forged = webhook($body, secret => 'other') =~ /^(\S+): (.*)$/mg;

    like(post('/signed', $body), qr/^401/, 'no signature');
    like(post('/signed', $body, %forged), qr/^401/, 'a forged one');
    like(post('/signed', '{', %forged), qr/^401/, 'whatever was sent');
    like(post('/signed', "$body ", %good), qr/^401/, 'of another body');
    is(rows(), $rows, 'nothing is stored');
    is(post('/signed', $body, %good), 204, 'a good one');
    is(jobs('in/signed'), 1, 'a job');
    like(post('/signed', '{', webhook('{') =~ /^(\S+): (.*)$/mg), qr/^400/,
         'who is known learns what is wrong');
};


subtest 'tokens' => sub {
    my $rows = rows();
    my $body = records(aws(key => 'in/token', seq => '01'));

    my @bad = (
        [], [ Authorization => "Bearer $other" ], [ Authorization => '' ],
        [ Authorization => 'Bearer' ], [ Authorization => 'Bearer x' ],
        [ Authorization => 'Basic ' . encode_base64("u:$other", '') ],
        [ Authorization => 'Basic ' . encode_base64("$now:", '') ],
        [ 'X-Api-Key' => $other ], [ 'X-Api-Key' => substr $now, 6 ],
        [ 'X-Other' => $now ],
    );

    like(post('/token', $body, @$_), qr/^401/, "@$_") for @bad;
    like(post('/token', '{', 'X-Api-Key' => $other), qr/^401/,
         'whatever was sent');
    like(post('/token', records(ceph(key => 'in/ceph', seq => '01',
         opaque => $other))), qr/^401/, 'opaque data');
    like(post('/token', records(
            ceph(key => 'in/ceph', seq => '01', opaque => $now),
            aws(key => 'in/ceph2', seq => '01'))), qr/^401/, 'of one of two');
    is(rows(), $rows, 'nothing is stored');

    my @good = (
        [ Authorization => "Bearer $now" ], [ Authorization => "bearer $now" ],
        [ Authorization => $now ], [ Authorization => "Bearer $before" ],
        [ Authorization => 'Basic ' . encode_base64("u:$now", '') ],
        [ 'X-Api-Key' => $now ],
    );

    is(post('/token', $body, @$_), 204, $_->[0] . ' ' . substr $_->[1], 0, 7)
        for @good;
    is(jobs('in/token'), 1, 'a job');
    is(post('/token', records(ceph(key => 'in/ceph', seq => '01',
        opaque => $now))), 204, 'opaque data of Ceph');
    is(jobs('in/ceph'), 1, 'a job');
    unlike($nginx->error_log, qr/\Q$now\E|\Q$other\E/, 'none is logged');
};


subtest 'SNS: refused' => sub {
    my $rows = rows();
    my $event = records(aws(key => 'in/sns', seq => '01'));
    my $base = "https://localhost:$sns_port";

    my @unfetched = (
        [ 'no envelope', $event, 401 ],
        [ 'a foreign topic', $sns->message(Message => $event,
              TopicArn => 'arn:aws:sns:eu-west-1:666:uploads'), 403 ],
        [ 'an old message', $sns->message(Message => $event,
              _time => time - 7000), 403 ],
        [ 'one of tomorrow', $sns->message(Message => $event,
              _time => time + 86400), 403 ],
        [ 'a host of the sender', $sns->message(Message => $event,
              SigningCertURL => 'https://evil.example/good.pem'), 403 ],
        [ 'another port', $sns->message(Message => $event,
              SigningCertURL => "https://localhost:$port/good.pem"), 403 ],
        [ 'plain http', $sns->message(Message => $event, SigningCertURL =>
              "http://localhost:$sns_port/good.pem"), 403 ],
        [ 'AWS, where that is not SNS', $sns->message(Message => $event,
              SigningCertURL => 'https://sns.eu-west-1.amazonaws.com/a.pem'),
          403 ],
        [ 'version 3', $sns->message(Message => $event, _forge => {
              SignatureVersion => '3' }), '422' ],
        [ 'no signature', $sns->message(Message => $event, _forge => {
              Signature => undef }), '422' ],
        [ 'a subscription elsewhere', $sns->confirmation(SubscribeURL =>
              'https://evil.example/?Action=ConfirmSubscription&Token=1'),
          403 ],
        [ 'another action', $sns->confirmation(SubscribeURL =>
              "$base/?Action=DeleteTopic&Token=1"), 403 ],
        [ 'a subscription to a foreign topic', $sns->confirmation(
              TopicArn => 'arn:aws:sns:eu-west-1:666:uploads'), 403 ],
    );

    for (@unfetched) {
        my ($name, $body, $status) = @$_;
        like(post('/sns', $body), qr/^$status/, $name);
    }

    is(fetched(), 0, 'nothing is fetched for those');

    my @fetched = (
        [ 'forged', $sns->message(Message => '{}', _forge => {
              Message => $event }) ],
        [ 'signed by another key', $sns->message(Message => $event,
              _by => 'foreign', SigningCertURL => "$base/good.pem") ],
        [ 'signed as version 2 says', $sns->message(Message => $event,
              _version => 2, _forge => { SignatureVersion => '1' }) ],
        [ 'a forged subscription', $sns->confirmation(_forge => {
              Token => 'other' }) ],
    );

    for (@fetched) {
        my ($name, $body) = @$_;
        like(post('/sns', $body), qr/^403/, $name);
    }

    is(fetched(), 1, 'the certificate is fetched once');

    like(post('/sns', $sns->message(Message => $event, _by => 'foreign')),
         qr/^403/, 'a foreign certificate');
    like(post('/sns', $sns->message(Message => $event, _by => 'other')),
         qr/^403/, 'one for another name');
    like(post('/sns', $sns->message(Message => $event,
         SigningCertURL => "$base/none.pem")), qr/^503/,
         'one that cannot be had is our fault');
    like($nginx->error_log, qr/could not use the certificate of SNS/,
         'which is logged');

    is(rows(), $rows, 'nothing is stored');
    unlike(SocialNginx::slurp("$dir/logs/sns.log"), qr/Action=/,
           'nor confirmed');
};


subtest 'SNS' => sub {
    my $before = fetched();

    for my $version (1, 2) {
        my $event = records(aws(key => "in/sns$version", seq => '01'));
        my $body = $sns->message(Message => $event, _version => $version,
            $version == 2 ? (Subject => "Amazon S3 \x{2192} \"x\"\n") : ());

        is(post('/sns', $body), 204, "signature version $version");
        is(post('/sns', $body), 204, 'once more');
        is(jobs("in/sns$version"), 1, 'one job');
    }

    is(post('/sns', $sns->message(Message =>
        '{"Service":"Amazon S3","Event":"s3:TestEvent"}')), 204, 'a test event');
    like(post('/sns', $sns->message(Message => 'hello')), qr/^400/,
         'no event of S3');

    is(fetched(), $before, 'the certificate is kept');

    is(post('/sns', $sns->confirmation), 204, 'a subscription');
    like(SocialNginx::slurp("$dir/logs/sns.log"),
         qr{"GET /\?Action=ConfirmSubscription&TopicArn=\Q$topic\E&Token=2336 },
         'is confirmed');
    like($nginx->error_log, qr/confirmed the subscription to topic "\Q$topic\E"/,
         'and logged');
    unlike($nginx->error_log, qr/Token=|2336/, 'without its token');

    is(post('/sns', $sns->message(Type => 'UnsubscribeConfirmation',
        Token => '1', SubscribeURL => "https://localhost:$sns_port/?x")), 204,
       'the end of one');
    like($nginx->error_log, qr/the subscription to topic "\S+" has ended/,
         'is logged');

    like(post('/sns', $sns->confirmation(SubscribeURL =>
        "https://localhost:$sns_port/?Action=ConfirmSubscription&x=" . 'y' x 9000)),
        qr/^403/, 'an URL that is too long');
};


subtest 'all senders at one location' => sub {
    is(post('/all', records(aws(key => 'in/all1', seq => '01')),
            Authorization => $now), 204, 'a token');
    my $body = records(aws(key => 'in/all2', seq => '01'));
    is(post('/all', $body, webhook($body) =~ /^(\S+): (.*)$/mg), 204,
       'a signature');
    is(post('/all', $sns->message(Message => records(
        aws(key => 'in/all3', seq => '01')))), 204, 'SNS');
    is(jobs("in/all$_"), 1, 'a job') for 1 .. 3;

    like(post('/all', $sns->message(Message => records(
        aws(key => 'in/all4', seq => '01')), _forge => { Message => '{}' }),
        Authorization => $now), qr/^403/, 'a token does not sign for SNS');
    like(post('/all', $body), qr/^401/, 'nobody');
    like(post('/aws', $sns->message(Message => $body)), qr/^403/,
         'by default SNS is that of AWS');
};


subtest 'objects of the store' => sub {
    my $s3 = SocialS3->new(port => $port, base => '/store/example-uploads',
                           access_key => 'local', secret => 'local');

    for my $body (qw( one one two )) {
        is($s3->request(PUT => '/in/store%20d', body => $body)->{status}, 200,
           $body);
    }

    is($s3->request(PUT => '/out/store', body => 'x')->{status}, 200, 'another');

    ok(SocialNginx::wait_for(10, sub { jobs('in/store d') >= 2 }),
       'with a rule they are jobs');
    is($pg->value("SELECT string_agg(payload->>'size' || kind, ' ')
                       FROM jobs WHERE payload->>'key' = 'in/store d'"),
       '3pic 3pic 3pic', 'each of them');
    like($pg->value("SELECT sequencer FROM seen_objects
                         WHERE object_key = 'in/store d'"), qr/^0[0-9A-F]*[1-9A-F]$/,
         'with a sequencer');
    is(jobs('out/store'), 0, 'and without a rule they are none');
};


subtest 'the documents of conf/aws' => sub {
    my %names = (
        'ObjectCreated:*' => [ map { "ObjectCreated:$_" }
            qw( Put Post Copy CompleteMultipartUpload ) ],
        'ObjectRemoved:*' => [ map { "ObjectRemoved:$_" }
            qw( Delete DeleteMarkerCreated ) ],
    );

    my ($queue, $topics) = map { document("notification-$_") } qw( queue topic );
    my @events = (@{ $queue->{QueueConfigurations}[0]{Events} },
                  @{ $topics->{TopicConfigurations}[0]{Events} });

    is(scalar(grep { !$names{ s/^s3://r } } @events), 0,
       'events that there are');

    my $n = 0;

    for my $name (map { @{ $names{ s/^s3://r } } } @events) {
        my $key = 'in/doc' . ++$n;
        is(post('/token', records(aws(key => $key, seq => '01', name => $name)),
                'X-Api-Key' => $now), 204, $name);
        is($pg->value("SELECT present FROM seen_objects
                           WHERE object_key = '$key'"),
           $name =~ /Created:/ && $name !~ /Marker/ ? 't' : 'f', 'is known');
    }

    is($topics->{TopicConfigurations}[0]{TopicArn}, $topic, 'the topic');
    is(document('subscription')->{TopicArn}, $topic, 'and of the subscription');
    is(document('subscription')->{Attributes}{RawMessageDelivery}, 'false',
       'which is not raw: such messages have no signature');
    is(document('topic-policy')->{Statement}[0]{Resource}, $topic,
       'and of the policy');

    my $header = document('eventbridge-connection')->{AuthParameters}
        {ApiKeyAuthParameters}{ApiKeyName};
    my $pattern = JSON::PP::decode_json(
        document('eventbridge-rule')->{EventPattern});

    for my $name (@{ $pattern->{'detail-type'} }) {
        is(post('/token', json(bridge(key => "in/$name", seq => '01',
            name => $name, source => $pattern->{source}[0],
            bucket => $pattern->{detail}{bucket}{name}[0])),
            $header => $now), 204, "$name of EventBridge");
        is($pg->value("SELECT present FROM seen_objects
                           WHERE object_key = 'in/$name'"),
           $name =~ /Created/ ? 't' : 'f', 'is known');
    }

    # each document has the names of the others, and the path that is documented

    is_deeply(document('notification-eventbridge'),
              { EventBridgeConfiguration => {} },
              'a bucket says all of its events to EventBridge');

    my $to = document('eventbridge-destination');
    my ($target) = @{ document('eventbridge-targets')->{Targets} };
    my $dead = 'arn:aws:sqs:eu-west-1:123456789012:uploads-dead';

    is($to->{ConnectionArn} =~ s{.*/}{}r,
       document('eventbridge-connection')->{Name}, 'its connection');
    is($to->{HttpMethod}, 'POST', 'by POST');
    my ($path) = $to->{InvocationEndpoint} =~ m{\Ahttps://[^/]+(/.*)};
    is(document('subscription')->{Endpoint}, $to->{InvocationEndpoint},
       'to where SNS sends, too');
    like(SocialNginx::slurp('docs/directives/hooks.md'),
         qr/^location = \Q$path\E \{\n    social_hook s3 /m,
         'which is a location of the documentation');
    is(document('eventbridge-targets')->{Rule},
       document('eventbridge-rule')->{Name}, 'the target is of the rule');
    like($target->{Arn}, qr{:api-destination/\Q$to->{Name}\E/}, 'it is this');

    my $may = document('eventbridge-policy')->{Statement}[0];
    is($may->{Action}, 'events:InvokeApiDestination', 'its role may call it');
    like($target->{Arn}, qr/\A\Q@{[ $may->{Resource} =~ s{\*\z}{}r ]}\E/,
         '... and nothing else');
    is(document('eventbridge-trust')->{Statement}[0]{Principal}{Service},
       'events.amazonaws.com', '... as EventBridge');

    my %from = map { $_->{Principal}{Service} => $_ } @{ JSON::PP::decode_json(
        document('dead-queue-attributes')->{Policy})->{Statement} };

    is($from{"$_.amazonaws.com"}{Resource}, $dead, "$_ may send to the dead")
        for qw( sns events );
    is($from{'sns.amazonaws.com'}{Condition}{ArnEquals}{'aws:SourceArn'},
       $topic, '... of the topic');
    like($from{'events.amazonaws.com'}{Condition}{ArnEquals}{'aws:SourceArn'},
         qr{:rule/\Q@{[ document('eventbridge-rule')->{Name} ]}\E\z},
         '... of the rule');
    is($target->{DeadLetterConfig}{Arn}, $dead, 'which the rule does');
    is(JSON::PP::decode_json(document('subscription')->{Attributes}
       {RedrivePolicy})->{deadLetterTargetArn}, $dead, '... and the topic');
    is(JSON::PP::decode_json(document('queue-attributes')->{RedrivePolicy})
       ->{deadLetterTargetArn}, $dead, '... and the queue');
};


subtest 'our faults are 5xx, and lose nothing' => sub {
    my $body = records(aws(key => 'in/away', seq => '01'));

    $pg->value('ALTER FUNCTION social_objects_event RENAME TO away');
    like(post('/open', $body), qr/^500/, 'a function that is missing');
    $pg->value('ALTER FUNCTION away RENAME TO social_objects_event');

    my $pid = fork // die;

    if (!$pid) {
        $pg->attempt('BEGIN; LOCK seen_objects; SELECT pg_sleep(3);');
        POSIX::_exit(0);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'PgSleep'", 1);
    like(post('/open', $body), qr/^503/, 'a lock');
    is(jobs('in/away'), 0, 'none of it is there');
    waitpid $pid, 0;

    is(post('/open', $body), 204, 'sent once more');
    is(jobs('in/away'), 1, 'it is');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no alerts');

$nginx->stop;
done_testing();
