
/*
 * Credentials of AWS: limits and lifetimes.
 */

#include "social_credentials.h"
#include "social_sigv4.h"


#define SOCIAL_CREDENTIALS_REFRESH  900
#define SOCIAL_CREDENTIALS_AHEAD    300


static bool social_credentials_is_text(social_str_t s);


const char *
social_credentials_check(const social_credentials_t *credentials)
{
    if (credentials->access_key.len == 0 || credentials->secret.len == 0) {
        return "the access key or its secret is missing";
    }

    if (credentials->access_key.len > SOCIAL_SIGV4_MAX_ACCESS_KEY
        || credentials->secret.len > SOCIAL_SIGV4_MAX_SECRET
        || credentials->token.len > SOCIAL_CREDENTIALS_MAX_TOKEN)
    {
        return "the access key, its secret or the session token is too long";
    }

    if (!social_credentials_is_text(credentials->access_key)
        || !social_credentials_is_text(credentials->secret)
        || !social_credentials_is_text(credentials->token))
    {
        return "the access key, its secret or the session token has a space "
               "or a character that is not ASCII";
    }

    return NULL;
}


static bool
social_credentials_is_text(social_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f) {
            return false;
        }
    }

    return true;
}


bool
social_credentials_expired(const social_credentials_t *credentials,
    int64_t now)
{
    return credentials->expires != 0 && credentials->expires <= now;
}


int64_t
social_credentials_refresh(const social_credentials_t *credentials,
    int64_t now)
{
    int64_t  left;

    left = credentials->expires - now;

    if (credentials->expires == 0
        || left > SOCIAL_CREDENTIALS_REFRESH + SOCIAL_CREDENTIALS_AHEAD)
    {
        return SOCIAL_CREDENTIALS_REFRESH;
    }

    if (left > 2 * SOCIAL_CREDENTIALS_AHEAD) {
        return left - SOCIAL_CREDENTIALS_AHEAD;
    }

    return left > 2 ? left / 2 : 1;
}
