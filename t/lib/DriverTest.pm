package DriverTest;

# For the tests of the test driver: runs small suites under prove, with plain
# nginx in a separate directory, and reports the results.
#
# When OpenResty's Test::Nginx::Socket is there, in @INC or in the directory
# TEST_NGINX_REAL_LIB names, each suite runs under it as well, and the two
# must agree on whether it passes and, if it does, on the number of tests.

use strict;
use warnings;

use base 'Exporter';

use Cwd ();
use File::Basename ();
use File::Temp ();
use IO::Socket::INET ();
use Test::More;

our @EXPORT = qw( free_port good bad run_suite $dir $port $real_lib );

my $lib = Cwd::abs_path(File::Basename::dirname(__FILE__));

our $dir = File::Temp::tempdir('social-driver-XXXXXX', TMPDIR => 1,
                               CLEANUP => 1);
chmod 0755, $dir;
mkdir "$dir/t";

our $port = free_port();
our $real_lib = find_real();
my $count = 0;

if (!$real_lib) {
    diag('OpenResty\'s Test::Nginx::Socket was not found: our driver is '
         . 'NOT compared with it (set TEST_NGINX_REAL_LIB)');
}

sub find_real {
    for my $path (grep { defined && length && !ref }
                  $ENV{TEST_NGINX_REAL_LIB}, @INC)
    {
        my $abs = Cwd::abs_path($path) // next;
        return $abs if -f "$abs/Test/Nginx/Socket.pm"
                       && $abs ne "$lib/driver";
    }

    return undef;
}

sub free_port {
    my $sock = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                     Proto => 'tcp', ReuseAddr => 1)
        or die "no free port: $!\n";
    return $sock->sockport;
}

# Writes a suite, its head before its blocks, and runs it.

sub run_suite {
    my ($head, $blocks, %opt) = @_;

    my $file = sprintf '%s/t/%03d.t', $dir, ++$count;
    my $driver = $opt{driver} // 'own';

    open my $out, '>', $file or die "$file: $!\n";
    print $out "use lib '$lib';\nuse SocialTest;\n$head\nrun_tests();\n\n",
               "__DATA__\n\n$blocks";
    close $out or die "$file: $!\n";

    local %ENV = %ENV;
    my $binary = $ENV{TEST_NGINX_BINARY};

    delete $ENV{$_} for grep { /\ATEST_NGINX_|\AHARNESS_|\APROVE/ } keys %ENV;

    $ENV{TEST_NGINX_BINARY} = $binary if defined $binary;
    $ENV{TEST_NGINX_LOAD_MODULES} = '';
    $ENV{TEST_NGINX_SERVROOT} = "$dir/servroot";
    $ENV{TEST_NGINX_PORT} = $port;
    $ENV{SOCIAL_TEST_DRIVER} = $driver;
    %ENV = (%ENV, %{ $opt{env} || {} });

    my @prove = ('prove', '-v', '--norc', '--nocolor');
    push @prove, "-I$real_lib" if $driver eq 'real';
    push @prove, "-I$opt{inc}" if $opt{inc};

    my $pid = fork;
    die "fork() failed: $!\n" if !defined $pid;

    if (!$pid) {
        chdir $dir;
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        exec @prove, $file or die "exec() failed: $!\n";
    }

    waitpid $pid, 0;

    my $run = { status => $?, out => slurp("$dir/out"),
                err => slurp("$dir/err") };

    $run->{passed} = () = $run->{out} =~ /^ok \d+/mg;
    $run->{failed} = () = $run->{out} =~ /^not ok \d+/mg;
    $run->{text} = "$run->{out}\n$run->{err}";

    return $run;
}

sub slurp {
    my ($path) = @_;

    open my $in, '<', $path or return '';
    local $/;
    return <$in> // '';
}

# A suite that must pass, with a plan of so many tests.

sub good {
    my ($name, $n, $head, $blocks, %opt) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $plan = $head =~ /\bplan\b/ ? '' : "plan tests => $n;";
    my $run = run_suite("$plan\n$head", $blocks, %opt);

    ok($run->{status} == 0 && $run->{passed} == $n && !$run->{failed},
       "$name: passes, $n tests")
        or diag("passed $run->{passed}, failed $run->{failed}\n$run->{text}");

    if (my $like = $opt{like}) {
        like($run->{text}, $_, "$name: says $_")
            for ref $like eq 'ARRAY' ? @$like : $like;
    }

    compare($name, "$plan\n$head", $blocks, $run, %opt);
    return $run;
}

# A suite that must fail, and say why.

sub bad {
    my ($name, $like, $head, $blocks, %opt) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $run = run_suite($head, $blocks, %opt);

    isnt($run->{status}, 0, "$name: fails") or diag($run->{text});

    like($run->{text}, $_, "$name: says $_")
        for ref $like eq 'ARRAY' ? @$like : $like;

    compare($name, $head, $blocks, $run, %opt);
    return $run;
}

# "real => 'why'" says why the two cannot be compared.

sub compare {
    my ($name, $head, $blocks, $own, %opt) = @_;

    return if !$real_lib;

    if ($opt{real}) {
        note("$name: not run under the real driver: $opt{real}");
        return;
    }

    my $real = run_suite($head, $blocks, %opt, driver => 'real');

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if ($own->{status} != 0) {
        isnt($real->{status}, 0, "$name: fails under the real driver too")
            or diag($real->{text});
        return;
    }

    ok($real->{status} == 0 && $real->{passed} == $own->{passed},
       "$name: passes under the real driver too, as many tests")
        or diag("own passed $own->{passed}, real passed $real->{passed}\n"
                . $real->{text});
}

1;
