
/*
 * The statement by which the row of an identity is found, made where it is
 * missing, and kept up with what its tokens say.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_user_ask.h"


/* how long is kept, in ms: what is known, beyond its refresh ... */
#define NGX_HTTP_SOCIAL_USER_KEPT     3600000

/* ... that it failed, by an outage, and by a statement that was refused */
#define NGX_HTTP_SOCIAL_USER_OUTAGE   1000
#define NGX_HTTP_SOCIAL_USER_REFUSED  30000


static ngx_uint_t ngx_http_social_user_claims(
    ngx_http_social_auth_ctx_t *identity, int64_t said, u_char *number,
    social_pq_param_t *params);
static void ngx_http_social_user_text(const social_json_t *payload,
    const char *name, social_pq_param_t *param);
static void ngx_http_social_user_flag(const social_json_t *payload,
    const char *name, social_pq_param_t *param);
static void ngx_http_social_user_answered(
    ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data);
static ngx_int_t ngx_http_social_user_uuid(social_str_t text, u_char *id);
static ngx_queue_t *ngx_http_social_user_bucket(
    ngx_http_social_user_main_conf_t *umcf, const u_char *key);


ngx_http_social_user_asking_t *
ngx_http_social_user_ask(ngx_http_request_t *r,
    ngx_http_social_auth_ctx_t *identity, const u_char *key,
    ngx_msec_t refresh, ngx_http_social_user_wake_pt wake)
{
    u_char                            number[NGX_INT64_LEN];
    ngx_uint_t                        n;
    social_pq_param_t                 params[9];
    ngx_http_social_user_t            failed;
    ngx_http_social_user_asking_t    *asking;
    ngx_http_social_user_main_conf_t *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_social_user_module);

    asking = ngx_alloc(sizeof(ngx_http_social_user_asking_t),
                       r->connection->log);
    if (asking == NULL) {
        goto failed;
    }

    asking->umcf = umcf;
    asking->refresh = refresh;
    asking->wake = wake;
    asking->said = ngx_http_social_user_said(identity);

    ngx_memcpy(asking->key, key, sizeof(asking->key));
    ngx_queue_init(&asking->waiters);

    n = ngx_http_social_user_claims(identity, asking->said, number, params);

    if (ngx_http_social_query_background(
            "SELECT social_user_seen($1, $2, $3, $4, $5, $6::boolean, $7, "
            "$8::boolean, to_timestamp($9::bigint))",
            params, n, ngx_http_social_user_answered, asking)
        != NGX_OK)
    {
        ngx_free(asking);
        goto failed;
    }

    ngx_queue_insert_head(ngx_http_social_user_bucket(umcf, key),
                          &asking->queue);

    return asking;

failed:

    ngx_memzero(&failed, sizeof(ngx_http_social_user_t));
    failed.state = NGX_HTTP_SOCIAL_USER_FAILED;

    ngx_http_social_user_set(umcf, key, &failed, NGX_HTTP_SOCIAL_USER_OUTAGE);

    return NULL;
}


ngx_http_social_user_asking_t *
ngx_http_social_user_find(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key)
{
    ngx_queue_t                    *q, *bucket;
    ngx_http_social_user_asking_t  *asking;

    bucket = ngx_http_social_user_bucket(umcf, key);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        asking = ngx_queue_data(q, ngx_http_social_user_asking_t, queue);

        if (ngx_memcmp(asking->key, key, sizeof(asking->key)) == 0) {
            return asking;
        }
    }

    return NULL;
}


int64_t
ngx_http_social_user_said(ngx_http_social_auth_ctx_t *identity)
{
    int64_t               seconds;
    const social_json_t  *payload;

    payload = identity->jwt.payload;

    if (social_json_present(payload, social_str("email")) == NULL
        && social_json_present(payload, social_str("phone_number")) == NULL)
    {
        return 0;
    }

    return social_json_time(social_json_present(payload, social_str("iat")),
                            &seconds)
           == SOCIAL_OK ? seconds : 0;
}


/*
 * What the token does not say is NULL.  "preferred_username" is the user's own
 * choice (OpenID Connect Core, 5.1), where there is one.
 */

static ngx_uint_t
ngx_http_social_user_claims(ngx_http_social_auth_ctx_t *identity,
    int64_t said, u_char *number, social_pq_param_t *params)
{
    const social_json_t  *payload;

    payload = identity->jwt.payload;

    ngx_memzero(params, 9 * sizeof(social_pq_param_t));

    params[0].value = ngx_http_social_view(&identity->issuer->identity);
    params[1].value = identity->claims.subject;

    ngx_http_social_user_text(payload, "preferred_username", &params[2]);

    if (params[2].null) {
        params[2].value = identity->claims.username;
        params[2].null = (params[2].value.len == 0);
    }

    ngx_http_social_user_text(payload, "email", &params[3]);
    ngx_http_social_user_text(payload, "name", &params[4]);
    ngx_http_social_user_flag(payload, "email_verified", &params[5]);
    ngx_http_social_user_text(payload, "phone_number", &params[6]);
    ngx_http_social_user_flag(payload, "phone_number_verified", &params[7]);

    params[8].null = (said == 0);
    params[8].value.data = number;
    params[8].value.len = ngx_sprintf(number, "%L", said) - number;

    return 9;
}


static void
ngx_http_social_user_text(const social_json_t *payload, const char *name,
    social_pq_param_t *param)
{
    param->null = social_json_string(social_json_present(payload,
                                                        social_str(name)),
                                     &param->value)
                  != SOCIAL_OK
                  || param->value.len == 0;
}


/*
 * Cognito writes true, some others "true".
 */

static void
ngx_http_social_user_flag(const social_json_t *payload, const char *name,
    social_pq_param_t *param)
{
    social_claim_path_t  claim;

    ngx_memzero(&claim, sizeof(social_claim_path_t));
    claim.name = social_str(name);
    param->null = false;

    if (social_claims_holds(payload, &claim, social_str("true"))) {
        param->value = social_str("true");

    } else if (social_claims_holds(payload, &claim, social_str("false"))) {
        param->value = social_str("false");

    } else {
        param->null = true;
    }
}


static void
ngx_http_social_user_answered(ngx_http_social_query_outcome_e outcome,
    const social_pq_result_t *result, void *data)
{
    ngx_http_social_user_asking_t *asking = data;

    ngx_msec_t              time;
    social_str_t            value;
    ngx_http_social_user_t  user;

    ngx_memzero(&user, sizeof(ngx_http_social_user_t));

    user.state = NGX_HTTP_SOCIAL_USER_FAILED;
    time = outcome == NGX_HTTP_SOCIAL_QUERY_REFUSED
           ? NGX_HTTP_SOCIAL_USER_REFUSED : NGX_HTTP_SOCIAL_USER_OUTAGE;

    if (outcome == NGX_HTTP_SOCIAL_QUERY_OK) {

        if (!social_pq_result_value(result, 0, 0, &value)) {

            /* it is asked again: an operator may let them come back */

            user.state = NGX_HTTP_SOCIAL_USER_DELETED;
            time = asking->refresh;

        } else if (ngx_http_social_user_uuid(value, user.id) == NGX_OK) {
            user.state = NGX_HTTP_SOCIAL_USER_KNOWN;
            user.due = ngx_current_msec + asking->refresh;
            user.said = asking->said;
            time = asking->refresh + NGX_HTTP_SOCIAL_USER_KEPT;
        }
    }

    ngx_http_social_user_set(asking->umcf, asking->key, &user, time);

    ngx_queue_remove(&asking->queue);

    asking->wake(&asking->waiters);

    ngx_free(asking);
}


static ngx_int_t
ngx_http_social_user_uuid(social_str_t text, u_char *id)
{
    size_t      i, n;
    ngx_int_t   byte;

    if (text.len != NGX_HTTP_SOCIAL_AUTH_USER_SIZE) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < text.len; i += 2) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            i++;
        }

        byte = ngx_hextoi((u_char *) text.data + i, 2);

        if (byte == NGX_ERROR) {
            return NGX_ERROR;
        }

        id[n++] = (u_char) byte;
    }

    return NGX_OK;
}


static ngx_queue_t *
ngx_http_social_user_bucket(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key)
{
    /* a digest's bytes are as good as any hash of them */

    return &umcf->state->asking[key[0] % NGX_HTTP_SOCIAL_USER_BUCKETS];
}


void
ngx_http_social_user_sync_stop(ngx_http_social_user_state_t *state)
{
    ngx_uint_t                      i;
    ngx_queue_t                    *bucket, *q, *next, *waiter;
    ngx_http_social_user_asking_t  *asking;

    for (i = 0; i < NGX_HTTP_SOCIAL_USER_BUCKETS; i++) {

        bucket = &state->asking[i];

        for (q = ngx_queue_head(bucket);
             q != ngx_queue_sentinel(bucket);
             q = next)
        {
            next = ngx_queue_next(q);

            asking = ngx_queue_data(q, ngx_http_social_user_asking_t, queue);

            while (!ngx_queue_empty(&asking->waiters)) {
                waiter = ngx_queue_head(&asking->waiters);
                ngx_queue_remove(waiter);

                /* a request that is freed later takes itself out of nothing */

                ngx_queue_init(waiter);
            }

            ngx_free(asking);
        }

        ngx_queue_init(bucket);
    }
}
