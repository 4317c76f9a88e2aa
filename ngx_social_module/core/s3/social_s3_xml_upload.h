
/*
 * Answers of operations on uploads in parts, and of copies, as S3 writes them
 * in XML (S3 API Reference, CreateMultipartUpload, CompleteMultipartUpload,
 * ListParts, ListMultipartUploads, CopyObject, UploadPartCopy).
 */

#ifndef SOCIAL_S3_XML_UPLOAD_H
#define SOCIAL_S3_XML_UPLOAD_H


#include "social_s3_xml.h"
#include "social_store_upload.h"


/* the most that a part and an upload of a list take */
#define SOCIAL_S3_XML_PART    512
#define SOCIAL_S3_XML_UPLOAD  SOCIAL_S3_XML_ITEM


/*
 * The whole answers of CreateMultipartUpload; of CompleteMultipartUpload, with
 * the URL of the object; and of a copy, "CopyObjectResult" say.  Errors are in
 * b->rc, of these and of the following.
 */
void social_s3_xml_created(social_buf_t *b, social_str_t bucket,
    social_str_t key, social_str_t id);
void social_s3_xml_completed(social_buf_t *b, social_str_t location,
    social_str_t bucket, social_str_t key, const social_store_meta_t *meta);
void social_s3_xml_copied(social_buf_t *b, const char *name,
    const social_store_meta_t *meta);

/*
 * Append what stands before the parts of a list, one, and what stands after
 * them.  "next": the number of the last one.
 */
void social_s3_xml_parts(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t bucket, const social_store_upload_t *upload, bool truncated,
    unsigned next);
void social_s3_xml_part(social_buf_t *b, unsigned number,
    const social_store_note_t *note);
void social_s3_xml_parts_end(social_buf_t *b);

/*
 * Likewise of a list of uploads; "next" is the last one, or NULL: there are no
 * more.  "common", unless empty, is the common prefix that the page ends with
 * instead.  Common prefixes are social_s3_xml_prefix().
 */
void social_s3_xml_uploads(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t bucket, const social_store_upload_t *next,
    social_str_t common);
void social_s3_xml_upload(social_buf_t *b, const social_s3_operation_t *op,
    const social_store_upload_t *upload);
void social_s3_xml_uploads_end(social_buf_t *b);


#endif /* SOCIAL_S3_XML_UPLOAD_H */
