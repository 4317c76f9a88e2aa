
/*
 * What the fuzzing targets share.  Each input is copied to memory of exactly
 * its size, so that a byte read past its end is seen, and each view that core
 * returns is read whole.
 */

#ifndef FUZZ_H
#define FUZZ_H


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "social_rc.h"
#include "social_str.h"


#define FUZZ_CHECK(condition)                                                 \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,        \
                    #condition);                                              \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/*
 * Its own copy, freed by the caller with fuzz_free().
 */
static inline social_str_t
fuzz_copy(const uint8_t *data, size_t size)
{
    social_str_t    s;
    unsigned char  *p;

    p = malloc(size ? size : 1);
    FUZZ_CHECK(p != NULL);

    if (size) {
        memcpy(p, data, size);
    }

    s.len = size;
    s.data = p;

    return s;
}


static inline void
fuzz_free(social_str_t s)
{
    free((void *) (uintptr_t) s.data);
}


static inline void
fuzz_read(social_str_t s)
{
    size_t                    i;
    static volatile unsigned  sum;

    for (i = 0; i < s.len; i++) {
        sum = sum + s.data[i];
    }
}


/*
 * Whether a view is of bytes that are all inside another.
 */
static inline bool
fuzz_within(social_str_t s, social_str_t whole)
{
    return s.data >= whole.data
           && s.data + s.len <= whole.data + whole.len;
}


/*
 * base64url without padding, appended to "dst"; returns its end.
 */
static inline unsigned char *
fuzz_base64url(unsigned char *dst, social_str_t s)
{
    size_t             i, n;
    uint32_t           v;
    static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_";

    for (i = 0; i < s.len; i += 3) {
        n = s.len - i;

        v = (uint32_t) s.data[i] << 16
            | (uint32_t) (n > 1 ? s.data[i + 1] : 0) << 8
            | (uint32_t) (n > 2 ? s.data[i + 2] : 0);

        *dst++ = (unsigned char) abc[v >> 18];
        *dst++ = (unsigned char) abc[v >> 12 & 63];

        if (n > 1) {
            *dst++ = (unsigned char) abc[v >> 6 & 63];
        }

        if (n > 2) {
            *dst++ = (unsigned char) abc[v & 63];
        }
    }

    return dst;
}


#endif /* FUZZ_H */
