
/*
 * Checksums of objects: the values that the catalogues of CRCs and the
 * standards of hashes have for "123456789" and others, in pieces too.
 */

#include "social_unit.h"
#include "social_encoding.h"
#include "social_s3_checksum.h"
#include "social_s3_crc.h"


static void
sum(social_s3_checksum_e algorithm, social_str_t data, const char *expected)
{
    size_t               step, n;
    social_str_t         hex, rest, piece;
    unsigned char        value[SOCIAL_S3_CHECKSUM_MAX];
    unsigned char        text[2 * SOCIAL_S3_CHECKSUM_MAX];
    social_s3_summer_t  *summer;

    for (step = 1; step <= 33; step++) {

        summer = social_s3_summer_create(algorithm);
        assert_non_null(summer);

        for (rest = data; rest.len; rest.data += n, rest.len -= n) {
            n = rest.len < step ? rest.len : step;
            piece.data = rest.data;
            piece.len = n;
            assert_int_equal(social_s3_summer_update(summer, piece),
                             SOCIAL_OK);
        }

        assert_int_equal(social_s3_summer_final(summer, value), SOCIAL_OK);
        social_s3_summer_destroy(summer);

        piece.data = value;
        piece.len = social_s3_checksum_size(algorithm);
        social_hex_encode(piece, text);
        hex.data = text;
        hex.len = 2 * piece.len;
        assert_str(hex, expected);
    }
}


static void
test_values(void **state)
{
    unsigned char  zeros[32];

    (void) state;

    sum(SOCIAL_S3_CHECKSUM_CRC32, S("123456789"), "cbf43926");
    sum(SOCIAL_S3_CHECKSUM_CRC32, S(""), "00000000");
    sum(SOCIAL_S3_CHECKSUM_CRC32C, S("123456789"), "e3069283");
    sum(SOCIAL_S3_CHECKSUM_CRC64NVME, S("123456789"), "ae8b14860a799888");
    sum(SOCIAL_S3_CHECKSUM_CRC64NVME, S(""), "0000000000000000");
    sum(SOCIAL_S3_CHECKSUM_SHA1, S("abc"),
        "a9993e364706816aba3e25717850c26c9cd0d89d");
    sum(SOCIAL_S3_CHECKSUM_SHA256, S("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    /* RFC 3720, B.4 */

    memset(zeros, 0, sizeof(zeros));
    sum(SOCIAL_S3_CHECKSUM_CRC32C,
        (social_str_t) { sizeof(zeros), zeros }, "8a9136aa");
    memset(zeros, 0xff, sizeof(zeros));
    sum(SOCIAL_S3_CHECKSUM_CRC32C,
        (social_str_t) { sizeof(zeros), zeros }, "62a8ab43");
}


/* eight bytes at a time as one by one */

static void
test_slices(void **state)
{
    size_t         i, n;
    uint64_t       crc;
    unsigned       kind;
    unsigned char  data[300];
    social_str_t   one;

    (void) state;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char) (i * 197 + (i >> 3));
    }

    for (kind = 0; kind < SOCIAL_S3_CRCS; kind++) {
        for (n = 0; n < sizeof(data); n++) {

            crc = 0;

            for (i = 0; i < n; i++) {
                one.data = data + i;
                one.len = 1;
                crc = social_s3_crc((social_s3_crc_e) kind, crc, one);
            }

            assert_true(crc == social_s3_crc((social_s3_crc_e) kind, 0,
                                             (social_str_t) { n, data }));
        }
    }
}


static void
test_names(void **state)
{
    (void) state;

    assert_int_equal(social_s3_checksum_by_name(S("crc64NVME")),
                     SOCIAL_S3_CHECKSUM_CRC64NVME);
    assert_int_equal(social_s3_checksum_by_name(S("SHA512")),
                     SOCIAL_S3_CHECKSUM_NONE);
    assert_int_equal(social_s3_checksum_by_name(S("CRC3")),
                     SOCIAL_S3_CHECKSUM_NONE);
    assert_int_equal(social_s3_checksum_by_name(S("")),
                     SOCIAL_S3_CHECKSUM_NONE);
    assert_int_equal(social_s3_checksum_by_header(S("X-Amz-Checksum-Sha1")),
                     SOCIAL_S3_CHECKSUM_SHA1);
    assert_int_equal(social_s3_checksum_by_header(S("x-amz-checksum-md5")),
                     SOCIAL_S3_CHECKSUM_NONE);
    assert_str(social_s3_checksum_name(SOCIAL_S3_CHECKSUM_CRC32C), "CRC32C");
    assert_str(social_s3_checksum_header(SOCIAL_S3_CHECKSUM_CRC32),
               "x-amz-checksum-crc32");
}


static void
test_text(void **state)
{
    size_t         i;
    unsigned char  value[SOCIAL_S3_CHECKSUM_MAX];
    unsigned char  text[SOCIAL_S3_CHECKSUM_TEXT];

    static const char *const  bad[] = {
        "", "AAAA", "AAAAAA", "AAAAAA=", "AAAAAA===", "!!!!!!==", "AAAAAAA=",
        "AAAAAB==", "AAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };

    (void) state;

    assert_int_equal(social_s3_checksum_read(SOCIAL_S3_CHECKSUM_CRC32,
                                             S("y/Q5Jg=="), value),
                     SOCIAL_OK);
    assert_memory_equal(value, "\xcb\xf4\x39\x26", 4);
    assert_int_equal(social_s3_checksum_write(SOCIAL_S3_CHECKSUM_CRC32, value,
                                              text), 8);
    assert_memory_equal(text, "y/Q5Jg==", 8);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(social_s3_checksum_read(SOCIAL_S3_CHECKSUM_CRC32,
                                                 social_str(bad[i]), value),
                         SOCIAL_MALFORMED);
    }

    assert_int_equal(social_s3_checksum_read(SOCIAL_S3_CHECKSUM_SHA256,
        S("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), value), SOCIAL_OK);
    assert_memory_equal(value, "\xba\x78\x16\xbf", 4);
    assert_int_equal(social_s3_checksum_write(SOCIAL_S3_CHECKSUM_SHA256,
                                              value, text), 44);
}


/* the whole from its pieces, wherever it is cut */

static void
test_combine(void **state)
{
    size_t               i, cut;
    social_str_t         piece;
    unsigned char        data[2000], whole[3][SOCIAL_S3_CHECKSUM_MAX];
    social_s3_summer_t  *summer;

    static const social_s3_checksum_e  kinds[] = {
        SOCIAL_S3_CHECKSUM_CRC32, SOCIAL_S3_CHECKSUM_CRC32C,
        SOCIAL_S3_CHECKSUM_CRC64NVME
    };

    (void) state;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char) (i * i + 7);
    }

    for (i = 0; i < 3; i++) {
        for (cut = 0; cut <= sizeof(data); cut += 125) {
            size_t  n;

            for (n = 0; n < 3; n++) {
                piece.data = data + (n == 2 ? cut : 0);
                piece.len = n == 1 ? cut : n == 2 ? sizeof(data) - cut
                                                  : sizeof(data);

                summer = social_s3_summer_create(kinds[i]);
                assert_non_null(summer);
                social_s3_summer_update(summer, piece);
                social_s3_summer_final(summer, whole[n]);
                social_s3_summer_destroy(summer);
            }

            assert_int_equal(social_s3_checksum_combine(kinds[i], whole[1],
                                 whole[2], sizeof(data) - cut), SOCIAL_OK);
            assert_memory_equal(whole[0], whole[1],
                                social_s3_checksum_size(kinds[i]));
        }
    }

    assert_int_equal(social_s3_checksum_combine(SOCIAL_S3_CHECKSUM_SHA256,
                                                whole[0], whole[1], 1),
                     SOCIAL_DECLINED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_combine),
    };

    return cmocka_run_group_tests_name("s3_checksum", tests, NULL, NULL);
}
