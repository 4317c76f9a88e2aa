
/*
 * AWS Signature Version 4: verifying.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_sigv4_canonical.h"
#include "social_sigv4_auth.h"
#include "social_sigv4_verify.h"
#include "social_time.h"


static social_sigv4_status_e social_sigv4_verify_auth(
    const social_sigv4_policy_t *policy, const social_sigv4_auth_t *auth,
    int64_t now, social_sigv4_verified_t *out);
static social_sigv4_status_e social_sigv4_verify_token(
    const social_sigv4_auth_t *auth, const social_sigv4_known_t *known);
static social_sigv4_status_e social_sigv4_verify_time(
    const social_sigv4_auth_t *auth, int64_t now,
    social_sigv4_verified_t *out);
static social_sigv4_status_e social_sigv4_verify_headers(
    const social_sigv4_auth_t *auth, const social_sigv4_request_t *request,
    social_buf_t *work, social_sigv4_headers_t *headers,
    social_sigv4_verified_t *out);
static bool social_sigv4_is_signed(social_str_t names, social_str_t name);
static bool social_sigv4_is_shown(social_str_t names);
static social_sigv4_status_e social_sigv4_verify_payload(
    const social_sigv4_request_t *request, social_sigv4_auth_t *auth,
    social_sigv4_verified_t *out);
static social_sigv4_status_e social_sigv4_verify_signature(
    const social_sigv4_auth_t *auth, social_sigv4_verified_t *out);


typedef struct {
    social_s3_error_e  error;
    social_str_t       message;
} social_sigv4_status_error_t;


#define social_sigv4_entry(error, message)                                    \
    { error, social_string(message) }


static const social_sigv4_status_error_t  social_sigv4_errors[] = {

    [SOCIAL_SIGV4_OK] =
        social_sigv4_entry(SOCIAL_S3_OK, "OK"),

    [SOCIAL_SIGV4_ANONYMOUS] =
        social_sigv4_entry(SOCIAL_S3_ACCESS_DENIED, "Access Denied"),

    [SOCIAL_SIGV4_STREAMING] =
        social_sigv4_entry(SOCIAL_S3_NOT_IMPLEMENTED,
            "A body in chunks (aws-chunked) is not possible here"),

    [SOCIAL_SIGV4_MALFORMED] =
        social_sigv4_entry(SOCIAL_S3_INVALID_URI,
            "The request's path, query or headers are malformed or too "
            "large"),

    [SOCIAL_SIGV4_DUPLICATE] =
        social_sigv4_entry(SOCIAL_S3_INVALID_ARGUMENT,
            "A query parameter or header was given more than once"),

    [SOCIAL_SIGV4_BOTH] =
        social_sigv4_entry(SOCIAL_S3_INVALID_ARGUMENT,
            "Only one auth mechanism allowed: the Authorization header or "
            "the X-Amz-* query parameters"),

    [SOCIAL_SIGV4_UNSUPPORTED] =
        social_sigv4_entry(SOCIAL_S3_INVALID_REQUEST,
            "The authorization mechanism is not supported; use "
            "AWS4-HMAC-SHA256"),

    [SOCIAL_SIGV4_HEADER] =
        social_sigv4_entry(SOCIAL_S3_AUTHORIZATION_HEADER_MALFORMED,
            "The authorization header is malformed, or is for another day, "
            "region or service"),

    [SOCIAL_SIGV4_QUERY] =
        social_sigv4_entry(SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR,
            "The X-Amz-* query parameters are missing or malformed, or are "
            "for another day, region or service"),

    [SOCIAL_SIGV4_HEADER_REGION] =
        social_sigv4_entry(SOCIAL_S3_AUTHORIZATION_HEADER_MALFORMED,
            "The authorization header is malformed; the region is wrong"),

    [SOCIAL_SIGV4_QUERY_REGION] =
        social_sigv4_entry(SOCIAL_S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR,
            "Error parsing the X-Amz-Credential parameter; the region is "
            "wrong"),

    [SOCIAL_SIGV4_MISSING_HEADER] =
        social_sigv4_entry(SOCIAL_S3_MISSING_SECURITY_HEADER,
            "x-amz-date or x-amz-content-sha256 is missing or malformed"),

    [SOCIAL_SIGV4_PAYLOAD] =
        social_sigv4_entry(SOCIAL_S3_INVALID_ARGUMENT,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 "
            "value."),

    [SOCIAL_SIGV4_BODY] =
        social_sigv4_entry(SOCIAL_S3_CONTENT_SHA256_MISMATCH,
            "The x-amz-content-sha256 given does not match the content"),

    [SOCIAL_SIGV4_ACCESS_KEY] =
        social_sigv4_entry(SOCIAL_S3_INVALID_ACCESS_KEY_ID,
            "The access key id given is not known here"),

    [SOCIAL_SIGV4_TOKEN] =
        social_sigv4_entry(SOCIAL_S3_INVALID_TOKEN, "The token is invalid"),

    [SOCIAL_SIGV4_SKEWED] =
        social_sigv4_entry(SOCIAL_S3_REQUEST_TIME_TOO_SKEWED,
            "The request's time and ours are too far apart"),

    /* clients recognize these two by their texts */

    [SOCIAL_SIGV4_EXPIRED] =
        social_sigv4_entry(SOCIAL_S3_ACCESS_DENIED, "Request has expired"),

    [SOCIAL_SIGV4_NOT_YET_VALID] =
        social_sigv4_entry(SOCIAL_S3_ACCESS_DENIED,
            "Request is not valid yet"),

    [SOCIAL_SIGV4_NOT_SIGNED] =
        social_sigv4_entry(SOCIAL_S3_ACCESS_DENIED,
            "There were headers present in the request which were not "
            "signed"),

    [SOCIAL_SIGV4_SIGNATURE] =
        social_sigv4_entry(SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH,
            "The signature does not match what was calculated; check the "
            "secret key and the way of signing"),

    [SOCIAL_SIGV4_FAILED] =
        social_sigv4_entry(SOCIAL_S3_INTERNAL_ERROR,
            "An internal error happened; try again")
};


social_s3_error_e
social_sigv4_error(social_sigv4_status_e status, social_str_t *message)
{
    size_t  i, n;

    i = (size_t) status;
    n = sizeof(social_sigv4_errors) / sizeof(social_sigv4_errors[0]);
    i = i < n ? i : SOCIAL_SIGV4_FAILED;

    *message = social_sigv4_errors[i].message;

    return social_sigv4_errors[i].error;
}


social_sigv4_status_e
social_sigv4_verify(const social_sigv4_policy_t *policy,
    const social_sigv4_request_t *request, int64_t now, social_buf_t *work,
    social_sigv4_verified_t *out)
{
    size_t                  mark;
    social_uri_query_t      query;
    social_sigv4_auth_t     auth;
    social_sigv4_status_e   status;
    social_sigv4_headers_t  headers;

    memset(out, 0, sizeof(social_sigv4_verified_t));

    if (social_sigv4_check(request) != SOCIAL_OK
        || social_uri_query_parse(&query, work, request->query,
                                  SOCIAL_URI_PLUS)
           != SOCIAL_OK)
    {
        return SOCIAL_SIGV4_MALFORMED;
    }

    status = social_sigv4_auth(request, &query, work, &auth, &out->detail);

    if (status == SOCIAL_SIGV4_OK) {
        out->detail.len = 0;
        status = social_sigv4_verify_auth(policy, &auth, now, out);
    }

    if (status == SOCIAL_SIGV4_OK) {
        status = social_sigv4_verify_headers(&auth, request, work, &headers,
                                             out);
    }

    if (status == SOCIAL_SIGV4_OK) {
        status = social_sigv4_verify_payload(request, &auth, out);
    }

    if (status != SOCIAL_SIGV4_OK) {
        return status;
    }

    mark = work->len;
    social_sigv4_canonical(work, request, &query, &headers,
                           auth.signed_headers, auth.payload);
    out->canonical = social_buf_since(work, mark);

    mark = work->len;
    social_sigv4_string(work, auth.time, auth.region, auth.service,
                        out->canonical);
    out->string_to_sign = social_buf_since(work, mark);

    if (work->rc != SOCIAL_OK) {
        return work->rc == SOCIAL_FAILED ? SOCIAL_SIGV4_FAILED
                                         : SOCIAL_SIGV4_MALFORMED;
    }

    status = social_sigv4_verify_signature(&auth, out);

    if (status == SOCIAL_SIGV4_OK
        && out->payload == SOCIAL_SIGV4_PAYLOAD_STREAMING)
    {
        return SOCIAL_SIGV4_STREAMING;
    }

    return status;
}


/*
 * The scope, the credentials and the time, before anything is calculated.
 */

static social_sigv4_status_e
social_sigv4_verify_auth(const social_sigv4_policy_t *policy,
    const social_sigv4_auth_t *auth, int64_t now,
    social_sigv4_verified_t *out)
{
    size_t                 i;
    social_str_t           date;
    social_sigv4_status_e  status, malformed;

    out->presigned = auth->presigned;
    out->access_key = auth->access_key;
    out->signature = auth->signature;
    out->amz_date = auth->time;
    out->region = auth->region;
    out->service = auth->service;
    out->shown = social_sigv4_is_shown(auth->signed_headers);
    malformed = auth->presigned ? SOCIAL_SIGV4_QUERY : SOCIAL_SIGV4_HEADER;

    if (social_time_amz_parse(auth->time, &out->time) != SOCIAL_OK) {
        out->detail = auth->time;
        return auth->presigned ? SOCIAL_SIGV4_QUERY
                                : SOCIAL_SIGV4_MISSING_HEADER;
    }

    date = auth->time;
    date.len = 8;

    if (!social_str_eq(auth->date, date)) {
        out->detail = auth->date;
        return malformed;
    }

    if (!social_str_eq(auth->service, policy->service)) {
        out->detail = auth->service;
        return malformed;
    }

    if (!social_str_eq(auth->region, policy->region)) {
        out->detail = auth->region;
        return auth->presigned ? SOCIAL_SIGV4_QUERY_REGION
                               : SOCIAL_SIGV4_HEADER_REGION;
    }

    for (i = 0; i < policy->known_count; i++) {
        if (social_str_eq(policy->known[i].access_key, auth->access_key)) {
            out->known = &policy->known[i];
            break;
        }
    }

    if (out->known == NULL) {
        out->detail = auth->access_key;
        return SOCIAL_SIGV4_ACCESS_KEY;
    }

    status = social_sigv4_verify_token(auth, out->known);
    if (status != SOCIAL_SIGV4_OK) {
        return status;
    }

    return social_sigv4_verify_time(auth, now, out);
}


static social_sigv4_status_e
social_sigv4_verify_token(const social_sigv4_auth_t *auth,
    const social_sigv4_known_t *known)
{
    if (!social_crypto_equal(auth->token, known->token)) {
        return SOCIAL_SIGV4_TOKEN;
    }

    return SOCIAL_SIGV4_OK;
}


static social_sigv4_status_e
social_sigv4_verify_time(const social_sigv4_auth_t *auth, int64_t now,
    social_sigv4_verified_t *out)
{
    if (!auth->presigned) {
        out->expires = out->time + SOCIAL_SIGV4_SKEW;

        if (now > out->expires || now < out->time - SOCIAL_SIGV4_SKEW) {
            return SOCIAL_SIGV4_SKEWED;
        }

        return SOCIAL_SIGV4_OK;
    }

    out->expires = out->time + auth->expires;

    if (now < out->time - SOCIAL_SIGV4_SKEW) {
        return SOCIAL_SIGV4_NOT_YET_VALID;
    }

    return now > out->expires ? SOCIAL_SIGV4_EXPIRED : SOCIAL_SIGV4_OK;
}


/*
 * Collects the headers that are signed.  Every x-amz-* header that came must
 * be one of them, or everyone who has a presigned URL could add to it.
 */

static social_sigv4_status_e
social_sigv4_verify_headers(const social_sigv4_auth_t *auth,
    const social_sigv4_request_t *request, social_buf_t *work,
    social_sigv4_headers_t *headers, social_sigv4_verified_t *out)
{
    size_t                     i;
    social_str_t               rest, name, prefix;
    static const social_str_t  host = social_string("host");
    static const social_str_t  amz = social_string("x-amz-");

    headers->count = 0;

    if (!social_sigv4_is_signed(auth->signed_headers, host)) {
        out->detail = host;
        return SOCIAL_SIGV4_NOT_SIGNED;
    }

    for (i = 0; i < request->header_count; i++) {

        name = request->headers[i].name;

        if (social_sigv4_is_signed(auth->signed_headers, name)) {
            social_sigv4_headers_add(headers, work, &request->headers[i]);
            continue;
        }

        prefix = name;
        prefix.len = name.len < amz.len ? name.len : amz.len;

        if (social_str_caseeq(prefix, amz)) {
            out->detail = name;
            return SOCIAL_SIGV4_NOT_SIGNED;
        }
    }

    if (work->rc != SOCIAL_OK) {
        return SOCIAL_SIGV4_MALFORMED;
    }

    for (i = 1; i < headers->count; i++) {
        if (social_str_eq(headers->items[i].name, headers->items[i - 1].name)
            && social_str_eq(headers->items[i].name, host))
        {
            out->detail = host;
            return SOCIAL_SIGV4_DUPLICATE;
        }
    }

    /* a signed header is missing */

    rest = auth->signed_headers;

    while (social_str_next(&rest, ";", &name)) {
        if (social_sigv4_headers_find(headers, name) == NULL) {
            out->detail = name;
            return SOCIAL_SIGV4_SIGNATURE;
        }
    }

    return SOCIAL_SIGV4_OK;
}


static bool
social_sigv4_is_signed(social_str_t names, social_str_t name)
{
    social_str_t  item;

    while (social_str_next(&names, ";", &item)) {
        if (social_str_caseeq(item, name)) {
            return true;
        }
    }

    return false;
}


/*
 * Whether all signed headers are ones that clients of S3 send, none of which
 * a proxy adds with a secret in it.
 */

static bool
social_sigv4_is_shown(social_str_t names)
{
    size_t                     i;
    social_str_t               name;
    static const social_str_t  amz = social_string("x-amz-");
    static const social_str_t  content = social_string("content-");
    static const social_str_t  conditional = social_string("if-");
    static const social_str_t  others[] = {
        social_string("accept-encoding"),
        social_string("amz-sdk-invocation-id"),
        social_string("amz-sdk-request"),
        social_string("cache-control"),
        social_string("date"),
        social_string("expires"),
        social_string("host"),
        social_string("range"),
        social_string("user-agent")
    };

    while (social_str_next(&names, ";", &name)) {

        if (social_str_starts(name, amz) || social_str_starts(name, content)
            || social_str_starts(name, conditional))
        {
            continue;
        }

        for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            if (social_str_eq(name, others[i])) {
                break;
            }
        }

        if (i == sizeof(others) / sizeof(others[0])) {
            return false;
        }
    }

    return true;
}


/*
 * What the canonical request has for the body.
 */

static social_sigv4_status_e
social_sigv4_verify_payload(const social_sigv4_request_t *request,
    social_sigv4_auth_t *auth, social_sigv4_verified_t *out)
{
    static const social_str_t  streaming = social_string("STREAMING-");

    if (auth->payload.len == 0) {

        if (request->payload.len) {
            auth->payload = request->payload;

        } else if (auth->presigned) {
            auth->payload = social_sigv4_unsigned_payload;

        } else if (request->mode == SOCIAL_SIGV4_S3) {
            return SOCIAL_SIGV4_MISSING_HEADER;

        } else {
            auth->payload = social_sigv4_empty_payload;
        }
    }

    if (social_str_eq(auth->payload, social_sigv4_unsigned_payload)) {
        out->payload = SOCIAL_SIGV4_PAYLOAD_UNSIGNED;
        return SOCIAL_SIGV4_OK;
    }

    if (social_str_starts(auth->payload, streaming)) {
        out->payload = SOCIAL_SIGV4_PAYLOAD_STREAMING;
        return SOCIAL_SIGV4_OK;
    }

    if (auth->payload.len != SOCIAL_SHA256_SIZE * 2
        || social_hex_decode(auth->payload, out->digest) != SOCIAL_OK)
    {
        out->detail = auth->payload;
        return SOCIAL_SIGV4_PAYLOAD;
    }

    out->payload = SOCIAL_SIGV4_PAYLOAD_DIGEST;

    if (request->payload.len
        && !social_str_eq(request->payload, auth->payload))
    {
        return SOCIAL_SIGV4_BODY;
    }

    return SOCIAL_SIGV4_OK;
}


static social_sigv4_status_e
social_sigv4_verify_signature(const social_sigv4_auth_t *auth,
    social_sigv4_verified_t *out)
{
    bool                         good;
    size_t                       i;
    social_rc_e                  rc;
    social_str_t                 expected;
    unsigned char                signature[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_sigv4_key_t           key;
    const social_sigv4_known_t  *known;

    good = false;
    known = out->known;
    expected.data = signature;
    expected.len = sizeof(signature);

    for (i = 0; i < 2; i++) {

        if (known->secrets[i].len == 0) {
            continue;
        }

        rc = social_sigv4_key(known->secrets[i], auth->date, auth->region,
                              auth->service, &key);

        if (rc == SOCIAL_OK) {
            rc = social_sigv4_signature(&key, out->string_to_sign, signature);
        }

        social_crypto_cleanse(&key, sizeof(key));

        if (rc != SOCIAL_OK) {
            return SOCIAL_SIGV4_FAILED;
        }

        if (social_crypto_equal(auth->signature, expected)) {
            good = true;
            out->secret = i;
        }
    }

    /* the right signature is as good as the secret, for this request */

    social_crypto_cleanse(signature, sizeof(signature));

    return good ? SOCIAL_SIGV4_OK : SOCIAL_SIGV4_SIGNATURE;
}
