
/*
 * The client of S3, against a server of this program's own that answers what a
 * key asks for.  That its requests are signed as stores expect is for
 * t/125-objects.t.
 */

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_net_credentials.h"
#include "social_net_s3.h"


#define XML  "<?xml version=\"1.0\"?>\n<Error><Code>"


static const struct {
    const char  *key;
    const char  *answer;
} answers[] = {
    { "whole", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789" },
    { "empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { "short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234" },
    { "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n" },
    { "created", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" },
    { "gone", "HTTP/1.1 204 No Content\r\n\r\n" },
    { "another", "HTTP/1.1 412 Precondition Failed\r\n"
                 "Content-Length: 0\r\n\r\n" },
    { "matched", "HTTP/1.1 204 No Content\r\n\r\n" },
    { "part", "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n01" },
    { "missing", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"
                 XML "NoSuchKey</Code></Error>" },
    { "bucketless", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"
                    XML "NoSuchBucket</Code></Error>" },
    { "plain", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nnothing" },
    { "denied", "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n"
                XML "AccessDenied</Code></Error>" },
    { "key", "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n"
             XML "Invalid\x1b[0m</Code></Error>" },
    { "moved", "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
               "Location: /bucket/whole\r\n\r\n" },
    { "busy", "HTTP/1.1 503 Slow Down\r\nConnection: close\r\n\r\n"
              XML "SlowDown</Code></Error>" },
    { "endless", "HTTP/1.1 502 Bad Gateway\r\n\r\n" },
    { "junk", "SSH-2.0-OpenSSH\r\n" },
    { "slow", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" },
    { "social-worker-check", "HTTP/1.1 403 Forbidden\r\n"
                             "Connection: close\r\n\r\n"
                             XML "AccessDenied</Code></Error>" },
};


static pid_t            server;
static char             url[64];
static social_bucket_t  bucket;
static char             error[SOCIAL_NET_ERROR_SIZE];

static const social_credentials_t  keys = {
    social_string("AKID"), social_string("secret"), social_string(""), 0
};

static social_net_s3_t  s3 = { &bucket, 20000, NULL, &keys, NULL };


static void
answer(int fd)
{
    char     buf[16384], key[64];
    size_t   i, len;
    ssize_t  n;

    len = 0;

    do {
        n = read(fd, buf + len, sizeof(buf) - 1 - len);
        len += n > 0 ? (size_t) n : 0;
        buf[len] = '\0';
    } while (n > 0 && strstr(buf, "\r\n\r\n") == NULL);

    if (sscanf(buf, "%*s /bucket/%63s", key) != 1) {
        return;
    }

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {

        if (strcmp(answers[i].key, key) != 0
            || (strcmp(key, "matched") == 0
                && strcasestr(buf, "\r\nif-match: \"e\"\r\n") == NULL))
        {
            continue;
        }

        n = write(fd, answers[i].answer, strlen(answers[i].answer));
    }

    /* without an end: as much as is read, or a byte now and then */

    memset(buf, 'x', sizeof(buf));

    while (strcmp(key, "endless") == 0 && write(fd, buf, sizeof(buf)) > 0) {
        /* void */
    }

    while (strcmp(key, "slow") == 0 && write(fd, "x", 1) == 1) {
        usleep(50000);
    }
}


static int
start(void **state)
{
    int                  fd, client;
    const char          *why;
    social_buf_t         text;
    socklen_t            len;
    struct sockaddr_in   sin;
    static unsigned char none[1];

    (void) state;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 16) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1
        || social_net_init() != SOCIAL_OK)
    {
        return -1;
    }

    server = fork();

    if (server == 0) {
        signal(SIGPIPE, SIG_IGN);
        alarm(300);

        for ( ;; ) {
            client = accept(fd, NULL, NULL);
            answer(client);
            close(client);
        }
    }

    close(fd);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sin.sin_port));
    social_buf_init(&text, none, sizeof(none));

    return server == -1
           || social_bucket_init(&bucket, S("bucket"), S("eu-west-1"),
                                 social_str(url), SOCIAL_BUCKET_USUAL_STYLE,
                                 &text, &why) != SOCIAL_OK;
}


static int
stop(void **state)
{
    (void) state;

    kill(server, SIGKILL);
    waitpid(server, NULL, 0);

    return 0;
}


static social_rc_e
get(const char *key, uint64_t max_size, social_net_s3_body_t *body)
{
    memset(body, 0, sizeof(social_net_s3_body_t));
    memset(error, 0, sizeof(error));
    body->fd = -1;
    body->max_size = max_size;

    return social_net_s3_get(&s3, key, body, error);
}


static void
fails(const char *key, social_rc_e rc, const char *what)
{
    social_net_s3_body_t  body;

    assert_int_equal(get(key, 100, &body), rc);
    assert_null(body.data);

    if (strstr(error, what) == NULL) {
        fail_msg("%s: \"%s\" is not in \"%s\"", key, what, error);
    }
}


static void
test_get(void **state)
{
    social_net_s3_body_t  body;

    (void) state;

    assert_int_equal(get("whole", 10, &body), SOCIAL_OK);
    assert_int_equal(body.size, 10);
    assert_memory_equal(body.data, "0123456789", 10);
    free(body.data);

    assert_int_equal(get("chunked", 10, &body), SOCIAL_OK);
    assert_int_equal(body.size, 10);
    assert_memory_equal(body.data, "0123456789", 10);
    free(body.data);

    assert_int_equal(get("empty", 0, &body), SOCIAL_OK);
    assert_int_equal(body.size, 0);
    free(body.data);

    assert_int_equal(get("whole", 9, &body), SOCIAL_MALFORMED);
    assert_null(body.data);
    assert_string_equal(error, "it is larger than 9 bytes");
    assert_int_equal(get("chunked", 7, &body), SOCIAL_MALFORMED);
    assert_null(body.data);

    fails("missing", SOCIAL_DECLINED, "status 404, NoSuchKey");
    fails("plain", SOCIAL_DECLINED, "status 404");
    fails("bucketless", SOCIAL_FAILED, "status 404, NoSuchBucket");
    fails("denied", SOCIAL_FAILED, "status 403, AccessDenied");
    fails("busy", SOCIAL_FAILED, "status 503, SlowDown");
    fails("endless", SOCIAL_FAILED, "status 502");
    fails("part", SOCIAL_FAILED, "status 206");
    fails("moved", SOCIAL_FAILED, "status 307");
    fails("short", SOCIAL_FAILED, "");
    fails("junk", SOCIAL_FAILED, "");
    fails("none", SOCIAL_FAILED, "");
    fails("", SOCIAL_FAILED, "signed");

    /* control sequences are not an error code */

    fails("key", SOCIAL_FAILED, "status 403");
    assert_null(strchr(error, '\x1b'));
}


static void
test_file(void **state)
{
    char                   buf[16];
    social_net_s3_body_t   body;

    (void) state;

    memset(&body, 0, sizeof(body));
    body.max_size = 10;
    body.fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(body.fd != -1);

    assert_int_equal(social_net_s3_get(&s3, "whole", &body, error),
                     SOCIAL_OK);
    assert_null(body.data);
    assert_int_equal(body.size, 10);
    assert_int_equal(pread(body.fd, buf, sizeof(buf), 0), 10);
    assert_memory_equal(buf, "0123456789", 10);
    close(body.fd);

    body.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(social_net_s3_get(&s3, "whole", &body, error),
                     SOCIAL_FAILED);
    assert_string_equal(error, "No space left on device");
    close(body.fd);
}


static void
test_others(void **state)
{
    char                    etag[127];
    social_net_s3_object_t  object;

    (void) state;

    assert_int_equal(social_net_s3_delete(&s3, "gone", error), SOCIAL_OK);
    assert_int_equal(social_net_s3_delete(&s3, "missing", error), SOCIAL_OK);
    assert_int_equal(social_net_s3_delete(&s3, "bucketless", error),
                     SOCIAL_FAILED);
    assert_int_equal(social_net_s3_delete(&s3, "denied", error),
                     SOCIAL_FAILED);

    /* one that has an ETag, or any */

    assert_int_equal(social_net_s3_delete_if(&s3, "matched", "e", error),
                     SOCIAL_OK);
    assert_int_equal(social_net_s3_delete_if(&s3, "matched", "", error),
                     SOCIAL_FAILED);
    assert_int_equal(social_net_s3_delete_if(&s3, "another", "e", error),
                     SOCIAL_DECLINED);

    memset(etag, 'e', sizeof(etag) - 1);
    etag[sizeof(etag) - 1] = '\0';
    assert_int_equal(social_net_s3_delete_if(&s3, "matched", etag, error),
                     SOCIAL_FAILED);
    assert_string_equal(error, "its ETag is too long");

    object.key = "created";
    object.data = (const unsigned char *) "x";
    object.size = 0;
    object.content_type = "image/jpeg";
    object.cache_control = "no-cache";

    assert_int_equal(social_net_s3_put(&s3, &object, error), SOCIAL_OK);
    object.key = "missing";
    assert_int_equal(social_net_s3_put(&s3, &object, error), SOCIAL_FAILED);
    object.key = "moved";
    assert_int_equal(social_net_s3_put(&s3, &object, error), SOCIAL_FAILED);

    /* a header that would be two */

    object.key = "created";
    object.cache_control = "no-cache\r\nx-evil: 1";
    assert_int_equal(social_net_s3_put(&s3, &object, error), SOCIAL_FAILED);
    assert_non_null(strstr(error, "signed"));

    assert_int_equal(social_net_s3_check(&s3, error), SOCIAL_OK);
}


static void
test_time(void **state)
{
    time_t                 began;
    social_net_s3_t        hasty;
    social_net_s3_body_t   body;

    (void) state;

    memset(&body, 0, sizeof(body));
    body.fd = -1;
    body.max_size = 1000000;
    hasty = s3;
    hasty.timeout = 400;
    began = time(NULL);

    assert_int_equal(social_net_s3_get(&hasty, "slow", &body, error),
                     SOCIAL_FAILED);
    assert_true(time(NULL) - began < 20);
    assert_null(body.data);
}


static social_rc_e
read_keys(const char *text, const char *key)
{
    social_rc_e                       rc;
    social_net_credentials_t          c;
    social_net_credentials_source_t  *source;

    memset(&c, 0, sizeof(c));

    source = social_net_credentials_create(text, NULL, error);
    rc = source == NULL ? SOCIAL_DECLINED
                        : social_net_credentials_get(source, &c, error);
    social_net_credentials_destroy(source);

    if (rc == SOCIAL_OK) {
        assert_str(c.keys.access_key, key);
        assert_int_equal(c.keys.secret.len, 6);
        social_net_credentials_free(&c);
    }

    assert_null(c.data);

    return rc;
}


static void
test_credentials(void **state)
{
    int    fd;
    char   path[] = "/tmp/social-credentials-XXXXXX", text[128];
    char   big[300];

    static const char  file[] =
        "[backup]\naws_access_key_id = A1\naws_secret_access_key = secret\n"
        "[default]\naws_access_key_id = A2\naws_secret_access_key = secret\n"
        "[half]\naws_access_key_id = A3\n";

    (void) state;

    fd = mkstemp(path);
    assert_true(fd != -1);
    assert_int_equal(write(fd, file, strlen(file)), strlen(file));

    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("AWS_PROFILE");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);

    /* [default] is the one that counts, wherever it stands */

    snprintf(text, sizeof(text), "file %s", path);
    assert_int_equal(read_keys(text, "A2"), SOCIAL_OK);

    assert_int_equal(read_keys("profile backup", "A1"), SOCIAL_OK);
    assert_int_equal(read_keys("profile default", "A2"), SOCIAL_OK);
    assert_int_equal(read_keys("profile half", NULL), SOCIAL_DECLINED);
    assert_non_null(strstr(error, "lacks"));
    assert_int_equal(read_keys("profile none", NULL), SOCIAL_DECLINED);
    assert_non_null(strstr(error, "has the profile \"none\""));

    assert_int_equal(read_keys("env", NULL), SOCIAL_DECLINED);
    setenv("AWS_PROFILE", "backup", 1);
    assert_int_equal(read_keys("env", "A1"), SOCIAL_OK);
    setenv("AWS_ACCESS_KEY_ID", "A4", 1);
    assert_int_equal(read_keys("env", NULL), SOCIAL_DECLINED);
    assert_non_null(strstr(error, "AWS_SECRET_ACCESS_KEY"));
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_int_equal(read_keys("env", "A4"), SOCIAL_OK);

    assert_int_equal(read_keys("", NULL), SOCIAL_DECLINED);
    assert_int_equal(read_keys("file", NULL), SOCIAL_DECLINED);
    assert_int_equal(read_keys("file ", NULL), SOCIAL_DECLINED);
    assert_int_equal(read_keys("environment", NULL), SOCIAL_DECLINED);
    assert_int_equal(read_keys("file /nonexistent/x", NULL), SOCIAL_DECLINED);
    assert_non_null(strstr(error, "(2: No such file or directory)"));
    assert_int_equal(read_keys("file /tmp", NULL), SOCIAL_DECLINED);
    assert_int_equal(read_keys("file /dev/zero", NULL), SOCIAL_DECLINED);
    assert_non_null(strstr(error, "larger than 65536 bytes"));

    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    setenv("AWS_SECRET_ACCESS_KEY", big, 1);
    assert_int_equal(read_keys("env", NULL), SOCIAL_DECLINED);
    assert_null(strstr(error, "xxx"));

    close(fd);
    unlink(path);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_credentials),
    };

    return cmocka_run_group_tests_name("net_s3", tests, start, stop);
}
