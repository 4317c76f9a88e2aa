
/*
 * The addresses of a name, within a time: getaddrinfo() has none, and cannot
 * be interrupted.
 */

#ifndef SOCIAL_PQ_RESOLVE_H
#define SOCIAL_PQ_RESOLVE_H


#include "social_pq_wait.h"


#define SOCIAL_PQ_MAX_ADDRESSES  16      /* of one name; others are not used */
#define SOCIAL_PQ_ADDRESS_SIZE   64      /* with a scope, and its zero byte */
#define SOCIAL_PQ_MAX_NAME       255     /* RFC 1035, 2.3.4 */

/* names that are looked up at a time, those that nobody waits for included */
#define SOCIAL_PQ_MAX_LOOKUPS    16


typedef struct {
    size_t          n;
    char            text[SOCIAL_PQ_MAX_ADDRESSES][SOCIAL_PQ_ADDRESS_SIZE];
} social_pq_addresses_t;


/*
 * Looks a name up; an address is itself.  The lookup is left alone in a thread
 * of its own when it takes too long: nothing waits for that, the end of the
 * process included, and the next call for this name waits for its result.
 *
 * SOCIAL_OK: at least one address, in the order of RFC 6724, in numbers.
 * SOCIAL_DECLINED: none, not in time, or too many are being looked up; "why"
 * is a text that is never freed.  SOCIAL_FAILED: out of memory.
 */
social_rc_e social_pq_resolve(const char *name, const social_pq_wait_t *wait,
    social_pq_addresses_t *addresses, const char **why);


#endif /* SOCIAL_PQ_RESOLVE_H */
