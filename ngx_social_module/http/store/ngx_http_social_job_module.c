
/*
 * The "social_job" directive.
 */

#include "ngx_http_social_bucket.h"
#include "ngx_http_social_job.h"


#define NGX_HTTP_SOCIAL_JOB_MAX_NAME  64


/* what a directive said, until all buckets are known */

typedef struct {
    ngx_str_t                    bucket;
    ngx_str_t                    prefix;
    ngx_str_t                    kind;
    ngx_str_t                    queue;
    ngx_http_social_position_t   position;
} ngx_http_social_job_t;


typedef struct {
    ngx_array_t                  jobs;       /* of ngx_http_social_job_t */
    ngx_array_t                  rules;      /* of social_s3_rule_t */
} ngx_http_social_job_main_conf_t;


static char *ngx_http_social_job_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_http_social_job_is_name(ngx_str_t *value);
static ngx_uint_t ngx_http_social_job_is_prefix(ngx_str_t *value);
static void *ngx_http_social_job_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_job_init(ngx_conf_t *cf);


static const ngx_http_social_conf_check_t  ngx_http_social_job_name = {
    ngx_http_social_job_is_name,
    "it must have 1 to 64 characters"
};


static const ngx_http_social_conf_check_t  ngx_http_social_job_prefix = {
    ngx_http_social_job_is_prefix,
    "it must be the beginning of keys, in UTF-8 and without \"/\" before it"
};


static const ngx_http_social_conf_entry_t  ngx_http_social_job_params[] = {

    { ngx_string("prefix"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_job_t, prefix),
      0, 0, &ngx_http_social_job_prefix },

    { ngx_string("kind"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_job_t, kind),
      0, 0, &ngx_http_social_job_name },

    { ngx_string("queue"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_job_t, queue),
      0, 0, &ngx_http_social_job_name },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_job_commands[] = {

    { ngx_string("social_job"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_social_job_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_job_module_ctx = {
    NULL,                                     /* preconfiguration */
    ngx_http_social_job_init,                 /* postconfiguration */

    ngx_http_social_job_create_main_conf,     /* create main configuration */
    NULL,                                     /* init main configuration */

    NULL,                                     /* create server configuration */
    NULL,                                     /* merge server configuration */

    NULL,                                     /* create location conf */
    NULL                                      /* merge location conf */
};


ngx_module_t  ngx_http_social_job_module = {
    NGX_MODULE_V1,
    &ngx_http_social_job_module_ctx,       /* module context */
    ngx_http_social_job_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


const social_s3_rule_t *
ngx_http_social_job_rules(ngx_http_request_t *r, ngx_uint_t *n)
{
    ngx_http_social_job_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_social_job_module);

    *n = jmcf->rules.nelts;

    return jmcf->rules.elts;
}


const social_s3_rule_t *
ngx_http_social_job_rule(social_str_t bucket, social_str_t key)
{
    ngx_http_social_job_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_social_job_module);

    return jmcf != NULL
           ? social_s3_rule_find(jmcf->rules.elts, jmcf->rules.nelts, bucket,
                                 key)
           : NULL;
}


static char *
ngx_http_social_job_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_job_main_conf_t  *jmcf = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_http_social_job_t  *job, *jobs;

    job = ngx_array_push(&jmcf->jobs);
    if (job == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    ngx_memzero(job, sizeof(ngx_http_social_job_t));
    job->bucket = value[1];

    ngx_http_social_conf_position(cf, &job->position);

    if (ngx_http_social_conf_params(cf, ngx_http_social_job_params, 2, 0, 0,
                                    job)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (job->queue.len == 0) {
        ngx_str_set(&job->queue, "images");
    }

    jobs = jmcf->jobs.elts;

    for (i = 0; i < jmcf->jobs.nelts - 1; i++) {

        if (social_str_eq(ngx_http_social_view(&jobs[i].bucket),
                          ngx_http_social_view(&job->bucket))
            && social_str_eq(ngx_http_social_view(&jobs[i].prefix),
                             ngx_http_social_view(&job->prefix)))
        {
            return ngx_http_social_conf_error(cf, NULL,
                       "duplicate prefix \"%V\" of bucket \"%V\" in "
                       "\"social_job\" directive", &job->prefix,
                       &job->bucket);
        }
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_social_job_is_name(ngx_str_t *value)
{
    return value->len <= NGX_HTTP_SOCIAL_JOB_MAX_NAME;
}


static ngx_uint_t
ngx_http_social_job_is_prefix(ngx_str_t *value)
{
    return value->data[0] != '/'
           && social_object_check(ngx_http_social_view(value));
}


static void *
ngx_http_social_job_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_job_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_job_main_conf_t));

    if (jmcf == NULL
        || ngx_array_init(&jmcf->jobs, cf->pool, 2,
                          sizeof(ngx_http_social_job_t))
           != NGX_OK
        || ngx_array_init(&jmcf->rules, cf->pool, 2, sizeof(social_s3_rule_t))
           != NGX_OK)
    {
        return NULL;
    }

    return jmcf;
}


static ngx_int_t
ngx_http_social_job_init(ngx_conf_t *cf)
{
    ngx_uint_t                        i;
    social_s3_rule_t                 *rule;
    ngx_http_social_job_t            *job;
    ngx_http_social_bucket_t         *bucket;
    ngx_http_social_job_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_job_module);

    job = jmcf->jobs.elts;

    for (i = 0; i < jmcf->jobs.nelts; i++) {

        bucket = ngx_http_social_bucket_find(cf, &job[i].bucket);

        if (bucket == NULL) {
            ngx_http_social_conf_error(cf, &job[i].position,
                "unknown bucket \"%V\" (add \"social_bucket %V\" to the "
                "\"http\" block) in \"social_job\" directive",
                &job[i].bucket, &job[i].bucket);
            return NGX_ERROR;
        }

        rule = ngx_array_push(&jmcf->rules);
        if (rule == NULL) {
            return NGX_ERROR;
        }

        rule->bucket = ngx_http_social_view(&bucket->bucket);
        rule->prefix = ngx_http_social_view(&job[i].prefix);
        rule->kind = ngx_http_social_view(&job[i].kind);
        rule->queue = ngx_http_social_view(&job[i].queue);
    }

    return NGX_OK;
}
