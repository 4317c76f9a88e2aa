
/*
 * "social_sub_hash": a pseudonym of the subject for logs, $social_sub_hash.
 * Lines of one user still belong together, and who has only the logs cannot
 * say whose they are: without the secret, a subject that is known to somebody
 * cannot be hashed and compared, as it could be with a plain digest.
 */

#include "ngx_http_social_auth.h"
#include "ngx_http_social_secret.h"
#include "social_crypto.h"


/* 128 bits: no two subjects have the same one */

#define NGX_HTTP_SOCIAL_SUB_HASH_SIZE  16


typedef struct {
    ngx_str_t                   secret_name;
    ngx_http_social_secret_t   *secret;
    ngx_http_social_position_t  position;
    ngx_int_t                   issuer;        /* indices of variables */
    ngx_int_t                   subject;
} ngx_http_social_sub_hash_main_conf_t;


static ngx_int_t ngx_http_social_sub_hash_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_social_sub_hash_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *issuer, ngx_http_variable_value_t *subject,
    social_str_t *text);

static char *ngx_http_social_sub_hash_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_social_sub_hash_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_social_sub_hash_init(ngx_conf_t *cf);


static ngx_http_variable_t  ngx_http_social_sub_hash_variables[] = {

    { ngx_string("social_sub_hash"), NULL, ngx_http_social_sub_hash_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static const ngx_http_social_conf_entry_t
    ngx_http_social_sub_hash_params[] =
{
    { ngx_string("secret"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_sub_hash_main_conf_t, secret_name),
      0, 0, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_sub_hash_commands[] = {

    { ngx_string("social_sub_hash"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_social_sub_hash_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_sub_hash_module_ctx = {
    NULL,                                      /* preconfiguration */
    ngx_http_social_sub_hash_init,             /* postconfiguration */

    ngx_http_social_sub_hash_create_main_conf, /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server configuration */
    NULL,                                      /* merge server configuration */

    NULL,                                      /* create location configuration
                                                */
    NULL                                       /* merge location configuration
                                                */
};


ngx_module_t  ngx_http_social_sub_hash_module = {
    NGX_MODULE_V1,
    &ngx_http_social_sub_hash_module_ctx,  /* module context */
    ngx_http_social_sub_hash_commands,     /* module directives */
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


/*
 * $social_sub_hash: 32 hexadecimal digits, or not found where $social_sub is
 * not.
 */

static ngx_int_t
ngx_http_social_sub_hash_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                                 mac[SOCIAL_SHA256_SIZE];
    social_str_t                           text;
    ngx_http_variable_value_t             *issuer, *subject;
    ngx_http_social_sub_hash_main_conf_t  *shmcf;

    shmcf = ngx_http_get_module_main_conf(r, ngx_http_social_sub_hash_module);

    subject = ngx_http_get_flushed_variable(r, shmcf->subject);
    issuer = ngx_http_get_flushed_variable(r, shmcf->issuer);

    if (subject == NULL || issuer == NULL) {
        return NGX_ERROR;
    }

    if (subject->not_found || subject->len == 0 || issuer->not_found) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, 2 * NGX_HTTP_SOCIAL_SUB_HASH_SIZE);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_social_sub_hash_text(r, issuer, subject, &text) != NGX_OK
        || social_hmac_sha256(shmcf->secret->values[0], text, mac)
           != SOCIAL_OK)
    {
        return NGX_ERROR;
    }

    ngx_hex_dump(v->data, mac, NGX_HTTP_SOCIAL_SUB_HASH_SIZE);

    v->len = 2 * NGX_HTTP_SOCIAL_SUB_HASH_SIZE;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * The issuer, a newline, the subject: two issuers may have the same subject.
 */

static ngx_int_t
ngx_http_social_sub_hash_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *issuer, ngx_http_variable_value_t *subject,
    social_str_t *text)
{
    u_char  *p;

    text->len = issuer->len + 1 + subject->len;

    p = ngx_pnalloc(r->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    p = ngx_cpymem(p, issuer->data, issuer->len);
    *p++ = '\n';
    ngx_memcpy(p, subject->data, subject->len);

    return NGX_OK;
}


/*
 * The variable exists where the directive does: a log format that uses it
 * without a secret is an error, not a log without users.
 */

static char *
ngx_http_social_sub_hash_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_social_sub_hash_main_conf_t  *shmcf = conf;

    ngx_http_variable_t  *var, *v;

    if (shmcf->secret_name.data) {
        return ngx_http_social_conf_duplicate(cf);
    }

    ngx_http_social_conf_position(cf, &shmcf->position);

    v = ngx_http_social_sub_hash_variables;

    var = ngx_http_add_variable(cf, &v->name, v->flags);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    var->get_handler = v->get_handler;

    return ngx_http_social_conf_params(cf, ngx_http_social_sub_hash_params, 1,
                                       0, 0, shmcf);
}


static void *
ngx_http_social_sub_hash_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_social_sub_hash_main_conf_t));
}


static ngx_int_t
ngx_http_social_sub_hash_init(ngx_conf_t *cf)
{
    ngx_str_t                              issuer, subject;
    ngx_http_social_sub_hash_main_conf_t  *shmcf;

    shmcf = ngx_http_conf_get_module_main_conf(cf,
                ngx_http_social_sub_hash_module);

    if (shmcf->secret_name.data == NULL) {
        return NGX_OK;
    }

    shmcf->secret = ngx_http_social_secret_find(cf, &shmcf->secret_name);

    if (shmcf->secret == NULL) {
        (void) ngx_http_social_conf_error(cf, &shmcf->position,
                   "unknown secret \"%V\" (add \"social_secret %V\" to the "
                   "\"http\" block) in \"social_sub_hash\" directive",
                   &shmcf->secret_name, &shmcf->secret_name);
        return NGX_ERROR;
    }

    ngx_str_set(&issuer, "social_issuer");
    ngx_str_set(&subject, "social_sub");

    shmcf->issuer = ngx_http_get_variable_index(cf, &issuer);
    shmcf->subject = ngx_http_get_variable_index(cf, &subject);

    if (shmcf->issuer == NGX_ERROR || shmcf->subject == NGX_ERROR) {
        return NGX_ERROR;
    }

    return NGX_OK;
}
