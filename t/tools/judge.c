
/*
 * Judges tokens as the module does, without nginx: one after the other from
 * stdin, each as its length, a line feed, its bytes and another line feed; a
 * line with the status of each on stdout.
 *
 *     verify JWKS ISSUER CLIENT access|id|any LEEWAY NOW ALGORITHM,... < tokens
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_claims.h"
#include "social_jwks.h"
#include "social_jwt.h"


#define JUDGE_MAX  (1024 * 1024)


typedef struct {
    social_jwks_t           *jwks;
    social_str_t             issuer;
    social_str_t             client;
    social_algorithms_t      algorithms;
    social_claims_policy_t   policy;
    int64_t                  now;
} judge_t;


static int judge_init(judge_t *judge, char **argv);
static social_token_status_e judge_token(judge_t *judge, social_str_t token,
    unsigned char *buf);
static social_token_status_e judge_jwt(judge_t *judge,
    const social_jwt_t *jwt);
static int judge_fail(const char *what);


int
main(int argc, char **argv)
{
    size_t                  n;
    judge_t                 judge;
    social_str_t            token;
    social_token_status_e   status;
    static unsigned char    bytes[JUDGE_MAX], buf[JUDGE_MAX];

    if (argc != 8) {
        return judge_fail("usage: judge JWKS ISSUER CLIENT USE LEEWAY NOW "
                          "ALGORITHM,...");
    }

    if (judge_init(&judge, argv) != 0) {
        return 1;
    }

    while (scanf("%zu", &n) == 1) {

        if (n > JUDGE_MAX || getchar() != '\n'
            || fread(bytes, 1, n, stdin) != n || getchar() != '\n')
        {
            return judge_fail("stdin is not what it should be");
        }

        token.data = bytes;
        token.len = n;

        status = judge_token(&judge, token, buf);
        puts((const char *) social_token_status_name(status).data);
    }

    social_jwks_free(judge.jwks);

    return 0;
}


static int
judge_init(judge_t *judge, char **argv)
{
    FILE                  *file;
    const char            *why;
    social_str_t           text, list, name;
    static unsigned char   buf[JUDGE_MAX];

    memset(judge, 0, sizeof(judge_t));

    file = fopen(argv[1], "r");
    if (file == NULL) {
        return judge_fail("cannot open the key set");
    }

    text.data = buf;
    text.len = fread(buf, 1, JUDGE_MAX, file);
    fclose(file);

    list = social_str(argv[7]);

    while (social_str_next(&list, ",", &name)) {
        judge->algorithms |= social_algorithm_bit(social_algorithm(name));
    }

    if (social_jwks_parse(text, judge->algorithms, &judge->jwks, &why)
        != SOCIAL_OK)
    {
        return judge_fail(why);
    }

    judge->issuer = social_str(argv[2]);
    judge->client = social_str(argv[3]);
    judge->now = atoll(argv[6]);

    judge->policy.clients = &judge->client;
    judge->policy.client_count = 1;
    judge->policy.leeway = atoll(argv[5]);
    judge->policy.token_use = strcmp(argv[4], "access") == 0
                              ? SOCIAL_TOKEN_USE_ACCESS
                              : strcmp(argv[4], "id") == 0
                              ? SOCIAL_TOKEN_USE_ID : SOCIAL_TOKEN_USE_ANY;

    return 0;
}


static social_token_status_e
judge_token(judge_t *judge, social_str_t token, unsigned char *buf)
{
    social_jwt_t           jwt;
    social_token_status_e  status;

    status = social_jwt_parse(token, buf, &jwt);

    if (status == SOCIAL_TOKEN_OK) {
        status = judge_jwt(judge, &jwt);
        social_jwt_free(&jwt);
    }

    return status;
}


/*
 * The steps of ngx_http_social_auth_verify_token(), in its order.
 */

static social_token_status_e
judge_jwt(judge_t *judge, const social_jwt_t *jwt)
{
    social_claims_t       claims;
    const social_jwk_t   *jwk;
    social_algorithms_t   algorithm;

    if (!social_str_eq(jwt->issuer, judge->issuer)) {
        return SOCIAL_TOKEN_ISSUER;
    }

    algorithm = social_algorithm_bit(jwt->algorithm);

    if ((judge->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    jwk = social_jwks_find(judge->jwks, jwt->kid);
    if (jwk == NULL) {
        return SOCIAL_TOKEN_UNKNOWN_KEY;
    }

    if ((jwk->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    switch (social_jwks_verify(judge->jwks, jwk, jwt->algorithm, jwt->input,
                               jwt->signature))
    {
    case SOCIAL_OK:
        return social_claims_check(jwt->payload, &judge->policy, judge->now,
                                   &claims);
    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        return SOCIAL_TOKEN_SIGNATURE;
    }
}


static int
judge_fail(const char *what)
{
    fprintf(stderr, "judge: %s\n", what);
    return 1;
}
