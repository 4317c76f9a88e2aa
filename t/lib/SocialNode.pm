package SocialNode;

# The Node that tests run what is npm's with: as scripts/lib-node.sh finds it.

use strict;
use warnings;

use Cwd ();
use Exporter qw( import );
use File::Basename ();

our @EXPORT_OK = qw( node );

my $root = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');

# Its path, after "scripts/deps-npm" in most cases; '' where none will do.

sub node {
    my $path = `cd '$root' && bash -c '. scripts/lib.sh
        . scripts/lib-node.sh; node_find'`;
    chomp $path;

    return $path;
}

1;
