
/*
 * What a POST of an object asks for.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_s3_policy.h"
#include "social_s3_post.h"
#include "social_time.h"


typedef struct {
    const social_s3_place_t      *place;
    const social_sigv4_policy_t  *policy;
    social_buf_t                 *work;
    social_s3_post_t             *out;
    size_t                        count;
    social_sigv4_header_t         fields[SOCIAL_S3_FORM_FIELDS];
                                                /* expanded */
} social_s3_post_ctx_t;


typedef enum {
    SOCIAL_S3_POST_PASSED = 0,       /* as a header of that name */
    SOCIAL_S3_POST_ACL,              /* as x-amz-acl */
    SOCIAL_S3_POST_USED,             /* it is read here */
    SOCIAL_S3_POST_OTHER,            /* it has no meaning */
    SOCIAL_S3_POST_REFUSED
} social_s3_post_kind_e;


static social_s3_error_e social_s3_post_expand(social_s3_post_ctx_t *ctx,
    const social_s3_form_fields_t *fields);
static social_s3_error_e social_s3_post_expand_value(
    social_s3_post_ctx_t *ctx, social_str_t filename, social_str_t *value);
static bool social_s3_post_is_signature(social_str_t name);
static social_s3_error_e social_s3_post_verify(social_s3_post_ctx_t *ctx,
    int64_t now);
static social_s3_error_e social_s3_post_credential(social_s3_post_ctx_t *ctx,
    social_str_t part[5]);
static social_s3_error_e social_s3_post_signature(social_s3_post_ctx_t *ctx,
    const social_sigv4_known_t *known, social_str_t date, social_str_t policy);
static social_s3_error_e social_s3_post_policy(social_s3_post_ctx_t *ctx,
    int64_t now);
static social_s3_error_e social_s3_post_operation(social_s3_post_ctx_t *ctx);
static social_s3_post_kind_e social_s3_post_kind(social_str_t name);
static void social_s3_post_success(social_s3_post_ctx_t *ctx);
static bool social_s3_post_is_url(social_str_t url);
static bool social_s3_post_find(const social_s3_post_ctx_t *ctx,
    const char *name, social_str_t *value);
static social_s3_error_e social_s3_post_missing(social_s3_post_ctx_t *ctx,
    const char *name);
static social_s3_error_e social_s3_post_sigv4(social_s3_post_ctx_t *ctx,
    social_sigv4_status_e status, const char *name, social_str_t value);


social_s3_error_e
social_s3_post_read(const social_s3_place_t *place,
    const social_sigv4_policy_t *policy,
    const social_s3_form_fields_t *fields, int64_t now, social_buf_t *work,
    social_s3_post_t *out)
{
    social_str_t          key;
    social_s3_error_e     error;
    social_s3_post_ctx_t  ctx;

    memset(out, 0, sizeof(social_s3_post_t));
    out->max = -1;
    out->status = 204;

    ctx.place = place;
    ctx.policy = policy;
    ctx.work = work;
    ctx.out = out;
    ctx.count = 0;

    error = social_s3_post_expand(&ctx, fields);

    if (error == SOCIAL_S3_OK) {
        error = social_s3_post_verify(&ctx, now);
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_post_policy(&ctx, now);
    }

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    if (!social_s3_post_find(&ctx, "key", &key) || key.len == 0) {
        return social_s3_post_missing(&ctx, "key");
    }

    social_s3_post_success(&ctx);

    return social_s3_post_operation(&ctx);
}


/*
 * "${filename}" is replaced in all fields but those of the signature, before
 * the policy is evaluated.
 */

static social_s3_error_e
social_s3_post_expand(social_s3_post_ctx_t *ctx,
    const social_s3_form_fields_t *fields)
{
    size_t                  i, j;
    social_s3_error_e       error;
    social_sigv4_header_t  *field;

    for (i = 0; i < fields->count; i++) {

        field = &ctx->fields[i];
        *field = fields->items[i];

        for (j = 0; j < i; j++) {

            if (social_str_eq(ctx->fields[j].name, field->name)) {
                ctx->out->op.message = social_str("A field was given more "
                                                  "than once");
                ctx->out->op.detail_name = social_str("ArgumentName");
                ctx->out->op.detail = field->name;

                return SOCIAL_S3_INVALID_ARGUMENT;
            }
        }

        if (!social_s3_post_is_signature(field->name)) {

            error = social_s3_post_expand_value(ctx, fields->filename,
                                                &field->value);
            if (error != SOCIAL_S3_OK) {
                return error;
            }
        }
    }

    ctx->count = fields->count;

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_post_expand_value(social_s3_post_ctx_t *ctx, social_str_t filename,
    social_str_t *value)
{
    bool                       found;
    size_t                     mark;
    social_str_t               rest;
    static const social_str_t  variable = social_string("${filename}");

    mark = ctx->work->len;
    found = false;
    rest = *value;

    while (rest.len) {

        if (social_str_starts(rest, variable)) {
            social_buf_put(ctx->work, filename);
            rest.data += variable.len;
            rest.len -= variable.len;
            found = true;
            continue;
        }

        social_buf_byte(ctx->work, rest.data[0]);
        rest.data++;
        rest.len--;
    }

    if (ctx->work->rc != SOCIAL_OK) {
        return SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH;
    }

    if (found) {
        *value = social_buf_since(ctx->work, mark);

    } else {
        ctx->work->len = mark;
    }

    return SOCIAL_S3_OK;
}


static bool
social_s3_post_is_signature(social_str_t name)
{
    size_t                     i;
    static const social_str_t  names[] = {
        social_string("policy"),
        social_string("x-amz-algorithm"),
        social_string("x-amz-credential"),
        social_string("x-amz-date"),
        social_string("x-amz-security-token"),
        social_string("x-amz-signature")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (social_str_eq(name, names[i])) {
            return true;
        }
    }

    return false;
}


static social_s3_error_e
social_s3_post_verify(social_s3_post_ctx_t *ctx, int64_t now)
{
    size_t                       i;
    int64_t                      t;
    social_str_t                 algorithm, date, policy, token, part[5];
    social_s3_error_e            error;
    const social_sigv4_known_t  *known;

    if (!social_s3_post_find(ctx, "policy", &policy)) {

        /* an anonymous one, which no bucket of ours allows */

        return SOCIAL_S3_ACCESS_DENIED;
    }

    if (!social_s3_post_find(ctx, "x-amz-algorithm", &algorithm)) {
        return social_s3_post_missing(ctx, "X-Amz-Algorithm");
    }

    if (!social_str_eq(algorithm, social_sigv4_algorithm)) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_UNSUPPORTED,
                                    "ArgumentName",
                                    social_str("X-Amz-Algorithm"));
    }

    if (!social_s3_post_find(ctx, "x-amz-date", &date)) {
        return social_s3_post_missing(ctx, "X-Amz-Date");
    }

    error = social_s3_post_credential(ctx, part);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    if (social_time_amz_parse(date, &t) != SOCIAL_OK) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_QUERY, "ArgumentName",
                                    social_str("X-Amz-Date"));
    }

    date.len = 8;

    if (!social_str_eq(part[1], date)) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_QUERY, "ArgumentName",
                                    social_str("X-Amz-Credential"));
    }

    known = NULL;

    for (i = 0; i < ctx->policy->known_count; i++) {
        if (social_str_eq(ctx->policy->known[i].access_key, part[0])) {
            known = &ctx->policy->known[i];
            break;
        }
    }

    if (known == NULL) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_ACCESS_KEY,
                                    "AWSAccessKeyId", part[0]);
    }

    (void) social_s3_post_find(ctx, "x-amz-security-token", &token);

    if (!social_crypto_equal(token, known->token)) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_TOKEN, "",
                                    social_str(""));
    }

    if (now < t - SOCIAL_SIGV4_SKEW) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_NOT_YET_VALID, "",
                                    social_str(""));
    }

    return social_s3_post_signature(ctx, known, date, policy);
}


/*
 * KEY/20260101/REGION/s3/aws4_request
 */

static social_s3_error_e
social_s3_post_credential(social_s3_post_ctx_t *ctx, social_str_t part[5])
{
    size_t        i, n, end;
    social_str_t  credential;

    if (!social_s3_post_find(ctx, "x-amz-credential", &credential)) {
        return social_s3_post_missing(ctx, "X-Amz-Credential");
    }

    memset(part, 0, 5 * sizeof(social_str_t));

    end = credential.len;
    n = 4;

    for (i = credential.len; i > 0 && n > 0; i--) {

        if (credential.data[i - 1] == '/') {
            part[n].data = credential.data + i;
            part[n].len = end - i;
            end = i - 1;
            n--;
        }
    }

    part[0].data = credential.data;
    part[0].len = end;

    if (n != 0 || part[1].len != 8
        || !social_str_eq(part[3], ctx->policy->service)
        || !social_str_eq(part[4], social_str("aws4_request")))
    {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_QUERY, "ArgumentName",
                                    social_str("X-Amz-Credential"));
    }

    if (!social_str_eq(part[2], ctx->policy->region)) {
        return social_s3_post_sigv4(ctx, SOCIAL_SIGV4_QUERY_REGION, "Region",
                                    ctx->policy->region);
    }

    return SOCIAL_S3_OK;
}


/*
 * What is signed is the policy as it was sent.
 */

static social_s3_error_e
social_s3_post_signature(social_s3_post_ctx_t *ctx,
    const social_sigv4_known_t *known, social_str_t date, social_str_t policy)
{
    size_t              i;
    social_rc_e         rc;
    social_str_t        given, expected;
    unsigned char       signature[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_s3_error_e   error;
    social_sigv4_key_t  key;

    if (!social_s3_post_find(ctx, "x-amz-signature", &given)) {
        return social_s3_post_missing(ctx, "X-Amz-Signature");
    }

    expected.data = signature;
    expected.len = sizeof(signature);

    error = SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH;

    for (i = 0; i < 2 && error == SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH; i++) {

        if (known->secrets[i].len == 0) {
            continue;
        }

        rc = social_sigv4_key(known->secrets[i], date, ctx->policy->region,
                              ctx->policy->service, &key);

        if (rc == SOCIAL_OK) {
            rc = social_sigv4_signature(&key, policy, signature);
        }

        if (rc != SOCIAL_OK) {
            error = SOCIAL_S3_INTERNAL_ERROR;

        } else if (social_crypto_equal(given, expected)) {
            error = SOCIAL_S3_OK;
        }

        social_crypto_cleanse(&key, sizeof(social_sigv4_key_t));
        social_crypto_cleanse(signature, sizeof(signature));
    }

    return error;
}


static social_s3_error_e
social_s3_post_policy(social_s3_post_ctx_t *ctx, int64_t now)
{
    size_t              len;
    social_str_t        policy, text;
    unsigned char       json[social_base64_decoded_size(SOCIAL_S3_FORM_SIZE)];
    social_s3_error_e   error;
    social_s3_policy_t  out;

    (void) social_s3_post_find(ctx, "policy", &policy);

    if (social_base64_decode(policy, json, &len) != SOCIAL_OK) {
        ctx->out->op.message = social_str("Invalid Policy: Invalid Base64.");
        return SOCIAL_S3_INVALID_POLICY_DOCUMENT;
    }

    text.data = json;
    text.len = len;

    error = social_s3_policy_check(text, ctx->fields, ctx->count,
                                   ctx->place->bucket, now, ctx->work, &out);

    ctx->out->min = out.min;
    ctx->out->max = out.max;
    ctx->out->op.message = out.message;

    return error;
}


/*
 * The rest is what a PUT of this key with these headers would ask for.
 */

static social_s3_error_e
social_s3_post_operation(social_s3_post_ctx_t *ctx)
{
    size_t                  i, n, mark;
    social_str_t            key;
    social_s3_error_e       error;
    social_s3_request_t     request;
    social_sigv4_header_t   headers[SOCIAL_S3_FORM_FIELDS], *field;

    (void) social_s3_post_find(ctx, "key", &key);
    (void) social_s3_post_find(ctx, "content-type", &ctx->out->type);

    n = 0;

    for (i = 0; i < ctx->count; i++) {

        field = &ctx->fields[i];

        switch (social_s3_post_kind(field->name)) {

        case SOCIAL_S3_POST_PASSED:
            headers[n++] = *field;
            break;

        case SOCIAL_S3_POST_ACL:
            headers[n].name = social_str("x-amz-acl");
            headers[n++].value = field->value;
            break;

        case SOCIAL_S3_POST_REFUSED:
            ctx->out->op.message = social_str("A field asks for what is not "
                                              "implemented");
            ctx->out->op.detail_name = social_str("Header");
            ctx->out->op.detail = field->name;

            return SOCIAL_S3_NOT_IMPLEMENTED;

        default:
            break;
        }
    }

    memset(&request, 0, sizeof(social_s3_request_t));

    mark = ctx->work->len;
    social_buf_put(ctx->work, ctx->place->prefix);
    social_buf_put(ctx->work, ctx->place->bucket);
    social_buf_byte(ctx->work, '/');
    social_buf_put(ctx->work, key);

    if (ctx->work->rc != SOCIAL_OK) {
        return SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH;
    }

    request.method = social_str("PUT");
    request.path = social_buf_since(ctx->work, mark);
    request.headers = headers;
    request.header_count = n;
    request.decoded = true;

    error = social_s3_request_read(ctx->place, &request, ctx->work,
                                   &ctx->out->op);

    if (error == SOCIAL_S3_OK
        && ctx->out->op.operation != SOCIAL_S3_PUT_OBJECT)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    return error;
}


static social_s3_post_kind_e
social_s3_post_kind(social_str_t name)
{
    size_t                     i;
    static const social_str_t  amz = social_string("x-amz-");
    static const social_str_t  meta = social_string("x-amz-meta-");
    static const social_str_t  checksum = social_string("x-amz-checksum-");

    static const struct {
        social_str_t           name;
        social_s3_post_kind_e  kind;
    } known[] = {
        { social_string("acl"), SOCIAL_S3_POST_ACL },
        { social_string("cache-control"), SOCIAL_S3_POST_PASSED },
        { social_string("content-disposition"), SOCIAL_S3_POST_PASSED },
        { social_string("content-encoding"), SOCIAL_S3_POST_PASSED },
        { social_string("content-language"), SOCIAL_S3_POST_PASSED },
        { social_string("content-md5"), SOCIAL_S3_POST_PASSED },
        { social_string("expires"), SOCIAL_S3_POST_PASSED },
        { social_string("if-match"), SOCIAL_S3_POST_PASSED },
        { social_string("if-none-match"), SOCIAL_S3_POST_PASSED },
        { social_string("tagging"), SOCIAL_S3_POST_REFUSED },
        { social_string("x-amz-sdk-checksum-algorithm"),
          SOCIAL_S3_POST_PASSED },
        { social_string("x-amz-storage-class"), SOCIAL_S3_POST_PASSED }
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (social_str_eq(name, known[i].name)) {
            return known[i].kind;
        }
    }

    if (social_s3_post_is_signature(name)) {
        return SOCIAL_S3_POST_USED;
    }

    if (social_str_starts(name, meta) || social_str_starts(name, checksum)) {
        return SOCIAL_S3_POST_PASSED;
    }

    return social_str_starts(name, amz) ? SOCIAL_S3_POST_REFUSED
                                        : SOCIAL_S3_POST_OTHER;
}


/*
 * Of what cannot be understood S3 says that it is as if it were not there.
 */

static void
social_s3_post_success(social_s3_post_ctx_t *ctx)
{
    social_str_t  value;

    if (social_s3_post_find(ctx, "success_action_status", &value)) {

        if (social_str_eq(value, social_str("200"))) {
            ctx->out->status = 200;

        } else if (social_str_eq(value, social_str("201"))) {
            ctx->out->status = 201;
        }
    }

    if ((social_s3_post_find(ctx, "success_action_redirect", &value)
         || social_s3_post_find(ctx, "redirect", &value))
        && social_s3_post_is_url(value))
    {
        ctx->out->redirect = value;
    }
}


static bool
social_s3_post_is_url(social_str_t url)
{
    size_t                     i;
    static const social_str_t  https = social_string("https://");
    static const social_str_t  http = social_string("http://");

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f || url.data[i] == '"'
            || url.data[i] == '<' || url.data[i] == '>'
            || url.data[i] == '\\')
        {
            return false;
        }
    }

    return (social_str_starts(url, https) && url.len > https.len)
           || (social_str_starts(url, http) && url.len > http.len);
}


static bool
social_s3_post_find(const social_s3_post_ctx_t *ctx, const char *name,
    social_str_t *value)
{
    size_t  i;

    for (i = 0; i < ctx->count; i++) {
        if (social_str_eq(ctx->fields[i].name, social_str(name))) {
            *value = ctx->fields[i].value;
            return true;
        }
    }

    value->data = NULL;
    value->len = 0;

    return false;
}


static social_s3_error_e
social_s3_post_missing(social_s3_post_ctx_t *ctx, const char *name)
{
    ctx->out->op.message = social_str("Bucket POST must contain a field with "
                                      "this name. If it is specified, please "
                                      "check the order of the fields.");
    ctx->out->op.detail_name = social_str("ArgumentName");
    ctx->out->op.detail = social_str(name);

    return SOCIAL_S3_INVALID_ARGUMENT;
}


static social_s3_error_e
social_s3_post_sigv4(social_s3_post_ctx_t *ctx, social_sigv4_status_e status,
    const char *name, social_str_t value)
{
    ctx->out->op.detail_name = social_str(name);
    ctx->out->op.detail = value;

    return social_sigv4_error(status, &ctx->out->op.message);
}


void
social_s3_post_write(social_buf_t *b, social_str_t location,
    social_str_t bucket, social_str_t key, social_str_t etag)
{
    social_buf_text(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<PostResponse><Location>");
    social_xml_escape(b, location);
    social_buf_text(b, "</Location><Bucket>");
    social_xml_escape(b, bucket);
    social_buf_text(b, "</Bucket><Key>");
    social_xml_escape(b, key);
    social_buf_text(b, "</Key><ETag>");
    social_xml_escape(b, etag);
    social_buf_text(b, "</ETag></PostResponse>");
}


void
social_s3_post_redirect(social_buf_t *b, social_str_t url,
    social_str_t bucket, social_str_t key, social_str_t etag)
{
    size_t        i;
    bool          query;
    social_str_t  fragment;

    query = false;

    for (i = 0; i < url.len && url.data[i] != '#'; i++) {
        query |= (url.data[i] == '?');
    }

    fragment.data = url.data + i;
    fragment.len = url.len - i;
    url.len = i;

    social_buf_put(b, url);
    social_buf_text(b, query ? "&bucket=" : "?bucket=");
    social_uri_encode(b, bucket, 0);
    social_buf_text(b, "&key=");
    social_uri_encode(b, key, 0);
    social_buf_text(b, "&etag=");
    social_uri_encode(b, etag, 0);
    social_buf_put(b, fragment);
}
