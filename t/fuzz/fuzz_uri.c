
/*
 * Percent-encoding, queries, names, endpoints, times, base64 and XML out of
 * any bytes: what comes back must be what went in.
 */

#include <stdlib.h>
#include <string.h>

#include "social_bucket.h"
#include "social_credentials.h"
#include "social_encoding.h"
#include "social_object.h"
#include "social_s3_error.h"
#include "social_signed_url.h"
#include "social_time.h"
#include "social_uri.h"
#include "social_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_escapes(social_str_t s);
static void fuzz_query(social_str_t s, unsigned flags);
static void fuzz_text(social_str_t s);
static void fuzz_times(social_str_t s);
static void fuzz_base64(social_str_t s);
static void fuzz_signed(social_str_t s);
static void fuzz_assert(bool truth);


static unsigned char  fuzz_memory[65536];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    social_str_t  s;

    if (size > 4096) {
        return 0;
    }

    s.data = data;
    s.len = size;

    fuzz_escapes(s);
    fuzz_query(s, 0);
    fuzz_query(s, SOCIAL_URI_PLUS);
    fuzz_text(s);
    fuzz_times(s);
    fuzz_base64(s);
    fuzz_signed(s);

    return 0;
}


static void
fuzz_escapes(social_str_t s)
{
    bool          zero;
    size_t        mark;
    social_buf_t  b;
    social_str_t  once, twice;

    social_buf_init(&b, fuzz_memory, sizeof(fuzz_memory));

    social_uri_encode(&b, s, SOCIAL_URI_SLASH);
    once = social_buf_since(&b, 0);

    mark = b.len;
    social_uri_decode(&b, once, SOCIAL_URI_PLUS);
    zero = s.len != 0 && memchr(s.data, '\0', s.len) != NULL;
    fuzz_assert(zero == (b.rc != SOCIAL_OK));
    fuzz_assert(zero || social_str_eq(social_buf_since(&b, mark), s));

    /* a canonical spelling is its own */

    social_buf_init(&b, fuzz_memory, sizeof(fuzz_memory));
    social_uri_recode(&b, s, SOCIAL_URI_SLASH);

    if (b.rc == SOCIAL_OK) {
        once = social_buf_since(&b, 0);
        mark = b.len;
        social_uri_recode(&b, once, SOCIAL_URI_SLASH | SOCIAL_URI_PLUS);
        twice = social_buf_since(&b, mark);
        fuzz_assert(b.rc == SOCIAL_OK && social_str_eq(once, twice));
    }
}


static void
fuzz_query(social_str_t s, unsigned flags)
{
    size_t              mark;
    social_buf_t        b;
    social_str_t        once, twice;
    social_uri_query_t  q, again;

    social_buf_init(&b, fuzz_memory, sizeof(fuzz_memory));

    if (social_uri_query_parse(&q, &b, s, flags) != SOCIAL_OK) {
        return;
    }

    mark = b.len;
    social_uri_query_write(&b, &q, NULL);
    once = social_buf_since(&b, mark);

    fuzz_assert(social_uri_query_parse(&again, &b, once, SOCIAL_URI_PLUS)
                == SOCIAL_OK);
    fuzz_assert(again.count == q.count);

    mark = b.len;
    social_uri_query_write(&b, &again, NULL);
    twice = social_buf_since(&b, mark);
    fuzz_assert(b.rc == SOCIAL_OK && social_str_eq(once, twice));
}


static void
fuzz_text(social_str_t s)
{
    const char            *why;
    social_buf_t           b;
    social_str_t           out, code;
    social_endpoint_t      e;
    social_credentials_t   c;

    social_buf_init(&b, fuzz_memory, sizeof(fuzz_memory));
    social_xml_escape(&b, s);
    out = social_buf_since(&b, 0);

    fuzz_assert(b.rc == SOCIAL_OK && social_utf8_valid(out));
    fuzz_assert(out.len == 0 || (memchr(out.data, '<', out.len) == NULL
                                 && memchr(out.data, '\0', out.len) == NULL));

    fuzz_assert(!social_object_check_portable(s) || social_object_check(s));
    (void) social_bucket_check(s);

    code = social_s3_error_read(s);
    fuzz_assert(code.len <= SOCIAL_S3_ERROR_MAX_CODE
                && (code.len == 0 || (code.data >= s.data
                                      && code.data + code.len
                                         < s.data + s.len)));

    code = social_s3_error_read_detail(s, "Region");
    fuzz_assert(code.len <= SOCIAL_S3_ERROR_MAX_DETAIL
                && (code.len == 0 || (code.data >= s.data
                                      && code.data + code.len
                                         < s.data + s.len)));

    fuzz_assert(social_credentials_parse(s, social_str("default"), &c)
                != SOCIAL_OK || (c.access_key.len && c.secret.len));

    why = NULL;

    if (social_endpoint_parse(s, &e, &why) == SOCIAL_OK) {
        fuzz_assert(e.host.len != 0);
        fuzz_assert(e.path.len == 0
                    || (e.path.data[0] == '/'
                        && e.path.data[e.path.len - 1] != '/'));
        return;
    }

    fuzz_assert(why != NULL);
}


static void
fuzz_times(social_str_t s)
{
    int64_t        t;
    unsigned char  text[SOCIAL_TIME_ISO_SIZE];

    if (social_time_amz_parse(s, &t) == SOCIAL_OK) {
        fuzz_assert(t >= 0 && t <= SOCIAL_TIME_MAX);
        social_time_amz(t, text);
        fuzz_assert(memcmp(text, s.data, SOCIAL_TIME_AMZ_SIZE) == 0);
    }

    if (s.len >= sizeof(t)) {
        memcpy(&t, s.data, sizeof(t));
        social_time_amz(t, text);
        social_time_iso(t, text);
    }
}


static void
fuzz_base64(social_str_t s)
{
    size_t          len;
    social_str_t    raw;
    unsigned char  *p;

    p = fuzz_memory;

    if (social_base64_decode(s, p, &len) == SOCIAL_OK) {
        fuzz_assert(len <= social_base64_decoded_size(s.len));
        raw.data = p;
        raw.len = len;
        fuzz_assert(social_base64_encode(raw, p + len) == s.len);
        fuzz_assert(s.len == 0 || memcmp(p + len, s.data, s.len) == 0);
    }

    if (social_hex_decode(s, p) == SOCIAL_OK) {
        raw.data = p;
        raw.len = s.len / 2;
        social_hex_encode(raw, p + raw.len);
        fuzz_assert(s.len == 0 || memcmp(p + raw.len, s.data, s.len) == 0);
    }
}


/*
 * As arguments and cookies; and as a path, whose signature is valid for it
 * alone.
 */

static void
fuzz_signed(social_str_t s)
{
    size_t               mark;
    social_buf_t         b;
    social_str_t         secrets[2], args;
    social_signed_url_t  url;

    secrets[0] = social_str("kkkkkkkkkkkkkkkkkkkkkkkk");
    secrets[1] = social_str("");

    social_buf_init(&b, fuzz_memory, s.len);

    fuzz_assert(social_signed_url_verify_args(social_str("/a"), s, secrets, 0,
                                              &b)
                != SOCIAL_SIGNED_URL_FAILED);
    fuzz_assert(social_signed_url_verify_cookies(social_str("/a"), s,
                                                 social_str("c"), secrets, 0)
                != SOCIAL_SIGNED_URL_FAILED);

    url.resource = s;
    url.args = social_str("");
    url.expires = 1;
    url.prefix = s.len != 0 && s.data[s.len - 1] == '/';

    social_buf_init(&b, fuzz_memory, sizeof(fuzz_memory));

    if (social_signed_url_args(&url, secrets[0], &b) != SOCIAL_OK) {
        fuzz_assert(!social_signed_url_path_valid(s)
                    || s.len > SOCIAL_SIGNED_URL_MAX_PREFIX);
        return;
    }

    args = social_buf_since(&b, 0);
    mark = b.len;

    fuzz_assert(social_signed_url_verify_args(s, args, secrets, 0, &b)
                == SOCIAL_SIGNED_URL_OK);
    fuzz_assert(b.len == mark);
    fuzz_assert(social_signed_url_verify_args(s, args, secrets, 1, &b)
                == SOCIAL_SIGNED_URL_EXPIRED);
    fuzz_assert(social_signed_url_verify_args(social_str("/another"), args,
                                              secrets, 0, &b)
                != SOCIAL_SIGNED_URL_OK
                || social_str_starts(social_str("/another"), s));
}


static void
fuzz_assert(bool truth)
{
    if (!truth) {
        abort();
    }
}
