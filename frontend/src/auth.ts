/*
 * Sign-up and sign-in with Cognito, or with the stand-in that /config.json
 * gives an endpoint for: that one does not know SRP, so the password itself
 * is sent to it.
 */

import {
    AuthenticationDetails, CognitoUser, CognitoUserAttribute, CognitoUserPool,
    type CognitoUserSession, type ICognitoUserPoolData,
} from 'amazon-cognito-identity-js';

import type { Config } from './config';
import { RotatingUser } from './refresh';

export class AuthError extends Error {
    readonly code: string;

    constructor(message: string, code: string) {
        super(message);
        this.code = code;
    }
}

const messages: Record<string, string> = {
    UsernameExistsException:
        'There is an account with this e-mail address already.',
    CodeMismatchException: 'This code is wrong.',
    ExpiredCodeException: 'This code has expired. Ask for a new one.',
    NotAuthorizedException: 'The e-mail address or the password is wrong.',
    UserNotFoundException: 'The e-mail address or the password is wrong.',
    UserNotConfirmedException: 'This account is not confirmed yet.',
    LimitExceededException: 'That was too often. Try again later.',
    TooManyRequestsException: 'That was too often. Try again later.',
    NetworkError: 'The server cannot be reached. Check your connection.',
    Unavailable: 'Signing in does not work right now. Try again in a moment.',
    'CognitoLocal#Unsupported':
        'The development identity provider cannot do this.',
};

/* What says nothing about the person: it is to be tried again. */

const outages = new Set(['NetworkError', 'Unavailable', 'LimitExceededException',
    'TooManyRequestsException', 'InternalErrorException',
    'ServiceUnavailableException', 'ThrottlingException']);

/*
 * The library looks into answers for the name of an error.  An answer that is
 * not Cognito's, such as a proxy's, has none, and the library's own mistakes
 * are what comes out then.
 */

const mistakes = new Set(['TypeError', 'SyntaxError', 'ReferenceError']);

export function authError(error: unknown, signingIn = false): AuthError {
    const given = error as { code?: unknown; name?: unknown; message?: unknown };
    const code = typeof given.code === 'string' ? given.code
        : typeof given.name === 'string' ? given.name : '';
    const message = typeof given.message === 'string' ? given.message : '';

    // the stand-in says so for a wrong password; Cognito only at sign-up

    if (signingIn && code === 'InvalidPasswordException') {
        return new AuthError(
            messages['NotAuthorizedException'] ?? message,
            'NotAuthorizedException');
    }

    if (message === 'Failed to fetch' || message === 'Network error') {
        return new AuthError(messages['NetworkError'] ?? '', 'NetworkError');
    }

    if (mistakes.has(code) || (outages.has(code) && !(code in messages))) {
        return new AuthError(messages['Unavailable'] ?? '', 'Unavailable');
    }

    return new AuthError(
        messages[code] ?? (message === ''
            ? 'That did not work. Try again.' : message),
        code);
}

function promised<T>(
    start: (done: (error: Error | null | undefined, result?: T) => void) => void,
): Promise<T> {
    return new Promise((resolve, reject) => {
        start((error, result) => {
            if (error) {
                reject(authError(error));
            } else {
                resolve(result as T);
            }
        });
    });
}

/* How long signing out waits for a server, in milliseconds. */

const patience = 3000;

/* Until the work is done, has failed, or has timed out. */

export async function within(
    time: number, work: () => Promise<void>,
): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;

    const over = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, time);
    });

    await Promise.race([work().catch(() => undefined), over]);
    clearTimeout(timer);
}

/*
 * The session is in localStorage, which all tabs share: this is the one that
 * knows it, and the page subscribes.
 */

export class Auth {
    private readonly pool: CognitoUserPool;
    private readonly flow: string;
    private readonly listeners = new Set<() => void>();
    private lost = false;

    /* Cognito itself; the stand-in knows the older way to refresh only */

    private readonly url: string | null;

    constructor(config: Config['cognito']) {
        const data: ICognitoUserPoolData = {
            UserPoolId: config.userPoolId,
            ClientId: config.clientId,
        };

        if (config.endpoint !== undefined) {
            data.endpoint = config.endpoint;
        }

        this.pool = new CognitoUserPool(data);
        this.url = config.endpoint === undefined
            ? `https://cognito-idp.${config.region}.amazonaws.com/` : null;
        this.flow = config.endpoint === undefined
            ? 'USER_SRP_AUTH' : 'USER_PASSWORD_AUTH';
    }

    async signUp(
        { email, password, name, handle }:
        { email: string; password: string; name: string; handle: string },
    ): Promise<void> {
        const attributes = [
            ['email', email], ['name', name], ['preferred_username', handle],
        ].map(([Name = '', Value = '']) =>
            new CognitoUserAttribute({ Name, Value }));

        await promised((done) => {
            this.pool.signUp(email, password, attributes, [], done);
        });
    }

    async confirm(email: string, code: string): Promise<void> {
        await promised((done) => {
            this.user(email).confirmRegistration(code, true, done);
        });
    }

    async resend(email: string): Promise<void> {
        await promised((done) => {
            this.user(email).resendConfirmationCode(done);
        });
    }

    signIn(email: string, password: string): Promise<void> {
        const user = this.user(email);

        user.setAuthenticationFlowType(this.flow);

        const details = new AuthenticationDetails({
            Username: email, Password: password,
        });

        return new Promise((resolve, reject) => {
            user.authenticateUser(details, {
                onSuccess: () => {
                    this.lost = false;
                    this.changed();
                    resolve();
                },
                onFailure: (error: unknown) => {
                    reject(authError(error, true));
                },
                newPasswordRequired: () => {
                    reject(new AuthError('This account needs a new password,'
                        + ' which this page cannot set.', 'NewPassword'));
                },
            });
        });
    }

    /* Calls when somebody signs in or out, here or in another tab. */

    subscribe = (listener: () => void): (() => void) => {
        if (this.listeners.size === 0) {
            globalThis.addEventListener('storage', this.changed);
        }

        this.listeners.add(listener);

        return () => {
            this.listeners.delete(listener);

            if (this.listeners.size === 0) {
                globalThis.removeEventListener('storage', this.changed);
            }
        };
    };

    /* Whose session this is, or null. */

    who = (): string | null =>
        this.pool.getCurrentUser()?.getUsername() ?? null;

    /* Whether it ended without the person's doing. */

    ended = (): boolean => this.lost && this.who() === null;

    signedIn(): boolean {
        return this.who() !== null;
    }

    /* The access token, refreshed where it is about to expire. */

    async token(): Promise<string | null> {
        const user = this.current();

        if (user === null) {
            return null;
        }

        try {
            const session = await promised<CognitoUserSession | null>(
                (done) => {
                    user.getSession(done);
                });

            return session?.getAccessToken().getJwtToken() ?? null;
        } catch (error) {
            // an outage does not sign the user out

            if (error instanceof AuthError && outages.has(error.code)) {
                throw error;
            }

            this.end(user);
            return null;
        }
    }

    /*
     * The gateway has refused this token: the session was revoked.  Another
     * tab may have a newer one by now.
     */

    refused(token: string): void {
        const user = this.current();

        user?.getSession((_error: Error | null,
            session: CognitoUserSession | null) => {
            const kept = session?.getAccessToken().getJwtToken();

            if (kept === undefined || kept === token) {
                this.end(user);
            }
        });
    }

    private current(): CognitoUser | null {
        const user = this.pool.getCurrentUser();

        return user === null || this.url === null ? user : new RotatingUser(
            { Username: user.getUsername(), Pool: this.pool }, this.url);
    }

    private end(user: CognitoUser): void {
        user.signOut();
        this.lost = true;
        this.changed();
    }

    private changed = (): void => {
        for (const listener of this.listeners) {
            listener();
        }
    };

    /*
     * Ends the session at the gateway, then the refresh token at Cognito, and
     * forgets both here, whatever became of the first two: an outage keeps
     * nobody signed in.
     */

    async signOut(logout: () => Promise<void>): Promise<void> {
        const user = this.current();

        if (user === null) {
            return;
        }

        // with the access token, which Cognito's answer would put an end to

        await within(patience, async () => {
            if (await this.token() !== null) {
                await logout();
            }
        });

        await within(patience, () => new Promise<void>((resolve) => {
            user.signOut(() => { resolve(); });
        }));

        user.signOut();
        this.lost = false;
        this.changed();
    }

    private user(email: string): CognitoUser {
        return new CognitoUser({ Username: email, Pool: this.pool });
    }
}
