// Other queues on PostgreSQL, beside ours: scripts/bench/queue calls
//
//     queues.mjs pg-boss fill N
//     queues.mjs pg-boss work BATCH SECONDS
//
// and the same for "graphile-worker", with libpq's environment.  "work" prints
// how many jobs a second one process claims and completes, with empty work.

import { setTimeout as sleep } from 'node:timers/promises';

import { Logger, run, runMigrations } from 'graphile-worker';
import pg from 'pg';
import { PgBoss } from 'pg-boss';

const QUEUE = 'thumb';
const CHUNK = 1000;

const payload = {
    bucket: 'uploads.example.com',
    key: 'avatars/original/f5c3334c-ccca-4735-86f8-f2b546d4.jpg',
    size: 3145728,
    etag: 'd41d8cd98f00b204e9800998ecf8427e',
    variants: ['512', '128', '1200'],
};

const database = {
    host: process.env.PGHOST,
    user: process.env.PGUSER,
    database: process.env.PGDATABASE,
};


function fail(error) {
    console.error(error);
    process.exit(1);
}


// What it does for itself, as its documentation has it, is on: only what other
// than this benchmark would need is not.

async function boss() {
    const it = new PgBoss({ ...database, max: 2, schedule: false });

    it.on('error', fail);

    await it.start();
    return it;
}

const pgBoss = {
    async fill(n) {
        const it = await boss();

        await it.createQueue(QUEUE);
        await it.deleteAllJobs(QUEUE);

        for (let i = 0; i < n; i += CHUNK) {
            await it.insert(QUEUE, Array.from({ length: CHUNK },
                () => ({ data: payload })));
        }

        await it.stop({ graceful: false });
    },

    async work(batch, seconds) {
        const it = await boss();
        const began = performance.now();
        let done = 0;

        while (performance.now() - began < seconds * 1000) {
            const jobs = await it.fetch(QUEUE, { batchSize: batch });

            if (jobs.length === 0) {
                console.error('pg-boss: no more jobs');
                break;
            }

            await it.complete(QUEUE, jobs.map((job) => job.id));
            done += jobs.length;
        }

        const took = performance.now() - began;

        await it.stop({ graceful: false });
        return done / took * 1000;
    },
};


function pool_of(max) {
    const pool = new pg.Pool({ ...database, max });

    pool.on('error', fail);
    pool.on('connect', (client) => client.on('error', fail));
    return pool;
}

const graphile = {
    async fill(n) {
        const pool = pool_of(1);

        await runMigrations({ pgPool: pool });
        await pool.query('DELETE FROM graphile_worker._private_jobs');

        for (let i = 0; i < n; i += CHUNK) {
            await pool.query(`SELECT FROM graphile_worker.add_jobs(ARRAY(
                SELECT json_populate_record(NULL::graphile_worker.job_spec,
                    json_build_object('identifier', $1::text, 'payload',
                                      $2::json))
                    FROM generate_series(1, $3::integer)))`,
                [QUEUE, JSON.stringify(payload), CHUNK]);
        }

        await pool.end();
    },

    // with its local queue, which claims in batches, and completions in batches

    async work(batch, seconds) {
        const pool = pool_of(4);
        let done = 0;

        const began = performance.now();
        const runner = await run({
            pgPool: pool,
            noHandleSignals: true,
            taskList: { [QUEUE]: () => { done++; } },
            preset: {
                worker: {
                    concurrentJobs: batch,
                    localQueue: { size: 5 * batch },
                    completeJobBatchDelay: 0,
                    failJobBatchDelay: 0,
                },
            },
            logger: new Logger(() => () => {}),
        });

        await sleep(seconds * 1000);
        await runner.stop();

        const took = performance.now() - began;

        await pool.end();
        return done / took * 1000;
    },
};


const [name, command, ...numbers] = process.argv.slice(2);
const peer = { 'pg-boss': pgBoss, 'graphile-worker': graphile }[name];

if (!peer?.[command]) {
    console.error('usage: queues.mjs pg-boss|graphile-worker'
        + ' fill N | work BATCH SECONDS');
    process.exit(2);
}

const rate = await peer[command](...numbers.map(Number));

if (rate !== undefined) {
    console.log(Math.round(rate));
}

process.exit(0);
