/*
 * What a person does: signs up, confirms, signs in, writes, and uploads
 * a photo that becomes their picture.  Twice, with two people.
 *
 *   walk.mjs URL first | again
 *
 *   OUT         where the screenshots go
 *   STATE       a file that "first" leaves for "again", after a restart
 *   PARTS       what this build has: "assertion uploads hook"
 *   SUPERVISOR  supervisord's configuration, to stop and start PostgreSQL
 */

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { chromium } from 'playwright-core';

import { look, near, photo, secret } from './photo.mjs';
import { diag, end, is, ok, skip } from './tap.mjs';

const [url, mode] = process.argv.slice(2);
const out = process.env.OUT ?? 'build/e2e';
const parts = new Set((process.env.PARTS ?? '').split(' '));
const password = 'Correct-horse-1';
const missing = 'this build of the module has no such part yet';

const people = [
    {
        name: 'Ann Example', handle: 'ann', color: 'light',
        quarters: ['#d02030', '#20a040', '#2040c0', '#e0c020'],
        orientation: 6,
    },
    {
        name: 'Bea Example', handle: 'bea', color: 'dark',
        quarters: ['#20b0c0', '#c030b0', '#e08020', '#404040'],
        orientation: 8,
    },
];

fs.mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
});

async function visit(options) {
    const context = await browser.newContext(options);
    const page = await context.newPage();

    page.setDefaultTimeout(15_000);
    page.problems = [];

    page.on('pageerror', (error) => {
        page.problems.push(error.message);
    });

    // a failed request is noted there too, and may well be meant to fail

    page.on('console', (message) => {
        if (message.type() === 'error'
            && !message.text().startsWith('Failed to load resource'))
        {
            page.problems.push(message.text());
        }
    });

    return page;
}

async function shot(page, name) {
    await page.screenshot(
        { path: path.join(out, `${name}.png`), fullPage: true });
}

async function signUp(page, person) {
    await page.getByRole('link', { name: 'Sign up' }).first().click();
    await page.getByLabel('Name').fill(person.name);
    await page.getByLabel('Handle').fill(person.handle);
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByRole('heading', { name: 'Confirm your address' })
        .waitFor();
}

async function confirm(page, code) {
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Confirm' }).click();
}

async function signIn(page, person, given = password) {
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Password').fill(given);
    await page.getByRole('button', { name: 'Sign in' }).click();
}

/* What the library keeps; the walk uses it to ask as that person. */

function token(page) {
    return page.evaluate(() => {
        const name = Object.keys(localStorage)
            .find((key) => key.endsWith('.accessToken'));

        return name === undefined ? null : localStorage.getItem(name);
    });
}

async function ask(address, bearer) {
    const headers = bearer ? { Authorization: `Bearer ${bearer}` } : {};
    const response = await fetch(new URL(address, url), { headers });

    return { status: response.status, body: await response.text() };
}

async function walk(person) {
    const who = person.name.split(' ')[0];
    const page = await visit({
        colorScheme: person.color,
        viewport: { width: 900, height: 800 },
    });

    await page.goto(url);
    await page.getByRole('heading', { name: 'Feed' }).waitFor();
    ok(true, `${who} opens the page`);

    // sign-up, the wrong code, the right one

    await signUp(page, person);
    ok(true, `${who} signs up`);

    await confirm(page, '000000');
    is(await page.getByRole('alert').filter({ hasText: 'wrong' })
        .textContent(), 'This code is wrong.',
    `${who} gives a wrong code and sees an error`);

    await confirm(page, '123456');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    ok(true, `${who} confirms the address`);

    // sign-in, the wrong password, the right one

    await signIn(page, person, 'not-this-one');
    is(await page.getByRole('alert').filter({ hasText: 'wrong' })
        .textContent(), 'The e-mail address or the password is wrong.',
    `${who} gives a wrong password and sees an error`);

    await signIn(page, person);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    ok(true, `${who} signs in`);

    person.token = await token(page);

    if (parts.has('assertion')) {
        await write(page, person, who);
        await profile(page, person, who);
    } else {
        skip(`${who} writes`, missing);
        skip(`${who} sees and changes the profile`, missing);
    }

    if (parts.has('uploads')) {
        await avatar(page, person, who);
    } else {
        skip(`${who} uploads a photo`, missing);
    }

    await narrow(page, person, who);

    is(page.problems, [], `${who} saw no error in the console`);

    person.page = page;
}

async function write(page, person, who) {
    await page.getByLabel('What is on your mind?')
        .fill(`Hello from ${who} & <b>all</b> – ça va?`);
    await page.getByRole('button', { name: 'Post' }).click();
    await page.getByText(`Hello from ${who} & <b>all</b> – ça va?`).waitFor();
    ok(true, `${who} writes, and sees it on the feed`);
    await shot(page, `${who.toLowerCase()}-feed`);
}

async function profile(page, person, who) {
    await page.getByRole('link', { name: 'Profile' }).click();
    await page.getByLabel('About you').waitFor();

    if (parts.has('hook')) {
        is(await page.getByLabel('Name').inputValue(), person.name,
            `${who}'s name has come with the sign-up`);
        is(await page.getByLabel('Handle').inputValue(), person.handle,
            `${who}'s handle has come with the sign-up`);
    } else {
        skip(`${who}'s name and handle have come with the sign-up`, missing);
        await page.getByLabel('Name').fill(person.name);
        await page.getByLabel('Handle').fill(person.handle);
    }

    await page.getByLabel('About you').fill(`I am ${who}.`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();

    const seen = await ask(`/api/users/@${person.handle}`);
    const { user } = JSON.parse(seen.body);

    is([user?.displayName, user?.bio], [person.name, `I am ${who}.`],
        `${who} changes the profile, and all can see it`);
}

async function avatar(page, person, who) {
    await page.goto(new URL('/profile', url).href);
    await page.getByLabel('About you').waitFor();

    // a file that is not a picture is refused with a message

    await page.locator('#avatar-file').setInputFiles({
        name: 'notes.jpg', mimeType: 'image/jpeg',
        buffer: Buffer.from('This is a text, whatever its name says.\n'),
    });
    await page.locator('[data-step=failed]').waitFor({ timeout: 60_000 });
    diag(`the reason: ${await page.locator('[data-step]').textContent()}`);
    ok((await page.locator('[data-step]').textContent()).length > 10,
        `${who} uploads a file that is not a picture and sees an error`);

    const file = await photo(page, person);
    const asked = page.waitForResponse((response) =>
        new URL(response.url()).pathname === '/uploads'
            && response.request().method() === 'POST');

    const put = page.waitForResponse((response) =>
        response.request().method() === 'PUT'
            && new URL(response.url()).pathname.startsWith('/store/'));

    await page.locator('#avatar-file').setInputFiles(
        { name: 'IMG_0001.JPG', mimeType: 'image/jpeg', buffer: file });

    if (who === 'Bea' && process.env.SUPERVISOR) {
        await put;
        await killWorker();
    }

    person.upload = (await (await asked).json()).id;
    await page.locator('[data-step=ready]').waitFor({ timeout: 90_000 });
    ok(true, `${who} uploads a photo of 12 Mpx, ${file.length} bytes`);

    const image = page.locator('section img.avatar');

    await image.waitFor();

    const source = await image.evaluate((element) => element.src);
    const seen = await look(page, source);

    is([seen.width, seen.height], [512, 512],
        `${who}'s picture has the size of an avatar`);
    is(seen.quarters.map((q, i) => near(q, person.quarters[i])),
        [true, true, true, true], `${who}'s picture is upright`);
    diag(JSON.stringify(seen.quarters));
    ok(!seen.exif && !seen.text.includes(secret.slice(0, 9)),
        `${who}'s picture does not say where it was taken`);

    await shot(page, `${who.toLowerCase()}-profile`);
}

/* In the middle of the job, or just before it: the lease brings it back. */

async function killWorker() {
    await new Promise((resolve) => setTimeout(resolve, 60));
    execFileSync('supervisorctl',
        ['-c', process.env.SUPERVISOR, 'signal', 'KILL', 'worker']);
    diag('the worker was killed');
}

async function narrow(page, person, who) {
    await page.setViewportSize({ width: 360, height: 740 });

    for (const at of ['/', '/profile', '/signin', '/signup', '/confirm',
        `/@${person.handle}`])
    {
        await page.goto(new URL(at, url).href);
        await page.locator('h1').waitFor();

        const width = await page.evaluate(
            () => document.documentElement.scrollWidth);

        is(width, 360, `${who}'s phone shows ${at} without scrolling sideways`);

        if (at === '/' || at === '/signup') {
            await shot(page, `${who.toLowerCase()}-phone`
                + (at === '/' ? '' : at.replace('/', '-')));
        }
    }

    await page.setViewportSize({ width: 900, height: 800 });
}

/* Neither reads the other's. */

async function apart([ann, bea]) {
    if (!parts.has('uploads')) {
        skip('neither reads the other\'s upload', missing);
        return;
    }

    for (const [owner, other] of [[ann, bea], [bea, ann]]) {
        const address = `/uploads/${owner.upload}`;

        is((await ask(address, owner.token)).status, 200,
            `${owner.name} reads the own upload`);
        is((await ask(address, other.token)).status, 404,
            `${other.name} does not read it`);
        is((await ask(address)).status, 401, 'nor does somebody else');
    }
}

/* By the keyboard alone. */

async function keyboard(person) {
    const page = await visit();

    await page.goto(url);
    await page.getByRole('heading', { name: 'Feed' }).waitFor();
    await page.keyboard.press('Tab');
    is(await page.evaluate(() => document.activeElement?.textContent),
        'Skip to the content', 'the first stop of the keyboard is the skip');

    for (let i = 0; i < 2; i++) {
        await page.keyboard.press('Tab');
    }

    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    is(await page.evaluate(() => document.activeElement?.id), 'main',
        'a new page has the focus');

    await page.keyboard.press('Tab');
    await page.keyboard.type(person.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    ok(true, 'somebody signs in by the keyboard alone');

    const ended = await token(page);

    is((await ask('/api/profile', ended)).status, 200, 'with a good token');

    await page.getByRole('button', { name: 'Sign out' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Sign in' }).first().waitFor();
    is(await token(page), null, 'and out again: no token is left');

    if (parts.has('uploads')) {
        is((await ask('/api/profile', ended)).status, 401,
            'and the one that was is refused');
    } else {
        skip('the one that was is refused', missing);
    }

    is(page.problems, [], 'with no error in the console');

    await page.context().close();
}

/* The same by host name: the page here, its API there. */

async function hosts() {
    const page = await visit();
    const address = new URL(url);

    address.hostname = 'www.localhost';

    const answer = page.waitForResponse((response) =>
        new URL(response.url()).pathname === '/api/home');

    await page.goto(address.href);
    is(new URL((await answer).url()).hostname, 'api.localhost',
        'the page of www asks api');
    await page.locator('.activities, .page > .hint').first().waitFor();
    is(await page.getByRole('alert').allTextContents(), [''],
        'and may read the answer');
    is(page.problems, [], 'with no error in the console');

    await page.context().close();
}

/* PostgreSQL is stopped and started, and nothing else is restarted. */

async function outage(page) {
    const control = (verb) => {
        execFileSync('supervisorctl',
            ['-c', process.env.SUPERVISOR, verb, 'postgres']);
    };

    control('stop');

    const answer = await fetch(new URL('/api/home', url));

    is([answer.status, Number(answer.headers.get('Retry-After')) > 0],
        [503, true], 'without PostgreSQL the feed is 503 with Retry-After');
    is((await ask('/')).status, 200, 'and the page is served');

    await page.goto(url);
    await page.getByRole('alert').filter({ hasText: 'unavailable' }).waitFor();
    ok(true, 'the user sees a message');
    await shot(page, 'outage');

    control('start');

    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.activities, .hint').first().waitFor();
    await page.getByRole('alert').filter({ hasText: 'unavailable' })
        .waitFor({ state: 'detached' });
    ok(true, 'all is well again when it is back');
}

/* Requests over the limit get 429, in JSON, with Retry-After. */

async function flood() {
    const answers = await Promise.all(Array.from({ length: 90 },
        () => fetch(new URL('/idp/health', url))));
    const refused = answers.find((answer) => answer.status === 429);

    ok(refused, 'a flood of sign-ins is refused');
    ok(answers.some((answer) => answer.status === 200), 'but not all of it');
    is(refused?.headers.get('Retry-After'), '1', 'with Retry-After');
    is((await refused?.json())?.message, 'Too Many Requests', 'in JSON');
}

async function gateway() {
    is((await ask('/nowhere')).status, 404,
        'a request that is not a navigation gets no page');
    is((await ask('/@ann')).status, 200,
        'but that of a person, which previews of links ask for');
    is((await ask('/assets/gone-123.js')).status, 404,
        'a chunk of an older build is 404');

    const page = await fetch(new URL('/@ann', url),
        { headers: { Accept: 'text/html' } });

    is([page.status, page.headers.get('Cache-Control')], [200, 'no-cache'],
        'a deep link is the page, and not kept');

    const script = /src="(\/assets\/[^"]+)"/.exec(await page.text())?.[1];
    const asset = await fetch(new URL(script ?? '/missing', url));

    ok(asset.status === 200
        && /immutable/.test(asset.headers.get('Cache-Control')),
    'a script is kept for good');

    const config = JSON.parse((await ask('/config.json')).body);

    is(config.apiUrl, new URL(url).origin,
        'the configuration is for the address that was opened');

    const list = await fetch(new URL('/idp/', url), {
        method: 'POST', body: '{}',
        headers: { 'X-Amz-Target':
            'AWSCognitoIdentityProviderService.ListUsers' },
    });

    is(list.status, 403, 'nobody lists the users at the identity provider');
    is((await ask('/api/profile')).status, 401, 'a profile needs a token');
    is((await ask('/api/profile', 'x.y.z')).status, 401, 'a good one');
}

try {
    if (mode === 'again') {
        const [ann] = JSON.parse(fs.readFileSync(process.env.STATE, 'utf8'));
        const page = await visit();

        await page.goto(new URL('/signin', url).href);
        await signIn(page, ann);
        await page.getByRole('button', { name: 'Sign out' }).waitFor();
        ok(true, 'the account is there after a restart');

        if (parts.has('assertion')) {
            await page.getByText('Hello from Ann').first().waitFor();
            ok(true, 'and so is what was written');
        }

    } else {
        const run = Date.now().toString(36);

        for (const person of people) {
            person.handle += `-${run}`;
            person.email = `${person.handle}@example.com`;
        }

        await gateway();

        for (const person of people) {
            await walk(person);
        }

        await apart(people);
        await keyboard(people[0]);
        await hosts();
        await flood();

        if (process.env.SUPERVISOR) {
            await outage(people[1].page);
        }

        fs.writeFileSync(process.env.STATE ?? '/dev/null',
            JSON.stringify(people.map(({ email }) => ({ email }))));
    }
} catch (error) {
    ok(false, 'the walk came to its end');
    diag(error.stack);

    for (const context of browser.contexts()) {
        for (const page of context.pages()) {
            diag(`at ${page.url()}: ${page.problems?.join('; ')}`);
            await shot(page, 'failed').catch(() => undefined);
        }
    }
} finally {
    await browser.close();
    end();
}
