import { describe, expect, it } from 'vitest';

import { Api, ApiError, errorOf, sentence } from '../src/api';

function answer(
    status: number, body: unknown, headers: Record<string, string> = {},
): Response {
    return new Response(
        typeof body === 'string' ? body : JSON.stringify(body),
        { status, headers });
}

describe('sentence', () => {
    it('begins with a capital and ends with a full stop', () => {
        expect(sentence('the handle is taken')).toBe('The handle is taken.');
        expect(sentence('Really?')).toBe('Really?');
        expect(sentence('  ')).toBe('');
    });
});

describe('errorOf', () => {
    it('takes the message of a JSON error', async () => {
        const error = await errorOf(
            answer(404, { message: 'nobody has this handle' }));

        expect(error.status).toBe(404);
        expect(error.message).toBe('Nobody has this handle.');
    });

    it('says more than the name of a status', async () => {
        const error = await errorOf(answer(401, { message: 'Unauthorized' }));

        expect(error.message).toMatch(/signed out/);
    });

    it('keeps what is said of each field', async () => {
        const error = await errorOf(answer(422, {
            message: 'Invalid request',
            fields: { handle: 'is taken', bio: 5 },
        }));

        expect(error.fields).toEqual({ handle: 'Is taken.' });
    });

    it('takes the first field where there is no message', async () => {
        const error = await errorOf(answer(422,
            { message: 'Unprocessable', fields: { size: 'is too large' } }));

        expect(error.message).toBe('Is too large.');
    });

    it.each([[500, 'Internal Server Error'], [502, 'Bad Gateway'],
        [503, 'Service Unavailable'], [504, 'Gateway Time-out']])(
        'does not show the name of %i', async (status, message) => {
            const error = await errorOf(answer(status, { message }));

            expect(error.message).not.toContain(message);
            expect(error.message).toMatch(/Try again/);
        });

    it('says when to come back', async () => {
        const error = await errorOf(
            answer(503, { message: 'Service Unavailable' },
                { 'Retry-After': '2' }));

        expect(error.message).toMatch(/Try again in 2 seconds\.$/);
    });

    it('stands a Retry-After that is not a number', async () => {
        const error = await errorOf(
            answer(429, {}, { 'Retry-After': 'Fri, 31 Dec 1999 23:59:59 GMT' }));

        expect(error.message).toMatch(/Try again in a moment\.$/);
    });

    it('never shows HTML', async () => {
        const error = await errorOf(
            answer(502, '<html><h1>502 Bad Gateway</h1></html>'));

        expect(error.message).toBe('A part of the service is unavailable.'
            + ' Try again in a moment.');
    });

    it.each(['null', '[]', '"text"', '5', ''])(
        'stands the body %s', async (body) => {
            expect((await errorOf(answer(500, body))).status).toBe(500);
        });
});

describe('Api', () => {
    const seen: { url: unknown; init: RequestInit }[] = [];

    function api(token: string | null, reply: () => Response): Api {
        seen.length = 0;

        return new Api('http://api.test', () => Promise.resolve(token),
            (url, init) => {
                seen.push({ url, init: init ?? {} });
                return Promise.resolve(reply());
            });
    }

    it('sends the token and the body as JSON', async () => {
        await api('t0k', () => answer(201, { id: '1' })).post('hello', 'i1');

        expect(seen[0]?.url).toBe('http://api.test/api/activities');
        expect(seen[0]?.init.headers).toMatchObject({
            Authorization: 'Bearer t0k', 'Content-Type': 'application/json',
        });
        expect(seen[0]?.init.body).toBe('{"message":"hello","id":"i1"}');
    });

    it('sends no Authorization without a token', async () => {
        await api(null, () => answer(200, { activities: [] })).home();

        expect(seen[0]?.init.headers).not.toHaveProperty('Authorization');
    });

    it('asks for an upload of exactly the file that follows', async () => {
        await api('t', () => answer(201, { id: '1' }))
            .createUpload('image/jpeg', 12345);

        expect(JSON.parse(seen[0]?.init.body as string)).toEqual(
            { kind: 'avatar', contentType: 'image/jpeg', size: 12345 });
    });

    it('ends the session, also when the page is left', async () => {
        await api('t0k', () => new Response(null, { status: 204 })).logout();

        expect(seen[0]?.url).toBe('http://api.test/auth/logout');
        expect(seen[0]?.init).toMatchObject({
            method: 'POST', keepalive: true,
            headers: { Authorization: 'Bearer t0k' },
        });
        expect(seen[0]?.init.body).toBeUndefined();
    });

    it('says that a session could not be ended', async () => {
        await expect(api('t', () => answer(503, {})).logout())
            .rejects.toBeInstanceOf(ApiError);
    });

    it('hands on the token that was refused, and no other', async () => {
        const refused: string[] = [];
        const call = (token: string | null, status: number) => new Api('',
            () => Promise.resolve(token),
            () => Promise.resolve(answer(status, {})),
            (given) => { refused.push(given); });

        await expect(call('t0k', 401).home()).rejects.toThrow('signed out');
        await expect(call('t1k', 403).home()).rejects.toThrow();
        await expect(call('t2k', 503).home()).rejects.toThrow();
        await expect(call(null, 401).home()).rejects.toThrow();
        expect(refused).toEqual(['t0k']);
    });

    it('saves a profile only over the one that was seen', async () => {
        await api('t', () => answer(200, {})).saveProfile(
            { handle: 'a', displayName: 'A', bio: '' }, 'v1');

        expect(seen[0]?.init.headers).toMatchObject({
            'If-Match': '"v1"', Authorization: 'Bearer t',
            Accept: 'application/json' });
    });

    it('escapes what it puts into a path', async () => {
        await api(null, () => answer(200, {})).user('a/../b');

        expect(seen[0]?.url).toBe('http://api.test/api/users/@a%2F..%2Fb');
    });

    it('makes an ApiError of a connection that fails', async () => {
        const broken = new Api('', () => Promise.resolve(null),
            () => Promise.reject(new TypeError('Failed to fetch')));

        await expect(broken.home()).rejects.toThrow(
            'The server cannot be reached');
        await expect(broken.home()).rejects.toBeInstanceOf(ApiError);
    });

    it('makes an ApiError of a success that is not JSON', async () => {
        await expect(api(null, () => answer(200, '<html>')).home())
            .rejects.toThrow('makes no sense');
    });
});
