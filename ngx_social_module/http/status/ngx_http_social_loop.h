
/*
 * How long the event loop of this process does something else than waiting for
 * events: all connections wait meanwhile.
 */

#ifndef NGX_HTTP_SOCIAL_LOOP_H
#define NGX_HTTP_SOCIAL_LOOP_H


#include "ngx_http_social_counters.h"


#define NGX_HTTP_SOCIAL_LOOP_STALL  20     /* milliseconds, and more */


/*
 * To be called in a process that begins, when nginx has chosen how it waits for
 * events, once counters are there.  It counts nothing where "timer_resolution"
 * is set: nginx does not look at the clock after each wait then.
 */
void ngx_http_social_loop_start(void);


#endif /* NGX_HTTP_SOCIAL_LOOP_H */
