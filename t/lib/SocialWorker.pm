package SocialWorker;

# What suites of social-worker share: a PostgreSQL and a server of buckets of
# their own, workers, uploads, and what became of them.
#
#     my $w = SocialWorker->new or plan skip_all => ...;
#     $w->conf(lease => '4s', more => '...');
#     my $pid = $w->worker;
#     my $id = $w->upload('post');
#     is($w->state_of($id), 'done');
#     my ($status, $log) = $w->stop($pid);
#
# GET and DELETE of an object whose key has "gate" in it wait while the file
# "gate" of the directory is there; where it has "first" in it, only the first
# one does.  What was asked for is in the file "requests", a line each.

use strict;
use warnings;

use File::Path ();
use File::Temp ();
use IO::Handle ();
use POSIX ();
use Time::HiRes qw( sleep time );

use SocialBucket;
use SocialImage;
use SocialPostgres;
use SocialSecrets ();

my @all;

sub program {
    my $program = $ENV{SOCIAL_WORKER}
        || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

    return if !-x $program || !SocialPostgres::bin();

    chomp(my $cwd = `pwd`);
    return $program =~ m{^/} ? $program : "$cwd/$program";
}

sub new {
    my ($class, %o) = @_;

    my $program = program() or return;

    # names and numbers of our own only
    delete $ENV{$_} for grep { /^(SOCIAL_WORKER_|PG|AWS_)/ } keys %ENV;

    my $dir = File::Temp->newdir('social-worker-XXXXXX', TMPDIR => 1);
    mkdir "$dir/$_" for qw( raw assets );

    my $self = bless { dir => "$dir", keep => $dir, program => $program,
        workers => {}, logs => 0, uploads => 0 }, $class;

    # "address": one of this machine that both can be reached at

    $self->{pg} = SocialPostgres->start(address => $o{address},
        port => $o{port});
    $self->{pg}->migrate;
    $self->{photo} = SocialImage::photo(300, 200);
    $self->{buckets} = SocialBucket->start("$dir", address => $o{address},
        answer => sub {
            my ($socket, $request) = @_;
            gate($self, $request);
            return $o{answer} && $o{answer}->($self, $socket, $request);
        });

    push @all, $self;
    return $self;
}

sub gate {
    my ($self, $request) = @_;

    my $line = "$request->{method} $request->{path}\n";

    open my $f, '>>', "$self->{dir}/requests" or die "requests: $!";
    syswrite $f, $line;
    close $f;

    return if $line !~ /^(?:GET|DELETE) .*gate/
        || $line =~ /first/ && $self->requests($line) > 1;

    my $end = time + 60;
    sleep 0.05 while -e "$self->{dir}/gate" && time < $end;

    return;
}

sub close_gate { spew("$_[0]{dir}/gate", '') }
sub open_gate { unlink "$_[0]{dir}/gate" }

# How often that was asked for, or what a pattern matches.

sub requests {
    my ($self, $line) = @_;

    my @lines = split /^/, slurp("$self->{dir}/requests");
    return scalar grep { ref $line ? $_ =~ $line : $_ eq $line } @lines;
}

sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($file, $data) = @_;
    (my $folder = $file) =~ s{/[^/]*$}{};
    File::Path::make_path($folder);
    open my $f, '>:raw', $file or die "$file: $!";
    print $f $data;
    close $f;
}

# Until the code gives something true; what it gave last.

sub until_true {
    my ($seconds, $code) = @_;

    my $end = time + $seconds;

    while (1) {
        my $value = $code->();
        return $value if $value || time > $end;
        sleep 0.05;
    }
}

sub v { return $_[0]{pg}->value($_[1]) }

sub conf {
    my ($self, %o) = @_;

    my $file = "$self->{dir}/" . ($o{file} || 'worker.conf');
    my $database = $o{conninfo} ? qq{conninfo = "$o{conninfo}"}
                                : $self->{pg}->worker;
    my $bucket = $self->{buckets}->conf;
    my $queue = $o{queue} || 'images';

    spew($file, <<"CONF" . ($o{more} || ''));
concurrency = @{[ $o{concurrency} || 2 ]}
queue = "$queue"
lease = "@{[ $o{lease} || '20s' ]}"
poll = "@{[ $o{poll} || '200ms' ]}"
database { $database @{[ $o{listen} ? qq{listen = $o{listen}} : '' ]} }
bucket raw { $bucket }
bucket assets { $bucket }
variant small {
    width = 64
    height = 64
}
kind post {
    variants = {"small"}
    output = "assets"
    time_limit = "80s"
}
kind avatar {
    variants = {"small"}
    output = "assets"
    alias = "avatars/{sub}.jpg"
    time_limit = "80s"
}
@{[ map { "variant slow$_ { width = 1600 height = 1600 fit = contain "
    . "formats = {avif} effort = 6 quality = 90 enlarge = true }\n" } 1 .. 12 ]}
kind slow {
    variants = {@{[ join ', ', map { "slow$_" } 1 .. 12 ]}}
    output = "assets"
    time_limit = "600s"
}
CONF

    return $file;
}

sub worker {
    my ($self, %o) = @_;

    my $log = "$self->{dir}/log." . ++$self->{logs};
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', $log;
        exec @{ $o{prefix} // [] }, $self->{program}, '-c',
            $o{conf} // "$self->{dir}/worker.conf", $o{command} // 'run'
            or POSIX::_exit(127);
    }

    $self->{workers}{$pid} = $log;
    return $pid;
}

sub log_of { return slurp($_[0]{workers}{$_[1]} // '') }

# Waits for a line of a log; whether it came.

sub logged {
    my ($self, $pid, $pattern, $seconds) = @_;
    return until_true($seconds || 60, sub { $self->log_of($pid) =~ $pattern });
}

# Ends it by a signal; its status, -1 where it had to be killed after so many
# seconds, its log, and how long it took.

sub stop {
    my ($self, $pid, $signal, $seconds) = @_;

    my $began = time;
    my $status;

    kill $signal || 'TERM', $pid;

    until_true($seconds || 60, sub {
        return if waitpid($pid, POSIX::WNOHANG()) != $pid;
        $status = $?;
        return 1;
    });

    my $took = time - $began;

    if (!defined $status) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        $status = -1;
    }

    return ($status, slurp(delete $self->{workers}{$pid}), $took);
}

sub command {
    my ($self, @args) = @_;

    my $out = `$self->{program} -c $self->{dir}/worker.conf @args 2>&1`;
    return ($? >> 8, $out);
}

# An upload, its object, and the event; its id.  Options: key, sub, data.

sub upload {
    my ($self, $kind, %o) = @_;
    return ($self->uploads($kind, { %o }))[0];
}

# Several, each with options of its own.

sub uploads {
    my ($self, $kind, @all) = @_;

    my $sql = '';

    my @ids = map {
        my $n = ++$self->{uploads};
        my $id = sprintf '00000000-0000-4000-8000-%012d', $n;
        my $key = "raw/" . ($_->{key} // 'object') . "-$n";
        my $sub = $_->{sub} // 'sub';

        spew("$self->{dir}/raw/$key", $_->{data} // $self->{photo});

        $sql .= "SELECT FROM social_upload_create('$id', 'iss', '$sub', '$sub',
            '$kind', 'raw', '$key', 'image/png', 1, NULL, '5 minutes');
            SELECT FROM social_object_created('t', 'e$n', 'raw', '$key', 1,
            'etag$n');\n";

        $id;
    } @all;

    $self->{pg}->sql($sql);

    return @ids;
}

sub job_of {
    my ($self, $id, $what) = @_;
    return $self->v("SELECT $what FROM jobs WHERE payload->>'upload' = '$id'");
}

# The state of an upload's job.

sub state_of {
    my ($self, $id, $wanted, $seconds) = @_;

    return $self->{pg}->wait_for("SELECT state FROM jobs
        WHERE payload->>'upload' = '$id'", $wanted // 'done', $seconds // 60);
}

# The backends that workers are connected to.

sub backends {
    my ($self) = @_;

    return split /\n/, $self->v("SELECT pid FROM pg_stat_activity
        WHERE application_name = 'social-worker'");
}

# A child of a worker that decodes.

sub decoder_of {
    my ($self, $pid) = @_;

    return until_true(60, sub {
        for my $task (glob "/proc/$pid/task/*/children") {
            for my $child (slurp($task) =~ /(\d+)/g) {
                return $child
                    if slurp("/proc/$child/cmdline") =~ /decoder/
                        && slurp("/proc/$child/limits") =~ /open files +16 /;
            }
        }
        return;
    });
}

# Processor time that a process has used, in seconds.

sub cpu_of {
    my ($pid) = @_;

    my @field = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
    return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# A transaction that holds what the statement locks until it is undefined.

sub lock_rows {
    my ($self, $sql) = @_;

    open my $psql, '|-', "psql -X -q -o /dev/null -d '"
        . $self->{pg}->conninfo . "'" or die "psql: $!";
    $psql->autoflush(1);
    print $psql "SET application_name = 'locker'; BEGIN; $sql;\n";

    $self->{pg}->wait_for("SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'locker' AND state = 'idle in transaction'",
        1);

    return $psql;
}

END {
    my $status = $?;

    for my $self (@all) {
        for my $pid (keys %{ $self->{workers} }) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        SocialSecrets::keep(glob "$self->{dir}/log.*");
    }

    $? = $status;
}

1;
