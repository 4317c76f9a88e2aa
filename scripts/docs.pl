#!/usr/bin/perl

# What scripts/check-docs does.  Runs in the repository's root.
#
# What a page has to look like: a directive is a section "## social_x", a line
# of its block a section "### x" in it; either begins with a table of syntax,
# default, context, phase and since.  A parameter is a row "**name=**" in its
# directive's section, a variable a row "`$social_x`".  A line of worker.conf
# is a row "**name**" in the section of docs/worker.md that is named after the
# section of worker.conf; the lines outside of sections are in "Global lines".
# Each of them is in an example of its section.  A log message is the first
# cell of a row in docs/logs.md, with "…" for what varies.

use strict;
use warnings;
use utf8;

use File::Find ();

my $reference = 'docs/directives';
my $index = "$reference/index.md";
my $defaults = 'scripts/docs.defaults';

my @top = qw( README.md SECURITY.md );
my $bad = 0;

my (%source, %command, %variable, %worker, %messages, %format);
my (%page, %directive, %line, %documented, %default);

sub report {
    my ($where, $what) = @_;

    print "$where: $what\n";
    $bad++;
}

sub slurp {
    my ($file) = @_;

    open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
    local $/ = undef;
    my $text = <$in>;
    close $in;

    return $text;
}

sub files {
    my ($dir, $name) = @_;
    my @found;

    File::Find::find({ no_chdir => 1,
                       wanted => sub { push @found, $_ if /$name/ } }, $dir);

    @found = sort @found;

    return @found;
}

# ---------------------------------------------------------------- sources

# Without comments, and with adjacent strings joined.

sub read_sources {
    for my $file (files('ngx_social_module', qr/\.[ch]\z/)) {
        my $text = slurp($file);

        $text =~ s{("(?:\\.|[^"\\\n])*")|/\*.*?\*/}{ $1 // ' ' }gse;
        1 while $text =~ s/("(?:\\.|[^"\\\n])*)"\s+"((?:\\.|[^"\\\n])*")/$1$2/g;

        $source{$file} = $text;
    }
}

my %context = (
    NGX_HTTP_MAIN_CONF => 'http',
    NGX_HTTP_SRV_CONF  => 'server',
    NGX_HTTP_SIF_CONF  => 'if in server',
    NGX_HTTP_LOC_CONF  => 'location',
    NGX_HTTP_LIF_CONF  => 'if in location',
    NGX_HTTP_LMT_CONF  => 'limit_except',
    NGX_HTTP_UPS_CONF  => 'upstream',
);

my @contexts = qw( NGX_HTTP_MAIN_CONF NGX_HTTP_SRV_CONF NGX_HTTP_SIF_CONF
                   NGX_HTTP_LOC_CONF NGX_HTTP_LIF_CONF NGX_HTTP_LMT_CONF
                   NGX_HTTP_UPS_CONF );

sub http_sources {
    my @found = sort grep { m{/http/} && /\.c\z/ } keys %source;

    return @found;
}

sub read_commands {
    for my $file (http_sources()) {
        my $text = $source{$file};

        while ($text =~ /\{\s*ngx_string\("(social_\w+)"\),\s*([\w|\s]+),/g) {
            my ($name, $flags) = ($1, $2);

            if ($flags =~ /NGX_HTTP_\w+_CONF/) {
                my %has = map { $_ => 1 } split /[\s|]+/, $flags;

                $command{$name} = {
                    file => $file, params => {}, lines => {},
                    context => join(', ', map { $context{$_} }
                                              grep { $has{$_} } @contexts),
                };

            } elsif ($flags =~ /^NULL/) {
                my $prefix = $text =~ /\G[^{}]*VAR_PREFIX/gc;

                $variable{$name . ($prefix ? '*' : '')} = $file;
            }
        }
    }
}

# The directive that a table or a file belongs to, by its name: of the longest
# name that it begins with, or one that begins with it, or of the same file.

sub owner {
    my ($name, $file) = @_;
    my ($stem, @found);

    for my $candidate ($name, $file =~ m{([^/]+)\.c\z}) {
        ($stem = $candidate) =~ s/\Angx_http_//;

        @found = sort { length $b <=> length $a }
                 grep { $stem =~ /\A\Q$_\E(?:_|\z)/ } keys %command;
        return $found[0] if @found;

        $stem =~ s/_(?:module|conf|params|parameters|lines)\z//;
        @found = grep { /\A\Q$stem\E/ } sort keys %command;
        return $found[0] if @found == 1;
    }

    @found = grep { $command{$_}{file} eq $file } sort keys %command;

    return @found == 1 ? $found[0] : undef;
}

sub add_parameter {
    my ($kind, $name, $table, $file) = @_;
    my $owner = owner($table, $file);

    if (!defined $owner) {
        report($file, "which directive has the \"$name\" of $table?");
        return;
    }

    $command{$owner}{$kind}{$name} = 1;
}

# Tables of parameters and lines; and what a setter compares by hand.

sub read_parameters {
    for my $file (http_sources()) {
        my $text = $source{$file};
        my ($stem) = $file =~ m{([^/]+)\.c\z};

        while ($text =~ /(\w+_(params|parameters|lines))\[\w*\]\s*=\s*\{
                         (.*?)\n\}\s*;/gsx)
        {
            my ($table, $kind, $body) = ($1, $2, $3);

            $kind = 'params' if $kind eq 'parameters';

            while ($body =~ /\{\s*ngx_string\("(\w+)=?"\)/g) {
                add_parameter($kind, $1, $table, $file);
            }
        }

        while ($text =~ /(?:ngx_strncmp\(\s*value(?:\[\w\])?(?:->|\.)data,\s*
                         |\bprefix\s*=\s*social_string\(\s*)"(\w+)="/gx)
        {
            add_parameter('params', $1, $stem, $file);
        }

        next if $text =~ /\w_lines\[\w*\]\s*=/;

        while ($text =~ /ngx_strcmp\(value\[0\]\.data,\s*"(\w+)"\)/g) {
            my $name = $1;

            add_parameter('lines', $name, $stem, $file)
                if $name ne 'include';
        }
    }
}

# libConfuse's tables.  The root is the one with sections.

sub read_worker {
    my (%table, $root);

    for my $file (sort grep { m{/worker/} } keys %source) {
        while ($source{$file} =~ /cfg_opt_t\s+(\w+)\[\]\s*=\s*\{(.*?)\n\};/gs) {
            my ($name, $body) = ($1, $2);

            $table{$name} = $body;
            $root = $name if $body =~ /CFG_SEC\(/;
        }
    }

    return if !defined $root;

    my %section = ('global lines' => $root);

    while ($table{$root} =~ /CFG_SEC\("(\w+)",\s*(\w+)/g) {
        $section{$1} = $2;
    }

    for my $name (keys %section) {
        my $body = $table{$section{$name}};

        while ($body =~ /CFG_(STR|STR_LIST|BOOL|INT|FLOAT)\("(\w+)",
                         \s*("[^"]*"|\w+),\s*(\w+)/gx)
        {
            my ($type, $line, $value, $flags) = ($1, $2, $3, $4);

            $value = 'NULL' if $flags eq 'CFGF_NODEFAULT';

            $value =~ s/"//g;
            $value = '' if $value eq 'NULL' || $value eq '{}';
            $value =~ s/\Acfg_true\z/on/;
            $value =~ s/\Acfg_false\z/off/;

            $worker{$name}{$line} = $value;
        }
    }

    my $main = $source{'ngx_social_module/worker/social_worker_main.c'} // '';

    while ($main =~ /argv\[0\],\s*"(\w+)"/g) {
        $worker{'command line'}{$1} = undef;
    }

    if ($main =~ /getopt\(argc,\s*argv,\s*"([^"]+)"/) {
        $worker{'command line'}{"-$_"} = undef for grep { /\w/ } split //, $1;
    }

    my $jobs = $source{'ngx_social_module/worker/social_worker_jobs.c'} // '';

    while ($jobs =~ /\{ "(\w+)", (?:required|no)_argument/g) {
        $worker{'command line'}{"--$1"} = undef;
    }
}

# A format as logs.md has it: every directive is "…".

sub plain {
    my ($format) = @_;

    $format =~ s/\\(.)/$1/g;
    $format =~ s/%[-0-9.*]*[uslxzPTOMVN]*[a-zA-Z]/…/g;

    return $format;
}

# The level of a call, or of the last assignment to the variable that it has;
# none if nobody is to be woken.

sub level {
    my ($call, $before) = @_;

    if ($call =~ /\A\s*level\b/) {
        my @assigned = $before =~ /\blevel\s*=([^;]*);/g;

        $call = @assigned ? $assigned[-1] : '';
    }

    return $call =~ /NGX_LOG_(EMERG|ALERT|CRIT|ERR|WARN)\b/
           ? lc($1 eq 'ERR' ? 'error' : $1) : '';
}

sub read_messages {
    for my $file (sort keys %source) {
        my $text = $source{$file};

        while ($text =~ /ngx_(conf_)?log_error\(([^;]*?)
                         "((?:\\.|[^"\\])*)"/gx)
        {
            my ($conf, $call, $format) = ($1, $2, $3);
            my $level = level($call, substr($text, 0, $-[0]));

            $format{plain($format)} = 1;

            # a mistake in the configuration says what is wrong by itself

            $messages{plain($format)} = $level
                if $level && !($conf && $level eq 'emerg')
                   && $format !~ /\A%\*?s/;
        }

        while ($text =~ /social_worker_log\((.*?)(?:social_worker_(?:text
                         |number)\(|\)\s*;)/gsx)
        {
            my $call = $1;

            # of two levels the first is that of the first message

            my @level = $call =~ /SOCIAL_WORKER_(ERROR|WARN|INFO|DEBUG)\b/g;
            my @event = $call =~ /"([^"]+)"/g;

            for my $n (0 .. $#event) {
                my ($level) = @event > 1 ? ($level[$n] // '')
                              : grep { /ERROR|WARN/ } @level;

                $messages{$event[$n]} = lc $level
                    if ($level // '') =~ /ERROR|WARN/;
            }
        }
    }
}

# ---------------------------------------------------------------- pages

sub slug {
    my ($heading) = @_;

    $heading =~ s/\[([^]]*)\]\([^)]*\)/$1/g;
    $heading = lc $heading;
    $heading =~ s/[^\w\s-]//g;
    $heading =~ s/\s/-/g;

    return $heading;
}

# A page is its lines, each of [number, text, code, headings above], and its
# anchors.  code is the language of the fenced block that the line is in.

sub read_page {
    my ($file) = @_;
    my ($n, $code, @path, @lines, %anchor) = (0);

    for my $text (split /\n/, slurp($file)) {
        $n++;

        if ($text =~ /^\s*```(\w*)/) {
            $code = defined $code ? undef : $1;
            next;
        }

        if (!defined $code && $text =~ /^(#+)\s+(.*?)\s*\z/) {
            my ($depth, $heading) = (length $1, $2);
            my $slug = slug($heading);
            my $count = $anchor{$slug}++;

            $anchor{"$slug-$count"}++ if $count;
            $#path = $depth - 2 if @path >= $depth;
            $path[$depth - 1] = $heading;
        }

        $anchor{$1}++ if $text =~ /<a id="([^"]+)"/;

        push @lines, { n => $n, text => $text, code => $code,
                       path => [ map { $_ // '' } @path ] };
    }

    return { lines => \@lines, anchor => \%anchor };
}

sub read_pages {
    for my $file (@top, map { files($_, qr/\.md\z/) } qw( docs conf )) {
        $page{$file} = read_page($file) if -e $file;
    }
}

# The cells of a row, or nothing; "\|" is not a border.

sub cells {
    my ($text) = @_;

    return if $text !~ s/^\|\s*// || $text !~ s/\s*\|\s*\z//;

    return split /\s*(?<!\\)\|\s*/, $text, -1;
}

# The text of a cell, without its marks.

sub text_of {
    my ($cell) = @_;

    $cell =~ s/\\([|*<>\[\]_])/$1/g;
    $cell =~ s/\[([^]]*)\]\([^)]*\)/$1/g;
    $cell =~ s/\*\*|`//g;
    $cell =~ s/(?<![\w*])\*(?=\S)([^*]*)\*(?!\w)/$1/g;

    return $cell;
}

sub read_reference {
    for my $file (grep { m{\A\Q$reference\E/} && $_ ne $index } sort keys %page)
    {
        my ($head, $thing);

        for my $line (@{ $page{$file}{lines} }) {
            my @path = grep { $_ ne '' } @{ $line->{path} };
            my $text = $line->{text};
            my $where = "$file:$line->{n}";
            my ($owner) = grep { /\Asocial_\w+\z/ } @path;

            if (defined $line->{code}) {
                note_example($file, $line, $owner) if $line->{code} eq 'nginx';
                next;
            }

            if ($text =~ /^#/) {
                $thing = undef;
                $head = undef;
                next;
            }

            my @cells = cells($text);

            if (!@cells) {
                $head = undef;
                next;
            }

            # the first row of a table says what the others are

            my $first = !defined $head;

            $head //= $cells[0];

            if ($cells[0] eq 'syntax') {
                $thing = begin_thing($file, $line, $path[-1], $owner);
            }

            if ($thing && $cells[0] =~
                /\A(?:syntax|default|context|phase|since)\z/)
            {
                report($where, "$cells[0] is given twice")
                    if exists $thing->{$cells[0]};
                $thing->{$cells[0]} = text_of($cells[1]);
                next;
            }

            next if $first || $cells[0] =~ /\A-+\z/;

            note_parameter($file, $line, $owner, @cells)
                if $head eq 'parameter';

            note_variable($file, $line, $cells[0]) if $head eq 'variable';
        }
    }
}

sub begin_thing {
    my ($file, $line, $heading, $owner) = @_;
    my $where = "$file:$line->{n}";
    my $thing = { where => $where, file => $file, anchor => slug($heading),
                  heading => $heading };

    if ($heading =~ /\Asocial_\w+\z/) {
        report($where, "$heading is documented twice") if $directive{$heading};
        report($where, "there is no directive $heading")
            if !$command{$heading};
        $directive{$heading} = $thing;

    } elsif (defined $owner) {
        my $name = "$owner $heading";

        report($where, "\"$heading\" is documented twice") if $line{$name};
        report($where, "\"$owner\" has no line \"$heading\"")
            if !$command{$owner} || !$command{$owner}{lines}{$heading};
        $line{$name} = $thing;

    } else {
        report($where, "\"$heading\" is not in the section of a directive");
    }

    return $thing;
}

sub note_parameter {
    my ($file, $line, $owner, @cells) = @_;
    my $where = "$file:$line->{n}";
    my ($name) = $cells[0] =~ /\A\*\*(\w+)=/;

    if (!defined $name) {
        report($where, 'a row of parameters begins with **name=**');

    } elsif (!defined $owner || !$command{$owner}) {
        report($where, "$name= is not in the section of a directive");

    } elsif (!$command{$owner}{params}{$name}) {
        report($where, "\"$owner\" has no parameter $name=");

    } else {
        my $thing = $documented{"$owner $name="} //= {
            where => $where, file => $file, anchor => slug($owner) };

        $thing->{default} = text_of($cells[1]);
        check_default("$owner $name=", $thing);
    }
}

sub note_variable {
    my ($file, $line, $cell) = @_;

    while ($cell =~ /`\$(\w+)`(\*)?/g) {
        my $name = $1 . ($2 ? '*' : '');
        my $path = $line->{path};

        report("$file:$line->{n}", "there is no variable \$$1")
            if !$variable{$name};

        $documented{"\$$name"} = { where => "$file:$line->{n}",
                                   file => $file, anchor => slug($path->[-1]) };
    }
}

my %example;

sub note_example {
    my ($file, $line, $owner) = @_;
    my $text = $line->{text};

    $text =~ s/#.*//;

    $example{$file} .= "$text\n";
    $example{"$file $owner"} .= "$text\n" if defined $owner;

    for my $heading (@{ $line->{path} }) {
        $example{"$file ### $heading"} .= "$text\n";
    }

    report("$file:$line->{n}", "there is no directive $1")
        if $text =~ /^\s*(social_\w+)\s+[^=]/ && !$command{$1}
           && $text !~ /^\s*social_\w+\s+["\d]/;
}

# ---------------------------------------------------------------- checks

sub read_defaults {
    my $all = join ' ', map { $source{$_} } sort keys %source;
    my $n = 1;

    $all =~ s/\s+//g;

    for my $text (split /\n(?! )/, slurp($defaults)) {
        my $at = $n;

        $n += 1 + ($text =~ tr/\n//);
        next if $text =~ /^(?:#|\z)/;

        my ($name, $value, $code) = split /\s+\|\s/, $text, 3;

        if (!defined $code) {
            report("$defaults:$at", 'not "name | default | code"');
            next;
        }

        (my $bare = $code) =~ s/\s+//g;

        $code =~ s/\A\s+//;
        $code =~ s/\s+/ /g;

        # of several lines of one name any code will do

        my $known = $default{$name} //= { n => $at, value => $value,
                                          code => $code };

        report("$defaults:$at", "$name has another default above")
            if $known->{value} ne $value;

        $known->{found} = 1 if index($all, $bare) != -1;
    }

    for my $name (sort keys %default) {
        my $known = $default{$name};

        report("$defaults:$known->{n}", "the sources do not have"
               . " \"$known->{code}\": is the default of $name still"
               . " \"$known->{value}\"?")
            if !$known->{found};
    }
}

sub check_default {
    my ($name, $thing) = @_;
    my $said = $thing->{default} // '';
    my $known = $default{$name};

    # what is needed anyway has none, nor has what is off unless it is there

    if (!$known) {
        report($thing->{where}, "$defaults does not have the default"
               . " \"$said\" of $name")
            if $said ne '–';
        return;
    }

    $known->{used} = 1;

    report($thing->{where}, "the default of $name is $known->{value}, not"
           . " \"$said\"")
        if $said ne $known->{value};
}

sub check_thing {
    my ($name, $thing, $context) = @_;

    for my $key (qw( syntax default context phase since )) {
        if (!defined $thing->{$key}) {
            report($thing->{where}, "$name has no $key");
            return;
        }
    }

    my $short = $thing->{heading};

    report($thing->{where}, "the syntax does not begin with $short")
        if $thing->{syntax} !~ /\A\Q$short\E\b/;

    report($thing->{where}, "the context of $name is $context, not"
           . " $thing->{context}")
        if $thing->{context} ne $context;

    $thing->{default} =~ s/\A\Q$short\E (.*);\z/$1/;
    check_default($name, $thing);

    my $text = $example{"$thing->{file} ### $short"} // '';

    report($thing->{where}, "$name has no example")
        if $text !~ /(?:^|[\s{;])\Q$short\E\s/m;
}

sub check_reference {
    for my $name (sort keys %command) {
        my $thing = $directive{$name};

        if (!$thing) {
            report($command{$name}{file}, "$name is not documented");
            next;
        }

        check_thing($name, $thing, $command{$name}{context});

        for my $param (sort keys %{ $command{$name}{params} }) {
            my $row = $documented{"$name $param="};

            if (!$row) {
                report($thing->{where}, "the parameter $param= of $name is"
                       . ' not documented');
                next;
            }

            report($row->{where}, "the parameter $param= of $name has no"
                   . ' example')
                if ($example{"$thing->{file} $name"} // '')
                   !~ /[\s"]\Q$param\E=/;
        }

        for my $line (sort keys %{ $command{$name}{lines} }) {
            my $section = $line{"$name $line"};

            if (!$section) {
                report($thing->{where}, "the line \"$line\" of $name is not"
                       . ' documented');
                next;
            }

            check_thing("$name $line", $section, $name);
        }
    }

    for my $name (sort keys %variable) {
        my $row = $documented{"\$$name"};

        if (!$row) {
            report($variable{$name}, "the variable \$$name is not documented");
            next;
        }

        (my $stem = $name) =~ s/\*\z/\\w/;

        report($row->{where}, "the variable \$$name has no example")
            if ($example{$row->{file}} // '') !~ /\$$stem/;
    }

    for my $name (sort keys %default) {
        report("$defaults:$default{$name}{n}", "$name is not documented")
            if !$default{$name}{used};
    }
}

sub check_worker {
    my $file = 'docs/worker.md';
    my (%row, %text, $head);

    return if !%worker || !$page{$file};

    for my $line (@{ $page{$file}{lines} }) {
        my ($section) = grep { exists $worker{$_} }
                        map { lc((split /\s+\*/)[0] // '') }
                        reverse @{ $line->{path} };

        next if !defined $section;

        if (defined $line->{code}) {
            $text{$section} .= "$line->{text}\n";
            next;
        }

        my @cells = cells($line->{text}) or next;
        my ($name) = $cells[0] =~ /\A\*\*([-\w]+)\*\*/ or next;

        if (!exists $worker{$section}{$name}) {
            report("$file:$line->{n}", "\"$section\" of the worker has no"
                   . " \"$name\"");
            next;
        }

        # one that is refused with a hint needs no example

        $text{$section} .= "$name\n" if ($cells[2] // '') eq 'not supported';

        $row{"$section $name"} = [ $line->{n}, text_of($cells[1]) ];
    }

    for my $section (sort keys %worker) {
        for my $name (sort keys %{ $worker{$section} }) {
            my $value = $worker{$section}{$name};
            my $row = $row{"$section $name"};

            if (!$row) {
                report($file, "\"$name\" of the worker's \"$section\" is not"
                       . ' documented');
                next;
            }

            my ($n, $said) = @$row;

            report("$file:$n", "the default of \"$name\" is $value, not"
                   . " \"$said\"")
                if defined $value && $value ne ''
                   && $said !~ /\A\Q$value\E(?!\w)/;

            report("$file:$n", "\"$name\" has no example")
                if ($text{$section} // '') !~ /(?<![\w-])\Q$name\E(?!\w)/;
        }
    }
}

sub check_messages {
    my $file = 'docs/logs.md';
    my (%quoted, $head);

    return if !$page{$file};

    for my $line (@{ $page{$file}{lines} }) {
        my @cells = cells($line->{text});

        if (!@cells) {
            $head = undef;
            next;
        }

        $head //= $cells[0];
        next if $head ne 'message' || $cells[0] !~ /\A`(.*)`\z/;

        my $message = $1;

        $message =~ s/\\\|/|/g;
        $quoted{$message} = 1;

        if (!exists $messages{$message}) {
            report("$file:$line->{n}", "the sources do not have \"$message\"");

        } elsif ($messages{$message} ne ''
                 && index($cells[1], $messages{$message}) != 0)
        {
            report("$file:$line->{n}", "\"$message\" is logged at the"
                   . " $messages{$message} level");
        }
    }

    # those that other pages quote

    for my $name (sort keys %page) {
        for my $line (@{ $page{$name}{lines} }) {
            for my $message ($line->{text} =~ /`(social: [^`]+)`/g) {
                report("$name:$line->{n}", "the sources do not have"
                       . " \"$message\"")
                    if $name ne $file && !$format{$message};
            }
        }
    }

    for my $message (sort keys %messages) {
        report($file, "\"$message\" is not documented") if !$quoted{$message};
    }
}

# Names of ours in the text: they have to be somewhere in the repository.

sub check_names {
    my %known = map { $_ => 1 } qw( social_module );

    for my $file (sort keys %source) {
        $known{$_} = 1 for $source{$file} =~ /\b(social_\w+)/g;
    }

    for my $dir (grep { -d } qw( conf scripts backend )) {
        for my $file (grep { -f && ! -B } files($dir, qr/[^~]\z/)) {
            next if $file =~ m{/node_modules/|\Ascripts/docs};
            $known{$_} = 1 for slurp($file) =~ /\b(social_\w+)/g;
        }
    }

    for my $file (sort keys %page) {
        for my $line (@{ $page{$file}{lines} }) {
            for my $name ($line->{text} =~ /(?<![\w\/.])(social_\w+)/g) {
                report("$file:$line->{n}", "there is no $name")
                    if !$known{$name} && !$command{$name} && !$variable{$name}
                       && $name !~ /\Asocial_claim_|_\z/;
            }
        }
    }
}

# Files and folders of ours in the text.

sub check_paths {
    my %base;

    for my $dir (grep { -d } qw( ngx_social_module conf scripts t )) {
        $base{ s{.*/}{}r } = 1 for files($dir, qr/\.(?:[chtm]|sql|md|map)\z/);
    }

    for my $file (sort keys %page) {
        for my $line (@{ $page{$file}{lines} }) {
            next if defined $line->{code};

            for my $path ($line->{text} =~ /`([\w.\/-]+)`/g) {
                next if $path !~ m{\A(?:ngx_social_module|conf|scripts|t|docs)/
                                  |\A(?:core|http|net|pq|worker)/[\w/]*\z
                                  |\.(?:[ch]|sql|t)\z}x;

                report("$file:$line->{n}", "there is no $path")
                    if !-e $path && !-e "ngx_social_module/$path"
                       && !$base{$path};
            }
        }
    }
}

sub check_links {
    my %linked;

    for my $file (sort keys %page) {
        (my $dir = $file) =~ s{[^/]*\z}{};

        for my $line (@{ $page{$file}{lines} }) {
            next if defined $line->{code};

            (my $text = $line->{text}) =~ s/`[^`]*`/`/g;

            while ($text =~ /\]\(([^)\s]+)\)/g) {
                my ($target, $anchor) = split /#/, $1, 2;
                my $where = "$file:$line->{n}";

                next if $target =~ /\A(?:https?|mailto):/;

                my $path = $target eq '' ? $file : "$dir$target";

                1 while $path =~ s{(?:\A|(?<=/))(?!\.\.)[^/]+/\.\./}{};

                if (!-e $path) {
                    report($where, "there is no $target");
                    next;
                }

                $linked{$file}{$path} = 1;

                report($where, "there is no #$anchor in $path")
                    if defined $anchor && $page{$path}
                       && !$page{$path}{anchor}{$anchor};
            }
        }
    }

    # from the first page on

    my @next = ('README.md');
    my %reached = ('README.md' => 1);

    while (defined(my $file = shift @next)) {
        push @next, grep { !$reached{$_}++ } sort keys %{ $linked{$file} };
    }

    for my $file (sort keys %page) {
        report($file, 'no page that README.md leads to links here')
            if !$reached{$file} && $file ne 'SECURITY.md';
    }
}

# ---------------------------------------------------------------- the index

sub link_to {
    my ($thing, $text) = @_;

    (my $file = $thing->{file}) =~ s{\A\Q$reference\E/}{};

    return "[$text]($file#$thing->{anchor})";
}

sub index_text {
    my $text = slurp($index);

    # what is before the first heading of a list is written by hand

    $text =~ s/^## Directives\n.*//ms;

    $text .= "## Directives\n\n| directive | default | context |\n"
             . "|---|---|---|\n";

    for my $name (sort keys %directive) {
        my $thing = $directive{$name};
        (my $value = $thing->{default} // '–') =~ s/\A\Q$name\E (.*);\z/$1/;

        $value =~ s/([|*])/\\$1/g;
        $text .= '| ' . link_to($thing, $name)
                 . " | $value | " . ($thing->{context} // '') . " |\n";
    }

    $text .= "\n## Lines of blocks\n\n| line | of | default |\n|---|---|---|\n";

    for my $key (sort { by_last($a, $b) } keys %line) {
        my ($owner, $name) = split / /, $key;
        (my $value = $line{$key}{default} // '–') =~ s/\A\Q$name\E (.*);\z/$1/;

        $text .= '| ' . link_to($line{$key}, $name) . ' | '
                 . link_to($directive{$owner} // $line{$key}, $owner)
                 . " | $value |\n";
    }

    $text .= "\n## Parameters\n\n| parameter | of | default |\n|---|---|---|\n";

    for my $key (sort { by_last($a, $b) } grep { !/\A\$/ } keys %documented) {
        my ($owner, $name) = split / /, $key;

        $text .= '| ' . link_to($documented{$key}, $name)
                 . " | $owner | $documented{$key}{default} |\n";
    }

    $text .= "\n## Variables\n\n";

    for my $key (sort grep { /\A\$/ } keys %documented) {
        (my $name = $key) =~ s/(\*?)\z/$1 ? '`*name*' : '`'/e;

        $text .= '* ' . link_to($documented{$key}, "`$name") . "\n";
    }

    return $text;
}

sub by_last {
    my ($p, $q) = map { join ' ', reverse split / / } @_;

    return $p cmp $q;
}

binmode STDOUT, ':encoding(UTF-8)';

read_sources();
read_commands();
read_parameters();
read_worker();
read_messages();
read_pages();
read_defaults();
read_reference();

if (@ARGV && $ARGV[0] eq 'index') {
    print index_text();
    exit 0;
}

check_reference();
check_worker();
check_messages();
check_names();
check_paths();
check_links();

report($index, 'is not what "scripts/check-docs index" prints')
    if $page{$index} && slurp($index) ne index_text();

report($index, 'there is no index') if !$page{$index};

if ($bad) {
    print "docs: $bad finding", $bad == 1 ? '' : 's', "\n";
    exit 1;
}

my ($params, $lines) = (0, 0);

for my $name (keys %command) {
    $params += keys %{ $command{$name}{params} };
    $lines += keys %{ $command{$name}{lines} };
}

print 'docs: ', scalar keys %command, " directives, $lines lines, $params"
      . ' parameters, ', scalar keys %variable, ' variables, ',
      scalar keys %messages, " messages are as documented\n";
