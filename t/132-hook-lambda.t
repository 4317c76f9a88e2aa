# "social_hook lambda": the same as Lambda's Invoke, signed by an independent
# signer; and mistakes in the configuration of hooks, assertions and readiness.

use strict;
use warnings;

use lib 't/lib';
use SocialHook;
use SocialTest;
use SocialToken qw( suite );

our $Event = event(attributes => { sub => 'lambda-1' });
our $Async = event(attributes => { sub => 'lambda-2' });
our $Dry = event(attributes => { sub => 'lambda-3' });
our $Bad = event(attributes => { sub => 'lambda-4' });
our $Temporary = event(attributes => { sub => 'lambda-5' });
our $Other = event(triggerSource => 'CustomMessage_ForgotPassword');

our $http_config = hook_config();
our $Path = '/2015-03-31/functions/post-confirmation/invocations';
our $Arn = 'arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3A'
    . 'post-confirmation';

sub post { return "POST " . ($_[1] // $main::Path) . "\n$_[0]" }

suite(http_config => $http_config, config => <<'_EOC_',
    location / {
        social_hook lambda name=post-confirmation
                    credentials=file:$TEST_NGINX_HOOKS/credentials;
    }
_EOC_
    no_error_log => "[alert]\n[emerg]\n[crit]\n[error]\n[warn]");

repeat_each(2);
no_root_location();
no_long_string();

plan tests => repeat_each() * 297 + 3;

run_tests();

is($pg->value("SELECT string_agg(sub, ' ' ORDER BY sub) FROM users"),
   'lambda-1 lambda-2 lambda-5', 'those who were to be written');
is($pg->value("SELECT handle FROM users WHERE sub = 'lambda-1'") =~ /\Aandrew/,
   1, 'a handle');
is($pg->value("SELECT count(DISTINCT handle) FROM users"), 3,
   'each of their own');

__DATA__

=== TEST 1: a confirmed sign-up is echoed
--- request eval
::post($::Event)
--- more_headers eval
::invoke($::Event)
--- response_headers
Content-Type: application/json
X-Amz-Executed-Version: $LATEST
!X-Amz-Function-Error
!X-Amzn-ErrorType
--- response_body eval
$::Event



=== TEST 2: as cognito-local calls it
--- request eval
::post($::Event)
--- more_headers eval
"User-Agent: aws-sdk-nodejs/2.1693.0 linux/v20.20.2 promise\n"
. "Content-Type: binary/octet-stream\n" . ::invoke($::Event)
--- response_body eval
$::Event



=== TEST 3: no type is RequestResponse; the digest need not be sent
--- request eval
[ ::post($::Event), ::post($::Event) ]
--- more_headers eval
[ ::invoke($::Event, type => undef), ::invoke($::Event, no_digest => 1) ]
--- error_code eval
[ 200, 200 ]
--- response_body eval
[ $::Event, $::Event ]



=== TEST 4: Event is answered with 202, after the commit
--- request eval
::post($::Async)
--- more_headers eval
::invoke($::Async, type => 'Event')
--- error_code: 202
--- response_headers
Content-Length: 0
--- response_body:



=== TEST 5: DryRun writes nothing
--- request eval
::post($::Dry)
--- more_headers eval
::invoke($::Dry, type => 'DryRun')
--- error_code: 204
--- response_body:



=== TEST 6: another type
--- request eval
::post($::Bad)
--- more_headers eval
::invoke($::Bad, type => 'Tail')
--- error_code: 400
--- response_headers
X-Amzn-ErrorType: InvalidParameterValueException
--- response_body_like: ^\{"message":"X-Amz-Invocation-Type must be



=== TEST 7: names of functions
--- request eval
[ map { ::post($::Event, $_) }
  @::Paths = ("/2015-03-31/functions/other/invocations",
              "/2015-03-31/functions/xpost-confirmation/invocations",
              "/2015-03-31/functions/post-confirmation/invocation",
              "/2015-03-31/functions/post-confirmation/x/invocations",
              "/2015-03-31/layers/post-confirmation/invocations",
              "/2015-03-31/functions/arn:function:/invocations",
              "/post-confirmation/invocations") ]
--- more_headers eval
[ map { ::invoke($::Event, path => $_) } @::Paths ]
--- error_code eval
[ (404) x 7 ]
--- response_body_like eval
[ ('^\{"message":"Function not found"\}$') x 7 ]



=== TEST 8: a prefix, an ARN, a qualifier
--- request eval
[ ::post($::Event, "/aws$::Path"),
  ::post($::Event, "/2015-03-31/functions/$::Arn/invocations"),
  ::post($::Event, "$::Path?Qualifier=%24LATEST") ]
--- more_headers eval
[ ::invoke($::Event, path => "/aws$::Path"),
  ::invoke($::Event, path => "/2015-03-31/functions/$::Arn/invocations"),
  ::invoke($::Event, query => 'Qualifier=%24LATEST') ]
--- error_code eval
[ 200, 200, 200 ]



=== TEST 9: bad signatures
--- request eval
[ map { ::post($::Bad) } 1 .. 9 ]
--- more_headers eval
[ ::invoke($::Bad, secret => 'global'),
  ::invoke($::Bad, signed_body => $::Event),
  ::invoke($::Bad, region => 'eu-west-1'),
  ::invoke($::Bad, service => 's3'),
  ::invoke($::Bad, time => time - 1000),
  ::invoke($::Bad, time => time + 1000),
  ::invoke($::Bad, host => 'elsewhere'),
  ::invoke($::Bad, method => 'PUT'),
  ::invoke($::Bad, digest => 'UNSIGNED-PAYLOAD') ]
--- error_code eval
[ (403) x 9 ]
--- response_headers eval
[ ("X-Amzn-ErrorType: InvalidSignatureException") x 9 ]
--- response_body_like eval
[ ('^\{"message":"The request\'s signature is not valid') x 9 ]
--- error_log
social: hook refused



=== TEST 10: no signature, another access key, an unexpected session token
--- request eval
[ map { ::post($::Bad) } 1 .. 4 ]
--- more_headers eval
[ '', ::invoke($::Bad, access_key => 'locals'),
  ::invoke($::Bad, headers => { 'x-amz-security-token' => 'abc' }),
  "Authorization: Bearer abc\n" ]
--- error_code eval
[ (403) x 4 ]
--- response_body_like eval
[ 'Missing Authentication Token', 'security token', 'security token',
  '"message"' ]



=== TEST 11: a header that was added on the way
--- request eval
::post($::Dry)
--- more_headers eval
::invoke($::Dry, type => undef) . "X-Amz-Invocation-Type: RequestResponse\n"
--- error_code: 403



=== TEST 12: temporary credentials, another region
--- config
    location / {
        social_hook lambda name=post-confirmation region=eu-west-1
                    credentials=file:$TEST_NGINX_HOOKS/temporary;
    }
--- request eval
[ ::post($::Temporary), ::post($::Bad) ]
--- more_headers eval
[ map { ::invoke($_->[0], region => 'eu-west-1',
            access_key => 'ASIA0123456789',
            secret => 'sEcReT/with+signs=',
            headers => $_->[1]) }
  [ $::Temporary, { 'x-amz-security-token' => 'a+token/==' } ],
  [ $::Bad, {} ] ]
--- error_code eval
[ 200, 403 ]



=== TEST 13: errors in AWS's shape
--- request eval
[ ::post('{'), ::post($::NoSub = ::event(attributes => { sub => undef })),
  "GET $::Path", "PUT $::Path\n{}" ]
--- more_headers eval
[ ::invoke('{'), ::invoke($::NoSub), '', '' ]
--- error_code eval
[ 400, 400, 405, 405 ]
--- response_headers eval
[ ("X-Amzn-ErrorType: InvalidRequestContentException") x 2,
  ("X-Amzn-ErrorType: MethodNotAllowedException\nAllow: POST") x 2 ]
--- response_body_like eval
[ 'Could not parse request body into json',
  'request.userAttributes.sub must be', 'Method not', 'Method not' ]



=== TEST 14: other pools are refused, and nothing is written
--- config
    location / {
        social_hook lambda name=post-confirmation pool=eu-west-1_A
                    credentials=file:$TEST_NGINX_HOOKS/credentials;
    }
--- request eval
::post($::Bad)
--- more_headers eval
::invoke($::Bad)
--- error_code: 403
--- response_headers
X-Amzn-ErrorType: AccessDeniedException



=== TEST 15: without credentials where that is configured
--- config
    location / {
        social_hook lambda name=post-confirmation insecure=on;
    }
--- request eval
::post($::Other)
--- response_body eval
$::Other
