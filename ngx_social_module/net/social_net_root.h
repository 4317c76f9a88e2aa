
/*
 * The directory of an embedded store, read without its server: while that runs,
 * or when there is none any more.  Blocking: for threads and the worker.
 */

#ifndef SOCIAL_NET_ROOT_H
#define SOCIAL_NET_ROOT_H


#include "social_net_disk.h"
#include "social_net_s3_object.h"
#include "social_s3_list.h"


typedef struct {
    social_net_disk_t      disk;       /* for any thread */
    social_s3_list_t       list;       /* for one: where the list is */
} social_net_root_t;


/*
 * Sets up a root whose "path" outlives it; the list will be of keys that begin
 * with "prefix".  SOCIAL_DECLINED: it is not the directory of a store.
 */
social_rc_e social_net_root_init(social_net_root_t *root, const char *path,
    social_str_t prefix);

/*
 * Reads the next page of the list, as social_net_s3_list().  "damaged" is
 * increased by the objects whose metadata cannot be read, which are left out.
 */
social_rc_e social_net_root_list(social_net_root_t *root,
    unsigned char *memory, social_s3_listing_t *page, unsigned *damaged,
    char *error);

/*
 * Reads an object, as social_net_s3_get_whole(), and compares its bytes with
 * its MD5.  One that was put in parts cannot be read so.
 */
social_rc_e social_net_root_get(social_net_root_t *root, social_str_t key,
    int fd, social_net_s3_whole_t *object, char *error);


#endif /* SOCIAL_NET_ROOT_H */
