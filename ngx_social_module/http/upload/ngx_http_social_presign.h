
/*
 * Presigned uploads: what the directives, the variables and the answers
 * share.
 */

#ifndef NGX_HTTP_SOCIAL_PRESIGN_H
#define NGX_HTTP_SOCIAL_PRESIGN_H


#include "ngx_http_social_bucket.h"
#include "ngx_http_social_content.h"
#include "ngx_http_social_s3_call.h"
#include "social_presign.h"
#include "social_upload.h"


#define NGX_HTTP_SOCIAL_PRESIGN_PUT        1
#define NGX_HTTP_SOCIAL_PRESIGN_POST       2
#define NGX_HTTP_SOCIAL_PRESIGN_AVATAR     3
#define NGX_HTTP_SOCIAL_PRESIGN_SIGN       4
#define NGX_HTTP_SOCIAL_PRESIGN_MULTIPART  5

/* room for what is signed */
#define NGX_HTTP_SOCIAL_PRESIGN_WORK       32768


typedef struct {
    ngx_http_social_content_t   content;
    ngx_uint_t                  mode;
    ngx_str_t                   bucket_name;
    ngx_http_social_bucket_t   *bucket;
    ngx_http_complex_value_t   *key;
    ngx_array_t                *types;         /* of social_str_t */
    ngx_array_t                *kinds;         /* of social_str_t */
    ngx_flag_t                  overwrite;
    ngx_flag_t                  form;          /* of "sign" */
    ngx_str_t                   prefix;        /* the location's, "/x/" */
    ngx_http_social_s3_calls_t *calls;         /* of all locations */
    off_t                       max_size;
    time_t                      expires;
} ngx_http_social_presign_loc_conf_t;


typedef struct {
    ngx_str_t                   id;            /* a UUID as text */
    social_str_t                extension;
    ngx_str_t                   answer;        /* ready when it is signed */
    ngx_uint_t                  status;

    /* what to do when the row is written, in place of the answer; returns as
       ngx_http_social_presign_record() does, or NULL */
    ngx_int_t                 (*next)(ngx_http_request_t *r);
} ngx_http_social_presign_ctx_t;


/*
 * The row of an upload.
 */
typedef struct {
    social_str_t                kind;
    social_str_t                content_type;  /* empty: not known */
    social_str_t                sha256;        /* base64; empty: not known */
    int64_t                     size;          /* 0: not known */
    ngx_str_t                   key;
    int64_t                     expires_in;    /* seconds */
} ngx_http_social_presign_upload_t;


extern ngx_module_t  ngx_http_social_presign_module;


/* ngx_http_social_presign.c */

/*
 * The content handler.
 */
ngx_int_t ngx_http_social_presign_handler(ngx_http_request_t *r);


/* ngx_http_social_presign_row.c */

/*
 * A new random UUID (RFC 9562, 5.4) as 36 characters, in r->pool.  NGX_ERROR:
 * out of memory, or of randomness.
 */
ngx_int_t ngx_http_social_presign_uuid(ngx_http_request_t *r, ngx_str_t *id);


/*
 * Writes the row of the upload ctx->id, for the identity of the request, and
 * then sends ctx->answer with ctx->status.  NGX_DONE: the request will be
 * finalized; or what is for ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_presign_record(ngx_http_request_t *r,
    const ngx_http_social_presign_upload_t *upload);


/* ngx_http_social_presign_url.c */

/*
 * The value of "social_presign_key" for the context of the request.
 * NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_social_presign_key(ngx_http_request_t *r, ngx_str_t *key);

/*
 * Whether the kind of an upload is accepted here: an empty one becomes the
 * first of "kinds".
 */
ngx_uint_t ngx_http_social_presign_find_kind(
    ngx_http_social_presign_loc_conf_t *plcf, social_str_t *kind);

/*
 * The type that an extension is of, if it is accepted here; else empty.
 */
social_str_t ngx_http_social_presign_find_type(
    ngx_http_social_presign_loc_conf_t *plcf, social_str_t extension);

/*
 * Signs a URL, or a form, for as long as "social_presign_expires" and the
 * credentials allow, which "expires" of each is set to; the views are of
 * r->pool.  NGX_DECLINED: the key cannot be signed, which is not logged;
 * NGX_OK, or what is for ngx_http_finalize_request().
 */
ngx_int_t ngx_http_social_presign_url(ngx_http_request_t *r,
    social_presign_t *presign, social_str_t *url);
ngx_int_t ngx_http_social_presign_form(ngx_http_request_t *r,
    social_presign_form_t *form, social_presign_formed_t *formed);

/*
 * The same for a URL that the gateway itself is going to use, soon.
 */
ngx_int_t ngx_http_social_presign_own_url(ngx_http_request_t *r,
    social_presign_t *presign, social_str_t *url);

/*
 * Logs that the key of the configuration cannot be signed; returns 500.
 */
ngx_int_t ngx_http_social_presign_bad_key(ngx_http_request_t *r);


/* ngx_http_social_presign_put.c */

/*
 * Process a request of each mode, whose body is "body"; the result is as that
 * of ngx_http_social_presign_record().
 */
ngx_int_t ngx_http_social_presign_put(ngx_http_request_t *r,
    social_str_t body);
ngx_int_t ngx_http_social_presign_post(ngx_http_request_t *r,
    social_str_t body);

/*
 * Makes a form for an upload, and ctx->answer: what "post" does once it is
 * known what the upload is.  "expires_in" may be less than the limit already,
 * in seconds, or 0, and is set.  NGX_DECLINED: its key cannot be signed.
 */
ngx_int_t ngx_http_social_presign_make_post(ngx_http_request_t *r,
    ngx_http_social_presign_upload_t *upload);

/*
 * 413 or 415 where that is the only error, otherwise 422; each names every
 * invalid field.
 */
ngx_int_t ngx_http_social_presign_errors(ngx_http_request_t *r,
    const social_upload_error_t *errors, ngx_uint_t n, ngx_uint_t status);


/* ngx_http_social_presign_avatar.c */

ngx_int_t ngx_http_social_presign_avatar(ngx_http_request_t *r,
    social_str_t body);


/* ngx_http_social_presign_sign.c */

ngx_int_t ngx_http_social_presign_sign(ngx_http_request_t *r,
    social_str_t body);


/* ngx_http_social_presign_multipart.c */

/*
 * The content handler in the mode "multipart", after the identity is known.
 */
ngx_int_t ngx_http_social_presign_multipart(ngx_http_request_t *r);


/* ngx_http_social_presign_conf.c */

extern const ngx_http_social_conf_entry_t  ngx_http_social_presign_types;
extern const ngx_http_social_conf_entry_t  ngx_http_social_presign_max_size;
extern const ngx_http_social_conf_entry_t  ngx_http_social_presign_expires;

char *ngx_http_social_presign_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_social_presign_key_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_SOCIAL_PRESIGN_H */
