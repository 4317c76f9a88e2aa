
/*
 * URLs that give access for a time: to one path, or to all paths below
 * a prefix.  A signature is the HMAC-SHA256, as hexadecimal digits, of one of
 *
 *     path LF EXPIRES LF PATH
 *     path LF EXPIRES LF PATH "?" ARGUMENTS
 *     prefix LF EXPIRES LF PREFIX
 *
 * where PATH is decoded and ARGUMENTS are as they stand in the URL.  EXPIRES
 * consists of digits, so that no two URLs have the same text.  (What it is
 * for: Amazon CloudFront Developer Guide, "Serving private content with signed
 * URLs and signed cookies".)
 */

#ifndef SOCIAL_SIGNED_URL_H
#define SOCIAL_SIGNED_URL_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_SIGNED_URL_SIGNATURE   64        /* hexadecimal digits */
#define SOCIAL_SIGNED_URL_MAX_PREFIX  1024      /* bytes, decoded */
#define SOCIAL_SIGNED_URL_MAX_COOKIES 8

/* the longest cookie, and arguments of a prefix: three bytes for each */
#define SOCIAL_SIGNED_URL_MAX_VALUE                                           \
    (3 * SOCIAL_SIGNED_URL_MAX_PREFIX + SOCIAL_SIGNED_URL_SIGNATURE + 128)


typedef struct {
    social_str_t        resource;     /* the path, or the prefix */
    social_str_t        args;         /* without a prefix; may be empty */
    int64_t             expires;      /* seconds since the epoch */
    bool                prefix;
} social_signed_url_t;


typedef enum {
    SOCIAL_SIGNED_URL_OK = 0,
    SOCIAL_SIGNED_URL_NONE,           /* no signature */
    SOCIAL_SIGNED_URL_MALFORMED,
    SOCIAL_SIGNED_URL_EXPIRED,        /* and valid before */
    SOCIAL_SIGNED_URL_WRONG,          /* of something else, or by others */
    SOCIAL_SIGNED_URL_FAILED          /* out of memory, or OpenSSL */
} social_signed_url_status_e;


/*
 * Whether "path" is one that can be signed: it begins with a slash, has
 * neither control characters nor empty, "." or ".." segments.  A server
 * would make another path of one that has.
 */
bool social_signed_url_path_valid(social_str_t path);

/*
 * The same for a prefix, which ends with a slash as well, so that "/a" does
 * not open "/ab", and has SOCIAL_SIGNED_URL_MAX_PREFIX bytes at most.
 */
bool social_signed_url_prefix_valid(social_str_t prefix);

/*
 * Appends the arguments that make a URL a signed one:
 * "social-expires=N&social-signature=HEX", with "social-prefix=PREFIX" in
 * between for a prefix.  "secret" is not empty.  SOCIAL_MALFORMED: a path or
 * prefix that is invalid, a time before 1970, or no room; SOCIAL_FAILED: out
 * of memory, or OpenSSL.
 */
social_rc_e social_signed_url_args(const social_signed_url_t *url,
    social_str_t secret, social_buf_t *b);

/*
 * Appends the value of a cookie for a prefix, "N.HEX.PREFIX".  Errors as
 * above.
 */
social_rc_e social_signed_url_cookie(const social_signed_url_t *url,
    social_str_t secret, social_buf_t *b);

/*
 * Verifies the arguments of a URL with one of two secrets, the second of which
 * may be empty.  "path" is decoded.  Appends the arguments without those of
 * the signature to "rest", which has room for args.len bytes.  "now" is in
 * seconds since the epoch.
 */
social_signed_url_status_e social_signed_url_verify_args(social_str_t path,
    social_str_t args, const social_str_t secrets[2], int64_t now,
    social_buf_t *rest);

/*
 * Verifies the cookies of that name, compared with case, in a Cookie header
 * (RFC 6265, 4.2.1).  A browser sends one for each path that it has one for,
 * of which any is enough; SOCIAL_SIGNED_URL_MAX_COOKIES are looked at.
 * Without a valid one the status is that of the last.
 */
social_signed_url_status_e social_signed_url_verify_cookies(social_str_t path,
    social_str_t header, social_str_t name, const social_str_t secrets[2],
    int64_t now);

/*
 * What to log about a request that was refused, a constant.
 */
const char *social_signed_url_reason(social_signed_url_status_e status);


#endif /* SOCIAL_SIGNED_URL_H */
