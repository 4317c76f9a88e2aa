#!/usr/bin/perl

# Requests that nginx ends before it has read them, and that an error_page
# leads on to a location: no POST_READ ever ran for them, and what clients
# make up must not reach a backend either, nor a token a log.

use strict;
use warnings;

use lib 't/lib';
use SocialNginx;
use SocialServer;
use SocialTest;                     # for SocialToken
use SocialToken qw( bearer token $http_config );
use Test::More;

my $backend = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};";
my $every = 'error_page 400 405 414 494 495 496 497 501 505';
my $limits = 'large_client_header_buffers 8 1k; client_header_buffer_size 1k;';
my $tls = 'ssl_certificate tls.crt; ssl_certificate_key tls.key;';
my $verify = 'ssl_verify_client on; ssl_client_certificate ca.crt;';

# Servers, each on its own port.  In "early" nothing sets an identity, so that
# nothing but the first phase removes one.

my %early = (
    named => "$every = \@be; location \@be { $backend }",
    uri => "$every = /be; location /be { $backend }",

    twice => <<"_EOC_",
        error_page 400 = \@a;
        location \@a { try_files /none \@b; }
        location \@b { rewrite ^ /c last; }
        recursive_error_pages on;
        log_not_found off;
        location /c { error_page 404 = \@d; }
        location \@d { $backend }
_EOC_
    rewrite => <<"_EOC_",
        set \$server "[\$http_x_social_sub]";
        if (\$http_x_social_sub) { rewrite ^ /evil last; }
        location /evil { return 200 evil; }
        error_page 501 = /be;
        location /be { return 200 "\$server[\$http_x_social_sub]"; }
        error_page 400 = \@be;
        location \@be {
            if (\$http_x_social_sub) { return 200 evil; }
            set \$location "[\$http_x_social_sub]";
            return 200 "\$location[\$http_x_social_sub]";
        }
_EOC_
    ssi => <<"_EOC_",
        error_page 400 = /ssi.html;
        location = /ssi.html { ssi on; }
        location /be { $backend }
_EOC_
    part => <<"_EOC_",
        ssi on;
        sub_filter </html> '<!--#include virtual="/be/1" -->
                            <!--#include virtual="/be/2" -->';
        location /be { $backend }
_EOC_
    down => <<"_EOC_",
        error_page 400 = \@be;
        location \@be { proxy_pass http://127.0.0.1:1; }
        error_page 501 = /be;
        location /be { proxy_pass http://127.0.0.1:1; }
_EOC_
    tls => "$tls $verify $every = \@be; location \@be { $backend }",
    h2 => "$every = \@be; location \@be { $backend }",
);

my %identity = (
    identity => <<"_EOC_",
        social_auth main;
        add_header X-S \$social_auth_status always;
        error_page 400 501 = \@be;
        location \@be { $backend }
        error_page 405 = /be;
        location /be { $backend }
_EOC_
    argument => <<"_EOC_",
        social_auth main;
        social_auth_token \$http_authorization \$arg_t;
        location /x { $backend }
        error_page 400 = \@be;
        location \@be { $backend }
_EOC_
);

my %port;

# Ports are free when they are chosen; somebody may take one of so many first.

sub begin {
    my ($http, %server) = @_;

    for (1 .. 5) {
        my $nginx = eval { try_to_begin($http, %server) };
        return $nginx if $nginx;
        diag($@);
    }

    die "nginx does not start\n";
}

sub try_to_begin {
    my ($http, %server) = @_;

    %port = map { ($_ => SocialNginx::free_port()) } sort keys %server;

    my $nginx = SocialNginx->new;
    my %listen = (tls => 'ssl', h2 => 'http2');

    $listen{h2} = '; http2 on' if SocialNginx::version() >= 1_025_001;

    my $servers = join '', map {
        "server {\nlisten 127.0.0.1:$port{$_} @{[ $listen{$_} // '' ]};\n"
        . "$limits\n$server{$_}\n}\n";
    } sort keys %server;

    $nginx->write_file('nginx.conf', <<"_EOC_");
user root;
load_module modules/ngx_http_social_module.so;
events { }
http {
    @{[ $nginx->http_paths ]}
    error_log $nginx->{dir}/logs/error.log error;
    root html;
    $http_config
    $http
    $servers
}
_EOC_

    $nginx->write_file('html/ssi.html', '<!--#include virtual="/be" -->');

    for my $name (qw( tls ca )) {
        my $file = "$nginx->{dir}/$name";

        system("openssl req -x509 -newkey ec -nodes -days 2 -subj /CN=$name"
               . ' -pkeyopt ec_paramgen_curve:P-256'
               . " -keyout $file.key -out $file.crt 2>$file.log") == 0
            or die 'openssl req: ', SocialNginx::slurp("$file.log");
    }

    return $nginx->start($port{ (sort keys %server)[0] });
}

sub wrong_lines {
    my ($nginx) = @_;

    return join "\n", grep {
        /\[(?:alert|emerg|crit|error)\]/ && !/connect\(\) failed/
    } split /\n/, $nginx->error_log;
}

my $nginx = begin('social_identity_headers off;',
                  %early, other => 'social_auth main;');
my $dir = $nginx->{dir};


# A request that has some headers of each kind, in more than one part of
# nginx's list of them; what is wrong with it comes last.

my $evil = join '', map { "$_: evil\r\n" }
    qw( X-Social-Sub x-social-sub X-Social-Groups X-Social-Assertion );
my $host = "Host: localhost\r\n";
my $gzip = "${host}Transfer-Encoding: gzip\r\n";

sub early {
    my ($wrong, $line, $times) = @_;

    $line //= 'GET /x HTTP/1.1';
    $times //= 1;

    return "$line\r\n" . $evil x $times . "X-Keep: 1\r\n" . $evil x $times
           . "X-Keep: 2\r\n${wrong}Connection: close\r\n\r\n"
           . ($wrong =~ /chunked/ ? "0\r\n\r\n" : '');
}

sub ask { return SocialNginx::request($port{ $_[0] }, $_[1]) }

sub clean {
    my ($answer, $name) = @_;

    my $good = $answer =~ /\nX-Keep: 1\nX-Keep: 2\n/i
               && $answer !~ /social|evil/i;

    ok($good, $name) or diag($answer);
    return;
}

my %wrong = (
    'no Host' => '',
    'two of Host' => $host x 2,
    'a bad Host' => "Host: a b\r\n",
    'a bad line' => "${host}X-A\0: 1\r\n",
    'a bad length' => "${host}Content-Length: x\r\n",
    'two lengths' => $host . "Content-Length: 1\r\n" x 2,
    'a length and chunks' => "${host}Content-Length: 1\r\n"
                             . "Transfer-Encoding: chunked\r\n",
    'an unknown encoding: 501' => $gzip,
    'a long line: 494' => "${host}X-Long: " . 'x' x 5000 . "\r\n",
);

for my $server (qw( named uri )) {
    for my $name (sort keys %wrong) {
        clean(ask($server, early($wrong{$name}, undef, $_)),
              "$server, $name, $_ of each") for 1, 12;
    }

    clean(ask($server, early($host, 'TRACE /x HTTP/1.1')),
          "$server, TRACE: 405");
}

like(ask('uri', early('')), qr{\nGET /be HTTP/1\.[01]\n}, 'the URI');

clean(ask('twice', early('')), 'one redirect after another');
clean(ask('ssi', early('')), 'a part of a page');

like(ask('rewrite', early('')), qr/\n\[\]\[\]\z/, 'a named location\'s "if"');
like(ask('rewrite', early($gzip)), qr/\n\[\]\[\]\z/, 'a server\'s "if"');


# the first phase that runs is one of a subrequest, of which there are two

for my $times (1, 12, 30) {
    my $answer = ask('part', early('', undef, $times));
    my @parts = $answer =~ m{(GET /be/\d .*?\nX-Keep: 1\nX-Keep: 2\n)}sg;

    is(scalar @parts, 2, "two parts, $times of each") or diag($answer);
    clean($answer, "the parts of an error page, $times of each");
}


# of a request line that cannot be read there are no headers, and no list

for my $line ('GET /%zz HTTP/1.1', 'GET x', 'GET /x HTTP/3.1',
              'GET /' . 'x' x 2000 . ' HTTP/1.1', 'GET http://a..b/ HTTP/1.1')
{
    my $answer = ask('uri', early('', $line));
    my $name = substr $line, 0, 24;

    like($answer, qr{\n(?:GET|HEAD) /be }, "$name: answered");
    unlike($answer, qr/social|evil|X-Keep/i, "$name: without headers");
}


# TLS: 497 for one who speaks none, 496 and 495 for certificates

clean(ask('tls', early($host)), 'plain HTTP at a port of HTTPS: 497');

sub curl {
    my (@args) = @_;

    open my $in, '-|', 'curl', '-sk', '-m', '10', '-H', 'X-Social-Sub: evil',
        '-H', 'X-Keep: 1', '-H', 'X-Social-Groups: evil', '-H', 'X-Keep: 2',
        @args or die "curl: $!\n";
    local $/;
    return scalar <$in>;
}

clean(curl("https://127.0.0.1:$port{tls}/x"), 'no certificate: 496');
clean(curl("https://127.0.0.1:$port{tls}/x", '--cert', "$dir/tls.crt",
           '--key', "$dir/tls.key"), 'a certificate of another: 495');


# HTTP/2

my @h2 = ('--http2-prior-knowledge', "http://127.0.0.1:$port{h2}/x");

clean(curl(@h2, '-X', 'TRACE'), 'HTTP/2, TRACE: 405');
clean(curl(@h2, '-H', 'Content-Length: x'), 'HTTP/2, a bad length: 400');

my $authority = curl(@h2, '-H', 'Host: a b');

like($authority, qr{\AGET /x }, 'HTTP/2, a bad authority: 400');
unlike($authority, qr/social|evil/i, 'HTTP/2, a bad authority: 400');


# the error log has no arguments, and nothing worse

my $referer = "Referer: http://a/?SECRET\r\n";

for my $wrong ($referer, "$referer$gzip") {
    like(ask('down', early($wrong, 'GET /x?t=SECRET HTTP/1.1')),
         qr{\AHTTP/1.1 502}, 'a backend that is down');
}

my $log = $nginx->error_log;

is(scalar(() = $log =~ m{connect\(\)\ failed\ .*,\ request:\ "GET\ /x",
                         \ upstream:\ "http://127\.0\.0\.1:1"}gx), 2,
   'a line for each');
unlike($log, qr/SECRET/, 'without what is secret');
is(wrong_lines($nginx), '', 'nothing else in the log');
$nginx->stop;


# who they really are

$nginx = begin('', %identity);

my $mine = qr/\nX-Keep: 2\n(?:.*\n)*X-Social-Sub: me\n/;
my $me = bearer(sub => 'me') . "\r\n";

for my $case ([ 'no Host', early($me) ],
              [ 'an unknown encoding', early("$me$gzip") ],
              [ 'TRACE', early("$me$host", 'TRACE /x HTTP/1.1') ])
{
    my ($name, $request) = @$case;
    my $answer = ask('identity', $request);

    like($answer, $mine, "$name: a verified identity") or diag($answer);
    unlike($answer, qr/evil/, "$name: and no other");
}

like(ask('identity', early('')), qr{\AHTTP/1.1 401}, 'nobody');

my $twice = ask('identity', early($host . $me . bearer(sub => 'x') . "\r\n"));

like($twice, qr{\AHTTP/1.1 401.*\nX-S: several\r}s, 'two tokens');

# there may not be a list of headers to put the identity in

my $token = token(sub => 'me');

like(ask('argument', "GET /x?t=$token\r\n"), qr/\nX-Social-Sub: me\n/,
     'HTTP/0.9 has no headers, but an identity');
like(ask('argument', early('', "GET http://a..b/?t=$token HTTP/1.1")),
     qr/\nX-Social-Sub: me\n/, 'nor has a bad request line');

is(wrong_lines($nginx), '', 'nothing in the log');
$nginx->stop;
done_testing();
