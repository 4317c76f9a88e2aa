
/*
 * Nonces that a server knows again without having kept them.
 */

#include <string.h>

#include "social_base64url.h"
#include "social_crypto.h"
#include "social_nonce.h"


#define SOCIAL_NONCE_TIME   8      /* bytes */
#define SOCIAL_NONCE_MAC    16
#define SOCIAL_NONCE_BYTES  (SOCIAL_NONCE_TIME + SOCIAL_NONCE_MAC)

/* a secret may be for other things, too */
#define SOCIAL_NONCE_LABEL  "dpop-nonce\n"


static social_rc_e social_nonce_mac(social_str_t secret,
    const unsigned char time[SOCIAL_NONCE_TIME],
    unsigned char mac[SOCIAL_SHA256_SIZE]);


social_rc_e
social_nonce_make(social_str_t secret, int64_t now,
    unsigned char nonce[SOCIAL_NONCE_SIZE])
{
    int            i;
    social_str_t   s;
    unsigned char  bytes[SOCIAL_NONCE_BYTES], mac[SOCIAL_SHA256_SIZE];

    for (i = 0; i < SOCIAL_NONCE_TIME; i++) {
        bytes[i] = (unsigned char) ((uint64_t) now
                                    >> 8 * (SOCIAL_NONCE_TIME - 1 - i));
    }

    if (social_nonce_mac(secret, bytes, mac) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    memcpy(bytes + SOCIAL_NONCE_TIME, mac, SOCIAL_NONCE_MAC);

    s.data = bytes;
    s.len = sizeof(bytes);

    (void) social_base64url_encode(s, nonce);

    return SOCIAL_OK;
}


social_rc_e
social_nonce_check(social_str_t nonce, const social_str_t *secrets,
    int64_t now, int64_t age, int64_t *made)
{
    size_t         i, len;
    uint64_t       time;
    social_str_t   ours, theirs;
    unsigned char  mac[SOCIAL_SHA256_SIZE];
    unsigned char  bytes[social_base64url_decoded_size(SOCIAL_NONCE_SIZE)];

    if (nonce.len != SOCIAL_NONCE_SIZE
        || social_base64url_decode(nonce, bytes, &len) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    theirs.data = bytes + SOCIAL_NONCE_TIME;
    theirs.len = SOCIAL_NONCE_MAC;

    for (i = 0; i < 2 && secrets[i].len; i++) {

        if (social_nonce_mac(secrets[i], bytes, mac) != SOCIAL_OK) {
            return SOCIAL_FAILED;
        }

        ours.data = mac;
        ours.len = SOCIAL_NONCE_MAC;

        if (social_crypto_equal(ours, theirs)) {
            break;
        }
    }

    if (i == 2 || secrets[i].len == 0) {
        return SOCIAL_MALFORMED;
    }

    time = 0;

    for (i = 0; i < SOCIAL_NONCE_TIME; i++) {
        time = time << 8 | bytes[i];
    }

    *made = (int64_t) time;

    return *made <= now + SOCIAL_NONCE_SKEW && now <= *made + age
           ? SOCIAL_OK : SOCIAL_DECLINED;
}


static social_rc_e
social_nonce_mac(social_str_t secret,
    const unsigned char time[SOCIAL_NONCE_TIME],
    unsigned char mac[SOCIAL_SHA256_SIZE])
{
    social_str_t   s;
    unsigned char  text[sizeof(SOCIAL_NONCE_LABEL) - 1 + SOCIAL_NONCE_TIME];

    memcpy(text, SOCIAL_NONCE_LABEL, sizeof(SOCIAL_NONCE_LABEL) - 1);
    memcpy(text + sizeof(SOCIAL_NONCE_LABEL) - 1, time, SOCIAL_NONCE_TIME);

    s.data = text;
    s.len = sizeof(text);

    return social_hmac_sha256(secret, s, mac);
}
