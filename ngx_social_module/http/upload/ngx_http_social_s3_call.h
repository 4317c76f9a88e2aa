
/*
 * Requests to S3 on behalf of a request, in threads.
 */

#ifndef NGX_HTTP_SOCIAL_S3_CALL_H
#define NGX_HTTP_SOCIAL_S3_CALL_H


#include "ngx_http_social.h"


/*
 * Those of a worker process.
 */
typedef struct {
    ngx_uint_t                  needed;        /* by the configuration */
    ngx_thread_pool_t          *thread_pool;
    ngx_queue_t                 waiting;
    ngx_uint_t                  waits;
    ngx_uint_t                  running;
} ngx_http_social_s3_calls_t;


typedef struct {
    const char                 *method;        /* static */
    social_str_t                url;           /* signed */
    social_str_t                type;          /* Content-Type; may be empty */
    social_str_t                body;
    ngx_str_t                   ca_file;       /* empty: the system's */
    ngx_msec_t                  timeout;       /* under a minute */
} ngx_http_social_s3_ask_t;


/*
 * Status 0: there was no answer, and "code" says why.  The views are valid in
 * the handler only.
 */
typedef struct {
    ngx_uint_t                  status;
    social_str_t                code;          /* of an error of S3; printable
                                                  ASCII */
    social_str_t                text;          /* of a 2xx, all of it */
} ngx_http_social_s3_answer_t;


/*
 * Returns what is for ngx_http_finalize_request(), or NGX_DONE.
 */
typedef ngx_int_t (*ngx_http_social_s3_handler_pt)(ngx_http_request_t *r,
    const ngx_http_social_s3_answer_t *answer);


/* ngx_http_social_s3_call.c */

/*
 * Sends a request: all of it is copied, and the URL is overwritten after its
 * use.  The handler is called later, unless the client has gone.  NGX_DONE, or
 * 503 where too many wait; or what is for ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_s3_call(ngx_http_request_t *r,
    ngx_http_social_s3_calls_t *calls, const ngx_http_social_s3_ask_t *ask,
    ngx_http_social_s3_handler_pt handler);


#endif /* NGX_HTTP_SOCIAL_S3_CALL_H */
