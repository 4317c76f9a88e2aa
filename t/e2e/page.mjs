/*
 * The page in a browser, with a gateway that is played here.
 *
 *   page.mjs DIRECTORY    what "npm run build" made
 *
 *   OUT    where a screenshot of a failure goes
 *   ONLY   a part of the names of the tests to run
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
        [`${prefix}.${user}.idToken`]: access,
        [`${prefix}.${user}.accessToken`]: access,
        [`${prefix}.${user}.refreshToken`]: refresh,
        [`${prefix}.${user}.clockDrift`]: '0',

        // the last, as the library does it

        [`${prefix}.LastAuthUser`]: user,
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
    case 'PUT /api/profile':
        if (request.headers()['if-match'] !== `"${state.profile.version}"`) {
            return [412, { message: 'The profile was changed meanwhile' }];
        }

        Object.assign(state.profile, json(), { version: `v${++made}` });
        return [200, state.profile];
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
    is(state.posts.length, 2, 'but the same may be written again');
    is(page.problems, [], 'with no error');
};

/* Somebody signs out everywhere, in another browser. */

async function revokedWhile(write, name) {
    const access = token();
    const state = world();
    const page = await visit(state, '/', session('ann', access));

    await mind(page).fill('half a thought');
    state.revoked.add(access);
    await write(page);

    await page.getByRole('status').filter({ hasText: 'session has ended' })
        .waitFor();
    ok(true, `${name}: the page says that the session has ended`);
    await page.getByText('Everyone can read').waitFor();
    await page.getByText('Nobody has written anything yet').waitFor();
    is(await page.getByRole('button', { name: 'Sign out' }).count(), 0,
        `${name}: the page does not say "Sign out"`);
    is(await page.getByRole('alert').allTextContents(), [''],
        `${name}: and has the feed`);

    return { page, state };
}

tests['a session that was revoked elsewhere'] = async () => {
    const { page, state } = await revokedWhile(post, 'a post');

    is(state.posts, [], 'what was refused is not there');
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signInElsewhere(page, 'ann');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await page.getByRole('link', { name: 'Plaza' }).click();
    is(await mind(page).inputValue(), 'half a thought',
        'what was written is there after signing in');
    is(await page.getByText('session has ended').count(), 0,
        'the message has gone');
    await post(page);
    await page.locator('.activities').getByText('half a thought').waitFor();
    is(await mind(page).inputValue(), '', 'and can be sent');

    // somebody else does not find it

    await mind(page).fill('a secret of ann');
    state.change['POST /auth/logout'] = () => [204, ''];
    state.change['idp RevokeToken'] = () => [200, {}];
    await page.reload();
    is(await mind(page).inputValue(), 'a secret of ann',
        'a reload does not lose it');
    await signInElsewhere(page, 'bea');
    await page.waitForFunction(() =>
        document.querySelector('textarea')?.value === '');
    ok(true, 'another user does not find what this one wrote');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Everyone can read').waitFor();
    is(await page.evaluate(() => Object.keys(sessionStorage)), [],
        'and who signs out leaves none');
    is(await page.getByText('session has ended').count(), 0,
        'and knows why');
    is(page.problems, [], 'with no error');
};

tests['a session that was revoked, and another page'] = async () => {
    const { page } = await revokedWhile(async (on) => {
        await on.getByRole('link', { name: 'Profile' }).click();
        await on.getByText('to see your profile').waitFor();
        await on.getByRole('link', { name: 'Plaza' }).click();
    }, 'the profile');

    is(page.problems, [], 'with no error');
};

/* A tab that has older tokens than another one is not signed out. */

tests['a token that another tab has replaced'] = async () => {
    const old = token();
    const state = world();
    const page = await visit(state, '/', session('ann', old));

    await mind(page).fill('still here');
    state.change['POST /api/activities'] = async (request) => {
        if (bearer(request) !== old) {
            return null;
        }

        await store(page, session('ann'));
        return [401, { message: 'Unauthorized' }];
    };
    await post(page);
    await page.getByRole('alert').filter({ hasText: 'Try again' }).waitFor();
    await post(page);
    await page.locator('.activities').getByText('still here').waitFor();
    ok(true, 'the user is not signed out, and goes on');
};

async function store(page, items) {
    await page.evaluate((given) => {
        for (const [name, value] of Object.entries(given)) {
            localStorage.setItem(name, value);
        }
    }, items);
}

/* As by another tab, whose changes of the session reach the page. */

async function signInElsewhere(page, user) {
    const other = await page.context().newPage();

    await other.goto(`${origin}/icon.svg`);
    await store(other, session(user));
    await other.close();
}

const signIn = async (page) => {
    await page.getByLabel('E-mail').fill('ann@example.com');
    await page.getByLabel('Password').fill('Correct-horse-1');
    await page.getByRole('button', { name: 'Sign in' }).click();
};

tests['an identity provider that is down'] = async () => {
    for (const [what, reply] of [
        ['nginx', [502, { message: 'Bad Gateway' }]],
        ['HTML', [502, '<html>502</html>', { 'Content-Type': 'text/html' }]],
        ['limits', [429, { message: 'Too Many Requests' }]],
        ['Cognito', [500, { __type: 'InternalErrorException',
            message: 'x of undefined' }]],
        ['nothing', 'lost']])
    {
        const page = await visit(
            world({ 'idp InitiateAuth': () => reply }), '/signin');

        await signIn(page);

        const alert = page.getByRole('alert').filter({ hasText: /\./ });

        await alert.waitFor();

        const text = await alert.textContent();

        ok(/^(Signing in does not work right now|The server cannot)/.test(text)
            && !/undefined/.test(text), `${what}: the page says it`);
        diag(text);
        await page.context().close();
    }

    // a session that is to be refreshed meanwhile is not over

    const page = await visit(
        world({ 'idp InitiateAuth': () => [502, { message: 'Bad Gateway' }],
            'idp GetTokensFromRefreshToken': () =>
                [502, { message: 'Bad Gateway' }] }),
        '/', session('ann', token(-10)));

    await page.getByRole('alert').filter({ hasText: 'right now' }).waitFor();
    is(await page.getByRole('button', { name: 'Sign out' }).count(), 1,
        'and nobody is signed out by it');
};

tests['a backend that is down'] = async () => {
    for (const [status, text] of [[502, 'Bad Gateway'],
        [503, 'Service Unavailable'], [504, 'Gateway Time-out'],
        [500, 'Internal Server Error']])
    {
        const state = world({ 'GET /api/home': () =>
            [status, { message: text }] });
        const page = await visit(state);
        const alert = page.getByRole('alert').filter({ hasText: /\./ });

        await alert.waitFor();
        ok(/(unavailable|went wrong).*Try again/.test(
            await alert.textContent()), `${status} is said in words`);
        state.change = {};
        await page.getByRole('button', { name: 'Try again' }).click();
        await page.getByText('Nobody has written anything yet').waitFor();
        ok(true, 'and over when it is back');
        await page.context().close();
    }
};

tests['two changes of a profile'] = async () => {
    const state = world();
    const page = await visit(state, '/profile', session('ann'));
    const about = page.getByLabel('About you');
    const save = () => page.getByRole('button', { name: 'Save' }).click();

    await about.fill('mine');
    Object.assign(state.profile, { displayName: 'Theirs', version: 'w1' });
    await save();
    await page.getByText('Saved.').waitFor();
    is([state.profile.displayName, state.profile.bio], ['Theirs', 'mine'],
        'of two fields are both there');
    is(await page.getByLabel('Name').inputValue(), 'Theirs', 'and shown');

    await about.fill('mine again');
    Object.assign(state.profile, { bio: 'theirs', version: 'w2' });
    await save();
    await page.getByRole('alert').filter({ hasText: 'theirs' }).waitFor();
    is(state.profile.bio, 'theirs', 'of one field are not saved');
    is(await about.inputValue(), 'mine again', 'nor lost');
    await save();
    await page.getByText('Saved.').waitFor();
    is(state.profile.bio, 'mine again', 'but after it was said');

    // the draft outlives a reload, and the end of the session

    await about.fill('half');
    await page.reload();
    is(await about.inputValue(), 'half', 'a reload does not lose a change');
    state.revoked.add(await page.evaluate(() => localStorage.getItem(
        'CognitoIdentityServiceProvider.web.ann.accessToken')));
    await save();
    await page.getByText('to see your profile').waitFor();
    await signInElsewhere(page, 'ann');
    await about.waitFor();
    is(await about.inputValue(), 'half', 'nor does the end of the session');
    await save();
    await page.getByText('Saved.').waitFor();
    await page.reload();
    is(await about.inputValue(), 'half', 'it is saved');
    is(await page.evaluate(() => Object.keys(sessionStorage)), [],
        'and no draft any more');
    is(page.problems, [], 'with no error');
};

/* A picture as the page's own browser makes it, whatever its name says. */

tests['pictures of other kinds'] = async () => {
    let asked = null;
    const state = world({
        'POST /uploads': (request) => {
            asked = JSON.parse(request.postData());
            return [201, { id: 'u', method: 'PUT', headers: {},
                url: `${origin}/store/u` }];
        },
        'PUT /store/u': () => [200, ''],
        'GET /uploads/u': () => [200, { id: 'u', state: 'ready' }],
    });
    const page = await visit(state, '/profile', session('ann'));
    const png = Buffer.from((await page.evaluate(() => {
        const canvas = document.createElement('canvas');

        return canvas.toDataURL('image/png');
    })).split(',')[1], 'base64');
    const choose = (buffer, mimeType) => page.locator('#avatar-file')
        .setInputFiles({ name: 'a', mimeType, buffer });

    await page.getByLabel('About you').waitFor();
    await choose(png, 'image/avif');
    await page.locator('[data-step=ready]').waitFor();
    is([asked?.contentType, asked?.size > 100], ['image/jpeg', true],
        'what the browser can decode is sent as JPEG');

    asked = null;
    await choose(Buffer.from('....ftypheic'), 'image/heic');
    await page.locator('[data-step=failed]').waitFor();
    ok(/HEIC.*Choose a JPEG/.test(
        await page.locator('[data-step]').textContent()),
    'what it cannot is refused, and the page says what to do');
    is(asked, null, 'before anything is sent');
    is(page.problems, [], 'with no error');
};

tests['the size of pictures'] = async () => {
    const drawn = '<svg xmlns="http://www.w3.org/2000/svg" width="96"'
        + ' height="96"><rect width="96" height="96"/></svg>';
    const picture = { path: '/images/1/avatar.jpg',
        small: '/images/1/small.webp', placeholder: null };
    const image = async () => [200, drawn,
        { 'Content-Type': 'image/svg+xml' }];

    for (const [what, avatar, small, wanted] of [
        ['44 pixels', picture, image, ['small.webp']],
        ['no small one', { ...picture, small: null }, image, ['avatar.jpg']],
        ['a small one that is not there', picture, () => [404, ''],
            ['small.webp', 'avatar.jpg']]])
    {
        const state = world({
            'GET /images/1/avatar.jpg': image,
            'GET /images/1/small.webp': small,
        });

        state.posts.push({ id: 'p', message: 'hello', mine: false,
            createdAt: '2026-01-01T00:00:00Z',
            user: { ...person('bea'), avatar } });

        const page = await visit(state);

        await page.waitForFunction(() => {
            const shown = document.querySelector('.activities img.avatar');

            return shown?.complete && shown.naturalWidth > 0;
        });
        is([...new Set(state.asked.filter((name) => /images/.test(name))
            .map((name) => path.basename(name)))], wanted, `${what}: is loaded`);
        await page.context().close();
    }

    // and with neither a letter

    const none = () => [404, ''];
    const state = world({ 'GET /images/1/avatar.jpg': none,
        'GET /images/1/small.webp': none });

    state.posts.push({ id: 'p', message: 'hello', mine: false,
        createdAt: '2026-01-01T00:00:00Z',
        user: { ...person('bea'), avatar: picture } });

    const page = await visit(state);

    await page.locator('.activities .letter').getByText('B').waitFor();
    ok(true, 'with neither there is a letter');
};

/* Cognito with refresh tokens that are good for once. */

function rotating(change = {}) {
    let good = 1;

    return world({
        'idp InitiateAuth': () => [400, { __type: 'NotAuthorizedException',
            message: 'Refresh token rotation is on' }],
        'idp GetTokensFromRefreshToken': async (request) => {
            const { RefreshToken: given, ClientId: by } =
                JSON.parse(request.postData());

            // so that two tabs would be there at a time

            await new Promise((resolve) => setTimeout(resolve, 200));

            if (given !== `r${good}` || by !== client) {
                return [400, { __type: 'RefreshTokenReuseException' }];
            }

            good++;

            return [200, { AuthenticationResult: { IdToken: token(),
                AccessToken: token(), RefreshToken: `r${good}` } }];
        },
        ...change,
    });
}

tests['refresh tokens that are good for once'] = async () => {
    const state = rotating();
    const refreshes = () => state.asked.filter((name) =>
        name === 'idp GetTokensFromRefreshToken').length;
    const kept = (name) => page.evaluate((key) => localStorage.getItem(
        `CognitoIdentityServiceProvider.web.ann.${key}`), name);

    const page = await visit(state, '/', session('ann', token(-10)));

    await page.getByText('Nobody has written anything yet').waitFor();
    is(await page.getByRole('button', { name: 'Sign out' }).count(), 1,
        'keep the user signed in');
    is([refreshes(), await kept('refreshToken')], [1, 'r2'],
        'are used once by a page, and replaced');

    // two tabs at a time, and once more later

    const old = token(-10);

    await store(page, { ...session('ann', old, 'r2') });

    const other = await page.context().newPage();

    other.setDefaultTimeout(15_000);
    await Promise.all([page.reload(), other.goto(origin)]);

    for (const tab of [page, other]) {
        await tab.getByText('Nobody has written anything yet').waitFor();
        is(await tab.getByRole('button', { name: 'Sign out' }).count(), 1,
            'a tab of two stays signed in');
    }

    is([refreshes(), await kept('refreshToken')], [2, 'r3'],
        'and one of them refreshes for both');

    // one that was used by somebody else ends the session

    await store(page, { ...session('ann', old, 'r1') });
    await page.reload();
    await page.getByText('Everyone can read').waitFor();
    ok(true, 'one that is not good ends the session');
    is(page.problems, [], 'with no error');
};

let current;

for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(process.env.ONLY ?? '')) {
        continue;
    }

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
