# Every directive, every line of a block and every parameter, by the tables
# of the sources: duplicates, unknown names, values out of bounds, and clashes
# of content handlers in both orders.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialConf;

my $dir = $ENV{TEST_NGINX_HTML_DIR};
my $files = <<'_EOC_';
>>> root/x
>>> secret
whsec_a2tra2tra2tra2tra2tra2tra2tra2tr
>>> credentials
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secretsecret
_EOC_

my $db = 'social_database "host=/nowhere dbname=none";';
{
    open my $in, '<', 't/fuzz/corpus/sns_cert/self' or die "self: $!\n";
    local $/;
    $files .= ">>> pem\n" . <$in>;
}

my $credentials = "credentials file $dir/credentials";
my $shared = "social_bucket raw { region eu-west-1; $credentials; }
    social_secret now file=$dir/secret;";

# one line of each directive that may stand in any level, then of those of
# the http block, then of content handlers

my %flat = (
    social_auth              => [ 'main', 'off' ],
    social_auth_token        => [ 'cookie=__Host-a', '$http_authorization' ],
    social_auth_scopes       => [ 'any a', 'all b' ],
    social_auth_groups       => [ 'any a', 'all b' ],
    social_auth_groups_claim => [ 'a.b', '/c/d' ],
    social_auth_error_detail => [ 'on', 'off' ],
    social_auth_cache        => [ 'on', 'off' ],
    social_auth_session_end  => [ 'on', 'off' ],
    social_auth_dpop         => [ 'off',
                                  'required origin=https://a.example' ],
    social_auth_mtls         => [ 'off', 'optional' ],
    social_revocations       => [ 'wait', 'open' ],
    social_assertion         => [ 'off', 'secret=now' ],
    social_identity_headers  => [ 'on', 'off' ],
    social_user_sync         => [ 'off', 'off refresh=1m' ],
    social_require_signature => [ 'off', 'secret=now' ],
    social_json_errors       => [ 'on', 'off' ],
    social_limit_status      => [ '429', '503' ],
    social_limit_headers     => [ 'on', 'off' ],
    social_limit_log_level   => [ 'info', 'warn' ],
    social_cors              => [ 'off', 'on' ],
    social_cors_origins      => [ 'https://a.example', '*' ],
    social_cors_methods      => [ 'GET', '*' ],
    social_cors_headers      => [ 'X-A', '*' ],
    social_cors_expose       => [ 'X-A', '*' ],
    social_cors_credentials  => [ 'on', 'off' ],
    social_cors_max_age      => [ '-1', '600' ],
    social_cors_deny         => [ '403', '204' ],
    social_presign_key       => [ 'a/$social_sub', 'b/$social_sub' ],
    social_presign_types     => [ 'image/png', 'image/jpeg' ],
    social_presign_max_size  => [ '1m', '2m' ],
    social_presign_expires   => [ '1m', '2m' ],
    social_status_route      => [ 'a', 'b' ],
    social_trace             => [ 'on', 'off' ],
);

my %http = (
    social_zone        => [ 'a:1m', 'b:2m' ],
    social_database    => [ 'dbname=a', 'dbname=b' ],
    social_thread_pool => [ 'a', 'b' ],
    social_sub_hash    => [ 'secret=now', 'secret=now' ],
    social_limit_interval => [ '1s', '2s' ],
);

# by name, or by the claim's name: tested below; and of a location, tested in
# t/169-s3-sign-conf.t, of limits, in t/087-limit-conf.t, of an upstream, in
# t/076-health-conf.t, and of resources, in t/186-resource-conf.t
my %named = map { $_ => 1 } qw( social_issuer social_bucket social_secret
                                social_auth_claim social_job social_s3_sign
                                social_limit_zone social_limit
                                social_health_check
                                social_resource social_resource_scope );

my %content = (
    social_logout        => [ 'social_auth main; social_logout', '' ],
    social_user          => [ 'social_auth main; social_user', '' ],
    social_sign_url      => [ 'social_auth main; social_sign_url',
                              'secret=now prefix=/a/' ],
    social_ready         => [ 'social_ready', '' ],
    social_status        => [ 'social_status json', '' ],
    social_upload_status => [ 'social_auth main; social_upload_status', '' ],
    social_presign       => [ 'social_auth main; social_presign_key $social_sub;
                               social_presign raw put', '' ],
    social_store         => [ 'social_store raw', "root=$dir/root" ],
    social_hook          => [ 'social_hook cognito', 'insecure=on' ],
);

# parameters: what comes before, what has to be there, two good values, bad
# ones with what is said, and whether it may be repeated

my $number = sub { "it must be a number from $_[0]" };
my $time = sub { "it must be a time from $_[0]" };
my $flag = 'it must be "on" or "off"';
my $pool = 'it must be a Cognito user pool ID, as "eu-west-1_AbCdEf123"';
my $empty = 'it must not be empty';

my %param = (
    social_database => {
        before => 'social_database dbname=a', hidden => 1,
        connections => [ 1, 64, { map { $_ => $number->('1 to 64') }
                                  0, 65, 'x', '', -1, '1k' } ],
        queue => [ 0, 65536, { map { $_ => $number->('0 to 65536') }
                               65537, 'x', '', -1 } ],
        timeout => [ '100ms', '60s', { map { $_ => $time->('100ms to 1m') }
                                       '99ms', '61s', 'x', '' } ],
        listen => [ 'dbname=a', 'dbname=b', {
            map { $_ => 'it must be "off", or a libpq connection string' }
            '', 'wrong' }, 'secret' ],
        iam => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        region => [ 'a', 'b', {} ],
        credentials => [ 'env', "file:$dir/credentials", {} ],
    },
    social_trace => {
        before => 'social_trace on',
        sample => [ 0, 100, { map { $_ => $number->('0 to 100') }
                              101, 'x', '', -1 } ],
    },
    social_secret => {
        before => 'social_secret a', hidden => 1, required => 'file',
        file => [ "$dir/secret", "$dir/./secret", { '' => $empty } ],
        previous => [ "$dir/secret", "$dir/./secret", { '' => $empty } ],
    },
    social_assertion => {
        before => 'social_assertion', required => 'secret',
        secret => [ 'now', 'then', { '' => $empty } ],
        ttl => [ '1s', '1h', { map { $_ => $time->('1s to 1h') }
                               '0', '3601s', 'x', '', '500ms' } ],
        audience => [ 'a', 'b', {
            '' => 'it must not be empty, and must be valid UTF-8',
            "\xff" => 'it must not be empty, and must be valid UTF-8' } ],
    },
    social_resource => {
        before => 'social_auth main; social_resource https://a.example',
        location => 1,
        authorization_servers => [ 'https://a.example',
            'https://b.example,http://localhost:1', {
            map { $_ => 'it must be the URL of an issuer, as '
                . '"https://id.example.com", without a query' }
            '', ',', 'a', 'http://a.example', 'https://a.example?b' } ],
        scopes => [ 'a', 'b,c', { map {
            $_ => 'a scope must be printable ASCII without spaces, quotes and '
                . 'backslashes' } '', ',', "\xc3\xa4", "\x7f" } ],
        audiences => [ 'a', 'b,c', { '' => $empty } ],
        unbound => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        origins => [ 'https://a.example', '*', {
            '' => $empty, ',' => $empty, 'a' => 'it must be scheme://host',
            'https://a.example/' => 'an origin has no trailing slash' } ],
        name => [ 'a', 'b', { '' => $empty } ],
        documentation => [ 'https://a.example', 'https://b.example/?a', {
            map { $_ => 'it must begin with "https://"' } '', 'a' } ],
    },
    social_auth_dpop => {
        before => 'social_auth_dpop required', required => 'origin',
        origin => [ 'https://a.example', 'http://b.example:8080', {
            map { $_ => 'it must be "https://" or "http://", a host, and at '
                      . 'most a port' }
            '', 'a', 'https://', 'https://a/', 'https://a@b' }, 'repeat' ],
        algorithms => [ 'ES256', 'RS256,Ed448', {
            '' => $empty, ',' => $empty,
            map { $_ => 'it must be a list, separated by commas, of RS256' }
            'none', 'HS256', 'ES256,x' } ],
        max_age => [ '1s', '1h', { map { $_ => $time->('1s to 1h') }
                                   '0', '3601s', 'x', '', '500ms' } ],
        nonce => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        secret => [ 'now', 'then', { '' => $empty } ],
    },
    social_auth_mtls => {
        before => 'social_auth_mtls required',
        certificate => [ '$arg_a', '$arg_b', {
            map { $_ => 'it must be a variable' } '', 'a', 'a$arg_a' } ],
    },
    social_sub_hash => {
        before => 'social_sub_hash', required => 'secret',
        secret => [ 'now', 'then', { '' => $empty } ],
    },
    social_logout => {
        before => 'social_auth main; social_logout', location => 1,
        retention => [ '1s', '3650d', { map { $_ => $time->('1s to 3650d') }
                                        '0', '3651d', 'x', '', '1ms' } ],
        max => [ 1, 1000000, { map { $_ => $number->('1 to 1000000') }
                               0, 1000001, 'x', '', -1, '1k' } ],
    },
    social_revocations => {
        before => 'social_revocations wait',
        max_stale => [ '1s', '1d', { map { $_ => $time->('1s to 1d') }
                                     '0', '86401s', 'x', '', '999ms' } ],
    },
    social_user => {
        before => 'social_auth main; social_user', location => 1,
        max_age => [ '1s', '3650d', { map { $_ => $time->('1s to 3650d') }
                                      '0', '3651d', 'x', '' } ],
        retention => [ '1s', '3650d', { map { $_ => $time->('1s to 3650d') }
                                        '0', '3651d', 'x', '' } ],
    },
    social_require_signature => {
        before => 'social_require_signature', required => 'secret',
        secret => [ 'now', 'then', { '' => $empty } ],
        cookie => [ 'a', '__Host-a', {
            map { $_ => 'it must be a name of letters, digits and' }
            'a=b', 'a/b', 'a@b' } ],
    },
    social_sign_url => {
        before => 'social_auth main; social_sign_url', location => 1,
        required => 'secret',
        secret => [ 'now', 'then', { '' => $empty } ],
        prefix => [ '/a/', '/$social_sub/', {
            map { $_ => 'it must begin with "/" and end with "/"' }
            'a/', '/a', '/a//b/', '/../', '/./' } ],
        expires => [ '1s', '3650d', { map { $_ => $time->('1s to 3650d') }
                                      '0', '3651d', 'x', '' } ],
        cookie => [ 'a', 'b', { 'a,b' => 'it must be a name' } ],
        domain => [ 'a.example', 'b', { map { $_ => 'it may contain only' }
                                        'a/b', 'a:1', 'a_b' } ],
    },
    social_user_sync => {
        before => 'social_user_sync on', location => 1,
        refresh => [ '1s', '1d', { map { $_ => $time->('1s to 1d') }
                                   '0', '2d', 'x', '' } ],
        wait => [ '0', '2s', { map { $_ => $time->('0ms to 2s') }
                               '3s', 'x', '', '-1' } ],
    },
    social_limit_zone => {
        before => 'social_limit_zone a', required => 'key',
        key => [ 'a', '$arg_a', { '' => $empty } ],
        rate => [ '1r/s', '1000000000r/h', { map {
            $_ => 'it must be a number from 1 to 1000000000 and "r/s", "r/m" '
                . 'or "r/h"' } '', '0r/s', '1', '1r/day', '1000000001r/s' } ],
        quota => [ '1r/day', '9r/month', { map {
            $_ => 'it must be a number from 1 to 1000000000 and "r/day", '
                . '"r/week" or "r/month"' } '', '0r/day', '1', '1r/s' } ],
        burst => [ 1, 1000000000, { map {
            $_ => $number->('1 to 1000000000') } 0, 1000000001, 'x', '', -1 } ],
        size => [ '32k', '2m', { map { $_ => 'it must be a size of at least 32k'
                                     } 0, '31k', 'x', '', -1 } ],
        fleet => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        local => [ 1, 100, { map { $_ => $number->('1 to 100') }
                             0, 101, 'x', '', -1 } ],
    },
    social_limit => {
        before => 'social_limit a', location => 1,
        dry_run => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
    },
    social_ready => {
        before => 'social_ready', location => 1,
        require => [ 'keys', 'database,keys', {
            map({ $_ => 'it must be one or more of "keys", "database", '
                      . '"revocations" and "credentials", separated by commas' }
                '', ',', 'x', 'Keys') } ],
        upstreams => [ 'a', 'b,c', { '' => $empty } ],
        drain => [ '/a', '/b', { '' => $empty } ],
    },
    social_health_check => {
        before => 'social_health_check', location => 'upstream',
        type => [ 'http', 'tcp', { map { $_ => 'it must be "http" or "tcp"' }
                                   '', 'udp' } ],
        uri => [ '/', '/a?b', { map {
            $_ => 'it must begin with "/", and be without spaces' }
            '', 'a', '*' } ],
        host => [ 'a', 'b:1', { map {
            $_ => 'it must be a name or an address, and may have a port' }
            '', 'a/b', 'a:0' } ],
        port => [ 1, 65535, { map { $_ => $number->('1 to 65535') }
                              0, 65536, 'x', '' } ],
        interval => [ '100ms', '1h', { map { $_ => $time->('100ms to 1h') }
                                       '99ms', '2h', 'x', '', '0' } ],
        jitter => [ '0', '1h', { map { $_ => $time->('0ms to 1h') }
                                 '2h', 'x', '' } ],
        timeout => [ '10ms', '1h', { map { $_ => $time->('10ms to 1h') }
                                     '9ms', '2h', 'x', '' } ],
        passes => [ 1, 1000, { map { $_ => $number->('1 to 1000') }
                               0, 1001, 'x', '' } ],
        fails => [ 1, 1000, { map { $_ => $number->('1 to 1000') }
                              0, 1001, 'x', '' } ],
        status => [ '200', '200-299,404', { map {
            $_ => 'it must be statuses from 200 to 599, and ranges of these' }
            '', ',', '199', '600', '20', '2000', '300-200', '200-', '200_299',
            '200,x' } ],
        body => [ 'a', 'b', { '' => $empty, '~' =>
            'a regular expression must follow "~"',
            '~(' => 'pcre2_compile() failed: missing closing parenthesis' } ],
        mandatory => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        tls => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        tls_verify => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        tls_name => [ 'a', 'b', { map {
            $_ => 'it must be a name or an address, and may have a port' }
            '', 'a/b' } ],
        ca_file => [ "$dir/pem", "$dir/./pem", { '' => $empty } ],
        certificate => [ "$dir/pem", "$dir/./pem", { '' => $empty } ],
        certificate_key => [ "$dir/pem", "$dir/./pem", { '' => $empty } ],
    },
    social_upload_status => {
        before => 'social_auth main; social_upload_status', location => 1,
        assets => [ '/a', 'https://a.example/', {
            map { $_ => 'it must begin with "https://", "http://" or "/"' }
                '', 'a', 'ftp://a' } ],
    },
    social_presign => {
        before => 'social_auth main; social_presign_key $social_sub;
                   social_presign raw put', location => 1,
        other => { form => 'social_auth main; social_presign_key $social_sub/;
                            social_presign raw sign' },
        kinds => [ 'a', 'b,c', { map {
            $_ => 'it may contain only lowercase letters, digits, "_" and '
                . '"-", and must have 1 to 32 of them' }
            '', 'A', 'a/b', 'x' x 33 } ],
        overwrite => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        form => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
    },
    social_store => {
        before => 'social_store raw', location => 1, required => 'root',
        root => [ "$dir/root", "$dir/root/", { '' => $empty } ],
        part => [ 'a/', 'b/', { map {
            $_ => 'it must be a prefix that ends with "/", as "images/"' }
            '', 'a', '/', '/a/' } ],
        public => [ 'a/', 'b/', { '' => $empty }, 'repeat' ],
        announce => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        fsync => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        max_size => [ 1, '5g', { map { $_ => 'it must be a size of at least 1'
                                     } 0, 'x', '', -1 } ],
        min_free => [ 1, '5g', { map { $_ => 'it must be a size of at least 1'
                                     } 0, 'x', '', -1 } ],
        expire_multipart => [ '1s', '10d', { map { $_ => $time->('1s to 3650d')
            } '0', 'x', '', '3651d' } ],
    },
    social_s3_sign => {
        before => 'proxy_pass http://127.0.0.1:1; social_s3_sign raw',
        location => 1,
        args => [ 'a', 'b,c', {
            map { $_ => 'it must be the name of a parameter, and of none' }
            '', 'a%62', 'X-Amz-Date' } ],
    },
    social_job => {
        before => 'social_job raw', required => 'kind',
        prefix => [ 'a', 'b/', {
            '/a' => 'it must be the beginning of keys, in UTF-8 and without' } ],
        kind => [ 'a', 'b', { 'x' x 65 => 'it must have 1 to 64 characters' } ],
        queue => [ 'a', 'b', { 'x' x 65 => 'it must have 1 to 64 characters' } ],
    },
    social_hook => {
        before => 'social_hook lambda', location => 1, required => 'name',
        other => { secret => 'social_hook cognito',
                   topics => 'social_hook s3', token => 'social_hook s3',
                   map { $_ => 'social_hook s3 topics=arn:aws:sns:r:1:a' }
                   qw( sns_host sns_ca ) },
        secret => [ 'now', 'then', { '' => $empty } ],
        name => [ 'f', 'g', { map {
            $_ => 'it may contain only letters, digits, "-" and "_", and must '
                . 'have 1 to 64 of them' } '', 'a/b', 'x' x 65 } ],
        region => [ 'a', 'b', { map {
            $_ => 'it must not be empty or contain "/"' } '', 'a/b' } ],
        credentials => [ "file:$dir/credentials", "file:$dir/./credentials",
            { map { $_ => 'it must be "file:PATH"' } '', 'x', 'file:' },
            'secret' ],
        pool => [ 'eu-west-1_A', 'eu-west-1_B', { map { $_ => $pool }
                                                  '', 'x' }, 'repeat' ],
        insecure => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        client => [ 'a', 'b', { map { $_ => 'it must be the ID of an app client,'
                                . ' of letters and digits' } '', 'a-b' },
                    'repeat' ],
        token => [ 'now', 'then', { '' => $empty } ],
        topics => [ 'arn:aws:sns:r:1:a', 'arn:aws:sns:r:1:b', {
            'arn:aws:sqs:r:1:a' => 'it must be the ARN of a topic' } ],
        sns_host => [ 'a', 'b:1', {
            A => 'it must be a host in lowercase, with a port or without' } ],
        sns_ca => [ "$dir/pem", "$dir/./pem", { '' => $empty } ],
        strict => [ 'on', 'off', { map { $_ => $flag } '', 'yes' } ],
        spool => [ "$dir/root", "$dir/root/", { '' => $empty } ],
        spool_events => [ 1, 1000000, { map { $_ => $number->('1 to 1000000') }
                                        0, 1000001, 'x', '', -1, '1k' } ],
        spool_size => [ '128k', '256m', { map {
            $_ => 'it must be a size of at least 128k' }
            0, '131071', 'x', '', -1 } ],
    },
);

# lines of blocks: two good values, and bad ones with what is said

my $url = 'it must begin with "https://"';
my $name = 'it may contain only lowercase letters, digits, dots and hyphens, '
    . 'and must have 2 to 63 of them';
my $msec = sub { 'it must be a time of at least 1ms' };

my %line = (
    social_issuer => {
        user_pool => [ 'eu-west-1_A', 'eu-west-1_B', { "''" => $pool } ],
        issuer => [ 'https://a.example', 'https://b.example', {
            "a\x7f" => 'it must be a text of at most 1024 bytes without' } ],
        jwks_uri => [ 'https://a.example', 'https://b.example',
                      { a => $url } ],
        jwks_file => [ '$TEST_NGINX_JWKS', '$TEST_NGINX_JWKS_EC',
                       { "''" => $empty } ],
        ca_file => [ '$TEST_NGINX_JWKS', '$TEST_NGINX_JWKS_EC',
                     { "''" => $empty } ],
        client_ids => [ 'a b', '*', { "''" => $empty } ],
        audiences => [ 'a b', 'c', { "''" => $empty } ],
        replica_regions => [ 'us-west-2', 'us-west-1 us-east-2', {
            x => 'it must be a region of AWS, as "eu-west-1"' } ],
        (map { ("${_}_claim" => [ 'a.b', '/c', {
            'a..b' => 'it must not have an empty name' } ]) }
            qw( subject username groups client scope )),
        token_use => [ 'id', 'any', {
            x => 'it must be "access", "id" or "any"' } ],
        token_type => [ 'at+jwt', 'JWT', {
            'a*b' => 'it must be a media type, as "at+jwt"' } ],
        algorithms => [ 'RS256', 'ES256 PS256', {
            none => 'it must be one of RS256' } ],
        leeway => [ '0', '5m', { '301s' => 'it must be a time from 0s to 5m' } ],
        jwks_refresh => [ '1ms', '1d', { 0 => $msec->() } ],
        jwks_stale => [ '0', '1d', { x => 'it must be a time of at least 0s' }
                      ],
        jwks_cooldown => [ '1ms', '1d', { 0 => $msec->() } ],
        jwks_timeout => [ '1ms', '30s', {
            '31s' => 'it must be a time from 1ms to 30s' } ],
        jwks_max_size => [ '1k', '1m', {
            2 => 'it must be a size from 1k to 1m' } ],
        jwks_max_keys => [ '1', '1024', { 0 => $number->('1 to 1024') } ],
    },
    social_bucket => {
        bucket => [ 'aa', 'bb', { A => $name } ],
        region => [ 'aa', 'bb', { A => $name } ],
        endpoint => [ 'https://a.example', 'https://b.example',
                      { a => $url } ],
        public_endpoint => [ 'https://a.example', 'https://b.example',
                             { a => $url } ],
        path_style => [ 'on', 'off', { yes => $flag } ],
        ca_file => [ '/etc/ssl/certs/ca-certificates.crt',
                     "$dir/pem", { "''" => $empty } ],
        credentials => [ "file $dir/credentials", 'profile x', {
            x => 'it must be "default", "env", "file PATH", "profile NAME", '
                 . '"web_identity", "container" or "imds"' } ],
    },
);


# the tables of the sources: nothing is left out here

sub sources {
    my $text = '';

    for my $file (sort glob 'ngx_social_module/http/*/*.c') {
        open my $in, '<', $file or die "$file: $!\n";
        local $/;
        $text .= <$in>;
    }

    return $text;
}

my $sources = sources();
my (%directives, %params, %lines);

while ($sources =~ /^static ngx_command_t[^;]*?=\s*\{(.*?)^\};/msg) {
    $directives{$_} = 1 for $1 =~ /ngx_string\("(\w+)"\)/g;
}

while ($sources =~ /(\w+)_(params|lines)\[\]\s*=\s*\{(.*?)^\};/msg) {
    my ($kind, $table) = ($2, $3);
    my $set = $kind eq 'params' ? \%params : \%lines;
    $set->{$_}++ for $table =~ /ngx_string\("(\w+)"\)/g;
}

sub same {
    my ($what, $got, $want) = @_;
    my ($g, $w) = map { join ' ', sort keys %$_ } $got, $want;
    $g eq $w or die "$what:\nin the sources $g\nin this suite $w\n";
}

same('directives', \%directives, { %flat, %http, %named, %content });

sub count_names {
    my ($table) = @_;
    my %count;

    for my $t (values %$table) {
        $count{$_}++ for grep { ref $t->{$_} eq 'ARRAY' } keys %$t;
    }

    return { map { ("$_=$count{$_}" => 1) } keys %count };
}

same('parameters', { map { ("$_=$params{$_}" => 1) } keys %params },
     count_names(\%param));
same('lines', { map { ("$_=$lines{$_}" => 1) } keys %lines },
     count_names(\%line));


no_root_location();
no_long_string();
sub http { return "$http_config $db $shared " . join ' ', @_ }

sub at {
    my ($location, $text) = @_;

    return { http => http() . "upstream x { zone x 64k; server 127.0.0.1:1; "
                     . "$text }", files => $files } if $location eq 'upstream';
    return { http => http(), files => $files,
             config => "location /x/ { $text }" } if $location;
    return { http => ($text =~ /social_database/
                      ? "$http_config $shared" : http()) . $text,
             files => $files };
}

# directives

for my $directive (sort keys %flat, sort keys %http) {
    my ($values, @where) = $flat{$directive} ? ($flat{$directive}, 0, 1)
                                             : ($http{$directive}, 0);

    for my $where (@where) {
        for my $pair ([ 0, 0 ], [ 0, 1 ], [ 1, 0 ]) {
            my ($a, $b) = map { "$directive $values->[$_];" } @$pair;
            refused("$a $b, " . ($where ? 'location' : 'http'),
                    at($where, "$a $b"), "\"$directive\" directive is duplicate");
        }
    }
}

for my $named ([ social_issuer => 'main', '{ }' ],
               [ social_bucket => 'raw', '{ }' ],
               [ social_secret => 'now', "file=$dir/secret;" ])
{
    my ($directive, $name, $rest) = @$named;

    refused("$directive twice", at(0, "$directive $name $rest"),
            "duplicate name \"$name\" in \"$directive\" directive");
    refused("$directive of no name", at(0, "$directive '' $rest"),
            $directive eq 'social_issuer' ? 'name' : 'empty name');
}

refused('a claim twice', at(1, 'social_auth_claim a b; social_auth_claim a c;'),
        'duplicate claim "a" (list all of its values in one) in '
        . '"social_auth_claim" directive');

# parameters

for my $directive (sort keys %param) {
    my $table = $param{$directive};
    my $where = $table->{location} // 0;

    for my $p (sort grep { ref $table->{$_} eq 'ARRAY' } keys %$table) {
        my ($one, $two, $bad, $how) = @{ $table->{$p} };
        my $before = $table->{other}{$p} // $table->{before};

        $how //= '';

        for my $pair ([ $one, $one ], [ $one, $two ], [ $two, $one ]) {
            next if $how eq 'repeat' && $pair->[0] ne $pair->[1];

            refused("$directive $p=$pair->[0] $p=$pair->[1]",
                    at($where, "$before $p=$pair->[0] $p=$pair->[1];"),
                    $how eq 'repeat'
                    ? "duplicate value \"$one\" in \"$directive\" directive"
                    : "duplicate parameter \"$p\" in \"$directive\" directive");
        }

        for my $value (sort keys %$bad) {
            my $shown = $how eq 'secret' ? '' : "\"$value\" ";

            refused("$directive $p=$value",
                    at($where, "$before $p=$value;"),
                    "invalid value ${shown}of parameter \"$p\" in "
                    . "\"$directive\" directive, $bad->{$value}");
        }
    }

    my $shown = $table->{hidden} ? '' : '"nope=1" ';
    my $long = "$table->{before} nope=1;";

    refused("$directive nope=1", at($where, $long),
            "unknown parameter ${shown}in \"$directive\" directive, supported "
            . 'are "');

    if ($table->{required}) {
        my $other = (grep { ref $table->{$_} eq 'ARRAY'
                            && $_ ne $table->{required}
                            && !$table->{other}{$_} } sort keys %$table)[-1]
            // next;         # it has no other parameter

        refused("$directive without $table->{required}",
                at($where, "$table->{before} $other=$table->{$other}[0];"),
                "\"$directive\" directive must have \"$table->{required}\" "
                . 'parameter');
    }
}

refused('a parameter of another form', at(1, 'social_hook lambda secret=now;'),
        'parameter "secret" is not allowed in this "social_hook" directive');
refused('and the reverse', at(1, 'social_hook cognito name=f;'),
        'parameter "name" is not allowed in this "social_hook" directive');
refused('a parameter of another mode', at(1, 'social_presign raw avatar
        kinds=a;'),
        'parameter "kinds" is not allowed in this "social_presign" directive');
refused('the names of another form are not listed',
        at(1, 'social_hook cognito nope;'),
        'supported are "secret", "pool", "client", "strict", "insecure", '
        . '"spool", "spool_events" and "spool_size" in ');
refused('a long unknown parameter',
        at(1, 'social_logout ' . 'x' x 1500 . ';'),
        '..." in "social_logout" directive, supported are "retention" and '
        . '"max" in ');
refused('a long value', at(1, 'social_logout max=' . 'x' x 1500 . ';'),
        '..." of parameter "max" in "social_logout" directive, it must be a '
        . 'number from 1 to 1000000 in ');
refused('kinds twice in one', at(1, 'social_presign raw put kinds=a,b,a;'),
        'duplicate value "a" in "social_presign" directive');
refused('parts twice in one', at(1, 'social_ready require=keys,keys;'),
        'duplicate value "keys" in "social_ready" directive');
refused('types twice in one',
        at(1, 'social_presign_types image/png image/png;'),
        'duplicate value "image/png" in "social_presign_types" directive');
refused('an issuer twice in one', at(1, 'social_auth main main;'),
        'duplicate value "main" in "social_auth" directive');

# contexts, by the tables of the sources

my %place = (
    NGX_HTTP_MAIN_CONF => sub { { http => http($_[0]), files => $files } },
    NGX_HTTP_SRV_CONF => sub { { http => http(), files => $files,
                                 config => $_[0] } },
    NGX_HTTP_LOC_CONF => sub { at(1, $_[0]) },
);
my %contexts;

# those with several forms have an entry for each

while ($sources =~ /\{ ngx_string\("(social_\w+)"\),\s*([A-Z][\w|\s]*),/g) {
    $contexts{$1} .= " $2" if $directives{$1};
}

same('contexts', \%contexts, \%directives);

for my $directive (sort keys %contexts) {
    for my $where (sort keys %place) {
        refused("$directive in $where", $place{$where}->("$directive x;"),
                "\"$directive\" directive is not allowed here")
            if $contexts{$directive} !~ /\b$where\b/;
    }
}

# lines

for my $block (sort keys %line) {

    for my $l (sort keys %{ $line{$block} }) {
        my ($one, $two, $bad) = @{ $line{$block}{$l} };

        for my $pair ([ $one, $one ], [ $one, $two ], [ $two, $one ]) {
            next if "@$pair" =~ /^profile/;      # read from the home directory
            refused("$block: $l $pair->[0]; $l $pair->[1];",
                    at(0, "$block b { $l $pair->[0]; $l $pair->[1]; }"),
                    "\"$l\" directive is duplicate");
        }

        for my $value (sort keys %$bad) {
            my $shown = $l eq 'credentials' ? ''
                        : $value eq "''" ? '"" ' : "\"$value\" ";

            refused("$block: $l $value", at(0, "$block b { $l $value; }"),
                    "invalid value ${shown}in \"$l\" directive, "
                    . $bad->{$value});
        }

        refused("$block: $l of nothing", at(0, "$block b { $l; }"),
                "invalid number of arguments in \"$l\" directive");
    }

    refused("$block: an unknown line", at(0, "$block b { nope x; }"),
            "unknown directive \"nope\" in \"$block\" block, supported are \"");
}

refused('a bucket without a region', at(0, "social_bucket b {\n$credentials;\n}"),
        'no "region" is defined in "social_bucket b"');
refused('a bucket without credentials', at(0, 'social_bucket b { region aa; }'),
        'no "credentials" is defined in "social_bucket b"');
accepted('a bucket in a file of its own', {
    http => "$http_config social_bucket b { include $dir/b.conf; }",
    files => "$files>>> b.conf\nregion aa;\n$credentials;\n",
    config => 'location / { root html; }' });

# content handlers: one in a location, in whatever order

my @nginx = ('proxy_pass http://127.0.0.1:1', 'fastcgi_pass 127.0.0.1:1',
             'uwsgi_pass 127.0.0.1:1', 'scgi_pass 127.0.0.1:1',
             'memcached_pass 127.0.0.1:1', 'empty_gif', 'stub_status');

sub conflict {
    my ($directive) = @_;
    return "\"$directive\" directive (give it a location of its own) conflicts "
         . 'with another content handler of this location';
}

for my $directive (sort keys %content) {
    my $ours = join(' ', @{ $content{$directive} }) . ';';
    my ($bare) = $ours =~ /(\b$directive\b(?!_).*)/;

    refused("$directive twice", at(1, "$ours $bare"),
            "\"$directive\" directive is duplicate");

    for my $other (sort grep { $_ ne $directive } keys %content) {
        my $theirs = join(' ', @{ $content{$other} }) . ';';

        # what both need is there once
        my $both = "$ours $theirs";
        my $seen = 0;
        $both =~ s/social_auth main;/$seen++ ? '' : $&/ge;

        refused("$directive and $other", at(1, $both), conflict($other));
    }

    for my $other (@nginx) {
        refused("$directive and $other", at(1, "$ours $other;"),
                conflict($directive));
        refused("$other and $directive", at(1, "$other; $ours"),
                conflict($directive));
    }

    accepted("$directive with others in blocks of its location", {
        http => http(), files => $files,
        config => "location /x/ { $ours
            if (\$arg_a) { proxy_pass http://127.0.0.1:1; }
            if (\$arg_b) { set \$x y; }
            limit_except GET { proxy_pass http://127.0.0.1:1; }
            location /x/y/ { empty_gif; } }
        location / { root html; }" },
        '--- no_error_log', '[alert]', '[emerg]');
}

run_conf();
