
/*
 * Assertions: what the gateway signs for a backend about a verified identity.
 */

#include <stdlib.h>
#include <string.h>
#include <jwt.h>

#include "social_assertion.h"
#include "social_claims.h"


static social_rc_e social_assertion_claims(jwt_t *jwt,
    const social_assertion_t *assertion, int64_t now);
static social_rc_e social_assertion_string(jwt_t *jwt, const char *name,
    social_str_t value);
static social_rc_e social_assertion_list(jwt_t *jwt, const char *name,
    const social_json_t *payload, const social_claim_path_t *claim);
static unsigned char *social_assertion_item(unsigned char *p,
    social_str_t text);


social_rc_e
social_assertion_mint(const social_assertion_t *assertion, int64_t now,
    social_str_t *text)
{
    char         *out;
    jwt_t        *jwt;
    social_rc_e   rc;

    text->len = 0;
    text->data = NULL;

    if (jwt_new(&jwt) != 0) {
        return SOCIAL_FAILED;
    }

    rc = social_assertion_claims(jwt, assertion, now);
    out = NULL;

    if (rc == SOCIAL_OK
        && jwt_set_alg(jwt, JWT_ALG_HS256, assertion->secret.data,
                       (int) assertion->secret.len)
           == 0)
    {
        out = jwt_encode_str(jwt);
    }

    jwt_free(jwt);

    if (out == NULL) {
        return SOCIAL_FAILED;
    }

    text->data = (const unsigned char *) out;
    text->len = strlen(out);

    return SOCIAL_OK;
}


void
social_assertion_free(social_str_t *text)
{
    free((char *) (uintptr_t) text->data);

    text->len = 0;
    text->data = NULL;
}


static social_rc_e
social_assertion_claims(jwt_t *jwt, const social_assertion_t *assertion,
    int64_t now)
{
    social_str_t  username;

    if (social_assertion_string(jwt, "iss", assertion->issuer) != SOCIAL_OK
        || social_assertion_string(jwt, "aud", assertion->audience)
           != SOCIAL_OK
        || jwt_add_grant_int(jwt, "iat", (long) now) != 0
        || jwt_add_grant_int(jwt, "exp", (long) (now + assertion->ttl)) != 0)
    {
        return SOCIAL_FAILED;
    }

    if (assertion->subject.len != 0
        && social_assertion_string(jwt, "sub", assertion->subject)
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (assertion->user.len != 0
        && social_assertion_string(jwt, "user_id", assertion->user)
           != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (social_json_string(assertion->username, &username) == SOCIAL_OK
        && social_assertion_string(jwt, "username", username) != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (social_assertion_list(jwt, "groups", assertion->claims,
                              assertion->groups)
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    return social_assertion_list(jwt, "scopes", assertion->claims,
                                 assertion->scopes);
}


static social_rc_e
social_assertion_string(jwt_t *jwt, const char *name, social_str_t value)
{
    int    rc;
    char  *text;

    text = malloc(value.len + 1);
    if (text == NULL) {
        return SOCIAL_FAILED;
    }

    if (value.len) {
        memcpy(text, value.data, value.len);
    }

    text[value.len] = '\0';

    rc = jwt_add_grant(jwt, name, text);

    free(text);

    return rc == 0 ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * The values of a claim, whose form a backend need not know.  Of a claim that
 * has no form of a list there is none.  Six bytes for each byte
 * are the most, and quotes and a comma for each value.
 */

static social_rc_e
social_assertion_list(jwt_t *jwt, const char *name,
    const social_json_t *payload, const social_claim_path_t *claim)
{
    int                      rc;
    size_t                   size;
    social_str_t             item;
    unsigned char           *text, *p;
    social_claims_values_t   values;

    social_claims_values(payload, claim, &values);

    if (social_json_string(values.claim, &item) != SOCIAL_OK
        && !social_json_is_array(values.claim)
        && !(values.kind == SOCIAL_CLAIM_NAMES
             && social_json_is_object(values.claim)))
    {
        return SOCIAL_OK;
    }

    size = strlen(name) + sizeof("{\"\":[]}");

    while (social_claims_next(&values, &item)) {
        size += 6 * item.len + 3;
    }

    text = malloc(size);
    if (text == NULL) {
        return SOCIAL_FAILED;
    }

    p = text;
    *p++ = '{';
    *p++ = '"';
    memcpy(p, name, strlen(name));
    p += strlen(name);
    memcpy(p, "\":[", 3);
    p += 3;

    social_claims_values(payload, claim, &values);

    while (social_claims_next(&values, &item)) {
        p = social_assertion_item(p, item);
    }

    if (p[-1] == ',') {
        p--;
    }

    memcpy(p, "]}", sizeof("]}"));

    rc = jwt_add_grants_json(jwt, (char *) text);

    free(text);

    return rc == 0 ? SOCIAL_OK : SOCIAL_FAILED;
}


static unsigned char *
social_assertion_item(unsigned char *p, social_str_t text)
{
    *p++ = '"';
    p = social_json_escape(p, text);
    *p++ = '"';
    *p++ = ',';

    return p;
}
