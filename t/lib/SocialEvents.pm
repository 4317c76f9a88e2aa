package SocialEvents;

# Events of object stores as their senders write them, and an SNS of the test's
# own, which signs with a certificate of the test's own authority.
#
#     my $body = records(aws(key => 'a+b', seq => '0A', etag => 'e'));
#     my $sns = SocialEvents->sns($dir, $port);     # makes keys in $dir
#     my $message = $sns->message(Message => $body);
#
# The server at $port has the certificates that are in "$dir/sns".

use strict;
use warnings;

use Crypt::OpenSSL::RSA ();
use Exporter qw( import );
use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use POSIX ();

our @EXPORT_OK = qw( aws minio ceph bridge records json );

my $json = JSON::PP->new->canonical->utf8;

sub json { return $json->encode($_[0]) }

sub records { return json({ Records => [ @_ ] }) }

sub record {
    my ($source, $prefix, $version, %o) = @_;

    my %object = (key => $o{key}, size => $o{size} // 5,
                  eTag => $o{etag} // 'e');
    $object{sequencer} = $o{seq} if defined $o{seq};
    $object{versionId} = $o{version} if defined $o{version};

    return {
        eventVersion => $version,
        eventSource => "$source:s3",
        awsRegion => 'eu-west-1',
        eventTime => $o{time} // '2026-01-01T00:00:00.000Z',
        eventName => $prefix . ($o{name} // 'ObjectCreated:Put'),
        userIdentity => { principalId => 'AIDA' },
        requestParameters => { sourceIPAddress => '127.0.0.1' },
        responseElements => { 'x-amz-request-id' => 'C3' },
        s3 => {
            s3SchemaVersion => '1.0', configurationId => 'uploads',
            bucket => { name => $o{bucket} // 'example-uploads',
                        arn => 'arn:aws:s3:::example-uploads' },
            object => \%object,
        },
    };
}

sub aws { return record('aws', '', '2.1', @_) }
sub minio { return record('minio', 's3:', '2.0', @_) }

sub ceph {
    my (%o) = @_;

    my $record = record('ceph', '', '2.1', %o);
    $record->{eventId} = '';
    $record->{opaqueData} = $o{opaque} if defined $o{opaque};

    return $record;
}

sub bridge {
    my (%o) = @_;

    my %object = (key => $o{key}, size => $o{size} // 5,
                  etag => $o{etag} // 'e', sequencer => $o{seq});

    return {
        version => '0', id => '17793124', 'detail-type' => $o{name}
            // 'Object Created',
        source => $o{source} // 'aws.s3', account => '123456789012',
        time => '2026-01-01T00:00:00Z', region => 'eu-west-1',
        resources => [ 'arn:aws:s3:::example-uploads' ],
        detail => { version => '0',
                    bucket => { name => $o{bucket} // 'example-uploads' },
                    object => \%object, reason => 'PutObject' },
    };
}


sub run {
    my (@command) = @_;

    my $log = `@{[ join ' ', map { "'$_'" } @command ]} 2>&1`;
    die "@command: $log" if $?;
    return;
}

# An authority, and a certificate of it for some hosts; both in the folder.

sub authority {
    my ($dir, $name) = @_;

    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout',
        "$dir/$name-ca.key", '-out', "$dir/$name-ca.pem", '-days', 2,
        '-subj', "/CN=$name authority");
    return;
}

sub certificate {
    my ($dir, $authority, $name, $host, @more) = @_;

    run('openssl', 'req', '-newkey', 'rsa:2048', '-nodes', '-keyout',
        "$dir/$name.key", '-out', "$dir/$name.csr", '-subj', "/CN=$host");

    open my $f, '>', "$dir/$name.ext" or die;
    print $f 'subjectAltName=', (join ',', map { "DNS:$_" } $host, @more), "\n";
    close $f;

    run('openssl', 'x509', '-req', '-in', "$dir/$name.csr", '-CA',
        "$dir/$authority-ca.pem", '-CAkey', "$dir/$authority-ca.key",
        '-CAcreateserial', '-days', 2, '-extfile', "$dir/$name.ext", '-out',
        "$dir/$name.pem");
    return;
}

# "good" is what SNS signs with; "foreign" of an authority that is not ours;
# "other" for another host.  "tls" is the server's.

sub sns {
    my ($class, $dir, $port) = @_;

    mkdir "$dir/sns";

    authority($dir, $_) for qw( our foreign );
    certificate($dir, 'our', $_, 'localhost') for qw( tls good );
    certificate($dir, 'foreign', 'foreign', 'localhost');
    certificate($dir, 'our', 'other', 'elsewhere');

    for my $name (qw( good foreign other )) {
        run('cp', "$dir/$name.pem", "$dir/sns/$name.pem");
    }

    return bless { dir => $dir, port => $port, n => 0,
        topic => 'arn:aws:sns:eu-west-1:123456789012:uploads' }, $class;
}

# A message; "undef" removes a member, and "_by", "_version" and "_forge" say
# which key signs, how, and what is changed after that.

sub message {
    my ($self, %o) = @_;

    my $by = delete $o{_by} // 'good';
    my $version = delete $o{_version} // 1;
    my %forge = %{ delete $o{_forge} // {} };
    my $now = delete $o{_time} // time;

    my %m = (
        Type => 'Notification',
        MessageId => sprintf('22b80b92-fdea-4c2c-8f9d-%012d', ++$self->{n}),
        TopicArn => $self->{topic},
        Message => '{}',
        Timestamp => POSIX::strftime('%Y-%m-%dT%H:%M:%S.123Z', gmtime $now),
        SignatureVersion => "$version",
        SigningCertURL => "https://localhost:$self->{port}/$by.pem",
        UnsubscribeURL => "https://localhost:$self->{port}/?Action=Unsubscribe",
        %o,
    );

    delete @m{ grep { !defined $m{$_} } keys %m };

    my @names = $m{Type} eq 'Notification'
        ? qw( Message MessageId Subject Timestamp TopicArn Type )
        : qw( Message MessageId SubscribeURL Timestamp Token TopicArn Type );

    my $text = join '', map { defined $m{$_} ? "$_\n$m{$_}\n" : () } @names;

    utf8::encode($text);

    my $key = $self->{keys}{$by} //= do {
        open my $f, '<', "$self->{dir}/$by.key" or die;
        local $/;
        Crypt::OpenSSL::RSA->new_private_key(<$f>);
    };

    $version eq '2' ? $key->use_sha256_hash : $key->use_sha1_hash;
    $m{Signature} = encode_base64($key->sign($text), '');

    return $json->encode({ %m, %forge });
}

sub confirmation {
    my ($self, %o) = @_;

    return $self->message(
        Type => 'SubscriptionConfirmation', Token => '2336',
        Message => 'You have chosen to subscribe to the topic.',
        SubscribeURL => "https://localhost:$self->{port}/?Action="
            . "ConfirmSubscription&TopicArn=$self->{topic}&Token=2336",
        %o);
}

1;
