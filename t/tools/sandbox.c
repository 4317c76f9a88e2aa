/*
 * Tries what a decoder may not do, with the worker's own confinement in force:
 *
 *     sandbox none|files|seal|both SECRET SOCKET DIRECTORY
 *
 * A line for each attempt: its name, and "worked", "refused" with the reason,
 * or "killed" with the signal.  Each is made by a separate child; what it
 * tries on its parent, it tries on this process.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "social_worker_sandbox.h"


#define REFUSED  (-1)


typedef struct {
    const char  *name;
    long       (*attempt)(void);
    int          flag;
} attempt_t;


static const char    *mode, *secret, *path, *directory;
static volatile int   word = 0x5ec2e7;
static int            channel[2];
static pid_t          parent;
static int            flag;


static long
proc(const char *file, int flags)
{
    char  name[64];

    snprintf(name, sizeof(name), "/proc/%d/%s", (int) parent, file);

    return open(name, flags);
}


static long
read_secret(void)
{
    return open(secret, O_RDONLY);
}


static long
stat_secret(void)
{
    struct stat  st;

    return stat(secret, &st);
}


static long
truncate_secret(void)
{
    return truncate(secret, 0);
}


static long
chmod_secret(void)
{
    return chmod(secret, 0666);
}


static long
read_environ(void)
{
    return proc("environ", O_RDONLY);
}


static long
read_memory(void)
{
    int   fd = (int) proc("mem", O_RDONLY);
    char  c;

    return fd == -1 ? REFUSED : pread(fd, &c, 1, (off_t) (size_t) &word);
}


static long
list_root(void)
{
    return opendir("/") ? 0 : REFUSED;
}


static long
read_library(void)
{
    return open("/usr/lib/os-release", O_RDONLY);
}


static long
trace(void)
{
    return ptrace(PTRACE_SEIZE, parent, NULL, NULL);
}


static long
read_process(void)
{
    char          c;
    struct iovec  to = { &c, 1 }, from = { (void *) (size_t) &word, 1 };

    return process_vm_readv(parent, &to, 1, &from, 1, 0);
}


static long
open_process(void)
{
    return syscall(SYS_pidfd_open, parent, 0);
}


static long
signal_parent(void)
{
    return kill(parent, 0);
}


static long
signal_thread(void)
{
    return syscall(SYS_tgkill, parent, parent, 0);
}


static long
socket_inet(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}


static long
socket_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}


static long
socket_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0);
}


static long
pair(void)
{
    int  fds[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}


static long
connect_unix(void)
{
    int                 fd = (int) socket_unix();
    struct sockaddr_un  sun = { .sun_family = AF_UNIX };

    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);

    return fd == -1 ? REFUSED
                    : connect(fd, (struct sockaddr *) &sun, sizeof(sun));
}


/* that nobody listens there is an answer, too */

static long
connect_inet(void)
{
    int                 fd = (int) socket_inet();
    struct sockaddr_in  sin = { .sin_family = AF_INET, .sin_port = htons(1) };

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (fd == -1) {
        return REFUSED;
    }

    return connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
           && errno != ECONNREFUSED ? REFUSED : 0;
}


static long
send_elsewhere(void)
{
    struct sockaddr_un  sun = { .sun_family = AF_UNIX };

    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);

    return sendto(channel[1], "x", 1, 0, (struct sockaddr *) &sun,
                  sizeof(sun));
}


static long
execute(void)
{
    char *const  argv[] = { (char *) (size_t) "true", NULL };

    return execve("/bin/true", argv, argv + 1);
}


static long
make_process(void)
{
    long  pid;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    return pid;
}


static int
nothing(void *data)
{
    (void) data;

    return 0;
}


/* a thread with a flag more, or less */

static long
make_with_flag(void)
{
    static char  stack[1 << 16] __attribute__((aligned(16)));

    return clone(nothing, stack + sizeof(stack),
                 (CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
                 ^ flag, NULL);
}


static long
make_namespace(void)
{
    long  pid;

    pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        _exit(0);
    }

    return pid;
}


static long
make_file(void)
{
    char  name[4096];

    snprintf(name, sizeof(name), "%s/made", directory);

    return open(name, O_WRONLY | O_CREAT, 0600);
}


static long
make_directory(void)
{
    char  name[4096];

    snprintf(name, sizeof(name), "%s/sub%d", directory, (int) getpid());

    return mkdir(name, 0700);
}


static long
remove_file(void)
{
    char  name[4096];

    snprintf(name, sizeof(name), "%s/there", directory);

    return unlink(name);
}


static long
io_uring(void)
{
    char  params[128] = { 0 };

    return syscall(SYS_io_uring_setup, 1, params);
}


static long
bpf(void)
{
    char  attr[128] = { 0 };

    return syscall(SYS_bpf, 0, attr, sizeof(attr));
}


static long
faults(void)
{
    return syscall(SYS_userfaultfd, 0);
}


static long
keys(void)
{
    return syscall(SYS_keyctl, 0, -3, 1);
}


static long
mounting(void)
{
    if (mount("none", directory, "tmpfs", 0, NULL) == -1) {
        return REFUSED;
    }

    return umount2(directory, MNT_DETACH);
}


static long
unsharing(void)
{
    return unshare(CLONE_NEWUSER);
}


static long
events(void)
{
    char  attr[128] = { 0 };

    return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}


static long
run_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? REFUSED
                                                                  : 0;
}


static long
run_written(void)
{
    void  *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? 0 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}


static long
show_oneself(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}


static long
raise_limit(void)
{
    struct rlimit  limit = { RLIM_INFINITY, RLIM_INFINITY };

    return setrlimit(RLIMIT_AS, &limit);
}


static long
become(void)
{
    return setuid(getuid());
}


static long
descriptors(void)
{
    int              fd, n;
    union {
        struct cmsghdr  align;
        char            buf[CMSG_SPACE(sizeof(fd))];
    } control;
    struct iovec     iov = { &n, sizeof(n) };
    struct msghdr    msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr  *cmsg;

    memset(&control, 0, sizeof(control));
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
    fd = channel[1];
    n = 0;
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));

    return sendmsg(channel[1], &msg, 0);
}


/* what it has to do */

static void *
thread_main(void *data)
{
    prctl(PR_SET_NAME, "thread");
    free(malloc(1 << 20));

    return data;
}


static long
make_thread(void)
{
    void       *p;
    pthread_t   thread;

    return pthread_create(&thread, NULL, thread_main, NULL) != 0
           || pthread_join(thread, &p) != 0 ? REFUSED : 0;
}


static long
answer(void)
{
    char           c;
    struct iovec   iov = { &c, 1 };
    struct msghdr  msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return send(channel[1], "x", 1, MSG_NOSIGNAL) == 1
           && recvmsg(channel[0], &msg, 0) == 1 ? 0 : REFUSED;
}


static long
use_memory(void)
{
    char             *p;
    struct timespec   now;

    p = calloc(64, 1 << 20);
    p = p ? realloc(p, 100u << 20) : NULL;

    return p == NULL || clock_gettime(CLOCK_REALTIME, &now) != 0
           || getentropy(p, 16) != 0 ? REFUSED : 0;
}


static const attempt_t  attempts[] = {
    { "read a secret", read_secret, 0 },
    { "stat a secret", stat_secret, 0 },
    { "truncate a secret", truncate_secret, 0 },
    { "chmod a secret", chmod_secret, 0 },
    { "read the parent's environment", read_environ, 0 },
    { "read the parent's memory", read_memory, 0 },
    { "list /", list_root, 0 },
    { "read a library", read_library, 0 },
    { "trace the parent", trace, 0 },
    { "read the parent by process_vm_readv", read_process, 0 },
    { "open the parent", open_process, 0 },
    { "signal the parent", signal_parent, 0 },
    { "signal the parent's thread", signal_thread, 0 },
    { "make a socket of IPv4", socket_inet, 0 },
    { "make a unix socket", socket_unix, 0 },
    { "make a socket of netlink", socket_netlink, 0 },
    { "make a pair of sockets", pair, 0 },
    { "connect to a unix socket", connect_unix, 0 },
    { "connect to a port", connect_inet, 0 },
    { "send to another address", send_elsewhere, 0 },
    { "pass a file descriptor", descriptors, 0 },
    { "execute a program", execute, 0 },
    { "make a process", make_process, 0 },
    { "make a process in a namespace", make_namespace, 0 },
    { "make a process in the same memory", make_with_flag, CLONE_THREAD },
    { "make a thread as vfork does", make_with_flag, CLONE_VFORK },
    { "make a thread in a namespace of mounts", make_with_flag, CLONE_NEWNS },
    { "make a thread in a namespace of cgroups", make_with_flag,
      CLONE_NEWCGROUP },
    { "make a thread in a namespace of names", make_with_flag, CLONE_NEWUTS },
    { "make a thread in a namespace of IPC", make_with_flag, CLONE_NEWIPC },
    { "make a thread in a namespace of users", make_with_flag, CLONE_NEWUSER },
    { "make a thread in a namespace of processes", make_with_flag,
      CLONE_NEWPID },
    { "make a thread in a namespace of networks", make_with_flag,
      CLONE_NEWNET },
    { "make a file", make_file, 0 },
    { "make a directory", make_directory, 0 },
    { "remove a file", remove_file, 0 },
    { "set up io_uring", io_uring, 0 },
    { "use bpf", bpf, 0 },
    { "use userfaultfd", faults, 0 },
    { "use keyctl", keys, 0 },
    { "mount", mounting, 0 },
    { "unshare", unsharing, 0 },
    { "use perf events", events, 0 },
    { "map memory to run", run_memory, 0 },
    { "run what was written", run_written, 0 },
    { "become dumpable", show_oneself, 0 },
    { "raise a limit", raise_limit, 0 },
    { "set the user", become, 0 },
    { "work: make a thread", make_thread, 0 },
    { "work: make one by clone", make_with_flag, 0 },
    { "work: answer", answer, 0 },
    { "work: use memory", use_memory, 0 }
};


/* a thread that was there before the confinement */

static int  gate[2];


static void *
early_main(void *data)
{
    char  c;

    (void) data;

    if (read(gate[0], &c, 1) != 1) {
        _exit(99);
    }

    _exit(socket_inet() < 0 ? errno : 0);
}


static void
confine(void)
{
    char  error[256];
    bool  both = strcmp(mode, "both") == 0;

    if ((both || strcmp(mode, "files") == 0)
        && social_worker_sandbox_files(error, sizeof(error)) != SOCIAL_OK)
    {
        fprintf(stderr, "%s\n", error);
        _exit(99);
    }

    if ((both || strcmp(mode, "seal") == 0)
        && social_worker_sandbox_seal(error, sizeof(error)) != SOCIAL_OK)
    {
        fprintf(stderr, "%s\n", error);
        _exit(99);
    }
}


static void
report(const char *name, pid_t pid)
{
    int  status;

    if (pid == -1 || waitpid(pid, &status, 0) != pid) {
        perror("fork");
        exit(1);
    }

    if (WIFSIGNALED(status)) {
        printf("%s: killed by %s\n", name, WTERMSIG(status) == SIGSYS
               ? "SIGSYS" : strsignal(WTERMSIG(status)));

    } else if (WEXITSTATUS(status) == 0) {
        printf("%s: worked\n", name);

    } else if (WEXITSTATUS(status) == 99) {
        printf("%s: not confined\n", name);

    } else {
        printf("%s: refused: %s\n", name, strerror(WEXITSTATUS(status)));
    }

    fflush(stdout);
}


int
main(int argc, char **argv)
{
    pid_t      pid;
    size_t     i;
    pthread_t  thread;

    if (argc != 5) {
        return 2;
    }

    mode = argv[1];
    secret = argv[2];
    path = argv[3];
    directory = argv[4];
    parent = getpid();

    for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) == -1) {
            return 1;
        }

        pid = fork();

        if (pid == 0) {
            confine();
            flag = attempts[i].flag;
            errno = 0;
            _exit(attempts[i].attempt() < 0 ? (errno ? errno : EIO) : 0);
        }

        report(attempts[i].name, pid);

        close(channel[0]);
        close(channel[1]);
    }

    if (pipe(gate) == -1) {
        return 1;
    }

    pid = fork();

    if (pid == 0) {
        if (pthread_create(&thread, NULL, early_main, NULL) != 0) {
            _exit(99);
        }

        confine();

        if (write(gate[1], "x", 1) != 1) {
            _exit(99);
        }

        pthread_join(thread, NULL);
        _exit(99);
    }

    report("make a socket in a thread that was there before", pid);

    return 0;
}
