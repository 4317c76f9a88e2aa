// Signs a token with jose: a JSON object of claims on stdin, the compact
// serialization on stdout.
//
//     node sign.mjs RS256 key.pem kid < claims.json
//
// jose itself is in build/npm/jose, where scripts/deps-npm puts this file too.

import { readFileSync } from 'node:fs';
import { CompactSign, importPKCS8 } from 'jose';

const [alg, path, kid] = process.argv.slice(2);
const key = await importPKCS8(readFileSync(path, 'utf8'), alg);

console.log(await new CompactSign(readFileSync(0))
    .setProtectedHeader({ alg, kid })
    .sign(key));
