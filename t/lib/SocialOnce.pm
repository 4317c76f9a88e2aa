package SocialOnce;

# Many jobs of pictures while workers are disturbed: each is done once, with the
# result of a calm run, and none stays with a worker that was lost.
#
#     my $once = SocialOnce->new($w);         # a SocialWorker, without workers
#     $once->begin(1000);
#     ... disturb, and $once->hurry, until $once->left is 0 ...
#     $once->check($seconds);

use strict;
use warnings;

use Test::More;

use SocialImage;
use SocialWorker;

sub new {
    my ($class, $w) = @_;

    my @photos = map { SocialImage::photo(100 + 20 * $_, 90) } 1 .. 5;
    my $self = bless { w => $w, photos => \@photos, calm => [] }, $class;

    # how often a job ends

    $w->v('CREATE TABLE ends (id bigint)');
    $w->v("CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO ends VALUES (NEW.id); RETURN NULL; END'");
    $w->v("CREATE TRIGGER ends AFTER UPDATE ON jobs FOR EACH ROW
        WHEN (NEW.state = 'done' AND OLD.state <> 'done')
        EXECUTE FUNCTION ends()");

    # how long after the lease of its worker it was taken from that

    $w->v('CREATE TABLE taken (late float8)');
    $w->v("CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO taken SELECT extract(epoch FROM clock_timestamp()
        - lease_until) FROM job_workers WHERE name = OLD.worker;
        RETURN NULL; END'");
    $w->v("CREATE TRIGGER taken AFTER UPDATE ON jobs FOR EACH ROW
        WHEN (OLD.state = 'running' AND NEW.failures -> 'lost'
              IS DISTINCT FROM OLD.failures -> 'lost')
        EXECUTE FUNCTION taken()");
    $w->v('GRANT INSERT ON ends, taken TO PUBLIC;
        GRANT SELECT ON job_workers TO PUBLIC');

    for my $photo (@photos) {
        my $id = $w->upload('post', data => $photo);
        $w->command('once');
        is($w->state_of($id, 'done', 5), 'done', 'a calm run');
        push @{ $self->{calm} }, $self->made($id);
    }

    return $self;
}

sub made {
    my ($self, $id) = @_;
    return SocialWorker::slurp("$self->{w}{dir}/assets/images/$id/small.jpg");
}

# As many losses as there are disturbances are not the jobs' fault.

sub begin {
    my ($self, $n) = @_;

    my @photos = @{ $self->{photos} };
    my $first = @{ $self->{ids} // [] };

    push @{ $self->{ids} }, $self->{w}->uploads('post',
        map { { data => $photos[$_ % @photos] } } $first .. $first + $n - 1);
    $self->{w}->v("UPDATE jobs SET max_attempts = 100000
        WHERE state IN ('ready', 'running')");
    return;
}

sub left {
    return $_[0]{w}->v("SELECT count(*) FROM jobs WHERE state <> 'done'");
}

# Who lost workers and stores is to wait for minutes: not here.

sub hurry {
    $_[0]{w}->v("UPDATE jobs SET run_at = now() WHERE state = 'scheduled'");
    return;
}

# "seconds" is what may pass after the lease of a worker until its jobs are
# taken from it.

sub check {
    my ($self, $seconds) = @_;

    my $w = $self->{w};
    my @calm = @{ $self->{calm} };
    my $all = @{ $self->{ids} } + @calm;

    is($self->left, 0, 'all jobs are done')
        or diag($w->v("SELECT state, attempt, failures, last_error FROM jobs
            WHERE state <> 'done'"),
            map { $w->log_of($_) } keys %{ $w->{workers} });

    is($w->v('SELECT count(*) FROM ends'), $all, 'each once');
    is($w->v('SELECT count(DISTINCT id) FROM ends'), $all, 'each');

    my ($count, $longest) = split /\|/, $w->v('SELECT count(*),
        round(coalesce(max(late), 0)::numeric, 2) FROM taken');
    cmp_ok($count, '>', 0, "$count were taken from a worker that was lost");
    cmp_ok($longest, '<', $seconds, "at most $longest s after its lease");

    my @differ = grep {
        $self->made($self->{ids}[$_]) ne $calm[$_ % @calm]
    } 0 .. $#{ $self->{ids} };

    is(scalar @differ, 0, 'byte for byte as in the calm run');
    is($w->v("SELECT count(*) FROM uploads WHERE state <> 'ready'"), 0,
        'and all uploads are ready');
    return;
}

1;
