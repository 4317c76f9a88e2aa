
/*
 * What an issuer says when a session ends.
 */

#include <string.h>

#include "social_jwt.h"
#include "social_logout_token.h"
#include "social_uri.h"


#define SOCIAL_LOGOUT_FRESH  300


static social_rc_e social_logout_param(const social_uri_query_t *q,
    social_str_t name, social_str_t *value);
static bool social_logout_text(const social_json_t *payload, const char *name,
    social_str_t *value);
static bool social_logout_value(const social_json_t *claim,
    social_str_t *value);
static bool social_logout_audience(const social_json_t *payload,
    const social_claims_policy_t *policy);


social_token_status_e
social_logout_form(social_str_t form, social_buf_t *work, social_str_t *token)
{
    social_uri_query_t  q;

    if (form.len > SOCIAL_LOGOUT_FORM_SIZE
        || social_uri_query_parse(&q, work, form, SOCIAL_URI_PLUS)
           != SOCIAL_OK)
    {
        return SOCIAL_TOKEN_MALFORMED;
    }

    /* a token has no byte that is escaped */

    switch (social_logout_param(&q, social_str("logout_token"), token)) {

    case SOCIAL_OK:
        return SOCIAL_TOKEN_OK;

    case SOCIAL_DECLINED:
        return SOCIAL_TOKEN_NONE;

    default:
        return SOCIAL_TOKEN_SEVERAL;
    }
}


/*
 * The one parameter of that name; SOCIAL_DECLINED: none, or empty.
 */

static social_rc_e
social_logout_param(const social_uri_query_t *q, social_str_t name,
    social_str_t *value)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < q->count; i++) {
        if (social_str_eq(q->params[i].name, name)) {
            *value = q->params[i].value;
            n++;
        }
    }

    if (n > 1) {
        return SOCIAL_MALFORMED;
    }

    return n && value->len ? SOCIAL_OK : SOCIAL_DECLINED;
}


bool
social_logout_type_accepted(social_str_t type)
{
    return type.len == 0
           || social_str_caseeq(type, social_str("JWT"))
           || social_jwt_type_accepted(type, social_str("logout+jwt"));
}


social_token_status_e
social_logout_token_check(const social_json_t *payload,
    const social_claims_policy_t *policy, int64_t now,
    social_logout_token_t *token)
{
    int64_t               until;
    social_str_t          jti;
    const social_json_t  *exp, *events, *claim;

    memset(token, 0, sizeof(social_logout_token_t));

    if (social_json_time(social_json_present(payload, social_str("iat")),
                         &token->issued)
        != SOCIAL_OK
        || !social_logout_text(payload, "jti", &jti)
        || social_json_member(payload, social_str("nonce")) != NULL)
    {
        return SOCIAL_TOKEN_CLAIMS;
    }

    events = social_json_member(social_json_member(payload,
                                                   social_str("events")),
            social_str("http://schemas.openid.net/event/backchannel-logout"));

    if (events == NULL || !social_json_is_object(events)) {
        return SOCIAL_TOKEN_CLAIMS;
    }

    if ((social_json_present(payload, social_str("sub")) != NULL
         && !social_logout_text(payload, "sub", &token->subject))
        || (social_json_present(payload, social_str("sid")) != NULL
            && !social_logout_text(payload, "sid", &token->sid)))
    {
        return SOCIAL_TOKEN_CLAIMS;
    }

    /* sessions are known by the claim that the issuer has subjects in */

    if (policy->subject) {

        token->subject = social_str("");
        claim = social_claim_find(payload, policy->subject);

        if (claim != NULL && !social_logout_value(claim, &token->subject)) {
            return SOCIAL_TOKEN_CLAIMS;
        }
    }

    if (token->subject.len + token->sid.len == 0) {
        return SOCIAL_TOKEN_CLAIMS;
    }

    exp = social_json_present(payload, social_str("exp"));
    until = token->issued + SOCIAL_LOGOUT_FRESH;

    if (exp != NULL && social_json_time(exp, &until) != SOCIAL_OK) {
        return SOCIAL_TOKEN_CLAIMS;
    }

    if (now >= until + policy->leeway) {
        return SOCIAL_TOKEN_EXPIRED;
    }

    if (now + policy->leeway < token->issued) {
        return SOCIAL_TOKEN_NOT_YET_VALID;
    }

    return social_logout_audience(payload, policy) ? SOCIAL_TOKEN_OK
                                                   : SOCIAL_TOKEN_CLIENT;
}


/*
 * A string that is not empty, and has no control character of ASCII.
 */

static bool
social_logout_text(const social_json_t *payload, const char *name,
    social_str_t *value)
{
    return social_logout_value(social_json_present(payload, social_str(name)),
                               value);
}


static bool
social_logout_value(const social_json_t *claim, social_str_t *value)
{
    size_t  i;

    if (social_json_string(claim, value) != SOCIAL_OK) {
        return false;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return false;
        }
    }

    return value->len != 0;
}


static bool
social_logout_audience(const social_json_t *payload,
    const social_claims_policy_t *policy)
{
    size_t               i, n;
    const social_str_t  *names;

    static const social_claim_path_t  aud = social_claim_path("aud");

    names = policy->client_count ? policy->clients : policy->audiences;
    n = policy->client_count ? policy->client_count : policy->audience_count;

    for (i = 0; i < n; i++) {
        if (social_claims_match(payload, &aud, names[i])) {
            return true;
        }
    }

    return false;
}


social_rc_e
social_logout_args(social_str_t args, social_buf_t *work, social_str_t *iss,
    social_str_t *sid)
{
    size_t              from;
    social_rc_e         rc;
    social_str_t        first, second;
    social_uri_query_t  q;

    if (social_uri_query_parse(&q, work, args, SOCIAL_URI_PLUS) != SOCIAL_OK) {
        return SOCIAL_MALFORMED;
    }

    rc = social_logout_param(&q, social_str("iss"), &first);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    rc = social_logout_param(&q, social_str("sid"), &second);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    from = work->len;
    social_uri_decode(work, first, 0);
    *iss = social_buf_since(work, from);

    from = work->len;
    social_uri_decode(work, second, 0);
    *sid = social_buf_since(work, from);

    return work->rc;
}
