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

sub pem {
    open my $f, '<', 't/fuzz/corpus/sns_cert/self' or die "self: $!\n";
    local $/;
    return <$f>;
}

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
>>> pem
@{[ pem() ]}
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

no_root_location();

wrong('social_hook;', 'invalid number of arguments');
wrong('social_hook s4;', 'invalid value "s4" in "social_hook" directive, it '
      . 'must be "cognito", "lambda" or "s3"');
wrong('social_hook cognito;', 'no "secret" parameter ("insecure=on" would '
      . 'accept unauthenticated requests) in "social_hook" directive in ');
wrong('social_hook cognito insecure=off;', 'no "secret" parameter');
wrong('social_hook cognito secret=now insecure=on;', '"secret" and '
      . '"insecure=on" are mutually exclusive in "social_hook" directive in ');
wrong('social_hook cognito secret=then;', 'unknown secret "then" (add '
      . '"social_secret then" to the "http" block) in "social_hook" directive '
      . 'in ');
wrong('social_hook cognito secret=now pool=eu-west-1_A eu-west-1_B;',
      'unknown parameter "eu-west-1_B" in "social_hook" directive, supported '
      . 'are "secret", "pool", "client", "strict", "insecure", "spool", '
      . '"spool_events" and "spool_size" in ');
wrong("social_hook cognito secret=now client=$_;", qq{invalid value "$_" of }
      . 'parameter "client" in "social_hook" directive, it must be the ID of an '
      . 'app client, of letters and digits in ') for 'a-b', 'a/b', 'x' x 129;
wrong('social_hook cognito secret=now strict=yes;', '"strict"');
wrong('social_hook cognito secret=now spool=/nonexistent/social;',
      'stat() "/nonexistent/social" failed (2: No such file or directory) in ');
wrong("social_hook cognito secret=now spool=$dir/good;",
      qq{"$dir/good" is not a directory in });
wrong("social_hook cognito secret=now $_;", qq{"@{[ /(\w+)/ ]}" without a }
      . '"spool" parameter in "social_hook" directive in ')
    for 'spool_events=5', 'spool_size=1m';
wrong("social_hook cognito secret=now spool=$dir spool_events=5; }
       location /other { social_hook cognito secret=now spool=$dir/;",
      qq{duplicate spool "$dir" with another "spool_events" or "spool_size" in }
      . '"social_hook" directive in ');

wrong("social_hook lambda credentials=file:$dir/credentials;",
      '"social_hook" directive must have "name" parameter');
wrong('social_hook lambda name=f;', 'no "credentials" parameter');
wrong('social_hook lambda name=f credentials=a:b;', 'invalid value of '
      . 'parameter "credentials" in "social_hook" directive, it must be '
      . '"file:PATH" in ');
wrong("social_hook lambda name=f credentials=file:$dir/none;",
      "open() \"$dir/none\" failed (2: No such file or directory) in ");
wrong("social_hook lambda name=f credentials=file:$dir/$_;",
      'no profile "[default]" with aws_access_key_id and aws_secret_access_key '
      . "in file \"$dir/$_\" for \"social_hook\" directive in ")
    for qw( other half );
wrong("social_hook lambda name=f insecure=on credentials=file:$dir/credentials;",
      '"credentials" and "insecure=on" are mutually exclusive');

wrong('social_hook s3;', 'no "secret", "token" or "topics" parameter '
      . '("insecure=on" would accept unauthenticated requests) in "social_hook" '
      . 'directive in ');
wrong("social_hook s3 $_ insecure=on;", qq{"@{[ /(\w+)/ ]}" and "insecure=on" }
      . 'are mutually exclusive in "social_hook" directive in ')
    for 'secret=now', 'token=now', 'topics=arn:aws:sns:r:1:t';
wrong('social_hook s3 token=then;', 'unknown secret "then"');
wrong("social_hook s3 secret=now $_;", qq{parameter "@{[ /(\w+)/ ]}" is not }
      . 'allowed in this "social_hook" directive in ')
    for 'pool=eu-west-1_A', 'strict=on', "spool=$dir";
wrong("social_hook s3 topics=$_;", qq{invalid value "$_" }
      . 'of parameter "topics" in "social_hook" directive, it must be the ARN of '
      . 'a topic')
    for 'x', 'arn:aws:sqs:r:1:t', 'arn:aws:sns:r:1:*', 'arn:aws:sns:r:1',
        'arn:aws:sns:r:1:t:u';
wrong("social_hook s3 secret=now $_;", qq{"@{[ /(\w+)/ ]}" without a "topics" }
      . 'parameter in "social_hook" directive in ')
    for 'sns_host=localhost', "sns_ca=$dir/pem";
wrong("social_hook s3 topics=arn:aws:sns:r:1:t sns_host=$_;",
      'it must be a host in lowercase') for 'a/b', 'LOCALHOST', 'a:0', 'u@h';
wrong("social_hook s3 topics=arn:aws:sns:r:1:t sns_ca=$dir/good;",
      qq{no certificates in PEM in file "$dir/good" for "social_hook" }
      . 'directive in ');
wrong("social_hook s3 topics=arn:aws:sns:r:1:t sns_ca=$dir/none;",
      "\"$dir/none\" failed (2: No such file or directory) in ");
wrong('social_hook cognito secret=now topics=arn:aws:sns:r:1:t;',
      'parameter "topics"');

sub job {
    my ($line, @patterns) = @_;
    refused($line, { http => "social_bucket b { region eu; credentials file
        $dir/credentials; } $line", files => $files }, @patterns);
}

job('social_job b;', 'invalid number of arguments');
job('social_job b prefix=x/;', '"social_job" directive must have "kind" '
    . 'parameter');
job('social_job c kind=k;', 'unknown bucket "c" (add "social_bucket c" to the '
    . '"http" block) in "social_job" directive in ');
job('social_job b prefix=/x kind=k;', 'it must be the beginning of keys');
job('social_job b kind=;', '"kind"');
job('social_job b kind=' . 'k' x 65 . ';', 'it must have 1 to 64 characters');
job('social_job b prefix=x kind=k; social_job b kind=j prefix=x;',
    'duplicate prefix "x" of bucket "b" in "social_job" directive in ');

refused('no database', { http => $s, files => $files,
        config => 'location /hook { social_hook cognito secret=now; }' },
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_hook" directive in ');
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
       'unknown parameter in "social_secret" directive, supported are "file" '
       . 'and "previous" in ');
secret('a secret without a current one', "social_secret a previous=$dir/good;",
       '"social_secret" directive must have "file" parameter');
secret("a $_ secret", "social_secret a file=$dir/$_;", 'no secret in file "'
       . "$dir/$_" . '" (it must be "whsec_" and the base64 of 24 to 64 random '
       . 'bytes', qr/\) for "social_secret" directive in /)
    for qw( short long plain url );
secret('no such file', "social_secret a file=$dir/none;",
       "open() \"$dir/none\" failed (2: No such file or directory) in ");

accepted('all of it', hook("social_hook cognito secret=now pool=eu-west-1_A
    pool=us-east-1_B client=abc client=CLIENT_ID_NOT_APPLICABLE strict=on spool=$dir
    spool_events=1 spool_size=128k; }
    location /lambda { social_hook lambda name=f region=x client=abc strict=off
    credentials=file:$dir/credentials; } location /s3 { social_hook s3 secret=now
    token=now topics=arn:aws:sns:r:1:t,arn:aws-cn:sns:r:2:u.fifo
    sns_host=[::1]:8443 sns_ca=$dir/pem; } location /ready { social_ready
    require=database,keys; } location / { root html;",
    "social_secret both file=$dir/good previous=$dir/spaces;
    social_job b kind=k; social_job b prefix=x/ kind=k queue=q;
    social_bucket b { region eu; credentials file $dir/credentials; }"),
    '--- no_error_log', '[alert]', '[emerg]');

run_conf();
