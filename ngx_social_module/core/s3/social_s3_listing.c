
/*
 * A page of a list of objects.
 */

#include <string.h>

#include "social_s3_list.h"
#include "social_s3_listing.h"
#include "social_s3_xml_read.h"
#include "social_uri.h"


#define SOCIAL_S3_LISTING_TIME  (sizeof("2026-01-01T00:00:00") - 1)


typedef struct {
    social_s3_listing_t       *page;
    social_s3_listing_item_t  *item;         /* NULL: not in an object */
    bool                       has_size;
    bool                       encoded;      /* keys are percent-encoded */
} social_s3_listing_ctx_t;


static social_rc_e social_s3_listing_begin(social_s3_xml_reader_t *reader,
    social_str_t name);
static social_rc_e social_s3_listing_text(social_s3_xml_reader_t *reader,
    social_str_t name, social_str_t value);
static social_rc_e social_s3_listing_end(social_s3_xml_reader_t *reader,
    social_str_t name);
static social_rc_e social_s3_listing_member(social_s3_listing_ctx_t *ctx,
    social_str_t name, social_str_t value);
static social_rc_e social_s3_listing_size(social_s3_listing_ctx_t *ctx,
    social_str_t value);
static social_str_t social_s3_listing_unquote(social_str_t value);
static social_rc_e social_s3_listing_keys(social_s3_listing_ctx_t *ctx,
    social_buf_t *work);


social_rc_e
social_s3_listing_read(social_str_t xml, social_buf_t *work,
    social_s3_listing_t *page)
{
    social_s3_listing_ctx_t  ctx;
    social_s3_xml_reader_t   reader;

    memset(&ctx, 0, sizeof(social_s3_listing_ctx_t));
    memset(&reader, 0, sizeof(social_s3_xml_reader_t));

    page->truncated = false;
    page->token.len = 0;
    page->count = 0;

    ctx.page = page;

    reader.root = "ListBucketResult";
    reader.begin = social_s3_listing_begin;
    reader.text = social_s3_listing_text;
    reader.end = social_s3_listing_end;
    reader.data = &ctx;

    if (social_s3_xml_read(&reader, xml, work) != SOCIAL_OK
        || (page->truncated && page->token.len == 0)
        || page->token.len > SOCIAL_S3_LISTING_TOKEN)
    {
        return SOCIAL_MALFORMED;
    }

    return social_s3_listing_keys(&ctx, work);
}


bool
social_s3_listing_is_md5(social_str_t etag)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < etag.len; i++) {

        ch = social_lower(etag.data[i]);

        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'f')) {
            return false;
        }
    }

    return etag.len == 32;
}


static social_rc_e
social_s3_listing_begin(social_s3_xml_reader_t *reader, social_str_t name)
{
    social_s3_listing_t      *page;
    social_s3_listing_ctx_t  *ctx;

    ctx = reader->data;
    page = ctx->page;

    if (reader->depth != 2 || !social_str_eq(name, social_str("Contents"))) {
        return SOCIAL_OK;
    }

    if (page->count == SOCIAL_S3_LISTING_KEYS) {
        return SOCIAL_MALFORMED;
    }

    ctx->item = &page->items[page->count++];
    ctx->has_size = false;

    memset(ctx->item, 0, sizeof(social_s3_listing_item_t));

    return SOCIAL_OK;
}


static social_rc_e
social_s3_listing_text(social_s3_xml_reader_t *reader, social_str_t name,
    social_str_t value)
{
    social_s3_listing_ctx_t  *ctx;

    ctx = reader->data;

    if (reader->depth == 3 && ctx->item != NULL) {
        return social_s3_listing_member(ctx, name, value);
    }

    if (reader->depth != 2) {
        return SOCIAL_OK;
    }

    if (social_str_eq(name, social_str("IsTruncated"))) {
        ctx->page->truncated = social_str_eq(value, social_str("true"));

    } else if (social_str_eq(name, social_str("NextContinuationToken"))) {
        ctx->page->token = value;

    } else if (social_str_eq(name, social_str("EncodingType"))) {
        ctx->encoded = social_str_eq(value, social_str("url"));
    }

    return SOCIAL_OK;
}


static social_rc_e
social_s3_listing_end(social_s3_xml_reader_t *reader, social_str_t name)
{
    social_s3_listing_ctx_t  *ctx;

    ctx = reader->data;

    if (reader->depth != 1 || ctx->item == NULL) {
        return SOCIAL_OK;
    }

    /* "name" is that of the object: nothing else sets the item */

    (void) name;

    if (ctx->item->key.len == 0 || !ctx->has_size) {
        return SOCIAL_MALFORMED;
    }

    ctx->item = NULL;

    return SOCIAL_OK;
}


static social_rc_e
social_s3_listing_member(social_s3_listing_ctx_t *ctx, social_str_t name,
    social_str_t value)
{
    if (social_str_eq(name, social_str("Size"))) {
        return social_s3_listing_size(ctx, value);
    }

    if (social_str_eq(name, social_str("Key"))) {
        ctx->item->key = value;

    } else if (social_str_eq(name, social_str("ETag"))) {
        ctx->item->etag = social_s3_listing_unquote(value);

    } else if (social_str_eq(name, social_str("LastModified"))
               && value.len > SOCIAL_S3_LISTING_TIME)
    {
        ctx->item->modified = value;
        ctx->item->modified.len = SOCIAL_S3_LISTING_TIME;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_s3_listing_size(social_s3_listing_ctx_t *ctx, social_str_t value)
{
    size_t    i;
    uint64_t  size;

    if (value.len == 0 || value.len > 18) {
        return SOCIAL_MALFORMED;
    }

    for (size = 0, i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return SOCIAL_MALFORMED;
        }

        size = size * 10 + (value.data[i] - '0');
    }

    ctx->item->size = size;
    ctx->has_size = true;

    return SOCIAL_OK;
}


static social_str_t
social_s3_listing_unquote(social_str_t value)
{
    if (value.len >= 2 && value.data[0] == '"'
        && value.data[value.len - 1] == '"')
    {
        value.data++;
        value.len -= 2;
    }

    return value;
}


/*
 * Decodes the keys, which takes no more room than they have, and looks at
 * their order: who goes through two lists side by side depends on it.
 */

static social_rc_e
social_s3_listing_keys(social_s3_listing_ctx_t *ctx, social_buf_t *work)
{
    size_t         i;
    social_buf_t   key;
    social_str_t  *k;

    for (i = 0; i < ctx->page->count; i++) {

        k = &ctx->page->items[i].key;

        if (ctx->encoded) {

            social_buf_init(&key, work->data + (k->data - work->data), k->len);
            social_uri_decode(&key, *k, SOCIAL_URI_PLUS);

            if (key.rc != SOCIAL_OK) {
                return SOCIAL_MALFORMED;
            }

            k->len = key.len;
        }

        if (!social_object_check(*k)
            || (i && social_s3_key_compare(ctx->page->items[i - 1].key, *k)
                     >= 0))
        {
            return SOCIAL_MALFORMED;
        }
    }

    return SOCIAL_OK;
}
