# The triggers of Cognito that say something of a user, as webhooks and as
# Lambda's Invoke: users whose first event is another one than a sign-up,
# attributes that change, claims for tokens, rules for sign-ups, and what is
# nothing of these.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use SocialHook;
use SocialTest;
use SocialToken qw( suite );

our $http_config = hook_config();
our $Path = '/2015-03-31/functions/post-confirmation/invocations';

my %event;

# Event $name, made once; each is of a user of that name.

sub e {
    my ($name, $trigger, %over) = @_;

    my $attributes = delete $over{attributes} // {};

    return $event{$name} //= event(
        triggerSource => $trigger,
        attributes => { sub => $name, preferred_username => "my$name",
                        name => undef, %$attributes },
        %over);
}

sub post { return "POST /hooks/cognito\n$_[0]" }
sub call { return "POST $main::Path\n$_[0]" }

# The text of a response to an event, with "response" as JSON in its place.

sub with_response {
    my ($event, $response) = @_;
    $event =~ s/"response":\{\}/"response":$response/ or die;
    return $event;
}

sub user { return $pg->value("SELECT $_[1] FROM users WHERE sub = '$_[0]'") }

our ($Forgot, $Signed) = (
    e(forgot => 'PostConfirmation_ConfirmForgotPassword',
      attributes => { phone_number => '+15551234',
                      phone_number_verified => 'false' }),
    e(signed => 'PostAuthentication_Authentication'));

our @Mail = map {
    event(triggerSource => 'PostAuthentication_Authentication',
          attributes => { sub => 'mail', preferred_username => 'mymail',
                          email => "$_\@example.com",
                          email_verified => $_ eq 'b' ? 'false' : 'true' })
} qw( a b );

my @sources = map { "TokenGeneration_$_" } qw( HostedAuth Authentication
    NewPasswordChallenge AuthenticateDevice RefreshTokens );

our @Tokens = map { e("token$_", $sources[$_], version => $_ % 3 + 1) } 0 .. 4;

our @Others = map { e("other$_", $_) }
    'TokenGeneration_ClientCredentials', 'PreSignUp_AdminCreateUser',
    'CustomMessage_ForgotPassword', 'CustomEmailSender_SignUp',
    'PreAuthentication_Authentication', 'UserMigration_Authentication',
    'DefineAuthChallenge_Authentication', 'CreateAuthChallenge_Authentication',
    'VerifyAuthChallengeResponse_Authentication', 'PostConfirmation_Other',
    'InboundFederation_ExternalProvider', 'SomethingNew';

# what another event than ours has need not be what we expect
push @Others, event(triggerSource => 'SomethingNew', userName => undef,
                    request => [ 1, 2 ]),
    map { e("version$_", 'PostConfirmation_ConfirmSignUp', version => $_) }
    '4', '', 17, [ 1 ];

our $Deny = e(deny => 'PreSignUp_SignUp', attributes => {
    sub => undef, email => 'x@spam.example' });
our $Allow = e(allow => 'PreSignUp_SignUp', attributes => { sub => undef },
    response => { autoConfirmUser => JSON::PP::true(),
                  autoVerifyEmail => JSON::PP::false() });
our $External = e(external => 'PreSignUp_ExternalProvider', version => 9,
    attributes => { email => 'y@spam.example', sub => undef });
our $ByAdmin = e(admin => 'PreSignUp_AdminCreateUser', attributes => {
    email => 'z@spam.example' });

$pg->sql(q{INSERT INTO sign_up_rules (action, kind, value, message)
    VALUES ('deny', 'domain', 'spam.example', E'No "spam",\n\\\\ please')});

# one who was there before, with roles; and one who was deleted

$pg->sql(q{SELECT social_user_sync('https://cognito-idp.us-east-1.amazonaws.com'
    || '/us-east-1_LocalPool1', 'token' || n, 'token' || n, NULL, NULL)
        FROM generate_series(0, 1) n;
    INSERT INTO user_roles (user_id, role)
        SELECT id, unnest(ARRAY['staff', 'site:admin']) FROM users;
    INSERT INTO deleted_users (issuer, sub)
        VALUES ('https://cognito-idp.us-east-1.amazonaws.com'
                '/us-east-1_LocalPool1', 'gone')});

our $Gone = e(gone => 'TokenGeneration_HostedAuth', version => '2');

# a response to the first two of @Tokens; their users are known

our @Claims = map {
    my $id = user("token$_", 'id');

    with_response($Tokens[$_], $_ == 0
        ? qq({"claimsOverrideDetails":{"claimsToAddOrOverride":{"user_id":"$id")
          . ',"roles":"site:admin staff"}}}'
        : '{"claimsAndScopeOverrideDetails":{' . join(',', map {
              qq("$_":{"claimsToAddOrOverride":{"user_id":"$id",)
              . '"roles":["site:admin","staff"]}}'
          } qw( idTokenGeneration accessTokenGeneration )) . '}}')
} 0, 1;

# what cannot be kept, and the name of the field

sub bad {
    my ($value, $attribute) = @_;

    $attribute //= 'name';
    my $text = event(triggerSource => 'PostAuthentication_Authentication',
                     attributes => { sub => 'bad', $attribute => 'HERE' });
    $text =~ s/"HERE"/$value/ or die;
    return $text;
}

our @Bad = (
    bad('"a\u0000b"'), bad('"\ud83d"', 'email'), bad("\"\xff\""),
    bad("\"\xed\xa0\x80\"", 'preferred_username'), bad('"' . 'x' x 2049 . '"'),
    bad('"' . "\x{c3}\x{a9}" x 2049 . '"', 'preferred_username'),
    bad('"a\r\nBcc: b"', 'email'), bad('7', 'phone_number'),
    bad('"perhaps"', 'email_verified'), bad('"\u0000"', 'custom:plan'),
    bad('"x","sub":"' . 'x' x 2049 . '"') =~ s/"sub":"bad"//r =~ s/,,/,/r
        =~ s/,\}/}/r,
    event(triggerSource => 'PreSignUp_SignUp', userPoolId => 'local_Ab'),
    event(triggerSource => 'TokenGeneration_HostedAuth', userName => ''),
);
our @BadFields = map { "request.userAttributes.$_" }
    qw( name email name preferred_username name preferred_username email
        phone_number email_verified custom:plan sub );
push @BadFields, qw( userPoolId userName );

# strange, and kept as it is

our @Strange = map {
    event(triggerSource => 'PostConfirmation_ConfirmSignUp', attributes => {
        sub => "strange$_->[0]", preferred_username => undef,
        name => $_->[1] }, userName => $_->[1])
} [ 1, "\x{1f600}\x{202e}abc" ], [ 2, "\x{200b}\x{200d}\x{feff}" ],
  [ 3, "\x{674e}\x{96f7}" ], [ 4, "m\x{fc}ller" ],
  [ 5, "\x{43c}\x{430}\x{440}\x{438}\x{44f}" ], [ 6, 'x' x 2048 ];

suite(http_config => $http_config, config => <<'_EOC_',
    location = /hooks/cognito {
        social_hook cognito secret=now;
    }
    location / {
        social_hook lambda name=post-confirmation
                    credentials=file:$TEST_NGINX_HOOKS/credentials;
    }
_EOC_
    no_error_log => "[alert]\n[emerg]\n[crit]\n[error]\n[warn]");

repeat_each(2);
no_root_location();
no_long_string();

plan tests => repeat_each() * 762 + 8;

run_tests();

my $contact = "concat_ws(' ', handle, email, coalesce(email_verified::text,"
    . " '-'), coalesce(phone_number, '-'),"
    . " coalesce(phone_number_verified::text, '-'))";

is(user('forgot', $contact),
   'myforgot andrew@example.com true +15551234 false',
   'who was imported, and has a new password');
is(user('signed', $contact), 'mysigned andrew@example.com true - -',
   'who was imported, and signs in');
is(user('mail', $contact), 'mymail b@example.com false - -',
   'an address that was changed, by the last event');
is($pg->value("SELECT count(*) FROM users WHERE sub LIKE 'token%'"), 5,
   'who gets a token');
is($pg->value("SELECT string_agg(sub, ' ') FROM users WHERE sub ~
       '^(other|version|deny|allow|external|admin|gone|bad|x|client|pool)'"),
   '', 'nobody else');
is($pg->value("SELECT string_agg(CASE WHEN handle = made_up THEN '-'
       ELSE handle END, ' ' ORDER BY sub) FROM users WHERE sub ~ '^strange'"),
   'abc - - muller mariya ' . 'x' x 32, 'handles');
is(user('strange1', 'display_name'), "\x{f0}\x{9f}\x{98}\x{80}"
   . "\x{e2}\x{80}\x{ae}abc", 'a display name is kept as it is');
like(user('strange2', 'display_name'), qr/^user-\w{16}$/,
     'but one that nobody sees');

__DATA__

=== TEST 1: users whose first event is another one
--- request eval
[ map { ::post($_) } $::Forgot, $::Signed ]
--- more_headers eval
[ map { ::webhook($_) } $::Forgot, $::Signed ]
--- response_body eval
[ $::Forgot, $::Signed ]



=== TEST 2: a changed address; an older event, and one again, change nothing
--- request eval
[ map { ::post($_) } @::Mail, $::Mail[0], $::Mail[0] ]
--- more_headers eval
$::now = time;
[ ::webhook($::Mail[0], id => 'a', time => $::now - 20),
  ::webhook($::Mail[1], id => 'b', time => $::now - 10),
  ::webhook($::Mail[0], id => 'c', time => $::now - 15),
  ::webhook($::Mail[0], id => 'a', time => $::now) ]
--- response_body eval
[ @::Mail, $::Mail[0], $::Mail[0] ]



=== TEST 3: claims
--- request eval
[ map { ::post($_) } @::Tokens[0, 1] ]
--- more_headers eval
[ map { ::webhook($_) } @::Tokens[0, 1] ]
--- response_body eval
[ @::Claims ]



=== TEST 4: claims, by Invoke
--- request eval
[ map { ::call($_) } @::Tokens[0, 1] ]
--- more_headers eval
[ map { ::invoke($_) } @::Tokens[0, 1] ]
--- response_body eval
[ @::Claims ]



=== TEST 5: claims of users who are new, without roles
--- request eval
[ map { ::post($_) } @::Tokens[2 .. 4] ]
--- more_headers eval
[ map { ::webhook($_) } @::Tokens[2 .. 4] ]
--- response_body_like eval
[ (map { '"response":\{"claimsAndScopeOverrideDetails":\{"idTokenGeneration":'
         . '\{"claimsToAddOrOverride":\{"user_id":"[0-9a-f-]{36}"\}\},' }
   1 .. 1),
  '"response":\{"claimsOverrideDetails":\{"claimsToAddOrOverride":'
      . '\{"user_id":"[0-9a-f-]{36}"\}\}\},"',
  '"accessTokenGeneration":\{"claimsToAddOrOverride":\{"user_id":'
      . '"[0-9a-f-]{36}"\}\}\}\},"triggerSource"' ]



=== TEST 6: no claims of a deleted user
--- request eval
::post($::Gone)
--- more_headers eval
::webhook($::Gone)
--- response_body eval
$::Gone



=== TEST 7: nothing for us: other triggers, unknown versions
--- request eval
[ map { ::post($_) } @::Others ]
--- more_headers eval
[ map { ::webhook($_) } @::Others ]
--- response_body eval
[ @::Others ]



=== TEST 8: the same by Invoke
--- request eval
[ map { ::call($_) } @::Others ]
--- more_headers eval
[ map { ::invoke($_) } @::Others ]
--- response_body eval
[ @::Others ]



=== TEST 9: who may not sign up
--- request eval
[ map { ::post($_) } $::Deny, $::External ]
--- more_headers eval
[ map { ::webhook($_) } $::Deny, $::External ]
--- error_code eval
[ 403, 403 ]
--- response_body_like eval
[ ('^\{"message":"No \\\\"spam\\\\",\\\\u000a\\\\\\\\ please","requestId":"\w+"\}$') x 2 ]



=== TEST 10: who may, with all that the response has
--- request eval
[ map { ::post($_) } $::Allow, $::ByAdmin ]
--- more_headers eval
[ map { ::webhook($_) } $::Allow, $::ByAdmin ]
--- response_body eval
[ $::Allow, $::ByAdmin ]



=== TEST 11: the same by Invoke: an error of the function
--- request eval
[ map { ::call($_) } $::Deny, $::External ]
--- more_headers eval
[ map { ::invoke($_) } $::Deny, $::External ]
--- error_code eval
[ 200, 200 ]
--- response_headers eval
[ ("X-Amz-Function-Error: Unhandled", ) x 2 ]
--- response_body_like eval
[ ('^\{"errorMessage":"No \\\\"spam\\\\",\\\\u000a\\\\\\\\ please","errorType":"Error"\}$') x 2 ]



=== TEST 12: and without one
--- request eval
[ map { ::call($_) } $::Allow, $::ByAdmin ]
--- more_headers eval
[ map { ::invoke($_) } $::Allow, $::ByAdmin ]
--- response_headers eval
[ ("!X-Amz-Function-Error") x 2 ]
--- response_body eval
[ $::Allow, $::ByAdmin ]



=== TEST 13: what cannot be kept is named
--- request eval
[ map { ::post($_) } @::Bad ]
--- more_headers eval
[ map { ::webhook($_) } @::Bad ]
--- error_code eval
[ (422) x @::Bad ]
--- response_body_like eval
[ map { '"errors":\{"' . quotemeta() . '":"must ' } @::BadFields ]



=== TEST 14: by Invoke, too
--- request eval
[ map { ::call($_) } @::Bad ]
--- more_headers eval
[ map { ::invoke($_) } @::Bad ]
--- error_code eval
[ (400) x @::Bad ]
--- response_headers eval
[ ("X-Amzn-ErrorType: InvalidRequestContentException") x @::Bad ]
--- response_body_like eval
[ map { '^\{"message":"' . quotemeta() . ' must ' } @::BadFields ]



=== TEST 15: strange names
--- request eval
[ map { ::post($_) } @::Strange ]
--- more_headers eval
[ map { ::webhook($_) } @::Strange ]
--- response_body eval
[ @::Strange ]



=== TEST 16: truncated, doubled, deep, a member twice, a name of a megabyte
--- request eval
$::one = ::event(attributes => { sub => 'x1' });
@::Damaged = ((map { substr $::one, 0, $_ } 1, 100, length($::one) - 1),
    $::one . $::one, "$::one\0", '{"a":' x 20 . '1' . '}' x 20,
    $::one =~ s/"sub":"x1"/"sub":"x1","sub":"x2"/r,
    $::one =~ s/"userName"/"userPoolId":"eu-west-1_B","userName"/r);
[ (map { ::post($_) } @::Damaged),
  ::post(::event(attributes => { sub => 'x1', name => 'x' x 1048576 })) ]
--- more_headers eval
[ (map { ::webhook($_) } @::Damaged), '' ]
--- error_code eval
[ (400) x @::Damaged, 413 ]
--- no_error_log
[alert]
[emerg]
[crit]
[warn]



=== TEST 17: clients
--- config
    location = /hooks/cognito {
        social_hook cognito secret=now client=abc123 client=def456;
    }
    location / {
        social_hook lambda name=post-confirmation client=abc123
                    credentials=file:$TEST_NGINX_HOOKS/credentials;
    }
--- request eval
@::Clients = map { ::event(callerContext => $_, attributes => {
        sub => 'client' }, triggerSource => 'PostConfirmation_ConfirmSignUp') }
    { clientId => 'other' }, { clientId => undef }, { clientId => 'abc12' },
    { clientId => [ 'abc123' ] }, [];
@::Good = map { ::event(callerContext => { clientId => $_ },
                        attributes => { sub => 'good' }) } 'abc123', 'def456';
[ (map { ::post($_) } @::Clients, @::Good),
  (map { ::call($_) } $::Clients[0], @::Good) ]
--- more_headers eval
[ (map { ::webhook($_) } @::Clients, @::Good),
  (map { ::invoke($_) } $::Clients[0], @::Good) ]
--- error_code eval
[ (403) x 5, 200, 200, 403, 200, 403 ]



=== TEST 18: forged: of another body, for another pool
--- config
    location = /hooks/cognito {
        social_hook cognito secret=now pool=us-east-1_LocalPool1;
    }
--- request eval
@::Forged = (::event(attributes => { sub => 'x3' }),
    ::event(attributes => { sub => 'x4' }, userPoolId => 'us-east-1_Other'),
    ::event(attributes => { sub => 'pool' }, userPoolId => 'us-east-1_Other',
            triggerSource => 'TokenGeneration_HostedAuth', version => '2'),
    ::event(attributes => { sub => undef }, userPoolId => 'us-east-1_Other',
            triggerSource => 'PreSignUp_SignUp'));
[ map { ::post($_) } @::Forged ]
--- more_headers eval
[ ::webhook($::Forged[1]), map { ::webhook($_) } @::Forged[1 .. 3] ]
--- error_code eval
[ 401, 403, 403, 403 ]
