
/*
 * Variants as files.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "social_worker_image_save.h"


static int social_worker_image_flatten(VipsImage *in, const
    social_worker_spec_t *spec, VipsImage **out);


int
social_worker_image_save(social_worker_image_ctx_t *ctx, VipsImage *image,
    uint32_t variant, social_image_type_e format)
{
    int                          rc;
    void                        *buf;
    size_t                       len, done;
    ssize_t                      n;
    VipsImage                   *flat;
    social_worker_output_t      *output;
    const social_worker_spec_t  *spec;

    spec = &ctx->request->variants[variant];
    buf = NULL;
    len = 0;

    switch (format) {

    case SOCIAL_IMAGE_JPEG:

        if (social_worker_image_flatten(image, spec, &flat) != 0) {
            return -1;
        }

        rc = vips_jpegsave_buffer(flat, &buf, &len, "Q", (int) spec->quality,
                                  "optimize_coding", TRUE, "strip", TRUE,
                                  NULL);
        g_object_unref(flat);
        break;

    case SOCIAL_IMAGE_PNG:
        rc = vips_pngsave_buffer(image, &buf, &len, "strip", TRUE, NULL);
        break;

    case SOCIAL_IMAGE_WEBP:
        rc = vips_webpsave_buffer(image, &buf, &len, "Q", (int) spec->quality,
                                  "effort", (int) spec->effort,
                                  "strip", TRUE, NULL);
        break;

    default:
        rc = vips_heifsave_buffer(image, &buf, &len, "Q", (int) spec->quality,
                                  "effort", (int) spec->effort,
                                  "compression",
                                  VIPS_FOREIGN_HEIF_COMPRESSION_AV1,
                                  "strip", TRUE, NULL);
    }

    if (rc != 0) {
        return -1;
    }

    output = &ctx->reply->outputs[ctx->reply->output_count++];

    output->variant = variant;
    output->format = format;
    output->width = (uint32_t) image->Xsize;
    output->height = (uint32_t) image->Ysize;
    output->offset = ctx->written;
    output->size = len;

    for (done = 0; done < len; done += (size_t) n) {

        n = pwrite(ctx->out, (char *) buf + done, len - done,
                   (off_t) (ctx->written + done));

        if (n <= 0) {
            vips_error("social-worker", "could not write: %s",
                       strerror(errno));
            rc = -1;
            break;
        }
    }

    ctx->written += len;
    g_free(buf);

    return rc;
}


/* without an alpha band libvips would treat blue as one */

static int
social_worker_image_flatten(VipsImage *in, const social_worker_spec_t *spec,
    VipsImage **out)
{
    int               rc;
    VipsArrayDouble  *background;

    if (!vips_image_hasalpha(in)) {
        return vips_copy(in, out, NULL);
    }

    background = vips_array_double_newv(3, (double) spec->background[0],
                                        (double) spec->background[1],
                                        (double) spec->background[2]);

    rc = vips_flatten(in, out, "background", background, NULL);

    vips_area_unref(VIPS_AREA(background));

    return rc;
}


int
social_worker_image_placeholder(social_worker_image_ctx_t *ctx,
    VipsImage *image)
{
    int             rc;
    void           *rgba;
    size_t          size, len;
    VipsImage      *small, *alpha;
    unsigned char   hash[SOCIAL_THUMBHASH_MAX_SIZE];

    if (vips_thumbnail_image(image, &small, SOCIAL_THUMBHASH_MAX_SIDE,
                             "height", SOCIAL_THUMBHASH_MAX_SIDE,
                             "size", VIPS_SIZE_DOWN, "no_rotate", TRUE, NULL)
        != 0)
    {
        return -1;
    }

    if (vips_image_hasalpha(small)) {
        alpha = small;
        rc = 0;

    } else {
        rc = vips_addalpha(small, &alpha, NULL);
        g_object_unref(small);
    }

    if (rc != 0) {
        return -1;
    }

    rc = vips_cast_uchar(alpha, &small, NULL);

    if (rc == 0) {
        rgba = vips_image_write_to_memory(small, &size);

        if (rgba == NULL
            || size != (size_t) small->Xsize * (size_t) small->Ysize * 4
            || social_thumbhash_encode(rgba, (size_t) small->Xsize,
                                       (size_t) small->Ysize, hash, &len)
               != SOCIAL_OK)
        {
            rc = -1;

        } else {
            social_thumbhash_text(hash, len, ctx->reply->placeholder);
        }

        g_free(rgba);
        g_object_unref(small);
    }

    g_object_unref(alpha);

    return rc;
}
