# Mistakes in the configuration of "social_presign*" and
# "social_upload_status", and how they inherit.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialConf;

my $dir = $ENV{TEST_NGINX_HTML_DIR};
my $files = <<'_EOC_';
>>> credentials
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secretsecret
_EOC_

my $bucket = "social_bucket raw { region eu-west-1;
    credentials file $dir/credentials; }";
my $db = 'social_database "host=/nowhere dbname=none";';
my $key = 'social_presign_key "raw/$social_sub/$social_upload_id";';

sub conf {
    my ($location, %opt) = @_;
    return { http => ($opt{http} // "$db $bucket") . $http_config,
             files => $files, config => ($opt{server} // '')
             . " location = /uploads { $location }" };
}

sub wrong {
    my ($name, $location, @patterns) = @_;
    refused($name, conf("social_auth main; $key $location"), @patterns);
}

# each of the directives that may stand anywhere

sub wrong_anywhere {
    my ($name, $line, @patterns) = @_;
    refused("$name, in http", { http => "    $line" }, @patterns);
    refused("$name, in a server", { config => $line }, @patterns);
    refused("$name, in a location", { config => "location /x { $line }" },
            @patterns);
}

my @away = ('--- no_error_log', '[alert]', '[crit]', '[emerg]');

no_root_location();

accepted('the least', conf("social_auth main; $key social_presign raw put;"), @away);
accepted('all of it', conf("social_auth main; $key
    social_presign raw put kinds=avatar,post-2,a_b;
    social_presign_types image/png image/heic; social_presign_max_size 5g;
    social_presign_expires 7d;"), @away);
accepted('forms', conf("social_auth main; $key
    social_presign raw post kinds=avatar,post;"), @away);
accepted('one key for all', conf("social_auth main; $key
    social_presign raw put overwrite=on;"), @away);
accepted('for Uppy', conf('social_auth main;
    social_presign_key raw/$social_sub/; social_presign raw sign kinds=a;'),
    @away);
accepted('for a store without forms', conf('social_auth main;
    social_presign_key raw/$social_sub/; social_presign raw sign form=off;'),
    @away);
accepted('as Companion', conf('', server => "location /s3/ {
    social_auth main; $key social_presign raw multipart kinds=a; }"), @away);
accepted('inherited', conf('social_auth main; social_presign raw avatar;',
    http => "$db $bucket $key social_presign_types image/png;
             social_presign_max_size 1m;", server =>
             'social_presign_expires 1m;'), @away);
accepted('status', conf('social_auth main;
    social_upload_status assets=https://assets.example.com;'), @away);
accepted('other directives in its location', conf("social_auth main; $key
    social_presign raw put; limit_except POST { deny all; }
    if (\$arg_x) { set \$a b; }"), @away);

wrong('no bucket', 'social_presign;', 'invalid number of arguments');
wrong('no mode', 'social_presign raw;', 'invalid number of arguments');
wrong('an unknown mode', 'social_presign raw get;',
      'invalid value "get" in "social_presign" directive, it must be "put", '
      . '"post", "sign", "multipart" or "avatar" in ');
wrong('a parameter of another mode', 'social_presign raw avatar kinds=a;',
      'parameter "kinds" is not allowed in this "social_presign" directive');
wrong('to overwrite what has a policy', 'social_presign raw post overwrite=on;',
      'parameter "overwrite" is not allowed in this "social_presign" '
      . 'directive');
wrong('no form where there is none', 'social_presign raw put form=off;',
      'parameter "form" is not allowed in this "social_presign" directive');
wrong('to overwrite, or not', 'social_presign raw put overwrite=yes;',
      'invalid value "yes" of parameter "overwrite" in "social_presign" '
      . 'directive');
refused('a key, and not a prefix', conf("social_auth main; $key
        social_presign raw sign;"), '"social_presign_key" with the value '
        . '"raw/$social_sub/$social_upload_id" is not a prefix (as '
        . '"raw/$social_sub/", without a variable of the upload) for '
        . '"social_presign" directive with "sign" in ');
refused('a prefix of each upload', conf('social_auth main;
        social_presign_key raw/$social_sub/$social_upload_id/;
        social_presign raw sign;'), 'is not a prefix');
refused('one key for all', conf('', server => 'location /s3/ {
        social_auth main; social_presign raw multipart;
        social_presign_key raw/$social_sub/$social_upload_ext; }'),
        '"social_presign_key" with the value '
        . '"raw/$social_sub/$social_upload_ext" has no "$social_upload_id", '
        . 'which "social_presign" directive with "multipart" needs in ');
refused('not in a prefix location', conf("social_auth main; $key
        social_presign raw multipart;"),
        '"social_presign" directive with "multipart" must be in a prefix '
        . 'location that ends with "/" in ');
wrong('an unknown bucket', 'social_presign foo put;', 'unknown bucket '
      . '"foo" (add "social_bucket foo" to the "http" block) in '
      . '"social_presign" directive in ');
wrong('a bad kind', 'social_presign raw put kinds=a,B;',
      'invalid value "B" of parameter "kinds" in "social_presign" directive');

refused('no key', conf('social_auth main; social_presign raw put;'),
        'no "social_presign_key" is defined (as "raw/$social_sub/'
        . '$social_upload_id.$social_upload_ext") for the "social_presign" '
        . 'directive in ');
refused('no authorization', conf("$key social_presign raw put;"),
        'no "social_auth" is defined (URLs are signed for verified users '
        . 'only) for the "social_presign" directive in ');
refused('authorization off', conf("social_auth off; $key
        social_presign raw put;"), 'no "social_auth" is defined');
refused('no database', conf("social_auth main; $key social_presign raw put;",
        http => $bucket), 'no "social_database" is defined (add it to the '
        . '"http" block) for the "social_presign" directive in ');
refused('in a server', conf('', server => 'social_presign raw put;'),
        '"social_presign" directive is not allowed here');
refused('status without authorization', conf('social_upload_status;'),
        'no "social_auth" is defined (only owners see uploads) for the '
        . '"social_upload_status" directive in ');
refused('status without a database', conf('social_auth main;
        social_upload_status;', http => $bucket),
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_upload_status" directive in ');
wrong('status with two', 'social_upload_status assets=/a b;',
      'unknown parameter "b" in "social_upload_status" directive');

wrong_anywhere('a key without the user', 'social_presign_key "raw/$arg_x";',
               'in "social_presign_key" directive, it must contain '
               . '"$social_sub" or "$social_user_key" in ');
wrong_anywhere('a key of another name',
               'social_presign_key "raw/$social_subject";',
               'in "social_presign_key" directive, it must contain '
               . '"$social_sub" or "$social_user_key" in ');
wrong_anywhere('two keys', "$key $key", '"social_presign_key" directive is duplicate');
wrong_anywhere('an unknown type', 'social_presign_types image/svg+xml;',
               'invalid value "image/svg+xml" in "social_presign_types" directive, '
               . 'it must be image/jpeg');
wrong_anywhere('types twice', 'social_presign_types image/png;
               social_presign_types image/png;',
               '"social_presign_types" directive is duplicate');
wrong_anywhere('a bad size', 'social_presign_max_size big;',
               'invalid value "big" in "social_presign_max_size" directive, it '
               . 'must be a size of at least 1 in ');
wrong_anywhere('no size', 'social_presign_max_size 0;', 'invalid value "0"');
wrong_anywhere('sizes twice', 'social_presign_max_size 1;
               social_presign_max_size 1;',
               '"social_presign_max_size" directive is duplicate');
wrong_anywhere('a bad time', 'social_presign_expires soon;',
               'invalid value "soon" in "social_presign_expires" directive');
wrong_anywhere('no time', 'social_presign_expires 0;', 'invalid value "0" in "social_presign_expires" directive, it '
               . 'must be a time from 1s to 7d in ');
wrong_anywhere('a long time', 'social_presign_expires 8d;',
               'invalid value "8d" in "social_presign_expires" directive, it '
               . 'must be a time from 1s to 7d in ');
wrong_anywhere('times twice', 'social_presign_expires 1m;
               social_presign_expires 1m;',
               '"social_presign_expires" directive is duplicate');

run_conf();
