# What is said of a wrong "social_issuer", "social_zone" or
# "social_thread_pool".

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialConf;

repeat_each(1);
no_long_string();

my @good = ("issuer $issuer", 'jwks_file $TEST_NGINX_JWKS', 'client_ids *');
my $uri = 'jwks_uri http://127.0.0.1:1/keys';

sub lines { return { http => issuer_block('main', @_) } }

# a good block with other lines added
sub added { return lines(@good, @_) }

# the block is wrong as a whole: the line is the one where it begins
my $start = qr/ in \S+nginx\.conf:\d+$/;

# where there is no key server
my $away = "--- no_error_log\n[alert]\n[crit]\n[emerg]";

accepted('a file of keys', added());

accepted('an issuer that says itself where its keys are', lines(
    'issuer http://127.0.0.1:1/pool/', 'client_ids *'), $away);

accepted('every line there is', lines(
    'user_pool eu-west-1_AbCdEf123', $uri, 'client_ids web "app two"',
    'audiences https://api.example.com b', 'token_use any', 'leeway 5m',
    'jwks_refresh 1m', 'jwks_stale 2h', 'jwks_cooldown 500ms',
    'jwks_timeout 30s', 'jwks_max_size 1m',
    'ca_file /etc/ssl/certs/ca-certificates.crt',
    'replica_regions us-west-2 us-gov-east-1', 'subject_claim oid',
    'username_claim a.b', 'groups_claim /a~1b/c', 'client_claim azp',
    'scope_claim permissions'), $away);

accepted('claims with names of many kinds', added(
    'subject_claim https://example.com/id', 'username_claim "a name"',
    'groups_claim urn:zitadel:iam:org:project:roles',
    'client_claim resource_access.my-app.id', 'scope_claim /'));

accepted('an issuer that is not a URL', lines(
    'issuer accounts.google.com', $uri, 'client_ids *',
    'token_type at+jwt', 'jwks_max_keys 1024'), $away);

accepted('several blocks of one issuer', { http =>
    issuer_block('a', 'issuer urn:x', $uri, 'client_ids web')
    . issuer_block('b', 'issuer urn:x', $uri, 'client_ids mobile') }, $away);

accepted('a pool in China, and a region of three words', { http =>
    issuer_block('a', 'user_pool cn-north-1_Abc1', $uri, 'client_ids *')
    . issuer_block('b', 'user_pool us-gov-west-1_Abc1', $uri,
                   'client_ids *') }, $away);

accepted('a small zone', {
    http => 'social_zone s:64k;' . issuer_block('main', @good[0, 2], $uri) },
    $away);

accepted('audiences are enough',
         lines(@good[0, 1], 'audiences https://api.example.com'));

accepted('lines in an included file', {
    http => issuer_block('main', 'include $TEST_NGINX_HTML_DIR/i.conf',
                         'client_ids *'),
    files => ">>> i.conf\nissuer $issuer;\njwks_file \$TEST_NGINX_JWKS;\n",
});

accepted('keys of no use beside one that is', lines(
    @good[0, 2], 'jwks_file $TEST_NGINX_JWKS_MIXED'),
    '--- error_log', 'ignored 2 keys in',
    'is none of the issuer\'s "algorithms"');


# the block

refused('no name', { http => 'social_issuer { }' },
        'invalid number of arguments in "social_issuer" directive');
refused('two names', { http => 'social_issuer a b { }' },
        'invalid number of arguments in "social_issuer" directive');
refused('an empty name', { http => 'social_issuer "" { }' },
        'empty name in "social_issuer" directive in ');
refused('the name off', { http => 'social_issuer off { }' },
        'invalid name "off" in "social_issuer" directive, it must '
        . 'not be "off" or "optional" or contain "=" in ');
refused('the name optional', { http => 'social_issuer optional { }' },
        'invalid name "optional" in "social_issuer" directive, it must '
        . 'not be "off" or "optional" or contain "=" in ');
refused('the name optional=lenient',
        { http => 'social_issuer optional=lenient { }' },
        'invalid name "optional=lenient" in "social_issuer" directive, it must '
        . 'not be "off" or "optional" or contain "=" in ');
refused('a name that nobody can use', { http => 'social_issuer a=b { }' },
        'invalid name "a=b" in "social_issuer" directive, it must '
        . 'not be "off" or "optional" or contain "=" in ');
refused('a name twice', { http => issuer_block('main', @good) x 2 },
        'duplicate name "main" in "social_issuer" directive', $start);
refused('in a server', { config => 'social_issuer main { }' },
        '"social_issuer" directive is not allowed here');
refused('in a location', { config => 'location /x { social_issuer a { } }' },
        '"social_issuer" directive is not allowed here');
refused('in main', { main => 'social_issuer main { }' },
        '"social_issuer" directive is not allowed here');
refused('without a block', { http => 'social_issuer main;' },
        'directive "social_issuer" has no opening "{"');
refused('an empty block', lines(),
        'neither "user_pool" nor "issuer" is defined in "social_issuer main"',
        $start);
refused('not closed', { http => 'social_issuer main { issuer http://[::1];' },
        'unexpected "{"');
refused('a line it does not know', added('jwks_url http://127.0.0.1/'),
        'unknown directive "jwks_url" in "social_issuer" block, supported are '
        . '"user_pool", "replica_regions", "issuer", "jwks_uri", '
        . '"jwks_file", "ca_file", "client_ids", "audiences", '
        . '"subject_claim", "username_claim", "groups_claim", '
        . '"client_claim", "scope_claim", "token_use", "token_type", '
        . '"algorithms", "leeway", "jwks_refresh", "jwks_stale", '
        . '"jwks_cooldown", "jwks_timeout", "jwks_max_size" and '
        . '"jwks_max_keys" in ');
refused('a block inside', lines('client_ids { a'), 'unexpected "{"');
refused('a directive of nginx', added('proxy_pass http://127.0.0.1'),
        'unknown directive "proxy_pass" in "social_issuer" block');
refused('a name in other letters', added('Leeway 30s'),
        'unknown directive "Leeway" in "social_issuer" block');
refused('a file to include that is not there', added('include no/such.conf'),
        qr{open\(\) ".*no/such\.conf" failed});
refused('a mistake in an included file', {
    http => issuer_block('main', 'include $TEST_NGINX_HTML_DIR/i.conf'),
    files => ">>> i.conf\n\n\nleeway forever;\n" },
    'invalid value "forever" in "leeway" directive', qr{i\.conf:3$});
refused('include of nothing', added('include'),
        '"include"');


# the number of arguments

for my $name (qw( user_pool issuer jwks_uri jwks_file ca_file token_use leeway
                  jwks_refresh jwks_stale jwks_cooldown jwks_timeout
                  jwks_max_size jwks_max_keys token_type subject_claim
                  username_claim groups_claim client_claim scope_claim ))
{
    refused("$name of nothing", lines($name),
            "invalid number of arguments in \"$name\" directive");
    refused("$name of two", lines("$name a b"),
            "invalid number of arguments in \"$name\" directive");
}

for my $name (qw( client_ids audiences )) {
    refused("$name of nothing", lines($name),
            "invalid number of arguments in \"$name\" directive");
    refused("$name with an empty one", lines("$name a ''"),
            "invalid value \"\" in \"$name\" directive, it must not be empty");
    refused("$name with one twice", lines("$name a b a"),
            "duplicate value \"a\" in \"$name\" directive");
}

# claims

my %path = (
    "''" => 'it must not be empty or begin with "$" (variables are not '
            . 'supported) in ',
    '$social_sub' => 'it must not be empty or begin with "$" (variables',
    "a\x{1}b" => 'it must not contain control characters in ',
    "a\xff" => 'it must be valid UTF-8 in ',
    'a..b' => 'it must not have an empty name before, between or after dots '
              . '(a path with names that have dots is written as "/a.b/c") in ',
    '.a' => 'it must not have an empty name',
    'a.' => 'it must not have an empty name',
    '/a~' => '"~" must be written as "~0", and a "/" of a name as "~1", where '
             . 'it begins with "/" in ',
    '/a~2' => '"~" must be written as "~0"',
    join('.', ('a') x 16) => 'it must not have more than 15 names in ',
    '/a' x 16 => 'it must not have more than 15 names in ',
);

for my $text (sort keys %path) {
    my $shown = $text eq "''" ? '' : $text;

    refused("subject_claim $text", lines("subject_claim $text"),
            "invalid value \"$shown\" in \"subject_claim\" directive, "
            . $path{$text});
}

for my $name (qw( username_claim groups_claim client_claim scope_claim )) {
    refused("$name a..b", lines("$name a..b"),
            "invalid value \"a..b\" in \"$name\" directive, $path{'a..b'}");
}

# replicas

for my $region (qw( "" us us-west us-west- us-west-2_ US-west-2 us-west-2a
                    us-west-2.evil.example ), 'a' x 40)
{
    (my $said = $region) =~ s/"//g;

    refused("replica_regions $region",
            lines("replica_regions us-east-1 $region"),
            "invalid value \"$said\" in \"replica_regions\" directive, it "
            . 'must be a region of AWS, as "eu-west-1" in ');
}

refused('replica_regions of nothing', lines('replica_regions'),
        'invalid number of arguments in "replica_regions" directive');
refused('replica_regions with one twice',
        lines('replica_regions us-west-2 us-west-2'),
        'duplicate value "us-west-2" in "replica_regions" directive');
refused('a replica of an issuer that is not a pool',
        added('replica_regions us-west-2'),
        '"replica_regions" without "user_pool" (add it) in "social_issuer main"',
        $start);
refused('a replica in the region of the pool', lines(
            'user_pool us-east-1_Abc', 'client_ids *',
            'replica_regions us-west-2 us-east-1'),
        'the region of "user_pool" (remove it) is among the "replica_regions" '
        . 'of "social_issuer main"', $start);

# how many

sub many {
    my ($n, @lines) = @_;
    return join '', map { issuer_block("i$_", "issuer urn:x:$_", @lines) }
                    1 .. $n;
}

accepted('as many as have room in a small zone', {
    http => 'social_zone s:2m;' . many(64, $uri, 'client_ids *') }, $away);
refused('one more', {
    http => 'social_zone s:2m;' . many(65, $uri, 'client_ids *') },
    'too many key sets to fetch: "social_zone" has room for those of 64 '
    . 'issuers (make it larger, or use "jwks_file"), and "social_issuer i65" '
    . 'is one more', $start);
accepted('more in a larger zone', {
    http => 'social_zone s:4m;' . many(128, $uri, 'client_ids *') }, $away);
refused('and no more', {
    http => 'social_zone s:4m;' . many(129, $uri, 'client_ids *') },
    'has room for those of 128 issuers', '"social_issuer i129" is one more',
    $start);
accepted('any number of files', {
    http => 'social_zone s:64k;'
            . many(200, 'jwks_file $TEST_NGINX_JWKS', 'client_ids *') });
refused('pools, which have two or more each', {
    http => 'social_zone s:64k;' . join '', map {
        issuer_block("i$_", "user_pool us-east-1_A$_", 'client_ids *',
                     'replica_regions us-west-2') } 1 .. 22 },
    'has room for those of 64 issuers', '"social_issuer i22" is one more',
    $start);

# algorithms

my $known = 'it must be one of RS256, RS384, RS512, PS256, PS384, PS512, '
    . 'ES256, ES384, ES512, EdDSA, Ed25519 and Ed448 ("none" and HS* are not '
    . 'supported) in ';

accepted('every algorithm', added(
    'algorithms RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA '
    . 'Ed25519 Ed448'));
accepted('keys of another algorithm', lines(
    @good[0, 2], 'jwks_file $TEST_NGINX_JWKS_EC', 'algorithms ES256'));

for my $bad (qw( none None NONE HS256 HS384 HS512 hs256 rs256 RS1
                 ES256K eddsa ED25519 RSA-OAEP * any ), 'RS256,RS384', "''")
{
    my $shown = $bad eq "''" ? '' : $bad;

    refused("algorithms $bad", added("algorithms RS256 $bad"),
            "invalid value \"$shown\" in \"algorithms\" directive, $known");
}

refused('algorithms of nothing', added('algorithms'),
        'invalid number of arguments in "algorithms" directive');
refused('algorithms with one twice', added('algorithms ES256 RS256 ES256'),
        'duplicate value "ES256" in "algorithms" directive');
refused('keys of an algorithm that is not in the list',
        added('algorithms ES384 PS256'), 'is not a usable key set: a key\'s '
        . '"alg" is none of the issuer\'s "algorithms"');



# values

for my $pool ('""', 'eu-west-1', '_AbC', 'eu-west-1_', 'eu-west-1_Ab/C',
              'EU-west-1_AbC', 'eu_west-1_AbC', 'eu-west-1-AbC',
              'eu--west-1_AbC', 'eu-west-1_AbC.evil.example', 'a-b-c-d-e-1_A',
              'eu-west-x_AbC', 'evil.example/eu-west-1_AbC', 'x' x 65)
{
    (my $said = $pool) =~ s/"//g;

    refused("user_pool $pool", lines("user_pool $pool"),
            "invalid value \"$said\" in \"user_pool\" directive, it must be a "
            . 'Cognito user pool ID, as "eu-west-1_AbCdEf123"');
}

my %url = (
    'ftp://a.example/'           => 'it must begin with "https://"',
    'a.example'                  => 'it must begin with "https://"',
    '""'                         => 'it must begin with "https://"',
    'https://'                   => 'it must name a host',
    'https:///path'              => 'it must name a host',
    'https://:443/'              => 'it must name a host',
    'https://a:b@a.example/'     => 'it must hold no user name or password',
    'http://a.example/'          => 'plain http is for this machine only',
    'http://127.evil.example/'   => 'plain http is for this machine only',
    'http://127.0.0.1.evil.example/'
                                 => 'plain http is for this machine only',
    'http://10.0.0.1/'           => 'plain http is for this machine only',
    '"https://a b.example/"'     => 'it must be printable ASCII without',
    'https://ä.example/'         => 'it must be printable ASCII without',
    "https://a.example/\\\\"     => 'it must be printable ASCII without',
    'https://a.example/' . 'x' x 1020
                                 => 'it must not be longer than 1024 bytes',
);

for my $text (sort keys %url) {
    my $name = substr $text, 0, 40;

    refused("issuer $name", lines("issuer $text", 'client_ids *'),
            length $text > 1024 || $text =~ / /
            ? 'it must be a text of at most 1024 bytes without spaces'
            : $text eq '""' ? 'it must not be empty' : $url{$text},
            qr/"issuer"/);
    refused("jwks_uri $name", lines("jwks_uri $text"), $url{$text},
            qr/"jwks_uri"/);
}

refused('an issuer with a query', lines('issuer https://a.example/?a=b'),
        'it must have neither a query nor a fragment');
refused('an issuer with a fragment', lines('issuer https://a.example/#a'),
        'it must have neither a query nor a fragment');
refused('a jwks_uri with a fragment', lines('jwks_uri https://a.example/#a'),
        'it must have no fragment');

refused('an issuer that is not a URL and has no keys',
        lines('issuer accounts.google.com', 'client_ids *'),
        'invalid "issuer" (or set "jwks_uri" or "jwks_file"), it must begin '
        . 'with "https://" where its keys are discovered in "social_issuer');
refused("token_type $_", lines("token_type \"$_\""),
        qq(invalid value "$_" in "token_type" directive, it must be a media )
        . 'type, as "at+jwt"') for 'at jwt', 'jwt;x', "j\xc3\xa4";
refused("jwks_max_keys $_", lines("jwks_max_keys $_"),
        'in "jwks_max_keys" directive, it must be a number from 1 to 1024')
    for 0, 1025, -1, 'x';
refused('token_use of what there is not', lines('token_use refresh'),
        'invalid value "refresh" in "token_use" directive, it must be '
        . '"access", "id" or "any"');
refused('token_use of nothing', lines('token_use ""'),
        'invalid value "" in "token_use"');
refused('token_use in other letters', lines('token_use Access'),
        'invalid value "Access" in "token_use"');

for my $name (qw( leeway jwks_stale )) {
    refused("$name $_", lines("$name $_"),
            "invalid value \"$_\" in \"$name\" directive, it must be a time ")
        for qw( never -1s 1.5s 500ms );
}

for my $name (qw( jwks_refresh jwks_cooldown jwks_timeout )) {
    refused("$name $_", lines("$name $_"),
            "invalid value \"$_\" in \"$name\" directive, it must be a time ")
        for qw( never 0 0s -1s );
}

refused('too much leeway', lines('leeway 301s'),
        'invalid value "301s" in "leeway" directive, it must be a time from '
        . '0s to 5m in ');
refused('too long a time', lines('jwks_timeout 31s'),
        'invalid value "31s" in "jwks_timeout" directive, it must be a time '
        . 'from 1ms to 30s in ');

for my $size (qw( big 0 1023 1025k 2m -1 1g )) {
    refused("jwks_max_size $size", lines("jwks_max_size $size"),
            "invalid value \"$size\" in \"jwks_max_size\" directive, it must be "
            . 'a size from 1k to 1m in ');
}

refused('every audience', lines('audiences *'),
        'invalid value "*" in "audiences"');
refused('every client and one more', lines('client_ids a *'),
        'invalid value "*" in "client_ids" directive, it must not be empty, or '
        . '"*" unless it is the only value of "client_ids" in ');


# contradictions, and what is missing

refused('a pool and an issuer',
        lines(@good, 'user_pool eu-west-1_AbCdEf123'),
        '"user_pool" and "issuer" (remove one of them) are mutually exclusive '
        . 'in "social_issuer main"', $start);
refused('two sources of keys', added($uri),
        '"jwks_uri" and "jwks_file" (remove one of them) are mutually '
        . 'exclusive in "social_issuer main"', $start);
refused('no clients', lines(@good[0, 1]),
        'neither "client_ids" nor "audiences" is defined ("client_ids *" '
        . 'accepts every client) in "social_issuer main"', $start);
refused('keys that are dropped before they are fetched again',
        lines(@good[0, 2], $uri, 'jwks_refresh 1h', 'jwks_stale 30m'),
        '"jwks_stale" must be longer than "jwks_refresh"', $start);
refused('the same of keys that are discovered',
        lines(@good[0, 2], 'jwks_refresh 1h', 'jwks_stale 30m'),
        '"jwks_stale" must be longer than "jwks_refresh"', $start);


# files

for my $name (qw( jwks_file ca_file )) {
    refused("$name that is not there", added("$name /no/such/file"),
            'stat() "/no/such/file" failed (2: No such file or directory) in ')
        if $name eq 'ca_file';
    refused("$name of an empty name", lines("$name ''"),
            "invalid value \"\" in \"$name\" directive, it must not be empty");
}

sub keys_of { return lines(@good[0, 2], "jwks_file $_[0]") }

refused('keys that are not there', keys_of('/no/such/file'),
        'stat() "/no/such/file" failed (2: No such file or directory) in ');
refused('keys in a directory', keys_of('$TEST_NGINX_HTML_DIR'),
        'is not a file of 1 to 153600 bytes ("jwks_max_size")', $start);
refused('keys in a device', keys_of('/dev/zero'),
        'is not a file of 1 to');
refused('an empty file', keys_of('$TEST_NGINX_JWKS_NOTHING'),
        'is not a file of 1 to');
refused('a large file', keys_of('$TEST_NGINX_JWKS_LONG'),
        'is not a file of 1 to 153600 bytes');
refused('junk', keys_of('$TEST_NGINX_JWKS_JUNK'),
        qr/junk\.json" is not a usable key set: it is not a JSON object/);
refused('no key', keys_of('$TEST_NGINX_JWKS_EMPTY'),
        'is not a usable key set: its array "keys" is empty');
refused('EC keys', keys_of('$TEST_NGINX_JWKS_EC'),
        'is not a usable key set: a key\'s "alg" is none of the '
        . 'issuer\'s "algorithms"');
refused('short keys', keys_of('$TEST_NGINX_JWKS_WEAK'),
        'is not a usable key set: an RSA key has fewer than 2048 bits');
refused('too many keys', keys_of('$TEST_NGINX_JWKS_MANY'),
        'is not a usable key set: it has more usable keys than "jwks_max_keys" allows');

for my $text ('[]', '{"keys":{}}', '{"keys":null}', '{}',
              '{"keys":[]} x', '{"keys":[1]}', '{"keys":[],"keys":[]}',
              '{"keys":[{"kty":"RSA"}]}')
{
    refused("keys that say $text", {
        http => issuer_block('main', @good[0, 2],
                             'jwks_file $TEST_NGINX_HTML_DIR/k.json'),
        files => ">>> k.json\n$text\n" },
        'is not a usable key set: ');
}

refused('a certificate that is none', lines(
    @good[0, 2], $uri, 'ca_file $TEST_NGINX_JWKS_JUNK'),
    'no PEM certificate in file "', qr/junk\.json" for "ca_file" directive/,
    $start);
refused('certificates in a directory', lines(
    @good[0, 2], $uri, 'ca_file /tmp'), 'no PEM certificate in file');


# the zone

for my $zone ('s', ':1m', 's1m') {
    refused("social_zone $zone", { http => "social_zone $zone;" },
            "invalid zone size \"$zone\" in \"social_zone\" directive, it must "
            . 'be "name:size" in ');
}

for my $size ('', 'x', '1x', '-1', '1m:1m') {
    refused("social_zone s:$size", { http => "social_zone s:$size;" },
            "invalid zone size \"s:$size\" in \"social_zone\" directive in ");
}

refused('a zone of nothing', { http => 'social_zone s:0;' },
        'zone "s:0" in "social_zone" directive is too small, it must be at '
        . 'least 64k in ');
refused('a zone that is too small', { http => 'social_zone s:63k;' },
        'zone "s:63k" in "social_zone" directive is too small, it must be at '
        . 'least 64k in ');
refused('two zones', { http => 'social_zone a:1m; social_zone b:1m;' },
        '"social_zone" directive is duplicate');
refused('a zone of two arguments', { http => 'social_zone a:1m b:1m;' },
        'invalid number of arguments in "social_zone" directive');
refused('a zone in a server', { config => 'social_zone a:1m;' },
        '"social_zone" directive is not allowed here');
refused('a zone of another module', {
    http => 'limit_req_zone $uri zone=s:1m rate=1r/s; social_zone s:1m;' },
    'the shared memory zone "s" is already declared for a different use');


# the thread pool

accepted('a separate thread pool', {
    main => 'thread_pool social threads=2;',
    http => 'social_thread_pool social;' . issuer_block('main', @good) });

refused('a thread pool that is not there', {
    http => 'social_thread_pool nobody;'
            . issuer_block('main', @good[0, 2], $uri) },
        'unknown thread pool "nobody"');
refused('two thread pools', {
    http => 'social_thread_pool a; social_thread_pool b;' },
        '"social_thread_pool" directive is duplicate');
refused('a thread pool without a name', { http => 'social_thread_pool "";' },
        'invalid value "" in "social_thread_pool" directive, it must not be '
        . 'empty');
refused('a thread pool of two arguments', {
    http => 'social_thread_pool a b;' },
        'invalid number of arguments in "social_thread_pool" directive');
refused('a thread pool in a server', { config => 'social_thread_pool a;' },
        '"social_thread_pool" directive is not allowed here');

run_conf();
