# Hostile tokens: after RFC 8725 and the usual lists of attacks.  Each of them
# is refused with 401, and then a good one is accepted by the same nginx.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite();

my ($header, $payload) = (header_text(), payload_text());
my $good = signed($header, $payload);
my @part = split /\./, $good;
my $pem = public_pem('main');
my $body = join '', grep { !/----/ } split /\n/, $pem;
my $jwks = jwks_text('main');
my ($n) = $jwks =~ /"n":"([^"]+)"/;

my @attacks;

sub attack { push @attacks, [ @_ ] }

# a header, or a payload, that is signed as it should be
sub header { attack("header $_[0]", signed($_[-1], $payload)) }
sub payload { attack("payload $_[0]", signed($header, $_[-1])) }

sub member {
    my ($text, $member) = @_;

    $text =~ s/\}\z/,$member}/;
    return $text;
}


# the algorithm

for my $alg (qw( none None NONE nOnE HS256 HS384 HS512 RS1 RS384 RS512 PS256
                 ES256 EdDSA rs256 Rs256 RSA-OAEP A128KW dir ),
             '', ' RS256', 'RS256 ', "RS256\0", 'RS256,none')
{
    (my $shown = $alg) =~ s/\0/NUL/;
    my $other = header_text(alg => $alg);

    attack("alg $shown, signed", signed($other, $payload));
    attack("alg $shown, with the signature of RS256",
           compact($other, $payload, $part[2]));
    attack("alg $shown, without a signature", compact($other, $payload, ''));
    attack("alg $shown, in two parts", b64($other) . '.' . b64($payload));
}

header('without alg', header_text(alg => undef));
header("with alg $_", member('{"kid":"main"}', "\"alg\":$_"))
    for qw( null 1 true [] {} ["RS256"] );

for my $secret ([ PEM => $pem ], [ 'PEM without its end' => $pem =~ s/\n\z//r ],
                [ 'PEM without lines' => $body ], [ modulus => $n ],
                [ JWKS => $jwks ], [ 'nothing' => '' ],
                [ DER => MIME::Base64::decode_base64($body) ],
                [ 'PKCS#1' => SocialToken::key('main')->get_public_key_string ])
{
    attack("HS256 by the public key: $secret->[0]",
           hs256(header_text(alg => 'HS256'), $payload, $secret->[1]));
    attack("an HMAC that says RS256: $secret->[0]",
           hs256($header, $payload, $secret->[1]));
}


# the key

for my $kid ('', '../../../../dev/null', '/dev/null', "main' OR '1'='1",
             'main; DROP TABLE keys', 'Main', 'main ', "main\0", "main\0x",
             '%6d%61in', '*', 'main,next', '|id', '`id`', '$(id)', '{{7*7}}',
             'http://127.0.0.1/', 'x' x 300, "\x{fffd}", "ma\x{131}n",
             "a\r\nb")
{
    (my $shown = substr $kid, 0, 20) =~ s/[^ -~]/?/g;
    header("with kid $shown", header_text(kid => $kid));
}

header('without kid', header_text(kid => undef));
header("with kid $_", member('{"alg":"RS256"}', "\"kid\":$_"))
    for qw( null 0 true [] {} ["main"] {"main":1} );

# A key that the token brings with it must change nothing: it is signed by
# that key, and says what a good one says.

my $evil = SocialToken::jwk('forged');
my $evil_json = JSON::PP->new->canonical->encode($evil);

for my $with ([ jwk => $evil_json ], [ jku => '"http://127.0.0.1:1/k"' ],
              [ x5u => '"http://127.0.0.1:1/c"' ], [ x5c => '["MIIB"]' ],
              [ x5t => '"aGk"' ], [ 'x5t#S256' => '"aGk"' ],
              [ jku => '"file:///dev/null"' ])
{
    my $other = member($header, "\"$with->[0]\":$with->[1]");

    attack("$with->[0], and its own key", signed($other, $payload, 'forged'));
    attack("$with->[0], and our signature",
           compact($other, $payload, $part[2]));
}

attack('the key of another issuer', signed($header, $payload, 'other'));
attack('the kid of another issuer',
       signed(header_text(kid => 'other'), $payload, 'other'));
attack('the issuer of another key',
       signed($header, payload_text(iss => 'https://other.example.com')));
attack('a key of 1024 bits', signed(header_text(kid => 'weak'), $payload,
                                    'weak'));


# extensions that are not understood

header("with $_", member($header, $_))
    for '"crit":["exp"]', '"crit":[]', '"crit":null', '"crit":["b64"]',
        '"b64":false', '"b64":true', '"crit":["b64"],"b64":false',
        '"zip":"DEF"', '"zip":null';


# the form

attack('one part', $part[0]);
attack('two parts', "$part[0].$part[1]");
attack('four parts', "$good.$part[2]");
attack('five parts', "$good.a.b");
attack('two parts and a point', "$part[0].$part[1].");
attack('no header', ".$part[1].$part[2]");
attack('no payload', "$part[0]..$part[2]");
attack('points only', '..');
attack('one point', '.');
attack('2000 points', '.' x 2000);
attack('a point before it', ".$good");
attack('a point after it', "$good.");
attack('a comma after it', "$good,");
attack('two tokens', "$good,$good");
attack('two tokens with a space', "$good $good");
attack('quoted', "\"$good\"");
attack('a JWS in JSON', "{\"payload\":\"$part[1]\"}");
attack('Bearer twice', "Bearer $good");
attack('a TAB in it', "$part[0].\t$part[1].$part[2]");
attack('a space in it', "$part[0]. $part[1].$part[2]");
attack('in percent-encoding', $good =~ s/\./%2E/gr);
attack('0x80 in it', "$part[0]\x80.$part[1].$part[2]");
attack('0xff after it', "$good\xff");
attack('UTF-8 in it', "$part[0].$part[1].\xc3\xa9$part[2]");

for my $i (0 .. 2) {
    my $name = (qw( header payload signature ))[$i];
    my $change = sub {
        my ($what, $code) = @_;
        my @p = @part;
        local $_ = $p[$i];
        $code->();
        $p[$i] = $_;
        attack("$name $what", join '.', @p) if $p[$i] ne $part[$i];
    };

    $change->('with padding', sub { $_ .= '=' });
    $change->('with much padding', sub { $_ .= '====' });
    $change->('with one character more', sub { $_ .= 'A' });
    $change->('with one character less', sub { chop });
    $change->('with a character changed', sub {
        substr $_, 20, 1, substr($_, 20, 1) eq 'A' ? 'B' : 'A' });
    $change->('with a slash', sub { substr $_, 10, 1, '/' });
    $change->('with a plus', sub { substr $_, 10, 1, '+' });
    $change->('with a backslash', sub { substr $_, 10, 1, '\\' });
    $change->('in the other case', sub { $_ ^= "$_" ^ lc; tr/a-zA-Z/A-Za-z/ });
    $change->('with bits that decode to nothing', sub {
        # only where the last character has some
        my $free = length($_) % 4 == 2 ? 4 : length($_) % 4 == 3 ? 2 : 0;
        my $chars = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
        my $last = index $chars, substr $_, -1;
        substr $_, -1, 1, substr $chars, $last ^ 1, 1 if $free;
    });
}


# the signature

attack('a signature of nothing', "$part[0].$part[1].AA");
attack('a signature of zeros', "$part[0].$part[1]." . b64("\0" x 256));
attack('a signature of ones', "$part[0].$part[1]." . b64("\xff" x 256));
attack('a signature of one', "$part[0].$part[1]." . b64("\0" x 255 . "\1"));
attack('the modulus for a signature', "$part[0].$part[1].$n");
attack('a signature with a zero before it',
       "$part[0].$part[1]." . b64("\0" . MIME::Base64::decode_base64url(
                                             $part[2])));
attack('the signature of another token',
       compact($header, $payload,
               (split /\./, signed($header, payload_text(sub => 'x')))[2]));
attack('a signature of 4,000 bytes', "$part[0].$part[1]." . b64('x' x 4000));


# JSON

for my $json ('', '{', '}', '[]', 'null', '""', '1', '{}', '{"a"}',
              "\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"main\"}",
              '{"alg":"RS256","kid":"main"}}', '{"alg":"RS256","kid":"main"}x',
              '{"alg":"RS256","kid":"main"}{"alg":"none"}',
              '{"alg":"RS256","kid":"main",}', "{'alg':'RS256','kid':'main'}",
              '{"alg":"RS256","kid":"main","alg":"RS256"}',
              '{"alg":"RS256","alg":"none","kid":"main"}',
              '{"alg":"none","alg":"RS256","kid":"main"}',
              '{"alg":"RS256","kid":"main","kid":"main"}',
              '{"alg":"RS256","\u0061lg":"none","kid":"main"}',
              '{"alg":"RS256","kid":"ma\u0000in"}',
              '{"alg":"RS256","kid":"main","x":"\ud800"}',
              "{\"alg\":\"RS256\",\"kid\":\"main\",\"x\":\"\xff\"}",
              "{\"alg\":\"RS256\",\"kid\":\"main\",\"x\":\"\xc0\xaf\"}",
              "{\"alg\":\"RS256\",\"kid\":\"main\",\"x\":\"\xed\xa0\x80\"}",
              "{\"alg\":\"RS256\",\"kid\":\"main\"}\0",
              '/**/{"alg":"RS256","kid":"main"}',
              '{"alg":"RS256","kid":"main","x":NaN}',
              '{"alg":"RS256","kid":"main","x":1e999}',
              '{"alg":"RS256","kid":"main","x":' . '[' x 1000 . ']' x 1000
                  . '}',
              '{"alg":"RS256","kid":"main","x":' . '[' x 1000,
              '{"ALG":"RS256","kid":"main"}', '{"alg":"RS256","KID":"main"}')
{
    (my $shown = substr $json, 0, 60) =~ s/[^ -~]/?/g;
    header($shown, $json);
}

my $start = substr $payload, 0, -1;

for my $json ('', '[]', 'null', '{}', "\xef\xbb\xbf$payload", "$payload x",
              "$payload$payload", "$payload\0", "$start,}",
              "$start,\"sub\":\"root\"}", "$start,\"exp\":9999999999}",
              "$start,\"s\\u0075b\":\"root\"}", "$start,\"x\":\"\\u0000\"}",
              "$start,\"x\":\"\xff\"}", "$start,\"x\":NaN}",
              "$start,\"x\":Infinity}", "$start,\"x\":1e999}",
              "$start,\"x\":" . '9' x 400 . '}', "$start,\"x\":01}",
              "$start,\"x\":0x10}", "$start,\"x\":+1}", "$start,\"x\":.5}",
              "$start,\"x\":'a'}", "$start,\"x\":\"a\nb\"}",
              "$start,\"x\":" . '{"a":' x 500 . '1' . '}' x 500 . '}',
              "$start,\"x\":" . '[' x 17 . ']' x 17 . '}', "\"$payload\"",
              "$payload/*x*/")
{
    (my $shown = length $json < 60 ? $json : '... ' . substr $json, -40)
        =~ s/[^ -~]/?/g;
    payload($shown, $json);
}


# claims

for my $time ('"9999999999"', -1, '-0.5', 9007199254740993, '1e300', '-1e300',
              '99999999999999999999', 'null', 'true', '[]', '{}', '[9999999999]',
              0, 1, '1e3', '""')
{
    (my $other = $payload) =~ s/"exp":\d+/"exp":$time/;
    payload("with exp $time", $other);
}

for my $time ('"1"', -1, 9007199254740993, 'null', 'true', '[]', 9999999999) {
    payload("with nbf $time", member($payload, "\"nbf\":$time"));

    (my $other = $payload) =~ s/"iat":\d+/"iat":$time/;
    payload("with iat $time", $other);
}

payload("with iss $_->[0]", payload_text(iss => $_->[1]))
    for [ null => undef ], [ number => 1 ], [ list => [ $issuer ] ],
        [ slash => "$issuer/" ], [ upper => uc $issuer ],
        [ space => "$issuer " ], [ NUL => "$issuer\0" ], [ empty => '' ],
        [ path => "$issuer/../pool" ], [ host => 'https://issuer.example.com' ];

payload("with sub $_->[0]", payload_text(sub => $_->[1]))
    for [ null => undef ], [ number => 1 ], [ list => [ 'a' ] ],
        [ empty => '' ], [ CRLF => "a\r\nX: y" ], [ NUL => "a\0b" ],
        [ DEL => "a\x7f" ];

payload("with client_id $_->[0]", payload_text(client_id => $_->[1]))
    for [ null => undef ], [ other => 'mobile' ], [ words => 'web mobile' ],
        [ upper => 'WEB' ], [ prefix => 'webx' ], [ NUL => "web\0" ];

payload('with aud for client_id',
        payload_text(client_id => undef, aud => 'web'));
payload("with token_use $_->[0]", payload_text(token_use => $_->[1]))
    for [ none => undef ], [ id => 'id' ], [ refresh => 'refresh' ],
        [ upper => 'Access' ], [ list => [ 'access' ] ],
        [ words => 'access id' ];


# sizes; nginx has a limit of its own, which is no fault of the token's

attack('a token of 8,192 bytes', 'x' x 8192);
attack('a token of 8,193 bytes', 'x' x 8193);
attack('a token of 20,000 bytes', 'x.' x 10000);
attack('a good token of over 8,192 bytes',
       signed($header, payload_text(x => 'x' x 7000)));

# The pieces must not turn up in the log or in the answer, and nginx logs its
# headers at the debug level: hence "info".

my $secret = '(?:' . join('|', map { quotemeta substr $_, 12, 24 } @part)
             . '|eyJ|' . quotemeta(substr $payload, 3, 10) . ')';
my $text = '';
my $i = 0;

while (my @some = splice @attacks, 0, 20) {
    my $last = @some + 1;

    # the good one comes last, with all of them before it
    my $list = join "\n", (map { "Authorization: Bearer $_->[1]" } @some),
                    "Authorization: Bearer $good";
    my @tokens = map { $_->[1] } @some, [ 0, $good ];

    our @Headers;
    push @Headers, [ map { "Authorization: Bearer $_" } @tokens ];

    $i++;
    my $names = join '; ', map { $_->[0] } @some;

    $text .= <<"_EOC_";
=== TEST $i: $names
--- http_config eval
\$SocialToken::http_config
--- config
    large_client_header_buffers 4 64k;
    location = /index.html {
        root html;
        social_auth main;
    }
--- log_level: info
--- request eval
[("GET /index.html") x $last]
--- more_headers eval
\$::Headers[$i - 1]
--- error_code eval
[(401) x ($last - 1), 200]
--- response_headers_like eval
[(qq{WWW-Authenticate: Bearer realm="api", error="invalid_token", .*})
 x ($last - 1), "Content-Type: .*"]
--- response_body_like eval
[('^{"message":"Unauthorized","requestId":"[0-9a-f]{32}"}\$') x ($last - 1),
 "works"]
--- no_error_log eval
['[alert]', '[emerg]', '[crit]', '[error]', qr{$secret}]

_EOC_
}

$text .= <<'_EOC_';
=== TEST 901: nginx's own limit on a header
--- config
    location = /index.html { root html; social_auth main; }
--- http_config eval
$SocialToken::http_config
--- log_level: error
--- request eval
["GET /index.html", "GET /index.html"]
--- more_headers eval
["Authorization: Bearer " . ("x" x 9000), ::bearer()]
--- error_code eval
[400, 200]
_EOC_

repeat_each(2);
plan tests => repeat_each() * 3008;
no_long_string();
Test::Base::spec_string($text);
run_tests();
