#!/usr/bin/perl

# Starts conf/minimal.conf in front of a backend and uses it.  The file is the
# shipped one but for four edits, counted below: where keys and names come
# from, on which port it listens, and where it may write.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use POSIX ();
use SocialNginx;
use SocialPeers qw( http_server http_answer name_server );
use SocialMint;
use Test::More;

my $conf = SocialNginx::slurp('conf/minimal.conf');
my $page = 'https://app.example.com';


# the file itself

my @lines = grep { !/^\s*(?:#|$)/ } split /\n/, $conf;

cmp_ok(scalar @lines, '<=', 15, 'the file has at most 15 lines');
is((grep { length > 80 } split /\n/, $conf), 0, '... none of them long');

my ($pool) = $conf =~ /^\s*user_pool\s+(\S+);/m;
my ($client) = $conf =~ /^\s*client_ids\s+(\S+);/m;
my ($host, $port) = $conf =~ m{proxy_pass\s+http://([\w.]+):(\d+)};

like($conf, qr/^\s*social_cors_origins\s+\Q$page\E;$/m, '... allows a page');

SKIP: {
    # unchanged, it writes where nginx was configured to at its build
    skip 'not root: the file as it is was not tested', 1 if $>;

    my $whole = SocialNginx->new(conf => $conf);
    my @command = $whole->command;
    my $said = `@{[ map { "'$_'" } @command ]} -t 2>&1`;

    is($?, 0, '... and is right as it is') or diag($said);
}


# what stands round it; each run has loopback addresses of its own, so that
# the backend's port can be the file's

my @backends = map { join '.', 127, map { 1 + int rand 254 } 1 .. 3 } 1 .. 2;
my @key = map { SocialMint->new_key('key-1') } 1 .. 2;
my $jwks = SocialMint->jwks($key[0]);

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $listen = SocialNginx::free_port();

my $keys = http_server('127.0.0.1', 0, sub {
    append("$dir/keys.log", $_[0]);
    return http_answer('application/json', $jwks);
});

my @server = map {
    my $address = $_;
    http_server($address, $port, sub {
        my ($text) = @_;
        append("$dir/backend.log", $text);
        return http_answer('application/json', JSON::PP->new->encode({
            backend => $address, request => $text }));
    });
} @backends;

my $names = name_server($nginx->write_file('address', "$backends[0]\n"));


# the edits

edit('user_pool\s+\S+;', sub {
    "$_[0] jwks_uri http://127.0.0.1:" . $keys->port . '/keys.json;'
});
edit('resolver\s+[\d.]+;', sub { 'resolver 127.0.0.1:' . $names->port . ';' });
edit('http\s+\{', sub { "$_[0] " . $nginx->http_paths });
edit('server\s+\{', sub { "$_[0] listen 127.0.0.1:$listen;" });

$nginx->write_file('nginx.conf', $conf);
$nginx->start($listen);

my $worker = $nginx->worker;


# what a worker has open and loaded before its first request

ok(SocialNginx::wait_for(10, sub {
    $nginx->error_log =~ /loaded new keys/ && sockets() eq '';
}), 'a worker without requests has no socket but its listener')
    or diag(join "\n", SocialNginx::sockets($worker), $nginx->error_log);

is(() = SocialNginx::slurp("$dir/keys.log") =~ /^GET/mg, 1,
   '... and has fetched the keys once');

unlike(SocialNginx::maps($worker), qr/libvips|libglib/,
       '... and has loaded no libvips');
like(SocialNginx::maps($worker), qr/ngx_http_social_module\.so/,
     '... but the module');


# good tokens

my $claims = SocialMint::access_claims($pool, $client);
my %token = (libjwt => $key[0]->mint($claims), jose => $key[0]->jose($claims));

for my $who (sort keys %token) {

    my $got = ask("GET /a%2Fb//c?d=%20e HTTP/1.1", bearer($token{$who}),
                  "Origin: $page", 'X-Social-Sub: root',
                  'x_social-username: root');

    is($got->{status}, 200, "a token of $who is let in");
    is($got->{header}{'access-control-allow-origin'}, $page,
       '... with a header that lets the page read the answer');
    like($got->{header}{vary} // '', qr/\bOrigin\b/, '... and Vary');

    my $seen = backend_headers($got);

    like($seen->{''}, qr{^GET /a%2Fb//c\?d=%20e HTTP/1\.\d$},
         '... the backend sees the URI as it was sent');
    is($seen->{'x-social-sub'}, $claims->{sub}, '... X-Social-Sub');
    is($seen->{'x-social-username'}, 'ada', '... X-Social-Username');
    is($seen->{'x-social-groups'}, 'editors,readers', '... X-Social-Groups');
    is($seen->{'x-social-scopes'}, 'openid profile', '... X-Social-Scopes');
    is($seen->{'x-social-issuer'}, $claims->{iss}, '... X-Social-Issuer');
    unlike(JSON::PP->new->decode($got->{body})->{request}, qr/root/,
           '... and none that the client made up');
}


# others

my $before = SocialNginx::slurp("$dir/backend.log");

my %refused = (
    'no token' => [undef],
    'an expired token' =>
        [$key[0]->mint({ %$claims, exp => time - 120 }), 'invalid_token'],
    'a token of another key' => [$key[1]->jose($claims), 'invalid_token'],
    'a token of another client' =>
        [$key[0]->jose({ %$claims, client_id => 'x' }), 'invalid_token'],
    'an identity token' =>
        [$key[0]->mint({ %$claims, token_use => 'id', aud => $client }),
         'invalid_token'],
    'a changed token' =>
        [$token{jose} =~ s/\.(..)/.$1A/r, 'invalid_token'],
    'an unsigned token' => ['eyJhbGciOiJub25lIiwia2lkIjoia2V5LTEifQ.'
                            . (split /\./, $token{jose})[1] . '.',
                            'invalid_token'],
);

for my $what (sort keys %refused) {

    my ($token, $error) = @{ $refused{$what} };
    my $got = ask('GET / HTTP/1.1', "Origin: $page",
                  defined $token ? bearer($token) : ());

    is($got->{status}, 401, "$what is refused");
    like($got->{header}{'content-type'} // '', qr{^application/json\b},
         '... in JSON');
    is(eval { JSON::PP->new->decode($got->{body})->{message} },
       'Unauthorized', '... with a message');
    is($got->{header}{'access-control-allow-origin'}, $page,
       '... that the page may read');

    my $challenge = $got->{header}{'www-authenticate'} // '';

    like($challenge, qr/^Bearer /, '... and a challenge');
    is(($challenge =~ / error="(\w+)"/)[0], $error,
       '... that says ' . ($error // 'no error'));
}


# preflights

my @preflight = ('OPTIONS /x HTTP/1.1', 'Access-Control-Request-Method: PUT',
                 'Access-Control-Request-Headers: authorization');

my $got = ask(@preflight, "Origin: $page");

is($got->{status}, 204, 'a preflight needs no token');
is($got->{header}{'access-control-allow-origin'}, $page, '... its origin');
like($got->{header}{'access-control-allow-methods'}, qr/\bPUT\b/,
     '... its methods');
like($got->{header}{'access-control-allow-headers'}, qr/\bAuthorization\b/,
     '... its headers');

$got = ask(@preflight, 'Origin: https://evil.example');

is($got->{header}{'access-control-allow-origin'}, undef,
   'a preflight of another page gets nothing');

is(SocialNginx::slurp("$dir/backend.log"), $before,
   'the backend has seen none of these');


# the backend moves, and goes

my $first = ask('GET / HTTP/1.1', bearer($token{jose}));
is(JSON::PP->new->decode($first->{body})->{backend}, $backends[0],
   'the first backend answers');

$nginx->write_file('address', "$backends[1]\n");

ok(SocialNginx::wait_for(10, sub {
    my $now = ask('GET / HTTP/1.1', bearer($token{jose}));
    $now->{status} == 200 && index($now->{body}, $backends[1]) >= 0;
}), '... and the second one when the name is that one\'s');

$_->stop for @server;

$got = ask('GET / HTTP/1.1', bearer($token{libjwt}), "Origin: $page");

is($got->{status}, 502, 'without a backend it is 502');
is($got->{header}{'access-control-allow-origin'}, $page,
   '... that the page may read');


# afterwards

my $resolver = 'udp 127\.0\.0\.1:\d+ > 127\.0\.0\.1:' . $names->port;

like(sockets(), qr/\A(?:$resolver)?\z/,
     'all that stays open is the socket to the resolver');
is($nginx->worker, $worker, 'the worker is the same');
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'nothing bad is logged');
unlike($nginx->error_log, qr/\Q$token{jose}\E/, '... and no token');

$nginx->stop;


# what its last comment says of 1.27.3 and later

SKIP: {
    skip 'nginx is older than 1.27.3: the upstream was not tested', 2
        if SocialNginx::version() < 1_027_003;

    my ($upstream) = $conf =~ /^#\s+(upstream .*\})$/m;
    my ($pass) = $conf =~ /"(proxy_pass [^"]+)"/;

    edit("proxy_pass http:[^;]+", sub { $pass });
    edit('resolver\s[^;]+;', sub { "$_[0] $upstream" });

    my $again = http_server($backends[1], $port, sub {
        http_answer('text/plain', "again\n")
    });

    $nginx->write_file('nginx.conf', $conf);
    $nginx->start($listen);

    SocialNginx::wait_for(10, sub {
        $got = ask('GET / HTTP/1.1', bearer($token{jose}), "Origin: $page");
        $got->{status} == 200;
    });

    is($got->{body}, "again\n", 'the same with an upstream');
    is($got->{header}{'access-control-allow-origin'}, $page, '... and CORS');

    $nginx->stop;
}

done_testing();


# Changes one place of the configuration, which must be just one.

sub edit {
    my ($pattern, $code) = @_;

    my $n = $conf =~ s/^(\s*(?:location.*)?)($pattern)/$1 . $code->($2)/gme;
    is($n, 1, "one place in the file is /$pattern/");
    return;
}

sub ask {
    my ($line, @headers) = @_;

    my $text = SocialNginx::request($listen,
        join "\r\n", $line, 'Host: api.example.com', 'Connection: close',
                     @headers, '', '');

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status, $header) = parse($head);

    return { status => $status =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0,
             header => $header, body => $body };
}

# The first line, and the headers by name; two of a name are joined.

sub parse {
    my ($first, @rest) = split /\r\n/, shift;
    my %header;

    for (@rest) {
        my ($name, $value) = /^([^:]+):\s*(.*)/ or next;
        $name = lc $name;
        $header{$name} = join ', ', grep { defined } $header{$name}, $value;
    }

    return ($first, \%header);
}

sub backend_headers {
    my ($answer) = @_;

    my $request = eval { JSON::PP->new->decode($answer->{body})->{request} };
    my ($first, $header) = parse($request // '');

    return { %$header, '' => $first };
}

sub bearer { return "Authorization: Bearer $_[0]" }

# What the worker has open besides its listener.

sub sockets {
    return join "\n", grep { $_ ne "tcp 127.0.0.1:$listen" }
                           SocialNginx::sockets($worker);
}

sub append {
    my ($path, $text) = @_;

    open my $out, '>>', $path or die "$path: $!\n";
    print {$out} $text;
    close $out;
    return;
}
