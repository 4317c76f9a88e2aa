
/*
 * The variables in which AWS's tools find credentials.  A copy: nginx empties
 * the environment of its worker processes, where credentials are fetched, and
 * has it only while it reads the configuration.
 * (AWS: SDKs and Tools Reference, "Environment variables")
 */

#ifndef SOCIAL_NET_ENVIRONMENT_H
#define SOCIAL_NET_ENVIRONMENT_H


#include <stdbool.h>
#include <stddef.h>


typedef enum {
    SOCIAL_NET_ACCESS_KEY_ID = 0,
    SOCIAL_NET_SECRET_ACCESS_KEY,
    SOCIAL_NET_SESSION_TOKEN,
    SOCIAL_NET_PROFILE,
    SOCIAL_NET_SHARED_CREDENTIALS_FILE,
    SOCIAL_NET_CONFIG_FILE,
    SOCIAL_NET_HOME,
    SOCIAL_NET_REGION,
    SOCIAL_NET_DEFAULT_REGION,
    SOCIAL_NET_ROLE_ARN,
    SOCIAL_NET_ROLE_SESSION_NAME,
    SOCIAL_NET_WEB_IDENTITY_TOKEN_FILE,
    SOCIAL_NET_ENDPOINT_URL_STS,
    SOCIAL_NET_CONTAINER_RELATIVE_URI,
    SOCIAL_NET_CONTAINER_FULL_URI,
    SOCIAL_NET_CONTAINER_TOKEN,
    SOCIAL_NET_CONTAINER_TOKEN_FILE,
    SOCIAL_NET_METADATA_ENDPOINT,
    SOCIAL_NET_METADATA_ENDPOINT_MODE,
    SOCIAL_NET_METADATA_DISABLED,
    SOCIAL_NET_METADATA_V1_DISABLED,
    SOCIAL_NET_CA_BUNDLE,
    SOCIAL_NET_VARIABLES
} social_net_variable_e;


typedef struct {
    const char     *values[SOCIAL_NET_VARIABLES];      /* never NULL */
    char           *data;
    size_t          size;
} social_net_environment_t;


/*
 * Copies the variables of this process; those that are not set are empty.
 * False: out of memory.  The caller frees them, which wipes them.
 */
bool social_net_environment_read(social_net_environment_t *environment);
void social_net_environment_free(social_net_environment_t *environment);

/*
 * The name of a variable, "AWS_ACCESS_KEY_ID".
 */
const char *social_net_environment_name(social_net_variable_e variable);

/*
 * Whether a variable is "true", in any case.
 */
bool social_net_environment_is_true(
    const social_net_environment_t *environment,
    social_net_variable_e variable);


#endif /* SOCIAL_NET_ENVIRONMENT_H */
