
/*
 * URLs that give access for a time.
 */

#include <stdlib.h>
#include <string.h>

#include "social_crypto.h"
#include "social_encoding.h"
#include "social_signed_url.h"
#include "social_uri.h"


/* what is read from an URL or a cookie, as it stands there */

typedef struct {
    social_str_t       expires;
    social_str_t       signature;
    social_str_t       prefix;        /* percent-encoded */
    bool               has_prefix;
} social_signed_url_fields_t;


static social_rc_e social_signed_url_sign(const social_signed_url_t *url,
    social_str_t secret,
    unsigned char signature[SOCIAL_SIGNED_URL_SIGNATURE]);
static social_signed_url_status_e social_signed_url_verify_cookie(
    social_str_t path, social_str_t value, const social_str_t secrets[2],
    int64_t now);
static social_signed_url_status_e social_signed_url_split(social_str_t args,
    social_signed_url_fields_t *fields, social_buf_t *rest);
static bool social_signed_url_field(social_str_t *field, social_str_t value);
static social_signed_url_status_e social_signed_url_verify(
    social_signed_url_fields_t *fields, social_str_t path, social_str_t args,
    const social_str_t secrets[2], int64_t now);
static bool social_signed_url_number(social_str_t s, int64_t *n);


static const social_str_t  social_signed_url_expires =
                               social_string("social-expires");
static const social_str_t  social_signed_url_prefix =
                               social_string("social-prefix");
static const social_str_t  social_signed_url_signature =
                               social_string("social-signature");


bool
social_signed_url_path_valid(social_str_t path)
{
    size_t         i, start, len;
    unsigned char  ch;

    if (path.len == 0 || path.data[0] != '/') {
        return false;
    }

    start = 1;

    for (i = 1; i <= path.len; i++) {

        ch = i < path.len ? path.data[i] : '/';

        if (ch < 0x20 || ch == 0x7f) {
            return false;
        }

        if (ch != '/') {
            continue;
        }

        len = i - start;

        /* the last one may be empty: a directory */

        if ((len == 0 && i < path.len)
            || (len == 1 && path.data[start] == '.')
            || (len == 2 && path.data[start] == '.'
                && path.data[start + 1] == '.'))
        {
            return false;
        }

        start = i + 1;
    }

    return true;
}


bool
social_signed_url_prefix_valid(social_str_t prefix)
{
    return prefix.len <= SOCIAL_SIGNED_URL_MAX_PREFIX
           && social_signed_url_path_valid(prefix)
           && prefix.data[prefix.len - 1] == '/';
}


social_rc_e
social_signed_url_args(const social_signed_url_t *url, social_str_t secret,
    social_buf_t *b)
{
    social_rc_e    rc;
    unsigned char  signature[SOCIAL_SIGNED_URL_SIGNATURE];

    rc = social_signed_url_sign(url, secret, signature);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    social_buf_put(b, social_signed_url_expires);
    social_buf_byte(b, '=');
    social_buf_number(b, (uint64_t) url->expires);
    social_buf_byte(b, '&');

    if (url->prefix) {
        social_buf_put(b, social_signed_url_prefix);
        social_buf_byte(b, '=');
        social_uri_encode(b, url->resource, SOCIAL_URI_SLASH);
        social_buf_byte(b, '&');
    }

    social_buf_put(b, social_signed_url_signature);
    social_buf_byte(b, '=');
    social_buf_put(b, (social_str_t) { sizeof(signature), signature });

    return b->rc;
}


social_rc_e
social_signed_url_cookie(const social_signed_url_t *url, social_str_t secret,
    social_buf_t *b)
{
    social_rc_e    rc;
    unsigned char  signature[SOCIAL_SIGNED_URL_SIGNATURE];

    if (!url->prefix) {
        return SOCIAL_MALFORMED;
    }

    rc = social_signed_url_sign(url, secret, signature);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    social_buf_number(b, (uint64_t) url->expires);
    social_buf_byte(b, '.');
    social_buf_put(b, (social_str_t) { sizeof(signature), signature });
    social_buf_byte(b, '.');
    social_uri_encode(b, url->resource, SOCIAL_URI_SLASH);

    return b->rc;
}


static social_rc_e
social_signed_url_sign(const social_signed_url_t *url, social_str_t secret,
    unsigned char signature[SOCIAL_SIGNED_URL_SIGNATURE])
{
    size_t          size;
    social_rc_e     rc;
    social_buf_t    text;
    unsigned char  *data;
    unsigned char   mac[SOCIAL_SHA256_SIZE];

    if (url->expires < 0
        || (url->prefix ? !social_signed_url_prefix_valid(url->resource)
                        : !social_signed_url_path_valid(url->resource)))
    {
        return SOCIAL_MALFORMED;
    }

    size = sizeof("prefix\n18446744073709551615\n?") + url->resource.len
           + url->args.len;

    data = malloc(size);
    if (data == NULL) {
        return SOCIAL_FAILED;
    }

    social_buf_init(&text, data, size);

    social_buf_text(&text, url->prefix ? "prefix\n" : "path\n");
    social_buf_number(&text, (uint64_t) url->expires);
    social_buf_byte(&text, '\n');
    social_buf_put(&text, url->resource);

    if (!url->prefix && url->args.len) {
        social_buf_byte(&text, '?');
        social_buf_put(&text, url->args);
    }

    rc = text.rc;

    if (rc == SOCIAL_OK) {
        rc = social_hmac_sha256(secret, (social_str_t) { text.len, data },
                                mac);
    }

    if (rc == SOCIAL_OK) {
        social_hex_encode((social_str_t) { sizeof(mac), mac }, signature);
    }

    free(data);

    return rc;
}


social_signed_url_status_e
social_signed_url_verify_args(social_str_t path, social_str_t args,
    const social_str_t secrets[2], int64_t now, social_buf_t *rest)
{
    size_t                      mark;
    social_signed_url_fields_t  fields;
    social_signed_url_status_e  status;

    mark = rest->len;

    status = social_signed_url_split(args, &fields, rest);

    if (status != SOCIAL_SIGNED_URL_OK) {
        return status;
    }

    return social_signed_url_verify(&fields, path,
                                    social_buf_since(rest, mark), secrets,
                                    now);
}


social_signed_url_status_e
social_signed_url_verify_cookies(social_str_t path, social_str_t header,
    social_str_t name, const social_str_t secrets[2], int64_t now)
{
    size_t                      n;
    social_str_t                item;
    social_signed_url_status_e  status;

    status = SOCIAL_SIGNED_URL_NONE;
    n = 0;

    while (n < SOCIAL_SIGNED_URL_MAX_COOKIES
           && social_str_next(&header, ";", &item))
    {
        item = social_str_trim(item);

        if (item.len <= name.len || item.data[name.len] != '='
            || !social_str_starts(item, name))
        {
            continue;
        }

        item.data += name.len + 1;
        item.len -= name.len + 1;

        status = social_signed_url_verify_cookie(path, item, secrets, now);

        if (status == SOCIAL_SIGNED_URL_OK
            || status == SOCIAL_SIGNED_URL_FAILED)
        {
            break;
        }

        n++;
    }

    return status;
}


static social_signed_url_status_e
social_signed_url_verify_cookie(social_str_t path, social_str_t value,
    const social_str_t secrets[2], int64_t now)
{
    size_t                      i, n;
    social_str_t                part[2];
    social_signed_url_fields_t  fields;

    /* the prefix may have dots */

    for (n = 0; n < 2; n++) {

        for (i = 0; i < value.len && value.data[i] != '.'; i++) { /* void */ }

        if (i == value.len) {
            return SOCIAL_SIGNED_URL_MALFORMED;
        }

        part[n].data = value.data;
        part[n].len = i;

        value.data += i + 1;
        value.len -= i + 1;
    }

    fields.expires = part[0];
    fields.signature = part[1];
    fields.prefix = value;
    fields.has_prefix = true;

    return social_signed_url_verify(&fields, path, social_str(""), secrets,
                                    now);
}


/*
 * The names are looked for as they are written here: a URL with other
 * spellings of them has no signature.
 */

static social_signed_url_status_e
social_signed_url_split(social_str_t args, social_signed_url_fields_t *fields,
    social_buf_t *rest)
{
    size_t         i;
    social_str_t   item, name, value;
    bool           first;

    memset(fields, 0, sizeof(social_signed_url_fields_t));

    first = true;

    for ( ;; ) {

        for (i = 0; i < args.len && args.data[i] != '&'; i++) { /* void */ }

        item.data = args.data;
        item.len = i;

        for (i = 0; i < item.len && item.data[i] != '='; i++) { /* void */ }

        name.data = item.data;
        name.len = i;

        value.data = item.data + i + (i < item.len);
        value.len = item.len - i - (i < item.len);

        if (social_str_eq(name, social_signed_url_expires)) {
            if (!social_signed_url_field(&fields->expires, value)) {
                return SOCIAL_SIGNED_URL_MALFORMED;
            }

        } else if (social_str_eq(name, social_signed_url_signature)) {
            if (!social_signed_url_field(&fields->signature, value)) {
                return SOCIAL_SIGNED_URL_MALFORMED;
            }

        } else if (social_str_eq(name, social_signed_url_prefix)) {
            if (!social_signed_url_field(&fields->prefix, value)) {
                return SOCIAL_SIGNED_URL_MALFORMED;
            }

            fields->has_prefix = true;

        } else {

            if (!first) {
                social_buf_byte(rest, '&');
            }

            social_buf_put(rest, item);
            first = false;
        }

        if (item.len == args.len) {
            break;
        }

        args.data += item.len + 1;
        args.len -= item.len + 1;
    }

    if (rest->rc != SOCIAL_OK) {
        return SOCIAL_SIGNED_URL_FAILED;
    }

    if (fields->expires.data == NULL && fields->signature.data == NULL
        && !fields->has_prefix)
    {
        return SOCIAL_SIGNED_URL_NONE;
    }

    return SOCIAL_SIGNED_URL_OK;
}


/* each once */

static bool
social_signed_url_field(social_str_t *field, social_str_t value)
{
    if (field->data != NULL) {
        return false;
    }

    *field = value;

    return true;
}


/*
 * The signature before the time: what has expired differs from what was never
 * valid.
 */

static social_signed_url_status_e
social_signed_url_verify(social_signed_url_fields_t *fields, social_str_t path,
    social_str_t args, const social_str_t secrets[2], int64_t now)
{
    size_t               i;
    social_buf_t         decoded;
    social_signed_url_t  url;
    unsigned char        prefix[SOCIAL_SIGNED_URL_MAX_PREFIX];
    unsigned char        signature[SOCIAL_SIGNED_URL_SIGNATURE];

    if (!social_signed_url_number(fields->expires, &url.expires)
        || fields->signature.len != SOCIAL_SIGNED_URL_SIGNATURE)
    {
        return SOCIAL_SIGNED_URL_MALFORMED;
    }

    url.prefix = fields->has_prefix;

    if (url.prefix) {

        social_buf_init(&decoded, prefix, sizeof(prefix));
        social_uri_decode(&decoded, fields->prefix, 0);

        url.resource = social_buf_since(&decoded, 0);
        url.args = social_str("");

        /* empty where it could not be decoded */

        if (!social_signed_url_prefix_valid(url.resource)) {
            return SOCIAL_SIGNED_URL_MALFORMED;
        }

        if (!social_str_starts(path, url.resource)) {
            return SOCIAL_SIGNED_URL_WRONG;
        }

    } else {
        url.resource = path;
        url.args = args;

        if (!social_signed_url_path_valid(path)) {
            return SOCIAL_SIGNED_URL_WRONG;
        }
    }

    for (i = 0; i < 2; i++) {

        if (secrets[i].len == 0) {
            continue;
        }

        if (social_signed_url_sign(&url, secrets[i], signature) != SOCIAL_OK) {
            return SOCIAL_SIGNED_URL_FAILED;
        }

        if (social_crypto_equal(fields->signature,
                                (social_str_t) { sizeof(signature),
                                                 signature }))
        {
            return now < url.expires ? SOCIAL_SIGNED_URL_OK
                                     : SOCIAL_SIGNED_URL_EXPIRED;
        }
    }

    return SOCIAL_SIGNED_URL_WRONG;
}


/* as it is written when it is signed: no zeros before it */

static bool
social_signed_url_number(social_str_t s, int64_t *n)
{
    size_t  i;

    if (s.len == 0 || s.len > 12 || (s.len > 1 && s.data[0] == '0')) {
        return false;
    }

    *n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        *n = *n * 10 + (s.data[i] - '0');
    }

    return true;
}


const char *
social_signed_url_reason(social_signed_url_status_e status)
{
    switch (status) {

    case SOCIAL_SIGNED_URL_NONE:
        return "it has no signature";

    case SOCIAL_SIGNED_URL_MALFORMED:
        return "its signature is malformed";

    case SOCIAL_SIGNED_URL_EXPIRED:
        return "its signature has expired";

    case SOCIAL_SIGNED_URL_WRONG:
        return "its signature is invalid";

    default:
        return "its signature could not be verified";
    }
}
