
/*
 * A queue of SQS.  Bounded and blocking: for the worker, never for the event
 * loop of nginx.
 */

#ifndef SOCIAL_NET_SQS_H
#define SOCIAL_NET_SQS_H


#include "social_bucket.h"
#include "social_net_credentials.h"
#include "social_net_request.h"
#include "social_sqs.h"


typedef struct {
    const char                       *queue;       /* its URL */
    social_endpoint_t                 endpoint;    /* that it is asked at */
    const char                       *region;
    const char                       *ca_file;     /* NULL: the system's */
    social_net_credentials_source_t  *source;      /* who signs */

    /* whether a request is to be given up, as of social_net_request_t */
    bool                            (*give_up)(void *data);
    void                             *data;
} social_net_sqs_t;


/*
 * Each signs its request (service "sqs"), follows no redirect, and returns in
 * time.  SOCIAL_DECLINED: no answer, or none that can be used; it may be tried
 * again, and "error", of SOCIAL_NET_ERROR_SIZE bytes, says why in one line.
 */

/*
 * Gets up to ten messages, and waits for the first for up to "wait" seconds, 20
 * at most (ReceiveMessage).  They are invisible to others for "visibility"
 * seconds then.  SOCIAL_OK: to be freed by social_sqs_received_free(), also
 * where there are none.
 */
social_rc_e social_net_sqs_receive(const social_net_sqs_t *sqs, unsigned wait,
    unsigned visibility, social_sqs_received_t *received, char *error);

/*
 * Deletes messages (DeleteMessageBatch), or has them stay invisible for so many
 * seconds from now (ChangeMessageVisibilityBatch): one to ten of them.
 * SOCIAL_OK: "failed" has the number of those that SQS refused, and "error" the
 * code of one of them.
 */
social_rc_e social_net_sqs_delete(const social_net_sqs_t *sqs,
    const social_sqs_message_t *const *messages, size_t n, size_t *failed,
    char *error);
social_rc_e social_net_sqs_extend(const social_net_sqs_t *sqs,
    const social_sqs_message_t *const *messages, size_t n,
    unsigned visibility, size_t *failed, char *error);

/*
 * Whether the queue is there and accepts the credentials, without a change: by
 * a message that there is not.
 */
social_rc_e social_net_sqs_check(const social_net_sqs_t *sqs, char *error);


#endif /* SOCIAL_NET_SQS_H */
