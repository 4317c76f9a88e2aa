package Test::Nginx::Checks;

# The checks of one response against the sections of its block.

use strict;
use warnings;

use Digest::MD5 ();
use Digest::SHA ();
use Test::Base ();
use Test::More ();
use Test::Nginx::Http;
use Test::Nginx::Util;

# With several requests in a block, what is expected must be an array of one
# element for each; with one request it may be.

sub expected {
    my ($block, $section, $req) = @_;

    my $value = section($block, $section);

    if (ref $value eq 'ARRAY') {
        return $value->[$req->{index}];
    }

    if ($req->{many}) {
        bail_out($block->name . " - the block has several requests, "
                 . "so its $section must be an array");
    }

    return $value;
}

sub check_response {
    my ($block, $res, $req) = @_;

    check_code($block, $res, $req);
    check_raw_headers($block, $res, $req);
    check_headers($block, $res, $req);
    filter_body($block, $res, $req);
    check_body($block, $res, $req);

    for my $check (@Test::Nginx::Util::ResponseBodyChecks) {
        $check->($block, $res->{body}, $req->{index}, $req->{repeat}, 0);
    }
}

sub check_code {
    my ($block, $res, $req) = @_;

    my $code = $res->{code} // '';
    my $title = $block->name . ' - status code';

    if (defined section($block, 'error_code_like')) {
        my $like = expected($block, 'error_code_like', $req);
        Test::More::like($code, qr/$like/sm, $title);
        return;
    }

    my $want = defined section($block, 'error_code')
               ? expected($block, 'error_code', $req) : 200;

    Test::More::is($code, $want, $title);
}

sub check_raw_headers {
    my ($block, $res, $req) = @_;

    my $name = $block->name;
    my $raw = $res->{raw_headers};

    if (defined section($block, 'raw_response_headers_like')) {
        my $like = expected($block, 'raw_response_headers_like', $req);
        Test::More::like($raw, qr/$like/s,
                         "$name - raw_response_headers_like");
    }

    if (defined section($block, 'raw_response_headers_unlike')) {
        my $unlike = expected($block, 'raw_response_headers_unlike', $req);
        Test::More::unlike($raw, qr/$unlike/s,
                           "$name - raw_response_headers_unlike");
    }
}

# "Name: value" lines, and "! Name" for a header that must not be there.  Of
# two lines with one name the last holds, as in the original, where that is
# one test; so answers with [name, value] once a name.

sub header_lines {
    my ($text) = @_;

    my (@names, %value);

    for my $line (split /\n/, $text // '') {
        $line =~ s/\A\s+|\s+\z//g;

        my ($name, $value);

        if ($line =~ s/\A!\s*//) {
            $name = $line;

        } else {
            ($name, $value) = split /\s*:\s*/, $line, 2;
            $name //= '';
        }

        push @names, $name if !exists $value{$name};
        $value{$name} = $value;
    }

    return map { [ $_, $value{$_} ] } @names;
}

sub check_headers {
    my ($block, $res, $req) = @_;

    my $name = $block->name;

    if (defined section($block, 'response_headers')) {
        my $text = expected($block, 'response_headers', $req);

        for my $line (header_lines($text)) {
            my ($header, $value) = @$line;
            my $got = Test::Nginx::Http::header($res, $header);

            if (!defined $value) {
                Test::More::is($got, undef,
                               "$name - header $header must be absent");
                next;
            }

            Test::More::is($got // '', expand_port($value),
                           "$name - header $header");
        }

        return;
    }

    if (defined section($block, 'response_headers_like')) {
        my $text = expected($block, 'response_headers_like', $req);

        for my $line (header_lines($text)) {
            my ($header, $value) = @$line;
            my $got = Test::Nginx::Http::header($res, $header) // '';
            $value //= '';

            Test::More::like($got, qr/^$value$/,
                             "$name - header $header is like");
        }
    }
}

sub expand_port {
    my ($text) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s/\$ServerPort\b/$ServerPort/g;
    $text =~ s/\$ServerPortForClient\b/$ServerPortForClient/g;
    return $text;
}

my %filters = (
    md5_hex  => \&Digest::MD5::md5_hex,
    sha1_hex => \&Digest::SHA::sha1_hex,
    uc       => sub { uc $_[0] },
    lc       => sub { lc $_[0] },
    ucfirst  => sub { ucfirst $_[0] },
    lcfirst  => sub { lcfirst $_[0] },
    length   => sub { length $_[0] },
);

# "--- response_body_filters": names, or functions, or an array of arrays of
# them, one for each request.

sub filter_body {
    my ($block, $res, $req) = @_;

    my $name = $block->name;
    my $list = section($block, 'response_body_filters');

    return if !defined $list;

    $list = [ split ' ', $list ] if !ref $list;
    $list = [ $list ] if ref $list ne 'ARRAY';
    $list = $list->[$req->{index}] if ref $list->[0] eq 'ARRAY';

    for my $filter (@{ $list // [] }) {
        my $code = ref $filter eq 'CODE' ? $filter : $filters{$filter};

        bail_out("$name - unknown response body filter \"$filter\"")
            if !$code;

        $res->{body} = $code->($res->{body});
    }
}

sub check_body {
    my ($block, $res, $req) = @_;

    my $name = $block->name;
    my $body = $res->{body};
    my $where = "(repeat $req->{repeat}, req $req->{index})";

    if (defined section($block, 'response_body')) {
        my $want = expected($block, 'response_body', $req);
        my $title = "$name - response_body $where";

        $want = expand_env(expand_port($want), $name, $req->{ports});

        if (ref $want) {
            Test::More::like($body, $want, $title);

        } else {
            is_str($body, $want, $title);
        }

        return;
    }

    # of the two the first counts, as in the original

    if (defined section($block, 'response_body_like')) {
        my $like = expand_port(expected($block, 'response_body_like', $req));
        Test::More::like($body, qr/$like/s,
                         "$name - response_body_like $where");

    } elsif (defined section($block, 'response_body_unlike')) {
        my $unlike = expand_port(expected($block, 'response_body_unlike',
                                          $req));
        Test::More::unlike($body, qr/$unlike/s,
                           "$name - response_body_unlike $where");
    }
}

# Compares strings.  A long one that differs is shown around the first
# difference only, unless no_long_string() was called.

sub is_str (@) {
    my ($got, $want, $title) = @_;

    return Test::More::like($got, $want, $title)
        if ref $want eq 'Regexp';

    if ($Test::Nginx::Util::NoLongString || !defined $got || !defined $want
        || length $got < 400 && length $want < 400)
    {
        return Test::Base::is($got, $want, $title);
    }

    my $ok = Test::More::ok($got eq $want, $title);

    if (!$ok) {
        my $common = "$got\0" ^ "$want\0";
        my $at = $common =~ /[^\0]/ ? $-[0] : length $common;
        my $from = $at > 40 ? $at - 40 : 0;

        Test::More::diag(
            sprintf("     got: length %d, \"%s\"\n"
                    . "expected: length %d, \"%s\"\n"
                    . "they differ at byte %d; shown from byte %d",
                    length $got, visible(substr $got, $from, 120),
                    length $want, visible(substr $want, $from, 120),
                    $at, $from));
    }

    return $ok;
}

sub visible {
    my ($text) = @_;

    $text =~ s/\n/\\n/g;
    $text =~ s/\r/\\r/g;
    $text =~ s/([^ -~])/sprintf '\\x{%02x}', ord $1/ge;
    return $text;
}

1;
