import { describe, expect, it } from 'vitest';

import { alone, getTokens, RefreshError } from '../src/refresh';

function answering(
    status: number, body: unknown, headers: Record<string, string> = {},
) {
    const seen: { url: unknown; init: RequestInit }[] = [];

    return { seen, send: (url: unknown, init?: RequestInit) => {
        seen.push({ url, init: init ?? {} });
        return Promise.resolve(new Response(
            typeof body === 'string' ? body : JSON.stringify(body),
            { status, headers }));
    } };
}

const ask = (send: typeof fetch, device: string | null = null) =>
    getTokens('https://idp.test/', 'c', 'r1', device, send);

describe('getTokens', () => {
    const result = { IdToken: 'i', AccessToken: 'a' };

    it('takes the new refresh token', async () => {
        const { seen, send } = answering(200,
            { AuthenticationResult: { ...result, RefreshToken: 'r2' } });

        expect(await ask(send, 'd')).toEqual(
            { idToken: 'i', accessToken: 'a', refreshToken: 'r2' });
        expect(seen[0]?.init.headers).toMatchObject({ 'X-Amz-Target':
            'AWSCognitoIdentityProviderService.GetTokensFromRefreshToken' });
        expect(JSON.parse(seen[0]?.init.body as string)).toEqual(
            { ClientId: 'c', RefreshToken: 'r1', DeviceKey: 'd' });
    });

    it('keeps the old one where there is no rotation', async () => {
        const { seen, send } = answering(200,
            { AuthenticationResult: result });

        expect((await ask(send)).refreshToken).toBe('r1');
        expect(seen[0]?.init.body).not.toContain('DeviceKey');
    });

    it.each([
        [400, { __type: 'NotAuthorizedException' }, {},
            'NotAuthorizedException'],
        [400, { __type: 'com.amazon#RefreshTokenReuseException' }, {},
            'RefreshTokenReuseException'],
        [400, '', { 'x-amzn-errortype': 'NotAuthorizedException:http://x' },
            'NotAuthorizedException'],
        [400, '<html>', {}, 'Unavailable'],
        [502, { message: 'Bad Gateway' }, {}, 'Unavailable'],
        [500, { __type: 'NotAuthorizedException' }, {}, 'Unavailable'],
        [200, {}, {}, 'Unavailable'],
        [200, 'null', {}, 'Unavailable'],
        [200, { AuthenticationResult: { IdToken: 5, AccessToken: 'a' } }, {},
            'Unavailable'],
    ])('makes of %i %j %j the code %s', async (status, body, headers, code) => {
        const failed = await ask(answering(status, body,
            headers as Record<string, string>).send).catch(
            (error: unknown) => error);

        expect(failed).toBeInstanceOf(RefreshError);
        expect(failed).toMatchObject({ code });
    });

    it('knows that nothing was reached', async () => {
        await expect(ask(() => Promise.reject(new TypeError('no'))))
            .rejects.toMatchObject({ code: 'NetworkError' });
    });
});

describe('alone', () => {
    it('works where there are no locks', async () => {
        expect(await alone('x', () => Promise.resolve(5))).toBe(5);
    });
});
