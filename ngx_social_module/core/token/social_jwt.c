
/*
 * Parsing of a signed token in compact form.
 */

#include <string.h>

#include "social_base64url.h"
#include "social_jwt.h"


static social_token_status_e social_jwt_parse_parts(social_str_t token,
    unsigned char *buf, bool issued, social_jwt_t *jwt);
static social_token_status_e social_jwt_split(social_str_t token,
    social_str_t parts[3]);
static social_token_status_e social_jwt_decode(social_str_t part,
    unsigned char **buf, social_str_t *out);
static social_token_status_e social_jwt_decode_json(social_str_t part,
    unsigned char **buf, social_json_t **json);
static social_token_status_e social_jwt_parse_header(social_jwt_t *jwt);
static social_str_t social_jwt_subtype(social_str_t type);


social_token_status_e
social_jwt_parse(social_str_t token, unsigned char *buf, social_jwt_t *jwt)
{
    return social_jwt_parse_parts(token, buf, true, jwt);
}


social_token_status_e
social_jwt_parse_unissued(social_str_t token, unsigned char *buf,
    social_jwt_t *jwt)
{
    return social_jwt_parse_parts(token, buf, false, jwt);
}


static social_token_status_e
social_jwt_parse_parts(social_str_t token, unsigned char *buf, bool issued,
    social_jwt_t *jwt)
{
    social_str_t               parts[3];
    social_token_status_e      status;
    static const social_str_t  iss = social_string("iss");

    memset(jwt, 0, sizeof(social_jwt_t));

    status = social_jwt_split(token, parts);
    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    jwt->input.data = token.data;
    jwt->input.len = (size_t) (parts[2].data - token.data) - 1;

    status = social_jwt_decode_json(parts[0], &buf, &jwt->header);

    if (status == SOCIAL_TOKEN_OK) {
        status = social_jwt_parse_header(jwt);
    }

    if (status == SOCIAL_TOKEN_OK) {
        status = social_jwt_decode_json(parts[1], &buf, &jwt->payload);
    }

    if (status == SOCIAL_TOKEN_OK && issued
        && social_json_string(social_json_member(jwt->payload, iss),
                              &jwt->issuer)
           != SOCIAL_OK)
    {
        status = SOCIAL_TOKEN_MALFORMED;
    }

    if (status == SOCIAL_TOKEN_OK) {
        status = social_jwt_decode(parts[2], &buf, &jwt->signature);
    }

    if (status != SOCIAL_TOKEN_OK) {
        social_jwt_free(jwt);
    }

    return status;
}


void
social_jwt_free(social_jwt_t *jwt)
{
    social_json_free(jwt->header);
    social_json_free(jwt->payload);

    memset(jwt, 0, sizeof(social_jwt_t));
}


/*
 * Two dots and no third: five parts are an encrypted token.  An empty part is
 * invalid.
 */

static social_token_status_e
social_jwt_split(social_str_t token, social_str_t parts[3])
{
    size_t                i;
    const unsigned char  *p, *dot;

    if (token.len > SOCIAL_TOKEN_MAX_SIZE) {
        return SOCIAL_TOKEN_TOO_LARGE;
    }

    for (i = 0; i < 2; i++) {

        dot = token.len ? memchr(token.data, '.', token.len) : NULL;

        if (dot == NULL || dot == token.data) {
            return SOCIAL_TOKEN_MALFORMED;
        }

        parts[i].data = token.data;
        parts[i].len = (size_t) (dot - token.data);

        p = dot + 1;
        token.len -= (size_t) (p - token.data);
        token.data = p;
    }

    if (token.len == 0 || memchr(token.data, '.', token.len) != NULL) {
        return SOCIAL_TOKEN_MALFORMED;
    }

    parts[2] = token;

    return SOCIAL_TOKEN_OK;
}


/*
 * The three parts decode to less than the token's own length, one after the
 * other: "n" characters give at most n * 3 / 4 bytes.
 */

static social_token_status_e
social_jwt_decode(social_str_t part, unsigned char **buf, social_str_t *out)
{
    size_t  len;

    if (social_base64url_decode(part, *buf, &len) != SOCIAL_OK) {
        return SOCIAL_TOKEN_MALFORMED;
    }

    out->data = *buf;
    out->len = len;
    *buf += len;

    return SOCIAL_TOKEN_OK;
}


static social_token_status_e
social_jwt_decode_json(social_str_t part, unsigned char **buf,
    social_json_t **json)
{
    social_str_t           text;
    unsigned char         *p;
    social_token_status_e  status;

    p = *buf;

    status = social_jwt_decode(part, buf, &text);
    if (status != SOCIAL_TOKEN_OK) {
        return status;
    }

    switch (social_json_parse_in_place(p, text.len, json)) {

    case SOCIAL_OK:
        return SOCIAL_TOKEN_OK;

    case SOCIAL_FAILED:
        return SOCIAL_TOKEN_FAILED;

    default:
        return SOCIAL_TOKEN_MALFORMED;
    }
}


static social_token_status_e
social_jwt_parse_header(social_jwt_t *jwt)
{
    size_t                     i;
    social_rc_e                rc;
    social_str_t               alg;
    static const social_str_t  alg_name = social_string("alg");
    static const social_str_t  kid_name = social_string("kid");
    static const social_str_t  typ_name = social_string("typ");
    static const social_str_t  refused[] = {
        social_string("crit"), social_string("b64"), social_string("zip")
    };

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (social_json_member(jwt->header, refused[i]) != NULL) {
            return SOCIAL_TOKEN_MALFORMED;
        }
    }

    if (social_json_string(social_json_member(jwt->header, alg_name), &alg)
        != SOCIAL_OK)
    {
        return SOCIAL_TOKEN_MALFORMED;
    }

    jwt->algorithm = social_algorithm(alg);

    if (jwt->algorithm == SOCIAL_ALGORITHM_NONE) {
        return SOCIAL_TOKEN_ALGORITHM;
    }

    rc = social_json_string(social_json_present(jwt->header, kid_name),
                            &jwt->kid);

    if (rc == SOCIAL_MALFORMED || (rc == SOCIAL_OK && jwt->kid.len == 0)) {
        return SOCIAL_TOKEN_MALFORMED;
    }

    if (social_json_string(social_json_present(jwt->header, typ_name),
                           &jwt->type)
        == SOCIAL_MALFORMED)
    {
        return SOCIAL_TOKEN_MALFORMED;
    }

    return SOCIAL_TOKEN_OK;
}


bool
social_jwt_type_accepted(social_str_t type, social_str_t expected)
{
    size_t                     i;
    static const social_str_t  types[] = {
        social_string("jwt"), social_string("at+jwt"), social_string("jose")
    };

    if (expected.len) {
        return social_str_caseeq(social_jwt_subtype(type),
                                 social_jwt_subtype(expected));
    }

    if (type.len == 0) {
        return true;
    }

    type = social_jwt_subtype(type);

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (social_str_caseeq(type, types[i])) {
            return true;
        }
    }

    return false;
}


/*
 * A media type whose "application/" may be left out.
 */

static social_str_t
social_jwt_subtype(social_str_t type)
{
    social_str_t               prefix;
    static const social_str_t  application = social_string("application/");

    prefix.data = type.data;
    prefix.len = application.len;

    if (type.len > prefix.len && social_str_caseeq(prefix, application)) {
        type.data += prefix.len;
        type.len -= prefix.len;
    }

    return type;
}
