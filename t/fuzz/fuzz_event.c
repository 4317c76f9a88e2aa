
/*
 * Events of Cognito: what is read can be kept by PostgreSQL, what is refused is
 * named, and a response with claims is the same event but for "response".
 */

#include "fuzz.h"
#include "social_cognito_event.h"
#include "social_utf8.h"


static void
check_text(social_str_t s)
{
    fuzz_read(s);
    FUZZ_CHECK(s.len == 0 || memchr(s.data, '\0', s.len) == NULL);
    FUZZ_CHECK(social_utf8_valid(s));
}


/*
 * All members but "response" are the same, and are in the same order.
 */

static void
check_same(const social_json_t *a, const social_json_t *b)
{
    size_t                len;
    social_str_t          one, two;
    unsigned char        *x, *y;
    const social_json_t  *m, *n;

    n = NULL;

    for (m = social_json_next_member(a, NULL);
         m;
         m = social_json_next_member(a, m))
    {
        n = social_json_next_member(b, n);
        FUZZ_CHECK(n != NULL);

        one = (social_str_t) { m->name_len, m->name };
        two = (social_str_t) { n->name_len, n->name };
        FUZZ_CHECK(social_str_eq(one, two));

        if (social_str_eq(one, social_str("response"))) {
            FUZZ_CHECK(social_json_is_object(n));
            continue;
        }

        len = social_json_write(m, NULL, 0);
        FUZZ_CHECK(len == social_json_write(n, NULL, 0));

        x = malloc(len);
        y = malloc(len);
        FUZZ_CHECK(x != NULL && y != NULL);

        (void) social_json_write(m, x, len);
        (void) social_json_write(n, y, len);
        FUZZ_CHECK(memcmp(x, y, len) == 0);

        free(x);
        free(y);
    }

    n = social_json_next_member(b, n);

    FUZZ_CHECK(n == NULL
               || social_json_member(a, social_str("response")) == NULL);
}


static void
check_claims(const social_cognito_event_t *event, social_str_t text)
{
    size_t                i, len;
    social_str_t          out, s;
    unsigned char        *buf;
    social_json_t        *json;
    const social_json_t  *node;
    static const char    *v1[] = { "response", "claimsOverrideDetails",
                                   "claimsToAddOrOverride", "user_id", NULL };
    static const char    *v2[] = { "response",
                                   "claimsAndScopeOverrideDetails",
                                   "accessTokenGeneration",
                                   "claimsToAddOrOverride", "user_id", NULL };
    const char          **path;

    len = social_cognito_event_claims(event, text, social_str("id"),
                                      social_str("a b"), NULL, 0);
    buf = malloc(len);
    FUZZ_CHECK(buf != NULL);

    FUZZ_CHECK(social_cognito_event_claims(event, text, social_str("id"),
                                           social_str("a b"), buf, len)
               == len);

    out = (social_str_t) { len, buf };

    /* the depth may be too much now, but for nothing else is it refused */

    if (social_json_parse(out, &json) == SOCIAL_OK) {
        check_same(event->json, json);

        node = json;
        path = event->version == 1 ? v1 : v2;

        for (i = 0; path[i]; i++) {
            node = social_json_member(node, social_str(path[i]));
            FUZZ_CHECK(node != NULL);
        }

        FUZZ_CHECK(social_json_string(node, &s) == SOCIAL_OK);
        FUZZ_CHECK(social_str_eq(s, social_str("id")));

        social_json_free(json);
    }

    free(buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char              *field, *why;
    social_rc_e              rc;
    social_str_t             text;
    social_json_t           *json;
    social_cognito_event_t   event;

    text = fuzz_copy(data, size);

    rc = social_cognito_event_parse(text, &event, &field, &why);

    if (rc != SOCIAL_OK) {
        FUZZ_CHECK(rc == SOCIAL_MALFORMED);
        FUZZ_CHECK(event.json == NULL);
        FUZZ_CHECK(field[0] != '\0' && why[0] != '\0');
        FUZZ_CHECK(strpbrk(field, "\"\\<>") == NULL);

        fuzz_free(text);
        return 0;
    }

    check_text(event.user_pool);
    FUZZ_CHECK(event.user_pool.len != 0 && event.version <= 3);

    if (event.kind != SOCIAL_COGNITO_OTHER) {
        check_text(event.username);
        check_text(event.sub);
        check_text(event.email);
        check_text(event.email_verified);
        check_text(event.phone_number);
        check_text(event.phone_number_verified);
        check_text(event.name);
        check_text(event.handle);

        FUZZ_CHECK(event.username.len != 0);
        FUZZ_CHECK(event.sub.len != 0 || event.kind == SOCIAL_COGNITO_SIGN_UP);
        FUZZ_CHECK(event.name.len <= 4 * SOCIAL_COGNITO_EVENT_MAX_TEXT);
    }

    if (event.kind == SOCIAL_COGNITO_TOKEN) {
        check_claims(&event, text);
    }

    /* what is accepted is JSON of whichever reader */

    FUZZ_CHECK(social_json_parse(text, &json) == SOCIAL_OK);
    social_json_free(json);

    social_cognito_event_free(&event);
    fuzz_free(text);

    return 0;
}
