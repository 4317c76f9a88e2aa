
/*
 * The embedded store: answers to forms.
 */

#include "ngx_http_social_reply.h"
#include "ngx_http_social_store.h"


static ngx_int_t ngx_http_social_post_location(ngx_http_request_t *r,
    social_str_t key, social_str_t *location);


ngx_int_t
ngx_http_social_store_post_answer(ngx_http_request_t *r,
    const social_s3_post_t *post, social_str_t key, social_str_t etag)
{
    u_char                            *p;
    size_t                             size;
    ngx_str_t                          body, type, value;
    ngx_uint_t                         status;
    social_buf_t                       b;
    social_str_t                       location;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);

    if (ngx_http_social_post_location(r, key, &location) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&body);
    ngx_str_null(&type);

    status = post->status;

    size = 1024 + 6 * (location.len + slcf->place.bucket.len + key.len
                       + etag.len) + post->redirect.len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    social_buf_init(&b, p, size);

    if (post->redirect.len) {
        social_s3_post_redirect(&b, post->redirect, slcf->place.bucket, key,
                                etag);
        location = social_buf_since(&b, 0);
        status = NGX_HTTP_SEE_OTHER;

    } else if (status == NGX_HTTP_CREATED) {
        social_s3_post_write(&b, location, slcf->place.bucket, key, etag);
        ngx_str_set(&type, "application/xml");
        body.data = p;
        body.len = b.len;
    }

    ngx_http_social_from_str(&value, location);

    if (b.rc != SOCIAL_OK
        || ngx_http_social_header_out_push(r, "Location", &value) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_social_reply(r, status, &type, &body);
}


/*
 * The URL of an object, as browsers have it.
 */

static ngx_int_t
ngx_http_social_post_location(ngx_http_request_t *r, social_str_t key,
    social_str_t *location)
{
    u_char                            *p;
    size_t                             size;
    social_buf_t                       b;
    const social_bucket_t             *bucket;
    ngx_http_social_store_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_social_store_module);
    bucket = &slcf->bucket->public_target;

    size = SOCIAL_ENDPOINT_MAX_URL + 2 * bucket->name.len + 3 * key.len + 16;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    social_buf_init(&b, p, size);

    social_buf_text(&b, bucket->endpoint.secure ? "https://" : "http://");
    social_bucket_host(&b, bucket);
    (void) social_bucket_path(&b, bucket, key);

    *location = social_buf_since(&b, 0);

    return b.rc == SOCIAL_OK ? NGX_OK : NGX_ERROR;
}
