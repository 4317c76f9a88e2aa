
/*
 * The reader of requests: what its files have in common.
 */

#include "social_s3_reader.h"
#include "social_time.h"


social_s3_error_e
social_s3_fail(social_s3_reader_t *reader, social_s3_error_e error,
    const char *message, const char *name, social_str_t value)
{
    if (message) {
        reader->out->message = social_str(message);
    }

    reader->out->detail_name = social_str(name);
    reader->out->detail = value;

    return error;
}


int64_t
social_s3_date(social_str_t value)
{
    int64_t  t;

    return social_time_http_parse(value, &t) == SOCIAL_OK ? t
                                                          : SOCIAL_S3_NO_TIME;
}


bool
social_s3_number(social_str_t s, int64_t *n)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        if (*n > (INT64_MAX - 10) / 10) {
            *n = INT64_MAX - 1;

        } else {
            *n = *n * 10 + (s.data[i] - '0');
        }
    }

    return s.len != 0;
}
