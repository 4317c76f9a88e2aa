# "social_health_check": what peers may do to a check, what each balancer does
# with its outcome, and what outlives processes and configurations.

use strict;
use warnings;

use lib 't/lib';
use Socket qw( SOL_SOCKET SO_LINGER );
use SocialNginx;
use SocialHealth;
use SocialPeers ();
use Test::More;
use Time::HiRes qw( sleep time );

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my ($a, $b) = map { SocialHealth->new(name => $_) } qw( a b );
my ($pa, $pb) = ($a->port, $b->port);

my $head = "HTTP/1.1 200 OK\r\n";
my $chunked = "${head}Transfer-Encoding: chunked\r\n\r\n3\r\nall\r\n"
              . "9;x=y\r\n is well!\r\n0\r\n\r\n";

# what a server does, and why it is down; without a reason it is up

my %way = (
    hang      => [ undef, 'it did not answer in time' ],
    drip      => [ sub { syswrite $_[0], 'H' x 1 }, 'its answer is invalid: '
                   . 'it is not HTTP' ],
    drop      => [ sub { 0 }, qr/the connection was (?:reset|closed without)/ ],
    reset     => [ sub {
        sysread $_[0], my $request, 4096;
        setsockopt $_[0], SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        return 0;
    }, 'the connection was reset' ],
    garbage   => [ "\x15\x03\x03 no HTTP\n",
                   'its answer is invalid: it is not HTTP' ],
    cut       => [ "${head}Server: x\r\n", 'the answer is cut' ],
    huge      => [ "${head}X: " . 'x' x 20_000 . "\r\n\r\n",
                   'its answer is invalid: the head is too large' ],
    failing   => [ "HTTP/1.1 503 x\r\n\r\n", 'its status is 503' ],
    upgrade   => [ "HTTP/1.1 101 x\r\n\r\n",
                   'its answer is invalid: it changes the protocol' ],
    interim   => [ "HTTP/1.1 100 x\r\n" . "A: b\r\n\r\n" . $head . "\r\n" ],
    old       => [ "HTTP/1.0 302 x\n\n" ],
    missing   => [ "HTTP/1.1 404 x\r\n\r\n" ],
    endless   => [ $head . "Content-Length: 1000000000\r\n\r\nx" ],
    chunked   => [ $chunked ],
    matched   => [ $chunked ],
    other     => [ $chunked, 'its body does not match' ],
    evil      => [ $head . "\r\n" . 'a' x 5000, 'its body does not match' ],
    plain     => [ $head . "\r\n", 'the TLS handshake failed' ],

    # it matches after some hundred thousand steps, and more are allowed to
    # nobody

    costly    => [ $head . "\r\n" . 'a' x 19, 'its body does not match' ],

    # both sides of both ends of a range, the default one and another

    d399      => [ "HTTP/1.1 399 x\r\n\r\n" ],
    d400      => [ "HTTP/1.1 400 x\r\n\r\n", 'its status is 400' ],
    r249      => [ "HTTP/1.1 249 x\r\n\r\n", 'its status is 249' ],
    r250      => [ "HTTP/1.1 250 x\r\n\r\n" ],
    r260      => [ "HTTP/1.1 260 x\r\n\r\n" ],
    r261      => [ "HTTP/1.1 261 x\r\n\r\n", 'its status is 261' ],
);

# a byte at a time, which is HTTP but too slow

my %sent;
$way{slow} = [ sub {
    my $text = "${head}X-Long: " . 'x' x 200;
    syswrite $_[0], substr $text, $sent{ fileno $_[0] }++ % 200, 1;
}, 'it did not answer in time' ];

my %ports = SocialHealth::misbehave({ map { $_ => $way{$_}[0] } keys %way });

my $port = SocialNginx::free_port();
my $tls = SocialNginx::free_port();

my %params = (
    missing => 'status=200-399,404',
    chunked => '"body=all is well!"',
    matched => '"body=~^ALL(?i)|^all is [a-z]+!$"',
    other   => '"body=all is Well"',
    evil    => '"body=~^(a+)+$(?<!a)"',
    costly  => '"body=~^(?:(a+)+c|a)"',
    (map { $_ => 'status=250-260' } qw( r249 r250 r260 r261 )),
    plain   => 'tls=on tls_verify=off',
    slow    => 'timeout=400ms',
    endless => 'status=200',
);

my $wait = $ENV{SANITIZE} ? '3s' : '1s';
my $fast = "interval=200ms timeout=$wait fails=2 passes=2";
my $patient = 'interval=200ms timeout=5s fails=2 passes=2';

my $bad = join "\n", map {
    my ($params, $f) = ($params{$_} // '', $fast);
    $f =~ s{timeout=\S+}{$params =~ m{timeout} ? '' : 'timeout=5s'}e
        if $_ ne 'hang';
    "upstream way_$_ { zone z_$_ 64k; server 127.0.0.1:$ports{$_};
     server 127.0.0.1:$pa; social_health_check $f $params; }"
} sort keys %way;

# each balancer of nginx

my %balancer = (
    round_robin => '',
    weighted    => '',
    least_conn  => 'least_conn;',
    hash        => 'hash $arg_key;',
    consistent  => 'hash $arg_key consistent;',
    ip_hash     => 'ip_hash;',
    random      => 'random;',
    random_two  => 'random two least_conn;',
    keepalive   => 'keepalive 4;',
);

# nginx does not free what "random" allocates in a process
delete @balancer{qw( random random_two )} if $ENV{SANITIZE};

my $balancers = join "\n", map {
    my $weight = $_ eq 'weighted' ? 'weight=5' : '';
    "upstream lb_$_ { zone lb_$_ 64k; $balancer{$_} server 127.0.0.1:$pa;
     server 127.0.0.1:$pb $weight; social_health_check $fast; }"
} sort keys %balancer;

sub certificate {
    system "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
           . " -nodes -days 2 -subj /CN=$_[0] -addext subjectAltName=DNS:$_[0]"
           . " -keyout $dir/$_[0].key -out $dir/$_[0].crt 2> $dir/openssl.log";
}

certificate($_) for qw( tls.example other.example );

# the system's authorities, of which there is one
local $ENV{SSL_CERT_FILE} = "$dir/tls.example.crt";

sub conf {
    my (%opt) = @_;

    my $fails = $opt{fails} // 2;
    my $late = $opt{late} // '';

    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
worker_processes @{[ $opt{workers} // 2 ]};
events { worker_connections 1024; }
http {
    @{[ $nginx->http_paths ]}
    proxy_next_upstream off;
    proxy_connect_timeout 2s;
    proxy_read_timeout 2s;
    $bad
    $balancers

    upstream one { zone one 64k; server 127.0.0.1:$pb;
                   social_health_check $fast; }
    upstream backup { zone backup 64k; server 127.0.0.1:$pb;
                      server 127.0.0.1:$pa backup;
                      social_health_check $fast; }
    upstream spare { zone spare 64k; server 127.0.0.1:1;
                     server 127.0.0.1:$ports{hang} backup;
                     social_health_check $fast; }
    upstream out { zone out 64k; server 127.0.0.1:$pb down;
                   server 127.0.0.1:$pa; social_health_check $fast; }
    upstream passive { zone passive 64k; server 127.0.0.1:$pa;
                       server 127.0.0.1:$pb max_fails=1 fail_timeout=1h;
                       social_health_check $fast; }
    upstream stays { zone stays 64k; server 127.0.0.1:$pa;
                     server 127.0.0.1:$pb;
                     social_health_check interval=200ms timeout=1s
                                         fails=$fails passes=$fails; }
    upstream first { zone first 64k; server 127.0.0.1:$pa;
                     server 127.0.0.1:$ports{hang};
                     social_health_check interval=200ms timeout=1s
                                         fails=1000 mandatory=on; }
    upstream path { zone path 128k; server unix:$dir/peer.sock;
                    social_health_check $fast uri=/named?a=b
                        host=peer.example:81 status=204 mandatory=on; }
    upstream tcp { zone tcp 64k; server 127.0.0.1:$ports{hang};
                   social_health_check $fast type=tcp mandatory=on; }
    upstream at { zone at 64k; server 127.0.0.1:1;
                  social_health_check $fast port=$pa mandatory=on; }
    upstream tls { zone tls 64k; server 127.0.0.1:$tls;
                   social_health_check $patient tls=on ca_file=tls.example.crt
                       host=tls.example:443 mandatory=on; }
    upstream client { zone client 64k; server 127.0.0.1:$tls;
                      social_health_check $patient tls=on tls_verify=off
                          uri=/client certificate=tls.example.crt
                          certificate_key=tls.example.key mandatory=on; }
    upstream no_client { zone no_client 64k; server 127.0.0.1:$tls;
                         social_health_check $patient tls=on tls_verify=off
                             uri=/client mandatory=on; }
    upstream system { zone system 64k; server 127.0.0.1:$tls;
                      social_health_check $patient tls=on tls_name=tls.example
                          mandatory=on; }
    upstream unknown { zone unknown 64k; server 127.0.0.1:$tls;
                       social_health_check $patient tls=on
                           ca_file=other.example.crt tls_name=tls.example; }
    upstream renamed { zone renamed 64k; server 127.0.0.1:$tls;
                       social_health_check $patient tls=on
                           ca_file=tls.example.crt tls_name=a.example; }

    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate tls.example.crt;
        ssl_certificate_key tls.example.key;
        ssl_verify_client optional_no_ca;
        location / { return 200 "\$ssl_server_name"; }
        location /client {
            if (\$ssl_client_verify = NONE) { return 403; }
            return 200;
        }
    }

    server {
        listen unix:$dir/peer.sock;
        location / { return 500; }
        location = /named {
            if (\$http_host != "peer.example:81") { return 500; }
            if (\$arg_a != b) { return 500; }
            if (\$http_user_agent != social_health_check) { return 500; }
            return 204;
        }
    }

    $late

    server {
        listen 127.0.0.1:$port;
        location ~ /to/(?<name>\\w+) {
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host \$name;
            proxy_pass http://\$name;
        }
        location /next/ { proxy_next_upstream error timeout;
                          proxy_pass http://lb_round_robin; }
        location /stays { proxy_pass http://stays; }
        location = /ready { social_ready upstreams=one,backup; }
        location = /metrics { social_status prometheus; }
        location = /json { social_status json; }
    }
}
_EOC_
}

sub get {
    my ($path) = @_;

    my $text = SocialNginx::request($port,
                                    "GET $path HTTP/1.0\r\nHost: x\r\n\r\n");
    my ($status) = $text =~ m{\AHTTP/1\.\d (\d+)};
    my ($body) = $text =~ /\r\n\r\n(.*)\z/s;

    return $status eq '200' ? $body : $status;
}

# Which answers there were, in alphabetical order.

sub answers {
    my ($n, $path) = @_;
    my %seen;

    $seen{ get($path . '?key=' . $_) }++ for 1 .. $n;

    return join ' ', sort keys %seen;
}

# Whether a line of the log comes, behind an earlier position.

my $from = 0;

sub mark { $from = length $nginx->error_log; return }

sub logged {
    my ($regex) = @_;

    return SocialNginx::wait_for(15, sub {
        substr($nginx->error_log, $from) =~ $regex;
    });
}

sub is_down {
    my ($upstream, $at, $why) = @_;
    $why = quotemeta $why if !ref $why;
    return logged(qr/peer \S*:$at of upstream "$upstream" is down: $why/);
}

sub is_up {
    my ($upstream, $at) = @_;
    return logged(qr/peer \S*$at of upstream "$upstream" is up/);
}

sub eventually {
    my ($want, $code, $title) = @_;
    my $got;

    SocialNginx::wait_for(15, sub { $got = $code->(); $got eq $want });
    return is($got, $want, $title);
}

sub all_b {
    my ($what, @args) = @_;
    my $wait = $what eq 'up' ? \&is_up : \&is_down;

    return 0 + grep { !$wait->($_, $pb, @args) }
               (map { "lb_$_" } keys %balancer),
               qw( one backup passive stays );
}

conf();
$nginx->start($port);

# from the first request on: there is none, or the one that has been checked

unlike(answers(10, '/to/first'), qr/504/, 'no peer is used before its check');

subtest 'what peers do' => sub {
    for my $name (sort keys %way) {
        my $why = $way{$name}[1];

        if (defined $why) {
            ok(is_down("way_$name", $ports{$name}, $why), "$name is down");
        } else {
            ok(is_up("way_$name", $ports{$name}), "$name is up");
        }
    }

    ok(is_down('unknown', $tls, qr/self.signed certificate/),
       'an unknown authority');
    ok(is_down('renamed', $tls, 'its certificate is of another name'),
       'another name');
    ok(is_down('no_client', $tls, 'its status is 403'),
       'without a certificate of the client');

    for ([ path => 'peer.sock' ], [ tcp => $ports{hang} ], [ at => 1 ],
         [ tls => $tls ], [ client => $tls ], [ system => $tls ])
    {
        ok(is_up(@$_), "$_->[0] is up");
    }
};

subtest 'a peer is down once' => sub {
    sleep 0.7;
    my $n = () = $nginx->error_log =~ /"way_failing" is down/g;
    is($n, 1, 'it is logged at its change');
    is(get('/to/way_failing'), 'a', 'and not asked') for 1 .. 2;
};

subtest 'before the first check' => sub {
    ok(is_down('spare', $_, qr/./), 'a backup server is checked')
        for 1, $ports{hang};
    is(get('/to/spare'), 502, 'and is not used either');
    is(answers(6, '/to/first'), 'a', 'a peer that is not known is not used');
    is(get('/to/out'), 'a', 'nor one that is taken out');
    unlike($nginx->error_log, qr/:$pb of upstream "out"/, 'or it is checked');
};

subtest 'a peer is killed' => sub {
    is(answers(12, '/to/lb_round_robin'), 'a b', 'both are used');

    mark();
    $b->signal('KILL');

    is(all_b('down', 'it cannot be connected to (111: '), 0, 'it is down');

    for (sort keys %balancer) {
        is(answers(8, "/to/lb_$_"), 'a', "$_ passes it over");
    }

    is(answers(3, '/to/backup'), 'a', 'the backup is used');
    is(get('/to/one'), 502, 'none is left');
    like(get('/metrics'), qr/^social_upstream_peer_up\{upstream="one",
                             peer="127\.0\.0\.1:$pb"\}\ 0$/mx,
         'its number');
    is(get('/ready'), 503, 'an upstream without peers is not ready');
};

subtest 'it stays so in the next configuration' => sub {
    mark();
    conf(fails => 1000);

    under_load('/stays', sub {
        my $began = time;
        ok($nginx->reload, 'reloaded');
        return [ $began, time ];
    });

    # no check of it could mark the peer again
    is(answers(8, '/stays'), 'a', 'the peer is passed over at once');
    is(get('/to/one'), 502, 'also the only one');
    ok(!logged_now(qr/upstream "stays" is (?:up|down)/), 'nothing has changed');

    conf();
    ok($nginx->reload, 'and back');
};

sub logged_now { return substr($nginx->error_log, $from) =~ $_[0] }

subtest 'it is back' => sub {
    mark();
    $b->start;
    is(all_b('up'), 0, 'it is up');

    is(get('/to/one'), 'b', 'it has requests');
    is(get('/to/backup'), 'b', 'and the backup has none');
    isnt(answers(30, '/to/lb_hash'), 'a', 'by hash, too');
    like(get('/ready'), qr/"upstreams":\{"one":"up","backup":"up"\}/, 'ready');

    my $metrics = get('/metrics');

    like($metrics, qr/^social_upstream_peer_up\{upstream="one",
                      peer="127\.0\.0\.1:$pb"\}\ 1$/mx, 'its number');
    like($metrics, qr/^social_upstream_peer_checks_total\{upstream="one",
                      peer="127\.0\.0\.1:$pb",outcome="unreachable"\}\ \d+$/mx,
         'its checks');
    like(get('/json'), qr/\{"upstream":"one","peer":"127\.0\.0\.1:$pb",
                          "outcome":"passed","value":[1-9]/x, 'as JSON');
};

subtest 'it is stopped, and the checking process killed' => sub {
    mark();
    $b->signal('STOP');
    ok(is_down('lb_least_conn', $pb, 'it did not answer in time'),
       'it is down');
    ok(is_down($_, $pb, qr/./), "and so with $_") for qw( one passive );
    is(answers(6, '/to/lb_least_conn'), 'a', 'no request waits for it');

    my ($checker) = $nginx->error_log =~ /.*\[warn\] (\d+)#.* is down/s;
    kill 'KILL', $checker;
    $b->signal('CONT');

    ok(logged(qr/\[notice\] (?!$checker#)\d+#.*"lb_least_conn" is up/),
       'another process has seen that it goes on');
    ok(is_up($_, $pb), "and so with $_") for qw( one passive );
};

subtest 'the checking process is stopped' => sub {
    my ($checker) = $nginx->error_log =~ /.*\[\w+\] (\d+)#\d+: social: peer/s;

    mark();
    kill 'STOP', $checker;
    sleep 1;
    $b->signal('KILL');
    like(answers(2, '/to/passive'), qr/\A(?:502 )?a\z/,
         'requests notice it, unless another process was first');

    ok(logged(qr/\[warn\] (?!$checker#)\d+#.*:$pb of upstream "one" is down/),
       'another process goes on');

    kill 'CONT', $checker;
    sleep 0.5;
    my $n = () = substr($nginx->error_log, $from)
                 =~ /:$pb of upstream "one" is down/g;
    is($n, 1, 'the first one has nothing more to say');
    mark();
    $b->start;
    ok(is_up($_, $pb), "it is back: $_") for qw( one lb_round_robin passive );
    is(answers(8, '/to/passive'), 'a b', 'what nginx has seen is over');

    # two of them would make twice as many

    my ($n1, $t1) = (checks_of('one'), time);
    sleep 2;
    cmp_ok(checks_of('one') - $n1, '<=', (time - $t1) / 0.2 * 1.4 + 2,
           'one process checks');
};

sub checks_of {
    my ($upstream) = @_;
    my $sum = 0;

    $sum += $_ for get('/metrics') =~ /^social_upstream_peer_checks_total
                                       \{upstream="$upstream",.*\}\ (\d+)$/xmg;

    return $sum;
}

# Requests that began when the peer was marked must not fail; those before are
# for proxy_next_upstream.

sub under_load {
    my ($path, $code) = @_;

    my $end = "$dir/end";
    my @pids;

    for my $i (1 .. 3) {
        my $pid = fork // die "fork: $!\n";

        if (!$pid) {
            open my $out, '>', "$dir/load.$i" or die;

            while (!-e $end && getppid != 1) {
                my $began = time;
                my $got = eval { get($path) } // 'none';
                print {$out} "$began $got\n";
            }

            close $out;
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    my @when = $code->();

    open my $out, '>', $end or die;
    close $out;
    waitpid $_, 0 for @pids;
    unlink $end;

    my ($n, @failed) = 0;

    for (map { split /\n/, SocialNginx::slurp("$dir/load.$_") } 1 .. 3) {
        my ($began, $got) = split / /;
        $n++;
        push @failed, "$began $got" if $got !~ /\A[ab]\z/
             && grep { $began > $_->[0] && $began < $_->[1] } @when;
    }

    ok($n > 10, "$n requests");
    is(join(', ', splice @failed, 0, 5), '', 'none failed while the peer was marked');
    return;
}

subtest 'under load: killed, stopped, flapping' => sub {
    under_load('/to/lb_round_robin', sub {
        my @when;

        for my $signal (qw( KILL STOP KILL )) {
            mark();
            $b->signal($signal);
            ok(is_down('lb_round_robin', $pb, qr/./), "$signal: marked");

            my $began = time;
            sleep 0.4;
            push @when, [ $began, time ];

            $signal eq 'KILL' ? $b->start : $b->signal('CONT');
            ok(is_up('lb_round_robin', $pb), 'back');
        }

        return @when;
    });
};

# Addresses that change: two servers at the same port of other addresses.

SKIP: {
    skip '"resolve" of servers is there from 1.27.3 on', 1
        if SocialNginx::version() < 1_027_003;

    subtest 'an address that changes' => sub {
        my $file = $nginx->write_file('address', "127.0.0.1\n");
        my $ns = SocialPeers::name_server($file);
        my $at = $ns->{port};

        mark();
        conf(late => "resolver 127.0.0.1:$at ipv6=off valid=1s;
             upstream moving { zone moving 256k;
                 server app.example:$pa resolve;
                 social_health_check $fast mandatory=on; }");
        ok($nginx->reload, 'reloaded');
        ok(is_up('moving', "127.0.0.1:$pa"), 'the first address');
        eventually('a', sub { get('/to/moving') }, 'is used');

        # there is nobody at this one: it is known, and never used
        mark();
        $nginx->write_file('address', "127.0.0.77\n");
        ok(is_down('moving', $pa, qr/it cannot be/), 'the next one is down');
        is(get('/to/moving'), 502, 'and was never used');

        mark();
        $nginx->write_file('address', "127.0.0.1\n");
        eventually('a', sub { get('/to/moving') }, 'it is the first again');

        ok($nginx->reload, 'reloaded');
        is(get('/to/moving'), 'a', 'known at once');
    };
}

subtest 'all processes end' => sub {
    conf(workers => 1);
    ok($nginx->reload(1), 'one is left');
    mark();
    $b->signal('KILL');
    ok(is_down('one', $pb, qr/it cannot/), 'which checks');

    $nginx->stop;
    unlike(SocialNginx::without_kills($nginx->error_log),
           qr/\[(?:alert|crit|emerg)\]/,
           'nothing is left behind');
};

done_testing();
