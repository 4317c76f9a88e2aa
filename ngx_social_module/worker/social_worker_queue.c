
/*
 * The main thread: claims, leases, signals.
 *
 * A job belongs to a worker for the time of a lease, which is extended at each
 * third of it.  LISTEN wakes the worker at once; polling each second makes up
 * for a missed notification, and finds jobs that have become due and those of
 * workers that were lost.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "social_worker_log.h"
#include "social_worker_queue.h"
#include "social_worker_slot.h"


#define SOCIAL_WORKER_PRUNE  (10 * 60 * 1000)


typedef struct {
    social_worker_conf_t  *conf;
    social_worker_pq_t     pq;
    social_worker_slot_t  *slots;
    size_t                 slot_count;

    char                   name[128];
    char                   lease[32];
    int                    wake;
    int                    signals;
    bool                   once;
    bool                   drained;        /* the last claim gave nothing */
    atomic_bool            stop;

    long long              next_poll;
    long long              next_beat;
    long long              next_prune;
} social_worker_queue_t;


static bool social_worker_queue_init(social_worker_queue_t *queue);
static void social_worker_queue_loop(social_worker_queue_t *queue);
static void social_worker_queue_claim(social_worker_queue_t *queue);
static void social_worker_queue_release(social_worker_queue_t *queue,
    const char *id, const char *attempt, const char *error);
static void social_worker_queue_extend(void *data, social_worker_job_t *job);
static void social_worker_queue_wait(social_worker_queue_t *queue);
static void social_worker_queue_signal(social_worker_queue_t *queue);
static void social_worker_queue_listen(social_worker_queue_t *queue);
static void social_worker_queue_reload(social_worker_queue_t *queue);
static long long social_worker_queue_jitter(long long ms);
static long long social_worker_queue_now(void);


int
social_worker_queue_run(social_worker_conf_t *conf, bool once)
{
    int                     rc;
    social_worker_queue_t  *queue;

    queue = calloc(1, sizeof(social_worker_queue_t));

    if (queue == NULL) {
        social_worker_conf_release(conf);
        return 1;
    }

    queue->conf = conf;
    queue->once = once;
    queue->pq.listen = "social_jobs";

    rc = 1;

    if (social_worker_queue_init(queue)) {

        social_worker_log(SOCIAL_WORKER_INFO, "worker started",
                          social_worker_text("worker", queue->name),
                          social_worker_text("queue", conf->queue),
                          social_worker_number("concurrency",
                                               conf->concurrency));

        social_worker_queue_loop(queue);
        rc = 0;

        social_worker_slots_stop(queue->slots, queue->slot_count);

        social_worker_log(SOCIAL_WORKER_INFO, "worker stopped",
                          social_worker_text("worker", queue->name));
    }

    social_worker_pq_close(&queue->pq);
    social_worker_conf_release(queue->conf);
    free(queue);

    return rc;
}


static bool
social_worker_queue_init(social_worker_queue_t *queue)
{
    char      host[64];
    sigset_t  set;

    if (gethostname(host, sizeof(host)) == -1) {
        snprintf(host, sizeof(host), "unknown");
    }

    host[sizeof(host) - 1] = '\0';

    /*
     * A name of this process and no other: leases are fenced by it, and a
     * process that comes back is not the one that was lost.
     */

    snprintf(queue->name, sizeof(queue->name), "%.60s/%ld/%llx",
             queue->conf->name ? queue->conf->name : host, (long) getpid(),
             (unsigned long long) time(NULL));

    snprintf(queue->lease, sizeof(queue->lease), "%u milliseconds",
             queue->conf->lease);

    srandom((unsigned) getpid() ^ (unsigned) time(NULL));

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);

    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);     /* inherited by all threads */

    queue->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    queue->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    queue->slot_count = queue->conf->concurrency;

    if (queue->signals != -1 && queue->wake != -1) {
        queue->slots = social_worker_slots_start(queue->slot_count,
                                                 queue->wake, &queue->stop);
    }

    if (queue->slots == NULL) {
        social_worker_log(SOCIAL_WORKER_ERROR, "worker not started",
                          social_worker_text("error", strerror(errno)));
        return false;
    }

    return true;
}


static void
social_worker_queue_loop(social_worker_queue_t *queue)
{
    size_t     idle;
    bool       stop;
    long long  now;

    for (;;) {

        now = social_worker_queue_now();
        idle = social_worker_slots_idle(queue->slots, queue->slot_count);
        stop = atomic_load(&queue->stop);

        if (idle == queue->slot_count && (stop || queue->drained)) {
            return;
        }

        if (!social_worker_pq_connect(&queue->pq, queue->conf->conninfo)) {

            /* what runs goes on; its leases may run out meanwhile */

            queue->next_poll = now + social_worker_queue_jitter(
                                         queue->conf->poll);
            social_worker_queue_wait(queue);
            continue;
        }

        if (now >= queue->next_beat) {
            queue->next_beat = now + queue->conf->lease / 3;
            social_worker_slots_visit(queue->slots, queue->slot_count,
                                      social_worker_queue_extend, queue);
        }

        if (now >= queue->next_poll && idle > 0 && !stop) {
            social_worker_queue_claim(queue);

            if (queue->drained && idle == queue->slot_count) {
                return;
            }
        }

        if (now >= queue->next_prune && !queue->once) {
            queue->next_prune = now + social_worker_queue_jitter(
                                          SOCIAL_WORKER_PRUNE);
            PQclear(social_worker_pq_run(&queue->pq, "SELECT social_prune()",
                                         0, NULL));
        }

        social_worker_queue_wait(queue);
    }
}


static void
social_worker_queue_claim(social_worker_queue_t *queue)
{
    int                   i, n;
    char                  count[16], suspects[16];
    size_t                idle, lane, running;
    PGresult             *rows;
    const char           *params[5], *id, *attempt;
    social_worker_job_t  *job;

    idle = social_worker_slots_idle(queue->slots, queue->slot_count);
    snprintf(count, sizeof(count), "%zu", idle);

    /* suspects have half of the threads, so that they never have all */

    lane = queue->slot_count > 1 ? queue->slot_count / 2 : 1;
    running = social_worker_slots_suspects(queue->slots, queue->slot_count);
    snprintf(suspects, sizeof(suspects), "%zu",
             running < lane ? lane - running : 0);

    params[0] = queue->conf->queue;
    params[1] = queue->name;
    params[2] = queue->lease;
    params[3] = count;
    params[4] = suspects;

    rows = social_worker_pq_run(&queue->pq,
               "SELECT id, attempt, kind, payload, worker, suspect,"
               " failures ? 'timeout'"
               " FROM social_jobs_claim($1, $2, $3, $4, $5)", 5, params);

    n = rows ? PQntuples(rows) : 0;

    for (i = 0; i < n; i++) {

        job = social_worker_job_create(rows, i, queue->conf);

        id = PQgetvalue(rows, i, 0);
        attempt = PQgetvalue(rows, i, 1);

        if (job == NULL) {
            social_worker_queue_release(queue, id, attempt, "no memory");

        } else if (!social_worker_slots_give(queue->slots, queue->slot_count,
                                             job))
        {
            social_worker_job_free(job);
            social_worker_queue_release(queue, id, attempt,
                                        "more jobs than were asked for");
        }
    }

    /* there may be more where these were */

    queue->next_poll = (size_t) n >= idle ? 0
                       : social_worker_queue_now()
                         + social_worker_queue_jitter(queue->conf->poll);

    queue->drained = queue->once && rows != NULL && n == 0
                     && idle == queue->slot_count;

    PQclear(rows);
}


/* releases claimed jobs that cannot be started */

static void
social_worker_queue_release(social_worker_queue_t *queue, const char *id,
    const char *attempt, const char *error)
{
    const char  *params[3];

    params[0] = id;
    params[1] = attempt;
    params[2] = queue->name;

    social_worker_log(SOCIAL_WORKER_ERROR, "job released",
                      social_worker_text("job", id),
                      social_worker_text("error", error));

    PQclear(social_worker_pq_run(&queue->pq,
                "SELECT social_job_release($1, $2, $3)", 3, params));
}


static void
social_worker_queue_extend(void *data, social_worker_job_t *job)
{
    social_worker_queue_t  *queue = data;

    PGresult    *result;
    const char  *params[4], *value;

    params[0] = job->id;
    params[1] = job->attempt;
    params[2] = job->worker;
    params[3] = queue->lease;

    result = social_worker_pq_run(&queue->pq,
                 "SELECT social_job_extend($1, $2, $3, $4) OR NOT EXISTS ("
                 "SELECT FROM jobs WHERE id = $1 AND state = 'running')", 4,
                 params);

    value = result ? social_worker_pq_value(result) : NULL;

    /* one that was finished just now is not lost */

    if (value != NULL && value[0] == 'f') {
        atomic_store(&job->lost, true);
    }

    PQclear(result);
}


static void
social_worker_queue_wait(social_worker_queue_t *queue)
{
    uint64_t       count;
    long long      now, until;
    struct pollfd  pfds[3];

    now = social_worker_queue_now();
    until = queue->next_beat > now ? queue->next_beat : now;

    if (queue->pq.conn == NULL
        || social_worker_slots_idle(queue->slots, queue->slot_count) > 0)
    {
        until = queue->next_poll < until || queue->pq.conn == NULL
                ? queue->next_poll : until;
    }

    memset(pfds, 0, sizeof(pfds));

    pfds[0].fd = queue->signals;
    pfds[1].fd = queue->wake;
    pfds[2].fd = queue->pq.conn ? PQsocket(queue->pq.conn) : -1;
    pfds[0].events = pfds[1].events = pfds[2].events = POLLIN;

    /* a notification may have come with the answer to a statement */

    social_worker_queue_listen(queue);

    if (queue->next_poll == 0 && queue->pq.conn != NULL
        && social_worker_slots_idle(queue->slots, queue->slot_count) > 0)
    {
        until = now;
    }

    if (poll(pfds, 3, until > now ? (int) (until - now) : 0) <= 0) {
        return;
    }

    if (pfds[0].revents != 0) {
        social_worker_queue_signal(queue);
    }

    if (pfds[1].revents != 0
        && read(queue->wake, &count, sizeof(count)) == sizeof(count))
    {
        queue->next_poll = 0;               /* one is idle */
    }

    if (pfds[2].revents != 0) {

        if (PQconsumeInput(queue->pq.conn) == 0) {
            social_worker_log(SOCIAL_WORKER_ERROR, "database unavailable",
                              social_worker_text("worker", queue->name));
            social_worker_pq_close(&queue->pq);
            queue->pq.failing = true;
            queue->next_poll = 0;
            return;
        }

        social_worker_queue_listen(queue);
    }
}


static void
social_worker_queue_listen(social_worker_queue_t *queue)
{
    PGnotify  *notify;

    if (queue->pq.conn == NULL) {
        return;
    }

    while ((notify = PQnotifies(queue->pq.conn)) != NULL) {

        if (strcmp(notify->extra, queue->conf->queue) == 0) {
            queue->next_poll = 0;
        }

        PQfreemem(notify);
    }
}


static void
social_worker_queue_signal(social_worker_queue_t *queue)
{
    struct signalfd_siginfo  info;

    while (read(queue->signals, &info, sizeof(info)) == sizeof(info)) {

        if (info.ssi_signo == SIGHUP) {
            social_worker_queue_reload(queue);
            continue;
        }

        social_worker_log(SOCIAL_WORKER_INFO, "worker stopping",
                          social_worker_text("worker", queue->name),
                          social_worker_number("signal", info.ssi_signo));

        atomic_store(&queue->stop, true);
    }
}


static void
social_worker_queue_reload(social_worker_queue_t *queue)
{
    social_worker_conf_t  *conf;

    conf = social_worker_conf_read(queue->conf->file);

    if (conf == NULL) {
        social_worker_log(SOCIAL_WORKER_ERROR, "configuration not reloaded",
                          social_worker_text("file", queue->conf->file));
        return;
    }

    /* threads are counted once */

    conf->concurrency = queue->conf->concurrency;

    social_worker_conf_release(queue->conf);
    queue->conf = conf;

    snprintf(queue->lease, sizeof(queue->lease), "%u milliseconds",
             conf->lease);
    queue->next_beat = 0;

    social_worker_log(SOCIAL_WORKER_INFO, "configuration reloaded",
                      social_worker_text("file", conf->file));
}


/* so that workers that were started together do not poll together */

static long long
social_worker_queue_jitter(long long ms)
{
    return ms * 3 / 4 + random() % (ms / 2 + 1);
}


static long long
social_worker_queue_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
