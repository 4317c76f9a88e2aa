#!/usr/bin/perl

# All features under one load for a long time, and slow clients beside it: no
# answer is wrong, memory and descriptors stay as they are, and requests take as
# long at the end as at the beginning.
#
#   SOAK=1            ten minutes, with Debian's slowhttptest; otherwise some
#                     seconds, which show that all of it works together, and
#                     nothing of memory and latency
#   SOAK_MINUTES=60   for so long

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use POSIX ();
use SocialHook;
use SocialMix;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: sanitizers and valgrind have memory of their own'
    if $ENV{SANITIZE} || $ENV{VALGRIND} || $ENV{TEST_NGINX_USE_VALGRIND};

my $minutes = $ENV{SOAK_MINUTES} // ($ENV{SOAK} ? 10 : 0);
my $seconds = $minutes ? 60 * $minutes : 10;
my $warm = $minutes ? 60 : 2;
my ($slow) = grep { -x } map { "$_/slowhttptest" } split(/:/, $ENV{PATH}),
             '/usr/bin';

$minutes =~ /\A\d+\z/
    or BAIL_OUT("SOAK_MINUTES=$minutes is not a number of minutes");
BAIL_OUT('slowhttptest is not installed: run "scripts/deps soak"')
    if $minutes && !$slow;

my $mix = SocialMix->new(pg => $pg, pace => $minutes ? 0.04 : 0.02)->start;
my $port = $mix->{port};
my $dir = $mix->{dir};

# Clients that send and read a byte at a time.

my @slow;

sub slow_clients {
    my ($for) = @_;
    my @ways = $minutes
        ? ([ '-H' ], [ '-B', '-s', 8192 ],
           [ '-X', '-w', 10, '-y', 20, '-n', 5, '-z', 32, '-k', 3 ])
        : ();

    for my $way (@ways) {
        my $url = "http://127.0.0.1:$port/" . ($way->[0] eq '-X' ? 'api/slow'
                                                                : 'hook');
        my $pid = fork // die "fork() failed: $!\n";

        if (!$pid) {
            chdir $dir;
            open STDOUT, '>>', "$dir/slowhttptest.log";
            open STDERR, '>&', \*STDOUT;
            exec $slow, @$way, '-c', 40, '-i', 5, '-r', 10, '-l', $for,
                '-p', 5, '-u', $url or POSIX::_exit(127);
        }

        push @slow, $pid;
    }

    # the same without it, and an answer that is not read

    my $pid = fork // die "fork() failed: $!\n";

    if (!$pid) {
        my $end = time + $for;
        my @texts = ("GET /api/x HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
            . 'x' x 1000, "POST /hook HTTP/1.1\r\nHost: localhost\r\n"
            . "Content-Length: 5000\r\n\r\n" . '{' x 1000);
        my @socks;

        local $SIG{PIPE} = 'IGNORE';

        while (time < $end) {
            for my $i (0 .. 9) {
                my $s = $socks[$i] //= { n => 0, sock => IO::Socket::INET->new(
                    PeerAddr => "127.0.0.1:$port") };
                my $ok = $s->{sock} && syswrite $s->{sock},
                    substr($texts[$i % 2], $s->{n}++, 1);

                undef $socks[$i] if !$ok || $s->{n} > 1000;
            }

            sleep 0.05;
        }

        POSIX::_exit(0);
    }

    push @slow, $pid;
    return;
}

# Every ten seconds what each process has.

my @samples;
my $began;

sub sample {
    my @pids = $mix->workers;

    push @samples, { at => time, map { $_ => {
        kb => SocialMix::anonymous($_), fds => SocialMix::descriptors($_) } }
        @pids, $mix->master };
    return;
}

# The samples in which a process had the least in each minute, since what
# connections need for a while is not growth; after a third of the time, in
# which all threads and all of a process' buffers have been used.

sub least {
    my ($pid) = @_;
    my %least;

    for my $of (grep { $_->{$pid} && $_->{at} > $began + $seconds / 3 }
                @samples)
    {
        my $minute = int(($of->{at} - $began) / 60);
        my $last = $least{$minute} //= $of;
        $least{$minute} = $of if $of->{$pid}{kb} < $last->{$pid}{kb};
    }

    return map { $least{$_} } sort { $a <=> $b } keys %least;
}

# kB an hour, by least squares.

sub slope {
    my ($pid, @of) = @_;

    @of = grep { $_->{$pid} } @of;
    return 0 if @of < 3;

    my ($n, $x, $y, $xx, $xy) = (scalar @of, (0) x 4);

    for (@of) {
        my ($t, $kb) = (($_->{at} - $of[0]{at}) / 3600, $_->{$pid}{kb});
        $x += $t;
        $y += $kb;
        $xx += $t * $t;
        $xy += $t * $kb;
    }

    return ($n * $xy - $x * $y) / ($n * $xx - $x * $x);
}

sub percentile {
    my ($part, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;
    return $sorted[ int $part * $#sorted ] // 0;
}

# When nobody is there: descriptors are what the process has for itself.

sub quiet {
    return SocialNginx::wait_for(90, sub {
        my $text = eval { SocialNginx::request($port,
                              "GET /metrics HTTP/1.0\r\n\r\n") } // '';
        my $open = 0;

        # the one that asks is one of them

        $open += $_ for $text =~ /^social_connections\{.*\} (\d+)$/mg;
        return $open == 1;
    });
}

my %before;

$mix->ask($_) for qw( put get api hook presign preflight slowput page );
$mix->clients(keep => 2, close => 2);
sleep 2;
$mix->finish;
ok(quiet(), 'nobody is there');
$before{$_} = SocialMix::descriptors($_) for $mix->workers, $mix->master;

my @pids = sort keys %before;
$began = time;

$mix->clients(keep => 4, close => 4);
slow_clients(int $seconds);

while (time < $began + $seconds) {
    sample();
    sleep $minutes ? 10 : 1;
}

my $seen = $mix->finish;

kill 'TERM', @slow;
waitpid $_, 0 for @slow;

my $total = @{ $seen->{lines} };

diag(sprintf '%d requests in %d s, %.0f a second', $total, time - $began,
     $total / (time - $began));

cmp_ok($seen->{close}{$_}{200} // 0, '>', 0, "$_ was asked for")
    for qw( put get api hook presign preflight slow slowput page );
is(SocialMix::wrong($seen, 'close'), '', 'no answer is wrong');
is(SocialMix::wrong($seen, 'keep', 'lost'), '', '... over connections that are'
   . ' kept');

# nginx closes one after a thousand requests, and says so in the last answer

is(SocialMix::count($seen, 'keep', 'lost'), 0, '... of which none is lost');

ok(quiet(), 'all connections are closed');
is_deeply([ sort $mix->workers, $mix->master ], \@pids, 'the same processes');

for my $pid (@pids) {
    my $name = $pid == $mix->master ? 'the master' : "worker $pid";
    my @of = grep { $_->{at} > $began + $warm } @samples;
    my $slope = slope($pid, least($pid));

    # connections to the database and the backend that are kept are opened when
    # they are needed

    cmp_ok(SocialMix::descriptors($pid), '<=', $before{$pid} + 12,
           "$name: descriptors");

    diag(sprintf '%s: %d kB at first, %d kB at last, %.0f kB an hour; %d to %d'
         . ' descriptors', $name, $of[0]{$pid}{kb}, $of[-1]{$pid}{kb}, $slope,
         (sort { $a <=> $b } map { $_->{$pid}{fds} } @of)[0, -1]);

    diag('... kB every minute: ' . join ' ', map { $_->{$pid}{kb} }
         @samples[grep { $_ % 6 == 0 } 0 .. $#samples]) if $minutes;

    cmp_ok($slope, '<=', 1024, "$name: memory grows by no more than a MiB an"
           . ' hour') if $minutes;
}

if ($minutes) {
    my $end = $began + $seconds;
    my @api = grep { $_->[3] eq 'api' && $_->[2] eq 'keep' }
              @{ $seen->{lines} };
    my ($first, $last) = map {
        my ($from, $to) = @$_;
        percentile(0.99, map { $_->[1] }
                         grep { $_->[0] >= $from && $_->[0] < $to } @api);
    } [ $began + $warm, $began + $warm + 60 ], [ $end - 60, $end ];

    diag(sprintf 'p99: %.2f ms in the first minute, %.2f ms in the last one:'
         . ' %.2f; load %s', 1000 * $first, 1000 * $last, $last / $first,
         SocialNginx::slurp('/proc/loadavg') =~ s/ \S+ \S+\n//r);
    cmp_ok($last, '<=', 1.1 * $first + 0.02, 'requests take as long as at first');
}

ok($mix->stop('QUIT'), 'nginx ends');

my $log = $mix->{nginx}->error_log;
my @bad = grep { /\[(?:alert|emerg|crit)\]|open socket/ } split /\n/, $log;

is("@bad", '', 'nothing bad in the log');

my @errors = grep { /\[error\]/ } split /\n/, $log;

is(join("\n", splice @errors, 0, 5), '', '... and no error');

done_testing();
