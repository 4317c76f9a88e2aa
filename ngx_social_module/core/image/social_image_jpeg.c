
/*
 * The markers of a JPEG.
 */

#include "social_image_jpeg.h"


const unsigned char *
social_image_jpeg_marker(const unsigned char *p, const unsigned char *end)
{
    for ( ;; ) {

        while (p < end && *p != 0xff) {
            p++;
        }

        while (p < end && *p == 0xff) {
            p++;
        }

        if (p == end || *p != 0x00) {
            return p;
        }
    }
}
