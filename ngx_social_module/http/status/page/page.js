/*
 * The page of "social_status html": asks for the numbers every two seconds, and
 * shows them, what is wrong, and what to do about it.
 */

'use strict';

(() => {
    const EVERY = 2000;                     // milliseconds
    const RATE = 10000;                     // rates are over so long
    const KEPT = 150;                       // points of a chart
    const RECENT = 60000;                   // what has grown since is shown

    const samples = [];                     // { at, metrics }
    const charts = new Map();
    const $ = (id) => document.getElementById(id);

    $('host').textContent = location.host;

    /* Numbers */

    const list = (m, name) => m[name] ?? [];

    const fits = (sample, labels) =>
        Object.keys(labels).every((key) => sample[key] === labels[key]);

    const sum = (m, name, labels = {}) => list(m, name)
        .filter((sample) => fits(sample, labels))
        .reduce((total, sample) => total + (sample.value ?? sample.count), 0);

    const last = () => samples[samples.length - 1];

    // The one that rates are from: the newest that is old enough, or the oldest

    function before(age) {
        const at = last().at - age;
        let found = samples[0];

        for (const sample of samples) {
            if (sample.at <= at) {
                found = sample;
            }
        }

        return found;
    }

    function grown(name, labels, age = RATE) {
        const then = before(age);
        return Math.max(sum(last().metrics, name, labels)
                        - sum(then.metrics, name, labels), 0);
    }

    function rate(name, labels) {
        const seconds = (last().at - before(RATE).at) / 1000;
        return seconds > 0 ? grown(name, labels) / seconds : null;
    }

    function buckets(m, name, labels) {
        const all = [];
        let count = 0;

        for (const sample of list(m, name)) {
            if (fits(sample, labels)) {
                sample.buckets.forEach(([bound, n], i) => {
                    all[i] = [bound, (all[i]?.[1] ?? 0) + n];
                });
                count += sample.count;
            }
        }

        return { all, count };
    }

    // As Prometheus' histogram_quantile(): in a bucket it is a straight line.
    // Where nothing came lately it is that of all.

    function quantile(q, name, labels = {}) {
        const now = buckets(last().metrics, name, labels);
        let then = buckets(before(RATE).metrics, name, labels);

        if (now.count === then.count) {
            then = { all: [], count: 0 };
        }

        const rank = q * (now.count - then.count);
        let below = 0;
        let from = 0;

        if (now.count === 0) {
            return null;
        }

        for (let i = 0; i < now.all.length; i++) {
            const [bound, n] = now.all[i];
            const here = n - (then.all[i]?.[1] ?? 0);

            if (here >= rank && here > below) {
                return from + (bound - from) * (rank - below) / (here - below);
            }

            below = here;
            from = bound;
        }

        return from;
    }

    /* Texts */

    function short(n) {
        if (n === null || Number.isNaN(n)) {
            return '–';
        }

        for (const [unit, size] of [['G', 1e9], ['M', 1e6], ['k', 1e4]]) {
            if (n >= size) {
                return `${(n / (unit === 'k' ? 1e3 : size)).toPrecision(3)
                    .replace(/\.?0+$/, '')} ${unit}`;
            }
        }

        return n >= 100 || Number.isInteger(n) ? String(Math.round(n))
            : n.toFixed(n >= 10 ? 1 : 2);
    }

    function bytes(n) {
        const units = ['B', 'kB', 'MB', 'GB', 'TB'];
        let i = 0;

        if (n === null) {
            return '–';
        }

        while (n >= 1000 && i < units.length - 1) {
            n /= 1000;
            i++;
        }

        return `${i && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
    }

    function time(seconds) {
        if (seconds === null) {
            return '–';
        }

        if (seconds < 1) {
            const ms = seconds * 1000;
            return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
        }

        if (seconds < 120) {
            return `${seconds < 10 ? seconds.toFixed(1)
                : Math.round(seconds)} s`;
        }

        return seconds < 7200 ? `${Math.round(seconds / 60)} min`
            : seconds < 172800 ? `${Math.round(seconds / 3600)} h`
                : `${Math.round(seconds / 86400)} days`;
    }

    const part = (some, all) => (all > 0 ? `${short(100 * some / all)} %` : '–');

    const perSecond = (n) => (n === null ? '–' : `${short(n)}/s`);

    /* What is wrong, and what to do: each with docs/monitoring.md */

    function problems(m) {
        const found = [];
        const say = (level, text, todo) => found.push({ level, text, todo });

        for (const { issuer, value } of list(m, 'social_keys_loaded')) {
            if (!value) {
                say('bad', `There are no keys of the issuer “${issuer}”.`,
                    'Its tokens are answered with 503. The error log says why'
                    + ' they cannot be fetched: check jwks_uri and the network.');
            }
        }

        for (const { issuer, value } of list(m, 'social_keys_age_seconds')) {
            if (value > 3600) {
                say('warn', `The keys of “${issuer}” are ${time(value)} old.`,
                    'They stay in use for jwks_stale. The error log says why'
                    + ' they cannot be refreshed.');
            }
        }

        const up = sum(m, 'social_database_connections', { state: 'up' });

        if (m.social_database_connections && !up
            && (grown('social_database_connection_failures_total', {}, RECENT)
                || sum(m, 'social_database_connections',
                       { state: 'connecting' })))
        {
            say('bad', 'The database cannot be reached.',
                'Tokens are verified still; uploads and logouts are answered'
                + ' with 503, events are spooled. Check PostgreSQL and the'
                + ' conninfo of social_database.');
        }

        const queued = sum(m, 'social_database_pending_statements',
                           { state: 'queued' });

        if (up && queued > 50) {
            say('warn', `${queued} statements wait for a connection.`,
                'The database is slow, or social_database needs more'
                + ' connections.');
        }

        for (const { spool, value } of list(m, 'social_hook_spool_events')) {
            const limit = sum(m, 'social_hook_spool_limit_events', { spool });
            const aside = sum(m, 'social_hook_spool_aside_events', { spool });

            if (value > limit / 2) {
                say('bad', `The spool ${spool} is ${part(value, limit)} full.`,
                    'When it is full, events are refused. Restore the'
                    + ' database; they are committed by themselves then.');

            } else if (value && up) {
                say('warn', `${value} events wait in ${spool}.`,
                    'They are committed by themselves. If the number grows'
                    + ' while the database is there, see the error log.');
            }

            if (aside) {
                say('warn', `${aside} events were set aside in ${spool}.`,
                    'The database has refused them: the error log says why.'
                    + ' Look at the files, and delete or replay them.');
            }
        }

        const oldest = sum(m, 'social_jobs_oldest_seconds');
        const ready = sum(m, 'social_jobs', { state: 'ready' });
        const dead = sum(m, 'social_jobs', { state: 'dead' });

        if (m.social_job_workers && ready
            && !sum(m, 'social_job_workers'))
        {
            say('bad', `${ready} jobs wait, and there is no worker.`,
                'Start social-worker, or see its log for why it has stopped.');

        } else if (oldest > 300) {
            say('warn', `A job has waited for ${time(oldest)}.`,
                'Start more of social-worker, or raise its concurrency.');
        }

        if (dead) {
            say('warn', `${dead} jobs are dead.`,
                'They have failed for good. “social-worker jobs list --state'
                + ' dead” says why, and “jobs retry” tries them again.');
        }

        for (const upstream of values(m, 'social_upstream_peer_up',
            'upstream'))
        {
            const peers = list(m, 'social_upstream_peer_up')
                .filter((s) => s.upstream === upstream);
            const down = peers.filter((s) => !s.value);
            const names = down.map((s) => s.peer).join(', ');

            if (down.length && down.length === peers.length) {
                say('bad', `No server of the upstream “${upstream}” is up.`,
                    `Requests for it fail. These do not pass their health`
                    + ` check: ${names}; the error log says why.`);

            } else if (down.length) {
                say('warn', `${down.length} of ${peers.length} servers of the`
                    + ` upstream “${upstream}” are down.`,
                'The others have their requests. These do not pass their'
                    + ` health check: ${names}; the error log says why.`);
            }
        }

        const age = sum(m, 'social_limit_exchange_age_seconds');

        if (!list(m, 'social_limit_exchange_age_seconds').length
            && grown('social_limit_exchanges_total', { outcome: 'failed' },
                RECENT))
        {
            say('warn', 'Limits were never shared with other gateways.',
                'Each gateway counts for itself. Check the database; the error'
                + ' log says what is wrong.');

        } else if (age > 300) {
            say('warn', 'Limits have not been shared with other gateways for'
                + ` ${time(age)}.`,
            'Each gateway keeps the shares that it has. Check the database;'
                + ' the error log says what is wrong.');
        }

        for (const { limit } of list(m, 'social_limit_dropped_keys_total')) {
            if (grown('social_limit_dropped_keys_total', { limit }, RECENT)) {
                say('warn', `The zone of the limit “${limit}” is full.`,
                    'Keys are forgotten while they are in use, and may send'
                    + ' more than they are allowed. Increase its “size”.');
            }
        }

        const size = sum(m, 'social_zone_size_bytes');
        const free = sum(m, 'social_zone_free_bytes');

        if (size && free < size / 20) {
            say('warn', `The shared zone has ${bytes(free)} left.`,
                'Increase social_zone, and restart nginx.');
        }

        const stalled = grown('social_event_loop_stalled_seconds_total', {},
            RECENT);

        if (stalled > RECENT / 1000 / 100) {
            say('warn', `The event loop was held up for ${time(stalled)} of the`
                + ' last minute.',
                'Something waits in a worker process: a slow disk without'
                + ' “aio threads”, or too little memory.');
        }

        if (grown('social_connections_dropped_total', {}, RECENT)) {
            say('bad', 'Connections were dropped.',
                'Increase worker_connections, and worker_rlimit_nofile.');
        }

        const served = grown('social_requests_total', {}, RECENT);
        const failed = failures(RECENT);

        if (failed > 5 && failed > served / 100) {
            say('bad', `${part(failed, served)} of requests failed with 5xx in`
                + ' the last minute.',
                'The table of routes says which; the error log says why.');
        }

        return found;
    }

    const is5xx = (sample) => sample.code?.[0] === '5';

    function failures(age, route) {
        const count = (m) => list(m, 'social_requests_total')
            .filter((s) => is5xx(s) && (!route || s.route === route))
            .reduce((total, s) => total + s.value, 0);

        return Math.max(count(last().metrics) - count(before(age).metrics), 0);
    }

    /* Drawing */

    function element(name, text, classes) {
        const made = document.createElement(name);

        if (text !== undefined) {
            made.textContent = text;
        }

        if (classes) {
            made.className = classes;
        }

        return made;
    }

    function draw(svg, points) {
        const most = Math.max(...points, 1e-9);
        const wide = Math.max(points.length, KEPT / 5) - 1;
        const at = points.map((value, i) => [
            100 - (points.length - 1 - i) * 100 / wide,
            29 - 27 * value / most,
        ].map((n) => n.toFixed(2)).join(' '));

        svg.querySelector('.curve').setAttribute('d', `M${at.join('L')}`);
        svg.querySelector('.area').setAttribute('d',
            `M${at[0].split(' ')[0]} 30L${at.join('L')}L100 30Z`);
    }

    // One number with what it was; made once, so that a reader's place is kept

    function tile(rank, title, value, text, more = '') {
        let chart = charts.get(title);

        if (!chart) {
            const box = element('article', undefined, 'tile');
            const ns = 'http://www.w3.org/2000/svg';
            const svg = document.createElementNS(ns, 'svg');

            svg.setAttribute('viewBox', '0 0 100 30');
            svg.setAttribute('preserveAspectRatio', 'none');
            svg.setAttribute('aria-hidden', 'true');

            for (const name of ['area', 'curve']) {
                const path = document.createElementNS(ns, 'path');
                path.setAttribute('class', name);
                svg.append(path);
            }

            chart = { box, svg, points: [], value: element('p', '', 'value'),
                more: element('p', '', 'more') };
            box.append(element('h3', title), chart.value, chart.more, svg);
            chart.rank = rank;
            $('tiles').insertBefore(box, [...charts.values()]
                .filter((other) => other.rank > rank)
                .sort((a, b) => a.rank - b.rank)[0]?.box ?? null);
            charts.set(title, chart);
        }

        chart.value.textContent = text;
        chart.more.textContent = more;

        if (value !== null) {
            chart.points.push(value);
            chart.points.splice(0, chart.points.length - KEPT);
            draw(chart.svg, chart.points);
        }
    }

    function table(title, columns, rows) {
        const id = `table-${title.replace(/\W+/g, '-').toLowerCase()}`;
        let section = $(id);

        if (rows.length === 0) {
            section?.remove();
            return;
        }

        if (!section) {
            section = element('section');
            section.id = id;

            const heading = element('h2', title);
            heading.id = `${id}-title`;

            const scroll = element('div', undefined, 'scroll');
            scroll.tabIndex = 0;
            scroll.setAttribute('role', 'region');
            scroll.setAttribute('aria-labelledby', heading.id);

            section.append(heading, scroll);
            $('tables').append(section);
        }

        const made = element('table');
        const head = element('tr');

        for (const column of columns) {
            const th = element('th', column);
            th.scope = 'col';
            head.append(th);
        }

        made.append(element('thead'), element('tbody'));
        made.tHead.append(head);

        for (const [name, ...cells] of rows) {
            const tr = element('tr');
            const th = element('th', name);
            th.scope = 'row';
            tr.append(th);

            for (const cell of cells) {
                tr.append(Array.isArray(cell) ? element('td', ...cell)
                    : element('td', cell));
            }

            made.tBodies[0].append(tr);
        }

        section.querySelector('.scroll').replaceChildren(made);
    }

    const values = (m, name, label) =>
        [...new Set(list(m, name).map((sample) => sample[label]))];

    /* All of it */

    function tiles(m) {
        const requests = rate('social_requests_total');
        const ms = failures(RATE);
        const p99 = quantile(0.99, 'social_request_seconds');

        tile(1, 'Requests', requests, perSecond(requests),
            `${short(sum(m, 'social_requests_total'))} in all`);
        tile(2, 'Failed (5xx)', ms, part(ms, grown('social_requests_total')),
            `${short(list(m, 'social_requests_total').filter(is5xx)
                .reduce((total, s) => total + s.value, 0))} in all`);
        tile(3, 'Latency, 99 %', p99, time(p99),
            `median ${time(quantile(0.5, 'social_request_seconds'))}`);

        if (m.social_connections) {
            const open = sum(m, 'social_connections');
            tile(4, 'Connections', open, short(open),
                `${short(sum(m, 'social_connections', { state: 'waiting' }))}`
                + ' idle');
        }

        if (list(m, 'social_auth_total').length) {
            const all = rate('social_auth_total');
            const ok = sum(m, 'social_auth_total', { outcome: 'ok' });
            tile(5, 'Tokens', all, perSecond(all),
                `${part(ok, sum(m, 'social_auth_total'))} accepted`);
        }

        if (m.social_database_connections) {
            const statements = rate('social_database_statements_total');
            tile(6, 'Database statements', statements, perSecond(statements),
                `99 % in ${time(quantile(0.99,
                    'social_database_statement_seconds'))}`);
            const up = sum(m, 'social_database_connections', { state: 'up' });
            tile(7, 'Database connections', up, short(up),
                `${short(sum(m, 'social_database_pending_statements'))}`
                + ' statements wait');
        }

        if (m.social_jobs) {
            const ready = sum(m, 'social_jobs', { state: 'ready' });
            tile(8, 'Jobs that wait', ready, short(ready),
                ready ? `the oldest for ${time(sum(m,
                    'social_jobs_oldest_seconds'))}` : 'none is late');
        }

        const stalls = sum(m, 'social_event_loop_stalls_total');
        tile(9, 'Stalls of the event loop', grown('social_event_loop_stalls_total'),
            short(stalls), `the longest ${time(
                sum(m, 'social_event_loop_longest_stall_seconds'))}`);
    }

    function tables(m) {
        table('Routes', ['Route', 'Requests', 'All', '4xx', '5xx', 'Median',
            '99 %', 'Upstream 99 %', 'Sent'],
        values(m, 'social_requests_total', 'route').map((route) => {
            const all = list(m, 'social_requests_total')
                .filter((s) => s.route === route);
            const total = all.reduce((n, s) => n + s.value, 0);
            const of = (digit) => all.filter((s) => s.code[0] === digit)
                .reduce((n, s) => n + s.value, 0);
            const failed = of('5');

            return [route, perSecond(rate('social_requests_total', { route })),
                short(total), short(of('4')),
                [short(failed), failures(RECENT, route) ? 'bad' : undefined],
                time(quantile(0.5, 'social_request_seconds', { route })),
                time(quantile(0.99, 'social_request_seconds', { route })),
                time(quantile(0.99, 'social_upstream_seconds', { route })),
                bytes(sum(m, 'social_sent_bytes_total', { route }))];
        }));

        table('Tokens by issuer', ['Issuer', 'Accepted', 'Refused', 'Keys',
            'Age of keys', 'Fetches', 'Failed'],
        [...new Set([...values(m, 'social_auth_total', 'issuer'),
            ...values(m, 'social_keys_loaded', 'issuer')])].map((issuer) => {
            const ok = sum(m, 'social_auth_total', { issuer, outcome: 'ok' });
            const loaded = list(m, 'social_keys_loaded')
                .find((s) => s.issuer === issuer);
            const age = list(m, 'social_keys_age_seconds')
                .find((s) => s.issuer === issuer);

            return [issuer || 'not known', short(ok),
                short(sum(m, 'social_auth_total', { issuer }) - ok),
                !loaded ? '–' : loaded.value ? 'loaded' : ['none', 'bad'],
                time(age?.value ?? null),
                short(sum(m, 'social_keys_fetches_total',
                    { issuer, outcome: 'ok' })),
                short(sum(m, 'social_keys_fetches_total',
                    { issuer, outcome: 'failed' }))];
        }));

        table('Upstreams', ['Server', 'Upstream', 'State', 'Checks passed',
            'Checks failed'],
        list(m, 'social_upstream_peer_up').map(({ upstream, peer, value }) => {
            const name = 'social_upstream_peer_checks_total';
            const passed = sum(m, name, { upstream, peer, outcome: 'passed' });

            return [peer, upstream, value ? 'up' : ['down', 'bad'],
                short(passed),
                short(sum(m, name, { upstream, peer }) - passed)];
        }));

        table('Limits', ['Limit', 'Admitted', 'Refused', 'Refused in all',
            'Keys', 'Shared keys'],
        list(m, 'social_limit_keys').map(({ limit, value }) => [limit,
            perSecond(rate('social_limit_admitted_requests_total', { limit })),
            perSecond(rate('social_limit_refused_requests_total', { limit })),
            short(sum(m, 'social_limit_refused_requests_total', { limit })),
            short(value), short(sum(m, 'social_limit_leases', { limit }))]));

        table('Store', ['Operation', 'Requests', 'All', 'Refused', 'Failed'],
            values(m, 'social_store_requests_total', 'operation')
                .map((operation) => [operation,
                    perSecond(rate('social_store_requests_total',
                        { operation })),
                    short(sum(m, 'social_store_requests_total', { operation })),
                    short(sum(m, 'social_store_requests_total',
                        { operation, outcome: 'refused' })),
                    short(sum(m, 'social_store_requests_total',
                        { operation, outcome: 'failed' }))]));

        table('Jobs', ['State', 'Jobs'], list(m, 'social_jobs')
            .map(({ state, value }) => [state, short(value)]));

        table('Events of hooks', ['Outcome', 'Events'],
            list(m, 'social_hook_events_total').filter((s) => s.value)
                .map(({ outcome, value }) => [outcome, short(value)]));

        table('Spools', ['Spool', 'Events', 'Limit', 'Bytes', 'Set aside'],
            list(m, 'social_hook_spool_events').map(({ spool, value }) => [
                spool, short(value),
                short(sum(m, 'social_hook_spool_limit_events', { spool })),
                bytes(sum(m, 'social_hook_spool_bytes', { spool })),
                short(sum(m, 'social_hook_spool_aside_events', { spool }))]));
    }

    let said = '';

    function verdict(found) {
        const bad = found.some((problem) => problem.level === 'bad');
        const text = found.length === 0 ? 'All is well.'
            : `${found.length === 1 ? 'One thing needs' : `${found.length}`
                + ' things need'} somebody to look at.`;

        /* only what has changed is read out, and keeps its place */

        const next = JSON.stringify(found);

        if (next === said) {
            return;
        }

        said = next;

        $('verdict').className = `verdict ${bad ? 'bad'
            : found.length ? 'warn' : 'good'}`;
        $('verdict').textContent = text;
        document.title = `${found.length ? `(${found.length}) ` : ''}`
            + `Status of ${location.host}`;

        $('problems').replaceChildren(...found.map(({ level, text: what,
            todo }) => {
            const item = element('li', undefined, level);
            item.append(element('strong', what), element('p', todo));
            return item;
        }));
    }

    async function ask() {
        try {
            const answer = await fetch('?json', { cache: 'no-store',
                signal: AbortSignal.timeout(EVERY * 5) });

            if (!answer.ok) {
                throw new Error(`the answer was ${answer.status}`);
            }

            const metrics = await answer.json();

            samples.push({ at: performance.now(), metrics });
            samples.splice(0, samples.length - RECENT / EVERY - 2);

            tiles(metrics);
            tables(metrics);
            verdict(problems(metrics));

            $('when').textContent = `${sum(metrics, 'social_worker_processes')}`
                + ` worker processes, ${new Date().toLocaleTimeString()}`;
            document.body.dataset.samples = samples.length;

        } catch (error) {
            verdict([{ level: 'bad', text: 'There are no new numbers: '
                + `${error.message}.`,
            todo: 'The gateway is down, or does not allow this address.' }]);
        }

        setTimeout(ask, EVERY);
    }

    ask();
})();
