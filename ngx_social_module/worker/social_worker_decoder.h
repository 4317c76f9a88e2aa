
/*
 * The child process that decodes: what it is sent, and how it is kept.
 *
 * It is a fresh program with a fixed environment and no file descriptor but
 * its channel.  It loads its libraries, confines itself (see
 * social_worker_sandbox.h), says so in its hello, and only then gets images:
 * each as a file descriptor, to be answered into another one.  From then on it
 * can open no file, make no socket and no process.  Its replies are verified
 * like any untrusted input.
 */

#ifndef SOCIAL_WORKER_DECODER_H
#define SOCIAL_WORKER_DECODER_H


#include <sys/types.h>

#include "social_rc.h"
#include "social_thumbhash.h"
#include "social_worker_conf.h"


#define SOCIAL_WORKER_MAGIC          0x53574433
#define SOCIAL_WORKER_ERROR_SIZE     256

/* of all that it may write for one image */
#define SOCIAL_WORKER_MAX_OUTPUT     (256u << 20)


typedef enum {
    SOCIAL_WORKER_DECODED = 0,
    SOCIAL_WORKER_NOT_AN_IMAGE,        /* the file's fault, for good */
    SOCIAL_WORKER_DAMAGED,
    SOCIAL_WORKER_TOO_MANY_PIXELS,
    SOCIAL_WORKER_NOT_BUILT,           /* a format that libvips cannot read */
    SOCIAL_WORKER_TOO_COMPLEX,         /* scans, segments, frames */
    SOCIAL_WORKER_UNSUPPORTED,         /* one that it can, but not this */
    SOCIAL_WORKER_NO_MEMORY,           /* of what it is allowed */
    SOCIAL_WORKER_TIMED_OUT,           /* killed by the worker */
    SOCIAL_WORKER_DIED,                /* by itself, or by another process */
    SOCIAL_WORKER_GIVEN_UP,            /* killed: nobody wants it any more */
    SOCIAL_WORKER_NOT_STARTED
} social_worker_decoded_e;


typedef struct {
    uint32_t                 magic;
    uint32_t                 variant_count;
    uint64_t                 size;
    uint64_t                 max_pixels;
    uint64_t                 memory;               /* its limit, in bytes */
    uint32_t                 time_limit;           /* milliseconds */
    social_worker_spec_t     variants[SOCIAL_WORKER_MAX_VARIANTS];
} social_worker_request_t;


typedef struct {
    uint32_t                 variant;              /* its index */
    social_image_type_e      format;
    uint32_t                 width;
    uint32_t                 height;
    uint64_t                 offset;
    uint64_t                 size;
} social_worker_output_t;


typedef struct {
    uint32_t                 magic;
    social_worker_decoded_e  status;
    char                     error[SOCIAL_WORKER_ERROR_SIZE];
    social_image_type_e      type;
    uint32_t                 width;                /* of what came */
    uint32_t                 height;
    uint64_t                 memory;               /* that it needs; 0: ? */
    char                     placeholder[SOCIAL_THUMBHASH_TEXT_SIZE];
    uint32_t                 output_count;
    social_worker_output_t   outputs[SOCIAL_WORKER_MAX_OUTPUTS];
} social_worker_reply_t;


/* the child's first message */

typedef struct {
    uint32_t                 magic;
    uint32_t                 vips;                 /* 81401 is 8.14.1 */
    uint32_t                 readable;             /* bits by type */
    uint32_t                 writable;
    uint32_t                 sandbox;              /* SOCIAL_WORKER_SANDBOX_ */
    char                     error[SOCIAL_WORKER_ERROR_SIZE];
} social_worker_hello_t;


typedef struct {
    pid_t                    pid;                  /* 0: none runs */
    int                      fd;
    uint32_t                 images;
    uint64_t                 memory;
    social_worker_hello_t    hello;
} social_worker_decoder_t;


/*
 * Nothing is started yet.
 */
void social_worker_decoder_init(social_worker_decoder_t *decoder);

/*
 * Starts a child, unless one runs with that limit of memory.  SOCIAL_FAILED:
 * "error", of SOCIAL_WORKER_ERROR_SIZE, says why; a child that cannot confine
 * itself as configured is not used.  A kernel without Landlock is logged,
 * once.
 */
social_rc_e social_worker_decoder_start(social_worker_decoder_t *decoder,
    const social_worker_conf_t *conf, uint32_t time_limit, char *error);

/*
 * Decodes the file "in", of which the child gets no more than to read, into
 * "out", an empty file.  Waits no longer than the time limit, and no longer
 * than until "lost", which may be NULL, is true; the child is killed then.  It
 * is replaced when it has done its number of images.  The reply is sound as
 * far as it goes: offsets and sizes are within limits.
 */
void social_worker_decoder_run(social_worker_decoder_t *decoder,
    const social_worker_conf_t *conf, const social_worker_kind_t *kind,
    int in, uint64_t size, int out, const atomic_bool *lost,
    social_worker_reply_t *reply);

/*
 * Reads an output that the reply describes, cuts metadata out of it whatever
 * the child did about that, and checks that it is the image it is said to be.
 * The caller frees it, of "size" bytes; NULL: it is not, it cannot be cut
 * (social_image_strip.h), or no memory.
 */
unsigned char *social_worker_decoder_output(
    const social_worker_output_t *output, int out, size_t *size);

/*
 * Ends the child, if there is one.  Returns the signal that it died of, which
 * is SIGKILL unless it had died before; 0 where there was none, or it had
 * exited.
 */
int social_worker_decoder_stop(social_worker_decoder_t *decoder);

/*
 * A file in memory, to be sent; -1 and errno.  With "sealed" its bytes cannot
 * be changed any more.
 */
int social_worker_memory_file(const char *name);
social_rc_e social_worker_memory_seal(int fd);


#endif /* SOCIAL_WORKER_DECODER_H */
