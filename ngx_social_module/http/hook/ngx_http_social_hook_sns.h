
/*
 * Messages of SNS: their certificates are fetched by threads, and kept by each
 * process.
 */

#ifndef NGX_HTTP_SOCIAL_HOOK_SNS_H
#define NGX_HTTP_SOCIAL_HOOK_SNS_H


#include "ngx_http_social_task.h"
#include "social_sns_cert.h"


typedef struct ngx_http_social_sns_certs_s  ngx_http_social_sns_certs_t;


/*
 * Who a location takes for SNS.
 */
typedef struct {
    ngx_str_t             host;        /* empty: AWS's */
    ngx_str_t             ca_file;     /* zero-terminated; empty: the system's,
                                          for TLS only */
    ngx_str_t             anchors;     /* what is in it */
} ngx_http_social_sns_trust_t;


/*
 * Called later, unless the request has gone: NGX_OK, or the status to answer
 * with; why is logged.  It ends the request.
 */
typedef void (*ngx_http_social_sns_pt)(ngx_http_request_t *r, ngx_int_t rc,
    void *data);


/*
 * The certificates of a configuration, which has its state behind it.  NULL:
 * out of memory.
 */
ngx_http_social_sns_certs_t *ngx_http_social_sns_certs_create(ngx_conf_t *cf);

/*
 * Verifies a message, whose URLs the caller has checked, and which lives as
 * long as the request.  NGX_OK: SNS has signed it.  NGX_DONE: the handler will
 * be called.  Otherwise the status to answer with; why is logged.
 */
ngx_int_t ngx_http_social_sns_verify(ngx_http_request_t *r,
    const ngx_http_social_sns_trust_t *trust, const social_sns_t *sns,
    ngx_http_social_sns_pt handler, void *data);

/*
 * Confirms a subscription, by a request to the URL of a message that was
 * verified.  NGX_DONE, or the status to answer with, as above.
 */
ngx_int_t ngx_http_social_sns_confirm(ngx_http_request_t *r,
    const ngx_http_social_sns_trust_t *trust, const social_sns_t *sns,
    ngx_http_social_sns_pt handler, void *data);


#endif /* NGX_HTTP_SOCIAL_HOOK_SNS_H */
