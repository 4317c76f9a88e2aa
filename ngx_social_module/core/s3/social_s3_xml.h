
/*
 * Answers of operations on buckets, as S3 writes them in XML (S3 API
 * Reference, ListObjects, ListObjectsV2, ListBuckets, GetBucketLocation).
 */

#ifndef SOCIAL_S3_XML_H
#define SOCIAL_S3_XML_H


#include "social_s3_list.h"
#include "social_s3_request.h"
#include "social_store_meta.h"


#define SOCIAL_S3_XML_HEAD  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define SOCIAL_S3_XML_NS    " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

/* the answer of GetObjectTagging */
#define SOCIAL_S3_XML_TAGGING  256

/* the most that one object or common prefix of a list takes */
#define SOCIAL_S3_XML_ITEM  (6 * SOCIAL_OBJECT_MAX_KEY + 1024)


/*
 * Append an object, and a common prefix, of a list.  Errors are in b->rc, of
 * these and of the following.
 */
void social_s3_xml_object(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t key, const social_store_meta_t *meta);
void social_s3_xml_prefix(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t prefix);

/*
 * Append what stands before and after them.  "count" is their number; where
 * "truncated" is true, "list" is where the next page begins.
 */
void social_s3_xml_list(social_buf_t *b, const social_s3_operation_t *op,
    social_str_t bucket, const social_s3_list_t *list, unsigned count,
    bool truncated);
void social_s3_xml_list_end(social_buf_t *b);

/*
 * The whole answers of GetBucketLocation and ListBuckets, "created" is in
 * seconds; and of GetBucketVersioning and GetObjectTagging, where there are
 * neither versions nor tags.
 */
void social_s3_xml_location(social_buf_t *b, social_str_t region);
void social_s3_xml_buckets(social_buf_t *b, social_str_t bucket,
    social_str_t region, int64_t created);
void social_s3_xml_versioning(social_buf_t *b);
void social_s3_xml_tagging(social_buf_t *b);


/*
 * Elements, for other answers: text, a key that is encoded if "url" is true, a
 * number, a time in seconds, and the owner of all that there is.
 */
void social_s3_xml_text(social_buf_t *b, const char *name, social_str_t text);
void social_s3_xml_key(social_buf_t *b, const char *name, social_str_t key,
    bool url);
void social_s3_xml_number(social_buf_t *b, const char *name, uint64_t n);
void social_s3_xml_time(social_buf_t *b, const char *name, int64_t t);
void social_s3_xml_owner(social_buf_t *b);


#endif /* SOCIAL_S3_XML_H */
