#!/usr/bin/perl

# Migrations and the worker: several programs start at once on an empty
# database, and one finds a schema that is older or newer than it is.

use strict;
use warnings;

use lib 't/lib';

use File::Copy ();
use File::Temp ();
use Test::More;

use SocialPostgres;
use SocialWorker;

my $w = SocialWorker->new
    or plan skip_all => 'social-worker or PostgreSQL is not there: run '
        . '"make deps"';

my @files = glob 'conf/sql/[0-9]*.sql';


subtest 'migrations at once' => sub {
    my $pg = SocialPostgres->start;
    my $dir = File::Temp->newdir('social-schema-XXXXXX', TMPDIR => 1);
    local $ENV{SOCIAL_DATABASE} = $pg->conninfo;

    my @pids = map {
        my $n = $_;
        my $pid = fork // die "fork: $!";

        if (!$pid) {
            exec "scripts/migrate > $dir/$n 2>&1" or POSIX::_exit(127);
        }

        $pid;
    } 1 .. 4;

    for my $pid (@pids) {
        waitpid $pid, 0;
        is($?, 0, 'each succeeds');
    }

    my %applied;
    my $said = join '', map { SocialWorker::slurp("$dir/$_") } 1 .. 4;
    $applied{$1}++ while $said =~ /applied (\d\d\d)_/g;

    is(scalar keys %applied, scalar @files, 'each migration is applied')
        or diag($said);
    is(scalar(grep { $_ != 1 } values %applied), 0, 'by one of them');
    is($pg->value('SELECT count(*) FROM schema_migrations'), scalar @files,
        'once');
};


subtest 'an older schema' => sub {
    my $pg = SocialPostgres->start;
    my $dir = File::Temp->newdir('social-schema-XXXXXX', TMPDIR => 1);

    for my $file (@files) {
        next if $file !~ m{/00[1-8]_};
        File::Copy::copy($file, "$dir/") or die "$file: $!";
    }

    {
        local $ENV{SOCIAL_SQL} = "$dir";
        $pg->migrate;
    }

    my $conf = $w->conf(file => 'older.conf', conninfo => $pg->conninfo);
    my $out = `$w->{program} -c $conf check 2>&1`;
    like($out, qr/^wrong +database: the schema is older than social-worker: run "make migrate"/m,
        'check names the command');

    my $pid = $w->worker(conf => $conf);
    ok($w->logged($pid, qr/"level":"error","event":"schema does not match","schema":"008","error":"the schema is older than social-worker: run \\"make migrate\\""/),
        'run, too');

    $pg->migrate;
    $pg->value("SELECT social_job_add('unknown', '{}', 'images')");
    is($pg->wait_for('SELECT state FROM jobs', 'dead', 60), 'dead',
        'it goes on when that was done');
    is(($w->stop($pid))[0], 0, 'without a restart');
};


subtest 'a newer schema' => sub {
    $w->conf;
    $w->v("INSERT INTO schema_migrations VALUES ('999', '999_later', '')");
    my ($rc, $out) = $w->command('check');
    like($out, qr/^ok +database: the schema is newer than social-worker/m,
        'check says so');

    my $pid = $w->worker;
    ok($w->logged($pid, qr/"level":"warn","event":"schema does not match","schema":"999"/),
        'and run');
    my $id = $w->upload('post');
    is($w->state_of($id), 'done', 'it works');
    $w->stop($pid);

    $w->v('DROP TABLE schema_migrations');
    ($rc, $out) = $w->command('check');
    like($out, qr/^wrong +database: .*make migrate/m, 'no migrations at all');
};


done_testing();
