# What is said of wrong "social_auth*", "social_identity_headers",
# "social_json_errors" and "social_ready", and how they inherit.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialConf;

repeat_each(1);
no_long_string();

sub wrong {
    my ($name, $line, @patterns) = @_;

    refused("$name, in http", { http => $http_config . "    $line" },
            @patterns);
    refused("$name, in a server", { http => $http_config, config => $line },
            @patterns);
    refused("$name, in a location", {
        http => $http_config, config => "location /x { $line }" }, @patterns);
}

accepted('all of it', { http => $http_config, config => <<'_EOC_' });
    location /x {
        social_auth main other optional=lenient;
        social_auth_scopes any photos/read photos/write;
        social_auth_groups all staff beta;
        social_auth_groups_claim roles;
        social_auth_error_detail off;
        social_identity_headers off;
        social_json_errors ON;
    }
    location /ready { social_ready require=keys; }
_EOC_

accepted('an issuer that is defined later',
         { http => "social_auth main;\n$http_config",
           config => 'social_auth off;' });

accepted('a directive in each level', {
    http => $http_config . 'social_auth main; social_auth_scopes any a;
        social_auth_groups any a; social_auth_groups_claim a;
        social_auth_error_detail on; social_auth_cache off;
        social_identity_headers on;
        social_json_errors on;',
    config => 'social_auth off; social_auth_scopes any a;
        social_auth_groups any a; social_auth_groups_claim a;
        social_auth_error_detail on; social_auth_cache off;
        social_identity_headers on;
        social_json_errors on;
        location /x {
            social_auth other; social_auth_scopes any a;
            social_auth_groups any a; social_auth_groups_claim a;
            social_auth_error_detail on; social_auth_cache off;
        social_identity_headers on;
            social_json_errors on;
        }' });


# social_auth

my $auth = 'in "social_auth" directive, it must be "off", or names of issuers '
    . 'and then "optional" or "optional=lenient"';

wrong('nothing', 'social_auth;',
      'invalid number of arguments in "social_auth" directive');
wrong('an unknown issuer', 'social_auth nobody;',
      'unknown issuer "nobody" (add "social_issuer nobody" to the "http" block) '
      . 'in "social_auth" directive in ', qr/nginx\.conf:\d+$/);
wrong('an unknown issuer beside one', 'social_auth main nobody;',
      'unknown issuer "nobody" (add');
wrong('on', 'social_auth on;', 'unknown issuer "on" (add');
wrong('an issuer twice', 'social_auth main main;',
      'duplicate value "main" in "social_auth" directive');
wrong('an issuer and off', 'social_auth main off;',
      qq{invalid value "off" $auth});
wrong('off and an issuer', 'social_auth off main;',
      qq{invalid value "off" $auth});
wrong('off and optional', 'social_auth off optional;',
      qq{invalid value "off" $auth});
wrong('optional alone', 'social_auth optional;',
      qq{invalid value "optional" $auth});
wrong('lenient alone', 'social_auth optional=lenient;',
      qq{invalid value "optional=lenient" $auth});
wrong('optional before a name', 'social_auth main optional other;',
      qq{invalid value "optional" $auth});
wrong('optional twice', 'social_auth main optional optional;',
      qq{invalid value "optional" $auth});
wrong('optional in another form', 'social_auth main optional=on;',
      qq{invalid value "optional=on" $auth});
wrong('an unknown parameter', 'social_auth main realm=x;',
      qq{invalid value "realm=x" $auth});
wrong('an empty name', 'social_auth "";',
      qq{invalid value "" $auth});
wrong('social_auth twice', 'social_auth main; social_auth other;',
      '"social_auth" directive is duplicate');
wrong('off after a name', 'social_auth main; social_auth off;',
      '"social_auth" directive is duplicate');
wrong('a name after off', 'social_auth off; social_auth main;',
      '"social_auth" directive is duplicate');

refused('an unknown issuer in an if', {
    http => $http_config,
    config => 'location /x { if ($arg_a) { social_auth nobody; } }' },
    '"social_auth" directive is not allowed here');
refused('the line of the mistake, not that of the end', {
    http => $http_config,
    config => "location /x {\nsocial_auth nobody;\n\n\n\n}\n" },
    'unknown issuer "nobody"');
refused('an unknown issuer in a nested location', {
    http => $http_config,
    config => 'location /x { location /x/y { social_auth nobody; } }' },
    'unknown issuer "nobody"');
refused('an unknown issuer in a named location', {
    http => $http_config, config => 'location @x { social_auth nobody; }' },
    'unknown issuer "nobody"');
refused('an unknown issuer that another level hides', {
    http => "$http_config social_auth nobody;", config => 'social_auth off;' },
    'unknown issuer "nobody"');


# lists

for my $name (qw( social_auth_scopes social_auth_groups )) {
    wrong("$name of nothing", "$name;",
          "invalid number of arguments in \"$name\" directive");
    wrong("$name of one", "$name any;",
          "invalid number of arguments in \"$name\" directive");
    wrong("$name without any or all", "$name a b;",
          "invalid parameter \"a\" in \"$name\" directive, the first one must "
          . 'be "any" or "all"');
    wrong("$name of an empty value", "$name any '';",
          "invalid value \"\" in \"$name\" directive, it must not be empty");
    wrong("$name with a control character", "$name any \"a\tb\";",
          "invalid value \"a");
    wrong("$name with DEL", "$name any \"a\x7fb\";", "invalid value \"a");
    wrong("$name with one twice", "$name all a b a;",
          "duplicate value \"a\" in \"$name\" directive");
    wrong("$name twice", "$name any a; $name any b;",
          "\"$name\" directive is duplicate");
}

wrong("a scope with $_->[0]", "social_auth_scopes any 'a$_->[1]b';",
      "invalid value \"a$_->[2]b\" in \"social_auth_scopes\" directive, it "
      . 'must not be empty or contain spaces, quotes, backslashes and control '
      . 'characters')
    for [ 'a space', ' ', ' ' ], [ 'a quote', '"', '"' ],
        [ 'a backslash', '\\\\', '\\' ];

accepted('groups with spaces, quotes and backslashes', {
    http => $http_config, config => 'location /x { social_auth main; '
        . 'social_auth_groups any "site admins" \'a"b\' a\\\\b; }' });
wrong('a group of a variable', 'social_auth_groups any $group;',
      'invalid value "$group" in "social_auth_groups" directive, it must not be '
      . 'empty, begin with "$" (variables are not supported)');


# the others

wrong('social_auth_groups_claim of nothing', 'social_auth_groups_claim;',
      'invalid number of arguments in "social_auth_groups_claim" directive');
wrong('social_auth_groups_claim of two', 'social_auth_groups_claim a b;',
      'invalid number of arguments in "social_auth_groups_claim" directive');
wrong('social_auth_groups_claim of an empty name',
      'social_auth_groups_claim "";',
      'invalid value "" in "social_auth_groups_claim" directive, it must not '
      . 'be empty');
wrong('social_auth_groups_claim of a path with an empty name',
      'social_auth_groups_claim a..b;',
      'invalid value "a..b" in "social_auth_groups_claim" directive, it must '
      . 'not have an empty name before, between or after dots');
wrong('social_auth_claim of a path with an empty name',
      'social_auth_claim .a b;',
      'invalid value ".a" in "social_auth_claim" directive, it must not have '
      . 'an empty name before, between or after dots');
wrong('social_auth_groups_claim twice',
      'social_auth_groups_claim a; social_auth_groups_claim a;',
      '"social_auth_groups_claim" directive is duplicate');

for my $name (qw( social_auth_error_detail social_auth_cache
                  social_identity_headers
                  social_json_errors ))
{
    wrong("$name of nothing", "$name;",
          "invalid number of arguments in \"$name\" directive");
    wrong("$name of two", "$name on off;",
          "invalid number of arguments in \"$name\" directive");
    wrong("$name $_", "$name $_;",
          "invalid value \"$_\" in \"$name\" directive, it must be \"on\" or "
          . '"off"')
        for qw( yes 1 onn );
    wrong("$name of an empty value", "$name '';",
          "invalid value \"\" in \"$name\"");
    wrong("$name twice", "$name on; $name on;",
          "\"$name\" directive is duplicate");
}

# bound tokens

my $origin = 'origin=https://api.example.com';

wrong('social_auth_dpop of nothing', 'social_auth_dpop;',
      'invalid number of arguments in "social_auth_dpop" directive');
wrong('social_auth_dpop in another mode', "social_auth_dpop on $origin;",
      'invalid parameter "on" in "social_auth_dpop" directive, the first one '
      . 'must be "off", "optional" or "required"');
wrong('social_auth_dpop without an origin', 'social_auth_dpop required;',
      '"social_auth_dpop" directive must have "origin" parameter');
wrong('social_auth_dpop off, and more', "social_auth_dpop off $origin;",
      '"off" has parameters in "social_auth_dpop" directive');
wrong('social_auth_dpop twice',
      "social_auth_dpop off; social_auth_dpop required $origin;",
      '"social_auth_dpop" directive is duplicate');
wrong("the origin $_", "social_auth_dpop required origin=$_;",
      "invalid value \"$_\" of parameter \"origin\" in \"social_auth_dpop\" directive, "
      . 'it must be "https://" or "http://", a host, and at most a port')
    for qw( api.example.com https:// https://api.example.com/
            https://api.example.com/v1 https://api.example.com?a
            ftp://api.example.com https://u@api.example.com
            https://api.example.com:0 https://*.example.com );
wrong('an origin twice', "social_auth_dpop required $origin "
      . 'origin=HTTPS://API.example.com:443;',
      'duplicate value "HTTPS://API.example.com:443" in "social_auth_dpop" '
      . 'directive');
wrong("the algorithms $_", "social_auth_dpop required $origin algorithms=$_;",
      "invalid value \"$_\" of parameter \"algorithms\" in \"social_auth_dpop\" "
      . 'directive, it must be a list, separated by commas, of RS256, RS384, '
      . 'RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519 and '
      . 'Ed448') for 'none', 'HS256', 'ES256,none', 'ES256K', 'es256';
wrong('no algorithms', "social_auth_dpop required $origin algorithms=,;",
      'invalid value "," of parameter "algorithms" in "social_auth_dpop" directive, it '
      . 'must not be empty');
wrong('an algorithm twice',
      "social_auth_dpop required $origin algorithms=ES256,ES256;",
      'duplicate value "ES256" in "social_auth_dpop" directive');
wrong("max_age of $_", "social_auth_dpop required $origin max_age=$_;",
      "invalid value \"$_\" of parameter \"max_age\" in \"social_auth_dpop\"")
    for qw( 0 61m x );
wrong('nonces that are not on or off',
      "social_auth_dpop required $origin nonce=yes;",
      'invalid value "yes" of parameter "nonce" in "social_auth_dpop"');
wrong('a secret for no nonces', "social_auth_dpop required $origin secret=a;",
      '"secret" without "nonce=on" in "social_auth_dpop" directive');
wrong('an unknown secret',
      "social_auth_dpop required $origin nonce=on secret=a;",
      'unknown secret "a" (add "social_secret a" to the "http" block) in '
      . '"social_auth_dpop" directive');
wrong('social_auth_mtls of nothing', 'social_auth_mtls;',
      'invalid number of arguments in "social_auth_mtls" directive');
wrong('social_auth_mtls in another mode', 'social_auth_mtls on;',
      'invalid parameter "on" in "social_auth_mtls" directive, the first one '
      . 'must be "off", "optional" or "required"');
wrong('social_auth_mtls off, and more', 'social_auth_mtls off certificate=$a;',
      '"off" has parameters in "social_auth_mtls" directive');
wrong('social_auth_mtls twice',
      'social_auth_mtls required; social_auth_mtls optional;',
      '"social_auth_mtls" directive is duplicate');
wrong("the certificate '$_'", "social_auth_mtls required certificate=$_;",
      "invalid value \"$_\" of parameter \"certificate\" in \"social_auth_mtls\" "
      . 'directive, it must be a variable') for ('x', '$', 'x$host');

for my $line ('social_auth main', 'social_auth_scopes any a',
              "social_auth_dpop required $origin", 'social_auth_mtls optional',
              'social_auth_groups any a', 'social_auth_groups_claim a',
              'social_auth_error_detail on', 'social_auth_cache on',
              'social_identity_headers on',
              'social_json_errors on')
{
    my ($name) = split / /, $line;

    refused("$name in an if", {
        http => $http_config,
        config => "location /x { if (\$arg_a) { $line; } }" },
        "\"$name\" directive is not allowed here");
    refused("$name in limit_except", {
        http => $http_config,
        config => "location /x { limit_except GET { $line; } }" },
        "\"$name\" directive is not allowed here") if $name !~ /_auth/;
    refused("$name in main", { main => "$line;" },
        "\"$name\" directive is not allowed here");
    refused("$name in an upstream", {
        http => "upstream u { server 127.0.0.1:1; $line; }" },
        "\"$name\" directive is not allowed here");
}


# social_ready

for my $where ([ http => 'social_ready;' ], [ config => 'social_ready;' ],
               [ config => 'location /x { if ($arg_a) { social_ready; } }' ])
{
    refused("social_ready in the wrong place: $where->[1]", { @$where },
            '"social_ready" directive is not allowed here');
}

sub ready { return { config => "location /x { $_[0] }" } }

refused('social_ready twice', ready('social_ready; social_ready;'),
        '"social_ready" directive is duplicate');
refused('social_ready on', ready('social_ready on;'),
        'unknown parameter "on" in "social_ready" directive, supported are '
        . '"require", "upstreams" and "drain" in ');
refused('social_ready of what there is not',
        ready('social_ready require=database;'),
        'no "social_database" is defined (add it to the "http" block, or '
        . 'require keys only) for the "social_ready" directive in ');
refused('social_ready of nothing', ready('social_ready require=;'),
        'invalid value "" of parameter "require" in "social_ready" directive');
refused('social_ready of two', ready('social_ready require=keys on;'),
        'unknown parameter "on" in "social_ready" directive');

run_conf();
