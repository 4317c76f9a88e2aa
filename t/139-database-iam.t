#!/usr/bin/perl

# "iam=on": tokens of IAM as passwords, over TLS, to a PostgreSQL that has an
# LDAP server check its passwords: one of this suite, which signs them again.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw( hmac_sha256 hmac_sha256_hex sha256_hex );
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use SocialHook;
use SocialNginx;
use SocialPostgres;
use Test::More;
use Time::HiRes qw( sleep time );

my $tools = `scripts/tools`;
die "t/tools did not compile\n" if $?;
chomp $tools;

my ($port, $pgport) = map { SocialNginx::free_port() } 1, 2;
my $host = 'db.c1a2b3.eu-west-1.rds.amazonaws.com';
my $event = event();
my ($key, $secret, $session) = ('ASIAEXAMPLE', 'sEcReT/with+signs=', 'a+to/ken==');

my $server = SocialPostgres->start(port => $pgport);
$server->migrate;
$server->sql('CREATE ROLE "gate way" LOGIN IN ROLE social_gateway');

my $dir = $server->{dir};

sub write_file {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!\n";
    print {$out} $text;
    close $out or die "$path: $!\n";
    return $path;
}

my $openssl = "openssl req -x509 -newkey rsa:2048 -nodes -days 2"
    . " -subj /CN=$host -addext subjectAltName=DNS:$host,DNS:db.test"
    . " -keyout $dir/data/server.key -out $dir/data/server.crt";
`$openssl 2>&1`;
die "openssl failed\n" if $?;
chown $server->{uid}, $server->{gid}, glob "$dir/data/server.*"
    if defined $server->{uid};
chmod 0600, "$dir/data/server.key";
my $root_cert = write_file("$dir/root.crt",
                           SocialNginx::slurp("$dir/data/server.crt"));


# Signature Version 4 of AWS's documentation.

sub signature {
    my ($at, $day, $region, $signed_host, $query) = @_;

    my $canonical = join "\n", 'GET', '/', $query, "host:$signed_host", '',
        'host', sha256_hex('');
    my $scope = "$day/$region/rds-db/aws4_request";
    my $k = "AWS4$secret";
    $k = hmac_sha256($_, $k) for $day, $region, 'rds-db', 'aws4_request';

    return hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256', $at, $scope,
                                sha256_hex($canonical)), $k);
}

sub wrong {
    my ($token) = @_;

    my ($to, $query, $got) = $token =~ m{\A([^/]+)/\?(.*)&X-Amz-Signature=([0-9a-f]{64})\z}
        or return 'form';
    my %query = map { split /=/, $_, 2 } split /&/, $query;
    my ($at) = $query{'X-Amz-Date'} =~ /\A(\d{8}T\d{6}Z)\z/ or return 'date';
    my ($day) = $at =~ /\A(\d{8})/;
    my $now = POSIX::strftime('%Y%m%dT%H%M%SZ', gmtime(time - 120));

    return 'host' if $to !~ /\A(?:\Q$host\E|db\.test):$pgport\z/;
    return 'action' if $query{Action} ne 'connect';
    return 'user' if $query{DBUser} ne 'gate%20way';
    return 'expires' if $query{'X-Amz-Expires'} ne '900';
    return 'session' if ($query{'X-Amz-Security-Token'} // '') ne 'a%2Bto%2Fken%3D%3D';
    return 'credential' if $query{'X-Amz-Credential'}
        ne "$key%2F$day%2Feu-west-1%2Frds-db%2Faws4_request";
    return 'time' if $at lt $now;
    return 'order' if $query ne join '&', sort split /&/, $query;
    return 'signature' if $got ne signature($at, $day, 'eu-west-1', $to, $query);
    return '';
}

# A bind request of LDAP (RFC 4511, 4.2) is the number of the message, the
# version, a name, and the password behind 0x80.

sub ber {
    my ($bytes) = @_;
    my ($tag, $len) = unpack 'CC', $bytes;
    my $rest = substr $bytes, 2;

    if ($len & 0x80) {
        my $n = $len & 0x7f;
        $len = 0;
        $len = $len * 256 + $_ for unpack "C$n", $rest;
        $rest = substr $rest, $n;
    }

    return ($tag, substr($rest, 0, $len), substr($rest, $len));
}

my $ldap = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
    or die "socket: $!\n";
my $ldap_port = $ldap->sockport;
my $log = "$dir/tokens";
my $ldap_pid = fork // die "fork: $!\n";

if (!$ldap_pid) {
    while (my $client = $ldap->accept) {
        while (sysread $client, my $bytes, 65536) {
            my (undef, $message) = ber($bytes);
            my (undef, $id, $rest) = ber($message);
            my ($tag, $bind) = ber($rest);
            last if $tag != 0x60;

            (undef, undef, $rest) = ber($bind);
            (undef, undef, $rest) = ber($rest);
            my (undef, $password) = ber($rest);

            my $wrong = wrong($password);
            open my $out, '>>', $log or die "$log: $!\n";
            print {$out} "$wrong $password\n";
            close $out;

            my $code = $wrong ? "\x31" : "\x00";
            my $body = "\x02" . chr(length $id) . $id
                . "\x61\x07\x0a\x01$code\x04\x00\x04\x00";
            syswrite $client, "\x30" . chr(length $body) . $body;
        }
    }
    POSIX::_exit(0);
}

my $hba = "$dir/data/pg_hba.conf";
write_file($hba, qq{hostssl all "gate way" all ldap ldapserver=127.0.0.1}
    . qq{ ldapport=$ldap_port ldapprefix="cn=" ldapsuffix=""\n}
    . SocialNginx::slurp($hba));
$server->settings('ssl=on');
$server->reload;

my $credentials = write_file("$dir/aws", <<"_EOC_");
[default]
aws_access_key_id = $key
aws_secret_access_key = $secret
aws_session_token = $session
_EOC_

my $tls = "sslmode=verify-full sslrootcert=$root_cert";
my $login = "dbname=social user='gate way' port=$pgport";

sub conf {
    my ($nginx, $directive) = @_;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    social_database $directive;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /must { social_ready require=keys,database; }
    }
}
_EOC_
}

sub begin {
    my ($directive) = @_;

    my $nginx = SocialNginx->new;
    conf($nginx, $directive);

    local $ENV{LD_PRELOAD} = "$tools/resolver";
    local $ENV{SOCIAL_RESOLVER} = "$host=127.0.0.1 db.test=127.0.0.1";

    $nginx->start($port);
    return $nginx;
}

sub hook {
    my $answer = SocialNginx::request($port, "POST /hook HTTP/1.0\r\n"
        . 'Content-Length: ' . length($event) . "\r\n\r\n$event");
    return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

sub tokens { return split /\n/, SocialNginx::slurp($log) }

sub quiet {
    my ($nginx) = @_;
    unlike($nginx->error_log, qr/X-Amz-|\Q$secret\E|\Q$session\E/,
           'nothing secret in the log');
    return;
}

subtest 'a token' => sub {
    my $nginx = begin(qq{"host=$host $login $tls" iam=on connections=1}
                      . qq{ "credentials=file $credentials"});

    ok(SocialNginx::wait_for(15, sub { hook() == 200 }), 'is accepted')
        or diag($nginx->error_log, tokens());

    my @before = tokens();
    is(scalar(grep { !/\A / } @before), 0, 'each is right') or diag(@before);

    # signed with the time of its own connection

    sleep 1.1;
    $server->value('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
        . q{ WHERE usename = 'gate way'});
    ok(SocialNginx::wait_for(15, sub { hook() == 200 && tokens() > @before }),
       'and another one');
    isnt((tokens())[-1], $before[-1], 'that is new');
    quiet($nginx);

    # a file that is replaced, and one that has no secret

    write_file($credentials, "[default]\naws_access_key_id = $key\n");
    ok(SocialNginx::wait_for(15, sub {
        $nginx->error_log =~ /could not load credentials "file \S+" of "social_database": .* lacks .*; the last ones are still used/;
    }), 'credentials are read again');
    $server->value('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
        . q{ WHERE usename = 'gate way'});
    ok(SocialNginx::wait_for(15, sub { hook() == 200 }), 'the last good ones');

    write_file($credentials, "[default]\naws_access_key_id = $key\n"
        . "aws_secret_access_key = other\n");
    ok(SocialNginx::wait_for(40, sub {
        $nginx->error_log =~ /loaded new credentials/;
    }), 'other ones are noticed');
    $server->value('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
        . q{ WHERE usename = 'gate way'});
    ok(SocialNginx::wait_for(15, sub { hook() == 503 }), 'and used');

    write_file($credentials, "[default]\naws_access_key_id = $key\n"
        . "aws_secret_access_key = $secret\naws_session_token = $session\n");
    ok(SocialNginx::wait_for(20, sub { hook() == 200 }), 'good again');
    quiet($nginx);
    $nginx->stop;
};

subtest 'no credentials' => sub {
    local $ENV{AWS_EC2_METADATA_SERVICE_ENDPOINT} = 'http://127.0.0.1:1';
    my $nginx = begin(qq{"host=$host $login $tls" iam=on credentials=imds});

    is(hook(), 503, 'no connection');
    ok(SocialNginx::wait_for(15, sub {
        $nginx->error_log =~ /unavailable: there are no credentials now; check the credentials/;
    }), 'that is why');
    like(SocialNginx::request($port, "GET /must HTTP/1.0\r\n\r\n"),
         qr/"database_reason":"credentials"/, 'said');
    $nginx->stop;
};

# Those of an instance, each good for some seconds, until it is unavailable.

my $life = 10;

sub instance {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
        or die "socket: $!\n";
    my $pid = fork // die "fork: $!\n";

    return ($pid, $listen->sockport) if $pid;

    local $SIG{PIPE} = 'IGNORE';

    while (my $client = $listen->accept) {
        my $text = '';

        while ($text !~ /\r\n\r\n/) {
            sysread $client, $text, 65536, length $text or last;
        }

        my $body = $text =~ m{\APUT } ? 'metadata'
            : $text =~ m{\AGET \S*/security-credentials/ } ? 'role'
            : JSON::PP::encode_json({ Code => 'Success', AccessKeyId => $key,
                  SecretAccessKey => $secret, Token => $session,
                  Expiration => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ',
                                                gmtime time + $life) });
        my $status = -e "$dir/away" ? 500 : 200;

        print {$client} "HTTP/1.1 $status X\r\nContent-Length: "
            . length($body) . "\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 600"
            . "\r\nConnection: close\r\n\r\n$body";
    }

    POSIX::_exit(0);
}

subtest 'credentials that expire' => sub {
    my ($pid, $at) = instance();
    local $ENV{AWS_EC2_METADATA_SERVICE_ENDPOINT} = "http://127.0.0.1:$at";

    my $nginx = begin(qq{"host=$host $login $tls" iam=on credentials=imds}
                      . ' connections=1');

    ok(SocialNginx::wait_for(30, sub { hook() == 200 }), 'are good')
        or diag($nginx->error_log, tokens());
    write_file("$dir/away", '');

    # a connection stays for longer than they do

    my $until = time + $life + 1;
    sleep 0.1 while time <= $until;
    is(hook(), 200, 'a connection stays');

    my $before = tokens();
    $server->value('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
        . q{ WHERE usename = 'gate way'});
    ok(SocialNginx::wait_for(30, sub {
        $nginx->error_log =~ /unavailable: there are no credentials now/;
    }), 'there is no other with them');
    is(hook(), 503, '... or anything else');
    is(scalar(tokens()), $before, '... nor a token');
    quiet($nginx);
    $nginx->stop;
    kill 'KILL', $pid;
    waitpid $pid, 0;
};

subtest 'a region, and credentials of the environment' => sub {
    local @ENV{qw( AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN )}
        = ($key, $secret, $session);

    my $nginx = begin(qq{"host=db.test $login $tls" iam=on region=eu-west-1});
    ok(SocialNginx::wait_for(15, sub { hook() == 200 }), 'is accepted')
        or diag($nginx->error_log, tokens());
    $nginx->stop;

    $nginx = begin(qq{"host=db.test $login $tls" iam=on region=eu-west-2});
    is(hook(), 503, 'another region is not');
    like($nginx->error_log, qr/\[error\].*LDAP authentication failed for user "gate way" \(28000\); check user/,
         'said in the log');
    like((tokens())[-1], qr/\Acredential /, 'for that reason');
    quiet($nginx);
    $nginx->stop;
};

sub refused {
    my ($name, $directive, $pattern) = @_;

    my $nginx = SocialNginx->new;
    conf($nginx, $directive);
    my @command = $nginx->command;

    open my $in, '-|', 'sh', '-c', '"$@" -t 2>&1', 'sh', @command
        or die "sh: $!\n";
    local $/;
    like(scalar(<$in>), qr/\[emerg\].*$pattern.* in \S+:\d+/, $name);
    return;
}

my $file = qq{"credentials=file $credentials"};

for my $mode ('', 'sslmode=disable', 'sslmode=allow', 'sslmode=prefer') {
    refused("no TLS: $mode", qq{"host=$host $login $mode" iam=on $file},
            qr/"iam=on" needs TLS/);
}

refused('a socket', qq{"host=$dir $login $tls" iam=on $file},
        qr/"iam=on" needs TLS .* no socket/);
refused('a socket among hosts',
        qq{"host=$host,$dir dbname=a user=b $tls" iam=on $file},
        qr/"iam=on" needs TLS .* no socket/);
refused('listen without TLS',
        qq{"host=$host $login $tls" iam=on $file "listen=host=$host"},
        qr/"iam=on" needs TLS/);
refused('no name', qq{"hostaddr=127.0.0.1 $login $tls" iam=on $file},
        qr/needs the name of the endpoint/);
refused('no region', qq{"host=db.test $login $tls" iam=on $file},
        qr/no region is known/);
refused('no credentials', qq{"host=$host $login $tls" iam=on},
        qr/no usable credentials \(the environment has no AWS_/);
refused('no such file',
        qq{"host=$host $login $tls" iam=on "credentials=file /nowhere/aws"},
        qr/no usable credentials \(open/);
refused('other credentials', qq{"host=$host $login $tls" iam=on credentials=vault},
        qr/credentials must be "default", "env", "file PATH", "profile NAME"/);
refused('without iam', qq{"host=$host $login $tls" region=eu-west-1},
        qr/need "iam=on"/);
refused('not a flag', qq{"host=$host $login $tls" iam=yes},
        qr/it must be "on" or "off"/);

kill 'KILL', $ldap_pid;
waitpid $ldap_pid, 0;
done_testing();
