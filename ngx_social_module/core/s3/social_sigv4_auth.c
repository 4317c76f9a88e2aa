
/*
 * What a received request says of its signature.
 */

#include <string.h>

#include "social_sigv4_auth.h"


static bool social_sigv4_auth_is_query(const social_uri_query_t *query,
    social_str_t *detail);
static social_sigv4_status_e social_sigv4_auth_header(
    const social_sigv4_request_t *request, social_str_t authorization,
    social_sigv4_auth_t *auth, social_str_t *detail);
static social_sigv4_status_e social_sigv4_auth_query(
    const social_sigv4_request_t *request, const social_uri_query_t *query,
    social_buf_t *work, social_sigv4_auth_t *auth, social_str_t *detail);
static social_sigv4_status_e social_sigv4_auth_find(
    const social_sigv4_request_t *request, const char *name,
    social_str_t *value, bool *found);
static bool social_sigv4_auth_param(const social_uri_query_t *query,
    const char *name, social_buf_t *work, social_str_t *value);
static bool social_sigv4_auth_credential(social_str_t credential,
    social_sigv4_auth_t *auth);
static bool social_sigv4_auth_names(social_str_t names);
static bool social_sigv4_auth_signature(social_str_t signature);
static bool social_sigv4_auth_expires(social_str_t text, int64_t *expires);


/* the spelling is fixed: in S3 parameters are case-sensitive */

static const char *const  social_sigv4_auth_params[] = {
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    NULL
};


social_sigv4_status_e
social_sigv4_auth(const social_sigv4_request_t *request,
    const social_uri_query_t *query, social_buf_t *work,
    social_sigv4_auth_t *auth, social_str_t *detail)
{
    bool                       header, params;
    social_str_t               authorization;
    social_sigv4_status_e      status;
    const social_uri_param_t  *twice;
    static const social_str_t  v2 = social_string("AWSAccessKeyId");

    memset(auth, 0, sizeof(social_sigv4_auth_t));

    twice = social_uri_query_duplicate(query);
    if (twice != NULL) {
        *detail = twice->name;
        return SOCIAL_SIGV4_DUPLICATE;
    }

    status = social_sigv4_auth_find(request, "authorization",
                                     &authorization, &header);
    if (status != SOCIAL_SIGV4_OK) {
        return status;
    }

    params = social_sigv4_auth_is_query(query, detail);

    if (header && params) {
        return SOCIAL_SIGV4_BOTH;
    }

    if (params) {
        return social_sigv4_auth_query(request, query, work, auth, detail);
    }

    if (social_uri_query_find(query, v2) != NULL) {
        return SOCIAL_SIGV4_UNSUPPORTED;
    }

    if (header) {
        return social_sigv4_auth_header(request, authorization, auth,
                                         detail);
    }

    return SOCIAL_SIGV4_ANONYMOUS;
}


static bool
social_sigv4_auth_is_query(const social_uri_query_t *query,
    social_str_t *detail)
{
    size_t  i, j;

    for (i = 0; i < query->count; i++) {

        for (j = 0; social_sigv4_auth_params[j] != NULL; j++) {

            if (social_str_caseeq(query->params[i].name,
                                  social_str(social_sigv4_auth_params[j])))
            {
                *detail = query->params[i].name;
                return true;
            }
        }
    }

    return false;
}


static social_sigv4_status_e
social_sigv4_auth_header(const social_sigv4_request_t *request,
    social_str_t authorization, social_sigv4_auth_t *auth,
    social_str_t *detail)
{
    bool                       found, sha256;
    social_str_t               rest, item, credential;
    social_sigv4_status_e      status;
    static const social_str_t  credential_is = social_string("Credential=");
    static const social_str_t  names_are = social_string("SignedHeaders=");
    static const social_str_t  signature_is = social_string("Signature=");

    rest = authorization;
    credential = auth->signature;

    if (!social_str_next(&rest, " \t", &item)
        || !social_str_eq(item, social_sigv4_algorithm))
    {
        *detail = item;
        return SOCIAL_SIGV4_UNSUPPORTED;
    }

    while (social_str_next(&rest, ", \t", &item)) {

        *detail = item;

        if (social_str_starts(item, credential_is) && credential.len == 0) {
            credential.data = item.data + credential_is.len;
            credential.len = item.len - credential_is.len;

        } else if (social_str_starts(item, names_are)
                   && auth->signed_headers.len == 0)
        {
            auth->signed_headers.data = item.data + names_are.len;
            auth->signed_headers.len = item.len - names_are.len;

        } else if (social_str_starts(item, signature_is)
                   && auth->signature.len == 0)
        {
            auth->signature.data = item.data + signature_is.len;
            auth->signature.len = item.len - signature_is.len;

        } else {
            return SOCIAL_SIGV4_HEADER;
        }
    }

    if (!social_sigv4_auth_credential(credential, auth)
        || !social_sigv4_auth_names(auth->signed_headers)
        || !social_sigv4_auth_signature(auth->signature))
    {
        *detail = authorization;
        return SOCIAL_SIGV4_HEADER;
    }

    *detail = social_str("x-amz-date");

    status = social_sigv4_auth_find(request, "x-amz-date", &auth->time,
                                     &found);
    if (status != SOCIAL_SIGV4_OK) {
        return status;
    }

    if (!found) {
        return SOCIAL_SIGV4_MISSING_HEADER;
    }

    *detail = social_str("x-amz-content-sha256");

    status = social_sigv4_auth_find(request, "x-amz-content-sha256",
                                     &auth->payload, &sha256);
    if (status != SOCIAL_SIGV4_OK) {
        return status;
    }

    *detail = social_str("x-amz-security-token");

    return social_sigv4_auth_find(request, "x-amz-security-token",
                                   &auth->token, &found);
}


static social_sigv4_status_e
social_sigv4_auth_query(const social_sigv4_request_t *request,
    const social_uri_query_t *query, social_buf_t *work,
    social_sigv4_auth_t *auth, social_str_t *detail)
{
    bool                   found;
    size_t                 i;
    social_str_t           value;
    social_sigv4_status_e  status;

    auth->presigned = true;

    for (i = 0; social_sigv4_auth_params[i] != NULL; i++) {

        *detail = social_str(social_sigv4_auth_params[i]);

        if (social_uri_query_find(query, *detail) == NULL) {
            return SOCIAL_SIGV4_QUERY;
        }
    }

    (void) social_sigv4_auth_param(query, "X-Amz-Algorithm", work, &value);

    if (!social_str_eq(value, social_sigv4_algorithm)) {
        *detail = value;
        return SOCIAL_SIGV4_UNSUPPORTED;
    }

    if (!social_sigv4_auth_param(query, "X-Amz-Credential", work, &value)
        || !social_sigv4_auth_credential(value, auth))
    {
        *detail = social_str("X-Amz-Credential");
        return SOCIAL_SIGV4_QUERY;
    }

    if (!social_sigv4_auth_param(query, "X-Amz-Expires", work, &value)
        || !social_sigv4_auth_expires(value, &auth->expires))
    {
        *detail = social_str("X-Amz-Expires");
        return SOCIAL_SIGV4_QUERY;
    }

    if (!social_sigv4_auth_param(query, "X-Amz-SignedHeaders", work,
                                  &auth->signed_headers)
        || !social_sigv4_auth_names(auth->signed_headers))
    {
        *detail = social_str("X-Amz-SignedHeaders");
        return SOCIAL_SIGV4_QUERY;
    }

    if (!social_sigv4_auth_param(query, "X-Amz-Signature", work,
                                  &auth->signature)
        || !social_sigv4_auth_signature(auth->signature))
    {
        *detail = social_str("X-Amz-Signature");
        return SOCIAL_SIGV4_QUERY;
    }

    *detail = auth->signature;
    detail->len = 0;

    (void) social_sigv4_auth_param(query, "X-Amz-Date", work, &auth->time);
    (void) social_sigv4_auth_param(query, "X-Amz-Security-Token", work,
                                    &auth->token);

    /* the digest may be in either; S3 takes the parameter first */

    if (!social_sigv4_auth_param(query, "X-Amz-Content-Sha256", work,
                                  &auth->payload)
        || auth->payload.len == 0)
    {
        status = social_sigv4_auth_find(request, "x-amz-content-sha256",
                                         &auth->payload, &found);
        if (status != SOCIAL_SIGV4_OK) {
            return status;
        }
    }

    return work->rc == SOCIAL_OK ? SOCIAL_SIGV4_OK : SOCIAL_SIGV4_MALFORMED;
}


/*
 * The one header of that name, trimmed; "found" says whether there is one.
 */

static social_sigv4_status_e
social_sigv4_auth_find(const social_sigv4_request_t *request,
    const char *name, social_str_t *value, bool *found)
{
    size_t        i;
    social_str_t  wanted;

    wanted = social_str(name);
    *found = false;

    for (i = 0; i < request->header_count; i++) {

        if (!social_str_caseeq(request->headers[i].name, wanted)) {
            continue;
        }

        if (*found) {
            return SOCIAL_SIGV4_DUPLICATE;
        }

        *found = true;
        *value = social_str_trim(request->headers[i].value);
    }

    return SOCIAL_SIGV4_OK;
}


static bool
social_sigv4_auth_param(const social_uri_query_t *query, const char *name,
    social_buf_t *work, social_str_t *value)
{
    size_t                     mark;
    const social_uri_param_t  *param;

    value->len = 0;
    value->data = NULL;

    param = social_uri_query_find(query, social_str(name));
    if (param == NULL) {
        return false;
    }

    mark = work->len;
    social_uri_decode(work, param->value, 0);
    *value = social_buf_since(work, mark);

    return work->rc == SOCIAL_OK;
}


/*
 * "AKID/20130524/us-east-1/s3/aws4_request", split from its end, since access
 * keys of other vendors may contain a "/".
 */

static bool
social_sigv4_auth_credential(social_str_t credential,
    social_sigv4_auth_t *auth)
{
    size_t                     i, n;
    social_str_t               parts[4];
    static const social_str_t  end = social_string("aws4_request");

    n = credential.len;

    for (i = 4; i > 0; i--) {

        parts[i - 1].len = 0;

        while (n > 0 && credential.data[n - 1] != '/') {
            n--;
            parts[i - 1].len++;
        }

        if (n == 0 || parts[i - 1].len == 0) {
            return false;
        }

        parts[i - 1].data = credential.data + n;
        n--;
    }

    auth->access_key = credential;
    auth->access_key.len = n;
    auth->date = parts[0];
    auth->region = parts[1];
    auth->service = parts[2];

    return n > 0 && n <= SOCIAL_SIGV4_MAX_ACCESS_KEY && parts[0].len == 8
           && social_str_eq(parts[3], end);
}


static bool
social_sigv4_auth_names(social_str_t names)
{
    int           order;
    size_t        i, n, count;
    social_str_t  rest, name, last;

    rest = names;
    last.len = 0;
    last.data = NULL;
    n = 0;
    count = 0;

    while (social_str_next(&rest, ";", &name)) {

        for (i = 0; i < name.len; i++) {
            if (social_lower(name.data[i]) != name.data[i]) {
                return false;
            }
        }

        if (!social_str_is_token(name)
            || ++count > SOCIAL_SIGV4_MAX_HEADERS)
        {
            return false;
        }

        i = last.len < name.len ? last.len : name.len;
        order = i ? memcmp(last.data, name.data, i) : 0;

        if (order > 0 || (order == 0 && last.len >= name.len)) {
            return false;
        }

        n += name.len + 1;
        last = name;
    }

    /* nothing before, after or twice between the names */

    return n != 0 && n - 1 == names.len;
}


static bool
social_sigv4_auth_signature(social_str_t signature)
{
    size_t  i;

    for (i = 0; i < signature.len; i++) {
        if (!((signature.data[i] >= '0' && signature.data[i] <= '9')
              || (signature.data[i] >= 'a' && signature.data[i] <= 'f')))
        {
            return false;
        }
    }

    return signature.len == SOCIAL_SIGV4_SIGNATURE_SIZE;
}


static bool
social_sigv4_auth_expires(social_str_t text, int64_t *expires)
{
    size_t  i;

    *expires = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9' || i == 6) {
            return false;
        }

        *expires = *expires * 10 + (text.data[i] - '0');
    }

    return *expires >= 1 && *expires <= SOCIAL_SIGV4_MAX_EXPIRES;
}
