
/*
 * Memory for secrets.
 */

#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "social_net_private.h"


static size_t social_net_private_pages(size_t size);


void *
social_net_private_alloc(size_t size)
{
    void  *p;

    size = social_net_private_pages(size);

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    social_net_private_exclude(p, size);

    return p;
}


void
social_net_private_free(void *p, size_t size)
{
    if (p == NULL) {
        return;
    }

    size = social_net_private_pages(size);

    explicit_bzero(p, size);
    munmap(p, size);
}


void
social_net_private_exclude(void *p, size_t size)
{
    (void) madvise(p, size, MADV_DONTDUMP);
}


static size_t
social_net_private_pages(size_t size)
{
    size_t  page;

    page = (size_t) sysconf(_SC_PAGESIZE);

    return (size / page + 1) * page;
}
