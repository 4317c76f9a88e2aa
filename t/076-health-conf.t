#!/usr/bin/perl

# "social_health_check" and the parts of "social_ready" that go with it: what
# "nginx -t" says, and draining.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET ();
use SocialNginx;
use SocialHealth;
use Test::More;
use Time::HiRes qw( sleep time );

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

sub said {
    my ($block, $location) = @_;

    $nginx->write_file('nginx.conf', "load_module"
        . " modules/ngx_http_social_module.so; events { } http { "
        . $nginx->http_paths . " upstream app { server 127.0.0.1:1; $block }
        server { listen 127.0.0.1:1; @{[ $location // '' ]} } }");

    my $command = join ' ', map { "'$_'" } $nginx->command, '-t';

    return scalar `$command 2>&1`;
}

sub refused {
    my ($title, $said, @conf) = @_;
    my $got = said(@conf);

    like($got, qr/\[emerg\] [^\n]*\Q$said\E[^\n]* in \S*nginx\.conf:\d\n/,
         $title);
    return;
}

my $check = 'social_health_check';

refused('without a zone', "\"$check\" directive needs shared memory (add \"zone"
        . " app 64k;\" to the block) in upstream \"app\"", "$check;");
refused('twice', "\"$check\" directive is duplicate",
        "zone app 64k; $check; $check;");
refused("$_ without HTTP", "\"" . s/=.*//r . "\" parameter of \"$check\""
        . ' directive is only for "type=http"', "zone a 64k; $check type=tcp $_;")
    for qw( uri=/ host=a status=200 body=a );
refused("$_ without TLS", "\"" . s/=.*//r . "\" parameter of \"$check\""
        . ' directive is only for "tls=on"', "zone a 64k; $check $_;")
    for 'tls_verify=off', 'tls_name=a', "ca_file=$dir/nginx.conf",
        "certificate=$dir/nginx.conf", "certificate_key=$dir/nginx.conf";
refused('authorities that nothing is verified by', '"ca_file" parameter of'
        . " \"$check\" directive is only for \"tls_verify=on\"",
        "zone a 64k; $check tls=on tls_verify=off ca_file=$dir/nginx.conf;");
refused('a certificate without a key', "\"$check\" directive must have both"
        . ' "certificate" and "certificate_key" parameters, or neither',
        "zone a 64k; $check tls=on certificate=$dir/nginx.conf;");

like(said("zone a 64k; $check tls=on ca_file=$dir/nginx.conf;"),
     qr/\[emerg\].*SSL_CTX_load_verify_locations\("$dir\/nginx.conf"\) failed/,
     'a file without certificates');
like(said("zone a 64k; $check tls=on ca_file=none.pem;"),
     qr/\[emerg\].*"$dir\/none.pem" failed \(2: No such file/, 'no file');
like(said('', "$check;"), qr/\[emerg\] "$check" directive is not allowed here/,
     'in a server');

refused('an upstream without checks', "no \"$check\" is defined in upstream"
        . ' "app" for the "social_ready" directive',
        '', 'location / { social_ready upstreams=app; }');
refused('another file', '"social_ready" directives must have the same "drain"'
        . " parameter, \"$dir/b\" is another one", '',
        'location / { social_ready drain=a; } location /b { social_ready'
        . ' drain=b; }');
like(said('', 'location / { social_ready drain=a; }
               location /a { social_ready; } location /b { social_ready; }'),
     qr/test is successful/, 'a file, and none');
like(said("zone a 64k; $check;"), qr/test is successful/, 'without parameters');


# Draining, with one process, so that each has the requests that follow.

$nginx = SocialNginx->new;
$dir = $nginx->{dir};

my %ports = SocialHealth::misbehave({ slow => sub {
    sysread $_[0], my $text, 4096;
    sleep 1;
    syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";
    return 0;
} });

my $port = SocialNginx::free_port();

$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { }
http {
    @{[ $nginx->http_paths ]}
    server {
        listen 127.0.0.1:$port;
        location = /readyz { social_ready drain=drain/now; }
        location = /also { social_ready; }
        location = /page { return 200 page; }
        location = /slow { proxy_pass http://127.0.0.1:$ports{slow}; }
    }
}
_EOC_

$nginx->start($port);

sub connection {
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
           || die "cannot connect: $!\n";
}

# One response on a connection: its status, whether the connection is to be
# closed, and its body.

sub ask {
    my ($sock, $path) = @_;

    print {$sock} "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
    $sock->flush;

    my $text = '';
    local $SIG{ALRM} = sub { die "no answer to $path\n" };
    alarm 15;

    while ($text !~ /\r\n\r\n/
           || length(($text =~ /\r\n\r\n(.*)\z/s)[0])
              < ($text =~ /Content-Length: (\d+)/)[0])
    {
        sysread $sock, $text, 4096, length $text or last;
    }

    alarm 0;

    return join ' ', $text =~ m{\AHTTP/1.1 (\d+)}, $text =~ /^Connection: (\S+)/m,
                     $text =~ /\r\n\r\n(.*)\z/s;
}

my $ready = '{"status":"ready","keys":{}}';
my $draining = '{"status":"draining","keys":{}}';

my $kept = connection();
is(ask($kept, '/readyz'), "200 keep-alive $ready", 'ready without the directory');
mkdir "$dir/drain";
is(ask($kept, '/readyz'), "200 keep-alive $ready", 'and without the file');
is(ask($kept, '/page'), '200 keep-alive page', 'a connection is kept');

$nginx->write_file('drain/now', '');
is(ask(connection(), '/readyz'), "503 close $draining", 'with the file: draining');
is(ask($kept, '/page'), '200 close page', 'a kept one is closed, politely');
ok(!sysread($kept, my $rest, 1), 'at once');
is(ask(connection(), '/page'), '200 close page', 'as those that begin');
is(ask(connection(), '/also'), "200 close $ready",
   'a location without it says what there is');

unlink "$dir/drain/now";
is(ask($kept = connection(), '/readyz'), "200 keep-alive $ready", 'without it');
is(ask($kept, '/page'), '200 keep-alive page', 'all is as before');

# SIGQUIT: a request that is under way, and then another on its connection

print {$kept} "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
$kept->flush;
sleep 0.3;
kill 'QUIT', $nginx->{pid};

my $got = '';
my $end = time + 15;
1 while time < $end && sysread $kept, $got, 4096, length $got;

like($got, qr/\AHTTP\/1\.1 200 .*\r\nConnection: close\r\n.*late\z/s,
     'SIGQUIT: the response says that it is the last one');

waitpid delete $nginx->{pid}, 0;
unlike($nginx->error_log, qr/\[(?:alert|crit|error|emerg)\]/, 'nothing went wrong');

done_testing();
