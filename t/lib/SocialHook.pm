package SocialHook;

# What the suites of hooks share: a database, the secrets, events, and two
# signers that do not use our code: Standard Webhooks and SigV4.
#
#     use SocialHook;      # starts PostgreSQL, or skips the suite
#
# Configurations have $TEST_NGINX_PG (conninfo) and $TEST_NGINX_HOOKS (a
# folder with "now" and "before" of secrets, "credentials").

use strict;
use warnings;

use Digest::SHA qw( hmac_sha256 hmac_sha256_hex sha256_hex );
use Exporter qw( import );
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use POSIX ();
use SocialPostgres;
use SocialSecrets ();
use Test::More ();

our @EXPORT = qw( event webhook sigv4 invoke $pg $sub hook_config );

our $sub = '164961f8-13f7-40ed-a8ca-d441d8ec4724';
our $pg;

my $json = JSON::PP->new->canonical->utf8;

my %secret = (
    now    => join('', map { chr } 1 .. 32),
    before => join('', map { chr } 101 .. 132),
    other  => join('', map { chr } 201 .. 232),
);

my $dir = File::Temp::tempdir('social-hook-XXXXXX', TMPDIR => 1,
                              CLEANUP => 1);
chmod 0755, $dir;

sub write_file {
    my ($name, $text) = @_;

    open my $f, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $f $text;
    close $f or die "$dir/$name: $!\n";
}

SocialSecrets::made(map { encode_base64($_, '') } values %secret);
SocialSecrets::made('sEcReT/with+signs=');
write_file($_, 'whsec_' . encode_base64($secret{$_}, '') . "\n")
    for keys %secret;
write_file('credentials', <<'_EOC_');
[default]
aws_access_key_id = local
aws_secret_access_key = local
_EOC_
write_file('temporary', <<'_EOC_');
[default]
aws_access_key_id = ASIA0123456789
aws_secret_access_key = sEcReT/with+signs=
aws_session_token = a+token/==
_EOC_

$pg = SocialPostgres->start(durable => $ENV{SOCIAL_DURABLE})
    or Test::More::plan(skip_all =>
           'SKIPPED: PostgreSQL is not installed; scripts/deps does it');
$pg->migrate;

$ENV{TEST_NGINX_PG} = $pg->gateway;
$ENV{TEST_NGINX_HOOKS} = $dir;

sub hook_config {
    return <<"_EOC_";
    social_database "@{[ $pg->gateway ]}";
    social_secret now file=$dir/now;
    social_secret both file=$dir/now previous=$dir/before;
_EOC_
}

# An event as Cognito sends it; an attribute of undef is left out.

sub event {
    my (%over) = @_;

    my %attributes = (
        sub => $sub,
        email => 'andrew@example.com',
        email_verified => 'true',
        name => 'Andrew Brown',
        preferred_username => 'andrewbrown',
        'cognito:user_status' => 'CONFIRMED',
        %{ delete $over{attributes} // {} },
    );

    delete @attributes{ grep { !defined $attributes{$_} } keys %attributes };

    my %event = (
        version => '1',
        region => 'us-east-1',
        userPoolId => 'us-east-1_LocalPool1',
        userName => $sub,
        callerContext => { awsSdkVersion => 'x', clientId => undef },
        triggerSource => 'PostConfirmation_ConfirmSignUp',
        request => { userAttributes => \%attributes },
        response => {},
        %over,
    );

    delete @event{ grep { !defined $event{$_} } keys %event };

    return $json->encode(\%event);
}

# The headers of a webhook, as a Test::Nginx "more_headers".

sub webhook {
    my ($body, %o) = @_;

    my $id = $o{id} // 'evt_1';
    my $at = $o{time} // time;
    my @names = ref $o{secret} ? @{ $o{secret} } : $o{secret} // 'now';

    my $signature = $o{signature} // join ' ', map {
        'v1,' . encode_base64(hmac_sha256("$id.$at.$body", $secret{$_}), '')
    } @names;

    SocialSecrets::made(map { substr $_, 3 } split / /, $signature);

    my %headers = ('webhook-id' => $id, 'webhook-timestamp' => $at,
                   'webhook-signature' => $signature);

    delete @headers{ @{ $o{without} // [] } };

    return join '', map { "$_: $headers{$_}\n" } sort keys %headers;
}

# SigV4 after AWS's "Create a signed AWS API request", in headers.

sub sigv4 {
    my ($body, %o) = @_;

    my $region = $o{region} // 'us-east-1';
    my $service = $o{service} // 'lambda';
    my $time = POSIX::strftime('%Y%m%dT%H%M%SZ', gmtime($o{time} // time));
    my $day = substr $time, 0, 8;
    my $path = $o{path};
    my $digest = $o{digest} // sha256_hex($o{signed_body} // $body);

    my %headers = (
        host => $o{host} // 'localhost',
        'x-amz-date' => $time,
        ($o{no_digest} ? () : ('x-amz-content-sha256' => $digest)),
        %{ $o{headers} // {} },
    );

    # the path is encoded once more, as for every service but S3
    $path =~ s{([^A-Za-z0-9\-._~/])}{sprintf '%%%02X', ord $1}ge;

    my $names = join ';', sort keys %headers;
    my $query = $o{query} // '';

    $query =~ s/\$/%24/g;

    my $canonical = join "\n", $o{method} // 'POST', $path, $query,
        (map { "$_:$headers{$_}" } sort keys %headers), '', $names, $digest;

    my $scope = "$day/$region/$service/aws4_request";
    my $string = join "\n", 'AWS4-HMAC-SHA256', $time, $scope,
        sha256_hex($canonical);

    my $key = 'AWS4' . ($o{secret} // 'local');
    $key = hmac_sha256($_, $key) for $day, $region, $service, 'aws4_request';

    my $signature = hmac_sha256_hex($string, $key);
    SocialSecrets::made($signature, $o{secret});
    my $access_key = $o{access_key} // 'local';

    delete $headers{host};

    return join '', (map { "$_: $headers{$_}\n" } sort keys %headers),
        "Authorization: AWS4-HMAC-SHA256 Credential=$access_key/$scope, "
        . "SignedHeaders=$names, Signature=$signature\n";
}

# The same for Invoke.

sub invoke {
    my ($body, %o) = @_;

    $o{path} //= '/2015-03-31/functions/post-confirmation/invocations';
    $o{headers} = {
        'x-amz-invocation-type' => $o{type} // 'RequestResponse',
        %{ $o{headers} // {} },
    };
    delete $o{headers}{'x-amz-invocation-type'} if exists $o{type}
        && !defined $o{type};

    return sigv4($body, %o);
}

1;
