#!/usr/bin/perl

# Key sets and discovery documents by https, from servers with certificates of
# the test's own authorities: no key is taken from a server that cannot prove
# its name, and it is not even asked for one.

use strict;
use warnings;

use lib 't/lib';
use SocialNginx;
use SocialTest;                     # for SocialToken
use SocialToken qw( bearer issuer_block jwks_text );
use Test::More;

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();

# In place of the system's authorities the gateway sees one of ours, in a mount
# namespace.

my $own_system = $> == 0
    && system('unshare -m mount --bind /etc /etc 2>/dev/null') == 0;

sub openssl {
    my ($command) = @_;

    system("cd $dir && openssl $command > openssl.log 2>&1") == 0
        or die 'openssl: ', SocialNginx::slurp("$dir/openssl.log");
    return;
}

my $key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

sub authority {
    my ($name) = @_;
    openssl("req -x509 $key -days 2 -subj '/CN=$name authority'"
            . " -keyout $name.key -out $name.pem");
    return;
}

sub certificate {
    my ($name, $authority, $names, $days) = @_;

    $nginx->write_file("$name.ext", "subjectAltName=$names\n");
    openssl("req $key -subj /CN=$name -keyout $name.key -out $name.csr");
    openssl("x509 -req -in $name.csr -CA $authority.pem -CAkey $authority.key"
            . " -CAcreateserial -days $days -extfile $name.ext"
            . " -out $name.pem");
    return;
}

authority($_) for qw( ours foreign system );

# what a server has, and by which address and authority it is asked; and what
# is wrong with it

my %server = (
    name      => [ 'ours', 'DNS:localhost', 2 ],
    address   => [ 'ours', 'IP:127.0.0.1', 2 ],
    wild      => [ 'ours', 'DNS:*.example', 2 ],
    elsewhere => [ 'ours', 'DNS:keys.example', 2 ],
    expired   => [ 'ours', 'DNS:localhost', -1 ],
    foreign   => [ 'foreign', 'DNS:localhost', 2 ],
    known     => [ 'system', 'DNS:localhost', 2 ],
);

my %at = map { $_ => SocialNginx::free_port() } sort keys %server;

certificate("at_$_", @{ $server{$_} }) for keys %server;
openssl('req -x509 ' . $key . ' -days 2 -subj /CN=localhost -addext'
        . ' subjectAltName=DNS:localhost -keyout at_self.key -out at_self.pem');

$at{self} = SocialNginx::free_port();
$at{plain} = SocialNginx::free_port();

my $other_host = qr/no alternative certificate subject name matches/;
my $other_ca = qr/(?:unable to get local issuer|self.signed) certificate/;

my @fetched = (
    # name, host, server, ca_file, what is logged, or undef: it is good
    [ name      => 'localhost', 'name', 'ours', undef ],
    [ address   => '127.0.0.1', 'address', 'ours', undef ],
    [ two       => 'localhost', 'name', 'both', undef ],
    [ no_ip     => '127.0.0.1', 'name', 'ours', $other_host ],
    [ no_name   => 'localhost', 'address', 'ours', $other_host ],
    [ no_wild   => 'localhost', 'wild', 'ours', $other_host ],
    [ elsewhere => 'localhost', 'elsewhere', 'ours', $other_host ],
    [ expired   => 'localhost', 'expired', 'ours',
                   qr/certificate has expired/ ],
    [ foreign   => 'localhost', 'foreign', 'ours', $other_ca ],
    [ ours      => 'localhost', 'name', 'foreign', $other_ca ],
    [ self      => 'localhost', 'self', 'ours', $other_ca ],
    [ unknown   => 'localhost', 'name', undef, $other_ca ],
    [ plain     => 'localhost', 'plain', 'ours', qr/./ ],
);

# what the system knows is for those who name no authority, and for no others

push @fetched,
    [ system    => 'localhost', 'known', undef, undef ],
    [ no_system => 'localhost', 'known', 'ours', $other_ca ] if $own_system;

$nginx->write_file('both.pem', join '', map {
    SocialNginx::slurp("$dir/$_.pem") } qw( foreign ours ));

# The document names where its keys are: both are verified.  "d_keys" has a good
# one, with keys at a server that is not what it says.

my @discovered = (
    [ d_good => 'name', 'name', undef ],
    [ d_document => 'elsewhere', 'name', $other_host ],
    [ d_keys => 'name', 'elsewhere', $other_host ],
    [ d_foreign => 'name', 'foreign', $other_ca ],
);

my %why = (map { $_->[0] => $_->[-1] } @fetched, @discovered);

sub issuer_of {
    my ($name) = @_;
    my ($discovered) = grep { $_->[0] eq $name } @discovered;
    return $discovered ? "https://localhost:$at{ $discovered->[1] }/$name"
                       : "https://$name.example";
}

mkdir "$dir/html";

$nginx->write_file('html/keys', jwks_text('main'));
$nginx->write_file('html/x', "here\n");

for (@discovered) {
    my ($name, undef, $keys) = @$_;
    mkdir "$dir/html/$name";
    mkdir "$dir/html/$name/.well-known";
    $nginx->write_file("html/$name/.well-known/openid-configuration",
        '{"issuer":"' . issuer_of($name) . '","jwks_uri":'
        . qq("https://localhost:$at{$keys}/keys?$name"}));
}

my $servers = join '', map { <<"_EOC_" } grep { $_ ne 'plain' } sort keys %at;
    server {
        listen 127.0.0.1:$at{$_} ssl;
        ssl_certificate at_$_.pem;
        ssl_certificate_key at_$_.key;
        access_log logs/asked.log asked;
        root $dir/html;
    }
_EOC_

my $issuers = '';

for (@fetched) {
    my ($name, $host, $at, $ca) = @$_;
    $issuers .= issuer_block($name, 'issuer ' . issuer_of($name),
        'client_ids *', "jwks_uri https://$host:$at{$at}/keys?$name",
        defined $ca ? "ca_file $ca.pem" : ());
}

$issuers .= issuer_block($_->[0], 'issuer ' . issuer_of($_->[0]),
    'client_ids *', 'ca_file ours.pem') for @discovered;

my $locations = join '', map {
    "location = /$_ { social_auth $_; try_files /x =404; }\n" } keys %why;

$nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
worker_processes 1;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
    log_format asked '\$uri?\$args';
    $issuers
    $servers
    server {
        listen 127.0.0.1:$at{plain};
        access_log logs/asked.log asked;
        root $dir/html;
    }
    server {
        listen 127.0.0.1:$port;
        root $dir/html;
        $locations
    }
}
_EOC_

if ($own_system) {
    my $system = "$dir/system";

    mkdir $system;
    openssl('x509 -in system.pem -out system/ca-certificates.crt');
    openssl('x509 -in system.pem -noout -subject_hash');
    my ($hash) = SocialNginx::slurp("$dir/openssl.log") =~ /^(\w{8})$/m;
    symlink 'ca-certificates.crt', "$system/$hash.0" or die "symlink: $!\n";
    $nginx->{system} = $system;

} else {
    diag('NOT TESTED: the authorities of the system, for which it takes root'
         . ' and a mount namespace');
}

{
    no warnings 'redefine';
    my $command = \&SocialNginx::command;

    *SocialNginx::command = sub {
        my ($self) = @_;
        my @command = $command->($self);

        return @command if !defined $self->{system};
        return ('unshare', '-m', 'sh', '-c',
                'mount --bind "$0" /etc/ssl/certs && exec "$@"',
                $self->{system}, @command);
    };
}

$nginx->start($port);

sub status {
    my ($name) = @_;
    my $answer = SocialNginx::request($port, join "\r\n",
        "GET /$name HTTP/1.0", bearer(iss => issuer_of($name)), '', '');
    return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : 'none';
}

sub complaint {
    my ($name) = @_;
    my ($text) = $nginx->error_log =~
        /^.*social: could not load keys of issuer "$name" from (.*)$/m;
    return $text // '';
}

sub loaded {
    my ($name) = @_;
    return $nginx->error_log =~ /loaded new keys of issuer "$name"/;
}

for my $name (map { $_->[0] } @fetched, @discovered) {
    my $why = $why{$name};

    if (!defined $why) {
        is(status($name), 200, "$name: keys are loaded");
        is(complaint($name), '', "$name: nothing is wrong");
        next;
    }

    is(status($name), 503, "$name: no keys");
    SocialNginx::wait_for(30, sub { complaint($name) ne '' || loaded($name) });
    like(complaint($name), qr/: .*$why/, "$name: it is said why");
}

# nobody was asked for keys but those who are who they say

my $asked = SocialNginx::slurp("$dir/logs/asked.log");

for my $name (sort keys %why) {
    my $n = () = $asked =~ m{^/keys\?\Q$name\E$}mg;

    defined $why{$name} ? is($n, 0, "$name: was not asked")
                        : cmp_ok($n, '>', 0, "$name: was asked");
}

unlike($asked, qr{^/d_document/}m, 'nor for a document');

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing else');

done_testing();
