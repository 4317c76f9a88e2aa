
/*
 * Issuers: who may sign tokens, and by which rules their tokens are verified.
 */

#ifndef NGX_HTTP_SOCIAL_ISSUER_H
#define NGX_HTTP_SOCIAL_ISSUER_H


#include "ngx_http_social_counters.h"
#include "social_claims.h"
#include "social_jwks.h"


typedef struct ngx_http_social_keys_s  ngx_http_social_keys_t;
typedef struct ngx_http_social_issuer_s  ngx_http_social_issuer_t;

struct ngx_http_social_issuer_s {
    ngx_str_t                   name;
    ngx_str_t                   issuer;       /* what "iss" must be */
    ngx_str_t                   identity;     /* under which its users and
                                                 sessions are */
    ngx_str_t                   user_pool;
    ngx_array_t                *replicas;     /* of social_str_t: regions */
    ngx_str_t                   jwks_uri;     /* zero-terminated */
    ngx_str_t                   jwks_file;
    ngx_str_t                   discovery;    /* zero-terminated, or empty */
    ngx_str_t                   ca_file;      /* zero-terminated */
    ngx_array_t                *client_ids;   /* of social_str_t */
    ngx_array_t                *audiences;    /* of social_str_t */
    ngx_flag_t                  any_client;
    ngx_uint_t                  token_use;
    ngx_str_t                   token_type;   /* empty: the usual ones */
    social_algorithms_t         algorithms;
    social_claims_policy_t      policy;

    /* where its tokens have what is asked for; NULL: the default */
    const social_claim_path_t  *subject_claim;
    const social_claim_path_t  *username_claim;
    const social_claim_path_t  *groups_claim;
    const social_claim_path_t  *client_claim;
    const social_claim_path_t  *scope_claim;

    time_t                      leeway;
    ngx_msec_t                  refresh;
    time_t                      stale;
    ngx_msec_t                  cooldown;
    ngx_msec_t                  timeout;
    size_t                      max_size;
    ngx_uint_t                  max_keys;

    ngx_http_social_position_t  position;

    /* the same pool's under another issuer, or NULL after the last one */
    ngx_http_social_issuer_t   *next;
    ngx_http_social_issuer_t   *original;     /* the first one, of others */

    ngx_http_social_row_t      *row;          /* NULL: it is not counted */

    /* this process's keys: state behind the configuration, not part of it */
    ngx_http_social_keys_t     *keys;
};


typedef struct {
    ngx_array_t               issuers;      /* of ngx_http_social_issuer_t * */
    ngx_array_t               forms;        /* these, and others of pools */
    ngx_http_social_row_t    *row;          /* of tokens whose issuer is not
                                               known */
} ngx_http_social_issuer_main_conf_t;


/* those that a location accepts */

typedef struct {
    ngx_array_t               list;         /* of ngx_http_social_issuer_t * */
    ngx_array_t              *audiences;    /* of social_str_t, in place of
                                               those of the issuers; or NULL */
    ngx_flag_t                unbound;      /* tokens without "aud", too */
    u_char                    rules[32];    /* a digest of them */
} ngx_http_social_issuers_t;


extern ngx_module_t  ngx_http_social_issuer_module;


/*
 * The issuer of that name, or NULL.
 */
ngx_http_social_issuer_t *ngx_http_social_issuer_find(ngx_conf_t *cf,
    ngx_str_t *name);


/*
 * Whether "social_auth" reads that name as something else than an issuer's.
 */
ngx_uint_t ngx_http_social_issuer_is_reserved(ngx_str_t *name);


/* ngx_http_social_claim_conf.c */

/*
 * The setter of an entry for a claim: a social_claim_path_t * at its offset,
 * of the kind in entry->min.
 */
char *ngx_http_social_claim_conf(ngx_conf_t *cf,
    const ngx_http_social_conf_entry_t *entry, ngx_str_t *value, ngx_uint_t n,
    void *conf);


/* ngx_http_social_issuer_conf.c */

/*
 * Parses a "social_issuer" block into the issuer, which has its defaults.
 */
char *ngx_http_social_issuer_parse(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);


/* ngx_http_social_issuer_finish.c */

/*
 * Sets the defaults of a parsed block, and refuses contradictions.
 */
char *ngx_http_social_issuer_finish(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);


/* ngx_http_social_issuer_rules.c */

/*
 * Sets "rules", a digest of all that decides about a token except the keys:
 * the same list of issuers has the same rules in the next configuration,
 * unless something in them was changed.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_issuer_rules(ngx_http_social_issuers_t *issuers);


/*
 * Whether it is another form whose keys are those of the original.
 */
#define ngx_http_social_issuer_shares_keys(i)                                 \
    ((i)->original != NULL                                                    \
     && (i)->jwks_uri.data == (i)->original->jwks_uri.data)


#endif /* NGX_HTTP_SOCIAL_ISSUER_H */
