
/*
 * A part of a check that may wait for a network, within a time.
 */

#ifndef SOCIAL_WORKER_PART_H
#define SOCIAL_WORKER_PART_H


#include <stdbool.h>


#define SOCIAL_WORKER_PART_TEXT  512


typedef struct social_worker_part_s  social_worker_part_t;


/*
 * Does the part, in a thread of its own: false if something is wrong.  "text"
 * is for one line that says what, or what is right; it is "" before.
 */
typedef bool (*social_worker_part_pt)(const void *data,
    char text[SOCIAL_WORKER_PART_TEXT]);


/*
 * Starts a thread that calls "handler" with "data", which has to stay until
 * the part has ended.  NULL: no memory, or no thread.
 */
social_worker_part_t *social_worker_part_start(social_worker_part_pt handler,
    const void *data);

/*
 * Waits for the end of the part until "end", by social_worker_now(), and frees
 * it.  Returns what the handler has, with its "text"; false with a text of its
 * own if it is at work still or "part" is NULL.  In the first case "*clean"
 * becomes false: the process must end by _exit(), which leaves the thread what
 * it uses.
 */
bool social_worker_part_end(social_worker_part_t *part, long long end,
    char text[SOCIAL_WORKER_PART_TEXT], bool *clean);


#endif /* SOCIAL_WORKER_PART_H */
