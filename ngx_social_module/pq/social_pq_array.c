
/*
 * Parameters of many statements as arrays, for one statement in their place.
 */

#include <string.h>

#include "social_pq_array.h"


size_t
social_pq_array_size(const social_pq_param_t *const *lists, size_t n, size_t k)
{
    size_t  i, size;

    size = sizeof("{}") - 1;

    for (i = 0; i < n; i++) {

        /* quotes and comma; each byte may need a backslash */

        size += lists[i][k].null ? sizeof("NULL,") - 1
                                 : 2 * lists[i][k].value.len + 3;
    }

    return size;
}


unsigned char *
social_pq_array(unsigned char *p, const social_pq_param_t *const *lists,
    size_t n, size_t k)
{
    size_t                    i, j;
    unsigned char             c;
    const social_pq_param_t  *param;

    *p++ = '{';

    for (i = 0; i < n; i++) {
        param = &lists[i][k];

        if (i) {
            *p++ = ',';
        }

        if (param->null) {
            memcpy(p, "NULL", 4);
            p += 4;
            continue;
        }

        *p++ = '"';

        for (j = 0; j < param->value.len; j++) {
            c = param->value.data[j];

            if (c == '\0') {
                break;
            }

            if (c == '"' || c == '\\') {
                *p++ = '\\';
            }

            *p++ = c;
        }

        *p++ = '"';
    }

    *p++ = '}';

    return p;
}
