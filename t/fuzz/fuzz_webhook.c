
/*
 * The headers of a webhook, and its body: lines of the id, the time and the
 * signatures.  Nobody has the secret, so that nothing is accepted but what was
 * signed here.
 */

#include "fuzz.h"
#include "social_crypto.h"
#include "social_encoding.h"
#include "social_webhook.h"


#define NOW  1700000000


static social_str_t
line(social_str_t *rest)
{
    size_t        n;
    social_str_t  s;

    for (n = 0; n < rest->len && rest->data[n] != '\n'; n++) {
        /* void */
    }

    s.data = rest->data;
    s.len = n;

    if (n < rest->len) {
        n++;
    }

    rest->data += n;
    rest->len -= n;

    return s;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len;
    int64_t         at;
    social_rc_e     rc, timed;
    social_str_t    text, rest, id, timestamp, signatures, signed_text, good;
    unsigned char   mac[SOCIAL_SHA256_SIZE], *p;
    unsigned char   value[3 + social_base64_size(SOCIAL_SHA256_SIZE)];
    unsigned char   secret[SOCIAL_WEBHOOK_MAX_SECRET];
    social_str_t    secrets[2];

    text = fuzz_copy(data, size);
    rest = text;

    /* a file with a secret may have anything in it */

    rc = social_webhook_secret(text, secret, &len);
    FUZZ_CHECK(rc == SOCIAL_MALFORMED
               || (rc == SOCIAL_OK && len >= SOCIAL_WEBHOOK_MIN_SECRET
                   && len <= SOCIAL_WEBHOOK_MAX_SECRET));

    id = line(&rest);
    timestamp = line(&rest);
    signatures = line(&rest);

    secrets[0] = social_str("a secret of twenty-four bytes, or of more");
    secrets[1].len = 0;
    secrets[1].data = NULL;

    rc = social_webhook_verify(id, timestamp, signatures, rest, secrets, NOW);
    FUZZ_CHECK(rc == SOCIAL_MALFORMED || rc == SOCIAL_DECLINED);

    /* signed here, it is accepted if its time and its id are good */

    timed = social_webhook_time(timestamp, &at);

    len = id.len + 1 + timestamp.len + 1 + rest.len;
    p = malloc(len);
    FUZZ_CHECK(p != NULL);

    signed_text.data = p;
    signed_text.len = len;

    if (id.len) {
        memcpy(p, id.data, id.len);
    }

    p[id.len] = '.';

    if (timestamp.len) {
        memcpy(p + id.len + 1, timestamp.data, timestamp.len);
    }

    p[id.len + 1 + timestamp.len] = '.';

    if (rest.len) {
        memcpy(p + len - rest.len, rest.data, rest.len);
    }

    FUZZ_CHECK(social_hmac_sha256(secrets[0], signed_text, mac) == SOCIAL_OK);

    memcpy(value, "v1,", 3);
    good.data = value;
    good.len = 3 + social_base64_encode((social_str_t) { sizeof(mac), mac },
                                        value + 3);

    rc = social_webhook_verify(id, timestamp, good, rest, secrets, NOW);

    if (timed != SOCIAL_OK || id.len == 0 || id.len > SOCIAL_WEBHOOK_MAX_ID) {
        FUZZ_CHECK(rc == SOCIAL_MALFORMED);

    } else {
        FUZZ_CHECK(rc == (at >= NOW - SOCIAL_WEBHOOK_TOLERANCE
                          && at <= NOW + SOCIAL_WEBHOOK_TOLERANCE
                          ? SOCIAL_OK : SOCIAL_DECLINED));
    }

    free(p);
    fuzz_free(text);

    return 0;
}
