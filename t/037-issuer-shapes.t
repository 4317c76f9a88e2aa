#!/usr/bin/perl

# The blocks of docs/issuers.md are read out of the page, with nothing changed
# but where the keys are, and verify tokens and key sets that have the form of
# each issuer's: good ones with the right subject, name, groups, scopes and
# client, and those of another client, kind or tenant.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use SocialNginx;
use SocialServer;
use SocialSign;
use SocialToken qw( b64 );
use Test::More;

my $json = JSON::PP->new->canonical->utf8;
my $now = time;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);


# -------------------------------------------------------- what issuers send

# The time that each token has, unless it says otherwise.

my %times = (iat => $now - 60, exp => $now + 3600);

my $tenant = '11111111-2222-3333-4444-555555555555';
my $other_tenant = '99999999-2222-3333-4444-555555555555';
my $guid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
my $oid = '00000000-0000-0000-66f3-3332eca7ea81';
my $web = 'bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee';

my $pool = 'eu-west-1_AbCdEf123';
my $client = '1example23456789abcdefghij';
my $service = '2example23456789abcdefghij';
my $cognito = "https://cognito-idp.eu-west-1.amazonaws.com/$pool";

my %cognito = (
    sub => '02d5f4a4-3051-70d2-8ae8-0f2b5e1e2f3a', iss => $cognito,
    'cognito:groups' => [ 'editors', 'beta testers' ], version => 2,
    client_id => $client, token_use => 'access', username => 'ada',
    scope => 'aws.cognito.signin.user.admin openid profile', %times,
    origin_jti => '7c1f7b52-94ad-4f4b-8d37-0f4f1f3a9f10',
    event_id => 'd4b0c9a3-5c11-4d1d-9a52-8f1f2a3b4c5d',
    jti => '3a9d5c1e-7b2f-4e6a-8c0d-1f2e3d4c5b6a', auth_time => $now - 60,
);

my %cognito_id = (
    sub => $cognito{sub}, iss => $cognito, aud => $client, token_use => 'id',
    'cognito:username' => 'ada', 'cognito:groups' => [ 'editors' ],
    email => 'ada@example.com', email_verified => $true, %times,
    at_hash => 'GX4QmXEUJj1XuCv2F0vLwA', auth_time => $now - 60,
    origin_jti => $cognito{origin_jti}, jti => 'e3a1',
);

my %cognito_service = (
    sub => $service, token_use => 'access', scope => 'photos/read',
    iss => $cognito, version => 2, client_id => $service, jti => 'f00d',
    auth_time => $now - 60, %times,
);

my %auth0 = (
    iss => 'https://example.eu.auth0.com/', sub => 'auth0|64b7a2c3d4e5f60718',
    aud => [ 'https://api.example.com',
             'https://example.eu.auth0.com/userinfo' ],
    azp => 'auth0web', scope => 'openid profile read:photos', gty => 'password',
    'https://example.com/roles' => [ 'editor' ],
    'https://example.com/name' => 'Ada Lovelace', %times,
);

my %auth0_rfc = (
    iss => $auth0{iss}, sub => $auth0{sub}, aud => $auth0{aud},
    client_id => 'auth0web', jti => '73WakrfVbNJBaAmhQtEeDv',
    scope => 'openid profile', permissions => [ 'read:photos' ],
    'https://example.com/roles' => [ 'editor' ], %times,
);

my %keycloak = (
    iss => 'https://sso.example.com/realms/main', typ => 'Bearer',
    sub => '36fa0f91-f94d-4a0c-afed-6b7d952e47da', aud => [ 'api', 'account' ],
    azp => 'web', sid => '2a88c258-f73a-4103-b862-e1fbd8f4e04e', acr => '1',
    jti => 'onrtac:d58f5dc8', 'allowed-origins' => [ 'https://app.example.com' ],
    realm_access => { roles => [ 'offline_access', 'editor' ] },
    resource_access => {
        account => { roles => [ 'view-profile' ] },
        'api.example.com' => { roles => [ 'editor' ] } },
    scope => 'email profile', email_verified => $false,
    preferred_username => 'ada', %times,
);

my %entra = (
    aud => $guid, iss => "https://login.microsoftonline.com/$tenant/v2.0",
    nbf => $now - 60, aio => 'AXQAi/8TAAAA', azp => $web, azpacr => '0',
    name => 'Ada Lovelace', oid => $oid, preferred_username => 'ada@example.com',
    rh => '0.AXoA', roles => [ 'Editor' ], scp => 'access_as_user',
    sub => 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ', tid => $tenant,
    uti => 'fqiBqXLPj0eQa82S-IYFAA', ver => '2.0', %times,
);

my %entra_service = (
    (map { ($_ => $entra{$_}) } qw( aud iss nbf aio rh roles tid uti ver )),
    azp => $web, azpacr => '1', idtyp => 'app', %times,
    oid => '77777777-0000-0000-66f3-3332eca7ea81',
    sub => '77777777-0000-0000-66f3-3332eca7ea81',
);

my %entra_v1 = (
    aud => "api://$guid", iss => "https://sts.windows.net/$tenant/",
    nbf => $now - 60, acr => '1', amr => [ 'pwd' ], appid => $web,
    appidacr => '0', ipaddr => '203.0.113.7', oid => $oid, ver => '1.0',
    roles => [ 'Editor' ], scp => 'access_as_user', tid => $tenant,
    sub => 'l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA',
    unique_name => 'ada@example.com', upn => 'ada@example.com', %times,
);

my %google = (
    iss => 'https://accounts.google.com', sub => '110169484474386276334',
    azp => '1234567890-abc.apps.googleusercontent.com',
    aud => '1234567890-abc.apps.googleusercontent.com', hd => 'example.com',
    email => 'ada@example.com', email_verified => $true,
    at_hash => 'HK6E_P6Dh8Y93mRNtsDB1Q', name => 'Ada Lovelace', %times,
);

my %okta = (
    ver => 1, jti => 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
    iss => 'https://example.okta.com/oauth2/default', aud => 'api://default',
    cid => '0oabucvyc38HLL1ef0h7', uid => '00ub0oNGTSWTBKOLGLNR',
    scp => [ 'openid', 'photos.read' ], sub => 'ada@example.com',
    groups => [ 'Everyone', 'Photo editors' ], auth_time => $now - 60, %times,
);

my %okta_service = (
    ver => 1, jti => 'AT.1', iss => $okta{iss}, aud => $okta{aud},
    cid => '0oaservice', scp => [ 'photos.read' ], sub => '0oaservice', %times,
);

my %zitadel = (
    iss => 'https://example-abc123.zitadel.cloud', sub => '230000000000000100',
    aud => [ '230000000000000200@main', '230000000000000001' ],
    client_id => '230000000000000200@main', nbf => $now - 60, jti => 'V2_2',
    'urn:zitadel:iam:org:project:roles' => {
        admin => { '230000000000000900' => 'example.zitadel.cloud' },
        left => {} },
    %times,
);

my %hydra = (
    aud => [ 'https://api.example.com' ], client_id => 'hydraweb',
    ext => { username => 'ada', groups => [ 'editor', 'a,b' ] },
    iss => 'https://hydra.example.com', jti => '91a3', nbf => $now - 60,
    scp => [ 'offline', 'photos.read' ], sub => 'ada@hydra', %times,
);

my %dex = (
    iss => 'https://dex.example.com', aud => 'web', nonce => 'n-0S6',
    sub => 'CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs',
    at_hash => 'HK6E', email => 'ada@example.com', email_verified => $true,
    groups => [ 'editors' ], name => 'Ada', preferred_username => 'ada',
    federated_claims => { connector_id => 'ldap', user_id => 'ada' }, %times,
);

my %duende = (
    iss => 'https://identity.example.com', nbf => $now - 60, aud => 'photos',
    scope => [ 'photos.read', 'openid' ], amr => [ 'pwd' ],
    client_id => 'mvc', sub => '818727', auth_time => $now - 60,
    idp => 'local', name => 'ada', role => 'editor', sid => 'A1B2', jti => 'C3',
    %times,
);

my %github = (
    jti => 'example-id', sub => 'repo:example/app:ref:refs/heads/main',
    aud => 'https://deploy.example.com', ref => 'refs/heads/main',
    sha => '4f4bc2b', repository => 'example/app', repository_id => '74',
    repository_owner => 'example', repository_owner_id => '65',
    repository_visibility => 'private', run_id => '1', run_number => '10',
    run_attempt => '2', actor => 'octocat', actor_id => '12', head_ref => '',
    workflow => 'deploy', event_name => 'push', ref_type => 'branch',
    job_workflow_ref =>
        'example/app/.github/workflows/deploy.yml@refs/heads/main',
    iss => 'https://token.actions.githubusercontent.com', nbf => $now - 60,
    %times,
);

my %kubernetes = (
    aud => [ 'api.example.com' ], nbf => $now - 60, jti => 'e51f1fbc',
    iss => 'https://kubernetes.default.svc.cluster.local',
    'kubernetes.io' => {
        namespace => 'shop',
        node => { name => 'worker', uid => '517eb86e' },
        pod => { name => 'cart-7d', uid => '0d8b260e' },
        serviceaccount => { name => 'cart', uid => 'e6a8680e' },
        warnafter => $now + 3547 },
    sub => 'system:serviceaccount:shop:cart', %times,
);

my %firebase = (
    iss => 'https://securetoken.google.com/example-project',
    aud => 'example-project', auth_time => $now - 60, roles => [ 'editor' ],
    user_id => 'x1Y2', sub => 'x1Y2', email => 'ada@example.com',
    email_verified => $true,
    firebase => { identities => { email => [ 'ada@example.com' ] },
                  sign_in_provider => 'password' },
    %times,
);

my %iap = (
    iss => 'https://cloud.google.com/iap', sub => 'accounts.google.com:1129',
    aud => '/projects/123456789012/global/backendServices/9876543210',
    azp => '/projects/123456789012/global/backendServices/9876543210',
    email => 'ada@example.com', hd => 'example.com',
    google => { access_levels => [ 'accessPolicies/1/accessLevels/a' ] },
    identity_source => 'GOOGLE', iat => $now - 60, exp => $now + 540,
);

my %supabase = (
    iss => 'https://abcdefghijklmnop.supabase.co/auth/v1',
    sub => '123e4567-e89b-12d3-a456-426614174000', aud => 'authenticated',
    email => 'ada@example.com', phone => '', role => 'authenticated',
    app_metadata => { provider => 'email', providers => [ 'email' ],
                      roles => [ 'editor' ] },
    user_metadata => { roles => [ 'root' ] }, aal => 'aal1',
    amr => [ { method => 'password', timestamp => $now - 60 } ],
    session_id => 'b1', is_anonymous => $false, %times,
);

my $tag = '32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228';

my %cloudflare = (
    aud => [ $tag ], email => 'ada@example.com', nbf => $now - 60,
    iss => 'https://example.cloudflareaccess.com', type => 'app',
    identity_nonce => '6ei69kawdKzMIAPF', country => 'US', %times,
    sub => '7335d417-61da-459d-899c-0a01c76a2f94',
);

my %cloudflare_service = (
    type => 'app', aud => $tag, iss => $cloudflare{iss},
    common_name => 'e367826f93b8d71185e03fe518aff3b4.access', sub => '', %times,
);

# [ what it is, path, claims, what is to be said, "header" of the token,
#   "send": its name and what is before the token ].  Of good ones that is
# subject, name, groups, scopes and client as the variables have them.

my $sub = $cognito{sub};

my @tokens = (

    'Amazon Cognito',
    [ 'an access token', 'api', \%cognito,
      [ $sub, 'ada', 'editors,beta%20testers',
        'aws.cognito.signin.user.admin openid profile', $client ] ],
    [ 'one of the updated issuer', 'api',
      { %cognito, iss => 'https://issuer-cognito-idp.eu-west-1.amazonaws.com/'
                         . $pool },
      [ $sub, 'ada', 'editors,beta%20testers',
        'aws.cognito.signin.user.admin openid profile', $client ] ],
    [ 'one of a service', 'api', \%cognito_service,
      [ $service, '', '', 'photos/read', $service ] ],
    [ 'its scope', 'photos', \%cognito_service,
      [ $service, '', '', 'photos/read', $service ] ],
    [ 'another scope', 'photos', { %cognito_service, scope => 'photos/write' },
      403 ],
    [ 'an id token', 'profile', \%cognito_id,
      [ $sub, 'ada', 'editors', '', $client ] ],
    [ 'an id token in place of an access token', 'api', \%cognito_id,
      '401 token_use' ],
    [ 'an access token in place of an id token', 'profile', \%cognito,
      '401 token_use' ],
    [ 'another client', 'api', { %cognito, client_id => 'x' }, '401 client' ],
    [ 'an id token of another client', 'profile', { %cognito_id, aud => 'x' },
      '401 client' ],
    [ 'a service where users are', 'profile', \%cognito_service,
      '401 token_use' ],
    [ 'another pool', 'api', { %cognito, iss => "${cognito}4" }, '401 issuer' ],
    [ 'the primary region', 'replicated',
      { %cognito, iss => 'https://cognito-idp.us-east-1.amazonaws.com/'
                         . 'us-east-1_AbCdEf123' },
      [ $sub, 'ada', 'editors,beta%20testers',
        'aws.cognito.signin.user.admin openid profile', $client ] ],
    [ 'a replica', 'replicated',
      { %cognito, iss => 'https://cognito-idp.us-west-2.amazonaws.com/'
                         . 'us-east-1_AbCdEf123' },
      [ $sub, 'ada', 'editors,beta%20testers',
        'aws.cognito.signin.user.admin openid profile', $client ] ],
    [ 'a region without a replica', 'replicated',
      { %cognito, iss => 'https://cognito-idp.us-west-1.amazonaws.com/'
                         . 'us-east-1_AbCdEf123' }, '401 issuer' ],
    [ 'an updated issuer of the replica, which there is not', 'replicated',
      { %cognito, iss => 'https://issuer-cognito-idp.us-west-2.amazonaws.com/'
                         . 'us-east-1_AbCdEf123' }, '401 issuer' ],

    'Auth0',
    [ 'an access token', 'api', \%auth0,
      [ 'auth0|64b7a2c3d4e5f60718', 'Ada Lovelace', 'editor',
        'openid profile read:photos', 'auth0web' ] ],
    [ 'one of a service', 'api',
      { %auth0, sub => 'm2m@clients', azp => 'm2m', aud => $auth0{aud}[0],
        gty => 'client-credentials', scope => 'read:photos',
        'https://example.com/roles' => undef,
        'https://example.com/name' => undef },
      [ 'm2m@clients', '', '', 'read:photos', 'm2m' ] ],
    [ 'an id token', 'api', { %auth0, aud => 'auth0web', azp => undef,
                              scope => undef, nonce => 'n' }, '401 audience' ],
    [ 'another API', 'api', { %auth0, aud => 'https://other.example.com' },
      '401 audience' ],
    [ 'another tenant', 'api', { %auth0, iss => 'https://x.eu.auth0.com/' },
      '401 issuer' ],
    [ 'one of RFC 9068', 'rfc9068', \%auth0_rfc,
      [ 'auth0|64b7a2c3d4e5f60718', '', 'editor', 'read:photos', 'auth0web' ],
      header => { typ => 'at+jwt' } ],
    [ 'an id token with the audience', 'rfc9068', \%auth0_rfc,
      '401 token_use' ],
    [ 'without a permission', 'rfc9068', { %auth0_rfc, permissions => [],
                                           scope => 'read:photos' }, 403,
      header => { typ => 'at+jwt' } ],

    'Keycloak',
    [ 'an access token', 'api', \%keycloak,
      [ $keycloak{sub}, 'ada', 'offline_access,editor', 'email profile',
        'web' ] ],
    [ 'one without a subject', 'api',
      { %keycloak, sub => undef, preferred_username => undef },
      [ '', '', 'offline_access,editor', 'email profile', 'web' ] ],
    [ 'roles of a client', 'editors', \%keycloak,
      [ $keycloak{sub}, 'ada', 'editor', 'email profile', 'web' ] ],
    [ 'roles of another client', 'editors',
      { %keycloak, resource_access => { 'api.example' => {
                       roles => [ 'editor' ] } } }, 403 ],
    [ 'an id token', 'api', { %keycloak, aud => 'web', typ => 'ID' },
      '401 audience' ],
    [ 'an id token with the audience', 'api', { %keycloak, typ => 'ID' }, 403 ],
    [ 'a client without the audience', 'api', { %keycloak, aud => 'account' },
      '401 audience' ],
    [ 'another realm', 'api',
      { %keycloak, iss => 'https://sso.example.com/realms/master' },
      '401 issuer' ],

    'Microsoft Entra ID',
    [ 'an access token of version 2', 'api', \%entra,
      [ $oid, 'ada@example.com', 'Editor', 'access_as_user', $web ] ],
    [ 'one of version 1', 'api', \%entra_v1,
      [ $oid, 'ada@example.com', 'Editor', 'access_as_user', $web ] ],
    [ 'one of a service', 'api', \%entra_service,
      [ $entra_service{oid}, '', 'Editor', '', $web ] ],
    [ 'a service where users are', 'users', \%entra_service, 403 ],
    [ 'a user there', 'users', \%entra,
      [ $oid, 'ada@example.com', 'Editor', 'access_as_user', $web ] ],
    [ 'an id token', 'api', { %entra, aud => $web, azp => undef, scp => undef },
      '401 audience' ],
    [ 'a token for Graph', 'api',
      { %entra_v1, aud => '00000003-0000-0000-c000-000000000000' },
      '401 audience' ],
    [ 'another tenant', 'api',
      { %entra, iss => "https://login.microsoftonline.com/$other_tenant/v2.0",
                tid => $other_tenant }, '401 issuer' ],
    [ 'the issuer of the document for all', 'api',
      { %entra, iss => 'https://login.microsoftonline.com/{tenantid}/v2.0' },
      '401 issuer' ],
    [ 'a tenant with a block', 'tenants',
      { %entra, iss => "https://login.microsoftonline.com/$other_tenant/v2.0",
                tid => $other_tenant },
      [ $oid, 'ada@example.com', 'Editor', 'access_as_user', $web ] ],
    [ 'one without', 'tenants', \%entra, '401 issuer' ],

    'Google',
    [ 'an id token', 'api', \%google,
      [ $google{sub}, 'ada@example.com', '', '', $google{azp} ] ],
    [ 'one of the short issuer', 'api',
      { %google, iss => 'accounts.google.com' },
      [ $google{sub}, 'ada@example.com', '', '', $google{azp} ] ],
    [ 'another client', 'api',
      { %google, aud => 'x.apps.googleusercontent.com' }, '401 client' ],
    [ 'another organization', 'api', { %google, hd => 'evil.example' }, 403 ],
    [ 'an account of nobody', 'api', { %google, hd => undef }, 403 ],

    'Okta',
    [ 'an access token', 'api', \%okta,
      [ $okta{uid}, 'ada@example.com', 'Everyone,Photo%20editors',
        'openid photos.read', $okta{cid} ] ],
    [ 'one of a service', 'api', \%okta_service,
      [ '', '0oaservice', '', 'photos.read', '0oaservice' ] ],
    [ 'an id token', 'api', { %okta, aud => $okta{cid}, scp => undef },
      '401 audience' ],
    [ 'another API', 'api', { %okta, aud => 'api://other' }, '401 audience' ],
    [ 'the org server', 'api', { %okta, iss => 'https://example.okta.com',
                                 aud => 'https://example.okta.com' },
      '401 issuer' ],
    [ 'without the scope', 'api', { %okta, scp => [ 'openid' ] }, 403 ],

    'Zitadel',
    [ 'an access token', 'api', \%zitadel,
      [ $zitadel{sub}, '', 'admin', '', $zitadel{client_id} ] ],
    [ 'one with "azp"', 'api',
      { %zitadel, client_id => undef, azp => '230000000000000200@main' },
      [ $zitadel{sub}, '', 'admin', '', '230000000000000200@main' ] ],
    [ 'no role', 'api',
      { %zitadel, 'urn:zitadel:iam:org:project:roles' => { admin => {} } },
      403 ],
    [ 'an id token', 'api', { %zitadel, aud => [ $zitadel{client_id} ] },
      '401 audience' ],
    [ 'another project', 'api', { %zitadel, aud => [ '230000000000000002' ] },
      '401 audience' ],
    [ 'another instance', 'api',
      { %zitadel, iss => 'https://example-abc124.zitadel.cloud' },
      '401 issuer' ],

    'Ory Hydra',
    [ 'an access token', 'api', \%hydra,
      [ 'ada@hydra', 'ada', 'editor,a%2Cb', 'offline photos.read',
        'hydraweb' ] ],
    [ 'one of a service', 'api',
      { %hydra, ext => {}, sub => 'worker', client_id => 'worker' },
      [ 'worker', '', '', 'offline photos.read', 'worker' ] ],
    [ 'an id token', 'api', { %hydra, aud => [ 'hydraweb' ], scp => undef },
      '401 audience' ],
    [ 'another API', 'api', { %hydra, aud => [] }, '401 audience' ],
    [ 'another Hydra', 'api', { %hydra, iss => 'https://hydra.example.com/' },
      '401 issuer' ],

    'Dex',
    [ 'an id token', 'api', \%dex,
      [ $dex{sub}, 'ada', 'editors', '', '' ] ],
    [ 'one for two clients', 'api', { %dex, aud => [ 'cli', 'web' ],
                                      azp => 'cli' },
      [ $dex{sub}, 'ada', 'editors', '', 'cli' ] ],
    [ 'another client', 'api', { %dex, aud => 'cli' }, '401 client' ],
    [ 'another connector', 'api',
      { %dex, federated_claims => { connector_id => 'github' } }, 403 ],
    [ 'another Dex', 'api', { %dex, iss => 'https://dex.example.org' },
      '401 issuer' ],

    'Duende IdentityServer',
    [ 'an access token', 'api', \%duende,
      [ '818727', 'ada', 'editor', 'photos.read openid', 'mvc' ],
      header => { typ => 'at+jwt' } ],
    [ 'one of a service', 'api',
      { map { ($_ => $duende{$_}) }
        qw( iss nbf iat exp aud scope client_id jti ) },
      [ '', '', '', 'photos.read openid', 'mvc' ],
      header => { typ => 'at+jwt' } ],
    [ 'an id token', 'api', { %duende, aud => 'mvc' }, '401 token_use' ],
    [ 'an id token with the audience', 'api', \%duende, '401 token_use' ],
    [ 'another API', 'api', { %duende, aud => 'other' }, '401 audience',
      header => { typ => 'at+jwt' } ],
    [ 'another server', 'api', { %duende, iss => 'https://other.example.com' },
      '401 issuer', header => { typ => 'at+jwt' } ],

    'GitHub Actions',
    [ 'a job', 'deploy', \%github,
      [ $github{sub}, 'octocat', '', '', 'example/app' ] ],
    [ 'another repository', 'deploy',
      { %github, repository => 'example/other' }, '401 client' ],
    [ 'another owner', 'deploy', { %github, repository_owner => 'evil' }, 403 ],
    [ 'another branch', 'deploy', { %github, ref => 'refs/heads/x' }, 403 ],
    [ 'another audience', 'deploy',
      { %github, aud => 'https://github.com/example' }, '401 audience' ],
    [ 'an Enterprise Server', 'deploy',
      { %github, iss => 'https://ghe.example.com/_services/token' },
      '401 issuer' ],

    'Kubernetes',
    [ 'a pod', 'internal', \%kubernetes,
      [ 'system:serviceaccount:shop:cart', 'cart', 'shop', '', '' ],
      header => { typ => undef } ],
    [ 'another namespace', 'internal',
      { %kubernetes, 'kubernetes.io' => {
            namespace => 'other', serviceaccount => { name => 'cart' } },
        sub => 'system:serviceaccount:other:cart' }, 403,
      header => { typ => undef } ],
    [ 'for the cluster itself', 'internal',
      { %kubernetes, aud => [ $kubernetes{iss} ] }, '401 audience',
      header => { typ => undef } ],
    [ 'one of the old kind', 'internal',
      { iss => 'kubernetes/serviceaccount',
        'kubernetes.io/serviceaccount/namespace' => 'shop',
        sub => $kubernetes{sub} }, '401 issuer', header => { typ => undef } ],
    [ 'one that never expires', 'internal', { %kubernetes, exp => undef },
      '401 claims', header => { typ => undef } ],
    [ 'another cluster', 'internal',
      { %kubernetes, iss => 'https://oidc.eks.eu-west-1.amazonaws.com/id/A' },
      '401 issuer', header => { typ => undef } ],

    'Firebase',
    [ 'an id token', 'api', \%firebase,
      [ 'x1Y2', 'ada@example.com', 'editor', '', 'example-project' ] ],
    [ 'another provider', 'api',
      { %firebase, firebase => { sign_in_provider => 'anonymous' } }, 403 ],
    [ 'another project', 'api',
      { %firebase, iss => 'https://securetoken.google.com/evil',
                   aud => 'evil' }, '401 issuer' ],
    [ 'the audience of another', 'api', { %firebase, aud => 'evil' },
      '401 client' ],
    [ 'a session cookie', 'api',
      { %firebase, iss => 'https://session.firebase.google.com/'
                          . 'example-project' }, '401 issuer' ],

    'Google IAP',
    [ 'an assertion', '', \%iap,
      [ $iap{sub}, 'ada@example.com', '', '', $iap{azp} ],
      send => 'X-Goog-IAP-JWT-Assertion: ' ],
    [ 'in another header', '', \%iap, '401 none' ],
    [ 'another service', '',
      { %iap, aud => '/projects/123456789012/global/backendServices/1' },
      '401 audience', send => 'X-Goog-IAP-JWT-Assertion: ' ],
    [ 'another project', '', { %iap, aud => '/projects/1/apps/example' },
      '401 audience', send => 'X-Goog-IAP-JWT-Assertion: ' ],
    [ 'another organization', '', { %iap, hd => 'evil.example' }, 403,
      send => 'X-Goog-IAP-JWT-Assertion: ' ],

    'Supabase',
    [ 'an access token', 'api', \%supabase,
      [ $supabase{sub}, 'ada@example.com', 'editor', '', '' ] ],
    [ 'what a user wrote', 'api',
      { %supabase, app_metadata => { provider => 'email' } },
      [ $supabase{sub}, 'ada@example.com', '', '', '' ] ],
    [ 'an anonymous user', 'api', { %supabase, is_anonymous => $true }, 403 ],
    [ 'another audience', 'api', { %supabase, aud => 'anon' },
      '401 audience' ],
    [ 'another project', 'api',
      { %supabase, iss => 'https://x.supabase.co/auth/v1' }, '401 issuer' ],
    [ 'a key of the shared secret', 'api',
      { iss => 'supabase', ref => 'abcdefghijklmnop', role => 'anon', %times },
      '401 issuer' ],

    'Cloudflare Access',
    [ 'a user', '', \%cloudflare,
      [ $cloudflare{sub}, 'ada@example.com', '', '', '' ],
      send => 'Cf-Access-Jwt-Assertion: ' ],
    [ 'a service', '', \%cloudflare_service,
      [ '', '', '', '', $cloudflare_service{common_name} ],
      send => 'Cf-Access-Jwt-Assertion: ' ],
    [ 'in the cookie only', '', \%cloudflare, '401 none',
      send => 'Cookie: CF_Authorization=' ],
    [ 'another application', '', { %cloudflare, aud => [ 'f' x 64 ] },
      '401 audience', send => 'Cf-Access-Jwt-Assertion: ' ],
    [ 'the token of the team', '',
      { %cloudflare, type => 'org', aud => [ $tag ] }, 403,
      send => 'Cf-Access-Jwt-Assertion: ' ],
    [ 'another team', '',
      { %cloudflare, iss => 'https://evil.cloudflareaccess.com' },
      '401 issuer', send => 'Cf-Access-Jwt-Assertion: ' ],
);

# What the members of their keys are, and what is beside them in a set.

my @x5 = (x5t => 'i6lGk3FZzxRcUb2C3nEQ7syHJlY',
          x5c => [ 'MIIC/TCCAeWgAwIBAgIIUd7j/OIahkYwDQYJ' ]);

my %keys = (
    'Auth0'   => [ { use => 'sig', alg => 'RS256', @x5 } ],
    'Microsoft Entra ID' =>
        [ { use => 'sig', @x5, issuer =>
            'https://login.microsoftonline.com/{tenantid}/v2.0' } ],
    'GitHub Actions' => [ { use => 'sig', alg => 'RS256', @x5 } ],
    'Zitadel' => [ { use => 'sig', alg => 'RS256' } ],
    'Google IAP' => [ { use => 'sig', alg => 'ES256' } ],
    'Supabase' => [ { use => 'sig', alg => 'ES256', key_ops => [ 'verify' ],
                      ext => $true } ],
    'Cloudflare Access' =>
        [ { use => 'sig', alg => 'RS256' },
          public_cert => { kid => 'a', cert => '-----BEGIN CERTIFICATE-----' },
          public_certs => [ { kid => 'a', cert => '-----BEGIN' } ] ],
);

my %algorithm = map { ($_ => [ ES256 => 'p256' ]) } 'Google IAP', 'Supabase';


# ------------------------------------------------------------------ the page

my (%blocks, $section);

{
    open my $in, '<:encoding(UTF-8)', 'docs/issuers.md' or die "issuers.md: $!\n";
    my $code;

    while (my $line = <$in>) {
        if ($line =~ /^```(\w*)/) {
            $code = defined $code ? undef : $1;

        } elsif (defined $code) {
            $blocks{$section} .= $line if $code eq 'nginx';

        } elsif ($line =~ /^## (.*?)\s*$/) {
            $section = $1;
        }
    }

    close $in or die "issuers.md: $!\n";
}

my (%tested, $of);

for my $item (@tokens) {
    if (ref $item) {
        push @{ $tested{$of} }, $item;

    } else {
        $of = $item;
    }
}

is_deeply([ sort keys %blocks ], [ sort keys %tested ],
          'each issuer of the page is tested');

my $nginx = SocialNginx->new;
my $dir = $nginx->{dir};
my $port = SocialNginx::free_port();
my ($issuers, $locations) = ('', '');

for my $name (sort keys %blocks) {
    my ($algorithm, $key) = @{ $algorithm{$name} // [ RS256 => 'rsa' ] };
    my ($members, %beside) = @{ $keys{$name}
                                // [ { use => 'sig', alg => 'RS256' } ] };
    my $file = file_of($name) . '.json';

    # a key that is none of this issuer's, and one to encrypt with
    my @set = (sign_jwk($key, %$members),
               sign_jwk("$key/2", %$members, kid => 'next'),
               sign_jwk('rsa/3', use => 'enc', alg => 'RSA-OAEP',
                        kid => 'enc'));

    $nginx->write_file($file, $json->encode({ keys => \@set, %beside }));

    my $text = $blocks{$name};

    $text =~ s/^\s*jwks_(?:uri|file)\s+\S+;\n//mg;
    $text =~ s/^(social_issuer \w+ \{\n)/$1    jwks_file $dir\/$file;\n/mg;
    $text =~ s{http://backend;}{http://127.0.0.1:$ENV{TEST_NGINX_BACKEND_PORT};}g;

    while ($text =~ /^(social_issuer.*?^\}\n)/msg) {
        $issuers .= $1;
    }

    while ($text =~ m{^location /(.*?\n\}\n)}msg) {
        $locations .= 'location /' . file_of($name) . "/$1";
    }
}

sub file_of {
    my ($name) = @_;
    (my $file = lc $name) =~ tr/a-z0-9/-/c;
    return $file;
}

$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
user root;
worker_processes 1;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    $issuers
    add_header X-Status   \$social_auth_status always;
    add_header X-Is       "[\$social_sub|\$social_username|\$social_groups|\$social_scopes|\$social_client]" always;
    server {
        listen 127.0.0.1:$port;
        large_client_header_buffers 4 16k;
        $locations
    }
}
_EOC_

$nginx->start($port);


# ---------------------------------------------------------------- the tokens

for my $name (sort keys %tested) {
    my $accepted = 0;

    for my $case (@{ $tested{$name} }) {
        my ($what, $path, $claims, $expected, %how) = @$case;

        my $token = mint($name, $claims, $how{header});
        my $header = ($how{send} // 'Authorization: Bearer ') . $token;

        # the second time as it is cached

        for my $time ('', ', again') {
            my $answer = ask(file_of($name) . "/$path", $header);

            if (ref $expected) {
                is_deeply([ said($answer) ],
                          [ 200, 'ok', '[' . join('|', @$expected) . ']' ],
                          "$name: $what$time");
                is_deeply([ sent($answer) ], [ headers(@$expected) ],
                          "$name: $what$time, to the backend");
                $accepted++;

            } elsif ($expected eq '403') {
                is((said($answer))[0], 403, "$name: $what$time");

            } else {
                is(join(' ', (said($answer))[0, 1]), $expected,
                   "$name: $what$time");
            }
        }
    }

    ok($accepted, "$name: some are accepted");

    # and what none of them is: signed by another key of that name

    my ($first) = grep { ref $_->[3] } @{ $tested{$name} };
    my ($what, $path, $claims, undef, %how) = @$first;
    my $forged = mint($name, $claims, $how{header}, 4);

    is(join(' ', (said(ask(file_of($name) . "/$path",
                           ($how{send} // 'Authorization: Bearer ')
                           . $forged)))[0, 1]),
       '401 signature', "$name: forged");

    my $expired = mint($name, { %$claims, exp => $now - 60, iat => $now - 600,
                                nbf => $now - 600 }, $how{header});

    is(join(' ', (said(ask(file_of($name) . "/$path",
                           ($how{send} // 'Authorization: Bearer ')
                           . $expired)))[0, 1]),
       '401 expired', "$name: expired");
}

$nginx->stop;
unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'no error was logged');

done_testing();


sub mint {
    my ($name, $claims, $header, $other) = @_;
    my ($algorithm, $key) = @{ $algorithm{$name} // [ RS256 => 'rsa' ] };

    my %header = (alg => $algorithm, typ => 'JWT', kid => $key,
                  %{ $header // {} });
    my %claims = %$claims;

    delete @header{ grep { !defined $header{$_} } keys %header };
    delete @claims{ grep { !defined $claims{$_} } keys %claims };

    my $input = b64($json->encode(\%header)) . '.'
        . b64($json->encode(\%claims));
    my $token = "$input." . b64(sign_bytes($algorithm,
                                           $other ? "$key/$other" : $key,
                                           $input));

    SocialSecrets::made($token);
    return $token;
}

sub ask {
    my ($path, $header) = @_;

    $path =~ s{(?<!/)\z}{/};

    return SocialNginx::request($port, "GET /$path HTTP/1.1\r\nHost: a\r\n"
                                       . "Connection: close\r\n$header\r\n\r\n");
}

sub said {
    my ($answer) = @_;

    my ($status) = $answer =~ m{\AHTTP/1\.1 (\d+)};
    my ($word) = $answer =~ /^X-Status: (\w*)/m;
    my ($is) = $answer =~ /^X-Is: (.*?)\r?$/m;

    return ($status, $word, $is);
}

# the headers that the backend saw, out of its echo

sub sent {
    my ($answer) = @_;
    my %seen = $answer =~ /^X-Social-(\w+): (.*?)\r?$/mg;

    return map { $seen{$_} // '' } qw( Sub Username Groups Scopes );
}

sub headers { return @_[0 .. 3] }
