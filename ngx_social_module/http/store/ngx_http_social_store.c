
/*
 * The embedded store: functions shared by all methods.
 */

#include "ngx_http_social_store.h"

#include <openssl/rand.h>


/*
 * What of a body is read before an error, so that a connection can be used
 * again.
 */

#define NGX_HTTP_SOCIAL_STORE_UNREAD  (1024 * 1024)


static ngx_int_t ngx_http_social_store_page(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_error_body_t *text,
    ngx_http_social_error_page_t *page);


ngx_int_t
ngx_http_social_store_error(ngx_http_request_t *r, social_s3_error_e error,
    const char *message)
{
    social_s3_error_body_t  text;

    ngx_memzero(&text, sizeof(social_s3_error_body_t));

    if (message) {
        text.message = social_str(message);
    }

    return ngx_http_social_store_error_body(r, error, &text);
}


social_s3_error_e
ngx_http_social_store_commit_error(social_net_commit_rc_e rc)
{
    switch (rc) {

    case SOCIAL_NET_COMMIT_OK:
    case SOCIAL_NET_COMMIT_SUPERSEDED:
        return SOCIAL_S3_OK;

    case SOCIAL_NET_COMMIT_ABSENT:
        return SOCIAL_S3_NO_SUCH_KEY;

    case SOCIAL_NET_COMMIT_REFUSED:
        return SOCIAL_S3_PRECONDITION_FAILED;

    case SOCIAL_NET_COMMIT_NO_UPLOAD:
        return SOCIAL_S3_NO_SUCH_UPLOAD;

    case SOCIAL_NET_COMMIT_FULL:
        return SOCIAL_S3_FULL;

    case SOCIAL_NET_COMMIT_BUSY:
        return SOCIAL_S3_SLOW_DOWN;

    default:
        return SOCIAL_S3_SERVICE_UNAVAILABLE;
    }
}


ngx_int_t
ngx_http_social_store_error_body(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_error_body_t *text)
{
    ngx_uint_t                    status;
    ngx_http_social_error_page_t  page;

    status = social_s3_error_status(error);

    if ((status == NGX_HTTP_SERVICE_UNAVAILABLE
         && ngx_http_social_error_retry_after(r, 2) != NGX_OK)
        || ngx_http_social_store_page(r, error, text, &page) != NGX_OK
        || ngx_http_social_error_set_page(r, status, &page) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return status;
}


/*
 * nginx discards the body of a refused request in order to keep the connection:
 * that would invite a client which waits to send it, and read all of it.
 */

ngx_int_t
ngx_http_social_store_copy_text(ngx_pool_t *pool, social_str_t *s)
{
    u_char  *p;

    p = ngx_pnalloc(pool, s->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (s->len) {
        ngx_memcpy(p, s->data, s->len);
    }

    s->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_store_refuse(ngx_http_request_t *r, social_s3_error_e error,
    social_s3_error_body_t *text)
{
    if (r == r->main
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
        && r->request_body == NULL && !r->discard_body
        && ((r->headers_in.expect != NULL && !r->expect_tested)
            || r->headers_in.content_length_n > NGX_HTTP_SOCIAL_STORE_UNREAD))
    {
        r->expect_tested = 1;
        r->keepalive = 0;
        r->lingering_close = 1;
        r->headers_in.content_length_n = 0;
        r->headers_in.chunked = 0;
    }

    return ngx_http_social_store_error_body(r, error, text);
}


ngx_int_t
ngx_http_social_store_error_page(ngx_http_request_t *r,
    ngx_http_social_error_page_t *page)
{
    social_s3_error_body_t  text;

    ngx_memzero(&text, sizeof(social_s3_error_body_t));

    return ngx_http_social_store_page(r,
               social_s3_error_by_status(r->err_status), &text, page);
}


static ngx_int_t
ngx_http_social_store_page(ngx_http_request_t *r, social_s3_error_e error,
    social_s3_error_body_t *text, ngx_http_social_error_page_t *page)
{
    u_char        *data;
    size_t         size, i;
    ngx_str_t      id;
    social_buf_t   b;
    social_str_t   query;

    if (ngx_http_social_store_headers(r) != NGX_OK
        || ngx_http_social_error_request_id(r, &id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    text->request_id = ngx_http_social_view(&id);
    ngx_http_social_store_split(r, &text->resource, &query);

    /* a byte is six at most when it is escaped */

    size = 1024 + 6 * (text->resource.len + text->message.len + id.len);

    for (i = 0; i < SOCIAL_S3_ERROR_DETAILS; i++) {
        size += 2 * text->details[i].name.len + 8
                + 6 * text->details[i].value.len;
    }

    data = ngx_pnalloc(r->pool, size);
    if (data == NULL) {
        return NGX_ERROR;
    }

    social_buf_init(&b, data, size);
    social_s3_error_write(&b, error, text);

    if (b.rc != SOCIAL_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&page->type, "application/xml");
    page->body.data = data;
    page->body.len = b.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_social_store_headers(ngx_http_request_t *r)
{
    ngx_str_t         id;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    static ngx_str_t  nosniff = ngx_string("nosniff");
    static ngx_str_t  sandbox =
        ngx_string("sandbox; default-src 'none'; frame-ancestors 'none'");

    /* conditions are the store's: nginx has others, and for every method */

    r->disable_not_modified = 1;

    /* a response may become an error after its headers were added */

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].value.data == nosniff.data) {
                return NGX_OK;
            }
        }
    }

    if (ngx_http_social_error_request_id(r, &id) != NGX_OK
        || ngx_http_social_header_out_push(r, "x-amz-request-id", &id) == NULL
        || ngx_http_social_header_out_push(r, "X-Content-Type-Options",
                                           &nosniff)
           == NULL
        || ngx_http_social_header_out_push(r, "Content-Security-Policy",
                                           &sandbox)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_social_store_id(u_char *id)
{
    u_char  b[SOCIAL_STORE_ID_SIZE / 2];

    if (RAND_bytes(b, sizeof(b)) != 1) {
        return NGX_ERROR;
    }

    ngx_hex_dump(id, b, sizeof(b));

    return NGX_OK;
}


void
ngx_http_social_store_split(ngx_http_request_t *r, social_str_t *path,
    social_str_t *query)
{
    u_char  *p, *end;

    end = r->unparsed_uri.data + r->unparsed_uri.len;

    p = ngx_strlchr(r->unparsed_uri.data, end, '?');

    path->data = r->unparsed_uri.data;
    path->len = (p ? p : end) - r->unparsed_uri.data;

    query->data = p ? p + 1 : end;
    query->len = end - query->data;
}


/* the credentials of this moment: their file may have been replaced */

ngx_int_t
ngx_http_social_store_policy(ngx_http_request_t *r,
    ngx_http_social_store_loc_conf_t *slcf, social_sigv4_policy_t *policy)
{
    social_credentials_t   keys;
    social_sigv4_known_t  *known;

    known = ngx_pcalloc(r->pool, sizeof(social_sigv4_known_t));

    if (known == NULL
        || ngx_http_social_bucket_credentials(slcf->bucket, &keys) != NGX_OK)
    {
        return NGX_ERROR;
    }

    known->access_key = keys.access_key;
    known->secrets[0] = keys.secret;
    known->token = keys.token;

    *policy = slcf->policy;
    policy->known = known;

    return NGX_OK;
}


/*
 * The first detail is a name that the client gave, and the message is ours or
 * quotes printable text of a policy: neither is part of a signature or a
 * secret.
 */

void
ngx_http_social_store_log_refused(ngx_http_request_t *r,
    social_s3_error_e error, social_s3_error_body_t *text)
{
    u_char        buf[4 * 64];
    ngx_str_t     code, message, detail;
    social_str_t  value;

    value = text->details[0].value;
    value.len = ngx_min(value.len, 64);

    detail.data = buf;
    detail.len = social_str_printable(buf, value) - buf;

    ngx_http_social_from_str(&code, social_s3_error_code(error));
    ngx_http_social_from_str(&message, text->message);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "social: the store refused a request: %V%s%V%s%V%s", &code,
                  message.len ? ": " : "", &message, detail.len ? " (\"" : "",
                  &detail, detail.len ? "\")" : "");
}
