
/*
 * The embedded store: a subset of S3 over a directory.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_H
#define NGX_HTTP_SOCIAL_STORE_H


#include "ngx_http_social_bucket.h"
#include "ngx_http_social_lease.h"
#include "ngx_http_social_task.h"
#include "ngx_http_social_content.h"
#include "ngx_http_social_error.h"
#include "ngx_http_social_job.h"
#include "ngx_http_social_query.h"
#include "ngx_http_social_store_commit.h"
#include "social_crypto.h"
#include "social_s3_error.h"
#include "social_s3_post.h"
#include "social_s3_request.h"
#include "social_sigv4_verify.h"

#include <ngx_md5.h>


typedef struct {
    ngx_http_social_content_t   content;
    ngx_str_t                   bucket_name;
    ngx_http_social_bucket_t   *bucket;
    ngx_str_t                   root;          /* zero-terminated */
    ngx_str_t                   prefix;        /* the location's, "/x/" */
    ngx_str_t                   part;          /* "part="; empty: the path has
                                                  bucket and key */
    ngx_array_t                *open;          /* "public=", social_str_t:
                                                  prefixes of keys */
    ngx_flag_t                  announce;
    ngx_flag_t                  sync;
    social_s3_place_t           place;
    ngx_uint_t                  twin;          /* another one has that root */
    off_t                       max_size;
    off_t                       min_free;      /* 0: none */
    time_t                      expire;        /* of uploads in parts, seconds
                                                   after they began */
    ngx_http_social_store_queue_t  *queue;     /* of commits to the root */
    time_t                      created;       /* as ListBuckets has it */
    social_sigv4_policy_t       policy;        /* without "known" */
    ngx_thread_pool_t          *thread_pool;
} ngx_http_social_store_loc_conf_t;


/*
 * A form that was read up to its file.
 */
typedef struct {
    social_s3_form_t           *decoder;
    social_s3_post_t           *post;
    off_t                       room;          /* of the file, as far as the
                                                  length of the body says */
    off_t                       min;           /* bytes that it may have */
    off_t                       max;
} ngx_http_social_store_form_t;


typedef struct {
    social_s3_operation_t       op;
    ngx_str_t                   path;          /* zero-terminated */
    ngx_uint_t                  anonymous;
    social_sigv4_verified_t     verified;
    ngx_http_social_store_form_t  *form;       /* of a POST, or NULL */
} ngx_http_social_store_request_t;


/*
 * An object that is open, for a response.
 */
typedef struct {
    social_store_meta_t        *meta;
    social_str_t                bytes;         /* of a small one, as the meta
                                                  in memory of the caller's */
    u_char                     *buffer;        /* which the request may keep:
                                                  NULL then, and where not */
    ngx_fd_t                    fd;
    off_t                       offset;        /* of its bytes in the file */
    social_net_object_t        *parts;         /* of one in parts, instead */
    off_t                       part_first;    /* the part that is asked for */
    off_t                       part_end;
    ngx_str_t                   name;          /* for logs */
    off_t                       first;         /* of the bytes to send */
    off_t                       end;
} ngx_http_social_store_object_t;


/*
 * The part of the zone: the lease of the worker that processes the spools.
 */
typedef struct {
    ngx_slab_pool_t            *shpool;
    ngx_http_social_lease_t    *lease;
} ngx_http_social_store_shared_t;


/*
 * How a body becomes an object: its chunks are decoded, and its digests are
 * computed and compared with those that the client sent.
 */
typedef struct {
    ngx_md5_t                   md5;
    social_sha256_t            *sha256;        /* NULL: not needed */
    social_s3_summer_t         *summer;        /* likewise */
    social_s3_chunked_t        *chunked;       /* NULL: as it is */
    social_s3_form_t           *form;          /* or out of a form */
    social_s3_checksum_t        checksum;
    social_s3_checksum_e        compute;       /* it was not given, and "value"
                                                  is set at the end */
    u_char                      want_sha256[SOCIAL_SHA256_SIZE];
    u_char                      want_md5[SOCIAL_MD5_SIZE];
    ngx_uint_t                  has_sha256;    /* in the signature */
    ngx_uint_t                  has_md5;
} ngx_http_social_store_digest_t;


/*
 * Called with the outcome of an announcement.
 */
typedef void (*ngx_http_social_store_announced_pt)(
    ngx_http_social_query_outcome_e outcome, void *data);


extern ngx_module_t  ngx_http_social_store_module;
extern ngx_module_t  ngx_http_social_store_send_module;


/* what S3 says of a form with no file, or with several */
#define NGX_HTTP_SOCIAL_STORE_ONE_FILE                                        \
    "POST requires exactly one file upload per request."


/* ngx_http_social_store_request.c */

/*
 * The content handler: parses the path, verifies the signature and calls the
 * function of the method.
 */
ngx_int_t ngx_http_social_store_handler(ngx_http_request_t *r);


/* ngx_http_social_store.c */

/*
 * Copies the policy of a store, with the credentials of this moment.
 * NGX_ERROR: there are none, or out of memory.
 */
ngx_int_t ngx_http_social_store_policy(ngx_http_request_t *r,
    ngx_http_social_store_loc_conf_t *slcf, social_sigv4_policy_t *policy);

/*
 * Has "s" be in memory of "pool", for what outlives the request.  NGX_ERROR:
 * out of memory.
 */
ngx_int_t ngx_http_social_store_copy_text(ngx_pool_t *pool, social_str_t *s);

/*
 * Logs what was refused, and why.
 */
void ngx_http_social_store_log_refused(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_error_body_t *text);

/*
 * Returns the status of an error, whose body is S3's XML unless "error_page"
 * has another one.  "message" may be NULL, or a static text.  The result is to
 * be returned from a content handler, or passed to ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_store_error(ngx_http_request_t *r,
    social_s3_error_e error, const char *message);

/*
 * The same with more in the XML: resource and request ID are set here.
 */
ngx_int_t ngx_http_social_store_error_body(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_error_body_t *text);

/*
 * The same before the body was read: a client that waits for "100 Continue"
 * does not get it, and a long body is not read.
 */
ngx_int_t ngx_http_social_store_refuse(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_error_body_t *text);

/*
 * Makes the body of an error that nginx returned in the location of a store.
 */
ngx_int_t ngx_http_social_store_error_page(ngx_http_request_t *r,
    ngx_http_social_error_page_t *page);

/*
 * Adds the headers of every response of a store: the request's ID, and those
 * which prevent a browser from executing an uploaded object on this origin.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_headers(ngx_http_request_t *r);

/*
 * Returns the path and the query of a request, as sent; views of r's memory.
 */
void ngx_http_social_store_split(ngx_http_request_t *r, social_str_t *path,
    social_str_t *query);

/*
 * Writes 32 random hexadecimal digits.  NGX_ERROR: the random generator failed.
 */
ngx_int_t ngx_http_social_store_id(u_char *id);


/*
 * The error to send for a commit that was not made.
 */
social_s3_error_e ngx_http_social_store_commit_error(
    social_net_commit_rc_e rc);


/* ngx_http_social_store_get.c */

/*
 * Processes GET and HEAD.  The result is to be returned from a content
 * handler.
 */
ngx_int_t ngx_http_social_store_get(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_delete.c */

/*
 * Processes DELETE.  The result is to be returned from a content handler.
 */
ngx_int_t ngx_http_social_store_delete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_upload_part.c */

/*
 * Processes UploadPart and UploadPartCopy.  The result is to be returned from a
 * content handler.
 */
ngx_int_t ngx_http_social_store_upload_part(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_upload.c */

/*
 * Process CreateMultipartUpload, AbortMultipartUpload and
 * CompleteMultipartUpload.  The result is to be returned from a content
 * handler, as those of the following.
 */
ngx_int_t ngx_http_social_store_upload_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
ngx_int_t ngx_http_social_store_upload_abort(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
ngx_int_t ngx_http_social_store_upload_complete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_upload_list.c */

/*
 * Processes ListParts and ListMultipartUploads.
 */
ngx_int_t ngx_http_social_store_upload_list(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_copy.c */

/*
 * Processes CopyObject.
 */
ngx_int_t ngx_http_social_store_copy(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_answer.c */

/*
 * Answers GET or HEAD with an object, as its conditions and its range have it.
 * The file is closed with the request, whatever is returned: what a content
 * handler returns.  That of one in parts is the caller's, unless it was taken
 * over.
 */
ngx_int_t ngx_http_social_store_answer(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_object_t *object);


/* ngx_http_social_store_send_module.c */

/*
 * Has the bytes of a file buffer that is about to be sent, the only one of the
 * response, sent without a thread as long as they are in the kernel's memory.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_send_file(ngx_http_request_t *r,
    ngx_buf_t *b);


/* ngx_http_social_store_parts.c */

/*
 * Sends the bytes of an object in parts, from object->first on, after the
 * header was sent.  NGX_DONE: the object was taken over.
 */
ngx_int_t ngx_http_social_store_parts(ngx_http_request_t *r,
    ngx_http_social_store_object_t *object);


/* ngx_http_social_store_list.c */

/*
 * Process lists of objects, and what else there is of a bucket; the result is
 * to be returned from a content handler.
 */
ngx_int_t ngx_http_social_store_list(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
ngx_int_t ngx_http_social_store_bucket(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_delete_objects.c */

/*
 * Processes DeleteObjects.  The result is to be returned from a content
 * handler.
 */
ngx_int_t ngx_http_social_store_delete_objects(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_digest.c */

/*
 * Begins the digests that a request needs, and the decoder; "pool" lives as
 * long as they do.  digest->compute is a checksum that is needed where none is
 * given.  The second one is for bytes that come from elsewhere.
 * SOCIAL_S3_INTERNAL_ERROR: out of memory.
 */
social_s3_error_e ngx_http_social_store_digest_init(ngx_pool_t *pool,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_digest_t *digest);

social_s3_error_e ngx_http_social_store_digest_begin(
    ngx_http_social_store_digest_t *digest, social_s3_checksum_e algorithm);

/*
 * Takes the object's next bytes from the front of a piece of the body: "data"
 * is empty when the piece is used up.  Errors are the client's.
 */
social_s3_error_e ngx_http_social_store_digest_next(
    ngx_http_social_store_digest_t *digest, social_str_t *piece,
    social_str_t *data);

/*
 * Called in a thread: add a piece of the object; at its end, write the ETag,
 * and return an error if the body is not whole, or a digest is not the one that
 * the client sent.
 */
social_s3_error_e ngx_http_social_store_digest_update(
    ngx_http_social_store_digest_t *digest, social_str_t piece);
social_s3_error_e ngx_http_social_store_digest_final(
    ngx_http_social_store_digest_t *digest, u_char etag[32]);

/*
 * Frees what is not in a pool; may be called more than once.
 */
void ngx_http_social_store_digest_free(
    ngx_http_social_store_digest_t *digest);


/* ngx_http_social_store_put.c */

/*
 * Processes PUT, and the file of a form.  The result is to be returned from a
 * content handler, or, of a form, whose body is being read, to be passed to
 * ngx_http_finalize_request() unless it is NGX_DONE.
 */
ngx_int_t ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_post.c */

/*
 * Processes the POST of a form.  The result is to be returned from a content
 * handler.
 */
ngx_int_t ngx_http_social_store_post(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_posted.c */

/*
 * Answers a form whose file has become the object of this key and ETag, with
 * its quotes.  Returns what is for ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_store_post_answer(ngx_http_request_t *r,
    const social_s3_post_t *post, social_str_t key, social_str_t etag);


/* ngx_http_social_store_announce.c */

/*
 * Allocates the lease in the zone, unless an earlier cycle has done so; "data"
 * is the ngx_http_social_store_shared_t to set.  NGX_ERROR: no room, already
 * logged.
 */
ngx_int_t ngx_http_social_store_announce_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

/*
 * Starts the timer that processes a store's spool and removes what was left by
 * a crash.  It runs in every worker; the one that has the lease does the work.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_announce_init(ngx_cycle_t *cycle,
    ngx_http_social_store_loc_conf_t *conf,
    ngx_http_social_store_shared_t *shared);

/*
 * Sends the announcement of an object to the database.  NGX_OK: the handler
 * will be called; NGX_ERROR: out of memory, or no database is configured.
 */
ngx_int_t ngx_http_social_store_announce(
    ngx_http_social_store_loc_conf_t *slcf, const social_store_meta_t *meta,
    social_str_t key, ngx_http_social_store_announced_pt handler, void *data);


/* ngx_http_social_store_job.c */

/*
 * The same for an object that a rule is for.
 */
ngx_int_t ngx_http_social_store_announce_job(const social_store_meta_t *meta,
    const social_s3_rule_t *rule, social_str_t key,
    ngx_http_social_query_background_pt handler, void *data);


#endif /* NGX_HTTP_SOCIAL_STORE_H */
