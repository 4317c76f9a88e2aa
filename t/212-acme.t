#!/usr/bin/perl

# Certificates by ACME as the documentation has it: Debian's certbot with a
# webroot, the shipped tls/acme.conf and deploy hook, and Debian's pebble in place
# of a certificate authority. A renewal is in use when certbot ends, and no
# request fails meanwhile.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use POSIX ();
use SocialEdge;
use SocialNginx;
use Test::More;

my @pids;
my $main = $$;

plan skip_all => 'SKIPPED: SOAK=1 runs an authority and renews certificates'
    if !$ENV{SOAK};

for my $program (qw( pebble pebble-challtestsrv certbot curl )) {
    plan skip_all => "SKIPPED: $program is not installed; scripts/deps does it"
        if !-x "/usr/bin/$program";
}

plan skip_all => 'SKIPPED: this nginx was built without http_realip_module'
    if !SocialEdge::has('http_realip');
plan skip_all => 'SKIPPED: what it starts is not ours'
    if $ENV{SANITIZE} || $ENV{VALGRIND};


END {
    if ($$ == $main) {
        local $?;
        kill 'KILL', @pids;
        waitpid $_, 0 for @pids;
    }
}

my $edge = SocialEdge->new;
my $dir = $edge->dir;
my ($plain, $tls, $acme, $manage, $dns, $control)
    = map { SocialNginx::free_port() } 1 .. 6;

mkdir "$dir/$_" or die "$_: $!\n" for qw( acme ca certbot live );
system("scripts/dev-ca $dir/ca >/dev/null 2>&1") == 0 or die "no certificate\n";

# what there is before the first certificate

$edge->nginx->write_file("live/$_->[1]", SocialNginx::slurp("$dir/ca/$_->[0]"))
    for [ 'site.pem', 'fullchain.pem' ], [ 'site.key', 'privkey.pem' ];

my $shipped = SocialNginx::slurp('conf/tls/acme.conf');
$shipped =~ s{/var/www/acme;}{$dir/acme;} or die "no root in acme.conf\n";
$edge->nginx->write_file('acme.conf', $shipped);

sub conf {
    my ($live) = @_;

    $edge->conf(workers => 2, server => 'return 204;',
                http => 'include social/types.conf; include tls/tls.conf;',
                servers => <<"_EOC_");
server {
    listen 127.0.0.1:$plain;
    server_name gateway.example;
    social_auth pool;
    include acme.conf;
}
server {
    listen 127.0.0.1:$tls ssl;
    server_name gateway.example;
    ssl_certificate $live/fullchain.pem;
    ssl_certificate_key $live/privkey.pem;
    location / { root html; }
}
_EOC_
}

conf("$dir/live");
$edge->nginx->write_file('html/index.html', "the page\n");
$edge->start;

sub spawn {
    my ($name, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDOUT, '>', "$dir/logs/$name.log" or die;
        open STDERR, '>&', \*STDOUT;
        $ENV{PEBBLE_VA_NOSLEEP} = 1;
        $ENV{PEBBLE_WFE_NONCEREJECT} = 0;
        exec @command or die;
    }

    push @pids, $pid;
    return $pid;
}

# the authority asks this machine, for every name

$edge->nginx->write_file('pebble.json', <<"_EOC_");
{"pebble":{"listenAddress":"127.0.0.1:$acme",
"managementListenAddress":"127.0.0.1:$manage",
"certificate":"$dir/ca/site.pem","privateKey":"$dir/ca/site.key",
"httpPort":$plain,"tlsPort":$tls,"ocspResponderURL":"",
"externalAccountBindingRequired":false}}
_EOC_

spawn('challenges', 'pebble-challtestsrv', '-dns01', "127.0.0.1:$dns",
      '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '',
      '-https01', '', '-tlsalpn01', '',
      '-management', "127.0.0.1:$control");
spawn('pebble', 'pebble', '-config', "$dir/pebble.json", '-dnsserver',
      "127.0.0.1:$dns");

ok(SocialNginx::wait_for(30, sub {
    IO::Socket::INET->new("127.0.0.1:$acme")
        && IO::Socket::INET->new("127.0.0.1:$control");
}), 'the authority is there')
    or do { diag(map { SocialNginx::slurp($_) } glob "$dir/logs/[pc]*.log");
            done_testing(); exit };

my @options = ('--non-interactive', '--config-dir', "$dir/certbot",
               '--work-dir', "$dir/certbot/work",
               '--logs-dir', "$dir/certbot/logs");

sub certbot {
    my (@command) = @_;

    local $ENV{REQUESTS_CA_BUNDLE} = "$dir/ca/ca.pem";
    my @all = map { "'$_'" } 'certbot', @command, @options;
    my $said = `@all 2>&1`;
    return ($?, $said);
}

# The serial number of the certificate that new connections get.

sub serial {
    my $text = `openssl s_client -connect 127.0.0.1:$tls -servername gateway.example </dev/null 2>/dev/null | openssl x509 -noout -serial -issuer 2>/dev/null`;
    return $text =~ /Pebble/ && $text =~ /serial=(\w+)/ ? $1 : '';
}

is($edge->get('/', port => $plain, headers => [ 'Host: gateway.example' ])
       ->{status}, 401, 'the gateway wants a token');

my ($status, $said) = certbot('certonly', '--webroot', '-w', "$dir/acme",
    '-d', 'gateway.example', '--server', "https://localhost:$acme/dir",
    '--register-unsafely-without-email', '--agree-tos',
    '--preferred-challenges', 'http');

is($status, 0, 'certbot gets a certificate') or diag($said);

conf("$dir/certbot/live/gateway.example");
ok($edge->nginx->reload, 'nginx reloads');

my $first = serial();
isnt($first, '', 'and uses it');

# the deploy hook as it is shipped, for this nginx

my $hook = SocialNginx::slurp('conf/tls/renewed');
my $command = join ' ', map { "'$_'" } $edge->nginx->command;

$hook =~ s/^nginx -t -q$/$command -t -q/m or die 'no test in the deploy hook';
$hook =~ s/^nginx -s reload$/$command -s reload/m or die 'no reload';
mkdir $_ for "$dir/certbot/renewal-hooks", "$dir/certbot/renewal-hooks/deploy";
chmod 0755, $edge->nginx->write_file('certbot/renewal-hooks/deploy/nginx', $hook);

# clients, with a connection for each request

my $stop = "$dir/stop";
my @clients;

for my $n (1 .. 3) {
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        my ($good, $bad) = (0, 0);

        while (!-e $stop) {
            my $answer = `curl -sk -m 20 --resolve gateway.example:$tls:127.0.0.1 https://gateway.example:$tls/ 2>&1`;
            $answer eq "the page\n" ? $good++ : $bad++;
        }

        $edge->nginx->write_file("client.$n", "$good $bad");
        POSIX::_exit(0);
    }

    push @clients, $pid;
}

my %old = map { $_ => 1 } SocialNginx::workers($edge->nginx->{pid});

($status, $said) = certbot('renew', '--force-renewal',
                           '--no-random-sleep-on-renew');
is($status, 0, 'certbot renews it') or diag($said);

ok(SocialNginx::wait_for(30, sub {
    my $now = serial();
    $now ne '' && $now ne $first;
}), 'new connections get the new certificate');
ok(SocialNginx::wait_for(30, sub {
    !grep { $old{$_} } SocialNginx::workers($edge->nginx->{pid});
}), 'the old workers end');

# a configuration that is not valid is not reloaded, and certbot says so

my $conf = SocialNginx::slurp("$dir/nginx.conf");
my $second = serial();
%old = map { $_ => 1 } SocialNginx::workers($edge->nginx->{pid});

$edge->nginx->write_file('nginx.conf', "$conf\nnonsense;\n");
($status, $said) = certbot('renew', '--force-renewal',
                           '--no-random-sleep-on-renew');
like($said, qr/unknown directive "nonsense"/, 'an invalid configuration is said');
is(serial(), $second, '... and nginx goes on with the one that it has');
is(scalar(grep { $old{$_} } SocialNginx::workers($edge->nginx->{pid})), 2,
   '... and with its workers');
$edge->nginx->write_file('nginx.conf', $conf);

open my $out, '>', $stop or die "$stop: $!\n";
close $out;
waitpid $_, 0 for @clients;

my ($good, $bad) = (0, 0);

for my $n (1 .. 3) {
    my ($g, $b) = split ' ', SocialNginx::slurp("$dir/client.$n");
    $good += $g;
    $bad += $b;
}

cmp_ok($good, '>', 10, "clients had $good requests meanwhile");
is($bad, 0, 'none of them has failed');

$edge->nginx->stop;
done_testing();
