
/*
 * Whether a server counts as healthy.
 */

#include "social_health.h"


bool
social_health_note(social_health_t *h, bool passed, unsigned passes,
    unsigned fails)
{
    unsigned         needed;
    social_health_e  state;

    state = passed ? SOCIAL_HEALTH_UP : SOCIAL_HEALTH_DOWN;

    if (state == h->state) {
        h->streak = 0;
        return false;
    }

    if (passed) {
        needed = h->state == SOCIAL_HEALTH_UNKNOWN ? 1 : passes;

    } else {
        needed = fails;
    }

    if (++h->streak < needed) {
        return false;
    }

    h->state = state;
    h->streak = 0;

    return true;
}
