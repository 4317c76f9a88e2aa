#!/usr/bin/perl

# "social_trace": the trace of a request in variables, for the backend, and by
# an upload's job in the worker's log.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use SocialNginx;
use SocialS3;
use SocialToken;
use SocialWorker;
use Test::More;

my $w = SocialWorker->new
    or plan skip_all => 'SKIPPED: PostgreSQL or social-worker is missing;'
        . ' scripts/deps and make do it';
my $pg = $w->{pg};

my $port = SocialNginx::free_port();
my $back = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');

my $id = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';
my $parent = "00-$id-$span-01";

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
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
    log_format trace '\$status \$social_trace_id \$social_span_id '
                     '\$social_trace_sampled';
    server {
        listen 127.0.0.1:$back;
        location / {
            add_header X-Got \$http_x_var;
            return 200 "\$http_traceparent|\$http_tracestate|\$request_uri\\n";
        }
    }
    server {
        listen 127.0.0.1:$port;
        access_log $dir/trace.log trace;
        social_trace on;
        location / { proxy_pass http://127.0.0.1:$back; }
        location = /vars {
            return 200 "\$social_traceparent|\$social_trace_id|\$social_span_id|\$social_trace_sampled\\n";
        }
        location = /rare {
            social_trace on sample=0;
            proxy_pass http://127.0.0.1:$back;
        }
        location = /off {
            social_trace off;
            proxy_pass http://127.0.0.1:$back;
        }
        location = /pass {
            social_trace pass;
            proxy_pass http://127.0.0.1:$back;
        }
        location = /moved {
            error_page 418 = \@moved;
            set \$before \$social_span_id;
            return 418;
        }
        location \@moved {
            proxy_set_header X-Before \$before;
            proxy_pass http://127.0.0.1:$back/moved?\$before;
        }
        location = /sub {
            auth_request /check;
            auth_request_set \$checked \$upstream_http_x_got;
            proxy_pass http://127.0.0.1:$back/sub?\$checked;
        }
        location = /check {
            internal;
            proxy_set_header X-Var \$social_traceparent;
            proxy_pass http://127.0.0.1:$back/check;
        }
        error_page 400 414 /bad;
        location = /bad { proxy_pass http://127.0.0.1:$back; }
        location = /uploads {
            social_auth main;
            social_presign raw put kinds=post;
            social_presign_key raw/\$social_sub/\$social_upload_id;
        }
    }
}
_EOC_
$nginx->start($port);

# What the backend has got: traceparent, tracestate, and the URI

sub get {
    my ($path, @headers) = @_;

    my $answer = SocialNginx::request($port, "GET $path HTTP/1.0\r\n"
        . join('', map { "$_\r\n" } @headers) . "\r\n");
    my ($text) = $answer =~ /\r\n\r\n(.*)\n\z/s;
    return split /\|/, $text // 'none', -1;
}

my $new = qr/\A00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-0([01])\z/;

subtest 'passed on' => sub {
    my ($got, $state) = get('/x', "traceparent: $parent",
        'tracestate: a=1,b=2');
    like($got, qr/\A00-$id-[0-9a-f]{16}-01\z/, 'the same trace');
    unlike($got, qr/$span/, 'in a span of its own');
    is($state, 'a=1,b=2', 'with its state');

    ($got) = get('/x', "Traceparent: 00-$id-$span-00");
    like($got, qr/\A00-$id-[0-9a-f]{16}-00\z/, 'not sampled');

    ($got) = get('/x', "traceparent: cc-$id-$span-01-more");
    like($got, qr/\A00-$id-[0-9a-f]{16}-01\z/, 'a later version');

    my ($all, $trace, $of, $sampled) = get('/vars', "traceparent: $parent");
    is($all, "00-$trace-$of-0$sampled", 'variables');
    is("$trace $sampled", "$id 1", 'of that trace');

    my ($rare) = get('/rare', "traceparent: $parent");
    like($rare, qr/-01\z/, 'what is sampled stays so');
};


subtest 'made' => sub {
    my ($one, $state) = get('/x', 'tracestate: a=1');
    like($one, $new, 'a new one');
    is($state, '', 'a state alone is of no trace');
    my ($two) = get('/x');
    isnt(substr($one, 3, 32), substr($two, 3, 32), 'another');
    like($one, qr/-01\z/, 'sampled');

    my ($rare) = get('/rare');
    like($rare, $new, 'one that is not');
    like($rare, qr/-00\z/, 'sampled');

    for my $bad ("00-$id-$span", "ff-$id-$span-01", "00-$id-$span-01-x",
                 '00-' . '0' x 32 . "-$span-01", "00-$id-" . '0' x 16 . '-01',
                 uc($parent), 'x' x 4000, "\xff" x 55, '')
    {
        my ($got, $kept) = get('/x', "traceparent: $bad", 'tracestate: a=1');
        like($got, $new, 'in place of ' . substr $bad, 0, 12);
        unlike($got, qr/$id/, 'not that');
        is($kept, '', 'nor its state');
    }

    my ($got) = get('/x', "traceparent: $parent", "traceparent: $parent");
    like($got, $new, 'in place of two');
    unlike($got, qr/$id/, 'and of none of them');
};


subtest 'off, and passed' => sub {
    is((get('/off', "traceparent: $parent"))[0], $parent, 'off: as it was');
    is((get('/off', 'traceparent: x'))[0], 'x', 'whatever it was');
    is((get('/pass', "traceparent: $parent"))[0], $parent, 'the same span');
    is((get('/pass', 'traceparent: x'))[0], '', 'but none that is invalid');
    is((get('/pass'))[0], '', 'and none where there is none');
};


subtest 'redirects, subrequests, and bad requests' => sub {
    my ($got, undef, $uri) = get('/moved', "traceparent: $parent");
    my ($before) = $uri =~ /\?([0-9a-f]{16})\z/;
    is($got, "00-$id-$before-01", 'a redirect keeps the span');

    ($got, undef, $uri) = get('/sub', "traceparent: $parent");
    like($got, qr/\A00-$id-[0-9a-f]{16}-01\z/, 'behind a subrequest');
    is($uri, "/sub?$got", 'which has the same');

    # nginx has no headers, and no list of them

    my $answer = SocialNginx::request($port, "nonsense\r\n\r\n");
    like($answer, qr/00-[0-9a-f]{32}-[0-9a-f]{16}-01/, 'a bad request line');
    $answer = SocialNginx::request($port,
        'GET /' . 'x' x 40_000 . " HTTP/1.0\r\n\r\n");
    like($answer, qr/ 414 /, 'one that is too long');
    $answer = SocialNginx::request($port, "GET /x\r\n");
    like($answer, qr/\A00-[0-9a-f]{32}/, 'HTTP/0.9');
};


subtest 'the log' => sub {
    get('/x', "traceparent: $parent");
    ok(SocialNginx::wait_for(10, sub {
        SocialNginx::slurp("$dir/trace.log") =~ /^200 $id [0-9a-f]{16} 1$/m;
    }), 'variables in a log');
};


subtest 'jobs' => sub {
    my $sub = bearer();
    my $body = '{"contentType":"image/png","size":5,"kind":"post",'
        . '"filename":"a.png","contentLength":5}';
    my $answer = SocialNginx::request($port, "POST /uploads HTTP/1.0\r\n"
        . "traceparent: $parent\r\n$sub\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    my ($json) = $answer =~ /\r\n\r\n(.*)\z/s;
    like($answer, qr{\AHTTP/1\.[01] 20}, 'an upload') or diag($answer);

    my ($key, $trace) = split /\|/,
        $pg->sql('SELECT object_key, trace FROM uploads') =~ s/\n//r;
    like($trace, qr/\A00-$id-[0-9a-f]{16}-01\z/, 'its trace');

    mkdir "$w->{dir}/raw/$1" if $key =~ m{\A(raw)/};
    $pg->sql("SELECT social_object_created('t', 'e', 'raw', '$key', 1, 'e')");
    is($pg->value("SELECT payload ->> 'traceparent' FROM jobs"), $trace,
       'in the job');

    $w->conf;
    my $pid = $w->worker;
    ok(SocialNginx::wait_for(30, sub {
        $w->log_of($pid) =~ /"trace":"$id"/;
    }), 'in the log of the worker') or diag($w->log_of($pid));

    # without one, and with what somebody else wrote

    my $no = $w->upload('post');
    ok($w->state_of($no), 'a job without a trace');
    unlike((grep { /$no/ } split /\n/, $w->log_of($pid))[0] // '', qr/"trace"/,
           'has none in the log');

    my $bad = $pg->value(q{SELECT social_job_add('post',
        '{"traceparent": "00-x\"\n"}', p_queue => 'images')});
    ok(SocialNginx::wait_for(30, sub {
        $w->log_of($pid) =~ /"job":"$bad"/;
    }), 'a job with an invalid one');
    unlike((grep { /"job":"$bad"/ } split /\n/, $w->log_of($pid))[0],
           qr/"trace"/, 'is one without');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg)\]|signal 11/, 'the log');

done_testing();
