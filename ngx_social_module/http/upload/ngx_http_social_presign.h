
/*
 * Presigned uploads: what the directives, the variables and the answers
 * share.
 */

#ifndef NGX_HTTP_SOCIAL_PRESIGN_H
#define NGX_HTTP_SOCIAL_PRESIGN_H


#include "ngx_http_social_bucket.h"
#include "ngx_http_social_content.h"
#include "social_presign.h"
#include "social_upload.h"


#define NGX_HTTP_SOCIAL_PRESIGN_PUT     1
#define NGX_HTTP_SOCIAL_PRESIGN_AVATAR  2


typedef struct {
    ngx_http_social_content_t   content;
    ngx_uint_t                  mode;
    ngx_str_t                   bucket_name;
    ngx_http_social_bucket_t   *bucket;
    ngx_http_complex_value_t   *key;
    ngx_array_t                *types;         /* of social_str_t */
    ngx_array_t                *kinds;         /* of social_str_t */
    off_t                       max_size;
    time_t                      expires;
} ngx_http_social_presign_loc_conf_t;


typedef struct {
    ngx_str_t                   id;            /* a UUID as text */
    social_str_t                extension;
    ngx_str_t                   answer;        /* ready when it is signed */
    ngx_uint_t                  status;
} ngx_http_social_presign_ctx_t;


extern ngx_module_t  ngx_http_social_presign_module;


/* ngx_http_social_presign.c */

/*
 * The content handler.
 */
ngx_int_t ngx_http_social_presign_handler(ngx_http_request_t *r);

/*
 * A new random UUID (RFC 9562, 5.4) as 36 characters, in r->pool.  NGX_ERROR:
 * out of memory, or of randomness.
 */
ngx_int_t ngx_http_social_presign_uuid(ngx_http_request_t *r, ngx_str_t *id);


/* ngx_http_social_presign_conf.c */

extern const ngx_http_social_conf_entry_t  ngx_http_social_presign_types;
extern const ngx_http_social_conf_entry_t  ngx_http_social_presign_max_size;
extern const ngx_http_social_conf_entry_t  ngx_http_social_presign_expires;

char *ngx_http_social_presign_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_presign_key_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_SOCIAL_PRESIGN_H */
