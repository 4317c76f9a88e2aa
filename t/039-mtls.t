#!/usr/bin/perl

# "social_auth_mtls": tokens that are bound to the certificate of a client's
# connection, or to one that a load balancer passes on.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA ();
use IO::Socket::SSL ();
use MIME::Base64 ();
use SocialDpop;
use SocialNginx;
use SocialToken;
use Test::More;

my $port = SocialNginx::free_port();
my $tls = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

certificate($_) for qw( server one two );

$nginx->write_file('html/index.html', "a file\n");
$nginx->write_file('nginx.conf', conf());
$nginx->start($port);

my %bound = map { $_ => token(cnf => { 'x5t#S256' => thumbprint($_) }) }
            qw( one two );
my $bearer = token();


# by the connection

for my $case (
    [ 'off', 'one', 'two', '200 ok' ],
    [ 'off', 'one', undef, '200 ok' ],
    [ 'optional', 'one', 'one', '200 ok' ],
    [ 'optional', 'one', 'two', '401 binding' ],
    [ 'optional', 'one', undef, '401 binding' ],
    [ 'optional', undef, 'one', '200 ok' ],
    [ 'optional', undef, undef, '200 ok' ],
    [ 'required', 'one', 'one', '200 ok' ],
    [ 'required', 'two', 'two', '200 ok' ],
    [ 'required', 'one', 'two', '401 binding' ],
    [ 'required', 'one', undef, '401 binding' ],
    [ 'required', undef, 'one', '401 binding' ],
    [ 'required', undef, undef, '401 binding' ])
{
    my ($mode, $to, $with, $expected) = @$case;
    my $token = defined $to ? $bound{$to} : $bearer;

    is(by_tls("/$mode", $with, "Authorization: Bearer $token"), $expected,
       "$mode: bound to " . ($to // 'none') . ', by ' . ($with // 'none'));
}

is(plain('/required', "Authorization: Bearer $bound{one}"), '401 binding',
   'a connection without TLS');
is(by_tls('/redirected', 'two', "Authorization: Bearer $bound{one}"),
   '401 binding', 'from a location that does not look at it');
is(by_tls('/redirected', 'one', "Authorization: Bearer $bound{one}"),
   '200 ok', 'to one that does');

for my $cnf ([ { 'x5t#S256' => 'x' }, 'malformed' ], [ 7, 'no object' ],
             [ { 'x5t#S256' => thumbprint('one') . '=' }, 'padded' ])
{
    is(by_tls('/optional', 'one', bearer(cnf => $cnf->[0])), '401 binding',
       "a thumbprint that is $cnf->[1]");
}

# a session that is resumed has the certificate of its first handshake

my $context = IO::Socket::SSL::SSL_Context->new(
    SSL_verify_mode => 0, SSL_cert_file => "$dir/one.pem",
    SSL_key_file => "$dir/one.key", SSL_session_cache_size => 10);

is(join(' ', map { by_tls('/required', $context,
                          "Authorization: Bearer $bound{one}") } 1 .. 3),
   '200 ok 200 ok 200 ok', 'connections one after the other');


# together with DPoP

my $both = token(cnf => { 'x5t#S256' => thumbprint('one'),
                          jkt => dpop_jkt('p256') });

for my $with ('one', 'two') {
    my $proof = dpop_proof('p256', token => $both,
                           url => 'https://api.example.com/both');
    is(by_tls('/both', $with, "Authorization: DPoP $both", "DPoP: $proof"),
       $with eq 'one' ? '200 ok' : '401 binding', "both, by $with");
    is(by_tls('/both', $with, "Authorization: DPoP $both", "DPoP: $proof"),
       $with eq 'one' ? '401 proof' : '401 binding',
       "a proof is not used up where the certificate is wrong: $with");
}


# from a load balancer

my $pem = SocialNginx::slurp("$dir/one.pem");
(my $escaped = $pem) =~ s/([^A-Za-z0-9+\/=_.~-])/sprintf '%%%02X', ord $1/ge;
my $der = MIME::Base64::encode_base64(der('one'), '');

for my $case (
    [ 'PEM, escaped', $escaped, '200 ok' ],
    [ 'RFC 9440', ":$der:", '200 ok' ],
    [ 'PEM in one line', join(' ', split /\n/, $pem), '200 ok' ],
    [ 'base64 only', $der, '401 binding' ],
    [ 'nonsense', 'x', '401 binding' ],
    [ 'nothing', '', '401 binding' ],
    [ 'the end is missing', substr($escaped, 0, 200), '401 binding' ],
    [ 'another one', ':' . MIME::Base64::encode_base64(der('two'), '') . ':',
      '401 binding' ])
{
    my ($name, $value, $expected) = @$case;

    is(plain('/passed', "Authorization: Bearer $bound{one}", "X-Cert: $value"),
       $expected, "passed on: $name");
}

is(plain('/passed', "Authorization: Bearer $bound{one}"), '401 binding',
   'passed on: no header');

$nginx->stop;

my $log = $nginx->error_log;
unlike($log, qr/\[(?:alert|emerg|crit|error|warn)\]/, 'no error was logged');
unlike($log, qr/\Q$bound{one}\E|\Q$der\E/, 'nor a token or a certificate');

done_testing();


sub certificate {
    my ($name) = @_;

    system('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
           'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
           "/CN=$name", '-keyout', "$dir/$name.key", '-out',
           "$dir/$name.pem") == 0
        or die "openssl made no certificate\n";
    return;
}

sub der {
    my ($name) = @_;
    return scalar `openssl x509 -in $dir/$name.pem -outform DER`;
}

sub thumbprint { return b64(Digest::SHA::sha256(der($_[0]))) }

# "with" is the name of a certificate, or a context that has one

sub by_tls {
    my ($path, $with, @headers) = @_;

    my $sock = IO::Socket::SSL->new(
        PeerAddr => "127.0.0.1:$tls", Timeout => 30,
        ref $with ? (SSL_reuse_ctx => $with)
                  : (SSL_verify_mode => 0, SSL_cert_file => undef,
                     defined $with ? (SSL_cert_file => "$dir/$with.pem",
                                      SSL_key_file => "$dir/$with.key") : ()))
        or die "no connection: $IO::Socket::SSL::SSL_ERROR\n";

    return exchange($sock, $path, @headers);
}

sub plain {
    my ($path, @headers) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                     Timeout => 30)
        or die "no connection: $!\n";

    return exchange($sock, $path, @headers);
}

sub exchange {
    my ($sock, $path, @headers) = @_;

    print {$sock} join "\r\n", "GET $path HTTP/1.1", 'Host: a',
                       'Connection: close', @headers, '', '';

    my $text = '';
    local $SIG{ALRM} = sub { die "no answer in 30 s\n" };
    alarm 30;
    1 while sysread $sock, $text, 65536, length $text;
    alarm 0;

    my ($status) = $text =~ m{\AHTTP/1\.1 (\d+)};
    my ($auth) = $text =~ /^X-Auth: (\w+)/m;

    return join ' ', $status // 'none', $auth // '';
}

sub conf {
    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 256; }
http {
    @{[ $nginx->http_paths ]}
$http_config
    large_client_header_buffers 4 16k;
    root $dir/html;
    add_header X-Auth \$social_auth_status always;
    ssl_certificate $dir/server.pem;
    ssl_certificate_key $dir/server.key;

    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$tls ssl;
        ssl_verify_client optional_no_ca;
        ssl_session_cache shared:tls:1m;
        social_auth main;

        location /off { try_files /index.html =404; }
        location /optional {
            social_auth_mtls optional;
            try_files /index.html =404;
        }
        location /required {
            social_auth_mtls required;
            try_files /index.html =404;
        }
        location /redirected { try_files /nothing /required; }
        location /both {
            social_auth_mtls required;
            social_auth_dpop required origin=https://api.example.com;
            try_files /index.html =404;
        }
        location /passed {
            social_auth_mtls required certificate=\$http_x_cert;
            try_files /index.html =404;
        }
    }
}
_EOC_
}
