
/*
 * Credentials of services: of containers, instances and STS.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "social_credentials_reply.h"
#include "social_credentials_request.h"
#include "social_net_credentials_source.h"
#include "social_net_private.h"
#include "social_net_request.h"
#include "social_s3_error.h"


/* milliseconds: of one request to a neighbor, of which there are three at most,
   and to STS */
#define SOCIAL_NET_CREDENTIALS_NEAR  2000
#define SOCIAL_NET_CREDENTIALS_STS   5000

/* of the largest token, all of it escaped, and a role */
#define SOCIAL_NET_CREDENTIALS_FORM  (4 * SOCIAL_NET_CREDENTIALS_MAX)

#define SOCIAL_NET_CREDENTIALS_LINE  (SOCIAL_CREDENTIALS_MAX_AUTH + 64)


/* what a thread has in hand, in private memory */

typedef struct {
    const social_net_credentials_source_t  *source;
    social_net_credentials_plan_t           plan;
    social_net_request_t                    request;
    social_net_reply_t                      reply;
    const char                             *headers[4];
    char                                    url[SOCIAL_CREDENTIALS_MAX_URL
                                                + 512];
    char                                    line[SOCIAL_NET_CREDENTIALS_LINE];
    unsigned char                           form[SOCIAL_NET_CREDENTIALS_FORM];
    unsigned char                           body[SOCIAL_CREDENTIALS_MAX_REPLY
                                                 + 1];
    size_t                                  len;
    bool                                    large;
    social_credentials_t                    keys;     /* views of "body" */
} social_net_credentials_call_t;


static social_rc_e social_net_credentials_ask(
    social_net_credentials_call_t *call, const char *who, char *error);
static bool social_net_credentials_sink(void *data, const unsigned char *p,
    size_t len);
static social_rc_e social_net_credentials_ask_container(
    social_net_credentials_call_t *call, char *error);
static social_rc_e social_net_credentials_authorize(
    social_net_credentials_call_t *call, char *error);
static social_rc_e social_net_credentials_ask_instance(
    social_net_credentials_call_t *call, char *error);
static social_rc_e social_net_credentials_session(
    social_net_credentials_call_t *call, const char *base, char *error);
static social_rc_e social_net_credentials_ask_sts(
    social_net_credentials_call_t *call, char *error);
static social_rc_e social_net_credentials_token_file(
    social_net_credentials_call_t *call, const char *path,
    social_net_credentials_t *file, social_str_t *token, char *error);
static social_rc_e social_net_credentials_json(
    social_net_credentials_call_t *call, const char *who, char *error);


social_rc_e
social_net_credentials_fetch(const social_net_credentials_source_t *source,
    social_net_credentials_t *credentials, char *error)
{
    social_rc_e                     rc;
    social_net_credentials_call_t  *call;

    memset(credentials, 0, sizeof(social_net_credentials_t));

    call = social_net_private_alloc(sizeof(social_net_credentials_call_t));

    if (call == NULL) {
        return social_net_credentials_failed(error, "out of memory");
    }

    call->source = source;

    rc = social_net_credentials_plan(source, &call->plan, error);

    if (rc == SOCIAL_OK) {

        switch (call->plan.kind) {

        case SOCIAL_NET_CREDENTIALS_CONTAINER:
            rc = social_net_credentials_ask_container(call, error);
            break;

        case SOCIAL_NET_CREDENTIALS_IMDS:
            rc = social_net_credentials_ask_instance(call, error);
            break;

        case SOCIAL_NET_CREDENTIALS_WEB_IDENTITY:
            rc = social_net_credentials_ask_sts(call, error);
            break;

        default:
            *credentials = call->plan.keys;
            social_net_private_free(call, sizeof(*call));
            return SOCIAL_OK;
        }
    }

    if (rc == SOCIAL_OK
        && social_credentials_expired(&call->keys, (int64_t) time(NULL)))
    {
        rc = social_net_credentials_failed(error,
                 "those that were given have expired already");
    }

    if (rc == SOCIAL_OK
        && social_net_credentials_copy(credentials, &call->keys) != SOCIAL_OK)
    {
        rc = social_net_credentials_failed(error, "out of memory");
    }

    social_net_private_free(call, sizeof(*call));

    return rc == SOCIAL_OK ? SOCIAL_OK : SOCIAL_DECLINED;
}


/* SOCIAL_OK: there is an answer, whatever its status */

static social_rc_e
social_net_credentials_ask(social_net_credentials_call_t *call,
    const char *who, char *error)
{
    const char  *ca;

    ca = call->source->environment.values[SOCIAL_NET_CA_BUNDLE];

    call->len = 0;
    call->large = false;

    call->request.url = call->url;
    call->request.headers = call->headers;
    call->request.ca_file = ca[0] != '\0' ? ca : NULL;
    call->request.plain = true;
    call->request.sink = social_net_credentials_sink;
    call->request.data = call;

    if (social_net_request(&call->request, &call->reply) == SOCIAL_OK) {
        return SOCIAL_OK;
    }

    return social_net_credentials_failed(error, "%s: %s", who,
               call->large ? "the response is too large" : call->reply.error);
}


static bool
social_net_credentials_sink(void *data, const unsigned char *p, size_t len)
{
    social_net_credentials_call_t *call = data;

    if (len > SOCIAL_CREDENTIALS_MAX_REPLY - call->len) {
        call->large = true;
        return false;
    }

    memcpy(call->body + call->len, p, len);
    call->len += len;

    return true;
}


static social_rc_e
social_net_credentials_ask_container(social_net_credentials_call_t *call,
    char *error)
{
    const char  *const *values;

    values = call->source->environment.values;

    /* the relative one goes before the full one, and is ECS's */

    if (values[SOCIAL_NET_CONTAINER_RELATIVE_URI][0] != '\0') {
        snprintf(call->url, sizeof(call->url), "http://169.254.170.2%s",
                 values[SOCIAL_NET_CONTAINER_RELATIVE_URI]);

    } else {
        snprintf(call->url, sizeof(call->url), "%s",
                 values[SOCIAL_NET_CONTAINER_FULL_URI]);
    }

    call->headers[0] = "Accept: application/json";

    if (social_net_credentials_authorize(call, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    call->request.method = "GET";
    call->request.timeout = SOCIAL_NET_CREDENTIALS_NEAR;
    call->request.direct = strncmp(call->url, "http://", 7) == 0;

    if (social_net_credentials_ask(call, "the container's endpoint", error)
        != SOCIAL_OK)
    {
        return SOCIAL_DECLINED;
    }

    return social_net_credentials_json(call, "the container's endpoint",
                                       error);
}


/* as it is, without "Bearer"; EKS replaces the file */

static social_rc_e
social_net_credentials_authorize(social_net_credentials_call_t *call,
    char *error)
{
    const char                *path, *must;
    social_rc_e                rc;
    social_str_t               token;
    social_net_credentials_t   file;

    path = call->source->environment.values[SOCIAL_NET_CONTAINER_TOKEN_FILE];
    memset(&file, 0, sizeof(file));

    if (path[0] != '\0') {

        rc = social_net_credentials_load(path, &file, error);

        if (rc != SOCIAL_OK) {
            return SOCIAL_DECLINED;
        }

        token.data = file.data;
        token.len = file.size;

        must = social_credentials_check_token(token);

        if (must != NULL) {
            social_net_credentials_free(&file);
            return social_net_credentials_failed(error, "the token in "
                       "\"%.96s\" must %s", path, must);
        }

    } else {
        token = social_str(call->source->environment.values[
                                                 SOCIAL_NET_CONTAINER_TOKEN]);
    }

    if (token.len) {
        snprintf(call->line, sizeof(call->line), "Authorization: %.*s",
                 (int) token.len, (const char *) token.data);
        call->headers[1] = call->line;
    }

    social_net_credentials_free(&file);

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_ask_instance(social_net_credentials_call_t *call,
    char *error)
{
    int                 n;
    char                base[SOCIAL_CREDENTIALS_MAX_URL];
    social_str_t        text, role;
    const char *const  *values;

    static const char  who[] = "the instance's metadata";
    static const char  path[] = "/latest/meta-data/iam/security-credentials/";

    values = call->source->environment.values;

    snprintf(base, sizeof(base), "%s",
             values[SOCIAL_NET_METADATA_ENDPOINT][0] != '\0'
             ? values[SOCIAL_NET_METADATA_ENDPOINT]
             : social_str_caseeq(
                   social_str(values[SOCIAL_NET_METADATA_ENDPOINT_MODE]),
                   social_str("ipv6"))
               ? "http://[fd00:ec2::254]" : "http://169.254.169.254");

    n = (int) strlen(base);

    if (n && base[n - 1] == '/') {
        base[n - 1] = '\0';
    }

    call->request.direct = true;

    if (social_net_credentials_session(call, base, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    call->request.method = "GET";
    snprintf(call->url, sizeof(call->url), "%s%s", base, path);

    if (social_net_credentials_ask(call, who, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    if (call->reply.status == 404) {
        return social_net_credentials_failed(error, "the instance has no "
                   "role: attach one to it, or say where credentials are");
    }

    text.data = call->body;
    text.len = call->len;

    if (call->reply.status != 200
        || !social_credentials_read_role(text, &role))
    {
        return social_net_credentials_failed(error, "%s: no name of a role "
                   "in the response of status %ld", who, call->reply.status);
    }

    snprintf(call->url, sizeof(call->url), "%s%s%.*s", base, path,
             (int) role.len, (const char *) role.data);

    if (social_net_credentials_ask(call, who, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    return social_net_credentials_json(call, who, error);
}


/*
 * Version 2 of the service.  The first one, which needs no token, is for those
 * that do not have it: any other failure may be of who wants that.
 */

static social_rc_e
social_net_credentials_session(social_net_credentials_call_t *call,
    const char *base, char *error)
{
    long          status;
    social_str_t  token;

    call->request.method = "PUT";
    call->request.timeout = SOCIAL_NET_CREDENTIALS_NEAR;
    call->headers[0] = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
    call->headers[1] = NULL;

    snprintf(call->url, sizeof(call->url), "%s/latest/api/token", base);

    if (social_net_credentials_ask(call, "the instance's metadata service gave "
                                   "no token (in a container it needs a hop "
                                   "limit of 2)", error)
        != SOCIAL_OK)
    {
        return SOCIAL_DECLINED;
    }

    status = call->reply.status;
    call->headers[0] = NULL;

    if (status == 403 || status == 404 || status == 405) {

        if (social_net_environment_is_true(&call->source->environment,
                                           SOCIAL_NET_METADATA_V1_DISABLED))
        {
            return social_net_credentials_failed(error, "the instance's "
                       "metadata service gave no token but status %ld, and "
                       "AWS_EC2_METADATA_V1_DISABLED is true", status);
        }

        return SOCIAL_OK;
    }

    token.data = call->body;
    token.len = call->len;

    if (status != 200 || social_credentials_check_token(token) != NULL) {
        return social_net_credentials_failed(error, "the instance's metadata "
                   "service gave no token but status %ld", status);
    }

    snprintf(call->line, sizeof(call->line), "x-aws-ec2-metadata-token: %.*s",
             (int) token.len, (const char *) token.data);
    call->headers[0] = call->line;

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_ask_sts(social_net_credentials_call_t *call,
    char *error)
{
    bool                       made;
    const char                *url;
    social_buf_t               b;
    social_str_t               token, text;
    social_net_credentials_t   file;

    if (social_net_credentials_token_file(call, call->plan.token_file, &file,
                                          &token, error)
        != SOCIAL_OK)
    {
        return SOCIAL_DECLINED;
    }

    social_buf_init(&b, call->form, sizeof(call->form));

    made = social_credentials_sts_body(&b, social_str(call->plan.role),
                                       social_str(call->plan.session), token);

    social_net_credentials_free(&file);

    if (!made) {
        return social_net_credentials_failed(error, "the token in \"%.128s\" "
                   "is too long", call->plan.token_file);
    }

    call->request.body = call->form;
    call->request.size = b.len;

    url = call->source->environment.values[SOCIAL_NET_ENDPOINT_URL_STS];

    if (url[0] != '\0') {
        snprintf(call->url, sizeof(call->url), "%s", url);

    } else {
        social_buf_init(&b, (unsigned char *) call->url,
                        sizeof(call->url) - 1);
        (void) social_credentials_sts_url(&b, social_str(call->plan.region));
        call->url[b.len] = '\0';
    }

    call->headers[0] = "Accept: text/xml";
    call->headers[1] = "Content-Type: application/x-www-form-urlencoded";
    call->request.method = "POST";
    call->request.timeout = SOCIAL_NET_CREDENTIALS_STS;

    if (social_net_credentials_ask(call, "STS", error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    if (call->reply.status != 200) {

        text = social_s3_error_read(social_str(call->reply.text));

        return social_net_credentials_failed(error,
                   "STS answered with status %ld%s%.*s", call->reply.status,
                   text.len ? ", " : "", (int) text.len,
                   (const char *) text.data);
    }

    text.data = call->body;
    text.len = call->len;

    return social_credentials_read_xml(text, &call->keys) == SOCIAL_OK
           ? SOCIAL_OK
           : social_net_credentials_failed(error, "STS: the response has no "
                                           "valid credentials");
}


/* read again each time, since it is replaced; it may end with a line end */

static social_rc_e
social_net_credentials_token_file(social_net_credentials_call_t *call,
    const char *path, social_net_credentials_t *file, social_str_t *token,
    char *error)
{
    (void) call;

    if (social_net_credentials_load(path, file, error) != SOCIAL_OK) {
        return SOCIAL_DECLINED;
    }

    token->data = file->data;
    token->len = file->size;

    while (token->len && token->data[token->len - 1] <= ' ') {
        token->len--;
    }

    if (token->len == 0) {
        social_net_credentials_free(file);
        return social_net_credentials_failed(error, "\"%.128s\" is empty",
                                             path);
    }

    return SOCIAL_OK;
}


static social_rc_e
social_net_credentials_json(social_net_credentials_call_t *call,
    const char *who, char *error)
{
    social_rc_e   rc;
    social_str_t  code;

    if (call->reply.status != 200) {
        return social_net_credentials_failed(error,
                   "%s answered with status %ld", who, call->reply.status);
    }

    rc = social_credentials_read_json(call->body, call->len, &call->keys,
                                      &code);

    switch (rc) {

    case SOCIAL_OK:
        return SOCIAL_OK;

    case SOCIAL_DECLINED:
        return social_net_credentials_failed(error, "%s said \"%.*s\"", who,
                   (int) code.len, (const char *) code.data);

    default:
        return social_net_credentials_failed(error,
                   "%s: the response has no valid credentials", who);
    }
}
