
/*
 * Hosts and ports, in the one form that browsers send them.
 */

#include <string.h>
#include <arpa/inet.h>

#include "social_host.h"


static char *social_host_hex(char *p, unsigned n);
static const char *social_host_check_ipv6(social_str_t host);


const char *
social_host_split(social_str_t authority, social_str_t *host,
    social_str_t *port)
{
    size_t         i;
    unsigned long  n;

    *host = authority;
    port->len = 0;
    port->data = NULL;

    i = 0;

    if (authority.len && authority.data[0] == '[') {
        while (i < authority.len && authority.data[i] != ']') {
            i++;
        }
    }

    while (i < authority.len && authority.data[i] != ':') {
        i++;
    }

    if (i == authority.len) {
        return NULL;
    }

    host->len = i;
    port->data = &authority.data[i + 1];
    port->len = authority.len - i - 1;

    if (port->len && memchr(port->data, ':', port->len) != NULL) {
        return "an IPv6 address must be in brackets, as in "
               "\"http://[::1]:3000\"";
    }

    n = 0;

    for (i = 0; i < port->len && i < 6; i++) {

        if (port->data[i] < '0' || port->data[i] > '9') {
            break;
        }

        n = n * 10 + (unsigned long) (port->data[i] - '0');
    }

    if (i == 0 || i < port->len || n == 0 || n > 65535
        || port->data[0] == '0')
    {
        return "the port must be a number from 1 to 65535, without zeros "
               "before it";
    }

    return NULL;
}


const char *
social_host_check(social_str_t host)
{
    size_t          i, label;
    unsigned char   ch, v4[4];
    char            text[SOCIAL_HOST_MAX + 1];

    if (host.len == 0) {
        return "it has no host: it must be as in \"https://example.com\"";
    }

    if (host.len > SOCIAL_HOST_MAX) {
        return "the host must not be longer than 253 bytes";
    }

    if (host.data[0] == '[') {
        return social_host_check_ipv6(host);
    }

    label = 0;

    for (i = 0; i < host.len; i++) {
        ch = host.data[i];

        if (ch == '.') {
            if (label == 0) {
                return "the host must not have an empty label";
            }

            label = 0;
            continue;
        }

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-' || ch == '_'))
        {
            return "the host may contain only letters, digits, \"-\" and "
                   "\".\"";
        }

        if (++label > SOCIAL_HOST_LABEL_MAX) {
            return "a label of the host must not be longer than 63 bytes";
        }
    }

    if (label == 0) {
        return "the host must not end with a dot";
    }

    if (social_host_is_address(host)) {
        memcpy(text, host.data, host.len);
        text[host.len] = '\0';

        if (inet_pton(AF_INET, text, v4) != 1) {
            return "the IPv4 address must be four numbers, as in "
                   "\"http://127.0.0.1:3000\"";
        }
    }

    return NULL;
}


static const char *
social_host_check_ipv6(social_str_t host)
{
    char           text[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
    char          *p;
    unsigned char  v6[16];

    if (host.len < 4 || host.len - 2 >= sizeof(text)
        || host.data[host.len - 1] != ']')
    {
        goto invalid;
    }

    memcpy(text, &host.data[1], host.len - 2);
    text[host.len - 2] = '\0';

    /*
     * inet_ntop() writes with dots what begins with 96 zeros, or with 80 and
     * 16 ones; browsers write no dots (URL standard, "IPv6 serializer")
     */

    if (strlen(text) != host.len - 2
        || strchr(text, '.') != NULL
        || inet_pton(AF_INET6, text, v6) != 1
        || inet_ntop(AF_INET6, v6, canonical, sizeof(canonical)) == NULL)
    {
        goto invalid;
    }

    if (strchr(canonical, '.') != NULL) {
        p = canonical;
        *p++ = ':';
        *p++ = ':';

        if (v6[10] == 0xff) {
            memcpy(p, "ffff:", 5);
            p += 5;
        }

        p = social_host_hex(p, (unsigned) v6[12] << 8 | v6[13]);
        *p++ = ':';
        p = social_host_hex(p, (unsigned) v6[14] << 8 | v6[15]);
        *p = '\0';
    }

    if (strcmp(text, canonical) != 0) {
        return "the IPv6 address must be in its shortest form, as browsers "
               "send it: \"http://[::1]\"";
    }

    return NULL;

invalid:

    return "the IPv6 address must be as in \"http://[2001:db8::1]\"";
}


/*
 * Sixteen bits without leading zeros.
 */

static char *
social_host_hex(char *p, unsigned n)
{
    unsigned           shift;
    static const char  hex[] = "0123456789abcdef";

    for (shift = 12; shift > 0 && n >> shift == 0; shift -= 4) { /* void */ }

    for ( ;; ) {
        *p++ = hex[n >> shift & 0xf];

        if (shift == 0) {
            return p;
        }

        shift -= 4;
    }
}


bool
social_host_is_address(social_str_t host)
{
    size_t  i;

    if (host.data[0] == '[') {
        return true;
    }

    for (i = host.len; i > 0 && host.data[i - 1] != '.'; i--) {
        if (host.data[i - 1] < '0' || host.data[i - 1] > '9') {
            break;
        }
    }

    if (i == 0 || host.data[i - 1] == '.') {
        return true;
    }

    /* hexadecimal numbers count as well */

    while (i > 0 && host.data[i - 1] != '.') {
        i--;
    }

    return host.len - i >= 2 && host.data[i] == '0'
           && host.data[i + 1] == 'x';
}
