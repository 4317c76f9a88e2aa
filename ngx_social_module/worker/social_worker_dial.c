
/*
 * Connections that are made in a thread.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_dial.h"
#include "social_worker_log.h"


/* seconds for one connection: of TCP, TLS and login */

#define SOCIAL_WORKER_DIAL_TIMEOUT  5


struct social_worker_dial_s {
    atomic_uint           references;      /* the caller's, and the thread's */
    atomic_bool           done;
    int                   wake;            /* a copy: it may end after others */

    char                 *conninfo;
    social_pq_options_t   options;

    social_rc_e           rc;
    social_pq_t          *pq;
    social_pq_error_t     error;
};


static void *social_worker_dial_main(void *data);
static bool social_worker_dial_abandoned(void *data);
static void social_worker_dial_release(social_worker_dial_t *dial);


social_worker_dial_t *
social_worker_dial_start(const char *conninfo, int limit, int wake)
{
    pthread_t              thread;
    pthread_attr_t         attr;
    social_worker_dial_t  *dial;

    dial = calloc(1, sizeof(social_worker_dial_t));

    if (dial == NULL) {
        return NULL;
    }

    dial->references = 2;
    dial->wake = dup(wake);
    dial->conninfo = strdup(conninfo ? conninfo : "");

    dial->options.conninfo = dial->conninfo;
    dial->options.connect_timeout = SOCIAL_WORKER_DIAL_TIMEOUT;
    dial->options.statement_timeout = limit;
    dial->options.application_name = "social-worker";
    dial->options.stop = social_worker_dial_abandoned;
    dial->options.data = dial;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    if (dial->wake == -1 || dial->conninfo == NULL
        || pthread_create(&thread, &attr, social_worker_dial_main, dial) != 0)
    {
        dial->references = 1;
        social_worker_dial_release(dial);
        dial = NULL;
    }

    pthread_attr_destroy(&attr);

    return dial;
}


social_rc_e
social_worker_dial_poll(social_worker_dial_t *dial, social_pq_t **pq,
    char error[SOCIAL_PQ_ERROR_SIZE])
{
    *pq = NULL;

    if (!atomic_load(&dial->done)) {
        return SOCIAL_DECLINED;
    }

    if (dial->rc == SOCIAL_OK && dial->pq != NULL) {
        *pq = dial->pq;
        dial->pq = NULL;
        return SOCIAL_OK;
    }

    memcpy(error, dial->error.text, SOCIAL_PQ_ERROR_SIZE);

    return SOCIAL_FAILED;
}


bool
social_worker_dial_end(social_worker_dial_t *dial)
{
    bool  done;

    if (dial == NULL) {
        return true;
    }

    done = atomic_load(&dial->done);
    social_worker_dial_release(dial);

    return done;
}


static void *
social_worker_dial_main(void *data)
{
    social_worker_dial_t  *dial = data;

    uint64_t  one;

    dial->rc = social_pq_connect(&dial->options, &dial->pq, &dial->error);

    atomic_store(&dial->done, true);

    one = 1;

    if (write(dial->wake, &one, sizeof(one)) != sizeof(one)) {
        social_worker_log(SOCIAL_WORKER_WARN, "wake-up failed",
                          social_worker_text("of", "a connection"));
    }

    social_worker_dial_release(dial);

    return NULL;
}


/* nobody wants the connection any more */

static bool
social_worker_dial_abandoned(void *data)
{
    social_worker_dial_t  *dial = data;

    return atomic_load(&dial->references) == 1;
}


static void
social_worker_dial_release(social_worker_dial_t *dial)
{
    if (atomic_fetch_sub(&dial->references, 1) != 1) {
        return;
    }

    social_pq_close(dial->pq);

    if (dial->wake != -1) {
        close(dial->wake);
    }

    free(dial->conninfo);
    free(dial);
}
