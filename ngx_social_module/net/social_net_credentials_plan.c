
/*
 * Which source it is, and what the environment and files say of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_credentials_request.h"
#include "social_net_credentials_source.h"
#include "social_net_private.h"


/* a profile of the two shared files, of which its views are */

typedef struct {
    social_net_credentials_t       files[2];
    char                           paths[2][PATH_MAX];
    social_credentials_profile_t   profile;
} social_net_credentials_shared_t;


static const char *social_net_credentials_first(
    const social_net_credentials_source_t *source, bool *present);
static social_rc_e social_net_credentials_env(
    const social_net_credentials_source_t *source,
    social_net_credentials_plan_t *plan, char *error);
static social_rc_e social_net_credentials_file(const char *path,
    social_net_credentials_plan_t *plan, char *error);
static social_rc_e social_net_credentials_shared(
    const social_net_credentials_source_t *source, const char *name,
    social_net_credentials_shared_t *shared, char *error);
static bool social_net_credentials_path(
    const social_net_credentials_source_t *source,
    social_net_variable_e variable, const char *usual, char *path);
static social_rc_e social_net_credentials_profile(
    const social_net_credentials_source_t *source,
    const social_net_credentials_shared_t *shared,
    social_net_credentials_plan_t *plan, char *error);
static social_rc_e social_net_credentials_role(
    const social_net_credentials_source_t *source, social_str_t role,
    social_str_t session, social_str_t token_file, social_str_t region,
    social_net_credentials_plan_t *plan, char *error);
static social_rc_e social_net_credentials_container(
    const social_net_credentials_source_t *source, char *error);
static social_rc_e social_net_credentials_instance(
    const social_net_credentials_source_t *source, char *error);
static social_rc_e social_net_credentials_keep(
    social_net_credentials_plan_t *plan, const social_credentials_t *keys,
    char *error);
static const char *social_net_credentials_variable(
    const social_net_credentials_source_t *source,
    social_net_variable_e variable);


/*
 * Once for all, so that keys which can no longer be read do not make it another
 * source with other rights.
 */

social_rc_e
social_net_credentials_choose(social_net_credentials_source_t *source,
    char *error)
{
    bool         present;
    char        *copy;
    const char  *name;

    if (source->kind != SOCIAL_NET_CREDENTIALS_DEFAULT
        && source->kind != SOCIAL_NET_CREDENTIALS_ENV)
    {
        return SOCIAL_OK;
    }

    name = social_net_credentials_variable(source, SOCIAL_NET_PROFILE);

    if (social_net_credentials_variable(source, SOCIAL_NET_ACCESS_KEY_ID)[0]
        != '\0'
        || (source->kind == SOCIAL_NET_CREDENTIALS_ENV && name[0] == '\0'))
    {
        source->kind = SOCIAL_NET_CREDENTIALS_ENV;
        return SOCIAL_OK;
    }

    if (source->kind == SOCIAL_NET_CREDENTIALS_DEFAULT
        && social_net_credentials_variable(source,
               SOCIAL_NET_WEB_IDENTITY_TOKEN_FILE)[0] != '\0')
    {
        source->kind = SOCIAL_NET_CREDENTIALS_WEB_IDENTITY;
        return SOCIAL_OK;
    }

    present = false;

    if (name[0] == '\0') {
        name = social_net_credentials_first(source, &present);
    }

    if (name == NULL) {
        return social_net_credentials_failed(error, "out of memory");
    }

    if (name[0] != '\0') {

        copy = strdup(name);

        if (copy == NULL) {
            return social_net_credentials_failed(error, "out of memory");
        }

        free(source->value);
        source->value = copy;
        source->kind = SOCIAL_NET_CREDENTIALS_PROFILE;

        return SOCIAL_OK;
    }

    if (social_net_credentials_variable(source,
            SOCIAL_NET_CONTAINER_RELATIVE_URI)[0] != '\0'
        || social_net_credentials_variable(source,
               SOCIAL_NET_CONTAINER_FULL_URI)[0] != '\0')
    {
        source->kind = SOCIAL_NET_CREDENTIALS_CONTAINER;
        return SOCIAL_OK;
    }

    if (social_net_environment_is_true(&source->environment,
                                       SOCIAL_NET_METADATA_DISABLED))
    {
        return social_net_credentials_failed(error,
                   "neither the environment nor shared files have any, and "
                   "AWS_EC2_METADATA_DISABLED is true");
    }

    source->kind = SOCIAL_NET_CREDENTIALS_IMDS;

    return SOCIAL_OK;
}


/* "default", where that profile says something of credentials; else "" */

static const char *
social_net_credentials_first(const social_net_credentials_source_t *source,
    bool *present)
{
    char                              error[SOCIAL_NET_ERROR_SIZE];
    social_net_credentials_shared_t  *shared;

    shared = calloc(1, sizeof(social_net_credentials_shared_t));

    if (shared == NULL) {
        return NULL;
    }

    if (social_net_credentials_shared(source, "default", shared, error)
        == SOCIAL_OK)
    {
        *present = shared->profile.keys.access_key.len
                   || shared->profile.role.len
                   || shared->profile.unsupported.len;
    }

    social_net_credentials_free(&shared->files[0]);
    social_net_credentials_free(&shared->files[1]);
    free(shared);

    return *present ? "default" : "";
}


social_rc_e
social_net_credentials_plan(const social_net_credentials_source_t *source,
    social_net_credentials_plan_t *plan, char *error)
{
    social_rc_e                       rc;
    social_net_credentials_shared_t  *shared;

    memset(plan, 0, sizeof(social_net_credentials_plan_t));
    plan->kind = source->kind;

    switch (source->kind) {

    case SOCIAL_NET_CREDENTIALS_ENV:
        return social_net_credentials_env(source, plan, error);

    case SOCIAL_NET_CREDENTIALS_FILE:
        return social_net_credentials_file(source->value, plan, error);

    case SOCIAL_NET_CREDENTIALS_WEB_IDENTITY:
        return social_net_credentials_role(source,
                   social_str(social_net_credentials_variable(source,
                                  SOCIAL_NET_ROLE_ARN)),
                   social_str(social_net_credentials_variable(source,
                                  SOCIAL_NET_ROLE_SESSION_NAME)),
                   social_str(social_net_credentials_variable(source,
                                  SOCIAL_NET_WEB_IDENTITY_TOKEN_FILE)),
                   social_str(""), plan, error);

    case SOCIAL_NET_CREDENTIALS_CONTAINER:
        return social_net_credentials_container(source, error);

    case SOCIAL_NET_CREDENTIALS_IMDS:
        return social_net_credentials_instance(source, error);

    default:
        break;
    }

    shared = calloc(1, sizeof(social_net_credentials_shared_t));

    if (shared == NULL) {
        return social_net_credentials_failed(error, "out of memory");
    }

    rc = social_net_credentials_shared(source, source->value, shared, error);

    if (rc == SOCIAL_OK) {
        rc = social_net_credentials_profile(source, shared, plan, error);
    }

    social_net_credentials_free(&shared->files[0]);
    social_net_credentials_free(&shared->files[1]);
    free(shared);

    return rc;
}


static social_rc_e
social_net_credentials_env(const social_net_credentials_source_t *source,
    social_net_credentials_plan_t *plan, char *error)
{
    size_t                 i;
    social_credentials_t   keys;

    static const social_net_variable_e  required[] = {
        SOCIAL_NET_ACCESS_KEY_ID, SOCIAL_NET_SECRET_ACCESS_KEY
    };

    for (i = 0; i < 2; i++) {
        if (social_net_credentials_variable(source, required[i])[0] == '\0') {
            return social_net_credentials_failed(error,
                       "the environment has no %s",
                       social_net_environment_name(required[i]));
        }
    }

    memset(&keys, 0, sizeof(social_credentials_t));

    keys.access_key = social_str(social_net_credentials_variable(source,
                                     SOCIAL_NET_ACCESS_KEY_ID));
    keys.secret = social_str(social_net_credentials_variable(source,
                                 SOCIAL_NET_SECRET_ACCESS_KEY));
    keys.token = social_str(social_net_credentials_variable(source,
                                SOCIAL_NET_SESSION_TOKEN));

    return social_net_credentials_keep(plan, &keys, error);
}


static social_rc_e
social_net_credentials_file(const char *path,
    social_net_credentials_plan_t *plan, char *error)
{
    social_rc_e               rc;
    social_str_t              text;
    social_credentials_t      keys;
    social_net_credentials_t  file;

    if (social_net_credentials_load(path, &file, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    text.data = file.data;
    text.len = file.size;

    rc = social_credentials_parse(text, social_str("default"), &keys);

    switch (rc) {

    case SOCIAL_OK:
        plan->kind = SOCIAL_NET_CREDENTIALS_ENV;
        rc = social_net_credentials_keep(plan, &keys, error);
        break;

    case SOCIAL_DECLINED:
        social_net_credentials_failed(error,
            "\"%.128s\" has no profile \"[default]\"", path);
        break;

    default:
        rc = social_net_credentials_failed(error,
                 "profile \"[default]\" of \"%.128s\" lacks "
                 "aws_access_key_id or aws_secret_access_key", path);
    }

    social_net_credentials_free(&file);

    return rc;
}


/*
 * A file that is not there is no mistake, if the other one has the profile.
 */

static social_rc_e
social_net_credentials_shared(const social_net_credentials_source_t *source,
    const char *name, social_net_credentials_shared_t *shared, char *error)
{
    size_t                         i;
    social_str_t                   text;
    social_credentials_profile_t   found[2];

    static const struct {
        social_net_variable_e   variable;
        const char             *usual;
    } files[] = {
        { SOCIAL_NET_SHARED_CREDENTIALS_FILE, "credentials" },
        { SOCIAL_NET_CONFIG_FILE, "config" }
    };

    memset(found, 0, sizeof(found));

    for (i = 0; i < 2; i++) {

        if (!social_net_credentials_path(source, files[i].variable,
                                         files[i].usual, shared->paths[i]))
        {
            continue;
        }

        switch (social_net_credentials_load(shared->paths[i],
                                            &shared->files[i], error))
        {
        case SOCIAL_OK:
            break;

        case SOCIAL_MALFORMED:
            continue;

        default:
            return SOCIAL_DECLINED;
        }

        text.data = shared->files[i].data;
        text.len = shared->files[i].size;

        social_credentials_profile_read(text, social_str(name), i == 1,
                                        &found[i]);
    }

    shared->profile = found[0];
    social_credentials_profile_merge(&shared->profile, &found[1]);

    if (shared->profile.found) {
        return SOCIAL_OK;
    }

    if (shared->paths[0][0] == '\0' && shared->paths[1][0] == '\0') {
        return social_net_credentials_failed(error, "the environment has "
                   "neither AWS_SHARED_CREDENTIALS_FILE nor HOME");
    }

    return social_net_credentials_failed(error,
               "neither \"%.64s\" nor \"%.64s\" has the profile \"%.48s\"",
               shared->paths[0], shared->paths[1], name);
}


static bool
social_net_credentials_path(const social_net_credentials_source_t *source,
    social_net_variable_e variable, const char *usual, char *path)
{
    int          n;
    const char  *value, *home;

    value = social_net_credentials_variable(source, variable);
    home = social_net_credentials_variable(source, SOCIAL_NET_HOME);

    if (value[0] == '\0' && home[0] == '\0') {
        return false;
    }

    n = value[0] != '\0' ? snprintf(path, PATH_MAX, "%s", value)
                         : snprintf(path, PATH_MAX, "%s/.aws/%s", home, usual);

    return n < PATH_MAX;
}


static social_rc_e
social_net_credentials_profile(const social_net_credentials_source_t *source,
    const social_net_credentials_shared_t *shared,
    social_net_credentials_plan_t *plan, char *error)
{
    social_rc_e                          rc;
    const social_credentials_profile_t  *p;

    p = &shared->profile;

    /* a role goes before keys, which are then those to assume it with */

    if (p->unsupported.len) {
        return social_net_credentials_failed(error,
                   "\"%.*s\" of profile \"%.48s\" is not supported: use keys, "
                   "a role with web_identity_token_file, or a file that "
                   "another program keeps up to date",
                   (int) p->unsupported.len,
                   (const char *) p->unsupported.data, source->value);
    }

    if (p->role.len) {
        rc = social_net_credentials_role(source, p->role, p->session,
                                         p->token_file, p->region, plan,
                                         error);
        if (rc == SOCIAL_OK) {
            plan->kind = SOCIAL_NET_CREDENTIALS_WEB_IDENTITY;
        }

        return rc;
    }

    if (p->keys.access_key.len == 0 || p->keys.secret.len == 0) {
        return social_net_credentials_failed(error,
                   "profile \"%.48s\" of \"%.64s\" lacks aws_access_key_id or "
                   "aws_secret_access_key", source->value, shared->paths[0]);
    }

    plan->kind = SOCIAL_NET_CREDENTIALS_ENV;

    return social_net_credentials_keep(plan, &p->keys, error);
}


static social_rc_e
social_net_credentials_role(const social_net_credentials_source_t *source,
    social_str_t role, social_str_t session, social_str_t token_file,
    social_str_t region, social_net_credentials_plan_t *plan, char *error)
{
    const char    *must, *url;
    social_buf_t   b;
    unsigned char  sts[SOCIAL_CREDENTIALS_MAX_URL];

    if (session.len == 0) {
        session = social_str("ngx_social_module");
    }

    if (region.len == 0) {
        region = social_str(social_net_credentials_variable(source,
                                                       SOCIAL_NET_REGION));
    }

    if (region.len == 0) {
        region = social_str(social_net_credentials_variable(source,
                                                SOCIAL_NET_DEFAULT_REGION));
    }

    if (region.len == 0) {
        region = social_str(source->region);
    }

    must = social_credentials_check_role(role);

    if (must != NULL) {
        return social_net_credentials_failed(error, "the role (AWS_ROLE_ARN, "
                   "or role_arn of a profile) must %s", must);
    }

    must = social_credentials_check_session(session);

    if (must != NULL) {
        return social_net_credentials_failed(error, "the name of the session "
                   "(AWS_ROLE_SESSION_NAME, or role_session_name) must %s",
                   must);
    }

    if (token_file.len == 0 || token_file.len >= sizeof(plan->token_file)) {
        return social_net_credentials_failed(error, "a role needs a file with "
                   "a token (AWS_WEB_IDENTITY_TOKEN_FILE, or "
                   "web_identity_token_file of a profile)");
    }

    url = social_net_credentials_variable(source, SOCIAL_NET_ENDPOINT_URL_STS);

    if (url[0] != '\0') {
        must = social_credentials_check_endpoint(social_str(url));

        if (must != NULL) {
            return social_net_credentials_failed(error,
                       "AWS_ENDPOINT_URL_STS must %s", must);
        }

    } else {
        social_buf_init(&b, sts, sizeof(sts));

        if (!social_credentials_sts_url(&b, region)) {
            return social_net_credentials_failed(error, "no valid region is "
                       "known for STS (AWS_REGION, or region of a profile)");
        }
    }

    memcpy(plan->role, role.data, role.len);
    memcpy(plan->session, session.data, session.len);
    memcpy(plan->token_file, token_file.data, token_file.len);

    if (region.len < sizeof(plan->region)) {
        memcpy(plan->region, region.data, region.len);
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_container(const social_net_credentials_source_t *source,
    char *error)
{
    const char             *must, *value;
    social_net_variable_e   variable;

    variable = SOCIAL_NET_CONTAINER_RELATIVE_URI;
    value = social_net_credentials_variable(source, variable);

    if (value[0] != '\0') {
        must = social_credentials_check_path(social_str(value));

    } else {
        variable = SOCIAL_NET_CONTAINER_FULL_URI;
        value = social_net_credentials_variable(source, variable);

        if (value[0] == '\0') {
            return social_net_credentials_failed(error, "the environment has "
                       "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        }

        must = social_credentials_check_container(social_str(value));
    }

    if (must != NULL) {
        return social_net_credentials_failed(error, "%s must %s",
                   social_net_environment_name(variable), must);
    }

    variable = SOCIAL_NET_CONTAINER_TOKEN;
    value = social_net_credentials_variable(source, variable);

    if (value[0] != '\0'
        && social_net_credentials_variable(source,
               SOCIAL_NET_CONTAINER_TOKEN_FILE)[0] == '\0')
    {
        must = social_credentials_check_token(social_str(value));

        if (must != NULL) {
            return social_net_credentials_failed(error, "%s must %s",
                       social_net_environment_name(variable), must);
        }
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_instance(const social_net_credentials_source_t *source,
    char *error)
{
    const char  *must, *url;

    if (social_net_environment_is_true(&source->environment,
                                       SOCIAL_NET_METADATA_DISABLED))
    {
        return social_net_credentials_failed(error,
                   "AWS_EC2_METADATA_DISABLED is true");
    }

    url = social_net_credentials_variable(source, SOCIAL_NET_METADATA_ENDPOINT);
    must = url[0] == '\0' ? NULL
                          : social_credentials_check_endpoint(social_str(url));

    if (must != NULL) {
        return social_net_credentials_failed(error,
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT must %s", must);
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_keep(social_net_credentials_plan_t *plan,
    const social_credentials_t *keys, char *error)
{
    const char  *why;

    why = social_credentials_check(keys);

    if (why != NULL) {
        return social_net_credentials_failed(error, "%s", why);
    }

    return social_net_credentials_copy(&plan->keys, keys) == SOCIAL_OK
           ? SOCIAL_OK : social_net_credentials_failed(error, "out of memory");
}


social_rc_e
social_net_credentials_load(const char *path,
    social_net_credentials_t *credentials, char *error)
{
    int      fd;
    size_t   len;
    ssize_t  n;

    memset(credentials, 0, sizeof(social_net_credentials_t));

    /* a pipe in its place would hold up who reads it */

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK);

    if (fd == -1) {
        n = errno;

        social_net_credentials_failed(error,
            "open() \"%.128s\" failed (%d: %s)", path, errno,
            strerror(errno));

        return n == ENOENT || n == ENOTDIR ? SOCIAL_MALFORMED
                                           : SOCIAL_DECLINED;
    }

    credentials->size = SOCIAL_NET_CREDENTIALS_MAX + 1;
    credentials->data = social_net_private_alloc(credentials->size);

    if (credentials->data == NULL) {
        close(fd);
        credentials->size = 0;
        return social_net_credentials_failed(error, "out of memory");
    }

    len = 0;

    do {
        n = read(fd, credentials->data + len, credentials->size - len);

        if (n > 0) {
            len += (size_t) n;
        }
    } while (n > 0);

    if (n == -1) {
        social_net_credentials_failed(error,
            "read() \"%.128s\" failed (%d: %s)", path, errno,
            strerror(errno));

    } else if (len > SOCIAL_NET_CREDENTIALS_MAX) {
        n = -1;
        social_net_credentials_failed(error,
            "\"%.128s\" is larger than %d bytes", path,
            SOCIAL_NET_CREDENTIALS_MAX);
    }

    close(fd);

    if (n != 0) {
        social_net_credentials_free(credentials);
        return SOCIAL_DECLINED;
    }

    /* the rest of its pages is wiped with it */

    credentials->size = len;

    return SOCIAL_OK;
}


static const char *
social_net_credentials_variable(const social_net_credentials_source_t *source,
    social_net_variable_e variable)
{
    return source->environment.values[variable];
}
