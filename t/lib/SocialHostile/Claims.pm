package SocialHostile::Claims;

# Hostile tokens: claims of tokens with a valid signature, as an issuer's other
# clients, other pools and faulty code make them.

use strict;
use warnings;

use SocialToken;

sub add {
    dates();
    issuers();
    clients();
    subjects();
    others();
    return;
}

sub class { SocialHostile::class(@_); return }
sub payload { SocialHostile::payload(@_); return }
sub member { return SocialHostile::member(@_) }
sub shown { return SocialHostile::shown(@_) }

# A payload with these JSON texts for claims.

sub with {
    my (%texts) = @_;

    return member(payload_text(map { ($_ => undef) } keys %texts),
                  map { "\"$_\":$texts{$_}" } sort keys %texts);
}

sub dates {
    my $now = time;

    class('exp', 'RFC 7519, 4.1.4 and 2');

    payload('none', payload_text(exp => undef));
    payload($_, with(exp => $_)) for
        qw( null true false "" [] {} "9999999999" [9999999999] {"a":1} -1 -0.5
            -9999999999 0 1 1e3 1e-400 1e400 -1e400 9007199254740993
            18446744073709551615 18446744073709551616 9223372036854775808
            99999999999999999999 1e300 1e19 1.7976931348623157e308 NaN ),
        '"never"', '"2099-01-01T00:00:00Z"', $now - 31, $now - 86_400,
        ($now - 31) . '.9', ($now - 3600) . 'e0', '"' . ($now + 3600) . '"';

    for my $claim (qw( nbf iat )) {
        class($claim, $claim eq 'nbf' ? 'RFC 7519, 4.1.5' : 'RFC 7519, 4.1.6');

        payload("$_", with($claim => $_)) for
            qw( true "" "1" [] {} -1 -0.001 9007199254740993 1e300 1e400
                -1e400 18446744073709551617 9999999999 ),
            $now + 86_400, ($now + 3_600) . '.5', '"now"';
    }

    class('times together', 'RFC 7519, 4.1.4 to 4.1.6');

    payload('issued after its end', with(iat => $now + 9_000,
                                         exp => $now + 8_000));
    payload('starts after its end', with(nbf => $now + 9_000,
                                         exp => $now + 8_000));
    payload('all of them 0', with(iat => 0, nbf => 0, exp => 0));
    return;
}

sub issuers {
    class('iss', 'RFC 7519, 4.1.1; RFC 8725, 3.8');

    payload('none', payload_text(iss => undef));

    my ($host) = $issuer =~ m{\A(https://[^/]+)};

    payload(shown("\"$_\""), payload_text(iss => $_)) for
        '', "$issuer/", "${issuer}x", substr($issuer, 0, -1), uc $issuer,
        ucfirst $issuer, " $issuer", "$issuer ", "$issuer\n", "$issuer\0",
        "$issuer?", "$issuer#", "$issuer/.", "$issuer/../pool", "x$issuer",
        "$host/pool2", $host, 'issuer.example.com/pool',
        $issuer =~ s/https/http/r, $issuer =~ s/\.com/.com./r,
        $issuer =~ s/\.com/.com:443/r, $issuer =~ s/issuer/x.issuer/r,
        $issuer =~ s{https://}{https://evil\@}r,
        $issuer =~ s/\.com/.com.evil.example/r, $issuer =~ s/o/%6f/r,
        $issuer =~ s/e/\x{435}/r, "$issuer,https://evil.example",
        'https://evil.example/pool', 'https://other.example.com',
        'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123';

    payload($_, with(iss => $_)) for
        qw( null 7 true {} ), "[\"$issuer\"]", "{\"a\":\"$issuer\"}";
    return;
}

sub clients {
    class('client_id', 'RFC 8693, 4.3; RFC 8725, 3.9; Cognito: verifying');

    payload('none', payload_text(client_id => undef));
    payload(shown("\"$_\""), payload_text(client_id => $_)) for
        '', 'WEB', 'Web', 'web ', ' web', 'webx', 'we', "web\0", 'web mobile',
        'mobile web', 'web,mobile', '*', 'mobile', "w\x{435}b", 'main';
    payload($_, with(client_id => $_)) for
        qw( null 0 true [] {} ["web"] {"web":"web"} ), '["web","x"]';
    payload('only aud', payload_text(client_id => undef, aud => 'web'));
    payload('another, and aud', payload_text(client_id => 'x', aud => 'web'));
    payload('only azp', payload_text(client_id => undef, azp => 'web'));

    class('aud', 'RFC 7519, 4.1.3; RFC 8725, 3.9');

    payload("$_", with(aud => $_)) for qw( 7 true {} [7] [["web"]] [null]
                                           {"web":1} ), '["web",7]';

    class('token_use', 'RFC 8725, 3.11 and 3.12; Cognito: verifying');

    payload('none', payload_text(token_use => undef));
    payload(shown("\"$_\""), payload_text(token_use => $_)) for
        '', 'id', 'refresh', 'Access', 'ACCESS', 'access ', ' access',
        "access\0", 'access id', 'accessx', 'any', '*';
    payload($_, with(token_use => $_)) for
        qw( null 0 true [] {} ["access"] {"access":1} );
    payload('an id token', payload_text(token_use => 'id', aud => 'web',
                                        client_id => undef));
    payload('an id token with a client_id',
            payload_text(token_use => 'id', aud => 'web'));
    return;
}

sub subjects {
    class('sub', 'RFC 7519, 4.1.2; RFC 8725, 3.10');

    payload(shown("\"" . Encode::encode('UTF-8', $_) . "\""),
            payload_text(sub => $_)) for
        "\0", "a\0b", "a\r\nX-Social-Sub: root", "a\nb", "a\tb", "\x7f",
        "a\x{80}", "a\x{9b}31m", "\e[31m", "\x1f", "a\x{85}b";
    payload($_, with(sub => $_)) for qw( 0 7 true [] {} ["a"] {"a":1} );
    return;
}

sub others {
    class('other claims', 'RFC 7519, 4.1.7; RFC 8693, 4.2');

    payload("jti $_", with(jti => $_)) for qw( 7 true [] {} ["a"] );
    payload("scope $_", with(scope => $_)) for qw( 7 true {} );

    class('nothing of ours', 'RFC 8725, 3.11 and 3.12');

    payload('one claim', "{\"iss\":\"$issuer\"}");
    payload('claims of other names',
            payload_text() =~ s/"(\w)(\w+)":/'"' . uc($1) . "$2\":"/ger);
    payload('an error', '{"error":"invalid_request"}');
    payload('a logout token', payload_text(token_use => undef, sub => undef,
        events => { 'http://schemas.openid.net/event/backchannel-logout'
                    => {} }));
    return;
}

1;
