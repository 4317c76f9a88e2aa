
/*
 * The supervisor's side of the child process that decodes.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "social_image_strip.h"
#include "social_worker_clock.h"
#include "social_worker_decoder.h"
#include "social_worker_log.h"
#include "social_worker_sandbox.h"


#define SOCIAL_WORKER_START_TIMEOUT  15000

/* what a job may take beyond its own limit: sending, and a busy machine */
#define SOCIAL_WORKER_GRACE          500

/* how often a lost job is looked for while its decoder is at work */
#define SOCIAL_WORKER_LOOK           100


static void social_worker_decoder_exec(int fd, pid_t parent,
    char *const argv[]);
static bool social_worker_decoder_ready(social_worker_decoder_t *decoder,
    const social_worker_conf_t *conf, ssize_t n, char *error);
static ssize_t social_worker_decoder_receive(int fd, void *buf, size_t size,
    int timeout, const atomic_bool *lost);
static int social_worker_decoder_send(int fd, const void *buf, size_t size,
    int in, int out);
static bool social_worker_decoder_sound(const social_worker_request_t *request,
    const social_worker_reply_t *reply);


void
social_worker_decoder_init(social_worker_decoder_t *decoder)
{
    memset(decoder, 0, sizeof(social_worker_decoder_t));

    decoder->fd = -1;
}


social_rc_e
social_worker_decoder_start(social_worker_decoder_t *decoder,
    const social_worker_conf_t *conf, uint32_t time_limit, char *error)
{
    int                     fds[2];
    char                    memory[32], cpu[32];
    pid_t                   pid, parent;
    ssize_t                 n;
    uint64_t                seconds;
    char                   *argv[6];
    static char             name[] = "social-worker-decoder";
    static char             command[] = "--decoder";
    static char             seccomp[] = "seccomp";
    static char             unconfined[] = "unconfined";

    if (decoder->pid != 0) {

        if (decoder->memory == conf->memory
            && (!conf->seccomp
                || decoder->hello.sandbox & SOCIAL_WORKER_SANDBOX_SECCOMP))
        {
            return SOCIAL_OK;
        }

        social_worker_decoder_stop(decoder);
    }

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1) {
        snprintf(error, SOCIAL_WORKER_ERROR_SIZE, "socketpair: %s",
                 strerror(errno));
        return SOCIAL_FAILED;
    }

    seconds = time_limit / 1000 + 1;
    seconds = seconds * conf->recycle + 10;

    snprintf(memory, sizeof(memory), "%" PRIu64, conf->memory);
    snprintf(cpu, sizeof(cpu), "%" PRIu64, seconds);

    argv[0] = name;
    argv[1] = command;
    argv[2] = memory;
    argv[3] = cpu;
    argv[4] = conf->seccomp ? seccomp : unconfined;
    argv[5] = NULL;

    parent = getpid();
    pid = fork();

    if (pid == 0) {
        social_worker_decoder_exec(fds[1], parent, argv);
    }

    close(fds[1]);

    if (pid == -1) {
        snprintf(error, SOCIAL_WORKER_ERROR_SIZE, "fork: %s",
                 strerror(errno));
        close(fds[0]);
        return SOCIAL_FAILED;
    }

    decoder->pid = pid;
    decoder->fd = fds[0];
    decoder->images = 0;
    decoder->memory = conf->memory;

    n = social_worker_decoder_receive(decoder->fd, &decoder->hello,
                                      sizeof(social_worker_hello_t),
                                      SOCIAL_WORKER_START_TIMEOUT, NULL);

    return social_worker_decoder_ready(decoder, conf, n, error)
           ? SOCIAL_OK : SOCIAL_FAILED;
}


/* verifies the hello, of "n" bytes; stops a child that must not be used */

static bool
social_worker_decoder_ready(social_worker_decoder_t *decoder,
    const social_worker_conf_t *conf, ssize_t n, char *error)
{
    uint32_t                missing;
    social_worker_hello_t  *hello;
    static atomic_bool      warned;

    hello = &decoder->hello;

    if (n != sizeof(social_worker_hello_t)
        || hello->magic != SOCIAL_WORKER_MAGIC)
    {
        if (social_worker_decoder_stop(decoder) == SIGSYS) {
            snprintf(error, SOCIAL_WORKER_ERROR_SIZE, "it was killed by its "
                     "sandbox before it was ready (SIGSYS)");

        } else {
            snprintf(error, SOCIAL_WORKER_ERROR_SIZE, n == 0
                     ? "it ended before it was ready: libvips could not be "
                       "set up in the memory that a decoder is allowed"
                     : "it was not ready in time");
        }

        return false;
    }

    hello->error[SOCIAL_WORKER_ERROR_SIZE - 1] = '\0';
    missing = ~hello->sandbox;

    if ((missing & SOCIAL_WORKER_SANDBOX_SECCOMP) && conf->seccomp) {
        snprintf(error, SOCIAL_WORKER_ERROR_SIZE,
                 "it cannot be confined: %.200s", hello->error);
        social_worker_decoder_stop(decoder);
        return false;
    }

    if ((missing & (SOCIAL_WORKER_SANDBOX_SECCOMP
                    | SOCIAL_WORKER_SANDBOX_LANDLOCK))
        && !atomic_exchange(&warned, true))
    {
        social_worker_log(SOCIAL_WORKER_WARN, "decoder is less confined",
            social_worker_text("seccomp",
                               missing & SOCIAL_WORKER_SANDBOX_SECCOMP
                               ? "off" : "on"),
            social_worker_text("landlock",
                               missing & SOCIAL_WORKER_SANDBOX_LANDLOCK
                               ? "off" : "on"),
            social_worker_text("error", hello->error));
    }

    return true;
}


void
social_worker_decoder_run(social_worker_decoder_t *decoder,
    const social_worker_conf_t *conf, const social_worker_kind_t *kind,
    int in, uint64_t size, int out, const atomic_bool *lost,
    social_worker_reply_t *reply)
{
    size_t                   i;
    ssize_t                  n;
    const char              *error;
    social_worker_request_t  request;

    memset(reply, 0, sizeof(social_worker_reply_t));

    if (social_worker_decoder_start(decoder, conf, kind->time_limit,
                                    reply->error)
        != SOCIAL_OK)
    {
        reply->status = SOCIAL_WORKER_NOT_STARTED;
        return;
    }

    memset(&request, 0, sizeof(social_worker_request_t));

    request.magic = SOCIAL_WORKER_MAGIC;
    request.size = size;
    request.max_pixels = kind->max_pixels;
    request.memory = conf->memory;
    request.time_limit = kind->time_limit;
    request.variant_count = (uint32_t) kind->variant_count;

    for (i = 0; i < kind->variant_count; i++) {
        request.variants[i] = kind->variants[i]->spec;
    }

    if (social_worker_decoder_send(decoder->fd, &request,
                                   sizeof(social_worker_request_t), in, out)
        == -1)
    {
        n = 0;

    } else {
        n = social_worker_decoder_receive(decoder->fd, reply,
                                          sizeof(social_worker_reply_t),
                                          (int) kind->time_limit
                                          + SOCIAL_WORKER_GRACE, lost);
    }

    if (n == -1) {
        social_worker_decoder_stop(decoder);
        memset(reply, 0, sizeof(social_worker_reply_t));

        if (lost != NULL && atomic_load(lost)) {
            reply->status = SOCIAL_WORKER_GIVEN_UP;
            return;
        }

        reply->status = SOCIAL_WORKER_TIMED_OUT;
        snprintf(reply->error, sizeof(reply->error),
                 "the decoder was killed after %u ms", kind->time_limit);
        return;
    }

    if (n != sizeof(social_worker_reply_t)
        || !social_worker_decoder_sound(&request, reply))
    {
        error = n == 0 ? "the decoder died"
                       : "the decoder sent an invalid reply";

        if (social_worker_decoder_stop(decoder) == SIGSYS) {
            error = "the decoder was killed by its sandbox (SIGSYS): it made "
                    "a system call that it may not make";
        }

        memset(reply, 0, sizeof(social_worker_reply_t));
        reply->status = SOCIAL_WORKER_DIED;
        snprintf(reply->error, sizeof(reply->error), "%s", error);
        return;
    }

    if (++decoder->images >= conf->recycle) {
        social_worker_decoder_stop(decoder);
    }
}


unsigned char *
social_worker_decoder_output(const social_worker_output_t *output, int out,
    size_t *size)
{
    size_t           done;
    ssize_t          n;
    social_str_t     data;
    unsigned char   *buf, *bare;
    social_image_t   image;

    /* read once and verified after: the child may write to it still */

    buf = malloc(output->size);
    bare = malloc(output->size);

    if (buf == NULL || bare == NULL) {
        goto failed;
    }

    for (done = 0; done < output->size; done += (size_t) n) {

        n = pread(out, buf + done, output->size - done,
                  (off_t) (output->offset + done));

        if (n <= 0) {
            goto failed;
        }
    }

    data.data = buf;
    data.len = output->size;

    if (social_image_strip(data, bare, size) != SOCIAL_OK) {
        goto failed;
    }

    data.data = bare;
    data.len = *size;

    if (social_image_parse(data, &image) != SOCIAL_OK
        || image.type != output->format || image.width != output->width
        || image.height != output->height)
    {
        goto failed;
    }

    free(buf);

    return bare;

failed:

    free(buf);
    free(bare);

    return NULL;
}


int
social_worker_decoder_stop(social_worker_decoder_t *decoder)
{
    int  status;

    if (decoder->pid == 0) {
        return 0;
    }

    close(decoder->fd);

    kill(decoder->pid, SIGKILL);

    status = 0;

    while (waitpid(decoder->pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    social_worker_decoder_init(decoder);

    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}


int
social_worker_memory_file(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}


social_rc_e
social_worker_memory_seal(int fd)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
                                  | F_SEAL_SEAL)
           == -1 ? SOCIAL_FAILED : SOCIAL_OK;
}


/*
 * After fork() in a process with threads: only what is safe in a signal
 * handler.
 */

static void
social_worker_decoder_exec(int fd, pid_t parent, char *const argv[])
{
    int          null;
    sigset_t     none;
    char *const  environment[] = {

        /* arenas would be taken for every thread that a codec starts */

        (char *) (uintptr_t) "MALLOC_ARENA_MAX=2",

        /* libvips before 8.15 has orc, which would compile at run time */

        (char *) (uintptr_t) "ORC_CODE=emulate",
        NULL
    };

    prctl(PR_SET_PDEATHSIG, SIGKILL);

    if (getppid() != parent) {
        _exit(1);
    }

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        _exit(1);
    }

    null = open("/dev/null", O_RDWR);

    if (null == -1 || dup2(fd, 3) == -1) {
        _exit(1);
    }

    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);

    if (close_range(4, ~0u, 0) == -1) {
        _exit(1);
    }

    if (fd == 3) {
        fcntl(3, F_SETFD, 0);
    }

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    execve("/proc/self/exe", argv, environment);

    _exit(127);
}


/*
 * The bytes of a message, 0 at the end, -1 when none came in time, or before
 * the job was lost.
 */

static ssize_t
social_worker_decoder_receive(int fd, void *buf, size_t size, int timeout,
    const atomic_bool *lost)
{
    ssize_t        n;
    long long      end, left;
    struct pollfd  pfd;

    end = social_worker_now() + timeout;

    for (;;) {

        left = end - social_worker_now();

        if (left <= 0 || (lost != NULL && atomic_load(lost))) {
            return -1;
        }

        if (lost != NULL && left > SOCIAL_WORKER_LOOK) {
            left = SOCIAL_WORKER_LOOK;
        }

        pfd.fd = fd;
        pfd.events = POLLIN;

        if (poll(&pfd, 1, (int) left) <= 0) {
            continue;
        }

        n = recv(fd, buf, size, MSG_DONTWAIT);

        if (n >= 0) {
            return n;
        }

        if (errno != EINTR && errno != EAGAIN) {
            return 0;
        }
    }
}


static int
social_worker_decoder_send(int fd, const void *buf, size_t size, int in,
    int out)
{
    int              fds[2];
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            buf[CMSG_SPACE(sizeof(fds))];
    } control;

    memset(&msg, 0, sizeof(struct msghdr));
    memset(&control, 0, sizeof(control));

    fds[0] = in;
    fds[1] = out;

    iov.iov_base = (void *) (uintptr_t) buf;
    iov.iov_len = size;

    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));

    return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t) size ? 0 : -1;
}


/*
 * The child has read an untrusted file: nothing in its reply is trusted,
 * strings included.
 */

static bool
social_worker_decoder_sound(const social_worker_request_t *request,
    const social_worker_reply_t *reply)
{
    size_t                         i, k;
    const social_worker_spec_t    *spec;
    const social_worker_output_t  *output;

    if (reply->magic != SOCIAL_WORKER_MAGIC
        || (unsigned) reply->status > SOCIAL_WORKER_NO_MEMORY
        || (unsigned) reply->type > SOCIAL_IMAGE_HEIC
        || memchr(reply->error, '\0', sizeof(reply->error)) == NULL
        || memchr(reply->placeholder, '\0', sizeof(reply->placeholder))
           == NULL
        || reply->placeholder[strspn(reply->placeholder,
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
               "0123456789+/=")] != '\0')
    {
        return false;
    }

    if (reply->status != SOCIAL_WORKER_DECODED) {
        return true;
    }

    /* every format of every variant, in order */

    k = 0;

    for (i = 0; i < reply->output_count; i++) {

        if (i >= SOCIAL_WORKER_MAX_OUTPUTS) {
            return false;
        }

        output = &reply->outputs[i];

        if (output->variant >= request->variant_count
            || output->size == 0 || output->size > SOCIAL_WORKER_MAX_OUTPUT
            || output->offset > SOCIAL_WORKER_MAX_OUTPUT)
        {
            return false;
        }

        spec = &request->variants[output->variant];
        k = i > 0 && output->variant == reply->outputs[i - 1].variant ? k + 1
                                                                      : 0;

        if (k >= spec->format_count || output->format != spec->formats[k]
            || (i > 0 && k == 0
                && output->variant != reply->outputs[i - 1].variant + 1)
            || (i == 0 && output->variant != 0))
        {
            return false;
        }
    }

    return reply->output_count > 0
           && reply->outputs[reply->output_count - 1].variant + 1
              == request->variant_count;
}
