package SocialHostile;

# Hostile tokens, after RFC 8725 and the lists of the usual attack tools.  All
# of them must be refused; each has a name, a class, the section that it goes
# against and the value of the Authorization header that carries it:
#
#     my @corpus = SocialHostile::corpus($keys);
#     # { name, class, rfc, value, nginx, none }
#
# "nginx": a value that nginx itself may refuse, with 400, and close the
# connection.  "none": another scheme or no token at all, which is accepted
# where a token is optional.  The list is the same for the same keys and the
# same second (ECDSA's signatures apart).

use strict;
use warnings;

use Digest::SHA ();
use Encode ();
use JSON::PP ();
use MIME::Base64 ();
use SocialHostile::Claims ();
use SocialHostile::Form ();
use SocialHostile::Keys ();
use SocialToken;

my @corpus;
my ($class, $rfc);
my %count;

# Sets the class of the tokens that are added next.

sub class {
    ($class, $rfc) = @_;
    return;
}

# Any value of the header.

sub value {
    my ($name, $value, %more) = @_;

    push @corpus, { name => $name, class => $class, rfc => $rfc,
                    value => $value, %more };
    return;
}

sub attack {
    my ($name, $token, %more) = @_;
    value($name, "Bearer $token", %more);
    return;
}

# A header, or a payload, with a valid signature.

sub header { attack($_[0], signed($_[1], payload_text())); return }
sub payload { attack($_[0], signed(header_text(), $_[1])); return }

# The text of an object with more members after its own.

sub member {
    my ($text, @members) = @_;

    $text =~ s/\}\z/join ',', '', @members/e;
    return "$text}";
}

# A text for the name of an attack: short and printable.

sub shown {
    my ($text) = @_;

    (my $name = length $text > 44 ? substr($text, 0, 44) . '...' : $text)
        =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    return $name;
}

sub corpus {
    my ($keys) = @_;

    if (!@corpus) {
        SocialHostile::Keys::add($keys);
        SocialHostile::Form::add($keys);
        SocialHostile::Claims::add();

        for my $attack (@corpus) {
            my $n = ++$count{"$attack->{class}: $attack->{name}"};
            $attack->{name} .= " ($n)" if $n > 1;
        }
    }

    return @corpus;
}

1;
