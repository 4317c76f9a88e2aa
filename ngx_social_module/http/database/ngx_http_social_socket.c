
/*
 * nginx's side of a connection that is libpq's.
 */

#include "ngx_http_social_connection.h"


ngx_connection_t *
ngx_http_social_socket_open(social_pq_t *pq, void *data,
    ngx_event_handler_pt read, ngx_event_handler_pt write)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(social_pq_socket(pq), ngx_cycle->log);
    if (c == NULL) {
        return NULL;
    }

    c->data = data;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->idle = 1;

    c->read->handler = read;
    c->write->handler = write;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NULL;
    }

    return c;
}


ngx_int_t
ngx_http_social_socket_flush(ngx_connection_t *c, social_pq_t *pq)
{
    ngx_event_t  *wev;

    wev = c->write;

    switch (social_pq_flush(pq)) {

    case SOCIAL_OK:
        if (wev->active) {
            return ngx_del_event(wev, NGX_WRITE_EVENT, 0);
        }

        return NGX_OK;

    case SOCIAL_DECLINED:
        if (!wev->active) {
            return ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
        }

        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


/*
 * The socket is libpq's, which closes it, or has done so when reading failed:
 * the number may be another's by now, of a thread that connects.  nginx has
 * only to forget it, without a call to the kernel.
 */

void
ngx_http_social_socket_forget(ngx_connection_t *c)
{
    if (ngx_del_conn) {
        ngx_del_conn(c, NGX_CLOSE_EVENT);

    } else {
        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
        }
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}
