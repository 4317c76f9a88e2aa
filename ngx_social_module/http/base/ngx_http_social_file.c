
/*
 * Small files that a configuration names: secrets, credentials, key sets.
 */

#include "ngx_http_social.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>


char *
ngx_http_social_conf_read_file(ngx_conf_t *cf, ngx_str_t *path, size_t max,
    ngx_str_t *text)
{
    u_char           *buf;
    size_t            size;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);

        if (fd != NGX_INVALID_FILE) {
            ngx_close_file(fd);
        }

        return NGX_CONF_ERROR;
    }

    size = (size_t) ngx_file_size(&fi);

    if (!ngx_is_file(&fi) || size == 0 || size > max) {
        ngx_close_file(fd);
        return ngx_http_social_conf_error(cf, NULL,
                   "\"%V\" is not a file of 1 to %uz bytes", path, max);
    }

    buf = ngx_pnalloc(cf->pool, size + 1);
    if (buf == NULL) {
        ngx_close_file(fd);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, size);

    ngx_close_file(fd);

    if (n != (ssize_t) size) {
        return ngx_http_social_conf_error(cf, NULL,
                   ngx_read_fd_n " \"%V\" returned only %z bytes instead of "
                   "%uz", path, n, size);
    }

    buf[size] = '\0';

    text->data = buf;
    text->len = size;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_social_file_has_certificates(ngx_str_t *file)
{
    ngx_uint_t   ok;
    X509_STORE  *store;

    store = X509_STORE_new();

    ok = store && X509_STORE_load_file(store, (char *) file->data) == 1;

    X509_STORE_free(store);
    ERR_clear_error();

    return ok;
}
