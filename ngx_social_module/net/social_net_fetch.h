
/*
 * One bounded, blocking GET.  For threads and the worker, never for nginx's
 * event loop.
 */

#ifndef SOCIAL_NET_FETCH_H
#define SOCIAL_NET_FETCH_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_NET_ERROR_SIZE  256


typedef struct {
    const char      *url;           /* http or https */
    const char      *ca_file;       /* PEM, or NULL for the system's */
    long             timeout;       /* milliseconds, for all of it */
    size_t           max_size;      /* bytes of body */
} social_net_fetch_t;


typedef struct {
    unsigned char   *body;          /* owned by the caller: free() */
    size_t           len;
    long             elapsed;       /* milliseconds that it took */
    char             error[SOCIAL_NET_ERROR_SIZE];
} social_net_answer_t;


/*
 * To be called once in a process before its first thread.
 */
social_rc_e social_net_init(void);

/*
 * Gets a document.  SOCIAL_OK: status 200, and "answer" has its body.
 * SOCIAL_DECLINED: the server could not be reached in time, was not who it
 * had to be, sent another status, a redirect, a Content-Encoding or more than
 * max_size; SOCIAL_FAILED: out of memory.  "error" then says why in one line.
 */
social_rc_e social_net_fetch(const social_net_fetch_t *fetch,
    social_net_answer_t *answer);


#endif /* SOCIAL_NET_FETCH_H */
