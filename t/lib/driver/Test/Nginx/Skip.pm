package Test::Nginx::Skip;

# The sections by which a block says that it is not to be run: skip_nginx,
# skip_nginx2, skip_openssl, skip_eval and todo.

use strict;
use warnings;

use Test::Nginx::Util;

my $version = qr/\d+\.\d+\.\d+[a-z]?/;
my $op = qr/[<>]=?/;

# Answers with undef or with { n, reason, todo }: n tests are skipped in
# place of each repetition of the block.

sub reason {
    my ($block) = @_;

    my $eval = section($block, 'skip_eval');
    return skip_eval($block, $eval) || versions($block) || todo($block)
        if defined $eval;

    return versions($block) || todo($block);
}

sub bad {
    my ($block, $section) = @_;

    bail_out($block->name . " - bad $section: "
             . section($block, $section));
}

sub skip_eval {
    my ($block, $text) = @_;

    my ($n, $code) = $text =~ /\A\s*(\d+)\s*:\s*(.*)\z/s
        or return undef;

    return Test::Nginx::Util::evaluate($block, 'skip_eval', $code)
           ? { n => $n, reason => 'skip_eval' } : undef;
}

sub holds {
    my ($ours, $op, $text) = @_;

    my $theirs = Test::Nginx::Util::version_number(
        $text =~ /\A(\d+)\.(\d+)\.(\d+)([a-z])?\z/);

    return $op eq '<'  ? $ours <  $theirs
         : $op eq '<=' ? $ours <= $theirs
         : $op eq '>'  ? $ours >  $theirs
         :               $ours >= $theirs;
}

sub versions {
    my ($block) = @_;

    if (defined(my $text = section($block, 'skip_nginx'))) {
        my ($n, $op, $than, $why) =
            $text =~ /\A\s*(\d+)\s*:\s*($op)\s*($version)
                      (?:\s*:\s*(.*?))?\s*\z/xs
            or bad($block, 'skip_nginx');

        return { n => $n, reason => $why || "nginx version $op $than" }
            if holds(nginx_version(), $op, $than);

    } elsif (defined($text = section($block, 'skip_nginx2'))) {
        my ($n, $op1, $than1, $and, $op2, $than2, $why) =
            $text =~ /\A\s*(\d+)\s*:\s*($op)\s*($version)\s*(and|or)
                      \s*($op)\s*($version)(?:\s*:\s*(.*?))?\s*\z/xs
            or bad($block, 'skip_nginx2');

        my $one = holds(nginx_version(), $op1, $than1);
        my $two = holds(nginx_version(), $op2, $than2);

        return { n => $n, reason => $why || 'various reasons' }
            if $and eq 'and' ? $one && $two : $one || $two;
    }

    if (defined(my $text = section($block, 'skip_openssl'))) {
        my ($n, $op, $than, $why) =
            $text =~ /\A\s*(\d+)\s*:\s*($op)\s*($version)
                      (?:\s*:\s*(.*?))?\s*\z/xs
            or bad($block, 'skip_openssl');

        my $ours = openssl_version();

        return { n => $n, reason => $why || "OpenSSL version $op $than" }
            if !defined $ours || holds($ours, $op, $than);
    }

    return undef;
}

sub todo {
    my ($block) = @_;

    my $text = section($block, 'todo');
    return undef if !defined $text;

    my ($n, $why) = $text =~ /\A\s*(\d+)\s*:\s*(.*?)\s*\z/s
        or bad($block, 'todo');

    return { n => $n, reason => $why, todo => 1 };
}

1;
