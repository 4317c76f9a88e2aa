# Mistakes in the configuration of requests that are signed.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialConf;

my $dir = $ENV{TEST_NGINX_HTML_DIR};
my $files = ">>> credentials\n[default]\naws_access_key_id = AKID\n"
            . "aws_secret_access_key = secret\n";

sub at {
    my ($config) = @_;

    return { http => "social_bucket assets { region eu-west-1; "
                     . "credentials file $dir/credentials; }",
             files => $files, config => $config };
}

no_root_location();

refused('no bucket', at('location /a { social_s3_sign; }'),
        'invalid number of arguments');
refused('an unknown bucket',
        at('location /a { social_s3_sign other; proxy_pass http://127.0.0.1; }'),
        'unknown bucket "other" (add "social_bucket other" to the "http" '
        . 'block) in "social_s3_sign" directive');
refused('nothing to sign', at('location /a { social_s3_sign assets; }'),
        'there is no "proxy_pass" in the location of "social_s3_sign" '
        . 'directive');
refused('twice',
        at('location /a { social_s3_sign assets; social_s3_sign assets;
            proxy_pass http://127.0.0.1; }'),
        '"social_s3_sign" directive is duplicate');
refused('an unknown parameter',
        at('location /a { social_s3_sign assets key=a;
            proxy_pass http://127.0.0.1; }'),
        'unknown parameter "key=a" in "social_s3_sign" directive');
refused('a parameter that signs',
        at('location /a { social_s3_sign assets args=versionId,X-Amz-Date;
            proxy_pass http://127.0.0.1; }'),
        'invalid value "X-Amz-Date"');
refused('a handler of this module',
        at('location /a/ { social_s3_sign assets; proxy_pass http://127.0.0.1;
            social_ready; }'),
        'content handler');
refused('in a server', at('social_s3_sign assets;'),
        '"social_s3_sign" directive is not allowed here');

accepted('all of it', at(<<'_EOC_'), '--- no_error_log', '[alert]', '[emerg]');
    location /a/ {
        proxy_pass http://127.0.0.1;
        social_s3_sign assets args=versionId,response-content-disposition;
        limit_except GET { deny all; }
        if ($arg_a) { set $b 1; }
    }
_EOC_

run_conf();
