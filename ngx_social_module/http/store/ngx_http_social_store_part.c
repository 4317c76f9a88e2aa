
/*
 * The embedded store: UploadPart, which is a PUT once the upload was found, and
 * UploadPartCopy, which reads another object in place of a body, a slice at a
 * time, so that it has no thread for long.
 */

#include "ngx_http_social_store_copy.h"
#include "ngx_http_social_store_put.h"
#include "social_s3_xml_upload.h"


#define NGX_HTTP_SOCIAL_PART_SLICE   (8 * 1024 * 1024)
#define NGX_HTTP_SOCIAL_PART_BUFFER  (128 * 1024)


static ngx_int_t ngx_http_social_part_source(ngx_http_social_put_t *put);
static void ngx_http_social_part_check(
    ngx_http_social_store_change_t *change);
static void ngx_http_social_part_open(ngx_http_social_put_t *put);
static void ngx_http_social_part_checked(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_part_slice(
    ngx_http_social_store_change_t *change);
static ngx_int_t ngx_http_social_part_read(ngx_http_social_put_t *put,
    off_t at, size_t *size, u_char *buf);
static void ngx_http_social_part_copied(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);
static void ngx_http_social_part_note(ngx_http_social_put_t *put);
static ngx_int_t ngx_http_social_part_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change);


ngx_int_t
ngx_http_social_store_upload_part(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr)
{
    off_t                   size;
    ngx_int_t               rc;
    ngx_uint_t              is_copy;
    social_s3_error_e       error;
    ngx_http_social_put_t  *put;

    is_copy = (sr->op.operation == SOCIAL_S3_UPLOAD_PART_COPY);
    size = 0;
    error = is_copy ? SOCIAL_S3_OK : ngx_http_social_put_size(r, sr, &size);

    if (error != SOCIAL_S3_OK) {
        return ngx_http_social_put_refuse(r, error);
    }

    put = ngx_http_social_put_create(r, sr, size);
    if (put == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    put->is_part = 1;
    put->is_copy = is_copy;
    put->note = ngx_http_social_part_note;
    ngx_memcpy(put->id, sr->op.upload.data, SOCIAL_STORE_ID_SIZE);

    put->change.commit.net.kind = SOCIAL_NET_COMMIT_PART;
    put->change.commit.net.upload_id = put->id;
    put->change.commit.net.part = sr->op.part;

    put->change.work = ngx_http_social_part_check;
    put->change.worked = ngx_http_social_part_checked;

    if (put->is_copy) {

        put->change.answer = ngx_http_social_part_answer;

        rc = ngx_http_social_part_source(put);

        if (rc != NGX_OK) {
            ngx_http_social_store_change_free(&put->change);
            return rc;
        }

        return ngx_http_social_store_change_start(r, &put->change, 1);
    }

    /* the body is not invited before the upload was found */

    if (ngx_http_social_store_change_work(&put->change) != NGX_OK) {
        ngx_http_social_store_change_free(&put->change);
        return ngx_http_social_put_refuse(r, SOCIAL_S3_SLOW_DOWN);
    }

    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_social_part_source(ngx_http_social_put_t *put)
{
    size_t             len;
    social_s3_copy_t  *copy;

    put->copy = put->request->op.copy;
    copy = &put->copy;

    put->path = ngx_pnalloc(put->change.task->pool, SOCIAL_STORE_MAX_PATH);

    if (put->path == NULL
        || ngx_http_social_store_change_copy(&put->change,
                                             &copy->condition.if_match,
                                             copy->condition.if_match)
           != NGX_OK
        || ngx_http_social_store_change_copy(&put->change,
                                             &copy->condition.if_none_match,
                                             copy->condition.if_none_match)
           != NGX_OK
        || social_store_path(copy->key, put->path, &len) != SOCIAL_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_social_part_check(ngx_http_social_store_change_t *change)
{
    social_net_commit_t     *net;
    social_net_upload_t      upload;
    social_net_commit_rc_e   rc;
    ngx_http_social_put_t   *put;

    put = (ngx_http_social_put_t *) change;
    net = &change->commit.net;

    rc = social_net_upload_read(net->disk, put->id, net->key, net->path,
                                &upload);

    if (rc == SOCIAL_NET_COMMIT_FAILED) {
        ngx_http_social_store_change_failed(change, ngx_errno);
        return;
    }

    if (rc != SOCIAL_NET_COMMIT_OK) {
        change->error = SOCIAL_S3_NO_SUCH_UPLOAD;
        return;
    }

    put->algorithm = social_s3_checksum_by_name(upload.upload.algorithm);

    if (put->is_copy) {
        ngx_http_social_part_open(put);
    }
}


/*
 * The object that it is copied from, and which bytes of it.
 */

static void
ngx_http_social_part_open(ngx_http_social_put_t *put)
{
    u_char                           buf[SOCIAL_STORE_META_SIZE];
    social_s3_copy_t                *copy;
    social_net_commit_t             *net;
    ngx_http_social_store_change_t  *change;

    change = &put->change;
    copy = &put->copy;
    net = &change->commit.net;

    change->error = ngx_http_social_store_source(change, (char *) put->path,
                                                 &copy->condition, buf,
                                                 &put->from, &put->source);
    if (change->error != SOCIAL_S3_OK) {
        return;
    }

    if (!copy->has_range) {
        copy->first = 0;
        copy->end = put->from.size;

    } else if (copy->end > put->from.size) {
        change->error = SOCIAL_S3_INVALID_ARGUMENT;
        change->text.message = social_str("Range specified is not valid for "
                                          "source object");
        return;
    }

    net->meta.size = copy->end - copy->first;

    if (net->meta.size > SOCIAL_S3_MAX_COPY) {
        change->error = SOCIAL_S3_COPY_SOURCE_TOO_LARGE;
        return;
    }

    if (net->meta.size > change->conf->max_size) {
        change->error = SOCIAL_S3_ENTITY_TOO_LARGE;
        return;
    }

    change->error = ngx_http_social_store_digest_begin(&put->digest,
                                                       put->algorithm);
}


static void
ngx_http_social_part_checked(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    ngx_int_t               rc;
    social_s3_checksum_e    given;
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    if (put->is_copy) {
        change->work = ngx_http_social_part_slice;
        change->worked = ngx_http_social_part_copied;
        ngx_http_social_part_copied(r, change);
        return;
    }

    given = put->request->op.checksum.algorithm;

    if (put->algorithm != SOCIAL_S3_CHECKSUM_NONE
        && given != SOCIAL_S3_CHECKSUM_NONE && given != put->algorithm)
    {
        change->text.message = social_str("Checksum type mismatch: the upload "
                                          "was created with another one");
        rc = ngx_http_social_store_refuse(r, SOCIAL_S3_INVALID_REQUEST,
                                          &change->text);
        ngx_http_finalize_request(r, rc);
        return;
    }

    put->digest.compute = put->algorithm;

    rc = ngx_http_social_put_begin(r, put);

    ngx_http_finalize_request(r, rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc
                                                                 : NGX_DONE);
}


static void
ngx_http_social_part_slice(ngx_http_social_store_change_t *change)
{
    u_char                 *buf;
    size_t                  size;
    off_t                   at, end, last;
    social_str_t            data;
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    at = put->copy.first + put->received;
    last = put->copy.end;
    end = ngx_min(last, at + NGX_HTTP_SOCIAL_PART_SLICE);

    buf = ngx_alloc(NGX_HTTP_SOCIAL_PART_BUFFER, ngx_cycle->log);

    if (buf == NULL) {
        change->error = SOCIAL_S3_INTERNAL_ERROR;
        return;
    }

    while (at < end && change->error == SOCIAL_S3_OK) {

        size = ngx_min(end - at, NGX_HTTP_SOCIAL_PART_BUFFER);

        if (ngx_http_social_part_read(put, at, &size, buf) != NGX_OK) {
            break;
        }

        data.data = buf;
        data.len = size;

        ngx_http_social_put_data(put, data);

        at += size;
    }

    ngx_free(buf);
}


/*
 * As much of "size" as one file has.
 */

static ngx_int_t
ngx_http_social_part_read(ngx_http_social_put_t *put, off_t at, size_t *size,
    u_char *buf)
{
    ssize_t              n;
    unsigned             count;
    social_rc_e          rc;
    social_net_piece_t   piece;

    rc = SOCIAL_OK;
    count = 0;

    piece.fd = put->source.fd;
    piece.first = put->source.offset + at;
    piece.end = piece.first + *size;

    if (put->from.place == SOCIAL_STORE_PARTS) {
        rc = social_net_parts_pieces(&put->source, &put->from, at, at + *size,
                                     &piece, 1, &count);
    }

    n = -1;

    if (rc == SOCIAL_OK) {

        n = pread(piece.fd, buf, piece.end - piece.first, piece.first);

        if (count) {
            ngx_close_file(piece.fd);
        }
    }

    if (n > 0) {
        *size = n;
        return NGX_OK;
    }

    if (rc == SOCIAL_MALFORMED || n == 0) {
        put->change.error = SOCIAL_S3_INTERNAL_ERROR;

    } else {
        ngx_http_social_store_change_failed(&put->change, ngx_errno);
    }

    return NGX_ERROR;
}


static void
ngx_http_social_part_copied(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    ngx_int_t               rc;
    ngx_http_social_put_t  *put;

    put = (ngx_http_social_put_t *) change;

    if ((put->received == change->commit.net.meta.size
         ? ngx_http_social_store_change_commit(change)
         : ngx_http_social_store_change_work(change))
        != NGX_OK)
    {
        rc = ngx_http_social_store_error(r, SOCIAL_S3_SLOW_DOWN, NULL);
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_social_part_note(ngx_http_social_put_t *put)
{
    u_char                 buf[SOCIAL_STORE_NOTE_SIZE];
    u_char                 text[SOCIAL_S3_CHECKSUM_TEXT], name[16];
    ngx_uint_t             i;
    social_str_t           data, algorithm;
    social_net_commit_t   *net;
    social_store_note_t    note;
    social_s3_checksum_t  *checksum;

    net = &put->change.commit.net;
    checksum = &put->digest.checksum;

    ngx_memzero(&note, sizeof(social_store_note_t));

    net->meta.modified = (int64_t) time(NULL);

    ngx_memcpy(note.etag, net->meta.etag, sizeof(note.etag));
    note.size = net->meta.size;
    note.modified = net->meta.modified;

    if (checksum->algorithm != SOCIAL_S3_CHECKSUM_NONE) {

        algorithm = social_s3_checksum_name(checksum->algorithm);

        for (i = 0; i < algorithm.len; i++) {
            name[i] = ngx_tolower(algorithm.data[i]);
        }

        note.algorithm.data = name;
        note.algorithm.len = algorithm.len;

        note.checksum.data = text;
        note.checksum.len = social_s3_checksum_write(checksum->algorithm,
                                                     checksum->value, text);
    }

    if (social_store_note_write(&note, buf) != SOCIAL_OK) {
        put->change.error = SOCIAL_S3_INTERNAL_ERROR;
        return;
    }

    data.data = buf;
    data.len = sizeof(buf);

    if ((net->data.fd == -1
         && social_net_disk_create(net->disk, net->meta.id, 0, &net->data)
            != SOCIAL_OK)
        || social_net_disk_write(net->data.fd, data) != SOCIAL_OK)
    {
        ngx_http_social_store_change_failed(&put->change, ngx_errno);
    }
}


/*
 * UploadPartCopy.
 */

static ngx_int_t
ngx_http_social_part_answer(ngx_http_request_t *r,
    ngx_http_social_store_change_t *change)
{
    u_char        *p;
    social_buf_t   b;

    p = ngx_pnalloc(r->pool, 1024);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a checksum of a part has no type */

    change->commit.net.meta.checksums.len = 0;

    social_buf_init(&b, p, 1024);
    social_s3_xml_copied(&b, "CopyPartResult", &change->commit.net.meta);

    return ngx_http_social_store_xml(r, &b);
}
