
/*
 * The certificate that SNS signs with, by OpenSSL.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "social_encoding.h"
#include "social_sns_cert.h"


#define SOCIAL_SNS_CERT_MAX_CHAIN  8


typedef STACK_OF(X509)  social_sns_chain_t;


struct social_sns_cert_s {
    X509      *x509;
    EVP_PKEY  *key;            /* the certificate's */
};


static social_sns_chain_t *social_sns_cert_read(social_str_t pem);
static const char *social_sns_cert_check(const social_sns_cert_t *cert,
    const social_sns_trust_t *trust, int64_t now);
static bool social_sns_cert_is_named(X509 *x509,
    const social_sns_trust_t *trust);
static bool social_sns_cert_has_name(X509 *x509, social_str_t name);
static social_rc_e social_sns_cert_chain(X509 *x509,
    social_sns_chain_t *others, social_str_t anchors, int64_t now);


social_rc_e
social_sns_cert_parse(social_str_t pem, const social_sns_trust_t *trust,
    int64_t now, social_sns_cert_t **cert, const char **why)
{
    social_rc_e          rc;
    social_sns_cert_t   *made;
    social_sns_chain_t  *chain;

    *cert = NULL;

    made = calloc(1, sizeof(social_sns_cert_t));

    if (made == NULL) {
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_DECLINED;
    *why = "it is not a certificate in PEM";

    chain = social_sns_cert_read(pem);

    if (chain == NULL) {
        goto done;
    }

    made->x509 = sk_X509_shift(chain);
    made->key = X509_get0_pubkey(made->x509);

    *why = social_sns_cert_check(made, trust, now);

    if (*why != NULL) {
        goto done;
    }

    rc = SOCIAL_OK;

    if (trust->anchors.len) {
        rc = social_sns_cert_chain(made->x509, chain, trust->anchors, now);
        *why = "its chain does not lead to a certificate that is trusted";
    }

done:

    sk_X509_pop_free(chain, X509_free);

    /* what stays in OpenSSL's queue is taken for an error of the next TLS
       connection */

    ERR_clear_error();

    if (rc == SOCIAL_OK) {
        *cert = made;

    } else {
        social_sns_cert_destroy(made);
    }

    return rc;
}


void
social_sns_cert_destroy(social_sns_cert_t *cert)
{
    if (cert != NULL) {
        X509_free(cert->x509);
        free(cert);
    }
}


/*
 * All certificates of a text, one at least; NULL: there is none, or too many,
 * or something else, or no memory.
 */

static social_sns_chain_t *
social_sns_cert_read(social_str_t pem)
{
    BIO                 *bio;
    X509                *x509;
    social_sns_chain_t  *chain;

    if (pem.len == 0 || pem.len > INT_MAX) {
        return NULL;
    }

    bio = BIO_new_mem_buf(pem.data, (int) pem.len);
    chain = sk_X509_new_null();

    if (bio == NULL || chain == NULL) {
        goto failed;
    }

    while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {

        if (sk_X509_push(chain, x509) == 0) {
            X509_free(x509);
            goto failed;
        }
    }

    if (sk_X509_num(chain) == 0
        || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    {
        goto failed;
    }

    BIO_free(bio);
    ERR_clear_error();

    return chain;

failed:

    BIO_free(bio);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();

    return NULL;
}


bool
social_sns_cert_are_anchors(social_str_t pem)
{
    social_sns_chain_t  *chain;

    chain = social_sns_cert_read(pem);

    if (chain == NULL) {
        return false;
    }

    sk_X509_pop_free(chain, X509_free);

    return true;
}


static const char *
social_sns_cert_check(const social_sns_cert_t *cert,
    const social_sns_trust_t *trust, int64_t now)
{
    if (cert->key == NULL || EVP_PKEY_get_base_id(cert->key) != EVP_PKEY_RSA
        || EVP_PKEY_get_bits(cert->key) < SOCIAL_SNS_CERT_MIN_BITS)
    {
        return "it has no RSA key of 2048 bits or more";
    }

    if (!social_sns_cert_is_named(cert->x509, trust)) {
        return "it is for another name";
    }

    if (!social_sns_cert_is_current(cert, now)) {
        return "it has expired, or is not valid yet";
    }

    return NULL;
}


static bool
social_sns_cert_is_named(X509 *x509, const social_sns_trust_t *trust)
{
    size_t                     len;
    social_str_t               host;
    unsigned char              name[256];
    const unsigned char       *port;
    static const social_str_t  sns = social_string("sns.");
    static const social_str_t  all = social_string("sns.amazonaws.com");

    host = trust->host;
    port = memchr(host.data, ':', host.len);

    if (port != NULL) {
        host.len = (size_t) (port - host.data);
    }

    if (social_sns_cert_has_name(x509, host)) {
        return true;
    }

    if (trust->only_host) {
        return false;
    }

    if (social_sns_cert_has_name(x509, all)) {
        return true;
    }

    /* "sns.REGION..." as "sns-REGION..." */

    len = host.len;

    if (len > sizeof(name) || !social_str_starts(host, sns)) {
        return false;
    }

    memcpy(name, host.data, len);
    name[sns.len - 1] = '-';

    return social_sns_cert_has_name(x509, (social_str_t) { len, name });
}


/*
 * A name, or an address.
 */

static bool
social_sns_cert_has_name(X509 *x509, social_str_t name)
{
    char  text[256];

    if (name.len == 0 || name.len >= sizeof(text)) {
        return false;
    }

    memcpy(text, name.data, name.len);
    text[name.len] = '\0';

    return X509_check_host(x509, text, name.len, 0, NULL) == 1
           || X509_check_ip_asc(x509, text, 0) == 1;
}


static social_rc_e
social_sns_cert_chain(X509 *x509, social_sns_chain_t *others,
    social_str_t anchors, int64_t now)
{
    int                  i;
    bool                 ok;
    X509_STORE          *store;
    social_rc_e          rc;
    X509_STORE_CTX      *ctx;
    X509_VERIFY_PARAM   *param;
    social_sns_chain_t  *trusted;

    rc = SOCIAL_FAILED;

    trusted = social_sns_cert_read(anchors);
    store = X509_STORE_new();
    ctx = X509_STORE_CTX_new();

    if (store == NULL || ctx == NULL) {
        goto done;
    }

    ok = (trusted != NULL);

    for (i = 0; ok && i < sk_X509_num(trusted); i++) {
        ok = X509_STORE_add_cert(store, sk_X509_value(trusted, i)) == 1;
    }

    if (!ok || X509_STORE_CTX_init(ctx, store, x509, others) != 1) {
        goto done;
    }

    param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_time(param, (time_t) now);
    X509_VERIFY_PARAM_set_depth(param, SOCIAL_SNS_CERT_MAX_CHAIN);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);

    rc = X509_verify_cert(ctx) == 1 ? SOCIAL_OK : SOCIAL_DECLINED;

done:

    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_pop_free(trusted, X509_free);

    return rc;
}


bool
social_sns_cert_is_current(const social_sns_cert_t *cert, int64_t now)
{
    time_t  t;

    t = (time_t) now;

    return X509_cmp_time(X509_get0_notBefore(cert->x509), &t) < 0
           && X509_cmp_time(X509_get0_notAfter(cert->x509), &t) > 0;
}


social_rc_e
social_sns_cert_verify(const social_sns_cert_t *cert, const social_sns_t *sns)
{
    size_t          len, size;
    EVP_MD_CTX     *ctx;
    social_rc_e     rc;
    unsigned char  *text;
    const EVP_MD   *md;
    unsigned char   signature[social_base64_decoded_size(
                                  SOCIAL_SNS_MAX_SIGNATURE)];

    if (sns->signature.len > SOCIAL_SNS_MAX_SIGNATURE
        || social_base64_decode(sns->signature, signature, &len) != SOCIAL_OK)
    {
        return SOCIAL_DECLINED;
    }

    size = social_sns_string(sns, NULL, 0);
    md = sns->version == 2 ? EVP_sha256() : EVP_sha1();

    text = malloc(size);
    ctx = EVP_MD_CTX_new();
    rc = SOCIAL_FAILED;

    if (text != NULL && ctx != NULL
        && EVP_DigestVerifyInit(ctx, NULL, md, NULL, cert->key) == 1)
    {
        (void) social_sns_string(sns, text, size);

        rc = EVP_DigestVerify(ctx, signature, len, text, size) == 1
             ? SOCIAL_OK : SOCIAL_DECLINED;
    }

    EVP_MD_CTX_free(ctx);
    free(text);
    ERR_clear_error();

    return rc;
}
