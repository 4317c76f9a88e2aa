
/*
 * Variants as files.
 */

#ifndef SOCIAL_WORKER_IMAGE_SAVE_H
#define SOCIAL_WORKER_IMAGE_SAVE_H


#include <vips/vips.h>

#include "social_image.h"
#include "social_worker_decoder.h"


typedef struct {
    social_str_t                    data;
    social_image_t                  image;
    int                             shrink;        /* of a JPEG: 1, 2, 4, 8 */
    double                          scale;         /* of a WebP, 1 at most */
    const social_worker_request_t  *request;
    social_worker_reply_t          *reply;
    int                             out;
    uint64_t                        written;
    VipsImage                      *base;
} social_worker_image_ctx_t;


/*
 * Both return 0, or -1 with the reason in libvips' error buffer: the first
 * adds an output of a variant to the reply, the second its placeholder.
 */
int social_worker_image_save(social_worker_image_ctx_t *ctx, VipsImage *image,
    uint32_t variant, social_image_type_e format);
int social_worker_image_placeholder(social_worker_image_ctx_t *ctx, VipsImage
    *image);


#endif /* SOCIAL_WORKER_IMAGE_SAVE_H */
