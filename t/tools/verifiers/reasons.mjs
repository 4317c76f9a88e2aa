// Why we may refuse what another verifier accepts: a class for each rule that
// is stricter here, found in the token itself.  Each has its name, where it is
// written, the word that we refuse with, and how to know it.

const text = part => Buffer.from(part, 'base64');

const spelled = part => text(part).toString('base64url') === part;

// A strict look at JSON that JSON.parse() has taken already: what JavaScript
// does not tell.

function look(bytes) {
    const found = { depth: 0 };
    let at = bytes.toString('hex').startsWith('efbbbf') ? 3 : 0;

    const string = () => {
        const start = at++;

        while (bytes[at] !== 0x22) {
            at += bytes[at] === 0x5c ? 2 : 1;
        }

        const value = JSON.parse(bytes.subarray(start, ++at).toString());

        found.nul ||= value.includes('\0');
        found.surrogate ||= !value.isWellFormed();

        return value;
    };

    const space = () => {
        while ([0x20, 0x09, 0x0a, 0x0d].includes(bytes[at])) {
            at++;
        }
    };

    const value = depth => {
        space();
        found.depth = Math.max(found.depth, depth);

        const ch = String.fromCharCode(bytes[at]);

        if (ch === '"') {
            string();

        } else if (ch === '{' || ch === '[') {
            const names = new Set();
            const end = ch === '{' ? 0x7d : 0x5d;

            found.depth = Math.max(found.depth, depth + 1);
            at++;
            space();

            while (bytes[at] !== end) {
                if (ch === '{') {
                    space();
                    const name = string();
                    found.twice ||= names.has(name);
                    names.add(name);
                    space();
                    at++;
                }

                value(depth + 1);
                space();

                if (bytes[at] === 0x2c) {
                    at++;
                    space();
                }
            }

            at++;

        } else {
            while (at < bytes.length
                   && !/[\s,\]}]/.test(String.fromCharCode(bytes[at])))
            {
                at++;
            }
        }
    };

    value(0);

    return found;
}

function utf8(bytes) {
    try {
        new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
            .decode(bytes);
        return true;

    } catch {
        return false;
    }
}

const times = ['exp', 'nbf', 'iat'];

const present = v => v !== undefined && v !== null;

const control = s => /[\u0000-\u001f\u007f-\u009f]/.test(s);

export const reasons = [
    ['over 8,192 bytes', 'our limit; RFC 8725, 3 asks for none', 'too_large',
     t => t.token.length > 8192],

    ['padding, plain base64 or unused bits', 'RFC 7515, 2; RFC 4648, 3.5',
     'malformed', t => !t.parts.every(spelled)],

    ['a byte order mark', 'RFC 8259, 8.1: parsers may ignore it', 'malformed',
     t => t.bytes.some(b => b.toString('hex').startsWith('efbbbf'))],

    ['invalid UTF-8', 'RFC 8259, 8.1; RFC 7515, 5.2 (3)', 'malformed',
     t => !t.bytes.every(utf8)],

    ['a member named twice', 'RFC 7515, 4; RFC 7519, 4; RFC 8725, 3.1',
     'malformed', t => t.looks.some(l => l.twice)],

    ['half a surrogate pair', 'RFC 8259, 8.2; RFC 7493, 2.1', 'malformed',
     t => t.looks.some(l => l.surrogate)],

    ['U+0000 in a string', 'our rule; RFC 8259, 9 lets parsers limit',
     'malformed', t => t.looks.some(l => l.nul)],

    ['over 16 levels', 'our limit; RFC 8259, 9', 'malformed',
     t => t.looks.some(l => l.depth > 16)],

    ['"crit"', 'RFC 7515, 4.1.11; RFC 8725, 2.11', 'malformed',
     t => Object.hasOwn(t.header, 'crit')],

    ['"b64" or "zip"', 'RFC 7797, 6; RFC 7516, 4.1.3', 'malformed',
     t => Object.hasOwn(t.header, 'b64') || Object.hasOwn(t.header, 'zip')],

    ['a "kid" that is empty or no string', 'RFC 7515, 4.1.4', 'malformed',
     t => present(t.header.kid)
          && (t.header.kid === '' || typeof t.header.kid !== 'string')],

    ['a "typ" that is not a string', 'RFC 7515, 4.1.9', 'malformed',
     t => present(t.header.typ) && typeof t.header.typ !== 'string'],

    ['a "typ" of another kind', 'RFC 8725, 3.11', 'token_use',
     t => present(t.header.typ)
          && !/^(application\/)?(jwt|at\+jwt|jose)$/i.test(t.header.typ)],

    ['an algorithm of another kind of key', 'RFC 8725, 3.1; RFC 7518, 3.1',
     'algorithm',
     t => t.header.kid === 'any' && !t.header.alg.startsWith('RS')],

    ['the other form of the pool\'s issuer', 'RFC 7519, 4.1.1: compared as is',
     'issuer', (t, rules) => t.payload.iss !== rules.issuer],

    ['no "exp"', 'RFC 7519, 4.1.4: required here', 'claims',
     t => t.payload.exp === undefined],

    ['a time below 0 or over 2^53', 'RFC 7519, 2: NumericDate; RFC 7493, 2.2',
     'claims', t => times.some(n => t.payload[n] < 0
                                    || t.payload[n] >= 2 ** 53)],

    ['"exp" at this very moment', 'RFC 7519, 4.1.4: "on or after"', 'expired',
     (t, rules) => Math.floor(t.payload.exp) + rules.leeway === rules.now],

    ['"iat" in the future', 'RFC 7519, 4.1.6; compared here', 'not_yet_valid',
     (t, rules) => t.payload.iat > rules.now + rules.leeway],

    ['control characters in "sub"', 'our rule: it goes into headers and logs',
     'claims', t => control(t.payload.sub)],

    ['a claim of a wrong type', 'RFC 7519, 4.1; RFC 8693, 4.2', 'claims',
     t => ['jti', 'scope', 'sub'].some(n => present(t.payload[n])
                                     && typeof t.payload[n] !== 'string')
          || !(!present(t.payload.aud) || [t.payload.aud].flat()
                  .every(a => typeof a === 'string'))
          || times.some(n => present(t.payload[n])
                             && typeof t.payload[n] !== 'number')],

    ['a security event', 'RFC 8417, 2.2; RFC 8725, 3.11', 'token_use',
     t => typeof t.payload.events === 'object' && t.payload.events !== null
          && !Array.isArray(t.payload.events)],

    ['several audiences', 'OpenID Core, 3.1.3.7: one is asked for', 'client',
     t => Array.isArray(t.payload.aud)],
];

// Where another may refuse what we accept.

export const laxer = [
    ['no "kid", and one key of that algorithm', 'OpenID Core, 10.1',
     t => !present(t.header.kid)],

    ['null', 'taken as absent',
     t => [t.header, t.payload].some(o => Object.values(o).includes(null))],

    ['scopes in an array', 'as some issuers write them',
     t => Array.isArray(t.payload.scope)],

    ['one "kid" of two keys', 'RFC 7517, 4.5: a key is chosen by "alg", too',
     (t, who) => who === 'aws' && t.header.kid === 'twin'],
];

export function lax(token, who) {
    const [header, payload] = token.split('.').slice(0, 2)
        .map(p => JSON.parse(text(p).toString()));

    return laxer.some(([, , code]) => code({ header, payload }, who));
}

// The names of the reasons that there are for refusing it with "status".

export function explain(token, status, rules) {
    const parts = token.replace(/\s/g, '').split('.');
    const t = { token, parts: token.split('.') };

    try {
        t.bytes = parts.slice(0, 2).map(text);
        [t.header, t.payload] = t.bytes.map(b => JSON.parse(b.toString()
            .replace(/^\ufeff/, '')));
        t.looks = t.bytes.map(look);

    } catch (err) {
        return [`unreadable: ${err.message}`];
    }

    return reasons.filter(([, , word, code]) => word === status
                                                && code(t, rules))
        .map(([name]) => name);
}
