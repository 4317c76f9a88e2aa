
/*
 * What a store answers to whom it uploads in parts for.
 */

#include <string.h>

#include "social_s3_reply.h"
#include "social_s3_xml_read.h"


#define SOCIAL_S3_REPLY_MAX_PART  10000


typedef struct {
    social_s3_reply_parts_t  *out;
    social_s3_reply_part_t   *part;         /* NULL: not in a part */
    social_str_t             *upload;
} social_s3_reply_reader_t;


static social_rc_e social_s3_reply_read(const char *root,
    social_s3_reply_reader_t *reply, social_str_t xml, social_buf_t *work);
static social_rc_e social_s3_reply_begin(social_s3_xml_reader_t *xml,
    social_str_t name);
static social_rc_e social_s3_reply_text(social_s3_xml_reader_t *xml,
    social_str_t name, social_str_t value);
static social_rc_e social_s3_reply_part(social_s3_reply_part_t *part,
    social_str_t name, social_str_t value);
static social_rc_e social_s3_reply_end(social_s3_xml_reader_t *xml,
    social_str_t name);
static bool social_s3_reply_number(social_str_t s, int64_t max, int64_t *n);
static bool social_s3_reply_is_plain(social_str_t s, size_t max);


social_rc_e
social_s3_reply_create(social_str_t xml, social_buf_t *work,
    social_str_t *upload)
{
    social_s3_reply_reader_t  reply;

    memset(&reply, 0, sizeof(reply));

    upload->len = 0;
    reply.upload = upload;

    if (social_s3_reply_read("InitiateMultipartUploadResult", &reply, xml,
                             work)
        != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    return social_s3_reply_is_plain(*upload, SOCIAL_S3_REPLY_MAX_ID)
           ? SOCIAL_OK : SOCIAL_MALFORMED;
}


social_rc_e
social_s3_reply_parts(social_str_t xml, social_buf_t *work,
    social_s3_reply_parts_t *out)
{
    social_s3_reply_reader_t  reply;

    memset(&reply, 0, sizeof(reply));

    out->count = 0;
    out->truncated = false;
    out->next = 0;
    reply.out = out;

    if (social_s3_reply_read("ListPartsResult", &reply, xml, work)
        != SOCIAL_OK)
    {
        return SOCIAL_MALFORMED;
    }

    /* a page that leads nowhere would be read for ever */

    return out->truncated
           && (out->count == 0 || out->next < out->parts[0].number)
           ? SOCIAL_MALFORMED : SOCIAL_OK;
}


social_rc_e
social_s3_reply_complete(social_str_t xml, social_buf_t *work)
{
    social_s3_reply_reader_t  reply;

    memset(&reply, 0, sizeof(reply));

    return social_s3_reply_read("CompleteMultipartUploadResult", &reply, xml,
                                work);
}


/*
 * White space may come before the document, to keep the connection.
 */

static social_rc_e
social_s3_reply_read(const char *root, social_s3_reply_reader_t *reply,
    social_str_t xml, social_buf_t *work)
{
    social_s3_xml_reader_t  reader;

    memset(&reader, 0, sizeof(reader));

    reader.root = root;
    reader.begin = social_s3_reply_begin;
    reader.text = social_s3_reply_text;
    reader.end = social_s3_reply_end;
    reader.data = reply;

    while (xml.len && xml.data[0] <= ' ') {
        xml.data++;
        xml.len--;
    }

    return social_s3_xml_read(&reader, xml, work);
}


static social_rc_e
social_s3_reply_begin(social_s3_xml_reader_t *xml, social_str_t name)
{
    social_s3_reply_reader_t  *reply;
    social_s3_reply_parts_t   *out;

    reply = xml->data;
    out = reply->out;

    if (out == NULL || xml->depth != 2
        || !social_str_eq(name, social_str("Part")))
    {
        return SOCIAL_OK;
    }

    if (out->count == SOCIAL_S3_REPLY_MAX_PARTS) {
        return SOCIAL_MALFORMED;
    }

    reply->part = &out->parts[out->count++];
    memset(reply->part, 0, sizeof(social_s3_reply_part_t));
    reply->part->size = -1;

    return SOCIAL_OK;
}


static social_rc_e
social_s3_reply_text(social_s3_xml_reader_t *xml, social_str_t name,
    social_str_t value)
{
    int64_t                    n;
    social_s3_reply_reader_t  *reply;

    reply = xml->data;

    if (reply->part != NULL && xml->depth == 3) {
        return social_s3_reply_part(reply->part, name, value);
    }

    if (xml->depth != 2) {
        return SOCIAL_OK;
    }

    if (reply->upload != NULL) {

        if (social_str_eq(name, social_str("UploadId"))) {
            *reply->upload = value;
        }

    } else if (reply->out != NULL) {

        if (social_str_eq(name, social_str("IsTruncated"))) {
            reply->out->truncated = social_str_eq(value, social_str("true"));

        } else if (social_str_eq(name, social_str("NextPartNumberMarker"))) {

            if (!social_s3_reply_number(value, SOCIAL_S3_REPLY_MAX_PART, &n)) {
                return SOCIAL_MALFORMED;
            }

            reply->out->next = (unsigned) n;
        }
    }

    return SOCIAL_OK;
}


static social_rc_e
social_s3_reply_part(social_s3_reply_part_t *part, social_str_t name,
    social_str_t value)
{
    int64_t  n;

    if (social_str_eq(name, social_str("PartNumber"))) {

        if (!social_s3_reply_number(value, SOCIAL_S3_REPLY_MAX_PART, &n)) {
            return SOCIAL_MALFORMED;
        }

        part->number = (unsigned) n;

    } else if (social_str_eq(name, social_str("Size"))) {

        if (!social_s3_reply_number(value, INT64_MAX / 20000, &part->size)) {
            return SOCIAL_MALFORMED;
        }

    } else if (social_str_eq(name, social_str("ETag"))) {
        part->etag = value;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_s3_reply_end(social_s3_xml_reader_t *xml, social_str_t name)
{
    social_s3_reply_part_t    *part;
    social_s3_reply_reader_t  *reply;

    (void) name;

    reply = xml->data;
    part = reply->part;

    if (part == NULL || xml->depth != 1) {
        return SOCIAL_OK;
    }

    reply->part = NULL;

    return part->number >= 1 && part->size >= 0
           && social_s3_reply_is_plain(part->etag, SOCIAL_S3_REPLY_MAX_ETAG)
           && (reply->out->count == 1 || part[-1].number < part->number)
           ? SOCIAL_OK : SOCIAL_MALFORMED;
}


static bool
social_s3_reply_number(social_str_t s, int64_t max, int64_t *n)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        *n = *n * 10 + (s.data[i] - '0');

        if (*n > max) {
            return false;
        }
    }

    return s.len != 0;
}


static bool
social_s3_reply_is_plain(social_str_t s, size_t max)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f) {
            return false;
        }
    }

    return s.len >= 1 && s.len <= max;
}
