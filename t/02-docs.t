#!/usr/bin/perl

# The documentation is that of the sources, and scripts/check-docs sees when it
# is not: faults are planted in a copy, one at a time.

use strict;
use warnings;
use utf8;

use Cwd ();
use File::Temp ();
use Test::More;

my $top = Cwd::getcwd();
my $copy = File::Temp->newdir(CLEANUP => 1);

delete @ENV{qw( BUILD SANITIZE )};

binmode Test::More->builder->$_, ':encoding(UTF-8)'
    for qw( output failure_output todo_output );

sub check {
    my ($dir, @arguments) = @_;

    my $said = `cd $dir && scripts/check-docs @arguments 2>&1`;

    utf8::decode($said);

    return ($?, $said);
}

sub slurp {
    my ($path) = @_;

    open my $in, '<:encoding(UTF-8)', $path or die "$path: $!\n";
    local $/ = undef;
    my $text = <$in>;
    close $in or die "$path: $!\n";

    return $text;
}

sub write_file {
    my ($path, $text) = @_;

    open my $out, '>:encoding(UTF-8)', $path or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
}

# The file that has a text, below a folder of the copy.

sub file_with {
    my ($text, $under) = @_;
    my @found = split /\n/, `cd $copy && grep -rlF -e '$text' $under`;

    die "nothing below $under has \"$text\"\n" if !@found;

    return $found[0];
}

{
    my ($status, $said) = check($top);
    is($status, 0, 'the documentation is complete') or diag($said);
}

# with what its pages name, and without what is made

system("tar -cf - --exclude=.git --exclude=./build --exclude=./var"
       . " --exclude=node_modules --exclude='servroot*' --exclude=./t/data ."
       . " | tar -xf - -C $copy") == 0
    or die "cannot copy\n";

{
    my ($status, $said) = check($copy);
    is($status, 0, 'so it is in the copy') or diag($said);
}

# What is planted: below which folder, what there, what instead, and what has
# to be said of it.  A page is named by what it has, since it may move.

my $command = 'ngx_string("social_auth_claim"),';

my @planted = (
    [ 'a directive that is not documented', 'ngx_social_module/http',
      qq({ $command), qq({ ngx_string("social_other"), NGX_HTTP_LOC_CONF,)
      . qq( x, 0, 0, NULL },\n\n    { $command),
      qr/social_other is not documented/ ],

    [ 'a directive that does not exist', 'ngx_social_module/http',
      $command, 'ngx_string("social_auth_claims"),',
      qr/social_auth_claims is not documented/,
      qr/there is no directive social_auth_claim\b/ ],

    [ 'another context in the sources', 'ngx_social_module/http',
      qr/(\{ ngx_string\("social_zone"\),\s*)NGX_HTTP_MAIN_CONF/,
      '$1NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF',
      qr/context of social_zone is http, server, not http/ ],

    [ 'a context that is wrong', 'docs/directives',
      qr/(## social_zone\n.*?\| context \| )http /s, '$1http, server ',
      qr/context of social_zone is http, not http, server/ ],

    [ 'the context of a line', 'docs/directives',
      qr/(### leeway\n.*?\| context \| )social_issuer /s, '$1http ',
      qr/context of social_issuer leeway is social_issuer, not http/ ],

    [ 'a default that is wrong', 'docs/directives',
      'social_auth_cache on;', 'social_auth_cache off;',
      qr/default of social_auth_cache is on, not "off"/ ],

    [ 'another default in the sources', 'ngx_social_module/http',
      'ngx_conf_merge_value(conf->json, prev->json, 0)',
      'ngx_conf_merge_value(conf->json, prev->json, 1)',
      qr/is the default of social_json_errors still "off"\?/ ],

    [ 'a default that nobody knows', 'docs/directives',
      qr/(## social_auth_scopes\n.*?\| default \| )– /s,
      '$1social_auth_scopes any x; ',
      qr/does not have the default "any x" of social_auth_scopes/ ],

    [ 'the default of a line', 'docs/directives',
      qr/(### jwks_cooldown\n.*?\| default \| )10s /s, '${1}11s ',
      qr/default of social_issuer jwks_cooldown is 10s, not "11s"/ ],

    [ 'the default of a parameter', 'docs/directives',
      '| **ttl=**_time_ | 60s |', '| **ttl=**_time_ | 30s |',
      qr/default of social_assertion ttl= is 60s, not "30s"/ ],

    [ 'a parameter that is not documented', 'docs/directives',
      qr/^\| \*\*part=\*\*.*\n/m, '',
      qr/parameter part= of social_store is not documented/ ],

    [ 'a parameter that does not exist', 'docs/directives',
      '| **part=**_prefix_ |', '| **parts=**_prefix_ |',
      qr/"social_store" has no parameter parts=/,
      qr/parameter part= of social_store is not documented/ ],

    [ 'a parameter without an example', 'docs/directives',
      'connections=4 ', '',
      qr/parameter connections= of social_database has no example/ ],

    [ 'a new table of parameters', 'ngx_social_module/http',
      qr/\z/, "\nstatic x_t  ngx_http_social_cors_params[] = {\n\n"
      . qq(    { ngx_string("other"), 0, NULL },\n\n    { NULL }\n};\n),
      qr/parameter other= of social_cors is not documented/ ],

    [ 'a new line of a block', 'ngx_social_module/http',
      qr/\z/, "\nstatic x_t  ngx_http_social_bucket_lines[] = {\n\n"
      . qq(    { ngx_string("other"), 0, NULL },\n\n    { NULL }\n};\n),
      qr/line "other" of social_bucket is not documented/ ],

    [ 'a line that is not documented', 'docs/directives',
      "### jwks_stale\n", "### jwks stale\n",
      qr/"social_issuer" has no line "jwks stale"/,
      qr/line "jwks_stale" of social_issuer is not documented/ ],

    [ 'a directive without a phase', 'docs/directives',
      qr/(## social_auth_token\n.*?)\| phase \| preaccess \|\n/s, '$1',
      qr/social_auth_token has no phase/ ],

    [ 'a directive without an example', 'docs/directives',
      "social_cors_deny 204;\n```", "social_cors_denies 204;\n```",
      qr/social_cors_deny has no example/ ],

    [ 'a variable that is not documented', 'docs/directives',
      '| `$social_kid` |', '| kid |',
      qr/variable \$social_kid is not documented/ ],

    [ 'a variable that does not exist', 'docs/directives',
      '| `$social_kid` |', '| `$social_key` |',
      qr/there is no variable \$social_key/ ],

    [ 'a variable of the sources', 'ngx_social_module/http',
      '{ ngx_string("social_claims"), NULL', '{ ngx_string("social_new"), NULL',
      qr/variable \$social_new is not documented/ ],

    [ 'a line of worker.conf', 'docs/worker.md',
      '| **recycle** |', '| recycle |',
      qr/"recycle" of the worker's "sandbox" is not documented/ ],

    [ 'a line of worker.conf that does not exist', 'docs/worker.md',
      '| **recycle** |', '| **recycles** |',
      qr/"sandbox" of the worker has no "recycles"/ ],

    [ 'the default of a line of worker.conf', 'docs/worker.md',
      '| **lease** | 60s |', '| **lease** | 6s |',
      qr/default of "lease" is 60s, not "6s"/ ],

    [ 'another default in the worker', 'ngx_social_module/worker',
      'CFG_STR("quality", "80"', 'CFG_STR("quality", "81"',
      qr/default of "quality" is 81, not "80"/ ],

    [ 'a command of the worker', 'ngx_social_module/worker',
      'strcmp(argv[0], "once")', 'strcmp(argv[0], "twice")',
      qr/"twice" of the worker's "command line" is not documented/,
      qr/"command line" of the worker has no "once"/ ],

    [ 'a log message that does not exist', 'docs/logs.md',
      'social: thread operation took', 'social: thread operations took',
      qr/sources do not have "social: thread operations took too long"/,
      qr/"social: thread operation took too long" is not documented/ ],

    [ 'a log message that another page quotes', 'docs/troubleshooting.md',
      qr/\z/, "\nThe log has `social: no such message`.\n",
      qr/do not have "social: no such message"/ ],

    [ 'the level of a log message', 'docs/logs.md',
      'took too long` | alert |', 'took too long` | warn |',
      qr/"social: thread operation took too long" is logged at the alert/ ],

    [ 'a new log message', 'ngx_social_module/http',
      qr/(ngx_log_error\(NGX_LOG_ALERT, ev->log, 0,\s*")social: /,
      '$1social: a new ', qr/"social: a new .*" is not documented/ ],

    [ 'a new event of the worker', 'ngx_social_module/worker',
      '"job released"', '"job given back"',
      qr/"job given back" is not documented/ ],

    [ 'a link to a page that is not there', 'docs/running.md',
      qr/\z/, "\n[x](nothing.md)\n", qr/there is no nothing\.md/ ],

    [ 'a link to a section that is not there', 'docs/running.md',
      qr/\z/, "\n[x](worker.md#nothing)\n",
      qr/there is no #nothing in docs\/worker\.md/ ],

    [ 'a picture that is not there', 'README.md',
      qr/\z/, "\n![x](docs/images/nothing.png)\n",
      qr/there is no docs\/images\/nothing\.png/ ],

    [ 'a name that does not exist', 'docs/running.md',
      qr/\z/, "\nCall `social_nothing()`.\n", qr/there is no social_nothing/ ],

    [ 'a file that does not exist', 'docs/architecture.md',
      qr/\z/, "\nSee `ngx_http_social_nothing.c`.\n",
      qr/there is no ngx_http_social_nothing\.c/ ],

    [ 'an index that is old', 'docs/directives/index.md',
      qr/^\| \[social_zone\].*\n/m, '', qr/is not what "scripts\/check-docs/ ],
);

for my $case (@planted) {
    my ($name, $under, $from, $to, @expected) = @$case;
    my ($file, $text, $was);

    # the first file below the folder in which it can be planted

    for my $path (sort split /\n/, `cd $copy && find $under -type f`) {
        next if $path =~ /index\.md\z/ && $under ne $path
                || $path =~ /\.(?:png|svg|map)\z/;

        $was = slurp("$copy/$path");
        $text = $was;
        $file = $path;

        if (ref $from) {
            $text =~ s{$from}{
                my @group = ('', $1 // '');
                $to =~ s/\$(?:1|\{1\})/$group[1]/r
            }e;

        } else {
            $text =~ s/\Q$from\E/$to/;
        }

        last if $text ne $was;
    }

    if (!defined $text || $text eq $was) {
        fail("$name: it can be planted below $under");
        next;
    }

    write_file("$copy/$file", $text);

    my ($status, $said) = check($copy);

    ok($status != 0, "$name is found");
    like($said, $_, '... and named') for @expected;

    write_file("$copy/$file", $was);
}

{
    write_file("$copy/docs/nothing.md", "# Nothing\n");

    my ($status, $said) = check($copy);

    ok($status != 0, 'a page that nothing links to is found');
    like($said, qr/docs\/nothing\.md: no page/, '... and named');

    unlink "$copy/docs/nothing.md";
}

{
    my ($status, $said) = check($copy, 'index');

    is($said, slurp("$top/docs/directives/index.md"), 'the index is printed');
    is($status, 0, '... without an error');
}

done_testing();
