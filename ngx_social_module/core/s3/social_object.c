
/*
 * Keys of objects in S3.
 */

#include <string.h>

#include "social_object.h"
#include "social_utf8.h"


bool
social_object_check(social_str_t key)
{
    return key.len >= 1 && key.len <= SOCIAL_OBJECT_MAX_KEY
           && memchr(key.data, '\0', key.len) == NULL
           && social_utf8_valid(key);
}


bool
social_object_is_picture(social_str_t type)
{
    size_t        i;
    social_str_t  name;

    static const social_str_t  image = social_string("image/");
    static const social_str_t  svg = social_string("svg");
    static const social_str_t  xml = social_string("xml");

    name = type;
    name.len = type.len > image.len ? image.len : 0;

    if (!social_str_caseeq(name, image)) {
        return false;
    }

    name.len = svg.len;

    for (i = image.len; i + svg.len <= type.len; i++) {

        name.data = type.data + i;

        if (social_str_caseeq(name, svg) || social_str_caseeq(name, xml)) {
            return false;
        }
    }

    return true;
}


bool
social_object_check_portable(social_str_t key)
{
    size_t                     i;
    social_str_t               rest, segment;
    static const social_str_t  dot = social_string(".");
    static const social_str_t  dots = social_string("..");

    if (!social_object_check(key)) {
        return false;
    }

    for (i = 0; i < key.len; i++) {
        if (key.data[i] < ' ' || key.data[i] == 0x7f) {
            return false;
        }
    }

    rest = key;

    while (social_str_next(&rest, "/", &segment)) {
        if (social_str_eq(segment, dot) || social_str_eq(segment, dots)) {
            return false;
        }
    }

    return true;
}
