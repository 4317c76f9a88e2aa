
/*
 * A document, by one GET.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>
#include <curl/curl.h>

#include "social_net_request.h"


typedef struct {
    unsigned char   *data;
    size_t           len;
    size_t           size;
    size_t           max_size;
    bool             too_large;
    bool             no_memory;
} social_net_body_t;


static void social_net_memory_free(void *p);
static void *social_net_memory_realloc(void *p, size_t size);
static bool social_net_body_append(void *data, const unsigned char *p,
    size_t len);
static social_rc_e social_net_check(social_rc_e rc,
    const social_net_reply_t *reply, const social_net_body_t *body,
    social_net_answer_t *answer);


/*
 * libcurl's memory is wiped when it is freed: credentials, tokens and signed
 * URLs go through it, and are not to be in a core later.
 */

social_rc_e
social_net_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc,
                                social_net_memory_free,
                                social_net_memory_realloc, strdup, calloc)
           == CURLE_OK ? SOCIAL_OK : SOCIAL_FAILED;
}


static void
social_net_memory_free(void *p)
{
    if (p != NULL) {
        explicit_bzero(p, malloc_usable_size(p));
        free(p);
    }
}


static void *
social_net_memory_realloc(void *p, size_t size)
{
    void    *grown;
    size_t   old;

    if (p == NULL) {
        return malloc(size);
    }

    old = malloc_usable_size(p);

    if (size != 0 && size <= old) {
        return p;
    }

    grown = malloc(size ? size : 1);

    if (grown != NULL) {
        memcpy(grown, p, old < size ? old : size);
        social_net_memory_free(p);
    }

    return grown;
}


social_rc_e
social_net_fetch(const social_net_fetch_t *fetch, social_net_answer_t *answer)
{
    social_rc_e            rc;
    social_net_body_t      body;
    social_net_reply_t     reply;
    social_net_request_t   request;

    memset(answer, 0, sizeof(social_net_answer_t));
    memset(&body, 0, sizeof(social_net_body_t));
    memset(&request, 0, sizeof(social_net_request_t));

    body.max_size = fetch->max_size;

    request.method = "GET";
    request.url = fetch->url;
    request.ca_file = fetch->ca_file;
    request.timeout = fetch->timeout;
    request.plain = true;
    request.sink = social_net_body_append;
    request.data = &body;

    rc = social_net_request(&request, &reply);

    rc = social_net_check(rc, &reply, &body, answer);

    if (rc != SOCIAL_OK) {
        free(body.data);
        return rc;
    }

    answer->body = body.data;
    answer->len = body.len;
    answer->elapsed = reply.elapsed;

    return SOCIAL_OK;
}


static bool
social_net_body_append(void *data, const unsigned char *p, size_t len)
{
    social_net_body_t  *body = data;

    size_t          room;
    unsigned char  *grown;

    if (len > body->max_size - body->len) {
        body->too_large = true;
        return false;
    }

    if (body->len + len > body->size) {

        room = (body->len + len) * 2;

        grown = realloc(body->data, room);
        if (grown == NULL) {
            body->no_memory = true;
            return false;
        }

        body->data = grown;
        body->size = room;
    }

    memcpy(body->data + body->len, p, len);
    body->len += len;

    return true;
}


static social_rc_e
social_net_check(social_rc_e rc, const social_net_reply_t *reply,
    const social_net_body_t *body, social_net_answer_t *answer)
{
    if (rc == SOCIAL_FAILED || body->no_memory) {
        snprintf(answer->error, sizeof(answer->error), "out of memory");
        return SOCIAL_FAILED;
    }

    if (body->too_large) {
        snprintf(answer->error, sizeof(answer->error),
                 "the response is larger than %zu bytes", body->max_size);
        return SOCIAL_DECLINED;
    }

    if (rc != SOCIAL_OK) {
        snprintf(answer->error, sizeof(answer->error), "%s", reply->error);
        return SOCIAL_DECLINED;
    }

    if (reply->status != 200) {
        snprintf(answer->error, sizeof(answer->error),
                 "the server returned status %ld", reply->status);
        return SOCIAL_DECLINED;
    }

    return SOCIAL_OK;
}
