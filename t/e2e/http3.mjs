/*
 * Requests by HTTP/3, from a page that has come by it.
 *
 *   http3.mjs URL ELSEWHERE KEY
 *
 *   URL        the gateway
 *   ELSEWHERE  a page of another origin, by HTTP/1.1
 *   KEY        SHA-256 of the certificate's public key, in base64
 *   TOKEN      of the requests
 */

import process from 'node:process';

import { chromium } from 'playwright-core';

import { diag, end, is, ok } from './tap.mjs';

const [url, elsewhere, key] = process.argv.slice(2);
const token = { authorization: `Bearer ${process.env.TOKEN}` };
const { host } = new URL(url);

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--enable-quic',
        '--host-resolver-rules=MAP localhost 127.0.0.1',
        `--origin-to-force-quic-on=${host}`,
        `--ignore-certificate-errors-spki-list=${key}`,
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
});

const page = await browser.newPage();

page.setDefaultTimeout(30_000);

async function ask(path, options = {}) {
    const got = await page.evaluate(async ([to, how]) => {
        const began = performance.now();

        try {
            const response = await fetch(to, how);

            return { status: response.status, text: await response.text(),
                headers: Object.fromEntries(response.headers),
                took: performance.now() - began };
        } catch (error) {
            return { status: 0, text: String(error), headers: {} };
        }
    }, [new URL(path, url).href, options]);

    if (got.status === 0) {
        diag(`${path}: ${got.text}`);
    }

    return got;
}

try {
    const first = await page.goto(new URL('/page', url).href);
    const protocol = await page.evaluate(() =>
        performance.getEntriesByType('navigation')[0].nextHopProtocol);

    is([first.status(), protocol], [200, 'h3'], 'a page by HTTP/3');

    let got = await ask('/slow/x', { headers: token });

    is(got.status, 200, 'the first request waits for the keys');

    got = await ask('/api/x', { headers: token });
    is(got.status, 200, 'a token');

    got = await ask('/api/x');
    is([got.status, got.headers['www-authenticate'],
        got.headers['content-type']],
    [401, 'Bearer realm="api"', 'application/json'], 'none');
    ok(/^\{"message":"Unauthorized","requestId":"\w{32}"\}$/.test(got.text),
        'its body');

    got = await ask('/api/x', { headers: { authorization: 'Bearer a.b.c' } });
    is([got.status, /invalid_token/.test(got.headers['www-authenticate'])],
        [401, true], 'a bad one');

    got = await ask('/api/x', { method: 'POST', headers: token,
        body: 'hello'.repeat(20_000) });
    is([got.status, got.text.endsWith('hello'.repeat(20_000))], [200, true],
        'a body');

    got = await ask('/api/x', { headers: { ...token, 'x-social-sub': 'evil',
        'x-keep': 'a', 'x-social-groups': 'evil' } });
    is([/evil/.test(got.text), /^X-Social-Sub: c0ffee00/m.test(got.text),
        /^x-keep: a/m.test(got.text)], [false, true, true],
    'identity headers');

    got = await ask('/nothing');
    is([got.status, got.headers['content-type']], [404, 'application/json'],
        'an error of nginx');

    got = await ask('/nothing', { method: 'HEAD' });
    is([got.status, got.text], [404, ''], 'HEAD');

    const all = await Promise.all(Array.from({ length: 20 }, (_, i) =>
        ask(`/api/${i}`, { headers: token })));

    is(all.map(({ status }) => status), all.map(() => 200),
        'streams side by side');

    const leave = () => page.evaluate(async ([to, headers]) => {
        const abort = new AbortController();
        const asked = fetch(to, { headers, signal: abort.signal });

        setTimeout(() => abort.abort(), 100);

        try {
            return (await asked).status;
        } catch (error) {
            return error.name;
        }
    }, [new URL('/late/x', url).href, token]);

    /* between two attempts to fetch the keys it does not wait */

    let left = await leave();

    for (let n = 0; n < 20 && left === 503; n++) {
        await new Promise((done) => {
            setTimeout(done, 500);
        });
        left = await leave();
    }

    is(left, 'AbortError', 'one that leaves while it waits for keys');

    got = await ask('/api/x', { headers: token });
    is(got.status, 200, 'and others go on');

    await page.goto(elsewhere);

    got = await ask('/api/x', { method: 'PUT', body: 'x',
        headers: { ...token, 'content-type': 'application/json' } });
    is(got.status, 200, 'from another origin, after a preflight');

    got = await ask('/api/x');
    is([got.status, /Unauthorized/.test(got.text)], [401, true],
        'which can read an error, too');
} finally {
    await browser.close();
}

end();
