#!/usr/bin/perl

# The embedded store while the queue of its thread pool is full: SlowDown, as
# S3 answers who asks too much, and nothing is begun.

use strict;
use warnings;

use lib 't/lib';

use File::Find ();
use IO::Socket::INET ();
use SocialNginx;
use SocialS3;
use Test::More;

my $port = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/objects/raw');

mkdir "$dir/root";

# a server of keys that accepts and is silent, for the only thread to wait for

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8)
    or die "no free port: $!\n";
my $keys = 'http://127.0.0.1:' . $silent->sockport . '/';

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
thread_pool full threads=1 max_queue=0;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    social_thread_pool full;
    social_issuer slow {
        issuer https://slow.example;
        jwks_uri $keys;
        client_ids a;
        jwks_timeout 30s;
    }
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ { social_store raw root=$dir/root max_size=6m; }
    }
}
_EOC_

$nginx->start($port);

my $held = do {
    local $SIG{ALRM} = sub { die "nobody asks for keys in 20 s\n" };
    alarm 20;
    my $sock = $silent->accept;
    alarm 0;
    $sock;
};

END {
    $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$;
}

for my $case ([ GET => '' ], [ DELETE => '' ], [ PUT => 'hello' ],
              [ PUT => 'x' x 300_000 ], [ PUT => '' ])
{
    my ($method, $body) = @$case;

    subtest "$method of " . length($body) . ' bytes' => sub {
        for my $round (1 .. 2) {
            my $got = $s3->request($method, '/a',
                                   $method eq 'PUT' ? (body => $body) : ());
            is("$got->{status} $got->{code}", '503 SlowDown', 'SlowDown');
            is($got->{headers}{'content-type'}, 'application/xml', 'in XML');
            is($got->{headers}{'retry-after'}, 2, 'to be tried again');
        }
    };
}

is(join(' ', files()), '', 'nothing was begun');

close $silent;
close $held;

ok(SocialNginx::wait_for(20, sub {
    return $s3->request(PUT => '/a', body => 'hello')->{status} == 200;
}), 'a PUT when the thread is free again');
is(scalar(files()) > 0, 1, '... is stored');

unlike($nginx->error_log, qr/\[(?:alert|emerg)\]/, 'and nothing went wrong');

done_testing();


sub files {
    my @files;

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @files, $_ if -f $_ } }, "$dir/root");

    return @files;
}
