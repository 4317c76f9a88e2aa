
/*
 * Messages of SNS: whether SNS has signed them, and the confirmation of
 * subscriptions.
 *
 * Each process keeps the certificates that it has seen, by their URLs: SNS has
 * one for months.  One that is not there is fetched by a thread, and all
 * messages that need it wait for that.  Senders name URLs, if only of SNS: few
 * are fetched at a time, and after some that could not be used none for
 * a while.
 */

#include "ngx_http_social_hook.h"
#include "social_net_fetch.h"


#define NGX_HTTP_SOCIAL_SNS_CERTS         16
#define NGX_HTTP_SOCIAL_SNS_FETCHES       4
#define NGX_HTTP_SOCIAL_SNS_FAILURES      16
#define NGX_HTTP_SOCIAL_SNS_PAUSE         60        /* seconds */
#define NGX_HTTP_SOCIAL_SNS_TIMEOUT       8000      /* milliseconds */
#define NGX_HTTP_SOCIAL_SNS_CONFIRM_MAX   65536     /* bytes */


typedef struct {
    u_char                        *key;         /* NULL: none */
    size_t                         len;
    social_sns_cert_t             *cert;
    ngx_uint_t                     used;        /* the least is replaced */
} ngx_http_social_sns_entry_t;


struct ngx_http_social_sns_certs_s {
    ngx_http_social_sns_entry_t    entries[NGX_HTTP_SOCIAL_SNS_CERTS];
    ngx_http_social_task_t        *tasks[NGX_HTTP_SOCIAL_SNS_FETCHES];
    ngx_uint_t                     uses;
    ngx_uint_t                     failures;    /* since then */
    time_t                         since;
};


/* the context of a task that fetches a certificate */

typedef struct {
    ngx_str_t                      key;
    ngx_queue_t                    waiting;
    social_net_fetch_t             fetch;
    social_net_answer_t            answer;
    social_sns_trust_t             trust;
    time_t                         now;
    social_rc_e                    rc;          /* of the fetch */
    social_rc_e                    parsed;
    social_sns_cert_t             *cert;
    const char                    *why;
} ngx_http_social_sns_fetch_t;


typedef struct {
    ngx_queue_t                    queue;
    ngx_http_request_t            *request;     /* NULL: it has gone */
    const ngx_http_social_sns_trust_t
                                  *trust;
    const social_sns_t            *sns;
    ngx_http_social_sns_pt         handler;
    void                          *data;
} ngx_http_social_sns_waiter_t;


/* the context of a task that confirms a subscription */

typedef struct {
    social_net_fetch_t             fetch;
    social_net_answer_t            answer;
    social_rc_e                    rc;
    ngx_http_social_sns_pt         handler;
    void                          *data;
} ngx_http_social_sns_confirm_t;


static void ngx_http_social_sns_certs_cleanup(void *data);
static ngx_http_social_hook_main_conf_t *ngx_http_social_sns_conf(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_social_sns_key(ngx_pool_t *pool,
    const ngx_http_social_sns_trust_t *trust, social_str_t url,
    ngx_str_t *key);
static social_str_t ngx_http_social_sns_host(social_str_t url);
static ngx_http_social_sns_entry_t *ngx_http_social_sns_find(
    ngx_http_social_sns_certs_t *certs, ngx_str_t *key);
static void ngx_http_social_sns_forget(ngx_http_social_sns_entry_t *entry);
static ngx_int_t ngx_http_social_sns_check(ngx_http_request_t *r,
    const social_sns_cert_t *cert, const social_sns_t *sns);
static ngx_int_t ngx_http_social_sns_wait(ngx_http_request_t *r,
    ngx_http_social_sns_fetch_t *fetch, ngx_http_social_sns_waiter_t *waiter);
static void ngx_http_social_sns_gone(void *data);
static ngx_int_t ngx_http_social_sns_fetch(ngx_http_request_t *r,
    ngx_http_social_hook_main_conf_t *hmcf, ngx_str_t *key,
    ngx_http_social_sns_waiter_t *waiter);
static char *ngx_http_social_sns_copy(ngx_pool_t *pool, social_str_t s);
static void ngx_http_social_sns_thread(void *data, ngx_log_t *log);
static void ngx_http_social_sns_done(ngx_http_social_task_t *task);
static ngx_int_t ngx_http_social_sns_store(ngx_http_social_sns_certs_t *certs,
    ngx_http_social_sns_fetch_t *fetch);
static void ngx_http_social_sns_failed(ngx_http_social_sns_certs_t *certs,
    ngx_http_social_sns_fetch_t *fetch);
static void ngx_http_social_sns_wake(ngx_http_social_sns_waiter_t *waiter,
    ngx_int_t rc);
static void ngx_http_social_sns_confirm_thread(void *data, ngx_log_t *log);
static void ngx_http_social_sns_confirmed(ngx_http_social_task_t *task);


ngx_http_social_sns_certs_t *
ngx_http_social_sns_certs_create(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_social_sns_certs_t  *certs;

    certs = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_sns_certs_t));
    if (certs == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_social_sns_certs_cleanup;
    cln->data = certs;

    return certs;
}


static void
ngx_http_social_sns_certs_cleanup(void *data)
{
    ngx_http_social_sns_certs_t *certs = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_SOCIAL_SNS_FETCHES; i++) {
        ngx_http_social_task_orphan(certs->tasks[i]);
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_SNS_CERTS; i++) {
        ngx_http_social_sns_forget(&certs->entries[i]);
    }
}


ngx_int_t
ngx_http_social_sns_verify(ngx_http_request_t *r,
    const ngx_http_social_sns_trust_t *trust, const social_sns_t *sns,
    ngx_http_social_sns_pt handler, void *data)
{
    ngx_str_t                          key;
    ngx_uint_t                         i;
    ngx_http_social_sns_entry_t       *entry;
    ngx_http_social_sns_fetch_t       *fetch;
    ngx_http_social_sns_waiter_t      *waiter;
    ngx_http_social_hook_main_conf_t  *hmcf;

    hmcf = ngx_http_social_sns_conf(r);

    if (ngx_http_social_sns_key(r->pool, trust, sns->cert_url, &key)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    entry = ngx_http_social_sns_find(hmcf->certs, &key);

    if (entry != NULL) {

        if (social_sns_cert_is_current(entry->cert, ngx_time())) {
            entry->used = ++hmcf->certs->uses;
            return ngx_http_social_sns_check(r, entry->cert, sns);
        }

        ngx_http_social_sns_forget(entry);
    }

    waiter = ngx_pcalloc(r->pool, sizeof(ngx_http_social_sns_waiter_t));
    if (waiter == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    waiter->trust = trust;
    waiter->sns = sns;
    waiter->handler = handler;
    waiter->data = data;

    for (i = 0; i < NGX_HTTP_SOCIAL_SNS_FETCHES; i++) {

        if (hmcf->certs->tasks[i] == NULL) {
            continue;
        }

        fetch = hmcf->certs->tasks[i]->ctx;

        if (fetch->key.len == key.len
            && ngx_memcmp(fetch->key.data, key.data, key.len) == 0)
        {
            return ngx_http_social_sns_wait(r, fetch, waiter);
        }
    }

    return ngx_http_social_sns_fetch(r, hmcf, &key, waiter);
}


static ngx_http_social_hook_main_conf_t *
ngx_http_social_sns_conf(ngx_http_request_t *r)
{
    return ngx_http_get_module_main_conf(r, ngx_http_social_hook_module);
}


/*
 * A certificate is known by its URL and by what it was checked by.
 */

static ngx_int_t
ngx_http_social_sns_key(ngx_pool_t *pool,
    const ngx_http_social_sns_trust_t *trust, social_str_t url, ngx_str_t *key)
{
    u_char  *p;

    key->len = trust->ca_file.len + 1 + trust->host.len + 1 + url.len;

    key->data = ngx_pnalloc(pool, key->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key->data, trust->ca_file.data, trust->ca_file.len);
    *p++ = '\n';
    p = ngx_cpymem(p, trust->host.data, trust->host.len);
    *p++ = '\n';
    ngx_memcpy(p, url.data, url.len);

    return NGX_OK;
}


/*
 * That of a URL that was checked: "https://HOST/".
 */

static social_str_t
ngx_http_social_sns_host(social_str_t url)
{
    u_char        *slash;
    social_str_t   host;

    host.data = url.data + sizeof("https://") - 1;
    slash = ngx_strlchr((u_char *) host.data, (u_char *) url.data + url.len,
                        '/');
    host.len = slash != NULL ? (size_t) (slash - host.data) : 0;

    return host;
}


static ngx_http_social_sns_entry_t *
ngx_http_social_sns_find(ngx_http_social_sns_certs_t *certs, ngx_str_t *key)
{
    ngx_uint_t                    i;
    ngx_http_social_sns_entry_t  *entry;

    for (i = 0; i < NGX_HTTP_SOCIAL_SNS_CERTS; i++) {

        entry = &certs->entries[i];

        if (entry->key != NULL && entry->len == key->len
            && ngx_memcmp(entry->key, key->data, key->len) == 0)
        {
            return entry;
        }
    }

    return NULL;
}


static void
ngx_http_social_sns_forget(ngx_http_social_sns_entry_t *entry)
{
    if (entry->key != NULL) {
        social_sns_cert_destroy(entry->cert);
        ngx_free(entry->key);
    }

    ngx_memzero(entry, sizeof(ngx_http_social_sns_entry_t));
}


static ngx_int_t
ngx_http_social_sns_check(ngx_http_request_t *r, const social_sns_cert_t *cert,
    const social_sns_t *sns)
{
    switch (social_sns_cert_verify(cert, sns)) {

    case SOCIAL_OK:
        return NGX_OK;

    case SOCIAL_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: hook refused: the signature is not that of the "
                      "certificate");

        return NGX_HTTP_FORBIDDEN;
    }
}


static ngx_int_t
ngx_http_social_sns_wait(ngx_http_request_t *r,
    ngx_http_social_sns_fetch_t *fetch, ngx_http_social_sns_waiter_t *waiter)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_social_sns_gone;
    cln->data = waiter;

    waiter->request = r;
    ngx_queue_insert_tail(&fetch->waiting, &waiter->queue);

    return NGX_DONE;
}


static void
ngx_http_social_sns_gone(void *data)
{
    ngx_http_social_sns_waiter_t *waiter = data;

    if (waiter->request != NULL) {
        waiter->request = NULL;
        ngx_queue_remove(&waiter->queue);
    }
}


static ngx_int_t
ngx_http_social_sns_fetch(ngx_http_request_t *r,
    ngx_http_social_hook_main_conf_t *hmcf, ngx_str_t *key,
    ngx_http_social_sns_waiter_t *waiter)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_http_social_task_t             *task;
    ngx_http_social_sns_certs_t        *certs;
    ngx_http_social_sns_fetch_t        *fetch;
    const ngx_http_social_sns_trust_t  *trust;

    certs = hmcf->certs;
    trust = waiter->trust;

    for (i = 0; i < NGX_HTTP_SOCIAL_SNS_FETCHES; i++) {
        if (certs->tasks[i] == NULL) {
            break;
        }
    }

    if (i == NGX_HTTP_SOCIAL_SNS_FETCHES
        || (certs->failures >= NGX_HTTP_SOCIAL_SNS_FAILURES
            && ngx_time() - certs->since < NGX_HTTP_SOCIAL_SNS_PAUSE))
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "social: hook busy: too many certificates of SNS to be "
                      "fetched");

        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    task = ngx_http_social_task_create(sizeof(ngx_http_social_sns_fetch_t),
                                       ngx_http_social_sns_thread,
                                       ngx_http_social_sns_done);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    fetch = task->ctx;

    ngx_queue_init(&fetch->waiting);

    fetch->now = ngx_time();
    fetch->fetch.timeout = NGX_HTTP_SOCIAL_SNS_TIMEOUT;
    fetch->fetch.max_size = SOCIAL_SNS_CERT_MAX_SIZE;
    fetch->fetch.url = ngx_http_social_sns_copy(task->pool,
                                                waiter->sns->cert_url);
    fetch->key.len = key->len;
    fetch->key.data = ngx_pstrdup(task->pool, key);

    if (fetch->fetch.url == NULL || fetch->key.data == NULL) {
        goto failed;
    }

    fetch->trust.host = ngx_http_social_sns_host(
                            social_str(fetch->fetch.url));
    fetch->trust.only_host = trust->host.len != 0;

    if (trust->ca_file.len) {
        fetch->fetch.ca_file = ngx_http_social_sns_copy(task->pool,
                                   (social_str_t) { trust->ca_file.len,
                                                    trust->ca_file.data });
        fetch->trust.anchors.len = trust->anchors.len;
        fetch->trust.anchors.data = (u_char *) ngx_http_social_sns_copy(
                                        task->pool,
                                        (social_str_t) { trust->anchors.len,
                                                     trust->anchors.data });

        if (fetch->fetch.ca_file == NULL || fetch->trust.anchors.data == NULL)
        {
            goto failed;
        }
    }

    rc = ngx_http_social_sns_wait(r, fetch, waiter);

    if (rc != NGX_DONE) {
        goto failed;
    }

    ngx_http_social_task_own(task, certs, &certs->tasks[i]);
    task->awaited = 1;

    if (ngx_http_social_task_post(task, hmcf->thread_pool) == NGX_OK) {
        return NGX_DONE;
    }

    ngx_http_social_sns_gone(waiter);
    ngx_http_social_task_free(task);

    return NGX_HTTP_SERVICE_UNAVAILABLE;

failed:

    ngx_http_social_task_free(task);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/*
 * With a zero byte behind it.
 */

static char *
ngx_http_social_sns_copy(ngx_pool_t *pool, social_str_t s)
{
    u_char  *p;

    p = ngx_pnalloc(pool, s.len + 1);
    if (p == NULL) {
        return NULL;
    }

    *ngx_cpymem(p, s.data, s.len) = '\0';

    return (char *) p;
}


static void
ngx_http_social_sns_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_sns_fetch_t *fetch = data;

    social_str_t  pem;

    fetch->rc = social_net_fetch(&fetch->fetch, &fetch->answer);

    if (fetch->rc != SOCIAL_OK) {
        fetch->why = fetch->answer.error;
        return;
    }

    pem.data = fetch->answer.body;
    pem.len = fetch->answer.len;

    fetch->why = "out of memory";
    fetch->parsed = social_sns_cert_parse(pem, &fetch->trust, fetch->now,
                                          &fetch->cert, &fetch->why);
}


/*
 * A certificate that cannot be had is our fault, and SNS tries again; one that
 * is not that of SNS is the sender's.
 */

static void
ngx_http_social_sns_done(ngx_http_social_task_t *task)
{
    ngx_int_t                      rc;
    ngx_queue_t                   *q;
    social_sns_cert_t             *cert;
    ngx_http_social_sns_certs_t   *certs;
    ngx_http_social_sns_fetch_t   *fetch;
    ngx_http_social_sns_waiter_t  *waiter;

    fetch = task->ctx;
    certs = task->owner;

    free(fetch->answer.body);

    if (certs == NULL) {

        /* the configuration was freed, and with it all requests */

        social_sns_cert_destroy(fetch->cert);
        ngx_http_social_task_free(task);
        return;
    }

    rc = fetch->rc != SOCIAL_OK ? NGX_HTTP_SERVICE_UNAVAILABLE
         : fetch->parsed == SOCIAL_OK ? NGX_OK
         : fetch->parsed == SOCIAL_FAILED ? NGX_HTTP_INTERNAL_SERVER_ERROR
         : NGX_HTTP_FORBIDDEN;

    cert = fetch->cert;

    if (rc != NGX_OK) {
        ngx_http_social_sns_failed(certs, fetch);

    } else if (ngx_http_social_sns_store(certs, fetch) != NGX_OK) {
        social_sns_cert_destroy(cert);
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* requests that come while these are answered find it, or fetch it again */

    ngx_http_social_task_disown(task);

    while (!ngx_queue_empty(&fetch->waiting)) {

        q = ngx_queue_head(&fetch->waiting);
        ngx_queue_remove(q);
        ngx_queue_init(q);

        waiter = ngx_queue_data(q, ngx_http_social_sns_waiter_t, queue);
        ngx_http_social_sns_wake(waiter, rc);
    }

    ngx_http_social_task_free(task);
}


static ngx_int_t
ngx_http_social_sns_store(ngx_http_social_sns_certs_t *certs,
    ngx_http_social_sns_fetch_t *fetch)
{
    u_char                       *key;
    ngx_uint_t                    i;
    ngx_http_social_sns_entry_t  *entry;

    key = ngx_alloc(fetch->key.len, ngx_cycle->log);
    if (key == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(key, fetch->key.data, fetch->key.len);

    entry = &certs->entries[0];

    for (i = 1; i < NGX_HTTP_SOCIAL_SNS_CERTS; i++) {
        if (certs->entries[i].used < entry->used) {
            entry = &certs->entries[i];
        }
    }

    ngx_http_social_sns_forget(entry);

    entry->key = key;
    entry->len = fetch->key.len;
    entry->cert = fetch->cert;
    entry->used = ++certs->uses;

    return NGX_OK;
}


static void
ngx_http_social_sns_failed(ngx_http_social_sns_certs_t *certs,
    ngx_http_social_sns_fetch_t *fetch)
{
    time_t      now;
    ngx_uint_t  level;

    now = ngx_time();

    if (now - certs->since >= NGX_HTTP_SOCIAL_SNS_PAUSE) {
        certs->since = now;
        certs->failures = 0;
    }

    /* once in that time: senders may cause it */

    level = certs->failures++ == 0 ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "social: could not use the certificate of SNS \"%s\": %s",
                  fetch->fetch.url, fetch->why);
}


static void
ngx_http_social_sns_wake(ngx_http_social_sns_waiter_t *waiter, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = waiter->request;

    if (r == NULL) {
        return;
    }

    c = r->connection;
    waiter->request = NULL;

    ngx_http_set_log_request(c->log, r);

    if (rc == NGX_OK) {
        rc = ngx_http_social_sns_verify(r, waiter->trust, waiter->sns,
                                        waiter->handler, waiter->data);
    }

    /* NGX_DONE: it was forgotten meanwhile, and is fetched once more */

    if (rc != NGX_DONE) {
        waiter->handler(r, rc, waiter->data);
    }

    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_social_sns_confirm(ngx_http_request_t *r,
    const ngx_http_social_sns_trust_t *trust, const social_sns_t *sns,
    ngx_http_social_sns_pt handler, void *data)
{
    ngx_http_social_task_t            *task;
    ngx_http_social_sns_confirm_t     *confirm;
    ngx_http_social_hook_main_conf_t  *hmcf;

    hmcf = ngx_http_social_sns_conf(r);

    task = ngx_http_social_task_create(sizeof(ngx_http_social_sns_confirm_t),
                                       ngx_http_social_sns_confirm_thread,
                                       ngx_http_social_sns_confirmed);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    confirm = task->ctx;

    confirm->handler = handler;
    confirm->data = data;
    confirm->fetch.timeout = NGX_HTTP_SOCIAL_SNS_TIMEOUT;
    confirm->fetch.max_size = NGX_HTTP_SOCIAL_SNS_CONFIRM_MAX;
    confirm->fetch.url = ngx_http_social_sns_copy(task->pool,
                                                  sns->subscribe_url);

    if (trust->ca_file.len) {
        confirm->fetch.ca_file = ngx_http_social_sns_copy(task->pool,
                                     (social_str_t) { trust->ca_file.len,
                                                      trust->ca_file.data });
    }

    if (confirm->fetch.url == NULL
        || (trust->ca_file.len && confirm->fetch.ca_file == NULL)
        || ngx_http_social_task_own_request(task, r) != NGX_OK)
    {
        ngx_http_social_task_free(task);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_social_task_post(task, hmcf->thread_pool) != NGX_OK) {
        ngx_http_social_task_free(task);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    return NGX_DONE;
}


static void
ngx_http_social_sns_confirm_thread(void *data, ngx_log_t *log)
{
    ngx_http_social_sns_confirm_t *confirm = data;

    confirm->rc = social_net_fetch(&confirm->fetch, &confirm->answer);
}


/*
 * The URL has a token in it, and is not logged.
 */

static void
ngx_http_social_sns_confirmed(ngx_http_social_task_t *task)
{
    void                           *data;
    ngx_int_t                       rc;
    ngx_connection_t               *c;
    ngx_http_request_t             *r;
    ngx_http_social_sns_pt          handler;
    ngx_http_social_sns_confirm_t  *confirm;

    r = task->owner;
    confirm = task->ctx;

    free(confirm->answer.body);

    rc = confirm->rc == SOCIAL_OK ? NGX_OK : NGX_HTTP_SERVICE_UNAVAILABLE;
    handler = confirm->handler;
    data = confirm->data;

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "social: could not confirm a subscription of SNS: %s",
                      confirm->answer.error);
    }

    ngx_http_social_task_disown(task);
    ngx_http_social_task_free(task);

    if (r == NULL) {
        return;
    }

    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    handler(r, rc, data);
    ngx_http_run_posted_requests(c);
}
