
/*
 * "social_auth_dpop": which proofs are accepted, and what all processes share
 * about them.
 */

#include "ngx_http_social_binding.h"
#include "ngx_http_social_resource.h"


#define NGX_HTTP_SOCIAL_DPOP_AGE         60
#define NGX_HTTP_SOCIAL_DPOP_MAX_AGE     3600

/* all that one client may have us verify, for less than a millisecond each */
#define NGX_HTTP_SOCIAL_DPOP_ALGORITHMS                                       \
    (social_algorithm_bit(SOCIAL_ALGORITHM_RS256)                             \
     | social_algorithm_bit(SOCIAL_ALGORITHM_PS256)                           \
     | social_algorithm_bit(SOCIAL_ALGORITHM_ES256)                           \
     | social_algorithm_bit(SOCIAL_ALGORITHM_EDDSA)                           \
     | social_algorithm_bit(SOCIAL_ALGORITHM_ED25519))


typedef struct {
    ngx_http_social_dpop_t  *dpop;          /* NULL: off */
} ngx_http_social_dpop_loc_conf_t;


static char *ngx_http_social_dpop_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_social_dpop_origin(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static char *ngx_http_social_dpop_algorithms(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);
static ngx_int_t ngx_http_social_dpop_names(ngx_conf_t *cf,
    ngx_http_social_dpop_t *dpop);
static void *ngx_http_social_dpop_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_social_dpop_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_social_dpop_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_social_dpop_resolve(ngx_conf_t *cf,
    ngx_http_social_dpop_t *dpop);
static ngx_int_t ngx_http_social_dpop_init(ngx_conf_t *cf);
static void ngx_http_social_dpop_cleanup(void *data);
static ngx_int_t ngx_http_social_dpop_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);


static const ngx_http_social_conf_entry_t  ngx_http_social_dpop_params[] = {

    { ngx_string("origin"),
      NGX_HTTP_SOCIAL_CONF_REQUIRED|NGX_HTTP_SOCIAL_CONF_REPEAT,
      ngx_http_social_dpop_origin,
      offsetof(ngx_http_social_dpop_t, origins), 0, 0, NULL },

    { ngx_string("algorithms"),
      0,
      ngx_http_social_dpop_algorithms,
      offsetof(ngx_http_social_dpop_t, policy), 0, 0, NULL },

    { ngx_string("max_age"),
      0,
      ngx_http_social_conf_sec,
      offsetof(ngx_http_social_dpop_t, max_age),
      1, NGX_HTTP_SOCIAL_DPOP_MAX_AGE, NULL },

    { ngx_string("nonce"),
      0,
      ngx_http_social_conf_flag,
      offsetof(ngx_http_social_dpop_t, nonce), 0, 0, NULL },

    { ngx_string("secret"),
      0,
      ngx_http_social_conf_word,
      offsetof(ngx_http_social_dpop_t, secret), 0, 0, NULL },

      ngx_http_social_conf_null_entry
};


static ngx_command_t  ngx_http_social_dpop_commands[] = {

    { ngx_string("social_auth_dpop"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_social_dpop_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_social_dpop_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_social_dpop_init,             /* postconfiguration */

    ngx_http_social_dpop_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_social_dpop_create_loc_conf,  /* create location configuration */
    ngx_http_social_dpop_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_social_dpop_module = {
    NGX_MODULE_V1,
    &ngx_http_social_dpop_module_ctx,      /* module context */
    ngx_http_social_dpop_commands,         /* module directives */
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


ngx_http_social_dpop_t *
ngx_http_social_dpop(ngx_http_request_t *r)
{
    ngx_http_social_dpop_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_social_dpop_module);

    return dlcf->dpop;
}


static char *
ngx_http_social_dpop_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_social_dpop_loc_conf_t *dlcf = conf;

    ngx_str_t                          *value;
    ngx_http_social_dpop_t             *dpop, **slot;
    ngx_http_social_dpop_main_conf_t   *dmcf;

    value = cf->args->elts;

    if (dlcf->dpop != NGX_CONF_UNSET_PTR) {
        return ngx_http_social_conf_duplicate(cf);
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts != 2) {
            return ngx_http_social_conf_error(cf, NULL,
                       "\"off\" has parameters in \"social_auth_dpop\" "
                       "directive");
        }

        dlcf->dpop = NULL;

        return NGX_CONF_OK;
    }

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_dpop_module);

    dpop = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_dpop_t));
    slot = ngx_array_push(dmcf->dpops);

    if (dpop == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = dpop;
    dlcf->dpop = dpop;

    ngx_http_social_conf_position(cf, &dpop->position);

    if (ngx_strcmp(value[1].data, "required") == 0) {
        dpop->mode = NGX_HTTP_SOCIAL_BINDING_REQUIRED;

    } else if (ngx_strcmp(value[1].data, "optional") == 0) {
        dpop->mode = NGX_HTTP_SOCIAL_BINDING_OPTIONAL;

    } else {
        return ngx_http_social_conf_error(cf, NULL,
                   "invalid parameter \"%V\" in \"social_auth_dpop\" "
                   "directive, the first one must be \"off\", \"optional\" or "
                   "\"required\"", &value[1]);
    }

    dpop->max_age = NGX_HTTP_SOCIAL_DPOP_AGE;

    if (ngx_http_social_conf_params(cf, ngx_http_social_dpop_params, 2, 0, 0,
                                    dpop)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (dpop->secret.len && !dpop->nonce) {
        return ngx_http_social_conf_error(cf, NULL,
                   "\"secret\" without \"nonce=on\" in \"social_auth_dpop\" "
                   "directive");
    }

    if (dpop->policy.algorithms == 0) {
        dpop->policy.algorithms = NGX_HTTP_SOCIAL_DPOP_ALGORITHMS;
    }

    dpop->policy.origins = dpop->origins->elts;
    dpop->policy.n_origins = dpop->origins->nelts;
    dpop->policy.max_age = dpop->max_age;

    return ngx_http_social_dpop_names(cf, dpop) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


/*
 * Kept in the form that it has in a URL which is compared with it.
 */

static char *
ngx_http_social_dpop_origin(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_dpop_t *dpop = conf;

    size_t         size;
    u_char        *p;
    ngx_uint_t     i;
    social_buf_t   b;
    social_str_t   rest, origin, *origins;

    size = social_normal_size(value->len);

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    social_buf_init(&b, p, size);

    if (social_normal_origin(ngx_http_social_view(value), &b, &rest)
        != SOCIAL_OK
        || rest.len != 0)
    {
        return ngx_http_social_conf_invalid(cf, entry, value,
                   "it must be \"https://\" or \"http://\", a host, and at "
                   "most a port");
    }

    origin = social_buf_since(&b, 0);

    if (dpop->origins == NULL) {

        dpop->origins = ngx_array_create(cf->pool, 2, sizeof(social_str_t));
        if (dpop->origins == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    origins = dpop->origins->elts;

    for (i = 0; i < dpop->origins->nelts; i++) {
        if (social_str_eq(origins[i], origin)) {
            return ngx_http_social_conf_duplicate_value(cf, value);
        }
    }

    origins = ngx_array_push(dpop->origins);
    if (origins == NULL) {
        return NGX_CONF_ERROR;
    }

    *origins = origin;

    return NGX_CONF_OK;
}


static char *
ngx_http_social_dpop_algorithms(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf)
{
    ngx_http_social_dpop_t *dpop = conf;

    ngx_str_t            name;
    social_str_t         rest, item;
    social_algorithm_e   algorithm;

    rest = ngx_http_social_view(value);

    while (social_str_next(&rest, ",", &item)) {

        algorithm = social_algorithm(item);

        if (algorithm == SOCIAL_ALGORITHM_NONE) {
            return ngx_http_social_conf_invalid(cf, entry, value,
                       "it must be a list, separated by commas, of RS256, "
                       "RS384, RS512, PS256, PS384, PS512, ES256, ES384, "
                       "ES512, EdDSA, Ed25519 and Ed448");
        }

        if (dpop->policy.algorithms & social_algorithm_bit(algorithm)) {
            ngx_http_social_from_str(&name, item);
            return ngx_http_social_conf_duplicate_value(cf, &name);
        }

        dpop->policy.algorithms |= social_algorithm_bit(algorithm);
    }

    if (dpop->policy.algorithms == 0) {
        return ngx_http_social_conf_invalid(cf, entry, value,
                                            "it must not be empty");
    }

    return NGX_CONF_OK;
}


/*
 * "algs" of a challenge (RFC 9449, 7.1): names, separated by spaces.
 */

static ngx_int_t
ngx_http_social_dpop_names(ngx_conf_t *cf, ngx_http_social_dpop_t *dpop)
{
    u_char        *p;
    ngx_uint_t     i;
    social_str_t   name;

    p = ngx_pnalloc(cf->pool, SOCIAL_ALGORITHM_END * sizeof("Ed25519 "));
    if (p == NULL) {
        return NGX_ERROR;
    }

    dpop->algorithms.data = p;

    for (i = SOCIAL_ALGORITHM_RS256; i < SOCIAL_ALGORITHM_END; i++) {

        if ((dpop->policy.algorithms & social_algorithm_bit(i)) == 0) {
            continue;
        }

        if (p != dpop->algorithms.data) {
            *p++ = ' ';
        }

        name = social_algorithm_name((social_algorithm_e) i);
        p = ngx_cpymem(p, name.data, name.len);
    }

    dpop->algorithms.len = p - dpop->algorithms.data;

    return NGX_OK;
}


static void *
ngx_http_social_dpop_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_social_dpop_main_conf_t  *dmcf;

    dmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_dpop_main_conf_t));
    if (dmcf == NULL) {
        return NULL;
    }

    dmcf->dpops = ngx_array_create(cf->pool, 2,
                                   sizeof(ngx_http_social_dpop_t *));

    return dmcf->dpops ? dmcf : NULL;
}


static void *
ngx_http_social_dpop_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_social_dpop_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_dpop_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->dpop = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_social_dpop_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_social_dpop_loc_conf_t *prev = parent;
    ngx_http_social_dpop_loc_conf_t *conf = child;

    ngx_http_social_resource_t       *resource;
    ngx_http_social_auth_loc_conf_t  *alcf;

    /* the http level has no parent */

    ngx_conf_init_ptr_value(prev->dpop, NULL);
    ngx_conf_merge_ptr_value(conf->dpop, prev->dpop, NULL);

    resource = ngx_http_social_resource_of(cf);
    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_social_auth_module);

    if (resource != NULL && alcf->issuers != NULL) {

        if (conf->dpop != NULL) {
            resource->algorithms = &conf->dpop->algorithms;
        }

        if (conf->dpop == NULL
            || conf->dpop->mode != NGX_HTTP_SOCIAL_BINDING_REQUIRED)
        {
            resource->unproved = 1;
        }
    }

    return ngx_http_social_dpop_resolve(cf, conf->dpop);
}


static char *
ngx_http_social_dpop_resolve(ngx_conf_t *cf, ngx_http_social_dpop_t *dpop)
{
    ngx_http_social_secret_t  *secret;

    if (dpop == NULL || dpop->secret.len == 0) {
        return NGX_CONF_OK;
    }

    secret = ngx_http_social_secret_find(cf, &dpop->secret);

    if (secret == NULL) {
        return ngx_http_social_conf_error(cf, &dpop->position,
                   "unknown secret \"%V\" (add \"social_secret %V\" to the "
                   "\"http\" block) in \"social_auth_dpop\" directive",
                   &dpop->secret, &dpop->secret);
    }

    dpop->policy.secrets[0] = secret->values[0];
    dpop->policy.secrets[1] = secret->values[1];

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_social_dpop_init(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t                *cln;
    ngx_http_social_dpop_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_dpop_module);

    if (dmcf->dpops->nelts == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    dmcf->verifier = social_jwks_create();
    if (dmcf->verifier == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_social_dpop_cleanup;
    cln->data = dmcf->verifier;

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_PROOFS,
                                         ngx_http_social_dpop_init_zone, dmcf);
}


static void
ngx_http_social_dpop_cleanup(void *data)
{
    social_jwks_free(data);
}


/*
 * A sixteenth of the zone, and of a small one two pages.  It outlives a reload
 * as it is: what was used stays used, and nonces that were given out stay good.
 */

static ngx_int_t
ngx_http_social_dpop_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_dpop_main_conf_t *dmcf = data;

    void                       *memory;
    time_t                      age;
    size_t                      size;
    u_char                      secret[SOCIAL_REPLAY_SECRET_SIZE];
    ngx_uint_t                  i;
    ngx_http_social_dpop_t    **dpop;
    ngx_http_social_dpop_sh_t  *sh;

    dmcf->shpool = shpool;
    sh = *part;

    if (sh == NULL) {

        if (social_random(secret, sizeof(secret)) != SOCIAL_OK) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "social: could not generate a random key");
            return NGX_ERROR;
        }

        size = (shpool->end - (u_char *) shpool) / 16;
        size -= size % ngx_pagesize;
        size = ngx_max(size, 2 * ngx_pagesize);

        sh = ngx_slab_calloc(shpool, sizeof(ngx_http_social_dpop_sh_t));
        memory = ngx_slab_alloc(shpool, size);

        if (sh != NULL && memory != NULL) {
            sh->used = social_replay_create(memory, size, secret, ngx_time());
        }

        if (sh == NULL || sh->used == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for DPoP proofs");
            return NGX_ERROR;
        }

        if (social_random(sh->nonce, sizeof(sh->nonce)) != SOCIAL_OK) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "social: could not generate a random key");
            return NGX_ERROR;
        }

        *part = sh;

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "social: room for %uz DPoP proofs, %uz of one key",
                      social_replay_capacity(sh->used),
                      social_replay_share(sh->used));
    }

    dmcf->sh = sh;
    dpop = dmcf->dpops->elts;

    age = sh->max_age;

    for (i = 0; i < dmcf->dpops->nelts; i++) {

        age = ngx_max(age, dpop[i]->max_age);

        if (dpop[i]->nonce && dpop[i]->secret.len == 0) {
            dpop[i]->policy.secrets[0].data = sh->nonce;
            dpop[i]->policy.secrets[0].len = sizeof(sh->nonce);
        }
    }

    if (age > sh->max_age) {

        /* what was used until now is kept by the age of until now */

        sh->before = sh->max_age;
        sh->since = sh->max_age ? ngx_time() + sh->max_age : 0;
        sh->max_age = age;
    }

    return NGX_OK;
}
