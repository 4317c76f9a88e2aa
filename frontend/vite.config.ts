import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
    plugins: [react()],

    // amazon-cognito-identity-js was written for bundlers that give it this
    define: { global: 'globalThis' },

    build: {
        outDir: '../build/frontend',
        emptyOutDir: true,
        sourcemap: false,
        assetsInlineLimit: 0,
    },

    // "npm run dev" beside a running "make run"
    server: {
        host: '127.0.0.1',
        proxy: Object.fromEntries(
            ['/api', '/avatars', '/config.json', '/idp', '/images', '/store',
                '/uploads']
                .map((path) => [path, 'http://localhost:8080']),
        ),
    },

    test: { environment: 'node', include: ['tests/*.test.{ts,tsx}'] },
});
