
/*
 * The numbers of a JSON document, in and out.  Nothing here knows a locale:
 * strtod() never sees a point, and what is written is not printf()'s.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "social_json_node.h"


/* 2^63 has 19 digits, and so many always fit in 64 bits without a sign */
#define SOCIAL_JSON_INTEGER_DIGITS  19

/* 767 decide which double is nearest; one more says whether that is all */
#define SOCIAL_JSON_REAL_DIGITS     800

/* beyond what any number of digits in a text could make up for */
#define SOCIAL_JSON_MAX_EXPONENT    (INT64_C(1) << 40)

/* of 9 digits: 767 of the least double, 309 of the greatest */
#define SOCIAL_JSON_LIMBS           90
#define SOCIAL_JSON_LIMB            1000000000

#define SOCIAL_JSON_PRECISION       17


typedef struct {
    char       text[SOCIAL_JSON_REAL_DIGITS + 32];
    size_t     len;
    size_t     digits;
    bool       more;          /* digits that were left out are not all zero */
    int64_t    exponent;
} social_json_decimal_t;


static bool social_json_scan_real(unsigned char **next, unsigned char *end,
    unsigned char *start, social_json_t *node);
static void social_json_scan_digits(social_json_decimal_t *d,
    const unsigned char *p, const unsigned char *end, bool fraction);
static bool social_json_scan_exponent(unsigned char **next,
    const unsigned char *end, int64_t *exponent);
static size_t social_json_real_digits(double real, unsigned char *digits,
    int *exponent);
static size_t social_json_round(unsigned char *digits, size_t n,
    int *exponent);


bool
social_json_scan_number(unsigned char **next, unsigned char *end,
    social_json_t *node)
{
    bool            negative;
    uint64_t        n;
    unsigned char  *p, *start, *digits;

    start = *next;
    p = start;
    n = 0;

    negative = (p < end && *p == '-');
    p += negative;

    digits = p;

    while (p < end && *p >= '0' && *p <= '9') {
        n = n * 10 + (uint64_t) (*p++ - '0');
    }

    if (p == digits || (*digits == '0' && p - digits > 1)) {
        return false;
    }

    *next = p;

    if (p < end && (*p == '.' || *p == 'e' || *p == 'E')) {
        return social_json_scan_real(next, end, start, node);
    }

    if (p - digits > SOCIAL_JSON_INTEGER_DIGITS
        || n > (uint64_t) INT64_MAX + negative)
    {
        return false;
    }

    node->type = SOCIAL_JSON_INTEGER;
    node->u.integer = !negative ? (int64_t) n
                      : n > INT64_MAX ? INT64_MIN : -(int64_t) n;

    return true;
}


/*
 * From the point or the exponent on.  strtod() gets all digits that matter as
 * one whole number, and an exponent that makes up for it.
 */

static bool
social_json_scan_real(unsigned char **next, unsigned char *end,
    unsigned char *start, social_json_t *node)
{
    int64_t                 exponent;
    unsigned char          *p, *point;
    social_json_decimal_t   d;

    d.len = 0;
    d.digits = 0;
    d.more = false;
    d.exponent = 0;

    if (*start == '-') {
        d.text[d.len++] = '-';
        start++;
    }

    p = *next;

    social_json_scan_digits(&d, start, p, false);

    if (*p == '.') {
        point = ++p;

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p == point) {
            return false;
        }

        social_json_scan_digits(&d, point, p, true);
    }

    exponent = 0;

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;

        if (!social_json_scan_exponent(&p, end, &exponent)) {
            return false;
        }
    }

    *next = p;

    if (d.more) {
        d.text[d.len++] = '1';
        d.exponent--;
    }

    if (d.digits == 0) {
        d.text[d.len++] = '0';
    }

    /* no double has use for more */

    exponent += d.exponent;
    exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;

    d.text[d.len++] = 'e';
    d.len = (size_t) (social_json_write_integer((unsigned char *) d.text
                                                + d.len, exponent)
                      - (unsigned char *) d.text);
    d.text[d.len] = '\0';

    node->type = SOCIAL_JSON_REAL;
    node->u.real = strtod(d.text, NULL);

    return isfinite(node->u.real);
}


static void
social_json_scan_digits(social_json_decimal_t *d, const unsigned char *p,
    const unsigned char *end, bool fraction)
{
    for ( /* void */ ; p < end; p++) {

        if (d->digits == 0 && *p == '0') {
            d->exponent -= fraction;
            continue;
        }

        if (d->digits == SOCIAL_JSON_REAL_DIGITS) {
            d->more = d->more || *p != '0';
            d->exponent += !fraction;
            continue;
        }

        d->text[d->len++] = (char) *p;
        d->digits++;
        d->exponent -= fraction;
    }
}


static bool
social_json_scan_exponent(unsigned char **next, const unsigned char *end,
    int64_t *exponent)
{
    bool            negative;
    int64_t         n;
    unsigned char  *p, *digits;

    p = *next;
    n = 0;

    negative = (p < end && *p == '-');

    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }

    for (digits = p; p < end && *p >= '0' && *p <= '9'; p++) {
        if (n < SOCIAL_JSON_MAX_EXPONENT) {
            n = n * 10 + (*p - '0');
        }
    }

    *next = p;
    *exponent = negative ? -n : n;

    return p != digits;
}


unsigned char *
social_json_write_integer(unsigned char *buf, int64_t n)
{
    uint64_t        u;
    unsigned char  *p, text[SOCIAL_JSON_NUMBER_SIZE];

    u = (uint64_t) n;

    if (n < 0) {
        *buf++ = '-';
        u = 0 - u;
    }

    p = text + sizeof(text);

    do {
        *--p = (unsigned char) ('0' + u % 10);
        u /= 10;
    } while (u);

    memcpy(buf, p, (size_t) (text + sizeof(text) - p));

    return buf + (text + sizeof(text) - p);
}


/*
 * printf()'s "%.17g", but for a "." that is always there, and an exponent
 * without a plus and without leading zeros.
 */

unsigned char *
social_json_write_real(unsigned char *buf, double real)
{
    int             exponent;
    size_t          i, n;
    unsigned char   digits[SOCIAL_JSON_LIMBS * 9];

    if (signbit(real)) {
        *buf++ = '-';
    }

    n = social_json_real_digits(real, digits, &exponent);

    if (exponent < -4 || exponent >= SOCIAL_JSON_PRECISION) {

        *buf++ = digits[0];

        if (n > 1) {
            *buf++ = '.';
            memcpy(buf, digits + 1, n - 1);
            buf += n - 1;
        }

        *buf++ = 'e';

        return social_json_write_integer(buf, exponent);
    }

    if (exponent < 0) {
        memcpy(buf, "0.0000", 6);
        buf += 1 - exponent;
        memcpy(buf, digits, n);

        return buf + n;
    }

    for (i = 0; i < n || i <= (size_t) exponent + 1; i++) {

        if (i == (size_t) exponent + 1) {
            *buf++ = '.';
        }

        *buf++ = i < n ? digits[i] : '0';
    }

    return buf;
}


/*
 * The digits of a double, at least one and at most 17, and the exponent of the
 * first.  A double is a whole number times a power of two: times 2^e, or times
 * 5^-e with the point moved by -e, it is written out, and then rounded once.
 */

static size_t
social_json_real_digits(double real, unsigned char *digits, int *exponent)
{
    int             e, step;
    size_t          i, j, n, count;
    uint32_t        limbs[SOCIAL_JSON_LIMBS], factor;
    uint64_t        bits, m, carry;

    memcpy(&bits, &real, 8);

    e = (int) (bits >> 52 & 0x7ff);
    m = bits & ((UINT64_C(1) << 52) - 1);

    if (e) {
        m |= UINT64_C(1) << 52;
        e--;
    }

    e -= 1074;

    while (m && (m & 1) == 0 && e < 0) {
        m >>= 1;
        e++;
    }

    limbs[0] = (uint32_t) (m % SOCIAL_JSON_LIMB);
    limbs[1] = (uint32_t) (m / SOCIAL_JSON_LIMB);
    count = 2;

    *exponent = (m && e < 0) ? e : 0;

    while (m && e != 0) {

        step = e > 0 ? (e < 29 ? e : 29) : (e > -12 ? -e : 12);
        factor = e > 0 ? (uint32_t) 1 << step : 1;

        for (i = 0; e < 0 && i < (size_t) step; i++) {
            factor *= 5;
        }

        carry = 0;

        for (i = 0; i < count; i++) {
            carry += (uint64_t) limbs[i] * factor;
            limbs[i] = (uint32_t) (carry % SOCIAL_JSON_LIMB);
            carry /= SOCIAL_JSON_LIMB;
        }

        if (carry) {
            limbs[count++] = (uint32_t) carry;
        }

        e += e > 0 ? -step : step;
    }

    n = count * 9;

    for (i = 0; i < count; i++) {
        for (j = 1; j <= 9; j++) {
            digits[n - i * 9 - j] = (unsigned char) ('0' + limbs[i] % 10);
            limbs[i] /= 10;
        }
    }

    for (i = 0; i + 1 < n && digits[i] == '0'; i++) { /* void */ }

    memmove(digits, digits + i, n - i);

    *exponent += (int) (n - i) - 1;

    return social_json_round(digits, n - i, exponent);
}


/*
 * To the nearest, and what is in the middle to the even digit.
 */

static size_t
social_json_round(unsigned char *digits, size_t n, int *exponent)
{
    bool    up;
    size_t  i;

    if (n > SOCIAL_JSON_PRECISION) {

        i = SOCIAL_JSON_PRECISION;
        up = digits[i] > '5';

        if (digits[i] == '5') {
            up = (digits[i - 1] & 1) != 0;

            while (++i < n) {
                up = up || digits[i] != '0';
            }
        }

        n = SOCIAL_JSON_PRECISION;

        for (i = n; up && i > 0; i--) {
            up = digits[i - 1] == '9';
            digits[i - 1] = up ? '0' : (unsigned char) (digits[i - 1] + 1);
        }

        if (up) {
            digits[0] = '1';
            (*exponent)++;
        }
    }

    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }

    return n;
}
