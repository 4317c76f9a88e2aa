
/*
 * "social-worker expire".
 *
 * The row of an upload is locked while its object is deleted: the key of a
 * user's picture is always the same, and a new one must not be what is deleted.
 * So is that of one that is not an upload; nobody has to ask before another
 * one is put, so that what is deleted has to have the ETag that was noted, and
 * its age: the same bytes may have been put again, of which no event came yet,
 * and not every store knows If-Match.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_net_s3_object.h"
#include "social_object.h"
#include "social_worker_conf_parse.h"
#include "social_worker_expire.h"
#include "social_worker_log.h"
#include "social_worker_pq.h"


#define SOCIAL_WORKER_EXPIRE_PAGE   "200"
#define SOCIAL_WORKER_EXPIRE_FIRST  "00000000-0000-0000-0000-000000000000"

/* milliseconds: an hour, and a hundred years */
#define SOCIAL_WORKER_EXPIRE_LEAST  (3600ULL * 1000)
#define SOCIAL_WORKER_EXPIRE_MOST   (36500ULL * 86400 * 1000)


typedef struct {
    social_worker_pq_t   pq;
    bool                 dry;
    bool                 broken;          /* must not go on */
    char                 age[32];         /* as PostgreSQL reads it */
    int64_t              seconds;         /* the same */
    long long            deleted;
    long long            failed;
} social_worker_expire_t;


static void social_worker_expire_bucket(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket);
static bool social_worker_expire_page(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, char *after, size_t size);
static void social_worker_expire_raw(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, const char *key);
static social_rc_e social_worker_expire_delete(
    const social_worker_expire_t *expire, const social_worker_bucket_t *bucket,
    const char *key, const char *etag, char *error);
static void social_worker_expire_object(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, const char *id, const char *key);
static bool social_worker_expire_ask(social_worker_expire_t *expire,
    const char *sql, int n, const char *const *params, bool *yes);
static bool social_worker_expire_run(social_worker_expire_t *expire,
    const char *sql, int n, const char *const *params);
static void social_worker_expire_failed(social_worker_expire_t *expire,
    const char *key, const char *error);


int
social_worker_expire(const social_worker_conf_t *conf, const char *age,
    bool dry)
{
    size_t                   i;
    uint64_t                 ms;
    social_worker_expire_t   expire;

    if (!social_worker_conf_parse(age, &ms)
        || ms < SOCIAL_WORKER_EXPIRE_LEAST || ms > SOCIAL_WORKER_EXPIRE_MOST)
    {
        fprintf(stderr, "social-worker: \"%s\" is not an age from 1h to "
                "36500d\n", age);
        return 2;
    }

    memset(&expire, 0, sizeof(social_worker_expire_t));

    expire.dry = dry;
    snprintf(expire.age, sizeof(expire.age), "%llu seconds",
             (unsigned long long) (ms / 1000));
    expire.seconds = (int64_t) (ms / 1000);

    if (!social_worker_pq_connect(&expire.pq, conf->conninfo)) {
        return 1;
    }

    for (i = 0; i < conf->bucket_count && !expire.broken; i++) {
        social_worker_expire_bucket(&expire, &conf->buckets[i]);
    }

    social_worker_pq_close(&expire.pq);

    printf("%s %lld objects, %lld failed\n", dry ? "to delete" : "deleted",
           expire.deleted, expire.failed);

    return expire.broken || expire.failed ? 1 : 0;
}


static void
social_worker_expire_bucket(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket)
{
    int          i, n;
    char         after[40], key[SOCIAL_OBJECT_MAX_KEY + 1];
    PGresult    *rows;
    const char  *params[4];

    snprintf(after, sizeof(after), "%s", SOCIAL_WORKER_EXPIRE_FIRST);

    params[0] = bucket->bucket;
    params[1] = expire->age;
    params[2] = after;
    params[3] = SOCIAL_WORKER_EXPIRE_PAGE;

    do {
        rows = social_worker_pq_run(&expire->pq,
                                    "SELECT id, object_key FROM "
                                    "social_clean_raw_old($1, $2, $3, $4)",
                                    4, params);
        if (rows == NULL) {
            expire->broken = true;
            return;
        }

        n = PQntuples(rows);

        for (i = 0; i < n && !expire->broken; i++) {
            social_worker_expire_object(expire, bucket,
                                        PQgetvalue(rows, i, 0),
                                        PQgetvalue(rows, i, 1));
        }

        if (n > 0) {
            snprintf(after, sizeof(after), "%s", PQgetvalue(rows, n - 1, 0));
        }

        PQclear(rows);

    } while (n > 0 && !expire->broken);

    key[0] = '\0';

    while (!expire->broken
           && social_worker_expire_page(expire, bucket, key, sizeof(key)))
    {
        /* void */
    }
}


/*
 * Objects that are not uploads, after a key, which becomes that of the last
 * one.  false: there are no more.
 */

static bool
social_worker_expire_page(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, char *after, size_t size)
{
    int          i, n;
    PGresult    *rows;
    const char  *params[4];

    params[0] = bucket->bucket;
    params[1] = expire->age;
    params[2] = after;
    params[3] = SOCIAL_WORKER_EXPIRE_PAGE;

    rows = social_worker_pq_run(&expire->pq, "SELECT object_key FROM "
                                "social_clean_object_old($1, $2, $3, $4)", 4,
                                params);
    if (rows == NULL) {
        expire->broken = true;
        return false;
    }

    n = PQntuples(rows);

    for (i = 0; i < n && !expire->broken; i++) {
        social_worker_expire_raw(expire, bucket, PQgetvalue(rows, i, 0));
    }

    if (n > 0) {
        snprintf(after, size, "%s", PQgetvalue(rows, n - 1, 0));
    }

    PQclear(rows);

    return n > 0;
}


static void
social_worker_expire_raw(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, const char *key)
{
    bool         deleted;
    char         error[SOCIAL_NET_ERROR_SIZE];
    PGresult    *result;
    social_rc_e  rc;
    const char  *etag, *params[3];

    if (expire->dry) {
        expire->deleted++;
        printf("%s/%s\n", bucket->name, key);
        return;
    }

    params[0] = bucket->bucket;
    params[1] = key;
    params[2] = expire->age;

    if (!social_worker_expire_run(expire, "BEGIN", 0, NULL)) {
        return;
    }

    deleted = false;
    result = social_worker_pq_run(&expire->pq, "SELECT "
                                  "social_clean_object_lock($1, $2, $3)", 3,
                                  params);
    if (result == NULL) {
        social_worker_expire_failed(expire, key, expire->pq.error);

    } else {
        etag = social_worker_pq_value(result);

        if (etag != NULL) {

            rc = social_worker_expire_delete(expire, bucket, key, etag, error);

            if (rc == SOCIAL_FAILED) {
                social_worker_expire_failed(expire, key, error);

            } else if (rc == SOCIAL_OK) {
                deleted = social_worker_expire_run(expire, "SELECT "
                              "social_clean_object_removed($1, $2)", 2,
                              params);
            }
        }

        PQclear(result);
    }

    if (social_worker_expire_run(expire, deleted ? "COMMIT" : "ROLLBACK", 0,
                                 NULL)
        && deleted)
    {
        expire->deleted++;
    }
}


/*
 * SOCIAL_DECLINED: there is another object by now, which stays.
 */

static social_rc_e
social_worker_expire_delete(const social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, const char *key, const char *etag,
    char *error)
{
    social_rc_e            rc;
    social_net_s3_whole_t  object;

    rc = social_net_s3_head(&bucket->s3, NULL, social_str(key), &object, error);

    /* S3 says 403 of what is not there to who may not list */

    if (rc == SOCIAL_FAILED && !(object.status == 403 && etag[0] != '\0')) {
        return SOCIAL_FAILED;
    }

    if (rc == SOCIAL_OK
        && ((etag[0] != '\0' && object.etag.len
             && !social_str_eq(object.etag, social_str(etag)))
            || object.modified > (int64_t) time(NULL) - expire->seconds))
    {
        return SOCIAL_DECLINED;
    }

    return social_net_s3_delete_if(&bucket->s3, key, etag, error);
}


static void
social_worker_expire_object(social_worker_expire_t *expire,
    const social_worker_bucket_t *bucket, const char *id, const char *key)
{
    bool         old, deleted;
    char         error[SOCIAL_NET_ERROR_SIZE];
    const char  *params[2];

    if (expire->dry) {
        expire->deleted++;
        printf("%s/%s\n", bucket->name, key);
        return;
    }

    params[0] = id;
    params[1] = expire->age;

    if (!social_worker_expire_run(expire, "BEGIN", 0, NULL)) {
        return;
    }

    deleted = false;

    if (!social_worker_expire_ask(expire, "SELECT social_clean_raw_lock($1, "
                                  "$2)", 2, params, &old))
    {
        social_worker_expire_failed(expire, key, expire->pq.error);

    } else if (old) {

        if (social_net_s3_delete(&bucket->s3, key, error) != SOCIAL_OK) {
            social_worker_expire_failed(expire, key, error);

        } else {
            deleted = social_worker_expire_run(expire, "SELECT "
                                               "social_clean_raw_removed($1)",
                                               1, params);
        }
    }

    /* what was deleted and not noted is deleted again the next time */

    if (social_worker_expire_run(expire, deleted ? "COMMIT" : "ROLLBACK", 0,
                                 NULL)
        && deleted)
    {
        expire->deleted++;
    }
}


/* false: the statement failed, as it does when somebody else has the row */

static bool
social_worker_expire_ask(social_worker_expire_t *expire, const char *sql,
    int n, const char *const *params, bool *yes)
{
    PGresult    *result;
    const char  *value;

    *yes = false;
    result = social_worker_pq_run(&expire->pq, sql, n, params);

    if (result == NULL) {
        return false;
    }

    value = social_worker_pq_value(result);
    *yes = (value != NULL && value[0] == 't');
    PQclear(result);

    return true;
}


static bool
social_worker_expire_run(social_worker_expire_t *expire, const char *sql,
    int n, const char *const *params)
{
    PGresult  *result;

    result = social_worker_pq_run(&expire->pq, sql, n, params);

    if (result == NULL) {
        expire->broken = true;
        return false;
    }

    PQclear(result);

    return true;
}


static void
social_worker_expire_failed(social_worker_expire_t *expire, const char *key,
    const char *error)
{
    expire->failed++;

    social_worker_log(SOCIAL_WORKER_ERROR, "not expired",
                      social_worker_text("key", key),
                      social_worker_text("error", error));
}
