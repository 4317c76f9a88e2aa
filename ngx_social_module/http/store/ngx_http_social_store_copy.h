
/*
 * The embedded store: what copies are of.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_COPY_H
#define NGX_HTTP_SOCIAL_STORE_COPY_H


#include "ngx_http_social_store_change.h"


/*
 * In a thread: opens the source of a copy, if it meets the condition.  Views of
 * "meta" are of "buf", of SOCIAL_STORE_META_SIZE bytes.  The object is the
 * caller's to be closed, whatever is returned.
 */
social_s3_error_e ngx_http_social_store_source(
    ngx_http_social_store_change_t *change, const char *path,
    const social_s3_condition_t *condition, u_char *buf,
    social_store_meta_t *meta, social_net_object_t *object);


#endif /* NGX_HTTP_SOCIAL_STORE_COPY_H */
