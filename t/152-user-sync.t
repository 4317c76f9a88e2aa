# "social_user_sync": identities become users, and the backend gets their ids.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA ();
use JSON::PP ();
use MIME::Base64 qw( decode_base64 );
use SocialHook;
use SocialTest;
use SocialServer;
use SocialToken;

our $Pool = 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_LocalPool1';
our $Uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
our $Event = event(attributes => { sub => 'hooked' });
our $Other = 'https://other.example.com';

my $backend = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};";

our $http = $http_config . "\n" . hook_config()
    . issuer_block('pool', "issuer $Pool",
                   "jwks_file $ENV{TEST_NGINX_JWKS}", 'client_ids *',
                   'token_use any');

suite(http_config => $http, config => <<"_EOC_", log_level => 'info',
    social_auth main other pool optional;
    social_user_sync on wait=2s;
    social_revocations open;

    location / {
        proxy_set_header Host localhost;
        proxy_set_header X-Id \$social_user_id;
        add_header X-Id \$social_user_id always;
        $backend
        location /off { social_user_sync off; $backend }
        location /required { social_auth main other; $backend }
        location /lenient { social_auth main optional=lenient; $backend }
        location /quiet { social_identity_headers off; $backend }
        location /signed { social_assertion secret=now; $backend
                           location /signed/off { social_user_sync off;
                                                  $backend } }
        location /any {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            social_auth main;
            $backend
        }
        location /denied { deny all; social_auth main; $backend }
        location /scoped {
            social_auth main;
            social_auth_scopes all admin;
            $backend
        }
        location /asked { auth_request /asker; social_auth off; $backend }
        location /asker {
            internal;
            social_auth main;
            try_files /none =204;
        }
        location /from { error_page 418 = /to; return 418; }
        location /to { $backend }
        location /file { root html; try_files /x =404; }
    }
    location = /hook { social_hook cognito secret=now; }
_EOC_
    no_error_log => "[alert]\n[emerg]\n[crit]\n[error]\n[warn]");

$pg->sql("INSERT INTO deleted_users (issuer, sub) VALUES
    ('$issuer', 'gone'), ('$issuer', 'gone-2')");

# of an assertion that a backend shows

our $Signed;

sub user_id_of {
    my ($body) = @_;
    my ($payload) = $body =~ /^X-Social-Assertion: [^.]+\.([^.]+)\./m or return;
    $payload =~ tr{-_}{+/};
    return JSON::PP->new->utf8->decode(decode_base64($payload))->{user_id};
}

# Whose row a backend's request has the id of, by the header; "none" where
# there is none.

sub whose {
    my ($body) = @_;

    my @ids = $body =~ /^X-Social-User-Id: (.*)$/mgi or return "none\n";
    return "several\n" if @ids > 1;
    return "junk\n" if $ids[0] !~ /\A$Uuid\z/;

    my $sub = $pg->value("SELECT sub || CASE issuer WHEN '$Other' THEN '!'"
        . " ELSE '' END FROM users WHERE id = '$ids[0]'");
    return "$sub\n";
}

no_shuffle();
no_root_location();
no_long_string();
repeat_each(2);

plan tests => repeat_each() * 306 + 16;

run_tests();

# what became of it

sub one { return $pg->value($_[0]) }

sub row {
    my ($sub, $iss) = @_;
    return one("SELECT concat_ws('|', handle, display_name, email,
        email_verified, phone_number, phone_number_verified) FROM users
        WHERE sub = '$sub' AND issuer = '" . ($iss // $issuer) . "'");
}

is(row('plain'), 'alice|alice', 'of an access token');
is(row('twin'), 'alice-2|alice', 'two of one name');
is(row('twin', $Other), 'carol|Carol C.|carol@example.com|t',
   'the same subject of another issuer');
like(row('hooked', $Pool),
     qr/^andrewbrown\|Andrew Brown\|andrew\@example\.com/,
     'of a hook, as it was');
is(one("SELECT count(*) FROM users WHERE sub IN ('gone', 'gone-2')"), 0,
   'nobody comes back');
is(one("SELECT count(*) FROM users WHERE sub = 'denied'"), 0,
   'none of a request that was refused');
is(one("SELECT count(*) FROM users WHERE sub = 'scoped'"), 0,
   'none without a scope that is required');
is(one("SELECT count(*) FROM users WHERE sub = 'asks'"), 0,
   'none of a subrequest');
is(one("SELECT count(*) FROM users WHERE sub = 'off'"), 0, 'none where off');
is(one("SELECT count(*) FROM users WHERE sub = 'any'"), 1, 'satisfy any');
is(one("SELECT count(*) FROM users WHERE sub = 'moved'"), 1, 'a redirect');
is(one("SELECT count(*) FROM users WHERE sub = 'file'"), 1, 'a file');
like(row('private', $Other), qr/^user-[0-9a-f]{16}\|user-[0-9a-f]{16}$/,
     'what one signs in with stays private');
is(one("SELECT email FROM users WHERE sub LIKE '%DROP%'"), '<script>',
   'values are not SQL');
is(one('SELECT count(*) FROM users'), 11, 'nobody else');

# attributes, with what was waited for in the background

my $email = "SELECT email FROM users WHERE sub = 'mail'";
is($pg->wait_for($email, 'new@example.com'), 'new@example.com',
   'an e-mail that changed, and no older one');

__DATA__

=== TEST 1: an identity becomes a user, whose id the backend gets
--- request
GET /
--- more_headers eval
::bearer(sub => 'plain')
--- response_body_filters eval
\&::whose
--- response_body
plain
--- response_headers_like eval
"X-Id: $::Uuid"

=== TEST 2: by a variable, too
--- request
GET /
--- more_headers eval
::bearer(sub => 'plain')
--- response_body_like eval
qr/\nX-Id: ($::Uuid)\n.*\nX-Social-User-Id: \1\n/s

=== TEST 3: the same of each token, and another of each subject
--- request eval
[('GET /') x 5]
--- more_headers eval
::tokens([sub => 'plain', jti => 'j1'], [sub => 'twin'],
         [sub => 'plain', jti => 'j2'], [sub => 'plain'], [sub => 'twin'])
--- response_body_filters eval
\&::whose
--- response_body eval
["plain\n", "twin\n", "plain\n", "plain\n", "twin\n"]

=== TEST 4: and of each issuer
--- request
GET /
--- more_headers eval
::bearer(-key => 'other', iss => $::Other, sub => 'twin', token_use => 'id',
         username => undef, client_id => undef, aud => 'x',
         preferred_username => 'carol', name => 'Carol C.',
         email => 'carol@example.com', email_verified => JSON::PP::true())
--- response_body_filters eval
\&::whose
--- response_body
twin!

=== TEST 5: an id that a client sends is not used
--- request eval
['GET /', 'GET /off', 'GET /', 'GET /off']
--- more_headers eval
["X-Social-User-Id: evil\nx_social_user_id: evil",
 "X-Social-User-Id: evil\n" . ::bearer(sub => 'off'),
 "X-Social-User-ID: evil\nX-Social-User-Id: evil\n" . ::bearer(sub => 'plain'),
 ::bearer(sub => 'plain')]
--- response_body_filters eval
sub { $_[0] =~ /evil/ ? "evil\n" : ::whose($_[0]) }
--- response_body eval
["none\n", "none\n", "plain\n", "none\n"]

=== TEST 6: nothing without a token
--- request
GET /
--- response_body_unlike: (?i)user-id|X-Id
--- raw_response_headers_unlike: X-Id

=== TEST 7: a bad token is refused, and makes nobody
--- request eval
['GET /', 'GET /', 'GET /lenient']
--- more_headers eval
[::bearer(sub => 'bad', exp => time - 3600),
 ::bearer(sub => 'bad', -key => 'forged', -header => { kid => 'main' }),
 ::bearer(sub => 'bad', exp => time - 3600)]
--- error_code eval
[401, 401, 200]

=== TEST 8: a deleted user
--- request eval
['GET /', 'GET /required', 'GET /', 'GET /lenient', 'GET /off']
--- more_headers eval
::tokens([sub => 'gone'], [sub => 'gone'], [sub => 'gone-2'],
         [sub => 'gone-2'], [sub => 'gone'])
--- error_code eval
[403, 403, 403, 200, 200]
--- response_body_like eval
[(qr/^\{"message":"Forbidden","requestId":"[0-9a-f]+"\}$/) x 3,
 qr/X-Social-Sub: gone-2\n(?!.*User-Id)/s, qr/X-Social-Sub: gone\n(?!.*User-Id)/s]

=== TEST 9: made by a hook, and found
--- request eval
["POST /hook\n$::Event", 'GET /']
--- more_headers eval
[::webhook($::Event), ::bearer(iss => $::Pool, sub => 'hooked')]
--- response_body_filters eval
sub { $_[0] =~ /triggerSource/ ? "echo\n" : ::whose($_[0]) }
--- response_body eval
["echo\n", "hooked\n"]

=== TEST 10: in the assertion, too
--- request eval
['GET /signed', 'GET /signed', 'GET /signed']
--- more_headers eval
::tokens([sub => 'plain'], [sub => 'plain'], [sub => 'signed'])
--- response_body_filters eval
sub { (($_[0] =~ /^X-Social-User-Id: (.*)$/m)[0] // '-')
      eq (::user_id_of($_[0]) // '') ? ::whose($_[0]) : "another\n" }
--- response_body eval
["plain\n", "plain\n", "signed\n"]

=== TEST 11: of one token, with and without
--- request eval
['GET /signed', 'GET /signed/off', 'GET /signed', 'GET /signed/off']
--- more_headers eval
::bearer(sub => 'plain')
--- response_body_filters eval
sub { ::user_id_of($_[0]) ? "with\n" : "without\n" }
--- response_body eval
["with\n", "without\n", "with\n", "without\n"]

=== TEST 12: no header where headers are off
--- request
GET /quiet
--- more_headers eval
::bearer(sub => 'plain')
--- response_body_unlike: X-Social-User-Id

=== TEST 13: satisfy any, by the token and by the address
--- request eval
['GET /any', 'GET /any']
--- more_headers eval
[::bearer(sub => 'any'), 'X-Nothing: 1']
--- response_body_filters eval
\&::whose
--- response_body eval
["any\n", "none\n"]

=== TEST 14: refused otherwise
--- request eval
['GET /denied', 'GET /scoped']
--- more_headers eval
::tokens([sub => 'denied'], [sub => 'scoped'])
--- error_code eval
[403, 403]
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 15: a subrequest makes nobody
--- request
GET /asked
--- more_headers eval
::bearer(sub => 'asks')
--- response_body_unlike: User-Id

=== TEST 16: after an internal redirect
--- request
GET /from
--- more_headers eval
::bearer(sub => 'moved')
--- response_body_filters eval
\&::whose
--- response_body
moved

=== TEST 17: a file
--- user_files
>>> x
here
--- request
GET /file
--- more_headers eval
::bearer(sub => 'file')
--- response_body
here

=== TEST 18: hostile values
--- request
GET /
--- more_headers eval
::bearer(sub => "'; DROP TABLE users; --", username => '$1 \\ "',
         name => "\x{1f600}", email => '<script>')
--- response_body_filters eval
\&::whose
--- response_body
'; DROP TABLE users; --

=== TEST 19: what one signs in with does not become a handle
--- request
GET /
--- more_headers eval
::bearer(-key => 'other', iss => $::Other, sub => 'private',
         username => undef, preferred_username => 'jane@example.com')
--- response_body_filters eval
\&::whose
--- response_body
private!

=== TEST 20: an e-mail that changes: the newest token counts
--- request eval
[('GET /') x 4]
--- more_headers eval
my $now = time - 1000;
[map { ::bearer(-key => 'other', iss => $::Other, sub => 'mail',
                token_use => 'id', client_id => undef, aud => 'x',
                iat => $now + $_->[0], email => "$_->[1]\@example.com",
                phone_number => '+4915112345678',
                phone_number_verified => 'true', email_verified => 'false') }
 [100, 'first'], [300, 'new'], [200, 'between'], [300, 'new']]
--- response_body_filters eval
\&::whose
--- response_body eval
[("mail!\n") x 4]

=== TEST 21: a subject that PostgreSQL cannot index goes on without an id
--- request
GET /
--- more_headers eval
::bearer(sub => CORE::join('', map { CORE::chr(33 + CORE::rand(90)) } 1 .. 3500))
--- response_body_unlike: User-Id
--- no_error_log
[alert]
[emerg]
[crit]
