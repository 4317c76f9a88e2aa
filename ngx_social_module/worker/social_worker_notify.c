
/*
 * The protocol of sd_notify(3): a datagram with lines NAME=VALUE to a unix
 * socket.  libsystemd, whose other functions are not needed, is not on every
 * system that the worker is built for.
 */

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "social_worker_notify.h"


static long long social_worker_notify_interval(void);
static void social_worker_notify_send(const social_worker_notify_t *notify,
    const char *state);


void
social_worker_notify_init(social_worker_notify_t *notify)
{
    size_t       len;
    const char  *path;

    memset(notify, 0, sizeof(social_worker_notify_t));
    notify->database = -1;

    path = getenv("NOTIFY_SOCKET");
    len = path ? strlen(path) : 0;

    /* "@": in the abstract namespace, where the first byte is zero */

    if (len > 1 && len < sizeof(notify->address)
        && (path[0] == '/' || path[0] == '@'))
    {
        memcpy(notify->address, path, len);
        notify->length = (unsigned) len;
        notify->interval = social_worker_notify_interval();
    }

    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}


/* a third of the time after which the manager takes us for dead */

static long long
social_worker_notify_interval(void)
{
    char        *end;
    long long    us;
    const char  *pid, *time;

    pid = getenv("WATCHDOG_PID");
    time = getenv("WATCHDOG_USEC");

    if (time == NULL
        || (pid != NULL && strtoll(pid, NULL, 10) != (long long) getpid()))
    {
        return 0;
    }

    us = strtoll(time, &end, 10);

    if (end == time || *end != '\0' || us <= 0) {
        return 0;
    }

    us /= 3000;

    return us > 0 ? us : 1;
}


void
social_worker_notify_ready(social_worker_notify_t *notify)
{
    social_worker_notify_send(notify, "READY=1");
}


void
social_worker_notify_reloading(social_worker_notify_t *notify)
{
    char             text[64];
    struct timespec  now;

    /* the manager takes it for old if the time is not that of the signal */

    clock_gettime(CLOCK_MONOTONIC, &now);

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long) now.tv_sec * 1000000 + now.tv_nsec / 1000);

    social_worker_notify_send(notify, text);
}


void
social_worker_notify_stopping(social_worker_notify_t *notify)
{
    social_worker_notify_send(notify,
                              "STOPPING=1\nSTATUS=finishing what is at work");
}


void
social_worker_notify_process(social_worker_notify_t *notify, bool database,
    long long now)
{
    if (notify->database != (int) database) {
        notify->database = (int) database;
        social_worker_notify_send(notify,
                                  database ? "STATUS=processing jobs"
                                  : "STATUS=the database is unavailable");
    }

    if (notify->interval > 0 && now >= notify->next) {
        notify->next = now + notify->interval;
        social_worker_notify_send(notify, "WATCHDOG=1");
    }
}


long long
social_worker_notify_deadline(const social_worker_notify_t *notify)
{
    return notify->interval > 0 ? notify->next : LLONG_MAX;
}


static void
social_worker_notify_send(const social_worker_notify_t *notify,
    const char *state)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_un  sa;

    if (notify->length == 0) {
        return;
    }

    memset(&sa, 0, sizeof(struct sockaddr_un));

    sa.sun_family = AF_UNIX;
    memcpy(sa.sun_path, notify->address, notify->length);

    if (sa.sun_path[0] == '@') {
        sa.sun_path[0] = '\0';
    }

    len = (socklen_t) (offsetof(struct sockaddr_un, sun_path)
                       + notify->length);

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1) {
        return;
    }

    /* without a manager that listens the work goes on */

    (void) sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                  (struct sockaddr *) &sa, len);

    close(fd);
}
