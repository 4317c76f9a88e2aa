# Mistakes in the configuration of signed URLs.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialConf;
use SocialToken;

my $dir = $ENV{TEST_NGINX_HTML_DIR};
my $files = ">>> secret\nwhsec_a2tra2tra2tra2tra2tra2tra2tra2tr\n";

sub at {
    my ($config) = @_;

    return { http => "$http_config social_secret now file=$dir/secret;",
             files => $files, config => $config };
}

no_root_location();

refused('no parameter', at('social_require_signature;'),
        'invalid number of arguments');
refused('no secret', at('social_require_signature cookie=a;'),
        '"social_require_signature" directive must have "secret" parameter');
refused('an unknown secret', at('social_require_signature secret=then;'),
        'unknown secret "then" (add "social_secret then" to the "http" block) '
        . 'in "social_require_signature" directive');
refused('"off" and more', at('social_require_signature off secret=now;'),
        '"off" has parameters in "social_require_signature" directive');

refused('an unknown secret to sign with',
        at('location /a { social_auth main;
            social_sign_url secret=then prefix=/a/; }'),
        'unknown secret "then" (add "social_secret then" to the "http" block) '
        . 'in "social_sign_url" directive');
refused('no prefix',
        at('location /a { social_auth main; social_sign_url secret=now '
           . 'expires=1h; }'),
        '"social_sign_url" directive must have "prefix" parameter');
refused('no authorization',
        at('location /a { social_sign_url secret=now prefix=/a/; }'),
        'no "social_auth" is defined (URLs are signed for verified users only) '
        . 'for the "social_sign_url" directive');
refused('a domain of no cookie',
        at('location /a { social_auth main;
            social_sign_url secret=now prefix=/a/ domain=a.example; }'),
        '"domain" needs "cookie" in "social_sign_url" directive');
refused('two handlers',
        at('location /a { social_auth main; social_ready;
            social_sign_url secret=now prefix=/a/; }'),
        'content handler');
refused('in a server', at('social_sign_url secret=now prefix=/a/;'),
        '"social_sign_url" directive is not allowed here');

accepted('all of it', at(<<'_EOC_'), '--- no_error_log', '[alert]', '[emerg]');
    location /a/ {
        social_require_signature secret=now cookie=__Host-files;
        root html;
    }
    location /b/ { social_require_signature off; root html; }
    location = /sign {
        social_auth main;
        social_sign_url secret=now prefix=/a/$social_sub/ expires=1d
                        cookie=files domain=example.com;
        limit_except POST { deny all; }
    }
_EOC_

run_conf();
