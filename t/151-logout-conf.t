# Mistakes in the configuration of logout, of following, and of readiness.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialConf;

my $db = 'social_database "host=/nowhere dbname=none";';

sub http { return "$http_config " . ($_[0] // $db) }

sub location {
    my ($line, $http) = @_;
    return { http => http($http), config => "location = /out { $line }" };
}

sub wrong { refused($_[0], location($_[0]), @_[1 .. $#_]) }

no_root_location();

my $auth = 'social_auth main;';

wrong("$_ social_logout;", 'no "social_auth" is defined (without "optional") '
      . 'for the "social_logout" directive in ')
    for '', 'social_auth off;', 'social_auth main optional;',
        'social_auth main optional=lenient;';
wrong("$auth social_logout 30d;", 'unknown parameter "30d" in "social_logout" '
      . 'directive, supported are "retention" and "max" in ');
wrong("$auth social_logout on;", 'unknown parameter "on"');
wrong("$auth social_logout retention=30d x=y;", 'unknown parameter "x=y"');
wrong("$auth social_logout retention=30d max=1 x=y;",
      'unknown parameter "x=y"');
wrong("$auth social_logout $_;", 'unknown parameter "')
    for 'al', 'alls', 'all all', 'retention=1d all', 'ALL';
wrong("$_ social_logout all;", 'no "social_auth" is defined (without '
      . '"optional") for the "social_logout" directive in ')
    for '', 'social_auth main optional;';

refused('without a database', location("$auth social_logout;", ''),
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_logout" directive in ');
refused('in a server', { http => http(), config => "$auth social_logout;" },
        '"social_logout" directive is not allowed here');

refused('inherited by an if', location("$auth if (\$arg_x) { social_auth main
        optional; } social_logout;"), '"social_auth" directive is not allowed');

# by the issuer

my $client = "social_issuer client { issuer https://a.example; client_ids web;
    jwks_file $ENV{TEST_NGINX_JWKS}; } social_issuer any { issuer
    https://b.example; client_ids *; jwks_file $ENV{TEST_NGINX_JWKS}; }";

sub back_wrong {
    my ($line, @patterns) = @_;
    refused($line, location($line, "$db $client"), @patterns);
}

back_wrong('social_logout backchannel;', 'no issuer is named in '
           . '"social_logout" directive with "backchannel" in ');
back_wrong('social_logout backchannel retention=1d;', 'no issuer is named');
back_wrong('social_logout backchannel nobody;', 'unknown issuer "nobody" (add '
           . '"social_issuer nobody" to the "http" block) in "social_logout" '
           . 'directive in ');
back_wrong('social_logout backchannel client client;',
           'duplicate value "client" in "social_logout" directive');
back_wrong('social_logout backchannel any;', 'issuer "any" has neither '
           . '"client_ids" nor "audiences", which the "social_logout" directive '
           . 'with "backchannel" needs in ');
back_wrong('social_logout backchannel client max=5;', 'parameter "max" is not '
           . 'allowed in this "social_logout" directive');
back_wrong('social_auth main; social_logout backchannel client;',
           '"social_auth" must be "off" for the "social_logout" directive with '
           . '"backchannel": the issuer has no token but the one it sends in ');
refused('a back channel without a database',
        location('social_logout backchannel client;', $client),
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_logout" directive in ');
wrong("$_ social_logout frontchannel;", 'no "social_auth" is defined (without '
      . '"optional") for the "social_logout" directive in ')
    for '', 'social_auth main optional;';

accepted('both channels', { http => http("$db $client"), config =>
         "social_auth main; location = /back { social_auth off;
         social_logout backchannel client retention=1d; }
         location = /front { social_auth_token cookie=x;
         social_logout frontchannel retention=1d max=5; }
         location / { social_auth off; root html; }" }, '--- no_error_log', '[alert]',
         '[emerg]');

# before the first load

wrong("$auth social_revocations $_;", "invalid value \"$_\" in "
      . '"social_revocations" directive, it must be "wait" or "open"')
    for qw( on off closed WAIT );
wrong("$auth social_revocations;", 'invalid number of arguments');
wrong("$auth social_revocations wait open;", 'unknown parameter "open" in '
      . '"social_revocations" directive, supported are "max_stale" in ');
wrong("$auth social_revocations wait max_stale=1s x;",
      'unknown parameter "x" in "social_revocations" directive');
wrong("$auth social_revocations max_stale=1s;",
      'invalid value "max_stale=1s" in "social_revocations" directive');
wrong("$auth social_revocations wait max_stale=$_;",
      "invalid value \"$_\" of parameter \"max_stale\" in "
      . '"social_revocations" directive, it must be a time from 1s to 1d in ')
    for qw( 0 999ms 86401s x );
wrong("$auth social_revocations $_; social_revocations wait;",
      '"social_revocations" directive is duplicate') for qw( wait open );

# where a connection is followed from

sub listen_error {
    my ($line, @patterns) = @_;
    refused($line, { http => "$line", config => 'location / { root html; }' },
            @patterns);
}

listen_error('social_database "dbname=a" "listen=dbname=b secretword";',
             'invalid value of parameter "listen" in "social_database" '
             . 'directive, it must be "off", or a libpq connection string');
listen_error('social_database "dbname=a" hear=dbname=b;',
             'unknown parameter in "social_database" directive, supported are '
             . '"connections", "queue", "timeout", "listen", "iam", "region" '
             . 'and "credentials" in ');

# readiness

refused('social_ready without a database', { http => http(''),
        config => 'location / { social_ready require=revocations; }' },
        'no "social_database" is defined (add it to the "http" block, or '
        . 'require keys only) for the "social_ready" directive in ');

accepted('all of it', { http => http('social_database "host=/nowhere '
         . 'dbname=none" "listen=host=/nowhere dbname=none";')
         . ' social_revocations open;',
         config => "social_revocations wait; location = /out { $auth
         social_revocations open; social_logout retention=1s max=1; }
         location = /long { $auth social_logout max=1000000 retention=3650d; }
         location = /all { $auth social_logout all; }
         location = /alls { $auth social_logout all max=1 retention=1s; }
         location = /stale { $auth social_revocations wait max_stale=1s;
         root html; }
         location = /day { $auth social_revocations open max_stale=1d;
         root html; }
         location = /ready { social_ready
         require=revocations,keys,database; } location / { root html; }" },
         '--- no_error_log', '[alert]', '[emerg]');

run_conf();
