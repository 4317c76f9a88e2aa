
/*
 * Events of an object store as the parameters of social_objects_event().
 */

#ifndef SOCIAL_PQ_OBJECTS_H
#define SOCIAL_PQ_OBJECTS_H


#include "social_pq_pipeline.h"
#include "social_s3_event.h"


#define SOCIAL_PQ_OBJECTS_PARAMS  10


typedef struct {
    social_pq_param_t   params[SOCIAL_PQ_OBJECTS_PARAMS];
    unsigned char      *text;                  /* theirs */
} social_pq_objects_t;


/*
 * Makes the parameters of the records of an event, of which there is one at
 * least, with the kinds that the rules have for those of no upload.  Each is an
 * array as text, with a zero byte behind it.  SOCIAL_OK: the caller frees them.
 * SOCIAL_FAILED: out of memory.
 */
social_rc_e social_pq_objects_create(const social_s3_event_t *event,
    const social_s3_rule_t *rules, size_t n, social_pq_objects_t *objects);
void social_pq_objects_free(social_pq_objects_t *objects);


#endif /* SOCIAL_PQ_OBJECTS_H */
