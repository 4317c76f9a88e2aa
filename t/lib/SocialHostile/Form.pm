package SocialHostile::Form;

# Hostile tokens: parts, base64url, JSON, header parameters, the
# Authorization header itself, and sizes.

use strict;
use warnings;

use SocialToken;

sub add {
    my ($keys) = @_;

    parts();
    base64();
    json();
    parameters();
    schemes();
    sizes();
    return;
}

sub class { SocialHostile::class(@_); return }
sub attack { SocialHostile::attack(@_); return }
sub value { SocialHostile::value(@_); return }
sub header { SocialHostile::header(@_); return }
sub payload { SocialHostile::payload(@_); return }
sub member { return SocialHostile::member(@_) }
sub shown { return SocialHostile::shown(@_) }

sub good { return signed(header_text(), payload_text()) }

sub parts {
    my $good = good();
    my @p = split /\./, $good;

    class('parts', 'RFC 7515, 7.1; RFC 7519, 7.2');

    attack($_->[0], $_->[1]) for
        [ 'one', $p[0] ], [ 'two', "$p[0].$p[1]" ],
        [ 'two and a point', "$p[0].$p[1]." ], [ 'four', "$good.$p[2]" ],
        [ 'three and a point', "$good." ], [ 'a point before', ".$good" ],
        [ 'two points', "$p[0]..$p[1].$p[2]" ],
        [ 'without a header', ".$p[1].$p[2]" ],
        [ 'without a payload', "$p[0]..$p[2]" ], [ 'only points', '..' ],
        [ 'a point', '.' ], [ 'many points', '.' x 100 ],
        [ 'the payload first', "$p[1].$p[0].$p[2]" ],
        [ 'the signature first', "$p[2].$p[0].$p[1]" ],
        [ 'the header twice', "$p[0].$p[0].$p[2]" ],
        [ 'other points', join "\xe3\x80\x82", @p ],
        [ 'semicolons', join ';', @p ], [ 'a token in a token', "$good.$good" ],
        [ 'a word', 'x' ], [ 'three words', 'a.b.c' ],
        [ 'three letters that decode', 'e30.e30.e30' ];

    class('encrypted', 'RFC 7516, 7.1; RFC 8725, 2.4 and 3.2');

    my $jwe = b64('{"alg":"dir","enc":"A128GCM","kid":"main"}');
    my $zip = b64('{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF",'
                  . '"kid":"main"}');

    attack($_->[0], $_->[1]) for
        [ 'five parts', "$good.a.b" ], [ 'dir', "$jwe..AAAA.$p[1].AAAA" ],
        [ 'a bomb', "$zip.$p[2].AAAA.$p[1].AAAA" ],
        [ 'PBES2 with many rounds', b64('{"alg":"PBES2-HS256+A128KW",'
            . '"enc":"A128GCM","p2c":2147483647,"p2s":"AA"}')
            . '.AA.AA.AA.AA' ],
        [ 'five empty parts', '....' ];

    class('JSON serialization', 'RFC 7515, 7.2');

    my $flat = "{\"protected\":\"$p[0]\",\"payload\":\"$p[1]\","
               . "\"signature\":\"$p[2]\"}";

    attack('flattened', $flat =~ s/,/%2C/gr);
    attack('flattened, in base64url', b64($flat));
    return;
}

sub base64 {
    my @p = split /\./, good();
    my $abc = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';

    class('base64url', 'RFC 7515, 2; RFC 4648, 3.2 to 3.5');

    for my $i (0 .. 2) {
        my $name = (qw( header payload signature ))[$i];
        my $was = $p[$i];

        my %change = (
            'in the other case' => $was =~ tr/a-zA-Z/A-Za-z/r,
            'a character changed' => substr_as($was,
                substr($was, 10, 1) eq 'A' ? 'B' : 'A'),
            'padded' => "$was=", 'padded twice' => "$was==",
            'padded much' => "$was====", 'one more' => "${was}A",
            'one less' => substr($was, 0, -1), 'four more' => "${was}AAAA",
            'a slash' => substr_as($was, '/'), 'a plus' => substr_as($was, '+'),
            'a percent' => substr_as($was, '%2d'),
            'a line feed' => substr_as($was, "\n"),
            'a carriage return' => substr_as($was, "\r"),
            'a folded line' => substr_as($was, "\r\n "),
            'a tab' => substr_as($was, "\t"),
            'a space' => substr_as($was, ' '),
            'a NUL' => substr_as($was, "\0"),
            'a byte over 127' => substr_as($was, "\xff"),
            'a letter of another script' => substr_as($was, "\xd0\x90"),
            'a backslash' => substr_as($was, '\\'),
            'a quote' => substr_as($was, '"'),
            'an exclamation mark' => substr_as($was, '!'),
            'a zero width space' => substr_as($was, "\xe2\x80\x8b"),
        );

        my $free = { 2 => 15, 3 => 3 }->{ length($was) % 4 };

        for my $bits ($free ? (1, $free) : ()) {
            my $last = index $abc, substr $was, -1;
            $change{"unused bits $bits"} = substr($was, 0, -1)
                . substr $abc, $last ^ $bits, 1;
        }

        for my $what (sort keys %change) {
            my @other = @p;
            $other[$i] = $change{$what};

            # line ends and control characters are refused by nginx
            attack("$name: $what", join('.', @other),
                   $change{$what} =~ /[\0\r\n]/ ? (nginx => 1) : ());
        }
    }

    # signed as they are: only the form is wrong

    my $sign = sub {
        my ($input) = @_;
        return "$input." . b64(SocialToken::key('main')->sign($input));
    };

    attack('padded, and signed so',
           $sign->(join '.', map { $_ . '=' x (-length($_) % 4) } @p[0, 1]));
    attack('plain base64, and signed so',
           $sign->(join '.', map { MIME::Base64::encode_base64($_, '') }
                   header_text(), payload_text(x => "\x{3ff}\x{3fe}" x 9)));
    attack('not encoded, and signed so',
           $sign->('{"alg":"RS256","kid":"main"}.' . $p[1]));
    attack('encoded twice, and signed so',
           $sign->(join '.', map { b64($_) } @p[0, 1]));
    attack('hexadecimal, and signed so',
           $sign->(join '.', map { unpack 'H*', $_ } header_text(),
                                                     payload_text()));
    return;
}

# The text with one character replaced.

sub substr_as {
    my ($text, $put) = @_;
    return substr($text, 0, 10) . $put . substr $text, 11;
}

sub json {
    my $h = '{"alg":"RS256","kid":"main"';

    class('JSON of the header', 'RFC 7515, 4 and 5.2; RFC 8259; RFC 7493, 2');

    header(shown($_), $_) for
        '', '{', '}', '[]', 'null', 'true', '""', '1', '{}', '{"a"}',
        "[$h}]", "\"$h}\"", "\xef\xbb\xbf$h}", "\xff\xfe{}", "$h}}", "$h}x",
        "$h}{\"alg\":\"none\"}", "$h,}", "$h", "$h}\0", "\0$h}", "/**/$h}",
        "$h}//", "{'alg':'RS256','kid':'main'}", '{alg:"RS256",kid:"main"}',
        '{"ALG":"RS256","kid":"main"}', '{"alg":"RS256","KID":"main"}',
        "{\"alg\":\"RS256\",\"kid\":\"main\x01\"}", "$h,\"x\":NaN}",
        "$h,\"x\":-Infinity}", "$h,\"x\":01}",
        "$h,\"x\":\"\\ud800\"}", "$h,\"x\":\"\\udc00\\ud800\"}",
        "$h,\"x\":\"\\u0000\"}", "$h,\"x\":\"\\x41\"}", "$h,\"x\":\"\\u12\"}",
        "$h,\"x\":\"\xff\"}", "$h,\"x\":\"\xc0\xaf\"}",
        "$h,\"x\":\"\xed\xa0\x80\"}", "$h,\"x\":\"\xf4\x90\x80\x80\"}",
        "$h,\"x\":\"\xe2\x82\"}", "$h,\"\xff\":1}",
        "$h,\"x\":" . '[' x 17 . ']' x 17 . '}',
        "$h,\"x\":" . '[' x 2500, "$h,\"x\":" . '{"a":' x 400 . '1' . '}' x 401;

    class('a member twice', 'RFC 7515, 4; RFC 7519, 4; RFC 8725, 2.4');

    header(shown($_), $_) for
        '{"alg":"RS256","kid":"main","alg":"RS256"}',
        '{"alg":"none","alg":"RS256","kid":"main"}',
        '{"alg":"RS256","alg":"none","kid":"main"}',
        '{"alg":"RS256","\u0061lg":"none","kid":"main"}',
        '{"alg":"RS256","kid":"evil","kid":"main"}',
        '{"alg":"RS256","kid":"main","k\u0069d":"evil"}',
        "$h,\"x\":{\"a\":1,\"a\":2}}", "$h,\"x\":1,\"x\":1}",
        "$h,\"\":1,\"\":2}";

    my $p = substr payload_text(), 0, -1;

    payload("payload: $_", "$p,$_}") for
        '"sub":"root"', '"s\u0075b":"root"', '"exp":9999999999',
        '"iss":"https://evil.example"', '"client_id":"web"',
        '"token_use":"id"', '"cognito:groups":["admin"]',
        '"scope":"admin"', '"x":1,"x":2', '"x":[{"a":1,"\u0061":1}]';

    class('JSON of the payload', 'RFC 7519, 7.2; RFC 8259; RFC 7493, 2');

    payload(shown(length $_ < 60 ? $_ : '...' . substr $_, -30), $_) for
        '', '[]', 'null', '{}', '""', "[$p}]", "\xef\xbb\xbf$p}", "$p} x",
        "$p}$p}", "$p}\0", "\"$p}\"", "$p}/*x*/", "$p,}", $p,
        "$p,\"x\":\"\\u0000\"}", "$p,\"x\":\"\xff\"}", "$p,\"x\":\"\xc1\x81\"}",
        "$p,\"x\":\"\\ud83d\"}", "$p,\"x\":NaN}", "$p,\"x\":Infinity}",
        "$p,\"x\":0x10}",
        "$p,\"x\":+1}", "$p,\"x\":.5}", "$p,\"x\":5.}", "$p,\"x\":'a'}",
        "$p,\"x\":\"a\nb\"}", "$p,\"x\":tru}", "$p,x:1}",
        "$p,\"x\":" . '{"a":' x 300 . '1' . '}' x 301,
        "$p,\"x\":" . '[' x 17 . ']' x 17 . '}', "$p,\"x\":" . '[' x 3000;
    return;
}

sub parameters {
    class('crit', 'RFC 7515, 4.1.11; RFC 8725, 2.11');

    header($_, member(header_text(), $_)) for
        '"crit":["exp"]', '"crit":[]', '"crit":null', '"crit":"exp"',
        '"crit":["alg"]', '"crit":["b64"]', '"crit":["x"],"x":1',
        '"crit":{"exp":1}', '"crit":false', '"\u0063rit":["x"],"x":1';

    class('b64 and zip', 'RFC 7797, 3 and 6; RFC 7516, 4.1.3');

    header($_, member(header_text(), $_)) for
        '"b64":false', '"b64":true', '"b64":null',
        '"crit":["b64"],"b64":false', '"zip":"DEF"', '"zip":null',
        '"zip":"GZ"';

    my $head = b64(member(header_text(), '"b64":false', '"crit":["b64"]'));
    my $plain = 'eyJzdWIiOiJyb290In0';

    attack('a payload that is not encoded', "$head.$plain."
        . b64(SocialToken::key('main')->sign("$head.$plain")));

    class('nested', 'RFC 8725, 2.4 and 3.3; RFC 7519, 5.2');

    attack('a token for a payload',
           signed(header_text(cty => 'JWT'), good()));
    attack('a string of a token for a payload',
           signed(header_text(cty => 'JWT'), '"' . good() . '"'));
    return;
}

sub schemes {
    my $good = good();

    class('scheme', 'RFC 6750, 2.1; RFC 9110, 11.4 and 11.6.2');

    value($_->[0], $_->[1], none => 1) for
        [ 'nothing', '' ], [ 'a space', ' ' ], [ 'only the token', $good ],
        [ 'Basic', 'Basic YTpi' ], [ 'Basic with a token', "Basic $good" ],
        [ 'JWT', "JWT $good" ], [ 'Token', "Token $good" ],
        [ 'DPoP', "DPoP $good" ], [ 'Bearertoken', "Bearer$good" ],
        [ 'Bearers', "Bearers $good" ], [ 'Beare', "Beare $good" ],
        [ 'a colon', "Bearer: $good" ], [ 'an equals sign', "Bearer=$good" ],
        [ 'quoted', "\"Bearer\" $good" ], [ 'a tab', "Bearer\t$good" ],
        [ 'another letter', "B\xd0\xb5arer $good" ],
        [ 'a soft space', "Bearer\xc2\xa0$good" ],
        [ 'null', 'Bearer null' ], [ 'undefined', 'Bearer undefined' ],
        [ 'another scheme first', "Basic YTpi, Bearer $good" ],
        [ 'Negotiate', 'Negotiate TlRMTVNTUAAB' ],
        [ 'a byte order mark', "\xef\xbb\xbfBearer $good" ];

    value($_->[0], $_->[1]) for
        [ 'no token', 'Bearer' ], [ 'a space and no token', 'Bearer ' ],
        [ 'twice', "Bearer Bearer $good" ],
        [ 'two tokens', "Bearer $good $good" ],
        [ 'joined by a comma', "Bearer $good,$good" ],
        [ 'joined by a comma and a space', "Bearer $good, Bearer $good" ],
        [ 'another scheme behind', "Bearer $good, Basic YTpi" ],
        [ 'a parameter', "Bearer token=\"$good\"" ],
        [ 'quoted token', "Bearer \"$good\"" ],
        [ 'in brackets', "Bearer <$good>" ],
        [ 'a comment', "Bearer $good (comment)" ],
        [ 'a tab behind the space', "Bearer \t$good" ],
        [ 'a semicolon', "Bearer $good;" ], [ 'in capitals', 'BEARER x' ],
        [ 'NULL', 'Bearer NULL' ], [ 'Undefined', 'Bearer Undefined' ],
        [ 'nil', 'Bearer nil' ],
        [ '[object Object]', 'Bearer [object Object]' ],
        [ 'a cookie', "Bearer token=$good; path=/" ];

    value($_->[0], $_->[1], nginx => 1) for
        [ 'a NUL before it', "\0Bearer $good" ],
        [ 'a NUL in the middle', "Bearer\0$good" ],
        [ 'a NUL behind', "Bearer $good\0" ],
        [ 'a vertical tab', "Bearer\x0b$good" ],
        [ 'a second header', "Bearer $good\r\nAuthorization: Bearer $good" ],
        [ 'a second header of another scheme',
          "Basic YTpi\r\nAuthorization: Bearer $good" ],
        [ 'a second header that is bad',
          "Bearer $good\r\nAuthorization: Bearer x" ],
        [ 'in another case', "Bearer x\r\nAUTHORIZATION: Bearer $good" ],
        [ 'a folded header', "Bearer\r\n $good" ],
        [ 'a lone carriage return', "Bearer $good\rx" ];
    return;
}

sub sizes {
    class('size', 'RFC 8725, 3; RFC 9110, 5.4');

    for my $size (8_191, 8_192, 8_193, 9_000, 20_000, 60_000) {
        attack("$size letters", 'x' x $size);
        attack("$size points", '.' x $size);
    }

    attack('a good one of over 8,192 bytes',
           signed(header_text(), payload_text(x => 'x' x 7000)));
    attack('a good one with a long header',
           signed(header_text(x => 'x' x 7000), payload_text()));
    attack('a signature of 8,000 bytes',
           compact(header_text(), payload_text(), 'A' x 8_000));
    attack('many members', signed(header_text(),
        '{' . join(',', map { "\"a$_\":$_" } 1 .. 450) . '}'));
    attack('many elements', signed(header_text(),
        '{"iss":[' . join(',', (1) x 2_500) . ']}'));

    attack("$_ letters, for nginx", 'x' x $_, nginx => 1)
        for 70_000, 200_000, 300_000;
    return;
}

1;
