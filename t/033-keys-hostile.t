# Key servers that mean harm, or are broken: each leaves the last good keys in
# place, and is said once to be what it is.
#
# Every row is an issuer of its own, which has good keys first.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use JSON::PP ();
use Test::More ();
use Time::HiRes qw( sleep time );

my $port = $ENV{TEST_NGINX_BACKEND_PORT};
my $json = JSON::PP->new->canonical;

my ($main) = jwks_text('main') =~ /\A\{"keys":\[(.*)\]\}\z/
    or die 'what is the form of main.json?';

sub key_with {
    my (%over) = @_;
    return $json->encode({ %{ $json->decode($main) }, %over });
}

sub set { return '{"keys":[' . join(',', @_) . ']}' }

my $object = 'it is not a JSON object;';
my $n = $json->decode($main)->{n};

# name => [ the document, or the name of what the server does; what is said ]

my %hostile = (
    # HTTP
    status500   => [ \'500', 'the server returned status 500;' ],
    status404   => [ \'404', 'the server returned status 404;' ],
    status204   => [ \'204', 'the server returned status 204;' ],
    redirect    => [ \'redirect', 'the server returned status 302;' ],
    elsewhere   => [ \'elsewhere', 'the server returned status 302;' ],
    loop        => [ \'loop', 'the server returned status 307;' ],
    gzip        => [ \'gzip', 'the response has a Content-Encoding;' ],
    deflate     => [ \'deflate', 'the response has a Content-Encoding;' ],
    endless     => [ \'huge', 'the response is larger than 153600 bytes;' ],
    closed      => [ \'close', 'Empty reply from server;' ],
    cut         => [ \'short', 'transfer closed with' ],
    reset       => [ \'reset', 'Connection reset by peer;' ],
    drip        => [ \'drip', 'Operation timed out after' ],

    # no key set
    empty       => [ '', $object ],
    html        => [ "<html><body>Sign in</body></html>\n", $object ],
    truncated   => [ substr(set($main), 0, 200), $object ],
    array       => [ "[$main]", $object ],
    number      => [ '42', $object ],
    bom         => [ "\xef\xbb\xbf\xef\xbb\xbf" . set($main), $object ],
    utf16       => [ join("\0", split //, set($main)) . "\0", $object ],
    nul         => [ set($main) . "\0", $object ],
    nulinside   => [ '{"a":"\u0000","keys":[' . "$main]}", $object ],
    latin1      => [ qq({"a":"\xe9","keys":[$main]}), $object ],
    trailing    => [ set($main) . '}', $object ],
    twosets     => [ set($main) . set($main), $object ],
    twokeys     => [ qq({"keys":[$main],"keys":[$main]}), $object ],
    twomembers  => [ set('{"kty":"RSA",' . substr $main, 1), $object ],
    deep        => [ '{"a":' . '[' x 5000 . ']' x 5000
                     . ',' . substr(set($main), 1), $object ],
    comment     => [ '/* keys */' . set($main), $object ],
    nokeys      => [ '{}', 'it has no array "keys";' ],
    keysobject  => [ qq({"keys":$main}), 'it has no array "keys";' ],
    keysstring  => [ '{"keys":"main"}', 'it has no array "keys";' ],
    keysnull    => [ '{"keys":null}', 'it has no array "keys";' ],
    nothing     => [ set(), 'its array "keys" is empty;' ],
    many        => [ set(map { key_with(kid => "k$_") } 1 .. 65),
                     'it has more usable keys than "jwks_max_keys" allows;' ],

    # no usable key
    strings     => [ set('"main"'), qr/\S/ ],
    nokid       => [ set(key_with(kid => '')), qr/\bkid\b/ ],
    longkid     => [ set(key_with(kid => 'k' x 300)), qr/\bkid\b/ ],
    encryption  => [ set(key_with(use => 'enc')), qr/\buse\b/ ],
    operations  => [ set(key_with(key_ops => [ 'sign' ])), qr/key_ops/ ],
    symmetric   => [ set('{"kty":"oct","kid":"main","k":"c2VjcmV0"}'),
                     qr/\bkty\b/ ],
    hs256       => [ set(key_with(alg => 'HS256')), qr/\balg\b/ ],
    none        => [ set(key_with(alg => 'none')), qr/\balg\b/ ],
    weak        => [ jwks_text('weak'), qr/2048 bits/ ],
    hugen       => [ set(key_with(n => 'v' x 3000)), qr/\S/ ],
    evenn       => [ set(key_with(n => substr($n, 0, -2) . 'AA')),
                     qr/\S/ ],
    e1          => [ set(key_with(e => 'AQ')), qr/exponent/ ],
    evene       => [ set(key_with(e => 'AQAA')), qr/exponent/ ],
    padded      => [ set(key_with(n => "$n==")), qr/\S/ ],
    nonumber    => [ set(key_with(n => '')), qr/\S/ ],
);

our @Names = sort keys %hostile;

sub double { return $json->encode(SocialToken::jwk($_[0])) }

# A busy machine may need longer than those are given that are to time out.

sub issuers {
    return join '', map {
        my $what = $hostile{$_} ? $hostile{$_}[1] : '';
        my $timeout = $what =~ /timed out/ ? '2s' : '20s';

        '    ' . issuer_block($_, "issuer https://$_.example", 'client_ids *',
                              "jwks_uri http://127.0.0.1:$port/keys/h$_/main",
                              'jwks_refresh 500ms', "jwks_timeout $timeout")
    } @_;
}

sub locations {
    return join '', map {
        "    location /$_/ { social_auth $_; alias html/; }\n"
    } @_;
}

sub control {
    my ($path) = @_;

    local $ENV{TEST_NGINX_SERVER_PORT} = $port;
    my $sock = begin("/control/$path");
    local $/;
    return scalar(<$sock>) =~ /\r\n\r\n(\S+)/ ? $1 : '';
}

sub said_of {
    my ($name) = @_;

    no warnings 'once';
    return grep { /\[(?:error|crit|alert|emerg)\]/ && /issuer "\Q$name\E" / }
           split /\n/,
                 SocialProcess::read_file("$Test::Nginx::Util::ErrLogFile");
}

sub harm {
    my (@names) = @_;
    my %bearer = map { ($_ => bearer(iss => "https://$_.example")) } @names;
    my %count;

    for my $name (@names) {
        wait_for(sub { get("/$name/index.html", $bearer{$name}) eq '200' });
        Test::More::is(get("/$name/index.html", $bearer{$name}), '200',
                       "$name: the good keys");
    }

    for my $name (@names) {
        my $what = $hostile{$name}[0];

        if (!ref $what) {
            SocialToken::write_file(jwks_path("hostile-$name"), $what);
            $what = \"hostile-$name";
        }

        control("h$name/mode/$$what");
        $count{$name} = control("h$name/count");
    }

    # each is asked for again when it is known to be invalid

    for my $name (@names) {
        wait_for(sub { control("h$name/count") >= $count{$name} + 2 });
        wait_for(sub { said_of($name) });
    }

    for my $name (@names) {
        my $what = $hostile{$name}[1];
        my @said = said_of($name);

        $what = qr/\Q$what\E/ if !ref $what;
        $what = qr/$what/;

        Test::More::is(get("/$name/index.html", $bearer{$name}), '200',
                       "$name: they stay");
        Test::More::is(scalar @said, 1, "$name: one line");
        Test::More::like($said[0] // '', qr{/main": .*?$what.*last valid keys},
                         "$name: what is wrong");

        # not a byte of what strangers send
        Test::More::unlike($said[0] // '', qr/[^\x20-\x7e]|Sign in/,
                           "$name: no more than that");

        unlink jwks_path("hostile-$name");
    }
}

sub refuse {
    my ($name) = @_;
    my $bearer = bearer(iss => "https://$name.example", -key => 'forged');

    Test::More::is(get("/$name/index.html", $bearer), '401',
                   'the second key is not used');
}

suite(log_level => 'info', no_error_log => "[alert]\n[emerg]\n[crit]");

repeat_each(1);
workers(2);
master_on();
timeout(60);
plan tests => repeat_each() * (5 * @Names + 14);
no_long_string();
run_tests();

__DATA__

=== TEST 1: the first half
--- http_config eval
::issuers(@::Names[0 .. 24])
--- config eval
::locations(@::Names[0 .. 24])
--- init
::harm(@::Names[0 .. 24]);
--- request
GET /

=== TEST 2: the other half
--- http_config eval
::issuers(@::Names[25 .. $#::Names])
--- config eval
::locations(@::Names[25 .. $#::Names])
--- init
::harm(@::Names[25 .. $#::Names]);
--- request
GET /

=== TEST 3: of two keys with one kid the first is used, and it is logged
--- http_config eval
SocialToken::write_file(::jwks_path('hostile-double'),
    '{"keys":[' . CORE::join(',', CORE::map { ::double($_) }
                             qw( main forged )) . ']}');
::issuers('double') =~ s{/main;}{/hostile-double;}r
--- config eval
::locations('double')
--- init
::refuse('double');
--- request
GET /double/index.html
--- more_headers eval
::bearer(iss => 'https://double.example')
--- wait: 0.2
--- error_log eval
qr/\[warn\] .* ignored 1 keys of issuer "double": two keys have one "kid"/
