
/*
 * Values of an Authorization header, and the list and word functions that
 * headers are read with.
 */

#include "fuzz.h"
#include "social_token.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  i, total;
    social_str_t            value, token, rest, item, trimmed;
    social_token_status_e   status;

    value = fuzz_copy(data, size);

    status = social_token_from_bearer(value, &token);
    fuzz_read(token);

    switch (status) {

    case SOCIAL_TOKEN_OK:
        FUZZ_CHECK(token.len > 0 && token.len <= SOCIAL_TOKEN_MAX_SIZE);
        FUZZ_CHECK(fuzz_within(token, value));

        for (i = 0; i < token.len; i++) {
            FUZZ_CHECK(token.data[i] > ' ' && token.data[i] < 0x7f
                       && token.data[i] != ',');
        }

        (void) social_token_is_placeholder(token);
        break;

    case SOCIAL_TOKEN_NONE:
    case SOCIAL_TOKEN_MALFORMED:
    case SOCIAL_TOKEN_TOO_LARGE:
        FUZZ_CHECK(token.len == 0);
        break;

    default:
        FUZZ_CHECK(false);
    }

    fuzz_read(social_token_status_name(status));
    fuzz_read(social_token_status_text(status));

    trimmed = social_str_trim(value);
    fuzz_read(trimmed);
    FUZZ_CHECK(fuzz_within(trimmed, value));
    FUZZ_CHECK(social_str_eq(social_str_trim(trimmed), trimmed));

    rest = value;
    total = 0;

    while (social_str_next(&rest, ", \t", &item)) {
        FUZZ_CHECK(item.len > 0);
        FUZZ_CHECK(fuzz_within(item, value));
        FUZZ_CHECK(fuzz_within(rest, value));

        for (i = 0; i < item.len; i++) {
            FUZZ_CHECK(item.data[i] != ',' && item.data[i] != ' '
                       && item.data[i] != '\t');
        }

        (void) social_str_is_token(item);
        FUZZ_CHECK(social_str_caseeq(item, item));

        total += item.len;
    }

    FUZZ_CHECK(item.len == 0 && rest.len == 0 && total <= size);

    fuzz_free(value);

    return 0;
}
