#!/usr/bin/perl

# The pieces of conf/ for a gateway at the edge, as they are shipped: forwarded
# headers, by peer; caches; files compressed in advance; countries; TLS, and
# redirects by host.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET ();
use SocialEdge;
use SocialMmdb;
use SocialNginx;
use SocialToken;
use Test::More;

plan skip_all => 'SKIPPED: this nginx was built without http_realip_module'
    if !SocialEdge::has('http_realip');

my $backend = "127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT}";
my $version = SocialNginx::version();
my $common = <<'_EOC_';
    include social/types.conf;
    include social/forwarded.conf;
    include social/log.conf;
    include social/http.conf;
    include social/limits.conf;
    map "" $social_connect { default ""; }
    map "" $social_asset_cache { default no-cache; }
    map "" $social_config { default '{"apiUrl":"$social_api_origin"}'; }
_EOC_


# Every name that somebody might believe.

my @forged = map { ("$_: 6.6.6.6") } qw(
    X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port
    Forwarded X-Real-IP X-Request-Id X-Forwarded X-Forwarded-By
    X-Forwarded-Prefix X-Forwarded-Scheme X-Forwarded-Server X-Forwarded-Ssl
    X-Forwarded-User X-Client-IP X-Cluster-Client-IP X-Original-Forwarded-For
    X-Original-Host X-Original-URL X-Rewrite-URL X-Scheme X-Url-Scheme
    Front-End-Https True-Client-IP CF-Connecting-IP Forwarded-For Proxy
    X_Forwarded_For X-Social-Sub );

subtest 'forwarded headers' => sub {
    my $edge = SocialEdge->new(
        trusted => shipped('alb/trusted.conf'),
        realip => shipped('alb/realip.conf'),
        http => $common,
        server => <<'_EOC_',
    location /api/ {
        include social/backend.conf;
    }
    include social/app.conf;
_EOC_
    )->start;

    my $got = $edge->get('/api/x', headers => \@forged);
    my $echo = SocialEdge::echoed($got);

    is_deeply([ grep { /6\.6\.6\.6/ } split /\n/, $got->{body} ], [],
              'nothing of what a client invents reaches the backend');
    is_deeply([ map { $echo->{$_}[0] } qw( x-forwarded-for x-forwarded-proto
                    x-forwarded-host x-forwarded-port x-real-ip forwarded ) ],
              [ '127.0.0.1', 'http', 'api.example.com', $edge->{port},
                '127.0.0.1', 'for=127.0.0.1;proto=http' ],
              '... but what nginx knows');
    is(scalar @{ $echo->{'x-forwarded-for'} }, 1, '... once');
    like($echo->{'x-request-id'}[0], qr/\A[0-9a-f]{32}\z/,
         '... and an id of its own');

    $echo = SocialEdge::echoed($edge->get('/api/x', headers => [
        'X-Forwarded-Proto: https', 'X-Forwarded-Port: 443' ]));
    is("$echo->{'x-forwarded-proto'}[0] $echo->{'x-forwarded-port'}[0]",
       "http $edge->{port}", '... what could be true neither');

    # the load balancer's, whose address is in the list

    $got = $edge->get('/api/x', from => '127.0.0.2', headers => [
        @forged[7 .. $#forged], 'X-Forwarded-For: 6.6.6.6, 203.0.113.7',
        'X-Forwarded-Proto: https', 'X-Forwarded-Port: 443',
        'X-Request-Id: Root=1-67891233-abcdef', 'X-Forwarded-Host: evil' ]);
    $echo = SocialEdge::echoed($got);

    is_deeply([ map { $echo->{$_}[0] } qw( x-forwarded-for x-forwarded-proto
                    x-forwarded-host x-forwarded-port x-real-ip forwarded
                    x-request-id ) ],
              [ '203.0.113.7', 'https', 'api.example.com', '443',
                '203.0.113.7', 'for=203.0.113.7;proto=https',
                'Root=1-67891233-abcdef' ],
              'what a trusted peer says is believed');
    is_deeply([ grep { /6\.6\.6\.6|evil/ } split /\n/, $got->{body} ], [],
              '... but not what its client has put before it');

    $echo = SocialEdge::echoed($edge->get('/api/x', from => '127.0.0.2',
        headers => [ 'X-Forwarded-For: 2001:db8::7' ]));
    is($echo->{forwarded}[0], 'for="[2001:db8::7]";proto=http',
       'an IPv6 address as RFC 7239 has it');

    for my $case ([ 'X-Forwarded-Proto: ftp', 'x-forwarded-proto', 'http' ],
        [ 'X-Forwarded-Port: 1;x', 'x-forwarded-port', $edge->{port} ],
        [ 'X-Forwarded-Port: ' . 9 x 9, 'x-forwarded-port', $edge->{port} ])
    {
        my ($header, $name, $value) = @$case;
        $echo = SocialEdge::echoed($edge->get('/api/x', from => '127.0.0.2',
                                              headers => [ $header ]));
        is($echo->{$name}[0], $value, "$header is not what it must be");
    }

    for my $id ('a b', 'x' x 129, "a\xff", '"') {
        $echo = SocialEdge::echoed($edge->get('/api/x', from => '127.0.0.2',
                                              headers => [ "X-Request-Id: $id" ]));
        like($echo->{'x-request-id'}[0], qr/\A[0-9a-f]{32}\z/,
             'an id that is not one is replaced');
    }

    # behind a load balancer with TLS, the page connects by HTTPS

    my $config = sub {
        $edge->get('/config.json', @_, headers => [ 'Host: www.example.com',
                                                    'X-Forwarded-Proto: https' ]);
    };

    is($config->()->{body}, '{"apiUrl":"http://api.example.com"}',
       'the addresses in config.json');
    is($config->(from => '127.0.0.2')->{body},
       '{"apiUrl":"https://api.example.com"}', '... behind TLS');
    is($config->()->{header}{'strict-transport-security'}, undef,
       'no HSTS by HTTP');
    is($config->(from => '127.0.0.2')->{header}{'strict-transport-security'},
       'max-age=63072000', '... but behind TLS');

    is($edge->get('/missing', from => '127.0.0.2',
                  headers => [ "Host: $_", 'X-Forwarded-Proto: https' ])
           ->{header}{'strict-transport-security'}, undef, "no HSTS for $_")
        for qw( localhost www.localhost 127.0.0.1 [::1] );
    is($edge->get('/missing', from => '127.0.0.2', headers => [
           "Host: $_", 'X-Forwarded-Proto: https' ])
           ->{header}{'strict-transport-security'}, 'max-age=63072000',
       "HSTS for $_")
        for qw( notlocalhost localhost.example.com );

    unlike($edge->nginx->error_log, qr/\[(?:warn|error|alert|emerg)\]/,
           'nothing is wrong');
    $edge->nginx->stop;
};

# A file of conf/edge, with the loopback's address for the example's network.

sub shipped {
    my ($name) = @_;

    my $text = SocialNginx::slurp("conf/edge/$name");

    $text =~ s{10\.0\.0\.0/16}{127.0.0.2/32} or die "$name: no 10.0.0.0/16\n";
    return $text;
}


subtest 'CloudFront' => sub {
    my $edge = SocialEdge->new;
    my $dir = $edge->dir;
    my $json = $edge->nginx->write_file('ranges.json', <<'_EOC_');
{"syncToken":"1767225600","createDate":"2026-01-01-00-00-00","prefixes":[
{"ip_prefix":"127.0.0.3/32","region":"GLOBAL","service":"CLOUDFRONT_ORIGIN_FACING","network_border_group":"GLOBAL"},
{"ip_prefix":"127.0.0.4/32","region":"eu-west-1","service":"EC2","network_border_group":"eu-west-1"},
{"ip_prefix":"198.51.100.0/24","region":"GLOBAL","service":"CLOUDFRONT_ORIGIN_FACING","network_border_group":"GLOBAL"}],
"ipv6_prefixes":[
{"ipv6_prefix":"2001:db8::/32","region":"GLOBAL","service":"CLOUDFRONT_ORIGIN_FACING","network_border_group":"GLOBAL"}]}
_EOC_

    is(`scripts/edge-addresses $json $dir/local 2>&1`,
       "$dir/local: 3 networks of CloudFront, as of 2026-01-01-00-00-00\n",
       'the networks in ip-ranges.json');
    is($?, 0, '... are written');

    $edge->conf(http => $common, server => <<'_EOC_');
    location /api/ {
        include social/backend.conf;
    }
_EOC_
    $edge->start;

    my @header = ('X-Forwarded-For: 203.0.113.9', 'X-Request-Id: theirs');

    for my $case ([ '127.0.0.3', '203.0.113.9' ], [ '127.0.0.4', '127.0.0.4' ])
    {
        my $echo = SocialEdge::echoed($edge->get('/api/x', from => $case->[0],
                                                 headers => \@header));
        is($echo->{'x-forwarded-for'}[0], $case->[1], "from $case->[0]");
        is($echo->{'x-request-id'}[0] eq 'theirs', $case->[1] =~ /^203/,
           '... and the id');
    }

    my $before = SocialNginx::slurp("$dir/local/trusted.conf");

    for my $bad ([ '{}', qr/has no networks of CLOUDFRONT_ORIGIN_FACING/ ],
        [ '<html>', qr/is not JSON/ ],
        [ '{"createDate":"x","prefixes":[{"service":"CLOUDFRONT_ORIGIN_FACING",'
          . '"ip_prefix":"0.0.0.0/0 1; } #"}]}', qr/is not a network/ ],
        [ '{"createDate":"x","prefixes":[{"service":"CLOUDFRONT_ORIGIN_FACING",'
          . '"ip_prefix":"0.0.0.0/0"}]}', qr/is too large a network/ ])
    {
        my ($text, $why) = @$bad;
        my $file = $edge->nginx->write_file('bad.json', $text);
        my $said = `scripts/edge-addresses $file $dir/local 2>&1`;

        isnt($?, 0, 'what is not a list is refused');
        like($said, $why, '... and said');
    }

    is(SocialNginx::slurp("$dir/local/trusted.conf"), $before,
       'the files stay as they were');
    like(`scripts/edge-addresses $dir/none.json $dir/local 2>&1`,
         qr/none\.json: No such file/, 'a file that does not exist');
    $edge->nginx->stop;
};


subtest 'a cache' => sub {
    my $origin = SocialNginx::free_port();
    my $edge = SocialEdge->new(
        http => "$common\ninclude edge/cache_zone.conf;\n"
            . "log_format origin '\$request_uri';",
        server => <<'_EOC_',
    location /api/ {
        include social/backend.conf;
        include edge/cache.conf;
    }
_EOC_
        servers => <<"_EOC_");
server {
    listen 127.0.0.1:$origin;
    access_log logs/origin.log origin;
    location / {
        proxy_pass http://$backend;
        add_header Cache-Control "max-age=60";
    }
    location /api/short {
        proxy_pass http://$backend;
        add_header Cache-Control "max-age=1, stale-while-revalidate=60";
    }
    location /api/private {
        proxy_pass http://$backend;
        add_header Cache-Control "private, max-age=60";
    }
    location /api/silent { proxy_pass http://$backend; }
    location /api/cookie {
        proxy_pass http://$backend;
        add_header Cache-Control "max-age=60";
        add_header Set-Cookie a=b;
    }
}
_EOC_

    # the backend of social/backend.conf is that server

    my $conf = SocialNginx::slurp($edge->dir . '/nginx.conf');
    $conf =~ s/server \Q$backend\E;/server 127.0.0.1:$origin;/ or die;
    $edge->nginx->write_file('nginx.conf', $conf);
    $edge->start;

    my $asked = sub {
        my ($path) = @_;
        return scalar grep { $_ eq $path } split /\n/, $edge->log_of('origin.log');
    };
    my $cache = sub { $_[0]{header}{'x-cache'} // '' };

    # many at the same time, while the backend takes its time

    my @open = map { $edge->ask('/api/slow/700/many') } 1 .. 20;
    my @got = map { SocialEdge::receive($_) } @open;

    is(scalar(grep { $_->{status} == 200 } @got), 20, 'twenty at once');
    is($asked->('/api/slow/700/many'), 1, '... are one request of the backend');
    is($cache->($edge->get('/api/slow/700/many')), 'Hit from social',
       'and then it is in the cache');

    # requests of users

    is($cache->($edge->get('/api/slow/700/many', headers => [ $_ ])),
       'Miss from social', 'not for a request with ' . ($_ =~ /(\w+)/)[0])
        for 'Authorization: Bearer x', 'Cookie: a=b';
    is($asked->('/api/slow/700/many'), 3, '... which the backend gets');

    $edge->get('/api/of-a-user', headers => [ 'Cookie: a=b' ]);
    is($cache->($edge->get('/api/of-a-user')), 'Miss from social',
       'what a user got is not for others');

    for my $path (qw( /api/private /api/silent /api/cookie )) {
        $edge->get($path);
        is($cache->($edge->get($path)), 'Miss from social',
           "$path is not cached");
    }

    isnt($cache->($edge->get('/api/x?a=1')), $cache->($edge->get('/api/x?a=1')),
         'arguments are part of the key');
    is($cache->($edge->get('/api/x?a=2')), 'Miss from social', '... as they are');
    is($cache->($edge->get('/api/x?a=1', headers => [ 'Host: other' ])),
       'Miss from social', 'and so is the host');

    # what has expired is sent at once, and fetched again

    $edge->get('/api/short/slow/500');
    ok(SocialNginx::wait_for(20, sub {
        my $got = $edge->get('/api/short/slow/500');
        return $got->{status} == 200 && $asked->('/api/short/slow/500') > 1;
    }), 'what has expired is fetched again');

    my @log = map { /"path":"\/api\/short.*"cache":"(\w+)"/ ? $1 : () }
        split /\n/, $edge->log_of('access.log');

    ok((grep { /STALE|UPDATING/ } @log), '... while clients get the old one');
    is(scalar(grep { $_ eq 'MISS' || $_ eq 'EXPIRED' } @log), 1,
       '... and only the first one has waited') or diag("@log");

    unlike($edge->nginx->error_log, qr/\[(?:warn|error|alert|emerg)\]/,
           'nothing is wrong');
    $edge->nginx->stop;
};


subtest 'addresses of pages' => sub {
    my $edge = SocialEdge->new(http => $common,
                               server => 'include social/app.conf;');
    my $dir = $edge->dir;

    mkdir $_ or die for "$dir/frontend", "$dir/frontend/assets";
    $edge->nginx->write_file('frontend/index.html', 'the page');
    $edge->nginx->write_file('frontend/assets/a.js', 'a script');
    $edge->start;

    # those of the router, which are to be the same

    my $router = SocialNginx::slurp('frontend/src/router.tsx');
    my @routes = $router =~ m{case '(/\w+)': return \{ page: }g;

    cmp_ok(scalar @routes, '>', 3, 'the router has routes');

    for my $path ('/', (map { ($_, "$_/") } @routes, '/@ann', '/@a.b-c_d',
                                            '/@J%C3%BCrgen'))
    {
        for my $accept ('*/*', undef, 'text/html', 'application/json') {
            my $got = $edge->get($path, headers => [
                defined $accept ? "Accept: $accept" : 'Accept:' ]);

            is("$got->{status} $got->{body}", '200 the page',
               "$path is the page for " . ($accept // 'no Accept'));
            is($got->{header}{'cache-control'}, 'no-cache', '... and not kept');
        }
    }

    for my $path ('/nowhere', '/signin/x', '/@', '/@a/b', '/profiles',
                  '/assets/gone.js', '/assets/@ann', '/x/signin')
    {
        is($edge->get($path, headers => [ 'Accept: */*' ])->{status}, 404,
           "$path is not");
    }

    is($edge->get('/nowhere', headers => [ 'Accept: text/html' ])->{body},
       'the page', 'but for who navigates');
    is($edge->get('/assets/a.js')->{body}, 'a script', 'a script is itself');
    $edge->nginx->stop;
};


subtest 'files compressed in advance' => sub {
    my $module = SocialEdge::packaged('ngx_http_brotli_static_module')
        or plan skip_all => 'SKIPPED: libnginx-mod-http-brotli-static is not'
            . ' installed, or not for this nginx';

    my $app = SocialNginx::slurp('conf/social/app.conf');
    $app =~ s/(gzip_static on;\n)/$1    include edge\/brotli.conf;\n/ or die;

    my $edge = SocialEdge->new(main => "load_module $module;",
                               http => $common, server => 'include app.conf;');
    my $dir = $edge->dir;

    $edge->nginx->write_file('app.conf', $app);
    mkdir $_ or die for "$dir/frontend", "$dir/frontend/assets";
    $edge->nginx->write_file("frontend/assets/a.js$_->[0]", $_->[1])
        for [ '', 'plain' ], [ '.gz', 'as gzip' ], [ '.br', 'as brotli' ];
    $edge->nginx->write_file('frontend/assets/b.js', 'plain');
    $edge->start;

    for my $case ([ 'br', 'as brotli' ], [ 'gzip, br', 'as brotli' ],
        [ 'gzip', 'as gzip' ], [ 'identity', 'plain' ], [ undef, 'plain' ],
        [ 'br;q=0, gzip', 'as gzip' ])
    {
        my ($accept, $body) = @$case;
        my $got = $edge->get('/assets/a.js', headers => [
            defined $accept ? "Accept-Encoding: $accept" : () ]);

        is($got->{body}, $body, $accept // 'none');
        is($got->{header}{'content-type'}, 'text/javascript', '... a script');
        like($got->{header}{vary} // '', qr/Accept-Encoding/, '... varies')
            if $body ne 'plain';
    }

    is($edge->get('/assets/b.js', headers => [ 'Accept-Encoding: br' ])->{body},
       'plain', 'a file without a compressed one');
    $edge->nginx->stop;
};


subtest 'countries' => sub {
    my $module = SocialEdge::packaged('ngx_http_geoip2_module')
        or plan skip_all => 'SKIPPED: libnginx-mod-http-geoip2 is not'
            . ' installed, or not for this nginx';

    my $geo = SocialNginx::slurp('conf/edge/geoip2.conf');
    my $edge = SocialEdge->new(main => "load_module $module;",
        trusted => shipped('alb/trusted.conf'),
        realip => shipped('alb/realip.conf'),
        http => "$common include geoip2.conf;", server => <<'_EOC_');
    location / {
        include social/backend.conf;
        include edge/country.conf;
    }
_EOC_
    my $dir = $edge->dir;

    $geo =~ s{/usr/share/GeoIP/}{$dir/} or die;
    $edge->nginx->write_file('geoip2.conf', $geo);
    like($edge->refusal, qr/GeoLite2-Country\.mmdb/,
         'a missing database is named');

    SocialMmdb::write_file("$dir/GeoLite2-Country.mmdb",
                      '203.0.113.0' => 'DE', '198.51.100.0' => 'FR');
    $edge->start;

    for my $case ([ '203.0.113.7', 'DE' ], [ '198.51.100.9', 'FR' ],
                  [ '192.0.2.1', undef ])
    {
        my ($address, $country) = @$case;
        my $echo = SocialEdge::echoed($edge->get('/', from => '127.0.0.2',
            headers => [ "X-Forwarded-For: $address",
                         'CloudFront-Viewer-Country: XX' ]));

        is($echo->{'cloudfront-viewer-country'}
           && $echo->{'cloudfront-viewer-country'}[0], $country,
           "of $address");
    }

    $edge->nginx->stop;
};


subtest 'TLS' => sub {
    my $edge = SocialEdge->new(http => $common);
    my $dir = $edge->dir;
    my ($plain, $tls) = map { SocialNginx::free_port() } 1 .. 2;

    # the shipped files with these ports, and certificates of an authority that
    # is made here

    my $said = `scripts/dev-ca $dir/ca example.com www.example.com api.example.com 2>&1`;
    is($?, 0, 'certificates for development') or diag($said);

    my $ca = SocialNginx::slurp("$dir/ca/ca.pem");
    my $text = `openssl x509 -in $dir/ca/ca.pem -noout -text`;

    like($text, qr/Name Constraints: critical\s+Permitted:\s+IP:127\.0\.0\.0.*DNS:localhost\s+DNS:example\.com/s,
         '... of an authority that can sign for nothing else');
    is((stat "$dir/ca/$_")[2] & oct 77, 0, "$_ is for its owner")
        for '', qw( ca.key site.key );
    `scripts/dev-ca $dir/ca example.com www.example.com api.example.com 2>&1`;
    is(SocialNginx::slurp("$dir/ca/ca.pem"), $ca, '... which is kept');
    like(`scripts/dev-ca $dir/ca 'a;b' 2>&1`, qr/"a;b" is not a host name/,
         'what is not a name is refused');

    mkdir "$dir/acme" or die;
    mkdir "$dir/acme/.well-known" or die;
    mkdir "$dir/acme/.well-known/acme-challenge" or die;
    $edge->nginx->write_file('acme/.well-known/acme-challenge/token', 'answer');

    unlink "$dir/tls" or die;
    mkdir "$dir/tls" or die;

    for my $file (glob 'conf/tls/*.conf') {
        my $text = SocialNginx::slurp($file);

        $text =~ s{/etc/letsencrypt/live/example\.com/fullchain\.pem}{$dir/ca/site.pem};
        $text =~ s{/etc/letsencrypt/live/example\.com/privkey\.pem}{$dir/ca/site.key};
        $text =~ s{/var/www/acme}{$dir/acme}g;
        $text =~ s/listen \[::\]:.*\n//g;
        $text =~ s/listen (80|443)\b/'listen 127.0.0.1:' . ($1 == 80 ? $plain : $tls)/ge;
        $text =~ s/ http2;/; http2 on;/ if $version >= 1_025_001;
        $text =~ s/; http2 on;/;/ if $file =~ /redirect/;
        $edge->nginx->write_file('tls/' . ($file =~ s{.*/}{}r), $text);
    }

    my $servers = <<'_EOC_';
include tls/redirect.conf;
server {
    include tls/listen.conf;
    server_name example.com api.example.com;
    include tls/certificate.conf;
    social_auth off;
    location / { include social/page.conf; return 200 "the page\n"; }
    location /api/ { include social/backend.conf; }
}
_EOC_

    # who wants a token everywhere, but for the authority

    $edge->conf(http => "$common include tls/tls.conf; social_auth pool;",
                servers => $servers, server => 'return 204;');
    is($edge->refusal, '', 'the shipped files load, and nginx warns of nothing');
    $edge->start;

    my @curl = ('curl', '-s', '-m', 20, '--cacert', "$dir/ca/ca.pem", '-w',
        "'\\n%{http_code} %{http_version} %{redirect_url}'",
        map { ('--resolve', "$_:$tls:127.0.0.1") }
            qw( example.com www.example.com api.example.com other.example ));
    my $fetch = sub { scalar `@curl @_ 2>&1` };

    like($fetch->("https://example.com:$tls/"), qr/the page\n\n200 2 /,
         'HTTPS, by HTTP/2');
    like($fetch->('-i', '--http1.1', "https://example.com:$tls/"),
         qr/^Strict-Transport-Security: max-age=63072000\r$/m, '... with HSTS');
    like($fetch->('-i', '--http1.1', "https://example.com:$tls/"),
         qr/^X-Content-Type-Options: nosniff\r.*^Content-Security-Policy: default-src 'self'/ms,
         '... and the other headers of a page');
    like($fetch->("https://api.example.com:$tls/api/x"),
         qr/^X-Forwarded-Proto: https$/m, 'the backend knows it');
    like($fetch->("https://www.example.com:$tls/a?b=c"),
         qr{301 2 https://example\.com/a\?b=c\z}, 'www is redirected');

    my $redirect = sub {
        my ($host, $path) = @_;
        return $edge->get($path, port => $plain, headers => [ "Host: $host" ]);
    };

    is($redirect->('www.example.com', '/a?b=c')->{header}{location},
       'https://www.example.com/a?b=c', 'HTTP is redirected');
    is($redirect->('example.com', '/.well-known/acme-challenge/token')->{body},
       'answer', '... but for the questions of a certificate authority');
    is($redirect->('example.com', '/.well-known/acme-challenge/none')->{status},
       404, '... that are known');
    is($redirect->('other.example', '/')->{status}, 0, 'another name is not ours');
    like($fetch->("https://other.example:$tls/"), qr/\n000 /,
         '... nor has it a certificate');

    # what is spoken

    my $speaks = sub {
        my (@how) = @_;
        my $out = `openssl s_client -connect 127.0.0.1:$tls -servername example.com \\
            -CAfile $dir/ca/ca.pem @how </dev/null 2>&1`;
        return $out =~ /^New, (\S+), Cipher is (\S+)/m && $2 ne '(NONE)'
               ? "$1 $2" : '';
    };

    # OpenSSL may refuse it by itself
    like(SocialNginx::slurp('conf/tls/tls.conf'),
         qr/^ssl_protocols TLSv1\.2 TLSv1\.3;$/m, 'two versions');
    is($speaks->('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), '', 'no TLS 1.1');
    like($speaks->('-tls1_2'), qr/^TLSv1\.2 ECDHE-/, 'TLS 1.2');
    like($speaks->('-tls1_3'), qr/^TLSv1\.3 TLS_/, 'TLS 1.3');
    is($speaks->('-tls1_2', '-cipher', $_), '', "no $_")
        for qw( AES128-GCM-SHA256 ECDHE-RSA-AES128-SHA ECDHE-ECDSA-AES256-SHA
                DHE-RSA-AES128-GCM-SHA256 );
    my $session = `openssl s_client -connect 127.0.0.1:$tls -tls1_2 \\
        -servername example.com </dev/null 2>&1`;
    like($session, qr/^    Session-ID: \w/m, 'sessions are resumed');
    unlike($session, qr/TLS session ticket:/, '... without tickets');
    my $stapled = `openssl s_client -connect 127.0.0.1:$tls -status \\
        -servername example.com </dev/null 2>&1`;
    like($stapled, qr/OCSP response: no response sent/, 'no OCSP');

    unlike($edge->nginx->error_log, qr/\[(?:warn|error|alert|emerg)\]/,
           'nothing is wrong');
    $edge->nginx->stop;

    # HTTP/3, where nginx has it

    SKIP: {
        skip 'SKIPPED: this nginx was built without http_v3_module', 1
            if !SocialEdge::has('http_v3');

        $edge->conf(http => "$common include tls/tls.conf;",
                    server => 'return 204;', servers => <<'_EOC_');
server {
    include tls/listen_http3.conf;
    server_name example.com;
    include tls/certificate.conf;
}
_EOC_
        is($edge->refusal, '', 'HTTP/3 loads');
    }
};

done_testing();
