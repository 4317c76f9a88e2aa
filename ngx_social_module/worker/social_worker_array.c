
/*
 * Arrays of PostgreSQL as text.
 */

#include <stdlib.h>
#include <string.h>

#include "social_worker_array.h"


static bool social_worker_array_room(social_worker_array_t *array, size_t n);


void
social_worker_array_init(social_worker_array_t *array)
{
    memset(array, 0, sizeof(social_worker_array_t));
}


void
social_worker_array_add(social_worker_array_t *array, const char *text)
{
    char  *p;

    /* every byte may be escaped; a comma or a brace, quotes, and the end */

    if (!social_worker_array_room(array, text ? 2 * strlen(text) + 5 : 7)) {
        return;
    }

    p = array->text + array->len;
    *p++ = array->len == 0 ? '{' : ',';

    if (text == NULL) {
        memcpy(p, "NULL", 4);
        array->len = (size_t) (p + 4 - array->text);
        return;
    }

    *p++ = '"';

    for ( /* void */ ; *text != '\0'; text++) {

        if (*text == '"' || *text == '\\') {
            *p++ = '\\';
        }

        *p++ = *text;
    }

    *p++ = '"';

    array->len = (size_t) (p - array->text);
}


const char *
social_worker_array_text(social_worker_array_t *array)
{
    if (!social_worker_array_room(array, 3)) {
        return NULL;
    }

    if (array->len == 0) {
        array->text[array->len++] = '{';
    }

    array->text[array->len] = '}';
    array->text[array->len + 1] = '\0';

    return array->text;
}


void
social_worker_array_free(social_worker_array_t *array)
{
    free(array->text);
}


static bool
social_worker_array_room(social_worker_array_t *array, size_t n)
{
    char    *text;
    size_t   size;

    if (!array->failed && array->size - array->len < n) {

        size = array->size * 2 + n + 64;
        text = realloc(array->text, size);

        if (text == NULL) {
            array->failed = true;

        } else {
            array->text = text;
            array->size = size;
        }
    }

    return !array->failed;
}
