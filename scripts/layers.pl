#!/usr/bin/perl

# What scripts/check-layers looks for in the text of ngx_social_module, and
# circles among its files and objects.  For it:
#
#   scripts/layers.pl DIRECTORY OBJECT... < TABLES
#
# where TABLES are lines of words separated by tabs, and OBJECTs those that may
# have been made of the files.  Prints every violation as "FILE:LINE: what".

use strict;
use warnings;

my ($src, @objects) = splice @ARGV;
my (@libraries, @allowed, %word);

while (<>) {
    chomp;
    my ($what, @fields) = split /\t/;

    if ($what eq 'library') {
        push @libraries, [ @fields, map { qr/\A$_\z/ } @fields ];
    } elsif ($what eq 'allowed') {
        push @allowed, [ $fields[0], qr/\A(?:$fields[1])\z/ ];
    } else {
        $word{$what} = $fields[0];
    }
}

chdir $src or die "$src: $!\n";

my %may = may_include();
my @files = files('.');
my %text = map { $_ => stripped($_) } @files;


# FOLDERS: what a folder may include, itself first.

sub may_include {
    my (%folders, %below, @layers, %found);

    open my $in, '<', 'FOLDERS' or die "FOLDERS: $!\n";

    while (<$in>) {
        my ($layer, $below, $names) = /\A([a-z]+):([^|]*)\|(.*)/ or next;

        push @layers, $layer;
        $below{$layer} = [ split ' ', $below ];
        $folders{$layer} = [ map { $_ eq '.' ? $layer : "$layer/$_" }
                             split ' ', $names ];
    }

    for my $layer (@layers) {
        my @before;

        for my $folder (@{ $folders{$layer} }) {
            unshift @before, $folder;
            $found{$folder} = [ @before, map { @{ $folders{$_} } }
                                         @{ $below{$layer} } ];
        }
    }

    return %found;
}

sub files {
    my ($dir) = @_;
    my @found;

    opendir my $in, $dir or die "$dir: $!\n";

    for (sort readdir $in) {
        next if /\A\./;

        my $path = $dir eq '.' ? $_ : "$dir/$_";

        if (-d $path) {
            push @found, files($path);
        } elsif (/\.[ch]\z/ && $dir ne '.') {
            push @found, $path;
        }
    }

    return @found;
}

# A text without comments and without what is in strings, line for line: a
# comment may name what the code must not.

sub stripped {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!\n";
    local $/ = undef;
    my $all = <$in>;

    $all =~ s{(/\*.*?\*/)|("(?:\\.|[^"\\\n])*")|'(?:\\.|[^'\\\n])*'}{
        my ($comment, $string) = ($1, $2);

        defined $comment ? $comment =~ tr/\n//cdr
        : !defined $string ? "0"
        : substr($all, 0, $-[0]) =~ /\#[ \t]*include[ \t]*\z/ ? $string
        : "\"\"";
    }gse;

    return $all;
}

sub report {
    my ($where, $what) = @_;

    print "ngx_social_module/$where: $what\n";
    return;
}


sub check_includes {
    my ($file) = @_;

    my ($layer) = $file =~ m{\A([^/]+)};
    my ($folder) = $file =~ m{\A(.*)/};
    my $n = 0;

    for my $line (split /\n/, $text{$file}) {
        $n++;
        next if $line !~ /^[ \t]*#[ \t]*include/;

        if ($line !~ /include\s*[<"]([^>"]*)[>"]/) {
            report("$file:$n", 'an include that names no header');
            next;
        }

        my $header = $1;

        if ($line =~ /</) {
            for (@libraries) {
                my ($name, $where, $is, $may) = @$_;

                report("$file:$n", "<$header> is only for $where")
                    if $header =~ $is && $file !~ $may;
            }

            report("$file:$n",
                   "core has no use for <$header>: no I/O, no clock")
                if $layer eq 'core' && $header !~ /\A$word{core_libc}\z/
                   && $header !~ m{\A(?:openssl/|jansson|jwt\.h|curl/|vips/
                                   |ngx_|libpq|postgresql/|glib|nginx)}x;
            next;
        }

        report("$file:$n", "$folder includes \"$header\", which is in none of "
               . 'the folders that it may include (ngx_social_module/FOLDERS)')
            if !grep { -f "$_/$header" } @{ $may{$folder} };
    }

    return;
}

# Names that a layer must not know.

sub names {
    my ($file, $what, $pattern) = @_;
    my $n = 0;

    for my $line (split /\n/, $text{$file}) {
        $n++;
        report("$file:$n", "$what: " . $line =~ s/^[ \t]+//r)
            if $line =~ $pattern;
    }

    return;
}

my $start = qr/(?:^|[^a-zA-Z0-9_])/;

my @names = (
    [ 'core net pq worker', 'nginx in', qr/$start(?:ngx_|NGX_|nginx)/ ],
    [ 'core net', 'libpq in', qr/$start(?:PQ[a-z]+[a-zA-Z]*|PGconn|PGresult)/ ],
    [ 'core pq http worker', 'libcurl in', qr/$start(?:curl_|CURL)/ ],
    [ 'core net pq http', 'libvips in', qr/$start(?:vips_|Vips)/ ],
);

my @everywhere = (
    [ 'jansson, which is for tests only',
      qr/${start}json_(?:loadb?|object|array|t|decref|incref)/ ],
    [ "a name that is nginx's own", qr/${start}ngx_(?:json|data)_/ ],
);

sub check_names {
    my ($file) = @_;

    my ($layer) = $file =~ m{\A([^/]+)};

    for (@names) {
        my ($layers, $what, $pattern) = @$_;

        names($file, "$what $layer", $pattern)
            if grep { $_ eq $layer } split ' ', $layers;
    }

    names($file, 'I/O, a clock or the end of the process in core',
          qr/$start(?:$word{core_calls})[ ]*\(/) if $layer eq 'core';

    names($file, @$_) for @everywhere;

    names($file, 'nginx_version outside ngx_http_social_compat.h',
          qr/${start}nginx_version(?:[^a-zA-Z0-9_]|$)/)
        if $file ne 'http/base/ngx_http_social_compat.h';

    return;
}

sub check_blocking {
    my ($file) = @_;

    my ($base) = $file =~ m{([^/]+)\z};
    my $n = 0;

    for my $line (split /\n/, $text{$file}) {
        $n++;

        while ($line =~ /(?<![a-zA-Z0-9_.>])($word{blocking})[ ]*\(/g) {
            my $name = $1;

            report("$file:$n", "$name() may wait: call it in a thread task, "
                   . 'and say so in scripts/check-layers')
                if !grep { $_->[0] eq $base && $name =~ $_->[1] } @allowed;
        }
    }

    return;
}


# No file calls what calls it, directly or through others, and no header
# includes its includer: such files are one, or have a third below them.  Of
# objects, since a function is declared in whatever header.  nginx's tables of
# handlers are data, and do not count.

sub check_circles {
    my (%uses, %defined, %wanted, $unit);

    # what was built from a source that is no more, or is for another nginx

    my %source = map { m{([^/]+)\.c\z} ? ("$1.o" => 1) : () } @files;
    my @made = grep { m{([^/]+)\z} && $source{$1} } @objects;

    if (@made) {
        open my $nm, '-|', 'nm', '-A', @made or die "nm: $!\n";

        while (<$nm>) {
            m{([^/]+\.o):\S*\s+([TU])\s+(\S+)} or next;

            $uses{$1} //= {};
            $defined{$3} = $1 if $2 eq 'T';
            $wanted{$1}{$3} = 1 if $2 eq 'U';
        }

        close $nm;
    }

    for my $file (grep { /\.h\z/ } @files) {
        my ($name) = $file =~ m{([^/]+)\z};

        open my $in, '<', $file or die "$file: $!\n";
        $uses{$name} = { map { /^\s*#\s*include\s*"([^"]+)"/ ? ($1 => 1) : () }
                         <$in> };
    }

    for my $name (keys %wanted) {
        for (keys %{ $wanted{$name} }) {
            $uses{$name}{ $defined{$_} } = 1
                if $defined{$_} && $defined{$_} ne $name;
        }
    }

    my %reached = map { $_ => reached(\%uses, $_) } keys %uses;
    my %said;

    for my $name (sort grep { $reached{$_}{$_} } keys %reached) {
        next if $said{$name};

        my @circle = sort grep { $reached{$name}{$_} && $reached{$_}{$name} }
                          keys %reached;
        @said{@circle} = (1) x @circle;

        s/\.o\z/.c/ for @circle;
        print "a circle: @circle\n";
    }

    return;
}

sub reached {
    my ($uses, @todo) = @_;
    my %seen;

    while (defined(my $name = pop @todo)) {
        push @todo, grep { !$seen{$_}++ } keys %{ $uses->{$name} // {} };
    }

    return \%seen;
}


for my $file (@files) {
    my ($folder) = $file =~ m{\A(.*)/};

    if ($may{$folder}) {
        check_includes($file);
    } else {
        report($file, "$folder/ is not in ngx_social_module/FOLDERS");
    }

    check_names($file);
    check_blocking($file) if $file =~ m{\Ahttp/};
}

check_circles();
