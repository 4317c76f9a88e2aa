
/*
 * Hooks: events that others send, written to the database before they are
 * answered.
 */

#ifndef NGX_HTTP_SOCIAL_HOOK_H
#define NGX_HTTP_SOCIAL_HOOK_H


#include "ngx_http_social_content.h"
#include "ngx_http_social_counters.h"
#include "ngx_http_social_hook_params.h"
#include "ngx_http_social_hook_sns.h"
#include "ngx_http_social_hook_spool.h"
#include "ngx_http_social_secret.h"
#include "social_sigv4_verify.h"


#define NGX_HTTP_SOCIAL_UNPROCESSABLE  422


typedef enum {
    NGX_HTTP_SOCIAL_HOOK_NONE = 0,
    NGX_HTTP_SOCIAL_HOOK_COGNITO,
    NGX_HTTP_SOCIAL_HOOK_LAMBDA,
    NGX_HTTP_SOCIAL_HOOK_S3
} ngx_http_social_hook_form_e;


typedef struct {
    ngx_array_t                   spools;        /* of
                                          ngx_http_social_hook_spool_t * */
    ngx_flag_t                    sns;           /* a location has topics */
    ngx_thread_pool_t            *thread_pool;   /* for SNS */
    ngx_http_social_sns_certs_t  *certs;         /* state behind the conf */
} ngx_http_social_hook_main_conf_t;


typedef struct {
    ngx_http_social_content_t     content;
    ngx_uint_t                    form;          /* of the enum above */
    ngx_flag_t                    insecure;
    ngx_flag_t                    strict;
    ngx_array_t                  *pools;         /* of social_str_t; NULL:
                                                    any */
    ngx_array_t                  *clients;       /* the same */
    ngx_str_t                     spool_path;    /* zero-terminated, or empty */
    ngx_uint_t                    spool_events;
    size_t                        spool_size;
    ngx_http_social_hook_spool_t *spool;         /* NULL: none */

    /* cognito, s3 */
    ngx_str_t                     secret_name;
    ngx_http_social_secret_t     *secret;        /* NULL: insecure */

    /* lambda */
    ngx_str_t                     function;
    ngx_str_t                     region;
    social_sigv4_known_t          known;         /* no key: insecure */

    /* s3 */
    ngx_str_t                     token_name;
    ngx_http_social_secret_t     *token;         /* NULL: none */
    ngx_array_t                  *topics;        /* of social_str_t, or NULL */
    ngx_http_social_sns_trust_t   sns;
} ngx_http_social_hook_loc_conf_t;


/*
 * How a form of the hook answers: "accepted" after the commit, or when there
 * was nothing to write; "refused" with a status and, where there is one, the
 * field that is wrong and why; "denied" with what Cognito is to show to a user
 * who may not sign up, any text, which lives as long as the call.  All return
 * what is for ngx_http_finalize_request().
 */
typedef struct {
    ngx_int_t  (*accepted)(ngx_http_request_t *r, ngx_str_t *body);
    ngx_int_t  (*refused)(ngx_http_request_t *r, ngx_uint_t status,
                   const char *field, const char *why);
    ngx_int_t  (*denied)(ngx_http_request_t *r, ngx_str_t *text);
} ngx_http_social_hook_answer_t;


/*
 * What is known of an event but for what is in it.
 */
typedef struct {
    const ngx_http_social_hook_answer_t  *answer;
    ngx_http_social_hook_origin_t         origin;
} ngx_http_social_hook_sent_t;


extern ngx_module_t  ngx_http_social_hook_module;


/* ngx_http_social_hook.c */

/*
 * Counts an event that is answered with that status, 4xx or 5xx.
 */
void ngx_http_social_hook_count_error(ngx_uint_t status);

/*
 * Whether the request is a webhook that was signed with the location's secret;
 * where there is none, all are.  NGX_OK: "origin" has the id of the event and
 * the time at which it was signed, where that is known.  Otherwise the status
 * to answer with; why is logged.
 */
ngx_int_t ngx_http_social_hook_verify(ngx_http_request_t *r, social_str_t body,
    ngx_http_social_hook_origin_t *origin);

/*
 * The content handler of "social_hook cognito".
 */
ngx_int_t ngx_http_social_hook_cognito_handler(ngx_http_request_t *r);

/*
 * Processes the event in "body", and ends the request by "sent->answer", now or
 * after the commit.  The caller has verified the sender of the event; "body"
 * and the id live as long as the request, "sent" as long as the call.
 */
void ngx_http_social_hook_event(ngx_http_request_t *r, social_str_t body,
    const ngx_http_social_hook_sent_t *sent);

/*
 * A JSON object from "before", "text" as the inside of a string, and "after",
 * in r->pool.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_hook_json(ngx_http_request_t *r, const char *before,
    ngx_str_t *text, const char *after, ngx_str_t *out);

/*
 * Whether a list has the item; no list has any.
 */
ngx_uint_t ngx_http_social_hook_has(ngx_array_t *list, social_str_t item);

/*
 * A request header, empty if there is none; "more" is set if there are
 * several.
 */
social_str_t ngx_http_social_hook_header(ngx_http_request_t *r,
    const char *name, ngx_uint_t *more);


/* ngx_http_social_hook_lambda.c */

/*
 * The content handler of "social_hook lambda".
 */
ngx_int_t ngx_http_social_hook_lambda_handler(ngx_http_request_t *r);


/* ngx_http_social_hook_s3.c */

/*
 * The content handler of "social_hook s3".
 */
ngx_int_t ngx_http_social_hook_s3_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_SOCIAL_HOOK_H */
