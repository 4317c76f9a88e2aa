#!/usr/bin/perl

# Limits by verified subject and by address: requests at the same time while
# the keys are being fetched, on one connection, over HTTP/2, and with the
# shipped conf/social/limits.conf.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use SocialNginx;
use SocialNode qw( node );
use SocialServer;
use SocialToken;
use Test::More;

my $page = 'https://app.example.com';
my $backend = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";
my $version = SocialNginx::version();
my ($nginx, $listen);

# a minute is more than a block of requests takes, so that a rate of one
# a minute is "burst" and one, and no more

my $http = <<"_EOC_";
    include social/limits.conf;

    limit_req_zone \$social_sub zone=sub:1m rate=1r/m;
    limit_req_zone \$social_sub zone=sub2:1m rate=1r/m;
    limit_req_zone \$social_sub zone=sub3:1m rate=1r/m;
    limit_req_zone \$social_anonymous zone=anonymous:1m rate=1r/m;
    limit_req_zone \$binary_remote_addr zone=address:1m rate=1r/m;
    limit_req_zone \$social_address zone=network:1m rate=1r/m;

    social_json_errors on;
    social_cors on;
    social_cors_origins $page;
    social_cors_expose retry-after;
_EOC_

my $locations = <<"_EOC_";
        location /cold {
            social_auth main;
            limit_req zone=sub burst=9 nodelay;
            limit_req zone=anonymous burst=2 nodelay;
            proxy_pass $backend;
        }

        location /optional {
            social_auth main optional;
            limit_req zone=sub2 burst=9 nodelay;
            proxy_pass $backend;
        }

        location /http2 {
            social_auth main;
            limit_req zone=sub3 burst=9 nodelay;
            proxy_pass $backend;
        }

        location /address {
            limit_req zone=address burst=2 nodelay;
            proxy_pass $backend;
        }

        location /network {
            limit_req zone=network;
            proxy_pass $backend;
        }

        location /conn {
            social_auth main;
            limit_conn social_subject_connections 2;
            proxy_pass $backend;
        }

        location /shipped {
            social_auth main;
            include social/limited.conf;
            proxy_pass $backend;
        }

        location /open {
            include social/limited.conf;
            proxy_pass $backend;
        }
_EOC_


# keys that take their time, and one of a hundred requests at once: who sent
# them is known only when the keys are there

start(1, "jwks_uri $backend/keys/cold-$$/slow-3000-main", 'jwks_timeout 30s');

my @sent = (
    (map { [a => "/cold/$_", bearer(sub => 'a')] } 1 .. 100),
    (map { [b => "/cold/$_", bearer(sub => 'b')] } 1 .. 10),
    (map { [forged => "/cold/$_", bearer(-key => 'forged', sub => 'b')] }
        1 .. 4),
    (map { [bad => "/cold/$_", 'Authorization: Bearer x'] } 1 .. 3),
    (map { [none => "/cold/$_"] } 1 .. 3),
);

my @open = map { send_one(@$_[1 .. $#$_]) } @sent;
my $waited = $nginx->error_log !~ /loaded new keys/;
my %got;

push @{ $got{ $sent[$_][0] } }, receive($open[$_]) for 0 .. $#sent;

SKIP: {
    skip 'the machine was too slow: the keys came first', 1 if !$waited;
    pass('the requests were sent before there were keys');
}

is(count($got{a}, 200), 10, 'ten of a hundred of one subject are good');
is(count($got{a}, 429), 90, '... and ninety are too many');
is(count($got{b}, 200), 10, 'another subject is not affected');
limited($_, 'a 429') for (grep { $_->{status} == 429 } @{ $got{a} })[0, -1];

my @nobody = map { @{ $got{$_} } } qw( forged bad none );

is(count(\@nobody, 401), 3,
   'with no token or a bad one, the address is counted');
is(count(\@nobody, 429), 7, '... together');

is(ask("/control/cold-$$/count")->{body}, "1\n", 'the keys were fetched once');

is(ask('/cold', bearer(sub => 'a', scope => 'other'))->{status}, 429,
   'another token of the same subject is counted with the first');
is(ask('/cold', bearer(-key => 'forged', sub => 'new'))->{status}, 429,
   'a forged subject does not count as one');
is(ask('/cold', bearer(sub => 'new'))->{status}, 200, '... and a true one does');


# preflights count nowhere, and are answered where others are too many

my @preflight = ("Origin: $page", 'Access-Control-Request-Method: PUT');

is(count([ map { ask('OPTIONS /address', @preflight) } 1 .. 20 ], 204), 20,
   'twenty preflights');
is(count([ map { ask('/address') } 1 .. 5 ], 200), 3,
   '... take nothing from a limit of three');
is(ask('OPTIONS /address', @preflight)->{status}, 204,
   '... and are answered beyond it');
is(ask('OPTIONS /address')->{status}, 429, 'plain OPTIONS is counted');


# one connection

my @lines = map { [ "/optional/$_", bearer(sub => $_ % 2 ? 'c' : 'd') ] }
                1 .. 30;
my @answers = keep_alive(@lines);

is(@answers, 30, 'thirty requests on one connection');
is(count([ @answers[map { 2 * $_ } 0 .. 14] ], 200), 10,
   '... ten good ones of the one subject');
is(count([ @answers[map { 2 * $_ + 1 } 0 .. 14] ], 200), 10,
   '... and of the other');
is(count(\@answers, 429), 10, '... and the others are 429');
limited($answers[-1], 'the last one');

is(count([ keep_alive(map { ["/optional/$_"] } 1 .. 15) ], 200), 15,
   'without an identity, a limit by subject counts nothing');


# requests at the same time

my $token = bearer(sub => 'e');

@open = map { send_one('/conn/slow/1500', $token) } 1 .. 6;
%got = (e => [ map { receive($_) } @open ]);

cmp_ok(count($got{e}, 200), '>=', 2, 'limit_conn by subject lets two through');
is(count($got{e}, 200) + count($got{e}, 429), 6,
   '... and what else there is, is 429');


# HTTP/2: as streams of one connection, in turn and at once.  Debian's curl
# cannot use such a connection twice.

SKIP: {
    my $node = node();

    skip 'SKIPPED: there is no node: HTTP/2 was not tested', 12 if !$node;

    for my $how ('in turn', 'at once') {
        my @answers = http2($node, $how, '/http2', 15,
                            bearer(sub => "h2 $how"));

        is(@answers, 15, "fifteen streams, $how");
        is(count(\@answers, 200), 10, '... ten are good');
        is(count(\@answers, 429), 5, '... and five are 429');

        next if $how ne 'in turn';

        limited($answers[-1], 'the last one');
    }
}


# networks

SKIP: {
    my $built = SocialNginx::binary();

    skip 'nginx has no realip module: addresses were not tested', 7
        if `$built -V 2>&1` !~ /with-http_realip_module/;

    my %first = (
        '2001:db8:1:2::5' => 'an IPv6 address',
        '2001:db8:1:3::5' => 'one of another network',
        '192.0.2.1' => 'an IPv4 address',
        '::ffff:192.0.2.2' => 'another, written as an IPv6 address',
    );

    for my $address (sort keys %first) {
        is(ask('/network', "X-Real: $address")->{status}, 200,
           $first{$address});
    }

    my %second = (
        '2001:db8:1:2:ffff::5' => 'the same IPv6 network',
        '::ffff:192.0.2.1' => 'the same IPv4 address, the other way',
        '192.0.2.2' => 'and the other one',
    );

    for my $address (sort keys %second) {
        is(ask('/network', "X-Real: $address")->{status}, 429,
           "... $second{$address} is the same");
    }
}


# what is shipped, as it is

$token = bearer(sub => 'f');
%got = (f => flood('/shipped', 300, $token), none => flood('/open', 400));

cmp_ok(count($got{f}, 200), '>=', 41, 'shipped: a burst of one subject');
cmp_ok(count($got{f}, 429), '>=', 1, '... and no more');
cmp_ok(count($got{none}, 200), '>=', 101, 'shipped: a burst of one address');
cmp_ok(count($got{none}, 429), '>=', 1, '... and no more');
is(count([ map { @$_ } values %got ], 200, 429), 700, '... in all');

is(ask('/shipped', bearer(sub => 'g'))->{status}, 200,
   '... and another subject at that address has its own');

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'nothing bad is logged');

$nginx->stop;


# every location that is to be limited is

for my $file (qw( conf/local/module_api.conf.in conf/social/api.conf
                  conf/social/idp.conf ))
{
    my $text = SocialNginx::slurp($file);

    while ($text =~ /^location ([^{]+) \{\n(.*?)^\}/gms) {
        my ($name, $block) = ($1, $2);
        like($block,
             qr{limit_req zone=social_|include social/(?:limited|backend)\.conf},
             "$file: $name is limited");
    }
}

like(SocialNginx::slurp('conf/social/backend.conf'),
     qr{^include social/limited\.conf;$}m, 'and so is what backend.conf is in');

done_testing();


# Starts nginx with that issuer; "cold" waits for no keys.

sub start {
    my ($cold, @issuer) = @_;

    my $two = SocialNginx::free_port();

    $listen = SocialNginx::free_port();
    $nginx = SocialNginx->new;
    $nginx->{http2} = $two;

    my $block = issuer_block('main', "issuer $issuer", 'client_ids web',
                             @issuer);
    my $http2 = $version >= 1_025_001 ? "listen 127.0.0.1:$two; http2 on;"
                                      : "listen 127.0.0.1:$two http2;";
    my $realip = `@{[SocialNginx::binary()]} -V 2>&1`
        =~ /with-http_realip_module/
        ? 'set_real_ip_from 127.0.0.1; real_ip_header X-Real;' : '';

    symlink Cwd::abs_path('conf/social'), "$nginx->{dir}/social";

    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 2048; }
http {
    @{[$nginx->http_paths]}
    $realip
    keepalive_requests 1000;
$http
    $block
    server {
        listen 127.0.0.1:$listen;
        location /control/ { social_cors off; proxy_pass $backend; }
$locations
    }
    server {
        $http2
$locations
    }
}
_EOC_

    $nginx->start($listen);
    return;
}

# Sends a request; the answer is read later.

sub send_one {
    my ($line, @headers) = @_;

    $line = "GET $line" if $line !~ / /;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$listen",
                                     Timeout => 30)
        or die "cannot connect to $listen: $!\n";

    push @headers, "Origin: $page" if !grep { /^Origin:/ } @headers;

    print {$sock} join "\r\n", "$line HTTP/1.1", 'Host: localhost',
                               'Connection: close', @headers, '', '';
    $sock->flush;
    return $sock;
}

sub receive {
    my ($sock) = @_;
    my $text = '';

    while (IO::Select->new($sock)->can_read(60)) {
        sysread $sock, $text, 65536, length $text or last;
    }

    close $sock;
    return parse($text);
}

sub ask { return receive(send_one(@_)) }

sub flood {
    my ($line, $n, @headers) = @_;

    my @open = map { send_one($line, @headers) } 1 .. $n;
    return [ map { receive($_) } @open ];
}

sub parse {
    my ($text) = @_;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};
    my %header = map { /^([^:]+): (.*)/ ? (lc $1, $2) : () }
                     split /\r\n/, $head // '';

    return { status => $status // 0, header => \%header,
             lines => $head // '', body => $body // '' };
}

# All of them at once on one connection; the answers in their order.

sub keep_alive {
    my (@requests) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$listen",
                                     Timeout => 30)
        or die "cannot connect to $listen: $!\n";
    my @answers;

    for (@requests) {
        my ($path, @headers) = @$_;
        my $text = '';

        print {$sock} join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                                   "Origin: $page", @headers, '', '';
        $sock->flush;

        while (IO::Select->new($sock)->can_read(60)) {
            sysread $sock, $text, 65536, length $text or last;

            my ($head, $body) = split /\r\n\r\n/, $text, 2;
            next if !defined $body;

            last if $head =~ /^Content-Length: (\d+)/mi ? length $body >= $1
                                                        : 0;
        }

        last if $text eq '';
        push @answers, parse($text);
    }

    return @answers;
}

# The answers to N requests on one connection.

sub http2 {
    my ($node, $how, $path, $n, $header) = @_;

    my $script = <<'_EOC_';
const [how, url, path, n, page, header] = process.argv.slice(1);
const session = require('http2').connect(url);
const [, name, value] = header.match(/^(.*?): (.*)/);

const ask = (i) => new Promise((resolve, reject) => {
    const stream = session.request({ ':path': `${path}/${i}`, origin: page,
        [name.toLowerCase()]: value });
    const answer = { body: '', header: {}, lines: '' };

    stream.setEncoding('utf8');
    stream.on('response', (headers) => {
        answer.status = headers[':status'];
        for (const key of Object.keys(headers)) {
            answer.header[key] = String(headers[key]);
            answer.lines += `${key}: ${headers[key]}\n`;
        }
    });
    stream.on('data', (data) => { answer.body += data; });
    stream.on('end', () => resolve(answer));
    stream.on('error', reject);
});

(async () => {
    const all = [];
    for (let i = 0; i < n; i++) {
        all.push(how === 'at once' ? ask(i) : await ask(i));
    }
    console.log(JSON.stringify(await Promise.all(all)));
    session.close();
})();
_EOC_

    open my $out, '-|', $node, '-e', $script, '--', $how,
        "http://127.0.0.1:$nginx->{http2}", $path, $n, $page, $header
        or die "node: $!\n";
    my $text = do { local $/; <$out> } // '';
    close $out;

    my $answers = eval { JSON::PP->new->decode($text) };

    return @{ $answers // [] };
}

sub count {
    my ($answers, @status) = @_;

    my $status = join '|', @status;
    return scalar grep { $_->{status} =~ /\A(?:$status)\z/ } @$answers;
}

# What a 429 has to have.

sub limited {
    my ($answer, $name) = @_;

    my $json = eval { JSON::PP->new->decode($answer->{body}) } // {};

    is($json->{message}, 'Too Many Requests', "$name: a message in JSON");
    like($json->{requestId} // '', qr/\A[0-9a-f]{32}\z/, '... with an id');
    is($answer->{header}{'content-type'}, 'application/json',
       '... that says so');
    is(() = $answer->{lines} =~ /^Retry-After: 1\r?$/mgi, 1,
       '... one Retry-After');
    is($answer->{header}{'access-control-allow-origin'}, $page,
       '... CORS headers');
    is($answer->{header}{'access-control-expose-headers'}, 'retry-after',
       '... with which the page can read that');
    return;
}
