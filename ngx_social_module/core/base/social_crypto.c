
/*
 * Hashes and comparison, by OpenSSL.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "social_crypto.h"


struct social_digest_s {
    const EVP_MD  *md;
    EVP_MD_CTX    *ctx;
    bool           failed;
};


static social_rc_e social_crypto_failed(void);


static const unsigned char  social_crypto_nothing[1];


social_rc_e
social_sha256(social_str_t data, unsigned char digest[SOCIAL_SHA256_SIZE])
{
    const void  *p;

    p = data.len ? data.data : social_crypto_nothing;

    if (EVP_Digest(p, data.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return social_crypto_failed();
    }

    return SOCIAL_OK;
}


social_digest_t *
social_digest_create(social_digest_e kind)
{
    social_digest_t  *h;

    h = calloc(1, sizeof(social_digest_t));
    if (h == NULL) {
        return NULL;
    }

    h->md = kind == SOCIAL_DIGEST_MD5 ? EVP_md5()
            : kind == SOCIAL_DIGEST_SHA1 ? EVP_sha1() : EVP_sha256();

    h->ctx = EVP_MD_CTX_new();

    if (h->ctx == NULL || EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1) {
        social_digest_destroy(h);
        (void) social_crypto_failed();
        return NULL;
    }

    return h;
}


social_rc_e
social_digest_update(social_digest_t *h, social_str_t data)
{
    if (h->failed) {
        return SOCIAL_FAILED;
    }

    if (data.len == 0) {
        return SOCIAL_OK;
    }

    if (EVP_DigestUpdate(h->ctx, data.data, data.len) != 1) {
        h->failed = true;
        return social_crypto_failed();
    }

    return SOCIAL_OK;
}


social_rc_e
social_digest_final(social_digest_t *h, unsigned char *digest)
{
    bool  ok;

    ok = !h->failed && EVP_DigestFinal_ex(h->ctx, digest, NULL) == 1;

    h->failed = (EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1);

    if (!ok || h->failed) {
        (void) social_crypto_failed();
    }

    return ok ? SOCIAL_OK : SOCIAL_FAILED;
}


void
social_digest_destroy(social_digest_t *h)
{
    if (h == NULL) {
        return;
    }

    EVP_MD_CTX_free(h->ctx);
    free(h);
}


social_sha256_t *
social_sha256_create(void)
{
    return social_digest_create(SOCIAL_DIGEST_SHA256);
}


social_rc_e
social_sha256_update(social_sha256_t *h, social_str_t data)
{
    return social_digest_update(h, data);
}


social_rc_e
social_sha256_final(social_sha256_t *h,
    unsigned char digest[SOCIAL_SHA256_SIZE])
{
    return social_digest_final(h, digest);
}


void
social_sha256_destroy(social_sha256_t *h)
{
    social_digest_destroy(h);
}


social_rc_e
social_hmac_sha256(social_str_t key, social_str_t data,
    unsigned char mac[SOCIAL_SHA256_SIZE])
{
    const void           *k;
    unsigned int          len;
    unsigned char         out[SOCIAL_SHA256_SIZE];
    const unsigned char  *p;

    if (key.len > INT_MAX) {
        return SOCIAL_FAILED;
    }

    /* HMAC() takes a null key for "the one used before" */

    k = key.len ? key.data : social_crypto_nothing;
    p = data.len ? data.data : social_crypto_nothing;

    if (HMAC(EVP_sha256(), k, (int) key.len, p, data.len, out, &len) == NULL
        || len != SOCIAL_SHA256_SIZE)
    {
        return social_crypto_failed();
    }

    memcpy(mac, out, sizeof(out));
    OPENSSL_cleanse(out, sizeof(out));

    return SOCIAL_OK;
}


bool
social_crypto_equal(social_str_t a, social_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}


void
social_crypto_cleanse(void *p, size_t size)
{
    OPENSSL_cleanse(p, size);
}


social_rc_e
social_random(unsigned char *p, size_t len)
{
    return len <= INT_MAX && RAND_bytes(p, (int) len) == 1
           ? SOCIAL_OK : social_crypto_failed();
}


social_rc_e
social_expand(const unsigned char key[32], unsigned char *p, size_t len)
{
    int              n;
    bool             ok;
    EVP_CIPHER_CTX  *ctx;
    unsigned char    iv[16];

    if (len > INT_MAX) {
        return SOCIAL_FAILED;
    }

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return social_crypto_failed();
    }

    memset(iv, 0, sizeof(iv));
    memset(p, 0, len);

    ok = EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, key, iv) == 1
         && EVP_EncryptUpdate(ctx, p, &n, p, (int) len) == 1
         && n == (int) len;

    EVP_CIPHER_CTX_free(ctx);

    return ok ? SOCIAL_OK : social_crypto_failed();
}


/*
 * An error that stays in OpenSSL's queue is taken for one of the next TLS
 * connection: nginx logs it as an alert.
 */

static social_rc_e
social_crypto_failed(void)
{
    ERR_clear_error();

    return SOCIAL_FAILED;
}


void
social_cleanse(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}
