
/*
 * The variables in which AWS's tools find credentials.
 */

#include <stdlib.h>
#include <string.h>

#include "social_net_environment.h"
#include "social_net_private.h"
#include "social_str.h"


static const char *const  social_net_environment_names[] = {
    [SOCIAL_NET_ACCESS_KEY_ID] = "AWS_ACCESS_KEY_ID",
    [SOCIAL_NET_SECRET_ACCESS_KEY] = "AWS_SECRET_ACCESS_KEY",
    [SOCIAL_NET_SESSION_TOKEN] = "AWS_SESSION_TOKEN",
    [SOCIAL_NET_PROFILE] = "AWS_PROFILE",
    [SOCIAL_NET_SHARED_CREDENTIALS_FILE] = "AWS_SHARED_CREDENTIALS_FILE",
    [SOCIAL_NET_CONFIG_FILE] = "AWS_CONFIG_FILE",
    [SOCIAL_NET_HOME] = "HOME",
    [SOCIAL_NET_REGION] = "AWS_REGION",
    [SOCIAL_NET_DEFAULT_REGION] = "AWS_DEFAULT_REGION",
    [SOCIAL_NET_ROLE_ARN] = "AWS_ROLE_ARN",
    [SOCIAL_NET_ROLE_SESSION_NAME] = "AWS_ROLE_SESSION_NAME",
    [SOCIAL_NET_WEB_IDENTITY_TOKEN_FILE] = "AWS_WEB_IDENTITY_TOKEN_FILE",
    [SOCIAL_NET_ENDPOINT_URL_STS] = "AWS_ENDPOINT_URL_STS",
    [SOCIAL_NET_CONTAINER_RELATIVE_URI] =
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    [SOCIAL_NET_CONTAINER_FULL_URI] = "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    [SOCIAL_NET_CONTAINER_TOKEN] = "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    [SOCIAL_NET_CONTAINER_TOKEN_FILE] =
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    [SOCIAL_NET_METADATA_ENDPOINT] = "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    [SOCIAL_NET_METADATA_ENDPOINT_MODE] =
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    [SOCIAL_NET_METADATA_DISABLED] = "AWS_EC2_METADATA_DISABLED",
    [SOCIAL_NET_METADATA_V1_DISABLED] = "AWS_EC2_METADATA_V1_DISABLED",
    [SOCIAL_NET_CA_BUNDLE] = "AWS_CA_BUNDLE"
};


bool
social_net_environment_read(social_net_environment_t *environment)
{
    char        *p;
    size_t       i, len, size;
    const char  *values[SOCIAL_NET_VARIABLES];

    size = 0;

    for (i = 0; i < SOCIAL_NET_VARIABLES; i++) {

        values[i] = getenv(social_net_environment_names[i]);

        if (values[i] == NULL) {
            values[i] = "";
        }

        size += strlen(values[i]) + 1;
    }

    p = social_net_private_alloc(size);

    if (p == NULL) {
        return false;
    }

    environment->data = p;
    environment->size = size;

    for (i = 0; i < SOCIAL_NET_VARIABLES; i++) {
        len = strlen(values[i]) + 1;
        memcpy(p, values[i], len);
        environment->values[i] = p;
        p += len;
    }

    return true;
}


void
social_net_environment_free(social_net_environment_t *environment)
{
    social_net_private_free(environment->data, environment->size);

    memset(environment, 0, sizeof(social_net_environment_t));
}


const char *
social_net_environment_name(social_net_variable_e variable)
{
    return social_net_environment_names[variable];
}


bool
social_net_environment_is_true(const social_net_environment_t *environment,
    social_net_variable_e variable)
{
    return social_str_caseeq(social_str(environment->values[variable]),
                             social_str("true"));
}
