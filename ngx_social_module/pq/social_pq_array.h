
/*
 * Parameters of many statements as arrays, for one statement in their place.
 */

#ifndef SOCIAL_PQ_ARRAY_H
#define SOCIAL_PQ_ARRAY_H


#include "social_pq_pipeline.h"


/*
 * How many bytes the text of an array takes at most: of the parameter number
 * "k", from 0, of each of the "n" lists.
 */
size_t social_pq_array_size(const social_pq_param_t *const *lists, size_t n,
    size_t k);

/*
 * Writes this text to "p", without a zero byte behind it, and returns its end.
 * A zero byte in a value is the end of the value, as it is where the value is a
 * parameter itself.  (PostgreSQL, 8.15.2: Array Value Input)
 */
unsigned char *social_pq_array(unsigned char *p,
    const social_pq_param_t *const *lists, size_t n, size_t k);


#endif /* SOCIAL_PQ_ARRAY_H */
