
/*
 * A bucket of S3, or of what speaks as it does: its name, and where its objects
 * are.  The one place that knows how a URL of one is made.
 */

#ifndef SOCIAL_BUCKET_H
#define SOCIAL_BUCKET_H


#include "social_buf.h"
#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_ENDPOINT_MAX_URL  512


typedef enum {
    SOCIAL_BUCKET_USUAL_STYLE = 0,   /* AWS: by host; others: by path */
    SOCIAL_BUCKET_HOST_STYLE,        /* bucket.host/key */
    SOCIAL_BUCKET_PATH_STYLE         /* host/bucket/key */
} social_bucket_style_e;


typedef struct {
    bool               secure;       /* https */
    social_str_t       host;         /* an IPv6 address in its brackets */
    social_str_t       port;         /* empty: the scheme's own */
    social_str_t       path;         /* "/prefix" or empty: never a "/" at its
                                        end */
} social_endpoint_t;


typedef struct {
    social_str_t       name;         /* as the store has it */
    social_str_t       region;
    social_endpoint_t  endpoint;
    bool               path_style;
} social_bucket_t;


/*
 * Fills "bucket" with views of what is given.  An empty endpoint is AWS's of
 * the region, whose URL is written to "text"; that one has buckets by host, and
 * all others by path, unless "style" says it (AWS General Reference, "Amazon
 * Simple Storage Service endpoints").  The name is not checked.
 * SOCIAL_DECLINED: as social_endpoint_parse(), and "why" says so.
 */
social_rc_e social_bucket_init(social_bucket_t *bucket, social_str_t name,
    social_str_t region, social_str_t endpoint, social_bucket_style_e style,
    social_buf_t *text, const char **why);

/*
 * Whether "name" can be a bucket's: 3 to 63 of a-z 0-9 "." "-", a letter or
 * digit at both ends and at both sides of each ".", and no IPv4 address
 * (S3 User Guide, "General purpose bucket naming rules").
 */
bool social_bucket_check(social_str_t name);

/*
 * Whether the bucket is addressed as host/bucket: where it is configured so,
 * and where its name would not do in the host's: with a "." under https, where
 * no certificate fits, and beside an address.
 */
bool social_bucket_is_path_style(const social_bucket_t *bucket);

/*
 * Appends the host that a client sends, in lower case, with its port.
 */
void social_bucket_host(social_buf_t *b, const social_bucket_t *bucket);

/*
 * Appends the path of a key, or of the bucket where the key is empty, as it is
 * sent: percent-encoded.  Returns a view of it.
 */
social_str_t social_bucket_path(social_buf_t *b,
    const social_bucket_t *bucket, social_str_t key);

/*
 * Splits "https://host:port/prefix" into views of it.  Plain http is
 * accepted: it is what stores on private networks speak.  SOCIAL_DECLINED: no
 * such URL, and "why" says what would be right: a user name, a query, a
 * fragment, an escape and a port out of 1-65535 are refused.
 */
social_rc_e social_endpoint_parse(social_str_t url, social_endpoint_t *e,
    const char **why);


#endif /* SOCIAL_BUCKET_H */
