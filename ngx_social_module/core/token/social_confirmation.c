
/*
 * What a token is bound to.
 */

#include <string.h>

#include "social_buf.h"
#include "social_confirmation.h"
#include "social_encoding.h"
#include "social_uri.h"


#define SOCIAL_CERTIFICATE_BEGIN  "-----BEGIN CERTIFICATE-----"
#define SOCIAL_CERTIFICATE_END    "-----END CERTIFICATE-----"


static social_rc_e social_confirmation_member(const social_json_t *cnf,
    social_str_t name, unsigned char digest[SOCIAL_THUMBPRINT_SIZE],
    bool *found);
static social_rc_e social_certificate_pem(social_str_t text,
    unsigned char *buf, social_str_t *base64);


social_rc_e
social_confirmation(const social_json_t *payload,
    social_confirmation_t *confirmation)
{
    social_rc_e                rc;
    const social_json_t       *cnf;
    static const social_str_t  name = social_string("cnf");
    static const social_str_t  jkt = social_string("jkt");
    static const social_str_t  x5t = social_string("x5t#S256");

    memset(confirmation, 0, sizeof(social_confirmation_t));

    cnf = social_json_present(payload, name);

    if (cnf == NULL) {
        return SOCIAL_OK;
    }

    if (!social_json_is_object(cnf)) {
        return SOCIAL_MALFORMED;
    }

    rc = social_confirmation_member(cnf, jkt, confirmation->jkt,
                                    &confirmation->key);

    if (rc == SOCIAL_OK) {
        rc = social_confirmation_member(cnf, x5t, confirmation->x5t,
                                        &confirmation->certificate);
    }

    return rc;
}


static social_rc_e
social_confirmation_member(const social_json_t *cnf, social_str_t name,
    unsigned char digest[SOCIAL_THUMBPRINT_SIZE], bool *found)
{
    social_rc_e   rc;
    social_str_t  text;

    rc = social_json_string(social_json_member(cnf, name), &text);

    if (rc == SOCIAL_DECLINED) {
        return SOCIAL_OK;
    }

    if (rc == SOCIAL_OK) {
        rc = social_thumbprint_read(text, digest);
    }

    *found = (rc == SOCIAL_OK);

    return rc;
}


social_rc_e
social_certificate_digest(social_str_t text, unsigned char *buf,
    unsigned char digest[SOCIAL_SHA256_SIZE])
{
    size_t        len;
    social_str_t  base64, der;

    text = social_str_trim(text);

    if (text.len > 2 && text.data[0] == ':' && text.data[text.len - 1] == ':')
    {
        base64.data = text.data + 1;
        base64.len = text.len - 2;

    } else if (social_certificate_pem(text, buf, &base64) != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    /* in place: what is written is always behind what is read */

    if (social_base64_decode(base64, buf, &len) != SOCIAL_OK || len == 0) {
        return SOCIAL_MALFORMED;
    }

    der.data = buf;
    der.len = len;

    return social_sha256(der, digest);
}


/*
 * The base64 of the first certificate, in "buf", without white space.
 */

static social_rc_e
social_certificate_pem(social_str_t text, unsigned char *buf,
    social_str_t *base64)
{
    size_t                     i, n;
    social_buf_t               b;
    social_str_t               s;
    static const social_str_t  begin = social_string(SOCIAL_CERTIFICATE_BEGIN);
    static const social_str_t  end = social_string(SOCIAL_CERTIFICATE_END);

    social_buf_init(&b, buf, text.len);
    social_uri_decode(&b, text, 0);

    if (b.rc != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    s = social_str_trim(social_buf_since(&b, 0));

    if (!social_str_starts(s, begin)) {
        return SOCIAL_MALFORMED;
    }

    s.data += begin.len;
    s.len -= begin.len;

    n = 0;

    for (i = 0; i < s.len && s.data[i] != '-'; i++) {

        if (s.data[i] == ' ' || s.data[i] == '\t' || s.data[i] == '\r'
            || s.data[i] == '\n')
        {
            continue;
        }

        buf[n++] = s.data[i];
    }

    s.data += i;
    s.len -= i;

    if (!social_str_starts(s, end)) {
        return SOCIAL_MALFORMED;
    }

    base64->data = buf;
    base64->len = n;

    return SOCIAL_OK;
}
