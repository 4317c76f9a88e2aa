#!/usr/bin/perl

# Credentials that are fetched: from an instance, a container and STS, which are
# a server of this suite, and from a file that is replaced.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use SocialNginx;
use SocialPostgres;
use SocialS3;
use SocialToken;
use Test::More;
use Time::HiRes qw( sleep time );

SocialPostgres::bin()
    or plan skip_all => 'PostgreSQL is not installed: run "make deps"';

my $pg = SocialPostgres->start;
$pg->migrate;

my $json = JSON::PP->new->canonical->utf8;
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my $s3 = SocialS3->new(port => $port, base => '/objects/stored');

# The services.  A file "mode" says what they do: how long credentials are good
# for, and a status, or "hang"; "asked" has a line for each request.  Secrets of
# all of them begin alike.

my $secret = 'sEcReT' . 'OfTheTest';
my $session = 'sEsSiOn' . 'OfTheTest';

sub mode { $nginx->write_file('mode', join ' ', @_); return }
sub asked { return grep { !@_ || /$_[0]/ } split /\n/, SocialNginx::slurp("$dir/asked") }

sub serve {
    my ($client) = @_;

    my $text = '';
    while ($text !~ /\r\n\r\n/) {
        sysread($client, $text, 65536, length $text) or return;
    }
    my ($length) = $text =~ /Content-Length: (\d+)/i;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    while ($length && length $body < $length) {
        sysread($client, $body, 65536, length $body) or return;
    }

    open my $out, '>>', "$dir/asked";
    syswrite $out, (split /\r\n/, $head)[0] . "\n";
    close $out;

    my ($life, $status) = split ' ', SocialNginx::slurp("$dir/mode");
    sleep 60 if $status eq 'hang';

    my $when = POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $life));
    my $n = () = asked('role|/container|POST');
    my $answer = $json->encode({ Code => 'Success', Token => "$session/$n",
        AccessKeyId => ($head =~ /container/ ? 'CONTAINER' : 'INSTANCE') . $n,
        SecretAccessKey => "$secret$n", Expiration => $when });

    if ($head =~ /\APUT/) {
        $answer = 'metadata-token';

    } elsif ($head =~ m{security-credentials/ }) {
        $answer = 'role';

    } elsif ($head =~ /\APOST/) {
        $answer = '<R><AssumeRoleWithWebIdentityResult><Credentials>'
            . "<AccessKeyId>ROLE$n</AccessKeyId>"
            . "<SecretAccessKey>$secret$n</SecretAccessKey>"
            . "<SessionToken>$session</SessionToken>"
            . "<Expiration>$when</Expiration></Credentials>"
            . '</AssumeRoleWithWebIdentityResult></R>';
    }

    print {$client} "HTTP/1.1 $status X\r\nContent-Length: " . length($answer)
        . "\r\nConnection: close\r\n\r\n$answer";
    return;
}

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "socket: $!\n";
my $aws = 'http://127.0.0.1:' . $listen->sockport;
my $services = fork // die "fork: $!\n";

if (!$services) {
    local $SIG{CHLD} = 'IGNORE';
    while (1) {
        my $client = $listen->accept or next;
        next if fork;
        serve($client);
        POSIX::_exit(0);
    }
}

close $listen;
END { kill 'KILL', $services if $services; $nginx->stop
      if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

mode(1000, 200);
$nginx->write_file('asked', '');
$nginx->write_file('token', "web.identity\n");
$nginx->write_file('keys', "[default]\naws_access_key_id = FILE1\n"
                           . "aws_secret_access_key = ${secret}F\n");
chmod 0777, $dir;

$ENV{AWS_EC2_METADATA_SERVICE_ENDPOINT} = $aws;
$ENV{AWS_CONTAINER_CREDENTIALS_FULL_URI} = "$aws/container";
$ENV{AWS_ENDPOINT_URL_STS} = $aws;
$ENV{AWS_ROLE_ARN} = 'arn:aws:iam::123456789012:role/gate';
$ENV{AWS_WEB_IDENTITY_TOKEN_FILE} = "$dir/token";
$ENV{http_proxy} = 'http://127.0.0.1:1';
delete @ENV{qw( AWS_ACCESS_KEY_ID AWS_PROFILE AWS_SHARED_CREDENTIALS_FILE
                AWS_CONFIG_FILE HOME )};

sub bucket {
    my ($name, $credentials) = @_;
    return "social_bucket $name { region eu-west-1; credentials $credentials;"
        . ($name eq 'stored'
           ? " endpoint http://127.0.0.1:$port/objects;" : '') . " }\n";
}

my $workers = 2;

sub conf {
    my (%buckets) = @_;

    my $blocks = join '', map { bucket($_, $buckets{$_}) } sort keys %buckets;
    my $locations = join "\n", map {
        "location = /$_ { social_auth main; social_presign $_ put; }"
    } sort keys %buckets;

    mkdir "$dir/root";
    $nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes $workers;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
$http_config
    social_database "@{[ $pg->conninfo ]}" timeout=5s;
    social_revocations open;
    $blocks
    social_presign_expires 1h;
    social_presign_key raw/\$social_sub/\$social_upload_id.\$social_upload_ext;
    server {
        listen 127.0.0.1:$port;
        $locations
        location = /ready { social_ready; }
        location = /must { social_ready require=credentials; }
        location /objects/ { social_store stored root=$dir/root; }
    }
}
_EOC_
    return;
}

my $bearer = bearer() =~ s/\AAuthorization: //r;

sub presign {
    my ($name) = @_;

    my $got = $s3->exchange(POST => "/$name",
        body => $json->encode({ kind => 'avatar', contentType => 'image/jpeg',
                                size => 5 }),
        headers => { authorization => $bearer,
                     'content-type' => 'application/json' });
    $got->{json} = eval { $json->decode($got->{body}) };
    return $got;
}

# the access key of a URL

sub key {
    my ($name) = @_;
    my ($key) = (presign($name)->{json}{url} // '') =~ /X-Amz-Credential=([A-Z]+\d+)%2F/;
    return $key // 'none';
}

sub get {
    my ($path) = @_;
    return SocialNginx::request($port, "GET $path HTTP/1.0\r\n\r\n");
}

sub quiet {
    unlike($nginx->error_log, qr/$secret|$session|metadata-token|web\.identity/,
           'nothing secret in the log');
    return;
}

conf(instance => 'imds', container => 'container', role => 'web_identity',
     chain => 'default', stored => "file $dir/keys");
$nginx->start($port);


subtest 'each source' => sub {
    my %prefix = (instance => 'INSTANCE', container => 'CONTAINER',
                  role => 'ROLE', chain => 'ROLE', stored => 'FILE');

    for my $name (sort keys %prefix) {
        ok(SocialNginx::wait_for(30, sub { presign($name)->{status} == 201 }),
           "$name: a URL") or diag($nginx->error_log);

        my $a = presign($name)->{json};
        like($a->{url}, qr/X-Amz-Credential=$prefix{$name}\d/, "$name: key");
        my $token = $name eq 'stored' ? '' : $session;
        is($a->{url} =~ /X-Amz-Security-Token=\Q$session\E/ ? $session : '',
           $token, "$name: token");

        if ($name eq 'stored') {
            is($a->{expiresIn}, 3600, 'as configured');
        } else {
            cmp_ok($a->{expiresIn}, '<=', 1000, "$name: not longer than them");
            cmp_ok($a->{expiresIn}, '>', 700, "$name: as long as that");
            like($a->{url}, qr/X-Amz-Expires=$a->{expiresIn}&/, "$name: URL");
        }
    }

    like(get('/ready'), qr/ 200 .*"credentials":"loaded"/s, 'ready');

    # "default" is web_identity here, but a source of its own

    is(scalar(asked('PUT')), 1, 'one process asked the instance');
    is(scalar(asked('/container')), 1, 'and the container');
    is(scalar(asked('POST')), 2, 'and STS');
    quiet();
};


subtest 'a file that is replaced' => sub {
    $nginx->write_file('keys.new', "[default]\naws_access_key_id = FILE2\n"
                                   . "aws_secret_access_key = ${secret}G\n");
    rename "$dir/keys.new", "$dir/keys";

    ok(SocialNginx::wait_for(30, sub {
        !grep { key('stored') ne 'FILE2' } 1 .. 6;
    }), 'signs by the new one') or diag($nginx->error_log);

    my $a = presign('stored')->{json};
    my $put = $s3->exchange(PUT => $a->{url} =~ s{\Ahttp://[^/]+}{}r,
                            body => '12345', headers => $a->{headers});
    is($put->{status}, 200, 'and the store accepts it') or diag($put->{body});
    like($nginx->error_log, qr/\[notice\].*loaded new credentials "file \S+keys" of bucket "stored"/, 'said');

    # one that is half written changes nothing

    $nginx->write_file('keys', "[default]\naws_access_key_id = FILE3\n");
    ok(SocialNginx::wait_for(30, sub {
        $nginx->error_log =~ /\[warn\].*could not load credentials "file \S+" of bucket "stored": .*lacks.*the last ones are still used/;
    }), 'a broken one is reported');
    is(key('stored'), 'FILE2', 'and not used');
    quiet();

    $nginx->write_file('keys', "[default]\naws_access_key_id = FILE4\n"
                               . "aws_secret_access_key = ${secret}H\n");
    ok(SocialNginx::wait_for(60, sub { key('stored') eq 'FILE4' }), 'mended');
};


# of all memory that would be in a core

sub dumped {
    my ($pid, $text) = @_;

    open my $maps, '<', "/proc/$pid/smaps" or return;
    open my $mem, '<:raw', "/proc/$pid/mem" or return;

    no warnings 'portable';
    my ($from, $to, $perm, $name, @found);

    while (my $line = <$maps>) {
        if ($line =~ /\A([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)/) {
            ($from, $to, $perm, $name) = (hex $1, hex $2, $3, $4);

        } elsif ($line =~ /\AVmFlags:(.*)/ && $1 !~ / dd/ && $perm =~ /\Ar/
                 && $name !~ /\A\[v/)
        {
            sysseek $mem, $from, 0 or next;
            my $bytes = '';
            while (length $bytes < $to - $from) {
                sysread($mem, $bytes, $to - $from - length $bytes,
                        length $bytes) or last;
            }
            push @found, $name || 'anonymous' if $bytes =~ /\Q$text\E/;
        }
    }

    return \@found;
}

subtest 'no secret in a core' => sub {
    my @pids = SocialNginx::workers($nginx->{pid});
    is(scalar @pids, $workers, 'workers');

    for my $pid ($nginx->{pid}, @pids) {
        my $found = dumped($pid, $secret);

        SKIP: {
            skip('its memory cannot be read', 1) if !$found;
            is("@$found", '', 'excluded') or diag("in @$found");
        }
    }

    my $found = dumped($pids[0], "file $dir/keys");
    ok(!$found || @$found, 'the search finds what is not secret');
};

$nginx->stop;


subtest 'refreshed ahead, kept while they last, and none after' => sub {
    $nginx->write_file('asked', '');
    mode(16, 200);
    conf(instance => 'imds', stored => "file $dir/keys");
    $nginx->start($port);

    ok(SocialNginx::wait_for(30, sub { key('instance') eq 'INSTANCE1' }),
       'the first ones');
    ok(SocialNginx::wait_for(15, sub { key('instance') =~ /INSTANCE[2-9]/ }),
       'newer ones before those expire');

    mode(16, 500);
    sleep 1;
    my $last = key('instance');
    like($last, qr/INSTANCE/, 'while the service fails');
    ok(SocialNginx::wait_for(30, sub {
        $nginx->error_log =~ /\[error\].*could not load credentials "imds" of bucket "instance": .*status 500; the last ones are still used, check "credentials"/;
    }), 'said');

    ok(SocialNginx::wait_for(40, sub { presign('instance')->{status} == 503 }),
       'none when they have expired');
    like(presign('instance')->{headers}{'retry-after'} // '', qr/\A\d+\z/,
         'to be tried again');
    like(get('/must'), qr/ 503 .*"credentials":"missing"/s, 'not ready');
    like(get('/ready'), qr/ 200 .*"status":"degraded".*"credentials":"missing"/s,
         'degraded, unless they are required');
    is(presign('stored')->{status}, 201, 'other buckets work');
    ok(SocialNginx::wait_for(70, sub {
        $nginx->error_log =~ /\[error\].*status 500; the last ones have expired, check "credentials"/;
    }), 'that is said, too');

    mode(100, 200);
    $nginx->{pid} and kill 'HUP', $nginx->{pid};
    ok(SocialNginx::wait_for(40, sub { presign('instance')->{status} == 201 }),
       'a reload tries again at once');
    quiet();
    $nginx->stop;
};


subtest 'a worker that is killed while it fetches' => sub {
    $nginx->write_file('asked', '');
    mode(100, 'hang');
    conf(instance => 'imds', stored => "file $dir/keys");
    $nginx->start($port);

    ok(SocialNginx::wait_for(20, sub { asked('PUT') }), 'one asks');
    is(presign('instance')->{status}, 503, 'no credentials yet');
    like(get('/must'), qr/ 503 .*"credentials":"missing"/s, 'not ready');
    mode(100, 200);
    kill 'KILL', $_ for SocialNginx::workers($nginx->{pid});

    ok(SocialNginx::wait_for(40, sub { key('instance') =~ /INSTANCE/ }),
       'another one fetches them');
    $nginx->stop;
};


# mistakes are found by nginx -t

sub refused {
    my ($name, $credentials, $pattern) = @_;

    conf(stored => "file $dir/keys", x => $credentials);
    my @command = $nginx->command;
    open my $in, '-|', 'sh', '-c', '"$@" -t 2>&1', 'sh', @command
        or die "sh: $!\n";
    local $/;
    like(scalar(<$in>), qr/\[emerg\].*$pattern.* in \S+:\d+/, $name);
    return;
}

for my $wrong ('vault', 'imds x', 'file', 'profile', 'env x', 'container x') {
    refused($wrong, $wrong, qr/it must be "default", "env", "file PATH"/);
}

refused('no shared files', 'profile a', qr/neither AWS_SHARED_CREDENTIALS_FILE nor HOME/);

{
    local $ENV{AWS_CONTAINER_CREDENTIALS_FULL_URI} = 'http://10.0.0.1/x';
    refused('another host', 'container', qr/FULL_URI must begin with "https:/);
    local $ENV{AWS_EC2_METADATA_DISABLED} = 'true';
    refused('disabled', 'imds', qr/AWS_EC2_METADATA_DISABLED is true/);
    local $ENV{AWS_ROLE_ARN} = '';
    refused('no role', 'web_identity', qr/AWS_ROLE_ARN/);
    local $ENV{AWS_ACCESS_KEY_ID} = 'A';
    refused('half of them', 'default', qr/no AWS_SECRET_ACCESS_KEY/);
}

conf(stored => 'imds');
{
    my @command = $nginx->command;
    open my $in, '-|', 'sh', '-c', '"$@" -t 2>&1', 'sh', @command
        or die "sh: $!\n";
    local $/;
    like(scalar(<$in>), qr/\[emerg\].*bucket "stored" has no credentials of its own/,
         'a store needs keys of its own');
}

done_testing();
