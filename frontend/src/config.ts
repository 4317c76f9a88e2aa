/*
 * What the page reads at run time from /config.json.  None of it is part of
 * the build, so that one build serves every environment.
 */

export interface Config {
    apiUrl: string;
    assetsUrl: string;
    cognito: {
        region: string;
        userPoolId: string;
        clientId: string;

        /* only of a stand-in for Cognito: sign-in is by password then */
        endpoint?: string;
    };
}

export class ConfigError extends Error {}

function field(object: Record<string, unknown>, name: string): string {
    const value = object[name];

    if (typeof value !== 'string' || value === '') {
        throw new ConfigError(`/config.json has no "${name}"`);
    }

    return value;
}

function origin(value: string, name: string, base: string): string {
    try {
        return new URL(value, base).href.replace(/\/+$/, '');
    } catch {
        throw new ConfigError(`"${name}" of /config.json is not an address`);
    }
}

export function parseConfig(json: unknown, base: string): Config {
    if (typeof json !== 'object' || json === null) {
        throw new ConfigError('/config.json is not an object');
    }

    const top = json as Record<string, unknown>;
    const given = top['cognito'];

    if (typeof given !== 'object' || given === null) {
        throw new ConfigError('/config.json has no "cognito"');
    }

    const cognito = given as Record<string, unknown>;

    const config: Config = {
        apiUrl: origin(field(top, 'apiUrl'), 'apiUrl', base),
        assetsUrl: origin(field(top, 'assetsUrl'), 'assetsUrl', base),
        cognito: {
            region: field(cognito, 'region'),
            userPoolId: field(cognito, 'userPoolId'),
            clientId: field(cognito, 'clientId'),
        },
    };

    if (cognito['endpoint'] !== undefined) {
        config.cognito.endpoint =
            origin(field(cognito, 'endpoint'), 'endpoint', base) + '/';
    }

    return config;
}

export async function loadConfig(
    get: typeof fetch = fetch,
    base: string = location.origin,
): Promise<Config> {
    const response = await get('/config.json', { cache: 'no-store' });

    if (!response.ok) {
        throw new ConfigError(`/config.json answers ${response.status}`);
    }

    let json: unknown;

    try {
        json = await response.json();
    } catch {
        throw new ConfigError('/config.json is not JSON');
    }

    return parseConfig(json, base);
}
