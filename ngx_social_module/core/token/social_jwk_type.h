
/*
 * What the types of keys share with each other; not for others than
 * social_jwk*.c and social_jwks.c.
 */

#ifndef SOCIAL_JWK_TYPE_H
#define SOCIAL_JWK_TYPE_H


#include "social_jwk.h"


struct ossl_param_st;


/* the coordinates of P-521 */
#define SOCIAL_JWK_MAX_EC_BYTES  66

/* SEQUENCE { r INTEGER, s INTEGER } with a length of two bytes */
#define SOCIAL_JWK_MAX_EC_DER    (3 + 2 * (2 + 1 + SOCIAL_JWK_MAX_EC_BYTES))


/*
 * What a type of key does with its members: takes out of jwk->algorithms what
 * no key of that kind can verify, and makes jwk->pkey and jwk->size.  Returns
 * as social_jwk_parse() does.
 */
typedef social_rc_e (*social_jwk_type_pt)(const social_json_t *json,
    social_jwk_t *jwk, const char **why);

social_rc_e social_jwk_parse_rsa(const social_json_t *json, social_jwk_t *jwk,
    const char **why);
social_rc_e social_jwk_parse_ec(const social_json_t *json, social_jwk_t *jwk,
    const char **why);
social_rc_e social_jwk_parse_okp(const social_json_t *json, social_jwk_t *jwk,
    const char **why);


/* social_jwk.c */

/*
 * Decodes a member of exactly "size" bytes in base64url to "buf", which has
 * room for social_base64url_decoded_size() of as many.  SOCIAL_MALFORMED: it
 * is missing, not a string, not base64url, or of another length.
 */
social_rc_e social_jwk_member(const social_json_t *json, social_str_t name,
    unsigned char *buf, size_t size);

/*
 * Takes out of jwk->algorithms what is not in "algorithms", those of the
 * key's type.  SOCIAL_DECLINED: nothing is left.
 */
social_rc_e social_jwk_narrow(social_jwk_t *jwk,
    social_algorithms_t algorithms, const char **why);

/*
 * Makes jwk->pkey, a public key of that OpenSSL type.  SOCIAL_FAILED: OpenSSL
 * would not, and its error queue says why.
 */
social_rc_e social_jwk_make(social_jwk_t *jwk, const char *type,
    struct ossl_param_st *params);


/* social_jwk_rsa.c */

/*
 * Chooses the padding of a verification that has been initialized.
 */
social_rc_e social_jwk_set_padding(struct evp_pkey_ctx_st *verifier,
    social_algorithm_e algorithm);


/* social_jwk_ec.c */

/*
 * Turns a signature of JWS, r and s of half its length each (RFC 7518, 3.4),
 * into the DER that OpenSSL takes.  "len" is the key's size already, and "der"
 * has room for SOCIAL_JWK_MAX_EC_DER bytes, of which as many as are returned
 * are used; 0: r or s is not in 1 to n - 1, n being the order of the curve
 * (FIPS 186-5, 6.4.2).
 */
size_t social_jwk_ec_der(social_algorithm_e algorithm,
    social_str_t signature, unsigned char *der);


#endif /* SOCIAL_JWK_TYPE_H */
