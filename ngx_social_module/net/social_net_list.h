
/*
 * Walks through the objects of a store in the order of their keys.  Blocking,
 * for threads: what it needs of memory does not depend on how many objects
 * there are, and each directory that a page is in is read as often as a page
 * has parts of it.
 */

#ifndef SOCIAL_NET_LIST_H
#define SOCIAL_NET_LIST_H


#include "social_rc.h"
#include "social_s3_list.h"
#include "social_store_meta.h"
#include "social_store_path.h"
#include "social_str.h"


/*
 * Called for each key, and for each common prefix, where "meta" is NULL.  The
 * views are good during the call.  Anything but SOCIAL_OK ends the walk.
 */
typedef social_rc_e (*social_net_list_pt)(void *data, social_str_t key,
    const social_store_meta_t *meta);


/*
 * Walks on from where "list" is, for list->max_keys keys and prefixes.
 * SOCIAL_OK: "truncated" says whether there are more; an object whose metadata
 * cannot be read is left out, and counted in "damaged".  SOCIAL_FAILED: errno
 * says why; or what the callback returned.
 */
social_rc_e social_net_list(const char *root, social_s3_list_t *list,
    social_net_list_pt callback, void *data, bool *truncated,
    unsigned *damaged);


#endif /* SOCIAL_NET_LIST_H */
