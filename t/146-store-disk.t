#!/usr/bin/perl

# The embedded store and its disk: the order in which it writes, syncs, names
# and answers; every call that fails, or is the last one of the process; disks
# that are slow, and clients that leave meanwhile.
#
#   SOAK=1     every call fails and every one is the last, instead of a sample

use strict;
use warnings;

use lib 't/lib';

use Digest::MD5 qw( md5_hex );
use Fcntl qw( :flock );
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

    my $threads = $o{threads} // 8;

    # a database that is unavailable: what is spooled stays there

    my $database = $o{announce}
        ? "social_database \"host=127.0.0.1 port=1\" timeout=1s;" : '';
    my $announce = $o{announce} ? 'on' : 'off';

    $nginx->write_file('credentials', $s3->credentials_text);
    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
thread_pool default threads=$threads;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    client_body_timeout 2s;
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

    for my $request (@requests) {
        my $pid = fork // die;
        push @pids, $pid and next if $pid;
        my $got = $s3->request(@$request);
        POSIX::_exit($got->{status} =~ /\A2/ ? 0 : 1);
    }

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
            undo($key, $id);
            return $ok } ],
    [ 'the end of an upload', undef,
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

# Makes the request so often, each time with another call that is the one.

sub each_call {
    my ($case, $error, $code) = @_;
    my ($name, $before, $request, $begin, $then) = @$case;
    my ($method, $body) = @$request;
    my ($n, $bad) = (0, 0);

    for my $at (1 .. 200) {
        next if !$ENV{SOAK} && $at > 4 && ($at + length $name) % 3;

        my $key = '/' . ($name =~ tr/ /-/r) . "/$at/key";

        $disk->set(on => 0);
        put($key, $before) if defined $before;
        my $begun = $begin ? $begin->($key) : undef;
        sleep 0.05 if defined $before || $begin;

        $disk->set(count => 0, at => $at, error => $error, on => 1);
        my $got = ref $method ? $method->($key, $begun)
                  : $s3->request($method, $key, body => $body);
        sleep 0.02 if $got->{status} =~ /\A2/;
        my $made = $disk->get('count');
        $disk->set(on => 0, at => 0);

        $code->($got) or $bad++;
        whole($key, $before, $body, $got->{status}) or $bad++;
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
    next if @$mode && !$ENV{SOAK};

    for my $error (5, 28) {
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

        for my $case (@cases) {
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
    my ($method, $key, $body) = @_;

    my %headers = ($s3->sign($method, $key), connection => 'close',
                   defined $body ? ('content-length' => length $body) : ());
    my $sock = $s3->connection;

    print {$sock} "$method $s3->{base}$key HTTP/1.1\r\n",
        (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n",
        $body // '';
    $sock->flush;

    return $sock;
}

sub hang {
    $disk->set(held => 0, hold => 1, on => 1);
    return;
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

    for my $case ([ GET => '/g' ], [ GET => '/s' ], [ GET => '/none' ],
                  [ PUT => '/p', $small ], [ PUT => '/q', $large ],
                  [ DELETE => '/s' ])
    {
        hang();
        my $sock = client(@$case);
        hangs();
        close $sock;
        sleep 0.2;
        $disk->set(on => 0, hold => 0);
        sleep 0.2;
        is(get('/g')->{body}, $large, "@$case[0, 1]: another is answered");
    }

    is($nginx->worker, $pid, 'by the same worker');
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
    begin(threads => 2);
    put('/other', $small);

    my @held;

    for my $id (0 .. 255) {
        open my $lock, '>>', sprintf '%s/locks/%02x', $root, $id or die;
        flock $lock, LOCK_EX or die;
        push @held, $lock;
    }

    my @clients = map { client(PUT => '/key', "$small$_") } 1 .. 30;
    push @clients, client(DELETE => '/other2');
    sleep 0.5;

    my $began = time;
    is(get('/other')->{body}, $small, 'a GET is answered');
    cmp_ok(time - $began, '<', 5, '... at once');

    @held = ();

    my @answers = map { SocialS3::read_answer($_, 'PUT')->{status} } @clients;
    is("@answers", join(' ', (200) x 30, 204), 'and the others in the end');
    like(get('/key')->{body}, qr/\A$small\d+\z/, 'one of them is there');
    clean('locks');
    $nginx->stop;
};


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

        $nginx->write_file('outside/y.o', "social-object 1\n");
        isnt(get('/out/y')->{status}, 200, '... and nothing is read');
        isnt(del('/out/y')->{status}, 500, '... or removed');
        ok(-e "$dir/outside/y.o", '... it is there');
        $nginx->stop;
    }
};

done_testing();
