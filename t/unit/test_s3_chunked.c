
/*
 * Bodies in chunks: the examples of AWS's documentation, cut at every place,
 * and changed at every place.
 */

#include "social_unit.h"
#include "social_s3_chunked.h"


#define SIZE  70000


static social_sigv4_known_t     known;
static social_sigv4_verified_t  verified;
static unsigned char            body[SIZE], out[SIZE];
static size_t                   body_len, out_len;


static void
add(const char *text)
{
    memcpy(body + body_len, text, strlen(text));
    body_len += strlen(text);
}


static void
fill(size_t n)
{
    memset(body + body_len, 'a', n);
    body_len += n;
}


static int
setup(void **state)
{
    (void) state;

    memset(&known, 0, sizeof(known));
    memset(&verified, 0, sizeof(verified));

    known.secrets[0] = S("another");
    known.secrets[1] = S("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

    verified.known = &known;
    verified.secret = 1;
    verified.amz_date = S("20130524T000000Z");
    verified.region = S("us-east-1");
    verified.service = S("s3");
    verified.signature = S("4f232c4386841ef735655705268965c4"
                           "4a0e4690baa4adea153f7db9fa80a0a9");

    body_len = 0;

    return 0;
}


/* decodes the body, "step" bytes at a time */

static social_s3_error_e
decode(social_s3_chunked_e kind, social_s3_checksum_e algorithm, size_t step)
{
    size_t               i;
    social_str_t         in, data;
    social_s3_error_e    error;
    social_s3_chunked_t  chunked;

    assert_int_equal(social_s3_chunked_init(&chunked, kind, algorithm,
                                            &verified), SOCIAL_OK);
    out_len = 0;
    error = SOCIAL_S3_OK;

    for (i = 0; i < body_len && error == SOCIAL_S3_OK; i += step) {

        in.data = body + i;
        in.len = body_len - i < step ? body_len - i : step;

        while (in.len && error == SOCIAL_S3_OK) {

            error = social_s3_chunked_next(&chunked, &in, &data);

            if (error == SOCIAL_S3_OK && data.len) {
                memcpy(out + out_len, data.data, data.len);
                out_len += data.len;
            }
        }
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_chunked_end(&chunked);
    }

    social_s3_chunked_destroy(&chunked);
    social_s3_chunked_destroy(&chunked);

    return error;
}


static void
example_signed(void)
{
    add("10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9"
        "a0e99e0e2307b0ade35a65485a288648\r\n");
    fill(65536);
    add("\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c"
        "1575bbb81b612b7d234b86a503ef5497\r\n");
    fill(1024);
    add("\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f427"
        "5b71ea724fed81ceb9323e279d449df9\r\n\r\n");
}


static void
example_trailer(void)
{
    verified.signature = S("106e2a8a18243abcf37539882f36619c"
                           "00e2dfc72633413f02d3b74544bfeb8e");

    add("10000;chunk-signature=b474d8862b1487a5145d686f57f013e5"
        "4db672cee1c953b3010fb58501ef5aa2\r\n");
    fill(65536);
    add("\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe"
        "354e373826ccbbe2c1d40a8cae51e5c7\r\n");
    fill(1024);
    add("\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf8379"
        "5951dd77a3a99e6e65d5c9f85863f992\r\n"
        "x-amz-checksum-crc32c:sOO8/Q==\r\n"
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732"
        "e8730629a2e4a59689829ca17fe2e435\r\n\r\n");
}


static void
test_examples(void **state)
{
    size_t  step;

    (void) state;

    example_signed();

    for (step = 1; step < SIZE; step = step * 3 + 1) {
        assert_int_equal(decode(SOCIAL_S3_CHUNKED_SIGNED,
                                SOCIAL_S3_CHECKSUM_NONE, step), SOCIAL_S3_OK);
        assert_int_equal(out_len, 66560);
        assert_int_equal(out[0], 'a');
        assert_int_equal(out[66559], 'a');
    }

    body_len = 0;
    example_trailer();

    for (step = 1; step < SIZE; step = step * 3 + 1) {
        assert_int_equal(decode(SOCIAL_S3_CHUNKED_SIGNED_TRAILER,
                                SOCIAL_S3_CHECKSUM_CRC32C, step),
                         SOCIAL_S3_OK);
        assert_int_equal(out_len, 66560);
    }
}


/* no bit of them may be another; what is outside the data is all framing */

static void
test_changed(void **state)
{
    size_t             i, step;
    social_s3_error_e  error;

    (void) state;

    for (step = 0; step < 2; step++) {

        body_len = 0;

        if (step) {
            example_trailer();

        } else {
            example_signed();
        }

        for (i = 0; i < body_len; i += (i > 100 && i < 65000) ? 997 : 1) {

            body[i] ^= 1;

            error = decode(step ? SOCIAL_S3_CHUNKED_SIGNED_TRAILER
                                : SOCIAL_S3_CHUNKED_SIGNED,
                           step ? SOCIAL_S3_CHECKSUM_CRC32C
                                : SOCIAL_S3_CHECKSUM_NONE, SIZE);

            if (error == SOCIAL_S3_OK || error == SOCIAL_S3_INTERNAL_ERROR) {
                fail_msg("byte %zu", i);
            }

            body[i] ^= 1;
        }

        /* cut anywhere it is not whole */

        for (i = body_len - 1; i > 65000; i--) {
            body_len = i;
            assert_int_equal(decode(step ? SOCIAL_S3_CHUNKED_SIGNED_TRAILER
                                         : SOCIAL_S3_CHUNKED_SIGNED,
                                    step ? SOCIAL_S3_CHECKSUM_CRC32C
                                         : SOCIAL_S3_CHECKSUM_NONE, SIZE),
                             SOCIAL_S3_INCOMPLETE_BODY);
        }
    }

    /* another key, day, region or service; the first signature */

    body_len = 0;
    (void) setup(NULL);
    example_signed();

    verified.secret = 0;
    assert_int_equal(decode(SOCIAL_S3_CHUNKED_SIGNED, SOCIAL_S3_CHECKSUM_NONE,
                            SIZE), SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH);
    verified.secret = 1;
    verified.amz_date = S("20130524T000001Z");
    assert_int_equal(decode(SOCIAL_S3_CHUNKED_SIGNED, SOCIAL_S3_CHECKSUM_NONE,
                            SIZE), SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH);
    verified.amz_date = S("20130524T000000Z");
    verified.region = S("us-east-2");
    assert_int_equal(decode(SOCIAL_S3_CHUNKED_SIGNED, SOCIAL_S3_CHECKSUM_NONE,
                            SIZE), SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH);
    verified.region = S("us-east-1");
    verified.signature = S("5f232c4386841ef735655705268965c4"
                           "4a0e4690baa4adea153f7db9fa80a0a9");
    assert_int_equal(decode(SOCIAL_S3_CHUNKED_SIGNED, SOCIAL_S3_CHECKSUM_NONE,
                            SIZE), SOCIAL_S3_SIGNATURE_DOES_NOT_MATCH);
}


static void
expect(social_s3_chunked_e kind, social_s3_checksum_e algorithm,
    const char *text, social_s3_error_e expected, const char *decoded)
{
    size_t  step;

    body_len = 0;
    add(text);

    for (step = 1; step < 100; step += 7) {

        if (decode(kind, algorithm, step) != expected) {
            fail_msg("\"%s\", %zu bytes at a time", text, step);
        }

        if (decoded) {
            assert_int_equal(out_len, strlen(decoded));
            assert_memory_equal(out, decoded, out_len);
        }
    }
}


static void
test_unsigned(void **state)
{
    size_t  i;
    char    long_line[400];

    const social_s3_chunked_e   U = SOCIAL_S3_CHUNKED_UNSIGNED_TRAILER;
    const social_s3_checksum_e  C = SOCIAL_S3_CHECKSUM_CRC32;
    const social_s3_checksum_e  N = SOCIAL_S3_CHECKSUM_NONE;

    static const char *const  bad[] = {
        "\r\n", "x\r\n", "-1\r\n", "5\n", "5 \r\n", "5;a=b\r\nhello\r\n",
        "5\r\nhello!\r\n", "5\r\nhello\n", "5\r\nhello\rx\r\n",
        "1234567890123\r\n", "0x5\r\nhello\r\n", "5\r\nhello\r\n\r\n",
    };

    static const char *const  bad_trailer[] = {
        "0\r\n\r\n", "0\r\nx-amz-checksum-crc32\r\n\r\n",
        "0\r\nx-amz-checksum-crc32c:y/Q5Jg==\r\n\r\n",
        "0\r\nx-amz-checksum-crc32:y/Q5Jg=\r\n\r\n",
        "0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n"
        "x-amz-checksum-crc32:y/Q5Jg==\r\n\r\n",
        "0\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732"
        "e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    };

    (void) state;

    expect(U, C, "5\r\nhello\r\n6\r\n world\r\n0\r\n"
           "x-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", SOCIAL_S3_OK,
           "hello world");
    expect(U, C, "0005\r\nhello\r\n00\r\nX-Amz-Checksum-CRC32: y/Q5Jg== \r\n"
           "\r\n", SOCIAL_S3_OK, "hello");
    expect(U, C, "a\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n"
           "\r\n", SOCIAL_S3_OK, "0123456789");
    expect(U, C, "A\r\n0\r\n0\r\n\r\n0\r\n0\r\nx-amz-checksum-crc32:"
           "y/Q5Jg==\r\n\r\n", SOCIAL_S3_INVALID_REQUEST, NULL);
    expect(U, N, "0\r\n\r\n", SOCIAL_S3_OK, "");
    expect(U, N, "", SOCIAL_S3_INCOMPLETE_BODY, "");
    expect(U, N, "5\r\nhello\r\n", SOCIAL_S3_INCOMPLETE_BODY, "hello");
    expect(U, N, "5\r\nhe", SOCIAL_S3_INCOMPLETE_BODY, "he");
    expect(U, N, "0\r\n\r\nx", SOCIAL_S3_INVALID_REQUEST, NULL);
    expect(U, N, "0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n",
           SOCIAL_S3_MALFORMED_TRAILER, NULL);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect(U, C, bad[i], SOCIAL_S3_INVALID_REQUEST, NULL);
    }

    for (i = 0; i < sizeof(bad_trailer) / sizeof(bad_trailer[0]); i++) {
        expect(U, C, bad_trailer[i], SOCIAL_S3_MALFORMED_TRAILER, NULL);
    }

    memset(long_line, '0', sizeof(long_line));
    long_line[sizeof(long_line) - 1] = '\0';
    expect(U, C, long_line, SOCIAL_S3_INVALID_REQUEST, NULL);
}


static void
test_kinds(void **state)
{
    (void) state;

    assert_int_equal(social_s3_chunked_kind(
        S("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")), SOCIAL_S3_CHUNKED_SIGNED);
    assert_int_equal(social_s3_chunked_kind(
        S("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")),
        SOCIAL_S3_CHUNKED_SIGNED_TRAILER);
    assert_int_equal(social_s3_chunked_kind(
        S("STREAMING-UNSIGNED-PAYLOAD-TRAILER")),
        SOCIAL_S3_CHUNKED_UNSIGNED_TRAILER);
    assert_int_equal(social_s3_chunked_kind(
        S("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")),
        SOCIAL_S3_CHUNKED_NONE);
    assert_int_equal(social_s3_chunked_kind(S("UNSIGNED-PAYLOAD")),
                     SOCIAL_S3_CHUNKED_NONE);
    assert_int_equal(social_s3_chunked_kind(S("")), SOCIAL_S3_CHUNKED_NONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_examples, setup),
        cmocka_unit_test_setup(test_changed, setup),
        cmocka_unit_test_setup(test_unsigned, setup),
        cmocka_unit_test_setup(test_kinds, setup),
    };

    return cmocka_run_group_tests_name("s3_chunked", tests, NULL, NULL);
}
