
/*
 * Where credentials may be asked for, and how.
 */

#include <arpa/inet.h>
#include <string.h>

#include "social_credentials_request.h"
#include "social_host.h"
#include "social_uri.h"


static const char *social_credentials_split(social_str_t url, bool query,
    bool *secure, social_str_t *host);
static bool social_credentials_is_near(social_str_t host);


const char *
social_credentials_check_container(social_str_t url)
{
    bool          secure;
    const char   *must;
    social_str_t  host;

    must = social_credentials_split(url, true, &secure, &host);

    if (must != NULL || secure || social_credentials_is_near(host)) {
        return must;
    }

    return "begin with \"https://\": plain http is for this machine, "
           "169.254.170.2, 169.254.170.23 and [fd00:ec2::23]";
}


const char *
social_credentials_check_endpoint(social_str_t url)
{
    bool          secure;
    social_str_t  host;

    return social_credentials_split(url, false, &secure, &host);
}


/*
 * Whatever a client of HTTP could read in another way is refused.
 */

static const char *
social_credentials_split(social_str_t url, bool query, bool *secure,
    social_str_t *host)
{
    size_t                     i;
    const char                *why;
    social_str_t               rest, port;
    static const social_str_t  https = social_string("https://");
    static const social_str_t  http = social_string("http://");

    *secure = social_str_starts(url, https);

    if (!*secure && !social_str_starts(url, http)) {
        return "begin with \"http://\" or \"https://\"";
    }

    if (url.len >= SOCIAL_CREDENTIALS_MAX_URL) {
        return "be shorter than 1024 bytes";
    }

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f || url.data[i] == '\\'
            || url.data[i] == '"' || url.data[i] == '#'
            || (url.data[i] == '?' && !query))
        {
            return "be printable ASCII without spaces, quotes, backslashes, "
                   "a fragment, or a query that is not expected";
        }
    }

    rest = url;
    rest.data += *secure ? https.len : http.len;
    rest.len -= *secure ? https.len : http.len;

    for (i = 0; i < rest.len; i++) {
        if (rest.data[i] == '/' || rest.data[i] == '?') {
            break;
        }
    }

    rest.len = i;

    if (memchr(rest.data, '@', rest.len) != NULL) {
        return "have no user name or password";
    }

    why = social_host_split(rest, host, &port);

    if (why != NULL || host->len == 0 || social_host_check(*host) != NULL) {
        return "name a host, in lower case, and a port of 1 to 65535 if any";
    }

    return NULL;
}


static bool
social_credentials_is_near(social_str_t host)
{
    char                       text[64];
    struct in_addr             v4;
    struct in6_addr            v6, agent;
    static const social_str_t  localhost = social_string("localhost");

    if (social_str_eq(host, localhost)) {
        return true;
    }

    if (host.len < 3 || host.len >= sizeof(text)) {
        return false;
    }

    if (host.data[0] == '[') {

        memcpy(text, host.data + 1, host.len - 2);
        text[host.len - 2] = '\0';

        return inet_pton(AF_INET6, text, &v6) == 1
               && inet_pton(AF_INET6, "fd00:ec2::23", &agent) == 1
               && (IN6_IS_ADDR_LOOPBACK(&v6)
                   || memcmp(&v6, &agent, sizeof(v6)) == 0);
    }

    memcpy(text, host.data, host.len);
    text[host.len] = '\0';

    return inet_pton(AF_INET, text, &v4) == 1
           && (ntohl(v4.s_addr) >> 24 == 127
               || strcmp(text, "169.254.170.2") == 0
               || strcmp(text, "169.254.170.23") == 0);
}


const char *
social_credentials_check_path(social_str_t path)
{
    size_t  i;

    for (i = 0; i < path.len; i++) {
        if (path.data[i] <= ' ' || path.data[i] >= 0x7f
            || path.data[i] == '\\' || path.data[i] == '#')
        {
            break;
        }
    }

    return path.len && path.len < 512 && i == path.len && path.data[0] == '/'
           ? NULL : "be a path of printable ASCII that begins with \"/\"";
}


const char *
social_credentials_check_token(social_str_t token)
{
    size_t  i;

    for (i = 0; i < token.len; i++) {
        if (token.data[i] < ' ' || token.data[i] >= 0x7f) {
            return "be one line of printable ASCII, without a line end";
        }
    }

    return token.len && token.len <= SOCIAL_CREDENTIALS_MAX_AUTH
           ? NULL : "have 1 to 8192 bytes";
}


const char *
social_credentials_check_role(social_str_t role)
{
    size_t                     i;
    static const social_str_t  arn = social_string("arn:");

    for (i = 0; i < role.len; i++) {
        if (role.data[i] <= ' ' || role.data[i] >= 0x7f) {
            break;
        }
    }

    return i == role.len && role.len >= 20 && role.len <= 2048
           && social_str_starts(role, arn)
           ? NULL : "be the ARN of a role";
}


const char *
social_credentials_check_session(social_str_t session)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < session.len; i++) {

        ch = social_lower(session.data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && (ch == '\0' || strchr("+=,.@_-", ch) == NULL))
        {
            break;
        }
    }

    return i == session.len && session.len >= 2 && session.len <= 64
           ? NULL : "have 2 to 64 letters, digits and \"+=,.@_-\"";
}


bool
social_credentials_sts_url(social_buf_t *b, social_str_t region)
{
    size_t                     i;
    unsigned char              ch;
    static const social_str_t  china = social_string("cn-");

    for (i = 0; i < region.len; i++) {

        ch = region.data[i];

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '-') {
            return false;
        }
    }

    if (region.len < 2 || region.len > 63 || region.data[0] == '-') {
        return false;
    }

    social_buf_text(b, "https://sts.");
    social_buf_put(b, region);
    social_buf_text(b, social_str_starts(region, china) ? ".amazonaws.com.cn/"
                                                        : ".amazonaws.com/");

    return b->rc == SOCIAL_OK;
}


bool
social_credentials_sts_body(social_buf_t *b, social_str_t role,
    social_str_t session, social_str_t token)
{
    social_buf_text(b, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                       "&RoleArn=");
    social_uri_encode(b, role, 0);
    social_buf_text(b, "&RoleSessionName=");
    social_uri_encode(b, session, 0);
    social_buf_text(b, "&WebIdentityToken=");
    social_uri_encode(b, token, 0);

    return b->rc == SOCIAL_OK;
}
