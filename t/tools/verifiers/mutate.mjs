// Mutations of good tokens.  Header and payload are lists of members, each a
// pair of JSON texts, so that what no object can hold (a member twice, a name
// with escapes, an invalid literal) can be written too.  Bytes are characters
// up to U+00FF throughout.

import { signature } from './keys.mjs';

const base64url = text => Buffer.from(text, 'latin1').toString('base64url');
const utf8 = text => Buffer.from(text, 'utf8').toString('latin1');
const json = value => utf8(JSON.stringify(value));

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    + '0123456789-_';

const values = [
    'null', 'true', 'false', '0', '1', '-1', '-0', '1.5', '1e2', '1e400',
    '9007199254740991', '9007199254740992', '9007199254740993',
    '99999999999999999999', '123456789012345678901234567890', '""', '"a"',
    '"access"', '"id"', '"web"', '[]', '{}', '["web"]', '["web","x"]',
    '["x",7]', '[null]', '"\\u0000"', '"web\\u0000"', '"\\ud800"',
    '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\xff"', '"\xc0\x80"',
    '"\xed\xa0\x80"', '"\xc3\xa9"', '"\\u009b"', '"a\\u0007"', '"\x7f"',
    '"web "', '" web"', '"web\\n"', '"WEB"', '{"a":{"b":[1,2]}}',
    '{"__proto__":{"a":1}}', '01', '+1', '.5', '5.', '0x10', 'NaN',
    'Infinity', 'nul', "'a'", '"\\x"', '"a', '"\t"',
];

const names = [
    '"alg"', '"kid"', '"typ"', '"cty"', '"crit"', '"b64"', '"zip"', '"jku"',
    '"jwk"', '"x5u"', '"x5c"', '"iss"', '"sub"', '"aud"', '"client_id"',
    '"token_use"', '"scope"', '"exp"', '"nbf"', '"iat"', '"jti"',
    '"username"', '"cognito:groups"', '"custom:a"', '"sid"',
    '"__proto__"',
    '"constructor"', '""', '"\\u0000"', '"a\xff"',
];

// the name with one of its characters escaped: the same member

function escaped(random, name) {
    const at = 1 + random.below(Math.max(1, name.length - 2));
    const code = name.charCodeAt(at);

    if (name.length < 3 || code > 126 || name[at] === '\\') {
        return name;
    }

    return name.slice(0, at) + '\\u' + code.toString(16).padStart(4, '0')
        + name.slice(at + 1);
}

const member = (list, name) => list.find(m => m[0] === name);

function set(list, name, value) {
    const found = member(list, name);

    if (found) {
        found[1] = value;

    } else {
        list.push([name, value]);
    }
}

export class Mutator {
    constructor(random, keys, rules) {
        this.random = random;
        this.keys = keys;
        this.rules = rules;
    }

    // A good token, in pieces.

    good() {
        const { random, rules } = this;
        const use = random.pick(['access', 'id']);
        const key = this.keys[random.pick(rules.kids)];
        const alg = key.alg ?? 'RS256';

        const payload = [
            ['"iss"', json(rules.issuer)],
            ['"sub"', '"c0ffee00-1234-4abc-8def-000000000001"'],
            ['"token_use"', json(use)],
            ['"jti"', '"3a9d5c1e-7b2f-4e6a-8c0d-1f2e3d4c5b6a"'],
            ['"auth_time"', String(rules.now - 60)],
            ['"iat"', String(rules.now - 60)],
            ['"exp"', String(rules.now + 3600)],
            ['"cognito:groups"', '["staff","beta"]'],
            ['"sid"', '"2a88c258-f73a-4103-b862-e1fbd8f4e04e"'],
            ['"realm_access"', '{"roles":["editor","site admins"]}'],
        ];

        if (use === 'access') {
            payload.push(['"client_id"', json(rules.client)],
                         ['"scope"', '"photos/read photos/write"'],
                         ['"username"', '"alice"']);
        } else {
            payload.push(['"aud"', json(rules.client)],
                         ['"cognito:username"', '"alice"'],
                         ['"email_verified"', 'true']);
        }

        return {
            key, alg, payload, use,
            header: [['"kid"', json(key.kid)], ['"alg"', json(alg)]],
            before: ['', ''], after: ['', ''], space: '', tail: [0, 0],
            note: [],
        };
    }

    // The compact form, signed over whatever the first two parts have become.

    compact(t) {
        const texts = [t.header, t.payload].map((list, i) =>
            t.before[i] + (t.text?.[i] ?? '{' + list.map(([n, v]) =>
                t.space + n + t.space + ':' + t.space + v).join(',')
                + t.space + '}') + t.after[i]);

        const parts = texts.map((text, i) => {
            let part = base64url(text);

            if (t.tail[i]) {
                part = this.otherTail(part, t.tail[i]);
            }

            return part;
        });

        const input = Buffer.from(parts.join('.'), 'latin1');

        return parts.join('.') + '.'
            + signature(t.key, t.alg, input).toString('base64url');
    }

    // The same bytes in another spelling, where there is one.

    otherTail(part, how) {
        const free = { 2: 15, 3: 3 }[part.length % 4];

        if (how === 'pad') {
            return part + '='.repeat((4 - part.length % 4) % 4);
        }

        if (!free) {
            return part;
        }

        const last = alphabet.indexOf(part.at(-1));

        return part.slice(0, -1)
            + alphabet[last ^ (1 + this.random.below(free))];
    }

    // A time on either side of some edge.

    time() {
        const { random, rules } = this;
        const edge = rules.now + random.pick([0, rules.leeway, -rules.leeway,
                                              3600, -3600]);

        return random.pick([
            () => String(edge + random.below(5) - 2),
            () => String(edge) + random.pick(['.0', '.5', '.000001', '.999']),
            () => String(edge - 1) + '.999999',
            () => edge + random.pick(['e0', 'E+0', 'e-0', '0e-1', 'e1']),
            () => random.pick(values),
            () => json(String(edge)),
        ])();
    }

    mutateTimes(t) {
        const name = this.random.pick(['"exp"', '"nbf"', '"iat"', '"exp"',
                                       '"auth_time"']);
        set(t.payload, name, this.time());
        t.note.push(`time ${name}`);
    }

    mutateValue(t) {
        const { random } = this;
        const i = random.one(3) ? 0 : 1;
        const m = random.pick(i ? t.payload : t.header);

        if (m) {
            m[1] = random.pick(values);
            t.note.push(`value of ${m[0]}`);
        }
    }

    mutateString(t) {
        const { random } = this;
        const list = random.one(4) ? t.header : t.payload;
        const m = random.pick(list.filter(p => /^".+"$/s.test(p[1])));

        if (!m) {
            return;
        }

        const at = 1 + random.below(m[1].length - 1);
        const put = random.pick(['a', ' ', '/', '.', '\\u0000', '\\n', '\\/',
                                 '\\u0061', '\xc3\xa9', '\xff', '\\ud800',
                                 '\\udbff\\udfff', '\x01', '\xc2\x9b', '']);

        m[1] = random.pick([
            () => m[1].slice(0, at) + put + m[1].slice(at),
            () => m[1].slice(0, at) + m[1].slice(at + 1),
            () => m[1].toUpperCase(),
            () => '"' + m[1].slice(1, at) + '"',
            () => escaped(random, m[1]),
            () => '[' + m[1] + ']',
        ])();
        t.note.push(`string ${m[0]}`);
    }

    mutateRemove(t) {
        const list = this.random.one(3) ? t.header : t.payload;
        const at = this.random.below(list.length);

        t.note.push(`without ${list.splice(at, 1)[0]?.[0]}`);
    }

    mutateTwice(t) {
        const { random } = this;
        const list = random.one(3) ? t.header : t.payload;
        const m = random.pick(list);

        if (m) {
            const copy = [random.one(3) ? escaped(random, m[0]) : m[0],
                          random.one(2) ? m[1] : random.pick(values)];

            list.splice(random.below(list.length + 1), 0, copy);
            t.note.push(`twice ${m[0]}`);
        }
    }

    mutateName(t) {
        const { random } = this;
        const m = random.pick(random.one(3) ? t.header : t.payload);

        if (m) {
            t.note.push(`name ${m[0]}`);
            m[0] = random.pick([
                () => escaped(random, m[0]),
                () => m[0].toUpperCase(),
                () => m[0].slice(0, -1) + ' "',
                () => m[0].slice(0, -1) + '\\u0000"',
                () => m[0].slice(1, -1),
            ])();
        }
    }

    mutateAdd(t) {
        const { random } = this;
        const name = random.pick(names);

        (random.one(3) ? t.header : t.payload).push([name,
                                                     random.pick(values)]);
        t.note.push(`added ${name}`);
    }

    mutateAudience(t) {
        const { random, rules } = this;
        const client = json(rules.client);
        const name = random.pick(['"aud"', '"client_id"', '"token_use"',
                                  '"scope"', '"jti"', '"username"',
                                  '"cognito:groups"', '"sub"']);

        set(t.payload, name, random.pick([
            client, `[${client}]`, `[${client},"x"]`, `["x",${client}]`,
            `[${client},1]`, '"x"', '[]', '{}', '7', 'null', '"access"',
            '"id"', '["access"]', `"${rules.client} x"`, '""', 'false',
        ]));
        t.note.push(`claim ${name}`);
    }

    mutateIssuer(t) {
        const { issuer, pool } = this.rules;

        set(t.payload, '"iss"', json(this.random.pick([
            issuer + '/', issuer + 'x', issuer.slice(0, -1), issuer + '?',
            issuer.toUpperCase(), issuer.replace('https', 'http'),
            issuer.replace('.com', '.com.'), ' ' + issuer,
            issuer.replace('cognito-idp', 'issuer-cognito-idp'),
            issuer.replace('amazonaws.com', 'amazonaws.com:443'),
            issuer.replace('https://', 'https://a@'), pool,
        ])));
        t.note.push('issuer');
    }

    // What stands at the end of a path, or instead of it.

    mutateNested(t) {
        const { random } = this;

        set(t.payload, '"realm_access"', random.pick([
            '{"roles":["a b","c,d","\\u00e9"," e "]}', '{"roles":"one, two"}',
            '{"roles":""}', '{"roles":null}', '{"roles":[]}', '{"roles":7}',
            '{"roles":[1,"x",["y"],null,{"z":true},"x"]}', '{"roles":true}',
            '{"roles":{"a":true,"b":{},"c":{"x":1},"d":null,"e":[0],"f":false,'
            + '"g":[],"h":"x","i":1,"j k":[null],"l":{"m":null}}}',
            '{"roles":{}}', '{"x":{"roles":["n"]}}', '{"role":["n"]}',
            '["roles"]', '[{"roles":["n"]}]', '"roles"', 'null',
            '{"__proto__":{"roles":["n"]}}', '{"constructor":{"roles":["n"]}}',
        ]));

        if (random.one(3)) {
            set(t.payload, '"realm_access.roles"', random.pick([
                '["whole"]', '"whole"', 'null', '{}', '[]', '{"w":true}',
                'false',
            ]));
        }

        if (random.one(10)) {
            set(t.payload, '"events"', random.pick([
                '{"http://schemas.openid.net/event/backchannel-logout":{}}',
                '{}', '["a"]', '"a"', 'null',
            ]));
        }

        t.note.push('nested');
    }

    mutateSpace(t) {
        t.space = this.random.pick([' ', '\n', '\t', '\r\n', '\f', '\xa0',
                                    '\v', '/**/', '\0']);
        t.note.push('space');
    }

    mutateAround(t) {
        const { random } = this;
        const i = random.below(2);

        t.before[i] = random.pick(['', '', '\xef\xbb\xbf', ' ', '\0', '[']);
        t.after[i] = random.pick(['', ' ', '\n', '\0', '}', ',', 'x', '{}',
                                  ']', '\xff']);
        t.note.push('around');
    }

    mutateDepth(t) {
        const depth = 1 + this.random.below(40);
        const open = this.random.pick(['[', '{"a":']);
        const close = open === '[' ? ']' : '}';

        (this.random.one(3) ? t.header : t.payload).push(
            ['"deep"', open.repeat(depth) + '1' + close.repeat(depth)]);
        t.note.push(`depth ${depth}`);
    }

    mutateLength(t) {
        const size = this.random.pick([100, 1000, 5000, 5250, 5300, 6000,
                                       9000, 20000]);

        t.payload.push(['"long"', `"${'x'.repeat(size)}"`]);
        t.note.push(`length ${size}`);
    }

    mutateTail(t) {
        t.tail[this.random.below(2)] = this.random.pick(['pad', 'bits']);
        t.note.push('spelling');
    }

    mutateKey(t) {
        const { random } = this;

        t.key = this.keys[random.pick(Object.keys(this.keys))];

        if (random.one(2)) {
            t.alg = random.pick(['RS256', 'RS384', 'RS512', 'PS256', 'ES256',
                                 'EdDSA', 'HS256', 'none']);
            set(t.header, '"alg"', json(t.alg));
        }

        if (random.one(2)) {
            set(t.header, '"kid"', json(t.key.kid));
        }

        t.note.push('key');
    }

    // One token: most mutations of a kind that is signed again, the others of
    // its characters.

    token() {
        const { random } = this;
        const t = this.good();
        const kinds = [
            'Times', 'Times', 'Times', 'Value', 'Value', 'String', 'String',
            'Remove', 'Twice', 'Name', 'Add', 'Add', 'Audience', 'Audience',
            'Issuer', 'Space', 'Around', 'Depth', 'Length', 'Tail', 'Key',
            'Nested',
        ];

        if (random.one(3)) {
            return this.mutateBytes(t);
        }

        let count = random.one(3) ? 2 + random.below(2) : 1;

        while (count--) {
            this['mutate' + random.pick(kinds)](t);
        }

        return { token: this.compact(t), note: t.note.join(', ') };
    }

    // The token of these pieces, which were not changed, is made once.

    mutateBytes(t) {
        const { random } = this;
        const made = `${t.use} ${t.key.name}`;

        this.made ??= {};

        let token = this.made[made] ??= this.compact(t);
        let count = random.one(3) ? 2 : 1;
        const note = [];

        while (count--) {
            const at = random.below(token.length);
            const parts = token.split('.');
            const i = random.below(parts.length);

            const [what, code] = random.pick([
                ['bit', () => token.slice(0, at) + String.fromCharCode(
                    token.charCodeAt(at) ^ (1 << random.below(8)))
                    + token.slice(at + 1)],
                ['character', () => token.slice(0, at) + random.pick(alphabet)
                    + token.slice(at + 1)],
                ['insertion', () => token.slice(0, at)
                    + random.pick(alphabet + '.=+/ \t\n\0,%~') + token.slice(at)],
                ['removal', () => token.slice(0, at) + token.slice(at + 1)],
                ['end', () => token.slice(0, at)],
                ['start', () => token.slice(at)],
                ['swap', () => token.slice(0, at) + token.slice(at + 1, at + 2)
                    + token.slice(at, at + 1) + token.slice(at + 2)],
                ['other case', () => token.slice(0, at)
                    + token[at].toUpperCase() + token.slice(at + 1)],
                ['padding', () => parts.map((part, n) =>
                    n === i ? part + '='.repeat(1 + random.below(3)) : part)
                    .join('.')],
                ['plain base64', () => parts.map((part, n) => n === i
                    ? part.replace(/-/g, '+').replace(/_/g, '/') : part)
                    .join('.')],
                ['spelling', () => parts.map((part, n) => n === i && part
                    ? this.otherTail(part, random.pick(['pad', 'bits']))
                    : part).join('.')],
                ['extra character', () => token + random.pick(alphabet)],
                ['order', () => random.pick([[1, 0, 2], [0, 2, 1], [2, 1, 0]])
                    .map(n => parts[n] ?? '').join('.')],
                ['parts', () => random.pick([
                    [...parts, parts.at(-1)], parts.slice(0, 2),
                    [...parts, ''], ['', ...parts], [...parts, 'a', 'b'],
                    [parts[0], parts[1], ''], [parts[0], '', parts[2]],
                ]).join('.')],
                ['end added', () => token + random.pick(['\n', ' ', '\0', '.',
                    ',', ';', '%0a', '#', '\r\n', '\xff'])],
                ['other signature', () => {
                    const other = this.made[random.pick(
                        Object.keys(this.made))];

                    return parts.slice(0, 2).join('.') + '.'
                        + other.split('.')[2];
                }],
                ['zero signature', () => parts.slice(0, 2).join('.') + '.'
                    + 'A'.repeat((parts[2] ?? '').length || 2)],
            ]);

            token = code();
            note.push(what);
        }

        return { token, note: 'bytes: ' + note.join(', ') };
    }
}
