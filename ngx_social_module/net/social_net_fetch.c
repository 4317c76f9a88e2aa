
/*
 * One bounded, blocking GET, by libcurl.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "social_net_fetch.h"


typedef struct {
    unsigned char   *data;
    size_t           len;
    size_t           size;
    size_t           max_size;
    bool             too_large;
    bool             encoded;
    bool             no_memory;
} social_net_body_t;


static social_rc_e social_net_setup(CURL *curl,
    const social_net_fetch_t *fetch, social_net_body_t *body, char *error);
static size_t social_net_write(char *p, size_t size, size_t n, void *data);
static size_t social_net_header(char *p, size_t size, size_t n, void *data);
static social_rc_e social_net_check(CURL *curl, CURLcode code,
    social_net_body_t *body, char *curl_error, social_net_answer_t *answer);


social_rc_e
social_net_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
           ? SOCIAL_OK : SOCIAL_FAILED;
}


social_rc_e
social_net_fetch(const social_net_fetch_t *fetch, social_net_answer_t *answer)
{
    CURL               *curl;
    CURLcode            code;
    curl_off_t          elapsed;
    social_rc_e         rc;
    social_net_body_t   body;
    char                error[CURL_ERROR_SIZE];

    memset(answer, 0, sizeof(social_net_answer_t));
    memset(&body, 0, sizeof(social_net_body_t));

    body.max_size = fetch->max_size;
    error[0] = '\0';

    curl = curl_easy_init();

    if (curl == NULL
        || social_net_setup(curl, fetch, &body, error) != SOCIAL_OK)
    {
        curl_easy_cleanup(curl);
        snprintf(answer->error, sizeof(answer->error), "out of memory");
        return SOCIAL_FAILED;
    }

    code = curl_easy_perform(curl);

    rc = social_net_check(curl, code, &body, error, answer);

    elapsed = 0;
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &elapsed);

    curl_easy_cleanup(curl);

    if (rc != SOCIAL_OK) {
        free(body.data);
        return rc;
    }

    answer->body = body.data;
    answer->len = body.len;
    answer->elapsed = (long) ((elapsed + 999) / 1000);

    return SOCIAL_OK;
}


static social_rc_e
social_net_setup(CURL *curl, const social_net_fetch_t *fetch,
    social_net_body_t *body, char *error)
{
    bool  ok;

    /*
     * NOSIGNAL: libcurl must not install a signal handler in nginx.  No
     * redirects: the source of keys is what the configuration says.
     */

    ok = curl_easy_setopt(curl, CURLOPT_URL, fetch->url) == CURLE_OK
         && !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)
         && !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https")
         && !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L)
         && !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, fetch->timeout)
         && !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, fetch->timeout)
         && !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L)
         && !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L)
         && !curl_easy_setopt(curl, CURLOPT_NOPROXY,
                              "localhost,127.0.0.1,::1")
         && !curl_easy_setopt(curl, CURLOPT_USERAGENT, "ngx_social_module")
         && !curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error)
         && !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, social_net_write)
         && !curl_easy_setopt(curl, CURLOPT_WRITEDATA, body)
         && !curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, social_net_header)
         && !curl_easy_setopt(curl, CURLOPT_HEADERDATA, body);

#if (LIBCURL_VERSION_NUM >= 0x075700)

    /* a name server that hangs must not outlast the time */

    ok = ok && !curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);

#endif

    if (ok && fetch->ca_file != NULL) {
        ok = !curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file)
             && !curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }

    return ok ? SOCIAL_OK : SOCIAL_FAILED;
}


static size_t
social_net_write(char *p, size_t size, size_t n, void *data)
{
    social_net_body_t  *body = data;

    size_t          len, room;
    unsigned char  *grown;

    len = size * n;

    if (len > body->max_size - body->len) {
        body->too_large = true;
        return 0;
    }

    if (body->len + len > body->size) {

        room = (body->len + len) * 2;

        grown = realloc(body->data, room);
        if (grown == NULL) {
            body->no_memory = true;
            return 0;
        }

        body->data = grown;
        body->size = room;
    }

    memcpy(body->data + body->len, p, len);
    body->len += len;

    return len;
}


/*
 * No encoding was requested; one that is sent anyway could be a bomb.
 */

static size_t
social_net_header(char *p, size_t size, size_t n, void *data)
{
    social_net_body_t  *body = data;

    size_t                     len;
    social_str_t               name;
    const unsigned char       *colon;
    static const social_str_t  encoding = social_string("Content-Encoding");

    len = size * n;

    colon = len ? memchr(p, ':', len) : NULL;

    if (colon != NULL) {
        name.data = (const unsigned char *) p;
        name.len = (size_t) (colon - name.data);

        if (social_str_caseeq(name, encoding)) {
            body->encoded = true;
            return 0;
        }
    }

    return len;
}


static social_rc_e
social_net_check(CURL *curl, CURLcode code, social_net_body_t *body,
    char *curl_error, social_net_answer_t *answer)
{
    long  status;

    if (body->no_memory || code == CURLE_OUT_OF_MEMORY) {
        snprintf(answer->error, sizeof(answer->error), "out of memory");
        return SOCIAL_FAILED;
    }

    if (body->too_large) {
        snprintf(answer->error, sizeof(answer->error),
                 "the response is larger than %zu bytes", body->max_size);
        return SOCIAL_DECLINED;
    }

    if (body->encoded) {
        snprintf(answer->error, sizeof(answer->error),
                 "the response has a Content-Encoding");
        return SOCIAL_DECLINED;
    }

    if (code != CURLE_OK) {
        snprintf(answer->error, sizeof(answer->error), "%s",
                 curl_error[0] ? curl_error : curl_easy_strerror(code));
        return SOCIAL_DECLINED;
    }

    status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

    if (status != 200) {
        snprintf(answer->error, sizeof(answer->error),
                 "the server returned status %ld", status);
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}
