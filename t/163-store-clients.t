#!/usr/bin/perl

# What clients of S3 do with the embedded store: the SDK for Python, the AWS CLI,
# s3cmd, rclone and curl, as Debian has them, and the SDK for JavaScript.  The
# tables in docs/clients.md, of http and of https, are made by this test, which
# fails when they are not what was seen:
#
#     SOAK=1 WRITE=1 prove t/163-store-clients.t
#
#   SOAK=1     over https too, as HTTPS=1 has it
#   ONLY=a,b   these clients: then no table is compared

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use SocialNginx;
use SocialNode qw( node );
use SocialS3;
use Test::More;

my $log = `scripts/deps clients 2>&1`;

if ($?) {
    diag("NOT TESTED: clients of S3, which could not be installed:\n$log");
    plan skip_all => 'the clients could not be installed';
}

$log = `scripts/deps-npm 2>&1`;

my $program = $? ? undef : Cwd::abs_path('build/npm/aws-sdk/table.mjs');
my $node = node();

if (!$program || !-f $program || !$node) {
    diag("NOT TESTED: the SDK for JavaScript, which could not be installed, and"
         . " so the tables:\n" . $log);
    $ENV{ONLY} //= 'awscli,boto3,curl,rclone,s3cmd';
    ($program, $node) = ('', '');
}

my $port = SocialNginx::free_port();
my $tls = SocialNginx::free_port();
my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $s3 = SocialS3->new(port => $port, base => '/raw');
my @schemes = ('http', $ENV{HTTPS} || $ENV{SOAK} ? 'https' : ());

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
       . " -nodes -days 2 -subj /CN=localhost -addext"
       . " subjectAltName=DNS:localhost -keyout $dir/key.pem"
       . " -out $dir/cert.pem 2>/dev/null") == 0
    or die "openssl req failed\n";

mkdir "$dir/$_" for qw( root work work/tree work/tree/sub home );

$nginx->write_file('credentials', $s3->credentials_text);
$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 2;
events { worker_connections 128; }
http {
    @{[ $nginx->http_paths ]}
    social_bucket raw {
        region eu-west-1;
        endpoint http://127.0.0.1:$port;
        credentials file $dir/credentials;
    }
    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$tls ssl;
        listen [::1]:$tls ssl;
        ssl_certificate $dir/cert.pem;
        ssl_certificate_key $dir/key.pem;
        location / { social_store raw root=$dir/root; }
    }
}
_EOC_

$nginx->start($port);

END { $nginx->stop if $nginx && $nginx->{owner} && $nginx->{owner} == $$ }

# of the clients, and nothing of this machine's own

my $write = $ENV{WRITE};
my $verbose = $ENV{TEST_VERBOSE};
my $only = $ENV{ONLY};

%ENV = (
    PATH => '/usr/bin:/bin', HOME => "$dir/home", LANG => 'C.UTF-8',
    AWS_ACCESS_KEY_ID => $s3->{access_key},
    AWS_SECRET_ACCESS_KEY => $s3->{secret},
    AWS_DEFAULT_REGION => 'eu-west-1', AWS_EC2_METADATA_DISABLED => 'true',
    AWS_MAX_ATTEMPTS => 1,
    RCLONE_CONFIG => "$dir/rclone.conf",
    map { $_ => "$dir/cert.pem" } qw( CURL_CA_BUNDLE SSL_CERT_FILE
                                      NODE_EXTRA_CA_CERTS ),
);

# Where the clients find the store: each of the schemes in turn.

my ($url, $aws, $cmd, $python, $curl, $js);

sub over {
    my ($scheme) = @_;

    my $host = $scheme eq 'https' ? "localhost:$tls" : "127.0.0.1:$port";
    my $ca = $scheme eq 'https' ? "True\nca_certs_file = $dir/cert.pem"
             : 'False';

    $url = "$scheme://$host";
    $aws = "aws --endpoint-url $url";
    $cmd = "s3cmd -c $dir/s3cfg";
    $python = 'python3 -c "import boto3, sys; s3 = boto3.client(\"s3\", '
              . "endpoint_url=\\\"$url\\\"); b = \\\"raw\\\"; ";
    $curl = 'curl -sSf --aws-sigv4 aws:amz:eu-west-1:s3 '
            . "--user $s3->{access_key}:$s3->{secret} "
            . '-H "x-amz-content-sha256: UNSIGNED-PAYLOAD"';
    $js = "$node $program $url raw";

    $nginx->write_file('rclone.conf', <<"_EOC_");
[s3]
type = s3
provider = Other
access_key_id = $s3->{access_key}
secret_access_key = $s3->{secret}
region = eu-west-1
endpoint = $url
force_path_style = true
_EOC_
    $nginx->write_file('s3cfg', <<"_EOC_");
[default]
access_key = $s3->{access_key}
secret_key = $s3->{secret}
bucket_location = eu-west-1
host_base = $host
host_bucket = $host
use_https = $ca
_EOC_
    return;
}

my $small = "hello\n";
my $large = 'large' x 4_000_000;

sub write_to {
    my ($name, $text) = @_;
    open my $out, '>:raw', "$dir/work/$name" or die "$name: $!\n";
    print {$out} $text;
    close $out;
    return;
}

write_to('small', $small);
write_to('large', $large);
write_to("tree/$_", "at $_") for qw( one two sub/three );

# names that are escaped in one way or another

mkdir "$dir/work/odd";
mkdir "$dir/work/odd/a dir+d";

write_to("odd/$_", "at $_") for (
    'a b', 'a  b', ' a', 'a ', 'a+b', 'a.', '.a', '..a', '%', '%25', 'x%2Fy',
    'a=b', 'a?b', 'a:b', 'a;b', 'a,b', 'a&b', '#a', '@a', '~a', '*', '(a)',
    '[a]', '{a}', '<a>', '$a', '!', '|', '^', '`', "'", '"', '\\', "\xc3\xa9",
    "u\xcc\x88", "\xf0\x9f\x98\x80", 'a dir+d/a file');

# 200 MB, which nothing keeps in memory

{
    open my $out, '>:raw', "$dir/work/huge" or die "huge: $!\n";
    print {$out} $large for 1 .. 10;
    close $out;
}

sub is_huge {
    my ($key) = @_;
    my $head = $s3->request(HEAD => "/$key");
    return ($head->{headers}{'content-length'} // 0) == 200_000_000
           && $s3->request(GET => "/$key", extra => {
               range => 'bytes=99999990-100000009' })->{body}
              eq 'large' x 4;
}

# the last lines of what failed, for a diagnosis

my $said = '';

sub run {
    my ($command) = @_;
    my $out = `cd $dir/work && timeout 120 sh -c '$command' 2>&1 < /dev/null`;
    $said = $out if $?;
    return $? ? undef : $out;
}

sub stored {
    my ($key) = @_;
    return $s3->request(GET => "/$key")->{body};
}

# Whether they are the same after one command and another one.

sub is_odd {
    my ($up, $down) = @_;
    return defined run("rm -rf back && mkdir back && $up && $down "
                       . '&& diff -r odd back');
}

sub listed { return scalar(() = $_[0] =~ /$_[1]/g) }

# what is done; a function that says whether it was done

my @rows = (
    'put', 'get', 'head', 'put of 20 MB', 'put of 200 MB', 'list', 'list of what is below',
    'sync', 'odd names', 'copy', 'move', 'remove', 'remove of many', 'URL',
    'make bucket',
);

my %did = (
    awscli => {
        'put' => sub { run("$aws s3 cp small s3://raw/awscli/small")
                       && stored('awscli/small') eq $small },
        'get' => sub { (run("$aws s3 cp s3://raw/awscli/small -") // '')
                       eq $small },
        'head' => sub { (run("$aws s3api head-object --bucket raw "
                             . '--key awscli/small') // '')
                        =~ /"ContentLength": 6/ },
        'put of 20 MB' => sub { run("$aws s3 cp large s3://raw/awscli/large")
                                && stored('awscli/large') eq $large },
        'put of 200 MB' => sub { run("$aws s3 cp huge s3://raw/awscli/huge")
                                 && is_huge('awscli/huge') },
        'list' => sub { listed(run("$aws s3 ls s3://raw/awscli/") // '',
                               qr/small/) == 1 },
        'list of what is below' => sub {
            listed(run("$aws s3 ls --recursive s3://raw/") // '',
                   qr{awscli/small}) == 1 },
        'sync' => sub { run("$aws s3 sync tree s3://raw/awscli/tree")
                        && stored('awscli/tree/sub/three') eq 'at sub/three'
                        && run("$aws s3 sync s3://raw/awscli/tree back")
                        && run('diff -r tree back && rm -r back; echo ok') },
        'odd names' => sub {
            is_odd("$aws s3 cp --quiet --recursive odd s3://raw/awscli/odd/",
                   "$aws s3 cp --quiet --recursive s3://raw/awscli/odd/ back")
        },
        'copy' => sub { run("$aws s3 cp s3://raw/awscli/small "
                            . 's3://raw/awscli/copy')
                        && stored('awscli/copy') eq $small },
        'move' => sub { run("$aws s3 mv s3://raw/awscli/small "
                            . 's3://raw/awscli/moved')
                        && stored('awscli/moved') eq $small },
        'remove' => sub { run("$aws s3 rm s3://raw/awscli/small") },
        'remove of many' => sub {
            run("$aws s3 rm --recursive s3://raw/awscli/")
            && listed(run("$aws s3api list-objects-v2 --bucket raw --prefix "
                          . 'awscli/') // '', qr/"Key"/) == 0 },
        'URL' => sub { $s3->request(PUT => '/awscli/url', body => 'url');
                       my $u = run("$aws s3 presign s3://raw/awscli/url")
                           // return;
                       chomp $u;
                       (run("curl -sf \"$u\"") // '') eq 'url' },
        'make bucket' => sub { !run("$aws s3 mb s3://raw")
                               && $said =~ /BucketAlreadyOwnedByYou/ },
    },
    boto3 => {
        'put' => sub { run($python . 's3.put_object(Bucket=b, '
                           . 'Key=\"boto3/small\", Body=b\"hello\n\")"')
                       // return;
                       stored('boto3/small') eq $small },
        'get' => sub { (run($python . 'sys.stdout.write(s3.get_object('
                            . 'Bucket=b, Key=\"boto3/small\")[\"Body\"]'
                            . '.read().decode())"') // '') eq $small },
        'head' => sub { (run($python . 'print(s3.head_object(Bucket=b, '
                             . 'Key=\"boto3/small\")[\"ContentLength\"])"')
                         // '') eq "6\n" },
        'put of 20 MB' => sub {
            defined run($python . 's3.upload_file(\"large\", b, '
                        . '\"boto3/large\")"')
            && stored('boto3/large') eq $large },
        'put of 200 MB' => sub {
            defined run($python . 's3.upload_file(\"huge\", b, '
                        . '\"boto3/huge\")"')
            && is_huge('boto3/huge') },
        'list' => sub { (run($python . 'print([o[\"Key\"] for o in '
                             . 's3.list_objects_v2(Bucket=b, '
                             . 'Prefix=\"boto3/\", Delimiter=\"/\")'
                             . '[\"Contents\"]])"') // '') =~ /small/ },
        'list of what is below' => sub {
            (run($python . 'print([o[\"Key\"] for p in '
                 . 's3.get_paginator(\"list_objects\").paginate(Bucket=b, '
                 . 'PaginationConfig={\"PageSize\": 1}) for o in '
                 . 'p[\"Contents\"]])"') // '') =~ m{boto3/small} },
        'copy' => sub { defined run($python . 's3.copy_object(Bucket=b, '
                            . 'Key=\"boto3/copy\", '
                            . 'CopySource=\"raw/boto3/small\")"')
                        && stored('boto3/copy') eq $small },
        'remove' => sub { defined run($python . 's3.delete_object(Bucket=b, '
                              . 'Key=\"boto3/small\")"') },
        'remove of many' => sub {
            (run($python . 'print(len(s3.delete_objects(Bucket=b, '
                 . 'Delete={\"Objects\": [{\"Key\": \"boto3/%d\" % i} for i '
                 . 'in range(300)]})[\"Deleted\"]))"') // '') eq "300\n" },
        'URL' => sub { $s3->request(PUT => '/boto3/url', body => 'url');
                       my $u = run($python . 'from botocore.client import '
                                   . 'Config; s3 = boto3.client(\"s3\", '
                                   . "endpoint_url=\\\"$url\\\", config="
                                   . 'Config(signature_version=\"s3v4\")); '
                                   . 'print(s3.generate_presigned_url('
                                   . '\"get_object\", {\"Bucket\": b, \"Key\":'
                                   . ' \"boto3/url\"}))"') // return;
                       chomp $u;
                       (run("curl -sf \"$u\"") // '') eq 'url' },
        'make bucket' => sub { !defined run($python
                                   . 's3.create_bucket(Bucket=b)"')
                               && $said =~ /BucketAlreadyOwnedByYou/ },
    },
    s3cmd => {
        'put' => sub { run("$cmd put small s3://raw/s3cmd/small")
                       && stored('s3cmd/small') eq $small },
        'get' => sub { (run("$cmd --no-progress -q get s3://raw/s3cmd/small "
                            . '- && echo') // '') =~ /\A\Q$small\E/ },
        'head' => sub { (run("$cmd info s3://raw/s3cmd/small") // '')
                        =~ /File size:\s+6/ },
        'put of 20 MB' => sub { run("$cmd put large s3://raw/s3cmd/large")
                                && stored('s3cmd/large') eq $large },
        'put of 200 MB' => sub { run("$cmd put huge s3://raw/s3cmd/huge")
                                 && is_huge('s3cmd/huge') },
        'list' => sub { listed(run("$cmd ls s3://raw/s3cmd/") // '',
                               qr/small/) == 1 },
        'list of what is below' => sub {
            listed(run("$cmd ls -r s3://raw/") // '', qr{s3cmd/small}) == 1 },
        'sync' => sub { run("$cmd sync tree/ s3://raw/s3cmd/tree/")
                        && stored('s3cmd/tree/sub/three') eq 'at sub/three' },
        'odd names' => sub {
            is_odd("$cmd -q sync odd/ s3://raw/s3cmd/odd/",
                   "$cmd -q sync s3://raw/s3cmd/odd/ back/") },
        'copy' => sub { run("$cmd cp s3://raw/s3cmd/small s3://raw/s3cmd/copy")
                        && stored('s3cmd/copy') eq $small },
        'move' => sub { run("$cmd mv s3://raw/s3cmd/small "
                            . 's3://raw/s3cmd/moved')
                        && stored('s3cmd/moved') eq $small },
        'remove' => sub { run("$cmd del s3://raw/s3cmd/small") },
        'remove of many' => sub {
            run("$cmd del -r -f s3://raw/s3cmd/")
            && !listed(run("$cmd ls -r s3://raw/s3cmd/ && echo") // 's3://',
                       qr{s3://}) },
        'make bucket' => sub { !defined run("$cmd mb s3://raw")
                               && $said =~ /BucketAlreadyOwnedByYou/ },
    },
    rclone => {
        'put' => sub { defined run('rclone copyto small s3:raw/rclone/small')
                       && stored('rclone/small') eq $small },
        'get' => sub { (run('rclone cat s3:raw/rclone/small') // '')
                       eq $small },
        'head' => sub { (run('rclone size --json s3:raw/rclone/small') // '')
                        =~ /"bytes":6/ },
        'put of 20 MB' => sub {
            defined run('rclone copyto large s3:raw/rclone/large')
            && stored('rclone/large') eq $large },
        'put of 200 MB' => sub {
            defined run('rclone copyto huge s3:raw/rclone/huge')
            && is_huge('rclone/huge') },
        'list' => sub { (run('rclone lsf s3:raw/rclone') // '')
                        =~ /^small$/m },
        'list of what is below' => sub { (run('rclone lsf -R s3:raw') // '')
                                         =~ m{^rclone/small$}m },
        'sync' => sub { defined run('rclone sync tree s3:raw/rclone/tree')
                        && stored('rclone/tree/sub/three') eq 'at sub/three'
                        && defined run('rclone check tree '
                                       . 's3:raw/rclone/tree') },
        'odd names' => sub {
            is_odd('rclone sync --checksum odd s3:raw/rclone/odd',
                   'rclone copy s3:raw/rclone/odd back') },
        'copy' => sub { defined run('rclone copyto s3:raw/rclone/small '
                                    . 's3:raw/rclone/copy')
                        && stored('rclone/copy') eq $small },
        'move' => sub { defined run('rclone moveto s3:raw/rclone/small '
                                    . 's3:raw/rclone/moved')
                        && stored('rclone/moved') eq $small },
        'remove' => sub { defined run('rclone deletefile '
                                      . 's3:raw/rclone/tree/one') },
        'remove of many' => sub { defined run('rclone delete s3:raw/rclone') },
        'URL' => sub { $s3->request(PUT => '/rclone/url', body => 'url');
                       my ($u) = (run('rclone link s3:raw/rclone/url') // '')
                           =~ m{^(http\S+)}m or return;
                       (run("curl -sf \"$u\"") // '') eq 'url' },
        'make bucket' => sub { defined run('rclone mkdir s3:raw') },
    },
    curl => {
        'put' => sub { defined run("$curl -T small $url/raw/curl/small")
                       && stored('curl/small') eq $small },
        'get' => sub { (run("$curl $url/raw/curl/small") // '') eq $small },
        'head' => sub { (run("$curl -I $url/raw/curl/small") // '')
                        =~ /^Content-Length: 6\r$/m },
        'put of 20 MB' => sub { defined run("$curl -T large "
                                            . "$url/raw/curl/large")
                                && stored('curl/large') eq $large },
        'put of 200 MB' => sub { defined run("$curl -T huge "
                                             . "$url/raw/curl/huge")
                                 && is_huge('curl/huge') },
        'list' => sub { (run("$curl \"$url/raw?delimiter=%2F&prefix=curl%2F\"")
                         // '') =~ m{<Key>curl/small<} },
        'list of what is below' => sub { (run("$curl $url/raw") // '')
                                         =~ m{<Key>curl/small<} },
        'remove' => sub { defined run("$curl -X DELETE "
                                      . "$url/raw/curl/small") },
    },
);

$did{'SDK for JavaScript'} = { map {
    my $row = $_;
    $row => sub { defined run("$js \"$row\"")
                  && ($row ne 'put of 20 MB' || stored('js/large') eq $large)
                  && ($row ne 'put of 200 MB' || is_huge('js/huge')) }
} grep { !/\A(?:sync|odd names|move)\z/ } @rows };

my @clients = $only ? split(/,/, $only)
              : ('awscli', 'boto3', 'curl', 'rclone', 's3cmd',
                 'SDK for JavaScript');
my %seen;

sub table {
    my ($scheme) = @_;

    over($scheme);

    for my $client (@clients) {

        # rclone cannot load it

        delete $ENV{AWS_CA_BUNDLE};
        $ENV{AWS_CA_BUNDLE} = "$dir/cert.pem"
            if $scheme eq 'https' && $client ne 'rclone';

        for my $row (@rows) {
            my $code = $did{$client}{$row} // next;
            $said = '';
            $seen{$client}{$row} = $code->() ? 'yes' : 'no';
            diag("$scheme: $client: $row: ", substr $said, -500)
                if $seen{$client}{$row} eq 'no' && $verbose;
        }

        my $done = grep { $_ eq 'yes' } values %{ $seen{$client} };
        cmp_ok($done, '>=', 6, "$scheme: $client does most of it");
    }

    return join '', map { '| ' . join(' | ', @$_) . " |\n" }
        [ '', @clients ], [ map { '---' } '', @clients ],
        map { my $row = $_;
              [ $row, map { $seen{$_}{$row} // '–' } @clients ] } @rows;
}

# The table of a scheme is what stands below its title.

my $path = 'docs/clients.md';
my $doc = SocialNginx::slurp($path);

for my $scheme (@schemes) {
    my $table = table($scheme);
    my ($before, $old, $after) =
        $doc =~ /\A(.*?^## Over $scheme\n.*?)(^\|.*?\|\n)(?!\|)(.*)\z/ms
        or die "$path has no table of $scheme\n";

    next if $only;

    $doc = $before . $table . $after;
    $old = $table if $write;
    is($table, $old, "$path has what each client did over $scheme");
}

if ($write && !$only) {
    open my $out, '>:raw', $path or die "$path: $!\n";
    print {$out} $doc;
    close $out;
}

diag('NOT TESTED: the clients over https (SOAK=1 does)') if @schemes == 1;

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error was logged');

done_testing();
