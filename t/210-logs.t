#!/usr/bin/perl

# The shipped access logs: each line is JSON whatever a client sends, and has what
# it should; those for CloudWatch follow its format; a user can be a pseudonym;
# logs are opened again.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( hmac_sha256_hex );
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use SocialEdge;
use SocialNginx;
use SocialToken;
use Test::More;

my $key = join '', map { chr } 11 .. 42;
my $json = JSON::PP->new->utf8;

my $realip = SocialEdge::has('http_realip');

plan skip_all => 'SKIPPED: this nginx was built without http_realip_module'
    if !$realip;

my $edge = SocialEdge->new(conf());
my $dir = $edge->dir;

$edge->nginx->write_file('key', 'whsec_' . encode_base64($key, '') . "\n");
$edge->nginx->write_file('html/file.txt', "a file\n");

sub conf {
    my (%opt) = @_;
    my $sub = $opt{sub} // '$social_sub';

    return (trusted => "127.0.0.2 1;\n", http => <<"_EOC_", server => <<'_EOL_');
    include social/types.conf;
    include social/forwarded.conf;
    include social/log.conf;
    include social/emf.conf;
    include social/http.conf;
    include social/limits.conf;
    map "" \$social_connect { default ""; }
    @{[ $opt{http} // '' ]}
_EOC_
    root html;
    location /api/ {
        social_auth pool;
        include social/backend.conf;
    }
    location = /api/home {
        social_auth pool optional;
        include social/backend.conf;
    }
    location /api/fails/ {
        proxy_pass http://127.0.0.1:1;
    }
    location / {
    }
_EOL_
}

sub lines {
    my ($log) = @_;
    return split /\n/, $edge->log_of($log);
}

# The line of the request with that user agent, as text.

my $number = 0;

sub line_of {
    my ($log, $path, %opt) = @_;

    my $trace = sprintf '%032x', ++$number + 1;

    $opt{headers} = [ @{ $opt{headers} // [] },
                      "traceparent: 00-$trace-00f067aa0ba902b7-01" ];
    my $got = $edge->get($path, %opt);
    my $line;

    SocialNginx::wait_for(10, sub {
        ($line) = grep { index($_, qq("trace":"$trace")) >= 0 } lines($log);
    });

    return ($line // '', $got, $trace);
}

sub fields {
    my ($log, @more) = @_;
    my ($line) = line_of($log, @more);
    my $got = eval { $json->decode($line) } // {};

    is($@, '', "$more[0] is JSON") or diag($line);
    return $got;
}

$edge->start;


subtest 'what a line has' => sub {
    my ($line, $got, $trace) = line_of('access.log', '/api/x?token=secret',
        headers => [ bearer(sub => 'alice'), 'User-Agent: test/1.0',
                     'X-Request-Id: forged' ]);
    my $f = $json->decode($line);

    is($got->{status}, 200, 'the request is allowed');
    is($f->{method}, 'GET', 'method');
    is($f->{path}, '/api/x', 'path, without arguments');
    is($f->{route}, '/api/', 'route');
    is($f->{host}, 'api.example.com', 'host');
    is($f->{auth}, 'ok', 'auth');
    is($f->{sub}, 'alice', 'sub');
    is($f->{agent}, 'test/1.0', 'agent');
    is($f->{trace}, $trace, 'trace');
    is($f->{edge_id}, '', 'an id of somebody else is not believed');
    like($f->{id}, qr/\A[0-9a-f]{32}\z/, 'id');
    is($f->{id}, SocialEdge::echoed($got)->{'x-request-id'}[0],
       '... is what the backend got');
    is($f->{upstream_status}, '200', 'upstream_status');
    like($f->{$_}, qr/\A[0-9]+\.[0-9]{3}\z/, $_)
        for qw( upstream upstream_connect upstream_header );
    like($line, qr/"status":200,"bytes":[0-9]+,"received":[0-9]+,"seconds":[0-9]+\.[0-9]{3},/,
         'numbers are numbers');
    like($f->{time}, qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\z/, 'time');
    unlike($line, qr/secret/, 'nothing of the arguments');

    $f = fields('access.log', '/api/x', headers => [ 'X-Request-Id: of-the.lb' ],
                from => '127.0.0.2');
    is($f->{edge_id}, 'of-the.lb', 'the id of a trusted peer');
    is($f->{auth}, 'none', 'a request without a token');
    is("$f->{sub} $f->{status}", ' 401', '... has no user');

    $f = fields('access.log', '/api/x',
                headers => [ 'User-Agent: ' . 'a' x 300 . "\xff" ]);
    is($f->{agent}, 'a' x 200, 'a long agent is cut');

    is(fields('access.log', $_->[0])->{route}, $_->[1], "route of $_->[0]")
        for [ '/file.txt', 'page' ], [ '/api/users/x', '/api/users/' ],
            [ '/uploads', '/uploads' ], [ '/uploads/1', '/uploads' ],
            [ '/uploadsx', 'page' ], [ '/images/a/b.jpg', 'assets' ],
            [ '/me', '/me' ], [ '/mex', 'page' ];
};

subtest 'what W3C does not have as a trace' => sub {
    for my $value ('', '00-' . '0' x 32 . '-00f067aa0ba902b7-01',
        'ff-' . 'a' x 32 . '-00f067aa0ba902b7-01',
        '00-' . 'A' x 32 . '-00f067aa0ba902b7-01',
        '00-' . 'a' x 31 . '-00f067aa0ba902b7-01',
        '00-' . 'a' x 32 . '-' . '0' x 16 . '-01',
        '00-' . 'a' x 32 . '-00f067aa0ba902b7-01x')
    {
        my $before = lines('access.log');

        $edge->get('/file.txt', headers => [ "traceparent: $value" ]);
        SocialNginx::wait_for(10, sub { lines('access.log') > $before });
        is($json->decode((lines('access.log'))[-1])->{trace}, '', "\"$value\"");
    }
};

# Every byte in each place that a client can fill; one request for each, and its
# line must be JSON in valid UTF-8.

subtest 'hostile bytes' => sub {
    my $before = lines('access.log');
    my $n = 0;

    for my $byte (1 .. 9, 11, 12, 14 .. 255) {
        my $c = chr $byte;
        my $hex = sprintf '%%%02x', $byte;

        $edge->get("/$hex/$hex$hex", headers => [ "User-Agent: a${c}b" ]);
        $n++;
        next if $byte <= 32 || $c eq '?' || $c eq '#' || $byte == 127;

        # some of these are refused, and logged too
        $edge->get('', raw => "GET /raw$c HTTP/1.1",
                   headers => [ "Host: a${c}b", "traceparent: $c" ]);
        $n++;
    }

    my $long = '%c3%a9' x 1200;

    for my $path ("/$long", '/%e2%82', '/%f4%90%80%80', '/%ed%a0%80',
        '/%c0%80', '/%f0%9f%98%80', '/%22%5c%0a%0d', '/%7f')
    {
        $edge->get($path);
        $n++;
    }

    $edge->get('', raw => "\x16\x03\x01\xff\xfe \"\\ HTTP/1.1");
    $n++;

    SocialNginx::wait_for(20, sub { lines('access.log') >= $before + $n });

    my @lines = lines('access.log');
    my @bad = grep { !eval { $json->decode($_); 1 } } @lines;

    is(scalar @lines, $before + $n, 'each has a line');
    is_deeply(\@bad, [], 'each line is JSON');

    my %path = map { my $f = eval { $json->decode($_) } // {};
                     ($f->{path} // '') => 1 } @lines;

    ok($path{"/\x{1F600}"}, 'a path in UTF-8');
    ok($path{'/' . "\x{e9}" x 1200}, '... and a long one');
    ok($path{"/\"\\\n\r"}, '... and one with escapes');
    ok($path{'/%ed%a0%80'}, 'one that is not UTF-8 is as it was sent');
    ok($path{'/%c0%80'}, '... nor in its longest form');

    my @emf = lines('emf.log');
    is(scalar @emf, scalar @lines, 'there are as many lines for CloudWatch');
    is_deeply([ grep { !eval { $json->decode($_); 1 } } @emf ], [],
              '... and each is JSON');
    is_deeply([ grep { defined } map { not_emf($json->decode($_)) } @emf ], [],
              '... in the embedded metric format');
};

# Why an object is not in the embedded metric format, or undef: by AWS's
# specification, "Specification: Embedded metric format".

sub not_emf {
    my ($o) = @_;

    my %unit = map { $_ => 1 } qw( Count Milliseconds Bytes );
    my $aws = $o->{_aws};

    return 'no _aws' if ref $aws ne 'HASH';
    return 'Timestamp' if !number($aws->{Timestamp})
        || $aws->{Timestamp} !~ /\A[0-9]{13}\z/
        || abs($aws->{Timestamp} / 1000 - time) > 600;
    return 'no directive' if ref $aws->{CloudWatchMetrics} ne 'ARRAY'
        || !@{ $aws->{CloudWatchMetrics} };

    for my $d (@{ $aws->{CloudWatchMetrics} }) {
        return 'Namespace' if ref $d->{Namespace} || $d->{Namespace} !~ /\A[\w.\/#:-]{1,255}\z/;
        return 'Dimensions' if ref $d->{Dimensions} ne 'ARRAY' || !@{ $d->{Dimensions} };

        for my $set (@{ $d->{Dimensions} }) {
            return 'a set' if ref $set ne 'ARRAY' || @$set > 30;

            for my $name (@$set) {
                return "dimension $name" if !defined $o->{$name}
                    || number($o->{$name}) || length $o->{$name} < 1
                    || length $o->{$name} > 1024;
            }
        }

        return 'Metrics' if ref $d->{Metrics} ne 'ARRAY' || @{ $d->{Metrics} } > 100;

        for my $m (@{ $d->{Metrics} }) {
            return "metric $m->{Name}" if !number($o->{ $m->{Name} })
                || $o->{ $m->{Name} } < 0;
            return "unit of $m->{Name}" if !$unit{ $m->{Unit} };
        }
    }

    return undef;
}

# A number in JSON, not a text with digits.

sub number {
    my ($v) = @_;
    return defined $v && !ref $v && JSON::PP->new->allow_nonref->encode($v)
                                    =~ /\A-?[0-9.]+\z/;
}

subtest 'metrics of API Gateway' => sub {
    my $f = fields('emf.log', '/api/x', headers => [ bearer() ]);

    is(not_emf($f), undef, 'a request of a backend');
    is("$f->{Count} $f->{'4xx'} $f->{'5xx'}", '1 0 0', '... counts');
    is($f->{Route}, '/api/', '... for its route');
    ok(exists $f->{IntegrationLatency}, '... with the time of the backend');

    $f = fields('emf.log', '/api/slow/1100', headers => [ bearer() ]);
    cmp_ok($f->{Latency}, '>=', 1100, 'milliseconds of more than a second');
    cmp_ok($f->{IntegrationLatency}, '>=', 1100, '... of the backend');

    $f = fields('emf.log', '/file.txt');
    is(not_emf($f), undef, 'a file');
    ok(!exists $f->{IntegrationLatency}, '... has no backend');
    is($f->{Latency}, 0, '... and is there in no time');

    $f = fields('emf.log', '/api/x');
    is("$f->{Count} $f->{'4xx'} $f->{'5xx'}", '1 1 0', 'an error of a client');

    $f = fields('emf.log', '/api/fails/');
    is("$f->{Count} $f->{'4xx'} $f->{'5xx'}", '1 0 1', 'an error of ours');

    isnt(not_emf({ %$f, Latency => '1' }), undef, 'a text is not a number');
    isnt(not_emf({ %$f, Route => '' }), undef, 'a dimension is not empty');
};

subtest 'logs are opened again' => sub {
    my $logrotate = (grep { -x } qw( /usr/sbin/logrotate ))[0]
        or plan skip_all => 'SKIPPED: logrotate is not installed';

    my $conf = SocialNginx::slurp('conf/logrotate.conf');
    my $me = getpwuid $>;
    my $group = getgrgid((split ' ', $))[0]);

    $conf =~ s{/srv/social/run/nginx\.pid}{$dir/nginx.pid}g;
    $conf =~ s{/srv/social/}{$dir/}g;
    $conf =~ s/www-data adm/$me $group/ or die 'no owner in logrotate.conf';
    $edge->nginx->write_file('logrotate.conf', $conf);
    chmod 0644, "$dir/logrotate.conf";
    chmod 0755, "$dir/logs";

    my $before = lines('access.log');
    my $said = `$logrotate -f -s $dir/logrotate.state $dir/logrotate.conf 2>&1`;

    is($?, 0, 'logrotate takes the shipped configuration') or diag($said);
    is(scalar lines('access.log.1'), $before, 'what there was is in another file');

    # what opens them again is a signal

    ok(SocialNginx::wait_for(20, sub {
        $edge->get('/file.txt');
        return scalar lines('access.log');
    }), 'and new lines are in the log');

    my ($line) = line_of('access.log', '/file.txt');
    ok($json->decode($line), '... whole ones');
};

my $log = $edge->nginx->error_log;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing went wrong');
unlike($log, qr/\[warn\]/, '... and nginx warns of nothing');

subtest 'a pseudonym in place of a user' => sub {
    my $log = SocialNginx::slurp('conf/social/log.conf');

    $log =~ s/default \$social_sub;/default \$social_sub_hash;/
        or die 'no $social_sub in log.conf';

    # and a status of nginx that cannot be had at will

    $log =~ s/map \$status (\$social_log_status)/map \$arg_status\$status $1/
        or die 'no status in log.conf';
    $edge->nginx->write_file('log.conf', $log);

    my %conf = conf();
    $conf{http} =~ s{social/log\.conf}{log.conf};

    $edge->conf(%conf);
    like($edge->refusal, qr/unknown "social_sub_hash" variable/,
         'it takes a secret');

    $conf{http} .= "social_secret logs file=$dir/key;\n";
    $edge->conf(%conf, http => "$conf{http} social_sub_hash;");
    like($edge->refusal, qr/invalid number of arguments in "social_sub_hash"/,
         '... which is named');

    $edge->conf(%conf, http => "$conf{http} social_sub_hash secret=other;");
    like($edge->refusal, qr/unknown secret "other" \(add "social_secret other" to the "http" block\) in "social_sub_hash" directive in \S+nginx\.conf:\d+/,
         '... and defined');

    $edge->conf(%conf, http => "$conf{http} social_sub_hash secret=logs;");
    is($edge->refusal, '', '... and then it is used');
    ok($edge->nginx->reload(1), 'reloaded');

    my $want = substr hmac_sha256_hex("$issuer\nalice", $key), 0, 32;
    my ($line) = line_of('access.log', '/api/x',
                         headers => [ bearer(sub => 'alice') ]);
    my $f = $json->decode($line);

    is($f->{sub}, $want, 'it is the HMAC of issuer and subject');
    unlike($line, qr/alice/, 'the subject is not in the line');

    ($line) = line_of('access.log', '/file.txt?status=000');
    like($line, qr/"status":0,/, 'a status of 000 is a number');

    my $other = fields('access.log', '/api/x',
                       headers => [ bearer(sub => 'bob') ]);
    is($other->{sub}, substr(hmac_sha256_hex("$issuer\nbob", $key), 0, 32),
       'another user has another one');
    is(fields('access.log', '/api/home')->{sub}, '', 'nobody has none');
    is(fields('access.log', '/api/x', headers => [ bearer(sub => 'alice',
        -key => 'forged') ])->{sub}, '', 'nor has a forged token');
};

$edge->nginx->stop;

done_testing();
