
/*
 * Objects whose metadata is removed, and what "clean" records about them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_crypto.h"
#include "social_encoding.h"
#include "social_image_strip.h"
#include "social_worker_clean_object.h"
#include "social_worker_decoder.h"
#include "social_worker_job_put.h"
#include "social_worker_log.h"


/* of a digest in a name, in hexadecimal */
#define SOCIAL_WORKER_CLEAN_DIGEST  16


static bool social_worker_clean_strip(social_worker_clean_t *clean,
    const char *key, const social_net_s3_body_t *body,
    social_worker_clean_object_t *object);


/* one that may not be there */

void
social_worker_clean_in_place(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *key, const char *cache_control)
{
    social_worker_clean_object_t  bare;

    if (social_worker_clean_get(clean, row->kind->output, key, false, &bare)
        != SOCIAL_OK)
    {
        return;
    }

    if (bare.changed
        && social_worker_clean_replace(clean, row, key, &bare, cache_control))
    {
        social_worker_clean_pending(clean, row->id ? row->id : row->user);
    }

    free(bare.data);
}


/* recorded before it is done: what was put has to be printed */

bool
social_worker_clean_replace(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *key,
    const social_worker_clean_object_t *bare, const char *cache_control)
{
    char                     error[SOCIAL_NET_ERROR_SIZE];
    const char              *params[3];
    social_net_s3_object_t   object;

    params[0] = row->kind->output->bucket;
    params[1] = key;
    params[2] = row->id ? row->id : row->user;

    if (!social_worker_clean_run(clean,
                                 "SELECT social_clean_replace($1, $2, $3)", 3,
                                 params))
    {
        return false;
    }

    object.key = key;
    object.data = bare->data;
    object.size = bare->size;
    object.content_type = social_image_media_type(bare->type);
    object.cache_control = cache_control;

    if (social_net_s3_put(&row->kind->output->s3, &object, error)
        != SOCIAL_OK)
    {
        social_worker_clean_failed(clean, key, error);
        return false;
    }

    return true;
}


/* deletes, prints, and only then removes the record */

void
social_worker_clean_pending(social_worker_clean_t *clean, const char *upload)
{
    int                            i;
    char                           error[SOCIAL_NET_ERROR_SIZE];
    PGresult                      *rows;
    const char                    *params[2];
    const social_worker_bucket_t  *bucket;

    rows = social_worker_clean_sql(clean, "SELECT bucket, object_key, gone "
                                   "FROM social_clean_pending($1)", 1, &upload);

    for (i = 0; rows != NULL && !clean->broken && i < PQntuples(rows); i++) {

        params[0] = PQgetvalue(rows, i, 0);
        params[1] = PQgetvalue(rows, i, 1);

        bucket = social_worker_conf_bucket(clean->conf, params[0]);

        if (bucket == NULL) {
            social_worker_clean_failed(clean, params[1],
                                       "no section \"bucket\" in the "
                                       "configuration for it");
            continue;
        }

        if (PQgetvalue(rows, i, 2)[0] == 't'
            && social_net_s3_delete(&bucket->s3, params[1], error)
               != SOCIAL_OK)
        {
            social_worker_clean_failed(clean, params[1], error);
            continue;
        }

        if (printf("%s\n", params[1]) < 0 || fflush(stdout) != 0) {
            clean->broken = true;
            social_worker_clean_failed(clean, "", "the standard output "
                                       "cannot be written to");
            break;
        }

        clean->cleaned++;

        (void) social_worker_clean_run(clean,
                                       "SELECT social_clean_forget($1, $2)",
                                       2, params);
    }

    PQclear(rows);
}


/*
 * An object as it would be without metadata; the caller frees its data.
 * SOCIAL_DECLINED: it is not there.
 */

social_rc_e
social_worker_clean_get(social_worker_clean_t *clean,
    const social_worker_bucket_t *bucket, const char *key, bool expected,
    social_worker_clean_object_t *object)
{
    char                   error[SOCIAL_NET_ERROR_SIZE];
    social_rc_e            rc;
    social_net_s3_body_t   body;

    memset(object, 0, sizeof(social_worker_clean_object_t));
    memset(&body, 0, sizeof(social_net_s3_body_t));

    body.fd = -1;
    body.max_size = SOCIAL_WORKER_MAX_OUTPUT;

    clean->objects++;

    rc = social_net_s3_get(&bucket->s3, key, &body, error);

    if (rc == SOCIAL_DECLINED) {
        social_worker_log(expected ? SOCIAL_WORKER_WARN : SOCIAL_WORKER_DEBUG,
                          "object not there",
                          social_worker_text("key", key),
                          social_worker_text("error", error));

    } else if (rc != SOCIAL_OK) {
        social_worker_clean_failed(clean, key, error);

    } else if (!social_worker_clean_strip(clean, key, &body, object)) {
        rc = SOCIAL_FAILED;
    }

    free(body.data);

    return rc;
}


static bool
social_worker_clean_strip(social_worker_clean_t *clean, const char *key,
    const social_net_s3_body_t *body, social_worker_clean_object_t *object)
{
    social_rc_e   rc;
    social_str_t  data;

    data.data = body->data;
    data.len = body->size;

    object->data = malloc(data.len + 1);

    if (object->data == NULL) {
        social_worker_clean_failed(clean, key, "no memory");
        return false;
    }

    object->type = social_image_type(data);
    rc = social_image_strip(data, object->data, &object->size);

    if (rc == SOCIAL_OK) {
        object->changed = object->size != data.len
                          || memcmp(object->data, data.data, data.len) != 0;
        return true;
    }

    social_worker_clean_failed(clean, key, rc == SOCIAL_DECLINED
                               ? "it has metadata that cannot be cut, or is "
                                 "not a variant" : "it is damaged");

    free(object->data);
    object->data = NULL;

    return false;
}


/* "images/ID/small.webp" becomes "images/ID/small.0123456789abcdef.webp" */

bool
social_worker_clean_name(const char *key,
    const social_worker_clean_object_t *object, char *name, size_t size)
{
    size_t          stem;
    const char     *slash, *dot;
    social_str_t    data;
    unsigned char   hex[social_hex_size(SOCIAL_SHA256_SIZE)];
    unsigned char   digest[SOCIAL_SHA256_SIZE];

    data.data = object->data;
    data.len = object->size;

    if (social_sha256(data, digest) != SOCIAL_OK) {
        return false;
    }

    data.data = digest;
    data.len = SOCIAL_SHA256_SIZE;
    social_hex_encode(data, hex);

    slash = strrchr(key, '/');
    dot = strrchr(slash ? slash : key, '.');

    if (dot == NULL) {
        dot = key + strlen(key);
    }

    stem = (size_t) (dot - key);

    /* one that has a digest gets another */

    if (stem > SOCIAL_WORKER_CLEAN_DIGEST
        && dot[-SOCIAL_WORKER_CLEAN_DIGEST - 1] == '.'
        && strspn(dot - SOCIAL_WORKER_CLEAN_DIGEST, "0123456789abcdef")
           == SOCIAL_WORKER_CLEAN_DIGEST)
    {
        stem -= SOCIAL_WORKER_CLEAN_DIGEST + 1;
    }

    return (size_t) snprintf(name, size, "%.*s.%.*s%s", (int) stem, key,
                             SOCIAL_WORKER_CLEAN_DIGEST, (char *) hex, dot)
           < size;
}


/* what workers write into rows, and JSON would not escape */

bool
social_worker_clean_plain(const char *text)
{
    size_t  len;

    len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789-_./");

    return len > 0 && len < SOCIAL_WORKER_JOB_KEY && text[len] == '\0';
}


/* NULL, and the end of the run, if the database does not answer */

PGresult *
social_worker_clean_sql(social_worker_clean_t *clean, const char *sql, int n,
    const char *const *params)
{
    PGresult  *result;

    if (clean->broken) {
        return NULL;
    }

    result = social_worker_pq_run(&clean->pq, sql, n, params);

    if (result == NULL) {
        clean->broken = true;
    }

    return result;
}


bool
social_worker_clean_run(social_worker_clean_t *clean, const char *sql, int n,
    const char *const *params)
{
    PGresult  *result;

    result = social_worker_clean_sql(clean, sql, n, params);
    PQclear(result);

    return result != NULL;
}


void
social_worker_clean_failed(social_worker_clean_t *clean, const char *key,
    const char *error)
{
    clean->failed++;

    social_worker_log(SOCIAL_WORKER_ERROR, "not cleaned",
                      social_worker_text("key", key),
                      social_worker_text("error", error));
}
