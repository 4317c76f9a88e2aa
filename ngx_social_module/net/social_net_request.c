
/*
 * One bounded, blocking request, by libcurl.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <curl/curl.h>

#include "social_net_request.h"


struct social_net_session_s {
    CURL                        *curl;
};


typedef struct {
    CURL                        *curl;
    const social_net_request_t  *request;
    social_net_reply_t          *reply;
    uint64_t                     sent;
    size_t                       text;
    size_t                       received;
    bool                         enough;
    bool                         broken;
    bool                         encoded;
    bool                         cut;
} social_net_request_ctx_t;


static void social_net_request_end(social_net_request_ctx_t *ctx);
static social_rc_e social_net_request_setup(social_net_request_ctx_t *ctx,
    struct curl_slist **headers, char *error);
static size_t social_net_request_write(char *p, size_t size, size_t n,
    void *data);
static size_t social_net_request_header(char *p, size_t size, size_t n,
    void *data);
static size_t social_net_request_read(char *p, size_t size, size_t n,
    void *data);
static int social_net_request_seek(void *data, curl_off_t offset, int origin);
static int social_net_request_progress(void *data, curl_off_t down_total,
    curl_off_t down, curl_off_t up_total, curl_off_t up);


social_rc_e
social_net_request(const social_net_request_t *request,
    social_net_reply_t *reply)
{
    char                       error[CURL_ERROR_SIZE];
    CURLcode                   code;
    curl_off_t                 elapsed, after;
    struct curl_slist         *headers;
    social_net_request_ctx_t   ctx;

    memset(reply, 0, sizeof(social_net_reply_t));
    memset(&ctx, 0, sizeof(social_net_request_ctx_t));

    ctx.request = request;
    ctx.reply = reply;
    ctx.curl = request->session ? request->session->curl : curl_easy_init();

    headers = NULL;
    error[0] = '\0';

    if (ctx.curl == NULL
        || social_net_request_setup(&ctx, &headers, error) != SOCIAL_OK)
    {
        social_net_request_end(&ctx);
        curl_slist_free_all(headers);
        snprintf(reply->error, sizeof(reply->error), "out of memory");
        return SOCIAL_FAILED;
    }

    code = curl_easy_perform(ctx.curl);

    elapsed = 0;
    curl_easy_getinfo(ctx.curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(ctx.curl, CURLINFO_TOTAL_TIME_T, &elapsed);
    reply->elapsed = (long) ((elapsed + 999) / 1000);

    after = 0;
    curl_easy_getinfo(ctx.curl, CURLINFO_RETRY_AFTER, &after);
    reply->retry_after = after > 0 ? after : 0;

    if (ctx.enough && code == CURLE_WRITE_ERROR) {
        code = CURLE_OK;
    }

    social_net_request_end(&ctx);
    curl_slist_free_all(headers);

    if (code == CURLE_OK || ctx.cut) {
        return SOCIAL_OK;
    }

    snprintf(reply->error, sizeof(reply->error), "%s",
             ctx.encoded ? "the response has a Content-Encoding"
             : ctx.broken ? "the transfer was aborted"
             : error[0] ? error : curl_easy_strerror(code));

    return code == CURLE_OUT_OF_MEMORY ? SOCIAL_FAILED : SOCIAL_DECLINED;
}


social_net_session_t *
social_net_session_create(void)
{
    social_net_session_t  *session;

    session = malloc(sizeof(social_net_session_t));

    if (session == NULL) {
        return NULL;
    }

    session->curl = curl_easy_init();

    if (session->curl == NULL) {
        free(session);
        return NULL;
    }

    return session;
}


void
social_net_session_free(social_net_session_t *session)
{
    if (session != NULL) {
        curl_easy_cleanup(session->curl);
        free(session);
    }
}


/* what was set is forgotten, and pointers with it; connections stay */

static void
social_net_request_end(social_net_request_ctx_t *ctx)
{
    if (ctx->request->session == NULL) {
        curl_easy_cleanup(ctx->curl);

    } else {
        curl_easy_reset(ctx->curl);
    }
}


static social_rc_e
social_net_request_setup(social_net_request_ctx_t *ctx,
    struct curl_slist **headers, char *error)
{
    bool                         ok;
    CURL                        *curl;
    const char *const           *header;
    struct curl_slist           *grown;
    const social_net_request_t  *request;

    curl = ctx->curl;
    request = ctx->request;

    for (header = request->headers; header != NULL && *header != NULL;
         header++)
    {
        grown = curl_slist_append(*headers, *header);

        if (grown == NULL) {
            return SOCIAL_FAILED;
        }

        *headers = grown;
    }

    /* a server that waits for a body would wait for "100 Continue" first */

    grown = curl_slist_append(*headers, "Expect:");

    if (grown == NULL) {
        return SOCIAL_FAILED;
    }

    *headers = grown;

    /*
     * NOSIGNAL: libcurl must not install a signal handler in nginx.  No
     * redirects: the source of keys, and of objects, is what the configuration
     * says.
     */

    ok = !curl_easy_setopt(curl, CURLOPT_URL, request->url)
         && !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)
         && !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https")
         && !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L)
         && !curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L)
         && !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                              request->timeout)
         && !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                              request->patient ? 0 : request->timeout)
         && !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L)
         && !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L)
         && !curl_easy_setopt(curl, CURLOPT_NOPROXY,
                              "localhost,127.0.0.1,::1")
         && !curl_easy_setopt(curl, CURLOPT_USERAGENT, "ngx_social_module")
         && !curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers)
         && !curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error)
         && !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION,
                              social_net_request_write)
         && !curl_easy_setopt(curl, CURLOPT_WRITEDATA, ctx)
         && !curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION,
                              social_net_request_header)
         && !curl_easy_setopt(curl, CURLOPT_HEADERDATA, ctx);

#if (LIBCURL_VERSION_NUM >= 0x075700)

    /* a name server that hangs must not outlast the time */

    ok = ok && !curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);

#endif

    if (request->patient) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L)
             && !curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                                  request->timeout / 1000 + 1);
    }

    if (strcmp(request->method, "PUT") == 0) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L)
             && !curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                                  (curl_off_t) request->size)
             && !curl_easy_setopt(curl, CURLOPT_READFUNCTION,
                                  social_net_request_read)
             && !curl_easy_setopt(curl, CURLOPT_READDATA, ctx)
             && !curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION,
                                  social_net_request_seek)
             && !curl_easy_setopt(curl, CURLOPT_SEEKDATA, ctx);

    } else if (strcmp(request->method, "POST") == 0) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_POST, 1L)
             && !curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                  (curl_off_t) request->size)
             && !curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);

    } else if (strcmp(request->method, "HEAD") == 0) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);

    } else if (strcmp(request->method, "GET") != 0) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST,
                                     request->method);
    }

    if (request->give_up != NULL) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L)
             && !curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION,
                                  social_net_request_progress)
             && !curl_easy_setopt(curl, CURLOPT_XFERINFODATA, ctx);
    }

    if (request->direct) {
        ok = ok && !curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }

    if (ok && request->ca_file != NULL) {
        ok = !curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file)
             && !curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }

    return ok ? SOCIAL_OK : SOCIAL_FAILED;
}


static size_t
social_net_request_write(char *p, size_t size, size_t n, void *data)
{
    social_net_request_ctx_t  *ctx = data;

    long    status;
    size_t  len, room;

    len = size * n;
    status = 0;

    curl_easy_getinfo(ctx->curl, CURLINFO_RESPONSE_CODE, &status);

    ctx->received += len;

    if (ctx->request->max_answer != 0
        && ctx->received > ctx->request->max_answer)
    {
        ctx->enough = true;
        return 0;
    }

    if (status < 200 || status > 299) {

        room = sizeof(ctx->reply->text) - 1 - ctx->text;
        room = len < room ? len : room;

        memcpy(ctx->reply->text + ctx->text, p, room);
        ctx->text += room;

        /* what does not fit is not waited for: it may have no end */

        ctx->cut = room < len;

        return room;
    }

    if (ctx->request->sink != NULL
        && !ctx->request->sink(ctx->request->data, (unsigned char *) p, len))
    {
        ctx->broken = true;
        return 0;
    }

    return len;
}


/*
 * No encoding was requested; one that is sent anyway could be a bomb.
 */

static size_t
social_net_request_header(char *p, size_t size, size_t n, void *data)
{
    social_net_request_ctx_t  *ctx = data;

    size_t                     len;
    social_str_t               name, value;
    const unsigned char       *colon;
    static const social_str_t  encoding = social_string("Content-Encoding");
    static const social_str_t  identity = social_string("identity");

    len = size * n;

    colon = len && (ctx->request->plain || ctx->request->header)
            ? memchr(p, ':', len) : NULL;

    if (colon != NULL) {
        name.data = (const unsigned char *) p;
        name.len = (size_t) (colon - name.data);

        value.data = colon + 1;
        value.len = len - name.len - 1;

        while (value.len && (value.data[value.len - 1] == '\r'
                             || value.data[value.len - 1] == '\n'))
        {
            value.len--;
        }

        value = social_str_trim(value);

        /* "identity" is reserved, but sent (RFC 9110, 8.4) */

        if (ctx->request->plain && social_str_caseeq(name, encoding)
            && value.len && !social_str_caseeq(value, identity))
        {
            ctx->encoded = true;
            return 0;
        }

        if (ctx->request->header != NULL) {
            ctx->request->header(ctx->request->data, name, value);
        }
    }

    return len;
}


static size_t
social_net_request_read(char *p, size_t size, size_t n, void *data)
{
    social_net_request_ctx_t  *ctx = data;

    size_t   len;
    ssize_t  read;

    len = size * n;

    if (len > ctx->request->size - ctx->sent) {
        len = (size_t) (ctx->request->size - ctx->sent);
    }

    if (ctx->request->file != NULL) {

        read = len ? pread(*ctx->request->file, p, len, (off_t) ctx->sent) : 0;

        if (read < 0 || (read == 0 && len != 0)) {
            return CURL_READFUNC_ABORT;
        }

        ctx->sent += (uint64_t) read;

        return (size_t) read;
    }

    if (len != 0) {
        memcpy(p, ctx->request->body + ctx->sent, len);
        ctx->sent += len;
    }

    return len;
}


/* a connection that was closed while it was idle is retried */

static int
social_net_request_seek(void *data, curl_off_t offset, int origin)
{
    social_net_request_ctx_t  *ctx = data;

    if (origin != SEEK_SET || offset < 0
        || (uint64_t) offset > ctx->request->size)
    {
        return CURL_SEEKFUNC_FAIL;
    }

    ctx->sent = (uint64_t) offset;

    return CURL_SEEKFUNC_OK;
}


static int
social_net_request_progress(void *data, curl_off_t down_total, curl_off_t down,
    curl_off_t up_total, curl_off_t up)
{
    social_net_request_ctx_t  *ctx = data;

    (void) down_total;
    (void) down;
    (void) up_total;
    (void) up;

    return ctx->request->give_up(ctx->request->give_up_data) ? 1 : 0;
}


const char *
social_net_request_line(social_buf_t *work, social_str_t name,
    social_str_t value)
{
    size_t  mark;

    mark = work->len;

    social_buf_put(work, name);
    social_buf_text(work, ": ");
    social_buf_put(work, value);

    return social_net_request_text(work, mark);
}


const char *
social_net_request_text(social_buf_t *work, size_t mark)
{
    social_buf_byte(work, '\0');

    return (const char *) work->data + mark;
}
