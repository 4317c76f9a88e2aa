
/*
 * Messages that SNS posts.
 */

#include <string.h>

#include "social_sns.h"
#include "social_time.h"


#define SOCIAL_SNS_FIELDS  7


typedef struct {
    const char    *name;
    social_str_t   value;
} social_sns_field_t;


static bool social_sns_string_member(const social_json_t *json,
    const char *name, social_str_t *out);
static bool social_sns_is_url(social_str_t url, social_str_t host,
    social_str_t *rest);
static bool social_sns_is_aws(social_str_t host);
static bool social_sns_is_name(social_str_t text);


social_rc_e
social_sns_read(const social_json_t *json, social_sns_t *sns,
    const char **field, const char **why)
{
    size_t                i;
    bool                  confirmation;
    social_str_t          version;
    const social_json_t  *subject;

    static const char *const  types[] = {
        "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
    };

    memset(sns, 0, sizeof(social_sns_t));

    *why = "must be Notification, SubscriptionConfirmation or "
           "UnsubscribeConfirmation";
    *field = "Type";

    if (!social_sns_string_member(json, "Type", &sns->type_text)) {
        return SOCIAL_MALFORMED;
    }

    for (i = 0; i < 3; i++) {
        if (social_str_eq(sns->type_text, social_str(types[i]))) {
            break;
        }
    }

    if (i == 3) {
        return SOCIAL_MALFORMED;
    }

    sns->type = (social_sns_type_e) i;
    confirmation = sns->type != SOCIAL_SNS_NOTIFICATION;

    *why = "must be a string that is not empty";

    if (!social_sns_string_member(json, *field = "MessageId", &sns->id)
        || !social_sns_string_member(json, *field = "TopicArn", &sns->topic)
        || !social_sns_string_member(json, *field = "Message", &sns->message)
        || !social_sns_string_member(json, *field = "Timestamp",
                                     &sns->timestamp)
        || !social_sns_string_member(json, *field = "Signature",
                                     &sns->signature)
        || !social_sns_string_member(json, *field = "SigningCertURL",
                                     &sns->cert_url)
        || (confirmation
            && (!social_sns_string_member(json, *field = "Token", &sns->token)
                || !social_sns_string_member(json, *field = "SubscribeURL",
                                             &sns->subscribe_url))))
    {
        return SOCIAL_MALFORMED;
    }

    *field = "Subject";
    *why = "must be a string";

    subject = social_json_member(json, social_str("Subject"));

    if (subject != NULL && !social_json_is_null(subject)) {

        if (social_json_string(subject, &sns->subject) != SOCIAL_OK) {
            return SOCIAL_MALFORMED;
        }

        sns->has_subject = true;
    }

    *field = "SignatureVersion";
    *why = "must be 1 or 2";

    if (!social_sns_string_member(json, "SignatureVersion", &version)
        || version.len != 1
        || (version.data[0] != '1' && version.data[0] != '2'))
    {
        return SOCIAL_MALFORMED;
    }

    sns->version = (unsigned) (version.data[0] - '0');

    *field = "Signature";
    *why = "must have at most 1024 characters";

    if (sns->signature.len > SOCIAL_SNS_MAX_SIGNATURE) {
        return SOCIAL_MALFORMED;
    }

    *field = "Timestamp";
    *why = "must be a time like 2012-05-02T00:54:06.655Z";

    return social_time_iso_parse(sns->timestamp, &sns->time);
}


social_rc_e
social_sns_read_message(const social_json_t *json, social_str_t *message)
{
    social_str_t  type;

    return social_sns_string_member(json, "Type", &type)
           && social_str_eq(type, social_str("Notification"))
           && social_sns_string_member(json, "Message", message)
           ? SOCIAL_OK : SOCIAL_MALFORMED;
}


static bool
social_sns_string_member(const social_json_t *json, const char *name,
    social_str_t *out)
{
    return social_json_string(social_json_member(json, social_str(name)), out)
           == SOCIAL_OK
           && out->len != 0;
}


/*
 * The members that are there, in the order of their names: "NAME\nVALUE\n" of
 * each.
 */

size_t
social_sns_string(const social_sns_t *sns, unsigned char *buf, size_t size)
{
    bool                      confirmation;
    size_t                    i, k, n, len;
    social_str_t              part;
    const social_sns_field_t  fields[SOCIAL_SNS_FIELDS] = {
        { "Message", sns->message },
        { "MessageId", sns->id },
        { "Subject", sns->subject },
        { "SubscribeURL", sns->subscribe_url },
        { "Timestamp", sns->timestamp },
        { "Token", sns->token },
        { "TopicArn", sns->topic }
    };

    confirmation = sns->type != SOCIAL_SNS_NOTIFICATION;
    n = 0;

    for (i = 0; i <= SOCIAL_SNS_FIELDS; i++) {

        if ((i == 2 && (confirmation || !sns->has_subject))
            || ((i == 3 || i == 5) && !confirmation))
        {
            continue;
        }

        for (k = 0; k < 4; k++) {

            part = k & 1 ? social_str("\n")
                   : i == SOCIAL_SNS_FIELDS
                     ? (k ? sns->type_text : social_str("Type"))
                     : (k ? fields[i].value : social_str(fields[i].name));

            len = n < size ? size - n : 0;
            len = part.len < len ? part.len : len;

            if (len) {
                memcpy(buf + n, part.data, len);
            }

            n += part.len;
        }
    }

    return n;
}


bool
social_sns_is_recent(const social_sns_t *sns, int64_t now)
{
    return sns->time >= now - SOCIAL_SNS_MAX_AGE
           && sns->time <= now + SOCIAL_SNS_MAX_AHEAD;
}


bool
social_sns_is_cert_url(social_str_t url, social_str_t host)
{
    social_str_t               path;
    static const social_str_t  pem = social_string(".pem");

    return social_sns_is_url(url, host, &path)
           && memchr(path.data, '?', path.len) == NULL
           && path.len > pem.len
           && memcmp(path.data + path.len - pem.len, pem.data, pem.len) == 0;
}


bool
social_sns_is_subscribe_url(social_str_t url, social_str_t host)
{
    social_str_t               path;
    static const social_str_t  action =
        social_string("/?Action=ConfirmSubscription&");

    return social_sns_is_url(url, host, &path)
           && social_str_starts(path, action);
}


/*
 * The path, with its "/", and the arguments are in "rest".
 */

static bool
social_sns_is_url(social_str_t url, social_str_t host, social_str_t *rest)
{
    size_t                     i;
    social_str_t               authority;
    const unsigned char       *slash;
    static const social_str_t  https = social_string("https://");

    if (url.len > SOCIAL_SNS_MAX_URL || !social_str_starts(url, https)) {
        return false;
    }

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f
            || strchr("\"#<>\\^`{|}", url.data[i]) != NULL)
        {
            return false;
        }
    }

    authority.data = url.data + https.len;
    authority.len = url.len - https.len;

    slash = memchr(authority.data, '/', authority.len);

    if (slash == NULL) {
        return false;
    }

    rest->data = slash;
    rest->len = (size_t) (url.data + url.len - slash);
    authority.len = (size_t) (slash - authority.data);

    return host.len ? social_str_eq(authority, host)
                    : social_sns_is_aws(authority);
}


/*
 * sns.REGION.amazonaws.com, and the same in China.
 */

static bool
social_sns_is_aws(social_str_t host)
{
    social_str_t               tail;
    static const social_str_t  sns = social_string("sns.");
    static const social_str_t  aws = social_string(".amazonaws.com");
    static const social_str_t  china = social_string(".amazonaws.com.cn");

    if (!social_str_starts(host, sns)) {
        return false;
    }

    host.data += sns.len;
    host.len -= sns.len;

    tail.data = memchr(host.data, '.', host.len);

    if (tail.data == NULL) {
        return false;
    }

    tail.len = (size_t) (host.data + host.len - tail.data);
    host.len -= tail.len;

    return social_sns_is_name(host)
           && (social_str_eq(tail, aws) || social_str_eq(tail, china));
}


static bool
social_sns_is_name(social_str_t text)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < text.len; i++) {

        ch = text.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-'))
        {
            return false;
        }
    }

    return text.len >= 3;
}
