#!/usr/bin/perl

# "social_user": users leave, with all that is theirs, and stay away; and an
# export of what is kept of one.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use SocialHook;
use SocialNginx;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

my ($port, $port2) = map { SocialNginx::free_port() } 1, 2;
my $pool = 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_LocalPool1';
my $n = 0;

sub conf {
    my ($nginx, $listen, %o) = @_;

    return <<"_EOC_";
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 2;
worker_shutdown_timeout 5s;
events { worker_connections 512; }
http {
    @{[ $nginx->http_paths ]}
    $http_config
    @{[ issuer_block('pool', "issuer $pool",
                     "jwks_file $ENV{TEST_NGINX_JWKS}", 'client_ids *') ]}
    social_database "@{[ $pg->gateway ]}" timeout=2s;
    gzip_types application/json;
    gzip_min_length 1;
    server {
        listen 127.0.0.1:$listen sndbuf=16k;
        add_header X-Worker \$pid always;
        root $nginx->{dir}/html;
        location = /me { social_auth main other pool; social_user; }
        location = /old {
            social_auth main;
            social_user max_age=30d retention=1h;
        }
        location = /zip { gzip on; social_auth main; social_user; }
        location = /included { ssi on; ssi_types *; try_files /page =404; }
        location = /api { social_auth main other pool; try_files /x =404; }
        location = /sync {
            social_auth main other pool;
            social_user_sync on;
            add_header X-Id \$social_user_id always;
            try_files /x =404;
        }
        location = /lenient {
            social_auth main optional=lenient;
            social_user_sync on;
            try_files /x =404;
        }
        location = /hook { social_hook cognito insecure=on; }
        location = /readyz { social_ready; }
    }
}
_EOC_
}

sub begin {
    my ($listen, %o) = @_;

    my $nginx = SocialNginx->new;
    $nginx->write_file('html/x', "here\n");
    $nginx->write_file('html/page', '<!--# include virtual="/me" -->');
    $nginx->write_file('nginx.conf', conf($nginx, $listen, %o));
    $nginx->start($listen);

    SocialNginx::wait_for(30, sub {
        status(ask('GET', '/readyz', undef, port => $listen)) eq '200' })
        or die 'not ready';
    return $nginx;
}

sub ask {
    my ($method, $path, $token, %o) = @_;

    return SocialNginx::request($o{port} // $port, join "\r\n",
        "$method $path HTTP/" . ($o{version} // '1.1'), 'Host: localhost',
        'Connection: close', @{ $o{headers} // [] },
        ($token ? "Authorization: Bearer $token" : ()),
        ($o{body} ? 'Content-Length: ' . length $o{body} : ()), '',
        $o{body} // '');
}

sub status { return $_[0] =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none' }
sub api { my ($token, $path, $p) = @_;
    return status(ask('GET', $path // '/api', $token, port => $p)) }
sub leave { return status(ask('DELETE', $_[1] // '/me', $_[0])) }
sub v { return $pg->value($_[0]) }

sub body {
    my ($head, $body) = split /\r\n\r\n/, $_[0], 2;
    return $body if $head !~ /^Transfer-Encoding: chunked\r?$/m;

    my $out = '';
    while ($body =~ s/\A([0-9a-f]+)\r\n//) {
        return if hex $1 > length $body;
        return $out if hex $1 == 0;
        $out .= substr $body, 0, hex $1, '';
        $body =~ s/\A\r\n//;
    }
    return;             # without its end
}

# A token of a new session of that subject.

sub session {
    my ($sub, %claims) = @_;
    $n++;
    return token(sub => $sub, origin_jti => "s-$$-$n", jti => "j-$$-$n",
                 %claims);
}

sub user { my ($sub, $iss) = @_; $iss //= $issuer;
    return v("SELECT social_user_sync('$iss', '$sub', '$sub', '$sub\@x.org',"
        . " 'Name')") }

sub posts {
    my ($sub, $count) = @_;
    $pg->sql("INSERT INTO activities (user_id, message, created_at) SELECT"
        . " users.id, 'post ' || g, now() + g * interval '1 second' FROM users,"
        . " generate_series(1, $count) g WHERE sub = '$sub'");
    return;
}

sub upload {
    my ($sub, $key) = @_;
    my $id = v("SELECT social_upload_create(gen_random_uuid(), '$issuer',"
        . " '$sub', '$sub', 'avatar', 'uploads', '$key', 'image/jpeg', 1,"
        . " NULL, '5 minutes')");
    v("SELECT social_object_created('t', gen_random_uuid()::text, 'uploads',"
        . " '$key', 1, '$id')");
    return $id;
}

sub held {
    my ($sql, $code) = @_;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'psql', '-X', '-q', '-d', $pg->conninfo, '-c',
            "BEGIN; $sql; SELECT pg_sleep(60)" or POSIX::_exit(127);
    }

    $pg->wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event"
        . " = 'PgSleep' AND query LIKE 'BEGIN;%'", 1);
    $code->();
    v("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        . " query LIKE 'BEGIN;%' AND wait_event = 'PgSleep'");
    waitpid $pid, 0;
    return;
}

sub clean {
    my ($nginx, $name) = @_;
    my @lines = grep { /\[(?:alert|emerg|crit)\]/ && !/signal 9/ }
        split /\n/, $nginx->error_log;
    is("@lines", '', "$name: nothing in the log");
    return;
}


my $nginx = begin($port);
my $other = begin($port2);


subtest 'a user leaves' => sub {
    my $sub = 'leaves';
    my @tokens = map { session($sub) } 1 .. 3;
    my $stranger = session('stays');
    my $elsewhere = token(-key => 'other', iss => 'https://other.example.com',
                          sub => $sub, jti => 'else');

    is(api($_, '/sync'), 200, 'known') for @tokens, $stranger, $elsewhere;
    $pg->wait_for("SELECT count(*) FROM users WHERE sub IN ('$sub', 'stays')",
                  3);
    posts($sub, 3);
    upload($sub, "raw/$sub.jpg");
    my $id = v("SELECT id FROM users WHERE sub = '$sub' AND issuer ="
        . " '$issuer'");

    # at both workers and both gateways, with a verdict that is cached

    for my $p ($port, $port2) {
        is(api($_, '/api', $p), 200, 'good') for (@tokens) x 8;
    }

    my $answer = ask('DELETE', '/me', $tokens[0]);
    is(status($answer), 204, 'left') or diag($answer, $nginx->error_log);
    like($answer, qr/\nCache-Control: no-store\r/, 'no-store');

    is(v("SELECT count(*) FROM users WHERE sub = '$sub' AND issuer ="
        . " '$issuer'"), 0, 'no row');
    is(v("SELECT count(*) FROM activities WHERE user_id = '$id'"), 0,
       'no posts');
    is(v("SELECT count(*) FROM uploads WHERE user_id = '$id'"), 0,
       'no uploads');
    is(v("SELECT count(*) FROM jobs WHERE kind = 'avatar' AND state = 'ready'"),
       0, 'no job that waits for an upload');
    is(v("SELECT string_agg(state, ' ' ORDER BY id) FROM jobs WHERE"
        . " kind = 'erase' AND payload ->> 'user' = '$id'"),
       'ready scheduled', 'jobs for objects');

    my %worker;

    for (1 .. 60) {
        for my $token (@tokens) {
            my $got = ask('GET', '/api', $token);
            is(status($got), 401, 'refused') or last;
            $worker{$1}++ if $got =~ /\nX-Worker: (\d+)/;
        }
        last if keys %worker == 2;
    }

    is(scalar(keys %worker), 2, 'by both workers');
    is(api(session($sub)), 401, 'one that is issued later');
    is(api(session($sub), '/lenient'), 200, 'a visitor where that is allowed');
    is(api($stranger), 200, 'not the others');
    is(api($elsewhere), 200, 'nor the same subject of another issuer');

    for my $token (@tokens) {
        ok(SocialNginx::wait_for(15, sub { api($token, '/api', $port2) == 401 }),
           'the other gateway');
    }

    is(api($stranger, '/api', $port2), 200, 'not the others there');
    is(leave($tokens[1]), 401, 'again: there is nobody');
    is(v("SELECT count(*) FROM deleted_users WHERE sub = '$sub'"), 1, 'noted');
};


subtest 'and stays away' => sub {
    my $event = event(attributes => { sub => 'away' });
    my $post = sub { status(ask('POST', '/hook', undef, body => $event)) };
    my $token = sub { token(iss => $pool, sub => 'away', jti => 'a' . ++$n) };

    is($post->(), 200, 'an event');
    is(v("SELECT count(*) FROM users WHERE sub = 'away'"), 1, 'a row');
    is(leave($token->()), 204, 'left');
    is($post->(), 200, 'the event comes late');
    is(v("SELECT count(*) FROM users WHERE sub = 'away'"), 0, 'no row');

    # when the revocation is over, and the issuer still knows them

    $pg->sql("UPDATE revocations SET until = 'epoch' WHERE session ="
        . " 'sub:away'");
    ok(SocialNginx::wait_for(15, sub { api($token->()) == 200 }),
       'tokens are good again');
    is(api($token->(), '/sync'), 403, 'but there is no user for them');
    is(v("SELECT count(*) FROM users WHERE sub = 'away'"), 0, 'no row');

    is(leave($token->()), 204, 'once more does no harm');
};


subtest 'who never had a row' => sub {
    my $token = session('nobody');
    is(leave($token), 204, 'is nobody afterwards');
    is(v("SELECT count(*) FROM deleted_users WHERE sub = 'nobody'"), 1, 'noted');
    is(v("SELECT count(*) FROM users WHERE sub = 'nobody'"), 0, 'no row');
};


subtest 'many at a time' => sub {
    user('double');
    my @tokens = map { session('double') } 1 .. 10;
    my @socks;

    for my $token (@tokens) {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
        print {$sock} "DELETE /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            . "Authorization: Bearer $token\r\n\r\n";
        $sock->flush;
        push @socks, $sock;
    }

    my @got = map { my $t = ''; 1 while sysread $_, $t, 4096, length $t;
                    status($t) } @socks;
    is(scalar(grep { /\A(?:204|401|503)\z/ } @got), 10, "answered: @got");
    cmp_ok(scalar(grep { $_ == 204 } @got), '>=', 1, 'left');
    is(v("SELECT count(*) FROM jobs WHERE payload ->> 'sub' = 'double'"), 0,
       'no uploads, no jobs');
};


subtest 'a recent sign-in' => sub {
    user('recent');

    my $old = session('recent', auth_time => time - 3600);
    my $answer = ask('DELETE', '/me', $old);

    is(status($answer), 401, 'too long ago');
    like($answer, qr/\nWWW-Authenticate: Bearer realm="api", error="insufficient_user_authentication", error_description="a more recent sign-in is required", max_age="900"\r/,
         'said how');
    like($answer, qr/\{"message":"Unauthorized","requestId"/, 'JSON');
    is(api($old), 200, 'the session goes on');

    is(leave(session('recent', auth_time => 'now')), 401, 'no time');
    is(leave(session('recent', auth_time => [ time ])), 401, 'a list');
    is(leave(session('recent', auth_time => time - 900 - 35)), 401,
       'just too long ago');
    is(v("SELECT count(*) FROM users WHERE sub = 'recent'"), 1, 'still there');

    is(leave(session('recent', auth_time => time - 600)), 204, 'recent enough');

    user('recent2');
    is(leave(session('recent2', auth_time => time - 86400), '/old'), 204,
       'as long as is configured');
    is(v("SELECT round(extract(epoch FROM until - now()) / 100) FROM"
        . " revocations WHERE session = 'sub:recent2'"), 37,
       'revoked for longer than the token lives, at least');
};


subtest 'requests that delete nobody' => sub {
    user('safe');
    my $token = session('safe');

    for my $method (qw( POST PUT PATCH OPTIONS )) {
        my $got = ask($method, '/me', $token);

        is(status($got), 405, "$method: 405");
        like($got, qr/\nAllow: GET, HEAD, DELETE\r/, '... the others');
    }

    is(leave(undef), 401, 'no token');
    is(leave('x.y.z'), 401, 'no good one');
    is(leave(session('safe', exp => time - 3600)), 401, 'one that is over');
    like(ask('GET', '/included', $token), qr/200 OK(?!.*"user")/s,
         'no page includes an export');
    is(v("SELECT count(*) FROM users WHERE sub = 'safe'"), 1, 'still there');
};


subtest 'by SQL' => sub {
    user('operator');
    my $token = session('operator');
    is(api($token, '/sync'), 200, 'good');

    v("SELECT social_user_delete('$issuer', 'operator')");
    ok(SocialNginx::wait_for(15, sub { api($token) == 401 }), 'refused');
    is(api(session('operator')), 401, 'whichever');
};


subtest 'over a restart' => sub {
    my $token = session('leaves');
    $other->stop;
    $other = begin($port2);
    is(api($token, '/api', $port2), 401, 'refused from the start');
};


subtest 'the database is down, or busy' => sub {
    user('busy');
    my $token = session('busy');

    held("SELECT social_user_lock('$issuer', 'busy')", sub {
        my $got = ask('DELETE', '/me', $token);
        is(status($got), 503, 'locked: 503');
        like($got, qr/\nRetry-After: \d+\r/, 'Retry-After');
    });

    is(api($token), 200, 'nothing was done');
    is(v("SELECT count(*) FROM deleted_users WHERE sub = 'busy'"), 0, 'nothing');

    $pg->down;
    is(leave($token), 503, 'away: 503');
    is(status(ask('GET', '/me', $token)), 503, 'the export: 503');
    is(api($token), 200, 'the session goes on');
    $pg->up;

    ok(SocialNginx::wait_for(20, sub { leave($token) == 204 }), 'then left');
    is(v("SELECT count(*) FROM users WHERE sub = 'busy'"), 0, 'no row');

    # each process finds the database by itself

    my %there;

    ok(SocialNginx::wait_for(30, sub {
        my $got = ask('GET', '/me', session('absent'));
        $there{$1} = 1 if status($got) == 404 && $got =~ /\nX-Worker: (\d+)/;
        return keys %there == 2;
    }), 'available in both processes');
};


subtest 'an export' => sub {
    my $id = user('export');
    my $token = session('export');
    my $first = upload('export', 'raw/export.jpg');
    my $second = upload('export', 'raw/export.jpg');
    my $third = upload('export', 'raw/other.jpg');
    posts('export', 250);
    user('foreign');
    posts('foreign', 5);
    v("SELECT social_revoke('$issuer', 'jti:x', '\\x" . 'ab' x 16
        . "', now() + interval '1 hour', 'export', 100)");

    my $answer = ask('GET', '/me', $token);
    is(status($answer), 200, 'sent') or diag($answer);
    like($answer, qr/\nContent-Type: application\/json\r/, 'JSON');
    like($answer, qr/\nCache-Control: no-store\r/, 'no-store');
    like($answer, qr/\nContent-Disposition: attachment; filename="export.json"\r/,
         'a file');

    my $all = eval { JSON::PP->new->utf8->decode(body($answer)) } or diag($@);
    is($all->{user}{id}, $id, 'the user');
    is($all->{user}{email}, 'export@x.org', 'the e-mail address');
    is(join(' ', sort keys %$all), 'activities jobs replaced_uploads'
       . ' revocations roles uploads user', 'and nothing else');
    is(join(' ', map { $_->{id} } @{ $all->{uploads} }), "$second $third",
       'uploads');
    is($all->{replaced_uploads}[0]{upload}, $first, 'and one before them');
    is($all->{revocations}[0]{session}, 'jti:x', 'sessions');
    is(scalar(@{ $all->{jobs} }), 2, 'jobs');
    is(join(' ', map { $_->{message} } @{ $all->{activities} }),
       join(' ', map { "post $_" } 1 .. 250), 'posts, in their order');

    my $plain = ask('GET', '/me', $token, version => '1.0');
    is_deeply(JSON::PP->new->utf8->decode(body($plain)), $all,
              'the same in HTTP/1.0');

    my $head = ask('HEAD', '/me', $token);
    is(status($head), 200, 'HEAD');
    is(body($head) // '', '', 'without a body');

    my $zip = ask('GET', '/zip', $token, headers => ['Accept-Encoding: gzip']);
    like($zip, qr/\nContent-Encoding: gzip\r/, 'compressed');
    ok(defined body($zip), 'to its end');

    my $nobody = ask('GET', '/me', session('absent'));
    is(status($nobody), 404, 'of nobody');
    is(v("SELECT count(*) FROM users WHERE sub = 'absent'"), 0, 'who is not made');
};


subtest 'a large export to a slow client, and one that is broken off' => sub {
    user('large');
    $pg->sql("INSERT INTO activities (user_id, message) SELECT users.id,"
        . " repeat('x', 280) FROM users, generate_series(1, 12000) WHERE sub"
        . " = 'large'");
    my $token = session('large');

    my $rss = sub {
        my $most = 0;
        for my $pid (SocialNginx::workers($nginx->{pid})) {
            my ($kb) = SocialNginx::slurp("/proc/$pid/status")
                =~ /^VmRSS:\s+(\d+)/m;
            $most = $kb if $kb > $most;
        }
        return $most;
    };

    my $begin = sub {
        my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
        setsockopt $sock, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
        print {$sock} "GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            . "Authorization: Bearer $token\r\n\r\n";
        $sock->flush;
        return $sock;
    };

    my $before = $rss->();
    my $sock = $begin->();
    sleep 1;
    my $text = '';

    while (sysread $sock, $text, 65536, length $text) {
        sleep 0.001;
    }

    my $all = eval { JSON::PP->new->utf8->decode(body($text)) };
    is($all && scalar @{ $all->{activities} }, 12000, 'all of it');

    SKIP: {
        skip 'ASan keeps what is freed', 1 if $ENV{SANITIZE};
        cmp_ok($rss->() - $before, '<', 4096, 'in bounded memory');
    }


    $sock = $begin->();
    sysread $sock, $text = '', 4096;
    $pg->down('QUIT');
    1 while sysread $sock, $text, 65536, length $text;
    $pg->up;
    is(body($text), undef, 'has no end');

    $sock = $begin->();
    sysread $sock, $text = '', 4096;
    close $sock;
    ok(SocialNginx::wait_for(20, sub { api($token) == 200 }), 'all goes on');

    # as soon as there is a connection to the database again

    ok(SocialNginx::wait_for(20, sub {
        $sock = $begin->();
        sysread $sock, $text = '', 4096;
        return $text =~ m{\AHTTP/1\.1 200 };
    }), 'an export as well');

    v("SELECT social_user_delete('$issuer', 'large')");
    1 while sysread $sock, $text, 65536, length $text;
    is(body($text), undef, 'nor has that of one who left');
};

clean($nginx, 'all');
clean($other, 'the other');

done_testing();
