
/*
 * Images without metadata: any bytes.
 */

#include "fuzz.h"
#include "social_image_strip.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len, again;
    social_rc_e     rc;
    social_str_t    text, clean;
    unsigned char  *out, *twice;
    social_image_t  before, after;

    text = fuzz_copy(data, size);
    out = malloc(size ? size : 1);
    FUZZ_CHECK(out != NULL);

    rc = social_image_strip(text, out, &len);

    FUZZ_CHECK(len <= size);

    if (rc != SOCIAL_OK) {
        FUZZ_CHECK(len == 0);
        free(out);
        fuzz_free(text);
        return 0;
    }

    /* once more on exactly these bytes changes nothing */

    clean = fuzz_copy(out, len);
    twice = malloc(len ? len : 1);
    FUZZ_CHECK(twice != NULL);

    FUZZ_CHECK(social_image_strip(clean, twice, &again) == SOCIAL_OK);
    FUZZ_CHECK(again == len && memcmp(twice, out, len) == 0);
    FUZZ_CHECK(social_image_type(clean) == social_image_type(text));

    /* a picture of the same size, where it was one; a WebP may have had a
     * second one after its canvas */

    if (social_image_parse(text, &before) == SOCIAL_OK
        && social_image_parse(clean, &after) == SOCIAL_OK)
    {
        FUZZ_CHECK(after.width <= before.width);
        FUZZ_CHECK(after.height <= before.height);
    }

    free(twice);
    free(out);
    fuzz_free(clean);
    fuzz_free(text);

    return 0;
}
