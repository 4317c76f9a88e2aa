
/*
 * Events on disk that wait for the database.  Blocking: for threads, never for
 * nginx's event loop.
 *
 * Under the root: tmp/ for what is being written, events/ for what waits, and
 * aside/ for what the database has refused, and a person is to look at.  A file
 * is in one of them, and never changed.  Renaming it to events/ is the commit:
 * everything before that may fail at any time, and leaves nothing but a file
 * in tmp/.
 */

#ifndef SOCIAL_NET_EVENTS_H
#define SOCIAL_NET_EVENTS_H


#include "social_event_file.h"


typedef struct {
    social_event_name_t  *names;     /* owned: of what waits, from the oldest */
    size_t                n;
    uint64_t              bytes;
    uint64_t              aside;     /* files in aside/ */
} social_net_events_t;


/*
 * Makes the directories below the root, which has to be there, durably.
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_events_prepare(const char *root);

/*
 * Writes the file of an event, durably: file and directory are synced.
 * SOCIAL_FAILED: errno says why, and no event waits; or, where only the last
 * sync failed, perhaps it does.
 */
social_rc_e social_net_events_put(const char *root,
    const social_event_name_t *name, social_str_t text);

/*
 * Lists what waits.  SOCIAL_OK: the caller frees the list.  SOCIAL_FAILED:
 * errno says why.
 */
social_rc_e social_net_events_list(const char *root,
    social_net_events_t *events);
void social_net_events_free(social_net_events_t *events);

/*
 * Of a list, the oldest of each user: no event may be sent before those of the
 * same user that were received before.  Keeps those only, from the oldest.
 * "bytes" and "aside" stay as they are.
 */
void social_net_events_heads(social_net_events_t *events);

/*
 * Reads a file into "buf" with room for name->size bytes.  SOCIAL_DECLINED:
 * there is none; SOCIAL_MALFORMED: it has another size; SOCIAL_FAILED: errno
 * says why.
 */
social_rc_e social_net_events_get(const char *root,
    const social_event_name_t *name, unsigned char *buf);

/*
 * Removes what the database has acknowledged.  After a crash it may be there
 * again.  SOCIAL_FAILED: errno says why; one that is not there is removed.
 */
social_rc_e social_net_events_remove(const char *root,
    const social_event_name_t *name);

/*
 * Moves an event from events/ to aside/.
 */
social_rc_e social_net_events_set_aside(const char *root,
    const social_event_name_t *name);

/*
 * Removes what a process that died was writing: files in tmp/ that were not
 * written to for "age" seconds.  Returns how many.
 */
size_t social_net_events_sweep(const char *root, int64_t now, int64_t age);


#endif /* SOCIAL_NET_EVENTS_H */
