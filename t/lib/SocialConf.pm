package SocialConf;

# Suites of invalid configurations, as a table:
#
#     refused('a name', { http => ..., config => ..., main => ... },
#             'a text of the error log', qr/or a regex/);
#
# Each is a block with must_die; accepted() is one that starts and answers a
# request for "/".  run_conf() plans them and runs them.

use strict;
use warnings;

use Exporter qw( import );

our @EXPORT = qw( refused accepted run_conf );

my @blocks;
my $planned = 0;

sub block {
    my ($name, $conf, @sections) = @_;

    my %section = (http => 'http_config', main => 'main_config',
                   config => 'config', files => 'user_files');
    my $text = '=== TEST ' . (@blocks + 1) . ": $name\n";

    $conf = { config => '', %$conf };

    for my $key (sort keys %$conf) {
        my $section = $section{$key} or die "$name: what is \"$key\"?\n";
        $text .= "--- $section\n$conf->{$key}\n";
    }

    push @blocks, join "\n", $text, @sections, "\n";
}

# The message ends in the file and the line.

sub refused {
    my ($name, $conf, @patterns) = @_;

    my @log = map {
        ref ? "qr{$_}" : 'qr{\[emerg\] .*' . quotemeta() . '}'
    } @patterns;

    $planned += @patterns + 5;

    block($name, $conf, '--- must_die', '--- error_log eval',
          '[' . join(",\n", @log, 'qr{ in \S+:\d+$}') . ']',
          '--- no_error_log', '[alert]', '[crit]', 'signal');
}

sub accepted {
    my ($name, $conf, @sections) = @_;

    if (!grep { /no_error_log/ } @sections) {
        push @sections, '--- no_error_log', '[alert]', '[crit]', '[emerg]',
             '[error]';
    }

    # the status, and each line that is in the log or not

    $planned += 1 + grep { $_ ne '' && !/^---/ } split /\n/,
                     join "\n", @sections;

    block($name, $conf, @sections, '--- request', 'GET /index.html');
}

sub run_conf {
    Test::More::plan(tests => Test::Nginx::Socket::repeat_each() * $planned);
    Test::Base::spec_string(join '', @blocks);
    Test::Nginx::Socket::run_tests();
}

1;
