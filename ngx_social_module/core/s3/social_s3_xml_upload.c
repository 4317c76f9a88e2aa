
/*
 * Answers of operations on uploads in parts, and of copies.
 */

#include <string.h>

#include "social_s3_xml_upload.h"


static void social_s3_xml_etag(social_buf_t *b,
    const social_store_meta_t *meta);
static void social_s3_xml_checksums(social_buf_t *b, social_str_t block);
static void social_s3_xml_checksum(social_buf_t *b, social_str_t algorithm,
    social_str_t value);
static void social_s3_xml_type(social_buf_t *b, bool full);
static void social_s3_xml_initiator(social_buf_t *b);
static social_str_t social_s3_xml_id(const social_store_upload_t *upload);


void
social_s3_xml_created(social_buf_t *b, social_str_t bucket, social_str_t key,
    social_str_t id)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<InitiateMultipartUploadResult"
                       SOCIAL_S3_XML_NS ">");
    social_s3_xml_text(b, "Bucket", bucket);
    social_s3_xml_text(b, "Key", key);
    social_s3_xml_text(b, "UploadId", id);
    social_buf_text(b, "</InitiateMultipartUploadResult>");
}


void
social_s3_xml_completed(social_buf_t *b, social_str_t location,
    social_str_t bucket, social_str_t key, const social_store_meta_t *meta)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<CompleteMultipartUploadResult"
                       SOCIAL_S3_XML_NS ">");
    social_s3_xml_text(b, "Location", location);
    social_s3_xml_text(b, "Bucket", bucket);
    social_s3_xml_text(b, "Key", key);
    social_s3_xml_etag(b, meta);
    social_s3_xml_checksums(b, meta->checksums);
    social_buf_text(b, "</CompleteMultipartUploadResult>");
}


void
social_s3_xml_copied(social_buf_t *b, const char *name,
    const social_store_meta_t *meta)
{
    social_buf_text(b, SOCIAL_S3_XML_HEAD "<");
    social_buf_text(b, name);
    social_buf_text(b, SOCIAL_S3_XML_NS ">");
    social_s3_xml_etag(b, meta);
    social_s3_xml_time(b, "LastModified", meta->modified);
    social_s3_xml_checksums(b, meta->checksums);
    social_buf_text(b, "</");
    social_buf_text(b, name);
    social_buf_byte(b, '>');
}


static void
social_s3_xml_etag(social_buf_t *b, const social_store_meta_t *meta)
{
    social_str_t   etag;
    unsigned char  buf[SOCIAL_STORE_ETAG_SIZE];

    etag.data = buf;
    etag.len = social_store_meta_etag(meta, buf);

    social_s3_xml_text(b, "ETag", etag);
}


/*
 * "NAME VALUE full", or "composite".
 */

static void
social_s3_xml_checksums(social_buf_t *b, social_str_t block)
{
    social_str_t  name, value, text;

    while (social_store_meta_next(&block, &name, &value)) {

        if (!social_str_next(&value, " ", &text)) {
            continue;
        }

        social_s3_xml_checksum(b, name, text);
        social_s3_xml_type(b, social_str_eq(social_str_trim(value),
                                            social_str("full")));
    }
}


static void
social_s3_xml_checksum(social_buf_t *b, social_str_t algorithm,
    social_str_t value)
{
    social_str_t  name;

    name = social_s3_checksum_name(social_s3_checksum_by_name(algorithm));

    if (name.len == 0) {
        return;
    }

    social_buf_text(b, "<Checksum");
    social_buf_put(b, name);
    social_buf_byte(b, '>');
    social_xml_escape(b, value);
    social_buf_text(b, "</Checksum");
    social_buf_put(b, name);
    social_buf_byte(b, '>');
}


static void
social_s3_xml_type(social_buf_t *b, bool full)
{
    social_s3_xml_text(b, "ChecksumType",
                       social_str(full ? "FULL_OBJECT" : "COMPOSITE"));
}


void
social_s3_xml_parts(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t bucket, const social_store_upload_t *upload, bool truncated,
    unsigned next)
{
    social_str_t  name;

    social_buf_text(b, SOCIAL_S3_XML_HEAD "<ListPartsResult"
                       SOCIAL_S3_XML_NS ">");
    social_s3_xml_text(b, "Bucket", bucket);
    social_s3_xml_text(b, "Key", upload->key);
    social_s3_xml_text(b, "UploadId", social_s3_xml_id(upload));
    social_s3_xml_initiator(b);
    social_s3_xml_owner(b);
    social_s3_xml_text(b, "StorageClass", social_str("STANDARD"));

    name = social_s3_checksum_name(
               social_s3_checksum_by_name(upload->algorithm));

    if (name.len) {
        social_s3_xml_text(b, "ChecksumAlgorithm", name);
        social_s3_xml_type(b, upload->full);
    }

    social_s3_xml_number(b, "PartNumberMarker", op->part);

    if (truncated) {
        social_s3_xml_number(b, "NextPartNumberMarker", next);
    }

    social_s3_xml_number(b, "MaxParts", op->list.max_keys);
    social_s3_xml_text(b, "IsTruncated",
                       social_str(truncated ? "true" : "false"));
}


void
social_s3_xml_part(social_buf_t *b, unsigned number,
    const social_store_note_t *note)
{
    social_store_meta_t  meta;

    /* its ETag is as that of an object */

    meta.parts = 0;
    memcpy(meta.etag, note->etag, sizeof(meta.etag));

    social_buf_text(b, "<Part>");
    social_s3_xml_number(b, "PartNumber", number);
    social_s3_xml_time(b, "LastModified", note->modified);
    social_s3_xml_etag(b, &meta);
    social_s3_xml_number(b, "Size", (uint64_t) note->size);

    if (note->algorithm.len) {
        social_s3_xml_checksum(b, note->algorithm, note->checksum);
    }

    social_buf_text(b, "</Part>");
}


void
social_s3_xml_parts_end(social_buf_t *b)
{
    social_buf_text(b, "</ListPartsResult>");
}


void
social_s3_xml_uploads(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t bucket, const social_store_upload_t *next,
    social_str_t common)
{
    const social_s3_list_request_t  *asked;

    asked = &op->list;

    social_buf_text(b, SOCIAL_S3_XML_HEAD "<ListMultipartUploadsResult"
                       SOCIAL_S3_XML_NS ">");
    social_s3_xml_text(b, "Bucket", bucket);
    social_s3_xml_key(b, "KeyMarker", asked->after, asked->url);
    social_s3_xml_text(b, "UploadIdMarker", op->upload);

    if (next && common.len) {
        social_s3_xml_key(b, "NextKeyMarker", common, asked->url);

    } else if (next) {
        social_s3_xml_key(b, "NextKeyMarker", next->key, asked->url);
        social_s3_xml_text(b, "NextUploadIdMarker", social_s3_xml_id(next));
    }

    social_s3_xml_key(b, "Prefix", asked->prefix, asked->url);

    if (asked->delimiter.len) {
        social_s3_xml_key(b, "Delimiter", asked->delimiter, asked->url);
    }

    social_s3_xml_number(b, "MaxUploads", asked->max_keys);

    if (asked->url) {
        social_s3_xml_text(b, "EncodingType", social_str("url"));
    }

    social_s3_xml_text(b, "IsTruncated", social_str(next ? "true" : "false"));
}


void
social_s3_xml_upload(social_buf_t *b, const social_s3_operation_t *op,
    const social_store_upload_t *upload)
{
    social_str_t  name;

    social_buf_text(b, "<Upload>");
    social_s3_xml_key(b, "Key", upload->key, op->list.url);
    social_s3_xml_text(b, "UploadId", social_s3_xml_id(upload));
    social_s3_xml_initiator(b);
    social_s3_xml_owner(b);
    social_s3_xml_text(b, "StorageClass", social_str("STANDARD"));
    social_s3_xml_time(b, "Initiated", upload->created);

    name = social_s3_checksum_name(
               social_s3_checksum_by_name(upload->algorithm));

    if (name.len) {
        social_s3_xml_text(b, "ChecksumAlgorithm", name);
        social_s3_xml_type(b, upload->full);
    }

    social_buf_text(b, "</Upload>");
}


void
social_s3_xml_uploads_end(social_buf_t *b)
{
    social_buf_text(b, "</ListMultipartUploadsResult>");
}


static void
social_s3_xml_initiator(social_buf_t *b)
{
    social_buf_text(b, "<Initiator><ID>social_store</ID>"
                       "<DisplayName>social_store</DisplayName></Initiator>");
}


static social_str_t
social_s3_xml_id(const social_store_upload_t *upload)
{
    social_str_t  id;

    id.data = upload->id;
    id.len = sizeof(upload->id);

    return id;
}
