// aws-jwt-verify and jose, each configured to the rules that we have.

import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import { CognitoJwtVerifier } from 'aws-jwt-verify';

// What aws-jwt-verify says: "ok", or the name of its error.

export function aws(rules, set, use) {
    const verifier = CognitoJwtVerifier.create({
        userPoolId: rules.pool, clientId: [rules.client], tokenUse: use,
        graceSeconds: rules.leeway,
    });

    verifier.cacheJwks(set);

    return token => {
        try {
            verifier.verifySync(token);
            return 'ok';

        } catch (err) {
            return err.constructor.name;
        }
    };
}

// What jose says, which knows nothing of token_use and client_id: those are
// looked at as its users do.

export function jose(rules, set, use) {
    const keys = createLocalJWKSet(set);
    const options = {
        algorithms: rules.algorithms, issuer: rules.issuer,
        clockTolerance: rules.leeway, currentDate: new Date(rules.now * 1000),
        requiredClaims: ['exp'],
        ...(use === 'id' ? { audience: rules.client } : {}),
    };

    return async token => {
        try {
            const { payload } = await jwtVerify(token, keys, options);

            return payload.token_use === use
                && (use === 'id' || payload.client_id === rules.client)
                ? 'ok' : 'claims';

        } catch (err) {
            return err instanceof errors.JOSEError ? err.code
                : err.constructor.name;
        }
    };
}
