
/*
 * Color profiles: any bytes.
 */

#include "fuzz.h"
#include "social_icc.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t  text;
    social_icc_t  icc;

    text = fuzz_copy(data, size);

    if (social_icc_parse(text, &icc) == SOCIAL_OK) {
        FUZZ_CHECK(size >= 132 + 12);
        FUZZ_CHECK(icc.space <= SOCIAL_ICC_CMYK);
        FUZZ_CHECK(icc.intent <= SOCIAL_ICC_RELATIVE);
    }

    fuzz_free(text);

    return 0;
}
