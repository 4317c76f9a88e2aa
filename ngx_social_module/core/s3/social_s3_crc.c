
/*
 * Cyclic redundancy checks, eight bytes at a time.
 *
 * All three are of reflected polynomials, with all bits set before and
 * inverted after, so that one way of slicing does for all: eight tables, one
 * for each byte of a word ("A Systematic Approach to Building High Performance
 * Software-based CRC Generators", Kounavis and Berry, 2005).
 */

#include "social_s3_crc.h"


#define SOCIAL_S3_CRC_SLICES  8


/* before any thread is there to use the tables */

static void social_s3_crc_init(void) __attribute__ ((constructor));

static uint64_t social_s3_crc_multiply(social_s3_crc_e kind, uint64_t a,
    uint64_t b);


static uint64_t  social_s3_crc_table[SOCIAL_S3_CRCS]
                                    [SOCIAL_S3_CRC_SLICES][256];


/* the polynomials, the lowest power in the highest bit */

static const uint64_t  social_s3_crc_polynomials[SOCIAL_S3_CRCS] = {
    [SOCIAL_S3_CRC32] = 0xedb88320,
    [SOCIAL_S3_CRC32C] = 0x82f63b78,
    [SOCIAL_S3_CRC64NVME] = 0x9a6c9329ac4bc9b5
};

static const uint64_t  social_s3_crc_ones[SOCIAL_S3_CRCS] = {
    [SOCIAL_S3_CRC32] = 0xffffffff,
    [SOCIAL_S3_CRC32C] = 0xffffffff,
    [SOCIAL_S3_CRC64NVME] = 0xffffffffffffffff
};


uint64_t
social_s3_crc(social_s3_crc_e kind, uint64_t crc, social_str_t data)
{
    size_t                n;
    unsigned              i;
    uint64_t              word;
    const unsigned char  *p;
    uint64_t            (*table)[256];

    table = social_s3_crc_table[kind];
    crc ^= social_s3_crc_ones[kind];
    p = data.data;

    for (n = data.len; n >= SOCIAL_S3_CRC_SLICES; n -= SOCIAL_S3_CRC_SLICES) {

        word = 0;

        for (i = 0; i < SOCIAL_S3_CRC_SLICES; i++) {
            word |= (uint64_t) p[i] << (8 * i);
        }

        word ^= crc;

        crc = table[7][word & 0xff] ^ table[6][word >> 8 & 0xff]
              ^ table[5][word >> 16 & 0xff] ^ table[4][word >> 24 & 0xff]
              ^ table[3][word >> 32 & 0xff] ^ table[2][word >> 40 & 0xff]
              ^ table[1][word >> 48 & 0xff] ^ table[0][word >> 56];

        p += SOCIAL_S3_CRC_SLICES;
    }

    while (n--) {
        crc = table[0][(crc ^ *p++) & 0xff] ^ crc >> 8;
    }

    return crc ^ social_s3_crc_ones[kind];
}


/*
 * The check of the first piece, moved past "len" bytes: multiplied by x to the
 * power of their bits, modulo the polynomial.
 */

uint64_t
social_s3_crc_combine(social_s3_crc_e kind, uint64_t first, uint64_t second,
    uint64_t len)
{
    unsigned  i;
    uint64_t  one, power, square;

    one = (social_s3_crc_ones[kind] >> 1) + 1;      /* x^0 */

    power = one;
    square = one >> 1;                              /* x^1 */

    for (i = 0; i < 3; i++) {
        square = social_s3_crc_multiply(kind, square, square);
    }

    for ( /* void */ ; len; len >>= 1) {

        if (len & 1) {
            power = social_s3_crc_multiply(kind, square, power);
        }

        square = social_s3_crc_multiply(kind, square, square);
    }

    return social_s3_crc_multiply(kind, power, first) ^ second;
}


static uint64_t
social_s3_crc_multiply(social_s3_crc_e kind, uint64_t a, uint64_t b)
{
    uint64_t  bit, product;

    product = 0;

    for (bit = (social_s3_crc_ones[kind] >> 1) + 1; bit; bit >>= 1) {

        if (a & bit) {
            product ^= b;
        }

        b = b >> 1 ^ (b & 1 ? social_s3_crc_polynomials[kind] : 0);
    }

    return product;
}


static void
social_s3_crc_init(void)
{
    unsigned         kind, slice, i, bit;
    uint64_t         crc;
    uint64_t       (*table)[256];

    for (kind = 0; kind < SOCIAL_S3_CRCS; kind++) {

        table = social_s3_crc_table[kind];

        for (i = 0; i < 256; i++) {

            crc = i;

            for (bit = 0; bit < 8; bit++) {
                crc = crc >> 1
                      ^ (crc & 1 ? social_s3_crc_polynomials[kind] : 0);
            }

            table[0][i] = crc;
        }

        for (slice = 1; slice < SOCIAL_S3_CRC_SLICES; slice++) {
            for (i = 0; i < 256; i++) {
                crc = table[slice - 1][i];
                table[slice][i] = table[0][crc & 0xff] ^ crc >> 8;
            }
        }
    }
}
