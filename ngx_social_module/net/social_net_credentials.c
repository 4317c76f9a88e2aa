
/*
 * Sources of credentials, and the cache of each.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_net_credentials_source.h"


#define SOCIAL_NET_CREDENTIALS_RETRY  5


static const char *social_net_credentials_set(
    social_net_credentials_source_t *source, const char *text);
static bool social_net_credentials_is_cached(
    const social_net_credentials_source_t *source);
static void social_net_credentials_renew(
    social_net_credentials_source_t *source, int64_t now);


static const struct {
    const char  *name;
    bool         value;
} social_net_credentials_kinds[] = {
    [SOCIAL_NET_CREDENTIALS_DEFAULT] = { "default", false },
    [SOCIAL_NET_CREDENTIALS_ENV] = { "env", false },
    [SOCIAL_NET_CREDENTIALS_FILE] = { "file", true },
    [SOCIAL_NET_CREDENTIALS_PROFILE] = { "profile", true },
    [SOCIAL_NET_CREDENTIALS_WEB_IDENTITY] = { "web_identity", false },
    [SOCIAL_NET_CREDENTIALS_CONTAINER] = { "container", false },
    [SOCIAL_NET_CREDENTIALS_IMDS] = { "imds", false }
};


social_net_credentials_source_t *
social_net_credentials_create(const char *text, const char *region,
    char *error)
{
    const char                       *why;
    social_net_credentials_source_t  *source;

    source = calloc(1, sizeof(social_net_credentials_source_t));

    if (source == NULL) {
        social_net_credentials_failed(error, "out of memory");
        return NULL;
    }

    pthread_mutex_init(&source->mutex, NULL);
    pthread_cond_init(&source->fetched, NULL);

    why = social_net_credentials_set(source, text);

    if (why == NULL) {
        source->region = strdup(region != NULL ? region : "");

        if (source->region == NULL
            || !social_net_environment_read(&source->environment))
        {
            why = "out of memory";
        }
    }

    if (why != NULL) {
        social_net_credentials_failed(error, "%s", why);
    }

    if (why != NULL || social_net_credentials_choose(source, error)
                       != SOCIAL_OK)
    {
        social_net_credentials_destroy(source);
        return NULL;
    }

    return source;
}


static const char *
social_net_credentials_set(social_net_credentials_source_t *source,
    const char *text)
{
    size_t       i, len, n;
    const char  *value;

    len = strcspn(text, " ");
    value = text + len + strspn(text + len, " ");
    n = sizeof(social_net_credentials_kinds)
        / sizeof(social_net_credentials_kinds[0]);

    for (i = 0; i < n; i++) {

        if (strlen(social_net_credentials_kinds[i].name) == len
            && memcmp(social_net_credentials_kinds[i].name, text, len) == 0
            && social_net_credentials_kinds[i].value == (value[0] != '\0'))
        {
            source->kind = (social_net_credentials_kind_e) i;
            source->value = strdup(value);

            return source->value != NULL ? NULL : "out of memory";
        }
    }

    return "credentials must be \"default\", \"env\", \"file PATH\", "
           "\"profile NAME\", \"web_identity\", \"container\" or \"imds\"";
}


void
social_net_credentials_destroy(social_net_credentials_source_t *source)
{
    if (source == NULL) {
        return;
    }

    social_net_environment_free(&source->environment);
    social_net_credentials_free(&source->last);
    pthread_mutex_destroy(&source->mutex);
    pthread_cond_destroy(&source->fetched);
    free(source->value);
    free(source->region);
    free(source);
}


bool
social_net_credentials_is_constant(
    const social_net_credentials_source_t *source)
{
    return source->kind == SOCIAL_NET_CREDENTIALS_ENV;
}


social_rc_e
social_net_credentials_read(const social_net_credentials_source_t *source,
    social_net_credentials_t *credentials, char *error)
{
    social_rc_e                     rc;
    social_net_credentials_plan_t  *plan;

    memset(credentials, 0, sizeof(social_net_credentials_t));

    plan = malloc(sizeof(social_net_credentials_plan_t));

    if (plan == NULL) {
        return social_net_credentials_failed(error, "out of memory");
    }

    rc = social_net_credentials_plan(source, plan, error);

    if (rc == SOCIAL_OK) {
        *credentials = plan->keys;
    }

    free(plan);

    return rc;
}


social_rc_e
social_net_credentials_get(social_net_credentials_source_t *source,
    social_net_credentials_t *credentials, char *error)
{
    int64_t      now;
    social_rc_e  rc;

    if (!social_net_credentials_is_cached(source)) {
        return social_net_credentials_fetch(source, credentials, error);
    }

    memset(credentials, 0, sizeof(social_net_credentials_t));
    now = (int64_t) time(NULL);

    pthread_mutex_lock(&source->mutex);

    /* who needs them waits for another thread's, and the others do not */

    while (source->fetching
           && (source->last.data == NULL
               || social_credentials_expired(&source->last.keys, now)))
    {
        pthread_cond_wait(&source->fetched, &source->mutex);
        now = (int64_t) time(NULL);
    }

    if (!source->fetching && now >= source->refresh) {
        social_net_credentials_renew(source, now);
        now = (int64_t) time(NULL);
    }

    if (source->last.data == NULL
        || social_credentials_expired(&source->last.keys, now))
    {
        rc = social_net_credentials_failed(error, "%s", source->error);

    } else {
        rc = social_net_credentials_copy(credentials, &source->last.keys);

        if (rc != SOCIAL_OK) {
            social_net_credentials_failed(error, "out of memory");
        }
    }

    pthread_mutex_unlock(&source->mutex);

    return rc;
}


static bool
social_net_credentials_is_cached(const social_net_credentials_source_t *source)
{
    return source->kind != SOCIAL_NET_CREDENTIALS_ENV
           && source->kind != SOCIAL_NET_CREDENTIALS_FILE;
}


/*
 * Called with the mutex, which others may have while it waits.
 */

static void
social_net_credentials_renew(social_net_credentials_source_t *source,
    int64_t now)
{
    char                      error[SOCIAL_NET_ERROR_SIZE];
    social_rc_e               rc;
    social_net_credentials_t  fresh;

    source->fetching = true;
    pthread_mutex_unlock(&source->mutex);

    rc = social_net_credentials_fetch(source, &fresh, error);

    pthread_mutex_lock(&source->mutex);
    source->fetching = false;

    if (rc == SOCIAL_OK) {
        social_net_credentials_free(&source->last);
        source->last = fresh;

        /* keys of a file may be replaced at any time */

        source->refresh = fresh.keys.expires == 0 ? now
                          : now + social_credentials_refresh(&fresh.keys, now);

    } else {
        memcpy(source->error, error, sizeof(error));
        source->refresh = now + SOCIAL_NET_CREDENTIALS_RETRY;
    }

    pthread_cond_broadcast(&source->fetched);
}
