
/*
 * The embedded store: objects that become jobs although no upload is known of
 * them.
 *
 * They are announced as the events of other stores are.  The number that the
 * objects of a key have is the sequencer, so that neither what is announced
 * again nor what is late has an effect.
 */

#include "ngx_http_social_database.h"
#include "ngx_http_social_store.h"
#include "social_pq_objects.h"


#define NGX_HTTP_SOCIAL_STORE_SEQUENCER  16


static social_str_t ngx_http_social_store_sequencer(uint64_t seq,
    u_char *digits);


static const ngx_http_social_statement_t  ngx_http_social_store_objects = {
    .sql = "SELECT social_objects_event($1, $2, $3, $4, $5, $6, $7, $8, $9, "
           "$10)",
    .repeat = 1
};


ngx_int_t
ngx_http_social_store_announce_job(const social_store_meta_t *meta,
    const social_s3_rule_t *rule, social_str_t key,
    ngx_http_social_query_background_pt handler, void *data)
{
    u_char                digits[NGX_HTTP_SOCIAL_STORE_SEQUENCER];
    u_char                etag[SOCIAL_STORE_ETAG_SIZE];
    ngx_int_t             rc;
    social_s3_event_t     event;
    social_s3_record_t    record;
    social_pq_objects_t   objects;

    ngx_memzero(&event, sizeof(social_s3_event_t));
    ngx_memzero(&record, sizeof(social_s3_record_t));

    event.records = &record;
    event.count = 1;

    record.created = 1;
    record.bucket = rule->bucket;
    record.key = key;
    record.size = meta->size;

    /* without the quotes */

    record.etag.len = social_store_meta_etag(meta, etag) - 2;
    record.etag.data = etag + 1;

    record.time.len = SOCIAL_STORE_ID_SIZE;
    record.time.data = meta->id;

    if (meta->seq) {
        record.sequencer = ngx_http_social_store_sequencer(
                               (uint64_t) meta->seq, digits);
    }

    if (social_pq_objects_create(&event, rule, 1, &objects) != SOCIAL_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_social_query_background_statement(
             &ngx_http_social_store_objects, objects.params,
             SOCIAL_PQ_OBJECTS_PARAMS, handler, data);

    social_pq_objects_free(&objects);

    return rc;
}


/*
 * In the form that sequencers of events have: social_s3_record_t.
 */

static social_str_t
ngx_http_social_store_sequencer(uint64_t seq, u_char *digits)
{
    social_str_t  sequencer;

    sequencer.data = digits;
    sequencer.len = ngx_sprintf(digits, "%016XL", seq) - digits;

    while (sequencer.len > 1 && digits[sequencer.len - 1] == '0') {
        sequencer.len--;
    }

    return sequencer;
}
