// The authorization server and the MCP servers of t/185-mcp.t, each on a port of
// this machine, until standard input ends.  Their ports are one line on standard
// output: of oidc-provider, of a server by version 2 of the SDK, which speaks
// the protocol of 2026-07-28 and earlier ones, and of one by version 1.
//
//     node servers.mjs RESOURCE ...
//
// RESOURCE is a URL that the authorization server issues tokens for.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';

import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer as McpServer1 }
    from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport }
    from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import Provider from 'oidc-provider';
import { z } from 'zod';

const resources = process.argv.slice(2);

function listen(handler) {
    return new Promise((resolve) => {
        const server = createServer(handler);

        server.listen(0, '127.0.0.1', () => resolve(server.address().port));
    });
}

// what the tools say: who the gateway says that it is, and what else came

function said(headers, what) {
    const content = JSON.stringify({
        what,
        sub: headers['x-social-sub'],
        scopes: headers['x-social-scopes'],
        authorization: headers.authorization ?? null,
    });

    return { content: [{ type: 'text', text: content }] };
}

const tools = ['get_post', 'delete_post'];

function modern({ requestInfo }) {
    const headers = Object.fromEntries(requestInfo.headers);
    const server = new McpServer({ name: 'posts', version: '1.0.0' });

    for (const tool of tools) {
        server.registerTool(tool, {
            description: tool, inputSchema: z.object({ id: z.string() }),
        }, async ({ id }) => said(headers, `${tool} ${id}`));
    }

    return server;
}

async function legacy(request, response) {
    const server = new McpServer1({ name: 'posts', version: '1.0.0' });
    const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: undefined,
    });

    for (const tool of tools) {
        server.registerTool(tool, {
            description: tool, inputSchema: { id: z.string() },
        }, async ({ id }) => said(request.headers, `${tool} ${id}`));
    }

    response.on('close', () => { transport.close(); server.close(); });

    await server.connect(transport);
    await transport.handleRequest(request, response);
}

async function authorization() {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    let handler = null;
    const port = await listen((request, response) => handler(request, response));

    const provider = new Provider(`http://127.0.0.1:${port}`, {
        cookies: { keys: [randomBytes(32).toString('hex')] },
        jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }),
            kid: 'test', use: 'sig', alg: 'RS256' }] },
        scopes: ['openid', 'offline_access', 'mcp:read', 'posts:write'],
        features: {
            devInteractions: { enabled: true },
            registration: { enabled: true },
            resourceIndicators: {
                enabled: true,
                getResourceServerInfo(_, resource) {
                    if (!resources.includes(resource)) {
                        throw new Error(`no such resource: ${resource}`);
                    }

                    return {
                        scope: 'mcp:read posts:write',
                        audience: resource,
                        accessTokenTTL: 600,
                        accessTokenFormat: 'jwt',
                        jwt: { sign: { alg: 'RS256' } },
                    };
                },
            },
        },
    });

    const answer = provider.callback();

    // clients register with the scopes that they know of then, and there would
    // be no way to ask for more

    handler = async (request, response) => {
        if (request.method === 'POST' && request.url === '/reg') {
            const { scope, ...metadata } = JSON.parse(await text(request));

            request.body = metadata;
        }

        await answer(request, response);
    };

    return port;
}

// a line of its own for the ports: both print warnings

console.info = console.warn = console.log = console.error;

const ports = [await authorization(),
    await listen(toNodeHandler(createMcpHandler(modern))),
    await listen(legacy)];

process.stdout.write(`${ports.join(' ')}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
