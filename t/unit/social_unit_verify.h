
/*
 * A request that is signed in one way or the other, and verified.
 */

#ifndef SOCIAL_UNIT_VERIFY_H
#define SOCIAL_UNIT_VERIFY_H


#include "social_unit_sigv4.h"


#define NOW  1767225600        /* 20260101T000000Z */
#define EMPTY                                                                 \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


typedef struct {
    unit_request_t              r;
    social_sigv4_known_t        known[2];
    social_sigv4_policy_t       policy;
    int64_t                     now;
    social_sigv4_verified_t     verified;

    /* how it is signed */
    social_credentials_t  credentials;
    social_sigv4_scope_t        scope;
    int64_t                     expires;
} verify_t;


static inline void
start(verify_t *v)
{
    memset(v, 0, sizeof(verify_t));

    v->r.request.method = S("PUT");
    unit_request_target(&v->r, S("/bucket/a%20b/%C3%A9.jpg?x-id=P&tag=a%2Fb"));
    unit_request_add(&v->r, S("Host"), S("localhost:9000"));
    unit_request_add(&v->r, S("Content-Type"), S("image/jpeg"));
    unit_request_add(&v->r, S("x-amz-meta-k"), S("v  w"));

    v->credentials.access_key = S(UNIT_ACCESS_KEY);
    v->credentials.secret = S(UNIT_SECRET);
    v->scope.region = S("us-east-1");
    v->scope.service = S("s3");
    v->scope.now = NOW;
    v->expires = 300;
    v->now = NOW;

    v->known[0].access_key = S("other");
    v->known[0].secrets[0] = S("other");
    v->known[1].access_key = S(UNIT_ACCESS_KEY);
    v->known[1].secrets[0] = S(UNIT_SECRET);
    v->policy.region = S("us-east-1");
    v->policy.service = S("s3");
    v->policy.known = v->known;
    v->policy.known_count = 2;
}


static inline void
sign_headers(verify_t *v)
{
    social_buf_t           work;
    social_sigv4_signed_t  made;

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_headers(&v->credentials, &v->scope,
                         &v->r.request, &work, &made), SOCIAL_OK);
    unit_request_signed(&v->r, &made);
}


static inline void
sign_query(verify_t *v)
{
    social_buf_t           work;
    social_sigv4_signed_t  made;

    social_buf_init(&work, unit_work, sizeof(unit_work));
    assert_int_equal(social_sigv4_sign_query(&v->credentials, &v->scope,
                         &v->r.request, v->expires, &work, &made), SOCIAL_OK);
    v->r.request.query = made.query;
}


static inline social_sigv4_status_e
verify(verify_t *v)
{
    social_buf_t  work;

    social_buf_init(&work, unit_verify_work, sizeof(unit_verify_work));

    return social_sigv4_verify(&v->policy, &v->r.request, v->now, &work,
                               &v->verified);
}


/* signed with headers, and in the query; "before" and "after" signing */

#define both(before, after, with_headers, in_query)                           \
    do {                                                                      \
        start(&v);                                                            \
        before;                                                               \
        sign_headers(&v);                                                     \
        after;                                                                \
        assert_int_equal(verify(&v), with_headers);                           \
        start(&v);                                                            \
        before;                                                               \
        sign_query(&v);                                                       \
        after;                                                                \
        assert_int_equal(verify(&v), in_query);                               \
    } while (0)

#define none  (void) 0


static inline void
set(verify_t *v, const char *name, social_str_t value)
{
    size_t  i;

    for (i = 0; i < v->r.request.header_count; i++) {
        if (social_str_caseeq(v->r.headers[i].name, social_str(name))) {
            v->r.headers[i].value = value;
            return;
        }
    }

    fail();
}


static inline void
drop(verify_t *v, const char *name)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < v->r.request.header_count; i++) {
        if (!social_str_caseeq(v->r.headers[i].name, social_str(name))) {
            v->r.headers[n++] = v->r.headers[i];
        }
    }

    v->r.request.header_count = n;
}


#endif /* SOCIAL_UNIT_VERIFY_H */
