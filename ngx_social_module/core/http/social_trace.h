
/*
 * Which trace a request belongs to (W3C Trace Context).
 */

#ifndef SOCIAL_TRACE_H
#define SOCIAL_TRACE_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_TRACE_ID_SIZE    16       /* bytes */
#define SOCIAL_TRACE_SPAN_SIZE  8
#define SOCIAL_TRACE_ID_HEX     (2 * SOCIAL_TRACE_ID_SIZE)
#define SOCIAL_TRACE_SPAN_HEX   (2 * SOCIAL_TRACE_SPAN_SIZE)

/* "00-" id "-" span "-" flags */
#define SOCIAL_TRACE_SIZE       55


typedef struct {
    unsigned char  id[SOCIAL_TRACE_ID_HEX];      /* as text, in lower case */
    unsigned char  span[SOCIAL_TRACE_SPAN_HEX];
    bool           sampled;
} social_trace_t;


/*
 * Reads the value of a traceparent header (3.2).  A later version than 00 is
 * read as far as that is known to be the same.  SOCIAL_MALFORMED: it is to be
 * ignored, and tracestate with it.
 */
social_rc_e social_trace_parse(social_str_t value, social_trace_t *trace);

/*
 * Sets the id, or the span, to these random bytes.  SOCIAL_DECLINED: they are
 * all zero, which is invalid.
 */
social_rc_e social_trace_set_id(social_trace_t *trace,
    const unsigned char bytes[SOCIAL_TRACE_ID_SIZE]);
social_rc_e social_trace_set_span(social_trace_t *trace,
    const unsigned char bytes[SOCIAL_TRACE_SPAN_SIZE]);

/*
 * Writes a traceparent of the version 00 to "buf", without a zero byte.  Of
 * the flags only "sampled" is passed on.
 */
void social_trace_write(const social_trace_t *trace,
    unsigned char buf[SOCIAL_TRACE_SIZE]);


#endif /* SOCIAL_TRACE_H */
