
/*
 * Messages of the Model Context Protocol over HTTP: which method of a server a
 * request calls, and on what.  The source is the specification of 2026-07-28,
 * "Streamable HTTP".
 */

#ifndef SOCIAL_MCP_H
#define SOCIAL_MCP_H


#include "social_json.h"


/* bytes of a body; a larger one is refused */
#define SOCIAL_MCP_MAX_SIZE  (1024 * 1024)

/* bytes of Mcp-Name */
#define SOCIAL_MCP_NAME_MAX  2048


typedef enum {
    SOCIAL_MCP_OK = 0,
    SOCIAL_MCP_PARSE,              /* not JSON, or ambiguous JSON */
    SOCIAL_MCP_INVALID,            /* not a message */
    SOCIAL_MCP_MISMATCH,           /* headers that are missing or differ */
    SOCIAL_MCP_FAILED              /* out of memory */
} social_mcp_status_e;


typedef struct {
    social_json_t        *json;    /* owned: social_mcp_free() */
    social_str_t          method;  /* empty: a response */
    social_str_t          name;    /* of the tool, the prompt ... */
    bool                  named;   /* the method has one */
    const social_json_t  *id;      /* a string or a number, or NULL */
} social_mcp_message_t;


/* the values of request headers; without data where there is none */

typedef struct {
    social_str_t          version; /* MCP-Protocol-Version */
    social_str_t          method;  /* Mcp-Method */
    social_str_t          name;    /* Mcp-Name */
} social_mcp_headers_t;


/*
 * Whether a Content-Type is that of messages: application/json, in UTF-8.
 * A server would read another charset as something else than we do.
 */
bool social_mcp_is_type(social_str_t value);

/*
 * Reads one message, all of "body".  What two readers might understand
 * differently is refused: members named twice, or in another case, or that a
 * message does not have.  SOCIAL_MCP_OK, _PARSE, _INVALID or _FAILED; for all
 * but the first "json" is NULL.
 */
social_mcp_status_e social_mcp_parse(social_str_t body,
    social_mcp_message_t *message);

void social_mcp_free(social_mcp_message_t *message);

/*
 * Compares the headers with the message: SOCIAL_MCP_OK or _MISMATCH.  They may
 * be missing where the version is one that does not have them yet, or is not
 * said; where they are there, they have to agree.
 */
social_mcp_status_e social_mcp_compare(const social_mcp_message_t *message,
    const social_mcp_headers_t *headers);

/*
 * Whether the methods of that name have a name of what they are called on.
 * "method" may be a pattern.
 */
bool social_mcp_has_name(social_str_t method);

/*
 * Whether "pattern" is one that is understood, with a star at its end or
 * without, and whether "s" is of it: with case, byte by byte.
 */
bool social_mcp_is_pattern(social_str_t pattern);
bool social_mcp_match(social_str_t pattern, social_str_t s);

/*
 * The code of JSON-RPC for a status, and what to say.
 */
int social_mcp_code(social_mcp_status_e status);
const char *social_mcp_text(social_mcp_status_e status);


#endif /* SOCIAL_MCP_H */
