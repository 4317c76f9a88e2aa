/*
 * The file-system calls of a process's threads, for LD_PRELOAD: recorded in
 * their order, and failed, ended by SIGKILL or delayed when a test asks for
 * it.  The thread of the event loop is left alone, but for its answers, whose
 * status is recorded.
 *
 * A test writes to the file that SOCIAL_DISK names, and reads from it: numbers
 * of 64 bits, as below.  SOCIAL_DISK_LOG names the file of records, a line
 * each: call, path below SOCIAL_DISK_TOP, result, and of what gets a name what
 * it was before.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


#define DISK_CACHED  0x20    /* RESOLVE_CACHED, of Linux 5.12 */


typedef struct {
    int64_t   on;           /* calls are counted and recorded */
    int64_t   count;        /* that many were */
    int64_t   at;           /* the call that fails: 1 is the first; 0: none */
    int64_t   error;        /* its errno; 0: the process is killed after it */
    int64_t   hold;         /* calls wait while it is 1, syncs while it is 2 */
    int64_t   held;         /* some have waited */
    int64_t   no_openat2;   /* it is not known, as before Linux 5.6 */
    int64_t   no_tmpfile;   /* files have to have names */
    int64_t   slow;         /* milliseconds that each write() takes */
    int64_t   cached;       /* the event loop may open what is in memory */
} disk_t;


typedef struct {
    const char  *call;
    const char  *from;          /* of what gets a name, "-" otherwise */
    char         what[4400];
    int64_t      number;
    int          error;
} disk_call_t;


static disk_t  *disk;
static int      logged = -1;
static char     top[512];


static void disk_init(void) __attribute__((constructor));


#define disk_real(name)                                                       \
    static __typeof__(&name)  real;                                           \
                                                                              \
    if (real == NULL) {                                                       \
        real = (__typeof__(&name)) (uintptr_t) dlsym(RTLD_NEXT, #name);       \
    }


static void
disk_init(void)
{
    int          fd;
    void        *p;
    const char  *path;

    path = getenv("SOCIAL_DISK");
    fd = path ? open(path, O_RDWR|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(disk_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);

    if (p == MAP_FAILED) {
        return;
    }

    path = getenv("SOCIAL_DISK_TOP");
    snprintf(top, sizeof(top), "%s/", path ? path : "");

    path = getenv("SOCIAL_DISK_LOG");
    logged = path ? open(path, O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC, 0666) : -1;

    disk = p;
}


static void
disk_sleep(int64_t ms)
{
    struct timespec  ts;

    ts.tv_sec = (time_t) (ms / 1000);
    ts.tv_nsec = (long) (ms % 1000) * 1000000;

    nanosleep(&ts, NULL);
}


static void
disk_record(const char *call, const char *what, long rc, const char *from)
{
    int   n;
    char  line[9000];

    disk_real(write)

    if (logged != -1) {
        n = snprintf(line, sizeof(line), "%s %s %ld %s\n", call, what, rc,
                     from);
        n = (int) real(logged, line, (size_t) n);
    }
}


/* the path that a descriptor is of */

static void
disk_path(int fd, char *buf, size_t size)
{
    char     link[64], path[4096];
    ssize_t  n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);

    path[n > 0 ? n : 0] = '\0';

    /* of files without a name the number is left */

    if (n > 10 && strcmp(path + n - 10, " (deleted)") == 0) {
        path[n - 10] = '\0';
    }

    if (strncmp(path, top, strlen(top)) == 0) {
        snprintf(buf, size, "%s", path + strlen(top));

    } else if (strncmp(path, top, strlen(top) - 1) == 0) {
        snprintf(buf, size, ".");

    } else {
        snprintf(buf, size, "!%s", path);
    }
}


/*
 * A call of the event loop that may wait for the disk; it does not count.
 */

static void
disk_waits(const char *call)
{
    if (disk && disk->on && gettid() == getpid()) {
        disk_record("waits", call, 0, "-");
    }
}


/*
 * Whether a call is one that counts.  If so it is to be made unless c->error,
 * and ended by disk_end().
 */

static int
disk_begin(disk_call_t *c, const char *call, int fd, const char *name)
{
    char     of[4200];
    int64_t  hold;

    if (disk == NULL || !disk->on || gettid() == getpid()) {
        return 0;
    }

    c->call = call;
    c->from = "-";

    if (fd == AT_FDCWD) {
        snprintf(c->what, sizeof(c->what), "%s", name);

    } else {
        disk_path(fd, of, sizeof(of));

        /* nothing else of the process is meant */

        if (of[0] == '!') {
            return 0;
        }

        snprintf(c->what, sizeof(c->what), "%s%s%s", of, *name ? "/" : "",
                 name);
    }

    for ( ;; ) {

        hold = __atomic_load_n(&disk->hold, __ATOMIC_ACQUIRE);

        if (hold == 0 || (hold == 2 && strstr(call, "sync") == NULL)) {
            break;
        }

        __atomic_store_n(&disk->held, 1, __ATOMIC_RELEASE);
        disk_sleep(2);
    }

    c->number = __atomic_add_fetch(&disk->count, 1, __ATOMIC_SEQ_CST);
    c->error = c->number == disk->at ? (int) disk->error : 0;

    if (c->error) {
        errno = c->error;
    }

    return 1;
}


static long
disk_end(disk_call_t *c, long rc)
{
    int  saved;

    saved = errno;

    disk_record(c->call, c->what, rc, c->from);

    if (c->number == disk->at && disk->error == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }

    errno = saved;

    return rc;
}


#define disk_intercept(name, fd, path, type, call)                            \
    disk_call_t  c_;                                                          \
                                                                              \
    disk_real(name)                                                           \
                                                                              \
    if (!disk_begin(&c_, #name, fd, path)) {                                  \
        return call;                                                          \
    }                                                                         \
                                                                              \
    return (type) disk_end(&c_, c_.error ? -1 : (long) (call))


long
syscall(long number, ...)
{
    int          i;
    long         a[6];
    va_list      args;
    disk_call_t  c;

    disk_real(syscall)

    va_start(args, number);

    for (i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }

    va_end(args);

    if (number != SYS_openat2) {
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }

    if (disk && disk->no_openat2) {
        errno = ENOSYS;
        return -1;
    }

    if (!(((const struct open_how *) a[2])->resolve & DISK_CACHED)) {
        disk_waits("openat2");
    }

    /* of what a test looks at nothing is in memory: threads have to open it */

    if (disk && disk->on && !disk->cached
        && (((const struct open_how *) a[2])->resolve & DISK_CACHED))
    {
        errno = EAGAIN;
        return -1;
    }

    if (!disk_begin(&c, "openat2", (int) a[0], (const char *) a[1])) {
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }

    return disk_end(&c, c.error ? -1 : real(number, a[0], a[1], a[2], a[3]));
}


int
openat(int fd, const char *path, int flags, ...)
{
    mode_t   mode;
    va_list  args;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);

    if (disk && disk->no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }

    disk_intercept(openat, fd, path, int, real(fd, path, flags, mode));
}


int
linkat(int from, const char *old, int to, const char *new, int flags)
{
    char         source[4200];
    disk_call_t  c;

    disk_real(linkat)

    if (!disk_begin(&c, "linkat", to, new)) {
        return real(from, old, to, new, flags);
    }

    disk_path(atoi(old + sizeof("/proc/self/fd/") - 1), source,
              sizeof(source));
    c.from = source;

    return (int) disk_end(&c, c.error ? -1 : real(from, old, to, new, flags));
}


int
renameat(int from, const char *old, int to, const char *new)
{
    disk_call_t  c;

    disk_real(renameat)

    if (!disk_begin(&c, "renameat", to, new)) {
        return real(from, old, to, new);
    }

    c.from = old;

    return (int) disk_end(&c, c.error ? -1 : real(from, old, to, new));
}


int
unlinkat(int fd, const char *path, int flags)
{
    disk_intercept(unlinkat, fd, path, int, real(fd, path, flags));
}


int
mkdirat(int fd, const char *path, mode_t mode)
{
    disk_intercept(mkdirat, fd, path, int, real(fd, path, mode));
}


int
fsync(int fd)
{
    disk_intercept(fsync, fd, "", int, real(fd));
}


int
syncfs(int fd)
{
    disk_intercept(syncfs, fd, "", int, real(fd));
}


ssize_t
write(int fd, const void *buf, size_t size)
{
    if (disk && disk->on && disk->slow && gettid() != getpid()) {
        disk_sleep(disk->slow);
    }

    disk_intercept(write, fd, "", ssize_t, real(fd, buf, size));
}


ssize_t
pwrite(int fd, const void *buf, size_t size, off_t offset)
{
    disk_intercept(pwrite, fd, "", ssize_t, real(fd, buf, size, offset));
}


ssize_t
pread(int fd, void *buf, size_t size, off_t offset)
{
    disk_intercept(pread, fd, "", ssize_t, real(fd, buf, size, offset));
}


ssize_t
preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    disk_real(preadv2)

    if (!(flags & RWF_NOWAIT)) {
        disk_waits("preadv2");
    }

    return real(fd, iov, n, offset, flags);
}


ssize_t
preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return preadv2(fd, iov, n, offset, flags);
}


/* not one that counts: only which thread has made it is recorded */

ssize_t
sendfile(int to, int fd, off_t *offset, size_t size)
{
    disk_real(sendfile)

    if (disk && disk->on) {
        disk_record("sendfile", gettid() == getpid() ? "loop" : "thread", 0,
                    "-");
    }

    return real(to, fd, offset, size);
}


ssize_t
sendfile64(int to, int fd, off64_t *offset, size_t size)
{
    return sendfile(to, fd, offset, size);
}


int
flock(int fd, int operation)
{
    disk_intercept(flock, fd, "", int, real(fd, operation));
}


int
futimens(int fd, const struct timespec times[2])
{
    disk_intercept(futimens, fd, "", int, real(fd, times));
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    char  status[16];

    disk_real(writev)

    if (disk && disk->on && gettid() == getpid() && n > 0
        && iov[0].iov_len > 12
        && memcmp(iov[0].iov_base, "HTTP/1.1 ", 9) == 0)
    {
        snprintf(status, sizeof(status), "%.3s",
                 (const char *) iov[0].iov_base + 9);
        disk_record("answer", status, 0, "-");
    }

    return real(fd, iov, n);
}
