
/*
 * Answers of operations on buckets.
 */

#include "social_s3_xml.h"
#include "social_time.h"



void
social_s3_xml_object(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t key, const social_store_meta_t *meta)
{
    social_str_t   etag;
    unsigned char  buf[SOCIAL_STORE_ETAG_SIZE];

    social_buf_text(b, "<Contents>");
    social_s3_xml_key(b, "Key", key, op->list.url);
    social_s3_xml_time(b, "LastModified", meta->modified);

    etag.data = buf;
    etag.len = social_store_meta_etag(meta, buf);
    social_s3_xml_text(b, "ETag", etag);

    social_s3_xml_number(b, "Size", (uint64_t) meta->size);
    social_s3_xml_text(b, "StorageClass", social_str("STANDARD"));

    if (op->list.owner || op->operation == SOCIAL_S3_LIST_OBJECTS) {
        social_s3_xml_owner(b);
    }

    social_buf_text(b, "</Contents>");
}


void
social_s3_xml_prefix(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t prefix)
{
    social_buf_text(b, "<CommonPrefixes>");
    social_s3_xml_key(b, "Prefix", prefix, op->list.url);
    social_buf_text(b, "</CommonPrefixes>");
}


void
social_s3_xml_list(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t bucket, const social_s3_list_t *list, unsigned count,
    bool truncated)
{
    social_str_t                     text;
    unsigned char                    token[SOCIAL_S3_LIST_TOKEN];
    const social_s3_list_request_t  *asked;

    asked = &op->list;

    social_buf_text(b, SOCIAL_S3_XML_HEAD "<ListBucketResult" SOCIAL_S3_XML_NS
                       ">");
    social_s3_xml_text(b, "Name", bucket);
    social_s3_xml_key(b, "Prefix", asked->prefix, asked->url);

    if (op->operation == SOCIAL_S3_LIST_OBJECTS) {

        social_s3_xml_key(b, "Marker", asked->after, asked->url);

        /* without a delimiter it is the last key */

        if (truncated && asked->delimiter.len) {
            text.data = list->last;
            text.len = list->len;
            social_s3_xml_key(b, "NextMarker", text, asked->url);
        }

    } else {

        if (asked->has_token) {
            social_s3_xml_text(b, "ContinuationToken", asked->token);
        }

        if (truncated) {
            text.data = token;
            text.len = social_s3_list_token(list, token);
            social_s3_xml_text(b, "NextContinuationToken", text);
        }

        if (asked->has_after) {
            social_s3_xml_key(b, "StartAfter", asked->after, asked->url);
        }

        social_s3_xml_number(b, "KeyCount", count);
    }

    social_s3_xml_number(b, "MaxKeys", asked->max_keys);

    if (asked->delimiter.len) {
        social_s3_xml_key(b, "Delimiter", asked->delimiter, asked->url);
    }

    if (asked->url) {
        social_s3_xml_text(b, "EncodingType", social_str("url"));
    }

    social_s3_xml_text(b, "IsTruncated",
                       social_str(truncated ? "true" : "false"));
}


void
social_s3_xml_list_end(social_buf_t *b)
{
    social_buf_text(b, "</ListBucketResult>");
}


/*
 * The first region of S3 has no name here.
 */

void
social_s3_xml_location(social_buf_t *b, social_str_t region)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<LocationConstraint"
                       SOCIAL_S3_XML_NS ">");

    if (!social_str_eq(region, social_str("us-east-1"))) {
        social_xml_escape(b, region);
    }

    social_buf_text(b, "</LocationConstraint>");
}


void
social_s3_xml_versioning(social_buf_t *b)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<VersioningConfiguration"
                       SOCIAL_S3_XML_NS "></VersioningConfiguration>");
}


void
social_s3_xml_tagging(social_buf_t *b)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<Tagging" SOCIAL_S3_XML_NS
                       "><TagSet></TagSet></Tagging>");
}


void
social_s3_xml_buckets(social_buf_t *b, social_str_t bucket,
    social_str_t region, int64_t created)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<ListAllMyBucketsResult"
                       SOCIAL_S3_XML_NS ">");
    social_s3_xml_owner(b);
    social_buf_text(b, "<Buckets><Bucket>");
    social_s3_xml_text(b, "Name", bucket);
    social_s3_xml_time(b, "CreationDate", created);
    social_s3_xml_text(b, "BucketRegion", region);
    social_buf_text(b, "</Bucket></Buckets></ListAllMyBucketsResult>");
}


/*
 * All that is in a store has one owner, whose name nothing depends on.
 */

void
social_s3_xml_owner(social_buf_t *b)
{
    social_buf_text(b, "<Owner><ID>social_store</ID>"
                       "<DisplayName>social_store</DisplayName></Owner>");
}


void
social_s3_xml_text(social_buf_t *b, const char *name, social_str_t text)
{
    social_buf_byte(b, '<');
    social_buf_text(b, name);
    social_buf_byte(b, '>');
    social_xml_escape(b, text);
    social_buf_text(b, "</");
    social_buf_text(b, name);
    social_buf_byte(b, '>');
}


void
social_s3_xml_key(social_buf_t *b, const char *name, social_str_t key,
    bool url)
{
    if (!url) {
        social_s3_xml_text(b, name, key);
        return;
    }

    social_buf_byte(b, '<');
    social_buf_text(b, name);
    social_buf_byte(b, '>');
    social_uri_encode(b, key, SOCIAL_URI_SLASH);
    social_buf_text(b, "</");
    social_buf_text(b, name);
    social_buf_byte(b, '>');
}


void
social_s3_xml_number(social_buf_t *b, const char *name, uint64_t n)
{
    social_buf_byte(b, '<');
    social_buf_text(b, name);
    social_buf_byte(b, '>');
    social_buf_number(b, n);
    social_buf_text(b, "</");
    social_buf_text(b, name);
    social_buf_byte(b, '>');
}


void
social_s3_xml_time(social_buf_t *b, const char *name, int64_t t)
{
    social_str_t   text;
    unsigned char  buf[SOCIAL_TIME_ISO_SIZE];

    social_time_iso(t, buf);

    text.data = buf;
    text.len = sizeof(buf);

    social_s3_xml_text(b, name, text);
}
