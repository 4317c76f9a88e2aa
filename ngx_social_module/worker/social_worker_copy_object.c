
/*
 * Copies of single objects, each verified.
 *
 * The bytes go through a file without a name, so that their digest is known
 * before they are put: it is in the signature and among the headers, and the
 * store refuses other bytes.  What it has made of them is asked afterwards.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "social_encoding.h"
#include "social_worker_copy_object.h"


#define SOCIAL_WORKER_COPY_ATTEMPTS  4


static social_rc_e social_worker_copy_once(social_worker_copy_object_t *copy,
    social_str_t key, bool *again);
static social_rc_e social_worker_copy_get(social_worker_copy_object_t *copy,
    social_str_t key);
static social_rc_e social_worker_copy_source(social_worker_copy_object_t *copy,
    social_str_t key, int fd);
static social_rc_e social_worker_copy_verify(social_worker_copy_object_t *copy,
    social_str_t key);
static bool social_worker_copy_has_headers(
    social_worker_copy_object_t *copy);
static bool social_worker_copy_is_sha256(const social_net_s3_whole_t *object,
    const unsigned char *digest);
static bool social_worker_copy_is_md5(const social_net_s3_whole_t *object,
    const unsigned char *digest);


bool
social_worker_copy_object_init(social_worker_copy_object_t *copy,
    const social_net_s3_t *from, social_net_root_t *root,
    const social_net_s3_t *to)
{
    const char  *directory;

    copy->from = from;
    copy->root = root;
    copy->to = to;

    directory = getenv("TMPDIR");

    copy->file = open(directory ? directory : "/var/tmp",
                      O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (copy->file == -1) {
        return false;
    }

    copy->session = social_net_session_create();

    if (copy->session == NULL) {
        close(copy->file);
        errno = ENOMEM;
        return false;
    }

    return true;
}


void
social_worker_copy_object_free(social_worker_copy_object_t *copy)
{
    social_net_session_free(copy->session);
    close(copy->file);
}


social_rc_e
social_worker_copy_object(social_worker_copy_object_t *copy, social_str_t key,
    uint64_t size)
{
    bool             again;
    unsigned         attempt;
    social_rc_e      rc;
    struct timespec  pause;

    if (size > SOCIAL_NET_S3_MAX_PUT) {
        snprintf(copy->error, SOCIAL_NET_ERROR_SIZE,
                 "it is larger than 5 GB, which takes a multipart upload");
        return SOCIAL_FAILED;
    }

    for (attempt = 1; ; attempt++) {

        rc = social_worker_copy_once(copy, key, &again);

        if (rc != SOCIAL_FAILED || !again
            || attempt == SOCIAL_WORKER_COPY_ATTEMPTS)
        {
            return rc;
        }

        /* a quarter of a second, one, four */

        pause.tv_sec = attempt == 1 ? 0 : attempt == 2 ? 1 : 4;
        pause.tv_nsec = attempt == 1 ? 250000000 : 0;
        nanosleep(&pause, NULL);
    }
}


static social_rc_e
social_worker_copy_once(social_worker_copy_object_t *copy, social_str_t key,
    bool *again)
{
    social_rc_e  rc;

    rc = social_worker_copy_get(copy, key);

    if (rc != SOCIAL_OK) {
        *again = social_worker_copy_helps(copy->got.status);
        return rc;
    }

    if (copy->got.size > SOCIAL_NET_S3_MAX_PUT) {
        *again = false;
        snprintf(copy->error, SOCIAL_NET_ERROR_SIZE,
                 "it is larger than 5 GB, which takes a multipart upload");
        return SOCIAL_FAILED;
    }

    rc = social_net_s3_put_whole(copy->to, copy->session, key, copy->file,
                                 &copy->got, copy->error);

    if (rc != SOCIAL_OK) {
        *again = copy->got.timed_out
                 || social_worker_copy_helps(copy->got.status);
        return rc;
    }

    rc = social_worker_copy_verify(copy, key);

    *again = social_worker_copy_helps(copy->put.status);

    return rc;
}


/*
 * Gets the bytes to the file, and compares them with what their store says of
 * them: an ETag that is another text than their MD5 says nothing.
 */

static social_rc_e
social_worker_copy_get(social_worker_copy_object_t *copy, social_str_t key)
{
    social_rc_e  rc;

    copy->got.status = 0;

    if (ftruncate(copy->file, 0) == -1
        || lseek(copy->file, 0, SEEK_SET) == -1)
    {
        snprintf(copy->error, SOCIAL_NET_ERROR_SIZE, "%s", strerror(errno));
        return SOCIAL_FAILED;
    }

    rc = social_worker_copy_source(copy, key, copy->file);

    if (rc == SOCIAL_OK && copy->got.sha256.len
        && !social_worker_copy_is_sha256(&copy->got, copy->got.sha256_digest))
    {
        snprintf(copy->error, SOCIAL_NET_ERROR_SIZE,
                 "its bytes are not those of its SHA-256");
        return SOCIAL_FAILED;
    }

    return rc;
}


static social_rc_e
social_worker_copy_source(social_worker_copy_object_t *copy, social_str_t key,
    int fd)
{
    if (copy->from == NULL) {
        return social_net_root_get(copy->root, key, fd, &copy->got,
                                   copy->error);
    }

    return social_net_s3_get_whole(copy->from, copy->session, key, fd,
                                   &copy->got, copy->error);
}


static social_rc_e
social_worker_copy_verify(social_worker_copy_object_t *copy, social_str_t key)
{
    social_rc_e  rc;

    copy->put.status = 0;

    rc = social_net_s3_head(copy->to, copy->session, key, &copy->put,
                            copy->error);

    if (rc != SOCIAL_OK || !social_worker_copy_has_headers(copy)) {
        return SOCIAL_FAILED;
    }

    if (copy->put.size == copy->got.size) {

        if (copy->put.sha256.len) {

            if (social_worker_copy_is_sha256(&copy->put,
                                             copy->got.sha256_digest))
            {
                return SOCIAL_OK;
            }

        } else if (social_worker_copy_is_md5(&copy->put,
                                             copy->got.md5_digest))
        {
            return SOCIAL_OK;

        } else {

            rc = social_net_s3_get_whole(copy->to, copy->session, key, -1,
                                         &copy->put, copy->error);

            if (rc != SOCIAL_OK) {
                return SOCIAL_FAILED;
            }

            if (memcmp(copy->put.sha256_digest, copy->got.sha256_digest,
                       SOCIAL_SHA256_SIZE)
                == 0)
            {
                return SOCIAL_OK;
            }
        }
    }

    snprintf(copy->error, SOCIAL_NET_ERROR_SIZE,
             "the copy does not have the same bytes");

    return SOCIAL_FAILED;
}


social_rc_e
social_worker_copy_object_compare(social_worker_copy_object_t *copy,
    social_str_t key)
{
    if (social_net_s3_head(copy->to, copy->session, key, &copy->put,
                           copy->error)
        != SOCIAL_OK
        || copy->put.sha256.len == 0
        || (copy->from
            && social_net_s3_head(copy->from, copy->session, key, &copy->got,
                                  copy->error)
               != SOCIAL_OK))
    {
        return SOCIAL_DECLINED;
    }

    if (copy->from && copy->got.sha256.len) {
        return social_str_eq(copy->got.sha256, copy->put.sha256)
               ? SOCIAL_OK : SOCIAL_DECLINED;
    }

    /* the copy is not read, and nothing is put */

    if (social_worker_copy_source(copy, key, -1) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    return social_worker_copy_is_sha256(&copy->put, copy->got.sha256_digest)
           ? SOCIAL_OK : SOCIAL_DECLINED;
}


/*
 * What was kept beside the bytes; the other store may have more.
 */

static bool
social_worker_copy_has_headers(social_worker_copy_object_t *copy)
{
    size_t                        i, k;
    const social_sigv4_header_t  *a, *b;

    for (i = 0; i < copy->got.header_count; i++) {

        a = &copy->got.headers[i];

        for (k = 0; k < copy->put.header_count; k++) {

            b = &copy->put.headers[k];

            if (social_str_caseeq(a->name, b->name)
                && social_str_eq(a->value, b->value))
            {
                break;
            }
        }

        if (k == copy->put.header_count) {
            snprintf(copy->error, SOCIAL_NET_ERROR_SIZE,
                     "the copy does not have the same \"%.*s\" header",
                     (int) a->name.len, (const char *) a->name.data);
            return false;
        }
    }

    return true;
}


static bool
social_worker_copy_is_sha256(const social_net_s3_whole_t *object,
    const unsigned char *digest)
{
    size_t         len;
    social_str_t   text;
    unsigned char  base64[social_base64_size(SOCIAL_SHA256_SIZE)];

    text.data = digest;
    text.len = SOCIAL_SHA256_SIZE;

    len = social_base64_encode(text, base64);

    text.data = base64;
    text.len = len;

    return social_str_eq(object->sha256, text);
}


static bool
social_worker_copy_is_md5(const social_net_s3_whole_t *object,
    const unsigned char *digest)
{
    social_str_t   text;
    unsigned char  hex[social_hex_size(SOCIAL_MD5_SIZE)];

    text.data = digest;
    text.len = SOCIAL_MD5_SIZE;
    social_hex_encode(text, hex);

    text.data = hex;
    text.len = sizeof(hex);

    return social_str_caseeq(object->etag, text);
}


bool
social_worker_copy_helps(long status)
{
    return status == 0 || status == 429 || status >= 500;
}
