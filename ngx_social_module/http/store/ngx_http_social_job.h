
/*
 * "social_job": objects that become jobs although no upload is known of them.
 */

#ifndef NGX_HTTP_SOCIAL_JOB_H
#define NGX_HTTP_SOCIAL_JOB_H


#include "ngx_http_social.h"
#include "social_s3_event.h"


/*
 * The rules of the request's configuration, "n" of them.
 */
const social_s3_rule_t *ngx_http_social_job_rules(ngx_http_request_t *r,
    ngx_uint_t *n);

/*
 * The rule of this process's configuration for an object, or NULL.
 */
const social_s3_rule_t *ngx_http_social_job_rule(social_str_t bucket,
    social_str_t key);


#endif /* NGX_HTTP_SOCIAL_JOB_H */
