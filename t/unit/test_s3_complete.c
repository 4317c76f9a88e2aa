
/*
 * CompleteMultipartUpload: bodies of clients.
 */

#include <stdlib.h>

#include "social_unit.h"
#include "social_s3_complete.h"


#define MD5_A  "d41d8cd98f00b204e9800998ecf8427e"


static social_s3_complete_part_t  parts[SOCIAL_S3_MAX_PARTS];
static social_s3_complete_t       list;
static unsigned char              memory[SOCIAL_S3_COMPLETE_SIZE];


static social_s3_error_e
read_xml(social_str_t xml)
{
    social_buf_t  work;

    list.parts = parts;
    list.size = social_s3_complete_parts(xml);

    social_buf_init(&work, memory, xml.len);

    return social_s3_complete_read(xml, &work, &list);
}


#define one(inner)  S("<CompleteMultipartUpload><Part>" inner                 \
                      "</Part></CompleteMultipartUpload>")


static void
test_read(void **state)
{
    (void) state;

    assert_int_equal(read_xml(S("<?xml version=\"1.0\"?>\n"
        "<CompleteMultipartUpload xmlns="
        "\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
        "  <Part>\n    <ETag>&quot;" MD5_A "&quot;</ETag>\n"
        "    <PartNumber>1</PartNumber>\n  </Part>\n"
        "  <Part><PartNumber> 2 </PartNumber><ETag>"
        "D41D8CD98F00B204E9800998ECF8427E</ETag>"
        "<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></Part>\n"
        "  <Part><PartNumber>10000</PartNumber><ETag>x</ETag>"
        "<Size>3</Size></Part>\n"
        "</CompleteMultipartUpload>\n")), SOCIAL_S3_OK);

    assert_int_equal(list.count, 3);
    assert_int_equal(parts[0].number, 1);
    assert_true(parts[0].has_etag);
    assert_memory_equal(parts[0].etag, MD5_A, 32);
    assert_int_equal(parts[0].algorithm, SOCIAL_S3_CHECKSUM_NONE);
    assert_int_equal(parts[1].number, 2);
    assert_memory_equal(parts[1].etag, MD5_A, 32);
    assert_int_equal(parts[1].algorithm, SOCIAL_S3_CHECKSUM_CRC32);
    assert_memory_equal(parts[1].value, "\xcb\xf4\x39\x26", 4);
    assert_int_equal(parts[2].number, 10000);
    assert_false(parts[2].has_etag);
}


static void
test_bad(void **state)
{
    size_t  i;

    static const struct {
        const char         *xml;
        social_s3_error_e   error;
    } cases[] = {
        { "", SOCIAL_S3_MALFORMED_XML },
        { "x", SOCIAL_S3_MALFORMED_XML },
        { "<CompleteMultipartUpload/>", SOCIAL_S3_MALFORMED_XML },
        { "<CompleteMultipartUpload><Part></Part></CompleteMultipartUpload>",
          SOCIAL_S3_MALFORMED_XML },
        { "<Other><Part><PartNumber>1</PartNumber></Part></Other>",
          SOCIAL_S3_MALFORMED_XML },
        { "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>",
          SOCIAL_S3_MALFORMED_XML },
        { "<!DOCTYPE a><CompleteMultipartUpload/>", SOCIAL_S3_MALFORMED_XML }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_xml(social_str(cases[i].xml)), cases[i].error);
    }

    assert_int_equal(read_xml(one("<PartNumber>x</PartNumber>")),
                     SOCIAL_S3_MALFORMED_XML);
    assert_int_equal(read_xml(one("<PartNumber>-1</PartNumber>")),
                     SOCIAL_S3_MALFORMED_XML);
    assert_int_equal(read_xml(one("<PartNumber></PartNumber>")),
                     SOCIAL_S3_MALFORMED_XML);
    assert_int_equal(read_xml(one("<PartNumber>0</PartNumber>")),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(read_xml(one("<PartNumber>10001</PartNumber>")),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(read_xml(one("<PartNumber>4294967297</PartNumber>")),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(read_xml(one("<PartNumber>99999999999999999999"
                                  "</PartNumber>")),
                     SOCIAL_S3_INVALID_ARGUMENT);
    assert_int_equal(read_xml(one("<PartNumber>1</PartNumber>"
                                  "<ChecksumSHA512>x</ChecksumSHA512>")),
                     SOCIAL_S3_NOT_IMPLEMENTED);
    assert_int_equal(read_xml(one("<PartNumber>1</PartNumber>"
                                  "<ChecksumCRC32>x</ChecksumCRC32>")),
                     SOCIAL_S3_MALFORMED_XML);
    assert_int_equal(read_xml(one("<PartNumber>1</PartNumber>"
                                  "<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32>"
                                  "<ChecksumCRC32C>y/Q5Jg==</ChecksumCRC32C>")),
                     SOCIAL_S3_MALFORMED_XML);

    assert_int_equal(read_xml(S("<CompleteMultipartUpload>"
        "<Part><PartNumber>2</PartNumber></Part>"
        "<Part><PartNumber>1</PartNumber></Part>"
        "</CompleteMultipartUpload>")), SOCIAL_S3_INVALID_PART_ORDER);
    assert_int_equal(read_xml(S("<CompleteMultipartUpload>"
        "<Part><PartNumber>2</PartNumber></Part>"
        "<Part><PartNumber>2</PartNumber></Part>"
        "</CompleteMultipartUpload>")), SOCIAL_S3_INVALID_PART_ORDER);
}


static void
test_limits(void **state)
{
    int           n, len;
    char         *xml;
    social_str_t  text;

    (void) state;

    xml = malloc(SOCIAL_S3_COMPLETE_SIZE);
    assert_non_null(xml);

    len = sprintf(xml, "<CompleteMultipartUpload>");

    for (n = 1; n <= 10000; n++) {
        len += sprintf(xml + len, "<Part><PartNumber>%d</PartNumber><ETag>"
                       "\"" MD5_A "\"</ETag><ChecksumSHA256>47DEQpj8HBSa+/"
                       "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ChecksumSHA256>"
                       "</Part>", n);
    }

    text.data = (unsigned char *) xml;
    text.len = (size_t) (len + sprintf(xml + len,
                                       "</CompleteMultipartUpload>"));
    assert_int_equal(read_xml(text), SOCIAL_S3_OK);
    assert_int_equal(list.count, 10000);
    assert_int_equal(parts[9999].number, 10000);

    /* one more than there is room for */

    text.len = (size_t) (len + sprintf(xml + len, "<Part><PartNumber>10000"
        "</PartNumber></Part></CompleteMultipartUpload>"));
    assert_int_equal(read_xml(text), SOCIAL_S3_MALFORMED_XML);

    /* room is taken for what there may be */

    assert_int_equal(social_s3_complete_parts(text), 10000);
    assert_true(social_s3_complete_parts(one("")) >= 1);
    assert_int_equal(social_s3_complete_parts(S("<x>")), 0);

    free(xml);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests_name("s3_complete", tests, NULL, NULL);
}
