/* Test results as TAP, for prove. */

import process from 'node:process';

let count = 0;
let failed = 0;

function line(good, name, note = '') {
    count++;
    failed += good ? 0 : 1;
    console.log(`${good ? 'ok' : 'not ok'} ${count} - ${name}${note}`);
}

export function ok(good, name) {
    line(Boolean(good), name);
}

export function is(got, wanted, name) {
    const good = JSON.stringify(got) === JSON.stringify(wanted);

    line(good, name);

    if (!good) {
        diag(`got:    ${JSON.stringify(got)}`);
        diag(`wanted: ${JSON.stringify(wanted)}`);
    }
}

export function skip(name, why) {
    line(true, name, ` # SKIP ${why}`);
}

export function diag(text) {
    console.error(String(text).replace(/^/gm, '# '));
}

export function end() {
    console.log(`1..${count}`);
    process.exitCode = failed === 0 ? 0 : 1;
}
