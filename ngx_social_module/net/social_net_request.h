
/*
 * One bounded, blocking request of any method: for objects.  For threads and
 * the worker, never for nginx's event loop.
 */

#ifndef SOCIAL_NET_REQUEST_H
#define SOCIAL_NET_REQUEST_H


#include "social_buf.h"
#include "social_net_fetch.h"


#define SOCIAL_NET_REQUEST_TEXT  512


/*
 * Connections that requests leave to those that come after them; for one thread
 * at a time.
 */
typedef struct social_net_session_s  social_net_session_t;


typedef struct {
    const char            *method;      /* GET, HEAD, PUT, POST, DELETE */
    const char            *url;
    const char *const     *headers;     /* "Name: value", NULL at the end */
    const unsigned char   *body;        /* of a PUT or POST */
    uint64_t               size;
    const int             *file;        /* its body in place of "body", of a
                                           PUT, from the beginning; or NULL */
    const char            *ca_file;     /* PEM, or NULL for the system's */
    long                   timeout;     /* milliseconds, for all of it */
    bool                   patient;     /* it is for the connection, and for
                                           each pause, and not for all */
    social_net_session_t  *session;     /* NULL: a connection of its own */
    bool                   plain;       /* an answer must not be encoded */
    bool                   direct;      /* never by a proxy */

    /*
     * Where the body of a 2xx goes: bytes are given as they come, and false
     * breaks off.  NULL: it is dropped.
     */
    bool                 (*sink)(void *data, const unsigned char *p,
                                 size_t len);
    void                  *data;

    /*
     * Is given each header of an answer, trimmed; or NULL.
     */
    void                 (*header)(void *data, social_str_t name,
                                   social_str_t value);

    /*
     * The bytes of an answer's body that are read, 0 for all of it.  The
     * connection is closed after them, without an error.
     */
    size_t                 max_answer;

    /*
     * Whether nobody waits for the answer any more: asked about once a second.
     * NULL: somebody does.
     */
    bool                 (*give_up)(void *data);
    void                  *give_up_data;
} social_net_request_t;


typedef struct {
    long                   status;
    long                   elapsed;     /* milliseconds that it took */
    int64_t                retry_after; /* seconds; 0: it was not said */
    char                   text[SOCIAL_NET_REQUEST_TEXT];
    char                   error[SOCIAL_NET_ERROR_SIZE];
} social_net_reply_t;


/*
 * Sends a request.  SOCIAL_OK: there is an answer, whatever its status: all of
 * a 2xx, and the beginning of any other, which is in "text".  SOCIAL_DECLINED:
 * no answer in time, or not from who it had to be, or with a Content-Encoding
 * where it must be plain, or the sink broke off, or it was given up;
 * SOCIAL_FAILED: out of memory.
 * "error" then says why, without the URL, which may be signed.
 */
social_rc_e social_net_request(const social_net_request_t *request,
    social_net_reply_t *reply);


/*
 * A session without connections, or NULL: out of memory.  The second one closes
 * them.
 */
social_net_session_t *social_net_session_create(void);
void social_net_session_free(social_net_session_t *session);


/*
 * Writes the line of a header, with a zero at its end, and returns it; ends
 * with a zero what was written since "mark", and returns that.  What does not
 * fit is noted in work->rc.
 */
const char *social_net_request_line(social_buf_t *work, social_str_t name,
    social_str_t value);
const char *social_net_request_text(social_buf_t *work, size_t mark);


#endif /* SOCIAL_NET_REQUEST_H */
