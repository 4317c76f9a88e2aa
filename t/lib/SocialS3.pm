package SocialS3;

# A client of S3 with its own implementation of Signature Version 4, written
# after AWS's description and not after our code, that can send any bytes.
#
#     my $s3 = SocialS3->new(port => $port, base => '/objects/raw');
#     my $got = $s3->request(PUT => '/key', body => 'x');     # signed headers
#     $got = $s3->exchange(GET => $s3->presign(GET => '/key'));   # a signed URL
#     is($got->{status}, 200);
#
# Paths are sent as they are written: escaping is the caller's.

use strict;
use warnings;

use Digest::SHA qw( hmac_sha256 hmac_sha256_hex sha256_hex );
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use SocialSecrets ();

sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        host => '127.0.0.1',
        base => '',
        region => 'eu-west-1',
        access_key => 'AKIAIOSFODNN7EXAMPLE',
        secret => 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        %opt,
    }, $class;

    SocialSecrets::made(@$self{qw( secret token )});
    return $self;
}

sub credentials_text {
    my ($self) = @_;

    return "[default]\naws_access_key_id = $self->{access_key}\n"
           . "aws_secret_access_key = $self->{secret}\n"
           . ($self->{token} ? "aws_session_token = $self->{token}\n" : '');
}

sub host { return "$_[0]{host}:$_[0]{port}" }

sub amz_time { return POSIX::strftime('%Y%m%dT%H%M%SZ', gmtime $_[0]) }

sub escape {
    my ($text) = @_;
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

# A path's canonical form, with one form of escapes.

sub canonical_path {
    my ($path) = @_;
    $path =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return join '/', map { escape($_) } split m{/}, $path, -1;
}

sub signature {
    my ($self, $time, $request) = @_;

    my $day = substr $time, 0, 8;
    my $scope = "$day/$self->{region}/s3/aws4_request";
    my $key = "AWS4$self->{secret}";

    # a secret first, then data under it
    $key = hmac_sha256($_, $key)
        for $day, $self->{region}, 's3', 'aws4_request';

    my $signature = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256', $time,
                                         $scope, sha256_hex($request)), $key);

    SocialSecrets::made($signature);
    return $signature;
}

sub canonical_request {
    my ($method, $path, $query, $headers, $payload) = @_;

    my %header = map { lc() => $headers->{$_} } keys %$headers;
    my @names = sort keys %header;

    return join "\n", $method, canonical_path($path),
        (join '&', sort map { escape($_) . '=' . escape($query->{$_}) }
                        keys %$query),
        (map { my $v = $header{$_}; $v =~ s/\A\s+|\s+\z//g; $v =~ s/ +/ /g;
               "$_:$v" } @names),
        '', (join ';', @names), $payload;
}

# The path and query of a presigned URL.  Options: expires, time, headers (that
# are signed with it), query (more parameters), payload.

sub presign {
    my ($self, $method, $path, %opt) = @_;

    my $time = amz_time($opt{time} // time);
    my %headers = (host => $self->host, %{ $opt{headers} // {} });
    my %query = (
        'X-Amz-Algorithm' => 'AWS4-HMAC-SHA256',
        'X-Amz-Credential' => join('/', $self->{access_key},
                                   substr($time, 0, 8), $self->{region}, 's3',
                                   'aws4_request'),
        'X-Amz-Date' => $time,
        'X-Amz-Expires' => $opt{expires} // 300,
        'X-Amz-SignedHeaders' => join(';', sort map { lc } keys %headers),
        ($self->{token} ? ('X-Amz-Security-Token' => $self->{token}) : ()),
        %{ $opt{query} // {} },
    );

    $path = "$self->{base}$path";

    my $signature = $self->signature($time, canonical_request($method, $path,
        \%query, \%headers, $opt{payload} // 'UNSIGNED-PAYLOAD'));

    return "$path?" . join '&', (map { escape($_) . '=' . escape($query{$_}) }
                                 sort keys %query),
                      "X-Amz-Signature=$signature";
}

# The fields of a form that is signed, with their policy: a list of names and
# values.  Each field is a condition; "conditions" are more of those.  Options:
# bucket, expires, time.

sub form {
    my ($self, $fields, $conditions, %opt) = @_;

    my $time = amz_time($opt{time} // time);
    my $day = substr $time, 0, 8;
    my @fields = (@$fields,
        'x-amz-algorithm' => 'AWS4-HMAC-SHA256',
        'x-amz-credential' => join('/', $self->{access_key}, $day,
                                   $self->{region}, 's3', 'aws4_request'),
        'x-amz-date' => $time,
        ($self->{token} ? ('x-amz-security-token' => $self->{token}) : ()));

    my @pairs = map { [ @fields[2 * $_, 2 * $_ + 1] ] } 0 .. $#fields / 2;
    my $policy = MIME::Base64::encode_base64(JSON::PP->new->encode({
        expiration => POSIX::strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime(
            ($opt{time} // time) + ($opt{expires} // 300))),
        conditions => [ { bucket => $opt{bucket} // 'raw' },
                        (map { { $_->[0] => $_->[1] } } @pairs),
                        @{ $conditions // [] } ] }), '');

    my $key = "AWS4$self->{secret}";
    $key = hmac_sha256($_, $key) for $day, $self->{region}, 's3',
                                     'aws4_request';

    my $signature = hmac_sha256_hex($policy, $key);

    SocialSecrets::made($signature);
    return @fields, policy => $policy, 'x-amz-signature' => $signature;
}

# A body of multipart/form-data, with its headers.  An item of the list that is
# followed by a reference is a file: [ name, bytes ].

sub multipart {
    my (@items) = @_;

    my $boundary = 'boundary-5f3a';
    my $body = '';

    while (my ($name, $value) = splice @items, 0, 2) {
        $body .= "--$boundary\r\nContent-Disposition: form-data; "
            . qq(name="$name")
            . (ref $value ? qq(; filename="$value->[0]"\r\n)
                            . "Content-Type: text/plain\r\n\r\n$value->[1]"
                          : "\r\n\r\n$value") . "\r\n";
    }

    return (body => "$body--$boundary--\r\n", headers => {
        'content-type' => "multipart/form-data; boundary=$boundary" });
}

# Headers that sign a request.  Options: time, headers, query, payload (what
# x-amz-content-sha256 says).

sub sign {
    my ($self, $method, $path, %opt) = @_;

    my $time = amz_time($opt{time} // time);
    my %headers = (
        host => $self->host,
        'x-amz-date' => $time,
        'x-amz-content-sha256' => $opt{payload} // 'UNSIGNED-PAYLOAD',
        ($self->{token} ? ('x-amz-security-token' => $self->{token}) : ()),
        %{ $opt{headers} // {} },
    );

    my $signature = $self->signature($time, canonical_request($method,
        "$self->{base}$path", $opt{query} // {}, \%headers,
        $headers{'x-amz-content-sha256'}));

    $headers{authorization} = 'AWS4-HMAC-SHA256 Credential='
        . join('/', $self->{access_key}, substr($time, 0, 8), $self->{region},
               's3', 'aws4_request')
        . ', SignedHeaders=' . join(';', sort map { lc } keys %headers)
        . ", Signature=$signature";

    return %headers;
}

# A request with signed headers; the body's digest is among them.  Options:
# those of sign(), body, and those of exchange().

sub request {
    my ($self, $method, $path, %opt) = @_;

    my $body = $opt{body};
    my %headers = $self->sign($method, $path,
        payload => sha256_hex($body // ''), %opt);
    my $query = join '&', map { escape($_) . '=' . escape($opt{query}{$_}) }
                          sort keys %{ $opt{query} // {} };

    return $self->exchange($method, "$self->{base}$path"
                       . ($query ne '' ? "?$query" : ''),
                       %opt, headers => { %headers, %{ $opt{extra} // {} } });
}

sub connection {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port}, Timeout => 5)
        // die "cannot connect to $self->{port}: $!\n";
}

# Sends a request as it is.  Options: headers, body, sock (a connection to use
# and to keep).

sub exchange {
    my ($self, $method, $target, %opt) = @_;

    my %headers = (host => $self->host, %{ $opt{headers} // {} });
    my $sock = $opt{sock} // $self->connection;
    my $body = $opt{body};

    $headers{'content-length'} //= length $body
        if defined $body && !grep { lc eq 'transfer-encoding' } keys %headers;
    $headers{connection} = 'close' if !$opt{sock};

    my $text = join '', "$method $target HTTP/1.1\r\n",
        (map { defined $headers{$_} ? "$_: $headers{$_}\r\n" : () }
         sort keys %headers), "\r\n";

    local $SIG{PIPE} = 'IGNORE';
    print {$sock} $text, $body // '';
    $sock->flush;

    return read_answer($sock, $method);
}

sub read_answer {
    my ($sock, $method) = @_;

    my $text = '';
    local $SIG{ALRM} = sub { die "no answer in 30 s\n" };
    alarm 30;

    while ($text !~ /\r\n\r\n/) {
        sysread $sock, $text, 65536, length $text or last;
        $text =~ s/\AHTTP\/1\.1 100 .*?\r\n\r\n//s;
    }

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ m{\AHTTP/1\.1 (\d+)};

    if (!$status) {
        alarm 0;
        return { status => 0, headers => {}, body => '' };
    }

    my %headers = map { lc($_->[0]) => $_->[1] } map { [ split /:\s*/, $_, 2 ] }
                  (split /\r\n/, $head)[1 .. ($head =~ tr/\n//)];
    my $length = $method eq 'HEAD' || $status == 304 || $status == 204 ? 0
                 : $headers{'content-length'};

    while (!defined $length || length $body < $length) {
        sysread $sock, $body, 1 << 20, length $body or last;
    }

    alarm 0;

    $body = unchunked($body)
        if ($headers{'transfer-encoding'} // '') =~ /chunked/i;

    my ($code) = $body =~ m{<Code>(\w+)</Code>};

    SocialSecrets::made_in($body);

    return { status => $status, headers => \%headers, body => $body,
             code => $code // '' };
}

sub unchunked {
    my ($text) = @_;
    my $body = '';

    while ($text =~ s/\A([0-9A-Fa-f]+)[^\r\n]*\r\n// && hex $1) {
        my $size = hex $1;
        $body .= substr $text, 0, $size;
        substr $text, 0, $size + 2, '';
    }

    return $body;
}

1;
