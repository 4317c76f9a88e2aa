
/*
 * social-explain: says what the gateway would answer to a token, by the
 * configuration that nginx itself has read and by the functions that decide
 * about requests.  It runs in "nginx -t", when the configuration is there, and
 * ends the process; no other process of nginx ever gets there.
 */

#include "ngx_http_social_explain.h"
#include "ngx_http_social_conf_note.h"


#define NGX_HTTP_SOCIAL_EXPLAIN_TOKEN  (2 * SOCIAL_TOKEN_MAX_SIZE)


static ngx_int_t ngx_http_social_explain_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_social_explain_read(ngx_cycle_t *cycle,
    ngx_str_t *token);
static void ngx_http_social_explain_variable(const char *name,
    const char *value, ngx_str_t *text);


static ngx_http_module_t  ngx_http_social_explain_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_social_explain_module = {
    NGX_MODULE_V1,
    &ngx_http_social_explain_module_ctx,   /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_social_explain_init_module,   /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_social_explain_init_module(ngx_cycle_t *cycle)
{
    ngx_str_t                  *name;
    ngx_http_social_explain_t   explain;

    if (!ngx_http_social_explaining()) {
        return NGX_OK;
    }

    ngx_memzero(&explain, sizeof(ngx_http_social_explain_t));

    explain.cycle = cycle;

    ngx_http_social_explain_variable("SOCIAL_EXPLAIN_HOST", "",
                                     &explain.host);
    ngx_http_social_explain_variable("SOCIAL_EXPLAIN_METHOD", "GET",
                                     &explain.method);
    ngx_http_social_explain_variable("SOCIAL_EXPLAIN_LOCATION", "/",
                                     &explain.uri);

    ngx_strlow(explain.host.data, explain.host.data, explain.host.len);

    if (social_net_init() != SOCIAL_OK
        || ngx_http_social_explain_read(cycle, &explain.token) != NGX_OK)
    {
        ngx_http_social_explain_say("token", "it could not be read");
        exit(NGX_HTTP_SOCIAL_EXPLAIN_UNKNOWN);
    }

    if (ngx_http_social_explain_find(&explain) != NGX_OK) {
        ngx_http_social_explain_say("server", "none: the configuration has no "
                                    "server in \"http\"");
        exit(NGX_HTTP_SOCIAL_EXPLAIN_UNKNOWN);
    }

    name = &explain.server->server_name;

    ngx_http_social_explain_say("request", "%V %V", &explain.method,
                                &explain.uri);
    ngx_http_social_explain_say("server", "%V  (%s:%ui)", name,
                                explain.server->file_name,
                                explain.server->line);
    ngx_http_social_explain_say("location", "%V%s%s",
                                &explain.location->name,
                                explain.location->name.len ? ""
                                    : "none: the server's own settings",
                                explain.excepted ? ", its \"limit_except\""
                                                 : "");

    exit((int) ngx_http_social_explain_token(&explain));
}


/*
 * All of the standard input, without space around it.  The process serves
 * nobody, and may wait.
 */

static ngx_int_t
ngx_http_social_explain_read(ngx_cycle_t *cycle, ngx_str_t *token)
{
    size_t    len;
    ssize_t   n;
    u_char   *buf;

    buf = ngx_pnalloc(cycle->pool, NGX_HTTP_SOCIAL_EXPLAIN_TOKEN);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    for (len = 0; len < NGX_HTTP_SOCIAL_EXPLAIN_TOKEN; len += n) {

        n = read(STDIN_FILENO, buf + len, NGX_HTTP_SOCIAL_EXPLAIN_TOKEN - len);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }
    }

    while (len > 0 && buf[len - 1] <= ' ') {
        len--;
    }

    while (len > 0 && *buf <= ' ') {
        buf++;
        len--;
    }

    token->data = buf;
    token->len = len;

    return NGX_OK;
}


static void
ngx_http_social_explain_variable(const char *name, const char *value,
    ngx_str_t *text)
{
    char  *set;

    set = getenv(name);

    text->data = (u_char *) (set && *set ? set : value);
    text->len = ngx_strlen(text->data);
}
