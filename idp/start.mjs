/*
 * The development identity provider of "make run": cognito-local with one
 * pool and one client of it.
 *
 * Its private key is in an npm package: everyone has it, and can sign tokens
 * as any user.  Nothing but a machine for development may ever trust it.
 *
 *   IDP_DATA      where it keeps its users; made and seeded when it is not
 *                 there, left as it is when it is
 *   IDP_PORT      on 127.0.0.1
 *   IDP_ISSUER    what the tokens' "iss" begins with
 *   IDP_POOL      of the form us-east-1_Xxx: what the API of cognito-local
 *                 would make is not an id that Cognito's libraries take
 *   IDP_CLIENT    the web client
 *   IDP_TRIGGER   where PostConfirmation is sent: the gateway
 *   IDP_FUNCTION  the name of the Lambda function in that call
 *   IDP_CREDENTIALS  a file with the key that signs that call
 *   CODE          what every confirmation code is
 */

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

function need(name) {
    const value = process.env[name];

    if (!value) {
        console.error(`idp: ${name} is not set`);
        process.exit(1);
    }

    return value;
}

function write(file, value) {
    fs.writeFileSync(`${file}.new`, JSON.stringify(value, null, 2));
    fs.renameSync(`${file}.new`, file);
}

/* What was cut off in the middle of a write is put aside, not written over. */

function seed(file, value) {
    try {
        JSON.parse(fs.readFileSync(file, 'utf8'));
        return;
    } catch (error) {
        if (error.code !== 'ENOENT') {
            const aside = `${file}.broken-${Date.now()}`;

            fs.renameSync(file, aside);
            console.error(`idp: ${file} could not be read; it is kept as`
                + ` ${aside}, and a new one was begun`);
        }
    }

    write(file, value);
}

function credentials(file) {
    const text = fs.readFileSync(file, 'utf8');
    const line = (name) =>
        new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)`, 'm').exec(text)?.[1];

    return {
        accessKeyId: line('aws_access_key_id'),
        secretAccessKey: line('aws_secret_access_key'),
    };
}

const data = need('IDP_DATA');
const port = Number(need('IDP_PORT'));
const pool = need('IDP_POOL');
const client = need('IDP_CLIENT');
const region = pool.split('_')[0];
const db = path.join(data, '.cognito', 'db');

process.umask(0o077);
fs.mkdirSync(db, { recursive: true });

write(path.join(data, '.cognito', 'config.json'), {
    ServerConfig: { hostname: '127.0.0.1', port },
    TokenConfig: { IssuerDomain: need('IDP_ISSUER') },
    UserPoolDefaults: { UsernameAttributes: ['email'] },

    // Cognito itself waits for 5 seconds and tries three times

    LambdaClient: {
        endpoint: need('IDP_TRIGGER'),
        region,
        credentials: credentials(need('IDP_CREDENTIALS')),
        maxRetries: 2,
        httpOptions: { connectTimeout: 1000, timeout: 5000 },
    },
    TriggerFunctions: { PostConfirmation: need('IDP_FUNCTION') },
});

seed(path.join(db, `${pool}.json`), {
    Users: {},
    Groups: {},
    Options: {
        Id: pool,
        Name: 'local',
        Arn: `arn:aws:cognito-idp:${region}:000000000000:userpool/${pool}`,
        UsernameAttributes: ['email'],
        AutoVerifiedAttributes: ['email'],
        MfaConfiguration: 'OFF',
        VerificationMessageTemplate: {
            DefaultEmailOption: 'CONFIRM_WITH_CODE',
        },
    },
});

const date = '2026-01-01T00:00:00.000Z';

seed(path.join(db, 'clients.json'), {
    Clients: {
        [client]: {
            ClientId: client,
            ClientName: 'web',
            UserPoolId: pool,
            CreationDate: date,
            LastModifiedDate: date,
            ExplicitAuthFlows: [
                'ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH',
            ],
            AccessTokenValidity: 1,
            IdTokenValidity: 1,
            RefreshTokenValidity: 7,
            TokenValidityUnits: {
                AccessToken: 'hours', IdToken: 'hours', RefreshToken: 'days',
            },
        },
    },
});

// its data is always in the current directory, its address in these two

process.chdir(data);
process.env.HOST = '127.0.0.1';
process.env.PORT = String(port);

console.log('idp: a DEVELOPMENT identity provider: its key is public, everyone'
    + ' can sign tokens as any user');

createRequire(import.meta.url)('cognito-local/lib/bin/start.js');
