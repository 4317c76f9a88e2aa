
/*
 * What any client can send to the URLs that issuers are to send to: the form,
 * the arguments, and, of one who has a key, the payload of the token.
 */

#include "fuzz.h"
#include "social_logout_token.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t                  now;
    social_rc_e              rc;
    social_buf_t             work;
    social_str_t             text, token, iss, sid;
    unsigned char           *buf;
    social_json_t           *payload;
    social_logout_token_t    said;
    social_claims_policy_t   policy;
    social_token_status_e    status;

    static const social_str_t  clients[] = { social_string("web") };

    text = fuzz_copy(data, size);

    buf = malloc(size ? size * 6 : 1);
    FUZZ_CHECK(buf != NULL);

    social_buf_init(&work, buf, size * 3);
    status = social_logout_form(text, &work, &token);

    FUZZ_CHECK(status == SOCIAL_TOKEN_OK || status == SOCIAL_TOKEN_NONE
               || status == SOCIAL_TOKEN_SEVERAL
               || status == SOCIAL_TOKEN_MALFORMED);

    if (status == SOCIAL_TOKEN_OK) {
        FUZZ_CHECK(token.len != 0);
        fuzz_read(token);
    }

    social_buf_init(&work, buf, size * 6);
    rc = social_logout_args(text, &work, &iss, &sid);

    FUZZ_CHECK(rc == SOCIAL_OK || rc == SOCIAL_DECLINED
               || rc == SOCIAL_MALFORMED);

    if (rc == SOCIAL_OK) {
        FUZZ_CHECK(iss.len != 0 && sid.len != 0);
        fuzz_read(iss);
        fuzz_read(sid);
    }

    (void) social_logout_type_accepted(text);

    free(buf);

    if (social_json_parse(text, &payload) == SOCIAL_OK) {

        memset(&policy, 0, sizeof(social_claims_policy_t));
        policy.clients = clients;
        policy.client_count = 1;
        policy.leeway = 30;

        for (now = 0; now < 2000000000; now += 1700000000) {

            status = social_logout_token_check(payload, &policy, now, &said);

            if (status == SOCIAL_TOKEN_OK) {
                FUZZ_CHECK(said.subject.len + said.sid.len != 0);
                FUZZ_CHECK(said.issued <= now + policy.leeway);
                fuzz_read(said.subject);
                fuzz_read(said.sid);
            }
        }

        social_json_free(payload);
    }

    fuzz_free(text);

    return 0;
}
