#!/usr/bin/perl

# Makes the manual pages of social-worker from docs/worker.md, in the macros of
# mdoc(7):
#
#   perl scripts/man.pl 8 docs/worker.md date > social-worker.8
#   perl scripts/man.pl 5 docs/worker.md date > social-worker.conf.5
#
# The first one is the page without its section "Configuration", the other one
# that section.  "date" is in seconds.

use strict;
use warnings;

use POSIX qw( setlocale strftime LC_ALL );

my ($section, $file, $date) = @ARGV;

die "usage: man.pl 8|5 worker.md seconds\n"
    if ($section // '') !~ /\A[58]\z/ || ($date // '') !~ /\A\d+\z/;

my %of = (
    8 => {
        name => 'social-worker',
        what => 'process the jobs of ngx_social_module',
        see  => ['social-migrate 8', 'social-worker.conf 5',
                 'systemd.service 5', 'nginx 8'],
    },
    5 => {
        name => 'social-worker.conf',
        what => 'configuration file of social-worker',
        see  => ['social-worker 8', 'environ 7'],
    },
);

my $page = $of{$section};

open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
my @lines = <$in>;
close $in;
chomp @lines;

binmode STDOUT, ':encoding(UTF-8)';


# The characters that roff reads as its own, and fonts for what Markdown marks.

sub plain {
    my ($text) = @_;

    $text =~ s/\\([|*_`])/$1/g;
    $text =~ s/\\/\\e/g;
    $text =~ s/…/.../g;
    $text =~ s/–/\\(en/g;
    $text =~ s/→/\\(->/g;

    return $text;
}

sub literal {
    my ($text) = @_;

    $text = plain($text);
    $text =~ s/-/\\-/g;

    return $text;
}

sub inline {
    my ($text) = @_;

    # what is between backquotes stays as it is

    my @parts = split /(`[^`]+`)/, $text;

    for (@parts) {
        if (/\A`([^`]+)`\z/) {
            $_ = "\\fB" . literal($1) . "\\fR";
            next;
        }

        $_ = plain($_);
        s/\[([^\]]*)\]\((https?:[^)]*)\)/$1 ($2)/g;
        s/\[([^\]]*)\]\([^)]*\)/$1/g;
        s/\*\*(.+?)\*\*/'\\fB' . ($1 =~ s{-}{\\-}gr) . '\\fR'/ge;
        s/\*(.+?)\*/\\fI$1\\fR/g;
    }

    # a link around code

    $text = join '', @parts;
    $text =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;

    return $text;
}

# A sentence begins on a line of its own; no line begins with a control
# character.

sub text {
    my ($text) = @_;

    $text =~ s/\s+/ /g;
    $text =~ s/\A | \z//g;
    $text =~ s/(?<!e\.g|i\.e)([.!?](?:\\fR)?[)"]?) (?=\S)/$1\n/g;

    my @out;

    for my $sentence (split /\n/, $text) {
        my $line = '';

        for my $word (split / /, $sentence) {
            if (length $line && length("$line $word") > 76) {
                push @out, $line;
                $line = '';
            }
            $line .= length $line ? " $word" : $word;
        }

        push @out, $line if length $line;
    }

    s/\A([.'])/\\&$1/ for @out;

    return join('', map { "$_\n" } @out);
}

sub cells {
    my ($line) = @_;

    $line =~ s/\A\|\s*//;
    $line =~ s/\s*\|\z//;

    return split /\s*(?<!\\)\|\s*/, $line, -1;
}

# The first cell is a term, the last one its text; what is between them has the
# names of the columns.

sub table {
    my (@rows) = @_;

    my @head = cells(shift @rows);
    shift @rows;

    my $out = ".Bl -tag -width Ds\n";

    for my $row (@rows) {
        my @cell = cells($row);
        my $term = inline(shift @cell);
        my $text = inline(pop @cell // '');
        my @more;

        for my $k (1 .. @cell) {
            my $cell = inline($cell[$k - 1]);
            push @more, "$head[$k]: $cell" if $cell !~ /\A(?:\\\(en)?\z/;
        }

        $text .= '. ' . ucfirst join('; ', @more) . '.' if @more;
        $term =~ s/"/\\(dq/g;
        $out .= ".It \"$term\"\n" . text($text);
    }

    return "$out.El\n";
}

sub code {
    my (@code) = @_;

    my $out = ".Bd -literal -offset indent\n";

    for my $line (@code) {
        my $text = literal($line);
        $text =~ s/\A([.'])/\\&$1/;
        $out .= "$text\n";
    }

    return "$out.Ed\n";
}


# Blocks, in the order of the page.

sub body {
    my ($deeper, @in) = @_;

    my $out = '';
    my $begun = 0;

    while (@in) {
        my $line = shift @in;

        if ($line =~ /\A```/) {
            my @code;
            push @code, shift @in while @in && $in[0] !~ /\A```/;
            shift @in;
            $out .= code(@code);

        } elsif ($line =~ /\A(#+) (.*)/) {
            my $title = inline($2);
            $out .= length($1) - $deeper == 2 ? ".Sh \U$title\E\n"
                                              : ".Ss $title\n";
            $begun = 0;
            next;

        } elsif ($line =~ /\A\|/) {
            my @rows = ($line);
            push @rows, shift @in while @in && $in[0] =~ /\A\|/;
            $out .= table(@rows);

        } elsif ($line =~ /\A\* (.*)/) {
            my @items = ($1);
            while (@in && $in[0] =~ /\A(?:\* |  )(.*)/) {
                my $next = shift @in;
                if ($next =~ /\A\* (.*)/) {
                    push @items, $1;
                } else {
                    $items[-1] .= " $next";
                }
            }
            $out .= ".Bl -bullet\n"
                . join('', map { ".It\n" . text(inline($_)) } @items)
                . ".El\n";

        } elsif ($line =~ /\S/) {
            my @text = ($line);
            push @text, shift @in
                while @in && $in[0] =~ /\A(?!\||#|```|\* )\S/;
            $out .= ".Pp\n" if $begun;
            $out .= text(inline(join ' ', @text));

        } else {
            next;
        }

        $begun = 1;
    }

    return $out;
}


# Sections of the second level, the first one without a title.

my @sections = ([]);
my $fence = 0;

for my $line (@lines) {
    $fence = !$fence if $line =~ /\A```/;
    push @sections, [] if !$fence && $line =~ /\A## /;
    push @{ $sections[-1] }, $line;
}

my $intro = shift @sections;
shift @$intro;

my ($command) = grep { $_->[0] eq '## Command line' } @sections;
my ($conf) = grep { $_->[0] eq '## Configuration' } @sections;

die "$file: no section \"Command line\" or \"Configuration\"\n"
    if !$command || !$conf;

setlocale(LC_ALL, 'C');

print '.\" made from docs/worker.md by scripts/man.pl', "\n",
    '.Dd ', strftime('%B %e, %Y', gmtime $date) =~ s/  / /r, "\n",
    ".Dt \U$page->{name}\E $section\n.Os\n",
    ".Sh NAME\n.Nm $page->{name}\n.Nd $page->{what}\n";

if ($section == 8) {
    my @synopsis = @$command;
    shift @synopsis;

    print ".Sh SYNOPSIS\n.Nm\n.Op Fl c Ar file\n.Op Fl dv\n.Ar command\n",
        ".Sh DESCRIPTION\n", body(0, @$intro),
        ".Sh COMMANDS AND OPTIONS\n", body(0, @synopsis);
    print body(0, @$_) for grep { $_ != $command && $_ != $conf } @sections;
    print ".Sh FILES\n.Bl -tag -width Ds\n",
        ".It Pa /etc/social-worker/worker.conf\n",
        "the configuration of the service, see\n.Xr social-worker.conf 5\n",
        ".It Pa /etc/social-worker/NAME.conf\n",
        "that of the service\n.Sy social-worker\@NAME\n",
        ".El\n";

} else {
    my @rest = @$conf;
    shift @rest;
    print ".Sh DESCRIPTION\n", body(1, @rest);
}

my @see = sort { (split / /, $a)[1] <=> (split / /, $b)[1] || $a cmp $b }
    @{ $page->{see} };

print ".Sh SEE ALSO\n", join(" ,\n", map { ".Xr $_" } @see), "\n";
