#!/usr/bin/perl

# Limits come first: a signature is checked for requests only that no limit has
# refused, or when something reads whose they are; and slow ones in a thread,
# while the event loop goes on.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use IO::Socket::INET ();
use JSON::PP ();
use SocialMany;
use SocialNginx;
use SocialServer;
use SocialSign;
use SocialToken;
use Test::More;

my $backend = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";
my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;

my $slow_issuer = 'https://slow.example.com';
my $twin_issuer = 'https://twin.example.com';
my @slow = ([ ES384 => 'p384' ], [ ES512 => 'p521' ], [ EdDSA => 'ed448' ],
            [ Ed448 => 'ed448' ], [ RS256 => 'rsa4' ], [ PS256 => 'rsa4' ]);
my @fast = ([ RS256 => 'rsa' ], [ PS256 => 'rsa' ], [ ES256 => 'p256' ],
            [ EdDSA => 'ed25519' ]);

$nginx->write_file('slow.json',
    sign_jwks(map { sign_jwk($_) } qw( p384 p521 ed448 rsa4 rsa p256
                                       ed25519 )));
$nginx->write_file('html/x', "here\n");

# With "gate", a key set that does not come has a thread for as long as it is
# closed; likewise with "twin", whose requests wait for it.

sub issuers {
    my (%o) = @_;

    return join '    ',
        issuer_block('main', "issuer $issuer", 'client_ids web',
                     "jwks_file $ENV{TEST_NGINX_JWKS}"),
        issuer_block('slow', "issuer $slow_issuer", 'client_ids web',
                     "jwks_file $nginx->{dir}/slow.json",
                     'algorithms RS256 PS256 ES256 ES384 ES512 EdDSA Ed448'),
        issuer_block('twin', "issuer $twin_issuer", 'client_ids web',
                     "jwks_file $ENV{TEST_NGINX_JWKS}"),
        issuer_block('mobile', "issuer $twin_issuer", 'client_ids mobile',
                     $o{twin} ? ("jwks_uri $backend/keys/twin-$$/gate-both",
                                 'jwks_timeout 30s')
                              : "jwks_file $ENV{TEST_NGINX_JWKS_NEXT}"),
        issuer_block('gate', 'issuer https://gate.example.com',
                     'client_ids web',
                     $o{gate} ? ("jwks_uri $backend/keys/$o{gate}/gate-main",
                                 'jwks_timeout 30s')
                              : "jwks_file $ENV{TEST_NGINX_JWKS}");
}

sub configure {
    my (%o) = @_;

    my $threads = $o{threads} // 4;
    my $queue = $o{queue} // 1000;
    my $blocks = issuers(%o);

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
worker_rlimit_nofile 4096;
thread_pool checks threads=$threads max_queue=$queue;
events { worker_connections 2048; }
http {
    @{[ $nginx->http_paths ]}
    social_thread_pool checks;
    $blocks

    log_format who '\$uri \$status [\$social_sub] \$social_auth_status';
    access_log $nginx->{dir}/logs/who.log who;

    limit_req_zone \$binary_remote_addr zone=address:1m rate=1r/m;
    limit_req_zone \$social_sub zone=subject:1m rate=1r/m;
    limit_conn_zone \$social_sub zone=open:1m;
    social_limit_zone ours key=\$social_limit_address rate=1r/h burst=2;
    social_limit_zone user key=\$social_sub rate=1r/h burst=2;
    limit_req_status 429;
    limit_req_log_level info;

    map \$social_sub \$tier { volatile; default known; "" nobody; }

    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        add_header X-Sub "<\$social_sub>" always;
        add_header X-Status \$social_auth_status always;

        location = /metrics { access_log off; social_status prometheus; }

        location /address {
            social_auth main;
            limit_req zone=address burst=1 nodelay;
            limit_req zone=subject burst=100 nodelay;
            try_files /x =404;
        }
        location /subject {
            social_auth main;
            limit_req zone=subject burst=1 nodelay;
            try_files /x =404;
        }
        location /ours {
            social_auth main;
            social_limit ours;
            social_limit user;
            try_files /x =404;
        }
        location /page {
            social_auth main;
            limit_req zone=address;
            error_page 429 \@page;
            try_files /x =404;
        }
        location \@page { return 429 "\$tier\\n"; }
        location /api { social_auth slow; try_files /x =404; }
        location /any {
            social_auth slow; satisfy any; deny all; try_files /x =404;
        }
        location /lenient {
            social_auth slow optional=lenient; try_files /x =404;
        }
        location /if {
            social_auth slow;
            if (\$social_claim_banned = true) { return 403; }
            try_files /x =404;
        }
        location /sub { auth_request /check; try_files /x =404; }
        location = /check {
            internal; social_auth slow; try_files /none =204;
        }
        location /conn {
            social_auth slow; limit_conn open 1; try_files /x =404;
        }
        location /none { social_auth off; try_files /x =404; }
        location /twin { social_auth twin mobile; try_files /x =404; }
        location /counted {
            social_auth twin mobile;
            limit_req zone=subject burst=1 nodelay;
            try_files /x =404;
        }
    }
}
_EOC_
    return;
}

sub text {
    my ($path, $token) = @_;

    return join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                        'Connection: close',
                        defined $token ? "Authorization: Bearer $token" : (),
                        '', '';
}

sub parsed {
    my ($answer) = @_;

    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};

    return { status => $status // 0, head => $head // '', body => $body // '' };
}

sub ask { return parsed(SocialNginx::request($port, text(@_))) }

sub signatures {
    my ($n) = ask('/metrics')->{body} =~ /^social_signatures_total (\d+)$/m;
    return $n // 'none';
}

# How many signatures were checked for what the code asks for.

sub checked {
    my ($code) = @_;

    my $before = signatures();
    $code->();
    return signatures() - $before;
}

sub statuses_of { return join ' ', map { $_->{status} } @_ }

# The lines that a location has in the log, when there are so many.

sub logged {
    my ($path, $n) = @_;
    my @lines;

    SocialNginx::wait_for(10, sub {
        @lines = SocialNginx::slurp("$nginx->{dir}/logs/who.log")
                 =~ m{^\Q$path\E \S+ (.*)\n}gm;
        return @lines >= $n;
    });

    return @lines;
}

sub control { return get_body("$backend/control/$_[0]") }

sub get_body {
    my ($to, $path) = $_[0] =~ m{\Ahttp://127\.0\.0\.1:(\d+)(/.*)\z};
    return parsed(SocialNginx::request($to, text($path)))->{body};
}

sub slow_token {
    my ($algorithm, $key, %how) = @_;

    $how{claims} = { iss => $slow_issuer, %{ $how{claims} // {} } };
    return sign_token($algorithm, $key, %how);
}

configure();
$nginx->start($port);


subtest 'a limit by address is asked first' => sub {
    my @forged = map { token(-key => 'forged', sub => "f$_") } 1 .. 6;
    my (@got, $n);

    $n = checked(sub { @got = map { ask('/address', $_) } @forged });

    is(statuses_of(@got), '401 401 429 429 429 429', 'two of six are let in');
    is($n, 2, '... and only theirs have a signature checked');

    like($got[0]{head}, qr/^X-Status: signature\r?$/m, 'it was wrong');
    like($got[5]{head}, qr/^X-Status: unverified\r?$/m,
         '... or nobody knows');
    like($got[5]{head}, qr/^X-Sub: <>\r?$/m, '... nor whose it is');

    is(join(', ', logged('/address', 6)),
       join(', ', ('[-] signature') x 2, ('[-] unverified') x 4),
       'neither does the log');

    my $good = token(sub => 'good');

    is(checked(sub { @got = ask('/address', $good) }), 0, 'a good one');
    is(statuses_of(@got), '429', '... of that address is refused as well');
    like($got[0]{head}, qr/^X-Sub: <>\r?$/m, '... as nobody');

    is(ask('/none', $good)->{status}, 200, 'where no token is asked for');
    @got = (ask('/subject', $good), ask('/address', $good));
    is(statuses_of(@got), '200 429', 'one that is known already');
    like($got[1]{head}, qr/^X-Sub: <good>\r?$/m, '... is known in the refusal');

    @got = map { ask('/address', $_) } 'x', token(iss => 'https://a.example'),
                                       undef;
    is(statuses_of(@got), '429 429 429', 'what is not a token is counted, too');
};


subtest 'a limit by subject has it checked' => sub {
    my @got;
    my $n = checked(sub {
        @got = map { ask('/subject', token(-key => 'forged', sub => 'v')) }
                   1 .. 4;
    });

    is(statuses_of(@got), '401 401 401 401', 'forged ones count for nobody');
    is($n, 4, '... which their signatures say');

    $n = checked(sub {
        @got = map { ask('/subject', token(sub => 'w', jti => "w$_")) } 1 .. 4;
    });

    is(statuses_of(@got), '200 200 429 429', 'good ones for their subject');
    is($n, 4, '... by their signatures');
};


subtest 'the same for social_limit' => sub {
    my @got;
    my $n = checked(sub {
        @got = map { ask('/ours', token(-key => 'forged', sub => "o$_")) }
                   1 .. 5;
    });

    is(statuses_of(@got), '401 401 429 429 429', 'two of five are let in');
    is($n, 2, '... and only theirs have a signature checked');
    like($got[4]{head}, qr/^X-Status: unverified\r?$/m, '... the others not');
};


subtest 'an error page in a location without a token' => sub {
    my @got;
    my $n = checked(sub {
        @got = map { ask('/page', token(sub => "p$_")) } 1 .. 2;
    });

    is(statuses_of(@got), '429 429', 'refused');
    is($n, 0, '... and not checked for the page');
    is($got[1]{body}, "nobody\n", '... which is for nobody');
};


subtest 'every algorithm, in the event loop and in a thread' => sub {
    for (@fast, @slow) {
        my ($algorithm, $key) = @$_;

        my $good = slow_token($algorithm, $key);
        my @bad = map { slow_token($algorithm, $key, %$_) }
            { key => "$key/2" },
            { change => sub { substr($_[0], 9, 1) ^= "\1"; $_[0] } },
            { change => sub { "$_[0]\0" } };

        my $old = slow_token($algorithm, $key, claims => { exp => time - 99 });
        my @got = map { ask('/api', $_) } @bad, $old, $good, $good;

        is(statuses_of(@got), '401 401 401 401 200 200',
           "$algorithm by a key of $key");
        like($got[$_]{head}, qr/the token's signature is invalid/,
             '... what is wrong') for 0 .. 2;
        like($got[3]{head}, qr/the token has expired/, '... and is old');

        my $other = slow_token($algorithm, $key,
                               claims => { sub => "$algorithm $key" });

        is(statuses_of(map { ask("/$_", $other) } qw( any lenient if sub )),
           '200 200 200 200', '... wherever it is asked for');
        is(statuses_of(map { ask("/$_", $bad[0]) } qw( any lenient if sub )),
           '401 200 401 401', '... and a bad one');
    }

    my $banned = JSON::PP::true;

    for (@slow) {
        my $token = slow_token(@$_, claims => { banned => $banned });
        is(ask('/if', $token)->{status}, 403, "$_->[0] is read by an \"if\"");
    }
};


$nginx->stop;

configure(twin => 1);
$nginx->start($port);

subtest 'one of several issuers' => sub {
    my $web = token(iss => $twin_issuer, sub => 'web');
    my $mobile = token(iss => $twin_issuer, -key => 'next', sub => 'mob',
                       client_id => 'mobile');
    my $same = token(iss => $twin_issuer, sub => 'same',
                     client_id => 'mobile');
    my $wrong = token(iss => $twin_issuer, client_id => 'another');

    is(ask('/twin', $web)->{status}, 200,
       'a token of the one whose keys are there');
    is(ask('/counted', $web)->{status}, 200, '... is counted by its subject');

    my @open = map {
        my $sock = IO::Socket::INET->new("127.0.0.1:$port") or die;
        print {$sock} text(@$_);
        $sock->flush;
        $sock;
    } [ '/counted', $mobile ], [ '/twin', $mobile ], [ '/counted', $same ],
      [ '/twin', $wrong ];

    is(ask('/twin', $web)->{status}, 200, '... while others wait');

    control("twin-$$/open");

    is(statuses_of(map { local $/; parsed(scalar <$_>) } @open),
       '200 200 200 401',
       'those of the other one have waited for its keys');
    is(statuses_of(map { ask('/counted', $mobile) } 1, 2), '200 429',
       '... and are counted by their subject');
};

$nginx->stop;


# with one thread, behind a gate

configure(threads => 1, gate => "gate-$$");
$nginx->start($port);

subtest 'so many wait for a thread, and no more' => sub {
    SocialNginx::wait_for(60, sub { control("gate-$$/count") > 0 })
        or die "no keys were asked for\n";

    my $forged = slow_token('ES384', 'p384', key => 'p384/2');
    my $good = slow_token('ES384', 'p384');
    my $short = slow_token('ES384', 'p384',
                           change => sub { substr $_[0], 1 });
    my @texts = ((map { text('/sub', $good) } 1 .. 50),
                 (map { text('/api', $forged) } 1 .. 250));

    my $opened = 0;
    my ($others, @fast_got) = (0);

    # 256 of 300 wait: the gate is opened when the others have their answers

    my @got = many($port, \@texts, tick => sub {
        my ($answered) = @_;

        return if $opened || $answered < 44;

        @fast_got = map { ask('/none') } 1 .. 3;
        push @fast_got, ask('/api', slow_token(@{ $fast[0] })),
                        ask('/api', $short);
        $others = $answered;
        $opened = 1;
        control("gate-$$/open");
    });

    my %count;
    $count{ $_->{status} }++ for @got;

    is($others, 44, '44 of 300 are answered at once');
    is(statuses_of(@fast_got), '200 200 200 200 401',
       '... and so are requests that need no thread');
    is($count{503}, 44, '... by 503');
    is($count{200}, 50, 'good ones have waited, in subrequests');
    is($count{401}, 206, '... and forged ones');
    is((grep { $_->{status} == 200 } @got[0 .. 49]), 50, '... each as it is');

    my ($busy) = grep { $_->{status} == 503 } @got;

    like($busy->{answer}, qr/^Retry-After: 2\r?$/m, 'the 503 says when');
    unlike($busy->{answer}, qr/WWW-Authenticate/, '... and challenges nobody');

    my @said = $nginx->error_log =~ /\[warn\].*(social: .*)/g;

    is(@said, 1, 'it is logged once');
    like($said[0], qr/^social: 256 signatures are being checked in threads, /,
         '... what is at its limit');

    is(ask('/api', $good)->{status}, 200, 'and afterwards all is well');
};

$nginx->stop;

configure(threads => 1);
$nginx->start($port);

subtest 'clients that leave' => sub {
    my $good = slow_token('ES512', 'p521', claims => { sub => 'stay' });
    my @leave = map { open_one('/api', slow_token('ES384', 'p384')) } 1 .. 20;
    my @stay = map { open_one($_ % 2 ? '/api' : '/conn', $good) } 1, 2;

    is(ask('/none')->{status}, 200, 'the process has seen them');
    close $_ for @leave;
    is(ask('/none')->{status}, 200, '... and that some have left');

    my @answers = map { local $/; parsed(scalar <$_>) } @stay;

    is(statuses_of(@answers), '200 200', 'those who stay are answered');
};

sub open_one {
    my $sock = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!\n";

    print {$sock} text(@_);
    $sock->flush;
    return $sock;
}

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'nothing bad is logged');

$nginx->stop;


# the queue of the threads may be full of other things as well

configure(threads => 1, queue => 2, gate => "full-$$");
$nginx->start($port);

subtest 'no room in the queue of the threads' => sub {
    SocialNginx::wait_for(60, sub { control("full-$$/count") > 0 })
        or die "no keys were asked for\n";

    my $good = slow_token('ES384', 'p384', claims => { sub => 'queue' });
    my $opened = 0;

    my @got = many($port, [ map { text('/api', $good) } 1 .. 12 ],
                   tick => sub {
        return if $opened || $_[0] < 10;

        $opened = 1;
        control("full-$$/open");
    });

    my @busy = grep { $_->{status} == 503 } @got;

    cmp_ok(scalar @busy, '>=', 10, 'ten of twelve find no room');
    is((grep { $_->{answer} =~ /^Retry-After: 2\r?$/m } @busy), scalar @busy,
       '... and are to come again');
    is((grep { $_->{status} == 200 } @got), 12 - @busy,
       'the others are let in');
    ok(SocialNginx::wait_for(10, sub { ask('/api', $good)->{status} == 200 }),
       '... and all are, afterwards');
};

$nginx->stop;


# a thread's verdict is by the keys that it had

configure(threads => 1, gate => "rotate-$$");
$nginx->start($port);

subtest 'keys that are replaced while a thread has the check' => sub {
    SocialNginx::wait_for(60, sub { control("rotate-$$/count") > 0 })
        or die "no keys were asked for\n";

    # a key that is another one; it is read by the same thread, before the last
    # of these are checked by the one that it replaces

    my $good = slow_token('ES384', 'p384', claims => { sub => 'rotate' });

    SocialToken::write_file("$nginx->{dir}/slow.json",
        sign_jwks(sign_jwk('p384/2', kid => 'p384'), sign_jwk('p256')));

    my @open = map {
        select undef, undef, undef, 0.25;
        open_one('/api', $good);
    } 1 .. 14;

    control("rotate-$$/open");

    my $got = statuses_of(map { local $/; parsed(scalar <$_>) } @open);

    like($got, qr/\A(?:200 )*401(?: 401)*\z/,
         'what the old key has signed is refused from then on');
    is(ask('/api', $good)->{status}, 401, '... for ever');
    is(ask('/api', slow_token('ES384', 'p384', key => 'p384/2'))->{status},
       200, 'and what the new one has signed is let in');
};

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/,
       'nothing worse is logged');

$nginx->stop;

done_testing();
