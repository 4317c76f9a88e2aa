
/*
 * Shared files of AWS, and the responses of the services that give credentials:
 * whatever they say, what comes out can be sent in a header.
 */

#include "fuzz.h"
#include "social_credentials_reply.h"
#include "social_credentials_request.h"
#include "social_time.h"


static void
check(const social_credentials_t *c, social_str_t whole)
{
    FUZZ_CHECK(social_credentials_check(c) == NULL);
    FUZZ_CHECK(c->token.len != 0 && c->expires > 0);
    FUZZ_CHECK(fuzz_within(c->access_key, whole));
    FUZZ_CHECK(fuzz_within(c->secret, whole));
    FUZZ_CHECK(fuzz_within(c->token, whole));
    FUZZ_CHECK(social_credentials_refresh(c, 0) >= 1);

    fuzz_read(c->access_key);
    fuzz_read(c->secret);
    fuzz_read(c->token);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                            i;
    int64_t                        t;
    social_str_t                   text, code;
    social_credentials_t           c;
    social_credentials_profile_t   p, other;

    text = fuzz_copy(data, size);

    for (i = 0; i < 2; i++) {
        social_credentials_profile_read(text, social_str("a"), i == 1, &other);
        social_credentials_profile_read(text, social_str("default"), i == 1,
                                        &p);
        social_credentials_profile_merge(&p, &other);

        fuzz_read(p.keys.access_key);
        fuzz_read(p.keys.secret);
        fuzz_read(p.role);
        fuzz_read(p.token_file);
        fuzz_read(p.unsupported);
    }

    if (social_credentials_read_xml(text, &c) == SOCIAL_OK) {
        check(&c, text);
    }

    if (social_credentials_read_role(text, &code)) {
        FUZZ_CHECK(code.len >= 1 && code.len <= SOCIAL_CREDENTIALS_MAX_ROLE);
        FUZZ_CHECK(memchr(code.data, '/', code.len) == NULL);
    }

    (void) social_time_iso_parse(text, &t);

    if (social_credentials_check_container(text) == NULL) {
        FUZZ_CHECK(social_str_starts(text, social_str("https://"))
                   || social_str_starts(text, social_str("http://localhost"))
                   || social_str_starts(text, social_str("http://127."))
                   || social_str_starts(text, social_str("http://["))
                   || social_str_starts(text, social_str("http://169.254.170."
                                                         "2")));
    }

    if (social_credentials_check_token(text) == NULL) {
        FUZZ_CHECK(memchr(text.data, '\n', text.len) == NULL);
        FUZZ_CHECK(memchr(text.data, '\r', text.len) == NULL);
    }

    /* this one is written over */

    switch (social_credentials_read_json((unsigned char *) (uintptr_t)
                                         text.data, text.len, &c, &code))
    {
    case SOCIAL_OK:
        check(&c, text);
        break;

    case SOCIAL_FAILED:
        FUZZ_CHECK(0);
        break;

    default:
        FUZZ_CHECK(c.access_key.len == 0 && c.token.len == 0);
        FUZZ_CHECK(code.len <= SOCIAL_CREDENTIALS_MAX_CODE);
        fuzz_read(code);
    }

    fuzz_free(text);

    return 0;
}
