
/*
 * Thumbprints of keys (RFC 7638): the SHA-256 of the members that make a JWK
 * what it is.
 */

#ifndef SOCIAL_THUMBPRINT_H
#define SOCIAL_THUMBPRINT_H


#include "social_crypto.h"
#include "social_json.h"


#define SOCIAL_THUMBPRINT_SIZE  SOCIAL_SHA256_SIZE
#define SOCIAL_THUMBPRINT_TEXT  43         /* as base64url */


/*
 * Writes the thumbprint of a key of type RSA, EC or OKP (RFC 7638, 3.2;
 * RFC 8037, 2).  The key itself is not checked: social_jwk_parse() does that.
 * SOCIAL_MALFORMED: a member that is needed is missing, or has a character
 * that neither base64url nor the name of a curve has; SOCIAL_DECLINED: a key
 * of another type; SOCIAL_FAILED: out of memory, or OpenSSL.
 */
social_rc_e social_thumbprint(const social_json_t *jwk,
    unsigned char thumbprint[SOCIAL_THUMBPRINT_SIZE]);

/*
 * Reads a thumbprint, or another SHA-256, as it stands in tokens: base64url of
 * 32 bytes.  SOCIAL_MALFORMED: it is not.
 */
social_rc_e social_thumbprint_read(social_str_t text,
    unsigned char thumbprint[SOCIAL_THUMBPRINT_SIZE]);


#endif /* SOCIAL_THUMBPRINT_H */
