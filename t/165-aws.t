#!/usr/bin/perl

# The documents for AWS: what the code asks a bucket for is allowed, and nothing
# else is; and pages may do at S3 what they may at the embedded store.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use SocialNginx;
use Test::More;

my $json = JSON::PP->new;

sub document {
    my ($name) = @_;
    my $value = eval { $json->decode(SocialNginx::slurp("conf/aws/$name")) };
    ok($value, "$name is JSON") or diag($@);
    return $value;
}

sub unique {
    my %found = map { $_ => 1 } @_;
    my @names = sort keys %found;
    return @names;
}

# Policies: a map of actions to their resources.

sub policy {
    my ($name) = @_;
    my $policy = document($name);
    my %allowed;

    is($policy->{Version}, '2012-10-17', '... of the current version');

    for my $statement (@{ $policy->{Statement} }) {
        is(join(' ', sort keys %$statement), 'Action Effect Resource Sid',
           "... $statement->{Sid}");
        is($statement->{Effect}, 'Allow', '... which allows');

        for my $action (@{ $statement->{Action} }) {
            push @{ $allowed{$action} }, @{ $statement->{Resource} };
        }
    }

    for my $action (keys %allowed) {
        my $objects = $action ne 's3:ListBucket';

        for my $resource (@{ $allowed{$action} }) {
            like($resource, $objects
                 ? qr{\Aarn:aws:s3:::example-\w+/(?:\w+/)?\*\z}
                 : qr{\Aarn:aws:s3:::example-\w+\z}, "... $action of $resource");
        }
    }

    return \%allowed;
}

# What functions ask for (IAM: "Actions, resources, and condition keys for
# Amazon S3").  Who gets an object has to know whether it is there.

my %asks = (
    get => [qw( s3:GetObject s3:ListBucket )],
    get_whole => [qw( s3:GetObject )],
    head => [qw( s3:GetObject )],
    check => [qw( s3:GetObject s3:ListBucket )],
    list => [qw( s3:ListBucket )],
    put => [qw( s3:PutObject )],
    put_whole => [qw( s3:PutObject )],
    delete => [qw( s3:DeleteObject )],
    delete_if => [qw( s3:DeleteObject )],
);

sub asked {
    my (@files) = @_;
    my @actions;

    for my $file (@files) {
        my $text = SocialNginx::slurp($file);

        while ($text =~ /\bsocial_net_s3_(\w+)\(/g) {
            my $actions = $asks{$1};
            ok($actions, "it is known what $1() asks for") or next;
            push @actions, @$actions;
        }
    }

    return unique(@actions);
}

my $worker = policy('worker-policy.json');
is_deeply([ asked(grep { !/_copy/ }
                  glob 'ngx_social_module/worker/*.c') ],
          [ sort keys %$worker ], 'social-worker may do what it does');

my $copy = policy('copy-policy.json');
is_deeply([ asked(glob 'ngx_social_module/worker/social_worker_copy*.c') ],
          [ sort keys %$copy ], '... and so may "copy"');
is_deeply($copy->{'s3:PutObject'}, ['arn:aws:s3:::example-to/*'],
          '... which puts into one bucket');

# URLs are for what they were signed for; proxied requests read.

my $gateway = policy('gateway-policy.json');
my $signed = join '', map { SocialNginx::slurp($_) }
             glob 'ngx_social_module/http/upload/*.c';

# PUT and POST put, begin, and complete; the others are of an upload in parts

my %methods = (PUT => 's3:PutObject', POST => 's3:PutObject',
               GET => 's3:ListMultipartUploadParts',
               DELETE => 's3:AbortMultipartUpload');
my $operations = SocialNginx::slurp(
    'ngx_social_module/core/s3/social_sign_request.c');
my ($table) = $operations =~ /social_sign_operations\[\] = \{(.*?)\};/s;
my @asked = map { $methods{$_} // "the action of $_" }
            $signed =~ /\.method = social_str\("(\w+)"\)/g,
            $signed =~ /_parts_ask\(r, m, "(\w+)"/g,
            $table =~ /social_string\("(\w+)"\)/g;

is(scalar(unique(@asked)), 3, 'URLs are presigned, and parts asked for');
is_deeply([ unique(@asked, qw( s3:GetObject s3:ListBucket )) ],
          [ sort keys %$gateway ], 'nginx may do what it signs');
is_deeply($gateway->{'s3:PutObject'}, ['arn:aws:s3:::example-uploads/raw/*'],
          '... uploads, below the prefix of the shipped configuration');
like(SocialNginx::slurp('conf/local/module_api.conf.in'),
     qr{^    social_presign_key "raw/\$social_sub/}m, '... which has it');

# CORS, as the shipped configuration has it for the store.

my $cors = document('uploads-cors.json')->{CORSRules}[0];
my $shipped = SocialNginx::slurp('conf/local/module_store.conf.in');
my ($headers) = $shipped =~ /social_cors_headers\s+([^;]+);/;
my ($exposed) = $shipped =~ /social_cors_expose\s+([^;]+);/;

my @allowed = map { my $name = lc quotemeta; $name =~ s/\\\*/.*/g; qr/\A$name\z/ }
              @{ $cors->{AllowedHeaders} };

for my $name (split ' ', $headers) {
    next if $name eq 'authorization';
    ok((grep { $name =~ $_ } @allowed), "$name may be sent");
}

my %exposed = map { lc() => 1 } @{ $cors->{ExposeHeaders} };

for my $name (split ' ', $exposed) {
    next if $name eq 'retry-after';
    ok($exposed{$name}, "$name may be read");
}

ok((grep { $_ eq 'PUT' } @{ $cors->{AllowedMethods} }), 'PUT is allowed');
unlike($json->encode($cors), qr/"\*"/, '... of one origin');

# Lifecycle

my $rules = document('uploads-lifecycle.json')->{Rules};
is(scalar(grep { $_->{Status} eq 'Enabled' } @$rules), 2, 'two rules');
is($rules->[0]{Filter}{Prefix}, 'raw/', '... of uploads alone');
cmp_ok($rules->[0]{Expiration}{Days}, '>=', 7, '... after all attempts');
ok($rules->[1]{AbortIncompleteMultipartUpload}{DaysAfterInitiation},
   '... and of parts');

done_testing();
