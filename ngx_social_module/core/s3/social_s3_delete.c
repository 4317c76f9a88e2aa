
/*
 * DeleteObjects.
 */

#include <string.h>

#include "social_object.h"
#include "social_s3_delete.h"
#include "social_s3_xml_read.h"


typedef struct {
    social_s3_delete_t       *out;
    social_s3_delete_item_t  *item;       /* NULL: not in an object */
    bool                      has_key;
} social_s3_delete_reader_t;


static social_rc_e social_s3_delete_begin(social_s3_xml_reader_t *xml,
    social_str_t name);
static social_rc_e social_s3_delete_text(social_s3_xml_reader_t *xml,
    social_str_t name, social_str_t value);
static social_rc_e social_s3_delete_end(social_s3_xml_reader_t *xml,
    social_str_t name);


social_rc_e
social_s3_delete_read(social_str_t xml, social_buf_t *work,
    social_s3_delete_t *out)
{
    social_s3_xml_reader_t     reader;
    social_s3_delete_reader_t  delete;

    memset(&reader, 0, sizeof(reader));
    memset(&delete, 0, sizeof(delete));

    reader.root = "Delete";
    reader.begin = social_s3_delete_begin;
    reader.text = social_s3_delete_text;
    reader.end = social_s3_delete_end;
    reader.data = &delete;

    delete.out = out;

    out->quiet = false;
    out->count = 0;

    return social_s3_xml_read(&reader, xml, work) == SOCIAL_OK && out->count
           ? SOCIAL_OK : SOCIAL_MALFORMED;
}


static social_rc_e
social_s3_delete_begin(social_s3_xml_reader_t *xml, social_str_t name)
{
    social_s3_delete_t         *out;
    social_s3_delete_reader_t  *reader;

    reader = xml->data;
    out = reader->out;

    if (xml->depth == 2 && social_str_eq(name, social_str("Object"))) {

        if (out->count == SOCIAL_S3_DELETE_KEYS) {
            return SOCIAL_MALFORMED;
        }

        reader->item = &out->items[out->count++];
        reader->has_key = false;
        memset(reader->item, 0, sizeof(social_s3_delete_item_t));
    }

    return SOCIAL_OK;
}


static social_rc_e
social_s3_delete_end(social_s3_xml_reader_t *xml, social_str_t name)
{
    social_s3_delete_reader_t  *reader;

    (void) name;

    reader = xml->data;

    if (xml->depth != 1 || reader->item == NULL) {
        return SOCIAL_OK;
    }

    if (!reader->has_key) {
        return SOCIAL_MALFORMED;
    }

    if (!social_object_check(reader->item->key)) {
        reader->item->error = reader->item->key.len > SOCIAL_OBJECT_MAX_KEY
                              ? SOCIAL_S3_KEY_TOO_LONG
                              : SOCIAL_S3_INVALID_ARGUMENT;
    }

    reader->item = NULL;

    return SOCIAL_OK;
}


/*
 * The text of an element; that between elements is white space.  Of a text in
 * two pieces neither is what was meant.
 */

static social_rc_e
social_s3_delete_text(social_s3_xml_reader_t *xml, social_str_t name,
    social_str_t value)
{
    social_s3_delete_reader_t  *reader;

    reader = xml->data;

    if (xml->depth == 2 && reader->item == NULL
        && social_str_eq(name, social_str("Quiet")))
    {
        reader->out->quiet = social_str_eq(social_str_trim(value),
                                           social_str("true"));
        return SOCIAL_OK;
    }

    if (xml->depth != 3 || reader->item == NULL) {
        return SOCIAL_OK;
    }

    if (social_str_eq(name, social_str("Key"))) {

        if (reader->has_key) {
            return SOCIAL_MALFORMED;
        }

        reader->has_key = true;
        reader->item->key = value;

    } else if (social_str_eq(name, social_str("ETag"))) {

        if (reader->item->etag.len) {
            return SOCIAL_MALFORMED;
        }

        reader->item->etag = value;

    } else if (!social_str_eq(name, social_str("VersionId"))) {

        /* there are no other conditions */

        reader->item->error = SOCIAL_S3_NOT_IMPLEMENTED;

    } else if (!social_str_eq(value, social_str("null"))
               && reader->item->error == SOCIAL_S3_OK)
    {
        reader->item->error = SOCIAL_S3_NO_SUCH_VERSION;
    }

    return SOCIAL_OK;
}


void
social_s3_delete_write(social_buf_t *b, const social_s3_delete_t *deleted)
{
    size_t                          i;
    const social_s3_delete_item_t  *item;

    social_buf_text(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<DeleteResult xmlns="
                       "\"http://s3.amazonaws.com/doc/2006-03-01/\">");

    for (i = 0; i < deleted->count; i++) {

        item = &deleted->items[i];

        if (item->error == SOCIAL_S3_OK) {

            if (deleted->quiet) {
                continue;
            }

            social_buf_text(b, "<Deleted><Key>");
            social_xml_escape(b, item->key);
            social_buf_text(b, "</Key></Deleted>");
            continue;
        }

        social_buf_text(b, "<Error><Key>");
        social_xml_escape(b, item->key);
        social_buf_text(b, "</Key><Code>");
        social_buf_put(b, social_s3_error_code(item->error));
        social_buf_text(b, "</Code><Message>");
        social_xml_escape(b, social_s3_error_message(item->error));
        social_buf_text(b, "</Message></Error>");
    }

    social_buf_text(b, "</DeleteResult>");
}
