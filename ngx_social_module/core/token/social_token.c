
/*
 * Extracting a token from a value, and the texts of its status.
 */

#include <string.h>

#include "social_token.h"


/* bytes of a signature of which a half says whose it is */
#define SOCIAL_TOKEN_HALVES  64


typedef struct {
    social_str_t  name;
    social_str_t  text;
} social_token_status_text_t;


static social_token_status_e social_token_of_scheme(social_str_t value,
    social_str_t name, social_str_t *token);
static void social_token_split(social_str_t value, social_str_t *scheme,
    social_str_t *rest);
static social_token_status_e social_token_check(social_str_t text,
    social_str_t *token);
static bool social_token_has(social_str_t text, social_str_t s);


static const social_token_status_text_t  social_token_statuses[] = {

    [SOCIAL_TOKEN_OK] =
        { social_string("ok"), social_string("the token is valid") },

    [SOCIAL_TOKEN_NONE] =
        { social_string("none"), social_string("there is no token") },

    [SOCIAL_TOKEN_MALFORMED] =
        { social_string("malformed"),
          social_string("the token is malformed") },

    [SOCIAL_TOKEN_TOO_LARGE] =
        { social_string("too_large"),
          social_string("the token is too large") },

    [SOCIAL_TOKEN_SEVERAL] =
        { social_string("several"),
          social_string("there is more than one token") },

    [SOCIAL_TOKEN_ALGORITHM] =
        { social_string("algorithm"),
          social_string("the token's algorithm is not accepted") },

    [SOCIAL_TOKEN_ISSUER] =
        { social_string("issuer"),
          social_string("the token's issuer is not accepted") },

    [SOCIAL_TOKEN_UNKNOWN_KEY] =
        { social_string("unknown_key"),
          social_string("the token's key is not known") },

    [SOCIAL_TOKEN_SIGNATURE] =
        { social_string("signature"),
          social_string("the token's signature is invalid") },

    [SOCIAL_TOKEN_CLAIMS] =
        { social_string("claims"),
          social_string("the token lacks a claim or one is of a wrong type") },

    [SOCIAL_TOKEN_EXPIRED] =
        { social_string("expired"), social_string("the token has expired") },

    [SOCIAL_TOKEN_NOT_YET_VALID] =
        { social_string("not_yet_valid"),
          social_string("the token is not valid yet") },

    [SOCIAL_TOKEN_USE] =
        { social_string("token_use"),
          social_string("the token is not for this use") },

    [SOCIAL_TOKEN_CLIENT] =
        { social_string("client"),
          social_string("the token's client is not accepted") },

    [SOCIAL_TOKEN_AUDIENCE] =
        { social_string("audience"),
          social_string("the token does not have a valid audience") },

    [SOCIAL_TOKEN_REVOKED] =
        { social_string("revoked"),
          social_string("the token's session was ended") },

    [SOCIAL_TOKEN_ORIGIN] =
        { social_string("origin"),
          social_string("a token in a cookie is not accepted from this "
                        "origin") },

    [SOCIAL_TOKEN_BINDING] =
        { social_string("binding"),
          social_string("the token is bound, or must be, to a key or "
                        "certificate that was not used") },

    [SOCIAL_TOKEN_PROOF] =
        { social_string("proof"),
          social_string("the DPoP proof is missing or invalid") },

    [SOCIAL_TOKEN_NONCE] =
        { social_string("nonce"),
          social_string("the DPoP proof must have the nonce of DPoP-Nonce") },

    [SOCIAL_TOKEN_PENDING] =
        { social_string("pending"),
          social_string("the token's key is being fetched") },

    [SOCIAL_TOKEN_UNVERIFIED] =
        { social_string("unverified"),
          social_string("the token's signature was not checked") },

    [SOCIAL_TOKEN_NO_KEYS] =
        { social_string("no_keys"),
          social_string("there are no keys to verify tokens by") },

    [SOCIAL_TOKEN_NO_REVOCATIONS] =
        { social_string("no_revocations"),
          social_string("revoked sessions have not been loaded yet") },

    [SOCIAL_TOKEN_NO_ROOM] =
        { social_string("no_room"),
          social_string("there is no room for more DPoP proofs of this key") },

    [SOCIAL_TOKEN_FAILED] =
        { social_string("failed"),
          social_string("the token could not be verified") }
};


social_token_status_e
social_token_from_bearer(social_str_t value, social_str_t *token)
{
    static const social_str_t  bearer = social_string("bearer");

    return social_token_of_scheme(value, bearer, token);
}


social_token_status_e
social_token_from_dpop(social_str_t value, social_str_t *token)
{
    static const social_str_t  dpop = social_string("dpop");

    return social_token_of_scheme(value, dpop, token);
}


static social_token_status_e
social_token_of_scheme(social_str_t value, social_str_t name,
    social_str_t *token)
{
    social_str_t  scheme, rest;

    token->len = 0;
    token->data = value.data;

    social_token_split(value, &scheme, &rest);

    if (!social_str_caseeq(scheme, name)) {
        return SOCIAL_TOKEN_NONE;
    }

    return social_token_check(rest, token);
}


social_token_status_e
social_token_from_value(social_str_t value, social_str_t *token)
{
    social_str_t               scheme, rest;
    static const social_str_t  bearer = social_string("bearer");

    token->len = 0;
    token->data = value.data;

    value = social_str_trim(value);

    if (value.len == 0) {
        return SOCIAL_TOKEN_NONE;
    }

    social_token_split(value, &scheme, &rest);

    return social_token_check(social_str_caseeq(scheme, bearer) ? rest : value,
                              token);
}


social_token_status_e
social_token_from_protocols(social_str_t value, social_str_t *token)
{
    bool                       found;
    social_str_t               item, text;
    static const social_str_t  bearer = social_string("bearer");

    token->len = 0;
    token->data = value.data;

    found = false;
    text.len = 0;
    text.data = value.data;

    while (social_str_next(&value, ",", &item)) {

        item = social_str_trim(item);

        /* a list may have empty elements (RFC 9110, 5.6.1.2) */

        if (item.len == 0 || !social_str_eq(item, bearer)) {
            continue;
        }

        if (found) {
            return SOCIAL_TOKEN_SEVERAL;
        }

        found = true;

        while (social_str_next(&value, ",", &item)) {

            text = social_str_trim(item);

            if (text.len) {
                break;
            }
        }
    }

    return found ? social_token_check(text, token) : SOCIAL_TOKEN_NONE;
}


size_t
social_token_count(social_str_t text, social_str_t name,
    const char *separators)
{
    size_t        i, n;
    social_str_t  item, word;

    n = 0;

    while (social_str_next(&text, separators, &item)) {

        for (i = 0; i < item.len && item.data[i] != '='; i++) { /* void */ }

        if (i == item.len) {
            continue;
        }

        word.data = item.data;
        word.len = i;

        if (social_str_caseeq(social_str_trim(word), name)) {
            n++;
        }
    }

    return n;
}


size_t
social_token_cookie(social_str_t text, social_str_t name, social_str_t *value)
{
    size_t        i, n;
    social_str_t  item, word;

    n = 0;

    while (social_str_next(&text, ";,", &item)) {

        for (i = 0; i < item.len && item.data[i] != '='; i++) { /* void */ }

        if (i == item.len) {
            continue;
        }

        word.data = item.data;
        word.len = i;

        if (!social_str_eq(social_str_trim(word), name)) {
            continue;
        }

        if (n++ == 0) {
            item.data += i + 1;
            item.len -= i + 1;

            *value = social_str_trim(item);
        }
    }

    return n;
}


social_str_t
social_token_unquote(social_str_t value)
{
    if (value.len >= 2 && value.data[0] == '"'
        && value.data[value.len - 1] == '"')
    {
        value.data++;
        value.len -= 2;
    }

    return value;
}


bool
social_token_is_in(social_str_t token, social_str_t text)
{
    size_t        i;
    social_str_t  half;

    for (i = token.len; i > 0; i--) {
        if (token.data[i - 1] == '.') {
            token.data += i;
            token.len -= i;
            break;
        }
    }

    /* of a token that was cut into several cookies, one half is whole */

    if (token.len >= SOCIAL_TOKEN_HALVES) {

        half.data = token.data;
        half.len = token.len / 2;

        if (social_token_has(text, half)) {
            return true;
        }

        token.data += half.len;
        token.len -= half.len;
    }

    return social_token_has(text, token);
}


static bool
social_token_has(social_str_t text, social_str_t s)
{
    const unsigned char  *p;

    if (s.len == 0) {
        return false;
    }

    while (text.len >= s.len) {

        p = memchr(text.data, s.data[0], text.len - s.len + 1);
        if (p == NULL) {
            return false;
        }

        if (memcmp(p, s.data, s.len) == 0) {
            return true;
        }

        text.len -= (size_t) (p - text.data) + 1;
        text.data = p + 1;
    }

    return false;
}


/*
 * The first word, and what follows the spaces after it.
 */

static void
social_token_split(social_str_t value, social_str_t *scheme,
    social_str_t *rest)
{
    size_t  i;

    value = social_str_trim(value);

    for (i = 0; i < value.len && value.data[i] != ' '; i++) { /* void */ }

    scheme->data = value.data;
    scheme->len = i;

    while (i < value.len && value.data[i] == ' ') {
        i++;
    }

    /* an empty view may have no data to add to */

    rest->data = i ? value.data + i : value.data;
    rest->len = value.len - i;
}


/*
 * Its bytes are not checked here: a cached token is compared as a whole, and
 * any other one is parsed.
 */

static social_token_status_e
social_token_check(social_str_t text, social_str_t *token)
{
    if (text.len == 0) {
        return SOCIAL_TOKEN_MALFORMED;
    }

    if (text.len > SOCIAL_TOKEN_MAX_SIZE) {
        return SOCIAL_TOKEN_TOO_LARGE;
    }

    *token = text;

    return SOCIAL_TOKEN_OK;
}


bool
social_token_is_placeholder(social_str_t token)
{
    static const social_str_t  null = social_string("null");
    static const social_str_t  undefined = social_string("undefined");

    return social_str_eq(token, null) || social_str_eq(token, undefined);
}


social_str_t
social_token_status_name(social_token_status_e status)
{
    return social_token_statuses[status].name;
}


social_str_t
social_token_status_text(social_token_status_e status)
{
    return social_token_statuses[status].text;
}
