import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import ts from 'typescript-eslint';

export default ts.config(
    { ignores: ['node_modules', 'dist'] },
    js.configs.recommended,
    {
        files: ['**/*.{ts,tsx}'],
        extends: [ts.configs.strictTypeChecked],
        languageOptions: {
            globals: globals.browser,
            parserOptions: {
                projectService: true,
                tsconfigRootDir: import.meta.dirname,
            },
        },
        plugins: { 'react-hooks': hooks },
        rules: {
            ...hooks.configs.recommended.rules,
            eqeqeq: 'error',
            '@typescript-eslint/restrict-template-expressions':
                ['error', { allowNumber: true }],
        },
    },
    {
        // amazon-cognito-identity-js says that of all of itself, in favor of
        // a library that cannot refresh a session with the local stand-in

        files: ['src/auth.ts', 'src/refresh.ts'],
        rules: { '@typescript-eslint/no-deprecated': 'off' },
    },
);
