
/*
 * The signature of a received request, before it is verified.  A part of the
 * verifier.
 */

#ifndef SOCIAL_SIGV4_AUTH_H
#define SOCIAL_SIGV4_AUTH_H


#include "social_sigv4_verify.h"


typedef struct {
    bool          presigned;
    social_str_t  access_key;
    social_str_t  date;               /* of the scope: 20130524 */
    social_str_t  region;
    social_str_t  service;
    social_str_t  signed_headers;     /* ascending, each once, lower case */
    social_str_t  signature;          /* 64 digits */
    social_str_t  time;               /* X-Amz-Date, unchecked */
    int64_t       expires;            /* presigned: 1 to a week */
    social_str_t  token;              /* may be empty */
    social_str_t  payload;            /* may be empty; unchecked */
} social_sigv4_auth_t;


/*
 * Reads the Authorization header, or the X-Amz-* parameters of "query", which
 * is request's.  SOCIAL_SIGV4_OK: "auth" has views of the request and of
 * "work"; else SOCIAL_SIGV4_ANONYMOUS, _DUPLICATE, _BOTH, _UNSUPPORTED,
 * _HEADER, _QUERY, _MISSING_HEADER or _MALFORMED, and "detail" may say what
 * it is about.
 */
social_sigv4_status_e social_sigv4_auth(
    const social_sigv4_request_t *request, const social_uri_query_t *query,
    social_buf_t *work, social_sigv4_auth_t *auth, social_str_t *detail);


#endif /* SOCIAL_SIGV4_AUTH_H */
