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

plan tests => 249;
no_root_location();

my $auth = 'social_auth main;';

wrong('social_logout;', '"social_logout" needs "social_auth" in this location, '
      . 'without "optional": it is the token\'s session that ends in');
wrong('social_auth off; social_logout;', '"social_logout" needs "social_auth"');
wrong('social_auth main optional; social_logout;',
      '"social_logout" needs "social_auth" in this location');
wrong('social_auth main optional=lenient; social_logout;',
      '"social_logout" needs "social_auth" in this location');
wrong("$auth social_logout; social_logout;", '"social_logout" is duplicate');
wrong("$auth social_logout 30d;", 'unknown parameter "30d" in "social_logout": '
      . 'it takes retention=TIME and max=NUMBER');
wrong("$auth social_logout on;", 'unknown parameter "on"');
wrong("$auth social_logout retention=30d x=y;", 'unknown parameter "x=y"');
wrong("$auth social_logout retention=30d max=1 x=y;",
      'invalid number of arguments');
wrong("$auth social_logout $_ $_;", '" in "social_logout" is duplicate')
    for qw( retention=30d max=5 );
wrong("$auth social_logout $_;", "invalid parameter \"$_\" in "
      . '"social_logout": it must be the number of revoked sessions of one '
      . 'subject, from 1 to 1000000')
    for qw( max= max=0 max=-1 max=x max=1000001 max=1k );

wrong("$auth social_logout $_;", "invalid parameter \"$_\" in "
      . '"social_logout": it must be the life of a refresh token, from 1s to '
      . '3650d')
    for qw( retention= retention=0 retention=0s retention=-1 retention=x
            retention=3651d retention=1ms );

refused('without a database', location("$auth social_logout;", ''),
        '"social_logout" needs a "social_database": add it at the http level');
refused('in a server', { http => http(), config => "$auth social_logout;" },
        '"social_logout" directive is not allowed here');

refused('inherited by an if', location("$auth if (\$arg_x) { social_auth main
        optional; } social_logout;"), '"social_auth" directive is not allowed');

# before the first load

wrong("$auth social_revocations $_;", "invalid value \"$_\" in "
      . '"social_revocations": it must be "wait" or "open"')
    for qw( on off closed WAIT );
wrong("$auth social_revocations;", 'invalid number of arguments');
wrong("$auth social_revocations wait open;", 'invalid number of arguments');
wrong("$auth social_revocations $_; social_revocations wait;",
      '"social_revocations" is duplicate') for qw( wait open );

# where a connection is followed from

sub listen_error {
    my ($line, @patterns) = @_;
    refused($line, { http => "$line", config => 'location / { root html; }' },
            @patterns);
}

listen_error('social_database "dbname=a" listen=;',
             'invalid connection string in "listen=" of "social_database"');
listen_error('social_database "dbname=a" "listen=dbname=b secretword";',
             'invalid connection string in "listen="');
listen_error('social_database "dbname=a" listen=dbname=b listen=dbname=c;',
             'parameter "listen" in "social_database" is duplicate');
listen_error('social_database "dbname=a" hear=dbname=b;',
             'takes one connection string, in quotes where it has spaces, and '
             . 'then connections=, queue=, timeout= and listen=');

# readiness

refused('social_ready without a database', { http => http(''),
        config => 'location / { social_ready require=revocations; }' },
        '"social_ready" requires revocations, but there is no '
        . '"social_database": add it at the http level');
refused('social_ready twice the same', { http => http(), config =>
        'location / { social_ready require=revocations,revocations; }' },
        'it must be "require=" and one or more of "keys", "database" and '
        . '"revocations", separated by commas');

accepted('all of it', { http => http('social_database "host=/nowhere '
         . 'dbname=none" "listen=host=/nowhere dbname=none";')
         . ' social_revocations open;',
         config => "social_revocations wait; location = /out { $auth
         social_revocations open; social_logout retention=1s max=1; }
         location = /long { $auth social_logout max=1000000 retention=3650d; }
         location = /ready { social_ready
         require=revocations,keys,database; } location / { root html; }" },
         '--- no_error_log', '[alert]', '[emerg]');

run_conf();
