
/*
 * Which trace a request belongs to (W3C Trace Context, 3.2).
 */

#include <string.h>

#include "social_trace.h"


/* where the parts of a traceparent begin */

#define SOCIAL_TRACE_AT_ID     3
#define SOCIAL_TRACE_AT_SPAN   (SOCIAL_TRACE_AT_ID + SOCIAL_TRACE_ID_HEX + 1)
#define SOCIAL_TRACE_AT_FLAGS  (SOCIAL_TRACE_AT_SPAN                          \
                                + SOCIAL_TRACE_SPAN_HEX + 1)

#define SOCIAL_TRACE_SAMPLED   0x01


static bool social_trace_is_hex(const unsigned char *p, size_t n);
static bool social_trace_is_zero(const unsigned char *p, size_t n);
static unsigned social_trace_digit(unsigned char ch);
static social_rc_e social_trace_random(unsigned char *hex,
    const unsigned char *bytes, size_t n);


social_rc_e
social_trace_parse(social_str_t value, social_trace_t *trace)
{
    const unsigned char  *p;

    p = value.data;

    if (value.len < SOCIAL_TRACE_SIZE
        || !social_trace_is_hex(p, 2)
        || p[SOCIAL_TRACE_AT_ID - 1] != '-'
        || !social_trace_is_hex(p + SOCIAL_TRACE_AT_ID, SOCIAL_TRACE_ID_HEX)
        || p[SOCIAL_TRACE_AT_SPAN - 1] != '-'
        || !social_trace_is_hex(p + SOCIAL_TRACE_AT_SPAN,
                                SOCIAL_TRACE_SPAN_HEX)
        || p[SOCIAL_TRACE_AT_FLAGS - 1] != '-'
        || !social_trace_is_hex(p + SOCIAL_TRACE_AT_FLAGS, 2))
    {
        return SOCIAL_MALFORMED;
    }

    /* "ff" is invalid, and what follows 00 is known */

    if ((p[0] == 'f' && p[1] == 'f')
        || (p[0] == '0' && p[1] == '0' && value.len != SOCIAL_TRACE_SIZE)
        || (value.len > SOCIAL_TRACE_SIZE && p[SOCIAL_TRACE_SIZE] != '-'))
    {
        return SOCIAL_MALFORMED;
    }

    if (social_trace_is_zero(p + SOCIAL_TRACE_AT_ID, SOCIAL_TRACE_ID_HEX)
        || social_trace_is_zero(p + SOCIAL_TRACE_AT_SPAN,
                                SOCIAL_TRACE_SPAN_HEX))
    {
        return SOCIAL_MALFORMED;
    }

    memcpy(trace->id, p + SOCIAL_TRACE_AT_ID, SOCIAL_TRACE_ID_HEX);
    memcpy(trace->span, p + SOCIAL_TRACE_AT_SPAN, SOCIAL_TRACE_SPAN_HEX);

    trace->sampled = (social_trace_digit(p[SOCIAL_TRACE_AT_FLAGS + 1])
                      & SOCIAL_TRACE_SAMPLED) != 0;

    return SOCIAL_OK;
}


/*
 * In lower case only.
 */

static bool
social_trace_is_hex(const unsigned char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) {
            return false;
        }
    }

    return true;
}


static bool
social_trace_is_zero(const unsigned char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] != '0') {
            return false;
        }
    }

    return true;
}


static unsigned
social_trace_digit(unsigned char ch)
{
    return ch <= '9' ? (unsigned) (ch - '0') : (unsigned) (ch - 'a') + 10;
}


social_rc_e
social_trace_set_id(social_trace_t *trace,
    const unsigned char bytes[SOCIAL_TRACE_ID_SIZE])
{
    return social_trace_random(trace->id, bytes, SOCIAL_TRACE_ID_SIZE);
}


social_rc_e
social_trace_set_span(social_trace_t *trace,
    const unsigned char bytes[SOCIAL_TRACE_SPAN_SIZE])
{
    return social_trace_random(trace->span, bytes, SOCIAL_TRACE_SPAN_SIZE);
}


static social_rc_e
social_trace_random(unsigned char *hex, const unsigned char *bytes, size_t n)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        hex[2 * i] = (unsigned char) digits[bytes[i] >> 4];
        hex[2 * i + 1] = (unsigned char) digits[bytes[i] & 0x0f];
    }

    return social_trace_is_zero(hex, 2 * n) ? SOCIAL_DECLINED : SOCIAL_OK;
}


void
social_trace_write(const social_trace_t *trace,
    unsigned char buf[SOCIAL_TRACE_SIZE])
{
    memcpy(buf, "00-", 3);
    memcpy(buf + SOCIAL_TRACE_AT_ID, trace->id, SOCIAL_TRACE_ID_HEX);
    buf[SOCIAL_TRACE_AT_SPAN - 1] = '-';
    memcpy(buf + SOCIAL_TRACE_AT_SPAN, trace->span, SOCIAL_TRACE_SPAN_HEX);
    memcpy(buf + SOCIAL_TRACE_AT_FLAGS - 1, trace->sampled ? "-01" : "-00", 3);
}
