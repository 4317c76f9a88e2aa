
/*
 * Requests out of any bytes.  The input is a line "METHOD path?query", then
 * lines "name:value" to the end.  It is verified as it is; and it is signed,
 * in both ways, and what was signed must verify.
 */

#include <stdlib.h>
#include <string.h>

#include "social_sigv4.h"
#include "social_sigv4_verify.h"


#define FUZZ_NOW  1767225600


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_parse(social_str_t rest);
static social_str_t fuzz_cut(social_str_t *rest, unsigned char separator);
static void fuzz_add(const char *name, social_str_t value);
static void fuzz_sign(social_sigv4_mode_e mode);
static social_sigv4_status_e fuzz_verify(social_sigv4_mode_e mode,
    social_sigv4_verified_t *out);
static void fuzz_signed(social_sigv4_status_e status,
    const social_sigv4_verified_t *verified,
    const social_sigv4_signed_t *made);
static void fuzz_assert(bool truth);


static unsigned char           fuzz_work[SOCIAL_SIGV4_WORK_SIZE];
static unsigned char           fuzz_verify_work[2 * SOCIAL_SIGV4_WORK_SIZE];
static social_sigv4_header_t   fuzz_headers[SOCIAL_SIGV4_MAX_HEADERS];
static social_sigv4_request_t  fuzz_request;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t             s;
    social_sigv4_mode_e      mode;
    social_sigv4_verified_t  verified;

    s.data = data;
    s.len = size;
    fuzz_parse(s);

    for (mode = SOCIAL_SIGV4_S3; mode <= SOCIAL_SIGV4_NORMALIZED; mode++) {

        if (fuzz_verify(mode, &verified) == SOCIAL_SIGV4_OK) {
            fuzz_assert(verified.known != NULL && verified.canonical.len);
            fuzz_assert(FUZZ_NOW <= verified.expires);
        }

        fuzz_sign(mode);
    }

    return 0;
}


static void
fuzz_parse(social_str_t rest)
{
    social_str_t  line, target;

    memset(&fuzz_request, 0, sizeof(fuzz_request));
    fuzz_request.headers = fuzz_headers;

    line = fuzz_cut(&rest, '\n');
    fuzz_request.method = fuzz_cut(&line, ' ');
    target = line;
    fuzz_request.path = fuzz_cut(&target, '?');
    fuzz_request.query = target;

    /* four are left for what signing adds */

    while (rest.len && fuzz_request.header_count
                       < SOCIAL_SIGV4_MAX_HEADERS - 4)
    {
        line = fuzz_cut(&rest, '\n');
        fuzz_headers[fuzz_request.header_count].name = fuzz_cut(&line, ':');
        fuzz_headers[fuzz_request.header_count].value = line;
        fuzz_request.header_count++;
    }
}


static social_str_t
fuzz_cut(social_str_t *rest, unsigned char separator)
{
    size_t        i;
    social_str_t  item;

    for (i = 0; i < rest->len && rest->data[i] != separator; i++) {
        /* void */
    }

    item.data = rest->data;
    item.len = i;

    i += (i < rest->len);
    rest->data += i;
    rest->len -= i;

    return item;
}


static void
fuzz_sign(social_sigv4_mode_e mode)
{
    bool                        with_token;
    size_t                      count;
    social_buf_t                work;
    social_str_t                query;
    social_sigv4_scope_t        scope;
    social_sigv4_signed_t       made;
    social_sigv4_verified_t     verified;
    social_credentials_t  credentials;

    with_token = (fuzz_request.path.len % 2 != 0);

    credentials.access_key = social_str(with_token ? "AKIDTOKEN" : "AKID");
    credentials.secret = social_str("secret");
    credentials.token = social_str(with_token ? "to/ken=" : "");

    scope.region = social_str("us-east-1");
    scope.service = social_str("s3");
    scope.now = FUZZ_NOW;
    scope.key = NULL;

    fuzz_request.mode = mode;
    count = fuzz_request.header_count;

    social_buf_init(&work, fuzz_work, sizeof(fuzz_work));

    if (social_sigv4_sign_headers(&credentials, &scope, &fuzz_request, &work,
                                  &made)
        == SOCIAL_OK)
    {
        fuzz_add("authorization", made.authorization);
        fuzz_add("x-amz-date", made.date);

        if (made.payload.len) {
            fuzz_add("x-amz-content-sha256", made.payload);
        }

        if (made.token.len) {
            fuzz_add("x-amz-security-token", made.token);
        }

        fuzz_signed(fuzz_verify(mode, &verified), &verified, &made);
        fuzz_request.header_count = count;
    }

    social_buf_init(&work, fuzz_work, sizeof(fuzz_work));

    if (social_sigv4_sign_query(&credentials, &scope, &fuzz_request, 60,
                                &work, &made)
        == SOCIAL_OK)
    {
        query = fuzz_request.query;
        fuzz_request.query = made.query;
        fuzz_signed(fuzz_verify(mode, &verified), &verified, &made);
        fuzz_request.query = query;
    }
}


static void
fuzz_add(const char *name, social_str_t value)
{
    fuzz_headers[fuzz_request.header_count].name = social_str(name);
    fuzz_headers[fuzz_request.header_count].value = value;
    fuzz_request.header_count++;
}


static social_sigv4_status_e
fuzz_verify(social_sigv4_mode_e mode, social_sigv4_verified_t *out)
{
    social_buf_t           work;
    social_sigv4_known_t   known[2];
    social_sigv4_policy_t  policy;

    memset(known, 0, sizeof(known));
    known[0].access_key = social_str("AKID");
    known[0].secrets[0] = social_str("next");
    known[0].secrets[1] = social_str("secret");
    known[1].access_key = social_str("AKIDTOKEN");
    known[1].secrets[0] = social_str("secret");
    known[1].token = social_str("to/ken=");

    policy.region = social_str("us-east-1");
    policy.service = social_str("s3");
    policy.known = known;
    policy.known_count = 2;

    fuzz_request.mode = mode;
    social_buf_init(&work, fuzz_verify_work, sizeof(fuzz_verify_work));

    return social_sigv4_verify(&policy, &fuzz_request, FUZZ_NOW, &work, out);
}


/*
 * The signer allows what the verifier need not accept: a parameter twice, an
 * Authorization header beside it, a payload that is not a digest, too much.
 */

static void
fuzz_signed(social_sigv4_status_e status,
    const social_sigv4_verified_t *verified,
    const social_sigv4_signed_t *made)
{
    switch (status) {

    case SOCIAL_SIGV4_OK:
    case SOCIAL_SIGV4_STREAMING:
        fuzz_assert(social_str_eq(verified->canonical, made->canonical));
        break;

    case SOCIAL_SIGV4_DUPLICATE:
    case SOCIAL_SIGV4_BOTH:
    case SOCIAL_SIGV4_UNSUPPORTED:
    case SOCIAL_SIGV4_PAYLOAD:
    case SOCIAL_SIGV4_MALFORMED:
        break;

    default:
        fuzz_assert(false);
    }
}


static void
fuzz_assert(bool truth)
{
    if (!truth) {
        abort();
    }
}
