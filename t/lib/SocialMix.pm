package SocialMix;

# A gateway with all of its features in use, and clients that use them together:
# requests with tokens to a backend, quick ones and slow ones; preflights;
# objects that are put and fetched, quickly and slowly; events; URLs for
# uploads.
#
#     my $mix = SocialMix->new(pg => $pg, workers => 2)->start;
#     $mix->clients(keep => 4, close => 4);
#     ...                                # reload, kill, wait
#     my $seen = $mix->finish;
#     $seen->{close}{api}{200}           # how many
#
# What became of a request: its status; "cut", where its answer was; "none",
# where a new connection was closed without one; "lost", where one that was used
# before was, as nginx does with idle ones when a process leaves; "refused", a
# connection that could not be made; "late", no answer in 30 seconds.
#
# The master is a daemon, so that it can be replaced by another one (USR2). With
# "stock" there is no module, and only what nginx does alone.

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use SocialHook ();
use SocialNginx;
use SocialS3;
use SocialSecrets ();
use SocialToken ();
use Time::HiRes qw( sleep time );

my $main = $$;
my @all;

sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        workers => 2,
        pace => 0.05,
        nginx => SocialNginx->new,
        port => SocialNginx::free_port(),
        back => SocialNginx::free_port(),
        children => [],
        %opt,
    }, $class;

    my $dir = $self->{dir} = $self->{nginx}{dir};

    mkdir "$dir/root";
    chmod 0777, "$dir/root";
    $self->backend;

    $self->{s3} = SocialS3->new(port => $self->{port}, base => '/objects/raw');
    $self->{nginx}->write_file('credentials', $self->{s3}->credentials_text);
    $self->conf;

    push @all, $self;
    return $self;
}

# What is proxied to, which is not reloaded or killed.

sub backend {
    my ($self) = @_;

    my $nginx = $self->{backend} = SocialNginx->new;

    $nginx->write_file('html/slow', 'x' x 20_000);
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
worker_processes 1;
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    access_log off;
    keepalive_requests 100000000;
    server {
        listen 127.0.0.1:$self->{back};
        root $nginx->{dir}/html;
        location / { return 200 "back\\n"; }
        location = /slow { limit_rate 20000; limit_rate_after 1; }
    }
}
_EOC_
    $nginx->start($self->{back});
    return;
}

# Writes a configuration, of so many "workers".

sub conf {
    my ($self, %opt) = @_;

    my ($dir, $port, $back) = @$self{qw( dir port back )};
    my ($load, $http, $server, $auth) = ('', '', '', '');

    @$self{keys %opt} = values %opt;

    if (!$self->{stock}) {
        $load = 'load_module modules/ngx_http_social_module.so;';
        $auth = 'social_auth main;';
        $http = <<"_EOC_";
    $SocialToken::http_config
    social_database "@{[ $self->{pg}->gateway ]}" timeout=10s;
    social_revocations open;
    social_limit_zone all key=\$social_sub rate=100000r/s;
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
_EOC_
        $server = <<"_EOC_";
        social_cors on;
        social_cors_origins https://app.example;
        location = /hook { social_hook cognito insecure=on; }
        location = /uploads {
            social_auth main;
            social_presign raw put kinds=post;
            social_presign_key raw/\$social_sub/\$social_upload_id;
        }
        location /objects/ { social_store raw root=$dir/root announce=on; }
        location = /metrics { social_status prometheus; }
        location = /ready { social_ready; }
_EOC_
    }

    my $check = $self->{stock} ? '' : 'social_health_check interval=1s;';
    my $limit = $self->{stock} ? '' : 'social_limit all;';

    $self->{nginx}->write_file('nginx.conf', <<"_EOC_");
$load
user root;
daemon on;
pid $dir/nginx.pid;
error_log $dir/logs/error.log info;
worker_processes $self->{workers};
thread_pool default threads=2;
events { worker_connections 1024; }
http {
    @{[ $self->{nginx}->http_paths ]}
    access_log off;
    client_header_timeout 20s;
    client_body_timeout 20s;
    send_timeout 20s;
$http
    upstream back { zone back 64k; server 127.0.0.1:$back; keepalive 8;
                    $check }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        listen 127.0.0.1:$port backlog=1024;
$server
        location = /page { return 200 "page\\n"; }
        location /api/ { $auth $limit proxy_pass http://back/; }
    }
}
_EOC_

    return $self;
}

sub master {
    my ($self) = @_;
    return SocialNginx::slurp("$self->{dir}/nginx.pid") =~ /(\d+)/ ? $1 : 0;
}

sub workers { return SocialNginx::workers($_[0]->master) }

sub start {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $pid = fork // die "fork() failed: $!\n";

    if (!$pid) {
        delete $ENV{NGINX};
        open STDOUT, '>', '/dev/null';
        open STDERR, '>>', "$dir/logs/stderr.log";
        exec SocialNginx::binary(), '-p', "$dir/", '-c', "$dir/nginx.conf",
            '-e', "$dir/logs/error.log" or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    SocialNginx::wait_for(30, sub {
        $self->master && $self->workers >= $self->{workers};
    }) or die 'nginx did not start: ', $self->{nginx}->error_log, "\n";

    SocialNginx::wait_for(30, sub { $self->ask('api') eq '200' })
        or die 'nginx does not answer: ', $self->{nginx}->error_log, "\n";

    return $self;
}

# Whether it has ended.

sub stop {
    my ($self, $signal) = @_;

    my $pid = $self->master or return 1;

    kill $signal // 'TERM', $pid;
    my $ended = SocialNginx::wait_for(60, sub { !kill 0, $pid });
    kill 'KILL', $pid, SocialNginx::workers($pid) if !$ended;
    SocialSecrets::keep(glob "$self->{dir}/logs/*.log");
    return $ended;
}

# Signals to reload, and waits until all new processes are there.

sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->workers;

    kill 'HUP', $self->master;

    return SocialNginx::wait_for(60, sub {
        my @new = grep { !$old{$_} } $self->workers;
        return @new >= $self->{workers};
    });
}

# ... and until none of the old ones is.

sub reload_all {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->workers;

    kill 'HUP', $self->master;

    return SocialNginx::wait_for(90, sub {
        my @now = $self->workers;
        return @now == $self->{workers} && !grep { $old{$_} } @now;
    });
}

# Another program, with the module that is there now; the old one leaves.

sub upgrade {
    my ($self) = @_;

    my $old = $self->master;

    SocialNginx::wait_for(60, sub { !-e "$self->{dir}/nginx.pid.oldbin" })
        or return;
    kill 'USR2', $old;
    SocialNginx::wait_for(60, sub {
        $self->master && $self->master != $old
            && $self->workers >= $self->{workers};
    }) or return;
    kill 'QUIT', $old;

    return SocialNginx::wait_for(90, sub { !kill 0, $old });
}

# The module that the next start or upgrade loads.

sub load {
    my ($self, $path) = @_;

    my $link = "$self->{dir}/modules/ngx_http_social_module.so";

    symlink $path, "$link.new" or die "$link: $!\n";
    rename "$link.new", $link or die "$link: $!\n";
    return;
}


# Requests

my %serial;
my @tokens = map { SocialToken::bearer(sub => "mix-$_", jti => "mix-$_") }
             1 .. 40;

# The head without what a connection needs, the body, and the status.

sub text {
    my ($self, $op) = @_;

    my $n = ++$serial{$op};
    my $bearer = $self->{stock} ? 'X-None: 1' : $tokens[$n % @tokens];

    return ("GET /page HTTP/1.1\r\n", '', 200) if $op eq 'page';
    return ("GET /api/x HTTP/1.1\r\n$bearer\r\n", '', 200) if $op eq 'api';
    return ("GET /api/slow HTTP/1.1\r\n$bearer\r\n", '', 200)
        if $op eq 'slow';
    return ("OPTIONS /api/x HTTP/1.1\r\nOrigin: https://app.example\r\n"
            . "Access-Control-Request-Method: PUT\r\n", '', 204)
        if $op eq 'preflight';

    if ($op eq 'hook') {
        my $sub = sprintf '00000000-0000-4000-8000-%012d', $n % 200;
        return ("POST /hook HTTP/1.1\r\n", SocialHook::event(attributes => {
            sub => $sub, preferred_username => "mix$sub" }), 200);
    }

    return ("POST /uploads HTTP/1.1\r\n$bearer\r\n"
            . "Content-Type: application/json\r\n",
            '{"contentType":"image/png","size":5,"kind":"post",'
            . '"filename":"a.png","contentLength":5}', qr/\A20[01]\z/)
        if $op eq 'presign';

    # what is put is there from the first time on

    my $key = "/k$$-" . $n % 20;
    my $size = $op eq 'slowput' ? 100_000 : 4000;
    my $put = $op ne 'get';
    my %headers = $self->{s3}->sign($put ? 'PUT' : 'GET',
                                    $put ? $key : "/k$$-1");

    delete $headers{host};

    return (join('', $put ? 'PUT' : 'GET', " /objects/raw",
                 $put ? $key : "/k$$-1", " HTTP/1.1\r\n",
                 map { "$_: $headers{$_}\r\n" } sort keys %headers),
            $put ? 'a' x $size : '', 200);
}

# One request, over a connection that is kept in %$kept, or is closed.

sub ask {
    my ($self, $op, $kept) = @_;

    my ($head, $body, $want) = $self->text($op);
    my $sock = $kept ? delete $kept->{sock} : undef;
    my $used = !!$sock;

    $sock //= IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}",
                                    Timeout => 10);
    return 'refused' if !$sock;

    my $host = $self->{s3}->host;
    my $out = $head . "Host: $host\r\n"
        . ($kept ? '' : "Connection: close\r\n")
        . (length $body || $op =~ /put/
           ? 'Content-Length: ' . length($body) . "\r\n" : '')
        . "\r\n$body";

    local $SIG{PIPE} = 'IGNORE';
    my $select = IO::Select->new($sock);
    my $end = time + 30;
    my ($got, $length, $eof) = ('');

    $sock->blocking(0);

    until ($eof || defined $length && length $got >= $length) {

        return 'late' if time > $end;

        if (length $out) {
            my $piece = $op eq 'slowput' ? 8000 : length $out;
            my $sent = syswrite $sock, $out, $piece;
            substr $out, 0, $sent, '' if $sent;
            sleep 0.08 if $op eq 'slowput' && length $out;
        }

        $select->can_read(length $out ? 0.01 : 1) or next;

        my $read = sysread $sock, $got, 65536, length $got;

        if (defined $read ? !$read : !$!{EAGAIN}) {
            $eof = 1;
            last;
        }

        if (!defined $length && $got =~ /\r\n\r\n/) {
            my $at = $+[0];
            my $top = substr $got, 0, $at;
            $length = $top =~ /^content-length: (\d+)/mi ? $at + $1
                    : $top =~ m{\AHTTP/1\.1 (?:204|304)} ? $at : undef;
        }
    }

    my ($status) = $got =~ m{\AHTTP/1\.1 (\d+)};

    return length $got ? 'cut' : $used ? 'lost' : 'none' if !$status;
    return 'cut' if $got !~ /\r\n\r\n/
                    || defined $length && length $got < $length;

    $kept->{sock} = $sock
        if $kept && !$eof && $got !~ /^connection: close/mi;

    return $status =~ (ref $want ? $want : qr/\A$want\z/) ? '200' : $status;
}

# What each client does, again and again.

my @mix = qw( put api api get api preflight api hook api page api slow api
              presign api slowput );

# Begins so many clients of each kind, which note what they see in a file each.

sub clients {
    my ($self, %count) = @_;

    unlink "$self->{dir}/end";

    my @ops = $self->{stock} ? grep { /api|page|slow\z/ } @mix : @mix;

    for my $kind (sort keys %count) {
        for my $i (1 .. $count{$kind}) {
            my $file = "$self->{dir}/seen." . ++$self->{files};
            my $pid = fork // die "fork() failed: $!\n";

            if ($pid) {
                push @{ $self->{children} }, $pid;
                next;
            }

            open my $out, '>', $file or POSIX::_exit(1);

            my $kept = $kind eq 'keep' ? {} : undef;
            my $at = $i;

            # the first object is there to be fetched

            %serial = ();
            $self->ask('put') if !$self->{stock};

            until (-e "$self->{dir}/end" || getppid() != $main) {
                my $op = $ops[$at++ % @ops];
                my $began = time;
                my $got = $self->ask($op, $kept);

                printf {$out} "%.4f %.4f %s %s %s\n", $began, time - $began,
                    $kind, $op, $got;
                sleep $self->{pace};
            }

            close $out;
            POSIX::_exit(0);
        }
    }

    return;
}

# Ends the clients, and returns what they saw, counted; all of it is in "lines",
# of [ when it began, how long it took, kind, request, what became of it ].

sub finish {
    my ($self) = @_;

    $self->{nginx}->write_file('end', '');
    waitpid $_, 0 for splice @{ $self->{children} };

    my %seen = (lines => []);

    for my $file (glob "$self->{dir}/seen.*") {
        for my $line (map { [ split ] } split /\n/, SocialNginx::slurp($file)) {
            push @{ $seen{lines} }, $line;
            $seen{ $line->[2] }{ $line->[3] }{ $line->[4] }++;
        }

        unlink $file;
    }

    return \%seen;
}

# What was not as it should be, of one kind of connection: "api 502: 3".

sub wrong {
    my ($seen, $kind, @but) = @_;

    my %but = map { $_ => 1 } 200, @but;
    my $of = $seen->{$kind} // {};

    return join ', ', map {
        my $op = $_;
        map { "$op $_: $of->{$op}{$_}" } sort grep { !$but{$_} }
            keys %{ $of->{$op} };
    } sort keys %$of;
}

# How many there were with an outcome.

sub count {
    my ($seen, $kind, $outcome) = @_;

    my $sum = 0;

    $sum += $_->{$outcome} // 0 for values %{ $seen->{$kind} // {} };
    return $sum;
}

# Memory of its own that a process has, in kB, and its descriptors.

sub anonymous {
    return SocialNginx::slurp("/proc/$_[0]/status") =~ /^RssAnon:\s+(\d+)/m
           ? $1 : 0;
}

sub descriptors { return scalar(() = glob "/proc/$_[0]/fd/*") }

END {
    if ($$ == $main) {
        local ($?, $!);

        for my $self (@all) {
            kill 'KILL', @{ $self->{children} };
            $self->stop('TERM');
        }
    }
}

1;
