
/*
 * The canonical form of a request.
 */

#include <string.h>

#include "social_encoding.h"
#include "social_sigv4_canonical.h"


static void social_sigv4_canonical_path(social_buf_t *b,
    const social_sigv4_request_t *request);
static void social_sigv4_normalize(social_buf_t *b, social_str_t path);
static void social_sigv4_canonical_headers(social_buf_t *b,
    const social_sigv4_headers_t *h);
static void social_sigv4_canonical_value(social_buf_t *b, social_str_t value);
static int social_sigv4_compare(social_str_t a, social_str_t b);


social_rc_e
social_sigv4_check(const social_sigv4_request_t *request)
{
    size_t         i, j;
    social_str_t   value;
    unsigned char  ch;

    if (!social_str_is_token(request->method)
        || request->method.len > SOCIAL_SIGV4_MAX_METHOD
        || request->path.len == 0 || request->path.data[0] != '/'
        || request->path.len > SOCIAL_SIGV4_MAX_PATH
        || request->query.len > SOCIAL_SIGV4_MAX_QUERY
        || request->header_count > SOCIAL_SIGV4_MAX_HEADERS
        || request->payload.len > SOCIAL_SIGV4_SIGNATURE_SIZE)
    {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < request->header_count; i++) {

        value = request->headers[i].value;

        if (!social_str_is_token(request->headers[i].name)
            || value.len > SOCIAL_SIGV4_MAX_HEADER_SIZE)
        {
            return SOCIAL_MALFORMED;
        }

        /* a line feed in a value could be read as another header */

        for (j = 0; j < value.len; j++) {
            ch = value.data[j];

            if ((ch < ' ' && ch != '\t') || ch == 0x7f) {
                return SOCIAL_MALFORMED;
            }
        }
    }

    return SOCIAL_OK;
}


void
social_sigv4_headers_add(social_sigv4_headers_t *h, social_buf_t *b,
    const social_sigv4_header_t *header)
{
    size_t        i, mark;
    social_str_t  name;

    mark = b->len;

    for (i = 0; i < header->name.len; i++) {
        social_buf_byte(b, social_lower(header->name.data[i]));
    }

    name = social_buf_since(b, mark);

    if (h->count == SOCIAL_SIGV4_MAX_HEADERS) {
        social_buf_fail(b, SOCIAL_MALFORMED);
    }

    if (b->rc != SOCIAL_OK) {
        return;
    }

    /* headers of one name stay in the order they came in */

    for (i = h->count; i > 0; i--) {
        if (social_sigv4_compare(h->items[i - 1].name, name) <= 0) {
            break;
        }

        h->items[i] = h->items[i - 1];
    }

    h->items[i].name = name;
    h->items[i].value = header->value;
    h->count++;
}


static int
social_sigv4_compare(social_str_t a, social_str_t b)
{
    int     order;
    size_t  n;

    n = a.len < b.len ? a.len : b.len;
    order = n ? memcmp(a.data, b.data, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}


const social_sigv4_header_t *
social_sigv4_headers_find(const social_sigv4_headers_t *h, social_str_t name)
{
    size_t  i;

    for (i = 0; i < h->count; i++) {
        if (social_str_eq(h->items[i].name, name)) {
            return &h->items[i];
        }
    }

    return NULL;
}


void
social_sigv4_headers_names(social_buf_t *b, const social_sigv4_headers_t *h)
{
    size_t  i;

    for (i = 0; i < h->count; i++) {

        if (i && social_str_eq(h->items[i].name, h->items[i - 1].name)) {
            continue;
        }

        if (i) {
            social_buf_byte(b, ';');
        }

        social_buf_put(b, h->items[i].name);
    }
}


void
social_sigv4_canonical(social_buf_t *b, const social_sigv4_request_t *request,
    const social_uri_query_t *query, const social_sigv4_headers_t *h,
    social_str_t names, social_str_t payload)
{
    static const social_str_t  signature = social_string("X-Amz-Signature");

    social_buf_put(b, request->method);
    social_buf_byte(b, '\n');
    social_sigv4_canonical_path(b, request);
    social_buf_byte(b, '\n');
    social_uri_query_write(b, query, &signature);
    social_buf_byte(b, '\n');
    social_sigv4_canonical_headers(b, h);
    social_buf_byte(b, '\n');
    social_buf_put(b, names);
    social_buf_byte(b, '\n');
    social_buf_put(b, payload);
}


static void
social_sigv4_canonical_path(social_buf_t *b,
    const social_sigv4_request_t *request)
{
    switch (request->mode) {

    case SOCIAL_SIGV4_S3:
        social_uri_recode(b, request->path, SOCIAL_URI_SLASH);
        break;

    case SOCIAL_SIGV4_PLAIN:
        social_uri_encode(b, request->path, SOCIAL_URI_SLASH);
        break;

    case SOCIAL_SIGV4_NORMALIZED:
        social_sigv4_normalize(b, request->path);
        break;
    }
}


/*
 * Segments are written as they come, each with its "/" before it, and ".."
 * takes the last one back.  Empty segments are dropped; a slash at the end
 * stays.
 */

static void
social_sigv4_normalize(social_buf_t *b, social_str_t path)
{
    bool                       slash;
    size_t                     mark;
    social_str_t               segment;
    static const social_str_t  dot = social_string(".");
    static const social_str_t  dots = social_string("..");

    mark = b->len;
    slash = (path.data[path.len - 1] == '/');

    while (social_str_next(&path, "/", &segment)) {

        if (social_str_eq(segment, dot)) {
            continue;
        }

        if (social_str_eq(segment, dots)) {

            while (b->len > mark && b->data[--b->len] != '/') { /* void */ }

            continue;
        }

        social_buf_byte(b, '/');
        social_uri_encode(b, segment, 0);
    }

    if (slash || b->len == mark) {
        social_buf_byte(b, '/');
    }
}


static void
social_sigv4_canonical_headers(social_buf_t *b,
    const social_sigv4_headers_t *h)
{
    size_t  i;

    for (i = 0; i < h->count; i++) {

        if (i && social_str_eq(h->items[i].name, h->items[i - 1].name)) {
            social_buf_byte(b, ',');

        } else {
            if (i) {
                social_buf_byte(b, '\n');
            }

            social_buf_put(b, h->items[i].name);
            social_buf_byte(b, ':');
        }

        social_sigv4_canonical_value(b, h->items[i].value);
    }

    if (h->count) {
        social_buf_byte(b, '\n');
    }
}


/*
 * Trimmed, and each run of spaces and tabs one space, within quotes too.
 */

static void
social_sigv4_canonical_value(social_buf_t *b, social_str_t value)
{
    bool          first;
    social_str_t  word;

    first = true;

    while (social_str_next(&value, " \t", &word)) {

        if (!first) {
            social_buf_byte(b, ' ');
        }

        social_buf_put(b, word);
        first = false;
    }
}


void
social_sigv4_scope(social_buf_t *b, social_str_t date, social_str_t region,
    social_str_t service)
{
    social_buf_put(b, date);
    social_buf_byte(b, '/');
    social_buf_put(b, region);
    social_buf_byte(b, '/');
    social_buf_put(b, service);
    social_buf_text(b, "/aws4_request");
}


void
social_sigv4_string(social_buf_t *b, social_str_t time, social_str_t region,
    social_str_t service, social_str_t canonical)
{
    social_str_t   digest, date;
    unsigned char  raw[SOCIAL_SHA256_SIZE], hex[sizeof(raw) * 2];

    if (b->rc != SOCIAL_OK) {
        return;
    }

    digest.data = raw;
    digest.len = sizeof(raw);

    if (social_sha256(canonical, raw) != SOCIAL_OK) {
        social_buf_fail(b, SOCIAL_FAILED);
        return;
    }

    social_hex_encode(digest, hex);
    digest.data = hex;
    digest.len = sizeof(hex);

    date = time;
    date.len = 8;

    social_buf_put(b, social_sigv4_algorithm);
    social_buf_byte(b, '\n');
    social_buf_put(b, time);
    social_buf_byte(b, '\n');
    social_sigv4_scope(b, date, region, service);
    social_buf_byte(b, '\n');
    social_buf_put(b, digest);
}
