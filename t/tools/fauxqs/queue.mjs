// fauxqs on a port of this machine, until its standard input ends: its own
// program listens at all addresses.

import { buildApp } from 'fauxqs';

const app = buildApp({ logger: false });

await app.listen({ port: 0, host: '127.0.0.1' });

process.stdout.write(`${app.server.address().port}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
