
/*
 * The embedded store: writing objects and parts of objects.
 */

#ifndef NGX_HTTP_SOCIAL_STORE_PUT_H
#define NGX_HTTP_SOCIAL_STORE_PUT_H


#include "ngx_http_social_store_change.h"
#include "social_net_parts.h"
#include "social_net_upload.h"


typedef struct ngx_http_social_put_s  ngx_http_social_put_t;


struct ngx_http_social_put_s {
    ngx_http_social_store_change_t     change;
    ngx_http_social_store_request_t   *request;    /* of the owner */

    ngx_http_social_store_digest_t     digest;
    u_char                             checksums[SOCIAL_S3_CHECKSUM_TEXT + 32];
    off_t                              received;
    off_t                              flushed;

    const social_s3_post_t            *post;       /* of a form, or NULL */
    off_t                              min;        /* of what its file has */
    off_t                              max;

    size_t                             len;        /* of the current piece */
    size_t                             size;       /* of the room */
    u_char                            *room;
    u_char                            *small;      /* the memory of both */

    /* of a part: in a thread, writes what is noted after its bytes */

    void                             (*note)(ngx_http_social_put_t *put);
    u_char                             id[SOCIAL_STORE_ID_SIZE];
    social_s3_checksum_e               algorithm;  /* of the upload */
    social_s3_copy_t                   copy;       /* what it is copied from */
    u_char                            *path;
    social_net_object_t                source;
    social_store_meta_t                from;       /* of that, without views */

    unsigned                           is_chunked:1;
    unsigned                           is_part:1;
    unsigned                           is_copy:1;
    unsigned                           digested:1;
};


/* a part has a file of its own, however small it is */

#define ngx_http_social_put_is_large(put)                                     \
    ((put)->is_part                                                           \
     || (put)->change.commit.net.meta.size > SOCIAL_NET_COMMIT_INLINE)


/*
 * The size of what comes in the body; errors are the client's.
 */
social_s3_error_e ngx_http_social_put_size(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, off_t *size);

/*
 * NULL: out of memory.
 */
ngx_http_social_put_t *ngx_http_social_put_create(ngx_http_request_t *r,
    ngx_http_social_store_request_t *sr, off_t size);

/*
 * Begins to read the body.  Returns what
 * ngx_http_read_client_request_body() does.
 */
ngx_int_t ngx_http_social_put_begin(ngx_http_request_t *r,
    ngx_http_social_put_t *put);

/*
 * Refuses a request before its body was read.
 */
ngx_int_t ngx_http_social_put_refuse(ngx_http_request_t *r,
    social_s3_error_e error);

/*
 * In a thread: adds a piece of the object or part.
 */
void ngx_http_social_put_data(ngx_http_social_put_t *put, social_str_t data);


#endif /* NGX_HTTP_SOCIAL_STORE_PUT_H */
