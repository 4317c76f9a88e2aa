
/*
 * What is known about identities: a table in the zone.
 *
 * It is a table of verdicts as that of verified tokens is, whose readers take
 * no lock and whose room is bounded: an entry makes room for another when it
 * is old.  Who decides by what is there and then writes has the mutex.
 */

#include "ngx_http_social_user.h"


#define NGX_HTTP_SOCIAL_USER_SMALL_ZONE  (1024 * 1024)
#define NGX_HTTP_SOCIAL_USER_AGAIN       5000   /* ms, of what was KNOWN */

/* beside the state: somebody asks for one that is KNOWN */
#define NGX_HTTP_SOCIAL_USER_BUSY        0x100


static ngx_uint_t ngx_http_social_user_read(
    ngx_http_social_user_main_conf_t *umcf, const u_char *key,
    social_token_verdict_t *entry, ngx_http_social_user_t *user);
static void ngx_http_social_user_write(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, const ngx_http_social_user_t *user, ngx_uint_t busy,
    int64_t expires);


/*
 * An eighth of the zone; less of a small one.
 */

ngx_int_t
ngx_http_social_user_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_user_main_conf_t *umcf = data;

    void    *p;
    size_t   size;

    umcf->shpool = shpool;
    umcf->table = *part;

    if (umcf->table != NULL) {
        return NGX_OK;
    }

    size = shpool->end - (u_char *) shpool;
    size /= size < NGX_HTTP_SOCIAL_USER_SMALL_ZONE ? 16 : 8;
    size = ngx_align(size, ngx_pagesize);

    p = ngx_slab_alloc(shpool, size);

    if (p != NULL) {
        umcf->table = social_token_table_create(p, size);
    }

    if (umcf->table == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"social_zone\" is too small for users");
        return NGX_ERROR;
    }

    *part = umcf->table;

    ngx_log_error(NGX_LOG_INFO, log, 0,
                  "social: the zone keeps up to %uz users",
                  social_token_table_capacity(size));

    return NGX_OK;
}


void
ngx_http_social_user_get(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, ngx_http_social_user_t *user)
{
    social_token_verdict_t  entry;

    (void) ngx_http_social_user_read(umcf, key, &entry, user);
}


/*
 * Of one that is KNOWN, "due" is moved: if nothing comes of it, another asks
 * then.
 */

ngx_uint_t
ngx_http_social_user_claim(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, ngx_msec_t time, int64_t said,
    ngx_http_social_user_t *user)
{
    ngx_uint_t               busy, claimed;
    social_token_verdict_t   entry;
    ngx_http_social_user_t   asked;

    claimed = 0;

    ngx_shmtx_lock(&umcf->shpool->mutex);

    busy = ngx_http_social_user_read(umcf, key, &entry, user);

    if (user->state == NGX_HTTP_SOCIAL_USER_UNKNOWN) {

        ngx_memzero(&asked, sizeof(ngx_http_social_user_t));
        asked.state = NGX_HTTP_SOCIAL_USER_ASKED;

        ngx_http_social_user_write(umcf, key, &asked, 0,
                                   (int64_t) (ngx_current_msec + time));
        claimed = 1;

    } else if (user->state == NGX_HTTP_SOCIAL_USER_KNOWN
               && ((ngx_msec_int_t) (ngx_current_msec - user->due) >= 0
                   || (!busy && said > user->said)))
    {
        asked = *user;
        asked.due = ngx_current_msec + NGX_HTTP_SOCIAL_USER_AGAIN;

        ngx_http_social_user_write(umcf, key, &asked,
                                   NGX_HTTP_SOCIAL_USER_BUSY, entry.expires);
        claimed = 1;
    }

    ngx_shmtx_unlock(&umcf->shpool->mutex);

    return claimed;
}


void
ngx_http_social_user_set(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, const ngx_http_social_user_t *user, ngx_msec_t time)
{
    social_token_verdict_t  entry;
    ngx_http_social_user_t  old;

    ngx_shmtx_lock(&umcf->shpool->mutex);

    (void) ngx_http_social_user_read(umcf, key, &entry, &old);

    if (!(user->state == NGX_HTTP_SOCIAL_USER_KNOWN
          && old.state == NGX_HTTP_SOCIAL_USER_DELETED)
        && !(user->state == NGX_HTTP_SOCIAL_USER_FAILED
             && old.state == NGX_HTTP_SOCIAL_USER_KNOWN))
    {
        ngx_http_social_user_write(umcf, key, user, 0,
                                   (int64_t) (ngx_current_msec + time));
    }

    ngx_shmtx_unlock(&umcf->shpool->mutex);
}


static ngx_uint_t
ngx_http_social_user_read(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, social_token_verdict_t *entry,
    ngx_http_social_user_t *user)
{
    if (!social_token_table_get(umcf->table, key, entry)
        || entry->expires <= (int64_t) ngx_current_msec)
    {
        ngx_memzero(user, sizeof(ngx_http_social_user_t));
        return 0;
    }

    user->state = entry->issuer & (NGX_HTTP_SOCIAL_USER_BUSY - 1);
    user->due = (ngx_msec_t) entry->epoch;
    user->said = (int64_t) entry->generation;
    ngx_memcpy(user->id, entry->marks, sizeof(user->id));

    return entry->issuer & NGX_HTTP_SOCIAL_USER_BUSY;
}


static void
ngx_http_social_user_write(ngx_http_social_user_main_conf_t *umcf,
    const u_char *key, const ngx_http_social_user_t *user, ngx_uint_t busy,
    int64_t expires)
{
    social_token_verdict_t  entry;

    entry.issuer = (unsigned) (user->state | busy);
    entry.expires = expires;
    entry.epoch = user->due;
    entry.generation = (uint64_t) user->said;
    ngx_memcpy(entry.marks, user->id, sizeof(entry.marks));

    social_token_table_put(umcf->table, key, &entry,
                           (int64_t) ngx_current_msec);
}
