
/*
 * "social-worker copy": all objects of one bucket into another one.
 *
 * Both lists are in the order of keys, and are gone through side by side: what
 * is in the other bucket already is not copied again, so that a copy which was
 * broken off goes on where it was.  Copies are made by a few threads, which
 * take them from a short queue, so that memory does not grow with the bucket.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_s3_list.h"
#include "social_worker_copy.h"
#include "social_worker_copy_object.h"
#include "social_worker_log.h"


#define SOCIAL_WORKER_COPY_THREADS   8       /* by default */
#define SOCIAL_WORKER_COPY_MAX       64
#define SOCIAL_WORKER_COPY_QUEUE     128
#define SOCIAL_WORKER_COPY_PAGES     4       /* attempts of a list */


typedef struct {
    const social_worker_bucket_t  *from;     /* NULL: a directory */
    social_net_root_t              root;
    const social_worker_bucket_t  *to;
    const char                    *prefix;
    unsigned                       threads;
    bool                           dry;
} social_worker_copy_args_t;


/* a key to copy, once it is known not to be the same if "compare" is set */

typedef struct {
    bool                           compare;
    uint64_t                       size;
    size_t                         len;
    unsigned char                  key[SOCIAL_OBJECT_MAX_KEY];
} social_worker_copy_item_t;


typedef struct {
    social_worker_copy_args_t     *args;
    pthread_mutex_t                mutex;
    pthread_cond_t                 filled;
    pthread_cond_t                 taken;
    bool                           end;      /* nothing is added any more */
    size_t                         first;
    size_t                         count;
    social_worker_copy_item_t      items[SOCIAL_WORKER_COPY_QUEUE];

    /* the summary */

    unsigned long long             copied;
    unsigned long long             bytes;
    unsigned long long             equal;
    unsigned long long             gone;
    unsigned long long             failed;
} social_worker_copy_t;


/* where a list is */

typedef struct {
    const social_worker_bucket_t  *bucket;   /* NULL: a directory */
    social_net_root_t             *root;
    unsigned                       damaged;
    const char                    *prefix;
    social_net_session_t          *session;
    unsigned char                 *memory;
    social_s3_listing_t           *page;
    size_t                         next;
    bool                           begun;
    size_t                         last_len;
    unsigned char                  last[SOCIAL_OBJECT_MAX_KEY];
    size_t                         token_len;
    unsigned char                  token[SOCIAL_S3_LISTING_TOKEN];
} social_worker_copy_list_t;


static bool social_worker_copy_parse(const social_worker_conf_t *conf,
    int argc, char *const argv[], social_worker_copy_args_t *args);
static const social_worker_bucket_t *social_worker_copy_bucket(
    const social_worker_conf_t *conf, const char *name);
static int social_worker_copy_run(social_worker_copy_t *copy);
static bool social_worker_copy_lists(social_worker_copy_t *copy);
static bool social_worker_copy_merge(social_worker_copy_t *copy,
    social_worker_copy_list_t *from, social_worker_copy_list_t *to);
static bool social_worker_copy_list_init(social_worker_copy_list_t *list,
    const social_worker_bucket_t *bucket, social_net_root_t *root,
    const char *prefix);
static void social_worker_copy_list_free(social_worker_copy_list_t *list);
static bool social_worker_copy_next(social_worker_copy_list_t *list,
    const social_s3_listing_item_t **item);
static bool social_worker_copy_page(social_worker_copy_list_t *list);
static bool social_worker_copy_same(const social_s3_listing_item_t *a,
    const social_s3_listing_item_t *b, bool *compare);
static void social_worker_copy_add(social_worker_copy_t *copy,
    const social_s3_listing_item_t *item, bool compare);
static void *social_worker_copy_thread(void *data);
static bool social_worker_copy_take(social_worker_copy_t *copy,
    social_worker_copy_item_t *item);
static void social_worker_copy_item(social_worker_copy_t *copy,
    social_worker_copy_object_t *object,
    const social_worker_copy_item_t *item);


int
social_worker_copy(const social_worker_conf_t *conf, int argc,
    char *const argv[])
{
    int                         rc;
    social_worker_copy_t       *copy;
    social_worker_copy_args_t   args;

    if (!social_worker_copy_parse(conf, argc, argv, &args)) {
        return 2;
    }

    copy = calloc(1, sizeof(social_worker_copy_t));

    if (copy == NULL) {
        social_worker_log(SOCIAL_WORKER_ERROR, "copy aborted",
                          social_worker_text("error", "out of memory"));
        return 1;
    }

    copy->args = &args;

    pthread_mutex_init(&copy->mutex, NULL);
    pthread_cond_init(&copy->filled, NULL);
    pthread_cond_init(&copy->taken, NULL);

    rc = social_worker_copy_run(copy);

    printf("%s %llu objects of %llu bytes, %llu are there already, %llu were "
           "removed meanwhile, %llu failed\n",
           args.dry ? "to copy" : "copied", copy->copied, copy->bytes,
           copy->equal, copy->gone, copy->failed);

    pthread_cond_destroy(&copy->taken);
    pthread_cond_destroy(&copy->filled);
    pthread_mutex_destroy(&copy->mutex);
    free(copy);

    return rc;
}


static bool
social_worker_copy_parse(const social_worker_conf_t *conf, int argc,
    char *const argv[], social_worker_copy_args_t *args)
{
    int          i;
    long         n;
    char        *end;
    const char  *names[2];
    size_t       count;

    memset(args, 0, sizeof(social_worker_copy_args_t));

    args->prefix = "";
    args->threads = SOCIAL_WORKER_COPY_THREADS;
    count = 0;

    for (i = 1; i < argc; i++) {

        if (strcmp(argv[i], "--dry-run") == 0) {
            args->dry = true;

        } else if (strcmp(argv[i], "--prefix") == 0 && i + 1 < argc) {
            args->prefix = argv[++i];

        } else if (strcmp(argv[i], "--parallel") == 0 && i + 1 < argc) {

            n = strtol(argv[++i], &end, 10);

            if (*end != '\0' || n < 1 || n > SOCIAL_WORKER_COPY_MAX) {
                fprintf(stderr, "social-worker: \"--parallel\" must be 1 to "
                        "%d\n", SOCIAL_WORKER_COPY_MAX);
                return false;
            }

            args->threads = (unsigned) n;

        } else if (argv[i][0] != '-' && count < 2) {
            names[count++] = argv[i];

        } else {
            return false;
        }
    }

    if (count != 2) {
        return false;
    }

    args->to = social_worker_copy_bucket(conf, names[1]);

    /* names of sections do not begin so */

    if (names[0][0] == '/') {

        if (social_net_root_init(&args->root, names[0],
                                 social_str(args->prefix))
            != SOCIAL_OK)
        {
            fprintf(stderr, "social-worker: \"%s\" is not the directory of a "
                    "store\n", names[0]);
            return false;
        }

        return args->to != NULL;
    }

    args->from = social_worker_copy_bucket(conf, names[0]);

    if (args->from != NULL && args->from == args->to) {
        fprintf(stderr, "social-worker: both buckets are \"%s\"\n", names[0]);
        return false;
    }

    return args->from != NULL && args->to != NULL;
}


static const social_worker_bucket_t *
social_worker_copy_bucket(const social_worker_conf_t *conf, const char *name)
{
    size_t  i;

    for (i = 0; i < conf->bucket_count; i++) {
        if (strcmp(conf->buckets[i].name, name) == 0) {
            return &conf->buckets[i];
        }
    }

    fprintf(stderr, "social-worker: there is no section \"bucket %s\" in the "
            "configuration\n", name);

    return NULL;
}


/*
 * A thread that cannot be started is one less; without any there is no copy.
 */

static int
social_worker_copy_run(social_worker_copy_t *copy)
{
    bool       listed;
    unsigned   i, started;
    pthread_t  threads[SOCIAL_WORKER_COPY_MAX];

    started = 0;

    for (i = 0; i < copy->args->threads && !copy->args->dry; i++) {
        if (pthread_create(&threads[started], NULL, social_worker_copy_thread,
                           copy)
            == 0)
        {
            started++;
        }
    }

    listed = false;

    if (started == 0 && !copy->args->dry) {
        social_worker_log(SOCIAL_WORKER_ERROR, "copy aborted",
                          social_worker_text("error", "no thread"));

    } else {
        listed = social_worker_copy_lists(copy);
    }

    pthread_mutex_lock(&copy->mutex);
    copy->end = true;
    pthread_cond_broadcast(&copy->filled);
    pthread_mutex_unlock(&copy->mutex);

    for (i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }

    return listed && copy->failed == 0 ? 0 : 1;
}


static bool
social_worker_copy_lists(social_worker_copy_t *copy)
{
    bool                       ok;
    const char                *prefix;
    social_worker_copy_list_t  from, to;

    prefix = copy->args->prefix;

    ok = social_worker_copy_list_init(&from, copy->args->from,
                                      &copy->args->root, prefix);
    ok = social_worker_copy_list_init(&to, copy->args->to, NULL, prefix) && ok;

    if (ok) {
        ok = social_worker_copy_merge(copy, &from, &to);

    } else {
        social_worker_log(SOCIAL_WORKER_ERROR, "copy aborted",
                          social_worker_text("error", "out of memory"));
    }

    if (from.damaged) {
        social_worker_log(SOCIAL_WORKER_ERROR, "not copied",
                          social_worker_number("objects", from.damaged),
                          social_worker_text("error",
                                             "their metadata is damaged"));
        ok = false;
    }

    social_worker_copy_list_free(&from);
    social_worker_copy_list_free(&to);

    return ok;
}


static bool
social_worker_copy_merge(social_worker_copy_t *copy,
    social_worker_copy_list_t *from, social_worker_copy_list_t *to)
{
    int                              order;
    bool                             compare;
    const social_s3_listing_item_t  *a, *b;

    if (!social_worker_copy_next(to, &b)) {
        return false;
    }

    for ( ;; ) {

        if (!social_worker_copy_next(from, &a)) {
            return false;
        }

        if (a == NULL) {
            return true;
        }

        order = 1;

        while (b != NULL) {

            order = social_s3_key_compare(b->key, a->key);

            if (order >= 0) {
                break;
            }

            if (!social_worker_copy_next(to, &b)) {
                return false;
            }
        }

        compare = false;

        if (b != NULL && order == 0
            && social_worker_copy_same(a, b, &compare))
        {
            pthread_mutex_lock(&copy->mutex);
            copy->equal++;
            pthread_mutex_unlock(&copy->mutex);
            continue;
        }

        social_worker_copy_add(copy, a, compare);
    }
}


/*
 * One that is older than the other, with the same MD5, has not changed since it
 * was copied, and neither have its headers; where the ETags do not say it, the
 * checksums may.  Times are of whole seconds: those of the same second are not
 * enough.
 */

static bool
social_worker_copy_same(const social_s3_listing_item_t *a,
    const social_s3_listing_item_t *b, bool *compare)
{
    if (a->size != b->size || a->modified.len != b->modified.len
        || (a->modified.len
            && memcmp(a->modified.data, b->modified.data, a->modified.len)
               >= 0))
    {
        return false;
    }

    if (social_s3_listing_is_md5(a->etag)
        && social_str_caseeq(a->etag, b->etag))
    {
        return true;
    }

    *compare = true;

    return false;
}


static bool
social_worker_copy_list_init(social_worker_copy_list_t *list,
    const social_worker_bucket_t *bucket, social_net_root_t *root,
    const char *prefix)
{
    memset(list, 0, sizeof(social_worker_copy_list_t));

    list->bucket = bucket;
    list->root = root;
    list->prefix = prefix;
    list->session = social_net_session_create();
    list->memory = malloc(2 * SOCIAL_S3_LISTING_SIZE);
    list->page = calloc(1, sizeof(social_s3_listing_t));

    return list->session != NULL && list->memory != NULL && list->page != NULL;
}


static void
social_worker_copy_list_free(social_worker_copy_list_t *list)
{
    social_net_session_free(list->session);
    free(list->memory);
    free(list->page);
}


/*
 * The next object, valid until the one after it is asked for; NULL at the end.
 * False: it cannot be had, which is logged.
 */

static bool
social_worker_copy_next(social_worker_copy_list_t *list,
    const social_s3_listing_item_t **item)
{
    while (list->next == list->page->count) {

        if (list->begun && !list->page->truncated) {
            *item = NULL;
            return true;
        }

        if (!social_worker_copy_page(list)) {
            return false;
        }
    }

    *item = &list->page->items[list->next++];

    return true;
}


static bool
social_worker_copy_page(social_worker_copy_list_t *list)
{
    char             error[SOCIAL_NET_ERROR_SIZE];
    long             status;
    unsigned         attempt;
    social_rc_e      rc;
    social_str_t     token, last;
    struct timespec  pause;

    if (list->page->count) {
        last = list->page->items[list->page->count - 1].key;
        memcpy(list->last, last.data, last.len);
        list->last_len = last.len;
    }

    list->token_len = 0;

    if (list->begun && list->page->token.len) {
        list->token_len = list->page->token.len;
        memcpy(list->token, list->page->token.data, list->token_len);
    }

    token.data = list->token;
    token.len = list->token_len;

    for (attempt = 1; ; attempt++) {

        if (list->bucket == NULL) {
            rc = social_net_root_list(list->root, list->memory, list->page,
                                      &list->damaged, error);
            break;
        }

        rc = social_net_s3_list(&list->bucket->s3, list->session,
                                social_str(list->prefix), token, list->memory,
                                list->page, &status, error);

        if (rc == SOCIAL_OK || attempt == SOCIAL_WORKER_COPY_PAGES
            || !social_worker_copy_helps(status))
        {
            break;
        }

        pause.tv_sec = attempt;
        pause.tv_nsec = 0;
        nanosleep(&pause, NULL);
    }

    last.data = list->last;
    last.len = list->last_len;

    if (rc == SOCIAL_OK && list->page->count && list->last_len
        && social_s3_key_compare(last, list->page->items[0].key) >= 0)
    {
        snprintf(error, sizeof(error), "the list is not in the order of keys");
        rc = SOCIAL_FAILED;
    }

    if (rc != SOCIAL_OK) {
        social_worker_log(SOCIAL_WORKER_ERROR, "copy aborted",
                          social_worker_text("bucket", list->bucket
                                                       ? list->bucket->name
                                                       : "directory"),
                          social_worker_text("error", error));
        return false;
    }

    list->begun = true;
    list->next = 0;

    return true;
}


/*
 * Waits for room in the queue.
 */

static void
social_worker_copy_add(social_worker_copy_t *copy,
    const social_s3_listing_item_t *item, bool compare)
{
    social_worker_copy_item_t  *added;

    if (copy->args->dry) {
        copy->copied++;
        copy->bytes += item->size;
        printf("%.*s\n", (int) item->key.len, (const char *) item->key.data);
        return;
    }

    pthread_mutex_lock(&copy->mutex);

    while (copy->count == SOCIAL_WORKER_COPY_QUEUE) {
        pthread_cond_wait(&copy->taken, &copy->mutex);
    }

    added = &copy->items[(copy->first + copy->count++)
                         % SOCIAL_WORKER_COPY_QUEUE];

    added->compare = compare;
    added->size = item->size;
    added->len = item->key.len;
    memcpy(added->key, item->key.data, item->key.len);

    pthread_cond_signal(&copy->filled);
    pthread_mutex_unlock(&copy->mutex);
}


static void *
social_worker_copy_thread(void *data)
{
    social_worker_copy_t  *copy = data;

    bool                          ready;
    social_worker_copy_item_t     item;
    social_worker_copy_object_t  *object;

    object = malloc(sizeof(social_worker_copy_object_t));

    ready = object != NULL
            && social_worker_copy_object_init(object,
                                              copy->args->from
                                              ? &copy->args->from->s3 : NULL,
                                              &copy->args->root,
                                              &copy->args->to->s3);
    if (!ready) {
        social_worker_log(SOCIAL_WORKER_ERROR, "copy aborted",
                          social_worker_text("error", strerror(errno)));
    }

    /* one that cannot work says of what it gets that it was not copied */

    while (social_worker_copy_take(copy, &item)) {
        social_worker_copy_item(copy, ready ? object : NULL, &item);
    }

    if (ready) {
        social_worker_copy_object_free(object);
    }

    free(object);

    return NULL;
}


static bool
social_worker_copy_take(social_worker_copy_t *copy,
    social_worker_copy_item_t *item)
{
    bool  taken;

    pthread_mutex_lock(&copy->mutex);

    while (copy->count == 0 && !copy->end) {
        pthread_cond_wait(&copy->filled, &copy->mutex);
    }

    taken = (copy->count != 0);

    if (taken) {
        *item = copy->items[copy->first];
        copy->first = (copy->first + 1) % SOCIAL_WORKER_COPY_QUEUE;
        copy->count--;
        pthread_cond_signal(&copy->taken);
    }

    pthread_mutex_unlock(&copy->mutex);

    return taken;
}


static void
social_worker_copy_item(social_worker_copy_t *copy,
    social_worker_copy_object_t *object, const social_worker_copy_item_t *item)
{
    bool           same;
    char           key[SOCIAL_OBJECT_MAX_KEY + 1];
    social_rc_e    rc;
    social_str_t   k;

    k.data = item->key;
    k.len = item->len;

    memcpy(key, item->key, item->len);
    key[item->len] = '\0';

    same = object != NULL && item->compare
           && social_worker_copy_object_compare(object, k) == SOCIAL_OK;

    rc = object == NULL ? SOCIAL_FAILED
         : same ? SOCIAL_OK
         : social_worker_copy_object(object, k, item->size);

    if (rc == SOCIAL_FAILED) {
        social_worker_log(SOCIAL_WORKER_ERROR, "not copied",
                          social_worker_text("key", key),
                          social_worker_text("error",
                                             object ? object->error
                                                    : "out of memory"));

    } else if (rc == SOCIAL_OK && !same) {
        social_worker_log(SOCIAL_WORKER_DEBUG, "copied",
                          social_worker_text("key", key));
    }

    pthread_mutex_lock(&copy->mutex);

    if (rc == SOCIAL_OK && same) {
        copy->equal++;

    } else if (rc == SOCIAL_OK) {
        copy->copied++;
        copy->bytes += object->got.size;

    } else if (rc == SOCIAL_DECLINED) {
        copy->gone++;

    } else {
        copy->failed++;
    }

    pthread_mutex_unlock(&copy->mutex);
}
