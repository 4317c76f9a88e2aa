/*
 * System calls for LD_PRELOAD that fail, or take their time, when they are
 * asked to.  A test writes to the file that SOCIAL_FAULTS names, and reads from
 * it: numbers of 64 bits, as below, the name of the last call that failed, and
 * the names of all that were made while it is tracing.
 *
 * Only calls of the process "pid" are counted, those of all of its threads: the
 * logins to a database and the files of a spool are in threads.  Log files and
 * what wakes up nginx's event loop are not counted.
 */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


typedef struct {
    int64_t   pid;
    int64_t   next;        /* the one that fails: 1 is the next, 0 none */
    int64_t   lasting;     /* and all that follow it */
    int64_t   failed;      /* that many have */
    int64_t   error;       /* errno; 0: one that the call has */
    int64_t   counted;
    int64_t   only;        /* 1: in threads, 2: in the main thread */
    int64_t   delay;       /* milliseconds of the next recv() of the main
                              thread */
    char      name[32];
    int64_t   tracing;     /* the names of calls are to be written down */
    int64_t   used;
    char      trace[3900];
} faults_t;


/* not in fcntl.h as functions, or only where they are inlined */

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);


static faults_t  *faults;


static void faults_init(void) __attribute__((constructor));


static void
faults_init(void)
{
    int          fd;
    void        *p;
    const char  *path;

    path = getenv("SOCIAL_FAULTS");
    fd = path ? (int) syscall(SYS_openat, AT_FDCWD, path, O_RDWR) : -1;

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(faults_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        faults = p;
    }

    syscall(SYS_close, fd);
}


static int
faults_ours(void)
{
    return faults && faults->pid && faults->pid == getpid();
}


static int
faults_in_main(void)
{
    return syscall(SYS_gettid) == faults->pid;
}


static void
trace(const char *name)
{
    size_t   len;
    int64_t  at;

    len = strlen(name) + 1;
    at = __atomic_fetch_add(&faults->used, (int64_t) len, __ATOMIC_RELAXED);

    if (at + (int64_t) len <= (int64_t) sizeof(faults->trace)) {
        memcpy(faults->trace + at, name, len - 1);
        faults->trace[at + (int64_t) len - 1] = ' ';
    }
}


/*
 * Whether the call fails, with errno set.
 */

static int
fails(const char *name, int error)
{
    if (faults_ours() && faults->tracing) {
        trace(name);
    }

    if (!faults_ours() || faults->next == 0
        || (faults->only && (faults->only == 2) != faults_in_main()))
    {
        return 0;
    }

    __atomic_add_fetch(&faults->counted, 1, __ATOMIC_RELAXED);

    if (faults->next > 1
        && __atomic_sub_fetch(&faults->next, 1, __ATOMIC_RELAXED) >= 1)
    {
        return 0;
    }

    if (!faults->lasting) {
        faults->next = 0;
    }

    faults->failed++;
    snprintf(faults->name, sizeof(faults->name), "%s", name);
    errno = faults->error ? (int) faults->error : error;

    return 1;
}


/*
 * Neither a log file, nor the eventfd of a thread pool.
 */

static int
counts(int fd)
{
    int          flags, saved;
    struct stat  st;

    if (!faults_ours() || (faults->next == 0 && !faults->tracing)) {
        return 0;
    }

    saved = errno;

    flags = (int) syscall(SYS_fcntl, fd, F_GETFL);

    if (syscall(SYS_fstat, fd, &st) == -1) {
        st.st_mode = 0;
    }

    errno = saved;

    return S_ISSOCK(st.st_mode)
           || (S_ISREG(st.st_mode) && flags != -1 && !(flags & O_APPEND));
}


static void
delay(void)
{
    int64_t          ms;
    struct timespec  ts;

    if (!faults_ours() || faults->delay == 0 || !faults_in_main()) {
        return;
    }

    ms = faults->delay;
    faults->delay = 0;

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;

    nanosleep(&ts, NULL);
}


#define CALL(type, name, params, args, error)                                 \
    type                                                                      \
    name params                                                               \
    {                                                                         \
        static type (*real) params;                                           \
                                                                              \
        if (real == NULL) {                                                   \
            real = (type (*) params) dlsym(RTLD_NEXT, #name);                 \
        }                                                                     \
                                                                              \
        return fails(#name, error) ? -1 : real args;                          \
    }

#define CALL_OF(type, name, params, args, error)                              \
    type                                                                      \
    name params                                                               \
    {                                                                         \
        static type (*real) params;                                           \
                                                                              \
        if (real == NULL) {                                                   \
            real = (type (*) params) dlsym(RTLD_NEXT, #name);                 \
        }                                                                     \
                                                                              \
        return counts(fd) && fails(#name, error) ? -1 : real args;            \
    }

#define CALL_SLOW(type, name, params, args, error)                            \
    type                                                                      \
    name params                                                               \
    {                                                                         \
        static type (*real) params;                                           \
                                                                              \
        if (real == NULL) {                                                   \
            real = (type (*) params) dlsym(RTLD_NEXT, #name);                 \
        }                                                                     \
                                                                              \
        delay();                                                              \
                                                                              \
        return counts(fd) && fails(#name, error) ? -1 : real args;            \
    }

#define CALL_POINTER(type, name, params, args, error)                         \
    type *                                                                    \
    name params                                                               \
    {                                                                         \
        static type *(*real) params;                                          \
                                                                              \
        if (real == NULL) {                                                   \
            real = (type *(*) params) dlsym(RTLD_NEXT, #name);                \
        }                                                                     \
                                                                              \
        return fails(#name, error) ? NULL : real args;                        \
    }

#define CALL_FCNTL(name)                                                      \
    int                                                                       \
    name(int fd, int cmd, ...)                                                \
    {                                                                         \
        long        value;                                                    \
        va_list     list;                                                     \
        static int  (*real)(int, int, ...);                                   \
                                                                              \
        if (real == NULL) {                                                   \
            real = (int (*)(int, int, ...)) dlsym(RTLD_NEXT, #name);          \
        }                                                                     \
                                                                              \
        /* what has no argument has some value here, which is not looked at */ \
                                                                              \
        va_start(list, cmd);                                                  \
        value = va_arg(list, long);                                           \
        va_end(list);                                                         \
                                                                              \
        return fails(#name, EINVAL) ? -1 : real(fd, cmd, value);              \
    }

#define CALL_OPEN(name, params, args)                                         \
    int                                                                       \
    name params                                                               \
    {                                                                         \
        int         mode;                                                     \
        va_list     list;                                                     \
        static int  (*real)();                                                \
                                                                              \
        if (real == NULL) {                                                   \
            real = (int (*)()) dlsym(RTLD_NEXT, #name);                       \
        }                                                                     \
                                                                              \
        va_start(list, flags);                                                \
        mode = flags & (O_CREAT|__O_TMPFILE) ? va_arg(list, int) : 0;         \
        va_end(list);                                                         \
                                                                              \
        return fails(#name, EMFILE) ? -1 : real args;                         \
    }


/* sockets */

CALL(int, socket, (int domain, int type, int protocol),
     (domain, type, protocol), EMFILE)
CALL(int, connect, (int fd, const struct sockaddr *sa, socklen_t len),
     (fd, sa, len), ECONNREFUSED)
CALL(int, getsockopt, (int fd, int level, int name, void *value,
     socklen_t *len), (fd, level, name, value, len), ENOBUFS)
CALL(int, setsockopt, (int fd, int level, int name, const void *value,
     socklen_t len), (fd, level, name, value, len), ENOBUFS)
CALL(int, getsockname, (int fd, struct sockaddr *sa, socklen_t *len),
     (fd, sa, len), ENOBUFS)
CALL(int, poll, (struct pollfd *fds, nfds_t n, int timeout),
     (fds, n, timeout), ENOMEM)
CALL(int, __poll_chk, (struct pollfd *fds, nfds_t n, int timeout, size_t size),
     (fds, n, timeout, size), ENOMEM)
CALL(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *event),
     (ep, op, fd, event), ENOMEM)

CALL_OF(ssize_t, send, (int fd, const void *buf, size_t len, int flags),
        (fd, buf, len, flags), ECONNRESET)
CALL_OF(ssize_t, sendto, (int fd, const void *buf, size_t len, int flags,
        const struct sockaddr *sa, socklen_t sa_len),
        (fd, buf, len, flags, sa, sa_len), ECONNRESET)
CALL_OF(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags),
        (fd, msg, flags), ECONNRESET)
CALL_SLOW(ssize_t, recv, (int fd, void *buf, size_t len, int flags),
          (fd, buf, len, flags), ECONNRESET)
CALL_SLOW(ssize_t, __recv_chk, (int fd, void *buf, size_t len, size_t size,
          int flags), (fd, buf, len, size, flags), ECONNRESET)


/* files, and either */

CALL_OF(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len), EIO)
CALL_OF(ssize_t, __read_chk, (int fd, void *buf, size_t len, size_t size),
        (fd, buf, len, size), EIO)
CALL_OF(ssize_t, readv, (int fd, const struct iovec *iov, int n),
        (fd, iov, n), EIO)
CALL_OF(ssize_t, write, (int fd, const void *buf, size_t len),
        (fd, buf, len), ENOSPC)
CALL_OF(ssize_t, writev, (int fd, const struct iovec *iov, int n),
        (fd, iov, n), EPIPE)

CALL_OF(ssize_t, pread, (int fd, void *buf, size_t len, off_t at),
        (fd, buf, len, at), EIO)
CALL_OF(ssize_t, pread64, (int fd, void *buf, size_t len, off64_t at),
        (fd, buf, len, at), EIO)

CALL(int, fstat, (int fd, struct stat *st), (fd, st), EIO)
CALL(int, fstatat, (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags), EIO)
CALL(int, flock, (int fd, int operation), (fd, operation), ENOLCK)
CALL_FCNTL(fcntl)
CALL_FCNTL(fcntl64)

CALL_POINTER(DIR, fdopendir, (int fd), (fd), ENOMEM)
CALL_POINTER(struct dirent, readdir, (DIR *dir), (dir), EIO)

CALL(int, fsync, (int fd), (fd), EIO)
CALL(int, fdatasync, (int fd), (fd), EIO)
CALL(int, rename, (const char *from, const char *to), (from, to), ENOSPC)
CALL(int, renameat, (int a, const char *from, int b, const char *to),
     (a, from, b, to), ENOSPC)
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), ENOSPC)
CALL(int, unlink, (const char *path), (path), EIO)
CALL(int, unlinkat, (int dir, const char *path, int flags),
     (dir, path, flags), EIO)
CALL(int, mkdirat, (int dir, const char *path, mode_t mode),
     (dir, path, mode), ENOSPC)

CALL_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
CALL_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
CALL_OPEN(openat, (int dir, const char *path, int flags, ...),
          (dir, path, flags, mode))
CALL_OPEN(openat64, (int dir, const char *path, int flags, ...),
          (dir, path, flags, mode))
CALL(int, __open_2, (const char *path, int flags), (path, flags), EMFILE)
CALL(int, __open64_2, (const char *path, int flags), (path, flags), EMFILE)
CALL(int, __openat_2, (int dir, const char *path, int flags),
     (dir, path, flags), EMFILE)
CALL(int, __openat64_2, (int dir, const char *path, int flags),
     (dir, path, flags), EMFILE)
