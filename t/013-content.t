# Content handlers inside "if" and "limit_except": they are inherited there,
# as those of nginx's own modules are.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;

my $dir = $ENV{TEST_NGINX_HTML_DIR};
my $id = '11111111-2222-4333-8444-555555555555';

# a database that is never there: what needs it answers 503

our $http = <<"_EOC_";
$http_config
    social_revocations open;
    social_database "host=/nowhere dbname=none" timeout=100ms;
    social_bucket raw { region eu-west-1; credentials file $dir/credentials; }
_EOC_

our $files = <<"_EOC_";
>>> credentials
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secretsecret
>>> root/raw/x
_EOC_

my $bearer = bearer();
my $event = '{"version":"1"}';

# name, directives of the location, a request, its headers, the status and a
# text of the body by its own content handler

my @handlers = (
    [ 'social_hook', 'social_hook cognito insecure=on;',
      "POST /x/\n$event", '', 422, '"message"' ],
    [ 'social_ready', 'social_ready;', 'GET /x/', '', 200, '"keys"' ],
    [ 'social_logout', 'social_auth main; social_logout;',
      "POST /x/", $bearer, 503, '"Service Unavailable"' ],
    [ 'social_presign', 'social_auth main; social_presign_key $social_sub/a;
      social_presign raw put;', "POST /x/\n[]", $bearer, 415,
      '"Unsupported Media Type"' ],
    [ 'social_upload_status', 'social_auth main; social_upload_status;',
      "GET /x/$id", $bearer, 503, '"Service Unavailable"' ],
    [ 'social_store', "social_store raw root=$dir/root;",
      'GET /x/raw/x', '', 403, '<Code>AccessDenied</Code>' ],
);

my $spec = '';
my $n = 0;

sub block_of {
    my ($name, $location, $request, $headers, $status, $body) = @_;

    $n++;
    $spec .= <<"_EOC_";
=== TEST $n: $name
--- http_config eval: \$::http
--- user_files eval: \$::files
--- config
    location /x/ { $location }
--- request
$request
--- more_headers
$headers
--- error_code: $status
--- response_body_like: \Q$body\E
--- no_error_log
[alert]


_EOC_
}

for my $handler (@handlers) {
    my ($name, $lines, $request, $headers, $status, $body) = @$handler;
    my ($method) = $request =~ /^(\w+)/;
    my $other = $method eq 'GET' ? 'PUT' : 'GET';

    for my $case ([ 'alone', '' ],
                  [ 'in limit_except', "limit_except $other { allow all; }" ],
                  [ 'in another limit_except', "limit_except $method
                                                { allow all; }" ],
                  [ 'in if', 'if ($request_method) { set $a b; }' ],
                  [ 'in if, in a location with limit_except',
                    "if (\$request_method) { set \$a b; }
                     limit_except $other { allow all; }" ])
    {
        # the directive stands before or after the block
        for my $text ("$lines $case->[1]", "$case->[1] $lines") {
            block_of("$name $case->[0]", $text, $request, $headers, $status,
                     $body);
        }
    }

    block_of("$name in limit_except that denies",
             "$lines limit_except $other { deny all; }", $request, $headers,
             403, '');
    block_of("$name with another handler in limit_except",
             "$lines limit_except $other { proxy_pass http://127.0.0.1:1; }", $request,
             $headers, 502, '');
}

repeat_each(1);
no_root_location();
no_long_string();
plan tests => 3 * $n;

Test::Base::spec_string($spec);
run_tests();
