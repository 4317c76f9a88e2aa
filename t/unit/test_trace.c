
#include "social_unit.h"
#include "social_trace.h"


#define ID    "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"


static social_rc_e
parse(const char *text, social_trace_t *trace)
{
    unsigned char  *p;
    social_rc_e     rc;
    social_str_t    value;

    /* of just its size, so that no byte after it may be read */

    value.len = strlen(text);
    p = malloc(value.len ? value.len : 1);
    assert_non_null(p);
    memcpy(p, text, value.len);
    value.data = p;

    rc = social_trace_parse(value, trace);

    free(p);

    return rc;
}


static void
test_valid(void **state)
{
    size_t          i;
    social_trace_t  trace;

    static const struct {
        const char  *text;
        bool         sampled;
    } cases[] = {
        { "00-" ID "-" SPAN "-01", true },
        { "00-" ID "-" SPAN "-00", false },
        { "00-" ID "-" SPAN "-03", true },
        { "00-" ID "-" SPAN "-fe", false },
        { "00-" ID "-" SPAN "-0d", true },

        /* of later versions what is known */
        { "01-" ID "-" SPAN "-01", true },
        { "cc-" ID "-" SPAN "-00-what-the-future-brings", false },
        { "fe-" ID "-" SPAN "-01-", true },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].text, &trace), SOCIAL_OK);
        assert_memory_equal(trace.id, ID, sizeof(trace.id));
        assert_memory_equal(trace.span, SPAN, sizeof(trace.span));
        assert_int_equal(trace.sampled, cases[i].sampled);
    }
}


static void
test_invalid(void **state)
{
    size_t          i;
    social_trace_t  trace;

    static const char *const  cases[] = {
        "",
        "00",
        "00-" ID "-" SPAN,
        "00-" ID "-" SPAN "-0",
        "00-" ID "-" SPAN "-01-",
        "00-" ID "-" SPAN "-01 ",
        "00-" ID "-" SPAN "-011",
        "01-" ID "-" SPAN "-011",
        "ff-" ID "-" SPAN "-01",
        "0-" ID "-" SPAN "-001",
        "0g-" ID "-" SPAN "-01",
        "00_" ID "-" SPAN "-01",
        "00-" ID "_" SPAN "-01",
        "00-" ID "-" SPAN "_01",
        "00-" ID "-" SPAN "-0x",
        "00-" ID "-" SPAN "-x1",
        "00-" ID "-" SPAN "-0A",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" ID "-B7AD6B7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-c" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" ID "-0000000000000000-01",
        " 00-" ID "-" SPAN "-01",
        "00-" ID "-" SPAN "-01\n",
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (parse(cases[i], &trace) != SOCIAL_MALFORMED) {
            fail_msg("accepted: \"%s\"", cases[i]);
        }
    }
}


/* the last digit alone is not zero, and each digit is looked at */

static void
test_bounds(void **state)
{
    size_t          i;
    char            text[SOCIAL_TRACE_SIZE + 1];
    social_trace_t  trace;

    static const char  good[] = "00-" ID "-" SPAN "-01";

    (void) state;

    assert_int_equal(parse("00-00000000000000000000000000000001-" SPAN "-01",
                           &trace), SOCIAL_OK);
    assert_int_equal(parse("00-" ID "-0000000000000001-01", &trace),
                     SOCIAL_OK);
    assert_int_equal(parse("00-" ID "-1000000000000000-01", &trace),
                     SOCIAL_OK);

    for (i = 0; i < SOCIAL_TRACE_SIZE; i++) {
        memcpy(text, good, sizeof(text));
        text[i] = 'G';
        assert_int_equal(parse(text, &trace), SOCIAL_MALFORMED);
        text[i] = '/';
        assert_int_equal(parse(text, &trace), SOCIAL_MALFORMED);
        text[i] = ':';
        assert_int_equal(parse(text, &trace), SOCIAL_MALFORMED);
        text[i] = '`';
        assert_int_equal(parse(text, &trace), SOCIAL_MALFORMED);
    }
}


static void
test_write(void **state)
{
    social_trace_t  trace;
    unsigned char   buf[SOCIAL_TRACE_SIZE];

    static const unsigned char  none[SOCIAL_TRACE_ID_SIZE];
    static const unsigned char  id[SOCIAL_TRACE_ID_SIZE] = {
        0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
        0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c
    };
    static const unsigned char  span[SOCIAL_TRACE_SPAN_SIZE] = {
        0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31
    };

    (void) state;

    memset(&trace, 0, sizeof(trace));

    assert_int_equal(social_trace_set_id(&trace, none), SOCIAL_DECLINED);
    assert_int_equal(social_trace_set_span(&trace, none), SOCIAL_DECLINED);
    assert_int_equal(social_trace_set_id(&trace, id), SOCIAL_OK);
    assert_int_equal(social_trace_set_span(&trace, span), SOCIAL_OK);

    social_trace_write(&trace, buf);
    assert_memory_equal(buf, "00-" ID "-" SPAN "-00", sizeof(buf));

    trace.sampled = true;
    social_trace_write(&trace, buf);
    assert_memory_equal(buf, "00-" ID "-" SPAN "-01", sizeof(buf));

    /* what is not known of the flags is not passed on */

    assert_int_equal(parse("00-" ID "-" SPAN "-ff", &trace), SOCIAL_OK);
    social_trace_write(&trace, buf);
    assert_memory_equal(buf, "00-" ID "-" SPAN "-01", sizeof(buf));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
