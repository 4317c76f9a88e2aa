#!/usr/bin/perl

# The search for secrets in the logs of all suites (scripts/check-secrets) finds
# each kind of them where it is planted, and nothing in logs that are in order.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;

my $made;

BEGIN {
    # of this suite alone
    $made = File::Temp->newdir(CLEANUP => 1);
    $ENV{SOCIAL_SECRETS} = "$made";
}

use SocialS3;
use SocialSecrets;
use SocialToken;

my $s3 = SocialS3->new(port => 1, token => 'session-token/0123456789+=');
my $token = bearer() =~ s/\AAuthorization: Bearer //r;
my $url = $s3->presign(GET => '/a');
my ($signature) = $url =~ /X-Amz-Signature=(\w+)/;

# what a gateway has signed is noted where it is received

my $hex = join '', map { sprintf '%x', $_ % 16 } map { $_ * 7 } 1 .. 64;
my $theirs = join '', map { sprintf '%x', $_ % 16 } map { $_ * 5 } 1 .. 64;

SocialSecrets::made_in("{\"url\":\"/x?X-Amz-Signature=$hex\"}");
SocialSecrets::made_in("/x?social-expires=1&social-signature=$theirs");

my $short = 'local';
SocialSecrets::made($short, 'x' x 64);

sub check {
    my (@logs) = @_;

    my $dir = File::Temp->newdir(CLEANUP => 1);

    system('cp', "$made/secrets", "$dir/secrets") == 0 or die "cp failed\n";

    while (my ($name, $text) = splice @logs, 0, 2) {
        open my $out, '>', "$dir/$name" or die "$name: $!\n";
        print {$out} $text;
        close $out or die "$name: $!\n";
    }

    my $said = `scripts/check-secrets $dir 2>&1`;
    return ($? >> 8, $said);
}

my $line = '2026/01/01 00:00:00 [error] 1#1: *1 social: ';
my $fine = "${line}token refused: signature, kid: \"main\", client: 127.0.0.1, "
    . "request: \"GET /x\"\nlocal " . 'x' x 64 . "\n" . "a1b2c3d4" x 9 . "\n";

my ($status, $said) = check('020-auth.t.error.log', $fine);

is($status, 0, 'a log without secrets') or diag($said);
like($said, qr/none of \d+ secrets is in 1 logs of 3 lines/, '... is counted');

my %planted = (
    'a token' => $token,
    'the signature of a token' => ($token =~ /([^.]+)\z/)[0],
    'the beginning of a token' => substr($token, 0, 80),
    'a token within other text' => "x=\"$token\"y",
    'a presigned URL' => $url,
    'a signature' => "sig $signature",
    'half of a signature' => substr($signature, 0, 40),
    'a secret key' => $s3->{secret},
    'a secret key in a URL' => SocialS3::escape($s3->{secret}),
    'a session token' => $s3->{token},
    'a signature that a gateway made' => $hex,
    'a signature of a signed URL' => $theirs,
    'an Authorization header' => 'Authorization: Bearer abcdefghijklmnopqrstu',
    'a secret of webhooks' => 'whsec_c2VjcmV0c2VjcmV0c2VjcmV0',
    'a private key' => '-----BEGIN RSA PRIVATE KEY-----',
    'a signed URL that no suite made' => '/k?X-Amz-Signature=00',
);

for my $name (sort keys %planted) {
    my ($status, $said) = check('020-auth.t.error.log', $fine,
        '131-hook.t.log', "$fine$line$planted{$name}\n$fine");

    isnt($status, 0, "$name is found");
    like($said, qr/^131-hook\.t\.log:4:/m, '... with the suite and the line');
    unlike($said, qr/^020/m, '... and no other log');
}

# nginx writes the header lines that it refuses, at the "info" level

my $nginx = '2026/01/01 00:00:00 [info] 1#1: *1 client sent duplicate header '
    . "line: \"Authorization: Bearer $token\", client: 127.0.0.1\n";

is((check('020-auth.t.error.log', $nginx))[0], 0, 'a line of nginx at "info"');
isnt((check('020-auth.t.error.log', $nginx =~ s/\[info\]/[error]/r))[0], 0,
     '... and at no other level');

isnt((check())[0], 0, 'that no log was kept is an error');

# what is kept of a log

my $log = "$made/logs";
mkdir $log;

sub keep {
    my ($name, $text) = @_;

    open my $out, '>', "$log/$name" or die;
    print {$out} $text;
    close $out;
    unlink glob "$made/05-secrets.t.*";
    SocialSecrets::keep("$log/$name");

    open my $in, '<', "$made/05-secrets.t.$name" or return '';
    local $/;
    return <$in>;
}

my $debug = "2026/01/01 00:00:00 [debug] 1#1: *1 http header: \"A: b\"\n";
my $ours = "2026/01/01 00:00:00 [debug] 1#1: *1 social: a key\n";

$debug .= "2026/01/01 00:00:00 [debug] 1#1: *1 http proxy header:\n"
    . "\"GET / HTTP/1.0\nAuthorization: Bearer x\n\"\n";

is(keep('error.log', "$fine$debug$ours$fine"), "$fine$ours$fine",
   'of the "debug" level what the module writes');
is(keep('access.log', "127.0.0.1 - \"GET /?a=b\"\n{\"path\":\"/\"}\n"),
   "{\"path\":\"/\"}\n", 'of access logs those in JSON');

done_testing();
