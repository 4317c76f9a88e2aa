
/*
 * One image, by libvips: one decode, then every variant from it.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "social_worker_image_color.h"
#include "social_worker_image_limit.h"
#include "social_worker_image_render.h"
#include "social_worker_image_save.h"


/* pixels a millimetre, which is how libvips says 72 dpi */
#define SOCIAL_WORKER_IMAGE_RESOLUTION  (72.0 / 25.4)



static void social_worker_image_refuse(social_worker_reply_t *reply,
    social_worker_decoded_e status, const char *error);
static void social_worker_image_vips_error(social_worker_image_ctx_t *ctx);
static bool social_worker_image_unsupported(social_image_type_e type,
    const char *error);
static int social_worker_image_load(social_worker_image_ctx_t *ctx,
    VipsImage **loaded);
static int social_worker_image_base(social_worker_image_ctx_t *ctx);
static int social_worker_image_ended(social_worker_image_ctx_t *ctx);
static int social_worker_image_resize(VipsImage *in, int width, int height,
    VipsImage **out);
static int social_worker_image_srgb(VipsImage *in, VipsImage **out);
static int social_worker_image_variant(social_worker_image_ctx_t *ctx,
    uint32_t i);
static int social_worker_image_fit(VipsImage *in, const social_worker_spec_t
    *spec, VipsImage **out);
static void social_worker_image_crop(VipsImage *in, const social_worker_spec_t
    *spec, int *width, int *height);
static VipsImage *social_worker_image_bare(VipsImage *in);


static const VipsInteresting  social_worker_image_gravities[] = {
    [SOCIAL_WORKER_CENTRE] = VIPS_INTERESTING_CENTRE,
    [SOCIAL_WORKER_ATTENTION] = VIPS_INTERESTING_ATTENTION,
    [SOCIAL_WORKER_ENTROPY] = VIPS_INTERESTING_ENTROPY
};


/*
 * The headers are checked first; libvips gets only images of a supported
 * format and size.
 */

void
social_worker_image_render(const social_worker_request_t *request, int in,
    int out, social_worker_reply_t *reply)
{
    void                       *map;
    uint32_t                    i;
    social_rc_e                 rc;
    social_worker_image_ctx_t   ctx;

    memset(&ctx, 0, sizeof(social_worker_image_ctx_t));

    ctx.request = request;
    ctx.reply = reply;
    ctx.out = out;

    if (request->size == 0) {
        social_worker_image_refuse(reply, SOCIAL_WORKER_NOT_AN_IMAGE,
                                   "the file is empty");
        return;
    }

    map = mmap(NULL, request->size, PROT_READ, MAP_PRIVATE, in, 0);

    if (map == MAP_FAILED) {
        social_worker_image_refuse(reply, SOCIAL_WORKER_NO_MEMORY, "mmap");
        return;
    }

    ctx.data.data = map;
    ctx.data.len = request->size;

    rc = social_image_parse(ctx.data, &ctx.image);

    reply->type = ctx.image.type;
    reply->width = ctx.image.width;
    reply->height = ctx.image.height;

    if (rc == SOCIAL_DECLINED) {
        social_worker_image_refuse(reply, SOCIAL_WORKER_NOT_AN_IMAGE,
                                   "not of a format that is read");

    } else if (rc != SOCIAL_OK) {
        social_worker_image_refuse(reply, SOCIAL_WORKER_DAMAGED,
                                   "its headers are not sound");

    } else if (!social_worker_image_limit(&ctx)) {
        /* void: the reply says why */

    } else if (social_worker_image_base(&ctx) != 0
               && social_worker_image_ended(&ctx) != 0)
    {
        social_worker_image_vips_error(&ctx);

    } else {
        for (i = 0; i < request->variant_count; i++) {
            if (social_worker_image_variant(&ctx, i) != 0) {
                social_worker_image_vips_error(&ctx);
                break;
            }
        }
    }

    if (ctx.base != NULL) {
        g_object_unref(ctx.base);
    }

    vips_error_clear();
    munmap(map, request->size);
}


static void
social_worker_image_refuse(social_worker_reply_t *reply,
    social_worker_decoded_e status, const char *error)
{
    reply->status = status;
    snprintf(reply->error, sizeof(reply->error), "%s", error);
}


/*
 * Codecs say in their own words that there was no memory, if at all.  With all
 * pixels decoded, the file is not damaged: what could not be made of them did
 * not fit either.
 */

static void
social_worker_image_vips_error(social_worker_image_ctx_t *ctx)
{
    char                     *p;
    size_t                    i;
    const char               *error;
    social_worker_decoded_e   status;
    static const char *const  memory[] = {
        "out of memory", "emory allocation", "nable to allocate",
        "ailed to allocate", "nsufficient memory", "annot allocate memory"
    };

    if (ctx->reply->status != SOCIAL_WORKER_DECODED) {
        return;
    }

    error = vips_error_buffer();
    status = ctx->base != NULL ? SOCIAL_WORKER_NO_MEMORY
                               : SOCIAL_WORKER_DAMAGED;

    for (i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
        if (strstr(error, memory[i]) != NULL) {
            status = SOCIAL_WORKER_NO_MEMORY;
        }
    }

    if (social_worker_image_unsupported(ctx->reply->type, error)) {
        status = SOCIAL_WORKER_UNSUPPORTED;
    }

    social_worker_image_refuse(ctx->reply, status, error);

    for (p = ctx->reply->error; *p != '\0'; p++) {
        if (*p == '\n') {
            *p = ' ';
        }
    }

    vips_error_clear();
}


/*
 * Whether libheif says that it cannot, rather than that the file is wrong.  It
 * counts what phones do now among the latter: several auxiliary images.
 */

static bool
social_worker_image_unsupported(social_image_type_e type, const char *error)
{
    if (type != SOCIAL_IMAGE_AVIF && type != SOCIAL_IMAGE_HEIC) {
        return false;
    }

    return strstr(error, "nsupported ") != NULL
           || strstr(error, "not implemented") != NULL
           || strstr(error, "Too many auxiliary image references") != NULL;
}


/*
 * Loads by the loader's own name, as much smaller as has been found.
 */

static int
social_worker_image_load(social_worker_image_ctx_t *ctx, VipsImage **loaded)
{
    void   *data;
    size_t  len;

    data = (void *) (uintptr_t) ctx->data.data;
    len = ctx->data.len;

    switch (ctx->image.type) {

    case SOCIAL_IMAGE_JPEG:
        return vips_jpegload_buffer(data, len, loaded, "shrink", ctx->shrink,
                                    "access", VIPS_ACCESS_SEQUENTIAL,
                                    "fail_on", VIPS_FAIL_ON_ERROR, NULL);

    case SOCIAL_IMAGE_PNG:
        return vips_pngload_buffer(data, len, loaded,
                                   "access", VIPS_ACCESS_SEQUENTIAL,
                                   "fail_on", VIPS_FAIL_ON_ERROR, NULL);

    case SOCIAL_IMAGE_GIF:
        return vips_gifload_buffer(data, len, loaded, "n", 1,
                                   "access", VIPS_ACCESS_SEQUENTIAL,
                                   "fail_on", VIPS_FAIL_ON_ERROR, NULL);

    case SOCIAL_IMAGE_WEBP:
        return vips_webpload_buffer(data, len, loaded, "n", 1,
                                    "scale", ctx->scale,
                                    "access", VIPS_ACCESS_SEQUENTIAL,
                                    "fail_on", VIPS_FAIL_ON_ERROR, NULL);

    case SOCIAL_IMAGE_AVIF:
    case SOCIAL_IMAGE_HEIC:

        if (vips_type_find("VipsOperation", "heifload_buffer") == 0) {
            social_worker_image_refuse(ctx->reply, SOCIAL_WORKER_NOT_BUILT,
                                       "libvips was built without HEIF");
            return -1;
        }

        /* with neither "n" nor "page" it gives the primary item */

        return vips_heifload_buffer(data, len, loaded,
                                    "access", VIPS_ACCESS_SEQUENTIAL,
                                    "fail_on", VIPS_FAIL_ON_ERROR, NULL);

    default:
        return -1;
    }
}


/*
 * The image that all variants are made from: upright, sRGB, 8 bits, in memory,
 * and no larger than the largest of them needs.
 */

static int
social_worker_image_base(social_worker_image_ctx_t *ctx)
{
    int         rc;
    double      scale, width, height, swap;
    VipsImage  *loaded, *upright, *srgb;

    width = ctx->image.width;
    height = ctx->image.height;

    if (social_worker_image_load(ctx, &loaded) != 0) {
        return -1;
    }

    if (social_worker_image_declared(&ctx->image, ctx->data, &loaded) != 0) {
        g_object_unref(loaded);
        return -1;
    }

    /* what the loader says counts too: orientation may swap the sides */

    if ((uint64_t) loaded->Xsize * (uint64_t) loaded->Ysize
        > ctx->request->max_pixels)
    {
        g_object_unref(loaded);
        social_worker_image_refuse(ctx->reply, SOCIAL_WORKER_TOO_MANY_PIXELS,
                                   "over the limit of pixels");
        return -1;
    }

    /* those that were not decoded smaller, since a HEIF is upright by now */

    if (ctx->image.type != SOCIAL_IMAGE_JPEG
        && ctx->image.type != SOCIAL_IMAGE_WEBP)
    {
        width = loaded->Xsize;
        height = loaded->Ysize;
    }

    if (vips_image_get_orientation_swap(loaded)) {
        swap = width;
        width = height;
        height = swap;
    }

    scale = social_worker_image_scale(ctx->request, width, height);

    rc = social_worker_image_resize(loaded,
                              (int) VIPS_MAX(1, VIPS_RINT(width * scale)),
                              (int) VIPS_MAX(1, VIPS_RINT(height * scale)),
                              &upright);

    g_object_unref(loaded);

    if (rc != 0) {
        return -1;
    }

    rc = social_worker_image_srgb(upright, &srgb);
    g_object_unref(upright);

    if (rc != 0) {
        return -1;
    }

    ctx->base = vips_image_copy_memory(srgb);
    g_object_unref(srgb);

    return ctx->base != NULL ? 0 : -1;
}


/*
 * A JPEG that only lacks its last marker is whole, and browsers show it.  With
 * the marker it is decoded; where data is missing, libjpeg warns of it, which
 * "fail_on" does not see in the last rows: libvips' error buffer has it.
 */

static int
social_worker_image_ended(social_worker_image_ctx_t *ctx)
{
    int             rc;
    unsigned char  *ended;
    social_str_t    data;

    if (ctx->image.type != SOCIAL_IMAGE_JPEG
        || ctx->reply->status != SOCIAL_WORKER_DECODED
        || strstr(vips_error_buffer(), "Premature end of input") == NULL)
    {
        return -1;
    }

    data = ctx->data;
    ended = g_try_malloc(data.len + 2);

    if (ended == NULL) {
        return -1;
    }

    memcpy(ended, data.data, data.len);
    memcpy(ended + data.len, "\xff\xd9", 2);

    vips_error_clear();

    ctx->data.data = ended;
    ctx->data.len = data.len + 2;

    rc = social_worker_image_base(ctx);

    ctx->data = data;
    g_free(ended);

    if (rc == 0 && *vips_error_buffer() != '\0') {
        g_object_unref(ctx->base);
        ctx->base = NULL;

        return -1;
    }

    return rc;
}


static int
social_worker_image_resize(VipsImage *in, int width, int height,
    VipsImage **out)
{
    int         rc;
    VipsImage  *colored;

    if (social_worker_image_color(in, &colored) != 0) {
        return -1;
    }

    rc = vips_thumbnail_image(colored, out, width, "height", height,
                              "size", VIPS_SIZE_FORCE, NULL);
    g_object_unref(colored);

    return rc;
}


static int
social_worker_image_srgb(VipsImage *in, VipsImage **out)
{
    int         rc;
    VipsImage  *colored;

    if (vips_colourspace(in, &colored, VIPS_INTERPRETATION_sRGB, NULL) != 0) {
        return -1;
    }

    rc = vips_cast_uchar(colored, out, NULL);
    g_object_unref(colored);

    return rc;
}


static int
social_worker_image_variant(social_worker_image_ctx_t *ctx, uint32_t i)
{
    int                          rc;
    uint32_t                     k;
    VipsImage                   *image;
    const social_worker_spec_t  *spec;

    spec = &ctx->request->variants[i];

    if (social_worker_image_fit(ctx->base, spec, &image) != 0) {
        return -1;
    }

    rc = 0;

    for (k = 0; rc == 0 && k < spec->format_count; k++) {
        rc = social_worker_image_save(ctx, image, i, spec->formats[k]);
    }

    if (rc == 0 && i == 0) {
        rc = social_worker_image_placeholder(ctx, image);
    }

    g_object_unref(image);

    return rc;
}


/*
 * "cover" crops to the box's proportions, and scales after that: what is cut
 * off is never enlarged, which would be gigabytes of a line of pixels.  Where
 * an image is smaller than its box and is not to be enlarged, it still gets
 * the box's proportions: a small photo makes a small square.
 */

static int
social_worker_image_fit(VipsImage *in, const social_worker_spec_t *spec,
    VipsImage **out)
{
    int         rc, width, height;
    VipsImage  *lazy, *crop;

    if (spec->fit == SOCIAL_WORKER_COVER) {

        social_worker_image_crop(in, spec, &width, &height);

        if (vips_smartcrop(in, &crop, width, height, "interesting",
                           social_worker_image_gravities[spec->gravity], NULL)
            != 0)
        {
            return -1;
        }

        if (spec->enlarge || width > (int) spec->width
            || height > (int) spec->height)
        {
            width = (int) spec->width;
            height = (int) spec->height;
        }

        rc = vips_thumbnail_image(crop, &lazy, width, "height", height,
                                  "size", VIPS_SIZE_FORCE,
                                  "no_rotate", TRUE, NULL);
        g_object_unref(crop);

    } else {
        rc = vips_thumbnail_image(in, &lazy, (int) spec->width,
                                  "height", (int) spec->height,
                                  "size", spec->enlarge ? VIPS_SIZE_BOTH
                                                        : VIPS_SIZE_DOWN,
                                  "no_rotate", TRUE, NULL);
    }

    if (rc != 0) {
        return -1;
    }

    *out = social_worker_image_bare(lazy);
    g_object_unref(lazy);

    return *out != NULL ? 0 : -1;
}


/* the largest part of an image that has the box's proportions */

static void
social_worker_image_crop(VipsImage *in, const social_worker_spec_t *spec,
    int *width, int *height)
{
    double  x, y;

    x = (double) in->Xsize / spec->width;
    y = (double) in->Ysize / spec->height;

    *width = in->Xsize;
    *height = in->Ysize;

    if (x > y) {
        *width = (int) VIPS_CLIP(1, VIPS_RINT(spec->width * y), in->Xsize);

    } else {
        *height = (int) VIPS_CLIP(1, VIPS_RINT(spec->height * x), in->Ysize);
    }
}


/*
 * Pixels in memory, and no field of metadata: EXIF, XMP, IPTC, the profile
 * (they are sRGB by now), comments, orientation, resolution.  A saver's
 * "strip" is not to be relied on: that of WebP does nothing in libvips 8.14.
 */

static VipsImage *
social_worker_image_bare(VipsImage *in)
{
    char       **field, **fields;
    VipsImage   *bare, *out;

    /* a copy, so that fields can be removed */

    if (vips_copy(in, &bare, "xres", SOCIAL_WORKER_IMAGE_RESOLUTION,
                  "yres", SOCIAL_WORKER_IMAGE_RESOLUTION, NULL)
        != 0)
    {
        return NULL;
    }

    fields = vips_image_get_fields(bare);

    for (field = fields; *field != NULL; field++) {
        (void) vips_image_remove(bare, *field);
    }

    g_strfreev(fields);

    out = vips_image_copy_memory(bare);
    g_object_unref(bare);

    return out;
}
