
/*
 * Protected resources (RFC 9728).
 */

#include <string.h>

#include "social_resource.h"
#include "social_url.h"


/* a byte of a string takes at most 6 in JSON */
#define SOCIAL_RESOURCE_ESCAPED  6


typedef struct {
    social_str_t          scheme;
    social_str_t          authority;   /* without a default port */
    social_str_t          path;        /* and what follows; never empty */
} social_resource_parts_t;


static bool social_resource_is_path(social_str_t path);
static bool social_resource_parse(social_str_t url,
    social_resource_parts_t *parts);
static bool social_resource_is_for(social_str_t audience,
    const social_str_t *audiences, size_t count);
static void social_resource_member(social_buf_t *b, const char *name);
static void social_resource_string(social_buf_t *b, social_str_t s);
static void social_resource_list(social_buf_t *b, const social_str_t *list,
    size_t count);
static void social_resource_words(social_buf_t *b, social_str_t words);
static size_t social_resource_list_size(const social_str_t *list,
    size_t count);


social_rc_e
social_resource_check(social_str_t url, const char **why)
{
    social_str_t  origin, path;

    if (social_url_check(url, true, why) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    social_resource_split(url, &origin, &path);

    if (!social_resource_is_path(path)) {
        *why = "its path must be without percent-encoding, empty segments, "
               "\".\" and \"..\"";
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/*
 * The path as nginx decodes and cleans that of a request is the same, so that
 * the two can be compared.
 */

static bool
social_resource_is_path(social_str_t path)
{
    size_t                     i;
    unsigned char              ch;
    social_str_t               rest, segment;
    static const social_str_t  dot = social_string(".");
    static const social_str_t  dots = social_string("..");

    for (i = 0; i < path.len; i++) {

        ch = social_lower(path.data[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))
            && memchr("-._~!$&'()*+,;=:@/", ch,
                      sizeof("-._~!$&'()*+,;=:@/") - 1) == NULL)
        {
            return false;
        }

        if (ch == '/' && i + 1 < path.len && path.data[i + 1] == '/') {
            return false;
        }
    }

    rest = path;

    while (social_str_next(&rest, "/", &segment)) {
        if (social_str_eq(segment, dot) || social_str_eq(segment, dots)) {
            return false;
        }
    }

    return true;
}


bool
social_resource_is_scope(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < 0x21 || s.data[i] > 0x7e || s.data[i] == '"'
            || s.data[i] == '\\')
        {
            return false;
        }
    }

    return s.len != 0;
}


void
social_resource_split(social_str_t url, social_str_t *origin,
    social_str_t *path)
{
    size_t  i;

    i = social_str_starts(url, social_str("https://")) ? 8 : 7;

    while (i < url.len && url.data[i] != '/') {
        i++;
    }

    origin->data = url.data;
    origin->len = i;

    path->data = url.data + i;
    path->len = url.len - i;
}


void
social_resource_metadata_path(social_buf_t *b, social_str_t url)
{
    social_str_t  origin, path;

    social_resource_split(url, &origin, &path);

    social_buf_text(b, SOCIAL_RESOURCE_WELL_KNOWN);

    if (path.len > 1) {
        social_buf_put(b, path);
    }
}


/*
 * Clients present a token in the Authorization header only (OAuth 2.1, 5.1.1).
 */

void
social_resource_metadata_write(social_buf_t *b,
    const social_resource_metadata_t *metadata)
{
    social_buf_text(b, "{\"resource\":");
    social_resource_string(b, metadata->resource);

    social_resource_member(b, "authorization_servers");
    social_resource_list(b, metadata->servers, metadata->server_count);

    if (metadata->scope_count) {
        social_resource_member(b, "scopes_supported");
        social_resource_list(b, metadata->scopes, metadata->scope_count);
    }

    social_resource_member(b, "bearer_methods_supported");
    social_buf_text(b, "[\"header\"]");

    if (metadata->name.len) {
        social_resource_member(b, "resource_name");
        social_resource_string(b, metadata->name);
    }

    if (metadata->documentation.len) {
        social_resource_member(b, "resource_documentation");
        social_resource_string(b, metadata->documentation);
    }

    if (metadata->algorithms.len) {
        social_resource_member(b, "dpop_signing_alg_values_supported");
        social_resource_words(b, metadata->algorithms);

        social_resource_member(b, "dpop_bound_access_tokens_required");
        social_buf_text(b, metadata->dpop_required ? "true" : "false");
    }

    if (metadata->mtls_required) {
        social_resource_member(b,
                               "tls_client_certificate_bound_access_tokens");
        social_buf_text(b, "true");
    }

    social_buf_byte(b, '}');
}


size_t
social_resource_metadata_size(const social_resource_metadata_t *metadata)
{
    return sizeof("{\"resource\":\"\",\"authorization_servers\":[],"
                  "\"scopes_supported\":[],"
                  "\"bearer_methods_supported\":[\"header\"],"
                  "\"resource_name\":\"\",\"resource_documentation\":\"\","
                  "\"dpop_signing_alg_values_supported\":[],"
                  "\"dpop_bound_access_tokens_required\":false,"
                  "\"tls_client_certificate_bound_access_tokens\":true}")
           + (SOCIAL_RESOURCE_ESCAPED + sizeof("\"\",") - 1)
             * metadata->algorithms.len
           + SOCIAL_RESOURCE_ESCAPED * (metadata->resource.len
                                        + metadata->name.len
                                        + metadata->documentation.len)
           + social_resource_list_size(metadata->servers,
                                       metadata->server_count)
           + social_resource_list_size(metadata->scopes,
                                       metadata->scope_count);
}


static void
social_resource_member(social_buf_t *b, const char *name)
{
    social_buf_text(b, ",\"");
    social_buf_text(b, name);
    social_buf_text(b, "\":");
}


static void
social_resource_string(social_buf_t *b, social_str_t s)
{
    unsigned char  *end;

    social_buf_byte(b, '"');

    if (b->rc == SOCIAL_OK) {

        if (b->size - b->len < SOCIAL_RESOURCE_ESCAPED * s.len) {
            social_buf_fail(b, SOCIAL_MALFORMED);
            return;
        }

        end = social_json_escape(b->data + b->len, s);
        b->len = (size_t) (end - b->data);
    }

    social_buf_byte(b, '"');
}


static void
social_resource_list(social_buf_t *b, const social_str_t *list, size_t count)
{
    size_t  i;

    social_buf_byte(b, '[');

    for (i = 0; i < count; i++) {

        if (i) {
            social_buf_byte(b, ',');
        }

        social_resource_string(b, list[i]);
    }

    social_buf_byte(b, ']');
}


static void
social_resource_words(social_buf_t *b, social_str_t words)
{
    bool          first;
    social_str_t  word;

    social_buf_byte(b, '[');

    for (first = true; social_str_next(&words, " ", &word); first = false) {

        if (!first) {
            social_buf_byte(b, ',');
        }

        social_resource_string(b, word);
    }

    social_buf_byte(b, ']');
}


static size_t
social_resource_list_size(const social_str_t *list, size_t count)
{
    size_t  i, size;

    size = 0;

    for (i = 0; i < count; i++) {
        size += SOCIAL_RESOURCE_ESCAPED * list[i].len + sizeof("\"\",") - 1;
    }

    return size;
}


bool
social_resource_same(social_str_t url, social_str_t other)
{
    social_resource_parts_t  a, b;

    return social_resource_parse(url, &a)
           && social_resource_parse(other, &b)
           && social_str_caseeq(a.scheme, b.scheme)
           && social_str_caseeq(a.authority, b.authority)
           && social_str_eq(a.path, b.path);
}


static bool
social_resource_parse(social_str_t url, social_resource_parts_t *parts)
{
    size_t                     i, n;
    social_str_t               port, tail;
    static const social_str_t  slash = social_string("/");
    static const social_str_t  https = social_string("https");
    static const social_str_t  http = social_string("http");
    static const social_str_t  https_port = social_string(":443");
    static const social_str_t  http_port = social_string(":80");

    for (i = 0; i + 3 <= url.len; i++) {
        if (memcmp(&url.data[i], "://", 3) == 0) {
            break;
        }
    }

    if (i + 3 > url.len) {
        return false;
    }

    parts->scheme.data = url.data;
    parts->scheme.len = i;

    if (social_str_caseeq(parts->scheme, https)) {
        port = https_port;

    } else if (social_str_caseeq(parts->scheme, http)) {
        port = http_port;

    } else {
        return false;
    }

    n = i + 3;

    for (i = n; i < url.len; i++) {
        if (url.data[i] == '/' || url.data[i] == '?' || url.data[i] == '#') {
            break;
        }
    }

    parts->authority.data = url.data + n;
    parts->authority.len = i - n;

    if (parts->authority.len > port.len) {

        tail.data = url.data + i - port.len;
        tail.len = port.len;

        if (social_str_eq(tail, port)) {
            parts->authority.len -= port.len;
        }
    }

    parts->path.data = url.data + i;
    parts->path.len = url.len - i;

    if (parts->path.len == 0) {
        parts->path = slash;
    }

    return parts->authority.len != 0;
}


social_rc_e
social_resource_audience(const social_json_t *payload,
    const social_str_t *audiences, size_t count)
{
    social_str_t               s;
    const social_json_t       *aud, *item;
    static const social_str_t  name = social_string("aud");

    aud = social_json_present(payload, name);

    if (aud == NULL) {
        return SOCIAL_DECLINED;
    }

    if (social_json_string(aud, &s) == SOCIAL_OK
        && social_resource_is_for(s, audiences, count))
    {
        return SOCIAL_OK;
    }

    /* there is nothing in what is not an array */

    for (item = social_json_next(aud, NULL);
         item != NULL;
         item = social_json_next(aud, item))
    {
        if (social_json_string(item, &s) == SOCIAL_OK
            && social_resource_is_for(s, audiences, count))
        {
            return SOCIAL_OK;
        }
    }

    return SOCIAL_MALFORMED;
}


static bool
social_resource_is_for(social_str_t audience, const social_str_t *audiences,
    size_t count)
{
    size_t  i;

    for (i = 0; i < count; i++) {
        if (social_str_eq(audience, audiences[i])
            || social_resource_same(audiences[i], audience))
        {
            return true;
        }
    }

    return false;
}
