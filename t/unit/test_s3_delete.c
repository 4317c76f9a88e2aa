
/*
 * DeleteObjects: bodies of clients, and answers.
 */

#include "social_unit.h"
#include "social_s3_delete.h"


static unsigned char       memory[SOCIAL_S3_DELETE_SIZE];
static social_s3_delete_t  items;


static social_rc_e
read_xml(social_str_t xml)
{
    social_buf_t  work;

    social_buf_init(&work, memory, xml.len);

    return social_s3_delete_read(xml, &work, &items);
}


static void
test_read(void **state)
{
    (void) state;

    assert_int_equal(read_xml(S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
        "  <Object>\n    <Key>a/b &amp; c</Key>\n  </Object>\n"
        "  <Object><Key>\xc3\xa9</Key><VersionId>null</VersionId></Object>\n"
        "  <Object><ETag>\"e\"</ETag><Key> x </Key></Object>\n"
        "  <Quiet>true</Quiet>\n</Delete>\n")), SOCIAL_OK);
    assert_int_equal(items.count, 3);
    assert_true(items.quiet);
    assert_str(items.items[0].key, "a/b & c");
    assert_int_equal(items.items[0].error, SOCIAL_S3_OK);
    assert_int_equal(items.items[0].etag.len, 0);
    assert_str(items.items[1].key, "\xc3\xa9");
    assert_int_equal(items.items[1].error, SOCIAL_S3_OK);
    assert_str(items.items[2].key, " x ");
    assert_str(items.items[2].etag, "\"e\"");

    assert_int_equal(read_xml(S("<Delete><!-- <Key> --><Quiet>false</Quiet>"
        "<Object><Key>&lt;&gt;&quot;&apos;&#38;&#x26;&#xE9;&#8364;&#x1F600;"
        "&#10;</Key></Object><Other/></Delete>")), SOCIAL_OK);
    assert_false(items.quiet);
    assert_str(items.items[0].key,
               "<>\"'&&\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n");

    /* what cannot be removed as it is asked for */

    assert_int_equal(read_xml(S("<Delete>"
        "<Object><Key>a</Key><VersionId>3</VersionId></Object>"
        "<Object><Key>b</Key><Size>3</Size></Object>"
        "<Object><Key>\xff</Key></Object>"
        "<Object><Key>c</Key></Object></Delete>")), SOCIAL_OK);
    assert_int_equal(items.items[0].error, SOCIAL_S3_NO_SUCH_VERSION);
    assert_int_equal(items.items[1].error, SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(items.items[2].error, SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(items.items[3].error, SOCIAL_S3_OK);
}


static void
test_bad(void **state)
{
    size_t  i;

    static const char *const  bad[] = {
        "", " ", "x", "<Delete/>", "<Delete></Delete>", "<Delete>",
        "<Delete><Object><Key>a</Key></Object>",
        "<Delete><Object><Key>a</Object></Key></Delete>",
        "<Delete><Object></Object></Delete>",
        "<Delete><Object/></Delete>",
        "<Delete><Object><Key></Key></Object></Delete>",
        "<Delete><Object><Key>a&b;</Key></Object></Delete>",
        "<Delete><Object><Key>a&amp</Key></Object></Delete>",
        "<Delete><Object><Key>&#0;</Key></Object></Delete>",
        "<Delete><Object><Key>&#xD800;</Key></Object></Delete>",
        "<Delete><Object><Key>&#x110000;</Key></Object></Delete>",
        "<Delete><Object><Key>&#;</Key></Object></Delete>",
        "<Delete><Object><Key>&#x;</Key></Object></Delete>",
        "<Delete><Object><Key>&#xg;</Key></Object></Delete>",
        "<Delete><Object><Key>&#1a;</Key></Object></Delete>",
        "<Delete><Object><Key>&;</Key></Object></Delete>",
        "<Delete><Object><Key>&#99999999999;</Key></Object></Delete>",
        "<Remove><Object><Key>a</Key></Object></Remove>",
        "<Delete><Object><Key>a</Key></Object></Delete><Delete/>",
        "<Delete><Object><Key>a</Key></Object></Delete>x",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><Delete><Object><Key>&b;</Key>"
        "</Object></Delete>",
        "<Delete><Object><Key>a</Key></Object></Delete", "<", "</", "<>",
        "</Delete>", "<Delete><!-- ", "<? ", "<Delete><a><b><c><d>",
        "<Delete><Object><Key>a</Key></Object></Delete/>",

        /* two keys, or one in two: neither is the one that is meant */
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete><Object><Key>a<!-- x -->b</Key></Object></Delete>",
        "<Delete><Object><Key>a<?x?>b</Key></Object></Delete>",
        "<Delete><Object><Key>a<b/>c</Key></Object></Delete>",
        "<Delete><Object><Key>a<b>x</b>c</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key><ETag>b</ETag><ETag>c</ETag></Object>"
        "</Delete>",
        "<Delete><Object><Key>a</Key><ETag>b<!-- x -->*</ETag></Object>"
        "</Delete>",
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_xml(social_str(bad[i])) != SOCIAL_MALFORMED) {
            fail_msg("\"%s\"", bad[i]);
        }
    }
}


static void
test_limits(void **state)
{
    size_t         i, n;
    social_buf_t   b;
    unsigned char  *xml;

    (void) state;

    xml = malloc(SOCIAL_S3_DELETE_SIZE);
    assert_non_null(xml);

    for (n = SOCIAL_S3_DELETE_KEYS; n <= SOCIAL_S3_DELETE_KEYS + 1; n++) {

        social_buf_init(&b, xml, SOCIAL_S3_DELETE_SIZE);
        social_buf_text(&b, "<Delete>");

        for (i = 0; i < n; i++) {
            social_buf_text(&b, "<Object><Key>k");
            social_buf_number(&b, i);
            social_buf_text(&b, "</Key></Object>");
        }

        social_buf_text(&b, "</Delete>");

        assert_int_equal(read_xml(social_buf_since(&b, 0)),
                         n > SOCIAL_S3_DELETE_KEYS ? SOCIAL_MALFORMED
                                                   : SOCIAL_OK);
    }

    assert_str(items.items[999].key, "k999");

    social_buf_init(&b, xml, SOCIAL_S3_DELETE_SIZE);
    social_buf_text(&b, "<Delete><Object><Key>");

    for (i = 0; i < 1025; i++) {
        social_buf_byte(&b, 'k');
    }

    social_buf_text(&b, "</Key></Object></Delete>");
    assert_int_equal(read_xml(social_buf_since(&b, 0)), SOCIAL_OK);
    assert_int_equal(items.items[0].error, SOCIAL_S3_KEY_TOO_LONG);

    free(xml);
}


static void
test_write(void **state)
{
    social_buf_t  b;
    unsigned char  text[2048];

    (void) state;

    memset(&items, 0, sizeof(items));
    items.count = 2;
    items.items[0].key = S("a<b");
    items.items[1].key = S("c");
    items.items[1].error = SOCIAL_S3_PRECONDITION_FAILED;

    social_buf_init(&b, text, sizeof(text));
    social_s3_delete_write(&b, &items);
    assert_str(social_buf_since(&b, 0),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult xmlns="
        "\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Deleted><Key>a&lt;b</Key></Deleted>"
        "<Error><Key>c</Key><Code>PreconditionFailed</Code>"
        "<Message>A precondition given does not hold</Message></Error>"
        "</DeleteResult>");

    items.quiet = true;
    social_buf_init(&b, text, sizeof(text));
    social_s3_delete_write(&b, &items);
    assert_null(strstr((char *) text, "<Deleted>"));
    assert_non_null(strstr((char *) text, "<Key>c</Key>"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests_name("s3_delete", tests, NULL, NULL);
}
