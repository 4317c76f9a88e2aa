
/*
 * Lists of objects.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_s3_list.h"


static social_str_t social_s3_list_common(const social_s3_list_t *list,
    social_str_t key);
static social_str_t social_s3_list_last(const social_s3_list_t *list);


int
social_s3_key_compare(social_str_t a, social_str_t b)
{
    int     order;
    size_t  n;

    n = a.len < b.len ? a.len : b.len;
    order = n ? memcmp(a.data, b.data, n) : 0;

    if (order) {
        return order;
    }

    return a.len < b.len ? -1 : a.len > b.len;
}


void
social_s3_list_start(social_s3_list_t *list, social_str_t after)
{
    social_str_t  common;

    list->skip = false;

    /* what is longer than any key is after its beginning, and all it begins */

    if (after.len > sizeof(list->last)) {
        after.len = sizeof(list->last);
    }

    list->len = after.len;

    if (after.len) {
        memcpy(list->last, after.data, after.len);
    }

    common = social_s3_list_common(list, after);
    list->skip = (common.len != 0 && common.len == after.len);
}


social_s3_list_e
social_s3_list_key(const social_s3_list_t *list, social_str_t key,
    social_str_t *common)
{
    social_str_t  last;

    last = social_s3_list_last(list);

    if (last.len && (social_s3_key_compare(key, last) <= 0
                     || (list->skip && social_str_starts(key, last))))
    {
        return SOCIAL_S3_LIST_BEFORE;
    }

    if (!social_str_starts(key, list->prefix)) {
        return social_s3_key_compare(key, list->prefix) < 0
               ? SOCIAL_S3_LIST_BEFORE : SOCIAL_S3_LIST_AFTER;
    }

    *common = social_s3_list_common(list, key);

    return common->len ? SOCIAL_S3_LIST_PREFIX : SOCIAL_S3_LIST_KEY;
}


social_s3_list_e
social_s3_list_keys(const social_s3_list_t *list, social_str_t start,
    social_str_t *common)
{
    social_str_t  last;

    last = social_s3_list_last(list);

    if (last.len) {

        if (list->skip && social_str_starts(start, last)) {
            return SOCIAL_S3_LIST_BEFORE;
        }

        if (social_s3_key_compare(start, last) < 0
            && !social_str_starts(last, start))
        {
            return SOCIAL_S3_LIST_BEFORE;
        }
    }

    if (!social_str_starts(start, list->prefix)) {

        if (social_str_starts(list->prefix, start)) {
            return SOCIAL_S3_LIST_WITHIN;
        }

        return social_s3_key_compare(start, list->prefix) < 0
               ? SOCIAL_S3_LIST_BEFORE : SOCIAL_S3_LIST_AFTER;
    }

    *common = social_s3_list_common(list, start);

    /* some of them may be before the place where the list is */

    if (common->len && social_s3_key_compare(start, last) > 0) {
        return SOCIAL_S3_LIST_PREFIX;
    }

    return SOCIAL_S3_LIST_WITHIN;
}


void
social_s3_list_take(social_s3_list_t *list, social_str_t key, bool is_prefix)
{
    memcpy(list->last, key.data, key.len);
    list->len = key.len;
    list->skip = is_prefix;
}


static social_str_t
social_s3_list_last(const social_s3_list_t *list)
{
    social_str_t  last;

    last.data = list->last;
    last.len = list->len;

    return last;
}


/*
 * A key's beginning, the prefix and what follows up to the delimiter, or an
 * empty view.
 */

static social_str_t
social_s3_list_common(const social_s3_list_t *list, social_str_t key)
{
    size_t        i;
    social_str_t  rest;

    rest.data = key.data;
    rest.len = 0;

    if (list->delimiter.len == 0 || !social_str_starts(key, list->prefix)) {
        return rest;
    }

    for (i = list->prefix.len; i < key.len; i++) {

        rest.data = key.data + i;
        rest.len = key.len - i;

        if (social_str_starts(rest, list->delimiter)) {
            rest.data = key.data;
            rest.len = i + list->delimiter.len;
            return rest;
        }
    }

    rest.len = 0;

    return rest;
}


size_t
social_s3_list_token(const social_s3_list_t *list, unsigned char *text)
{
    social_str_t   s;
    unsigned char  buf[1 + SOCIAL_OBJECT_MAX_KEY];

    buf[0] = list->skip ? 'p' : 'k';
    memcpy(buf + 1, list->last, list->len);

    s.data = buf;
    s.len = 1 + list->len;

    return social_base64_encode(s, text);
}


social_rc_e
social_s3_list_resume(social_s3_list_t *list, social_str_t token)
{
    size_t         n;
    unsigned char  buf[social_base64_decoded_size(SOCIAL_S3_LIST_TOKEN)];

    if (token.len > SOCIAL_S3_LIST_TOKEN
        || social_base64_decode(token, buf, &n) != SOCIAL_OK
        || n < 2 || n > 1 + sizeof(list->last)
        || (buf[0] != 'p' && buf[0] != 'k'))
    {
        return SOCIAL_MALFORMED;
    }

    list->skip = (buf[0] == 'p');
    list->len = n - 1;
    memcpy(list->last, buf + 1, list->len);

    return SOCIAL_OK;
}
