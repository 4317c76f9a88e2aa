// What a token's subject and groups are, with the groups at
// "realm_access.roles": by JavaScript's own JSON, and written as the headers
// are.

const own = (object, name) => typeof object === 'object' && object !== null
    && !Array.isArray(object) && Object.hasOwn(object, name)
    ? object[name] : undefined;

const present = value => value ?? undefined;

// all but printable ASCII, "%" and a comma, every space of an item, and those
// at the ends of a text

function encode(text, item) {
    return [...Buffer.from(text, 'utf8')].map((byte, i, all) => {
        const ch = String.fromCharCode(byte);

        return byte < 0x20 || byte >= 0x7f || ch === '%'
            || (item && (ch === ',' || ch === ' '))
            || (ch === ' ' && (i === 0 || i === all.length - 1))
            ? '%' + byte.toString(16).toUpperCase().padStart(2, '0') : ch;
    }).join('');
}

function groups(value) {
    if (typeof value === 'string') {
        return value === '' ? [] : [value];
    }

    if (Array.isArray(value)) {
        return value.filter(v => typeof v === 'string');
    }

    return Object.keys(value ?? {}).filter(name => {
        const grant = value[name];

        return grant === true || (typeof grant === 'object' && grant !== null
                                  && Object.keys(grant).length > 0);
    });
}

export function claims(token) {
    const payload = JSON.parse(Buffer.from(token.split('.')[1], 'base64'));

    const roles = present(own(payload, 'realm_access.roles'))
        ?? present(own(present(own(payload, 'realm_access')), 'roles'));

    return encode(payload.sub ?? '', false) + '\t'
        + groups(roles).map(g => encode(g, true)).join(',');
}
