#!/usr/bin/perl

# The layers hold, and scripts/check-layers sees when they do not: violations
# are planted in a small copy, one at a time.

use strict;
use warnings;

use Cwd ();
use File::Path qw( make_path );
use File::Temp ();
use Test::More;

my $top = Cwd::getcwd();
my $copy = File::Temp->newdir(CLEANUP => 1);

delete @ENV{qw( BUILD SANITIZE )};

sub check {
    my ($dir) = @_;

    my $said = `cd $dir && scripts/check-layers 2>&1`;
    return ($?, $said);
}

sub write_file {
    my ($path, $text) = @_;

    (my $dir = "$copy/$path") =~ s{/[^/]*\z}{};
    make_path($dir);

    open my $out, '>', "$copy/$path" or die "$copy/$path: $!\n";
    print $out $text;
    close $out or die "$copy/$path: $!\n";
}

# What is planted: a file, its text, and what has to be said of it.

my @planted = (
    [ 'core/social_x.c', '#include <stdio.h>', qr/:1: .*<stdio\.h>/ ],
    [ 'core/social_x.c', '#include <time.h>', qr/:1: .*<time\.h>/ ],
    [ 'core/social_x.c', "\n#  include <sys/socket.h>",
      qr/:2: .*<sys\/socket\.h>/ ],
    [ 'core/social_x.c', '#include <openssl/evp.h>', qr/:1: <openssl/ ],
    [ 'core/social_x.c', '#include <jansson.h>', qr/:1: <jansson\.h> is/ ],
    [ 'core/social_x.c', '#include <curl/curl.h>', qr/:1: <curl/ ],
    [ 'core/social_x.c', '#include <ngx_config.h>', qr/:1: <ngx_config/ ],
    [ 'core/social_x.c', '#include HEADER', qr/:1: an include that names no/ ],
    [ 'core/social_x.c', '#include "social_net_fetch.h"',
      qr/:1: core includes "social_net_fetch\.h"/ ],
    [ 'core/social_x.c', '#include "ngx_http_social.h"',
      qr/:1: core includes "ngx_http_social\.h"/ ],
    [ 'core/social_x.c', "/* a\n */ int x(void)\n{ return time(NULL); }",
      qr/:3: I\/O, a clock/ ],
    [ 'core/social_x.c', 'ngx_int_t x;', qr/:1: nginx in core/ ],
    [ 'core/social_x.c', 'json_t *x;', qr/:1: jansson, which/ ],
    [ 'net/social_net_x.c', 'int x = NGX_OK;', qr/:1: nginx in net/ ],
    [ 'net/social_net_x.c', '#include <libpq-fe.h>', qr/:1: <libpq/ ],
    [ 'net/social_net_x.c', 'PGconn *x;', qr/:1: libpq in net/ ],
    [ 'pq/social_pq_x.c', '#include <ngx_core.h>', qr/:1: <ngx_core/ ],
    [ 'pq/social_pq_x.c', '#include <curl/curl.h>', qr/:1: <curl/ ],
    [ 'pq/social_pq_x.c', '#include "social_net_fetch.h"',
      qr/:1: pq includes/ ],
    [ 'worker/social_worker_x.c', '#include "ngx_http_social.h"',
      qr/:1: worker includes/ ],
    [ 'worker/social_worker_x.c', 'ngx_str_t x;', qr/:1: nginx in worker/ ],
    [ 'worker/social_worker_x.c', 'CURL *x;', qr/:1: libcurl in worker/ ],
    [ 'http/ngx_http_social_x.c', '#include "social_worker_job.h"',
      qr/:1: http includes/, 'worker/social_worker_job.h' ],
    [ 'http/ngx_http_social_x.c', '#include <libpq-fe.h>', qr/:1: <libpq/ ],
    [ 'http/ngx_http_social_x.c', '#include <curl/curl.h>', qr/:1: <curl/ ],
    [ 'http/ngx_http_social_x.c', '#include <vips/vips.h>', qr/:1: <vips/ ],
    [ 'http/ngx_http_social_x.c', "\n#if (nginx_version >= 1023000)\n#endif",
      qr/:2: nginx_version outside/ ],
    [ 'http/ngx_http_social_x.c', 'void ngx_json_x(void);',
      qr/:1: a name that is nginx's own/ ],
    [ 'store/social_store_x.c', 'int x;', qr/: store\/ is no layer/ ],

    map { [ 'http/ngx_http_social_x.c', "void x(void)\n{\n    $_(y);\n}",
            qr/:3: \Q$_\E\(\) may wait/ ] }
        qw( getaddrinfo PQexec PQconnectdb PQexecParams curl_easy_perform
            sleep usleep fopen fsync opendir ngx_open_file social_net_fetch )
);

# What looks like one, and is none.

my @innocent = (
    [ 'core/social_x.c', "/* ngx_http, PQexec() and time() */\nint x;" ],
    [ 'core/social_x.c', 'const char *x = "ngx_pool_t sleep(1)";' ],
    [ 'core/social_x.c', '#include <string.h>' ],
    [ 'core/social_crypto.c', '#include <openssl/evp.h>' ],
    [ 'net/social_net_x.c', '#include <curl/curl.h>' ],
    [ 'pq/social_pq_x.c', "#include <libpq-fe.h>\nPGresult *x;" ],
    [ 'http/ngx_http_social_x.c', '#include "social_pq.h"',
      'pq/social_pq.h' ],
    [ 'http/ngx_http_social_x.c',
      "void x(void)\n{\n    c->read(y);\n    t.sleep(1);\n    asleep(1);\n}" ],
    [ 'worker/social_worker_x.c', "#include <vips/vips.h>\nVipsImage *x;" ],
);

{
    my ($status, $said) = check($top);
    is($status, 0, 'the layers hold') or diag($said);
}

mkdir "$copy/scripts" or die "$copy/scripts: $!\n";
system("cp scripts/lib.sh scripts/check-layers $copy/scripts/") == 0
    or die "cannot copy the script\n";

write_file("ngx_social_module/$_", "\n")
    for qw( core/social_str.h net/social_net_fetch.h http/ngx_http_social.h );

{
    my ($status, $said) = check($copy);
    is($status, 0, 'they hold in the copy') or diag($said);
    like($said, qr/left out: symbols/, 'it says that there is no module');
}

for my $case (@planted) {
    my ($file, $text, $expected, $other) = @$case;

    write_file("ngx_social_module/$other", "\n") if $other;
    write_file("ngx_social_module/$file", "$text\n");

    my ($status, $said) = check($copy);
    my $name = $text =~ s/\n/ /gr;

    ok($status != 0, "$file: \"$name\" is refused");
    like($said, qr/^ngx_social_module\/\Q$file\E$expected/m, '... and named');

    unlink "$copy/ngx_social_module/$file";
    unlink "$copy/ngx_social_module/$other" if $other;
}

for my $case (@innocent) {
    my ($file, $text, $other) = @$case;

    write_file("ngx_social_module/$other", "\n") if $other;

    my $path = "$copy/ngx_social_module/$file";
    my $was = -e $path;

    write_file("ngx_social_module/$file", "$text\n") if !$was;

    my ($status, $said) = check($copy);
    my $name = $text =~ s/\n/ /gr;

    is($status, 0, "$file: \"$name\" is fine") or diag($said);

    unlink $path if !$was;
    unlink "$copy/ngx_social_module/$other" if $other;
}

# Symbols, with a library in the module's place.

my %symbols = (
    'int social_x(void) { return 0; }' => undef,
    'int ngx_http_social_x = 1;' => undef,
    'void *ngx_modules[1]; static int stray; int *social_y = &stray;'
        => undef,
    'int stray(void) { return 0; }' => qr/the symbol stray has no prefix/,
    'int state;' => qr/the symbol state has no prefix/,
    'int ngx_http_other(void) { return 0; }' => qr/ngx_http_other has no/,
    'int ngx_json_x(void) { return 0; }' => qr/ngx_json_x: such names/,
    'int ngx_data_x(void); int social_z(void) { return ngx_data_x(); }'
        => qr/ngx_data_x: such names/,
);

my $cc = $ENV{CC} || 'cc';

for my $code (sort keys %symbols) {
    write_file('build/x.c', "$code\n");

    system("$cc -shared -fPIC -o $copy/build/ngx_http_social_module.so"
           . " $copy/build/x.c") == 0
        or die "cannot compile \"$code\"\n";

    my ($status, $said) = check($copy);

    if (my $expected = $symbols{$code}) {
        ok($status != 0, "\"$code\" is refused");
        like($said, $expected, '... and named');

    } else {
        is($status, 0, "\"$code\" is fine") or diag($said);
    }
}

done_testing();
