# Where keys come from, beside "jwks_uri": OpenID Connect Discovery, and files
# that are replaced while nginx runs.
#
# The discovery documents are those of t/lib/server.pl.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use File::Temp ();
use Test::More ();
use Time::HiRes qw( sleep time );

my $server = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";
our $Dir = File::Temp::tempdir('social-keys-XXXXXX', TMPDIR => 1,
                               CLEANUP => 1);
chmod 0755, $Dir;

sub issuer_of { return "$server/issuer/$_[0]" }

# an issuer that says itself where its keys are
sub discovered {
    my ($where, @lines) = @_;

    return '    ' . issuer_block('main', 'issuer ' . issuer_of($where),
                                 'client_ids web', @lines);
}

sub bearer_of {
    my ($where, %claims) = @_;

    return bearer(iss => issuer_of($where), %claims);
}

# issuers whose documents are invalid
our @Bad = qw( another nobody nowhere list plain file twice slash text short
               404 redirect gzip huge close nothing );

sub watched {
    my ($name, @lines) = @_;

    put($name, jwks_text('main'));

    return '    ' . issuer_block('main', "issuer $issuer", 'client_ids web',
                                 "jwks_file $Dir/$name", @lines);
}

# A new file in place of the old one.

sub put {
    my ($name, $text) = @_;

    open my $out, '>', "$Dir/$name.new" or die;
    print $out $text;
    close $out;
    rename "$Dir/$name.new", "$Dir/$name" or die;
}

# Written over where it stands, with the time of the old one or another.

sub overwrite {
    my ($name, $text) = @_;

    open my $out, '+<', "$Dir/$name" or die;
    print $out $text;
    truncate $out, length $text;
    close $out;
}

sub log_text {
    no warnings 'once';
    return SocialProcess::read_file("$Test::Nginx::Util::ErrLogFile");
}

# Of all workers, for as long as each of them takes to look at its file: one
# request is taken by any of them.

sub all_say {
    my ($wanted, $bearer, $name) = @_;

    my ($got, $since) = ('');
    my $end = time + 20;

    while (time < $end) {
        $got = get('/api/index.html', $bearer);
        undef $since if $got ne $wanted;
        $since //= time if $got eq $wanted;

        last if $since && time - $since > 1.5;
        sleep 0.02;
    }

    Test::More::is($got, $wanted, $name);
    Test::More::ok($since && time - $since > 1.5, "$name: all workers");
}

# What is logged about an invalid file: once, and the old keys stay.

sub spoilt {
    my ($pattern, $name, $code) = @_;

    $code->();

    Test::More::ok(wait_for(sub { log_text() =~ $pattern }),
                   "$name: it is logged");
    all_say('200', bearer(), "$name: the last good keys stay");
    Test::More::is(scalar(() = log_text() =~ /\[error\].*$pattern/g), 1,
                   "$name: once");
}

suite(config => <<'_EOC_', log_level => 'info');
    location /api/ {
        social_auth main;
        alias $TEST_NGINX_HTML_DIR/;
    }
    location = /ready { social_ready; }
    location /control/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        proxy_read_timeout 10s;
    }
_EOC_

repeat_each(1);
workers(2);
master_on();
timeout(15);
plan tests => repeat_each() * 293;
no_long_string();
run_tests();

__DATA__

=== TEST 1: an issuer with a discovery document
--- http_config eval
::discovered("d1/good")
--- request eval
["GET /api/index.html", "GET /ready", "GET /control/d1-doc/count",
 "GET /control/d1/count"]
--- more_headers eval
[(::bearer_of("d1/good")) x 4]
--- error_code eval
[(200) x 4]
--- response_body_like eval
["works", '"main":"loaded"', '^1$', '^1$']
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 2: requests wait for both documents
--- http_config eval
::discovered("d2/slow-300-good")
--- request eval
["GET /control/d2/mode/slow-300-main", "GET /api/index.html",
 "GET /control/d2-doc/count"]
--- more_headers eval
[(::bearer_of("d2/slow-300-good")) x 3]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['main', 'works', '^1$']

=== TEST 3: the timeout covers both documents
--- http_config eval
::discovered("d3/slow-600-good", "jwks_timeout 1s")
--- init
::get('/control/d3/mode/slow-600-main');
--- request
GET /api/index.html
--- more_headers eval
::bearer_of("d3/slow-600-good")
--- error_code: 503
--- response_headers
Retry-After: 2
--- wait: 1
--- error_log eval
[qr{keys of issuer "main" from "\S+/keys/d3/main": .*timed out}]

=== TEST 4: invalid documents: 503, and not ready
--- http_config eval
CORE::join "", map {
    "    " . ::issuer_block("i$_", "issuer " . ::issuer_of("d4$_/$_"),
                            "client_ids *")
} @::Bad
--- config eval
CORE::join "", "    location = /ready { social_ready; }\n",
         map { "    location = /$_ { social_auth i$_; }\n" } @::Bad
--- request eval
[(map { "GET /$_" } @::Bad), "GET /ready"]
--- more_headers eval
[map { ::bearer_of("d4$_/$_") } @::Bad, 'ready']
--- error_code eval
[map { 503 } @::Bad, 1]
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 5: what is logged about them
--- http_config eval
CORE::join "", map {
    "    " . ::issuer_block("i$_", "issuer " . ::issuer_of("d4b$_/$_"),
                            "client_ids *")
} @::Bad
--- config
--- request
GET /
--- wait: 1
--- error_log eval
my $other = 'the "issuer" of the discovery document is not the configured one';
my $uri = 'the "jwks_uri" of the discovery document is not an https URL';
my $object = 'the discovery document is not a JSON object;';
my $no = 'the discovery document has no string';
my %said = (
    another => $other, slash => $other, nobody => "$no \"issuer\";",
    nowhere => "$no \"jwks_uri\";", list => "$no \"jwks_uri\";",
    plain => $uri, file => $uri, twice => $object, text => $object,
    nothing => $object, short => 'transfer closed with',
    404 => 'the server returned status 404;',
    redirect => 'the server returned status 302;',
    gzip => 'the response has a Content-Encoding;',
    huge => 'the response is larger than 153600 bytes;',
    close => 'Empty reply from server;',
);
[map { qq(keys of issuer "i$_" from ") . ::issuer_of("d4b$_/$_")
       . qq(/.well-known/openid-configuration": $said{$_}) } @::Bad]
--- no_error_log
[alert]
[emerg]
[crit]
geheim

=== TEST 6: a document with another jwks_uri when it is fetched again
--- http_config eval
::discovered("d5/good", "jwks_cooldown 300ms")
--- request eval
["GET /api/index.html", "GET /control/d5-doc/mode/moved",
 "GET /control/d5/sleep/400", "GET /api/index.html", "GET /api/index.html",
 "GET /control/d5-there/count"]
--- more_headers eval
my ($old, $new) = (::bearer_of("d5/good"),
                   ::bearer_of("d5/good", -key => 'next'));
[$old, $old, $old, $new, $old, $old]
--- error_code eval
[200, 200, 200, 200, 401, 200]

=== TEST 7: a document that becomes invalid leaves the keys
--- http_config eval
::discovered("d6/good", "jwks_refresh 300ms")
--- request eval
["GET /api/index.html", map {
    ("GET /control/d6-doc/mode/$_", "GET /control/d6-doc/more/2",
     "GET /api/index.html")
 } qw( another 404 )]
--- more_headers eval
[(::bearer_of("d6/good")) x 7]
--- error_code eval
[(200) x 7]
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 8: secrets in a URI are not logged
--- http_config eval
::discovered("d7/secret")
--- init
::get('/control/d7/mode/500');
--- request
GET /api/index.html
--- more_headers eval
::bearer_of("d7/secret")
--- error_code_like: 503|200
--- wait: 1.5
--- no_error_log
[alert]
[emerg]
[crit]
geheim

=== TEST 9: an issuer with a path and a slash at its end
--- http_config eval
"    " . ::issuer_block("main", "issuer " . ::issuer_of("d8/slash/"),
                        "client_ids web")
. "    " . ::issuer_block("two", "issuer " . ::issuer_of("d8b/path/path"),
                        "client_ids web")
--- config
    location /api/ {
        social_auth main two;
        alias $TEST_NGINX_HTML_DIR/;
    }
--- request eval
["GET /api/index.html", "GET /api/index.html", "GET /api/index.html"]
--- more_headers eval
[::bearer_of("d8/slash/"), ::bearer_of("d8b/path/path"),
 ::bearer_of("d8/slash")]
--- error_code eval
[200, 200, 401]

=== TEST 10: a reload keeps discovered keys
--- http_config eval
::discovered("d9/good")
--- init
::get('/api/index.html', ::bearer_of("d9/good"));
::get('/control/d9-doc/mode/500');
::reload();
--- request eval
["GET /control/d9-doc/wait/2", "GET /api/index.html"]
--- more_headers eval
[(::bearer_of("d9/good")) x 2]
--- response_body_like eval
['^2$', "works"]
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 11: a file that is replaced
--- http_config eval
::watched("f1")
--- init
::all_say('200', ::bearer(), 'the first keys');
::all_say('401', ::bearer(-key => 'next'), 'are those of the file');
::put('f1', ::jwks_text('both'));
::all_say('200', ::bearer(-key => 'next'), 'a key is added');
::all_say('200', ::bearer(), 'the old one is still there');
::put('f1', ::jwks_text('next'));
::all_say('401', ::bearer(), 'it is taken out');
::all_say('200', ::bearer(-key => 'next'), 'the new one stays');
--- request
GET /ready
--- response_body_like chomp
"main":"loaded"
--- error_log
social: loaded new keys of issuer "main"
--- no_error_log
[alert]
[emerg]
[crit]
[error]

=== TEST 12: a file that is written over, to the same length
--- http_config eval
::put('f2', "");
my $text = ::watched("f2");
::put('f2', ::jwks_text('main') . ' ' x 100);
$text
--- init
my $length = CORE::length(::jwks_text('main')) + 100;
my $next = ::jwks_text('next');
::all_say('200', ::bearer(), 'the first keys');
::overwrite('f2', $next . ' ' x ($length - CORE::length $next));
::all_say('200', ::bearer(-key => 'next'), 'the new ones');
::all_say('401', ::bearer(), 'not the old ones');
--- request
GET /ready
--- no_error_log
[alert]
[emerg]
[crit]

=== TEST 13: invalid files
--- http_config eval
::watched("f3", "jwks_max_size 2k")
--- init
::all_say('200', ::bearer(), 'the first keys');
::spoilt(qr/it is not a JSON object/, 'half a file',
         sub { ::put('f3', CORE::substr ::jwks_text('main'), 0, 200) });
::spoilt(qr/its array "keys" is empty/, 'no keys',
         sub { ::put('f3', ::jwks_text('empty')) });
::spoilt(qr/it is not a regular file, is empty, or is larger/, 'an empty file',
         sub { ::put('f3', '') });
::spoilt(qr/\(2: No such file or directory\)/, 'no file',
         sub { unlink "$::Dir/f3" });
mkdir "$::Dir/f3";
::all_say('200', ::bearer(), 'a directory');
rmdir "$::Dir/f3";
require POSIX;
POSIX::mkfifo("$::Dir/f3", 0644);
::all_say('200', ::bearer(), 'a pipe');
unlink "$::Dir/f3";
symlink '/dev/zero', "$::Dir/f3";
::all_say('200', ::bearer(), 'a device');
unlink "$::Dir/f3";
::put('f3', 'x' x 3000);
::all_say('200', ::bearer(), 'a large file');
::put('f3', ::jwks_text('next'));
::all_say('200', ::bearer(-key => 'next'), 'a good one at last');
--- request
GET /ready
--- response_body_like chomp
"main":"loaded"
--- no_error_log
[alert]
[emerg]
[crit]
--- timeout: 60

=== TEST 14: the workers of a reload read the current file
--- http_config eval
::watched("f4")
--- init
::put('f4', ::jwks_text('next'));
::reload();
--- request eval
["GET /api/index.html", "GET /api/index.html"]
--- more_headers eval
::tokens([], [ -key => 'next' ])
--- error_code eval
[401, 200]

=== TEST 15: so do those that replace killed ones
--- http_config eval
::watched("f5")
--- init
::put('f5', ::jwks_text('next'));
::all_say('200', ::bearer(-key => 'next'), 'the new keys');
my %old = map { ($_ => 1) } ::workers_of(::master());
kill 'KILL', CORE::keys %old;
::wait_for(sub {
    my @now = ::workers_of(::master());
    return @now >= 2 && !CORE::grep { $old{$_} } @now;
});
::all_say('200', ::bearer(-key => 'next'), 'still');
::all_say('401', ::bearer(), 'not the old ones');
--- request
GET /ready
--- error_log
exited on signal 9
--- no_error_log
[emerg]
[crit]
