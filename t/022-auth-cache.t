# Cached verdicts on verified tokens: that they are right, and when they expire.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;
use SocialProcess;
use IO::Socket::INET ();
use Test::More ();
use Time::HiRes qw( sleep time );

our $port = $ENV{TEST_NGINX_BACKEND_PORT};
our $file = "/tmp/social-keys-$$.json";

END { unlink $file }

# Requests on one connection, one after the other; pauses are numbers.

sub connection {
    my (@steps) = @_;
    my @got;

    my $sock = IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}", Timeout => 5)
        or die "cannot connect: $!\n";

    local $SIG{ALRM} = sub { die "no answer\n" };
    local $SIG{PIPE} = 'IGNORE';

    for my $step (@steps) {
        if (!ref $step) {
            sleep $step;
            next;
        }

        my ($path, $header) = @$step;

        print {$sock} "GET $path HTTP/1.1\r\nHost: localhost\r\n$header\r\n\r\n";
        $sock->flush;

        my $answer = '';
        alarm 15;

        while ($answer !~ /\r\n\r\n/) {
            sysread $sock, $answer, 65536, length $answer or last;
        }

        my ($head, $body) = split /\r\n\r\n/, $answer, 2;
        my ($length) = ($head // '') =~ /^Content-Length: (\d+)/im;

        $body //= "";

        while (length $body < ($length // 0)) {
            sysread $sock, $body, 65536, length $body or last;
        }

        alarm 0;

        my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};
        push @got, [ $status // 'closed', $head, $body ];
    }

    close $sock;
    return @got;
}

sub statuses { return join ' ', map { $_->[0] } connection(@_) }

sub subjects {
    return join ' ', map { $_->[2] =~ /^X-Social-Sub: (.*)$/m ? $1 : '-' }
                     connection(@_);
}

sub keys_are {
    my ($name) = @_;

    SocialToken::write_file($file,
        JSON::PP->new->encode({ keys => [ SocialToken::jwk($name) ] }));
}

# One HUP with another configuration, and the new workers work.

sub reload_with {
    my ($from, $to) = @_;

    no warnings 'once';
    my $path = $Test::Nginx::Util::ConfFile;
    my $text = SocialToken::read_file($path);

    $text =~ s/\Q$from\E/$to/ or die "no \"$from\" in $path\n";
    SocialToken::write_file($path, $text);

    reload(1);
}

sub same { return Test::More::is($_[0], $_[1], $_[2]) }

sub in_turn {
    my ($a, $b) = map { bearer(sub => $_) } qw( alice bob );
    my $bad = substr($a, 0, -3) . 'AAA';

    same(statuses(map { [ '/auth', $_ ] } $a, $a, $b, $a, $bad, $a, 'X: y', $b,
                bearer(exp => 1), $a, bearer(-key => 'forged'), $b),
       '200 200 200 200 401 200 401 200 401 200 401 200',
       'good and bad ones in turn on one connection');

    same(subjects(map { [ '/auth', $_ ] } ($a, $b, $b, $a) x 3),
       join(' ', qw( alice bob bob alice ) x 3), 'each is whose it is');

    # of one length, each after another that the connection has kept

    my $c = bearer(sub => 'carol');

    same(length $c, length $a, 'tokens of one length');
    same(subjects(map { [ '/auth', $_ ] } $a, $a, $a, $c, $c, $c, $a),
         'alice alice alice carol carol carol alice',
         'one for the other is taken apart');
    same(statuses(map { [ '/auth', $_ ] } $a, $a, $bad, $a, $a, $a,
                  bearer(-key => 'forged'), $a, $a, substr($a, 0, -4) . 'BBBB'),
         '200 200 401 200 200 200 401 200 200 401',
         'a bad one of that length is refused');

    return $a;
}

sub two_rules {
    my $token = bearer();
    my @steps = map { [ $_, $token ] } qw( /auth /other ) x 3;

    same(statuses(@steps), join(' ', qw( 200 401 ) x 3),
       'accepted by the one, refused by the other');
    same(join(' ', map { statuses($_) } @steps), join(' ', qw( 200 401 ) x 3),
       '... on connections of their own, too');
}

sub groups {
    my $token = bearer(sub => 'g', roles => [ 'r1', 'r2' ]);

    same(join(' ', map { $_->[2] =~ /^X-Social-Groups: (.*)$/m ? $1 : '-' }
                 connection(map { [ $_, $token ] } qw( /auth /roles ) x 2)),
       'staff,beta r1,r2 staff,beta r1,r2', 'two claims of groups in turn');
}

sub expires {
    my $exp = int(time) + 3;
    my $token = bearer(exp => $exp);

    my $statuses = statuses([ '/strict', $token ], $exp - time + 1.2,
                            [ '/strict', $token ], [ '/auth', $token ]);

    same($statuses, '200 401 200',
       'not longer than it lasts, and a leeway is the location\'s');
    same(statuses([ '/strict', $token ]), '401', '... for all connections');
}

sub rotates {
    my ($old, $new) = (bearer(), bearer(-key => 'forged'));

    same(statuses([ '/file', $old ], [ '/file', $new ], [ '/file', $old ]),
       '200 401 200', 'a key');

    keys_are('forged');

    my $sure = wait_for(sub { statuses([ '/file', $new ]) eq '200' });
    Test::More::ok($sure, 'another key of the same name');
    same(statuses([ '/file', $old ], [ '/file', $new ]), '401 200',
       'what the old one had signed is not good any more');

    keys_are('main');

    $sure = wait_for(sub { statuses([ '/file', $new ]) eq '401' });
    Test::More::ok($sure, 'the old key again');
    same(statuses([ '/file', $old ], [ '/file', $new ]), '200 401',
       '... and what it had signed');
}

sub reloads {
    my $token = bearer();

    same(statuses([ '/auth', $token ], [ '/auth', $token ]), '200 200', 'before');

    reload_with('client_ids web', 'client_ids app');
    same(statuses([ '/auth', $token ]), '401', 'refused by narrower rules');

    reload_with('client_ids app', 'client_ids web');
    same(statuses([ '/auth', $token ]), '200', 'accepted by the old ones');
}

# More than a worker keeps taken apart.

sub very_many {
    my @steps = map { [ '/auth', bearer(sub => "u$_") ] } 1 .. 1200;

    for my $round (1, 2) {
        same(join(' ', map { subjects(@steps[600 * $_ .. 600 * $_ + 599]) }
                           0, 1),
             join(' ', map { "u$_" } 1 .. 1200), "round $round");
    }
}

keys_are('main');

our $Issuers = issuer_block('main', "issuer $issuer", 'client_ids web',
                            'jwks_file ' . jwks_path('main'))
    . issuer_block('other', "issuer $issuer", 'client_ids other',
                   'jwks_file ' . jwks_path('main'))
    . issuer_block('strict', "issuer $issuer", 'client_ids web', 'leeway 0',
                   'jwks_file ' . jwks_path('main'))
    . issuer_block('file', "issuer $issuer", 'client_ids web',
                   "jwks_file $file");

suite(http_config => $Issuers, config => <<'_EOC_', log_level => 'info');
    location / {
        location /auth {
            social_auth main;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
        location /off {
            social_auth main;
            social_auth_cache off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
        location /other {
            social_auth other;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
        location /strict {
            social_auth strict;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
        location /roles {
            social_auth main;
            social_auth_groups_claim roles;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
        location /file {
            social_auth file;
            proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT;
        }
        location /scoped {
            social_auth main;
            social_auth_scopes any photos/write;
            root html;
            try_files /index.html =404;
        }
        location /status {
            social_auth main;
            add_header X-Status $social_auth_status;
            add_header X-Exp $social_exp;
            add_header X-Kid $social_kid;
            add_header X-Issuer $social_issuer;
            root html;
            try_files /index.html =404;
        }
        location /led {
            social_auth main;
            rewrite ^ /other last;
        }
        location /from {
            social_auth other optional=lenient;
            error_page 404 = /auth;
            root html;
        }
    }
_EOC_

no_root_location();
repeat_each(1);
master_on();
no_shuffle();
plan tests => repeat_each() * 152;
no_long_string();
run_tests();

__DATA__

=== TEST 1: good and bad ones in turn
--- init
::in_turn();
--- request
GET /auth
--- more_headers eval
::bearer(sub => "alice")
--- response_body_like: X-Social-Sub: alice

=== TEST 2: two locations with other rules
--- init
::two_rules();
--- request
GET /other
--- more_headers eval
::bearer()
--- error_code: 401

=== TEST 3: two claims of groups
--- init
::groups();
--- request
GET /roles
--- more_headers eval
::bearer(roles => "one")
--- response_body_like: X-Social-Groups: one

=== TEST 4: it expires
--- init
::expires();
--- request
GET /strict
--- more_headers eval
::bearer()

=== TEST 5: keys that are replaced
--- init
::rotates();
--- request
GET /file
--- more_headers eval
::bearer()

=== TEST 6: rules that a reload changes
--- init
::reloads();
--- request
GET /auth
--- more_headers eval
::bearer()

=== TEST 7: more tokens than are kept parsed
--- init
::very_many();
--- request
GET /auth
--- more_headers eval
::bearer(sub => "last")
--- response_body_like: X-Social-Sub: last

=== TEST 8: a location without the cache
--- request eval
["GET /off", "GET /off", "GET /auth", "GET /off", "GET /off"]
--- more_headers eval
my $t = ::bearer(sub => "o");
[$t, $t, $t, ::bearer(exp => 1), $t]
--- error_code eval
[200, 200, 200, 401, 200]
--- response_body_like eval
["X-Social-Sub: o", "X-Social-Sub: o", "X-Social-Sub: o", "Unauthorized",
 "X-Social-Sub: o"]

=== TEST 9: claims of a cached token are available
--- pipelined_requests eval
[("GET /scoped", "GET /status") x 3]
--- more_headers eval
my $t = ::bearer(exp => 4102444800);
[$t, $t, $t, $t, ::bearer(scope => "photos/read"), $t]
--- error_code eval
[200, 200, 200, 200, 403, 200]
--- response_headers eval
my $all = "X-Status: ok\nX-Exp: 4102444800\nX-Kid: main\nX-Issuer: $::issuer";
["!X-Status", $all, "!X-Status", $all, "!X-Status", $all]

=== TEST 10: an internal redirect from one location to another
--- pipelined_requests eval
["GET /led", "GET /auth", "GET /led", "GET /from/none", "GET /from/none"]
--- more_headers eval
[(::bearer(sub => "l")) x 5]
--- error_code eval
[401, 200, 401, 200, 200]
--- response_body_like eval
["Unauthorized", "X-Social-Sub: l", "Unauthorized", "X-Social-Sub: l",
 "X-Social-Sub: l"]

=== TEST 11: off inside, on outside
--- http_config eval
"$::Issuers
    social_auth main;
    social_auth_cache off;\n"
--- config
    social_auth_cache on;
    location = /index.html { social_auth_cache off; root html; }
    location /auth { proxy_pass http://127.0.0.1:$TEST_NGINX_BACKEND_PORT; }
--- request eval
["GET /index.html", "GET /auth", "GET /index.html"]
--- more_headers eval
[::bearer(), ::bearer(), ::bearer(exp => 1)]
--- error_code eval
[200, 200, 401]
