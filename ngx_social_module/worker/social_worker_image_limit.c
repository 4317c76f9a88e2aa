
/*
 * What is known of an image before it is decoded.
 */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "social_image_work.h"
#include "social_worker_image_limit.h"


/* photos have a dozen of scans, and some hundreds of segments; animations of
 * ten minutes have as many frames */
#define SOCIAL_WORKER_IMAGE_MAX_SCANS     100
#define SOCIAL_WORKER_IMAGE_MAX_SEGMENTS  10000
#define SOCIAL_WORKER_IMAGE_MAX_FRAMES    10000

/* what threads and codecs take of their own, which is not exact */
#define SOCIAL_WORKER_IMAGE_RESERVE       (160u << 20)

/* as many times the limit of pixels may a JPEG have that is decoded smaller */
#define SOCIAL_WORKER_IMAGE_MAX_DECLARED  4


static bool social_worker_image_pixels(social_worker_image_ctx_t *ctx);
static uint64_t social_worker_image_shrunk(const social_image_t *image,
    int shrink);
static bool social_worker_image_work(social_worker_image_ctx_t *ctx);
static uint64_t social_worker_image_webp(social_worker_image_ctx_t *ctx,
    uint64_t memory);


bool
social_worker_image_limit(social_worker_image_ctx_t *ctx)
{
    ctx->shrink = 1;
    ctx->scale = 1;

    if (!social_worker_image_pixels(ctx)) {
        ctx->reply->status = SOCIAL_WORKER_TOO_MANY_PIXELS;
        snprintf(ctx->reply->error, sizeof(ctx->reply->error),
                 "over the limit of pixels");
        return false;
    }

    return social_worker_image_work(ctx);
}


double
social_worker_image_scale(const social_worker_request_t *request,
    double width, double height)
{
    double                       x, y, scale, most;
    uint32_t                     i;
    const social_worker_spec_t  *spec;

    most = 0;

    for (i = 0; i < request->variant_count; i++) {

        spec = &request->variants[i];

        x = spec->width / width;
        y = spec->height / height;

        if (spec->fit == SOCIAL_WORKER_COVER) {
            scale = x > y ? x : y;

        } else {
            scale = x < y ? x : y;
        }

        most = VIPS_MAX(most, scale);
    }

    return VIPS_MIN(most, 1.0);
}


/*
 * How much smaller a JPEG is decoded: it keeps twice what the variants need, so
 * that the last halving is a good filter's; but no more than they need where
 * it would have too many pixels otherwise, as photos of phones have.  False:
 * it has too many even so.
 */

static bool
social_worker_image_pixels(social_worker_image_ctx_t *ctx)
{
    int       shrink;
    double    width, height, scale;
    uint64_t  most, pixels;

    width = ctx->image.width;
    height = ctx->image.height;
    most = ctx->request->max_pixels;
    pixels = social_image_pixels(&ctx->image);

    ctx->shrink = 1;

    if (ctx->image.type != SOCIAL_IMAGE_JPEG) {
        return pixels <= most;
    }

    scale = social_worker_image_scale(ctx->request, width, height);

    for (shrink = 8; shrink > 1; shrink /= 2) {
        if (shrink * scale * 2 <= 1) {
            break;
        }
    }

    ctx->shrink = shrink;

    if (pixels > SOCIAL_WORKER_IMAGE_MAX_DECLARED * most) {
        return false;
    }

    /* its orientation, which may exchange the sides, is not known yet */

    scale = VIPS_MAX(scale, social_worker_image_scale(ctx->request, height,
                                                      width));

    while (social_worker_image_shrunk(&ctx->image, ctx->shrink) > most) {

        ctx->shrink *= 2;

        if (ctx->shrink > 8 || ctx->shrink * scale > 1) {
            return false;
        }
    }

    return true;
}


/* the pixels of an image that is decoded so much smaller */

static uint64_t
social_worker_image_shrunk(const social_image_t *image, int shrink)
{
    uint32_t  by;

    by = (uint32_t) shrink;

    return (uint64_t) ((image->width + by - 1) / by)
           * ((image->height + by - 1) / by);
}


/*
 * What decoding takes is known from the headers: it is not tried where it
 * could only fail, or never end.  With an error in the reply, false.
 */

static bool
social_worker_image_work(social_worker_image_ctx_t *ctx)
{
    double               scale;
    const char          *what;
    uint32_t             count, most;
    social_image_work_t  work;

    social_image_work(ctx->data, &ctx->image, &work);

    what = NULL;
    count = 0;
    most = 0;

    if (work.scans > SOCIAL_WORKER_IMAGE_MAX_SCANS) {
        what = "scans";
        count = work.scans;
        most = SOCIAL_WORKER_IMAGE_MAX_SCANS;

    } else if (work.segments > SOCIAL_WORKER_IMAGE_MAX_SEGMENTS) {
        what = "segments";
        count = work.segments;
        most = SOCIAL_WORKER_IMAGE_MAX_SEGMENTS;

    } else if (work.frames > SOCIAL_WORKER_IMAGE_MAX_FRAMES) {
        what = "frames";
        count = work.frames;
        most = SOCIAL_WORKER_IMAGE_MAX_FRAMES;
    }

    if (what != NULL) {
        ctx->reply->status = SOCIAL_WORKER_TOO_COMPLEX;
        snprintf(ctx->reply->error, sizeof(ctx->reply->error),
                 "it has %u %s, and up to %u are decoded", count, what, most);
        return false;
    }

    /* with the image that variants are made from, which has three bands */

    scale = VIPS_MIN(social_worker_image_scale(ctx->request, ctx->image.width,
                                               ctx->image.height),
                     social_worker_image_scale(ctx->request,
                                               ctx->image.height,
                                               ctx->image.width));

    work.memory += (uint64_t) (3 * scale * scale
                               * (double) social_image_pixels(&ctx->image));

    if (ctx->image.type == SOCIAL_IMAGE_WEBP) {
        work.memory += social_worker_image_webp(ctx, work.memory);
    }

    if (work.memory > ctx->request->memory) {
        ctx->reply->status = SOCIAL_WORKER_NO_MEMORY;
        ctx->reply->memory = work.memory;
        snprintf(ctx->reply->error, sizeof(ctx->reply->error),
                 "it needs %" PRIu64 " MB of memory, and %" PRIu64
                 " are allowed",
                 (work.memory >> 20) + 1, ctx->request->memory >> 20);
        return false;
    }

    return true;
}


/*
 * A WebP is decoded at twice the size that the variants need, as a JPEG is, or
 * at less, down to that size, where it would not fit beside "memory".  Returns
 * what it takes: libvips holds it four times, three of them with four bands.
 */

static uint64_t
social_worker_image_webp(social_worker_image_ctx_t *ctx, uint64_t memory)
{
    double  scale, bytes, left;

    scale = VIPS_MAX(social_worker_image_scale(ctx->request, ctx->image.width,
                                               ctx->image.height),
                     social_worker_image_scale(ctx->request,
                                               ctx->image.height,
                                               ctx->image.width));

    bytes = (double) social_image_pixels(&ctx->image)
            * (12 + (ctx->image.alpha ? 4 : 3));

    memory += SOCIAL_WORKER_IMAGE_RESERVE;

    left = ctx->request->memory > memory
           ? (double) (ctx->request->memory - memory) : 0;

    ctx->scale = VIPS_MIN(VIPS_MIN(1.0, 2 * scale), sqrt(left / bytes));
    ctx->scale = VIPS_MAX(ctx->scale, scale);

    return (uint64_t) (bytes * ctx->scale * ctx->scale);
}
