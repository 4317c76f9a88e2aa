
/*
 * What a client asks to be signed.
 */

#include <string.h>

#include "social_sign_request.h"
#include "social_uri.h"


static void social_sign_request_error(social_sign_request_t *sign,
    const char *field, const char *why);
static void social_sign_request_method(social_sign_request_t *sign);
static void social_sign_request_form(social_sign_request_t *sign);
static void social_sign_request_upload(social_sign_request_t *sign);
static void social_sign_request_part(social_sign_request_t *sign);


/* the method with an upload's name, and with a part's number or without */

static const struct {
    social_str_t   method;
    bool           upload;
    bool           part;
    social_sign_e  operation;
} social_sign_operations[] = {
    { social_string("PUT"), false, false, SOCIAL_SIGN_PUT },
    { social_string("POST"), false, false, SOCIAL_SIGN_CREATE },
    { social_string("PUT"), true, true, SOCIAL_SIGN_PART },
    { social_string("GET"), true, false, SOCIAL_SIGN_LIST },
    { social_string("POST"), true, false, SOCIAL_SIGN_COMPLETE },
    { social_string("DELETE"), true, false, SOCIAL_SIGN_ABORT }
};

#define SOCIAL_SIGN_OPERATIONS                                                \
    (sizeof(social_sign_operations) / sizeof(social_sign_operations[0]))


social_rc_e
social_sign_request_read(social_str_t text, social_sign_request_t *sign)
{
    social_rc_e                rc;
    static const social_str_t  key = social_string("key");
    static const social_str_t  expires = social_string("expiresIn");
    static const social_str_t  kind = social_string("kind");

    memset(sign, 0, sizeof(social_sign_request_t));

    rc = social_json_parse(text, &sign->json);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    if (social_json_string(social_json_member(sign->json, key), &sign->key)
        != SOCIAL_OK || sign->key.len == 0)
    {
        social_sign_request_error(sign, "key",
                                  "must be a string that is not empty");
    }

    social_sign_request_upload(sign);
    social_sign_request_part(sign);
    social_sign_request_method(sign);
    social_sign_request_form(sign);

    rc = social_json_integer(social_json_member(sign->json, expires),
                             &sign->expires);

    if (rc == SOCIAL_DECLINED) {
        sign->expires = 0;

    } else if (rc != SOCIAL_OK || sign->expires < 1) {
        social_sign_request_error(sign, "expiresIn",
                                  "must be a number of seconds over zero");
    }

    if (social_json_string(social_json_member(sign->json, kind), &sign->kind)
        == SOCIAL_MALFORMED)
    {
        social_sign_request_error(sign, "kind", "must be a string");
    }

    return sign->error_count ? SOCIAL_DECLINED : SOCIAL_OK;
}


void
social_sign_request_free(social_sign_request_t *sign)
{
    social_json_free(sign->json);

    memset(sign, 0, sizeof(social_sign_request_t));
}


static void
social_sign_request_error(social_sign_request_t *sign, const char *field,
    const char *why)
{
    sign->errors[sign->error_count].field = field;
    sign->errors[sign->error_count].why = why;
    sign->error_count++;
}


static void
social_sign_request_upload(social_sign_request_t *sign)
{
    size_t                     i;
    bool                       good;
    social_rc_e                rc;
    static const social_str_t  name = social_string("uploadId");

    rc = social_json_string(social_json_member(sign->json, name),
                            &sign->upload);

    if (rc == SOCIAL_DECLINED) {
        return;
    }

    good = (rc == SOCIAL_OK && sign->upload.len >= 1
            && sign->upload.len <= SOCIAL_SIGN_MAX_UPLOAD);

    for (i = 0; good && i < sign->upload.len; i++) {
        good = (sign->upload.data[i] > ' ' && sign->upload.data[i] < 0x7f);
    }

    if (!good) {
        sign->upload.len = 0;
        social_sign_request_error(sign, "uploadId",
                                  "must be a string that the store gave");
    }
}


static void
social_sign_request_part(social_sign_request_t *sign)
{
    int64_t                    n;
    social_rc_e                rc;
    static const social_str_t  name = social_string("partNumber");

    rc = social_json_integer(social_json_member(sign->json, name), &n);

    if (rc == SOCIAL_DECLINED) {
        return;
    }

    if (rc != SOCIAL_OK || n < 1 || n > SOCIAL_SIGN_MAX_PART) {
        social_sign_request_error(sign, "partNumber",
                                  "must be a number from 1 to 10000");
        return;
    }

    sign->part = (unsigned) n;
}


static void
social_sign_request_method(social_sign_request_t *sign)
{
    size_t                     i;
    bool                       known;
    social_str_t               method;
    static const social_str_t  name = social_string("method");

    known = false;

    if (social_json_string(social_json_member(sign->json, name), &method)
        == SOCIAL_OK)
    {
        for (i = 0; i < SOCIAL_SIGN_OPERATIONS; i++) {

            if (!social_str_eq(social_sign_operations[i].method, method)) {
                continue;
            }

            known = true;

            if (social_sign_operations[i].upload == (sign->upload.len != 0)
                && social_sign_operations[i].part == (sign->part != 0))
            {
                sign->method = social_sign_operations[i].method;
                sign->operation = social_sign_operations[i].operation;
                return;
            }
        }
    }

    /* what is missing may be wrong, and named already */

    if (!known) {
        social_sign_request_error(sign, "method",
                                  "must be PUT, POST, GET or DELETE");

    } else if (sign->error_count == 0) {
        social_sign_request_error(sign, "method", "must be PUT or POST, with "
                                  "uploadId PUT, POST, GET or DELETE, and "
                                  "with partNumber PUT");
    }
}


/*
 * Clients that say the type of an object, as Uppy does since 6.3, are those
 * that can send a form.
 */

static void
social_sign_request_form(social_sign_request_t *sign)
{
    social_rc_e                rc;
    social_str_t               type;
    static const social_str_t  name = social_string("contentType");

    rc = social_json_string(social_json_member(sign->json, name), &type);

    if (rc == SOCIAL_DECLINED) {
        return;
    }

    if (rc != SOCIAL_OK) {
        social_sign_request_error(sign, "contentType", "must be a string");
        return;
    }

    sign->form = (sign->operation == SOCIAL_SIGN_PUT);
}


void
social_sign_request_query(social_buf_t *b, const social_sign_request_t *sign)
{
    if (sign->operation == SOCIAL_SIGN_CREATE) {
        social_buf_text(b, "uploads=");
        return;
    }

    if (sign->upload.len == 0) {
        return;
    }

    if (sign->part) {
        social_buf_text(b, "partNumber=");
        social_buf_number(b, sign->part);
        social_buf_byte(b, '&');
    }

    social_buf_text(b, "uploadId=");
    social_uri_encode(b, sign->upload, 0);
}


social_str_t
social_sign_request_key(social_buf_t *b, social_str_t prefix,
    social_str_t key)
{
    size_t  mark;

    mark = b->len;

    if (!social_str_starts(key, prefix)) {
        social_buf_put(b, prefix);
    }

    social_buf_put(b, key);

    return social_buf_since(b, mark);
}
