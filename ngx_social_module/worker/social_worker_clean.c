
/*
 * Variants that earlier versions made, without metadata.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_worker_clean.h"
#include "social_worker_clean_object.h"
#include "social_worker_job_put.h"
#include "social_worker_log.h"


#define SOCIAL_WORKER_CLEAN_PAGE    "100"
#define SOCIAL_WORKER_CLEAN_NOBODY  "00000000-0000-0000-0000-000000000000"

/* consecutive objects of one upload that are searched for */
#define SOCIAL_WORKER_CLEAN_GENERATIONS  100


static void social_worker_clean_rows(social_worker_clean_t *clean, const char
    *sql);
static void social_worker_clean_row(social_worker_clean_t *clean,
    social_worker_clean_row_t *row);
static void social_worker_clean_variants(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const PGresult *variants);
static bool social_worker_clean_variant(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *name, const char *key,
    char *changes, size_t size);
static void social_worker_clean_switch(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *changes);
static void social_worker_clean_alias(social_worker_clean_t *clean,
    social_worker_clean_row_t *row);
static void social_worker_clean_leftovers(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *picture);


int
social_worker_clean(const social_worker_conf_t *conf)
{
    PGresult               *result;
    const char             *value;
    social_worker_clean_t   clean;

    memset(&clean, 0, sizeof(social_worker_clean_t));
    clean.conf = conf;

    if (!social_worker_pq_connect(&clean.pq, conf->conninfo)) {
        return 1;
    }

    /*
     * One at a time, so that unused new objects can be deleted safely.  The
     * lock is held as long as the connection, which is not made again.
     */

    result = social_worker_clean_sql(&clean,
                                     "SELECT pg_try_advisory_lock(736003)", 0,
                                     NULL);
    value = result ? social_worker_pq_value(result) : NULL;

    if (value != NULL && value[0] != 't') {
        clean.broken = true;
        social_worker_clean_failed(&clean, "", "another \"clean\" is running");
    }

    PQclear(result);

    /* those that look for what few rows have, in large tables */

    (void) social_worker_clean_run(&clean, "SET statement_timeout = '10min'",
                                   0, NULL);

    social_worker_clean_pending(&clean, NULL);
    social_worker_clean_rows(&clean, "SELECT id, generation, kind, user_id, "
                             "sub, variants, id AS at "
                             "FROM social_clean_uploads($1, $2)");
    social_worker_clean_rows(&clean, "SELECT id, generation, kind, user_id, "
                             "sub, variants, user_id AS at "
                             "FROM social_clean_avatars($1, $2)");

    social_worker_pq_close(&clean.pq);

    social_worker_log(clean.broken ? SOCIAL_WORKER_ERROR : SOCIAL_WORKER_INFO,
                      clean.broken ? "clean aborted" : "clean done",
                      social_worker_number("objects", clean.objects),
                      social_worker_number("cleaned", clean.cleaned),
                      social_worker_number("failed", clean.failed));

    return clean.broken || clean.failed ? 1 : 0;
}


static void
social_worker_clean_rows(social_worker_clean_t *clean, const char *sql)
{
    int                         i, n;
    char                        after[40];
    PGresult                   *rows;
    const char                 *params[2];
    social_worker_clean_row_t   row;

    snprintf(after, sizeof(after), "%s", SOCIAL_WORKER_CLEAN_NOBODY);

    params[0] = after;
    params[1] = SOCIAL_WORKER_CLEAN_PAGE;

    do {
        rows = social_worker_clean_sql(clean, sql, 2, params);
        n = rows ? PQntuples(rows) : 0;

        for (i = 0; i < n && !clean->broken; i++) {

            row.id = PQgetisnull(rows, i, 0) ? NULL : PQgetvalue(rows, i, 0);
            row.generation = PQgetisnull(rows, i, 1) ? NULL
                                                     : PQgetvalue(rows, i, 1);
            row.kind_name = PQgetvalue(rows, i, 2);
            row.user = PQgetvalue(rows, i, 3);
            row.sub = PQgetvalue(rows, i, 4);
            row.variants = PQgetvalue(rows, i, 5);

            social_worker_clean_row(clean, &row);

            snprintf(after, sizeof(after), "%s", PQgetvalue(rows, i, 6));
        }

        PQclear(rows);

    } while (n > 0 && !clean->broken);
}


static void
social_worker_clean_row(social_worker_clean_t *clean,
    social_worker_clean_row_t *row)
{
    int        i, n;
    PGresult  *variants;

    row->kind = social_worker_conf_kind(clean->conf, row->kind_name);

    if (row->kind == NULL) {
        social_worker_clean_failed(clean, row->id ? row->id : row->user,
                                   "no section \"kind\" in the configuration "
                                   "for it");
        return;
    }

    /* as PostgreSQL prints jsonb, without a space before it */

    if (row->variants[0] != '{') {
        social_worker_clean_failed(clean, row->id ? row->id : row->user,
                                   "its variants are not an object");
    }

    variants = social_worker_clean_sql(clean, "SELECT name, object_key "
                                       "FROM social_clean_variants($1)", 1,
                                       &row->variants);

    if (variants != NULL) {
        social_worker_clean_variants(clean, row, variants);

        n = PQntuples(variants);

        for (i = 0; i < n; i++) {
            if (social_worker_clean_plain(PQgetvalue(variants, i, 1))) {
                social_worker_clean_leftovers(clean, row,
                                              PQgetvalue(variants, i, 1));
                break;
            }
        }
    }

    PQclear(variants);

    if (row->kind->alias != NULL && !clean->broken) {
        social_worker_clean_alias(clean, row);
    }
}


/* all of a row are put before it is switched, once */

static void
social_worker_clean_variants(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const PGresult *variants)
{
    int     i, n;
    char   *changes;
    size_t  size, len;

    n = PQntuples(variants);
    size = (size_t) n * 3 * SOCIAL_WORKER_JOB_KEY + 3;
    changes = malloc(size);

    if (changes == NULL) {
        clean->broken = true;
        social_worker_clean_failed(clean, "", "no memory");
        return;
    }

    changes[0] = '{';
    len = 1;

    for (i = 0; i < n && !clean->broken; i++) {

        if (social_worker_clean_variant(clean, row,
                                        PQgetvalue(variants, i, 0),
                                        PQgetvalue(variants, i, 1),
                                        changes + len, size - len))
        {
            len += strlen(changes + len);
        }
    }

    if (len > 1 && !clean->broken) {
        changes[len - 1] = '}';             /* was a comma */
        social_worker_clean_switch(clean, row, changes);
    }

    free(changes);
}


/* true: it was put under another name, and "changes" says what and where */

static bool
social_worker_clean_variant(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *name, const char *key,
    char *changes, size_t size)
{
    bool                           put;
    char                           error[SOCIAL_NET_ERROR_SIZE];
    char                           fresh[SOCIAL_WORKER_JOB_KEY];
    social_net_s3_object_t         object;
    social_worker_clean_object_t   bare;

    if (!social_worker_clean_plain(name) || !social_worker_clean_plain(key)) {
        social_worker_clean_failed(clean, row->id ? row->id : row->user,
                                   key[0] == '\0' ? "a variant has no key"
                                                  : "unexpected name");
        return false;
    }

    if (social_worker_clean_get(clean, row->kind->output, key, true, &bare)
        != SOCIAL_OK)
    {
        return false;
    }

    put = false;

    if (!bare.changed) {
        /* void */

    } else if (!social_worker_clean_name(key, &bare, fresh, sizeof(fresh))) {
        social_worker_clean_failed(clean, key, "no new name could be made");

    } else if (strcmp(fresh, key) == 0) {

        /* of this name before, and then written over */

        if (social_worker_clean_replace(clean, row, key, &bare,
                                        SOCIAL_WORKER_JOB_IMMUTABLE))
        {
            social_worker_clean_pending(clean, row->id ? row->id : row->user);
        }

    } else {
        object.key = fresh;
        object.data = bare.data;
        object.size = bare.size;
        object.content_type = social_image_media_type(bare.type);
        object.cache_control = SOCIAL_WORKER_JOB_IMMUTABLE;

        put = social_net_s3_put(&row->kind->output->s3, &object, error)
              == SOCIAL_OK;

        if (put) {
            snprintf(changes, size, "\"%s\":{\"key\":\"%s\",\"bytes\":%zu},",
                     name, fresh, bare.size);

        } else {
            social_worker_clean_failed(clean, fresh, error);
        }
    }

    free(bare.data);

    return put;
}


static void
social_worker_clean_switch(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *changes)
{
    int          i, n;
    char         error[SOCIAL_NET_ERROR_SIZE];
    PGresult    *result, *put;
    const char  *params[6], *value;

    params[0] = row->id;
    params[1] = row->generation;
    params[2] = row->user;
    params[3] = row->variants;
    params[4] = row->kind->output->bucket;
    params[5] = changes;

    result = social_worker_clean_sql(clean,
                 "SELECT social_clean_switch($1, $2, $3, $4, $5, $6)", 6,
                 params);

    if (result == NULL) {
        return;                             /* it may have been switched */
    }

    value = social_worker_pq_value(result);

    if (value != NULL && value[0] == 't') {
        PQclear(result);
        social_worker_clean_pending(clean, row->id ? row->id : row->user);
        return;
    }

    PQclear(result);

    /* changed since it was read: the new names are not used */

    put = social_worker_clean_sql(clean, "SELECT name, object_key "
                                  "FROM social_clean_variants($1)", 1,
                                  &params[5]);
    n = put ? PQntuples(put) : 0;

    for (i = 0; i < n; i++) {
        if (social_net_s3_delete(&row->kind->output->s3,
                                 PQgetvalue(put, i, 1), error)
            != SOCIAL_OK)
        {
            social_worker_clean_failed(clean, PQgetvalue(put, i, 1), error);
        }
    }

    PQclear(put);

    social_worker_clean_failed(clean, row->id ? row->id : row->user,
                               "it was changed meanwhile: run \"clean\" "
                               "again");
}


/*
 * The name that does not change with the picture.  Its object is replaced
 * where it is, whichever upload's it is, under the lock that a worker takes to
 * put a newer one.
 */

static void
social_worker_clean_alias(social_worker_clean_t *clean,
    social_worker_clean_row_t *row)
{
    char  key[SOCIAL_WORKER_JOB_KEY];

    /* without an upload there is none that has its id in the name */

    if (row->id == NULL && strstr(row->kind->alias, "{id}") != NULL) {
        return;
    }

    if (!social_worker_job_alias_key(row->kind->alias, row->sub, row->id, key,
                                     sizeof(key)))
    {
        social_worker_clean_failed(clean, row->id ? row->id : row->user,
                                   "no alias can be made of its subject");
        return;
    }

    if (!social_worker_clean_run(clean, "SELECT social_clean_lock($1)", 1,
                                 &row->user))
    {
        return;
    }

    social_worker_clean_in_place(clean, row, key, SOCIAL_WORKER_JOB_FRESH);

    (void) social_worker_clean_run(clean, "SELECT social_clean_unlock($1)", 1,
                                   &row->user);
}


/*
 * What no row refers to any more, but is still reachable by its URL: variants
 * of an object that another one followed, at the same upload; and those of a
 * deleted upload whose "picture" is still the user's.  Each keeps its name.
 */

static void
social_worker_clean_leftovers(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *picture)
{
    char                           key[SOCIAL_WORKER_JOB_KEY], number[24];
    size_t                         i, k, len;
    const char                    *slash;
    unsigned long                  n, generation;
    const social_worker_variant_t *variant;

    slash = strrchr(picture, '/');

    if (slash == NULL) {
        return;
    }

    len = (size_t) (slash - picture);
    generation = row->generation ? strtoul(row->generation, NULL, 10) : 2;

    if (generation > SOCIAL_WORKER_CLEAN_GENERATIONS) {
        generation = SOCIAL_WORKER_CLEAN_GENERATIONS;
    }

    for (n = 1; n < generation; n++) {

        number[0] = '\0';

        if (n > 1) {
            snprintf(number, sizeof(number), "-%lu", n);
        }

        for (i = 0; i < row->kind->variant_count; i++) {

            variant = row->kind->variants[i];

            for (k = 0; k < variant->spec.format_count; k++) {

                if (clean->broken
                    || snprintf(key, sizeof(key), "%.*s/%s%s.%s", (int) len,
                                picture, variant->name, number,
                                social_image_extension(
                                    variant->spec.formats[k]))
                       >= (int) sizeof(key))
                {
                    return;
                }

                social_worker_clean_in_place(clean, row, key,
                                             SOCIAL_WORKER_JOB_IMMUTABLE);
            }
        }
    }
}
