
/*
 * Hosts and ports, in the one form that browsers send them: lower case, in
 * punycode, addresses in their shortest form (URL standard, "host
 * serializing").
 */

#ifndef SOCIAL_HOST_H
#define SOCIAL_HOST_H


#include "social_str.h"


#define SOCIAL_HOST_MAX        253
#define SOCIAL_HOST_LABEL_MAX  63


/*
 * Splits "host[:port]"; both parts point into "authority", and the port
 * is empty where there is none.  Only the port is checked: 1 to 65535.
 * Returns NULL, or a static text that says what would be right.
 */
const char *social_host_split(social_str_t authority, social_str_t *host,
    social_str_t *port);

/*
 * Checks a host: a name, four numbers, or an IPv6 address in brackets.
 * Returns NULL, or a static text that says what would be right.
 */
const char *social_host_check(social_str_t host);

/*
 * Whether the host, which is not empty, is an IPv6 address, or what browsers
 * would read as an IPv4 one: that is decided by the last label (URL standard,
 * "ends in a number checker").
 */
bool social_host_is_address(social_str_t host);


#endif /* SOCIAL_HOST_H */
