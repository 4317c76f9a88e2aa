package SocialDisk;

# A disk that misbehaves: t/tools/disk.c, for the threads of an nginx.
#
#     my $disk = SocialDisk->new("$dir/root");
#     $disk->start($nginx, $port);
#     $disk->set(on => 1, at => 3, error => 28);     # the third call: ENOSPC
#     my @calls = $disk->calls;                      # what was recorded

use strict;
use warnings;

use Cwd ();
use File::Temp ();

my @names = qw( on count at error hold held no_openat2 no_tmpfile slow
                cached );

# Under valgrind and the sanitizers it cannot be preloaded: start() starts nginx
# without it.

sub possible { return !$ENV{SANITIZE} && !$ENV{TEST_NGINX_USE_VALGRIND} }

sub new {
    my ($class, $root) = @_;

    my $tools;

    if (possible()) {
        chomp($tools = `scripts/tools`);
        die "t/tools did not compile\n" if $?;
    }

    my $file = File::Temp->new;
    print {$file} pack 'q*', (0) x @names;
    $file->flush;
    chmod 0666, "$file";

    my $log = File::Temp->new;
    chmod 0666, "$log";

    return bless { tools => $tools, root => Cwd::abs_path($root),
                   file => $file, log => $log }, $class;
}

sub start {
    my ($self, $nginx, $port) = @_;

    return $nginx->start($port) if !$self->{tools};

    local $ENV{LD_PRELOAD} = "$self->{tools}/disk";
    local $ENV{SOCIAL_DISK} = "$self->{file}";
    local $ENV{SOCIAL_DISK_LOG} = "$self->{log}";
    local $ENV{SOCIAL_DISK_TOP} = $self->{root};

    return $nginx->start($port);
}

sub set {
    my ($self, %o) = @_;

    open my $out, '+<:raw', "$self->{file}" or die "$self->{file}: $!\n";

    # in the order in which they are written here: "on" comes last

    for my $i (reverse 0 .. $#names) {
        next if !exists $o{$names[$i]};
        sysseek $out, 8 * $i, 0;
        syswrite $out, pack 'q', $o{$names[$i]};
    }

    return;
}

sub get {
    my ($self, $name) = @_;

    open my $in, '<:raw', "$self->{file}" or die "$self->{file}: $!\n";
    read $in, my $text, 8 * @names;

    my %now;
    @now{@names} = unpack 'q*', $text;

    return $now{$name};
}

# What was recorded since the last time: [ call, path, result ].

sub calls {
    my ($self) = @_;

    open my $in, '<', "$self->{log}" or die "$self->{log}: $!\n";
    seek $in, $self->{read} // 0, 0;
    my @calls = map { chomp; [ split / / ] } <$in>;
    $self->{read} = tell $in;

    return @calls;
}

1;
