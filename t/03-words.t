#!/usr/bin/perl

# The vocabulary is checked: each phrase that scripts/phrases refuses is found
# in a file that has nothing else, and plain English is not.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use Test::More;

my $top = Cwd::getcwd();
my $dir = File::Temp->newdir(CLEANUP => 1);

# Status and output of the check of one file of that text.

sub check {
    my ($text, $name) = @_;

    my $path = "$dir/" . ($name // 'a.c');

    open my $out, '>', $path or die "$path: $!\n";
    print {$out} $text;
    close $out or die "$path: $!\n";

    my $said = `perl $top/scripts/words.pl $top/scripts/phrases $path 2>&1`;
    return ($?, $said);
}

# What is planted: the text, and how the report of it begins.

my @planted = (
    [ '"social: the database is away: %s"', ':1: "is away"' ],
    [ "/*\n * the server went\n * away\n */", ':2: "went away"' ],
    [ "# the client goes\n# away", ':1: "goes away"', 'a.pl' ],
    [ "-- PostgreSQL was\n-- away", ':1: "was away"', 'a.sql' ],
    [ "log(\"the server \"\n    \"went \"\n    \"away\");", ':2: "went away"' ],
    [ "is(1, 1, 'it is '\n   . 'away');", ':1: "is away"', 'a.t' ],
    [ "=== TEST 1: the database is away", ':1: "is away"', 'a.t' ],
    [ "\n\nThe token is judged in PREACCESS.", ':3: "judg"', 'a.md' ],
    [ 'static int judge_token(int n);', ':1: "judg"' ],
    [ 'int x;', ': in its name: "judg"', 'judge.c' ],
    [ 'ngx_http_social_follower_t *f;', ':1: "follower"' ],
    [ 'tokens_Remembered = 1;', ':1: "Remember"' ],
    [ 'ngx_http_social_park_request(r);', ':1: "_park"' ],
    [ '/* those who obey */', ':1: "obey"' ],
    [ '/* the client is told */', ':1: "told"' ],
    [ '/* it tells keys apart */', ':1: "tells keys apart"' ],
    [ '"\"%V\" says not whose tokens"', ':1: "says not"' ],
    [ '"\"%V\" is no directory"', ':1: "is no "' ],
    [ "/* what is\n * no object */", ':1: "is no "' ],
    [ '/* nobody\'s key */', ':1: "nobody\'s"' ],
    [ '"takes users from anybody"', ':1: "anybody"' ],
    [ '/* whoever reads it */', ':1: "whoever"' ],
    [ '/* a wait in vain */', ':1: "in vain"' ],
    [ '/* sent all the same */', ':1: "all the same"' ],
    [ '/* made anew */', ':1: "anew"' ],
    [ '"it must be of small letters"', ':1: "must be of"' ],
    [ '/* the query\'s time, whose time is over */', ':1: "whose time is over"' ],
    [ '# Who asks too often gets 429', ':1: "asks too often"', 'a.conf' ],
    [ '/* its behaviour */', ':1: "behaviour"' ],
);

for my $case (@planted) {
    my ($text, $report, $name) = @$case;
    my ($status, $said) = check($text, $name);

    $name //= 'a.c';
    is($status >> 8, 1, "refused: $report");
    like($said, qr{/\Q$name$report\E}, '... where it stands')
        or diag($text);
}

# Plain English, and what only looks like a phrase.

my @plain = (
    'there is no token', 'the token is no longer valid',
    'it is no more than 64 bytes', 'user nobody nogroup;',
    'Halevi, Krawczyk, Krovetz, Rogaway', 'my $away = 1;', 'a spark',
    'favourite', 'colour space', 'vips_colourspace(in, &out)', 'knowledge',
    'if (remove(path) != 0) { return; }', 'it is valid: no key is needed',
    'a link, and what it takes', 'she wrote the letters',
);

for my $text (@plain) {
    my ($status, $said) = check("/* $text */\n");

    is("$status $said", '0 ', "accepted: $text");
}

# The list is read strictly: a line of another form is an error.

open my $out, '>', "$dir/list" or die "$dir/list: $!\n";
print {$out} "# a comment\n\nno arrow\n";
close $out or die "$dir/list: $!\n";

my $said = `perl $top/scripts/words.pl $dir/list $dir/a.c 2>&1`;
isnt($?, 0, 'a line without a replacement');
like($said, qr{list:3: }, '... is reported');

done_testing();
