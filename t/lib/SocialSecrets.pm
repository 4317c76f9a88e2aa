package SocialSecrets;

# What no log may have: the tokens, keys, signatures and signed URLs that the
# suites make.  scripts/test sets SOCIAL_SECRETS, a directory; who makes a
# secret notes it there, and who removes a log keeps it there first.  At the
# end, scripts/check-secrets searches all logs for all secrets.  Without the
# variable nothing is noted.
#
#     SocialSecrets::made($token);
#     SocialSecrets::made_in($answer);         # the signatures in some text
#     SocialSecrets::keep("$dir/error.log");

use strict;
use warnings;

use Fcntl qw( O_WRONLY O_APPEND O_CREAT );
use File::Basename ();

# A part of a secret that is in no other text; what is shorter, or has few
# different characters, might be.
my ($least, $most, $different) = (16, 40, 8);

my $dir = $ENV{SOCIAL_SECRETS};
my $suite = File::Basename::basename($0);
my ($out, %noted);

# Notes secrets.  Of a token it is the signature, since others may have the same
# claims.

sub made {
    my (@secrets) = @_;

    return if !defined $dir;

    for my $secret (@secrets) {
        next if !defined $secret;

        my ($part) = $secret =~ /\A[\w-]+\.[\w-]*\.([\w-]*)\z/;
        note($part // $secret);
    }

    return;
}

sub note {
    my ($secret) = @_;

    (my $escaped = $secret) =~ s{([/+=])}{sprintf '%%%02X', ord $1}ge;

    for my $text ($secret, $escaped) {
        my $part = substr $text, 0, $most;

        my %characters = map { $_ => 1 } split //, $part;

        next if length $part < $least || $part =~ /[^!-~]/
            || keys %characters < $different || $noted{$part}++;

        if (!$out) {
            sysopen $out, "$dir/secrets", O_WRONLY | O_APPEND | O_CREAT
                or die "$dir/secrets: $!\n";
        }

        syswrite $out, "$part\n";
    }

    return;
}

# Notes what a gateway has signed and sent.

sub made_in {
    my ($text) = @_;

    return if !defined $dir || $text !~ /[Ss]ignature|eyJ/;

    for my $form (qr/\bX-Amz-Signature["']?\s*[=:]\s*"?([0-9a-f]{64})/i,
        qr/\b(?:Signature|social-signature)=([0-9a-f]{64})/,
        qr/\b(eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{16,})/)
    {
        made($1) while $text =~ /$form/g;
    }

    return;
}

# Adds what logs have to those that are kept.  nginx writes each header line at
# the "debug" level: of that level only lines of this module are kept.  Access
# logs of the suites have nginx's own format, with arguments: only those in
# JSON are kept.

sub keep {
    my (@logs) = @_;

    return if !defined $dir;

    for my $log (@logs) {
        open my $in, '<', $log or next;
        binmode $in;

        my $name = File::Basename::basename($log);
        my $access = $name =~ /access/;
        my ($text, $skipped) = ('', 0);

        while (my $line = <$in>) {
            # a message may have several lines

            if ($line =~ m{\A\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[}) {
                $skipped = index($line, ' [debug] ') >= 0
                    && $line !~ /\[debug\] \d+#\d+: (?:\*\d+ )?social/;
            }

            next if $skipped || $access && $line !~ /\A\{/;

            $text .= $line;
        }

        close $in;
        next if $text eq '';

        open my $to, '>>', "$dir/$suite.$name" or die "$dir/$suite.$name: $!\n";
        binmode $to;
        print {$to} $text;
        close $to or die "$dir/$suite.$name: $!\n";
    }

    return;
}

1;
