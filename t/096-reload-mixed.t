#!/usr/bin/perl

# Reloads, killed processes and an upgrade of the binary, while requests of all
# kinds are under way: none is cut, all are answered, keys stay known, and
# nothing grows.
#
#   SOAK=1     20 reloads in 10 seconds with 50 clients, 200 more, 100 kills,
#              and the module of the commit before, which is built; instead of
#              5, 12, 8, 5, and the same module
#   SOCIAL_PREVIOUS=file   that module, in place of one that is built

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use Cwd ();
use SocialHook;
use SocialMix;
use SocialNginx;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: the environment of the sanitizers is not passed on'
    . ' to a new binary' if $ENV{SANITIZE};
plan skip_all => 'SKIPPED: valgrind makes what is counted here too slow'
    if $ENV{VALGRIND} || $ENV{TEST_NGINX_USE_VALGRIND};

my $soak = $ENV{SOAK};
my $mix = SocialMix->new(pg => $pg)->start;
my $dir = $mix->{dir};

sub clean {
    my ($of) = @_;

    my @bad = grep { /\[(?:alert|emerg|crit)\]|open socket/ } split /\n/,
              SocialNginx::without_kills($of->{nginx}->error_log);

    is(join("\n", splice @bad, 0, 5), '', 'nothing bad in the log');
    return;
}

subtest 'reloads' => sub {
    my $stock = SocialMix->new(stock => 1)->start;
    my $half = $soak ? 25 : 4;
    my $reloads = $soak ? 20 : 5;

    $_->clients(keep => $half, close => $half) for $mix, $stock;
    sleep 1;

    # a signal that comes before the last one was handled is the same one

    for my $n (1 .. $reloads) {
        my $next = time + 0.5;
        kill 'HUP', $_->master for $mix, $stock;
        sleep $next - time if time < $next;
    }

    sleep 3;

    for my $of ($mix, $stock) {
        ok($of->reload_all, 'the old processes end');
    }

    my ($seen, $beside) = map { $_->finish } $mix, $stock;
    my ($lost, $usual) = map { SocialMix::count($_, 'keep', 'lost') }
                         $seen, $beside;

    is(SocialMix::wrong($seen, 'close'), '', 'connections of one request');
    is(SocialMix::wrong($seen, 'keep', 'lost'), '', 'kept ones');
    cmp_ok(scalar @{ $seen->{lines} }, '>', 100, scalar @{ $seen->{lines} }
           . ' requests');
    ok($seen->{close}{$_}{200}, "... $_ among them")
        for qw( slow slowput hook put presign );

    # a request that comes as an idle connection is closed: that is chance

    cmp_ok($lost, '<=', $usual + 3 * sqrt($usual + $lost + 1),
           "as many were closed before them as with stock nginx"
           . " ($lost, $usual)");
    clean($_) for $mix, $stock;
    ok($stock->stop('QUIT'), 'the other nginx ends');
};

subtest 'what many reloads leave' => sub {
    my $reloads = $soak ? 200 : 12;
    my $warm = $soak ? 20 : 4;
    my $connections = sub {
        return $pg->value('SELECT count(*) FROM pg_stat_activity WHERE'
                          . " application_name = 'ngx_social_module'");
    };
    my $state = sub {
        $mix->ask($_) for qw( put hook presign api );

        my $db;
        SocialNginx::wait_for(30, sub {
            $db = $connections->();
            return $db <= 2 * $mix->{workers} + 1;
        });

        return { kb => SocialMix::anonymous($mix->master),
                 fds => SocialMix::descriptors($mix->master), db => $db };
    };
    my (%first, $failed);

    for my $n (1 .. $reloads) {
        $mix->reload_all or $failed++;
        %first = %{ $state->() } if $n == $warm;
    }

    my %last = %{ $state->() };

    is($failed, undef, "$reloads reloads");
    diag(sprintf 'the master after %d reloads: %d kB and %d descriptors, %d'
         . ' connections to the database; after %d: %d, %d, %d', $warm,
         @first{qw( kb fds db )}, $reloads, @last{qw( kb fds db )});

    cmp_ok($last{kb} - $first{kb}, '<=', 512, 'the memory of the master');
    cmp_ok($last{fds}, '<=', $first{fds}, 'its descriptors');
    cmp_ok($last{db}, '<=', 2 * $mix->{workers} + 1,
           'connections to the database');
    is(scalar $mix->workers, $mix->{workers}, 'processes');
    clean($mix);
};

subtest 'processes that are killed' => sub {
    my $kills = $soak ? 100 : 8;
    my $limit = $soak ? 1 : 10;
    my ($longest, @bad) = (0);

    $mix->clients(keep => $soak ? 10 : 3, close => $soak ? 10 : 3);
    sleep 0.5;

    for my $n (1 .. $kills) {
        my @workers = $mix->workers;
        my $began = time;

        # each time another one, and now and then both

        kill 'KILL', $n % 10 ? $workers[rand @workers] : @workers;

        my $got;
        SocialNginx::wait_for(30, sub {
            $got = $mix->ask('api');
            push @bad, $got if $got !~ /\A(?:200|none|refused|cut)\z/;
            return $got eq '200';
        });

        my $took = time - $began;
        $longest = $took if $took > $longest;

        SocialNginx::wait_for(30, sub { $mix->workers == $mix->{workers} })
            or push @bad, 'no process';
        sleep 0.05;
    }

    my $seen = $mix->finish;

    diag(sprintf '%d kills: served again after %.3f s at most; %d requests,'
         . ' %d of them without an answer', $kills, $longest,
         scalar @{ $seen->{lines} },
         scalar grep { $_->[4] ne '200' } @{ $seen->{lines} });

    is("@bad", '', 'keys are known, and nothing is refused');
    cmp_ok($longest, '<=', $limit, "served within $limit s");
    is(SocialMix::wrong($seen, $_, qw( none lost cut refused )), '',
       "no answer is wrong ($_)") for qw( close keep );

    # each of these takes a lock of the shared memory

    is($mix->ask($_), '200', "... and $_ goes on")
        for qw( api put get hook presign preflight );
    like(SocialNginx::request($mix->{port}, "GET /ready HTTP/1.0\r\n\r\n"),
         qr{\AHTTP/1\.1 200}, 'ready');
    clean($mix);
};

# The module of the commit before this one, built in a directory of its own.

sub previous {
    return $ENV{SOCIAL_PREVIOUS} if $ENV{SOCIAL_PREVIOUS};
    return if !$soak;

    my $where = ($ENV{BUILD} || 'build') . '/previous';
    my $said = `set -e; rm -rf $where; mkdir -p $where/tree
        git archive HEAD~1 | tar x -C $where/tree
        cd $where/tree && env -u BUILD scripts/build 2>&1`;

    return -f "$where/tree/build/ngx_http_social_module.so"
        ? Cwd::abs_path("$where/tree/build/ngx_http_social_module.so")
        : do { diag($said); '' };
}

subtest 'another binary' => sub {
    my $before = previous();

    if (defined $before && $before eq '') {
        fail('the commit before this one is not built');
        return;
    }

    if ($before) {
        ok($mix->stop('QUIT'), 'stopped');
        $mix->load($before);
        unlink "$dir/logs/error.log";
        $mix->start;
        like(SocialNginx::maps(($mix->workers)[0]), qr/\Q$before\E/,
             'the module before');
    }

    $mix->clients(keep => $soak ? 10 : 3, close => $soak ? 10 : 3);
    sleep 0.5;
    $mix->load(SocialNginx::module()) if $before;

    for my $n (1 .. ($soak && !$before ? 5 : 1)) {
        ok($mix->upgrade, "upgrade $n");
    }

    sleep 0.5;
    my $seen = $mix->finish;

    like(SocialNginx::maps(($mix->workers)[0]),
         qr/\Q@{[ SocialNginx::module() ]}\E/, 'this module');
    is(SocialMix::wrong($seen, 'close'), '', 'connections of one request');
    is(SocialMix::wrong($seen, 'keep', 'lost'), '', 'kept ones');
    is($mix->ask($_), '200', "$_ goes on")
        for qw( api put get hook presign preflight );
    clean($mix);
};

ok($mix->stop('QUIT'), 'nginx ends');

done_testing();
