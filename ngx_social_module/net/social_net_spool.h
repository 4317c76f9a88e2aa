
/*
 * The embedded store on disk: pending announcements, and files that were left
 * behind.  Blocking, as social_net_disk.h.
 */

#ifndef SOCIAL_NET_SPOOL_H
#define SOCIAL_NET_SPOOL_H


#include "social_rc.h"
#include "social_store_path.h"
#include "social_str.h"


/*
 * Reads one announcement that waits in the spool, any of those older than
 * "age" seconds, into "buf" of "size" bytes.  SOCIAL_DECLINED: none does.
 */
social_rc_e social_net_spool_next(const char *root, int64_t now, int64_t age,
    unsigned char id[SOCIAL_STORE_ID_SIZE], unsigned char *buf, size_t size,
    size_t *len);

/*
 * Whether the object at "path" is still the one with that id.
 * SOCIAL_DECLINED: it was replaced or removed, or never came to be;
 * SOCIAL_FAILED: errno says why.
 */
social_rc_e social_net_spool_check(const char *root, const char *path,
    const unsigned char *id);

/*
 * Makes an announcement wait for its "age" once more, so that a failing one
 * does not delay the others.
 */
void social_net_spool_defer(const char *root, const unsigned char *id);

/*
 * Removes an announcement from the spool.
 */
void social_net_spool_remove(const char *root, const unsigned char *id);

/*
 * Removes what a process that died was writing: files in tmp/ that were not
 * written to for "age" seconds.  Returns how many.
 */
size_t social_net_disk_sweep(const char *root, int64_t now, int64_t age);


#endif /* SOCIAL_NET_SPOOL_H */
