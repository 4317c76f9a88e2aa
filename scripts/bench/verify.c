
/*
 * What a token costs: ours by stage, libjwt's jwt_decode(), and OpenSSL's
 * signature check alone, in turns within each round, in CPU time.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "social_base64url.h"
#include "social_claims.h"
#include "social_jwks.h"
#include "social_jwt.h"


#define TOKEN_SIZE  1160         /* an access token of Cognito's */
#define NOW         1700000100
#define KID         "abcdefghijklmnopqrsexample=abcdefghijklmnopqr="
#define CLIENT      "1example23456789abcdefghij"

#define MUST(condition)                                                       \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "verify: failed: %s\n", #condition);              \
            exit(1);                                                          \
        }                                                                     \
    } while (0)


typedef struct {
    const char  *name;
    void       (*run)(void);
    double      *us;             /* one a round */
} stage_t;


static char           *token, *pem;
static EVP_PKEY       *key;
static social_jwks_t  *jwks;
static social_jwt_t    parsed;
static unsigned char   parsed_buf[SOCIAL_TOKEN_MAX_SIZE];

static const social_str_t  clients[] = { social_string(CLIENT) };

static const social_claims_policy_t  policy = {
    clients, 1, NULL, 0, SOCIAL_TOKEN_USE_ACCESS, 30, NULL, NULL, NULL
};


static void
run_parse(void)
{
    social_jwt_t   jwt;
    unsigned char  buf[SOCIAL_TOKEN_MAX_SIZE];

    MUST(social_jwt_parse(social_str(token), buf, &jwt) == SOCIAL_TOKEN_OK);
    social_jwt_free(&jwt);
}


static void
run_verify(void)
{
    const social_jwk_t  *jwk;

    jwk = social_jwks_find(jwks, parsed.kid, parsed.algorithm);
    MUST(jwk != NULL);
    MUST(social_jwks_verify(jwks, jwk, parsed.algorithm, parsed.input,
                            parsed.signature)
         == SOCIAL_OK);
}


static void
run_check(void)
{
    social_claims_t  claims;

    MUST(social_claims_check(parsed.payload, &policy, NOW, &claims)
         == SOCIAL_TOKEN_OK);
}


static void
run_whole(void)
{
    social_jwt_t         jwt;
    unsigned char        buf[SOCIAL_TOKEN_MAX_SIZE];
    social_claims_t      claims;
    const social_jwk_t  *jwk;

    MUST(social_jwt_parse(social_str(token), buf, &jwt) == SOCIAL_TOKEN_OK);

    jwk = social_jwks_find(jwks, jwt.kid, jwt.algorithm);
    MUST(jwk != NULL);
    MUST(social_jwks_verify(jwks, jwk, jwt.algorithm, jwt.input,
                            jwt.signature)
         == SOCIAL_OK);
    MUST(social_claims_check(jwt.payload, &policy, NOW, &claims)
         == SOCIAL_TOKEN_OK);

    social_jwt_free(&jwt);
}


static void
run_libjwt(void)
{
    jwt_t  *jwt;

    MUST(jwt_decode(&jwt, token, (unsigned char *) pem, (int) strlen(pem))
         == 0);
    jwt_free(jwt);
}


/* with a key kept parsed, as its manual shows it */

static void
run_openssl(void)
{
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();

    MUST(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    MUST(EVP_DigestVerify(ctx, parsed.signature.data, parsed.signature.len,
                          parsed.input.data, parsed.input.len) == 1);

    EVP_MD_CTX_free(ctx);
}


static char *
base64url(const unsigned char *p, size_t len)
{
    char    *text, *t, *s;
    size_t   n;

    text = malloc(len / 3 * 4 + 8);
    MUST(text != NULL);

    n = (size_t) EVP_EncodeBlock((unsigned char *) text, p, (int) len);

    for (t = s = text; n > 0; n--, s++) {
        if (*s != '=') {
            *t++ = *s == '+' ? '-' : *s == '/' ? '_' : *s;
        }
    }

    *t = '\0';

    return text;
}


static char *
sign(const char *input)
{
    char           *text;
    size_t          len;
    EVP_MD_CTX     *ctx;
    unsigned char   signature[512];

    ctx = EVP_MD_CTX_new();
    len = sizeof(signature);

    MUST(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    MUST(EVP_DigestSign(ctx, signature, &len, (const unsigned char *) input,
                        strlen(input)) == 1);
    EVP_MD_CTX_free(ctx);

    text = base64url(signature, len);

    return text;
}


/* grows the user's name until the token has the size */

static void
make_token(void)
{
    char    *header, *payload, *signature;
    char     text[2048], pad[1024], input[4096];
    size_t   n;

    static const char  head[] = "{\"kid\":\"" KID "\",\"alg\":\"RS256\"}";

    header = base64url((const unsigned char *) head, sizeof(head) - 1);
    token = NULL;

    for (n = 0; n < sizeof(pad) - 1; n++) {
        memset(pad, 'u', n);
        pad[n] = '\0';

        snprintf(text, sizeof(text),
                 "{\"sub\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\","
                 "\"cognito:groups\":[\"admin\",\"moderator\"],"
                 "\"iss\":\"https://cognito-idp.us-east-1.amazonaws.com/"
                 "us-east-1_Example12\",\"client_id\":\"" CLIENT "\","
                 "\"origin_jti\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\","
                 "\"token_use\":\"access\",\"scope\":\"openid\","
                 "\"auth_time\":1700000000,\"exp\":1700003600,"
                 "\"iat\":1700000000,"
                 "\"jti\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\","
                 "\"username\":\"%s\"}", pad);

        payload = base64url((const unsigned char *) text, strlen(text));
        snprintf(input, sizeof(input), "%s.%s", header, payload);
        free(payload);

        if (strlen(input) + 1 + 342 >= TOKEN_SIZE) {
            break;
        }
    }

    signature = sign(input);
    token = malloc(strlen(input) + strlen(signature) + 2);
    MUST(token != NULL);

    strcat(strcat(strcpy(token, input), "."), signature);

    free(header);
    free(signature);
}


static void
make_keys(void)
{
    BIO            *bio;
    char           *n, *p, text[1024];
    long            len;
    BIGNUM         *bn;
    const char     *why;
    unsigned char   buf[256];

    key = EVP_RSA_gen(2048);
    MUST(key != NULL);

    bn = NULL;
    MUST(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &bn) == 1);
    n = base64url(buf, (size_t) BN_bn2bin(bn, buf));
    BN_free(bn);

    snprintf(text, sizeof(text), "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"" KID
             "\",\"use\":\"sig\",\"alg\":\"RS256\",\"e\":\"AQAB\","
             "\"n\":\"%s\"}]}", n);
    free(n);

    MUST(social_jwks_parse(social_str(text), SOCIAL_ALGORITHMS_ALL,
                           SOCIAL_JWKS_MAX_KEYS, &jwks, &why)
         == SOCIAL_OK);

    bio = BIO_new(BIO_s_mem());
    MUST(PEM_write_bio_PUBKEY(bio, key) == 1);
    len = BIO_get_mem_data(bio, &p);
    pem = calloc(1, (size_t) len + 1);
    MUST(pem != NULL);
    memcpy(pem, p, (size_t) len);
    BIO_free(bio);
}


static double
now_us(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);

    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}


static int
compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


int
main(int argc, char **argv)
{
    int      i, round, rounds, times;
    double   start, whole;
    size_t   s;

    stage_t  stages[] = {
        { "parse", run_parse, NULL },
        { "verify", run_verify, NULL },
        { "claims", run_check, NULL },
        { "whole", run_whole, NULL },
        { "openssl", run_openssl, NULL },
        { "libjwt", run_libjwt, NULL },
    };

    static const char  *texts[] = {
        "social_jwt_parse, social_jwt_free", "social_jwks_verify",
        "social_claims_check", "the three of them",
        "EVP_DigestVerify alone, key kept parsed",
        "jwt_decode, jwt_free, key as PEM"
    };

    rounds = argc > 1 ? atoi(argv[1]) : 51;
    times = argc > 2 ? atoi(argv[2]) : 200;
    MUST(rounds > 0 && times > 0);

    make_keys();
    make_token();

    MUST(social_jwt_parse(social_str(token), parsed_buf, &parsed)
         == SOCIAL_TOKEN_OK);

    for (s = 0; s < sizeof(stages) / sizeof(stages[0]); s++) {
        stages[s].us = calloc((size_t) rounds, sizeof(double));
        MUST(stages[s].us != NULL);
        stages[s].run();
    }

    for (round = 0; round < rounds; round++) {
        for (s = 0; s < sizeof(stages) / sizeof(stages[0]); s++) {
            start = now_us();

            for (i = 0; i < times; i++) {
                stages[s].run();
            }

            stages[s].us[round] = (now_us() - start) / times;
        }
    }

    for (s = 0; s < sizeof(stages) / sizeof(stages[0]); s++) {
        qsort(stages[s].us, (size_t) rounds, sizeof(double), compare);
    }

    whole = stages[3].us[rounds / 2];

    printf("a token of %zu bytes, RS256 by 2048 bits, %d rounds of %d\n",
           strlen(token), rounds, times);
    printf("%-10s %9s %9s %9s  %s\n", "", "us median", "us least", "of whole",
           "");

    for (s = 0; s < sizeof(stages) / sizeof(stages[0]); s++) {
        printf("%-10s %9.2f %9.2f %8.2fx  %s\n", stages[s].name,
               stages[s].us[rounds / 2], stages[s].us[0],
               stages[s].us[rounds / 2] / whole, texts[s]);
        free(stages[s].us);
    }

    social_jwt_free(&parsed);
    social_jwks_free(jwks);
    EVP_PKEY_free(key);
    free(token);
    free(pem);

    return 0;
}
