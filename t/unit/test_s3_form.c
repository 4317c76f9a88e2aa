
/*
 * Forms: multipart/form-data of clients, however it is cut.
 */

#include "social_unit.h"
#include "social_s3_form.h"


static social_s3_form_t         form;
static social_s3_form_fields_t  fields;
static unsigned char            file[65536];
static size_t                   file_len;


/* decodes "body" in pieces of "step" bytes, each of memory of its own */

static social_s3_error_e
decode(social_str_t type, social_str_t body, size_t step)
{
    size_t              n;
    social_str_t        piece, data;
    unsigned char      *copy;
    social_s3_error_e   error;

    file_len = 0;

    error = social_s3_form_init(&form, &fields, type);

    while (body.len && error == SOCIAL_S3_OK) {

        n = body.len < step ? body.len : step;
        copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, body.data, n);
        body.data += n;
        body.len -= n;

        piece.data = copy;
        piece.len = n;

        while (piece.len && error == SOCIAL_S3_OK) {

            error = social_s3_form_next(&form, &piece, &data);

            if (error == SOCIAL_S3_OK && data.len) {
                assert_true(form.has_file);
                memcpy(file + file_len, data.data, data.len);
                file_len += data.len;
            }
        }

        free(copy);
    }

    return error != SOCIAL_S3_OK ? error : social_s3_form_end(&form);
}


#define TYPE  S("multipart/form-data; boundary=b-1")

#define PART(name, text)                                                      \
    "--b-1\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"      \
    text "\r\n"

#define FILE_PART(name, text)                                                 \
    "--b-1\r\ncontent-disposition:form-data;name=file; filename=\"" name      \
    "\"\r\nContent-Type: image/jpeg\r\n\r\n" text "\r\n"


static void
assert_file(const char *text)
{
    assert_int_equal(file_len, strlen(text));
    assert_memory_equal(file, text, file_len);
}


static void
test_cuts(void **state)
{
    size_t  step;

    static const social_str_t  body = social_string(
        PART("Key", "a/${filename}") PART("x-amz-meta-\xc2", "")
        FILE_PART("photo.jpg", "\r\n--b-2\r\r\n--b\r\n\r\n--b-")
        PART("after", "\r\n--b-") "--b-1--\r\nepilogue");

    static const social_str_t  good = social_string(
        PART("Key", "a/${filename}") PART("Empty", "") PART("t", "\r\n\r\n-")
        FILE_PART("photo.jpg", "\r\n--b-2\r\r\n--b\r\n\r\n--b-")
        PART("after", "\r\n--b-") "--b-1--\r\nepilogue");

    (void) state;

    assert_int_equal(decode(TYPE, body, 7), SOCIAL_S3_MALFORMED_POST_REQUEST);

    for (step = 1; step <= good.len; step++) {

        assert_int_equal(decode(TYPE, good, step), SOCIAL_S3_OK);
        assert_int_equal(form.files, 1);
        assert_int_equal(fields.count, 3);
        assert_str(fields.items[0].name, "key");
        assert_str(fields.items[0].value, "a/${filename}");
        assert_str(fields.items[1].name, "empty");
        assert_str(fields.items[1].value, "");
        assert_str(fields.items[2].value, "\r\n\r\n-");
        assert_str(fields.filename, "photo.jpg");
        assert_file("\r\n--b-2\r\r\n--b\r\n\r\n--b-");
    }
}


static void
test_file(void **state)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *name;
        const char  *text;
        unsigned     files;
    } good[] = {
        { FILE_PART("a", "") "--b-1--", "a", "", 1 },
        { "\r\n" FILE_PART("a", "x") "--b-1--\r\n", "a", "x", 1 },
        { "preamble\r\n" FILE_PART("a", "x") "--b-1--\r\n", "a", "x", 1 },
        { FILE_PART("C:\\dir\\a b.jpg", "x") "--b-1--", "a b.jpg", "x", 1 },
        { FILE_PART("/home/x/", "x") "--b-1--", "", "x", 1 },
        { FILE_PART("a\\\"b.jpg", "x") "--b-1--", "\"b.jpg", "x", 1 },
        { FILE_PART("a%22b.jpg", "x") "--b-1--", "a%22b.jpg", "x", 1 },
        { PART("file", "text") "--b-1--", "", "text", 1 },
        { PART("FILE", "text") "--b-1--", "", "text", 1 },
        { FILE_PART("a", "x") FILE_PART("b", "y") "--b-1--", "a", "x", 2 },
        { FILE_PART("a", "x") PART("file", "y") FILE_PART("b", "z")
          "--b-1--", "a", "x", 3 },
        { PART("key", "k") "--b-1--", "", "", 0 },
        { "--b-1--", "", "", 0 },
        { "--b-1 \t\r\nContent-Disposition: form-data; name=file; "
          "filename*=UTF-8''x\r\n\r\nx\r\n--b-1 --", "", "x", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {

        if (decode(TYPE, social_str(good[i].body), 5) != SOCIAL_S3_OK) {
            fail_msg("\"%s\"", good[i].body);
        }

        assert_str(fields.filename, good[i].name);
        assert_file(good[i].text);
        assert_int_equal(form.files, good[i].files);
        assert_int_equal(form.has_file, good[i].files != 0);
    }
}


static void
test_bad(void **state)
{
    size_t  i;

    static const struct {
        const char         *body;
        social_s3_error_e   error;
    } bad[] = {
        { "", SOCIAL_S3_INCOMPLETE_BODY },
        { "x", SOCIAL_S3_INCOMPLETE_BODY },
        { "--b-1", SOCIAL_S3_INCOMPLETE_BODY },
        { "--b-1-", SOCIAL_S3_INCOMPLETE_BODY },
        { "--b-1\r\n", SOCIAL_S3_INCOMPLETE_BODY },
        { "x--b-1--", SOCIAL_S3_INCOMPLETE_BODY },
        { PART("key", "k"), SOCIAL_S3_INCOMPLETE_BODY },
        { FILE_PART("a", "x"), SOCIAL_S3_INCOMPLETE_BODY },
        { FILE_PART("a", "x") "--b-1-", SOCIAL_S3_INCOMPLETE_BODY },
        { FILE_PART("a", "x") "--b-2--", SOCIAL_S3_INCOMPLETE_BODY },
        { "--b-1x", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1-x", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\rx", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\n", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\n\r\n", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nx\r\n\r\n", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nx: y\r\n\r\n", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=a\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=a\r\n"
          "Content-Disposition: form-data; name=b\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: attachment; name=a\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=\"a b\"\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=a x\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=a; name=a\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST },
        { "--b-1\r\nContent-Disposition: form-data; name=a; filename=b; "
          "filename=c\r\n\r\n", SOCIAL_S3_MALFORMED_POST_REQUEST },
        { FILE_PART("a", "x") "--b-1\r\nx\r\n\r\n",
          SOCIAL_S3_MALFORMED_POST_REQUEST }
    };

    static const char *const  types[] = {
        "", "multipart/form-data", "multipart/form-data;", "boundary=b-1",
        "multipart/mixed; boundary=b-1", "multipart/form-data; boundary=",
        "multipart/form-data; boundary", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a\r",
        "multipart/form-data; boundary=a\xc3\xa9",
        "multipart/form-data; boundary=a*",
        "multipart/form-dataX; boundary=a",
        "multipart/form-data; boundary="
        "000000000011111111112222222222333333"
        "33334444444444555555555566666666667"
    };

    static const char *const  good[] = {
        "multipart/form-data;boundary=b-1", "Multipart/Form-Data; BOUNDARY=b-1",
        "multipart/form-data; charset=\"a;b\" ; boundary=\"b-1\"",
        "multipart/form-data; x; boundary=b-1; y=z"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (decode(TYPE, social_str(bad[i].body), 3) != bad[i].error) {
            fail_msg("\"%s\"", bad[i].body);
        }
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (social_s3_form_init(&form, &fields, social_str(types[i]))
            != SOCIAL_S3_MALFORMED_POST_REQUEST)
        {
            fail_msg("\"%s\"", types[i]);
        }
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (decode(social_str(good[i]), S(FILE_PART("a", "x") "--b-1--"), 9)
            != SOCIAL_S3_OK)
        {
            fail_msg("\"%s\"", good[i]);
        }
    }

    assert_int_equal(social_s3_form_init(&form, &fields,
        S("multipart/form-data; boundary="
          "000000000011111111112222222222333333"
          "3333444444444455555555556666666666")), SOCIAL_S3_OK);

    assert_true(social_s3_form_is(S("multipart/form-data")));
    assert_true(social_s3_form_is(S("Multipart/form-data; boundary=x")));
    assert_false(social_s3_form_is(S("multipart/form")));
    assert_false(social_s3_form_is(S("")));
}


/* fills "memory" with a form whose first field has a value of "size" bytes */

static social_str_t
long_form(unsigned char *memory, const char *before, size_t size)
{
    size_t        n;
    social_str_t  body;

    n = strlen(before);
    memcpy(memory, before, n);
    memset(memory + n, 'x', size);
    n += size;

    memcpy(memory + n, "\r\n", 2);
    n += 2;
    memcpy(memory + n, FILE_PART("a", "y") "--b-1--",
           sizeof(FILE_PART("a", "y") "--b-1--") - 1);
    n += sizeof(FILE_PART("a", "y") "--b-1--") - 1;

    body.data = memory;
    body.len = n;

    return body;
}


static void
test_limits(void **state)
{
    size_t         i, n, over;
    unsigned char *memory;
    social_str_t   body;

    static const char  before[] =
        "--b-1\r\nContent-Disposition: form-data; name=a\r\n\r\n";

    /* all but the value, before the file's own bytes */

    over = sizeof(before) - 1 + 2 + sizeof(FILE_PART("a", "")) - 1 - 2;

    (void) state;

    memory = malloc(200000);
    assert_non_null(memory);

    body = long_form(memory, before, SOCIAL_S3_FORM_SIZE - over);
    assert_int_equal(decode(TYPE, body, 100), SOCIAL_S3_OK);
    assert_int_equal(fields.items[0].value.len, SOCIAL_S3_FORM_SIZE - over);
    assert_file("y");

    body = long_form(memory, before, SOCIAL_S3_FORM_SIZE - over + 1);
    assert_int_equal(decode(TYPE, body, 100),
                     SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH);

    body = long_form(memory, before, 100000);
    assert_int_equal(decode(TYPE, body, 50000),
                     SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH);

    /* a preamble counts too */

    memset(memory, '-', 30000);
    body.len = 30000;
    assert_int_equal(decode(TYPE, body, 64),
                     SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH);

    /* the file, and what comes after it, have no limit here */

    n = 0;
    memcpy(memory, FILE_PART("a", ""), sizeof(FILE_PART("a", "")) - 1);
    n += sizeof(FILE_PART("a", "")) - 3;
    memset(memory + n, 'z', 60000);
    n += 60000;
    memcpy(memory + n, "\r\n" PART("b", ""), sizeof("\r\n" PART("b", "")) - 1);
    n += sizeof("\r\n" PART("b", "")) - 3;
    memset(memory + n, 'z', 60000);
    n += 60000;
    memcpy(memory + n, "\r\n--b-1--", 9);
    n += 9;

    body.len = n;
    assert_int_equal(decode(TYPE, body, 4096), SOCIAL_S3_OK);
    assert_int_equal(file_len, 60000);

    /* the headers of a part */

    memcpy(memory, "--b-1\r\n", 7);
    memset(memory + 7, 'x', 10000);
    body.len = 7 + SOCIAL_S3_FORM_HEAD;
    assert_int_equal(decode(TYPE, body, 4096), SOCIAL_S3_INCOMPLETE_BODY);
    body.len++;
    assert_int_equal(decode(TYPE, body, 4096),
                     SOCIAL_S3_MALFORMED_POST_REQUEST);

    /* fields */

    for (i = 0, n = 0; i <= SOCIAL_S3_FORM_FIELDS; i++) {
        memcpy(memory + n, PART("a", "b"), sizeof(PART("a", "b")) - 1);
        n += sizeof(PART("a", "b")) - 1;

        if (i + 1 == SOCIAL_S3_FORM_FIELDS) {
            body.len = n;
            assert_int_equal(decode(TYPE, body, 77),
                             SOCIAL_S3_INCOMPLETE_BODY);
        }
    }

    body.len = n;
    assert_int_equal(decode(TYPE, body, 77),
                     SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH);

    free(memory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
