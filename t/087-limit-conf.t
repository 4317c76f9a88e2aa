# Mistakes in the configuration of "social_limit_zone" and "social_limit".

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialConf;

my $zone = 'social_limit_zone a key=$arg_k rate=1r/s;';
my $db = 'social_database "host=/nowhere dbname=none";';

sub zone {
    my ($line, $more) = @_;
    return { http => "social_limit_zone $line; " . ($more // '') };
}

sub limit {
    my ($text, $http) = @_;
    return { http => $http // $zone, config => "location /x/ { $text }" };
}

no_root_location();

# the examples of the shipped file, without their comment signs

{
    open my $in, '<', 'conf/social/limits.conf' or die "limits.conf: $!\n";
    my $text = do { local $/; <$in> };
    my @examples = $text =~ /^#\s+(social_limit_zone[^;]*;)/mg;

    s/^#//mg for @examples;
    @examples >= 5 or die "there are no examples in limits.conf\n";
    accepted('what is shipped', { http => join "\n", @examples });
}

accepted('a rate', zone('a key=$arg_k rate=1r/s'));
accepted('all of it', zone('a-B_9 key=x$arg_k rate=5r/h burst=1 size=32k
                           fleet=off local=1'));
accepted('a quota', zone('a key=$arg_k quota=1r/week fleet=off'));
accepted('the longest name', zone('x' x 64 . ' key=$arg_k rate=1r/s'));
accepted('64 of them', { http => join "\n", map {
    "social_limit_zone z$_ key=\$arg_k rate=1r/s size=32k;" } 1 .. 64 });

refused('65 of them', { http => join "\n", map {
    "social_limit_zone z$_ key=\$arg_k rate=1r/s size=32k;" } 1 .. 65 },
    'there are more than 64 "social_limit_zone" directives');

for my $name ("''", 'off', 'a.b', 'a"b', 'x' x 65) {
    refused("the name $name", zone("$name key=\$arg_k rate=1r/s"),
            'in "social_limit_zone" directive, it must have 1 to 64 letters');
}

refused('a name twice', { http => "$zone $zone" },
        'duplicate name "a" in "social_limit_zone" directive');
refused('neither', zone('a key=$arg_k'),
        'social_limit_zone "a" has neither a rate nor a quota (it must have '
        . 'one of "rate" and "quota")');
refused('both', zone('a key=$arg_k rate=1r/s quota=1r/day'),
        'social_limit_zone "a" has both a rate and a quota');
refused('a burst of a quota', zone('a key=$arg_k quota=1r/day burst=1'),
        'social_limit_zone "a" has a burst of a quota');
refused('no database', zone('a key=$arg_k rate=1r/s fleet=on'),
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_limit_zone" directive');
refused('in a server', { config => $zone },
        '"social_limit_zone" directive is not allowed here');

accepted('a use', limit('social_limit a;'));
accepted('before its zone', { http => "social_limit a; $zone" });
accepted('off', limit('social_limit off;'));
accepted('a dry run', limit('social_limit a dry_run=on;'));

refused('no such zone', limit('social_limit b;'),
        'no "social_limit_zone" is defined (add it to the "http" block) with '
        . 'the name "b"');
refused('a limit twice', limit('social_limit a; social_limit a dry_run=on;'),
        'duplicate value "a" in "social_limit" directive');

for my $text ('social_limit off; social_limit off;',
              'social_limit a; social_limit off;',
              'social_limit off; social_limit a;')
{
    refused($text, limit($text), '"social_limit" directive is duplicate');
}

refused('off and more', limit('social_limit off dry_run=on;'),
        'parameter "dry_run=on" of "social_limit off"');
refused('nothing', limit('social_limit;'),
        'invalid number of arguments in "social_limit" directive');

for my $status (399, 600, 'x') {
    refused("the status $status", limit("social_limit_status $status;"),
            "invalid value \"$status\" in \"social_limit_status\" directive, "
            . 'it must be a number from 400 to 599');
}

refused('other headers', limit('social_limit_headers some;'),
        'invalid value "some" in "social_limit_headers" directive, it must be '
        . '"on", "refused" or "off"');
refused('another level', limit('social_limit_log_level debug;'),
        'invalid value "debug" in "social_limit_log_level" directive, it must '
        . 'be "info", "notice", "warn" or "error"');

for my $time ('199ms', '61s', 'x') {
    refused("the interval $time", { http => "social_limit_interval $time;" },
            "invalid value \"$time\" in \"social_limit_interval\" directive, "
            . 'it must be a time from 200ms to 1m');
}

refused('a zone that is too small', {
    http => "$db social_zone a:32k; $zone" }, 'social_zone');

run_conf();
