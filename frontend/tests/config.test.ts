import { describe, expect, it } from 'vitest';

import { loadConfig, parseConfig } from '../src/config';

const good = {
    apiUrl: 'http://api.localhost:8080',
    assetsUrl: 'http://assets.localhost:8080/',
    cognito: {
        region: 'us-east-1',
        userPoolId: 'us-east-1_LocalPool1',
        clientId: 'web',
        endpoint: '/idp/',
    },
};

const base = 'http://localhost:8080';

describe('parseConfig', () => {
    it('takes the slash off the origins', () => {
        const config = parseConfig(good, base);

        expect(config.apiUrl).toBe('http://api.localhost:8080');
        expect(config.assetsUrl).toBe('http://assets.localhost:8080');
    });

    it('resolves addresses against the page', () => {
        const config = parseConfig({ ...good, apiUrl: '/' }, base);

        expect(config.apiUrl).toBe(base);
        expect(config.cognito.endpoint).toBe(`${base}/idp/`);
    });

    it('has no endpoint where none is given: Cognito itself', () => {
        const { region, userPoolId, clientId } = good.cognito;
        const config = parseConfig(
            { ...good, cognito: { region, userPoolId, clientId } }, base);

        expect(config.cognito).not.toHaveProperty('endpoint');
    });

    it.each(['region', 'userPoolId', 'clientId'])(
        'names %s when it is missing', (name) => {
            const cognito = { ...good.cognito, [name]: '' };

            expect(() => parseConfig({ ...good, cognito }, base))
                .toThrow(`"${name}"`);
        });

    it.each([null, 'text', 5, {}, { ...good, cognito: null },
        { ...good, apiUrl: 'http://' }])(
        'refuses %j', (json) => {
            expect(() => parseConfig(json, base)).toThrow('/config.json');
        });
});

describe('loadConfig', () => {
    const answering = (response: Response) => () => Promise.resolve(response);

    it('asks past every cache', async () => {
        let asked: RequestInit | undefined;

        await loadConfig((_url, init) => {
            asked = init;
            return Promise.resolve(Response.json(good));
        }, base);

        expect(asked?.cache).toBe('no-store');
    });

    it('says what the server answered', async () => {
        await expect(loadConfig(
            answering(new Response('', { status: 503 })), base))
            .rejects.toThrow('answers 503');
    });

    it('refuses the index page in place of the configuration', async () => {
        await expect(loadConfig(
            answering(new Response('<!doctype html>')), base))
            .rejects.toThrow('is not JSON');
    });
});
