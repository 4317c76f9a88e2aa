/*
 * For LD_PRELOAD: rename() syncs the file before, as nginx's dav module would
 * have to, so that a PUT that it answers is on disk.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>


int
rename(const char *from, const char *to)
{
    int         fd;
    static int  (*real)(const char *, const char *);

    if (real == NULL) {
        real = (int (*)(const char *, const char *)) (uintptr_t)
               dlsym(RTLD_NEXT, "rename");
    }

    fd = open(from, O_RDWR|O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) {
        return -1;
    }

    close(fd);

    return real(from, to);
}
