
/*
 * The main thread: waits for signals, for the database and for its threads,
 * and has the parts of the loop do what is due.
 *
 * LISTEN wakes the worker at once; polling each second makes up for a missed
 * notification, and finds jobs that have become due and those of workers that
 * were lost.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "social_worker_clock.h"
#include "social_worker_log.h"
#include "social_worker_loop.h"
#include "social_worker_queue.h"


/* milliseconds that a worker that stops waits for a database without answer */

#define SOCIAL_WORKER_QUEUE_PATIENCE  4000


static bool social_worker_queue_init(social_worker_loop_t *loop);
static bool social_worker_queue_loop(social_worker_loop_t *loop);
static bool social_worker_queue_patient(social_worker_loop_t *loop,
    long long now, long long *since, uint64_t *progress);
static void social_worker_queue_leave(social_worker_loop_t *loop);
static void social_worker_queue_step(social_worker_loop_t *loop,
    long long now);
static void social_worker_queue_wait(social_worker_loop_t *loop,
    long long until);
static void social_worker_queue_signal(social_worker_loop_t *loop);
static void social_worker_queue_reload(social_worker_loop_t *loop);
static void social_worker_queue_time(social_worker_loop_t *loop);


int
social_worker_queue_run(social_worker_conf_t *conf, bool once)
{
    int                    rc;
    bool                   clean;
    social_worker_loop_t  *loop;

    loop = calloc(1, sizeof(social_worker_loop_t));

    if (loop == NULL) {
        social_worker_conf_release(conf);
        return 1;
    }

    loop->conf = conf;
    loop->once = once;

    rc = 1;
    clean = true;

    if (social_worker_queue_init(loop)) {

        social_worker_log(SOCIAL_WORKER_INFO, "worker started",
                          social_worker_text("worker", loop->name),
                          social_worker_text("queue", conf->queue),
                          social_worker_number("concurrency",
                                               conf->concurrency));

        social_worker_lanes_log(loop);

        if (!once) {
            social_worker_sqs_start(loop->sqs, conf);
        }

        social_worker_notify_ready(&loop->notify);

        clean = social_worker_queue_loop(loop);
        rc = 0;

        social_worker_sqs_stop(loop->sqs);

        if (clean) {
            social_worker_lanes_stop(loop);
        }

        social_worker_queue_leave(loop);

        social_worker_log(SOCIAL_WORKER_INFO, "worker stopped",
                          social_worker_text("worker", loop->name));
    }

    clean = social_worker_sqs_destroy(loop->sqs, SOCIAL_WORKER_QUEUE_PATIENCE)
            && clean;
    clean = social_worker_link_free(loop->beats) && clean;
    clean = social_worker_link_free(loop->claims) && clean;
    clean = social_worker_link_free(loop->results) && clean;

    /*
     * Threads may be at work still, on a connection or a transfer, and use
     * what a process that exits would take away from them.
     */

    if (!clean) {
        _exit(rc);
    }

    social_worker_lanes_free(loop);
    social_worker_work_destroy(&loop->work);
    social_worker_conf_release(loop->conf);
    free(loop);

    return rc;
}


static bool
social_worker_queue_init(social_worker_loop_t *loop)
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

    snprintf(loop->name, sizeof(loop->name), "%.60s/%ld/%llx",
             loop->conf->name ? loop->conf->name : host, (long) getpid(),
             (unsigned long long) time(NULL));

    social_worker_queue_time(loop);
    social_worker_notify_init(&loop->notify);

    srandom((unsigned) getpid() ^ (unsigned) time(NULL));

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);

    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);     /* inherited by all threads */

    loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->share = social_worker_claim_add;

    TAILQ_INIT(&loop->held);
    STAILQ_INIT(&loop->ended);
    STAILQ_INIT(&loop->asking);

    social_worker_work_init(&loop->work, loop->wake);

    loop->beats = social_worker_link_create(&loop->outage, loop->wake);
    loop->claims = social_worker_link_create(&loop->outage, loop->wake);
    loop->results = social_worker_link_create(&loop->outage, loop->wake);
    loop->sqs = social_worker_sqs_create();

    if (loop->signals != -1 && loop->wake != -1 && loop->beats != NULL
        && loop->claims != NULL && loop->results != NULL && loop->sqs != NULL)
    {
        if (social_worker_lanes_start(loop)) {
            return true;
        }
    }

    social_worker_log(SOCIAL_WORKER_ERROR, "worker not started",
                      social_worker_text("error", strerror(errno)));

    return false;
}


/* false: threads are at work still */

static bool
social_worker_queue_loop(social_worker_loop_t *loop)
{
    uint64_t   progress;
    long long  now, until, since, other;

    since = 0;
    progress = 0;

    for ( ;; ) {

        now = social_worker_now();

        social_worker_queue_step(loop, now);

        if (TAILQ_EMPTY(&loop->held) && loop->claiming == 0
            && (loop->stop
                || (loop->once && social_worker_lanes_drained(loop))))
        {
            return true;
        }

        until = LLONG_MAX;

        if (loop->stop) {

            if (!social_worker_queue_patient(loop, now, &since, &progress)) {
                social_worker_result_give_up(loop);
                social_worker_work_give_up(&loop->work);
                return false;
            }

            until = now + SOCIAL_WORKER_QUEUE_PATIENCE / 4;
        }

        other = social_worker_lease_deadline(loop);
        until = other < until ? other : until;
        other = social_worker_claim_deadline(loop);
        until = other < until ? other : until;
        other = social_worker_result_deadline(loop);
        until = other < until ? other : until;
        other = social_worker_counts_deadline(loop);
        until = other < until ? other : until;
        other = social_worker_notify_deadline(&loop->notify);
        until = other < until ? other : until;

        social_worker_work_patient(&loop->work,
                       social_worker_result_lingers(loop, now) > 0);
        social_worker_queue_wait(loop, until);
    }
}


/*
 * Whether a worker that stops should wait on: it does for jobs that are at
 * work, but for a database without answer only for some time.
 */

static bool
social_worker_queue_patient(social_worker_loop_t *loop, long long now,
    long long *since, uint64_t *progress)
{
    bool  needed;

    needed = loop->unrecorded > 0 || loop->asked > 0 || loop->claiming > 0
             || !STAILQ_EMPTY(&loop->asking)
             || (loop->active > 0 && now >= loop->lease_until);

    if (!needed) {
        *since = 0;
        return true;
    }

    if (*since == 0 || loop->progress != *progress) {
        *since = now;
        *progress = loop->progress;
    }

    return now - *since < SOCIAL_WORKER_QUEUE_PATIENCE;
}


/* what is given back now nobody has to wait for */

static void
social_worker_queue_leave(social_worker_loop_t *loop)
{
    long long  now, end;

    end = social_worker_now() + SOCIAL_WORKER_QUEUE_PATIENCE / 4;

    loop->stop = true;                      /* nothing is claimed any more */

    /* what it has counted in the end; the answer is waited for below */

    loop->next_counts = 0;
    social_worker_counts_process(loop, social_worker_now());

    if (!social_worker_result_leave(loop)) {
        return;
    }

    while (social_worker_link_pending(loop->results) > 0) {

        now = social_worker_now();

        if (now >= end) {
            return;
        }

        social_worker_queue_wait(loop, end);
        social_worker_queue_step(loop, now);
    }
}


static void
social_worker_queue_step(social_worker_loop_t *loop, long long now)
{
    bool         fresh;
    const char  *conninfo;

    conninfo = loop->conf->conninfo;

    social_worker_link_process(loop->beats, conninfo, &fresh);

    if (fresh) {
        loop->next_beat = 0;
    }

    social_worker_link_process(loop->claims, conninfo, &fresh);

    if (fresh) {
        social_worker_claim_listen(loop);
    }

    social_worker_link_process(loop->results, conninfo, &fresh);

    social_worker_lease_process(loop, now);
    social_worker_result_process(loop, now);
    social_worker_claim_process(loop, now);
    social_worker_counts_process(loop, now);

    social_worker_notify_process(&loop->notify, loop->outage.links == 0, now);
}


static void
social_worker_queue_wait(social_worker_loop_t *loop, long long until)
{
    int                    timeout;
    size_t                 i;
    uint64_t               count;
    long long              now, other;
    struct pollfd          pfds[5];
    social_worker_link_t  *links[3];

    links[0] = loop->beats;
    links[1] = loop->claims;
    links[2] = loop->results;

    memset(pfds, 0, sizeof(pfds));

    pfds[0].fd = loop->signals;
    pfds[1].fd = loop->wake;
    pfds[0].events = pfds[1].events = POLLIN;

    for (i = 0; i < 3; i++) {
        pfds[i + 2].fd = social_worker_link_socket(links[i],
                                                   &pfds[i + 2].events);
        other = social_worker_link_deadline(links[i]);
        until = other < until ? other : until;
    }

    now = social_worker_now();
    timeout = until <= now ? 0
              : until - now > 60000 ? 60000 : (int) (until - now);

    if (poll(pfds, 5, timeout) <= 0) {
        return;
    }

    if (pfds[0].revents != 0) {
        social_worker_queue_signal(loop);
    }

    if (pfds[1].revents != 0
        && read(loop->wake, &count, sizeof(count)) != sizeof(count))
    {
        return;                             /* there was none */
    }
}


static void
social_worker_queue_signal(social_worker_loop_t *loop)
{
    struct signalfd_siginfo  info;

    while (read(loop->signals, &info, sizeof(info)) == sizeof(info)) {

        if (info.ssi_signo == SIGHUP) {
            social_worker_queue_reload(loop);
            continue;
        }

        social_worker_log(SOCIAL_WORKER_INFO, "worker stopping",
                          social_worker_text("worker", loop->name),
                          social_worker_number("signal", info.ssi_signo));

        social_worker_notify_stopping(&loop->notify);

        loop->stop = true;
        social_worker_result_unbegun(loop);
        social_worker_sqs_stop(loop->sqs);
    }
}


static void
social_worker_queue_reload(social_worker_loop_t *loop)
{
    social_worker_conf_t  *conf;

    social_worker_notify_reloading(&loop->notify);

    conf = social_worker_conf_read(loop->conf->file);

    social_worker_notify_ready(&loop->notify);

    if (conf == NULL) {
        social_worker_log(SOCIAL_WORKER_ERROR, "configuration not reloaded",
                          social_worker_text("file", loop->conf->file));
        return;
    }

    social_worker_lanes_change(loop, conf);

    social_worker_conf_release(loop->conf);
    loop->conf = conf;

    social_worker_queue_time(loop);
    loop->next_beat = 0;

    social_worker_schedule_send(loop);

    if (!loop->once && !loop->stop) {
        social_worker_sqs_start(loop->sqs, conf);
    }

    social_worker_log(SOCIAL_WORKER_INFO, "configuration reloaded",
                      social_worker_text("file", conf->file));
}


static void
social_worker_queue_time(social_worker_loop_t *loop)
{
    snprintf(loop->lease, sizeof(loop->lease), "%u milliseconds",
             loop->conf->lease);
}
