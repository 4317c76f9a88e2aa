
/*
 * Payloads of tokens whose signature is good: every user chooses parts of them.
 */

#include "fuzz.h"
#include "social_claims.h"


static void fuzz_check(const social_json_t *payload);
static void fuzz_write(const social_json_t *claim);
static void fuzz_list(const social_json_t *payload,
    const social_claim_path_t *path, unsigned char separator);
static void fuzz_path(const social_json_t *payload, social_str_t text);
static void fuzz_json(const social_json_t *payload);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t           i;
    social_rc_e      rc;
    social_str_t     text;
    unsigned char   *end, *buf;
    social_json_t   *payload;

    static const social_str_t  names[] = {
        social_string("sub"), social_string("scope"), social_string("aud"),
        social_string("cognito:groups"), social_string("a"),
        social_string("exp"), social_string("a.b"), social_string("/a/b"),
        social_string("realm_access.roles"), social_string("/a~1b/~0")
    };

    text = fuzz_copy(data, size);

    buf = malloc(size ? size * 6 : 1);
    FUZZ_CHECK(buf != NULL);

    end = social_json_escape(buf, text);
    FUZZ_CHECK((size_t) (end - buf) <= size * 6);

    for (i = 0; buf + i < end; i++) {
        FUZZ_CHECK(buf[i] >= 0x20 && buf[i] != 0x7f);
    }

    free(buf);

    rc = social_json_parse(text, &payload);

    FUZZ_CHECK(rc == SOCIAL_OK || rc == SOCIAL_MALFORMED);
    FUZZ_CHECK((rc == SOCIAL_OK) == (payload != NULL));

    if (payload != NULL) {
        fuzz_check(payload);
        fuzz_json(payload);
        fuzz_write(payload);

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            fuzz_path(payload, names[i]);
            fuzz_write(social_claim_find_folded(payload, names[i]));
        }

        /* and whatever stands in the document itself */

        fuzz_path(payload, text);
        fuzz_write(social_claim_find_folded(payload, text));

        social_json_free(payload);
    }

    fuzz_free(text);

    return 0;
}


static void
fuzz_check(const social_json_t *payload)
{
    int                     use;
    size_t                  i;
    int64_t                 now;
    social_claims_t         claims;
    social_claims_policy_t  policy;
    social_token_status_e   status;

    static const social_str_t  clients[] = { social_string("c") };

    static const social_claim_path_t  paths[] = {
        social_claim_path("a"), social_claim_path("exp")
    };

    memset(&policy, 0, sizeof(social_claims_policy_t));
    policy.leeway = 30;

    for (use = SOCIAL_TOKEN_USE_ACCESS; use <= SOCIAL_TOKEN_USE_ANY; use++) {

        policy.token_use = (social_token_use_e) use;
        policy.clients = clients;
        policy.audiences = clients;
        policy.client_count = (size_t) use & 1;
        policy.audience_count = (size_t) use >> 1;
        policy.subject = use ? &paths[0] : NULL;
        policy.username = use ? &paths[use & 1] : NULL;
        policy.client = use == SOCIAL_TOKEN_USE_ANY ? &paths[0] : NULL;

        for (now = 0; now < 2000000000; now += 1700000000) {

            status = social_claims_check(payload, &policy, now, &claims);

            if (status != SOCIAL_TOKEN_OK) {
                FUZZ_CHECK(status >= SOCIAL_TOKEN_CLAIMS
                           && status <= SOCIAL_TOKEN_AUDIENCE);
                continue;
            }

            FUZZ_CHECK(now < claims.expires + policy.leeway);
            FUZZ_CHECK(claims.expires >= 0);

            fuzz_read(claims.subject);
            fuzz_write(social_claims_client(payload, &policy));
            fuzz_read(claims.username);

            for (i = 0; i < claims.subject.len; i++) {
                FUZZ_CHECK(claims.subject.data[i] >= 0x20
                           && claims.subject.data[i] != 0x7f);
            }
        }
    }
}


/*
 * However small the room, the length is the same, and what is written is
 * printable ASCII, so that no claim ends a header.
 */

static void
fuzz_write(const social_json_t *claim)
{
    size_t          i, len, size;
    unsigned char  *buf;

    len = social_claims_write(claim, ',', NULL, 0);

    for (size = 0; size <= len; size = size < len / 2 ? len / 2 : size + 1) {

        buf = malloc(size ? size : 1);
        FUZZ_CHECK(buf != NULL);
        FUZZ_CHECK(social_claims_write(claim, ',', buf, size) == len);

        for (i = 0; size == len && i < len; i++) {
            FUZZ_CHECK(buf[i] >= 0x20 && buf[i] < 0x7f);
        }

        if (size == len && len) {
            FUZZ_CHECK(buf[0] != ' ' && buf[len - 1] != ' ');
        }

        free(buf);

        /* the last few sizes are the ones with edges */

        if (size > 0 && size + 16 < len) {
            size = len - 16;
        }
    }
}


/*
 * A claim by any text that is a path, as of each kind.
 */

static void
fuzz_path(const social_json_t *payload, social_str_t text)
{
    int                   kind;
    const char           *why;
    unsigned char        *buf;
    social_claim_path_t   path;

    buf = malloc(text.len ? text.len : 1);
    FUZZ_CHECK(buf != NULL);

    for (kind = SOCIAL_CLAIM_TEXT; kind <= SOCIAL_CLAIM_NAMES; kind++) {

        why = NULL;

        if (social_claim_path_parse(text, (social_claim_kind_e) kind, buf,
                                    &path, &why)
            != SOCIAL_OK)
        {
            FUZZ_CHECK(why != NULL);
            continue;
        }

        FUZZ_CHECK(path.count <= SOCIAL_CLAIM_PATH_DEPTH);
        FUZZ_CHECK(social_claim_path_eq(&path, &path));

        fuzz_write(social_claim_find(payload, &path));
        fuzz_list(payload, &path, ',');
        fuzz_list(payload, &path, ' ');
        (void) social_claims_match(payload, &path, text);
        (void) social_claims_holds(payload, &path, text);
    }

    free(buf);
}


/*
 * There are as many items as values, each of them is one that is found, and
 * none has a byte in it that ends another.
 */

static void
fuzz_list(const social_json_t *payload, const social_claim_path_t *path,
    unsigned char separator)
{
    size_t                   i, len, count, separators;
    social_str_t             value;
    unsigned char           *buf;
    social_claims_values_t   values;

    count = 0;
    social_claims_values(payload, path, &values);

    while (social_claims_next(&values, &value)) {
        fuzz_read(value);
        FUZZ_CHECK(social_claims_match(payload, path, value));
        count++;
    }

    len = social_claims_write_list(payload, path, separator, NULL, 0);

    buf = malloc(len ? len : 1);
    FUZZ_CHECK(buf != NULL);
    FUZZ_CHECK(social_claims_write_list(payload, path, separator, buf, len)
               == len);

    separators = 0;

    for (i = 0; i < len; i++) {
        FUZZ_CHECK(buf[i] >= 0x20 && buf[i] < 0x7f);
        FUZZ_CHECK(buf[i] != ' ' || separator == ' ');

        separators += (buf[i] == separator);
    }

    FUZZ_CHECK(separators == (count ? count - 1 : 0));

    free(buf);
}


/*
 * What is written is taken again, and gives the same.
 */

static void
fuzz_json(const social_json_t *payload)
{
    size_t           len;
    social_str_t     text;
    unsigned char   *buf, *again;
    social_json_t   *copy;

    len = social_json_write(payload, NULL, 0);
    FUZZ_CHECK(len >= 2);

    buf = malloc(len);
    again = malloc(len);
    FUZZ_CHECK(buf != NULL && again != NULL);

    FUZZ_CHECK(social_json_write(payload, buf, len) == len);

    text.data = buf;
    text.len = len;

    FUZZ_CHECK(social_json_parse(text, &copy) == SOCIAL_OK);
    FUZZ_CHECK(social_json_write(copy, again, len) == len);
    FUZZ_CHECK(memcmp(buf, again, len) == 0);

    social_json_free(copy);
    free(buf);
    free(again);
}
