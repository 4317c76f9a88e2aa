# "social_require_signature" and "social_sign_url": URLs and cookies that give
# access for a time.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw( hmac_sha256_hex );
use File::Path qw( make_path );
use File::Temp ();
use MIME::Base64 qw( encode_base64 );
use SocialTest;
use SocialServer;
use SocialSecrets;
use SocialToken;

my $dir = File::Temp::tempdir('social-signed-XXXXXX', TMPDIR => 1,
                              CLEANUP => 1);
my %key = (now => 'n' x 32, old => 'o' x 32, other => 'x' x 32);
my $backend = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";

our $Sub = 'c0ffee00-1234-4abc-8def-000000000001';
our $Soon = time + 600;
our $Past = time - 1;

sub write_file {
    my ($name, $text) = @_;

    open my $out, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $out $text;
    close $out or die "$dir/$name: $!\n";
}

make_path(map { "$dir/$_" } qw( private/u private/uu members ));
chmod 0755, $dir;

write_file($_, 'whsec_' . encode_base64($key{$_}, '') . "\n") for keys %key;
write_file('private/a b.txt', "the file\n");
write_file('private/index.html', "the index\n");
write_file("$_/x.txt", "of $_\n") for qw( private/u private/uu members );

sub hmac {
    my $signature = hmac_sha256_hex($_[0], $key{ $_[1] // 'now' });

    SocialSecrets::made($signature);
    return $signature;
}

# arguments for a path, decoded, and other arguments; for a prefix; a cookie

sub path {
    my ($path, %o) = @_;
    my $at = $o{at} // $main::Soon;
    my $of = defined $o{args} ? "$path?$o{args}" : $path;

    my $before = defined $o{args} ? "$o{args}&" : '';

    return "${before}social-expires=$at&social-signature="
        . hmac("path\n$at\n$of", $o{key});
}

sub prefix {
    my ($prefix, %o) = @_;
    my $at = $o{at} // $main::Soon;

    return "social-expires=$at&social-prefix=$prefix&social-signature="
        . hmac("prefix\n$at\n$prefix", $o{key});
}

sub cookie {
    my ($prefix, %o) = @_;
    my $at = $o{at} // $main::Soon;

    return "$at." . hmac("prefix\n$at\n$prefix", $o{key}) . ".$prefix";
}

suite(http_config => <<"_EOC_", config => <<"_EOC2_",
$http_config
    social_secret now file=$dir/now previous=$dir/old;
    social_secret other file=$dir/other;
_EOC_
    location /private/ {
        social_require_signature secret=now cookie=files;
        add_header X-Uri \$request_uri always;
        add_header X-Args "[\$args]" always;
        root $dir;
        location /private/open/ {
            social_require_signature off;
            root $dir;
        }
    }
    location /plain/ {
        social_require_signature secret=now;
        alias $dir/private/;
    }
    location /proxied/ {
        social_require_signature secret=now;
        proxy_set_header X-Uri \$request_uri;
        proxy_pass $backend;
    }
    location /either/ {
        satisfy any;
        social_auth main;
        social_require_signature secret=now;
        alias $dir/private/;
    }
    location /both/ {
        social_auth main;
        social_require_signature secret=now;
        alias $dir/private/;
    }
    location /rewritten/ {
        rewrite ^/rewritten/(.*) /private/\$1 last;
    }
    location /found {
        social_require_signature secret=now;
        try_files /none /private/u/x.txt;
        root $dir;
    }
    location = /crossing {
        social_require_signature secret=now;
        try_files /none /crossed/x.txt;
        root $dir;
    }
    location /crossed/ {
        social_require_signature secret=other;
        alias $dir/private/u/;
    }
    location /open/ {
        satisfy any;
        social_auth main;
        social_require_signature off;
        alias $dir/private/;
    }
    location /put/ {
        social_require_signature secret=now;
        root $dir;
        dav_methods PUT DELETE;
    }
    location = /sign {
        social_auth main;
        social_sign_url secret=now prefix=/private/\$social_sub/ expires=10m;
    }
    location = /sign/members {
        social_auth main;
        social_sign_url secret=now prefix=/members/ expires=1h cookie=files
                        domain=example.com;
        client_body_in_file_only on;
    }
    location = /sign/optional {
        social_auth main optional;
        social_sign_url secret=now prefix=/members/;
    }
    location = /sign/empty {
        social_auth main;
        social_sign_url secret=now prefix=/a/\$arg_none/;
    }
    location /members/ {
        social_require_signature secret=now cookie=files;
        root $dir;
    }
_EOC2_
    log_level => 'info', no_error_log => "[alert]\n[emerg]\n[crit]");

# What the last response gave, for the next request.

our %Got;

sub keep {
    my ($body) = @_;
    ($Got{url}) = $body =~ /"url":"([^"]+)"/;
    ($Got{args}) = $body =~ /"args":"([^"]+)"/;
    return $body;
}

no_root_location();
plan tests => 328;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a signature of the path
--- request eval
["GET /private/a%20b.txt?" . ::path('/private/a b.txt'),
 "HEAD /private/a%20b.txt?" . ::path('/private/a b.txt'),
 "GET /private/%61%20b.txt?" . ::path('/private/a b.txt', key => 'old')]
--- error_code eval
[200, 200, 200]
--- response_body eval
["the file\n", "", "the file\n"]
--- response_headers eval
["X-Uri: /private/a%20b.txt\nX-Args: []",
 "X-Uri: /private/a%20b.txt\nX-Args: []",
 "X-Uri: /private/%61%20b.txt\nX-Args: []"]

=== TEST 2: with other arguments, which it is for
--- request eval
my $args = ::path('/private/a b.txt', args => 'w=1&x=%20');
["GET /private/a%20b.txt?$args", "GET /private/a%20b.txt?y=2&$args",
 "GET /private/a%20b.txt?" . ($args =~ s/w=1/w=2/r),
 "GET /private/a%20b.txt?" . ($args =~ s/w=1&x=%20&//r)]
--- error_code eval
[200, 403, 403, 403]
--- response_headers eval
["X-Uri: /private/a%20b.txt?w=1&x=%20\nX-Args: [w=1&x=%20]", ("") x 3]

=== TEST 3: refused
--- request eval
my $p = '/private/a b.txt';
my $good = ::path($p);
map { "GET /private/a%20b.txt$_" } "", "?", "?w=1", "?" . ::path('/private/b'),
    "?" . ::path($p, key => 'other'), "?" . ::path($p, at => $::Past),
    "?" . ($good =~ s/expires=./expires=9/r), "?$good&$good", "?$good" . "0",
    "?" . ($good =~ s/social-signature=.*//r), "?" . ::prefix('/private'),
    "?" . ::prefix('/private/u/'), "?" . ::prefix('/private/', at => $::Past),
    "?" . ::path('/private/a%20b.txt')
--- error_code eval
[(403) x 14]
--- response_body_like eval
[(qr/"message":/) x 14]
--- no_error_log
social-signature

=== TEST 4: a prefix, and its paths only
--- request eval
my $args = ::prefix('/private/u/');
["GET /private/u/x.txt?$args", "GET /private/u/x.txt?w=1&$args&x",
 "GET /private/uu/x.txt?$args", "GET /private/u/../uu/x.txt?$args",
 "GET /private/u/%2e%2e/uu/x.txt?$args", "GET /private/a%20b.txt?$args",
 "GET /private/u/none?$args", "GET //private//u//x.txt?$args"]
--- error_code eval
[200, 200, 403, 403, 403, 403, 404, 200]
--- response_headers eval
["X-Args: []", "X-Args: [w=1&x]", ("") x 6]

=== TEST 5: a cookie in its place
--- request eval
["GET /private/u/x.txt", "GET /private/u/x.txt", "GET /private/u/x.txt",
 "GET /private/uu/x.txt", "GET /private/u/x.txt", "GET /private/u/x.txt",
 "GET /plain/u/x.txt", "GET /private/u/x.txt?" . ::path('/private/b')]
--- more_headers eval
my $c = 'files=' . ::cookie('/private/u/');
["Cookie: $c", "Cookie: a=b; files=" . ::cookie('/other/') . "; $c",
 "Cookie: a=b\nCookie: $c", "Cookie: $c",
 "Cookie: files=" . ::cookie('/private/u/', at => $::Past),
 "Cookie: Files=" . ::cookie('/private/u/'),
 "Cookie: files=" . ::cookie('/plain/u/'), "Cookie: $c"]
--- error_code eval
[200, 200, 200, 403, 403, 403, 403, 403]

=== TEST 6: nothing but GET and HEAD
--- request eval
my $args = ::prefix('/put/');
["PUT /put/new.txt?$args\nx", "DELETE /put/new.txt?$args",
 "POST /put/new.txt?$args\nx", "GET /put/new.txt?$args"]
--- error_code eval
[403, 403, 403, 404]

=== TEST 7: a backend sees nothing of it
--- request eval
["GET /proxied/a%2Fb%20c?w=%31&" . ::prefix('/proxied/') . "&x",
 "GET /proxied/d?" . ::path('/proxied/d')]
--- error_code eval
[200, 200]
--- response_body_like eval
[qr/X-Uri: \/proxied\/a%2Fb%20c\?w=%31&x\n/, qr/X-Uri: \/proxied\/d\n/]
--- response_body_unlike eval
[qr/social-/, qr/social-/]

=== TEST 8: with tokens
--- request eval
my $args = ::path('/either/a b.txt');
["GET /either/a%20b.txt", "GET /either/a%20b.txt?$args",
 "GET /either/a%20b.txt", "GET /either/a%20b.txt?$args",
 "GET /both/a%20b.txt?" . ::path('/both/a b.txt'),
 "GET /both/a%20b.txt", "GET /both/a%20b.txt?" . ::path('/both/a b.txt')]
--- more_headers eval
["", "", ::bearer(), ::bearer(), "", ::bearer(), ::bearer()]
--- error_code eval
[401, 200, 200, 200, 401, 403, 200]

=== TEST 9: redirects inside the server
--- request eval
["GET /private/?" . ::path('/private/'),
 "GET /private/?" . ::path('/private/index.html'),
 "GET /rewritten/u/x.txt?" . ::path('/private/u/x.txt'),
 "GET /rewritten/u/x.txt?" . ::path('/rewritten/u/x.txt'),
 "GET /found?" . ::path('/found')]
--- error_code eval
[200, 403, 200, 403, 200]
--- response_body_like eval
["the index", "message", "of private/u", "message", "of private/u"]

=== TEST 10: off in a nested location
--- request
GET /private/open/none
--- error_code: 404

=== TEST 11: a URL for a user
--- request eval
["POST /sign\n" . qq({"path":"/private/$::Sub/a b.jpg"}),
 "POST /sign\n" . qq({"path":"/private/other/a.jpg"}),
 "POST /sign\n" . qq({"path":"/private/$::Sub"}),
 "POST /sign\n" . qq({"path":"/private/$::Sub/../other/a.jpg"}),
 "POST /sign\n" . '{"path":1}', "POST /sign\n" . '[]',
 "POST /sign\n" . '{"path":"a"}', "POST /sign\n{", "GET /sign", "POST /sign\n",
 "POST /sign\n{}"]
--- more_headers eval
[(::bearer()) x 11]
--- error_code eval
[200, 422, 422, 422, 422, 422, 422, 422, 405, 200, 200]
--- response_body_like eval
my $sub = $::Sub;
my $signature = qr/social-signature=[0-9a-f]{64}/;
my $all = qr/^\{"args":"social-expires=\d+&social-prefix=\/private\/$sub\/&$signature","prefix":"\/private\/$sub\/","expires":\d+\}$/;
[qr/^\{"url":"\/private\/$sub\/a%20b\.jpg\?social-expires=\d+&$signature","expires":\d+\}$/,
 qr/"path":"must be below the prefix/, qr/"path":"must be below/,
 qr/"path":"must be an absolute path/, qr/"path":"must be a string/,
 qr/"body":"must be a JSON/, qr/"path":"must be an absolute/,
 qr/"body":"must be a JSON/, qr/message/, $all, $all]
--- response_headers eval
["Cache-Control: no-store", ("") x 8, ("Cache-Control: no-store") x 2]

=== TEST 12: it is the right one
--- request
POST /sign
{"path":"/private/c0ffee00-1234-4abc-8def-000000000001/é&\"?#%.jpg"}
--- more_headers eval
::bearer()
--- response_body_filters eval
sub {
    my ($url, $path, $at, $got)
        = $_[0] =~ /"url":"((\S+)\?social-expires=(\d+)&social-signature=(\S+?))"/;

    $path =~ s/%(..)/chr hex $1/ge;

    my $left = $at - time;
    my $want = ::hmac("path\n$at\n$path");

    return CORE::join ' ', $url =~ /\A[\w\/.%?=&-]+\z/ ? 'encoded' : $url,
        $got eq $want ? 'right' : "$got $want",
        $left > 540 && $left <= 600 ? 'in time' : $left;
}
--- response_body chomp
encoded right in time

=== TEST 13: without a token, or with none that counts
--- request eval
["POST /sign\n{}", "POST /sign/optional\n{}", "POST /sign/optional\n{}",
 "POST /sign\n{}"]
--- more_headers eval
["", "", ::bearer(), "Authorization: Bearer x"]
--- error_code eval
[401, 401, 200, 401]

=== TEST 14: a cookie for a prefix
--- request
POST /sign/members
--- more_headers eval
::bearer()
--- response_body_like eval
qr/^\{"prefix":"\/members\/","expires":\d+\}$/
--- raw_response_headers_like eval
qr/Set-Cookie: files=\d+\.[0-9a-f]{64}\.\/members\/; Path=\/members\/; Domain=example\.com; Max-Age=3600; Secure; HttpOnly; SameSite=Lax\r\n/

=== TEST 15: a path, where there may be a cookie
--- request
POST /sign/members
{"path":"/members/x.txt"}
--- more_headers eval
::bearer()
--- response_body_like eval
qr/^\{"url":"\/members\/x\.txt\?social-expires/
--- response_headers
! Set-Cookie
--- no_error_log
temporary file
[alert]
[emerg]
[crit]

=== TEST 16: a variable without a value
--- request
POST /sign/empty
{}
--- more_headers eval
::bearer()
--- error_code: 500
--- error_log
social: invalid prefix "/a//" of "social_sign_url"

=== TEST 17: a body that is too large
--- request eval
"POST /sign\n" . '{"a":"' . 'x' x 8192 . '"}'
--- more_headers eval
::bearer()
--- error_code: 413

=== TEST 18: the reason is logged: none
--- request
GET /private/x
--- error_code: 403
--- error_log
social: access to "/private/x" denied, it has no signature

=== TEST 19: expired
--- request eval
"GET /private/x?" . ::path('/private/x', at => $::Past)
--- error_code: 403
--- error_log
social: access to "/private/x" denied, its signature has expired
--- no_error_log
social-signature

=== TEST 20: malformed
--- request
GET /private/x?social-expires=1
--- error_code: 403
--- error_log
social: access to "/private/x" denied, its signature is malformed

=== TEST 21: invalid
--- request eval
"GET /private/x?" . ::path('/private/y')
--- error_code: 403
--- error_log
social: access to "/private/x" denied, its signature is invalid
--- no_error_log
social-signature

=== TEST 22: one secret's signature opens nothing of another's
--- request eval
["GET /crossing?" . ::path('/crossing'),
 "GET /crossed/x.txt?" . ::path('/crossed/x.txt', key => 'other')]
--- error_code eval
[403, 200]

=== TEST 23: off, beside what is needed instead
--- request eval
["GET /open/a%20b.txt", "GET /open/a%20b.txt?" . ::path('/open/a b.txt'),
 "GET /open/a%20b.txt"]
--- more_headers eval
["", "", ::bearer()]
--- error_code eval
[401, 401, 200]
