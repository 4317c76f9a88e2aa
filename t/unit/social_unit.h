
/*
 * What every unit test needs: cmocka, views of literals, and files of test
 * vectors, which may not be there.
 */

#ifndef SOCIAL_UNIT_H
#define SOCIAL_UNIT_H


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "social_rc.h"
#include "social_str.h"


/* a view of a literal, NUL bytes in it included */
#define S(text)                                                               \
    ((social_str_t) { sizeof(text) - 1, (const unsigned char *) (text) })

#define assert_str(view, text)                                                \
    do {                                                                      \
        social_str_t  view_ = (view);                                         \
        assert_int_equal(view_.len, strlen(text));                            \
        assert_memory_equal(view_.data, text, view_.len);                     \
    } while (0)


/*
 * Reads a whole file, with a zero byte after it; the caller frees it.  NULL
 * when it is not there.
 */
static inline unsigned char *
social_unit_read(const char *path, size_t *len)
{
    long            n;
    FILE           *f;
    unsigned char  *p;

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    n = ftell(f);
    fseek(f, 0, SEEK_SET);

    p = malloc((size_t) n + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, (size_t) n, f), (size_t) n);
    p[n] = '\0';
    fclose(f);

    *len = (size_t) n;

    return p;
}


#endif /* SOCIAL_UNIT_H */
