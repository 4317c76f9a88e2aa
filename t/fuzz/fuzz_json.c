
/*
 * JSON: what our parser makes of it, from a copy and in place, and what
 * jansson does.
 */

#include "fuzz.h"
#include "../unit/social_unit_json.h"


static void fuzz_folded(social_str_t text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool          accepted;
    social_str_t  text;

    text = fuzz_copy(data, size);

    FUZZ_CHECK(social_unit_json_agree(text, &accepted));

    if (accepted) {
        fuzz_folded(text);
    }

    fuzz_free(text);

    return 0;
}


/*
 * The document must not need its text.
 */

static void
fuzz_folded(social_str_t text)
{
    social_str_t    copy;
    social_json_t  *json;

    copy = fuzz_copy(text.data, text.len);

    FUZZ_CHECK(social_json_parse(copy, &json) == SOCIAL_OK);
    fuzz_free(copy);

    (void) social_json_member_folded(json, text);

    text.len = 1;
    (void) social_json_member_folded(json, text);

    FUZZ_CHECK(social_json_write(json, NULL, 0) >= 2);

    social_json_free(json);
}
