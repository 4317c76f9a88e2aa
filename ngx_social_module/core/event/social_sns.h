
/*
 * Messages that SNS posts: what is in them, and whether SNS has signed them.
 * (Amazon SNS Developer Guide, "Parsing Amazon SNS message formats" and
 * "Verifying the signatures of Amazon SNS messages")
 */

#ifndef SOCIAL_SNS_H
#define SOCIAL_SNS_H


#include "social_json.h"


#define SOCIAL_SNS_MAX_URL        2048
#define SOCIAL_SNS_MAX_SIGNATURE  1024      /* characters of base64 */

/* seconds: how long SNS tries to deliver a message, and half as much again */
#define SOCIAL_SNS_MAX_AGE        5400

/* seconds by which its clock may be ahead */
#define SOCIAL_SNS_MAX_AHEAD      300


typedef enum {
    SOCIAL_SNS_NOTIFICATION = 0,
    SOCIAL_SNS_SUBSCRIPTION,            /* is to be confirmed */
    SOCIAL_SNS_UNSUBSCRIPTION           /* may be taken back */
} social_sns_type_e;


/*
 * All views are of the JSON that they were read from.
 */
typedef struct {
    social_sns_type_e   type;
    social_str_t        type_text;
    social_str_t        id;
    social_str_t        topic;
    social_str_t        message;
    social_str_t        subject;
    bool                has_subject;
    social_str_t        timestamp;
    int64_t             time;           /* the same: seconds */
    social_str_t        token;          /* empty for notifications */
    social_str_t        subscribe_url;  /* the same */
    unsigned            version;        /* of the signature: 1 or 2 */
    social_str_t        signature;      /* base64 */
    social_str_t        cert_url;
} social_sns_t;


/*
 * Reads a message.  SOCIAL_MALFORMED: a member cannot be used: "field" says
 * which, and "why" what it must be.  Whether the URLs may be followed is not
 * looked at.
 */
social_rc_e social_sns_read(const social_json_t *json, social_sns_t *sns,
    const char **field, const char **why);

/*
 * The same of a message that nobody is to verify, as those in a queue are:
 * that which a notification has.  SOCIAL_MALFORMED: it is not
 * a notification.
 */
social_rc_e social_sns_read_message(const social_json_t *json,
    social_str_t *message);

/*
 * Writes what the signature is of to "buf", and returns how many bytes that
 * takes, which may be more than "size": call it with a size of 0 first.
 */
size_t social_sns_string(const social_sns_t *sns, unsigned char *buf,
    size_t size);

/*
 * Whether the message was sent a short while ago at "now".
 */
bool social_sns_is_recent(const social_sns_t *sns, int64_t now);

/*
 * Whether a URL of a message leads to SNS: by https, without a user and a
 * fragment, to "host", as "name" or "name:port", or where that is empty to
 * sns.REGION.amazonaws.com or sns.REGION.amazonaws.com.cn on the usual port.
 * The first is of a certificate, a file in PEM without arguments; the second
 * that which confirms a subscription.
 */
bool social_sns_is_cert_url(social_str_t url, social_str_t host);
bool social_sns_is_subscribe_url(social_str_t url, social_str_t host);


#endif /* SOCIAL_SNS_H */
