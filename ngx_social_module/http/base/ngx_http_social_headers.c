
/*
 * Request and response header lists: find, remove, add.
 */

#include "ngx_http_social.h"


static ngx_int_t ngx_http_social_headers_in_unlink(ngx_http_request_t *r,
    ngx_list_part_t *part, ngx_uint_t i);
static void ngx_http_social_headers_in_drop_part(ngx_list_t *list,
    ngx_list_part_t *prev, ngx_list_part_t *part);


ngx_table_elt_t *
ngx_http_social_header_in(ngx_http_request_t *r, ngx_str_t *name,
    ngx_uint_t hash, ngx_uint_t *more)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *found;

    found = NULL;

    if (more) {
        *more = 0;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash != hash
                || h[i].key.len != name->len
                || ngx_strncmp(h[i].lowcase_key, name->data, name->len) != 0)
            {
                continue;
            }

            if (found) {
                *more = 1;
                return found;
            }

            found = &h[i];

            if (more == NULL) {
                return found;
            }
        }
    }

    return found;
}


ngx_int_t
ngx_http_social_headers_in_remove(ngx_http_request_t *r,
    ngx_uint_t (*match)(ngx_table_elt_t *h))
{
    ngx_uint_t        i;
    ngx_list_part_t  *part, *prev;
    ngx_table_elt_t  *h;

    if (r->headers_in.headers.last == NULL) {
        /* nginx has not read the headers */
        return NGX_OK;
    }

    prev = NULL;
    part = &r->headers_in.headers.part;

    while (part) {

        i = 0;

        while (i < part->nelts) {

            h = part->elts;

            if (!match(&h[i])) {
                i++;
                continue;
            }

            if (ngx_http_social_headers_in_unlink(r, part, i) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if (part->nelts == 0 && prev != NULL) {
            ngx_http_social_headers_in_drop_part(&r->headers_in.headers,
                                                 prev, part);
        } else {
            prev = part;
        }

        part = prev->next;
    }

    return NGX_OK;
}


/*
 * Every loop over a list in nginx expects each part but the first to have an
 * element in it, so an empty part has to be removed.  The list's allocation
 * size becomes that of the part that is the last now, which must not be zero.
 */

static void
ngx_http_social_headers_in_drop_part(ngx_list_t *list, ngx_list_part_t *prev,
    ngx_list_part_t *part)
{
    prev->next = part->next;

    if (list->last != part) {
        return;
    }

    list->last = prev;

    if (prev->nelts == 0) {
        prev->elts = part->elts;

    } else {
        list->nalloc = prev->nelts;
    }
}


/*
 * The last element of a part is cut off and the first one stepped over; one
 * in the middle splits its part in two.  None of them moves: nginx points at
 * them from r->headers_in.
 */

static ngx_int_t
ngx_http_social_headers_in_unlink(ngx_http_request_t *r, ngx_list_part_t *part,
    ngx_uint_t i)
{
    ngx_list_t       *list;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *next;

    list = &r->headers_in.headers;
    h = part->elts;

    if (i == part->nelts - 1) {
        part->nelts--;
        return NGX_OK;
    }

    if (i == 0) {
        part->elts = &h[1];
        part->nelts--;

        if (list->last == part) {
            /* the array behind "elts" is shorter than nalloc by one now */
            list->nalloc--;
        }

        return NGX_OK;
    }

    next = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
    if (next == NULL) {
        return NGX_ERROR;
    }

    next->elts = &h[i + 1];
    next->nelts = part->nelts - i - 1;
    next->next = part->next;

    part->nelts = i;
    part->next = next;

    if (list->last == part) {
        list->last = next;
        list->nalloc -= i + 1;
    }

    return NGX_OK;
}


void
ngx_http_social_header_name_init(ngx_http_social_header_name_t *name)
{
    name->hash = ngx_hash_key(name->lowcase.data, name->lowcase.len);
}


ngx_int_t
ngx_http_social_header_in_push(ngx_http_request_t *r,
    ngx_http_social_header_name_t *name, ngx_str_t *value)
{
    ngx_list_t       *list;
    ngx_table_elt_t  *h;

    list = &r->headers_in.headers;

    /* a request line alone, of HTTP/0.9 or a bad one, comes without a list */

    if (list->last == NULL
        && ngx_list_init(list, r->pool, 8, sizeof(ngx_table_elt_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    h = ngx_list_push(list);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = name->hash;
    h->key = name->name;
    h->value = *value;
    h->lowcase_key = name->lowcase.data;
    ngx_http_social_elt_init(h);

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_social_header_out_push(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value = *value;
    h->lowcase_key = NULL;
    ngx_http_social_elt_init(h);

    return h;
}
