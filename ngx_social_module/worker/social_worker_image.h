
/*
 * The decoder: the only part that uses libvips, and the only process that
 * passes untrusted bytes to it.
 */

#ifndef SOCIAL_WORKER_IMAGE_H
#define SOCIAL_WORKER_IMAGE_H


#include <stdbool.h>

#include "social_worker_decoder.h"


/*
 * What the child process does until its socket, descriptor 3, is closed.
 * "memory" is what it may use beyond what libvips takes to begin with, in
 * bytes; "cpu" is in seconds, for all of its life.  Without "seccomp" it may
 * make any system call, which is for debuggers.  Returns its exit status.
 */
int social_worker_image_main(uint64_t memory, uint64_t cpu, bool seccomp);


#endif /* SOCIAL_WORKER_IMAGE_H */
