
/*
 * Memory for secrets: in pages of its own that are not in the core of a process
 * that ends (madvise(2), MADV_DONTDUMP), and wiped when it is freed.
 */

#ifndef SOCIAL_NET_PRIVATE_H
#define SOCIAL_NET_PRIVATE_H


#include <stddef.h>


/*
 * Zeroed memory of at least "size" bytes, in whole pages.  NULL: there is none.
 */
void *social_net_private_alloc(size_t size);

/*
 * Wipes and frees what social_net_private_alloc() gave for the same size.  NULL
 * is allowed.
 */
void social_net_private_free(void *p, size_t size);

/*
 * Keeps "size" bytes from "p" on, which are whole pages, out of cores; what was
 * not possible is only less private.
 */
void social_net_private_exclude(void *p, size_t size);


#endif /* SOCIAL_NET_PRIVATE_H */
