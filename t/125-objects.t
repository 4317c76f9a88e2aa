#!/usr/bin/perl

# The worker's client of S3, against the gateway's store and a server of S3's
# kind: whose credentials sign, and what it makes of other answers.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw( sleep time );

use SocialBucket;
use SocialImage;
use SocialNginx;
use SocialS3;

my $program = $ENV{SOCIAL_WORKER}
    || ($ENV{SANITIZE} ? 'build/sanitize' : 'build') . '/social-worker';

-x $program || plan skip_all => "$program is not there: run \"make deps\"";

my $dir = File::Temp->newdir('social-objects-XXXXXX', TMPDIR => 1);

delete $ENV{$_}
    for grep { /^(SOCIAL_WORKER_|PG|AWS_)|^https?_proxy$/i } keys %ENV;

# What "check" says of a bucket.

sub check {
    my ($lines) = @_;

    SocialImage::spew("$dir/worker.conf", <<"CONF");
database { conninfo = "host=$dir connect_timeout=1" }
bucket raw { $lines }
CONF

    my $said = `$program -c $dir/worker.conf check 2>&1`;

    return $said =~ /^((?:ok|wrong) +bucket raw.*)/m ? $1 : $said;
}


subtest 'whose credentials sign' => sub {
    my $port = SocialNginx::free_port();
    my $nginx = SocialNginx->new;
    my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
    my ($key, $secret) = @$s3{qw( access_key secret )};

    mkdir "$nginx->{dir}/root";
    $nginx->write_file('backup-first', <<"END");
[backup]
aws_access_key_id = AKIDOTHER
aws_secret_access_key = other-secret

[default]
aws_access_key_id = $key
aws_secret_access_key = $secret
END
    $nginx->write_file('named', <<"END");
[default]
aws_access_key_id = AKIDOTHER
aws_secret_access_key = other-secret
[gateway]
aws_access_key_id = $key
aws_secret_access_key = $secret
END
    $nginx->write_file('nginx.conf', <<"CONF");
load_module modules/ngx_http_social_module.so;
user root;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port/objects;
        include $nginx->{dir}/credentials.conf;
    }
    server {
        listen 127.0.0.1:$port;
        location /objects/ {
            social_store raw root=$nginx->{dir}/root;
        }
    }
}
CONF

    my $endpoint = "endpoint = \"http://127.0.0.1:$port/objects\"
        region = \"eu-west-1\"";
    my $file = "$nginx->{dir}/backup-first";
    my $named = "$nginx->{dir}/named";
    my $worker = sub { check("$endpoint credentials = \"$_[0]\"") };
    my $ok = qr/^ok +bucket raw$/;

    # one file for both, in which another profile is the first

    $nginx->write_file('credentials.conf', "credentials file $file;\n");
    $nginx->start($port);

    is($s3->request(PUT => '/k', body => 'x')->{status}, 200,
        'the gateway: the profile [default]');
    like($worker->("file $file"), $ok, 'and so does the worker');
    like($worker->("file $named"), qr/^wrong .* 403, InvalidAccessKeyId$/,
        'another [default]');

    {
        local $ENV{AWS_SHARED_CREDENTIALS_FILE} = $named;
        like($worker->('profile gateway'), $ok, 'a profile by its name');
        like($worker->('profile other'),
            qr/^wrong .* has the profile "other"/, 'which is not there');
        like($worker->('env'), qr/the environment has no AWS_ACCESS_KEY_ID/,
            'nothing in the environment');

        local $ENV{AWS_PROFILE} = 'gateway';
        like($worker->('env'), $ok, 'a profile named in the environment');

        local $ENV{AWS_ACCESS_KEY_ID} = $key;
        like($worker->('env'), qr/has no AWS_SECRET_ACCESS_KEY/,
            'half of a key');

        local $ENV{AWS_SECRET_ACCESS_KEY} = 'guessed-secret';
        my $said = $worker->('env');
        like($said, qr/^wrong .* 403, SignatureDoesNotMatch$/, 'a wrong one');
        unlike($said, qr/guessed/, 'which is not said');

        local $ENV{AWS_SECRET_ACCESS_KEY} = $secret;
        like($worker->('env'), $ok, 'the right one');
    }

    $nginx->stop;

    # the gateway, by the same words

    for (['profile gateway' => {}], ['env' => { AWS_PROFILE => 'gateway' }]) {
        my ($credentials, $env) = @$_;

        local %ENV = (%ENV, AWS_SHARED_CREDENTIALS_FILE => $named, %$env);
        $nginx->write_file('credentials.conf', "credentials $credentials;\n");
        $nginx->start($port);
        like($worker->("file $file"), $ok, "the gateway: $credentials");
        $nginx->stop;
    }
};


subtest 'temporary credentials' => sub {
    mkdir "$dir/raw";

    my $buckets = SocialBucket->start($dir, token => 'a/token+of=them');
    like(check($buckets->conf), qr/^ok/, 'a session token is sent');

    SocialImage::spew("$dir/plain", $buckets->{s3}->credentials_text
        =~ s/^aws_session_token.*\n//mr);
    like(check($buckets->conf(credentials => "file $dir/plain")),
        qr/^wrong .* 400, InvalidToken$/, 'and is asked for');

    rmdir "$dir/raw";
    like(check($buckets->conf), qr/^wrong .* 404, NoSuchBucket$/,
        'a bucket that is not there');
};


subtest 'answers of others' => sub {
    my $answer;
    my %answers = (
        moved => ["HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\n"
            . "Content-Length: 0\r\n\r\n", qr/status 301$/],
        elsewhere => ["HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\n"
            . "Connection: close\r\n\r\n<Error><Code>PermanentRedirect</Code>"
            . "<Endpoint>raw.s3.eu-north-1.amazonaws.com</Endpoint></Error>",
            qr/ 301, PermanentRedirect, Endpoint raw\.s3\.eu-north-1\.amazonaws\.com$/],
        region => ["HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n<Error>"
            . "<Code>AuthorizationHeaderMalformed</Code>"
            . "<Region>eu-north-1</Region></Error>",
            qr/ 400, AuthorizationHeaderMalformed, Region eu-north-1$/],
        clock => ["HTTP/1.1 403 No\r\nConnection: close\r\n\r\n<Error>"
            . "<Code>RequestTimeTooSkewed</Code>"
            . "<ServerTime>2026-12-01T04:00:00Z</ServerTime></Error>",
            qr/ 403, RequestTimeTooSkewed, ServerTime 2026-12-01T04:00:00Z$/],
        page => ["HTTP/1.1 502 Bad\r\nConnection: close\r\n\r\n<html>",
            qr/status 502$/],
        noise => ["\x16\x03\x01" x 100, qr/^wrong/],
        control => ["HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n"
            . "<Code>\x1b[2J\n</Code>", qr/status 400$/],
    );

    for my $name (sort keys %answers) {
        my ($text, $expected) = @{ $answers{$name} };
        my $server = SocialBucket->start($dir,
            answer => sub { print {$_[0]} $text; $_[0]->flush; 1 });

        my $said = check($server->conf);
        like($said, qr/^wrong/, "$name: not a bucket");
        like($said, $expected, 'for its reason');
    }

    my $silent = SocialBucket->start($dir, answer => sub { sleep 60; 1 });
    my $began = time;
    like(check($silent->conf(timeout => '300ms')), qr/^wrong/, 'no answer');
    cmp_ok(time - $began, '<', 30, 'is not waited for');

    # who cannot show a certificate that the system trusts

    SKIP: {
        my $make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "
            . "/CN=localhost -addext subjectAltName=DNS:localhost "
            . "-keyout $dir/tls.key -out $dir/tls.crt";
        system("$make > /dev/null 2>&1") == 0 or skip 'no openssl', 1;

        my $port = SocialNginx::free_port();
        my $nginx = SocialNginx->new;
        $nginx->write_file('nginx.conf', <<"CONF");
user root;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $dir/tls.crt;
        ssl_certificate_key $dir/tls.key;
        location / { return 404; }
    }
}
CONF
        $nginx->start($port);
        like(check("endpoint = \"https://localhost:$port\""
                . " credentials = \"file $dir/plain\""),
            qr/^wrong .*(?:certificate|SSL)/i, 'TLS is verified');
        $nginx->stop;
    }
};


done_testing();
