
/*
 * Bodies in chunks out of any bytes.  The first byte chooses the kind and how
 * the rest is cut; what is decoded is within it, and does not depend on the
 * cuts.
 */

#include "fuzz.h"
#include "social_s3_chunked.h"


static social_s3_error_e fuzz_decode(social_str_t in, size_t step,
    social_s3_chunked_e kind, unsigned char *out, size_t *len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                one, two, step;
    social_str_t          in;
    unsigned char        *a, *b;
    social_s3_error_e     first, second;
    social_s3_chunked_e   kind;

    if (size == 0) {
        return 0;
    }

    kind = (social_s3_chunked_e) (1 + data[0] % 3);
    step = 1 + data[0] / 3;

    in = fuzz_copy(data + 1, size - 1);
    a = malloc(size);
    b = malloc(size);
    FUZZ_CHECK(a != NULL && b != NULL);

    first = fuzz_decode(in, size, kind, a, &one);
    second = fuzz_decode(in, step, kind, b, &two);

    FUZZ_CHECK(first == second);
    FUZZ_CHECK(first != SOCIAL_S3_OK || one == two);
    FUZZ_CHECK(first != SOCIAL_S3_OK || memcmp(a, b, one) == 0);

    free(a);
    free(b);
    fuzz_free(in);

    return 0;
}


static social_s3_error_e
fuzz_decode(social_str_t in, size_t step, social_s3_chunked_e kind,
    unsigned char *out, size_t *len)
{
    social_str_t             piece, data;
    social_s3_error_e        error;
    social_s3_chunked_t      chunked;
    social_sigv4_known_t     known;
    social_sigv4_verified_t  verified;

    memset(&known, 0, sizeof(known));
    memset(&verified, 0, sizeof(verified));
    known.secrets[0] = social_str("secret");
    verified.known = &known;
    verified.amz_date = social_str("20130524T000000Z");
    verified.region = social_str("us-east-1");
    verified.service = social_str("s3");
    verified.signature = social_str("4f232c4386841ef735655705268965c4"
                                    "4a0e4690baa4adea153f7db9fa80a0a9");

    FUZZ_CHECK(social_s3_chunked_init(&chunked, kind,
                                      SOCIAL_S3_CHECKSUM_CRC32, &verified)
               == SOCIAL_OK);

    *len = 0;
    error = SOCIAL_S3_OK;

    while (in.len && error == SOCIAL_S3_OK) {

        piece.data = in.data;
        piece.len = in.len < step ? in.len : step;
        in.data += piece.len;
        in.len -= piece.len;

        while (piece.len && error == SOCIAL_S3_OK) {

            error = social_s3_chunked_next(&chunked, &piece, &data);

            if (error == SOCIAL_S3_OK && data.len) {
                memcpy(out + *len, data.data, data.len);
                *len += data.len;
            }
        }
    }

    if (error == SOCIAL_S3_OK) {
        error = social_s3_chunked_end(&chunked);
    }

    social_s3_chunked_destroy(&chunked);

    return error;
}
