
/*
 * Answers to health checks: the first byte says how much room there is for the
 * body, the second one in which pieces the rest comes.
 */

#include "fuzz.h"
#include "social_answer.h"


static social_rc_e fuzz_feed(social_answer_t *a, social_str_t text,
    size_t step);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            room, step;
    social_rc_e       rc, other;
    social_str_t      text;
    social_answer_t  *a, *b;
    unsigned char    *body, *pieces;

    if (size < 2 || size > 65536) {
        return 0;
    }

    room = data[0];
    step = (size_t) data[1] + 1;
    text = fuzz_copy(data + 2, size - 2);

    body = malloc(room ? room : 1);
    pieces = malloc(room ? room : 1);
    a = malloc(sizeof(social_answer_t));
    b = malloc(sizeof(social_answer_t));
    FUZZ_CHECK(body != NULL && pieces != NULL && a != NULL && b != NULL);

    social_answer_init(a, body, room);
    rc = fuzz_feed(a, text, text.len ? text.len : 1);

    FUZZ_CHECK(a->len <= room);
    FUZZ_CHECK(rc != SOCIAL_OK || (a->status >= 200 && a->status <= 999));
    FUZZ_CHECK((rc == SOCIAL_MALFORMED) == (a->why != NULL));

    /* in pieces it is the same */

    social_answer_init(b, pieces, room);
    other = fuzz_feed(b, text, step);

    FUZZ_CHECK(rc == other && a->status == b->status && a->len == b->len
               && a->why == b->why);
    FUZZ_CHECK(memcmp(body, pieces, a->len) == 0);

    free(a);
    free(b);
    free(body);
    free(pieces);
    fuzz_free(text);

    return 0;
}


static social_rc_e
fuzz_feed(social_answer_t *a, social_str_t text, size_t step)
{
    size_t       i, n;
    social_rc_e  rc;

    for (i = 0; i < text.len; i += n) {
        n = text.len - i < step ? text.len - i : step;

        rc = social_answer_read(a, (social_str_t) { n, text.data + i });

        if (rc != SOCIAL_DECLINED) {
            return rc;
        }
    }

    return social_answer_end(a);
}
