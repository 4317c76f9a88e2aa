
/*
 * The credentials of a bucket, out of the environment or a file: one rule for
 * the gateway, which reads them with its configuration, and the worker, which
 * reads them again for each request.
 */

#ifndef SOCIAL_NET_CREDENTIALS_H
#define SOCIAL_NET_CREDENTIALS_H


#include "social_credentials.h"
#include "social_net_fetch.h"


/* of a file */
#define SOCIAL_NET_CREDENTIALS_MAX  65536


typedef struct {
    social_credentials_t   keys;         /* views of "data" */
    unsigned char         *data;
    size_t                 size;
} social_net_credentials_t;


/*
 * Reads credentials by what a configuration says of them:
 *
 *     "env"            AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 *                      AWS_SESSION_TOKEN; where the first is not set, the
 *                      profile AWS_PROFILE of the shared credentials file
 *     "file", PATH     the profile [default] of the file
 *     "profile", NAME  that profile of the shared credentials file:
 *                      AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials
 *
 * (AWS SDKs and Tools Reference Guide, "Shared config and credentials files"
 * and "Environment variables").  "value" is not read with "env".
 *
 * SOCIAL_OK: the caller owns them until social_net_credentials_free().
 * SOCIAL_DECLINED: there are none, or longer ones than requests are signed
 * with, and "error", of SOCIAL_NET_ERROR_SIZE bytes, says why without any of
 * them.
 */
social_rc_e social_net_credentials_read(const char *source, const char *value,
    social_net_credentials_t *credentials, char *error);

/*
 * The same, of one text: "env", "file PATH" or "profile NAME".
 */
social_rc_e social_net_credentials_read_text(const char *text,
    social_net_credentials_t *credentials, char *error);

/*
 * Wipes and frees them.  All zeros is nothing to free.
 */
void social_net_credentials_free(social_net_credentials_t *credentials);


#endif /* SOCIAL_NET_CREDENTIALS_H */
