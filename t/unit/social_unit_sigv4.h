
/*
 * Requests as text, and as the signer and the verifier take them.
 */

#ifndef SOCIAL_UNIT_SIGV4_H
#define SOCIAL_UNIT_SIGV4_H


#include "social_unit.h"
#include "social_sigv4.h"
#include "social_sigv4_verify.h"


#define UNIT_ACCESS_KEY  "AKIAIOSFODNN7EXAMPLE"
#define UNIT_SECRET      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


typedef struct {
    social_sigv4_request_t  request;
    social_sigv4_header_t   headers[SOCIAL_SIGV4_MAX_HEADERS + 4];
    social_str_t            body;
} unit_request_t;


static unsigned char  unit_work[SOCIAL_SIGV4_WORK_SIZE];
static unsigned char  unit_verify_work[SOCIAL_SIGV4_WORK_SIZE];


static inline void
unit_request_add(unit_request_t *r, social_str_t name, social_str_t value)
{
    r->headers[r->request.header_count].name = name;
    r->headers[r->request.header_count].value = value;
    r->request.header_count++;
    r->request.headers = r->headers;
}


/*
 * Takes the target apart at its "?".
 */
static inline void
unit_request_target(unit_request_t *r, social_str_t target)
{
    size_t  i;

    for (i = 0; i < target.len && target.data[i] != '?'; i++) { /* void */ }

    r->request.path.data = target.data;
    r->request.path.len = i;
    r->request.query.data = target.data + i;
    r->request.query.len = target.len - i;

    if (r->request.query.len) {
        r->request.query.data++;
        r->request.query.len--;
    }
}


/*
 * Reads a request out of "text", which it changes: folded lines are unfolded,
 * as an HTTP server would do.  Lines end with LF.
 */
static inline void
unit_request_parse(unit_request_t *r, unsigned char *text, size_t len)
{
    unsigned char  *p, *end, *line, *colon;
    social_str_t    target, name, value;

    memset(r, 0, sizeof(unit_request_t));
    end = text + len;

    for (p = text; p + 1 < end && !(p[0] == '\n' && p[1] == '\n'); p++) {
        if (p[0] == '\n' && (p[1] == ' ' || p[1] == '\t')) {
            p[0] = ' ';
        }
    }

    p = memchr(text, ' ', len);
    assert_non_null(p);

    r->request.method.data = text;
    r->request.method.len = (size_t) (p - text);

    line = memchr(text, '\n', len);
    line = line ? line : end;
    target.data = p + 1;
    target.len = (size_t) (line - p - 1);
    assert_true(target.len > 9);
    target.len -= strlen(" HTTP/1.1");

    unit_request_target(r, target);

    while (line < end) {

        line++;
        p = memchr(line, '\n', (size_t) (end - line));
        p = p ? p : end;

        if (p == line) {
            r->body.data = line + 1;
            r->body.len = (line < end) ? (size_t) (end - line - 1) : 0;
            break;
        }

        colon = memchr(line, ':', (size_t) (p - line));
        assert_non_null(colon);

        name.data = line;
        name.len = (size_t) (colon - line);
        value.data = colon + 1;
        value.len = (size_t) (p - colon - 1);
        unit_request_add(r, name, value);

        line = p;
    }

    r->request.headers = r->headers;
}


/*
 * What a client that has signed its headers sends.
 */
static inline void
unit_request_signed(unit_request_t *r, const social_sigv4_signed_t *made)
{
    unit_request_add(r, S("Authorization"), made->authorization);
    unit_request_add(r, S("X-Amz-Date"), made->date);

    if (made->payload.len) {
        unit_request_add(r, S("X-Amz-Content-Sha256"), made->payload);
    }

    if (made->token.len) {
        unit_request_add(r, S("X-Amz-Security-Token"), made->token);
    }
}


static inline social_sigv4_status_e
unit_verify(const social_credentials_t *credentials,
    const social_sigv4_scope_t *scope, const social_sigv4_request_t *request,
    int64_t now, social_sigv4_verified_t *out)
{
    social_buf_t           work;
    social_sigv4_known_t   known;
    social_sigv4_policy_t  policy;

    memset(&known, 0, sizeof(known));
    known.access_key = credentials->access_key;
    known.secrets[0] = credentials->secret;
    known.token = credentials->token;

    policy.region = scope->region;
    policy.service = scope->service;
    policy.known = &known;
    policy.known_count = 1;

    social_buf_init(&work, unit_verify_work, sizeof(unit_verify_work));

    return social_sigv4_verify(&policy, request, now, &work, out);
}


#endif /* SOCIAL_UNIT_SIGV4_H */
