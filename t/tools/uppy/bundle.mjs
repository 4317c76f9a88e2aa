// The page's script, into the file that is named.

import { build } from 'esbuild';

await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: ['page.mjs'],
    bundle: true,
    format: 'iife',
    outfile: process.argv[2],
    logLevel: 'warning',
});
