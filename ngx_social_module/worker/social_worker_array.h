
/*
 * Arrays of PostgreSQL as text: '{1,2,3}'.  (PostgreSQL, 8.15.6)
 */

#ifndef SOCIAL_WORKER_ARRAY_H
#define SOCIAL_WORKER_ARRAY_H


#include <stdbool.h>
#include <stddef.h>


typedef struct {
    char    *text;
    size_t   len;
    size_t   size;
    bool     failed;       /* no memory */
} social_worker_array_t;


/*
 * Begins an array without elements, to be freed.
 */
void social_worker_array_init(social_worker_array_t *array);

/*
 * Adds an element, in quotes, whatever is in it; NULL is null.
 */
void social_worker_array_add(social_worker_array_t *array, const char *text);

/*
 * The whole as text, owned by the array, to which nothing is added after this;
 * NULL: there was no memory.
 */
const char *social_worker_array_text(social_worker_array_t *array);
void social_worker_array_free(social_worker_array_t *array);


#endif /* SOCIAL_WORKER_ARRAY_H */
