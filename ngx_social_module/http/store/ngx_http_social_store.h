
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
    ngx_str_t                   part;          /* of the bucket that it is,
                                                  empty: bucket and key follow
                                                  in the path */
    ngx_array_t                *open;          /* of social_str_t: prefixes of
                                                  keys that all may read */
    ngx_flag_t                  announce;
    ngx_flag_t                  sync;
    ngx_uint_t                  twin;          /* of a store of that root */
    off_t                       max_size;
    social_sigv4_known_t        known;
    social_sigv4_policy_t       policy;
    ngx_thread_pool_t          *thread_pool;
} ngx_http_social_store_loc_conf_t;


typedef struct {
    social_str_t                key;           /* decoded */
    ngx_str_t                   path;          /* zero-terminated */
    social_sigv4_verified_t     verified;
} ngx_http_social_store_request_t;


/*
 * What lies in the zone: of the worker that looks after the spools.
 */
typedef struct {
    ngx_slab_pool_t            *shpool;
    ngx_http_social_lease_t    *lease;
} ngx_http_social_store_shared_t;


/*
 * What a client says of its bytes, and what they are.
 */
typedef struct {
    ngx_md5_t                   md5;
    social_sha256_t            *sha256;        /* where it is asked for */
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
 * The content handler: which object, who asks, what for.
 */
ngx_int_t ngx_http_social_store_handler(ngx_http_request_t *r);


/* ngx_http_social_store.c */

/*
 * An error as S3 has it, XML; to be returned from a content handler, or given
 * to ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_store_error(ngx_http_request_t *r,
    social_s3_error_e error, const char *message);

/*
 * Adds what every answer of a store has: whatever somebody uploaded, it is
 * nothing that a browser runs on this origin.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_store_protect(ngx_http_request_t *r);

/*
 * The path and the query of a request, as sent.
 */
void ngx_http_social_store_split(ngx_http_request_t *r, social_str_t *path,
    social_str_t *query);

/*
 * 32 random hexadecimal digits.  NGX_ERROR: no randomness.
 */
ngx_int_t ngx_http_social_store_id(u_char *id);


/* ngx_http_social_store_get.c */

/*
 * GET and HEAD, DELETE; to be returned from a content handler.
 */
ngx_int_t ngx_http_social_store_get(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);
ngx_int_t ngx_http_social_store_delete(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_digest.c */

/*
 * Reads what a PUT says of its body.  An error: it asks for what this store
 * does not do, or its digests are none.
 */
social_s3_error_e ngx_http_social_store_digest_init(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_digest_t *digest);

/*
 * For threads: a piece of the body; the end, which gives the ETag, and
 * whether all is as the client said.
 */
social_s3_error_e ngx_http_social_store_digest_update(
    ngx_http_social_store_digest_t *digest, social_str_t piece);
social_s3_error_e ngx_http_social_store_digest_final(
    ngx_http_social_store_digest_t *digest, u_char etag[32]);

void ngx_http_social_store_digest_free(
    ngx_http_social_store_digest_t *digest);


/* ngx_http_social_store_put.c */

ngx_int_t ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_announce.c */

/*
 * Makes the lease in its part of the zone; "data" is the
 * ngx_http_social_store_shared_t to set.
 */
ngx_int_t ngx_http_social_store_announce_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);

/*
 * Begins to look after a store's spool and what was left behind, in every
 * worker, of which the one that has the lease does it.  NGX_ERROR: out of
 * memory.
 */
ngx_int_t ngx_http_social_store_announce_init(ngx_cycle_t *cycle,
    ngx_http_social_store_loc_conf_t *conf,
    ngx_http_social_store_shared_t *shared);

/*
 * The announcement of an object as it lies in the spool, in "pool".
 */
ngx_int_t ngx_http_social_store_announcement(ngx_pool_t *pool,
    social_store_meta_t *meta, social_str_t key, ngx_str_t *text);

/*
 * Puts the ETag, which is known last, into it.
 */
void ngx_http_social_store_announcement_etag(ngx_str_t *text,
    social_store_meta_t *meta);

/*
 * Has an announcement in the spool made now.  Failing that it is made later.
 */
void ngx_http_social_store_announce(ngx_http_social_store_loc_conf_t *slcf,
    const u_char *id, ngx_str_t *text);


#endif /* NGX_HTTP_SOCIAL_STORE_H */
