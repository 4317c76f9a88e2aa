
/*
 * Tokens that RDS and Aurora accept as a password.
 */

#include <string.h>

#include "social_rds.h"


bool
social_rds_region(social_str_t host, social_str_t *region)
{
    size_t        i, n;
    social_str_t  rest, label, before[2];

    static const social_str_t  suffixes[] = {
        social_string(".rds.amazonaws.com"),
        social_string(".rds.amazonaws.com.cn")
    };

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {

        if (host.len <= suffixes[i].len) {
            continue;
        }

        rest.data = host.data + host.len - suffixes[i].len;
        rest.len = suffixes[i].len;

        if (social_str_caseeq(rest, suffixes[i])) {
            break;
        }
    }

    if (i == sizeof(suffixes) / sizeof(suffixes[0])) {
        return false;
    }

    rest.data = host.data;
    rest.len = host.len - suffixes[i].len;
    n = 0;

    memset(before, 0, sizeof(before));

    while (social_str_next(&rest, ".", &label)) {
        before[0] = before[1];
        before[1] = label;
        n++;
    }

    /* the instance, the account, the region */

    if (n < 3) {
        return false;
    }

    *region = before[1];

    return true;
}


social_rc_e
social_rds_token(const social_credentials_t *credentials, social_str_t region,
    social_str_t host, social_str_t port, social_str_t user, int64_t now,
    social_buf_t *work, social_str_t *token)
{
    size_t                  mark;
    social_rc_e             rc;
    social_sigv4_scope_t    scope;
    social_sigv4_header_t   header;
    social_sigv4_signed_t   made;
    social_sigv4_request_t  request;

    if (region.len == 0 || host.len == 0 || port.len == 0 || user.len == 0) {
        return SOCIAL_MALFORMED;
    }

    memset(&request, 0, sizeof(request));

    mark = work->len;
    social_buf_put(work, host);
    social_buf_byte(work, ':');
    social_buf_put(work, port);

    header.name = social_str("host");
    header.value = social_buf_since(work, mark);

    mark = work->len;
    social_buf_text(work, "Action=connect&DBUser=");
    social_uri_encode(work, user, 0);

    request.query = social_buf_since(work, mark);

    if (work->rc != SOCIAL_OK) {
        return work->rc;
    }

    request.mode = SOCIAL_SIGV4_PLAIN;
    request.method = social_str("GET");
    request.path = social_str("/");
    request.headers = &header;
    request.header_count = 1;
    request.payload = social_sigv4_empty_payload;

    scope.region = region;
    scope.service = social_str("rds-db");
    scope.now = now;
    scope.key = NULL;

    rc = social_sigv4_sign_query(credentials, &scope, &request,
                                 SOCIAL_RDS_EXPIRES, work, &made);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_buf_put(work, header.value);
    social_buf_text(work, "/?");
    social_buf_put(work, made.query);
    *token = social_buf_since(work, mark);

    return work->rc;
}
