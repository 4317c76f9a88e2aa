# Errors of "social_auth_token" and "social_auth_claim" in the configuration.

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
        social_auth main;
        social_auth_token $http_authorization $cookie_t $arg_t $http_x_token
                          $http_sec_websocket_protocol $remote_user;
        social_auth_claim plan gold "two words" 'a"b' %41;
        social_auth_claim https://example.com/roles a:b;
        social_auth_claim level 3 -3 true;
    }
_EOC_

accepted('a directive in each level', {
    http => $http_config . 'social_auth_token $cookie_a;
        social_auth_claim a b;',
    config => 'social_auth_token $cookie_a; social_auth_claim a b;
        location /x { social_auth_token $cookie_a; social_auth_claim a b; }' });

accepted('the same value of two claims', {
    http => $http_config,
    config => 'social_auth_claim a x y; social_auth_claim b x y;' });


# social_auth_token

my $token = 'social_auth_token';

wrong('no token source', "$token;",
      "invalid number of arguments in \"$token\" directive");

for my $value (qw( off header cookie Authorization $ ${http_authorization}
                   $http_x-token x$cookie_a $cookie_a$cookie_b ),
               '$cookie_ä', '""')
{
    my $shown = $value eq '""' ? '' : $value;

    wrong("the token source $value", "$token $value;",
          "invalid value \"$shown\" in \"$token\" directive, it must be the "
          . 'name of a variable, as "$cookie_token"');
}

wrong("the token source $_", "$token \"$_\";",
      "invalid value \"$_\" in \"$token\" directive, the name of a cookie "
      . 'must be letters, digits, and other characters of a token')
    for 'cookie=a b', 'cookie=a;b', 'cookie=a/b', "cookie=\xc3\xa4";
wrong('a named cookie without a name', "$token cookie=;",
      "invalid value \"cookie=\" in \"$token\" directive, it must be the name "
      . 'of a variable, as "$cookie_token", or "cookie=" and the name of one');
wrong('a named cookie twice', "$token cookie=__Host-a cookie=__Host-a;",
      "duplicate value \"cookie=__Host-a\" in \"$token\" directive");

wrong('a valid token source and an invalid one', "$token \$cookie_a b;",
      "invalid value \"b\" in \"$token\" directive");
wrong('a token source twice', "$token \$cookie_a \$http_a \$cookie_a;",
      "duplicate value \"\$cookie_a\" in \"$token\" directive");
wrong('a token source twice, in another case', "$token \$cookie_a \$COOKIE_A;",
      "duplicate value \"\$COOKIE_A\" in \"$token\" directive");
wrong('all cookies', "$token \$http_cookie;",
      "invalid value \"\$http_cookie\" in \"$token\" directive, it must be one "
      . 'cookie, as "$cookie_token"');
wrong('all cookies, in another case', "$token \$HTTP_Cookie;",
      "invalid value \"\$HTTP_Cookie\" in \"$token\" directive, it must be one "
      . 'cookie');
wrong('a variable of this module', "$token \$social_sub;",
      "invalid value \"\$social_sub\" in \"$token\" directive, it must not be a "
      . 'variable of this module');
wrong('another one', "$token \$Social_Claim_x;",
      "invalid value \"\$Social_Claim_x\" in \"$token\" directive, it must not "
      . 'be a variable of this module');
wrong('twice', "$token \$cookie_a; $token \$cookie_b;",
      "\"$token\" directive is duplicate");
wrong('twice, the default', "$token \$http_authorization; $token \$cookie_b;",
      "\"$token\" directive is duplicate");


# social_auth_claim

my $claim = 'social_auth_claim';

wrong('no claim', "$claim;",
      "invalid number of arguments in \"$claim\" directive");
wrong('a claim without a value', "$claim a;",
      "invalid number of arguments in \"$claim\" directive");

for my $bad ([ 'an empty', "''" ], [ 'a tab in the', "\"a\tb\"" ],
             [ 'DEL in the', "\"a\x7f\"" ])
{
    my ($what, $text) = @$bad;

    wrong("$what name", "$claim $text b;", "invalid value \"");
    wrong("$what value", "$claim a b $text;", "invalid value \"");
}

wrong('an empty value, and what it must be', "$claim a '';",
      "invalid value \"\" in \"$claim\" directive, it must not be empty, begin "
      . 'with "$" (variables are not supported) or contain control characters');
wrong('a variable as value', "$claim tenant \$arg_tenant;",
      "invalid value \"\$arg_tenant\" in \"$claim\" directive, it must not be "
      . 'empty, begin with "$"');
wrong('a variable as name', "$claim \$arg_name a;",
      "invalid value \"\$arg_name\" in \"$claim\" directive, it must not be "
      . 'empty or begin with "$"');
wrong('a value twice', "$claim a b c b;",
      "duplicate value \"b\" in \"$claim\" directive");
wrong('a claim twice', "$claim a b; $claim c d; $claim a e;",
      "duplicate claim \"a\" (list all of its values in one) in \"$claim\" "
      . 'directive');


for my $line ("$token \$cookie_a", "$claim a b") {
    my ($name) = split / /, $line;

    refused("$name in an if", {
        http => $http_config,
        config => "location /x { if (\$arg_a) { $line; } }" },
        "\"$name\" directive is not allowed here");
    refused("$name in main", { main => "$line;" },
        "\"$name\" directive is not allowed here");
    refused("$name in an upstream", {
        http => "upstream u { server 127.0.0.1:1; $line; }" },
        "\"$name\" directive is not allowed here");
}

run_conf();
