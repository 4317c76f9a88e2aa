
/*
 * Messages of the Model Context Protocol over HTTP.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_mcp.h"


/* the first version whose requests have Mcp-Method and Mcp-Name */
#define SOCIAL_MCP_HEADERS_SINCE  "2026-07-28"


typedef struct {
    social_str_t          method;
    social_str_t          field;       /* of "params" */
    bool                  mirrored;    /* in Mcp-Name */
} social_mcp_name_t;


static social_mcp_status_e social_mcp_read(social_mcp_message_t *message);
static bool social_mcp_is_plain(const social_json_t *object,
    const social_str_t *names, size_t count, bool others);
static const social_mcp_name_t *social_mcp_find(social_str_t method);
static bool social_mcp_is_modern(social_str_t version);
static bool social_mcp_is_name(social_str_t header, social_str_t name);


static const social_mcp_name_t  social_mcp_names[] = {
    { social_string("tools/call"), social_string("name"), true },
    { social_string("prompts/get"), social_string("name"), true },
    { social_string("resources/read"), social_string("uri"), true },
    { social_string("resources/subscribe"), social_string("uri"), false },
    { social_string("resources/unsubscribe"), social_string("uri"), false },
};


static const social_str_t  social_mcp_members[] = {
    social_string("jsonrpc"),
    social_string("id"),
    social_string("method"),
    social_string("params"),
    social_string("result"),
    social_string("error"),
};


static const social_str_t  social_mcp_params[] = {
    social_string("name"),
    social_string("uri"),
};


bool
social_mcp_is_type(social_str_t value)
{
    social_str_t               item, rest;
    static const social_str_t  type = social_string("application/json");
    static const social_str_t  utf8 = social_string("charset=utf-8");
    static const social_str_t  quoted = social_string("charset=\"utf-8\"");

    rest = value;

    if (!social_str_next(&rest, ";", &item)
        || !social_str_caseeq(social_str_trim(item), type))
    {
        return false;
    }

    while (social_str_next(&rest, ";", &item)) {

        item = social_str_trim(item);

        if (item.len != 0 && !social_str_caseeq(item, utf8)
            && !social_str_caseeq(item, quoted))
        {
            return false;
        }
    }

    return true;
}


social_mcp_status_e
social_mcp_parse(social_str_t body, social_mcp_message_t *message)
{
    social_mcp_status_e  status;

    memset(message, 0, sizeof(social_mcp_message_t));

    if (body.len > SOCIAL_MCP_MAX_SIZE) {
        return SOCIAL_MCP_INVALID;
    }

    switch (social_json_parse(body, &message->json)) {

    case SOCIAL_OK:
        break;

    case SOCIAL_FAILED:
        message->json = NULL;
        return SOCIAL_MCP_FAILED;

    default:
        message->json = NULL;
        return SOCIAL_MCP_PARSE;
    }

    status = social_mcp_read(message);

    if (status != SOCIAL_MCP_OK) {
        social_mcp_free(message);
    }

    return status;
}


static social_mcp_status_e
social_mcp_read(social_mcp_message_t *message)
{
    social_str_t               s;
    const social_json_t       *json, *params;
    const social_mcp_name_t   *name;
    static const social_str_t  version = social_string("2.0");

    json = message->json;

    if (!social_mcp_is_plain(json, social_mcp_members,
                             sizeof(social_mcp_members) / sizeof(s), false)
        || social_json_string(social_json_member(json, social_mcp_members[0]),
                              &s)
           != SOCIAL_OK
        || !social_str_eq(s, version))
    {
        return SOCIAL_MCP_INVALID;
    }

    message->id = social_json_member(json, social_mcp_members[1]);

    if (message->id != NULL
        && social_json_string(message->id, &s) != SOCIAL_OK
        && social_json_number(message->id, &s) != SOCIAL_OK)
    {
        return SOCIAL_MCP_INVALID;
    }

    switch (social_json_string(social_json_member(json, social_mcp_members[2]),
                               &message->method))
    {
    case SOCIAL_OK:
        break;

    case SOCIAL_DECLINED:
        message->method.len = 0;
        message->method.data = NULL;

        /* a response to what the server asked for */

        return (social_json_member(json, social_mcp_members[4]) != NULL)
               != (social_json_member(json, social_mcp_members[5]) != NULL)
               ? SOCIAL_MCP_OK : SOCIAL_MCP_INVALID;

    default:
        return SOCIAL_MCP_INVALID;
    }

    params = social_json_member(json, social_mcp_members[3]);

    if (message->method.len == 0
        || (params != NULL
            && (!social_json_is_object(params)
                || !social_mcp_is_plain(params, social_mcp_params,
                                        sizeof(social_mcp_params) / sizeof(s),
                                        true))))
    {
        return SOCIAL_MCP_INVALID;
    }

    name = social_mcp_find(message->method);

    if (name == NULL) {
        return SOCIAL_MCP_OK;
    }

    if (params == NULL
        || social_json_string(social_json_member(params, name->field),
                              &message->name)
           != SOCIAL_OK)
    {
        return SOCIAL_MCP_INVALID;
    }

    message->named = true;

    return SOCIAL_MCP_OK;
}


/*
 * There are libraries that take "Method" for "method", and of two such members
 * the last one: nothing that looks like a name is let through but the name.
 */

static bool
social_mcp_is_plain(const social_json_t *object, const social_str_t *names,
    size_t count, bool others)
{
    size_t                i;
    social_str_t          name;
    const social_json_t  *member;

    for (member = social_json_next_member(object, NULL);
         member != NULL;
         member = social_json_next_member(object, member))
    {
        name.data = member->name;
        name.len = member->name_len;

        for (i = 0; i < count; i++) {
            if (social_str_caseeq(name, names[i])) {
                break;
            }
        }

        if (i == count ? !others : !social_str_eq(name, names[i])) {
            return false;
        }
    }

    return true;
}


void
social_mcp_free(social_mcp_message_t *message)
{
    social_json_free(message->json);

    memset(message, 0, sizeof(social_mcp_message_t));
}


social_mcp_status_e
social_mcp_compare(const social_mcp_message_t *message,
    const social_mcp_headers_t *headers)
{
    bool                      modern;
    const social_mcp_name_t  *name;

    modern = message->method.len != 0
             && social_mcp_is_modern(headers->version);

    if (headers->method.data == NULL
        ? modern
        : !social_str_eq(headers->method, message->method))
    {
        return SOCIAL_MCP_MISMATCH;
    }

    name = social_mcp_find(message->method);

    if (name == NULL || !name->mirrored) {
        return SOCIAL_MCP_OK;
    }

    if (headers->name.data == NULL
        ? modern
        : !social_mcp_is_name(headers->name, message->name))
    {
        return SOCIAL_MCP_MISMATCH;
    }

    return SOCIAL_MCP_OK;
}


/*
 * Versions are dates, whose order is that of their bytes.  What is none is
 * treated as later than any.
 */

static bool
social_mcp_is_modern(social_str_t version)
{
    size_t  n;

    n = sizeof(SOCIAL_MCP_HEADERS_SINCE) - 1;

    if (version.data == NULL) {
        return false;
    }

    return version.len != n
           || memcmp(version.data, SOCIAL_MCP_HEADERS_SINCE, n) >= 0;
}


/*
 * What is not fit for a header is sent as "=?base64?...?=".
 */

static bool
social_mcp_is_name(social_str_t header, social_str_t name)
{
    size_t                     len;
    social_str_t               text, tail;
    unsigned char              buf[SOCIAL_MCP_NAME_MAX];
    static const social_str_t  head = social_string("=?base64?");
    static const social_str_t  end = social_string("?=");

    if (header.len > sizeof(buf)) {
        return false;
    }

    if (!social_str_starts(header, head)
        || header.len < head.len + end.len)
    {
        return social_str_eq(header, name);
    }

    tail.data = header.data + header.len - end.len;
    tail.len = end.len;

    if (!social_str_eq(tail, end)) {
        return social_str_eq(header, name);
    }

    text.data = header.data + head.len;
    text.len = header.len - head.len - end.len;

    if (social_base64_decode(text, buf, &len) != SOCIAL_OK) {
        return false;
    }

    text.data = buf;
    text.len = len;

    return social_str_eq(text, name);
}


static const social_mcp_name_t *
social_mcp_find(social_str_t method)
{
    size_t  i;

    for (i = 0; i < sizeof(social_mcp_names) / sizeof(social_mcp_name_t); i++) {
        if (social_str_eq(social_mcp_names[i].method, method)) {
            return &social_mcp_names[i];
        }
    }

    return NULL;
}


bool
social_mcp_has_name(social_str_t method)
{
    size_t  i;

    for (i = 0; i < sizeof(social_mcp_names) / sizeof(social_mcp_name_t); i++) {
        if (social_mcp_match(method, social_mcp_names[i].method)) {
            return true;
        }
    }

    return false;
}


bool
social_mcp_is_pattern(social_str_t pattern)
{
    size_t  i;

    for (i = 0; i < pattern.len; i++) {

        if (pattern.data[i] < 0x20 || pattern.data[i] == 0x7f
            || (pattern.data[i] == '*' && i + 1 < pattern.len))
        {
            return false;
        }
    }

    return pattern.len != 0;
}


bool
social_mcp_match(social_str_t pattern, social_str_t s)
{
    if (pattern.len != 0 && pattern.data[pattern.len - 1] == '*') {
        pattern.len--;
        return social_str_starts(s, pattern);
    }

    return social_str_eq(pattern, s);
}


int
social_mcp_code(social_mcp_status_e status)
{
    switch (status) {

    case SOCIAL_MCP_PARSE:
        return -32700;

    case SOCIAL_MCP_MISMATCH:
        return -32020;

    default:
        return -32600;
    }
}


const char *
social_mcp_text(social_mcp_status_e status)
{
    switch (status) {

    case SOCIAL_MCP_PARSE:
        return "Parse error";

    case SOCIAL_MCP_MISMATCH:
        return "Header mismatch: Mcp-Method or Mcp-Name is missing, or is not "
               "that of the body";

    default:
        return "Invalid request";
    }
}
