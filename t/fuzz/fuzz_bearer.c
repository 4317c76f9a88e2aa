
/*
 * Values of an Authorization header and of the other places that a token may
 * be in, and the list and word functions that headers are read with.
 */

#include "fuzz.h"
#include "social_token.h"


static void fuzz_taken(social_token_status_e status, social_str_t value,
    social_str_t token);
static void fuzz_again(social_str_t token);
static void fuzz_printable(social_str_t value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  i, total;
    social_str_t            value, token, other, rest, item, trimmed;
    social_token_status_e   status;

    value = fuzz_copy(data, size);

    status = social_token_from_bearer(value, &token);
    fuzz_taken(status, value, token);
    FUZZ_CHECK(status != SOCIAL_TOKEN_SEVERAL);

    if (status == SOCIAL_TOKEN_OK) {
        fuzz_again(token);

        /* a cookie's may have the scheme or not */

        FUZZ_CHECK(social_token_from_value(value, &other) == SOCIAL_TOKEN_OK);
        FUZZ_CHECK(social_str_eq(other, token));
    }

    status = social_token_from_value(value, &token);
    fuzz_taken(status, value, token);
    FUZZ_CHECK(status != SOCIAL_TOKEN_SEVERAL);

    status = social_token_from_protocols(value, &token);
    fuzz_taken(status, value, token);

    total = social_token_count(value, social_str("a"), ";");
    FUZZ_CHECK(total <= size / 2);
    FUZZ_CHECK(social_token_count(value, social_str("A"), ";") == total);

    item = value;
    FUZZ_CHECK((social_token_cookie(value, social_str("a"), &item) == 0)
               <= (item.data == value.data && item.len == value.len));
    FUZZ_CHECK(fuzz_within(item, value));

    other = social_token_unquote(value);
    FUZZ_CHECK(fuzz_within(other, value));
    FUZZ_CHECK(social_token_is_in(value, value)
               == (value.len != 0 && value.data[value.len - 1] != '.'));

    fuzz_printable(value);

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


static void
fuzz_taken(social_token_status_e status, social_str_t value,
    social_str_t token)
{
    fuzz_read(token);

    switch (status) {

    case SOCIAL_TOKEN_OK:
        FUZZ_CHECK(token.len > 0 && token.len <= SOCIAL_TOKEN_MAX_SIZE);
        FUZZ_CHECK(fuzz_within(token, value));

        (void) social_token_is_placeholder(token);
        break;

    case SOCIAL_TOKEN_NONE:
    case SOCIAL_TOKEN_MALFORMED:
    case SOCIAL_TOKEN_TOO_LARGE:
    case SOCIAL_TOKEN_SEVERAL:
        FUZZ_CHECK(token.len == 0);
        break;

    default:
        FUZZ_CHECK(false);
    }

    fuzz_read(social_token_status_name(status));
    fuzz_read(social_token_status_text(status));
}


/*
 * What was taken is one word, which is taken again as it is.
 */

static void
fuzz_again(social_str_t token)
{
    social_str_t    header, same;
    unsigned char  *buf;

    buf = malloc(token.len + 7);
    FUZZ_CHECK(buf != NULL);

    memcpy(buf, "Bearer ", 7);
    memcpy(buf + 7, token.data, token.len);

    header.data = buf;
    header.len = token.len + 7;

    FUZZ_CHECK(social_token_from_bearer(header, &same) == SOCIAL_TOKEN_OK);
    FUZZ_CHECK(social_str_eq(same, token));

    free(buf);
}


static void
fuzz_printable(social_str_t value)
{
    unsigned char  *p, *end, *buf;

    buf = malloc(value.len ? 4 * value.len : 1);
    FUZZ_CHECK(buf != NULL);

    end = social_str_printable(buf, value);
    FUZZ_CHECK(end >= buf + value.len && end <= buf + 4 * value.len);

    for (p = buf; p < end; p++) {
        FUZZ_CHECK(*p >= ' ' && *p < 0x7f && *p != '"');
    }

    free(buf);
}
