
/*
 * What a request adds to its lines in the error log, without secrets.
 *
 * nginx appends the whole request line, the upstream's URI and the Referer to
 * every line that it logs for a request.  All three may hold a token or a
 * presigned URL's signature in their arguments, and more people may read an
 * error log than may act as the user.
 */

#include "ngx_http_social_log.h"


static size_t ngx_http_social_log_path_len(u_char *start, size_t len);


u_char *
ngx_http_social_log_error_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_upstream_t       *u;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_snprintf(buf, len, ", server: %V", &cscf->server_name);
    len -= p - buf;
    buf = p;

    if (r->unparsed_uri.len) {
        p = ngx_snprintf(buf, len, ", request: \"%V %*s\"", &r->method_name,
                         ngx_http_social_log_path_len(r->unparsed_uri.data,
                                                      r->unparsed_uri.len),
                         r->unparsed_uri.data);
        len -= p - buf;
        buf = p;
    }

    if (r != sr) {
        p = ngx_snprintf(buf, len, ", subrequest: \"%V\"", &sr->uri);
        len -= p - buf;
        buf = p;
    }

    u = sr->upstream;

    if (u && u->peer.name) {
        p = ngx_snprintf(buf, len, ", upstream: \"%V%V\"", &u->schema,
                         u->peer.name);
        len -= p - buf;
        buf = p;
    }

    if (r->headers_in.host) {
        p = ngx_snprintf(buf, len, ", host: \"%V\"",
                         &r->headers_in.host->value);
        buf = p;
    }

    return buf;
}


static size_t
ngx_http_social_log_path_len(u_char *start, size_t len)
{
    u_char  *p;

    p = ngx_strlchr(start, start + len, '?');

    return p ? (size_t) (p - start) : len;
}
