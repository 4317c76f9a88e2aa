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

no_root_location();

# buckets

accepted('a bucket', bucket($bucket));
accepted('all of it', bucket("social_bucket a { bucket b.c-d; $lines
    endpoint http://127.0.0.1:9/x/; public_endpoint https://example.com;
    path_style on; ca_file /etc/ssl/certs/ca-certificates.crt; }
    social_bucket b { region r1; path_style off;
    credentials file $dir/credentials; }"));

refused('no name', bucket('social_bucket { }'),
        'invalid number of arguments');
refused('an empty name', bucket("social_bucket '' { $lines }"),
        'empty name in "social_bucket" directive');
refused('in a server', { config => $bucket },
        '"social_bucket" directive is not allowed here');
wrong_bucket('nothing', '', 'no "region" is defined in "social_bucket raw"');
wrong_bucket('an unknown line', "$lines foo bar;",
             'unknown directive "foo" in "social_bucket" block, supported are '
             . '"bucket", "region", "endpoint", "public_endpoint", '
             . '"path_style", "ca_file" and "credentials" in ');
wrong_bucket('a file without certificates', "$lines ca_file $dir/credentials;",
             'no PEM certificate in file "');
wrong_bucket('two values', 'region a b;',
             'invalid number of arguments in "region" directive');
for (qw( region bucket )) {
    wrong_bucket("$_ in capitals", "$_ EU;", "invalid value \"EU\" in \"$_\"");
    wrong_bucket("$_ with a slash", "$_ a/b;",
                 "invalid value \"a/b\" in \"$_\"");
    wrong_bucket("$_ of dots", "$_ ..;", "invalid value \"..\" in \"$_\"");
}
for (qw( endpoint public_endpoint )) {
    wrong_bucket("$_ without a scheme", "$_ example.com;",
                 "invalid value \"example.com\" in \"$_\"");
    wrong_bucket("$_ with a query", "$_ https://a.example/?b;",
                 "invalid value \"https://a.example/?b\" in \"$_\"");
}
wrong_bucket('credentials of no kind', "credentials $dir/credentials;",
             'invalid value in "credentials" directive, it must be '
             . '"default", "env", "file PATH", "profile NAME", "web_identity", '
             . '"container" or "imds" in ');
wrong_bucket('credentials of another kind', 'credentials vault;',
             'invalid value in "credentials" directive, it must be '
             . '"default", "env", "file PATH", "profile NAME", "web_identity", '
             . '"container" or "imds" in ');
wrong_bucket('credentials twice', "$lines credentials env;",
             '"credentials" directive is duplicate');
wrong_bucket('credentials in no file', "region a1; credentials file $dir/none;",
             qr/\[emerg\].*$dir\/none/);
wrong_bucket('credentials in a folder', "region a1; credentials file $dir/root;",
             qr/\[emerg\].*$dir\/root/);
wrong_bucket('half credentials', "region a1; credentials file $dir/half;",
             'lacks aws_access_key_id or aws_secret_access_key',
             qr/\) for "credentials" directive in /);
wrong_bucket('credentials of no profile', "region a1; credentials file $dir/others;",
             'has no profile "[default]"');
wrong_bucket('an empty file', "region a1; credentials file $dir/root/x;",
             'has no profile "[default]"');
wrong_bucket('no environment', 'region a1; credentials env;',
             'the environment has no AWS_ACCESS_KEY_ID');

# stores

accepted('a store', store("social_store raw root=$dir/root;"));
accepted('all of it', { http => "$db $bucket", files => $files, config =>
    "location /objects/ { social_store raw root=$dir/root/ public=a/
     public=b/ announce=on fsync=off max_size=10m min_free=1g; }
     location /again/ { social_store raw root=$dir/root announce=on; }" },
    '--- no_error_log', '[alert]', '[crit]', '[emerg]');
accepted('other directives in its location', store(
    "social_store raw root=$dir/root; limit_except GET { deny all; }
     if (\$arg_x) { set \$a b; }"));

wrong('no root', 'raw;', 'invalid number of arguments');
wrong('a parameter but no root', 'raw fsync=on;', '"social_store" directive must have '
      . '"root" parameter');
wrong('a root that is not there', "raw root=$dir/none;",
      "stat() \"$dir/none\" failed (2: No such file or directory) in ");
wrong('a root that is a file', "raw root=$dir/credentials;",
      "\"$dir/credentials\" is not a directory in ");
wrong('a long root', 'raw root=/' . 'x' x 400 . ';', '...' . '" of '
      . 'parameter "root" in "social_store" directive, it must not be longer '
      . 'than 400 bytes in ');
wrong('an unknown bucket', "foo root=$dir/root;", 'unknown bucket "foo" (add '
      . '"social_bucket foo" to the "http" block) in "social_store" directive '
      . 'in ');
wrong('an unknown parameter', "raw root=$dir/root foo=bar;",
      'unknown parameter "foo=bar" in "social_store" directive, supported are '
      . '"root", "part", "public", "announce", "fsync", "max_size", '
      . '"min_free" and "expire_multipart" in ');
wrong('nothing to leave free', "raw root=$dir/root min_free=0;",
      'invalid value "0" of parameter "min_free"');
wrong('a public bucket', "raw root=$dir/root public=;",
      'it must not be empty (the whole bucket would be public) in ');
wrong('no database to announce to', "raw root=$dir/root announce=on;",
      'no "social_database" is defined (add it to the "http" block, or turn '
      . '"announce" off) for the "social_store" directive in ');

for my $where ('= /objects', '~ /objects/', '/objects', '@objects') {
    refused("store: location $where", store("social_store raw root=$dir/root;",
            location => $where), '"social_store" directive must be in a prefix '
            . 'location that ends with "/" in ');
}

refused('store: in a server', { http => $bucket, files => $files,
    config => "social_store raw root=$dir/root;" },
    '"social_store" directive is not allowed here');

refused('store: two buckets in one root', {
    http => "$bucket social_bucket other { $lines }", files => $files,
    config => "location /a/ { social_store raw root=$dir/root; }
               location /b/ { social_store other root=$dir/root/; }" },
    "duplicate root \"$dir/root\" with another bucket, another \"announce\" or "
    . 'another "expire_multipart" (give each bucket a directory of its own) in '
    . '"social_store" directive');
refused('store: announced here and not there', {
    http => "$db $bucket", files => $files,
    config => "location /a/ { social_store raw root=$dir/root; }
               location /b/ { social_store raw root=$dir/root
                              announce=on; }" },
    "duplicate root \"$dir/root\" with another bucket, another \"announce\" or "
    . 'another "expire_multipart" (give each bucket a directory of its own) in '
    . '"social_store" directive');

refused('store: uploads in parts expire here and not there', {
    http => $bucket, files => $files,
    config => "location /a/ { social_store raw root=$dir/root; }
               location /b/ { social_store raw root=$dir/root
                              expire_multipart=1d; }" },
    "duplicate root \"$dir/root\" with another bucket, another \"announce\" or "
    . 'another "expire_multipart" (give each bucket a directory of its own) in '
    . '"social_store" directive');

run_conf();
