
/*
 * A bucket of S3: its name, and where its objects are.
 */

#include <string.h>

#include "social_bucket.h"
#include "social_uri.h"


static bool social_bucket_is_address(social_str_t name);
static bool social_endpoint_is_address(social_str_t host);
static bool social_endpoint_host(social_str_t host);
static bool social_endpoint_port(social_str_t port);


social_rc_e
social_bucket_init(social_bucket_t *bucket, social_str_t name,
    social_str_t region, social_str_t endpoint, social_bucket_style_e style,
    social_buf_t *text, const char **why)
{
    size_t                     mark;
    static const social_str_t  china = social_string("cn-");

    memset(bucket, 0, sizeof(social_bucket_t));

    bucket->name = name;
    bucket->region = region;
    bucket->path_style = (style == SOCIAL_BUCKET_PATH_STYLE);

    if (endpoint.len == 0) {
        mark = text->len;
        social_buf_text(text, "https://s3.");
        social_buf_put(text, region);
        social_buf_text(text, ".amazonaws.com");
        social_buf_text(text, social_str_starts(region, china) ? ".cn" : "");
        endpoint = social_buf_since(text, mark);

    } else if (style == SOCIAL_BUCKET_USUAL_STYLE) {
        bucket->path_style = true;
    }

    return social_endpoint_parse(endpoint, &bucket->endpoint, why);
}


bool
social_bucket_check(social_str_t name)
{
    size_t         i;
    bool           inner;
    unsigned char  ch;

    if (name.len < 3 || name.len > 63) {
        return false;
    }

    inner = false;

    for (i = 0; i < name.len; i++) {

        ch = name.data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')) {
            inner = true;
            continue;
        }

        /* "-" may follow a "-", nothing else may follow a sign */

        if (ch == '-' && i > 0 && name.data[i - 1] != '.') {
            inner = false;
            continue;
        }

        if (ch != '.' || !inner) {
            return false;
        }

        inner = false;
    }

    return inner && !social_bucket_is_address(name);
}


static bool
social_bucket_is_address(social_str_t name)
{
    size_t  i, dots;

    dots = 0;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '.') {
            dots++;

        } else if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
    }

    return dots == 3;
}


bool
social_bucket_is_path_style(const social_bucket_t *bucket)
{
    if (bucket->path_style
        || social_endpoint_is_address(bucket->endpoint.host))
    {
        return true;
    }

    return bucket->endpoint.secure
           && memchr(bucket->name.data, '.', bucket->name.len) != NULL;
}


static bool
social_endpoint_is_address(social_str_t host)
{
    size_t  i;

    if (host.len && host.data[0] == '[') {
        return true;
    }

    for (i = 0; i < host.len; i++) {
        if (host.data[i] != '.'
            && (host.data[i] < '0' || host.data[i] > '9'))
        {
            return false;
        }
    }

    return true;
}


void
social_bucket_host(social_buf_t *b, const social_bucket_t *bucket)
{
    size_t                    i;
    const social_endpoint_t  *e;

    e = &bucket->endpoint;

    if (!social_bucket_is_path_style(bucket)) {
        social_buf_put(b, bucket->name);
        social_buf_byte(b, '.');
    }

    /* browsers send it in lower case, and the signature covers it */

    for (i = 0; i < e->host.len; i++) {
        social_buf_byte(b, social_lower(e->host.data[i]));
    }

    if (e->port.len) {
        social_buf_byte(b, ':');
        social_buf_put(b, e->port);
    }
}


social_str_t
social_bucket_path(social_buf_t *b, const social_bucket_t *bucket,
    social_str_t key)
{
    size_t  mark;

    mark = b->len;

    social_buf_put(b, bucket->endpoint.path);

    if (social_bucket_is_path_style(bucket)) {
        social_buf_byte(b, '/');
        social_buf_put(b, bucket->name);
    }

    if (key.len || b->len == mark || !social_bucket_is_path_style(bucket)) {
        social_buf_byte(b, '/');
        social_uri_encode(b, key, SOCIAL_URI_SLASH);
    }

    return social_buf_since(b, mark);
}


social_rc_e
social_endpoint_parse(social_str_t url, social_endpoint_t *e,
    const char **why)
{
    size_t                     i;
    social_str_t               rest, authority;
    static const social_str_t  https = social_string("https://");
    static const social_str_t  http = social_string("http://");

    memset(e, 0, sizeof(social_endpoint_t));

    if (url.len > SOCIAL_ENDPOINT_MAX_URL) {
        *why = "it must not be longer than 512 bytes";
        return SOCIAL_DECLINED;
    }

    e->secure = social_str_starts(url, https);

    if (!e->secure && !social_str_starts(url, http)) {
        *why = "it must begin with \"https://\" or \"http://\"";
        return SOCIAL_DECLINED;
    }

    rest = url;
    rest.data += e->secure ? https.len : http.len;
    rest.len -= e->secure ? https.len : http.len;

    for (i = 0; i < rest.len; i++) {
        if (rest.data[i] <= ' ' || rest.data[i] >= 0x7f
            || strchr("?#@%\\\"<>", rest.data[i]) != NULL)
        {
            *why = "it must have no user name, query, fragment or escape";
            return SOCIAL_DECLINED;
        }
    }

    for (i = 0; i < rest.len && rest.data[i] != '/'; i++) { /* void */ }

    authority.data = rest.data;
    authority.len = i;

    e->path.data = rest.data + i;
    e->path.len = rest.len - i;

    while (e->path.len && e->path.data[e->path.len - 1] == '/') {
        e->path.len--;
    }

    /* a colon within brackets is of an address */

    e->host = authority;

    for (i = authority.len; i > 0; i--) {

        if (authority.data[i - 1] == ']') {
            break;
        }

        if (authority.data[i - 1] == ':') {
            e->host.len = i - 1;
            e->port.data = authority.data + i;
            e->port.len = authority.len - i;

            if (!social_endpoint_port(e->port)) {
                *why = "its port must be a number from 1 to 65535";
                return SOCIAL_DECLINED;
            }

            break;
        }
    }

    if (!social_endpoint_host(e->host)) {
        *why = "it must name a host";
        return SOCIAL_DECLINED;
    }

    /* clients leave the scheme's own port out of Host */

    if (social_str_eq(e->port, social_str(e->secure ? "443" : "80"))) {
        e->port.len = 0;
    }

    return SOCIAL_OK;
}


static bool
social_endpoint_host(social_str_t host)
{
    bool           address;
    size_t         i;
    unsigned char  ch;

    if (host.len == 0) {
        return false;
    }

    address = (host.data[0] == '[');

    if (address) {

        if (host.len < 4 || host.data[host.len - 1] != ']') {
            return false;
        }

        host.data++;
        host.len -= 2;
    }

    for (i = 0; i < host.len; i++) {

        ch = social_lower(host.data[i]);

        if ((ch >= '0' && ch <= '9') || ch == '.') {
            continue;
        }

        if (address ? (ch == ':' || (ch >= 'a' && ch <= 'f'))
                    : (ch == '-' || ch == '_' || (ch >= 'a' && ch <= 'z')))
        {
            continue;
        }

        return false;
    }

    return true;
}


static bool
social_endpoint_port(social_str_t port)
{
    size_t    i;
    unsigned  n;

    if (port.len < 1 || port.len > 5 || port.data[0] == '0') {
        return false;
    }

    n = 0;

    for (i = 0; i < port.len; i++) {

        if (port.data[i] < '0' || port.data[i] > '9') {
            return false;
        }

        n = n * 10 + (unsigned) (port.data[i] - '0');
    }

    return n <= 65535;
}
