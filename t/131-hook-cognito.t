# "social_hook cognito": events signed as Standard Webhooks become users.

use strict;
use warnings;

use lib 't/lib';
use SocialHook;
use SocialTest;
use SocialConf;
use SocialToken qw( suite );

our $Event = event();
our $Forgot = event(triggerSource => 'PostConfirmation_ConfirmForgotPassword');
our $Other = event(triggerSource => 'CustomMessage_SignUp',
                   attributes => { sub => 'other' });

# without anything that is not needed, and with what only some pools send
our $Bare = event(userName => 'bare', attributes => {
    sub => 'bare-1', email => undef, name => undef,
    preferred_username => undef, email_verified => undef });
our $Odd = event(version => 2, clientMetadata => { a => [ 1, {} ] },
    attributes => { sub => 'odd-1', email_verified => JSON::PP::true(),
        name => "Zo\x{eb} \x{1f600}", preferred_username => "zo\x{eb}.x",
        identities => '[{"userId":"1"}]', phone => 5 });

# from other identity providers, whose user names no attribute of ours
our $Federated = event(userName => 'Google_108123456789012345678',
    attributes => { sub => 'federated-1', preferred_username => undef,
        name => undef, 'cognito:user_status' => 'EXTERNAL_PROVIDER',
        identities => '[{"userId":"108123456789012345678",'
            . '"providerName":"Google","providerType":"Google"}]' });
our $Company = event(userName => 'Corp_jane', attributes => {
    sub => 'federated-2', preferred_username => undef, name => undef,
    'cognito:user_status' => 'EXTERNAL_PROVIDER' });
our $Linked = event(userName => 'Corp_joe', attributes => {
    sub => 'federated-3', preferred_username => undef, name => 'Joe',
    identities => '[{"userId":"joe","providerName":"Corp"}]' });
our $Native = event(userName => 'corp_jill', attributes => {
    sub => 'native-1', preferred_username => undef, name => undef });
our $Phone = event(userName => '+4915112345678', attributes => {
    sub => 'phone-1', email => undef, preferred_username => undef,
    name => undef, phone_number => '+4915112345678' });
our $Mail = event(userName => 'andrew@example.com', attributes => {
    sub => 'mail-1', preferred_username => undef, name => undef });

our $Gone = event(attributes => { sub => 'gone-1' });
our $Hostile = event(attributes => { sub => "'; DROP TABLE users; --",
    preferred_username => '$1 \\ "', name => '<script>' });
our $Large = event(padding => 'x' x (65536 - length event(padding => '')));
our $Larger = event(padding => 'x' x (65537 - length event(padding => '')));

our $http_config = hook_config();

sub post { return "POST /hooks/cognito\n$_[0]" }

# one that is sent in pieces, without a length
sub chunks {
    my ($body) = @_;
    my $out = '';
    $out .= sprintf "%x\r\n%s\r\n", length, $_ for unpack '(a9000)*', $body;
    return "${out}0\r\n\r\n";
}

$pg->sql("INSERT INTO deleted_users (issuer, sub) VALUES
    ('https://cognito-idp.us-east-1.amazonaws.com/us-east-1_LocalPool1',
     'gone-1')");

suite(http_config => $http_config, config => <<'_EOC_',
    location = /hooks/cognito {
        social_hook cognito secret=now;
    }
_EOC_
    no_error_log => "[alert]\n[emerg]\n[crit]\n[error]\n[warn]");

repeat_each(2);
no_root_location();
no_long_string();

plan tests => repeat_each() * 394 + 14;

run_tests();

# what is in the database after all of it

my $one = "SELECT handle || '|' || coalesce(email, '-') || '|' ||"
    . ' display_name FROM users WHERE sub = ';

is($pg->value("${one}'$sub'"), 'andrewbrown|andrew@example.com|Andrew Brown',
   'the user');
is($pg->value("SELECT issuer FROM users WHERE sub = '$sub'"),
   'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_LocalPool1',
   'the issuer is that of the pool');
is($pg->value("${one}'bare-1'"), 'bare|-|bare', 'a user without attributes');
is($pg->value("${one}'odd-1'"),
   "zoe.x|andrew\@example.com|Zo\xc3\xab \xf0\x9f\x98\x80",
   'a user with attributes of all kinds');
is($pg->value("SELECT count(*) FROM users WHERE sub = 'gone-1'"), 0,
   'who was deleted stays so');
is($pg->value("SELECT display_name FROM users WHERE sub LIKE '%DROP%'"),
   '<script>', 'values are not SQL');
is($pg->value('SELECT count(*) FROM users'), 10, 'nobody else');

for my $private (qw( federated-1 federated-2 phone-1 mail-1 )) {
    like($pg->value("SELECT handle || '|' || display_name FROM users"
                    . " WHERE sub = '$private'"),
         qr/^(user-[0-9a-f]{16})\|\1$/,
         "what $private signs in with stays private");
}

like($pg->value("${one}'federated-3'"),
     qr/^user-[0-9a-f]{16}\|andrew\@example\.com\|Joe$/,
     'nor what somebody is called elsewhere');
is($pg->value("${one}'native-1'"), 'corp_jill|andrew@example.com|corp_jill',
   'a name of the same form that is the own choice is a handle');
is($pg->value("SELECT count(*) FROM users WHERE sub = 'large'"), 0,
   'no user from refused events');

__DATA__

=== TEST 1: a confirmed sign-up is echoed, byte by byte
--- request eval
::post($::Event)
--- more_headers eval
::webhook($::Event)
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body eval
$::Event



=== TEST 2: what is not for us
--- request eval
::post($::Other)
--- more_headers eval
::webhook($::Other)
--- response_body eval
$::Other



=== TEST 3: missing attributes
--- request eval
::post($::Bare)
--- more_headers eval
::webhook($::Bare)
--- response_body eval
$::Bare



=== TEST 4: attributes of all kinds
--- request eval
::post($::Odd)
--- more_headers eval
::webhook($::Odd)
--- response_body eval
$::Odd



=== TEST 5: a deleted user is not created again
--- request eval
::post($::Gone)
--- more_headers eval
::webhook($::Gone)
--- response_body eval
$::Gone



=== TEST 6: hostile values
--- request eval
::post($::Hostile)
--- more_headers eval
::webhook($::Hostile)
--- response_body eval
$::Hostile



=== TEST 7: the largest body, and one byte more
--- request eval
[ map { ::post($_) } $::Large, $::Larger ]
--- more_headers eval
[ map { ::webhook($_) } $::Large, $::Larger ]
--- error_code eval
[ 200, 413 ]
--- response_body_like eval
[ '^\{', '^\{"message":"Request Entity Too Large","requestId":"\w+"\}$' ]
--- no_error_log
[alert]
[emerg]
[crit]
[warn]



=== TEST 8: a body without a length
--- request eval
[ map { ::post(::chunks($_)) } $::Event, $::Larger ]
--- more_headers eval
[ map { "Transfer-Encoding: chunked\n" . ::webhook($_) } $::Event, $::Larger ]
--- error_code eval
[ 200, 413 ]
--- response_body_like eval
[ '^\{"callerContext"', '^\{"message":"Request Entity Too Large","requestId":"\w+"\}$' ]
--- no_error_log
[alert]
[emerg]
[crit]
[warn]



=== TEST 9: two secrets, while one replaces the other
--- config
    location = /hooks/cognito {
        social_hook cognito secret=both;
    }
--- request eval
[ map { ::post($::Forgot) } 1 .. 5 ]
--- more_headers eval
[ ::webhook($::Forgot), ::webhook($::Forgot, secret => 'before'),
  ::webhook($::Forgot, secret => 'other'),
  ::webhook($::Forgot, secret => [ 'other', 'before' ]),
  ::webhook($::Forgot, signature => 'v1a,abc v2,x ' . 'v1,x') ]
--- error_code eval
[ 200, 200, 401, 200, 401 ]



=== TEST 10: whatever is wrong with a signature, the answer is the same
--- request eval
[ map { ::post($::Event) } 1 .. 9 ]
--- more_headers eval
[ '', ::webhook($::Forgot),
  (map { ::webhook($::Event, without => [ "webhook-$_" ]) }
   qw( id timestamp signature )),
  ::webhook($::Event, time => time - 400),
  ::webhook($::Event, time => time + 400),
  ::webhook($::Event, secret => 'before'),
  ::webhook($::Event) . "webhook-id: evt_2\n" ]
--- error_code eval
[ (401) x 9 ]
--- response_body_like eval
[ ('^\{"message":"Unauthorized","requestId":"\w+"\}$') x 9 ]
--- error_log
social: hook refused



=== TEST 11: clocks may differ by less than five minutes
--- request eval
[ ::post($::Forgot), ::post($::Forgot) ]
--- more_headers eval
[ ::webhook($::Forgot, time => time - 200),
  ::webhook($::Forgot, time => time + 200) ]
--- error_code eval
[ 200, 200 ]



=== TEST 12: what is not JSON
--- request eval
[ map { ::post($_) } '{', '[]', '{"a":1,"a":2}', "{\"a\":\"\xff\"}", '' ]
--- more_headers eval
[ map { ::webhook($_) } '{', '[]', '{"a":1,"a":2}', "{\"a\":\"\xff\"}", '' ]
--- error_code eval
[ (400) x 3, 422, 400 ]
--- response_body_like eval
[ ('^\{"message":"Bad Request","requestId":"\w+"\}$') x 3,
  '^\{"message":"a must be valid UTF-8","errors":\{"a":"must be valid UTF-8"\},',
  '^\{"message":"Bad Request","requestId":"\w+"\}$' ]



=== TEST 13: a bad field is named
--- request eval
[ map { ::post($_) } @::Bad = (
    ::event(userPoolId => undef), ::event(userPoolId => 7),
    ::event(userPoolId => 'local_AbCd', attributes => { sub => 'large' }),
    ::event(triggerSource => ''),
    ::event(userName => "a\nb"), ::event(attributes => { sub => undef }),
    ::event(request => undef), ::event(attributes => { sub => 'x' x 3000 })) ]
--- more_headers eval
[ map { ::webhook($_) } @::Bad ]
--- error_code eval
[ (422) x 8 ]
--- response_body_like eval
[ map { '"errors":\{"' . quotemeta() . '":"must be ' }
  qw( userPoolId userPoolId userPoolId triggerSource userName ),
  ('request.userAttributes.sub') x 3 ]



=== TEST 14: other pools are refused
--- config
    location = /hooks/cognito {
        social_hook cognito secret=now pool=eu-west-1_A pool=us-east-1_LocalPool1;
    }
--- request eval
[ ::post($::Event), ::post($::OtherPool = ::event(userPoolId => 'eu-west-1_B')),
  ::post($::OtherForgot = ::event(userPoolId => 'us-east-1_LocalPool',
      triggerSource => 'PostConfirmation_ConfirmForgotPassword')) ]
--- more_headers eval
[ map { ::webhook($_) } $::Event, $::OtherPool, $::OtherForgot ]
--- error_code eval
[ 200, 403, 403 ]



=== TEST 15: POST only
--- request eval
[ 'GET /hooks/cognito', 'DELETE /hooks/cognito', "PUT /hooks/cognito\n{}" ]
--- error_code eval
[ (405) x 3 ]
--- response_headers eval
[ ('Allow: POST') x 3 ]
--- response_body_like eval
[ ('^\{"message":"Method Not Allowed"') x 3 ]



=== TEST 16: without a secret where that is configured
--- config
    location = /hooks/cognito {
        social_hook cognito insecure=on;
    }
--- request eval
::post($::Event)
--- response_body eval
$::Event



=== TEST 17: small buffers do not bring a body to the disk
--- config
    location = /hooks/cognito {
        client_body_buffer_size 1k;
        client_body_in_file_only on;
        client_max_body_size 10m;
        social_hook cognito secret=now;
    }
--- request eval
[ ::post($::Large), ::post($::Event), ::post(::chunks($::Large)) ]
--- more_headers eval
[ ::webhook($::Large), ::webhook($::Event),
  "Transfer-Encoding: chunked\n" . ::webhook($::Large) ]
--- error_code eval
[ 200, 200, 200 ]



=== TEST 18: within an "if"
--- config
    location = /hooks/cognito {
        social_hook cognito secret=now;
        if ($http_webhook_id) {
            set $x 1;
        }
    }
--- request eval
[ ::post($::Event), ::post($::Event) ]
--- more_headers eval
[ ::webhook($::Event), '' ]
--- error_code eval
[ 200, 401 ]



=== TEST 19: private names
--- request eval
[ map { ::post($_) } $::Federated, $::Company, $::Linked, $::Native, $::Phone,
  $::Mail ]
--- more_headers eval
[ map { ::webhook($_) } $::Federated, $::Company, $::Linked, $::Native,
  $::Phone, $::Mail ]
--- response_body eval
[ $::Federated, $::Company, $::Linked, $::Native, $::Phone, $::Mail ]
