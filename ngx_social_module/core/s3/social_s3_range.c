
/*
 * What a request asks of an S3: a range of an object.
 */

#include "social_s3_reader.h"


social_s3_range_e
social_s3_range_read(social_str_t range, int64_t size, int64_t *first,
    int64_t *end)
{
    size_t                     i;
    int64_t                    last;
    social_str_t               from, to;
    static const social_str_t  bytes = social_string("bytes=");

    range = social_str_trim(range);

    from = range;
    from.len = range.len < bytes.len ? range.len : bytes.len;

    if (!social_str_caseeq(from, bytes)) {
        return SOCIAL_S3_RANGE_WHOLE;
    }

    range.data += bytes.len;
    range.len -= bytes.len;
    range = social_str_trim(range);

    for (i = 0; i < range.len && range.data[i] != '-'; i++) { /* void */ }

    if (i == range.len) {
        return SOCIAL_S3_RANGE_WHOLE;
    }

    from = range;
    from.len = i;
    to.data = range.data + i + 1;
    to.len = range.len - i - 1;

    if (from.len == 0) {

        /* the last so many bytes */

        if (!social_s3_number(to, &last)) {
            return SOCIAL_S3_RANGE_WHOLE;
        }

        if (last == 0 || size == 0) {
            return SOCIAL_S3_RANGE_INVALID;
        }

        *first = last < size ? size - last : 0;
        *end = size;

        return SOCIAL_S3_RANGE_PART;
    }

    last = INT64_MAX - 1;

    if (!social_s3_number(from, first)
        || (to.len && !social_s3_number(to, &last)) || last < *first)
    {
        return SOCIAL_S3_RANGE_WHOLE;
    }

    if (*first >= size) {
        return SOCIAL_S3_RANGE_INVALID;
    }

    *end = last < size ? last + 1 : size;

    return SOCIAL_S3_RANGE_PART;
}
