/*
 * A malloc() for LD_PRELOAD that fails when it is asked to, and counts what is
 * not freed.  A test writes to the file that SOCIAL_MEMORY names, and reads
 * from it: numbers of 64 bits, as below.
 *
 * Only the process "pid" is counted, and only its main thread fails: threads
 * have the logins to a database, which are none of a request's.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>


typedef struct {
    int64_t   pid;
    int64_t   next;        /* the one that fails: 1 is the next, 0 none */
    int64_t   lasting;     /* and all that follow it */
    int64_t   failed;      /* that many have */
    int64_t   live;        /* what was allocated, less what was freed */
} memory_t;


void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);


static memory_t  *memory;


static void memory_init(void) __attribute__((constructor));


static void
memory_init(void)
{
    int          fd;
    void        *p;
    const char  *path;

    path = getenv("SOCIAL_MEMORY");
    fd = path ? open(path, O_RDWR) : -1;

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(memory_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        memory = p;
    }

    close(fd);
}


static int
memory_counts(void)
{
    return memory && memory->pid && memory->pid == getpid();
}


static int
memory_fails(void)
{
    if (!memory_counts() || memory->next == 0
        || syscall(SYS_gettid) != memory->pid)
    {
        return 0;
    }

    if (memory->next > 1) {
        memory->next--;
        return 0;
    }

    if (!memory->lasting) {
        memory->next = 0;
    }

    memory->failed++;
    errno = ENOMEM;

    return 1;
}


static void *
memory_add(void *p, int64_t n)
{
    if (p && memory_counts()) {
        __atomic_add_fetch(&memory->live, n, __ATOMIC_RELAXED);
    }

    return p;
}


void *
malloc(size_t size)
{
    return memory_fails() ? NULL : memory_add(__libc_malloc(size), 1);
}


void *
calloc(size_t n, size_t size)
{
    return memory_fails() ? NULL : memory_add(__libc_calloc(n, size), 1);
}


void *
realloc(void *p, size_t size)
{
    if (p == NULL) {
        return malloc(size);
    }

    if (size == 0) {
        free(p);
        return NULL;
    }

    return memory_fails() ? NULL : __libc_realloc(p, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return memory_fails() ? NULL
                          : memory_add(__libc_memalign(alignment, size), 1);
}


void *
aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    void  *got;

    got = memalign(alignment, size);

    if (got == NULL) {
        return ENOMEM;
    }

    *p = got;

    return 0;
}


void
free(void *p)
{
    (void) memory_add(p, -1);
    __libc_free(p);
}
