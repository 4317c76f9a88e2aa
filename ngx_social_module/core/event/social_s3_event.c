
/*
 * Events of S3.
 */

#include <stdlib.h>
#include <string.h>

#include "social_buf.h"
#include "social_s3_event.h"
#include "social_uri.h"


typedef enum {
    SOCIAL_S3_EVENT_CREATED = 0,
    SOCIAL_S3_EVENT_REMOVED,
    SOCIAL_S3_EVENT_OTHER
} social_s3_event_kind_e;


typedef struct {
    social_s3_event_t   *event;
    social_buf_t         text;
    const char          *why;
} social_s3_event_ctx_t;


static social_s3_event_form_e social_s3_event_form(const social_json_t *json);
static bool social_s3_event_is_envelope(const social_json_t *json);
static bool social_s3_event_alloc(social_s3_event_t *event, size_t count,
    size_t size);
static bool social_s3_event_records(social_s3_event_ctx_t *ctx,
    const social_json_t *list);
static bool social_s3_event_record(social_s3_event_ctx_t *ctx,
    const social_json_t *record);
static social_s3_event_kind_e social_s3_event_kind(social_str_t name);
static bool social_s3_event_is_marker(social_str_t name);
static void social_s3_event_opaque(social_s3_event_ctx_t *ctx,
    const social_json_t *record, bool first);
static bool social_s3_event_bridge(social_s3_event_ctx_t *ctx);
static bool social_s3_event_object(social_s3_event_ctx_t *ctx,
    const social_json_t *bucket, const social_json_t *object,
    social_s3_record_t *r);
static bool social_s3_event_key(social_s3_event_ctx_t *ctx,
    const social_json_t *json, bool encoded, social_str_t *key);
static bool social_s3_event_size(social_s3_event_ctx_t *ctx,
    const social_json_t *json, int64_t *size);
static bool social_s3_event_sequencer(social_s3_event_ctx_t *ctx,
    const social_json_t *json, bool swapped, social_str_t *sequencer);
static void social_s3_event_swap(unsigned char *digits);
static bool social_s3_event_add(social_s3_event_ctx_t *ctx,
    social_s3_event_kind_e kind, bool marker, social_s3_record_t *r);
static bool social_s3_event_text(social_s3_event_ctx_t *ctx,
    const social_json_t *json, const char *field, bool required,
    social_str_t *out);
static bool social_s3_event_wrong(social_s3_event_ctx_t *ctx,
    const char *field, const char *why);
static const social_json_t *social_s3_event_member(const social_json_t *json,
    const char *name);
static social_str_t social_s3_event_string(const social_json_t *json,
    const char *name);


social_rc_e
social_s3_event_parse(social_str_t text, social_s3_event_t *event,
    const char **why)
{
    bool                    ok;
    social_rc_e             rc;
    const social_json_t    *list;
    social_s3_event_ctx_t   ctx;

    memset(event, 0, sizeof(social_s3_event_t));
    memset(&ctx, 0, sizeof(social_s3_event_ctx_t));

    ctx.event = event;

    memcpy(event->field, "body", sizeof("body"));
    *why = "must be a JSON object of at most 262144 bytes";

    if (text.len > SOCIAL_S3_EVENT_MAX_SIZE) {
        return SOCIAL_MALFORMED;
    }

    rc = social_json_parse(text, &event->json);

    if (rc != SOCIAL_OK) {
        event->json = NULL;
        return rc;
    }

    event->form = social_s3_event_form(event->json);

    if (event->form == SOCIAL_S3_EVENT_TEST
        || event->form == SOCIAL_S3_EVENT_SNS)
    {
        return SOCIAL_OK;
    }

    list = social_s3_event_member(event->json, "Records");

    if (!social_s3_event_alloc(event, social_json_count(list), text.len)) {
        social_s3_event_free(event);
        return SOCIAL_FAILED;
    }

    /* what is decoded is never longer than what it is decoded from */

    social_buf_init(&ctx.text, event->text, text.len);

    ok = event->form == SOCIAL_S3_EVENT_BRIDGE
         ? social_s3_event_bridge(&ctx)
         : social_s3_event_records(&ctx, list);

    if (ok) {
        return SOCIAL_OK;
    }

    *why = ctx.why;
    social_s3_event_free(event);

    return SOCIAL_MALFORMED;
}


void
social_s3_event_free(social_s3_event_t *event)
{
    social_json_free(event->json);
    free(event->records);
    free(event->text);

    event->json = NULL;
    event->records = NULL;
    event->text = NULL;
    event->count = 0;
    event->opaque.len = 0;
}


static social_s3_event_form_e
social_s3_event_form(const social_json_t *json)
{
    static const social_str_t  test = social_string("s3:TestEvent");

    if (social_s3_event_member(json, "Records") != NULL) {
        return SOCIAL_S3_EVENT_RECORDS;
    }

    if (social_s3_event_member(json, "detail-type") != NULL) {
        return SOCIAL_S3_EVENT_BRIDGE;
    }

    if (social_s3_event_is_envelope(json)) {
        return SOCIAL_S3_EVENT_SNS;
    }

    return social_str_eq(social_s3_event_string(json, "Event"), test)
           ? SOCIAL_S3_EVENT_TEST : SOCIAL_S3_EVENT_RECORDS;
}


static bool
social_s3_event_is_envelope(const social_json_t *json)
{
    return social_s3_event_member(json, "Type") != NULL
           && social_s3_event_member(json, "TopicArn") != NULL;
}


static bool
social_s3_event_alloc(social_s3_event_t *event, size_t count, size_t size)
{
    if (count == 0 || count > SOCIAL_S3_EVENT_MAX_RECORDS) {
        count = 1;
    }

    event->records = calloc(count, sizeof(social_s3_record_t));
    event->text = malloc(size ? size : 1);

    return event->records != NULL && event->text != NULL;
}


static bool
social_s3_event_records(social_s3_event_ctx_t *ctx, const social_json_t *list)
{
    bool                  first;
    const social_json_t  *record;

    if (!social_json_is_array(list)) {
        return social_s3_event_wrong(ctx, "Records",
                                     "must be an array of records");
    }

    if (social_json_count(list) > SOCIAL_S3_EVENT_MAX_RECORDS) {
        return social_s3_event_wrong(ctx, "Records",
                                     "must have at most 1000 records");
    }

    first = true;

    for (record = social_json_next(list, NULL);
         record != NULL;
         record = social_json_next(list, record))
    {
        if (!social_s3_event_record(ctx, record)) {
            return false;
        }

        social_s3_event_opaque(ctx, record, first);
        first = false;
    }

    return true;
}


static bool
social_s3_event_record(social_s3_event_ctx_t *ctx, const social_json_t *record)
{
    bool                       ceph;
    social_str_t               source, version, name;
    social_s3_record_t         r;
    const social_json_t       *s3, *object;
    social_s3_event_kind_e     kind;
    static const social_str_t  major = social_string("2.");
    static const social_str_t  minio = social_string("minio:s3");
    static const social_str_t  aws = social_string("aws:s3");

    if (!social_json_is_object(record)) {
        return social_s3_event_wrong(ctx, "Records",
                                     "must be an array of records");
    }

    /* which fields there are is said by the major version alone */

    version = social_s3_event_string(record, "eventVersion");

    if (!social_str_starts(version, major)) {
        return social_s3_event_wrong(ctx, "Records.eventVersion",
                                     "must be 2 and a minor version");
    }

    source = social_s3_event_string(record, "eventSource");
    ceph = social_str_eq(source, social_str("ceph:s3"));

    if (!ceph && !social_str_eq(source, aws) && !social_str_eq(source, minio))
    {
        return social_s3_event_wrong(ctx, "Records.eventSource",
                   "must be aws:s3, minio:s3 or ceph:s3");
    }

    if (!social_s3_event_text(ctx, social_s3_event_member(record, "eventName"),
                              "Records.eventName", true, &name))
    {
        return false;
    }

    kind = social_s3_event_kind(name);

    if (kind == SOCIAL_S3_EVENT_OTHER) {
        ctx->event->others++;
        return true;
    }

    memset(&r, 0, sizeof(social_s3_record_t));

    s3 = social_s3_event_member(record, "s3");
    object = social_s3_event_member(s3, "object");

    return social_s3_event_object(ctx, social_s3_event_member(s3, "bucket"),
                                  object, &r)
           && social_s3_event_key(ctx, social_s3_event_member(object, "key"),
                                  !ceph, &r.key)
           && social_s3_event_text(ctx, social_s3_event_member(object, "eTag"),
                                   "Records.s3.object.eTag", false, &r.etag)
           && social_s3_event_text(ctx,
                                   social_s3_event_member(object, "versionId"),
                                   "Records.s3.object.versionId", false,
                                   &r.version)
           && social_s3_event_text(ctx,
                                   social_s3_event_member(record, "eventTime"),
                                   "Records.eventTime", false, &r.time)
           && social_s3_event_sequencer(ctx,
                                 social_s3_event_member(object, "sequencer"),
                                 ceph, &r.sequencer)
           && social_s3_event_add(ctx, kind, social_s3_event_is_marker(name),
                                  &r);
}


/*
 * Names have "s3:" before them in MinIO and older versions of Ceph.
 */

static social_s3_event_kind_e
social_s3_event_kind(social_str_t name)
{
    static const social_str_t  s3 = social_string("s3:");
    static const social_str_t  created = social_string("ObjectCreated:");
    static const social_str_t  removed = social_string("ObjectRemoved:");
    static const social_str_t  expired = social_string("LifecycleExpiration:");

    if (social_str_starts(name, s3)) {
        name.data += s3.len;
        name.len -= s3.len;
    }

    if (social_str_starts(name, created)) {
        return SOCIAL_S3_EVENT_CREATED;
    }

    return social_str_starts(name, removed) || social_str_starts(name, expired)
           ? SOCIAL_S3_EVENT_REMOVED : SOCIAL_S3_EVENT_OTHER;
}


/*
 * ...:DeleteMarkerCreated, of a bucket with versions, and not ...:Delete.
 */

static bool
social_s3_event_is_marker(social_str_t name)
{
    static const social_str_t  tail = social_string(":DeleteMarkerCreated");

    return name.len >= tail.len
           && memcmp(name.data + name.len - tail.len, tail.data, tail.len)
              == 0;
}


/*
 * It may be a token, and says nothing of a record that has another.
 */

static void
social_s3_event_opaque(social_s3_event_ctx_t *ctx, const social_json_t *record,
    bool first)
{
    social_str_t  opaque;

    opaque = social_s3_event_string(record, "opaqueData");

    if (first) {
        ctx->event->opaque = opaque;

    } else if (!social_str_eq(opaque, ctx->event->opaque)) {
        ctx->event->opaque.len = 0;
    }
}


static bool
social_s3_event_bridge(social_s3_event_ctx_t *ctx)
{
    social_str_t               source, name;
    social_s3_record_t         r;
    const social_json_t       *json, *detail, *object;
    social_s3_event_kind_e     kind;
    static const social_str_t  s3 = social_string("aws.s3");
    static const social_str_t  created = social_string("Object Created");
    static const social_str_t  deleted = social_string("Object Deleted");
    static const social_str_t  permanent =
        social_string("Permanently Deleted");

    json = ctx->event->json;
    source = social_s3_event_string(json, "source");
    name = social_s3_event_string(json, "detail-type");

    if (!social_str_eq(source, s3)) {
        return social_s3_event_wrong(ctx, "source", "must be aws.s3");
    }

    kind = social_str_eq(name, created) ? SOCIAL_S3_EVENT_CREATED
           : social_str_eq(name, deleted) ? SOCIAL_S3_EVENT_REMOVED
           : SOCIAL_S3_EVENT_OTHER;

    if (kind == SOCIAL_S3_EVENT_OTHER) {
        ctx->event->others++;
        return true;
    }

    memset(&r, 0, sizeof(social_s3_record_t));

    detail = social_s3_event_member(json, "detail");
    object = social_s3_event_member(detail, "object");

    return social_s3_event_object(ctx,
                                  social_s3_event_member(detail, "bucket"),
                                  object, &r)
           && social_s3_event_key(ctx, social_s3_event_member(object, "key"),
                                  false, &r.key)
           && social_s3_event_text(ctx, social_s3_event_member(object, "etag"),
                                   "detail.object.etag", false, &r.etag)
           && social_s3_event_text(ctx,
                                   social_s3_event_member(object,
                                                          "version-id"),
                                   "detail.object.version-id", false,
                                   &r.version)
           && social_s3_event_text(ctx, social_s3_event_member(json, "time"),
                                   "time", false, &r.time)
           && social_s3_event_sequencer(ctx,
                                 social_s3_event_member(object, "sequencer"),
                                 false, &r.sequencer)
           && social_s3_event_add(ctx, kind,
                   !social_str_eq(social_s3_event_string(detail,
                                                         "deletion-type"),
                                  permanent), &r);
}


static bool
social_s3_event_object(social_s3_event_ctx_t *ctx, const social_json_t *bucket,
    const social_json_t *object, social_s3_record_t *r)
{
    return social_s3_event_text(ctx, social_s3_event_member(bucket, "name"),
                                "bucket.name", true, &r->bucket)
           && social_s3_event_size(ctx, social_s3_event_member(object, "size"),
                                   &r->size);
}


/*
 * S3 and MinIO have keys as forms encode them; MinIO "/", too.
 */

static bool
social_s3_event_key(social_s3_event_ctx_t *ctx, const social_json_t *json,
    bool encoded, social_str_t *key)
{
    size_t  mark;

    if (social_json_string(json, key) != SOCIAL_OK) {
        key->len = 0;

    } else if (encoded) {
        mark = ctx->text.len;
        social_uri_decode(&ctx->text, *key, SOCIAL_URI_PLUS);
        *key = social_buf_since(&ctx->text, mark);
    }

    return social_object_check(*key)
           || social_s3_event_wrong(ctx, "object.key",
                  "must be the key of an object, of 1 to 1024 bytes of UTF-8");
}


/*
 * The example in Ceph's documentation has it as a string.
 */

static bool
social_s3_event_size(social_s3_event_ctx_t *ctx, const social_json_t *json,
    int64_t *size)
{
    size_t        i;
    social_str_t  text;

    *size = -1;

    if (json == NULL || social_json_is_null(json)
        || social_json_integer(json, size) == SOCIAL_OK)
    {
        return true;
    }

    if (social_json_string(json, &text) == SOCIAL_OK
        && text.len >= 1 && text.len <= 15)
    {
        *size = 0;

        for (i = 0; i < text.len; i++) {

            if (text.data[i] < '0' || text.data[i] > '9') {
                break;
            }

            *size = *size * 10 + (text.data[i] - '0');
        }

        if (i == text.len) {
            return true;
        }
    }

    return social_s3_event_wrong(ctx, "object.size",
                                 "must be a number of bytes");
}


/*
 * Sequencers may have different lengths: the shorter one is padded with zeros
 * on its right before they are compared (S3 User Guide, "Event message
 * structure").  Without the zeros at the end, and in one case, that is the
 * order of the bytes.
 */

static bool
social_s3_event_sequencer(social_s3_event_ctx_t *ctx,
    const social_json_t *json, bool swapped, social_str_t *sequencer)
{
    size_t           i, len;
    social_str_t     text;
    unsigned char    ch, digits[SOCIAL_S3_EVENT_MAX_SEQUENCER];

    if (json == NULL || social_json_is_null(json)) {
        return true;
    }

    if (social_json_string(json, &text) != SOCIAL_OK
        || text.len > sizeof(digits))
    {
        goto wrong;
    }

    len = text.len;

    for (i = 0; i < len; i++) {

        ch = text.data[i];

        if (ch >= 'a' && ch <= 'f') {
            ch = (unsigned char) (ch - 'a' + 'A');
        }

        if (!((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'F'))) {
            goto wrong;
        }

        digits[i] = ch;
    }

    if (swapped && len == 16) {
        social_s3_event_swap(digits);
        social_s3_event_swap(digits + 8);
    }

    while (len > 1 && digits[len - 1] == '0') {
        len--;
    }

    i = ctx->text.len;
    social_buf_put(&ctx->text, (social_str_t) { len, digits });
    *sequencer = social_buf_since(&ctx->text, i);

    return true;

wrong:

    return social_s3_event_wrong(ctx, "object.sequencer",
               "must consist of at most 64 hexadecimal digits");
}


/*
 * Ceph writes the bytes of two numbers, seconds and nanoseconds, as they are in
 * memory, the lowest first (rgw_notify.cc).
 */

static void
social_s3_event_swap(unsigned char *digits)
{
    size_t          i;
    unsigned char   copy[8];

    memcpy(copy, digits, sizeof(copy));

    for (i = 0; i < 8; i += 2) {
        digits[i] = copy[6 - i];
        digits[i + 1] = copy[7 - i];
    }
}


/*
 * Where one version is removed for good, another one may be at the key, which
 * is said by none of its events.
 */

static bool
social_s3_event_add(social_s3_event_ctx_t *ctx, social_s3_event_kind_e kind,
    bool marker, social_s3_record_t *r)
{
    static const social_str_t  none = social_string("null");
    static const social_str_t  quote = social_string("\"");

    if (kind == SOCIAL_S3_EVENT_REMOVED && !marker && r->version.len
        && !social_str_eq(r->version, none))
    {
        ctx->event->others++;
        return true;
    }

    r->created = (kind == SOCIAL_S3_EVENT_CREATED);

    if (r->etag.len >= 2 && social_str_starts(r->etag, quote)) {
        r->etag.data++;
        r->etag.len -= 2;
    }

    ctx->event->records[ctx->event->count++] = *r;

    return true;
}


static bool
social_s3_event_text(social_s3_event_ctx_t *ctx, const social_json_t *json,
    const char *field, bool required, social_str_t *out)
{
    if (json == NULL || social_json_is_null(json)) {
        out->len = 0;
        out->data = (const unsigned char *) "";

    } else if (social_json_string(json, out) != SOCIAL_OK
               || out->len > SOCIAL_S3_EVENT_MAX_TEXT)
    {
        return social_s3_event_wrong(ctx, field,
                                     "must be a string of at most 256 bytes");
    }

    return out->len || !required
           || social_s3_event_wrong(ctx, field,
                                    "must be a string that is not empty");
}


static bool
social_s3_event_wrong(social_s3_event_ctx_t *ctx, const char *field,
    const char *why)
{
    size_t  len;

    len = strlen(field);

    if (len >= SOCIAL_S3_EVENT_FIELD_SIZE) {
        len = SOCIAL_S3_EVENT_FIELD_SIZE - 1;
    }

    memcpy(ctx->event->field, field, len);
    ctx->event->field[len] = '\0';
    ctx->why = why;

    return false;
}


static const social_json_t *
social_s3_event_member(const social_json_t *json, const char *name)
{
    return social_json_is_object(json)
           ? social_json_member(json, social_str(name)) : NULL;
}


/*
 * Empty where there is none.
 */

static social_str_t
social_s3_event_string(const social_json_t *json, const char *name)
{
    social_str_t  s;

    if (social_json_string(social_s3_event_member(json, name), &s)
        != SOCIAL_OK)
    {
        s.len = 0;
        s.data = (const unsigned char *) "";
    }

    return s;
}


const social_s3_rule_t *
social_s3_rule_find(const social_s3_rule_t *rules, size_t n,
    social_str_t bucket, social_str_t key)
{
    size_t                   i;
    const social_s3_rule_t  *found;

    found = NULL;

    for (i = 0; i < n; i++) {

        if (social_str_eq(rules[i].bucket, bucket)
            && social_str_starts(key, rules[i].prefix)
            && (found == NULL || rules[i].prefix.len > found->prefix.len))
        {
            found = &rules[i];
        }
    }

    return found;
}
