
/*
 * Events on disk that wait for the database.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_net_events.h"


/* of a name below the root */
#define SOCIAL_NET_EVENTS_PATH  (8 + SOCIAL_EVENT_NAME_SIZE + 1)


static int social_net_events_root(const char *root);
static void social_net_events_path(char buf[SOCIAL_NET_EVENTS_PATH],
    const char *place, const social_event_name_t *name);
static int social_net_events_create(const char *root, int dir,
    const char *path);
static social_rc_e social_net_events_write(int fd, social_str_t text);
static social_rc_e social_net_events_sync(int dir, const char *place);
static DIR *social_net_events_open(const char *root, const char *place);
static social_rc_e social_net_events_add(social_net_events_t *events,
    size_t *room, const social_event_name_t *name);
static social_rc_e social_net_events_aside(const char *root, uint64_t *n);
static int social_net_events_by_time(const void *one, const void *two);
static int social_net_events_by_user(const void *one, const void *two);
static void social_net_events_close(int fd);


social_rc_e
social_net_events_prepare(const char *root)
{
    int                 dir;
    size_t              i;
    social_rc_e         rc;
    static const char  *places[] = { "tmp", "events", "aside" };

    dir = social_net_events_root(root);
    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {

        if (mkdirat(dir, places[i], 0700) == -1 && errno != EEXIST) {
            rc = SOCIAL_FAILED;
            break;
        }
    }

    if (rc == SOCIAL_OK && fsync(dir) == -1) {
        rc = SOCIAL_FAILED;
    }

    social_net_events_close(dir);

    return rc;
}


social_rc_e
social_net_events_put(const char *root, const social_event_name_t *name,
    social_str_t text)
{
    int          dir, fd, saved;
    char         tmp[SOCIAL_NET_EVENTS_PATH], path[SOCIAL_NET_EVENTS_PATH];
    social_rc_e  rc;

    dir = social_net_events_root(root);
    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    social_net_events_path(tmp, "tmp", name);
    social_net_events_path(path, "events", name);

    fd = social_net_events_create(root, dir, tmp);

    if (fd == -1) {
        social_net_events_close(dir);
        return SOCIAL_FAILED;
    }

    rc = social_net_events_write(fd, text);

    if (rc == SOCIAL_OK && fsync(fd) == -1) {
        rc = SOCIAL_FAILED;
    }

    social_net_events_close(fd);

    if (rc == SOCIAL_OK && renameat(dir, tmp, dir, path) == -1) {
        rc = SOCIAL_FAILED;
    }

    if (rc != SOCIAL_OK) {
        saved = errno;
        unlinkat(dir, tmp, 0);
        errno = saved;

    } else if (social_net_events_sync(dir, "events") != SOCIAL_OK) {

        /* its sender is answered that it failed, and sends it again */

        saved = errno;
        unlinkat(dir, path, 0);
        errno = saved;
        rc = SOCIAL_FAILED;
    }

    social_net_events_close(dir);

    return rc;
}


social_rc_e
social_net_events_list(const char *root, social_net_events_t *events)
{
    DIR                  *dir;
    size_t                room;
    social_rc_e           rc;
    social_str_t          text;
    struct dirent        *entry;
    social_event_name_t   name;

    memset(events, 0, sizeof(*events));
    room = 0;

    dir = social_net_events_open(root, "events");

    if (dir == NULL) {
        return errno == ENOENT ? SOCIAL_OK : SOCIAL_FAILED;
    }

    for ( ;; ) {
        errno = 0;

        entry = readdir(dir);

        if (entry == NULL) {
            rc = errno ? SOCIAL_FAILED : SOCIAL_OK;
            break;
        }

        text.data = (unsigned char *) entry->d_name;
        text.len = strlen(entry->d_name);

        if (social_event_name_parse(text, &name) != SOCIAL_OK) {
            continue;
        }

        rc = social_net_events_add(events, &room, &name);

        if (rc != SOCIAL_OK) {
            break;
        }
    }

    closedir(dir);

    if (rc == SOCIAL_OK) {
        rc = social_net_events_aside(root, &events->aside);
    }

    if (rc != SOCIAL_OK) {
        social_net_events_free(events);
        return rc;
    }

    if (events->n) {
        qsort(events->names, events->n, sizeof(events->names[0]),
              social_net_events_by_time);
    }

    return SOCIAL_OK;
}


void
social_net_events_free(social_net_events_t *events)
{
    int  saved;

    saved = errno;
    free(events->names);
    errno = saved;

    events->names = NULL;
    events->n = 0;
}


void
social_net_events_heads(social_net_events_t *events)
{
    size_t                i, n;
    social_event_name_t  *names;

    names = events->names;

    if (events->n == 0) {
        return;
    }

    qsort(names, events->n, sizeof(names[0]), social_net_events_by_user);

    n = 1;

    for (i = 1; i < events->n; i++) {
        if (names[i].user != names[n - 1].user) {
            names[n++] = names[i];
        }
    }

    events->n = n;

    qsort(names, n, sizeof(names[0]), social_net_events_by_time);
}


social_rc_e
social_net_events_get(const char *root, const social_event_name_t *name,
    unsigned char *buf)
{
    int          dir, fd;
    char         path[SOCIAL_NET_EVENTS_PATH];
    size_t       len;
    ssize_t      n;
    social_rc_e  rc;
    struct stat  st;

    dir = social_net_events_root(root);
    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    social_net_events_path(path, "events", name);

    fd = openat(dir, path, O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK);

    social_net_events_close(dir);

    if (fd == -1) {
        return errno == ENOENT ? SOCIAL_DECLINED : SOCIAL_FAILED;
    }

    rc = SOCIAL_OK;

    if (fstat(fd, &st) == -1) {
        rc = SOCIAL_FAILED;

    } else if (!S_ISREG(st.st_mode) || st.st_size != (off_t) name->size) {
        rc = SOCIAL_MALFORMED;
    }

    for (len = 0; rc == SOCIAL_OK && len < name->size; len += (size_t) n) {

        n = read(fd, buf + len, name->size - len);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            rc = n == 0 ? SOCIAL_MALFORMED : SOCIAL_FAILED;
        }
    }

    social_net_events_close(fd);

    return rc;
}


social_rc_e
social_net_events_remove(const char *root, const social_event_name_t *name)
{
    int          dir;
    char         path[SOCIAL_NET_EVENTS_PATH];
    social_rc_e  rc;

    dir = social_net_events_root(root);
    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    social_net_events_path(path, "events", name);

    rc = unlinkat(dir, path, 0) == -1 && errno != ENOENT ? SOCIAL_FAILED
                                                         : SOCIAL_OK;

    social_net_events_close(dir);

    return rc;
}


social_rc_e
social_net_events_set_aside(const char *root, const social_event_name_t *name)
{
    int          dir;
    char         from[SOCIAL_NET_EVENTS_PATH], to[SOCIAL_NET_EVENTS_PATH];
    social_rc_e  rc;

    dir = social_net_events_root(root);
    if (dir == -1) {
        return SOCIAL_FAILED;
    }

    social_net_events_path(from, "events", name);
    social_net_events_path(to, "aside", name);

    rc = renameat(dir, from, dir, to) == -1 && errno != ENOENT
         ? SOCIAL_FAILED : SOCIAL_OK;

    social_net_events_close(dir);

    return rc;
}


size_t
social_net_events_sweep(const char *root, int64_t now, int64_t age)
{
    DIR            *dir;
    size_t          n;
    struct stat     st;
    struct dirent  *entry;

    dir = social_net_events_open(root, "tmp");

    if (dir == NULL) {
        return 0;
    }

    n = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG(st.st_mode) && (int64_t) st.st_mtime + age <= now
            && unlinkat(dirfd(dir), entry->d_name, 0) == 0)
        {
            n++;
        }
    }

    closedir(dir);

    return n;
}


static int
social_net_events_root(const char *root)
{
    return open(root, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
}


static void
social_net_events_path(char buf[SOCIAL_NET_EVENTS_PATH], const char *place,
    const social_event_name_t *name)
{
    char  text[SOCIAL_EVENT_NAME_SIZE + 1];

    social_event_name_write(name, text);

    (void) snprintf(buf, SOCIAL_NET_EVENTS_PATH, "%s/%s", place, text);
}


/*
 * The directories are made when the first event is written.
 */

static int
social_net_events_create(const char *root, int dir, const char *path)
{
    int  fd;

    fd = openat(dir, path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1 && errno == ENOENT
        && social_net_events_prepare(root) == SOCIAL_OK)
    {
        fd = openat(dir, path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    }

    return fd;
}


static social_rc_e
social_net_events_write(int fd, social_str_t text)
{
    ssize_t  n;

    while (text.len) {

        n = write(fd, text.data, text.len);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return SOCIAL_FAILED;
        }

        text.data += n;
        text.len -= (size_t) n;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_events_sync(int dir, const char *place)
{
    int          fd;
    social_rc_e  rc;

    fd = openat(dir, place, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == -1) {
        return SOCIAL_FAILED;
    }

    rc = fsync(fd) == -1 ? SOCIAL_FAILED : SOCIAL_OK;

    social_net_events_close(fd);

    return rc;
}


static DIR *
social_net_events_open(const char *root, const char *place)
{
    int   fd, dir;
    DIR  *opened;

    dir = social_net_events_root(root);
    if (dir == -1) {
        return NULL;
    }

    fd = openat(dir, place, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    social_net_events_close(dir);

    if (fd == -1) {
        return NULL;
    }

    opened = fdopendir(fd);

    if (opened == NULL) {
        social_net_events_close(fd);
    }

    return opened;
}


static social_rc_e
social_net_events_add(social_net_events_t *events, size_t *room,
    const social_event_name_t *name)
{
    size_t                n;
    social_event_name_t  *names;

    if (events->n == *room) {
        n = *room ? 2 * *room : 64;

        names = realloc(events->names, n * sizeof(names[0]));
        if (names == NULL) {
            return SOCIAL_FAILED;
        }

        events->names = names;
        *room = n;
    }

    events->names[events->n++] = *name;
    events->bytes += name->size;

    return SOCIAL_OK;
}


static social_rc_e
social_net_events_aside(const char *root, uint64_t *n)
{
    DIR            *dir;
    struct dirent  *entry;

    dir = social_net_events_open(root, "aside");

    if (dir == NULL) {
        return errno == ENOENT ? SOCIAL_OK : SOCIAL_FAILED;
    }

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (*n)++;
        }
    }

    closedir(dir);

    return SOCIAL_OK;
}


static int
social_net_events_by_time(const void *one, const void *two)
{
    const social_event_name_t  *a = one;
    const social_event_name_t  *b = two;

    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }

    if (a->user != b->user) {
        return a->user < b->user ? -1 : 1;
    }

    return 0;
}


static int
social_net_events_by_user(const void *one, const void *two)
{
    const social_event_name_t  *a = one;
    const social_event_name_t  *b = two;

    if (a->user != b->user) {
        return a->user < b->user ? -1 : 1;
    }

    return social_net_events_by_time(one, two);
}


/*
 * What failed before is what is reported.
 */

static void
social_net_events_close(int fd)
{
    int  saved;

    saved = errno;
    close(fd);
    errno = saved;
}
