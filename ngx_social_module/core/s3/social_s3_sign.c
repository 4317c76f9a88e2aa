
/*
 * Requests that a proxy passes to a bucket.
 */

#include <string.h>

#include "social_s3_sign.h"
#include "social_uri.h"


typedef struct {
    social_str_t   method;
    social_str_t   path;
    social_str_t   query;
    social_str_t   version;
    social_str_t   lines;       /* of headers, without the empty one */
} social_s3_sign_head_t;


static social_rc_e social_s3_sign_read(social_str_t head,
    social_s3_sign_head_t *h);
static bool social_s3_sign_line(social_str_t *rest, social_str_t *line);
static social_str_t social_s3_sign_cut(social_str_t *s, unsigned char end);
static bool social_s3_sign_stays(social_str_t name);
static bool social_s3_sign_begins(social_str_t name, social_str_t with);
static bool social_s3_sign_is_query(social_str_t query);
static void social_s3_sign_header(social_buf_t *b, const char *name,
    social_str_t value);
static social_rc_e social_s3_sign_write(const social_s3_sign_head_t *h,
    social_str_t host, social_str_t path, social_str_t query,
    const social_sigv4_signed_t *signature, social_buf_t *work,
    social_str_t *made, social_str_t *uri);


/* what a proxy must not add to a request that is signed, or to this store */

static const social_str_t  social_s3_sign_left_out[] = {
    social_string("host"),
    social_string("authorization"),
    social_string("proxy-authorization"),
    social_string("cookie"),
    social_string("expect"),
};

static const social_str_t  social_s3_sign_families[] = {
    social_string("x-amz-"),
    social_string("x-social-"),
};


bool
social_s3_sign_may_pass(social_str_t name)
{
    return social_str_is_token(name)
           && memchr(name.data, '%', name.len) == NULL
           && memchr(name.data, '&', name.len) == NULL
           && !social_s3_sign_begins(name, social_s3_sign_families[0]);
}


social_str_t
social_s3_sign_args(social_buf_t *b, social_str_t query,
    const social_str_t *names, size_t count)
{
    size_t        i, mark;
    social_str_t  param, name, rest;

    mark = b->len;

    while (social_str_next(&query, "&", &param)) {

        rest = param;
        name = social_s3_sign_cut(&rest, '=');

        for (i = 0; i < count; i++) {

            if (!social_str_eq(name, names[i])) {
                continue;
            }

            if (b->len != mark) {
                social_buf_byte(b, '&');
            }

            social_buf_put(b, param);
            break;
        }
    }

    return social_buf_since(b, mark);
}


social_rc_e
social_s3_sign_key(social_buf_t *work, social_str_t uri, social_str_t *key)
{
    size_t        mark;
    social_str_t  path;

    path = social_s3_sign_cut(&uri, '?');

    if (path.len < 2 || path.data[0] != '/') {
        return SOCIAL_DECLINED;
    }

    path.data++;
    path.len--;

    mark = work->len;
    social_uri_decode(work, path, 0);
    *key = social_buf_since(work, mark);

    return work->rc == SOCIAL_OK && social_object_check_portable(*key)
           ? SOCIAL_OK : SOCIAL_DECLINED;
}


social_rc_e
social_s3_sign_head(const social_s3_sign_t *sign, social_str_t head,
    social_buf_t *work, social_str_t *made, social_str_t *uri)
{
    size_t                  mark;
    social_rc_e             rc;
    social_str_t            key, host;
    social_sigv4_scope_t    scope;
    social_sigv4_header_t   header;
    social_s3_sign_head_t   h;
    social_sigv4_signed_t   signature;
    social_sigv4_request_t  request;

    rc = social_s3_sign_read(head, &h);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    rc = social_s3_sign_key(work, h.path, &key);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_bucket_host(work, sign->bucket);
    host = social_buf_since(work, mark);

    header.name = social_str("host");
    header.value = host;

    memset(&request, 0, sizeof(social_sigv4_request_t));

    request.mode = SOCIAL_SIGV4_S3;
    request.method = h.method;
    request.path = social_bucket_path(work, sign->bucket, key);
    request.query = social_s3_sign_args(work, h.query, sign->args,
                                        sign->arg_count);
    request.headers = &header;
    request.header_count = 1;

    scope.region = sign->bucket->region;
    scope.service = social_str("s3");
    scope.now = sign->now;
    scope.key = sign->key;

    if (work->rc != SOCIAL_OK) {
        return work->rc;
    }

    if (!social_s3_sign_is_query(request.query)) {
        return SOCIAL_DECLINED;
    }

    rc = social_sigv4_sign_headers(sign->credentials, &scope, &request, work,
                                   &signature);
    if (rc != SOCIAL_OK) {
        return rc == SOCIAL_MALFORMED && request.query.len ? SOCIAL_DECLINED
                                                           : rc;
    }

    return social_s3_sign_write(&h, host, request.path, request.query,
                                &signature, work, made, uri);
}


/*
 * Takes a head apart.  A URI may have spaces in it, if it was made of
 * variables: they are part of the key.
 */

static social_rc_e
social_s3_sign_read(social_str_t head, social_s3_sign_head_t *h)
{
    social_str_t               line, name;
    static const social_str_t  get = social_string("GET");
    static const social_str_t  head_method = social_string("HEAD");
    static const social_str_t  version_10 = social_string("HTTP/1.0");
    static const social_str_t  version_11 = social_string("HTTP/1.1");

    if (!social_s3_sign_line(&head, &line)) {
        return SOCIAL_MALFORMED;
    }

    h->method = social_s3_sign_cut(&line, ' ');

    if ((!social_str_eq(h->method, get)
         && !social_str_eq(h->method, head_method))
        || line.len < version_11.len + 1)
    {
        return SOCIAL_MALFORMED;
    }

    h->version.data = line.data + line.len - version_11.len;
    h->version.len = version_11.len;
    line.len -= version_11.len + 1;

    if ((!social_str_eq(h->version, version_10)
         && !social_str_eq(h->version, version_11))
        || line.data[line.len] != ' ')
    {
        return SOCIAL_MALFORMED;
    }

    h->path = social_s3_sign_cut(&line, '?');
    h->query = line;

    h->lines.data = head.data;

    for ( ;; ) {

        h->lines.len = (size_t) (head.data - h->lines.data);

        if (!social_s3_sign_line(&head, &line)) {
            return SOCIAL_MALFORMED;
        }

        if (line.len == 0) {
            break;
        }

        name = social_s3_sign_cut(&line, ':');

        if (!social_str_is_token(name)) {
            return SOCIAL_MALFORMED;
        }
    }

    /* a body would have to be signed */

    return head.len == 0 ? SOCIAL_OK : SOCIAL_MALFORMED;
}


/*
 * Takes a line from the front of "rest".  False: there is no end of one.
 */

static bool
social_s3_sign_line(social_str_t *rest, social_str_t *line)
{
    const unsigned char  *p;

    p = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;

    if (p == NULL || p == rest->data || p[-1] != '\r') {
        return false;
    }

    line->data = rest->data;
    line->len = (size_t) (p - 1 - rest->data);

    rest->len -= line->len + 2;
    rest->data = p + 1;

    return memchr(line->data, '\r', line->len) == NULL;
}


/*
 * Takes what is before "end", or all, from the front of "s", and "end" itself.
 */

static social_str_t
social_s3_sign_cut(social_str_t *s, unsigned char end)
{
    social_str_t          first;
    const unsigned char  *p;

    first = *s;
    p = s->len ? memchr(s->data, end, s->len) : NULL;

    if (p == NULL) {
        s->data += s->len;
        s->len = 0;
        return first;
    }

    first.len = (size_t) (p - s->data);

    s->data = p + 1;
    s->len -= first.len + 1;

    return first;
}


static bool
social_s3_sign_stays(social_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(social_s3_sign_left_out) / sizeof(social_str_t);
         i++)
    {
        if (social_str_caseeq(name, social_s3_sign_left_out[i])) {
            return false;
        }
    }

    for (i = 0; i < sizeof(social_s3_sign_families) / sizeof(social_str_t);
         i++)
    {
        if (social_s3_sign_begins(name, social_s3_sign_families[i])) {
            return false;
        }
    }

    return true;
}


static bool
social_s3_sign_begins(social_str_t name, social_str_t with)
{
    if (name.len < with.len) {
        return false;
    }

    name.len = with.len;

    return social_str_caseeq(name, with);
}


/*
 * A URI that was made of variables may have spaces, which would end it.
 */

static bool
social_s3_sign_is_query(social_str_t query)
{
    size_t  i;

    for (i = 0; i < query.len; i++) {
        if (query.data[i] <= ' ' || query.data[i] == 0x7f) {
            return false;
        }
    }

    return true;
}


static void
social_s3_sign_header(social_buf_t *b, const char *name, social_str_t value)
{
    if (value.len == 0) {
        return;
    }

    social_buf_text(b, name);
    social_buf_text(b, ": ");
    social_buf_put(b, value);
    social_buf_text(b, "\r\n");
}


static social_rc_e
social_s3_sign_write(const social_s3_sign_head_t *h, social_str_t host,
    social_str_t path, social_str_t query,
    const social_sigv4_signed_t *signature, social_buf_t *work,
    social_str_t *made, social_str_t *uri)
{
    size_t        mark, from;
    social_str_t  rest, line, name, value;

    mark = work->len;

    social_buf_put(work, h->method);
    social_buf_byte(work, ' ');

    from = work->len;
    social_buf_put(work, path);

    if (query.len) {
        social_buf_byte(work, '?');
        social_buf_put(work, query);
    }

    *uri = social_buf_since(work, from);

    social_buf_byte(work, ' ');
    social_buf_put(work, h->version);
    social_buf_text(work, "\r\n");

    social_s3_sign_header(work, "Host", host);
    social_s3_sign_header(work, "Authorization", signature->authorization);
    social_s3_sign_header(work, "X-Amz-Date", signature->date);
    social_s3_sign_header(work, "X-Amz-Content-Sha256", signature->payload);
    social_s3_sign_header(work, "X-Amz-Security-Token", signature->token);

    rest = h->lines;

    while (social_s3_sign_line(&rest, &line)) {

        value = line;
        name = social_s3_sign_cut(&value, ':');

        if (social_s3_sign_stays(name)) {
            social_buf_put(work, line);
            social_buf_text(work, "\r\n");
        }
    }

    social_buf_text(work, "\r\n");

    *made = social_buf_since(work, mark);

    return work->rc;
}
