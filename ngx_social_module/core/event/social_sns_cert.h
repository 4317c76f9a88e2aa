
/*
 * The certificate that SNS signs with.  OpenSSL stays behind this header.
 */

#ifndef SOCIAL_SNS_CERT_H
#define SOCIAL_SNS_CERT_H


#include "social_sns.h"


#define SOCIAL_SNS_CERT_MAX_SIZE   65536    /* bytes of PEM */
#define SOCIAL_SNS_CERT_MIN_BITS   2048


/*
 * A certificate that was checked.  It does not change, so that several threads
 * may use it.
 */
typedef struct social_sns_cert_s  social_sns_cert_t;


/*
 * What a certificate is checked by.
 */
typedef struct {

    /*
     * The host that it was fetched from, "name" or "name:port", and whether the
     * certificate is for that name alone.  SNS has one for the whole of it,
     * sns.amazonaws.com, and sns-REGION.amazonaws.com where a region is apart.
     */
    social_str_t   host;
    bool           only_host;

    /*
     * Certificates in PEM, to one of which the chain must lead; they need not
     * be roots.  Empty: the chain is not checked.  The document that SNS has
     * is one certificate, without those between it and a root.
     */
    social_str_t   anchors;
} social_sns_trust_t;


/*
 * Reads a document in PEM: the certificate that signs, and others that it may
 * be signed by.  SOCIAL_OK: owned by the caller, social_sns_cert_destroy().
 * SOCIAL_DECLINED: it is not what SNS has, and "why" says why not: no RSA key
 * of 2048 bits, another name, expired at "now", or a foreign chain.
 * SOCIAL_FAILED: out of memory.
 */
social_rc_e social_sns_cert_parse(social_str_t pem,
    const social_sns_trust_t *trust, int64_t now, social_sns_cert_t **cert,
    const char **why);
void social_sns_cert_destroy(social_sns_cert_t *cert);

/*
 * Whether a text can be "anchors": certificates in PEM, one at least.
 */
bool social_sns_cert_are_anchors(social_str_t pem);

/*
 * Whether it is valid at "now".
 */
bool social_sns_cert_is_current(const social_sns_cert_t *cert, int64_t now);

/*
 * Verifies a message's signature: RSA with SHA-1 or SHA-256, by its version.
 * SOCIAL_DECLINED: it is not the certificate's.  SOCIAL_FAILED: out of memory.
 */
social_rc_e social_sns_cert_verify(const social_sns_cert_t *cert,
    const social_sns_t *sns);


#endif /* SOCIAL_SNS_CERT_H */
