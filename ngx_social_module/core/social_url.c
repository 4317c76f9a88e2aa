
/*
 * URLs that an operator configures.
 */

#include <string.h>

#include "social_url.h"


static bool social_url_is_loopback(social_str_t host);
static size_t social_url_append(unsigned char *buf, size_t size, size_t len,
    social_str_t s);


social_rc_e
social_url_check(social_str_t url, bool issuer, const char **why)
{
    bool                       secure;
    size_t                     i;
    social_str_t               rest, host;
    static const social_str_t  https = social_string("https://");
    static const social_str_t  http = social_string("http://");

    if (url.len > SOCIAL_URL_MAX_SIZE) {
        *why = "it must not be longer than 1024 bytes";
        return SOCIAL_DECLINED;
    }

    secure = social_str_starts(url, https);

    if (!secure && !social_str_starts(url, http)) {
        *why = "it must begin with \"https://\"";
        return SOCIAL_DECLINED;
    }

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f || url.data[i] == '\\'
            || url.data[i] == '"')
        {
            *why = "it must be printable ASCII without spaces, quotes and "
                   "backslashes";
            return SOCIAL_DECLINED;
        }
    }

    rest = url;
    rest.data += secure ? https.len : http.len;
    rest.len -= secure ? https.len : http.len;

    if (memchr(rest.data, '#', rest.len) != NULL
        || (issuer && memchr(rest.data, '?', rest.len) != NULL))
    {
        *why = issuer ? "it must have neither a query nor a fragment"
                      : "it must have no fragment";
        return SOCIAL_DECLINED;
    }

    host.data = rest.data;

    for (i = 0; i < rest.len; i++) {
        if (rest.data[i] == '/' || rest.data[i] == '?') {
            break;
        }
    }

    host.len = i;

    if (memchr(host.data, '@', host.len) != NULL) {
        *why = "it must hold no user name or password";
        return SOCIAL_DECLINED;
    }

    if (host.len == 0 || host.data[0] == ':') {
        *why = "it must name a host";
        return SOCIAL_DECLINED;
    }

    if (!secure && !social_url_is_loopback(host)) {
        *why = "it must begin with \"https://\": plain http is for this "
               "machine only (127.0.0.0/8, [::1], localhost)";
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


static bool
social_url_is_loopback(social_str_t host)
{
    size_t                     i, dots, digits;
    social_str_t               name;
    static const social_str_t  localhost = social_string("localhost");
    static const social_str_t  ip6 = social_string("[::1]");
    static const social_str_t  ip4 = social_string("127.");

    name = host;

    for (i = host.len; i > 0; i--) {

        if (host.data[i - 1] == ':') {
            name.len = i - 1;
            break;
        }

        if (host.data[i - 1] < '0' || host.data[i - 1] > '9') {
            break;
        }
    }

    if (social_str_caseeq(name, localhost) || social_str_eq(name, ip6)) {
        return true;
    }

    if (!social_str_starts(name, ip4)) {
        return false;
    }

    /* "127.evil.example" is a name */

    dots = 0;
    digits = 0;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '.') {
            if (digits == 0) {
                return false;
            }

            dots++;
            digits = 0;

        } else if (name.data[i] >= '0' && name.data[i] <= '9'
                   && ++digits <= 3)
        {
            continue;

        } else {
            return false;
        }
    }

    return dots == 3 && digits != 0;
}


social_rc_e
social_user_pool_region(social_str_t id, social_str_t *region)
{
    size_t         i, dashes;
    unsigned char  ch;

    /* two letters, two or three words, a digit: us-east-1, us-gov-west-1 */

    dashes = 0;

    for (i = 0; i < id.len && id.data[i] != '_'; i++) {

        ch = id.data[i];

        if (ch == '-' && i >= 2 && id.data[i - 1] != '-') {
            dashes++;

        } else if (ch >= 'a' && ch <= 'z') {
            continue;

        } else if (!(ch >= '0' && ch <= '9' && dashes >= 2)) {
            return SOCIAL_DECLINED;
        }
    }

    if (dashes < 2 || dashes > 3 || i >= 32 || i + 1 >= id.len
        || id.len > 64 || id.data[i - 1] < '0' || id.data[i - 1] > '9')
    {
        return SOCIAL_DECLINED;
    }

    region->data = id.data;
    region->len = i;

    for (i++; i < id.len; i++) {

        ch = id.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')))
        {
            return SOCIAL_DECLINED;
        }
    }

    return SOCIAL_OK;
}


size_t
social_user_pool_issuer(social_str_t id, unsigned char *buf, size_t size)
{
    size_t                     len;
    social_str_t               region;
    static const social_str_t  host = social_string("https://cognito-idp.");
    static const social_str_t  domain = social_string(".amazonaws.com");
    static const social_str_t  cn = social_string(".cn");
    static const social_str_t  cn_region = social_string("cn-");
    static const social_str_t  slash = social_string("/");

    if (social_user_pool_region(id, &region) != SOCIAL_OK) {
        return 0;
    }

    len = social_url_append(buf, size, 0, host);
    len = social_url_append(buf, size, len, region);
    len = social_url_append(buf, size, len, domain);

    if (social_str_starts(region, cn_region)) {
        len = social_url_append(buf, size, len, cn);
    }

    len = social_url_append(buf, size, len, slash);

    return social_url_append(buf, size, len, id);
}


static size_t
social_url_append(unsigned char *buf, size_t size, size_t len, social_str_t s)
{
    if (len + s.len <= size) {
        memcpy(buf + len, s.data, s.len);
    }

    return len + s.len;
}
