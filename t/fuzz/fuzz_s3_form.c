
/*
 * Forms out of any bytes.  The first byte says how the rest is cut: what is
 * decoded does not depend on the cuts.  Then the fields are read, with a good
 * signature of their policy.
 */

#include "fuzz.h"
#include "social_encoding.h"
#include "social_s3_form.h"
#include "social_s3_post.h"


typedef struct {
    social_s3_error_e        error;
    size_t                   len;
    unsigned char           *file;
    social_s3_form_t         form;
    social_s3_form_fields_t  fields;
} fuzz_form_t;


static fuzz_form_t *fuzz_decode(social_str_t in, size_t step);
static void fuzz_post(const social_s3_form_fields_t *fields);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    social_str_t   in;
    fuzz_form_t   *a, *b;

    if (size == 0) {
        return 0;
    }

    in = fuzz_copy(data + 1, size - 1);

    a = fuzz_decode(in, size);
    b = fuzz_decode(in, 1 + data[0] % 64);

    FUZZ_CHECK(a->error == b->error);

    if (a->error == SOCIAL_S3_OK) {
        FUZZ_CHECK(a->len == b->len && memcmp(a->file, b->file, a->len) == 0);
        FUZZ_CHECK(a->form.files == b->form.files);
        FUZZ_CHECK(a->fields.count == b->fields.count);

        for (i = 0; i < a->fields.count; i++) {
            FUZZ_CHECK(social_str_eq(a->fields.items[i].name,
                                     b->fields.items[i].name));
            FUZZ_CHECK(social_str_eq(a->fields.items[i].value,
                                     b->fields.items[i].value));
        }
    }

    if (a->form.has_file) {
        fuzz_post(&a->fields);
    }

    free(a->file);
    free(b->file);
    free(a);
    free(b);
    fuzz_free(in);

    return 0;
}


static fuzz_form_t *
fuzz_decode(social_str_t in, size_t step)
{
    size_t         begun;
    fuzz_form_t   *f;
    social_str_t   piece, data, copy;

    f = calloc(1, sizeof(fuzz_form_t));
    FUZZ_CHECK(f != NULL);

    f->file = malloc(in.len + 1);
    FUZZ_CHECK(f->file != NULL);

    f->error = social_s3_form_init(&f->form, &f->fields,
                           social_str("multipart/form-data; boundary=b"));

    while (in.len && f->error == SOCIAL_S3_OK) {

        copy = fuzz_copy(in.data, in.len < step ? in.len : step);
        in.data += copy.len;
        in.len -= copy.len;
        piece = copy;

        while (piece.len && f->error == SOCIAL_S3_OK) {

            begun = piece.len;
            f->error = social_s3_form_next(&f->form, &piece, &data);

            if (f->error == SOCIAL_S3_OK && data.len) {
                FUZZ_CHECK(f->form.has_file);
                memcpy(f->file + f->len, data.data, data.len);
                f->len += data.len;
            }

            FUZZ_CHECK(f->error != SOCIAL_S3_OK || piece.len < begun
                       || data.len);
        }

        fuzz_free(copy);
    }

    if (f->error == SOCIAL_S3_OK) {
        f->error = social_s3_form_end(&f->form);
    }

    return f;
}


/*
 * The policy is signed in place of the client, or nothing behind it would be
 * reached.
 */

static void
fuzz_post(const social_s3_form_fields_t *fields)
{
    size_t                    i;
    social_buf_t              work;
    social_str_t              policy;
    social_s3_post_t         *post;
    social_s3_error_e         error;
    social_sigv4_key_t        key;
    social_sigv4_known_t      known;
    social_sigv4_policy_t     keys;
    social_s3_form_fields_t  *sent;
    unsigned char            *memory, *text;
    unsigned char             signature[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_s3_place_t         place;

    memory = malloc(SOCIAL_S3_POST_SIZE);
    text = malloc(2 * SOCIAL_S3_FORM_SIZE);
    sent = malloc(sizeof(social_s3_form_fields_t));
    post = malloc(sizeof(social_s3_post_t));
    FUZZ_CHECK(memory && text && sent && post);

    memset(&known, 0, sizeof(known));
    memset(&keys, 0, sizeof(keys));
    memset(&place, 0, sizeof(place));

    known.access_key = social_str("AK");
    known.secrets[0] = social_str("secret");
    keys.region = social_str("r");
    keys.service = social_str("s3");
    keys.known = &known;
    keys.known_count = 1;
    place.prefix = social_str("/");
    place.bucket = social_str("bucket");

    *sent = *fields;
    policy.data = text;
    policy.len = 0;

    for (i = 0; i < sent->count; i++) {

        /* in plain text, for the sake of the fuzzer */

        if (social_str_eq(sent->items[i].name, social_str("policy"))) {
            policy.len = social_base64_encode(sent->items[i].value, text);
            sent->items[i].value = policy;
        }
    }

    if (sent->count + 4 <= SOCIAL_S3_FORM_FIELDS) {

        FUZZ_CHECK(social_sigv4_key(known.secrets[0], social_str("20260101"),
                                    keys.region, keys.service, &key)
                   == SOCIAL_OK);
        FUZZ_CHECK(social_sigv4_signature(&key, policy, signature)
                   == SOCIAL_OK);

        i = sent->count;
        sent->items[i].name = social_str("x-amz-algorithm");
        sent->items[i++].value = social_str("AWS4-HMAC-SHA256");
        sent->items[i].name = social_str("x-amz-credential");
        sent->items[i++].value =
            social_str("AK/20260101/r/s3/aws4_request");
        sent->items[i].name = social_str("x-amz-date");
        sent->items[i++].value = social_str("20260101T000000Z");
        sent->items[i].name = social_str("x-amz-signature");
        sent->items[i].value.data = signature;
        sent->items[i++].value.len = sizeof(signature);
        sent->count = i;
    }

    social_buf_init(&work, memory, SOCIAL_S3_POST_SIZE);

    error = social_s3_post_read(&place, &keys, sent, 1767225600, &work, post);

    fuzz_read(post->op.message);
    fuzz_read(post->op.detail);

    if (error == SOCIAL_S3_OK) {
        FUZZ_CHECK(post->op.operation == SOCIAL_S3_PUT_OBJECT);
        FUZZ_CHECK(post->op.key.len > 0);
        FUZZ_CHECK(post->op.chunked == SOCIAL_S3_CHUNKED_NONE);
        fuzz_read(post->op.key);
        fuzz_read(post->type);
        fuzz_read(post->redirect);
    }

    free(post);
    free(sent);
    free(text);
    free(memory);
}
