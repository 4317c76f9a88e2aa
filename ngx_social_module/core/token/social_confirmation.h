
/*
 * What a token is bound to: the members of its "cnf" claim (RFC 7800, 3.1).
 */

#ifndef SOCIAL_CONFIRMATION_H
#define SOCIAL_CONFIRMATION_H


#include "social_json.h"
#include "social_thumbprint.h"


typedef struct {
    bool           key;           /* "jkt": of a key (RFC 9449, 6.1) */
    bool           certificate;   /* "x5t#S256" (RFC 8705, 3.1) */
    unsigned char  jkt[SOCIAL_THUMBPRINT_SIZE];
    unsigned char  x5t[SOCIAL_THUMBPRINT_SIZE];
} social_confirmation_t;


/*
 * Reads them from the payload of a verified token.  A token without "cnf", or
 * with other members only, is bound to neither.  SOCIAL_MALFORMED: "cnf" is
 * not an object, or one of the two is not base64url of 32 bytes.
 */
social_rc_e social_confirmation(const social_json_t *payload,
    social_confirmation_t *confirmation);

/*
 * Writes the SHA-256 of a certificate, which is given as text, by a proxy that
 * ended its connection, in one of these forms:
 *
 *     PEM, also percent-encoded, of which the first certificate counts
 *     base64 between colons (RFC 9440, 2.1)
 *
 * "buf" has room for text.len bytes.  It is not looked at what is in the
 * certificate.  SOCIAL_MALFORMED: neither of them; SOCIAL_FAILED: OpenSSL.
 */
social_rc_e social_certificate_digest(social_str_t text, unsigned char *buf,
    unsigned char digest[SOCIAL_SHA256_SIZE]);


#endif /* SOCIAL_CONFIRMATION_H */
