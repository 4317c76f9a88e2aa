# What is said of wrong "social_auth*", "social_identity_headers",
# "social_json_errors" and "social_ready", and how they inherit.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialConf;

repeat_each(1);
plan tests => repeat_each() * 1553;
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

wrong('nothing', 'social_auth;',
      'invalid number of arguments in "social_auth" directive');
wrong('an unknown issuer', 'social_auth nobody;',
      'unknown issuer "nobody" in "social_auth": add a "social_issuer nobody '
      . '{ ... }" to the "http" block', qr/nginx\.conf:\d+$/);
wrong('an unknown issuer beside one', 'social_auth main nobody;',
      'unknown issuer "nobody" in "social_auth"');
wrong('on', 'social_auth on;', 'unknown issuer "on" in "social_auth"');
wrong('an issuer twice', 'social_auth main main;',
      '"main" is duplicate in "social_auth": say it once');
wrong('an issuer and off', 'social_auth main off;',
      'unknown parameter "off" in "social_auth"');
wrong('off and an issuer', 'social_auth off main;',
      '"off" in "social_auth" stands alone');
wrong('off and optional', 'social_auth off optional;',
      '"off" in "social_auth" stands alone');
wrong('optional alone', 'social_auth optional;',
      '"optional" in "social_auth" stands last, after the name of an issuer');
wrong('lenient alone', 'social_auth optional=lenient;',
      '"optional=lenient" in "social_auth" stands last');
wrong('optional before a name', 'social_auth main optional other;',
      '"optional" in "social_auth" stands last');
wrong('optional twice', 'social_auth main optional optional;',
      '"optional" in "social_auth" stands last');
wrong('optional in another form', 'social_auth main optional=on;',
      'unknown parameter "optional=on" in "social_auth": it takes "off", or '
      . 'names of issuers and then "optional" or "optional=lenient"');
wrong('an unknown parameter', 'social_auth main realm=x;',
      'unknown parameter "realm=x" in "social_auth"');
wrong('an empty name', 'social_auth "";',
      'unknown parameter "" in "social_auth"');
wrong('social_auth twice', 'social_auth main; social_auth other;',
      '"social_auth" is duplicate: list all issuers in one');
wrong('off after a name', 'social_auth main; social_auth off;',
      '"social_auth" is duplicate');
wrong('a name after off', 'social_auth off; social_auth main;',
      '"social_auth" is duplicate');

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
          "invalid parameter \"a\" in \"$name\": it must be \"any\" or "
          . '"all", followed by values');
    wrong("$name of an empty value", "$name any '';",
          "invalid value \"\" in \"$name\": it must be a ");
    wrong("$name with a control character", "$name any \"a\tb\";",
          "invalid value \"a");
    wrong("$name with DEL", "$name any \"a\x7fb\";", "invalid value \"a");
    wrong("$name with one twice", "$name all a b a;",
          "\"a\" is duplicate in \"$name\": say it once");
    wrong("$name twice", "$name any a; $name any b;",
          "\"$name\" is duplicate: say it once in this block");
}

wrong("a scope with $_->[0]", "social_auth_scopes any 'a$_->[1]b';",
      "invalid value \"a$_->[2]b\" in \"social_auth_scopes\": it must be "
      . 'a word without spaces, quotes and backslashes')
    for [ 'a space', ' ', ' ' ], [ 'a quote', '"', '"' ],
        [ 'a backslash', '\\\\', '\\' ];

accepted('groups with spaces, quotes and backslashes', {
    http => $http_config, config => 'location /x { social_auth main; '
        . 'social_auth_groups any "site admins" \'a"b\' a\\\\b; }' });
wrong('a group of a variable', 'social_auth_groups any $group;',
      'invalid value "$group" in "social_auth_groups": it takes no variables, '
      . 'write what the token must have');


# the others

wrong('social_auth_groups_claim of nothing', 'social_auth_groups_claim;',
      'invalid number of arguments in "social_auth_groups_claim" directive');
wrong('social_auth_groups_claim of two', 'social_auth_groups_claim a b;',
      'invalid number of arguments in "social_auth_groups_claim" directive');
wrong('social_auth_groups_claim of an empty name',
      'social_auth_groups_claim "";',
      '"social_auth_groups_claim" needs the name of a claim');
wrong('social_auth_groups_claim twice',
      'social_auth_groups_claim a; social_auth_groups_claim a;',
      '"social_auth_groups_claim" is duplicate: say it once in this block');

for my $name (qw( social_auth_error_detail social_auth_cache
                  social_identity_headers
                  social_json_errors ))
{
    wrong("$name of nothing", "$name;",
          "invalid number of arguments in \"$name\" directive");
    wrong("$name of two", "$name on off;",
          "invalid number of arguments in \"$name\" directive");
    wrong("$name $_", "$name $_;",
          "invalid value \"$_\" in \"$name\": it must be \"on\" or \"off\"")
        for qw( yes 1 onn );
    wrong("$name of an empty value", "$name '';",
          "invalid value \"\" in \"$name\"");
    wrong("$name twice", "$name on; $name on;",
          "\"$name\" is duplicate: say it once in this block");
}

for my $line ('social_auth main', 'social_auth_scopes any a',
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
        "\"$name\" directive is not allowed here");
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
        '"social_ready" is duplicate: say it once');
refused('social_ready on', ready('social_ready on;'),
        'invalid parameter "on" in "social_ready"');
refused('social_ready of what there is not',
        ready('social_ready require=database;'),
        '"social_ready" requires a database, but there is no '
        . '"social_database"');
refused('social_ready of nothing', ready('social_ready require=;'),
        'invalid parameter "require=" in "social_ready"');
refused('social_ready of two', ready('social_ready require=keys on;'),
        'invalid number of arguments in "social_ready" directive');

run_conf();
