
/*
 * Pages of lists that stores answer, those of S3 and of our own.
 */

#include "social_unit.h"
#include "social_s3_listing.h"
#include "social_s3_xml.h"


#define HEAD  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                  \
              "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/"       \
              "2006-03-01/\"><Name>b</Name><Prefix></Prefix>"                \
              "<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>"
#define TAIL  "</ListBucketResult>"


static unsigned char        room[1 << 20];
static social_s3_listing_t  page;


static social_rc_e
parse(const char *text)
{
    social_buf_t  work;
    social_str_t  xml;

    xml = social_str(text);
    social_buf_init(&work, room, xml.len);

    return social_s3_listing_read(xml, &work, &page);
}


static void
is_malformed(const char *text)
{
    assert_int_equal(parse(text), SOCIAL_MALFORMED);
}


static void
test_page(void **state)
{
    (void) state;

    assert_int_equal(parse(HEAD
        "<IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>a&amp;b+/=</NextContinuationToken>"
        "<Contents><Key>a</Key>"
        "<LastModified>2026-01-02T03:04:05.678Z</LastModified>"
        "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
        "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><Size>0</Size>"
        "<Owner><ID>Size</ID><DisplayName>x</DisplayName></Owner>"
        "<StorageClass>STANDARD</StorageClass></Contents>\n"
        "<Contents><Size>5368709121</Size><Key>b c+d &lt;&#233;%20</Key>"
        "<ETag>\"x-2\"</ETag></Contents>"
        "<CommonPrefixes><Prefix>z/</Prefix></CommonPrefixes>" TAIL),
        SOCIAL_OK);

    assert_true(page.truncated);
    assert_str(page.token, "a&b+/=");
    assert_int_equal(page.count, 2);

    assert_str(page.items[0].key, "a");
    assert_str(page.items[0].etag, "d41d8cd98f00b204e9800998ecf8427e");
    assert_str(page.items[0].modified, "2026-01-02T03:04:05");
    assert_true(page.items[0].size == 0);

    assert_str(page.items[1].key, "b c+d <\xc3\xa9%20");
    assert_str(page.items[1].etag, "x-2");
    assert_int_equal(page.items[1].modified.len, 0);
    assert_true(page.items[1].size == 5368709121);
}


static void
test_encoded(void **state)
{
    (void) state;

    assert_int_equal(parse(HEAD "<EncodingType>url</EncodingType>"
        "<IsTruncated>false</IsTruncated>"
        "<Contents><Key>a%2Fb+c%2Bd%0A%C3%A9</Key><Size>1</Size></Contents>"
        TAIL), SOCIAL_OK);

    assert_false(page.truncated);
    assert_int_equal(page.count, 1);
    assert_str(page.items[0].key, "a/b c+d\n\xc3\xa9");

    is_malformed(HEAD "<EncodingType>url</EncodingType><Contents><Key>a%2</Key>"
                 "<Size>1</Size></Contents>" TAIL);
    is_malformed(HEAD "<EncodingType>url</EncodingType><Contents>"
                 "<Key>a%00</Key><Size>1</Size></Contents>" TAIL);
}


static void
test_empty(void **state)
{
    (void) state;

    assert_int_equal(parse(HEAD TAIL), SOCIAL_OK);
    assert_int_equal(page.count, 0);
    assert_false(page.truncated);
}


static void
test_malformed(void **state)
{
    size_t        i;
    char         *text, key[1100];
    social_buf_t  b;

    (void) state;

    is_malformed("");
    is_malformed("not XML");
    is_malformed("<Error><Code>AccessDenied</Code></Error>");
    is_malformed("<ListBucketResult>");
    is_malformed(HEAD "<Contents></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key>a</Key></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Size>1</Size></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key></Key><Size>1</Size></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key>a</Key><Size></Size></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key>a</Key><Size>-1</Size></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key>a</Key><Size>1e3</Size></Contents>"
                 TAIL);
    is_malformed(HEAD "<Contents><Key>a</Key><Size>1234567890123456789</Size>"
                 "</Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key>\xff</Key><Size>1</Size></Contents>"
                 TAIL);
    is_malformed(HEAD "<IsTruncated>true</IsTruncated>" TAIL);

    /* out of order, and twice */

    is_malformed(HEAD "<Contents><Key>b</Key><Size>1</Size></Contents>"
                 "<Contents><Key>a</Key><Size>1</Size></Contents>" TAIL);
    is_malformed(HEAD "<Contents><Key>a</Key><Size>1</Size></Contents>"
                 "<Contents><Key>a</Key><Size>1</Size></Contents>" TAIL);

    /* a key that is too long */

    memset(key, 'a', sizeof(key));
    text = malloc(200000);
    assert_non_null(text);

    snprintf(text, 200000, HEAD "<Contents><Key>%.1025s</Key><Size>1</Size>"
             "</Contents>" TAIL, key);
    is_malformed(text);
    snprintf(text, 200000, HEAD "<Contents><Key>%.1024s</Key><Size>1</Size>"
             "</Contents>" TAIL, key);
    assert_int_equal(parse(text), SOCIAL_OK);

    /* one object more than a page has */

    social_buf_init(&b, (unsigned char *) text, 199999);
    social_buf_text(&b, HEAD);

    for (i = 1000; i < 2001; i++) {
        social_buf_text(&b, "<Contents><Key>");
        social_buf_number(&b, i);
        social_buf_text(&b, "</Key><Size>1</Size></Contents>");

        if (i == 1999) {
            snprintf(text + b.len, 200000 - b.len, TAIL);
            assert_int_equal(parse(text), SOCIAL_OK);
            assert_int_equal(page.count, 1000);
        }
    }

    snprintf(text + b.len, 200000 - b.len, TAIL);
    is_malformed(text);

    free(text);
}


/* what our own store writes */

static void
test_own(void **state)
{
    char                   text[8192];
    social_buf_t           b;
    social_s3_list_t       list;
    social_store_meta_t    meta;
    social_s3_operation_t  op;

    (void) state;

    memset(&op, 0, sizeof(op));
    memset(&list, 0, sizeof(list));
    memset(&meta, 0, sizeof(meta));

    op.operation = SOCIAL_S3_LIST_OBJECTS_V2;
    op.list.url = true;
    memcpy(meta.etag, "d41d8cd98f00b204e9800998ecf8427e", 32);
    meta.size = 3;
    meta.modified = 1767225600;

    social_s3_list_start(&list, S(""));
    social_s3_list_take(&list, S("a&b"), false);

    social_buf_init(&b, (unsigned char *) text, sizeof(text) - 1);
    social_s3_xml_list(&b, &op, S("bucket"), &list, 1, true);
    social_s3_xml_object(&b, &op, S("a&b"), &meta);
    social_s3_xml_list_end(&b);
    assert_int_equal(b.rc, SOCIAL_OK);
    text[b.len] = '\0';

    assert_int_equal(parse(text), SOCIAL_OK);
    assert_int_equal(page.count, 1);
    assert_str(page.items[0].key, "a&b");
    assert_str(page.items[0].etag, "d41d8cd98f00b204e9800998ecf8427e");
    assert_str(page.items[0].modified, "2026-01-01T00:00:00");
    assert_true(page.items[0].size == 3);
    assert_true(page.truncated);
    assert_true(page.token.len != 0);
}


static void
test_md5(void **state)
{
    (void) state;

    assert_true(social_s3_listing_is_md5(
                    S("d41d8cd98f00b204e9800998ecf8427e")));
    assert_true(social_s3_listing_is_md5(
                    S("D41D8CD98F00B204E9800998ECF8427E")));
    assert_false(social_s3_listing_is_md5(S("")));
    assert_false(social_s3_listing_is_md5(
                     S("d41d8cd98f00b204e9800998ecf8427e-2")));
    assert_false(social_s3_listing_is_md5(
                     S("d41d8cd98f00b204e9800998ecf8427")));
    assert_false(social_s3_listing_is_md5(
                     S("g41d8cd98f00b204e9800998ecf8427e")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_encoded),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_md5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
