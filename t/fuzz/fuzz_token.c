
/*
 * Tokens in compact form.  An input that begins with "{" is the plain text of
 * header and payload, with a line feed between them, and is made a token
 * here, since no fuzzer finds base64url of JSON by chance.
 */

#include "fuzz.h"
#include "social_base64url.h"
#include "social_jwt.h"


static void fuzz_token(social_str_t token);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t    text, part, token;
    const uint8_t  *lf;
    unsigned char  *p, *buf;

    text = fuzz_copy(data, size);
    lf = size ? memchr(text.data, '\n', size) : NULL;

    fuzz_token(text);

    if (size && data[0] == '{' && lf != NULL) {
        buf = malloc(size * 2 + 16);
        FUZZ_CHECK(buf != NULL);

        part.data = text.data;
        part.len = (size_t) (lf - text.data);
        p = fuzz_base64url(buf, part);
        *p++ = '.';

        part.data = lf + 1;
        part.len = size - part.len - 1;
        p = fuzz_base64url(p, part);
        memcpy(p, ".c2ln", 5);

        token = fuzz_copy(buf, (size_t) (p + 5 - buf));
        free(buf);

        fuzz_token(token);
        fuzz_free(token);
    }

    fuzz_free(text);

    return 0;
}


static void
fuzz_token(social_str_t token)
{
    size_t                  i, dots;
    social_jwt_t            jwt;
    social_str_t            part, decoded, whole;
    unsigned char          *p, *buf, *again;
    social_token_status_e   status;

    buf = malloc(token.len ? token.len : 1);
    FUZZ_CHECK(buf != NULL);

    status = social_jwt_parse(token, buf, &jwt);

    switch (status) {

    case SOCIAL_TOKEN_OK:
        break;

    case SOCIAL_TOKEN_MALFORMED:
    case SOCIAL_TOKEN_ALGORITHM:
    case SOCIAL_TOKEN_TOO_LARGE:
        FUZZ_CHECK(jwt.header == NULL && jwt.payload == NULL);
        FUZZ_CHECK((status == SOCIAL_TOKEN_TOO_LARGE)
                   == (token.len > SOCIAL_TOKEN_MAX_SIZE));
        free(buf);
        return;

    default:
        FUZZ_CHECK(false);
    }

    FUZZ_CHECK(token.len <= SOCIAL_TOKEN_MAX_SIZE);
    FUZZ_CHECK(jwt.algorithm > SOCIAL_ALGORITHM_NONE
               && jwt.algorithm < SOCIAL_ALGORITHM_END);
    FUZZ_CHECK(jwt.kid.len > 0);
    FUZZ_CHECK(social_json_is_object(jwt.header));
    FUZZ_CHECK(social_json_is_object(jwt.payload));
    FUZZ_CHECK(jwt.input.data == token.data);

    whole.data = buf;
    whole.len = token.len;
    FUZZ_CHECK(fuzz_within(jwt.signature, whole));
    FUZZ_CHECK(fuzz_within(jwt.input, token));

    fuzz_read(jwt.kid);
    fuzz_read(jwt.issuer);
    fuzz_read(jwt.input);
    fuzz_read(jwt.signature);

    /* what was decoded, encoded again, is the token: there is one spelling */

    again = malloc(token.len + 8);
    p = malloc(token.len + 8);
    FUZZ_CHECK(again != NULL && p != NULL);

    part.data = token.data;
    dots = 0;

    for (i = 0; i <= token.len; i++) {

        if (i < token.len && token.data[i] != '.') {
            continue;
        }

        part.len = (size_t) (token.data + i - part.data);
        decoded.data = p;

        FUZZ_CHECK(part.len > 0);
        FUZZ_CHECK(social_base64url_decode(part, p, &decoded.len)
                   == SOCIAL_OK);
        FUZZ_CHECK(decoded.len == part.len * 3 / 4);
        FUZZ_CHECK((size_t) (fuzz_base64url(again, decoded) - again)
                   == part.len);
        FUZZ_CHECK(memcmp(again, part.data, part.len) == 0);

        if (dots == 2) {
            FUZZ_CHECK(social_str_eq(decoded, jwt.signature));
            FUZZ_CHECK(jwt.input.data + jwt.input.len + 1 == part.data);
        }

        dots++;
        part.data = token.data + i + 1;
    }

    FUZZ_CHECK(dots == 3);

    free(again);
    free(p);

    social_jwt_free(&jwt);
    free(buf);
}
