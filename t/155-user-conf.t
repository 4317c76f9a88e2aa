# Mistakes in the configuration of users.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialConf;
use SocialToken;

my $db = 'social_database "host=/nowhere dbname=none";';

sub sync { return { http => "$http_config $db", config => $_[0] } }

sub user {
    my ($line, $http) = @_;
    return { http => $http // "$http_config $db",
             config => "location /me { $line }" };
}

no_root_location();

refused('no value', sync('social_user_sync;'), 'invalid number of arguments');
refused('a bad value', sync('social_user_sync maybe;'),
        'invalid value "maybe" in "social_user_sync" directive, it must be '
        . '"on" or "off"');
refused('twice', sync('social_user_sync on; social_user_sync off;'),
        '"social_user_sync" directive is duplicate');
refused('an unknown parameter', sync('social_user_sync on x=1s;'),
        'unknown parameter "x=1s" in "social_user_sync" directive');
refused('a time that is too short', sync('social_user_sync on refresh=10ms;'),
        'social_user_sync');
refused('a wait that is too long', sync('social_user_sync on wait=3s;'),
        'social_user_sync');
refused('no database', { http => $http_config,
                         config => 'social_user_sync on;' },
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_user_sync" directive');

refused('an unknown parameter', user('social_auth main; social_user x=1;'),
        'unknown parameter "x=1" in "social_user" directive');
refused('a bad time', user('social_auth main; social_user max_age=0;'),
        'social_user');
refused('twice', user('social_auth main; social_user; social_user;'),
        '"social_user" directive is duplicate');
refused('two handlers', user('social_auth main; social_user; social_ready;'),
        'content handler');
refused('no authorization', user('social_user;'),
        'no "social_auth" is defined (without "optional") for the '
        . '"social_user" directive');
refused('optional', user('social_auth main optional; social_user;'),
        'no "social_auth" is defined (without "optional") for the '
        . '"social_user" directive');
refused('no database', user('social_auth main; social_user;', $http_config),
        'no "social_database" is defined (add it to the "http" block) for the '
        . '"social_user" directive');
refused('in a server', { http => "$http_config $db",
                         config => 'social_user;' },
        '"social_user" directive is not allowed here');
accepted('all of it', { http => "$http_config $db", config => <<'_EOC_' },
    social_user_sync on refresh=1m wait=0;
    location /me {
        social_auth main;
        social_user max_age=5m retention=60d;
    }
    location /off { social_user_sync off; }
    location / { root html; }
_EOC_
    '--- no_error_log', '[alert]', '[crit]', '[emerg]');

run_conf();
