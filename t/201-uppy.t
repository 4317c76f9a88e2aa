#!/usr/bin/perl

# Uppy in a browser, by both of its protocols: each request signed by
# "social_presign ... sign", and Companion's endpoints by "... multipart". Parts
# are shown as they go, can be paused, outlive a reload of nginx and of the
# page, and are one object and one row in the end.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw( sha256_hex );
use IPC::Open2 qw( open2 );
use JSON::PP ();
use SocialNginx;
use SocialNode qw( node );
use SocialPostgres;
use SocialS3;
use SocialStore;
use SocialToken;
use Test::More;

my $chromium = $ENV{CHROMIUM} || '/usr/bin/chromium';

plan skip_all => "SKIPPED: there is no $chromium; scripts/deps e2e installs it"
    unless -x $chromium;
plan skip_all => 'SKIPPED: PostgreSQL is not installed; scripts/deps does it'
    unless SocialPostgres::bin();

my $log = `scripts/deps-npm 2>&1`;
my $node = node();

if ($? || !$node || !-e 'build/npm/uppy/stamp') {
    diag("NOT TESTED: Uppy, which could not be installed:\n$log");
    plan skip_all => 'SKIPPED: Uppy could not be installed';
}

my $mb = 1024 * 1024;
my $size = ($ENV{SOAK} ? 200 : 20) * $mb + 12_345;
my $count = int($size / (5 * $mb)) + 1;

my $pg = SocialPostgres->start;
$pg->migrate;

my ($port, $store_port) = map { SocialNginx::free_port() } 1, 2;
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my $s3 = SocialS3->new(port => $store_port, base => '/raw');

mkdir "$dir/root";
$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('html/index.html', '<!doctype html><title>Uppy</title>'
    . '<link rel="icon" href="data:,"><script src="page.js"></script>');
system($node, 'build/npm/uppy/bundle.mjs', "$dir/html/page.js") == 0
    or die "the page's script could not be made\n";

$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 512; }
http {
    types { text/html html; text/javascript js; }
    @{[ $nginx->http_paths ]}
$http_config
    social_database "@{[ $pg->gateway ]}" timeout=5s;
    social_revocations open;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$store_port;
        credentials file $dir/credentials;
    }
    social_presign_max_size 300m;
    log_format store "\$request_method \$arg_partNumber \$status";

    server {
        listen 127.0.0.1:$port;
        social_auth main;
        location / { social_auth off; root $dir/html; }
        location = /sign {
            social_auth_token \$http_authorization;
            social_presign raw sign kinds=photo,post;
            social_presign_key raw/\$social_sub/;
        }
        location /s3/ {
            social_auth_token \$cookie_session;
            social_presign raw multipart kinds=photo,post;
            social_presign_key raw/\$social_sub/\$social_upload_id.\$social_upload_ext;
        }
    }
    server {
        listen 127.0.0.1:$store_port;
        access_log $dir/logs/store.log store;
        location / {
            social_store raw root=$dir/root announce=on fsync=off max_size=300m;
            social_cors on;
            social_cors_origins http://127.0.0.1:$port;
            social_cors_methods GET PUT POST DELETE;
            social_cors_headers content-type;
            social_cors_expose etag location;
        }
    }
}
_EOC_

$nginx->start($port);

my $token = token(sub => 'ann', username => 'ann', exp => time + 3600);
my $browser = open2(my $out, my $in, $node, 't/e2e/drive.mjs',
                    "http://127.0.0.1:$port/", "session=$token");

END {
    local $?;
    if ($browser) {
        close $in;
        waitpid $browser, 0;
    }
    $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$;
}

sub said {
    local $SIG{ALRM} = sub { die "the browser does not answer\n" };
    alarm($ENV{SOAK} ? 600 : 120);
    my $line = <$out> // die "the browser has gone\n";
    alarm 0;

    my $answer = $json->decode($line);
    die "in the page: $answer->{error}\n" if defined $answer->{error};
    return $answer->{value};
}

sub page {
    my (@call) = @_;
    print {$in} $json->encode(\@call), "\n";
    $in->flush;
    return said();
}

sub begin { return page('begin', { token => $token, @_ }) }

# What the store was asked for since the last call: lines.

my $read = 0;

sub asked {
    my $text = SocialNginx::slurp("$dir/logs/store.log");
    my @lines = split /\n/, substr $text, $read;
    $read = length $text;
    return grep { !/^OPTIONS/ } @lines;
}

# How often each part was stored.

sub parts {
    my %n;
    /\APUT (\d+) 200\z/ and $n{$1}++ for @_;
    return \%n;
}

my $uploads = 0;

sub is_whole {
    my ($name, $state, $digest, %o) = @_;

    is($state->{error}, undef, "$name: no error");
    my $key = $state->{result}{body}{key} // '';
    like($key, qr{\Araw/ann/}, "$name: its key is the user's");
    like($state->{result}{uploadURL} // '', qr{/raw/raw/ann/},
         "$name: where it is");
    my $got = $s3->request(GET => '/' . join '/', map { SocialS3::escape($_) }
                           split m{/}, $key);
    is(sha256_hex($got->{body}), $digest, "$name: the object is the file");
    is($got->{headers}{'content-type'}, 'image/png', "$name: of its type");

    my @rows = split /\n/, $pg->wait_for("SELECT string_agg(concat_ws(' ',
        state, kind, generation), E'\\n') FROM uploads
        WHERE object_key = '" . $key =~ s/'/''/gr . "'", 'stored photo 1')
        // '';
    is_deeply(\@rows, [ 'stored photo 1' ], "$name: one row");
    is($pg->value('SELECT count(*) FROM jobs'), ++$uploads,
       "$name: and one job");

    my @steps = @{ $state->{progress} };
    cmp_ok(scalar @steps, '>=', $o{steps} // 1, "$name: its progress is shown");
    is($steps[-1], $state->{total}, "$name: up to the end");
    is(scalar(grep { $_ < 0 || $_ > $state->{total} } @steps), 0,
       "$name: and never beyond");
    is_deeply(page('problems'), [], "$name: nothing in the console");
    return;
}

sub none_left {
    my ($name) = @_;
    is($s3->request(GET => '', query => { uploads => '' })->{body}
       =~ /<Upload>/, '', "$name: no upload is left at the store");
    return;
}

is(said(), 'ready', 'the page is there');

my $n = 0;

for my $mode (qw( sign companion )) {

    # at once

    begin(mode => $mode);
    my $digest = page('add', $size, ++$n);
    asked();
    my $state = page('upload');
    is_deeply($state->{parts}, [ 1 .. $count ], "$mode: in parts");
    is_whole($mode, $state, $digest, steps => $count);
    is_deeply(parts(asked()), { map { $_ => 1 } 1 .. $count },
              "$mode: each part is sent once");

    # paused, and nginx reloaded meanwhile

    begin(mode => $mode);
    $digest = page('add', $size, ++$n);
    page('pausedAfter', 2);
    ok($nginx->reload(2), "$mode: a reload");
    is_deeply(page('state')->{parts}, [ 1, 2 ], "$mode: it is paused");
    is(page('state')->{result}, undef, "$mode: ... and has not ended");
    $state = page('resume');
    is_whole("$mode, paused", $state, $digest, steps => $count);
    is_deeply(parts(asked()), { map { $_ => 1 } 1 .. $count },
              "$mode: no part is sent twice");

    # the page is gone, and the file is chosen again

    begin(mode => $mode);
    $digest = page('add', $size, ++$n);
    page('pausedAfter', 1);
    my $kept = page('kept');
    ok($kept, "$mode: what a page keeps");
    page('reload');
    begin(mode => $mode);
    is(page('add', $size, $n, $kept), $digest, "$mode: the same file");
    $state = page('upload');
    is_deeply($state->{parts}, [ 2 .. $count ], "$mode: the rest of it");
    is_whole("$mode, again", $state, $digest, steps => $count - 1);
    is_deeply(parts(asked()), { map { $_ => 1 } 1 .. $count },
              "$mode: no part is sent twice");

    # cancelled

    begin(mode => $mode);
    page('add', $size, ++$n);
    page('pausedAfter', 1);
    page('cancel');
    SocialNginx::wait_for(30, sub { grep { /^DELETE - 204/ } asked() });
    none_left("$mode, cancelled");
    is_deeply(page('problems'), [], "$mode: nothing in the console");

    # small, and so not in parts

    begin(mode => $mode, whole => JSON::PP::true());
    $digest = page('add', 100_000, ++$n);
    asked();
    $state = page('upload');
    is_whole("$mode, whole", $state, $digest);
    is_deeply([ grep { !/^GET/ } asked() ], [ 'POST - 201' ], "$mode: by one form");
}

none_left('after all');

close $in;
waitpid $browser, 0;
is($?, 0, 'the browser ends');
undef $browser;

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'nothing was logged');
unlike($nginx->error_log, qr/X-Amz-Signature|eyJ[\w-]{10,}\.eyJ/,
       'no signature and no token either');
is_deeply([ SocialStore::orphans("$dir/root") ], [], 'no file is left over');

done_testing();
