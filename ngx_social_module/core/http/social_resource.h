
/*
 * Protected resources (RFC 9728): what identifies one, where its metadata is
 * and what is in it, and whether a token was issued for it (RFC 8707).
 */

#ifndef SOCIAL_RESOURCE_H
#define SOCIAL_RESOURCE_H


#include "social_buf.h"
#include "social_json.h"


#define SOCIAL_RESOURCE_WELL_KNOWN  "/.well-known/oauth-protected-resource"


/* from the scopes on, what is not said is empty, or has no elements */

typedef struct {
    social_str_t          resource;
    const social_str_t   *servers;          /* issuers, at least one */
    size_t                server_count;
    const social_str_t   *scopes;
    size_t                scope_count;
    social_str_t          name;
    social_str_t          documentation;
    social_str_t          algorithms;       /* of DPoP, separated by spaces */
    bool                  dpop_required;    /* by all that is in it */
    bool                  mtls_required;
} social_resource_metadata_t;


/*
 * Checks the URL of a resource that an operator configures (RFC 9728, 1.2):
 * what social_url_check() says of an issuer; and its path, if any, has one
 * spelling only: no percent-encoding, no empty segment but the last one,
 * neither "." nor "..".  SOCIAL_DECLINED: "why" says what would be right.
 */
social_rc_e social_resource_check(social_str_t url, const char **why);

/*
 * Whether "s" is a scope (RFC 6749, 3.3), that is fit for a quoted string.
 */
bool social_resource_is_scope(social_str_t s);

/*
 * Splits the URL of a resource, a good one: the origin, "https://host:port",
 * and the path, which may be empty; both are views of it.
 */
void social_resource_split(social_str_t url, social_str_t *origin,
    social_str_t *path);

/*
 * Appends the path of a resource's metadata (RFC 9728, 3.1): the well-known
 * one comes before that of the resource, of which a "/" alone is left out.
 */
void social_resource_metadata_path(social_buf_t *b, social_str_t url);

/*
 * Appends the metadata as a JSON object (RFC 9728, 2).  The caller gives room
 * for social_resource_metadata_size() bytes.
 */
void social_resource_metadata_write(social_buf_t *b,
    const social_resource_metadata_t *metadata);
size_t social_resource_metadata_size(
    const social_resource_metadata_t *metadata);

/*
 * Whether two URLs are of the same resource: the scheme and the host without
 * regard to case, a default port as none, an empty path as "/" (RFC 3986,
 * 6.2.3); all else byte by byte.  "other" is of any bytes.
 */
bool social_resource_same(social_str_t url, social_str_t other);

/*
 * Whether a token is for one of "audiences": the same bytes, or the same
 * resource.  SOCIAL_DECLINED: it has no "aud"; SOCIAL_MALFORMED: it has,
 * and none of it is one of them.
 */
social_rc_e social_resource_audience(const social_json_t *payload,
    const social_str_t *audiences, size_t count);


#endif /* SOCIAL_RESOURCE_H */
