
/*
 * Requests to an S3, for the unit tests of their reader.
 */

#ifndef SOCIAL_UNIT_S3_H
#define SOCIAL_UNIT_S3_H


#include "social_s3_request.h"


typedef struct {
    social_s3_place_t      place;
    social_s3_request_t    request;
    social_sigv4_header_t  headers[SOCIAL_SIGV4_MAX_HEADERS];
    social_s3_operation_t  op;
    unsigned char          work[SOCIAL_S3_REQUEST_SIZE];
} unit_s3_t;


static unit_s3_t  u;


/* "a: b" for each header */

static social_s3_error_e
ask(const char *method, const char *target, const char *const *headers)
{
    char          *colon;
    const char    *query;
    social_buf_t   b;

    memset(&u.request, 0, sizeof(u.request));
    query = strchr(target, '?');

    u.request.method = social_str(method);
    u.request.path = social_str(target);

    if (query) {
        u.request.path.len = (size_t) (query - target);
        u.request.query = social_str(query + 1);
    }

    u.request.headers = u.headers;
    u.headers[0].name = S("Host");
    u.headers[0].value = S("localhost:9000");
    u.request.header_count = 1;

    for ( /* void */ ; headers && *headers; headers++) {

        colon = strchr(*headers, ':');
        assert_non_null(colon);

        u.headers[u.request.header_count].name = social_str(*headers);
        u.headers[u.request.header_count].name.len =
            (size_t) (colon - *headers);
        u.headers[u.request.header_count].value = social_str(colon + 1);
        u.request.header_count++;
    }

    social_buf_init(&b, u.work, sizeof(u.work));

    return social_s3_request_read(&u.place, &u.request, &b, &u.op);
}

#define ask_with(method, target, ...)                                         \
    ask(method, target, (const char *const []) { __VA_ARGS__, NULL })


static int
setup(void **state)
{
    (void) state;

    memset(&u, 0, sizeof(u));
    u.place.prefix = S("/o/");
    u.place.bucket = S("raw");
    u.place.endpoints[0] = S("objects.example.com");
    u.place.endpoints[1] = S("localhost");

    return 0;
}


#endif /* SOCIAL_UNIT_S3_H */
