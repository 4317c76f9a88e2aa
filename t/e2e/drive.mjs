/*
 * A page in a browser, for a test that is in another language.
 *
 *   drive.mjs URL [NAME=COOKIE ...]
 *
 * Each line of the standard input is a JSON array, the name of a function of
 * window.social and its arguments; the answer is a line, {"value":...} or
 * {"error":"..."}. "reload" loads the page again, and "problems" is what the
 * console has complained of since it was last asked.
 */

import process from 'node:process';
import readline from 'node:readline';

import { chromium } from 'playwright-core';

const [url, ...cookies] = process.argv.slice(2);

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
});

const context = await browser.newContext();
const page = await context.newPage();
let problems = [];

page.on('pageerror', (error) => problems.push(error.message));
page.on('console', (message) => {
    if (message.type() === 'error') {
        problems.push(message.text());
    }
});

await context.addCookies(cookies.map((cookie) => {
    const at = cookie.indexOf('=');

    return { name: cookie.slice(0, at), value: cookie.slice(at + 1), url };
}));

await page.goto(url);

async function answer(call, ...args) {
    if (call === 'reload') {
        await page.reload();
        return null;
    }

    if (call === 'problems') {
        const found = problems;

        problems = [];
        return found;
    }

    return page.evaluate(([name, list]) => window.social[name](...list),
        [call, args]);
}

console.log(JSON.stringify({ value: 'ready' }));

for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
        const value = await answer(...JSON.parse(line));

        console.log(JSON.stringify({ value: value ?? null }));
    } catch (error) {
        console.log(JSON.stringify({ error: String(error) }));
    }
}

await browser.close();
