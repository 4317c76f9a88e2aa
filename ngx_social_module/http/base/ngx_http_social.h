
/*
 * What the modules in the one .so share: the base module's configuration,
 * request contexts that survive internal redirects, and header lists.
 */

#ifndef NGX_HTTP_SOCIAL_H
#define NGX_HTTP_SOCIAL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_social_compat.h"
#include "ngx_http_social_conf.h"
#include "social_rc.h"
#include "social_str.h"


struct ngx_http_social_counting_s;


typedef struct {
    ngx_shm_zone_t       *zone;          /* NULL until it is needed */
    ngx_str_t             thread_pool_name;
    ngx_thread_pool_t    *thread_pool;   /* NULL until it is needed */
    ngx_flag_t            used;          /* a social_* feature is on */

    /* NULL: nothing is counted */
    struct ngx_http_social_counting_s  *counting;
} ngx_http_social_main_conf_t;


extern ngx_module_t  ngx_http_social_module;


/* ngx_http_social_module.c */

/*
 * Called while locations are merged by every feature that is on: without a
 * call the module registers no handler, and costs nothing.
 */
void ngx_http_social_use(ngx_conf_t *cf);

/*
 * Removes the whole X-Social-* family from the request's headers; "r" is a
 * main request, since subrequests share parts of their list with it.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_identity_erase(ngx_http_request_t *r);

/*
 * The shared zone and the thread pool, made with their defaults where no
 * directive named them.  NULL: out of memory, already logged.
 */
ngx_shm_zone_t *ngx_http_social_need_zone(ngx_conf_t *cf);
ngx_thread_pool_t *ngx_http_social_need_thread_pool(ngx_conf_t *cf);


/* ngx_http_social_file.c */

/*
 * Reads a small file at configuration time into cf->pool, a zero byte after
 * it; "path" becomes the full one.  NGX_CONF_ERROR: already logged, without
 * anything of what is in it.
 */
char *ngx_http_social_conf_read_file(ngx_conf_t *cf, ngx_str_t *path,
    size_t max, ngx_str_t *text);

/*
 * Whether a file, whose name ends with a zero byte, has a certificate in PEM.
 * It blocks: at configuration time.
 */
ngx_uint_t ngx_http_social_file_has_certificates(ngx_str_t *file);


/* ngx_http_social_ctx.c */

/*
 * The module's context of this request, or NULL.  nginx clears contexts at
 * every internal redirect; this one is found again.
 */
void *ngx_http_social_get_ctx(ngx_http_request_t *r, ngx_module_t *module);

/*
 * Keeps "ctx" (in r->pool, or NULL to forget it) as the module's context of
 * this request.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_set_ctx(ngx_http_request_t *r, void *ctx,
    ngx_module_t *module);


/* ngx_http_social_headers.c */

/*
 * The first request header of that name, or NULL.  "name" is in lower case,
 * "hash" is its ngx_hash_key().  If "more" is not NULL it is set if there are
 * others of the name.
 */
ngx_table_elt_t *ngx_http_social_header_in(ngx_http_request_t *r,
    ngx_str_t *name, ngx_uint_t hash, ngx_uint_t *more);

/*
 * Removes every request header for which "match" is true, without moving the
 * others: nginx keeps pointers to them.  "r" is a main request.  NGX_ERROR:
 * out of memory.
 */
ngx_int_t ngx_http_social_headers_in_remove(ngx_http_request_t *r,
    ngx_uint_t (*match)(ngx_table_elt_t *h));

/*
 * A header's name, ready for requests; ngx_http_social_header_name_init()
 * makes it so while the configuration is read.
 */
typedef struct {
    ngx_str_t             name;
    ngx_str_t             lowcase;
    ngx_uint_t            hash;
} ngx_http_social_header_name_t;

void ngx_http_social_header_name_init(ngx_http_social_header_name_t *name);

/*
 * Adds a request header for the backend, even to a request that has none.
 * The value must live as long as the request.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_header_in_push(ngx_http_request_t *r,
    ngx_http_social_header_name_t *name, ngx_str_t *value);

/*
 * Adds a response header; the strings must live as long as the request.
 * Returns the new element, or NULL when out of memory.
 */
ngx_table_elt_t *ngx_http_social_header_out_push(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


#define ngx_http_social_from_str(s, v)                                        \
    (s)->len = (v).len; (s)->data = (u_char *) (v).data

static ngx_inline social_str_t
ngx_http_social_view(ngx_str_t *s)
{
    social_str_t  v;

    v.len = s->len;
    v.data = s->data;

    return v;
}


#endif /* NGX_HTTP_SOCIAL_H */
