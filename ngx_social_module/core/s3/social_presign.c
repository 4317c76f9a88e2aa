
/*
 * Presigned URLs of objects.
 */

#include <string.h>

#include "social_json.h"
#include "social_presign.h"
#include "social_time.h"


static void social_presign_url(social_buf_t *work,
    const social_bucket_t *bucket, social_str_t host, social_str_t path);
static void social_presign_policy(social_buf_t *work,
    const social_bucket_t *bucket, const social_presign_form_t *form,
    int64_t until, const social_presign_formed_t *out);
static void social_presign_escape(social_buf_t *work, social_str_t s);
static social_rc_e social_presign_sign(const social_bucket_t *bucket,
    const social_credentials_t *credentials, social_str_t date,
    social_str_t policy, social_buf_t *work, social_str_t *signature);
static void social_presign_field(social_presign_formed_t *out,
    const char *name, social_str_t value);


int64_t
social_presign_expires(int64_t wanted, int64_t now,
    int64_t credentials_expire, int64_t margin)
{
    if (wanted > SOCIAL_SIGV4_MAX_EXPIRES) {
        wanted = SOCIAL_SIGV4_MAX_EXPIRES;
    }

    if (credentials_expire != 0 && credentials_expire - now - margin < wanted)
    {
        wanted = credentials_expire - now - margin;
    }

    return wanted > 0 ? wanted : 0;
}


social_rc_e
social_presign(const social_bucket_t *bucket,
    const social_credentials_t *credentials, const social_presign_t *p,
    int64_t now, social_sigv4_key_t *cache, social_buf_t *work,
    social_str_t *url)
{
    size_t                  i, mark;
    social_rc_e             rc;
    social_str_t            host;
    social_sigv4_scope_t    scope;
    social_sigv4_header_t   headers[SOCIAL_SIGV4_MAX_HEADERS];
    social_sigv4_signed_t   made;
    social_sigv4_request_t  request;

    if (!social_bucket_check(bucket->name)
        || (p->key.len && !social_object_check_portable(p->key))
        || p->header_count >= SOCIAL_SIGV4_MAX_HEADERS)
    {
        return SOCIAL_MALFORMED;
    }

    mark = work->len;
    social_bucket_host(work, bucket);
    host = social_buf_since(work, mark);

    headers[0].name = social_str("host");
    headers[0].value = host;

    for (i = 0; i < p->header_count; i++) {

        if (social_str_caseeq(p->headers[i].name, headers[0].name)) {
            return SOCIAL_MALFORMED;
        }

        headers[i + 1] = p->headers[i];
    }

    memset(&request, 0, sizeof(request));
    request.mode = SOCIAL_SIGV4_S3;
    request.method = p->method;
    request.path = social_bucket_path(work, bucket, p->key);
    request.query = p->query;
    request.headers = headers;
    request.header_count = p->header_count + 1;

    scope.region = bucket->region;
    scope.service = social_str("s3");
    scope.now = now;
    scope.key = cache;

    if (work->rc != SOCIAL_OK) {
        return work->rc;
    }

    rc = social_sigv4_sign_query(credentials, &scope, &request, p->expires,
                                 work, &made);
    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_presign_url(work, bucket, host, request.path);
    social_buf_byte(work, '?');
    social_buf_put(work, made.query);
    *url = social_buf_since(work, mark);

    return work->rc;
}


static void
social_presign_url(social_buf_t *work, const social_bucket_t *bucket,
    social_str_t host, social_str_t path)
{
    social_buf_text(work, bucket->endpoint.secure ? "https://" : "http://");
    social_buf_put(work, host);
    social_buf_put(work, path);
}


social_rc_e
social_presign_form(const social_bucket_t *bucket,
    const social_credentials_t *credentials,
    const social_presign_form_t *form, int64_t now, social_buf_t *work,
    social_presign_formed_t *out)
{
    size_t         i, mark;
    social_rc_e    rc;
    social_str_t   host, path, text, date, none;
    unsigned char  amz[SOCIAL_TIME_AMZ_SIZE];
    unsigned char  base64[social_base64_size(SOCIAL_PRESIGN_POLICY_SIZE)];

    if (!social_bucket_check(bucket->name)
        || !social_object_check_portable(form->key)
        || form->field_count > SOCIAL_PRESIGN_MAX_GIVEN
        || form->expires < 1 || form->expires > SOCIAL_SIGV4_MAX_EXPIRES
        || social_credentials_check(credentials) != NULL)
    {
        return SOCIAL_MALFORMED;
    }

    memset(out, 0, sizeof(social_presign_formed_t));

    none.data = NULL;
    none.len = 0;

    mark = work->len;
    social_bucket_host(work, bucket);
    host = social_buf_since(work, mark);
    path = social_bucket_path(work, bucket, none);

    mark = work->len;
    social_presign_url(work, bucket, host, path);

    if (path.len == 0 || path.data[path.len - 1] != '/') {
        social_buf_byte(work, '/');
    }

    out->url = social_buf_since(work, mark);

    social_time_amz(now, amz);

    mark = work->len;
    social_buf_put(work, (social_str_t) { sizeof(amz), amz });
    date = social_buf_since(work, mark);

    mark = work->len;
    social_buf_put(work, credentials->access_key);
    social_buf_byte(work, '/');
    social_buf_put(work, (social_str_t) { 8, amz });
    social_buf_byte(work, '/');
    social_buf_put(work, bucket->region);
    social_buf_text(work, "/s3/aws4_request");
    text = social_buf_since(work, mark);

    social_presign_field(out, "key", form->key);

    for (i = 0; i < form->field_count; i++) {
        out->fields[out->count++] = form->fields[i];
    }

    social_presign_field(out, "x-amz-algorithm", social_sigv4_algorithm);
    social_presign_field(out, "x-amz-credential", text);
    social_presign_field(out, "x-amz-date", date);

    if (credentials->token.len) {
        social_presign_field(out, "x-amz-security-token", credentials->token);
    }

    mark = work->len;
    social_presign_policy(work, bucket, form, now + form->expires, out);
    text = social_buf_since(work, mark);

    if (work->rc != SOCIAL_OK) {
        return work->rc;
    }

    if (text.len > SOCIAL_PRESIGN_POLICY_SIZE) {
        return SOCIAL_MALFORMED;
    }

    /* in its own place: what is encoded is longer */

    i = social_base64_encode(text, base64);
    work->len = mark;
    social_buf_put(work, (social_str_t) { i, base64 });
    text = social_buf_since(work, mark);

    date.len = 8;

    rc = social_presign_sign(bucket, credentials, date, text, work, &host);

    if (rc != SOCIAL_OK) {
        return rc;
    }

    social_presign_field(out, "policy", text);
    social_presign_field(out, "x-amz-signature", host);

    return work->rc;
}


static void
social_presign_field(social_presign_formed_t *out, const char *name,
    social_str_t value)
{
    out->fields[out->count].name = social_str(name);
    out->fields[out->count].value = value;
    out->count++;
}


static void
social_presign_policy(social_buf_t *work, const social_bucket_t *bucket,
    const social_presign_form_t *form, int64_t until,
    const social_presign_formed_t *out)
{
    size_t         i;
    unsigned char  iso[SOCIAL_TIME_ISO_SIZE];

    social_time_iso(until, iso);

    social_buf_text(work, "{\"expiration\":\"");
    social_buf_put(work, (social_str_t) { sizeof(iso), iso });
    social_buf_text(work, "\",\"conditions\":[{\"bucket\":\"");
    social_presign_escape(work, bucket->name);
    social_buf_text(work, "\"},[\"content-length-range\",");
    social_buf_number(work, (uint64_t) form->min);
    social_buf_byte(work, ',');
    social_buf_number(work, (uint64_t) form->max);
    social_buf_byte(work, ']');

    for (i = 0; i < out->count; i++) {
        social_buf_text(work, ",{\"");
        social_presign_escape(work, out->fields[i].name);
        social_buf_text(work, "\":\"");
        social_presign_escape(work, out->fields[i].value);
        social_buf_text(work, "\"}");
    }

    social_buf_text(work, "]}");
}


static void
social_presign_escape(social_buf_t *work, social_str_t s)
{
    unsigned char  text[6], *end;
    social_str_t   piece;

    /* an ASCII character at a time; UTF-8 goes as it is */

    while (s.len) {

        piece.data = s.data;
        piece.len = 1;

        if (s.data[0] < 0x80) {
            end = social_json_escape(text, piece);
            piece.data = text;
            piece.len = (size_t) (end - text);
        }

        social_buf_put(work, piece);
        s.data++;
        s.len--;
    }
}


static social_rc_e
social_presign_sign(const social_bucket_t *bucket,
    const social_credentials_t *credentials, social_str_t date,
    social_str_t policy, social_buf_t *work, social_str_t *signature)
{
    size_t              mark;
    social_rc_e         rc;
    unsigned char       text[SOCIAL_SIGV4_SIGNATURE_SIZE];
    social_sigv4_key_t  key;

    rc = social_sigv4_key(credentials->secret, date, bucket->region,
                          social_str("s3"), &key);

    if (rc == SOCIAL_OK) {
        rc = social_sigv4_signature(&key, policy, text);
    }

    social_crypto_cleanse(&key, sizeof(social_sigv4_key_t));

    if (rc != SOCIAL_OK) {
        return rc;
    }

    mark = work->len;
    social_buf_put(work, (social_str_t) { sizeof(text), text });
    *signature = social_buf_since(work, mark);

    return work->rc;
}
