
/*
 * What is known of an image before it is decoded: whether it may be, and how
 * much smaller.
 */

#ifndef SOCIAL_WORKER_IMAGE_LIMIT_H
#define SOCIAL_WORKER_IMAGE_LIMIT_H


#include "social_worker_image_save.h"


/*
 * Whether the image of "ctx", whose headers were parsed, has no more pixels,
 * memory and work in it than the request allows.  True: "shrink" and "scale" of
 * "ctx" say how much smaller it is to be decoded.  False: the reply says why
 * it is refused.
 */
bool social_worker_image_limit(social_worker_image_ctx_t *ctx);

/*
 * The largest scale that any variant needs of an image of that size, 1 at
 * most.
 */
double social_worker_image_scale(const social_worker_request_t *request,
    double width, double height);


#endif /* SOCIAL_WORKER_IMAGE_LIMIT_H */
