
/*
 * The protocol of Companion.
 */

#include <string.h>

#include "social_base64url.h"
#include "social_companion.h"
#include "social_encoding.h"
#include "social_s3_error.h"
#include "social_uri.h"


static social_rc_e social_companion_route(social_str_t method,
    social_str_t path, social_companion_t *out, social_str_t *token,
    social_str_t *part);
static bool social_companion_is(social_companion_t *out, social_str_t method,
    const char *name, social_companion_e operation);
static bool social_companion_segment(social_str_t *path,
    social_str_t *segment);
static social_rc_e social_companion_token_read(social_str_t token,
    social_buf_t *work, social_companion_t *out);
static bool social_companion_is_uuid(social_str_t s);
static bool social_companion_is_extension(social_str_t s);
static social_rc_e social_companion_query(social_str_t query,
    social_buf_t *work, social_companion_t *out);
static social_rc_e social_companion_params(social_companion_t *out);
static social_rc_e social_companion_batch(social_str_t value,
    social_companion_t *out);
static bool social_companion_number(social_str_t s, unsigned *n);
static social_rc_e social_companion_part(const social_json_t *json,
    social_buf_t *xml, unsigned *number);
static social_rc_e social_companion_wrong(social_companion_t *out,
    const char *field, const char *why);


social_rc_e
social_companion_read(social_str_t method, social_str_t path,
    social_str_t query, social_buf_t *work, social_companion_t *out)
{
    social_rc_e   rc;
    social_str_t  token, part;

    memset(out, 0, sizeof(social_companion_t));

    rc = social_companion_route(method, path, out, &token, &part);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    if (token.len) {

        rc = social_companion_token_read(token, work, out);

        if (rc != SOCIAL_OK) {
            return rc;
        }
    }

    if (out->operation == SOCIAL_COMPANION_SIGN) {

        if (!social_companion_number(part, &out->parts[0])) {
            return social_companion_wrong(out, "partNumber",
                                          "must be a number from 1 to 10000");
        }

        out->count = 1;
    }

    return social_companion_query(query, work, out);
}


static social_rc_e
social_companion_route(social_str_t method, social_str_t path,
    social_companion_t *out, social_str_t *token, social_str_t *part)
{
    bool                       found;
    const char                *allow;
    social_str_t               first, last;
    static const social_str_t  params = social_string("params");
    static const social_str_t  multipart = social_string("multipart");
    static const social_str_t  batch = social_string("batch");
    static const social_str_t  complete = social_string("complete");

    token->data = NULL;
    token->len = 0;
    part->data = NULL;
    part->len = 0;

    if (!social_companion_segment(&path, &first)) {
        return SOCIAL_DECLINED;
    }

    if (social_str_eq(first, params) && path.data == NULL) {
        allow = "GET";
        found = social_companion_is(out, method, "GET",
                                    SOCIAL_COMPANION_PARAMS);
        goto done;
    }

    if (!social_str_eq(first, multipart)) {
        return SOCIAL_DECLINED;
    }

    if (path.data == NULL) {
        allow = "POST";
        found = social_companion_is(out, method, "POST",
                                    SOCIAL_COMPANION_CREATE);
        goto done;
    }

    if (!social_companion_segment(&path, token)) {
        return SOCIAL_DECLINED;
    }

    if (path.data == NULL) {
        allow = "GET, DELETE";
        found = social_companion_is(out, method, "GET", SOCIAL_COMPANION_LIST)
                || social_companion_is(out, method, "DELETE",
                                       SOCIAL_COMPANION_ABORT);
        goto done;
    }

    if (!social_companion_segment(&path, &last) || path.data != NULL) {
        return SOCIAL_DECLINED;
    }

    allow = "GET";

    if (social_str_eq(last, complete)) {
        allow = "POST";
        found = social_companion_is(out, method, "POST",
                                    SOCIAL_COMPANION_COMPLETE);

    } else if (social_str_eq(last, batch)) {
        found = social_companion_is(out, method, "GET",
                                    SOCIAL_COMPANION_BATCH_SIGN);

    } else {
        found = social_companion_is(out, method, "GET", SOCIAL_COMPANION_SIGN);
        *part = last;
    }

done:

    out->allow = found ? NULL : allow;

    return found ? SOCIAL_OK : SOCIAL_DECLINED;
}


static bool
social_companion_is(social_companion_t *out, social_str_t method,
    const char *name, social_companion_e operation)
{
    if (!social_str_eq(method, social_str(name))) {
        return false;
    }

    out->operation = operation;

    return true;
}


/*
 * The next segment of a path, which is not empty; the rest is a null pointer
 * after the last one.
 */

static bool
social_companion_segment(social_str_t *path, social_str_t *segment)
{
    size_t  i;

    for (i = 0; i < path->len && path->data[i] != '/'; i++) { /* void */ }

    segment->data = path->data;
    segment->len = i;

    if (i == path->len) {
        path->data = NULL;
        path->len = 0;

    } else {
        path->data += i + 1;
        path->len -= i + 1;
    }

    return segment->len != 0;
}


static social_rc_e
social_companion_token_read(social_str_t token, social_buf_t *work,
    social_companion_t *out)
{
    size_t          i, len;
    unsigned char   upload[social_base64url_decoded_size(
                               SOCIAL_COMPANION_TOKEN_SIZE)];

    if (token.len > SOCIAL_COMPANION_TOKEN_SIZE
        || token.len < SOCIAL_COMPANION_ID_SIZE + 4
        || token.data[SOCIAL_COMPANION_ID_SIZE] != '.')
    {
        return SOCIAL_DECLINED;
    }

    out->id.data = token.data;
    out->id.len = SOCIAL_COMPANION_ID_SIZE;

    token.data += SOCIAL_COMPANION_ID_SIZE + 1;
    token.len -= SOCIAL_COMPANION_ID_SIZE + 1;

    for (i = 0; i < token.len && token.data[i] != '.'; i++) { /* void */ }

    out->extension.data = token.data;
    out->extension.len = i;

    if (i == token.len || !social_companion_is_uuid(out->id)
        || !social_companion_is_extension(out->extension))
    {
        return SOCIAL_DECLINED;
    }

    token.data += i + 1;
    token.len -= i + 1;

    if (social_base64url_decode(token, upload, &len) != SOCIAL_OK || len == 0
        || len > SOCIAL_S3_REPLY_MAX_ID)
    {
        return SOCIAL_DECLINED;
    }

    for (i = 0; i < len; i++) {
        if (upload[i] <= ' ' || upload[i] >= 0x7f) {
            return SOCIAL_DECLINED;
        }
    }

    i = work->len;
    social_buf_put(work, (social_str_t) { len, upload });
    out->upload = social_buf_since(work, i);

    return work->rc == SOCIAL_OK ? SOCIAL_OK : SOCIAL_DECLINED;
}


static bool
social_companion_is_uuid(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s.data[i] != '-') {
                return false;
            }

        } else if (!((s.data[i] >= '0' && s.data[i] <= '9')
                     || (s.data[i] >= 'a' && s.data[i] <= 'f')))
        {
            return false;
        }
    }

    return s.len == SOCIAL_COMPANION_ID_SIZE;
}


static bool
social_companion_is_extension(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= '0' && s.data[i] <= '9')
              || (s.data[i] >= 'a' && s.data[i] <= 'z')))
        {
            return false;
        }
    }

    return s.len >= 1 && s.len <= SOCIAL_COMPANION_MAX_EXT;
}


static social_rc_e
social_companion_query(social_str_t query, social_buf_t *work,
    social_companion_t *out)
{
    size_t               i, mark;
    social_str_t         name, value, batch;
    social_uri_query_t   q;

    batch.data = NULL;
    batch.len = 0;

    if (social_uri_query_parse(&q, work, query, SOCIAL_URI_PLUS) != SOCIAL_OK
        || social_uri_query_duplicate(&q) != NULL)
    {
        return social_companion_wrong(out, "query", "must have each parameter "
                                      "once");
    }

    for (i = 0; i < q.count; i++) {

        name = q.params[i].name;

        mark = work->len;
        social_uri_decode(work, q.params[i].value, 0);
        value = social_buf_since(work, mark);

        if (work->rc != SOCIAL_OK) {
            return social_companion_wrong(out, "query", "must not be so long");
        }

        if (social_str_eq(name, social_str("key"))) {
            out->key = value;

        } else if (social_str_eq(name, social_str("filename"))) {
            out->filename = value;

        } else if (social_str_eq(name, social_str("type"))) {
            out->type = value;

        } else if (social_str_eq(name, social_str("metadata%5Bkind%5D"))) {
            out->kind = value;

        } else if (social_str_eq(name, social_str("partNumbers"))) {
            batch = value;
        }
    }

    switch (out->operation) {

    case SOCIAL_COMPANION_PARAMS:
        return social_companion_params(out);

    case SOCIAL_COMPANION_CREATE:
        return SOCIAL_OK;

    case SOCIAL_COMPANION_BATCH_SIGN:
        if (social_companion_batch(batch, out) != SOCIAL_OK) {
            return SOCIAL_MALFORMED;
        }

        /* fall through */

    default:
        return out->key.len ? SOCIAL_OK
               : social_companion_wrong(out, "key", "must not be empty");
    }
}


static social_rc_e
social_companion_params(social_companion_t *out)
{
    if (out->filename.len == 0) {
        return social_companion_wrong(out, "filename", "must not be empty");
    }

    return SOCIAL_OK;
}


static social_rc_e
social_companion_batch(social_str_t value, social_companion_t *out)
{
    social_str_t  item;

    out->count = 0;

    while (social_str_next(&value, ",", &item)) {

        if (out->count == SOCIAL_COMPANION_BATCH
            || !social_companion_number(item, &out->parts[out->count++]))
        {
            out->count = 0;
            break;
        }
    }

    return out->count ? SOCIAL_OK
           : social_companion_wrong(out, "partNumbers",
                                    "must be 1 to 100 numbers from 1 to 10000 "
                                    "with commas between them");
}


static bool
social_companion_number(social_str_t s, unsigned *n)
{
    size_t  i;

    *n = 0;

    if (s.len == 0 || s.len > 5 || s.data[0] == '0') {
        return false;
    }

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        *n = *n * 10 + (unsigned) (s.data[i] - '0');
    }

    return *n <= SOCIAL_COMPANION_MAX_PARTS;
}


social_rc_e
social_companion_create(social_str_t text, social_json_t **json,
    social_companion_t *out)
{
    social_rc_e                rc;
    static const social_str_t  filename = social_string("filename");
    static const social_str_t  type = social_string("type");
    static const social_str_t  metadata = social_string("metadata");
    static const social_str_t  kind = social_string("kind");

    rc = social_json_parse(text, json);

    if (rc == SOCIAL_FAILED) {
        return rc;
    }

    if (rc != SOCIAL_OK) {
        return social_companion_wrong(out, "body", "must be a JSON object");
    }

    if (social_json_string(social_json_member(*json, filename),
                           &out->filename)
        != SOCIAL_OK || out->filename.len == 0)
    {
        rc = social_companion_wrong(out, "filename",
                                    "must be a string that is not empty");

    } else if (social_json_string(social_json_member(*json, type), &out->type)
               != SOCIAL_OK)
    {
        rc = social_companion_wrong(out, "type", "must be a string");

    } else if (social_json_string(social_json_member(
                                  social_json_member(*json, metadata), kind),
                                  &out->kind)
               != SOCIAL_OK)
    {
        out->kind.len = 0;
    }

    if (rc != SOCIAL_OK) {
        social_json_free(*json);
        *json = NULL;
    }

    return rc;
}


social_rc_e
social_companion_complete(social_str_t text, social_buf_t *xml,
    unsigned *parts, size_t *count, social_companion_t *out)
{
    social_rc_e                rc;
    social_json_t             *json;
    const social_json_t       *list, *part;
    static const social_str_t  name = social_string("parts");

    *count = 0;

    rc = social_json_parse(text, &json);

    if (rc == SOCIAL_FAILED) {
        return rc;
    }

    if (rc != SOCIAL_OK) {
        return social_companion_wrong(out, "body", "must be a JSON object");
    }

    list = social_json_member(json, name);
    part = NULL;

    social_buf_text(xml, "<CompleteMultipartUpload>");

    while (rc == SOCIAL_OK && (part = social_json_next(list, part)) != NULL) {

        if (*count == SOCIAL_COMPANION_MAX_PARTS) {
            rc = SOCIAL_MALFORMED;
            break;
        }

        rc = social_companion_part(part, xml, &parts[*count]);

        if (rc == SOCIAL_OK && *count && parts[*count - 1] >= parts[*count]) {
            rc = SOCIAL_MALFORMED;
        }

        ++*count;
    }

    social_buf_text(xml, "</CompleteMultipartUpload>");

    social_json_free(json);

    if (rc != SOCIAL_OK || *count == 0 || xml->rc != SOCIAL_OK) {
        return social_companion_wrong(out, "parts", "must be 1 to 10000 "
                                      "objects with an ascending PartNumber "
                                      "and an ETag");
    }

    return SOCIAL_OK;
}


static social_rc_e
social_companion_part(const social_json_t *json, social_buf_t *xml,
    unsigned *number)
{
    size_t                     i;
    int64_t                    n;
    social_str_t               etag;
    static const social_str_t  part_number = social_string("PartNumber");
    static const social_str_t  etag_name = social_string("ETag");

    if (!social_json_is_object(json)
        || social_json_integer(social_json_member(json, part_number), &n)
           != SOCIAL_OK
        || social_json_string(social_json_member(json, etag_name), &etag)
           != SOCIAL_OK
        || n < 1 || n > SOCIAL_COMPANION_MAX_PARTS || etag.len == 0
        || etag.len > SOCIAL_S3_REPLY_MAX_ETAG)
    {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < etag.len; i++) {
        if (etag.data[i] <= ' ' || etag.data[i] >= 0x7f
            || etag.data[i] == '&' || etag.data[i] == '<'
            || etag.data[i] == '>')
        {
            return SOCIAL_MALFORMED;
        }
    }

    social_buf_text(xml, "<Part><PartNumber>");
    social_buf_number(xml, (uint64_t) n);
    social_buf_text(xml, "</PartNumber><ETag>");
    social_xml_escape(xml, etag);
    social_buf_text(xml, "</ETag></Part>");

    *number = (unsigned) n;

    return SOCIAL_OK;
}


void
social_companion_token(social_buf_t *b, social_str_t id,
    social_str_t extension, social_str_t upload)
{
    size_t         i, n;
    unsigned char  text[social_base64_size(SOCIAL_S3_REPLY_MAX_ID)];

    if (upload.len > SOCIAL_S3_REPLY_MAX_ID) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return;
    }

    social_buf_put(b, id);
    social_buf_byte(b, '.');
    social_buf_put(b, extension);
    social_buf_byte(b, '.');

    n = social_base64_encode(upload, text);

    for (i = 0; i < n && text[i] != '='; i++) {
        social_buf_byte(b, text[i] == '+' ? '-' : text[i] == '/' ? '_'
                                                                 : text[i]);
    }
}


static social_rc_e
social_companion_wrong(social_companion_t *out, const char *field,
    const char *why)
{
    out->field = field;
    out->why = why;

    return SOCIAL_MALFORMED;
}
