
/*
 * Assertions: what the gateway signs for a backend about a verified identity.
 */

#include <stdlib.h>
#include <string.h>
#include <jwt.h>

#include "social_assertion.h"


static social_rc_e social_assertion_claims(jwt_t *jwt,
    const social_assertion_t *assertion, int64_t now);
static social_rc_e social_assertion_string(jwt_t *jwt, const char *name,
    social_str_t value);
static social_rc_e social_assertion_list(jwt_t *jwt, const char *name,
    const social_json_t *claim);
static size_t social_assertion_list_size(const social_json_t *claim);
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
        || social_assertion_string(jwt, "sub", assertion->subject)
           != SOCIAL_OK
        || jwt_add_grant_int(jwt, "iat", (long) now) != 0
        || jwt_add_grant_int(jwt, "exp", (long) (now + assertion->ttl)) != 0)
    {
        return SOCIAL_FAILED;
    }

    if (social_json_string(social_json_member(assertion->claims,
                                              assertion->username),
                           &username)
        == SOCIAL_OK
        && social_assertion_string(jwt, "username", username) != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    if (social_assertion_list(jwt, "groups",
                              social_json_member(assertion->claims,
                                                 assertion->groups))
        != SOCIAL_OK)
    {
        return SOCIAL_FAILED;
    }

    return social_assertion_list(jwt, "scopes",
                                 social_json_member(assertion->claims,
                                                    assertion->scopes));
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
 * An array's strings, or a string's words: a backend finds one form.  What is
 * neither is left out.
 */

static social_rc_e
social_assertion_list(jwt_t *jwt, const char *name,
    const social_json_t *claim)
{
    int             rc;
    size_t          i, size;
    social_str_t    item;
    unsigned char  *text, *p;

    size = social_assertion_list_size(claim);

    if (size == 0) {
        return SOCIAL_OK;
    }

    size += strlen(name) + sizeof("{\"\":[]}");

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

    if (social_json_string(claim, &item) == SOCIAL_OK) {

        social_str_t  rest = item;

        while (social_str_next(&rest, " ", &item)) {
            p = social_assertion_item(p, item);
        }

    } else {

        for (i = 0; i < social_json_count(claim); i++) {
            if (social_json_string(social_json_element(claim, i), &item)
                == SOCIAL_OK)
            {
                p = social_assertion_item(p, item);
            }
        }
    }

    if (p[-1] == ',') {
        p--;
    }

    memcpy(p, "]}", sizeof("]}"));

    rc = jwt_add_grants_json(jwt, (char *) text);

    free(text);

    return rc == 0 ? SOCIAL_OK : SOCIAL_FAILED;
}


/*
 * Six bytes for each at the most, and quotes and a comma for each item, of
 * which a string has at most half as many as bytes.  0: there is no list.
 */

static size_t
social_assertion_list_size(const social_json_t *claim)
{
    size_t        i, size;
    social_str_t  item;

    if (claim == NULL) {
        return 0;
    }

    if (social_json_string(claim, &item) == SOCIAL_OK) {
        return 8 * item.len + 8;
    }

    if (!social_json_is_array(claim)) {
        return 0;
    }

    size = 8;

    for (i = 0; i < social_json_count(claim); i++) {
        if (social_json_string(social_json_element(claim, i), &item)
            == SOCIAL_OK)
        {
            size += 6 * item.len + 3;
        }
    }

    return size;
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
