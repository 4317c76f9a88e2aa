
/*
 * Image headers: any bytes.
 */

#include "fuzz.h"
#include "social_image_work.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_rc_e          rc;
    social_str_t         text;
    social_image_t       image;
    social_image_work_t  work;

    text = fuzz_copy(data, size);

    rc = social_image_parse(text, &image);

    FUZZ_CHECK(image.type == social_image_type(text));

    if (rc == SOCIAL_OK) {
        FUZZ_CHECK(image.type != SOCIAL_IMAGE_NONE);
        FUZZ_CHECK(social_image_pixels(&image) > 0);
        FUZZ_CHECK(image.width <= SOCIAL_IMAGE_MAX_SIDE);
        FUZZ_CHECK(image.height <= SOCIAL_IMAGE_MAX_SIDE);

        social_image_work(text, &image, &work);

        FUZZ_CHECK(work.scans <= work.segments);
        FUZZ_CHECK(work.segments <= size / 4);
        FUZZ_CHECK(work.frames <= size / 8);
    }

    fuzz_free(text);

    return 0;
}
