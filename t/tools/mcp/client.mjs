// A client by the official SDK, as it is, that knows nothing but the URL of an
// MCP server: it connects, has its user sign in where the server says, calls
// a tool, and another one that needs a further scope.
//
//     node client.mjs 1|2|2-legacy URL
//
// 1 and 2 are versions of the SDK; the second one speaks the protocol of
// 2026-07-28, or an earlier one.  What happened is one JSON object on standard
// output.  The user is a script that submits the forms of oidc-provider.

const [kind, url] = process.argv.slice(2);
const redirect = 'http://127.0.0.1:1/callback';
const report = { requests: [], signedIn: [], tokens: [] };

const { Client, StreamableHTTPClientTransport, UnauthorizedError }
    = kind === '1'
        ? {
            ...await import('@modelcontextprotocol/sdk/client/index.js'),
            ...await import(
                '@modelcontextprotocol/sdk/client/streamableHttp.js'),
            ...await import('@modelcontextprotocol/sdk/client/auth.js'),
        }
        : await import('@modelcontextprotocol/client');

// all that the SDK asks for

const ask = globalThis.fetch;

globalThis.fetch = async (input, init) => {
    const response = await ask(input, init);
    const { headers } = new Request(input, { ...init, body: null });
    const entry = {
        method: init?.method ?? 'GET',
        url: String(input.url ?? input),
        status: response.status,
        mcpMethod: headers.get('mcp-method'),
        mcpName: headers.get('mcp-name'),
        challenge: response.headers.get('www-authenticate'),
    };

    report.requests.push(entry);

    return response;
};

// the user: follows redirects, submits forms, and keeps cookies

const cookies = new Map();

async function visit(address, form) {
    const { pathname } = new URL(address);
    const cookie = [...cookies.values()]
        .filter(({ path }) => pathname.startsWith(path))
        .map(({ name, value }) => `${name}=${value}`).join('; ');

    const response = await ask(address, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { cookie },
        body: form ? new URLSearchParams(form) : undefined,
    });

    for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        const path = /path=([^;]*)/i.exec(line)?.[1] ?? '/';

        if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) {
            cookies.delete(`${name} ${path}`);
        } else {
            cookies.set(`${name} ${path}`, { name, value, path });
        }
    }

    return response;
}

async function signIn(address) {
    let at = String(address);
    let form = null;

    report.signedIn.push(Object.fromEntries(new URL(at).searchParams));

    for (let i = 0; i < 20; i++) {
        const response = await visit(at, form);
        const location = response.headers.get('location');

        if (location) {
            const next = new URL(location, at);

            if (next.href.startsWith(redirect)) {
                return next.searchParams;
            }

            at = next.href;
            form = null;
            continue;
        }

        const page = await response.text();
        const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
        const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];

        if (!action || !prompt) {
            throw new Error(`${response.status} of ${at}: ${page}`);
        }

        at = new URL(action, at).href;
        form = { prompt, login: 'alice', password: 'x' };
    }

    throw new Error('the sign-in has no end');
}

// what an application keeps for the SDK

const kept = {};

const provider = {
    redirectUrl: redirect,
    clientMetadata: {
        client_name: 'a test',
        redirect_uris: [redirect],
        application_type: 'native',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
    },
    clientInformation: () => kept.client,
    saveClientInformation(client) { kept.client = client; },
    tokens: () => kept.tokens,
    saveTokens(tokens) {
        kept.tokens = tokens;
        report.tokens.push(tokens.access_token);
    },
    redirectToAuthorization(address) { kept.address = address; },
    saveDiscoveryState(state) { kept.discovery = state; },
    discoveryState: () => kept.discovery,
    saveCodeVerifier(verifier) { kept.verifier = verifier; },
    codeVerifier: () => kept.verifier,
};

function connection() {
    const client = new Client({ name: 'test', version: '1.0.0' },
        kind === '2' ? { versionNegotiation: { mode: 'auto' } } : {});
    const transport = new StreamableHTTPClientTransport(new URL(url),
        { authProvider: provider });

    return { client, transport };
}

async function finish(transport) {
    const parameters = await signIn(kept.address);

    await transport.finishAuth(kind === '1' ? parameters.get('code')
                                            : parameters);
}

async function unauthorized(promise) {
    try {
        await promise;
    } catch (error) {
        if (error instanceof UnauthorizedError) {
            return;
        }

        throw error;
    }

    throw new Error('it was allowed');
}

let { client, transport } = connection();

await unauthorized(client.connect(transport));
await finish(transport);

({ client, transport } = connection());
await client.connect(transport);

report.version = client.getNegotiatedProtocolVersion?.()
    ?? transport.protocolVersion;
report.tools = (await client.listTools()).tools.map(({ name }) => name).sort();

const call = async (name) => JSON.parse((await client.callTool(
    { name, arguments: { id: '7' } })).content[0].text);

report.get = await call('get_post');

await unauthorized(call('delete_post'));
await finish(transport);

report.deleted = await call('delete_post');

await client.close();

process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
