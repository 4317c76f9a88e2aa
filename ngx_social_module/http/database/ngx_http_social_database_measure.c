
/*
 * What the connections of a worker are doing, in numbers.
 */

#include "ngx_http_social_dispatch.h"


void
ngx_http_social_database_measure(ngx_http_social_database_t *db,
    ngx_http_social_counters_t *counters)
{
    ngx_uint_t                     i;
    uint64_t                       up, connecting, sent;
    ngx_http_social_connection_t  *conn;

    up = 0;
    connecting = 0;
    sent = 0;

    for (i = 0; i < db->conf->connections; i++) {
        conn = &db->pool[i].conn;

        switch (conn->state) {

        case NGX_HTTP_SOCIAL_CONNECTION_UP:
            up++;
            sent += ngx_http_social_connection_pending(conn);
            break;

        case NGX_HTTP_SOCIAL_CONNECTION_CONNECTING:
            connecting++;
            break;

        default:
            break;
        }
    }

    counters->gauges[NGX_HTTP_SOCIAL_GAUGE_UP] = up;
    counters->gauges[NGX_HTTP_SOCIAL_GAUGE_CONNECTING] = connecting;
    counters->gauges[NGX_HTTP_SOCIAL_GAUGE_DOWN] = db->conf->connections - up
                                                   - connecting;
    counters->gauges[NGX_HTTP_SOCIAL_GAUGE_SENT] = sent;
    counters->gauges[NGX_HTTP_SOCIAL_GAUGE_QUEUED] = db->waiters;
}
