
#include "social_unit.h"
#include "social_mcp.h"


#define CALL  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"," \
              "\"params\":{\"name\":\"delete_post\",\"arguments\":{}}}"
#define LIST  "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"tools/list\"}"


static void
test_type(void **state)
{
    size_t  i;

    static const struct {
        const char  *value;
        bool         good;
    } types[] = {
        { "application/json", true },
        { "Application/JSON", true },
        { "application/json; charset=utf-8", true },
        { "application/json;charset=UTF-8", true },
        { "application/json ; charset=\"utf-8\" ", true },
        { "application/json;", true },
        { " application/json", true },

        { "", false },
        { ";", false },
        { "application/json; charset=utf-7", false },
        { "application/json; charset=utf-16", false },
        { "application/json; charset=utf-8; charset=utf-7", false },
        { "application/json; charset=utf-8 utf-7", false },
        { "application/json; charset", false },
        { "application/json; a=b", false },
        { "application/jsonx", false },
        { "application/json, application/json", false },
        { "text/plain", false },
        { "text/plain; application/json", false },
        { "application/json-rpc", false },
    };

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_true(social_mcp_is_type(social_str(types[i].value))
                    == types[i].good);
    }
}


static void
test_parse(void **state)
{
    social_mcp_message_t  m;

    (void) state;

    assert_int_equal(social_mcp_parse(S(CALL), &m), SOCIAL_MCP_OK);
    assert_str(m.method, "tools/call");
    assert_str(m.name, "delete_post");
    assert_true(m.named);
    assert_non_null(m.id);
    social_mcp_free(&m);
    assert_null(m.json);

    assert_int_equal(social_mcp_parse(S(LIST), &m), SOCIAL_MCP_OK);
    assert_str(m.method, "tools/list");
    assert_false(m.named);
    social_mcp_free(&m);

    assert_int_equal(social_mcp_parse(S("{\"jsonrpc\":\"2.0\",\"method\":"
                                        "\"resources/read\",\"params\":"
                                        "{\"uri\":\"file:///a\"}}"), &m),
                     SOCIAL_MCP_OK);
    assert_str(m.method, "resources/read");
    assert_str(m.name, "file:///a");
    assert_null(m.id);
    social_mcp_free(&m);

    assert_int_equal(social_mcp_parse(S("{\"jsonrpc\":\"2.0\",\"method\":"
                                        "\"notifications/initialized\","
                                        "\"params\":{\"name\":1}}"), &m),
                     SOCIAL_MCP_OK);
    assert_false(m.named);
    social_mcp_free(&m);

    assert_int_equal(social_mcp_parse(S("{\"jsonrpc\":\"2.0\",\"id\":1,"
                                        "\"result\":{}}"), &m),
                     SOCIAL_MCP_OK);
    assert_int_equal(m.method.len, 0);
    social_mcp_free(&m);

    assert_int_equal(social_mcp_parse(S("{\"jsonrpc\":\"2.0\",\"id\":1,"
                                        "\"error\":{}}"), &m),
                     SOCIAL_MCP_OK);
    social_mcp_free(&m);

    /* an escape makes no other method */

    assert_int_equal(social_mcp_parse(S("{\"jsonrpc\":\"2.0\",\"met\\u0068od\":"
                                        "\"prompts\\/get\",\"params\":"
                                        "{\"n\\u0061me\":\"\\u0061\"}}"), &m),
                     SOCIAL_MCP_OK);
    assert_str(m.method, "prompts/get");
    assert_str(m.name, "a");
    social_mcp_free(&m);
}


static void
test_parse_refused(void **state)
{
    size_t                i;
    social_mcp_message_t  m;

    static const struct {
        const char           *body;
        social_mcp_status_e   status;
    } bodies[] = {
        { "", SOCIAL_MCP_PARSE },
        { "x", SOCIAL_MCP_PARSE },
        { "[" CALL "]", SOCIAL_MCP_PARSE },
        { CALL CALL, SOCIAL_MCP_PARSE },
        { "\xef\xbb\xbf" CALL, SOCIAL_MCP_PARSE },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"method\":\"b\"}",
          SOCIAL_MCP_PARSE },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":"
          "{\"name\":\"a\",\"name\":\"b\"}}", SOCIAL_MCP_PARSE },

        { "{}", SOCIAL_MCP_INVALID },
        { "{\"method\":\"a\"}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"1.0\",\"method\":\"a\"}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":2.0,\"method\":\"a\"}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\"}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"result\":1,\"error\":1}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":1}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":null}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"\"}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a\"}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"a\"}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"Method\":\"tools/call\"}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"METHOD\":\"tools/call\",\"result\":1}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"Params\":{}}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"param\xc5\xbf\":{}}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"x\":1}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":[]}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{}}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":"
          "{\"name\":[\"a\"]}}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":"
          "{\"uri\":\"a\"}}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":"
          "{\"name\":\"a\",\"Name\":\"b\"}}", SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"URI\":\"b\"}}",
          SOCIAL_MCP_INVALID },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"prompts/get\",\"params\":"
          "{\"name\":null}}", SOCIAL_MCP_INVALID },
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(social_mcp_parse(social_str(bodies[i].body), &m),
                         bodies[i].status);
        assert_null(m.json);
    }
}


static void
test_parse_size(void **state)
{
    size_t                n;
    social_str_t          s;
    unsigned char        *body;
    social_mcp_message_t  m;

    (void) state;

    n = SOCIAL_MCP_MAX_SIZE + 1;

    body = malloc(n);
    assert_non_null(body);

    memset(body, ' ', n);
    memcpy(body, LIST, sizeof(LIST) - 1);

    s.data = body;
    s.len = n - 1;
    assert_int_equal(social_mcp_parse(s, &m), SOCIAL_MCP_OK);
    social_mcp_free(&m);

    s.len = n;
    assert_int_equal(social_mcp_parse(s, &m), SOCIAL_MCP_INVALID);

    free(body);
}


static social_str_t
header(const char *text)
{
    social_str_t  none = { 0, NULL };

    return text ? social_str(text) : none;
}


static void
test_compare(void **state)
{
    size_t                i;
    social_mcp_headers_t  h;
    social_mcp_message_t  m;

    static const struct {
        const char  *body;
        const char  *version;
        const char  *method;
        const char  *name;
        bool         good;
    } tests[] = {

        /* of earlier versions they are not required */

        { CALL, NULL, NULL, NULL, true },
        { CALL, "2025-11-25", NULL, NULL, true },
        { CALL, "2026-07-27", NULL, NULL, true },
        { LIST, "2025-11-25", NULL, NULL, true },

        { CALL, "2026-07-28", "tools/call", "delete_post", true },
        { LIST, "2026-07-28", "tools/list", NULL, true },
        { LIST, "2026-07-28", "tools/list", "anything", true },
        { CALL, "2026-07-28", "tools/call",
          "=?base64?ZGVsZXRlX3Bvc3Q=?=", true },

        { CALL, "2026-07-28", NULL, "delete_post", false },
        { CALL, "2026-07-28", "tools/call", NULL, false },
        { CALL, "2026-07-29", NULL, NULL, false },
        { CALL, "2030-01-01", NULL, NULL, false },
        { CALL, "", NULL, NULL, false },
        { CALL, "2025", NULL, NULL, false },
        { CALL, "draft", NULL, NULL, false },
        { LIST, "2026-07-28", NULL, NULL, false },

        /* what is there has to agree, in any version */

        { CALL, NULL, "tools/list", NULL, false },
        { CALL, NULL, "TOOLS/call", NULL, false },
        { CALL, NULL, "tools/calls", NULL, false },
        { CALL, NULL, "", NULL, false },
        { CALL, NULL, "tools/call", "get_post", false },
        { CALL, NULL, NULL, "get_post", false },
        { CALL, NULL, NULL, "", false },
        { CALL, NULL, NULL, "delete_post ", false },
        { CALL, NULL, NULL, "Delete_post", false },
        { CALL, NULL, NULL, "=?base64?Z2V0X3Bvc3Q=?=", false },
        { CALL, NULL, NULL, "=?BASE64?ZGVsZXRlX3Bvc3Q=?=", false },
        { CALL, NULL, NULL, "=?base64?ZGVsZXRlX3Bvc3Q?=", false },
        { CALL, NULL, NULL, "=?base64?", false },
        { CALL, NULL, NULL, "=?base64?=", false },
        { LIST, "2025-11-25", "tools/call", NULL, false },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}", "2026-07-28", NULL,
          NULL, true },
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}", "2026-07-28",
          "tools/list", NULL, false },
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        h.version = header(tests[i].version);
        h.method = header(tests[i].method);
        h.name = header(tests[i].name);

        assert_int_equal(social_mcp_parse(social_str(tests[i].body), &m),
                         SOCIAL_MCP_OK);
        assert_int_equal(social_mcp_compare(&m, &h),
                         tests[i].good ? SOCIAL_MCP_OK : SOCIAL_MCP_MISMATCH);
        social_mcp_free(&m);
    }
}


static void
test_compare_encoded(void **state)
{
    size_t                i;
    social_mcp_headers_t  h;
    social_mcp_message_t  m;

    static const struct {
        const char  *name;
        const char  *header;
        bool         good;
    } tests[] = {
        { "Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?=",
          true },
        { " padded ", "=?base64?IHBhZGRlZCA=?=", true },
        { "=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", true },
        { "=?base64?literal?=", "=?base64?literal?=", false },
        { "=?base64?x", "=?base64?x", true },
        { "=?base64?=", "=?base64?=", true },
        { "", "=?base64?" "?=", true },
        { "", "", true },
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        char  body[256];

        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\","
                 "\"params\":{\"name\":\"%s\"}}", tests[i].name);

        h.version = header("2026-07-28");
        h.method = header("tools/call");
        h.name = header(tests[i].header);

        assert_int_equal(social_mcp_parse(social_str(body), &m),
                         SOCIAL_MCP_OK);
        assert_int_equal(social_mcp_compare(&m, &h),
                         tests[i].good ? SOCIAL_MCP_OK : SOCIAL_MCP_MISMATCH);
        social_mcp_free(&m);
    }
}


/* at the limit of a name, and a byte over it */

static void
test_compare_size(void **state)
{
    size_t                n;
    char                  body[SOCIAL_MCP_NAME_MAX + 128];
    char                  name[SOCIAL_MCP_NAME_MAX + 2];
    social_mcp_headers_t  h;
    social_mcp_message_t  m;

    (void) state;

    for (n = SOCIAL_MCP_NAME_MAX; n <= SOCIAL_MCP_NAME_MAX + 1; n++) {

        memset(name, 'a', n);
        name[n] = '\0';

        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\","
                 "\"params\":{\"name\":\"%s\"}}", name);

        h.version = header(NULL);
        h.method = header(NULL);
        h.name = header(name);

        assert_int_equal(social_mcp_parse(social_str(body), &m),
                         SOCIAL_MCP_OK);
        assert_int_equal(social_mcp_compare(&m, &h),
                         n == SOCIAL_MCP_NAME_MAX ? SOCIAL_MCP_OK
                                                  : SOCIAL_MCP_MISMATCH);
        social_mcp_free(&m);
    }
}


static void
test_pattern(void **state)
{
    (void) state;

    assert_true(social_mcp_is_pattern(S("*")));
    assert_true(social_mcp_is_pattern(S("tools/call")));
    assert_true(social_mcp_is_pattern(S("delete_*")));
    assert_true(social_mcp_is_pattern(S("a b \xc3\xa4")));
    assert_false(social_mcp_is_pattern(S("")));
    assert_false(social_mcp_is_pattern(S("*a")));
    assert_false(social_mcp_is_pattern(S("a*b")));
    assert_false(social_mcp_is_pattern(S("a**")));
    assert_false(social_mcp_is_pattern(S("a\n")));
    assert_false(social_mcp_is_pattern(S("a\x7f")));

    assert_true(social_mcp_match(S("*"), S("anything")));
    assert_true(social_mcp_match(S("*"), S("")));
    assert_true(social_mcp_match(S("a"), S("a")));
    assert_false(social_mcp_match(S("a"), S("ab")));
    assert_false(social_mcp_match(S("ab"), S("a")));
    assert_false(social_mcp_match(S("a"), S("A")));
    assert_true(social_mcp_match(S("a*"), S("a")));
    assert_true(social_mcp_match(S("a*"), S("ab")));
    assert_false(social_mcp_match(S("a*"), S("b")));
    assert_true(social_mcp_match(S("a*"), S("a*")));

    assert_true(social_mcp_has_name(S("tools/call")));
    assert_true(social_mcp_has_name(S("prompts/get")));
    assert_true(social_mcp_has_name(S("resources/*")));
    assert_true(social_mcp_has_name(S("*")));
    assert_false(social_mcp_has_name(S("tools/list")));
    assert_false(social_mcp_has_name(S("initialize")));
    assert_false(social_mcp_has_name(S("x*")));
}


static void
test_codes(void **state)
{
    (void) state;

    assert_int_equal(social_mcp_code(SOCIAL_MCP_PARSE), -32700);
    assert_int_equal(social_mcp_code(SOCIAL_MCP_INVALID), -32600);
    assert_int_equal(social_mcp_code(SOCIAL_MCP_MISMATCH), -32020);
    assert_non_null(strstr(social_mcp_text(SOCIAL_MCP_MISMATCH), "Header"));
    assert_string_not_equal(social_mcp_text(SOCIAL_MCP_PARSE),
                            social_mcp_text(SOCIAL_MCP_INVALID));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refused),
        cmocka_unit_test(test_parse_size),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_compare_encoded),
        cmocka_unit_test(test_compare_size),
        cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests_name("mcp", tests, NULL, NULL);
}
