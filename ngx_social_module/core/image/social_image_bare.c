
/*
 * Whether an AVIF has nothing but a picture.
 */

#include <string.h>

#include "social_image_bare.h"
#include "social_image_bytes.h"


#define SOCIAL_IMAGE_BARE_MAX_BOXES  4096

/* of an item, "Alpha" say, and of the handler */
#define SOCIAL_IMAGE_BARE_MAX_NAME   16

#define SOCIAL_IMAGE_BARE_ANY        UINT64_MAX


typedef struct {
    const unsigned char          *pos;
    const unsigned char          *end;
} social_image_bare_reader_t;


typedef struct {
    unsigned                      boxes;
    unsigned                      meta;
    unsigned                      mdat;
} social_image_bare_t;


typedef struct {
    char                          in[5];      /* "": the file itself */
    char                          name[5];
    unsigned                      head;       /* before the boxes inside */
    uint64_t                      max;        /* bytes; 0: it has boxes */
} social_image_bare_box_t;


static social_rc_e social_image_bare_boxes(social_image_bare_t *bare,
    const char *in, social_image_bare_reader_t reader);
static const social_image_bare_box_t *social_image_bare_find(const char *in,
    const unsigned char *name);
static social_rc_e social_image_bare_leaf(const unsigned char *name,
    social_image_bare_reader_t inside);
static social_rc_e social_image_bare_item(social_image_bare_reader_t inside);
static social_rc_e social_image_bare_zeros(social_image_bare_reader_t inside);
static social_rc_e social_image_bare_take(social_image_bare_reader_t *reader,
    const unsigned char **name, social_image_bare_reader_t *inside);


/* iinf has its count after version and flags, in two bytes or in four */

static const social_image_bare_box_t  social_image_bare_list[] = {
    { "", "ftyp", 0, 1024 },
    { "", "meta", 4, 0 },
    { "", "mdat", 0, SOCIAL_IMAGE_BARE_ANY },
    { "meta", "hdlr", 0, 24 + SOCIAL_IMAGE_BARE_MAX_NAME },
    { "meta", "pitm", 0, 8 },
    { "meta", "iloc", 0, SOCIAL_IMAGE_BARE_ANY },
    { "meta", "iref", 0, SOCIAL_IMAGE_BARE_ANY },
    { "meta", "idat", 0, SOCIAL_IMAGE_BARE_ANY },
    { "meta", "iinf", 6, 0 },
    { "meta", "iprp", 0, 0 },
    { "iinf", "infe", 0, 14 + SOCIAL_IMAGE_BARE_MAX_NAME },
    { "iprp", "ipma", 0, SOCIAL_IMAGE_BARE_ANY },
    { "iprp", "ipco", 0, 0 },
    { "ipco", "ispe", 0, 12 },
    { "ipco", "pixi", 0, 16 },
    { "ipco", "av1C", 0, 256 },
    { "ipco", "colr", 0, 11 },
    { "ipco", "auxC", 0, 64 },
    { "ipco", "pasp", 0, 8 },
    { "ipco", "irot", 0, 1 },
    { "ipco", "imir", 0, 1 },
    { "ipco", "clap", 0, 32 },
    { "ipco", "clli", 0, 4 },
    { "ipco", "mdcv", 0, 24 }
};


social_rc_e
social_image_bare_avif(social_str_t data)
{
    social_rc_e                 rc;
    social_image_bare_t         bare;
    social_image_bare_reader_t  reader;

    reader.pos = data.data;
    reader.end = data.data + data.len;

    memset(&bare, 0, sizeof(social_image_bare_t));

    rc = social_image_bare_boxes(&bare, "", reader);

    if (rc == SOCIAL_OK && (bare.meta != 1 || bare.mdat == 0)) {
        return SOCIAL_MALFORMED;
    }

    return rc;
}


static social_rc_e
social_image_bare_boxes(social_image_bare_t *bare, const char *in,
    social_image_bare_reader_t reader)
{
    social_rc_e                     rc;
    const unsigned char            *name;
    social_image_bare_reader_t      inside;
    const social_image_bare_box_t  *box;

    while (reader.pos < reader.end) {

        if (++bare->boxes > SOCIAL_IMAGE_BARE_MAX_BOXES) {
            return SOCIAL_MALFORMED;
        }

        rc = social_image_bare_take(&reader, &name, &inside);

        if (rc != SOCIAL_OK) {
            return rc;
        }

        /* room that is left empty, wherever */

        if (memcmp(name, "free", 4) == 0 || memcmp(name, "skip", 4) == 0) {

            rc = social_image_bare_zeros(inside);

            if (rc != SOCIAL_OK) {
                return rc;
            }

            continue;
        }

        box = social_image_bare_find(in, name);

        if (box == NULL) {
            return SOCIAL_DECLINED;
        }

        bare->meta += memcmp(name, "meta", 4) == 0;
        bare->mdat += memcmp(name, "mdat", 4) == 0;

        if (box->max != 0) {

            if ((uint64_t) (inside.end - inside.pos) > box->max) {
                return SOCIAL_DECLINED;
            }

            rc = social_image_bare_leaf(name, inside);

        } else if ((size_t) (inside.end - inside.pos) < box->head) {
            return SOCIAL_MALFORMED;

        } else {
            inside.pos += box->head;

            if (memcmp(name, "iinf", 4) == 0 && inside.pos[-6] != 0) {

                if (inside.end - inside.pos < 2) {
                    return SOCIAL_MALFORMED;
                }

                inside.pos += 2;
            }

            /* the list nests no deeper than meta, iprp, ipco */

            rc = social_image_bare_boxes(bare, box->name, inside);
        }

        if (rc != SOCIAL_OK) {
            return rc;
        }
    }

    return SOCIAL_OK;
}


static const social_image_bare_box_t *
social_image_bare_find(const char *in, const unsigned char *name)
{
    size_t                          i;
    const social_image_bare_box_t  *box;

    for (i = 0; i < sizeof(social_image_bare_list)
                    / sizeof(social_image_bare_list[0]); i++)
    {
        box = &social_image_bare_list[i];

        if (strcmp(box->in, in) == 0 && memcmp(box->name, name, 4) == 0) {
            return box;
        }
    }

    return NULL;
}


/* those that can be more than one thing */

static social_rc_e
social_image_bare_leaf(const unsigned char *name,
    social_image_bare_reader_t inside)
{
    size_t  len;

    len = (size_t) (inside.end - inside.pos);

    if (memcmp(name, "infe", 4) == 0) {
        return social_image_bare_item(inside);
    }

    if (memcmp(name, "hdlr", 4) == 0) {

        if (len < 24) {
            return SOCIAL_MALFORMED;
        }

        return memcmp(inside.pos + 8, "pict", 4) == 0 ? SOCIAL_OK
                                                      : SOCIAL_DECLINED;
    }

    /* "prof" and "rICC" are profiles */

    if (memcmp(name, "colr", 4) == 0) {

        if (len < 4) {
            return SOCIAL_MALFORMED;
        }

        return memcmp(inside.pos, "nclx", 4) == 0 ? SOCIAL_OK
                                                  : SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/* what an item is; "Exif", "mime" (XMP) and "uri " are not pictures */

static social_rc_e
social_image_bare_item(social_image_bare_reader_t inside)
{
    size_t                i, head, len;
    static const char     types[][5] = { "av01", "grid", "iovl", "iden" };
    const unsigned char  *type;

    len = (size_t) (inside.end - inside.pos);

    if (len < 4) {
        return SOCIAL_MALFORMED;
    }

    /* versions before 2 have no type: they are of files, by their names */

    if (inside.pos[0] != 2 && inside.pos[0] != 3) {
        return SOCIAL_DECLINED;
    }

    head = inside.pos[0] == 2 ? 8 : 10;

    if (len < head + 4) {
        return SOCIAL_MALFORMED;
    }

    type = inside.pos + head;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (memcmp(type, types[i], 4) == 0) {
            return SOCIAL_OK;
        }
    }

    return SOCIAL_DECLINED;
}


static social_rc_e
social_image_bare_zeros(social_image_bare_reader_t inside)
{
    const unsigned char  *p;

    for (p = inside.pos; p < inside.end; p++) {
        if (*p != 0) {
            return SOCIAL_DECLINED;
        }
    }

    return SOCIAL_OK;
}


/*
 * extracts a whole box from the front: a length of 1 is followed by a long one
 */

static social_rc_e
social_image_bare_take(social_image_bare_reader_t *reader,
    const unsigned char **name, social_image_bare_reader_t *inside)
{
    size_t    left, head;
    uint64_t  len;

    left = (size_t) (reader->end - reader->pos);

    if (left < 8) {
        return SOCIAL_MALFORMED;
    }

    len = social_image_32be(reader->pos);
    head = 8;

    *name = reader->pos + 4;

    if (len == 1) {

        if (left < 16) {
            return SOCIAL_MALFORMED;
        }

        len = (uint64_t) social_image_32be(reader->pos + 8) << 32
              | social_image_32be(reader->pos + 12);
        head = 16;

    } else if (len == 0) {
        len = left;
    }

    if (len < head || len > left) {
        return SOCIAL_MALFORMED;
    }

    inside->pos = reader->pos + head;
    inside->end = reader->pos + len;
    reader->pos = inside->end;

    return SOCIAL_OK;
}
