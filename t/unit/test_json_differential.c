
/*
 * Our JSON against jansson's: what one takes the other takes, and says the
 * same of it.  The exceptions are in social_unit_json.h.
 */

#include "social_unit.h"
#include "social_unit_json.h"


#define MUTATIONS  200000


static uint64_t  seed = 0x9e3779b97f4a7c15;


/* xorshift64*: the same numbers everywhere */

static unsigned
below(unsigned n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;

    return (unsigned) ((seed * UINT64_C(2685821657736338717)) >> 33) % n;
}


static bool
agree(social_str_t text)
{
    bool  accepted;

    assert_true(social_unit_json_agree(text, &accepted));

    return accepted;
}


/* one value at every position that a value can have */

static bool
agree_value(social_str_t value)
{
    int   i, len;
    bool  accepted;
    char  text[4096];

    static const char  *frames[] = {
        "{\"a\":%.*s}", "{\"a\":[%.*s]}", "{ \"a\" : [ 1 , %.*s , 2 ] }",
        "{\"b\":\"\xc3\xa9\",\"a\":%.*s,\"c\":{\"a\":%.*s}}"
    };

    accepted = false;

    for (i = 0; i < 4; i++) {
        len = snprintf(text, sizeof(text), frames[i], (int) value.len,
                       value.data, (int) value.len, value.data);
        assert_true(len > 0 && (size_t) len < sizeof(text));

        if (agree((social_str_t) { (size_t) len, (unsigned char *) text })) {
            accepted = true;

        } else {
            assert_false(accepted);
        }
    }

    return accepted;
}


static void
test_values(void **state)
{
    size_t  i;

    static const char  *good[] = {
        "0", "-0", "1", "-1", "10", "123456789", "9223372036854775807",
        "-9223372036854775807", "-9223372036854775808", "9007199254740991",
        "9007199254740992", "9007199254740993", "0.0", "-0.0", "0e0", "0E-0",
        "0e+99999999999999999999", "-0e1", "1e0", "1E0", "1e+0", "1e-0",
        "1e00000000000000000000000000001", "0.1", "0.2", "0.3", "1.5", "-1.5",
        "1e21", "1e22", "1e23", "1e16", "1e17", "12345678901234567.0",
        "123456789012345678.0", "99999999999999999.0", "0.0001", "0.00001",
        "0.00012345678901234567", "0.000099999999999999999",
        "9007199254740993.0", "9007199254740992.9", "1.7976931348623157e308",
        "1.7976931348623158e308", "17976931348623157e292",
        "0.0000000017976931348623157e317", "2.2250738585072014e-308",
        "2.2250738585072011e-308", "5e-324", "4.9406564584124654e-324",
        "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400",
        "-1e-400", "1e-999999999999999999999", "1e-5", "1e-4", "1.0e10",
        "9.5e-1", "0.5", "2.5", "1e15", "123e15", "9223372036854775808.0",
        "18446744073709551616.0", "1e309", "-1e309",
        "1.7976931348623159e308", "9223372036854775808",
        "-9223372036854775809", "18446744073709551616",
        "18446744073709551617", "123456789012345678901234567890",
        "99999999999999999999", "1e99999999999999999999",
        "true", "false", "null", "\"\"", "{}", "[]",
        "[[]]", "[{}]", "[ ]", "{ }", "[1,[2,[3]],4]", "{\"a\":{\"a\":{}}}",
        "\"\\u0001\"", "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"",
        "\"\\udbff\\udfff\"", "\"\\uffff\"", "\"\\ufffe\"", "\"\\u007f\"",
        "\"\x7f\"", "\"\xef\xbf\xbf\"", "\"\xf4\x8f\xbf\xbf\"",
        "\"\xed\x9f\xbf\"", "\"\xee\x80\x80\"", "\"\xf0\x90\x80\x80\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0800\\u07ff\\u0080\"",
        "\"12345678\"", "\"1234567\\n\"", "\"1234567\xc3\xa9 12345678\"",
        "\"/\\/\"", " 1 ", "\t\r\n1\n\r\t"
    };

    static const char  *bad[] = {
        "-", "+1", "01", "-01", "00", "0x1", "1.", ".1", "-.1", "1.e1",
        "1e", "1e+", "1e-", "1E", "1e1.5", "1ee1", "1..1", "1.1.1", "--1",
        "-+1", "1-", "1 1", "1,", ",1", "NaN", "nan",
        "Infinity", "-Infinity", "inf", "True", "tru", "truee", "true1",
        "nulll", "nul", "fals", "none", "undefined", "'a'", "a", "\"", "\"a",
        "a\"", "\"\\\"", "\"\\x41\"", "\"\\u\"", "\"\\u1\"", "\"\\u12\"",
        "\"\\u123\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\'\"", "\"\\a\"",
        "\"\\v\"", "\"\\0\"", "\"\\\n\"", "\"\\u0000\"", "\"\\ud800\"",
        "\"\\ud800a\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"", "\"\\udc00\"", "\"\\udc00\\ud800\"",
        "\"\\ud83d\\ude0\"", "\"\\ud83d\\u\"", "\"\\ud83d\\\"", "\"\n\"",
        "\"\t\"", "\"\x01\"", "\"\x1f\"", "\"1234567\x1f\"", "\"\x80\"",
        "\"\xbf\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xc2\"", "\"\xc2 \"",
        "\"\xe0\x80\x80\"", "\"\xe0\x9f\xbf\"", "\"\xe1\x80\"",
        "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"", "\"\xf0\x80\x80\x80\"",
        "\"\xf0\x8f\xbf\xbf\"", "\"\xf0\x9f\x98\"", "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"", "\"\xff\"", "\"\xfe\xff\"", "[", "]", "{", "}",
        "[1", "1]", "[1,]", "[,1]", "[,]", "[1 2]", "[1;2]", "[1:2]", "[}",
        "{]", "{1}", "{1:1}", "{\"a\"}", "{\"a\":}", "{:1}", "{\"a\":1,}",
        "{,}", "{\"a\":1 \"b\":1}", "{\"a\"=1}", "{\"a\",1}", "{\"a\"::1}",
        "{\"a\":1,,\"b\":1}", "{\"a\":1,\"a\":1}", "{\"\":1,\"\":1}",
        "{\"a\":1,\"\\u0061\":1}", "{\"\xc3\xa9\":1,\"\\u00E9\":1}",
        "[{\"a\":1,\"b\":{\"a\":1},\"a\":1}]", "{a:1}", "{\"a\nb\":1}",
        "{\"\\u0000\":1}", "{\"\xff\":1}", "/**/1", "1//", "1#", "\xef\xbb\xbf"
        "1", "\x0b" "1", "\x0c" "1", "\xc2\xa0" "1", "1\x1a"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(agree_value(social_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(agree_value(social_str(bad[i])));
    }
}


/* every byte, alone and as an escape, at every position in a word of eight */

static void
test_bytes(void **state)
{
    int       position, escaped;
    char      text[64];
    unsigned  byte, next;
    social_str_t  s;

    (void) state;

    for (byte = 0; byte < 256; byte++) {
        for (position = 0; position < 18; position++) {
            for (escaped = 0; escaped < 2; escaped++) {

                memset(text, 'x', sizeof(text));
                memcpy(text, "{\"a\":\"", 6);
                text[6 + position] = (char) (escaped ? '\\' : byte);
                text[7 + position] = (char) (escaped ? byte : 'x');
                memcpy(text + 26, "\"}", 2);

                s.data = (unsigned char *) text;
                s.len = 28;
                (void) agree(s);

                text[position] = (char) byte;
                (void) agree(s);
            }
        }

        /* all beginnings of UTF-8 with some of its ends */

        for (next = 0; byte >= 0xc0 && next < 256 * 9; next++) {
            static const unsigned char  edges[] = "\x7f\x80\x8f\x90\x9f\xa0\xbf"
                                                  "\xc0";

            memcpy(text, "{\"a\":\"", 6);
            text[6] = (char) byte;
            text[7] = (char) (next & 0xff);
            text[8] = (char) edges[(next >> 8) % 8];
            text[9] = (char) 0x80;
            memcpy(text + 10, "\"}", 2);

            s.data = (unsigned char *) text;
            s.len = 12;
            (void) agree(s);

            memcpy(text + 9, "\"}", 2);
            s.len = 11;
            (void) agree(s);

            memcpy(text + 8, "\"}", 2);
            s.len = 10;
            (void) agree(s);
        }
    }
}


/* numbers of any length, and where a double is in the middle of two */

static void
test_numbers(void **state)
{
    int       n, i;
    char      text[2048], *p;
    double    real;
    uint64_t  bits;

    (void) state;

    for (n = 0; n < 20000; n++) {
        bits = (uint64_t) below(1u << 31) << 33
               ^ (uint64_t) below(1u << 31) << 10 ^ below(1024);
        memcpy(&real, &bits, 8);

        if (real - real != 0) {
            continue;
        }

        (void) snprintf(text, sizeof(text), "%.*g", 1 + (int) below(20), real);
        (void) agree_value(social_str(text));

        (void) snprintf(text, sizeof(text), "%.*e", (int) below(800), real);
        (void) agree_value(social_str(text));
    }

    for (n = 0; n < 5000; n++) {
        p = text;

        for (i = (int) below(n % 10 ? 25 : 900); i >= 0; i--) {
            *p++ = (char) ('0' + below(n % 3 ? 10 : 2));
        }

        if (below(2)) {
            *p++ = '.';
            for (i = (int) below(n % 10 ? 25 : 900); i >= 0; i--) {
                *p++ = (char) ('0' + below(n % 3 ? 10 : 2));
            }
        }

        *p = '\0';

        if (below(2)) {
            sprintf(p, "e%d", (int) below(700) - 350);
        }

        (void) agree_value(social_str(text));
    }
}


/* many members and elements; two names alike among them, wherever */

static void
test_many(void **state)
{
    int           n, i, same;
    char         *text, *p;
    social_str_t  s;

    (void) state;

    text = malloc(600000);
    assert_non_null(text);

    for (n = 1; n < 300; n += 1 + n / 8) {
        for (same = 0; same <= n; same += 1 + (int) below(7)) {

            p = text;
            *p++ = '{';

            for (i = 0; i < n; i++) {
                p += sprintf(p, "\"%s%d\":%s,", i % 3 ? "" : "longer\\u0020",
                             i, i % 5 ? "1" : "{\"1\":[1,{}],\"2\":2}");
            }

            if (same == n) {
                p--;

            } else {
                p += sprintf(p, "\"%s%d\":2", same % 3 ? "" : "longer ",
                             same);
            }

            *p++ = '}';

            s.data = (unsigned char *) text;
            s.len = (size_t) (p - text);
            assert_int_equal(agree(s), same == n);
        }
    }

    /* names that are alike but for one byte, and have one bit */

    for (same = 0; same < 2; same++) {
        p = text;
        *p++ = '{';

        for (i = 0; i < 20000; i++) {
            p += sprintf(p, "\"a%05dbbbbb%05da\":1,", i, 99999 - i);
        }

        p += sprintf(p, "\"a%05dbbbbb%05da\":1}", 10000, 89999 - !same);

        s.data = (unsigned char *) text;
        s.len = (size_t) (p - text);
        assert_true(s.len < 600000);
        assert_int_equal(agree(s), !same);
    }

    free(text);
}


/* a token's payload, a key set, a hook's event, and what nobody sends */

static const char  *seeds[] = {
    "{\"sub\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\","
    "\"cognito:groups\":[\"admin\",\"moderator\"],"
    "\"iss\":\"https:\\/\\/cognito-idp.us-east-1.amazonaws.com\\/x\","
    "\"client_id\":\"1example23456789\",\"token_use\":\"access\","
    "\"scope\":\"openid profile\",\"auth_time\":1700000000,"
    "\"exp\":1700003600,\"iat\":1700000000.5,\"email_verified\":true,"
    "\"name\":\"J\xc3\xbcrgen \\u00e9\\ud83d\\ude00\",\"nothing\":null}",

    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"use\":\"sig\",\"n\":\"AQAB\","
    "\"e\":\"AQAB\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\","
    "\"key_ops\":[\"verify\"]}]}",

    "{\"version\":\"1\",\"request\":{\"userAttributes\":{\"sub\":\"x\","
    "\"email\":\"a@example.com\"}},\"response\":{},\"n\":[1,-2,3.5e-3,[]]}",

    "{ \"\" : [ [ [ 0 , { } , \"\\\\\\\"\\/\\b\\f\\n\\r\\t\" ] ] , -0.0 ,\t"
    "1e10 ] ,\r\n\"\\u0041\" : false }"
};

static const char  *pieces[] = {
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\u0000", "\\ud83d",
    "\\ude00", "\\u0061", "null", "true", "false", "0", "-", "1e", ".", "e+",
    "E-9", "9223372036854775807", "9223372036854775808", "1e308", " ", "\n",
    "\xc3\xa9", "\xf0\x9f\x98\x80", "\xed\xa0\x80", "\xff", "\x80", "\x7f",
    "\x01", "{}", "[]", "\"a\":1,", "\"sub\":1,", "\"x\"", "[[[[[[[[[", "]]]]]",
    "12345678", "\\n", "/*x*/", "//", "\xef\xbb\xbf"
};


static size_t
mutate(char *text, size_t len)
{
    char        copy[1024];
    size_t      at, n, to;
    const char *piece;

    at = below((unsigned) len + 1);

    switch (below(6)) {

    case 0:                             /* another byte */
        if (at < len) {
            text[at] = (char) below(256);
        }
        return len;

    case 1:                             /* another bit */
        if (at < len) {
            text[at] = (char) (text[at] ^ (1 << below(8)));
        }
        return len;

    case 2:                             /* some bytes less */
        n = below(below(4) ? 4 : 100);
        n = n < len - at ? n : len - at;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;

    case 3:                             /* a piece more */
    case 4:
        piece = pieces[below(sizeof(pieces) / sizeof(pieces[0]))];
        n = strlen(piece);
        memmove(text + at + n, text + at, len - at);
        memcpy(text + at, piece, n);
        return len + n;

    default:                            /* a part of it once more, elsewhere */
        n = below(60);
        n = n < len - at ? n : len - at;
        memcpy(copy, text + at, n);
        to = below((unsigned) len + 1);
        memmove(text + to + n, text + to, len - to);
        memcpy(text + to, copy, n);
        return len + n;
    }
}


static void
test_mutations(void **state)
{
    int     n, accepted, times;
    char    text[4096];
    size_t  len;

    (void) state;

    accepted = 0;

    for (n = 0; n < MUTATIONS; n++) {
        strcpy(text, seeds[n % 4]);
        len = strlen(text);

        for (times = 1 + (int) below(4); times > 0; times--) {
            len = mutate(text, len);
        }

        accepted += agree((social_str_t) { len, (unsigned char *) text });
    }

    /* enough of both, or it shows little */

    assert_true(accepted > MUTATIONS / 50);
    assert_true(accepted < MUTATIONS / 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests_name("json_differential", tests, NULL, NULL);
}
