# Mistakes in the configuration of hooks, of secrets, and of readiness.

use strict;
use warnings;

use lib 't/lib';
use MIME::Base64 qw( encode_base64 );
use SocialTest;
use SocialConf;

my $db = 'social_database "host=/nowhere dbname=none";';
my $dir = "$ENV{TEST_NGINX_HTML_DIR}";
my $good = 'whsec_' . encode_base64('k' x 24, '');

my $files = <<"_EOC_";
>>> good
$good
>>> spaces
  $good \r
>>> short
whsec_@{[ encode_base64('k' x 23, '') ]}
>>> long
whsec_@{[ encode_base64('k' x 65, '') ]}
>>> plain
@{[ encode_base64('k' x 32, '') ]}
>>> url
whsec_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_=
>>> credentials
[default]
aws_access_key_id = a
aws_secret_access_key = b
>>> other
[other]
aws_access_key_id = a
aws_secret_access_key = b
>>> half
[default]
aws_access_key_id = a
_EOC_

my $s = "social_secret now file=$dir/good;";

sub hook {
    my ($line, $http) = @_;
    return { http => "$db $s " . ($http // ''), files => $files,
             config => "location /hook { $line }" };
}

sub wrong { refused($_[0], hook($_[0]), @_[1 .. $#_]) }

plan tests => 261;
no_root_location();

wrong('social_hook;', 'invalid number of arguments');
wrong('social_hook s3;', 'unknown form "s3" of "social_hook": it must be '
      . '"cognito" or "lambda"');
wrong('social_hook cognito;', 'without secret=NAME takes users from anybody: '
      . 'add it, or say insecure=on');
wrong('social_hook cognito insecure=off;', 'without secret=NAME');
wrong('social_hook cognito insecure=yes;', 'invalid "insecure=yes"');
wrong('social_hook cognito insecure=on insecure=on;',
      '"insecure=" is duplicate');
wrong('social_hook cognito secret=now insecure=on;', 'contradicts');
wrong('social_hook cognito secret=;', '"secret=" in "social_hook" needs');
wrong('social_hook cognito secret=then;', '"secret=then" in "social_hook" is '
      . 'not known: define it with "social_secret then file=PATH"');
wrong('social_hook cognito secret=now secret=now;', '"secret=" is duplicate');
wrong('social_hook cognito secret=now pool=nowhere;', 'invalid "pool=nowhere"');
wrong('social_hook cognito secret=now pool=eu-west-1_A eu-west-1_B;',
      'unknown parameter "eu-west-1_B" in "social_hook cognito": it takes');
wrong('social_hook cognito secret=now spool=/tmp;',
      'unknown parameter "spool=/tmp"');
wrong('social_hook cognito secret=now name=x;', 'unknown parameter "name=x"');
wrong('social_hook cognito secret=now; social_hook cognito secret=now;',
      '"social_hook" is duplicate');
wrong('proxy_pass http://127.0.0.1:1; social_hook cognito secret=now;',
      'needs a location of its own');

wrong("social_hook lambda credentials=file:$dir/credentials;",
      '"social_hook lambda" needs name=FUNCTION');
wrong('social_hook lambda name=f;', 'without credentials=file:PATH');
wrong('social_hook lambda name=f secret=now;', 'unknown parameter '
      . '"secret=now" in "social_hook lambda"');
wrong('social_hook lambda name=a/b insecure=on;', 'invalid "name=a/b"');
wrong('social_hook lambda name=f name=f insecure=on;', '"name=" is duplicate');
wrong('social_hook lambda name=f region= insecure=on;', 'invalid "region="');
wrong('social_hook lambda name=f credentials=a:b;',
      'it must be "credentials=file:PATH"');
wrong("social_hook lambda name=f credentials=file:$dir/none;",
      'cannot read "' . "$dir/none" . '"');
wrong("social_hook lambda name=f credentials=file:$dir/other;",
      'must have a profile "[default]"');
wrong("social_hook lambda name=f credentials=file:$dir/half;",
      'must have a profile "[default]"');
wrong("social_hook lambda name=f insecure=on credentials=file:$dir/credentials;",
      'contradicts');

refused('no database', { http => $s, files => $files,
        config => 'location /hook { social_hook cognito secret=now; }' },
        '"social_hook" needs a "social_database"');
refused('in a server', { http => "$db $s", files => $files,
        config => 'social_hook cognito secret=now;' },
        '"social_hook" directive is not allowed here');

sub secret {
    my ($name, $lines, @patterns) = @_;
    refused($name, { http => $lines, files => $files }, @patterns);
}

secret('a secret without a file', 'social_secret a;',
       'invalid number of arguments');
secret('a secret written out', "social_secret a $good;",
       'unknown parameter in "social_secret": it takes file=PATH');
secret('a secret without a current one', "social_secret a previous=$dir/good;",
       '"social_secret a" needs file=PATH');
secret('a secret twice', "$s $s", '"social_secret now" is duplicate');
secret('a file twice', "social_secret a file=$dir/good file=$dir/good;",
       'is duplicate in "social_secret"');
secret("a $_ secret", "social_secret a file=$dir/$_;", 'holds no secret: it '
       . 'must be "whsec_" and base64 of 24 to 64 random bytes')
    for qw( short long plain url );
secret('no such file', "social_secret a file=$dir/none;", 'cannot read "');

accepted('all of it', hook("social_hook cognito secret=now pool=eu-west-1_A
    pool=us-east-1_B; } location /lambda { social_hook lambda name=f region=x
    credentials=file:$dir/credentials; } location /ready { social_ready
    require=database,keys; } location / { root html;",
    "social_secret both file=$dir/good previous=$dir/spaces;"),
    '--- no_error_log', '[alert]', '[emerg]');

for my $bad ('require=database,database', 'require=keys,revocation',
             'require=,', 'need=keys')
{
    refused("social_ready $bad", { http => $db,
        config => "location /r { social_ready $bad; }" },
        "invalid parameter \"$bad\" in \"social_ready\": it must be");
}

run_conf();
