import { describe, expect, it } from 'vitest';

import { authError } from '../src/auth';
import { ago } from '../src/parts/Activities';
import { nextPath, parseRoute } from '../src/router';

describe('authError', () => {
    it('does not tell which of the two was wrong', () => {
        const unknown = authError({ code: 'UserNotFoundException' }, true);
        const wrong = authError({ code: 'InvalidPasswordException' }, true);

        expect(unknown.message).toBe(wrong.message);
    });

    it('tells at sign-up what a password must have', () => {
        expect(authError({
            code: 'InvalidPasswordException', message: 'Too short.',
        }).message).toBe('Too short.');
    });

    it('knows an error by its name too', () => {
        expect(authError({ name: 'CodeMismatchException' }).code)
            .toBe('CodeMismatchException');
    });

    it.each([new TypeError('Cannot read properties of undefined'),
        new SyntaxError('Unexpected token'),
        { code: 'InternalErrorException', message: 'Internal' }])(
        'does not show the mistake %j', (given) => {
            const error = authError(given, true);

            expect(error.code).toBe('Unavailable');
            expect(error.message).toMatch(/^Signing in does not work/);
        });

    it('has a sentence for everything', () => {
        expect(authError({}).message).toMatch(/\.$/);
        expect(authError(new TypeError('Failed to fetch')).code)
            .toBe('NetworkError');
    });
});

describe('parseRoute', () => {
    it('knows the pages', () => {
        expect(parseRoute('/')).toEqual({ page: 'feed' });
        expect(parseRoute('/profile/')).toEqual({ page: 'profile' });
        expect(parseRoute('/@ann')).toEqual({ page: 'user', handle: 'ann' });
        expect(parseRoute('/@a%20b'))
            .toEqual({ page: 'user', handle: 'a b' });
    });

    it.each(['/nowhere', '/@', '/@a/b', '/@%zz'])('misses %s', (path) => {
        expect(parseRoute(path)).toEqual({ page: 'missing' });
    });
});

describe('nextPath', () => {
    it.each([['?next=%2Fprofile', '/profile'], ['?next=/@ann', '/@ann'],
        ['', '/'], ['?next=', '/'], ['?next=profile', '/'],
        ['?next=//evil.test/', '/'], ['?next=/%5Cevil.test', '/'],
        ['?next=https://evil.test/', '/']])('of %s is %s', (search, path) => {
        expect(nextPath(search)).toBe(path);
    });
});

describe('ago', () => {
    const now = Date.parse('2026-01-02T00:00:00Z');

    it.each([
        ['2026-01-01T23:59:50Z', 'just now'],
        ['2026-01-02T00:00:09Z', 'just now'],
        ['2026-01-01T23:57:00Z', '3 minutes ago'],
        ['2026-01-01T00:00:00Z', 'yesterday'],
    ])('says %s as "%s"', (then, text) => {
        expect(ago(then, now)).toBe(text);
    });
});
