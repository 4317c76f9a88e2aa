
/*
 * The child process: what libvips may do and use, and one request after the
 * other.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vips/vips.h>

#include "social_worker_image.h"
#include "social_worker_image_render.h"
#include "social_worker_sandbox.h"


#define SOCIAL_WORKER_IMAGE_FD        3

/* more than any image has, and than any limit of memory is */
#define SOCIAL_WORKER_IMAGE_NO_FILES  "1000g"


static void social_worker_image_allow(void);
static void social_worker_image_warm(void);
static void social_worker_image_limit(uint64_t memory, uint64_t cpu,
    int statm);
static void social_worker_image_hello(social_worker_hello_t *hello);
static bool social_worker_image_receive(social_worker_request_t *request,
    int fds[2]);


/* what may be called at all, by the names of libvips' classes */

static const char *const  social_worker_image_allowed[] = {
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadWebp",
    "VipsForeignLoadHeif",
    "VipsForeignSaveJpeg",
    "VipsForeignSavePng",
    "VipsForeignSaveSpng",
    "VipsForeignSaveWebp",
    "VipsForeignSaveHeif"
};

static const struct {
    social_image_type_e  type;
    const char          *load;
    const char          *save;

} social_worker_image_operations[] = {
    { SOCIAL_IMAGE_JPEG, "jpegload_buffer", "jpegsave_buffer" },
    { SOCIAL_IMAGE_PNG, "pngload_buffer", "pngsave_buffer" },
    { SOCIAL_IMAGE_GIF, "gifload_buffer", NULL },
    { SOCIAL_IMAGE_WEBP, "webpload_buffer", "webpsave_buffer" },
    { SOCIAL_IMAGE_AVIF, "heifload_buffer", "heifsave_buffer" },
    { SOCIAL_IMAGE_HEIC, "heifload_buffer", NULL }
};


int
social_worker_image_main(uint64_t memory, uint64_t cpu, bool seccomp)
{
    int                      statm, fds[2];
    social_worker_hello_t    hello;
    social_worker_reply_t   *reply;
    social_worker_request_t  request;

    memset(&hello, 0, sizeof(social_worker_hello_t));

    /* it is read when libvips is set up, and nothing can be opened by then */

    statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (social_worker_sandbox_files(hello.error, sizeof(hello.error))
        == SOCIAL_OK)
    {
        hello.sandbox |= SOCIAL_WORKER_SANDBOX_LANDLOCK;
    }

    /*
     * libvips would put large images into files, which cannot be made here:
     * those that fit into its memory were called damaged
     */

    setenv("VIPS_DISC_THRESHOLD", SOCIAL_WORKER_IMAGE_NO_FILES, 1);

    if (VIPS_INIT("social-worker-decoder") != 0) {
        return 1;
    }

    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_cache_set_max_mem(0);

    social_worker_image_allow();
    social_worker_image_hello(&hello);
    social_worker_image_warm();
    social_worker_image_limit(memory, cpu, statm);

    if (seccomp
        && social_worker_sandbox_seal(hello.error, sizeof(hello.error))
           == SOCIAL_OK)
    {
        hello.sandbox |= SOCIAL_WORKER_SANDBOX_SECCOMP;
    }

    reply = malloc(sizeof(social_worker_reply_t));

    if (reply == NULL
        || send(SOCIAL_WORKER_IMAGE_FD, &hello, sizeof(hello), MSG_NOSIGNAL)
           != sizeof(hello))
    {
        free(reply);
        return 1;
    }

    while (social_worker_image_receive(&request, fds)) {

        memset(reply, 0, sizeof(social_worker_reply_t));
        reply->magic = SOCIAL_WORKER_MAGIC;

        social_worker_image_render(&request, fds[0], fds[1], reply);

        close(fds[0]);
        close(fds[1]);

        if (send(SOCIAL_WORKER_IMAGE_FD, reply, sizeof(social_worker_reply_t),
                 MSG_NOSIGNAL)
            != sizeof(social_worker_reply_t))
        {
            break;
        }
    }

    /*
     * not exit(): LeakSanitizer would attach to this process, which is not
     * allowed
     */

    _exit(0);
}


/*
 * No loaders and savers except those listed: libvips has loaders
 * for dozens of formats, some of which run other programs.
 */

static void
social_worker_image_allow(void)
{
    size_t  i;

    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeign", TRUE);

    for (i = 0; i < sizeof(social_worker_image_allowed)
                    / sizeof(social_worker_image_allowed[0]); i++)
    {
        vips_operation_block_set(social_worker_image_allowed[i], FALSE);
    }
}


/*
 * libheif may have its codecs as plugins, which it loads when the first image
 * comes: it gets one of ours.  Its result does not matter here.
 */

static void
social_worker_image_warm(void)
{
    void       *buf;
    size_t      len;
    double      mean;
    VipsImage  *black, *loaded;

    buf = NULL;
    loaded = NULL;

    if (vips_type_find("VipsOperation", "heifsave_buffer") != 0
        && vips_black(&black, 16, 16, "bands", 3, NULL) == 0)
    {
        if (vips_heifsave_buffer(black, &buf, &len, "effort", 0, "compression",
                                 VIPS_FOREIGN_HEIF_COMPRESSION_AV1, NULL) == 0
            && vips_heifload_buffer(buf, len, &loaded, NULL) == 0)
        {
            vips_avg(loaded, &mean, NULL);
            g_object_unref(loaded);
        }

        g_free(buf);
        g_object_unref(black);
    }

    vips_error_clear();
}


static void
social_worker_image_limit(uint64_t memory, uint64_t cpu, int statm)
{
    char                *end, line[128];
    ssize_t              n;
    struct rlimit        limit;
    unsigned long long   pages;

    /* what libvips and its codecs have mapped is theirs */

    pages = 0;
    n = read(statm, line, sizeof(line) - 1);

    if (n > 0) {
        line[n] = '\0';

        errno = 0;
        pages = strtoull(line, &end, 10);

        if (errno != 0 || end == line || *end != ' ') {
            pages = 0;
        }
    }

    if (statm != -1) {
        close(statm);
    }

#if !defined(__SANITIZE_ADDRESS__)
    limit.rlim_cur = limit.rlim_max =
        (rlim_t) (memory + pages * (unsigned long long)
                                   sysconf(_SC_PAGESIZE));
    setrlimit(RLIMIT_AS, &limit);
#else
    (void) memory;                          /* its shadow is terabytes */
    (void) pages;
#endif

    limit.rlim_cur = limit.rlim_max = (rlim_t) cpu;
    setrlimit(RLIMIT_CPU, &limit);

    limit.rlim_cur = limit.rlim_max = SOCIAL_WORKER_MAX_OUTPUT;
    setrlimit(RLIMIT_FSIZE, &limit);

    limit.rlim_cur = limit.rlim_max = 0;
    setrlimit(RLIMIT_CORE, &limit);

    limit.rlim_cur = limit.rlim_max = 16;
    setrlimit(RLIMIT_NOFILE, &limit);

    /* before those who decode come those who keep leases, and nginx */

    setpriority(PRIO_PROCESS, 0, 5);
}


static void
social_worker_image_hello(social_worker_hello_t *hello)
{
    size_t  i;

    hello->magic = SOCIAL_WORKER_MAGIC;
    hello->vips = (uint32_t) (vips_version(0) * 10000 + vips_version(1) * 100
                              + vips_version(2));

    for (i = 0; i < sizeof(social_worker_image_operations)
                    / sizeof(social_worker_image_operations[0]); i++)
    {
        if (vips_type_find("VipsOperation",
                           social_worker_image_operations[i].load))
        {
            hello->readable |= 1u << social_worker_image_operations[i].type;
        }

        if (social_worker_image_operations[i].save != NULL
            && vips_type_find("VipsOperation",
                              social_worker_image_operations[i].save))
        {
            hello->writable |= 1u << social_worker_image_operations[i].type;
        }
    }
}


static bool
social_worker_image_receive(social_worker_request_t *request, int fds[2])
{
    ssize_t          n;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            buf[CMSG_SPACE(2 * sizeof(int))];
    } control;

    memset(&msg, 0, sizeof(struct msghdr));

    iov.iov_base = request;
    iov.iov_len = sizeof(social_worker_request_t);

    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    do {
        n = recvmsg(SOCIAL_WORKER_IMAGE_FD, &msg, MSG_CMSG_CLOEXEC);
    } while (n == -1 && errno == EINTR);

    if (n != sizeof(social_worker_request_t)
        || request->magic != SOCIAL_WORKER_MAGIC)
    {
        return false;
    }

    cmsg = CMSG_FIRSTHDR(&msg);

    if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS
        || cmsg->cmsg_len != CMSG_LEN(2 * sizeof(int)))
    {
        return false;
    }

    memcpy(fds, CMSG_DATA(cmsg), 2 * sizeof(int));

    return true;
}
