
/*
 * The session that a token belongs to.
 */

#include <string.h>

#include "social_buf.h"
#include "social_crypto.h"
#include "social_session.h"


#define SOCIAL_SESSION_CLOCKS  60
#define SOCIAL_SESSION_LAST    INT64_C(253402300799)

/* "iat:" or "exp:", a number up to 2^53, ":" */
#define SOCIAL_SESSION_PREFIX  32


typedef struct {
    social_session_kind_e   kind;
    unsigned char           data[SOCIAL_SESSION_PREFIX];
    social_buf_t            prefix;           /* in "data" */
    social_str_t            value;
} social_session_t;


static social_rc_e social_session_digest(social_str_t issuer,
    social_str_t prefix, social_str_t value,
    unsigned char id[SOCIAL_SESSION_ID_SIZE]);
static bool social_session_of(const social_json_t *payload,
    social_session_t *session);
static bool social_session_text(const social_json_t *payload,
    const char *name, social_str_t *value);


social_rc_e
social_session_id(social_str_t issuer, const social_json_t *payload,
    unsigned char id[SOCIAL_SESSION_ID_SIZE], social_session_kind_e *kind)
{
    social_session_t   session;

    if (!social_session_of(payload, &session)) {
        return SOCIAL_MALFORMED;
    }

    *kind = session.kind;

    return social_session_digest(issuer, social_buf_since(&session.prefix, 0),
                                 session.value, id);
}


social_rc_e
social_session_subject(social_str_t issuer, social_str_t subject,
    unsigned char id[SOCIAL_SESSION_ID_SIZE])
{
    return social_session_digest(issuer, social_str("sub:"), subject, id);
}


static social_rc_e
social_session_digest(social_str_t issuer, social_str_t prefix,
    social_str_t value, unsigned char id[SOCIAL_SESSION_ID_SIZE])
{
    social_rc_e        rc;
    unsigned char      digest[SOCIAL_SHA256_SIZE];
    unsigned char      data[SOCIAL_SESSION_PREFIX];
    social_buf_t       head;
    social_sha256_t   *h;

    h = social_sha256_create();
    if (h == NULL) {
        return SOCIAL_FAILED;
    }

    social_buf_init(&head, data, sizeof(data));
    social_buf_text(&head, "v1:");
    social_buf_number(&head, issuer.len);
    social_buf_byte(&head, ':');

    /* errors are returned by the last call */

    (void) social_sha256_update(h, social_buf_since(&head, 0));
    (void) social_sha256_update(h, issuer);
    (void) social_sha256_update(h, social_str(":"));
    (void) social_sha256_update(h, prefix);
    (void) social_sha256_update(h, value);

    rc = social_sha256_final(h, digest);

    social_sha256_destroy(h);

    if (rc != SOCIAL_OK) {
        return SOCIAL_FAILED;
    }

    memcpy(id, digest, SOCIAL_SESSION_ID_SIZE);

    return SOCIAL_OK;
}


size_t
social_session_write(const social_json_t *payload,
    social_session_kind_e *kind, unsigned char *buf, size_t size)
{
    size_t             n;
    social_str_t       prefix;
    social_session_t   session;

    if (!social_session_of(payload, &session)) {
        return 0;
    }

    *kind = session.kind;
    prefix = social_buf_since(&session.prefix, 0);

    n = prefix.len < size ? prefix.len : size;

    if (n) {
        memcpy(buf, prefix.data, n);
        buf += n;
        size -= n;
    }

    n = session.value.len < size ? session.value.len : size;

    if (n) {
        memcpy(buf, session.value.data, n);
    }

    return prefix.len + session.value.len;
}


int64_t
social_session_until(social_session_kind_e kind, int64_t now,
    int64_t retention, int64_t expires, int64_t leeway)
{
    int64_t  until;

    /* "exp" is no more than 2^53, so that nothing overflows */

    until = expires + leeway;

    if (kind == SOCIAL_SESSION_ORIGIN && until < now + retention) {
        until = now + retention;
    }

    until += SOCIAL_SESSION_CLOCKS;

    return until < SOCIAL_SESSION_LAST ? until : SOCIAL_SESSION_LAST;
}


static bool
social_session_of(const social_json_t *payload, social_session_t *session)
{
    int64_t                    seconds;
    social_buf_t              *prefix;
    static const social_str_t  iat = social_string("iat");
    static const social_str_t  exp = social_string("exp");

    prefix = &session->prefix;

    social_buf_init(prefix, session->data, sizeof(session->data));

    if (social_session_text(payload, "origin_jti", &session->value)) {
        session->kind = SOCIAL_SESSION_ORIGIN;
        social_buf_text(prefix, "origin_jti:");
        return true;
    }

    if (social_session_text(payload, "jti", &session->value)) {
        session->kind = SOCIAL_SESSION_JTI;
        social_buf_text(prefix, "jti:");
        return true;
    }

    /* a client that acts for itself may have no subject */

    if (!social_session_text(payload, "sub", &session->value)) {
        session->value = social_str("");
    }

    /* "iat" need not be there (RFC 7519, 4.1.6) */

    if (social_json_time(social_json_present(payload, iat), &seconds)
        == SOCIAL_OK)
    {
        session->kind = SOCIAL_SESSION_ISSUED;
        social_buf_text(prefix, "iat:");

    } else if (social_json_time(social_json_present(payload, exp), &seconds)
               == SOCIAL_OK)
    {
        session->kind = SOCIAL_SESSION_EXPIRES;
        social_buf_text(prefix, "exp:");

    } else {
        return false;
    }

    social_buf_number(prefix, (uint64_t) seconds);
    social_buf_byte(prefix, ':');

    return true;
}


static bool
social_session_text(const social_json_t *payload, const char *name,
    social_str_t *value)
{
    return social_json_string(social_json_present(payload, social_str(name)),
                              value)
           == SOCIAL_OK
           && value->len != 0;
}
