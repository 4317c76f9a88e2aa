
/*
 * What a process that reads untrusted files may still do: the system calls
 * of threads and memory, and reads and writes of the files that it has open.
 */

#ifndef SOCIAL_WORKER_SANDBOX_H
#define SOCIAL_WORKER_SANDBOX_H


#include <stddef.h>

#include "social_rc.h"


/* what is in force, as bits: the decoder's hello has them */

#define SOCIAL_WORKER_SANDBOX_SECCOMP   0x1
#define SOCIAL_WORKER_SANDBOX_LANDLOCK  0x2


/*
 * Makes the calling process non-dumpable: only root can attach to it or read
 * its /proc/PID/environ, mem and fd, and it leaves no core.  It holds until
 * the next execve(); see prctl(2), PR_SET_DUMPABLE.
 */
void social_worker_sandbox_hide(void);

/*
 * From here on the calling thread, and those that it makes, may open files of
 * the system's library directories only, to read; nothing may be written or
 * made, no TCP port be bound or connected, no abstract socket be reached and
 * no process outside be signalled, as far as the kernel's Landlock has it
 * (landlock(7)).  To be called before the first thread is made.
 *
 * Returns SOCIAL_OK, SOCIAL_DECLINED where the kernel has no Landlock, or
 * SOCIAL_FAILED; with the latter two, "error" has the reason.
 */
social_rc_e social_worker_sandbox_files(char *error, size_t size);

/*
 * Leaves all threads of the process an allow list of system calls (seccomp(2)),
 * in which nothing opens a file, makes a socket or a process, or maps memory
 * that can be executed.  What libraries try in passing fails with an error;
 * anything else ends the process by SIGSYS.  To be called when all libraries
 * are loaded.
 *
 * Returns SOCIAL_OK, or SOCIAL_FAILED with the reason in "error".
 */
social_rc_e social_worker_sandbox_seal(char *error, size_t size);


#endif /* SOCIAL_WORKER_SANDBOX_H */
