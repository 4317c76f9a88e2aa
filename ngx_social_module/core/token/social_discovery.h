
/*
 * The document in which an issuer publishes the URL of its keys.
 */

#ifndef SOCIAL_DISCOVERY_H
#define SOCIAL_DISCOVERY_H


#include "social_rc.h"
#include "social_str.h"
#include "social_url.h"


/*
 * Writes the URL of an issuer's document, with a zero byte after it, to
 * "buf", and returns its length without that; it may be "size" or more: call
 * it with a size of 0 first.  A slash that ends the issuer is not doubled.
 * (OpenID Connect Discovery 1.0, 4.1)
 */
size_t social_discovery_url(social_str_t issuer, unsigned char *buf,
    size_t size);

/*
 * Finds "jwks_uri" in the document of exactly that issuer and copies it, with
 * a zero byte after it, to "uri", which has room for SOCIAL_URL_MAX_SIZE + 1
 * bytes.  It must be one that social_url_check() accepts, and plain http only
 * if the issuer is: others must not direct us to ports of this machine.
 * SOCIAL_DECLINED: a document of another issuer, or with no such URI;
 * SOCIAL_MALFORMED: not a JSON object, or a member that is not a string; "why"
 * says what was wrong in words that hold nothing of the document.
 * SOCIAL_FAILED: out of memory.  (OpenID Connect Discovery 1.0, 3 and 4.3)
 */
social_rc_e social_discovery_parse(social_str_t text, social_str_t issuer,
    char *uri, const char **why);


#endif /* SOCIAL_DISCOVERY_H */
