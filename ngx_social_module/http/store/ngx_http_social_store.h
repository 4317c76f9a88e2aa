
/*
 * The embedded store: a subset of S3 over a directory.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_H
#define NGX_HTTP_SOCIAL_STORE_H


#include "ngx_http_social_bucket.h"
#include "ngx_http_social_lease.h"
#include "ngx_http_social_task.h"
#include "ngx_http_social_content.h"
#include "social_crypto.h"
#include "social_net_disk.h"
#include "social_s3_error.h"
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
    ngx_uint_t                  twin;          /* another one has that root */
    off_t                       max_size;
    social_sigv4_policy_t       policy;        /* without "known" */
    ngx_thread_pool_t          *thread_pool;
} ngx_http_social_store_loc_conf_t;


typedef struct {
    social_str_t                key;           /* decoded */
    ngx_str_t                   path;          /* zero-terminated */
    social_sigv4_verified_t     verified;
} ngx_http_social_store_request_t;


/*
 * The part of the zone: the lease of the worker that processes the spools.
 */
typedef struct {
    ngx_slab_pool_t            *shpool;
    ngx_http_social_lease_t    *lease;
} ngx_http_social_store_shared_t;


/*
 * The digests of a body, as the client sent them and as they are computed.
 */
typedef struct {
    ngx_md5_t                   md5;
    social_sha256_t            *sha256;        /* NULL: not needed */
    uint32_t                    crc32;
    u_char                      want_sha256[SOCIAL_SHA256_SIZE];
    u_char                      want_checksum[SOCIAL_SHA256_SIZE];
    u_char                      want_md5[16];
    u_char                      want_crc32[4];
    ngx_uint_t                  has_sha256;    /* in the signature */
    ngx_uint_t                  has_checksum;  /* in a header or the query */
    ngx_uint_t                  has_md5;
    ngx_uint_t                  has_crc32;
} ngx_http_social_store_digest_t;


extern ngx_module_t  ngx_http_social_store_module;


/* ngx_http_social_store_request.c */

/*
 * The content handler: parses the path, verifies the signature and calls the
 * function of the method.
 */
ngx_int_t ngx_http_social_store_handler(ngx_http_request_t *r);


/* ngx_http_social_store.c */

/*
 * Sends an error in the XML of S3.  The result is to be returned from a content
 * handler, or passed to ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_store_error(ngx_http_request_t *r,
    social_s3_error_e error, const char *message);

/*
 * Adds the headers of every response of a store, which prevent a browser from
 * executing an uploaded object on this origin.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_protect(ngx_http_request_t *r);

/*
 * Returns the path and the query of a request, as sent; views of r's memory.
 */
void ngx_http_social_store_split(ngx_http_request_t *r, social_str_t *path,
    social_str_t *query);

/*
 * Writes 32 random hexadecimal digits.  NGX_ERROR: the random generator failed.
 */
ngx_int_t ngx_http_social_store_id(u_char *id);


/* ngx_http_social_store_get.c */

/*
 * Process GET and HEAD, and DELETE.  The result is to be returned from a
 * content handler.
 */
ngx_int_t ngx_http_social_store_get(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
ngx_int_t ngx_http_social_store_delete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_digest.c */

/*
 * Reads the headers of a PUT that describe its body.  Returns the error to send
 * if a feature is requested that is not supported, or a digest is malformed.
 */
social_s3_error_e ngx_http_social_store_digest_init(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_digest_t *digest);

/*
 * Called in a thread: add a piece of the body; at its end, write the ETag, and
 * return an error if a digest is not the one that the client sent.
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
 * Processes PUT.  The result is to be returned from a content handler.
 */
ngx_int_t ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


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
 * Writes the announcement of an object, as it is stored in the spool, allocated
 * from "pool".  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_announcement(ngx_pool_t *pool,
    social_store_meta_t *meta, social_str_t key, ngx_str_t *text);

/*
 * Writes the ETag, which is known only at the end of the body, into it.
 */
void ngx_http_social_store_announcement_etag(ngx_str_t *text,
    social_store_meta_t *meta);

/*
 * Sends an announcement that is in the spool to the database.  If that fails,
 * it is sent later from the spool.
 */
void ngx_http_social_store_announce(ngx_http_social_store_loc_conf_t *slcf,
    const u_char *id, ngx_str_t *text);


#endif /* NGX_HTTP_SOCIAL_STORE_H */
