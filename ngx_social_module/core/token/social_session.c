
/*
 * The sessions that a token belongs to.
 */

#include <string.h>

#include "social_buf.h"
#include "social_crypto.h"
#include "social_session.h"


#define SOCIAL_SESSION_CLOCKS  60
#define SOCIAL_SESSION_LAST    INT64_C(253402300799)

/* "iat:" or "exp:", a number up to 2^53, ":" */
#define SOCIAL_SESSION_PREFIX  32

_Static_assert(SOCIAL_SESSION_IDS + 1 == SOCIAL_REVOCATIONS_MARKS,
               "a mark for each of them, and one for the subject");


typedef struct {
    unsigned char           data[SOCIAL_SESSION_PREFIX];
    social_buf_t            prefix;           /* in "data" */
    social_str_t            value;
} social_session_name_t;


static social_rc_e social_session_digest(social_str_t issuer,
    social_str_t prefix, social_str_t value,
    unsigned char id[SOCIAL_SESSION_ID_SIZE]);
static bool social_session_name(social_str_t subject,
    const social_json_t *payload, social_session_kind_e kind,
    social_session_name_t *name);
static bool social_session_text(const social_json_t *payload,
    social_str_t name, social_str_t *value);
static bool social_session_time(const social_json_t *payload,
    const char *name, int64_t *seconds);


static const social_str_t  social_session_claims[] = {
    [SOCIAL_SESSION_ORIGIN] = social_string("origin_jti"),
    [SOCIAL_SESSION_SID] = social_string("sid"),
    [SOCIAL_SESSION_JTI] = social_string("jti")
};


social_rc_e
social_session_read(social_str_t issuer, social_str_t subject,
    const social_json_t *payload, social_session_t *session)
{
    unsigned               kind;
    social_session_name_t  name;

    memset(session, 0, sizeof(social_session_t));

    for (kind = SOCIAL_SESSION_ORIGIN; kind <= SOCIAL_SESSION_EXPIRES; kind++)
    {
        if (!social_session_name(subject, payload,
                                 (social_session_kind_e) kind, &name))
        {
            continue;
        }

        session->kinds[session->n] = (social_session_kind_e) kind;

        if (social_session_digest(issuer, social_buf_since(&name.prefix, 0),
                                  name.value, session->ids[session->n])
            != SOCIAL_OK)
        {
            return SOCIAL_FAILED;
        }

        session->n++;
    }

    if (subject.len) {

        if (social_session_subject(issuer, subject, session->subject)
            != SOCIAL_OK)
        {
            return SOCIAL_FAILED;
        }

        session->has_subject = true;
    }

    session->has_began =
                   social_session_time(payload, "auth_time", &session->began)
                   || social_session_time(payload, "iat", &session->began);

    return SOCIAL_OK;
}


size_t
social_session_ends(const social_session_t *session, bool *lasts)
{
    size_t  n;

    for (n = 0; n < session->n; n++) {
        if (session->kinds[n] > SOCIAL_SESSION_SID) {
            break;
        }
    }

    *lasts = (n != 0);

    return n ? n : session->n;
}


/*
 * What began in the same second as it was ended is ended: nothing says which
 * of the two came first.  So is what does not say when it began.
 */

bool
social_session_revoked(const social_session_t *session,
    const social_revocations_t *set, int64_t now)
{
    size_t   i;
    int64_t  before;

    for (i = 0; i < session->n; i++) {
        if (social_revocations_has(set, session->ids[i], now)) {
            return true;
        }
    }

    return session->has_subject
           && social_revocations_subject(set, session->subject, now, &before)
           && (!session->has_began || session->began <= before);
}


void
social_session_marks(const social_session_t *session,
    uint32_t marks[SOCIAL_REVOCATIONS_MARKS])
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < session->n; i++) {
        marks[n++] = social_revocations_mark(session->ids[i]);
    }

    if (session->has_subject) {
        marks[n++] = social_revocations_mark(session->subject);
    }

    /* without any, one that finds another's at times, which does no harm */

    for ( /* void */ ; n < SOCIAL_REVOCATIONS_MARKS; n++) {
        marks[n] = n ? marks[n - 1] : 0;
    }
}


social_rc_e
social_session_id(social_str_t issuer, social_session_kind_e kind,
    social_str_t value, unsigned char id[SOCIAL_SESSION_ID_SIZE])
{
    unsigned char  data[SOCIAL_SESSION_PREFIX];
    social_buf_t   prefix;

    social_buf_init(&prefix, data, sizeof(data));
    social_buf_put(&prefix, social_session_claims[kind]);
    social_buf_byte(&prefix, ':');

    return social_session_digest(issuer, social_buf_since(&prefix, 0), value,
                                 id);
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
social_session_write(social_str_t subject, const social_json_t *payload,
    social_session_kind_e kind, unsigned char *buf, size_t size)
{
    size_t                 n;
    social_str_t           prefix;
    social_session_name_t  name;

    if (!social_session_name(subject, payload, kind, &name)) {
        return 0;
    }

    prefix = social_buf_since(&name.prefix, 0);

    n = prefix.len < size ? prefix.len : size;

    if (n) {
        memcpy(buf, prefix.data, n);
        buf += n;
        size -= n;
    }

    n = name.value.len < size ? name.value.len : size;

    if (n) {
        memcpy(buf, name.value.data, n);
    }

    return prefix.len + name.value.len;
}


int64_t
social_session_until(social_session_kind_e kind, int64_t now,
    int64_t retention, int64_t expires, int64_t leeway)
{
    int64_t  until;

    /* "exp" is no more than 2^53, so that nothing overflows */

    until = expires + leeway;

    if (kind <= SOCIAL_SESSION_SID && until < now + retention) {
        until = now + retention;
    }

    until += SOCIAL_SESSION_CLOCKS;

    return until < SOCIAL_SESSION_LAST ? until : SOCIAL_SESSION_LAST;
}


/*
 * "iat" need not be there (RFC 7519, 4.1.6).
 */

static bool
social_session_name(social_str_t subject, const social_json_t *payload,
    social_session_kind_e kind, social_session_name_t *name)
{
    int64_t        seconds;
    social_str_t   other;
    social_buf_t  *prefix;

    prefix = &name->prefix;

    social_buf_init(prefix, name->data, sizeof(name->data));

    if (kind <= SOCIAL_SESSION_JTI) {
        social_buf_put(prefix, social_session_claims[kind]);
        social_buf_byte(prefix, ':');

        return social_session_text(payload, social_session_claims[kind],
                                   &name->value);
    }

    if (subject.len == 0
        || social_session_text(payload,
                               social_session_claims[SOCIAL_SESSION_ORIGIN],
                               &other)
        || social_session_text(payload,
                               social_session_claims[SOCIAL_SESSION_JTI],
                               &other))
    {
        return false;
    }

    if (social_session_time(payload, "iat", &seconds)) {

        if (kind != SOCIAL_SESSION_ISSUED) {
            return false;
        }

        social_buf_text(prefix, "iat:");

    } else {

        if (kind != SOCIAL_SESSION_EXPIRES
            || !social_session_time(payload, "exp", &seconds))
        {
            return false;
        }

        social_buf_text(prefix, "exp:");
    }

    social_buf_number(prefix, (uint64_t) seconds);
    social_buf_byte(prefix, ':');

    name->value = subject;

    return true;
}


static bool
social_session_text(const social_json_t *payload, social_str_t name,
    social_str_t *value)
{
    return social_json_string(social_json_present(payload, name), value)
           == SOCIAL_OK
           && value->len != 0;
}


static bool
social_session_time(const social_json_t *payload, const char *name,
    int64_t *seconds)
{
    return social_json_time(social_json_present(payload, social_str(name)),
                            seconds)
           == SOCIAL_OK;
}
