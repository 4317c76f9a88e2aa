
/*
 * What a JSON document says.
 */

#include <stdlib.h>
#include <string.h>

#include "social_json_node.h"


#define SOCIAL_JSON_MAX_EXACT  9007199254740992     /* 2^53 */


static bool social_json_name_folds(const social_json_t *member,
    social_str_t name);
static bool social_json_is(const social_json_t *json, social_json_type_e type);


/*
 * The value before the document is social_json_parse()'s own.
 */

void
social_json_free(social_json_t *json)
{
    if (json) {
        free(json[-1].u.copy);
        free(json - 1);
    }
}


const social_json_t *
social_json_member(const social_json_t *object, social_str_t name)
{
    uint32_t              i;
    const social_json_t  *node;

    if (!social_json_is(object, SOCIAL_JSON_OBJECT)
        || !(object->u.names & social_json_name_bit(name.data, name.len)))
    {
        return NULL;
    }

    node = object + 1;

    for (i = 0; i < object->count; i++) {

        if (node->name_len == name.len
            && (name.len == 0 || memcmp(node->name, name.data, name.len) == 0))
        {
            return node;
        }

        node += node->span;
    }

    return NULL;
}


const social_json_t *
social_json_member_folded(const social_json_t *object, social_str_t name)
{
    uint32_t              i;
    const social_json_t  *node;

    if (!social_json_is(object, SOCIAL_JSON_OBJECT)) {
        return NULL;
    }

    node = object + 1;

    for (i = 0; i < object->count; i++) {

        if (social_json_name_folds(node, name)) {
            return node;
        }

        node += node->span;
    }

    return NULL;
}


static bool
social_json_name_folds(const social_json_t *member, social_str_t name)
{
    size_t         i;
    unsigned char  ch;

    if (member->name_len != name.len) {
        return false;
    }

    for (i = 0; i < name.len; i++) {
        ch = social_lower(member->name[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))) {
            ch = '_';
        }

        if (ch != social_lower(name.data[i])) {
            return false;
        }
    }

    return true;
}


social_rc_e
social_json_string(const social_json_t *json, social_str_t *out)
{
    out->len = 0;
    out->data = (const unsigned char *) "";

    if (json == NULL) {
        return SOCIAL_DECLINED;
    }

    if (json->type != SOCIAL_JSON_STRING) {
        return SOCIAL_MALFORMED;
    }

    out->data = json->u.data;
    out->len = json->count;

    return SOCIAL_OK;
}


social_rc_e
social_json_time(const social_json_t *json, int64_t *out)
{
    double  real;

    *out = 0;

    if (json == NULL) {
        return SOCIAL_DECLINED;
    }

    if (json->type == SOCIAL_JSON_INTEGER) {
        *out = json->u.integer;

        return *out >= 0 && *out <= SOCIAL_JSON_MAX_EXACT
               ? SOCIAL_OK : SOCIAL_MALFORMED;
    }

    if (json->type == SOCIAL_JSON_REAL) {
        real = json->u.real;

        if (!(real >= 0 && real <= (double) SOCIAL_JSON_MAX_EXACT)) {
            return SOCIAL_MALFORMED;
        }

        *out = (int64_t) real;

        return SOCIAL_OK;
    }

    return SOCIAL_MALFORMED;
}


bool
social_json_time_has_fraction(const social_json_t *json)
{
    int64_t  whole;

    return json != NULL && json->type == SOCIAL_JSON_REAL
           && social_json_time(json, &whole) == SOCIAL_OK
           && json->u.real > (double) whole;
}


social_rc_e
social_json_integer(const social_json_t *json, int64_t *out)
{
    *out = 0;

    if (json != NULL && json->type != SOCIAL_JSON_INTEGER) {
        return SOCIAL_MALFORMED;
    }

    return social_json_time(json, out);
}


size_t
social_json_count(const social_json_t *json)
{
    return social_json_is_array(json) ? json->count : 0;
}


const social_json_t *
social_json_element(const social_json_t *json, size_t i)
{
    const social_json_t  *node;

    if (i >= social_json_count(json)) {
        return NULL;
    }

    if (json->span == json->count + 1) {
        return json + 1 + i;
    }

    for (node = json + 1; i > 0; i--) {
        node += node->span;
    }

    return node;
}


const social_json_t *
social_json_next(const social_json_t *array, const social_json_t *element)
{
    const social_json_t  *next;

    if (!social_json_is_array(array)) {
        return NULL;
    }

    next = element ? element + element->span : array + 1;

    return next < array + array->span ? next : NULL;
}


bool
social_json_is_object(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_OBJECT);
}


bool
social_json_is_array(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_ARRAY);
}


bool
social_json_is_null(const social_json_t *json)
{
    return social_json_is(json, SOCIAL_JSON_NULL);
}


static bool
social_json_is(const social_json_t *json, social_json_type_e type)
{
    return json != NULL && json->type == type;
}
