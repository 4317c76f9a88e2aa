
/*
 * The worker's configuration: worker.conf, by libConfuse, and the environment.
 */

#ifndef SOCIAL_WORKER_CONF_H
#define SOCIAL_WORKER_CONF_H


#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include "social_image.h"
#include "social_net_s3.h"
#include "social_net_sqs.h"
#include "social_s3_event.h"
#include "social_webhook.h"


#define SOCIAL_WORKER_MAX_VARIANTS  16     /* of a kind */
#define SOCIAL_WORKER_MAX_FORMATS   4      /* of a variant */
#define SOCIAL_WORKER_MAX_LANES     16     /* besides the worker's queue */
#define SOCIAL_WORKER_MAX_SECRETS   2      /* of an endpoint: an old one, too */
#define SOCIAL_WORKER_MAX_OUTPUTS                                             \
    (SOCIAL_WORKER_MAX_VARIANTS * SOCIAL_WORKER_MAX_FORMATS)


typedef enum {
    SOCIAL_WORKER_COVER = 0,               /* fills the box, cropped */
    SOCIAL_WORKER_CONTAIN                  /* fits into the box */
} social_worker_fit_e;


typedef enum {
    SOCIAL_WORKER_CENTRE = 0,
    SOCIAL_WORKER_ATTENTION,
    SOCIAL_WORKER_ENTROPY
} social_worker_gravity_e;


/* what is sent to the decoder about a variant: plain data, sent as it is */

typedef struct {
    uint32_t                 width;
    uint32_t                 height;
    social_worker_fit_e      fit;
    social_worker_gravity_e  gravity;
    uint32_t                 quality;
    uint32_t                 effort;       /* of AVIF and WebP */
    uint32_t                 enlarge;
    uint8_t                  background[4];
    uint32_t                 format_count;
    social_image_type_e      formats[SOCIAL_WORKER_MAX_FORMATS];
} social_worker_spec_t;


typedef struct {
    char                    *name;
    social_worker_spec_t     spec;
} social_worker_variant_t;


typedef struct {
    char                    *name;
    char                    *bucket;       /* as S3 and events call it */
    char                    *endpoint;     /* NULL: AWS's */
    char                    *region;
    char                    *credentials;
    char                    *ca;           /* a file; NULL: the system's */
    unsigned char            url[SOCIAL_ENDPOINT_MAX_URL];    /* AWS's */
    social_bucket_t          target;
    social_net_s3_t          s3;           /* how its objects are reached */
} social_worker_bucket_t;


/* a secret of an endpoint */

typedef struct {
    unsigned char                  data[SOCIAL_WEBHOOK_MAX_SECRET];
    size_t                         len;
} social_worker_secret_t;


/*
 * What is done with the jobs of a kind: variants of an upload are made, or,
 * with a URL, they are sent there.
 */

typedef struct {
    char                          *name;
    char                          *url;    /* NULL: variants */
    char                          *ca;     /* a file; NULL: the system's */
    size_t                         secret_count;
    social_worker_secret_t         secrets[SOCIAL_WORKER_MAX_SECRETS];
    size_t                         variant_count;
    const social_worker_variant_t *variants[SOCIAL_WORKER_MAX_VARIANTS];
    const social_worker_bucket_t  *output;
    char                          *alias;  /* NULL: none */
    uint64_t                       max_size;
    uint64_t                       max_pixels;
    uint32_t                       time_limit;     /* milliseconds */
} social_worker_kind_t;


/* another queue, which has threads of its own */

typedef struct {
    char                    *name;
    char                    *queue;
    uint32_t                 concurrency;
} social_worker_lane_conf_t;


/* jobs that come again and again, by social_schedule_set() */

typedef struct {
    char                    *name;
    char                    *kind;
    char                    *queue;
    char                    *payload;      /* an object of JSON */
    char                    *start;        /* NULL: at once */
    char                    *zone;
    uint64_t                 every;        /* milliseconds */
    uint32_t                 priority;
} social_worker_schedule_t;


/* a queue of SQS, which events of object stores are received from */

typedef struct {
    char                    *name;
    char                    *url;
    char                    *endpoint;     /* NULL: that of the URL */
    char                    *region;
    char                    *credentials;
    char                    *ca;           /* a file; NULL: the system's */
    social_net_sqs_t         net;
    unsigned                 wait;         /* seconds */
    unsigned                 visibility;
} social_worker_sqs_conf_t;


/* a rule for objects of no upload */

typedef struct {
    char                    *name;
    char                    *prefix;       /* NULL: all keys */
    char                    *kind;
    char                    *queue;
} social_worker_rule_t;


typedef struct {
    atomic_uint              references;

    char                    *file;
    char                    *name;         /* of this worker; NULL: made up */
    char                    *queue;
    uint32_t                 concurrency;
    uint32_t                 lease;        /* milliseconds */
    uint32_t                 poll;

    char                    *conninfo;
    bool                     listen;       /* for notifications */

    uint64_t                 memory;       /* of a decoder, bytes */
    uint32_t                 recycle;      /* images a decoder */
    bool                     seccomp;      /* of a decoder; off: to debug it */

    size_t                   lane_count;
    social_worker_lane_conf_t
                            *lanes;
    size_t                   bucket_count;
    social_worker_bucket_t  *buckets;
    size_t                   variant_count;
    social_worker_variant_t *variants;
    size_t                   kind_count;
    social_worker_kind_t    *kinds;
    size_t                   schedule_count;
    social_worker_schedule_t
                            *schedules;
    size_t                   sqs_count;
    social_worker_sqs_conf_t
                            *sqs;
    size_t                   rule_count;
    social_worker_rule_t    *rule_texts;
    social_s3_rule_t        *rules;        /* views of those */
} social_worker_conf_t;


/*
 * Reads the file, NULL being the defaults alone, and what the environment
 * says over it: SOCIAL_WORKER_QUEUE is "queue", SOCIAL_WORKER_BUCKET_RAW_REGION
 * the "region" of the section "bucket raw".  Returns NULL after it has logged
 * every mistake that was found; else the caller holds a reference.
 */
social_worker_conf_t *social_worker_conf_read(const char *file);

social_worker_conf_t *social_worker_conf_hold(social_worker_conf_t *conf);
void social_worker_conf_release(social_worker_conf_t *conf);

/*
 * NULL when there is none.  Buckets are looked up by the name that S3 has for
 * them, which is what events and rows say.
 */
const social_worker_bucket_t *social_worker_conf_bucket(
    const social_worker_conf_t *conf, const char *bucket);
const social_worker_kind_t *social_worker_conf_kind(
    const social_worker_conf_t *conf, const char *kind);


#endif /* SOCIAL_WORKER_CONF_H */
