
/*
 * Buckets by name: their endpoints and credentials.
 */

#ifndef NGX_HTTP_SOCIAL_BUCKET_H
#define NGX_HTTP_SOCIAL_BUCKET_H


#include "ngx_http_social.h"
#include "social_bucket.h"
#include "social_credentials.h"


typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   bucket;
    ngx_str_t                   region;
    ngx_str_t                   endpoint;          /* empty: AWS's */
    ngx_str_t                   public_endpoint;   /* empty: the same */
    ngx_flag_t                  path_style;
    social_bucket_t             target;            /* for servers */
    social_bucket_t             public_target;     /* for browsers */
    social_credentials_t        credentials;       /* static ones */
    ngx_http_social_position_t  position;
} ngx_http_social_bucket_t;


/*
 * Returns the bucket with the given name, or NULL.  To be called after the
 * whole configuration has been read: while locations are merged, or later.
 */
ngx_http_social_bucket_t *ngx_http_social_bucket_find(ngx_conf_t *cf,
    ngx_str_t *name);


#endif /* NGX_HTTP_SOCIAL_BUCKET_H */
