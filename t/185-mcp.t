#!/usr/bin/perl

# MCP servers behind nginx, with the official SDK's clients, of both versions,
# as they are: they know a URL, and find all else from the 401 on.  The
# authorization server is oidc-provider, with dynamic registration, resource
# indicators, PKCE and JWT access tokens; its user is a script.

use strict;
use warnings;

use lib 't/lib';

use IPC::Open2 qw( open2 );
use JSON::PP ();
use SocialNginx;
use SocialNode qw( node );
use SocialSecrets;
use Test::More;

my $node = node();
my $tools = 'build/npm/mcp';

plan skip_all => 'SKIPPED: the MCP SDK is not installed; scripts/deps-npm does '
    . 'it' if !$node || !-e "$tools/stamp";

my $port = SocialNginx::free_port();
my $at = "http://127.0.0.1:$port";
my $known = "$at/.well-known/oauth-protected-resource";

my $nginx = SocialNginx->new;
my $said = "$nginx->{dir}/logs/servers.log";

my $pid = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>' . $said, 'sh',
                $node, "$tools/servers.mjs", "$at/mcp", "$at/v1/mcp");
my ($idp, @server) = split ' ', <$out> // '';
die 'the servers do not start: ', SocialNginx::slurp($said), "\n"
    if @server != 2;

sub location {
    my ($path, $server) = @_;

    return <<"_EOC_";
        location $path {
            social_resource $at$path name=Posts;
            social_auth idp;
            social_auth_scopes all mcp:read;
            social_resource_scope tools/call delete_* all posts:write;

            proxy_set_header Authorization "";
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_pass http://127.0.0.1:$server/mcp;
        }
_EOC_
}

$nginx->write_file('nginx.conf', <<"_EOC_");
load_module modules/ngx_http_social_module.so;
events { worker_connections 64; }
http {
    @{[ $nginx->http_paths ]}
    social_issuer idp {
        issuer http://127.0.0.1:$idp;
        client_ids *;
        token_use any;
        token_type at+jwt;
    }
    server {
        listen 127.0.0.1:$port;
@{[ location('/mcp', $server[0]), location('/v1/mcp', $server[1]) ]}
    }
}
_EOC_

$nginx->start($port);

my $json = JSON::PP->new->utf8;
my (%token, %report);

sub run_client {
    my ($kind, $url) = @_;

    open my $from, '-|', $node, "$tools/client.mjs", $kind, $url
        or die "node: $!\n";
    my $text = do { local $/; <$from> } // '';
    close $from;

    my $report = eval { $json->decode($text) } // { failed => $text };

    SocialSecrets::made($_) for @{ $report->{tokens} // [] };

    return $report;
}

# name, client, path, whether it speaks the protocol of 2026-07-28

my @runs = (
    [ 'version 2 of the SDK', '2', '/mcp', 1 ],
    [ 'version 2 in an earlier protocol', '2-legacy', '/mcp', 0 ],
    [ 'version 1', '1', '/mcp', 0 ],
    [ 'version 2, of a server by version 1', '2', '/v1/mcp', 0 ],
    [ 'version 1, of a server by version 1', '1', '/v1/mcp', 0 ],
);

for my $run (@runs) {
    my ($name, $kind, $path, $modern) = @$run;

    subtest $name => sub {
        my $report = run_client($kind, "$at$path");
        my $sent = $report->{requests} // [];
        my @asked = map { $_->{url} } @$sent;
        my $get = $report->{get} // {};
        my $deleted = $report->{deleted} // {};
        my @scopes = map { join ' ', sort split / /, $_->{scope} // '' }
                         @{ $report->{signedIn} // [] };

        is($report->{failed}, undef, 'it got to the end')
            or return diag($nginx->error_log, SocialNginx::slurp($said));

        is($sent->[0]{status}, 401, 'the first answer is 401');
        is($sent->[0]{challenge},
           qq(Bearer realm="api", resource_metadata="$known$path", )
           . 'scope="mcp:read"', 'it says where to go on');
        is($asked[1], "$known$path", 'the metadata is asked for next');
        is($sent->[1]{status}, 200, 'and is there');
        is(scalar(grep { m{/\.well-known/oauth-protected} && $_ ne
                         "$known$path" } @asked), 0,
           'no other path is tried for it');
        like($asked[2], qr{^http://127\.0\.0\.1:$idp/\.well-known/},
             'then that of the authorization server');

        is_deeply(\@scopes, [ 'mcp:read', 'mcp:read posts:write' ],
                  'the user signed in for what was needed, then for more');
        is_deeply([ map { $_->{resource} } @{ $report->{signedIn} } ],
                  [ ("$at$path") x 2 ], 'for this resource');
        is_deeply([ map { $_->{code_challenge_method} }
                        @{ $report->{signedIn} } ], [ ('S256') x 2 ],
                  'with PKCE');

        is_deeply($report->{tools}, [ 'delete_post', 'get_post' ],
                  'tools are listed');
        is($get->{what}, 'get_post 7', 'one is called');
        is($get->{sub}, 'alice', 'the server knows for whom');
        is($get->{scopes}, 'mcp:read', 'and with which scopes');
        is($get->{authorization}, undef, 'and does not get the token');
        is($deleted->{what}, 'delete_post 7', 'the other one, too');
        is($deleted->{sub}, 'alice', 'for the same user');

        my ($more) = grep { $_->{status} == 403 } @$sent;

        is($more->{challenge},
           'Bearer realm="api", error="insufficient_scope", '
           . 'error_description="the token lacks a scope", '
           . qq(resource_metadata="$known$path", )
           . 'scope="mcp:read posts:write"', 'which the first token lacked');

        is(scalar(grep { $_->{status} == 403 } @$sent), 1, 'and only that');
        is(!!(grep { ($_->{mcpName} // '') eq 'delete_post' } @$sent),
           !!$modern, 'headers repeat the message where they are to');
        is($more->{mcpMethod}, $modern ? 'tools/call' : undef,
           'and the method');

        $token{"$kind $path"} = $report->{tokens}[-1];
    };
}

# A token of one resource is none of another's, with all scopes.

for my $case ([ '2 /mcp', '/v1/mcp' ], [ '1 /v1/mcp', '/mcp' ]) {
    my ($from, $path) = @$case;
    my $body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    my $token = $token{$from} // 'none';

    my $answer = SocialNginx::request($port, join "\r\n",
        "POST $path HTTP/1.0", "Authorization: Bearer $token",
        'Content-Type: application/json', 'Content-Length: ' . length $body,
        '', $body);

    like($answer, qr{^HTTP/1\.1 401 .*error="invalid_token"}s,
         "a token of $from is refused at $path");
}

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit|error)\]/,
       'nothing is wrong in the log');

$nginx->stop;
close $in;
waitpid $pid, 0;

done_testing();
