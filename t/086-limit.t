#!/usr/bin/perl

# "social_limit" at one gateway, without a database: what is counted, what is
# refused and how, over redirects, subrequests, reloads and killed processes.
# Rates are so low that nothing comes back while a test runs.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use IO::Socket::INET ();
use JSON::PP ();
use SocialMany;
use SocialNginx;
use SocialServer;
use SocialToken;
use Test::More;

my $page = 'https://app.example.com';
my $backend = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";
my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $has_realip = `@{[ SocialNginx::binary() ]} -V 2>&1` =~ /with-http_realip/;
my $realip = $has_realip
    ? 'set_real_ip_from 127.0.0.1; real_ip_header X-Real;' : '';

# In each location a file, since "return" comes before the limits.

sub configure {
    my (%o) = @_;

    my $text = <<"_EOC_";
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    log_format limit '\$uri \$status <\$social_limit_status>';
    access_log $nginx->{dir}/logs/limit.log limit;
    $http_config
    $realip

    map \$arg_k \$twice { default \$arg_k; none ''; }

    social_limit_zone plain key=@{[ $o{key} // '$arg_k' ]}
                      @{[ $o{plain} // 'rate=2r/h burst=3' ]};
    social_limit_zone second key=\$arg_s rate=1r/h burst=2;
    social_limit_zone single key=\$arg_k rate=1r/h;
    social_limit_zone fast key=\$arg_k rate=50r/s burst=1;
    social_limit_zone wide key=\$arg_k rate=2r/m burst=5;
    social_limit_zone address key=\$social_limit_address rate=1r/h burst=2;
    social_limit_zone subject key=\$social_sub rate=1r/h burst=2;
    social_limit_zone twice key=\$twice rate=1r/h burst=2;
    social_limit_zone day key=\$arg_k quota=3r/day;
    social_limit_zone month key=\$arg_k quota=3r/month;
    social_limit_zone small key=\$arg_k rate=1r/h burst=1 size=32k;
    @{[ $o{http} // '' ]}

    social_cors on;
    social_cors_origins $page;

    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        social_limit second;

        location = /plain { social_limit plain; try_files /x =404; }
        location = /single { social_limit single; try_files /x =404; }
        location = /fast { social_limit fast; try_files /x =404; }
        location = /wide { social_limit wide; try_files /x =404; }
        location = /inherited { try_files /x =404; }
        location = /none { social_limit off; try_files /x =404; }
        location = /both {
            social_limit plain;
            social_limit second;
            try_files /x =404;
        }
        location = /dry {
            social_limit plain dry_run=on;
            social_limit second;
            social_limit_log_level notice;
            try_files /x =404;
        }
        location = /status {
            social_limit plain;
            social_limit_status 503;
            social_limit_headers off;
            try_files /x =404;
        }
        location = /refused {
            social_limit plain;
            social_limit_headers refused;
            try_files /x =404;
        }
        location = /page {
            social_limit plain;
            error_page 429 =200 /plain;
            try_files /x =404;
        }
        location = /redirect {
            social_limit plain;
            try_files /nowhere \@named;
        }
        location \@named { social_limit plain; social_limit second; root html;
                           try_files /x =404; }
        location = /ssi {
            ssi on;
            social_limit plain;
            try_files /ssi.html =404;
        }
        location = /part { social_limit plain; try_files /x =404; }
        location = /other { social_limit single; try_files /x =404; }
        location = /address { social_limit address; try_files /x =404; }
        location = /exempt { social_limit twice; try_files /x =404; }
        location = /day { social_limit day; try_files /x =404; }
        location = /month { social_limit month; try_files /x =404; }
        location = /small { social_limit small; try_files /x =404; }
        location = /subject {
            social_auth main;
            social_limit subject;
            try_files /x =404;
        }
        location = /optional {
            social_auth main optional;
            social_limit subject;
            try_files /x =404;
        }
        location = /forged {
            social_limit address;
            social_auth main;
            try_files /x =404;
        }
        location = /proxy { social_limit plain; proxy_pass $backend/ok; }
        location = /metrics { social_limit off; social_status prometheus; }
    }
}
_EOC_

    $nginx->write_file('nginx.conf', $text);
    return;
}

mkdir "$nginx->{dir}/html";
$nginx->write_file('html/x', "here\n");
$nginx->write_file('html/ssi.html', '<!--# include virtual="/part?k=ssi" -->'
    . '<!--# include virtual="/part?k=ssi" -->'
    . '<!--# include virtual="/other?k=ssi" -->'
    . '<!--# include virtual="/other?k=ssi" -->');
configure();
$nginx->start($port);

sub text {
    my ($path, @headers) = @_;
    my ($method) = $path =~ s/^(OPTIONS) // ? $1 : 'GET';
    return join "\r\n", "$method $path HTTP/1.1", 'Host: localhost',
                        'Connection: close', @headers, '', '';
}

# So many, at the same time; "200:3 429:1"

sub ask {
    my ($n, $path, @headers) = @_;
    return statuses(many($port, [ (text($path, @headers)) x $n ]));
}

sub one {
    my ($path, @headers) = @_;
    my ($got) = many($port, [ text($path, @headers) ]);
    my ($head, $body) = split /\r\n\r\n/, $got->{answer}, 2;
    my %header;

    push @{ $header{ lc $1 } }, $2 while $head =~ /^([\w-]+): (.*?)\r?$/mg;

    return { status => $got->{status}, body => $body, head => $head,
             header => { map { $_ => join '|', @{ $header{$_} } }
                             keys %header } };
}

sub status { return one(@_)->{status} }

sub metric {
    my ($name) = @_;
    my ($value) = one('/metrics')->{body} =~ /^\Q$name\E (\S+)$/m;
    return $value // 'none';
}


subtest 'a rate' => sub {
    is(ask(10, '/plain?k=a'), '200:3 429:7', 'a burst, and no more');
    is(status('/plain?k=b'), 200, 'another key has its own');
    is(ask(4, '/single?k=a'), '200:1 429:3', 'a second has less than one: one');
    is(ask(6, '/plain'), '200:6', 'an empty key is not counted');

    is(ask(1, '/fast?k=a'), '200:1', 'one');
    ok(SocialNginx::wait_for(15, sub { status('/fast?k=a') == 200 }),
       '... and another when its time has come');

    # with room for all of them none makes way for another

    is(ask(4, '/plain?k=stays'), '200:3 429:1', 'a key');
    my @others = map { text("/plain?k=other$_") } 1 .. 60;
    is(statuses(many($port, \@others, width => 20)), '200:60', 'and others');
    is(ask(3, '/plain?k=stays'), '429:3', '... which it outlives');

    my $long = 'x' x 3000;
    is(ask(5, "/plain?k=${long}a"), '200:3 429:2', 'a long key');
    is(ask(5, "/plain?k=${long}b"), '200:3 429:2', '... is all of it');
    my $exact = 'y' x 48;
    is(ask(5, "/plain?k=$exact"), '200:3 429:2', 'the longest as it is');
    is(ask(5, "/plain?k=${exact}z"), '200:3 429:2', '... and one more');
};

subtest 'a refused one' => sub {
    ask(3, '/plain?k=r');

    my $got = one('/plain?k=r', "Origin: $page");
    my $json = eval { JSON::PP->new->decode($got->{body}) } // {};

    is($got->{status}, 429, 'the status');
    is($json->{message}, 'Too Many Requests', 'a message in JSON');
    like($json->{requestId} // '', qr/\A[0-9a-f]{32}\z/, '... with an id');
    is($got->{header}{'content-type'}, 'application/json', '... that says so');
    is($got->{header}{'access-control-allow-origin'}, $page, 'CORS headers');
    like($got->{header}{'retry-after'}, qr/\A1[78]\d\d\z/,
         'half an hour, once');
    is($got->{header}{'ratelimit-policy'}, '"plain";q=3;w=5400', 'the policy');
    like($got->{header}{ratelimit}, qr/\A"plain";r=0;t=1[78]\d\d\z/, 'the rest');

    is(status('OPTIONS /plain?k=r', "Origin: $page",
              'Access-Control-Request-Method: GET'), 204,
       'a preflight is not counted');

    $got = one('/status?k=r');
    is($got->{status}, 503, 'another status');
    like($got->{body}, qr/"Service Unavailable"/, '... in JSON');
    is($got->{header}{ratelimit}, undef, 'without headers');
    like($got->{header}{'retry-after'}, qr/\A\d+\z/, '... but for when');

    is(one('/refused?k=f')->{header}{ratelimit}, undef,
       'headers of refused ones only');
    ask(2, '/refused?k=f');
    like(one('/refused?k=f')->{header}{ratelimit}, qr/\A"plain";r=0;/,
         '... are there');
};

subtest 'headers' => sub {
    my $got = one('/wide?k=h');

    is($got->{status}, 200, 'admitted');
    is($got->{header}{'ratelimit-policy'}, '"wide";q=5;w=150',
       'a burst, and when there is another');
    is($got->{header}{ratelimit}, '"wide";r=4;t=31', 'what is left');
    is($got->{header}{'retry-after'}, undef, 'no Retry-After');

    $got = one('/both?k=h2&s=h2');
    is($got->{header}{'ratelimit-policy'},
       '"plain";q=3;w=5400, "second";q=2;w=7200', 'two policies');
    like($got->{header}{ratelimit},
         qr/\A"plain";r=2;t=1[78]\d\d, "second";r=1;t=3[56]\d\d\z/,
         'what is left of each');

    $got = one('/proxy?k=h3');
    like($got->{header}{ratelimit}, qr/\A"plain";r=2;/, 'beside a backend');

    is(one('/none?s=h')->{header}{ratelimit}, undef, 'none without a limit');
    is(one('/plain')->{header}{ratelimit}, undef, 'none without a key');
};

subtest 'several' => sub {
    is(ask(3, '/inherited?s=a'), '200:2 429:1', 'of the server');
    is(ask(3, '/none?s=a'), '200:3', 'none of it');
    is(ask(3, '/plain?k=i&s=a'), '200:3', 'others in its place');

    ask(2, '/inherited?s=b');
    is(ask(5, '/both?k=g&s=b'), '429:5', 'the second refuses');
    is(ask(4, '/plain?k=g'), '200:3 429:1', 'what the first counted is back');
};

subtest 'a dry run' => sub {
    my $before = metric('social_limit_dry_run_requests_total{limit="plain"}');

    is(ask(5, '/dry?k=d'), '200:5', 'is not refused');
    is(metric('social_limit_dry_run_requests_total{limit="plain"}') - $before,
       2, '... is counted');
    is(() = $nginx->error_log
           =~ /\[notice\].* social: request refused by limit "plain", dry run,/g,
       2, '... and logged');
    is(one('/dry?k=d')->{header}{ratelimit}, undef, 'without headers');
    is(one('/dry?k=d&s=d')->{header}{'ratelimit-policy'},
       '"second";q=2;w=7200', '... but those of others');
    is(ask(3, '/dry?k=d&s=d'), '200:1 429:2', 'another refuses');
};

subtest 'once' => sub {
    is(status('/redirect?k=o&s=o'), 200, 'a redirect');
    like(one('/plain?k=o')->{header}{ratelimit}, qr/r=1;/, 'counts once');
    like(one('/inherited?s=o')->{header}{ratelimit}, qr/r=0;/,
         'and what is there only');

    ask(3, '/plain?k=p');
    is(status('/page?k=p'), 200, 'an error page with the same limit is sent');

    my $got = one('/ssi?k=ssi');
    is(() = $got->{body} =~ /^here$/mg, 4, 'subrequests');
    is(status('/single?k=ssi'), 429, '... are counted by a limit of their own');
    like(one('/plain?k=ssi')->{header}{ratelimit}, qr/r=1;/,
         '... and that of the main request counts once');
};

subtest 'addresses' => sub {
    plan skip_all => 'nginx has no realip module' if !$has_realip;

    my @first = ('2001:db8:1:2::5', '2001:db8:1:3::5', '192.0.2.1',
                 '::ffff:192.0.2.2');

    is(ask(2, '/address', "X-Real: $_"), '200:2', $_) for @first;

    my @same = ('2001:db8:1:2:ffff::5', '::ffff:192.0.2.1', '192.0.2.2');

    is(status('/address', "X-Real: $_"), 429, "$_ is the same") for @same;

    is(ask(3, '/forged', 'X-Real: 192.0.2.7', bearer(-key => 'forged')),
       '401:2 429:1', 'before the signature of a token is verified');
};

subtest 'subjects' => sub {
    is(ask(3, '/subject', bearer(sub => 'a')), '200:2 429:1', 'one');
    is(status('/subject', bearer(sub => 'b')), 200, 'another');
    is(ask(3, '/subject', bearer(sub => 'a', -key => 'forged')), '401:3',
       'a forged token counts for nobody');
    is(ask(4, '/optional'), '200:4', 'none has none');
    is(ask(3, '/exempt?k=none'), '200:3', 'an exemption');
    is(ask(3, '/exempt?k=some'), '200:2 429:1', '... of some');
};

subtest 'quotas' => sub {
    my $got = one('/day?k=q');
    my $left = 86400 - time % 86400;

    is($got->{header}{'ratelimit-policy'}, '"day";q=3;w=86400', 'a day');
    my ($t) = $got->{header}{ratelimit} =~ /\A"day";r=2;t=(\d+)\z/;
    cmp_ok(abs($t - $left), '<=', 60, 'until it ends');

    is(ask(4, '/day?k=q'), '200:2 429:2', 'no more than that');
    ($t) = one('/day?k=q')->{header}{'retry-after'};
    cmp_ok(abs($t - $left), '<=', 60, '... again when it has ended');

    is(ask(5, '/month?k=q'), '200:3 429:2', 'a month');
    like(one('/month?k=q2')->{header}{'ratelimit-policy'},
         qr/\A"month";q=3;w=2678400\z/, '... at most');
};

subtest 'a full zone' => sub {
    my @texts = map { text("/small?k=full$_") } 1 .. 1000;

    is(statuses(many($port, \@texts, width => 50)), '200:1000', 'all are new');
    cmp_ok(metric('social_limit_keys{limit="small"}'), '<', 500, 'few are left');
    cmp_ok(metric('social_limit_dropped_keys_total{limit="small"}'), '>=', 500,
           'the others were dropped');
    is(() = $nginx->error_log
           =~ /\[warn\].*keys in use are dropped in social_limit_zone "small": increase its size/g,
       1, 'said once');
    is(status('/small?k=full1000'), 429, 'the last one is there');
    is(status('/small?k=full1'), 200, 'the first one is not');
};

subtest 'what is seen' => sub {
    my %all = map { $_ => metric("social_limit_$_" . '_requests_total'
                                 . '{limit="single"}') } qw( admitted refused );
    ask(4, '/single?k=seen');

    is(metric('social_limit_admitted_requests_total{limit="single"}')
       - $all{admitted}, 1, 'admitted');
    is(metric('social_limit_refused_requests_total{limit="single"}')
       - $all{refused}, 3, 'refused');
    is(metric('social_limit_gateways'), 'none', 'there is no fleet');

    my $log = SocialNginx::slurp("$nginx->{dir}/logs/limit.log");
    like($log, qr{^/x 200 <PASSED>$}m, 'a variable: passed');
    like($log, qr{^/plain 429 <REJECTED>$}m, '... refused');
    like($log, qr{^/x 200 <REJECTED_DRY_RUN>$}m, '... not, in a dry run');
    like($log, qr{^/metrics 200 <->$}m, '... or nothing');
    like($nginx->error_log,
         qr/\[info\].* social: request refused by limit "plain", client:/,
         'logged for one who looks');
};

subtest 'what survives' => sub {
    ask(3, '/plain?k=s');

    my ($pid) = SocialNginx::workers($nginx->{pid});
    kill 'KILL', $pid;
    ok(SocialNginx::wait_for(15, sub {
        my @now = SocialNginx::workers($nginx->{pid});
        @now == 2 && !grep { $_ == $pid } @now;
    }), 'a killed process');
    is(status('/plain?k=s'), 429, '... has taken nothing along');

    configure(plain => 'rate=2r/h burst=4');
    ok($nginx->reload, 'a reload');
    is(status('/plain?k=s'), 429, '... neither');
    is(ask(5, '/plain?k=s2'), '200:4 429:1', '... with another burst');

    configure(key => '$arg_other');
    kill 'HUP', $nginx->{pid};
    ok(SocialNginx::wait_for(15, sub {
        $nginx->error_log =~ /\[emerg\].* social_limit_zone "plain" uses the "\$arg_other" key while previously it used the "\$arg_k" key: give it another name/;
    }), 'another key is refused');

    configure(plain => 'quota=5r/day');
    kill 'HUP', $nginx->{pid};
    ok(SocialNginx::wait_for(15, sub {
        $nginx->error_log =~ /\[emerg\].* social_limit_zone "plain" has a quota while previously it had a rate: give it another name/;
    }), 'and a quota in place of a rate');

    is(status('/plain?k=s'), 429, 'all goes on');
};

my @bad = grep { /\[(?:alert|emerg|crit|error)\]/
                 && !/previously it/ }
          split /\n/, SocialNginx::without_kills($nginx->error_log);

is("@bad", '', 'nothing bad is logged');

$nginx->stop;

done_testing();
