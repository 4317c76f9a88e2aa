
/*
 * The decoder, by libvips: one decode, then every variant from it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vips/vips.h>

#include "social_image.h"
#include "social_worker_image.h"


#define SOCIAL_WORKER_IMAGE_FD  3


typedef struct {
    social_str_t                    data;
    social_image_t                  image;
    const social_worker_request_t  *request;
    social_worker_reply_t          *reply;
    int                             out;
    uint64_t                        written;
    VipsImage                      *base;
} social_worker_image_ctx_t;


static void social_worker_image_allow(void);
static void social_worker_image_limit(uint64_t memory, uint64_t cpu);
static void social_worker_image_hello(social_worker_hello_t *hello);
static bool social_worker_image_receive(social_worker_request_t *request,
    int fds[2]);
static void social_worker_image_run(const social_worker_request_t *request,
    int in, int out, social_worker_reply_t *reply);
static void social_worker_image_refuse(social_worker_reply_t *reply,
    social_worker_decoded_e status, const char *error);
static void social_worker_image_vips_error(social_worker_reply_t *reply);
static int social_worker_image_load(social_worker_image_ctx_t *ctx,
    double scale, VipsImage **loaded);
static int social_worker_image_base(social_worker_image_ctx_t *ctx);
static int social_worker_image_resize(VipsImage *in, int width, int height,
    VipsImage **out);
static double social_worker_image_scale(const social_worker_request_t *request,
    double width, double height);
static int social_worker_image_srgb(VipsImage *in, VipsImage **out);
static int social_worker_image_variant(social_worker_image_ctx_t *ctx,
    uint32_t i);
static int social_worker_image_fit(VipsImage *in,
    const social_worker_spec_t *spec, VipsImage **out);
static int social_worker_image_save(social_worker_image_ctx_t *ctx,
    VipsImage *image, uint32_t variant, social_image_type_e format);
static int social_worker_image_flatten(VipsImage *in,
    const social_worker_spec_t *spec, VipsImage **out);
static int social_worker_image_placeholder(social_worker_image_ctx_t *ctx,
    VipsImage *image);


/* what may be called at all, by the names of libvips' classes */

static const char *const  social_worker_image_allowed[] = {
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadWebp",
    "VipsForeignLoadHeif",
    "VipsForeignSaveJpeg",
    "VipsForeignSavePng",
    "VipsForeignSaveSpng",
    "VipsForeignSaveWebp",
    "VipsForeignSaveHeif"
};

static const struct {
    social_image_type_e  type;
    const char          *load;
    const char          *save;

} social_worker_image_operations[] = {
    { SOCIAL_IMAGE_JPEG, "jpegload_buffer", "jpegsave_buffer" },
    { SOCIAL_IMAGE_PNG, "pngload_buffer", "pngsave_buffer" },
    { SOCIAL_IMAGE_GIF, "gifload_buffer", NULL },
    { SOCIAL_IMAGE_WEBP, "webpload_buffer", "webpsave_buffer" },
    { SOCIAL_IMAGE_AVIF, "heifload_buffer", "heifsave_buffer" },
    { SOCIAL_IMAGE_HEIC, "heifload_buffer", NULL }
};

static const VipsInteresting  social_worker_image_gravities[] = {
    [SOCIAL_WORKER_CENTRE] = VIPS_INTERESTING_CENTRE,
    [SOCIAL_WORKER_ATTENTION] = VIPS_INTERESTING_ATTENTION,
    [SOCIAL_WORKER_ENTROPY] = VIPS_INTERESTING_ENTROPY
};


int
social_worker_image_main(uint64_t memory, uint64_t cpu)
{
    int                      fds[2];
    social_worker_hello_t    hello;
    social_worker_reply_t   *reply;
    social_worker_request_t  request;

    /* arenas would be taken for every thread that a codec starts */

    putenv((char *) (uintptr_t) "MALLOC_ARENA_MAX=2");

    if (VIPS_INIT("social-worker-decoder") != 0) {
        return 1;
    }

    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_cache_set_max_mem(0);

    social_worker_image_allow();
    social_worker_image_hello(&hello);
    social_worker_image_limit(memory, cpu);

    reply = malloc(sizeof(social_worker_reply_t));

    if (reply == NULL
        || send(SOCIAL_WORKER_IMAGE_FD, &hello, sizeof(hello), MSG_NOSIGNAL)
           != sizeof(hello))
    {
        return 1;
    }

    while (social_worker_image_receive(&request, fds)) {

        memset(reply, 0, sizeof(social_worker_reply_t));
        reply->magic = SOCIAL_WORKER_MAGIC;

        social_worker_image_run(&request, fds[0], fds[1], reply);

        close(fds[0]);
        close(fds[1]);

        if (send(SOCIAL_WORKER_IMAGE_FD, reply, sizeof(social_worker_reply_t),
                 MSG_NOSIGNAL)
            != sizeof(social_worker_reply_t))
        {
            break;
        }
    }

    return 0;
}


/*
 * Nothing of what reads or writes files but what is named: libvips has loaders
 * for dozens of formats, some of which run other programs.
 */

static void
social_worker_image_allow(void)
{
    size_t  i;

    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeign", TRUE);

    for (i = 0; i < sizeof(social_worker_image_allowed)
                    / sizeof(social_worker_image_allowed[0]); i++)
    {
        vips_operation_block_set(social_worker_image_allowed[i], FALSE);
    }
}


static void
social_worker_image_limit(uint64_t memory, uint64_t cpu)
{
    FILE                *f;
    struct rlimit        limit;
    unsigned long long   pages;

    /* what libvips and its codecs have mapped is theirs */

    pages = 0;
    f = fopen("/proc/self/statm", "r");

    if (f != NULL) {
        if (fscanf(f, "%llu", &pages) != 1) {
            pages = 0;
        }

        fclose(f);
    }

#if !defined(__SANITIZE_ADDRESS__)
    limit.rlim_cur = limit.rlim_max =
        (rlim_t) (memory + pages * (unsigned long long)
                                   sysconf(_SC_PAGESIZE));
    setrlimit(RLIMIT_AS, &limit);
#else
    (void) memory;                          /* its shadow is terabytes */
#endif

    limit.rlim_cur = limit.rlim_max = (rlim_t) cpu;
    setrlimit(RLIMIT_CPU, &limit);

    limit.rlim_cur = limit.rlim_max = SOCIAL_WORKER_MAX_OUTPUT;
    setrlimit(RLIMIT_FSIZE, &limit);

    limit.rlim_cur = limit.rlim_max = 0;
    setrlimit(RLIMIT_CORE, &limit);

    limit.rlim_cur = limit.rlim_max = 16;
    setrlimit(RLIMIT_NOFILE, &limit);

    prctl(PR_SET_DUMPABLE, 0);
}


static void
social_worker_image_hello(social_worker_hello_t *hello)
{
    size_t  i;

    memset(hello, 0, sizeof(social_worker_hello_t));

    hello->magic = SOCIAL_WORKER_MAGIC;
    hello->vips = (uint32_t) (vips_version(0) * 10000 + vips_version(1) * 100
                              + vips_version(2));

    for (i = 0; i < sizeof(social_worker_image_operations)
                    / sizeof(social_worker_image_operations[0]); i++)
    {
        if (vips_type_find("VipsOperation",
                           social_worker_image_operations[i].load))
        {
            hello->readable |= 1u << social_worker_image_operations[i].type;
        }

        if (social_worker_image_operations[i].save != NULL
            && vips_type_find("VipsOperation",
                              social_worker_image_operations[i].save))
        {
            hello->writable |= 1u << social_worker_image_operations[i].type;
        }
    }
}


static bool
social_worker_image_receive(social_worker_request_t *request, int fds[2])
{
    ssize_t          n;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            buf[CMSG_SPACE(2 * sizeof(int))];
    } control;

    memset(&msg, 0, sizeof(struct msghdr));

    iov.iov_base = request;
    iov.iov_len = sizeof(social_worker_request_t);

    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    do {
        n = recvmsg(SOCIAL_WORKER_IMAGE_FD, &msg, MSG_CMSG_CLOEXEC);
    } while (n == -1 && errno == EINTR);

    if (n != sizeof(social_worker_request_t)
        || request->magic != SOCIAL_WORKER_MAGIC)
    {
        return false;
    }

    cmsg = CMSG_FIRSTHDR(&msg);

    if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS
        || cmsg->cmsg_len != CMSG_LEN(2 * sizeof(int)))
    {
        return false;
    }

    memcpy(fds, CMSG_DATA(cmsg), 2 * sizeof(int));

    return true;
}


/*
 * Our own look at the headers first; libvips sees only what is one of the
 * formats, and of a size that we will decode.
 */

static void
social_worker_image_run(const social_worker_request_t *request, int in,
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

    } else if (social_image_pixels(&ctx.image) > request->max_pixels) {
        social_worker_image_refuse(reply, SOCIAL_WORKER_TOO_MANY_PIXELS,
                                   "over the limit of pixels");

    } else if (social_worker_image_base(&ctx) != 0) {
        social_worker_image_vips_error(reply);

    } else {
        for (i = 0; i < request->variant_count; i++) {
            if (social_worker_image_variant(&ctx, i) != 0) {
                social_worker_image_vips_error(reply);
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


static void
social_worker_image_vips_error(social_worker_reply_t *reply)
{
    char        *p;
    const char  *error;

    if (reply->status != SOCIAL_WORKER_DECODED) {
        return;
    }

    error = vips_error_buffer();

    social_worker_image_refuse(reply,
        strstr(error, "out of memory") || strstr(error, "nable to allocate")
        || strstr(error, "emory allocation")
        ? SOCIAL_WORKER_NO_MEMORY : SOCIAL_WORKER_DAMAGED, error);

    for (p = reply->error; *p != '\0'; p++) {
        if (*p == '\n') {
            *p = ' ';
        }
    }

    vips_error_clear();
}


/*
 * Loads by the loader's own name, at no less than twice "scale" where the
 * format can be decoded smaller than it is, so that the last halving is a good
 * filter's.
 */

static int
social_worker_image_load(social_worker_image_ctx_t *ctx, double scale,
    VipsImage **loaded)
{
    int     shrink;
    void   *data;
    size_t  len;

    data = (void *) (uintptr_t) ctx->data.data;
    len = ctx->data.len;

    switch (ctx->image.type) {

    case SOCIAL_IMAGE_JPEG:

        for (shrink = 8; shrink > 1; shrink /= 2) {
            if (shrink * scale * 2 <= 1) {
                break;
            }
        }

        return vips_jpegload_buffer(data, len, loaded, "shrink", shrink,
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
                                    "scale", scale * 2 < 1 ? scale * 2 : 1.0,
                                    "access", VIPS_ACCESS_SEQUENTIAL,
                                    "fail_on", VIPS_FAIL_ON_ERROR, NULL);

    case SOCIAL_IMAGE_AVIF:
    case SOCIAL_IMAGE_HEIC:

        if (vips_type_find("VipsOperation", "heifload_buffer") == 0) {
            social_worker_image_refuse(ctx->reply, SOCIAL_WORKER_NOT_BUILT,
                                       "libvips was built without HEIF");
            return -1;
        }

        return vips_heifload_buffer(data, len, loaded, "n", 1,
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
    scale = social_worker_image_scale(ctx->request, width, height);

    if (social_worker_image_load(ctx, scale, &loaded) != 0) {
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
 * Profiles are for what has one, and for CMYK, which is nothing without one:
 * to others, "export_profile" would do a conversion from nowhere in particular
 * that shifts every color.
 */

static int
social_worker_image_resize(VipsImage *in, int width, int height,
    VipsImage **out)
{
    if (in->Type == VIPS_INTERPRETATION_CMYK) {
        return vips_thumbnail_image(in, out, width, "height", height,
                                    "size", VIPS_SIZE_FORCE,
                                    "import_profile", "cmyk",
                                    "export_profile", "srgb", NULL);
    }

    if (vips_image_get_typeof(in, VIPS_META_ICC_NAME) != 0) {
        return vips_thumbnail_image(in, out, width, "height", height,
                                    "size", VIPS_SIZE_FORCE,
                                    "export_profile", "srgb", NULL);
    }

    return vips_thumbnail_image(in, out, width, "height", height,
                                "size", VIPS_SIZE_FORCE, NULL);
}


/* the largest scale that any variant needs, 1 at most */

static double
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
 * Where an image is smaller than its box and is not to be enlarged, "cover"
 * still gives the box's proportions: a small photo makes a small square.
 */

static int
social_worker_image_fit(VipsImage *in, const social_worker_spec_t *spec,
    VipsImage **out)
{
    int         rc;
    double      x, y, scale;
    int         width, height;
    VipsImage  *lazy;

    width = (int) spec->width;
    height = (int) spec->height;

    if (spec->fit == SOCIAL_WORKER_COVER) {

        x = (double) in->Xsize / width;
        y = (double) in->Ysize / height;
        scale = x < y ? x : y;

        if (scale < 1 && !spec->enlarge) {
            width = (int) VIPS_MAX(1, VIPS_RINT(width * scale));
            height = (int) VIPS_MAX(1, VIPS_RINT(height * scale));
        }

        rc = vips_thumbnail_image(in, &lazy, width, "height", height,
                                  "size", VIPS_SIZE_BOTH, "crop",
                                  social_worker_image_gravities[spec->gravity],
                                  "no_rotate", TRUE, NULL);

    } else {
        rc = vips_thumbnail_image(in, &lazy, width, "height", height,
                                  "size", spec->enlarge ? VIPS_SIZE_BOTH
                                                        : VIPS_SIZE_DOWN,
                                  "no_rotate", TRUE, NULL);
    }

    if (rc != 0) {
        return -1;
    }

    *out = vips_image_copy_memory(lazy);
    g_object_unref(lazy);

    return *out != NULL ? 0 : -1;
}


static int
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


/* without an alpha band libvips would take blue for one */

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


static int
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
