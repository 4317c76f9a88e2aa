#!/usr/bin/perl

# social-explain: what it says is what the gateway answers, and it names the
# line and the claim; no token is in what it prints.

use strict;
use warnings;

use lib 't/lib';

use IPC::Open3 ();
use SocialNginx;
use SocialToken qw( token issuer_block jwks_path jwks_text $issuer );
use Symbol ();
use Test::More;

my $port = SocialNginx::free_port();
my $keys = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $jwks = jwks_path('main');

# who reads the key sets is another user than the one of the tests

$nginx->write_file('html/page', "page\n");
$nginx->write_file('html/keys.json', jwks_text('main'));
system("cp -r $dir/html/page $dir/html/$_") for qw( posts );
mkdir "$dir/html/$_" for qw( api api/admin api/free files any );
system("cp $dir/html/page $dir/html/$_/page") for
    qw( api api/admin api/free files any );
$nginx->write_file('html/api/pic.jpg', "jpg\n");

$nginx->write_file('more.conf', <<'_EOC_');
        location /api/scoped/ {
            social_auth web;
            social_auth_scopes all photos/read users/erase;
            alias html/api/;
        }
_EOC_

$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
worker_processes 1;
thread_pool default threads=4;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    large_client_header_buffers 4 16k;
    social_issuer web {
        issuer $issuer;
        jwks_file $jwks;
        client_ids web;
    }
    social_issuer other {
        issuer https://other.example.com;
        jwks_uri http://127.0.0.1:$keys/keys.json;
        audiences https://api.example.com;
        token_use any;
        leeway 10s;
    }
    social_issuer gone {
        issuer https://gone.example.com;
        jwks_uri http://127.0.0.1:1/keys.json;
        client_ids web;
    }
    server {
        listen 127.0.0.1:$keys;
        listen 127.0.0.1:$port;
        server_name www.example.com;
        location /keys.json { }
        location / { }
        location /api/ {
            social_auth web other gone;
            location /api/admin/ {
                social_auth_groups any admin staff2;
                social_auth_claim plan gold "gold trial";
            }
            location /api/free/ { social_auth web optional; }
            location ~ \\.jpg\$ { social_auth web optional=lenient; }
        }
        include more.conf;
        location = /api/exact { social_auth off; alias html/page; }
        location /files/ {
            limit_except GET { social_auth web; }
        }
    }
    server {
        listen 127.0.0.1:$port;
        server_name api.example.com *.api.example.com;
        social_auth web;
        location /any/ { }
    }
}
_EOC_

# where what is to be named stands

my ($n, %at) = (0);

for (split /\n/, SocialNginx::slurp("$dir/nginx.conf")) {
    $n++;
    $at{file} = $n if /jwks_file/;
    $at{auth} = $n if /social_auth web other gone/;
    $at{clients} //= $n if /client_ids web/;
    $at{audiences} = $n if /audiences/;
    $at{groups} = $n if /social_auth_groups/;
    $at{claim} = $n if /social_auth_claim/;
    $at{server} = $n if /server \{/;
    $at{uri} = $n if m{jwks_uri http://127.0.0.1:1/};
}

$nginx->start($port);

sub explained {
    my ($token, @options) = @_;

    my $err = Symbol::gensym();
    my $pid = IPC::Open3::open3(my $in, my $out, $err, 'scripts/social-explain',
        '--nginx', SocialNginx::binary(), '-p', "$dir/",
        '-c', "$dir/nginx.conf", @options);

    local $SIG{PIPE} = 'IGNORE';
    print {$in} $token if defined $token;
    close $in;

    local $/;
    my ($said, $wrong) = (scalar <$out>, scalar <$err>);
    waitpid $pid, 0;

    return ($? >> 8, $said // '', $wrong // '');
}

sub asked {
    my ($token, $uri, $host, $method) = @_;

    my $authorization = $token ? "Authorization: Bearer $token\r\n" : '';
    my $got = SocialNginx::request($port, "$method $uri HTTP/1.1\r\n"
        . "Host: $host\r\nConnection: close\r\n$authorization\r\n");

    return $got =~ m{\AHTTP/1.1 (\d+)} ? $1 : 0;
}

my $now = time;
my %o = (iss => 'https://other.example.com', aud => 'https://api.example.com',
         token_use => undef, client_id => undef);

# name, token, URI, then what the lines have; "host" and "method" by options

my @cases = (
    [ 'good', [], '/api/page', qr/^answer +allowed/m,
      qr/^signature +good$/m, qr/^keys +1 in "\Q$jwks\E"  \(\S+nginx.conf:$at{file}\)/m,
      qr/^social_auth +web other gone  \(\S+nginx.conf:$at{auth}\)$/m ],
    [ 'none', undef, '/api/page', qr/^answer +401, WWW-Auth/m ],
    [ 'expired', [exp => $now - 300], '/api/page',
      qr/^answer +401, expired: /m, qr/^exp .* UTC, 5 minutes ago$/m,
      qr/^leeway +30 s  /m ],
    [ 'within the leeway', sub { exp => time - 5 }, '/api/page', qr/allowed/ ],
    [ 'early', [nbf => $now + 3000], '/api/page', qr/^answer +401, not_yet/m,
      qr/^nbf .* in \d+ minutes$/m ],
    [ 'a client', [client_id => "mobile\n\e[1m"], '/api/page',
      qr/^answer +401, client: /m, qr/^client_id +"mobile%0A%1B\[1m"$/m,
      qr/^client_ids +do not have it  \(\S+nginx.conf:$at{clients}\)$/m ],
    [ 'an audience', [%o, aud => 'https://x.example.com'], '/api/page',
      qr/^answer +401, audience: /m, qr{^aud +"https://x.example.com"$}m,
      qr/^audiences +do not have it  \(\S+nginx.conf:$at{audiences}\)$/m ],
    [ 'fetched keys', [%o], '/api/page', qr/allowed/,
      qr{^keys +1 fetched from http://127.0.0.1:$keys/keys.json  }m ],
    [ 'a use', [token_use => 'id', aud => 'web'], '/api/page',
      qr/^answer +401, token_use: /m, qr/^token_use +"id"$/m ],
    [ 'a foreign issuer', [iss => 'https://evil.example'], '/api/page',
      qr/^answer +401, issuer: /m, qr{^iss +"https://evil.example"$}m,
      qr{^social_issuer +other: its tokens have iss "https://other.exam}m ],
    [ 'an unknown key', [-key => 'other'], '/api/page',
      qr/^answer +401, unknown_key: /m, qr/^key +none has that kid$/m ],
    [ 'a forged one', [-key => 'forged'], '/api/page',
      qr/^answer +401, signature: /m, qr/^signature +wrong$/m ],
    [ 'a type', [-header => { typ => 'logout+jwt' }], '/api/page',
      qr/^answer +401, token_use: /m, qr/^token_type +is not that of/m ],
    [ 'an algorithm', [-header => { alg => 'RS512' }], '/api/page',
      qr/^answer +401, algorithm: /m, qr/^algorithms +do not have/m ],
    [ 'rubbish', 'rubbish', '/api/page', qr/^answer +401, malformed: /m ],
    [ 'a long one', 'a' x 9000, '/api/page', qr/^answer +401, too_large: /m ],
    [ 'a group and a claim', [], '/api/admin/page', qr/^answer +403, /m,
      qr/^cognito:groups +"staff,beta"$/m,
      qr/^social_auth_groups +the token has none  \(\S+nginx.conf:$at{groups}\)$/m,
      qr/^social_auth_claim +plan: it is not one of .*nginx.conf:$at{claim}\)$/m ],
    [ 'both', ['cognito:groups' => ['admin'], plan => 'gold'],
      '/api/admin/page', qr/^answer +allowed/m ],
    [ 'scopes, in an included file', [], '/api/scoped/page',
      qr/^answer +403, /m, qr{^scope +"photos/read photos/write"$}m,
      qr/^social_auth_scopes +the token does not have all  \(\S+more.conf:3\)$/m ],
    [ 'optional', undef, '/api/free/page', qr/^answer +allowed, as anonymous/m ],
    [ 'optional, expired', [exp => 1], '/api/free/page', qr/^answer +401/m ],
    [ 'lenient, in a regular expression', [exp => 1], '/api/pic.jpg',
      qr/^answer +allowed, as anonymous: "optional=lenient" \(expired: /m,
      qr/^location +\\\.jpg\$$/m ],
    [ 'exact', undef, '/api/exact', qr/^location +\/api\/exact$/m,
      qr/^social_auth +off: /m, qr/^answer +allowed$/m ],
    [ 'public', 'rubbish', '/page', qr/^answer +allowed$/m ],
    [ 'another server', undef, '/any/page', qr/^answer +401/m,
      qr/^server +api.example.com  \(\S+nginx.conf:$at{server}\)$/m,
      { host => 'API.example.com' } ],
    [ 'a server by a wildcard', [], '/any/page', qr/^answer +allowed/m,
      { host => 'eu.api.example.com' } ],
    [ 'an unknown server is the first', undef, '/api/page', qr/answer +401/,
      qr/^server +www.example.com  /m, { host => 'nobody.example.com' } ],
    [ 'limit_except', undef, '/files/page', qr/^answer +401/m,
      qr/^location +\/files\/, its "limit_except"$/m, { method => 'DELETE' } ],
    [ 'limit_except, as it allows', undef, '/files/page',
      qr/^answer +allowed$/m, { method => 'HEAD' } ],
    [ 'no keys', [iss => 'https://gone.example.com'], '/api/page',
      qr/^answer +503: no_keys$/m,
      qr/^keys +could not be fetched from .*nginx.conf:$at{uri}\)$/m ],
);

for my $case (@cases) {
    my ($name, $claims, $uri, @like) = @$case;
    my $how = ref $like[-1] eq 'HASH' ? pop @like : {};
    my $method = $how->{method} // 'GET';
    $claims = [ $claims->() ] if ref $claims eq 'CODE';

    my $token = ref $claims ? token(@$claims) : $claims;

    my ($rc, $said, $wrong) = explained($token, '--location', $uri,
        $how->{method} ? "--method=$method" : (),
        $how->{host} ? ('--host', $how->{host}) : ());

    my $status = asked($token, $uri, $how->{host} // 'localhost', $method);
    my $is = $rc == 0 ? 'allowed' : $said =~ /^answer +(\d+)/m ? $1 : $said;

    is($is, $status =~ /\A(?:2|40[45])/ ? 'allowed' : $status,
       "$name: as the gateway") or diag($said, $wrong);
    is($rc, $status =~ /\A5/ ? 2 : $status =~ /\A40[13]/ ? 1 : 0,
       "$name: exits with $rc");
    is($wrong, '', "$name: no error");

    like($said, $_, "$name: $_") for @like;

    if (ref $claims) {
        my @parts = split /\./, $token;
        ok(index("$said$wrong", $parts[2]) < 0
           && index($said, $parts[1]) < 0, "$name: not the token");
        unlike($said, qr/alice|c0ffee|\bj1\b/, "$name: no name of a user");
    }
}

# "Bearer" before it, and space around it, as it is copied

is((explained("  Bearer @{[ token() ]}\n\n", '--location=/api/page?a=b'))[0], 0,
    'copied with its scheme');

# What cannot be said is not a verdict.

my @wrong = (
    [ [ '--location', 'api' ], qr/must begin with "\/"/ ],
    [ [ '--loction=/' ], qr/unknown option "--loction"/ ],
    [ [ 'eyJ' ], qr/read from the standard input only/ ],
    [ [ '-c' ], qr/"-c" has no value/ ],
    [ [ '--nginx', '/none' ], qr/there is no "\/none"/ ],
    [ [ '-c', "$dir/none.conf" ], qr/none\.conf" failed/ ],
);

for my $case (@wrong) {
    my ($options, $like) = @$case;
    my ($rc, $said, $wrong) = explained('', @$options);
    is($rc, 2, "@$options: exits with 2");
    like($wrong, $like, "@$options: says why");
}

$nginx->write_file('bare.conf', "events { }\nhttp { }\n");
my ($rc, undef, $wrong) = explained('', '-c', "$dir/bare.conf");
is($rc, 2, 'without the module: exits with 2');
like($wrong, qr/does not load ngx_http_social_module/, '... and says so');

$nginx->write_file('empty.conf', "load_module "
    . "modules/ngx_http_social_module.so;\nevents { }\nhttp { }\n");
(my $code, my $said) = explained('', '-c', "$dir/empty.conf");
is($code, 2, 'without a server: exits with 2');
like($said, qr/^server +none/m, '... and says so');

# A gateway that runs does not care.

$ENV{SOCIAL_EXPLAIN} = 1;
my $second = SocialNginx->new;
my $at = SocialNginx::free_port();
$second->write_file('nginx.conf', SocialNginx::slurp("$dir/nginx.conf")
    =~ s/127\.0\.0\.1:$port/127.0.0.1:$at/gr
    =~ s/listen 127\.0\.0\.1:$keys;//r =~ s/\Q$dir\E/$second->{dir}/gr
    =~ s/include more\.conf;//r);
$second->start($at);
pass('a gateway with the variable in its environment runs');
$second->stop;
delete $ENV{SOCIAL_EXPLAIN};

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no alert');

done_testing();
