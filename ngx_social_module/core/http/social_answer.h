
/*
 * The answer to an HTTP request that was made to see whether a server works:
 * its status, and the beginning of its body.  (RFC 9112)
 */

#ifndef SOCIAL_ANSWER_H
#define SOCIAL_ANSWER_H


#include "social_rc.h"
#include "social_str.h"


#define SOCIAL_ANSWER_MAX_HEAD  16384      /* bytes, interim answers included */
#define SOCIAL_ANSWER_MAX_LINE  256        /* of a header that is understood */


typedef enum {
    SOCIAL_ANSWER_STATUS_LINE = 0,
    SOCIAL_ANSWER_HEADERS,
    SOCIAL_ANSWER_LENGTH,                  /* a body of "left" bytes */
    SOCIAL_ANSWER_CHUNK_LINE,
    SOCIAL_ANSWER_CHUNK,
    SOCIAL_ANSWER_CHUNK_END,
    SOCIAL_ANSWER_UNTIL_CLOSE,
    SOCIAL_ANSWER_COMPLETE
} social_answer_state_e;


typedef struct {
    unsigned               status;     /* 0: not known yet */
    unsigned char         *body;       /* of the caller */
    size_t                 size;       /* what there is room for */
    size_t                 len;        /* of the body, so far */
    const char            *why;        /* static, after SOCIAL_MALFORMED */

    /* internal */

    social_answer_state_e  state;
    size_t                 head;       /* bytes before the body */
    size_t                 total;
    uint64_t               left;
    bool                   has_length;
    bool                   chunked;
    size_t                 line_len;   /* so far, whatever is kept of it */
    bool                   cut;        /* not all of it is kept */
    unsigned char          line[SOCIAL_ANSWER_MAX_LINE];
} social_answer_t;


/*
 * Begins an answer.  "body" has room for "size" bytes, and lives as long; with
 * 0 bytes an answer is complete with its head.
 */
void social_answer_init(social_answer_t *a, unsigned char *body, size_t size);

/*
 * Reads what came next, as much or as little as it is.  SOCIAL_OK: a final
 * status is there, and the whole body, or "size" bytes of it; there may be
 * bytes behind that, which are not looked at.  SOCIAL_DECLINED: more has to
 * come.  SOCIAL_MALFORMED: it is not an answer of HTTP/1, or over a limit;
 * a->why says what.  It is not called again after the first and the last.
 */
social_rc_e social_answer_read(social_answer_t *a, social_str_t bytes);

/*
 * The server has closed the connection, and social_answer_read() wanted more.
 * SOCIAL_OK: the body was to end so.  SOCIAL_MALFORMED: the answer is cut.
 */
social_rc_e social_answer_end(social_answer_t *a);


#endif /* SOCIAL_ANSWER_H */
