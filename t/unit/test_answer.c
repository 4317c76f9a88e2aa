
#include "social_unit.h"
#include "social_answer.h"


#define SIZE  64


static social_answer_t  a;
static unsigned char    body[SIZE];


/*
 * Reads it at once, and in pieces of every size: the outcome is the same.
 */

static social_rc_e
read_all(social_str_t text, size_t size, bool closed)
{
    size_t           i, n, step;
    social_rc_e      rc, first;
    social_answer_t  whole;

    first = SOCIAL_FAILED;
    memset(&whole, 0, sizeof(whole));

    for (step = text.len; step > 0; step = step > 40 ? step / 2 : step - 1) {

        social_answer_init(&a, body, size);
        rc = SOCIAL_DECLINED;

        for (i = 0; i < text.len && rc == SOCIAL_DECLINED; i += n) {
            n = text.len - i < step ? text.len - i : step;

            rc = social_answer_read(&a, (social_str_t) { n, text.data + i });
        }

        if (rc == SOCIAL_DECLINED && closed) {
            rc = social_answer_end(&a);
        }

        if (step == text.len) {
            first = rc;
            whole = a;
        }

        assert_int_equal(rc, first);
        assert_int_equal(a.status, whole.status);
        assert_int_equal(a.len, whole.len);
        assert_ptr_equal(a.why, whole.why);
    }

    return first;
}


static void
good(const char *text, size_t size, unsigned status, const char *expected)
{
    assert_int_equal(read_all(social_str(text), size, true), SOCIAL_OK);
    assert_int_equal(a.status, status);
    assert_int_equal(a.len, strlen(expected));
    assert_memory_equal(body, expected, a.len);
}


static void
bad(social_str_t text, size_t size, const char *why)
{
    assert_int_equal(read_all(text, size, true), SOCIAL_MALFORMED);
    assert_string_equal(a.why, why);
}


static void
test_head(void **state)
{
    (void) state;

    good("HTTP/1.1 200 OK\r\n\r\n", 0, 200, "");
    good("HTTP/1.0 503\nServer: x\n\n", 0, 503, "");
    good("HTTP/1.1 404 \r\nA:b\r\nContent-Length: 10\r\n\r\nx", 0, 404, "");
    good("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\n"
         "HTTP/1.1 200 OK\r\n\r\n", 0, 200, "");

    /* what is behind it is not looked at */

    good("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 500 x\r\n\r\n", 0, 200, "");
}


static void
test_bodies(void **state)
{
    (void) state;

    good("HTTP/1.1 200 OK\r\n\r\nuntil close", SIZE, 200, "until close");
    good("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst and more", SIZE,
         200, "first");
    good("HTTP/1.1 200 OK\r\ncontent-length:  0 \r\n\r\nmore", SIZE, 200, "");
    good("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
         "3\r\nabc\r\n0A ;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", SIZE,
         200, "abc0123456789");
    good("HTTP/1.1 204 x\r\n\r\nmore", SIZE, 204, "");
    good("HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n", SIZE, 304, "");

    /* no more than there is room for */

    good("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", 4, 200,
         "0123");
    good("HTTP/1.1 200 OK\r\n\r\n0123456789", 10, 200, "0123456789");
    good("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "fffffffffffffff\r\n0123456789", 10, 200, "0123456789");
}


static void
test_more(void **state)
{
    size_t  i;

    static const char *const  parts[] = {
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    };

    (void) state;

    for (i = 0; i < 4; i++) {
        assert_int_equal(read_all(social_str(parts[i]), SIZE, false),
                         SOCIAL_DECLINED);
        bad(social_str(parts[i]), SIZE, "the answer is cut");
    }

    social_answer_init(&a, body, 0);
    assert_int_equal(social_answer_read(&a, S("")), SOCIAL_DECLINED);
    assert_int_equal(social_answer_end(&a), SOCIAL_MALFORMED);
    assert_string_equal(a.why, "the connection was closed without an answer");
}


static void
test_malformed(void **state)
{
    (void) state;

    bad(S("SSH-2.0-OpenSSH\r\n"), 0, "it is not HTTP");
    bad(S("\x15\x03\x01\x01\x02\x02\x22"), 0, "it is not HTTP");
    bad(S("garbage that never ends"), 0, "it is not HTTP");
    bad(S("HTTP/2 200 OK\r\n"), 0, "it is not HTTP/1");
    bad(S("HTTP/1.1\r\n"), 0, "it is not HTTP/1");
    bad(S("HTTP/1.x 200 OK\r\n"), 0, "it is not HTTP/1");
    bad(S("HTTP/1.1-200 OK\r\n"), 0, "it is not HTTP/1");
    bad(S("HTTP/1.1 2000 OK\r\n"), 0, "it has no status");
    bad(S("HTTP/1.1 20x OK\r\n"), 0, "it has no status");
    bad(S("HTTP/1.1 099 OK\r\n"), 0, "it has no status");
    bad(S("HTTP/1.1 101 Switching\r\n"), 0, "it changes the protocol");
    bad(S("HTTP/1.1 200 OK\r\nno colon\r\n"), 0, "a header has no colon");
    bad(S("HTTP/1.1 200 OK\r\n: x\r\n"), 0, "a header has no valid name");
    bad(S("HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n"), 0,
        "a header has no valid name");
    bad(S("HTTP/1.1 200 OK\r\nA: \0b\r\n"), 0, "it has a NUL byte");
    bad(S("HTTP/1.1 200 OK\r\nContent-Length: \r\n"), 0,
        "it has a wrong Content-Length");
    bad(S("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n"), 0,
        "it has a wrong Content-Length");
    bad(S("HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456789\r\n"), 0,
        "it has a wrong Content-Length");
    bad(S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n"), 0,
        "it has a wrong Content-Length");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n"), 0,
        "it has an unknown Transfer-Encoding");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
          "Transfer-Encoding: chunked\r\n"), 0,
        "it has an unknown Transfer-Encoding");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
          "Content-Length: 1\r\n\r\n"), 0,
        "it has both a Content-Length and a Transfer-Encoding");
    bad(S("HTTP/1.1 100 x\r\nContent-Length: 1\r\n\r\n"), 0,
        "an interim answer has a body");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"), SIZE,
        "a chunk has no size");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\n"), SIZE,
        "a chunk has no size");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0000000000000001\r\n"), SIZE, "a chunk is too large");
    bad(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
        SIZE, "a chunk is longer than it says");
}


/*
 * "n" bytes of "with" between two texts.
 */

static social_str_t
filled(const char *before, char with, size_t n, const char *after)
{
    size_t        len, end;
    social_str_t  s;

    static char  text[40000];

    len = strlen(before);
    end = strlen(after);

    memcpy(text, before, len);
    memset(text + len, with, n);
    memcpy(text + len + n, after, end);

    s.data = (unsigned char *) text;
    s.len = len + n + end;

    return s;
}


static void
test_limits(void **state)
{
    size_t  head;

    (void) state;

    /* only a header that is understood must be short */

    assert_int_equal(read_all(filled("HTTP/1.1 200 OK\r\nSet-Cookie: ", 'x',
                                     8000, "\r\n\r\n"), 0, true), SOCIAL_OK);
    assert_int_equal(read_all(filled("HTTP/1.1 200 ", 'x', 8000, "\r\n\r\n"),
                              0, true), SOCIAL_OK);
    assert_int_equal(read_all(filled("HTTP/1.1 200 OK\r\nContent-Length:", ' ',
                                     239, "1\r\n\r\n"), 0, true), SOCIAL_OK);
    bad(filled("HTTP/1.1 200 OK\r\nContent-Length:", ' ', 240, "1\r\n\r\n"),
        0, "a header is too long");
    bad(filled("HTTP/1.1 200 OK\r\n", 'x', 300, ": y\r\n\r\n"), 0,
        "a header is too long");
    bad(filled("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", ' ', 250,
               "\r\n\r\n"), 0, "it has an unknown Transfer-Encoding");

    /* all of the head */

    head = strlen("HTTP/1.1 200 OK\r\nA: \r\n\r\n");

    assert_int_equal(read_all(filled("HTTP/1.1 200 OK\r\nA: ", 'x',
                                     SOCIAL_ANSWER_MAX_HEAD - head,
                                     "\r\n\r\n"), 0, true), SOCIAL_OK);
    bad(filled("HTTP/1.1 200 OK\r\nA: ", 'x',
               SOCIAL_ANSWER_MAX_HEAD - head + 1, "\r\n\r\n"), 0,
        "the head is too large");
    bad(filled("HTTP/1.1 200 OK\r\nA: ", 'x', 20000, ""), 0,
        "the head is too large");

    /* a body that is hardly more than lines */

    bad(filled("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", 'x',
               30000, "\r\na\r\n0\r\n"), SIZE, "the body is too large");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
