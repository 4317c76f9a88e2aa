/*
 * A getaddrinfo() for LD_PRELOAD, of what SOCIAL_RESOLVER says: names with
 * their addresses, one after the other, or with "hang", and then it takes
 * 40 seconds and fails, as a name server that does not answer does:
 *
 *     SOCIAL_RESOLVER="db.test=127.0.0.1,::1 away.test=hang"
 *
 * Any other name is for the system.  The file that SOCIAL_RESOLVED names gets
 * one line for each name that is looked up here.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


typedef int (*resolver_pt)(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list);


static char  resolver_names[4096];      /* nginx clears the environment */
static int   resolver_log = -1;


static void resolver_init(void) __attribute__((constructor));


static void
resolver_init(void)
{
    const char  *value;

    value = getenv("SOCIAL_RESOLVER");

    if (value != NULL) {
        snprintf(resolver_names, sizeof(resolver_names), " %s ", value);
    }

    value = getenv("SOCIAL_RESOLVED");

    if (value != NULL) {
        resolver_log = open(value, O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC, 0666);
    }
}


int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
    int                rc;
    char              *p, key[300], addresses[300], *save, *address;
    resolver_pt        next;
    struct addrinfo    numeric, *found, **last;

    next = (resolver_pt) dlsym(RTLD_NEXT, "getaddrinfo");

    if (name == NULL || (hints && (hints->ai_flags & AI_NUMERICHOST))) {
        return next(name, service, hints, list);
    }

    snprintf(key, sizeof(key), " %s=", name);
    p = strstr(resolver_names, key);

    if (p == NULL) {
        return next(name, service, hints, list);
    }

    if (resolver_log != -1) {
        dprintf(resolver_log, "%s\n", name);
    }

    p += strlen(key);
    snprintf(addresses, sizeof(addresses), "%.*s", (int) strcspn(p, " "), p);

    if (strcmp(addresses, "hang") == 0) {
        sleep(40);
        return EAI_AGAIN;
    }

    *list = NULL;
    last = list;

    for (address = strtok_r(addresses, ",", &save); address != NULL;
         address = strtok_r(NULL, ",", &save))
    {
        memset(&numeric, 0, sizeof(numeric));
        numeric.ai_socktype = SOCK_STREAM;
        numeric.ai_flags = AI_NUMERICHOST;

        rc = next(address, service, &numeric, &found);

        if (rc != 0) {
            return rc;
        }

        *last = found;

        while (*last != NULL) {
            last = &(*last)->ai_next;
        }
    }

    return 0;
}
