#!/usr/bin/perl

# Keys that cannot be had are our outage: a token whose key may be among them
# gets 503, never 401; /readyz says so, and so does the log.  What was asked for
# without success is asked for again; and a reload fetches.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use IO::Socket::INET ();
use JSON::PP ();
use SocialNginx;
use SocialServer;
use SocialToken;
use Test::More;

my $backend = "http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";
my $json = JSON::PP->new->canonical;
my ($port, $nginx, $id);
my $ids = 0;
our $workers = 2;

my ($old, $new) = (token(), token(-key => 'next'));
my $none = token(-key => 'other');

# both keys, in a set that is larger than what the zone has left

SocialToken::write_file(jwks_path('outage-large'), $json->encode({
    %{ $json->decode(jwks_text('both')) }, padding => 'x' x 300_000 }));


subtest 'the server of the keys fails' => sub {
    begin('main', 'jwks_cooldown 300ms', 'jwks_refresh 500ms');

    is(ask($old), 200, 'a key that is known');
    is(ask($none), 401, '... and one that is not');
    is(ready()->{keys}{main}, 'loaded', 'all is well');

    control('mode/500');
    ok(SocialNginx::wait_for(15, sub { ready()->{status} eq 'degraded' }),
       'the keys cannot be refreshed: /readyz says so');
    is(ready()->{keys}{main}, 'failing', '... and of which issuer');
    is(ready_status(), 200, '... and stays in service');

    is(ask($old), 200, 'a key that is known is still good');

    for my $token ($new, $none) {
        my ($status, $head) = answer($token);

        is($status, 503, 'one that is not known may exist');
        like($head, qr/^Retry-After: 2\r?$/m, '... come again');
        unlike($head, qr/^WWW-Authenticate/m, '... nobody is challenged');
    }

    is(ask($new, '/lenient'), 503, '... which is not anonymous either');
    is(ask($old, '/lenient'), 200, 'a good one is let in there');
    is(ask('x'), 401, 'what is not a token is refused');
    is(ask($new, '/early'), 503, 'and nothing is made of a variable');

    control('mode/both');
    ok(SocialNginx::wait_for(15, sub { ready()->{status} eq 'ready' }),
       'the server is back: /readyz says so');
    is(ask($new), 200, '... the key is there');
    is(ask($none), 401, '... and the other is not');

    my @said = $nginx->error_log
        =~ /\[error\].*could not load keys of issuer "main".*status 500/g;
    is(@said, 1, 'it was logged once');

    finish();
};


subtest 'a set that does not fit' => sub {
    begin('main', 'jwks_cooldown 300ms', 'jwks_refresh 500ms',
          'jwks_max_size 1m');

    is(ask($old), 200, 'a key that is known');

    control('mode/outage-large');
    ok(SocialNginx::wait_for(15, sub { ready_status() == 503 }),
       'the new set has no room in the zone: /readyz is red');
    is(ready()->{keys}{main}, 'full', '... and says why');

    is(ask($old), 200, 'a key that is known is still good');
    is(ask($new), 503, 'one of the new set is not refused');

    like($nginx->error_log,
         qr/\[error\].*issuer "main" from .*the shared zone is full, increase/,
         'the log says what to do');

    control('mode/both');
    ok(SocialNginx::wait_for(15, sub { ready_status() == 200 }),
       'a set that fits: /readyz is green');
    is(ask($new), 200, '... the key is there');

    control('mode/500');
    ok(SocialNginx::wait_for(15, sub { ready()->{status} eq 'degraded' }),
       'another failure, later');
    is(ready()->{keys}{main}, 'failing', '... is not for want of room');

    finish();
};


subtest 'a file that becomes unusable' => sub {
    $port = SocialNginx::free_port();
    $nginx = SocialNginx->new;

    my $file = "$nginx->{dir}/keys.json";

    replace($file, jwks_text('main'));
    configure("jwks_file $file");
    $nginx->start($port);

    is(ask($old), 200, 'a key that is known');
    is(ask($new), 401, '... and one that is not in the file');

    replace($file, jwks_text('empty'));
    ok(SocialNginx::wait_for(15, sub { ready()->{status} eq 'degraded' }),
       'the file has no keys any more: /readyz says so');
    is(ready()->{keys}{main}, 'failing', '... of which issuer');
    is(ask($old), 200, 'a key that is known is still good');
    is(ask($new), 503, 'the other is not refused');

    replace($file, jwks_text('both'));
    ok(SocialNginx::wait_for(15, sub { ready()->{status} eq 'ready' }),
       'it has keys again');
    is(ask($new), 200, '... the new one among them');

    finish();
};


subtest 'what was asked for and not found is asked for again' => sub {
    local $workers = 1;

    begin('main', 'jwks_cooldown 400ms', 'jwks_refresh 1h');

    is(ask($old), 200, 'a key that is known');
    SocialNginx::wait_for(10, sub { ask($new) == 401 && fetches() >= 2 });
    is(fetches(), 2, 'a new one was asked for, and is not there');

    control('mode/both');

    # until the cool-down is over nothing is asked; the first request
    # afterwards waits for the answer, and is let in

    my @got;

    ok(SocialNginx::wait_for(10, sub {
        push @got, ask($new);
        return fetches() == 3;
    }), 'it is asked for once more');

    is($got[-1], 200, '... and that request has waited');
    is((grep { $_ != 401 } @got[0 .. $#got - 1]), 0,
       '... after a while in which it was refused at once');
    is(fetches(), 3, '... by one fetch');

    finish();
};


subtest 'an emptied set, and a reload' => sub {
    begin('main', 'jwks_cooldown 100ms', 'jwks_refresh 1h');

    is(ask($old), 200, 'a key that is known');
    is(fetches(), 1, '... by one fetch');

    control('mode/empty');
    ok($nginx->reload, 'reloaded');
    ok(SocialNginx::wait_for(10, sub { fetches() >= 2 }),
       'a reload fetches, whatever "jwks_refresh" is');
    ok(SocialNginx::wait_for(10, sub {
        $nginx->error_log =~ /\[error\].*its array "keys" is empty; the last/
    }), 'a set without keys is an error');

    is(ask($old), 200, '... and the last good one stays in use');
    is(ready()->{keys}{main}, 'failing', '... which /readyz says');
    is(ask($new), 503, '... with whatever keys there may be');

    # how all of them are revoked at once: by a set with another one

    control('mode/next');
    ok($nginx->reload, 'reloaded');
    ok(SocialNginx::wait_for(10, sub { ask($old) == 401 }),
       'a set with another key takes the place of the old one');
    is(ask($new), 200, '... and has its key');

    finish();
};

done_testing();


sub begin {
    my ($mode, @lines) = @_;

    $id = "outage-$$-" . ++$ids;
    $port = SocialNginx::free_port();
    $nginx = SocialNginx->new;

    configure("jwks_uri $backend/keys/$id/$mode", @lines);
    $nginx->start($port);

    SocialNginx::wait_for(15, sub { (ready()->{status} // '') eq 'ready' })
        or die "no keys: ", $nginx->error_log, "\n";
    return;
}

sub configure {
    my (@lines) = @_;

    my $block = issuer_block('main', "issuer $issuer", 'client_ids web',
                             @lines);

    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes $workers;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    social_zone social:256k;
    $block

    server {
        listen 127.0.0.1:$port;
        root $nginx->{dir}/html;
        location /api { social_auth main; try_files /x =404; }
        location /lenient {
            social_auth main optional=lenient; try_files /x =404;
        }
        location /early {
            social_auth main;
            if (\$social_claim_banned = true) { return 403; }
            try_files /x =404;
        }
        location = /ready { social_ready; }
    }
}
_EOC_
    return;
}

sub finish {
    unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/,
           'nothing worse is logged');
    $nginx->stop;
    return;
}

sub get {
    my ($to, $path, @headers) = @_;

    my $answer = SocialNginx::request($to, join "\r\n", "GET $path HTTP/1.1",
        'Host: localhost', 'Connection: close', @headers, '', '');
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};

    return ($status // 0, $head // '', $body // '');
}

sub answer {
    my ($token, $path) = @_;

    return get($port, $path // '/api', "Authorization: Bearer $token");
}

sub ask { return (answer(@_))[0] }

sub ready { return $json->decode((get($port, '/ready'))[2] || '{}') }
sub ready_status { return (get($port, '/ready'))[0] }

sub control {
    my (undef, undef, $body) = get($ENV{TEST_NGINX_BACKEND_PORT},
                                   "/control/$id/$_[0]");
    chomp $body;
    return $body;
}

sub fetches { return control('count') }

# A file as a whole: nobody reads a part of it.

sub replace {
    my ($path, $text) = @_;

    SocialToken::write_file($path, $text);
    return;
}
