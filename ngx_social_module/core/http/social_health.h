
/*
 * Whether a server counts as healthy, by the outcomes of its checks.
 */

#ifndef SOCIAL_HEALTH_H
#define SOCIAL_HEALTH_H


#include <stdbool.h>


typedef enum {
    SOCIAL_HEALTH_UNKNOWN = 0,         /* no check has decided yet */
    SOCIAL_HEALTH_UP,
    SOCIAL_HEALTH_DOWN
} social_health_e;


/* zeroed: unknown */

typedef struct {
    social_health_e  state;
    unsigned         streak;           /* checks in a row that speak against
                                          the state */
} social_health_t;


/*
 * Takes the outcome of one more check.  It needs "fails" failed ones in a row
 * to be down, and "passes" in a row to be up again; a server that is unknown is
 * up with the first one that passes.  Both are 1 or more.  Whether the state
 * has changed.
 */
bool social_health_note(social_health_t *h, bool passed, unsigned passes,
    unsigned fails);


#endif /* SOCIAL_HEALTH_H */
