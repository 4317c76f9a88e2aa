package Test::Nginx::Util;

# The settings of a test file: what the environment says, the functions with
# which a test file changes it, and small things every other file needs.
#
# The variables have the names they have in the Test::Nginx of OpenResty, so
# that a suite may read, say, $Test::Nginx::Util::ErrLogFile under both.

use strict;
use warnings;

use base 'Exporter';

use Carp ();
use File::Spec ();
use IO::Socket::INET ();
use Test::More ();

our $VERSION = '0.1';

our @EXPORT = qw(
    $ServRoot $LogDir $HtmlDir $ConfDir $ConfFile $PidFile
    $ErrLogFile $AccLogFile $ServerAddr $ServerName $ServerPort
    $ServerPortForClient $NginxBinary $Verbose $RepeatEach

    add_block_preprocessor add_cleanup_handler add_test_cleanup_handler
    add_response_body_check bail_out check_accum_error_log config_preamble
    env_to_nginx expand_env extra_fail html_dir is_running log_level
    master_off master_on master_process_enabled nginx_version
    no_long_string no_nginx_manager no_root_location no_shuffle
    openssl_version parse_time repeat_each section server_addr server_name
    server_port server_port_for_client server_root sleep_time timeout
    use_hup verbose worker_connections workers
);

# What follows is set by the environment, and some of it by the test file.

our $NginxBinary = $ENV{TEST_NGINX_BINARY} || 'nginx';
our $ServerAddr = '127.0.0.1';
our $ServerName = 'localhost';
our $ServerPort = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT}
                  || 1984;
our $Randomize = $ENV{TEST_NGINX_RANDOMIZE};

if ($Randomize) {
    $ServerPort = free_port() or die "no free port was found\n";
}

our $ServerPortForClient = !$Randomize && $ENV{TEST_NGINX_CLIENT_PORT}
                           || $ServerPort;

our $ServRoot = File::Spec->rel2abs(
    $Randomize ? "t/servroot_$ServerPort"
               : $ENV{TEST_NGINX_SERVROOT} || 't/servroot');

$ENV{TEST_NGINX_SERVER_ROOT} = $ServRoot;

our $LogDir = "$ServRoot/logs";
our $HtmlDir = "$ServRoot/html";
our $ConfDir = "$ServRoot/conf";
our $ConfFile = "$ConfDir/nginx.conf";
our $PidFile = "$LogDir/nginx.pid";
our $ErrLogFile = "$LogDir/error.log";
our $AccLogFile = "$LogDir/access.log";

our $LoadModules = $ENV{TEST_NGINX_LOAD_MODULES};
our (@LogReaders, @AnswerReaders);
our $LogLevel = $ENV{TEST_NGINX_LOG_LEVEL} || 'debug';
our $MasterProcessEnabled = $ENV{TEST_NGINX_MASTER_PROCESS} || 'off';
our $NoClean = $ENV{TEST_NGINX_NO_CLEAN};
our $NoNginxManager = $ENV{TEST_NGINX_NO_NGINX_MANAGER} || 0;
our $NoShuffle = $ENV{TEST_NGINX_NO_SHUFFLE} || 0;
our $UseHup = $ENV{TEST_NGINX_USE_HUP};
our $UseValgrind = $ENV{TEST_NGINX_USE_VALGRIND};
our $Verbose = $ENV{TEST_NGINX_VERBOSE};
our $WorkerUser = $ENV{TEST_NGINX_WORKER_USER};
our $CheckAccumErrLog = $ENV{TEST_NGINX_CHECK_ACCUM_ERR_LOG};
our $TestNginxSleep = $ENV{TEST_NGINX_SLEEP} || 0.015;
our $ForceRestartOnTest = $ENV{TEST_NGINX_FORCE_RESTART_ON_TEST} // 1;

# Under valgrind all is ten to fifty times slower.
our $Timeout = $ENV{TEST_NGINX_TIMEOUT} || ($UseValgrind ? 30 : 3);

our $RepeatEach = 1;
our $Workers = 1;
our $WorkerConnections = 64;
our $NoRootLocation = 0;
our $NoLongString;
our $ConfigPreamble = '';

our @EnvToNginx;
our @BlockPreprocessors;
our @CleanupHandlers;
our @TestCleanupHandlers;
our @ResponseBodyChecks;

our ($NginxVersion, $OpenSSLVersion, $NginxV);


# The functions a test file calls.  Their prototypes are those of the
# original, so that calls without parentheses parse in the same way.

sub env_to_nginx (@) {
    Carp::croak("env_to_nginx: no arguments") if !@_;

    for my $v (@_) {
        if ($v !~ /\A[A-Za-z_][^\n]*\z/) {
            Carp::croak("env_to_nginx: bad argument: $v");
        }

        push @EnvToNginx, $v;
    }
}

sub server_addr (@)            { $ServerAddr = shift if @_; $ServerAddr }
sub server_name (@)            { $ServerName = shift if @_; $ServerName }
sub timeout (@)                { $Timeout = shift if @_; $Timeout }
sub server_port (@)            { $ServerPort = shift if @_; $ServerPort }
sub server_port_for_client (@) { $ServerPortForClient = shift if @_;
                                 $ServerPortForClient }
sub repeat_each (@)            { $RepeatEach = shift if @_; $RepeatEach }
sub workers (@)                { $Workers = shift if @_; $Workers }
sub log_level (@)              { $LogLevel = shift if @_; $LogLevel }
sub worker_connections (@)     { $WorkerConnections = shift if @_;
                                 $WorkerConnections }

sub master_process_enabled (@) {
    $MasterProcessEnabled = shift() ? 'on' : 'off' if @_;
    return $MasterProcessEnabled;
}

sub master_on ()             { $MasterProcessEnabled = 'on' }
sub master_off ()            { $MasterProcessEnabled = 'off' }
sub no_shuffle ()            { $NoShuffle = 1 }
sub no_long_string ()        { $NoLongString = 1 }
sub no_root_location ()      { $NoRootLocation = 1 }
sub no_nginx_manager ()      { $NoNginxManager = 1 }
sub use_hup ()               { $UseHup = 1 }
sub check_accum_error_log () { $CheckAccumErrLog = 1 }
sub config_preamble ($)      { $ConfigPreamble = shift }
sub html_dir ()              { $HtmlDir }
sub server_root ()           { $ServRoot }
sub verbose ()               { $Verbose }
sub sleep_time ()            { $TestNginxSleep }

# As in the original, what was added last runs first.

sub add_block_preprocessor (&)   { unshift @BlockPreprocessors, shift }
sub add_cleanup_handler ($)      { unshift @CleanupHandlers, shift }
sub add_test_cleanup_handler ($) { unshift @TestCleanupHandlers, shift }
sub add_response_body_check ($)  { push @ResponseBodyChecks, shift }


# For the other files of the driver.

# The value of a section, or undef.  A block answers an unknown section with
# an empty list, which would shift the arguments of a call.

sub section {
    my ($block, $name) = @_;

    my $value = $block->$name;
    return $value;
}

sub bail_out (@) {
    run_cleanup();
    Test::More::BAIL_OUT(join '', @_);
}

sub run_cleanup {
    # a handler may itself bail out
    while (my $handler = shift @CleanupHandlers) {
        $handler->();
    }
}

# A failure that is not among the tests a suite counted, such as a crash.
# Without no_ending() a note on the plan would follow, and confuse.

sub extra_fail {
    my ($message) = @_;

    Test::More->builder->no_ending(1);
    Test::More::fail($message);
}

# Process 1 of a container may collect nobody: a zombie does not run.

sub is_running ($) {
    my ($pid) = @_;

    return 0 if !$pid || !kill 0, $pid;

    if (open my $in, '<', "/proc/$pid/stat") {
        my $stat = <$in> // '';
        return 0 if $stat =~ /\A.*\)\s+[ZX]/s;
    }

    return 1;
}

# "3", "3s" and "300ms" to seconds.

sub parse_time ($) {
    my ($time) = @_;

    return undef if !defined $time;

    $time =~ s/\A\s+|\s+\z//g;

    return $1 / 1000 if $time =~ /\A(.*\d)\s*ms\z/;
    return $1 if $time =~ /\A(.*\d)\s*s\z/;
    return $time;
}

# Replaces $TEST_NGINX_FOO by the environment variable of that name, and
# $TEST_NGINX_RAND_PORT_n by a free port, kept for the block in %$ports.

sub expand_env {
    my ($text, $name, $ports) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        my $var = $1;

        if ($var =~ /\ATEST_NGINX_RAND_PORT_\d+\z/) {
            my @taken = values %$ports;

            $ports->{$var} //= free_port(@taken)
                // bail_out("$name - no free port for \$$var");

        } else {
            defined $ENV{$var}
                or bail_out("$name - environment variable $var"
                            . " is not defined");
            $ENV{$var};
        }
    }eg;

    return $text;
}

sub free_port {
    my %used = map { $_ => 1 } $ServerPort // 0, @_;

    for (1 .. 1000) {
        # the system uses those above for connections

        my $port = 1988 + int rand 30000;
        next if $used{$port};

        my $sock = IO::Socket::INET->new(
            LocalAddr => $ServerAddr, LocalPort => $port,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1);

        return $port if $sock;
    }

    return undef;
}

# 1.22.1 is 1.022001, 1.0.2k is 1.000002010: numbers which compare as the
# versions do.

sub version_number {
    my ($major, $minor, $patch, $letter) = @_;

    my $text = sprintf '%d.%03d%03d', $major, $minor, $patch;
    return $text if !defined $letter;

    return $text . sprintf '%03d', ord($letter) - ord('a');
}

sub read_versions {
    return if defined $NginxV;

    $NginxV = `$NginxBinary -V 2>&1`;

    if ($? != 0 || !defined $NginxV) {
        my $said = $NginxV // '';
        undef $NginxV;
        bail_out("cannot run \"$NginxBinary -V\": $said");
    }

    if ($NginxV =~ m{^nginx version: \S+?/(\d+)\.(\d+)\.(\d+)}m) {
        $NginxVersion = version_number($1, $2, $3);

    } else {
        bail_out("no version in the output of \"$NginxBinary -V\": $NginxV");
    }

    if ($NginxV =~ m{^built with OpenSSL (\d+)\.(\d+)\.(\d+)([a-z])?}m) {
        $OpenSSLVersion = version_number($1, $2, $3, $4);
    }
}

# Runs the Perl code of a section here, where the original does: the settings
# are in sight by their bare names.

sub evaluate {
    my ($block, $section, $code) = @_;

    my $value = eval $code;
    bail_out($block->name . " - $section failed: $@") if $@;

    return $value;
}

sub nginx_version ()   { read_versions(); $NginxVersion }
sub openssl_version () { read_versions(); $OpenSSLVersion }

1;
