
/*
 * The embedded store: decoding a body, and its digests.
 *
 * All digests that a client sends are verified before the object is
 * acknowledged.
 */

#include "ngx_http_social_store.h"


static ngx_int_t ngx_http_social_store_digest_create(
    ngx_http_social_store_digest_t *digest);


social_s3_error_e
ngx_http_social_store_digest_init(ngx_pool_t *pool,
    ngx_http_social_store_request_t *sr,
    ngx_http_social_store_digest_t *digest)
{
    social_s3_operation_t  *op;

    op = &sr->op;

    ngx_md5_init(&digest->md5);

    digest->checksum = op->checksum;

    if (op->checksum.algorithm == SOCIAL_S3_CHECKSUM_NONE) {
        digest->checksum.algorithm = digest->compute;

    } else {
        digest->compute = SOCIAL_S3_CHECKSUM_NONE;
    }

    digest->has_md5 = op->has_md5;
    ngx_memcpy(digest->want_md5, op->md5, sizeof(op->md5));

    if (sr->verified.payload == SOCIAL_SIGV4_PAYLOAD_DIGEST) {
        ngx_memcpy(digest->want_sha256, sr->verified.digest,
                   SOCIAL_SHA256_SIZE);
        digest->has_sha256 = 1;
    }

    if (ngx_http_social_store_digest_create(digest) != NGX_OK) {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (sr->form) {

        digest->form = ngx_palloc(pool, sizeof(social_s3_form_t));

        if (digest->form == NULL) {
            return SOCIAL_S3_INTERNAL_ERROR;
        }

        *digest->form = *sr->form->decoder;
    }

    if (op->chunked == SOCIAL_S3_CHUNKED_NONE) {
        return SOCIAL_S3_OK;
    }

    digest->chunked = ngx_palloc(pool, sizeof(social_s3_chunked_t));

    if (digest->chunked == NULL
        || social_s3_chunked_init(digest->chunked, op->chunked,
                                  op->checksum.trailing
                                  ? op->checksum.algorithm
                                  : SOCIAL_S3_CHECKSUM_NONE,
                                  &sr->verified)
           != SOCIAL_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    return SOCIAL_S3_OK;
}


social_s3_error_e
ngx_http_social_store_digest_begin(ngx_http_social_store_digest_t *digest,
    social_s3_checksum_e algorithm)
{
    ngx_md5_init(&digest->md5);

    digest->compute = algorithm;
    digest->checksum.algorithm = algorithm;

    return ngx_http_social_store_digest_create(digest) == NGX_OK
           ? SOCIAL_S3_OK : SOCIAL_S3_INTERNAL_ERROR;
}


static ngx_int_t
ngx_http_social_store_digest_create(ngx_http_social_store_digest_t *digest)
{
    social_s3_checksum_e  algorithm;

    algorithm = digest->checksum.algorithm;

    if (digest->has_sha256 || algorithm == SOCIAL_S3_CHECKSUM_SHA256) {

        digest->sha256 = social_sha256_create();

        if (digest->sha256 == NULL) {
            return NGX_ERROR;
        }
    }

    if (algorithm != SOCIAL_S3_CHECKSUM_NONE
        && algorithm != SOCIAL_S3_CHECKSUM_SHA256)
    {
        digest->summer = social_s3_summer_create(algorithm);

        if (digest->summer == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


social_s3_error_e
ngx_http_social_store_digest_next(ngx_http_social_store_digest_t *digest,
    social_str_t *piece, social_str_t *data)
{
    if (digest->chunked) {
        return social_s3_chunked_next(digest->chunked, piece, data);
    }

    if (digest->form) {
        return social_s3_form_next(digest->form, piece, data);
    }

    *data = *piece;
    piece->len = 0;

    return SOCIAL_S3_OK;
}


social_s3_error_e
ngx_http_social_store_digest_update(ngx_http_social_store_digest_t *digest,
    social_str_t piece)
{
    ngx_md5_update(&digest->md5, piece.data, piece.len);

    if ((digest->sha256
         && social_sha256_update(digest->sha256, piece) != SOCIAL_OK)
        || (digest->summer
            && social_s3_summer_update(digest->summer, piece) != SOCIAL_OK))
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    return SOCIAL_S3_OK;
}


social_s3_error_e
ngx_http_social_store_digest_final(ngx_http_social_store_digest_t *digest,
    u_char etag[32])
{
    u_char             md5[SOCIAL_MD5_SIZE], value[SOCIAL_S3_CHECKSUM_MAX];
    social_s3_error_e  error;

    if (digest->chunked) {

        error = social_s3_chunked_end(digest->chunked);

        if (error != SOCIAL_S3_OK) {
            return error;
        }

        if (digest->checksum.trailing) {
            ngx_memcpy(digest->checksum.value, digest->chunked->value,
                       SOCIAL_S3_CHECKSUM_MAX);
        }
    }

    if (digest->form && digest->form->files != 1) {
        return SOCIAL_S3_INVALID_ARGUMENT;
    }

    ngx_md5_final(md5, &digest->md5);
    ngx_hex_dump(etag, md5, SOCIAL_MD5_SIZE);

    if (digest->has_md5
        && ngx_memcmp(md5, digest->want_md5, SOCIAL_MD5_SIZE) != 0)
    {
        return SOCIAL_S3_BAD_DIGEST;
    }

    if (digest->sha256) {

        if (social_sha256_final(digest->sha256, value) != SOCIAL_OK) {
            return SOCIAL_S3_INTERNAL_ERROR;
        }

        if (digest->has_sha256
            && ngx_memcmp(value, digest->want_sha256, SOCIAL_SHA256_SIZE) != 0)
        {
            return SOCIAL_S3_CONTENT_SHA256_MISMATCH;
        }
    }

    if (digest->summer
        && social_s3_summer_final(digest->summer, value) != SOCIAL_OK)
    {
        return SOCIAL_S3_INTERNAL_ERROR;
    }

    if (digest->compute != SOCIAL_S3_CHECKSUM_NONE) {
        ngx_memcpy(digest->checksum.value, value, SOCIAL_S3_CHECKSUM_MAX);
        return SOCIAL_S3_OK;
    }

    if (digest->checksum.algorithm != SOCIAL_S3_CHECKSUM_NONE
        && ngx_memcmp(value, digest->checksum.value,
                      social_s3_checksum_size(digest->checksum.algorithm))
           != 0)
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

    social_s3_summer_destroy(digest->summer);
    digest->summer = NULL;

    if (digest->chunked) {
        social_s3_chunked_destroy(digest->chunked);
        digest->chunked = NULL;
    }
}
