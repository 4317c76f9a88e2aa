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
    [ 'core/json/social_x.c', '#include <stdio.h>', qr/:1: .*<stdio\.h>/ ],
    [ 'core/json/social_x.c', '#include <time.h>', qr/:1: .*<time\.h>/ ],
    [ 'core/json/social_x.c', "\n#  include <sys/socket.h>",
      qr/:2: .*<sys\/socket\.h>/ ],
    [ 'core/json/social_x.c', '#include <openssl/evp.h>', qr/:1: <openssl/ ],
    [ 'core/json/social_x.c', '#include <jansson.h>', qr/:1: <jansson\.h> is/ ],
    [ 'core/json/social_x.c', '#include <curl/curl.h>', qr/:1: <curl/ ],
    [ 'core/json/social_x.c', '#include <ngx_config.h>', qr/:1: <ngx_config/ ],
    [ 'core/json/social_x.c', '#include HEADER', qr/:1: an include that names no/ ],
    [ 'core/json/social_x.c', '#include "social_net_fetch.h"',
      qr/:1: core\/json includes "social_net_fetch\.h"/ ],
    [ 'core/json/social_x.c', '#include "ngx_http_social.h"',
      qr/:1: core\/json includes "ngx_http_social\.h"/ ],
    [ 'core/json/social_x.c', "/* a\n */ int x(void)\n{ return time(NULL); }",
      qr/:3: I\/O, a clock/ ],
    [ 'core/json/social_x.c', 'ngx_int_t x;', qr/:1: nginx in core/ ],
    [ 'core/json/social_x.c', 'json_t *x;', qr/:1: jansson, which/ ],
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
    [ 'http/store/ngx_http_social_x.c', '#include "social_worker_job.h"',
      qr/:1: http\/store includes/, 'worker/social_worker_job.h' ],
    [ 'http/store/ngx_http_social_x.c', '#include <libpq-fe.h>', qr/:1: <libpq/ ],
    [ 'http/store/ngx_http_social_x.c', '#include <curl/curl.h>', qr/:1: <curl/ ],
    [ 'http/store/ngx_http_social_x.c', '#include <vips/vips.h>', qr/:1: <vips/ ],
    [ 'http/store/ngx_http_social_x.c', "\n#if (nginx_version >= 1023000)\n#endif",
      qr/:2: nginx_version outside/ ],
    [ 'http/store/ngx_http_social_x.c', 'void ngx_json_x(void);',
      qr/:1: a name that is nginx's own/ ],
    [ 'core/json/social_x.c', '#include "social_url.h"',
      qr/:1: core\/json includes "social_url\.h"/, 'core/http/social_url.h' ],
    [ 'http/store/ngx_http_social_x.c', '#include "ngx_http_social_hook.h"',
      qr/:1: http\/store includes/, 'http/hook/ngx_http_social_hook.h' ],
    [ 'core/social_x.c', 'int x;', qr/: core\/ is not in/ ],
    [ 'core/other/social_x.c', 'int x;', qr/: core\/other\/ is not in/ ],
    [ 'store/social_store_x.c', 'int x;', qr/: store\/ is not in/ ],

    map { [ 'http/store/ngx_http_social_x.c', "void x(void)\n{\n    $_(y);\n}",
            qr/:3: \Q$_\E\(\) may wait/ ] }
        qw( getaddrinfo PQexec PQconnectdb PQexecParams curl_easy_perform
            sleep usleep fopen fsync opendir ngx_open_file social_net_fetch )
);

# What looks like one, and is none.

my @innocent = (
    [ 'core/json/social_x.c', "/* ngx_http, PQexec() and time() */\nint x;" ],
    [ 'core/json/social_x.c', 'const char *x = "ngx_pool_t sleep(1)";' ],
    [ 'core/json/social_x.c', '#include <string.h>' ],
    [ 'core/base/social_crypto.c', '#include <openssl/evp.h>' ],
    [ 'core/token/social_x.c', '#include "social_url.h"',
      'core/http/social_url.h' ],
    [ 'http/store/ngx_http_social_x.c', '#include "ngx_http_social_auth.h"',
      'http/auth/ngx_http_social_auth.h' ],
    [ 'net/social_net_x.c', '#include <curl/curl.h>' ],
    [ 'pq/social_pq_x.c', "#include <libpq-fe.h>\nPGresult *x;" ],
    [ 'http/store/ngx_http_social_x.c', '#include "social_pq.h"',
      'pq/social_pq.h' ],
    [ 'http/store/ngx_http_social_x.c',
      "void x(void)\n{\n    c->read(y);\n    t.sleep(1);\n    asleep(1);\n}" ],
    [ 'worker/social_worker_x.c', "#include <vips/vips.h>\nVipsImage *x;" ],
);

{
    my ($status, $said) = check($top);
    is($status, 0, 'the layers hold') or diag($said);
}

mkdir "$copy/scripts" or die "$copy/scripts: $!\n";
mkdir "$copy/ngx_social_module" or die "$copy/ngx_social_module: $!\n";
system("cp scripts/lib.sh scripts/check-layers scripts/layers.pl $copy/scripts/"
       . " && cp ngx_social_module/FOLDERS $copy/ngx_social_module/") == 0
    or die "cannot copy the script\n";

write_file("ngx_social_module/$_", "\n")
    for qw( core/base/social_str.h net/social_net_fetch.h http/base/ngx_http_social.h );

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

# Symbols: of an object file, and of a library in the module's place, which is
# linked as the module is ("exported" what is not).

my $cc = $ENV{CC} || 'cc';
my $link = "-shared -fPIC -o $copy/build/ngx_http_social_module.so"
           . " $copy/build/x.c";
my $map = "-Wl,--version-script=$top/ngx_social_module/exports.map";
my $nginx = 'void *ngx_modules[1], *ngx_module_names[1], *ngx_module_order[1];';

my @symbols = (
    [ $nginx, $link ],
    [ "$nginx int social_x(void) { return 0; }", "$link $map" ],
    [ "$nginx int social_x(void) { return 0; }", $link,
      qr/symbol social_x is exported/ ],
    [ 'int ngx_json_x(void); int x(void) { return ngx_json_x(); }',
      "$link $map", qr/ngx_json_x: such names/ ],
    [ 'int ngx_data_x(void); int x(void) { return ngx_data_x(); }',
      "$link $map", qr/ngx_data_x: such names/ ],

    map { [ $_->[0], "-c -o $copy/build/obj/core/x.o $copy/build/x.c",
            $_->[1] ] }
        [ 'int social_x(void) { return 0; }' ],
        [ 'int ngx_http_social_x = 1; static int stray;'
          . ' int *social_y = &stray;' ],
        [ 'int stray(void) { return 0; }', qr/symbol stray has no prefix/ ],
        [ 'int state;', qr/symbol state has no prefix/ ],
        [ 'int ngx_http_other(void) { return 0; }',
          qr/ngx_http_other has no prefix/ ],
);

make_path("$copy/build/obj/core");

for my $case (@symbols) {
    my ($code, $arguments, $expected) = @{$case};

    write_file('build/x.c', "$code\n");
    unlink "$copy/build/obj/core/x.o";

    system("$cc $arguments") == 0
        or die "cannot compile \"$code\"\n";

    my ($status, $said) = check($copy);

    if ($expected) {
        ok($status != 0, "\"$code\" is refused");
        like($said, $expected, '... and named');

        # the next one is of an object file, beside a good library

        system("$cc -shared -fPIC -o $copy/build/ngx_http_social_module.so"
               . " -x c /dev/null") == 0 or die;

    } else {
        is($status, 0, "\"$code\" is fine") or diag($said);
    }
}

done_testing();
