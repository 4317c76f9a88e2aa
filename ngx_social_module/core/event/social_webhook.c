
/*
 * Signed webhooks as the Standard Webhooks specification has them.
 */

#include <stdlib.h>
#include <string.h>

#include "social_crypto.h"
#include "social_encoding.h"
#include "social_webhook.h"


static social_rc_e social_webhook_time(social_str_t s, int64_t *t);
static social_rc_e social_webhook_mac(social_str_t id, social_str_t timestamp,
    social_str_t body, social_str_t secret,
    unsigned char mac[SOCIAL_SHA256_SIZE]);


social_rc_e
social_webhook_secret(social_str_t text, unsigned char *secret, size_t *len)
{
    unsigned char              buf[social_base64_decoded_size(96) + 3];
    social_rc_e                rc;
    static const social_str_t  prefix = social_string("whsec_");

    while (text.len && (text.data[text.len - 1] == '\n'
                        || text.data[text.len - 1] == '\r'))
    {
        text.len--;
    }

    text = social_str_trim(text);

    if (!social_str_starts(text, prefix)) {
        return SOCIAL_MALFORMED;
    }

    text.data += prefix.len;
    text.len -= prefix.len;

    if (text.len > 96) {
        return SOCIAL_MALFORMED;
    }

    rc = social_base64_decode(text, buf, len);

    if (rc == SOCIAL_OK && (*len < SOCIAL_WEBHOOK_MIN_SECRET
                            || *len > SOCIAL_WEBHOOK_MAX_SECRET))
    {
        rc = SOCIAL_MALFORMED;
    }

    if (rc == SOCIAL_OK) {
        memcpy(secret, buf, *len);
    }

    social_crypto_cleanse(buf, sizeof(buf));

    return rc;
}


social_rc_e
social_webhook_verify(social_str_t id, social_str_t timestamp,
    social_str_t signatures, social_str_t body,
    const social_str_t secrets[2], int64_t now)
{
    size_t                     i, n;
    int64_t                    t;
    social_rc_e                rc;
    social_str_t               item, mine;
    unsigned char              mac[SOCIAL_SHA256_SIZE];
    unsigned char              text[social_base64_size(SOCIAL_SHA256_SIZE)];
    static const social_str_t  v1 = social_string("v1,");

    if (id.len == 0 || id.len > SOCIAL_WEBHOOK_MAX_ID || signatures.len == 0
        || social_webhook_time(timestamp, &t) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    if (t < now - SOCIAL_WEBHOOK_TOLERANCE
        || t > now + SOCIAL_WEBHOOK_TOLERANCE)
    {
        return SOCIAL_DECLINED;
    }

    mine.data = text;
    rc = SOCIAL_DECLINED;

    for (i = 0; i < 2 && rc == SOCIAL_DECLINED; i++) {

        social_str_t  rest = signatures;

        if (secrets[i].len == 0) {
            continue;
        }

        if (social_webhook_mac(id, timestamp, body, secrets[i], mac)
            != SOCIAL_OK)
        {
            return SOCIAL_FAILED;
        }

        mine.len = social_base64_encode(
                       (social_str_t) { SOCIAL_SHA256_SIZE, mac }, text);

        for (n = 0;
             n < SOCIAL_WEBHOOK_MAX_SIGNATURES
             && social_str_next(&rest, " ", &item);
             n++)
        {
            if (!social_str_starts(item, v1)) {
                /* another scheme, "v1a" for one: not for us */
                continue;
            }

            item.data += v1.len;
            item.len -= v1.len;

            if (social_crypto_equal(item, mine)) {
                rc = SOCIAL_OK;
                break;
            }
        }
    }

    return rc;
}


social_rc_e
social_webhook_sign(social_str_t id, social_str_t timestamp, social_str_t body,
    social_str_t secret,
    unsigned char signature[SOCIAL_WEBHOOK_SIGNATURE_SIZE])
{
    int64_t        t;
    unsigned char  mac[SOCIAL_SHA256_SIZE];

    if (id.len == 0 || id.len > SOCIAL_WEBHOOK_MAX_ID
        || memchr(id.data, '.', id.len) != NULL
        || social_webhook_time(timestamp, &t) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    if (social_webhook_mac(id, timestamp, body, secret, mac) != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    memcpy(signature, "v1,", 3);
    social_base64_encode((social_str_t) { SOCIAL_SHA256_SIZE, mac },
                         signature + 3);

    return SOCIAL_OK;
}


static social_rc_e
social_webhook_time(social_str_t s, int64_t *t)
{
    size_t  i;

    *t = 0;

    if (s.len == 0 || s.len > 12) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return SOCIAL_MALFORMED;
        }

        *t = *t * 10 + (s.data[i] - '0');
    }

    return SOCIAL_OK;
}


/*
 * Over "ID.TIMESTAMP.BODY", which has to be in one piece.
 */

static social_rc_e
social_webhook_mac(social_str_t id, social_str_t timestamp, social_str_t body,
    social_str_t secret, unsigned char mac[SOCIAL_SHA256_SIZE])
{
    size_t          len;
    social_rc_e     rc;
    unsigned char  *buf;

    len = id.len + 1 + timestamp.len + 1 + body.len;

    buf = malloc(len);
    if (buf == NULL) {
        return SOCIAL_FAILED;
    }

    memcpy(buf, id.data, id.len);
    buf[id.len] = '.';
    memcpy(buf + id.len + 1, timestamp.data, timestamp.len);
    buf[id.len + 1 + timestamp.len] = '.';

    if (body.len) {
        memcpy(buf + len - body.len, body.data, body.len);
    }

    rc = social_hmac_sha256(secret, (social_str_t) { len, buf }, mac);

    free(buf);

    return rc;
}
