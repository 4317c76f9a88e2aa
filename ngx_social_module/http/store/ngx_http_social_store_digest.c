
/*
 * The embedded store: the headers of a PUT, and the digests of its body.
 *
 * All digests that a client sends are verified before the object is
 * acknowledged.  A checksum that is not supported, and any other header that
 * would change the object or its handling, is refused rather than ignored.
 */

#include "ngx_http_social_store.h"
#include "social_encoding.h"
#include "social_uri.h"


static social_s3_error_e ngx_http_social_store_digest_supported(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_social_store_digest_ignored(ngx_table_elt_t *h);
static ngx_int_t ngx_http_social_store_digest_get(ngx_http_request_t *r,
    const char *name, u_char *value, size_t len, ngx_uint_t *has);
static ngx_int_t ngx_http_social_store_digest_query(ngx_http_request_t *r,
    social_str_t name, u_char *buf, social_str_t *value);


/*
 * Headers that do not concern the object, or are verified.
 */

static const char  *ngx_http_social_store_known[] = {
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-sha256",
    "x-amz-checksum-crc32"
};

#define NGX_HTTP_SOCIAL_STORE_KNOWN                                           \
    (sizeof(ngx_http_social_store_known)                                      \
     / sizeof(ngx_http_social_store_known[0]))


social_s3_error_e
ngx_http_social_store_digest_init(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_digest_t *digest)
{
    social_s3_error_e  error;

    ngx_md5_init(&digest->md5);
    ngx_crc32_init(digest->crc32);

    error = ngx_http_social_store_digest_supported(r);

    if (error != SOCIAL_S3_OK) {
        return error;
    }

    if (sr->verified.payload == SOCIAL_SIGV4_PAYLOAD_DIGEST) {
        ngx_memcpy(digest->want_sha256, sr->verified.digest,
                   SOCIAL_SHA256_SIZE);
        digest->has_sha256 = 1;
    }

    if (ngx_http_social_store_digest_get(r, "x-amz-checksum-sha256",
            digest->want_checksum, SOCIAL_SHA256_SIZE, &digest->has_checksum)
        != NGX_OK
        || ngx_http_social_store_digest_get(r, "x-amz-checksum-crc32",
               digest->want_crc32, 4, &digest->has_crc32)
           != NGX_OK
        || ngx_http_social_store_digest_get(r, "content-md5",
               digest->want_md5, 16, &digest->has_md5)
           != NGX_OK)
    {
        return SOCIAL_S3_INVALID_DIGEST;
    }

    if (digest->has_sha256 || digest->has_checksum) {

        digest->sha256 = social_sha256_create();
        if (digest->sha256 == NULL) {
            return SOCIAL_S3_INTERNAL_ERROR;
        }
    }

    return SOCIAL_S3_OK;
}


/*
 * With "Content-Encoding: aws-chunked" the framing would be stored as a part of
 * the object.  Other encodings are refused since they are not returned with the
 * object.
 */

static social_s3_error_e
ngx_http_social_store_digest_supported(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (!ngx_http_social_store_digest_ignored(&h[i])) {
                return SOCIAL_S3_NOT_IMPLEMENTED;
            }
        }
    }

    return SOCIAL_S3_OK;
}


static ngx_uint_t
ngx_http_social_store_digest_ignored(ngx_table_elt_t *h)
{
    ngx_uint_t                 i;
    social_str_t               name, value;
    static const social_str_t  amz = social_string("x-amz-");
    static const social_str_t  acl = social_string("x-amz-acl");
    static const social_str_t  private = social_string("private");

    name.data = h->lowcase_key;
    name.len = h->key.len;
    value = ngx_http_social_view(&h->value);

    if (!social_str_starts(name, amz)) {
        return value.len == 0
               || !(social_str_eq(name, social_str("content-encoding"))
                    || social_str_eq(name, social_str("if-match"))
                    || social_str_eq(name, social_str("if-none-match")));
    }

    for (i = 0; i < NGX_HTTP_SOCIAL_STORE_KNOWN; i++) {
        if (social_str_eq(name, social_str(ngx_http_social_store_known[i]))) {
            return 1;
        }
    }

    /* all are signed, except those that the configuration makes public */

    return social_str_eq(name, acl) && social_str_eq(value, private);
}


/*
 * A header, or the parameter of a presigned URL that replaces it.
 */

static ngx_int_t
ngx_http_social_store_digest_get(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len, ngx_uint_t *has)
{
    size_t            n;
    u_char            buf[64], decoded[64];
    ngx_str_t         s;
    ngx_uint_t        more;
    social_str_t      text;
    ngx_table_elt_t  *h;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);

    h = ngx_http_social_header_in(r, &s, ngx_hash_key(s.data, s.len), &more);

    switch (ngx_http_social_store_digest_query(r, ngx_http_social_view(&s),
                                               decoded, &text))
    {
    case NGX_OK:
        if (h != NULL) {
            return NGX_ERROR;
        }

        break;

    case NGX_DECLINED:
        if (h == NULL) {
            return NGX_OK;
        }

        if (more) {
            return NGX_ERROR;
        }

        text = ngx_http_social_view(&h->value);
        break;

    default:
        return NGX_ERROR;
    }

    if (text.len > 64
        || social_base64_decode(text, buf, &n) != SOCIAL_OK || n != len)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(value, buf, len);
    *has = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_social_store_digest_query(ngx_http_request_t *r, social_str_t name,
    u_char *buf, social_str_t *value)
{
    social_buf_t  b;
    social_str_t  path, query, item;

    ngx_http_social_store_split(r, &path, &query);

    while (social_str_next(&query, "&", &item)) {

        if (!social_str_starts(item, name)
            || (item.len > name.len && item.data[name.len] != '='))
        {
            continue;
        }

        if (item.len > name.len) {
            item.data += name.len + 1;
            item.len -= name.len + 1;

        } else {
            item.len = 0;
        }

        social_buf_init(&b, buf, 64);
        social_uri_decode(&b, item, SOCIAL_URI_PLUS);

        *value = social_buf_since(&b, 0);

        return b.rc == SOCIAL_OK ? NGX_OK : NGX_ERROR;
    }

    return NGX_DECLINED;
}


social_s3_error_e
ngx_http_social_store_digest_update(ngx_http_social_store_digest_t *digest,
    social_str_t piece)
{
    ngx_md5_update(&digest->md5, piece.data, piece.len);

    if (digest->has_crc32) {
        ngx_crc32_update(&digest->crc32, (u_char *) piece.data, piece.len);
    }

    if (digest->sha256
        && social_sha256_update(digest->sha256, piece) != SOCIAL_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    return SOCIAL_S3_OK;
}


social_s3_error_e
ngx_http_social_store_digest_final(ngx_http_social_store_digest_t *digest,
    u_char etag[32])
{
    u_char  md5[16], crc32[4], sha256[SOCIAL_SHA256_SIZE];

    ngx_md5_final(md5, &digest->md5);
    ngx_hex_dump(etag, md5, 16);

    if (digest->has_md5 && ngx_memcmp(md5, digest->want_md5, 16) != 0) {
        return SOCIAL_S3_BAD_DIGEST;
    }

    if (digest->has_crc32) {
        ngx_crc32_final(digest->crc32);

        crc32[0] = (u_char) (digest->crc32 >> 24);
        crc32[1] = (u_char) (digest->crc32 >> 16);
        crc32[2] = (u_char) (digest->crc32 >> 8);
        crc32[3] = (u_char) digest->crc32;

        if (ngx_memcmp(crc32, digest->want_crc32, 4) != 0) {
            return SOCIAL_S3_BAD_DIGEST;
        }
    }

    if (digest->sha256 == NULL) {
        return SOCIAL_S3_OK;
    }

    if (social_sha256_final(digest->sha256, sha256) != SOCIAL_OK) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (digest->has_sha256
        && ngx_memcmp(sha256, digest->want_sha256, SOCIAL_SHA256_SIZE) != 0)
    {
        return SOCIAL_S3_CONTENT_SHA256_MISMATCH;
    }

    if (digest->has_checksum
        && ngx_memcmp(sha256, digest->want_checksum, SOCIAL_SHA256_SIZE) != 0)
    {
        return SOCIAL_S3_BAD_DIGEST;
    }

    return SOCIAL_S3_OK;
}


void
ngx_http_social_store_digest_free(ngx_http_social_store_digest_t *digest)
{
    social_sha256_destroy(digest->sha256);
    digest->sha256 = NULL;
}
