// Makes mutations of good tokens and asks aws-jwt-verify and jose about them.
//
//     node differential.mjs DIRECTORY '{"seed":1,"count":20000,...}'
//
// writes "jwks.json", "tokens" (of each its length, a line feed, the token and
// another line feed) and "verdicts.json"; and then, when a line is written to
// stdin, reads our verdicts from "ours.json" and prints what differs, as
// JSON.  Its keys are new ones every time, the mutations are those of the
// seed.

import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { jwks, makeKeys } from './keys.mjs';
import { Mutator } from './mutate.mjs';
import { Random } from './random.mjs';
import { explain, lax, reasons } from './reasons.mjs';
import { claims } from './claims.mjs';
import { aws, jose } from './verifiers.mjs';

const [dir, text] = process.argv.slice(2);
const rules = JSON.parse(text);
const uses = ['access', 'id'];

// the moment of the test, for those who ask the clock

Date.now = () => rules.now * 1000;

const keys = makeKeys();
// as it comes out of a document: without members of no value

const set = JSON.parse(JSON.stringify(jwks(keys)));
const mutator = new Mutator(new Random(rules.seed), keys, rules);
const verifiers = Object.fromEntries(uses.map(use =>
    [use, { aws: aws(rules, set, use), jose: jose(rules, set, use) }]));

const tokens = [];

for (const kid of rules.kids) {
    for (const use of uses) {
        for (;;) {
            const t = mutator.good();

            if (t.use === use && t.key.name === kid) {
                tokens.push({ token: mutator.compact(t), note: 'good',
                              good: use });
                break;
            }
        }
    }
}

while (tokens.length < rules.count) {
    tokens.push(mutator.token());
}

for (const t of tokens) {
    for (const use of uses) {
        t[use] = { aws: verifiers[use].aws(t.token),
                   jose: await verifiers[use].jose(t.token) };
    }
}

writeFileSync(`${dir}/jwks.json`, JSON.stringify(set));
writeFileSync(`${dir}/tokens`, tokens.map(t => `${t.token.length}\n${t.token}\n`)
    .join(''), 'latin1');

console.log('made');
await once(process.stdin, 'data');

const ours = JSON.parse(readFileSync(`${dir}/ours.json`));
const said = JSON.parse(readFileSync(`${dir}/said.json`));
const result = { looser: [], unexplained: [], good: [], other: [], accepted: {},
                 nested: 0,
                 reasons: Object.fromEntries(reasons.map(([name, where]) =>
                     [name, { where, aws: 0, jose: 0 }])) };

tokens.forEach((t, i) => {
    for (const use of uses) {
        const us = ours[use][i];

        const say = who => ({
            i, use, who, us, note: t.note, them: t[use][who],
            parts: t.token.split('.').slice(0, 2).map(p =>
                Buffer.from(p, 'base64').toString('latin1').slice(0, 600)),
        });

        if (t.good === use && us !== 'ok') {
            result.good.push(say('aws'));
        }

        if (us === 'ok') {
            const expected = claims(t.token);

            result.accepted[use] = (result.accepted[use] ?? 0) + 1;
            result.nested += t.note.includes('nested');

            if (said[use][i] !== expected) {
                result.other.push({ ...say('jose'), said: said[use][i],
                                    expected });
            }
        }

        for (const who of ['aws', 'jose']) {
            const them = t[use][who];

            if (us === 'ok' && them !== 'ok' && !lax(t.token, who)) {
                result.looser.push(say(who));
            }

            if (us === 'ok' || them !== 'ok') {
                continue;
            }

            const why = explain(t.token, us, rules);

            if (!why.length || !result.reasons[why[0]]) {
                result.unexplained.push({ ...say(who), why });

            } else {
                why.forEach(name => result.reasons[name][who]++);
            }
        }
    }
});

process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
