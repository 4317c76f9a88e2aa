# "social_resource": metadata of protected resources (RFC 9728), challenges that
# lead to it, tokens that are for the resource (RFC 8707), and requests of
# foreign pages; and "social_resource_scope", scopes by what a message calls.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialProcess;
use SocialServer;
use SocialToken;

our $Mcp = 'https://mcp.example.com/mcp';
our $Meta = 'resource_metadata="https://mcp.example.com'
    . '/.well-known/oauth-protected-resource';

our $Token = bearer(iss => 'https://bound.example.com',
                    aud => 'https://mcp.example.com:8443/');

# tokens for the resource, and with other claims beside that

sub for_mcp {
    return bearer(aud => $main::Mcp, scope => 'mcp:read mcp:list', @_);
}

# a message, and the headers of its request

sub post {
    my ($body) = @_;

    return "POST /rules\n$body";
}

sub message {
    my ($method, $params, %more) = @_;

    my $json = JSON::PP->new->canonical->utf8;

    return $json->encode({ jsonrpc => '2.0', id => 7, method => $method,
                           defined $params ? (params => $params) : (),
                           %more });
}

sub call { return message('tools/call', { name => $_[0], arguments => {} }) }

our $Rules = <<'_EOC_';
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope tools/call delete_post all posts:write;
        client_max_body_size 0;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
_EOC_

sub head {
    return CORE::join "\r\n", 'POST /rules HTTP/1.1', 'Host: localhost',
        'Connection: close', bearer(aud => $main::Mcp),
        'Content-Type: application/json', '';
}

sub json_type {
    return CORE::join "\n", 'Content-Type: application/json', @_;
}

suite(log_level => 'info', http_config => $http_config . '    '
      . issuer_block('bound', 'issuer https://bound.example.com',
                     "jwks_file $ENV{TEST_NGINX_JWKS}", 'token_use any',
                     'audiences https://api.example.com')
      . '    ' . issuer_block('named', 'issuer https://named.example.com',
                              "jwks_file $ENV{TEST_NGINX_JWKS}",
                              'client_ids web other', 'token_use any')
      . '    ' . issuer_block('pool', 'user_pool eu-west-1_AbCdEf123',
                              "jwks_file $ENV{TEST_NGINX_JWKS}",
                              'client_ids web'),
      config => <<'_EOC_');
    add_header X-Status $social_auth_status always;
    location /mcp {
        social_resource https://mcp.example.com/mcp 'name=My "posts"'
            documentation=https://docs.example.com/mcp?v=1;
        social_auth main pool;
        social_auth_scopes all mcp:read mcp:list;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /bare {
        social_resource https://MCP.example.com:8443;
        social_auth main bound;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /nested/deep/ {
        social_resource https://mcp.example.com/nested/deep/ scopes=a,b
            authorization_servers=https://id.example.com,http://127.0.0.1:9/x
            audiences=deep,https://alias.example.com unbound=on
            origins=https://app.example.com,http://localhost:*;
        social_auth main bound;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /lenient {
        social_resource https://mcp.example.com/lenient;
        social_auth main optional=lenient;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /optional {
        social_resource https://mcp.example.com/optional;
        social_auth main optional;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /terse {
        social_resource https://mcp.example.com/terse;
        social_auth main;
        social_auth_error_detail off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /plain {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /cors {
        social_resource https://mcp.example.com/cors;
        social_auth main;
        social_cors on;
        social_cors_origins https://*.example.org;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /any {
        satisfy any;
        allow all;
        social_resource https://mcp.example.com/any;
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
    location /returns {
        social_resource https://mcp.example.com/returns;
        social_auth main;
        return 200 "returned\n";
    }
    location / { return 404; }
_EOC_

repeat_each(2);
plan tests => repeat_each() * 876;
no_long_string();
no_root_location();
master_on();
run_tests();

__DATA__

=== TEST 1: metadata
--- request eval
["GET /.well-known/oauth-protected-resource/mcp",
 "GET /.well-known/oauth-protected-resource/mcp?a=b",
 "GET /.well-known/oauth-protected-resource",
 "GET /.well-known/oauth-protected-resource/nested/deep/"]
--- response_headers eval
[("Content-Type: application/json\nCache-Control: public, max-age=300\n"
  . "Access-Control-Allow-Origin: *\n!WWW-Authenticate") x 4]
--- response_body eval
my $mcp = '{"resource":"https://mcp.example.com/mcp",'
 . '"authorization_servers":["https://issuer.example.com/pool",'
 . '"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"],'
 . '"scopes_supported":["mcp:read","mcp:list"],'
 . '"bearer_methods_supported":["header"],"resource_name":"My \"posts\"",'
 . '"resource_documentation":"https://docs.example.com/mcp?v=1"}';
[$mcp, $mcp,
 '{"resource":"https://MCP.example.com:8443",'
 . '"authorization_servers":["https://issuer.example.com/pool",'
 . '"https://bound.example.com"],"bearer_methods_supported":["header"]}',
 '{"resource":"https://mcp.example.com/nested/deep/",'
 . '"authorization_servers":["https://id.example.com","http://127.0.0.1:9/x"],'
 . '"scopes_supported":["a","b"],"bearer_methods_supported":["header"]}']

=== TEST 2: a slash at the end is not needed, nor does one more matter
--- request eval
["GET /.well-known/oauth-protected-resource/nested/deep",
 "GET /.well-known/oauth-protected-resource/mcp/",
 "GET /.well-known/oauth-protected-resource/",
 "GET /.well-known//oauth-protected-resource/m%63p"]
--- error_code eval
[(200) x 4]

=== TEST 3: other paths are those of the server
--- request eval
[map { "GET $_" } "/.well-known/oauth-protected-resource/plain",
 "/.well-known/oauth-protected-resource/mcp/x",
 "/.well-known/oauth-protected-resource/mc",
 "/.well-known/oauth-protected-resource/nested",
 "/.well-known/oauth-protected-resourcex",
 "/.well-known/oauth-protected-resourc",
 "/.well-known/oauth-protected-resource//mcp//x", "/.well-known", "/x"]
--- error_code eval
[(404) x 9]

=== TEST 4: only a few methods
--- request eval
my $at = "/.well-known/oauth-protected-resource/mcp";
["HEAD $at", "OPTIONS $at", "POST $at\nx", "DELETE $at", "PUT $at\nhello"]
--- error_code eval
[200, 204, 405, 405, 405]
--- response_headers eval
["!Allow\nContent-Type: application/json", "Allow: GET, HEAD, OPTIONS\n!Content-Type",
 ("Allow: GET, HEAD, OPTIONS\nContent-Type: application/json") x 3]

=== TEST 5: any page may read it, with the header that clients add
--- request eval
my $at = "/.well-known/oauth-protected-resource/mcp";
["OPTIONS $at", "OPTIONS $at", "GET $at"]
--- more_headers eval
my $origin = "Origin: https://inspector.example";
my $method = "Access-Control-Request-Method: GET";
["$origin\n$method", "$origin\n$method\n"
 . "Access-Control-Request-Headers: mcp-protocol-version", $origin]
--- error_code eval
[204, 204, 200]
--- response_headers eval
["Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: GET, HEAD",
 "Access-Control-Allow-Origin: *\n"
 . "Access-Control-Allow-Headers: mcp-protocol-version",
 "Access-Control-Allow-Origin: *\n!Access-Control-Allow-Methods"]

=== TEST 6: whatever CORS is in the server, its rewrites and its access rules
--- config
    social_cors on;
    social_cors_origins https://only.example.com;
    social_cors_credentials on;
    social_auth main;
    deny all;
    rewrite ^ /elsewhere;
    social_resource https://mcp.example.com/mcp;
    location / { proxy_pass http://127.0.0.1:1; }
--- request eval
my $at = "/.well-known/oauth-protected-resource/mcp";
["GET $at", "OPTIONS $at", "GET /mcp"]
--- more_headers eval
["Origin: https://inspector.example", "Origin: https://inspector.example\n"
 . "Access-Control-Request-Method: GET", ""]
--- error_code eval
[200, 204, 401]
--- response_headers eval
[("Access-Control-Allow-Origin: *\n!Access-Control-Allow-Credentials") x 2,
 "!Access-Control-Allow-Origin\n!Access-Control-Allow-Credentials"]

=== TEST 7: challenges
--- request eval
["GET /mcp", "GET /mcp", "GET /mcp", "GET /bare", "GET /nested/deep/x",
 "GET /terse", "GET /plain"]
--- more_headers eval
["", ::for_mcp(exp => time - 100), ::for_mcp(scope => 'mcp:read'), "", "",
 "Authorization: Bearer x", ""]
--- error_code eval
[401, 401, 403, 401, 401, 401, 401]
--- response_headers eval
my $b = 'WWW-Authenticate: Bearer realm="api"';
my $scope = 'scope="mcp:read mcp:list"';
["$b, $::Meta/mcp\", $scope",
 "$b, error=\"invalid_token\", error_description=\"the token has expired\", "
 . "$::Meta/mcp\", $scope",
 "$b, error=\"insufficient_scope\", error_description=\"the token lacks a "
 . "scope or group\", $::Meta/mcp\", $scope",
 "$b, resource_metadata=\"https://MCP.example.com:8443/.well-known/"
 . "oauth-protected-resource\"",
 "$b, $::Meta/nested/deep/\"",
 "$b, error=\"invalid_token\", $::Meta/terse\"", $b]

=== TEST 8: tokens that are for the resource
--- request eval
[("GET /mcp") x 6, ("GET /bare") x 4]
--- more_headers eval
[map({ ::for_mcp(aud => $_) } $::Mcp, [ 'x', $::Mcp ], [ $::Mcp ],
     'HTTPS://mcp.EXAMPLE.com/mcp', 'https://mcp.example.com:443/mcp',
     [ $::Mcp, $::Mcp ]),
 map({ ::bearer(aud => $_) } 'https://mcp.example.com:8443',
     'https://mcp.example.com:8443/', 'https://MCP.example.com:8443',
     [ 'x', 'https://mcp.example.com:8443/' ])]
--- error_code eval
[(200) x 10]

=== TEST 9: tokens that are for another one
--- request eval
[("GET /mcp") x 11, "GET /bare", "GET /optional"]
--- more_headers eval
[map({ ::for_mcp(aud => $_) } undef, 'web', 'https://mcp.example.com',
     'https://mcp.example.com/', 'https://mcp.example.com/mcp/',
     'https://mcp.example.com/mcp/x', 'https://mcp.example.com/MCP',
     'http://mcp.example.com/mcp', 'https://mcp.example.com:8443/mcp',
     'https://mcp.example.com.evil.example/mcp',
     'https://mcp.example.com@evil.example/mcp'),
 ::for_mcp(), ::for_mcp()]
--- error_code eval
[(401) x 13]
--- response_headers eval
[("X-Status: audience") x 13]
--- error_log eval
qr/token refused: audience, kid: "main", issuer: "main"/

=== TEST 10: a verdict for one resource is none for another, cached or not
--- request eval
["GET /mcp", "GET /terse", "GET /mcp", "GET /plain", "GET /lenient",
 "GET /terse", "GET /mcp"]
--- more_headers eval
[(::for_mcp(jti => 'one')) x 7]
--- error_code eval
[200, 401, 200, 200, 200, 401, 200]
--- response_headers eval
["X-Status: ok", "X-Status: audience", "X-Status: ok", "X-Status: ok",
 "X-Status: audience", "X-Status: audience", "X-Status: ok"]
--- response_body_like eval
["X-Social-Sub: c0ffee00", "Unauthorized", "X-Social-Sub: c0ffee00",
 "X-Social-Sub: c0ffee00", '^(?s)(?!.*X-Social-Sub)', "Unauthorized",
 "X-Social-Sub: c0ffee00"]

=== TEST 11: the audience counts in place of those of the issuer
--- request eval
["GET /bare", "GET /bare", "GET /nested/deep/", "GET /nested/deep/",
 "GET /nested/deep/", "GET /nested/deep/", "GET /nested/deep/"]
--- more_headers eval
my @bound = (iss => 'https://bound.example.com');
[::bearer(@bound, aud => 'https://mcp.example.com:8443'),
 ::bearer(@bound, aud => 'https://api.example.com'),
 ::bearer(@bound, aud => 'deep'),
 ::bearer(@bound, aud => 'https://alias.example.com/'),
 ::bearer(@bound, aud => [ 'https://mcp.example.com/nested/deep/' ]),
 ::bearer(@bound, aud => 'https://api.example.com'),
 ::bearer(@bound, aud => undef)]
--- error_code eval
[200, 401, 200, 200, 200, 401, 401]

=== TEST 12: tokens without an audience, where they are accepted
--- request eval
[("GET /nested/deep/") x 5]
--- more_headers eval
[::bearer(), ::bearer(client_id => 'stranger'), ::bearer(aud => 'web'),
 ::bearer(aud => []), ::bearer(aud => undef, scope => '')]
--- error_code eval
[200, 401, 401, 401, 200]

=== TEST 13: pages
--- request eval
[("POST /mcp\nx") x 8, "GET /mcp", "HEAD /mcp", "DELETE /mcp", "OPTIONS /mcp"]
--- more_headers eval
my $t = ::for_mcp();
[$t, "$t\nOrigin: https://mcp.example.com", "$t\nOrigin: https://evil.example",
 "$t\nOrigin: null", "$t\nOrigin:", "$t\nOrigin: https://mcp.example.com:8443",
 "$t\nOrigin: http://mcp.example.com",
 "$t\nOrigin: https://mcp.example.com\nOrigin: https://mcp.example.com",
 ("$t\nOrigin: https://evil.example") x 4]
--- error_code eval
[200, 200, (403) x 10]
--- response_headers eval
["", "", ("Content-Type: application/json\n!WWW-Authenticate") x 10]

=== TEST 14: before any token is looked at, and with "satisfy any"
--- request eval
["POST /mcp\nx", "POST /any\nx", "POST /any\nx", "GET /returns",
 "GET /returns"]
--- more_headers eval
my $evil = "Origin: https://evil.example";
[$evil, $evil, "", $evil, ""]
--- error_code eval
[403, 403, 200, 403, 200]

=== TEST 15: the reason is in the log, printable and not too long
--- request
POST /mcp
--- more_headers eval
"Origin: https://\"evil\x1b" . ("x" x 200)
--- error_code: 403
--- error_log eval
'request of origin "https://\x22evil\x1b' . ("x" x 114)
. '" that is not listed for the resource'

=== TEST 16: pages that are listed
--- request eval
[("POST /nested/deep/\nx") x 5, ("POST /cors\nx") x 3, "OPTIONS /cors"]
--- more_headers eval
my $t = ::bearer();
my $c = ::bearer(aud => 'https://mcp.example.com/cors');
["$t\nOrigin: https://app.example.com", "$t\nOrigin: http://localhost:6274",
 "$t\nOrigin: https://mcp.example.com", "$t\nOrigin: https://app2.example.com",
 "$t\nOrigin: https://a.example.org",
 "$c\nOrigin: https://a.example.org", "$c\nOrigin: https://app.example.com",
 "$c\nOrigin: https://mcp.example.com",
 "Origin: https://a.example.org\nAccess-Control-Request-Method: POST"]
--- error_code eval
[200, 200, 200, 403, 403, 200, 403, 200, 204]

=== TEST 17: one resource for several locations, one without
--- config
    social_resource https://mcp.example.com/mcp;
    social_auth main;
    location /mcp { social_auth_scopes any a b; return 404; }
    location /mcp/more { social_auth main other; proxy_pass
        http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location /third { social_auth_scopes any b c; return 404; }
    location /open { social_auth off; proxy_pass
        http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location /api { social_resource off; proxy_pass
        http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request eval
["GET /.well-known/oauth-protected-resource/mcp", "GET /mcp/more",
 "GET /mcp/more", "GET /open", "GET /api", "GET /api", "GET /mcp/more"]
--- more_headers eval
["", "", ::for_mcp(), "", "", ::for_mcp(aud => undef),
 ::for_mcp(aud => undef)]
--- error_code eval
[200, 401, 200, 200, 401, 200, 401]
--- response_headers eval
my $b = 'WWW-Authenticate: Bearer realm="api"';
["", "$b, $::Meta/mcp\"", "!WWW-Authenticate", "!WWW-Authenticate", $b,
 "!WWW-Authenticate",
 "$b, error=\"invalid_token\", error_description=\"the token does not "
 . "have a valid audience\", $::Meta/mcp\""]
--- response_body_like eval
['"authorization_servers":\["https://issuer.example.com/pool",'
 . '"https://other.example.com"\],"scopes_supported":\["a","b","c"\]', ("") x 6]

=== TEST 18: the same path in another server
--- http_config eval
$::http_config . '
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / {
            social_resource https://b.example.com/mcp;
            social_auth other;
            return 404;
        }
    }'
--- config
    location = /b { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/.well-known/oauth-protected-resource/mcp; }
    location /mcp { social_resource https://a.example.com/mcp; social_auth main; return 404; }
--- request eval
["GET /.well-known/oauth-protected-resource/mcp", "GET /b"]
--- response_body_like eval
['"https://a.example.com/mcp","authorization_servers":\["https://issuer',
 '"https://b.example.com/mcp","authorization_servers":\["https://other']

=== TEST 19: scopes by what is called
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_auth_scopes all mcp:read;
        social_resource_scope tools/call * all mcp:call;
        social_resource_scope tools/call delete_* any posts:write posts:admin;
        social_resource_scope prompts/* * all prompts mcp:read;
        social_resource_scope resources/read file:///secret all secret files;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
[map { ::post($_) } ::message('tools/list'), ::call('get_post'),
 ::call('get_post'), ::call('delete_post'), ::call('delete_post'),
 ::call('delete_post'), ::call('delete_'), ::call('delete'),
 ::message('prompts/list'), ::message('prompts/get', { name => 'x' }),
 ::message('resources/read', { uri => 'file:///secret' }),
 ::message('resources/read', { uri => 'file:///other' })]
--- more_headers eval
[map { ::json_type(::bearer(aud => $::Mcp, scope => "mcp:read $_")) }
 '', '', 'mcp:call', 'mcp:call', 'mcp:call posts:admin', 'posts:write',
 'mcp:call', 'mcp:call', '', '', 'secret', '']
--- error_code eval
[200, 403, 200, 403, 200, 403, 403, 200, 403, 403, 403, 200]
--- response_headers eval
my $b = 'WWW-Authenticate: Bearer realm="api", error="insufficient_scope", '
 . 'error_description="the token lacks a scope", ' . "$::Meta/mcp\", ";
my $none = "!WWW-Authenticate";
[$none, $b . 'scope="mcp:read mcp:call"', $none,
 $b . 'scope="mcp:read mcp:call posts:write"', $none,
 ($b . 'scope="mcp:read mcp:call posts:write"') x 2, $none,
 ($b . 'scope="mcp:read prompts"') x 2,
 $b . 'scope="mcp:read secret files"', $none]

=== TEST 20: what the server gets is the message, whole
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope tools/call * all mcp:call;
        client_body_buffer_size 1k;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
[::post(::call('x' x 100)), ::post(::call('y' x 100_000))]
--- more_headers eval
[(::json_type(::bearer(aud => $::Mcp, scope => 'mcp:call'))) x 2]
--- response_body_like eval
[map { quotemeta ::call($_) } 'x' x 100, 'y' x 100_000]
--- no_error_log
[alert]
[emerg]
[crit]
is buffered to a temporary file

=== TEST 21: headers that repeat the message, and lie
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope tools/call delete_post all posts:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
[(::post(::call('delete_post'))) x 3, (::post(::call('get_post'))) x 6]
--- more_headers eval
my $t = ::bearer(aud => $::Mcp);
my $v = "MCP-Protocol-Version: 2026-07-28";
my $m = "Mcp-Method: tools/call";
[::json_type($t, $v, $m, "Mcp-Name: get_post"),
 ::json_type($t, $v, "Mcp-Method: tools/list"),
 ::json_type($t, $v, $m, "Mcp-Name: delete_post"),
 ::json_type($t, $v, $m, "Mcp-Name: get_post"),
 ::json_type($t, $v, $m, "Mcp-Name: =?base64?Z2V0X3Bvc3Q=?="),
 ::json_type($t, $v, $m), ::json_type($t, $v), ::json_type($t),
 ::json_type($t, $m, $m)]
--- error_code eval
[400, 400, 403, 200, 200, 400, 400, 200, 400]
--- response_body_like eval
my $e = quotemeta '{"jsonrpc":"2.0","id":7,"error":{"code":-32020,"message":'
 . '"Header mismatch: ';
my $n = quotemeta '{"jsonrpc":"2.0","error":{"code":-32020,"message":"';
["^$e", "^$e", "Forbidden", "", "", "^$e", "^$e", "", "^$n"]

=== TEST 22: bodies that two readers might read differently
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope tools/call delete_post all posts:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
my $get = ::call('get_post');
[map { ::post($_) } '[' . ::call('delete_post') . ']',
 '{"jsonrpc":"2.0","method":"tools/list","method":"tools/call"}',
 '{"jsonrpc":"2.0","method":"tools/list","Method":"tools/call"}', 'x', '',
 $get, $get, $get, $get, $get]
--- more_headers eval
my $t = ::bearer(aud => $::Mcp);
[(::json_type($t)) x 5, "$t\nContent-Type: text/plain", $t,
 "$t\nContent-Type: application/json; charset=utf-7",
 ::json_type($t, "Content-Encoding: gzip"),
 ::json_type($t, "Content-Type: application/json; charset=utf-7")]
--- error_code eval
[(400) x 5, (415) x 4, 400]
--- response_body_like eval
[map({ "\"code\":-$_," } 32700, 32700, 32600, 32700, 32700),
 ('Unsupported Media Type') x 4, '"code":-32020']

=== TEST 23: other methods have no message
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope * * all posts:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
["GET /rules", "HEAD /rules", "DELETE /rules", "PUT /rules\n" . ::call('x'),
 "PATCH /rules\n" . ::call('x'),
 ::post('{"jsonrpc":"2.0","id":1,"result":{}}'),
 ::post('{"jsonrpc":"2.0","method":"notifications/initialized"}')]
--- more_headers eval
[(::json_type(::bearer(aud => $::Mcp))) x 7]
--- error_code eval
[200, 200, 200, 405, 405, 200, 403]

=== TEST 24: without a token
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main optional;
        social_resource_scope tools/call * all mcp:call;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
[::post(::message('tools/list')), ::post(::call('x')), "POST /rules\nx"]
--- more_headers eval
[(::json_type()) x 3]
--- error_code eval
[200, 401, 400]
--- response_headers eval
["!WWW-Authenticate",
 "WWW-Authenticate: Bearer realm=\"api\", $::Meta/mcp\", scope=\"mcp:call\"",
 "!WWW-Authenticate"]

=== TEST 25: rules of a server, in locations with a token and without
--- config
    social_resource https://mcp.example.com/mcp;
    social_resource_scope tools/call * all mcp:call;
    location /rules {
        social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
        location /rules/own {
            social_resource_scope tools/list * all mcp:list;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
        }
    }
    location /open { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
    location /free { social_resource off; social_auth main;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request eval
my ($call, $list) = (::call('x'), ::message('tools/list'));
["POST /rules\n$call", "POST /rules\n$list", "POST /rules/own\n$call",
 "POST /rules/own\n$list", "POST /open\n$call", "POST /free\n$call"]
--- more_headers eval
[(::json_type(::bearer(aud => $::Mcp))) x 6]
--- error_code eval
[403, 200, 200, 403, 200, 200]

=== TEST 26: a message that is too large
--- config eval: $::Rules
--- request eval
"POST /rules\n" . 'x' x 1_048_577
--- more_headers eval
::json_type(::bearer(aud => $::Mcp))
--- error_code: 413

=== TEST 27: one that is, in pieces
--- config eval: $::Rules
--- raw_request eval
::head() . sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
                   1_048_577, 'x' x 1_048_577)
--- error_code: 413

=== TEST 28: one in small pieces
--- config eval: $::Rules
--- raw_request eval
::head() . "Transfer-Encoding: chunked\r\n\r\n"
. CORE::join('', map { "1\r\n$_\r\n" } split //, ::call('delete_post'))
. "0\r\n\r\n"
--- error_code: 403

=== TEST 29: after an internal redirect, too
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope tools/call delete_post all posts:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
    location /rewritten { rewrite ^ /rules last; }
    location /named {
        error_page 418 = @named;
        return 418;
    }
    location @named {
        social_resource https://mcp.example.com/named audiences=https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope tools/call delete_post all posts:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
[map({ "POST $_\n" . ::call('delete_post') } '/rewritten', '/named'),
 map({ "POST $_\n" . ::call('get_post') } '/rewritten', '/named')]
--- more_headers eval
[(::json_type(::bearer(aud => $::Mcp))) x 4]
--- error_code eval
[403, 403, 200, 200]

=== TEST 30: a verdict for one resource is none for another that is led to
--- config
    social_auth main;
    location /early {
        social_resource https://mcp.example.com/mcp;
        set $early $social_sub;
        rewrite ^ /late last;
    }
    location /late {
        social_resource https://mcp.example.com/late;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
    }
--- request eval
["GET /early", "GET /early"]
--- more_headers eval
[::bearer(aud => $::Mcp), ::bearer(aud => [ $::Mcp, "https://mcp.example.com/late" ])]
--- error_code eval
[401, 200]

=== TEST 31: a name is only that of something that has one
--- config
    location /rules {
        social_resource https://mcp.example.com/mcp;
        social_auth main;
        social_resource_scope * delete_* all posts:write;
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT/echo;
    }
--- request eval
[map { ::post($_) } ::message('tools/list'), ::call('delete_it'),
 ::message('prompts/get', { name => 'delete_it' }),
 ::message('tools/list', { name => 'delete_it' })]
--- more_headers eval
[(::json_type(::bearer(aud => $::Mcp))) x 4]
--- error_code eval
[200, 403, 403, 200]

=== TEST 32: the body of a request for metadata is not the next request
--- pipelined_requests eval
["GET /.well-known/oauth-protected-resource/mcp\nGET /x", "GET /plain"]
--- error_code eval
[200, 401]

=== TEST 33: a cached verdict, in a process that has not parsed the token
--- init
SocialProcess::get('/bare', $::Token) eq '200' or die "it was refused\n";
SocialProcess::reload(1);
--- request
GET /bare
--- more_headers eval
$::Token
--- response_body_like: X-Social-Sub: c0ffee00
