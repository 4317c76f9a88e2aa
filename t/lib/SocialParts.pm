package SocialParts;

# A store of uploads in parts, as S3 has them, for tests of who asks it: a child
# process that ends with its object.  It verifies presigned URLs, knows which
# key an upload is of, and does what the file "mode" of its directory says:
#
#     down        503 to everything        denied      403
#     hang        no answer while it does  junk        200 with something else
#     late        200 and then an error to CompleteMultipartUpload
#     ceph        NoSuchKey, and not NoSuchUpload, as radosgw says it
#     page=N      that many parts in a page of ListParts
#
# Each request is a line of the file "requests".

use strict;
use warnings;

use Digest::MD5 qw( md5_hex );
use IO::Socket::INET ();
use Time::HiRes qw( sleep );
use SocialS3;

sub start {
    my ($class, $s3, $dir) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
        LocalPort => $s3->{port}, ReuseAddr => 1)
        or die "cannot listen on $s3->{port}: $!\n";

    my $self = bless { owner => $$, dir => $dir }, $class;
    $self->mode('');

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{TERM} = sub { require POSIX; POSIX::_exit(0) };
        $SIG{PIPE} = 'IGNORE';
        my %uploads;

        while (my $client = $listen->accept) {
            my $answer = eval { serve($s3, $dir, \%uploads, $client) };
            print {$client} $answer // answer(500, "<Error>$@</Error>");
            close $client;
        }

        require POSIX;
        POSIX::_exit(0);
    }

    close $listen;
    $self->{pid} = $pid;
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    local $?;
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

sub mode {
    my ($self, $mode) = @_;
    open my $out, '>', "$self->{dir}/mode" or die;
    print {$out} $mode;
    close $out;
    return;
}

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    local $/;
    return scalar <$in>;
}

# the requests since the last call

sub requests {
    my ($self) = @_;
    my @lines = split /\n/, slurp("$self->{dir}/requests");
    unlink "$self->{dir}/requests";
    return @lines;
}

sub answer {
    my ($status, $body, @headers) = @_;
    return "HTTP/1.1 $status X\r\n" . join('', map { "$_\r\n" } @headers)
           . 'Content-Length: ' . length($body)
           . "\r\nConnection: close\r\n\r\n$body";
}

sub unescape {
    my ($text) = @_;
    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $text;
}

sub error {
    my ($status, $code) = @_;
    return answer($status, "<Error><Code>$code</Code></Error>",
                  'Content-Type: application/xml');
}

sub serve {
    my ($s3, $dir, $uploads, $client) = @_;

    my $text = '';
    while ($text !~ /\r\n\r\n/) {
        sysread($client, $text, 65536, length $text) or return '';
    }

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    while (length $body < ($length // 0)) {
        sysread($client, $body, 65536, length $body) or return '';
    }

    my ($method, $path, $query) = $head =~ m{\A(\w+) ([^ ?]+)\??(\S*) };
    my %headers = $head =~ /^([\w-]+): (.*?)\r?$/mg;
    %headers = map { lc() => $headers{$_} } keys %headers;
    my %query = map { unescape($_) }
                map { /\A([^=]*)=?(.*)/ ? ($1, $2) : () } split /&/, $query;

    my $signature = delete $query{'X-Amz-Signature'} // '';
    my %signed = map { $_ => $headers{$_} // '' }
                 split /;/, $query{'X-Amz-SignedHeaders'} // '';
    my $wanted = $s3->signature($query{'X-Amz-Date'} // '20000101T000000Z',
        SocialS3::canonical_request($method, $path, \%query, \%signed,
                                    'UNSIGNED-PAYLOAD'));

    open my $log, '>>', "$dir/requests" or die;
    print {$log} join(' ', $method, $path,
        (map { "$_=$query{$_}" } grep { !/\AX-Amz/ } sort keys %query),
        $headers{'content-type'} // '-'), "\n";
    close $log;

    return error(403, 'SignatureDoesNotMatch') if $signature ne $wanted;

    my $mode = slurp("$dir/mode");
    return error(503, 'SlowDown') if $mode eq 'down';
    return error(403, 'AccessDenied') if $mode eq 'denied';
    return answer(200, '<x>' . 'y' x 100 . '</x>') if $mode eq 'junk';
    if ($mode eq 'hang') {
        for (1 .. 100) {
            last if slurp("$dir/mode") ne 'hang';
            sleep 0.1;
        }
        return '';
    }

    if ($method eq 'POST' && exists $query{uploads}) {
        my $id = 'up/load+' . ++$uploads->{count} . '=';
        $uploads->{$id} = { key => $path, parts => {},
                            type => $headers{'content-type'} };
        return answer(200, "<?xml version=\"1.0\"?>\n"
            . '<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/'
            . "doc/2006-03-01/\"><UploadId>$id</UploadId>"
            . '</InitiateMultipartUploadResult>');
    }

    my $upload = $uploads->{ $query{uploadId} // '' };
    undef $upload if !ref $upload;

    # an upload is of its key

    return error(404, $mode eq 'ceph' ? 'NoSuchKey' : 'NoSuchUpload')
        if !$upload || $upload->{key} ne $path;

    if ($method eq 'PUT') {
        my $etag = '"' . md5_hex($body) . '"';
        $upload->{parts}{ $query{partNumber} } = [ length $body, $etag ];
        return answer(200, '', "ETag: $etag");
    }

    if ($method eq 'GET') {
        my @numbers = sort { $a <=> $b } keys %{ $upload->{parts} };
        @numbers = grep { $_ > ($query{'part-number-marker'} // 0) } @numbers;
        my ($page) = $mode =~ /\Apage=(\d+)/;
        my $more = $page && @numbers > $page;
        splice @numbers, $page if $more;

        return answer(200, '<ListPartsResult>'
            . "<IsTruncated>@{[ $more ? 'true' : 'false' ]}</IsTruncated>"
            . ($more ? '<NextPartNumberMarker>' . $numbers[-1]
                       . '</NextPartNumberMarker>' : '')
            . join('', map { my ($size, $etag) = @{ $upload->{parts}{$_} };
                             $etag =~ s/"/&quot;/g;
                             "<Part><PartNumber>$_</PartNumber><ETag>$etag"
                             . "</ETag><Size>$size</Size></Part>" } @numbers)
            . '</ListPartsResult>');
    }

    if ($method eq 'POST') {
        return answer(200, '  <Error><Code>InternalError</Code></Error>')
            if $mode eq 'late';

        my @parts = $body =~ m{<Part><PartNumber>(\d+)</PartNumber>
                               <ETag>(.*?)</ETag></Part>}xg;
        while (my ($number, $etag) = splice @parts, 0, 2) {
            $etag =~ s/&quot;|"//g;
            my $part = $upload->{parts}{$number};
            return error(400, 'InvalidPart')
                if !$part || $part->[1] ne qq("$etag");
        }

        delete $uploads->{ $query{uploadId} };
        return answer(200, ' <CompleteMultipartUploadResult>'
            . '<ETag>"x-2"</ETag></CompleteMultipartUploadResult>');
    }

    delete $uploads->{ $query{uploadId} };
    return "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n";
}

1;
