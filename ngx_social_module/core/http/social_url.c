
/*
 * URLs that an operator configures.
 */

#include <string.h>

#include "social_url.h"


static bool social_url_split_host(social_str_t host, social_str_t *name);
static bool social_url_is_loopback(social_str_t name);
static size_t social_region_len(social_str_t s);
static size_t social_user_pool_url(const char *host, social_str_t id,
    social_str_t region, unsigned char *buf, size_t size);
static size_t social_url_append(unsigned char *buf, size_t size, size_t len,
    social_str_t s);


social_rc_e
social_url_check(social_str_t url, bool issuer, const char **why)
{
    bool                       secure;
    size_t                     i;
    social_str_t               rest, host, name;
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

    if (!social_url_split_host(host, &name)) {
        *why = "it must name a host, and a port of 1 to 65535 if any";
        return SOCIAL_DECLINED;
    }

    if (!secure && !social_url_is_loopback(name)) {
        *why = "it must begin with \"https://\": plain http is for this "
               "machine only (127.0.0.0/8, [::1], localhost)";
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}


/*
 * Anything else would be left to resolvers and HTTP clients, which differ in
 * what they make of it.
 */

static bool
social_url_split_host(social_str_t host, social_str_t *name)
{
    size_t         i;
    unsigned       port;
    unsigned char  ch;

    *name = host;

    for (i = 0; i < host.len; i++) {

        ch = social_lower(host.data[i]);

        if (host.data[0] == '[') {

            if (i > 1 && ch == ']') {
                i++;
                break;
            }

            if (i > 0 && ch != ':' && ch != '.' && !(ch >= '0' && ch <= '9')
                && !(ch >= 'a' && ch <= 'f'))
            {
                return false;
            }

            continue;
        }

        if (ch == ':') {
            break;
        }

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9')
            && ch != '-' && ch != '.' && ch != '_')
        {
            return false;
        }
    }

    if (i == 0 || (host.data[0] == '[' && host.data[i - 1] != ']')) {
        return false;
    }

    name->len = i;

    if (i == host.len) {
        return true;
    }

    if (host.data[i] != ':') {
        return false;
    }

    port = 0;

    for (i++; i < host.len; i++) {

        ch = host.data[i];

        if (ch < '0' || ch > '9') {
            return false;
        }

        port = port * 10 + (ch - '0');

        if (port > 65535) {
            return false;
        }
    }

    return port != 0;
}


/*
 * Only four plain decimals are an address wherever they are read; the rest,
 * such as "127.evil.example" or "127.0.0.256", goes to the resolver as a name.
 */

static bool
social_url_is_loopback(social_str_t name)
{
    size_t                     i, n, dots, digits;
    static const social_str_t  localhost = social_string("localhost");
    static const social_str_t  ip6 = social_string("[::1]");
    static const social_str_t  ip4 = social_string("127.");

    if (social_str_caseeq(name, localhost) || social_str_eq(name, ip6)) {
        return true;
    }

    if (!social_str_starts(name, ip4)) {
        return false;
    }

    n = 0;
    dots = 0;
    digits = 0;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '.') {

            if (digits == 0) {
                return false;
            }

            dots++;
            digits = 0;
            n = 0;

            continue;
        }

        if (name.data[i] < '0' || name.data[i] > '9'
            || (digits != 0 && n == 0))
        {
            return false;
        }

        n = n * 10 + (size_t) (name.data[i] - '0');
        digits++;

        if (n > 255) {
            return false;
        }
    }

    return dots == 3 && digits != 0;
}


social_rc_e
social_user_pool_region(social_str_t id, social_str_t *region)
{
    size_t         i;
    unsigned char  ch;

    if (id.len > 64) {
        return SOCIAL_DECLINED;
    }

    i = social_region_len(id);

    if (i == 0 || i + 1 >= id.len || id.data[i] != '_') {
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


/*
 * Of the region at the front of "s", or 0: two letters or "eusc", one or two
 * words, a digit, as in us-east-1, us-gov-west-1, eusc-de-east-1.
 */

static size_t
social_region_len(social_str_t s)
{
    size_t                     i, start, words;
    unsigned char              ch;
    static const social_str_t  sovereign = social_string("eusc-");

    words = 0;
    start = 0;

    for (i = 0; i < s.len; i++) {

        ch = s.data[i];

        if (ch >= 'a' && ch <= 'z') {
            continue;
        }

        if (ch != '-' || i == start
            || (words == 0 && i != 2 && !social_str_starts(s, sovereign)))
        {
            break;
        }

        words++;
        start = i + 1;
    }

    if (words < 2 || words > 3 || i != start || i == s.len
        || s.data[i] < '0' || s.data[i] > '9')
    {
        return 0;
    }

    return i + 1;
}


bool
social_region_valid(social_str_t region)
{
    return region.len != 0 && region.len <= 32
           && social_region_len(region) == region.len;
}


size_t
social_user_pool_issuer(social_str_t id, bool updated, unsigned char *buf,
    size_t size)
{
    social_str_t  region;

    if (social_user_pool_region(id, &region) != SOCIAL_OK) {
        return 0;
    }

    return social_user_pool_url(updated ? "https://issuer-cognito-idp."
                                        : "https://cognito-idp.",
                                id, region, buf, size);
}


size_t
social_user_pool_replica(social_str_t id, social_str_t region,
    unsigned char *buf, size_t size)
{
    social_str_t  primary;

    if (social_user_pool_region(id, &primary) != SOCIAL_OK
        || !social_region_valid(region))
    {
        return 0;
    }

    return social_user_pool_url("https://cognito-idp.", id, region, buf, size);
}


static size_t
social_user_pool_url(const char *host, social_str_t id, social_str_t region,
    unsigned char *buf, size_t size)
{
    size_t        i, len;
    social_str_t  domain;

    static const struct {
        social_str_t  region;
        social_str_t  domain;
    } partitions[] = {
        { social_string("cn-"), social_string(".amazonaws.com.cn/") },
        { social_string("eusc-"), social_string(".amazonaws.eu/") }
    };

    domain = social_str(".amazonaws.com/");

    for (i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        if (social_str_starts(region, partitions[i].region)) {
            domain = partitions[i].domain;
        }
    }

    len = social_url_append(buf, size, 0, social_str(host));
    len = social_url_append(buf, size, len, region);
    len = social_url_append(buf, size, len, domain);

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
