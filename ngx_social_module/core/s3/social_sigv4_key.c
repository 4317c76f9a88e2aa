
/*
 * AWS Signature Version 4: keys, and what they sign.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_sigv4.h"


const social_str_t  social_sigv4_algorithm =
    social_string("AWS4-HMAC-SHA256");

const social_str_t  social_sigv4_unsigned_payload =
    social_string("UNSIGNED-PAYLOAD");

const social_str_t  social_sigv4_empty_payload =
    social_string("e3b0c44298fc1c149afbf4c8996fb924"
                  "27ae41e4649b934ca495991b7852b855");


social_rc_e
social_sigv4_key(social_str_t secret, social_str_t date, social_str_t region,
    social_str_t service, social_sigv4_key_t *key)
{
    social_rc_e                rc;
    social_str_t               k;
    unsigned char              start[4 + SOCIAL_SIGV4_MAX_SECRET];
    static const social_str_t  end = social_string("aws4_request");

    if (secret.len == 0 || secret.len > SOCIAL_SIGV4_MAX_SECRET
        || date.len != sizeof(key->date))
    {
        return SOCIAL_MALFORMED;
    }

    memcpy(start, "AWS4", 4);
    memcpy(start + 4, secret.data, secret.len);

    k.data = start;
    k.len = 4 + secret.len;

    rc = social_hmac_sha256(k, date, key->key);

    k.data = key->key;
    k.len = sizeof(key->key);

    if (rc == SOCIAL_OK) {
        rc = social_hmac_sha256(k, region, key->key);
    }

    if (rc == SOCIAL_OK) {
        rc = social_hmac_sha256(k, service, key->key);
    }

    if (rc == SOCIAL_OK) {
        rc = social_hmac_sha256(k, end, key->key);
    }

    social_crypto_cleanse(start, sizeof(start));

    if (rc != SOCIAL_OK) {
        social_crypto_cleanse(key, sizeof(social_sigv4_key_t));
        return rc;
    }

    memcpy(key->date, date.data, sizeof(key->date));

    return SOCIAL_OK;
}


social_rc_e
social_sigv4_signature(const social_sigv4_key_t *key, social_str_t text,
    unsigned char signature[SOCIAL_SIGV4_SIGNATURE_SIZE])
{
    social_str_t   k, mac;
    unsigned char  raw[SOCIAL_SHA256_SIZE];

    k.data = key->key;
    k.len = sizeof(key->key);

    if (social_hmac_sha256(k, text, raw) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    mac.data = raw;
    mac.len = sizeof(raw);
    social_hex_encode(mac, signature);

    return SOCIAL_OK;
}
