#!/usr/bin/perl

# A password, a database, rights or a schema that are wrong: logged once, with
# what to do about it, shown by "social_ready", and over when they are right.

use strict;
use warnings;

use lib 't/lib';
use SocialHook;
use SocialNginx;
use SocialPostgres;
use Test::More;
use Time::HiRes qw( sleep time );

my ($port, $pgport) = map { SocialNginx::free_port() } 1, 2;
my $event = event();

my $server = SocialPostgres->start(port => $pgport);
$server->migrate;
$server->sql(q{CREATE ROLE guest LOGIN PASSWORD 'right'});

my $hba = "$server->{dir}/data/pg_hba.conf";
my $text = SocialNginx::slurp($hba);
open my $out, '>', $hba or die "$hba: $!\n";
print {$out} "local all guest scram-sha-256\n$text";
close $out;
$server->reload;

my $socket = "host=$server->{dir} port=$pgport";

sub begin {
    my ($conninfo) = @_;

    my $nginx = SocialNginx->new;
    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    social_database "$conninfo" connections=3;
    server {
        listen 127.0.0.1:$port;
        location = /hook { social_hook cognito insecure=on; }
        location = /must { social_ready require=keys,database; }
    }
}
_EOC_
    $nginx->start($port);
    return $nginx;
}

sub get { return SocialNginx::request($port, "GET $_[0] HTTP/1.0\r\n\r\n") }

sub hook {
    my $answer = SocialNginx::request($port, "POST /hook HTTP/1.0\r\n"
        . 'Content-Length: ' . length($event) . "\r\n\r\n$event");
    return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

sub lines {
    my ($nginx, $level) = @_;
    return grep { /\[$level\].*social: (?:database|could not)/ }
        split /\n/, $nginx->error_log;
}

sub wrong {
    my ($name, %o) = @_;

    subtest $name => sub {
        my $nginx = begin($o{conninfo});
        my $statement = $o{statement};

        ok(SocialNginx::wait_for(30, sub {
            is(hook(), 503, 'refused') if !$statement;
            hook() if $statement;
            sleep 0.3;
            lines($nginx, 'error') + lines($nginx, 'info') >= 4;
        }), 'tried again and again');

        my @errors = lines($nginx, 'error');
        is(scalar(@errors), 1, 'logged once') or diag(@errors);
        like($errors[0], $o{said}, 'says what, and what to do');
        unlike($nginx->error_log, qr/wr0ng/, 'without the password');

        my $ready = get('/must');
        my $state = $statement ? 'failing' : 'unavailable';
        like($ready, qr/\A\S+ 503 /, 'not ready');
        like($ready, qr/"database":"$state","database_reason":"$o{reason}"/,
             'and says why');

        $o{mend}->() if $o{mend};

        if ($o{mend}) {
            ok(SocialNginx::wait_for(20, sub { hook() == 200 }), 'good again');
            like((lines($nginx, 'notice'))[0], $statement
                 ? qr/statement executed again/ : qr/available again/, 'said');
            like(get('/must'), qr/"database":"up"[,}]/, 'ready');
            is(scalar(lines($nginx, 'error')), 1, 'and no more errors');
        }

        $nginx->stop;
    };

    return;
}

$server->sql('GRANT social_gateway TO guest');

wrong('a wrong password',
    conninfo => "$socket user=guest dbname=social password=wr0ng",
    said => qr/password authentication failed for user "guest" \(28P01\); check user, password/,
    reason => 'login',
    mend => sub { $server->sql(q{ALTER ROLE guest PASSWORD 'wr0ng'}) });

wrong('no such user',
    conninfo => "$socket user=nobody_here dbname=social",
    said => qr/role "nobody_here" does not exist \(28000\); check user/,
    reason => 'login',
    mend => sub { $server->sql('CREATE ROLE nobody_here LOGIN IN ROLE'
                               . ' social_gateway') });

wrong('no such database',
    conninfo => "$socket user=social dbname=nothing",
    said => qr/database "nothing" does not exist \(3D000\); check dbname/,
    reason => 'no_database',
    mend => sub { $server->sql('CREATE DATABASE nothing TEMPLATE social') });

$server->sql('CREATE ROLE stranger LOGIN');

wrong('a role that may not connect',
    conninfo => "$socket user=stranger dbname=social",
    said => qr/permission denied for database "social" \(42501\); grant the role CONNECT/,
    reason => 'rights',
    mend => sub { $server->sql('GRANT social_gateway TO stranger') });

wrong('no TLS',
    conninfo => "host=127.0.0.1 port=$pgport user=social dbname=social"
        . ' sslmode=require',
    said => qr/server does not support SSL, but SSL was required; check sslmode/,
    reason => 'tls');

wrong('a name that does not exist',
    conninfo => 'host=nobody.invalid user=social dbname=social',
    said => qr/could not resolve "nobody\.invalid": .*; check the host's name/,
    reason => 'dns');

wrong('a server that does not run',
    conninfo => "host=127.0.0.1 port=1 user=social dbname=social",
    said => qr/connection to server at "127\.0\.0\.1", port 1 failed: Connection refused\z/,
    reason => 'network');

$server->sql('CREATE DATABASE empty');

wrong('a database that was not migrated', statement => 1,
    conninfo => "$socket user=social dbname=empty",
    said => qr/statement failed: function social_user_sync.* does not exist \(42883\); apply the migrations/,
    reason => 'schema',
    mend => sub {
        local $ENV{SOCIAL_DATABASE} = "$socket user=social dbname=empty";
        `scripts/migrate 2>&1`;
    });

$server->sql('CREATE ROLE clerk LOGIN; GRANT CONNECT ON DATABASE social TO clerk');

wrong('a role without the rights', statement => 1,
    conninfo => "$socket user=clerk dbname=social",
    said => qr/permission denied for function social_user_sync \(42501\); grant the rights/,
    reason => 'rights',
    mend => sub { $server->sql('GRANT social_gateway TO clerk') });

done_testing();
