
/*
 * CompleteMultipartUpload.
 */

#include <string.h>

#include "social_s3_complete.h"
#include "social_s3_xml_read.h"


typedef struct {
    social_s3_complete_t       *out;
    social_s3_complete_part_t  *part;       /* NULL: not in a part */
    social_s3_error_e           error;
} social_s3_complete_reader_t;


static social_rc_e social_s3_complete_begin(social_s3_xml_reader_t *xml,
    social_str_t name);
static social_rc_e social_s3_complete_text(social_s3_xml_reader_t *xml,
    social_str_t name, social_str_t value);
static social_rc_e social_s3_complete_end(social_s3_xml_reader_t *xml,
    social_str_t name);
static social_rc_e social_s3_complete_fail(
    social_s3_complete_reader_t *reader, social_s3_error_e error);
static social_rc_e social_s3_complete_number(
    social_s3_complete_reader_t *reader, social_str_t value);
static void social_s3_complete_etag(social_s3_complete_part_t *part,
    social_str_t value);
static social_rc_e social_s3_complete_checksum(
    social_s3_complete_reader_t *reader, social_str_t name,
    social_str_t value);


size_t
social_s3_complete_parts(social_str_t xml)
{
    size_t                     n;
    static const social_str_t  open = social_string("<Part");

    /* "<PartNumber>" is in each, and counted as well */

    for (n = 0; xml.len && n < SOCIAL_S3_MAX_PARTS; xml.data++, xml.len--) {
        if (xml.data[0] == '<' && social_str_starts(xml, open)) {
            n++;
        }
    }

    return n;
}


social_s3_error_e
social_s3_complete_read(social_str_t xml, social_buf_t *work,
    social_s3_complete_t *out)
{
    social_rc_e                  rc;
    social_s3_xml_reader_t       reader;
    social_s3_complete_reader_t  complete;

    memset(&reader, 0, sizeof(reader));

    reader.root = "CompleteMultipartUpload";
    reader.begin = social_s3_complete_begin;
    reader.text = social_s3_complete_text;
    reader.end = social_s3_complete_end;
    reader.data = &complete;

    complete.out = out;
    complete.part = NULL;
    complete.error = SOCIAL_S3_OK;

    out->count = 0;

    rc = social_s3_xml_read(&reader, xml, work);

    if (complete.error != SOCIAL_S3_OK) {
        return complete.error;
    }

    return rc == SOCIAL_OK && out->count ? SOCIAL_S3_OK
                                         : SOCIAL_S3_MALFORMED_XML;
}


static social_rc_e
social_s3_complete_begin(social_s3_xml_reader_t *xml, social_str_t name)
{
    social_s3_complete_t         *out;
    social_s3_complete_reader_t  *reader;

    reader = xml->data;
    out = reader->out;

    if (xml->depth != 2 || !social_str_eq(name, social_str("Part"))) {
        return SOCIAL_OK;
    }

    if (out->count == out->size) {
        return SOCIAL_MALFORMED;
    }

    reader->part = &out->parts[out->count++];
    memset(reader->part, 0, sizeof(social_s3_complete_part_t));

    return SOCIAL_OK;
}


static social_rc_e
social_s3_complete_end(social_s3_xml_reader_t *xml, social_str_t name)
{
    social_s3_complete_t         *out;
    social_s3_complete_part_t    *part;
    social_s3_complete_reader_t  *reader;

    (void) name;

    reader = xml->data;
    part = reader->part;

    if (xml->depth != 1 || part == NULL) {
        return SOCIAL_OK;
    }

    reader->part = NULL;
    out = reader->out;

    if (part->number == 0) {
        return SOCIAL_MALFORMED;
    }

    if (out->count > 1 && part[-1].number >= part->number) {
        return social_s3_complete_fail(reader, SOCIAL_S3_INVALID_PART_ORDER);
    }

    return SOCIAL_OK;
}


static social_rc_e
social_s3_complete_fail(social_s3_complete_reader_t *reader,
    social_s3_error_e error)
{
    reader->error = error;

    return SOCIAL_MALFORMED;
}


/*
 * What else there is in a part is as good as nothing, as in S3.
 */

static social_rc_e
social_s3_complete_text(social_s3_xml_reader_t *xml, social_str_t name,
    social_str_t value)
{
    social_s3_complete_reader_t  *reader;

    reader = xml->data;

    if (xml->depth != 3 || reader->part == NULL) {
        return SOCIAL_OK;
    }

    value = social_str_trim(value);

    if (social_str_eq(name, social_str("PartNumber"))) {
        return social_s3_complete_number(reader, value);
    }

    if (social_str_eq(name, social_str("ETag"))) {
        social_s3_complete_etag(reader->part, value);
        return SOCIAL_OK;
    }

    return social_s3_complete_checksum(reader, name, value);
}


static social_rc_e
social_s3_complete_number(social_s3_complete_reader_t *reader,
    social_str_t value)
{
    size_t    i;
    unsigned  n;

    n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return SOCIAL_MALFORMED;
        }

        if (n <= SOCIAL_S3_MAX_PARTS) {
            n = n * 10 + (unsigned) (value.data[i] - '0');
        }
    }

    if (value.len == 0) {
        return SOCIAL_MALFORMED;
    }

    if (n == 0 || n > SOCIAL_S3_MAX_PARTS) {
        return social_s3_complete_fail(reader, SOCIAL_S3_INVALID_ARGUMENT);
    }

    reader->part->number = n;

    return SOCIAL_OK;
}


/*
 * With quotes or without.
 */

static void
social_s3_complete_etag(social_s3_complete_part_t *part, social_str_t value)
{
    size_t         i;
    unsigned char  ch;

    if (value.len >= 2 && value.data[0] == '"'
        && value.data[value.len - 1] == '"')
    {
        value.data++;
        value.len -= 2;
    }

    part->has_etag = false;

    if (value.len != sizeof(part->etag)) {
        return;
    }

    for (i = 0; i < value.len; i++) {

        ch = social_lower(value.data[i]);

        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'f')) {
            return;
        }

        part->etag[i] = ch;
    }

    part->has_etag = true;
}


static social_rc_e
social_s3_complete_checksum(social_s3_complete_reader_t *reader,
    social_str_t name, social_str_t value)
{
    social_s3_complete_part_t  *part;
    static const social_str_t   prefix = social_string("Checksum");

    if (!social_str_starts(name, prefix)) {
        return SOCIAL_OK;
    }

    part = reader->part;

    if (part->algorithm != SOCIAL_S3_CHECKSUM_NONE) {
        return SOCIAL_MALFORMED;
    }

    name.data += prefix.len;
    name.len -= prefix.len;

    part->algorithm = social_s3_checksum_by_name(name);

    if (part->algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        return social_s3_complete_fail(reader, SOCIAL_S3_NOT_IMPLEMENTED);
    }

    return social_s3_checksum_read(part->algorithm, value, part->value);
}
