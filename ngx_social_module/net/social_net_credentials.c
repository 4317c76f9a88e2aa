
/*
 * The credentials of a bucket, out of the environment or a file.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_net_credentials.h"
#include "social_sigv4.h"


static social_rc_e social_net_credentials_env(
    social_net_credentials_t *credentials, char *error);
static social_rc_e social_net_credentials_shared(const char *profile,
    social_net_credentials_t *credentials, char *error);
static social_rc_e social_net_credentials_file(const char *path,
    const char *profile, social_net_credentials_t *credentials, char *error);
static social_rc_e social_net_credentials_load(const char *path,
    social_net_credentials_t *credentials, char *error);
static const char *social_net_credentials_getenv(const char *name);
static social_rc_e social_net_credentials_failed(char *error,
    const char *format, ...)
    __attribute__((format(printf, 2, 3)));


social_rc_e
social_net_credentials_read(const char *source, const char *value,
    social_net_credentials_t *credentials, char *error)
{
    social_rc_e  rc;

    memset(credentials, 0, sizeof(social_net_credentials_t));

    if (strcmp(source, "env") == 0) {
        rc = social_net_credentials_env(credentials, error);

    } else if (strcmp(source, "file") == 0 && value[0] != '\0') {
        rc = social_net_credentials_file(value, "default", credentials, error);

    } else if (strcmp(source, "profile") == 0 && value[0] != '\0') {
        rc = social_net_credentials_shared(value, credentials, error);

    } else {
        rc = social_net_credentials_failed(error, "credentials must be "
                 "\"env\", \"file PATH\" or \"profile NAME\"");
    }

    if (rc == SOCIAL_OK
        && (credentials->keys.access_key.len > SOCIAL_SIGV4_MAX_ACCESS_KEY
            || credentials->keys.secret.len > SOCIAL_SIGV4_MAX_SECRET))
    {
        rc = social_net_credentials_failed(error, "the access key or its "
                                           "secret is too long");
    }

    if (rc != SOCIAL_OK) {
        social_net_credentials_free(credentials);
    }

    return rc;
}


social_rc_e
social_net_credentials_read_text(const char *text,
    social_net_credentials_t *credentials, char *error)
{
    char    source[8];
    size_t  len;

    len = strcspn(text, " ");

    snprintf(source, sizeof(source), "%.*s", (int) (len < 8 ? len : 0), text);

    return social_net_credentials_read(source,
                                       text + len + strspn(text + len, " "),
                                       credentials, error);
}


void
social_net_credentials_free(social_net_credentials_t *credentials)
{
    if (credentials->data != NULL) {
        explicit_bzero(credentials->data, credentials->size);
        free(credentials->data);
    }

    memset(credentials, 0, sizeof(social_net_credentials_t));
}


/* a copy, so that all of them have one owner */

static social_rc_e
social_net_credentials_env(social_net_credentials_t *credentials, char *error)
{
    size_t         i, len;
    const char    *value;
    social_str_t  *keys[3];

    static const char *const  names[3] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
    };

    if (social_net_credentials_getenv(names[0])[0] == '\0') {

        value = social_net_credentials_getenv("AWS_PROFILE");

        if (value[0] != '\0') {
            return social_net_credentials_shared(value, credentials, error);
        }
    }

    for (i = 0; i < 2; i++) {
        if (social_net_credentials_getenv(names[i])[0] == '\0') {
            return social_net_credentials_failed(error,
                       "the environment has no %s", names[i]);
        }
    }

    for (i = 0; i < 3; i++) {
        credentials->size +=
                        strlen(social_net_credentials_getenv(names[i])) + 1;
    }

    credentials->data = malloc(credentials->size);

    if (credentials->data == NULL) {
        return social_net_credentials_failed(error, "out of memory");
    }

    keys[0] = &credentials->keys.access_key;
    keys[1] = &credentials->keys.secret;
    keys[2] = &credentials->keys.token;

    len = 0;

    for (i = 0; i < 3; i++) {
        value = social_net_credentials_getenv(names[i]);
        keys[i]->data = credentials->data + len;
        keys[i]->len = strlen(value);
        memcpy(credentials->data + len, value, keys[i]->len);
        len += keys[i]->len;
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_shared(const char *profile,
    social_net_credentials_t *credentials, char *error)
{
    char         path[PATH_MAX];
    const char  *file, *home;

    file = social_net_credentials_getenv("AWS_SHARED_CREDENTIALS_FILE");

    if (file[0] != '\0') {
        return social_net_credentials_file(file, profile, credentials, error);
    }

    home = social_net_credentials_getenv("HOME");

    if (home[0] == '\0'
        || snprintf(path, sizeof(path), "%s/.aws/credentials", home)
           >= (int) sizeof(path))
    {
        return social_net_credentials_failed(error, "the environment has "
                   "neither AWS_SHARED_CREDENTIALS_FILE nor HOME");
    }

    return social_net_credentials_file(path, profile, credentials, error);
}


static social_rc_e
social_net_credentials_file(const char *path, const char *profile,
    social_net_credentials_t *credentials, char *error)
{
    social_str_t  text;

    if (social_net_credentials_load(path, credentials, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    text.data = credentials->data;
    text.len = credentials->size;

    switch (social_credentials_parse(text, social_str(profile),
                                     &credentials->keys))
    {
    case SOCIAL_OK:
        return SOCIAL_OK;

    case SOCIAL_DECLINED:
        return social_net_credentials_failed(error,
                   "\"%.128s\" has no profile \"[%.64s]\"", path, profile);

    default:
        return social_net_credentials_failed(error, "profile \"[%.64s]\" of "
                   "\"%.128s\" lacks aws_access_key_id or "
                   "aws_secret_access_key", profile, path);
    }
}


static social_rc_e
social_net_credentials_load(const char *path,
    social_net_credentials_t *credentials, char *error)
{
    int      fd;
    ssize_t  n;

    /* a pipe in its place would hold up who reads it */

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1) {
        return social_net_credentials_failed(error,
                   "open() \"%.128s\" failed (%d: %s)", path, errno,
                   strerror(errno));
    }

    credentials->data = malloc(SOCIAL_NET_CREDENTIALS_MAX + 1);
    n = -1;

    if (credentials->data == NULL) {
        close(fd);
        return social_net_credentials_failed(error, "out of memory");
    }

    do {
        if (n > 0) {
            credentials->size += (size_t) n;
        }

        n = read(fd, credentials->data + credentials->size,
                 SOCIAL_NET_CREDENTIALS_MAX + 1 - credentials->size);
    } while (n > 0);

    if (n == -1) {
        social_net_credentials_failed(error,
            "read() \"%.128s\" failed (%d: %s)", path, errno,
            strerror(errno));

    } else if (credentials->size > SOCIAL_NET_CREDENTIALS_MAX) {
        n = -1;
        social_net_credentials_failed(error,
            "\"%.128s\" is larger than %d bytes", path,
            SOCIAL_NET_CREDENTIALS_MAX);
    }

    close(fd);

    return n == 0 ? SOCIAL_OK : SOCIAL_DECLINED;
}


static const char *
social_net_credentials_getenv(const char *name)
{
    const char  *value;

    value = getenv(name);

    return value != NULL ? value : "";
}


static social_rc_e
social_net_credentials_failed(char *error, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    vsnprintf(error, SOCIAL_NET_ERROR_SIZE, format, args);
    va_end(args);

    return SOCIAL_DECLINED;
}
