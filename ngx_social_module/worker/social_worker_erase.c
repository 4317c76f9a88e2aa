
/*
 * The objects of a user who was deleted: what was uploaded, and all that was
 * made of it.
 *
 * The database knows the names of variants that a job has recorded.  Others may
 * be there: of an object that was replaced, and of a job that was interrupted
 * or was still running.  Names follow from the upload, the variant and the
 * generation, so that all that there could be are deleted.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "social_worker_erase.h"
#include "social_worker_job_put.h"
#include "social_worker_log.h"


/* generations of an upload: objects that were put with one URL */
#define SOCIAL_WORKER_ERASE_GENERATIONS  10000


typedef struct {
    social_worker_job_ctx_t       *ctx;
    const char                    *sub;

    char                           id[40];         /* of the upload */
    const social_json_t           *upload;
    const social_worker_kind_t    *kind;           /* NULL: not configured */
    int64_t                        generation;

    long long                      deleted;
    char                           missing[160];   /* a section; "": none */
} social_worker_erase_t;


static bool social_worker_erase_upload(social_worker_erase_t *erase);
static bool social_worker_erase_raw(social_worker_erase_t *erase);
static bool social_worker_erase_recorded(social_worker_erase_t *erase);
static bool social_worker_erase_made(social_worker_erase_t *erase);
static bool social_worker_erase_variant(social_worker_erase_t *erase,
    const social_worker_variant_t *variant, int64_t generation);
static bool social_worker_erase_alias(social_worker_erase_t *erase);
static bool social_worker_erase_delete(social_worker_erase_t *erase,
    const social_worker_bucket_t *bucket, const char *key);
static bool social_worker_erase_text(const social_json_t *json,
    const char *name, char *buf, size_t size);
static bool social_worker_erase_copy(const social_json_t *json, char *buf,
    size_t size);


bool
social_worker_erase(social_worker_job_ctx_t *ctx)
{
    bool                    ok;
    char                    sub[256];
    const social_json_t    *uploads;
    social_worker_erase_t   erase;

    memset(&erase, 0, sizeof(social_worker_erase_t));

    erase.ctx = ctx;
    erase.sub = social_worker_job_member(ctx, "sub", sub, sizeof(sub));

    uploads = social_json_member(ctx->job->payload, social_str("uploads"));

    ok = true;

    if (!social_json_is_array(uploads)) {
        ok = social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                    SOCIAL_WORKER_REASON_OURS,
                                    "the payload has no \"uploads\"");
    }

    while (ok
           && (erase.upload = social_json_next(uploads, erase.upload)) != NULL)
    {
        ok = social_worker_erase_upload(&erase);
    }

    if (ok && erase.missing[0] != '\0') {

        /* all the others are deleted; an operator adds it, and retries */

        ok = social_worker_job_fail(ctx, SOCIAL_WORKER_PERMANENT,
                                    SOCIAL_WORKER_REASON_OURS,
                                    "no section \"%s\" in the configuration, "
                                    "needed to delete objects", erase.missing);
    }

    ctx->job->summary.deletions = erase.deleted;

    return ok;
}


static bool
social_worker_erase_upload(social_worker_erase_t *erase)
{
    char         kind[128];
    const char  *digits = "0123456789abcdef-";

    erase->kind = NULL;
    erase->generation = 0;

    /* it becomes part of keys */

    if (!social_worker_erase_text(erase->upload, "id", erase->id,
                                  sizeof(erase->id))
        || strlen(erase->id) != 36 || strspn(erase->id, digits) != 36
        || !social_worker_erase_text(erase->upload, "kind", kind, sizeof(kind))
        || social_json_integer(social_json_member(erase->upload,
                                                  social_str("generation")),
                               &erase->generation)
           != SOCIAL_OK)
    {
        return social_worker_job_fail(erase->ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "the payload has an upload without "
                                      "usable \"id\", \"kind\" or "
                                      "\"generation\"");
    }

    if (!social_worker_erase_raw(erase)) {
        return false;
    }

    erase->kind = social_worker_conf_kind(erase->ctx->job->conf, kind);

    if (erase->kind != NULL) {
        return social_worker_erase_recorded(erase)
               && social_worker_erase_made(erase)
               && social_worker_erase_alias(erase);
    }

    if (social_json_count(social_json_member(erase->upload,
                                             social_str("keys")))
        != 0)
    {
        snprintf(erase->missing, sizeof(erase->missing), "kind %.64s", kind);
    }

    return true;
}


static bool
social_worker_erase_raw(social_worker_erase_t *erase)
{
    char                           name[256], key[SOCIAL_WORKER_JOB_KEY];
    const social_worker_bucket_t  *bucket;

    if (!social_worker_erase_text(erase->upload, "bucket", name, sizeof(name))
        || !social_worker_erase_text(erase->upload, "key", key, sizeof(key)))
    {
        return social_worker_job_fail(erase->ctx, SOCIAL_WORKER_PERMANENT,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "the payload has an upload without "
                                      "usable \"bucket\" or \"key\"");
    }

    bucket = social_worker_conf_bucket(erase->ctx->job->conf, name);

    if (bucket == NULL) {
        snprintf(erase->missing, sizeof(erase->missing), "bucket\" for \"%.64s",
                 name);
        return true;
    }

    return social_worker_erase_delete(erase, bucket, key);
}


/* those that have names of their own too, which "clean" gives */

static bool
social_worker_erase_recorded(social_worker_erase_t *erase)
{
    char                  key[SOCIAL_WORKER_JOB_KEY];
    const social_json_t  *keys, *item;

    keys = social_json_member(erase->upload, social_str("keys"));

    for (item = social_json_next(keys, NULL);
         item != NULL;
         item = social_json_next(keys, item))
    {

        if (!social_worker_erase_copy(item, key, sizeof(key))) {
            continue;
        }

        if (!social_worker_erase_delete(erase, erase->kind->output, key)) {
            return false;
        }
    }

    return true;
}


static bool
social_worker_erase_made(social_worker_erase_t *erase)
{
    size_t   i;
    int64_t  generation;

    for (generation = 1;
         generation <= erase->generation
             && generation <= SOCIAL_WORKER_ERASE_GENERATIONS;
         generation++)
    {
        for (i = 0; i < erase->kind->variant_count; i++) {

            if (!social_worker_erase_variant(erase, erase->kind->variants[i],
                                             generation))
            {
                return false;
            }
        }
    }

    return true;
}


static bool
social_worker_erase_variant(social_worker_erase_t *erase,
    const social_worker_variant_t *variant, int64_t generation)
{
    char      key[SOCIAL_WORKER_JOB_KEY];
    uint32_t  i;

    for (i = 0; i < variant->spec.format_count; i++) {

        social_worker_job_variant_key(key, sizeof(key), erase->id,
                                      variant->name, generation,
                                      variant->spec.formats[i]);

        if (!social_worker_erase_delete(erase, erase->kind->output, key)) {
            return false;
        }
    }

    return true;
}


static bool
social_worker_erase_alias(social_worker_erase_t *erase)
{
    char  key[SOCIAL_WORKER_JOB_KEY];

    if (erase->kind->alias == NULL || erase->generation == 0
        || erase->sub == NULL
        || !social_worker_job_alias_key(erase->kind->alias, erase->sub,
                                        erase->id, key, sizeof(key)))
    {
        return true;
    }

    return social_worker_erase_delete(erase, erase->kind->output, key);
}


static bool
social_worker_erase_delete(social_worker_erase_t *erase,
    const social_worker_bucket_t *bucket, const char *key)
{
    char  error[SOCIAL_NET_ERROR_SIZE];

    if (social_worker_work_ours(erase->ctx->work, erase->ctx->job) == 0) {
        erase->ctx->lost = true;
        return false;
    }

    if (social_net_s3_delete(&bucket->s3, key, error) != SOCIAL_OK) {
        return social_worker_job_fail(erase->ctx, SOCIAL_WORKER_UNAVAILABLE,
                                      SOCIAL_WORKER_REASON_OURS,
                                      "delete: %s", error);
    }

    erase->deleted++;

    return true;
}


static bool
social_worker_erase_text(const social_json_t *json, const char *name,
    char *buf, size_t size)
{
    return social_worker_erase_copy(social_json_member(json, social_str(name)),
                                    buf, size);
}


static bool
social_worker_erase_copy(const social_json_t *json, char *buf, size_t size)
{
    social_str_t  value;

    if (social_json_string(json, &value) != SOCIAL_OK
        || value.len == 0 || value.len >= size)
    {
        return false;
    }

    memcpy(buf, value.data, value.len);
    buf[value.len] = '\0';

    return true;
}
