
/*
 * What a request asks of an S3: operation, bucket, key and parameters, or the
 * error (S3 API Reference; S3 User Guide, "Virtual hosting of buckets").
 *
 * What is not implemented is refused by name, never passed over: a parameter
 * or an x-amz-* header that is not known may change what the client expects.
 * A presigner may move x-amz-* headers into the query, in any case, as AWS's
 * do: there they mean the same.
 */

#ifndef SOCIAL_S3_REQUEST_H
#define SOCIAL_S3_REQUEST_H


#include "social_s3_checksum.h"
#include "social_s3_chunked.h"
#include "social_s3_condition.h"
#include "social_s3_error.h"
#include "social_sigv4.h"


#define SOCIAL_S3_MAX_KEYS       1000        /* of one page of a list */
#define SOCIAL_S3_MAX_COPY       5368709120  /* bytes, of one operation */
#define SOCIAL_S3_MAX_PARTS      10000       /* of an object */
#define SOCIAL_S3_UPLOAD_ID      32          /* hexadecimal digits */
#define SOCIAL_S3_MAX_ENDPOINTS  2
#define SOCIAL_S3_MAX_KEPT       96          /* headers kept with an object */
#define SOCIAL_S3_MAX_KEPT_SIZE  4096        /* in lines of name and value */
#define SOCIAL_S3_MAX_METADATA   2048        /* bytes of x-amz-meta-* */

/* of "work": a path and a query that are decoded */
#define SOCIAL_S3_REQUEST_SIZE   65536


typedef enum {
    SOCIAL_S3_NO_OPERATION = 0,
    SOCIAL_S3_GET_OBJECT,
    SOCIAL_S3_HEAD_OBJECT,
    SOCIAL_S3_GET_OBJECT_TAGGING,
    SOCIAL_S3_PUT_OBJECT,
    SOCIAL_S3_POST_OBJECT,
    SOCIAL_S3_DELETE_OBJECT,
    SOCIAL_S3_LIST_OBJECTS,
    SOCIAL_S3_LIST_OBJECTS_V2,
    SOCIAL_S3_DELETE_OBJECTS,
    SOCIAL_S3_HEAD_BUCKET,
    SOCIAL_S3_CREATE_BUCKET,
    SOCIAL_S3_GET_BUCKET_LOCATION,
    SOCIAL_S3_GET_BUCKET_VERSIONING,
    SOCIAL_S3_LIST_BUCKETS,
    SOCIAL_S3_COPY_OBJECT,
    SOCIAL_S3_CREATE_MULTIPART_UPLOAD,
    SOCIAL_S3_UPLOAD_PART,
    SOCIAL_S3_UPLOAD_PART_COPY,
    SOCIAL_S3_COMPLETE_MULTIPART_UPLOAD,
    SOCIAL_S3_ABORT_MULTIPART_UPLOAD,
    SOCIAL_S3_LIST_PARTS,
    SOCIAL_S3_LIST_MULTIPART_UPLOADS
} social_s3_operation_e;


/*
 * Where the store is: in a location of a server, for one bucket.
 */
typedef struct {
    social_str_t                  prefix;      /* of the path: "/x/" */
    social_str_t                  part;        /* of the keys, in place of the
                                                  bucket in the path; empty:
                                                  path and host have both */
    social_str_t                  bucket;
    social_str_t                  endpoints[SOCIAL_S3_MAX_ENDPOINTS];
                                               /* hosts that buckets' names may
                                                  stand before */
} social_s3_place_t;


/*
 * A request; "decoded": its path is bytes already, without escapes.  "signed":
 * what an anonymous one may not ask for is allowed.
 */
typedef struct {
    social_str_t                  method;
    social_str_t                  path;
    social_str_t                  query;
    const social_sigv4_header_t  *headers;
    size_t                        header_count;
    bool                          decoded;
} social_s3_request_t;


/*
 * Headers that a GET may set for its response ("response-content-type").
 */
typedef enum {
    SOCIAL_S3_RESPONSE_CACHE_CONTROL = 0,
    SOCIAL_S3_RESPONSE_CONTENT_DISPOSITION,
    SOCIAL_S3_RESPONSE_CONTENT_ENCODING,
    SOCIAL_S3_RESPONSE_CONTENT_LANGUAGE,
    SOCIAL_S3_RESPONSE_CONTENT_TYPE,
    SOCIAL_S3_RESPONSE_EXPIRES,
    SOCIAL_S3_RESPONSES
} social_s3_response_e;


/*
 * The parameters of a list.
 */
typedef struct {
    social_str_t                  prefix;
    social_str_t                  delimiter;
    social_str_t                  after;       /* marker or start-after */
    social_str_t                  token;       /* continuation-token */
    bool                          has_after;
    bool                          has_token;
    unsigned                      max_keys;    /* up to SOCIAL_S3_MAX_KEYS */
    bool                          url;         /* encoding-type */
    bool                          owner;       /* of each object too */
} social_s3_list_request_t;


/*
 * What a copy is of, and whether it is made: the conditions are those of the
 * source.
 */
typedef struct {
    social_str_t                  key;
    social_s3_condition_t         condition;
    bool                          has_range;   /* of a part that is copied */
    int64_t                       first;
    int64_t                       end;
    bool                          replace;     /* its headers are the copy's */
} social_s3_copy_t;


/*
 * What is asked for; the views are of the request, or of "work".
 */
typedef struct {
    social_s3_operation_e         operation;
    social_str_t                  key;         /* empty: of a bucket, or of the
                                                  service */
    social_s3_list_request_t      list;        /* of parts: "after" is the
                                                  number in "part" */
    social_str_t                  upload;      /* its ID, or a marker */
    unsigned                      part;        /* 0: none */
    social_s3_copy_t              copy;

    /* of an upload in parts: the algorithm, and the value at its end */
    social_s3_checksum_t          whole;
    bool                          full;        /* of the bytes, and not of the
                                                  checksums of the parts */
    bool                          has_type;    /* at its end: that is said */
    bool                          has_whole;   /* the value is given */
    int64_t                       size;        /* of the object; -1: any */

    social_s3_condition_t         condition;
    social_str_t                  range;       /* empty: the whole */
    social_str_t                  if_range;
    bool                          has_response;
    social_str_t                  response[SOCIAL_S3_RESPONSES];

    /* headers that are kept with an object, names in lower case */
    size_t                        kept_count;
    size_t                        kept_size;
    social_sigv4_header_t         kept[SOCIAL_S3_MAX_KEPT];

    bool                          with_checksum;  /* of a GET: it is wanted */

    int64_t                       max_size;    /* that a URL of ours allows;
                                                  -1: any */

    social_s3_chunked_e           chunked;     /* how the body is sent */
    int64_t                       length;      /* of the object in it; -1: it
                                                  is the body's own */
    social_s3_checksum_t          checksum;    /* of the body */
    bool                          has_md5;
    unsigned char                 md5[16];

    /* of an error, what it is about: an element of its XML, may be empty */
    social_str_t                  message;
    social_str_t                  detail_name;
    social_str_t                  detail;
} social_s3_operation_t;


/*
 * Reads a request.  "work" bounds what is accepted.  On an error "out" has the
 * operation and the key as far as they were found, and what the error is
 * about; whether the request may be made at all is not examined here.
 */
social_s3_error_e social_s3_request_read(const social_s3_place_t *place,
    const social_s3_request_t *request, social_buf_t *work,
    social_s3_operation_t *out);

/*
 * The name of an operation, "GetObject", for logs; static.
 */
social_str_t social_s3_operation_name(social_s3_operation_e operation);


typedef enum {
    SOCIAL_S3_RANGE_WHOLE = 0,    /* none, or not one that S3 has: ignored */
    SOCIAL_S3_RANGE_PART,
    SOCIAL_S3_RANGE_INVALID       /* 416 */
} social_s3_range_e;

/*
 * Reads the header Range for an object of "size" bytes: "bytes=" and one range
 * (S3 has no lists of them).  SOCIAL_S3_RANGE_PART: the bytes from "first" to
 * before "end".
 */
social_s3_range_e social_s3_range_read(social_str_t range, int64_t size,
    int64_t *first, int64_t *end);


#endif /* SOCIAL_S3_REQUEST_H */
