package SocialBucket;

# A subset of S3, for as long as the suite runs.  Buckets are directories: GET
# returns the file DIR/BUCKET/KEY, and PUT writes it.  A request is refused
# unless its signature is the one that SocialS3 computes.
#
#     my $buckets = SocialBucket->start($dir);        # mkdir "$dir/raw"
#     print $conf "bucket raw { @{[ $buckets->conf ]} }";
#
# Options: address (127.0.0.1), token (of temporary keys), answer => sub {
# my ($socket, $request) = @_ ... }, which may send another response, and then
# returns true.
#
# PUT writes to DIR/.put and renames the file, so that no reader sees a part.

use strict;
use warnings;

use Digest::MD5 ();
use Digest::SHA qw( sha256_hex );
use File::Path ();
use IO::Socket::INET ();
use POSIX ();
use Time::Local ();

use SocialS3;

my $main = $$;
my @pids;

sub start {
    my ($class, $dir, %opt) = @_;

    my $address = $opt{address} //= '127.0.0.1';
    my $listener = IO::Socket::INET->new(LocalAddr => $address,
        Listen => 128, ReuseAddr => 1) // die "listen: $!\n";
    my $self = bless { dir => "$dir", port => $listener->sockport, %opt },
        $class;

    $self->{s3} = SocialS3->new(port => $self->{port}, region => 'eu-west-1',
        token => $opt{token});

    File::Path::make_path("$dir/.put");
    $self->{credentials} = "$dir/.put/credentials";

    open my $file, '>', $self->{credentials} or die "credentials: $!\n";
    print $file "[backup]\naws_access_key_id = AKIDNOBODY\n",
        "aws_secret_access_key = nothing\n\n", $self->{s3}->credentials_text;
    close $file;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        # not among those that prove waits for
        open STDOUT, '>', '/dev/null';
        $self->serve($listener);
        POSIX::_exit(0);
    }

    push @pids, $pid;
    return $self;
}

# The lines of a section "bucket".  Options replace them.

sub conf {
    my ($self, %opt) = @_;

    my %line = (
        endpoint => "http://$self->{address}:$self->{port}",
        region => 'eu-west-1',
        credentials => "file $self->{credentials}",
        %opt,
    );

    return join ' ', map { qq($_ = "$line{$_}") } sort keys %line;
}

sub serve {
    my ($self, $listener) = @_;

    local $SIG{CHLD} = 'IGNORE';
    local $SIG{TERM} = 'DEFAULT';
    my $parent = getppid;

    while (1) {
        my $in = '';
        vec($in, fileno $listener, 1) = 1;

        if (!select $in, undef, undef, 1) {
            return if getppid != $parent;
            next;
        }

        my $socket = $listener->accept or next;
        my $pid = fork;

        if (defined $pid && $pid == 0) {
            close $listener;
            $SIG{CHLD} = 'DEFAULT';
            eval { $self->exchange($socket) };
            POSIX::_exit(0);
        }
    }

    return;
}

sub exchange {
    my ($self, $socket) = @_;

    alarm 120;
    binmode $socket;

    my $text = '';

    while ($text !~ /\r\n\r\n/) {
        sysread $socket, $text, 65536, length $text or return;
    }

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my %headers = map { /\A([^:]+):\s*(.*?)\s*\z/ ? (lc $1 => $2) : () } @lines;
    my ($method, $path, $query)
        = $line =~ m{\A(\w+) ([^ ?]*)\??(\S*) HTTP/1\.1\z} or return;

    while (length $body < ($headers{'content-length'} // 0)) {
        sysread $socket, $body, 1 << 20, length $body or return;
    }

    my %request = (method => $method, path => $path, query => $query,
                   headers => \%headers, body => $body);

    return if $self->{answer} && $self->{answer}->($socket, \%request);

    my @answer = $self->refused(\%request);
    @answer = $self->answer(\%request) if !@answer;
    answer_with($socket, $method, @answer);

    return;
}

sub answer_with {
    my ($socket, $method, $status, $body, @headers) = @_;

    $body = qq(<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>$body)
        . '</Code><Message>No.</Message></Error>' if $status >= 400;

    print {$socket} join "\r\n", "HTTP/1.1 $status X",
        'Content-Length: ' . length($body), 'Connection: close', @headers, '',
        $method eq 'HEAD' || $status == 204 ? '' : $body;
    $socket->flush;

    return;
}

# Whether the request is signed, with headers, as SocialS3 signs it now.

sub refused {
    my ($self, $request) = @_;

    my $headers = $request->{headers};
    my ($who, $names, $signature) = ($headers->{authorization} // '')
        =~ m{\AAWS4-HMAC-SHA256[ ]Credential=([^/]+)/\S+,[ ]
             SignedHeaders=(\S+),[ ]Signature=(\w+)\z}x;

    return (403, 'AccessDenied') if !$who || $request->{query} ne '';
    return (403, 'InvalidAccessKeyId') if $who ne $self->{s3}{access_key};
    return (400, 'XAmzContentSHA256Mismatch')
        if $headers->{'x-amz-content-sha256'} ne sha256_hex($request->{body});

    my $time = $headers->{'x-amz-date'};
    my ($y, $m, @rest) = $time =~ /\A(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\z/
        or return (403, 'AccessDenied');

    return (403, 'RequestTimeTooSkewed')
        if abs(time - Time::Local::timegm(reverse(@rest), $m - 1, $y)) > 900;

    my %signed = map { $_ => $headers->{$_} // '' } split /;/, $names;

    for (qw( host x-amz-date x-amz-content-sha256 content-type cache-control
             x-amz-security-token ))
    {
        return (403, 'AccessDenied')
            if exists $headers->{$_} && !exists $signed{$_};
    }

    return (400, 'InvalidToken')
        if ($headers->{'x-amz-security-token'} // '') ne ($self->{token} // '');

    return if $signature eq $self->{s3}->signature($time,
        SocialS3::canonical_request($request->{method}, $request->{path}, {},
            \%signed, $headers->{'x-amz-content-sha256'}));

    return (403, 'SignatureDoesNotMatch');
}

sub answer {
    my ($self, $request) = @_;

    (my $name = $request->{path}) =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    my ($bucket, $key) = $name =~ m{\A/([^/]+)/(.+)\z}
        or return (400, 'InvalidURI');
    my ($root, $file) = ("$self->{dir}/$bucket", "$self->{dir}/$bucket/$key");

    # a file's name has fewer characters than a key

    s{(?<=/)\.\.(?=/)}{%2E%2E}g for $file;

    return (404, 'NoSuchBucket') if !-d $root;

    if ($request->{method} eq 'PUT') {
        my $put = "$self->{dir}/.put/$$";
        (my $folder = $file) =~ s{/[^/]*\z}{};

        File::Path::make_path($folder);
        open my $out, '>:raw', $put or return (500, 'InternalError');
        print $out $request->{body};
        close $out;
        rename $put, $file or return (500, 'InternalError');

        return (200, '');
    }

    if ($request->{method} eq 'DELETE') {
        my $match = $request->{headers}{'if-match'};

        if (defined $match && -f $file) {
            open my $in, '<:raw', $file or return (500, 'InternalError');
            return (412, 'PreconditionFailed')
                if $match ne '"' . Digest::MD5->new->addfile($in)->hexdigest
                             . '"';
        }

        unlink $file;
        return (204, '');
    }

    open my $in, '<:raw', $file or return (404, 'NoSuchKey');
    local $/;
    my $data = <$in>;

    return (200, $data // '', 'Last-Modified: '
            . POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT',
                              gmtime((stat $in)[9])));
}

END {
    if ($$ == $main) {
        local $?;
        kill 'TERM', @pids;
        waitpid $_, 0 for @pids;
    }
}

1;
