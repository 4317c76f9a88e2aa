
/*
 * Policies of forms.
 */

#include <string.h>

#include "social_json.h"
#include "social_s3_policy.h"
#include "social_time.h"


#define SOCIAL_S3_POLICY_MAX_SHOWN  1024


typedef struct {
    const social_sigv4_header_t  *fields;
    size_t                        count;
    social_str_t                  bucket;
    bool                          covered[SOCIAL_S3_POLICY_MAX_FIELDS];
    bool                          bucket_covered;
    social_buf_t                 *work;
    social_s3_policy_t           *out;
} social_s3_policy_ctx_t;


static social_s3_error_e social_s3_policy_document(
    social_s3_policy_ctx_t *ctx, const social_json_t *json, int64_t now);
static social_s3_error_e social_s3_policy_condition(
    social_s3_policy_ctx_t *ctx, const social_json_t *condition);
static social_s3_error_e social_s3_policy_list(social_s3_policy_ctx_t *ctx,
    const social_json_t *condition);
static social_s3_error_e social_s3_policy_range(social_s3_policy_ctx_t *ctx,
    const social_json_t *condition);
static bool social_s3_policy_number(const social_json_t *json, int64_t *n);
static social_s3_error_e social_s3_policy_match(social_s3_policy_ctx_t *ctx,
    bool starts, social_str_t name, social_str_t wanted);
static bool social_s3_policy_starts(social_str_t name, social_str_t value,
    social_str_t wanted);
static social_s3_error_e social_s3_policy_failed(social_s3_policy_ctx_t *ctx,
    bool starts, social_str_t name, social_str_t wanted);
static bool social_s3_policy_is_plain(social_str_t s);
static social_s3_error_e social_s3_policy_extra(social_s3_policy_ctx_t *ctx);
static bool social_s3_policy_is_exempt(social_str_t name);
static social_s3_error_e social_s3_policy_invalid(social_s3_policy_ctx_t *ctx,
    const char *message);
static social_s3_error_e social_s3_policy_denied(social_s3_policy_ctx_t *ctx,
    const char *message);


social_s3_error_e
social_s3_policy_check(social_str_t text, const social_sigv4_header_t *fields,
    size_t count, social_str_t bucket, int64_t now, social_buf_t *work,
    social_s3_policy_t *out)
{
    social_rc_e             rc;
    social_json_t          *json;
    social_s3_error_e       error;
    social_s3_policy_ctx_t  ctx;

    memset(out, 0, sizeof(social_s3_policy_t));
    out->max = -1;

    memset(&ctx, 0, sizeof(social_s3_policy_ctx_t));
    ctx.fields = fields;
    ctx.count = count;
    ctx.bucket = bucket;
    ctx.work = work;
    ctx.out = out;

    rc = social_json_parse(text, &json);

    if (rc == SOCIAL_FAILED || count > SOCIAL_S3_POLICY_MAX_FIELDS) {

        if (rc == SOCIAL_OK) {
            social_json_free(json);
        }

        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (rc != SOCIAL_OK) {
        return social_s3_policy_invalid(&ctx, "Invalid Policy: Invalid JSON.");
    }

    error = social_s3_policy_document(&ctx, json, now);

    social_json_free(json);

    return error;
}


static social_s3_error_e
social_s3_policy_document(social_s3_policy_ctx_t *ctx,
    const social_json_t *json, int64_t now)
{
    int64_t                    expires;
    social_str_t               when;
    social_s3_error_e          error;
    const social_json_t       *conditions, *condition;
    static const social_str_t  expiration = social_string("expiration");
    static const social_str_t  list = social_string("conditions");

    switch (social_json_string(social_json_member(json, expiration), &when)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        return social_s3_policy_invalid(ctx,
                                 "Invalid Policy: Policy missing expiration.");

    default:
        when.len = 0;
        break;
    }

    if (social_time_iso_parse(when, &expires) != SOCIAL_OK) {
        return social_s3_policy_invalid(ctx,
                                "Invalid Policy: Invalid 'expiration' value.");
    }

    conditions = social_json_member(json, list);

    if (conditions == NULL || !social_json_is_array(conditions)) {
        return social_s3_policy_invalid(ctx,
                                 "Invalid Policy: Policy missing conditions.");
    }

    if (now >= expires) {
        return social_s3_policy_denied(ctx, "Policy expired.");
    }

    condition = NULL;

    while ((condition = social_json_next(conditions, condition)) != NULL) {

        error = social_s3_policy_condition(ctx, condition);

        if (error != SOCIAL_S3_OK) {
            return error;
        }
    }

    return social_s3_policy_extra(ctx);
}


static social_s3_error_e
social_s3_policy_condition(social_s3_policy_ctx_t *ctx,
    const social_json_t *condition)
{
    social_str_t          name, wanted;
    const social_json_t  *member;

    if (social_json_is_array(condition)) {
        return social_s3_policy_list(ctx, condition);
    }

    member = social_json_next_member(condition, NULL);

    if (member == NULL || social_json_next_member(condition, member) != NULL
        || social_json_string(member, &wanted) != SOCIAL_OK)
    {
        return social_s3_policy_invalid(ctx, "Invalid Policy: Invalid "
                   "Simple-Condition: Simple-Conditions must have exactly one "
                   "property specified.");
    }

    name.data = member->name;
    name.len = member->name_len;

    return social_s3_policy_match(ctx, false, name, wanted);
}


static social_s3_error_e
social_s3_policy_list(social_s3_policy_ctx_t *ctx,
    const social_json_t *condition)
{
    bool                       starts;
    social_str_t               operation, name, wanted;
    static const social_str_t  eq = social_string("eq");
    static const social_str_t  starts_with = social_string("starts-with");
    static const social_str_t  range = social_string("content-length-range");

    if (social_json_count(condition) != 3
        || social_json_string(social_json_element(condition, 0), &operation)
           != SOCIAL_OK)
    {
        return social_s3_policy_invalid(ctx, "Invalid Policy: Invalid "
                                        "Condition: wrong number of "
                                        "arguments.");
    }

    if (social_str_caseeq(operation, range)) {
        return social_s3_policy_range(ctx, condition);
    }

    starts = social_str_caseeq(operation, starts_with);

    if (!starts && !social_str_caseeq(operation, eq)) {
        return social_s3_policy_invalid(ctx, "Invalid Policy: Invalid "
                                        "Condition: Unknown Operation.");
    }

    if (social_json_string(social_json_element(condition, 1), &name)
        != SOCIAL_OK
        || social_json_string(social_json_element(condition, 2), &wanted)
           != SOCIAL_OK
        || name.len < 2 || name.data[0] != '$')
    {
        return social_s3_policy_invalid(ctx, "Invalid Policy: Invalid "
                                        "Condition: a field, as \"$key\", and "
                                        "a string are required.");
    }

    name.data++;
    name.len--;

    return social_s3_policy_match(ctx, starts, name, wanted);
}


static social_s3_error_e
social_s3_policy_range(social_s3_policy_ctx_t *ctx,
    const social_json_t *condition)
{
    int64_t  min, max;

    if (!social_s3_policy_number(social_json_element(condition, 1), &min)
        || !social_s3_policy_number(social_json_element(condition, 2), &max))
    {
        return social_s3_policy_invalid(ctx, "Invalid Policy: Invalid "
                                        "content-length-range: two numbers "
                                        "are required.");
    }

    /* of several ranges, all have to be met */

    if (min > ctx->out->min) {
        ctx->out->min = min;
    }

    if (ctx->out->max == -1 || max < ctx->out->max) {
        ctx->out->max = max;
    }

    return SOCIAL_S3_OK;
}


/*
 * Some write them as strings.
 */

static bool
social_s3_policy_number(const social_json_t *json, int64_t *n)
{
    size_t        i;
    social_str_t  text;

    if (social_json_integer(json, n) == SOCIAL_OK) {
        return true;
    }

    if (social_json_string(json, &text) != SOCIAL_OK || text.len == 0
        || text.len > 15)
    {
        return false;
    }

    *n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }

        *n = *n * 10 + (text.data[i] - '0');
    }

    return true;
}


static social_s3_error_e
social_s3_policy_match(social_s3_policy_ctx_t *ctx, bool starts,
    social_str_t name, social_str_t wanted)
{
    size_t                     i;
    social_str_t               value;
    static const social_str_t  bucket = social_string("bucket");

    value.data = NULL;
    value.len = 0;

    for (i = 0; i < ctx->count; i++) {
        if (social_str_caseeq(ctx->fields[i].name, name)) {
            ctx->covered[i] = true;
            value = ctx->fields[i].value;
        }
    }

    if (social_str_caseeq(name, bucket)) {
        ctx->bucket_covered = true;
        value = ctx->bucket;
    }

    if (starts ? social_s3_policy_starts(name, value, wanted)
               : social_str_eq(value, wanted))
    {
        return SOCIAL_S3_OK;
    }

    return social_s3_policy_failed(ctx, starts, name, wanted);
}


/*
 * Of a content type each item of a list has to begin so.
 */

static bool
social_s3_policy_starts(social_str_t name, social_str_t value,
    social_str_t wanted)
{
    social_str_t               item;
    static const social_str_t  type = social_string("content-type");

    if (!social_str_caseeq(name, type)) {
        return social_str_starts(value, wanted);
    }

    if (value.len == 0) {
        return wanted.len == 0;
    }

    while (social_str_next(&value, ",", &item)) {
        if (!social_str_starts(social_str_trim(item), wanted)) {
            return false;
        }
    }

    return true;
}


static social_s3_error_e
social_s3_policy_failed(social_s3_policy_ctx_t *ctx, bool starts,
    social_str_t name, social_str_t wanted)
{
    size_t                     mark;
    social_buf_t              *work;
    static const social_str_t  token = social_string("x-amz-security-token");

    work = ctx->work;
    mark = work->len;

    if (name.len + wanted.len > SOCIAL_S3_POLICY_MAX_SHOWN
        || social_str_caseeq(name, token)
        || !social_s3_policy_is_plain(name)
        || !social_s3_policy_is_plain(wanted))
    {
        return social_s3_policy_denied(ctx, "Policy Condition failed");
    }

    social_buf_text(work, "Invalid according to Policy: Policy Condition "
                          "failed: [\"");
    social_buf_text(work, starts ? "starts-with" : "eq");
    social_buf_text(work, "\", \"$");
    social_buf_put(work, name);
    social_buf_text(work, "\", \"");
    social_buf_put(work, wanted);
    social_buf_text(work, "\"]");

    if (work->rc != SOCIAL_OK) {
        return social_s3_policy_denied(ctx, "Policy Condition failed");
    }

    ctx->out->message = social_buf_since(work, mark);

    return SOCIAL_S3_ACCESS_DENIED;
}


/*
 * Whether it may stand in a log as it is.
 */

static bool
social_s3_policy_is_plain(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < ' ' || s.data[i] >= 0x7f) {
            return false;
        }
    }

    return true;
}


static social_s3_error_e
social_s3_policy_extra(social_s3_policy_ctx_t *ctx)
{
    size_t                     i, mark;
    bool                       covered;
    social_str_t               name;
    static const social_str_t  bucket = social_string("bucket");

    name.len = 0;
    name.data = NULL;

    for (i = 0; i < ctx->count; i++) {

        covered = ctx->covered[i]
                  || (ctx->bucket_covered
                      && social_str_caseeq(ctx->fields[i].name, bucket));

        if (!covered && !social_s3_policy_is_exempt(ctx->fields[i].name)) {
            name = ctx->fields[i].name;
            break;
        }
    }

    if (name.len == 0 && !ctx->bucket_covered) {
        name = bucket;
    }

    if (name.len == 0) {
        return SOCIAL_S3_OK;
    }

    if (name.len > SOCIAL_S3_POLICY_MAX_SHOWN) {
        return social_s3_policy_denied(ctx, "Extra input fields");
    }

    mark = ctx->work->len;

    social_buf_text(ctx->work,
                    "Invalid according to Policy: Extra input fields: ");
    social_buf_put(ctx->work, name);

    if (ctx->work->rc != SOCIAL_OK) {
        return social_s3_policy_denied(ctx, "Extra input fields");
    }

    ctx->out->message = social_buf_since(ctx->work, mark);

    return SOCIAL_S3_ACCESS_DENIED;
}


static bool
social_s3_policy_is_exempt(social_str_t name)
{
    size_t                     i;
    static const social_str_t  ignored = social_string("x-ignore-");
    static const social_str_t  exempt[] = {
        social_string("awsaccesskeyid"),
        social_string("policy"),
        social_string("signature"),
        social_string("x-amz-signature")
    };

    for (i = 0; i < sizeof(exempt) / sizeof(exempt[0]); i++) {
        if (social_str_caseeq(name, exempt[i])) {
            return true;
        }
    }

    return social_str_starts(name, ignored);
}


static social_s3_error_e
social_s3_policy_invalid(social_s3_policy_ctx_t *ctx, const char *message)
{
    ctx->out->message = social_str(message);

    return SOCIAL_S3_INVALID_POLICY_DOCUMENT;
}


static social_s3_error_e
social_s3_policy_denied(social_s3_policy_ctx_t *ctx, const char *message)
{
    size_t  mark;

    mark = ctx->work->len;

    social_buf_text(ctx->work, "Invalid according to Policy: ");
    social_buf_text(ctx->work, message);

    ctx->out->message = ctx->work->rc == SOCIAL_OK
                        ? social_buf_since(ctx->work, mark)
                        : social_str("Invalid according to Policy");

    return SOCIAL_S3_ACCESS_DENIED;
}
