import { beforeEach, describe, expect, it, vi } from 'vitest';

import { Auth, within } from '../src/auth';

/* A user of Cognito's library, which notes what is asked of it. */

const world = vi.hoisted(() => ({
    events: [] as string[],
    signedIn: true,
    session: (done: (error: unknown, session?: unknown) => void) => {
        done(null, { getAccessToken: () => ({ getJwtToken: () => 't0k' }) });
    },
    revoke: (done: () => void) => { done(); },
}));

vi.mock('amazon-cognito-identity-js', () => ({
    CognitoUserPool: class {
        getCurrentUser() {
            return world.signedIn ? {
                getSession(done: (error: unknown, session?: unknown) => void) {
                    world.session(done);
                },
                signOut(done?: () => void) {
                    if (done === undefined) {
                        world.events.push('forget');
                        world.signedIn = false;
                    } else {
                        world.events.push('revoke');
                        world.revoke(done);
                    }
                },
            } : null;
        }
    },
    CognitoUser: Object,
    CognitoUserAttribute: vi.fn(),
    AuthenticationDetails: vi.fn(),
}));

const auth = new Auth({ region: 'eu', userPoolId: 'eu_1', clientId: 'c',
    endpoint: 'http://idp.test/' });
const good = { session: world.session, revoke: world.revoke };

function logout(): Promise<void> {
    world.events.push('logout');
    return Promise.resolve();
}

beforeEach(() => {
    Object.assign(world, good, { events: [], signedIn: true });
    vi.useRealTimers();
});

describe('signOut', () => {
    it('ends the session before the refresh token', async () => {
        await auth.signOut(logout);
        expect(world.events).toEqual(['logout', 'revoke', 'forget']);
    });

    it('goes on when the gateway refuses', async () => {
        await auth.signOut(() => Promise.reject(new Error('503')));
        expect(world.events).toEqual(['revoke', 'forget']);
        expect(auth.signedIn()).toBe(false);
    });

    it('goes on when nothing can be reached', async () => {
        world.session = (done) => { done(new Error('Network error')); };

        await auth.signOut(logout);
        expect(world.events).toEqual(['revoke', 'forget']);
    });

    it('does not wait for long', async () => {
        vi.useFakeTimers();
        world.revoke = () => undefined;

        const done = auth.signOut(() => new Promise(() => undefined));

        await vi.advanceTimersByTimeAsync(6100);
        await done;
        expect(world.events).toEqual(['revoke', 'forget']);
    });

    it('does nothing for nobody', async () => {
        world.signedIn = false;
        await auth.signOut(logout);
        expect(world.events).toEqual([]);
    });
});

describe('within', () => {
    it('ends with the work', async () => {
        await within(60_000, () => Promise.resolve());
        await within(60_000, () => Promise.reject(new Error('no')));
    });
});
