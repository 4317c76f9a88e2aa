
/*
 * The body of a POST of an object: multipart/form-data, with fields and then
 * a file (RFC 7578; RFC 2046, 5.1; S3 API Reference, "POST Object").
 */

#ifndef SOCIAL_S3_FORM_H
#define SOCIAL_S3_FORM_H


#include "social_s3_error.h"
#include "social_sigv4.h"


#define SOCIAL_S3_FORM_SIZE          20480    /* of all before the file */
#define SOCIAL_S3_FORM_FIELDS        100
#define SOCIAL_S3_FORM_HEAD          2048     /* the headers of a part */
#define SOCIAL_S3_FORM_MAX_BOUNDARY  70


typedef enum {
    SOCIAL_S3_FORM_PREAMBLE = 0,
    SOCIAL_S3_FORM_DELIMITER,        /* after it */
    SOCIAL_S3_FORM_DASH,             /* after it and a "-" */
    SOCIAL_S3_FORM_LINE_END,         /* after it and a CR */
    SOCIAL_S3_FORM_HEADERS,
    SOCIAL_S3_FORM_VALUE,            /* of a field */
    SOCIAL_S3_FORM_FILE,
    SOCIAL_S3_FORM_IGNORED,          /* a part after the file */
    SOCIAL_S3_FORM_DONE
} social_s3_form_state_e;


/*
 * What stands before the file.
 */
typedef struct {
    size_t                   count;
    social_sigv4_header_t    items[SOCIAL_S3_FORM_FIELDS];
                                               /* names in lower case; the
                                                  views are of "memory" */
    social_str_t             filename;         /* without a path; may be
                                                  empty */
    size_t                   len;
    unsigned char            memory[SOCIAL_S3_FORM_SIZE];
} social_s3_form_fields_t;


/*
 * A decoder; only its own functions use the members, save "has_file" and
 * "files".
 */
typedef struct {
    social_s3_form_state_e   state;
    bool                     has_file;         /* it has begun */
    unsigned                 files;            /* that there were */
    social_s3_form_fields_t *fields;
    size_t                   seen;             /* bytes before the file */

    size_t                   matched;          /* of the delimiter */
    size_t                   delimiter_len;
    unsigned char            delimiter[4 + SOCIAL_S3_FORM_MAX_BOUNDARY];

    size_t                   head_len;
    unsigned char            head[SOCIAL_S3_FORM_HEAD];
} social_s3_form_t;


/*
 * Whether a Content-Type is multipart/form-data, with or without a boundary.
 */
bool social_s3_form_is(social_str_t content_type);

/*
 * Begins to decode the body of a request with this Content-Type; "fields" is
 * needed until the file begins.  SOCIAL_S3_MALFORMED_POST_REQUEST: there is no
 * boundary, or not one that RFC 2046 has.
 */
social_s3_error_e social_s3_form_init(social_s3_form_t *form,
    social_s3_form_fields_t *fields, social_str_t content_type);

/*
 * Takes bytes from the front of "in".  Before the file it returns when "in" is
 * used up, or form->has_file becomes true: all fields are there then.  After
 * that, "data" is the next piece of the file, a view of "in" or of "form";
 * empty: there is none, and the caller goes on while there is something in
 * "in".  What comes after the file is passed over.  What was returned before an
 * error must not become an object.
 *
 * SOCIAL_S3_MALFORMED_POST_REQUEST: it is not multipart/form-data;
 * SOCIAL_S3_MAX_POST_PRE_DATA_LENGTH: too much comes before the file.
 */
social_s3_error_e social_s3_form_next(social_s3_form_t *form,
    social_str_t *in, social_str_t *data);

/*
 * At the end of the body: SOCIAL_S3_OK, and form->files says how many there
 * were; or SOCIAL_S3_INCOMPLETE_BODY.
 */
social_s3_error_e social_s3_form_end(const social_s3_form_t *form);


#endif /* SOCIAL_S3_FORM_H */
