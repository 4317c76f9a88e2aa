#!/usr/bin/perl

# Events of object stores in the database: social_objects_event().

use strict;
use warnings;

use lib 't/lib';
use Digest::MD5 qw( md5_hex );
use SocialPostgres;
use Test::More;

my $pg = SocialPostgres->start
    or plan skip_all =>
        'SKIPPED: PostgreSQL is not installed; scripts/deps does it';

$pg->migrate;

sub v { return $pg->value(@_) }

sub quoted { return join ',', map { defined ? "'" . s/'/''/gr . "'" : 'NULL' } @_ }

# One call, of events { key, seq, etag, removed, kind, time, bucket, version,
# size }; its result.

sub call {
    my (@events) = @_;

    my @columns = (
        [ map { $_->{bucket} // 'b' } @events ],
        [ map { $_->{key} } @events ],
        [ map { $_->{removed} ? 'f' : 't' } @events ],
        [ map { $_->{size} // 5 } @events ],
        [ map { $_->{etag} } @events ],
        [ map { $_->{version} } @events ],
        [ map { $_->{seq} } @events ],
        [ map { $_->{time} } @events ],
        [ map { $_->{kind} } @events ],
        [ map { $_->{queue} } @events ],
    );
    my @types = qw( text text boolean bigint text text text text text text );

    return 'SELECT social_objects_event(' . join(', ', map {
        'ARRAY[' . quoted(@{ $columns[$_] }) . "]::$types[$_]" . '[]'
    } 0 .. 9) . ')';
}

sub event { return v(call(@_)) }

sub seen {
    my ($key) = @_;
    return v("SELECT concat_ws(' ', outcome, sequencer, etag, present)
                  FROM seen_objects WHERE object_key = '$key'") // '';
}

sub jobs {
    my ($key) = @_;
    return v("SELECT count(*) FROM jobs WHERE payload->>'key' = '$key'");
}

my $n = 0;

sub upload {
    my ($key) = @_;

    my $id = sprintf '00000000-0000-4000-8000-%012d', ++$n;
    v("SELECT social_upload_create('$id', 'i', 'u$n', 'u$n', 'post', 'b',
        '$key', 'image/jpeg', 100, NULL, '5 minutes')");
    return $id;
}

sub upload_of {
    return v("SELECT state || ' ' || coalesce(etag, '-') || ' ' || generation
                  FROM uploads WHERE id = '$_[0]'");
}


subtest 'an upload' => sub {
    my $id = upload('u/1');

    is(event({ key => 'u/1', seq => '0A', etag => 'e1' }), 1, 'an event');
    is(upload_of($id), 'stored e1 1', 'it is stored');
    is(jobs('u/1'), 1, 'and has a job');
    is(v("SELECT payload->>'upload' || ' ' || kind || ' ' || handler FROM jobs
              WHERE payload->>'key' = 'u/1'"), "$id post upload", 'its own');
    is(seen('u/1'), 'queued 0A e1 t', 'noted');

    is(event({ key => 'u/1', seq => '0A', etag => 'e1' }), 1, 'once more');
    is(jobs('u/1'), 1, 'has no effect');

    event({ key => 'u/1', seq => '0B', etag => 'e2' });
    is(upload_of($id), 'stored e2 2', 'a later one has');

    event({ key => 'u/1', seq => '09FF', etag => 'e0' });
    event({ key => 'u/1', seq => '0A', etag => 'e1' });
    is(upload_of($id), 'stored e2 2', 'earlier ones do not');
    is(seen('u/1'), 'queued 0B e2 t', 'nor are they noted');
};


subtest 'an object of no upload' => sub {
    event({ key => 'x/1', seq => '01', etag => 'e' });
    is(seen('x/1'), 'ignored 01 e t', 'is noted');
    is(v('SELECT count(*) FROM jobs WHERE payload->>\'key\' = \'x/1\''), 0,
       'and nothing else');
    is(v("SELECT count(*) FROM uploads WHERE object_key = 'x/1'"), 0,
       'not even an upload');

    event({ key => 'x/2', seq => '01', etag => 'e', kind => 'pic',
            version => 'v', size => 7 });
    is(seen('x/2'), 'queued 01 e t', 'with a rule it is a job');
    is(v("SELECT concat_ws(' ', kind, queue, payload->>'upload',
              payload->>'generation', payload->>'bucket', payload->>'size',
              payload->>'etag', payload->>'version') FROM jobs
              WHERE payload->>'key' = 'x/2'"),
       join(' ', 'pic images', md5_hex('b/x/2') =~ s/(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r,
            '1 b 7 e v'), 'whose payload has what the worker needs');

    event({ key => 'x/2', seq => '01', etag => 'e', kind => 'pic' });
    event({ key => 'x/2', seq => '00F', etag => 'd', kind => 'pic' });
    is(jobs('x/2'), 1, 'neither the same nor an earlier one is another');

    event({ key => 'x/2', seq => '02', etag => 'f', kind => 'pic',
            queue => 'mine' });
    is(jobs('x/2'), 2, 'a later one is');
    is(v("SELECT queue FROM jobs WHERE payload->>'etag' = 'f'"), 'mine',
       'in the queue of the rule');
};


subtest 'without a sequencer' => sub {
    event({ key => 'y/1', etag => 'e', time => 't1', kind => 'pic' });
    event({ key => 'y/1', etag => 'f', time => 't2', kind => 'pic' });
    event({ key => 'y/1', etag => 'e', time => 't1', kind => 'pic' });
    event({ key => 'y/1', etag => 'f', time => 't2', kind => 'pic' });
    is(jobs('y/1'), 2, 'each event is one job');

    my $id = upload('y/2');
    event({ key => 'y/2', etag => $_, time => "t$_" }) for qw( a b a b );
    is(upload_of($id), 'stored b 2', 'and of an upload, too');

    event({ key => 'y/1', seq => '05', etag => 'g', kind => 'pic' });
    event({ key => 'y/1', etag => 'h', time => 't3', kind => 'pic' });
    is(jobs('y/1'), 4, 'both ways of an event');
    is(seen('y/1'), 'queued 05 h t', 'and a sequencer that is known stays');
};


subtest 'removed' => sub {
    event({ key => 'z/1', seq => '02', removed => 1, etag => undef });
    is(seen('z/1'), 'removed 02 f', 'noted');

    event({ key => 'z/1', seq => '01', etag => 'e', kind => 'pic' });
    is(jobs('z/1'), 0, 'what was there before makes no job any more');

    event({ key => 'z/1', seq => '03', etag => 'e', kind => 'pic' });
    is(jobs('z/1'), 1, 'what comes after is');

    # emulators that have one sequencer for all
    event({ key => 'z/2', seq => '07', etag => $_, kind => 'pic' })
        for qw( a a b b );
    is(jobs('z/2'), 2, 'one sequencer for different objects');
};


subtest 'several at once' => sub {
    is(event(map { { key => "m/$_", seq => '01', etag => 'e', kind => 'pic' } }
             1 .. 50), 50, 'fifty');
    is(v("SELECT count(*) FROM jobs WHERE payload->>'key' LIKE 'm/%'"), 50,
       'jobs');

    event({ key => 'm/x', seq => '03', etag => 'c', kind => 'pic' },
          { key => 'm/x', seq => '01', etag => 'a', kind => 'pic' },
          { key => 'm/x', seq => '03', etag => 'c', kind => 'pic' },
          { key => 'm/x', seq => '02', etag => 'b', kind => 'pic' });
    is(seen('m/x'), 'queued 03 c t', 'the last of a key counts');

    # all or none
    my (undef, $ok) = $pg->attempt(call(
        { key => 'm/y', seq => '01', etag => 'e', kind => 'pic' },
        { key => undef, seq => '01', etag => 'e', kind => 'pic' }));
    ok(!$ok, 'one that cannot be kept');
    is(seen('m/y'), '', 'and nothing of the others');
};


subtest 'at the same time, in any order' => sub {
    my @pids;

    for my $k (1 .. 4) {
        my $pid = fork // die;

        if (!$pid) {
            my @all = map { { key => 'c/' . ($_ % 5), seq => sprintf('%02X', $_),
                              etag => "e$_", kind => 'pic' } } 1 .. 20;
            @all = reverse @all if $k % 2;
            $pg->attempt(call(@all)) for 1 .. 3;
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    waitpid $_, 0 for @pids;

    is(v("SELECT string_agg(sequencer, ' ' ORDER BY sequencer) FROM seen_objects
              WHERE object_key LIKE 'c/%'"), '10 11 12 13 14',
       'the latest of each key');
    is(v("SELECT count(*) = count(DISTINCT payload->>'etag') FROM jobs
              WHERE payload->>'key' LIKE 'c/%'"), 't', 'no event twice');
};


subtest 'order of sequencers' => sub {
    my $k = 0;

    for (['0055AED6DCD90281E5', '0055AED6DCD90281E6'], ['0F', '1'],
         ['12', '121'], ['9', 'A'], ['00', '0001'])
    {
        my ($less, $greater) = @$_;
        $k++;

        event({ key => "o/$k", seq => $greater, etag => 'new', kind => 'pic' });
        event({ key => "o/$k", seq => $less, etag => 'old', kind => 'pic' });
        is(seen("o/$k"), "queued $greater new t", "$less, $greater");
    }
};


subtest 'what is kept' => sub {
    my $id = upload('k/1');
    event({ key => 'k/1', seq => '01', etag => 'e' });
    v("DELETE FROM uploads WHERE id = '$id'");
    is(seen('k/1'), '', 'nothing of an upload that is deleted');

    event({ key => "k/old$_", seq => '01', etag => 'e' }) for 1 .. 3;
    v("UPDATE seen_objects SET seen_at = now() - interval '31 days'
           WHERE object_key LIKE 'k/old%'");
    event({ key => 'k/2', seq => '01', etag => 'e' });
    is(v("SELECT count(*) FROM seen_objects WHERE object_key LIKE 'k/old%'"), 0,
       'nothing for longer than a month');
    is(seen('k/2'), 'ignored 01 e t', 'but for what is newer');
};


subtest 'rights' => sub {
    for my $role (qw( social_gateway social_worker )) {
        is(v("SELECT has_function_privilege('$role', oid, 'EXECUTE') FROM pg_proc
                  WHERE proname = 'social_objects_event'"), 't', $role);
        is(v("SELECT has_table_privilege('$role', 'seen_objects', 'SELECT')"),
           'f', 'and not the table');
    }

    is(v("SELECT has_function_privilege('social_backend', oid, 'EXECUTE')
              FROM pg_proc WHERE proname = 'social_objects_event'"), 'f',
       'nobody else');
    is(v("SELECT proconfig @> '{lock_timeout=250ms}' FROM pg_proc
              WHERE proname = 'social_objects_event'"), 't',
       'it does not wait long');
};

done_testing();
