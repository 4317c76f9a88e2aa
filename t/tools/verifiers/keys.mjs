// The keys of the differential test, made for every run, and the set of them
// that all verifiers get.

import { constants, createSign, generateKeyPairSync, sign } from 'node:crypto';

const hash = { 256: 'sha256', 384: 'sha384', 512: 'sha512' };

// name, type, options, "alg", and a "kid" that is not the name: two keys have
// the same one

const types = [
    [ 'rsa', 'rsa', { modulusLength: 2048 }, 'RS256' ],
    [ 'any', 'rsa', { modulusLength: 2048 }, undefined ],
    [ 'ec', 'ec', { namedCurve: 'P-256' }, 'ES256' ],
    [ 'ed', 'ed25519', {}, 'EdDSA' ],
    [ 'twin-rsa', 'rsa', { modulusLength: 2048 }, 'RS256', 'twin' ],
    [ 'twin-ec', 'ec', { namedCurve: 'P-256' }, 'ES256', 'twin' ],
];

export function makeKeys() {
    const keys = {};

    for (const [name, type, options, alg, kid = name] of types) {
        const pair = generateKeyPairSync(type, options);

        keys[name] = {
            name, kid, alg, privateKey: pair.privateKey,
            jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg,
                   use: 'sig' },
        };
    }

    // says that it is "rsa", and is in no set

    keys.forged = {
        name: 'forged', kid: 'rsa', alg: 'RS256',
        privateKey: generateKeyPairSync('rsa', types[0][2]).privateKey,
    };

    return keys;
}

export function jwks(keys) {
    return { keys: types.map(([name]) => keys[name].jwk) };
}

// The signature of "alg" over the input, by whichever key it is; a key of
// another kind signs as it can.

export function signature(key, alg, input) {
    const kind = key.privateKey.asymmetricKeyType;
    const [, family, bits] = /^([A-Z]S)(256|384|512)$/.exec(alg ?? '')
        ?? [null, '', 256];

    if (kind === 'ed25519') {
        return sign(null, input, key.privateKey);
    }

    const signer = createSign(hash[bits]).update(input);

    if (kind === 'ec') {
        return signer.sign({ key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    }

    return signer.sign(family === 'PS'
        ? { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        : key.privateKey);
}
