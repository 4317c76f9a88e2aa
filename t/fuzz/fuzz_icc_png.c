
/*
 * What the chunks of a PNG say of its colors, and the profile that is made of
 * it: any bytes.
 */

#include "fuzz.h"
#include "social_icc.h"
#include "social_icc_make.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t         text, made;
    social_icc_t         icc;
    unsigned char        profile[SOCIAL_ICC_MADE_SIZE];
    social_icc_colors_t  colors;

    text = fuzz_copy(data, size);

    if (social_icc_png(text, &colors) == SOCIAL_OK
        && social_icc_make(&colors, profile) == SOCIAL_OK)
    {
        made.data = profile;
        made.len = sizeof(profile);

        FUZZ_CHECK(social_icc_parse(made, &icc) == SOCIAL_OK);
        FUZZ_CHECK(icc.space == SOCIAL_ICC_RGB);
    }

    fuzz_free(text);

    return 0;
}
