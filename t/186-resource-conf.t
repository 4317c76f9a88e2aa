# Mistakes in the configuration of resources.

use strict;
use warnings;

use lib 't/lib';
use SocialTest;
use SocialConf;
use SocialToken;

my $url = 'https://mcp.example.com/mcp';
my $bad = 'in "social_resource" directive, ';
my $scope = 'a scope must be printable ASCII without spaces, quotes and '
    . 'backslashes';

sub at {
    my ($config, $more) = @_;

    return { http => $http_config . ($more // ''), config => $config };
}

sub resource { return at("social_auth main; social_resource $_[0];", $_[1]) }

no_root_location();

# the URL

refused('no URL', resource(''), 'invalid number of arguments');
refused("a URL: $_->[0]", resource($_->[0]),
        "invalid value \"$_->[0]\" $bad$_->[1]")
    for [ 'mcp.example.com', 'it must begin with "https://"' ],
        [ 'http://mcp.example.com', 'it must begin with "https://": plain http '
          . 'is for this machine only' ],
        [ "$url?a=b", 'it must have neither a query nor a fragment' ],
        [ "$url#a", 'it must have neither a query nor a fragment' ],
        [ 'https://a@mcp.example.com', 'it must hold no user name' ],
        map { [ "https://mcp.example.com/$_",
                'its path must be without percent-encoding, empty segments, '
                . '"." and ".."' ] } qw( m%63p /mcp a/../b . mcp// a|b );
refused('a URL that browsers would write differently',
        resource('https://127.1/mcp'),
        "invalid value \"https://127.1/mcp\" ${bad}it must begin with "
        . 'the origin that browsers know');
refused('off, and more', at('social_resource off scopes=a;'),
        '"off" has parameters in "social_resource" directive');
refused('twice', at("social_resource $url; social_resource $url;"),
        '"social_resource" directive is duplicate');
refused('in http', { http => "$http_config social_resource $url;" },
        '"social_resource" directive is not allowed here');

# who it is for

refused('without authorization', at("social_resource $url;"),
        'no "social_auth" is defined (whose tokens are for the resource) for '
        . 'the "social_resource" directive');
refused('an issuer that is not a URL',
        at("social_auth text; social_resource $url;",
           issuer_block('text', 'issuer urn:text',
                        "jwks_file $ENV{TEST_NGINX_JWKS}", 'client_ids web')),
        'the issuer "urn:text" is not a URL where clients find anything (add '
        . '"authorization_servers") for the "social_resource" directive');
refused('the same path twice',
        at("social_auth main; location /a { social_resource $url; }
            location /b { social_resource https://b.example/mcp/; }"),
        'the metadata of "https://b.example/mcp/" has the path of that of "'
        . "$url\" in ", ' (give several locations one directive, in the block '
        . 'around them) in "social_resource" directive');

# parameters

refused('an unknown parameter', resource("$url scope=a"),
        'unknown parameter "scope=a" in "social_resource" directive, supported '
        . 'are "authorization_servers", "scopes", "audiences", "unbound", '
        . '"origins", "name" and "documentation"');
refused('an origin that is none', resource("$url origins=a.example"),
        'invalid value "a.example" of parameter "origins" in '
        . '"social_resource" directive, it must be scheme://host[:port]');
refused('an origin twice',
        resource("$url origins=https://a.example,https://A.example:443"),
        'duplicate value "https://A.example:443" in "social_resource" '
        . 'directive');
refused('a scope twice', resource("$url scopes=a,b,a"),
        'duplicate value "a" in "social_resource" directive');

# scopes by method and name

my $here = "social_auth main; social_resource $url;";

refused("too few: $_", at("$here social_resource_scope $_;"),
        'invalid number of arguments in "social_resource_scope" directive, it '
        . 'must have a method, a name, "any" or "all", and scopes')
    for 'tools/call *', 'tools/call * all';
refused('one argument', at("$here social_resource_scope a;"),
        'invalid number of arguments');
refused('neither any nor all',
        at("$here social_resource_scope tools/call * a b;"),
        'invalid parameter "a" in "social_resource_scope" directive, the third '
        . 'one must be "any" or "all"');
refused("a pattern: $_", at("$here social_resource_scope $_ all a;"),
        'in "social_resource_scope" directive, it must be a method or a name, '
        . 'and may have a star at its end')
    for "'' *", 'a*b *', 'tools/call *a', "tools/call ''";
refused('a name of nothing',
        at("$here social_resource_scope tools/list x all a;"),
        'invalid value "x" in "social_resource_scope" directive, what '
        . '"tools/list" is called on has no name: it must be "*"');
refused('a scope', at("$here social_resource_scope a * all 'a b';"), $scope);
refused('a scope twice', at("$here social_resource_scope a * all a a;"),
        'duplicate value "a" in "social_resource_scope" directive');
refused('the same twice',
        at("$here social_resource_scope tools/call a all a;
            social_resource_scope tools/call a any b;"),
        'duplicate method and name "tools/call a" (list all scopes in one) in '
        . '"social_resource_scope" directive');
refused('scopes without authorization',
        at("location / { social_resource_scope a * all a; }"),
        'no "social_auth" is defined (scopes are those of a token) for the '
        . '"social_resource_scope" directive');
refused('scopes without a resource',
        at("social_auth main;
            location / { social_resource_scope a * all a; }"),
        'no "social_resource" is defined (which says where clients get scopes) '
        . 'for the "social_resource_scope" directive');
refused('in an if',
        at("$here location / { if (\$arg_a) {
            social_resource_scope a * all a; } }"),
        '"social_resource_scope" directive is not allowed here');

accepted('all of it', at(<<"_EOC_"));
    social_resource $url/server scopes=a,b audiences=x,https://b.example
        authorization_servers=https://id.example.com,http://localhost:1/a
        origins=https://a.example,chrome-extension://*,null unbound=on
        "name=A name" documentation=https://docs.example.com/?a=b;
    social_auth main;
    social_resource_scope tools/call * all a b;
    social_resource_scope tools/* * any a b;
    social_resource_scope * delete_* any a b;
    location = /index.html { social_auth off; root html; }
    location /a { social_resource https://mcp.example.com; return 404; }
    location /b { social_resource http://127.0.0.1:8080/b; return 404; }
    location /c { social_resource off; return 404; }
    location /text {
        social_resource $url/text authorization_servers=https://id.example.com;
        social_auth other;
        social_resource_scope resources/read file:///a all a;
        limit_except POST { deny all; }
        if (\$arg_a) { return 404; }
    }
_EOC_

run_conf();
