/*
 * The page of "social_status html", while requests are made.
 *
 *   status.mjs URL well | down
 *
 *   OUT     where the screenshots go
 *   TOKENS  for requests, one a line
 */

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

import { chromium } from 'playwright-core';

import { diag, end, is, ok } from './tap.mjs';

const [url, mode] = process.argv.slice(2);
const out = process.env.OUT ?? 'build/e2e';
const tokens = (process.env.TOKENS ?? '').split('\n');
const axe = fs.readFileSync(
    createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

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

    page.setDefaultTimeout(30_000);
    page.problems = [];
    page.asked = new Set();

    page.on('pageerror', (error) => page.problems.push(error.message));
    page.on('console', (message) => {
        if (message.type() === 'error') {
            page.problems.push(message.text());
        }
    });
    page.on('request', (request) => page.asked.add(request.url()));

    await page.goto(new URL('/status', url).href);
    await page.locator('body[data-samples]').waitFor();

    return page;
}

async function audit(page, name) {
    await page.evaluate(axe);

    const found = await page.evaluate(() => globalThis.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
    }));

    is(found.violations.map(({ id, nodes }) =>
        `${id}: ${nodes.map((node) => node.html).join(' ')}`), [],
    `axe: ${name}`);
    ok(found.passes.length > 10, `axe has looked at it: ${name}`);
}

async function narrow(page, name) {
    const [wide, seen] = await page.evaluate(() =>
        [document.documentElement.scrollWidth, innerWidth]);
    ok(wide <= seen, `fits into its width: ${name}`);
}

/* Requests of known numbers, until they are to stop. */

const sent = { '/api/': 0, '/page': 0 };
let stop = false;

async function load(token) {
    const headers = { Authorization: `Bearer ${token}` };
    let n = 0;

    while (!stop) {
        await (await fetch(new URL('/api/x', url), { headers })).text();
        sent['/api/']++;
        if (++n % 3 === 0) {
            await (await fetch(new URL('/page', url))).text();
            sent['/page']++;
        }
        await new Promise((done) => {
            setTimeout(done, 20 + 15 * Math.sin(Date.now() / 2500));
        });
    }
}

const cell = (page, row, column) => page.locator('#table-routes')
    .getByRole('row', { name: row }).getByRole('cell').nth(column);

async function well() {
    const page = await visit({ colorScheme: 'light',
        viewport: { width: 1180, height: 1060 } });
    const running = tokens.map(load);
    const seconds = Number(process.env.SECONDS ?? 12);

    await page.locator('#verdict.good').waitFor();
    is(await page.locator('#verdict').textContent(), 'All is well.',
        'nothing is wrong');

    await new Promise((done) => {
        setTimeout(done, seconds * 1000);
    });

    const shown = await page.locator('.tile', { hasText: 'Requests' })
        .locator('.value').textContent();
    ok(/^[0-9.]+(?: k)?\/s$/.test(shown) && parseFloat(shown) > 5,
        `requests a second: ${shown}`);
    ok((await page.locator('.tile .curve').first().getAttribute('d'))
        .split('L').length > 3, 'a chart');

    await page.screenshot({ path: path.join(out, 'status.png') });
    await audit(page, 'light');

    const phone = await visit({ colorScheme: 'dark',
        viewport: { width: 375, height: 740 }, deviceScaleFactor: 2,
        isMobile: true });
    await phone.locator('#table-routes').waitFor();
    await phone.waitForFunction(() => document.body.dataset.samples > 4);
    await phone.screenshot({ path: path.join(out, 'status-phone.png') });
    await audit(phone, 'dark, on a phone');
    await narrow(phone, 'on a phone');
    await phone.context().close();

    /* what was sent is what is shown */

    stop = true;
    await Promise.all(running);

    for (const [row, n] of Object.entries(sent)) {
        ok(n > 20, `${n} requests of ${row}`);
        await page.waitForFunction(([name, wanted]) =>
            [...document.querySelectorAll('#table-routes tbody tr')].some(
                (tr) => tr.cells[0].textContent === name
                    && tr.cells[2].textContent === wanted),
        [row, String(n)]);
        is(await cell(page, row, 1).textContent(), String(n), `shown: ${row}`);
    }

    ok(/ms$/.test(await cell(page, '/api/', 5).textContent()),
        'and how long they took');
    is(await page.locator('#table-tokens-by-issuer')
        .getByRole('row', { name: 'main' }).getByRole('cell').nth(0)
        .textContent(), String(sent['/api/']), 'tokens');

    const server = page.locator('#table-upstreams tbody tr').first();

    is(await server.getByRole('cell').nth(1).textContent(), 'up',
        'the server behind it');
    ok(Number(await server.getByRole('cell').nth(2).textContent()) > 0,
        'its checks');
    is(await page.locator('#table-limits').getByRole('row', { name: 'all' })
        .getByRole('cell').nth(2).textContent(), '0', 'a limit');

    is([...page.asked].filter((asked) => new URL(asked).origin
        !== new URL(url).origin), [], 'nobody else is asked');
    is(page.problems, [], 'no problem on the page');
}

async function down() {
    const page = await visit({ colorScheme: 'dark',
        viewport: { width: 1180, height: 700 } });

    await page.locator('#verdict.bad').waitFor();
    ok(/look at\.$/.test(await page.locator('#verdict').textContent()),
        'somebody is needed');

    const item = page.locator('.problems li.bad').filter(
        { hasText: 'The database cannot be reached.' });
    await item.waitFor();
    ok(/PostgreSQL/.test(await item.locator('p').textContent()),
        'what to do is said');

    const server = page.locator('.problems li.warn').filter(
        { hasText: '1 of 2 servers of the upstream “app” are down.' });
    await server.waitFor();
    ok(/127\.0\.0\.1:1\b/.test(await server.locator('p').textContent()),
        'a server that is down, by its name');
    is(await page.locator('#table-upstreams td.bad').textContent(), 'down',
        'and in the table');
    ok(/^\(\d\) Status of /.test(await page.title()), 'in the title');

    await page.screenshot({ path: path.join(out, 'status-down.png') });
    await audit(page, 'with a problem');
    is(page.problems, [], 'no problem on the page');
}

try {
    await (mode === 'down' ? down() : well());
} catch (error) {
    ok(false, `the page: ${error.message}`);
    diag(error.stack);
}

stop = true;
await browser.close();
end();
