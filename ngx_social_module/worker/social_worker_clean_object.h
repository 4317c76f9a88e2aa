
/*
 * Objects whose metadata is removed, and what "clean" records about them.
 */

#ifndef SOCIAL_WORKER_CLEAN_OBJECT_H
#define SOCIAL_WORKER_CLEAN_OBJECT_H


#include "social_rc.h"
#include "social_worker_conf.h"
#include "social_worker_pq.h"


typedef struct {
    const social_worker_conf_t    *conf;
    social_worker_pq_t             pq;
    bool                           broken;     /* must not go on */
    long long                      objects;
    long long                      cleaned;
    long long                      failed;
} social_worker_clean_t;


/* a row of social_clean_uploads() or social_clean_avatars() */

typedef struct {
    const char                    *id;         /* NULL: a user's picture */
    const char                    *generation;
    const char                    *kind_name;
    const char                    *user;
    const char                    *sub;
    const char                    *variants;
    const social_worker_kind_t    *kind;
} social_worker_clean_row_t;


/* an object without its metadata */

typedef struct {
    unsigned char                 *data;
    size_t                         size;
    bool                           changed;
    social_image_type_e            type;
} social_worker_clean_object_t;


/*
 * Fetches an object, and stores it as it is without metadata in "object",
 * whose data the caller frees.  SOCIAL_DECLINED: it is not there, which is
 * worth a warning where it was expected; SOCIAL_FAILED and SOCIAL_MALFORMED:
 * noted as a failure.
 */
social_rc_e social_worker_clean_get(social_worker_clean_t *clean,
    const social_worker_bucket_t *bucket, const char *key, bool expected,
    social_worker_clean_object_t *object);

/*
 * Writes the name of an object with the digest of its data to "name":
 * "images/ID/small.webp" gives "images/ID/small.0123456789abcdef.webp", and
 * so does that one.  False: it does not fit into "size" bytes, or no digest
 * could be made.
 */
bool social_worker_clean_name(const char *key,
    const social_worker_clean_object_t *object, char *name, size_t size);

/*
 * Replaces an object, of any of the row's variants, under its own name, where
 * it is there and has metadata; and says so on the standard output.
 */
void social_worker_clean_in_place(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *key, const char
    *cache_control);

/*
 * Puts what replaces an object, after it was noted as one that will have to be
 * purged.  False: it was noted as a failure.
 */
bool social_worker_clean_replace(social_worker_clean_t *clean,
    social_worker_clean_row_t *row, const char *key,
    const social_worker_clean_object_t *bare, const char *cache_control);

/*
 * Does what is recorded for an upload, or for a user without one, or, NULL,
 * for all: deletes objects, writes each key to the standard output, and then
 * removes the record.
 */
void social_worker_clean_pending(social_worker_clean_t *clean, const char
    *upload);

/*
 * Whether a name is of letters that workers write into rows, of which JSON
 * escapes none, and not too long.
 */
bool social_worker_clean_plain(const char *text);

/*
 * As social_worker_pq_run(), after whose failure there is nothing more to do:
 * clean->broken is set, and each of them fails at once.
 */
PGresult *social_worker_clean_sql(social_worker_clean_t *clean, const char
    *sql, int n, const char *const *params);

/*
 * The same for a statement of which only success counts.
 */
bool social_worker_clean_run(social_worker_clean_t *clean, const char *sql,
    int n, const char *const *params);

/*
 * Counts and logs what could not be done, with the key, or the row, that it
 * is about.
 */
void social_worker_clean_failed(social_worker_clean_t *clean, const char *key,
    const char *error);


#endif /* SOCIAL_WORKER_CLEAN_OBJECT_H */
