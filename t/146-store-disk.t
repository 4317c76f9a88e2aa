#!/usr/bin/perl

# The embedded store and its disk: the order in which it writes, syncs, names
# and answers; every call that fails, or is the last one of the process; disks
# that are slow, and clients that leave meanwhile.
#
#   SOAK=1     every call fails and every one is the last, instead of a sample

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_base64 md5_hex );
use Fcntl qw( :flock );
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialDisk;
use SocialNginx;
use SocialS3;
use SocialStore;
use Test::More;
use Time::HiRes qw( sleep time );

plan skip_all => 'SKIPPED: the sanitizers and valgrind cannot be preloaded'
    if !SocialDisk::possible();

my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
my ($nginx, $dir, $root, $disk);

sub begin {
    my (%o) = @_;

    $nginx = SocialNginx->new;
    $dir = $nginx->{dir};
    $root = "$dir/root";
    mkdir $root;

    my $pool = $o{pool} // 'threads=8';
    my $main = $o{main} // '';

    # a database that is unavailable: what is spooled stays there

    my $database = $o{announce}
        ? "social_database \"host=127.0.0.1 port=1\" timeout=1s;" : '';
    my $announce = $o{announce} ? 'on' : 'off';

    $nginx->write_file('credentials', $s3->credentials_text);
    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
$main
thread_pool default $pool;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    client_body_timeout 2s;
    sendfile on;
    $database
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ {
            social_store raw root=$root max_size=6m announce=$announce;
        }
    }
}
_EOC_

    $disk = SocialDisk->new($root);
    $disk->set(map { $_ => 1 } @{ $o{disk} // [] });
    $disk->start($nginx, $port);
    return;
}

END {
    $disk->set(on => 0, hold => 0) if $disk;
    $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$;
}

my $large = 'l' x 100_000;
my $small = 'small';

sub put { return $s3->request(PUT => $_[0], body => $_[1]) }
sub get { return $s3->request(GET => $_[0]) }
sub del { return $s3->request(DELETE => $_[0]) }

# An upload of one part, or of none.

sub create {
    my ($key) = @_;
    my $got = $s3->request(POST => $key, query => { uploads => '' });
    return $got->{body} =~ m{<UploadId>(\w+)<} ? $1 : '';
}

sub part {
    my ($key, $id, $n, $body) = @_;
    return $s3->request(PUT => $key, body => $body,
                        query => { uploadId => $id, partNumber => $n });
}

sub complete {
    my ($key, $id, $body) = @_;
    return $s3->request(POST => $key, query => { uploadId => $id },
        body => '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>'
                . '<ETag>' . md5_hex($body)
                . '</ETag></Part></CompleteMultipartUpload>');
}

sub undo { return $s3->request(DELETE => $_[0], query => { uploadId => $_[1] }) }

# Whether there is no such upload any more.

sub undone {
    my ($key, $id) = @_;
    my $status = undo($key, $id)->{status};
    return $status == 204 || $status == 404 || diag("abort: $status") && 0;
}

sub copy {
    my ($key, $from) = @_;
    return $s3->request(PUT => $key,
                        headers => { 'x-amz-copy-source' => "/raw$from" });
}

# Nothing but what metadata names, as soon as what was left is ended.

sub clean {
    my ($name) = @_;
    my @left;

    ok(SocialNginx::wait_for(20, sub {
        return !(@left = SocialStore::orphans($root));
    }), "$name: nothing is left") or diag("@left");
    return;
}


# What has to be so of the calls up to each answer of 2xx; returns what is not.
# Of requests at once it is not known which one a call is for: what is durable
# is counted then.

sub violations {
    my ($how, @calls) = @_;
    my $alone = $how ne 'many';
    my (%dirty, %unsynced, %file, %intent, @bad);
    my ($waiting, $durable, $answers) = (0, 0, 0);

    my $synced = sub {
        my ($path) = @_;

        if (defined $path) {
            delete $dirty{$path};
            delete $unsynced{$path};

        } else {
            %dirty = %unsynced = ();
        }

        if (!grep { /\Aobjects/ } keys %unsynced) {
            $durable += $waiting;
            $waiting = 0;
        }
    };

    for my $call (@calls) {
        my ($name, $path, $rc, $from) = @$call;

        if ($name eq 'answer') {
            next if $path !~ /\A2/;
            $answers++;
            push @bad, 'answered before it is durable'
                if $alone ? %unsynced || %dirty : $answers > $durable;
            next;
        }

        next if $rc < 0;

        my $parent = $path =~ m{\A(.*)/} ? $1 : '.';

        $dirty{$path}++ if $name eq 'write';
        $synced->($path) if $name eq 'fsync';
        $synced->() if $name eq 'syncfs';
        $unsynced{$parent}++ if $name eq 'mkdirat';

        if ($name eq 'linkat' || $name eq 'renameat') {

            $file{$path} = $file{$from} // $from;

            # an intent is for those that find it, until it is to be announced

            if ($path =~ m{\Aspool/}) {
                $intent{$path =~ s{.*/}{}r}++;

                if ($how eq 'announced') {
                    $unsynced{spool}++;
                } else {
                    delete $dirty{$from};
                }

            } elsif ($path =~ m{\Adata/../.*/} && $from =~ m{\Atmp/}) {

                # a part; those of a copy were durable before

                push @bad, "$path is named before it is durable"
                    if $dirty{$file{$path}};
                $unsynced{$parent}++;
                $waiting++;

            } elsif ($path =~ m{\Adata/../.*/} || $path =~ m{\Auploads/}) {
                $unsynced{$parent}++;

            } elsif ($path =~ m{\Adata/../(.*)}) {
                push @bad, "$path is named before its intent is"
                    if !$intent{$1};
                $unsynced{$parent}++;

            } elsif ($path =~ m{\Aobjects/}) {
                push @bad, "$path is named before it is durable"
                    if $dirty{$file{$path}}
                       || $alone && grep { m{\Adata|\Atmp/|\Aspool} } keys %unsynced,
                                                              keys %dirty;
                $unsynced{$parent}++;
                $waiting++;
            }

        } elsif ($name eq 'unlinkat' && $path =~ m{\Aobjects/}) {
            $unsynced{$parent}++;
            $waiting++;

        } elsif ($name eq 'unlinkat' && $path =~ m{\A(?:data|uploads)/}
                 && $alone)
        {
            push @bad, "$path is removed before that is durable"
                if %unsynced;
            $unsynced{uploads}++ if $how eq 'abort' && $path =~ /\Auploads/;
        }
    }

    return @bad;
}

# All calls of some requests.

sub recorded {
    my ($code) = @_;

    $disk->calls;
    $disk->set(count => 0, at => 0, on => 1);
    $code->();
    sleep 0.3;
    $disk->set(on => 0);

    return $disk->calls;
}

sub ordered {
    my ($name, $code, $how) = @_;
    my @calls = recorded($code);

    is_deeply([ violations($how // '', @calls) ], [], $name)
        or diag(map { "@$_\n" } @calls);
    return @calls;
}

sub syncs { return scalar grep { $_->[0] =~ /\A(?:fsync|syncfs)\z/ } @_ }

# At the same time, each over a connection of its own.

sub at_once {
    my (@requests) = @_;
    my @pids;

    # the first ones are not synced until all have come

    $disk->set(hold => 2);

    for my $request (@requests) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;
        my $got = $s3->request(@$request);
        POSIX::_exit($got->{status} =~ /\A2/ ? 0 : 1);
    }

    sleep 0.5;
    $disk->set(hold => 0);

    my $bad = 0;
    for (@pids) { waitpid $_, 0; $bad++ if $? }
    return $bad;
}

sub order {
    begin();

    my @calls;
    my $ok = sub { like($_[0]->{status}, qr/\A20[04]\z/, $_[1]) };

    put('/warm', $small);

    ordered('a small object', sub { $ok->(put('/s', $small), 'stored') });

    @calls = ordered('another in a directory that is durable',
                     sub { $ok->(put('/s2', $small), 'stored') });
    cmp_ok(syncs(@calls), '<=', 2, '... with two syncs');

    ordered('a small one over it', sub { $ok->(put('/s', 'x'), 'stored') });
    ordered('one in new directories',
            sub { $ok->(put('/a/b/c/d', $small), 'stored') });
    ordered('one more of them',
            sub { $ok->(put('/a/b/c/e', $small), 'stored') });
    @calls = ordered('a large one',
                     sub { $ok->(put('/l', $large), 'stored') });
    cmp_ok(syncs(@calls), '<=', 4, '... with four syncs');

    ordered('a large one over it', sub { $ok->(put('/l', $large), 'stored') });
    ordered('a small one over it', sub { $ok->(put('/l', $small), 'stored') });
    ordered('an empty one', sub { $ok->(put('/l', ''), 'stored') });
    ordered('a removal', sub { $ok->(del('/l'), 'removed') });
    put('/l', $large);
    ordered('a removal of a large one', sub { $ok->(del('/l'), 'removed') });

    # uploads in parts, and copies

    my $id;
    ordered('the beginning of an upload', sub { $id = create('/u/p') });
    ordered('the first part', sub {
        $ok->(part('/u/p', $id, 1, $large), 'stored') });
    ordered('another one', sub {
        $ok->(part('/u/p', $id, 2, $large), 'stored') });
    @calls = ordered('one over it', sub {
        $ok->(part('/u/p', $id, 2, $small), 'stored') });
    cmp_ok(syncs(@calls), '<=', 2, '... with two syncs');
    ordered('its end', sub { $ok->(complete('/u/p', $id, $large), 'stored') });
    is(get('/u/p')->{body}, $large, '... there it is');
    ordered('a copy of it', sub { $ok->(copy('/u/c', '/u/p'), 'stored') });
    ordered('a copy over it', sub { $ok->(copy('/u/p', '/s'), 'stored') });
    put('/l', $large);
    ordered('a copy of a large one', sub {
        $ok->(copy('/u/l', '/l'), 'stored') });
    ordered('a removal of parts', sub { $ok->(del('/u/c'), 'removed') });
    $id = create('/u/q');
    part('/u/q', $id, 1, $large);
    ordered('an abort', sub { $ok->(undo('/u/q', $id), 'removed') }, 'abort');

    @calls = ordered('twenty at once', sub {
        is(at_once((map { [ PUT => "/n$_", body => $small ] } 1 .. 12),
                   (map { [ PUT => "/m$_/x", body => $large ] } 1 .. 8)), 0,
           'stored');
    }, 'many');

    my $single = grep { $_->[0] eq 'fsync' && $_->[1] =~ m{objects|tmp/} }
                 @calls;
    my $shared = grep { $_->[0] eq 'syncfs' } @calls;
    cmp_ok($single + $shared, '<', 40, '... which share their syncs');

    clean('in order');
    $nginx->stop;
    return;
}

subtest 'the order of calls' => \&order;

subtest 'the order of calls with announcements' => sub {
    begin(announce => 1);
    put('/warm', $small);

    for my $n (1 .. 4) {
        for my $body ($small, $large) {
            my $name = "object $n of " . length $body;
            ordered($name, sub {
                is(put('/' . $name =~ tr/ /-/r, $body)->{status}, 200,
                   'stored');
            }, 'announced');
        }
    }

    is(scalar(my @spooled = SocialStore::files($root, 'spool')), 9,
       'all are to be announced');
    $nginx->stop;
};


# The cases that fail at each of their calls: what is there before, and then.

my @cases = (
    [ 'a small object', undef, [ PUT => $small ] ],
    [ 'a large object', undef, [ PUT => $large ] ],
    [ 'a small one over a large one', $large, [ PUT => $small ] ],
    [ 'a large one over a large one', $large x 2, [ PUT => $large ] ],
    [ 'a removal', $large, [ DELETE => undef ] ],

    # what is requested is a function then, with what one before it returned;
    # the last one says whether nothing that was acknowledged is lost

    [ 'a copy', undef, [ sub { copy($_[0], '/source') }, $large ],
      sub { put('/source', $large) } ],
    [ 'a copy of parts', undef, [ sub { copy($_[0], '/parts') }, $large ],
      sub { my $id = create('/parts'); part('/parts', $id, 1, $large);
            complete('/parts', $id, $large) } ],
    [ 'a part', undef, [ sub { part($_[0], $_[1], 1, $large) }, undef ],
      \&create,
      sub { my ($key, $id, $got) = @_;
            my $end = complete($key, $id, $large);
            my $ok = $got->{status} != 200 || $end->{status} == 200
                     && get($key)->{body} eq $large;
            return undone($key, $id) && $ok } ],
    [ 'the end of an upload', undef,
      [ sub { complete($_[0], $_[1], $large) }, $large ],
      sub { my $id = create($_[0]); part($_[0], $id, 1, $large); $id },
      sub { my ($key, $id) = @_;
            return complete($key, $id, $large)->{status} == 200
                   && get($key)->{body} eq $large } ],
    [ 'the end of one over an object', $small,
      [ sub { complete($_[0], $_[1], $large) }, $large ],
      sub { my $id = create($_[0]); part($_[0], $id, 1, $large); $id },
      sub { my ($key, $id) = @_;
            return complete($key, $id, $large)->{status} == 200
                   && get($key)->{body} eq $large } ],
    [ 'an abort', undef, [ sub { undo($_[0], $_[1]) }, undef ],
      sub { my $id = create($_[0]); part($_[0], $id, 1, $large); $id },
      sub { my ($key, $id, $got) = @_;
            my $status = undo($key, $id)->{status};
            return $status == 404
                   || $got->{status} != 204 && $status == 204 } ],
);

# Whether the key is as it was or as it was to be; after 2xx only the latter.

sub whole {
    my ($key, $before, $after, $status) = @_;
    my $got = get($key);
    my $now = $got->{status} == 200 ? $got->{body}
              : $got->{status} == 404 ? undef : "status $got->{status}";

    for my $can ($after, $status =~ /\A2/ ? () : $before) {
        return 1 if defined $can ? defined $now && $now eq $can
                                 : !defined $now;
    }

    return diag("$key: status $status, now "
                . (defined $now ? substr($now, 0, 20) : 'absent')) && 0;
}

# After a sync that failed nothing is acknowledged, whatever there is to see.

sub unsynced {
    my ($status, @calls) = @_;

    for my $call (@calls) {
        last if $call->[0] eq 'answer';
        return diag("@$call: status $status") && 0
            if $call->[0] =~ /sync/ && $call->[2] < 0 && $status =~ /\A2/;
    }

    return 1;
}

# Makes the request so often, each time with another call that is the one.

sub each_call {
    my ($case, $error, $code) = @_;
    my ($name, $before, $request, $begin, $then) = @$case;
    my ($method, $body) = @$request;
    my ($n, $bad) = (0, 0);

    for my $at (1 .. 200) {
        next if !$ENV{SOAK} && $at > 4 && ($at + length $name) % 3
            && $name ne 'the end of an upload';

        my $key = '/' . ($name =~ tr/ /-/r) . "/$at/key";

        $disk->set(on => 0);
        put($key, $before) if defined $before;
        my $begun = $begin ? $begin->($key) : undef;
        sleep 0.05 if defined $before || $begin;
        $disk->calls;

        $disk->set(count => 0, at => $at, error => $error, on => 1);
        my $got = ref $method ? $method->($key, $begun)
                  : $s3->request($method, $key, body => $body);
        sleep 0.02 if $got->{status} =~ /\A2/;
        my $made = $disk->get('count');
        $disk->set(on => 0, at => 0);

        $code->($got) or $bad++;
        whole($key, $before, $body, $got->{status}) or $bad++;
        unsynced($got->{status}, $disk->calls) or $bad++;

        if ($then && !$then->($key, $begun, $got)) {
            diag("call $at: status $got->{status}, and then");
            $bad++;
        }

        $n++;

        # a look at the spool may have been among them
        last if $made < $at;
    }

    is($bad, 0, "$name: $n calls");
    cmp_ok($n, '>', 5, '... or more');
    return;
}

for my $mode ([], [ 'no_tmpfile', 'no_openat2' ]) {

    # without O_TMPFILE, files of an upload have names that a killed process
    # may leave, and that the next one makes once more

    my @these = @$mode && !$ENV{SOAK}
                ? grep { $_->[0] eq 'the end of an upload' } @cases : @cases;

    for my $error (@these == @cases ? (5, 28) : ()) {
        subtest "every call fails with errno $error @$mode" => sub {
            begin(disk => $mode);

            for my $case (@cases) {
                each_call($case, $error, sub {
                    my ($got) = @_;
                    return 1 if $got->{status} =~ /\A(?:20[04]|50[037])\z/;
                    diag("status $got->{status}");
                    return 0;
                });
            }

            clean('after errors');
            $nginx->stop;
            unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'no alert');
        };
    }

    subtest "every call is the last one @$mode" => sub {
        begin(disk => $mode);

        for my $case (@these) {
            each_call($case, 0, sub {
                ok(SocialNginx::wait_for(20, sub {
                    return eval { get('/none')->{status} } // 0;
                }), 'the next worker answers') or return 0;
                return 1;
            });
        }

        my $kills = () = $nginx->error_log =~ /exited on signal 9/g;
        cmp_ok($kills, '>', 20, "workers were killed: $kills");
        clean('after kills');
        $nginx->stop;
    };
}


# A client that neither waits nor reads.

sub client {
    my ($method, $key, $body, $query) = @_;

    my %headers = ($s3->sign($method, $key,
                       query => { map { $_ => '' } $query // () }),
                   connection => 'close',
                   defined $body ? ('content-length' => length $body,
                       'content-md5' => md5_base64($body) . '==') : ());
    my $sock = $s3->connection;

    print {$sock} "$method $s3->{base}$key", (map { "?$_" } $query // ()),
        " HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n",
        $body // '';
    $sock->flush;

    return $sock;
}

sub hang {
    my ($hold) = @_;
    $disk->set(held => 0, hold => $hold // 1, on => 1);
    return;
}

# The files of the store that a worker has open, but for its directories.

sub opened {
    my ($pid) = @_;
    return grep { defined && m{\A\Q$root\E/(?:objects|data|spool|tmp)/} && !-d }
           map { readlink } glob "/proc/$pid/fd/*";
}

# Takes locks of keys, for as long as what it returns lives.

sub locks {
    return map {
        open my $lock, '>>', sprintf '%s/locks/%02x', $root, $_ or die;
        flock $lock, LOCK_EX or die;
        $lock;
    } @_;
}

sub hangs {
    ok(SocialNginx::wait_for(20, sub { $disk->get('held') }), 'a call hangs');
    return;
}

subtest 'a client that leaves' => sub {
    begin();
    put('/g', $large);
    put('/s', $small);

    my $pid = $nginx->worker;

    my $xml = '<Delete><Object><Key>s</Key></Object>'
              . '<Object><Key>none</Key></Object></Delete>';

    for my $case ([ GET => '/g' ], [ GET => '/s' ], [ GET => '/none' ],
                  [ GET => '/' ], [ PUT => '/p', $small ],
                  [ PUT => '/q', $large ], [ POST => '/', $xml, 'delete' ],
                  [ DELETE => '/s' ])
    {
        # in its first thread, and while its commit is synced

        for my $hold (1, 2) {
            next if $hold == 2 && $case->[0] eq 'GET';

            put('/s', $small);
            hang($hold);
            my $sock = client(@$case);
            hangs();
            close $sock;
            sleep 0.2;
            $disk->set(on => 0, hold => 0);
            sleep 0.2;
            is(get('/g')->{body}, $large,
               "@$case[0, 1], $hold: another is answered");
        }
    }

    is(get('/p')->{body}, $small, 'what was being synced is there');
    is(get('/s')->{status}, 404, '... or was removed');
    is($nginx->worker, $pid, 'by the same worker');
    is_deeply([ opened($pid) ], [], '... which has closed all files');
    clean('clients left');

    # while its bytes are written

    my %headers = ($s3->sign(PUT => '/half'), 'content-length' => 300_000);
    my $sock = $s3->connection;
    print {$sock} "PUT $s3->{base}/half HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n", $large x 2;
    $sock->flush;
    sleep 0.3;
    close $sock;
    sleep 0.3;
    is(get('/half')->{status}, 404, 'half an object is not there');
    clean('a client left its PUT');
    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'no alert');
};


# What is in memory is sent without a thread: all of them may wait for the disk.

subtest 'what is in memory, and what is not' => sub {
    begin();

    my $huge = 'h' x 3_000_000;
    my $some = 's' x 300_000;
    put('/s', $small);
    put('/l', $large);
    put('/some', $some);
    put('/huge', $huge);
    get($_) for qw( /s /l /some /huge /none );

    my $answered = sub {
        my ($sock, $method) = @_;
        return IO::Select->new($sock)->can_read(20)
            ? SocialS3::read_answer($sock, $method // 'GET') : {};
    };

    $disk->set(held => 0, hold => 1, cached => 1, on => 1);
    my $waits = client('PUT', '/p', $large);
    hangs();

    for my $case ([ '/s', $small ], [ '/l', $large ], [ '/some', $some ]) {
        is($answered->(client(GET => $case->[0]))->{body}, $case->[1],
           "$case->[0] while a thread waits");
        is($answered->(client(HEAD => $case->[0]), 'HEAD')->{status}, 200,
           '... and HEAD');
    }

    is($answered->(client(GET => '/none'))->{status}, 404, '... and what '
        . 'is known not to be there');

    $disk->set(on => 0, hold => 0);
    is($answered->($waits, 'PUT')->{status}, 200, 'the PUT is answered');

    # Of what is not in memory nothing is read by the event loop.

    my $cold = sub {
        for my $file (map { glob "$root/data/*/*" } 1) {
            open my $f, '<', $file or die;
            syscall 221, fileno $f, 0, 0, 4;     # posix_fadvise(DONTNEED)
        }
    };

    my $sends = sub {
        my ($key, $body) = @_;
        $disk->calls;
        $disk->set(on => 1);
        ok(get($key)->{body} eq $body, "$key: its bytes");
        $disk->set(on => 0);
        my %by = map { $_->[1] => 1 } grep { $_->[0] eq 'sendfile' }
                 $disk->calls;
        return join ' ', sort keys %by;
    };

    is($sends->('/some', $some), 'loop', 'in memory: by the event loop');

    SKIP: {
        skip 'the system has another number for fadvise64()', 1
            if (POSIX::uname())[4] ne 'x86_64';
        skip 'files in memory have no disk', 1
            if `stat -fc %T $root` =~ /tmpfs|overlay/;

        # what another processor has just touched is not dropped

        my $by = '';

        for (1 .. 20) {
            $cold->();
            last if ($by = $sends->('/some', $some)) eq 'thread';
            sleep 0.1;
        }

        is($by, 'thread', 'on disk: by a thread');
    }

    # ... nor is anything asked for that has to be waited for

    $disk->calls;
    $disk->set(on => 1);
    get($_), $s3->request(HEAD => $_) for qw( /s /l /some /huge /none );
    $disk->set(on => 0);
    is_deeply([ map { $_->[1] } grep { $_->[0] eq 'waits' } $disk->calls ], [],
              'the event loop waits for nothing');

    $disk->set(cached => 0);
    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'no alert');
};


# A worker that is to leave waits for what it writes, as long as it takes.

subtest 'a reload while a commit is synced' => sub {
    begin();
    put('/r', $small);

    my $old = $nginx->worker;

    for my $case ([ PUT => '/put', $small, 200 ], [ DELETE => '/r', undef, 204 ])
    {
        my ($method, $key, $body, $status) = @$case;
        my $before = $nginx->worker;

        hang(2);
        my $sock = client($method, $key, $body);
        hangs();
        kill 'HUP', $nginx->{pid};
        ok(SocialNginx::wait_for(20, sub {
            return grep { $_ != $before } SocialNginx::workers($nginx->{pid});
        }), "$method: a new worker");
        sleep 0.5;
        $disk->set(on => 0, hold => 0);
        is(SocialS3::read_answer($sock, $method)->{status}, $status,
           '... the old one answers');
        ok(SocialNginx::wait_for(20, sub {
            return !grep { $_ == $before } SocialNginx::workers($nginx->{pid});
        }), '... and leaves');
    }

    is(get('/put')->{body}, $small, 'one is there');
    is(get('/r')->{status}, 404, 'one is not');
    clean('a reload');
    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'no alert');
};


# Requests that a worker gives up while threads work for them.

subtest 'worker_shutdown_timeout' => sub {
    begin(main => 'worker_shutdown_timeout 1s;');

    my $xml = '<Delete><Object><Key>s</Key></Object>'
              . '<Object><Key>none</Key></Object></Delete>';

    for my $how (1, 2, 'locks') {
        put('/g', $large);
        put('/s', $small);

        my $before = $nginx->worker;
        my @held;

        if ($how eq 'locks') {
            @held = locks(0 .. 255);
        } else {
            hang($how);
        }

        my @socks = map { client(@$_) } (
            [ PUT => '/p', $small ], [ PUT => '/q', $large ],
            [ POST => '/', $xml, 'delete' ], [ DELETE => '/s' ],
            $how eq '1' ? ([ GET => '/g' ], [ GET => '/s' ], [ GET => '/' ],
                           [ HEAD => '/s' ]) : ());

        hangs() if !@held;
        sleep 0.3;
        kill 'HUP', $nginx->{pid};

        my @answers = map { SocialS3::read_answer($_, 'HEAD')->{status} } @socks;
        is("@answers", join(' ', (0) x @socks), "$how: closed");
        is(scalar(grep { $_ == $before } SocialNginx::workers($nginx->{pid})),
           1, '... while threads work');

        @held = ();
        $disk->set(on => 0, hold => 0);

        ok(SocialNginx::wait_for(20, sub {
            return !grep { $_ == $before } SocialNginx::workers($nginx->{pid});
        }), '... and the worker leaves then');
        is(get('/g')->{body}, $large, '... another answers');
        clean($how);
    }

    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'no alert');
    unlike($nginx->error_log, qr/exited on signal/, 'no signal');
};


# What waits for room in the queue of the threads.

# The answer when there is a thread for it, at last.

sub patient {
    my ($code) = @_;
    my $got;

    SocialNginx::wait_for(20, sub {
        $got = $code->();
        return $got->{status} != 503;
    });
    return $got;
}

subtest 'a full pool and a lock' => sub {
    begin(pool => 'threads=1 max_queue=0');

    $disk->calls;
    $disk->set(on => 1);
    is(patient(sub { put('/p', $small) })->{status}, 200, 'an object');
    $disk->set(on => 0);

    my ($lock) = map { $_->[1] =~ m{locks/(\w+)} ? hex $1 : () } $disk->calls;
    my @held = locks($lock);
    my $sock;

    ok(SocialNginx::wait_for(20, sub {
        $sock = client(PUT => '/p', 'later');
        return !IO::Select->new($sock)->can_read(0.2);
    }), 'a PUT waits for a lock');

    # others have the thread for longer than it waits

    $disk->set(slow => 50, on => 1);
    is(patient(sub { put("/other$_", $small) })->{status}, 200,
       'another is answered') for 1 .. 3;
    $disk->set(slow => 0, on => 0);

    @held = ();
    is(SocialS3::read_answer($sock, 'PUT')->{status}, 200, 'so is it');
    is(patient(sub { get('/p') })->{body}, 'later', '... and is there');

    # a DELETE for which there was no thread, and two for which there is one

    patient(sub { put("/x$_", $small) }) for 1, 2;
    hang();
    ok(SocialNginx::wait_for(20, sub {
        $sock = client(GET => '/p');
        return !IO::Select->new($sock)->can_read(0.2) && $disk->get('held');
    }), 'a call hangs');
    is(del('/x1')->{status}, 503, 'no thread for a DELETE');
    $disk->set(held => 0, hold => 2);
    SocialS3::read_answer($sock, 'GET');
    my @socks = map { client(DELETE => "/x$_") } 1, 2;
    sleep 0.3;
    $disk->set(on => 0, hold => 0);

    like(SocialS3::read_answer($_, 'DELETE')->{status}, qr/\A(?:204|503)\z/,
         'a thread for others') for @socks;

    clean('a full pool');
    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'no alert');
};


# A pool without a queue: many are refused with SlowDown, none is forgotten, and
# what is acknowledged is there.

subtest 'one thread and no queue' => sub {
    begin(pool => 'threads=1 max_queue=0');

    is(patient(sub { put('/g', $small) })->{status}, 200, 'an object is there');

    my (%wanted, %count);
    my $bad = 0;

    for my $round (1 .. 15) {
        my @open;

        for my $n (1 .. 4) {
            push @open, [ PUT => "/k$n", "$round-$n" ], [ GET => '/g' ],
                        [ PUT => "/l$n", $large ], [ DELETE => "/d$n" ];
        }

        $_->[3] = client(@$_[0 .. 2]) for @open;

        for my $case (@open) {
            my ($method, $key, $body, $sock) = @$case;
            my $got = SocialS3::read_answer($sock, $method);

            $count{$got->{status}}++;
            $wanted{$key} = $body if $method eq 'PUT' && $got->{status} == 200;
            $bad++ if $got->{status} !~ /\A(?:200|204|503)\z/;
        }
    }

    is($bad, 0, 'all are answered') or diag(explain(\%count));
    ok($count{200} && $count{503}, '... some well, and some not');

    $bad = 0;

    for my $key (sort keys %wanted) {
        ok(SocialNginx::wait_for(20, sub {
            my $got = get($key);

            # nginx cuts off what it has no thread for to read

            return 0 if $got->{status} != 200
                        || length $got->{body}
                           < $got->{headers}{'content-length'};
            $bad++ if $got->{body} ne $wanted{$key};
            return 1;
        }), "$key is there");
    }

    is($bad, 0, '... as it was put last');
    clean('no queue');
    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:emerg)\]/, 'no worker died');
    unlike($nginx->error_log, qr/exited on signal/, '... by a signal');
};


subtest 'a slow disk and a prompt client' => sub {
    begin();

    $disk->set(slow => 2500, on => 1);
    is(put('/slow', $large x 3)->{status}, 200,
       'a write that takes longer than client_body_timeout');
    $disk->set(slow => 0, on => 0);
    is(get('/slow')->{body}, $large x 3, '... of all bytes');

    # it still counts for the client

    my %headers = ($s3->sign(PUT => '/idle'), 'content-length' => 300_000);
    my $sock = $s3->connection;
    print {$sock} "PUT $s3->{base}/idle HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n", $large;
    $sock->flush;

    my $answer = '';
    local $SIG{ALRM} = sub { die "no answer in 20 s\n" };
    alarm 20;
    sysread $sock, $answer, 1000;
    alarm 0;
    unlike($answer, qr/ 200 /, 'a client that is not prompt is not waited for');
    clean('an idle client');
    $nginx->stop;
};


# Locks are held elsewhere: all PUTs wait, and no thread does.

subtest 'locks that are held' => sub {
    begin(pool => 'threads=2');
    put('/other', $small);
    put('/other2', $small);

    my @held = locks(0 .. 255);
    my $delete = client(DELETE => '/other2');

    # it is looked for now and then, and not all the time

    $disk->calls;
    $disk->set(on => 1);
    sleep 0.5;
    $disk->set(on => 0);
    my $looks = grep { $_->[0] eq 'flock' } $disk->calls;
    ok($looks > 2 && $looks < 600, "a DELETE looks for its lock: $looks times");

    my @clients = map { client(PUT => '/key', "$small$_") } 1 .. 30;
    push @clients, $delete;
    sleep 0.5;

    my $began = time;
    is(get('/other')->{body}, $small, 'a GET is answered');
    cmp_ok(time - $began, '<', 5, '... at once');

    @held = ();

    my @answers = map { SocialS3::read_answer($_, 'PUT')->{status} } @clients;
    is("@answers", join(' ', (200) x 30, 204), 'and the others in the end');
    like(get('/key')->{body}, qr/\A$small\d+\z/, 'one of them is there');
    is(get('/other2')->{status}, 404, 'and one is not');
    clean('locks');
    $nginx->stop;
};


# The keys and common prefixes that a list has.

sub s3_list {
    my ($prefix, $delimiter) = @_;
    my $xml = $s3->request(GET => '/', query => {
        prefix => $prefix // '', delimiter => $delimiter // '' })->{body};
    return join ' ', $xml =~ m{<(?:Contents><Key|CommonPrefixes><Prefix)>
                               (.*?)<}gx;
}

# No symbolic link below the root is followed.

subtest 'symbolic links' => sub {
    for my $mode ([], [ 'no_openat2' ]) {
        begin(disk => $mode);

        $nginx->write_file('secret', 'secret');
        mkdir "$dir/outside";

        put('/l', $large);
        my ($data) = SocialStore::files($root, 'data');
        unlink "$root/$data";
        symlink "$dir/secret", "$root/$data";
        is(get('/l')->{status}, 500, "bytes @$mode");

        symlink "$dir/outside", "$root/objects/out.d";
        is(put('/out/x', $small)->{status}, 503, 'a directory');
        is_deeply([ glob "$dir/outside/*" ], [], '... nothing is in it');

        put('/y', $small);
        rename "$root/objects/y.o", "$dir/outside/y.o";

        # the kernel has what it leads to in memory

        sleep 0.1;
        defined readlink "$root/objects/out.d" && -s "$root/objects/out.d/y.o"
            or die "$dir/outside/y.o: $!\n";

        isnt(get('/out/y')->{status}, 200, '... and nothing is read');
        isnt(del('/out/y')->{status}, 500, '... or removed');
        ok(-e "$dir/outside/y.o", '... it is there');
        is(s3_list(), 'l', '... and not listed');
        is(s3_list('out/'), '', '... by its prefix either');
        is(s3_list('', '/'), 'l', '... nor as one');
        symlink "$dir/outside/y.o", "$root/objects/z.o";
        is(s3_list(), 'l', 'metadata');
        isnt(get('/z')->{status}, 200, '... and nothing is read');
        $nginx->stop;
    }
};

done_testing();
