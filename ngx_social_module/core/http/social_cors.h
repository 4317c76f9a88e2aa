
/*
 * Cross-origin resource sharing, as data: which origins were configured,
 * whether a request's Origin is one of them, and what a preflight is answered
 * with.  The sources are the Fetch standard (3.2, "HTTP CORS protocol") and
 * RFC 6454 (6.2, the serialization of an origin).
 */

#ifndef SOCIAL_CORS_H
#define SOCIAL_CORS_H


#include "social_rc.h"
#include "social_str.h"


/* bytes; a host name of 253 and a port come to less than 300 */
#define SOCIAL_CORS_ORIGIN_MAX   512

/* bytes of Access-Control-Request-Headers; a longer list is ignored */
#define SOCIAL_CORS_HEADERS_MAX  2048


typedef enum {
    SOCIAL_CORS_EXACT = 0,           /* "https://example.com:8443", "null" */
    SOCIAL_CORS_SUBDOMAINS,          /* a star before ".example.com" */
    SOCIAL_CORS_SCHEME,              /* a star after "https://" */
    SOCIAL_CORS_PORTS,               /* a star after "http://localhost:" */
    SOCIAL_CORS_ANY                  /* a star alone */
} social_cors_kind_e;


typedef struct {
    social_cors_kind_e    kind;
    social_str_t          text;      /* EXACT, ANY: all of it;
                                        PORTS: "http://localhost";
                                        otherwise "https://" */
    social_str_t          suffix;    /* SUBDOMAINS: ".example.com:8443" */
} social_cors_origin_t;


typedef struct {
    const social_cors_origin_t  *origins;
    size_t                       norigins;
    const social_str_t          *methods;      /* without "*" */
    size_t                       nmethods;
    const social_str_t          *headers;      /* without "*" */
    size_t                       nheaders;
    bool                         any_method;   /* "*" was listed */
    bool                         any_header;   /* "*" was listed */
} social_cors_rules_t;


typedef enum {
    SOCIAL_CORS_ALLOWED = 0,
    SOCIAL_CORS_REFUSED_ORIGIN,
    SOCIAL_CORS_REFUSED_METHOD,
    SOCIAL_CORS_REFUSED_HEADER
} social_cors_verdict_e;


/* what a preflight asks, as it was sent */

typedef struct {
    social_str_t          origin;
    social_str_t          method;    /* Access-Control-Request-Method */
    social_str_t          headers;   /* Access-Control-Request-Headers */
} social_cors_preflight_t;


/*
 * Reads one configured origin: scheme://host[:port], "null", or a star that
 * stands for everything, for the host after a scheme, after "https://" or
 * "http://" for all the labels before a domain, or for the port of this
 * machine.  The scheme and the host are put in lower case and a default port
 * is taken off, which makes it the serialization that browsers send (RFC 6454,
 * 6.2); hosts of other schemes keep their case (URL standard, 3.5).
 *
 * "buf" has room for text.len bytes and must outlive "origin", which points
 * into it.  Returns SOCIAL_OK, or SOCIAL_MALFORMED with "reason" set to a
 * static text that says what is wrong and what would be right.
 */
social_rc_e social_cors_origin_parse(social_str_t text, unsigned char *buf,
    social_cors_origin_t *origin, const char **reason);

/*
 * Whether two configured origins are the same one.
 */
bool social_cors_origin_same(const social_cors_origin_t *a,
    const social_cors_origin_t *b);

/*
 * Whether the value of a request's Origin is among "n" configured ones.  The
 * comparison is byte by byte (Fetch, "CORS check"): a browser sends lower
 * case and no default port, and a value that no browser would send matches no
 * wildcard but "*".  Takes time linear in "n" whatever the value is.
 */
bool social_cors_origin_match(const social_cors_origin_t *origins, size_t n,
    social_str_t value);

/*
 * Extracts the next name from the front of a list of header names.  Returns
 * SOCIAL_OK; SOCIAL_DECLINED at the end of the list; SOCIAL_MALFORMED if it
 * is not of the grammar "name *( OWS , OWS name )" (RFC 9110, 5.6.1, what
 * a sender may generate), after which "rest" is of no use.
 */
social_rc_e social_cors_names_next(social_str_t *rest, social_str_t *name);

/*
 * Decides a preflight (Fetch, "CORS-preflight fetch").  For the verdicts
 * other than SOCIAL_CORS_ALLOWED "refused" is set to the part of the request
 * that was not allowed; it points into "preflight".  Only an origin is for
 * the server to refuse: with the other two the response has the configured
 * lists, and the browser refuses.
 */
social_cors_verdict_e social_cors_preflight(const social_cors_rules_t *rules,
    const social_cors_preflight_t *preflight, social_str_t *refused);

/*
 * The most bytes that social_cors_allow_headers() writes.
 */
size_t social_cors_allow_headers_size(const social_cors_rules_t *rules,
    social_str_t requested);

/*
 * Writes the value of Access-Control-Allow-Headers into "out", which has room
 * for social_cors_allow_headers_size() bytes: the names that are listed, and
 * with "*" those that are requested too.  "*" itself is never sent: it would
 * not cover Authorization (Fetch, "CORS non-wildcard request-header name"),
 * and old browsers treat it as a name.  Authorization is not covered by "*"
 * here either: it is allowed when it is listed.
 *
 * Returns the number of bytes written, 0 for none.  A request's list that is
 * malformed or over SOCIAL_CORS_HEADERS_MAX adds nothing.
 */
size_t social_cors_allow_headers(const social_cors_rules_t *rules,
    social_str_t requested, unsigned char *out);


#endif /* SOCIAL_CORS_H */
