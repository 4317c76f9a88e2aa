/*
 * New tokens for a refresh token, at Cognito itself.  Where a client rotates
 * its refresh tokens, Cognito refuses REFRESH_TOKEN_AUTH, which is what its
 * library sends; GetTokensFromRefreshToken does for clients of both kinds.
 */

import {
    CognitoAccessToken, CognitoIdToken, CognitoRefreshToken, CognitoUser,
    CognitoUserSession,
} from 'amazon-cognito-identity-js';

interface Tokens {
    idToken: string;
    accessToken: string;

    /* a new one: the one that was sent is used up */
    refreshToken: string;
}

/* An error with a code, as those of the library. */

export class RefreshError extends Error {
    readonly code: string;

    constructor(code: string) {
        super(code);
        this.code = code;
    }
}

function text(object: unknown, name: string): string | null {
    const value = typeof object === 'object' && object !== null
        ? (object as Record<string, unknown>)[name] : null;

    return typeof value === 'string' && value !== '' ? value : null;
}

/* Throws RefreshError: "Unavailable" says nothing about the session. */

export async function getTokens(
    endpoint: string, clientId: string, refreshToken: string,
    deviceKey: string | null,
    send: typeof fetch = (...args) => fetch(...args),
): Promise<Tokens> {
    let response: Response;

    try {
        response = await send(endpoint, {
            method: 'POST',
            cache: 'no-store',
            headers: {
                'Content-Type': 'application/x-amz-json-1.1',
                'X-Amz-Target': 'AWSCognitoIdentityProviderService'
                    + '.GetTokensFromRefreshToken',
            },
            body: JSON.stringify({
                ClientId: clientId, RefreshToken: refreshToken,
                ...(deviceKey === null ? {} : { DeviceKey: deviceKey }),
            }),
        });
    } catch {
        throw new RefreshError('NetworkError');
    }

    const body: unknown = await response.json().catch(() => null);

    if (!response.ok) {
        const code = text(body, '__type')
            ?? response.headers.get('x-amzn-errortype')?.split(':')[0];

        throw new RefreshError(response.status >= 500
            ? 'Unavailable' : code?.split('#').pop() ?? 'Unavailable');
    }

    const result = (body as Record<string, unknown> | null)
        ?.['AuthenticationResult'];
    const idToken = text(result, 'IdToken');
    const accessToken = text(result, 'AccessToken');

    if (idToken === null || accessToken === null) {
        throw new RefreshError('Unavailable');
    }

    return { idToken, accessToken,
        refreshToken: text(result, 'RefreshToken') ?? refreshToken };
}

/*
 * One tab at a time: a refresh token that was used up by another tab is
 * refused, and Cognito may take its second use for a theft.
 */

export function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { locks } = navigator as { locks?: LockManager };

    // there are none where the page is not secure

    return locks === undefined ? work() : locks.request(name, work);
}

type Done = (error: Error | null, session: CognitoUserSession | null) => void;

/* A user of the library whose tokens are refreshed here. */

export class RotatingUser extends CognitoUser {
    private readonly keys: string;
    private readonly clientId: string;
    private readonly url: string;

    constructor(
        data: ConstructorParameters<typeof CognitoUser>[0], url: string,
    ) {
        super(data);
        this.clientId = data.Pool.getClientId();
        this.url = url;
        this.keys = 'CognitoIdentityServiceProvider.'
            + `${this.clientId}.${data.Username}`;
    }

    override refreshSession(given: CognitoRefreshToken, done: Done): void {
        alone(`${this.keys}.refresh`, () => this.renew(given)).then(
            (session) => { done(null, session); },
            (error: unknown) => { done(error as Error, null); });
    }

    private async renew(
        given: CognitoRefreshToken,
    ): Promise<CognitoUserSession> {
        // what another tab has got while this one waited

        const kept = this.kept(given);

        if (kept.isValid()) {
            this.setSignInUserSession(kept);
            return kept;
        }

        const tokens = await getTokens(this.url, this.clientId,
            kept.getRefreshToken().getToken(), this.item('deviceKey'));
        const session = made(tokens);

        this.setSignInUserSession(session);
        return session;
    }

    private kept(given: CognitoRefreshToken): CognitoUserSession {
        const idToken = this.item('idToken');
        const accessToken = this.item('accessToken');
        const refreshToken = this.item('refreshToken');

        // another tab has signed out: this must not bring the session back

        if (idToken === null || accessToken === null) {
            throw new RefreshError('NotAuthorizedException');
        }

        return made({ idToken, accessToken,
            refreshToken: refreshToken ?? given.getToken() },
        Number(this.item('clockDrift') ?? '0'));
    }

    private item(name: string): string | null {
        return localStorage.getItem(`${this.keys}.${name}`);
    }
}

function made(tokens: Tokens, drift?: number): CognitoUserSession {
    return new CognitoUserSession({
        IdToken: new CognitoIdToken({ IdToken: tokens.idToken }),
        AccessToken: new CognitoAccessToken(
            { AccessToken: tokens.accessToken }),
        RefreshToken: new CognitoRefreshToken(
            { RefreshToken: tokens.refreshToken }),
        ...(drift === undefined ? {} : { ClockDrift: drift }),
    });
}
