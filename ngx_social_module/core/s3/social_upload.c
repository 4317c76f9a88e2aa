
/*
 * What a client asks for before it uploads.
 */

#include <string.h>

#include "social_crypto.h"
#include "social_encoding.h"
#include "social_upload.h"


typedef struct {
    social_str_t  type;
    social_str_t  extension;
} social_upload_type_t;


static void social_upload_error(social_upload_t *upload, const char *field,
    const char *why);
static void social_upload_check_kind(social_upload_t *upload,
    const social_upload_policy_t *policy);
static void social_upload_check_type(social_upload_t *upload,
    const social_upload_policy_t *policy);
static void social_upload_check_size(social_upload_t *upload,
    const social_upload_policy_t *policy);
static void social_upload_check_sha256(social_upload_t *upload);


static const social_upload_type_t  social_upload_types[] = {
    { social_string("image/jpeg"), social_string("jpg") },
    { social_string("image/jpeg"), social_string("jpeg") },
    { social_string("image/png"), social_string("png") },
    { social_string("image/webp"), social_string("webp") },
    { social_string("image/gif"), social_string("gif") },
    { social_string("image/avif"), social_string("avif") },
    { social_string("image/heic"), social_string("heic") },
    { social_string("image/heif"), social_string("heif") }
};

#define SOCIAL_UPLOAD_TYPES                                                   \
    (sizeof(social_upload_types) / sizeof(social_upload_types[0]))


social_rc_e
social_upload_parse(social_str_t text, const social_upload_policy_t *policy,
    social_upload_t *upload)
{
    social_rc_e  rc;

    memset(upload, 0, sizeof(social_upload_t));

    rc = social_json_parse(text, &upload->json);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    social_upload_check_kind(upload, policy);
    social_upload_check_type(upload, policy);
    social_upload_check_size(upload, policy);
    social_upload_check_sha256(upload);

    if (upload->error_count > 1) {
        upload->too_large = false;
        upload->wrong_type = false;
    }

    return upload->error_count ? SOCIAL_DECLINED : SOCIAL_OK;
}


void
social_upload_free(social_upload_t *upload)
{
    social_json_free(upload->json);

    memset(upload, 0, sizeof(social_upload_t));
}


static void
social_upload_error(social_upload_t *upload, const char *field,
    const char *why)
{
    upload->errors[upload->error_count].field = field;
    upload->errors[upload->error_count].why = why;
    upload->error_count++;
}


static void
social_upload_check_kind(social_upload_t *upload,
    const social_upload_policy_t *policy)
{
    size_t                     i;
    static const social_str_t  name = social_string("kind");

    if (social_json_string(social_json_member(upload->json, name),
                           &upload->kind)
        != SOCIAL_OK)
    {
        social_upload_error(upload, "kind", "must be a string");
        return;
    }

    for (i = 0; i < policy->kind_count; i++) {
        if (social_str_eq(policy->kinds[i], upload->kind)) {
            return;
        }
    }

    social_upload_error(upload, "kind",
                        "must be one of the kinds that are accepted here");
}


static void
social_upload_check_type(social_upload_t *upload,
    const social_upload_policy_t *policy)
{
    size_t                     i;
    static const social_str_t  name = social_string("contentType");

    if (social_json_string(social_json_member(upload->json, name),
                           &upload->content_type)
        != SOCIAL_OK)
    {
        social_upload_error(upload, "contentType", "must be a string");
        return;
    }

    for (i = 0; i < policy->type_count; i++) {
        if (social_str_eq(policy->types[i], upload->content_type)) {
            upload->extension = social_upload_extension(upload->content_type);
            return;
        }
    }

    upload->wrong_type = true;
    social_upload_error(upload, "contentType",
                        "must be one of the types that are accepted here");
}


static void
social_upload_check_size(social_upload_t *upload,
    const social_upload_policy_t *policy)
{
    social_rc_e                rc;
    static const social_str_t  name = social_string("size");

    rc = social_json_integer(social_json_member(upload->json, name),
                             &upload->size);

    if (rc == SOCIAL_DECLINED && policy->any_size) {
        upload->size = 0;
        return;
    }

    if (rc != SOCIAL_OK || upload->size < 1) {
        social_upload_error(upload, "size",
                            "must be a number of bytes over zero");
        return;
    }

    if (upload->size > policy->max_size) {
        upload->too_large = true;
        social_upload_error(upload, "size",
                            "must not be over the limit of this place");
    }
}


static void
social_upload_check_sha256(social_upload_t *upload)
{
    size_t                     len;
    social_rc_e                rc;
    unsigned char              digest[social_base64_decoded_size(44)];
    static const social_str_t  name = social_string("sha256");

    rc = social_json_string(social_json_member(upload->json, name),
                            &upload->sha256);

    if (rc == SOCIAL_DECLINED) {
        return;
    }

    /* in the one spelling that S3 has for it */

    if (rc == SOCIAL_OK && upload->sha256.len == 44
        && social_base64_decode(upload->sha256, digest, &len) == SOCIAL_OK
        && len == SOCIAL_SHA256_SIZE)
    {
        return;
    }

    social_upload_error(upload, "sha256", "must be base64 of 32 bytes");
}


social_str_t
social_upload_extension(social_str_t content_type)
{
    size_t                     i;
    static const social_str_t  none = social_string("");

    for (i = 0; i < SOCIAL_UPLOAD_TYPES; i++) {
        if (social_str_eq(social_upload_types[i].type, content_type)) {
            return social_upload_types[i].extension;
        }
    }

    return none;
}


social_str_t
social_upload_content_type(social_str_t extension)
{
    size_t                     i;
    static const social_str_t  none = social_string("");

    for (i = 0; i < SOCIAL_UPLOAD_TYPES; i++) {
        if (social_str_caseeq(social_upload_types[i].extension, extension)) {
            return social_upload_types[i].type;
        }
    }

    return none;
}
