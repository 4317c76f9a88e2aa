
/*
 * Events of S3, by whichever way they come: as S3, MinIO and Ceph write them,
 * in the envelope of EventBridge, or in that of SNS.
 * (S3 User Guide, "Event message structure" and "EventBridge event message
 * structure"; MinIO, "Bucket Notifications"; Ceph, "Bucket Notifications")
 */

#ifndef SOCIAL_S3_EVENT_H
#define SOCIAL_S3_EVENT_H


#include "social_json.h"
#include "social_object.h"


#define SOCIAL_S3_EVENT_MAX_SIZE       (256 * 1024)
#define SOCIAL_S3_EVENT_MAX_RECORDS    1000
#define SOCIAL_S3_EVENT_MAX_SEQUENCER  64          /* digits */
#define SOCIAL_S3_EVENT_MAX_TEXT       256         /* bytes */
#define SOCIAL_S3_EVENT_FIELD_SIZE     64


typedef enum {
    SOCIAL_S3_EVENT_RECORDS = 0,       /* S3, MinIO, Ceph */
    SOCIAL_S3_EVENT_BRIDGE,            /* EventBridge */
    SOCIAL_S3_EVENT_TEST,              /* that of a new configuration */
    SOCIAL_S3_EVENT_SNS                /* an envelope: social_sns_read() */
} social_s3_event_form_e;


/*
 * One that says what is at a key.  All texts can be kept by PostgreSQL.
 */
typedef struct {
    bool             created;          /* false: it was removed */
    social_str_t     bucket;
    social_str_t     key;              /* decoded, 1 to 1024 bytes */
    int64_t          size;             /* bytes; -1: not known */
    social_str_t     etag;             /* without quotes; this and what follows
                                          may be empty */
    social_str_t     version;
    social_str_t     time;             /* as it was written */

    /*
     * For records of the same key, compared byte by byte: the greater one is
     * the later one.
     */
    social_str_t     sequencer;
} social_s3_record_t;


typedef struct {
    social_s3_event_form_e   form;
    social_json_t           *json;
    social_s3_record_t      *records;
    size_t                   count;
    size_t                   others;   /* records that say nothing of a key:
                                          tags, replication and the like */

    /* of Ceph: what the topic has for all its events, where all have it */
    social_str_t             opaque;

    unsigned char           *text;     /* that is not in "json" */
    char                     field[SOCIAL_S3_EVENT_FIELD_SIZE];
} social_s3_event_t;


/*
 * Parses an event of up to SOCIAL_S3_EVENT_MAX_SIZE bytes.  SOCIAL_OK: the
 * caller frees it with social_s3_event_free(), and "text" may go before it.
 * SOCIAL_MALFORMED: it is none, or a record cannot be used; "why" says what it
 * must be, and event->field which member it is, "body" for all of it, both in
 * ASCII without quotes.
 * SOCIAL_FAILED: out of memory.  Nothing is to be freed after either.
 */
social_rc_e social_s3_event_parse(social_str_t text, social_s3_event_t *event,
    const char **why);

/*
 * Frees what it has; all zeros is nothing.  "field" stays.
 */
void social_s3_event_free(social_s3_event_t *event);


/*
 * A rule for objects that no upload is known of: those of a bucket whose keys
 * begin with the prefix become jobs.
 */
typedef struct {
    social_str_t             bucket;   /* as the store has it */
    social_str_t             prefix;   /* may be empty */
    social_str_t             kind;
    social_str_t             queue;
} social_s3_rule_t;

/*
 * The rule for an object, that with the longest prefix, or NULL.
 */
const social_s3_rule_t *social_s3_rule_find(const social_s3_rule_t *rules,
    size_t n, social_str_t bucket, social_str_t key);


#endif /* SOCIAL_S3_EVENT_H */
