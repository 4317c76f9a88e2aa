
/*
 * Events of an object store as the parameters of social_objects_event().
 */

#include <stdlib.h>
#include <string.h>

#include "social_buf.h"
#include "social_pq_array.h"
#include "social_pq_objects.h"


#define SOCIAL_PQ_OBJECTS_DIGITS  20


/* the parameters of one record, in the order of the function's */

typedef struct {
    social_pq_param_t   params[SOCIAL_PQ_OBJECTS_PARAMS];
    unsigned char       size[SOCIAL_PQ_OBJECTS_DIGITS];
} social_pq_object_t;


static void social_pq_objects_record(social_pq_object_t *object,
    const social_s3_record_t *r, const social_s3_rule_t *rule);
static void social_pq_objects_set(social_pq_param_t *param,
    social_str_t value);


social_rc_e
social_pq_objects_create(const social_s3_event_t *event,
    const social_s3_rule_t *rules, size_t n, social_pq_objects_t *objects)
{
    size_t                     i, k, size;
    unsigned char             *p;
    social_rc_e                rc;
    social_pq_object_t        *all;
    const social_s3_record_t  *r;
    const social_pq_param_t  **lists;

    memset(objects, 0, sizeof(social_pq_objects_t));

    all = calloc(event->count, sizeof(social_pq_object_t));
    lists = calloc(event->count, sizeof(social_pq_param_t *));
    rc = SOCIAL_FAILED;

    if (all == NULL || lists == NULL) {
        goto done;
    }

    for (i = 0; i < event->count; i++) {
        r = &event->records[i];

        social_pq_objects_record(&all[i], r,
                                 social_s3_rule_find(rules, n, r->bucket,
                                                     r->key));
        lists[i] = all[i].params;
    }

    size = 0;

    for (k = 0; k < SOCIAL_PQ_OBJECTS_PARAMS; k++) {
        size += social_pq_array_size(lists, event->count, k) + 1;
    }

    objects->text = malloc(size);

    if (objects->text == NULL) {
        goto done;
    }

    p = objects->text;

    for (k = 0; k < SOCIAL_PQ_OBJECTS_PARAMS; k++) {
        objects->params[k].value.data = p;
        p = social_pq_array(p, lists, event->count, k);
        objects->params[k].value.len = (size_t)
                                   (p - objects->params[k].value.data);
        *p++ = '\0';
    }

    rc = SOCIAL_OK;

done:

    free(all);
    free(lists);

    return rc;
}


static void
social_pq_objects_record(social_pq_object_t *object,
    const social_s3_record_t *r, const social_s3_rule_t *rule)
{
    social_buf_t               b;
    social_pq_param_t         *params;
    static const social_str_t  none = social_string("");

    params = object->params;

    social_buf_init(&b, object->size, sizeof(object->size));

    if (r->size >= 0) {
        social_buf_number(&b, (uint64_t) r->size);
    }

    social_pq_objects_set(&params[0], r->bucket);
    social_pq_objects_set(&params[1], r->key);
    social_pq_objects_set(&params[2], social_str(r->created ? "t" : "f"));
    social_pq_objects_set(&params[3], social_buf_since(&b, 0));
    social_pq_objects_set(&params[4], r->etag);
    social_pq_objects_set(&params[5], r->version);
    social_pq_objects_set(&params[6], r->sequencer);
    social_pq_objects_set(&params[7], r->time);
    social_pq_objects_set(&params[8], rule ? rule->kind : none);
    social_pq_objects_set(&params[9], rule ? rule->queue : none);
}


static void
social_pq_objects_set(social_pq_param_t *param, social_str_t value)
{
    param->value = value;
    param->null = (value.len == 0);
}


void
social_pq_objects_free(social_pq_objects_t *objects)
{
    free(objects->text);
    objects->text = NULL;
}
