#!/usr/bin/perl

# What "social_status" counts of requests, tokens, CORS, presigned URLs, the
# store, logouts and jobs; by route, over two worker processes.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use SocialNginx;
use SocialS3;
use SocialToken;
use SocialWorker;
use Test::More;
use Time::HiRes qw( sleep time );

my $w = SocialWorker->new
    or plan skip_all => 'SKIPPED: PostgreSQL or social-worker is missing;'
        . ' scripts/deps and make do it';
my $pg = $w->{pg};

my $port = SocialNginx::free_port();
my $back = SocialNginx::free_port();
my $dead = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');

mkdir "$dir/root" or die "root: $!\n";

$nginx->write_file('credentials', $s3->credentials_text);

sub configure {
    my ($more) = @_;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    social_database "@{[ $pg->gateway ]}";
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$back;
        social_status_route back;
        location / { return 200 "back\\n"; }
        location = /slow { limit_rate 5000; limit_rate_after 1; root $dir; }
    }
    server {
        listen 127.0.0.1:$port;
        error_page 404 502 /missing;
        location = /missing { internal; return 200 "not here\\n"; }
        location /api/ {
            social_auth main other;
            proxy_pass http://127.0.0.1:$back/;
        }
        location = /gone { proxy_pass http://127.0.0.1:$dead; }
        location = /codes { return 418; }
        location ~ ^/orders/(?<id>[0-9]+)\$ {
            social_status_route orders;
            error_page 404 =410 \@no;
            root $dir/nothing;
        }
        location \@no { return 410; }
        location = /maybe { social_auth main optional; return 204; }
        location = /scoped {
            social_auth main;
            social_auth_scopes all admin;
            proxy_pass http://127.0.0.1:$back;
        }
        location = /cors {
            social_cors on;
            social_cors_origins https://a.example;
            proxy_pass http://127.0.0.1:$back;
        }
        location = /open {
            social_cors on;
            social_cors_origins *;
            proxy_pass http://127.0.0.1:$back;
        }
        location /objects/ { social_store raw root=$dir/root; }
        location = /uploads {
            social_auth main;
            social_presign raw put kinds=post;
            social_presign_key raw/\$social_sub/\$social_upload_id;
        }
        location = /logout { social_auth main; social_logout; }
        location = /metrics { social_status prometheus; }
        location = /status { social_status html; }
        $more
    }
}
_EOC_
    return;
}

sub ask {
    my ($method, $path, $headers, $body) = @_;

    $body //= '';
    my $text = "$method $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\nContent-Length: " . length($body) . "\r\n"
        . join('', map { "$_\r\n" } @{ $headers // [] }) . "\r\n$body";
    my $answer = SocialNginx::request($port, $text);
    my ($status) = $answer =~ m{\AHTTP/1\.1 (\d+)};

    return $status // 'none';
}

sub numbers {
    my (undef, $text) = split /\r\n\r\n/,
        SocialNginx::request($port, "GET /metrics HTTP/1.0\r\n\r\n"), 2;
    return map { /\A([^#].*) (\S+)\z/ ? ($1 => $2) : () } split /\n/, $text;
}

# Requests are counted as they end, maybe by the other process

sub counts {
    my ($name, $wanted, $text) = @_;

    my %all;
    my $got = SocialNginx::wait_for(10, sub {
        %all = numbers();
        return ($all{$name} // 0) == $wanted;
    });

    diag("$name is " . ($all{$name} // 'not there')) if !$got;
    return ok($got, $text);
}

configure('');
$nginx->start($port);

my $good = bearer();

subtest 'routes' => sub {
    is(ask(GET => '/api/x', [ $good ]), 200, 'proxied') for 1 .. 3;
    is(ask(GET => '/api/x'), 401, 'refused');
    is(ask(GET => '/nothing'), 404, 'an error page');
    is(ask(GET => '/gone'), 502, 'one of an upstream that is gone');
    is(ask(GET => '/codes'), 418, 'a rare status');
    is(ask(GET => '/orders/1'), 410, 'a named location');
    SocialNginx::request($port, "nonsense\r\n\r\n");

    counts('social_requests_total{route="/api/",code="200"}', 3, 'by location');
    counts('social_requests_total{route="/api/",code="401"}', 1, 'and status');
    counts('social_requests_total{route="orders",code="4xx"}', 1,
           'by the first location, and its name');
    counts('social_requests_total{route="/codes",code="4xx"}', 1, 'by class');
    counts('social_requests_total{route="/gone",code="502"}', 1, 'not its page');
    counts('social_requests_total{route="-",code="404"}', 1, 'of no location');
    counts('social_requests_total{route="-",code="400"}', 1, 'nor a request');
    counts('social_requests_total{route="back",code="200"}', 3,
           'a name for a server');

    my %all = numbers();
    ok(!grep({ /route="(?:\/missing|\@no|\^)/ } keys %all), 'no other route');

    is($all{'social_request_seconds_count{route="/api/"}'}, 4, 'latencies');
    is($all{'social_request_seconds_bucket{route="/api/",le="+Inf"}'}, 4,
       'all of them');
    is($all{'social_upstream_seconds_count{route="/api/"}'}, 3,
       'of the upstream');
    ok(!exists $all{'social_upstream_seconds_count{route="/codes"}'},
       'only where there is one');
    is($all{'social_request_seconds_bucket{route="/codes",le="0.001"}'}
       <= $all{'social_request_seconds_bucket{route="/codes",le="30.0"}'}, 1,
       'cumulative');
    cmp_ok($all{'social_received_bytes_total{route="/codes"}'}, '==',
           length "GET /codes HTTP/1.1\r\nHost: localhost\r\n"
           . "Connection: close\r\nContent-Length: 0\r\n\r\n", 'bytes');
    cmp_ok($all{'social_sent_bytes_total{route="/codes"}'}, '>', 100, 'sent');
    cmp_ok($all{social_connections_accepted_total}, '>=', 9, 'connections');
    is($all{'social_connections{state="writing"}'}, 1, 'this one');
};


subtest 'latency' => sub {
    $nginx->write_file('slow', 'x' x 12_000);
    is(ask(GET => '/api/slow', [ $good ]), 200, 'a slow one');
    counts('social_request_seconds_count{route="/api/"}', 5, 'counted');

    my %all = numbers();
    my ($of) = 'route="/api/"';
    cmp_ok($all{"social_request_seconds_sum{$of}"}, '>=', 0.4, 'the sum');
    is($all{"social_request_seconds_bucket{$of,le=\"0.25\"}"},
       $all{"social_request_seconds_bucket{$of,le=\"0.1\"}"}, 'above');
    is($all{"social_upstream_seconds_bucket{$of,le=\"30.0\"}"}, 4,
       'in a bucket');
    cmp_ok($all{"social_upstream_seconds_sum{$of}"}, '>=', 0.4,
           'of the upstream');
};


subtest 'tokens' => sub {
    my %before = numbers();
    my $lookups = sub {
        my %all = numbers();
        return map { $all{"social_token_lookups_total{result=\"$_\"}"}
            - $before{"social_token_lookups_total{result=\"$_\"}"} } @_;
    };

    is(ask(GET => '/api/x', [ 'Authorization: Bearer a.b.c' ]), 401, 'junk');
    is(ask(GET => '/api/x', [ 'Authorization: Bearer null' ]), 401, 'none');
    is(ask(GET => '/maybe'), 204, 'an answer before it is asked for');
    is(ask(GET => '/scoped', [ $good ]), 403, 'not sufficient');

    counts('social_auth_total{issuer="",outcome="malformed"}', 1, 'malformed');
    counts('social_auth_total{issuer="main",outcome="insufficient"}', 1,
           'insufficient');
    counts('social_auth_total{issuer="main",outcome="ok"}', 4, 'accepted');
    counts('social_auth_total{issuer="",outcome="none"}', 2, 'none');

    # one that is new, then on the same connection, then on others

    my $new = bearer(more => { jti => 'numbers' });
    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect: $!\n";

    for my $n (1 .. 3) {
        print {$sock} "GET /api/x HTTP/1.1\r\nHost: localhost\r\n$new\r\n\r\n";
        my $got = '';
        while ($got !~ /back\n\z/) {
            sysread $sock, $got, 4096, length $got or last;
        }
        like($got, qr{\AHTTP/1.1 200}, "request $n");
    }
    close $sock;

    my @got;
    ok(SocialNginx::wait_for(10, sub {
        @got = $lookups->(qw( connection table unknown ));
        return $got[0] >= 1;
    }), 'known to the connection') or diag("@got");
    cmp_ok($got[2], '>=', 1, 'new');

    is(ask(GET => '/api/x', [ $new ]), 200, 'another connection');
    ok(SocialNginx::wait_for(10, sub {
        ($lookups->('table'))[0] >= 1;
    }), 'known to the zone');

    my %all = numbers();
    cmp_ok($all{social_signatures_total} - $before{social_signatures_total},
           '>=', 1, 'its signature');
};


subtest 'CORS' => sub {
    my @from = ('Origin: https://a.example');
    my @ask = (@from, 'Access-Control-Request-Method: GET');

    is(ask(GET => '/cors', \@from), 200, 'allowed');
    is(ask(GET => '/cors', [ 'Origin: https://b.example' ]), 200, 'another');
    is(ask(GET => '/cors'), 200, 'none');
    is(ask(GET => '/open', \@from), 200, 'any');
    is(ask(OPTIONS => '/cors', \@ask), 204, 'a preflight');
    is(ask(OPTIONS => '/cors', [ 'Origin: https://b.example', $ask[1] ]), 403,
       'from another');
    ask(OPTIONS => '/cors', [ @from, 'Access-Control-Request-Method: BREW' ]);
    ask(OPTIONS => '/cors', [ @ask, 'Access-Control-Request-Headers: x-y' ]);

    counts('social_cors_requests_total{outcome="allowed"}', 1, 'allowed');
    counts('social_cors_requests_total{outcome="refused"}', 1, 'refused');
    my %of = (allowed => 1, refused_origin => 1, refused_method => 1,
              refused_header => 1);
    counts("social_cors_preflights_total{outcome=\"$_\"}", $of{$_}, $_)
        for sort keys %of;
};


subtest 'uploads and the store' => sub {
    my @headers = ($good, 'Content-Type: application/json');

    like(ask(POST => '/uploads', \@headers, '{"contentType":"image/png",'
             . '"size":5,"kind":"post","filename":"a.png",'
             . '"contentLength":5}'), qr/\A20[01]\z/, 'a presigned URL');
    is(ask(POST => '/uploads', \@headers, '[]'), 422, 'a bad one');
    counts('social_presigns_total{outcome="ok"}', 1, 'signed');
    counts('social_presigns_total{outcome="refused"}', 1, 'refused');

    is($s3->request(PUT => '/one', body => 'x' x 5000)->{status}, 200, 'PUT');
    is($s3->request(GET => '/one')->{status}, 200, 'GET') for 1 .. 2;
    is($s3->request(GET => '/two')->{status}, 404, 'not there');
    is($s3->request(DELETE => '/one')->{status}, 204, 'DELETE');

    counts('social_store_requests_total{operation="PutObject",outcome="ok"}',
           1, 'PUT');
    counts('social_store_requests_total{operation="GetObject",outcome="ok"}',
           2, 'GET');
    counts('social_store_requests_total{operation="GetObject"'
           . ',outcome="refused"}', 1, 'one that is not there');
    counts('social_store_requests_total{operation="DeleteObject"'
           . ',outcome="ok"}', 1, 'DELETE');

    my %all = numbers();
    cmp_ok($all{social_store_received_bytes_total}, '>', 5000, 'bytes of a PUT');
    cmp_ok($all{social_store_sent_bytes_total}, '>', 10000, 'and of a GET');
    cmp_ok($all{social_store_received_bytes_total}, '<', 9000, 'not both');
    cmp_ok($all{social_store_sync_seconds_count}, '>=', 2, 'syncs');
    cmp_ok($all{social_store_sync_seconds_sum}, '>', 0, 'their time');
    is($all{social_store_sync_commits_count},
       $all{social_store_sync_seconds_count}, 'groups');
    is($all{social_store_sync_commits_sum},
       $all{'social_store_sync_commits_bucket{le="1"}'}, 'each alone');

    is(ask(POST => '/logout', [ $good ]), 204, 'a logout');
    counts('social_logouts_total{outcome="ok"}', 1, 'logouts');
    is(ask(GET => '/api/x', [ $good ]), 401, 'its session is over');
    counts('social_auth_total{issuer="main",outcome="revoked"}', 1, 'counted');
};


subtest 'jobs' => sub {
    $w->conf(concurrency => 2);
    $w->worker;
    my $id = $w->upload('post');
    ok($w->state_of($id), 'a picture');

    my %all;
    ok(SocialNginx::wait_for(40, sub {
        %all = numbers();
        return ($all{'social_jobs_ended_total{outcome="done"}'} // 0) == 1;
    }), 'what the worker has counted');
    cmp_ok($all{social_jobs_busy_seconds_total}, '>', 0, 'its time');
    is($all{social_job_workers}, 1, 'a worker');
    is($all{'social_jobs{state="dead"}'}, 0, 'none is dead');

    $pg->sql("SELECT social_job_add('nothing', p_queue => 'other')");
    $pg->sql("SELECT social_job_add('later',
        p_run_at => now() + interval '1 day')");
    $pg->sql("UPDATE jobs SET run_at = now() - interval '1 hour'
        WHERE queue = 'other'");
    $pg->sql("INSERT INTO job_worker_counts VALUES
        ('old', '{\"done\": 5, \"lost\": 2}', now() - interval '2 days')");

    ok(SocialNginx::wait_for(40, sub {
        %all = numbers();
        return $all{'social_jobs{state="ready"}'} == 1
            && $all{'social_jobs_ended_total{outcome="done"}'} == 6;
    }), 'one that waits, and a worker that is gone');
    is($all{'social_jobs{state="scheduled"}'}, 1, 'one for later');
    is($all{'social_jobs_ended_total{outcome="lost"}'}, 2, 'lost');
    cmp_ok($all{social_jobs_oldest_seconds}, '>=', 3600, 'the oldest');
    cmp_ok($all{social_jobs_oldest_seconds}, '<', 3700, 'not older');

    ok(SocialNginx::wait_for(30, sub {
        $pg->value("SELECT string_agg(worker, ',') FROM job_worker_counts
            WHERE worker IN ('old', '')") eq '';
    }), 'it is added to those that are gone') or diag(
        $pg->sql('SELECT * FROM job_worker_counts'));
    is($pg->value("SELECT counts ->> 'done' FROM job_worker_counts
        WHERE worker = ''"), 5, 'with its numbers');
};


subtest 'a reload with other routes' => sub {
    my %before = numbers();
    my $more = join "\n", map { "location = /r$_ { return 200 x; }" } 1 .. 250;

    configure($more);
    ok($nginx->reload(2), 'a reload');
    ask(GET => "/r$_") for 1, 2, 200, 240, 250;

    counts('social_requests_total{route="/r1",code="200"}', 1, 'a new one');
    counts('social_requests_total{route="/api/",code="200"}',
           $before{'social_requests_total{route="/api/",code="200"}'},
           'what was counted is kept');

    my %all = numbers();
    my $other = $all{'social_requests_total{route="other",code="200"}'};
    cmp_ok($other, '>=', 2, 'those that are too many together');
    is($all{'social_requests_total{route="/r250",code="200"}'}, undef,
       'and not alone');
};


subtest 'the page' => sub {
    my ($head, $page) = split /\r\n\r\n/,
        SocialNginx::request($port, "GET /status HTTP/1.0\r\n\r\n"), 2;

    like($head, qr{^Content-Type: text/html; charset=utf-8\r?$}m, 'its type');
    like($head, qr{^Content-Security-Policy: default-src 'none'; }m,
         'its policy');
    unlike($head, qr/unsafe|https?:/, 'which allows nothing else');
    like($head, qr{^Cache-Control: no-store\r?$}m, 'it is not cached');
    unlike($page, qr/\@(?:CSS|JS)\@/, 'whole');
    unlike($page, qr{(?:src|href)=|\@import|url\(}, 'it asks nobody');
    unlike($page, qr{\son\w+=|\sstyle=}, 'nothing that the policy refuses');

    my (undef, $json) = split /\r\n\r\n/,
        SocialNginx::request($port, "GET /status?json HTTP/1.0\r\n\r\n"), 2;
    ok(JSON::PP->new->decode($json)->{social_requests_total}, 'its numbers');
};

SKIP: {
    my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
    skip 'promtool is not installed (scripts/deps monitoring)', 1 if !$promtool;
    my (undef, $text) = split /\r\n\r\n/,
        SocialNginx::request($port, "GET /metrics HTTP/1.0\r\n\r\n"), 2;
    open my $p, '|-', "$promtool check metrics 2>&1 > $dir/promtool"
        or die "promtool: $!\n";
    print {$p} $text;
    ok(close $p, 'promtool has nothing to say')
        or diag(SocialNginx::slurp("$dir/promtool"));
}

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'nothing in the log');

done_testing();
