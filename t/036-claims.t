#!/usr/bin/perl

# Claims by issuer and by location, with paths into objects: what a location
# decides by, what variables, headers and assertions have; that none of it is
# taken from what was kept of another issuer or location; and tokens without a
# subject.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use MIME::Base64 qw( decode_base64url );
use SocialNginx;
use SocialServer;
use SocialToken;
use Test::More;

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my $backend = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};";
my $true = JSON::PP::true;

chmod 0600, $nginx->write_file('secret', 'whsec_' . 'c2VjcmV0' x 6 . "\n");
chmod 0600, $nginx->write_file('credentials', <<'_EOC_');
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
_EOC_

# the blocks of one issuer, and one that has all in other places

my @base = ("issuer $issuer", "jwks_file $ENV{TEST_NGINX_JWKS}",
            'token_use any');

my $blocks = join '',
    issuer_block('plain', @base, 'client_ids *'),
    issuer_block('oid', @base, 'client_ids *', 'subject_claim oid',
                 'username_claim user.name', 'groups_claim realm_access.roles',
                 'client_claim azp', 'scope_claim permissions'),
    issuer_block('first', @base, 'client_ids *'),
    issuer_block('second', @base, 'client_ids *', 'subject_claim oid'),
    issuer_block('names', @base, 'client_ids *', 'groups_claim urn:x:roles'),
    issuer_block('azp', @base, 'client_ids web', 'client_claim azp'),
    issuer_block('client', @base, 'client_ids web'),
    issuer_block('deep', @base, 'client_ids web', 'client_claim /a~1b/c.d'),
    issuer_block('other', 'issuer https://other.example.com',
                 "jwks_file $ENV{TEST_NGINX_JWKS_OTHER}", 'client_ids *',
                 'token_use any', 'groups_claim /g/h', 'username_claim nick');

sub conf {
    my (%with) = @_;

    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes @{[ $with{workers} // 1 ]};
events { worker_connections 64; accept_mutex off; }
http {
    @{[ $nginx->http_paths ]}
    social_secret one file=$dir/secret;
    @{[ $with{blocks} // $blocks ]}
    $with{http}
    add_header X-Status \$social_auth_status always;
    add_header X-Is "\$social_sub|\$social_username|\$social_groups|\$social_scopes|\$social_client" always;
    server {
        listen 127.0.0.1:$port;
        $with{server}
    }
}
_EOC_
}

$nginx->write_file('nginx.conf', conf(
    http => "social_sub_hash secret=one;",
    server => <<"_EOC_"));
        location /plain { social_auth plain other; $backend }
        location /oid { social_auth oid other; $backend }
        location /first { social_auth first; $backend }
        location /second { social_auth second; $backend }
        location /both { social_auth other oid; $backend }
        location /names { social_auth names; $backend }
        location /two { social_auth azp client; $backend }
        location /azp { social_auth azp; $backend }
        location /client { social_auth client; $backend }
        location /deep { social_auth deep; $backend }
        location /nested {
            social_auth oid;
            social_auth_groups_claim /realm.x/roles;
            $backend
            location /nested/in { $backend }
            location /nested/out {
                social_auth_groups_claim cognito:groups;
                $backend
            }
        }
        location /asserted {
            social_auth oid;
            social_assertion secret=one;
            $backend
            location /asserted/x {
                social_auth_groups_claim /realm.x/roles;
                $backend
            }
        }
        location /staff { social_auth oid; social_auth_groups any admin;
                          $backend }
        location /named { social_auth names; social_auth_groups any admin;
                          $backend }
        location /all { social_auth names; social_auth_groups all admin on;
                        $backend }
        location /write { social_auth oid; social_auth_scopes any write;
                          $backend }
        location /claims {
            social_auth plain;
            social_auth_claim user.level 3 gold;
            social_auth_claim /realm.x/roles x;
            $backend
        }
        location /whole {
            social_auth plain;
            social_auth_claim user.level whole;
            $backend
        }
        location /variables {
            social_auth plain;
            proxy_set_header X-A "\$social_claim_realm_access_roles";
            proxy_set_header X-B "\$social_claim_user_name";
            proxy_set_header X-C "\$social_claim_realm_x_roles";
            proxy_set_header X-D "[\$social_claim_user_nobody]";
            proxy_set_header X-E "[\$social_sub_hash]";
            $backend
        }
_EOC_
$nginx->start($port);

my %claims = (
    sub => 'the-sub', oid => 'the-oid', username => 'plain-name',
    user => { name => 'Nested Name', level => 3 },
    realm_access => { roles => [ 'admin', 'site admins' ] },
    'realm.x' => { roles => [ 'x', 'y' ] }, azp => 'web', client_id => 'other',
    permissions => 'read write', scope => 's t', jti => undef,
    'urn:x:roles' => { admin => { 1 => 'a.example' }, on => $true,
                       off => JSON::PP::false, gone => {} },
    'cognito:groups' => [ 'cognito' ],
);

my $token = token(%claims);
my $foreign = token(-key => 'other', iss => 'https://other.example.com',
                    nick => 'nick', g => { h => 'one group' },
                    username => 'not this', jti => undef);

# One connection, so that what it has kept of its last token is used.

my $client = Client->new($port);

for my $round (1 .. 3) {
    is_deeply([ is_at('/plain', $token) ],
              [ 200, 'the-sub', 'plain-name', 'cognito', 's t', 'other' ],
              "as it is by default ($round)");
    is_deeply([ is_at('/oid', $token) ],
              [ 200, 'the-oid', 'Nested Name', 'admin,site%20admins',
                'read write', 'web' ],
              "as the issuer has it ($round)");
    is_deeply([ is_at('/names', $token) ],
              [ 200, 'the-sub', 'plain-name', 'admin,on', 's t', 'other' ],
              "names of an object ($round)");
    is_deeply([ is_at('/nested', $token) ],
              [ 200, 'the-oid', 'Nested Name', 'x,y', 'read write', 'web' ],
              "the location's groups ($round)");
    is_deeply([ is_at('/nested/in', $token) ],
              [ 200, 'the-oid', 'Nested Name', 'x,y', 'read write', 'web' ],
              "inherited ($round)");
    is_deeply([ is_at('/nested/out', $token) ],
              [ 200, 'the-oid', 'Nested Name', 'cognito', 'read write',
                'web' ],
              "replaced by the usual one ($round)");
    is_deeply([ is_at('/oid', $foreign) ],
              [ 200, 'c0ffee00-1234-4abc-8def-000000000001', 'nick',
                'one%20group', 'photos/read photos/write', 'web' ],
              "of another issuer of the location ($round)");
    is_deeply([ is_at('/plain', $foreign) ],
              [ 200, 'c0ffee00-1234-4abc-8def-000000000001', 'nick',
                'one%20group', 'photos/read photos/write', 'web' ],
              "the same elsewhere ($round)");
    is_deeply([ is_at('/both', $token) ],
              [ 200, 'the-oid', 'Nested Name', 'admin,site%20admins',
                'read write', 'web' ],
              "whichever of them is first ($round)");
}

# what the backend sees, and what is signed for it

like($client->body('/oid', $token),
     qr/^X-Social-Sub:\ the-oid\nX-Social-Username:\ Nested\ Name\n
        X-Social-Groups:\ admin,site%20admins\nX-Social-Scopes:\ read\ write\n/mx,
     'headers');

for my $round (1, 2) {
    my $in = asserted('/asserted', $token);
    is_deeply([ @$in{qw( sub username groups scopes )} ],
              [ 'the-oid', 'Nested Name', [ 'admin', 'site admins' ],
                [ 'read', 'write' ] ], "an assertion ($round)");
    is_deeply(asserted('/asserted/x', $token)->{groups}, [ 'x', 'y' ],
              "by the location's groups ($round)");
}

like($client->body('/variables', $token),
     qr/^X-A:\ admin,site%20admins\nX-B:\ Nested\ Name\nX-C:\ x,y\nX-D:\ \[\]\n
        X-E:\ \[\w{32}\]\n/mx, 'variables');

# decisions

sub code { return ($client->ask(@_))[0] }

is(code('/staff', $token), 200, 'a group of the issuer\'s claim');
is(code('/staff', token(%claims, realm_access => { roles => 'user' },
                        'cognito:groups' => [ 'admin' ])), 403,
   'not of the usual one');
is(code('/staff', token(%claims, realm_access => {
            roles => { admin => $true } })), 200, 'roles as names');
is(code('/staff', token(%claims, realm_access => [ 'admin' ])), 403,
   'a path that ends before');
is(code('/named', $token), 200, 'a role as a name');
is(code('/all', $token), 200, 'two of them');
is(code('/named', token(%claims, 'urn:x:roles' => { admin => {} })), 403,
   'a role in no organization');
is(code('/named', token(%claims, 'urn:x:roles' => {
            admin => JSON::PP::false })), 403, 'a role that is false');
is(code('/named', token(%claims, 'urn:x:roles' => {
            admin => JSON::PP::null })), 403, 'a role that is null');
is(code('/named', token(%claims, 'urn:x:roles' => { admin => 'no' })), 403,
   'a role that is a text');
is(code('/write', $token), 200, 'words of the claim for scopes');
is(code('/write', token(%claims, permissions => [ 'write' ])), 200,
   'an array of them');
is(code('/write', token(%claims, permissions => undef, scope => 'write')),
   403, 'no others');
is(code('/claims', $token), 200, 'claims in objects');
is(code('/claims', token(%claims, user => { level => 4 })), 403,
   'another value');
is(code('/claims', token(%claims, user => { level => 4 },
                         'user.level' => 'gold')), 200,
   'a whole name before a path');
is(code('/whole', token(%claims, 'user.level' => 'whole')), 200, 'the same');
is(code('/whole', token(%claims, 'user.level' => 'x',
                        user => { level => 'whole' })), 403,
   'no path where there is the whole name');
is(code('/claims', token(%claims, user => { level => 4 },
                         'realm.x' => { roles => [ 'x' ] },
                         'user.level' => JSON::PP::null)), 403,
   'a whole name that is null is none');

# the client

for my $round (1, 2) {
    is($client->status('/azp', $token), '200 ok', "the client ($round)");
    is($client->status('/client', $token), '401 client',
       "of another claim ($round)");
    is($client->status('/two', $token), '200 ok', "of either ($round)");
}

is($client->status('/azp', token(%claims, azp => 'x', client_id => 'web')),
   '401 client', 'another one');
is($client->status('/azp', token(%claims, azp => undef, client_id => 'web',
                                 aud => 'web')),
   '401 client', 'none');
is($client->status('/azp', token(%claims, azp => [ 'web' ])), '401 client',
   'an array');
is($client->status('/deep', token(%claims, 'a/b' => { 'c.d' => 'web' })),
   '200 ok', 'by a pointer');
is($client->status('/deep', token(%claims, a => { b => { 'c.d' => 'web' } })),
   '401 client', 'by another path');

# a claim of the wrong type, and what is kept where nothing else differs

for my $round (1, 2) {
    my $wrong = token(%claims, oid => 7);

    is($client->status('/first', $wrong), '200 ok', "not asked for ($round)");
    is($client->status('/second', $wrong), '401 claims',
       "and asked for ($round)");
    is($client->status('/first', $wrong), '200 ok', "again ($round)");
}

is($client->status('/oid', token(%claims, oid => 7)), '401 claims',
   'a subject that is a number');
is($client->status('/oid', token(%claims, oid => "a\x{1}")), '401 claims',
   'a subject with a control character');
is($client->status('/oid', token(%claims, sub => 7)), '401 claims',
   '"sub" is a string anyway');
is_deeply([ is_at('/oid', token(%claims, user => { name => 42 })) ],
          [ 200, 'the-oid', '42', 'admin,site%20admins', 'read write', 'web' ],
          'a name that is a number');


# Two blocks of one issuer: which of them accepts a token may change, and another
# worker process may know it first.  What is kept of a token is by the one that
# did.

$nginx->write_file('keys.json', jwks_text('main'));
$nginx->write_file('nginx.conf', conf(
    workers => 2, http => 'add_header X-Pid $pid always;',
    blocks => issuer_block('late', @base[0, 2], 'jwks_uri http://127.0.0.1:'
                  . "$ENV{TEST_NGINX_BACKEND_PORT}/keys/c1/gate-main",
                  'client_ids web', 'subject_claim oid', 'jwks_timeout 10s')
        . issuer_block('file', @base[0, 2], "jwks_file $dir/keys.json",
                       'client_ids web'),
    server => "location /turn { social_auth late file; $backend }"));
ok($nginx->reload(2), 'reloaded');

my $turn = token(%claims, client_id => 'web');
my ($one, $two) = two_workers();

$client = $one;
is((is_at('/turn', $turn))[1], 'the-sub',
   'the second block decides, since the first has no keys yet');

control('open');

for ($one, $two) {
    $client = $_;
    ok(SocialNginx::wait_for(15, sub {
        (is_at('/turn', token(%claims, client_id => 'web', n => rand)))[1]
            eq 'the-oid' }), 'then the first one does');
}

$client = $one;

# a verdict by other keys is no more, and the other process makes the next one

$nginx->write_file('keys.new', jwks_text('both'));
rename "$dir/keys.new", "$dir/keys.json" or die "keys.json: $!\n";

$client = $two;
ok(SocialNginx::wait_for(15, sub { (is_at('/turn', $turn))[1] eq 'the-oid' }),
   'in one process');

$client = $one;
is((is_at('/turn', $turn))[1], 'the-oid',
   'and in the other, which has kept what the second block found');


# Without a subject: where nothing needs one, and where something does.

my $database = '"host=/nowhere dbname=none"';

$nginx->write_file('nginx.conf', conf(http => <<"_EOC_", server => <<"_EOC2_"));
    social_sub_hash secret=one;
    social_database $database;
    social_revocations open;
    social_bucket raw { region eu-west-1; credentials file $dir/credentials; }
    social_limit_zone subject key=\$social_sub rate=1000r/s;
    social_limit_zone braces "key=x\${social_SUB}y" rate=1000r/s;
    social_limit_zone key key=\$social_user_key rate=1000r/s;
    social_limit_zone hash key=\$social_sub_hash rate=1000r/s;
    social_limit_zone service key=\$social_client rate=1000r/s;
_EOC_
        social_presign_key "raw/\$social_sub/\$social_upload_id";
        location /open {
            social_auth oid;
            social_assertion secret=one;
            proxy_set_header X-Hash "[\$social_sub_hash]";
            $backend
        }
        location /empty { social_auth plain; $backend }
        location /presign { social_auth oid; social_presign raw put; }
        location /uploads { social_auth oid; social_upload_status; }
        location /logout { social_auth oid; social_logout; }
        location /user { social_auth oid; social_user; }
        location /sync { social_auth oid; social_user_sync on; $backend }
        location /limited { social_auth oid; social_limit subject; $backend }
        location /braces { social_auth oid; social_limit braces; $backend }
        location /dry {
            social_auth oid;
            social_limit subject dry_run=on;
            $backend
        }
        location /key { social_auth oid; social_limit key; $backend }
        location /hash { social_auth oid; social_limit hash; $backend }
        location /service { social_auth oid; social_limit service; $backend }
        location /sign {
            social_auth oid;
            social_sign_url secret=one prefix=/private/\$social_sub/;
        }
        location /sign-client {
            social_auth oid;
            social_sign_url secret=one prefix=/private/\$social_client/;
        }
        location /any {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            social_auth oid;
            location /any/presign { social_presign raw put; }
            location /any/logout { social_logout; }
            location /any/sync { social_user_sync on; $backend }
        }
_EOC2_
ok($nginx->reload(1), 'reloaded');

$client = Client->new($port);

my $nobody = token(%claims, oid => undef);

is_deeply([ is_at('/open', $nobody) ],
          [ 200, '', 'Nested Name', 'admin,site%20admins', 'read write',
            'web' ], 'without a subject');
unlike($client->body('/open', $nobody), qr/^X-Social-Sub/m, 'no header');
like($client->body('/open', $nobody), qr/^X-Social-Issuer: /m, 'but others');
like($client->body('/open', $nobody), qr/^X-Hash: \[\]$/m, 'no pseudonym');

my $assertion = asserted('/open', $nobody);
ok(!exists $assertion->{sub}, 'an assertion without a subject');
is($assertion->{username}, 'Nested Name', 'and with the rest');

is($client->status('/empty', token(%claims, sub => '')), '200 ok',
   'an empty subject is none');
is($client->status('/empty', token(%claims, sub => JSON::PP::null)), '200 ok',
   'nor is null one');
is((is_at('/empty', token(%claims, sub => undef)))[1], '',
   'no other claim stands in');

for (qw( /sync /limited /braces /key /uploads/0190a1b2-0000-7000-8000-000000000000
         /user ))
{
    is($client->status($_, $nobody), '403 ok', "$_ needs a subject");
}

for (qw( /presign /logout /sign )) {
    my ($code, $head, $body) = $client->post($_, $nobody);
    is($code, 403, "$_ needs a subject");
    like($head, qr/^WWW-Authenticate:\ Bearer\ realm="api",\ 
                   error="insufficient_scope",\ 
                   error_description="the\ token\ lacks\ a\ subject"\r$/mx,
         'and says so');
    like($body, qr/"message":"Forbidden"/, 'in JSON');
}

is($client->status($_, $nobody), '200 ok', "$_ needs none")
    for qw( /dry /hash /service );
is($client->status($_, $token), '200 ok', "$_ with a subject")
    for qw( /limited /braces /dry /key );
is(($client->post('/sign-client', $nobody))[0], 200,
   'URLs for a client are signed');

# where the address was sufficient

for (qw( /any/presign /any/logout )) {
    is(($client->post($_, $nobody))[0], 403, "$_ without a subject");
    is(($client->post($_, ''))[0], 401, "$_ without a token");
}

is($client->status('/any/sync', $nobody), '200 ok',
   'no row is looked up without a subject');

$nginx->stop;
my @bad = grep { !/nowhere|database|revocation/ }
    $nginx->error_log =~ /^.*\[(?:alert|emerg|crit|error)\].*$/mg;
is_deeply(\@bad, [], 'no error was logged');

done_testing();


# Status, and what the variables have.

sub is_at {
    my ($path, $with) = @_;
    my ($code, $head) = $client->ask($path, $with);
    my ($is) = $head =~ /^X-Is: (.*?)\r?$/m;

    return ($code, split /\|/, $is // '', -1);
}

sub control {
    my ($what) = @_;

    SocialNginx::request($ENV{TEST_NGINX_BACKEND_PORT},
                         "GET /control/c1/$what HTTP/1.0\r\n\r\n");
    return;
}

# Connections to two worker processes.

sub two_workers {
    my (%by, @more);

    SocialNginx::wait_for(15, sub {
        my @new = map { Client->new($port) } 1 .. 4;

        for my $new (@new) {
            my ($pid) = ($new->ask('/turn', ''))[1] =~ /^X-Pid: (\d+)/m;
            $by{$pid} //= $new;
        }

        push @more, @new;
        keys %by > 1;
    }) or die "all connections were to one worker process\n";

    return @by{ sort keys %by };
}

sub asserted {
    my ($path, $with) = @_;

    my ($assertion) = $client->body($path, $with)
        =~ /^X-Social-Assertion: (\S+)/m or return {};
    SocialSecrets::made($assertion);

    return JSON::PP->new->decode(decode_base64url((split /\./,
                                                   $assertion)[1]));
}


# A client that keeps its connection.

package Client;

sub new {
    my ($class, $to) = @_;
    return bless { port => $to }, $class;
}

sub ask {
    my ($self, $path, $with, $method) = @_;

    $self->{sock} //= IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$self->{port}", Timeout => 30)
        or die "no connection: $!\n";

    my $sock = $self->{sock};
    my $auth = $with ne '' ? "Authorization: Bearer $with\r\n" : '';
    my $more = $method
        ? "Content-Type: application/json\r\nContent-Length: 2\r\n" : '';

    print {$sock} +($method // 'GET') . " $path HTTP/1.1\r\nHost: a\r\n"
                  . "$auth$more\r\n" . ($method ? '{}' : '');
    $sock->flush;

    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 30;

    local $/ = "\r\n\r\n";
    my $head = <$sock> // '';
    my $body = '';

    if ($head =~ /^Transfer-Encoding: chunked/mi) {
        local $/ = "\r\n";

        while (defined(my $size = <$sock>)) {
            read $sock, my $part, hex $size;
            <$sock>;
            last if !hex $size;
            $body .= $part;
        }

    } elsif (my ($length) = $head =~ /^Content-Length: (\d+)/mi) {
        read $sock, $body, $length;

    } elsif ($head !~ m{\AHTTP/1\.1 (?:204|304)}) {
        local $/;
        $body = <$sock> // '';
        delete $self->{sock};
    }

    alarm 0;

    delete $self->{sock} if $head eq '' || $head =~ /^Connection: close/mi;

    SocialSecrets::made_in("$head$body");

    my ($code) = $head =~ m{\AHTTP/1\.1 (\d+)};
    return ($code // 'nothing', $head, $body);
}

sub body { return (ask(@_))[2] }
sub post { return ask(@_[0 .. 2], 'POST') }

sub status {
    my ($code, $head) = ask(@_);
    my ($word) = $head =~ /^X-Status: (\w+)/m;

    return "$code " . ($word // '');
}
