
/*
 * Memory of credentials, and what is said where there are none.
 */

#include <stdio.h>
#include <string.h>

#include "social_net_credentials_source.h"
#include "social_net_private.h"


social_rc_e
social_net_credentials_copy(social_net_credentials_t *to,
    const social_credentials_t *keys)
{
    size_t               i, len;
    social_str_t        *views[3];
    const social_str_t  *from[3];

    from[0] = &keys->access_key;
    from[1] = &keys->secret;
    from[2] = &keys->token;

    len = from[0]->len + from[1]->len + from[2]->len;

    memset(to, 0, sizeof(social_net_credentials_t));

    to->data = social_net_private_alloc(len);

    if (to->data == NULL) {
        return SOCIAL_FAILED;
    }

    to->size = len;
    to->keys.expires = keys->expires;

    views[0] = &to->keys.access_key;
    views[1] = &to->keys.secret;
    views[2] = &to->keys.token;

    len = 0;

    for (i = 0; i < 3; i++) {

        if (from[i]->len) {
            memcpy(to->data + len, from[i]->data, from[i]->len);
        }

        views[i]->data = to->data + len;
        views[i]->len = from[i]->len;
        len += from[i]->len;
    }

    return SOCIAL_OK;
}


void
social_net_credentials_free(social_net_credentials_t *credentials)
{
    social_net_private_free(credentials->data, credentials->size);

    memset(credentials, 0, sizeof(social_net_credentials_t));
}


social_rc_e
social_net_credentials_failed(char *error, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    vsnprintf(error, SOCIAL_NET_ERROR_SIZE, format, args);
    va_end(args);

    return SOCIAL_DECLINED;
}
