
/*
 * Where settings stand in the configuration.  A process that explains has one
 * configuration, and exits when it has explained it.
 */

#include "ngx_http_social_conf_note.h"


typedef struct {
    const void                  *key;
    ngx_http_social_position_t   position;
} ngx_http_social_conf_note_t;


static ngx_array_t  *ngx_http_social_conf_notes;


ngx_uint_t
ngx_http_social_explaining(void)
{
    return ngx_test_config && getenv("SOCIAL_EXPLAIN") != NULL;
}


void
ngx_http_social_conf_note(ngx_conf_t *cf, const void *key)
{
    ngx_http_social_conf_note_t  *note;

    if (!ngx_http_social_explaining()) {
        return;
    }

    if (ngx_http_social_conf_notes == NULL) {
        ngx_http_social_conf_notes = ngx_array_create(cf->pool, 64,
                                        sizeof(ngx_http_social_conf_note_t));
        if (ngx_http_social_conf_notes == NULL) {
            return;
        }
    }

    note = ngx_array_push(ngx_http_social_conf_notes);

    if (note != NULL) {
        note->key = key;
        ngx_http_social_conf_position(cf, &note->position);
    }
}


ngx_http_social_position_t *
ngx_http_social_conf_noted(const void *key)
{
    ngx_uint_t                    i;
    ngx_http_social_conf_note_t  *note;

    if (ngx_http_social_conf_notes == NULL) {
        return NULL;
    }

    note = ngx_http_social_conf_notes->elts;

    for (i = ngx_http_social_conf_notes->nelts; i > 0; i--) {
        if (note[i - 1].key == key) {
            return &note[i - 1].position;
        }
    }

    return NULL;
}
