
/*
 * URLs in the one spelling that equal ones have in common.
 */

#include "social_normal.h"


#define SOCIAL_NORMAL_MAX_PORT  65535


typedef struct {
    social_str_t  prefix;
    unsigned      port;
} social_normal_scheme_t;


static size_t social_normal_host(social_str_t s, social_buf_t *b);
static bool social_normal_is_name(unsigned char ch);
static bool social_normal_port(social_str_t text, unsigned own,
    social_buf_t *b);
static void social_normal_byte(social_str_t *rest, social_buf_t *b);
static void social_normal_escape(unsigned char ch, social_buf_t *b);
static bool social_normal_is_unreserved(unsigned char ch);
static int social_normal_hex(unsigned char ch);
static void social_normal_dots(social_buf_t *b, size_t path, size_t slash,
    bool last);
static bool social_normal_is_segment(const unsigned char *p,
    const unsigned char *last);


static const social_normal_scheme_t  social_normal_schemes[] = {
    { social_string("https://"), 443 },
    { social_string("http://"), 80 }
};

#define SOCIAL_NORMAL_SCHEMES                                                 \
    (sizeof(social_normal_schemes) / sizeof(social_normal_schemes[0]))


social_rc_e
social_normal_origin(social_str_t url, social_buf_t *b, social_str_t *rest)
{
    size_t                         i, n;
    social_str_t                   s, port;
    const social_normal_scheme_t  *scheme;

    for (i = 0; i < SOCIAL_NORMAL_SCHEMES; i++) {

        s.data = url.data;
        s.len = social_normal_schemes[i].prefix.len;

        if (url.len > s.len
            && social_str_caseeq(s, social_normal_schemes[i].prefix))
        {
            break;
        }
    }

    if (i == SOCIAL_NORMAL_SCHEMES) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return b->rc;
    }

    scheme = &social_normal_schemes[i];
    social_buf_put(b, scheme->prefix);

    rest->data = url.data + s.len;
    rest->len = url.len - s.len;

    n = social_normal_host(*rest, b);

    if (n == 0) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return b->rc;
    }

    rest->data += n;
    rest->len -= n;

    if (rest->len && rest->data[0] == ':') {

        port.data = rest->data + 1;
        port.len = 0;

        while (port.len < rest->len - 1 && port.data[port.len] >= '0'
               && port.data[port.len] <= '9')
        {
            port.len++;
        }

        if (!social_normal_port(port, scheme->port, b)) {
            social_buf_fail(b, SOCIAL_MALFORMED);
            return b->rc;
        }

        rest->data += port.len + 1;
        rest->len -= port.len + 1;
    }

    /* nothing else may follow: a user's name, say, would end in "@" */

    if (rest->len && rest->data[0] != '/' && rest->data[0] != '?'
        && rest->data[0] != '#')
    {
        social_buf_fail(b, SOCIAL_MALFORMED);
    }

    return b->rc;
}


/*
 * How many bytes of "s" are a host; 0: it does not begin with one.
 */

static size_t
social_normal_host(social_str_t s, social_buf_t *b)
{
    size_t  i;

    if (s.len && s.data[0] == '[') {

        social_buf_byte(b, '[');

        for (i = 1; i < s.len && s.data[i] != ']'; i++) {

            if (social_normal_hex(s.data[i]) < 0 && s.data[i] != ':'
                && s.data[i] != '.')
            {
                return 0;
            }

            social_buf_byte(b, social_lower(s.data[i]));
        }

        if (i == s.len || i == 1) {
            return 0;
        }

        social_buf_byte(b, ']');

        return i + 1;
    }

    for (i = 0; i < s.len && social_normal_is_name(s.data[i]); i++) {
        social_buf_byte(b, social_lower(s.data[i]));
    }

    return i;
}


static bool
social_normal_is_name(unsigned char ch)
{
    return social_normal_is_unreserved(ch) && ch != '~';
}


static bool
social_normal_port(social_str_t text, unsigned own, social_buf_t *b)
{
    size_t    i;
    unsigned  port;

    if (text.len == 0) {
        return true;
    }

    port = 0;

    for (i = 0; i < text.len; i++) {

        port = port * 10 + (unsigned) (text.data[i] - '0');

        if (port > SOCIAL_NORMAL_MAX_PORT) {
            return false;
        }
    }

    if (port == 0) {
        return false;
    }

    if (port != own) {
        social_buf_byte(b, ':');
        social_buf_number(b, port);
    }

    return true;
}


social_rc_e
social_normal_path(social_str_t target, social_buf_t *b)
{
    size_t  path, slash;

    path = b->len;

    if (target.len && target.data[0] != '/' && target.data[0] != '?'
        && target.data[0] != '#')
    {
        social_buf_fail(b, SOCIAL_MALFORMED);
        return b->rc;
    }

    while (target.len && target.data[0] == '/') {

        slash = b->len;

        social_buf_byte(b, '/');
        target.data++;
        target.len--;

        while (target.len && target.data[0] != '/' && target.data[0] != '?'
               && target.data[0] != '#')
        {
            social_normal_byte(&target, b);
        }

        if (b->rc != SOCIAL_OK) {
            return b->rc;
        }

        social_normal_dots(b, path, slash,
                           target.len == 0 || target.data[0] != '/');
    }

    if (b->len == path) {
        social_buf_byte(b, '/');
    }

    return b->rc;
}


social_rc_e
social_normal_url(social_str_t url, social_buf_t *b)
{
    social_str_t  rest;

    if (social_normal_origin(url, b, &rest) != SOCIAL_OK) {
        return b->rc;
    }

    return social_normal_path(rest, b);
}


/*
 * One byte of a path, or one escape.
 */

static void
social_normal_byte(social_str_t *rest, social_buf_t *b)
{
    int            high, low;
    unsigned char  ch;

    ch = rest->data[0];

    if (ch != '%') {

        rest->data++;
        rest->len--;

        if (ch <= 0x20 || ch == 0x7f) {
            social_buf_fail(b, SOCIAL_MALFORMED);

        } else if (ch > 0x7f) {
            social_normal_escape(ch, b);

        } else {
            social_buf_byte(b, ch);
        }

        return;
    }

    high = rest->len > 2 ? social_normal_hex(rest->data[1]) : -1;
    low = rest->len > 2 ? social_normal_hex(rest->data[2]) : -1;

    if (high < 0 || low < 0) {
        social_buf_fail(b, SOCIAL_MALFORMED);
        rest->len = 0;
        return;
    }

    rest->data += 3;
    rest->len -= 3;

    ch = (unsigned char) (high << 4 | low);

    if (social_normal_is_unreserved(ch)) {
        social_buf_byte(b, ch);

    } else {
        social_normal_escape(ch, b);
    }
}


static void
social_normal_escape(unsigned char ch, social_buf_t *b)
{
    static const char  digits[] = "0123456789ABCDEF";

    social_buf_byte(b, '%');
    social_buf_byte(b, (unsigned char) digits[ch >> 4]);
    social_buf_byte(b, (unsigned char) digits[ch & 15]);
}


/* RFC 3986, 2.3 */

static bool
social_normal_is_unreserved(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9')
           || ch == '-' || ch == '.' || ch == '_' || ch == '~';
}


static int
social_normal_hex(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch = social_lower(ch);

    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}


/*
 * Takes the segment after "slash" away again if it is "." or "..", and with
 * the latter the one before it, which begins at "path" at the earliest
 * (RFC 3986, 5.2.4).  The last one leaves its slash.
 */

static void
social_normal_dots(social_buf_t *b, size_t path, size_t slash, bool last)
{
    size_t                n;
    const unsigned char  *segment;

    n = b->len - slash - 1;
    segment = b->data + slash + 1;

    if (n == 0 || n > 2 || segment[0] != '.' || segment[n - 1] != '.') {
        return;
    }

    b->len = slash;

    if (n == 2 && slash > path) {

        while (b->data[--b->len] != '/') { /* void */ }

        if (!social_normal_is_segment(b->data + b->len + 1, b->data + slash)) {
            social_buf_fail(b, SOCIAL_MALFORMED);
            return;
        }
    }

    if (last) {
        social_buf_byte(b, '/');
    }
}


/*
 * Whether all readers see one segment there, so that ".." goes up to the same
 * place for them: nginx has no empty ones ("merge_slashes"), and takes "%2F"
 * for a slash.
 */

static bool
social_normal_is_segment(const unsigned char *p, const unsigned char *last)
{
    if (p == last) {
        return false;
    }

    for ( /* void */ ; last - p >= 3; p++) {
        if (p[0] == '%' && p[1] == '2' && p[2] == 'F') {
            return false;
        }
    }

    return true;
}
