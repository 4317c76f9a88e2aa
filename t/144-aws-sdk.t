#!/usr/bin/perl

# AWS's SDK for JavaScript against the embedded store.

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use JSON::PP ();
use SocialNginx;
use SocialNode qw( node );
use SocialS3;
use Test::More;

my $log = `scripts/deps-npm 2>&1`;
my $program = Cwd::abs_path('build/npm/aws-sdk/objects.mjs');
my $node = node();

if ($? || !$program || !-f $program || !$node) {
    diag("NOT TESTED: AWS's SDK, which could not be installed:\n$log");
    plan skip_all => "AWS's SDK could not be installed";
}

my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port);
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

mkdir "$dir/root";
$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ { social_store raw root=$dir/root; }
    }
}
_EOC_

$nginx->start($port);

{
    local $ENV{AWS_ACCESS_KEY_ID} = $s3->{access_key};
    local $ENV{AWS_SECRET_ACCESS_KEY} = $s3->{secret};
    local $ENV{AWS_EC2_METADATA_DISABLED} = 'true';

    open my $out, '-|', "$node $program http://127.0.0.1:$port/objects raw"
                        . " 2>$dir/node.log" or die;

    my $end;

    while (my $line = <$out>) {
        my $step = eval { JSON::PP::decode_json($line) }
            or diag($line), next;
        utf8::encode($_) for grep { defined } @$step{qw( what said )};
        ok($step->{ok}, $step->{what}) or diag($step->{said});
        $end = 1 if $step->{what} eq 'the end';
    }

    close $out;
    ok($end, 'it came to its end') or diag(SocialNginx::slurp("$dir/node.log"));
}

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error was logged');

done_testing();
