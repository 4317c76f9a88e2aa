
/*
 * A directory in the place of a bucket: each object a file at its key.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "social_worker_directory.h"


static bool social_worker_directory_path(const social_worker_bucket_t *bucket,
    const char *key, char path[PATH_MAX]);
static social_rc_e social_worker_directory_copy(int in, int out,
    uint64_t max_size, uint64_t *size, char *error);
static int social_worker_directory_make(char *path, size_t root);
static social_rc_e social_worker_directory_failed(char *error,
    const char *what);


social_rc_e
social_worker_directory_get(const social_worker_bucket_t *bucket,
    const char *key, uint64_t max_size, int fd, uint64_t *size, char *error)
{
    int          in;
    char         path[PATH_MAX];
    social_rc_e  rc;
    struct stat  st;

    if (!social_worker_directory_path(bucket, key, path)) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "no file has such a name");
        return SOCIAL_DECLINED;
    }

    in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (in == -1) {
        rc = errno == ENOENT || errno == ENOTDIR ? SOCIAL_DECLINED
                                                 : SOCIAL_FAILED;
        social_worker_directory_failed(error, "open");

        /* nothing is there where the bucket itself is not */

        if (rc == SOCIAL_DECLINED && (stat(bucket->directory, &st) == -1
                                      || !S_ISDIR(st.st_mode)))
        {
            rc = SOCIAL_FAILED;
        }

        return rc;
    }

    rc = social_worker_directory_copy(in, fd, max_size, size, error);
    close(in);

    return rc;
}


social_rc_e
social_worker_directory_put(const social_worker_bucket_t *bucket,
    const social_worker_object_t *object, char *error)
{
    int         fd;
    char        path[PATH_MAX], temporary[PATH_MAX];
    size_t      done;
    ssize_t     n;

    if (!social_worker_directory_path(bucket, object->key, path)
        || snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path)
           >= (int) sizeof(temporary))
    {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "no file has such a name");
        return SOCIAL_FAILED;
    }

    if (social_worker_directory_make(path, strlen(bucket->directory)) == -1) {
        return social_worker_directory_failed(error, "mkdir");
    }

    fd = mkostemp(temporary, O_CLOEXEC);

    if (fd == -1) {
        return social_worker_directory_failed(error, "create");
    }

    for (done = 0; done < object->size; done += (size_t) n) {

        n = write(fd, object->data + done, object->size - done);

        if (n <= 0) {
            break;
        }
    }

    if (done < object->size || fchmod(fd, 0644) == -1 || fsync(fd) == -1
        || rename(temporary, path) == -1)
    {
        social_worker_directory_failed(error, "write");
        close(fd);
        unlink(temporary);
        return SOCIAL_FAILED;
    }

    close(fd);

    return SOCIAL_OK;
}


social_rc_e
social_worker_directory_delete(const social_worker_bucket_t *bucket,
    const char *key, char *error)
{
    char  path[PATH_MAX];

    if (!social_worker_directory_path(bucket, key, path)) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "no file has such a name");
        return SOCIAL_FAILED;
    }

    if (unlink(path) == -1 && errno != ENOENT && errno != ENOTDIR) {
        return social_worker_directory_failed(error, "unlink");
    }

    return SOCIAL_OK;
}


social_rc_e
social_worker_directory_check(const social_worker_bucket_t *bucket,
    char *error)
{
    struct stat  st;

    if (stat(bucket->directory, &st) == -1) {
        return social_worker_directory_failed(error, bucket->directory);
    }

    if (!S_ISDIR(st.st_mode)) {
        snprintf(error, SOCIAL_WORKER_STORE_ERROR, "%.200s is no directory",
                 bucket->directory);
        return SOCIAL_FAILED;
    }

    if (access(bucket->directory, R_OK | W_OK | X_OK) == -1) {
        return social_worker_directory_failed(error, bucket->directory);
    }

    return SOCIAL_OK;
}


/*
 * A key that is no plain path below the directory ("..", "//", a "/" at either
 * end) has no file.
 */

static bool
social_worker_directory_path(const social_worker_bucket_t *bucket,
    const char *key, char path[PATH_MAX])
{
    size_t       len;
    const char  *p;

    for (p = key; /* void */ ; p += len + 1) {

        len = strcspn(p, "/");

        if (len == 0 || (len == 1 && p[0] == '.')
            || (len == 2 && p[0] == '.' && p[1] == '.'))
        {
            return false;
        }

        if (p[len] == '\0') {
            break;
        }
    }

    return snprintf(path, PATH_MAX, "%s/%s", bucket->directory, key)
           < PATH_MAX;
}


static social_rc_e
social_worker_directory_copy(int in, int out, uint64_t max_size,
    uint64_t *size, char *error)
{
    char     buf[65536];
    ssize_t  n;

    *size = 0;

    for (;;) {

        n = read(in, buf, sizeof(buf));

        if (n == 0) {
            return SOCIAL_OK;
        }

        if (n < 0) {
            return social_worker_directory_failed(error, "read");
        }

        *size += (uint64_t) n;

        if (*size > max_size) {
            snprintf(error, SOCIAL_WORKER_STORE_ERROR,
                     "it is larger than %llu bytes",
                     (unsigned long long) max_size);
            return SOCIAL_MALFORMED;
        }

        if (write(out, buf, (size_t) n) != n) {
            return social_worker_directory_failed(error, "write");
        }
    }
}


static int
social_worker_directory_make(char *path, size_t root)
{
    char  *p;

    for (p = path + root + 1; (p = strchr(p, '/')) != NULL; p++) {

        *p = '\0';

        if (mkdir(path, 0755) == -1 && errno != EEXIST) {
            return -1;
        }

        *p = '/';
    }

    return 0;
}


static social_rc_e
social_worker_directory_failed(char *error, const char *what)
{
    snprintf(error, SOCIAL_WORKER_STORE_ERROR, "%.128s: %s", what,
             strerror(errno));

    return SOCIAL_FAILED;
}
