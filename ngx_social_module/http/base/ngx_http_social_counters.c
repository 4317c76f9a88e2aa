
/*
 * What is counted for "social_status".
 *
 * DESIGN.  A slot has one writer, the event loop of its process, which neither
 * locks nor uses atomic instructions; who reads it sees each number whole.
 * What a process has counted is added to the totals when its slot is taken by
 * another one, after it has exited or was killed.  Slots are never freed, so
 * that there are as many as processes have lived at one time.
 *
 * A row of a name is memory of its own for each slot, that is allocated when
 * the process counts in it first, and stays with the slot when that is taken
 * by another process: its numbers go on.
 */

#include "ngx_http_social_counters.h"
#include "ngx_http_social_zone.h"


#define NGX_HTTP_SOCIAL_COUNTERS_LINE  64    /* bytes of a cache line */


typedef struct ngx_http_social_counters_slot_s
    ngx_http_social_counters_slot_t;

struct ngx_http_social_counters_slot_s {
    ngx_http_social_counters_t        counters;
    ngx_http_social_counters_slot_t  *next;
    ngx_pid_t                         pid;          /* 0: of no process */
    uint64_t                         *rows[NGX_HTTP_SOCIAL_ROWS];
    u_char                            pad[NGX_HTTP_SOCIAL_COUNTERS_LINE];
};


/* guarded by the slab pool's mutex, but for the counters of slots */

typedef struct {
    ngx_http_social_counters_t        totals;       /* of those who are gone */
    ngx_http_social_counters_slot_t  *slots;
    ngx_http_social_jobs_t            jobs;
    ngx_uint_t                        n[NGX_HTTP_SOCIAL_ROW_KINDS];
    ngx_str_t                         names[NGX_HTTP_SOCIAL_ROWS];
} ngx_http_social_counters_sh_t;


typedef struct {
    ngx_http_request_t               *request;
    ngx_uint_t                        first;
    ngx_uint_t                        bytes;
} ngx_http_social_counted_t;


static ngx_int_t ngx_http_social_counters_init_zone(ngx_slab_pool_t *shpool,
    void **part, void *data, ngx_log_t *log);
static ngx_uint_t ngx_http_social_counters_lives(
    ngx_http_social_counters_slot_t *slot);
static void ngx_http_social_counters_add(ngx_http_social_counters_t *sum,
    const ngx_http_social_counters_t *counters);
static ngx_int_t ngx_http_social_counters_index(
    ngx_http_social_counting_t *counting, ngx_http_social_row_t *row);
static ngx_http_social_row_kind_e ngx_http_social_counters_kind(ngx_uint_t i);
static void ngx_http_social_counted(void *data);


/*
 * Of each kind: the row of all others, then the names.
 */
static const struct {
    ngx_uint_t                        first;
    ngx_uint_t                        max;          /* of names */
    size_t                            size;
} ngx_http_social_row_kinds[] = {
    { 0, NGX_HTTP_SOCIAL_ROUTES, sizeof(ngx_http_social_route_counts_t) },
    { NGX_HTTP_SOCIAL_ROUTES + 1, NGX_HTTP_SOCIAL_ROW_ISSUERS,
      sizeof(ngx_http_social_issuer_counts_t) }
};


ngx_http_social_counters_process_t  ngx_http_social_counters_process;


/* microseconds */

const uint64_t  ngx_http_social_seconds[NGX_HTTP_SOCIAL_BOUNDS] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000, 30000000
};


const uint64_t  ngx_http_social_numbers[NGX_HTTP_SOCIAL_BOUNDS] = {
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512
};


ngx_int_t
ngx_http_social_counters_use(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->counting != NULL) {
        return NGX_OK;
    }

    smcf->counting = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_counting_t));

    if (smcf->counting == NULL) {
        return NGX_ERROR;
    }

    return ngx_array_init(&smcf->counting->rows, cf->pool, 8,
                          sizeof(ngx_http_social_row_t *));
}


ngx_uint_t
ngx_http_social_counters_used(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    return smcf->counting != NULL;
}


ngx_http_social_row_t *
ngx_http_social_counters_row(ngx_conf_t *cf, ngx_http_social_row_kind_e kind,
    const ngx_str_t *name)
{
    ngx_str_t                      key;
    ngx_uint_t                     i;
    ngx_array_t                   *rows;
    ngx_http_social_row_t         *row, **slot;
    ngx_http_social_main_conf_t   *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->counting == NULL) {
        return NULL;
    }

    key = *name;
    key.len = ngx_min(key.len, NGX_HTTP_SOCIAL_ROW_NAME);

    rows = &smcf->counting->rows;
    slot = rows->elts;

    for (i = 0; i < rows->nelts; i++) {
        if (slot[i]->kind == kind
            && slot[i]->name.len == key.len
            && ngx_memcmp(slot[i]->name.data, key.data, key.len) == 0)
        {
            return slot[i];
        }
    }

    row = ngx_pcalloc(cf->pool, sizeof(ngx_http_social_row_t));
    slot = ngx_array_push(rows);

    if (row == NULL || slot == NULL) {
        return NULL;
    }

    row->kind = kind;
    row->name = key;
    row->index = ngx_http_social_row_kinds[kind].first;

    *slot = row;

    return row;
}


ngx_int_t
ngx_http_social_counters_init(ngx_conf_t *cf)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_social_module);

    if (smcf->counting == NULL) {
        return NGX_OK;
    }

    return ngx_http_social_zone_add_part(cf, NGX_HTTP_SOCIAL_ZONE_COUNTERS,
                                         ngx_http_social_counters_init_zone,
                                         smcf->counting);
}


static ngx_int_t
ngx_http_social_counters_init_zone(ngx_slab_pool_t *shpool, void **part,
    void *data, ngx_log_t *log)
{
    ngx_http_social_counting_t  *counting = data;

    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_http_social_row_t  **row;

    if (*part == NULL) {
        *part = ngx_slab_calloc(shpool, sizeof(ngx_http_social_counters_sh_t));
    }

    if (*part == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for counters%s: increase "
                      "\"social_zone\"", shpool->log_ctx);
        return NGX_ERROR;
    }

    counting->shpool = shpool;
    counting->sh = *part;

    row = counting->rows.elts;
    rc = NGX_OK;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < counting->rows.nelts && rc == NGX_OK; i++) {
        rc = ngx_http_social_counters_index(counting, row[i]);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "social: no room for names of counters%s: increase "
                      "\"social_zone\"", shpool->log_ctx);
    }

    return rc;
}


/*
 * Where the row of a name is: where it was, or the next one.  Names of former
 * configurations keep theirs.
 */

static ngx_int_t
ngx_http_social_counters_index(ngx_http_social_counting_t *counting,
    ngx_http_social_row_t *row)
{
    u_char                         *p;
    ngx_uint_t                      i, first;
    ngx_str_t                      *name;
    ngx_http_social_counters_sh_t  *sh;

    sh = counting->sh;
    first = ngx_http_social_row_kinds[row->kind].first;

    for (i = 1; i <= sh->n[row->kind]; i++) {
        name = &sh->names[first + i];

        if (name->len == row->name.len
            && ngx_memcmp(name->data, row->name.data, row->name.len) == 0)
        {
            row->index = first + i;
            return NGX_OK;
        }
    }

    if (i > ngx_http_social_row_kinds[row->kind].max) {
        row->index = first;
        return NGX_OK;
    }

    p = ngx_slab_alloc_locked(counting->shpool, row->name.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (row->name.len) {
        ngx_memcpy(p, row->name.data, row->name.len);
    }

    sh->names[first + i].data = p;
    sh->names[first + i].len = row->name.len;
    sh->n[row->kind] = i;

    row->index = first + i;

    return NGX_OK;
}


void
ngx_http_social_counters_start(ngx_cycle_t *cycle)
{
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_sh_t    *sh;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_social_module);

    if (smcf == NULL || smcf->counting == NULL) {
        return;
    }

    counting = smcf->counting;
    sh = counting->sh;

    ngx_shmtx_lock(&counting->shpool->mutex);

    for (slot = sh->slots; slot; slot = slot->next) {
        if (slot->pid == ngx_pid || !ngx_http_social_counters_lives(slot)) {
            break;
        }
    }

    if (slot != NULL) {
        ngx_http_social_counters_add(&sh->totals, &slot->counters);
        ngx_memzero(&slot->counters, sizeof(ngx_http_social_counters_t));

    } else {
        slot = ngx_slab_calloc_locked(counting->shpool,
                                      sizeof(ngx_http_social_counters_slot_t));
        if (slot != NULL) {
            slot->next = sh->slots;
            sh->slots = slot;
        }
    }

    if (slot != NULL) {
        slot->pid = ngx_pid;
        counting->slot = &slot->counters;

        ngx_http_social_counters_process.cycle = cycle;
        ngx_http_social_counters_process.slot = &slot->counters;
        ngx_http_social_counters_process.rows = slot->rows;
    }

    ngx_shmtx_unlock(&counting->shpool->mutex);

    if (slot == NULL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "social: no room for the counters of a worker process%s: "
                      "increase \"social_zone\"", counting->shpool->log_ctx);
    }
}


void
ngx_http_social_counters_stop(ngx_cycle_t *cycle)
{
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_social_module);

    if (smcf == NULL || smcf->counting == NULL
        || smcf->counting->slot == NULL)
    {
        return;
    }

    counting = smcf->counting;
    slot = (ngx_http_social_counters_slot_t *) counting->slot;

    counting->slot = NULL;
    ngx_http_social_counters_process.cycle = NULL;

    ngx_shmtx_lock(&counting->shpool->mutex);
    slot->pid = 0;
    ngx_shmtx_unlock(&counting->shpool->mutex);
}


void
ngx_http_social_counters_sum(ngx_http_request_t *r,
    ngx_http_social_counters_t *sum, ngx_uint_t *processes)
{
    ngx_uint_t                        i;
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_sh_t    *sh;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_social_module);

    counting = smcf->counting;
    sh = counting->sh;

    *processes = 0;

    ngx_shmtx_lock(&counting->shpool->mutex);

    *sum = sh->totals;

    for (slot = sh->slots; slot; slot = slot->next) {
        ngx_http_social_counters_add(sum, &slot->counters);

        if (!ngx_http_social_counters_lives(slot)) {
            continue;
        }

        (*processes)++;

        for (i = 0; i < NGX_HTTP_SOCIAL_GAUGES; i++) {
            sum->gauges[i] += slot->counters.gauges[i];
        }
    }

    ngx_shmtx_unlock(&counting->shpool->mutex);
}


ngx_int_t
ngx_http_social_counters_row_sum(ngx_http_request_t *r, ngx_uint_t i,
    ngx_http_social_row_kind_e *kind, ngx_str_t *name, uint64_t *sum)
{
    size_t                            k, n;
    ngx_int_t                         rc;
    ngx_http_social_counting_t       *counting;
    ngx_http_social_main_conf_t      *smcf;
    ngx_http_social_counters_sh_t    *sh;
    ngx_http_social_counters_slot_t  *slot;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_social_module);

    counting = smcf->counting;
    sh = counting->sh;

    *kind = ngx_http_social_counters_kind(i);

    if (i == ngx_http_social_row_kinds[*kind].first) {
        ngx_str_set(name, "other");

    } else {
        *name = sh->names[i];
    }

    n = ngx_http_social_row_kinds[*kind].size / sizeof(uint64_t);
    ngx_memzero(sum, n * sizeof(uint64_t));
    rc = NGX_DECLINED;

    ngx_shmtx_lock(&counting->shpool->mutex);

    for (slot = sh->slots; slot; slot = slot->next) {

        if (slot->rows[i] == NULL) {
            continue;
        }

        rc = NGX_OK;

        for (k = 0; k < n; k++) {
            sum[k] += slot->rows[i][k];
        }
    }

    ngx_shmtx_unlock(&counting->shpool->mutex);

    return rc;
}


static ngx_http_social_row_kind_e
ngx_http_social_counters_kind(ngx_uint_t i)
{
    return i < ngx_http_social_row_kinds[NGX_HTTP_SOCIAL_ROW_ISSUER].first
           ? NGX_HTTP_SOCIAL_ROW_ROUTE : NGX_HTTP_SOCIAL_ROW_ISSUER;
}


uint64_t *
ngx_http_social_counters_row_add(const ngx_http_social_row_t *row)
{
    uint64_t                     *values;
    ngx_http_social_counting_t   *counting;
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_social_module);

    counting = smcf->counting;

    if (counting->full) {
        return NULL;
    }

    /* a slab of at least a cache line, which no other process shares */

    values = ngx_slab_calloc(counting->shpool,
                             ngx_max(ngx_http_social_row_kinds[row->kind].size,
                                     NGX_HTTP_SOCIAL_COUNTERS_LINE));

    if (values == NULL) {
        counting->full = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "social: no room for counters of \"%V\"%s: increase "
                      "\"social_zone\"", &row->name,
                      counting->shpool->log_ctx);
        return NULL;
    }

    ngx_http_social_counters_process.rows[row->index] = values;

    return values;
}


void
ngx_http_social_observe(ngx_http_social_histogram_t *histogram,
    const uint64_t *bounds, uint64_t value)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_SOCIAL_BOUNDS && value > bounds[i]; i++) {
        /* void */
    }

    histogram->buckets[i]++;
    histogram->sum += value;
}


void
ngx_http_social_count_answer(ngx_http_request_t *r, ngx_uint_t first,
    ngx_uint_t bytes)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_social_counted_t  *counted;

    if (ngx_http_social_counters() == NULL) {
        return;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_social_counted_t));
    if (cln == NULL) {
        return;
    }

    counted = cln->data;
    counted->request = r;
    counted->first = first;
    counted->bytes = bytes;

    cln->handler = ngx_http_social_counted;
}


static void
ngx_http_social_counted(void *data)
{
    ngx_http_social_counted_t  *counted = data;

    ngx_uint_t                   status;
    ngx_http_request_t          *r;
    ngx_http_social_answer_e     answer;
    ngx_http_social_counters_t  *counters;

    counters = ngx_http_social_counters();

    if (counters == NULL) {
        return;
    }

    r = counted->request;
    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == 0 || status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        answer = NGX_HTTP_SOCIAL_ANSWER_ABORTED;

    } else if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        answer = NGX_HTTP_SOCIAL_ANSWER_FAILED;

    } else if (status >= NGX_HTTP_BAD_REQUEST) {
        answer = NGX_HTTP_SOCIAL_ANSWER_REFUSED;

    } else {
        answer = NGX_HTTP_SOCIAL_ANSWER_OK;
    }

    counters->counts[counted->first + answer]++;

    if (counted->bytes) {
        counters->counts[counted->bytes] += r->connection->sent;
        counters->counts[counted->bytes + 1] += r->request_length;
    }
}


ngx_http_social_jobs_t *
ngx_http_social_counters_jobs(ngx_cycle_t *cycle)
{
    ngx_http_social_main_conf_t    *smcf;
    ngx_http_social_counters_sh_t  *sh;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_social_module);

    if (smcf == NULL || smcf->counting == NULL) {
        return NULL;
    }

    sh = smcf->counting->sh;

    return &sh->jobs;
}


ngx_slab_pool_t *
ngx_http_social_counters_zone(ngx_http_request_t *r)
{
    ngx_http_social_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_social_module);

    return smcf->counting->shpool;
}


static ngx_uint_t
ngx_http_social_counters_lives(ngx_http_social_counters_slot_t *slot)
{
    return slot->pid != 0
           && (kill(slot->pid, 0) == 0 || ngx_errno != ESRCH);
}


/*
 * But for gauges, which those who are gone have none of.
 */

static void
ngx_http_social_counters_add(ngx_http_social_counters_t *sum,
    const ngx_http_social_counters_t *counters)
{
    ngx_uint_t  i, k;

    for (i = 0; i < NGX_HTTP_SOCIAL_HISTOGRAMS; i++) {
        for (k = 0; k < NGX_HTTP_SOCIAL_BUCKETS; k++) {
            sum->histograms[i].buckets[k] += counters->histograms[i].buckets[k];
        }

        sum->histograms[i].sum += counters->histograms[i].sum;
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_COUNTS; i++) {
        sum->counts[i] += counters->counts[i];
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_PEAKS; i++) {
        sum->peaks[i] = ngx_max(sum->peaks[i], counters->peaks[i]);
    }
}
