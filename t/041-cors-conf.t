# CORS: every mistake in the configuration is reported at start, with the
# directive, the file and the line, and what would be right.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;

repeat_each(2);

plan tests => repeat_each() * 231;

no_long_string();
no_shuffle();

run_tests();

__DATA__

=== TEST 1: social_cors that is neither on nor off
--- config
    location /api {
        social_cors yes;
    }
--- must_die
--- error_log
[emerg]
invalid value "yes" in "social_cors" directive, it must be "on" or "off"
nginx.conf:



=== TEST 2: social_cors without a value
--- config
    location /api {
        social_cors;
    }
--- must_die
--- error_log
[emerg]
invalid number of arguments in "social_cors" directive



=== TEST 3: social_cors twice in a block
--- config
    location /api {
        social_cors on;
        social_cors off;
    }
--- must_die
--- error_log
[emerg]
"social_cors" directive is duplicate in 



=== TEST 4: social_cors on without origins
--- config
    location /api {
        social_cors on;
    }
--- must_die
--- error_log
[emerg]
no "social_cors_origins" is defined (as "https://example.com") for the "social_cors" directive in 



=== TEST 5: social_cors on without origins, inherited
--- http_config
    social_cors on;
--- config
    location / { return 200; }
--- must_die
--- error_log
[emerg]
no "social_cors_origins" is defined



=== TEST 6: social_cors_origins without a value
--- config
    location /api {
        social_cors_origins;
    }
--- must_die
--- error_log
[emerg]
invalid number of arguments in "social_cors_origins" directive



=== TEST 7: social_cors_origins twice in a block
--- config
    location /api {
        social_cors_origins https://a.com;
        social_cors_origins https://b.com;
    }
--- must_die
--- error_log
[emerg]
"social_cors_origins" directive is duplicate in 



=== TEST 8: an origin twice
--- config
    location /api {
        social_cors_origins https://a.com https://b.com https://a.com;
    }
--- must_die
--- error_log
[emerg]
duplicate value "https://a.com" in "social_cors_origins" directive



=== TEST 9: an origin twice, once with its default port
--- config
    location /api {
        social_cors_origins https://a.com https://A.com:443;
    }
--- must_die
--- error_log
[emerg]
duplicate value "https://A.com:443" in "social_cors_origins" directive



=== TEST 10: any origin, and another
--- config
    location /api {
        social_cors_origins * https://a.com;
    }
--- must_die
--- error_log
[emerg]
"*" must be the only value in "social_cors_origins" directive in 



=== TEST 11: an origin, and any
--- config
    location /api {
        social_cors_origins https://a.com *;
    }
--- must_die
--- error_log
[emerg]
"*" must be the only value in "social_cors_origins" directive in 



=== TEST 12: an empty origin
--- config
    location /api {
        social_cors_origins "";
    }
--- must_die
--- error_log
[emerg]
invalid origin "" (it is empty



=== TEST 13: a host only
--- config
    location /api {
        social_cors_origins example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "example.com" (it must be scheme://host[:port], "*" or "null"



=== TEST 14: a trailing slash
--- config
    location /api {
        social_cors_origins https://example.com/;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://example.com/" (an origin has no trailing slash



=== TEST 15: a path
--- config
    location /api {
        social_cors_origins https://example.com/app;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://example.com/app" (an origin has no path



=== TEST 16: a user name
--- config
    location /api {
        social_cors_origins https://me@example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://me@example.com" (an origin has no user name



=== TEST 17: origins separated by commas
--- config
    location /api {
        social_cors_origins https://a.com,https://b.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://a.com,https://b.com" (origins must be separated by spaces



=== TEST 18: origins in one parameter
--- config
    location /api {
        social_cors_origins "https://a.com https://b.com";
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://a.com https://b.com" (it must not contain spaces



=== TEST 19: a variable
--- config
    location /api {
        social_cors_origins $http_origin;
    }
--- must_die
--- error_log
[emerg]
invalid origin "$http_origin" (it must be written out: variables are not supported



=== TEST 20: no scheme
--- config
    location /api {
        social_cors_origins ://example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "://example.com" (the scheme must be one



=== TEST 21: a wildcard for the scheme
--- config
    location /api {
        social_cors_origins *://example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "*://example.com" (the scheme must be written out



=== TEST 22: a WebSocket scheme
--- config
    location /api {
        social_cors_origins wss://example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "wss://example.com" (the origin of a WebSocket is that of its page



=== TEST 23: a file
--- config
    location /api {
        social_cors_origins file://localhost;
    }
--- must_die
--- error_log
[emerg]
invalid origin "file://localhost" (browsers send "null" for such pages



=== TEST 24: no host
--- config
    location /api {
        social_cors_origins https://;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://" (it has no host



=== TEST 25: a wildcard in a label
--- config
    location /api {
        social_cors_origins https://a*.example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://a*.example.com" (a wildcard must stand for all the first labels



=== TEST 26: a wildcard in the middle
--- config
    location /api {
        social_cors_origins https://a.*.example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://a.*.example.com" (a wildcard must stand for all the first labels



=== TEST 27: a wildcard for the last label
--- config
    location /api {
        social_cors_origins https://example.*;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://example.*" (a wildcard must stand for all the first labels



=== TEST 28: a wildcard for the port
--- config
    location /api {
        social_cors_origins https://example.com:*;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://example.com:*" (a port must be written out



=== TEST 29: a wildcard within an unusual scheme
--- config
    location /api {
        social_cors_origins app://*.example;
    }
--- must_die
--- error_log
[emerg]
invalid origin "app://*.example" (a wildcard must stand for the whole host



=== TEST 30: a dot at the end
--- config
    location /api {
        social_cors_origins https://example.com.;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://example.com." (the host must not end with a dot



=== TEST 31: an empty label
--- config
    location /api {
        social_cors_origins https://a..example.com;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://a..example.com" (the host must not have an empty label



=== TEST 32: an invalid port
--- config
    location /api {
        social_cors_origins https://example.com:99999;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://example.com:99999" (the port must be a number from 1 to 65535



=== TEST 33: an IPv6 address without brackets
--- config
    location /api {
        social_cors_origins http://::1:3000;
    }
--- must_die
--- error_log
[emerg]
invalid origin "http://::1:3000" (an IPv6 address must be in brackets



=== TEST 34: an IPv6 address that is long
--- config
    location /api {
        social_cors_origins http://[0:0:0:0:0:0:0:1];
    }
--- must_die
--- error_log
[emerg]
invalid origin "http://[0:0:0:0:0:0:0:1]" (the IPv6 address must be in its shortest form



=== TEST 35: an IPv4 address that is short
--- config
    location /api {
        social_cors_origins http://127.1;
    }
--- must_die
--- error_log
[emerg]
invalid origin "http://127.1" (the IPv4 address must be four numbers



=== TEST 36: a name that is not in punycode
--- config
    location /api {
        social_cors_origins https://bücher.example;
    }
--- must_die
--- error_log
[emerg]
invalid origin "https://bücher.example" (a host that is not ASCII must be in punycode



=== TEST 37: null in capitals
--- config
    location /api {
        social_cors_origins NULL;
    }
--- must_die
--- error_log
[emerg]
invalid origin "NULL" (it must be scheme://host[:port], "*" or "null"



=== TEST 38: social_cors_methods twice in a block
--- config
    location /api {
        social_cors_methods GET;
        social_cors_methods PUT;
    }
--- must_die
--- error_log
[emerg]
"social_cors_methods" directive is duplicate in 



=== TEST 39: a method twice
--- config
    location /api {
        social_cors_methods GET PUT GET;
    }
--- must_die
--- error_log
[emerg]
duplicate value "GET" in "social_cors_methods" directive



=== TEST 40: a method in lower case
--- config
    location /api {
        social_cors_methods GET put;
    }
--- must_die
--- error_log
[emerg]
invalid value "put" in "social_cors_methods" directive, it must be "PUT" (methods are case-sensitive)



=== TEST 41: methods separated by commas
--- config
    location /api {
        social_cors_methods GET,PUT;
    }
--- must_die
--- error_log
[emerg]
invalid value "GET,PUT" in "social_cors_methods" directive, it must be "*" or a name without separators in 



=== TEST 42: a method that browsers refuse
--- config
    location /api {
        social_cors_methods TRACE;
    }
--- must_die
--- error_log
[emerg]
invalid value "TRACE" in "social_cors_methods" directive, browsers never send it



=== TEST 43: social_cors_headers twice in a block
--- config
    location /api {
        social_cors_headers A;
        social_cors_headers B;
    }
--- must_die
--- error_log
[emerg]
"social_cors_headers" directive is duplicate in 



=== TEST 44: a header twice
--- config
    location /api {
        social_cors_headers X-A x-a;
    }
--- must_die
--- error_log
[emerg]
duplicate value "x-a" in "social_cors_headers" directive



=== TEST 45: the wildcard twice
--- config
    location /api {
        social_cors_headers * *;
    }
--- must_die
--- error_log
[emerg]
duplicate value "*" in "social_cors_headers" directive



=== TEST 46: a header with a colon
--- config
    location /api {
        social_cors_headers X-A:;
    }
--- must_die
--- error_log
[emerg]
invalid value "X-A:" in "social_cors_headers" directive, it must be "*" or a name without separators in 



=== TEST 47: a wildcard in a header
--- config
    location /api {
        social_cors_headers X-*;
    }
--- must_die
--- error_log
[emerg]
invalid value "X-*" in "social_cors_headers" directive, it must be "*" or a name without separators in 



=== TEST 48: an empty header
--- config
    location /api {
        social_cors_headers "";
    }
--- must_die
--- error_log
[emerg]
invalid value "" in "social_cors_headers" directive, it must be "*" or a name without separators in 



=== TEST 49: social_cors_expose twice in a block
--- config
    location /api {
        social_cors_expose A;
        social_cors_expose B;
    }
--- must_die
--- error_log
[emerg]
"social_cors_expose" directive is duplicate in 



=== TEST 50: an invalid exposed header
--- config
    location /api {
        social_cors_expose "X A";
    }
--- must_die
--- error_log
[emerg]
invalid value "X A" in "social_cors_expose" directive, it must be "*" or a name without separators in 



=== TEST 51: social_cors_credentials that is neither on nor off
--- config
    location /api {
        social_cors_credentials true;
    }
--- must_die
--- error_log
[emerg]
invalid value "true" in "social_cors_credentials" directive, it must be "on" or "off"



=== TEST 52: social_cors_credentials twice in a block
--- config
    location /api {
        social_cors_credentials on;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
"social_cors_credentials" directive is duplicate in 



=== TEST 53: credentials with the origin "*"
--- config
    location /api {
        social_cors on;
        social_cors_origins *;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "*" in "social_cors_origins" directive in 
(list each one by name) does not allow



=== TEST 54: credentials with the origin "https://*"
--- config
    location /api {
        social_cors on;
        social_cors_origins https://*;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "https://*" in "social_cors_origins" directive in 
(list each one by name) does not allow



=== TEST 55: credentials with the origin "http://*"
--- config
    location /api {
        social_cors on;
        social_cors_origins http://*;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "http://*" in "social_cors_origins" directive in 
(list each one by name) does not allow



=== TEST 56: credentials with the origin "null"
--- config
    location /api {
        social_cors on;
        social_cors_origins null;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "null" in "social_cors_origins" directive in 
(list each one by name) does not allow



=== TEST 57: credentials with "*" in social_cors_methods
--- config
    location /api {
        social_cors on;
        social_cors_origins https://a.com;
        social_cors_methods *;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "*" in "social_cors_methods" directive in 



=== TEST 58: credentials with "*" in social_cors_headers
--- config
    location /api {
        social_cors on;
        social_cors_origins https://a.com;
        social_cors_headers *;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "*" in "social_cors_headers" directive in 



=== TEST 59: credentials with "*" in social_cors_expose
--- config
    location /api {
        social_cors on;
        social_cors_origins https://a.com;
        social_cors_expose *;
        social_cors_credentials on;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "*" in "social_cors_expose" directive in 



=== TEST 60: a contradiction with what is inherited
--- config
    social_cors_credentials on;
    location /api {
        social_cors on;
        social_cors_origins *;
    }
--- must_die
--- error_log
[emerg]
(list each one by name) does not allow "*" in "social_cors_origins" directive in 



=== TEST 61: social_cors_max_age -2
--- config
    location /api {
        social_cors_max_age -2;
    }
--- must_die
--- error_log
[emerg]
invalid value "-2" in "social_cors_max_age" directive, it must be a time from 0s to 1d, or -1 in 



=== TEST 62: social_cors_max_age 86401
--- config
    location /api {
        social_cors_max_age 86401;
    }
--- must_die
--- error_log
[emerg]
invalid value "86401" in "social_cors_max_age" directive, it must be a time from 0s to 1d, or -1 in 



=== TEST 63: social_cors_max_age 2d
--- config
    location /api {
        social_cors_max_age 2d;
    }
--- must_die
--- error_log
[emerg]
invalid value "2d" in "social_cors_max_age" directive, it must be a time from 0s to 1d, or -1 in 



=== TEST 64: social_cors_max_age ten
--- config
    location /api {
        social_cors_max_age ten;
    }
--- must_die
--- error_log
[emerg]
invalid value "ten" in "social_cors_max_age" directive, it must be a time from 0s to 1d, or -1 in 



=== TEST 65: social_cors_max_age 10.5
--- config
    location /api {
        social_cors_max_age 10.5;
    }
--- must_die
--- error_log
[emerg]
invalid value "10.5" in "social_cors_max_age" directive, it must be a time from 0s to 1d, or -1 in 



=== TEST 66: social_cors_max_age ""
--- config
    location /api {
        social_cors_max_age "";
    }
--- must_die
--- error_log
[emerg]
invalid value "" in "social_cors_max_age" directive, it must be a time from 0s to 1d, or -1 in 



=== TEST 67: social_cors_max_age twice in a block
--- config
    location /api {
        social_cors_max_age -1;
        social_cors_max_age 5;
    }
--- must_die
--- error_log
[emerg]
"social_cors_max_age" directive is duplicate in 



=== TEST 68: social_cors_deny that is another status
--- config
    location /api {
        social_cors_deny 404;
    }
--- must_die
--- error_log
[emerg]
invalid value "404" in "social_cors_deny" directive, it must be "403" or "204"



=== TEST 69: social_cors_deny twice in a block
--- config
    location /api {
        social_cors_deny 403;
        social_cors_deny 403;
    }
--- must_die
--- error_log
[emerg]
"social_cors_deny" directive is duplicate in 



=== TEST 70: social_cors in an if
--- config
    location /api {
        if ($arg_a) { social_cors on; }
    }
--- must_die
--- error_log
[emerg]
"social_cors" directive is not allowed here



=== TEST 71: the line of an error that is found when locations are merged
--- config
    location /a {
        social_cors_credentials on;

        location /a/b {
            social_cors_origins
                *;
            social_cors on;
        }
    }
--- must_die
--- error_log eval
qr/"social_cors_credentials on" in \S+nginx\.conf:(\d+)\ \(list each one by name\) does not allow "\*" in "social_cors_origins" directive in \S+nginx\.conf:(??{ $1 + 4 })\s/



=== TEST 72: the line of an error that is found while a line is parsed
--- config
    location /a {
        social_cors_origins example.com;
    }
--- must_die
--- error_log eval
qr/\[emerg\] .*"social_cors_origins".* in \S+nginx\.conf:\d+/



=== TEST 73: contradictions do not matter where CORS is off
--- config
    social_cors_credentials on;
    social_cors_origins https://a.com;
    social_cors_headers *;
    location /api {
        social_cors_origins *;
        return 200;
    }
    location /on {
        social_cors on;
        social_cors_headers X-A;
        return 200;
    }
--- request
GET /api
--- response_headers
!Access-Control-Allow-Origin
--- no_error_log
[alert]
[emerg]



=== TEST 74: a server that sets origins for an http block that is on
--- http_config
    social_cors on;
--- config
    social_cors_origins https://a.com;
    location /api { return 200; }
--- request
GET /api
--- more_headers
Origin: https://a.com
--- response_headers
Access-Control-Allow-Origin: https://a.com
--- no_error_log
[alert]
[emerg]



=== TEST 75: origins of applications and of extensions
--- config
    location /api {
        social_cors on;
        social_cors_origins capacitor://localhost chrome-extension://abcdef;
        return 200;
    }
--- request
GET /api
--- more_headers
Origin: capacitor://localhost
--- response_headers
Access-Control-Allow-Origin: capacitor://localhost
--- no_error_log
[alert]
[emerg]
