#!/usr/bin/perl

# Jobs of an application: kinds whose handler is an HTTP endpoint, and the
# commands for operators.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( hmac_sha256 );
use JSON::PP ();
use MIME::Base64 qw( decode_base64 encode_base64 );
use Test::More;
use Time::HiRes qw( sleep time );

use SocialNginx;
use SocialWorker;

# An endpoint: what the payload says is what it does.  What it got is in the
# file "posts", an object of JSON a line.

my %secrets = (
    new => 'whsec_' . encode_base64('n' x 32, ''),
    old => 'whsec_' . encode_base64('o' x 32, ''),
);

my $w = SocialWorker->new(answer => sub {
    my ($self, $socket, $request) = @_;

    return 0 if $request->{path} !~ m{\A/jobs/};

    my $posts = "$self->{dir}/posts";
    open my $f, '>>', $posts or die "posts: $!";
    syswrite $f, JSON::PP->new->canonical->encode($request) . "\n";
    close $f;

    my ($do) = $request->{body} =~ /"do": *"([^"]*)"/;
    $do //= '';
    my $n = () = SocialWorker::slurp($posts) =~ /do\\": \\"\Q$do\E\\"/g;

    sleep 8 if $do =~ /hang/;

    my ($status) = $do =~ /status-(\d+)/;
    $status = 200 if !$status || $do =~ /once/ && $n > 1;
    my @headers = $do =~ /after-(\w+)/ ? "Retry-After: $1" : ();
    push @headers, "Location: http://$request->{headers}{host}/jobs/x"
        if $status == 302;

    print {$socket} join "\r\n", "HTTP/1.1 $status X", 'Connection: close',
        @headers, '', $do =~ /large/ ? '' : "said $do\nand more";
    $socket->flush;

    if ($do =~ /large/) {
        local $SIG{PIPE} = 'IGNORE';
        my $sent = 0;

        for (1 .. 2000) {
            my $n = syswrite($socket, 'x' x 65536) or last;
            $sent += $n;
        }

        SocialWorker::spew("$self->{dir}/sent/$do", $sent);
    }

    $socket->flush;
    return 1;

}) or plan skip_all => 'social-worker or PostgreSQL is not there: run '
    . '"make deps"';

my $port = $w->{buckets}{port};
my $dir = $w->{dir};

SocialWorker::spew("$dir/$_", "$secrets{$_}\n") for keys %secrets;

sub kinds {
    return <<"CONF";
kind mail {
    url = "http://127.0.0.1:$port/jobs/mail"
    secret = {"file $dir/new", "file $dir/old"}
    time_limit = "3s"
}
kind nobody {
    url = "http://127.0.0.1:1/"
    secret = {"file $dir/new"}
}
CONF
}

$w->conf(queue => 'default', more => kinds());

sub add {
    my ($do, $more) = @_;
    return $w->v("SELECT social_job_add('mail', '{\"do\": \"$do\"}'"
        . ($more // '') . ')');
}

sub job { return $w->v("SELECT $_[1] FROM jobs WHERE id = $_[0]") }

sub posts {
    my ($do) = @_;
    return grep { $_->{body} =~ /"\Q$do\E"/ }
        map { JSON::PP::decode_json($_) }
        split /\n/, SocialWorker::slurp("$dir/posts");
}

sub signature {
    my ($post, $secret) = @_;

    my ($key) = $secret =~ /whsec_(.*)/;
    my $h = $post->{headers};

    return 'v1,' . encode_base64(hmac_sha256(
        "$h->{'webhook-id'}.$h->{'webhook-timestamp'}.$post->{body}",
        decode_base64($key)), '');
}


subtest 'a job that an application adds' => sub {
    my $id = add('it');
    my ($rc, $log) = $w->command('once');

    is($rc, 0, 'once');
    is(job($id, 'state'), 'done', 'it is done') or diag($log);
    my @posts = posts('it');
    is(scalar @posts, 1, 'by one request');

    my $post = $posts[0];
    my $h = $post->{headers};
    is("$post->{method} $post->{path}", 'POST /jobs/mail', 'to the URL');
    is($post->{body}, '{"do": "it"}', 'of the payload');
    is($h->{'content-type'}, 'application/json', 'as JSON');
    is($h->{'webhook-id'}, "job_$id", 'with its id');
    cmp_ok(abs(time - $h->{'webhook-timestamp'}), '<', 60, 'the time');
    is($h->{'webhook-attempt'}, 1, 'and the attempt');
    is($h->{'webhook-signature'}, join(' ', map { signature($post, $_) }
        @secrets{qw( new old )}), 'signed with both secrets');
    like($log, qr/"event":"job done","job":"$id","kind":"mail","attempt":"1","status":200/,
        'the log says so');
    unlike($log, qr/v1,|whsec/, 'and no secret');

    $id = add('not committed');
    my $end = $w->{pg}->attempt("BEGIN; SELECT social_job_add('mail',
        '{\"do\": \"never\"}'); ROLLBACK;");
    $w->command('once');
    is(scalar(posts('never')), 0, 'one that was rolled back never is');
};


subtest 'the trace of a job' => sub {
    my $parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

    $w->v("SELECT social_job_add('mail',
        '{\"do\": \"traced\", \"traceparent\": \"$parent\"}')");
    $w->v(q{SELECT social_job_add('mail',
        '{"do": "untraced", "traceparent": "00-x\r\na: b"}')});
    $w->command('once');

    is((posts('traced'))[0]{headers}{traceparent}, $parent, 'is sent with it');
    my $h = (posts('untraced'))[0]{headers};
    ok($h->{'webhook-id'} && !exists $h->{traceparent},
       'but not one that is invalid');
};


subtest 'answers' => sub {
    my %dead = map { $_ => 1 } 400, 401, 403, 404, 410, 422, 499;
    my %jobs = map { $_ => add("status-$_") }
        keys %dead, 302, 408, 425, 429, 500, 502, 503, 599, 204, 201;

    my ($rc, $log) = $w->command('once');

    for my $status (sort keys %jobs) {
        my $wanted = $status < 300 ? 'done' : $dead{$status} ? 'dead'
            : 'scheduled';
        is(job($jobs{$status}, 'state'), $wanted, "$status: $wanted");

        # one that is tried again may have been already

        my $n = posts("status-$status");
        $wanted eq 'scheduled' ? cmp_ok($n, '>=', 1, 'after a request')
            : is($n, 1, 'after one request');
    }

    is(job($jobs{410}, 'last_error'),
        'the endpoint refused it: 410 said status-410', 'for a reason');
    is(job($jobs{503}, 'last_error'),
        'the endpoint failed: 503 said status-503', 'both');
    is(scalar(grep { $_->{path} eq '/jobs/x' } posts('status-302')), 0,
        'no redirect is followed');

    my $id = add('status-503-once');

    for (1 .. 2) {
        $w->command('once');
        $w->v("SELECT social_job_retry($id)");
    }

    is(job($id, "state || ' ' || attempt"), 'done 2',
        'one that fails once is done in the second attempt');
    my @posts = posts('status-503-once');
    is($posts[0]{headers}{'webhook-id'}, $posts[1]{headers}{'webhook-id'},
        'by the same id');
    is($posts[1]{headers}{'webhook-attempt'}, 2, 'and another attempt');
};


subtest 'Retry-After' => sub {
    my %jobs = map { $_ => add("status-503-after-$_") } 1800, 99999999, 0,
        'soon';
    $w->command('once');

    my $in = 'round(extract(epoch FROM run_at - now()))';
    cmp_ok(abs(job($jobs{1800}, $in) - 1800), '<', 60, 'is respected');
    cmp_ok(abs(job($jobs{99999999}, $in) - 86400), '<', 60, 'up to a day');
    cmp_ok(job($jobs{$_}, $in), '<', 300, "$_: as without it") for 0, 'soon';
};


subtest 'an endpoint that misbehaves' => sub {
    my ($hangs, $large, $big) = (add('hang'), add('large'),
        add('large-status-500'));
    my $gone = $w->v("SELECT social_job_add('nobody')");
    my ($rc, $log) = $w->command('once');

    like(job($hangs, "state || ' ' || last_error"),
        qr/^scheduled post: .*(timed out|Timeout)/i, 'has a limit of time');
    is(job($large, 'state'), 'done', 'what it sends besides is not read');

    # but for what is in the buffers of both ends

    for my $do ('large', 'large-status-500') {
        my $file = "$dir/sent/$do";
        ok(SocialWorker::until_true(20, sub { -s $file }), "$do: it ends");
        cmp_ok(SocialWorker::slurp($file), '<', 50_000_000, 'early');
    }
    like(job($big, "state || ' ' || last_error"),
        qr/^scheduled the endpoint failed: 500 x{200}$/, 'in either case');
    like(job($gone, "state || ' ' || last_error"), qr/^scheduled post: /,
        'one that is not there is waited for');
};


subtest 'an endpoint with TLS' => sub {
    my $tls = SocialNginx->new;
    my $ports = join ' ', my @ports = map { SocialNginx::free_port() } 1, 2;

    # certificates that name no host but "localhost", each its own authority

    for my $name (qw( ours other )) {
        system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256'
            . ' -nodes -days 2 -subj /CN=localhost'
            . ' -addext subjectAltName=DNS:localhost'
            . " -keyout $dir/$name.key -out $dir/$name.pem 2>$dir/openssl.log")
            == 0 or die SocialWorker::slurp("$dir/openssl.log");
    }

    $tls->write_file('nginx.conf', <<"_EOC_");
user root;
events { }
http {
    @{[ $tls->http_paths ]}
    server {
        listen 127.0.0.1:$ports[0] ssl;
        listen 127.0.0.1:$ports[1];
        ssl_certificate $dir/ours.pem;
        ssl_certificate_key $dir/ours.key;
        location / { return 204; }
    }
}
_EOC_
    $tls->start($ports[1]);

    my %kinds = (
        good => ['localhost', "ca = \"$dir/ours.pem\""],
        wrongca => ['localhost', "ca = \"$dir/other.pem\""],
        system => ['localhost', ''],
        host => ['127.0.0.1', "ca = \"$dir/ours.pem\""],
    );

    my $conf = $w->conf(file => 'tls.conf', queue => 'tls', more =>
        join '', map { <<"CONF" } sort keys %kinds);
kind $_ {
    url = "https://$kinds{$_}[0]:$ports[0]/jobs/$_"
    secret = {"file $dir/new"}
    $kinds{$_}[1]
}
CONF

    my %jobs = map { $_ => $w->v("SELECT social_job_add('$_', '{}', 'tls')") }
        keys %kinds;
    my $log = `$w->{program} -c $conf once 2>&1`;

    is(job($jobs{good}, "state || ' ' || coalesce(last_error, '')"), 'done ',
        'verified with its "ca"') or diag($log);

    my %why = (wrongca => qr/certificate/, system => qr/certificate/,
        host => qr/no alternative certificate subject name|does not match/);

    for my $kind (sort keys %why) {
        like(job($jobs{$kind}, "state || ' ' || last_error"),
            qr/^scheduled post: .*$why{$kind}/, "not: $kind");
    }

    my $access = SocialNginx::slurp("$tls->{dir}/logs/access.log");
    like($access, qr{"POST /jobs/good }, 'one request came');
    unlike($access, qr{/jobs/(?!good)}, 'and no other');
};


subtest 'configurations' => sub {
    my %wrong = (
        'kind x { url = "http://127.0.0.1/" }' => qr/kind x: secret.*one or two/,
        qq(kind x { url = "http://example.com/" secret = {"file $dir/new"} })
            => qr/kind x: url/,
        qq(kind x { url = "ftp://127.0.0.1/" secret = {"file $dir/new"} })
            => qr/kind x: url/,
        'kind x { url = "https://a/" secret = {"file /nonexistent"} }'
            => qr/kind x: secret","error":"No such file/,
        'kind x { url = "https://a/" secret = {"env NOT_THERE"} }'
            => qr/kind x: secret","error":"there is no such variable/,
        'kind x { url = "https://a/" secret = {"whsec_abc"} }'
            => qr/it is \\"file PATH\\" or \\"env NAME\\"/,
        qq(kind x { url = "https://a/" secret = {"file $dir/worker.conf"} })
            => qr/whsec_/,
        qq(kind x { url = "https://a/" secret = {"file $dir/new"} ca = "/none" })
            => qr/kind x: ca/,
        qq(kind x { url = "https://a/" secret = {"file $dir/new"}
            output = "assets" }) => qr/kind x: output/,
        'kind x { variants = {"small"} output = "assets" ca = "/x" }'
            => qr/kind x: url.*are of kinds with/,
    );

    for my $more (sort keys %wrong) {
        $w->conf(file => 'wrong.conf', more => "$more\n");
        my $out = `$w->{program} -c $dir/wrong.conf check 2>&1`;
        isnt($?, 0, "refused: $more");
        like($out, $wrong{$more}, 'and said why');
        unlike($out, qr/nnnn|bm5u/, 'without a secret');
    }

    local $ENV{MAIL_SECRET} = $secrets{old};
    my $conf = $w->conf(file => 'env.conf', queue => 'default', more =>
        qq(kind mail { url = "http://127.0.0.1:$port/jobs/mail"
           secret = {"env MAIL_SECRET"} }\n));
    my $id = add('by the environment');
    `$w->{program} -c $conf once 2>&1`;
    my ($post) = posts('by the environment');
    is($post->{headers}{'webhook-signature'}, signature($post, $secrets{old}),
        'a secret of the environment');
};


subtest 'schedules' => sub {
    my %wrong = (
        'every = "1h"' => qr/schedule x: kind.*name of up to 64 bytes/,
        'kind = "mail"' => qr/schedule x: every.*\\"0\\" is not in 1000 to/,
        'kind = "mail" every = "999ms"' => qr/schedule x: every/,
        'kind = "mail" every = "367d"' => qr/schedule x: every/,
        'kind = "mail" every = "1h" payload = "[]"'
            => qr/schedule x: payload.*not an object/,
        'kind = "mail" every = "1h" payload = "{"'
            => qr/schedule x: payload.*not an object/,
        'kind = "mail" every = "1h" start = "2026-01-01"'
            => qr/schedule x: start.*not a time/,
        'kind = "mail" every = "1h" start = "2026-01-01 24:00"'
            => qr/schedule x: start.*not a time/,
        'kind = "mail" every = "1h" start = "2026-13-01 03:00"'
            => qr/schedule x: start.*not a time/,
        'kind = "mail" every = "1h" priority = "-1"'
            => qr/schedule x: priority/,
        'kind = "' . 'k' x 65 . '" every = "1h"' => qr/schedule x: kind/,
        'kind = "mail" every = "1h" often = 1' => qr/no such option 'often'/,
    );

    for my $lines (sort keys %wrong) {
        $w->conf(file => 'wrong.conf', more => "schedule x { $lines }\n");
        my $out = `$w->{program} -c $dir/wrong.conf check 2>&1`;
        isnt($?, 0, "refused: $lines");
        like($out, $wrong{$lines}, 'and said why');
    }

    my $sections = sub {
        my ($every) = @_;
        return kinds() . <<"CONF";
schedule soon {
    kind = "mail"
    every = "$every"
    payload = '{"do": "again"}'
}
schedule later {
    kind = "mail"
    queue = "elsewhere"
    every = "1d"
    priority = 7
    start = "2999-07-01 03:00"
    zone = "Europe/Berlin"
}
schedule nowhere {
    kind = "mail"
    every = "1d"
    zone = "Nowhere"
}
CONF
    };

    my $conf = $w->conf(file => 'schedules.conf', queue => 'default',
        more => $sections->('1h'));
    my @pids = map { $w->worker(conf => $conf) } 1, 2;

    ok(SocialWorker::until_true(60, sub { posts('again') }),
        'the first one is due at once');
    my $set = "SELECT string_agg(concat_ws(' ', name, kind, queue, priority,
        every, zone), ', ' ORDER BY name) FROM job_schedules";
    is($w->v($set), 'later mail elsewhere 7 24:00:00 Europe/Berlin,'
        . ' soon mail default 100 01:00:00 UTC', 'both are set');
    is($w->v("SELECT next_at AT TIME ZONE 'Europe/Berlin' FROM job_schedules
        WHERE name = 'later'"), '2999-07-01 03:00:00', 'at three in summer');
    ok($w->logged($pids[$_], qr/"statement failed".*social_schedule_set.*time zone \\"Nowhere\\" not recognized/),
        'a zone that does not exist is logged') for 0, 1;

    $w->conf(file => 'schedules.conf', queue => 'default',
        more => $sections->('2h'));
    kill 'HUP', $pids[0];
    is($w->{pg}->wait_for("SELECT every FROM job_schedules
        WHERE name = 'soon'", '02:00:00'), '02:00:00', 'changed at SIGHUP');

    is(($w->stop($_))[0], 0, 'the worker leaves') for @pids;
    like((posts('again'))[0]{body}, qr/"scheduled": "20/, 'with its time');
    $w->v('DELETE FROM job_schedules');
};


subtest 'jobs for people' => sub {
    $w->v("DELETE FROM jobs");
    my @dead = map { add('status-400') } 1 .. 3;
    my $other = $w->v("SELECT social_job_add('unknown')");
    my $done = add('fine');
    $w->command('once');
    my $later = add('later', ", p_run_at => now() + interval '1 day'");
    my $waits = $w->v("SELECT social_job_add('mail', '{}', 'elsewhere')");
    my $evil = $w->v("SELECT social_job_add('mail', '{\"a\": [1, null]}',
        'elsewhere')");
    $w->v("UPDATE jobs SET last_error = E'a\\tb\\nc\\x1b[31m\\u009b'
        WHERE id = $evil");

    my ($rc, $out) = $w->command('jobs');
    is($rc, 0, 'list');
    is(join(',', sort map { (split /\t/)[0] } split /\n/, $out),
        join(',', sort @dead, $other, $later, $waits, $evil),
        'all that are not done');
    like($out, qr/^$dead[0]\tdead\tdefault\tmail\t1\t\S+ \S+\tthe endpoint refused it: 400 said status-400$/m,
        'by lines');
    like($out, qr/^$evil\t.*\ta\?b\?c\?\[31m\?$/m,
        'with no commands of a terminal');

    my %lists = (
        '--state dead' => [@dead, $other],
        '--state=done' => [$done],
        '--state scheduled' => [$later],
        '--kind unknown' => [$other],
        '--queue elsewhere' => [$waits, $evil],
        '--state dead --error refused' => \@dead,
        "--error '^no section'" => [$other],
        '--state all --since 1h --kind unknown' => [$other],
        '--since 2999-01-01' => [],
        '--state dead --limit 2' => [@dead[0, 1]],
    );

    for my $filter (sort keys %lists) {
        ($rc, $out) = $w->command("jobs list $filter");
        is(join(',', map { (split /\t/)[0] } split /\n/, $out),
            join(',', @{ $lists{$filter} }), $filter);
    }

    ($rc, $out) = $w->command('jobs list --json --queue elsewhere');
    my @rows = map { JSON::PP::decode_json($_) } split /\n/, $out;
    is($rows[1]{id}, $evil, 'as JSON, an object a line');
    is($rows[1]{kind}, 'mail', 'with names');

    ($rc, $out) = $w->command('jobs list --table --queue elsewhere');
    like($out, qr/\Aid +state +queue +kind +attempt +created +error\n$waits +ready +elsewhere/,
        'as a table');

    ($rc, $out) = $w->command("jobs show $evil");
    is($rc, 0, 'show');
    like($out, qr/^payload +\{"a": \[1, null\]\}$/m, 'the payload');
    ($rc, $out) = $w->command("jobs show $evil --json");
    is(JSON::PP::decode_json($out)->{payload}{a}[0], 1, 'as JSON');

    ($rc, $out) = $w->command('jobs stats');
    like($out, qr/^default\tdead\t4\t/m, 'stats');
    ($rc, $out) = $w->command('jobs stats --json');
    like($out, qr/"queue":"elsewhere","state":"ready","jobs":2/, 'as JSON');

    ($rc, $out) = $w->command("jobs retry $dead[0]");
    is($rc, 0, 'retry');
    is(job($dead[0], 'state'), 'ready', 'by an id');
    ($rc, $out) = $w->command('jobs retry --error refused --kind mail');
    is($out, "2 retried\n", 'by a filter');
    is(job($_, 'state'), 'ready', 'it is ready') for @dead;
    is(job($other, 'state'), 'dead', 'and no other');
    my $before = job($dead[0], 'fence');
    $w->command('once');
    cmp_ok(job($dead[0], 'fence'), '>', $before, 'the fence only grows');

    ($rc, $out) = $w->command('jobs discard --all');
    is($rc, 0, 'discard');
    ($rc, $out) = $w->command("jobs discard $waits");
    is(job($waits, 'state'), 'dead', 'one that waits');
    ($rc, $out) = $w->command("jobs cancel $evil $later");
    is($rc, 0, 'cancel');
    is(job($_, 'state'), 'dead', 'two') for $evil, $later;

    my %wrong = (
        "retry $done" => [1, qr/^social-worker: job $done is done: only a job that is dead/m],
        'retry 999999' => [1, qr/^social-worker: there is no job 999999/m],
        'show 999999' => [1, qr/there is no job 999999/],
        "cancel $done" => [1, qr/is done: only a job that is ready, scheduled or running/],
        'retry x' => [2, qr/x: it is not the id of a job/],
        'retry 1x' => [2, qr/1x: it is not the id/],
        'retry 99999999999999999999' => [2, qr/it is not the id/],
        'retry' => [2, qr/ids, a filter, or --all is needed/],
        'cancel' => [2, qr/the ids of jobs are needed/],
        'cancel --all' => [2, qr/the ids of jobs are needed/],
        'retry 1 --all' => [2, qr/exclude each other/],
        'retry --state dead' => [2, qr/for "list" only/],
        'list --state gone' => [2, qr/gone: a state is "ready"/],
        'list --limit 0' => [2, qr/0: --limit is not in 1 to 1000000/],
        'list 12' => [2, qr/12: nothing is expected here/],
        'list --nonsense' => [2, qr/nonsense/],
        'show' => [2, qr/the id of one job is needed/],
        'nonsense' => [2, qr/nonsense: there is no such command of "jobs"/],
        "list --error '('" => [1, qr/parentheses/],
        'list --since x' => [1, qr/invalid input syntax for type timestamp/],
    );

    for my $args (sort keys %wrong) {
        ($rc, $out) = $w->command("jobs $args");
        is($rc, $wrong{$args}[0], "jobs $args");
        like($out, $wrong{$args}[1], 'and says why');
    }
};


done_testing();
