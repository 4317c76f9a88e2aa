
/*
 * "social_status": the peers of upstreams that are checked.
 */

#include "ngx_http_social_check.h"
#include "ngx_http_social_status.h"


void
ngx_http_social_status_peers(ngx_http_social_status_text_t *t,
    const ngx_http_social_status_t *status)
{
    ngx_uint_t                       i, k;
    ngx_http_social_check_number_t  *number;
    ngx_http_social_status_label_t   labels[NGX_HTTP_SOCIAL_STATUS_LABELS];

    ngx_memzero(labels, sizeof(labels));

    labels[0].name = "upstream";
    labels[1].name = "peer";

    number = status->peers->elts;

    ngx_http_social_status_family(t, "social_upstream_peer_up", "gauge",
        "1 where requests may be passed to the peer, by its health checks.");

    for (i = 0; i < status->peers->nelts; i++) {
        labels[0].value = ngx_http_social_view(&number[i].upstream);
        labels[1].value = ngx_http_social_view(&number[i].peer);

        ngx_http_social_status_labelled(t, labels, number[i].usable, 0);
    }

    ngx_http_social_status_family(t, "social_upstream_peer_checks_total",
        "counter", "Health checks of the peer by outcome.");

    for (i = 0; i < status->peers->nelts; i++) {
        labels[0].value = ngx_http_social_view(&number[i].upstream);
        labels[1].value = ngx_http_social_view(&number[i].peer);
        labels[2].name = "outcome";

        for (k = 0; k < NGX_HTTP_SOCIAL_CHECK_OUTCOMES; k++) {
            labels[2].value = social_str(ngx_http_social_check_outcome(k));

            ngx_http_social_status_labelled(t, labels, number[i].outcomes[k],
                                            0);
        }
    }
}
