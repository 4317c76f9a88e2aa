
/*
 * The canonical form of a request: what a SigV4 signature is of.  Shared by
 * the signer and the verifier; callers outside of them have no use for it.
 */

#ifndef SOCIAL_SIGV4_CANONICAL_H
#define SOCIAL_SIGV4_CANONICAL_H


#include "social_sigv4.h"


typedef struct {
    size_t                 count;
    social_sigv4_header_t  items[SOCIAL_SIGV4_MAX_HEADERS];
} social_sigv4_headers_t;


/*
 * Checks the limits and the grammar of a request: a method, a path that
 * begins with "/", headers whose names are tokens and whose values have no
 * control characters.  SOCIAL_MALFORMED: it is not so.
 */
social_rc_e social_sigv4_check(const social_sigv4_request_t *request);

/*
 * Adds a header, its name in lower case in "b", behind those of a lesser or
 * the same name.  SOCIAL_MALFORMED, in b->rc: too many, or no room.
 */
void social_sigv4_headers_add(social_sigv4_headers_t *h, social_buf_t *b,
    const social_sigv4_header_t *header);

/*
 * The first header of that name (lower case), or NULL.
 */
const social_sigv4_header_t *social_sigv4_headers_find(
    const social_sigv4_headers_t *h, social_str_t name);

/*
 * Appends the names, sorted, each once, with ";" between.
 */
void social_sigv4_headers_names(social_buf_t *b,
    const social_sigv4_headers_t *h);

/*
 * Appends the canonical request.  "h" are the headers to be signed and
 * "names" their names, "query" the parameters, save X-Amz-Signature.  Errors
 * are in b->rc.
 */
void social_sigv4_canonical(social_buf_t *b,
    const social_sigv4_request_t *request, const social_uri_query_t *query,
    const social_sigv4_headers_t *h, social_str_t names,
    social_str_t payload);

/*
 * Appends "date/region/service/aws4_request", the scope of a key.
 */
void social_sigv4_scope(social_buf_t *b, social_str_t date,
    social_str_t region, social_str_t service);

/*
 * Appends the string to sign for a canonical request at "time"
 * ("20130524T000000Z") in that scope.  Errors are in b->rc.
 */
void social_sigv4_string(social_buf_t *b, social_str_t time,
    social_str_t region, social_str_t service, social_str_t canonical);


#endif /* SOCIAL_SIGV4_CANONICAL_H */
