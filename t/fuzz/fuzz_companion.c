
/*
 * What Uppy asks, and what stores answer, out of any bytes: the first one says
 * which it is.
 */

#include "fuzz.h"
#include "social_companion.h"
#include "social_sign_request.h"


#define FUZZ_SIZE  65536


static void fuzz_sign(social_str_t text, unsigned char *memory);
static void fuzz_path(social_str_t text, unsigned char *memory);
static void fuzz_complete(social_str_t text, unsigned char *memory);
static void fuzz_reply(social_str_t text, unsigned char *memory);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t    text;
    unsigned char  *memory;

    if (size == 0 || size > 16384) {
        return 0;
    }

    text = fuzz_copy(data + 1, size - 1);
    memory = malloc(FUZZ_SIZE);
    FUZZ_CHECK(memory != NULL);

    switch (data[0] % 4) {

    case 0:
        fuzz_sign(text, memory);
        break;

    case 1:
        fuzz_path(text, memory);
        break;

    case 2:
        fuzz_complete(text, memory);
        break;

    default:
        fuzz_reply(text, memory);
    }

    free(memory);
    fuzz_free(text);

    return 0;
}


static void
fuzz_sign(social_str_t text, unsigned char *memory)
{
    size_t                 i;
    social_rc_e            rc;
    social_buf_t           b;
    social_str_t           key;
    social_sign_request_t  sign;

    rc = social_sign_request_read(text, &sign);

    if (rc != SOCIAL_OK && rc != SOCIAL_DECLINED) {
        return;
    }

    FUZZ_CHECK((rc == SOCIAL_OK) == (sign.error_count == 0));
    FUZZ_CHECK(sign.error_count <= SOCIAL_SIGN_ERRORS);

    if (rc == SOCIAL_OK) {

        /* an object is neither read nor removed */

        FUZZ_CHECK(sign.operation == SOCIAL_SIGN_PUT
                   || sign.operation == SOCIAL_SIGN_CREATE
                   || sign.upload.len);

        social_buf_init(&b, memory, FUZZ_SIZE);
        social_sign_request_query(&b, &sign);
        key = social_sign_request_key(&b, social_str("raw/me/"), sign.key);
        FUZZ_CHECK(b.rc == SOCIAL_OK);
        FUZZ_CHECK(social_str_starts(key, social_str("raw/me/")));

        for (i = 0; i < sign.upload.len; i++) {
            FUZZ_CHECK(sign.upload.data[i] > ' ' && sign.upload.data[i] < 127);
        }
    }

    social_sign_request_free(&sign);
}


/* a method, a path and a query, with line feeds between them */

static void
fuzz_path(social_str_t text, unsigned char *memory)
{
    social_buf_t         b;
    social_str_t         method, path, query;
    unsigned char        token[SOCIAL_COMPANION_TOKEN_SIZE];
    social_companion_t  *c;

    social_str_next(&text, "\n", &method);
    social_str_next(&text, "\n", &path);
    social_str_next(&text, "\n", &query);

    c = malloc(sizeof(social_companion_t));
    FUZZ_CHECK(c != NULL);

    social_buf_init(&b, memory, SOCIAL_COMPANION_WORK_SIZE);

    switch (social_companion_read(method, path, query, &b, c)) {

    case SOCIAL_OK:
        fuzz_read(c->key);
        fuzz_read(c->filename);
        fuzz_read(c->type);
        fuzz_read(c->kind);
        FUZZ_CHECK(c->count <= SOCIAL_COMPANION_BATCH);

        if (c->upload.len) {

            /* there is one token of an upload */

            FUZZ_CHECK(c->id.len == SOCIAL_COMPANION_ID_SIZE);
            social_buf_init(&b, token, sizeof(token));
            social_companion_token(&b, c->id, c->extension, c->upload);
            FUZZ_CHECK(b.rc == SOCIAL_OK);
            FUZZ_CHECK(b.len <= path.len);
            FUZZ_CHECK(memcmp(path.data + 10, token, b.len) == 0);
        }

        break;

    case SOCIAL_MALFORMED:
        FUZZ_CHECK(c->field != NULL && c->why != NULL);
        break;

    default:
        break;
    }

    free(c);
}


static void
fuzz_complete(social_str_t text, unsigned char *memory)
{
    size_t               i, count;
    unsigned            *parts;
    social_buf_t         xml;
    social_json_t       *json;
    social_companion_t  *c;

    c = calloc(1, sizeof(social_companion_t));
    parts = malloc(SOCIAL_COMPANION_MAX_PARTS * sizeof(unsigned));
    FUZZ_CHECK(c != NULL && parts != NULL);

    if (social_companion_create(text, &json, c) == SOCIAL_OK) {
        fuzz_read(c->filename);
        fuzz_read(c->type);
        fuzz_read(c->kind);
        social_json_free(json);
    }

    social_buf_init(&xml, memory, 3 * text.len + 1024);

    if (social_companion_complete(text, &xml, parts, &count, c) == SOCIAL_OK)
    {
        FUZZ_CHECK(count >= 1 && count <= SOCIAL_COMPANION_MAX_PARTS);

        for (i = 1; i < count; i++) {
            FUZZ_CHECK(parts[i - 1] < parts[i]);
        }

    } else {

        /* never for want of room */

        FUZZ_CHECK(xml.rc == SOCIAL_OK);
    }

    free(parts);
    free(c);
}


static void
fuzz_reply(social_str_t text, unsigned char *memory)
{
    size_t                    i;
    social_buf_t              b;
    social_str_t              id;
    social_s3_reply_parts_t  *parts;

    parts = malloc(sizeof(social_s3_reply_parts_t));
    FUZZ_CHECK(parts != NULL);

    social_buf_init(&b, memory, text.len);

    if (social_s3_reply_create(text, &b, &id) == SOCIAL_OK) {
        FUZZ_CHECK(id.len >= 1 && id.len <= SOCIAL_S3_REPLY_MAX_ID);
        fuzz_read(id);
    }

    social_buf_init(&b, memory, text.len);

    if (social_s3_reply_parts(text, &b, parts) == SOCIAL_OK) {

        for (i = 0; i < parts->count; i++) {
            fuzz_read(parts->parts[i].etag);
            FUZZ_CHECK(parts->parts[i].size >= 0);
            FUZZ_CHECK(i == 0
                       || parts->parts[i - 1].number < parts->parts[i].number);
        }

        FUZZ_CHECK(!parts->truncated
                   || parts->next >= parts->parts[0].number);
    }

    social_buf_init(&b, memory, text.len);
    (void) social_s3_reply_complete(text, &b);

    free(parts);
}
