# Mistakes in the configuration of "social_bucket" and "social_store".

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialConf;

my $dir = $ENV{TEST_NGINX_HTML_DIR};
my $files = <<'_EOC_';
>>> root/x
>>> credentials
# a comment
[other]
aws_access_key_id = other
aws_secret_access_key = b
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secretsecret
>>> others
[other]
aws_access_key_id = other
aws_secret_access_key = b
>>> half
[default]
aws_access_key_id = AKIDEXAMPLE
_EOC_

my $lines = "region eu-west-1; credentials file $dir/credentials;";
my $bucket = "social_bucket raw { $lines }";
my $db = 'social_database "host=/nowhere dbname=none";';

sub bucket {
    my ($block) = @_;
    return { http => $block, files => $files };
}

sub wrong_bucket {
    my ($name, $text, @patterns) = @_;
    refused("bucket: $name", bucket("social_bucket raw { $text }"),
            @patterns);
}

sub store {
    my ($line, %opt) = @_;
    my $where = $opt{location} // '/objects/';
    return { http => $opt{http} // $bucket, files => $files,
             config => "location $where { $line }" };
}

sub wrong {
    my ($name, $line, @patterns) = @_;
    refused("store: $name", store("social_store $line"), @patterns);
}

plan tests => 372;
no_root_location();

# buckets

accepted('a bucket', bucket($bucket));
accepted('all of it', bucket("social_bucket a { bucket b.c-d; $lines
    endpoint http://127.0.0.1:9/x/; public_endpoint https://example.com;
    path_style on; } social_bucket b { region r1; path_style off;
    credentials file $dir/credentials; }"));

refused('no name', bucket('social_bucket { }'),
        'invalid number of arguments');
refused('an empty name', bucket("social_bucket '' { $lines }"),
        'is duplicate or has no name');
refused('a bucket twice', bucket("$bucket $bucket"),
        '"social_bucket raw" is duplicate');
refused('in a server', { config => $bucket },
        '"social_bucket" directive is not allowed here');
wrong_bucket('nothing', '', 'says no "region"');
wrong_bucket('no region', "credentials file $dir/credentials;",
             'says no "region"');
wrong_bucket('no credentials', 'region eu-west-1;', 'says no "credentials"');
wrong_bucket('an unknown line', "$lines foo bar;",
             'unknown parameter "foo" in "social_bucket"');
wrong_bucket('two values', 'region a b;',
             'invalid number of arguments in "region"');
for (qw( region bucket )) {
    wrong_bucket("$_ twice", "$_ eu-west-1; $_ eu-west-1;",
                 "\"$_\" is duplicate");
    wrong_bucket("$_ in capitals", "$_ EU;", "invalid value \"EU\" in \"$_\"");
    wrong_bucket("$_ with a slash", "$_ a/b;",
                 "invalid value \"a/b\" in \"$_\"");
    wrong_bucket("$_ of dots", "$_ ..;", "invalid value \"..\" in \"$_\"");
}
for (qw( endpoint public_endpoint )) {
    wrong_bucket("$_ twice", "$_ https://a.example; $_ https://a.example;",
                 "\"$_\" is duplicate");
    wrong_bucket("$_ without a scheme", "$_ example.com;",
                 "invalid URL \"example.com\" in \"$_\"");
    wrong_bucket("$_ with a query", "$_ https://a.example/?b;",
                 "invalid URL \"https://a.example/?b\" in \"$_\"");
}
wrong_bucket('path_style twice', 'path_style on; path_style on;',
             '"path_style" is duplicate');
wrong_bucket('path_style maybe', 'path_style maybe;',
             'invalid value "maybe" in "path_style"');
wrong_bucket('credentials of no kind', "credentials $dir/credentials;",
             '"credentials" takes "env", "file PATH", or "profile NAME"');
wrong_bucket('credentials that come later', 'credentials imds;',
             '"credentials" takes "env", "file PATH", or "profile NAME"');
wrong_bucket('credentials twice', "$lines credentials env;",
             '"credentials" is duplicate');
wrong_bucket('credentials in no file', "credentials file $dir/none;",
             qr/\[emerg\].*$dir\/none/);
wrong_bucket('credentials in a folder', "credentials file $dir/root;",
             qr/\[emerg\].*$dir\/root/);
wrong_bucket('half credentials', "credentials file $dir/half;",
             'lacks aws_access_key_id or aws_secret_access_key');
wrong_bucket('credentials of no profile', "credentials file $dir/others;",
             'has no profile "[default]"');
wrong_bucket('an empty file', "credentials file $dir/root/x;",
             'has no profile "[default]"');
wrong_bucket('no environment', 'region a1; credentials env;',
             'the environment has no AWS_ACCESS_KEY_ID');

# stores

accepted('a store', store("social_store raw root=$dir/root;"));
accepted('all of it', { http => "$db $bucket", files => $files, config =>
    "location /objects/ { social_store raw root=$dir/root/ public=a/
     public=b/ announce=on fsync=off max_size=10m; }
     location /again/ { social_store raw root=$dir/root announce=on; }" },
    '--- no_error_log', '[alert]', '[crit]', '[emerg]');
accepted('other directives in its location', store(
    "social_store raw root=$dir/root; limit_except GET { deny all; }
     if (\$arg_x) { set \$a b; }"));

wrong('no root', 'raw;', 'invalid number of arguments');
wrong('a parameter but no root', 'raw fsync=on;', 'needs root=PATH');
wrong('an empty root', 'raw root=;', '"root=" in "social_store" needs a path');
wrong('a root that is not there', "raw root=$dir/none;",
      "\"$dir/none\" in \"social_store\" is no directory");
wrong('a root that is a file', "raw root=$dir/credentials;",
      'is no directory');
wrong('a long root', 'raw root=/' . 'x' x 400 . ';', 'is too long');
wrong('an unknown bucket', "foo root=$dir/root;", 'unknown bucket "foo"');
wrong('an unknown parameter', "raw root=$dir/root foo=bar;",
      'unknown parameter "foo=bar" in "social_store"');
wrong('what is not there yet', "raw root=$dir/root min_free=1g;",
      'unknown parameter "min_free=1g"');
wrong('a public bucket', "raw root=$dir/root public=;",
      'would open the whole bucket');
wrong('announce maybe', "raw root=$dir/root announce=maybe;",
      'invalid parameter "announce=maybe"');
wrong('fsync maybe', "raw root=$dir/root fsync=;",
      'invalid parameter "fsync="');
wrong('no size', "raw root=$dir/root max_size=0;",
      'invalid parameter "max_size=0"');
wrong('a bad size', "raw root=$dir/root max_size=big;",
      'invalid parameter "max_size=big"');
wrong('twice', "raw root=$dir/root; social_store raw root=$dir/root;",
      '"social_store" is duplicate');
wrong('a parameter twice', "raw root=$dir/root root=$dir/root;",
      '"root=" in "social_store" is duplicate');
wrong('no database to announce to', "raw root=$dir/root announce=on;",
      '"announce=on" in "social_store" needs a "social_database"');

for my $where ('= /objects', '~ /objects/', '/objects', '@objects') {
    refused("store: location $where", store("social_store raw root=$dir/root;",
            location => $where), 'needs a location by prefix');
}

refused('store: in a server', { http => $bucket, files => $files,
    config => "social_store raw root=$dir/root;" },
    '"social_store" directive is not allowed here');

refused('store: two buckets in one root', {
    http => "$bucket social_bucket other { $lines }", files => $files,
    config => "location /a/ { social_store raw root=$dir/root; }
               location /b/ { social_store other root=$dir/root/; }" },
    "\"root=$dir/root\" in \"social_store\" is another store's");
refused('store: announced here and not there', {
    http => "$db $bucket", files => $files,
    config => "location /a/ { social_store raw root=$dir/root; }
               location /b/ { social_store raw root=$dir/root
                              announce=on; }" },
    "\"root=$dir/root\" in \"social_store\" is another store's");

run_conf();
