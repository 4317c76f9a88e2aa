#!/usr/bin/perl

# Mutations of good tokens, verified by us, by AWS's verifier and by jose, which
# are set to the same rules.  What we accept, both accept; what one of them
# accepts and we refuse is of a class of t/tools/verifiers/reasons.mjs, where
# the deviations are listed with what they go by.  The subject and the groups,
# which are at the end of a path, are those that JavaScript finds.
#
#     SOCIAL_DIFFERENTIAL_SEED=7 SOCIAL_DIFFERENTIAL_COUNT=100000 \
#         prove -It/lib t/026-auth-differential.t

use strict;
use warnings;

use lib 't/lib';

use Cwd ();
use IO::Handle ();
use IPC::Open2 qw( open2 );
use JSON::PP ();
use SocialNginx;
use SocialNode qw( node );
use Test::More;

my $seed = $ENV{SOCIAL_DIFFERENTIAL_SEED} || 20260704;
my $count = $ENV{SOCIAL_DIFFERENTIAL_COUNT} || 20_000;
my $sample = 400;           # of them, through nginx

my $pool = 'eu-west-1_AbCdEf123';
my %rules = (
    seed => $seed + 0,
    count => $count + 0,
    now => time,
    leeway => 30,
    pool => $pool,
    issuer => "https://cognito-idp.eu-west-1.amazonaws.com/$pool",
    client => 'web',
    # all that AWS's verifier knows
    algorithms => [ qw( RS256 RS384 RS512 ES256 ES384 ES512 EdDSA ) ],
    kids => [ qw( rsa any ec ed twin-rsa twin-ec ) ],
);

my @uses = qw( access id );
my $groups = 'realm_access.roles';
my $json = JSON::PP->new->canonical->utf8;

my $log = `scripts/deps-npm 2>&1`;
my $program = Cwd::abs_path('build/npm/verifiers/differential.mjs');
my $node = node();

if ($? || !$program || !-f $program || !$node) {
    diag("NOT TESTED: the verifiers, which could not be installed:\n$log");
    plan skip_all => 'the verifiers could not be installed';
}

chomp(my $tools = `scripts/tools`);
die "t/tools did not compile\n" if $?;

diag("seed $seed, $count tokens");

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};

my $pid = open2(my $out, my $in, $node, $program, $dir,
                $json->encode(\%rules));

is(scalar <$out>, "made\n", 'tokens were made, and verified by the others')
    or BAIL_OUT('node failed');

my @tokens = read_tokens("$dir/tokens");
is(scalar @tokens, $count, 'as many as asked for');

my %said;
my %ours = map { ($_ => [ verify($_, $rules{now}, $said{$_} = []) ]) } @uses;
is_deeply([ map { scalar @{ $ours{$_} } } @uses ], [ $count, $count ],
          'we verified each of them');

$nginx->write_file('ours.json', $json->encode(\%ours));
$nginx->write_file('said.json', $json->encode(\%said));
print {$in} "verified\n";
$in->flush;

my $text = <$out> // '';
waitpid $pid, 0;
is($?, 0, 'node came to its end');
my $result = $json->decode($text);

none('good tokens are accepted', $result->{good});
none('none is accepted by us and refused by another', $result->{looser});
none('what another accepts, we refuse for a reason that is listed',
     $result->{unexplained});
none('subjects and groups are those that JavaScript finds', $result->{other});
cmp_ok($result->{nested}, '>', $count / 100, 'of many forms');

for my $use (@uses) {
    cmp_ok($result->{accepted}{$use} // 0, '>', $count / 20,
           "many are accepted after all: $use tokens");
}

for my $name (sort keys %{ $result->{reasons} }) {
    my $reason = $result->{reasons}{$name};
    my ($aws, $jose) = @$reason{qw( aws jose )};

    note(sprintf '%5d %5d  %s (%s)', $aws, $jose, $name, $reason->{where});

    # of a short run nothing can be said
    next if $count < 20_000;
    ok($aws + $jose > 0, "the class was met: $name");
}

# What the module says, with nginx around it, of those that mean the same for
# the next hour and fit into a header.

my %later = map { ($_ => [ verify($_, $rules{now} + 3000) ]) } @uses;
my @chosen;

for my $i (0 .. $#tokens) {
    # commas and other letters are refused before a token is taken apart
    next if $tokens[$i] !~ /\A[!-+--~]{1,7000}\z/;
    next if grep { $ours{$_}[$i] ne $later{$_}[$i] } @uses;
    push @chosen, $i;
}

# as many that are good for something as others
my @good = grep { my $i = $_; grep { $ours{$_}[$i] eq 'ok' } @uses } @chosen;
my %is_good = map { ($_ => 1) } @good;
my @bad = grep { !$is_good{$_} } @chosen;
splice @good, $sample / 2 if @good > $sample / 2;
splice @bad, $sample / 2 if @bad > $sample / 2;

cmp_ok(@good + @bad, '>=', $sample < $count / 4 ? $sample : 10,
       'a sample of them');

my $port = SocialNginx::free_port();
$nginx->write_file('nginx.conf', conf());
$nginx->start($port);

for my $use (@uses) {
    my @wrong;
    my $client = Client->new($port);

    for my $i (sort { $a <=> $b } @good, @bad) {
        my $word = $ours{$use}[$i];
        my $expected = $word eq 'ok' ? '204 ok' : "401 $word";
        my $got = $client->ask("/$use", $tokens[$i]);

        push @wrong, "token $i: $got, not $expected" if $got ne $expected;
    }

    is_deeply(\@wrong, [], "nginx says the same: $use tokens");
    is($client->{connections}, 1, 'all of it on one connection');
}

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error was logged');

done_testing();


sub verify {
    my ($use, $now, $said) = @_;

    my $algorithms = join ',', @{ $rules{algorithms} };
    my @lines = `$tools/verify $dir/jwks.json $rules{issuer} $rules{client} \\
                     $use $rules{leeway} $now $algorithms $groups \\
                     < $dir/tokens`;
    die "t/tools/verify.c failed\n" if $?;
    chomp @lines;

    for my $line (@lines) {
        ($line, my $rest) = split /\t/, $line, 2;
        push @$said, $rest if $said;
    }

    return @lines;
}

sub read_tokens {
    my ($path) = @_;

    open my $file, '<:raw', $path or die "$path: $!\n";
    my @read;

    while (defined(my $size = <$file>)) {
        my $token = '';
        read $file, $token, $size;
        push @read, $token;
        <$file>;
    }

    return @read;
}

sub none {
    my ($name, $list) = @_;

    is(scalar @$list, 0, $name)
        or diag(join "\n", map { $json->encode($_) } @$list[0 .. ($#$list < 9
                                                          ? $#$list : 9)]);
    return;
}

sub conf {
    my $rules = join "\n        ", "issuer $rules{issuer};",
                     "jwks_file $dir/jwks.json;",
                     "client_ids $rules{client};", "leeway $rules{leeway}s;",
                     "algorithms @{ $rules{algorithms} };";

    return <<"_EOC_";
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    keepalive_requests 100000;
    large_client_header_buffers 4 16k;
    social_issuer access {
        $rules
        token_use access;
    }
    social_issuer id {
        $rules
        token_use id;
    }
    add_header X-Status \$social_auth_status always;
    server {
        listen 127.0.0.1:$port;
        location = /access { social_auth access; proxy_pass http://127.0.0.1:$port/ok; }
        location = /id { social_auth id; proxy_pass http://127.0.0.1:$port/ok; }
        location = /ok { return 204; }
    }
}
_EOC_
}


# A client that keeps its connection.

package Client;

sub new {
    my ($class, $to) = @_;
    return bless { port => $to, connections => 0 }, $class;
}

sub ask {
    my ($self, $path, $token) = @_;

    if (!$self->{sock}) {
        $self->{sock} = IO::Socket::INET->new(
            PeerAddr => "127.0.0.1:$self->{port}", Timeout => 30)
            or die "no connection: $!\n";
        $self->{connections}++;
    }

    my $sock = $self->{sock};

    print {$sock} "GET $path HTTP/1.1\r\nHost: a\r\n"
                  . "Authorization: Bearer $token\r\n\r\n";
    $sock->flush;

    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 30;

    local $/ = "\r\n\r\n";
    my $head = <$sock> // '';

    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    read $sock, my $body, $length if $length;
    alarm 0;

    delete $self->{sock} if $head eq '' || $head =~ /^Connection: close/mi;

    my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)};
    my ($word) = $head =~ /^X-Status: (\w+)/m;

    return ($status // 'nothing') . ' ' . ($word // '');
}
