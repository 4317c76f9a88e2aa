
/*
 * Where the keys of each issuer lie: read from a file at configuration time,
 * or fetched, in a slot of the shared zone.
 */

#include "ngx_http_social_keys.h"
#include "ngx_http_social_zone.h"

#include <openssl/evp.h>


#define NGX_HTTP_SOCIAL_KEYS_SLOTS   64
#define NGX_HTTP_SOCIAL_KEYS_UNUSED  180


typedef struct {
    ngx_uint_t                    configuration;
    ngx_atomic_t                  generations;  /* over all slots, for ever */
    ngx_http_social_keys_slot_t   slots[NGX_HTTP_SOCIAL_KEYS_SLOTS];
} ngx_http_social_keys_sh_t;


static ngx_http_social_keys_t *ngx_http_social_keys_create(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer);
static void ngx_http_social_keys_cleanup(void *data);
static ngx_int_t ngx_http_social_keys_number(social_str_t text,
    uint64_t *number);
static ngx_int_t ngx_http_social_keys_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_int_t ngx_http_social_keys_make_id(
    ngx_http_social_issuer_t *issuer);
static ngx_http_social_keys_slot_t *ngx_http_social_keys_find_slot(
    ngx_http_social_keys_sh_t *sh, u_char *id);
static void ngx_http_social_keys_clear_slot(ngx_slab_pool_t *shpool,
    ngx_http_social_keys_slot_t *slot);


char *
ngx_http_social_keys_from_file(ngx_conf_t *cf,
    ngx_http_social_issuer_t *issuer)
{
    u_char           *buf;
    size_t            size;
    ssize_t           n;
    ngx_fd_t          fd;
    const char       *why;
    social_rc_e       rc;
    social_str_t      text;
    ngx_file_info_t   fi;

    fd = ngx_open_file(issuer->jwks_file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                       0);

    if (fd == NGX_INVALID_FILE || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"jwks_file\" cannot read \"%V\": make the file "
                           "readable or correct the path",
                           &issuer->jwks_file);

        if (fd != NGX_INVALID_FILE) {
            ngx_close_file(fd);
        }

        return NGX_CONF_ERROR;
    }

    size = (size_t) ngx_file_size(&fi);

    if (!ngx_is_file(&fi) || size == 0 || size > issuer->max_size) {
        ngx_close_file(fd);
        return ngx_http_social_conf_error(cf, &issuer->place,
                   "\"jwks_file\" \"%V\" must be a file of 1 to %uz bytes "
                   "(\"jwks_max_size\")",
                   &issuer->jwks_file, issuer->max_size);
    }

    buf = ngx_palloc(cf->temp_pool, size);
    if (buf == NULL) {
        ngx_close_file(fd);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, size);

    ngx_close_file(fd);

    if (n != (ssize_t) size) {
        return ngx_http_social_conf_error(cf, &issuer->place,
                   "\"jwks_file\" \"%V\" could not be read whole",
                   &issuer->jwks_file);
    }

    issuer->keys = ngx_http_social_keys_create(cf, issuer);
    if (issuer->keys == NULL) {
        return NGX_CONF_ERROR;
    }

    text.data = buf;
    text.len = size;

    rc = social_jwks_parse(text, issuer->algorithms, &issuer->keys->jwks,
                           &why);

    if (rc != SOCIAL_OK) {
        return ngx_http_social_conf_error(cf, &issuer->place,
                   "\"jwks_file\" \"%V\" is not a usable key set: %s",
                   &issuer->jwks_file, why);
    }

    if (issuer->keys->jwks->skipped) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "passed over %uz keys in \"%V\": %s",
                           issuer->keys->jwks->skipped, &issuer->jwks_file,
                           issuer->keys->jwks->why);
    }

    if (ngx_http_social_keys_number(text, &issuer->keys->generation)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * A file has no place in the zone to count in: its bytes are its number, the
 * same in all workers.  The highest bit keeps it apart from those that are
 * counted.
 */

static ngx_int_t
ngx_http_social_keys_number(social_str_t text, uint64_t *number)
{
    u_char       hash[EVP_MAX_MD_SIZE];
    ngx_uint_t   i;

    if (!EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL)) {
        return NGX_ERROR;
    }

    *number = 0;

    for (i = 0; i < sizeof(uint64_t); i++) {
        *number = *number << 8 | hash[i];
    }

    *number |= (uint64_t) 1 << 63;

    return NGX_OK;
}


static ngx_http_social_keys_t *
ngx_http_social_keys_create(ngx_conf_t *cf, ngx_http_social_issuer_t *issuer)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_social_keys_t  *keys;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_social_keys_t));
    if (cln == NULL) {
        return NULL;
    }

    keys = cln->data;
    ngx_memzero(keys, sizeof(ngx_http_social_keys_t));

    cln->handler = ngx_http_social_keys_cleanup;

    keys->issuer = issuer;
    ngx_queue_init(&keys->waiters);

    return keys;
}


static void
ngx_http_social_keys_cleanup(void *data)
{
    ngx_http_social_keys_t  *keys = data;

    /* without a master the same process goes on with the next configuration */

    if (keys->refresh.timer_set) {
        ngx_del_timer(&keys->refresh);
    }

    if (keys->poll.timer_set) {
        ngx_del_timer(&keys->poll);
    }

    social_jwks_free(keys->jwks);
    keys->jwks = NULL;
}


ngx_int_t
ngx_http_social_keys_init(ngx_conf_t *cf, ngx_array_t *issuers)
{
    ngx_uint_t                  i, fetched;
    ngx_thread_pool_t          *thread_pool;
    ngx_http_social_issuer_t  **issuer;

    issuer = issuers->elts;
    fetched = 0;

    for (i = 0; i < issuers->nelts; i++) {

        if (issuer[i]->jwks_file.len) {
            continue;
        }

        thread_pool = ngx_http_social_need_thread_pool(cf);
        if (thread_pool == NULL) {
            return NGX_ERROR;
        }

        issuer[i]->keys = ngx_http_social_keys_create(cf, issuer[i]);
        if (issuer[i]->keys == NULL) {
            return NGX_ERROR;
        }

        issuer[i]->keys->thread_pool = thread_pool;
        fetched++;

        if (ngx_http_social_keys_make_id(issuer[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (fetched == 0) {
        return NGX_OK;
    }

    if (fetched > NGX_HTTP_SOCIAL_KEYS_SLOTS / 2) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "too many \"social_issuer\" blocks with keys to fetch: "
                      "%ui, %d is the most", fetched,
                      NGX_HTTP_SOCIAL_KEYS_SLOTS / 2);
        return NGX_ERROR;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_KEYS,
                                         ngx_http_social_keys_init_zone,
                                         issuers);
}


/*
 * The old configuration's workers go on using their slots while they finish,
 * and all of them after a reload that fails later than this, which is not
 * told to anybody: so a slot is given away only when neither this
 * configuration nor the last one claims it, and nobody has looked at it for
 * some time.
 */

static ngx_int_t
ngx_http_social_keys_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_uint_t                    i;
    ngx_array_t                  *issuers = data;
    ngx_http_social_keys_t       *keys;
    ngx_http_social_issuer_t    **issuer;
    ngx_http_social_keys_sh_t    *sh;

    if (*part == NULL) {
        *part = ngx_slab_calloc(shpool, sizeof(ngx_http_social_keys_sh_t));

        if (*part == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "\"social_zone\" is too small for the key sets");
            return NGX_ERROR;
        }
    }

    sh = *part;
    issuer = issuers->elts;

    ngx_shmtx_lock(&shpool->mutex);

    sh->configuration++;

    for (i = 0; i < issuers->nelts; i++) {

        keys = issuer[i]->keys;

        if (issuer[i]->jwks_file.len) {
            continue;
        }

        keys->shpool = shpool;
        keys->generations = &sh->generations;
        keys->slot = ngx_http_social_keys_find_slot(sh, keys->id);

        if (keys->slot == NULL) {
            ngx_shmtx_unlock(&shpool->mutex);
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "no room for the keys of issuer \"%V\": too many "
                          "issuers were configured in the last reloads, "
                          "restart nginx", &issuer[i]->name);
            return NGX_ERROR;
        }

        if (ngx_memcmp(keys->slot->id, keys->id, sizeof(keys->id)) != 0) {
            ngx_http_social_keys_clear_slot(shpool, keys->slot);
            ngx_memcpy(keys->slot->id, keys->id, sizeof(keys->id));
        }

        keys->slot->claimed = sh->configuration;
        keys->slot->used = ngx_time();
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_KEYS_SLOTS; i++) {

        if (sh->slots[i].claimed + 1 < sh->configuration
            && ngx_time() - sh->slots[i].used > NGX_HTTP_SOCIAL_KEYS_UNUSED)
        {
            ngx_http_social_keys_clear_slot(shpool, &sh->slots[i]);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


/*
 * With other algorithms other keys are usable, so that a set which was good
 * for one configuration is not for another.
 */

static ngx_int_t
ngx_http_social_keys_make_id(ngx_http_social_issuer_t *issuer)
{
    u_char       id[EVP_MAX_MD_SIZE];
    EVP_MD_CTX  *md;
    ngx_uint_t   ok;

    md = EVP_MD_CTX_new();

    ok = md != NULL
         && EVP_DigestInit_ex(md, EVP_sha256(), NULL)
         && EVP_DigestUpdate(md, issuer->issuer.data, issuer->issuer.len)
         && EVP_DigestUpdate(md, "\n", 1)
         && EVP_DigestUpdate(md, issuer->jwks_uri.data, issuer->jwks_uri.len)
         && EVP_DigestUpdate(md, &issuer->algorithms,
                             sizeof(issuer->algorithms))
         && EVP_DigestFinal_ex(md, id, NULL);

    EVP_MD_CTX_free(md);

    if (!ok) {
        return NGX_ERROR;
    }

    ngx_memcpy(issuer->keys->id, id, sizeof(issuer->keys->id));

    return NGX_OK;
}


/*
 * The slot with that id, else one that nobody uses, else the one that was
 * used the longest ago by a configuration before the last.
 */

static ngx_http_social_keys_slot_t *
ngx_http_social_keys_find_slot(ngx_http_social_keys_sh_t *sh, u_char *id)
{
    ngx_uint_t                    i;
    ngx_http_social_keys_slot_t  *slot, *oldest;

    oldest = NULL;

    for (i = 0; i < NGX_HTTP_SOCIAL_KEYS_SLOTS; i++) {

        slot = &sh->slots[i];

        if (slot->claimed
            && ngx_memcmp(slot->id, id, sizeof(slot->id)) == 0)
        {
            return slot;
        }

        if ((slot->claimed == 0 || slot->claimed + 1 < sh->configuration)
            && (oldest == NULL || slot->used < oldest->used))
        {
            oldest = slot;
        }
    }

    return oldest;
}


static void
ngx_http_social_keys_clear_slot(ngx_slab_pool_t *shpool,
    ngx_http_social_keys_slot_t *slot)
{
    if (slot->json) {
        ngx_slab_free_locked(shpool, slot->json);
    }

    ngx_memzero(slot, sizeof(ngx_http_social_keys_slot_t));
}
