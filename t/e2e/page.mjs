/*
 * The page in a browser, with a gateway that is played here.
 *
 *   page.mjs DIRECTORY    what "npm run build" made
 *
 *   OUT   where a screenshot of a failure goes
 */

import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { chromium } from 'playwright-core';

import { diag, end, is, ok } from './tap.mjs';

const [directory] = process.argv.slice(2);
const out = process.env.OUT ?? 'build/e2e';
const origin = 'http://localhost';
const idp = 'https://cognito-idp.eu-west-1.amazonaws.com/';
const client = 'web';

const types = { '.html': 'text/html', '.js': 'text/javascript',
    '.css': 'text/css', '.svg': 'image/svg+xml' };

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
});

/* Tokens that nobody signed; the page reads their times. */

let made = 0;

function token(expires = 3600) {
    const now = Math.floor(Date.now() / 1000);

    return [{ alg: 'none' }, { sub: 's', n: ++made, iat: now - 60,
        exp: now + expires }, {}]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
}

function session(user, access = token(), refresh = 'r1') {
    const prefix = `CognitoIdentityServiceProvider.${client}`;

    return {
        [`${prefix}.LastAuthUser`]: user,
        [`${prefix}.${user}.idToken`]: access,
        [`${prefix}.${user}.accessToken`]: access,
        [`${prefix}.${user}.refreshToken`]: refresh,
        [`${prefix}.${user}.clockDrift`]: '0',
    };
}

const person = (handle) =>
    ({ handle, displayName: handle.toUpperCase(), avatar: null });

/*
 * A gateway: "change" has handlers of "METHOD /path", which take the request
 * and the world, and give [status, body, headers], or null for the answer as
 * usual, or "lost" for none.
 */

function world(change = {}) {
    return { change, posts: [], asked: [], revoked: new Set(),
        profile: { ...person('ann'), bio: '', email: 'ann@example.com',
            handleMadeUp: false, createdAt: '2026-01-01T00:00:00Z',
            version: 'v1' } };
}

function bearer(request) {
    return request.headers()['authorization']?.replace('Bearer ', '') ?? null;
}

function usual(request, name, state) {
    const json = () => JSON.parse(request.postData() ?? '{}');
    const who = bearer(request);

    if (who !== null && state.revoked.has(who)) {
        return [401, { message: 'Unauthorized' }];
    }

    switch (name) {
    case 'GET /config.json': return [200, {
        apiUrl: origin, assetsUrl: origin,
        cognito: { region: 'eu-west-1', userPoolId: 'eu-west-1_Pool',
            clientId: client },
    }];
    case 'GET /api/home': return [200, {
        viewer: who === null ? null : person('ann'), activities: state.posts }];
    case 'GET /api/profile': return [200, state.profile];
    case 'POST /api/activities': {
        const { id, message } = json();

        if (!state.posts.some((post) => post.id === id)) {
            state.posts.unshift({ id, message, mine: true, user: person('ann'),
                createdAt: new Date().toISOString() });
        }

        return [201, state.posts.find((post) => post.id === id)];
    }
    }

    return null;
}

async function answer(route, state) {
    const request = route.request();
    const url = new URL(request.url());
    const name = url.origin === origin
        ? `${request.method()} ${url.pathname}`
        : `idp ${request.headers()['x-amz-target']?.split('.').pop()}`;

    if (request.method() === 'OPTIONS') {
        await route.fulfill({ status: 204, headers: {
            'Access-Control-Allow-Origin': '*',
            'Access-Control-Allow-Headers': '*' } });
        return;
    }

    state.asked.push(name);

    const given = await state.change[name]?.(request, state)
        ?? usual(request, name, state);

    if (given === 'lost') {
        await route.abort('connectionreset');
        return;
    }

    if (given !== null) {
        const [status, body, headers = {}] = given;

        await route.fulfill({ status,
            body: typeof body === 'string' ? body : JSON.stringify(body),
            headers: { 'Content-Type': 'application/json',
                'Access-Control-Allow-Origin': '*', ...headers } });
        return;
    }

    const file = path.join(directory, url.pathname);
    const found = /^\/(assets\/|icon)/.test(url.pathname)
        && fs.existsSync(file) ? file : path.join(directory, 'index.html');

    await route.fulfill({ body: fs.readFileSync(found),
        contentType: types[path.extname(found)] ?? 'text/plain' });
}

async function visit(state, at = '/', stored = {}) {
    const context = await browser.newContext();

    await context.route('**/*', (route) => answer(route, state));

    const page = await context.newPage();

    page.setDefaultTimeout(15_000);
    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(error.message));

    // once: what the page makes of it stays when it is loaded again

    await page.goto(`${origin}/icon.svg`);
    await page.evaluate((items) => {
        for (const [name, value] of Object.entries(items)) {
            localStorage.setItem(name, value);
        }
    }, stored);
    await page.goto(origin + at);

    return page;
}

const tests = {};
const mind = (page) => page.getByLabel('What is on your mind?');
const post = (page) => page.getByRole('button', { name: 'Post' }).click();

tests['an answer that is lost'] = async () => {
    let lost = 1;
    const state = world({
        'POST /api/activities': (request, own) => {
            usual(request, 'POST /api/activities', own);
            return lost-- > 0 ? 'lost' : null;
        },
    });
    const page = await visit(state, '/', session('ann'));

    await mind(page).fill('once');
    await post(page);
    await page.getByRole('alert').filter({ hasText: 'cannot be reached' })
        .waitFor();
    is(await mind(page).inputValue(), 'once', 'leaves what was written');

    await post(page);
    await page.locator('.activities').getByText('once').waitFor();
    is(state.posts.length, 1, 'and is not doubled when it is sent again');

    await mind(page).fill('once');
    await post(page);
    await page.locator('.activities li').nth(1).waitFor();
    is(state.posts.length, 2, 'but the same may be written anew');
    is(page.problems, [], 'with no error');
};

//%%MORE%%

let current;

for (const [name, test] of Object.entries(tests)) {
    diag(name);
    current = name;

    try {
        await test();
    } catch (error) {
        ok(false, `${name}: it came to its end`);
        diag(error.stack);
        fs.mkdirSync(out, { recursive: true });

        for (const context of browser.contexts()) {
            for (const page of context.pages()) {
                diag(`${current}: ${page.problems?.join('; ')}`);
                await page.screenshot({ path: path.join(out, 'page.png') })
                    .catch(() => undefined);
            }
        }
    }

    for (const context of browser.contexts()) {
        await context.close();
    }
}

await browser.close();
end();
