
/*
 * One image: from untrusted bytes to all of its variants.
 */

#ifndef SOCIAL_WORKER_IMAGE_RENDER_H
#define SOCIAL_WORKER_IMAGE_RENDER_H


#include "social_worker_decoder.h"


/*
 * Does what the request says with the file "in", writes the outputs to "out",
 * and fills "reply", which is all zeros but for the magic number.
 */
void social_worker_image_render(const social_worker_request_t *request,
    int in, int out, social_worker_reply_t *reply);


#endif /* SOCIAL_WORKER_IMAGE_RENDER_H */
