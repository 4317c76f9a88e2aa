
/*
 * Image headers: any bytes.
 */

#include <stdlib.h>

#include "social_image.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t    text;
    social_image_t  image;

    text.data = data;
    text.len = size;

    if (social_image_parse(text, &image) == SOCIAL_OK
        && (social_image_pixels(&image) == 0
            || image.width > SOCIAL_IMAGE_MAX_SIDE
            || image.height > SOCIAL_IMAGE_MAX_SIDE
            || image.type == SOCIAL_IMAGE_NONE))
    {
        abort();
    }

    return 0;
}
