# "social_ready": whether this gateway can do its work.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialToken;
use SocialServer;

suite(http_config => $http_config, log_level => 'info');

repeat_each(2);
plan tests => repeat_each() * 108;
no_long_string();
run_tests();

__DATA__

=== TEST 1: keys in files are loaded
--- config
    location = /ready { social_ready; }
    location = /also { social_ready require=keys; }
--- request eval
["GET /ready", "HEAD /ready", "GET /also", "GET /ready?x=y", "GET /ready HTTP/1.0"]
--- error_code eval
[(200) x 5]
--- response_headers eval
[("Content-Type: application/json\nCache-Control: no-store\n"
  . "Content-Length: 60") x 5]
--- response_body eval
my $body = '{"status":"ready","keys":{"main":"loaded","other":"loaded"}}';
[$body, "", $body, $body, $body]

=== TEST 2: no issuer at all
--- http_config
--- config
    location = /ready { social_ready; }
--- request
GET /ready
--- response_body chomp
{"status":"ready","keys":{}}

=== TEST 3: some are missing
--- http_config eval
"$::http_config    " . ::issuer_block("a\\\"b", "issuer https://a.example",
    "client_ids *", "jwks_uri http://127.0.0.1:1/")
--- config
    location = /ready { social_ready; }
--- request eval
["GET /ready", "HEAD /ready"]
--- error_code eval
[503, 503]
--- response_body eval
['{"status":"waiting","keys":{"main":"loaded","other":"loaded",'
 . '"a\"b":"missing"}}', ""]

=== TEST 4: an error_page and JSON errors do not change it
--- http_config eval
"    " . ::issuer_block("a", "issuer https://a.example", "client_ids *",
                        "jwks_uri http://127.0.0.1:1/")
--- config
    social_json_errors on;
    error_page 503 /index.html;
    location = /ready { social_ready; }
--- request
GET /ready
--- error_code: 503
--- response_body chomp
{"status":"waiting","keys":{"a":"missing"}}

=== TEST 5: other methods
--- config
    location = /ready { social_ready; }
--- request eval
["POST /ready\nx", "DELETE /ready", "OPTIONS /ready"]
--- error_code eval
[405, 405, 405]
--- response_headers eval
[("Allow: GET, HEAD") x 3]

=== TEST 6: behind a token
--- config
    location = /ready { social_auth main; social_ready; }
--- request eval
["GET /ready", "GET /ready"]
--- more_headers eval
["X: y", ::bearer()]
--- error_code eval
[401, 200]

=== TEST 7: pipelined, and with a body
--- config
    location = /ready { social_ready; }
--- pipelined_requests eval
["GET /ready\n" . "x" x 3000, "GET /ready", "GET /ready"]
--- error_code eval
[200, 200, 200]

=== TEST 8: in a subrequest
--- config
    location = /page.html { ssi on; root html; }
    location = /ready { social_ready; }
--- user_files
>>> page.html
[<!--#include virtual="/ready" -->]
--- request
GET /page.html
--- response_body
[{"status":"ready","keys":{"main":"loaded","other":"loaded"}}]

=== TEST 9: it does not inherit
--- config
    location /ready { social_ready; location /ready/x { root html; } }
--- request eval
["GET /ready", "GET /ready/x"]
--- error_code eval
[200, 404]
