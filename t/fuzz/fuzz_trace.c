
/*
 * Values of a traceparent header.
 */

#include "fuzz.h"
#include "social_trace.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t    value, text;
    unsigned char   buf[SOCIAL_TRACE_SIZE];
    social_trace_t  trace, again;

    value = fuzz_copy(data, size);

    if (social_trace_parse(value, &trace) == SOCIAL_OK) {

        /* what is written is read as the same, and as itself */

        social_trace_write(&trace, buf);

        text.data = buf;
        text.len = sizeof(buf);

        FUZZ_CHECK(social_trace_parse(text, &again) == SOCIAL_OK);
        FUZZ_CHECK(memcmp(trace.id, again.id, sizeof(trace.id)) == 0);
        FUZZ_CHECK(memcmp(trace.span, again.span, sizeof(trace.span)) == 0);
        FUZZ_CHECK(trace.sampled == again.sampled);
        FUZZ_CHECK(memcmp(buf + 3, value.data + 3, sizeof(buf) - 5) == 0);
    }

    fuzz_free(value);

    return 0;
}
