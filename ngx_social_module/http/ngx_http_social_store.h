
/*
 * The embedded store: a subset of S3 over a directory.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_H
#define NGX_HTTP_SOCIAL_STORE_H


#include "ngx_http_social_bucket.h"
#include "social_net_disk.h"
#include "social_s3_error.h"
#include "social_sigv4_verify.h"


typedef struct {
    ngx_flag_t                  enable;
    ngx_str_t                   bucket_name;
    ngx_http_social_bucket_t   *bucket;
    ngx_str_t                   root;          /* zero-terminated */
    ngx_str_t                   prefix;        /* the location's, "/x/" */
    ngx_array_t                *open;          /* of social_str_t: prefixes of
                                                  keys that all may read */
    ngx_flag_t                  announce;
    ngx_flag_t                  sync;
    off_t                       max_size;
    social_sigv4_known_t        known;
    social_sigv4_policy_t       policy;
    ngx_thread_pool_t          *thread_pool;
    ngx_http_social_place_t     place;
} ngx_http_social_store_loc_conf_t;


typedef struct {
    social_str_t                key;           /* decoded */
    ngx_str_t                   path;          /* zero-terminated */
    social_sigv4_verified_t     verified;
} ngx_http_social_store_request_t;


extern ngx_module_t  ngx_http_social_store_module;


/* ngx_http_social_store_request.c */

/*
 * The content handler: which object, who asks, what for.
 */
ngx_int_t ngx_http_social_store_handler(ngx_http_request_t *r);

/*
 * An error as S3 has it, XML; to be returned from a content handler, or given
 * to ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_store_error(ngx_http_request_t *r,
    social_s3_error_e error, const char *message);

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


/* ngx_http_social_store_put.c */

ngx_int_t ngx_http_social_store_put(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr);


/* ngx_http_social_store_announce.c */

/*
 * Begins to look for announcements that were not made, in one worker.
 */
ngx_int_t ngx_http_social_store_announce_init_process(ngx_cycle_t *cycle,
    ngx_array_t *stores);

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
