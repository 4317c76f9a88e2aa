
/*
 * What the services say that give credentials away.
 */

#include <string.h>

#include "social_credentials_reply.h"
#include "social_json.h"
#include "social_time.h"


static social_rc_e social_credentials_members(const social_json_t *json,
    social_credentials_t *credentials);
static bool social_credentials_is_code(social_str_t s);
static bool social_credentials_element(social_str_t text, const char *name,
    social_str_t *inner);
static size_t social_credentials_find(social_str_t text, social_str_t what);


social_rc_e
social_credentials_read_json(unsigned char *text, size_t len,
    social_credentials_t *credentials, social_str_t *code)
{
    social_rc_e                rc;
    social_str_t               said;
    social_json_t             *json;
    static const social_str_t  name = social_string("Code");
    static const social_str_t  success = social_string("Success");

    memset(credentials, 0, sizeof(social_credentials_t));
    code->len = 0;
    code->data = text;

    if (len > SOCIAL_CREDENTIALS_MAX_REPLY) {
        return SOCIAL_MALFORMED;
    }

    rc = social_json_parse_in_place(text, len, &json);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    if (social_json_string(social_json_member(json, name), &said) == SOCIAL_OK
        && !social_str_eq(said, success))
    {
        if (social_credentials_is_code(said)) {
            *code = said;
        }

        rc = SOCIAL_DECLINED;

    } else {
        rc = social_credentials_members(json, credentials);
    }

    /* strings are where they are in the text */

    social_json_free(json);

    return rc;
}


static social_rc_e
social_credentials_members(const social_json_t *json,
    social_credentials_t *credentials)
{
    social_str_t               when;
    static const social_str_t  access_key = social_string("AccessKeyId");
    static const social_str_t  secret = social_string("SecretAccessKey");
    static const social_str_t  token = social_string("Token");
    static const social_str_t  expiration = social_string("Expiration");

    if (social_json_string(social_json_member(json, access_key),
                           &credentials->access_key) != SOCIAL_OK
        || social_json_string(social_json_member(json, secret),
                              &credentials->secret) != SOCIAL_OK
        || social_json_string(social_json_member(json, token),
                              &credentials->token) != SOCIAL_OK
        || social_json_string(social_json_member(json, expiration), &when)
           != SOCIAL_OK
        || credentials->token.len == 0
        || social_time_iso_parse(when, &credentials->expires) != SOCIAL_OK
        || social_credentials_check(credentials) != NULL)
    {
        memset(credentials, 0, sizeof(social_credentials_t));
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


static bool
social_credentials_is_code(social_str_t s)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < s.len; i++) {

        ch = social_lower(s.data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')) {
            return false;
        }
    }

    return s.len >= 1 && s.len <= SOCIAL_CREDENTIALS_MAX_CODE;
}


social_rc_e
social_credentials_read_xml(social_str_t text,
    social_credentials_t *credentials)
{
    social_str_t               result, element, when;
    static const social_str_t  declaration = social_string("<!");

    memset(credentials, 0, sizeof(social_credentials_t));

    if (text.len > SOCIAL_CREDENTIALS_MAX_REPLY
        || social_credentials_find(text, declaration) != text.len
        || !social_credentials_element(text, "AssumeRoleWithWebIdentityResult",
                                       &result)
        || !social_credentials_element(result, "Credentials", &element)
        || !social_credentials_element(element, "AccessKeyId",
                                       &credentials->access_key)
        || !social_credentials_element(element, "SecretAccessKey",
                                       &credentials->secret)
        || !social_credentials_element(element, "SessionToken",
                                       &credentials->token)
        || !social_credentials_element(element, "Expiration", &when)
        || credentials->token.len == 0
        || social_time_iso_parse(when, &credentials->expires) != SOCIAL_OK
        || social_credentials_check(credentials) != NULL
        || memchr(credentials->access_key.data, '<',
                  credentials->access_key.len) != NULL
        || memchr(credentials->secret.data, '<', credentials->secret.len)
           != NULL
        || memchr(credentials->token.data, '<', credentials->token.len) != NULL
        || memchr(credentials->access_key.data, '&',
                  credentials->access_key.len) != NULL
        || memchr(credentials->secret.data, '&', credentials->secret.len)
           != NULL
        || memchr(credentials->token.data, '&', credentials->token.len) != NULL)
    {
        memset(credentials, 0, sizeof(social_credentials_t));
        return SOCIAL_MALFORMED;
    }

    return SOCIAL_OK;
}


/*
 * What is in the first element of that name: its text, without the white space
 * around it, or its elements.
 */

static bool
social_credentials_element(social_str_t text, const char *name,
    social_str_t *inner)
{
    size_t         i;
    social_str_t   tag, rest;
    unsigned char  end[64];

    tag.len = strlen(name);

    end[0] = '<';
    end[1] = '/';
    memcpy(&end[2], name, tag.len);
    end[tag.len + 2] = '>';

    /* "<name", then ">" or attributes */

    tag.data = &end[2];
    rest = text;

    for ( ;; ) {
        i = social_credentials_find(rest, tag);

        if (i == rest.len) {
            return false;
        }

        rest.data += i + tag.len;
        rest.len -= i + tag.len;

        if (i != 0 && rest.data[-1 - (ptrdiff_t) tag.len] == '<' && rest.len
            && (rest.data[0] == '>' || rest.data[0] == ' '))
        {
            break;
        }
    }

    for (i = 0; i < rest.len && rest.data[i] != '>'; i++) { /* void */ }

    if (i == rest.len || (i != 0 && rest.data[i - 1] == '/')) {
        return false;
    }

    rest.data += i + 1;
    rest.len -= i + 1;

    tag.data = end;
    tag.len += 3;

    i = social_credentials_find(rest, tag);

    if (i == rest.len) {
        return false;
    }

    inner->data = rest.data;
    inner->len = i;

    while (inner->len && inner->data[0] <= ' ') {
        inner->data++;
        inner->len--;
    }

    while (inner->len && inner->data[inner->len - 1] <= ' ') {
        inner->len--;
    }

    return true;
}


/* the length of the text where it is not there */

static size_t
social_credentials_find(social_str_t text, social_str_t what)
{
    size_t  i;

    for (i = 0; what.len <= text.len && i <= text.len - what.len; i++) {
        if (memcmp(text.data + i, what.data, what.len) == 0) {
            return i;
        }
    }

    return text.len;
}


bool
social_credentials_read_role(social_str_t text, social_str_t *role)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < text.len && text.data[i] != '\n' && text.data[i] != '\r';
         i++)
    {
        ch = social_lower(text.data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && (ch == '\0' || strchr("+=,.@_-", ch) == NULL))
        {
            return false;
        }
    }

    role->data = text.data;
    role->len = i;

    return i >= 1 && i <= SOCIAL_CREDENTIALS_MAX_ROLE;
}
