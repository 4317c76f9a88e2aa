package SocialFaults;

# Libraries of t/tools for LD_PRELOAD that have allocations ("memory") or system
# calls ("faults") of a worker process fail, and requests that meet them.
#
#     my $faults = SocialFaults->new('memory');
#     $faults->start($nginx, $port);
#     $faults->control(pid => $worker, next => 3);     # the third one fails
#     my $failed = $faults->control(next => 0)->{failed};

use strict;
use warnings;

use Exporter qw( import );
use File::Temp ();
use IO::Socket::INET ();
use SocialNginx;

our @EXPORT_OK = qw( idle status );

# What the library reads and writes, in numbers of 64 bits: t/tools/*.c.  After
# those of "faults" there are the name of the last call that failed, and a
# trace.

my %names = (
    faults => [qw( pid next lasting failed error counted only delay )],
    memory => [qw( pid next lasting failed live )],
);

my %variable = (faults => 'SOCIAL_FAULTS', memory => 'SOCIAL_MEMORY');
my ($name_size, $trace_size) = (32, 3900);

# The sanitizers and valgrind have their own malloc(), and calls of their own.

sub possible { return !$ENV{SANITIZE} && !$ENV{TEST_NGINX_USE_VALGRIND} }

sub new {
    my ($class, $library) = @_;

    chomp(my $tools = `scripts/tools`);
    die "t/tools did not compile\n" if $?;

    my $file = File::Temp->new;
    print {$file} "\0" x 4096;
    $file->flush;
    chmod 0666, "$file";

    return bless { library => "$tools/$library", file => $file,
                   variable => $variable{$library},
                   names => $names{$library} }, $class;
}

sub start {
    my ($self, $nginx, $port) = @_;

    local $ENV{LD_PRELOAD} = $self->{library};
    local $ENV{ $self->{variable} } = "$self->{file}";

    return $nginx->start($port);
}

# Sets what is given; what was there before.

sub control {
    my ($self, %o) = @_;

    my @names = @{ $self->{names} };
    my $n = @names;
    my (%now, $text);

    open my $f, '+<:raw', "$self->{file}" or die "$self->{file}: $!\n";
    read $f, $text, 8 * $n + $name_size;
    (@now{@names}, $now{name}) = unpack "q$n Z$name_size", $text;

    for my $i (0 .. $#names) {
        next if !exists $o{$names[$i]};
        seek $f, 8 * $i, 0;
        print {$f} pack 'q', $o{$names[$i]};
    }

    close $f;
    return \%now;
}

# The calls that are made while the code runs, in their order.

sub calls {
    my ($self, $code) = @_;

    my $at = 8 * @{ $self->{names} } + $name_size;
    my $trace;

    open my $f, '+<:raw', "$self->{file}" or die "$self->{file}: $!\n";
    seek $f, $at, 0;
    print {$f} pack "q2 x$trace_size", 1, 0;
    $f->flush;

    $code->();

    seek $f, $at, 0;
    print {$f} pack 'q', 0;
    $f->flush;
    seek $f, $at + 16, 0;
    read $f, $trace, $trace_size;

    return $trace =~ s/\0+\z//r;
}

# The status of the answer to a request, or "none"; undef: no answer, and the
# connection stays open.

sub status {
    my ($port, $text) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                     Timeout => 5) or return 'none';
    my $got = '';

    eval {
        local $SIG{ALRM} = sub { die "late\n" };
        local $SIG{PIPE} = 'IGNORE';
        alarm 20;
        print {$sock} $text;
        $sock->flush;
        1 while sysread $sock, $got, 65536, length $got;
        alarm 0;
        1;
    } or return;

    return $got =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

# Until no request is under way, as "stub_status" at /status shows.

sub idle {
    my ($port) = @_;

    return SocialNginx::wait_for(20, sub {
        SocialNginx::request($port, "GET /status HTTP/1.0\r\n\r\n")
            =~ /Reading: 0 Writing: 1 Waiting: 0/;
    });
}

1;
