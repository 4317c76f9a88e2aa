package SocialTest;

# Loads the test driver.  A suite of this module begins with
#
#     use lib 't/lib';
#     use SocialTest;
#
# is "use Test::Nginx::Socket" with whichever driver there is.  The one of
# OpenResty, when it is in @INC (installed, or by "prove -I"); our own, of
# t/lib/driver, otherwise.  See "perldoc t/lib/SocialTest.pm".

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use SocialSecrets ();
use Test::More ();

my $lib = Cwd::abs_path(File::Basename::dirname(__FILE__));
my $root = Cwd::abs_path("$lib/../..");

our $Driver;            # "real" or "own"

sub load {
    return if $Driver;

    # both drivers read this when they are loaded
    $ENV{TEST_NGINX_LOAD_MODULES} //= "$root/build/ngx_http_social_module.so";

    my $wanted = $ENV{SOCIAL_TEST_DRIVER} || '';

    if ($wanted !~ /\A(?:own|real)?\z/) {
        die "SOCIAL_TEST_DRIVER must be \"own\" or \"real\"\n";
    }

    # the first one is the one that will be loaded
    my ($found) = grep { !ref && -f "$_/Test/Nginx/Socket.pm" } @INC;
    my $ours = defined $found && Cwd::abs_path($found) eq "$lib/driver";

    $Driver = $wanted || (defined $found && !$ours ? 'real' : 'own');

    if ($Driver eq 'own') {
        unshift @INC, "$lib/driver";

    } elsif (!defined $found || $ours) {
        die "SOCIAL_TEST_DRIVER is \"real\", but no Test::Nginx::Socket "
            . "is in \@INC\n";
    }

    # A driver that is found but does not load, since a module is missing, is
    # an error: the other one must not be used silently.
    require Test::Nginx::Socket;

    if ($Driver eq 'own') {
        push @Test::Nginx::Util::LogReaders, \&SocialSecrets::keep;
        push @Test::Nginx::Util::AnswerReaders, \&SocialSecrets::made_in;
    }

    # suites use these; neither driver sets both of them
    $ENV{TEST_NGINX_HTML_DIR} //= Test::Nginx::Socket::html_dir();

    my $port = Test::Nginx::Socket::server_port();

    if ($ENV{TEST_NGINX_RANDOMIZE}) {
        # what was set is not what is used
        $ENV{TEST_NGINX_PORT} = $ENV{TEST_NGINX_SERVER_PORT} = $port;
        $ENV{TEST_NGINX_HTML_DIR} = Test::Nginx::Socket::html_dir();
    }

    $ENV{TEST_NGINX_PORT} //= $port;

    Test::More::diag("driver: $Driver Test::Nginx::Socket "
        . "$Test::Nginx::Socket::VERSION, "
        . File::Basename::dirname($INC{'Test/Nginx/Socket.pm'}));
}

# Exports and the source filter of Test::Base are for the package and for the
# file that call import(), hence the goto: to the driver the caller is the
# suite.

sub import {
    my ($class, @args) = @_;

    load();

    @_ = ('Test::Nginx::Socket', @args);
    goto &{ Test::Nginx::Socket->can('import') };
}

1;

__END__

=encoding utf8

=head1 NAME

SocialTest - loads a driver for the suites of this module

=head1 SYNOPSIS

    use lib 't/lib';
    use SocialTest;

    repeat_each(2);
    plan tests => repeat_each() * (blocks() * 2);

    run_tests();

    __DATA__

    === TEST 1: a page
    --- config
        location = /t { return 200 "hello\n"; }
    --- request
    GET /t
    --- response_body
    hello

=head1 DESCRIPTION

Loads C<Test::Nginx::Socket> into the suite: the one of OpenResty when it is
found in C<@INC>, our own of F<t/lib/driver> otherwise. A line on stderr says
which one it was.

    prove t/                                    # our own
    prove -I/path/to/test-nginx/lib t/          # OpenResty's
    TEST_NGINX_RANDOMIZE=1 prove -j2 t/         # two suites at a time

=head1 ENVIRONMENT

=over

=item SOCIAL_TEST_DRIVER

C<own> or C<real> forces one of the two.

=item TEST_NGINX_LOAD_MODULES

When it is not set, it becomes the path of
F<build/ngx_http_social_module.so>. Set it to an empty string to run nginx
without the module.

=item TEST_NGINX_HTML_DIR, TEST_NGINX_PORT

When they are not set, they become the directory of user files and the port
of the server, for use in the sections of a block. With
C<TEST_NGINX_SERVER_PORT> and C<TEST_NGINX_SERVER_ROOT>, which both drivers
set, they are all a configuration needs.

=back

=cut
