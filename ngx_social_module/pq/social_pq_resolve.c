
/*
 * The addresses of a name, within a time.
 *
 * DESIGN.  A detached thread calls getaddrinfo(); a thread that needs the
 * result waits for it within its own time; the last one that has the lookup
 * frees it.  With a resolver that hangs there is one such thread for a name,
 * not one for every attempt.
 *
 * A worker process of nginx unloads its modules before it exits, while the
 * thread may still come back to this code: so the code is never unloaded.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  /* dladdr() */
#endif

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "social_pq_resolve.h"


typedef struct social_pq_lookup_s  social_pq_lookup_t;

struct social_pq_lookup_s {
    social_pq_lookup_t     *next;
    pthread_cond_t          cond;
    size_t                  users;      /* the thread is one */
    bool                    done;
    const char             *why;        /* NULL: found */
    social_pq_addresses_t   found;
    char                    name[SOCIAL_PQ_MAX_NAME + 1];
};


static social_pq_lookup_t *social_pq_lookup_get(const char *name,
    const char **why);
static social_pq_lookup_t *social_pq_lookup_start(const char *name);
static void *social_pq_lookup_thread(void *arg);
static void social_pq_lookup_wait(social_pq_lookup_t *lookup, int slice);
static void social_pq_lookup_release(social_pq_lookup_t *lookup);
static const char *social_pq_lookup_find(const char *name, int flags,
    social_pq_addresses_t *found);
static void social_pq_stay(void);


static pthread_mutex_t      social_pq_lookup_mutex = PTHREAD_MUTEX_INITIALIZER;
static social_pq_lookup_t  *social_pq_lookups;      /* those not done */


social_rc_e
social_pq_resolve(const char *name, const social_pq_wait_t *wait,
    social_pq_addresses_t *addresses, const char **why)
{
    int                  slice;
    social_pq_lookup_t  *lookup;

    *why = social_pq_lookup_find(name, AI_NUMERICHOST, addresses);

    if (*why == NULL) {
        return SOCIAL_OK;
    }

    if (strlen(name) > SOCIAL_PQ_MAX_NAME) {
        *why = "the name is too long";
        return SOCIAL_DECLINED;
    }

    pthread_mutex_lock(&social_pq_lookup_mutex);

    *why = NULL;
    lookup = social_pq_lookup_get(name, why);

    if (lookup == NULL) {
        pthread_mutex_unlock(&social_pq_lookup_mutex);
        return *why != NULL ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    while (!lookup->done) {

        slice = social_pq_wait_slice(wait);

        if (slice == 0) {
            break;
        }

        social_pq_lookup_wait(lookup, slice);
    }

    if (lookup->done) {
        *why = lookup->why;
        *addresses = lookup->found;

    } else {
        *why = "the resolver does not respond";
    }

    social_pq_lookup_release(lookup);

    pthread_mutex_unlock(&social_pq_lookup_mutex);

    return *why == NULL ? SOCIAL_OK : SOCIAL_DECLINED;
}


/*
 * The lookup of that name, one that runs already if there is one.
 */

static social_pq_lookup_t *
social_pq_lookup_get(const char *name, const char **why)
{
    size_t               n;
    social_pq_lookup_t  *lookup;

    n = 0;

    for (lookup = social_pq_lookups; lookup != NULL; lookup = lookup->next) {

        if (strcmp(lookup->name, name) == 0) {
            lookup->users++;
            return lookup;
        }

        n++;
    }

    if (n >= SOCIAL_PQ_MAX_LOOKUPS) {
        *why = "the resolver does not respond, to other names either";
        return NULL;
    }

    return social_pq_lookup_start(name);
}


static social_pq_lookup_t *
social_pq_lookup_start(const char *name)
{
    int                  rc;
    sigset_t             all, old;
    pthread_t            thread;
    pthread_attr_t       attr;
    pthread_condattr_t   clock;
    social_pq_lookup_t  *lookup;

    lookup = calloc(1, sizeof(social_pq_lookup_t));

    if (lookup == NULL) {
        return NULL;
    }

    memcpy(lookup->name, name, strlen(name));

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->cond, &clock);
    pthread_condattr_destroy(&clock);

    social_pq_stay();

    /* signals are for the threads that expect them */

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    lookup->users = 2;

    rc = pthread_create(&thread, &attr, social_pq_lookup_thread, lookup);

    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (rc != 0) {
        pthread_cond_destroy(&lookup->cond);
        free(lookup);
        return NULL;
    }

    lookup->next = social_pq_lookups;
    social_pq_lookups = lookup;

    return lookup;
}


static void *
social_pq_lookup_thread(void *arg)
{
    social_pq_lookup_t     *lookup = arg;

    const char             *why;
    social_pq_lookup_t    **p;
    social_pq_addresses_t   found;

    why = social_pq_lookup_find(lookup->name, 0, &found);

    pthread_mutex_lock(&social_pq_lookup_mutex);

    lookup->why = why;
    lookup->found = found;
    lookup->done = true;

    for (p = &social_pq_lookups; *p != lookup; p = &(*p)->next) { /* void */ }

    *p = lookup->next;

    pthread_cond_broadcast(&lookup->cond);
    social_pq_lookup_release(lookup);

    pthread_mutex_unlock(&social_pq_lookup_mutex);

    return NULL;
}


static void
social_pq_lookup_wait(social_pq_lookup_t *lookup, int slice)
{
    int64_t          end;
    struct timespec  ts;

    end = social_pq_clock() + slice;

    ts.tv_sec = (time_t) (end / 1000);
    ts.tv_nsec = (long) (end % 1000) * 1000000;

    pthread_cond_timedwait(&lookup->cond, &social_pq_lookup_mutex, &ts);
}


static void
social_pq_lookup_release(social_pq_lookup_t *lookup)
{
    if (--lookup->users == 0) {
        pthread_cond_destroy(&lookup->cond);
        free(lookup);
    }
}


static const char *
social_pq_lookup_find(const char *name, int flags,
    social_pq_addresses_t *found)
{
    int               rc;
    struct addrinfo   hints, *list, *ai;

    found->n = 0;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;

    rc = getaddrinfo(name, NULL, &hints, &list);

    if (rc != 0) {
        return rc == EAI_SYSTEM ? "a system error" : gai_strerror(rc);
    }

    for (ai = list; ai && found->n < SOCIAL_PQ_MAX_ADDRESSES; ai = ai->ai_next)
    {
        if (getnameinfo(ai->ai_addr, ai->ai_addrlen, found->text[found->n],
                        SOCIAL_PQ_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST)
            == 0)
        {
            found->n++;
        }
    }

    freeaddrinfo(list);

    return found->n ? NULL : "it has no address";
}


/*
 * Keeps this library, if it is one, in the process.
 */

static void
social_pq_stay(void)
{
    Dl_info  info;

    if (dladdr((const void *) &social_pq_lookups, &info) != 0
        && info.dli_fname != NULL)
    {
        /* the reference is never given back */
        (void) dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}
