
/*
 * Buckets by name: their endpoints and credentials.
 */

#ifndef NGX_HTTP_SOCIAL_BUCKET_H
#define NGX_HTTP_SOCIAL_BUCKET_H


#include "ngx_http_social_credentials.h"
#include "social_bucket.h"


typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   bucket;
    ngx_str_t                   region;
    ngx_str_t                   endpoint;          /* empty: AWS's */
    ngx_str_t                   public_endpoint;   /* empty: the same */
    ngx_flag_t                  path_style;
    ngx_str_t                   ca_file;           /* zero-terminated; empty:
                                                      the system's */
    social_bucket_t             target;            /* for servers */
    social_bucket_t             public_target;     /* for browsers */
    ngx_str_t                   source;            /* of credentials */
    ngx_http_social_credentials_t  *keys;

    /*
     * What they were at start, for checks of the configuration: empty where
     * they are fetched.  ngx_http_social_bucket_credentials() has those to sign
     * with.
     */
    social_credentials_t        credentials;
    ngx_http_social_position_t  position;
} ngx_http_social_bucket_t;


/*
 * Returns the bucket with the given name, or NULL.  To be called after the
 * whole configuration has been read: while locations are merged, or later.
 */
ngx_http_social_bucket_t *ngx_http_social_bucket_find(ngx_conf_t *cf,
    ngx_str_t *name);

/*
 * The credentials to sign with now, in the event loop: views that are valid
 * until it has its turn, so not over a wait.  NGX_DECLINED: there are none, or
 * they have expired, which is logged and on "social_ready": 503.
 */
ngx_int_t ngx_http_social_bucket_credentials(
    const ngx_http_social_bucket_t *bucket, social_credentials_t *keys);


#endif /* NGX_HTTP_SOCIAL_BUCKET_H */
