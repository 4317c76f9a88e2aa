
/*
 * Origins: reading the configured ones, and finding a request's among them.
 */

#include <string.h>

#include "social_cors.h"
#include "social_host.h"


static const char *social_cors_check_bytes(social_str_t text);
static const char *social_cors_check_scheme(social_str_t scheme);
static const char *social_cors_check_delimiters(social_str_t authority);
static const char *social_cors_parse_authority(social_str_t scheme,
    social_str_t authority, social_cors_origin_t *origin);
static const char *social_cors_parse_wildcard(social_str_t scheme,
    social_str_t *authority, social_cors_origin_t *origin);
static bool social_cors_is_default_port(social_str_t scheme,
    social_str_t port);
static bool social_cors_is_serialized(social_str_t scheme,
    social_str_t authority);
static bool social_cors_is_web(social_str_t scheme);
static bool social_cors_is_opaque(social_str_t authority);
static bool social_cors_is_port(social_str_t scheme, social_str_t rest);
static bool social_cors_is_local(social_str_t host);
static bool social_cors_has(social_str_t s, unsigned char ch);


social_rc_e
social_cors_origin_parse(social_str_t text, unsigned char *buf,
    social_cors_origin_t *origin, const char **reason)
{
    size_t        i;
    social_str_t  scheme, authority;

    memset(origin, 0, sizeof(*origin));

    *reason = social_cors_check_bytes(text);
    if (*reason != NULL) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < text.len; i++) {
        buf[i] = social_lower(text.data[i]);
    }

    origin->text.len = text.len;
    origin->text.data = buf;

    if (social_str_eq(text, social_str("*"))) {
        origin->kind = SOCIAL_CORS_ANY;
        return SOCIAL_OK;
    }

    if (social_str_eq(text, social_str("null"))) {
        return SOCIAL_OK;
    }

    for (i = 0; i + 3 <= text.len; i++) {
        if (memcmp(&buf[i], "://", 3) == 0) {
            break;
        }
    }

    if (i + 3 > text.len) {
        *reason = "it must be scheme://host[:port], \"*\" or \"null\", as in "
                  "\"https://example.com\"";
        return SOCIAL_MALFORMED;
    }

    scheme.len = i;
    scheme.data = buf;
    authority.len = text.len - i - 3;
    authority.data = buf + i + 3;

    *reason = social_cors_check_scheme(scheme);
    if (*reason != NULL) {
        return SOCIAL_MALFORMED;
    }

    if (!social_cors_is_web(scheme)) {

        /* its host is opaque, and keeps its case (URL standard, 3.5) */

        memcpy(buf + i + 3, text.data + i + 3, authority.len);
    }

    *reason = social_cors_parse_authority(scheme, authority, origin);

    return (*reason == NULL) ? SOCIAL_OK : SOCIAL_MALFORMED;
}


static const char *
social_cors_check_bytes(social_str_t text)
{
    size_t         i;
    unsigned char  ch;

    if (text.len == 0) {
        return "it is empty: it must be an origin, as in "
               "\"https://example.com\"";
    }

    if (text.len > SOCIAL_CORS_ORIGIN_MAX) {
        return "it is too long: an origin is a scheme, a host and a port";
    }

    for (i = 0; i < text.len; i++) {
        ch = text.data[i];

        if (ch >= 0x80) {
            return "a host that is not ASCII must be in punycode, as in "
                   "\"https://xn--bcher-kva.example\"";
        }

        if (ch <= ' ' || ch == 0x7f) {
            return "it must not contain spaces: list each origin as a "
                   "separate parameter";
        }

        if (ch == ',' || ch == ';') {
            return "origins must be separated by spaces, each a separate "
                   "parameter";
        }

        if (ch == '$') {
            return "it must be written out: variables are not supported here";
        }
    }

    return NULL;
}


static const char *
social_cors_check_scheme(social_str_t scheme)
{
    size_t         i;
    unsigned char  ch;

    if (social_cors_has(scheme, '*')) {
        return "the scheme must be written out: list \"https://*\" and "
               "\"http://*\" for both";
    }

    for (i = 0; i < scheme.len; i++) {
        ch = scheme.data[i];

        if ((ch >= 'a' && ch <= 'z')
            || (i > 0 && ((ch >= '0' && ch <= '9')
                          || ch == '+' || ch == '-' || ch == '.')))
        {
            continue;
        }

        break;
    }

    if (i == 0 || i < scheme.len) {
        return "the scheme must be one, as in \"https://example.com\"";
    }

    if (social_str_eq(scheme, social_str("ws"))
        || social_str_eq(scheme, social_str("wss")))
    {
        return "the origin of a WebSocket is that of its page: it must be "
               "\"https://\" or \"http://\"";
    }

    if (social_str_eq(scheme, social_str("file"))
        || social_str_eq(scheme, social_str("data")))
    {
        return "browsers send \"null\" for such pages: it must be \"null\"";
    }

    return NULL;
}


static const char *
social_cors_parse_authority(social_str_t scheme, social_str_t authority,
    social_cors_origin_t *origin)
{
    const char    *reason;
    social_str_t   host, port;

    reason = social_cors_check_delimiters(authority);
    if (reason != NULL) {
        return reason;
    }

    if (!social_cors_is_web(scheme)) {

        if (social_str_eq(authority, social_str("*"))) {
            origin->kind = SOCIAL_CORS_SCHEME;
            origin->text.len = scheme.len + 3;
            return NULL;
        }

        if (social_cors_has(authority, '*')) {
            return "a wildcard must stand for the whole host, as in "
                   "\"chrome-extension://*\"";
        }

        return social_cors_is_opaque(authority)
               ? NULL
               : "the host may contain only letters, digits, \"-\", \".\" and "
                 "\"_\", with a port or without";
    }

    if (social_cors_has(authority, '*')) {

        reason = social_cors_parse_wildcard(scheme, &authority, origin);

        if (reason != NULL || origin->kind == SOCIAL_CORS_SCHEME
            || origin->kind == SOCIAL_CORS_PORTS)
        {
            return reason;
        }
    }

    reason = social_host_split(authority, &host, &port);
    if (reason != NULL) {
        return reason;
    }

    reason = social_host_check(host);
    if (reason != NULL) {
        return reason;
    }

    if (social_cors_is_default_port(scheme, port)) {
        /* with its colon */
        authority.len -= port.len + 1;
    }

    if (origin->kind == SOCIAL_CORS_SUBDOMAINS) {

        if (social_host_is_address(host)) {
            return "an address has no subdomains: it must be written out";
        }

        /* the dot before the domain is a part of what has to match */

        origin->suffix.data = authority.data - 1;
        origin->suffix.len = authority.len + 1;

        return NULL;
    }

    origin->text.len = (size_t) (authority.data + authority.len
                                 - origin->text.data);

    return NULL;
}


static const char *
social_cors_check_delimiters(social_str_t authority)
{
    size_t         i;
    unsigned char  ch;

    if (authority.len == 0) {
        return "it has no host: it must be as in \"https://example.com\"";
    }

    for (i = 0; i < authority.len; i++) {
        ch = authority.data[i];

        if (ch == '/' && i == authority.len - 1) {
            return "an origin has no trailing slash: it must end with the "
                   "host or the port";
        }

        if (ch == '/' || ch == '?' || ch == '#' || ch == '\\') {
            return "an origin has no path: it must end with the host or the "
                   "port";
        }

        if (ch == '@') {
            return "an origin has no user name: it must be as in "
                   "\"https://example.com\"";
        }
    }

    return NULL;
}


static const char *
social_cors_parse_wildcard(social_str_t scheme, social_str_t *authority,
    social_cors_origin_t *origin)
{
    social_str_t  s;

    s = *authority;

    origin->text.len = scheme.len + 3;

    if (social_str_eq(s, social_str("*"))) {
        origin->kind = SOCIAL_CORS_SCHEME;
        return NULL;
    }

    if (s.len >= 2 && memcmp(&s.data[s.len - 2], ":*", 2) == 0) {

        s.len -= 2;

        if (!social_cors_is_local(s)) {
            return "a port must be written out: list each one (a star is for "
                   "\"localhost\", \"127.0.0.1\" and \"[::1]\")";
        }

        origin->kind = SOCIAL_CORS_PORTS;
        origin->text.len += s.len;

        return NULL;
    }

    if (s.len < 3 || s.data[0] != '*' || s.data[1] != '.') {
        goto misplaced;
    }

    s.data += 2;
    s.len -= 2;

    if (social_cors_has(s, '*')) {
        goto misplaced;
    }

    origin->kind = SOCIAL_CORS_SUBDOMAINS;
    *authority = s;

    return NULL;

misplaced:

    return "a wildcard must stand for all the first labels, as in "
           "\"https://*.example.com\", or for the whole host, as in "
           "\"https://*\"";
}


static bool
social_cors_is_default_port(social_str_t scheme, social_str_t port)
{
    return (social_str_eq(port, social_str("443"))
            && social_str_eq(scheme, social_str("https")))
           || (social_str_eq(port, social_str("80"))
               && social_str_eq(scheme, social_str("http")));
}


bool
social_cors_origin_same(const social_cors_origin_t *a,
    const social_cors_origin_t *b)
{
    return a->kind == b->kind
           && social_str_eq(a->text, b->text)
           && social_str_eq(a->suffix, b->suffix);
}


bool
social_cors_origin_match(const social_cors_origin_t *origins, size_t n,
    social_str_t value)
{
    size_t                       i;
    social_str_t                 rest, scheme, tail;
    const social_cors_origin_t  *o;

    for (i = 0; i < n; i++) {
        o = &origins[i];

        if (o->kind == SOCIAL_CORS_ANY) {
            return true;
        }

        if (value.len > SOCIAL_CORS_ORIGIN_MAX) {
            continue;
        }

        if (o->kind == SOCIAL_CORS_EXACT) {
            if (social_str_eq(o->text, value)) {
                return true;
            }

            continue;
        }

        if (!social_str_starts(value, o->text)) {
            continue;
        }

        rest.data = value.data + o->text.len;
        rest.len = value.len - o->text.len;

        if (o->kind == SOCIAL_CORS_PORTS) {

            if (social_cors_is_port(o->text, rest)) {
                return true;
            }

            continue;
        }

        if (o->kind == SOCIAL_CORS_SUBDOMAINS) {

            if (rest.len <= o->suffix.len) {
                continue;
            }

            tail.data = rest.data + rest.len - o->suffix.len;
            tail.len = o->suffix.len;

            if (!social_str_eq(tail, o->suffix)) {
                continue;
            }
        }

        scheme.data = o->text.data;
        scheme.len = o->text.len - 3;

        if (social_cors_is_serialized(scheme, rest)) {
            return true;
        }
    }

    return false;
}


/*
 * Whether a browser could have sent it: what was configured with a wildcard
 * must not match bytes that happen to begin and end like an origin.
 */

static bool
social_cors_is_serialized(social_str_t scheme, social_str_t authority)
{
    social_str_t  host, port;

    if (!social_cors_is_web(scheme)) {
        return social_cors_is_opaque(authority);
    }

    return social_host_split(authority, &host, &port) == NULL
           && social_host_check(host) == NULL
           && !social_cors_is_default_port(scheme, port);
}


/*
 * Schemes whose hosts are names and addresses.
 */

static bool
social_cors_is_web(social_str_t scheme)
{
    return social_str_eq(scheme, social_str("https"))
           || social_str_eq(scheme, social_str("http"));
}


/*
 * The host of any other scheme, and a port: an extension's id, in capitals in
 * Safari, or "." in some frames of desktop programs.
 */

static bool
social_cors_is_opaque(social_str_t authority)
{
    size_t         i;
    unsigned char  ch;
    social_str_t   host, port;

    if (social_cors_has(authority, ':')) {

        if (social_host_split(authority, &host, &port) != NULL) {
            return false;
        }

        authority = host;
    }

    for (i = 0; i < authority.len; i++) {

        ch = social_lower(authority.data[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-' || ch == '.' || ch == '_'))
        {
            return false;
        }
    }

    return authority.len != 0;
}


/*
 * What follows the host of an origin of any port: nothing, or a port that is
 * not the default one.
 */

static bool
social_cors_is_port(social_str_t origin, social_str_t rest)
{
    social_str_t  host, port, scheme;

    if (rest.len == 0) {
        return true;
    }

    scheme.data = origin.data;
    scheme.len = social_str_starts(origin, social_str("https:")) ? 5 : 4;

    return social_host_split(rest, &host, &port) == NULL
           && host.len == 0 && port.len != 0
           && !social_cors_is_default_port(scheme, port);
}


static bool
social_cors_is_local(social_str_t host)
{
    return social_str_eq(host, social_str("localhost"))
           || social_str_eq(host, social_str("127.0.0.1"))
           || social_str_eq(host, social_str("[::1]"));
}


static bool
social_cors_has(social_str_t s, unsigned char ch)
{
    return s.len != 0 && memchr(s.data, ch, s.len) != NULL;
}
