
/*
 * A set of keys, and verification by one of them.
 *
 * A set keeps everything that a check needs set up: libjwt 1.10 parses its PEM
 * for every token (262 of the 315 us that a token took with it, where a key
 * kept parsed takes 16), and OpenSSL 3 looks algorithms up by name whenever a
 * context is made.
 */

#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "social_jwks.h"


static social_rc_e social_jwks_parse_keys(const social_json_t *keys,
    social_algorithms_t algorithms, size_t max, social_jwks_t *jwks,
    const char **why);
static social_algorithms_t social_jwks_taken(const social_jwks_t *jwks,
    social_str_t kid);
static int social_jwks_verify_hash(social_jwks_t *jwks,
    const social_jwk_t *jwk, social_algorithm_e algorithm, social_str_t input,
    social_str_t signature);
static bool social_jwks_out_of_memory(void);
static int social_jwks_verify_message(const social_jwks_t *jwks,
    const social_jwk_t *jwk, social_str_t input, social_str_t signature);


social_rc_e
social_jwks_parse(social_str_t text, social_algorithms_t algorithms,
    size_t max, social_jwks_t **jwks, const char **why)
{
    social_rc_e                rc;
    social_jwks_t             *set;
    social_json_t             *json;
    const social_json_t       *keys;
    static const social_str_t  name = social_string("keys");

    *jwks = NULL;
    *why = "out of memory, or OpenSSL failed";

    rc = social_json_parse(social_json_unmarked(text), &json);

    if (rc != SOCIAL_OK) {
        if (rc == SOCIAL_MALFORMED) {
            *why = "it is not a JSON object";
        }

        return rc;
    }

    set = calloc(1, sizeof(social_jwks_t));

    keys = social_json_member(json, name);

    if (set == NULL) {
        rc = SOCIAL_FAILED;

    } else if (!social_json_is_array(keys)) {
        *why = "it has no array \"keys\"";
        rc = SOCIAL_MALFORMED;

    } else {
        rc = social_jwks_parse_keys(keys, algorithms, max, set, why);
    }

    if (rc == SOCIAL_OK) {
        rc = social_jwks_ready(set);
    }

    social_json_free(json);

    /* OpenSSL leaves errors even where it succeeds */

    ERR_clear_error();

    if (rc != SOCIAL_OK) {
        social_jwks_free(set);
        return rc;
    }

    *jwks = set;

    return SOCIAL_OK;
}


static social_rc_e
social_jwks_parse_keys(const social_json_t *keys,
    social_algorithms_t algorithms, size_t max, social_jwks_t *jwks,
    const char **why)
{
    size_t                i, n;
    const char           *skipped;
    social_jwk_t          jwk;
    social_rc_e           rc;
    const social_json_t  *key;

    n = social_json_count(keys);

    jwks->keys = calloc(n < max ? n + 1 : max, sizeof(social_jwk_t));
    if (jwks->keys == NULL) {
        return SOCIAL_FAILED;
    }

    key = NULL;

    for (i = 0; i < n; i++) {

        skipped = NULL;
        key = social_json_next(keys, key);

        rc = social_jwk_parse(key, algorithms, &jwk, &skipped);

        if (rc == SOCIAL_FAILED) {
            return SOCIAL_FAILED;
        }

        if (rc == SOCIAL_OK) {
            jwk.algorithms &= ~social_jwks_taken(jwks, jwk.kid);

            if (jwk.algorithms == 0) {
                social_jwk_free(&jwk);
                skipped = "two keys have one \"kid\", the first is used";
                rc = SOCIAL_DECLINED;
            }
        }

        if (rc == SOCIAL_OK && jwks->count == max) {
            social_jwk_free(&jwk);
            *why = "it has more usable keys than \"jwks_max_keys\" allows";
            return SOCIAL_MALFORMED;
        }

        if (rc == SOCIAL_OK) {
            jwks->keys[jwks->count++] = jwk;
            continue;
        }

        if (jwks->skipped++ == 0) {
            jwks->why = skipped;
        }
    }

    if (jwks->count == 0) {
        *why = jwks->why ? jwks->why : "its array \"keys\" is empty";
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/*
 * What the keys of that kid verify by; nothing without one.
 */

static social_algorithms_t
social_jwks_taken(const social_jwks_t *jwks, social_str_t kid)
{
    size_t               i;
    social_algorithms_t  taken;

    taken = 0;

    for (i = 0; kid.len && i < jwks->count; i++) {
        if (social_str_eq(jwks->keys[i].kid, kid)) {
            taken |= jwks->keys[i].algorithms;
        }
    }

    return taken;
}


social_rc_e
social_jwks_ready(social_jwks_t *jwks)
{
    unsigned            i;
    static const char  *names[SOCIAL_HASH_NONE] = {
        "SHA256", "SHA384", "SHA512"
    };

    for (i = 0; i < SOCIAL_HASH_NONE; i++) {
        jwks->hashes[i] = EVP_MD_fetch(NULL, names[i], NULL);

        if (jwks->hashes[i] == NULL) {
            return SOCIAL_FAILED;
        }
    }

    jwks->digest = EVP_MD_CTX_new();

    return jwks->digest ? SOCIAL_OK : SOCIAL_FAILED;
}


social_jwks_t *
social_jwks_create(void)
{
    social_jwks_t  *jwks;

    jwks = calloc(1, sizeof(social_jwks_t));

    if (jwks != NULL && social_jwks_ready(jwks) != SOCIAL_OK) {
        social_jwks_free(jwks);
        jwks = NULL;
    }

    ERR_clear_error();

    return jwks;
}


void
social_jwks_free(social_jwks_t *jwks)
{
    size_t  i;

    if (jwks == NULL) {
        return;
    }

    for (i = 0; i < jwks->count; i++) {
        social_jwk_free(&jwks->keys[i]);
    }

    free(jwks->keys);

    for (i = 0; i < SOCIAL_HASH_NONE; i++) {
        EVP_MD_free(jwks->hashes[i]);
    }

    EVP_MD_CTX_free(jwks->digest);
    free(jwks);
}


const social_jwk_t *
social_jwks_find(const social_jwks_t *jwks, social_str_t kid,
    social_algorithm_e algorithm)
{
    bool                 fits;
    size_t               i;
    const social_jwk_t  *jwk, *found;

    found = NULL;

    for (i = 0; i < jwks->count; i++) {

        jwk = &jwks->keys[i];
        fits = (jwk->algorithms & social_algorithm_bit(algorithm)) != 0;

        if (kid.len == 0) {

            if (!fits) {
                continue;
            }

            if (found) {
                return NULL;
            }

            found = jwk;
            continue;
        }

        if (!social_str_eq(jwk->kid, kid)) {
            continue;
        }

        if (fits) {
            return jwk;
        }

        found = jwk;
    }

    return found;
}


social_rc_e
social_jwks_verify(social_jwks_t *jwks, const social_jwk_t *jwk,
    social_algorithm_e algorithm, social_str_t input, social_str_t signature)
{
    int  valid;

    if ((jwk->algorithms & social_algorithm_bit(algorithm)) == 0) {
        return SOCIAL_DECLINED;
    }

    /* RFC 8017, 8.1.2 and 8.2.2, step 1; RFC 7518, 3.4; RFC 8032, 5.1.7 */

    if (signature.len != jwk->size) {
        return SOCIAL_DECLINED;
    }

    if (social_algorithm_hash(algorithm) == SOCIAL_HASH_NONE) {
        valid = social_jwks_verify_message(jwks, jwk, input, signature);

    } else {
        valid = social_jwks_verify_hash(jwks, jwk, algorithm, input,
                                        signature);
    }

    if (valid == 1) {
        /* OpenSSL leaves errors even where it succeeds */

        ERR_clear_error();

        return SOCIAL_OK;
    }

    return social_jwks_out_of_memory() || valid < 0 ? SOCIAL_FAILED
                                                    : SOCIAL_DECLINED;
}


social_rc_e
social_jwks_verify_by(social_jwks_t *jwks, const social_json_t *json,
    social_algorithm_e algorithm, social_str_t input, social_str_t signature)
{
    const char    *why;
    social_rc_e    rc;
    social_jwk_t   jwk;

    rc = social_jwk_parse(json, social_algorithm_bit(algorithm), &jwk, &why);

    ERR_clear_error();

    if (rc != SOCIAL_OK) {
        return rc == SOCIAL_FAILED ? SOCIAL_FAILED : SOCIAL_MALFORMED;
    }

    /*
     * it is the client's own, and is checked where nothing can wait; which
     * curves are used is what an operator lists, but not how long an RSA key is
     */

    if ((social_algorithm_bit(algorithm)
         & (SOCIAL_ALGORITHMS_RS|SOCIAL_ALGORITHMS_PS))
        && social_jwk_is_slow(&jwk, algorithm))
    {
        social_jwk_free(&jwk);
        return SOCIAL_MALFORMED;
    }

    rc = social_jwks_verify(jwks, &jwk, algorithm, input, signature);

    social_jwk_free(&jwk);

    return rc;
}


/*
 * To OpenSSL a forgery and a lack of memory are failures alike, which only its
 * error queue distinguishes.  The queue is emptied: the next TLS connection
 * must find nothing there.
 */

static bool
social_jwks_out_of_memory(void)
{
    bool           found;
    unsigned long  error;

    found = false;

    while ((error = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
            found = true;
        }
    }

    return found;
}


/*
 * Both return 1 for a valid signature, 0 for one that OpenSSL would not take,
 * whatever the reason, and -1 for a failure before it came to that.
 */

static int
social_jwks_verify_hash(social_jwks_t *jwks, const social_jwk_t *jwk,
    social_algorithm_e algorithm, social_str_t input, social_str_t signature)
{
    size_t                size;
    unsigned int          len;
    unsigned char         hash[EVP_MAX_MD_SIZE];
    unsigned char         der[SOCIAL_JWK_MAX_EC_DER];
    const unsigned char  *p;

    p = signature.data;
    size = signature.len;

    if (social_algorithm_bit(algorithm) & SOCIAL_ALGORITHMS_ES) {
        size = social_jwk_ec_der(algorithm, signature, der);
        p = der;

        if (size == 0) {
            return 0;
        }
    }

    if (EVP_DigestInit_ex2(jwks->digest,
                           jwks->hashes[social_algorithm_hash(algorithm)],
                           NULL)
        <= 0
        || EVP_DigestUpdate(jwks->digest, input.data, input.len) <= 0
        || EVP_DigestFinal_ex(jwks->digest, hash, &len) <= 0)
    {
        return -1;
    }

    return EVP_PKEY_verify(jwk->verifiers[algorithm], p, size, hash, len) == 1;
}


static int
social_jwks_verify_message(const social_jwks_t *jwks,
    const social_jwk_t *jwk, social_str_t input, social_str_t signature)
{
    bool         ready;
    EVP_MD_CTX  *ctx;

    /* a context of this kind is for one message; setting it up is cheap */

    if (EVP_DigestVerifyInit_ex(jwk->verifier, NULL, NULL, NULL, NULL,
                                jwk->pkey, NULL)
        <= 0)
    {
        return -1;
    }

    if (EVP_DigestVerify(jwk->verifier, signature.data, signature.len,
                         input.data, input.len)
        == 1)
    {
        return 1;
    }

    /*
     * here it does not even report a lack of memory for its hash: whether
     * there is some now is the best indication
     */

    ctx = EVP_MD_CTX_new();
    ready = (ctx != NULL
             && EVP_DigestInit_ex2(ctx, jwks->hashes[SOCIAL_HASH_SHA512], NULL)
                > 0);

    EVP_MD_CTX_free(ctx);

    return ready ? 0 : -1;
}
