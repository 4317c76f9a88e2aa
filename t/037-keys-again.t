#!/usr/bin/perl

# When keys are looked at again: a key server that fails is asked less and less,
# whatever requests come meanwhile, and a file that has changed is read, however
# little of it shows from outside.

use strict;
use warnings;

use lib 't/lib';
use SocialNginx;
use SocialServer;
use SocialTest;                     # for SocialToken
use SocialToken qw( bearer issuer_block jwks_text );
use Test::More;
use Time::HiRes ();

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my $server = $ENV{TEST_NGINX_BACKEND_PORT};

# how much of a file tells that it is another: one way of changing each, in
# which nothing else does

my @ways = qw( seconds nanoseconds size inode nothing );

my $then = int(Time::HiRes::time()) - 10_000;
my $future = $then + 20_000;

sub fill {
    my ($name, $extra) = @_;
    my $length = 1000 + length jwks_text('both');
    my $text = jwks_text($name);
    return $text . ' ' x ($length + ($extra // 0) - length $text);
}

# A new file in place of the old one: all of it, and its time, at once.

sub put {
    my ($name, $text, $time) = @_;

    $nginx->write_file("$name.new", $text);
    Time::HiRes::utime($time, $time, "$dir/$name.new");
    rename "$dir/$name.new", "$dir/$name" or die "rename: $!\n";
    return;
}

# Written over where it stands.  A worker that looks in between sees its new
# time, and reads it for that.

sub overwrite {
    my ($name, $text, $time) = @_;

    open my $out, '+<', "$dir/$name" or die "$name: $!\n";
    syswrite $out, $text;
    truncate $out, length $text;
    Time::HiRes::utime($time, $time, $out);
    close $out;
    return;
}

my %change = (
    seconds     => sub { overwrite('seconds', fill('next'), $then + 1) },
    nanoseconds => sub { overwrite('nanoseconds', fill('next'), $then + .75) },
    size        => sub { overwrite('size', fill('next', 1), $then) },
    inode       => sub { put('inode', fill('next'), $then) },

    # two changes in one tick of the file system's clock, for as long as there
    # may be others in the same

    nothing     => sub { overwrite('nothing', fill('next'), $future) },
);

put($_, fill('main'), $_ eq 'nothing' ? $future : $then) for @ways;

my $issuers = join '', map {
    issuer_block($_, "issuer https://$_.example", 'client_ids *',
                 "jwks_file $dir/$_") } @ways;

$issuers .= issuer_block($_, "issuer https://$_.example", 'client_ids *',
    "jwks_uri http://127.0.0.1:$server/keys/$_/500", 'jwks_cooldown 1h',
    'jwks_refresh 1h') for qw( quiet asked );
$issuers .= issuer_block('flapping', 'issuer https://flapping.example',
    'client_ids *', "jwks_uri http://127.0.0.1:$server/keys/flapping/500",
    'jwks_refresh 300ms');

my $locations = join '', map {
    "location = /$_ { social_auth $_; try_files /x =404; }\n"
} @ways, qw( quiet asked flapping );

mkdir "$dir/html";
$nginx->write_file('html/x', "here\n");
$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    $issuers
    server {
        listen 127.0.0.1:$port;
        root $dir/html;
        $locations
    }
}
_EOC_
$nginx->start($port);

sub status {
    my ($name, $key) = @_;
    my $answer = SocialNginx::request($port, join "\r\n",
        "GET /$name HTTP/1.0",
        bearer(iss => "https://$name.example", -key => $key // 'main'),
        '', '');
    return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

sub control {
    my ($path) = @_;
    my $answer = SocialNginx::request($server,
        "GET /control/$path HTTP/1.0\r\n\r\n");
    return $answer =~ /\r\n\r\n(\S*)/ ? $1 : '';
}

# Which status all workers have: as many requests as leave no doubt.

sub all_say {
    my ($name, $key) = @_;
    my %seen = map { (status($name, $key) => 1) } 1 .. 12;
    return join ' ', sort keys %seen;
}


subtest 'a key server that fails' => sub {
    my %gaps;

    # the other one is asked for by requests all the time

    ok(SocialNginx::wait_for(60, sub {
        status('asked') eq '503' or die "there are keys\n";

        for my $name (qw( quiet asked )) {
            my @times = split /,/, control("$name/times");
            return if @times < 4;
            $gaps{$name} = [ map { $times[$_] - $times[ $_ - 1 ] } 1 .. 3 ];
        }

        return 1;
    }), 'is asked again');

    for my $name (qw( quiet asked )) {
        my @least = (0.5, 1, 2);

        # timers have a millisecond or two of their own

        cmp_ok($gaps{$name}[$_], '>=', $least[$_] - 0.02,
               "$name: after $least[$_] s or more") for 0 .. 2;
    }
};

subtest 'a key server that fails twice' => sub {
    my $said = sub {
        my $log = $nginx->error_log;
        return scalar(() = $log =~ /\[error\].* keys of issuer "flapping"/g);
    };
    my $loaded = sub {
        my $log = $nginx->error_log;
        return $log =~ /loaded new keys of issuer "flapping"/;
    };

    ok(SocialNginx::wait_for(30, sub { $said->() == 1 }), 'it is said');
    control('flapping/mode/main');
    ok(SocialNginx::wait_for(60, $loaded), 'it is well again');
    is($said->(), 1, '... and was said once');

    control('flapping/mode/500');
    ok(SocialNginx::wait_for(30, sub { $said->() == 2 }), 'it is said again');
    is(status('flapping'), 200, '... with keys that stay');
};

subtest 'files' => sub {
    for my $way (@ways) {
        is(all_say($way), 200, "$way: the first keys");
        is(all_say($way, 'next'), 401, "$way: ... and no others");
    }

    $change{$_}->() for @ways;

    # for as long as any of them is not there yet

    my %old = map { $_ => 1 } @ways;

    SocialNginx::wait_for(30, sub {
        for my $way (keys %old) {
            delete $old{$way}
                if all_say($way, 'next') eq '200' && all_say($way) eq '401';
        }

        return !%old;
    });

    ok(!$old{$_}, "$_: the new keys") for @ways;
};

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing else');

done_testing();
