
/*
 * Thumbprints of keys.
 */

#include <string.h>

#include "social_base64url.h"
#include "social_thumbprint.h"


typedef struct {
    social_str_t  kty;
    const char   *members[5];    /* in the order of their names, with "kty" */
} social_thumbprint_type_t;


static social_rc_e social_thumbprint_update(social_sha256_t *h,
    const char *text);
static social_rc_e social_thumbprint_member(social_sha256_t *h,
    const social_json_t *jwk, const char *name, bool first);
static bool social_thumbprint_is_plain(social_str_t value);


static const social_thumbprint_type_t  social_thumbprint_types[] = {
    { social_string("RSA"), { "e", "kty", "n", NULL, NULL } },
    { social_string("EC"), { "crv", "kty", "x", "y", NULL } },
    { social_string("OKP"), { "crv", "kty", "x", NULL, NULL } }
};

#define SOCIAL_THUMBPRINT_TYPES                                               \
    (sizeof(social_thumbprint_types) / sizeof(social_thumbprint_types[0]))


social_rc_e
social_thumbprint(const social_json_t *jwk,
    unsigned char thumbprint[SOCIAL_THUMBPRINT_SIZE])
{
    size_t                           i, n;
    social_rc_e                      rc;
    social_str_t                     kty;
    social_sha256_t                 *h;
    const social_thumbprint_type_t  *type;
    static const social_str_t        kty_name = social_string("kty");

    if (social_json_string(social_json_member(jwk, kty_name), &kty)
        != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < SOCIAL_THUMBPRINT_TYPES; i++) {
        if (social_str_eq(kty, social_thumbprint_types[i].kty)) {
            break;
        }
    }

    if (i == SOCIAL_THUMBPRINT_TYPES) {
        return SOCIAL_DECLINED;
    }

    type = &social_thumbprint_types[i];

    h = social_sha256_create();
    if (h == NULL) {
        return SOCIAL_FAILED;
    }

    rc = social_thumbprint_update(h, "{");

    for (n = 0; rc == SOCIAL_OK && type->members[n] != NULL; n++) {
        rc = social_thumbprint_member(h, jwk, type->members[n], n == 0);
    }

    if (rc == SOCIAL_OK) {
        rc = social_thumbprint_update(h, "}");
    }

    if (rc == SOCIAL_OK) {
        rc = social_sha256_final(h, thumbprint);
    }

    social_sha256_destroy(h);

    return rc;
}


static social_rc_e
social_thumbprint_update(social_sha256_t *h, const char *text)
{
    return social_sha256_update(h, social_str(text));
}


/*
 * ,"name":"value".  What needs to be escaped has no one spelling, and is in no
 * proper key.
 */

static social_rc_e
social_thumbprint_member(social_sha256_t *h, const social_json_t *jwk,
    const char *name, bool first)
{
    social_str_t  value;

    if (social_json_string(social_json_member(jwk, social_str(name)), &value)
        != SOCIAL_OK
        || !social_thumbprint_is_plain(value))
    {
        return SOCIAL_MALFORMED;
    }

    if (social_thumbprint_update(h, first ? "\"" : ",\"") != SOCIAL_OK
        || social_thumbprint_update(h, name) != SOCIAL_OK
        || social_thumbprint_update(h, "\":\"") != SOCIAL_OK
        || social_sha256_update(h, value) != SOCIAL_OK
        || social_thumbprint_update(h, "\"") != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


static bool
social_thumbprint_is_plain(social_str_t value)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < value.len; i++) {

        ch = value.data[i];

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')
            && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_')
        {
            return false;
        }
    }

    return value.len != 0;
}


social_rc_e
social_thumbprint_read(social_str_t text,
    unsigned char thumbprint[SOCIAL_THUMBPRINT_SIZE])
{
    size_t         len;
    unsigned char  buf[social_base64url_decoded_size(SOCIAL_THUMBPRINT_TEXT)];

    if (text.len != SOCIAL_THUMBPRINT_TEXT
        || social_base64url_decode(text, buf, &len) != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    memcpy(thumbprint, buf, SOCIAL_THUMBPRINT_SIZE);

    return SOCIAL_OK;
}
