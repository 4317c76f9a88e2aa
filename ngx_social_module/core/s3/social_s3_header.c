
/*
 * The x-amz-* headers of a request.
 */

#include "social_s3_reader.h"


typedef enum {
    SOCIAL_S3_HEADER_ANY = 0,        /* its value is of no consequence here, or
                                        is read elsewhere */
    SOCIAL_S3_HEADER_IS,             /* one value is what there is anyway */
    SOCIAL_S3_HEADER_ALGORITHM,      /* the name of a checksum */
    SOCIAL_S3_HEADER_ACL             /* one that changes nothing, if any */
} social_s3_header_rule_e;


typedef struct {
    social_str_t                name;
    unsigned                    operations;
    social_s3_header_rule_e     rule;
    social_str_t                value;
} social_s3_header_entry_t;


static social_s3_error_e social_s3_headers_add(social_s3_headers_t *headers,
    social_buf_t *work, social_str_t name, social_str_t value,
    social_str_t *detail);
static bool social_s3_header_is_auth(social_str_t name);
static const social_s3_header_entry_t *social_s3_header_find(
    social_str_t name);


#define SOCIAL_S3_EACH    (~0u)
#define SOCIAL_S3_READS   (social_s3_bit(SOCIAL_S3_GET_OBJECT)                \
                           | social_s3_bit(SOCIAL_S3_HEAD_OBJECT))
#define SOCIAL_S3_CREATE  social_s3_bit(SOCIAL_S3_CREATE_MULTIPART_UPLOAD)
#define SOCIAL_S3_FINISH  social_s3_bit(SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD)
#define SOCIAL_S3_COPY    social_s3_bit(SOCIAL_S3_COPY_OBJECT)
#define SOCIAL_S3_COPIES  (SOCIAL_S3_COPY                                     \
                           | social_s3_bit(SOCIAL_S3_UPLOAD_PART_COPY))
#define SOCIAL_S3_WRITES  (social_s3_bit(SOCIAL_S3_PUT_OBJECT)                \
                           | SOCIAL_S3_CREATE | SOCIAL_S3_COPY)
#define SOCIAL_S3_ACLS    (SOCIAL_S3_WRITES                                   \
                           | social_s3_bit(SOCIAL_S3_CREATE_BUCKET))
#define SOCIAL_S3_BODIES  (social_s3_bit(SOCIAL_S3_PUT_OBJECT)                \
                           | social_s3_bit(SOCIAL_S3_UPLOAD_PART)             \
                           | social_s3_bit(SOCIAL_S3_DELETE_OBJECTS))
#define SOCIAL_S3_SUMS    (SOCIAL_S3_BODIES | SOCIAL_S3_FINISH)


/*
 * Who pays, who owns the bucket and what a client or CloudFront calls itself
 * changes nothing in a store that has one owner.
 */

static const social_s3_header_entry_t  social_s3_header_entries[] = {

    { social_string("x-amz-cf-id"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-content-sha256"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-date"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-expected-bucket-owner"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-request-payer"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_IS, social_string("requester") },

    { social_string("x-amz-security-token"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-user-agent"), SOCIAL_S3_EACH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-checksum-mode"), SOCIAL_S3_READS,
      SOCIAL_S3_HEADER_IS, social_string("ENABLED") },

    { social_string("x-amz-acl"), SOCIAL_S3_ACLS,
      SOCIAL_S3_HEADER_ACL, social_string("private") },

    { social_string("x-amz-grant-full-control"), SOCIAL_S3_ACLS,
      SOCIAL_S3_HEADER_ACL, social_string("") },

    { social_string("x-amz-grant-read"), SOCIAL_S3_ACLS,
      SOCIAL_S3_HEADER_ACL, social_string("") },

    { social_string("x-amz-grant-read-acp"), SOCIAL_S3_ACLS,
      SOCIAL_S3_HEADER_ACL, social_string("") },

    { social_string("x-amz-grant-write"), SOCIAL_S3_ACLS,
      SOCIAL_S3_HEADER_ACL, social_string("") },

    { social_string("x-amz-grant-write-acp"), SOCIAL_S3_ACLS,
      SOCIAL_S3_HEADER_ACL, social_string("") },

    { social_string("x-amz-storage-class"), SOCIAL_S3_WRITES,
      SOCIAL_S3_HEADER_IS, social_string("STANDARD") },

    { social_string("x-amz-decoded-content-length"), SOCIAL_S3_BODIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-trailer"), SOCIAL_S3_BODIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-sdk-checksum-algorithm"), SOCIAL_S3_BODIES,
      SOCIAL_S3_HEADER_ALGORITHM, social_string("") },

    { social_string("x-amz-checksum-algorithm"), SOCIAL_S3_CREATE,
      SOCIAL_S3_HEADER_ALGORITHM, social_string("") },

    { social_string("x-amz-checksum-type"), SOCIAL_S3_CREATE|SOCIAL_S3_FINISH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-mp-object-size"), SOCIAL_S3_FINISH,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-copy-source"), SOCIAL_S3_COPIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-copy-source-if-match"), SOCIAL_S3_COPIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-copy-source-if-none-match"), SOCIAL_S3_COPIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-copy-source-if-modified-since"), SOCIAL_S3_COPIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-copy-source-if-unmodified-since"), SOCIAL_S3_COPIES,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-copy-source-range"),
      social_s3_bit(SOCIAL_S3_UPLOAD_PART_COPY),
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-metadata-directive"), SOCIAL_S3_COPY,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-tagging-directive"), SOCIAL_S3_COPY,
      SOCIAL_S3_HEADER_IS, social_string("COPY") },

    { social_string("x-amz-checksum-crc32"), SOCIAL_S3_SUMS,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-checksum-crc32c"), SOCIAL_S3_SUMS,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-checksum-crc64nvme"), SOCIAL_S3_SUMS,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-checksum-sha1"), SOCIAL_S3_SUMS,
      SOCIAL_S3_HEADER_ANY, social_string("") },

    { social_string("x-amz-checksum-sha256"), SOCIAL_S3_SUMS,
      SOCIAL_S3_HEADER_ANY, social_string("") }
};


social_s3_error_e
social_s3_headers_read(social_s3_headers_t *headers,
    const social_sigv4_header_t *all, size_t count,
    const social_uri_query_t *query, social_buf_t *work, social_str_t *detail)
{
    size_t             i, mark;
    social_str_t       name, value;
    social_s3_error_e  error;

    headers->count = 0;
    headers->all = all;
    headers->all_count = count;

    for (i = 0; i < count; i++) {

        if (!social_s3_header_is_amz(all[i].name)) {
            continue;
        }

        error = social_s3_headers_add(headers, work, all[i].name,
                                      social_str_trim(all[i].value), detail);

        if (error != SOCIAL_S3_OK) {
            return error;
        }
    }

    for (i = 0; i < query->count; i++) {

        name = query->params[i].name;

        if (!social_s3_header_is_amz(name) || social_s3_header_is_auth(name)) {
            continue;
        }

        mark = work->len;
        social_uri_decode(work, query->params[i].value, 0);
        value = social_str_trim(social_buf_since(work, mark));

        error = social_s3_headers_add(headers, work, name, value, detail);

        if (error != SOCIAL_S3_OK) {
            return error;
        }
    }

    return SOCIAL_S3_OK;
}


static social_s3_error_e
social_s3_headers_add(social_s3_headers_t *headers, social_buf_t *work,
    social_str_t name, social_str_t value, social_str_t *detail)
{
    size_t  i, mark;

    mark = work->len;

    for (i = 0; i < name.len; i++) {
        social_buf_byte(work, social_lower(name.data[i]));
    }

    name = social_buf_since(work, mark);

    if (work->rc != SOCIAL_OK || headers->count == SOCIAL_S3_MAX_HEADERS) {
        return SOCIAL_S3_INVALID_URI;
    }

    for (i = 0; i < headers->count; i++) {
        if (social_str_eq(headers->items[i].name, name)) {
            *detail = name;
            return SOCIAL_S3_INVALID_REQUEST;
        }
    }

    headers->items[headers->count].name = name;
    headers->items[headers->count].value = value;
    headers->count++;

    return SOCIAL_S3_OK;
}


/*
 * A signature's own parameters, which are in one case.
 */

static bool
social_s3_header_is_auth(social_str_t name)
{
    size_t                     i;
    static const social_str_t  names[] = {
        social_string("X-Amz-Algorithm"),
        social_string("X-Amz-Content-Sha256"),
        social_string("X-Amz-Credential"),
        social_string("X-Amz-Date"),
        social_string("X-Amz-Expires"),
        social_string("X-Amz-Security-Token"),
        social_string("X-Amz-Signature"),
        social_string("X-Amz-SignedHeaders")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (social_str_eq(name, names[i])) {
            return true;
        }
    }

    return false;
}


social_s3_error_e
social_s3_headers_check(const social_s3_headers_t *headers,
    social_s3_operation_e operation, social_str_t *message,
    social_str_t *detail)
{
    size_t                           i;
    social_str_t                     value;
    const social_s3_header_entry_t  *entry;

    for (i = 0; i < headers->count; i++) {

        *detail = headers->items[i].name;
        value = headers->items[i].value;
        entry = social_s3_header_find(*detail);

        if (entry == NULL || !(entry->operations & social_s3_bit(operation))) {
            return SOCIAL_S3_NOT_IMPLEMENTED;
        }

        switch (entry->rule) {

        case SOCIAL_S3_HEADER_ANY:
            break;

        case SOCIAL_S3_HEADER_IS:
            if (!social_str_eq(value, entry->value)) {
                *message = social_str("The value of the header asks for what "
                                      "is not implemented");
                return SOCIAL_S3_NOT_IMPLEMENTED;
            }

            break;

        case SOCIAL_S3_HEADER_ACL:

            /* the owner has an object to himself in either case */

            if (entry->value.len == 0
                || !(social_str_eq(value, entry->value)
                     || social_str_eq(value,
                                   social_str("bucket-owner-full-control"))))
            {
                return SOCIAL_S3_ACL_NOT_SUPPORTED;
            }

            break;

        case SOCIAL_S3_HEADER_ALGORITHM:
            if (social_s3_checksum_by_name(value) == SOCIAL_S3_CHECKSUM_NONE) {
                *message = social_str("The checksum is not one of CRC32, "
                                      "CRC32C, CRC64NVME, SHA1 and SHA256");
                return SOCIAL_S3_NOT_IMPLEMENTED;
            }

            break;
        }
    }

    detail->len = 0;

    return SOCIAL_S3_OK;
}


static const social_s3_header_entry_t *
social_s3_header_find(social_str_t name)
{
    size_t  i, n;

    static const social_s3_header_entry_t  meta =
        { social_string("x-amz-meta-"), SOCIAL_S3_WRITES,
          SOCIAL_S3_HEADER_ANY, social_string("") };

    if (name.len > meta.name.len && social_str_starts(name, meta.name)) {
        return &meta;
    }

    n = sizeof(social_s3_header_entries) / sizeof(social_s3_header_entries[0]);

    for (i = 0; i < n; i++) {
        if (social_str_eq(social_s3_header_entries[i].name, name)) {
            return &social_s3_header_entries[i];
        }
    }

    return NULL;
}


bool
social_s3_header_has(const social_s3_headers_t *headers, const char *name)
{
    size_t  i;

    for (i = 0; i < headers->count; i++) {
        if (social_str_eq(headers->items[i].name, social_str(name))) {
            return true;
        }
    }

    return false;
}


social_str_t
social_s3_header_amz(const social_s3_headers_t *headers, const char *name)
{
    size_t        i;
    social_str_t  none;

    for (i = 0; i < headers->count; i++) {
        if (social_str_eq(headers->items[i].name, social_str(name))) {
            return headers->items[i].value;
        }
    }

    none.len = 0;
    none.data = NULL;

    return none;
}


social_str_t
social_s3_header_plain(const social_s3_headers_t *headers, const char *name)
{
    size_t        i;
    social_str_t  none;

    for (i = 0; i < headers->all_count; i++) {
        if (social_str_caseeq(headers->all[i].name, social_str(name))) {
            return social_str_trim(headers->all[i].value);
        }
    }

    none.len = 0;
    none.data = NULL;

    return none;
}


bool
social_s3_header_is_amz(social_str_t name)
{
    static const social_str_t  amz = social_string("x-amz-");

    if (name.len < amz.len) {
        return false;
    }

    name.len = amz.len;

    return social_str_caseeq(name, amz);
}
