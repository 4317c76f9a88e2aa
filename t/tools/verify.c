
/*
 * Verifies tokens as the module does, without nginx: one after the other from
 * stdin, each as its length, a line feed, its bytes and another line feed; a
 * line with the status of each on stdout, and of a good one, after tabs, with
 * its subject and the groups that are at GROUPS, as the headers have them.
 *
 *     verify JWKS ISSUER CLIENT access|id|any LEEWAY NOW ALGORITHM,... GROUPS \
 *         < tokens
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_claims.h"
#include "social_jwks.h"
#include "social_jwt.h"


#define VERIFY_MAX  (1024 * 1024)


typedef struct {
    social_jwks_t           *jwks;
    social_str_t             issuer;
    social_str_t             client;
    social_algorithms_t      algorithms;
    social_claims_policy_t   policy;
    social_claim_path_t      groups;
    int64_t                  now;
} verify_t;


static int verify_init(verify_t *verify, char **argv);
static social_token_status_e verify_token(verify_t *verify, social_str_t token,
    unsigned char *buf);
static social_token_status_e verify_jwt(verify_t *verify,
    const social_jwt_t *jwt);
static void verify_say(verify_t *verify, const social_jwt_t *jwt);
static int verify_fail(const char *what);


int
main(int argc, char **argv)
{
    size_t                  n;
    verify_t                verify;
    social_str_t            token;
    social_token_status_e   status;
    static unsigned char    bytes[VERIFY_MAX], buf[VERIFY_MAX];

    if (argc != 9) {
        return verify_fail("usage: verify JWKS ISSUER CLIENT USE LEEWAY NOW "
                           "ALGORITHM,... GROUPS");
    }

    if (verify_init(&verify, argv) != 0) {
        return 1;
    }

    while (scanf("%zu", &n) == 1) {

        if (n > VERIFY_MAX || getchar() != '\n'
            || fread(bytes, 1, n, stdin) != n || getchar() != '\n')
        {
            return verify_fail("stdin is not what it should be");
        }

        token.data = bytes;
        token.len = n;

        status = verify_token(&verify, token, buf);

        if (status != SOCIAL_TOKEN_OK) {
            puts((const char *) social_token_status_name(status).data);
        }
    }

    social_jwks_free(verify.jwks);

    return 0;
}


static int
verify_init(verify_t *verify, char **argv)
{
    FILE                  *file;
    const char            *why;
    social_str_t           text, list, name;
    static unsigned char   buf[VERIFY_MAX], path[1024];

    memset(verify, 0, sizeof(verify_t));

    file = fopen(argv[1], "r");
    if (file == NULL) {
        return verify_fail("cannot open the key set");
    }

    text.data = buf;
    text.len = fread(buf, 1, VERIFY_MAX, file);
    fclose(file);

    list = social_str(argv[7]);

    while (social_str_next(&list, ",", &name)) {
        verify->algorithms |= social_algorithm_bit(social_algorithm(name));
    }

    if (social_jwks_parse(text, verify->algorithms, SOCIAL_JWKS_MAX_KEYS,
                          &verify->jwks, &why)
        != SOCIAL_OK)
    {
        return verify_fail(why);
    }

    text = social_str(argv[8]);

    if (text.len > sizeof(path)
        || social_claim_path_parse(text, SOCIAL_CLAIM_NAMES, path,
                                   &verify->groups, &why)
           != SOCIAL_OK)
    {
        return verify_fail("GROUPS is not a claim");
    }

    verify->issuer = social_str(argv[2]);
    verify->client = social_str(argv[3]);
    verify->now = atoll(argv[6]);

    verify->policy.clients = &verify->client;
    verify->policy.client_count = 1;
    verify->policy.leeway = atoll(argv[5]);
    verify->policy.token_use = strcmp(argv[4], "access") == 0
                              ? SOCIAL_TOKEN_USE_ACCESS
                              : strcmp(argv[4], "id") == 0
                              ? SOCIAL_TOKEN_USE_ID : SOCIAL_TOKEN_USE_ANY;

    return 0;
}


static social_token_status_e
verify_token(verify_t *verify, social_str_t token, unsigned char *buf)
{
    social_jwt_t           jwt;
    social_token_status_e  status;

    status = social_jwt_parse(token, buf, &jwt);

    if (status == SOCIAL_TOKEN_OK) {
        status = verify_jwt(verify, &jwt);

        if (status == SOCIAL_TOKEN_OK) {
            verify_say(verify, &jwt);
        }

        social_jwt_free(&jwt);
    }

    return status;
}


/*
 * The steps of ngx_http_social_auth_verify_token(), in its order.
 */

static social_token_status_e
verify_jwt(verify_t *verify, const social_jwt_t *jwt)
{
    social_claims_t       claims;
    const social_jwk_t   *jwk;
    social_algorithms_t   algorithm;

    if (!social_str_eq(jwt->issuer, verify->issuer)) {
        return SOCIAL_TOKEN_ISSUER;
    }

    algorithm = social_algorithm_bit(jwt->algorithm);

    if ((verify->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    if (!social_jwt_type_accepted(jwt->type, social_str(""))) {
        return SOCIAL_TOKEN_USE;
    }

    jwk = social_jwks_find(verify->jwks, jwt->kid, jwt->algorithm);
    if (jwk == NULL) {
        return SOCIAL_TOKEN_UNKNOWN_KEY;
    }

    if ((jwk->algorithms & algorithm) == 0) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    switch (social_jwks_verify(verify->jwks, jwk, jwt->algorithm, jwt->input,
                               jwt->signature))
    {
    case SOCIAL_OK:
        return social_claims_check(jwt->payload, &verify->policy, verify->now,
                                   &claims);
    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        return SOCIAL_TOKEN_SIGNATURE;
    }
}


static void
verify_say(verify_t *verify, const social_jwt_t *jwt)
{
    size_t                       len;
    static unsigned char         buf[4 * VERIFY_MAX];
    static const social_str_t    sub = social_string("sub");

    len = social_claims_write(social_json_present(jwt->payload, sub), ',', buf,
                              sizeof(buf));
    printf("ok\t%.*s", (int) len, buf);

    len = social_claims_write_list(jwt->payload, &verify->groups, ',', buf,
                                   sizeof(buf));
    printf("\t%.*s\n", (int) len, buf);
}


static int
verify_fail(const char *what)
{
    fprintf(stderr, "verify: %s\n", what);
    return 1;
}
