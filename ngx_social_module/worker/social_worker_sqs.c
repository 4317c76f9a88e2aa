
/*
 * Queues of SQS.
 *
 * A thread for each queue waits for messages, and has one after the other
 * committed to the database; those that are, and those that say nothing, are
 * deleted.  While the database is unavailable the messages stay invisible to
 * others, and none is received: otherwise each would be counted as received
 * again and again, until the queue takes it for one that cannot be processed.
 *
 * What cannot be read is not deleted: the queue's redrive policy decides.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_pq_objects.h"
#include "social_sns.h"
#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_pq.h"
#include "social_worker_sqs.h"


/* milliseconds between attempts, of the database and of the queue */

#define SOCIAL_WORKER_SQS_PAUSE    1000
#define SOCIAL_WORKER_SQS_LONGEST  32000

#define SOCIAL_WORKER_SQS_SQL                                                 \
    "SELECT social_objects_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


struct social_worker_sqs_s {
    pthread_mutex_t       mutex;
    pthread_cond_t        changed;      /* the generation, or the number */
    unsigned              threads;
    atomic_uint           generation;   /* of those that go on */
};


typedef struct {
    social_worker_sqs_t         *sqs;
    unsigned                     generation;
    social_worker_conf_t        *conf;
    const social_worker_sqs_conf_t
                                *queue;
    social_net_sqs_t             net;
    social_worker_pq_t           pq;
    bool                         failing;     /* of the queue, logged */
    long long                    pause;       /* after the next failure */
    long long                    extended;    /* when the messages were */
} social_worker_sqs_thread_t;


typedef enum {
    SOCIAL_WORKER_SQS_DONE = 0,         /* to be deleted */
    SOCIAL_WORKER_SQS_POISON,           /* to be left to the queue */
    SOCIAL_WORKER_SQS_AGAIN
} social_worker_sqs_outcome_e;


static void social_worker_sqs_begin(social_worker_sqs_t *sqs,
    social_worker_conf_t *conf, const social_worker_sqs_conf_t *queue);
static void *social_worker_sqs_main(void *data);
static bool social_worker_sqs_over(void *data);
static void social_worker_sqs_pause(social_worker_sqs_thread_t *thread,
    long long ms);
static bool social_worker_sqs_round(social_worker_sqs_thread_t *thread);
static void social_worker_sqs_process(social_worker_sqs_thread_t *thread,
    const social_sqs_received_t *received);
static void social_worker_sqs_beat(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *const *messages, size_t n);
static void social_worker_sqs_extend(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *const *messages, size_t n,
    unsigned seconds);
static void social_worker_sqs_delete(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *const *messages, size_t n);
static social_worker_sqs_outcome_e social_worker_sqs_message(
    social_worker_sqs_thread_t *thread, const social_sqs_message_t *message);
static social_rc_e social_worker_sqs_parse(const social_sqs_message_t *message,
    social_s3_event_t *event, const char **why);
static social_worker_sqs_outcome_e social_worker_sqs_commit(
    social_worker_sqs_thread_t *thread, const social_sqs_message_t *message,
    const social_s3_event_t *event);
static bool social_worker_sqs_is_data(const char *state);
static void social_worker_sqs_poison(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *message, const char *field, const char *why);
static void social_worker_sqs_failed(social_worker_sqs_thread_t *thread,
    const char *error);


social_worker_sqs_t *
social_worker_sqs_create(void)
{
    pthread_condattr_t    attr;
    social_worker_sqs_t  *sqs;

    sqs = calloc(1, sizeof(social_worker_sqs_t));

    if (sqs == NULL) {
        return NULL;
    }

    pthread_mutex_init(&sqs->mutex, NULL);

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&sqs->changed, &attr);
    pthread_condattr_destroy(&attr);

    return sqs;
}


void
social_worker_sqs_start(social_worker_sqs_t *sqs, social_worker_conf_t *conf)
{
    size_t  i;

    social_worker_sqs_stop(sqs);

    for (i = 0; i < conf->sqs_count; i++) {
        social_worker_sqs_begin(sqs, conf, &conf->sqs[i]);
    }
}


void
social_worker_sqs_stop(social_worker_sqs_t *sqs)
{
    pthread_mutex_lock(&sqs->mutex);
    atomic_fetch_add(&sqs->generation, 1);
    pthread_cond_broadcast(&sqs->changed);
    pthread_mutex_unlock(&sqs->mutex);
}


static void
social_worker_sqs_begin(social_worker_sqs_t *sqs, social_worker_conf_t *conf,
    const social_worker_sqs_conf_t *queue)
{
    int                          err;
    pthread_t                    id;
    social_worker_sqs_thread_t  *thread;

    thread = calloc(1, sizeof(social_worker_sqs_thread_t));
    err = ENOMEM;

    if (thread != NULL) {
        thread->sqs = sqs;
        thread->generation = atomic_load(&sqs->generation);
        thread->conf = social_worker_conf_hold(conf);
        thread->queue = queue;
        thread->net = queue->net;
        thread->net.give_up = social_worker_sqs_over;
        thread->net.data = thread;

        pthread_mutex_lock(&sqs->mutex);
        sqs->threads++;
        pthread_mutex_unlock(&sqs->mutex);

        err = pthread_create(&id, NULL, social_worker_sqs_main, thread);
    }

    if (err == 0) {
        pthread_detach(id);
        return;
    }

    social_worker_log(SOCIAL_WORKER_ERROR, "queue not read",
                      social_worker_text("queue", queue->name),
                      social_worker_text("error", strerror(err)));

    if (thread != NULL) {
        pthread_mutex_lock(&sqs->mutex);
        sqs->threads--;
        pthread_mutex_unlock(&sqs->mutex);

        social_worker_conf_release(conf);
        free(thread);
    }
}


bool
social_worker_sqs_destroy(social_worker_sqs_t *sqs, long long ms)
{
    bool             ended;
    struct timespec  until;

    if (sqs == NULL) {
        return true;
    }

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;

    pthread_mutex_lock(&sqs->mutex);

    while (sqs->threads != 0
           && pthread_cond_timedwait(&sqs->changed, &sqs->mutex, &until) == 0)
    {
        /* void */
    }

    ended = sqs->threads == 0;

    pthread_mutex_unlock(&sqs->mutex);

    if (ended) {
        pthread_cond_destroy(&sqs->changed);
        pthread_mutex_destroy(&sqs->mutex);
        free(sqs);
    }

    return ended;
}


static void *
social_worker_sqs_main(void *data)
{
    social_worker_sqs_thread_t  *thread = data;

    social_worker_sqs_t  *sqs;

    social_worker_log(SOCIAL_WORKER_INFO, "queue read",
                      social_worker_text("queue", thread->queue->name));

    thread->pause = SOCIAL_WORKER_SQS_PAUSE;

    while (!social_worker_sqs_over(thread)) {

        if (!social_worker_pq_connect(&thread->pq, thread->conf->conninfo)) {
            social_worker_sqs_pause(thread, SOCIAL_WORKER_SQS_PAUSE);
            continue;
        }

        if (social_worker_sqs_round(thread)) {
            thread->pause = SOCIAL_WORKER_SQS_PAUSE;
            continue;
        }

        social_worker_sqs_pause(thread, thread->pause);

        if (thread->pause < SOCIAL_WORKER_SQS_LONGEST) {
            thread->pause *= 2;
        }
    }

    social_worker_pq_close(&thread->pq);
    social_worker_conf_release(thread->conf);

    sqs = thread->sqs;
    free(thread);

    /* the main thread, which may wait for this, frees it when it is unlocked */

    pthread_mutex_lock(&sqs->mutex);
    sqs->threads--;
    pthread_cond_broadcast(&sqs->changed);
    pthread_mutex_unlock(&sqs->mutex);

    return NULL;
}


/* whether the thread is to end */

static bool
social_worker_sqs_over(void *data)
{
    social_worker_sqs_thread_t  *thread = data;

    return atomic_load(&thread->sqs->generation) != thread->generation;
}


static void
social_worker_sqs_pause(social_worker_sqs_thread_t *thread, long long ms)
{
    struct timespec       until;
    social_worker_sqs_t  *sqs;

    sqs = thread->sqs;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;

    pthread_mutex_lock(&sqs->mutex);

    while (!social_worker_sqs_over(thread)
           && pthread_cond_timedwait(&sqs->changed, &sqs->mutex, &until) == 0)
    {
        /* void */
    }

    pthread_mutex_unlock(&sqs->mutex);
}


/* false: the queue does not answer */

static bool
social_worker_sqs_round(social_worker_sqs_thread_t *thread)
{
    char                   error[SOCIAL_NET_ERROR_SIZE];
    social_sqs_received_t  received;

    if (social_net_sqs_receive(&thread->net, thread->queue->wait,
                               thread->queue->visibility, &received, error)
        != SOCIAL_OK)
    {
        if (!social_worker_sqs_over(thread)) {
            social_worker_sqs_failed(thread, error);
        }

        return false;
    }

    if (thread->failing) {
        thread->failing = false;
        social_worker_log(SOCIAL_WORKER_INFO, "queue available again",
                          social_worker_text("queue", thread->queue->name));
    }

    social_worker_sqs_process(thread, &received);
    social_sqs_received_free(&received);

    return true;
}


static void
social_worker_sqs_process(social_worker_sqs_thread_t *thread,
    const social_sqs_received_t *received)
{
    size_t                       i, todo, done;
    social_worker_sqs_outcome_e  outcome;
    const social_sqs_message_t  *waiting[SOCIAL_SQS_MAX_MESSAGES];
    const social_sqs_message_t  *ended[SOCIAL_SQS_MAX_MESSAGES];

    done = 0;
    todo = received->count;

    for (i = 0; i < todo; i++) {
        waiting[i] = &received->messages[i];
    }

    thread->extended = social_worker_now();

    for (i = 0; i < todo; /* void */ ) {

        if (social_worker_sqs_over(thread)) {
            break;
        }

        /* those that are committed are not deleted yet */

        social_worker_sqs_beat(thread, waiting, todo);

        outcome = social_worker_sqs_message(thread, waiting[i]);

        switch (outcome) {

        case SOCIAL_WORKER_SQS_AGAIN:
            social_worker_sqs_pause(thread, SOCIAL_WORKER_SQS_PAUSE);
            break;

        case SOCIAL_WORKER_SQS_DONE:
            ended[done++] = waiting[i];
            i++;
            break;

        default:

            /* no beat is for it any more */

            memmove(&waiting[i], &waiting[i + 1],
                    (todo - i - 1) * sizeof(waiting[0]));
            todo--;
        }
    }

    if (done != 0) {
        social_worker_sqs_delete(thread, ended, done);
    }

    /* another worker gets the rest at once */

    if (i < todo) {
        social_worker_sqs_extend(thread, &waiting[i], todo - i, 0);
    }
}


/* before others can receive the messages */

static void
social_worker_sqs_beat(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *const *messages, size_t n)
{
    long long  now;

    now = social_worker_now();

    if (now - thread->extended
        >= (long long) thread->queue->visibility * 1000 / 3)
    {
        social_worker_sqs_extend(thread, messages, n,
                                 thread->queue->visibility);
        thread->extended = now;
    }
}


static void
social_worker_sqs_extend(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *const *messages, size_t n, unsigned seconds)
{
    char              error[SOCIAL_NET_ERROR_SIZE];
    size_t            failed;
    social_net_sqs_t  net;

    /* also while the thread is about to end */

    net = thread->net;
    net.give_up = NULL;

    if (social_net_sqs_extend(&net, messages, n, seconds, &failed, error)
        != SOCIAL_OK
        || failed != 0)
    {
        social_worker_log(SOCIAL_WORKER_WARN, "messages not extended",
                          social_worker_text("queue", thread->queue->name),
                          social_worker_text("error", error));
    }
}


/* one that is not deleted comes again, and has no effect then */

static void
social_worker_sqs_delete(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *const *messages, size_t n)
{
    char              error[SOCIAL_NET_ERROR_SIZE];
    size_t            failed;
    social_net_sqs_t  net;

    net = thread->net;
    net.give_up = NULL;

    if (social_net_sqs_delete(&net, messages, n, &failed, error) != SOCIAL_OK
        || failed != 0)
    {
        social_worker_log(SOCIAL_WORKER_WARN, "messages not deleted",
                          social_worker_text("queue", thread->queue->name),
                          social_worker_text("error", error));
    }
}


static social_worker_sqs_outcome_e
social_worker_sqs_message(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *message)
{
    const char                   *why;
    social_rc_e                   rc;
    social_s3_event_t             event;
    social_worker_sqs_outcome_e   outcome;

    rc = social_worker_sqs_parse(message, &event, &why);

    if (rc == SOCIAL_MALFORMED) {
        social_worker_sqs_poison(thread, message, event.field, why);
        return SOCIAL_WORKER_SQS_POISON;
    }

    if (rc != SOCIAL_OK) {
        return SOCIAL_WORKER_SQS_AGAIN;
    }

    outcome = event.count == 0 ? SOCIAL_WORKER_SQS_DONE
              : social_worker_sqs_commit(thread, message, &event);

    social_s3_event_free(&event);

    return outcome;
}


/*
 * A queue may be subscribed to a topic: its messages have an envelope, which
 * nobody but SNS could have put there by the queue's policy.
 */

static social_rc_e
social_worker_sqs_parse(const social_sqs_message_t *message,
    social_s3_event_t *event, const char **why)
{
    social_rc_e        rc;
    social_str_t       text;
    social_s3_event_t  envelope;

    if (message->damaged) {
        memset(event, 0, sizeof(social_s3_event_t));
        snprintf(event->field, sizeof(event->field), "body");
        *why = "must be as it was sent";
        return SOCIAL_MALFORMED;
    }

    rc = social_s3_event_parse(message->body, event, why);

    if (rc != SOCIAL_OK || event->form != SOCIAL_S3_EVENT_SNS) {
        return rc;
    }

    envelope = *event;
    memset(event, 0, sizeof(social_s3_event_t));
    snprintf(event->field, sizeof(event->field), "Message");
    *why = "must be an event of S3";

    rc = social_sns_read_message(envelope.json, &text);

    if (rc == SOCIAL_OK) {
        rc = social_s3_event_parse(text, event, why);
    }

    if (rc == SOCIAL_OK && event->form == SOCIAL_S3_EVENT_SNS) {
        social_s3_event_free(event);
        *why = "must be an event of S3";
        rc = SOCIAL_MALFORMED;
    }

    social_s3_event_free(&envelope);

    return rc;
}


static social_worker_sqs_outcome_e
social_worker_sqs_commit(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *message, const social_s3_event_t *event)
{
    size_t                i;
    PGresult             *result;
    const char           *params[SOCIAL_PQ_OBJECTS_PARAMS];
    social_pq_objects_t   objects;

    if (!social_worker_pq_connect(&thread->pq, thread->conf->conninfo)
        || social_pq_objects_create(event, thread->conf->rules,
                                    thread->conf->rule_count, &objects)
           != SOCIAL_OK)
    {
        return SOCIAL_WORKER_SQS_AGAIN;
    }

    for (i = 0; i < SOCIAL_PQ_OBJECTS_PARAMS; i++) {
        params[i] = (const char *) objects.params[i].value.data;
    }

    result = social_worker_pq_run(&thread->pq, SOCIAL_WORKER_SQS_SQL,
                                  SOCIAL_PQ_OBJECTS_PARAMS, params);

    social_pq_objects_free(&objects);

    if (result == NULL) {

        if (social_worker_sqs_is_data(thread->pq.state)) {
            social_worker_sqs_poison(thread, message, "body",
                                     "cannot be kept by the database");
            return SOCIAL_WORKER_SQS_POISON;
        }

        return SOCIAL_WORKER_SQS_AGAIN;
    }

    PQclear(result);

    social_worker_log(SOCIAL_WORKER_DEBUG, "message processed",
                      social_worker_text("queue", thread->queue->name),
                      social_worker_number("events", (long long)
                                                     event->count));

    return SOCIAL_WORKER_SQS_DONE;
}


/*
 * Errors that are because of what was sent: data exceptions, violated
 * constraints (PostgreSQL, Appendix A).  All others may be over in a moment, or
 * when the schema was migrated.
 */

static bool
social_worker_sqs_is_data(const char *state)
{
    return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
}


/* logged when it comes for the first time, by whichever worker */

static void
social_worker_sqs_poison(social_worker_sqs_thread_t *thread,
    const social_sqs_message_t *message, const char *field, const char *why)
{
    char  id[128], what[256];

    snprintf(id, sizeof(id), "%.*s",
             (int) (message->id.len < 100 ? message->id.len : 100),
             (const char *) message->id.data);
    snprintf(what, sizeof(what), "%s %s", field, why);

    social_worker_log(message->received > 1 ? SOCIAL_WORKER_DEBUG
                                            : SOCIAL_WORKER_WARN,
                      "message not usable",
                      social_worker_text("queue", thread->queue->name),
                      social_worker_text("message", id),
                      social_worker_number("received", message->received),
                      social_worker_text("error", what));
}


/* each state is logged once */

static void
social_worker_sqs_failed(social_worker_sqs_thread_t *thread,
    const char *error)
{
    social_worker_log(thread->failing ? SOCIAL_WORKER_DEBUG
                                      : SOCIAL_WORKER_ERROR,
                      "queue unavailable",
                      social_worker_text("queue", thread->queue->name),
                      social_worker_text("error", error));

    thread->failing = true;
}
