
/*
 * One check of a peer: a connection, with TLS or not, and a request of HTTP/1.1
 * on it.  All of it has to end in "timeout"; nothing waits.
 */

#include "ngx_http_social_check.h"


/* what is read at once, so that no peer keeps the event loop */

#define NGX_HTTP_SOCIAL_CHECK_READ   4096
#define NGX_HTTP_SOCIAL_CHECK_READS  8


static void ngx_http_social_check_connected(ngx_event_t *ev);
static ngx_err_t ngx_http_social_check_error(ngx_connection_t *c);
#if (NGX_HTTP_SSL)
static void ngx_http_social_check_handshake(ngx_http_social_check_t *check);
static void ngx_http_social_check_handshaken(ngx_connection_t *c);
static ngx_int_t ngx_http_social_check_name(ngx_connection_t *c,
    ngx_http_social_check_conf_t *conf);
#endif
static void ngx_http_social_check_established(ngx_http_social_check_t *check);
static void ngx_http_social_check_send(ngx_event_t *ev);
static void ngx_http_social_check_sent(ngx_event_t *ev);
static void ngx_http_social_check_read(ngx_event_t *ev);
static void ngx_http_social_check_answered(ngx_http_social_check_t *check);
static ngx_uint_t ngx_http_social_check_body(ngx_http_social_check_t *check);


void
ngx_http_social_check_begin(ngx_http_social_check_t *check)
{
    size_t                         size;
    ngx_int_t                      rc;
    ngx_connection_t              *c;
    ngx_http_social_check_conf_t  *conf;

    conf = check->conf;

    check->started = ngx_current_msec;
    check->sent = 0;
    check->answer = NULL;
    check->err = 0;
    check->why = NULL;

    /* what is wrong with a peer is logged once, and not by nginx each time */

    check->log = *ngx_cycle->log;
    check->log.log_level = ngx_min(check->log.log_level, NGX_LOG_ALERT);
    check->log.connection = 0;
    check->log.handler = NULL;
    check->log.action = NULL;

    check->pool = ngx_create_pool(1024, ngx_cycle->log);
    if (check->pool == NULL) {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
        return;
    }

    if (conf->type == NGX_HTTP_SOCIAL_CHECK_HTTP) {

        size = conf->body.len ? NGX_HTTP_SOCIAL_CHECK_BODY : 0;

#if (NGX_PCRE)
        if (conf->regex != NULL) {
            size = NGX_HTTP_SOCIAL_CHECK_MATCHED;
        }
#endif

        check->answer = ngx_palloc(check->pool,
                                   sizeof(social_answer_t) + size);
        if (check->answer == NULL) {
            check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
            return;
        }

        social_answer_init(check->answer, (u_char *) check->answer
                                          + sizeof(social_answer_t), size);
    }

    check->address = check->sockaddr;

    if (conf->port && check->address.sockaddr.sa_family != AF_UNIX) {
        ngx_inet_set_port(&check->address.sockaddr, (in_port_t) conf->port);
    }

    ngx_memzero(&check->peer, sizeof(ngx_peer_connection_t));

    check->peer.sockaddr = &check->address.sockaddr;
    check->peer.socklen = check->socklen;
    check->peer.name = &check->name;
    check->peer.get = ngx_event_get_peer;
    check->peer.log = &check->log;
    check->peer.log_error = NGX_ERROR_ERR;

    ngx_add_timer(&check->timer, conf->timeout);

    rc = ngx_event_connect_peer(&check->peer);

    if (rc == NGX_DECLINED) {
        check->err = ngx_socket_errno;
        check->done(check, NGX_HTTP_SOCIAL_CHECK_UNREACHABLE);
        return;
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
        return;
    }

    c = check->peer.connection;

    c->data = check;
    c->pool = check->pool;
    c->log = &check->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->sendfile = 0;
    c->read->handler = ngx_http_social_check_connected;
    c->write->handler = ngx_http_social_check_connected;

    if (rc == NGX_OK) {
        ngx_http_social_check_connected(c->write);
    }
}


void
ngx_http_social_check_close(ngx_http_social_check_t *check)
{
    ngx_connection_t  *c;

    if (check->timer.timer_set) {
        ngx_del_timer(&check->timer);
    }

    if (check->pool == NULL) {
        return;
    }

    c = check->peer.connection;

    if (c != NULL) {
        check->peer.connection = NULL;

#if (NGX_HTTP_SSL)
        if (c->ssl) {

            /* nothing is sent, so that there is nothing to wait for */

            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;

            (void) ngx_ssl_shutdown(c);
        }
#endif

        ngx_close_connection(c);
    }

    ngx_destroy_pool(check->pool);

    check->pool = NULL;
    check->answer = NULL;
}


static void
ngx_http_social_check_connected(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_social_check_t  *check;

    c = ev->data;
    check = c->data;

    check->err = ngx_http_social_check_error(c);

    if (check->err) {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_UNREACHABLE);
        return;
    }

#if (NGX_HTTP_SSL)
    if (check->conf->tls) {
        ngx_http_social_check_handshake(check);
        return;
    }
#endif

    ngx_http_social_check_established(check);
}


static ngx_err_t
ngx_http_social_check_error(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    /* Linux returns the error in "err", Solaris in errno */

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


#if (NGX_HTTP_SSL)

static void
ngx_http_social_check_handshake(ngx_http_social_check_t *check)
{
    ngx_connection_t              *c;
    ngx_http_social_check_conf_t  *conf;

    c = check->peer.connection;
    conf = check->conf;

    if (ngx_ssl_create_connection(&conf->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
        return;
    }

    /* addresses are not server names (RFC 6066, 3); zero-terminated */

    if (!conf->tls_address
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) conf->tls_name.data)
           == 0)
    {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
        return;
    }

    c->ssl->handler = ngx_http_social_check_handshaken;

    if (ngx_ssl_handshake(c) != NGX_AGAIN) {
        ngx_http_social_check_handshaken(c);
    }
}


static void
ngx_http_social_check_handshaken(ngx_connection_t *c)
{
    long                      rc;
    ngx_http_social_check_t  *check;

    check = c->data;

    if (!c->ssl->handshaked) {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_TLS);
        return;
    }

    if (check->conf->tls_verify) {

        rc = SSL_get_verify_result(c->ssl->connection);

        if (rc != X509_V_OK) {
            check->why = X509_verify_cert_error_string(rc);
            check->done(check, NGX_HTTP_SOCIAL_CHECK_TLS);
            return;
        }

        if (ngx_http_social_check_name(c, check->conf) != NGX_OK) {
            check->why = "its certificate is of another name";
            check->done(check, NGX_HTTP_SOCIAL_CHECK_TLS);
            return;
        }
    }

    ngx_http_social_check_established(check);
}


/*
 * Addresses are in certificates as such (RFC 6125, B.2), and
 * ngx_ssl_check_host() looks for names only.
 */

static ngx_int_t
ngx_http_social_check_name(ngx_connection_t *c,
    ngx_http_social_check_conf_t *conf)
{
    int    rc;
    X509  *cert;

    if (!conf->tls_address) {
        return ngx_ssl_check_host(c, &conf->tls_name);
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_check_ip_asc(cert, (char *) conf->tls_name.data, 0);

    X509_free(cert);

    return rc == 1 ? NGX_OK : NGX_ERROR;
}

#endif


static void
ngx_http_social_check_established(ngx_http_social_check_t *check)
{
    ngx_connection_t  *c;

    if (check->conf->type == NGX_HTTP_SOCIAL_CHECK_TCP) {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_PASSED);
        return;
    }

    c = check->peer.connection;

    c->read->handler = ngx_http_social_check_read;
    c->write->handler = ngx_http_social_check_send;

    ngx_http_social_check_send(c->write);
}


static void
ngx_http_social_check_send(ngx_event_t *ev)
{
    ssize_t                   n;
    ngx_str_t                *request;
    ngx_connection_t         *c;
    ngx_http_social_check_t  *check;

    c = ev->data;
    check = c->data;
    request = &check->conf->request;

    while (check->sent < request->len) {

        n = c->send(c, request->data + check->sent,
                    request->len - check->sent);

        if (n == NGX_AGAIN) {

            if (ngx_handle_write_event(ev, 0) != NGX_OK) {
                check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
            }

            return;
        }

        if (n < 0) {
            check->done(check, NGX_HTTP_SOCIAL_CHECK_CLOSED);
            return;
        }

        check->sent += n;
    }

    ev->handler = ngx_http_social_check_sent;

    /* "select" and "poll" would have it at once, again and again */

    if (ngx_handle_write_event(ev, 0) != NGX_OK) {
        check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
        return;
    }

    /* also arms the event: with TLS, what came may have been read already */

    ngx_http_social_check_read(c->read);
}


static void
ngx_http_social_check_sent(ngx_event_t *ev)
{
    /* void */
}


static void
ngx_http_social_check_read(ngx_event_t *ev)
{
    ssize_t                   n;
    ngx_uint_t                i;
    social_rc_e               rc;
    social_str_t              bytes;
    ngx_connection_t         *c;
    ngx_http_social_check_t  *check;
    u_char                    buf[NGX_HTTP_SOCIAL_CHECK_READ];

    c = ev->data;
    check = c->data;

    for (i = 0; i < NGX_HTTP_SOCIAL_CHECK_READS; i++) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(ev, 0) != NGX_OK) {
                check->done(check, NGX_HTTP_SOCIAL_CHECK_NOT_MADE);
            }

            return;
        }

        if (n == NGX_ERROR) {
            check->done(check, NGX_HTTP_SOCIAL_CHECK_CLOSED);
            return;
        }

        bytes.data = buf;
        bytes.len = n;

        rc = n ? social_answer_read(check->answer, bytes)
               : social_answer_end(check->answer);

        if (rc == SOCIAL_OK) {
            ngx_http_social_check_answered(check);
            return;
        }

        if (rc == SOCIAL_MALFORMED) {
            check->why = check->answer->why;
            check->done(check, n ? NGX_HTTP_SOCIAL_CHECK_INVALID
                                 : NGX_HTTP_SOCIAL_CHECK_CLOSED);
            return;
        }
    }

    ngx_post_event(ev, &ngx_posted_next_events);
}


static void
ngx_http_social_check_answered(ngx_http_social_check_t *check)
{
    ngx_uint_t                      i, status, found;
    ngx_array_t                    *ranges;
    ngx_http_social_check_range_t  *range;

    status = check->answer->status;
    ranges = check->conf->status;

    if (ranges == NULL) {
        found = (status >= 200 && status <= 399);

    } else {
        found = 0;
        range = ranges->elts;

        for (i = 0; i < ranges->nelts; i++) {
            found |= (status >= range[i].first && status <= range[i].last);
        }
    }

    check->done(check, !found ? NGX_HTTP_SOCIAL_CHECK_STATUS
                       : ngx_http_social_check_body(check)
                         ? NGX_HTTP_SOCIAL_CHECK_PASSED
                         : NGX_HTTP_SOCIAL_CHECK_MISMATCH);
}


static ngx_uint_t
ngx_http_social_check_body(ngx_http_social_check_t *check)
{
    ngx_str_t  body, *text;

    text = &check->conf->body;

    if (text->len == 0) {
        return 1;
    }

    body.len = check->answer->len;
    body.data = check->answer->body;

#if (NGX_PCRE)
    if (check->conf->regex != NULL) {

        /* a limit of the pattern that is reached is an error: no match */

        return ngx_regex_exec(check->conf->regex, &body, NULL, 0) >= 0;
    }
#endif

    return memmem(body.data, body.len, text->data, text->len) != NULL;
}
