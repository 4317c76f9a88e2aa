
/*
 * "social_status html": the page for people.  Its files are compiled in, and
 * are one document, that asks nobody but this location ("?json").
 */

#include "ngx_http_social_page.h"
#include "ngx_http_social_reply.h"
#include "social_crypto.h"


#define NGX_HTTP_SOCIAL_PAGE_HASH  44      /* a SHA-256 in base64 */


/* the files in page/, by config.make */

extern const unsigned char  ngx_http_social_page_html[];
extern const size_t         ngx_http_social_page_html_size;
extern const unsigned char  ngx_http_social_page_css[];
extern const size_t         ngx_http_social_page_css_size;
extern const unsigned char  ngx_http_social_page_js[];
extern const size_t         ngx_http_social_page_js_size;


static u_char *ngx_http_social_page_insert(u_char *p, u_char **from,
    u_char *end, const char *mark, const ngx_str_t *text);
static ngx_int_t ngx_http_social_page_hash(const ngx_str_t *text,
    ngx_str_t *hash);


ngx_http_social_page_t *
ngx_http_social_page_create(ngx_conf_t *cf)
{
    u_char                  *p, *from, *end;
    ngx_str_t                css, js, hash[2];
    u_char                   buf[2][NGX_HTTP_SOCIAL_PAGE_HASH];
    ngx_http_social_page_t  *page;

    static const char        policy[] =
        "default-src 'none'; script-src 'sha256-%V'; style-src 'sha256-%V'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'";

    css.data = (u_char *) ngx_http_social_page_css;
    css.len = ngx_http_social_page_css_size;
    js.data = (u_char *) ngx_http_social_page_js;
    js.len = ngx_http_social_page_js_size;

    hash[0].data = buf[0];
    hash[1].data = buf[1];

    page = ngx_palloc(cf->pool, sizeof(ngx_http_social_page_t));

    if (page == NULL
        || ngx_http_social_page_hash(&js, &hash[0]) != NGX_OK
        || ngx_http_social_page_hash(&css, &hash[1]) != NGX_OK)
    {
        return NULL;
    }

    page->policy.data = ngx_pnalloc(cf->pool, sizeof(policy)
                                    + 2 * NGX_HTTP_SOCIAL_PAGE_HASH);
    page->text.data = ngx_pnalloc(cf->pool, ngx_http_social_page_html_size
                                            + css.len + js.len);

    if (page->policy.data == NULL || page->text.data == NULL) {
        return NULL;
    }

    page->policy.len = ngx_sprintf(page->policy.data, policy, &hash[0],
                                   &hash[1])
                       - page->policy.data;

    from = (u_char *) ngx_http_social_page_html;
    end = from + ngx_http_social_page_html_size;

    p = ngx_http_social_page_insert(page->text.data, &from, end, "@CSS@",
                                    &css);
    p = ngx_http_social_page_insert(p, &from, end, "@JS@", &js);
    p = ngx_cpymem(p, from, end - from);

    page->text.len = p - page->text.data;

    return page;
}


/*
 * Copies "*from" up to the mark, and "text" in its place.
 */

static u_char *
ngx_http_social_page_insert(u_char *p, u_char **from, u_char *end,
    const char *mark, const ngx_str_t *text)
{
    u_char  *found;

    found = ngx_strlcasestrn(*from, end, (u_char *) mark,
                             ngx_strlen(mark) - 1);
    if (found == NULL) {
        return p;
    }

    p = ngx_cpymem(p, *from, found - *from);
    *from = found + ngx_strlen(mark);

    return ngx_cpymem(p, text->data, text->len);
}


static ngx_int_t
ngx_http_social_page_hash(const ngx_str_t *text, ngx_str_t *hash)
{
    ngx_str_t      digest;
    unsigned char  bytes[SOCIAL_SHA256_SIZE];

    if (social_sha256((social_str_t) { text->len, text->data }, bytes)
        != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    digest.data = bytes;
    digest.len = sizeof(bytes);

    ngx_encode_base64(hash, &digest);

    return NGX_OK;
}


ngx_int_t
ngx_http_social_page_reply(ngx_http_request_t *r,
    ngx_http_social_page_t *page)
{
    ngx_uint_t        i;
    static ngx_str_t  type = ngx_string("text/html; charset=utf-8");

    struct {
        const char   *name;
        ngx_str_t     value;
    } headers[] = {
        { "Content-Security-Policy", page->policy },
        { "Cache-Control", ngx_string("no-store") },
        { "X-Content-Type-Options", ngx_string("nosniff") },
        { "Referrer-Policy", ngx_string("no-referrer") }
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_http_social_header_out_push(r, headers[i].name,
                                            &headers[i].value)
            == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_social_reply(r, NGX_HTTP_OK, &type, &page->text);
}
