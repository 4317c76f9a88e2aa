
/*
 * Credentials of containers, instances and STS, against a server of this
 * program's own that notes what it was asked.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "social_unit.h"
#include "social_credentials_reply.h"
#include "social_net_credentials.h"


#define MAX_SEEN  64


/* 127.0.0.2, since libcurl has no proxy for 127.0.0.1 anyway */

/* what the test tells the server, and the server the test */

typedef struct {
    int          token_status;       /* of PUT /latest/api/token */
    int          status;             /* of credentials */
    int          expires;            /* seconds from now */
    int          delay;              /* milliseconds */
    const char  *body;               /* instead of credentials */
    size_t       large;              /* or that many bytes */
    int          count;              /* of credentials given */
    int          seen_count;
    char         seen[MAX_SEEN][4096];
} shared_t;


static pid_t      server;
static shared_t  *shared;
static char       url[64], error[SOCIAL_NET_ERROR_SIZE];


static void
respond(int fd, int status, const char *body)
{
    char  text[4096];
    int   n;

    n = snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n%s", status, strlen(body), body);
    (void) !write(fd, text, (size_t) n);
}


static void
respond_large(int fd)
{
    char    text[4096];
    size_t  n, left;

    n = (size_t) snprintf(text, sizeof(text), "HTTP/1.1 200 X\r\n"
                          "Content-Length: %zu\r\n\r\n", shared->large);
    (void) !write(fd, text, n);

    memset(text, ' ', sizeof(text));

    for (left = shared->large; left > 0; left -= n) {
        n = left < sizeof(text) ? left : sizeof(text);

        if (write(fd, text, n) != (ssize_t) n) {
            return;
        }
    }
}


static void
answer(int fd)
{
    char        buf[8192], body[2048], when[32];
    char       *end, *length;
    size_t      len;
    time_t      t;
    ssize_t     n;
    struct tm   tm;

    len = 0;

    for ( ;; ) {
        n = read(fd, buf + len, sizeof(buf) - 1 - len);

        if (n <= 0) {
            return;
        }

        len += (size_t) n;
        buf[len] = '\0';
        end = strstr(buf, "\r\n\r\n");

        if (end == NULL) {
            continue;
        }

        length = strstr(buf, "Content-Length: ");

        if (length == NULL || length > end
            || strlen(end + 4) >= strtoul(length + 16, NULL, 10))
        {
            break;
        }
    }

    snprintf(shared->seen[shared->seen_count++ % MAX_SEEN],
             sizeof(shared->seen[0]), "%.4000s", buf);

    if (shared->delay) {
        usleep((useconds_t) shared->delay * 1000);
    }

    if (strncmp(buf, "PUT ", 4) == 0) {
        respond(fd, shared->token_status, "session-token");
        return;
    }

    if (strstr(buf, "GET /latest/meta-data/iam/security-credentials/ HTTP")) {
        respond(fd, shared->status == 404 ? 404 : 200, "web-role\n");
        return;
    }

    t = time(NULL) + shared->expires;
    gmtime_r(&t, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    shared->count++;

    if (shared->large) {
        respond_large(fd);
        return;
    }

    if (shared->body != NULL) {
        snprintf(body, sizeof(body), "%s", shared->body);

    } else if (strncmp(buf, "POST ", 5) == 0) {
        snprintf(body, sizeof(body), "<AssumeRoleWithWebIdentityResponse>"
                 "<AssumeRoleWithWebIdentityResult><Credentials>"
                 "<AccessKeyId>STS%d</AccessKeyId><SecretAccessKey>secret"
                 "</SecretAccessKey><SessionToken>session</SessionToken>"
                 "<Expiration>%s</Expiration></Credentials>"
                 "</AssumeRoleWithWebIdentityResult>"
                 "</AssumeRoleWithWebIdentityResponse>", shared->count, when);
    } else {
        snprintf(body, sizeof(body), "{\"Code\":\"Success\",\"AccessKeyId\":"
                 "\"GET%d\",\"SecretAccessKey\":\"secret\",\"Token\":"
                 "\"session\",\"Expiration\":\"%s\"}", shared->count, when);
    }

    respond(fd, shared->status, body);
}


static int
start(void **state)
{
    int                 fd, one;
    socklen_t           len;
    struct sockaddr_in  addr;

    (void) state;

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    len = sizeof(addr);

    if (bind(fd, (struct sockaddr *) &addr, len) == -1
        || listen(fd, 64) == -1
        || getsockname(fd, (struct sockaddr *) &addr, &len) == -1)
    {
        return -1;
    }

    snprintf(url, sizeof(url), "http://127.0.0.2:%d", ntohs(addr.sin_port));
    server = fork();

    if (server == 0) {
        signal(SIGPIPE, SIG_IGN);

        for ( ;; ) {
            one = accept(fd, NULL, NULL);

            if (one != -1) {
                answer(one);
                close(one);
            }
        }
    }

    close(fd);

    return server == -1 ? -1 : (int) social_net_init();
}


static int
stop(void **state)
{
    (void) state;

    kill(server, SIGKILL);
    waitpid(server, NULL, 0);

    return 0;
}


/* a clean environment, in which a request that goes through a proxy is lost */

static int
clean(void **state)
{
    int                  i;
    static const char  *const names[] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
        "HOME", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_V1_DISABLED",
        "AWS_CA_BUNDLE", NULL
    };

    (void) state;

    for (i = 0; names[i]; i++) {
        unsetenv(names[i]);
    }

    memset(shared, 0, sizeof(shared_t));
    shared->token_status = 200;
    shared->status = 200;
    shared->expires = 3600;

    return 0;
}


static void
write_file(const char *path, const char *text)
{
    FILE  *f;

    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}


/* the access key, or "" and the error */

static const char *
fetch(const char *text)
{
    static char                       key[64];
    social_net_credentials_t          c;
    social_net_credentials_source_t  *source;

    key[0] = '\0';
    error[0] = '\0';

    source = social_net_credentials_create(text, "eu-west-3", error);

    if (source != NULL
        && social_net_credentials_fetch(source, &c, error) == SOCIAL_OK)
    {
        snprintf(key, sizeof(key), "%.*s", (int) c.keys.access_key.len,
                 (const char *) c.keys.access_key.data);
        social_net_credentials_free(&c);
    }

    social_net_credentials_destroy(source);

    return key;
}


static void
set_url(const char *name, const char *path)
{
    char  text[128];

    snprintf(text, sizeof(text), "%s%s", url, path);
    setenv(name, text, 1);
}


static void
test_instance(void **state)
{
    (void) state;

    set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    setenv("http_proxy", "http://127.0.0.1:1", 1);

    assert_string_equal(fetch("imds"), "GET1");
    assert_int_equal(shared->seen_count, 3);
    assert_non_null(strstr(shared->seen[0], "PUT /latest/api/token HTTP/1.1"));
    assert_non_null(strstr(shared->seen[0],
                    "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
    assert_non_null(strstr(shared->seen[1],
                    "x-aws-ec2-metadata-token: session-token\r\n"));
    assert_non_null(strstr(shared->seen[2], "GET /latest/meta-data/iam/"
                                            "security-credentials/web-role "));
    assert_non_null(strstr(shared->seen[2],
                    "x-aws-ec2-metadata-token: session-token\r\n"));

    unsetenv("http_proxy");

    /* the first version, for those that have no second */

    shared->token_status = 403;
    assert_string_equal(fetch("imds"), "GET2");
    assert_null(strstr(shared->seen[5], "x-aws-ec2-metadata-token"));
    shared->token_status = 404;
    assert_string_equal(fetch("imds"), "GET3");
    shared->token_status = 405;
    assert_string_equal(fetch("default"), "GET4");

    setenv("AWS_EC2_METADATA_V1_DISABLED", "TRUE", 1);
    assert_string_equal(fetch("imds"), "");
    assert_non_null(strstr(error, "AWS_EC2_METADATA_V1_DISABLED"));
    unsetenv("AWS_EC2_METADATA_V1_DISABLED");

    shared->token_status = 400;
    assert_string_equal(fetch("imds"), "");
    shared->token_status = 500;
    assert_string_equal(fetch("imds"), "");
    assert_non_null(strstr(error, "status 500"));
    assert_int_equal(shared->count, 4);

    shared->token_status = 200;
    shared->status = 404;
    assert_string_equal(fetch("imds"), "");
    assert_non_null(strstr(error, "has no role"));

    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    assert_string_equal(fetch("imds"), "");
    assert_string_equal(fetch("default"), "");
    assert_non_null(strstr(error, "AWS_EC2_METADATA_DISABLED"));
}


static void
test_container(void **state)
{
    char  path[] = "/tmp/social-token-XXXXXX";

    (void) state;

    close(mkstemp(path));

    set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v1/credentials?x=y");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "tok-1", 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    assert_string_equal(fetch("container"), "GET1");
    unsetenv("http_proxy");
    assert_non_null(strstr(shared->seen[0], "GET /v1/credentials?x=y HTTP"));
    assert_non_null(strstr(shared->seen[0], "Authorization: tok-1\r\n"));

    /* the file goes before the variable, and is read again */

    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    write_file(path, "tok-2");
    assert_string_equal(fetch("default"), "GET2");
    assert_non_null(strstr(shared->seen[1], "Authorization: tok-2\r\n"));
    assert_null(strstr(shared->seen[1], "tok-1"));

    write_file(path, "tok-3\r\nX-Evil: 1");
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "one line"));
    assert_null(strstr(error, "tok-3"));
    write_file(path, "tok-3\n");
    assert_string_equal(fetch("container"), "");
    unlink(path);
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "(2: "));

    unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nb", 1);
    assert_string_equal(fetch("container"), "");
    unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    assert_int_equal(shared->seen_count, 2);

    assert_string_equal(fetch("container"), "GET3");
    assert_null(strstr(shared->seen[2], "Authorization"));

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.1.2.3/x", 1);
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "must begin with \"https://\""));

    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x@evil.com/", 1);
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "RELATIVE_URI must be a path"));

    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "neither"));
}


static void
test_replies(void **state)
{
    /* the server was forked: the address is the same there */

    static char  empty[] = "{\"Code\":\"Success\"}";

    (void) state;

    set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/x");

    shared->status = 500;
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "status 500"));
    shared->status = 302;
    assert_string_equal(fetch("container"), "");
    shared->status = 200;

    shared->body = empty;
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "no valid credentials"));
    shared->body = NULL;

    /* in many parts, each of which is small */

    shared->large = SOCIAL_CREDENTIALS_MAX_REPLY + 1;
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "too large"));
    shared->large = 0;

    /* expired already */

    shared->expires = -1;
    assert_string_equal(fetch("container"), "");
    assert_non_null(strstr(error, "expired already"));

    shared->expires = 3600;
    shared->delay = 3000;
    assert_string_equal(fetch("container"), "");
    shared->delay = 0;
    sleep(2);
}


static void
test_sts(void **state)
{
    static char  refused[] =
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException"
        "</Code><Message>Token expired</Message></Error></ErrorResponse>";

    char  path[] = "/tmp/social-token-XXXXXX";
    char  config[] = "/tmp/social-config-XXXXXX", text[512];

    (void) state;

    close(mkstemp(path));
    close(mkstemp(config));
    write_file(path, "e.y+J\n");

    set_url("AWS_ENDPOINT_URL_STS", "");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/gate", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);

    assert_string_equal(fetch("web_identity"), "STS1");
    assert_non_null(strstr(shared->seen[0], "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(shared->seen[0],
        "Content-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(shared->seen[0], "\r\n\r\n"
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
        "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgate"
        "&RoleSessionName=ngx_social_module&WebIdentityToken=e.y%2BJ"));
    assert_null(strstr(shared->seen[0], "Authorization"));

    setenv("AWS_ROLE_SESSION_NAME", "web-1", 1);
    write_file(path, "second");
    assert_string_equal(fetch("default"), "STS2");
    assert_non_null(strstr(shared->seen[1],
                           "SessionName=web-1&WebIdentityToken=second"));

    /* those of the environment go before it */

    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_string_equal(fetch("default"), "");
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_string_equal(fetch("default"), "ENV");
    assert_string_equal(fetch("web_identity"), "STS3");
    unsetenv("AWS_ACCESS_KEY_ID");

    setenv("AWS_ROLE_SESSION_NAME", "a&b", 1);
    assert_string_equal(fetch("web_identity"), "");
    unsetenv("AWS_ROLE_SESSION_NAME");
    unsetenv("AWS_ROLE_ARN");
    assert_string_equal(fetch("default"), "");
    assert_non_null(strstr(error, "AWS_ROLE_ARN"));

    write_file(path, "\n");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/gate", 1);
    assert_string_equal(fetch("web_identity"), "");
    assert_non_null(strstr(error, "is empty"));
    write_file(path, "token");

    shared->status = 400;
    shared->body = refused;
    assert_string_equal(fetch("web_identity"), "");
    assert_non_null(strstr(error, "STS answered with status 400, "));
    assert_non_null(strstr(error, "ExpiredTokenException"));
    shared->body = NULL;
    shared->status = 200;

    /* a profile of the config file */

    unsetenv("AWS_ROLE_ARN");
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    snprintf(text, sizeof(text), "[profile web]\nrole_arn = "
             "arn:aws:iam::123456789012:role/web\nrole_session_name = p1\n"
             "web_identity_token_file = %s\nregion = eu-west-1\n"
             "[profile run]\ncredential_process = /bin/true\n"
             "[profile chain]\nrole_arn = arn:aws:iam::123456789012:role/x\n"
             "source_profile = web\n"
             "[default]\nregion = eu-west-1\n", path);
    write_file(config, text);
    setenv("AWS_CONFIG_FILE", config, 1);

    assert_string_equal(fetch("profile web"), "STS5");
    setenv("AWS_PROFILE", "web", 1);
    assert_string_equal(fetch("default"), "STS6");
    assert_string_equal(fetch("env"), "STS7");
    assert_string_equal(fetch("profile run"), "");
    assert_non_null(strstr(error, "\"credential_process\" of profile \"run\" "
                                  "is not supported"));
    assert_string_equal(fetch("profile chain"), "");
    assert_non_null(strstr(error, "\"source_profile\""));

    /* an explicit profile that is not there is a mistake, never another one */

    set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/x");
    setenv("AWS_PROFILE", "none", 1);
    assert_string_equal(fetch("default"), "");
    assert_non_null(strstr(error, "has the profile \"none\""));
    unsetenv("AWS_PROFILE");

    /* [default] says nothing of credentials */

    assert_string_equal(fetch("default"), "GET8");

    unlink(path);
    unlink(config);
}


static void *
get_in_thread(void *data)
{
    char                       why[SOCIAL_NET_ERROR_SIZE];
    social_net_credentials_t   c;

    if (social_net_credentials_get(data, &c, why) == SOCIAL_OK) {
        social_net_credentials_free(&c);
        return data;
    }

    return NULL;
}


static void
test_cache(void **state)
{
    int                               i;
    void                             *result;
    pthread_t                         threads[16];
    social_net_credentials_t          c;
    social_net_credentials_source_t  *source;

    (void) state;

    set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/x");
    shared->delay = 200;

    source = social_net_credentials_create("container", NULL, error);
    assert_non_null(source);

    for (i = 0; i < 16; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, get_in_thread,
                                        source), 0);
    }

    for (i = 0; i < 16; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }

    assert_int_equal(shared->count, 1);
    shared->delay = 0;

    social_net_credentials_destroy(source);

    /* fetched ahead; the last good ones while that fails, until they expire */

    shared->expires = 8;
    source = social_net_credentials_create("container", NULL, error);
    assert_non_null(source);
    assert_int_equal(social_net_credentials_get(source, &c, error), SOCIAL_OK);
    assert_str(c.keys.access_key, "GET2");
    social_net_credentials_free(&c);
    assert_int_equal(social_net_credentials_get(source, &c, error), SOCIAL_OK);
    assert_str(c.keys.access_key, "GET2");
    social_net_credentials_free(&c);

    shared->status = 500;
    sleep(5);
    assert_int_equal(social_net_credentials_get(source, &c, error), SOCIAL_OK);
    assert_str(c.keys.access_key, "GET2");
    social_net_credentials_free(&c);
    assert_int_equal(shared->count, 3);

    /* which are not asked for each time */

    assert_int_equal(social_net_credentials_get(source, &c, error), SOCIAL_OK);
    social_net_credentials_free(&c);
    assert_int_equal(shared->count, 3);

    sleep(4);
    assert_int_equal(social_net_credentials_get(source, &c, error),
                     SOCIAL_DECLINED);
    assert_non_null(strstr(error, "status 500"));
    assert_null(c.data);

    shared->status = 200;
    sleep(6);
    assert_int_equal(social_net_credentials_get(source, &c, error), SOCIAL_OK);
    assert_true(c.keys.expires > time(NULL));
    social_net_credentials_free(&c);

    social_net_credentials_destroy(source);
}


/* flags of the pages that "p" is in (proc(5), smaps, VmFlags) */

static void
test_private(void **state)
{
    char                              line[256], *end;
    bool                              inside, found;
    FILE                             *f;
    uintptr_t                         p;
    social_net_credentials_t          c;
    social_net_credentials_source_t  *source;

    (void) state;

    setenv("AWS_ACCESS_KEY_ID", "A", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    source = social_net_credentials_create("env", NULL, error);
    assert_non_null(source);
    assert_true(social_net_credentials_is_constant(source));
    assert_int_equal(social_net_credentials_fetch(source, &c, error),
                     SOCIAL_OK);

    p = (uintptr_t) c.data;
    inside = false;
    found = false;
    f = fopen("/proc/self/smaps", "r");
    assert_non_null(f);

    while (fgets(line, sizeof(line), f) != NULL) {

        if (strncmp(line, "VmFlags:", 8) == 0) {
            found = found || (inside && strstr(line, " dd") != NULL);

        } else if (strtoul(line, &end, 16) != 0 && *end == '-') {
            inside = strtoul(line, NULL, 16) <= p
                     && strtoul(end + 1, NULL, 16) > p;
        }
    }

    fclose(f);
    assert_true(found);

    social_net_credentials_free(&c);
    social_net_credentials_destroy(source);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_instance, clean),
        cmocka_unit_test_setup(test_container, clean),
        cmocka_unit_test_setup(test_replies, clean),
        cmocka_unit_test_setup(test_sts, clean),
        cmocka_unit_test_setup(test_cache, clean),
        cmocka_unit_test_setup(test_private, clean),
    };

    return cmocka_run_group_tests_name("net_credentials", tests, start, stop);
}
