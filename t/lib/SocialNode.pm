package SocialNode;

# The Node that tests run npm packages with, as scripts/lib-node.sh finds it.

use strict;
use warnings;

use Cwd ();
use Exporter qw( import );
use File::Basename ();

our @EXPORT_OK = qw( node );

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');

# Its path, usually installed by "scripts/deps-npm"; '' if there is none.

sub node {
    my $path = `cd '$root' && bash -c '. scripts/lib.sh
        . scripts/lib-node.sh; node_find'`;
    chomp $path;

    return $path;
}

1;
