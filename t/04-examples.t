#!/usr/bin/perl

# Each example of the documentation is loaded by "nginx -t": a whole file as it
# is, anything else in what it needs around it.  A directive is tried in all of
# the contexts that its page gives.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use SocialNginx;
use SocialToken;
use Test::More;

binmode Test::More->builder->$_, ':encoding(UTF-8)'
    for qw( output failure_output todo_output );

my @pages = ('README.md', glob('docs/*.md'), glob('docs/directives/*.md'));

# Where directives of nginx's own stand in the examples.

my %context = (
    main   => [qw( load_module events http thread_pool )],
    http   => [qw( access_log limit_req_zone log_format map proxy_cache_path
                   server upstream )],
    server => [qw( error_page location )],
);

my %stands;

for my $where (keys %context) {
    $stands{$_} = [$where] for @{ $context{$where} };
}

# What an example may use, unless it defines it itself.

my %given = (
    'social_issuer pool' =>
        '{ user_pool eu-west-1_AbCdEf123; client_ids web; }',
    'social_issuer users' =>
        '{ user_pool eu-west-1_AbCdEf124; client_ids web; }',
    'social_issuer partners' => '{ issuer https://id.example; audiences api; }',
    'social_secret backend' => 'file=/etc/social/backend.secret;',
    'social_secret files' => 'file=/etc/social/files.secret;',
    'social_bucket raw' =>
        '{ region eu-west-1; endpoint http://127.0.0.1:9000; '
        . 'credentials file /etc/social/raw.credentials; }',
    'social_limit_zone address' => 'key=$social_limit_address rate=20r/s;',
    'social_limit_zone subject' => 'key=$social_sub rate=10r/s;',
    'social_database' => '"host=/nowhere dbname=social";',
    'upstream backend' =>
        '{ zone backend 64k; server 127.0.0.1:9; social_health_check; }',
    map { ("upstream $_" => '{ server 127.0.0.1:9; }') }
        qw( storage reports ),
);

# What a line of a block needs beside it.

my %lines = (
    social_issuer => [
        [qw( user_pool issuer )], 'user_pool eu-west-1_AbCdEf125;',
        [qw( client_ids audiences )], 'client_ids web;',
    ],
    social_bucket => [
        ['region'], 'region eu-west-1;',
        ['endpoint'], 'endpoint http://127.0.0.1:9000;',
        ['credentials'], 'credentials file /etc/social/raw.credentials;',
    ],
);

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

mkdir "$dir/$_" or die "$dir/$_: $!\n"
    for qw( etc etc/social etc/ssl etc/ssl/certs srv srv/raw srv/www srv/events );

my $secret = 'whsec_' . 'c2VjcmV0' x 6 . "\n";
my $credentials = "[default]\naws_access_key_id = AKIDEXAMPLE\n"
    . "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";

secret_file("etc/social/$_", $secret)
    for qw( hook.secret hook.secret.old assertion.secret backend.secret
            files.secret files.old minio.secret );
secret_file("etc/social/$_", $credentials)
    for qw( raw.credentials emulator.credentials aws );
$nginx->write_file('etc/social/keys.json', jwks_text('main'));

system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=internal"
       . " -keyout $dir/etc/ssl/key.pem -out $dir/etc/ssl/internal-ca.pem"
       . ' 2>/dev/null') == 0
    or die "openssl req failed\n";
link "$dir/etc/ssl/internal-ca.pem",
     "$dir/etc/ssl/certs/ca-certificates.crt" or die "link: $!\n";

$nginx->write_file("etc/social/$_", SocialNginx::slurp(
    "$dir/etc/ssl/internal-ca.pem")) for qw( sns.pem ceph.pem );

$ENV{AWS_ACCESS_KEY_ID} = 'AKIDEXAMPLE';
$ENV{AWS_SECRET_ACCESS_KEY} = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';


my @examples = map { read_page($_) } @pages;

cmp_ok(scalar(grep { $_->{page} =~ m{/directives/} } @examples), '>=', 60,
       'the reference has examples');

for my $example (@examples) {
    my $said = refusal($example->{text});

    is($said, '', "$example->{page}:$example->{line} loads");
}


# Those that do not load are found.

my @planted = (
    [ 'a misspelled directive', 'social_cors_denies 204;',
      qr/unknown directive "social_cors_denies"/ ],
    [ 'a wrong value', 'social_cors_deny 200;', qr/social_cors_deny/ ],
    [ 'a line that its block does not have',
      "social_issuer x {\n    user_pool eu-west-1_AbCdEf123;\n"
      . "    clients web;\n}\n", qr/clients/ ],
    [ 'a line with a wrong value', 'jwks_timeout 5m;', qr/jwks_timeout/ ],
    [ 'an issuer that is not defined',
      'location / { social_auth nobody; }', qr/nobody/ ],
    [ 'a directive in another context',
      "location / {\n    social_zone social:4m;\n}\n",
      qr/"social_zone" directive is not allowed here/ ],
);

for my $case (@planted) {
    my ($name, $text, $expected) = @$case;

    like(refusal($text), $expected, "$name is found");
}

done_testing();


sub secret_file {
    my ($name, $text) = @_;

    chmod 0600, $nginx->write_file($name, $text);
    return;
}

# The examples of a page.  The contexts that it gives are noted in %stands.

sub read_page {
    my ($page) = @_;
    my ($n, $code, $heading, @found) = (0);

    open my $in, '<:encoding(UTF-8)', $page or die "$page: $!\n";

    while (my $line = <$in>) {
        $n++;

        if ($line =~ /^```(\w*)/) {
            $code = defined $code ? undef : $1;
            push @found, { page => $page, line => $n + 1, text => '' }
                if ($code // '') eq 'nginx';

        } elsif (defined $code) {
            $found[-1]{text} .= $line if $code eq 'nginx';

        } elsif ($line =~ /^#+\s+(\w+)/) {
            $heading = $1;

        } elsif ($line =~ /^\| context \| (.*?)\s*\|$/) {
            $stands{$heading} = [ split /,\s*/, $1 ];
        }
    }

    close $in or die "$page: $!\n";

    return @found;
}

# The directives of an example, each with its block.

sub statements {
    my ($text) = @_;
    my ($depth, $statement, @found) = (0, '');

    while ($text =~ /\G( \#[^\n]*\n | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
                       | \$\{ | [{};] | \s+ | [^\s{};"'\$]+ | \$ )/gcx)
    {
        my $part = $1;

        next if $part =~ /\A#/ || $statement eq '' && $part =~ /\A\s/;

        $statement .= $part;
        $depth += $part eq '{' ? 1 : $part eq '}' ? -1 : 0;

        if (!$depth && $part =~ /\A[;}]\z/) {
            push @found, $statement;
            $statement = '';
        }
    }

    return (@found, $statement =~ /\S/ ? $statement : ());
}

# A whole configuration with the example.  In "if" and "limit_except" all are
# in a location of their own, since one directive may not be there twice.

sub whole {
    my ($text) = @_;
    my (%in, %block);

    for my $statement (statements($text)) {
        my ($name) = $statement =~ /\A([\w]+)/;

        for my $where (@{ $stands{$name // ''} // ['location'] }) {
            ($lines{$where} ? $block{$where} : $in{$where}) .= "$statement\n";
        }
    }

    $in{http} .= complete($_, $block{$_}) for sort keys %block;

    for my $name (sort keys %given) {
        my ($directive, $what) = split / /, $name;
        my $own = defined $what ? qr/\b$directive\s+$what\b/ : qr/\b$directive\b/;

        $in{given} .= "$name $given{$name}\n" if $text !~ $own;
    }

    $_ //= '' for @in{ qw( main given http server location ),
                       'if in server', 'if in location', 'limit_except' };

    my $main = $in{main} =~ /^load_module/m ? ''
               : 'load_module modules/ngx_http_social_module.so;';
    my $events = $in{main} =~ /^events/m ? '' : 'events { }';

    my $http = <<"_EOC_";
$in{given}
$in{http}
server {
$in{server}
@{[ $in{'if in server'} && "if (\$arg_x) {\n$in{'if in server'}}" ]}
location /in-location/ {
$in{location}
}
location /in-if/ {
if (\$arg_x) {
$in{'if in location'}
}
}
location /in-limit-except/ {
limit_except GET {
$in{limit_except}
}
}
}
_EOC_

    $in{main} =~ s/^http\s*\{/http {\n$http/m
        or $in{main} .= "http {\n$http\n}\n";

    my $conf = "$main\n$events\n$in{main}";
    my $paths = $nginx->http_paths;

    # it stays in its directory

    $conf =~ s/^http \{/http { $paths/m;
    $conf =~ s/\bserver \{/server { listen 127.0.0.1:8080;/g;
    $conf =~ s{(?<=[\s=:"])/(etc|srv)/}{$dir/$1/}g;
    $conf =~ s{(?<=\s)/var/log/nginx/}{$dir/logs/}g;

    return $conf;
}

sub complete {
    my ($directive, $text) = @_;
    my @needed = @{ $lines{$directive} };

    while (my ($have, $line) = splice @needed, 0, 2) {
        my $any = join '|', @$have;

        $text .= "$line\n" if $text !~ /^(?:$any)\s/m;
    }

    return "$directive example {\n$text}\n";
}

# What nginx says of it, or nothing.

sub refusal {
    my ($text) = @_;

    $nginx->write_file('nginx.conf', whole($text));

    my @command = ($nginx->command, '-t');
    my $said = `@{[ map { "'$_'" } @command ]} 2>&1`;

    return '' if $? == 0;
    return join '', $said =~ /^.*\[(?:emerg|alert)\].*\n/mg;
}
