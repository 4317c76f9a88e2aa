
/*
 * URLs that an operator configures: of issuers, of key sets; and what is
 * derived from a Cognito user pool's id.
 */

#ifndef SOCIAL_URL_H
#define SOCIAL_URL_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_URL_MAX_SIZE  1024


/*
 * Checks a URL that keys may be fetched from, or that names an issuer:
 * "https", or "http" to this machine (127.0.0.0/8, [::1], localhost) only,
 * since an attacker who can change the response could forge tokens; a host,
 * which is a name or an address, and at most a port of 1 to 65535 after it; no
 * user name, no fragment, and where "issuer" is true no query (OpenID Connect
 * Discovery 1.0, 2).  SOCIAL_DECLINED: "why" says what would be right.
 */
social_rc_e social_url_check(social_str_t url, bool issuer, const char **why);

/*
 * Splits a Cognito user pool's id, "eu-west-1_AbCdEf123", and gives its
 * region, a view of it.  SOCIAL_DECLINED: it is not one.
 */
social_rc_e social_user_pool_region(social_str_t id, social_str_t *region);

/*
 * Writes the pool's issuer, "https://cognito-idp.REGION.amazonaws.com/ID", or
 * the one of pools whose issuer was updated,
 * "https://issuer-cognito-idp.REGION.amazonaws.com/ID", to "buf", and returns
 * its length, which may be more than "size"; 0 if "id" is not the id of a
 * pool.  Regions in China are under amazonaws.com.cn, those of the European
 * Sovereign Cloud under amazonaws.eu. (AWS: Amazon Cognito, Verifying JSON web
 * tokens; API reference, IssuerConfigurationType)
 */
size_t social_user_pool_issuer(social_str_t id, bool updated,
    unsigned char *buf,
    size_t size);

/*
 * The same for the issuer of a pool's replica in another region, which has the
 * pool's id: "https://cognito-idp.REGION.amazonaws.com/ID".  A pool with the
 * updated issuer has no others.  0: also if "region" is none.
 */
size_t social_user_pool_replica(social_str_t id, social_str_t region,
    unsigned char *buf, size_t size);

/*
 * Whether it has the form of a region of AWS.
 */
bool social_region_valid(social_str_t region);


#endif /* SOCIAL_URL_H */
