
#include "social_unit.h"
#include "social_upload.h"


static const social_str_t  types[] = {
    social_string("image/jpeg"), social_string("image/png")
};

static const social_str_t  kinds[] = {
    social_string("avatar"), social_string("photo")
};

static const social_upload_policy_t  policy =
    { types, 2, kinds, 2, 1000, false };

static const social_upload_policy_t  any_size =
    { types, 2, kinds, 2, 1000, true };


#define SHA  "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="


static social_rc_e
parse(const char *text, social_upload_t *upload)
{
    return social_upload_parse(social_str(text), &policy, upload);
}


/*
 * The fields that are wrong, in order, with a space after each.
 */

static void
wrong(const char *text, const char *fields, bool too_large, bool wrong_type)
{
    char             got[256] = "";
    size_t           i;
    social_upload_t  upload;

    assert_int_equal(parse(text, &upload), SOCIAL_DECLINED);

    for (i = 0; i < upload.error_count; i++) {
        strcat(got, upload.errors[i].field);
        strcat(got, " ");
        assert_memory_equal(upload.errors[i].why, "must ", 5);
    }

    assert_string_equal(got, fields);
    assert_int_equal(upload.too_large, too_large);
    assert_int_equal(upload.wrong_type, wrong_type);

    social_upload_free(&upload);
}


/* where the policy of a form has the size */

static void
test_any_size(void **state)
{
    size_t           i;
    social_upload_t  upload;

    static const char *const  bad[] = { "null", "0", "\"5\"", "-1", "1001" };

    (void) state;

    assert_int_equal(social_upload_parse(S("{\"kind\":\"photo\","
        "\"contentType\":\"image/png\"}"), &any_size, &upload), SOCIAL_OK);
    assert_int_equal(upload.size, 0);
    social_upload_free(&upload);

    assert_int_equal(social_upload_parse(S("{\"kind\":\"photo\","
        "\"contentType\":\"image/png\",\"size\":9}"), &any_size, &upload),
        SOCIAL_OK);
    assert_int_equal(upload.size, 9);
    social_upload_free(&upload);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        char  text[256];

        snprintf(text, sizeof(text), "{\"kind\":\"photo\",\"contentType\":"
                 "\"image/png\",\"size\":%s}", bad[i]);

        assert_int_equal(social_upload_parse(social_str(text), &any_size,
                                             &upload), SOCIAL_DECLINED);
        assert_int_equal(upload.error_count, 1);
        assert_int_equal(upload.too_large, i == 4);
        social_upload_free(&upload);
    }
}


static void
test_good(void **state)
{
    social_upload_t  upload;

    (void) state;

    assert_int_equal(parse("{\"kind\":\"photo\",\"contentType\":\"image/png\","
                           "\"size\":1000,\"sha256\":\"" SHA "\",\"x\":[1]}",
                           &upload), SOCIAL_OK);
    assert_str(upload.kind, "photo");
    assert_str(upload.content_type, "image/png");
    assert_str(upload.extension, "png");
    assert_str(upload.sha256, SHA);
    assert_int_equal(upload.size, 1000);
    assert_int_equal(upload.error_count, 0);
    social_upload_free(&upload);
    assert_null(upload.json);

    assert_int_equal(parse("{\"kind\":\"avatar\",\"size\":1,"
                           "\"contentType\":\"image/jpeg\"}", &upload),
                     SOCIAL_OK);
    assert_int_equal(upload.sha256.len, 0);
    assert_str(upload.extension, "jpg");
    social_upload_free(&upload);
}


static void
test_wrong(void **state)
{
    size_t              i;
    char                text[256];
    social_upload_t     upload;
    static const char  *digests[] = {
        "5", "null", "\"\"", "\"" SHA "=\"", "\"n4bQ\"",
        "\"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg=\"",
        "\"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCggA\"",

        /* bits of a 33rd byte, which S3 would not send back */
        "\"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgh=\"",
        NULL
    };

    (void) state;

    assert_int_equal(parse("", &upload), SOCIAL_MALFORMED);
    assert_int_equal(parse("[]", &upload), SOCIAL_MALFORMED);
    assert_null(upload.json);

    wrong("{}", "kind contentType size ", false, false);
    wrong("{\"kind\":1,\"contentType\":[],\"size\":\"5\",\"sha256\":1}",
          "kind contentType size sha256 ", false, false);
    wrong("{\"kind\":\"Avatar\",\"contentType\":\"image/png\",\"size\":1}",
          "kind ", false, false);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/gif\",\"size\":1}",
          "contentType ", false, true);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/png\",\"size\":1001}",
          "size ", true, false);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/png;x\","
          "\"size\":1001}", "contentType size ", false, false);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/png\",\"size\":0}",
          "size ", false, false);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/png\",\"size\":-1}",
          "size ", false, false);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/png\",\"size\":1e300}",
          "size ", false, false);
    wrong("{\"kind\":\"avatar\",\"contentType\":\"image/png\","
          "\"size\":9223372036854775807}", "size ", false, false);
    wrong("{\"kind\":\"avatar\\u0020\",\"contentType\":\"image/png\","
          "\"size\":0.5}", "kind size ", false, false);

    for (i = 0; digests[i]; i++) {
        snprintf(text, sizeof(text), "{\"kind\":\"avatar\",\"contentType\":"
                 "\"image/png\",\"size\":1,\"sha256\":%s}", digests[i]);
        wrong(text, "sha256 ", false, false);
    }
}


static void
test_extensions(void **state)
{
    (void) state;

    assert_str(social_upload_extension(S("image/jpeg")), "jpg");
    assert_str(social_upload_extension(S("image/webp")), "webp");
    assert_str(social_upload_extension(S("image/svg+xml")), "");
    assert_str(social_upload_extension(S("IMAGE/JPEG")), "");
    assert_str(social_upload_extension(S("")), "");

    assert_str(social_upload_content_type(S("jpg")), "image/jpeg");
    assert_str(social_upload_content_type(S("JPEG")), "image/jpeg");
    assert_str(social_upload_content_type(S("heif")), "image/heif");
    assert_str(social_upload_content_type(S("svg")), "");
    assert_str(social_upload_content_type(S("")), "");
    assert_str(social_upload_content_type(S("jpg ")), "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_extensions),
    };

    return cmocka_run_group_tests_name("upload", tests, NULL, NULL);
}
