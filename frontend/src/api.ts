/*
 * The gateway's API.  Whatever goes wrong comes out as an ApiError whose
 * message is a sentence that can be shown to a person.
 */

export interface Picture {
    path: string;

    /* 96 pixels wide, of 512 */
    small?: string | null;
    placeholder: string | null;
}

export interface Person {
    handle: string;
    displayName: string;
    avatar: Picture | null;
}

export interface Profile extends Person {
    bio: string;
    createdAt: string;
}

export interface OwnProfile extends Profile {
    email: string | null;

    /* nobody has chosen the handle yet */
    handleMadeUp: boolean;

    /* of what can be changed */
    version: string;
}

/* What can be changed. */

export interface Editable {
    handle: string;
    displayName: string;
    bio: string;
}

export interface Activity {
    id: string;
    message: string;
    createdAt: string;
    user: Person;
    mine: boolean;
}

export interface Home {
    viewer: Person | null;
    activities: Activity[];
}

export interface Variant {
    url: string;
    width: number;
    height: number;
    type: string;
}

export interface Upload {
    id: string;
    state: 'pending' | 'stored' | 'processing' | 'ready' | 'failed';
    reason?: string;
    variants?: Record<string, Variant>;
    placeholder?: string | null;
}

export interface Presigned {
    id: string;
    method: string;
    url: string;
    headers: Record<string, string>;
}

export class ApiError extends Error {
    readonly status: number;
    readonly fields: Record<string, string>;

    constructor(
        message: string,
        status: number,
        fields: Record<string, string> = {},
    ) {
        super(message);
        this.status = status;
        this.fields = fields;
    }
}

export function sentence(text: string): string {
    const trimmed = text.trim();

    if (trimmed === '') {
        return '';
    }

    const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);

    return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/* For answers that have no usable text of their own. */

function explain(status: number, retryAfter: string | null): string {
    switch (status) {
    case 401: return 'You are signed out. Sign in and try again.';
    case 403: return 'You may not do this.';
    case 404: return 'There is nothing here.';
    case 413: return 'This is too large.';
    case 415: return 'This kind of file is not accepted.';
    case 429: return 'That was too often.'
        + ` Try again in ${seconds(retryAfter)}.`;
    case 502: case 503: case 504: return 'A part of the service is unavailable.'
        + ` Try again in ${seconds(retryAfter)}.`;
    default: return `Something went wrong (${status}). Try again later.`;
    }
}

function seconds(retryAfter: string | null): string {
    const n = Number(retryAfter);

    if (retryAfter === null || !Number.isFinite(n) || n <= 0) {
        return 'a moment';
    }

    return n === 1 ? 'a second' : `${Math.ceil(n)} seconds`;
}

function texts(value: unknown): Record<string, string> {
    if (typeof value !== 'object' || value === null) {
        return {};
    }

    return Object.fromEntries(
        Object.entries(value)
            .filter((e): e is [string, string] => typeof e[1] === 'string')
            .map(([name, text]) => [name, sentence(text)]),
    );
}

export async function errorOf(response: Response): Promise<ApiError> {
    const { status } = response;
    const standard = explain(status, response.headers.get('Retry-After'));

    let body: Record<string, unknown> = {};

    try {
        const json: unknown = await response.json();

        if (typeof json === 'object' && json !== null) {
            body = json as Record<string, unknown>;
        }
    } catch {
        // not JSON: a proxy on the way, perhaps
    }

    const fields = texts(body['fields'] ?? body['errors']);
    const { message } = body;

    // "Unauthorized" and the like say less than the standard sentence

    const plain = [401, 429].includes(status) || status >= 500
        || typeof message !== 'string' || !/\s/.test(message.trim());

    return new ApiError(
        plain ? Object.values(fields)[0] ?? standard : sentence(message),
        status, fields,
    );
}

export type TokenSource = () => Promise<string | null>;

export class Api {
    private readonly base: string;
    private readonly token: TokenSource;
    private readonly refused: (token: string) => void;
    private readonly send: typeof fetch;

    /* refused: called with a token that the gateway does not accept. */

    constructor(
        base: string,
        token: TokenSource,
        send: typeof fetch = (...args) => fetch(...args),
        refused: (token: string) => void = () => undefined,
    ) {
        this.base = base;
        this.token = token;
        this.send = send;
        this.refused = refused;
    }

    home(): Promise<Home> {
        return this.call<Home>('GET', '/api/home');
    }

    /* The same again, with the same id, is the same post. */

    post(message: string, id: string): Promise<Activity> {
        return this.call<Activity>('POST', '/api/activities', { message, id });
    }

    user(handle: string): Promise<{ user: Profile; activities: Activity[] }> {
        return this.call('GET', `/api/users/@${encodeURIComponent(handle)}`);
    }

    profile(): Promise<OwnProfile> {
        return this.call<OwnProfile>('GET', '/api/profile');
    }

    /* 412 where the profile is not of this version any more. */

    saveProfile(change: Editable, version: string): Promise<OwnProfile> {
        return this.call<OwnProfile>('PUT', '/api/profile', change,
            { 'If-Match': `"${version}"` });
    }

    createUpload(contentType: string, size: number): Promise<Presigned> {
        return this.call<Presigned>('POST', '/uploads',
            { kind: 'avatar', contentType, size });
    }

    upload(id: string): Promise<Upload> {
        return this.call<Upload>('GET', `/uploads/${encodeURIComponent(id)}`);
    }

    /* Ends the session: the gateway refuses its tokens from then on. */

    async logout(): Promise<void> {
        // also when the page is left meanwhile

        await this.request('POST', '/auth/logout', { keepalive: true });
    }

    private async call<T>(
        method: string,
        path: string,
        body?: unknown,
        headers: Record<string, string> = {},
    ): Promise<T> {
        const response = await this.request(method, path, { headers }, body);

        try {
            return await response.json() as T;
        } catch {
            throw new ApiError('The server gave an answer that makes no sense.',
                response.status);
        }
    }

    private async request(
        method: string,
        path: string,
        options: Omit<RequestInit, 'headers'>
            & { headers?: Record<string, string> } = {},
        body?: unknown,
    ): Promise<Response> {
        const headers: Record<string, string> =
            { Accept: 'application/json', ...options.headers };
        const token = await this.token();

        if (token !== null) {
            headers['Authorization'] = `Bearer ${token}`;
        }

        const init: RequestInit = { ...options, method, headers };

        if (body !== undefined) {
            headers['Content-Type'] = 'application/json';
            init.body = JSON.stringify(body);
        }

        let response: Response;

        try {
            response = await this.send(this.base + path, init);
        } catch {
            throw new ApiError(
                'The server cannot be reached. Check your connection.', 0);
        }

        if (response.status === 401 && token !== null) {
            this.refused(token);
        }

        if (!response.ok) {
            throw await errorOf(response);
        }

        return response;
    }
}
