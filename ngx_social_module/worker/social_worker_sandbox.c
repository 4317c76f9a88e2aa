
/*
 * The confinement of the decoder: prctl, Landlock and seccomp.
 */

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "social_worker_sandbox.h"


/*
 * linux/landlock.h of Debian 12 ends with the second version of the interface,
 * and libc has no wrapper: the numbers are those of include/uapi/linux/
 * landlock.h, and the same on every architecture.
 */

#define SOCIAL_WORKER_LANDLOCK_CREATE_RULESET  444
#define SOCIAL_WORKER_LANDLOCK_ADD_RULE        445
#define SOCIAL_WORKER_LANDLOCK_RESTRICT_SELF   446

#define SOCIAL_WORKER_LANDLOCK_VERSION         (1u << 0)
#define SOCIAL_WORKER_LANDLOCK_PATH_BENEATH    1

#define SOCIAL_WORKER_LANDLOCK_READ_FILE       (1ull << 2)
#define SOCIAL_WORKER_LANDLOCK_READ_DIR        (1ull << 3)


typedef struct {
    uint64_t  access;
    int32_t   parent;
} __attribute__((packed)) social_worker_landlock_beneath_t;


typedef struct {
    int  syscall;
    int  error;
} social_worker_refused_t;


typedef struct {
    int                  syscall;
    uint32_t             action;
    struct scmp_arg_cmp  arg;
} social_worker_conditional_t;


static bool social_worker_sandbox_beneath(int ruleset, const char *path,
    uint64_t access);
static int social_worker_sandbox_object(struct dl_phdr_info *info,
    size_t size, void *data);
static int social_worker_sandbox_rules(scmp_filter_ctx ctx);


/*
 * Of each version of Landlock, what it can restrict: the bits for files, for
 * TCP and for what is outside, and the size of them in bytes.
 */

static const struct {
    size_t    size;
    uint64_t  handled[3];

} social_worker_landlock_versions[] = {
    { 8,  { 0x1fff, 0, 0 } },              /* 1: opening, making, removing */
    { 8,  { 0x3fff, 0, 0 } },              /* 2: renaming elsewhere */
    { 8,  { 0x7fff, 0, 0 } },              /* 3: truncating */
    { 16, { 0x7fff, 0x3, 0 } },            /* 4: TCP bind, connect */
    { 16, { 0xffff, 0x3, 0 } },            /* 5: ioctl of devices */
    { 24, { 0xffff, 0x3, 0x3 } }           /* 6: abstract sockets, signals */
};


/* where the loader of libc looks, and what libraries count processors by */

static const char *const  social_worker_sandbox_paths[] = {
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/sys/devices/system"
};


static const int  social_worker_sandbox_allowed[] = {

    /* what is open already */

    SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(lseek), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvmsg),
    SCMP_SYS(write), SCMP_SYS(writev),

    /* memory; mmap and mprotect are below */

    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap),

    /* threads; clone is below */

    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex),
    SCMP_SYS(futex_time64), SCMP_SYS(getcpu), SCMP_SYS(getpid),
    SCMP_SYS(gettid), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list),

    /* signals; tgkill is below */

    SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),

    /* clocks and counters */

    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
    SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(sysinfo),
    SCMP_SYS(time)
};


/*
 * What libraries try and do without: malloc() looks at
 * /proc/sys/vm/overcommit_memory, stdio asks whether it writes to a terminal,
 * codecs try to place their threads.  libc makes threads by clone() where
 * clone3() returns ENOSYS, whose flags a filter cannot see.  orc asks for
 * memory that can be run, further below.
 */

static const social_worker_refused_t  social_worker_sandbox_refused[] = {
    { SCMP_SYS(open), EACCES },
    { SCMP_SYS(openat), EACCES },
    { SCMP_SYS(openat2), ENOSYS },
    { SCMP_SYS(access), EACCES },
    { SCMP_SYS(faccessat), EACCES },
    { SCMP_SYS(faccessat2), ENOSYS },
    { SCMP_SYS(stat), EACCES },
    { SCMP_SYS(lstat), EACCES },
    { SCMP_SYS(newfstatat), EACCES },
    { SCMP_SYS(statx), EACCES },
    { SCMP_SYS(readlink), EACCES },
    { SCMP_SYS(readlinkat), EACCES },
    { SCMP_SYS(ioctl), ENOTTY },
    { SCMP_SYS(fcntl), EPERM },
    { SCMP_SYS(uname), EPERM },
    { SCMP_SYS(sched_setaffinity), EPERM },
    { SCMP_SYS(sched_setscheduler), EPERM },
    { SCMP_SYS(setpriority), EPERM },
    { SCMP_SYS(membarrier), ENOSYS },
    { SCMP_SYS(get_mempolicy), ENOSYS },
    { SCMP_SYS(set_mempolicy), ENOSYS },
    { SCMP_SYS(mbind), ENOSYS },
    { SCMP_SYS(clone3), ENOSYS }
};


/* a thread, and not a process; a namespace least of all */

#define SOCIAL_WORKER_THREAD  (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define SOCIAL_WORKER_OTHERS                                                  \
    (CLONE_VFORK | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS               \
     | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)


/* what an argument decides: its index, how it is compared, a mask or a value */

static const social_worker_conditional_t  social_worker_sandbox_conditional[] =
{
    { SCMP_SYS(clone), SCMP_ACT_ALLOW,
      { 0, SCMP_CMP_MASKED_EQ, SOCIAL_WORKER_THREAD | SOCIAL_WORKER_OTHERS,
        SOCIAL_WORKER_THREAD } },

    /* memory is to be written or to be run; a JIT does without */

    { SCMP_SYS(mmap), SCMP_ACT_ALLOW,
      { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
    { SCMP_SYS(mmap), SCMP_ACT_ERRNO(EACCES),
      { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC } },
    { SCMP_SYS(mprotect), SCMP_ACT_ALLOW,
      { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
    { SCMP_SYS(mprotect), SCMP_ACT_ERRNO(EACCES),
      { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC } },

    /* answers, to the connected peer only */

    { SCMP_SYS(sendto), SCMP_ACT_ALLOW, { 4, SCMP_CMP_EQ, 0, 0 } },

    /* the names of threads, and limits that are only asked for */

    { SCMP_SYS(prctl), SCMP_ACT_ALLOW, { 0, SCMP_CMP_EQ, PR_SET_NAME, 0 } },
    { SCMP_SYS(prctl), SCMP_ACT_ERRNO(EPERM),
      { 0, SCMP_CMP_NE, PR_SET_NAME, 0 } },
    { SCMP_SYS(prlimit64), SCMP_ACT_ALLOW, { 2, SCMP_CMP_EQ, 0, 0 } },
    { SCMP_SYS(prlimit64), SCMP_ACT_ERRNO(EPERM), { 2, SCMP_CMP_NE, 0, 0 } }
};


void
social_worker_sandbox_hide(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}


social_rc_e
social_worker_sandbox_files(char *error, size_t size)
{
    int     ruleset;
    long    version;
    size_t  i, n;

    version = syscall(SOCIAL_WORKER_LANDLOCK_CREATE_RULESET, NULL, 0,
                      SOCIAL_WORKER_LANDLOCK_VERSION);

    if (version < 1) {
        snprintf(error, size, "the kernel has no Landlock: %s",
                 strerror(errno));
        return SOCIAL_DECLINED;
    }

    n = sizeof(social_worker_landlock_versions)
        / sizeof(social_worker_landlock_versions[0]);
    i = (size_t) version < n ? (size_t) version - 1 : n - 1;

    ruleset = (int) syscall(SOCIAL_WORKER_LANDLOCK_CREATE_RULESET,
                            social_worker_landlock_versions[i].handled,
                            social_worker_landlock_versions[i].size, 0);

    if (ruleset == -1) {
        snprintf(error, size, "landlock_create_ruleset: %s", strerror(errno));
        return SOCIAL_FAILED;
    }

    for (i = 0; i < sizeof(social_worker_sandbox_paths)
                    / sizeof(social_worker_sandbox_paths[0]); i++)
    {
        if (!social_worker_sandbox_beneath(ruleset,
                                           social_worker_sandbox_paths[i],
                                           SOCIAL_WORKER_LANDLOCK_READ_FILE
                                           | SOCIAL_WORKER_LANDLOCK_READ_DIR))
        {
            goto failed;
        }
    }

    /* a custom libvips is elsewhere, with its modules beside it */

    if (dl_iterate_phdr(social_worker_sandbox_object, &ruleset) != 0) {
        goto failed;
    }

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1
        || syscall(SOCIAL_WORKER_LANDLOCK_RESTRICT_SELF, ruleset, 0) == -1)
    {
        goto failed;
    }

    close(ruleset);

    return SOCIAL_OK;

failed:

    snprintf(error, size, "landlock: %s", strerror(errno));
    close(ruleset);

    return SOCIAL_FAILED;
}


/* a path that is not there needs no rule */

static bool
social_worker_sandbox_beneath(int ruleset, const char *path, uint64_t access)
{
    int                               rc, err;
    social_worker_landlock_beneath_t  beneath;

    beneath.parent = open(path, O_PATH | O_CLOEXEC);

    if (beneath.parent == -1) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    }

    beneath.access = access;

    rc = (int) syscall(SOCIAL_WORKER_LANDLOCK_ADD_RULE, ruleset,
                       SOCIAL_WORKER_LANDLOCK_PATH_BENEATH, &beneath, 0);

    /* for a file only reading can be allowed */

    if (rc == -1 && errno == EINVAL
        && access != SOCIAL_WORKER_LANDLOCK_READ_FILE)
    {
        beneath.access = SOCIAL_WORKER_LANDLOCK_READ_FILE;
        rc = (int) syscall(SOCIAL_WORKER_LANDLOCK_ADD_RULE, ruleset,
                           SOCIAL_WORKER_LANDLOCK_PATH_BENEATH, &beneath, 0);
    }

    err = errno;
    close(beneath.parent);
    errno = err;

    return rc == 0;
}


static int
social_worker_sandbox_object(struct dl_phdr_info *info, size_t size,
    void *data)
{
    int         *ruleset = data;
    char         directory[4096];
    const char  *slash;

    (void) size;

    slash = strrchr(info->dlpi_name, '/');

    /* the program itself has no name, and the kernel's part no directory */

    if (slash == NULL || slash == info->dlpi_name
        || (size_t) (slash - info->dlpi_name) >= sizeof(directory))
    {
        return 0;
    }

    snprintf(directory, sizeof(directory), "%.*s",
             (int) (slash - info->dlpi_name), info->dlpi_name);

    return social_worker_sandbox_beneath(*ruleset, directory,
                                         SOCIAL_WORKER_LANDLOCK_READ_FILE
                                         | SOCIAL_WORKER_LANDLOCK_READ_DIR)
           ? 0 : -1;
}


social_rc_e
social_worker_sandbox_seal(char *error, size_t size)
{
    int              rc;
    scmp_filter_ctx  ctx;

    ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);

    if (ctx == NULL) {
        snprintf(error, size, "seccomp: no memory");
        return SOCIAL_FAILED;
    }

    rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
                          SCMP_ACT_KILL_PROCESS);

    /* the threads of libvips and of codecs, too */

    if (rc == 0) {
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    }

    if (rc == 0) {
        rc = social_worker_sandbox_rules(ctx);
    }

    if (rc == 0) {
        rc = seccomp_load(ctx);
    }

    seccomp_release(ctx);

    if (rc != 0) {
        snprintf(error, size, "seccomp: %s", strerror(-rc));
        return SOCIAL_FAILED;
    }

    return SOCIAL_OK;
}


static int
social_worker_sandbox_rules(scmp_filter_ctx ctx)
{
    int                                 rc;
    size_t                              i;
    struct scmp_arg_cmp                 own;
    const social_worker_conditional_t  *conditional;

    rc = 0;

    for (i = 0; i < sizeof(social_worker_sandbox_allowed) / sizeof(int); i++) {
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
                               social_worker_sandbox_allowed[i], 0);
    }

    for (i = 0; i < sizeof(social_worker_sandbox_refused)
                    / sizeof(social_worker_sandbox_refused[0]); i++)
    {
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(
                                   social_worker_sandbox_refused[i].error),
                               social_worker_sandbox_refused[i].syscall, 0);
    }

    for (i = 0; i < sizeof(social_worker_sandbox_conditional)
                    / sizeof(social_worker_sandbox_conditional[0]); i++)
    {
        conditional = &social_worker_sandbox_conditional[i];

        rc |= seccomp_rule_add_array(ctx, conditional->action,
                                     conditional->syscall, 1,
                                     &conditional->arg);
    }

    /* abort() */

    own.arg = 0;
    own.op = SCMP_CMP_MASKED_EQ;
    own.datum_a = UINT32_MAX;
    own.datum_b = (uint32_t) getpid();

    rc |= seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                 &own);

    return rc == 0 ? 0 : -EINVAL;
}
