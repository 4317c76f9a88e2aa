
/*
 * The outcomes of every function in core.  "Refused" is the client's fault,
 * "failed" is ours: the glue turns the first into 4xx and the second into
 * 5xx, and never mixes them.
 */

#ifndef SOCIAL_RC_H
#define SOCIAL_RC_H


typedef enum {
    SOCIAL_OK = 0,
    SOCIAL_DECLINED,       /* well formed, verified, and refused or absent */
    SOCIAL_MALFORMED,      /* not of the grammar, or over a limit */
    SOCIAL_FAILED          /* out of memory, or a library gave up */
} social_rc_e;


#endif /* SOCIAL_RC_H */
