
/*
 * Messages of the Model Context Protocol, and the headers that repeat them: the
 * first line is the Mcp-Method, the second the Mcp-Name, the rest the body.
 */

#include "fuzz.h"
#include "social_mcp.h"


static social_str_t fuzz_line(social_str_t *rest);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t           input, rest;
    social_mcp_status_e    status;
    social_mcp_headers_t   headers;
    social_mcp_message_t   message;

    input = fuzz_copy(data, size);
    rest = input;

    headers.method = fuzz_line(&rest);
    headers.name = fuzz_line(&rest);
    headers.version = social_str("2026-07-28");

    (void) social_mcp_is_type(headers.method);

    if (social_mcp_is_pattern(headers.method)) {
        (void) social_mcp_has_name(headers.method);
    }

    status = social_mcp_parse(rest, &message);

    if (status != SOCIAL_MCP_OK) {
        FUZZ_CHECK(message.json == NULL);
        FUZZ_CHECK(status != SOCIAL_MCP_MISMATCH);
        fuzz_free(input);
        return 0;
    }

    fuzz_read(message.method);
    fuzz_read(message.name);

    FUZZ_CHECK(!message.named || social_mcp_has_name(message.method));

    /* with the values of the message there is nothing to complain about */

    (void) social_mcp_compare(&message, &headers);

    if (message.method.len) {

        headers.method = message.method;
        headers.name = message.name;

        if (message.name.len <= SOCIAL_MCP_NAME_MAX
            && !social_str_starts(message.name, social_str("=?base64?"))
            && (!message.named || message.name.data != NULL))
        {
            FUZZ_CHECK(social_mcp_compare(&message, &headers)
                       == SOCIAL_MCP_OK);
        }

        FUZZ_CHECK(social_mcp_match(message.method, message.method)
                   || message.method.data[message.method.len - 1] == '*');
    }

    social_mcp_free(&message);
    fuzz_free(input);

    return 0;
}


static social_str_t
fuzz_line(social_str_t *rest)
{
    size_t        i;
    social_str_t  line;

    for (i = 0; i < rest->len; i++) {
        if (rest->data[i] == '\n') {
            break;
        }
    }

    line.data = rest->data;
    line.len = i;

    if (i < rest->len) {
        i++;
    }

    rest->data += i;
    rest->len -= i;

    return line;
}
