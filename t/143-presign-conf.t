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

plan tests => 368;
no_root_location();

accepted('the least', conf("social_auth main; $key social_presign raw put;"), @away);
accepted('all of it', conf("social_auth main; $key
    social_presign raw put kinds=avatar,post-2,a_b;
    social_presign_types image/png image/heic; social_presign_max_size 5g;
    social_presign_expires 7d;"), @away);
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
      'invalid mode "get" in "social_presign"');
wrong('a mode that comes later', 'social_presign raw multipart;',
      'invalid mode "multipart"');
wrong('an unknown bucket', 'social_presign foo put;', 'unknown bucket "foo"');
wrong('twice', 'social_presign raw put; social_presign raw put;',
      '"social_presign" is duplicate');
wrong('an unknown parameter', 'social_presign raw put foo=bar;',
      'unknown parameter "foo=bar" in "social_presign"');
wrong('kinds of an avatar', 'social_presign raw avatar kinds=a;',
      'unknown parameter "kinds=a"');
wrong('no kinds', 'social_presign raw put kinds=;', 'names no kind');
wrong('a bad kind', 'social_presign raw put kinds=a,B;',
      'invalid parameter "kinds=a,B"');
wrong('a long kind', 'social_presign raw put kinds=' . 'k' x 33 . ';',
      'invalid parameter');

refused('no key', conf('social_auth main; social_presign raw put;'),
        '"social_presign" needs a "social_presign_key"');
refused('no authorization', conf("$key social_presign raw put;"),
        '"social_presign" needs "social_auth" in this location');
refused('authorization off', conf("social_auth off; $key
        social_presign raw put;"), 'needs "social_auth" in this location');
refused('no database', conf("social_auth main; $key social_presign raw put;",
        http => $bucket), '"social_presign" needs a "social_database"');
refused('in a server', conf('', server => 'social_presign raw put;'),
        '"social_presign" directive is not allowed here');
refused('status without authorization', conf('social_upload_status;'),
        '"social_upload_status" needs "social_auth"');
refused('status without a database', conf('social_auth main;
        social_upload_status;', http => $bucket),
        'and a "social_database"');
wrong('status twice', 'social_upload_status; social_upload_status;',
      '"social_upload_status" is duplicate');
wrong('status with something else', 'social_upload_status foo;',
      'unknown parameter "foo" in "social_upload_status"');
wrong('status with two', 'social_upload_status assets=a b;',
      'invalid number of arguments');
wrong('status for assets of no URL', 'social_upload_status assets=a;',
      'invalid parameter "assets=a" in "social_upload_status"');

wrong_anywhere('a key without the user', 'social_presign_key "raw/$arg_x";',
               'it must have $social_sub in it');
wrong_anywhere('a key of another name',
               'social_presign_key "raw/$social_subject";',
               'it must have $social_sub in it');
wrong_anywhere('two keys', "$key $key", '"social_presign_key" is duplicate');
wrong_anywhere('an unknown type', 'social_presign_types image/svg+xml;',
               'invalid type "image/svg+xml" in "social_presign_types"');
wrong_anywhere('types twice', 'social_presign_types image/png;
               social_presign_types image/png;',
               '"social_presign_types" is duplicate');
wrong_anywhere('a bad size', 'social_presign_max_size big;',
               'invalid size "big" in "social_presign_max_size"');
wrong_anywhere('no size', 'social_presign_max_size 0;', 'invalid size "0"');
wrong_anywhere('sizes twice', 'social_presign_max_size 1;
               social_presign_max_size 1;',
               '"social_presign_max_size" is duplicate');
wrong_anywhere('a bad time', 'social_presign_expires soon;',
               'invalid time "soon" in "social_presign_expires"');
wrong_anywhere('no time', 'social_presign_expires 0;', 'invalid time "0"');
wrong_anywhere('a long time', 'social_presign_expires 8d;',
               'invalid time "8d"');
wrong_anywhere('times twice', 'social_presign_expires 1m;
               social_presign_expires 1m;',
               '"social_presign_expires" is duplicate');

run_conf();
