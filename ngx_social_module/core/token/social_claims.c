
/*
 * What a verified token says, and whether that is enough.
 */

#include <string.h>

#include "social_claims.h"


static social_token_status_e social_claims_check_times(
    const social_json_t *payload, const social_claims_policy_t *policy,
    int64_t now, social_claims_t *claims);
static social_token_status_e social_claims_check_subject(
    const social_json_t *payload, const social_claims_policy_t *policy,
    social_claims_t *claims);
static social_token_status_e social_claims_check_use(
    const social_json_t *payload, const social_claims_policy_t *policy);
static bool social_claims_is_event(const social_json_t *payload);
static bool social_claims_has_control(social_str_t s);
static social_token_status_e social_claims_check_types(
    const social_json_t *payload);
static bool social_claims_check_audience(const social_json_t *payload,
    const social_str_t *values, size_t count);
static bool social_claims_is_client(const social_json_t *claim,
    const social_claims_policy_t *policy);
static bool social_claims_grants(const social_json_t *member);
static bool social_claims_is_literal(const social_json_t *json,
    social_str_t value);
static size_t social_claims_join(social_claims_values_t *values,
    unsigned char separator, unsigned char *buf, size_t size);
static size_t social_claims_encode(social_str_t s, unsigned char separator,
    unsigned char *buf, size_t size);


static const social_claim_path_t  social_claims_sub =
    social_claim_path("sub");
static const social_claim_path_t  social_claims_aud =
    social_claim_path("aud");
static const social_str_t  social_claims_client_id =
    social_string("client_id");
static const social_str_t  social_claims_token_use =
    social_string("token_use");


social_token_status_e
social_claims_check(const social_json_t *payload,
    const social_claims_policy_t *policy, int64_t now, social_claims_t *claims)
{
    social_token_status_e  status;

    memset(claims, 0, sizeof(social_claims_t));

    status = social_claims_check_types(payload);

    if (status == SOCIAL_TOKEN_OK) {
        status = social_claims_check_times(payload, policy, now, claims);
    }

    if (status == SOCIAL_TOKEN_OK) {
        status = social_claims_check_use(payload, policy);
    }

    if (status == SOCIAL_TOKEN_OK && policy->audience_count
        && !social_claims_check_audience(payload, policy->audiences,
                                         policy->audience_count))
    {
        status = SOCIAL_TOKEN_AUDIENCE;
    }

    if (status == SOCIAL_TOKEN_OK) {
        status = social_claims_check_subject(payload, policy, claims);
    }

    return status;
}


/*
 * Whether or not any rule asks for them (RFC 7519, 4.1.2, 4.1.3 and 4.1.7):
 * what the issuer never writes is not one of its tokens.
 */

static social_token_status_e
social_claims_check_types(const social_json_t *payload)
{
    size_t                     i, n;
    social_str_t               s;
    const social_json_t       *aud;
    static const social_str_t  strings[] = {
        social_string("sub"), social_string("jti")
    };

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (social_json_string(social_json_present(payload, strings[i]), &s)
            == SOCIAL_MALFORMED)
        {
            return SOCIAL_TOKEN_CLAIMS;
        }
    }

    aud = social_claim_find(payload, &social_claims_aud);

    if (social_json_string(aud, &s) != SOCIAL_MALFORMED) {
        return SOCIAL_TOKEN_OK;
    }

    if (!social_json_is_array(aud)) {
        return SOCIAL_TOKEN_CLAIMS;
    }

    n = social_json_count(aud);

    for (i = 0; i < n; i++) {
        if (social_json_string(social_json_element(aud, i), &s) != SOCIAL_OK) {
            return SOCIAL_TOKEN_CLAIMS;
        }
    }

    return SOCIAL_TOKEN_OK;
}


/*
 * The sums cannot overflow: times are in [0, 2^53], and the leeway is small.
 * A fraction that is dropped ends a token early, which is safe, but would
 * start it early too.
 */

static social_token_status_e
social_claims_check_times(const social_json_t *payload,
    const social_claims_policy_t *policy, int64_t now, social_claims_t *claims)
{
    size_t                     i;
    int64_t                    from;
    social_rc_e                rc;
    const social_json_t       *start;
    static const social_str_t  exp = social_string("exp");
    static const social_str_t  starts[] = {
        social_string("nbf"), social_string("iat")
    };

    if (social_json_time(social_json_present(payload, exp), &claims->expires)
        != SOCIAL_OK)
    {
        return SOCIAL_TOKEN_CLAIMS;
    }

    if (now >= claims->expires + policy->leeway) {
        return SOCIAL_TOKEN_EXPIRED;
    }

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {

        start = social_json_present(payload, starts[i]);

        rc = social_json_time(start, &from);

        if (rc == SOCIAL_MALFORMED) {
            return SOCIAL_TOKEN_CLAIMS;
        }

        if (rc == SOCIAL_OK
            && (now + policy->leeway < from
                || (now + policy->leeway == from
                    && social_json_time_has_fraction(start))))
        {
            return SOCIAL_TOKEN_NOT_YET_VALID;
        }
    }

    return SOCIAL_TOKEN_OK;
}


static social_token_status_e
social_claims_check_subject(const social_json_t *payload,
    const social_claims_policy_t *policy, social_claims_t *claims)
{
    social_str_t               s;
    const social_json_t       *list;
    static const social_str_t  scope = social_string("scope");

    if (social_json_string(social_claim_find(payload, policy->subject
                                                      ? policy->subject
                                                      : &social_claims_sub),
                           &claims->subject)
        == SOCIAL_MALFORMED
        || social_claims_has_control(claims->subject))
    {
        return SOCIAL_TOKEN_CLAIMS;
    }

    (void) social_json_string(social_claims_username(payload, policy),
                              &claims->username);

    /* an array where the issuer has read RFC 8693 so */

    list = social_json_present(payload, scope);

    if (social_json_string(list, &s) == SOCIAL_MALFORMED
        && !social_json_is_array(list))
    {
        return SOCIAL_TOKEN_CLAIMS;
    }

    return SOCIAL_TOKEN_OK;
}


const social_json_t *
social_claims_username(const social_json_t *payload,
    const social_claims_policy_t *policy)
{
    const social_json_t       *json;
    static const social_str_t  access = social_string("username");
    static const social_str_t  id = social_string("cognito:username");

    if (policy->username) {
        return social_claim_find(payload, policy->username);
    }

    json = social_json_present(payload, access);

    return json ? json : social_json_present(payload, id);
}


/*
 * The "aud" of other issuers' tokens may be an API as well as a client.
 */

const social_json_t *
social_claims_client(const social_json_t *payload,
    const social_claims_policy_t *policy)
{
    social_str_t               use;
    const social_json_t       *json;
    static const social_str_t  azp = social_string("azp");
    static const social_str_t  id = social_string("id");

    if (policy->client) {
        return social_claim_find(payload, policy->client);
    }

    json = social_json_present(payload, social_claims_client_id);

    if (json == NULL) {
        json = social_json_present(payload, azp);
    }

    if (json == NULL
        && social_json_string(social_json_present(payload,
                                                  social_claims_token_use),
                              &use)
           == SOCIAL_OK
        && social_str_eq(use, id))
    {
        json = social_claim_find(payload, &social_claims_aud);
    }

    return json;
}


/*
 * Of ASCII, and U+0080 to U+009F, whose UTF-8 begins with 0xc2: terminals that
 * show a log interpret both.
 */

static bool
social_claims_has_control(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] == 0x7f
            || (s.data[i] == 0xc2 && i + 1 < s.len && s.data[i + 1] < 0xa0))
        {
            return true;
        }
    }

    return false;
}


static social_token_status_e
social_claims_check_use(const social_json_t *payload,
    const social_claims_policy_t *policy)
{
    bool                       good, is_id, is_access;
    social_rc_e                rc;
    social_str_t               use;
    const social_json_t       *client_id;
    static const social_str_t  access_use = social_string("access");
    static const social_str_t  id_use = social_string("id");

    if (social_claims_is_event(payload)) {
        return SOCIAL_TOKEN_USE;
    }

    rc = social_json_string(social_json_present(payload,
                                                social_claims_token_use),
                            &use);

    is_access = (rc == SOCIAL_OK && social_str_eq(use, access_use));
    is_id = (rc == SOCIAL_OK && social_str_eq(use, id_use));

    switch (policy->token_use) {

    case SOCIAL_TOKEN_USE_ACCESS:
        if (!is_access) {
            return SOCIAL_TOKEN_USE;
        }
        break;

    case SOCIAL_TOKEN_USE_ID:
        if (!is_id) {
            return SOCIAL_TOKEN_USE;
        }
        break;

    case SOCIAL_TOKEN_USE_ANY:
        if (!is_access && !is_id && rc != SOCIAL_DECLINED) {
            return SOCIAL_TOKEN_USE;
        }
        break;
    }

    if (policy->client_count == 0) {
        return SOCIAL_TOKEN_OK;
    }

    client_id = social_json_present(payload, social_claims_client_id);

    if (policy->client) {
        good = social_claims_is_client(social_claim_find(payload,
                                                         policy->client),
                                       policy);

    } else if (is_id) {
        good = social_claims_is_client(social_claim_find(payload,
                                                         &social_claims_aud),
                                       policy);

    } else if (is_access || client_id != NULL) {
        good = social_claims_is_client(client_id, policy);

    } else {
        good = social_claims_check_audience(payload, policy->clients,
                                            policy->client_count);
    }

    return good ? SOCIAL_TOKEN_OK : SOCIAL_TOKEN_CLIENT;
}


/*
 * A security event token (RFC 8417, 2.2), such as a logout token (OpenID
 * Connect Back-Channel Logout 1.0, 2.4), which need have neither a type of its
 * own nor a subject.
 */

static bool
social_claims_is_event(const social_json_t *payload)
{
    static const social_str_t  events = social_string("events");

    return social_json_is_object(social_json_present(payload, events));
}


/*
 * A claim that is one client.  "client_id" has no form with many values
 * (RFC 8693, 4.3), and an id token's "aud" with more than one of them is for
 * others too (OpenID Connect Core, 3.1.3.7): Cognito writes a string, and
 * AWS's verifier takes nothing else.
 */

static bool
social_claims_is_client(const social_json_t *claim,
    const social_claims_policy_t *policy)
{
    size_t        i;
    social_str_t  client;

    if (social_json_string(claim, &client) != SOCIAL_OK) {
        return false;
    }

    for (i = 0; i < policy->client_count; i++) {
        if (social_str_eq(client, policy->clients[i])) {
            return true;
        }
    }

    return false;
}


static bool
social_claims_check_audience(const social_json_t *payload,
    const social_str_t *values, size_t count)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (social_claims_match(payload, &social_claims_aud, values[i])) {
            return true;
        }
    }

    return false;
}


/*
 * Of a scope the words are the values (RFC 6749, 3.3; RFC 8693, 4.2).  Anything
 * else is free text, whose words grant nothing: "not admin" does not contain
 * "admin".
 */

void
social_claims_values(const social_json_t *payload,
    const social_claim_path_t *path, social_claims_values_t *values)
{
    values->claim = social_claim_find(payload, path);
    values->item = NULL;
    values->kind = path->kind;

    if (social_json_string(values->claim, &values->text) != SOCIAL_OK) {
        values->text.len = 0;
        values->text.data = NULL;
    }
}


bool
social_claims_next(social_claims_values_t *values, social_str_t *value)
{
    if (social_str_next(&values->text,
                        values->kind == SOCIAL_CLAIM_WORDS ? " " : "", value))
    {
        return true;
    }

    if (values->kind == SOCIAL_CLAIM_NAMES
        && social_json_is_object(values->claim))
    {
        do {
            values->item = social_json_next_member(values->claim,
                                                   values->item);

        } while (values->item && !social_claims_grants(values->item));

        if (values->item) {
            *value = social_json_name(values->item);
        }

        return values->item != NULL;
    }

    do {
        values->item = social_json_next(values->claim, values->item);

    } while (values->item
             && social_json_string(values->item, value) != SOCIAL_OK);

    return values->item != NULL;
}


/*
 * {"admin": false} and {"admin": {}} say that a user is not an admin, and of a
 * string or a number it is not known what it says.
 */

static bool
social_claims_grants(const social_json_t *member)
{
    return social_json_is_true(member)
           || social_json_next(member, NULL) != NULL
           || social_json_next_member(member, NULL) != NULL;
}


bool
social_claims_match(const social_json_t *payload,
    const social_claim_path_t *path, social_str_t value)
{
    social_str_t            s;
    social_claims_values_t  values;

    social_claims_values(payload, path, &values);

    while (social_claims_next(&values, &s)) {
        if (social_str_eq(s, value)) {
            return true;
        }
    }

    return false;
}


bool
social_claims_holds(const social_json_t *payload,
    const social_claim_path_t *path, social_str_t value)
{
    social_str_t          s;
    const social_json_t  *claim, *item;

    claim = social_claim_find(payload, path);

    if (social_json_string(claim, &s) == SOCIAL_OK && social_str_eq(s, value))
    {
        return true;
    }

    if (social_claims_match(payload, path, value)
        || social_claims_is_literal(claim, value))
    {
        return true;
    }

    for (item = social_json_next(claim, NULL);
         item;
         item = social_json_next(claim, item))
    {
        if (social_claims_is_literal(item, value)) {
            return true;
        }
    }

    return false;
}


/*
 * Whether "json" is a number, true or false, written as "value".
 */

static bool
social_claims_is_literal(const social_json_t *json, social_str_t value)
{
    social_str_t   text;
    unsigned char  buf[sizeof("false") - 1];

    if (social_json_number(json, &text) == SOCIAL_OK) {
        return social_str_eq(text, value);
    }

    if (!social_json_is_boolean(json)) {
        return false;
    }

    text.data = buf;
    text.len = social_json_write(json, buf, sizeof(buf));

    return social_str_eq(text, value);
}


size_t
social_claims_write(const social_json_t *claim, unsigned char separator,
    unsigned char *buf, size_t size)
{
    size_t                  i, n;
    social_str_t            s;
    social_claims_values_t  values;

    if (claim == NULL || social_json_is_null(claim)) {
        return 0;
    }

    if (social_json_string(claim, &s) == SOCIAL_OK) {
        return social_claims_encode(s, '\0', buf, size);
    }

    if (!social_json_is_array(claim)) {
        return social_json_write(claim, buf, size);
    }

    n = social_json_count(claim);

    for (i = 0; i < n; i++) {
        if (social_json_string(social_json_element(claim, i), &s)
            != SOCIAL_OK)
        {
            /* not a list of strings: as JSON, which cannot be mistaken */
            return social_json_write(claim, buf, size);
        }
    }

    values.claim = claim;
    values.item = NULL;
    values.text.len = 0;
    values.text.data = NULL;
    values.kind = SOCIAL_CLAIM_TEXT;

    return social_claims_join(&values, separator, buf, size);
}


size_t
social_claims_write_list(const social_json_t *payload,
    const social_claim_path_t *path, unsigned char separator,
    unsigned char *buf, size_t size)
{
    social_claims_values_t  values;

    social_claims_values(payload, path, &values);

    return social_claims_join(&values, separator, buf, size);
}


static size_t
social_claims_join(social_claims_values_t *values, unsigned char separator,
    unsigned char *buf, size_t size)
{
    bool          first;
    size_t        len;
    social_str_t  s;

    len = 0;

    for (first = true; social_claims_next(values, &s); first = false) {

        if (!first) {
            if (len < size) {
                buf[len] = separator;
            }

            len++;
        }

        len += social_claims_encode(s, separator,
                                    len < size ? buf + len : NULL,
                                    len < size ? size - len : 0);
    }

    return len;
}


/*
 * Readers of a header strip the spaces at its ends, and readers of a list may
 * strip those of its items, or treat them as the end of one.
 */

static size_t
social_claims_encode(social_str_t s, unsigned char separator,
    unsigned char *buf, size_t size)
{
    size_t             i, len;
    unsigned char      ch;
    static const char  hex[] = "0123456789ABCDEF";

    len = 0;

    for (i = 0; i < s.len; i++) {

        ch = s.data[i];

        if (ch < 0x20 || ch >= 0x7f || ch == '%' || ch == separator
            || (ch == ' ' && (separator != '\0' || i == 0 || i == s.len - 1)))
        {
            if (len + 3 <= size) {
                buf[len] = '%';
                buf[len + 1] = (unsigned char) hex[ch >> 4];
                buf[len + 2] = (unsigned char) hex[ch & 0xf];
            }

            len += 3;
            continue;
        }

        if (len < size) {
            buf[len] = ch;
        }

        len++;
    }

    return len;
}
