// Clients of a gateway with "social_auth_dpop", and mutations of good proofs,
// about which oauth4webapi's verifier is asked as well.
//
//     node clients.mjs '{"url":"http://127.0.0.1:1234","dir":...,"seed":1,
//                        "count":400}'
//
// writes "jwks.json" to the directory and "made" to stdout; and when a line
// comes from stdin, which says that the gateway runs, does what it has to, and
// prints what became of it as JSON.

import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as dpop from 'dpop';
import * as oauth from 'oauth4webapi';

const { url, dir, seed, count } = JSON.parse(process.argv[2]);

const issuer = 'https://issuer.example.com/pool';
const base64url = text => Buffer.from(text).toString('base64url');
const hash = text => createHash('sha256').update(text).digest('base64url');
const now = () => Math.floor(Date.now() / 1000);

// numbers that are the same for the same seed (mulberry32)

let state = seed >>> 0;

function below(n) {
    state = (state + 0x6d2b79f5) >>> 0;

    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);

    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 4294967296 * n);
}

const pick = list => list[below(list.length)];

// the issuer, and tokens

const main = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = { keys: [{ ...main.publicKey.export({ format: 'jwk' }),
                        kid: 'main', alg: 'RS256', use: 'sig' }] };

function token(cnf) {
    const input = [{ alg: 'RS256', typ: 'at+jwt', kid: 'main' },
                   { iss: issuer, aud: 'api', sub: 'alice', client_id: 'web',
                     iat: now() - 10, exp: now() + 3600, jti: randomUUID(),
                     cnf }]
        .map(part => base64url(JSON.stringify(part))).join('.');

    return `${input}.${sign('sha256', Buffer.from(input), main.privateKey)
        .toString('base64url')}`;
}

writeFileSync(`${dir}/jwks.json`, JSON.stringify(jwks));
console.log('made');
await once(process.stdin, 'data');

const result = { tokens: [], clients: [], differ: [], accepted: 0, refused: 0,
                 stricter: {}, laxer: {} };

// 1. the clients, unmodified

for (const alg of ['ES256', 'Ed25519', 'RS256', 'PS256']) {
    const pair = await dpop.generateKeyPair(alg);
    const jkt = await dpop.calculateThumbprint(pair.publicKey);
    const access = token({ jkt });

    for (const method of ['GET', 'POST', 'DELETE']) {
        const proof = await dpop.generateProof(pair, `${url}/api/x`, method,
                                               undefined, access);
        const response = await fetch(`${url}/api/x?q=1`, {
            method, headers: { authorization: `DPoP ${access}`, dpop: proof } });

        result.clients.push([`dpop, ${alg}, ${method}`, response.status]);
    }

    const client = { client_id: 'web' };
    const handle = oauth.DPoP(client, pair);
    const ask = path => oauth.protectedResourceRequest(access, 'GET',
        new URL(`${url}${path}`), undefined, undefined,
        { DPoP: handle, [oauth.allowInsecureRequests]: true });

    result.clients.push([`oauth4webapi, ${alg}`, (await ask('/api/y')).status]);

    // the first one has no nonce, the second has, and so has the third

    try {
        result.clients.push([`${alg}, no nonce`, (await ask('/nonce')).status]);

    } catch (err) {
        result.clients.push([`${alg}, no nonce`,
                             oauth.isDPoPNonceError(err) ? 'nonce' : `${err}`]);
    }

    result.clients.push([`${alg}, a nonce`, (await ask('/nonce')).status]);
    result.clients.push([`${alg}, and again`, (await ask('/nonce')).status]);

    // what it says of a challenge

    try {
        await oauth.protectedResourceRequest(access, 'GET',
            new URL(`${url}/api/z`), undefined, undefined,
            { [oauth.allowInsecureRequests]: true });
        result.clients.push([`${alg}, as a bearer's`, 'accepted']);

    } catch (err) {
        result.clients.push([`${alg}, as a bearer's`,
            err.cause?.map?.(c => `${c.scheme} ${c.parameters.error}`)
                .join(', ') ?? `${err}`]);
    }
}

// 2. mutations

const kinds = {
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    Ed25519: generateKeyPairSync('ed25519'),
};

kinds.PS256 = kinds.RS256;

const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const members = { EC: ['crv', 'kty', 'x', 'y'], RSA: ['e', 'kty', 'n'],
                  OKP: ['crv', 'kty', 'x'] };

function thumbprint(jwk) {
    return hash(JSON.stringify(Object.fromEntries(members[jwk.kty]
        .map(name => [name, jwk[name]]))));
}

function signature(alg, input, key) {
    const data = Buffer.from(input);

    if (key.asymmetricKeyType === 'ed25519') {
        return sign(null, data, key);
    }

    return sign(alg === 'ES384' ? 'sha384' : 'sha256', data,
                key.asymmetricKeyType === 'ec'
                ? { key, dsaEncoding: 'ieee-p1363' }
                : alg === 'PS256'
                ? { key, padding: 6, saltLength: 32 } : key);
}

const values = ['', 'x', 0, -1, 1.5, null, true, [], {}, ['GET'], 'é', ' '];

// each changes "p": header, claims, key, a method and path of the request, or
// functions of the parts and of the whole text

const mutations = {
    nothing() { },
    type(p) { p.header.typ = pick(['JWT', 'at+jwt', '', 'dpop', 'dpop+jwt ',
        'DPoP+jwt', ...values]); },
    'no member of the header'(p) { delete p.header[pick(['typ', 'alg',
        'jwk'])]; },
    algorithm(p) { p.header.alg = pick(['none', 'HS256', 'ES512', 'RS512',
        'es256', ...Object.keys(kinds), ...values]); },
    'critical'(p) { p.header.crit = pick([['x'], [], 'x']); },
    'more in the header'(p) { p.header[pick(['kid', 'x', 'jku'])] = 'x'; },
    'another key in the header'(p) {
        p.header.jwk = other.publicKey.export({ format: 'jwk' }); },
    'a private key'(p) { p.header.jwk = p.pair.privateKey.export(
        { format: 'jwk' }); },
    'signed by another key'(p) { p.signer = other.privateKey; },
    'no member of the key'(p) { delete p.header.jwk[pick(
        ['kty', 'crv', 'x', 'y', 'n', 'e'])]; },
    'a member of the key'(p) { p.header.jwk[pick(['kty', 'crv', 'x', 'y', 'n',
        'e'])] = pick(['AAAA', 'EC', 'P-384', ...values]); },
    'a key as a text'(p) { p.header.jwk = pick([JSON.stringify(p.header.jwk),
        [p.header.jwk], ...values]); },
    'a key for something else'(p) { p.header.jwk.use = pick(['enc', 'sig']); },
    'no claim'(p) { delete p.claims[pick(Object.keys(p.claims))]; },
    claim(p) { p.claims[pick(Object.keys(p.claims))] = pick(values); },
    'more claims'(p) { p.claims[pick(['iss', 'sub', 'x', 'nonce'])] = 'x'; },
    'method of the proof'(p) { p.claims.htm = pick(['POST', 'get', 'HEAD',
        'GET ']); },
    'method of the request'(p) { p.method = pick(['POST', 'PUT', 'DELETE']); },
    'path of the proof'(p) { p.claims.htu = url + pick(['/', '/api', '/api/ab',
        '/api/A', '/api/a/', '//api/a', '/api%2Fa', '/api/a;x', '']); },
    'host of the proof'(p) { p.claims.htu = pick(['https://api.example.com',
        url.replace('http:', 'https:'), 'http://127.0.0.1',
        url.replace('127.0.0.1', 'localhost'),
        url.replace('//', '//user@'), '']) + '/api/a'; },
    'query and fragment'(p) { p.claims.htu += pick(['?', '?a=b', '#', '#c',
        '?a#b']); },
    'case of the URL'(p) { p.claims.htu = p.claims.htu.replace('http',
        pick(['HTTP', 'Http'])); },
    'dots in the URL'(p) { p.claims.htu = url + pick(['/api/./a', '/x/../api/a',
        '/api/b/../a', '/../api/a', '/api/../a']); },
    'escapes in the URL'(p) { p.claims.htu = url + pick(['/api/%61', '/%61pi/a',
        '/api/%2e%2e/api/a']); },
    'query of the request'(p) { p.path += pick(['?', '?a=b', '?/../']); },
    time(p) { p.claims.iat += pick([-3600, -400, -290, -100, 100, 290, 400,
        3600]); },
    fraction(p) { p.claims.iat += 0.5; },
    end(p) { p.claims.exp = now() + pick([-3600, 60, 3600]); },
    begin(p) { p.claims.nbf = now() + pick([-60, 3600]); },
    'hash of the token'(p) { p.claims.ath = pick([hash(p.token + 'x'),
        hash(''), p.claims.ath + '=', p.claims.ath.slice(1),
        p.claims.ath.toUpperCase()]); },
    'token of another client'(p) {
        p.token = token({ jkt: thumbprint(other.publicKey.export(
            { format: 'jwk' })) });
        p.claims.ath = hash(p.token); },
    'token that is not bound'(p) {
        p.token = token(undefined);
        p.claims.ath = hash(p.token); },
    'cnf of the token'(p) {
        p.token = token(pick([{}, { jkt: 7 }, { jkt: '' }, 'x', [],
            { kid: 'x' }]));
        p.claims.ath = hash(p.token); },
    scheme(p) { p.scheme = pick(['Bearer', 'dpop', 'DPOP', 'Basic', 'DPoP ']); },
    'a byte of the text'(p) { p.text = text => {
        const at = below(text.length);
        return text.slice(0, at) + pick(['A', '.', '=', '-', '_', '9'])
            + text.slice(at + 1); }; },
    'the text cut off'(p) { p.text = text => text.slice(0, below(text.length)); },
    'more text'(p) { p.text = text => text + pick(['.', 'A', 'AAAA', '=', ',',
        ` ${text}`, `, ${text}`]); },
    'a part of it twice'(p) { p.text = text => {
        const parts = text.split('.');
        parts.splice(below(3), 0, pick(parts));
        return parts.join('.'); }; },
    'a byte of the signature'(p) { p.sign = bytes => {
        bytes[below(bytes.length)] ^= 1 << below(8);
        return bytes; }; },
    'a signature that is longer'(p) { p.sign = bytes =>
        Buffer.concat([bytes, Buffer.from([0])]); },
    'no signature'(p) { p.sign = () => Buffer.alloc(0); },
    'a signature of zeros'(p) { p.sign = bytes => Buffer.alloc(bytes.length); },
};

// what we refuse and the other one accepts, by the reason that we give

const stricter = {
    'is malformed': 'base64url in one spelling only, "crit" and others',
    'the type of the DPoP proof': 'a type without "application/", in lower case',
    'lacks a claim': 'a claim that is empty, or a time of another type',
    'has no public key': 'a key of which "use" says that it is for others',
    'algorithm of the DPoP proof': 'an algorithm that is not in the list',
    'made just now': 'a time in whole seconds, an end',
    'is for another URL': 'a user in a URL',
    'was used before': 'an id that another mutation has had',
};

// and the reverse: URLs that are equal (RFC 3986, 6.2.2)

const laxer = ['escapes in the URL', 'fraction', 'end', 'begin', 'nothing',
               'more claims', 'time', 'claim', 'algorithm'];

const as = { issuer, jwks_uri: 'https://issuer.example.com/jwks' };
const options = {
    signingAlgorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
    [oauth.customFetch]: async () => new Response(JSON.stringify(jwks),
        { headers: { 'content-type': 'application/json' } }),
};

async function theirs(request) {
    try {
        await oauth.validateJwtAccessToken(as, request, 'api', options);
        return 'ok';

    } catch (err) {
        return err.message;
    }
}

const names = Object.keys(mutations);

for (let i = 0; i < count; i++) {
    const name = i < names.length ? names[i] : pick(names);
    const alg = pick(Object.keys(kinds));
    const pair = kinds[alg];
    const jwk = pair.publicKey.export({ format: 'jwk' });
    const access = token({ jkt: thumbprint(jwk) });

    const p = {
        pair, token: access, method: 'GET', path: '/api/a', scheme: 'DPoP',
        signer: pair.privateKey, text: text => text, sign: bytes => bytes,
        header: { typ: 'dpop+jwt', alg, jwk },
        claims: { jti: randomUUID(), htm: 'GET', htu: `${url}/api/a`,
                  iat: now(), ath: hash(access) },
    };

    mutations[name](p);

    const input = [p.header, p.claims].map(part =>
        base64url(JSON.stringify(part))).join('.');
    const proof = p.text(`${input}.${p.sign(signature(p.header.alg, input,
        p.signer)).toString('base64url')}`);

    result.tokens.push(p.token, proof);

    const init = { method: p.method,
                   headers: { authorization: `${p.scheme} ${p.token}`,
                              dpop: proof } };
    const said = await theirs(new Request(url + p.path, init));
    const response = await fetch(url + p.path, init);
    const challenge = response.headers.get('www-authenticate') ?? '';
    const ours = response.status === 200 ? 'ok'
        : response.status === 401 ? challenge : `${response.status}`;

    await response.arrayBuffer();

    if (ours === 'ok') {
        result.accepted++;

    } else {
        result.refused++;
    }

    if ((ours === 'ok') === (said === 'ok')) {
        continue;
    }

    const reason = Object.keys(stricter).find(text => ours.includes(text));

    if (ours === 'ok' && laxer.includes(name)) {
        result.laxer[name] = (result.laxer[name] ?? 0) + 1;

    } else if (ours !== 'ok' && response.status === 401 && reason) {
        result.stricter[reason] = (result.stricter[reason] ?? 0) + 1;

    } else {
        result.differ.push({ name, alg, ours, theirs: said, header: p.header,
                             claims: p.claims, scheme: p.scheme });
    }
}

process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
