
/*
 * Credentials of AWS for buckets and databases: fetched by one worker for all,
 * kept in the shared zone.
 */

#ifndef NGX_HTTP_SOCIAL_CREDENTIALS_H
#define NGX_HTTP_SOCIAL_CREDENTIALS_H


#include "ngx_http_social.h"
#include "social_net_credentials.h"


typedef struct ngx_http_social_credentials_s  ngx_http_social_credentials_t;


/* ngx_http_social_credentials_module.c */

/*
 * While the configuration is read: adds what "text" says, as
 * social_net_credentials_create() takes it, with the path of a file in full,
 * and "region", which may be empty.  Both are zero-terminated, or empty.  The
 * same source in the same region is one.  "who" goes before a message ("bucket
 * "raw""), and lives as long as the configuration.  NULL: it cannot be used,
 * and "error", of SOCIAL_NET_ERROR_SIZE bytes, says why.
 */
ngx_http_social_credentials_t *ngx_http_social_credentials_add(ngx_conf_t *cf,
    ngx_str_t *text, ngx_str_t *region, ngx_str_t *who, char *error);

/*
 * How many sources are configured, and have no credentials now.
 */
ngx_uint_t ngx_http_social_credentials_configured(ngx_http_request_t *r);
ngx_uint_t ngx_http_social_credentials_missing(ngx_http_request_t *r);


/* ngx_http_social_credentials.c */

/*
 * The credentials that the configuration was read with: those of a file or of
 * the environment.  Their access key is empty where they are fetched.
 */
const social_credentials_t *ngx_http_social_credentials_at_start(
    const ngx_http_social_credentials_t *c);

/*
 * The credentials of this moment, in the event loop: views that are valid until
 * it has its turn.  NGX_DECLINED: there are none, or they have expired; logged
 * by who fetches them.
 */
ngx_int_t ngx_http_social_credentials_current(
    ngx_http_social_credentials_t *c, social_credentials_t *keys);

/*
 * The same in any thread, as a copy: the caller frees it.
 */
ngx_int_t ngx_http_social_credentials_copy(
    const ngx_http_social_credentials_t *c, social_net_credentials_t *to);


#endif /* NGX_HTTP_SOCIAL_CREDENTIALS_H */
